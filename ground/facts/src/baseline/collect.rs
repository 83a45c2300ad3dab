//! Looks closely at what the walk meets, in two threads, and tells it in the order of the walk.
//!
//! ```text
//!   walker (one at a time) ─► batches 0 1 2 3 … ─► two threads ─► held back until those before are told
//!                            each: look at a batch ─► its files wait ─► two are read side by side
//! ```

use std::collections::{BTreeMap, VecDeque};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use stanch_machine::inspect::Content;
use stanch_machine::{FileKind, Inspected, Inspector, Miss, OpenFile, Stat, limits, together};
use stanch_words::{Gap, GapKind, Value};

use super::walk::{Batch, Walker};
use super::{Digests, Item, NAME, Row, Scope};
use crate::Host;
use crate::digest::lanes::{Algorithm, Nothing, Sha256};
use crate::digest::streams::{Held, Next, Under, Wants, read_each};
use crate::packages::{self, Index};

/// How many look at a time: two cores are usual.
const THREADS: usize = 2;
/// How many batches may be ahead of the one that is told next: one large file holds all up.
const AHEAD: u64 = 256;

/// Where a walk stands. A walk that hangs is left behind, and another goes on where it stood.
#[derive(Debug, Default)]
pub struct Collected {
    /// Counts the walks; only the newest may tell.
    newest: AtomicU64,
    /// The path that was told last.
    last: Mutex<Vec<u8>>,
    gaps: Mutex<Vec<Gap>>,
}

impl Collected {
    /// Returns what could not be seen.
    pub fn gaps(&self) -> Vec<Gap> {
        let mut gaps = lock(&self.gaps).clone();
        gaps.sort();
        gaps.dedup();
        gaps
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether packages are asked who owns a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owners {
    /// They are.
    Asked,
    /// Rows name no package.
    LeftOut,
}

/// Tells every item of the scope, in the order of paths, until all are told or `tell` says that
/// nobody listens any more.
///
/// Call it again with the same `collected` to go on where an earlier call hung.
pub fn collect(
    host: &Host,
    scope: &Scope,
    owners: Owners,
    collected: &Collected,
    tell: &(dyn Fn(Vec<Item>) -> bool + Sync),
) {
    let number = collected.newest.fetch_add(1, Ordering::SeqCst).saturating_add(1);
    let index = (owners == Owners::Asked).then(|| packages::index(host));
    let after = lock(&collected.last).clone();
    let walker = Mutex::new(Walker::new(host.machine(), scope, after));
    let line = Line { number, collected, tell, state: Mutex::default(), moved: Condvar::new() };
    together(THREADS, &|_| {
        let _ends = Ends(&line);
        let mut look = Look::new(host, scope.digests, index.clone(), &walker, &line);
        match scope.digests {
            Digests::Blake3 => read_each::<Nothing, _>(&mut look),
            Digests::Both | Digests::Sha256 => read_each::<Sha256, _>(&mut look),
        }
    });
    let walker = walker.into_inner().unwrap_or_else(PoisonError::into_inner);
    lock(&collected.gaps).extend(walker.gaps);
}

/// What was looked at and waits for what stands before it.
struct Line<'a> {
    number: u64,
    collected: &'a Collected,
    tell: &'a (dyn Fn(Vec<Item>) -> bool + Sync),
    state: Mutex<State>,
    moved: Condvar,
}

/// Whether a batch may be looked at.
enum May {
    Now,
    Later,
    Never,
}

#[derive(Default)]
struct State {
    next: u64,
    waiting: BTreeMap<u64, Vec<Item>>,
    stopped: bool,
}

/// Stops the others if its thread ends by a panic: what it had taken is never told.
struct Ends<'a, 'b>(&'a Line<'b>);

impl Drop for Ends<'_, '_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            lock(&self.0.state).stopped = true;
            self.0.moved.notify_all();
        }
    }
}

impl Line<'_> {
    fn is_newest(&self) -> bool {
        self.collected.newest.load(Ordering::SeqCst) == self.number
    }

    /// Returns whether a batch may be looked at: not if it is too far ahead while files of earlier
    /// ones are under way; else that is waited for.
    fn may(&self, number: u64, under: Under) -> May {
        let mut state = lock(&self.state);
        while !state.stopped && self.is_newest() && number >= state.next.saturating_add(AHEAD) {
            if under == Under::Way {
                return May::Later;
            }
            let patience = Duration::from_millis(200);
            state =
                self.moved.wait_timeout(state, patience).unwrap_or_else(PoisonError::into_inner).0;
        }
        if !state.stopped && self.is_newest() { May::Now } else { May::Never }
    }

    /// Takes what a batch gave, and tells all whose turn it is; returns whether to go on.
    fn put(&self, number: u64, items: Vec<Item>, gaps: &mut Vec<Gap>) -> bool {
        let mut state = lock(&self.state);
        lock(&self.collected.gaps).append(gaps);
        state.waiting.insert(number, items);
        loop {
            let next = state.next;
            let Some(items) = state.waiting.remove(&next) else { break };
            let mut last = lock(&self.collected.last);
            if state.stopped || !self.is_newest() {
                return false;
            }
            if let Some(item) = items.last() {
                item.path().clone_into(&mut last);
            }
            if !items.is_empty() && !(self.tell)(items) {
                state.stopped = true;
            }
            state.next = next.saturating_add(1);
        }
        self.moved.notify_all();
        !state.stopped
    }
}

/// Who looks.
struct Look<'m, 'l> {
    host: &'m Host,
    digests: Digests,
    index: Option<Arc<Index>>,
    walker: &'l Mutex<Walker<'m>>,
    line: &'l Line<'l>,
    /// Taken from the walker, and not looked at yet.
    ahead: Option<Batch>,
    /// Looked at, with files that are not read yet.
    begun: BTreeMap<u64, Begun>,
    /// Files to be read.
    waiting: VecDeque<Waiting<'m>>,
    #[expect(clippy::vec_box, reason = "each has two kilobytes, and goes to and fro")]
    hashers: Vec<Box<blake3::Hasher>>,
    gaps: Vec<Gap>,
    ended: bool,
}

/// A batch with files that are not read yet.
struct Begun {
    items: Vec<Item>,
    /// How many.
    unread: usize,
}

/// A file to be read.
struct Waiting<'m> {
    file: Box<dyn OpenFile + 'm>,
    before: Stat,
    /// Its batch, and its place there.
    place: (u64, usize),
}

/// A file that is read.
struct Reading {
    before: Stat,
    place: (u64, usize),
    blake3: Option<Box<blake3::Hasher>>,
}

impl<'m, 'l> Look<'m, 'l> {
    fn new(
        host: &'m Host,
        digests: Digests,
        index: Option<Arc<Index>>,
        walker: &'l Mutex<Walker<'m>>,
        line: &'l Line<'l>,
    ) -> Self {
        Self {
            host,
            digests,
            index,
            walker,
            line,
            ahead: None,
            begun: BTreeMap::new(),
            waiting: VecDeque::new(),
            hashers: Vec::new(),
            gaps: Vec::new(),
            ended: false,
        }
    }

    /// Looks at entries; what is to be read waits.
    fn look_at(&mut self, batch: Batch) {
        let asked: Vec<&OsStr> = batch.names.iter().map(std::ffi::OsString::as_os_str).collect();
        let machine = self.host.machine();
        let mut looked = Looked {
            look: self,
            batch: &batch,
            names: &asked,
            told: 0,
            kept: None,
            items: Vec::new(),
        };
        machine.inspect(&batch.directory, &asked, &mut looked);
        let mut items = looked.items;
        items.extend(batch.unseen);
        let unread = self.waiting.len();
        if unread == 0 {
            self.tell(batch.number, items);
        } else {
            self.begun.insert(batch.number, Begun { items, unread });
        }
    }

    fn tell(&mut self, number: u64, items: Vec<Item>) {
        if !self.line.put(number, items, &mut self.gaps) {
            self.ended = true;
        }
    }

    /// Notes what came of reading a file, and tells its batch if it was the last one.
    fn was_read(
        &mut self,
        place: (u64, usize),
        content: Result<Content, Miss>,
        blake3: Option<super::Digest>,
        sha256: Option<super::Digest>,
    ) {
        let (number, at) = place;
        let Some(begun) = self.begun.get_mut(&number) else { return };
        if let Some(Item::Row(row)) = begun.items.get_mut(at) {
            row.content = content.unwrap_or_else(|miss| {
                self.gaps.push(miss.gap(NAME));
                Content::Missed
            });
            // A file that changed while it was read has no digest that means anything.
            if row.content == Content::Whole {
                (row.blake3, row.sha256) = (blake3, sha256);
            }
            if row.content == Content::Changed {
                let path = PathBuf::from(OsStr::from_bytes(&row.path));
                let gap = Gap::new(NAME, GapKind::Changed, "it changed while it was read");
                self.gaps.push(gap.at(Value::from(path.as_path()).to_string()));
            }
        }
        begun.unread = begun.unread.saturating_sub(1);
        if begun.unread == 0
            && let Some(begun) = self.begun.remove(&number)
        {
            self.tell(number, begun.items);
        }
    }

    fn row(&mut self, path: PathBuf, it: Inspected) -> Row {
        for miss in &it.misses {
            self.gaps.push(miss.gap(NAME));
        }
        if it.stat.kind() == FileKind::Regular && it.stat.size > limits::HASHED_FILE {
            let detail =
                format!("larger than {} bytes: its content was not read", limits::HASHED_FILE);
            let gap = Gap::new(NAME, GapKind::Truncated, detail);
            self.gaps.push(gap.at(Value::from(path.as_path()).to_string()));
        }
        let owner = self.index.as_ref().and_then(|index| index.owner(&path));
        let package = owner.map_or_else(Vec::new, |owner| owner.package.name.as_bytes().to_vec());
        Row {
            path: path.into_os_string().into_encoded_bytes(),
            mode: it.stat.mode,
            uid: it.stat.uid,
            gid: it.stat.gid,
            size: it.stat.size,
            inode: it.stat.inode,
            links: it.stat.links,
            device: it.stat.special_device,
            modified: it.stat.modified,
            changed: it.stat.changed,
            born: it.stat.born,
            flags: it.flags,
            target: it.target,
            attributes: it.attributes,
            package,
            content: it.content,
            blake3: None,
            sha256: None,
        }
    }
}

impl<'m, A: Algorithm> Wants<'m, A> for Look<'m, '_>
where
    A::Digest: AsRef<[u8]>,
{
    type Name = Reading;

    fn next(&mut self, under: Under) -> Next<'m, Reading> {
        loop {
            if let Some(Waiting { file, before, place }) = self.waiting.pop_front() {
                let wanted = self.digests != Digests::Sha256;
                let blake3 = wanted.then(|| self.hashers.pop().unwrap_or_default());
                return Next::File(Reading { before, place, blake3 }, file, before.size);
            }
            if self.ended {
                return Next::End;
            }
            let Some(batch) = self.ahead.take().or_else(|| lock(self.walker).next()) else {
                self.ended = true;
                return Next::End;
            };
            match self.line.may(batch.number, under) {
                May::Now => self.look_at(batch),
                May::Later => {
                    self.ahead = Some(batch);
                    return Next::Later;
                }
                May::Never => self.ended = true,
            }
        }
    }

    fn piece(&mut self, reading: &mut Reading, bytes: &[u8]) {
        if let Some(blake3) = &mut reading.blake3 {
            blake3.update(bytes);
        }
    }

    fn done(&mut self, reading: Reading, file: &dyn OpenFile, held: Result<Held<A::Digest>, Miss>) {
        let Reading { before, place, blake3 } = reading;
        let sha256 = held.as_ref().ok().and_then(|held| held.digest.as_ref().try_into().ok());
        let content = held.and_then(|held| Ok(Content::of(&before, held.size, &file.stat()?)));
        let told = blake3.as_ref().map(|blake3| *blake3.finalize().as_bytes());
        self.was_read(place, content, told, sha256);
        if let Some(mut blake3) = blake3 {
            blake3.reset();
            self.hashers.push(blake3);
        }
    }
}

/// A look at the entries of a batch.
struct Looked<'a, 'm, 'l> {
    look: &'a mut Look<'m, 'l>,
    batch: &'a Batch,
    names: &'a [&'a OsStr],
    told: usize,
    kept: Option<Box<dyn OpenFile + 'm>>,
    items: Vec<Item>,
}

impl<'m> Inspector<'m> for Looked<'_, 'm, '_> {
    fn wants(&mut self, stat: &Stat) -> bool {
        stat.size <= limits::HASHED_FILE
    }

    fn keep(&mut self, file: Box<dyn OpenFile + 'm>) -> Option<Box<dyn OpenFile + 'm>> {
        self.kept = Some(file);
        None
    }

    fn told(&mut self, inspected: Result<Inspected, Miss>) {
        let at = self.told;
        let name = self.names.get(at).copied().unwrap_or_default();
        self.told = at.saturating_add(1);
        let directory = &self.batch.directory;
        let path = if name == "." { directory.clone() } else { directory.join(name) };
        let kept = self.kept.take();
        match inspected {
            Ok(it) => {
                if let Some(file) = kept {
                    let place = (self.batch.number, self.items.len());
                    self.look.waiting.push_back(Waiting { file, before: it.stat, place });
                }
                let row = self.look.row(path, it);
                self.items.push(Item::Row(Box::new(row)));
            }
            // It went away between the listing and the look.
            Err(miss) if miss.absent => {}
            Err(miss) => {
                self.look.gaps.push(miss.gap(NAME));
                let path = path.into_os_string().into_encoded_bytes();
                self.items.push(Item::Unseen(path));
            }
        }
    }
}
