//! Armour, and texts with a signature below them.
//!
//! Source: RFC 4880, sections 6.2 and 7.

use crate::base64;

/// A text that was signed, and the packets of its signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cleartext {
    /// The text as it reads.
    pub(crate) text: Vec<u8>,
    /// The text as it is signed: lines end in a carriage return and a line feed, without blanks
    /// before them, the last line without an end.
    pub(super) canonical: Vec<u8>,
    /// Its signatures.
    pub(crate) signatures: Vec<u8>,
}

/// Takes a signed text apart. What stands before or after the signed part is not signed, and is
/// left out.
pub(crate) fn cleartext(bytes: &[u8]) -> Option<Cleartext> {
    let mut lines =
        bytes.split(|&b| b == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    lines.find(|line| *line == b"-----BEGIN PGP SIGNED MESSAGE-----")?;
    // Headers, up to an empty line.
    lines.find(|line| line.trim_ascii().is_empty())?;
    let (mut text, mut canonical) =
        (Vec::with_capacity(bytes.len()), Vec::with_capacity(bytes.len()));
    let mut is_first = true;
    loop {
        let line = lines.next()?;
        if line == b"-----BEGIN PGP SIGNATURE-----" {
            break;
        }
        let line = line.strip_prefix(b"- ").unwrap_or(line);
        text.extend_from_slice(line);
        text.push(b'\n');
        if !is_first {
            canonical.extend(b"\r\n");
        }
        is_first = false;
        let blanks = line.iter().rev().take_while(|b| matches!(b, b' ' | b'\t')).count();
        canonical.extend_from_slice(line.get(..line.len().saturating_sub(blanks))?);
    }
    let signatures = body(&mut lines, b"-----END PGP SIGNATURE-----")?;
    Some(Cleartext { text, canonical, signatures })
}

/// Returns the bytes of all armoured blocks; none if there is no armour.
pub(crate) fn unarmoured(bytes: &[u8]) -> Option<Vec<u8>> {
    let is_begin = |line: &[u8]| line.starts_with(b"-----BEGIN PGP ") && line.ends_with(b"-----");
    let mut lines =
        bytes.split(|&b| b == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let mut found = Vec::new();
    let mut any = false;
    while let Some(begin) = lines.by_ref().find(|line| is_begin(line)) {
        any = true;
        let end = [b"-----END", begin.strip_prefix(b"-----BEGIN").unwrap_or_default()].concat();
        found.extend(body(&mut lines, &end)?);
    }
    any.then_some(found)
}

/// Reads on to a block's end: headers, an empty line, base64, a checksum.
fn body<'a>(lines: &mut impl Iterator<Item = &'a [u8]>, end: &[u8]) -> Option<Vec<u8>> {
    lines.find(|line| line.trim_ascii().is_empty())?;
    let mut text = Vec::new();
    for line in lines {
        if line == end {
            return base64::decode(&text);
        }
        // The checksum is against accidents, and the signature is against all.
        if !line.starts_with(b"=") {
            text.extend_from_slice(line.trim_ascii());
        }
    }
    None
}
