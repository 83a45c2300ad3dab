//! Looks closely at what the walk meets, in two threads, and tells it in the order of the walk.
//!
//! ```text
//!   walker (one at a time) ─► batches 0 1 2 3 … ─► two threads ─► held back until those before are told
//! ```

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use md5::Digest as _;
use stanch_machine::inspect::Content;
use stanch_machine::{FileKind, Inspected, Inspector, Miss, Stat, limits, together};
use stanch_words::{Gap, GapKind, Value};

use super::walk::{Batch, Walker};
use super::{Digests, Item, NAME, Row, Scope};
use crate::Host;
use crate::packages::{self, Index};

/// How many look at a time: two cores are usual.
const THREADS: usize = 2;
/// How many batches may be ahead of the one that is told next: one large file holds all up.
const AHEAD: u64 = 256;
/// How much is read at a time: both digests take it while it is in the processor's cache.
const ROOM: usize = 128 << 10;

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
        let mut look = Look::new(host, scope.digests, index.clone());
        loop {
            let next = lock(&walker).next();
            let Some(batch) = next.filter(|batch| line.wait(batch.number)) else { break };
            let number = batch.number;
            if !line.put(number, look.batch(batch), &mut look.gaps) {
                break;
            }
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

    /// Waits until a batch is not too far ahead; returns whether to go on.
    fn wait(&self, number: u64) -> bool {
        let mut state = lock(&self.state);
        while !state.stopped && self.is_newest() && number >= state.next.saturating_add(AHEAD) {
            let patience = Duration::from_millis(200);
            state =
                self.moved.wait_timeout(state, patience).unwrap_or_else(PoisonError::into_inner).0;
        }
        !state.stopped && self.is_newest()
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

/// Who looks, with the digests of the file that is read.
struct Look<'a> {
    host: &'a Host,
    digests: Digests,
    index: Option<Arc<Index>>,
    room: Vec<u8>,
    blake3: blake3::Hasher,
    sha256: sha2::Sha256,
    batch: Batch,
    told: usize,
    items: Vec<Item>,
    gaps: Vec<Gap>,
}

impl<'a> Look<'a> {
    fn new(host: &'a Host, digests: Digests, index: Option<Arc<Index>>) -> Self {
        Self {
            host,
            digests,
            index,
            room: vec![0; ROOM],
            blake3: blake3::Hasher::new(),
            sha256: sha2::Sha256::new(),
            batch: Batch::default(),
            told: 0,
            items: Vec::new(),
            gaps: Vec::new(),
        }
    }

    fn batch(&mut self, mut batch: Batch) -> Vec<Item> {
        let (directory, names) = (batch.directory.clone(), std::mem::take(&mut batch.names));
        let unseen = batch.unseen.take();
        self.batch = Batch { names, ..batch };
        self.told = 0;
        let names = std::mem::take(&mut self.batch.names);
        let asked: Vec<&OsStr> = names.iter().map(std::ffi::OsString::as_os_str).collect();
        self.host.machine().inspect(&directory, &asked, &mut Named { look: self, names: &asked });
        self.items.extend(unseen);
        std::mem::take(&mut self.items)
    }

    fn path(&self, name: &OsStr) -> PathBuf {
        if name == "." { self.batch.directory.clone() } else { self.batch.directory.join(name) }
    }

    fn row(&mut self, path: PathBuf, it: Inspected) {
        for miss in &it.misses {
            self.gaps.push(miss.gap(NAME));
        }
        let shown = || Value::from(path.as_path()).to_string();
        if it.content == Content::Changed {
            let gap = Gap::new(NAME, GapKind::Changed, "it changed while it was read");
            self.gaps.push(gap.at(shown()));
        }
        if it.stat.kind() == FileKind::Regular && it.stat.size > limits::HASHED_FILE {
            let detail =
                format!("larger than {} bytes: its content was not read", limits::HASHED_FILE);
            self.gaps.push(Gap::new(NAME, GapKind::Truncated, detail).at(shown()));
        }
        let owner = self.index.as_ref().and_then(|index| index.owner(&path));
        let package = owner.map_or_else(Vec::new, |owner| owner.package.name.as_bytes().to_vec());
        let (blake3, sha256) = self.digests(it.content);
        self.items.push(Item::Row(Box::new(Row {
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
            blake3,
            sha256,
        })));
    }

    /// Returns the digests of what was read, and begins anew. A file that changed while it was read
    /// has none that means anything.
    fn digests(&mut self, content: Content) -> (Option<super::Digest>, Option<super::Digest>) {
        let told = match content {
            Content::NotRead => return (None, None),
            Content::Whole => (
                (self.digests != Digests::Sha256).then(|| *self.blake3.finalize().as_bytes()),
                (self.digests != Digests::Blake3)
                    .then(|| std::mem::take(&mut self.sha256).finalize().into()),
            ),
            Content::Changed | Content::Missed => (None, None),
        };
        self.blake3.reset();
        self.sha256 = sha2::Sha256::new();
        told
    }
}

/// A look at entries whose names are known.
struct Named<'a, 'b, 'c> {
    look: &'a mut Look<'b>,
    names: &'c [&'c OsStr],
}

impl Inspector for Named<'_, '_, '_> {
    fn wants(&mut self, stat: &Stat) -> bool {
        stat.size <= limits::HASHED_FILE
    }

    fn room(&mut self) -> &mut [u8] {
        &mut self.look.room
    }

    fn take(&mut self, length: usize) {
        let look = &mut *self.look;
        let bytes = look.room.get(..length).unwrap_or_default();
        if look.digests != Digests::Sha256 {
            look.blake3.update(bytes);
        }
        if look.digests != Digests::Blake3 {
            look.sha256.update(bytes);
        }
    }

    fn told(&mut self, inspected: Result<Inspected, Miss>) {
        let name = self.names.get(self.look.told).copied().unwrap_or_default();
        self.look.told = self.look.told.saturating_add(1);
        let path = self.look.path(name);
        match inspected {
            Ok(it) => self.look.row(path, it),
            // It went away between the listing and the look.
            Err(miss) if miss.absent => {}
            Err(miss) => {
                self.look.gaps.push(miss.gap(NAME));
                let path = path.as_os_str().as_bytes().to_vec();
                self.look.items.push(Item::Unseen(path));
            }
        }
    }
}
