//! What several lines say about one connection, so that one failed attempt is one event.
//!
//! sshd tells some things twice (PAM's word and its own), some in halves (a failure in one line,
//! the address in another), and some that are no failure if the next line is a success (a second
//! key, a second PAM module). A line that may be part of such a thing is kept until its
//! connection, told by host and pid, decides it.

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};

use stanch_words::{Clock, Event, EventKind, Place};

use super::peer::Peer;
use super::{Meaning, Said, read};
use crate::logs::messages::{Message, pam};
use crate::logs::stamps::SECOND;
use crate::logs::{Each, Understood};

/// How many connections are remembered; the oldest is forgotten first, and what it kept is shown.
const MOST: usize = 4096;
/// After how long a pid is taken to be another connection. `LoginGraceTime` is 120 s by default.
const STALE: i64 = 600 * SECOND;
/// How far apart PAM's word from a helper process and sshd's own about one attempt can be.
const SAME_ATTEMPT: i64 = 5 * SECOND;
/// How much of a text is kept.
const KEPT: usize = 512;

/// A connection's host (hashed) and pid.
type Key = (u64, i64);

/// The connections of one source.
#[derive(Debug, Default)]
pub struct Connections {
    known: HashMap<Key, Connection, BuildHasherDefault<Mixer>>,
    order: VecDeque<Key>,
    /// How many of them keep something.
    keeping: usize,
    file: String,
}

#[derive(Debug, Default)]
struct Connection {
    /// When it last spoke.
    seen: i64,
    address: String,
    port: Option<u16>,
    /// Whether a failure was told.
    failed: bool,
    /// Whom the last failure was about, where PAM told it.
    failed_user: String,
    let_in: bool,
    kept: Option<Box<Kept>>,
    /// What was kept and is decided: room for the next.
    spare: Option<Box<Kept>>,
}

/// A failure or abuse that is not decided or has no address yet.
#[derive(Debug)]
struct Kept {
    kind: EventKind,
    method: String,
    user: String,
    attempts: i64,
    time: Option<i64>,
    clock: Clock,
    pid: Option<i64>,
    /// Host, program, terminal and the text, one behind the other, and where the first three end.
    texts: String,
    ends: [usize; 3],
    line: u64,
    offset: u64,
}

impl Connections {
    /// Takes a message of sshd, or of PAM in sshd, and shows what is decided by it.
    pub fn take(&mut self, message: &Message<'_>, each: &mut Each<'_>) -> Option<Understood> {
        // Events are large: they stay where they were made.
        if let Some(event) = &mut pam::parse(message) {
            let meaning = by_pam(message, event);
            return Some(self.heard(message, event, meaning, None, each));
        }
        let Said { event, meaning, doubt } = &mut read(message)?;
        Some(self.heard(message, event, *meaning, doubt.as_deref(), each))
    }

    fn heard<'l>(
        &mut self,
        message: &Message<'_>,
        event: &mut Event<'l>,
        meaning: Meaning,
        doubt: Option<&Peer<'l>>,
        each: &mut Each<'_>,
    ) -> Understood {
        if meaning == Meaning::Other {
            each(event);
            return Understood::Yes;
        }
        // Without a pid nothing holds lines together.
        let Some(pid) = message.pid else {
            each(event);
            return Understood::Yes;
        };
        if self.file != message.place.file {
            message.place.file.clone_into(&mut self.file);
        }
        let key = (hash(message.host), pid);
        if let Some(other) = doubt
            && let Some(known) = self.known.get(&key)
            && !known.address.is_empty()
            && known.address == other.address
        {
            other.put(event);
        }
        self.decide(key, event, meaning, each)
    }

    /// Shows what was never decided.
    pub fn end(&mut self, each: &mut Each<'_>) {
        for key in std::mem::take(&mut self.order) {
            let _gone = self.forget(key, each);
        }
    }

    /// Makes a connection known, in place of an older one of that pid.
    fn open(&mut self, key: Key, each: &mut Each<'_>) {
        let mut old = self.forget(key, each);
        if old.is_none() {
            self.order.push_back(key);
        }
        if self.order.len() > MOST
            && let Some(oldest) = self.order.pop_front()
        {
            old = self.forget(oldest, each);
        }
        // The room for texts of the one that is gone serves the next.
        self.known.insert(key, old.map(Connection::emptied).unwrap_or_default());
    }

    fn forget(&mut self, key: Key, each: &mut Each<'_>) -> Option<Connection> {
        let mut connection = self.known.remove(&key)?;
        if let Some(kept) = connection.kept.take() {
            self.keeping = self.keeping.saturating_sub(1);
            kept.show(&connection, &self.file, each);
            connection.spare = Some(kept);
        }
        Some(connection)
    }

    fn decide(
        &mut self,
        key: Key,
        event: &mut Event<'_>,
        meaning: Meaning,
        each: &mut Each<'_>,
    ) -> Understood {
        let now = event.time.unwrap_or_default();
        let known = self.known.get(&key);
        let goes_on = known.is_some_and(|connection| {
            connection.seen.abs_diff(now) < STALE.unsigned_abs() && !connection.is_another(event)
        });
        if !goes_on {
            self.open(key, each);
        }
        let Some(connection) = self.known.get_mut(&key) else { return Understood::No };
        connection.seen = now;
        let before = usize::from(connection.kept.is_some());
        let elsewhere = self.keeping > before;
        let helpers = (meaning == Meaning::Fails && elsewhere)
            .then(|| (event.source_ip.clone().into_owned(), now));
        let understood = connection.hear(event, meaning, each);
        let after = usize::from(connection.kept.is_some());
        self.keeping = self.keeping.saturating_add(after).saturating_sub(before);
        if let Some((address, now)) = helpers {
            self.drop_helpers_word(key, &address, now);
        }
        understood
    }

    /// PAM may speak from a helper process of its own, whose pid is a little higher.
    fn drop_helpers_word(&mut self, (host, pid): Key, address: &str, now: i64) {
        for step in 1..=8 {
            let helper = (host, pid.saturating_add(step));
            let Some(connection) = self.known.get_mut(&helper) else { continue };
            let same = connection.address == address
                && connection.seen.abs_diff(now) <= SAME_ATTEMPT.unsigned_abs()
                && connection.kept.as_ref().is_some_and(|kept| kept.method == "pam");
            if same {
                connection.kept = None;
                self.keeping = self.keeping.saturating_sub(1);
            }
        }
    }
}

impl Connection {
    /// Returns a connection that knows nothing, with the room that this one had for texts.
    fn emptied(mut self) -> Self {
        self.address.clear();
        self.failed_user.clear();
        Self {
            address: self.address,
            failed_user: self.failed_user,
            spare: self.spare.or(self.kept),
            ..Self::default()
        }
    }

    /// Lays what was kept aside, and returns it.
    fn decided(&mut self) -> Option<&Kept> {
        if let Some(kept) = self.kept.take() {
            self.spare = Some(kept);
            return self.spare.as_deref();
        }
        None
    }

    fn hear(&mut self, event: &mut Event<'_>, meaning: Meaning, each: &mut Each<'_>) -> Understood {
        if meaning == Meaning::Arrives {
            if event.kind == EventKind::NetworkListen {
                *self = Self { seen: self.seen, ..Self::default() };
            }
            self.remember(event);
            each(event);
            return Understood::Yes;
        }
        if event.source_ip.is_empty() {
            event.source_ip = Cow::Owned(self.address.clone());
            event.source_port = self.port;
        } else {
            self.remember(event);
        }
        match meaning {
            Meaning::Fails => {
                // A line that names no method only ends what was kept.
                if let Some(kept) = self.decided()
                    && event.method.is_empty()
                {
                    kept.fill(event);
                }
                self.failed = true;
                each(event);
            }
            Meaning::MayFail => return self.may_fail(event, each),
            Meaning::Abuses if event.source_ip.is_empty() => {
                self.keep(event);
                return Understood::Silent;
            }
            Meaning::Abuses => {
                self.kept = self.kept.take().filter(|kept| kept.kind != EventKind::ServiceAbuse);
                each(event);
            }
            Meaning::Limit => return self.limit(event, each),
            Meaning::Ends => self.ends(event, each),
            Meaning::Leaves => {
                if self.kept.is_some() && !self.let_in {
                    self.ends(event, each);
                } else {
                    if self.let_in {
                        event.kind = EventKind::SessionClose;
                    }
                    each(event);
                }
            }
            Meaning::Succeeds => self.succeeds(event, each),
            Meaning::Other | Meaning::Arrives => each(event),
        }
        Understood::Yes
    }

    /// Whether a line is about another connection, which has got the same pid.
    fn is_another(&self, event: &Event<'_>) -> bool {
        let other_address = !event.source_ip.is_empty()
            && !self.address.is_empty()
            && self.address != *event.source_ip;
        let other_port =
            event.source_port.is_some_and(|port| self.port.is_some_and(|it| it != port));
        other_address || other_port
    }

    fn remember(&mut self, event: &Event<'_>) {
        if self.address != *event.source_ip {
            event.source_ip.as_ref().clone_into(&mut self.address);
        }
        self.port = event.source_port.or(self.port);
    }

    /// A key or a PAM module did not do; what follows decides.
    fn may_fail(&mut self, event: &mut Event<'_>, each: &mut Each<'_>) -> Understood {
        // sshd's own second word about a user that it has named already.
        if event.method.is_empty() && self.failed && self.kept.is_none() {
            event.kind = EventKind::LogMessage;
            each(event);
            return Understood::Yes;
        }
        let another = self.kept.as_ref().is_some_and(|kept| {
            !kept.user.is_empty() && !event.user.is_empty() && kept.user != *event.user
        });
        if !another {
            self.keep(event);
            return Understood::Silent;
        }
        // Several users in one connection: no second module, but guessing.
        let mut first = event.clone();
        if let Some(kept) = self.kept.take() {
            kept.fill(&mut first);
            first.user = Cow::Owned(kept.user.clone());
            each(&first);
        }
        self.failed = true;
        event.user.as_ref().clone_into(&mut self.failed_user);
        each(event);
        Understood::Yes
    }

    fn limit(&mut self, event: &mut Event<'_>, each: &mut Each<'_>) -> Understood {
        match self.kept.take() {
            Some(kept) if !event.source_ip.is_empty() => {
                kept.fill(event);
                self.failed = true;
            }
            kept if event.source_ip.is_empty() && !self.failed => {
                self.kept = kept;
                self.keep(event);
                return Understood::Silent;
            }
            _ if self.failed => event.kind = EventKind::AuthAborted,
            _ => self.failed = true,
        }
        each(event);
        Understood::Yes
    }

    fn ends(&mut self, event: &mut Event<'_>, each: &mut Each<'_>) {
        let told = event.kind == EventKind::AuthInvalidUser;
        let failed = self.failed;
        match self.decided() {
            Some(kept) => {
                if !told {
                    event.kind = kept.kind;
                }
                kept.fill(event);
                self.failed = true;
            }
            None if failed && !told => event.kind = EventKind::AuthAborted,
            None => self.failed |= event.kind != EventKind::ServiceAbuse,
        }
        each(event);
    }

    fn succeeds(&mut self, event: &Event<'_>, each: &mut Each<'_>) {
        let kept = self.kept.take();
        let other = |user: &str| !user.is_empty() && user != event.user;
        if let Some(kept) = kept
            && other(&kept.user)
        {
            let mut failure = event.clone();
            failure.kind = kept.kind;
            failure.user = Cow::Owned(kept.user.clone());
            failure.more.clear();
            kept.fill(&mut failure);
            each(&failure);
        } else if other(&self.failed_user) {
            let mut abuse = event.clone();
            abuse.kind = EventKind::ServiceAbuse;
            abuse.more.clear();
            abuse.with("reason", "another user failed in the same connection");
            each(&abuse);
        }
        self.let_in = true;
        each(event);
    }

    fn keep(&mut self, event: &Event<'_>) {
        let count = event.number("count").unwrap_or(1).max(1);
        if let Some(kept) = &mut self.kept {
            kept.attempts = kept.attempts.saturating_add(count);
            if kept.user.is_empty() {
                keep_text(&mut kept.user, &event.user);
            }
            if kept.method.is_empty() {
                keep_text(&mut kept.method, &event.method);
            }
            return;
        }
        let mut kept = self.spare.take().unwrap_or_else(Kept::empty);
        kept.set(event, count);
        self.kept = Some(kept);
    }
}

impl Kept {
    fn empty() -> Box<Self> {
        Box::new(Self {
            kind: EventKind::LogMessage,
            method: String::new(),
            user: String::new(),
            attempts: 0,
            time: None,
            clock: Clock::default(),
            pid: None,
            texts: String::new(),
            ends: [0; 3],
            line: 0,
            offset: 0,
        })
    }

    /// Takes an event in, in place of the one before.
    fn set(&mut self, event: &Event<'_>, attempts: i64) {
        self.kind = event.kind;
        (self.time, self.clock, self.pid) = (event.time, event.clock, event.pid);
        (self.attempts, self.line, self.offset) = (attempts, event.place.line, event.place.offset);
        keep_text(&mut self.method, &event.method);
        keep_text(&mut self.user, &event.user);
        let texts = [&event.host, &event.program, &event.tty, &event.message].map(|t| capped(t));
        self.texts.clear();
        self.texts.reserve(texts.iter().map(|text| text.len()).sum());
        for (at, text) in texts.into_iter().enumerate() {
            self.texts.push_str(text);
            if let Some(end) = self.ends.get_mut(at) {
                *end = self.texts.len();
            }
        }
    }

    /// Adds what was kept to the event that decides it.
    fn fill(&self, event: &mut Event<'_>) {
        if event.user.is_empty() {
            event.user = Cow::Owned(self.user.clone());
        }
        if event.method.is_empty() || event.kind == EventKind::AuthFailure {
            event.method = Cow::Owned(self.method.clone());
        }
        event.with("attempts", self.attempts);
        event.with("first_line", i64::try_from(self.line).unwrap_or_default());
    }

    /// Shows what was kept by itself.
    fn show(&self, connection: &Connection, file: &str, each: &mut Each<'_>) {
        let mut event = Event::new(self.kind);
        (event.time, event.clock, event.pid) = (self.time, self.clock, self.pid);
        let [host, program, tty] = self.ends;
        let part = |from, to| Cow::Borrowed(self.texts.get(from..to).unwrap_or_default());
        event.host = part(0, host);
        event.program = part(host, program);
        event.tty = part(program, tty);
        event.message = part(tty, self.texts.len());
        event.user = Cow::Borrowed(&self.user);
        event.method = Cow::Borrowed(&self.method);
        event.source_ip = Cow::Borrowed(&connection.address);
        event.source_port = connection.port;
        event.place = Place { file, line: self.line, offset: self.offset };
        event.with("attempts", self.attempts);
        each(&event);
    }
}

/// Makes PAM's word in sshd a line about the connection, and returns what it means.
fn by_pam(message: &Message<'_>, event: &mut Event<'_>) -> Meaning {
    let failed = matches!(event.kind, EventKind::AuthFailure | EventKind::AuthInvalidUser);
    let meaning = match failed {
        true if !event.source_ip.is_empty() => Meaning::MayFail,
        _ => Meaning::Other,
    };
    // `PAM 2 more authentication failures` sums up what was told one by one.
    let sums_up = message.text.starts_with("PAM ");
    if meaning == Meaning::MayFail {
        event.method = Cow::Borrowed("pam");
    }
    if sums_up || failed && meaning == Meaning::Other {
        event.kind = EventKind::LogMessage;
    }
    if sums_up { Meaning::Other } else { meaning }
}

/// Returns as much of a text as is kept.
fn capped(text: &str) -> &str {
    text.get(..text.floor_char_boundary(KEPT)).unwrap_or_default()
}

/// Writes what is kept of a text over another.
fn keep_text(kept: &mut String, text: &str) {
    kept.clear();
    kept.push_str(capped(text));
}

/// Finds the place of a key, whose first half is a hash already. Who makes keys that meet in one
/// place gains little: the map is capped.
#[derive(Debug, Default)]
struct Mixer(u64);

impl Hasher for Mixer {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }

    fn write_u64(&mut self, part: u64) {
        self.0 = (self.0.rotate_left(29) ^ part).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn write_i64(&mut self, part: i64) {
        self.write_u64(part.cast_unsigned());
    }

    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }
}

/// FNV-1a: only to tell hosts apart, in a map that is ordered and capped.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
