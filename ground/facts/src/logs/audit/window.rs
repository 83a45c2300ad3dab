//! Puts the records of each audit event together.
//!
//! Source: auparse's rules (audit-userspace, `auparse/auparse.c`): records of one event share node,
//! time and serial; they can come interleaved with those of other events and out of order; an
//! event is whole at its EOE, or when two seconds of log have passed. auditd does not write EOE to
//! its file, so a PROCTITLE, which the kernel writes last, ends an event as well, after a few
//! records of grace.

use std::collections::VecDeque;

use stanch_words::{Event, EventKind, Gap, GapKind, Place, Trust};

use super::gather::{self, Head, Part};
use super::kinds::is_user_space;
use super::{Each, Record};

/// How many events wait at the same time.
const WAITING: usize = 64;
/// After how many further records an event with a PROCTITLE is whole.
const GRACE: u64 = 8;
/// After how many further records any event is.
const DISTANCE: u64 = 256;
/// After how much time of the log any event is, in microseconds.
const PATIENCE: i64 = 2_000_000;
/// The most text of one event; an execve with two megabytes of arguments has some 20,000 records.
const MOST_TEXT: usize = 256 << 10;
/// How many user-space records are remembered, so that one login that is told twice counts once.
const REMEMBERED: usize = 32;
/// How long apart the two may be, in microseconds.
const TOGETHER: i64 = 10_000_000;

/// Puts records together, and shows each event once it is whole.
#[derive(Debug, Default)]
pub struct Window {
    file: String,
    waiting: VecDeque<Waiting>,
    /// Emptied ones, whose memory is used again.
    spare: Vec<Waiting>,
    records: u64,
    cut: u64,
    recent: VecDeque<Told>,
}

/// An event that may get further records.
#[derive(Debug, Default)]
struct Waiting {
    node: String,
    time: i64,
    serial: u64,
    trust: Trust,
    line: u64,
    offset: u64,
    text: String,
    /// In `text`: where a type begins, where its body begins, where that ends.
    parts: Vec<(usize, usize, usize)>,
    has_title: bool,
    is_cut: bool,
    /// The number of its last record.
    touched: u64,
}

/// A login, a session's begin or its end that a program told: sshd tells each by itself and
/// through PAM.
#[derive(Debug)]
struct Told {
    pid: i64,
    kind: EventKind,
    record: String,
    op: String,
    time: i64,
}

impl Window {
    /// Takes a record.
    pub fn record(&mut self, record: &Record<'_>, each: &mut Each<'_>) {
        self.records = self.records.saturating_add(1);
        if self.file != record.place.file {
            record.place.file.clone_into(&mut self.file);
        }
        if is_user_space(record.kind) {
            let head = record.head();
            let mut event = gather::event(&head, &[Part { kind: record.kind, body: record.body }]);
            self.settle(&mut event, record.kind);
            each(&event);
        } else {
            let at = self.waiting.iter().rposition(|waiting| waiting.is_of(record));
            let at = match at {
                Some(at) => at,
                None if record.kind == "EOE" => return,
                None => {
                    let mut new = self.spare.pop().unwrap_or_default();
                    new.begin(record);
                    self.waiting.push_back(new);
                    self.waiting.len().saturating_sub(1)
                }
            };
            let is_whole = record.kind == "EOE";
            if let Some(waiting) = self.waiting.get_mut(at) {
                waiting.touched = self.records;
                if !is_whole {
                    self.cut = self.cut.saturating_add(u64::from(waiting.add(record)));
                }
            }
            if is_whole && let Some(whole) = self.waiting.remove(at) {
                self.show(whole, each);
            }
        }
        while let Some(front) = self.waiting.front() {
            let since = self.records.saturating_sub(front.touched);
            let is_whole = front.has_title && since >= GRACE
                || since >= DISTANCE
                || self.waiting.len() > WAITING
                || front.node == record.node && record.time.saturating_sub(front.time) > PATIENCE;
            if !is_whole {
                break;
            }
            if let Some(whole) = self.waiting.pop_front() {
                self.show(whole, each);
            }
        }
    }

    /// Shows all that wait.
    pub fn end(&mut self, each: &mut Each<'_>) {
        while let Some(whole) = self.waiting.pop_front() {
            self.show(whole, each);
        }
    }

    /// Returns what was left out.
    pub fn gaps(&mut self) -> Vec<Gap> {
        let cut = std::mem::take(&mut self.cut);
        let detail =
            format!("{cut} audit events had more than {MOST_TEXT} bytes of records and were cut");
        let gap = (cut > 0).then(|| Gap::new("", GapKind::Truncated, detail));
        gap.into_iter().collect()
    }

    fn show(&mut self, mut whole: Waiting, each: &mut Each<'_>) {
        let parts: Vec<Part<'_>> = whole.parts().collect();
        let place = Place { file: &self.file, line: whole.line, offset: whole.offset };
        let head = Head {
            node: &whole.node,
            time: whole.time,
            serial: whole.serial,
            trust: whole.trust,
            place,
        };
        if !parts.is_empty() {
            each(&gather::event(&head, &parts));
        }
        drop(parts);
        whole.parts.clear();
        whole.text.clear();
        self.spare.push(whole);
    }

    /// Makes a mere record of what the same process has told before in another way.
    fn settle(&mut self, event: &mut Event<'_>, record: &str) {
        use EventKind as K;
        let kind = match event.kind {
            K::AuthInvalidUser => K::AuthFailure,
            kind @ (K::AuthFailure | K::AuthSuccess | K::SessionOpen | K::SessionClose) => kind,
            _ => return,
        };
        // A client offers one key after the other; a password may follow.
        if event.method == "publickey" && kind == K::AuthFailure {
            return;
        }
        let (Some(pid), Some(time)) = (event.pid, event.time) else { return };
        let op = event.text("op");
        let is_told = |told: &Told| {
            told.pid == pid
                && told.kind == kind
                && (told.record != record || told.op != op)
                && time.abs_diff(told.time) <= TOGETHER.unsigned_abs()
        };
        if self.recent.iter().any(is_told) {
            event.kind = K::AuditRecord;
            return;
        }
        let (record, op) = (record.to_owned(), op.to_owned());
        self.recent.push_back(Told { pid, kind, record, op, time });
        if self.recent.len() > REMEMBERED {
            self.recent.pop_front();
        }
    }
}

impl Waiting {
    fn begin(&mut self, record: &Record<'_>) {
        self.node.clear();
        self.node.push_str(record.node);
        self.time = record.time;
        self.serial = record.serial;
        self.trust = record.trust;
        self.line = record.place.line;
        self.offset = record.place.offset;
        self.has_title = false;
        self.is_cut = false;
    }

    fn is_of(&self, record: &Record<'_>) -> bool {
        self.serial == record.serial && self.time == record.time && self.node == record.node
    }

    /// Keeps a record; returns whether it is the first that finds no room.
    fn add(&mut self, record: &Record<'_>) -> bool {
        self.has_title |= record.kind == "PROCTITLE";
        let room = MOST_TEXT.saturating_sub(self.text.len());
        if record.body.len().saturating_add(record.kind.len()) > room {
            return !std::mem::replace(&mut self.is_cut, true);
        }
        let begin = self.text.len();
        self.text.push_str(record.kind);
        let body = self.text.len();
        self.text.push_str(record.body);
        self.parts.push((begin, body, self.text.len()));
        false
    }

    fn parts(&self) -> impl Iterator<Item = Part<'_>> {
        self.parts.iter().map(|&(begin, body, end)| Part {
            kind: self.text.get(begin..body).unwrap_or_default(),
            body: self.text.get(body..end).unwrap_or_default(),
        })
    }
}
