//! Packet filter rules as iptables shows them.
//!
//! Source: nf_tables, where iptables-nft keeps its tables (`filter`, `nat`, `mangle`, `raw`,
//! `security` of the families ip and ip6), with the matches of linux/netfilter/xt_tcpudp.h and
//! xt_multiport.h. Rules of the legacy kernel tables are a gap.

use std::path::Path;

use stanch_machine::limits;
use stanch_words::{Ask, Gap, GapKind, Row, Seen, table_spec};

use crate::Host;
use crate::netlink::{self, u16_at};
use crate::nftables::{self, Chain, Field, Part, Rule, RuleSet};

table_spec! {
    /// iptables rules.
    pub static SPEC, col = "iptables": Live, "Packet filter rules as iptables shows them, one row a rule and one for each chain.";
    filter_name Text Plain "Table: filter, nat, mangle, raw or security.";
    chain Text Plain "Chain.";
    policy Text Plain "What becomes of packets that no rule decides; only in the chain's own row.";
    target Text Plain "Target: ACCEPT, DROP, REJECT, REDIRECT, a chain, and so on; empty in the chain's own row.";
    protocol Integer Plain "Protocol number, 0 for any.";
    src_port Text Plain "Source port or range.";
    dst_port Text Plain "Destination port or range.";
    src_ip Text Plain "Source address.";
    src_mask Text Plain "Source netmask.";
    iniface Text Plain "Interface that packets come by, all for any.";
    iniface_mask Text Plain "Compared bytes of its name, as ff for each.";
    dst_ip Text Plain "Destination address.";
    dst_mask Text Plain "Destination netmask.";
    outiface Text Plain "Interface that packets leave by, all for any.";
    outiface_mask Text Plain "Compared bytes of its name, as ff for each.";
    r#match Text Plain "Matches of the rule, joined by commas.";
    packets Integer Plain "Packets counted.";
    bytes Integer Plain "Bytes counted.";
    family Text Plain "ip or ip6.";
    position Integer Plain "Place in the chain, from 1; 0 in the chain's own row.";
    redirect_port Integer Plain "Port that packets are sent to instead of their own.";
    comment Text Plain "Comment of the rule.";
    inverted Text Plain "Columns whose condition is inverted, joined by commas.";
}

/// Asks nf_tables, and says when legacy tables hold rules too.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    for name in ["/proc/net/ip_tables_names", "/proc/net/ip6_tables_names"] {
        let names = host.read(SPEC.name, Path::new(name), limits::PSEUDO_FILE, seen);
        for table in names.unwrap_or_default().split(|&b| b == b'\n').filter(|n| !n.is_empty()) {
            let table = stanch_words::text::from_bytes(table);
            let detail = format!("rules of the legacy table `{table}` are not read");
            seen.gap(Gap::new(SPEC.name, GapKind::NotHere, detail).at(name));
        }
    }
    rows(&nftables::of(host, SPEC.name, seen), seen);
}

fn rows(set: &RuleSet, seen: &mut Seen) {
    const TABLES: &[&str] = &["filter", "nat", "mangle", "raw", "security"];
    let chains = set
        .chains
        .iter()
        .filter(|chain| matches!(chain.family, 2 | 10) && TABLES.contains(&chain.table.as_str()));
    for chain in chains {
        let mut row = base(chain);
        row.put(col::policy, chain.policy.to_uppercase())
            .put(col::position, 0)
            .put(col::packets, chain.counter.map_or(0, |(packets, _)| packets))
            .put(col::bytes, chain.counter.map_or(0, |(_, bytes)| bytes));
        seen.push(row);
        let rules = set.rules.iter().filter(|rule| {
            (rule.family, &rule.table, &rule.chain) == (chain.family, &chain.table, &chain.name)
        });
        for (position, rule) in (1_u32..).zip(rules) {
            let mut row = base(chain);
            fill(&mut row, rule);
            row.put(col::position, position);
            seen.push(row);
        }
    }
}

fn base(chain: &Chain) -> Row {
    let any = if chain.family == 2 { "0.0.0.0" } else { "::" };
    let mut row = SPEC.row();
    row.put(col::filter_name, chain.table.as_str())
        .put(col::chain, chain.name.as_str())
        .put(col::family, nftables::family_name(chain.family))
        .put(col::policy, "")
        .put(col::target, "")
        .put(col::protocol, 0)
        .put(col::src_port, "")
        .put(col::dst_port, "")
        .put(col::iniface, "all")
        .put(col::outiface, "all");
    for column in [col::src_ip, col::src_mask, col::dst_ip, col::dst_mask] {
        row.put(column, any);
    }
    row
}

fn fill(row: &mut Row, rule: &Rule) {
    let (mut matches, mut inverted) = (Vec::new(), Vec::new());
    let mut comment = rule.comment.clone();
    for part in &rule.parts {
        match part {
            Part::Compare { field, mask, operator, value } => {
                if !compare(row, field, mask.as_deref(), value) {
                    matches.push(nftables::field_text(field));
                } else if *operator == "!=" {
                    inverted.push(nftables::field_text(field));
                }
            }
            Part::Match { name, info } => {
                if name == "comment" {
                    comment = stanch_words::text::from_bytes(netlink::until_zero(info));
                }
                ports(row, name, info);
                matches.push(name.clone());
            }
            Part::Lookup { field, .. } => matches.push(nftables::field_text(field)),
            Part::Target { name, .. } => {
                row.put(col::target, name.as_str());
            }
            Part::Verdict(_) | Part::Translate { .. } | Part::Words(_) => {
                let text = part.text();
                let words: Vec<&str> = text.split(' ').collect();
                let target = match words[..] {
                    // A jump's target is the chain itself, whose name keeps its case.
                    ["jump" | "goto", chain] => chain.to_owned(),
                    [first, ..] => first.to_uppercase(),
                    [] => String::new(),
                };
                row.put(col::target, target);
            }
        }
    }
    row.put(col::r#match, matches.join(","))
        .put(col::inverted, inverted.join(","))
        .put(col::comment, comment)
        .put(col::redirect_port, rule.parts.iter().find_map(Part::redirect_port))
        .put(col::packets, rule.counter.map_or(0, |(packets, _)| packets))
        .put(col::bytes, rule.counter.map_or(0, |(_, bytes)| bytes));
}

/// Puts a comparison into its columns; returns whether there are any.
fn compare(row: &mut Row, field: &Field, mask: Option<&[u8]>, value: &[u8]) -> bool {
    if let Some((name, whole)) = nftables::address_field(field) {
        let (address, column) = if name.ends_with("saddr") {
            (col::src_ip, col::src_mask)
        } else {
            (col::dst_ip, col::dst_mask)
        };
        let padded = |bytes: &[u8]| {
            let mut padded = bytes.to_vec();
            padded.resize(whole, 0);
            netlink::address(&padded)
        };
        let ones = vec![0xff; value.len()];
        row.put(address, padded(value)).put(column, padded(mask.unwrap_or(&ones)));
        return true;
    }
    let interface = |row: &mut Row, name: usize, mask: usize| {
        let text = nftables::value_text(&Field::Meta(6), value);
        row.put(name, text.trim_matches('"').replace('*', "+"))
            .put(mask, "ff".repeat(value.len().min(16)));
    };
    match field {
        Field::Payload(1, 9 | 6, 1) | Field::Meta(16) => {
            row.put(col::protocol, value.first().copied());
        }
        Field::Payload(2, 0, 2) => {
            row.put(col::src_port, nftables::value_text(field, value));
        }
        Field::Payload(2, 2, 2) => {
            row.put(col::dst_port, nftables::value_text(field, value));
        }
        Field::Meta(6) => interface(row, col::iniface, col::iniface_mask),
        Field::Meta(7) => interface(row, col::outiface, col::outiface_mask),
        _ => return false,
    }
    true
}

/// Reads the ports of the matches that have them, all in the host's order: tcp and udp (four
/// numbers), multiport (kind, count, numbers).
fn ports(row: &mut Row, name: &str, info: &[u8]) {
    let range = |at: usize| match (u16_at(info, at), u16_at(info, at.saturating_add(2))) {
        (Some(0), Some(u16::MAX)) | (None, _) | (_, None) => String::new(),
        (Some(low), Some(high)) if low == high => low.to_string(),
        (Some(low), Some(high)) => format!("{low}:{high}"),
    };
    match name {
        "tcp" | "udp" => {
            row.put(col::src_port, range(0)).put(col::dst_port, range(4));
        }
        "multiport" => {
            let count = info.get(1).copied().map_or(0, usize::from).min(15);
            let list: Vec<String> = (0..count)
                .filter_map(|n| u16_at(info, n.saturating_mul(2).saturating_add(2)))
                .map(|port| port.to_string())
                .collect();
            let list = list.join(",");
            // 0 source, 1 destination, 2 either.
            let kind = info.first().copied().unwrap_or(0);
            if kind != 1 {
                row.put(col::src_port, list.as_str());
            }
            if kind != 0 {
                row.put(col::dst_port, list);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows_of(parts: Vec<Part>) -> Seen {
        let named = |name: &str| name.to_owned();
        let set = RuleSet {
            chains: vec![
                Chain {
                    family: 2,
                    table: named("filter"),
                    name: named("INPUT"),
                    policy: "drop",
                    ..Chain::default()
                },
                Chain { family: 1, table: named("filter"), ..Chain::default() },
            ],
            rules: vec![Rule {
                family: 2,
                table: named("filter"),
                chain: named("INPUT"),
                parts,
                counter: Some((3, 180)),
                ..Rule::default()
            }],
            ..RuleSet::default()
        };
        let mut seen = Seen::default();
        rows(&set, &mut seen);
        seen
    }

    fn compare_part(field: Field, operator: &'static str, value: &[u8]) -> Part {
        Part::Compare { field, mask: None, operator, value: value.to_vec() }
    }

    #[test]
    fn a_network_a_port_and_a_jump() {
        let seen = rows_of(vec![
            compare_part(Field::Meta(16), "==", &[6]),
            compare_part(Field::Payload(1, 12, 2), "!=", &[10, 1]),
            compare_part(Field::Meta(6), "==", b"eth"),
            Part::Match {
                name: "tcp".into(),
                info: [0, u16::MAX, 22, 22].map(u16::to_ne_bytes).concat(),
            },
            Part::Target { name: "REDIRECT".into(), info: Vec::new() },
        ]);
        assert_eq!(seen.rows.len(), 2, "the inet family is none of iptables");
        assert_eq!(seen.rows[0].get(col::policy).as_text(), Some("DROP"));
        let row = &seen.rows[1];
        let text = |column| row.get(column).to_string();
        assert_eq!(text(col::protocol), "6");
        assert_eq!(
            (text(col::src_ip), text(col::src_mask)),
            ("10.1.0.0".into(), "255.255.0.0".into())
        );
        assert_eq!((text(col::src_port), text(col::dst_port)), (String::new(), "22".into()));
        assert_eq!((text(col::iniface), text(col::outiface)), ("eth+".into(), "all".into()));
        assert_eq!(text(col::target), "REDIRECT");
        assert_eq!(text(col::inverted), "ip saddr");
        assert_eq!(text(col::packets), "3");
    }

    #[test]
    fn matches_shorter_than_their_structures_say_nothing() {
        for name in ["tcp", "udp", "multiport", "comment", "REDIRECT"] {
            for length in 0..20 {
                let info = vec![0xff; length];
                let seen = rows_of(vec![
                    Part::Match { name: name.into(), info: info.clone() },
                    Part::Target { name: name.into(), info },
                ]);
                assert_eq!(seen.rows.len(), 2, "{name} {length}");
            }
        }
    }
}
