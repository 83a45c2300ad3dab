//! fail2ban's sample logs: before a line stands what its authors hold to be true of it.
//!
//! A file is read whole, without the comments. A line that is a match must give an event of abuse
//! at that line, with that host; a line that is none must give none that names a host. Some lines are a match under
//! some settings of fail2ban only: the first settings that a section names count. A service is
//! not supported if no line of its file is found.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::{ABUSE, Measure, Seen, noon, read};

/// A line that fail2ban's authors have judged.
struct Judged {
    line: u64,
    text: String,
    is_match: bool,
    host: Option<String>,
}

/// A file without its comments, and what they say.
struct Sample {
    log: String,
    judged: Vec<Judged>,
}

/// Scores all files.
///
/// # Errors
/// If the files cannot be read.
pub fn score(folder: &Path) -> Result<Vec<Measure>> {
    let mut all = Figures::new("all supported", [Some(0.98), Some(0.97), Some(0.98)]);
    let mut sshd = Figures::new("sshd", [Some(0.99); 3]);
    let mut supported = Measure::new("services supported", Some(0.8));
    for (name, text) in files(folder)? {
        let sample = sample(&text);
        if !sample.judged.iter().any(|judged| judged.is_match) {
            continue;
        }
        // fail2ban's own tests run on the 14th of August 2005.
        let seen = read(&name, sample.log.as_bytes(), noon(2005, 8, 14));
        let mut figures = Figures::new(&name, [None; 3]);
        figures.judge(&name, &sample, &seen);
        if name == "sshd" {
            sshd.add(&figures);
        }
        let known = figures.recall.hits > 0;
        supported.count(known, || name.clone());
        if known {
            all.add(&figures);
        }
    }
    supported.note = format!("not supported: {}", supported.misses.join(" "));
    let mut measures = vec![supported];
    measures.extend(all.measures());
    measures.extend(sshd.measures());
    Ok(measures)
}

fn files(folder: &Path) -> Result<BTreeMap<String, String>> {
    let mut files = BTreeMap::new();
    let entries = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // The generic example is fail2ban's test of itself, no service.
        if path.is_file() && name != "COPYING" && !name.starts_with("zzz-") {
            files.insert(name, String::from_utf8_lossy(&std::fs::read(path)?).into_owned());
        }
    }
    Ok(files)
}

/// Takes a file apart.
fn sample(text: &str) -> Sample {
    let (mut log, mut judged) = (String::new(), Vec::new());
    let mut says: Vec<Value> = Vec::new();
    let (mut mode, mut prefix) = (String::new(), String::new());
    let mut line = 0_u64;
    for row in text.lines() {
        if let Some(options) = row.strip_prefix("# filterOptions:") {
            let first = first_options(options);
            self::text(&first, "mode").unwrap_or("normal").clone_into(&mut mode);
            self::text(&first, "test.prefix-line").unwrap_or_default().clone_into(&mut prefix);
        } else if let Some(json) = row.strip_prefix("# failJSON:") {
            says.extend(serde_json::from_str::<Value>(json.trim()).ok());
        } else if !row.starts_with('#') && !row.trim().is_empty() {
            line += 1;
            log.push_str(&prefix);
            log.push_str(row);
            log.push('\n');
            let holds = says.drain(..).find(|says| applies(says, &mode));
            if let Some(says) = holds {
                judged.push(Judged {
                    line,
                    text: row.to_owned(),
                    is_match: says.get("match").and_then(Value::as_bool).unwrap_or(false),
                    host: self::text(&says, "host").map(str::to_owned),
                });
            }
        }
    }
    Sample { log, judged }
}

fn first_options(text: &str) -> Value {
    match serde_json::from_str::<Value>(text.trim()) {
        Ok(Value::Array(all)) => all.into_iter().next().unwrap_or_default(),
        Ok(one) => one,
        Err(_broken) => Value::Null,
    }
}

fn text<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value.get(name).and_then(Value::as_str)
}

fn applies(says: &Value, mode: &str) -> bool {
    match text(says, "constraint") {
        Some(rule) if rule.contains("!= 'aggressive'") => mode != "aggressive",
        Some(rule) if rule.contains("== 'aggressive'") => mode == "aggressive",
        _ => true,
    }
}

/// What is counted of a file, or of several.
struct Figures {
    recall: Measure,
    precision: Measure,
    host: Measure,
}

impl Figures {
    fn new(name: &str, [recall, precision, host]: [Option<f64>; 3]) -> Self {
        Self {
            recall: Measure::new(format!("{name}: recall"), recall),
            precision: Measure::new(format!("{name}: precision"), precision),
            host: Measure::new(format!("{name}: host exact"), host),
        }
    }

    fn judge(&mut self, name: &str, sample: &Sample, seen: &[Seen]) {
        let mut by_line: BTreeMap<u64, Vec<&Seen>> = BTreeMap::new();
        for event in seen.iter().filter(|event| ABUSE.contains(&event.kind)) {
            by_line.entry(event.line).or_default().push(event);
        }
        for judged in &sample.judged {
            let events = by_line.get(&judged.line).map_or(&[][..], Vec::as_slice);
            let named = || format!("{name}:{}: {}", judged.line, judged.text);
            if judged.is_match {
                self.recall.count(!events.is_empty(), named);
            }
            // A match of fail2ban is a host to be banned: what names none is no wrong one.
            let names_a_host = events.iter().any(|event| !event.source_ip.is_empty());
            if judged.is_match && !events.is_empty() || names_a_host {
                self.precision.count(judged.is_match, named);
            }
            if let Some(host) = &judged.host
                && judged.is_match
                && !events.is_empty()
            {
                let exact = events.iter().any(|event| event.source_ip == *host);
                let ours = || {
                    let told: Vec<&str> = events.iter().map(|event| &*event.source_ip).collect();
                    format!("{host} is {told:?} in {}", named())
                };
                self.host.count(exact, ours);
            }
        }
    }

    fn add(&mut self, other: &Self) {
        let ours = [&mut self.recall, &mut self.precision, &mut self.host];
        for (ours, others) in ours.into_iter().zip([&other.recall, &other.precision, &other.host]) {
            ours.hits += others.hits;
            ours.total += others.total;
            ours.misses.extend(others.misses.iter().cloned());
        }
    }

    fn measures(self) -> [Measure; 3] {
        [self.recall, self.precision, self.host]
    }
}
