//! The expressions of a rule: a small machine with registers, told as words.

use std::collections::BTreeMap;

use crate::netlink::{Attributes, address, until_zero};

/// What a register holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    /// Bytes of the packet: base (0 link, 1 network, 2 transport header), offset, length.
    Payload(u64, u64, u64),
    /// `NFT_META_*`.
    Meta(u64),
    /// `NFT_CT_*`.
    Connection(u64),
    /// A constant.
    Constant(Vec<u8>),
    /// Something else, by the expression's name.
    Other(String),
}

/// One step of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// A field, under a mask, compared with a value.
    Compare { field: Field, mask: Option<Vec<u8>>, operator: &'static str, value: Vec<u8> },
    /// A field looked up in a set.
    Lookup { field: Field, set: String, inverted: bool },
    /// Where the packet goes.
    Verdict(Verdict),
    /// Address translation: `snat`, `dnat`, `redirect`, `masquerade`, `tproxy`.
    Translate { how: &'static str, address: Option<String>, port: Option<u16> },
    /// A match of iptables.
    Match { name: String, info: Vec<u8> },
    /// A target of iptables.
    Target { name: String, info: Vec<u8> },
    /// Anything else, in words.
    Words(String),
}

/// Where a packet goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Accept,
    Drop,
    Return,
    Jump(String),
    Goto(String),
    Other(String),
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Accept => f.write_str("accept"),
            Self::Drop => f.write_str("drop"),
            Self::Return => f.write_str("return"),
            Self::Jump(chain) => write!(f, "jump {chain}"),
            Self::Goto(chain) => write!(f, "goto {chain}"),
            Self::Other(word) => f.write_str(word),
        }
    }
}

/// Packets and bytes.
type Counter = Option<(u64, u64)>;

#[derive(Default)]
struct Registers(BTreeMap<u64, (Field, Option<Vec<u8>>)>);

impl Registers {
    fn set(&mut self, register: Option<u64>, field: Field) {
        if let Some(register) = register {
            self.0.insert(slot(register), (field, None));
        }
    }

    fn get(&self, register: Option<u64>) -> (Field, Option<Vec<u8>>) {
        let held = register.and_then(|register| self.0.get(&slot(register)));
        held.cloned().unwrap_or_else(|| (Field::Other("unknown".to_owned()), None))
    }

    fn constant(&self, register: Option<u64>) -> Option<Vec<u8>> {
        register?;
        match self.get(register).0 {
            Field::Constant(bytes) => Some(bytes),
            _ => None,
        }
    }

    fn port(&self, register: Option<u64>) -> Option<u16> {
        Some(u16::from_be_bytes(*self.constant(register)?.first_chunk()?))
    }
}

/// Registers 1 to 4 are 16 bytes wide and lie over the 4-byte registers from 8 on.
fn slot(register: u64) -> u64 {
    match register {
        1..=4 => register.saturating_mul(4).saturating_add(4),
        other => other,
    }
}

/// Returns the steps of a list of expressions, or none if it does not add up.
pub(super) fn parts(list: &Attributes<'_>) -> Option<(Vec<Part>, Counter)> {
    let mut registers = Registers::default();
    let (mut parts, mut counter) = (Vec::new(), None);
    for &(_, element) in list.all() {
        let element = Attributes::of(element);
        let name = element.text(1)?;
        let data = element.inside(2);
        if !element.whole || !data.whole {
            return None;
        }
        match name {
            b"counter" => counter = data.big(2).zip(data.big(1)),
            b"payload" | b"meta" | b"ct" | b"bitwise" | b"byteorder" => {
                load(name, &data, &mut registers, &mut parts);
            }
            b"immediate" => immediate(&data, &mut registers, &mut parts),
            _ => parts.push(step(name, &data, &registers)),
        }
    }
    Some((parts, counter))
}

/// Expressions that fill a register (or write one back to the packet).
fn load(name: &[u8], data: &Attributes<'_>, registers: &mut Registers, parts: &mut Vec<Part>) {
    let write = |field: Field, parts: &mut Vec<Part>| {
        parts.push(Part::Words(format!("set {}", super::field_text(&field))));
    };
    match name {
        b"payload" => {
            let number = |kind| data.big(kind).unwrap_or(0);
            let field = Field::Payload(number(2), number(3), number(4));
            if data.big(5).is_some() {
                write(field, parts);
            } else {
                registers.set(data.big(1), field);
            }
        }
        b"meta" => {
            let field = Field::Meta(data.big(2).unwrap_or(u64::MAX));
            if data.big(3).is_some() {
                write(field, parts);
            } else {
                registers.set(data.big(1), field);
            }
        }
        b"ct" => {
            let field = Field::Connection(data.big(2).unwrap_or(u64::MAX));
            if data.big(4).is_some() {
                write(field, parts);
            } else {
                registers.set(data.big(1), field);
            }
        }
        b"bitwise" => {
            let (field, _) = registers.get(data.big(1));
            let mask = data.inside(4).get(1).map(<[u8]>::to_vec);
            if let Some(to) = data.big(2) {
                registers.0.insert(slot(to), (field, mask));
            }
        }
        _ => {
            let held = registers.get(data.big(1));
            if let Some(to) = data.big(2) {
                registers.0.insert(slot(to), held);
            }
        }
    }
}

fn immediate(data: &Attributes<'_>, registers: &mut Registers, parts: &mut Vec<Part>) {
    let value = data.inside(2);
    match value.get(2) {
        Some(verdict) => parts.push(Part::Verdict(verdict_of(&Attributes::of(verdict)))),
        None => {
            let bytes = value.get(1).unwrap_or_default().to_vec();
            registers.set(data.big(1), Field::Constant(bytes));
        }
    }
}

fn verdict_of(data: &Attributes<'_>) -> Verdict {
    let code = u32::try_from(data.big(1).unwrap_or(0)).unwrap_or(0).cast_signed();
    let chain = || stanch_words::text::from_bytes(data.text(2).unwrap_or_default());
    match code {
        0 => Verdict::Drop,
        1 => Verdict::Accept,
        3 => Verdict::Other("queue".to_owned()),
        -1 => Verdict::Other("continue".to_owned()),
        -2 => Verdict::Other("break".to_owned()),
        -3 => Verdict::Jump(chain()),
        -4 => Verdict::Goto(chain()),
        -5 => Verdict::Return,
        other => Verdict::Other(other.to_string()),
    }
}

/// Expressions that test or act.
fn step(name: &[u8], data: &Attributes<'_>, registers: &Registers) -> Part {
    let text =
        |kind: u16| stanch_words::text::from_bytes(until_zero(data.get(kind).unwrap_or_default()));
    let translate = |how, place: Option<u64>, port: Option<u64>| Part::Translate {
        how,
        address: registers.constant(place).as_deref().and_then(address),
        port: registers.port(port),
    };
    match name {
        b"cmp" => {
            let (field, mask) = registers.get(data.big(1));
            let operator = match data.big(2) {
                Some(0) => "==",
                Some(1) => "!=",
                Some(2) => "<",
                Some(3) => "<=",
                Some(4) => ">",
                _ => ">=",
            };
            let value = data.inside(3).get(1).unwrap_or_default().to_vec();
            Part::Compare { field, mask, operator, value }
        }
        b"lookup" => {
            let (field, _) = registers.get(data.big(2));
            Part::Lookup { field, set: text(1), inverted: data.big(5).is_some_and(|f| f & 1 == 1) }
        }
        b"range" => {
            let (field, _) = registers.get(data.big(1));
            let end =
                |kind| super::value_text(&field, data.inside(kind).get(1).unwrap_or_default());
            let not = if data.big(2) == Some(1) { "!= " } else { "" };
            let field = super::field_text(&field);
            Part::Words(format!("{field} {not}{}-{}", end(3), end(4)))
        }
        b"nat" => {
            let how = if data.big(1) == Some(0) { "snat" } else { "dnat" };
            translate(how, data.big(3), data.big(5))
        }
        b"masq" => translate("masquerade", None, data.big(2)),
        b"redir" => translate("redirect", None, data.big(1)),
        b"tproxy" => translate("tproxy", data.big(2), data.big(3)),
        b"match" => Part::Match { name: text(1), info: data.get(3).unwrap_or_default().to_vec() },
        b"target" => Part::Target { name: text(1), info: data.get(3).unwrap_or_default().to_vec() },
        b"log" => Part::Words(format!("log prefix \"{}\"", text(2))),
        b"limit" => {
            let number = |kind| data.big(kind).unwrap_or(0);
            Part::Words(format!("limit rate {}/{} s", number(1), number(2)))
        }
        b"reject" => Part::Words("reject".to_owned()),
        b"dynset" => Part::Words(format!("update @{}", text(1))),
        b"objref" => Part::Words(format!("object {}", text(2))),
        other => Part::Words(stanch_words::text::from_bytes(other)),
    }
}
