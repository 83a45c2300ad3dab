//! `stanch.rules/1`: the signs that detection looks for; `stanch.rules-check/1`: whether rules of
//! others load.

use serde::{Deserialize, Serialize};

/// The document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rules {
    /// `stanch.rules/1`.
    pub schema: String,
    /// The signs, by id.
    pub rules: Vec<Rule>,
}

impl Rules {
    /// The name and version of the document.
    pub const SCHEMA: &'static str = "stanch.rules/1";
}

/// One sign.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// Its id.
    pub id: String,
    /// `sign`.
    pub kind: String,
    /// `performance`, `traffic`, `logs`, `files` or `processes`.
    pub category: String,
    /// `info`, `low`, `medium`, `high` or `critical`.
    pub level: String,
    /// How sure, 0 to 1.
    pub confidence: f64,
    /// The class of sources that it rests on.
    pub class: String,
    /// One line.
    pub title: String,
    /// Why it matters.
    pub why: String,
    /// When it is innocent.
    pub innocent_when: String,
    /// What to do next, in prose.
    pub todo: String,
    /// What to do next: commands with `{column}` places.
    pub next: Vec<String>,
    /// ATT&CK technique ids.
    pub attack: Vec<String>,
    /// The query: one row is one finding.
    pub sql: String,
}

/// What came of loading a directory of rules.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RulesCheck {
    /// `stanch.rules-check/1`.
    pub schema: String,
    /// Files read.
    pub files: usize,
    /// Rules over events that load.
    pub rules: usize,
    /// Correlations that load.
    pub correlations: usize,
    /// Filters that load.
    pub filters: usize,
    /// Rules that are sound, but for other systems or logs.
    pub elsewhere: usize,
    /// Files of YARA rules read.
    pub yara_files: usize,
    /// YARA rules that load.
    pub yara_rules: usize,
    /// What is wrong, by file and line.
    pub complaints: Vec<Complaint>,
}

impl RulesCheck {
    /// The name and version of the document.
    pub const SCHEMA: &'static str = "stanch.rules-check/1";
}

/// What is wrong with one rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Complaint {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: Option<u64>,
    /// The rule's title.
    pub rule: Option<String>,
    /// `lost` (not loaded), `idle` (nothing can fire it) or `odd` (not all of it was understood).
    pub harm: String,
    /// What is wrong.
    pub why: String,
    /// What helps.
    pub help: Option<String>,
}
