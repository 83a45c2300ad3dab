//! Every entry of a journal file, in the order in which they were written.
//!
//! Objects lie one after another, and entries are listed in a chain of arrays besides. Both are
//! walked in lockstep: the objects find what the arrays do not name (an entry that was unlinked to
//! hide it), and the arrays lead on where an object's size is damaged.
//!
//! ```text
//!   objects  DATA ENTRY DATA DATA ENTRY ??? DATA ENTRY          all of the file, by their sizes
//!   arrays        ↑               ↑              ↑              what a reader is meant to follow
//! ```

use super::blocks::Blocks;
use super::hashes::Hash;
use super::header::{Header, Kind, OBJECT, Object, data_header, id_at, u32_at, u64_at};

/// The most fields that journald takes in one entry.
const ITEMS: usize = 1024;

/// An entry's own record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) offset: u64,
    pub(super) seqnum: u64,
    pub(super) realtime: u64,
    pub(super) monotonic: u64,
    pub(super) boot_id: [u8; 16],
    /// Where its fields lie.
    pub(super) items: Vec<u64>,
    /// Whether there were more items than journald takes.
    pub(super) cut: bool,
}

/// What the scan came across.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// Places where objects or arrays made no sense.
    pub(super) damaged: u64,
    /// Entries that no array names though a later one is named.
    pub(super) unlinked: u64,
    /// Entries after the last that an array names.
    pub(super) unlinked_tail: u64,
    /// Data whose hash is not that of its payload.
    pub(super) altered: u64,
    /// Seals.
    pub(super) tags: u64,
}

/// How a file is laid out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    pub(super) compact: bool,
    /// Where objects begin.
    pub(super) start: u64,
    /// Where the last object begins, as far as the header knows.
    pub(super) tail: u64,
    /// Where the file ends.
    pub(super) end: u64,
}

impl Layout {
    fn object(&self, blocks: &mut Blocks<'_>, offset: u64) -> Option<Object> {
        let mut spill = Vec::new();
        let bytes = blocks.bytes(offset, 16, &mut spill)?;
        let object = Object::parse(bytes, self.compact)?;
        (offset.checked_add(object.size)? <= self.end).then_some(object)
    }

    /// Returns whether an offset can be an object's.
    pub(super) fn holds(&self, offset: u64) -> bool {
        offset.is_multiple_of(8) && offset >= self.start && offset < self.end
    }

    pub(super) fn is_entry(&self, blocks: &mut Blocks<'_>, offset: u64) -> bool {
        self.object(blocks, offset).is_some_and(|object| object.kind == Kind::Entry)
    }
}

/// The chain of arrays that lists all entries.
struct Chain {
    array: u64,
    next: u64,
    index: u64,
    count: u64,
    /// The next entry, once it was looked up.
    ahead: Option<u64>,
    last: u64,
    damaged: u64,
}

impl Chain {
    fn new(first: u64) -> Self {
        Self { array: 0, next: first, index: 0, count: 0, ahead: None, last: 0, damaged: 0 }
    }

    /// Returns where the next listed entry lies. Arrays and entries only ever lie further back in
    /// the file than those before them, which ends every loop.
    fn peek(&mut self, layout: &Layout, blocks: &mut Blocks<'_>) -> Option<u64> {
        while self.ahead.is_none() {
            if self.index >= self.count && !self.open_next(layout, blocks) {
                return None;
            }
            let width = if layout.compact { 4 } else { 8 };
            let at = self.array.saturating_add(24).saturating_add(self.index.saturating_mul(width));
            let mut spill = Vec::new();
            let item = blocks.bytes(at, usize::try_from(width).unwrap_or(8), &mut spill);
            let item = item.map_or(0, |bytes| {
                if layout.compact { u64::from(u32_at(bytes, 0)) } else { u64_at(bytes, 0) }
            });
            self.index = self.index.saturating_add(1);
            if item == 0 {
                // The rest of the array is not used yet.
                self.index = self.count;
            } else if layout.holds(item) && item > self.last && layout.is_entry(blocks, item) {
                self.ahead = Some(item);
                self.last = item;
            } else {
                self.damaged = self.damaged.saturating_add(1);
            }
        }
        self.ahead
    }

    fn open_next(&mut self, layout: &Layout, blocks: &mut Blocks<'_>) -> bool {
        let offset = std::mem::take(&mut self.next);
        if offset == 0 {
            return false;
        }
        let object = layout.holds(offset).then(|| layout.object(blocks, offset)).flatten();
        let Some(object) = object.filter(|o| o.kind == Kind::EntryArray && offset > self.array)
        else {
            self.damaged = self.damaged.saturating_add(1);
            return false;
        };
        let mut spill = Vec::new();
        let next = blocks.bytes(offset.saturating_add(OBJECT), 8, &mut spill);
        self.next = next.map_or(0, |bytes| u64_at(bytes, 0));
        self.array = offset;
        self.index = 0;
        self.count = object.size.saturating_sub(24) / if layout.compact { 4 } else { 8 };
        true
    }
}

/// The walk over a file.
pub(super) struct Scan {
    pub(super) layout: Layout,
    pub(super) found: Found,
    chain: Chain,
    position: u64,
    /// Where the last object that made sense began: its size may be what is wrong.
    before: u64,
    /// Unlinked entries since the last linked one.
    pending: u64,
    hash: Hash,
    /// Whether every payload is compared with its hash.
    checks: bool,
    payload: Vec<u8>,
}

impl Scan {
    pub(super) fn new(header: &Header, layout: Layout, checks: bool) -> Self {
        let hash = Hash::new(header.is_keyed().then_some(&header.file_id));
        Self {
            layout,
            found: Found::default(),
            chain: Chain::new(header.entry_array),
            position: layout.start,
            before: layout.start,
            pending: 0,
            hash,
            checks,
            payload: Vec::new(),
        }
    }

    /// Moves on to the next entry.
    pub(super) fn next(&mut self, blocks: &mut Blocks<'_>, record: &mut Record) -> bool {
        while self.position < self.layout.end && !blocks.is_dead() {
            let offset = self.position;
            let ahead = self.chain.peek(&self.layout, blocks);
            let object = self.layout.object(blocks, offset);
            let overlaps = |object: &Object| {
                ahead.is_some_and(|ahead| offset < ahead && ahead < object.end(offset))
            };
            let object = object.filter(|object| !overlaps(object));
            let object = object
                .filter(|&object| ahead.is_some() || self.is_credible(blocks, offset, object));
            let Some(object) = object else {
                if !self.resync(blocks, ahead) {
                    break;
                }
                continue;
            };
            (self.before, self.position) = (offset, object.end(offset));
            match object.kind {
                Kind::Entry => {
                    self.link(offset, ahead);
                    let object = self.shortened(blocks, offset, object);
                    if read_entry(&self.layout, blocks, offset, object, record) {
                        return true;
                    }
                    self.found.damaged = self.found.damaged.saturating_add(1);
                }
                Kind::Data => self.check(blocks, offset, object),
                Kind::Tag => self.found.tags = self.found.tags.saturating_add(1),
                Kind::Field | Kind::HashTable | Kind::EntryArray => {}
            }
            if self.position & 0xffff < object.size {
                blocks.trim();
            }
        }
        self.found.damaged = self.found.damaged.saturating_add(self.chain.damaged);
        self.chain.damaged = 0;
        self.found.unlinked_tail = self.pending;
        false
    }

    /// Compares an entry with what the arrays say.
    fn link(&mut self, offset: u64, ahead: Option<u64>) {
        if ahead == Some(offset) {
            self.chain.ahead = None;
            self.found.unlinked = self.found.unlinked.saturating_add(self.pending);
            self.pending = 0;
        } else {
            self.pending = self.pending.saturating_add(1);
        }
        // A name that lies behind us was passed over by damage.
        if ahead.is_some_and(|ahead| ahead < offset) {
            self.chain.ahead = None;
        }
    }

    /// Returns an entry's object no longer than up to the next linked entry: past it, its size is
    /// damaged.
    fn shortened(&mut self, blocks: &mut Blocks<'_>, offset: u64, object: Object) -> Object {
        let ahead = self.chain.peek(&self.layout, blocks).filter(|&ahead| ahead > offset);
        let Some(next) = ahead.filter(|&ahead| ahead < object.end(offset)) else { return object };
        self.found.damaged = self.found.damaged.saturating_add(1);
        self.position = next;
        Object { size: next.saturating_sub(offset), ..object }
    }

    /// Compares a payload that is not compressed with its hash.
    fn check(&mut self, blocks: &mut Blocks<'_>, offset: u64, object: Object) {
        if self.checks && object.flags == 0 && object.size < 1 << 20 {
            let wrong = !self.is_hashed_right(blocks, offset, object);
            self.found.altered = self.found.altered.saturating_add(u64::from(wrong));
        }
    }

    fn is_hashed_right(&mut self, blocks: &mut Blocks<'_>, offset: u64, object: Object) -> bool {
        let size = usize::try_from(object.size).unwrap_or(0);
        let header = usize::try_from(data_header(self.layout.compact)).unwrap_or(0);
        let Some(bytes) = blocks.bytes(offset, size, &mut self.payload) else { return false };
        bytes.get(header..).is_some_and(|payload| self.hash.of(payload) == u64_at(bytes, 16))
    }

    /// Returns whether the size of a large object is to be believed where no array says what comes
    /// next: else one wrong byte in it could take us over hundreds of entries.
    fn is_credible(&mut self, blocks: &mut Blocks<'_>, offset: u64, object: Object) -> bool {
        match object.kind {
            Kind::Entry => object.size <= 64 + 16 * ITEMS as u64,
            Kind::Data if object.flags == 0 && (4096..1 << 20).contains(&object.size) => {
                self.is_hashed_right(blocks, offset, object)
            }
            Kind::Field => object.size < 4096,
            _ => true,
        }
    }

    /// Finds the next place that makes sense after one that does not; false at the end.
    fn resync(&mut self, blocks: &mut Blocks<'_>, ahead: Option<u64>) -> bool {
        let after_tail = self.position > self.layout.tail;
        if after_tail && ahead.is_none() && self.is_unused(blocks) {
            return false;
        }
        self.found.damaged = self.found.damaged.saturating_add(1);
        // The arrays know where to go on; else step by step, and only what is followed by another
        // object counts: a payload may hold anything.
        let next = ahead.filter(|&ahead| ahead > self.before).or_else(|| {
            let mut at = self.before.saturating_add(OBJECT);
            while at < self.layout.end && !blocks.is_dead() {
                if self.makes_sense(blocks, at) {
                    return Some(at);
                }
                at = at.saturating_add(8);
                if at & 0xffff == 0 {
                    blocks.trim();
                }
            }
            None
        });
        let Some(next) = next else { return false };
        (self.before, self.position) = (next, next);
        true
    }

    fn makes_sense(&self, blocks: &mut Blocks<'_>, offset: u64) -> bool {
        let Some(object) = self.layout.object(blocks, offset) else { return false };
        let end = object.end(offset);
        if end > self.layout.tail || self.layout.object(blocks, end).is_some() {
            return true;
        }
        // An entry proves itself: it names data that is there.
        let mut record = Record::default();
        object.kind == Kind::Entry
            && read_entry(&self.layout, blocks, offset, object, &mut record)
            && record.items.first().is_some_and(|&item| {
                let data = self.layout.holds(item).then(|| self.layout.object(blocks, item));
                data.flatten().is_some_and(|data| data.kind == Kind::Data)
            })
    }

    /// Returns whether nothing was written at the position: journald allots space ahead.
    fn is_unused(&self, blocks: &mut Blocks<'_>) -> bool {
        let mut spill = Vec::new();
        let rest = self.layout.end.saturating_sub(self.position).min(OBJECT);
        let bytes = blocks.bytes(self.position, usize::try_from(rest).unwrap_or(0), &mut spill);
        bytes.is_some_and(|bytes| bytes.iter().all(|&byte| byte == 0))
    }
}

fn read_entry(
    layout: &Layout,
    blocks: &mut Blocks<'_>,
    offset: u64,
    object: Object,
    record: &mut Record,
) -> bool {
    let width = if layout.compact { 4 } else { 16 };
    let count = usize::try_from(object.size.saturating_sub(64)).unwrap_or(0) / width;
    record.cut = count > ITEMS;
    let length = count.min(ITEMS).saturating_mul(width).saturating_add(64);
    let mut spill = Vec::new();
    let Some(bytes) = blocks.bytes(offset, length, &mut spill) else { return false };
    record.offset = offset;
    record.seqnum = u64_at(bytes, 16);
    record.realtime = u64_at(bytes, 24);
    record.monotonic = u64_at(bytes, 32);
    record.boot_id = id_at(bytes, 40);
    record.items.clear();
    let items = bytes.get(64..).unwrap_or_default().chunks_exact(width);
    record.items.extend(
        items.map(|item| if layout.compact { u64::from(u32_at(item, 0)) } else { u64_at(item, 0) }),
    );
    // systemd itself refuses such entries (a clock before 1970 or past the year 5138).
    record.seqnum > 0 && record.realtime > 0 && record.realtime < 100_000_000_000_000_000
}

/// Finds out whether offsets have 32 bits, by where payloads begin, for a header that may be
/// damaged. A name and `=` stand 64 bytes into a data object, or 72 in the compact form.
pub(super) fn is_compact(header: &Header, blocks: &mut Blocks<'_>, layout: Layout) -> bool {
    let votes = |compact: bool, blocks: &mut Blocks<'_>| {
        let layout = Layout { compact, ..layout };
        let (mut at, mut such, mut spill) = (layout.start, 0, Vec::new());
        for _ in 0..64 {
            let Some(object) = layout.object(blocks, at) else { break };
            if object.kind == Kind::Data && object.flags == 0 {
                let start = at.saturating_add(data_header(compact));
                let size = object.size.saturating_sub(data_header(compact)).min(64);
                let size = usize::try_from(size).unwrap_or(0);
                let name = blocks.bytes(start, size, &mut spill).unwrap_or_default();
                such += u32::from(super::fields::split(name).is_some());
            }
            at = object.end(at);
        }
        such
    };
    let (wide, compact) = (votes(false, blocks), votes(true, blocks));
    if wide == compact { header.is_compact() } else { compact > wide }
}
