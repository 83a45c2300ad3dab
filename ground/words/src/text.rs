//! Bytes from a suspect machine as text, without loss, and as something safe to print.

use std::fmt::Write as _;

/// Returns bytes as text; each byte that is not part of valid UTF-8 becomes `\xNN`.
///
/// The result can be turned back by [`to_bytes`], so that a file name in any encoding can be
/// shown, joined on, and opened again.
pub fn from_bytes(bytes: &[u8]) -> String {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return text.to_owned();
    }
    let mut text = String::with_capacity(bytes.len().saturating_add(8));
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            // Writing to a String cannot fail.
            let _infallible = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

/// Returns the bytes that [`from_bytes`] was given.
///
/// Only escapes of bytes at or above 0x80 are undone: lower bytes are valid UTF-8 and are never
/// escaped, so a literal `\x41` in a file name survives.
pub fn to_bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        if let [b'\\', b'x', high, low, after @ ..] = rest
            && let (Some(high), Some(low)) = (digit(*high), digit(*low))
            && high >= 8
        {
            bytes.push(high << 4 | low);
            rest = after;
            continue;
        }
        bytes.push(first);
        rest = tail;
    }
    bytes
}

fn digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

/// Returns the bytes that hexadecimal digits stand for, two a byte, upper or lower case; nothing if
/// one is none, or one is left over.
pub fn unhex(digits: &[u8]) -> Option<Vec<u8>> {
    let (pairs, rest) = digits.as_chunks::<2>();
    let bytes: Option<Vec<u8>> = pairs.iter().map(byte).collect();
    bytes.filter(|_| rest.is_empty())
}

/// Returns the same where it is known how many bytes there are: a digest.
pub fn unhex_exactly<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let (pairs, rest) = digits.as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return None;
    }
    let mut bytes = [0; N];
    for (place, pair) in bytes.iter_mut().zip(pairs) {
        *place = byte(pair)?;
    }
    Some(bytes)
}

fn byte([high, low]: &[u8; 2]) -> Option<u8> {
    let digit = |one: &u8| digit(one.to_ascii_lowercase());
    Some(digit(high)? << 4 | digit(low)?)
}

/// Returns bytes as lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().saturating_mul(2));
    for byte in bytes {
        // Writing to a String cannot fail.
        let _infallible = write!(text, "{byte:02x}");
    }
    text
}

/// Returns text with everything that could drive a terminal or forge a layout escaped:
/// control characters (newline and tab too), bidirectional overrides and zero-width characters.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() || is_invisible(c) => {
                let _infallible = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

/// Returns whether a character is invisible or reorders its neighbours (Unicode bidirectional
/// controls, zero-width characters, tags), which a healthy file name has no use for.
pub fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}'
        | '\u{feff}' | '\u{061c}' | '\u{180e}' | '\u{e0000}'..='\u{e007f}'
        | '\u{2028}' | '\u{2029}')
}

/// Returns text cut to at most `most` characters, with `…` where something was cut.
pub fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(most.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

/// Returns an error's words and those of what caused it, each after a colon.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        words = format!("{words}: {error}");
        source = error.source();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_told_with_all_that_caused_it() {
        #[derive(Debug)]
        struct Outer(std::num::ParseIntError);
        impl std::fmt::Display for Outer {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("no port")
            }
        }
        impl std::error::Error for Outer {
            fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
                Some(&self.0)
            }
        }
        let cause = "x".parse::<u16>().unwrap_err();
        assert_eq!(chain(&cause), "invalid digit found in string");
        assert_eq!(chain(&Outer(cause)), "no port: invalid digit found in string");
    }

    #[test]
    fn invalid_utf8_survives_the_round_trip() {
        for bytes in [&b"plain"[..], b"caf\xe9", b"\xff\xfe\x00", b"\\x41", "止血".as_bytes()] {
            assert_eq!(to_bytes(&from_bytes(bytes)), bytes, "{bytes:?}");
        }
    }

    #[test]
    fn hexadecimal_comes_back_whole_or_not_at_all() {
        assert_eq!(unhex(hex(b"\x00\xff caf\xe9").as_bytes()).unwrap(), b"\x00\xff caf\xe9");
        assert_eq!(unhex(b"0aFF").unwrap(), [0x0a, 0xff]);
        assert_eq!(unhex(b""), Some(Vec::new()));
        for bad in [&b"0"[..], b"0g", b"+f", b"0a0", b"\xff\xff"] {
            assert_eq!(unhex(bad), None, "{bad:?}");
        }
        assert_eq!(unhex_exactly(b"0aff"), Some([0x0a, 0xff]));
        assert_eq!(unhex_exactly::<3>(b"0aff"), None);
        assert_eq!(unhex_exactly::<1>(b"0a0"), None);
    }

    #[test]
    fn a_hostile_name_cannot_drive_the_terminal() {
        assert_eq!(escaped("a\x1b[2J\nb\u{202e}c"), "a\\u{1b}[2J\\nb\\u{202e}c");
    }
}
