//! Every file of the machine, as the file system tells of it: for a timeline of everything.
//!
//! Source: the Sleuth Kit's wiki, "Body file" (version 3.x).

use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use stanch_facts::Holds;
use stanch_machine::{FileKind, Machine, Miss, Stat};

use crate::collect::Collector;
use crate::taking::watched;

/// How large one part becomes; a machine with many files has several.
const PART: usize = 16 << 20;

/// What one directory holds.
#[derive(Default)]
struct Listed {
    lines: Vec<u8>,
    below: Vec<(PathBuf, u64)>,
    misses: Vec<Miss>,
    files: u64,
}

impl Collector<'_> {
    /// Takes it, in parts.
    pub(crate) fn bodyfile(&mut self) -> io::Result<()> {
        let mut part = Vec::new();
        let (mut number, mut files) = (1_u32, 0_u64);
        let root = Path::new("/");
        let device = self.snapshot.host().machine().lstat(root).map_or(0, |stat| stat.device);
        let mut left = vec![(root.to_owned(), device)];
        while let Some((directory, device)) = left.pop() {
            if let Some(why) = self.over_budget(0) {
                self.budget_is_used_up(why);
                break;
            }
            let own = directory.clone();
            let listed = watched(self.snapshot, &directory, move |host| {
                Ok(list(host.machine(), &own, device))
            });
            let listed =
                listed.unwrap_or_else(|miss| Listed { misses: vec![miss], ..Listed::default() });
            for miss in listed.misses.iter().filter(|miss| !miss.absent) {
                self.gap(miss.kind, &miss.detail, Some(Path::new(&miss.path)));
            }
            part.extend_from_slice(&listed.lines);
            files = files.saturating_add(listed.files);
            left.extend(listed.below.into_iter().rev());
            if part.len() > PART {
                self.part(&mut number, &part)?;
                part.clear();
            }
        }
        self.part(&mut number, &part)
    }

    fn part(&mut self, number: &mut u32, part: &[u8]) -> io::Result<()> {
        let name = match *number {
            1 => "bodyfile/bodyfile.txt".to_owned(),
            number => format!("bodyfile/bodyfile.{number:03}.txt"),
        };
        *number = number.saturating_add(1);
        self.ours(&name, "statx", part)
    }
}

fn list(machine: &dyn Machine, directory: &Path, device: u64) -> Listed {
    let mut listed = Listed::default();
    let listing = match machine.list(directory) {
        Ok(listing) => listing,
        Err(miss) => {
            listed.misses.push(miss);
            return listed;
        }
    };
    let names: Vec<_> = listing.entries.iter().map(|entry| entry.name.as_os_str()).collect();
    for (name, stat) in names.iter().zip(machine.lstat_each(directory, &names)) {
        match stat {
            Ok(stat) => {
                let path = directory.join(name);
                let target = (stat.kind() == FileKind::Symlink)
                    .then(|| machine.read_link(&path).ok())
                    .flatten();
                let target = target.as_ref().map(|target| target.as_os_str().as_bytes());
                line(&mut listed.lines, path.as_os_str().as_bytes(), target, &stat);
                listed.files = listed.files.saturating_add(1);
                if stat.kind() == FileKind::Directory
                    && enters(machine, &path, &stat, device, &mut listed.misses)
                {
                    listed.below.push((path, stat.device));
                }
            }
            Err(miss) => listed.misses.push(miss),
        }
    }
    listed
}

fn enters(
    machine: &dyn Machine,
    path: &Path,
    stat: &Stat,
    device: u64,
    misses: &mut Vec<Miss>,
) -> bool {
    if stat.device == device {
        return true;
    }
    match machine.magic(path) {
        Ok(magic) => magic.is_none_or(|magic| Holds::of(magic) == Holds::Storage),
        Err(miss) => {
            misses.push(miss);
            false
        }
    }
}

/// Adds a line; behind a symlink's name stands where it leads. What would break it is escaped: a
/// line end, a bar, an arrow in a name, and the backslash itself.
fn line(out: &mut Vec<u8>, path: &[u8], target: Option<&[u8]>, stat: &Stat) {
    out.extend_from_slice(b"0|");
    escaped(out, path);
    if let Some(target) = target {
        out.extend_from_slice(b" -> ");
        escaped(out, target);
    }
    let seconds = |time: i64| time.div_euclid(1_000_000_000);
    let (inode, mode, size) = (stat.inode, mode(stat.mode), stat.size);
    let (a, m, c) = (seconds(stat.accessed), seconds(stat.modified), seconds(stat.changed));
    let b = stat.born.map_or(0, seconds);
    let rest = format!("|{inode}|{mode}|{}|{}|{size}|{a}|{m}|{c}|{b}\n", stat.uid, stat.gid);
    out.extend_from_slice(rest.as_bytes());
}

fn escaped(out: &mut Vec<u8>, name: &[u8]) {
    for (place, byte) in name.iter().enumerate() {
        match byte {
            b'\n' => out.extend_from_slice(b"\\x0a"),
            b'|' => out.extend_from_slice(b"\\x7c"),
            b'\\' => out.extend_from_slice(b"\\x5c"),
            b' ' if name.get(place..).is_some_and(|rest| rest.starts_with(b" -> ")) => {
                out.extend_from_slice(b"\\x20");
            }
            byte => out.push(*byte),
        }
    }
}

/// Returns a mode as `ls -l` shows it.
fn mode(mode: u32) -> String {
    let kind = match FileKind::from_mode(mode) {
        FileKind::Directory => 'd',
        FileKind::Symlink => 'l',
        FileKind::Fifo => 'p',
        FileKind::Socket => 's',
        FileKind::CharacterDevice => 'c',
        FileKind::BlockDevice => 'b',
        FileKind::Regular | FileKind::Unknown => '-',
    };
    let mut text = String::from(kind);
    for (place, letter) in ['r', 'w', 'x', 'r', 'w', 'x', 'r', 'w', 'x'].into_iter().enumerate() {
        let has = mode >> (8 - place) & 1 == 1;
        let special = match place {
            2 => Some((0o4000, 's', 'S')),
            5 => Some((0o2000, 's', 'S')),
            8 => Some((0o1000, 't', 'T')),
            _ => None,
        };
        text.push(match special {
            Some((bit, with, without)) if mode & bit != 0 => {
                if has {
                    with
                } else {
                    without
                }
            }
            _ if has => letter,
            _ => '-',
        });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_shown_as_everybody_reads_them() {
        for (bits, text) in [
            (0o100_644, "-rw-r--r--"),
            (0o104_755, "-rwsr-xr-x"),
            (0o102_644, "-rw-r-Sr--"),
            (0o041_777, "drwxrwxrwt"),
            (0o120_777, "lrwxrwxrwx"),
            (0o010_600, "prw-------"),
        ] {
            assert_eq!(mode(bits), text);
        }
    }

    #[test]
    fn a_name_cannot_forge_a_line() {
        let mut out = Vec::new();
        let stat = Stat { mode: 0o100_600, inode: 9, size: 3, uid: 1, ..Stat::default() };
        line(&mut out, b"/a|b\n0|\\ -> x", None, &stat);
        assert_eq!(out, b"0|/a\\x7cb\\x0a0\\x7c\\x5c\\x20-> x|9|-rw-------|1|0|3|0|0|0|0\n");
    }
}
