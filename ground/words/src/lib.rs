//! The core vocabulary of Stanch: every noun of the project, once.
//!
//! **What the responder is asking**: all of it, since every answer is made of these words:
//! a *fact* was seen, a *gap* could not be, a *sign* matched, a *finding* says so about a
//! *subject*, and many findings weigh into one *verdict*; a *plan* says what would be done.
//!
//! **In and out**: plain data only. Other crates pass these types to each other; nothing here
//! reads a machine, a clock or a file.
//!
//! **Never**: this crate holds no behaviour that could differ between a test and a real run.
//!
//! **Start reading** at [`table`] (what can be seen), [`finding`] (what is concluded) and
//! [`gap`] (what could not be seen).

pub mod bodyfile;
pub mod both;
pub mod byte_rules;
pub mod event;
pub mod finding;
pub mod gap;
pub mod level;
pub mod moment;
pub mod plan;
pub mod sealed;
pub mod table;
pub mod text;
pub mod value;

pub use both::{Both, Lang};
pub use byte_rules::{
    About, Algorithm, ByteHit, ByteJudgement, ByteRules, Digested, KnownDigests, KnownHit,
};
pub use event::{Clock, Event, EventKind, Field, Place, Text, Trust};
pub use finding::{Class, Evidence, Finding, Subject, SubjectKind, Verdict};
pub use gap::{Gap, GapKind};
pub use level::Level;
pub use moment::{FileTimes, Happened, Moment};
pub use plan::{Phase, Plan, Refusal, Risk, Step, Undo};
pub use table::{
    Ask, Column, ColumnSet, Constraint, Kind, Op, Role, Row, Seen, Sees, TableSpec, Tables,
};
pub use value::Value;
