//! `stanch.facts/1`: the tables there are, with a sentence per column.

use serde::{Deserialize, Serialize};

/// The document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// `stanch.facts/1`.
    pub schema: String,
    /// The tables, by name.
    pub tables: Vec<Table>,
}

impl Facts {
    /// The name and version of the document.
    pub const SCHEMA: &'static str = "stanch.facts/1";
}

/// One table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// One sentence.
    pub summary: String,
    /// `files` (works on an image too) or `live` (needs the running kernel).
    pub sees: String,
    /// Its columns, in order.
    pub columns: Vec<Column>,
}

/// One column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// `TEXT`, `INTEGER`, `BIGINT` or `DOUBLE`.
    pub kind: String,
    /// `plain`, `index` (a value given for it narrows the reading) or `required` (a value must be
    /// given for it).
    pub role: String,
    /// What it means, one sentence.
    pub means: String,
}
