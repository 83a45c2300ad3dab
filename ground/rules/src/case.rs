//! A page's own tests: rows given as TOML, and the subjects that must be found in them, all at one
//! `level` if that is given.
//!
//! ```text
//! ```case hit: a miner unlinked itself
//! finds = ["process 4242"]
//! processes = [{ pid = 4242, path = "/usr/bin/.x", on_disk = 0 }]
//! ```
//! ```

use std::collections::HashMap;
use std::sync::Arc;

use stanch_words::{Ask, Finding, Kind, Seen, TableSpec, Tables, Value};

use crate::page::{CaseKind, CaseText};
use crate::{Query, Sign, sign};

/// Tables made of a case's rows; what a case does not give is empty.
#[derive(Debug)]
pub struct Rows {
    specs: Vec<&'static TableSpec>,
    rows: HashMap<String, Arc<Seen>>,
}

impl Tables for Rows {
    fn specs(&self) -> Vec<&'static TableSpec> {
        self.specs.clone()
    }

    fn read(&self, table: &str, _ask: &Ask) -> Arc<Seen> {
        self.rows.get(table).map(Arc::clone).unwrap_or_default()
    }
}

/// Makes tables from TOML: `table = [{ column = value, … }, …]`. Columns that are not given are
/// NULL. Returns the tables and the rest of the document (`finds`, `level`).
///
/// # Errors
/// Everything that does not fit the specs, in words.
pub fn rows(
    specs: Vec<&'static TableSpec>,
    body: &str,
) -> Result<(Rows, toml::Table), Vec<String>> {
    let mut document: toml::Table =
        toml::from_str(body).map_err(|error| vec![error.to_string()])?;
    let mut complaints = Vec::new();
    let mut tables = HashMap::new();
    for spec in &specs {
        let Some(given) = document.remove(spec.name) else { continue };
        let mut seen = Seen::default();
        for entry in given.as_array().into_iter().flatten() {
            let mut row = spec.row();
            for (name, value) in entry.as_table().into_iter().flatten() {
                let Some(column) = spec.position(name) else {
                    complaints.push(format!("`{}` has no column `{name}`", spec.name));
                    continue;
                };
                match cell(value, spec.columns.get(column).map(|c| c.kind)) {
                    Some(value) => {
                        row.put(column, value);
                    }
                    None => complaints
                        .push(format!("`{}.{name}` does not take the value {value:?}", spec.name)),
                }
            }
            seen.push(row);
        }
        if seen.rows.is_empty() {
            complaints.push(format!("`{}` is not a list of rows", spec.name));
        }
        tables.insert(spec.name.to_owned(), Arc::new(seen));
    }
    if complaints.is_empty() {
        Ok((Rows { specs, rows: tables }, document))
    } else {
        Err(complaints)
    }
}

fn cell(value: &toml::Value, kind: Option<Kind>) -> Option<Value> {
    match (value, kind?) {
        (toml::Value::Integer(n), Kind::Integer | Kind::BigInt) => Some((*n).into()),
        (toml::Value::Integer(n), Kind::Real) => {
            i32::try_from(*n).ok().map(|n| f64::from(n).into())
        }
        (toml::Value::Float(n), Kind::Real) => Some((*n).into()),
        (toml::Value::String(text), Kind::Text) => Some(text.as_str().into()),
        _ => None,
    }
}

/// Runs one case of a sign.
///
/// # Errors
/// What was expected and what came, in words.
pub fn run(
    sign: &Sign,
    case: &CaseText,
    specs: Vec<&'static TableSpec>,
) -> Result<(), Vec<String>> {
    let (rows, rest) = rows(specs, &case.body)?;
    if rows.rows.is_empty() {
        return Err(vec!["the case gives no rows".to_owned()]);
    }
    let mut complaints: Vec<String> = rest
        .keys()
        .filter(|key| !matches!(key.as_str(), "finds" | "level"))
        .map(|key| format!("`{key}` is neither a table, `finds` nor `level`"))
        .collect();
    let mut expected: Vec<String> = rest
        .get("finds")
        .and_then(toml::Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|label| label.as_str().map(str::to_owned))
        .collect();
    expected.sort();
    match (case.kind, expected.is_empty()) {
        (CaseKind::Hit, true) => complaints.push("a hit names what it finds".to_owned()),
        (CaseKind::Miss, false) => complaints.push("a miss finds nothing".to_owned()),
        _ => {}
    }
    let query = Query::open(Arc::new(rows)).map_err(|error| vec![error.to_string()])?;
    let found = sign.judge(&query).map_err(|error| vec![error.to_string()])?;
    let findings: Vec<Finding> = found.iter().map(|found| sign.finding(found)).collect();
    if let Some(level) = rest.get("level").and_then(toml::Value::as_str) {
        let others = findings.iter().filter(|finding| finding.level.name() != level);
        complaints.extend(others.map(|finding| {
            format!("{} is {}, not {level}", sign::label(&finding.subject), finding.level.name())
        }));
    }
    let mut labels: Vec<String> =
        findings.iter().map(|finding| sign::label(&finding.subject)).collect();
    labels.sort();
    if labels != expected {
        complaints.push(format!("expected {expected:?}, found {labels:?}"));
    }
    if complaints.is_empty() { Ok(()) } else { Err(complaints) }
}
