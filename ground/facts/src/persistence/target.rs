//! The file in which a command ends.
//!
//! Source: sh(1), env(1), nohup(1), timeout(1); systemd.service(5) "COMMAND LINES"; execve(2).

use std::path::{Path, PathBuf};

use stanch_machine::FileKind;
use stanch_words::text;

use crate::Host;
use crate::accounts::path_of;
use crate::command_text::INTERPRETERS;
use crate::packages::Index;

/// Programs that only run another one.
pub(super) const WRAPPERS: [&str; 24] = [
    "env",
    "nohup",
    "setsid",
    "nice",
    "ionice",
    "timeout",
    "sudo",
    "exec",
    "time",
    "stdbuf",
    "flock",
    "command",
    "builtin",
    "chronic",
    "start-stop-daemon",
    "run-parts",
    "systemd-cat",
    "chpst",
    "setuidgid",
    "su-exec",
    "gosu",
    "unshare",
    "nsenter",
    "busybox",
];
/// Words of the shell that run nothing themselves.
pub(super) const SILENT: [&str; 17] = [
    "[", "test", "cd", "if", "then", "!", "set", "export", "umask", "ulimit", "true", ":", "while",
    "for", "do", "sleep", "alias",
];
const SEARCHED: [&str; 6] =
    ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
/// How often a shell's own text is read again.
const DEPTH: u32 = 4;
/// How many words are looked at.
const WORDS: usize = 256;

/// Returns the file that a command runs in the end, if it names one.
pub(super) fn of(host: &Host, command: &str) -> Option<PathBuf> {
    of_file(host, &named(host, command, 0)?)
}

/// Returns the first program that a line names by its whole path, wherever in the line that stands
/// (`binary="/opt/x"`, `UserParameter=a,/opt/x`).
pub(super) fn anywhere(host: &Host, line: &str) -> Option<PathBuf> {
    let words = line.split(|c: char| c.is_whitespace() || "\"'`;|&()[]{}=<>,".contains(c));
    let paths = words.filter(|word| word.starts_with('/')).take(16);
    let mut paths = paths.map(|word| path_of(&text::to_bytes(word)));
    let path = paths.find(|path| {
        host.machine()
            .stat(path)
            .is_ok_and(|stat| stat.kind() == FileKind::Regular && stat.mode & 0o111 != 0)
    })?;
    of_file(host, &path)
}

/// Follows symlinks, and a script's first line where its interpreter is no ordinary one.
pub(super) fn of_file(host: &Host, path: &Path) -> Option<PathBuf> {
    let found = Index::resolve(host.machine(), path);
    let head = host.machine().read(&found, 256).map(|contents| contents.bytes).unwrap_or_default();
    if let Some(first) = head.strip_prefix(b"#!") {
        let line = first.split(|&b| b == b'\n').next().unwrap_or_default();
        let word = line.trim_ascii().split(u8::is_ascii_whitespace).next().unwrap_or_default();
        let usual =
            [&b"/usr/"[..], b"/bin/", b"/sbin/"].iter().any(|place| word.starts_with(place));
        if word.starts_with(b"/") && (!usual || word.starts_with(b"/usr/local/")) {
            return Some(Index::resolve(host.machine(), &path_of(word)));
        }
    }
    Some(found)
}

fn named(host: &Host, command: &str, depth: u32) -> Option<PathBuf> {
    let segments = segments(command);
    segments.iter().find_map(|words| segment(host, words, depth))
}

/// Splits a command into its parts and their words, quotes removed.
pub(super) fn segments(command: &str) -> Vec<Vec<String>> {
    let mut segments = vec![Vec::new()];
    let (mut word, mut open, mut quote) = (String::new(), false, None);
    let mut count = 0_usize;
    for c in command.chars().take(16 << 10).chain([' ']) {
        match (quote, c) {
            (Some(mark), _) if mark == c => quote = None,
            (Some(_), _) => word.push(c),
            (None, '"' | '\'') => (quote, open) = (Some(c), true),
            (None, ' ' | '\t' | ';' | '|' | '&' | '\n' | '(' | ')' | '{' | '}') => {
                if (open || !word.is_empty()) && count < WORDS {
                    count = count.saturating_add(1);
                    if let Some(last) = segments.last_mut() {
                        last.push(std::mem::take(&mut word));
                    }
                }
                (word, open) = (String::new(), false);
                if !matches!(c, ' ' | '\t') {
                    segments.push(Vec::new());
                }
            }
            (None, c) => word.push(c),
        }
    }
    // What an open quote holds still counts.
    if !word.is_empty()
        && let Some(last) = segments.last_mut()
    {
        last.push(word.trim_end().to_owned());
    }
    segments
}

fn segment(host: &Host, words: &[String], depth: u32) -> Option<PathBuf> {
    let mut rest = words.iter().map(String::as_str).peekable();
    while let Some(word) = rest.next() {
        let base = word.rsplit('/').next().unwrap_or_default();
        let is_assignment = word.contains('=') && !word.starts_with('/');
        if is_assignment || matches!(word, "then" | "else" | "do" | "!") {
            continue;
        }
        if SILENT.contains(&word) {
            return None;
        }
        if WRAPPERS.contains(&base) {
            // Its options, and numbers that belong to them.
            while rest.peek().is_some_and(|next| {
                next.starts_with('-')
                    || next.trim_end_matches(['s', 'm', 'h']).parse::<f64>().is_ok()
            }) {
                rest.next();
            }
            continue;
        }
        if INTERPRETERS.contains(&base) {
            return interpreted(host, word, rest, depth);
        }
        return file(host, word);
    }
    None
}

fn interpreted<'a>(
    host: &Host,
    program: &str,
    mut rest: impl Iterator<Item = &'a str>,
    depth: u32,
) -> Option<PathBuf> {
    while let Some(word) = rest.next() {
        if word.starts_with('-') && word.ends_with('c') {
            let own = rest.next().unwrap_or_default();
            return if depth < DEPTH { named(host, own, depth.saturating_add(1)) } else { None };
        }
        if !word.starts_with('-') {
            return file(host, word);
        }
    }
    file(host, program)
}

fn file(host: &Host, word: &str) -> Option<PathBuf> {
    let word = word.trim_start_matches(['@', '-', ':', '+', '!', '|']);
    if word.starts_with('/') {
        return Some(path_of(&text::to_bytes(word)));
    }
    if word.is_empty() || word.contains(['/', '$', '%', '~']) {
        return None;
    }
    let name = path_of(&text::to_bytes(word));
    let found = SEARCHED.iter().map(|place| Path::new(place).join(&name));
    found.into_iter().find(|path| host.machine().stat(path).is_ok())
}
