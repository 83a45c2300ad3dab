//! Sockets that see packets before the firewall does: sniffers, and doors that wait for a magic
//! packet.
//!
//! Source: packet(7); packet_diag over netlink (linux/packet_diag.h); `/proc/net/packet`
//! (net/packet/af_packet.c). Each view is a witness for the other. A filter attached as an eBPF
//! program is not told by the kernel: its length shows as 0.

use std::collections::BTreeMap;
use std::path::Path;

use stanch_machine::limits;
use stanch_words::{Ask, Gap, GapKind, Row, Seen, table_spec};

use crate::Host;
use crate::lines::{number, words};
use crate::links::Links;
use crate::netlink::{self, Attributes, u16_at, u32_at};
use crate::socket_holders::Holders;
use crate::sockets;

table_spec! {
    /// Packet sockets.
    pub static SPEC, col = "packet_sockets": Live, "Packet sockets of all network namespaces, one row a socket.";
    inode BigInt Plain "Socket's inode.";
    r#type Integer Plain "Socket type: 3 raw (with link header), 2 datagram.";
    protocol Integer Plain "Ethernet protocol it receives: 3 all, 2048 IPv4; 0 none yet.";
    interface Text Plain "Interface it is bound to; empty for all.";
    uid BigInt Plain "Owner's user id.";
    filter_length Integer Plain "Instructions of its classic BPF filter, 0 for none; empty where only /proc told of it.";
    pid BigInt Plain "First process that holds it; empty if no visible one does.";
    name Text Plain "That process's name.";
    path Text Plain "That process's program.";
    in_netlink Integer Plain "1 if packet_diag tells of it; empty if it could not be asked.";
    in_proc Integer Plain "1 if /proc/net/packet tells of it.";
    pids Text Plain "All processes that hold it, joined by commas.";
    filter Text Plain "The filter's instructions, hexadecimal, at most 512 of them.";
    memory BigInt Plain "Bytes waiting to be read.";
    net_namespace BigInt Plain "Inode of the network namespace.";
}

/// One socket, from either view.
#[derive(Debug, Default)]
struct Socket {
    kind: u32,
    protocol: u32,
    index: u32,
    uid: Option<u32>,
    memory: Option<u32>,
    /// Instructions and their bytes.
    filter: Option<(usize, String)>,
    in_netlink: bool,
    in_proc: bool,
}

type Sockets = BTreeMap<u64, Socket>;

/// Asks packet_diag and reads `/proc`.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    let own = sockets::own_namespace(host);
    let mut found = Sockets::new();
    listed(host, "/proc/self/net/packet", &mut found, seen);
    // A second look for sockets that were opened or closed between the two views.
    let asked = diagnosed(host, &mut found, seen);
    if asked && found.values().any(|socket| socket.in_netlink != socket.in_proc) {
        let mut again = Sockets::new();
        listed(host, "/proc/self/net/packet", &mut again, &mut Seen::default());
        diagnosed(host, &mut again, &mut Seen::default());
        found = again;
    }
    let links = Links::of(host, SPEC.name, seen);
    let mut all = vec![(own, asked, found)];
    for (namespace, pid) in sockets::other_namespaces(host, own, seen) {
        let mut found = Sockets::new();
        listed(host, &format!("/proc/{pid}/net/packet"), &mut found, seen);
        all.push((Some(namespace), false, found));
    }
    if all.iter().all(|(.., found)| found.is_empty()) {
        return;
    }
    let holders = Holders::of(host, SPEC.name, seen);
    for (namespace, asked, found) in all {
        for (inode, socket) in found {
            let interface = match socket.index {
                0 => String::new(),
                index if namespace == own => links.name(index),
                index => index.to_string(),
            };
            let holder = holders.get(host, inode);
            let mut row = row_of(inode, &socket);
            row.put(col::interface, interface)
                .put(col::in_netlink, asked.then_some(socket.in_netlink))
                .put(col::net_namespace, namespace)
                .put(col::pid, holder.pid)
                .put(col::pids, holder.pids)
                .put(col::name, holder.name)
                .put(col::path, holder.path);
            seen.push(row);
        }
    }
}

fn row_of(inode: u64, socket: &Socket) -> Row {
    let mut row = SPEC.row();
    row.put(col::inode, inode)
        .put(col::r#type, socket.kind)
        .put(col::protocol, socket.protocol)
        .put(col::uid, socket.uid)
        .put(col::filter_length, socket.filter.as_ref().map(|(length, _)| *length))
        .put(col::filter, socket.filter.as_ref().map(|(_, text)| text.as_str()))
        .put(col::memory, socket.memory)
        .put(col::in_proc, socket.in_proc);
    row
}

/// Asks packet_diag; returns whether it answered.
fn diagnosed(host: &Host, found: &mut Sockets, seen: &mut Seen) -> bool {
    // Asking loads the module that answers (af_packet_diag), which changes the machine. Where it
    // is not there, that is only worth it for the filter of a socket that /proc tells of.
    let modules = host.machine().read(Path::new("/proc/modules"), limits::PSEUDO_FILE);
    let loaded =
        modules.map_or(true, |text| memchr::memmem::find(&text.bytes, b"packet_diag ").is_some());
    if !loaded && found.is_empty() {
        let detail = "packet_diag is not loaded, so only /proc was asked";
        seen.gap(Gap::new(SPEC.name, GapKind::NotHere, detail));
        return false;
    }
    let gaps = seen.gaps.len();
    // struct packet_diag_req: AF_PACKET; show info, memory and filter. NETLINK_SOCK_DIAG 4,
    // SOCK_DIAG_BY_FAMILY 20.
    let show = (0x1_u32 | 0x10 | 0x20).to_ne_bytes();
    let body = [&[17, 0, 0, 0, 0, 0, 0, 0][..], &show, &[0; 8]].concat();
    let datagrams = netlink::dump(host, SPEC.name, (4, 20), &body, seen);
    if seen.gaps.len() > gaps {
        return false;
    }
    parse_netlink(&datagrams, found, seen);
    true
}

fn parse_netlink(datagrams: &[Vec<u8>], found: &mut Sockets, seen: &mut Seen) {
    for message in netlink::messages(datagrams, SPEC.name, seen) {
        if one(message.body, found, seen).is_none() {
            netlink::damaged(SPEC.name, "a packet socket's message is not understood", seen);
        }
    }
}

fn one(body: &[u8], found: &mut Sockets, seen: &mut Seen) -> Option<()> {
    let (kind, protocol) = (*body.get(1)?, u16_at(body, 2)?);
    let inode = u64::from(u32_at(body, 4)?);
    let attributes = Attributes::of(body.get(16..)?);
    if !attributes.whole {
        return None;
    }
    // PACKET_DIAG_INFO 0, UID 5, MEMINFO 6, FILTER 7.
    let filter = attributes.get(7);
    if filter == Some(&[]) {
        let gap = Gap::new(SPEC.name, GapKind::Denied, "filters are shown to root alone");
        if !seen.gaps.contains(&gap) {
            seen.gap(gap);
        }
    }
    let socket = found.entry(inode).or_default();
    socket.in_netlink = true;
    socket.kind = u32::from(kind);
    socket.protocol = u32::from(protocol);
    socket.index = attributes.u32(0).unwrap_or(socket.index);
    socket.uid = attributes.u32(5).or(socket.uid);
    socket.memory = attributes.u32(6).or(socket.memory);
    // struct sock_filter is 8 bytes.
    socket.filter = match filter {
        Some([]) => None,
        Some(bytes) => {
            Some((bytes.len() / 8, stanch_words::text::hex(bytes.get(..512 * 8).unwrap_or(bytes))))
        }
        None => Some((0, String::new())),
    };
    Some(())
}

fn listed(host: &Host, path: &str, found: &mut Sockets, seen: &mut Seen) {
    if let Some(bytes) = host.read(SPEC.name, Path::new(path), limits::PSEUDO_FILE, seen) {
        parse_listed(&bytes, path, found, seen);
    }
}

/// Parses `/proc/net/packet`: `sk RefCnt Type Proto Iface R Rmem User Inode`.
fn parse_listed(bytes: &[u8], path: &str, found: &mut Sockets, seen: &mut Seen) {
    for (at, line) in (1_u64..).zip(bytes.split(|&b| b == b'\n')).skip(1) {
        if line.is_empty() {
            continue;
        }
        let words: Vec<&[u8]> = words(line).collect();
        let [_, _, kind, protocol, index, _, memory, uid, inode] = words[..] else {
            let detail = format!("line {at} is not understood");
            seen.gap(Gap::new(SPEC.name, GapKind::Damaged, detail).at(path));
            continue;
        };
        let protocol = std::str::from_utf8(protocol).ok();
        let protocol = protocol.and_then(|text| u32::from_str_radix(text, 16).ok());
        let (Some(inode), Some(kind), Some(protocol)) = (number(inode), number(kind), protocol)
        else {
            let detail = format!("line {at} is not understood");
            seen.gap(Gap::new(SPEC.name, GapKind::Damaged, detail).at(path));
            continue;
        };
        let socket: &mut Socket = found.entry(inode).or_default();
        socket.in_proc = true;
        socket.kind = kind;
        socket.protocol = protocol;
        socket.index = number(index).unwrap_or(0);
        socket.uid = number(uid);
        socket.memory = number(memory);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::made::{attribute, cut_everywhere, message};

    fn made(inode: u32, filter: &[u8]) -> Vec<u8> {
        let mut body = vec![17, 3, 3, 0];
        body.extend(inode.to_ne_bytes());
        body.extend([0; 8]);
        body.extend(attribute(0, &[2, 0, 0, 0]));
        body.extend(attribute(7, filter));
        message(20, &body)
    }

    #[test]
    fn a_filter_of_two_instructions_that_only_netlink_tells() {
        let (mut found, mut seen) = (Sockets::new(), Seen::default());
        parse_netlink(&[made(900, &[0x28; 16])], &mut found, &mut seen);
        let text = b"sk RefCnt Type Proto Iface R Rmem User Inode\n\
            ffff 3 3 0003 2 1 512 0 901\nffff 3 x 0003 2 1 0 0 902\nhalf\n";
        parse_listed(text, "/proc/net/packet", &mut found, &mut seen);
        let hidden = &found[&900];
        assert!(hidden.in_netlink && !hidden.in_proc);
        assert_eq!(hidden.filter, Some((2, "28".repeat(16))));
        assert_eq!((hidden.index, hidden.protocol, hidden.kind), (2, 3, 3));
        let other = &found[&901];
        assert!(other.in_proc && !other.in_netlink && other.filter.is_none());
        assert_eq!(other.memory, Some(512));
        assert_eq!((found.len(), seen.gaps.len()), (2, 2));
    }

    #[test]
    fn a_filter_that_is_not_shown_is_a_gap() {
        let (mut found, mut seen) = (Sockets::new(), Seen::default());
        parse_netlink(&[made(900, &[])], &mut found, &mut seen);
        assert_eq!(found[&900].filter, None);
        assert_eq!(seen.gaps[0].kind, GapKind::Denied);
    }

    #[test]
    fn cut_at_every_byte() {
        cut_everywhere(&made(900, &[1; 8]), |datagrams| {
            let (mut found, mut seen) = (Sockets::new(), Seen::default());
            parse_netlink(datagrams, &mut found, &mut seen);
            (found.len(), seen.gaps.len())
        });
    }
}
