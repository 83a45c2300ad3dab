//! What sshd is told about keys: where those of an account lie, and those of the machine.
//!
//! Source: sshd_config(5), sshd(8).

pub(crate) mod host_key;

use std::path::{Path, PathBuf};

use stanch_machine::{Machine, limits};

use crate::accounts::Account;

const CONFIG: &str = "/etc/ssh/sshd_config";
/// How deep one file includes others (servconf.c, `SERVCONF_MAX_DEPTH`).
const DEEPEST: usize = 16;
/// How many files are read: one that includes itself twice would be read 2^16 times.
const FILES: usize = 512;

/// A file of keys that let somebody in as an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFile {
    /// Where.
    pub path: PathBuf,
    /// Whether other accounts have theirs in it, too.
    pub is_shared: bool,
}

/// Returns the files of keys of an account: those that any part of sshd's configuration names, and
/// the usual ones.
pub fn key_files(machine: &dyn Machine, account: &Account) -> Vec<KeyFile> {
    let mut patterns = vec![".ssh/authorized_keys".to_owned(), ".ssh/authorized_keys2".to_owned()];
    // Also those below `Match`: they may hold for this account.
    patterns.extend(values(machine, "authorizedkeysfile"));
    let mut found: Vec<KeyFile> = Vec::new();
    for pattern in patterns.iter().filter(|pattern| !pattern.eq_ignore_ascii_case("none")) {
        let is_shared = !["%u", "%h", "%U"].iter().any(|token| pattern.contains(token))
            && pattern.starts_with('/');
        let path = PathBuf::from(&account.home).join(expanded(pattern, account));
        let is_known = found.iter().any(|known| known.path == path);
        if !is_known && machine.stat(&path).is_ok() {
            found.push(KeyFile { path, is_shared });
        }
    }
    found
}

fn expanded(pattern: &str, account: &Account) -> String {
    let mut text = String::new();
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        match (letter, (letter == '%').then(|| letters.next()).flatten()) {
            ('%', Some('u')) => text.push_str(&account.name),
            ('%', Some('h')) => text.push_str(&account.home),
            ('%', Some('U')) => text.push_str(&account.uid.to_string()),
            ('%', Some('%')) => text.push('%'),
            ('%', Some(other)) => text.extend(['%', other]),
            (letter, _) => text.push(letter),
        }
    }
    text
}

/// Returns all words that sshd's configuration gives a key word, wherever it stands.
pub(crate) fn values(machine: &dyn Machine, word: &str) -> Vec<String> {
    let (mut found, mut files) = (Vec::new(), FILES);
    gather(machine, Path::new(CONFIG), word, (0, &mut files), &mut found);
    found
}

fn gather(
    machine: &dyn Machine,
    path: &Path,
    word: &str,
    (depth, files): (usize, &mut usize),
    found: &mut Vec<String>,
) {
    if depth > DEEPEST || *files == 0 {
        return;
    }
    *files = files.saturating_sub(1);
    let Ok(read) = machine.read(path, limits::PSEUDO_FILE) else { return };
    let text = String::from_utf8_lossy(&read.bytes).into_owned();
    for line in text.lines() {
        let line = line.trim();
        let end = line.find(|letter: char| letter.is_whitespace() || letter == '=');
        let (Some(key), Some(rest)) =
            (end.and_then(|end| line.get(..end)), end.and_then(|end| line.get(end..)))
        else {
            continue;
        };
        let rest = rest.trim_start_matches(|letter: char| letter.is_whitespace() || letter == '=');
        let words = rest.split_ascii_whitespace().map(|word| word.trim_matches('"').to_owned());
        if key.eq_ignore_ascii_case(word) {
            found.extend(words);
        } else if key.eq_ignore_ascii_case("include") {
            for pattern in words {
                for file in matching(machine, &pattern) {
                    gather(machine, &file, word, (depth.saturating_add(1), files), found);
                }
            }
        }
    }
}

/// Returns the files that a pattern names; only its last part may have `*` (glob(7)).
fn matching(machine: &dyn Machine, pattern: &str) -> Vec<PathBuf> {
    let pattern = Path::new("/etc/ssh").join(pattern);
    let (Some(folder), Some(name)) = (pattern.parent(), pattern.file_name()) else {
        return Vec::new();
    };
    let name = name.to_string_lossy();
    let Some((before, after)) = name.split_once('*') else { return vec![pattern.clone()] };
    let listed = machine.list(folder).map(|listing| listing.entries).unwrap_or_default();
    let fits = |file: &str| {
        file.len() >= before.len().saturating_add(after.len())
            && file.starts_with(before)
            && file.ends_with(after)
            && (!file.starts_with('.') || before.starts_with('.'))
    };
    let names = listed.iter().filter_map(|entry| entry.name.to_str()).filter(|name| fits(name));
    names.map(|name| folder.join(name)).collect()
}
