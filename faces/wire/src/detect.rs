//! `stanch.detect/1`: the answer to "have I been broken into?".

use serde::{Deserialize, Serialize};

/// The document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Detect {
    /// `stanch.detect/1`.
    pub schema: String,
    /// The machine's own name.
    pub host: String,
    /// Which machine it is, beyond its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<Machine>,
    /// `clean`, `suspicious` or `compromised`.
    pub verdict: String,
    /// How sure of the verdict, 0 to 1.
    pub confidence: f64,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// How much was looked at.
    pub looked_at: LookedAt,
    /// What the claims about files of packages rest on; left out where no package was asked about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packages: Option<Packages>,
    /// What was found, gravest first; notes too.
    pub findings: Vec<Finding>,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
    /// What would change the verdict, one sentence each.
    pub would_change: Vec<String>,
}

impl Detect {
    /// The name and version of the document.
    pub const SCHEMA: &'static str = "stanch.detect/1";
}

/// Which machine a report is about: another may have the same name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// How it was looked at: `live`, `root` or `bundle`.
    pub look: String,
    /// SHA-256 of `stanch ` and its `/etc/machine-id`, which itself is not to be spread.
    pub id: Option<String>,
    /// The id of the start of its kernel, if one runs.
    pub boot: Option<String>,
}

/// How much was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookedAt {
    /// Tables read.
    pub tables: usize,
    /// Rows seen.
    pub rows: usize,
    /// Log events judged.
    pub events: usize,
    /// Files whose content was read.
    pub files: usize,
    /// Signs judged.
    pub signs: usize,
}

/// What the claims about files of packages rest on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packages {
    /// Packages compared with package files that an archive signed for.
    pub archive: usize,
    /// Packages compared with package files that were brought along.
    pub brought: usize,
    /// Packages compared with the lists of the machine itself, which root can write.
    pub machine: usize,
    /// Files that were read and compared.
    pub files: usize,
    /// Files that were not read, because nothing has touched them since their packages came.
    pub files_not_read: usize,
    /// The packages that rest on the machine, as `apt-get download` takes them; empty unless package files were looked for.
    pub unproven: Vec<String>,
}

/// One sign seen on one subject.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// `F-0001` and on, in the order of the page.
    pub id: String,
    /// The sign's id.
    pub sign: String,
    /// `performance`, `traffic`, `logs`, `files` or `processes`.
    pub category: String,
    /// `info`, `low`, `medium`, `high` or `critical`.
    pub level: String,
    /// How sure, 0 to 1.
    pub confidence: f64,
    /// The class of sources that it rests on (`state`, `log`, `kernel`, …).
    pub class: String,
    /// One line.
    pub title: String,
    /// What was seen, in numbers and names.
    pub seen: String,
    /// Why it matters.
    pub why: String,
    /// When it is innocent.
    pub innocent_when: String,
    /// What to do next, in prose.
    pub todo: String,
    /// What to do next: commands.
    pub next: Vec<String>,
    /// What it is about.
    pub entity: Entity,
    /// ATT&CK technique ids.
    pub attack: Vec<String>,
    /// RFC 3339 UTC time of the first trace, or null.
    pub first_seen: Option<String>,
    /// Where it was seen.
    pub evidence: Vec<Evidence>,
}

/// What a finding is about. Keys that do not apply are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entity {
    /// `process`, `file`, `account`, `key`, `address`, `socket`, `unit`, `module`, `log`, `host`.
    pub kind: String,
    /// A process's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<i64>,
    /// A process's start in clock ticks since boot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<i64>,
    /// A file's path, or a process's executable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The name of an account, unit, module, log or host; a key's fingerprint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A network address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// A port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<i64>,
}

/// Where something was seen. Keys that are not known are null.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// A path, or a kernel interface.
    pub source: String,
    /// What stood there.
    pub excerpt: String,
    /// Byte offset in the source.
    pub offset: Option<u64>,
    /// Line in the source, from 1.
    pub line: Option<u64>,
    /// SHA-256 of the source, in hex.
    pub sha256: Option<String>,
}

/// What could not be seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// What was looked at: a table's name.
    pub what: String,
    /// `denied`, `refused`, `not-here`, `not-done`, `truncated`, `changed`, `timed-out`, `damaged`, `failed`
    /// or `bug`.
    pub kind: String,
    /// Whether another run (as root, later, with higher caps) could close it.
    pub partial: bool,
    /// Why, in words.
    pub why: String,
    /// Where, or null.
    pub path: Option<String>,
    /// What it means for the answer, in words.
    pub matters: String,
    /// Titles of the signs that could not be judged fully because of it.
    pub blinds: Vec<String>,
}
