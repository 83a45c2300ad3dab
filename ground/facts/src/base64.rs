//! Base64 (RFC 4648), as in SSH keys.

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Returns the bytes of base64 text, with or without padding; white space between is skipped.
pub(crate) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut held) = (0_u32, 0_u32);
    let mut letters = text.iter().filter(|b| !b.is_ascii_whitespace());
    for &letter in letters.by_ref() {
        if letter == b'=' {
            break;
        }
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6 | u32::from(value)) & 0x3_ffff;
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push(u8::try_from(bits >> held & 0xff).unwrap_or_default());
        }
    }
    letters.all(|&b| b == b'=').then_some(out)
}

/// Returns bytes as base64 without padding, as OpenSSH writes fingerprints.
pub(crate) fn encode_bare(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 4 / 3 + 3);
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().enumerate().fold(0_u32, |word, (n, &byte)| {
            word | u32::from(byte) << (16_usize.saturating_sub(n * 8))
        });
        for n in 0..=chunk.len() {
            let letter = word >> (18_usize.saturating_sub(n * 6)) & 63;
            let letter = usize::try_from(letter).unwrap_or_default();
            out.push(char::from(LETTERS.get(letter).copied().unwrap_or(b'?')));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        for text in ["", "f", "fo", "foo", "foob", "fooba", "foobar"] {
            let coded = encode_bare(text.as_bytes());
            assert_eq!(decode(coded.as_bytes()).as_deref(), Some(text.as_bytes()));
        }
        assert_eq!(encode_bare(b"fooba"), "Zm9vYmE");
        assert_eq!(decode(b"Zm9v\nYmE=").as_deref(), Some(&b"fooba"[..]));
        assert_eq!(decode(b"Zm9v!"), None);
        assert_eq!(decode(b"Zm=9v"), None);
    }
}
