//! Fills pages from an incident, in Chinese and English; decides wording, nothing else.
//!
//! **What the responder is asking**: tell me, in words I can act on, at three in the morning.
//!
//! **In and out**: the answers of an [`stanch_incident::Incident`] go in; text for a terminal
//! comes out (modules of [`pages`]), or a document for a script ([`documents`]).
//!
//! **Never**: a page finds, weighs or hides nothing. Whatever comes from the machine is escaped
//! before it is printed, so that a file name cannot drive the terminal.
//!
//! **Start reading** at [`pages::detect`] (the page that matters most), [`Look`] (who reads it,
//! and where) and [`Report`] (what is said when something did not work).

pub mod documents;
pub mod grid;
pub mod look;
pub mod pages;
pub mod report;
pub mod suggest;
pub mod texts;
pub mod width;

pub use look::{Look, Sheet, Tone};
pub use report::{Report, Trouble};
