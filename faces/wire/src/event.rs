//! `stanch.event/1`: one event a line, and the summary after the last.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::{Serialize, Serializer};
use stanch_words::{Event, Field};

use crate::{Gap, json};

/// Writes events, each as a line. What is not known has no key, but `time`, which is null then.
///
/// A line is put together by hand: there are millions of them, and most of what they hold needs
/// no escape.
#[derive(Debug, Default)]
pub struct EventLines {
    line: Vec<u8>,
    date: Date,
    /// The file that was written last, and how: most events are of the same.
    file: (String, Vec<u8>),
}

/// Whether a key is one that an event's own fields have; a source's field of the same name goes
/// below `fields`.
fn is_own(name: &str) -> bool {
    // A source's own names are mostly in capitals.
    let begins_low = name.as_bytes().first().is_some_and(u8::is_ascii_lowercase);
    begins_low
        && matches!(
            name,
            "schema"
                | "time"
                | "until"
                | "clock"
                | "trust"
                | "kind"
                | "host"
                | "program"
                | "pid"
                | "ppid"
                | "user"
                | "uid"
                | "target"
                | "source_ip"
                | "source_port"
                | "method"
                | "command"
                | "path"
                | "tty"
                | "session"
                | "unit"
                | "message"
                | "raw"
                | "fields"
                | "file"
                | "line"
        )
}

impl EventLines {
    /// The name and version of the document.
    pub const SCHEMA: &'static str = "stanch.event/1";

    /// Writes one event.
    ///
    /// # Errors
    /// An error of the writer.
    pub fn write(&mut self, out: &mut dyn Write, event: &Event<'_>) -> io::Result<()> {
        self.line.clear();
        self.put(event)?;
        out.write_all(&self.line)
    }

    fn put(&mut self, event: &Event<'_>) -> io::Result<()> {
        let line = &mut self.line;
        for part in ["{\"schema\":\"", Self::SCHEMA, "\",\"time\":"] {
            line.extend_from_slice(part.as_bytes());
        }
        if !event.time.is_some_and(|time| self.date.put(line, time)) {
            line.extend_from_slice(b"null");
        }
        if let Some(until) = event.until {
            let before = line.len();
            line.extend_from_slice(b",\"until\":");
            if !self.date.put(line, until) {
                line.truncate(before);
            }
        }
        // Names that need no escape.
        for (name, word) in [
            (",\"clock\":\"", event.clock.name()),
            ("\",\"trust\":\"", event.trust.name()),
            ("\",\"kind\":\"", event.kind.name()),
        ] {
            line.extend_from_slice(name.as_bytes());
            line.extend_from_slice(word.as_bytes());
        }
        line.push(b'"');
        texts(line, event)?;
        let port = event.source_port.map(i64::from);
        for (name, number) in [
            (",\"pid\":", event.pid),
            (",\"ppid\":", event.ppid),
            (",\"uid\":", event.uid),
            (",\"source_port\":", port),
        ] {
            if let Some(number) = number {
                line.extend_from_slice(name.as_bytes());
                json::number(line, number);
            }
        }
        further(line, event)?;
        if self.file.0 != event.place.file {
            event.place.file.clone_into(&mut self.file.0);
            self.file.1.clear();
            json::text(&mut self.file.1, event.place.file)?;
        }
        line.extend_from_slice(b",\"raw\":{\"file\":");
        // No file yet, and none that this event names: nothing was written.
        line.extend_from_slice(if self.file.1.is_empty() { b"\"\"" } else { &self.file.1 });
        line.extend_from_slice(b",\"line\":");
        json::unsigned(line, event.place.line);
        line.extend_from_slice(b",\"offset\":");
        json::unsigned(line, event.place.offset);
        line.extend_from_slice(b"}}\n");
        Ok(())
    }
}

/// Writes what an event knows as text.
fn texts(line: &mut Vec<u8>, event: &Event<'_>) -> io::Result<()> {
    for (name, text) in [
        (",\"host\":", &event.host),
        (",\"program\":", &event.program),
        (",\"user\":", &event.user),
        (",\"target\":", &event.target),
        (",\"source_ip\":", &event.source_ip),
        (",\"method\":", &event.method),
        (",\"command\":", &event.command),
        (",\"path\":", &event.path),
        (",\"tty\":", &event.tty),
        (",\"session\":", &event.session),
        (",\"unit\":", &event.unit),
        (",\"message\":", &event.message),
    ] {
        if !text.is_empty() {
            line.extend_from_slice(name.as_bytes());
            json::text(line, text)?;
        }
    }
    Ok(())
}

fn named(line: &mut Vec<u8>, name: &str) -> io::Result<()> {
    line.push(b',');
    json::text(line, name)?;
    line.push(b':');
    Ok(())
}

/// Writes the further fields: each name once (several values become a list).
fn further(line: &mut Vec<u8>, event: &Event<'_>) -> io::Result<()> {
    if is_plain(event) {
        for (name, field) in &event.more {
            named(line, name)?;
            match field {
                Field::Text(text) => json::text(line, text)?,
                Field::Number(number) => json::number(line, *number),
                Field::List(_) => json::value(line, &Wired(field))?,
            }
        }
        return Ok(());
    }
    let mut aside: BTreeMap<&str, Vec<Wired<'_>>> = BTreeMap::new();
    for (at, (name, field)) in event.more.iter().enumerate() {
        let again =
            || event.more.iter().enumerate().any(|(other, (n, _))| other != at && n == name);
        if is_own(name) || again() {
            aside.entry(name).or_default().push(Wired(field));
        } else {
            named(line, name)?;
            json::value(line, &Wired(field))?;
        }
    }
    let (own, repeated): (BTreeMap<_, _>, BTreeMap<_, _>) =
        aside.into_iter().partition(|(name, _)| is_own(name));
    for (name, values) in &repeated {
        named(line, name)?;
        json::value(line, values)?;
    }
    if !own.is_empty() {
        line.extend_from_slice(b",\"fields\":");
        json::value(line, &own)?;
    }
    Ok(())
}

/// Returns whether every name occurs once and is none of an event's own.
fn is_plain(event: &Event<'_>) -> bool {
    let mut marks = 0_u64;
    event.more.iter().enumerate().all(|(at, (name, _))| {
        let bytes = name.as_bytes();
        let first = bytes.first().copied().unwrap_or(0);
        let last = bytes.last().copied().unwrap_or(0);
        let mark = 1_u64 << ((bytes.len() ^ usize::from(first) ^ (usize::from(last) << 2)) & 63);
        // Only names with the same mark can be the same.
        let again = marks & mark != 0 && event.more.iter().take(at).any(|(other, _)| other == name);
        marks |= mark;
        !again && !is_own(name)
    })
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

/// How many places of the second are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Places {
    /// As many as are not 0.
    Needed,
    /// All six.
    All,
}

/// The day that was written last: most events are of the same.
#[derive(Debug)]
pub(crate) struct Date {
    day: i64,
    text: [u8; 10],
}

impl Default for Date {
    fn default() -> Self {
        Self { day: 0, text: *b"1970-01-01" }
    }
}

impl Date {
    /// Writes microseconds since 1970 UTC as RFC 3339; returns whether there is such a time.
    fn put(&mut self, line: &mut Vec<u8>, micros: i64) -> bool {
        self.put_in(line, micros, "Z", Places::Needed)
    }

    /// Does the same with a zone's own way to say UTC, and so many places of the second.
    pub(crate) fn put_in(
        &mut self,
        line: &mut Vec<u8>,
        micros: i64,
        utc: &str,
        places: Places,
    ) -> bool {
        const DAY: i64 = 86_400_000_000;
        let day = micros.div_euclid(DAY);
        if day != self.day {
            let Ok(time) = jiff::Timestamp::from_microsecond(micros) else { return false };
            let text = time.to_string();
            match text.as_bytes().first_chunk() {
                // Years before 0 and after 9999 have a sign and more digits.
                Some(date) if text.as_bytes().get(10) == Some(&b'T') => {
                    (self.day, self.text) = (day, *date);
                }
                _ => {
                    line.push(b'"');
                    line.extend_from_slice(text.as_bytes());
                    line.push(b'"');
                    return true;
                }
            }
        }
        line.push(b'"');
        line.extend_from_slice(&self.text);
        let within = micros.rem_euclid(DAY);
        let (seconds, mut fraction) = (within / 1_000_000, within % 1_000_000);
        let h = two_digits(seconds / 3_600);
        let (m, s) = (two_digits(seconds / 60 % 60), two_digits(seconds % 60));
        line.extend_from_slice(&[b'T', h[0], h[1], b':', m[0], m[1], b':', s[0], s[1]]);
        if fraction > 0 || places == Places::All {
            let (high, middle) = (two_digits(fraction / 10_000), two_digits(fraction / 100 % 100));
            let low = two_digits(fraction % 100);
            let digits = [b'.', high[0], high[1], middle[0], middle[1], low[0], low[1]];
            let mut used = digits.len();
            while places == Places::Needed && fraction % 10 == 0 {
                fraction /= 10;
                used = usize::saturating_sub(used, 1);
            }
            line.extend_from_slice(digits.get(..used).unwrap_or(&digits));
        }
        line.extend_from_slice(utc.as_bytes());
        line.push(b'"');
        true
    }
}

/// Returns both digits of a number below 100.
fn two_digits(number: i64) -> [u8; 2] {
    let digit = |digit: i64| u8::try_from(digit % 10).unwrap_or(0) | b'0';
    [digit(number / 10), digit(number)]
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

    fn read(event: &Event<'_>) -> serde_json::Value {
        let mut line = Vec::new();
        EventLines::default().write(&mut line, event).unwrap();
        serde_json::from_slice(&line).unwrap()
    }

    #[test]
    fn times_are_written_as_jiff_writes_them() {
        let mut lines = EventLines::default();
        let mut event = Event::new(EventKind::Boot);
        let times = [
            0,
            1,
            -1,
            10,
            1_500_000,
            1_772_352_764_000_000,
            1_772_352_764_120_000,
            86_399_999_999,
            -62_135_596_800_000_000,
            253_402_207_200_000_000,
            -70_000_000_000_000_000,
            i64::MAX,
            i64::MIN,
        ];
        for time in times {
            event.time = Some(time);
            let mut line = Vec::new();
            lines.write(&mut line, &event).unwrap();
            let value: serde_json::Value = serde_json::from_slice(&line).unwrap();
            let expected = jiff::Timestamp::from_microsecond(time).ok().map(|t| t.to_string());
            assert_eq!(value["time"].as_str(), expected.as_deref(), "{time}");
        }
    }

    #[test]
    fn hostile_names_and_values_are_escaped_and_no_control_passes() {
        let mut event = Event::new(EventKind::LogMessage);
        event.message = "a\u{1b}[2J\"\\\u{202e}\n".into();
        event.place.file = "/tmp/\u{9b}x";
        event.with("a\"b\u{7f}", "\u{85}");
        let mut line = Vec::new();
        EventLines::default().write(&mut line, &event).unwrap();
        let text = String::from_utf8(line).unwrap();
        assert!(text.trim_end_matches('\n').chars().all(|c| (' '..='~').contains(&c)), "{text}");
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["message"], *event.message);
        assert_eq!(value["a\"b\u{7f}"], "\u{85}");
        assert_eq!(value["raw"]["file"], event.place.file);
    }

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
        let value = read(&event);
        let expected = serde_json::json!({
            "schema": "stanch.event/1", "time": "2026-03-01T08:12:44Z", "clock": "local",
            "trust": "claim", "kind": "auth.failure", "user": "root", "source_port": 22,
            "count": 3, "key": ["a", "b"], "fields": {"user": ["claimed"]},
            "raw": {"file": "/var/log/auth.log", "line": 12, "offset": 0}
        });
        assert_eq!(value, expected);
    }
}
