//! The list of acts. One file each; a new one is two lines here.

pub mod freeze_process;
pub mod isolate_network;

use crate::Act;

/// All acts.
pub static ALL: [&dyn Act; 2] = [&freeze_process::FreezeProcess, &isolate_network::IsolateNetwork];

/// Returns the act of that name.
pub fn find(name: &str) -> Option<&'static dyn Act> {
    ALL.into_iter().find(|act| act.name() == name)
}
