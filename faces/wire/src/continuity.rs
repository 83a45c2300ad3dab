//! `stanch.backup/1`, `stanch.backup-init/1`, `stanch.snapshots/1` and `stanch.restore/1`.

use serde::{Deserialize, Serialize};

use crate::Gap;

/// A repository that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupInit {
    /// `stanch.backup-init/1`.
    pub schema: String,
    /// Where it lies.
    pub repository: String,
    /// Its id.
    pub id: String,
}

impl BackupInit {
    /// The name and version of the document.
    pub const SCHEMA: &'static str = "stanch.backup-init/1";
}

/// A backup that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backup {
    /// `stanch.backup/1`.
    pub schema: String,
    /// Where the repository lies.
    pub repository: String,
    /// The snapshot.
    pub snapshot: Snapshot,
    /// Files in it.
    pub files: u64,
    /// Folders in it.
    pub folders: u64,
    /// Symlinks, pipes, sockets and devices in it.
    pub others: u64,
    /// Bytes of its files.
    pub bytes: u64,
    /// Files that the snapshot before did not have.
    pub new: u64,
    /// Files that changed since.
    pub changed: u64,
    /// Files that did not, and were not read.
    pub unchanged: u64,
    /// Bytes that the repository did not have yet.
    pub added: u64,
    /// What they take in the repository.
    pub stored: u64,
    /// SHA-256 of the manifest.
    pub manifest_sha256: String,
    /// The number of the entry in the case.
    pub case_entry: u64,
    /// What could not be kept, or changed while it was read.
    pub gaps: Vec<Gap>,
}

impl Backup {
    /// The name and version of the document.
    pub const SCHEMA: &'static str = "stanch.backup/1";
}

/// The snapshots of a repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshots {
    /// `stanch.snapshots/1`.
    pub schema: String,
    /// Where the repository lies.
    pub repository: String,
    /// The snapshots, the oldest first.
    pub snapshots: Vec<Snapshot>,
}

impl Snapshots {
    /// The name and version of the document.
    pub const SCHEMA: &'static str = "stanch.snapshots/1";
}

/// One snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Its id.
    pub id: String,
    /// When it was made, by the clock of the machine that made it.
    pub time: String,
    /// The machine that it is of.
    pub host: String,
    /// What was backed up.
    pub paths: Vec<String>,
    /// Its tags.
    pub tags: Vec<String>,
    /// What made it.
    pub program: String,
    /// Files in it, if it says so.
    pub files: Option<u64>,
    /// Bytes of them.
    pub bytes: Option<u64>,
    /// The snapshot before it.
    pub parent: Option<String>,
    /// The number of the entry of the case that tells of it.
    pub case_entry: Option<u64>,
}

/// A snapshot that was brought back into a folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restore {
    /// `stanch.restore/1`.
    pub schema: String,
    /// The snapshot.
    pub snapshot: Snapshot,
    /// The folder.
    pub to: String,
    /// Files that lie there, whole and compared.
    pub files: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Folders.
    pub folders: u64,
    /// Symlinks, pipes, sockets and devices.
    pub others: u64,
    /// SHA-256 of the snapshot's manifest.
    pub manifest_sha256: String,
    /// Whether the case tells of this snapshot with this manifest.
    pub as_recorded: bool,
    /// What is not there, or not as it was.
    pub gaps: Vec<Gap>,
}

impl Restore {
    /// The name and version of the document.
    pub const SCHEMA: &'static str = "stanch.restore/1";
}
