//! Mail that accounts of this machine handed in, hour by hour: a burst stands out of its own past.
//!
//! Many systems write the same line to two logs (`syslog` and `mail.log`), so that an hour's count
//! is that of the log that tells most.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use stanch_words::{Event, EventKind, Gap, GapKind, Seen};

use super::kept::{Lines, Names, Told, as_json, push_one, seconds};
use super::{Fold, FoldKind, Source};
use crate::Host;
use crate::accounts::Accounts;
use crate::tables::mail_submissions::{SPEC, col};

pub(super) static FOLD: FoldKind =
    FoldKind { takes: &[EventKind::MailMessage], new: || Box::new(MailSubmissions::default()) };

/// How many accounts, and hours of all accounts together, are kept.
const MOST_ACCOUNTS: usize = 10_000;
const MOST_HOURS: usize = 200_000;

const HOUR: i64 = 3600;

/// Who handed mail in, as the log names it: Postfix tells the number, Exim the name.
#[derive(Clone, Debug, Hash, PartialEq, Eq, PartialOrd, Ord)]
enum By {
    Number(i64),
    Name(Box<str>),
}

struct MailSubmissions {
    accounts: HashMap<By, Submissions>,
    logs: Names,
    hours: usize,
    left_out: u64,
}

impl Default for MailSubmissions {
    fn default() -> Self {
        // As many logs as a machine has; more would only be told apart less well.
        Self { accounts: HashMap::new(), logs: Names::new(1000), hours: 0, left_out: 0 }
    }
}

#[derive(Default)]
struct Submissions {
    /// Mails of each hour since 1970, by log.
    hours: BTreeMap<i64, Vec<(u32, u64)>>,
    /// The most that one log told of one hour.
    most: u64,
    first: Option<i64>,
    last: Option<i64>,
    /// Lines of that hour.
    lines: Lines,
    lines_of: i64,
}

impl Submissions {
    /// Returns the mails of each hour.
    fn counts(&self) -> Vec<(i64, u64)> {
        let most = |logs: &Vec<(u32, u64)>| logs.iter().map(|(_, n)| *n).max().unwrap_or(0);
        self.hours.iter().map(|(hour, logs)| (*hour, most(logs))).collect()
    }
}

impl Fold for MailSubmissions {
    fn event(&mut self, event: &Event<'_>, source: &Source) {
        let by = match event.uid {
            Some(uid) => By::Number(uid),
            // Exim names the sender of what came over the network too; `<=` is what came in.
            None if !event.user.is_empty()
                && event.source_ip.is_empty()
                && event.field("mail_from").is_some() =>
            {
                By::Name(Box::from(&*event.user))
            }
            None => return,
        };
        let Some(time) = seconds(event) else { return };
        let is_new = !self.accounts.contains_key(&by);
        if (is_new && self.accounts.len() >= MOST_ACCOUNTS) || self.hours >= MOST_HOURS {
            self.left_out = self.left_out.saturating_add(1);
            return;
        }
        let log = self.logs.number(&source.series).unwrap_or(u32::MAX);
        let account = self.accounts.entry(by).or_default();
        let hour = time.div_euclid(HOUR);
        if !account.hours.contains_key(&hour) {
            self.hours = self.hours.saturating_add(1);
        }
        let logs = account.hours.entry(hour).or_default();
        let count = match logs.iter_mut().find(|(of, _)| *of == log) {
            Some((_, count)) => {
                *count = count.saturating_add(1);
                *count
            }
            None => {
                push_one(logs, (log, 1));
                1
            }
        };
        if count > account.most {
            account.most = count;
            if account.lines_of != hour {
                account.lines = Lines::default();
                account.lines_of = hour;
            }
            account.lines.take(event, || Arc::from(event.place.file));
        }
        account.first = [account.first, Some(time)].into_iter().flatten().min();
        account.last = account.last.max(Some(time));
    }

    fn end(self: Box<Self>, host: &Host) -> Vec<(&'static str, Seen)> {
        let mut seen = Seen::default();
        if !self.accounts.is_empty() {
            let accounts = Accounts::of(host, SPEC.name, &mut seen);
            let mut all: Vec<_> = self.accounts.into_iter().collect();
            all.sort_by(|(a, _), (b, _)| a.cmp(b));
            for (by, submissions) in all {
                push(&by, &submissions, &accounts, &mut seen);
            }
        }
        if self.left_out > 0 {
            let detail = format!("{} mails of further accounts or hours left out", self.left_out);
            seen.gap(Gap::new(SPEC.name, GapKind::Truncated, detail));
        }
        vec![(SPEC.name, seen)]
    }
}

fn push(by: &By, submissions: &Submissions, accounts: &Accounts, seen: &mut Seen) {
    let account = match by {
        By::Number(uid) => u32::try_from(*uid).ok().and_then(|uid| accounts.by_uid(uid)),
        By::Name(name) => accounts.by_name(name),
    };
    let name = match (by, account) {
        (_, Some(account)) => account.name.to_string(),
        (By::Name(name), None) => name.to_string(),
        (By::Number(_), None) => String::new(),
    };
    let uid = match (by, account) {
        (By::Number(uid), _) => Some(*uid),
        (By::Name(_), account) => account.map(|account| i64::from(account.uid)),
    };
    let counts = submissions.counts();
    // The earliest of the hours with most mail: the beginning of what is asked about.
    let busiest = counts.iter().rev().max_by_key(|(_, count)| *count).copied();
    let Some((hour, most)) = busiest else { return };
    let mut others: Vec<u64> =
        counts.iter().filter(|(of, _)| *of != hour).map(|(_, count)| *count).collect();
    others.sort_unstable();
    let mut row = SPEC.row();
    row.put(col::username, name)
        .put(col::uid, uid)
        .put(col::count, counts.iter().map(|(_, count)| count).sum::<u64>())
        .put(col::hours, counts.len())
        .put(col::busiest_hour, hour.saturating_mul(HOUR))
        .put(col::busiest_count, most)
        .put(col::usual_count, others.get(others.len() / 2).copied())
        .put(col::first_time, submissions.first)
        .put(col::last_time, submissions.last)
        .put(col::lines, as_json(submissions.lines.kept()));
    if let Some(Told { source, line, excerpt, .. }) = submissions.lines.kept().first() {
        row.put(col::file, &**source).put(col::line, *line).put(col::excerpt, &**excerpt);
    }
    seen.push(row);
}
