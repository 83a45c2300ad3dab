//! How telling an entry or a script is.

use std::collections::BTreeMap;
use std::path::Path;

use stanch_words::{Value, text};

use super::Entry;
use crate::command_text::{self, Purpose};
use crate::config_lines::{is_hidden, numbered};

/// How much of a script is looked at.
pub(super) const LOOKED_AT: usize = 256 << 10;

/// Reasons, each with its weight.
#[derive(Debug, Default)]
pub(super) struct Judged(BTreeMap<&'static str, i64>);

impl Judged {
    fn add(&mut self, reason: &'static str, weight: i64) {
        self.0.insert(reason, weight);
    }

    /// Adds what the file says in which an entry ends.
    pub(super) fn target(&mut self, target: &Path, state: &str) {
        self.places(&Value::from(target).to_string());
        match state {
            "altered" => self.add("target-altered", 60),
            "unowned" => self.add("target-unowned", 20),
            "missing" => self.add("target-missing", 5),
            _ => {}
        }
    }

    /// Adds what the paths in a text say.
    pub(super) fn places(&mut self, text: &str) {
        const TEMPORARY: [&str; 5] =
            ["/tmp/", "/var/tmp/", "/dev/shm/", "/run/shm/", "/dev/mqueue/"];
        let words = text.split(|c: char| c.is_whitespace() || "\"'`;|&()=<>,".contains(c));
        for word in words.filter(|word| word.starts_with('/')) {
            if TEMPORARY.iter().any(|place| word.starts_with(place)) {
                self.add("temporary-path", 50);
            }
            let hides = word
                .rsplit('/')
                .next()
                .is_some_and(|name| name.len() > 1 && name.starts_with('.') && name != "..");
            if hides && !word.starts_with("/home/") && !word.starts_with("/root/") {
                self.add("hidden-path", 40);
            }
        }
    }

    fn text(&mut self, command: &str) {
        for told in command_text::told(command) {
            let weight = match told.purpose {
                Purpose::ReverseShell | Purpose::Mining => 90,
                Purpose::FetchAndRun if told.by == "vendor" => 30,
                Purpose::FetchAndRun | Purpose::Encoded | Purpose::CredentialDump => 80,
                _ => 50,
            };
            self.add(told.purpose.name(), weight);
        }
        if ["LD_PRELOAD=", "LD_AUDIT="].iter().any(|name| command.contains(name)) {
            self.add("preload", 50);
        }
    }

    /// Returns the sum, at most 100.
    pub(super) fn score(&self) -> i64 {
        self.0.values().fold(0_i64, |sum, weight| sum.saturating_add(*weight)).min(100)
    }

    /// Returns the reasons.
    pub(super) fn reasons(&self) -> String {
        self.0.keys().copied().collect::<Vec<_>>().join(" ")
    }
}

/// Judges one entry.
pub(super) fn line(entry: &Entry) -> Judged {
    let mut judged = Judged::default();
    judged.text(&entry.text);
    judged.places(&entry.command);
    if is_hidden(&text::to_bytes(&entry.text)) {
        judged.add("hidden-line", 50);
    }
    let lower = entry.text.to_ascii_lowercase();
    if lower.contains("sufficient") && lower.contains("pam_permit") && lower.starts_with("auth") {
        judged.add("any-password", 60);
    }
    if lower.contains("nopasswd") && lower.contains("all") || lower.contains("permit nopass") {
        judged.add("without-password", 20);
    }
    judged
}

/// Returns whether a line of a script is worth a row of its own: it runs a file by its whole path,
/// or tells what it is for.
pub(super) fn is_telling(line: &str) -> bool {
    line.starts_with('/') || !command_text::told(line).is_empty()
}

/// Judges a script as a whole; a program that is no text says nothing.
pub(super) fn file(bytes: &[u8]) -> Judged {
    let mut judged = Judged::default();
    if bytes.iter().take(4096).any(|&byte| byte == 0) {
        return judged;
    }
    for (_, line) in numbered(bytes) {
        let line = line.trim_ascii();
        if !line.starts_with(b"#") {
            let line = text::from_bytes(line);
            judged.text(&line);
            // A script may well use a temporary file; one that runs what lies there is telling.
            let first = line.split_whitespace().next().unwrap_or_default();
            judged.places(first);
        }
    }
    judged
}
