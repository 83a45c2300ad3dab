//! Sorted runs, packed in memory.
//!
//! ```text
//!   pushed ─► a chunk of 4 MiB ─► sorted ─► blocks of 64 KiB, packed ─► a run
//! ```
//! A log is mostly in order already, so that its chunks follow each other in one run. When there
//! is no room for more, the blocks that end first are dropped, and everything up to there with
//! them: what is left is whole from a time on, and that time is told.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use stanch_words::{Happened, Moment};

use super::codec::{self, Back, Front};

/// How much is sorted at once.
const CHUNK: usize = 4 << 20;
/// How much is packed at once.
const BLOCK: usize = 64 << 10;

/// Moments one after the other, packed.
#[derive(Debug)]
struct Block {
    first: i64,
    last: i64,
    count: u64,
    packed: Vec<u8>,
}

/// Blocks in order.
type Run = VecDeque<Block>;

/// Moments of one source, while they come.
#[derive(Debug)]
pub(super) struct Sorting {
    runs: Vec<Run>,
    chunk: Vec<u8>,
    /// Where the moments of the chunk stand: time, begin, end.
    places: Vec<(i64, usize, usize)>,
    room: Room,
}

/// How much there is room for, and what there was none for.
#[derive(Clone, Copy, Debug)]
struct Room {
    most: u64,
    held: u64,
    /// Nothing up to this time is held.
    after: Option<i64>,
    left_out: u64,
}

impl Room {
    fn has(&self, time: i64) -> bool {
        self.after.is_none_or(|after| time > after)
    }

    /// Makes room by dropping what is oldest.
    fn make(&mut self, runs: &mut [Run]) {
        while self.held > self.most {
            let oldest = runs.iter_mut().filter(|run| !run.is_empty());
            let oldest = oldest.min_by_key(|run| run.front().map_or(i64::MAX, |block| block.last));
            let Some(block) = oldest.and_then(VecDeque::pop_front) else { return };
            self.held = self.held.saturating_sub(size(&block));
            self.left_out = self.left_out.saturating_add(block.count);
            self.after = self.after.max(Some(block.last));
        }
    }
}

fn size(block: &Block) -> u64 {
    // What a block costs beside its bytes.
    (block.packed.len() as u64).saturating_add(64)
}

impl Sorting {
    /// Returns an empty one: nothing up to a time is taken, and at most so many bytes are held.
    pub(super) fn new(after: Option<i64>, most: u64) -> Self {
        let room = Room { most, held: 0, after, left_out: 0 };
        Self { runs: Vec::new(), chunk: Vec::new(), places: Vec::new(), room }
    }

    /// Takes a moment.
    pub(super) fn push(&mut self, moment: &Moment<'_>) {
        if !self.room.has(moment.time) {
            self.room.left_out = self.room.left_out.saturating_add(1);
            return;
        }
        let begin = self.chunk.len();
        codec::put(&mut self.chunk, moment);
        self.places.push((moment.time, begin, self.chunk.len()));
        if self.chunk.len() >= CHUNK {
            self.settle();
        }
    }

    /// Sorts and packs what came so far.
    pub(super) fn settle(&mut self) {
        if self.places.is_empty() {
            return;
        }
        // Equal times stay in the order in which they came.
        self.places.sort_by_key(|(time, ..)| *time);
        let mut run = Run::new();
        let mut raw = Vec::with_capacity(BLOCK.min(self.chunk.len()));
        let (mut first, mut last, mut count) = (0, 0, 0_u64);
        for (time, begin, end) in self.places.drain(..) {
            if count == 0 {
                first = time;
            }
            (last, count) = (time, count.saturating_add(1));
            raw.extend_from_slice(&time.to_le_bytes());
            let body = self.chunk.get(begin..end).unwrap_or_default();
            codec::number(&mut raw, body.len() as u64);
            raw.extend_from_slice(body);
            if raw.len() >= BLOCK {
                run.push_back(Block { first, last, count, packed: packed(&raw) });
                raw.clear();
                count = 0;
            }
        }
        if count > 0 {
            run.push_back(Block { first, last, count, packed: packed(&raw) });
        }
        self.chunk.clear();
        self.room.held = self.room.held.saturating_add(run.iter().map(size).sum());
        let follows = |end: &Run| match (end.back(), run.front()) {
            (Some(before), Some(after)) => before.last <= after.first,
            _ => true,
        };
        match self.runs.last_mut().filter(|end| follows(end)) {
            Some(end) => end.append(&mut run),
            None => self.runs.push(run),
        }
        self.room.make(&mut self.runs);
    }
}

fn packed(raw: &[u8]) -> Vec<u8> {
    let mut packed = lz4_flex::compress_prepend_size(raw);
    packed.shrink_to_fit();
    packed
}

/// Runs of all sources.
#[derive(Debug)]
pub(super) struct Runs {
    runs: Vec<Run>,
    room: Room,
}

impl Runs {
    /// Returns none, with room for so many bytes.
    pub(super) fn new(most: u64) -> Self {
        Self { runs: Vec::new(), room: Room { most, held: 0, after: None, left_out: 0 } }
    }

    /// Returns the time up to which nothing is held.
    pub(super) fn after(&self) -> Option<i64> {
        self.room.after
    }

    /// Returns how many were dropped so far, and the time up to which nothing is held.
    pub(super) fn left_out(&self) -> (u64, Option<i64>) {
        (self.room.left_out, self.room.after)
    }

    /// Takes what came of a source.
    pub(super) fn add(&mut self, mut sorting: Sorting) {
        sorting.settle();
        self.room.left_out = self.room.left_out.saturating_add(sorting.room.left_out);
        self.room.after = self.room.after.max(sorting.room.after);
        self.room.held = self.room.held.saturating_add(sorting.room.held);
        self.runs.append(&mut sorting.runs);
        self.room.make(&mut self.runs);
        self.runs.retain(|run| !run.is_empty());
    }

    /// Shows all, the oldest first; equal times in the order in which their sources came. Returns
    /// how many were left out on the way, since what they were with had been dropped.
    pub(super) fn each<E>(
        self,
        mut each: impl FnMut(&Moment<'_>) -> Result<(), E>,
    ) -> Result<u64, E> {
        let room = self.room;
        let mut left_out = 0_u64;
        let mut open: Vec<Open> = self.runs.into_iter().map(Open::new).collect();
        let mut next: BinaryHeap<Reverse<(i64, usize)>> = BinaryHeap::with_capacity(open.len());
        for (at, run) in open.iter_mut().enumerate() {
            // A run is unpacked when its time comes: there may be thousands.
            next.extend(run.begins().map(|time| Reverse((time, at))));
        }
        while let Some(Reverse((_, at))) = next.pop() {
            let Some(run) = open.get_mut(at) else { continue };
            // Front one run as long as no other is due.
            let other = next.peek().map(|Reverse(other)| *other);
            while let Some(time) = run.due() {
                if other.is_some_and(|other| (time, at) > other) {
                    next.push(Reverse((time, at)));
                    break;
                }
                let moment = run.take();
                if !room.has(time) {
                    left_out = left_out.saturating_add(1);
                    continue;
                }
                match moment.and_then(|bytes| codec::back(bytes, time)) {
                    Some(Back::Event(event)) => {
                        each(&Moment { time, what: Happened::Event(&event) })?;
                    }
                    Some(Back::Times(file)) => {
                        each(&Moment { time, what: Happened::Times(&file) })?;
                    }
                    None => left_out = left_out.saturating_add(1),
                }
            }
        }
        Ok(left_out)
    }
}

/// A run that is read.
struct Open {
    packed: Run,
    raw: Vec<u8>,
    at: usize,
}

impl Open {
    fn new(packed: Run) -> Self {
        Self { packed, raw: Vec::new(), at: 0 }
    }

    fn begins(&self) -> Option<i64> {
        self.packed.front().map(|block| block.first)
    }

    /// Returns the time of the next moment; unpacks what it stands in.
    fn due(&mut self) -> Option<i64> {
        while self.at >= self.raw.len() {
            self.at = 0;
            // What was packed a moment ago, in this very memory.
            let block = self.packed.pop_front();
            let Some(block) = block else {
                self.raw = Vec::new();
                return None;
            };
            self.raw = lz4_flex::decompress_size_prepended(&block.packed).unwrap_or_default();
        }
        Front(self.raw.get(self.at..)?).signed()
    }

    /// Returns the bytes of the next moment and goes on.
    fn take(&mut self) -> Option<&[u8]> {
        let mut from = Front(self.raw.get(self.at..).unwrap_or_default());
        let bytes = from.signed().and_then(|_time| from.bytes());
        let left = from.0.len();
        self.at = match bytes {
            Some(_) => self.raw.len().saturating_sub(left),
            None => self.raw.len(),
        };
        bytes
    }
}
