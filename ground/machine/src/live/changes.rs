//! Hearing when somebody changes the packet filter or a device of the network.
//!
//! Source: netlink(7); linux/netfilter/nfnetlink.h (`NFNLGRP_NFTABLES`), linux/rtnetlink.h
//! (`RTNLGRP_LINK`).

use std::num::NonZeroU32;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{self, AddressFamily, RecvFlags, SocketFlags, SocketType};

use crate::Miss;

/// `NETLINK_ROUTE` has the number 0; `NETLINK_NETFILTER`.
const NETFILTER: u32 = 12;
/// Bits of the groups: number 7 of netfilter, number 1 of routes.
const FIREWALL_GROUP: u32 = 1 << 6;
const LINK_GROUP: u32 = 1;

/// Hears of every change to nf_tables and to the devices of this network namespace, from the
/// moment that it is made on: what happens between two calls waits.
#[derive(Debug)]
pub struct Changes {
    sockets: [OwnedFd; 2],
}

impl Changes {
    /// Begins to listen.
    ///
    /// # Errors
    /// A [`Miss`] if the kernel does not tell us.
    pub fn listen() -> Result<Self, Miss> {
        let miss = |errno| Miss::from_errno(errno, Path::new("netlink"));
        let firewall = socket(NonZeroU32::new(NETFILTER), FIREWALL_GROUP).map_err(miss)?;
        let links = socket(None, LINK_GROUP).map_err(miss)?;
        Ok(Self { sockets: [firewall, links] })
    }

    /// Waits until something has changed, at most so long; returns whether it has. What was
    /// changed is not told: whoever asks looks for himself, since messages can be lost.
    ///
    /// # Errors
    /// A [`Miss`] if waiting does not work.
    pub fn wait(&self, at_most: Duration) -> Result<bool, Miss> {
        let miss = |errno| Miss::from_errno(errno, Path::new("netlink"));
        let seconds = i64::try_from(at_most.as_secs()).unwrap_or(i64::MAX);
        let time = Timespec { tv_sec: seconds, tv_nsec: at_most.subsec_nanos().into() };
        let [firewall, links] = &self.sockets;
        let mut waiting = [PollFd::new(firewall, PollFlags::IN), PollFd::new(links, PollFlags::IN)];
        match poll(&mut waiting, Some(&time)) {
            Ok(0) | Err(Errno::INTR) => return Ok(false),
            Ok(_some) => {}
            Err(errno) => return Err(miss(errno)),
        }
        for socket in &self.sockets {
            drain(socket).map_err(miss)?;
        }
        Ok(true)
    }
}

fn socket(protocol: Option<NonZeroU32>, groups: u32) -> Result<OwnedFd, Errno> {
    let protocol = protocol.map(net::Protocol::from_raw);
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = net::socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, protocol)?;
    net::bind(&socket, &SocketAddrNetlink::new(0, groups))?;
    Ok(socket)
}

/// Takes what waits, so that the next wait is for something new.
fn drain(socket: &OwnedFd) -> Result<(), Errno> {
    let mut buffer = vec![0_u8; 64 << 10];
    // As many as a burst may bring; a flood is waited for again.
    for _message in 0..10_000 {
        match net::recv(socket, &mut buffer[..], RecvFlags::empty()) {
            // Some were lost (`ENOBUFS`): that there were some is all that counts.
            Ok(_) | Err(Errno::INTR | Errno::NOBUFS) => {}
            Err(Errno::AGAIN) => break,
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_change_the_wait_ends_by_itself() {
        let changes = Changes::listen().unwrap();
        // Others may change something at the same time: only that it comes back is asked.
        let _quiet = changes.wait(Duration::from_millis(20)).unwrap();
    }
}
