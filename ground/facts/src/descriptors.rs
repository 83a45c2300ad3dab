//! Open files of all processes: what `/proc/PID/fd` points to.
//!
//! Source: proc_pid_fd(5). One reading serves the tables of files, pipes and sockets.

use std::collections::HashMap;
use std::os::unix::ffi::OsStringExt as _;
use std::path::Path;
use std::sync::Arc;

use stanch_words::{Ask, Gap, Seen};

use crate::Host;
use crate::process_files::{self, Refusals, number};

/// One open file of one process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// The process.
    pub pid: i64,
    /// The number of the descriptor.
    pub fd: i64,
    /// What it leads to.
    pub target: Target,
}

/// What a descriptor leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A socket, by inode.
    Socket(u64),
    /// A pipe without a name, by inode.
    Pipe(u64),
    /// Anything else, as the kernel writes it: a path, `anon_inode:[eventfd]`, `/memfd:x (deleted)`.
    Other(Box<[u8]>),
}

impl Target {
    /// Parses the text of the link.
    pub fn parse(link: Vec<u8>) -> Self {
        let inode = |prefix: &[u8]| {
            let rest = link.strip_prefix(prefix)?.strip_suffix(b"]")?;
            number(rest).map(i64::cast_unsigned)
        };
        if let Some(inode) = inode(b"socket:[") {
            return Self::Socket(inode);
        }
        if let Some(inode) = inode(b"pipe:[") {
            return Self::Pipe(inode);
        }
        Self::Other(link.into())
    }
}

/// The open files of some or all processes.
#[derive(Debug, Default)]
pub struct Descriptors {
    /// The descriptors, by process and number.
    pub list: Vec<Descriptor>,
    /// What could not be seen; the table's name in it is empty.
    pub gaps: Vec<Gap>,
}

impl Descriptors {
    /// Returns those of the one process that is asked for, or of all, read once.
    pub fn of(host: &Host, table: &str, ask: &Ask, column: usize, seen: &mut Seen) -> Arc<Self> {
        let found = if ask.equal(column).is_some() {
            Arc::new(Self::read(host, ask, column))
        } else {
            Self::all(host)
        };
        for gap in &found.gaps {
            seen.gap(Gap { what: table.to_owned(), ..gap.clone() });
        }
        found
    }

    /// Returns those of all processes, read once.
    pub fn all(host: &Host) -> Arc<Self> {
        host.once(|host| Self::read(host, &Ask::all(), 0))
    }

    /// Reads those of the processes that are asked for, now.
    pub fn read(host: &Host, ask: &Ask, column: usize) -> Self {
        let mut seen = Seen::default();
        let mut refusals = Refusals::default();
        let mut list = Vec::new();
        for pid in process_files::pids(host, "", ask, column, &mut seen) {
            let path = format!("/proc/{pid}/fd");
            let opened = host.machine().directory(Path::new(&path));
            let listed = opened.and_then(|directory| {
                let listing = directory.list(".")?;
                Ok((directory, listing))
            });
            match listed {
                Err(miss) => refusals.take("", pid, miss, &mut seen),
                Ok((directory, listing)) => {
                    let before = list.len();
                    for entry in &listing.entries {
                        let name = entry.name.to_str().unwrap_or_default();
                        let Some(fd) = number(name.as_bytes()) else { continue };
                        match directory.read_link(name) {
                            Ok(link) => {
                                let target = Target::parse(link.into_os_string().into_vec());
                                list.push(Descriptor { pid, fd, target });
                            }
                            // Closed since.
                            Err(miss) => refusals.take("", pid, miss, &mut seen),
                        }
                    }
                    if let Some(own) = list.get_mut(before..) {
                        own.sort_unstable_by_key(|descriptor| descriptor.fd);
                    }
                }
            }
        }
        refusals.tell("", "open files", &mut seen);
        Self { list, gaps: seen.gaps }
    }

    /// Returns who holds each socket: its inode leads to positions in the list.
    pub fn sockets(&self) -> HashMap<u64, Vec<usize>> {
        let mut owners: HashMap<u64, Vec<usize>> = HashMap::new();
        for (at, descriptor) in self.list.iter().enumerate() {
            if let Target::Socket(inode) = descriptor.target {
                owners.entry(inode).or_default().push(at);
            }
        }
        owners
    }
}

#[cfg(test)]
mod tests {
    use stanch_machine::Pretend;

    use super::*;

    #[test]
    fn descriptors_in_the_order_of_numbers() {
        let machine = Pretend::new()
            .link("/proc/5/fd/10", "/var/log/x (deleted)")
            .link("/proc/5/fd/2", "socket:[77]")
            .link("/proc/5/fd/3", "pipe:[88]")
            .link("/proc/5/fd/4", "socket:[x]")
            .file("/proc/uptime", "");
        let host = Host::new(Arc::new(machine));
        let found = Descriptors::all(&host);
        let targets: Vec<_> = found.list.iter().map(|d| (d.fd, d.target.clone())).collect();
        assert_eq!(
            targets,
            [
                (2, Target::Socket(77)),
                (3, Target::Pipe(88)),
                (4, Target::Other(b"socket:[x]"[..].into())),
                (10, Target::Other(b"/var/log/x (deleted)"[..].into())),
            ]
        );
        assert_eq!(found.sockets().get(&77), Some(&vec![0]));
        assert_eq!(found.gaps, []);
    }
}
