//! Which local ports are taken, by trying to bind them.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::path::Path;
use std::time::Duration;

use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{self, AddressFamily, SocketFlags, SocketType, ipproto, sockopt};

use crate::Miss;
use crate::kernel::{Protocol, TakenPorts};

/// A wildcard address of the family that covers most: an IPv6 socket that takes IPv4 as well
/// meets every socket on the port. Where IPv6 is off, IPv4.
#[derive(Clone, Copy)]
enum Wildcard {
    Both,
    /// The same where the machine's default was turned round (`net.ipv6.bindv6only`): it costs a
    /// call more a port.
    BothAsked,
    Four,
}

/// Returns whether one port is taken.
pub(super) fn is_taken(protocol: Protocol, port: u16) -> Result<bool, Miss> {
    match bind(Wildcard::BothAsked, protocol, port)
        .or_else(|errno| fall_back(errno, protocol, port))
    {
        Ok(()) => Ok(false),
        Err(Errno::ADDRINUSE) => Ok(true),
        Err(errno) => Err(Miss::from_errno(errno, Path::new("bind"))),
    }
}

/// Tries all ports.
pub(super) fn taken(protocol: Protocol) -> Result<TakenPorts, Miss> {
    let mut found = TakenPorts::default();
    let default = open(AddressFamily::INET6, protocol).and_then(sockopt::ipv6_v6only);
    let mut wildcard = if default == Ok(false) { Wildcard::Both } else { Wildcard::BothAsked };
    for port in 1..=u16::MAX {
        let mut result = bind(wildcard, protocol, port);
        if is_without_six(result) {
            wildcard = Wildcard::Four;
            result = bind(wildcard, protocol, port);
        }
        match result {
            Ok(()) => {}
            Err(Errno::ADDRINUSE) => found.taken.push(port),
            Err(Errno::ACCESS | Errno::PERM) => found.refused = found.refused.saturating_add(1),
            Err(errno) => return Err(Miss::from_errno(errno, Path::new("bind"))),
        }
    }
    Ok(found)
}

fn fall_back(errno: Errno, protocol: Protocol, port: u16) -> Result<(), Errno> {
    if is_without_six(Err(errno)) { bind(Wildcard::Four, protocol, port) } else { Err(errno) }
}

fn is_without_six(result: Result<(), Errno>) -> bool {
    matches!(result, Err(Errno::AFNOSUPPORT | Errno::ADDRNOTAVAIL))
}

fn bind(wildcard: Wildcard, protocol: Protocol, port: u16) -> Result<(), Errno> {
    match wildcard {
        Wildcard::Both | Wildcard::BothAsked => {
            let socket = open(AddressFamily::INET6, protocol)?;
            if matches!(wildcard, Wildcard::BothAsked) {
                sockopt::set_ipv6_v6only(&socket, false)?;
            }
            net::bind(&socket, &SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, port, 0, 0))
        }
        Wildcard::Four => {
            let socket = open(AddressFamily::INET, protocol)?;
            net::bind(&socket, &SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)))
        }
    }
}

fn open(family: AddressFamily, protocol: Protocol) -> Result<OwnedFd, Errno> {
    let (kind, number) = match protocol {
        Protocol::Tcp => (SocketType::STREAM, ipproto::TCP),
        Protocol::Udp => (SocketType::DGRAM, ipproto::UDP),
    };
    net::socket_with(family, kind, SocketFlags::CLOEXEC, Some(number))
}

/// Returns whether a TCP port accepts a connection on 127.0.0.1.
pub(super) fn answers_on_loopback(port: u16) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    std::net::TcpStream::connect_timeout(&address, Duration::from_millis(200)).is_ok()
}
