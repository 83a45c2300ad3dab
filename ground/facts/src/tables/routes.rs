//! Where packets go.
//!
//! Source: rtnetlink(7) `RTM_GETROUTE`, linux/rtnetlink.h. A route with several next hops gives a
//! row for each.

use stanch_words::{Ask, Row, Seen, table_spec};

use crate::Host;
use crate::links::Links;
use crate::netlink::{self, Attributes, address, u16_at, u32_at};

table_spec! {
    /// Routes.
    pub static SPEC, col = "routes": Live, "Routes of all tables, one row a next hop.";
    destination Text Index "Destination network.";
    netmask Integer Plain "Length of its prefix in bits.";
    gateway Text Plain "Next hop.";
    source Text Plain "Address that packets get as their source.";
    flags Integer Plain "Route flags (RTM_F_*, RTNH_F_*).";
    interface Text Plain "Interface that packets leave by.";
    mtu Integer Plain "Largest packet, 0 if not set.";
    metric Integer Plain "Cost: the lowest wins.";
    r#type Text Plain "gateway, local, broadcast, multicast, blackhole, unreachable, prohibit or other.";
    hopcount Integer Plain "Hop limit of packets, 0 if not set.";
    family Text Plain "inet or inet6.";
    table_id Integer Plain "Routing table: 254 main, 255 local.";
    protocol Integer Plain "Who set it: 2 kernel, 3 boot, 4 an administrator, 16 dhcp, 186 bgp.";
    scope Text Plain "global, site, link, host or nowhere.";
    encapsulation Integer Plain "Kind of light-weight tunnel (LWTUNNEL_ENCAP_*), 0 for none.";
}

/// Asks rtnetlink.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    let links = Links::of(host, SPEC.name, seen);
    let datagrams = netlink::dump(host, SPEC.name, (netlink::ROUTE, 26), &[0; 12], seen);
    parse(&datagrams, &links, seen);
}

/// One way a route leads: interface, gateway, flags.
type Hop = (Option<u32>, Option<String>, u32);

fn parse(datagrams: &[Vec<u8>], links: &Links, seen: &mut Seen) {
    for message in netlink::messages(datagrams, SPEC.name, seen) {
        if message.kind != 24 || !one(message.body, links, seen) {
            netlink::damaged(SPEC.name, "a route message is not understood", seen);
        }
    }
}

/// Adds the rows of one route; returns whether it was understood.
fn one(body: &[u8], links: &Links, seen: &mut Seen) -> bool {
    let Some(&[family, length, _, _, table, protocol, scope_number, kind, ..]) =
        body.first_chunk::<12>()
    else {
        return false;
    };
    let flags = u32_at(body, 8).unwrap_or(0);
    let attributes = Attributes::of(body.get(12..).unwrap_or_default());
    if !attributes.whole {
        return false;
    }
    // RTM_F_CLONED: a cached lookup, not a route. 2 and 10: IPv4 and IPv6; the rest is no IP.
    if flags & 0x200 != 0 || (family != 2 && family != 10) {
        return true;
    }
    let any = if family == 2 { "0.0.0.0" } else { "::" };
    let metrics = attributes.inside(8);
    let mut row = SPEC.row();
    let destination = attributes.get(1).and_then(address);
    row.put(col::destination, destination.unwrap_or_else(|| any.to_owned()))
        .put(col::netmask, length)
        .put(col::source, attributes.get(7).and_then(address).unwrap_or_default())
        .put(col::mtu, metrics.u32(2).unwrap_or(0))
        .put(col::metric, attributes.u32(6).unwrap_or(0))
        .put(col::r#type, kind_name(kind))
        .put(col::hopcount, metrics.u32(10).unwrap_or(0))
        .put(col::family, if family == 2 { "inet" } else { "inet6" })
        .put(col::table_id, attributes.u32(15).unwrap_or(u32::from(table)))
        .put(col::protocol, protocol)
        .put(col::scope, scope(scope_number))
        .put(col::encapsulation, attributes.get(21).and_then(|d| u16_at(d, 0)).unwrap_or(0));
    for hop in hops(&attributes, flags) {
        seen.push(with_hop(row.clone(), hop, links));
    }
    true
}

fn with_hop(mut row: Row, (interface, gateway, flags): Hop, links: &Links) -> Row {
    row.put(col::interface, interface.map(|index| links.name(index)).unwrap_or_default())
        .put(col::gateway, gateway.unwrap_or_default())
        .put(col::flags, flags);
    row
}

fn hops(attributes: &Attributes<'_>, flags: u32) -> Vec<Hop> {
    let Some(mut rest) = attributes.get(9) else {
        return vec![(attributes.u32(4), gateway(attributes), flags)];
    };
    let mut hops = Vec::new();
    // struct rtnexthop { u16 length; u8 flags; u8 weight; i32 interface; } and attributes.
    while let Some(length) = u16_at(rest, 0).map(usize::from).filter(|&length| length >= 8) {
        let Some(hop) = rest.get(..length) else { break };
        let own = hop.get(2).copied().map_or(0, u32::from);
        let inner = Attributes::of(hop.get(8..).unwrap_or_default());
        hops.push((u32_at(hop, 4), gateway(&inner), flags | own));
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    if hops.is_empty() {
        hops.push((attributes.u32(4), gateway(attributes), flags));
    }
    hops
}

fn gateway(attributes: &Attributes<'_>) -> Option<String> {
    // RTA_VIA: a gateway of another family, after two bytes that name it.
    let via = || attributes.get(18).and_then(|data| data.get(2..));
    attributes.get(5).or_else(via).and_then(address)
}

fn kind_name(kind: u8) -> &'static str {
    match kind {
        1 => "gateway",
        2 => "local",
        3 => "broadcast",
        4 => "anycast",
        5 => "multicast",
        6 => "blackhole",
        7 => "unreachable",
        8 => "prohibit",
        9 => "throw",
        10 => "nat",
        _ => "other",
    }
}

/// Returns the name of a scope (`rt_scope_t`).
pub(super) fn scope(number: u8) -> String {
    match number {
        0 => "global".to_owned(),
        200 => "site".to_owned(),
        253 => "link".to_owned(),
        254 => "host".to_owned(),
        255 => "nowhere".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::made::{attribute, cut_everywhere, message};

    fn made(attributes: &[Vec<u8>]) -> Vec<u8> {
        let mut body = vec![2, 0, 0, 0, 254, 4, 0, 1, 0, 0, 0, 0];
        body.extend(attributes.concat());
        message(24, &body)
    }

    fn seen_of(datagrams: &[Vec<u8>]) -> Seen {
        let mut seen = Seen::default();
        parse(datagrams, &Links::default(), &mut seen);
        seen
    }

    fn texts(seen: &Seen) -> Vec<String> {
        let columns = [col::destination, col::netmask, col::gateway, col::interface, col::metric];
        seen.rows
            .iter()
            .map(|row| columns.map(|column| row.get(column).to_string()).join(" "))
            .collect()
    }

    #[test]
    fn a_default_route_and_one_with_two_hops() {
        let hop = |index: u32, gateway: [u8; 4]| {
            let inner = attribute(5, &gateway);
            let length = u16::try_from(inner.len() + 8).unwrap();
            [&length.to_ne_bytes()[..], &[0, 0], &index.to_ne_bytes(), &inner].concat()
        };
        let seen = seen_of(&[
            made(&[
                attribute(5, &[10, 0, 0, 1]),
                attribute(4, &3_u32.to_ne_bytes()),
                attribute(6, &100_u32.to_ne_bytes()),
            ]),
            made(&[attribute(9, &[hop(3, [10, 0, 0, 1]), hop(4, [10, 0, 1, 1])].concat())]),
        ]);
        assert_eq!(
            texts(&seen),
            ["0.0.0.0 0 10.0.0.1 3 100", "0.0.0.0 0 10.0.0.1 3 0", "0.0.0.0 0 10.0.1.1 4 0"]
        );
        assert_eq!(seen.rows[0].get(col::r#type).as_text(), Some("gateway"));
        assert_eq!(seen.gaps, []);
    }

    #[test]
    fn cut_at_every_byte() {
        let whole = made(&[attribute(5, &[10, 0, 0, 1]), attribute(4, &3_u32.to_ne_bytes())]);
        cut_everywhere(&whole, |datagrams| {
            let seen = seen_of(datagrams);
            (seen.rows.len(), seen.gaps.len())
        });
    }
}
