//! An event as Sigma's engine sees it: fields are looked up when a rule asks, nothing is copied
//! or turned into JSON before.

use std::borrow::Cow;

use rsigma_eval::{Event as Sees, EventValue};
use stanch_words::{Event, EventKind, Field, Text};

use super::mapping::{self, Origin, Row};

/// A program that started others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Parent {
    pub(super) path: String,
    pub(super) command: String,
}

/// The program that an event is about, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Image<'e> {
    /// Its path.
    Path(&'e str),
    /// The word that a shell was given.
    Word(&'e str),
    /// Not known.
    Unknown,
}

/// An event seen by the rules of one log source.
#[derive(Debug)]
pub(super) struct View<'e> {
    event: &'e Event<'e>,
    parent: Option<&'e Parent>,
    command: &'e str,
    image: Image<'e>,
    rows: &'static [Row],
}

impl<'e> View<'e> {
    pub(super) fn new(
        event: &'e Event<'e>,
        parent: Option<&'e Parent>,
        rows: &'static [Row],
    ) -> Self {
        let command = &*event.command;
        let image = if event.path.is_empty() { word(command) } else { Image::Path(&event.path) };
        Self { event, parent, command, image, rows }
    }

    /// Returns the same event as if only a part of its command line had been given.
    pub(super) fn part(&self, command: &'e str) -> Self {
        Self { command, image: word(command), ..*self }
    }

    fn image(&self) -> Option<EventValue<'_>> {
        match self.image {
            Image::Path(path) => Some(text(path)),
            Image::Word(word) => Some(EventValue::Array(
                ["/usr/bin/", "/usr/sbin/"]
                    .into_iter()
                    .map(|directory| EventValue::Str(Cow::Owned(format!("{directory}{word}"))))
                    .collect(),
            )),
            Image::Unknown => None,
        }
    }

    fn image_name(&self) -> Option<EventValue<'_>> {
        match self.image {
            Image::Path(path) => Some(text(name(path))),
            Image::Word(word) => Some(text(word)),
            Image::Unknown => None,
        }
    }

    /// The program that acted on a file or a connection: a process has it as its path.
    fn actor(&self) -> Option<EventValue<'_>> {
        let is_path = matches!(
            self.event.kind,
            EventKind::NetworkConnect | EventKind::NetworkListen | EventKind::NetworkResolve
        );
        ["exe", "_EXE", "program_path"]
            .into_iter()
            .find_map(|name| self.more(name))
            .or_else(|| some(&self.event.path).filter(|_| is_path))
    }

    fn more(&self, name: &str) -> Option<EventValue<'_>> {
        self.event.field(name).map(value)
    }

    /// A field of audit's name, else the event's own of the same meaning.
    fn either(&self, first: &str, second: &str) -> Option<EventValue<'_>> {
        self.more(first).or_else(|| match second {
            "" | "uid" => self.event.uid.map(EventValue::Int),
            "path" => some(&self.event.path),
            "user" => some(&self.event.user),
            "command" => some(self.command),
            "source_ip" => some(&self.event.source_ip),
            _ => self.more(second),
        })
    }

    fn from(&self, origin: Origin) -> Option<EventValue<'_>> {
        let event = self.event;
        match origin {
            Origin::Image => self.image(),
            Origin::ImageName => self.image_name(),
            Origin::Command => some(self.command),
            Origin::ParentImage => self
                .more("parent_path")
                .or_else(|| self.parent.and_then(|parent| some(&parent.path)))
                .or_else(|| self.implied_parent()),
            Origin::ParentCommand => self
                .more("parent_command")
                .or_else(|| self.parent.and_then(|parent| some(&parent.command))),
            Origin::RunsAs if !event.target.is_empty() => some(&event.target),
            // Audit tells only the number, unless its records are enriched.
            Origin::RunsAs if event.user.is_empty() && event.uid == Some(0) => Some(text("root")),
            Origin::RunsAs | Origin::User => some(&event.user),
            Origin::Target => some(&event.target),
            Origin::Path => some(&event.path),
            Origin::Actor => self.actor(),
            Origin::Pid => event.pid.map(EventValue::Int),
            Origin::Ppid => event.ppid.map(EventValue::Int),
            Origin::SourceIp => some(&event.source_ip),
            Origin::SourcePort => event.source_port.map(|port| EventValue::Int(port.into())),
            Origin::Initiated => {
                let is_incoming = event.kind == EventKind::NetworkListen;
                Some(text(if is_incoming { "false" } else { "true" }))
            }
            Origin::Tty => some(&event.tty),
            Origin::Host => some(&event.host),
            Origin::Program => some(&event.program),
            Origin::Unit => self.unit(),
            Origin::Message => some(&event.message),
            Origin::Method => some(&event.method),
            Origin::Url => self.url(|url| url),
            Origin::UrlStem => self.url(|url| url.split_once('?').map_or(url, |(stem, _)| stem)),
            Origin::UrlQuery => self.url(|url| url.split_once('?').map_or("", |(_, query)| query)),
            Origin::More(name) => self.more(name),
            Origin::Either(first, second) => self.either(first, second),
            Origin::AuditType => self.more("type").or_else(|| self.more("audit_type")),
            Origin::AuditCall => self.audit_call(),
            Origin::AuditArgument(name) => self.audit_argument(name),
            Origin::Always(constant) => Some(text(constant)),
        }
    }

    /// sudo and cron name no parent, because they are it.
    fn implied_parent(&self) -> Option<EventValue<'_>> {
        match self.event.kind {
            EventKind::CronRun => Some(text("/usr/sbin/cron")),
            EventKind::PrivilegeUse if self.event.program == "sudo" => Some(text("/usr/bin/sudo")),
            _ => None,
        }
    }

    /// A unit with and without the ending that audit leaves out.
    fn unit(&self) -> Option<EventValue<'_>> {
        let unit = self.more("unit").or_else(|| some(&self.event.unit))?;
        match &unit {
            EventValue::Str(name) if name.ends_with(".service") => {
                let short = name.strip_suffix(".service").unwrap_or_default().to_owned();
                Some(EventValue::Array(vec![EventValue::Str(Cow::Owned(short)), unit]))
            }
            _ => Some(unit),
        }
    }

    /// Part of an address, as sent and, if it has `%` escapes, as meant: rules are written in
    /// either way, and the sender chooses.
    fn url(&self, part: fn(&str) -> &str) -> Option<EventValue<'_>> {
        let url = part(self.event.text("url"));
        if url.is_empty() {
            return None;
        }
        let meant = unescaped(url);
        match meant {
            Cow::Borrowed(_) => Some(text(url)),
            Cow::Owned(meant) => {
                Some(EventValue::Array(vec![text(url), EventValue::Str(Cow::Owned(meant))]))
            }
        }
    }

    /// A system call by number and name: `syscall` holds either, `SYSCALL` the name that an
    /// enriched record has.
    fn audit_call(&self) -> Option<EventValue<'_>> {
        let all: Vec<EventValue<'_>> = ["syscall", "SYSCALL", "syscall_number", "syscall_name"]
            .into_iter()
            .filter_map(|name| self.more(name))
            .collect();
        (!all.is_empty()).then_some(EventValue::Array(all))
    }

    /// An argument; of a program's own name also the last part of its path, since rules say
    /// `a0: tar` and scripts say `/usr/bin/tar`.
    fn audit_argument(&self, argument: &str) -> Option<EventValue<'_>> {
        let given = self.more(argument)?;
        match &given {
            EventValue::Str(path) if path.contains('/') => {
                let short = EventValue::Str(Cow::Owned(name(path).to_owned()));
                Some(EventValue::Array(vec![given, short]))
            }
            _ => Some(given),
        }
    }

    /// Shows every text of the event once, until one is enough. What lies inside the source's own
    /// words is not shown again.
    fn texts(&self, enough: &mut dyn FnMut(&str) -> bool) -> bool {
        let event = self.event;
        let message = &*event.message;
        if !message.is_empty() && enough(message) {
            return true;
        }
        let is_shown = |part: &str| part.is_empty() || lies_in(part, message);
        let own: [&str; 4] = [self.command, &event.path, &event.user, &event.target];
        if own.into_iter().any(|part| !is_shown(part) && enough(part)) {
            return true;
        }
        event.more.iter().any(|(name, field)| match field {
            // A command line is made of its arguments.
            Field::Text(_) if !self.command.is_empty() && is_argument(name) => false,
            Field::Text(part) => !is_shown(part) && has_words(part) && enough(part),
            Field::List(parts) => parts.iter().any(|part| !is_shown(part) && enough(part)),
            Field::Number(_) => false,
        })
    }
}

impl Sees for View<'_> {
    fn get_field(&self, field: &str) -> Option<EventValue<'_>> {
        match mapping::origin(self.rows, field) {
            Some(origin) => self.from(origin),
            None => self.more(field),
        }
    }

    fn any_string_value(&self, pred: &dyn Fn(&str) -> bool) -> bool {
        self.texts(&mut |text| pred(text))
    }

    fn all_string_values(&self) -> Vec<Cow<'_, str>> {
        let mut all = Vec::new();
        self.texts(&mut |text| {
            all.push(Cow::Owned(text.to_owned()));
            false
        });
        all
    }

    fn visit_string_values(&self, visit: &mut dyn FnMut(&str)) {
        self.texts(&mut |text| {
            visit(text);
            false
        });
    }

    /// Never asked for: events are shown by their lines, not by a copy.
    fn to_json(&self) -> serde_json::Value {
        serde_json::Value::Null
    }
}

fn text(text: &str) -> EventValue<'_> {
    EventValue::Str(Cow::Borrowed(text))
}

fn some(text: &str) -> Option<EventValue<'_>> {
    (!text.is_empty()).then_some(EventValue::Str(Cow::Borrowed(text)))
}

fn value<'v>(field: &'v Field<'_>) -> EventValue<'v> {
    let one = |text: &'v Text<'_>| EventValue::Str(Cow::Borrowed(&**text));
    match field {
        Field::Text(text) => one(text),
        Field::Number(number) => EventValue::Int(*number),
        Field::List(all) => EventValue::Array(all.iter().map(one).collect()),
    }
}

/// Returns whether a text is a piece of another, not only equal to one: readers borrow fields
/// from the line.
fn lies_in(part: &str, whole: &str) -> bool {
    let (part, whole) = (part.as_bytes().as_ptr_range(), whole.as_bytes().as_ptr_range());
    whole.start <= part.start && part.end <= whole.end && whole.start != whole.end
}

/// `a0`, `a17`: an argument in audit's words.
fn is_argument(name: &str) -> bool {
    let digits = name.strip_prefix('a').unwrap_or_default();
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns whether a text is more than a number.
fn has_words(text: &str) -> bool {
    !text.bytes().all(|byte| byte.is_ascii_digit())
}

fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The program that the first word of a command line stands for.
fn word(command: &str) -> Image<'_> {
    let first = command.split_whitespace().find(|word| !is_assignment(word));
    let first = first.unwrap_or_default().trim_matches(['"', '\'']);
    if first.is_empty() {
        Image::Unknown
    } else if first.contains('/') {
        Image::Path(first)
    } else {
        Image::Word(first)
    }
}

/// `LANG=C` before a command.
fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    })
}

/// Undoes `%41`, and `+` as a blank only where escapes show that the text is escaped.
fn unescaped(url: &str) -> Cow<'_, str> {
    if !url.contains('%') {
        return Cow::Borrowed(url);
    }
    let mut bytes = Vec::with_capacity(url.len());
    let mut rest = url.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|d| u8::try_from(d).ok());
        match (first, tail) {
            (b'%', [high, low, after @ ..])
                if let (Some(high), Some(low)) = (digit(*high), digit(*low)) =>
            {
                bytes.push(high << 4 | low);
                rest = after;
            }
            (b'+', _) => {
                bytes.push(b' ');
                rest = tail;
            }
            _ => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    Cow::Owned(stanch_words::text::from_bytes(&bytes))
}

#[cfg(test)]
mod tests {
    use super::super::source::Category;
    use super::*;

    fn rows(category: Category) -> &'static [Row] {
        mapping::rows(Some(category), false)
    }

    #[test]
    fn a_bare_word_is_looked_for_where_a_shell_would() {
        let mut event = Event::new(EventKind::ProcessStart);
        event.command = "LANG=C wget -q http://x/y".into();
        let view = View::new(&event, None, rows(Category::ProcessCreation));
        let image = view.get_field("Image").unwrap().to_json();
        assert_eq!(image, serde_json::json!(["/usr/bin/wget", "/usr/sbin/wget"]));
        assert_eq!(view.get_field("CommandLine").unwrap().as_str().unwrap(), event.command);
        assert_eq!(view.get_field("ParentImage"), None);
    }

    #[test]
    fn an_address_is_seen_as_sent_and_as_meant() {
        let mut event = Event::new(EventKind::WebRequest);
        event.with("url", "/a%2e%2e/b?c=%3Cscript+x").with("status", 200);
        let view = View::new(&event, None, rows(Category::Webserver));
        assert_eq!(
            view.get_field("cs-uri-stem").unwrap().to_json(),
            serde_json::json!(["/a%2e%2e/b", "/a../b"])
        );
        assert_eq!(
            view.get_field("cs-uri-query").unwrap().to_json(),
            serde_json::json!(["c=%3Cscript+x", "c=<script x"])
        );
        assert_eq!(view.get_field("sc-status").unwrap().as_i64(), Some(200));
    }

    #[test]
    fn texts_within_the_message_are_shown_once() {
        let line = String::from("(root) CMD (wget http://x)");
        let mut event = Event::new(EventKind::CronRun);
        event.message = Cow::Borrowed(&line);
        event.command = Cow::Borrowed(line.split_once("CMD (").unwrap().1);
        event.with("other", "elsewhere");
        let view = View::new(&event, None, mapping::rows(None, false));
        assert_eq!(view.all_string_values(), [line.as_str(), "elsewhere"]);
    }
}
