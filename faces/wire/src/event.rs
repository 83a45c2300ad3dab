//! `stanch.event/1`: one event a line, and the summary after the last.

use std::collections::BTreeMap;

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use stanch_words::{Event, Field};

use crate::Gap;

/// One event as a line. What is not known has no key, but `time`, which is null then.
#[derive(Clone, Copy, Debug)]
pub struct EventLine<'e>(pub &'e Event<'e>);

impl EventLine<'_> {
    /// The name and version of the document.
    pub const SCHEMA: &'static str = "stanch.event/1";
}

/// The keys that an event's own fields have; a source's field of the same name goes below
/// `fields`.
const OWN: [&str; 26] = [
    "schema",
    "time",
    "until",
    "clock",
    "trust",
    "kind",
    "host",
    "program",
    "pid",
    "ppid",
    "user",
    "uid",
    "target",
    "source_ip",
    "source_port",
    "method",
    "command",
    "path",
    "tty",
    "session",
    "unit",
    "message",
    "raw",
    "fields",
    "file",
    "line",
];

impl Serialize for EventLine<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let event = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("schema", Self::SCHEMA)?;
        map.serialize_entry("time", &event.time.and_then(rfc3339))?;
        if let Some(until) = event.until.and_then(rfc3339) {
            map.serialize_entry("until", &until)?;
        }
        map.serialize_entry("clock", event.clock.name())?;
        map.serialize_entry("trust", event.trust.name())?;
        map.serialize_entry("kind", event.kind.name())?;
        let texts = [
            ("host", &event.host),
            ("program", &event.program),
            ("user", &event.user),
            ("target", &event.target),
            ("source_ip", &event.source_ip),
            ("method", &event.method),
            ("command", &event.command),
            ("path", &event.path),
            ("tty", &event.tty),
            ("session", &event.session),
            ("unit", &event.unit),
            ("message", &event.message),
        ];
        for (name, text) in texts.into_iter().filter(|(_, text)| !text.is_empty()) {
            map.serialize_entry(name, text)?;
        }
        let port = event.source_port.map(i64::from);
        let numbers =
            [("pid", event.pid), ("ppid", event.ppid), ("uid", event.uid), ("source_port", port)];
        for (name, number) in numbers {
            if let Some(number) = number {
                map.serialize_entry(name, &number)?;
            }
        }
        further(event, &mut map)?;
        map.serialize_entry("raw", &Raw::of(event))?;
        map.end()
    }
}

/// Writes the further fields: each name once (several values become a list).
fn further<M: serde::ser::SerializeMap>(event: &Event<'_>, map: &mut M) -> Result<(), M::Error> {
    let mut aside: BTreeMap<&str, Vec<Wired<'_>>> = BTreeMap::new();
    for (at, (name, field)) in event.more.iter().enumerate() {
        let again =
            || event.more.iter().enumerate().any(|(other, (n, _))| other != at && n == name);
        if OWN.contains(&name.as_ref()) || again() {
            aside.entry(name).or_default().push(Wired(field));
        } else {
            map.serialize_entry(name, &Wired(field))?;
        }
    }
    let (own, repeated): (BTreeMap<_, _>, BTreeMap<_, _>) =
        aside.into_iter().partition(|(name, _)| OWN.contains(name));
    for (name, values) in &repeated {
        map.serialize_entry(name, values)?;
    }
    if !own.is_empty() {
        map.serialize_entry("fields", &own)?;
    }
    Ok(())
}

#[derive(Clone, Copy)]
struct Wired<'f>(&'f Field<'f>);

impl Serialize for Wired<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Field::Text(text) => text.serialize(serializer),
            Field::Number(number) => number.serialize(serializer),
            Field::List(list) => list.serialize(serializer),
        }
    }
}

/// Where an event stands.
#[derive(Serialize)]
struct Raw<'e> {
    file: &'e str,
    line: u64,
    offset: u64,
}

impl<'e> Raw<'e> {
    fn of(event: &'e Event<'e>) -> Self {
        let place = &event.place;
        Self { file: place.file, line: place.line, offset: place.offset }
    }
}

/// Returns microseconds since 1970 UTC as RFC 3339.
fn rfc3339(micros: i64) -> Option<String> {
    jiff::Timestamp::from_microsecond(micros).ok().map(|time| time.to_string())
}

/// `stanch.events-summary/1`: the last line.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct EventsSummary {
    /// `stanch.events-summary/1`.
    pub schema: String,
    /// Lines or records in all sources.
    pub lines: u64,
    /// Events read from them, whether shown or not; a line may give several, a record of several
    /// lines one.
    pub events: u64,
    /// Lines that gave events: with the next two, all lines.
    pub understood: u64,
    /// Lines that say nothing by design: blank, a comment, the rest of a longer record.
    pub silent: u64,
    /// Lines that gave nothing.
    pub not_understood: u64,
    /// The sources.
    pub sources: Vec<EventsSource>,
    /// What could not be read.
    pub gaps: Vec<Gap>,
}

impl EventsSummary {
    /// The name and version of the document.
    pub const SCHEMA: &'static str = "stanch.events-summary/1";
}

/// One source of events.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct EventsSource {
    /// The file as it was given.
    pub file: String,
    /// The format it was read as; null if nothing fits.
    pub format: Option<String>,
    /// SHA-256 of the file as it is on the disk; null if it could not be read again.
    pub sha256: Option<String>,
    /// Lines or records.
    pub lines: u64,
    /// Events.
    pub events: u64,
    /// Lines that gave events.
    pub understood: u64,
    /// Lines that say nothing by design.
    pub silent: u64,
    /// Lines that gave nothing.
    pub not_understood: u64,
}

#[cfg(test)]
mod tests {
    use stanch_words::{Clock, EventKind};

    use super::*;

    #[test]
    fn an_event_is_one_flat_object_and_no_key_occurs_twice() {
        let mut event = Event::new(EventKind::AuthFailure);
        event.time = Some(1_772_352_764_000_000);
        event.clock = Clock::Local;
        event.source_port = Some(22);
        event.user = "root".into();
        event.with("key", "a").with("key", "b").with("user", "claimed").with("count", 3);
        event.place.file = "/var/log/auth.log";
        event.place.line = 12;
        let value = serde_json::to_value(EventLine(&event)).unwrap();
        let expected = serde_json::json!({
            "schema": "stanch.event/1", "time": "2026-03-01T08:12:44Z", "clock": "local",
            "trust": "claim", "kind": "auth.failure", "user": "root", "source_port": 22,
            "count": 3, "key": ["a", "b"], "fields": {"user": ["claimed"]},
            "raw": {"file": "/var/log/auth.log", "line": 12, "offset": 0}
        });
        assert_eq!(value, expected);
    }
}
