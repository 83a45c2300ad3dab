//! `stanch.query/1`: the rows of a query.

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

use crate::Gap;

/// The document.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Query {
    /// `stanch.query/1`.
    pub schema: String,
    /// The columns' names, in order; each occurs once.
    pub columns: Vec<String>,
    /// The rows, each an object with the columns as keys.
    pub rows: Vec<Row>,
    /// What could not be seen while the tables were read.
    pub gaps: Vec<Gap>,
}

impl Query {
    /// The name and version of the document.
    pub const SCHEMA: &'static str = "stanch.query/1";
}

/// One row: an object whose keys are the columns, in their order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row(pub Vec<(String, Cell)>);

impl Serialize for Row {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, cell) in &self.0 {
            map.serialize_entry(name, cell)?;
        }
        map.end()
    }
}

/// One value: null, a number or text.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Cell {
    /// Not known.
    #[default]
    Null,
    /// A whole number.
    Integer(i64),
    /// A fraction.
    Real(f64),
    /// Text.
    Text(String),
}

/// `stanch.row/1`: one row where a query streams.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RowLine {
    /// `stanch.row/1`.
    pub schema: String,
    /// The row.
    pub row: Row,
}

impl RowLine {
    /// The name and version of the document.
    pub const SCHEMA: &'static str = "stanch.row/1";
}

/// `stanch.query-summary/1`: the last line where a query streams.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct QuerySummary {
    /// `stanch.query-summary/1`.
    pub schema: String,
    /// How many rows there were.
    pub rows: usize,
    /// What could not be seen while the tables were read.
    pub gaps: Vec<Gap>,
}

impl QuerySummary {
    /// The name and version of the document.
    pub const SCHEMA: &'static str = "stanch.query-summary/1";
}
