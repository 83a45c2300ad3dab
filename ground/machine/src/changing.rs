//! The trait for changing a computer. Only acts use it; planning never sees it.

use std::path::Path;

use crate::{Filing, Machine, Miss};

/// What can be changed of a running computer.
pub trait Changing {
    /// Returns the machine, to look at it.
    fn machine(&self) -> &dyn Machine;

    /// Returns what puts files, changes and removes them.
    fn files(&self) -> &dyn Filing;

    /// Takes the lock of the files of accounts, as `lckpwdf` of the C library does, and so `passwd`,
    /// `usermod` and systemd: nobody who keeps to it writes them meanwhile. Dropping it gives it
    /// back.
    ///
    /// # Errors
    /// A [`Miss`] if somebody else holds it for 15 seconds.
    fn lock_accounts(&self) -> Result<AccountsLock, Miss>;

    /// Gives nf_tables a transaction: messages with their headers, without the marks of begin and
    /// end. All of them happen or none does.
    ///
    /// # Errors
    /// A [`Miss`] with the number of the first message that the kernel refused, and its reason.
    fn firewall(&self, messages: &[Vec<u8>], how: Commit) -> Result<(), Miss>;

    /// Makes a control group (a directory of cgroup2).
    ///
    /// # Errors
    /// A [`Miss`] with the kernel's reason, also if the place is not of cgroup2.
    fn make_group(&self, path: &Path) -> Result<(), Miss>;

    /// Removes a control group, which must be empty. One that is not there is no trouble.
    ///
    /// # Errors
    /// A [`Miss`] with the kernel's reason.
    fn remove_group(&self, path: &Path) -> Result<(), Miss>;

    /// Writes into a file of a control group (`cgroup.freeze`, `cgroup.procs`).
    ///
    /// # Errors
    /// A [`Miss`] with the kernel's reason, also if the file is not of cgroup2.
    fn set_group(&self, path: &Path, value: &str) -> Result<(), Miss>;

    /// Sends a signal to the process that has this pid and started then (field 22 of
    /// `/proc/PID/stat`, in clock ticks since boot), never to another that got its pid.
    ///
    /// # Errors
    /// A [`Miss`]; absent if that process has ended.
    fn signal(&self, pid: i64, start: u64, signal: Signal) -> Result<(), Miss>;

    /// Puts a program at a device of the network, before everything else that sees its packets
    /// (XDP), in place of the one that is there. It stays when we end.
    ///
    /// # Errors
    /// A [`Miss`] with the kernel's reason.
    fn attach_program(&self, device: &str, name: &str, program: &[u8]) -> Result<(), Miss>;

    /// Takes the program at a device of the network away.
    ///
    /// # Errors
    /// A [`Miss`] with the kernel's reason.
    fn detach_program(&self, device: &str) -> Result<(), Miss>;

    /// Sends one netlink request that wants no answer but its acknowledgement.
    ///
    /// # Errors
    /// A [`Miss`] with the kernel's reason.
    fn netlink_request(&self, protocol: i32, request: &[u8]) -> Result<(), Miss>;
}

/// The lock of the files of accounts, given back when it is dropped.
#[derive(Debug)]
pub struct AccountsLock {
    /// The open `/etc/.pwd.lock`; none on a machine in memory, which nobody else writes.
    pub(crate) _held: Option<std::os::fd::OwnedFd>,
}

/// Whether a transaction is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commit {
    /// It happens.
    Yes,
    /// The kernel checks every message and then forgets them: the batch has no end mark
    /// (net/netfilter/nfnetlink.c, `nfnetlink_rcv_batch`).
    DryRun,
}

/// A signal that an act may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Stops it (SIGSTOP).
    Stop,
    /// Lets it go on (SIGCONT).
    Continue,
    /// Ends it (SIGKILL).
    Kill,
    /// Has it read its configuration again (SIGHUP), where it is known to do that.
    Reload,
}
