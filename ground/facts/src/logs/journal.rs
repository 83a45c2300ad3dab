//! Journal files of systemd, read without systemd.
//!
//! Source: systemd, "Journal File Format" (describes 246, with later additions) and the numbers in
//! `journal-def.h`: both forms (64-bit and compact), fields compressed with XZ, LZ4 and Zstandard,
//! plain and keyed hashes, files whose writer died (`~`), and damaged ones, of which every entry
//! that can still be read is read.
//!
//! The file is hostile: nothing in it makes us read for ever, keep much or fail as a whole.

mod ahead;
mod blocks;
mod events;
mod fields;
mod hashes;
mod header;
mod roles;
mod scan;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) mod write;

use std::collections::BTreeSet;
use std::path::Path;

use stanch_machine::{Machine, Miss};
use stanch_words::{Event, Gap, GapKind, Value};

use super::{Context, Counts, Each, Form, Format, Sample};
use blocks::Blocks;
use events::Teller;
pub use fields::Field;
use fields::Gatherer;
pub use header::{Header, SIGNATURE, State, id_text};
use scan::{Found, Layout, Record, Scan};

pub(super) static FORMAT: Format = Format {
    name: "journal",
    recognise: |sample: &Sample<'_>| if Header::parse(sample.bytes).is_some() { 100 } else { 0 },
    form: Form::Whole(events),
    stands_alone: false,
};

/// Reads a journal file as events.
fn events(
    machine: &dyn Machine,
    path: &Path,
    context: &Context,
    each: &mut Each<'_>,
) -> Result<(Counts, Vec<Gap>), Miss> {
    let (mut shown, mut teller) = (0_u64, Teller::default());
    let each = &mut |event: &Event<'_>| {
        shown = shown.saturating_add(1);
        each(event);
    };
    let summary = ahead::read(machine, path, &mut |entry| teller.tell(entry, context, each))?;
    let untold = teller.end(each);
    let mut gaps = summary.gaps("", path);
    if untold > 0 {
        let detail = format!("{untold} entries of further processes are not told");
        gaps.push(Gap::new("", GapKind::Truncated, detail).at(Value::from(path).to_string()));
    }
    let counts = Counts {
        lines: summary.entries.saturating_add(summary.damaged),
        events: shown,
        not_understood: summary.damaged,
        bytes: summary.size,
        ..Counts::default()
    };
    Ok((counts, gaps))
}

/// How many boots and ranges of sequence numbers are kept of one file. A file that shares its
/// numbers with the journals of users has a range for each time that they take turns.
const BOOTS: usize = 10_000;
const RANGES: usize = 500_000;
/// How many bytes of fields are given for each byte of the file, and for a small one: an honest
/// journal gives two, one whose entries all name one long field gives thousands.
const WORK: u64 = 64;
const FREE_WORK: u64 = 256 << 20;

/// One entry of a journal.
#[derive(Debug)]
pub struct Entry<'e> {
    /// Its number in the numbering of [`Header::seqnum_id`].
    pub seqnum: u64,
    /// When it was received, in microseconds since 1970 UTC.
    pub realtime: u64,
    /// The same by the clock of the boot.
    pub monotonic: u64,
    /// The boot.
    pub boot_id: [u8; 16],
    /// Where it lies in the file.
    pub offset: u64,
    /// How many entries were before it, plus one.
    pub number: u64,
    fields: &'e [Field<'e>],
}

impl<'e> Entry<'e> {
    /// Returns the fields that tell something, in the order in which they are stored: left out are
    /// those that repeat others or say nothing about who did what.
    pub fn fields(&self) -> &'e [Field<'e>] {
        self.fields
    }

    /// Returns the value of the first field of a name.
    pub fn value(&self, name: &str) -> Option<&'e [u8]> {
        self.fields.iter().find(|f| f.name == name.as_bytes()).map(|f| f.value)
    }
}

/// What a reader wants of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// The fields of every entry that tell something.
    Fields,
    /// Only entries' own records, but the hash of each field that is not compressed.
    Hashes,
}

/// What a file as a whole was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Its header.
    pub header: Header,
    /// Its size.
    pub size: u64,
    /// Entries found.
    pub entries: u64,
    /// The boots that they belong to.
    pub boots: BTreeSet<[u8; 16]>,
    /// The sequence numbers found, as ranges with both ends; empty if they were too many.
    pub ranges: Vec<(u64, u64)>,
    /// Whether the ranges are all there.
    pub ranges_whole: bool,
    /// The smallest and the largest time found.
    pub times: Option<(u64, u64)>,
    /// How often a sequence number was not larger than the one before.
    pub backwards: u64,
    /// How often the time stepped back within one boot.
    pub time_backwards: u64,
    /// Places that made no sense, fields that could not be read.
    pub damaged: u64,
    /// Entries that no array names though a later one is named.
    pub unlinked: u64,
    /// Entries after the last that an array names.
    pub unlinked_tail: u64,
    /// Fields whose hash is not that of their value (with [`Depth::Hashes`]).
    pub altered: u64,
    /// Seals.
    pub tags: u64,
    /// Fields of which not all was read because of their size, or entries because of the work.
    pub cut: u64,
    /// Bytes that the header counts but the file does not have.
    pub missing_bytes: u64,
    /// Why a part of it could not be read.
    pub miss: Option<Miss>,
}

impl Summary {
    /// Returns the gaps that the file leaves.
    pub fn gaps(&self, what: &str, path: &Path) -> Vec<Gap> {
        let at = Value::from(path).to_string();
        let mut gaps: Vec<Gap> = self.miss.iter().map(|miss| miss.gap(what)).collect();
        if self.damaged > 0 || self.missing_bytes > 0 {
            let detail = format!(
                "{} places are damaged, {} bytes are missing; {} of {} entries were read",
                self.damaged, self.missing_bytes, self.entries, self.header.entries
            );
            gaps.push(Gap::new(what, GapKind::Damaged, detail).at(at.clone()));
        }
        if self.cut > 0 {
            let detail = format!("{} long fields or entries were not read whole", self.cut);
            gaps.push(Gap::new(what, GapKind::Truncated, detail).at(at));
        }
        gaps
    }
}

/// Reads a journal file from its beginning to its end.
///
/// # Errors
/// A [`Miss`] if it cannot be opened, or is no journal.
pub fn read(
    machine: &dyn Machine,
    path: &Path,
    depth: Depth,
    each: &mut dyn FnMut(&Entry<'_>),
) -> Result<Summary, Miss> {
    let file = machine.open(path)?;
    let mut blocks = Blocks::open(&*file)?;
    let mut spill = Vec::new();
    let head = usize::try_from(blocks.size.min(header::SMALLEST)).unwrap_or(0);
    let header = blocks.bytes(0, head, &mut spill).and_then(Header::parse);
    let Some(header) = header else {
        let no_journal = || Miss::new(GapKind::Damaged, "not a journal file", path);
        return Err(blocks.miss.take().unwrap_or_else(no_journal));
    };
    let mut summary = Summary { size: blocks.size, ranges_whole: true, ..Summary::default() };
    let layout = layout(&header, &mut blocks, &mut summary);
    let mut reading = Reading {
        scan: Scan::new(&header, layout, depth == Depth::Hashes),
        gatherer: Gatherer::default(),
        blocks,
        summary,
        last: None,
    };
    reading.summary.header = header;
    reading.run(depth, each);
    Ok(reading.end())
}

/// Finds out how a file is laid out, mistrusting the header.
fn layout(header: &Header, blocks: &mut Blocks<'_>, summary: &mut Summary) -> Layout {
    let sane = (header::SMALLEST..=4096).contains(&header.header_size)
        && header.header_size.is_multiple_of(8);
    // 272 bytes since systemd 254; an honest older file says its own size.
    let start = if sane { header.header_size } else { header::SMALLEST };
    let claimed = start.saturating_add(header.arena_size);
    let end = blocks.size;
    if claimed > end {
        summary.missing_bytes = claimed.saturating_sub(end);
    }
    let tail = if header.tail_object < end { header.tail_object } else { 0 };
    let mut layout = Layout { compact: header.is_compact(), start, tail, end };
    layout.compact = scan::is_compact(header, blocks, layout);
    let wrong = [!header.signed, !sane, layout.compact != header.is_compact(), header.is_strange()];
    summary.damaged = wrong.into_iter().map(u64::from).sum();
    layout
}

/// The state while a file is read.
struct Reading<'f> {
    blocks: Blocks<'f>,
    scan: Scan,
    gatherer: Gatherer,
    summary: Summary,
    last: Option<(u64, u64, [u8; 16])>,
}

impl Reading<'_> {
    fn run(&mut self, depth: Depth, each: &mut dyn FnMut(&Entry<'_>)) {
        let most = self.blocks.size.saturating_mul(WORK).max(FREE_WORK);
        let mut record = Record::default();
        let mut room: Vec<Field<'static>> = Vec::new();
        while self.scan.next(&mut self.blocks, &mut record) {
            self.note(&record);
            if self.gatherer.work > most {
                self.summary.cut = self.summary.cut.saturating_add(1);
                continue;
            }
            let mut fields = emptied(std::mem::take(&mut room));
            if depth == Depth::Fields {
                self.gatherer.gather(&self.scan.layout, &mut self.blocks, &record);
                fields.extend(self.gatherer.fields(&self.blocks));
            }
            each(&Entry {
                seqnum: record.seqnum,
                realtime: record.realtime,
                monotonic: record.monotonic,
                boot_id: record.boot_id,
                offset: record.offset,
                number: self.summary.entries,
                fields: &fields,
            });
            room = emptied(fields);
            self.blocks.trim();
        }
    }

    /// Counts an entry.
    fn note(&mut self, record: &Record) {
        let summary = &mut self.summary;
        summary.entries = summary.entries.saturating_add(1);
        let boot_changed = self.last.is_none_or(|(_, _, boot)| boot != record.boot_id);
        if boot_changed && summary.boots.len() < BOOTS {
            summary.boots.insert(record.boot_id);
        }
        let (first, last) = summary.times.unwrap_or((record.realtime, record.realtime));
        summary.times = Some((first.min(record.realtime), last.max(record.realtime)));
        if let Some((seqnum, realtime, _)) = self.last {
            let back = record.seqnum <= seqnum;
            summary.backwards = summary.backwards.saturating_add(u64::from(back));
            let back = !boot_changed && record.realtime < realtime;
            summary.time_backwards = summary.time_backwards.saturating_add(u64::from(back));
        }
        self.last = Some((record.seqnum, record.realtime, record.boot_id));
        let room = summary.ranges.len() < RANGES;
        match summary.ranges.last_mut() {
            Some((_, end)) if record.seqnum == end.saturating_add(1) => *end = record.seqnum,
            _ if room => summary.ranges.push((record.seqnum, record.seqnum)),
            _ => summary.ranges_whole = false,
        }
    }

    fn end(self) -> Summary {
        let Found { damaged, unlinked, unlinked_tail, altered, tags } = self.scan.found;
        let mut summary = self.summary;
        summary.damaged =
            summary.damaged.saturating_add(damaged).saturating_add(self.gatherer.broken);
        summary.cut = summary.cut.saturating_add(self.gatherer.cut);
        (summary.unlinked, summary.unlinked_tail) = (unlinked, unlinked_tail);
        (summary.altered, summary.tags) = (altered, tags);
        summary.miss = self.blocks.miss;
        summary
    }
}

/// Returns an empty list for another lifetime; the standard library keeps the room.
fn emptied<'n>(mut fields: Vec<Field<'_>>) -> Vec<Field<'n>> {
    fields.clear();
    fields.into_iter().map_while(|_| None).collect()
}
