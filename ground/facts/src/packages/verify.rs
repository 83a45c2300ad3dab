//! Whether an owned file is still as its package shipped it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use stanch_machine::{FileKind, Machine, Stat, limits};
use stanch_words::{Gap, Seen};

use super::{Index, Manager, Owner, dpkg};
use crate::{Host, digest::Digest};

/// Most bytes of digest lists kept between questions.
const KEPT: usize = 4 << 20;

/// What is known of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Owned, and the digest is the shipped one.
    Intact,
    /// Owned, and the digest is another.
    Altered,
    /// Owned and a configuration file, which may change: not compared.
    Config,
    /// Owned, but there is nothing to compare: a directory or symlink, no digest in the database,
    /// or the file could not be read.
    Unverified,
    /// Owned, but the file is not there.
    Missing,
    /// No package owns it.
    Unowned,
    /// No package database could be read, or the path is not a whole one.
    Unknown,
}

impl State {
    /// Returns its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Intact => "intact",
            Self::Altered => "altered",
            Self::Config => "config",
            Self::Unverified => "unverified",
            Self::Missing => "missing",
            Self::Unowned => "unowned",
            Self::Unknown => "unknown",
        }
    }
}

/// What the package databases and the file itself say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ownership {
    /// The state.
    pub state: State,
    /// The shipped digest, hexadecimal, if there is one.
    pub expected: Option<String>,
    /// The file's digest, if it was taken.
    pub actual: Option<Arc<str>>,
}

impl Ownership {
    fn of(state: State) -> Self {
        Self { state, expected: None, actual: None }
    }
}

/// Digests that were read before.
#[derive(Debug, Default)]
pub(super) struct Cache {
    files: Mutex<HashMap<FileKey, Arc<str>>>,
    lists: Mutex<Lists>,
}

/// Device, inode, modification, inode change, size and algorithm.
type FileKey = (u64, u64, i64, i64, u64, Digest);

/// dpkg's digest lists, by path, and their bytes in all.
#[derive(Debug, Default)]
struct Lists {
    kept: HashMap<PathBuf, Arc<Vec<u8>>>,
    bytes: usize,
}

impl Index {
    /// Compares a resolved path with what its owner shipped. Reads the whole file.
    pub fn verify(&self, host: &Host, table: &str, path: &Path, seen: &mut Seen) -> Ownership {
        if !self.readable || !path.has_root() {
            return Ownership::of(State::Unknown);
        }
        let Some(owner) = self.owner(path) else { return Ownership::of(State::Unowned) };
        let stat = match host.machine().lstat(path) {
            Ok(stat) => stat,
            Err(miss) if miss.absent => return Ownership::of(State::Missing),
            Err(miss) => {
                seen.gap(miss.gap(table));
                return Ownership::of(State::Unverified);
            }
        };
        let expected = self.expected(host, table, &owner, seen);
        if owner.config {
            return Ownership { state: State::Config, expected, actual: None };
        }
        let (Some(expected), FileKind::Regular) = (expected, stat.kind()) else {
            return Ownership::of(State::Unverified);
        };
        let Some(algorithm) = owner.package.algorithm() else {
            return Ownership { expected: Some(expected), ..Ownership::of(State::Unverified) };
        };
        let actual = self.actual(host.machine(), table, path, &stat, algorithm, seen);
        let state = match &actual {
            Some(actual) if **actual == *expected => State::Intact,
            Some(_) => State::Altered,
            None => State::Unverified,
        };
        Ownership { state, expected: Some(expected), actual }
    }

    /// Returns whether a configuration file that [`Index::verify`] told is another than the shipped
    /// one; nothing where there is none to compare with.
    pub(crate) fn is_changed_config(
        &self,
        host: &Host,
        table: &str,
        path: &Path,
        told: &Ownership,
        seen: &mut Seen,
    ) -> Option<bool> {
        let expected = told.expected.as_ref().filter(|_| told.state == State::Config)?;
        let stat = host.machine().lstat(path).ok()?;
        let algorithm = self.owner(path)?.package.algorithm()?;
        let actual = self.actual(host.machine(), table, path, &stat, algorithm, seen)?;
        Some(*actual != **expected)
    }

    /// Returns the shipped digest of an owned file.
    pub fn expected(
        &self,
        host: &Host,
        table: &str,
        owner: &Owner<'_>,
        seen: &mut Seen,
    ) -> Option<String> {
        match owner.package.manager {
            Manager::Dpkg => {
                if let Some(digest) = self.proven_digest(owner.number, owner.listed) {
                    return Some(stanch_words::text::hex(&digest));
                }
                if let Some(digest) = self.config.get(owner.listed) {
                    return Some(stanch_words::text::from_bytes(digest));
                }
                let list = self.list(host, table, &owner.package.sums, seen)?;
                let digest = dpkg::sum_of(&list, owner.listed)?;
                Some(stanch_words::text::from_bytes(digest).to_ascii_lowercase())
            }
            Manager::Rpm => {
                let length = usize::from(*owner.record.get(1)?);
                let digest = owner.record.get(2..)?.get(..length)?;
                (!digest.is_empty()).then(|| stanch_words::text::hex(digest))
            }
        }
    }

    fn list(&self, host: &Host, table: &str, path: &Path, seen: &mut Seen) -> Option<Arc<Vec<u8>>> {
        let mut lists = self.verified.lists.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(list) = lists.kept.get(path) {
            return Some(Arc::clone(list));
        }
        let list = Arc::new(host.read(table, path, limits::DATABASE, seen)?);
        if lists.bytes.saturating_add(list.len()) > KEPT {
            *lists = Lists::default();
        }
        lists.bytes = lists.bytes.saturating_add(list.len());
        lists.kept.insert(path.to_owned(), Arc::clone(&list));
        Some(list)
    }

    fn actual(
        &self,
        machine: &dyn Machine,
        table: &str,
        path: &Path,
        stat: &Stat,
        algorithm: Digest,
        seen: &mut Seen,
    ) -> Option<Arc<str>> {
        let key = (stat.device, stat.inode, stat.modified, stat.changed, stat.size, algorithm);
        let known = || self.verified.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(digest) = known().get(&key) {
            return Some(Arc::clone(digest));
        }
        match crate::digest::of_file(machine, path, &[algorithm]) {
            Ok(digests) => {
                let digest: Arc<str> = digests.into_iter().next()?.into();
                known().insert(key, Arc::clone(&digest));
                Some(digest)
            }
            Err(gap) => {
                seen.gap(Gap { what: table.to_owned(), ..gap });
                None
            }
        }
    }
}

impl super::Package {
    /// Returns the algorithm of the package's digests (RFC 4880, section 9.4, for rpm).
    pub(crate) fn algorithm(&self) -> Option<Digest> {
        match self.algorithm {
            1 => Some(Digest::Md5),
            2 => Some(Digest::Sha1),
            8 => Some(Digest::Sha256),
            9 => Some(Digest::Sha384),
            10 => Some(Digest::Sha512),
            _ => None,
        }
    }
}
