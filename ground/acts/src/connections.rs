//! Connections that the packet filter tracks, and their end.
//!
//! A connection that was cut and is still tracked goes on as soon as the network is opened.
//!
//! Source: linux/netfilter/nfnetlink_conntrack.h.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use stanch_machine::{Changing, Kernel, Miss};

use crate::netlink::{self, Wants};

/// `NFNL_SUBSYS_CTNETLINK`, the upper byte of each message kind; `IPCTNL_MSG_CT_GET`, `..._DELETE`.
const SUBSYSTEM: u16 = 1 << 8;
const GET: u16 = SUBSYSTEM | 1;
const DELETE: u16 = SUBSYSTEM | 2;
/// `CTA_TUPLE_ORIG`.
const ORIGINAL: u16 = 1;

/// A connection as it began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Connection {
    family: u8,
    /// What names it, as the kernel wrote it.
    tuple: Vec<u8>,
    /// Who began it, and from which port.
    pub(crate) from: (IpAddr, u16),
    /// To whom, and to which port.
    pub(crate) to: (IpAddr, u16),
}

#[cfg(test)]
impl Connection {
    /// Returns a connection of IPv4 between two ends.
    pub(crate) fn of(from: (IpAddr, u16), to: (IpAddr, u16)) -> Self {
        Self { family: 2, tuple: Vec::new(), from, to }
    }
}

/// Returns all tracked connections. Where the kernel was built without tracking, or its module is
/// not loaded, there are none: it refuses the question, each version with another reason.
pub(crate) fn all(kernel: &dyn Kernel) -> Vec<Connection> {
    let mut found = Vec::new();
    for family in [2, 10] {
        let request = netlink::request(GET, Wants::List, &[family, 0, 0, 0]);
        if let Ok(answers) = kernel.netlink(netlink::NETFILTER, &request) {
            found.extend(netlink::bodies(&answers).into_iter().filter_map(parse));
        }
    }
    found
}

/// Takes one message apart: `struct nfgenmsg`, then attributes.
fn parse(body: &[u8]) -> Option<Connection> {
    let (&family, rest) = body.split_first()?;
    let attributes = netlink::attributes(rest.get(3..)?);
    let tuple = attribute(&attributes, ORIGINAL)?;
    let parts = netlink::attributes(tuple);
    // CTA_TUPLE_IP: sources 1 and 3, destinations 2 and 4.
    let addresses = netlink::attributes(attribute(&parts, 1)?);
    let address = |kinds: [u16; 2]| kinds.into_iter().find_map(|k| attribute(&addresses, k));
    // CTA_TUPLE_PROTO: ports 2 and 3, in network order; ICMP has none.
    let protocol = netlink::attributes(attribute(&parts, 2)?);
    let port = |kind| {
        let bytes = attribute(&protocol, kind).and_then(<[u8]>::first_chunk::<2>);
        bytes.map_or(0, |bytes| u16::from_be_bytes(*bytes))
    };
    Some(Connection {
        family,
        tuple: tuple.to_vec(),
        from: (ip(address([1, 3])?)?, port(2)),
        to: (ip(address([2, 4])?)?, port(3)),
    })
}

fn attribute<'a>(list: &[(u16, &'a [u8])], wanted: u16) -> Option<&'a [u8]> {
    list.iter().find(|(kind, _)| *kind == wanted).map(|(_, content)| *content)
}

fn ip(bytes: &[u8]) -> Option<IpAddr> {
    let six = |bytes: &[u8]| bytes.first_chunk::<16>().map(|six| Ipv6Addr::from(*six).into());
    let four = |bytes: &[u8]| bytes.first_chunk::<4>().map(|four| Ipv4Addr::from(*four).into());
    if bytes.len() == 4 { four(bytes) } else { six(bytes) }
}

/// Has a connection forgotten. One that is gone already is no trouble.
pub(crate) fn forget(hands: &dyn Changing, connection: &Connection) -> Result<(), Miss> {
    let mut body = vec![connection.family, 0, 0, 0];
    body.extend(netlink::attribute(ORIGINAL | 0x8000, &connection.tuple));
    let request = netlink::request(DELETE, Wants::Deed { flags: 0 }, &body);
    match hands.netlink_request(netlink::NETFILTER, &request) {
        Err(miss) if !miss.absent => Err(miss),
        _forgotten_or_gone => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::attribute;

    #[test]
    fn a_connection_is_told_by_who_began_it_and_to_whom() {
        let addresses = [attribute(1, &[10, 0, 0, 2]), attribute(2, &[203, 0, 113, 4])].concat();
        let ports = [attribute(1, &[6]), attribute(2, &[0x9c, 0x40]), attribute(3, &[1, 0xbb])];
        let tuple = [attribute(0x8001, &addresses), attribute(0x8002, &ports.concat())].concat();
        let body = [vec![2, 0, 0, 0], attribute(0x8001, &tuple)].concat();
        let told = parse(&body).unwrap();
        assert_eq!(told.from, ("10.0.0.2".parse().unwrap(), 40_000));
        assert_eq!(told.to, ("203.0.113.4".parse().unwrap(), 443));
        assert_eq!(told.tuple, tuple);
        assert_eq!(parse(&body[..20]), None, "a torn message is no connection");
    }
}
