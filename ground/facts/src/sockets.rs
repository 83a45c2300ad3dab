//! Sockets: the kernel's own list of our network namespace, and the lists of the other ones.
//!
//! Source: sock_diag(7) for our own network namespace; proc_net(5) of one process of each other.
//! A namespace without a process (kept by a bind mount alone) has no `/proc/PID/net` to read.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;

use stanch_machine::limits;
use stanch_words::{Gap, GapKind, Seen};

use crate::Host;
use crate::process_files::{self, Refusals};

pub mod diag;
pub mod listed;

/// `AF_UNIX`, `AF_INET`, `AF_INET6` (socket(2)).
pub const UNIX: u8 = 1;
/// IPv4.
pub const INET: u8 = 2;
/// IPv6.
pub const INET6: u8 = 10;
/// TCP (protocols(5)).
pub const TCP: u8 = 6;
/// UDP.
pub const UDP: u8 = 17;
/// Raw sockets: their protocol is any, 255 stands for them here.
pub const RAW: u8 = 255;

/// TCP states (include/net/tcp_states.h) that are asked about by number.
pub const ESTABLISHED: u8 = 1;
/// Waiting for stray segments; no process holds it any more.
pub const TIME_WAIT: u8 = 6;
/// Listening.
pub const LISTEN: u8 = 10;
/// Half open, before a process could have accepted it (`TCP_NEW_SYN_RECV`, and `SYN_RECV`).
pub const HALF_OPEN: [u8; 2] = [3, 12];

/// One socket as the kernel tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Socket {
    /// Address family.
    pub family: u8,
    /// Transport protocol; 0 for Unix sockets.
    pub protocol: u8,
    /// Socket type: 1 stream, 2 datagram, 3 raw, 5 sequenced packets.
    pub kind: u8,
    /// State, as in TCP.
    pub state: u8,
    /// Local address, for internet sockets.
    pub local: Option<IpAddr>,
    /// Remote address.
    pub remote: Option<IpAddr>,
    /// Local port.
    pub local_port: u16,
    /// Remote port.
    pub remote_port: u16,
    /// Inode; 0 when no file belongs to it any more.
    pub inode: u64,
    /// Owner, where told.
    pub uid: Option<u32>,
    /// Path or `@abstract` name of a Unix socket.
    pub path: Option<Box<[u8]>>,
    /// Bytes that TCP sent and received over its life.
    pub bytes: Option<(u64, u64)>,
    /// Milliseconds since TCP last sent and received data.
    pub idle: Option<(u32, u32)>,
    /// Interface it is bound to, 0 for none.
    pub interface: u32,
    /// Bytes waiting to be read, and to be sent.
    pub queues: (u32, u32),
    /// Other end's inode, for Unix sockets.
    pub peer: Option<u32>,
    /// The kernel's own identity of the socket, never reused.
    pub cookie: u64,
    /// Inode of the network namespace.
    pub namespace: i64,
}

impl Socket {
    /// Returns osquery's name of a TCP state; empty for other protocols.
    pub fn state_name(&self) -> &'static str {
        if self.protocol != TCP {
            return "";
        }
        match self.state {
            1 => "ESTABLISHED",
            2 => "SYN_SENT",
            3 | 12 => "SYN_RECV",
            4 => "FIN_WAIT1",
            5 => "FIN_WAIT2",
            6 => "TIME_WAIT",
            7 => "CLOSED",
            8 => "CLOSE_WAIT",
            9 => "LAST_ACK",
            10 => "LISTEN",
            11 => "CLOSING",
            13 => "BOUND",
            _ => "UNKNOWN",
        }
    }

    /// Returns whether it waits for others: a listening TCP socket, or an unconnected UDP or raw one.
    pub fn is_listening(&self) -> bool {
        match (self.family, self.protocol) {
            (UNIX, _) => self.path.is_some(),
            (_, TCP) => self.state == LISTEN,
            _ => {
                self.remote_port == 0 && self.remote.is_none_or(|address| address.is_unspecified())
            }
        }
    }

    /// Returns whether it talks to one peer: established TCP, or connected UDP.
    pub fn is_connected(&self) -> bool {
        match self.protocol {
            TCP => self.state == ESTABLISHED,
            UDP => self.remote_port != 0,
            _ => false,
        }
    }

    /// Returns what identifies the socket on the wire.
    pub fn ends(&self) -> (u8, Option<IpAddr>, u16, Option<IpAddr>, u16) {
        (self.protocol, self.local, self.local_port, self.remote, self.remote_port)
    }
}

/// All sockets of the machine at one time.
#[derive(Debug, Default)]
pub struct Sockets {
    /// The sockets.
    pub list: Vec<Socket>,
    /// What could not be seen of them; the table's name in it is empty.
    pub gaps: Vec<Gap>,
}

impl Sockets {
    /// Returns the sockets of the host, read once.
    pub fn of(host: &Host) -> std::sync::Arc<Self> {
        host.once(Self::read)
    }

    /// Copies the gaps into a table.
    pub fn tell(&self, table: &str, seen: &mut Seen) {
        for gap in &self.gaps {
            seen.gap(Gap { what: table.to_owned(), ..gap.clone() });
        }
    }

    /// Reads all sockets now.
    pub fn read(host: &Host) -> Self {
        let mut seen = Seen::default();
        let mut list = Vec::new();
        let own = own_namespace(host);
        read_own(host, &mut list, &mut seen);
        for socket in &mut list {
            socket.namespace = own.unwrap_or(0);
        }
        for (namespace, pid) in other_namespaces(host, own, &mut seen) {
            let before = list.len();
            read_listed(host, &format!("/proc/{pid}/net"), &listed::FILES, &mut list, &mut seen);
            for socket in list.iter_mut().skip(before) {
                socket.namespace = namespace;
            }
        }
        Self { list, gaps: seen.gaps }
    }
}

/// TCP and UDP sockets of our own namespace as /proc lists them.
#[derive(Debug)]
pub struct Listed {
    /// The sockets.
    pub list: Vec<Socket>,
    /// What could not be seen of them; the table's name in it is empty.
    pub gaps: Vec<Gap>,
}

impl Listed {
    /// Returns the list of the host, read once.
    pub fn of(host: &Host) -> std::sync::Arc<Self> {
        host.once(|host| {
            let (mut list, mut seen) = (Vec::new(), Seen::default());
            let files = ["tcp", "tcp6", "udp", "udp6"];
            read_listed(host, "/proc/self/net", &files, &mut list, &mut seen);
            Self { list, gaps: seen.gaps }
        })
    }
}

/// Returns the inode of our own network namespace.
pub fn own_namespace(host: &Host) -> Option<i64> {
    let link = host.machine().read_link(Path::new("/proc/self/ns/net")).ok()?;
    process_files::namespace(&link)
}

/// Reads the sockets of our own namespace: over netlink, or where the kernel was built without
/// it, from /proc.
pub fn read_own(host: &Host, list: &mut Vec<Socket>, seen: &mut Seen) {
    let kernel = host.machine().kernel();
    for (family, protocol, file) in [
        (INET, TCP, "tcp"),
        (INET6, TCP, "tcp6"),
        (INET, UDP, "udp"),
        (INET6, UDP, "udp6"),
        (UNIX, 0, "unix"),
    ] {
        let dumped = kernel.map(|kernel| diag::dump(kernel, family, protocol));
        match dumped {
            Some(Ok(dump)) => {
                if dump.malformed > 0 {
                    let detail = format!("{} answers over netlink do not add up", dump.malformed);
                    seen.gap(Gap::new("", GapKind::Damaged, detail).at(file));
                }
                list.extend(dump.sockets);
            }
            _ => read_listed(host, "/proc/self/net", &[file], list, seen),
        }
    }
    // raw_diag is a module that asking would load; the list in /proc tells the same.
    read_listed(host, "/proc/self/net", &["raw", "raw6"], list, seen);
}

/// Reads lists of a namespace in /proc.
pub fn read_listed(
    host: &Host,
    directory: &str,
    files: &[&str],
    list: &mut Vec<Socket>,
    seen: &mut Seen,
) {
    for file in files {
        let path = format!("{directory}/{file}");
        if let Some(bytes) = host.read("", Path::new(&path), limits::PSEUDO_FILE, seen) {
            let bad = listed::parse(file, &bytes, list);
            if bad > 0 {
                let detail = format!("{bad} lines are not sockets");
                seen.gap(Gap::new("", GapKind::Damaged, detail).at(path));
            }
        }
    }
}

/// Returns one process of each network namespace other than our own.
pub fn other_namespaces(host: &Host, own: Option<i64>, seen: &mut Seen) -> BTreeMap<i64, i64> {
    let mut found = BTreeMap::new();
    let mut refusals = Refusals::default();
    for entry in host.list("", Path::new("/proc"), seen) {
        let Some(pid) = process_files::number(entry.name.as_encoded_bytes()) else { continue };
        match host.machine().read_link(Path::new(&format!("/proc/{pid}/ns/net"))) {
            Ok(link) => {
                let namespace = process_files::namespace(&link);
                if let Some(namespace) = namespace.filter(|_| namespace != own) {
                    found.entry(namespace).or_insert(pid);
                }
            }
            Err(miss) => refusals.take("", pid, miss, seen),
        }
    }
    refusals.tell("", "network namespaces", seen);
    found
}
