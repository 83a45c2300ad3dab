//! Sockets of TCP and UDP, and their end.
//!
//! Source: sock_diag(7), linux/inet_diag.h; `SOCK_DESTROY` from Linux 4.5 on, where
//! `CONFIG_INET_DIAG_DESTROY` is set.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use stanch_machine::{Changing, Kernel, Miss};

use crate::netlink::{self, Wants};

/// `SOCK_DIAG_BY_FAMILY` and `SOCK_DESTROY`.
const BY_FAMILY: u16 = 20;
const DESTROY: u16 = 21;
/// `TCP_ESTABLISHED` and `TCP_LISTEN` (net/tcp_states.h).
const ESTABLISHED: u8 = 1;
const LISTEN: u8 = 10;

/// One socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Socket {
    family: u8,
    protocol: u8,
    state: u8,
    /// `struct inet_diag_sockid`: what names it.
    id: [u8; 48],
    pub(crate) inode: u32,
}

impl Socket {
    /// Returns its own port.
    pub(crate) fn local_port(&self) -> u16 {
        self.port(0)
    }

    /// Returns the other side's port; 0 if there is no other side.
    pub(crate) fn remote_port(&self) -> u16 {
        self.port(2)
    }

    /// Returns its own address.
    pub(crate) fn local(&self) -> IpAddr {
        self.address(4)
    }

    /// Returns the other side's address.
    pub(crate) fn remote(&self) -> IpAddr {
        self.address(20)
    }

    /// Returns whether it waits for connections.
    pub(crate) fn listens(&self) -> bool {
        self.protocol == 6 && self.state == LISTEN
    }

    /// Returns whether it is a connection of TCP that stands.
    pub(crate) fn is_established(&self) -> bool {
        self.protocol == 6 && self.state == ESTABLISHED
    }

    /// Returns `tcp` or `udp`.
    pub(crate) fn protocol(&self) -> &'static str {
        if self.protocol == 6 { "tcp" } else { "udp" }
    }

    fn port(&self, at: usize) -> u16 {
        let bytes = self.id.get(at..).and_then(<[u8]>::first_chunk::<2>);
        bytes.map_or(0, |bytes| u16::from_be_bytes(*bytes))
    }

    fn address(&self, at: usize) -> IpAddr {
        let bytes = self.id.get(at..).unwrap_or_default();
        let plain = match self.family {
            2 => bytes.first_chunk::<4>().map(|four| IpAddr::V4(Ipv4Addr::from(*four))),
            _ => bytes.first_chunk::<16>().map(|six| IpAddr::V6(Ipv6Addr::from(*six))),
        };
        // An IPv4 peer of an IPv6 socket is written `::ffff:1.2.3.4`.
        plain.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |address| address.to_canonical())
    }
}

/// Returns all sockets of TCP and UDP in this network namespace.
pub(crate) fn all(kernel: &dyn Kernel) -> Result<Vec<Socket>, Miss> {
    let mut found = Vec::new();
    for (family, protocol) in [(2, 6), (10, 6), (2, 17), (10, 17)] {
        let mut body = vec![family, protocol, 0, 0];
        body.extend_from_slice(&u32::MAX.to_ne_bytes());
        body.extend_from_slice(&[0; 48]);
        let answers =
            kernel.netlink(netlink::SOCK_DIAG, &netlink::request(BY_FAMILY, Wants::List, &body));
        match answers {
            Ok(answers) => {
                let sockets = netlink::bodies(&answers).into_iter();
                found.extend(sockets.filter_map(|body| parse(body, protocol)));
            }
            // A kernel without IPv6.
            Err(miss) if family == 10 && miss.absent => {}
            Err(miss) => return Err(miss),
        }
    }
    Ok(found)
}

/// Takes one `struct inet_diag_msg` apart.
fn parse(body: &[u8], protocol: u8) -> Option<Socket> {
    let (head, rest) = body.split_first_chunk::<4>()?;
    let [family, state, ..] = *head;
    let (id, rest) = rest.split_first_chunk::<48>()?;
    let inode = rest.get(16..20)?.first_chunk::<4>().map(|bytes| u32::from_ne_bytes(*bytes))?;
    Some(Socket { family, protocol, state, id: *id, inode })
}

/// Ends a socket. Its program gets an error, its other side a reset, unless a filter keeps that
/// from leaving. One that is gone already is no trouble.
pub(crate) fn end(hands: &dyn Changing, socket: &Socket) -> Result<(), Miss> {
    let mut body = vec![socket.family, socket.protocol, 0, 0];
    body.extend_from_slice(&u32::MAX.to_ne_bytes());
    body.extend_from_slice(&socket.id);
    let request = netlink::request(DESTROY, Wants::Deed { flags: 0 }, &body);
    match hands.netlink_request(netlink::SOCK_DIAG, &request) {
        Err(miss) if !miss.absent => Err(miss),
        _ended_or_gone => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapped_address_is_told_as_ipv4() {
        let mut body = vec![10, 1, 0, 0];
        let mut id = [0_u8; 48];
        id[0..2].copy_from_slice(&22_u16.to_be_bytes());
        id[2..4].copy_from_slice(&50_000_u16.to_be_bytes());
        id[30..32].copy_from_slice(&[0xff, 0xff]);
        id[32..36].copy_from_slice(&[10, 0, 0, 9]);
        body.extend_from_slice(&id);
        body.extend_from_slice(&[0; 16]);
        body.extend_from_slice(&77_u32.to_ne_bytes());
        let socket = parse(&body, 6).unwrap();
        assert_eq!(socket.remote(), IpAddr::V4(Ipv4Addr::new(10, 0, 0, 9)));
        assert_eq!((socket.local_port(), socket.remote_port(), socket.inode), (22, 50_000, 77));
        assert!(socket.is_established());
        assert_eq!(parse(&body[..60], 6), None, "a torn answer is no socket");
    }
}
