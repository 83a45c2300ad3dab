//! Reads the content of files and of processes and has it judged: by rules over bytes, by lists of
//! digests, and by our own eyes for [`crate::content`].
//!
//! ```text
//! walk ──► reader (watched: what hangs is left out) ──► room for two pieces ──► two judges ──► rows
//! ```
//!
//! Memory stays flat: a piece is at most [`PIECE`] bytes, and a larger file is judged in pieces
//! that overlap. What a package's digest proves intact is counted and not judged, unless asked.

mod judge;
mod libraries;
mod own;
mod packed;
mod piece;
mod places;
mod processes;
mod walk;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use stanch_words::{ByteRules, Gap, GapKind, KnownDigests, Row, Seen, Value};

use crate::Host;
use crate::packages::{self, Index};
use piece::Piece;

/// The largest part of a file that is judged at once.
pub const PIECE: usize = 32 << 20;
/// How much of two pieces of one file is the same, so that nothing is missed at a border.
const OVERLAP: u64 = 64 << 10;
/// How much of one file is read.
const FILE: u64 = 2 << 30;
/// How many judge at a time: two cores are usual, and each judge holds a piece.
const JUDGES: usize = 2;
/// Most rows.
const MOST: usize = 20_000;

/// What is looked at, and how.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// Files and directories. Empty means the usual places: those for temporary files, homes, web
    /// roots, and where things that start by themselves lie.
    pub roots: Vec<PathBuf>,
    /// Whether files are judged at all.
    pub files: Files,
    /// Who judges bytes.
    pub rules: Option<Arc<dyn ByteRules>>,
    /// Digests that are known to be bad.
    pub digests: Option<Arc<dyn KnownDigests>>,
    /// Whether files that a package's digest proves intact are judged too.
    pub intact: Intact,
    /// Whether archives are looked into.
    pub archives: Archives,
    /// Whether file systems of the network and of user programs are entered.
    pub remote: Remote,
    /// What of the running processes is judged.
    pub processes: Processes,
    /// After so many seconds nothing more is read; what is left is a gap.
    pub seconds: Option<i64>,
}

/// What becomes of files that are as their package shipped them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Intact {
    /// They are counted.
    #[default]
    Counted,
    /// They are judged like all others.
    Judged,
}

/// What becomes of archives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Archives {
    /// Their members are judged too.
    #[default]
    LookedInto,
    /// They are judged as they lie.
    AsTheyLie,
}

/// What becomes of file systems that may hang.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Remote {
    /// A gap says that they were left out.
    #[default]
    LeftOut,
    /// They are entered.
    Entered,
}

/// Whether files are judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Files {
    /// They are.
    #[default]
    Judged,
    /// Only what else the scope says.
    LeftOut,
}

/// What of processes is judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Processes {
    /// Nothing.
    #[default]
    None,
    /// Their programs and their memory.
    Memory,
}

/// How much was done. Kept by the host.
#[derive(Debug, Default)]
pub struct Counts {
    /// Files (and archives' members, and processes) judged.
    pub judged: AtomicU64,
    /// Their bytes.
    pub bytes: AtomicU64,
    /// Files that a package's digest proves intact.
    pub intact: AtomicU64,
}

impl Counts {
    fn add(count: &AtomicU64, more: u64) {
        count.fetch_add(more, Ordering::Relaxed);
    }

    /// Returns files judged, their bytes, and intact files.
    pub fn told(&self) -> (u64, u64, u64) {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (of(&self.judged), of(&self.bytes), of(&self.intact))
    }
}

/// What the judges share.
#[derive(Default)]
struct Found {
    rows: Vec<Row>,
    gaps: Vec<Gap>,
    more: u64,
    not_asked: NotAsked,
}

/// What was not judged by rules that were still at work on what they took too long over.
#[derive(Default)]
struct NotAsked {
    /// Files, members and pieces of them.
    count: u64,
    /// The most rules that one of them was not judged by.
    rules: usize,
    first: PathBuf,
}

impl NotAsked {
    fn add(&mut self, rules: usize, path: &Path) {
        if self.count == 0 {
            self.first = path.to_owned();
        }
        self.count = self.count.saturating_add(1);
        self.rules = self.rules.max(rules);
    }

    fn gap(&self, table: &'static str) -> Option<Gap> {
        let detail = format!(
            "from here on {} files or pieces were not judged by {} rules that take too long: they \
             are still at work on earlier ones",
            self.count, self.rules
        );
        let gap = Gap::new(table, GapKind::TimedOut, detail);
        (self.count > 0).then(|| gap.at(Value::from(self.first.as_path()).to_string()))
    }
}

/// A scan under way.
struct Scan<'a> {
    host: &'a Host,
    table: &'static str,
    scope: &'a Scope,
    index: Arc<Index>,
    counts: Arc<Counts>,
    found: Mutex<Found>,
    own: Option<own::Own>,
    end: Option<i64>,
}

/// Judges what the scope says and pushes a row for each match.
pub(crate) fn scan(host: &Host, table: &'static str, scope: &Scope, seen: &mut Seen) {
    let now = host.machine().now();
    let scan = Scan {
        host,
        table,
        scope,
        index: packages::index(host),
        counts: host.once(|_| Counts::default()),
        found: Mutex::default(),
        own: own::Own::running(),
        end: scope.seconds.map(|seconds| now.saturating_add(seconds)),
    };
    let (sender, receiver) = sync_channel::<Piece>(JUDGES);
    let receiver = Mutex::new(receiver);
    std::thread::scope(|threads| {
        for _ in 0..JUDGES {
            threads.spawn(|| {
                loop {
                    let next = receiver.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok(piece) = next else { break };
                    scan.judge(&piece);
                }
            });
        }
        scan.read(&sender, seen);
        drop(sender);
    });
    let found = scan.found.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut rows = found.rows;
    rows.sort_by_cached_key(|row| format!("{:?}", row.0));
    rows.dedup();
    seen.rows.extend(rows);
    seen.gaps.extend(found.gaps);
    seen.gaps.extend(found.not_asked.gap(table));
    if found.more > 0 {
        let detail = format!("{} more matches are not listed", found.more);
        seen.gap(Gap::new(table, GapKind::Truncated, detail));
    }
}

impl Scan<'_> {
    fn read(&self, sender: &SyncSender<Piece>, seen: &mut Seen) {
        if self.scope.files == Files::Judged {
            self.read_files(sender, seen);
        }
        if self.scope.processes == Processes::Memory {
            processes::read(self, sender, seen);
        }
    }

    fn read_files(&self, sender: &SyncSender<Piece>, seen: &mut Seen) {
        let roots = if self.scope.roots.is_empty() {
            places::usual(self.host, self.table, seen)
        } else {
            self.scope.roots.clone()
        };
        walk::walk(self, &roots, sender, seen);
    }

    /// Returns whether the time is over.
    fn is_over(&self) -> bool {
        self.end.is_some_and(|end| self.host.machine().now() >= end)
    }

    fn found(&self) -> std::sync::MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, row: Row) {
        let mut found = self.found();
        if found.rows.len() < MOST {
            found.rows.push(row);
        } else {
            found.more = found.more.saturating_add(1);
        }
    }

    fn gap(&self, gap: Gap) {
        self.found().gaps.push(gap);
    }
}
