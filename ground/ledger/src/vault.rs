//! 证物库: the contents that were taken away from a machine, each under its SHA-256.
//!
//! What lies here is defused: it cannot be started, and a scanner of files is not set off by it.
//! It is no secret from who may read the case. Format, version 1:
//! ```text
//!   "stanch vault 1\n" SHA-256 in hex "\n"  then each byte xor the key stream of that digest
//! ```
//! The key stream is BLAKE3 in the mode of deriving keys, with the context below, over the digest
//! in hex, as far as it is needed.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, BufReader, Read, Write};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use sha2::{Digest as _, Sha256};

use crate::LedgerError;
use crate::kept::{Keeping, Older};
use crate::store::{io as trouble, sync_directory};

/// The folder's name in a case.
const NAME: &str = "vault";
const MAGIC: &str = "stanch vault 1\n";
const CONTEXT: &str = "stanch 2026-11 vault of what was taken away, defused";

/// A folder of contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vault {
    folder: PathBuf,
}

impl Vault {
    /// Returns the vault in a folder, which need not be there yet.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// Returns the vault that lies beside a ledger.
    pub fn beside(ledger: &Path) -> Self {
        Self::at(ledger.with_file_name(NAME))
    }

    /// Returns the folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns whether a content is there.
    pub fn has(&self, sha256: &str) -> bool {
        self.place(sha256).is_ok_and(|path| path.symlink_metadata().is_ok())
    }

    /// Begins to keep a content of that digest, which must not be there yet.
    ///
    /// # Errors
    /// [`LedgerError`] if the folder cannot be written to, or the digest is none.
    pub fn keep(&self, sha256: &str) -> Result<Keep, LedgerError> {
        let path = self.place(sha256)?;
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder)
            .map_err(|source| trouble("making the vault", &self.folder, source))?;
        let mut to = Keeping::begin(&path, Older::Refused)?;
        let wrote = to.write_all(format!("{MAGIC}{sha256}\n").as_bytes());
        wrote.map_err(|source| trouble("writing", &path, source))?;
        Ok(Keep {
            to,
            stream: Stream::of(sha256),
            seen: Sha256::new(),
            sha256: sha256.to_owned(),
            path,
            room: Vec::new(),
        })
    }

    /// Opens a content as it was.
    ///
    /// # Errors
    /// [`LedgerError`] if it is not there, or is not of this format.
    pub fn open(&self, sha256: &str) -> Result<Kept, LedgerError> {
        let path = self.place(sha256)?;
        let flags = OFlags::NOFOLLOW.union(OFlags::NONBLOCK).bits().cast_signed();
        let opened = OpenOptions::new().read(true).custom_flags(flags).open(&path);
        let file = opened.map_err(|source| trouble("opening", &path, source))?;
        let mut from = BufReader::with_capacity(1 << 18, file);
        let mut head = vec![0_u8; MAGIC.len().saturating_add(65)];
        let read = from.read_exact(&mut head);
        read.map_err(|source| trouble("reading", &path, source))?;
        if head != format!("{MAGIC}{sha256}\n").into_bytes() {
            let why = io::Error::other("not of version 1, or of another content");
            return Err(trouble("reading", &path, why));
        }
        Ok(Kept {
            from,
            stream: Stream::of(sha256),
            seen: Sha256::new(),
            sha256: sha256.to_owned(),
        })
    }

    /// Removes a content for ever. One that is not there is no trouble.
    ///
    /// # Errors
    /// [`LedgerError`] if it cannot be removed.
    pub fn purge(&self, sha256: &str) -> Result<(), LedgerError> {
        let path = self.place(sha256)?;
        match std::fs::remove_file(&path) {
            Ok(()) => sync_directory(&path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(source) => Err(trouble("removing", &path, source)),
        }
    }

    fn place(&self, sha256: &str) -> Result<PathBuf, LedgerError> {
        if sha256.len() == 64 && sha256.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(self.folder.join(sha256));
        }
        Err(LedgerError::Record { why: "not a SHA-256 in hex".to_owned() })
    }
}

/// A content that is being kept.
#[derive(Debug)]
pub struct Keep {
    to: Keeping,
    stream: Stream,
    seen: Sha256,
    sha256: String,
    path: PathBuf,
    room: Vec<u8>,
}

impl Keep {
    /// Gives it its place once it is safely on disk, if it is the content that was announced.
    ///
    /// # Errors
    /// [`LedgerError`] if it is another, or cannot be made durable.
    pub fn finish(self) -> Result<(), LedgerError> {
        if hex(&self.seen.finalize()) != self.sha256 {
            let why = io::Error::other("it changed while it was kept");
            return Err(trouble("keeping", &self.path, why));
        }
        self.to.finish(Older::Refused).map(|_older| ())
    }
}

impl Write for Keep {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.room.clear();
        self.room.extend_from_slice(bytes);
        self.stream.turn(&mut self.room);
        self.to.write_all(&self.room)?;
        self.seen.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// A content as it was. Its last piece is an error if it is not of its digest any more.
#[derive(Debug)]
pub struct Kept {
    from: BufReader<File>,
    stream: Stream,
    seen: Sha256,
    sha256: String,
}

impl Read for Kept {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(room)?;
        if read == 0 && !room.is_empty() && hex(&self.seen.clone().finalize()) != self.sha256 {
            return Err(io::Error::other("what lies in the vault is damaged"));
        }
        let bytes = room.get_mut(..read).unwrap_or_default();
        self.stream.turn(bytes);
        self.seen.update(bytes);
        Ok(read)
    }
}

/// The key stream of a digest.
struct Stream(blake3::OutputReader);

impl Stream {
    fn of(sha256: &str) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
        hasher.update(sha256.as_bytes());
        Self(hasher.finalize_xof())
    }

    fn turn(&mut self, bytes: &mut [u8]) {
        let mut key = [0_u8; 4096];
        for piece in bytes.chunks_mut(key.len()) {
            let key = key.get_mut(..piece.len()).unwrap_or_default();
            self.0.fill(key);
            piece.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= *key);
        }
    }
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Stream")
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(64);
    for byte in bytes {
        // Writing to a String cannot fail.
        let _infallible = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault(name: &str) -> Vault {
        let folder =
            std::env::temp_dir().join(format!("stanch-vault-{name}-{}", std::process::id()));
        Vault::at(folder)
    }

    fn kept(vault: &Vault, sha256: &str) -> Result<Vec<u8>, String> {
        let mut bytes = Vec::new();
        let mut from = vault.open(sha256).map_err(|error| error.to_string())?;
        from.read_to_end(&mut bytes).map_err(|error| error.to_string())?;
        Ok(bytes)
    }

    #[test]
    fn what_is_kept_comes_back_as_it_was_and_lies_there_defused() {
        let vault = vault("back");
        let content = b"<?php system($_GET['c']); ?>".repeat(50_000);
        let sha256 = hex(&Sha256::digest(&content));
        assert!(!vault.has(&sha256));
        let mut keep = vault.keep(&sha256).unwrap();
        for piece in content.chunks(70_001) {
            keep.write_all(piece).unwrap();
        }
        assert!(!vault.has(&sha256), "not before it is whole");
        keep.finish().unwrap();
        assert_eq!(kept(&vault, &sha256).unwrap(), content);
        let place = vault.folder().join(&sha256);
        let mut lies = std::fs::read(&place).unwrap();
        assert!(!lies.windows(6).any(|window| window == b"system"));
        lies[100] ^= 1;
        std::fs::write(&place, &lies).unwrap();
        assert!(kept(&vault, &sha256).unwrap_err().contains("damaged"));
        vault.purge(&sha256).unwrap();
        vault.purge(&sha256).unwrap();
        assert!(!vault.has(&sha256));
        std::fs::remove_dir_all(vault.folder()).unwrap();
    }

    #[test]
    fn another_content_is_not_kept_and_another_name_is_none() {
        let vault = vault("other");
        let sha256 = hex(&Sha256::digest(b"one"));
        let mut keep = vault.keep(&sha256).unwrap();
        keep.write_all(b"two").unwrap();
        assert!(keep.finish().is_err());
        assert!(!vault.has(&sha256));
        assert!(vault.keep("../../etc/passwd").is_err());
        std::fs::remove_dir_all(vault.folder()).unwrap();
    }

    #[test]
    fn version_one_stays_readable() {
        let vault = vault("golden");
        std::fs::create_dir_all(vault.folder()).unwrap();
        let sha256 = hex(&Sha256::digest(b"stand-in\n"));
        let golden = include_bytes!("../tests/golden/vault-v1");
        std::fs::write(vault.folder().join(&sha256), golden).unwrap();
        assert_eq!(kept(&vault, &sha256).unwrap(), b"stand-in\n");
        std::fs::remove_dir_all(vault.folder()).unwrap();
    }
}
