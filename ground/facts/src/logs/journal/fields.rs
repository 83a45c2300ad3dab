//! The fields of an entry: found in blocks, copied or decompressed where they must be.

use std::collections::HashMap;
use std::sync::Arc;

use super::blocks::Blocks;
use super::header::{Kind, Object, data_header, u64_at};
use super::roles::Role;
use super::scan::{Layout, Record};
use crate::decompress::{self, Compression};

/// How much of one field is kept, and of all fields of one entry.
pub(super) const FIELD: usize = 1 << 20;
const ENTRY: usize = 8 << 20;
/// The longest compressed field that is unfolded (LZ4 unfolds only as a whole).
const UNFOLDED: u64 = 8 << 20;
/// How much of unfolded fields is remembered.
const REMEMBERED: usize = 16 << 20;
/// The longest name that journald takes (`journal_field_valid`).
const NAME: usize = 64;

/// Where a field's payload is.
#[derive(Clone, Debug)]
enum At {
    /// In one loaded block.
    Block(u64, usize),
    /// In the copies.
    Copy(std::ops::Range<usize>),
    /// Unfolded.
    Unfolded(Arc<[u8]>),
}

/// One field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'e> {
    /// Its name.
    pub name: &'e [u8],
    /// Its value, any bytes; at most 1 MiB of them.
    pub value: &'e [u8],
    /// Where the data lies: the same number for the same field, within a file.
    pub object: u64,
    /// What it is for.
    pub(super) role: Role,
}

/// Splits a payload into name and value.
pub(super) fn split(payload: &[u8]) -> Option<(&[u8], &[u8])> {
    let head = payload.get(..payload.len().min(NAME.saturating_add(1))).unwrap_or_default();
    let (name, rest) = payload.split_at_checked(memchr::memchr(b'=', head)?)?;
    let fits = |byte: &u8| matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b'_');
    (!name.is_empty() && name.iter().all(fits)).then(|| (name, rest.get(1..).unwrap_or_default()))
}

/// How many fields are remembered as found lately.
const LATELY: u64 = 2048;

/// A field that lies in one block: its object, where its payload is, how long that is, its name.
#[derive(Clone, Copy, Default)]
struct Lately {
    object: u64,
    start: u64,
    length: usize,
    name: Name,
}

/// How long a field's name is, and what the field is for.
#[derive(Clone, Copy, Debug, Default)]
struct Name {
    length: usize,
    role: Role,
}

/// Gathers the fields of one entry after another.
#[derive(Default)]
pub(super) struct Gatherer {
    /// Each field's object, place and name.
    places: Vec<(u64, At, Name)>,
    copies: Vec<u8>,
    /// Fields that were found lately, by their object: entries repeat most of those before.
    lately: Vec<Lately>,
    unfolded: HashMap<u64, Option<Arc<[u8]>>>,
    remembered: usize,
    /// Bytes that were gathered in all.
    pub(super) work: u64,
    /// Fields that could not be read.
    pub(super) broken: u64,
    /// Fields of which a part or all was left out because of their size.
    pub(super) cut: u64,
}

impl Gatherer {
    /// Finds those fields of an entry that tell something.
    pub(super) fn gather(&mut self, layout: &Layout, blocks: &mut Blocks<'_>, record: &Record) {
        self.places.clear();
        self.copies.clear();
        self.cut = self.cut.saturating_add(u64::from(record.cut));
        let mut room = ENTRY;
        for &offset in &record.items {
            if room == 0 {
                self.cut = self.cut.saturating_add(1);
                break;
            }
            if let Some(known) = self.known(blocks, offset, room) {
                let Lately { start, length, name, .. } = known;
                if name.role == Role::Idle {
                    continue;
                }
                room = room.saturating_sub(length);
                self.work = self.work.saturating_add(length as u64).saturating_add(64);
                self.places.push((offset, At::Block(start, length), name));
                continue;
            }
            match self.find(layout, blocks, offset, room.min(FIELD)) {
                Some((at, length)) => {
                    let is_whole = length < room.min(FIELD);
                    room = room.saturating_sub(length);
                    self.work = self.work.saturating_add(length as u64).saturating_add(64);
                    match self.payload(blocks, &at).and_then(split) {
                        Some((name, _)) => {
                            let name = Name { length: name.len(), role: Role::of(name) };
                            if is_whole {
                                self.remember(offset, &at, name);
                            }
                            if name.role != Role::Idle {
                                self.places.push((offset, at, name));
                            }
                        }
                        None => self.broken = self.broken.saturating_add(1),
                    }
                }
                None => self.broken = self.broken.saturating_add(1),
            }
        }
    }

    /// Returns a field that was found lately, with its block loaded.
    fn known(&self, blocks: &mut Blocks<'_>, object: u64, room: usize) -> Option<Lately> {
        let known = *self.lately.get(slot(object))?;
        if known.object != object || object == 0 {
            return None;
        }
        // What is not shown need not be there.
        let is_idle = known.name.role == Role::Idle;
        let fits = known.length <= room.min(FIELD);
        (is_idle || fits && blocks.lie_in_one_block(known.start, known.length)).then_some(known)
    }

    fn remember(&mut self, object: u64, at: &At, name: Name) {
        if self.lately.is_empty() {
            self.lately = vec![Lately::default(); usize::try_from(LATELY).unwrap_or(1)];
        }
        if let (At::Block(start, length), Some(place)) = (at, self.lately.get_mut(slot(object))) {
            *place = Lately { object, start: *start, length: *length, name };
        }
    }

    fn find(
        &mut self,
        layout: &Layout,
        blocks: &mut Blocks<'_>,
        offset: u64,
        most: usize,
    ) -> Option<(At, usize)> {
        if !layout.holds(offset) {
            return None;
        }
        let mut spill = Vec::new();
        let object = Object::parse(blocks.bytes(offset, 16, &mut spill)?, layout.compact)?;
        let header = data_header(layout.compact);
        let size = object.size.checked_sub(header)?;
        let start = offset.saturating_add(header);
        if object.kind != Kind::Data || start.checked_add(size)? > layout.end {
            return None;
        }
        if object.flags != 0 {
            let value = self.unfold(blocks, offset, start, size, object.flags)?;
            let length = value.len();
            return Some((At::Unfolded(value), length));
        }
        let length = usize::try_from(size).unwrap_or(usize::MAX).min(most);
        self.cut = self.cut.saturating_add(u64::from(size > length as u64));
        if blocks.lie_in_one_block(start, length) {
            return Some((At::Block(start, length), length));
        }
        let copied = self.copies.len();
        blocks.copy(start, length, &mut self.copies)?;
        Some((At::Copy(copied..self.copies.len()), length))
    }

    /// Decompresses a payload, or remembers that it was before.
    fn unfold(
        &mut self,
        blocks: &mut Blocks<'_>,
        object: u64,
        start: u64,
        size: u64,
        flags: u8,
    ) -> Option<Arc<[u8]>> {
        if let Some(known) = self.unfolded.get(&object) {
            return known.clone();
        }
        let mut bytes = Vec::new();
        let length = usize::try_from(size.min(UNFOLDED)).ok()?;
        blocks.copy(start, length, &mut bytes)?;
        let value = match flags {
            1 => decompress::value(Compression::Xz, &bytes, FIELD),
            4 => decompress::value(Compression::Zstd, &bytes, FIELD),
            _ => lz4(&bytes),
        };
        let value = value.map(|(value, cut)| {
            self.cut = self.cut.saturating_add(u64::from(cut));
            Arc::from(value)
        });
        let length = value.as_ref().map_or(0, |value: &Arc<[u8]>| value.len());
        self.work = self.work.saturating_add(length as u64).saturating_add(size);
        self.remembered = self.remembered.saturating_add(length).saturating_add(64);
        if self.remembered > REMEMBERED {
            self.unfolded.clear();
            self.remembered = length;
        }
        self.unfolded.insert(object, value.clone());
        value
    }

    /// Shows the fields that were gathered.
    pub(super) fn fields<'g>(
        &'g self,
        blocks: &'g Blocks<'_>,
    ) -> impl Iterator<Item = Field<'g>> + Clone {
        self.places.iter().filter_map(|(object, at, name)| {
            let Name { length, role } = *name;
            let (name, value) = self.payload(blocks, at)?.split_at_checked(length)?;
            Some(Field { name, value: value.get(1..)?, object: *object, role })
        })
    }

    fn payload<'g>(&'g self, blocks: &'g Blocks<'_>, at: &'g At) -> Option<&'g [u8]> {
        match at {
            At::Block(offset, length) => blocks.loaded(*offset, *length),
            At::Copy(range) => self.copies.get(range.clone()),
            At::Unfolded(bytes) => Some(bytes),
        }
    }
}

/// Returns where an object is remembered; they lie at multiples of eight.
fn slot(object: u64) -> usize {
    usize::try_from((object >> 3) % LATELY).unwrap_or(0)
}

/// Decompresses LZ4 as journald stores it: the length in 8 bytes, then one block.
fn lz4(bytes: &[u8]) -> Option<(Vec<u8>, bool)> {
    let length = u64_at(bytes, 0);
    if length > UNFOLDED {
        return None;
    }
    let block = bytes.get(8..)?;
    let mut value = vec![0; usize::try_from(length).ok()?];
    let written = lz4_flex::block::decompress_into(block, &mut value).ok()?;
    value.truncate(written.min(FIELD));
    Some((value, written > FIELD))
}
