//! `stanch.status/1`: where the emergency stands.

use serde::{Deserialize, Serialize};

/// The document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// `stanch.status/1`.
    pub schema: String,
    /// The machine's own name.
    pub host: String,
    /// The open case, or null.
    pub case: Option<String>,
    /// The next sensible commands.
    pub next: Vec<String>,
}

impl Status {
    /// The name and version of the document.
    pub const SCHEMA: &'static str = "stanch.status/1";
}
