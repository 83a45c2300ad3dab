//! Logins that succeeded: what is kept while reading.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use stanch_words::Event;

use super::{Source, Witness, file, plain_address, service};
use crate::history::kept::{Names, Told, seconds};

/// How many logins are kept, the newest; twice as many while reading.
pub(super) const MOST_LOGINS: usize = 10_000;

/// How many sessions, and how many pairs of account and address or key, are kept.
const MOST_SESSIONS: usize = 100_000;
const MOST_KNOWN: usize = 50_000;

/// How many account names, addresses and keys that succeeded are told apart.
const MOST_NAMES: usize = 25_000;

/// One login, as one witness told it.
#[derive(Clone, Debug)]
pub(super) struct Login {
    /// In seconds since 1970 UTC.
    pub(super) time: i64,
    pub(super) user: Arc<str>,
    pub(super) source: Arc<str>,
    pub(super) method: Arc<str>,
    pub(super) service: Arc<str>,
    pub(super) fingerprint: Arc<str>,
    pub(super) key_type: Arc<str>,
    pub(super) tty: Arc<str>,
    pub(super) pid: Option<i64>,
    pub(super) port: Option<u16>,
    pub(super) witness: Witness,
    /// Whether it is an authentication, not only a record of a login.
    pub(super) is_authentication: bool,
    pub(super) told: Told,
    /// Whether this account was new from this address, or with this key, when it was read.
    is_fresh: bool,
}

/// How an account uses to log in, as one witness told it.
#[derive(Clone, Debug, Default)]
pub(super) struct Habit {
    /// How often in each hour of the day, UTC.
    pub(super) hours: [u32; 24],
    /// The first login.
    pub(super) first: Option<i64>,
}

/// A session that PAM or logind opened.
#[derive(Clone, Copy, Debug)]
pub(super) struct Session {
    pub(super) time: i64,
    pub(super) user: u32,
}

/// Everything that succeeded.
#[derive(Debug)]
pub(super) struct Successes {
    pub(super) logins: Vec<Login>,
    /// How many were left out.
    pub(super) left_out: u64,
    /// Accounts, addresses, keys by number.
    pub(super) names: Names,
    /// First time of an account with an address or a key.
    pub(super) known: HashMap<(u32, u32), i64>,
    pub(super) habits: HashMap<(u32, Witness), Habit>,
    pub(super) sessions: VecDeque<Session>,
    /// The first authentication that each witness told.
    pub(super) first: HashMap<Witness, i64>,
}

impl Default for Successes {
    fn default() -> Self {
        Self {
            logins: Vec::new(),
            left_out: 0,
            names: Names::new(MOST_NAMES),
            known: HashMap::new(),
            habits: HashMap::new(),
            sessions: VecDeque::new(),
            first: HashMap::new(),
        }
    }
}

/// Services whose sessions and successes are no logins of somebody from outside: they turn one
/// account into another, or start jobs.
const NO_LOGINS: [&str; 12] = [
    "sudo",
    "sudo-i",
    "su",
    "su-l",
    "cron",
    "crond",
    "CRON",
    "systemd-user",
    "runuser",
    "runuser-l",
    "polkit-1",
    "pkexec",
];

impl Successes {
    /// Takes an authentication.
    pub(super) fn authenticated(&mut self, event: &Event<'_>, source: &Source, files: &mut Names) {
        if NO_LOGINS.contains(&service(event)) {
            return;
        }
        self.take(event, source, true, files);
    }

    /// Takes a session: a login of its own where it is a login record, else only a companion.
    pub(super) fn session(&mut self, event: &Event<'_>, source: &Source, files: &mut Names) {
        if NO_LOGINS.contains(&service(event)) {
            return;
        }
        if source.witness == Witness::LoginRecords {
            self.take(event, source, false, files);
            return;
        }
        let Some(time) = seconds(event) else { return };
        let user = self.names.number(&event.user).unwrap_or(u32::MAX);
        if self.sessions.len() >= MOST_SESSIONS {
            self.sessions.pop_front();
        }
        self.sessions.push_back(Session { time, user });
    }

    fn take(
        &mut self,
        event: &Event<'_>,
        source: &Source,
        is_authentication: bool,
        files: &mut Names,
    ) {
        let Some(time) = seconds(event) else { return };
        if event.user.is_empty() {
            return;
        }
        if is_authentication {
            let first = self.first.entry(source.witness).or_insert(time);
            *first = (*first).min(time);
        }
        let address = plain_address(&event.source_ip);
        let user = self.names.number(&event.user).unwrap_or(u32::MAX);
        let mut is_fresh = false;
        for (kind, with) in [("a", address), ("k", event.text("fingerprint"))] {
            if !with.is_empty() || kind == "a" {
                let with = self.names.number(&known_as(kind, with)).unwrap_or(u32::MAX);
                is_fresh |= self.meet(user, with, time);
            }
        }
        let habit = self.habits.entry((user, source.witness)).or_default();
        habit.first = Some(habit.first.map_or(time, |first| first.min(time)));
        let hour = usize::try_from(time.rem_euclid(86_400) / 3600).unwrap_or(0);
        if let Some(count) = habit.hours.get_mut(hour) {
            *count = count.saturating_add(1);
        }
        let login = Login {
            time,
            user: self.name(&event.user),
            source: self.name(address),
            method: self.name(&event.method),
            service: self.name(service(event)),
            fingerprint: self.name(event.text("fingerprint")),
            key_type: self.name(event.text("key_type")),
            tty: self.name(&event.tty),
            pid: event.pid,
            port: event.source_port,
            witness: source.witness,
            is_authentication,
            told: Told::of(event, file(files, event)),
            is_fresh,
        };
        self.logins.push(login);
        if self.logins.len() >= MOST_LOGINS.saturating_mul(2) {
            self.trim();
        }
    }

    fn meet(&mut self, user: u32, with: u32, time: i64) -> bool {
        if let Some(first) = self.known.get_mut(&(user, with)) {
            *first = (*first).min(time);
            return false;
        }
        if self.known.len() < MOST_KNOWN {
            self.known.insert((user, with), time);
        }
        true
    }

    fn name(&mut self, name: &str) -> Arc<str> {
        match self.names.number(name) {
            Some(number) => self.names.name(number),
            None => crate::history::kept::shortened(name, 128).into(),
        }
    }

    /// Forgets the oldest, but first those that were nothing new.
    pub(super) fn trim(&mut self) {
        self.logins.sort_by_key(|login| login.time);
        let mut spare = self.logins.len().saturating_sub(MOST_LOGINS);
        self.left_out = self.left_out.saturating_add(u64::try_from(spare).unwrap_or(0));
        for keeps_fresh in [true, false] {
            self.logins.retain(|login| {
                let goes = spare > 0 && !(keeps_fresh && login.is_fresh);
                spare -= usize::from(goes);
                !goes
            });
        }
    }
}

/// Returns the name under which an address or a key of an account is known.
pub(super) fn known_as(kind: &str, with: &str) -> String {
    format!("{kind} {with}")
}
