//! `stanch.scan/1`: what is in files and processes.

use serde::{Deserialize, Serialize};

use crate::Gap;

/// The document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scan {
    /// `stanch.scan/1`.
    pub schema: String,
    /// `clean`, `suspicious` or `compromised`, by content alone.
    pub verdict: String,
    /// How long it took.
    pub took_ms: u64,
    /// Rules that looked.
    pub rules: usize,
    /// Files, members of archives and processes judged.
    pub scanned: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files that their package's digest proves intact, and that were not judged.
    pub intact: u64,
    /// What matched.
    pub matches: Vec<ScanMatch>,
    /// What could not be judged.
    pub gaps: Vec<Gap>,
}

impl Scan {
    /// The name and version of the document.
    pub const SCHEMA: &'static str = "stanch.scan/1";
}

/// One match.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScanMatch {
    /// The file; of memory, the program; of a member of an archive, the archive, `!/` and the member.
    pub path: String,
    /// The member of an archive, as it stands behind `!/` in the path.
    pub member: Option<String>,
    /// The process whose memory or program it is.
    pub pid: Option<i64>,
    /// The rule's name, the digest, or the heuristic's name.
    pub rule: String,
    /// `yara`, `hash` or `heuristic`.
    pub kind: String,
    /// How sure, 0 to 1.
    pub confidence: f64,
    /// What it finds, in the words of whoever wrote the rule.
    pub what: String,
    /// SHA-256 of the file.
    pub sha256: Option<String>,
    /// The line that explains it, from 1.
    pub line: Option<i64>,
    /// Where the first matched string begins.
    pub offset: Option<i64>,
}
