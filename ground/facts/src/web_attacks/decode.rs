//! A target as the last of several decoders would see it.

use std::borrow::Cow;

/// How often text is decoded again.
const PASSES: usize = 3;

/// Returns a target decoded until nothing changes, at most three times; `+` is a blank after `?`.
pub(super) fn target(raw: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr3(b'%', b'+', b'\\', raw).is_none() && !has_comment(raw) {
        return Cow::Borrowed(raw);
    }
    let mut text = pass(raw, true);
    for _ in 1..PASSES {
        if memchr::memchr2(b'%', b'\\', &text).is_none() {
            break;
        }
        let next = pass(&text, false);
        if next.len() == text.len() {
            break;
        }
        text = next;
    }
    Cow::Owned(text)
}

/// Returns whether a dot or a slash of a `../` is written so that only a second look shows it:
/// `%2e`, `%252e`, `%c0%ae`, `%u002e`, `\x2e`.
pub(super) fn hides_dots(raw: &[u8]) -> bool {
    let mut rest = raw;
    while let Some(at) = memchr::memchr2(b'%', b'\\', rest) {
        let after = rest.get(at.saturating_add(1)..).unwrap_or_default();
        let lower = |place: usize| after.get(place).map_or(0, u8::to_ascii_lowercase);
        let four = [lower(0), lower(1), lower(2), lower(3)];
        match four {
            [b'2', b'e', ..]
            | [b'2', b'5', b'2', b'e' | b'f' | b'5']
            | [b'x', b'2', b'e', _]
            | [b'c', b'0', ..]
            | [b'e', b'0', ..]
            | [b'u', b'0', b'0', _] => return true,
            _ => rest = after,
        }
    }
    false
}

fn has_comment(raw: &[u8]) -> bool {
    memchr::memmem::find(raw, b"/*").is_some()
}

/// Decodes once.
fn pass(raw: &[u8], plus: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len());
    let mut rest = raw;
    let mut in_query = false;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'%' => match percent(after) {
                Some((decoded, left)) => {
                    out.push(decoded);
                    rest = left;
                }
                None => out.push(b'%'),
            },
            b'\\' => match after {
                [b'x', high, low, left @ ..] if hex(*high).is_some() && hex(*low).is_some() => {
                    out.push(two(*high, *low));
                    rest = left;
                }
                [b'"', left @ ..] => {
                    out.push(b'"');
                    rest = left;
                }
                _ => out.push(b'\\'),
            },
            b'+' if plus && in_query => out.push(b' '),
            b'/' if in_query && after.first() == Some(&b'*') => {
                // A comment of SQL stands for a blank: `union/**/select`.
                let end = memchr::memmem::find(after, b"*/").filter(|&end| end <= 64);
                match end.and_then(|end| after.get(end.saturating_add(2)..)) {
                    Some(left) => {
                        out.push(b' ');
                        rest = left;
                    }
                    None => out.push(b'/'),
                }
            }
            b'?' => {
                in_query = true;
                out.push(b'?');
            }
            other => out.push(other),
        }
    }
    out
}

/// Decodes what follows a `%`.
fn percent(after: &[u8]) -> Option<(u8, &[u8])> {
    match after {
        [b'u' | b'U', b'0', b'0', high, low, left @ ..]
            if hex(*high).is_some() && hex(*low).is_some() =>
        {
            Some((two(*high, *low), left))
        }
        // Overlong UTF-8: `%c0%ae` is a dot, `%c0%af` a slash for careless decoders.
        [b'c' | b'C', first @ (b'0' | b'1'), b'%', high, low, left @ ..]
            if hex(*high).is_some() && hex(*low).is_some() =>
        {
            let base = if *first == b'1' { 0x40 } else { 0 };
            Some((base | two(*high, *low) & 0x3f, left))
        }
        [high, low, left @ ..] if hex(*high).is_some() && hex(*low).is_some() => {
            Some((two(*high, *low), left))
        }
        _ => None,
    }
}

fn two(high: u8, low: u8) -> u8 {
    hex(high).unwrap_or(0) << 4 | hex(low).unwrap_or(0)
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_dot_dot_slash_is_read() {
        for raw in [
            "/../",
            "/%2e%2e/",
            "/%2E%2E%2F",
            "/%252e%252e%252f",
            "/%25252e.%2f",
            "/%c0%ae%c0%ae%c0%af",
            "/%u002e%u002e/",
            "/\\x2e\\x2e/",
        ] {
            assert!(target(raw.as_bytes()).starts_with(b"/../"), "{raw}");
        }
    }

    #[test]
    fn torn_escapes_stay_as_they_are() {
        for raw in ["%", "%2", "%zz", "\\x", "\\x4", "%u00", "/a%"] {
            assert_eq!(target(raw.as_bytes()), raw.as_bytes(), "{raw}");
        }
        assert_eq!(target(b"/a+b?c+d"), &b"/a+b?c d"[..]);
        assert_eq!(target(b"/?a=1/**/union/*x*/select"), &b"/?a=1 union select"[..]);
    }
}
