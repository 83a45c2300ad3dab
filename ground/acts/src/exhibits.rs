//! Keeps a file in the case's vault before an act, under its SHA-256.

use std::io::Write as _;

use sha2::{Digest as _, Sha256};
use stanch_ledger::{LedgerError, Vault};
use stanch_machine::{Machine, Miss};

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
    let mut seen = Sha256::new();
    let more = exhibit.cap.saturating_add(1);
    let mut left = exhibit.cap;
    let read = machine.read_pieces(&exhibit.path, more, &mut |piece| {
        seen.update(within(piece, &mut left));
    });
    let read = match read {
        Ok(read) => read,
        Err(miss) => return Ok(Err(miss)),
    };
    let sha256 = hex(&seen.finalize());
    let link = machine.read_link(&exhibit.path).ok();
    let kept = Kept {
        sha256: sha256.clone(),
        bytes: read.min(exhibit.cap),
        link: link.map(|path| stanch_words::text::from_bytes(path.as_os_str().as_encoded_bytes())),
        is_cut: read > exhibit.cap,
    };
    if vault.has(&sha256) {
        return Ok(Ok(kept));
    }
    let mut to = vault.keep(&sha256)?;
    let mut left = exhibit.cap;
    let mut wrote = Ok(());
    let again = machine.read_pieces(&exhibit.path, more, &mut |piece| {
        if wrote.is_ok() {
            wrote = to.write_all(within(piece, &mut left));
        }
    });
    if let Err(miss) = again {
        return Ok(Err(miss));
    }
    wrote.map_err(|source| LedgerError::Io {
        doing: "keeping an exhibit in",
        path: vault.folder().to_owned(),
        source,
    })?;
    to.finish()?;
    Ok(Ok(kept))
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
