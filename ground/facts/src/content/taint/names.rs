//! Names by what they do with what a request sends, and how paths are matched with them.

use std::cell::RefCell;
use std::collections::HashMap;

/// What a request fills.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source {
    /// The path, as [`is`] matches it.
    pub(crate) path: &'static str,
    /// It is one only in a file that holds this; empty means in every file.
    pub(crate) needs: &'static str,
}

impl Source {
    /// Returns a source of every file.
    pub(crate) const fn of(path: &'static str) -> Self {
        Self { path, needs: "" }
    }
}

/// What is done with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Runs {
    /// It is code.
    Code,
    /// It is a command, or a program and its arguments.
    Command,
    /// It names a program or file that is run or loaded.
    Loads,
    /// It becomes objects of any class.
    Objects,
    /// It is a path that is written to: the second argument is what is written.
    Writes,
}

/// How a value gets to what runs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// As the argument at this place.
    Argument(usize),
    /// As any argument.
    Any,
    /// By being assigned.
    Assigned,
    /// As the object whose method is called.
    Itself,
}

/// What runs what it gets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sink {
    /// The path, as [`is`] matches it.
    pub(crate) path: &'static str,
    /// What it does.
    pub(crate) runs: Runs,
    /// How it gets the value.
    pub(crate) by: By,
}

impl Sink {
    /// Returns a sink that runs its first argument.
    pub(crate) const fn first(path: &'static str, runs: Runs) -> Self {
        Self { path, runs, by: By::Argument(0) }
    }

    /// Returns a sink that gets the value otherwise.
    pub(crate) const fn by(path: &'static str, runs: Runs, by: By) -> Self {
        Self { path, runs, by }
    }
}

/// Returns whether a path is meant by a pattern: `*.name` is a member of anything, `a.b` the last
/// two parts of any path, `name` only the whole path; `a.b*` all whose last part begins so.
pub(crate) fn is(path: &str, pattern: &str) -> bool {
    // Each name is asked about with all patterns: one byte tells nearly all of them apart.
    let last = pattern.as_bytes().last();
    if last != Some(&b'*') && path.as_bytes().last() != last {
        return false;
    }
    if let Some((owner, first)) = pattern.strip_suffix('*').and_then(|it| it.rsplit_once('.')) {
        return path.rsplit_once('.').is_some_and(|(of, name)| {
            name.starts_with(first) && (of == owner || of.ends_with(&format!(".{owner}")))
        });
    }
    let (rest, is_end) = match pattern.strip_prefix('*') {
        Some(rest) => (rest, true),
        None => (pattern, pattern.contains('.')),
    };
    match path.strip_suffix(rest) {
        Some("") => true,
        Some(before) => is_end && (rest.starts_with('.') || before.ends_with('.')),
        None => false,
    }
}

/// The last parts of what a list of patterns means. Every name is asked about with a hundred of
/// them and nearly always meant by none, which one look tells.
pub(super) struct Ends {
    /// A bit for each last part, by its [`number`].
    bits: [u64; WORDS],
    /// Patterns that end with a star: of their last part only the beginning is known.
    begun: Vec<&'static str>,
}

/// As many bits as leave most names without one, for some hundred patterns.
const WORDS: usize = 64;

impl Ends {
    pub(super) fn of(patterns: impl Iterator<Item = &'static str>) -> Self {
        let mut ends = Self { bits: [0; WORDS], begun: Vec::new() };
        for pattern in patterns {
            if pattern.ends_with('*') {
                ends.begun.push(pattern);
                continue;
            }
            let (word, bit) = number(last(pattern.trim_start_matches('*')));
            if let Some(word) = ends.bits.get_mut(word) {
                *word |= bit;
            }
        }
        ends
    }

    /// Returns whether some pattern may mean a path; without it, none does.
    pub(super) fn may_mean(&self, path: &str) -> bool {
        let (word, bit) = number(last(path));
        self.bits.get(word).is_some_and(|word| word & bit != 0)
            || self.begun.iter().any(|pattern| is(path, pattern))
    }
}

/// Returns the last part of a path.
pub(super) fn last(path: &str) -> &str {
    let from = path.bytes().rposition(|byte| byte == b'.').map_or(0, |at| at.saturating_add(1));
    path.get(from..).unwrap_or_default()
}

/// Returns where a name's bit stands, as a word and a bit in it (FNV-1a, of which the upper bits).
fn number(name: &str) -> (usize, u64) {
    let mixed = name
        .bytes()
        .fold(0x811c_9dc5_u32, |all, byte| (all ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let word = usize::try_from(mixed >> 26).unwrap_or(0);
    (word, 1 << ((mixed >> 20) & 63))
}

/// What a function makes of a text: a name that [`super::decode::decoded`] knows, by parts of the
/// names that languages give it.
const DECODERS: [(&str, &str); 26] = [
    ("b64decode", "base64_decode"),
    ("base64decode", "base64_decode"),
    ("decodestring", "base64_decode"),
    ("decodebytes", "base64_decode"),
    ("decodebase64", "base64_decode"),
    ("decode_base64", "base64_decode"),
    ("decode64", "base64_decode"),
    ("frombase64string", "base64_decode"),
    ("a2b_base64", "base64_decode"),
    ("parsebase64binary", "base64_decode"),
    ("decodebuffer", "base64_decode"),
    ("atob", "base64_decode"),
    ("unhexlify", "hex2bin"),
    ("fromhex", "hex2bin"),
    ("parsehex", "hex2bin"),
    ("a2b_hex", "hex2bin"),
    ("rot13", "str_rot13"),
    ("strreverse", "strrev"),
    ("reversed", "strrev"),
    ("reverse", "strrev"),
    ("decompress", "gzuncompress"),
    ("memgunzip", "gzdecode"),
    ("inflate", "gzuncompress"),
    ("unquote", "urldecode"),
    ("uri_unescape", "urldecode"),
    ("unescape", "urldecode"),
];

/// Returns the decoder that a function is, by its name.
pub(super) fn decoder(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    DECODERS.iter().find(|(known, _)| name == *known).map(|(_, decoder)| *decoder)
}

/// Beginnings of names of methods after which only truth or a number is left of a value.
const JUDGING: [&str; 27] = [
    "is",
    "has",
    "equals",
    "compare",
    "indexof",
    "lastindexof",
    "length",
    "count",
    "size",
    "contains",
    "starts",
    "ends",
    "matches",
    "parseint",
    "toint",
    "hashcode",
    "exists",
    "find",
    "match",
    "test",
    "digest",
    "len",
    "ubound",
    "valid",
    "to_i",
    "to_f",
    "num_",
];
/// Names that make a text harmless, or something else of it.
const MENDING: [&str; 24] = [
    "quote",
    "escape",
    "htmlenc",
    "htmlspec",
    "urlencode",
    "encodeuri",
    "sanit",
    "clean",
    "secure",
    "shellarg",
    "safe",
    "valid",
    "intval",
    "integer",
    "sha1",
    "sha256",
    "sha512",
    "md5",
    "hmac",
    "encrypt",
    "basename",
    "lookup",
    "filter",
    "whitelist",
];
/// Functions (not methods) whose answer is made of what they get, besides those that decode.
const PASSING: [&str; 97] = [
    "aslist",
    "of",
    "singletonlist",
    "collect",
    "fromentries",
    "assign",
    "entries",
    "values",
    "stringify",
    "urlsearchparams",
    "form_urldecode",
    "unquote_plus",
    "unquote_to_bytes",
    "uri_decode",
    "input_stream",
    "bytesio",
    "parse_query",
    "str",
    "string",
    "bytes",
    "bytearray",
    "unicode",
    "list",
    "tuple",
    "dict",
    "array",
    "format",
    "join",
    "split",
    "concat",
    "replace",
    "trim",
    "lc",
    "uc",
    "lcase",
    "ucase",
    "tostring",
    "tolower",
    "toupper",
    "sprintf",
    "map",
    "chr",
    "ord",
    "substr",
    "substring",
    "mid",
    "left",
    "right",
    "cstr",
    "tonumber",
    "table.concat",
    "shift",
    "pop",
    "parse",
    "parse_qs",
    "parse_qsl",
    "urlparse",
    "urlsplit",
    "loads",
    "json",
    "load",
    "fromchararray",
    "getbytes",
    "getstring",
    "valueof",
    "copyof",
    "copyofrange",
    "compile",
    "iter",
    "next",
    "reversed",
    "sorted",
    "zip",
    "filter",
    "first",
    "get",
    "read",
    "readall",
    "readlines",
    "readline",
    "readallbytes",
    "tobytearray",
    "toarray",
    "from",
    "qs",
    "querystring",
    "bytestostring",
    "text",
    "chomp",
    "decode",
    "decode_json",
    "url",
    "gsub",
    "my",
    "local",
    "scalar",
    "pack",
];

/// What a function or method does with values, by its name.
#[derive(Clone, Copy)]
struct Does {
    keeps: bool,
    passes: bool,
    unpacks: bool,
}

/// How many names are remembered.
const REMEMBERED: usize = 4096;

thread_local! {
    /// What names mean, which scripts repeat: asking the lists takes some hundred comparisons.
    static KNOWN: RefCell<HashMap<Box<str>, Does>> = RefCell::default();
}

/// Returns what a name means.
fn does(name: &str) -> Does {
    KNOWN.with_borrow_mut(|known| {
        if let Some(does) = known.get(name) {
            return *does;
        }
        let does = Does::of(&name.to_ascii_lowercase());
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(name.into(), does);
        does
    })
}

impl Does {
    /// Asks the lists about a name in lower case.
    fn of(lower: &str) -> Self {
        let decoder = decoder(lower);
        let parts =
            ["b64", "base64", "decrypt", "dofinal", "inflate", "decompress", "unhex", "unpack"];
        let may_unpack = decoder.is_some_and(|decoder| decoder != "urldecode")
            || parts.iter().any(|part| lower.contains(part));
        let unpacks = may_unpack && !lower.contains("encode");
        let keeps = !JUDGING.iter().any(|part| lower.starts_with(part))
            && (decoder.is_some() || !MENDING.iter().any(|part| lower.contains(part)));
        let passes = unpacks
            || decoder.is_some()
            || PASSING.contains(&lower)
            || ["decode", "unescape", "unquote", "tostring", "xor", "stream", "readall", "readto"]
                .iter()
                .any(|part| lower.contains(part));
        Self { keeps, passes, unpacks }
    }
}

/// Returns whether a function makes code of what looks like none.
pub(super) fn is_unpacking(name: &str) -> bool {
    does(name).unpacks
}

/// Returns whether a method of a value gives something made of it.
pub(super) fn keeps(name: &str) -> bool {
    does(name).keeps
}

/// Returns whether a function gives something made of its arguments.
pub(super) fn passes(path: &str) -> bool {
    does(path.rsplit('.').next().unwrap_or(path)).passes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_matched_by_its_end_and_a_bare_name_only_whole() {
        assert!(is("os.system", "os.system") && is("a.os.system", "os.system"));
        assert!(!is("cos.system", "os.system") && !is("x.system", "system"));
        assert!(is("system", "system") && is("q.param", "*.param") && !is("param", "*.param"));
    }

    #[test]
    fn one_look_tells_what_no_pattern_means_and_never_hides_what_one_does() {
        let patterns = ["os.system", "system", "*.param", "*exec", "environ.HTTP_*", "a.b.c", "x*"];
        let ends = Ends::of(patterns.into_iter());
        let parts =
            ["os", "system", "param", "q", "exec", "environ", "HTTP_A", "a", "b", "c", "", "?"];
        let mut meant = 0;
        let mut told = 0;
        for first in parts {
            for second in parts {
                for path in
                    [second.to_owned(), format!("{first}.{second}"), format!("q.{first}.{second}")]
                {
                    let is_meant = patterns.iter().any(|pattern| is(&path, pattern));
                    assert!(!is_meant || ends.may_mean(&path), "{path}");
                    meant += usize::from(is_meant);
                    told += usize::from(!ends.may_mean(&path));
                }
            }
        }
        assert!(meant > 20 && told > 100, "{meant} {told}");
    }

    #[test]
    fn what_makes_a_text_harmless_keeps_nothing() {
        assert!(keeps("strip") && keeps("decode") && !keeps("isdigit") && !keeps("shellescape"));
        assert!(passes("base64.b64decode") && passes("str") && !passes("shlex.quote"));
    }
}
