//! ejabberd's log, old (two lines a record) and new.
//!
//! Source: ejabberd `src/ejabberd_c2s.erl` (`Failed ~s authentication for ~s from ~s: ~s`),
//! Erlang's `sasl` reports (`=INFO REPORT==== 2013-07-14 17:53:40 ===`), lager's default format.

use std::borrow::Cow;

use stanch_words::{Event, EventKind};

use super::stamps::Stamp;
use super::{Each, Form, Format, Line, Reader, Sample, Stamps, Understood, cut, single};

pub(super) static FORMAT: Format = Format {
    name: "ejabberd",
    recognise: |sample| recognise(sample),
    form: Form::Lines(|context| Box::new(Ejabberd { stamps: Stamps::new(context), report: None })),
    stands_alone: true,
};

fn recognise(sample: &Sample<'_>) -> u32 {
    single::share(sample, |line, stamps| {
        report(line, stamps).is_some() || is_body(line) || header(line, stamps).is_some()
    })
}

struct Ejabberd {
    stamps: Stamps,
    /// The time of the report that a line belongs to.
    report: Option<Stamp>,
}

fn report(text: &str, stamps: &mut Stamps) -> Option<Stamp> {
    let (_, rest) = text.strip_prefix('=')?.split_once(" REPORT==== ")?;
    stamps.iso(rest.strip_suffix(" ===")?).map(|(stamp, _)| stamp)
}

/// `I(<0.370.0>:ejabberd_listener:281) : …`.
fn is_body(text: &str) -> bool {
    text.get(1..4) == Some("(<0") && text.contains(") : ")
}

/// `2014-01-07 18:09:08.512 [info] <0.22741.1>@ejabberd_c2s:… text`.
fn header<'l>(text: &'l str, stamps: &mut Stamps) -> Option<(Stamp, &'l str)> {
    let (stamp, rest) = stamps.iso(text)?;
    let (_, said) = rest.strip_prefix('[')?.split_once("] ")?;
    said.starts_with("<0.").then_some((stamp, said))
}

impl Reader for Ejabberd {
    fn line(&mut self, line: &Line<'_>, each: &mut Each<'_>) -> Understood {
        if let Some(stamp) = report(line.text, &mut self.stamps) {
            self.report = Some(stamp);
            return Understood::Silent;
        }
        let (stamp, said) = match header(line.text, &mut self.stamps) {
            Some(found) => found,
            None if is_body(line.text) => match self.report {
                Some(stamp) => (stamp, line.text),
                None => return Understood::No,
            },
            None => return Understood::No,
        };
        let message = single::message(stamp, line, "ejabberd", said);
        let mut event = message.event(EventKind::LogMessage);
        if let Some((_, rest)) = said.split_once(") Failed ") {
            verdict(&mut event, EventKind::AuthFailure, rest);
        } else if let Some((_, rest)) = said.split_once(") Accepted ")
            && rest.contains("authentication for ")
        {
            verdict(&mut event, EventKind::AuthSuccess, rest);
        }
        each(&event);
        Understood::Yes
    }
}

/// `c2s PLAIN authentication for ann@example.org from 192.0.2.7: Invalid username or password`.
fn verdict<'l>(event: &mut Event<'l>, kind: EventKind, rest: &'l str) {
    let Some((_, who)) = rest.split_once("authentication for ") else { return };
    let Some((user, peer)) = who.rsplit_once(" from ") else { return };
    let peer = peer.strip_prefix("IP ").unwrap_or(peer);
    event.kind = kind;
    let peer = cut::word(peer).0;
    event.user = Cow::Borrowed(user);
    event.source_ip = Cow::Borrowed(cut::address(peer.strip_suffix(':').unwrap_or(peer)));
    event.with("service", "xmpp");
}
