//! 深入调查: how they came in, what they did, and when.
//!
//! **What the responder is asking**: what happened here, in its order, whoever tells it?
//!
//! **In and out**: a snapshot of a machine goes in; every event of every log that survived and
//! every time that a file carries come out as [`stanch_words::Moment`]s, the oldest first.
//!
//! **Never**: nothing is written, on this machine or another: what waits to be put in order waits
//! packed in memory, and what there is no room for is left out from the oldest on, and told.
//!
//! **Start reading** at [`timeline`] (the order of it all); `timeline/runs.rs` is how so much is
//! put in order in so little memory. Paths of intrusion and damage come with issue 8.

pub mod timeline;
