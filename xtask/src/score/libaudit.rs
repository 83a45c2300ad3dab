//! go-libaudit's golden files: what it makes of audit records one by one (`auparse`) and put
//! together (`aucoalesce`), compared field by field with ours.
//!
//! Not compared: its own words for an event (`category`, `summary`, `ecs`, `network`), a device
//! number of a file that is none, and the addresses in memory that an execve's registers hold
//! (ours has the arguments under these names).

use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::Value;
use stanch_facts::logs::{self, Context, Stream};
use stanch_words::{Event, Field};

use super::{Measure, noon};

/// Scores both folders.
///
/// # Errors
/// If the files cannot be read.
pub fn score(folder: &Path) -> Result<Vec<Measure>> {
    let mut records = Measure::new("fields of single records", Some(1.0));
    let mut events = Measure::new("fields of whole events", Some(1.0));
    for (path, name) in files(&folder.join("auparse/testdata"), ".log")? {
        let log = std::fs::read_to_string(&path).with_context(|| path.clone())?;
        let ours = read(&name, &log);
        for golden in golden(&format!("{path}.golden"))? {
            single(&name, &golden, &ours, &mut records);
        }
    }
    for (path, name) in files(&folder.join("aucoalesce/testdata"), ".yaml")? {
        let tests = std::fs::read_to_string(&path).with_context(|| path.clone())?;
        let tests = cases(&tests);
        for golden in golden(&path.replace(".yaml", ".json.golden"))? {
            let title = part(&golden, "/test_name").as_str().unwrap_or_default();
            let log = tests.iter().find(|(name, _)| name == title).map(|(_, log)| log.as_str());
            let ours = read(&name, log.unwrap_or_default());
            whole(&format!("{name}: {title}"), part(&golden, "/event"), &ours, &mut events);
        }
    }
    Ok(vec![records, events])
}

fn files(folder: &Path, end: &str) -> Result<Vec<(String, String)>> {
    let entries = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| name.ends_with(end)).collect();
    names.sort();
    let folder = folder.display();
    Ok(names.into_iter().map(|name| (format!("{folder}/{name}"), name)).collect())
}

fn golden(path: &str) -> Result<Vec<Value>> {
    let text = std::fs::read_to_string(path).with_context(|| path.to_owned())?;
    let all: Vec<Value> = serde_json::from_str(&text).with_context(|| path.to_owned())?;
    // A record without a header is null there, and not understood here.
    Ok(all.into_iter().filter(|value| !value.is_null()).collect())
}

/// The tests of a file: a name, and the lines indented under it.
fn cases(text: &str) -> Vec<(String, String)> {
    let mut cases: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        match (line.strip_prefix("    "), line.strip_suffix(": |"), cases.last_mut()) {
            (Some(record), _, Some((_, log))) => {
                log.push_str(record);
                log.push('\n');
            }
            (_, Some(name), _) => cases.push((name.trim().to_owned(), String::new())),
            _ => {}
        }
    }
    cases
}

/// What is compared of one of our events.
struct Ours {
    serial: i64,
    time: Option<i64>,
    values: Vec<(String, Vec<String>)>,
}

impl Ours {
    fn of(event: &Event<'_>) -> Self {
        let mut values: Vec<(String, Vec<String>)> = Vec::new();
        let number = |number: Option<i64>| number.map(|number| number.to_string());
        for (name, value) in [
            ("pid", number(event.pid)),
            ("ppid", number(event.ppid)),
            ("uid", number(event.uid)),
            ("tty", Some(event.tty.to_string()).filter(|tty| !tty.is_empty())),
            ("ses", Some(event.session.to_string()).filter(|text| !text.is_empty())),
            ("path", Some(event.path.to_string())),
            ("unit", Some(event.unit.to_string())),
            ("addr", Some(event.source_ip.to_string()).filter(|text| !text.is_empty())),
            ("port", event.source_port.map(|port| port.to_string())),
        ] {
            values.extend(value.map(|value| (name.to_owned(), vec![value])));
        }
        for (name, field) in &event.more {
            let list = match field {
                Field::Text(text) => vec![text.to_string()],
                Field::Number(number) => vec![number.to_string()],
                Field::List(list) => list.iter().map(ToString::to_string).collect(),
            };
            values.push((name.to_string(), list));
        }
        Self { serial: event.number("serial").unwrap_or(-1), time: event.time, values }
    }

    /// Returns all values under a name, or under the name with what a clash of names put before.
    fn all(&self, name: &str) -> impl Iterator<Item = &String> {
        let clash = format!("avc_{name}");
        let found = self.values.iter().filter(move |(other, _)| other == name || *other == clash);
        found.flat_map(|(_, values)| values)
    }

    fn has(&self, name: &str, value: &str) -> bool {
        self.all(name).any(|ours| ours == value)
    }

    fn has_none(&self, name: &str) -> bool {
        self.all(name).next().is_none()
    }

    /// Compares by go-libaudit's name of a field.
    fn agrees(&self, name: &str, value: &str) -> bool {
        match name {
            "result" => {
                let ours = match value {
                    "fail" => "failure",
                    other => other,
                };
                self.has("result", ours) || value == "unknown" && self.has_none("result")
            }
            "ses" | "session" => self.has("ses", value) || value == "unset" && self.has_none("ses"),
            "tty" if value == "(none)" => self.has_none("tty"),
            "exit" => self.has("exit", value) || self.has("error", value),
            "auid" | "old-auid" => {
                let ours = if value == "unset" { "4294967295" } else { value };
                self.has(name, value) || self.has(name, ours)
            }
            "addr" | "socket_addr" | "ip" => {
                ["addr", "destination_ip"].iter().any(|name| self.has(name, value))
            }
            "port" | "socket_port" => {
                ["port", "destination_port"].iter().any(|name| self.has(name, value))
            }
            // Files stand in the order of their items.
            "item" => value.parse().is_ok_and(|item: usize| self.all("name").nth(item).is_some()),
            "socket_family" => self.has("family", value),
            _ => match name.split_once('_') {
                Some((context @ ("subj" | "obj"), part)) => self.context(context, part, value),
                _ => self.has(name, value),
            },
        }
    }

    /// Compares a part of a security context: `user:role:domain:level:category`.
    fn context(&self, name: &str, part: &str, value: &str) -> bool {
        const PARTS: [&str; 5] = ["user", "role", "domain", "level", "category"];
        let Some(at) = PARTS.iter().position(|other| *other == part) else { return false };
        self.all(name).any(|context| context.split(':').nth(at) == Some(value))
    }
}

fn read(name: &str, log: &str) -> Vec<Ours> {
    let mut ours = Vec::new();
    let mut each = |event: &Event<'_>| ours.push(Ours::of(event));
    let context = Context::new(name, noon(2026, 1, 1));
    let mut stream = Stream::new(context, logs::find("audit"));
    stream.feed(log.as_bytes(), &mut each);
    stream.end(&mut each);
    ours
}

/// Finds our event of a serial number and compares its time.
fn find<'o>(
    title: &str,
    golden: &Value,
    mut ours: impl Iterator<Item = &'o Ours>,
    measure: &mut Measure,
) -> Option<&'o Ours> {
    let serial = part(golden, "/sequence").as_i64();
    let stamp = part(golden, "/@timestamp").as_str().unwrap_or_default();
    let time = stanch_facts::logs::Stamps::new(&Context::new("", i64::MAX / 4))
        .iso(stamp)
        .map(|(stamp, _)| stamp.time);
    let found = ours.find(|event| Some(event.serial) == serial && event.time == time);
    measure.count(found.is_some(), || format!("{title}: no event {serial:?} at {stamp}"));
    found
}

fn single(title: &str, golden: &Value, ours: &[Ours], measure: &mut Measure) {
    let kind = part(golden, "/record_type").as_str().unwrap_or_default();
    // The file is in the order of the types: records of one event can stand far apart in it.
    let title = format!("{title}: {kind}");
    let ours = ours.iter().filter(|event| event.has("type", &kind.to_uppercase()));
    let Some(event) = find(&title, golden, ours, measure) else { return };
    for key in texts(part(golden, "/keys")) {
        measure.count(event.has("key", key), || format!("{title}: key {key}"));
    }
    fields(&title, part(golden, "/data"), event, measure);
}

fn fields(title: &str, data: &Value, event: &Ours, measure: &mut Measure) {
    let is_execve = part(data, "/argc").is_string() || !event.has_none("argc");
    let registers = is_execve && part(data, "/syscall").is_string();
    for (name, value) in data.as_object().into_iter().flatten() {
        if registers && matches!(name.as_str(), "a0" | "a1" | "a2" | "a3") {
            continue;
        }
        let value = value.as_str().unwrap_or_default();
        measure.count(event.agrees(name, value), || format!("{title}: {name} {value:?}"));
    }
}

fn whole(title: &str, golden: &Value, ours: &[Ours], measure: &mut Measure) {
    measure.count(ours.len() == 1, || format!("{title}: {} events", ours.len()));
    let Some(event) = find(title, golden, ours.iter(), measure) else { return };
    let mut check = |what: &str, hit: bool| measure.count(hit, || format!("{title}: {what}"));
    let kind = part(golden, "/record_type").as_str().unwrap_or_default();
    check("type", event.has("type", &kind.to_uppercase()));
    for (at, name) in [
        ("/result", "result"),
        ("/session", "session"),
        ("/process/pid", "pid"),
        ("/process/ppid", "ppid"),
        ("/process/name", "comm"),
        ("/process/exe", "exe"),
        ("/process/cwd", "cwd"),
        ("/process/title", "proctitle"),
        ("/source/ip", "ip"),
        ("/source/port", "port"),
        ("/destination/ip", "ip"),
        ("/destination/port", "port"),
        ("/file/path", "name"),
        ("/file/inode", "inode"),
        ("/file/uid", "ouid"),
        ("/file/gid", "ogid"),
    ] {
        if let Some(value) = golden.pointer(at).and_then(Value::as_str) {
            check(&format!("{at} {value:?}"), event.agrees(name, value));
        }
    }
    if let Some(mode) = golden.pointer("/file/mode").and_then(Value::as_str) {
        let mode = mode.trim_start_matches('0');
        check("/file/mode", event.all("mode").any(|ours| ours.ends_with(mode)));
    }
    for tag in texts(part(golden, "/tags")) {
        check(&format!("tag {tag}"), event.has("key", tag));
    }
    for (at, argument) in texts(part(golden, "/process/args")).enumerate() {
        check(&format!("argument {at}"), event.has(&format!("a{at}"), argument));
    }
    for (pointer, context) in [("/user/selinux", "subj"), ("/file/selinux", "obj")] {
        for (part, value) in
            golden.pointer(pointer).and_then(Value::as_object).into_iter().flatten()
        {
            let value = value.as_str().unwrap_or_default();
            check(&format!("{pointer}/{part}"), event.context(context, part, value));
        }
    }
    fields(title, part(golden, "/user/ids"), event, measure);
    fields(title, part(golden, "/data"), event, measure);
    for (at, path) in part(golden, "/paths").as_array().into_iter().flatten().enumerate() {
        paths(title, at, path, event, measure);
    }
}

/// Compares the fields of one file, at its place in ours.
fn paths(title: &str, at: usize, path: &Value, event: &Ours, measure: &mut Measure) {
    for (name, value) in path.as_object().into_iter().flatten() {
        let value = value.as_str().unwrap_or_default();
        let hit = match (name.as_str(), name.split_once('_')) {
            ("item", _) => value.parse() == Ok(at),
            (_, Some(("obj", part))) => event.context("obj", part, value),
            (name, _) => {
                let column = event.values.iter().find(|(other, _)| other == name);
                column.and_then(|(_, values)| values.get(at)).is_some_and(|ours| ours == value)
            }
        };
        measure.count(hit, || format!("{title}: file {at}: {name} {value:?}"));
    }
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}

/// Returns a part, or null.
fn part<'v>(value: &'v Value, pointer: &str) -> &'v Value {
    value.pointer(pointer).unwrap_or(&Value::Null)
}
