//! `stanch.error/1`: why a command did not do what was asked.

use serde::{Deserialize, Serialize};

/// The document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Error {
    /// `stanch.error/1`.
    pub schema: String,
    /// `wrong-use`, `refused` or `bug`.
    pub kind: String,
    /// The exit code that goes with it.
    pub exit: u8,
    /// What happened.
    pub what: String,
    /// Why, or null.
    pub because: Option<String>,
    /// In what state the machine is now.
    pub left_as: String,
    /// What to do next, or null.
    pub next: Option<String>,
}

impl Error {
    /// The name and version of the document.
    pub const SCHEMA: &'static str = "stanch.error/1";
}
