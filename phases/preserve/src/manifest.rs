//! What is written of each item: one line of JSON, version 1.

use serde::{Deserialize, Serialize};
use stanch_machine::{FileKind, Stat};
use stanch_words::text;

/// One item: something that was taken, or that was to be taken and could not be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// Its number, from 1.
    pub n: u64,
    /// Its name in the bundle.
    pub name: String,
    /// The bytes of the name in hexadecimal, where they are not those of `name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_hex: Option<String>,
    /// The page that asked for it.
    pub artifact: String,
    /// Its kind.
    pub kind: Kind,
    /// What became of it.
    pub status: Status,
    /// Why, where it was not taken whole.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// How many bytes of it are in the bundle.
    pub size: u64,
    /// SHA-256 of these bytes, for files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Where it leads, for symlinks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Permission bits, octal.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub mode: String,
    /// Owner.
    #[serde(default)]
    pub uid: u32,
    /// Group.
    #[serde(default)]
    pub gid: u32,
    /// Inode number, and the device it is on: major shifted left by 32, and minor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inode: Option<(u64, u64)>,
    /// Its size where it lies, if that is another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_size: Option<u64>,
    /// When its content changed, RFC 3339.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub mtime: String,
    /// When it was read, before us.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub atime: String,
    /// When its inode changed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub ctime: String,
    /// When it was born.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub btime: Option<String>,
    /// How it was taken.
    pub method: String,
    /// When we read it.
    pub read_at: String,
}

/// What an item is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A file with content.
    #[default]
    File,
    /// A symbolic link.
    Symlink,
    /// A pipe.
    Fifo,
    /// A socket.
    Socket,
    /// A device.
    Device,
    /// A directory.
    Directory,
    /// Not known: it could not be described.
    Unknown,
}

impl Kind {
    /// Returns the kind of a file.
    pub(crate) fn of(kind: FileKind) -> Self {
        match kind {
            FileKind::Regular => Self::File,
            FileKind::Symlink => Self::Symlink,
            FileKind::Fifo => Self::Fifo,
            FileKind::Socket => Self::Socket,
            FileKind::CharacterDevice | FileKind::BlockDevice => Self::Device,
            FileKind::Directory => Self::Directory,
            FileKind::Unknown => Self::Unknown,
        }
    }
}

/// What became of an item.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Taken, and nothing changed meanwhile.
    #[default]
    Whole,
    /// Taken as far as the cap goes.
    Truncated,
    /// Taken while it changed: what is there was read in pieces at different times.
    Changed,
    /// It has no content that could be taken: only described.
    Described,
    /// It was there when listed, and gone when read.
    Vanished,
    /// Permission denied.
    Denied,
    /// It did not answer in time.
    TimedOut,
    /// It could not be read for another reason.
    Failed,
    /// Left out: larger than a file may be, over the budget, older than asked for, or excluded.
    LeftOut,
}

impl Status {
    /// Returns whether content or a link stands in the bundle.
    pub fn is_taken(self) -> bool {
        matches!(self, Self::Whole | Self::Truncated | Self::Changed)
    }

    /// Returns the name used in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Truncated => "truncated",
            Self::Changed => "changed",
            Self::Described => "described",
            Self::Vanished => "vanished",
            Self::Denied => "denied",
            Self::TimedOut => "timed-out",
            Self::Failed => "failed",
            Self::LeftOut => "left-out",
        }
    }
}

impl Item {
    /// Sets the name from bytes.
    pub(crate) fn named(mut self, name: &[u8]) -> Self {
        self.name = text::from_bytes(name);
        self.name_hex = (self.name.as_bytes() != name).then(|| text::hex(name));
        self
    }

    /// Returns the bytes of the name.
    pub fn name_bytes(&self) -> Vec<u8> {
        match &self.name_hex {
            Some(hex) => text::unhex(hex.as_bytes()).unwrap_or_default(),
            None => self.name.as_bytes().to_vec(),
        }
    }

    /// Describes the file that it is.
    pub(crate) fn described(mut self, stat: &Stat) -> Self {
        self.kind = Kind::of(stat.kind());
        self.mode = format!("{:04o}", stat.mode & 0o7777);
        (self.uid, self.gid) = (stat.uid, stat.gid);
        self.inode = Some((stat.inode, stat.device));
        self.mtime = rfc3339(stat.modified);
        self.atime = rfc3339(stat.accessed);
        self.ctime = rfc3339(stat.changed);
        self.btime = stat.born.map(rfc3339);
        self
    }

    /// Returns the line, without its end.
    pub(crate) fn line(&self) -> Vec<u8> {
        // A struct of texts and numbers can always be written.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads a line.
    pub(crate) fn parse(line: &[u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }
}

/// Returns nanoseconds since 1970 as RFC 3339 in UTC.
pub(crate) fn rfc3339(nanoseconds: i64) -> String {
    jiff::Timestamp::from_nanosecond(nanoseconds.into()).unwrap_or_default().to_string()
}

/// Returns the nanoseconds of such a text.
pub(crate) fn nanoseconds(text: &str) -> Option<i64> {
    let time: jiff::Timestamp = text.parse().ok()?;
    i64::try_from(time.as_nanosecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_comes_back_whatever_its_name_is() {
        for name in [&b"[root]/etc/passwd"[..], b"[root]/tmp/a\nb\x1b", b"[root]/\xff\\xff", b""] {
            let stat = Stat { mode: 0o104_755, modified: 1_500_000_000, ..Stat::default() };
            let item = Item { n: 7, ..Item::default() }.named(name).described(&stat);
            let line = item.line();
            assert!(!line.contains(&b'\n'));
            let back = Item::parse(&line).unwrap();
            assert_eq!((back.name_bytes(), &back.mode), (name.to_vec(), &"4755".to_owned()));
            assert_eq!(nanoseconds(&back.mtime), Some(1_500_000_000));
            assert_eq!(back, item);
        }
        assert_eq!(Item::parse(b"{\"n\":1}"), None);
    }
}
