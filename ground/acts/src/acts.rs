//! The list of acts. One file each; a new one is two lines here.

pub mod clear_rights;
pub mod edit_file;
pub mod end_sessions;
pub mod freeze_container;
pub mod freeze_process;
pub mod isolate_network;
pub mod kill_process;
pub mod lock_account;
pub mod quarantine_file;
pub mod replace_host_key;
pub mod restore_file;
pub mod rotate_password;
pub mod stop_service;
pub mod unplug_network;

use crate::Act;

/// All acts.
pub static ALL: &[&dyn Act] = &[
    &clear_rights::ClearRights,
    &edit_file::EditFile,
    &end_sessions::EndSessions,
    &freeze_container::FreezeContainer,
    &freeze_process::FreezeProcess,
    &isolate_network::IsolateNetwork,
    &kill_process::KillProcess,
    &lock_account::LockAccount,
    &quarantine_file::QuarantineFile,
    &replace_host_key::ReplaceHostKey,
    &restore_file::RestoreFile,
    &rotate_password::RotatePassword,
    &stop_service::StopService,
    &unplug_network::UnplugNetwork,
];

/// Returns the act of that name.
pub fn find(name: &str) -> Option<&'static dyn Act> {
    ALL.iter().copied().find(|act| act.name() == name)
}
