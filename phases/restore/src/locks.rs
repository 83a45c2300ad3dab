//! Locks, as restic writes and respects them: `rustic_core` has none.
//!
//! Source: restic's `doc/design.rst`, "Locks", and `internal/restic/lock.go` for the half hour after
//! which one counts as left behind. Whoever adds to a repository shares it; whoever takes away from
//! it (`prune`) wants it alone, and must not while we rely on what is there.

use std::fs;
use std::io;
use std::path::PathBuf;

use aes256ctr_poly1305aes::aead::Aead as _;
use aes256ctr_poly1305aes::{Aes256CtrPoly1305Aes, Key, Nonce};
use rustic_core::jiff::Timestamp;
use rustic_core::repofile::FileType;
use rustic_core::repofile::SnapshotId;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use stanch_words::text;

use crate::folder::{Shows, write_whole};
use crate::repository::hex;
use crate::{Repository, RestoreError};

/// After so many seconds a lock was left behind by somebody who is gone.
const LEFT_BEHIND: i64 = 30 * 60;

/// A lock's content.
#[derive(Debug, Serialize, Deserialize)]
struct Content {
    time: String,
    #[serde(default)]
    exclusive: bool,
    #[serde(default)]
    hostname: String,
    #[serde(default)]
    username: String,
    #[serde(default)]
    pid: i64,
    #[serde(default)]
    uid: u32,
    #[serde(default)]
    gid: u32,
}

/// Our lock; it goes when this goes.
#[derive(Debug)]
pub(crate) struct Lock(PathBuf);

impl Drop for Lock {
    fn drop(&mut self) {
        // One that stays is older than half an hour soon, and counts for nothing then.
        drop(fs::remove_file(&self.0));
    }
}

/// Refuses when somebody has the repository for himself.
pub(crate) fn respect(repository: &Repository, now: i64) -> Result<(), RestoreError> {
    let locks = repository.again(Shows::Locks)?;
    let Ok(ids) = locks.list::<SnapshotId>() else { return Ok(()) };
    for id in ids {
        // One that is gone by now, or that was not written with this repository's key, is no lock.
        let Ok(bytes) = locks.cat_file(FileType::Snapshot, &hex(id)) else { continue };
        let Ok(content) = serde_json::from_slice::<Content>(&bytes) else { continue };
        let age = content.time.parse().map(|time: Timestamp| now.saturating_sub(time.as_second()));
        if content.exclusive && age.is_ok_and(|age| age < LEFT_BEHIND) {
            let (host, pid, time) = (content.hostname, content.pid, content.time);
            let by = text::escaped(&format!("{host}, process {pid}, since {time}"));
            return Err(RestoreError::Locked { by });
        }
    }
    // A lock that went away between the list and the look is no trouble of the repository.
    drop(repository.troubles.read());
    Ok(())
}

/// Shares the repository: our lock first, then a look at those of others, so that two who begin at
/// once see each other.
pub(crate) fn share(
    repository: &Repository,
    now: i64,
    host: &str,
    who: &str,
) -> Result<Lock, RestoreError> {
    let time = Timestamp::from_second(now).unwrap_or_default().to_string();
    let content = Content {
        time,
        exclusive: false,
        hostname: host.to_owned(),
        username: who.to_owned(),
        pid: i64::from(std::process::id()),
        uid: rustix::process::getuid().as_raw(),
        gid: rustix::process::getgid().as_raw(),
    };
    let library = |error: &dyn std::fmt::Display| RestoreError::Library { what: error.to_string() };
    let plain = serde_json::to_vec(&content).map_err(|error| library(&error))?;
    let bytes = enciphered(repository, &plain).map_err(|error| library(&error))?;
    let folder = repository.path().join("locks");
    // Repositories of other tools may lack the folder until it is needed.
    match fs::create_dir(&folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(RestoreError::store(&folder, error));
        }
        _ => {}
    }
    let path = folder.join(stanch_words::text::hex(&Sha256::digest(&bytes)));
    write_whole(&path, &[&bytes]).map_err(|error| RestoreError::store(&path, error))?;
    let lock = Lock(path);
    respect(repository, now)?;
    Ok(lock)
}

/// Enciphers as all files of a repository are: a nonce, the text under AES-256 in counter mode, and
/// Poly1305-AES over it.
fn enciphered(repository: &Repository, plain: &[u8]) -> io::Result<Vec<u8>> {
    let master = repository.library.key();
    let key =
        [master.encrypt.as_slice(), master.mac.k.as_slice(), master.mac.r.as_slice()].concat();
    if key.len() != 64 {
        return Err(io::Error::other("the key has another length than 64 bytes"));
    }
    let mut bytes = vec![0_u8; 16];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())?;
    let cipher = Aes256CtrPoly1305Aes::new(Key::from_slice(&key));
    let sealed = cipher.encrypt(Nonce::from_slice(&bytes), plain);
    bytes.extend(sealed.map_err(|_opaque| io::Error::other("a lock could not be enciphered"))?);
    Ok(bytes)
}
