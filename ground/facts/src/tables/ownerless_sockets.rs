//! Connections that no visible process holds.
//!
//! The kernel keeps a connection's inode; some process must have it among its descriptors, or the
//! process is hidden. Seen twice, a second apart: a process that just closed it is no finding.
//!
//! A socket handed over in a message that nobody has read yet, or kept only by an io_uring, looks
//! the same: rare, and worth a look.
//!
//! Source: sock_diag(7), proc_pid_fd(5), unix(7) (`SCM_RIGHTS`).

use std::collections::HashSet;
use std::time::Duration;

use stanch_words::{Ask, Gap, GapKind, Seen, table_spec};

use crate::Host;
use crate::descriptors::{Descriptors, Target};
use crate::pid_views;
use crate::sockets::{Socket, Sockets, TCP, UDP};

table_spec! {
    /// Connections without an owner.
    pub static SPEC, col = "ownerless_sockets": Live, "Established TCP and connected UDP sockets that no visible process holds, seen twice.";
    family Integer Plain "Address family: 2 IPv4, 10 IPv6.";
    protocol Integer Plain "Transport protocol: 6 TCP, 17 UDP.";
    local_address Text Plain "Local address.";
    local_port Integer Plain "Local port.";
    remote_address Text Plain "Remote address.";
    remote_port Integer Plain "Remote port.";
    inode BigInt Plain "Socket's inode.";
    uid BigInt Plain "User id that the socket belongs to.";
    state Text Plain "TCP state.";
    net_namespace Text Plain "Inode of the network namespace.";
    kernel_owned Integer Plain "1 if the ports say that the kernel itself holds it: NFS, RPC, iSCSI, CIFS, Ceph and the like.";
    comparable Integer Plain "0 where a process that we cannot look into may hold it: outside our pid namespace, or refused to us.";
    bytes_sent BigInt Plain "Bytes that TCP sent on it in all.";
}

/// Between the two looks.
const BETWEEN: Duration = Duration::from_secs(1);

/// Looks, and where something has no owner, looks again.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    let Some(kernel) = host.kernel(SPEC.name, seen) else { return };
    if !pid_views::sees_everybody(kernel) {
        let detail = "whose sockets others' are cannot be seen without privilege";
        seen.gap(Gap::new(SPEC.name, GapKind::Denied, detail));
        return;
    }
    let sockets = Sockets::of(host);
    sockets.tell(SPEC.name, seen);
    let first = Descriptors::all(host);
    for gap in &first.gaps {
        seen.gap(Gap { what: SPEC.name.to_owned(), ..gap.clone() });
    }
    let candidates = ownerless(&sockets.list, &first);
    if candidates.is_empty() {
        return;
    }
    kernel.sleep(BETWEEN);
    let again = Sockets::read(host);
    let second = Descriptors::read(host, &Ask::all(), 0);
    let still: HashSet<_> = ownerless(&again.list, &second).into_iter().map(identity).collect();
    let refused =
        second.gaps.iter().any(|gap| matches!(gap.kind, GapKind::Denied | GapKind::Refused));
    let comparable = pid_views::is_first_pid_namespace(host.machine()) && !refused;
    for socket in candidates.into_iter().filter(|&socket| still.contains(&identity(socket))) {
        let mut row = SPEC.row();
        row.put(col::family, socket.family)
            .put(col::protocol, socket.protocol)
            .put(col::local_address, socket.local.map(|address| address.to_string()))
            .put(col::local_port, socket.local_port)
            .put(col::remote_address, socket.remote.map(|address| address.to_string()))
            .put(col::remote_port, socket.remote_port)
            .put(col::inode, socket.inode)
            .put(col::uid, socket.uid.map(i64::from))
            .put(col::state, socket.state_name())
            .put(col::net_namespace, socket.namespace.to_string())
            .put(col::kernel_owned, is_kernel_owned(socket))
            .put(col::comparable, comparable)
            .put(col::bytes_sent, socket.bytes.map(|(sent, _)| sent));
        seen.push(row);
    }
}

type Identity = (i64, u64, (u8, Option<std::net::IpAddr>, u16, Option<std::net::IpAddr>, u16));

fn identity(socket: &Socket) -> Identity {
    (socket.namespace, socket.inode, socket.ends())
}

/// Returns the connections whose inode no descriptor has.
fn ownerless<'a>(list: &'a [Socket], descriptors: &Descriptors) -> Vec<&'a Socket> {
    let held: HashSet<u64> = descriptors
        .list
        .iter()
        .filter_map(|descriptor| match descriptor.target {
            Target::Socket(inode) => Some(inode),
            _ => None,
        })
        .collect();
    // A connection that waits to be accepted has no inode yet; its listener answers for it.
    let listens: HashSet<(i64, u16)> = list
        .iter()
        .filter(|socket| socket.protocol == TCP && socket.is_listening())
        .map(|socket| (socket.namespace, socket.local_port))
        .collect();
    list.iter()
        .filter(|socket| matches!(socket.protocol, TCP | UDP) && socket.is_connected())
        .filter(|socket| match socket.inode {
            0 => !listens.contains(&(socket.namespace, socket.local_port)),
            inode => !held.contains(&inode),
        })
        .collect()
}

/// Returns whether ports tell that a part of the kernel opened the socket: portmapper 111, CIFS
/// 445, RDS and NVMe 4420, NFS 2049, iSCSI 3260, Ceph 3300 and 6789 to 7300, OCFS2 7777, DRBD
/// 7788 to 7799, DLM 21064, kernel clients of NFS (a reserved port as uid 0).
fn is_kernel_owned(socket: &Socket) -> bool {
    let known = |port: u16| matches!(port, 111 | 445 | 2049 | 3260 | 3300 | 4420 | 6789..=7300 | 7777 | 7788..=7799 | 21064);
    socket.uid.is_none_or(|uid| uid == 0) && (known(socket.remote_port) || known(socket.local_port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::descriptors::Descriptor;

    #[test]
    fn a_hidden_connection_among_ordinary_ones() {
        let tcp = |inode, local_port, remote_port, state| Socket {
            protocol: TCP,
            inode,
            local_port,
            remote_port,
            state,
            uid: Some(0),
            ..Socket::default()
        };
        let udp = Socket { protocol: UDP, inode: 6, remote_port: 53, ..Socket::default() };
        let list = [
            tcp(1, 22, 50_000, 1),
            tcp(2, 4444, 50_001, 1),
            tcp(3, 22, 0, 10),
            tcp(0, 22, 50_002, 1),
            tcp(0, 99, 50_003, 6),
            tcp(4, 700, 2049, 1),
            udp,
        ];
        let held = |inode| Descriptor { pid: 1, fd: 3, target: Target::Socket(inode) };
        let descriptors = Descriptors { list: vec![held(1), held(3)], gaps: Vec::new() };
        let found: Vec<_> = ownerless(&list, &descriptors)
            .into_iter()
            .map(|socket| (socket.inode, is_kernel_owned(socket)))
            .collect();
        assert_eq!(found, [(2, false), (4, true), (6, false)]);
    }
}
