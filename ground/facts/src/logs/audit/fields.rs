//! The fields of an audit record: `name=value` pairs, with what stands between them.
//!
//! Source: the specification of audit events (linux-audit/audit-documentation,
//! `specs/messages/message-format`, "field dictionary"), `lib/libaudit.c` (what is encoded) and
//! `kernel/audit.c` (`audit_log_untrustedstring`): text that a user can choose stands in double
//! quotes, or in upper-case hexadecimal digits if it holds blanks, quotes or control characters.

use std::borrow::Cow;

use stanch_words::text;

/// Fields of text that a user can choose.
const ENCODABLE: [&str; 23] = [
    "acct",
    "cgroup",
    "cmd",
    "comm",
    "cwd",
    "data",
    "device",
    "dir",
    "exe",
    "file",
    "grp",
    "invalid_context",
    "name",
    "new-disk",
    "new_group",
    "ocomm",
    "old-disk",
    "operation",
    "profile",
    "root_dir",
    "sw",
    "vm",
    "watch",
];

/// One field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Field<'l> {
    /// Its name.
    pub(super) name: &'l str,
    /// Its value as written, without quotes.
    pub(super) raw: &'l str,
    /// Whether it stood in double quotes.
    pub(super) quoted: bool,
    /// The word without `=` right before it, as in `old auid=0`.
    pub(super) word: &'l str,
}

impl<'l> Field<'l> {
    /// Returns the value, decoded if it is one that may be encoded.
    pub(super) fn text(&self) -> Cow<'l, str> {
        match self.bytes() {
            Cow::Borrowed(_as_written) => Cow::Borrowed(self.raw),
            Cow::Owned(bytes) => Cow::Owned(from_bytes(bytes)),
        }
    }

    /// Returns the value's bytes, decoded if they are encoded.
    pub(super) fn bytes(&self) -> Cow<'l, [u8]> {
        if !self.quoted
            && let Some(bytes) = hexadecimal(self.raw)
        {
            return Cow::Owned(bytes);
        }
        Cow::Borrowed(self.raw.as_bytes())
    }

    /// Returns the value as a whole number.
    pub(super) fn number(&self) -> Option<i64> {
        self.raw.parse().ok()
    }

    /// Returns whether the field holds text that a user can choose, which may be encoded.
    pub(super) fn is_encodable(&self) -> bool {
        ENCODABLE.contains(&self.name)
    }

    /// Returns whether nothing is known: `?`, `(null)`, nothing.
    pub(super) fn is_empty(&self) -> bool {
        !self.quoted && matches!(self.raw, "" | "?" | "(null)") || self.raw == "?"
    }
}

/// Returns bytes as lossless text, without a copy if they are UTF-8.
pub(super) fn from_bytes(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| text::from_bytes(error.as_bytes()))
}

/// Decodes upper-case hexadecimal digits, an even number of them; anything else is no encoding.
pub(super) fn hexadecimal(text: &str) -> Option<Vec<u8>> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    if pairs.is_empty() {
        return None;
    }
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte.wrapping_sub(b'0')),
        b'A'..=b'F' => Some(byte.wrapping_sub(b'A').wrapping_add(10)),
        _ => None,
    };
    let pair = |&[high, low]: &[u8; 2]| Some(digit(high)? << 4 | digit(low)?);
    let mut bytes = Vec::with_capacity(pairs.len());
    for both in pairs {
        bytes.push(pair(both)?);
    }
    Some(bytes)
}

/// The fields of a record's body, in order. `msg='…'` is entered: its fields are the record's.
#[derive(Clone, Debug)]
pub(super) struct Fields<'l> {
    rest: &'l str,
    word: &'l str,
    /// Whether we are inside of `msg='…'`.
    inside: bool,
}

impl<'l> Fields<'l> {
    pub(super) fn new(body: &'l str) -> Self {
        Self { rest: body, word: "", inside: false }
    }

    /// Takes the value at the beginning of the rest.
    fn value(&mut self) -> (&'l str, bool) {
        let rest = self.rest;
        if let Some(quoted) = rest.strip_prefix('"')
            && let Some((value, after)) = quoted.split_once('"')
        {
            self.rest = after;
            return (value, true);
        }
        let ends = |byte: u8| matches!(byte, b' ' | 0x1d | b'\n') || byte == b'\'' && self.inside;
        let end = rest.bytes().position(ends).unwrap_or(rest.len());
        let (value, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
        self.rest = after;
        // A quote without its partner: a record that was cut or written by hand.
        let value = value.trim_end_matches([',', '"']);
        // `(hostname=?, addr=?, terminal=cron res=success)` of old releases, but `tty=(none)`.
        let value = match value.strip_suffix(')') {
            Some(inside) if !value.starts_with('(') => inside,
            _ => value,
        };
        (value, false)
    }
}

impl<'l> Iterator for Fields<'l> {
    type Item = Field<'l>;

    fn next(&mut self) -> Option<Field<'l>> {
        loop {
            let rest = self.rest.trim_start_matches([' ', ',', '(', ')', '\'', '\x1d', '\n', '\r']);
            if rest.is_empty() {
                self.rest = "";
                return None;
            }
            let at = rest.bytes().position(|byte| matches!(byte, b'=' | b' ' | 0x1d | b'\n'));
            let at = at.unwrap_or(rest.len());
            let (name, after) = rest.split_at_checked(at)?;
            let Some(after) = after.strip_prefix('=') else {
                self.word = name;
                self.rest = after;
                continue;
            };
            self.rest = after;
            if name == "msg"
                && let Some(inside) = after.strip_prefix('\'')
            {
                self.rest = inside;
                self.inside = true;
                continue;
            }
            let (raw, quoted) = self.value();
            let word = std::mem::take(&mut self.word);
            return Some(Field { name, raw, quoted, word });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(body: &str) -> Vec<String> {
        Fields::new(body).map(|field| format!("{}:{}", field.name, field.text())).collect()
    }

    #[test]
    fn fields_of_the_kernel_and_of_programs() {
        assert_eq!(
            pairs(
                "pid=1 comm=\"a b\" exe=2F612062 tty=(none) key=(null)\x1dARCH=x86_64 UID=\"root\""
            ),
            [
                "pid:1",
                "comm:a b",
                "exe:/a b",
                "tty:(none)",
                "key:(null)",
                "ARCH:x86_64",
                "UID:root"
            ]
        );
        assert_eq!(
            pairs("uid=0 msg='op=login acct=\"it's\" hostname=? res=failed'\x1dUID=\"root\""),
            ["uid:0", "op:login", "acct:it's", "hostname:?", "res:failed", "UID:root"]
        );
    }

    #[test]
    fn old_forms_with_brackets_and_commas() {
        assert_eq!(
            pairs(
                "user pid=1 msg='PAM: session open acct=root : exe=\"/x\" (hostname=?, addr=?, \
                   terminal=cron res=success)'"
            ),
            [
                "pid:1",
                "acct:root",
                "exe:/x",
                "hostname:?",
                "addr:?",
                "terminal:cron",
                "res:success"
            ]
        );
        let words: Vec<&str> = Fields::new("old auid=1 new auid=2").map(|f| f.word).collect();
        assert_eq!(words, ["old", "new"]);
    }

    #[test]
    fn only_whole_upper_case_pairs_are_hexadecimal() {
        assert_eq!(hexadecimal("4142"), Some(b"AB".to_vec()));
        for no in ["", "414", "ab", "root", "0x"] {
            assert_eq!(hexadecimal(no), None, "{no}");
        }
    }

    #[test]
    fn a_cut_anywhere_is_no_panic() {
        let body = "a=1 b=\"x y\" é=é msg='op=é acct=\"é\" res=1'\x1dUID=\"é\"";
        for cut in 0..=body.len() {
            if let Some(part) = body.get(..cut) {
                assert!(pairs(part).len() <= 7, "{part}");
            }
        }
    }
}
