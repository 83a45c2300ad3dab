//! Members of a ZIP archive: where each lies, and its content, unpacked.
//!
//! Source: PKWARE's APPNOTE.TXT, 4.3 (the central directory), 4.5.3 (64 bits), 4.4.4 (flags); the
//! field `UT` of Info-ZIP's extrafld.txt.

use std::io::{self, Read};
use std::os::fd::{AsFd as _, OwnedFd};

/// The longest comment at the end.
const COMMENT: u64 = 0xffff;
/// The most that the list of members may hold.
const DIRECTORY: u64 = 1 << 30;

/// One member, as the list at the archive's end tells of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) name: Vec<u8>,
    /// 0 stored, 8 deflated; others are not read.
    pub(super) method: u16,
    pub(super) is_encrypted: bool,
    pub(super) packed: u64,
    pub(super) size: u64,
    /// Seconds since 1970.
    pub(super) modified: i64,
    /// Kind and permission bits of Unix, if it was made there.
    pub(super) mode: u32,
    header: u64,
}

/// A part of a file.
pub(super) struct Part<'a> {
    pub(super) file: &'a OwnedFd,
    pub(super) at: u64,
    pub(super) end: u64,
}

impl Read for Part<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let most = left.min(room.len());
        let room = room.get_mut(..most).unwrap_or_default();
        let read = rustix::io::retry_on_intr(|| {
            rustix::io::pread(self.file.as_fd(), &mut *room, self.at)
        })?;
        self.at = self.at.saturating_add(read as u64);
        Ok(read)
    }
}

fn read(file: &OwnedFd, at: u64, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    Part { file, at, end: at.saturating_add(length) }.read_to_end(&mut bytes)?;
    if bytes.len() as u64 != length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(bytes)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..)?.first_chunk().copied()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u32::from_le_bytes(bytes.get(at..)?.first_chunk().copied()?).into())
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..)?.first_chunk().copied()?))
}

/// Returns the members of an archive, at most so many, and whether there are more.
///
/// # Errors
/// If it has no list at its end, or that does not add up.
pub(super) fn members(file: &OwnedFd, most: usize) -> io::Result<(Vec<Member>, bool)> {
    let size = rustix::fs::fstat(file)?.st_size;
    let size = u64::try_from(size).unwrap_or_default();
    let (at, length) = directory(file, size)?;
    if length > DIRECTORY {
        return Err(io::Error::other("its list of members is larger than any"));
    }
    let list = read(file, at, length)?;
    let (mut found, mut rest) = (Vec::new(), list.as_slice());
    while !rest.is_empty() {
        if found.len() >= most {
            return Ok((found, true));
        }
        let next =
            member(rest).ok_or_else(|| io::Error::other("its list of members is damaged"))?;
        found.push(next.0);
        rest = rest.get(next.1..).unwrap_or_default();
    }
    Ok((found, false))
}

/// Returns where the list of members lies, and its length.
fn directory(file: &OwnedFd, size: u64) -> io::Result<(u64, u64)> {
    let from = size.saturating_sub(COMMENT.saturating_add(22));
    let tail = read(file, from, size.saturating_sub(from))?;
    let none = || io::Error::other("it has no list of members: it breaks off");
    let end = memchr::memmem::rfind(&tail, b"PK\x05\x06").ok_or_else(none)?;
    let record = tail.get(end..).unwrap_or_default();
    let length = u32_at(record, 12).ok_or_else(none)?;
    let at = u32_at(record, 16).ok_or_else(none)?;
    if length != 0xffff_ffff && at != 0xffff_ffff {
        return Ok((at, length));
    }
    // 64 bits: a locator of 20 bytes stands before, and tells where the record is.
    let before = end.checked_sub(20).and_then(|at| tail.get(at..)).ok_or_else(none)?;
    if !before.starts_with(b"PK\x06\x07") {
        return Err(none());
    }
    let large = read(file, u64_at(before, 8).ok_or_else(none)?, 56)?;
    match (large.starts_with(b"PK\x06\x06"), u64_at(&large, 48), u64_at(&large, 40)) {
        (true, Some(at), Some(length)) => Ok((at, length)),
        _ => Err(none()),
    }
}

/// Returns the first member of a list, and how long its record is.
fn member(bytes: &[u8]) -> Option<(Member, usize)> {
    if !bytes.starts_with(b"PK\x01\x02") {
        return None;
    }
    let length = |at: usize| Some(usize::from(u16_at(bytes, at)?));
    let (name, extra, comment) = (length(28)?, length(30)?, length(32)?);
    let extra_at = 46_usize.checked_add(name)?;
    let mut member = Member {
        name: bytes.get(46..extra_at)?.to_vec(),
        method: u16_at(bytes, 10)?,
        is_encrypted: u16_at(bytes, 8)? & 1 != 0,
        packed: u32_at(bytes, 20)?,
        size: u32_at(bytes, 24)?,
        modified: dos_time(u16_at(bytes, 12)?, u16_at(bytes, 14)?),
        // The upper byte of "version made by": 3 is Unix.
        mode: if u16_at(bytes, 4)? >> 8 == 3 {
            u32::try_from(u32_at(bytes, 38)? >> 16).ok()?
        } else {
            0
        },
        header: u32_at(bytes, 42)?,
    };
    let extra_end = extra_at.checked_add(extra)?;
    fields(bytes.get(extra_at..extra_end)?, &mut member);
    Some((member, extra_end.checked_add(comment)?))
}

/// Reads the further fields of a member.
fn fields(mut rest: &[u8], member: &mut Member) {
    while let (Some(id), Some(length)) = (u16_at(rest, 0), u16_at(rest, 2)) {
        let end = 4_usize.saturating_add(length.into());
        let Some(field) = rest.get(4..end) else { return };
        match id {
            // 64 bits: only what does not fit stands here, in this order.
            0x0001 => {
                let mut at = 0;
                for value in [&mut member.size, &mut member.packed, &mut member.header] {
                    if *value == 0xffff_ffff {
                        let Some(large) = u64_at(field, at) else { break };
                        *value = large;
                        at = at.saturating_add(8);
                    }
                }
            }
            0x5455 if field.first().is_some_and(|flags| flags & 1 != 0) => {
                if let Some(time) = field.get(1..).and_then(|it| it.first_chunk().copied()) {
                    member.modified = i32::from_le_bytes(time).into();
                }
            }
            _ => {}
        }
        rest = rest.get(end..).unwrap_or_default();
    }
}

/// Returns the seconds of a date and time of MS-DOS, which has no zone: taken as UTC.
fn dos_time(time: u16, date: u16) -> i64 {
    let (year, month, day) =
        (i64::from(date >> 9) + 1980, i64::from(date >> 5 & 15), i64::from(date & 31));
    // Days since 1970 by the civil calendar, March first, so that leap days end a year.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days =
        year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 719_469;
    let seconds =
        i64::from(time >> 11) * 3600 + i64::from(time >> 5 & 63) * 60 + i64::from(time & 31) * 2;
    days * 86_400 + seconds
}

/// Returns the content of a member, unpacked.
///
/// # Errors
/// If its own header is not where the list says, or it is packed in another way.
pub(super) fn content<'a>(file: &'a OwnedFd, member: &Member) -> io::Result<Box<dyn Read + 'a>> {
    let header = read(file, member.header, 30)?;
    let lengths = u16_at(&header, 26).zip(u16_at(&header, 28));
    let (true, Some((name, extra))) = (header.starts_with(b"PK\x03\x04"), lengths) else {
        return Err(io::Error::other("its header is not where the list says"));
    };
    let at =
        member.header.saturating_add(30).saturating_add(name.into()).saturating_add(extra.into());
    let part = Part { file, at, end: at.saturating_add(member.packed) };
    match member.method {
        0 => Ok(Box::new(part)),
        8 => Ok(Box::new(flate2::read::DeflateDecoder::new(part))),
        other => {
            Err(io::Error::other(format!("it is packed by method {other}, which is not read")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_msdos_are_those_of_the_calendar() {
        // 2026-03-01 08:12:44, and 1980-01-01.
        assert_eq!(dos_time(8 << 11 | 12 << 5 | 22, 46 << 9 | 3 << 5 | 1), 1_772_352_764);
        assert_eq!(dos_time(0, 1 << 5 | 1), 315_532_800);
    }
}
