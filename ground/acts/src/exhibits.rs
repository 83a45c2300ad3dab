//! Keeps a file in the case's vault before an act, under its SHA-256.

use std::io::{self, Write};

use sha2::{Digest as _, Sha256};
use stanch_ledger::{LedgerError, Vault};
use stanch_machine::{Machine, Miss, limits};

use crate::act::Exhibit;

/// What was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) sha256: String,
    pub(crate) bytes: u64,
    /// Where `/proc/PID/exe` led to, if it is a link.
    pub(crate) link: Option<String>,
    /// Whether more was there than is kept.
    pub(crate) is_cut: bool,
}

/// Keeps an exhibit, or tells why there was nothing to be kept.
///
/// # Errors
/// [`LedgerError`] if the vault does not take it: then nothing may be done that destroys it.
pub(crate) fn keep(
    machine: &dyn Machine,
    vault: &Vault,
    exhibit: &Exhibit,
) -> Result<Result<Kept, Miss>, LedgerError> {
    let link = machine.read_link(&exhibit.path).ok();
    let link = link.map(|path| stanch_words::text::from_bytes(path.as_os_str().as_encoded_bytes()));
    // What the kernel tells of a process changes with each look, so it is looked at once.
    if exhibit.cap <= limits::PSEUDO_FILE {
        let read = match machine.read(&exhibit.path, exhibit.cap) {
            Ok(read) => read,
            Err(miss) => return Ok(Err(miss)),
        };
        let sha256 = hex(&Sha256::digest(&read.bytes));
        let put =
            put(vault, &sha256, &mut |to| to.write_all(&read.bytes).map_err(Failed::Writing))?;
        let bytes = read.bytes.len() as u64;
        return Ok(put.map(|()| Kept { sha256, bytes, link, is_cut: read.truncated }));
    }
    let mut seen = Sha256::new();
    let read = pieces(machine, exhibit, &mut |piece| {
        seen.update(piece);
        Ok(())
    });
    let read = match read {
        Ok(read) => read,
        Err(Failed::Reading(miss)) => return Ok(Err(miss)),
        Err(Failed::Writing(source)) => return Err(failed(vault, source)),
    };
    let sha256 = hex(&seen.finalize());
    let put = put(vault, &sha256, &mut |to| {
        pieces(machine, exhibit, &mut |piece| to.write_all(piece)).map(|_read| ())
    })?;
    let (bytes, is_cut) = (read.min(exhibit.cap), read > exhibit.cap);
    Ok(put.map(|()| Kept { sha256, bytes, link, is_cut }))
}

/// What did not work while an exhibit was copied.
enum Failed {
    Reading(Miss),
    Writing(io::Error),
}

/// Hands an exhibit on piece by piece, as much of it as is kept. Returns how much there was, one
/// byte over the cap at most.
fn pieces(
    machine: &dyn Machine,
    exhibit: &Exhibit,
    each: &mut dyn FnMut(&[u8]) -> io::Result<()>,
) -> Result<u64, Failed> {
    let (mut left, mut done) = (exhibit.cap, Ok(()));
    let read = machine.read_pieces(&exhibit.path, exhibit.cap.saturating_add(1), &mut |piece| {
        let piece = within(piece, &mut left);
        if done.is_ok() {
            done = each(piece);
        }
    });
    done.map_err(Failed::Writing)?;
    read.map_err(Failed::Reading)
}

/// Puts a content into the vault, unless it is there.
fn put(
    vault: &Vault,
    sha256: &str,
    fill: &mut dyn FnMut(&mut dyn Write) -> Result<(), Failed>,
) -> Result<Result<(), Miss>, LedgerError> {
    if vault.has(sha256) {
        return Ok(Ok(()));
    }
    let mut to = vault.keep(sha256)?;
    match fill(&mut to) {
        Ok(()) => to.finish().map(Ok),
        Err(Failed::Reading(miss)) => Ok(Err(miss)),
        Err(Failed::Writing(source)) => Err(failed(vault, source)),
    }
}

fn failed(vault: &Vault, source: io::Error) -> LedgerError {
    LedgerError::Io { doing: "keeping an exhibit in", path: vault.folder().to_owned(), source }
}

/// Returns as much of a piece as is to be kept.
fn within<'a>(piece: &'a [u8], left: &mut u64) -> &'a [u8] {
    let most = usize::try_from(*left).unwrap_or(usize::MAX).min(piece.len());
    *left = left.saturating_sub(most as u64);
    piece.get(..most).unwrap_or_default()
}

/// Returns bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a String cannot fail.
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use stanch_machine::Pretend;
    use std::io::Read as _;

    #[test]
    fn an_exhibit_is_kept_up_to_its_cap_once_and_what_is_gone_is_told() {
        let machine = Pretend::new().file("/x", "content");
        let folder = std::env::temp_dir().join(format!("stanch-exhibits-{}", std::process::id()));
        let vault = Vault::at(&folder);
        let exhibit = |path: &str, cap| Exhibit { path: path.into(), cap };
        let kept = keep(&machine, &vault, &exhibit("/x", 4)).unwrap().unwrap();
        assert_eq!((kept.bytes, kept.is_cut), (4, true));
        let mut text = String::new();
        vault.open(&kept.sha256).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "cont");
        let again = keep(&machine, &vault, &exhibit("/x", 4)).unwrap().unwrap();
        assert_eq!(again, kept);
        assert!(keep(&machine, &vault, &exhibit("/gone", 4)).unwrap().unwrap_err().absent);
        vault.purge(&kept.sha256).unwrap();
    }
}
