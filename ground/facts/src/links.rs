//! Network interfaces, as rtnetlink tells them: read once, used by many tables.
//!
//! Source: rtnetlink(7), linux/if_link.h.

use std::collections::BTreeMap;
use std::sync::Arc;

use stanch_words::{Gap, Seen};

use crate::Host;
use crate::netlink::{self, Attributes, u16_at, u32_at, u64_at};

/// One interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) index: u32,
    pub(crate) name: String,
    /// `ARPHRD_*`: 1 Ethernet, 772 loopback.
    pub(crate) hardware: u16,
    pub(crate) flags: u32,
    pub(crate) mac: String,
    pub(crate) mtu: Option<u32>,
    pub(crate) master: Option<u32>,
    pub(crate) peer: Option<u32>,
    pub(crate) kind: String,
    pub(crate) promiscuity: Option<u32>,
    pub(crate) all_multicast: Option<u32>,
    pub(crate) xdp_program: Option<u32>,
    pub(crate) state: Option<u8>,
    /// `struct rtnl_link_stats64`.
    pub(crate) counters: Vec<u64>,
}

/// All interfaces of our network namespace.
#[derive(Debug, Default)]
pub(crate) struct Links {
    pub(crate) by_index: BTreeMap<u32, Link>,
    pub(crate) gaps: Vec<Gap>,
}

impl Links {
    /// Returns the interfaces, read once; a table that uses them has their gaps.
    pub(crate) fn of(host: &Host, table: &str, seen: &mut Seen) -> Arc<Self> {
        let links = host.once(|host| {
            let mut seen = Seen::default();
            // RTM_GETLINK 18 with a `struct ifinfomsg` of zeros.
            let request = (netlink::ROUTE, 18);
            let datagrams = netlink::dump(host, "", request, &[0; 16], &mut seen);
            let by_index = parse(&datagrams, "", &mut seen);
            Self { by_index, gaps: seen.gaps }
        });
        for gap in &links.gaps {
            seen.gap(Gap { what: table.to_owned(), ..gap.clone() });
        }
        links
    }

    /// Returns an interface's name, or its number where it has none here.
    pub(crate) fn name(&self, index: u32) -> String {
        match self.by_index.get(&index) {
            Some(link) => link.name.clone(),
            None if index == 0 => String::new(),
            None => index.to_string(),
        }
    }
}

/// Parses `RTM_NEWLINK` messages. One that is not understood is a gap.
pub(crate) fn parse(datagrams: &[Vec<u8>], table: &str, seen: &mut Seen) -> BTreeMap<u32, Link> {
    let mut links = BTreeMap::new();
    for message in netlink::messages(datagrams, table, seen) {
        match one(message.body) {
            Some(link) if message.kind == 16 => {
                links.insert(link.index, link);
            }
            _ => netlink::damaged(table, "an interface message is not understood", seen),
        }
    }
    links
}

fn one(body: &[u8]) -> Option<Link> {
    let attributes = Attributes::of(body.get(16..)?);
    let name = attributes.text(3).filter(|_| attributes.whole)?;
    let info = attributes.inside(18);
    // IFLA_XDP: its id, else that of the driver, generic or offloaded program.
    let xdp = attributes.inside(43);
    let xdp_program = [4, 5, 6, 7].into_iter().find_map(|kind| xdp.u32(kind).filter(|&id| id > 0));
    let counters = attributes.get(23).unwrap_or_default();
    Some(Link {
        index: u32_at(body, 4)?,
        name: stanch_words::text::from_bytes(name),
        hardware: u16_at(body, 2)?,
        flags: u32_at(body, 8)?,
        mac: netlink::hardware_address(attributes.get(1).unwrap_or_default()),
        mtu: attributes.u32(4),
        master: attributes.u32(10),
        peer: attributes.u32(5),
        kind: stanch_words::text::from_bytes(info.text(1).unwrap_or_default()),
        promiscuity: attributes.u32(30),
        all_multicast: attributes.u32(61),
        xdp_program,
        state: attributes.get(16).and_then(|data| data.first().copied()),
        counters: (0..10).map_while(|n: usize| u64_at(counters, n.saturating_mul(8))).collect(),
    })
}

#[cfg(test)]
pub(crate) fn made(index: u32, name: &str, extra: &[Vec<u8>]) -> Vec<u8> {
    use crate::netlink::made::{attribute, message};
    let mut body = vec![0_u8; 16];
    body[2..4].copy_from_slice(&1_u16.to_ne_bytes());
    body[4..8].copy_from_slice(&index.to_ne_bytes());
    body[8..12].copy_from_slice(&0x1003_u32.to_ne_bytes());
    body.extend(attribute(3, format!("{name}\0").as_bytes()));
    body.extend(extra.concat());
    message(16, &body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::made::{attribute, cut_everywhere};

    #[test]
    fn a_promiscuous_veth_with_a_program() {
        let mut seen = Seen::default();
        let datagram = made(
            7,
            "veth0",
            &[
                attribute(1, &[2, 0, 0, 0, 0, 1]),
                attribute(18, &attribute(1, b"veth\0")),
                attribute(30, &1_u32.to_ne_bytes()),
                attribute(0x8000 | 43, &attribute(4, &99_u32.to_ne_bytes())),
            ],
        );
        let links = parse(&[datagram], "t", &mut seen);
        let link = &links[&7];
        assert_eq!((link.name.as_str(), link.mac.as_str()), ("veth0", "02:00:00:00:00:01"));
        assert_eq!(
            (link.kind.as_str(), link.promiscuity, link.xdp_program),
            ("veth", Some(1), Some(99))
        );
        assert_eq!(seen.gaps, []);
    }

    #[test]
    fn cut_at_every_byte() {
        let whole = [made(1, "lo", &[]), made(2, "eth0", &[attribute(4, &[0; 4])])].concat();
        cut_everywhere(&whole, |datagrams| {
            let mut seen = Seen::default();
            (parse(datagrams, "t", &mut seen).len(), seen.gaps.len())
        });
    }
}
