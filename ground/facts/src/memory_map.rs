//! Memory mappings: `/proc/PID/maps`, line by line.
//!
//! Source: proc_pid_maps(5), fs/proc/task_mmu.c. A path's newlines come escaped as `\012`; its
//! other bytes come as they are.

use crate::process_files::{hexadecimal, number, without_deleted};

/// One mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping<'a> {
    /// First address.
    pub start: u64,
    /// Address after the last.
    pub end: u64,
    /// `rwxp` or `s`.
    pub permissions: &'a [u8],
    /// Offset in the file.
    pub offset: u64,
    /// Major and minor device number.
    pub device: (u32, u32),
    /// Inode, 0 for none.
    pub inode: u64,
    /// Path, `[stack]` and the like, or empty; without the ` (deleted)` mark.
    pub path: &'a [u8],
    /// Whether the kernel marks the file as deleted.
    pub deleted: bool,
}

impl<'a> Mapping<'a> {
    /// Parses a line: `start-end perms offset major:minor inode      path`.
    pub fn parse(line: &'a [u8]) -> Option<Self> {
        let mut fields = line.splitn(6, |&b| b == b' ');
        let range = fields.next()?;
        let dash = memchr::memchr(b'-', range)?;
        let permissions = fields.next().filter(|permissions| permissions.len() == 4)?;
        let offset = hexadecimal(fields.next()?)?;
        let device = fields.next()?;
        let colon = memchr::memchr(b':', device)?;
        let inode = number(fields.next()?)?.cast_unsigned();
        let path = fields.next().unwrap_or_default().trim_ascii_start();
        let (path, deleted) = without_deleted(path);
        Some(Self {
            start: hexadecimal(range.get(..dash)?)?,
            end: hexadecimal(range.get(dash.checked_add(1)?..)?)?,
            permissions,
            offset,
            device: (
                u32::try_from(hexadecimal(device.get(..colon)?)?).ok()?,
                u32::try_from(hexadecimal(device.get(colon.checked_add(1)?..)?)?).ok()?,
            ),
            inode,
            path,
            deleted,
        })
    }

    /// Returns whether its bytes can be executed.
    pub fn is_executable(&self) -> bool {
        self.permissions.get(2) == Some(&b'x')
    }

    /// Returns whether its bytes can be written.
    pub fn is_writable(&self) -> bool {
        self.permissions.get(1) == Some(&b'w')
    }

    /// Returns what lies behind it.
    pub fn kind(&self) -> &'static str {
        match self.path {
            path if path.starts_with(b"/memfd:") => "memfd",
            path if path.starts_with(b"[") => {
                if matches!(path, b"[heap]" | b"[stack]") || path.starts_with(b"[anon") {
                    "anonymous"
                } else {
                    "special"
                }
            }
            b"" => "anonymous",
            // Shared anonymous memory: a file of the kernel's own tmpfs.
            b"/dev/zero" | b"//anon" if self.deleted => "anonymous",
            path if path.starts_with(b"/SYSV") && self.deleted => "anonymous",
            path if path.starts_with(b"anon_inode:") => "special",
            _ => "file",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_a_heap_and_a_memory_file() {
        let line = b"7f00aa000000-7f00aa021000 r-xp 00028000 fd:01 12345                      /usr/lib/a b.so (deleted)";
        let mapping = Mapping::parse(line).unwrap();
        assert_eq!((mapping.start, mapping.offset), (0x7f00_aa00_0000, 0x28000));
        assert_eq!((mapping.device, mapping.inode), ((0xfd, 1), 12345));
        assert_eq!((mapping.path, mapping.deleted), (&b"/usr/lib/a b.so"[..], true));
        assert!(mapping.is_executable() && !mapping.is_writable());
        for (end, kind) in [
            ("", "anonymous"),
            (" [heap]", "anonymous"),
            (" [vdso]", "special"),
            (" /memfd:x (deleted)", "memfd"),
            (" /dev/zero (deleted)", "anonymous"),
            (" /tmp/x", "file"),
        ] {
            let line = format!("1000-2000 rwxp 0 00:00 0{end}");
            assert_eq!(Mapping::parse(line.as_bytes()).unwrap().kind(), kind, "{line}");
        }
    }

    #[test]
    fn a_line_cut_anywhere_never_panics() {
        let line = b"7f00-7fff r-xp 00028000 fd:01 12345   /x";
        for end in 0..line.len() {
            let cut = Mapping::parse(&line[..end]);
            assert!(cut.is_none() || end > 30, "{end}");
        }
    }
}
