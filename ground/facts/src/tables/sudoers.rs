//! Who may become whom.
//!
//! Source: sudoers(5). Two readings that differ from a naive one and that hide rules from it:
//! `#1000 ALL=(ALL) ALL` is a rule for user id 1000, not a comment; and a backslash at the end of
//! a comment does not continue it, so the next line is a rule of its own.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use stanch_machine::{FileKind, limits};
use stanch_words::{Ask, GapKind, Seen, Value, table_spec};

use crate::Host;
use crate::accounts::path_of;
use crate::config_lines::{first_word, numbered, split_once};
use crate::reach::Reach;

table_spec! {
    /// Rules of sudo.
    pub static SPEC, col = "sudoers": Files, "Rules of /etc/sudoers and of the files it includes, in order.";
    source Text Plain "File.";
    header Text Plain "First word of the rule: a user, %group, an alias keyword, Defaults, or an include.";
    rule_details Text Plain "The rest of the rule.";
    line Integer Plain "Line on which the rule begins, from 1.";
    nopasswd Integer Plain "1 if the rule needs no password: a NOPASSWD tag, or Defaults with !authenticate.";
    all_commands Integer Plain "1 if the rule allows every command (ALL).";
}

/// sudoers(5): at most 128 files are nested.
const DEPTH: usize = 128;
/// How many files are read in all.
const FILES: usize = 1000;

/// Reads `/etc/sudoers` and what it includes.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    let mut reader =
        Reader { reach: Reach::new(host, SPEC.name), name: None, done: HashSet::new() };
    for path in ["/etc/sudoers", "/usr/etc/sudoers"] {
        if reader.file(Path::new(path), 0, seen) {
            break;
        }
    }
    reader.reach.finish(seen);
}

struct Reader<'h> {
    reach: Reach<'h>,
    name: Option<Vec<u8>>,
    /// Files that were read: a second reading would only repeat their rules.
    done: HashSet<PathBuf>,
}

impl Reader<'_> {
    fn file(&mut self, path: &Path, depth: usize, seen: &mut Seen) -> bool {
        if !self.done.insert(path.to_owned()) {
            return true;
        }
        if depth > DEPTH || self.done.len() > FILES {
            self.reach.gap(GapKind::Truncated, "too many files included", path, seen);
            return false;
        }
        let Some(bytes) = self.reach.read(path, limits::CONFIG_FILE, seen) else { return false };
        let source = Value::from(path);
        for rule in rules(&bytes) {
            push(&rule, &source, seen);
            let target = unquoted(rule.details());
            if target.is_empty() {
                continue;
            }
            let depth = depth.saturating_add(1);
            match rule.header() {
                b"#include" | b"@include" => {
                    let target = self.target(path, &target, seen);
                    self.file(&target, depth, seen);
                }
                b"#includedir" | b"@includedir" => {
                    let folder = self.target(path, &target, seen);
                    self.folder(&folder, depth, seen);
                }
                _ => {}
            }
        }
        true
    }

    /// Names with a dot or a tilde at the end are passed over by sudo.
    fn folder(&mut self, folder: &Path, depth: usize, seen: &mut Seen) {
        use std::os::unix::ffi::OsStrExt as _;
        for entry in self.reach.list(folder, seen) {
            let name = entry.name.as_bytes();
            let passed_over = name.contains(&b'.') || name.ends_with(b"~");
            if !passed_over && entry.kind != FileKind::Directory {
                self.file(&folder.join(&entry.name), depth, seen);
            }
        }
    }

    /// Returns the path of an include: relative to the including file; `%h` is the host's name.
    fn target(&mut self, path: &Path, target: &[u8], seen: &mut Seen) -> PathBuf {
        let folder = path.parent().unwrap_or(Path::new("/etc"));
        let Some(at) = target.windows(2).position(|pair| pair == b"%h") else {
            return folder.join(path_of(target));
        };
        if self.name.is_none() {
            let name = self.reach.read(Path::new("/etc/hostname"), 4096, seen).unwrap_or_default();
            let short = name.trim_ascii().split(|&b| b == b'.').next().unwrap_or_default();
            self.name = Some(short.to_vec());
        }
        let name = self.name.as_deref().unwrap_or_default();
        let (before, after) = target.split_at(at);
        let whole = [before, name, after.get(2..).unwrap_or_default()].concat();
        folder.join(path_of(&whole))
    }
}

/// Parses one file; what it includes is not followed.
pub fn parse(bytes: &[u8], path: &Path, seen: &mut Seen) {
    let source = Value::from(path);
    rules(bytes).iter().for_each(|rule| push(rule, &source, seen));
}

fn push(rule: &Rule, source: &Value, seen: &mut Seen) {
    let (header, details) = (rule.header(), uncommented(rule.details()));
    let mut row = SPEC.row();
    row.put(col::source, source.clone())
        .put(col::header, header)
        .put(col::rule_details, rule.details())
        .put(col::line, rule.line)
        .put(col::nopasswd, is_without_password(header, details))
        .put(col::all_commands, allows_all(header, details));
    seen.push(row);
}

/// A rule with its continuation lines joined.
struct Rule {
    line: u64,
    text: Vec<u8>,
}

impl Rule {
    fn header(&self) -> &[u8] {
        first_word(&self.text).0
    }

    fn details(&self) -> &[u8] {
        first_word(&self.text).1
    }
}

fn rules(bytes: &[u8]) -> Vec<Rule> {
    let mut rules: Vec<Rule> = Vec::new();
    let mut goes_on = false;
    for (line, text) in numbered(bytes) {
        let text = text.trim_ascii();
        if !goes_on && (text.is_empty() || is_comment(text)) {
            continue;
        }
        let (text, more) = match text.strip_suffix(b"\\") {
            Some(text) => (text, true),
            None => (text, false),
        };
        match rules.last_mut() {
            Some(rule) if goes_on => rule.text.extend_from_slice(text),
            _ => rules.push(Rule { line, text: text.to_vec() }),
        }
        goes_on = more;
    }
    rules
}

/// `#` begins a comment unless a digit (a user id), `-` and a digit, or an include follows.
fn is_comment(text: &[u8]) -> bool {
    match text {
        [b'#', b'0'..=b'9', ..] | [b'#', b'-', b'0'..=b'9', ..] => false,
        [b'#', ..] => !matches!(first_word(text).0, b"#include" | b"#includedir"),
        _ => false,
    }
}

/// Returns the text before a comment at its end.
fn uncommented(text: &[u8]) -> &[u8] {
    let mut quoted = false;
    let end = text.iter().enumerate().position(|(at, &byte)| {
        quoted ^= byte == b'"';
        byte == b'#' && !quoted && is_comment(text.get(at..).unwrap_or_default())
    });
    text.get(..end.unwrap_or(text.len())).unwrap_or_default().trim_ascii_end()
}

fn unquoted(text: &[u8]) -> Vec<u8> {
    let inner = text.strip_prefix(b"\"").and_then(|text| text.strip_suffix(b"\""));
    let inner = inner.unwrap_or(text);
    let mut bytes = Vec::with_capacity(inner.len());
    let mut escaped = false;
    for &byte in inner {
        escaped = byte == b'\\' && !escaped;
        if !escaped {
            bytes.push(byte);
        }
    }
    bytes
}

fn is_defaults(header: &[u8]) -> bool {
    header.starts_with(b"Defaults")
}

fn is_alias(header: &[u8]) -> bool {
    header.ends_with(b"_Alias")
        || header.starts_with(b"#include")
        || header.starts_with(b"@include")
}

fn is_without_password(header: &[u8], details: &[u8]) -> bool {
    if is_alias(header) {
        return false;
    }
    if is_defaults(header) {
        return words(details).any(|word| word == b"!authenticate");
    }
    // `NOPASSWD:` and, with blanks, `NOPASSWD :`.
    words(details).any(|word| word == b"NOPASSWD")
}

/// Returns the words between blanks, commas, colons, equals signs and parentheses.
fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|b| b" \t,:=()".contains(b)).filter(|word| !word.is_empty())
}

/// Returns whether a rule allows every command. A rule is `hosts = commands`, with more of them
/// after a colon; a command may have `(run as)`, options `NAME=value` and tags `NAME:` before it.
fn allows_all(header: &[u8], details: &[u8]) -> bool {
    if is_defaults(header) || is_alias(header) {
        return false;
    }
    let Some((_, commands)) = split_once(details, b'=') else { return false };
    let mut depth = 0_u32;
    let mut piece: Vec<u8> = Vec::new();
    // An end of the whole is an end of its last command.
    for &byte in commands.iter().chain(b",") {
        match byte {
            b'(' => depth = depth.saturating_add(1),
            b')' => depth = depth.saturating_sub(1),
            _ if depth > 0 => {}
            b',' | b':' | b'=' => {
                // Before an equals sign stands a host or an option's name, not a command.
                if byte != b'=' && is_all(&piece) {
                    return true;
                }
                piece.clear();
            }
            _ => piece.push(byte),
        }
    }
    false
}

/// Returns whether a command is ALL, perhaps after an option's value, and not an argument.
fn is_all(command: &[u8]) -> bool {
    let mut words = words(command);
    let first = words.next().unwrap_or_default();
    let last = words.last().unwrap_or(first);
    last == b"ALL" && !first.starts_with(b"/") && first != b"sudoedit"
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use stanch_machine::Pretend;

    use super::*;

    fn lines(seen: &Seen) -> Vec<String> {
        let cells = [col::line, col::header, col::rule_details, col::nopasswd, col::all_commands];
        let line = |row: &stanch_words::Row| cells.map(|c| row.get(c).to_string()).join("|");
        seen.rows.iter().map(line).collect()
    }

    #[test]
    fn rules_and_what_they_allow() {
        let mut seen = Seen::default();
        let file = b"Defaults\tenv_reset\nDefaults:ann !authenticate\nCmnd_Alias X = ALL\n\
            root ALL=(ALL:ALL) ALL\n%sudo ALL=(ALL:ALL) NOPASSWD: ALL # why\n\
            ben web=(www-data) NOPASSWD: /bin/ls, /bin/cat\ncat ALL = \\\n  /bin/a, \\\n  ALL\n\
            dan h1 = /bin/a : h2 = ALL\neve ALL=(root) /bin/sh -c ALL\n";
        parse(file, Path::new("/etc/sudoers"), &mut seen);
        assert_eq!(
            lines(&seen),
            [
                "1|Defaults|env_reset|0|0",
                "2|Defaults:ann|!authenticate|1|0",
                "3|Cmnd_Alias|X = ALL|0|0",
                "4|root|ALL=(ALL:ALL) ALL|0|1",
                "5|%sudo|ALL=(ALL:ALL) NOPASSWD: ALL # why|1|1",
                "6|ben|web=(www-data) NOPASSWD: /bin/ls, /bin/cat|1|0",
                "7|cat|ALL = /bin/a, ALL|0|1",
                "10|dan|h1 = /bin/a : h2 = ALL|0|1",
                "11|eve|ALL=(root) /bin/sh -c ALL|0|0",
            ]
        );
    }

    #[test]
    fn rules_that_look_like_comments_are_seen() {
        let mut seen = Seen::default();
        let file = b"# nothing here \\\n#1000 ALL=(ALL) NOPASSWD: ALL\n# really\n";
        parse(file, Path::new("/etc/sudoers"), &mut seen);
        assert_eq!(lines(&seen), ["2|#1000|ALL=(ALL) NOPASSWD: ALL|1|1"]);
    }

    #[test]
    fn includes_are_followed_and_end() {
        let machine = Pretend::new()
            .file("/etc/hostname", "web1.example.net\n")
            .file("/etc/sudoers", "@includedir /etc/sudoers.d\n#include sudoers.%h\n")
            .file("/etc/sudoers.d/a", "ann ALL=ALL\n@include /etc/sudoers.d/a\n")
            .file("/etc/sudoers.d/b.bak", "ben ALL=ALL\n")
            .file("/etc/sudoers.web1", "cat ALL=ALL\n");
        let mut seen = Seen::default();
        read(&Host::new(Arc::new(machine)), &Ask::all(), &mut seen);
        let headers: Vec<String> =
            seen.rows.iter().map(|row| row.get(col::header).to_string()).collect();
        assert_eq!(headers, ["@includedir", "ann", "@include", "#include", "cat"]);
        assert_eq!(seen.gaps, []);
    }
}
