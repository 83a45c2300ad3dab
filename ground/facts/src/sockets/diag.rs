//! Sockets over netlink: sock_diag(7), include/uapi/linux/{inet_diag,unix_diag,tcp}.h.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use stanch_machine::{Kernel, Miss};

use super::{INET, Socket, TCP, UDP, UNIX};
use crate::netlink::{u16_at, u32_at, u64_at};

/// `NETLINK_SOCK_DIAG`.
const PROTOCOL: i32 = 4;
/// `SOCK_DIAG_BY_FAMILY`.
const BY_FAMILY: u16 = 20;
/// `NLM_F_REQUEST | NLM_F_DUMP`.
const DUMP: u16 = 0x1 | 0x300;
/// `NLMSG_DONE`, `NLMSG_ERROR`, `NLMSG_NOOP`.
const CONTROL: [u16; 3] = [3, 2, 1];

/// What one dump gave.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Dump {
    /// The sockets.
    pub sockets: Vec<Socket>,
    /// Messages whose lengths do not add up: a kernel never sends one, an answer edited on its way
    /// to us can be (the hiding trick of eBPF rootkits that rewrite the receive buffer).
    pub malformed: u64,
}

/// Asks the kernel for all sockets of a family and protocol in our network namespace.
pub fn dump(kernel: &dyn Kernel, family: u8, protocol: u8) -> Result<Dump, Miss> {
    let answers = kernel.netlink(PROTOCOL, &request(family, protocol))?;
    let mut dump = Dump::default();
    for datagram in &answers {
        parse(datagram, protocol, &mut dump);
    }
    Ok(dump)
}

fn request(family: u8, protocol: u8) -> Vec<u8> {
    let mut body = Vec::with_capacity(72);
    if family == UNIX {
        // struct unix_diag_req: states all; show name, peer, queue lengths, uid.
        body.extend([family, 0, 0, 0]);
        body.extend(u32::MAX.to_ne_bytes());
        body.extend(0_u32.to_ne_bytes());
        body.extend((0x01_u32 | 0x04 | 0x10 | 0x40).to_ne_bytes());
        body.extend([0; 8]);
    } else {
        // struct inet_diag_req_v2: INET_DIAG_INFO (2) for TCP's byte counts. All states, with
        // those that only newer kernels know (TCP_BOUND_INACTIVE, 13, since Linux 6.8).
        let extensions = if protocol == TCP { 1 << 1 } else { 0 };
        body.extend([family, protocol, extensions, 0]);
        body.extend(u32::MAX.to_ne_bytes());
        body.extend([0; 48]);
    }
    let length = u32::try_from(body.len().saturating_add(16)).unwrap_or(0);
    let mut message = Vec::with_capacity(88);
    message.extend(length.to_ne_bytes());
    message.extend(BY_FAMILY.to_ne_bytes());
    message.extend(DUMP.to_ne_bytes());
    message.extend(1_u32.to_ne_bytes());
    message.extend(0_u32.to_ne_bytes());
    message.extend(body);
    message
}

/// Parses one datagram of a dump.
pub fn parse(datagram: &[u8], protocol: u8, dump: &mut Dump) {
    let mut rest = datagram;
    while !rest.is_empty() {
        let (Some(length), Some(kind)) = (u32_at(rest, 0), u16_at(rest, 4)) else {
            dump.malformed = dump.malformed.saturating_add(1);
            return;
        };
        let length = length as usize;
        if length < 16 || length > rest.len() {
            dump.malformed = dump.malformed.saturating_add(1);
            return;
        }
        if !CONTROL.contains(&kind) {
            let body = rest.get(16..length).unwrap_or_default();
            match message(body, protocol) {
                Some(socket) => dump.sockets.push(socket),
                None => dump.malformed = dump.malformed.saturating_add(1),
            }
        }
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
}

fn message(body: &[u8], protocol: u8) -> Option<Socket> {
    if body.first() == Some(&UNIX) { unix(body) } else { internet(body, protocol) }
}

fn internet(body: &[u8], protocol: u8) -> Option<Socket> {
    let (&[family, state, _timer, _retransmits], _) = body.split_first_chunk::<4>()?;
    let mut socket = Socket {
        family,
        protocol,
        kind: match protocol {
            TCP => 1,
            UDP => 2,
            _ => 3,
        },
        state,
        local_port: port(body, 4)?,
        remote_port: port(body, 6)?,
        local: address(family, body.get(8..24)?),
        remote: address(family, body.get(24..40)?),
        interface: u32_at(body, 40)?,
        cookie: u64::from(u32_at(body, 44)?) | u64::from(u32_at(body, 48)?) << 32,
        queues: (u32_at(body, 56)?, u32_at(body, 60)?),
        uid: Some(u32_at(body, 64)?),
        inode: u64::from(u32_at(body, 68)?),
        ..Socket::default()
    };
    attributes(body.get(72..)?, |kind, value| {
        // INET_DIAG_INFO holds struct tcp_info; bytes_sent came with Linux 4.19.
        if kind == 2 && protocol == TCP {
            let sent = u64_at(value, 200).or_else(|| u64_at(value, 120));
            socket.bytes = sent.zip(u64_at(value, 128));
            socket.idle = u32_at(value, 44).zip(u32_at(value, 52));
        }
    })?;
    Some(socket)
}

fn unix(body: &[u8]) -> Option<Socket> {
    let (&[family, kind, state, _pad], _) = body.split_first_chunk::<4>()?;
    let mut socket = Socket {
        family,
        kind,
        state,
        inode: u64::from(u32_at(body, 4)?),
        cookie: u64::from(u32_at(body, 8)?) | u64::from(u32_at(body, 12)?) << 32,
        ..Socket::default()
    };
    attributes(body.get(16..)?, |kind, value| match kind {
        0 => socket.path = Some(name(value)),
        2 => socket.peer = u32_at(value, 0),
        4 => {
            if let Some(queues) = u32_at(value, 0).zip(u32_at(value, 4)) {
                socket.queues = queues;
            }
        }
        7 => socket.uid = u32_at(value, 0),
        _ => {}
    })?;
    Some(socket)
}

/// Returns a Unix socket's name as /proc shows it: an abstract one begins with `@`.
fn name(value: &[u8]) -> Box<[u8]> {
    match value {
        [0, rest @ ..] => [b"@", rest].concat().into(),
        path => path.split(|&b| b == 0).next().unwrap_or_default().into(),
    }
}

/// Walks attributes (`struct nlattr`); none unless they fill the space exactly.
fn attributes(mut rest: &[u8], mut each: impl FnMut(u16, &[u8])) -> Option<()> {
    while !rest.is_empty() {
        let length = usize::from(u16_at(rest, 0)?);
        let kind = u16_at(rest, 2)? & 0x3fff;
        each(kind, rest.get(4..length)?);
        // The last one may come without its padding.
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Some(())
}

fn address(family: u8, bytes: &[u8]) -> Option<IpAddr> {
    if family == INET {
        let four: [u8; 4] = bytes.get(..4)?.try_into().ok()?;
        return Some(Ipv4Addr::from(four).into());
    }
    let sixteen: [u8; 16] = bytes.try_into().ok()?;
    Some(Ipv6Addr::from(sixteen).into())
}

fn port(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..)?.first_chunk().copied()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrap(body: &[u8]) -> Vec<u8> {
        let mut message = Vec::new();
        message.extend((16 + u32::try_from(body.len()).unwrap()).to_ne_bytes());
        message.extend(BY_FAMILY.to_ne_bytes());
        message.extend([0; 10]);
        message.extend(body);
        message
    }

    fn ssh() -> Vec<u8> {
        let mut body = vec![INET, 1, 0, 0];
        body.extend(22_u16.to_be_bytes());
        body.extend(50_000_u16.to_be_bytes());
        body.extend([10, 0, 0, 1]);
        body.extend([0; 12]);
        body.extend([192, 0, 2, 7]);
        body.extend([0; 12]);
        for word in [0_u32, 5, 1, 0, 3, 4, 1000, 777] {
            body.extend(word.to_ne_bytes());
        }
        let mut info = vec![0_u8; 232];
        info[120..128].copy_from_slice(&11_u64.to_ne_bytes());
        info[128..136].copy_from_slice(&22_u64.to_ne_bytes());
        info[200..208].copy_from_slice(&33_u64.to_ne_bytes());
        body.extend(236_u16.to_ne_bytes());
        body.extend(2_u16.to_ne_bytes());
        body.extend(info);
        body
    }

    #[test]
    fn an_ssh_session_with_its_bytes() {
        let mut dump = Dump::default();
        parse(&wrap(&ssh()), TCP, &mut dump);
        assert_eq!(dump.malformed, 0);
        let socket = &dump.sockets[0];
        assert_eq!((socket.local_port, socket.remote_port, socket.inode), (22, 50_000, 777));
        assert_eq!(socket.remote.unwrap().to_string(), "192.0.2.7");
        assert_eq!((socket.bytes, socket.queues), (Some((33, 22)), (3, 4)));
        assert_eq!((socket.uid, socket.cookie), (Some(1000), 5 | 1 << 32));
        assert_eq!(socket.state_name(), "ESTABLISHED");
    }

    #[test]
    fn an_answer_cut_anywhere_is_counted_and_never_panics() {
        let whole = wrap(&ssh());
        for end in 1..whole.len() {
            let mut dump = Dump::default();
            parse(&whole[..end], TCP, &mut dump);
            assert_eq!((dump.sockets.len(), dump.malformed), (0, 1), "{end}");
        }
    }

    #[test]
    fn an_attribute_that_lies_about_its_length_is_counted() {
        let mut body = ssh();
        body[72] = 0xff;
        let mut dump = Dump::default();
        parse(&wrap(&body), TCP, &mut dump);
        assert_eq!((dump.sockets.len(), dump.malformed), (0, 1));
    }

    #[test]
    fn an_abstract_unix_socket_with_bytes_in_its_name() {
        let mut body = vec![UNIX, 1, LISTEN_STATE, 0];
        for word in [42_u32, 1, 0] {
            body.extend(word.to_ne_bytes());
        }
        body.extend(8_u16.to_ne_bytes());
        body.extend(0_u16.to_ne_bytes());
        body.extend(b"\0a\n\xff");
        let mut dump = Dump::default();
        parse(&wrap(&body), 0, &mut dump);
        assert_eq!(dump.sockets[0].path.as_deref(), Some(&b"@a\n\xff"[..]));
        assert_eq!(dump.sockets[0].inode, 42);
    }

    const LISTEN_STATE: u8 = super::super::LISTEN;
}
