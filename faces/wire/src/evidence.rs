//! `stanch.preserve/1` and `stanch.seal-verify/1`: a bundle that was made, and what of one holds.

use serde::{Deserialize, Serialize};

use crate::Gap;

/// A bundle that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preserve {
    /// `stanch.preserve/1`.
    pub schema: String,
    /// The file; `-` is standard output.
    pub file: String,
    /// The name of the machine.
    pub host: String,
    /// When it was begun, RFC 3339.
    pub begun: String,
    /// When it was sealed.
    pub ended: String,
    /// How many items its manifest tells of.
    pub items: u64,
    /// Bytes of their content.
    pub bytes: u64,
    /// Bytes of the bundle.
    pub packed: u64,
    /// The root over all items, to be kept elsewhere.
    pub merkle_root: String,
    /// The last link of the record of custody.
    pub chain_head: String,
    /// SHA-256 of the program that collected.
    pub tool_sha256: Option<String>,
    /// The id of the key that signed it.
    pub signed_by: Option<String>,
    /// The number of the entry in the case.
    pub case_entry: Option<u64>,
    /// What became of each page.
    pub artifacts: Vec<PreserveArtifact>,
    /// What could not be taken.
    pub gaps: Vec<Gap>,
}

impl Preserve {
    /// The name and version of the document.
    pub const SCHEMA: &'static str = "stanch.preserve/1";
}

/// What became of one page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreserveArtifact {
    /// Its id.
    pub id: String,
    /// What it is.
    pub title: String,
    /// Items with content.
    pub taken: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Items that changed while they were read, or were cut.
    pub not_whole: u64,
    /// Items that could not be read.
    pub missed: u64,
    /// Items that were left out on purpose.
    pub left_out: u64,
}

/// What of a bundle holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealVerify {
    /// `stanch.seal-verify/1`.
    pub schema: String,
    /// The file.
    pub file: String,
    /// Whether all of it is there and as it was sealed.
    pub holds: bool,
    /// Whether it breaks off before its end.
    pub cut: bool,
    /// The last whole item, if it breaks off.
    pub last: Option<String>,
    /// How many items with content are whole.
    pub whole: u64,
    /// How many lines tell of what could not be taken.
    pub noted: u64,
    /// What does not hold, the first first.
    pub flaws: Vec<SealFlaw>,
    /// The name of the machine, from the seal.
    pub host: Option<String>,
    /// When it was sealed.
    pub sealed: Option<String>,
    /// The root that was sealed.
    pub merkle_root: Option<String>,
    /// `yes`, `not-verified`, `refused` or `no`.
    pub signed: String,
    /// The id of the key that signed it.
    pub key: Option<String>,
}

impl SealVerify {
    /// The name and version of the document.
    pub const SCHEMA: &'static str = "stanch.seal-verify/1";
}

/// One thing that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealFlaw {
    /// The item, or the part of the bundle.
    pub name: String,
    /// `altered`, `missing`, `added` or `packing`.
    pub how: String,
    /// What was expected and what was found.
    pub why: String,
}
