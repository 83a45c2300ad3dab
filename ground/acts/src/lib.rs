//! Hands: the one way in which Stanch changes a machine.
//!
//! **What the responder is asking**: do this, so that it cannot hurt me, and so that I can take it
//! back.
//!
//! **In and out**: a plan made of [`Step`]s goes in; entries in the ledger come out, one before
//! the first byte moves and one after, and the machine is as the steps say.
//!
//! **Never**: planning touches nothing; nothing is done without its intent in the ledger; no act
//! shuts the way that the responder came in by. No option overrides that.
//!
//! **Start reading** at [`act`] (the four words), [`runner`] (intent, apply, verify, undo, resume)
//! and `acts.rs` (the list).
//!
//! [`Step`]: stanch_words::Step

pub mod accounts;
pub mod act;
pub mod acts;
mod bpf;
mod connections;
mod ending;
mod exhibits;
pub mod files;
mod freezing;
mod netlink;
mod nft;
mod order;
mod processes;
mod record;
pub mod responder;
pub mod runner;
mod sockets;
pub mod ssh;

pub use act::{Act, Exhibit, Trouble};
pub use acts::{
    clear_rights, edit_file, end_sessions, freeze_container, freeze_process, isolate_network,
    kill_process, lock_account, quarantine_file, replace_host_key, restore_file, rotate_password,
    stop_service, unplug_network,
};
pub use record::{Deed, State, deeds};
pub use responder::{Keep, WayIn};
pub use runner::{RunError, Runner, Signer};
pub use stanch_ledger::Vault;
