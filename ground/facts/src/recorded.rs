//! Tables as they were read once, kept in a bundle, and read again.
//!
//! Format, version 1: one JSON object a line, a key for each column that is not empty. What a later
//! version names differently or adds is empty in what an older one kept; what it does not know is
//! passed over. The gaps of all tables stand in one file of their own, [`GAPS`].

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::ser::{SerializeMap as _, Serializer};
use serde::{Deserialize, Serialize};
use stanch_machine::Machine;
use stanch_words::{Gap, GapKind, Kind, Row, Seen, TableSpec, Value};

/// The name under which gaps are kept, beside the tables.
pub const GAPS: &str = "gaps";
/// The most that a kept table may hold. The memory maps of ten thousand processes are 200 MB.
const BYTES: u64 = 512 << 20;
/// The most that its rows may take in memory: a line of two bytes becomes a row of a kilobyte.
const MEMORY: usize = 1 << 30;

/// A row as it is written: columns in their order.
struct Kept<'a>(&'static TableSpec, &'a Row);

impl Serialize for Kept<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        for (place, column) in self.0.columns.iter().enumerate() {
            match self.1.get(place) {
                Value::Null => {}
                Value::Integer(number) => map.serialize_entry(column.name, number)?,
                Value::Real(number) => map.serialize_entry(column.name, number)?,
                Value::Text(text) => map.serialize_entry(column.name, &**text)?,
            }
        }
        map.end()
    }
}

/// A gap as it is written.
#[derive(Deserialize, Serialize)]
struct KeptGap {
    what: String,
    kind: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    detail: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path: Option<String>,
}

/// Writes the rows of a table.
///
/// # Errors
/// When they cannot be written.
pub fn write(spec: &'static TableSpec, rows: &[Row], to: &mut dyn Write) -> io::Result<()> {
    for row in rows {
        serde_json::to_writer(&mut *to, &Kept(spec, row))?;
        to.write_all(b"\n")?;
    }
    Ok(())
}

/// Writes gaps.
///
/// # Errors
/// When they cannot be written.
pub fn write_gaps(gaps: &[Gap], to: &mut dyn Write) -> io::Result<()> {
    for gap in gaps {
        let (what, detail, path) = (gap.what.clone(), gap.detail.clone(), gap.path.clone());
        let kept = KeptGap { what, kind: gap.kind.name().to_owned(), detail, path };
        serde_json::to_writer(&mut *to, &kept)?;
        to.write_all(b"\n")?;
    }
    Ok(())
}

/// The gaps of all kept tables.
pub(crate) struct Gaps {
    of: BTreeMap<String, Vec<Gap>>,
    /// Why there may have been others, of whatever table.
    lost: Option<String>,
}

impl Gaps {
    /// Reads them.
    pub(crate) fn of(machine: &dyn Machine) -> Self {
        let contents = match machine.record(GAPS, BYTES) {
            None => return Self { of: BTreeMap::new(), lost: None },
            Some(Err(miss)) => return Self { of: BTreeMap::new(), lost: Some(miss.detail) },
            Some(Ok(contents)) => contents,
        };
        let mut of: BTreeMap<String, Vec<Gap>> = BTreeMap::new();
        let mut is_lost = contents.truncated;
        for line in lines(&contents.bytes) {
            match parse_gap(line) {
                Some(gap) => of.entry(gap.what.clone()).or_default().push(gap),
                None => is_lost = true,
            }
        }
        Self { of, lost: is_lost.then(|| "kept gaps that are not understood".to_owned()) }
    }

    fn of_table(&self, table: &str) -> Vec<Gap> {
        let lost = self.lost.iter().map(|why| Gap::new(table, GapKind::Damaged, why));
        self.of.get(table).into_iter().flatten().cloned().chain(lost).collect()
    }
}

/// Returns a table as it was kept, if it was.
pub(crate) fn read(
    machine: &dyn Machine,
    spec: &'static TableSpec,
    gaps: impl FnOnce() -> std::sync::Arc<Gaps>,
) -> Option<Seen> {
    let mut seen = Seen::default();
    let record = machine.record(spec.name, BYTES);
    if record.is_none() {
        return others::read(machine, spec);
    }
    match record? {
        Ok(contents) => {
            parse(spec, &contents.bytes, &mut seen);
            if contents.truncated {
                let detail = format!("only the first {BYTES} bytes were read");
                seen.gap(Gap::new(spec.name, GapKind::Truncated, detail));
            }
        }
        Err(miss) => seen.gap(miss.gap(spec.name)),
    }
    seen.gaps.extend(gaps().of_table(spec.name));
    Some(seen)
}

/// Reads rows as they were kept; each line is a row or counted in a gap.
pub fn parse(spec: &'static TableSpec, bytes: &[u8], seen: &mut Seen) {
    parse_within(spec, bytes, MEMORY, seen);
}

fn parse_within(spec: &'static TableSpec, bytes: &[u8], most: usize, seen: &mut Seen) {
    let mut left = most;
    let places: BTreeMap<&str, usize> =
        spec.columns.iter().enumerate().map(|(place, column)| (column.name, place)).collect();
    let mut not_understood = 0_u64;
    for line in lines(bytes) {
        let cells = serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(line);
        let Ok(cells) = cells else {
            not_understood = not_understood.saturating_add(1);
            continue;
        };
        let cost = size_of::<Row>()
            .saturating_add(spec.columns.len().saturating_mul(size_of::<Value>()))
            .saturating_add(line.len());
        let Some(rest) = left.checked_sub(cost) else {
            let detail =
                format!("only the first {} rows: more would fill the memory", seen.rows.len());
            seen.gap(Gap::new(spec.name, GapKind::Truncated, detail));
            break;
        };
        left = rest;
        let mut row = spec.row();
        for (name, cell) in cells {
            let Some(&place) = places.get(name.as_str()) else { continue };
            let is_real = spec.columns.get(place).is_some_and(|column| column.kind == Kind::Real);
            row.put(place, value(cell, is_real));
        }
        seen.push(row);
    }
    if not_understood > 0 {
        let detail = format!("kept lines not understood: {not_understood}");
        seen.gap(Gap::new(spec.name, GapKind::Damaged, detail));
    }
}

mod others;

fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|&byte| byte == b'\n').filter(|line| !line.is_empty())
}

fn value(cell: serde_json::Value, is_real: bool) -> Value {
    match cell {
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(whole) if !is_real => Value::Integer(whole),
            _ => number.as_f64().map_or(Value::Null, Value::Real),
        },
        serde_json::Value::String(text) => Value::from(text),
        serde_json::Value::Bool(yes) => Value::from(yes),
        serde_json::Value::Null | serde_json::Value::Array(_) | serde_json::Value::Object(_) => {
            Value::Null
        }
    }
}

fn parse_gap(line: &[u8]) -> Option<Gap> {
    let kept: KeptGap = serde_json::from_slice(line).ok()?;
    let kind = GapKind::from_name(&kept.kind)?;
    Some(Gap { what: kept.what, kind, detail: kept.detail, path: kept.path })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_as_they_were_and_what_is_no_row_is_counted() {
        let spec = crate::tables::find("processes").unwrap().spec;
        let at = |name| spec.position(name).unwrap();
        let mut row = spec.row();
        row.put(at("pid"), 4242).put(at("path"), "/tmp/\n\u{1b}\\xff \"止\"").put(at("uid"), -1);
        let mut bytes = Vec::new();
        write(spec, &[row.clone(), spec.row()], &mut bytes).unwrap();
        bytes.extend_from_slice(b"[1]\n{\"pid\":7,\"of another version\":1,\"name\":[]}\n{\"cut");
        let mut seen = Seen::default();
        parse(spec, &bytes, &mut seen);
        let mut last = spec.row();
        last.put(at("pid"), 7);
        assert_eq!(seen.rows, [row, spec.row(), last]);
        assert_eq!(seen.gaps.len(), 1);
        assert_eq!(seen.gaps[0].detail, "kept lines not understood: 2");
    }

    #[test]
    fn rows_end_where_they_would_fill_the_memory() {
        let spec = crate::tables::find("processes").unwrap().spec;
        let mut seen = Seen::default();
        parse_within(spec, &b"{}\n".repeat(100_000), 1 << 20, &mut seen);
        let each = spec.columns.len() * size_of::<Value>();
        assert!(seen.rows.len() * each <= 1 << 20 && seen.rows.len() > 100, "{}", seen.rows.len());
        assert_eq!((seen.gaps.len(), seen.gaps[0].kind), (1, GapKind::Truncated));
    }

    #[test]
    fn a_fraction_stays_one_even_if_it_is_whole() {
        let spec = crate::tables::find("cpu_gaps").unwrap().spec;
        let place = spec.position("gap_cores").unwrap();
        let mut row = spec.row();
        row.put(place, 2.0);
        let mut bytes = Vec::new();
        write(spec, &[row.clone()], &mut bytes).unwrap();
        let mut seen = Seen::default();
        parse(spec, &bytes, &mut seen);
        assert_eq!(seen.rows, [row]);
    }

    #[test]
    fn gaps_come_back_with_their_table() {
        let gap = Gap::new("shadow", GapKind::Denied, "no").at("/etc/shadow");
        let mut bytes = Vec::new();
        write_gaps(std::slice::from_ref(&gap), &mut bytes).unwrap();
        assert_eq!(parse_gap(bytes.trim_ascii()), Some(gap.clone()));
        assert_eq!(parse_gap(b"{\"what\":\"a\",\"kind\":\"odd\"}"), None);
        let of = BTreeMap::from([("shadow".to_owned(), vec![gap.clone()])]);
        let gaps = Gaps { of, lost: Some("torn".to_owned()) };
        let torn = |table: &str| Gap::new(table, GapKind::Damaged, "torn");
        assert_eq!(gaps.of_table("shadow"), [gap, torn("shadow")]);
        assert_eq!(gaps.of_table("users"), [torn("users")], "what is lost may be of any table");
    }
}
