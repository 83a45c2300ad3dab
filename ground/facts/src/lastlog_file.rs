//! lastlog: the newest login of each account, at the place of its user id.
//!
//! Source: lastlog(8), glibc `struct lastlog`: a time, 32 bytes of terminal, 256 bytes of host.
//! As in utmp, the time has 32 bits where `__WORDSIZE_TIME64_COMPAT32` holds (292 bytes in all)
//! and 64 elsewhere (296).
//!
//! The file is sparse: an account with a large id makes it huge and nearly empty, so only what is
//! data is read.

use std::path::Path;

use stanch_machine::{Machine, Miss, OpenFile};

use crate::login_records::text;

/// How records lie in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Layout {
    size: usize,
    big_endian: bool,
}

const LAYOUTS: [Layout; 4] = [
    Layout { size: 292, big_endian: false },
    Layout { size: 296, big_endian: false },
    Layout { size: 292, big_endian: true },
    Layout { size: 296, big_endian: true },
];

/// How much data is read; 230,000 records.
const MOST: u64 = 64 << 20;
/// How much is read where a file system knows no holes.
const MOST_READ: u64 = 1 << 30;
/// How much is read at once. A hole is at least a page.
const PIECE: usize = 256 << 10;

/// One account's record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Newest<'r> {
    /// The user id.
    pub(crate) uid: u64,
    /// When, in seconds since 1970.
    pub(crate) seconds: i64,
    pub(crate) tty: &'r [u8],
    pub(crate) host: &'r [u8],
    /// Where the record begins.
    pub(crate) offset: u64,
}

/// What a file held beside its records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rest {
    /// The bytes after the last whole record.
    pub(crate) torn: u64,
    /// The offset from which on nothing was read, if there was too much data.
    pub(crate) cut: Option<u64>,
}

/// Gives each record that is not empty.
pub(crate) fn read(
    machine: &dyn Machine,
    path: &Path,
    each: &mut dyn FnMut(&Newest<'_>),
) -> Result<Rest, Miss> {
    let file = machine.open(path)?;
    let size = file.stat()?.size;
    let (pieces, cut) = data(&*file, size)?;
    Ok(Rest { cut, ..parse(&pieces, cut.unwrap_or(size), each) })
}

/// Gives each record of a file that is whole in memory.
pub(crate) fn read_bytes(bytes: &[u8], each: &mut dyn FnMut(&Newest<'_>)) -> Rest {
    parse(&[(0, bytes.to_vec())], bytes.len() as u64, each)
}

/// What was read: where it stands, and its bytes.
type Piece = (u64, Vec<u8>);

/// Reads the data, and leaves the holes out.
fn data(file: &dyn OpenFile, size: u64) -> Result<(Vec<Piece>, Option<u64>), Miss> {
    let mut pieces: Vec<Piece> = Vec::new();
    let (mut at, mut all, mut read) = (0_u64, 0_u64, 0_u64);
    let mut buffer = vec![0; PIECE];
    while at < size {
        let Some(data) = file.next_data(at)? else { break };
        if all >= MOST || read >= MOST_READ {
            return Ok((pieces, Some(data)));
        }
        let length = file.read_at(data, &mut buffer)?;
        if length == 0 {
            break;
        }
        read = read.saturating_add(length as u64);
        let bytes = buffer.get(..length).unwrap_or_default();
        // Where a file system knows no holes, zeroes are what a hole reads as.
        if bytes.iter().any(|&byte| byte != 0) {
            match pieces.last_mut() {
                Some((start, last)) if start.saturating_add(last.len() as u64) == data => {
                    last.extend_from_slice(bytes);
                }
                _ => pieces.push((data, bytes.to_vec())),
            }
            all = all.saturating_add(length as u64);
        }
        at = data.saturating_add(length as u64);
    }
    Ok((pieces, None))
}

fn parse(pieces: &[Piece], size: u64, each: &mut dyn FnMut(&Newest<'_>)) -> Rest {
    let layout = layout(pieces);
    records(pieces, size, layout, &mut |place, record| {
        let numbers = layout.size.saturating_sub(288);
        each(&Newest {
            uid: place,
            seconds: layout.seconds(record),
            tty: text(record, numbers, 32),
            host: text(record, numbers.saturating_add(32), 256),
            offset: place.saturating_mul(layout.size as u64),
        });
    });
    Rest { torn: size.checked_rem(layout.size as u64).unwrap_or(0), cut: None }
}

/// Returns the layout under which most records make sense; the commonest, if none does.
fn layout(pieces: &[Piece]) -> Layout {
    let mut best = (LAYOUTS[0], 0_usize);
    for layout in LAYOUTS {
        let mut score = 0_usize;
        records(pieces, u64::MAX, layout, &mut |_, record| {
            let numbers = layout.size.saturating_sub(288);
            let tty = text(record, numbers, 32);
            let is_sound = (100_000_000..8_000_000_000).contains(&layout.seconds(record))
                && !tty.is_empty()
                && tty.iter().all(u8::is_ascii_graphic);
            score = score.saturating_add(usize::from(is_sound));
        });
        if score > best.1 {
            best = (layout, score);
        }
    }
    best.0
}

/// Gives each whole record that touches a piece and is not empty, with its place.
fn records(pieces: &[Piece], size: u64, layout: Layout, each: &mut dyn FnMut(u64, &[u8])) {
    let length = layout.size as u64;
    let mut next = 0_u64;
    let mut record = vec![0; layout.size];
    for (at, (start, bytes)) in pieces.iter().enumerate() {
        let end = start.saturating_add(bytes.len() as u64);
        let mut place = start.checked_div(length).unwrap_or(0).max(next);
        while place.saturating_mul(length) < end {
            let offset = place.saturating_mul(length);
            if offset.saturating_add(length) > size {
                return;
            }
            record.fill(0);
            // A record can begin in one piece and end in the next, with a hole between them.
            for piece in pieces.iter().skip(at) {
                if !fill(&mut record, offset, piece) {
                    break;
                }
            }
            if record.iter().any(|&byte| byte != 0) {
                each(place, &record);
            }
            place = place.saturating_add(1);
        }
        next = place;
    }
}

/// Copies what a piece has of a record; returns whether it had any.
fn fill(record: &mut [u8], offset: u64, (start, bytes): &Piece) -> bool {
    let end = offset.saturating_add(record.len() as u64);
    let from = offset.max(*start);
    let to = end.min(start.saturating_add(bytes.len() as u64));
    if from >= to {
        return false;
    }
    let range = |base: u64| {
        let at = |place: u64| usize::try_from(place.saturating_sub(base)).unwrap_or(usize::MAX);
        at(from)..at(to)
    };
    if let (Some(room), Some(part)) = (record.get_mut(range(offset)), bytes.get(range(*start))) {
        room.copy_from_slice(part);
    }
    true
}

impl Layout {
    fn seconds(self, record: &[u8]) -> i64 {
        let size = self.size.saturating_sub(288);
        let field = record.get(..size).unwrap_or_default();
        let add = |sum: u64, &byte: &u8| sum << 8 | u64::from(byte);
        let sum = if self.big_endian {
            field.iter().fold(0, add)
        } else {
            field.iter().rev().fold(0, add)
        };
        sum.cast_signed()
    }
}

#[cfg(test)]
mod tests {
    use stanch_machine::Pretend;

    use super::*;

    fn told(bytes: &[u8]) -> (Vec<String>, Rest) {
        let mut told = Vec::new();
        let machine = Pretend::new().file("/l", bytes);
        let rest = read(&machine, "/l".as_ref(), &mut |newest| {
            let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
            told.push(format!(
                "{} {} {} {}",
                newest.uid,
                newest.seconds,
                text(newest.tty),
                text(newest.host)
            ));
        })
        .unwrap();
        (told, rest)
    }

    fn record(time: &[u8], host: &str) -> Vec<u8> {
        let mut bytes = time.to_vec();
        bytes.extend(b"pts/0");
        bytes.resize(time.len() + 32, 0);
        bytes.extend(host.as_bytes());
        bytes.resize(time.len() + 288, 0);
        bytes
    }

    #[test]
    fn each_layout_is_found() {
        let time = 1_700_000_000_u32;
        let wide = u64::from(time);
        for (first, second) in [
            (time.to_le_bytes().to_vec(), time.to_le_bytes().to_vec()),
            (time.to_be_bytes().to_vec(), time.to_be_bytes().to_vec()),
            (wide.to_le_bytes().to_vec(), wide.to_le_bytes().to_vec()),
            (wide.to_be_bytes().to_vec(), wide.to_be_bytes().to_vec()),
        ] {
            let mut file = record(&first, "198.51.100.7");
            file.resize(file.len() * 3000, 0);
            file.extend(record(&second, "b"));
            let (told, rest) = told(&file);
            let expected = ["0 1700000000 pts/0 198.51.100.7", "3000 1700000000 pts/0 b"];
            assert_eq!(told, expected, "{} bytes of time", first.len());
            assert_eq!(rest, Rest::default());
        }
    }

    #[test]
    fn a_record_across_a_hole_is_whole() {
        let mut whole = record(&1_700_000_000_u32.to_le_bytes(), "h");
        whole.splice(0..0, vec![0; 292 * 14]);
        // Page 1 begins in the middle of record 14.
        let pieces = [(4088, whole[4088..4096].to_vec()), (4096, whole[4096..].to_vec())];
        let mut seen = Vec::new();
        parse(&pieces, whole.len() as u64, &mut |newest| seen.push((newest.uid, newest.seconds)));
        assert_eq!(seen, [(14, 1_700_000_000)]);
    }

    #[test]
    fn a_cut_anywhere_gives_whole_records_and_the_rest() {
        let file = record(&1_700_000_000_u32.to_le_bytes(), "h").repeat(2);
        for cut in 292..=file.len() {
            let (told, rest) = told(&file[..cut]);
            assert_eq!((told.len(), rest.torn), (cut / 292, (cut % 292) as u64));
        }
    }
}
