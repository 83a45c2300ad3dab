//! Names that were asked for: data that leaves inside of names, and searches for a meeting place
//! that is seldom there.

mod failures;
mod naming;

use std::collections::HashMap;
use std::sync::Arc;

use stanch_words::{Event, EventKind, Gap, GapKind, Seen};

use self::failures::Failures;
use super::kept::{Lines, as_json, seconds, shortened};
use super::{Fold, FoldKind, Source, own_addresses};
use crate::Host;
use crate::tables::names_asked::{SPEC, col};

pub(super) static FOLD: FoldKind =
    FoldKind { takes: &[EventKind::NetworkResolve], new: || Box::new(Names::default()) };

/// How many domains are kept, and how often one must have been asked for to make a row.
const MOST: usize = 20_000;
const LEAST: u64 = 8;
/// The longest name (RFC 1035).
const LONGEST: usize = 255;
/// Lines are kept of names with so much below the domain.
const TELLING: usize = 20;

/// Domains whose names carry data by design, for mail servers and virus scanners; nobody but their
/// owners answers for them. Source: the documentation of Spamhaus HBL, MSBL EBL, SURBL, URIBL,
/// McAfee GTI, Sophos SXL, ESET, Cisco SenderBase, Team Cymru MHR, rspamd and SpamAssassin.
const LISTS: [&str; 24] = [
    "spamhaus.org",
    "spamhaus.net",
    "dq.spamhaus.net",
    "msbl.org",
    "surbl.org",
    "uribl.com",
    "spamcop.net",
    "sorbs.net",
    "mailspike.net",
    "dnswl.org",
    "barracudacentral.org",
    "senderscore.com",
    "senderbase.org",
    "cymru.com",
    "mcafee.com",
    "trellix.com",
    "sophosxl.net",
    "e5.sk",
    "rspamd.com",
    "invaluement.com",
    "spameatingmonkey.net",
    "abusix.zone",
    "uceprotect.net",
    "blocklist.de",
];

/// A question or an answer, as both halves of the fold need it.
#[derive(Clone, Copy, Debug)]
struct Asked<'n> {
    domain: &'n str,
    time: i64,
    is_question: bool,
    failed: bool,
    by_mail: bool,
}

#[derive(Debug)]
struct Domain {
    questions: u64,
    answers: u64,
    failed: u64,
    data: u64,
    /// Which names were seen: a bit for each, found by a hash of the name.
    bits: Box<[u64; 16]>,
    parts: u32,
    length: f64,
    entropy: f64,
    first: Option<i64>,
    last: Option<i64>,
    example: Box<str>,
    lines: Lines,
}

impl Default for Domain {
    fn default() -> Self {
        Self {
            questions: 0,
            answers: 0,
            failed: 0,
            data: 0,
            bits: Box::new([0; 16]),
            parts: 0,
            length: 0.0,
            entropy: 0.0,
            first: None,
            last: None,
            example: "".into(),
            lines: Lines::default(),
        }
    }
}

#[derive(Default)]
struct Names {
    domains: HashMap<(Box<str>, Box<str>), Domain>,
    failures: Failures,
    floor: u64,
    forgotten: u64,
}

impl Fold for Names {
    fn event(&mut self, event: &Event<'_>, _source: &Source) {
        let name = shortened(event.text("query"), LONGEST).to_ascii_lowercase();
        let (Some(time), Some((domain, parts))) = (seconds(event), naming::split(&name)) else {
            return;
        };
        let answer = event.text("direction") == "in";
        // An answer goes from the server to who asked.
        let client = match event.source_port {
            Some(53) => event.text("destination_ip"),
            _ => &event.source_ip,
        };
        let result = event.text("result");
        let asked = Asked {
            domain,
            time,
            is_question: !answer,
            failed: matches!(result, "NXDOMAIN" | "3"),
            by_mail: LISTS.contains(&domain),
        };
        self.failures.take(client, &asked, event);
        if asked.by_mail {
            return;
        }
        let key = (Box::from(domain), Box::from(shortened(client, 64)));
        if self.domains.len() >= MOST && !self.domains.contains_key(&key) {
            self.forget();
        }
        let domain = self.domains.entry(key).or_default();
        domain.answers += u64::from(!result.is_empty());
        domain.failed += u64::from(asked.failed);
        domain.first = [domain.first, Some(time)].into_iter().flatten().min();
        domain.last = domain.last.max(Some(time));
        if !answer || domain.questions == 0 {
            domain.question(parts, event);
        }
    }

    fn end(self: Box<Self>, host: &Host) -> Vec<(&'static str, Seen)> {
        let addresses = if self.domains.is_empty() { None } else { Some(own_addresses::of(host)) };
        let own = |client: &str| match own_addresses::address(client) {
            None => Some(1),
            Some(address) if address.is_loopback() => Some(1),
            Some(address) => {
                let known = addresses.as_ref().filter(|all| !all.is_empty())?;
                Some(i64::from(known.contains(&address)))
            }
        };
        let mut seen = Seen::default();
        let mut all: Vec<_> = self.domains.into_iter().collect();
        all.retain(|(_, domain)| domain.questions.max(domain.answers) >= LEAST);
        all.sort_by(|(a, _), (b, _)| a.cmp(b));
        for ((name, client), domain) in &all {
            seen.push(domain.row(name, client, own(client)));
        }
        if self.forgotten > 0 {
            let detail =
                format!("more than {MOST} domains; {} seldom ones left out", self.forgotten);
            seen.gap(Gap::new(SPEC.name, GapKind::Truncated, detail));
        }
        let failures = self.failures.rows(own);
        vec![(SPEC.name, seen), (crate::tables::name_failures::SPEC.name, failures)]
    }
}

impl Names {
    /// Forgets the domains that were asked for least.
    fn forget(&mut self) {
        while self.domains.len() >= MOST {
            let (before, floor) = (self.domains.len(), self.floor.max(1));
            self.domains.retain(|_, domain| domain.questions > floor);
            self.forgotten += u64::try_from(before - self.domains.len()).unwrap_or(0);
            self.floor = if self.domains.len() >= MOST { floor.saturating_mul(2) } else { floor };
        }
    }
}

impl Domain {
    fn question(&mut self, parts: &str, event: &Event<'_>) {
        const DATA: [&str; 7] = ["TXT", "NULL", "CNAME", "MX", "SRV", "KEY", "PRIVATE"];
        self.questions = self.questions.saturating_add(1);
        if !naming::can_carry(parts) {
            return;
        }
        let kind = event.text("query_type");
        self.data += u64::from(DATA.contains(&kind) || kind.starts_with("TYPE655"));
        if parts.len() >= TELLING {
            self.lines.take(event, || Arc::from(event.place.file));
        }
        if parts.len() > self.example.len() {
            self.example = parts.into();
        }
        let bit = hash(parts) & 1023;
        let word = usize::try_from(bit >> 6).unwrap_or(0);
        let Some(word) = self.bits.get_mut(word) else { return };
        let mask = 1_u64 << (bit & 63);
        if *word & mask != 0 {
            return;
        }
        *word |= mask;
        self.parts += 1;
        self.length += f64::from(u32::try_from(parts.len()).unwrap_or(0));
        self.entropy += naming::entropy(parts);
    }

    /// Returns how many different names there were: with `empty` of 1024 bits still empty, about
    /// `-1024 ln(empty / 1024)` (linear counting, Whang et al. 1990).
    fn estimate(&self) -> i64 {
        let empty = f64::from(1024_u32.saturating_sub(self.parts).max(1));
        let estimate = (-1024.0 * (empty / 1024.0).ln()).round().min(8000.0);
        #[expect(clippy::cast_possible_truncation, reason = "between 0 and 8000")]
        let whole = estimate as i64;
        whole
    }

    fn row(&self, name: &str, client: &str, own: Option<i64>) -> stanch_words::Row {
        let wide = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let mean = |sum: f64| (sum / f64::from(self.parts.max(1)) * 100.0).round() / 100.0;
        let mut row = SPEC.row();
        row.put(col::domain, name)
            .put(col::client, client)
            .put(col::own, own)
            .put(col::queries, wide(self.questions.max(self.answers)))
            .put(col::nxdomain, wide(self.failed))
            .put(col::answers_known, i64::from(self.answers > 0))
            .put(col::data_types, wide(self.data))
            .put(col::parts, self.estimate())
            .put(col::mean_length, mean(self.length))
            .put(col::mean_entropy, mean(self.entropy))
            .put(col::first_time, self.first)
            .put(col::last_time, self.last)
            .put(col::example, &*self.example)
            .put(col::lines, as_json(self.lines.kept()));
        if let Some(told) = self.lines.kept().first() {
            row.put(col::file, &*told.source)
                .put(col::line, told.line)
                .put(col::excerpt, &*told.excerpt);
        }
        row
    }
}

/// FNV-1a, mixed so that its low bits depend on all of it.
fn hash(text: &str) -> u64 {
    let start = 0xcbf2_9ce4_8422_2325_u64;
    let hash = text
        .bytes()
        .fold(start, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    hash ^ (hash >> 29)
}

#[cfg(test)]
mod tests;
