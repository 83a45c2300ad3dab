//! The trait for changing a computer. Only acts use it; planning never sees it.

use crate::{Machine, Miss};

/// What can be changed of a running computer.
pub trait Changing {
    /// Returns the machine, to look at it.
    fn machine(&self) -> &dyn Machine;

    /// Gives nf_tables a transaction: messages with their headers, without the marks of begin and
    /// end. All of them happen or none does.
    ///
    /// # Errors
    /// A [`Miss`] with the number of the first message that the kernel refused, and its reason.
    fn firewall(&self, messages: &[Vec<u8>], how: Commit) -> Result<(), Miss>;

    /// Sends one netlink request that wants no answer but its acknowledgement.
    ///
    /// # Errors
    /// A [`Miss`] with the kernel's reason.
    fn netlink_request(&self, protocol: i32, request: &[u8]) -> Result<(), Miss>;
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
