//! Settings of the SSH daemon, as it would read them.
//!
//! Source: sshd_config(5); `servconf.c` of OpenSSH for how `Include` and `Match` nest: a `Match`
//! in an included file ends with that file, and a file included inside a `Match` block belongs to
//! that block.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use stanch_machine::limits;
use stanch_words::{Gap, GapKind, Seen, Value, text};

use crate::Host;
use crate::config_lines::{is_blank, numbered};
use crate::reach::Reach;

/// One line of the configuration.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    /// The keyword in lower case.
    pub(crate) option: Arc<str>,
    pub(crate) value: Arc<str>,
    /// The `Match` line it stands under, empty if none.
    pub(crate) block: Arc<str>,
    pub(crate) file: Value,
    pub(crate) line: u64,
    /// Whether it counts: the first value of a keyword in its block wins.
    pub(crate) is_effective: bool,
}

/// How many lines are kept in all.
const LINES: usize = 200_000;
/// How deep files may include files (`SERVCONF_MAX_DEPTH` of OpenSSH).
const DEPTH: usize = 16;
/// How many files, and bytes in all, are read: a file may be included again and again.
const FILES: usize = 256;
const BYTES: usize = 32 << 20;

/// Keywords that add up instead of the first one winning.
const ADDING: [&str; 12] = [
    "acceptenv",
    "allowgroups",
    "allowusers",
    "denygroups",
    "denyusers",
    "hostcertificate",
    "hostkey",
    "include",
    "listenaddress",
    "permitlisten",
    "permitopen",
    "port",
];

/// Returns the settings, read once per host. What stood in the way is told to each table.
pub(crate) fn settings(host: &Host, table: &str, seen: &mut Seen) -> Arc<Settings> {
    let settings = host.once(|host| {
        let (mut reach, mut seen) = (Reach::new(host, ""), Seen::default());
        let lines = all(&mut reach, &mut seen);
        reach.finish(&mut seen);
        Settings { lines, gaps: seen.gaps }
    });
    for gap in &settings.gaps {
        seen.gap(Gap { what: table.to_owned(), ..gap.clone() });
    }
    settings
}

/// All settings and what stood in the way of reading them.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) lines: Vec<Setting>,
    gaps: Vec<Gap>,
}

/// Reads `/etc/ssh/sshd_config` and what it includes. Distributions that keep their own defaults
/// under /usr (openSUSE) are asked where /etc has none.
fn all(reach: &mut Reach<'_>, seen: &mut Seen) -> Vec<Setting> {
    let mut reader =
        Reader { reach, settings: Vec::new(), files: 0, bytes: 0, taken: HashSet::new() };
    for path in ["/etc/ssh/sshd_config", "/usr/etc/ssh/sshd_config"] {
        let mut block = Arc::from("");
        if reader.file(Path::new(path), &mut block, 0, seen) {
            break;
        }
    }
    reader.settings
}

struct Reader<'r, 'h> {
    reach: &'r mut Reach<'h>,
    settings: Vec<Setting>,
    files: usize,
    bytes: usize,
    taken: HashSet<(Arc<str>, Arc<str>)>,
}

impl Reader<'_, '_> {
    /// Returns whether the file was there.
    fn file(&mut self, path: &Path, block: &mut Arc<str>, depth: usize, seen: &mut Seen) -> bool {
        self.files = self.files.saturating_add(1);
        let full = self.bytes > BYTES || self.settings.len() >= LINES;
        if depth > DEPTH || self.files > FILES || full {
            self.reach.gap(GapKind::Truncated, "too many files included", path, seen);
            return false;
        }
        let Some(bytes) = self.reach.read(path, limits::CONFIG_FILE, seen) else { return false };
        self.bytes = self.bytes.saturating_add(bytes.len());
        let file = Value::from(path);
        for (line, text) in numbered(&bytes) {
            if self.settings.len() >= LINES {
                self.reach.gap(GapKind::Truncated, "too many lines", path, seen);
                break;
            }
            let Some((option, value)) = option(text) else {
                if !is_comment(text) {
                    let detail = format!("line {line}: not a setting");
                    self.reach.gap(GapKind::Damaged, detail, path, seen);
                }
                continue;
            };
            if &*option == "match" {
                *block = format!("Match {value}").into();
                continue;
            }
            let adds = ADDING.contains(&&*option);
            let first = adds || self.taken.insert((Arc::clone(block), key(&option, &value)));
            self.settings.push(Setting {
                option: Arc::clone(&option),
                value: Arc::clone(&value),
                block: Arc::clone(block),
                file: file.clone(),
                line,
                is_effective: first,
            });
            if &*option == "include" {
                self.include(&value, block, depth, seen);
            }
        }
        true
    }

    fn include(&mut self, patterns: &str, block: &Arc<str>, depth: usize, seen: &mut Seen) {
        for pattern in words(patterns) {
            let pattern = crate::accounts::path_of(&text::to_bytes(&pattern));
            // A relative path is below /etc/ssh (sshd_config(5)).
            let pattern: PathBuf = Path::new("/etc/ssh").join(pattern);
            for path in self.reach.glob(&pattern, seen) {
                let mut inner = Arc::clone(block);
                self.file(&path, &mut inner, depth.saturating_add(1), seen);
            }
        }
    }
}

/// A subsystem and an environment variable are settings of their own, by name.
fn key(option: &Arc<str>, value: &str) -> Arc<str> {
    match &**option {
        "subsystem" => {
            let name = value.split([' ', '\t']).next().unwrap_or_default();
            format!("{option} {name}").into()
        }
        _ => Arc::clone(option),
    }
}

fn is_comment(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    line.is_empty() || line.starts_with(b"#")
}

/// Returns keyword and value of `Keyword value` or `Keyword=value`.
pub(crate) fn option(line: &[u8]) -> Option<(Arc<str>, Arc<str>)> {
    if is_comment(line) {
        return None;
    }
    let line = line.trim_ascii();
    let end = line.iter().position(|b| is_blank(b) || *b == b'=')?;
    let (word, rest) = line.split_at(end);
    let rest = rest.trim_ascii_start();
    let rest = rest.strip_prefix(b"=").unwrap_or(rest).trim_ascii_start();
    if word.is_empty() || rest.is_empty() || !word.iter().all(u8::is_ascii_alphanumeric) {
        return None;
    }
    Some((text::from_bytes(&word.to_ascii_lowercase()).into(), text::from_bytes(rest).into()))
}

/// Returns the words of a value; double quotes hold blanks together.
pub(crate) fn words(value: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = value.trim();
    while !rest.is_empty() && !rest.starts_with('#') {
        let (word, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => rest.split_once([' ', '\t']).unwrap_or((rest, "")),
        };
        words.push(word.to_owned());
        rest = after.trim_start();
    }
    words
}

/// Returns the patterns of files that hold authorized keys, from every block (a `Match` may set
/// another), or OpenSSH's own where nothing is set.
pub(crate) fn key_file_patterns(settings: &[Setting]) -> Vec<String> {
    let mut patterns = Vec::new();
    let mut push = |pattern: String| {
        if pattern != "none" && !patterns.contains(&pattern) {
            patterns.push(pattern);
        }
    };
    // The defaults count even where another is set: the setting may have been changed after an
    // attacker's key was laid there, or be changed back.
    push(".ssh/authorized_keys".to_owned());
    push(".ssh/authorized_keys2".to_owned());
    for setting in settings.iter().filter(|setting| &*setting.option == "authorizedkeysfile") {
        words(&setting.value).into_iter().take(64).for_each(&mut push);
    }
    patterns
}
