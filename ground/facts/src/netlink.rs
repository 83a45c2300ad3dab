//! Netlink messages: made and taken apart, without trust in their lengths.
//!
//! Source: netlink(7), rtnetlink(7), linux/netlink.h.

use stanch_words::{Gap, GapKind, Seen};

use crate::Host;

/// `NETLINK_ROUTE`.
pub(crate) const ROUTE: i32 = 0;
/// `NETLINK_NETFILTER`.
pub(crate) const NETFILTER: i32 = 12;

/// `NLM_F_REQUEST | NLM_F_DUMP`.
const REQUEST_DUMP: u16 = 0x301;
/// `NLM_F_DUMP_INTR`: the list changed while it was told.
const INTERRUPTED: u16 = 0x10;

/// One message of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Message<'a> {
    pub(crate) kind: u16,
    pub(crate) body: &'a [u8],
}

/// Asks for a whole list. Every miss is a gap: a list that cannot be asked for is not empty.
pub(crate) fn dump(
    host: &Host,
    table: &str,
    (protocol, kind): (i32, u16),
    body: &[u8],
    seen: &mut Seen,
) -> Vec<Vec<u8>> {
    let Some(kernel) = host.kernel(table, seen) else { return Vec::new() };
    match kernel.netlink(protocol, &request(kind, body)) {
        Ok(datagrams) => datagrams,
        Err(miss) => {
            seen.gap(miss.gap(table));
            Vec::new()
        }
    }
}

/// Returns a dump request with its header.
pub(crate) fn request(kind: u16, body: &[u8]) -> Vec<u8> {
    stanch_machine::netlink::request(kind, REQUEST_DUMP, body)
}

/// Returns the messages of an answer without its end marks. What does not add up is a gap.
pub(crate) fn messages<'a>(
    datagrams: &'a [Vec<u8>],
    table: &str,
    seen: &mut Seen,
) -> Vec<Message<'a>> {
    let mut found = Vec::new();
    let mut interrupted = false;
    for datagram in datagrams {
        let mut rest = &datagram[..];
        while !rest.is_empty() {
            let length = u32_at(rest, 0).and_then(|length| usize::try_from(length).ok());
            let message = length.filter(|&length| length >= 16).and_then(|n| rest.get(..n));
            let (Some(message), Some(kind), Some(flags)) =
                (message, u16_at(rest, 4), u16_at(rest, 6))
            else {
                damaged(table, "a message is longer than the answer", seen);
                break;
            };
            interrupted |= flags & INTERRUPTED != 0;
            let body = message.get(16..).unwrap_or_default();
            // 1 no-op, 2 error or acknowledgement (told by the kernel's answer itself), 3 end.
            if kind > 3 {
                found.push(Message { kind, body });
            }
            rest = rest.get(message.len().next_multiple_of(4)..).unwrap_or_default();
        }
    }
    if interrupted {
        seen.gap(Gap::new(table, GapKind::Changed, "the list changed while it was read"));
    }
    found
}

/// Leaves a gap for an answer that does not add up.
pub(crate) fn damaged(table: &str, detail: &str, seen: &mut Seen) {
    let gap = Gap::new(table, GapKind::Damaged, detail);
    if !seen.gaps.contains(&gap) {
        seen.gap(gap);
    }
}

/// The attributes of a message, in their order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Attributes<'a> {
    list: Vec<(u16, &'a [u8])>,
    /// Whether the lengths filled the space exactly (the last may lack its padding).
    pub(crate) whole: bool,
}

impl<'a> Attributes<'a> {
    /// Takes attributes apart as far as they add up.
    pub(crate) fn of(bytes: &'a [u8]) -> Self {
        let mut list = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            let length = u16_at(rest, 0).map(usize::from).filter(|&length| length >= 4);
            let (Some(length), Some(kind)) = (length, u16_at(rest, 2)) else {
                return Self { list, whole: false };
            };
            let Some(data) = rest.get(4..length) else { return Self { list, whole: false } };
            // The upper two bits say "nested" and "network order".
            list.push((kind & 0x3fff, data));
            rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        }
        Self { list, whole: true }
    }

    /// Returns the data of the first attribute of a kind.
    pub(crate) fn get(&self, kind: u16) -> Option<&'a [u8]> {
        self.list.iter().find(|(k, _)| *k == kind).map(|(_, data)| *data)
    }

    /// Returns the attributes inside another.
    pub(crate) fn inside(&self, kind: u16) -> Self {
        self.get(kind).map_or_else(|| Self { list: Vec::new(), whole: true }, Self::of)
    }

    /// Returns a number in the host's order.
    pub(crate) fn u32(&self, kind: u16) -> Option<u32> {
        u32_at(self.get(kind)?, 0)
    }

    /// Returns a number in network order, of 1, 2, 4 or 8 bytes, as nf_tables sends them.
    pub(crate) fn big(&self, kind: u16) -> Option<u64> {
        let data = self.get(kind)?;
        (data.len() <= 8).then(|| data.iter().fold(0, |n, &byte| n << 8 | u64::from(byte)))
    }

    /// Returns a text without its closing zero.
    pub(crate) fn text(&self, kind: u16) -> Option<&'a [u8]> {
        self.get(kind).map(until_zero)
    }

    /// Returns all attributes in order.
    pub(crate) fn all(&self) -> &[(u16, &'a [u8])] {
        &self.list
    }
}

/// Returns the bytes before the first zero.
pub(crate) fn until_zero(bytes: &[u8]) -> &[u8] {
    bytes.split(|&b| b == 0).next().unwrap_or_default()
}

/// Returns a number in the host's order at an offset.
pub(crate) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// Returns a number in the host's order at an offset.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// Returns a number in the host's order at an offset.
pub(crate) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// Returns an IPv4 or IPv6 address as text, by its length.
pub(crate) fn address(bytes: &[u8]) -> Option<String> {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Some(std::net::Ipv4Addr::from(four).to_string());
    }
    let sixteen = <[u8; 16]>::try_from(bytes).ok()?;
    Some(std::net::Ipv6Addr::from(sixteen).to_string())
}

/// Returns a hardware address as `aa:bb:…`.
pub(crate) fn hardware_address(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(bytes.len().saturating_mul(3));
    for byte in bytes.iter().take(32) {
        let colon = if text.is_empty() { "" } else { ":" };
        // Writing to a String cannot fail.
        let _infallible = write!(text, "{colon}{byte:02x}");
    }
    text
}

/// Messages for tests.
#[cfg(test)]
pub(crate) mod made {
    pub(crate) use stanch_machine::netlink::attribute;

    /// Returns a message with its header and padding.
    pub(crate) fn message(kind: u16, body: &[u8]) -> Vec<u8> {
        let mut bytes = super::request(kind, body);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    /// Calls a parser with every prefix of a datagram: it must neither panic nor be silent about
    /// what was cut, unless the cut is at a message's end.
    pub(crate) fn cut_everywhere(datagram: &[u8], parse: impl Fn(&[Vec<u8>]) -> (usize, usize)) {
        let (whole, none) = parse(&[datagram.to_vec()]);
        assert!(whole > 0 && none == 0, "the whole datagram: {whole} rows, {none} gaps");
        for length in 1..datagram.len() {
            let (rows, gaps) = parse(&[datagram[..length].to_vec()]);
            assert!(rows < whole || gaps > 0 || length + 4 > datagram.len(), "cut at {length}");
            assert!(rows <= whole, "cut at {length}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_that_lie_are_gaps() {
        let mut seen = Seen::default();
        let good = made::message(16, &made::attribute(3, b"eth0\0"));
        let mut lying = good.clone();
        lying[0] = 0xff;
        let datagrams = [good, lying, vec![4, 0, 0, 0]];
        let found = messages(&datagrams, "t", &mut seen);
        assert_eq!(found.len(), 1);
        assert_eq!(Attributes::of(found[0].body).text(3), Some(&b"eth0"[..]));
        assert_eq!(seen.gaps.len(), 1, "one gap for the same words");
        for bytes in [&[3, 0, 1, 0][..], &[200, 0, 1, 0], &[8, 0, 1]] {
            assert!(!Attributes::of(bytes).whole, "{bytes:?}");
        }
    }

    #[test]
    fn numbers_in_network_order_of_any_width() {
        let bytes = [made::attribute(1, &[1, 0]), made::attribute(2, &[0; 9])].concat();
        let attributes = Attributes::of(&bytes);
        assert_eq!(
            (attributes.big(1), attributes.big(2), attributes.big(3)),
            (Some(256), None, None)
        );
    }
}
