//! The only way to see or touch a computer.
//!
//! **What the responder is asking**: look at this machine, whose tools may lie, and disturb
//! nothing.
//!
//! **In and out**: paths and kernel questions go in; capped bytes, entries and answers come out,
//! or a [`Miss`] that says why not. A machine is [`Live`], an [`Image`] (any root directory), a
//! [`Bundle`] of evidence or [`Pretend`] (in memory, for tests).
//!
//! **Never**: nothing found on the machine is executed, no program is started, no absolute
//! symlink leads out of an image, and nothing is changed by reading (`O_NOATIME` where allowed).
//! What changes a machine stands apart, in [`changing`], and only acts use it.
//!
//! **Start reading** at [`reading`] (the trait), [`kernel`] (questions to a running kernel) and
//! [`live`].

mod apart;
mod bundle;
pub mod changing;
pub mod directory;
mod entries;
pub mod filing;
mod hanging;
pub mod image;
pub mod inspect;
pub mod kernel;
pub mod limits;
pub mod live;
pub mod netlink;
mod open_file;
pub mod pretend;
mod process_stat;
pub mod reading;
mod stall;
mod sys;
pub mod tar;
mod tree;

pub use apart::{apart, leave_session};
pub use bundle::Bundle;
pub use changing::{AccountsLock, Changing, Commit, Signal};
pub use directory::Directory;
pub use filing::{Dress, Filing, Known, NewFile, Over, Special};
pub use hanging::may_hang;
pub use image::Image;
pub use inspect::{Attribute, Inspected, Inspector};
pub use kernel::{Capture, Frame, Kernel, Lost};
pub use live::{Changes, Hands, Live};
pub use pretend::Pretend;
pub use process_stat::ProcessStat;
pub use reading::{Contents, Entry, FileKind, Listing, Machine, Miss, OpenFile, Stat};
pub use stall::{Stalls, Watched, beside, together};
