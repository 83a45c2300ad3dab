//! Messages to nf_tables, made by us: no `nft` of the machine is needed or trusted.
//!
//! Source: linux/netfilter/nf_tables.h, linux/netfilter/nfnetlink.h; numbers go in network order.

mod rule;

use crate::netlink::{self, Wants};

pub(crate) use rule::{Base, Compare, Meta, Rule};

/// `NFNL_SUBSYS_NFTABLES`, the upper byte of each message kind.
const SUBSYSTEM: u16 = 10 << 8;
/// `NLM_F_CREATE`.
const CREATE: u16 = 0x400;
/// `NLM_F_APPEND`: a rule goes behind the others of its chain.
const APPEND: u16 = 0x800;

/// How many elements go in one message: an attribute holds 64 KiB, an element at most 64 bytes.
const ELEMENTS_A_MESSAGE: usize = 800;

/// A family of tables (`NFPROTO_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// IPv4 and IPv6 alike.
    Inet,
    /// Frames at a device.
    Netdev,
}

impl Family {
    fn number(self) -> u8 {
        match self {
            Self::Inet => 1,
            Self::Netdev => 5,
        }
    }
}

/// A table and everything in it.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) family: Family,
    pub(crate) name: &'static str,
    pub(crate) sets: Vec<Set>,
    pub(crate) chains: Vec<Chain>,
}

/// A set of keys.
#[derive(Clone, Debug)]
pub(crate) struct Set {
    pub(crate) name: &'static str,
    pub(crate) key: Key,
    /// Keys, and after how many milliseconds each is gone by itself.
    pub(crate) elements: Vec<(Vec<u8>, Option<u64>)>,
}

/// What a set's keys are (nft's own numbers for types, which only tools that list them need).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    /// A packet's mark, four bytes: for a number of our own.
    Mark,
    /// An IPv4 address.
    Four,
    /// An IPv6 address.
    Six,
}

impl Key {
    fn kind_and_length(self) -> (u32, u32) {
        match self {
            Self::Four => (7, 4),
            Self::Six => (8, 16),
            Self::Mark => (19, 4),
        }
    }
}

/// A base chain of type `filter` whose policy is to accept.
#[derive(Clone, Debug)]
pub(crate) struct Chain {
    pub(crate) name: &'static str,
    /// The hook's number in the family (`NF_INET_*`, `NF_NETDEV_*`).
    pub(crate) hook: u32,
    pub(crate) priority: i32,
    /// The devices of a netdev chain.
    pub(crate) devices: Vec<String>,
    pub(crate) rules: Vec<Rule>,
}

/// Returns the messages that make a table, after it was removed if it was there.
pub(crate) fn replace(table: &Table) -> Vec<Vec<u8>> {
    let mut messages = remove(table.family, table.name);
    messages.push(new_table(table.family, table.name));
    for (set, number) in table.sets.iter().zip(1_u32..) {
        messages.push(new_set(table, set, number));
        messages.extend(new_elements(table.family, table.name, set));
    }
    for chain in &table.chains {
        messages.push(new_chain(table, chain));
        for rule in &chain.rules {
            messages.push(message(table.family, 6, CREATE | APPEND, |all| {
                all.text(1, table.name);
                all.text(2, chain.name);
                all.nest(4, |list| rule.write(list));
            }));
        }
    }
    messages
}

/// Returns the messages that remove a table, whether it is there or not: it is made first.
pub(crate) fn remove(family: Family, name: &str) -> Vec<Vec<u8>> {
    vec![new_table(family, name), message(family, 2, 0, |all| all.text(1, name))]
}

/// Returns the messages that give elements of a set new times: out and in again, in one batch.
pub(crate) fn renew(family: Family, table: &str, set: &Set) -> Vec<Vec<u8>> {
    let mut messages = vec![flush_set(family, table, set.name)];
    messages.extend(new_elements(family, table, set));
    messages
}

/// Returns the question for the elements of a set.
pub(crate) fn ask_for_elements(family: Family, table: &str, set: &str) -> Vec<u8> {
    let mut all = Attributes::default();
    all.text(1, table);
    all.text(2, set);
    let body = [&[family.number(), 0, 0, 0], all.0.as_slice()].concat();
    netlink::request(SUBSYSTEM | 13, Wants::List, &body)
}

/// Returns after how many milliseconds each element of an answer is gone by itself.
pub(crate) fn expirations(body: &[u8]) -> Vec<u64> {
    // Behind `struct nfgenmsg`: the list, its elements, and of each `NFTA_SET_ELEM_EXPIRATION`.
    let attributes = body.get(4..).unwrap_or_default();
    let lists = netlink::attributes(attributes).into_iter().filter(|(kind, _)| *kind == 3);
    let elements = lists.flat_map(|(_, list)| netlink::attributes(list));
    let parts = elements.flat_map(|(_, element)| netlink::attributes(element));
    let times = parts.filter(|(kind, _)| *kind == 5);
    times
        .filter_map(|(_, data)| data.first_chunk::<8>().map(|time| u64::from_be_bytes(*time)))
        .collect()
}

/// Returns the question for a table by its name.
pub(crate) fn ask_for_table(family: Family, name: &str) -> Vec<u8> {
    let mut all = Attributes::default();
    all.text(1, name);
    let body = [&[family.number(), 0, 0, 0], all.0.as_slice()].concat();
    netlink::request(SUBSYSTEM | 1, Wants::Answer, &body)
}

/// Returns the question for all rules of a table.
pub(crate) fn ask_for_rules(family: Family, table: &str) -> Vec<u8> {
    let mut all = Attributes::default();
    all.text(1, table);
    let body = [&[family.number(), 0, 0, 0], all.0.as_slice()].concat();
    netlink::request(SUBSYSTEM | 7, Wants::List, &body)
}

/// A rule as the kernel tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// Its table and chain, and its expressions in order, without what they have counted.
    pub(crate) words: Vec<u8>,
    /// How many packets came to it, if it counts them.
    pub(crate) packets: Option<u64>,
    /// Whether it drops them.
    pub(crate) drops: bool,
}

/// Takes one rule of an answer apart (`NFTA_RULE_*`, `NFTA_EXPR_*`, `NFTA_COUNTER_*`).
pub(crate) fn rule(body: &[u8]) -> Told {
    let mut told = Told::default();
    for (kind, content) in netlink::attributes(body.get(4..).unwrap_or_default()) {
        match kind {
            // The table and the chain.
            1 | 2 => told.words.extend_from_slice(content),
            4 => {
                for (_, expression) in netlink::attributes(content) {
                    read_expression(expression, &mut told);
                }
            }
            _ => {}
        }
    }
    told
}

fn read_expression(expression: &[u8], told: &mut Told) {
    let parts = netlink::attributes(expression);
    let part = |wanted| parts.iter().find(|(kind, _)| *kind == wanted).map(|(_, data)| *data);
    let (name, data) = (part(1).unwrap_or_default(), part(2).unwrap_or_default());
    told.words.extend_from_slice(name);
    match name {
        b"counter\0" => {
            let packets = netlink::attributes(data).into_iter().find(|(kind, _)| *kind == 2);
            let packets = packets.and_then(|(_, number)| number.first_chunk::<8>().copied());
            told.packets = packets.map(u64::from_be_bytes);
        }
        b"immediate\0" => {
            told.words.extend_from_slice(data);
            told.drops |= is_drop(data);
        }
        _ => told.words.extend_from_slice(data),
    }
}

/// Returns whether an outcome is `NF_DROP`, which is 0 (`NFTA_DATA_VERDICT`, `NFTA_VERDICT_CODE`).
fn is_drop(data: &[u8]) -> bool {
    let inner = |bytes, wanted: u16| {
        netlink::attributes(bytes).into_iter().find(|(kind, _)| *kind == wanted).map(|(_, d)| d)
    };
    let code = inner(data, 2).and_then(|value| inner(value, 2)).and_then(|v| inner(v, 1));
    code == Some(&[0, 0, 0, 0])
}

fn new_table(family: Family, name: &str) -> Vec<u8> {
    message(family, 0, CREATE, |all| all.text(1, name))
}

fn new_set(table: &Table, set: &Set, number: u32) -> Vec<u8> {
    /// `NFT_SET_TIMEOUT`.
    const TIMEOUT: u32 = 0x10;
    let (kind, length) = set.key.kind_and_length();
    message(table.family, 9, CREATE, |all| {
        all.text(1, table.name);
        all.text(2, set.name);
        all.number(3, TIMEOUT);
        all.number(4, kind);
        all.number(5, length);
        all.number(10, number);
    })
}

fn new_elements(family: Family, table: &str, set: &Set) -> Vec<Vec<u8>> {
    let pieces = set.elements.chunks(ELEMENTS_A_MESSAGE);
    pieces.map(|piece| elements(family, table, set.name, (12, CREATE), piece)).collect()
}

/// Deleting elements without naming any removes them all.
fn flush_set(family: Family, table: &str, set: &str) -> Vec<u8> {
    message(family, 14, 0, |all| {
        all.text(1, table);
        all.text(2, set);
    })
}

fn elements(
    family: Family,
    table: &str,
    set: &str,
    (kind, flags): (u16, u16),
    list: &[(Vec<u8>, Option<u64>)],
) -> Vec<u8> {
    message(family, kind, flags, |all| {
        all.text(1, table);
        all.text(2, set);
        all.nest(3, |elements| {
            for (key, timeout) in list {
                elements.nest(1, |element| {
                    element.nest(1, |data| data.bytes(1, key));
                    if let Some(milliseconds) = timeout {
                        element.bytes(4, &milliseconds.to_be_bytes());
                    }
                });
            }
        });
    })
}

fn new_chain(table: &Table, chain: &Chain) -> Vec<u8> {
    /// `NF_ACCEPT`.
    const ACCEPT: u32 = 1;
    message(table.family, 3, CREATE, |all| {
        all.text(1, table.name);
        all.text(3, chain.name);
        all.nest(4, |hook| {
            hook.number(1, chain.hook);
            hook.bytes(2, &chain.priority.to_be_bytes());
            match chain.devices.as_slice() {
                [] => {}
                [one] => hook.text(3, one),
                many => hook.nest(4, |devices| {
                    for device in many {
                        devices.text(1, device);
                    }
                }),
            }
        });
        all.number(5, ACCEPT);
        all.text(7, "filter");
    })
}

/// Returns a whole message: `struct nlmsghdr`, `struct nfgenmsg`, attributes.
fn message(family: Family, kind: u16, flags: u16, body: impl FnOnce(&mut Attributes)) -> Vec<u8> {
    let mut all = Attributes::default();
    body(&mut all);
    let body = [&[family.number(), 0, 0, 0], all.0.as_slice()].concat();
    netlink::request(SUBSYSTEM | kind, Wants::Deed { flags }, &body)
}

/// Netlink attributes in the making (linux/netlink.h, `struct nlattr`).
#[derive(Clone, Debug, Default)]
pub(crate) struct Attributes(Vec<u8>);

impl Attributes {
    /// Adds an attribute of bytes.
    pub(crate) fn bytes(&mut self, kind: u16, data: &[u8]) {
        self.0.extend(netlink::attribute(kind, data));
    }

    /// Adds a text with the NUL that ends it.
    pub(crate) fn text(&mut self, kind: u16, text: &str) {
        self.bytes(kind, &[text.as_bytes(), &[0]].concat());
    }

    /// Adds a number of 32 bits.
    pub(crate) fn number(&mut self, kind: u16, number: u32) {
        self.bytes(kind, &number.to_be_bytes());
    }

    /// Adds an attribute made of attributes (`NLA_F_NESTED`).
    pub(crate) fn nest(&mut self, kind: u16, inner: impl FnOnce(&mut Self)) {
        let mut nested = Self::default();
        inner(&mut nested);
        self.bytes(kind | 0x8000, &nested.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_as_long_as_it_says_and_padded() {
        let table = new_table(Family::Inet, "stanch");
        assert_eq!(table[..4], u32::try_from(table.len()).unwrap().to_ne_bytes());
        assert_eq!(table.len() % 4, 0);
        assert_eq!(table[16], 1, "the family");
        assert_eq!(&table[24..31], b"stanch\0");
    }

    #[test]
    fn a_rule_is_told_by_its_words_and_what_it_counts_is_not_among_them() {
        let with_packets = |packets: u64| {
            let mut all = Attributes::default();
            all.text(1, "stanch");
            all.text(2, "input");
            all.nest(4, |list| {
                list.nest(1, |one| {
                    one.text(1, "counter");
                    one.nest(2, |data| data.bytes(2, &packets.to_be_bytes()));
                });
                Rule::new().drop().write(list);
            });
            rule(&[&[1, 0, 0, 0], all.0.as_slice()].concat())
        };
        let (one, two) = (with_packets(3), with_packets(70));
        assert_eq!((one.packets, two.packets, one.drops), (Some(3), Some(70), true));
        assert_eq!(one.words, two.words);
        assert_eq!(rule(b"torn"), Told::default());
    }

    #[test]
    fn many_elements_go_in_many_messages() {
        let elements = (0_u32..2000).map(|n| (n.to_be_bytes().to_vec(), Some(1000))).collect();
        let set = Set { name: "bad4", key: Key::Four, elements };
        let messages = new_elements(Family::Inet, "stanch", &set);
        assert_eq!(messages.len(), 3);
        assert!(messages.iter().all(|message| message.len() < 65_536), "an attribute holds it");
    }
}
