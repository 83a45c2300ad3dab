//! Small cuts of text that readers share: what stands between two marks, addresses as daemons
//! write them, blanks of any number.

use std::net::IpAddr;

/// Returns what stands between the first `open` and the next `close`.
pub fn between<'t>(text: &'t str, open: &str, close: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(open)?;
    rest.split_once(close).map(|(inside, _)| inside)
}

/// Returns what follows the first `mark`.
pub fn after<'t>(text: &'t str, mark: &str) -> Option<&'t str> {
    text.split_once(mark).map(|(_, rest)| rest)
}

/// Returns what stands before the first `mark`, or all.
pub fn until<'t>(text: &'t str, mark: &str) -> &'t str {
    text.split_once(mark).map_or(text, |(before, _)| before)
}

/// Returns the first word and what follows it, whatever blanks there are.
pub fn word(text: &str) -> (&str, &str) {
    let text = text.trim_start_matches([' ', '\t']);
    match text.split_once([' ', '\t']) {
        Some((word, rest)) => (word, rest.trim_start_matches([' ', '\t'])),
        None => (text, ""),
    }
}

/// Returns where a byte stands that is likely near: within so few bytes a plain loop is faster
/// than the preparations of a search that takes many at once.
pub fn near(bytes: &[u8], wanted: u8) -> Option<usize> {
    const NEAR: usize = 24;
    let (first, rest) = bytes.split_at_checked(NEAR).unwrap_or((bytes, &[]));
    match first.iter().position(|&byte| byte == wanted) {
        Some(at) => Some(at),
        None => memchr::memchr(wanted, rest).map(|at| at.saturating_add(NEAR)),
    }
}

/// Returns a text without the blanks that it begins with; of one that begins with none, and most
/// do, only the first byte is looked at.
pub fn blanks(text: &str) -> &str {
    match text.as_bytes() {
        [first, ..] if first.is_ascii_graphic() => text,
        _ => text.trim_start(),
    }
}

/// Returns a text without the blanks at both its ends; of one that has none, and most have, only
/// two bytes are looked at.
pub fn trimmed(text: &str) -> &str {
    match text.as_bytes() {
        [first, .., last] if first.is_ascii_graphic() && last.is_ascii_graphic() => text,
        _ => text.trim(),
    }
}

/// Returns what stands before the first blank, and what follows it.
pub fn first_word(text: &str) -> (&str, &str) {
    let end = near(text.as_bytes(), b' ').unwrap_or(text.len());
    let (word, rest) = text.split_at_checked(end).unwrap_or((text, ""));
    (word, rest.get(1..).unwrap_or_default())
}

/// Returns a number that is written in digits alone, at most eighteen; signs are none.
pub fn digits(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    if bytes.is_empty() || bytes.len() > 18 {
        return None;
    }
    bytes.iter().try_fold(0_i64, |number, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit < 10).then(|| number.wrapping_mul(10).wrapping_add(i64::from(digit)))
    })
}

/// Returns an address without brackets, quotes and the prefix of IPv4 in IPv6 (`::ffff:`).
pub fn address(text: &str) -> &str {
    let text = text.trim_matches(['[', ']', '"', '\'', '<', '>', '(', ')', ' ', ',']);
    match text.get(..7) {
        Some(prefix) if prefix.eq_ignore_ascii_case("::ffff:") && text.contains('.') => {
            text.get(7..).unwrap_or(text)
        }
        _ => text,
    }
}

/// Returns address and port of `1.2.3.4:22`, `[::1]:22`, `1.2.3.4#53`, `1.2.3.4`, `::1`.
pub fn address_port(text: &str) -> (&str, Option<u16>) {
    let text = text.trim_matches([' ', ',', '"', '\'', '(', ')']);
    if let Some(rest) = text.strip_prefix('[') {
        let (inside, rest) = rest.split_once(']').unwrap_or((rest, ""));
        let port = rest.strip_prefix([':', '#']).and_then(|port| port.parse().ok());
        return (address(inside), port);
    }
    if let Some((host, port)) = text.split_once('#') {
        return (address(host), port.parse().ok());
    }
    match text.rsplit_once(':') {
        // One colon, or an IPv4 address in IPv6 before it: a port. Else all is an IPv6 address.
        Some((host, port))
            if !host.contains(':') || host.contains('.') && host.starts_with("::") =>
        {
            (address(host), port.parse().ok())
        }
        _ => (address(text), None),
    }
}

/// Returns whether a text is an address.
pub fn is_address(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok()
}

/// Returns the first address in brackets, as in `host.example[1.2.3.4]` and `host [1.2.3.4]`,
/// and what follows its bracket.
pub fn bracketed(text: &str) -> Option<(&str, &str)> {
    let mut rest = text;
    loop {
        let (_, after) = rest.split_once('[')?;
        let (inside, behind) = after.split_once(']')?;
        let inside = inside.strip_prefix("IPv6:").unwrap_or(inside);
        let found = address(inside);
        if is_address(found) {
            return Some((found, behind));
        }
        rest = after;
    }
}

/// Returns the value of `name=value` among fields that end at one of `ends`.
pub fn value<'t>(text: &'t str, name: &str, ends: &[char]) -> Option<&'t str> {
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(name) {
        // The name begins a word: `user=` is not the end of `ruser=`.
        let begins = before.bytes().last().is_none_or(|byte| !byte.is_ascii_alphanumeric());
        if begins && let Some(value) = after.strip_prefix('=') {
            return Some(value.split(ends).next().unwrap_or_default());
        }
        rest = after;
    }
    None
}

/// Returns at most `most` bytes of a text, cut between characters.
pub fn clip(text: &str, most: usize) -> &str {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    text.get(..end).unwrap_or_default()
}

/// Returns the account whose home a path lies in (`/root/…`, `/home/ann/…`), empty if none: by
/// the usual places only.
pub fn home_owner(path: &str) -> &str {
    let mut parts = path.split('/').skip_while(|part| !matches!(*part, "root" | "home"));
    match (parts.next(), parts.next(), parts.next()) {
        (Some("root"), Some(_), _) => "root",
        (Some("home"), Some(name), Some(_)) => name,
        _ => "",
    }
}

/// Splits a text around the first place where a short word stands. It is sought by its first byte,
/// which in a line of a log is faster than to prepare a search.
pub fn around<'l>(text: &'l str, word: &str) -> Option<(&'l str, &'l str)> {
    let (bytes, word) = (text.as_bytes(), word.as_bytes());
    let begins = |at: usize| bytes.get(at..).is_some_and(|rest| rest.starts_with(word));
    let at = memchr::memchr_iter(*word.first()?, bytes).find(|&at| begins(at))?;
    Some((text.get(..at)?, text.get(at.saturating_add(word.len())..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_near_and_what_is_far_is_found() {
        let text = "a".repeat(40);
        for at in [0, 1, 23, 24, 25, 39] {
            let bytes: Vec<u8> =
                text.bytes().enumerate().map(|(i, b)| if i == at { b':' } else { b }).collect();
            assert_eq!(near(&bytes, b':'), Some(at));
        }
        assert_eq!((near(text.as_bytes(), b':'), near(b"", b':')), (None, None));
    }

    #[test]
    fn ends_and_words_are_cut_as_the_standard_library_would() {
        for text in ["", " ", "a", "ab", " ab", "ab ", "a b", "\u{2003}a b\u{2003}", "é", "\t"] {
            assert_eq!(trimmed(text), text.trim(), "{text:?}");
            assert_eq!(blanks(text), text.trim_start(), "{text:?}");
            assert_eq!(first_word(text), text.split_once(' ').unwrap_or((text, "")), "{text:?}");
        }
    }

    #[test]
    fn only_digits_are_a_number() {
        assert_eq!(digits("0042"), Some(42));
        assert_eq!(digits("999999999999999999"), Some(999_999_999_999_999_999));
        for text in ["", "-1", "+1", "1a", "1234567890123456789", "٣"] {
            assert_eq!(digits(text), None, "{text}");
        }
    }

    #[test]
    fn addresses_as_daemons_write_them() {
        for (text, host, port) in [
            ("1.2.3.4:22", "1.2.3.4", Some(22)),
            ("[::1]:22", "::1", Some(22)),
            ("[1.2.3.4]:22", "1.2.3.4", Some(22)),
            ("1.2.3.4#53", "1.2.3.4", Some(53)),
            ("2001:db8::1", "2001:db8::1", None),
            ("::ffff:1.2.3.4:80", "1.2.3.4", Some(80)),
            ("::FFFF:1.2.3.4", "1.2.3.4", None),
            ("1.2.3.4", "1.2.3.4", None),
            ("localhost:99999", "localhost", None),
        ] {
            assert_eq!(address_port(text), (host, port), "{text}");
        }
    }

    #[test]
    fn a_bracket_that_holds_no_address_is_passed_over() {
        assert_eq!(bracketed("[pid 3] a[::ffff:1.2.3.4]: x"), Some(("1.2.3.4", ": x")));
        assert_eq!(bracketed("[a [1.2.3.4]"), Some(("1.2.3.4", "")));
        assert_eq!(bracketed("[[[[["), None);
    }

    #[test]
    fn values_of_whole_names_only() {
        let text = "ruser=a user=b, ip=[1]";
        assert_eq!(value(text, "user", &[' ', ',']), Some("b"));
        assert_eq!(value(text, "ip", &[' ', ',']), Some("[1]"));
        assert_eq!(value(text, "port", &[' ']), None);
    }

    #[test]
    fn a_clip_keeps_characters_whole() {
        assert_eq!((clip("a止", 2), clip("a止", 4), clip("", 3)), ("a", "a止", ""));
    }

    #[test]
    fn homes_tell_their_owner() {
        assert_eq!(home_owner("/root/.bash_history"), "root");
        assert_eq!(home_owner("/mnt/home/ann/.zsh_history"), "ann");
        assert_eq!((home_owner("/home/x"), home_owner("/etc/root"), home_owner("a")), ("", "", ""));
    }
}
