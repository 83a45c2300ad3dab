//! Memory: the append-only chained record of what was seen and done.
//!
//! **What the responder is asking**: what did we see and do, in which order, and can I prove that
//! nobody changed the record since?
//!
//! **In and out**: a [`Record`] (who, when, with what, what happened) goes in; a numbered
//! [`Entry`] comes out once it is safely on disk, chained to the one before by SHA-256. Whoever
//! holds the [`Head`] can later tell whether anything was changed or cut off.
//!
//! **Never**: an entry is never changed, and nothing is ever thrown away, not even a line torn by
//! a crash. The clock and the user are given, never taken. The ledger alone does not stop root
//! from rewriting the whole chain; THREATS.md says what does.
//!
//! The vault ([`vault`]) holds what was taken away. A file that is kept beside it ([`kept`]) and its signature ([`signature`]) are here as well.
//!
//! **Start reading** at [`Ledger`] (the store), [`chain`] (what is checked) and
//! `design/0003-ledger.md` (the format and why).

pub mod case;
pub mod chain;
pub mod entry;
pub mod format;
pub mod kept;
pub mod signature;
pub mod store;
pub mod vault;

pub use case::Case;
pub use chain::{Broken, Checked, Head};
pub use entry::{Entry, Record};
pub use store::{Ledger, LedgerError, verify};
pub use vault::Vault;
