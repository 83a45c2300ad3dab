//! A ZIP of evidence: a collection of Velociraptor, or UAC's own with `-f zip`.
//!
//! ```text
//!   uploads/auto/etc/passwd       files, by the way they were read (`auto`, `file`); odd characters
//!                                 of a name as `%2F`
//!   results/Linux.Sys.Pslist.json rows of an artifact, one JSON object a line
//! ```
//! Source: Velociraptor's documentation, "Offline collections"; the names in collections it made.

use std::cell::Cell;
use std::collections::HashSet;
use std::io::{self, Read};
use std::os::fd::OwnedFd;

use stanch_words::GapKind;

use super::unpack::{MEMBERS, Unpacking};
use super::zip::{self, Member};
use crate::tar::Raw;

/// The longest target of a link (PATH_MAX).
const LONGEST: u64 = 4096;
/// Where files lie that were collected.
const UPLOADS: &[u8] = b"uploads/";
/// Ways of reading whose paths are those of the machine.
const FILES: [&[u8]; 2] = [b"uploads/auto/", b"uploads/file/"];

/// Takes all members.
pub(super) fn unpack(unpacking: &mut Unpacking<'_>, file: &OwnedFd) {
    let (members, is_cut) = match zip::members(file, MEMBERS) {
        Ok(members) => members,
        Err(error) => {
            let path = unpacking.own_path();
            return unpacking.strange(GapKind::Damaged, &path, error.to_string());
        }
    };
    if is_cut {
        let path = unpacking.own_path();
        unpacking.strange(GapKind::Truncated, &path, format!("more than {MEMBERS} members"));
    }
    let names: HashSet<&[u8]> = members.iter().map(|member| member.name.as_slice()).collect();
    let has_uploads = members.iter().any(|member| member.name.starts_with(UPLOADS));
    let left = Cell::new(unpacking.most_unfolded(file));
    for member in &members {
        let Some(name) = place(&member.name) else {
            unpacking.strange(GapKind::Damaged, &member.name, "its name leads out");
            continue;
        };
        if member.name.ends_with(b"/") {
            continue;
        }
        let is_upload = member.name.starts_with(UPLOADS);
        // The list of the holes of a file that stands beside it.
        let of_another = member.name.strip_suffix(b".idx").is_some_and(|of| names.contains(of));
        if is_upload && of_another {
            continue;
        }
        let index = [member.name.as_slice(), b".idx"].concat();
        if is_upload && names.contains(index.as_slice()) {
            unpacking.strange(GapKind::NotHere, &member.name, "it was kept without its holes");
            continue;
        }
        if member.is_encrypted {
            unpacking.strange(GapKind::NotHere, &member.name, "it is encrypted");
            continue;
        }
        let mut raw = raw(member, name);
        let taken = zip::content(file, member).and_then(|content| {
            let mut content = Within { from: content, left: &left };
            if raw.kind == b'2' {
                (&mut content).take(LONGEST).read_to_end(&mut raw.target)?;
                raw.size = 0;
            }
            unpacking.member(&raw, &mut content)
        });
        if let Err(error) = taken {
            unpacking.strange(
                GapKind::Damaged,
                &member.name,
                format!("it cannot be read: {error}"),
            );
        }
    }
    if has_uploads {
        let path = unpacking.own_path();
        let why = "a collection of Velociraptor tells no owners and rights of files";
        unpacking.strange(GapKind::NotHere, &path, why);
    }
}

/// Ends where all members together unfold to more than any honest ones.
struct Within<'a> {
    from: Box<dyn Read + 'a>,
    left: &'a Cell<u64>,
}

impl Read for Within<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(room)?;
        match self.left.get().checked_sub(read as u64) {
            Some(left) => self.left.set(left),
            None => return Err(io::Error::other("it unfolds to more than any evidence does")),
        }
        Ok(read)
    }
}

/// Returns the name that a member has in a bundle of ours; nothing if it leads out.
fn place(name: &[u8]) -> Option<Vec<u8>> {
    let Some(rest) = FILES.iter().find_map(|way| name.strip_prefix(*way)) else {
        return Some(name.to_vec());
    };
    let mut place = b"[root]".to_vec();
    for part in rest.split(|&byte| byte == b'/').filter(|part| !part.is_empty()) {
        let part = decoded(part);
        if part == b".." || part == b"." || part.contains(&b'/') || part.contains(&0) {
            return None;
        }
        place.push(b'/');
        place.extend_from_slice(&part);
    }
    Some(place)
}

/// Returns a name with `%2F` and the like filled in.
pub(super) fn decoded(part: &[u8]) -> Vec<u8> {
    let digit =
        |byte: Option<&u8>| char::from(*byte?).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let (mut out, mut rest) = (Vec::with_capacity(part.len()), part);
    while let Some((&byte, tail)) = rest.split_first() {
        let code = (byte == b'%').then(|| digit(tail.first()).zip(digit(tail.get(1)))).flatten();
        match code {
            Some((high, low)) => {
                out.push(high << 4 | low);
                rest = tail.get(2..).unwrap_or_default();
            }
            None => {
                out.push(byte);
                rest = tail;
            }
        }
    }
    out
}

fn raw(member: &Member, name: Vec<u8>) -> Raw {
    let kind = match member.mode & 0o170_000 {
        0o120_000 => b'2',
        _ => b'0',
    };
    Raw {
        name,
        kind,
        size: member.size,
        padding: 0,
        has_many_holes: false,
        mode: if member.mode & 0o7777 == 0 { 0o600 } else { member.mode & 0o7777 },
        owner: (0, 0),
        modified: member.modified.saturating_mul(1_000_000_000),
        accessed: None,
        changed: None,
        target: Vec::new(),
        comment: None,
    }
}
