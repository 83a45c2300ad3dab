//! Addresses of network interfaces.
//!
//! Source: rtnetlink(7) `RTM_GETADDR`, linux/if_addr.h.

use stanch_words::{Ask, Row, Seen, table_spec};

use crate::Host;
use crate::links::Links;
use crate::netlink::{self, Attributes, address, u32_at};

table_spec! {
    /// Addresses.
    pub static SPEC, col = "interface_addresses": Live, "Addresses of network interfaces, one row each.";
    interface Text Index "Interface name.";
    address Text Plain "IP address.";
    mask Text Plain "Netmask.";
    broadcast Text Plain "Broadcast address.";
    point_to_point Text Plain "Peer's address on a point-to-point link.";
    r#type Text Plain "dhcp if the address expires, manual if it stays.";
    family Text Plain "inet or inet6.";
    prefix_length Integer Plain "Length of the network's prefix in bits.";
    scope Text Plain "global, site, link, host or nowhere.";
    flags Integer Plain "Address flags (IFA_F_*).";
}

/// Asks rtnetlink.
pub(crate) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    let links = Links::of(host, SPEC.name, seen);
    let datagrams = netlink::dump(host, SPEC.name, (netlink::ROUTE, 22), &[0; 8], seen);
    parse(&datagrams, &links, seen);
}

fn parse(datagrams: &[Vec<u8>], links: &Links, seen: &mut Seen) {
    for message in netlink::messages(datagrams, SPEC.name, seen) {
        match one(message.body, links) {
            Some(row) if message.kind == 20 => seen.push(row),
            _ => netlink::damaged(SPEC.name, "an address message is not understood", seen),
        }
    }
}

fn one(body: &[u8], links: &Links) -> Option<Row> {
    let [family, length, flags, scope, ..] = *body.first_chunk::<8>()?;
    let attributes = Attributes::of(body.get(8..)?);
    // IFA_LOCAL is our own end of a point-to-point link, IFA_ADDRESS then the other one.
    let (peer, own) = (attributes.get(1), attributes.get(2));
    let own_or_peer = own.or(peer).filter(|_| attributes.whole)?;
    let peer = peer.filter(|&peer| own.is_some_and(|own| own != peer));
    let flags = attributes.u32(8).unwrap_or(u32::from(flags));
    let mut row = SPEC.row();
    row.put(col::interface, links.name(u32_at(body, 4)?))
        .put(col::address, address(own_or_peer)?)
        .put(col::mask, mask(family, length))
        .put(col::broadcast, attributes.get(4).and_then(address).unwrap_or_default())
        .put(col::point_to_point, peer.and_then(address).unwrap_or_default())
        // IFA_F_PERMANENT: no lifetime was given.
        .put(col::r#type, if flags & 0x80 == 0 { "dhcp" } else { "manual" })
        .put(col::family, if family == 2 { "inet" } else { "inet6" })
        .put(col::prefix_length, length)
        .put(col::scope, super::routes::scope(scope))
        .put(col::flags, flags);
    Some(row)
}

fn mask(family: u8, length: u8) -> Option<String> {
    let length = u32::from(length);
    if family == 2 {
        let bits = u32::MAX.checked_shl(32_u32.checked_sub(length)?).unwrap_or(0);
        return Some(std::net::Ipv4Addr::from(bits).to_string());
    }
    let bits = u128::MAX.checked_shl(128_u32.checked_sub(length)?).unwrap_or(0);
    Some(std::net::Ipv6Addr::from(bits).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::made::{attribute, cut_everywhere, message};

    fn made(own: [u8; 4], peer: [u8; 4]) -> Vec<u8> {
        let mut body = vec![2, 24, 0x80, 0, 1, 0, 0, 0];
        body.extend(attribute(1, &peer));
        body.extend(attribute(2, &own));
        message(20, &body)
    }

    fn seen_of(datagrams: &[Vec<u8>]) -> Seen {
        let mut seen = Seen::default();
        parse(datagrams, &Links::default(), &mut seen);
        seen
    }

    #[test]
    fn a_tunnel_has_a_peer() {
        let seen = seen_of(&[made([10, 8, 0, 2], [10, 8, 0, 1])]);
        let row = &seen.rows[0];
        assert_eq!(row.get(col::address).as_text(), Some("10.8.0.2"));
        assert_eq!(row.get(col::point_to_point).as_text(), Some("10.8.0.1"));
        assert_eq!(row.get(col::mask).as_text(), Some("255.255.255.0"));
        assert_eq!(row.get(col::r#type).as_text(), Some("manual"));
    }

    #[test]
    fn masks_of_all_lengths_and_of_none() {
        assert_eq!(mask(2, 0).as_deref(), Some("0.0.0.0"));
        assert_eq!(mask(2, 33), None);
        assert_eq!(mask(10, 64).as_deref(), Some("ffff:ffff:ffff:ffff::"));
    }

    #[test]
    fn cut_at_every_byte() {
        cut_everywhere(&made([10, 8, 0, 2], [10, 8, 0, 2]), |datagrams| {
            let seen = seen_of(datagrams);
            (seen.rows.len(), seen.gaps.len())
        });
    }
}
