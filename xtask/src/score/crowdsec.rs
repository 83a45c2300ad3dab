//! CrowdSec's hub tests: what its parsers take from each line, and whom its scenarios name.
//!
//! Of an assertion file the lines `results["s01-parse"]["x"][N].Evt.Meta["source_ip"] == "y"` are
//! read: address, user, kind and time of the Nth line. A kind is compared by what it means: a
//! failure, a success, a request.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context as _, Result};
use stanch_words::EventKind;

use super::{ABUSE, Measure, Seen, noon, read};

/// Scores all tests.
///
/// # Errors
/// If the files cannot be read.
pub fn score(folder: &Path) -> Result<Vec<Measure>> {
    let mut fields = Measure::new("parser fields", Some(0.95));
    let mut ssh = Measure::new("parser fields of sshd and PAM", Some(0.95));
    let mut attackers = Measure::new("attacking addresses seen by their failures", None);
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .with_context(|| folder.display().to_string())?
        .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
        .collect();
    names.sort();
    for name in names {
        let test = folder.join(&name);
        let Ok(log) = std::fs::read(test.join(format!("{name}.log"))) else { continue };
        let log = String::from_utf8_lossy(&log).into_owned();
        let seen = read(&format!("{name}.log"), log.as_bytes(), noon(2026, 12, 31));
        if let Ok(asserted) = std::fs::read_to_string(test.join("parser.assert")) {
            let figures = parser(&name, &asserted, &log, &seen);
            if name.starts_with("ssh") || name.starts_with("pam") {
                add(&mut ssh, &figures);
            }
            add(&mut fields, &figures);
        }
        if let Ok(asserted) = std::fs::read_to_string(test.join("scenario.assert")) {
            for address in sources(&asserted) {
                let named = seen.iter().any(|event| event.source_ip == address);
                attackers.count(named, || format!("{name}: {address}"));
            }
        }
    }
    Ok(vec![fields, ssh, attackers])
}

fn add(ours: &mut Measure, others: &Measure) {
    ours.hits += others.hits;
    ours.total += others.total;
    ours.misses.extend(others.misses.iter().cloned());
}

/// The addresses that overflow a scenario.
fn sources(asserted: &str) -> BTreeSet<String> {
    let mark = "in results[";
    let lines = asserted.lines().filter(|line| line.contains(mark) && line.contains("GetSources"));
    lines.filter_map(|line| Some(line.split('"').nth(1)?.to_owned())).collect()
}

/// Compares the fields of every line.
fn parser(name: &str, asserted: &str, log: &str, seen: &[Seen]) -> Measure {
    let mut measure = Measure::new(name, None);
    let lines: Vec<&str> = log.lines().collect();
    for ((_, message), fields) in told(asserted) {
        let line = message.unwrap_or_default();
        let Some(at) = fields.line.or_else(|| find(&lines, &line)) else { continue };
        let events: Vec<&Seen> = seen.iter().filter(|event| event.line == at as u64 + 1).collect();
        for (field, value) in &fields.values {
            let hit = events.iter().any(|event| agrees(event, field, value));
            measure.count(hit, || format!("{name}:{}: {field} {value:?} of {events:?}", at + 1));
        }
    }
    measure
}

/// What a test says of one line.
#[derive(Default)]
struct Told {
    line: Option<usize>,
    values: BTreeMap<String, String>,
}

/// Reads the assertions of the parsing stage, by parser and index.
fn told(asserted: &str) -> Vec<((String, Option<String>), Told)> {
    const FIELDS: [&str; 6] =
        ["source_ip", "target_user", "username", "log_type", "http_path", "http_status"];
    let mut all: BTreeMap<(String, usize), (Option<String>, Told)> = BTreeMap::new();
    for line in asserted.lines() {
        let Some(rest) = line.strip_prefix("results[\"s01-parse\"][\"") else { continue };
        let Some((parser, rest)) = rest.split_once("\"][") else { continue };
        let Some((index, rest)) = rest.split_once(']') else { continue };
        let Ok(index) = index.parse::<usize>() else { continue };
        let Some((left, value)) = rest.split_once(" == ") else { continue };
        let value = value.trim_matches('"').to_owned();
        let entry = all.entry((parser.to_owned(), index)).or_default();
        if left == ".Success" {
            entry.1.line = (value == "true").then_some(index);
        } else if left == ".Evt.Parsed[\"message\"]" {
            entry.0 = Some(value);
        } else if let Some(field) = left.strip_prefix(".Evt.Meta[\"") {
            let field = field.trim_end_matches("\"]");
            if FIELDS.contains(&field) {
                entry.1.values.insert(field.to_owned(), value);
            }
        }
    }
    all.into_iter().map(|((parser, _), (message, told))| ((parser, message), told)).collect()
}

fn find(lines: &[&str], message: &str) -> Option<usize> {
    lines.iter().position(|line| !message.is_empty() && line.contains(message))
}

fn agrees(event: &Seen, field: &str, value: &str) -> bool {
    match field {
        "source_ip" => event.source_ip == value,
        "target_user" | "username" => event.user == value || event.target == value,
        "log_type" => kind_agrees(event.kind, value),
        // Paths and states are compared by the service's own tests.
        _ => true,
    }
}

fn kind_agrees(kind: EventKind, value: &str) -> bool {
    match value {
        "auth_success" => kind == EventKind::AuthSuccess,
        "execve" => kind == EventKind::ProcessStart,
        // A request that is abuse by its own text is one of these for us, an access for them.
        _ if value.starts_with("http_access") => {
            matches!(kind, EventKind::WebRequest | EventKind::WebAbuse)
        }
        _ if value.starts_with("http_error") => {
            kind == EventKind::WebError || ABUSE.contains(&kind)
        }
        _ => ABUSE.contains(&kind),
    }
}
