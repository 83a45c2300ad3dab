//! Sockets and who holds them.
//!
//! Source: sock_diag(7), proc_net(5), proc_pid_fd(5).

use std::sync::Arc;

use stanch_words::{Ask, Row, Seen, Value, table_spec};

use crate::Host;
use crate::descriptors::Descriptors;
use crate::sockets::{Socket, Sockets, UNIX};

table_spec! {
    /// Open sockets.
    pub static SPEC, col = "process_open_sockets": Live, "Open sockets, one row a process and descriptor that holds one; pid -1 where no visible process does.";
    pid BigInt Index "Process id, -1 if no visible process holds the socket.";
    fd BigInt Plain "Descriptor number, -1 if nobody holds it.";
    socket BigInt Plain "Socket's inode, 0 once its file is closed.";
    family Integer Plain "Address family: 1 Unix, 2 IPv4, 10 IPv6.";
    protocol Integer Plain "Transport protocol: 6 TCP, 17 UDP, 0 Unix; the protocol number of raw sockets.";
    local_address Text Plain "Local address.";
    remote_address Text Plain "Remote address.";
    local_port Integer Plain "Local port.";
    remote_port Integer Plain "Remote port.";
    path Text Plain "Path of a Unix socket; an abstract name begins with @.";
    state Text Plain "TCP state, empty for others.";
    net_namespace Text Plain "Inode of the network namespace.";
    uid BigInt Plain "Owner's user id.";
    r#type Integer Plain "Socket type: 1 stream, 2 datagram, 3 raw, 5 sequenced packets.";
    bytes_sent BigInt Plain "Bytes that TCP sent on it in all; unknown in other network namespaces.";
    bytes_received BigInt Plain "Bytes that TCP received on it in all.";
    idle_sent BigInt Plain "Milliseconds since TCP last sent data.";
    idle_received BigInt Plain "Milliseconds since TCP last received data.";
    interface BigInt Plain "Index of the interface it is bound to, 0 for none.";
    rx_queue BigInt Plain "Bytes waiting to be read; for listeners, connections waiting to be accepted.";
    tx_queue BigInt Plain "Bytes waiting to be sent.";
    peer BigInt Plain "Inode of a Unix socket's other end.";
}

/// Columns that tell of the owner; without them no descriptor need be read.
const OF_OWNER: [usize; 2] = [col::pid, col::fd];

/// Reads the sockets and their owners.
pub(super) fn read(host: &Host, ask: &Ask, seen: &mut Seen) {
    let sockets = Sockets::of(host);
    sockets.tell(SPEC.name, seen);
    let mut texts = Texts::default();
    if !ask.wants_any(&OF_OWNER) && ask.equal(col::pid).is_none() {
        for socket in &sockets.list {
            seen.push(row(socket, ask, &mut texts));
        }
        return;
    }
    let asked = ask.equal(col::pid).and_then(Value::as_integer);
    let nobody = asked == Some(-1);
    let descriptors = if nobody {
        Descriptors::all(host)
    } else {
        Descriptors::of(host, SPEC.name, ask, col::pid, seen)
    };
    let owners = descriptors.sockets();
    for socket in &sockets.list {
        let mut held = descriptors.holders(&owners, socket.inode).peekable();
        if held.peek().is_none() {
            if asked.is_none() || nobody {
                seen.push(row(socket, ask, &mut texts));
            }
            continue;
        }
        if nobody {
            continue;
        }
        let mut shared = row(socket, ask, &mut texts);
        while let Some(descriptor) = held.next() {
            shared.put(col::pid, descriptor.pid).put(col::fd, descriptor.fd);
            if held.peek().is_none() {
                seen.push(shared);
                break;
            }
            seen.push(shared.clone());
        }
    }
}

/// Texts that come again and again, each made once.
#[derive(Default)]
struct Texts {
    states: [Option<Arc<str>>; 16],
    namespace: Option<(i64, Arc<str>)>,
    empty: Option<Arc<str>>,
    addresses: [Option<(std::net::IpAddr, Arc<str>)>; 2],
}

impl Texts {
    fn state(&mut self, socket: &Socket) -> Arc<str> {
        let name = socket.state_name();
        if name.is_empty() {
            return self.empty();
        }
        match self.states.get_mut(usize::from(socket.state)) {
            Some(kept) => Arc::clone(kept.get_or_insert_with(|| name.into())),
            None => name.into(),
        }
    }

    fn empty(&mut self) -> Arc<str> {
        Arc::clone(self.empty.get_or_insert_with(|| "".into()))
    }

    fn namespace(&mut self, inode: i64) -> Arc<str> {
        match &self.namespace {
            Some((last, text)) if *last == inode => Arc::clone(text),
            _ => {
                let text: Arc<str> = inode.to_string().into();
                self.namespace = Some((inode, Arc::clone(&text)));
                text
            }
        }
    }

    fn address(&mut self, side: usize, address: std::net::IpAddr) -> Arc<str> {
        match self.addresses.get(side) {
            Some(Some((last, text))) if *last == address => Arc::clone(text),
            _ => {
                let text: Arc<str> = address.to_string().into();
                if let Some(kept) = self.addresses.get_mut(side) {
                    *kept = Some((address, Arc::clone(&text)));
                }
                text
            }
        }
    }
}

fn row(socket: &Socket, ask: &Ask, texts: &mut Texts) -> Row {
    let mut row = SPEC.row();
    row.put(col::pid, -1)
        .put(col::fd, -1)
        .put(col::socket, socket.inode)
        .put(col::family, socket.family)
        .put(col::protocol, socket.protocol)
        .put(col::local_port, socket.local_port)
        .put(col::remote_port, socket.remote_port)
        .put(col::state, texts.state(socket))
        .put(col::uid, socket.uid.map(i64::from))
        .put(col::r#type, socket.kind)
        .put(col::bytes_sent, socket.bytes.map(|(sent, _)| sent))
        .put(col::bytes_received, socket.bytes.map(|(_, received)| received))
        .put(col::idle_sent, socket.idle.map(|(sent, _)| sent))
        .put(col::idle_received, socket.idle.map(|(_, received)| received))
        .put(col::interface, socket.interface)
        .put(col::rx_queue, socket.queues.0)
        .put(col::tx_queue, socket.queues.1)
        .put(col::peer, socket.peer)
        .put(col::net_namespace, texts.namespace(socket.namespace));
    match socket.path.as_deref() {
        Some(path) if ask.wants(col::path) => row.put(col::path, path),
        _ => row.put(col::path, texts.empty()),
    };
    if socket.family == UNIX {
        row.put(col::local_address, texts.empty()).put(col::remote_address, texts.empty());
        return row;
    }
    let ends = [(col::local_address, socket.local), (col::remote_address, socket.remote)];
    for (side, (column, address)) in ends.into_iter().enumerate() {
        if ask.wants(column) {
            row.put(column, address.map(|address| texts.address(side, address)));
        }
    }
    row
}

#[cfg(test)]
mod tests {
    use stanch_machine::Pretend;
    use stanch_words::{ColumnSet, Constraint, Op};

    use super::*;

    fn host() -> Host {
        let heading = "  sl  local_address\n";
        let line = |port: &str, inode: &str| {
            format!("  0: 00000000:{port} 00000000:0000 0A 0:0 0:0 0 0 0 {inode} 1\n")
        };
        let machine = Pretend::new()
            .file(
                "/proc/self/net/tcp",
                [heading, &line("0016", "11"), &line("0050", "12")].concat(),
            )
            .link("/proc/self/ns/net", "net:[1]")
            .link("/proc/5/fd/3", "socket:[11]")
            .link("/proc/6/fd/4", "socket:[11]")
            .link("/proc/5/ns/net", "net:[1]")
            .link("/proc/6/ns/net", "net:[2]")
            .file("/proc/6/net/udp", [heading, &line("0035", "13"), "junk\n"].concat());
        Host::new(Arc::new(machine))
    }

    fn shown(seen: &Seen) -> Vec<(i64, i64, i64, String)> {
        let number = |row: &Row, column| row.get(column).as_integer().unwrap();
        seen.rows
            .iter()
            .map(|row| {
                let namespace = row.get(col::net_namespace).to_string();
                (
                    number(row, col::pid),
                    number(row, col::fd),
                    number(row, col::local_port),
                    namespace,
                )
            })
            .collect()
    }

    #[test]
    fn shared_ownerless_and_foreign_sockets() {
        let mut seen = Seen::default();
        read(&host(), &Ask::all(), &mut seen);
        let one = "1".to_owned();
        let expected = [
            (5, 3, 22, one.clone()),
            (6, 4, 22, one.clone()),
            (-1, -1, 80, one),
            (-1, -1, 53, "2".to_owned()),
        ];
        assert_eq!(shown(&seen), expected);
        assert_eq!(seen.gaps.len(), 1);
        assert_eq!(seen.gaps[0].detail, "1 lines are not sockets");
    }

    #[test]
    fn one_process_and_nobody() {
        for (pid, ports) in [(6, vec![22]), (-1, vec![80, 53])] {
            let mut seen = Seen::default();
            let constraint = Constraint { column: col::pid, op: Op::Equal, value: pid.into() };
            let ask = Ask { columns: ColumnSet::ALL, constraints: vec![constraint] };
            read(&host(), &ask, &mut seen);
            let found: Vec<_> = shown(&seen).into_iter().map(|row| row.2).collect();
            assert_eq!(found, ports, "pid {pid}");
        }
    }
}
