//! `stanch.timeline/1`: one moment a line, as Timesketch, a spreadsheet or mactime(1) read it.
//!
//! Sources: Timesketch's guide "Import from JSON/CSV" (`message`, `datetime`, `timestamp_desc`, and
//! `timestamp` in microseconds); RFC 4180; `ground/words/src/bodyfile.rs`. What a time stands for
//! is named as Plaso names it, so that timelines of both can be searched together.

mod csv;

use std::io::{self, Write};

use serde::Serialize;
use stanch_words::{Event, Field, FileTimes, Happened, Moment, bodyfile, text};

use crate::event::{Date, Places};
use crate::{Gap, json};
pub use csv::cell as csv_cell;

/// In which form a timeline is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimelineForm {
    /// One JSON object a line, flat.
    Jsonl,
    /// Comma-separated values, with a heading.
    Csv,
    /// The body file of the Sleuth Kit: each file once, with all its times.
    Bodyfile,
}

impl TimelineForm {
    /// All forms.
    pub const ALL: [Self; 3] = [Self::Jsonl, Self::Csv, Self::Bodyfile];

    /// Returns its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
            Self::Bodyfile => "bodyfile",
        }
    }

    /// Returns the form of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|form| form.name() == name)
    }
}

/// Writes moments, each as a line.
#[derive(Debug)]
pub struct TimelineLines {
    form: TimelineForm,
    /// The first time that can be shown: a file is written at the first of its own from there on.
    from: i64,
    line: Vec<u8>,
    date: Date,
    is_begun: bool,
}

/// Fields that have a key of their own in a line. Others stand together in `more`: a hostile log
/// with a thousand names would break the index that the timeline is loaded into. All of them are
/// text: one that is a number here and a word there would break it, too.
const KEYED: [&str; 38] = [
    "destination_ip",
    "destination_port",
    "fingerprint",
    "key_type",
    "url",
    "status",
    "bytes",
    "referrer",
    "user_agent",
    "virtual_host",
    "group",
    "home",
    "shell",
    "package",
    "version",
    "old_version",
    "signature",
    "syscall",
    "auid",
    "euid",
    "result",
    "exit",
    "cwd",
    "reason",
    "count",
    "parent_command",
    "parent_path",
    "service",
    "container",
    "danger",
    "database",
    "query",
    "server_name",
    "protocol",
    "bytes_in",
    "action",
    "direction",
    "mail_from",
];

impl TimelineLines {
    /// The name and version of a line.
    pub const SCHEMA: &'static str = "stanch.timeline/1";

    /// Returns a writer; nothing before `from` (nanoseconds since 1970 UTC) will be shown.
    pub fn new(form: TimelineForm, from: Option<i64>) -> Self {
        let from = from.unwrap_or(i64::MIN);
        Self { form, from, line: Vec::new(), date: Date::default(), is_begun: false }
    }

    /// Writes what stands before the first line; also if there is none.
    ///
    /// # Errors
    /// An error of the writer.
    pub fn begin(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if std::mem::replace(&mut self.is_begun, true) || self.form != TimelineForm::Csv {
            return Ok(());
        }
        out.write_all(csv::HEADING.join(",").as_bytes())?;
        out.write_all(b"\r\n")
    }

    /// Writes a moment.
    ///
    /// # Errors
    /// An error of the writer.
    pub fn write(&mut self, out: &mut dyn Write, moment: &Moment<'_>) -> io::Result<()> {
        self.begin(out)?;
        self.line.clear();
        match self.form {
            TimelineForm::Jsonl => self.jsonl(moment)?,
            TimelineForm::Csv => csv::put(&mut self.line, moment, &mut self.date),
            TimelineForm::Bodyfile => self.body(moment),
        }
        out.write_all(&self.line)
    }

    fn body(&mut self, moment: &Moment<'_>) {
        match moment.what {
            Happened::Event(event) => {
                let place = &event.place;
                let kind = event.kind.name();
                let said = text::escaped(&message(event));
                let told = format!("[{kind}] {said} ({}:{})", place.file, place.line);
                bodyfile::deed(&mut self.line, &told, moment.time);
            }
            Happened::Times(file) => {
                let first = file.distinct().filter(|time| *time >= self.from).min();
                if first == Some(moment.time) {
                    bodyfile::file(&mut self.line, file);
                }
            }
        }
    }

    fn jsonl(&mut self, moment: &Moment<'_>) -> io::Result<()> {
        let line = &mut self.line;
        let micros = moment.time.div_euclid(1000);
        line.extend_from_slice(b"{\"message\":");
        json::text(line, &said(moment))?;
        line.extend_from_slice(b",\"datetime\":");
        if !self.date.put_in(line, micros, "+00:00", Places::All) {
            line.extend_from_slice(b"null");
        }
        line.extend_from_slice(b",\"timestamp\":");
        json::number(line, micros);
        line.extend_from_slice(b",\"timestamp_desc\":");
        json::text(line, &description(moment))?;
        for (name, word) in [("schema", Self::SCHEMA), ("kind", moment.what.kind())] {
            key(line, name);
            json::text(line, word)?;
        }
        match moment.what {
            Happened::Event(event) => event_fields(line, event)?,
            Happened::Times(file) => file_fields(line, file, moment.time)?,
        }
        line.extend_from_slice(b"}\n");
        Ok(())
    }
}

fn key(line: &mut Vec<u8>, name: &str) {
    line.extend_from_slice(b",\"");
    line.extend_from_slice(name.as_bytes());
    line.extend_from_slice(b"\":");
}

fn numbered(line: &mut Vec<u8>, name: &str, number: Option<i64>) {
    if let Some(number) = number {
        key(line, name);
        json::number(line, number);
    }
}

fn texted(line: &mut Vec<u8>, name: &str, text: &str) -> io::Result<()> {
    if text.is_empty() {
        return Ok(());
    }
    key(line, name);
    json::text(line, text)
}

fn event_fields(line: &mut Vec<u8>, event: &Event<'_>) -> io::Result<()> {
    texted(line, "clock", event.clock.name())?;
    texted(line, "trust", event.trust.name())?;
    for (name, text) in texts(event) {
        texted(line, name, text)?;
    }
    for (name, number) in numbers(event) {
        numbered(line, name, number);
    }
    let mut done: Vec<&str> = Vec::new();
    for name in KEYED {
        let values = event.more.iter().filter(|(other, _)| other == name);
        let values: Vec<String> = values.map(|(_, value)| plain(value)).collect();
        if !values.is_empty() {
            done.push(name);
            texted(line, name, &values.join("; "))?;
        }
    }
    texted(line, "more", &more(event, &done))?;
    texted(line, "source_file", event.place.file)?;
    for (name, number) in [("source_line", event.place.line), ("source_offset", event.place.offset)]
    {
        key(line, name);
        json::unsigned(line, number);
    }
    Ok(())
}

/// Returns what an event knows as text, by the names of `stanch.event/1`.
fn texts<'e>(event: &'e Event<'_>) -> [(&'static str, &'e str); 11] {
    [
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
    ]
}

fn numbers(event: &Event<'_>) -> [(&'static str, Option<i64>); 4] {
    [
        ("pid", event.pid),
        ("ppid", event.ppid),
        ("uid", event.uid),
        ("source_port", event.source_port.map(i64::from)),
    ]
}

fn file_fields(line: &mut Vec<u8>, file: &FileTimes<'_>, time: i64) -> io::Result<()> {
    texted(line, "macb", &text::from_bytes(&file.letters(time)))?;
    texted(line, "path", &text::from_bytes(&file.path))?;
    if let Some(target) = &file.target {
        texted(line, "link_target", &text::from_bytes(target))?;
    }
    texted(line, "mode", &bodyfile::mode(file.mode))?;
    for (name, number) in [
        ("inode", file.inode),
        ("uid", file.uid.into()),
        ("gid", file.gid.into()),
        ("size", file.size),
    ] {
        key(line, name);
        json::unsigned(line, number);
    }
    Ok(())
}

/// Returns a further field as text.
fn plain(field: &Field<'_>) -> String {
    match field {
        Field::Text(text) => text.to_string(),
        Field::Number(number) => number.to_string(),
        Field::List(list) => list.join(", "),
    }
}

/// Returns the further fields, but some, as one text.
fn more(event: &Event<'_>, but: &[&str]) -> String {
    let rest = event.more.iter().filter(|(name, _)| !but.contains(&name.as_ref()));
    let rest: Vec<String> = rest.map(|(name, value)| format!("{name}={}", plain(value))).collect();
    rest.join(" ")
}

/// Returns what a moment's time stands for, as Plaso says it.
fn description(moment: &Moment<'_>) -> String {
    let Happened::Times(file) = moment.what else { return "Event Time".to_owned() };
    let [m, a, c, b] = file.letters(moment.time);
    let all = [
        (m, "Content Modification Time"),
        (a, "Last Access Time"),
        (c, "Metadata Modification Time"),
        (b, "Creation Time"),
    ];
    let told: Vec<&str> =
        all.into_iter().filter(|(letter, _)| *letter != b'.').map(|(_, name)| name).collect();
    told.join("; ")
}

fn said(moment: &Moment<'_>) -> String {
    match moment.what {
        Happened::Event(event) => message(event),
        Happened::Times(file) => described(file),
    }
}

/// Returns a file in a line: its path, rights, owner and size.
fn described(file: &FileTimes<'_>) -> String {
    let path = text::from_bytes(&file.path);
    let to = file.target.as_ref().map(|to| format!(" -> {}", text::from_bytes(to)));
    let (mode, to) = (bodyfile::mode(file.mode), to.unwrap_or_default());
    format!("{path}{to} ({mode}, uid {}, gid {}, {} bytes)", file.uid, file.gid, file.size)
}

/// Returns an event in a line: the source's own words, or what it knows where it has none.
pub fn message(event: &Event<'_>) -> String {
    let mut out = match (event.program.is_empty(), event.pid) {
        (true, _) => String::new(),
        (false, None) => format!("{}: ", event.program),
        (false, Some(pid)) => format!("{}[{pid}]: ", event.program),
    };
    if !event.message.is_empty() {
        out.push_str(&event.message);
        return out;
    }
    out.push_str(event.kind.name());
    for (name, text) in texts(event) {
        if !text.is_empty() && !["host", "program"].contains(&name) {
            out.push_str(&format!(" {name}={text}"));
        }
    }
    let url = event.text("url");
    if !url.is_empty() {
        out.push_str(&format!(" url={url}"));
    }
    if let Some(status) = event.field("status") {
        out.push_str(&format!(" status={}", plain(status)));
    }
    out
}

/// `stanch.timeline-summary/1`: what a timeline was made of, where it was written to a file.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TimelineSummary {
    /// `stanch.timeline-summary/1`.
    pub schema: String,
    /// The file that it was written to.
    pub file: String,
    /// The form that it was written in.
    pub format: String,
    /// Events of logs that were written.
    pub events: u64,
    /// Times of files that were written.
    pub times: u64,
    /// Events left out since another log told them in the same words at the same time.
    pub repeated: u64,
    /// Events left out since they have no time.
    pub timeless: u64,
    /// The oldest that there was no room for.
    pub left_out: u64,
    /// The last time of these, RFC 3339: from here on nothing is missing.
    pub from: Option<String>,
    /// The first time that was written.
    pub first: Option<String>,
    /// The last.
    pub last: Option<String>,
    /// How many files were looked at.
    pub files: u64,
    /// The logs.
    pub sources: Vec<TimelineSource>,
    /// What could not be read.
    pub gaps: Vec<Gap>,
}

impl TimelineSummary {
    /// The name and version of the document.
    pub const SCHEMA: &'static str = "stanch.timeline-summary/1";
}

/// A log of a timeline.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TimelineSource {
    /// Its path.
    pub file: String,
    /// The format it was read as; null if nothing fits.
    pub format: Option<String>,
    /// Events in it, wanted or not.
    pub events: u64,
    /// Lines that gave nothing.
    pub not_understood: u64,
    /// The earliest time in it.
    pub first: Option<String>,
    /// The latest.
    pub last: Option<String>,
}

#[cfg(test)]
mod tests;
