//! Functions over texts that we compute ourselves when all is constant, by PHP's names for them.

use std::io::Read as _;

/// The longest text that is computed.
pub(crate) const LONGEST: usize = 2 << 20;

/// Returns what a function makes of a constant text.
pub(crate) fn decoded(function: &str, text: &[u8]) -> Option<Vec<u8>> {
    let done = match function {
        "base64_decode" => base64(text),
        "str_rot13" => text.iter().map(|&byte| rot13(byte)).collect(),
        "strrev" => text.iter().rev().copied().collect(),
        "hex2bin" => hexadecimal(text)?,
        "pack" => return None,
        "gzinflate" => unpacked(flate2::read::DeflateDecoder::new(text))?,
        "gzuncompress" => unpacked(flate2::read::ZlibDecoder::new(text))?,
        "gzdecode" | "zlib_decode" => unpacked(flate2::read::GzDecoder::new(text))?,
        "urldecode" | "rawurldecode" => percent(text),
        "strtolower" => text.to_ascii_lowercase(),
        "strtoupper" => text.to_ascii_uppercase(),
        "trim" | "rtrim" | "chop" | "ltrim" => text.trim_ascii().to_vec(),
        "stripslashes" | "strval" | "ucfirst" | "htmlspecialchars_decode" => text.to_vec(),
        _ => return None,
    };
    (done.len() <= LONGEST).then_some(done)
}

fn unpacked(reader: impl std::io::Read) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    // A broken end leaves what came before it.
    let read = reader.take(LONGEST as u64).read_to_end(&mut out);
    (read.is_ok() || !out.is_empty()).then_some(out)
}

fn rot13(byte: u8) -> u8 {
    let turned = |first: u8| byte.wrapping_sub(first).wrapping_add(13) % 26;
    match byte {
        b'a'..=b'z' => turned(b'a').saturating_add(b'a'),
        b'A'..=b'Z' => turned(b'A').saturating_add(b'A'),
        other => other,
    }
}

/// Decodes base64 as PHP does: what is no digit is passed over.
fn base64(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let (mut bits, mut count) = (0_u32, 0_u32);
    for &byte in text {
        let digit = match byte {
            b'A'..=b'Z' => byte.wrapping_sub(b'A'),
            b'a'..=b'z' => byte.wrapping_sub(b'a').wrapping_add(26),
            b'0'..=b'9' => byte.wrapping_sub(b'0').wrapping_add(52),
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => continue,
        };
        bits = (bits << 6) | u32::from(digit);
        count = count.wrapping_add(6);
        if count >= 8 {
            count = count.wrapping_sub(8);
            out.push((bits >> count).to_le_bytes()[0]);
            bits &= (1 << count) - 1;
        }
    }
    out
}

pub(crate) fn hexadecimal(text: &[u8]) -> Option<Vec<u8>> {
    stanch_words::text::unhex(text)
}

fn percent(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        let two = after.get(..2).filter(|_| byte == b'%').and_then(hexadecimal);
        match two.as_deref() {
            Some([value]) => {
                out.push(*value);
                rest = after.get(2..).unwrap_or_default();
            }
            _ => out.push(byte),
        }
    }
    out
}
