//! Digests of files, several in one pass.

pub(crate) mod files;
pub(crate) mod lanes;
pub(crate) mod streams;

use std::path::Path;

use md5::Digest as _;
use stanch_machine::{Machine, limits};
use stanch_words::{Gap, GapKind};

/// A digest algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Digest {
    /// MD5 (RFC 1321): what dpkg keeps.
    Md5,
    /// SHA-1.
    Sha1,
    /// SHA-256: what rpm keeps today.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
    /// BLAKE3 of 256 bits: the fastest, in lists and baselines.
    Blake3,
}

/// A digest that is being made.
pub(crate) enum Running {
    Md5(md5::Md5),
    Sha1(sha1::Sha1),
    Sha256(sha2::Sha256),
    Sha384(sha2::Sha384),
    Sha512(sha2::Sha512),
    Blake3(Box<blake3::Hasher>),
}

impl Running {
    pub(crate) fn new(digest: Digest) -> Self {
        match digest {
            Digest::Md5 => Self::Md5(md5::Md5::new()),
            Digest::Sha1 => Self::Sha1(sha1::Sha1::new()),
            Digest::Sha256 => Self::Sha256(sha2::Sha256::new()),
            Digest::Sha384 => Self::Sha384(sha2::Sha384::new()),
            Digest::Sha512 => Self::Sha512(sha2::Sha512::new()),
            Digest::Blake3 => Self::Blake3(Box::new(blake3::Hasher::new())),
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Md5(running) => running.update(bytes),
            Self::Sha1(running) => running.update(bytes),
            Self::Sha256(running) => running.update(bytes),
            Self::Sha384(running) => running.update(bytes),
            Self::Sha512(running) => running.update(bytes),
            Self::Blake3(running) => {
                running.update(bytes);
            }
        }
    }

    pub(crate) fn finish(self) -> String {
        match self {
            Self::Md5(running) => stanch_words::text::hex(&running.finalize()),
            Self::Sha1(running) => stanch_words::text::hex(&running.finalize()),
            Self::Sha256(running) => stanch_words::text::hex(&running.finalize()),
            Self::Sha384(running) => stanch_words::text::hex(&running.finalize()),
            Self::Sha512(running) => stanch_words::text::hex(&running.finalize()),
            Self::Blake3(running) => stanch_words::text::hex(running.finalize().as_bytes()),
        }
    }
}

/// Reads a file once and returns its digests, hexadecimal, in the order asked for.
///
/// # Errors
/// The gap that it leaves: unreadable, or larger than [`limits::HASHED_FILE`] (the digest of a
/// part would be taken for that of the whole).
pub fn of_file(machine: &dyn Machine, path: &Path, which: &[Digest]) -> Result<Vec<String>, Gap> {
    let mut running: Vec<Running> = which.iter().map(|&digest| Running::new(digest)).collect();
    let most = limits::HASHED_FILE.saturating_add(1);
    let size = machine
        .read_pieces(path, most, &mut |bytes| {
            for digest in &mut running {
                digest.update(bytes);
            }
        })
        .map_err(|miss| miss.gap("hash"))?;
    if size >= most {
        let detail = format!("larger than {} bytes: not hashed", limits::HASHED_FILE);
        let gap = Gap::new("hash", GapKind::Truncated, detail);
        return Err(gap.at(stanch_words::Value::from(path).to_string()));
    }
    Ok(running.into_iter().map(Running::finish).collect())
}

/// Returns the digest of bytes, hexadecimal.
pub fn of_bytes(which: Digest, bytes: &[u8]) -> String {
    let mut running = Running::new(which);
    running.update(bytes);
    running.finish()
}

impl Digest {
    /// Returns how many hexadecimal digits it has.
    pub fn hexadecimal(self) -> usize {
        match self {
            Self::Md5 => 32,
            Self::Sha1 => 40,
            Self::Sha256 | Self::Blake3 => 64,
            Self::Sha384 => 96,
            Self::Sha512 => 128,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_digests_of_abc() {
        let machine = stanch_machine::Pretend::new().file("/abc", "abc");
        let which = [Digest::Md5, Digest::Sha1, Digest::Sha256, Digest::Blake3];
        assert_eq!(
            of_file(&machine, Path::new("/abc"), &which).unwrap(),
            [
                "900150983cd24fb0d6963f7d28e17f72",
                "a9993e364706816aba3e25717850c26c9cd0d89d",
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
                "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85",
            ]
        );
        assert!(of_file(&machine, Path::new("/none"), &which).is_err());
    }
}
