//! What is recorded, and what stands in the ledger.

use crate::Head;

/// Something to be recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Seconds since 1970 UTC, from the clock that the caller was given.
    pub time: i64,
    /// The person or account on whose behalf it happened.
    pub who: String,
    /// The program and version that recorded it.
    pub tool: String,
    /// What happened: a dotted word (`case.opened`, `act.intended`).
    pub what: String,
    /// The particulars. Numbers are whole: a fraction has no one spelling.
    pub body: serde_json::Value,
}

/// An entry of the ledger.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its place in the chain: its number, from 1, and its hash.
    pub head: Head,
    /// The time as written, RFC 3339 in UTC.
    pub time: String,
    /// The person or account.
    pub who: String,
    /// The program and version.
    pub tool: String,
    /// What happened.
    pub what: String,
    /// The particulars.
    pub body: serde_json::Value,
}
