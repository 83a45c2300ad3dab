//! Lists an open directory by getdents64(2) and looks whether the answer was tampered with.
//!
//! A rootkit that takes a name out of the kernel's answer, in the kernel or on the way back to us,
//! has two ways, and both leave traces: it makes the record before longer than its name needs, or
//! it moves the later records down, and then bytes stay behind the last one. So the buffer is
//! filled with a pattern before, and every record's length is reckoned after.
//!
//! Source: getdents64(2); fs/readdir.c, where the length is the name's, a null byte's and the
//! head's, rounded up to eight bytes, and nothing is written behind the last record.

use std::ffi::OsString;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStringExt as _;

use rustix::io::Errno;

use crate::{Entry, FileKind, Listing, limits, sys};

/// What the buffer is filled with: no name in UTF-8 begins so.
const PATTERN: u8 = 0xa5;
/// Inode (8), offset (8), length (2), kind (1); then the name.
const HEAD: usize = 19;
const BUFFER: usize = 32 << 10;

/// Lists an open directory without `.` and `..`, in the order of names.
pub(crate) fn list(directory: &OwnedFd) -> Result<Listing, Errno> {
    let mut listing = Listing::default();
    let mut buffer = vec![PATTERN; BUFFER];
    loop {
        let length = match sys::directory_entries(directory.as_fd(), &mut buffer) {
            Err(Errno::INTR) => continue,
            other => other?,
        };
        crate::stall::tick();
        take(&buffer, length, &mut listing);
        if length == 0 || listing.truncated {
            break;
        }
        if let Some(used) = buffer.get_mut(..length) {
            used.fill(PATTERN);
        }
    }
    listing.entries.sort_unstable();
    Ok(listing)
}

/// Takes one answer apart: `length` bytes of records, and behind them what must be untouched.
pub(crate) fn take(buffer: &[u8], length: usize, listing: &mut Listing) {
    let (mut left, behind) = buffer.split_at_checked(length).unwrap_or((buffer, &[]));
    while !left.is_empty() {
        let Some((record, rest)) = record(left) else {
            note(listing, "a record that is cut".to_owned());
            break;
        };
        left = rest;
        if record.slack_from < record.bytes.len() {
            let slack = record.bytes.get(record.slack_from..).unwrap_or_default();
            note(listing, format!("a record longer than its name needs{}", names_in(slack)));
        }
        if record.name == b"." || record.name == b".." {
            continue;
        }
        if listing.entries.len() >= limits::ENTRIES {
            listing.truncated = true;
            return;
        }
        listing.entries.push(Entry {
            name: OsString::from_vec(record.name.to_vec()),
            kind: record.kind,
            inode: record.inode,
        });
    }
    // In pieces without an early end, which compilers make wide: most answers are short, and the
    // whole buffer is looked at for each.
    let differs = |piece: &[u8]| piece.iter().fold(0, |all, &byte| all | (byte ^ PATTERN)) != 0;
    if behind.chunks(1024).any(differs) {
        note(listing, format!("bytes behind the last record{}", names_in(behind)));
    }
}

struct Record<'a> {
    bytes: &'a [u8],
    name: &'a [u8],
    kind: FileKind,
    inode: u64,
    /// Where an honest record of this name ends.
    slack_from: usize,
}

fn record(left: &[u8]) -> Option<(Record<'_>, &[u8])> {
    let inode = u64::from_ne_bytes(*left.first_chunk()?);
    let length = u16::from_ne_bytes(*left.get(16..)?.first_chunk()?);
    let kind = kind_of(*left.get(18)?);
    let (bytes, rest) = left.split_at_checked(usize::from(length))?;
    let name = bytes.get(HEAD..)?;
    let name = name.get(..name.iter().position(|&byte| byte == 0)?)?;
    let needs = HEAD.checked_add(name.len())?.checked_add(1)?.next_multiple_of(8);
    Some((Record { bytes, name, kind, inode, slack_from: needs }, rest))
}

/// Returns the names of records in bytes that should hold none, as words for a gap.
fn names_in(bytes: &[u8]) -> String {
    let is_word = |part: &&[u8]| part.len() > 1 && part.iter().all(|byte| (33..127).contains(byte));
    let names: Vec<String> = bytes
        .split(|byte| !(33..127).contains(byte))
        .filter(is_word)
        .take(4)
        .map(stanch_words::text::from_bytes)
        .collect();
    if names.is_empty() { String::new() } else { format!(", with `{}`", names.join("`, `")) }
}

fn note(listing: &mut Listing, what: String) {
    listing.tampered.get_or_insert(what);
}

fn kind_of(kind: u8) -> FileKind {
    match kind {
        1 => FileKind::Fifo,
        2 => FileKind::CharacterDevice,
        4 => FileKind::Directory,
        6 => FileKind::BlockDevice,
        8 => FileKind::Regular,
        10 => FileKind::Symlink,
        12 => FileKind::Socket,
        _ => FileKind::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(name: &str, more: usize) -> Vec<u8> {
        let length = (HEAD + name.len() + 1).next_multiple_of(8) + more;
        let mut bytes = vec![PATTERN; length];
        bytes[..8].copy_from_slice(&7_u64.to_ne_bytes());
        bytes[8..16].fill(1);
        bytes[16..18].copy_from_slice(&u16::try_from(length).unwrap().to_ne_bytes());
        bytes[18] = 8;
        bytes[HEAD..HEAD + name.len()].copy_from_slice(name.as_bytes());
        bytes[HEAD + name.len()] = 0;
        bytes
    }

    fn taken(records: &[Vec<u8>], length: usize) -> Listing {
        let mut buffer = records.concat();
        buffer.resize(4096, PATTERN);
        let mut listing = Listing::default();
        take(&buffer, length, &mut listing);
        listing
    }

    #[test]
    fn an_honest_answer_has_nothing_behind_and_nothing_between() {
        let records = [record(".", 0), record("passwd", 0), record("ordinary-name", 0)];
        let listing = taken(&records, records.concat().len());
        assert_eq!(listing.tampered, None);
        let names: Vec<_> = listing.entries.iter().map(|entry| entry.name.clone()).collect();
        assert_eq!(names, ["passwd", "ordinary-name"]);
        assert_eq!(listing.entries[0].kind, FileKind::Regular);
        assert_eq!(listing.entries[0].inode, 7);
    }

    #[test]
    fn a_name_swallowed_by_the_record_before_it_is_read_in_its_slack() {
        let hidden = record("hidden-name", 0);
        let mut first = record("seen", hidden.len());
        let at = first.len() - hidden.len();
        first[at..].copy_from_slice(&hidden);
        let listing = taken(std::slice::from_ref(&first), first.len());
        let told = listing.tampered.unwrap();
        assert_eq!(told, "a record longer than its name needs, with `hidden-name`");
        assert_eq!(listing.entries.len(), 1);
    }

    #[test]
    fn records_moved_down_leave_a_tail_behind() {
        let records = [record("seen", 0), record("hidden", 0)];
        let listing = taken(&records, records[0].len());
        assert_eq!(listing.tampered.unwrap(), "bytes behind the last record, with `hidden`");
    }

    #[test]
    fn broken_answers_end_the_listing_and_are_told() {
        for length in 0..40 {
            let listing = taken(&[record("a-long-enough-name", 0)], length);
            assert_eq!(listing.tampered.is_some(), length != 40, "{length}");
        }
        let mut zero = record("x", 0);
        zero[16..18].fill(0);
        assert!(taken(&[zero], 24).tampered.is_some());
    }
}
