//! 收集证据: takes what will vanish, in its order, with proof that it was not changed.
//!
//! **What the responder is asking**: take what I need before anything is killed or cut, so that
//! nobody can say later that I changed it.
//!
//! **In and out**: a snapshot of a machine and pages of what to take go in; a sealed bundle flows
//! out, piece by piece, to a file or a pipe. A bundle goes in, and what of it holds comes out.
//!
//! **Never**: nothing of the machine is started, written, or marked as read; nothing that is
//! missing ends the run, and nothing that is missing goes unrecorded.
//!
//! **Start reading** at [`collect()`] (the order of it all), [`packing`] (what a bundle is) and
//! [`verify()`]. The format is told in `design/0017-evidence.md`.

mod bodyfile;
mod capture;
mod collect;
mod files;
mod manifest;
mod own;
mod packing;
mod processes;
mod seal;
mod stamp;
mod tables;
mod taking;
mod verify;
mod walk;

pub use capture::CaptureOrder;
pub use collect::{About, Collected, NATIVE, Options, PreserveError, Secrets, TakenOf, collect};
pub use manifest::{Item, Kind, Status};
pub use seal::Seal;
pub use stamp::request as stamp_request;
pub use verify::{Broken, Flaw, Told, Verified, list, verify};
