//! Clients whose questions lead nowhere.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use stanch_words::{Event, Gap, GapKind, Seen};

use super::naming;
use crate::history::kept::Told;
use crate::tables::name_failures::{SPEC, col};

/// How many clients are kept.
const CLIENTS: usize = 2_000;
/// How long names are remembered, in seconds, and how many.
const WINDOW: i64 = 300;
const NAMES: usize = 200;
/// The fewest domains that make a row.
const LEAST: usize = 5;

#[derive(Debug, Default)]
struct Client {
    queries: u64,
    mail: u64,
    failures: u64,
    recent: VecDeque<(i64, Box<str>)>,
    peak: Option<Peak>,
}

#[derive(Debug)]
struct Peak {
    domains: usize,
    oddness: f64,
    time: i64,
    examples: String,
    told: Told,
}

/// Clients, by what they are called.
#[derive(Debug, Default)]
pub(super) struct Failures {
    clients: BTreeMap<Box<str>, Client>,
    left_out: u64,
}

impl Failures {
    /// Takes a question or an answer of a client.
    pub(super) fn take(&mut self, client: &str, asked: &super::Asked<'_>, event: &Event<'_>) {
        if self.clients.len() >= CLIENTS && !self.clients.contains_key(client) {
            self.left_out = self.left_out.saturating_add(1);
            return;
        }
        let client = self.clients.entry(client.into()).or_default();
        if asked.is_question {
            client.queries = client.queries.saturating_add(1);
            let kind = event.text("query_type");
            client.mail += u64::from(asked.by_mail || matches!(kind, "MX" | "TXT"));
        }
        if !asked.failed {
            return;
        }
        client.failures = client.failures.saturating_add(1);
        if asked.by_mail || client.recent.iter().any(|(_, domain)| **domain == *asked.domain) {
            return;
        }
        let oldest = asked.time.saturating_sub(WINDOW);
        while client.recent.front().is_some_and(|(time, _)| *time < oldest)
            || client.recent.len() >= NAMES
        {
            client.recent.pop_front();
        }
        client.recent.push_back((asked.time, asked.domain.into()));
        client.note_peak(asked.time, event);
    }

    /// Returns the rows.
    pub(super) fn rows(self, own: impl Fn(&str) -> Option<i64>) -> Seen {
        let mut seen = Seen::default();
        for (name, client) in self.clients {
            let Some(peak) = client.peak else { continue };
            let wide = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
            let mut row = SPEC.row();
            row.put(col::client, &*name)
                .put(col::own, own(&name))
                .put(col::queries, wide(client.queries))
                .put(col::mail_queries, wide(client.mail))
                .put(col::nxdomain, wide(client.failures))
                .put(col::peak_domains, i64::try_from(peak.domains).unwrap_or(i64::MAX))
                .put(col::peak_oddness, (peak.oddness * 100.0).round() / 100.0)
                .put(col::peak_time, peak.time)
                .put(col::examples, peak.examples)
                .put(col::file, &*peak.told.source)
                .put(col::line, peak.told.line)
                .put(col::excerpt, &*peak.told.excerpt);
            seen.push(row);
        }
        if self.left_out > 0 {
            let detail =
                format!("more than {CLIENTS} clients; {} questions left out", self.left_out);
            seen.gap(Gap::new(SPEC.name, GapKind::Truncated, detail));
        }
        seen
    }
}

impl Client {
    fn note_peak(&mut self, time: i64, event: &Event<'_>) {
        let domains = self.recent.len();
        if domains < LEAST || self.peak.as_ref().is_some_and(|peak| peak.domains >= domains) {
            return;
        }
        let oddness = self.recent.iter().map(|(_, domain)| naming::oddness(domain)).sum::<f64>()
            / f64::from(u32::try_from(domains).unwrap_or(u32::MAX));
        let examples: Vec<&str> = self.recent.iter().take(6).map(|(_, domain)| &**domain).collect();
        let examples = examples.join(" ");
        let told = Told::of(event, Arc::from(event.place.file));
        self.peak = Some(Peak { domains, oddness, time, examples, told });
    }
}
