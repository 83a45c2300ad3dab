//! What lies at a path, with all that has to come back.

use std::io::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use stanch_machine::filing::SETTABLE;
use stanch_machine::inspect::Content;
use stanch_machine::{
    Attribute, Dress, FileKind, Inspected, Inspector, Machine, Miss, Special, Stat,
};
use stanch_words::{GapKind, text};

use crate::act::Trouble;

/// The largest file that is taken away or replaced, in bytes.
pub const LARGEST: u64 = 4 << 30;

/// What lies at a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "snake_case")]
pub enum State {
    /// Nothing.
    Absent,
    /// A regular file.
    File(Whole),
    /// A symlink.
    Link {
        /// Where it points.
        target: String,
        /// Owner.
        uid: u32,
        /// Group.
        gid: u32,
        /// When it was made, in nanoseconds since 1970.
        modified: i64,
    },
    /// A folder; what lies in it is each by itself.
    Folder {
        /// Permission bits.
        mode: u32,
        /// Owner.
        uid: u32,
        /// Group.
        gid: u32,
        /// Extended attributes: name, and value in hex.
        attributes: Vec<(String, String)>,
        /// Those of its inode flags that can be given back.
        flags: u32,
    },
    /// A pipe, a socket or a device.
    Special {
        /// osquery's name of its kind.
        kind: String,
        /// Permission bits.
        mode: u32,
        /// Owner.
        uid: u32,
        /// Group.
        gid: u32,
        /// The device that it stands for: major number in the upper half, minor in the lower.
        device: u64,
        /// When it was made, in nanoseconds since 1970.
        modified: i64,
        /// Extended attributes: name, and value in hex.
        attributes: Vec<(String, String)>,
    },
    /// A regular file of more than [`LARGEST`].
    TooLarge {
        /// In bytes.
        size: u64,
    },
    /// Something else.
    Other {
        /// osquery's name of its kind.
        kind: String,
    },
}

/// A regular file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Whole {
    /// Permission bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// In bytes.
    pub size: u64,
    /// Of its content, in hex.
    pub sha256: String,
    /// When its content changed, in nanoseconds since 1970; none where any time will do.
    pub modified: Option<i64>,
    /// Extended attributes: name, and value in hex.
    pub attributes: Vec<(String, String)>,
    /// Those of its inode flags that can be given back.
    pub flags: u32,
}

impl Whole {
    /// Returns its extended attributes as the machine takes them.
    pub(crate) fn attributes(&self) -> Vec<Attribute> {
        as_attributes(&self.attributes)
    }
}

/// Returns written attributes as the machine takes them.
fn as_attributes(written: &[(String, String)]) -> Vec<Attribute> {
    let one = |(name, value): &(String, String)| {
        (text::to_bytes(name), text::unhex(value.as_bytes()).unwrap_or_default())
    };
    written.iter().map(one).collect()
}

fn written(attributes: &[Attribute]) -> Vec<(String, String)> {
    attributes.iter().map(|(name, value)| (text::from_bytes(name), text::hex(value))).collect()
}

impl State {
    /// Returns it as JSON.
    pub(crate) fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Returns a word for its kind.
    pub(crate) fn kind(&self) -> &str {
        match self {
            Self::Absent => "absent",
            Self::File(_) | Self::TooLarge { .. } => "regular",
            Self::Link { .. } => "symlink",
            Self::Folder { .. } => "directory",
            Self::Special { kind, .. } | Self::Other { kind } => kind,
        }
    }

    /// Returns the digest of its content, if it is a file.
    pub fn sha256(&self) -> Option<&String> {
        match self {
            Self::File(file) => Some(&file.sha256),
            _ => None,
        }
    }

    /// Returns whether it is what is wanted, where any time will do that is not given.
    pub(crate) fn is(&self, wanted: &Self) -> bool {
        match (self, wanted) {
            (Self::File(is), Self::File(wanted)) => {
                let modified = wanted.modified.or(is.modified);
                *is == Whole { modified, ..wanted.clone() }
            }
            (is, wanted) => is == wanted,
        }
    }

    /// Returns whether it holds the same, whatever its rights and times are.
    pub(crate) fn has_content_of(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::File(is), Self::File(other)) => is.sha256 == other.sha256,
            (Self::Link { target, .. }, Self::Link { target: other, .. }) => target == other,
            (Self::Folder { .. }, Self::Folder { .. }) => true,
            (
                Self::Special { kind, device, .. },
                Self::Special { kind: other, device: stands_for, .. },
            ) => (kind, device) == (other, stands_for),
            (is, other) => is == other,
        }
    }
}

/// What was seen at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// What lies there.
    pub state: State,
    /// What the system tells of it.
    pub stat: Option<Stat>,
}

/// Looks at a path, following no last symlink, and hands its content on if somebody wants it.
pub(crate) fn look(
    machine: &dyn Machine,
    path: &Path,
    sink: Option<&mut dyn Write>,
) -> Result<Seen, Trouble> {
    let doing = Trouble::while_doing("looking at a file");
    let (Some(above), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(doing(Miss::new(GapKind::Failed, "not the path of a file", path)));
    };
    let mut looker =
        Looker { room: vec![0; 256 << 10], seen: Sha256::new(), sink, failed: None, told: None };
    machine.inspect(above, &[name], &mut looker);
    if let Some(why) = looker.failed {
        return Err(doing(Miss::new(GapKind::Failed, why, path)));
    }
    let inspected = match looker.told {
        Some(Ok(inspected)) => inspected,
        Some(Err(miss)) if miss.absent => return Ok(Seen { state: State::Absent, stat: None }),
        Some(Err(miss)) => return Err(doing(miss)),
        None => return Err(doing(Miss::new(GapKind::Failed, "nothing was told", path))),
    };
    if let Some(miss) = inspected.misses.first() {
        return Err(doing(miss.clone()));
    }
    if matches!(inspected.content, Content::Changed | Content::Missed) {
        return Err(doing(Miss::new(GapKind::Changed, "it changes while it is read", path)));
    }
    let sha256 = text::hex(&looker.seen.finalize());
    let stat = inspected.stat;
    Ok(Seen { state: state(inspected, sha256), stat: Some(stat) })
}

fn state(inspected: Inspected, sha256: String) -> State {
    let stat = inspected.stat;
    match (stat.kind(), inspected.content) {
        (FileKind::Regular, Content::Whole) => State::File(Whole {
            mode: stat.mode & 0o7777,
            uid: stat.uid,
            gid: stat.gid,
            size: stat.size,
            sha256,
            modified: Some(stat.modified),
            attributes: written(&inspected.attributes),
            flags: inspected.flags.unwrap_or(0) & SETTABLE,
        }),
        (FileKind::Regular, _) => State::TooLarge { size: stat.size },
        (FileKind::Symlink, _) => State::Link {
            target: text::from_bytes(&inspected.target.unwrap_or_default()),
            uid: stat.uid,
            gid: stat.gid,
            modified: stat.modified,
        },
        (FileKind::Directory, _) => State::Folder {
            mode: stat.mode & 0o7777,
            uid: stat.uid,
            gid: stat.gid,
            attributes: written(&inspected.attributes),
            flags: inspected.flags.unwrap_or(0) & SETTABLE,
        },
        (
            kind @ (FileKind::Fifo
            | FileKind::Socket
            | FileKind::CharacterDevice
            | FileKind::BlockDevice),
            _,
        ) => State::Special {
            kind: kind.name().to_owned(),
            mode: stat.mode & 0o7777,
            uid: stat.uid,
            gid: stat.gid,
            device: stat.special_device,
            modified: stat.modified,
            attributes: written(&inspected.attributes),
        },
        (kind, _) => State::Other { kind: kind.name().to_owned() },
    }
}

impl State {
    /// Returns what makes it anew where nothing lies, if it is a folder or a special file.
    pub(super) fn special(&self, accessed: i64) -> Option<(Special, Dress)> {
        match self {
            Self::Folder { mode, uid, gid, attributes, flags } => {
                let special = Special { kind: FileKind::Directory, device: 0 };
                let attributes = as_attributes(attributes);
                let (mode, uid, gid, flags) = (*mode, *uid, *gid, *flags);
                Some((special, Dress { mode, uid, gid, attributes, times: None, flags }))
            }
            Self::Special { kind, mode, uid, gid, device, modified, attributes } => {
                let kinds = [
                    FileKind::Fifo,
                    FileKind::Socket,
                    FileKind::CharacterDevice,
                    FileKind::BlockDevice,
                ];
                let kind = kinds.into_iter().find(|one| one.name() == kind)?;
                let special = Special { kind, device: *device };
                let attributes = as_attributes(attributes);
                let times = Some((accessed, *modified));
                let (mode, uid, gid) = (*mode, *uid, *gid);
                Some((special, Dress { mode, uid, gid, attributes, times, flags: 0 }))
            }
            _ => None,
        }
    }
}

struct Looker<'a> {
    room: Vec<u8>,
    seen: Sha256,
    sink: Option<&'a mut dyn Write>,
    failed: Option<String>,
    told: Option<Result<Inspected, Miss>>,
}

impl Inspector<'_> for Looker<'_> {
    fn wants(&mut self, stat: &Stat) -> bool {
        stat.size <= LARGEST
    }

    fn room(&mut self) -> &mut [u8] {
        &mut self.room
    }

    fn take(&mut self, length: usize) {
        let bytes = self.room.get(..length).unwrap_or_default();
        self.seen.update(bytes);
        if let Some(sink) = &mut self.sink
            && let Err(error) = sink.write_all(bytes)
        {
            self.failed = Some(error.to_string());
            self.sink = None;
        }
    }

    fn told(&mut self, inspected: Result<Inspected, Miss>) {
        self.told = Some(inspected);
    }
}

/// Returns the SHA-256 of bytes, in hex.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    text::hex(&Sha256::digest(bytes))
}
