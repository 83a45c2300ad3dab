//! Which hardware address stands for which neighbour.
//!
//! Source: rtnetlink(7) `RTM_GETNEIGH`, linux/neighbour.h. IPv6 neighbours are rows too. Entries
//! that need no resolution (multicast, loopback) are left out, as in `/proc/net/arp`.

use stanch_words::{Ask, Row, Seen, table_spec};

use crate::Host;
use crate::links::Links;
use crate::netlink::{self, Attributes, address, hardware_address, u16_at, u32_at};

table_spec! {
    /// Neighbours.
    pub static SPEC, col = "arp_cache": Live, "Neighbours and their hardware addresses, one row each.";
    address Text Plain "IP address.";
    mac Text Plain "Hardware address; zeros while it is not known.";
    interface Text Plain "Interface.";
    permanent Text Plain "1 if it was set by hand, else 0.";
    family Text Plain "inet or inet6.";
    state Text Plain "incomplete, reachable, stale, delay, probe, failed or permanent.";
    router Integer Plain "1 if the neighbour says it is a router (IPv6).";
}

/// Asks rtnetlink.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    let links = Links::of(host, SPEC.name, seen);
    let datagrams = netlink::dump(host, SPEC.name, (netlink::ROUTE, 30), &[0; 12], seen);
    parse(&datagrams, &links, seen);
}

fn parse(datagrams: &[Vec<u8>], links: &Links, seen: &mut Seen) {
    for message in netlink::messages(datagrams, SPEC.name, seen) {
        if message.kind != 28 || !one(message.body, links, seen) {
            netlink::damaged(SPEC.name, "a neighbour message is not understood", seen);
        }
    }
}

/// `NUD_NOARP`.
const NEEDS_NO_RESOLUTION: u16 = 0x40;

fn one(body: &[u8], links: &Links, seen: &mut Seen) -> bool {
    let (Some(&family), Some(index), Some(state), Some(&flags)) =
        (body.first(), u32_at(body, 4), u16_at(body, 8), body.get(10))
    else {
        return false;
    };
    let Some(rest) = body.get(12..) else { return false };
    let attributes = Attributes::of(rest);
    if !attributes.whole {
        return false;
    }
    // A bridge's forwarding entries (AF_BRIDGE 7) are no neighbours.
    if (family != 2 && family != 10) || state & NEEDS_NO_RESOLUTION != 0 {
        return true;
    }
    let Some(neighbour) = attributes.get(1).and_then(address) else { return false };
    let mac = attributes.get(2).map(hardware_address);
    let mut row: Row = SPEC.row();
    row.put(col::address, neighbour)
        .put(col::mac, mac.unwrap_or_else(|| "00:00:00:00:00:00".to_owned()))
        .put(col::interface, links.name(index))
        .put(col::permanent, if state & 0x80 == 0 { "0" } else { "1" })
        .put(col::family, if family == 2 { "inet" } else { "inet6" })
        .put(col::state, state_name(state))
        .put(col::router, flags & 0x80 != 0);
    seen.push(row);
    true
}

fn state_name(state: u16) -> &'static str {
    match state {
        0x01 => "incomplete",
        0x02 => "reachable",
        0x04 => "stale",
        0x08 => "delay",
        0x10 => "probe",
        0x20 => "failed",
        0x80 => "permanent",
        _ => "none",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::made::{attribute, cut_everywhere, message};

    fn made(last: u8, state: u16) -> Vec<u8> {
        let [low, high] = state.to_ne_bytes();
        let mut body = vec![2, 0, 0, 0, 2, 0, 0, 0, low, high, 0, 1];
        body.extend(attribute(1, &[10, 0, 0, last]));
        body.extend(attribute(2, &[2, 0, 0, 0, 0, 9]));
        message(28, &body)
    }

    fn seen_of(datagrams: &[Vec<u8>]) -> Seen {
        let mut seen = Seen::default();
        parse(datagrams, &Links::default(), &mut seen);
        seen
    }

    #[test]
    fn one_hardware_address_for_the_gateway_and_another_host() {
        let seen = seen_of(&[[made(1, 2), made(7, 0x80), made(9, 0x40)].concat()]);
        let texts: Vec<String> = seen
            .rows
            .iter()
            .map(|row| {
                [col::address, col::mac, col::permanent, col::state]
                    .map(|column| row.get(column).to_string())
                    .join(" ")
            })
            .collect();
        assert_eq!(
            texts,
            ["10.0.0.1 02:00:00:00:00:09 0 reachable", "10.0.0.7 02:00:00:00:00:09 1 permanent"]
        );
        assert_eq!(seen.gaps, []);
    }

    #[test]
    fn cut_at_every_byte() {
        cut_everywhere(&made(1, 2), |datagrams| {
            let seen = seen_of(datagrams);
            (seen.rows.len(), seen.gaps.len())
        });
    }
}
