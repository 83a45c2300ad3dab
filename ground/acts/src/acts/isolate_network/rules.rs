//! The rules of an order.
//!
//! ```text
//! every chain: loopback goes on → while nothing is armed, all goes on → what is kept goes on
//!              → ARP, neighbour discovery, DHCP go on → the rest is counted and dropped
//! ```
//! The policy of each chain is to accept: with any other, the time running out would not open.

use std::net::IpAddr;

use super::order::{Level, Order};
use super::{DEVICE_TABLE, TABLE};
use crate::nft::{
    Base, Chain, Compare, Family, Key, Meta, Rule, Set, Table, remove, renew, replace,
};
use crate::responder::Keep;

/// Before connections are tracked (-200) and before `raw` (-300).
const FIRST: i32 = -350;
/// After connections are tracked.
const TRACKED: i32 = -150;
/// Hooks of the family inet (`NF_INET_LOCAL_IN`, `NF_INET_FORWARD`, `NF_INET_LOCAL_OUT`).
const IN: u32 = 1;
const FORWARD: u32 = 2;
const OUT: u32 = 3;
/// Hooks of the family netdev (`NF_NETDEV_INGRESS`, `NF_NETDEV_EGRESS`).
const INGRESS: u32 = 0;
const EGRESS: u32 = 1;
/// `ARPHRD_LOOPBACK`.
const LOOPBACK: u16 = 772;
/// Transport protocols (IANA).
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMP: u8 = 1;
const ICMP_SIX: u8 = 58;
/// The set whose element's time runs out, and the element.
pub(super) const ARMED: &str = "armed";
const MARK: [u8; 4] = [0, 0, 0, 1];

/// Which side of a packet is the other machine's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    /// It comes in: the source.
    Source,
    /// It goes out: the destination.
    Destination,
}

/// Returns the messages that make the rules, in place of any that we made before.
pub(super) fn of(order: &Order) -> Vec<Vec<u8>> {
    let mut messages = replace(&inet(order));
    if order.covers_devices() {
        messages.extend(replace(&devices(order)));
    } else {
        messages.extend(remove(Family::Netdev, DEVICE_TABLE));
    }
    messages
}

/// Returns how many rules an order makes.
pub(super) fn count(order: &Order) -> usize {
    let of = |table: &Table| table.chains.iter().map(|chain| chain.rules.len()).sum::<usize>();
    let at_devices = if order.covers_devices() { of(&devices(order)) } else { 0 };
    of(&inet(order)).saturating_add(at_devices)
}

/// Returns the messages that remove the rules.
pub(super) fn removed() -> Vec<Vec<u8>> {
    let mut messages = remove(Family::Inet, TABLE);
    messages.extend(remove(Family::Netdev, DEVICE_TABLE));
    messages
}

/// Returns the messages that give the cut a new time.
pub(super) fn renewed(order: &Order, seconds: u64) -> Vec<Vec<u8>> {
    let mut messages = renew(Family::Inet, TABLE, &armed(seconds));
    if order.covers_devices() {
        messages.extend(renew(Family::Netdev, DEVICE_TABLE, &armed(seconds)));
    }
    messages
}

/// The set that holds one element while the cut applies.
fn armed(seconds: u64) -> Set {
    let timeout = Some(seconds.saturating_mul(1000));
    Set { name: ARMED, key: Key::Mark, elements: vec![(MARK.to_vec(), timeout)] }
}

/// Lets everything go on once the element is gone. Nothing of the packet is asked, so that frames
/// of every kind are held alike.
fn gate() -> Rule {
    Rule::new().constant(&MARK).without(ARMED).accept()
}

fn inet(order: &Order) -> Table {
    let priority = if order.level == Level::Egress { TRACKED } else { FIRST };
    let chain = |name, hook, rules| Chain { name, hook, priority, devices: Vec::new(), rules };
    let mut chains = vec![chain("output", OUT, local(order, Side::Destination))];
    if order.level != Level::Egress {
        chains.push(chain("input", IN, local(order, Side::Source)));
    }
    chains.push(chain("forwarded", FORWARD, forwarded(order)));
    Table { family: Family::Inet, name: TABLE, sets: sets(order), chains }
}

fn devices(order: &Order) -> Table {
    let chain = |name, hook, side| Chain {
        name,
        hook,
        priority: FIRST,
        devices: order.devices.clone(),
        rules: framed(order, side),
    };
    let chains =
        vec![chain("egress", EGRESS, Side::Destination), chain("ingress", INGRESS, Side::Source)];
    Table { family: Family::Netdev, name: DEVICE_TABLE, sets: sets(order), chains }
}

/// Whole addresses that are blocked stand in sets: ten thousand rules would be asked one by one.
fn sets(order: &Order) -> Vec<Set> {
    let mut sets = vec![armed(order.seconds)];
    if order.level == Level::Block {
        let timeout = Some(order.seconds.saturating_mul(1000));
        let bytes = |address: IpAddr| match address {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        };
        let of = |wanted: bool| {
            let mut list: Vec<Vec<u8>> = order
                .block
                .iter()
                .filter(|one| is_whole(one) && one.address.is_ipv4() == wanted)
                .map(|one| bytes(one.address))
                .collect();
            list.sort();
            list.dedup();
            list.into_iter().map(|key| (key, timeout)).collect()
        };
        sets.push(Set { name: "blocked4", key: Key::Four, elements: of(true) });
        sets.push(Set { name: "blocked6", key: Key::Six, elements: of(false) });
    }
    sets
}

fn is_whole(one: &Keep) -> bool {
    one.length == if one.address.is_ipv4() { 32 } else { 128 }
}

/// Rules for what comes in or goes out of this machine itself.
fn local(order: &Order, side: Side) -> Vec<Rule> {
    let kind = if side == Side::Source { Meta::InKind } else { Meta::OutKind };
    let loopback = Rule::new().meta(kind).compare(Compare::Equal, &LOOPBACK.to_ne_bytes()).accept();
    let mut rules = vec![loopback, gate()];
    if order.level == Level::Block {
        rules.extend(blocked(order, side, family));
        return rules;
    }
    rules.extend(order.keep.iter().flat_map(|keep| kept(keep, side, family)));
    rules.extend(housekeeping(side, family));
    if order.level == Level::Egress {
        rules.push(Rule::new().direction().compare(Compare::Equal, &[1]).accept());
    }
    rules.push(Rule::new().counted().drop());
    rules
}

/// Rules for frames at a device, of whatever origin.
fn framed(order: &Order, side: Side) -> Vec<Rule> {
    let mut rules = vec![gate()];
    if order.level == Level::Block {
        rules.extend(blocked(order, side, frame));
        return rules;
    }
    // ARP, and the port's own log-in where a switch asks for one (802.1X).
    for kind in [[8, 6], [0x88, 0x8e]] {
        rules.push(Rule::new().meta(Meta::Protocol).compare(Compare::Equal, &kind).accept());
    }
    rules.extend(order.keep.iter().flat_map(|keep| kept(keep, side, frame)));
    rules.extend(housekeeping(side, frame));
    rules.push(Rule::new().counted().drop());
    rules
}

/// Rules for what passes through this machine: containers and virtual machines.
fn forwarded(order: &Order) -> Vec<Rule> {
    let mut rules = vec![gate()];
    match order.level {
        Level::Block => {
            rules.extend(blocked(order, Side::Source, family));
            rules.extend(blocked(order, Side::Destination, family));
        }
        Level::Egress => {
            for keep in &order.keep {
                rules.extend(kept(keep, Side::Destination, family));
            }
            for uplink in &order.uplinks {
                let mut name = uplink.as_bytes().to_vec();
                name.resize(16, 0);
                let out = Rule::new().meta(Meta::OutName).compare(Compare::Equal, &name);
                rules.push(out.direction().compare(Compare::Equal, &[0]).counted().drop());
            }
        }
        Level::Isolate | Level::Blind => rules.push(Rule::new().counted().drop()),
    }
    rules
}

/// Begins a rule for IPv4 or IPv6 where both pass.
fn family(rule: Rule, four: bool) -> Rule {
    rule.meta(Meta::Family).compare(Compare::Equal, &[if four { 2 } else { 10 }])
}

/// Begins a rule for IPv4 or IPv6 at a device.
fn frame(rule: Rule, four: bool) -> Rule {
    let kind: [u8; 2] = if four { [8, 0] } else { [0x86, 0xdd] };
    rule.meta(Meta::Protocol).compare(Compare::Equal, &kind)
}

/// Loads the other side's address.
fn address(rule: Rule, side: Side, four: bool) -> Rule {
    // Offsets in the headers of RFC 791 and RFC 8200.
    let (offset, length) = match (four, side) {
        (true, Side::Source) => (12, 4),
        (true, Side::Destination) => (16, 4),
        (false, Side::Source) => (8, 16),
        (false, Side::Destination) => (24, 16),
    };
    rule.payload(Base::Network, offset, length)
}

/// Goes on only if the other side's address lies in a network.
fn within(rule: Rule, one: &Keep, side: Side) -> Rule {
    let (four, bytes) = match one.address {
        IpAddr::V4(address) => (true, address.octets().to_vec()),
        IpAddr::V6(address) => (false, address.octets().to_vec()),
    };
    let mask = one.mask();
    let network: Vec<u8> = bytes.iter().zip(&mask).map(|(byte, mask)| byte & mask).collect();
    let rule = address(rule, side, four);
    let rule = if is_whole(one) { rule } else { rule.mask(&mask) };
    rule.compare(Compare::Equal, &network)
}

/// Rules that let what is kept go on.
fn kept(keep: &Keep, side: Side, begin: fn(Rule, bool) -> Rule) -> Vec<Rule> {
    let four = keep.address.is_ipv4();
    let Some(port) = keep.port else {
        return vec![within(begin(Rule::new(), four), keep, side).counted().accept()];
    };
    let mut rules = Vec::new();
    for protocol in [TCP, UDP] {
        // The port may be ours (they come to us) or theirs (we go to them).
        for offset in [0, 2] {
            let rule = within(begin(Rule::new(), four), keep, side);
            let rule = rule.meta(Meta::Transport).compare(Compare::Equal, &[protocol]);
            let rule = rule.payload(Base::Transport, offset, 2);
            rules.push(rule.compare(Compare::Equal, &port.to_be_bytes()).counted().accept());
        }
    }
    rules
}

/// Rules without which what is kept would die: neighbour discovery, the size of the path, DHCP.
fn housekeeping(side: Side, begin: fn(Rule, bool) -> Rule) -> Vec<Rule> {
    let transport = |four: bool, protocol: u8| {
        let rule = begin(Rule::new(), four).meta(Meta::Transport);
        rule.compare(Compare::Equal, &[protocol])
    };
    // Router and neighbour solicitation and advertisement (RFC 4861).
    let neighbours = transport(false, ICMP_SIX).payload(Base::Transport, 0, 1);
    let neighbours = neighbours.compare(Compare::AtLeast, &[133]).compare(Compare::AtMost, &[136]);
    let mut rules = vec![neighbours.accept()];
    // Ports of who asks and of who answers (RFC 2131, RFC 8415).
    for (four, client, server) in [(true, 68_u16, 67_u16), (false, 546, 547)] {
        let (from, to) = if side == Side::Source { (server, client) } else { (client, server) };
        let ports = [from.to_be_bytes(), to.to_be_bytes()].concat();
        let rule = transport(four, UDP).payload(Base::Transport, 0, 4);
        rules.push(rule.compare(Compare::Equal, &ports).accept());
    }
    if side == Side::Source {
        // "Fragmentation needed" (RFC 1191) and "packet too big" (RFC 4443).
        let small = transport(true, ICMP).payload(Base::Transport, 0, 2);
        rules.push(small.compare(Compare::Equal, &[3, 4]).accept());
        let small = transport(false, ICMP_SIX).payload(Base::Transport, 0, 1);
        rules.push(small.compare(Compare::Equal, &[2]).accept());
    }
    rules
}

/// Rules that drop what is blocked.
fn blocked(order: &Order, side: Side, begin: fn(Rule, bool) -> Rule) -> Vec<Rule> {
    let mut rules = Vec::new();
    for (four, set) in [(true, "blocked4"), (false, "blocked6")] {
        let rule = address(begin(Rule::new(), four), side, four);
        rules.push(rule.within(set).counted().drop());
    }
    let networks = order.block.iter().filter(|one| !is_whole(one));
    rules.extend(
        networks.map(|one| {
            within(begin(Rule::new(), one.address.is_ipv4()), one, side).counted().drop()
        }),
    );
    rules
}
