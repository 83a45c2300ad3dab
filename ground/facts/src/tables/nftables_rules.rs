//! Packet filter rules of nf_tables.
//!
//! Source: nf_tables over netlink (linux/netfilter/nf_tables.h). iptables-nft's rules are here
//! too, with its own matches and targets as `xt match` and `xt target`.

use stanch_words::{Ask, Row, Seen, table_spec};

use crate::Host;
use crate::nftables::{self, Chain, Part, Rule, RuleSet};

table_spec! {
    /// Rules of nf_tables.
    pub static SPEC, col = "nftables_rules": Live, "Rules of nf_tables, one row a rule, and one for each chain without rules.";
    family Text Plain "ip, ip6, inet, arp, bridge or netdev.";
    table_name Text Plain "Table.";
    chain Text Plain "Chain.";
    chain_type Text Plain "filter, nat or route; empty for a chain that others jump to.";
    hook Text Plain "Where packets meet the chain: prerouting, input, forward, output, postrouting, ingress, egress.";
    priority Integer Plain "Order at the hook: the lowest is first.";
    policy Text Plain "What becomes of packets that no rule decides: accept or drop.";
    handle BigInt Plain "Number of the rule; empty in the row of a chain without rules.";
    position Integer Plain "Place in the chain, from 1; 0 in the row of a chain without rules.";
    expressions Text Plain "What the rule says, in words like those of nft(8).";
    verdict Text Plain "accept, drop, return, jump CHAIN, goto CHAIN; reject, redirect and the like for what decides without a verdict.";
    redirect_port Integer Plain "Port that packets are sent to instead of their own.";
    counter_packets BigInt Plain "Packets counted; empty without a counter.";
    counter_bytes BigInt Plain "Bytes counted.";
    comment Text Plain "Comment in the rule's user data.";
    device Text Plain "Device of an ingress or egress chain.";
    dormant Integer Plain "1 if the table is switched off.";
}

/// Asks nf_tables.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    let set = nftables::of(host, SPEC.name, seen);
    rows(&set, seen);
}

fn rows(set: &RuleSet, seen: &mut Seen) {
    for chain in &set.chains {
        let mut row = SPEC.row();
        let flags = set.tables.iter().find(|(family, name, _)| {
            (*family, name.as_str()) == (chain.family, chain.table.as_str())
        });
        row.put(col::family, nftables::family_name(chain.family))
            .put(col::table_name, chain.table.as_str())
            .put(col::chain, chain.name.as_str())
            .put(col::chain_type, chain.kind.as_str())
            .put(col::policy, chain.policy)
            .put(col::dormant, flags.is_some_and(|(_, _, flags)| flags & 1 == 1));
        if let Some((hook, priority, device)) = &chain.hook {
            row.put(col::hook, hook.as_str())
                .put(col::priority, *priority)
                .put(col::device, device.as_str());
        }
        let mut position = 0_u32;
        for rule in set.rules.iter().filter(|rule| is_of(rule, chain)) {
            position = position.saturating_add(1);
            seen.push(rule_row(row.clone(), rule, position));
        }
        if position == 0 {
            row.put(col::position, 0)
                .put(col::expressions, "")
                .put(col::counter_packets, chain.counter.map(|(packets, _)| packets))
                .put(col::counter_bytes, chain.counter.map(|(_, bytes)| bytes));
            seen.push(row);
        }
    }
    // A rule that came while the chains were told already is not lost.
    for rule in &set.rules {
        if !set.chains.iter().any(|chain| is_of(rule, chain)) {
            let mut row = SPEC.row();
            row.put(col::family, nftables::family_name(rule.family))
                .put(col::table_name, rule.table.as_str())
                .put(col::chain, rule.chain.as_str());
            seen.push(rule_row(row, rule, 0));
        }
    }
}

fn is_of(rule: &Rule, chain: &Chain) -> bool {
    rule.family == chain.family && rule.table == chain.table && rule.chain == chain.name
}

fn rule_row(mut row: Row, rule: &Rule, position: u32) -> Row {
    let words: Vec<String> = rule.parts.iter().map(Part::text).collect();
    let verdict = rule.parts.iter().rev().find_map(|part| match part {
        Part::Verdict(verdict) => Some(verdict.to_string()),
        Part::Translate { how, .. } => Some((*how).to_owned()),
        Part::Target { name, .. } => Some(name.clone()),
        Part::Words(words) if words == "reject" => Some(words.clone()),
        _ => None,
    });
    row.put(col::handle, rule.handle)
        .put(col::position, position)
        .put(col::expressions, words.join(" "))
        .put(col::verdict, verdict.unwrap_or_default())
        .put(col::redirect_port, rule.parts.iter().find_map(Part::redirect_port))
        .put(col::counter_packets, rule.counter.map(|(packets, _)| packets))
        .put(col::counter_bytes, rule.counter.map(|(_, bytes)| bytes))
        .put(col::comment, rule.comment.as_str());
    row
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::made::{attribute, message};

    fn big(kind: u16, number: u32) -> Vec<u8> {
        attribute(kind, &number.to_be_bytes())
    }

    fn nested(kind: u16, inner: &[Vec<u8>]) -> Vec<u8> {
        attribute(0x8000 | kind, &inner.concat())
    }

    fn expression(name: &str, data: &[Vec<u8>]) -> Vec<u8> {
        nested(1, &[attribute(1, format!("{name}\0").as_bytes()), nested(2, data)])
    }

    fn made(kind: u16, attributes: &[Vec<u8>]) -> Vec<u8> {
        message(10 << 8 | kind, &[&[2, 0, 0, 0][..], &attributes.concat()].concat())
    }

    fn sample() -> [Vec<u8>; 3] {
        let name = |kind, text: &str| attribute(kind, format!("{text}\0").as_bytes());
        let table = made(0, &[name(1, "nat"), big(2, 0)]);
        let chain = made(
            3,
            &[
                name(1, "nat"),
                attribute(2, &1_u64.to_be_bytes()),
                name(3, "in"),
                nested(4, &[big(1, 0), big(2, (-100_i32).cast_unsigned())]),
                big(5, 1),
                name(7, "nat"),
            ],
        );
        let value = |bytes: &[u8]| nested(3, &[attribute(1, bytes)]);
        let rule = made(
            6,
            &[
                name(1, "nat"),
                name(2, "in"),
                attribute(3, &5_u64.to_be_bytes()),
                nested(
                    4,
                    &[
                        expression("meta", &[big(2, 16), big(1, 1)]),
                        expression("cmp", &[big(1, 1), big(2, 0), value(&[6])]),
                        expression("payload", &[big(1, 1), big(2, 1), big(3, 12), big(4, 4)]),
                        expression("cmp", &[big(1, 1), big(2, 0), value(&[192, 0, 2, 9])]),
                        expression("payload", &[big(1, 1), big(2, 2), big(3, 2), big(4, 2)]),
                        expression("cmp", &[big(1, 1), big(2, 0), value(&[0, 22])]),
                        expression(
                            "counter",
                            &[
                                attribute(1, &60_u64.to_be_bytes()),
                                attribute(2, &1_u64.to_be_bytes()),
                            ],
                        ),
                        expression(
                            "immediate",
                            &[big(1, 1), nested(2, &[attribute(1, &42391_u16.to_be_bytes())])],
                        ),
                        expression("redir", &[big(1, 1)]),
                    ],
                ),
                attribute(7, b"\x00\x05hide\0"),
            ],
        );
        [table, chain, rule]
    }

    fn seen_of(table: &[u8], chain: &[u8], rule: &[u8]) -> Seen {
        let mut seen = Seen::default();
        let set =
            nftables::parse(&[table.to_vec()], &[chain.to_vec()], &[rule.to_vec()], &mut seen);
        rows(&set, &mut seen);
        seen
    }

    #[test]
    fn a_redirect_to_a_high_port_as_backdoors_make_it() {
        let [table, chain, rule] = sample();
        let seen = seen_of(&table, &chain, &rule);
        assert_eq!(seen.gaps, []);
        let row = &seen.rows[0];
        assert_eq!(
            row.get(col::expressions).as_text(),
            Some("meta l4proto tcp ip saddr 192.0.2.9 th dport 22 redirect to :42391")
        );
        assert_eq!(row.get(col::redirect_port).as_integer(), Some(42391));
        assert_eq!(row.get(col::verdict).as_text(), Some("redirect"));
        assert_eq!(row.get(col::hook).as_text(), Some("prerouting"));
        assert_eq!(row.get(col::priority).as_integer(), Some(-100));
        assert_eq!(row.get(col::policy).as_text(), Some("accept"));
        assert_eq!(row.get(col::comment).as_text(), Some("hide"));
        assert_eq!(row.get(col::counter_bytes).as_integer(), Some(60));
    }

    #[test]
    fn a_chain_without_rules_is_a_row() {
        let [table, chain, _rule] = sample();
        let seen = seen_of(&table, &chain, b"");
        assert_eq!(seen.rows.len(), 1);
        assert_eq!(seen.rows[0].get(col::position).as_integer(), Some(0));
        assert!(seen.rows[0].get(col::handle).is_null());
    }

    #[test]
    fn a_rule_cut_at_every_byte_is_a_gap() {
        let [table, chain, rule] = sample();
        for length in 1..rule.len() {
            let seen = seen_of(&table, &chain, &rule[..length]);
            assert_eq!(seen.rows.len(), 1, "the chain's own row, cut at {length}");
            assert!(!seen.gaps.is_empty(), "cut at {length}");
        }
        // Bytes turned over anywhere never panic, and leave a row for the chain or a gap.
        for at in 0..rule.len() {
            let mut hostile = rule.clone();
            hostile[at] ^= 0xff;
            let seen = seen_of(&table, &chain, &hostile);
            assert!(!seen.rows.is_empty() || !seen.gaps.is_empty(), "{at}");
        }
    }
}
