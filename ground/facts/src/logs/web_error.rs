//! Error logs of web servers and of PHP.
//!
//! Source: Apache's `server/log.c` (2.2: `[time] [level] [client a] text`; 2.4: `[time]
//! [module:level] [pid 1:tid 2] [client a:port] AH01618: text`) and the numbered messages of its
//! modules; nginx `ngx_log.c` (`time [level] pid#tid: *connection text, client: a, server: …`);
//! lighttpd `log.c` (`time: (file.c.line) text`); PHP `main/main.c` and php-fpm's `zlog.c`.

pub(super) mod apache;
pub(super) mod lighttpd;
pub(super) mod nginx;
pub(super) mod php;

use std::borrow::Cow;

use stanch_words::{Clock, Event, EventKind, Trust};

use super::messages::Message;
use super::{Context, Each, Form, Format, Line, Reader, Sample, Stamps, Understood};
use crate::web_attacks::Attack;

pub(super) static FORMAT: Format = Format {
    name: "web-error",
    recognise,
    form: Form::Lines(|context| Box::new(WebError { stamps: Stamps::new(context), last: false })),
    stands_alone: true,
};

fn recognise(sample: &Sample<'_>) -> u32 {
    let mut stamps = Stamps::new(&Context::new("", i64::MAX / 4));
    let mut last = false;
    sample.share(|line| {
        std::str::from_utf8(line).is_ok_and(|line| {
            last = read(line, &mut stamps).is_some() || last && continues(line);
            last
        })
    })
}

struct WebError {
    stamps: Stamps,
    /// Whether the line before was one, so that this may go on.
    last: bool,
}

impl Reader for WebError {
    fn line(&mut self, line: &Line<'_>, each: &mut Each<'_>) -> Understood {
        if let Some(complaint) = read(line.text, &mut self.stamps) {
            self.last = true;
            let mut event = complaint.event();
            event.trust = Trust::Program;
            event.place = line.place;
            each(&event);
            return Understood::Yes;
        }
        if self.last && continues(line.text) {
            return Understood::Silent;
        }
        self.last = false;
        Understood::No
    }
}

/// Reads a line of any of the servers.
fn read<'l>(text: &'l str, stamps: &mut Stamps) -> Option<Complaint<'l>> {
    match text.as_bytes().first()? {
        b'[' => apache::read(text, stamps).or_else(|| php::read(text, stamps)),
        b'0'..=b'9' => nginx::read(text, stamps).or_else(|| lighttpd::read(text, stamps)),
        // `host nginx[2833]: 2015/01/21 …`: as a journal shows it where it leaves out the time.
        b'a'..=b'z' => nginx::read(after_tag(text)?, stamps),
        _ => None,
    }
}

fn after_tag(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("nginx[")?;
    let (_, mut rest) = rest.split_once("]: ")?;
    if let Some((_, after)) = rest.split_once("nginx: ") {
        rest = after;
    }
    Some(rest)
}

/// Whether a line goes on with the text before it: the stack of a PHP error, a traceback, the
/// rest of what a script said.
fn continues(text: &str) -> bool {
    text.starts_with([' ', '\t', '#', ')', '}'])
        || text.starts_with("Stack trace:")
        || text.starts_with("PHP Stack trace:")
        || text.starts_with("PHP   ")
        || text.starts_with("thrown in")
        || text.starts_with("  thrown")
}

/// What an error line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Complaint<'l> {
    pub(super) kind: EventKind,
    pub(super) attack: Option<Attack>,
    pub(super) time: Option<i64>,
    pub(super) clock: Clock,
    pub(super) program: &'l str,
    pub(super) pid: Option<i64>,
    pub(super) level: &'l str,
    pub(super) source: &'l str,
    pub(super) source_port: Option<u16>,
    pub(super) user: &'l str,
    /// The file that it is about.
    pub(super) path: &'l str,
    pub(super) method: &'l str,
    pub(super) url: &'l str,
    pub(super) virtual_host: &'l str,
    pub(super) referrer: &'l str,
    pub(super) message: &'l str,
}

impl<'l> Complaint<'l> {
    pub(super) fn new(program: &'l str, message: &'l str) -> Self {
        Self {
            kind: EventKind::WebError,
            attack: None,
            time: None,
            clock: Clock::Unknown,
            program,
            pid: None,
            level: "",
            source: "",
            source_port: None,
            user: "",
            path: "",
            method: "",
            url: "",
            virtual_host: "",
            referrer: "",
            message,
        }
    }

    /// Notes what kind it is.
    pub(super) fn is(&mut self, kind: EventKind) {
        self.kind = kind;
    }

    /// Notes an abuse that its class tells.
    pub(super) fn abuse(&mut self, attack: Option<Attack>) {
        if let Some(attack) = attack {
            self.kind = EventKind::WebAbuse;
            self.attack = Some(attack);
        }
    }

    /// Returns the event.
    pub(super) fn event(&self) -> Event<'l> {
        let mut event = Event::new(self.kind);
        event.time = self.time;
        event.clock = self.clock;
        event.program = Cow::Borrowed(self.program);
        self.fill(&mut event);
        event
    }

    /// Returns the event of a complaint that came in an envelope.
    pub(super) fn event_in(&self, message: &Message<'l>) -> Event<'l> {
        let mut event = message.event(self.kind);
        event.time = event.time.or(self.time);
        self.fill(&mut event);
        event
    }

    fn fill(&self, event: &mut Event<'l>) {
        event.pid = self.pid.or(event.pid);
        event.source_ip = Cow::Borrowed(self.source);
        event.source_port = self.source_port;
        event.user = Cow::Borrowed(self.user);
        event.path = Cow::Borrowed(self.path);
        event.method = Cow::Borrowed(self.method);
        event.message = Cow::Borrowed(self.message);
        let texts = [
            ("url", self.url),
            ("virtual_host", self.virtual_host),
            ("referrer", self.referrer),
            ("severity", self.level),
        ];
        for (name, text) in texts {
            if !text.is_empty() {
                event.with(name, text);
            }
        }
        if let Some(attack) = self.attack {
            event.with("attack", attack.name());
        }
        if matches!(self.kind, EventKind::AuthFailure | EventKind::AuthInvalidUser) {
            event.with("service", "http");
        }
    }
}

#[cfg(test)]
mod tests;
