//! Packet filter rules of nf_tables, taken apart.
//!
//! Source: linux/netfilter/nf_tables.h, linux/netfilter/nfnetlink.h. Numbers are in network
//! order there. Elements of sets are not read: a set shows by its name.

use std::path::Path;

use stanch_machine::limits;
use stanch_words::{Gap, GapKind, Seen};

use crate::Host;
use crate::netlink::{self, Attributes};

mod expressions;
pub(crate) use expressions::{Field, Part};

/// `NFNL_SUBSYS_NFTABLES`, the upper byte of each message kind.
const SUBSYSTEM: u16 = 10 << 8;

/// A base chain's place, or none for a chain that others jump to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Chain {
    pub(crate) family: u8,
    pub(crate) table: String,
    pub(crate) name: String,
    pub(crate) handle: u64,
    pub(crate) kind: String,
    /// Hook, priority and device.
    pub(crate) hook: Option<(String, i32, String)>,
    pub(crate) policy: &'static str,
    pub(crate) counter: Option<(u64, u64)>,
}

/// A rule.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Rule {
    pub(crate) family: u8,
    pub(crate) table: String,
    pub(crate) chain: String,
    pub(crate) handle: u64,
    pub(crate) parts: Vec<Part>,
    /// Packets and bytes of its counter.
    pub(crate) counter: Option<(u64, u64)>,
    pub(crate) comment: String,
}

/// The whole rule set, in the kernel's order.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct RuleSet {
    pub(crate) tables: Vec<(u8, String, u32)>,
    pub(crate) chains: Vec<Chain>,
    pub(crate) rules: Vec<Rule>,
}

#[derive(Debug)]
struct Kept {
    set: RuleSet,
    gaps: Vec<Gap>,
}

/// Returns the rule set, read once; each table that uses it has its gaps.
pub(crate) fn of(host: &Host, table: &str, seen: &mut Seen) -> RuleSet {
    let kept = host.once(|host| {
        let mut seen = Seen::default();
        let set = if is_loaded(host) { ask(host, &mut seen) } else { RuleSet::default() };
        Kept { set, gaps: seen.gaps }
    });
    for gap in &kept.gaps {
        seen.gap(Gap { what: table.to_owned(), ..gap.clone() });
    }
    kept.set.clone()
}

/// Returns whether the kernel has nf_tables now. Asking a kernel without it would make it load
/// the module, and without it there are no rules.
fn is_loaded(host: &Host) -> bool {
    let machine = host.machine();
    let Ok(modules) = machine.read(Path::new("/proc/modules"), limits::PSEUDO_FILE) else {
        // No modules at all: it is built in, or the kernel says that it is not there.
        return true;
    };
    if memchr::memmem::find(&modules.bytes, b"nf_tables ").is_some() {
        return true;
    }
    let release = machine.kernel().map(|kernel| {
        let [_system, _node, release, ..] = kernel.uname();
        release
    });
    let built_in = format!("/lib/modules/{}/modules.builtin", release.unwrap_or_default());
    machine
        .read(Path::new(&built_in), limits::PSEUDO_FILE)
        .map_or(true, |text| memchr::memmem::find(&text.bytes, b"/nf_tables.ko").is_some())
}

fn ask(host: &Host, seen: &mut Seen) -> RuleSet {
    // NFT_MSG_GETTABLE 1, GETCHAIN 4, GETRULE 7 with a `struct nfgenmsg` for every family.
    let mut list = |message: u16| {
        let before = seen.gaps.len();
        let request = (netlink::NETFILTER, SUBSYSTEM | message);
        let datagrams = netlink::dump(host, "", request, &[0; 4], seen);
        (datagrams, seen.gaps.len() == before)
    };
    let (tables, answered) = list(1);
    if !answered {
        return RuleSet::default();
    }
    let (chains, rules) = (list(4).0, list(7).0);
    parse(&tables, &chains, &rules, seen)
}

/// Parses the three lists. What is not understood is a gap.
pub(crate) fn parse(
    tables: &[Vec<u8>],
    chains: &[Vec<u8>],
    rules: &[Vec<u8>],
    seen: &mut Seen,
) -> RuleSet {
    let mut set = RuleSet::default();
    for (list, kind) in [(tables, 0), (chains, 3), (rules, 6)] {
        for message in netlink::messages(list, "", seen) {
            let right = message.kind == SUBSYSTEM | kind;
            if !right || !one(kind, message.body, &mut set) {
                let detail = "an nf_tables message is not understood";
                seen.gap(Gap::new("", GapKind::Damaged, detail));
            }
        }
    }
    set
}

fn one(kind: u16, body: &[u8], set: &mut RuleSet) -> bool {
    let (Some(&family), Some(rest)) = (body.first(), body.get(4..)) else { return false };
    let attributes = Attributes::of(rest);
    if !attributes.whole {
        return false;
    }
    let done = match kind {
        0 => attributes.text(1).map(|name| {
            let flags = attributes.big(2).and_then(|flags| u32::try_from(flags).ok());
            set.tables.push((family, text(name), flags.unwrap_or(0)));
        }),
        3 => chain(family, &attributes).map(|chain| set.chains.push(chain)),
        _ => rule(family, &attributes).map(|rule| set.rules.push(rule)),
    };
    done.is_some()
}

fn text(bytes: &[u8]) -> String {
    stanch_words::text::from_bytes(bytes)
}

fn chain(family: u8, attributes: &Attributes<'_>) -> Option<Chain> {
    let hook = attributes.inside(4);
    let number = hook.big(1).map(|number| {
        let bits = u32::try_from(hook.big(2).unwrap_or(0)).unwrap_or(0);
        let devices = hook.inside(4);
        let device = hook.text(3).or_else(|| devices.text(1)).unwrap_or_default();
        (hook_name(family, number), bits.cast_signed(), text(device))
    });
    let policy = match (attributes.big(5), &number) {
        (Some(0), _) => "drop",
        (Some(1), _) => "accept",
        _ => "",
    };
    let counters = attributes.inside(8);
    Some(Chain {
        family,
        table: text(attributes.text(1)?),
        name: text(attributes.text(3)?),
        handle: attributes.big(2)?,
        kind: text(attributes.text(7).unwrap_or_default()),
        hook: number,
        policy,
        counter: counters.big(2).zip(counters.big(1)),
    })
}

fn rule(family: u8, attributes: &Attributes<'_>) -> Option<Rule> {
    let list = attributes.inside(4);
    if !list.whole {
        return None;
    }
    let (parts, counter) = expressions::parts(&list)?;
    Some(Rule {
        family,
        table: text(attributes.text(1)?),
        chain: text(attributes.text(2)?),
        handle: attributes.big(3)?,
        parts,
        counter,
        comment: comment(attributes.get(7).unwrap_or_default()),
    })
}

/// Returns the comment in a rule's user data: type, length, text, as nft(8) writes them.
fn comment(mut data: &[u8]) -> String {
    while let [kind, length, rest @ ..] = data {
        let length = usize::from(*length);
        if *kind == 0 {
            return text(netlink::until_zero(rest.get(..length).unwrap_or(rest)));
        }
        data = rest.get(length..).unwrap_or_default();
    }
    String::new()
}

/// Returns the name of a family (`NFPROTO_*`).
pub(crate) fn family_name(family: u8) -> String {
    match family {
        1 => "inet".to_owned(),
        2 => "ip".to_owned(),
        3 => "arp".to_owned(),
        5 => "netdev".to_owned(),
        7 => "bridge".to_owned(),
        10 => "ip6".to_owned(),
        other => other.to_string(),
    }
}

fn hook_name(family: u8, number: u64) -> String {
    let name = match (family, number) {
        (5, 0) => "ingress",
        (5, 1) => "egress",
        (3, 0) => "input",
        (3, 1) => "output",
        (3, 2) => "forward",
        (_, 0) => "prerouting",
        (_, 1) => "input",
        (_, 2) => "forward",
        (_, 3) => "output",
        (_, 4) => "postrouting",
        (_, 5) => "ingress",
        (_, other) => return other.to_string(),
    };
    name.to_owned()
}

/// Returns a field in the words of nft(8), as far as it can be told without the other rules.
pub(crate) fn field_text(field: &Field) -> String {
    if let Some((name, _)) = address_field(field) {
        return name.to_owned();
    }
    match *field {
        Field::Payload(1, 9, 1) => "ip protocol".to_owned(),
        Field::Payload(1, 6, 1) => "ip6 nexthdr".to_owned(),
        Field::Payload(2, 0, 2) => "th sport".to_owned(),
        Field::Payload(2, 2, 2) => "th dport".to_owned(),
        Field::Payload(0, 6, 6) => "ether saddr".to_owned(),
        Field::Payload(0, 0, 6) => "ether daddr".to_owned(),
        Field::Payload(0, 12, 2) => "ether type".to_owned(),
        Field::Payload(base, offset, length) => {
            let base = match base {
                0 => "ll",
                1 => "nh",
                2 => "th",
                _ => "ih",
            };
            format!("@{base},{offset},{length}")
        }
        Field::Meta(key) => meta_name(key),
        Field::Connection(key) => match key {
            0 => "ct state".to_owned(),
            1 => "ct direction".to_owned(),
            2 => "ct status".to_owned(),
            3 => "ct mark".to_owned(),
            other => format!("ct {other}"),
        },
        Field::Constant(ref bytes) => hexadecimal(bytes),
        Field::Other(ref name) => name.clone(),
    }
}

/// Returns the name and whole length of an address field. A network of whole bytes is compared
/// by loading only those (`10.1.0.0/16` loads two), so a shorter load is an address too.
pub(crate) fn address_field(field: &Field) -> Option<(&'static str, usize)> {
    match *field {
        Field::Payload(1, 12, 1..=4) => Some(("ip saddr", 4)),
        Field::Payload(1, 16, 1..=4) => Some(("ip daddr", 4)),
        Field::Payload(1, 8, 2..=16) => Some(("ip6 saddr", 16)),
        Field::Payload(1, 24, 2..=16) => Some(("ip6 daddr", 16)),
        _ => None,
    }
}

/// Returns an address with its prefix length where only a part of it is compared.
fn address_text(whole: usize, value: &[u8]) -> Option<String> {
    let mut padded = value.to_vec();
    padded.resize(whole, 0);
    let told = netlink::address(&padded)?;
    let bits = value.len().saturating_mul(8);
    Some(if value.len() < whole { format!("{told}/{bits}") } else { told })
}

fn meta_name(key: u64) -> String {
    const NAMES: &[&str] = &[
        "length",
        "protocol",
        "priority",
        "mark",
        "iif",
        "oif",
        "iifname",
        "oifname",
        "iiftype",
        "oiftype",
        "skuid",
        "skgid",
        "nftrace",
        "rtclassid",
        "secmark",
        "nfproto",
        "l4proto",
        "ibrname",
        "obrname",
        "pkttype",
        "cpu",
        "iifgroup",
        "oifgroup",
        "cgroup",
        "random",
    ];
    let name = usize::try_from(key).ok().and_then(|key| NAMES.get(key));
    name.map_or_else(|| format!("meta {key}"), |name| format!("meta {name}"))
}

/// Returns a value as its field would be written.
pub(crate) fn value_text(field: &Field, value: &[u8]) -> String {
    let host_order = || Some(u32::from_ne_bytes(*value.first_chunk()?));
    if let Some((_, whole)) = address_field(field) {
        return address_text(whole, value).unwrap_or_else(|| hexadecimal(value));
    }
    let told = match *field {
        Field::Payload(2, 0 | 2, 2) => {
            value.first_chunk().map(|pair| u16::from_be_bytes(*pair).to_string())
        }
        Field::Payload(0, 0 | 6, 6) => Some(netlink::hardware_address(value)),
        Field::Meta(6 | 7 | 17 | 18) => {
            // A name without its closing zero is a prefix.
            let star = if value.contains(&0) { "" } else { "*" };
            Some(format!("\"{}{star}\"", text(netlink::until_zero(value))))
        }
        Field::Payload(1, 9 | 6, 1) | Field::Meta(16) => value.first().map(|&n| protocol_name(n)),
        Field::Meta(15) => value.first().map(|&family| match family {
            2 => "ipv4".to_owned(),
            10 => "ipv6".to_owned(),
            other => other.to_string(),
        }),
        Field::Meta(2..=5 | 8..=14) => host_order().map(|number| number.to_string()),
        Field::Connection(0) => host_order().map(state_names),
        _ => None,
    };
    told.unwrap_or_else(|| hexadecimal(value))
}

/// Returns connection states (bits of `NF_CT_STATE_BIT`).
fn state_names(bits: u32) -> String {
    let names = ["invalid", "established", "related", "new"];
    let mut words: Vec<&str> =
        (0..).zip(names).filter(|&(bit, _)| bits >> bit & 1 == 1).map(|(_, name)| name).collect();
    if bits >> 6 & 1 == 1 {
        words.push("untracked");
    }
    if words.is_empty() { "0".to_owned() } else { words.join(",") }
}

fn protocol_name(number: u8) -> String {
    let name = match number {
        1 => "icmp",
        2 => "igmp",
        6 => "tcp",
        17 => "udp",
        47 => "gre",
        50 => "esp",
        58 => "ipv6-icmp",
        132 => "sctp",
        other => return other.to_string(),
    };
    name.to_owned()
}

fn hexadecimal(bytes: &[u8]) -> String {
    format!("0x{}", stanch_words::text::hex(bytes.get(..64).unwrap_or(bytes)))
}

impl Part {
    /// Returns the step in words.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Compare { field, mask, operator, value } => {
                let name = field_text(field);
                let operator = if *operator == "==" { "" } else { *operator };
                let told = value_text(field, value);
                // States are a mask: `ct state & (established,related) != 0` is nft's own form.
                let told = match (mask, field) {
                    (Some(mask), Field::Connection(0)) => {
                        return format!("{name} {}", value_text(field, mask));
                    }
                    (Some(mask), _) => match prefix(field, mask) {
                        Some(length) => format!("{told}/{length}"),
                        None => format!("& {} {told}", hexadecimal(mask)),
                    },
                    (None, _) => told,
                };
                let mut words = vec![name.as_str()];
                words.extend((!operator.is_empty()).then_some(operator));
                words.push(&told);
                words.join(" ")
            }
            Self::Lookup { field, set, inverted } => {
                let not = if *inverted { "!= " } else { "" };
                format!("{} {not}@{set}", field_text(field))
            }
            Self::Verdict(verdict) => verdict.to_string(),
            Self::Translate { how, address, port } => {
                let mut text = (*how).to_owned();
                if address.is_some() || port.is_some() {
                    text.push_str(" to ");
                }
                text.push_str(address.as_deref().unwrap_or_default());
                if let Some(port) = port {
                    text.push_str(&format!(":{port}"));
                }
                text
            }
            Self::Match { name, .. } => format!("xt match {name}"),
            Self::Target { name, .. } => format!("xt target {name}"),
            Self::Words(words) => words.clone(),
        }
    }

    /// Returns the port that packets are sent to instead of their own.
    pub(crate) fn redirect_port(&self) -> Option<u16> {
        match self {
            Self::Translate { how: "redirect" | "dnat" | "tproxy", port, .. } => *port,
            Self::Target { name, info } if name == "REDIRECT" || name == "DNAT" => {
                compat_port(info)
            }
            _ => None,
        }
    }
}

/// Returns the port in iptables' REDIRECT and DNAT: `struct nf_nat_ipv4_multi_range_compat`
/// (flags at 4, port at 16) or, longer, `struct nf_nat_range` (flags at 0, port at 36).
fn compat_port(info: &[u8]) -> Option<u16> {
    let (flags, port) = if info.len() >= 40 { (0, 36) } else { (4, 16) };
    // NF_NAT_RANGE_PROTO_SPECIFIED.
    let flags = netlink::u32_at(info, flags).filter(|flags| flags & 2 != 0);
    flags.and_then(|_specified| Some(u16::from_be_bytes(*info.get(port..)?.first_chunk()?)))
}

fn prefix(field: &Field, mask: &[u8]) -> Option<u32> {
    address_field(field).filter(|&(_, whole)| whole == mask.len())?;
    let ones: u32 = mask.iter().map(|byte| byte.leading_ones()).sum();
    let set: u32 = mask.iter().map(|byte| byte.count_ones()).sum();
    (ones == set).then_some(ones)
}
