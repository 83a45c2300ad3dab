//! Who logged in, who tried, and what came before.
//!
//! One pass keeps, in bounded space: per source address and voice how often and when attempts
//! failed; every success, newest kept; who was seen with which address and key, and since when.
//! Joining needs no order between logs: it is done at the end.
//!
//! Sources for the measures: `CrowdSec` hub `ssh-bf` (a bucket of 5 that leaks one in 10 seconds)
//! and `ssh-slow-bf` (10 in 60 seconds), Wazuh rule 5712 (8 in 120 seconds).

mod guesser;
mod join;
mod rows;
mod slots;
mod success;

use std::collections::HashMap;
use std::sync::Arc;

use stanch_words::{Event, EventKind, Gap, GapKind, Seen};

use super::kept::{Names, seconds};
use super::{Fold, FoldKind, Source, Witness};
use crate::Host;
use crate::tables::{login_failures, login_targets, logins};
use guesser::{Attempt, Guesser, Voice};
use success::Successes;

/// The fold.
pub(super) static FOLD: FoldKind = FoldKind {
    takes: &[
        EventKind::AuthFailure,
        EventKind::AuthInvalidUser,
        EventKind::AuthSuccess,
        EventKind::SessionOpen,
    ],
    new: || Box::new(Logins::new()),
};

/// How many source addresses are kept. When there are more, the half with the fewest failures is
/// forgotten.
const MOST_SOURCES: usize = 25_000;

/// How many slots of time are kept in all. When there are more, all become coarser.
const MOST_SLOTS: usize = 250_000;

/// How many account names, services and methods are kept.
const MOST_NAMES: usize = 25_000;

/// How wide a slot of time is at first, and at most, in seconds.
const WIDTH: i64 = 10;
const WIDEST: i64 = 86_400;

/// The first and the last thing that a witness told of logins.
#[derive(Clone, Copy, Debug)]
struct Span {
    first: i64,
    last: i64,
}

struct Logins {
    sources: HashMap<Box<str>, Guesser>,
    names: Names,
    files: Names,
    successes: Successes,
    spans: HashMap<Witness, Span>,
    slots: usize,
    width: i64,
    forgotten: u64,
}

impl Logins {
    fn new() -> Self {
        Self {
            sources: HashMap::new(),
            names: Names::new(MOST_NAMES),
            files: Names::new(MOST_NAMES),
            successes: Successes::default(),
            spans: HashMap::new(),
            slots: 0,
            width: WIDTH,
            forgotten: 0,
        }
    }

    fn failure(&mut self, event: &Event<'_>, source: &Source) {
        let address = plain_address(&event.source_ip);
        // `none` only asks which methods there are; a request with a status is a web server's, and
        // web pages are folded by themselves.
        if address.is_empty() || event.method == "none" || event.number("status").is_some() {
            return;
        }
        let user = match event.user.as_ref() {
            "" => None,
            user => self.names.number(user),
        };
        let attempt = Attempt {
            time: event.time.map(fraction),
            count: event.number("count").and_then(|n| u32::try_from(n).ok()).unwrap_or(1).max(1),
            user,
            invalid: event.kind == EventKind::AuthInvalidUser,
        };
        let Some(voice) = self.voice(event, source) else { return };
        let method = match event.method.as_ref() {
            "" => None,
            method => self.names.number(method),
        };
        if !self.sources.contains_key(address) && self.sources.len() >= MOST_SOURCES {
            self.forget();
        }
        let guesser = match self.sources.get_mut(address) {
            Some(guesser) => guesser,
            None => self.sources.entry(address.into()).or_default(),
        };
        self.slots += guesser.add(voice, attempt, self.width);
        if let Some(method) = method {
            guesser.method(method);
        }
        guesser.lines.take(event, || file(&mut self.files, event));
        if self.slots > MOST_SLOTS {
            self.coarsen();
        }
    }

    fn voice(&mut self, event: &Event<'_>, source: &Source) -> Option<Voice> {
        let series = match source.witness {
            Witness::Text => self.names.number(&source.series)?,
            _ => 0,
        };
        let service = self.names.number(service(event))?;
        Some(Voice {
            witness: source.witness,
            series,
            service,
            class: class(event, source.witness),
        })
    }

    fn coarsen(&mut self) {
        while self.slots > MOST_SLOTS / 2 && self.width < WIDEST {
            self.width = self.width.saturating_mul(6).min(WIDEST);
            let width = self.width;
            self.slots = self.sources.values_mut().map(|guesser| guesser.coarsen(width)).sum();
        }
        if self.slots > MOST_SLOTS / 2 {
            self.forget();
        }
    }

    /// Forgets the half with the fewest failures.
    fn forget(&mut self) {
        let mut weights: Vec<u64> = self.sources.values().map(Guesser::weight).collect();
        let middle = weights.len() / 2;
        let least = *weights.select_nth_unstable(middle).1;
        let mut spare = weights.iter().filter(|&&weight| weight >= least).count();
        spare = spare.saturating_sub(middle);
        let before = self.sources.len();
        self.sources.retain(|_, guesser| {
            let weight = guesser.weight();
            if weight == least && spare > 0 {
                spare -= 1;
                return false;
            }
            weight >= least
        });
        let gone = before.saturating_sub(self.sources.len());
        self.forgotten = self.forgotten.saturating_add(u64::try_from(gone).unwrap_or(u64::MAX));
        self.slots = self.sources.values().map(Guesser::slots).sum();
    }
}

impl Fold for Logins {
    fn event(&mut self, event: &Event<'_>, source: &Source) {
        if let Some(time) = seconds(event) {
            let span = self.spans.entry(source.witness).or_insert(Span { first: time, last: time });
            span.first = span.first.min(time);
            span.last = span.last.max(time);
        }
        match event.kind {
            EventKind::AuthSuccess if event.number("status").is_none() => {
                self.successes.authenticated(event, source, &mut self.files);
            }
            EventKind::SessionOpen => {
                self.successes.session(event, source, &mut self.files);
            }
            EventKind::AuthSuccess => {}
            _ => self.failure(event, source),
        }
    }

    fn end(mut self: Box<Self>, host: &Host) -> Vec<(&'static str, Seen)> {
        self.successes.trim();
        let mut failures = Seen::default();
        let forgotten = self.forgotten;
        if forgotten > 0 {
            let detail = format!("{forgotten} source addresses with few failures were left out");
            failures.gap(Gap::new(login_failures::SPEC.name, GapKind::Truncated, detail));
        }
        if self.names.left_out > 0 {
            let detail =
                format!("more than {MOST_NAMES} account names; the rest was not told apart");
            failures.gap(Gap::new(login_failures::SPEC.name, GapKind::Truncated, detail));
        }
        let joined = join::Joined::new(&self);
        join::failures(&self, &joined, &mut failures);
        let targets = join::targets(&joined, &self.names);
        let logins = rows::rows(&self, &joined, host);
        vec![
            (login_failures::SPEC.name, failures),
            (login_targets::SPEC.name, targets),
            (logins::SPEC.name, logins),
        ]
    }
}

/// Returns an address without the prefix of an IPv4 address in IPv6 clothes.
fn plain_address(address: &str) -> &str {
    let address = address.trim();
    address.strip_prefix("::ffff:").filter(|rest| rest.contains('.')).unwrap_or(address)
}

#[expect(clippy::cast_precision_loss, reason = "microseconds since 1970 are below 2^53")]
fn fraction(microseconds: i64) -> f64 {
    microseconds as f64 / 1e6
}

/// Returns the service that was asked.
fn service<'e>(event: &'e Event<'_>) -> &'e str {
    match event.text("service") {
        "" => match event.program.as_ref() {
            "sshd-session" | "sshd-auth" => "sshd",
            program => program,
        },
        service => service,
    }
}

/// Returns which of a service's several lines about one attempt this is: its verdict, PAM's word,
/// the service's own word that an account does not exist. Audit's records were put together
/// already.
fn class(event: &Event<'_>, witness: Witness) -> u8 {
    match event.method.as_ref() {
        "" if witness == Witness::Audit => 0,
        "" if event.message.starts_with("pam_") => 1,
        "" => 2,
        _ => 0,
    }
}

fn file(files: &mut Names, event: &Event<'_>) -> Arc<str> {
    match files.number(event.place.file) {
        Some(number) => files.name(number),
        None => event.place.file.into(),
    }
}

#[cfg(test)]
mod tests;
