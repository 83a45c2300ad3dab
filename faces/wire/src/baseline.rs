//! `stanch.baseline/1` and `stanch.baseline-check/1`: how files are, and what became of them.

use serde::{Deserialize, Serialize};

use crate::Gap;

/// What a baseline says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Baseline {
    /// `stanch.baseline/1`.
    pub schema: String,
    /// The file.
    pub file: String,
    /// The name of the machine.
    pub host: String,
    /// When it was begun, RFC 3339.
    pub time: String,
    /// The version of the tool that made it.
    pub tool: String,
    /// The places that it covers.
    pub roots: Vec<String>,
    /// The digests that it has: `both`, `blake3` or `sha256`.
    pub digests: String,
    /// How many files it has.
    pub files: u64,
    /// How many bytes of content were read.
    pub bytes: u64,
    /// Its last link, which stands for every byte of it; to be kept elsewhere.
    pub seal: String,
    /// The seal of the one before it.
    pub follows: Option<String>,
    /// The name that the one before it has now.
    pub older: Option<String>,
    /// `yes`, `not-verified` or `no`.
    pub signed: String,
    /// The id of the key that signed it.
    pub key: Option<String>,
    /// What could not be seen when it was made.
    pub gaps: Vec<Gap>,
}

impl Baseline {
    /// The name and version of the document.
    pub const SCHEMA: &'static str = "stanch.baseline/1";
}

/// What differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaselineCheck {
    /// `stanch.baseline-check/1`.
    pub schema: String,
    /// The name of the machine that was looked at.
    pub host: String,
    /// What it was compared with.
    pub baseline: Baseline,
    /// How long it took.
    pub took_ms: u64,
    /// How many files there are on both sides.
    pub compared: u64,
    /// What differs and no package explains.
    pub differences: Vec<BaselineDifference>,
    /// How many differences more there were.
    pub more: u64,
    /// What packages explain, by run.
    pub package_runs: Vec<PackageRun>,
    /// Files of which only times differ.
    pub times_only: u64,
    /// Files that could not be seen then or now.
    pub unseen: u64,
    /// What could not be seen now.
    pub gaps: Vec<Gap>,
}

impl BaselineCheck {
    /// The name and version of the document.
    pub const SCHEMA: &'static str = "stanch.baseline-check/1";
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaselineDifference {
    /// The path.
    pub path: String,
    /// `added`, `removed` or `altered`.
    pub change: String,
    /// What is altered: `type`, `content`, `size`, `target`, `device`, `mode`, `owner`, `group`,
    /// `capabilities`, `acl`, `label`, `attributes`, `flags`, `links`, `inode`, `mtime`, `ctime`,
    /// `btime`.
    pub fields: Vec<String>,
    /// Whether content is another and its time the old one.
    pub time_kept: bool,
    /// Whether it has rights that it did not have.
    pub rights_gained: bool,
    /// Whether it changed while packages were being changed.
    pub during_packages: bool,
    /// How it was; null if it is new.
    pub was: Option<BaselineFile>,
    /// How it is; null if it is gone.
    pub now: Option<BaselineFile>,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaselineFile {
    /// `regular`, `directory`, `symlink`, `fifo`, `socket`, `character` or `block`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Permission bits, octal.
    pub mode: String,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Size in bytes.
    pub size: u64,
    /// Inode number.
    pub inode: u64,
    /// Hard links.
    pub links: u64,
    /// When content changed, RFC 3339.
    pub mtime: String,
    /// When the inode changed.
    pub ctime: String,
    /// When it was born.
    pub btime: Option<String>,
    /// Inode flags.
    pub flags: Option<u32>,
    /// Where a symlink points.
    pub target: Option<String>,
    /// Extended attributes: names, and values in hexadecimal.
    pub attributes: Vec<(String, String)>,
    /// The package that owned it.
    pub package: Option<String>,
    /// BLAKE3 of its content.
    pub blake3: Option<String>,
    /// SHA-256 of its content.
    pub sha256: Option<String>,
}

/// One run of a package manager.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageRun {
    /// When it began, RFC 3339.
    pub time: String,
    /// When its last package was done.
    pub until: String,
    /// Its packages, each with its version.
    pub packages: Vec<(String, String)>,
    /// How many differences it explains.
    pub files: u64,
}
