//! Sockets that netlink shows and /proc does not, or the other way round.
//!
//! Both come from the same tables in the kernel. A rootkit that edits one answer (a hook on
//! `tcp4_seq_show`, an eBPF program that rewrites the receive buffer) forgets the other.
//!
//! Source: sock_diag(7), proc_net(5).

use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;
use std::time::Duration;

use stanch_machine::Kernel;
use stanch_words::{Ask, Gap, GapKind, Seen, table_spec};

use crate::Host;
use crate::sockets::{self, HALF_OPEN, INET, INET6, Socket, TCP, TIME_WAIT, UDP, diag};

table_spec! {
    /// Disagreements about sockets.
    pub static SPEC, col = "socket_disagreements": Live, "TCP and UDP sockets of our network namespace that only one of netlink and /proc shows.";
    protocol Integer Plain "Transport protocol: 6 TCP, 17 UDP.";
    local_address Text Plain "Local address.";
    local_port Integer Plain "Local port.";
    remote_address Text Plain "Remote address.";
    remote_port Integer Plain "Remote port.";
    inode BigInt Plain "Socket's inode.";
    in_netlink Integer Plain "1 if netlink shows it.";
    in_proc Integer Plain "1 if /proc shows it.";
    confirmed Integer Plain "How many further looks agreed, out of three.";
    state Text Plain "TCP state.";
}

/// Looks that must agree after the first.
const LOOKS: i64 = 3;
const BETWEEN: Duration = Duration::from_millis(60);

type Key = ((u8, Option<IpAddr>, u16, Option<IpAddr>, u16), u64);

/// A socket, and whether netlink (else /proc) is the one to show it.
type Found = BTreeMap<(Key, bool), Socket>;

/// Compares both lists, again while they differ.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    let Some(kernel) = host.kernel(SPEC.name, seen) else { return };
    let Some(mut differing) = look(host, kernel, seen) else { return };
    for _look in 0..LOOKS {
        if differing.is_empty() {
            return;
        }
        kernel.sleep(BETWEEN);
        let Some(again) = look(host, kernel, &mut Seen::default()) else { return };
        differing.retain(|key, _| again.contains_key(key));
    }
    for ((_, in_netlink), socket) in differing {
        let mut row = SPEC.row();
        row.put(col::protocol, socket.protocol)
            .put(col::local_address, socket.local.map(|address| address.to_string()))
            .put(col::local_port, socket.local_port)
            .put(col::remote_address, socket.remote.map(|address| address.to_string()))
            .put(col::remote_port, socket.remote_port)
            .put(col::inode, socket.inode)
            .put(col::in_netlink, in_netlink)
            .put(col::in_proc, !in_netlink)
            .put(col::confirmed, LOOKS)
            .put(col::state, socket.state_name());
        seen.push(row);
    }
}

fn look(host: &Host, kernel: &dyn Kernel, seen: &mut Seen) -> Option<Found> {
    let (mut dumped, mut listed) = (Vec::new(), Vec::new());
    for (family, protocol, file) in
        [(INET, TCP, "tcp"), (INET6, TCP, "tcp6"), (INET, UDP, "udp"), (INET6, UDP, "udp6")]
    {
        match diag::dump(kernel, family, protocol) {
            Ok(dump) => {
                if dump.malformed > 0 {
                    let detail = format!("{} answers over netlink do not add up", dump.malformed);
                    seen.gap(Gap::new(SPEC.name, GapKind::Damaged, detail).at(file));
                }
                dumped.extend(dump.sockets);
            }
            Err(miss) => {
                seen.gap(miss.gap(SPEC.name));
                return None;
            }
        }
        let mut gaps = Seen::default();
        sockets::read_listed(host, "/proc/self/net", &[file], &mut listed, &mut gaps);
        for gap in gaps.gaps {
            seen.gap(Gap { what: SPEC.name.to_owned(), ..gap });
        }
    }
    Some(differing(&dumped, &listed))
}

/// Returns the sockets that stand in one list only.
fn differing(dumped: &[Socket], listed: &[Socket]) -> Found {
    let keys = |list: &[Socket]| -> HashSet<Key> {
        list.iter().filter(|socket| is_lasting(socket)).map(key).collect()
    };
    let (in_netlink, in_proc) = (keys(dumped), keys(listed));
    let only = |list: &[Socket], others: &HashSet<Key>, netlink: bool| -> Found {
        let lasting = list.iter().filter(|socket| is_lasting(socket));
        let alone = lasting.filter(|socket| !others.contains(&key(socket)));
        alone.map(|socket| ((key(socket), netlink), socket.clone())).collect()
    };
    let mut found = only(dumped, &in_proc, true);
    found.append(&mut only(listed, &in_netlink, false));
    found
}

/// Waiting and half-open sockets come and go by timers; merely bound ones (13) and closed ones (7)
/// of TCP are in netlink's list alone.
fn is_lasting(socket: &Socket) -> bool {
    socket.protocol != TCP
        || !(socket.state == TIME_WAIT
            || socket.state == 7
            || socket.state == 13
            || HALF_OPEN.contains(&socket.state))
}

fn key(socket: &Socket) -> Key {
    (socket.ends(), socket.inode)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_that_proc_does_not_show() {
        let socket = |local_port, inode, state| Socket {
            protocol: TCP,
            local_port,
            inode,
            state,
            ..Socket::default()
        };
        let dumped = [socket(22, 1, 10), socket(4444, 2, 10), socket(80, 0, 6), socket(81, 5, 13)];
        let listed = [socket(22, 1, 10), socket(53, 3, 10), socket(80, 0, 3)];
        let found = differing(&dumped, &listed);
        let shown: Vec<_> = found.iter().map(|((key, netlink), _)| (key.0.2, *netlink)).collect();
        assert_eq!(shown, [(53, false), (4444, true)]);
    }
}
