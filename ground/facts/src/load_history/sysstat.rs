//! sysstat's binary files `saDD` and `saYYYYMMDD`, data format 0x2175 (sysstat 11.7.1 to 12.7).
//!
//! A magic, a header, a list of activities, then records: each a small header with a time and the
//! counters of every activity in the order of the list. The file itself tells how many 64-bit,
//! `long` and 32-bit numbers each structure has, so that later versions, which only add numbers,
//! can be read as well. An activity of another magic has another meaning and is passed over.
//!
//! Source: sysstat 12.6.1, `sa.h`, `rd_stats.h` and the manual page sadf(1); checked against
//! `sadf -d` of that version.

use std::collections::BTreeMap;
use std::sync::Arc;

use stanch_words::{Gap, GapKind, Seen};

use super::{Measure, Sample, TABLE};

/// The bytes before the header, and the size of a comment.
const MAGIC: usize = 76;
const COMMENT: usize = 64;
/// The largest structures that make sense, and the most activities, items and extra structures.
const LARGEST: usize = 8_192;
const ACTIVITIES: usize = 256;
const EXTRAS: usize = 64;

/// Activities that are read: their number and magic.
const CPU: (u32, u32) = (1, 0x8b);
const IO: (u32, u32) = (6, 0x8b);
const MEMORY: (u32, u32) = (7, 0x8b);
const QUEUE: (u32, u32) = (9, 0x8c);
const NETWORK: (u32, u32) = (12, 0x8d);
const PRESSURE: (u32, u32) = (40, 0x8a);
const READ: [(u32, u32); 6] = [CPU, IO, MEMORY, QUEUE, NETWORK, PRESSURE];

/// Bytes that are read one piece after the other.
#[derive(Clone, Copy)]
struct Pieces<'b> {
    bytes: &'b [u8],
    at: usize,
    order: Order,
}

/// How numbers lie in the file.
#[derive(Clone, Copy)]
struct Order {
    big_endian: bool,
}

impl<'b> Pieces<'b> {
    fn take(&mut self, count: usize) -> Option<Piece<'b>> {
        let end = self.at.checked_add(count)?;
        let bytes = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(Piece { bytes, order: self.order, counts: [0; 3] })
    }

    /// Skips structures that may follow a header, each list saying whether another follows.
    fn skip_extras(&mut self) -> Option<()> {
        for _ in 0..EXTRAS {
            let described = self.take(24)?;
            let [count, size] = [0, 4].map(|at| described.plain(at));
            let (count, size) = (count?, size?);
            if count > LARGEST || size > LARGEST {
                return None;
            }
            self.take(count.checked_mul(size)?)?;
            if described.plain(8)? == 0 {
                return Some(());
            }
        }
        None
    }
}

/// A structure: first its 64-bit numbers, then `long` ones in the room of 64 bits, then 32-bit ones,
/// then bytes.
#[derive(Clone, Copy)]
struct Piece<'b> {
    bytes: &'b [u8],
    order: Order,
    counts: [usize; 3],
}

impl<'b> Piece<'b> {
    fn u32_at(&self, at: usize) -> Option<u32> {
        let four = self.bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(if self.order.big_endian {
            u32::from_be_bytes(four)
        } else {
            u32::from_le_bytes(four)
        })
    }

    fn u64_at(&self, at: usize) -> Option<u64> {
        let eight = self.bytes.get(at..at.checked_add(8)?)?.try_into().ok()?;
        let is_big = self.order.big_endian;
        Some(if is_big { u64::from_be_bytes(eight) } else { u64::from_le_bytes(eight) })
    }

    fn plain(&self, at: usize) -> Option<usize> {
        usize::try_from(self.u32_at(at)?).ok()
    }

    /// Reads how many numbers of each kind another structure has.
    fn counts_at(&self, at: usize) -> Option<[usize; 3]> {
        Some([self.plain(at)?, self.plain(at.checked_add(4)?)?, self.plain(at.checked_add(8)?)?])
    }

    fn with_counts(mut self, counts: [usize; 3]) -> Option<Self> {
        self.counts = counts;
        (self.bytes_at()? <= self.bytes.len()).then_some(self)
    }

    fn wide(&self, number: usize) -> Option<u64> {
        (number < self.counts[0]).then_some(())?;
        self.u64_at(number.checked_mul(8)?)
    }

    fn small_at(&self, number: usize) -> Option<usize> {
        (number < self.counts[2]).then_some(())?;
        self.counts[0]
            .checked_add(self.counts[1])?
            .checked_mul(8)?
            .checked_add(number.checked_mul(4)?)
    }

    fn small(&self, number: usize) -> Option<u32> {
        self.u32_at(self.small_at(number)?)
    }

    /// Returns where the bytes behind the numbers begin.
    fn bytes_at(&self) -> Option<usize> {
        let wide = self.counts[0].checked_add(self.counts[1])?.checked_mul(8)?;
        wide.checked_add(self.counts[2].checked_mul(4)?)
    }

    fn byte(&self, number: usize) -> Option<u8> {
        self.bytes.get(self.bytes_at()?.checked_add(number)?).copied()
    }

    fn text(&self, number: usize, most: usize) -> &'b [u8] {
        let from = self.bytes_at().and_then(|at| at.checked_add(number)).unwrap_or(usize::MAX);
        let bytes = self.bytes.get(from..).unwrap_or_default();
        let bytes = bytes.get(..most).unwrap_or(bytes);
        bytes.split(|&byte| byte == 0).next().unwrap_or_default()
    }
}

/// One activity of the list.
#[derive(Clone, Copy)]
struct Activity {
    kind: (u32, u32),
    count: usize,
    parts: usize,
    counted: bool,
    size: usize,
    counts: [usize; 3],
}

/// The counters of one record.
#[derive(Default)]
struct Counters {
    time: i64,
    uptime: u64,
    cpu: Option<[u64; 8]>,
    blocks: Option<[u64; 2]>,
    memory: Option<f64>,
    load: Option<f64>,
    stalled: Option<u64>,
    interfaces: BTreeMap<Box<[u8]>, [u64; 2]>,
}

/// Parses a file; what cannot be read of it is a gap.
pub(crate) fn parse(bytes: &[u8], source: &Arc<str>, seen: &mut Seen) -> Vec<Sample> {
    let mut samples = Vec::new();
    let mut gap = |kind, detail: String| seen.gap(Gap::new(TABLE, kind, detail).at(&**source));
    let order = Order { big_endian: bytes.first() == Some(&0xd5) };
    let mut pieces = Pieces { bytes, at: 0, order };
    let Some(file) = open(&mut pieces) else {
        let read = if order.big_endian { u16::from_be_bytes } else { u16::from_le_bytes };
        let format = bytes.get(2..4).and_then(|two| two.try_into().ok()).map(read);
        match format.filter(|&format| is_sysstat(bytes) && format != 0x2175) {
            Some(format) => {
                gap(GapKind::Damaged, format!("sysstat's data format {format:#x} is not known"));
            }
            None => gap(GapKind::Damaged, "no sound header of sysstat".to_owned()),
        }
        return samples;
    };
    let mut strange = file.activities.iter().filter(|activity| activity.is_strange()).peekable();
    if strange.peek().is_some() {
        let numbers: Vec<String> = strange.map(|a| a.kind.0.to_string()).collect();
        let numbers = numbers.join(", ");
        gap(GapKind::Damaged, format!("activities of an unknown version: {numbers}"));
    }
    let mut before: Option<Counters> = None;
    let mut restarted = false;
    loop {
        let at = pieces.at;
        if at >= bytes.len() {
            break;
        }
        match record(&mut pieces, &file) {
            Some(Record::Counters(now)) => {
                if let Some(before) = &before
                    && let Some(mut sample) = sample(before, &now)
                {
                    sample.restarted = std::mem::take(&mut restarted);
                    sample.source = Arc::clone(source);
                    sample.place = u64::try_from(at).unwrap_or(u64::MAX);
                    samples.push(sample);
                }
                before = Some(*now);
            }
            Some(Record::Restart) => {
                before = None;
                restarted = true;
            }
            Some(Record::Other) => {}
            None => {
                let left = bytes.len().saturating_sub(at);
                gap(GapKind::Damaged, format!("the {left} bytes from offset {at} are no record"));
                break;
            }
        }
    }
    samples
}

/// Returns whether a file begins as sysstat's do.
pub(super) fn is_sysstat(bytes: &[u8]) -> bool {
    matches!(bytes.first_chunk(), Some([0x96, 0xd5] | [0xd5, 0x96]))
}

/// What the head of a file tells.
struct File {
    record_size: usize,
    record_counts: [usize; 3],
    activities: Vec<Activity>,
}

impl Activity {
    /// Returns whether it is one that is read, of a version that is not known.
    fn is_strange(&self) -> bool {
        READ.iter().any(|(number, magic)| *number == self.kind.0 && *magic != self.kind.1)
    }
}

fn open(pieces: &mut Pieces<'_>) -> Option<File> {
    if !is_sysstat(pieces.bytes) {
        return None;
    }
    let magic = pieces.take(MAGIC)?;
    let format = magic.bytes.get(2..4)?;
    if format != [0x75, 0x21] && format != [0x21, 0x75] {
        return None;
    }
    let size = magic.plain(8).filter(|&size| size > 0 && size <= LARGEST)?;
    let head = pieces.take(size)?.with_counts(magic.counts_at(16)?)?;
    let count = usize::try_from(head.small(1)?).ok().filter(|&count| count <= ACTIVITIES)?;
    let activity_counts = head.counts_at(head.small_at(3)?)?;
    let record_counts = head.counts_at(head.small_at(6)?)?;
    let [activity_size, record_size] = [9, 10].map(|number| head.small(number));
    let activity_size = usize::try_from(activity_size?).ok().filter(|&size| size <= LARGEST)?;
    let record_size = usize::try_from(record_size?).ok()?;
    if record_size == 0 || record_size > LARGEST {
        return None;
    }
    let mut activities = Vec::with_capacity(count);
    for _ in 0..count {
        activities.push(activity(pieces.take(activity_size)?.with_counts(activity_counts)?)?);
    }
    // Files of 12.0 and before have no room for this.
    if head.small(11).unwrap_or(0) != 0 {
        pieces.skip_extras()?;
    }
    Some(File { record_size, record_counts, activities })
}

fn activity(piece: Piece<'_>) -> Option<Activity> {
    let number = |at| piece.small(at).and_then(|number| usize::try_from(number).ok());
    let size = number(5).filter(|&size| size > 0 && size <= LARGEST)?;
    let counts = piece.counts_at(piece.small_at(6)?)?;
    Some(Activity {
        kind: (piece.small(0)?, piece.small(1)?),
        count: number(2)?,
        parts: number(3)?,
        counted: number(4)? != 0,
        size,
        counts,
    })
}

enum Record {
    Counters(Box<Counters>),
    Restart,
    Other,
}

/// Reads one record; none if the bytes are none.
fn record(pieces: &mut Pieces<'_>, file: &File) -> Option<Record> {
    let head = pieces.take(file.record_size)?.with_counts(file.record_counts)?;
    let (has_extras, kind) = (head.small(0).unwrap_or(0) != 0, head.byte(0)?);
    let [hour, minute, second] = [1, 2, 3].map(|at| head.byte(at));
    if hour? > 23 || minute? > 59 || second? > 60 {
        return None;
    }
    let body = match kind {
        2 => 4,
        4 => COMMENT,
        _ => 0,
    };
    pieces.take(body)?;
    if has_extras {
        pieces.skip_extras()?;
    }
    match kind {
        1 | 3 => {
            let time = i64::try_from(head.wide(1)?).ok()?;
            let mut counters = Counters { time, uptime: head.wide(0)?, ..Counters::default() };
            for activity in &file.activities {
                take(pieces, activity, &mut counters)?;
            }
            Some(Record::Counters(Box::new(counters)))
        }
        2 => Some(Record::Restart),
        4..=15 => Some(Record::Other),
        _ => None,
    }
}

/// Takes the structures of one activity of a record.
fn take(pieces: &mut Pieces<'_>, activity: &Activity, counters: &mut Counters) -> Option<()> {
    let count = if activity.counted { pieces.take(4)?.plain(0)? } else { activity.count };
    let size = activity.size.checked_mul(count)?.checked_mul(activity.parts)?;
    let all = pieces.take(size)?;
    if !READ.contains(&activity.kind) || count == 0 {
        return Some(());
    }
    let mut items = all.bytes.chunks_exact(activity.size).filter_map(|bytes| {
        Piece { bytes, order: all.order, counts: [0; 3] }.with_counts(activity.counts)
    });
    if activity.kind == NETWORK {
        for item in items {
            let name = item.text(0, 16);
            if let Some(bytes) = item.wide(2).zip(item.wide(3))
                && name != b"lo"
            {
                counters.interfaces.insert(name.into(), bytes.into());
            }
        }
        return Some(());
    }
    // Of several processors the first item is all of them.
    let item = items.next()?;
    let wide = |number| item.wide(number).unwrap_or_default();
    match activity.kind {
        CPU => counters.cpu = Some([0, 1, 2, 3, 4, 5, 6, 7].map(wide)),
        IO => counters.blocks = Some([wide(3), wide(4)]),
        MEMORY => counters.memory = memory(&item),
        QUEUE => counters.load = item.small(0).map(|load| f64::from(load) / 100.0),
        PRESSURE => counters.stalled = item.wide(0),
        _ => {}
    }
    Some(())
}

/// Memory in use that could not be given to somebody else, in per cent.
#[expect(clippy::cast_precision_loss, reason = "a share to be read by people")]
fn memory(item: &Piece<'_>) -> Option<f64> {
    let wide = |number| item.wide(number).unwrap_or_default();
    let total = item.wide(3).filter(|&total| total > 0)?;
    let free = match wide(16) {
        // Kernels before 3.14 do not tell what is available.
        0 => wide(0).saturating_add(wide(1)).saturating_add(wide(2)),
        available => available,
    };
    Some(total.saturating_sub(free) as f64 * 100.0 / total as f64)
}

/// Makes a sample of two records; none if time or the machine did not go on between them.
#[expect(clippy::cast_precision_loss, reason = "rates to be read by people")]
fn sample(before: &Counters, now: &Counters) -> Option<Sample> {
    let seconds = now.time.checked_sub(before.time).filter(|&seconds| seconds > 0)?;
    let ticks = now.uptime.checked_sub(before.uptime).filter(|&ticks| ticks > 0)?;
    let passed = ticks as f64 / 100.0;
    let rate = |now: u64, before: u64, per: f64| {
        now.checked_sub(before).map(|count| count as f64 / per / passed)
    };
    let mut sample = Sample::new(now.time, seconds, "sysstat");
    if let Some((now, before)) = now.cpu.zip(before.cpu) {
        let mut spent = [0_u64; 8];
        for (at, spent) in spent.iter_mut().enumerate() {
            *spent = now.get(at)?.saturating_sub(*before.get(at)?);
        }
        let all: u64 = spent.iter().fold(0, |all, part| all.saturating_add(*part));
        if all > 0 {
            let [_, _, _, idle, waiting, stolen, ..] = spent;
            let share = |part: u64| part as f64 * 100.0 / all as f64;
            let idle = idle.saturating_add(waiting).saturating_add(stolen);
            sample.put(Measure::Cpu, share(all.saturating_sub(idle)));
            sample.put(Measure::Waiting, share(waiting)).put(Measure::Stolen, share(stolen));
        }
    }
    if let Some((now, before)) = now.blocks.zip(before.blocks) {
        // Blocks of 512 bytes.
        sample.put(Measure::Read, rate(now[0], before[0], 2.0));
        sample.put(Measure::Written, rate(now[1], before[1], 2.0));
    }
    sample.put(Measure::Memory, now.memory).put(Measure::Load, now.load);
    if let Some((now, before)) = now.stalled.zip(before.stalled) {
        sample.put(Measure::Pressure, rate(now, before, 10_000.0));
    }
    let (mut received, mut sent, mut known) = (0_u64, 0_u64, false);
    for (name, now) in &now.interfaces {
        let Some(before) = before.interfaces.get(name) else { continue };
        let [more_in, more_out] =
            [0, 1].map(|at: usize| Some(now.get(at)?.saturating_sub(*before.get(at)?)));
        received = received.saturating_add(more_in?);
        sent = sent.saturating_add(more_out?);
        known = true;
    }
    if known {
        sample.put(Measure::Received, rate(received, 0, 1024.0));
        sample.put(Measure::Sent, rate(sent, 0, 1024.0));
    }
    Some(sample)
}
