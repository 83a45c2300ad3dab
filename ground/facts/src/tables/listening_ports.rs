//! Where the machine listens, and which process does.
//!
//! Source: as process_open_sockets.

use std::collections::HashMap;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use stanch_words::{Ask, Seen, Value, table_spec};

use crate::Host;
use crate::descriptors::Descriptors;
use crate::process_files;
use crate::sockets::{Sockets, UNIX};

table_spec! {
    /// Listening sockets.
    pub static SPEC, col = "listening_ports": Live, "Sockets that wait for others: listening TCP, unconnected UDP and raw, named Unix sockets.";
    pid BigInt Index "Process id, -1 if no visible process holds the socket.";
    port Integer Plain "Local port, 0 for Unix sockets.";
    protocol Integer Plain "Transport protocol: 6 TCP, 17 UDP.";
    family Integer Plain "Address family: 1 Unix, 2 IPv4, 10 IPv6.";
    address Text Plain "Local address.";
    fd BigInt Plain "Descriptor number, -1 if nobody holds it.";
    socket BigInt Plain "Socket's inode.";
    path Text Plain "Path of a Unix socket.";
    net_namespace Text Plain "Inode of the network namespace.";
    exe Text Plain "Executable of the process.";
    name Text Plain "Kernel's name of the process.";
    uid BigInt Plain "User id that the socket belongs to.";
    own_namespace Integer Plain "1 if the network namespace is that of the process that asks.";
}

/// Reads the sockets and keeps those that listen.
pub(super) fn read(host: &Host, ask: &Ask, seen: &mut Seen) {
    let sockets = Sockets::of(host);
    sockets.tell(SPEC.name, seen);
    let asked = ask.equal(col::pid).and_then(Value::as_integer).filter(|&pid| pid > 0);
    let descriptors = if asked.is_some() {
        Descriptors::of(host, SPEC.name, ask, col::pid, seen)
    } else {
        Descriptors::all(host)
    };
    let owners = descriptors.sockets();
    let own = crate::sockets::own_namespace(host);
    let mut programs = Programs { host, ask, known: HashMap::new() };
    for socket in sockets.list.iter().filter(|socket| socket.is_listening()) {
        let held = descriptors.holders(&owners, socket.inode);
        let mut holders: Vec<(i64, i64)> = held.map(|one| (one.pid, one.fd)).collect();
        if holders.is_empty() && asked.is_none() {
            holders.push((-1, -1));
        }
        for (pid, fd) in holders {
            let mut row = SPEC.row();
            let (exe, name) = programs.of(pid);
            row.put(col::pid, pid)
                .put(col::fd, fd)
                .put(col::port, socket.local_port)
                .put(col::protocol, socket.protocol)
                .put(col::family, socket.family)
                .put(col::address, socket.local.map(|address| address.to_string()))
                .put(col::socket, socket.inode)
                .put(col::path, socket.path.as_deref().unwrap_or_default())
                .put(col::net_namespace, socket.namespace.to_string())
                .put(col::exe, exe)
                .put(col::name, name)
                .put(col::uid, socket.uid.map(i64::from))
                .put(col::own_namespace, own == Some(socket.namespace));
            if socket.family == UNIX {
                row.put(col::address, "");
            }
            seen.push(row);
        }
    }
}

/// Executables and names of processes, each read once.
struct Programs<'a> {
    host: &'a Host,
    ask: &'a Ask,
    known: HashMap<i64, (Value, Value)>,
}

impl Programs<'_> {
    fn of(&mut self, pid: i64) -> (Value, Value) {
        if pid <= 0 || !self.ask.wants_any(&[col::exe, col::name]) {
            return (Value::Null, Value::Null);
        }
        let machine = self.host.machine();
        self.known
            .entry(pid)
            .or_insert_with(|| {
                let exe = machine.read_link(Path::new(&format!("/proc/{pid}/exe"))).ok();
                let exe = exe.map(|link| {
                    Value::bytes(process_files::without_deleted(link.as_os_str().as_bytes()).0)
                });
                let comm = machine.read(Path::new(&format!("/proc/{pid}/comm")), 4096).ok();
                let comm = comm.map(|comm| {
                    Value::bytes(comm.bytes.strip_suffix(b"\n").unwrap_or(&comm.bytes))
                });
                (exe.unwrap_or_default(), comm.unwrap_or_default())
            })
            .clone()
    }
}

#[cfg(test)]
mod tests {
    use stanch_machine::Pretend;

    use super::*;

    #[test]
    fn a_daemon_a_hidden_listener_and_a_connection() {
        let list = "heading\n 0: 00000000:0016 00000000:0000 0A 0:0 0:0 0 0 0 11 1\n 1: 00000000:1F90 00000000:0000 0A 0:0 0:0 0 33 0 12 1\n 2: 00000000:0016 0100007F:C000 01 0:0 0:0 0 0 0 13 1\n";
        let machine = Pretend::new()
            .file("/proc/self/net/tcp", list)
            .file("/proc/self/net/unix", "Num\n0: 2 0 10000 1 1 99 /run/x\n0: 2 0 0 1 1 98\n")
            .link("/proc/self/ns/net", "net:[1]")
            .link("/proc/5/fd/3", "socket:[11]")
            .link("/proc/5/exe", "/usr/sbin/sshd (deleted)")
            .file("/proc/5/comm", "sshd\n");
        let host = Host::new(std::sync::Arc::new(machine));
        let mut seen = Seen::default();
        read(&host, &Ask::all(), &mut seen);
        let shown: Vec<String> = seen
            .rows
            .iter()
            .map(|row| {
                [col::pid, col::port, col::exe, col::name, col::path, col::uid, col::own_namespace]
                    .map(|column| row.get(column).to_string())
                    .join(" ")
            })
            .collect();
        assert_eq!(shown, ["5 22 /usr/sbin/sshd sshd  0 1", "-1 8080    33 1", "-1 0   /run/x  1"]);
        assert_eq!(seen.gaps, []);
    }
}
