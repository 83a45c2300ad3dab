//! The list of mounts, as the kernel tells it.
//!
//! Source: proc_pid_mountinfo(5).

use stanch_machine::limits;
use stanch_words::{Gap, GapKind, Seen};

use crate::Host;
use crate::lines::{number, words};

/// One mount.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mount {
    pub(crate) device_number: String,
    /// Directory of the file system that is mounted: `/` unless this is a bind mount.
    pub(crate) source_root: Vec<u8>,
    pub(crate) path: Vec<u8>,
    pub(crate) options: Vec<u8>,
    pub(crate) kind: Vec<u8>,
    pub(crate) device: Vec<u8>,
    pub(crate) super_options: Vec<u8>,
    pub(crate) id: u64,
    pub(crate) parent: u64,
    /// Whether a later mount lies on the same place.
    pub(crate) covered: bool,
}

impl Mount {
    /// Returns whether asking this file system can wait for another computer or a program.
    pub(crate) fn may_hang(&self) -> bool {
        stanch_machine::may_hang(&self.kind)
    }
}

/// Reads our own mount list for a table. Its absence on a running machine is a gap.
pub(crate) fn read(host: &Host, table: &str, seen: &mut Seen) -> Vec<Mount> {
    const PATH: &str = "/proc/self/mountinfo";
    let gaps = seen.gaps.len();
    let Some(bytes) = host.read(table, PATH.as_ref(), limits::PSEUDO_FILE, seen) else {
        if seen.gaps.len() == gaps {
            seen.gap(Gap::new(table, GapKind::Failed, "there is no mount list").at(PATH));
        }
        return Vec::new();
    };
    parse(&bytes, table, seen)
}

/// Parses mountinfo. A line that is not understood is a gap.
pub(crate) fn parse(bytes: &[u8], table: &str, seen: &mut Seen) -> Vec<Mount> {
    let mut mounts: Vec<Mount> = Vec::new();
    for (at, line) in (1_u64..).zip(bytes.split(|&b| b == b'\n')) {
        if line.is_empty() {
            continue;
        }
        match one(line) {
            Some(mount) => mounts.push(mount),
            None => {
                let detail = format!("line {at} of the mount list is not understood");
                seen.gap(Gap::new(table, GapKind::Damaged, detail));
            }
        }
    }
    // A mount is covered when another one has it as its parent at the very same path.
    let uppers: std::collections::BTreeSet<(u64, Vec<u8>)> =
        mounts.iter().map(|mount| (mount.parent, mount.path.clone())).collect();
    for mount in &mut mounts {
        mount.covered =
            mount.id != mount.parent && uppers.contains(&(mount.id, mount.path.clone()));
    }
    mounts
}

fn one(line: &[u8]) -> Option<Mount> {
    let mut words = words(line);
    let (id, parent) = (number(words.next()?)?, number(words.next()?)?);
    let device_number = std::str::from_utf8(words.next()?).ok()?.to_owned();
    let (source_root, path) = (unescaped(words.next()?), unescaped(words.next()?));
    let options = words.next()?.to_vec();
    words.find(|&word| word == b"-")?;
    let kind = unescaped(words.next()?);
    // A source may be empty (`mount -t tmpfs ""`): then one word is missing.
    let (first, second) = (words.next()?, words.next());
    let (device, super_options) = match second {
        Some(second) => (unescaped(first), second.to_vec()),
        None => (Vec::new(), first.to_vec()),
    };
    Some(Mount {
        device_number,
        source_root,
        path,
        options,
        kind,
        device,
        super_options,
        id,
        parent,
        covered: false,
    })
}

/// Undoes the kernel's `\ooo` for blank, tab, newline, backslash and `#` (`mangle`, seq_file.c).
pub(crate) fn unescaped(word: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(word.len());
    let mut rest = word;
    while let Some((&first, tail)) = rest.split_first() {
        if let [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..] = rest {
            bytes.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
            rest = after;
            continue;
        }
        bytes.push(first);
        rest = tail;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_with_a_blank_and_a_covered_one() {
        let mut seen = Seen::default();
        let list = parse(
            b"27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard\n\
              26 27 0:24 / /dev/pts rw - devpts devpts rw\n\
              29 26 0:26 / /dev/pts rw shared:3 master:1 - devpts devpts rw\n\
              30 27 0:9 /a\\040b /mnt/x\\012y rw - tmpfs  rw\n\xff\xff\n",
            "mounts",
            &mut seen,
        );
        assert_eq!(list.len(), 4);
        assert!(list[1].covered && !list[2].covered && !list[0].covered);
        assert_eq!(list[3].path, b"/mnt/x\ny");
        assert_eq!((&list[3].source_root[..], &list[3].device[..]), (&b"/a b"[..], &b""[..]));
        assert_eq!(seen.gaps.len(), 1);
    }
}
