//! Sockets as `/proc/PID/net` lists them: proc_net(5), net/ipv4/tcp_ipv4.c, net/unix/af_unix.c.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{INET, INET6, RAW, Socket, TCP, UDP, UNIX};
use crate::process_files::{hexadecimal, number, words};

/// The lists that are read of a namespace which is not ours.
pub const FILES: [&str; 7] = ["tcp", "tcp6", "udp", "udp6", "raw", "raw6", "unix"];

/// Parses one list; returns how many lines were no sockets.
pub fn parse(file: &str, bytes: &[u8], list: &mut Vec<Socket>) -> u64 {
    let mut bad = 0_u64;
    // The first line is the heading.
    for line in bytes.split(|&b| b == b'\n').skip(1) {
        if line.is_empty() {
            continue;
        }
        match if file == "unix" { unix(line) } else { internet(file, line) } {
            Some(socket) => list.push(socket),
            None => bad = bad.saturating_add(1),
        }
    }
    bad
}

fn internet(file: &str, line: &[u8]) -> Option<Socket> {
    let family = if file.ends_with('6') { INET6 } else { INET };
    let (protocol, kind) = match file.trim_end_matches('6') {
        "tcp" => (TCP, 1),
        "udp" => (UDP, 2),
        _ => (RAW, 3),
    };
    let mut fields = words(line);
    fields.next()?.strip_suffix(b":")?;
    let (local, local_port) = end(fields.next()?)?;
    let (remote, remote_port) = end(fields.next()?)?;
    let state = u8::try_from(hexadecimal(fields.next()?)?).ok()?;
    let mut queues = fields.next()?.split(|&b| b == b':').map(hexadecimal);
    let (tx, rx) = (queues.next()??, queues.next()??);
    let (_timer, _retransmits) = (fields.next()?, fields.next()?);
    let uid = u32::try_from(number(fields.next()?)?).ok()?;
    let _timeout = fields.next()?;
    Some(Socket {
        family,
        // A raw socket's "port" is its protocol.
        protocol: if protocol == RAW { u8::try_from(local_port).unwrap_or(RAW) } else { protocol },
        kind,
        state,
        local: Some(local),
        remote: Some(remote),
        local_port: if protocol == RAW { 0 } else { local_port },
        remote_port,
        inode: number(fields.next()?)?.cast_unsigned(),
        uid: Some(uid),
        queues: (u32::try_from(rx).unwrap_or(u32::MAX), u32::try_from(tx).unwrap_or(u32::MAX)),
        ..Socket::default()
    })
}

/// Parses `0100007F:0016`: 32-bit words as the machine holds them, and the port.
fn end(field: &[u8]) -> Option<(IpAddr, u16)> {
    let colon = field.iter().position(|&b| b == b':')?;
    let port = u16::try_from(hexadecimal(field.get(colon.checked_add(1)?..)?)?).ok()?;
    let address = field.get(..colon)?;
    let mut bytes = [0_u8; 16];
    if !matches!(address.len(), 8 | 32) {
        return None;
    }
    for (to, from) in bytes.chunks_exact_mut(4).zip(address.chunks_exact(8)) {
        to.copy_from_slice(&u32::try_from(hexadecimal(from)?).ok()?.to_ne_bytes());
    }
    let [a, b, c, d, ..] = bytes;
    let address = if address.len() == 8 {
        IpAddr::from(Ipv4Addr::new(a, b, c, d))
    } else {
        Ipv6Addr::from(bytes).into()
    };
    Some((address, port))
}

/// Parses `Num RefCount Protocol Flags Type St Inode Path`. The path is the rest of the line: a
/// name with a newline in it makes further lines, which are then counted as no sockets.
fn unix(line: &[u8]) -> Option<Socket> {
    let mut fields = words(line);
    fields.next()?.strip_suffix(b":")?;
    let (_references, _protocol) = (hexadecimal(fields.next()?)?, hexadecimal(fields.next()?)?);
    let flags = hexadecimal(fields.next()?)?;
    let kind = u8::try_from(hexadecimal(fields.next()?)?).ok()?;
    let state = hexadecimal(fields.next()?)?;
    let inode = fields.next()?;
    let start = (inode.as_ptr() as usize).wrapping_sub(line.as_ptr() as usize);
    let path = line.get(start.checked_add(inode.len())?.checked_add(1)?..).unwrap_or_default();
    Some(Socket {
        family: UNIX,
        kind,
        // `__SO_ACCEPTCON` (1 << 16) marks a listener; SS_CONNECTED is 3.
        state: match (flags & 1 << 16 != 0, state) {
            (true, _) => super::LISTEN,
            (false, 3) => super::ESTABLISHED,
            _ => 7,
        },
        inode: number(inode)?.cast_unsigned(),
        path: (!path.is_empty()).then(|| path.into()),
        ..Socket::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TCP_LIST: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   0: 0100007F:0016 00000000:0000 0A 00000001:00000002 00:00000000 00000000  1000        0 12345 1 0000000000000000 100 0 0 10 0\n";

    #[test]
    fn a_listener() {
        let mut list = Vec::new();
        assert_eq!(parse("tcp", TCP_LIST.as_bytes(), &mut list), 0);
        let socket = &list[0];
        let expected = if cfg!(target_endian = "little") { "127.0.0.1" } else { "1.0.0.127" };
        assert_eq!(socket.local.unwrap().to_string(), expected);
        assert_eq!((socket.local_port, socket.inode, socket.state_name()), (22, 12345, "LISTEN"));
        assert_eq!((socket.queues, socket.uid), ((2, 1), Some(1000)));
        assert!(socket.is_listening() && !socket.is_connected());
    }

    #[test]
    fn a_list_cut_anywhere_loses_at_most_its_last_line() {
        for end in 0..TCP_LIST.len() {
            let mut list = Vec::new();
            let bad = parse("tcp", &TCP_LIST.as_bytes()[..end], &mut list);
            let cut = TCP_LIST.as_bytes()[..end].split(|&b| b == b'\n');
            let lines = cut.skip(1).filter(|line| !line.is_empty()).count() as u64;
            assert_eq!(bad + list.len() as u64, lines, "{end}");
        }
    }

    #[test]
    fn raw_and_version_six() {
        let line = "heading\n  1: 00000000000000000000000001000000:003A 00000000000000000000000000000000:0000 07 0:0 0:0 0 0 0 7 2 x\n";
        let mut list = Vec::new();
        assert_eq!(parse("raw6", line.as_bytes(), &mut list), 0);
        assert_eq!((list[0].protocol, list[0].local_port, list[0].family), (58, 0, INET6));
        if cfg!(target_endian = "little") {
            assert_eq!(list[0].local.unwrap().to_string(), "::1");
        }
    }

    #[test]
    fn unix_names_and_a_forged_line() {
        let text = b"Num RefCount\n0000: 00000002 00000000 00010000 0001 01 111 @a b\n0000: 00000003 00000000 00000000 0001 03 222\n0000: 2 0 0 1 1 333 /x\ny forged\n";
        let mut list = Vec::new();
        assert_eq!(parse("unix", text, &mut list), 1);
        assert_eq!(list.len(), 3);
        assert_eq!(list[0].path.as_deref(), Some(&b"@a b"[..]));
        assert_eq!((list[0].state, list[1].state, list[1].inode), (10, 1, 222));
        assert_eq!(list[1].path, None);
    }
}
