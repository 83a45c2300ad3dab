//! `stanch.evidence-list/1`: what a bundle holds, piece by piece, for police or court.

use serde::{Deserialize, Serialize};

/// What a bundle holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceList {
    /// `stanch.evidence-list/1`.
    pub schema: String,
    /// The bundle.
    pub file: String,
    /// Bytes of the bundle.
    pub bytes: u64,
    /// SHA-256 of the bundle.
    pub sha256: String,
    /// The name of the machine.
    pub host: String,
    /// When the collection began, RFC 3339.
    pub begun: String,
    /// When it was sealed; null if it breaks off.
    pub sealed: Option<String>,
    /// The program and version.
    pub tool: String,
    /// SHA-256 of the program.
    pub tool_sha256: Option<String>,
    /// The root over all items.
    pub merkle_root: Option<String>,
    /// SHA-256 of the seal (`meta/seal.json`).
    pub seal_sha256: Option<String>,
    /// The last link of the record of custody.
    pub chain_head: Option<String>,
    /// `yes`, `not-verified`, `refused` or `no`.
    pub signed: String,
    /// The id of the key that signed it.
    pub key: Option<String>,
    /// Lines of the manifest that tell of what could not be taken.
    pub not_taken: u64,
    /// Who had it in hand, and what was noted.
    pub custody: Vec<EvidenceNote>,
    /// What was taken.
    pub items: Vec<EvidenceEntry>,
}

impl EvidenceList {
    /// The name and version of the document.
    pub const SCHEMA: &'static str = "stanch.evidence-list/1";
}

/// What somebody did or noted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceNote {
    /// When, RFC 3339.
    pub time: String,
    /// The person or account.
    pub who: String,
    /// `preserve.begun`, `preserve.note`, `preserve.sealed` or `note`.
    pub what: String,
    /// The words.
    pub text: String,
    /// Whether it stands in the bundle; else in the case, after the seal.
    pub in_bundle: bool,
}

/// One thing that was taken.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceEntry {
    /// Its number in the manifest.
    pub number: u64,
    /// The last part of its path.
    pub name: String,
    /// Where it lay; its name in the bundle if it was made by the collector.
    pub path: String,
    /// Bytes in the bundle.
    pub size: u64,
    /// SHA-256 of these bytes; null for a symlink.
    pub sha256: Option<String>,
    /// When its content was changed last, RFC 3339.
    pub modified: String,
    /// When it was taken.
    pub taken: String,
    /// How.
    pub method: String,
    /// `whole`, `changed` or `truncated`.
    pub status: String,
    /// Where a symlink leads; why it is not whole.
    pub remark: String,
}
