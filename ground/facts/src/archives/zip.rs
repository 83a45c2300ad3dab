//! zip: the directory stands at the end and says where each member begins (APPNOTE.TXT 6.3.10).
//!
//! Where there is no directory (a zip that was cut, or never ended) the members' own headers are
//! followed from the beginning.

use std::io::{self, BufReader, Read};

use stanch_words::GapKind;

use super::{Part, Source, Walker, shown};
use crate::decompress::Compression;

/// The end of the directory: its length, and the longest comment behind it.
const END: usize = 22;
const COMMENT: usize = 65_535;
const LOCAL: u64 = 30;
const CENTRAL: u64 = 46;
/// The value that says: it stands among the extra fields (zip64).
const ELSEWHERE: u32 = u32::MAX;

/// A member as the directory or its own header tells it.
struct Entry {
    name: Vec<u8>,
    flags: u16,
    method: u16,
    packed: u64,
    /// Where its own header stands.
    header: u64,
}

pub(super) fn walk(walker: &mut Walker<'_>, source: &dyn Source, folder: &str, depth: usize) {
    let ended = match end(source) {
        Ok(ended) => ended,
        Err(error) => return walker.broken(folder, &error),
    };
    let Some(end) = ended else {
        walker.leave(
            GapKind::Damaged,
            folder,
            "a zip without its directory; its members' own headers were followed",
        );
        return follow(walker, source, folder, depth);
    };
    let mut at = end.directory.saturating_add(end.shift);
    let mut entries = 0_u64;
    while at < end.past && !walker.is_done() {
        let entry = match central(source, at, end.shift) {
            Ok(Some((entry, past))) => {
                at = past;
                entry
            }
            Ok(None) => {
                return walker.broken(folder, &io::Error::other("its directory breaks off"));
            }
            Err(error) => return walker.broken(folder, &error),
        };
        entries = entries.saturating_add(1);
        one(walker, source, &entry, folder, depth);
    }
    if entries == 0 && end.entries > 0 {
        walker.leave(GapKind::Damaged, folder, "a zip whose directory is not where it should be");
        follow(walker, source, folder, depth);
    }
}

/// Where the directory stands.
struct End {
    directory: u64,
    past: u64,
    entries: u64,
    /// How much stands before the zip: a program that unpacks itself, a picture.
    shift: u64,
}

fn end(source: &dyn Source) -> io::Result<Option<End>> {
    let size = source.size();
    let tail = (END.saturating_add(COMMENT) as u64).min(size);
    let from = size.saturating_sub(tail);
    let bytes = bytes(source, from, usize::try_from(tail).unwrap_or(0))?;
    let found = memchr::memmem::rfind_iter(&bytes, b"PK\x05\x06").find(|&at| {
        // Behind it stands a comment of the length that it tells, or something was put after.
        short(&bytes, at.saturating_add(20)).is_some_and(|comment| {
            at.saturating_add(END).saturating_add(usize::from(comment)) <= bytes.len()
        })
    });
    let Some(at) = found else { return Ok(None) };
    let field = |offset: usize| long(&bytes, at.saturating_add(offset)).unwrap_or(0);
    let mut end = End {
        directory: u64::from(field(16)),
        past: from.saturating_add(at as u64),
        entries: u64::from(short(&bytes, at.saturating_add(10)).unwrap_or(0)),
        shift: 0,
    };
    let mut length = u64::from(field(12));
    if field(16) == ELSEWHERE || field(12) == ELSEWHERE {
        let locator = self::bytes(source, end.past.saturating_sub(20), 20)?;
        if locator.starts_with(b"PK\x06\x07")
            && let Some(at) = quad(&locator, 8)
        {
            let large = self::bytes(source, at, 56)?;
            if large.starts_with(b"PK\x06\x06") {
                length = quad(&large, 40).unwrap_or(0);
                end.directory = quad(&large, 48).unwrap_or(0);
                end.entries = quad(&large, 32).unwrap_or(0);
                end.past = at;
            }
        }
    }
    end.shift = end.past.saturating_sub(length).saturating_sub(end.directory);
    Ok(Some(end))
}

/// Reads an entry of the directory; returns it and where the next one stands.
fn central(source: &dyn Source, at: u64, shift: u64) -> io::Result<Option<(Entry, u64)>> {
    let fixed = bytes(source, at, usize::try_from(CENTRAL).unwrap_or(0))?;
    if !fixed.starts_with(b"PK\x01\x02") || fixed.len() as u64 != CENTRAL {
        return Ok(None);
    }
    let word = |at: usize| short(&fixed, at).unwrap_or(0);
    let double = |at: usize| long(&fixed, at).unwrap_or(0);
    let (name, extra, comment) = (word(28), word(30), word(32));
    let behind = at.saturating_add(CENTRAL);
    let both = bytes(source, behind, usize::from(name).saturating_add(usize::from(extra)))?;
    let (name_bytes, extra_bytes) =
        both.split_at_checked(usize::from(name)).unwrap_or((&both, &[]));
    // The extra field of zip64 holds, in this order, what is 2^32 - 1 in the entry itself.
    let mut large = zip64(extra_bytes);
    let mut value = |told: u32| {
        if told != ELSEWHERE {
            return u64::from(told);
        }
        let value = quad(large, 0).unwrap_or(u64::from(told));
        large = large.get(8..).unwrap_or_default();
        value
    };
    let _unpacked = value(double(24));
    let (packed, header) = (value(double(20)), value(double(42)));
    let entry = Entry {
        name: name_bytes.to_vec(),
        flags: word(8),
        method: word(10),
        packed,
        header: header.saturating_add(shift),
    };
    let lengths = [name, extra, comment].map(u64::from);
    Ok(Some((entry, lengths.into_iter().fold(behind, u64::saturating_add))))
}

fn zip64(mut extra: &[u8]) -> &[u8] {
    while let (Some(id), Some(length)) = (short(extra, 0), short(extra, 2)) {
        let end = usize::from(length).saturating_add(4);
        if id == 1 {
            return extra.get(4..end).unwrap_or_default();
        }
        extra = extra.get(end..).unwrap_or_default();
    }
    &[]
}

/// Hands out one member.
fn one(walker: &mut Walker<'_>, source: &dyn Source, entry: &Entry, folder: &str, depth: usize) {
    let name = format!("{folder}{}", shown(&entry.name));
    if entry.name.ends_with(b"/") && entry.packed == 0 {
        return;
    }
    if entry.flags & 1 != 0 {
        return walker.leave(GapKind::NotHere, &name, "encrypted members");
    }
    let start = match local(source, entry.header) {
        Ok(Some((_own, start))) => start,
        Ok(None) => {
            return walker.leave(
                GapKind::Damaged,
                &name,
                "members that are not where they should be",
            );
        }
        Err(error) => return walker.broken(&name, &error),
    };
    let end = start.saturating_add(entry.packed).min(source.size());
    let part = Part { source, at: start, end };
    let mut packed = BufReader::new(part);
    match entry.method {
        0 => walker.member(&mut walker.counted(packed), &name, depth),
        8 => {
            let reader = flate2::bufread::DeflateDecoder::new(packed);
            walker.member(&mut walker.counted(reader), &name, depth);
        }
        method @ (12 | 93 | 95) => {
            let compression = match method {
                12 => Compression::Bzip2,
                93 => Compression::Zstd,
                _ => Compression::Xz,
            };
            let reader = compression.reader(&mut packed);
            walker.member(&mut walker.counted(reader), &name, depth);
        }
        method => {
            let why = format!("members packed by method {method}, which is not read");
            walker.leave(GapKind::NotHere, &name, why);
        }
    }
}

/// Reads a member's own header; returns it and where its bytes begin.
fn local(source: &dyn Source, at: u64) -> io::Result<Option<(Entry, u64)>> {
    let fixed = bytes(source, at, usize::try_from(LOCAL).unwrap_or(0))?;
    if !fixed.starts_with(b"PK\x03\x04") || fixed.len() as u64 != LOCAL {
        return Ok(None);
    }
    let word = |at: usize| short(&fixed, at).unwrap_or(0);
    let behind = at.saturating_add(LOCAL);
    let entry = Entry {
        name: bytes(source, behind, usize::from(word(26)))?,
        flags: word(6),
        method: word(8),
        packed: u64::from(long(&fixed, 18).unwrap_or(0)),
        header: at,
    };
    let start = behind.saturating_add(u64::from(word(26))).saturating_add(u64::from(word(28)));
    Ok(Some((entry, start)))
}

/// Follows the members' own headers.
fn follow(walker: &mut Walker<'_>, source: &dyn Source, folder: &str, depth: usize) {
    let mut from = 0;
    while !walker.is_done() {
        let found = next(source, from).and_then(|at| match at {
            Some(at) => Ok(local(source, at)?.map(|(entry, start)| (at, entry, start))),
            None => Ok(None),
        });
        let (at, mut entry, start) = match found {
            Ok(Some(found)) => found,
            Ok(None) => return,
            Err(error) => return walker.broken(folder, &error),
        };
        // A length that is told behind the bytes is not known yet: the packing tells its end.
        let is_told = entry.packed > 0 && entry.packed != u64::from(ELSEWHERE);
        from = if is_told { start.saturating_add(entry.packed) } else { start };
        from = from.max(at.saturating_add(4));
        if !is_told {
            entry.packed = source.size();
        }
        if entry.flags & 8 == 0 || is_told || entry.method == 8 {
            one(walker, source, &entry, folder, depth);
        }
    }
}

/// Returns where the next header of a member stands.
fn next(source: &dyn Source, mut from: u64) -> io::Result<Option<u64>> {
    const STEP: usize = 64 << 10;
    loop {
        let block = bytes(source, from, STEP)?;
        if let Some(at) = memchr::memmem::find(&block, b"PK\x03\x04") {
            return Ok(Some(from.saturating_add(at as u64)));
        }
        if block.len() < STEP {
            return Ok(None);
        }
        from = from.saturating_add(STEP.saturating_sub(3) as u64);
    }
}

fn bytes(source: &dyn Source, at: u64, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    Part { source, at, end: at.saturating_add(length as u64) }.read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn short(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn long(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn quad(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}
