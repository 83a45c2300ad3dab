//! Requests of netlink, and the messages of an answer.
//!
//! Source: netlink(7).

pub(crate) use stanch_machine::netlink::attribute;

/// `NETLINK_ROUTE`.
pub(crate) const ROUTE: i32 = 0;
/// `NETLINK_SOCK_DIAG`.
pub(crate) const SOCK_DIAG: i32 = 4;
/// `NETLINK_NETFILTER`.
pub(crate) const NETFILTER: i32 = 12;

/// What a request wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wants {
    /// A whole list (`NLM_F_REQUEST | NLM_F_DUMP`).
    List,
    /// One answer (`NLM_F_REQUEST`).
    Answer,
    /// That something happens, and an acknowledgement (`NLM_F_REQUEST | NLM_F_ACK` and more).
    Deed {
        /// `NLM_F_CREATE` and its like.
        flags: u16,
    },
}

/// Returns a request with its header.
pub(crate) fn request(kind: u16, wants: Wants, body: &[u8]) -> Vec<u8> {
    let flags: u16 = match wants {
        Wants::List => 0x301,
        Wants::Answer => 1,
        Wants::Deed { flags } => 5 | flags,
    };
    stanch_machine::netlink::request(kind, flags, body)
}

/// Returns the bodies of an answer's messages, without marks of the end.
pub(crate) fn bodies(datagrams: &[Vec<u8>]) -> Vec<&[u8]> {
    let mut found = Vec::new();
    for datagram in datagrams {
        let mut rest = datagram.as_slice();
        while let Some((header, _)) = rest.split_first_chunk::<16>() {
            let [l0, l1, l2, l3, k0, k1, ..] = *header;
            let length = u32::from_ne_bytes([l0, l1, l2, l3]) as usize;
            // 1 no-op, 2 error or acknowledgement, 3 end of the list.
            if u16::from_ne_bytes([k0, k1]) > 3 {
                found.extend(rest.get(16..length));
            }
            let step = length.max(16).next_multiple_of(4).min(rest.len());
            rest = rest.get(step..).unwrap_or_default();
        }
    }
    found
}

/// Returns the attributes of a message as far as they add up: kind and content.
pub(crate) fn attributes(bytes: &[u8]) -> Vec<(u16, &[u8])> {
    let mut found = Vec::new();
    let mut rest = bytes;
    while let Some((header, _)) = rest.split_first_chunk::<4>() {
        let [l0, l1, k0, k1] = *header;
        let length = usize::from(u16::from_ne_bytes([l0, l1]));
        let Some(content) = rest.get(4..length) else { break };
        // The upper two bits say "nested" and "network order".
        found.push((u16::from_ne_bytes([k0, k1]) & 0x3fff, content));
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    found
}
