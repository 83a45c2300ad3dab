//! Sockets that see and forge whole IP packets.
//!
//! Source: raw(7), `/proc/net/raw` and `/proc/net/raw6` of each network namespace. raw_diag would
//! tell the same, but asking it loads a module.

use stanch_words::{Ask, Seen, table_spec};

use crate::Host;
use crate::socket_holders::Holders;
use crate::sockets::{INET, Sockets};

table_spec! {
    /// Raw sockets.
    pub static SPEC, col = "raw_sockets": Live, "Raw IP sockets of all network namespaces, one row a socket.";
    family Text Plain "inet or inet6.";
    protocol Integer Plain "IP protocol it receives: 1 ICMP, 58 ICMPv6, 255 none (it only sends).";
    local_address Text Plain "Local address.";
    remote_address Text Plain "Remote address.";
    inode BigInt Plain "Socket's inode.";
    uid BigInt Plain "Owner's user id.";
    pid BigInt Plain "First process that holds it; empty if no visible one does.";
    name Text Plain "That process's name.";
    path Text Plain "That process's program.";
    pids Text Plain "All processes that hold it, joined by commas.";
    net_namespace BigInt Plain "Inode of the network namespace.";
}

/// `SOCK_RAW`.
const RAW: u8 = 3;

/// Picks the raw sockets out of all.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    let sockets = Sockets::of(host);
    sockets.tell(SPEC.name, seen);
    let mut raw = sockets
        .list
        .iter()
        .filter(|socket| socket.kind == RAW && socket.family != crate::sockets::UNIX)
        .peekable();
    if raw.peek().is_none() {
        return;
    }
    let holders = Holders::of(host, SPEC.name, seen);
    for socket in raw {
        let holder = holders.get(host, socket.inode);
        let text = |address: Option<std::net::IpAddr>| address.map(|address| address.to_string());
        let mut row = SPEC.row();
        row.put(col::family, if socket.family == INET { "inet" } else { "inet6" })
            .put(col::protocol, socket.protocol)
            .put(col::local_address, text(socket.local))
            .put(col::remote_address, text(socket.remote))
            .put(col::inode, socket.inode)
            .put(col::uid, socket.uid)
            .put(col::pid, holder.pid)
            .put(col::pids, holder.pids)
            .put(col::name, holder.name)
            .put(col::path, holder.path)
            .put(col::net_namespace, socket.namespace);
        seen.push(row);
    }
}

#[cfg(test)]
mod tests {
    use stanch_machine::Pretend;

    use super::*;

    #[test]
    fn a_raw_socket_with_its_holder() {
        let machine = Pretend::new()
            .file(
                "/proc/self/net/raw",
                "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n\
                   1: 00000000:0001 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 77 2 0 0\n",
            )
            .link("/proc/self/ns/net", "net:[1]")
            .link("/proc/5/fd/3", "socket:[77]")
            .link("/proc/5/exe", "/usr/bin/ping")
            .file("/proc/5/comm", "ping\n")
            .link("/proc/5/ns/net", "net:[1]");
        let mut seen = Seen::default();
        read(&Host::new(std::sync::Arc::new(machine)), &Ask::all(), &mut seen);
        assert_eq!(seen.rows.len(), 1);
        let row = &seen.rows[0];
        assert_eq!(row.get(col::protocol).as_integer(), Some(1));
        assert_eq!(row.get(col::pid).as_integer(), Some(5));
        assert_eq!(row.get(col::path).as_text(), Some("/usr/bin/ping"));
        assert_eq!(row.get(col::name).as_text(), Some("ping"));
        assert_eq!(seen.gaps, []);
    }
}
