//! Trying whether anything leaves: one datagram, one frame, which nobody needs to answer.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use rustix::fs::{self, Mode, OFlags};
use rustix::io::Errno;
use rustix::net::{self, AddressFamily, SendFlags, SocketFlags, SocketType, ipproto, sockopt};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::kernel::Knock;
use crate::{Miss, sys};

/// "Discard" (RFC 863): whoever gets it throws it away.
const DISCARD: u16 = 9;
/// A kind of frame for experiments of one's own (IEEE 802, local experimental ethertype 1).
const EXPERIMENT: u16 = 0x88b5;

/// Sends an empty datagram that dies at the first router.
pub(super) fn knock(to: IpAddr) -> Result<Knock, Errno> {
    let family = if to.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = match net::socket_with(family, SocketType::DGRAM, flags, Some(ipproto::UDP)) {
        Err(Errno::AFNOSUPPORT) => return Ok(Knock::NoWay),
        other => other?,
    };
    if to.is_ipv4() {
        sockopt::set_ip_ttl(&socket, 1)?;
    } else {
        sockopt::set_ipv6_unicast_hops(&socket, Some(1))?;
    }
    outcome(net::sendto(&socket, &[], SendFlags::empty(), &SocketAddr::new(to, DISCARD)))
}

/// The same from another network namespace (`/proc/PID/ns/net`): in a thread of its own, which
/// ends there.
pub(super) fn knock_from(namespace: &Path, to: IpAddr) -> Result<Knock, Miss> {
    let miss = |errno| Miss::from_errno(errno, namespace);
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let place = fs::open(namespace, flags, Mode::empty()).map_err(miss)?;
    let knocking = std::thread::spawn(move || {
        use std::os::fd::AsFd as _;
        move_into_link_name_space(place.as_fd(), Some(LinkNameSpaceType::Network))?;
        knock(to)
    });
    knocking.join().unwrap_or(Err(Errno::IO)).map_err(miss)
}

/// Writes a frame to a device itself, past every hook of IP, to its own address: no switch carries
/// it on.
pub(super) fn knock_by_frame(device: i32, own: [u8; 6]) -> Result<Knock, Errno> {
    let socket = match sys::packet_socket(device, EXPERIMENT, &[], &[]) {
        Err(Errno::NETDOWN | Errno::NODEV | Errno::NXIO) => return Ok(Knock::NoWay),
        other => other?,
    };
    let mut frame = [own.as_slice(), &own, &EXPERIMENT.to_be_bytes()].concat();
    // The shortest that Ethernet knows.
    frame.resize(60, 0);
    outcome(net::send(&socket, &frame, SendFlags::empty()))
}

/// A filter for what this machine sends answers `EPERM`, one at a device `ENOBUFS`.
fn outcome(sent: Result<usize, Errno>) -> Result<Knock, Errno> {
    match sent {
        Ok(_) => Ok(Knock::Left),
        Err(Errno::PERM | Errno::NOBUFS) => Ok(Knock::Stopped),
        Err(
            Errno::NETUNREACH
            | Errno::HOSTUNREACH
            | Errno::ADDRNOTAVAIL
            | Errno::NETDOWN
            | Errno::INVAL
            | Errno::ACCESS,
        ) => Ok(Knock::NoWay),
        Err(errno) => Err(errno),
    }
}

/// Returns whether this machine reaches itself.
pub(super) fn loopback_works() -> bool {
    let listener = std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0));
    let Ok(address) = listener.as_ref().map_or_else(
        |_refused| Err(Errno::IO),
        |listener| listener.local_addr().map_err(|_unknown| Errno::IO),
    ) else {
        return false;
    };
    std::net::TcpStream::connect_timeout(&address, std::time::Duration::from_millis(500)).is_ok()
}
