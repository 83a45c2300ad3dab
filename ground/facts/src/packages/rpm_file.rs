//! An RPM package as a file: its header, which has the digests of all its files, and who signed it.
//!
//! Source: rpm's docs/manual/format_v4.md: lead (96 bytes), signature header, padding to eight
//! bytes, header, payload. The payload is not needed.

use std::path::Path;

use stanch_machine::{Machine, Miss};

use super::rpm::Header;
use crate::openpgp::{Keyring, Signed};

/// The lead and the largest two headers that are read; kernels have about 10 MB.
const MOST: u64 = 64 << 20;
const LEAD: usize = 96;
/// Begins each header in a file.
const MAGIC: &[u8] = b"\x8e\xad\xe8\x01\0\0\0\0";
/// RPMSIGTAG_RSA: a signature over the header alone.
const RSA_HEADER: u32 = 268;

/// A package's headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RpmFile {
    /// The header with what it brings, with its magic number before it.
    pub(crate) header: Vec<u8>,
    signature: Vec<u8>,
}

/// Reads a package file; `None` if it is none.
///
/// # Errors
/// A [`Miss`] if it cannot be read.
pub(crate) fn read(machine: &dyn Machine, path: &Path) -> Result<Option<RpmFile>, Miss> {
    let read = machine.read(path, MOST)?;
    Ok(parse(&read.bytes))
}

/// Takes a package file apart.
pub(crate) fn parse(bytes: &[u8]) -> Option<RpmFile> {
    let rest = bytes.strip_prefix(b"\xed\xab\xee\xdb").and(bytes.get(LEAD..))?;
    let signatures = whole(rest)?;
    let padded = signatures.len().next_multiple_of(8);
    let header = whole(rest.get(padded..)?)?;
    let signature = Header::parse(signatures)?.bytes(RSA_HEADER).to_vec();
    Some(RpmFile { header: header.to_vec(), signature })
}

/// Returns the bytes of the header that begins here.
fn whole(bytes: &[u8]) -> Option<&[u8]> {
    let rest = bytes.strip_prefix(MAGIC)?;
    let number = |at: usize| -> Option<usize> {
        let four: [u8; 4] = rest.get(at..at.checked_add(4)?)?.try_into().ok()?;
        usize::try_from(u32::from_be_bytes(four)).ok()
    };
    let length = number(0)?.checked_mul(16)?.checked_add(number(4)?)?.checked_add(16)?;
    bytes.get(..length)
}

impl RpmFile {
    /// Returns whether a key signed the header.
    pub(crate) fn is_signed(&self, keyring: &Keyring) -> bool {
        keyring.verify(&Signed::Bytes(&self.header), &self.signature).is_some()
    }
}

#[cfg(test)]
mod tests {
    use stanch_machine::Pretend;

    use super::*;
    use crate::packages::rpm::tag;

    /// What rpmbuild 4.18 made of a package of ours, and `rpmsign` signed with the tests' key.
    const PACKAGE: &[u8] = include_bytes!("../../fixtures/archive/probe-1.0-1.noarch.rpm");

    fn keyring() -> Keyring {
        Keyring::parse(include_bytes!("../../fixtures/archive/keyring.gpg"))
    }

    #[test]
    fn a_package_tells_its_files_and_who_signed_it() {
        let machine = Pretend::new().file("/p.rpm", PACKAGE);
        let file = read(&machine, Path::new("/p.rpm")).unwrap().unwrap();
        let header = Header::parse(&file.header).unwrap();
        assert_eq!(header.text(tag::NAME), b"probe");
        assert_eq!(header.texts(tag::FILEDIGESTS).count(), 5);
        assert!(file.is_signed(&keyring()));
        assert!(!file.is_signed(&Keyring::default()));
    }

    #[test]
    fn a_package_cut_or_changed_in_its_header_is_not_signed() {
        let whole = parse(PACKAGE).unwrap();
        let end = PACKAGE.len() - 300;
        for at in (LEAD..end).step_by(61) {
            let mut bent = PACKAGE.to_vec();
            bent[at] ^= 0x10;
            let is_signed = parse(&bent).is_some_and(|file| {
                // Bytes outside the signed header and its signature do not count.
                file.is_signed(&keyring()) && file.header != whole.header
            });
            assert!(!is_signed, "{at}");
            assert!(parse(&PACKAGE[..at]).is_none_or(|file| file.header == whole.header), "{at}");
        }
    }
}
