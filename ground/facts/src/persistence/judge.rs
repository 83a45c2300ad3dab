//! How telling an entry or a script is. From 50 on it is worth a look of its own, from 80 on an
//! administrator hardly ever does the same.

use std::collections::BTreeMap;
use std::path::Path;

use stanch_words::{Value, text};

use super::{Entry, commands};
use crate::command_text::{self, Purpose};
use crate::config_lines::{is_hidden, numbered};

/// How much of a script is looked at.
pub(super) const LOOKED_AT: usize = 256 << 10;

/// Reasons, each with its weight.
#[derive(Debug, Default)]
pub(crate) struct Judged(BTreeMap<&'static str, i64>);

impl Judged {
    pub(super) fn add(&mut self, reason: &'static str, weight: i64) {
        let known = self.0.entry(reason).or_insert(weight);
        *known = (*known).max(weight);
    }

    pub(super) fn forget(&mut self, reason: &str) {
        self.0.remove(reason);
    }

    /// Adds all of another's reasons.
    pub(super) fn join(&mut self, other: &Self) {
        other.0.iter().for_each(|(reason, weight)| self.add(reason, *weight));
    }

    /// Adds what the file says in which an entry ends.
    pub(super) fn target(&mut self, target: &Path, state: &str) {
        self.place(&Value::from(target).to_string());
        match state {
            "altered" => self.add("target-altered", 60),
            "unowned" => self.add("target-unowned", 20),
            "missing" => self.add("target-missing", 5),
            // A preloaded library of a package is an administrator's (jemalloc, tcmalloc).
            "intact" | "config" => {
                if let Some(weight) = self.0.get_mut("preload") {
                    *weight = 10;
                }
            }
            _ => {}
        }
    }

    /// Adds what a path says that is run or loaded.
    pub(super) fn place(&mut self, path: &str) {
        const TEMPORARY: [&str; 5] =
            ["/tmp/", "/var/tmp/", "/dev/shm/", "/run/shm/", "/dev/mqueue/"];
        let hidden = hides(path);
        if TEMPORARY.iter().any(|place| path.starts_with(place))
            || matches!(path, "/tmp" | "/var/tmp" | "/dev/shm")
            || (hidden && (path.starts_with("/run/") || path.starts_with("/dev/")))
        {
            self.add("temporary-path", 80);
        }
        if hidden {
            self.add("hidden-path", 40);
        }
    }

    /// Adds what the paths in a text say, wherever in it they stand.
    pub(super) fn places(&mut self, text: &str) {
        let words = text.split(|c: char| c.is_whitespace() || "\"'`;|&()[]{}=<>,".contains(c));
        words.filter(|word| word.starts_with('/')).for_each(|word| self.place(word));
    }

    fn text(&mut self, command: &str) {
        for told in command_text::told(command) {
            let weight = match told.purpose {
                Purpose::ReverseShell | Purpose::Mining => 90,
                Purpose::FetchAndRun if told.by == "vendor" => 30,
                Purpose::FetchAndRun | Purpose::Encoded | Purpose::CredentialDump => 80,
                _ => 40,
            };
            self.add(told.purpose.name(), weight);
        }
        for (name, value) in commands::variables(command) {
            if matches!(name, "LD_PRELOAD" | "LD_AUDIT") && !value.is_empty() {
                self.add("preload", 50);
            }
            for part in value.split([':', '=', ',', ' ']) {
                self.place(part.find('/').and_then(|at| part.get(at..)).unwrap_or_default());
            }
        }
    }

    /// Adds what a line of a shell or of a program says.
    pub(super) fn command(&mut self, line: &str) {
        self.text(line);
        commands::runs(line).iter().for_each(|word| self.place(word));
        if commands::stands_for_login(line) {
            self.add("stands-for-login", 60);
        }
    }

    /// Returns the sum, at most 100.
    pub(crate) fn score(&self) -> i64 {
        self.0.values().fold(0_i64, |sum, weight| sum.saturating_add(*weight)).min(100)
    }

    /// Returns the reasons.
    pub(crate) fn reasons(&self) -> String {
        self.0.keys().copied().collect::<Vec<_>>().join(" ")
    }
}

/// Returns whether a path hides from a plain `ls`: its name, or, where people do not arrange
/// directories as they like, one of these begins with a dot.
fn hides(path: &str) -> bool {
    let begins = |part: &str| part.len() > 1 && part.starts_with('.') && part != "..";
    let Some((directory, name)) = path.rsplit_once('/') else { return false };
    let mut parts = directory.split('/').skip(1);
    let free = match (parts.next().unwrap_or_default(), parts.next().unwrap_or_default()) {
        ("root" | "home", _) => return false,
        ("opt" | "srv" | "mnt" | "media", _) => 3,
        ("var", "lib" | "www") => 4,
        ("", _) => 2,
        _ => usize::MAX,
    };
    begins(name) || directory.split('/').take(free).any(begins)
}

/// Judges one entry.
pub(super) fn line(entry: &Entry) -> Judged {
    let mut judged = Judged::default();
    judged.text(&entry.text);
    judged.command(&entry.command);
    let bytes = text::to_bytes(&entry.text);
    // Bytes that are no text at all are damage, which a gap tells; who hides a line writes text.
    if is_hidden(&bytes) && std::str::from_utf8(&bytes).is_ok() {
        judged.add("hidden-line", 50);
    }
    entry.reasons.iter().for_each(|(reason, weight)| judged.add(reason, *weight));
    judged
}

/// Returns whether a line of a script is worth a row of its own: it runs a file by its whole path,
/// or tells what it is for.
pub(super) fn is_telling(line: &str) -> bool {
    let mut judged = Judged::default();
    judged.command(line);
    line.starts_with('/') || !judged.0.is_empty()
}

/// Judges a script as a whole; a program that is no text says nothing.
pub(crate) fn file(bytes: &[u8]) -> Judged {
    let mut judged = Judged::default();
    if bytes.iter().take(4096).any(|&byte| byte == 0) {
        return judged;
    }
    for (_, line) in numbered(bytes) {
        let line = line.trim_ascii();
        if !line.starts_with(b"#") {
            judged.command(&text::from_bytes(line));
        }
    }
    judged
}
