//! 备份与恢复: keeps what matters in a safe place, and brings it back where it can be looked at.
//!
//! **What the responder is asking**: before I touch anything more, put the data where nobody can
//! take it from me; afterwards, give me back exactly what I had, beside the machine and not over it.
//!
//! **In and out**: paths of a machine go in, and become a snapshot in a repository of restic's
//! format; a snapshot goes in, and becomes files in a staging folder that are compared, byte for
//! byte, with what the snapshot says of them.
//!
//! **Never**: nothing of the machine is changed; nothing is written outside the repository and the
//! staging folder, whatever names and links a snapshot holds; and what could not be read, changed
//! while it was read, or could not be brought back whole is told and never passed over.
//!
//! **Start reading** at [`repository`] (the seam to `rustic_core`), [`backup`] and [`stage`]. Why it
//! is so is told in `design/0018-continuity.md`.

pub mod backup;
mod folder;
mod locks;
mod manifest;
pub mod repository;
mod source;
pub mod stage;
mod staging;

use std::path::PathBuf;

pub use backup::{About, Backed, Entered, Entering, Excluded, Sources, backup};
pub use manifest::Manifest;
pub use repository::{Password, Repository, Snapshot};
pub use stage::{Options, Staged, stage};

/// Why a repository, a backup or a restore did not come about.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// There is no repository.
    #[error("there is no repository in `{path}`")]
    NoRepository {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// Something is there already.
    #[error("`{path}` is not an empty folder")]
    NotEmpty {
        /// Where.
        path: PathBuf,
    },
    /// No key of the repository opens with the password.
    #[error("no key of the repository opens with this password")]
    WrongPassword,
    /// Somebody works on the repository who wants it for himself.
    #[error("it is locked by {by}")]
    Locked {
        /// Who: host, process and time, as the lock says.
        by: String,
    },
    /// The file of the password cannot be read, or holds none.
    #[error("the password file `{path}`")]
    Password {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A store has no room, or could not be read or written.
    #[error("`{path}`")]
    Store {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Something of the repository is not what it was when it was written.
    #[error("{what}")]
    Damaged {
        /// What, in the library's words.
        what: String,
    },
    /// There is no such snapshot, or more than one begins so.
    #[error("no single snapshot is called `{id}`")]
    NoSnapshot {
        /// What was asked for.
        id: String,
    },
    /// A path to be brought back is not in the snapshot.
    #[error("`{path}` is not in the snapshot")]
    NotInside {
        /// The path.
        path: PathBuf,
    },
    /// A path to be backed up cannot be named in a snapshot, or is not there.
    #[error("`{path}`: {why}")]
    Path {
        /// The path.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// There is less room than the files need.
    #[error("{needed} bytes are needed and {free} are free")]
    NoRoom {
        /// What the files need.
        needed: u64,
        /// What is there.
        free: u64,
    },
    /// The snapshot's content is another than the one that the ledger tells of.
    #[error("the snapshot is another than the one that was recorded: {now} in place of {then}")]
    NotAsRecorded {
        /// The digest of its manifest now.
        now: String,
        /// The digest in the record.
        then: String,
    },
    /// The library did not do it.
    #[error("{what}")]
    Library {
        /// What it says.
        what: String,
    },
}

impl RestoreError {
    fn store(path: &std::path::Path, source: impl Into<std::io::Error>) -> Self {
        Self::Store { path: path.to_owned(), source: source.into() }
    }

    /// Returns whether a disk is full.
    pub fn is_full(&self) -> bool {
        use std::io::ErrorKind;
        match self {
            Self::Store { source, .. } => {
                matches!(source.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
            }
            Self::NoRoom { .. } => true,
            _ => false,
        }
    }
}
