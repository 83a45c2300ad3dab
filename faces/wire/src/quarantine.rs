//! `stanch.quarantine/1`: what was taken away, and all that belonged to it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantine {
    /// `stanch.quarantine/1`.
    pub schema: String,
    /// What was taken away and has not come back, in the order of the acts.
    pub items: Vec<QuarantineItem>,
}

impl Quarantine {
    /// The name and version of the document.
    pub const SCHEMA: &'static str = "stanch.quarantine/1";
}

/// One file or symlink.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantineItem {
    /// The act that took it away, for `stanch quarantine restore` and `stanch undo`.
    pub id: String,
    /// The act's name.
    pub act: String,
    /// When, RFC 3339 in UTC.
    pub time: String,
    /// Where it lay.
    pub path: String,
    /// Whether it can come back: its content is in the vault, or it needs none.
    pub can_come_back: bool,
    /// Where its content lies, defused; null for a symlink.
    pub kept_at: Option<String>,
    /// Where it points, if it is a symlink.
    pub target: Option<String>,
    /// In bytes; null for a symlink.
    pub size: Option<u64>,
    /// SHA-256 of its content, in hex.
    pub sha256: Option<String>,
    /// Permission bits, octal.
    pub mode: Option<String>,
    /// Owner.
    pub uid: Option<u32>,
    /// Group.
    pub gid: Option<u32>,
    /// Inode flags that come back (16 immutable, 32 append-only).
    pub flags: Option<u32>,
    /// Extended attributes, ACLs and capabilities among them: name, and value in hex.
    pub attributes: BTreeMap<String, String>,
}
