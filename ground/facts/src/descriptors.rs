//! Open files of all processes: what `/proc/PID/fd` points to.
//!
//! Source: proc_pid_fd(5). One reading serves the tables of files, pipes and sockets.

use std::path::Path;
use std::sync::Arc;

use stanch_machine::{Directory, Miss};
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
    Other(Arc<[u8]>),
}

impl Target {
    /// Parses the text of the link. `last` is a text that may come again: it is shared then.
    pub fn parse(link: &[u8], last: &mut Arc<[u8]>) -> Self {
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
        if **last != *link {
            *last = link.into();
        }
        Self::Other(Arc::clone(last))
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
        let mut kept = Kept { name: String::new(), link: Vec::new(), last: Arc::from(&b""[..]) };
        let own = host.machine().stat(Path::new("/proc/self/fd"));
        let counts = own.is_ok_and(|stat| stat.size > 0);
        for pid in process_files::pids(host, "", ask, column, &mut seen) {
            let path = format!("/proc/{pid}/fd");
            let opened = host.machine().directory(Path::new(&path));
            let result =
                opened.and_then(|directory| one(pid, &*directory, counts, &mut kept, &mut list));
            if let Err(miss) = result {
                refusals.take("", pid, miss, &mut seen);
            }
        }
        refusals.tell("", "open files", &mut seen);
        Self { list, gaps: seen.gaps }
    }

    /// Returns where in the list each socket's descriptors stand.
    pub fn sockets(&self) -> SocketIndex {
        let socket = |descriptor: &Descriptor| match descriptor.target {
            Target::Socket(inode) => Some(inode),
            Target::Pipe(_) | Target::Other(_) => None,
        };
        let places = self.list.iter().enumerate();
        let mut found: Vec<(u64, usize)> =
            places.filter_map(|(at, one)| Some((socket(one)?, at))).collect();
        found.sort_unstable();
        SocketIndex(found)
    }

    /// Returns the descriptors of a socket; inode 0 has none.
    pub fn holders<'a>(
        &'a self,
        index: &'a SocketIndex,
        inode: u64,
    ) -> impl Iterator<Item = &'a Descriptor> {
        index.of(inode).filter_map(|at| self.list.get(at))
    }
}

/// Where in a list of descriptors those of each socket stand.
#[derive(Debug)]
pub struct SocketIndex(Vec<(u64, usize)>);

impl SocketIndex {
    /// Returns the positions of a socket's descriptors; inode 0 has none.
    pub fn of(&self, inode: u64) -> impl Iterator<Item = usize> + '_ {
        let start = self.0.partition_point(|(other, _)| *other < inode);
        let rest = self.0.get(start..).unwrap_or_default();
        let own = rest.iter().take_while(move |(other, _)| *other == inode && inode != 0);
        own.map(|(_, at)| *at)
    }
}

/// How many descriptors are believed without a listing: `nr_open`'s default (fs/file.c).
const MOST: u64 = 1 << 20;

/// Reads the descriptors of one process. Since Linux 6.2 the directory's size is their number:
/// then they are asked for from 0 on, which is a third cheaper than listing them first, and a
/// hook on the listing hides none.
fn one(
    pid: i64,
    directory: &dyn Directory,
    counts: bool,
    kept: &mut Kept,
    list: &mut Vec<Descriptor>,
) -> Result<(), Miss> {
    let mut next = 0_i64;
    if counts {
        // What is mounted over the directory may tell any size: the listing, which is capped,
        // takes over then.
        let number = directory.stat(".")?.size.min(MOST);
        let (mut left, mut absent) = (number, number / 4 + 4);
        while left > 0 && absent > 0 {
            match kept.link(pid, next, directory) {
                Ok(descriptor) => {
                    list.push(descriptor);
                    left = left.saturating_sub(1);
                }
                Err(miss) if miss.absent => absent = absent.saturating_sub(1),
                Err(miss) => return Err(miss),
            }
            next = next.saturating_add(1);
        }
        if left == 0 && number < MOST {
            return Ok(());
        }
    }
    // Numbers far apart (a shell keeps 255), or an older kernel.
    let listing = directory.list(".")?;
    let names = listing.entries.iter().map(|entry| number(entry.name.as_encoded_bytes()));
    let mut numbers: Vec<i64> = names.flatten().filter(|&fd| fd >= next).collect();
    numbers.sort_unstable();
    for fd in numbers {
        match kept.link(pid, fd, directory) {
            Ok(descriptor) => list.push(descriptor),
            // Closed since.
            Err(miss) if miss.absent => {}
            Err(miss) => return Err(miss),
        }
    }
    Ok(())
}

/// What is kept from one descriptor to the next, so that thousands need few allocations.
#[derive(Debug)]
struct Kept {
    name: String,
    link: Vec<u8>,
    last: Arc<[u8]>,
}

impl Kept {
    fn link(&mut self, pid: i64, fd: i64, from: &dyn Directory) -> Result<Descriptor, Miss> {
        use std::fmt::Write as _;
        self.name.clear();
        // Writing to a String cannot fail.
        let _infallible = write!(self.name, "{fd}");
        from.link_into(&self.name, &mut self.link)?;
        Ok(Descriptor { pid, fd, target: Target::parse(&self.link, &mut self.last) })
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
        assert_eq!(found.holders(&found.sockets(), 77).map(|d| d.fd).collect::<Vec<_>>(), [2]);
        assert_eq!(found.sockets().of(0).count(), 0);
        assert_eq!(found.gaps, []);
    }
}
