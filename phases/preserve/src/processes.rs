//! What belongs to processes: what the kernel tells of each, their programs where the disk has them
//! no more, and files that only they still hold.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use stanch_machine::{FileKind, Machine, Stat, limits};
use stanch_words::{Ask, Row, Tables as _, Value};

use crate::collect::Collector;
use crate::taking::{As, watched};

/// Files of `/proc/PID` that are taken as they are (proc(5)).
const FILES: [&str; 18] = [
    "cmdline",
    "comm",
    "environ",
    "status",
    "stat",
    "maps",
    "cgroup",
    "limits",
    "loginuid",
    "sessionid",
    "mountinfo",
    "io",
    "wchan",
    "stack",
    "syscall",
    "oom_score_adj",
    "autogroup",
    "timerslack_ns",
];

/// Files of `/proc/PID/net`, once for each network namespace (proc_net(5)).
const NETWORK: [&str; 26] = [
    "tcp",
    "tcp6",
    "udp",
    "udp6",
    "udplite",
    "udplite6",
    "raw",
    "raw6",
    "icmp",
    "icmp6",
    "unix",
    "packet",
    "netlink",
    "vsock",
    "sctp/assocs",
    "sctp/eps",
    "route",
    "ipv6_route",
    "arp",
    "dev",
    "nf_conntrack",
    "snmp",
    "netstat",
    "sockstat",
    "fib_trie",
    "xfrm_stat",
];

/// Where programs have no business to lie.
const ODD_PLACES: [&str; 6] = ["/tmp/", "/var/tmp/", "/dev/shm/", "/run/", "/home/", "/dev/"];

/// A process, as far as it must be known here.
struct Process {
    pid: i64,
    path: String,
    deleted: bool,
    exe: (i64, i64),
    network: i64,
}

impl Collector<'_> {
    fn processes(&mut self) -> Vec<Process> {
        let Some(table) = stanch_facts::tables::find("processes") else { return Vec::new() };
        let seen = self.snapshot.read("processes", &Ask::all());
        let number = |row: &Row, name: &str| -> i64 {
            let place = table.spec.position(name);
            place.and_then(|place| row.get(place).as_integer()).unwrap_or(0)
        };
        let text = |row: &Row, name: &str| -> String {
            let place = table.spec.position(name);
            place.map_or(String::new(), |place| row.get(place).to_string())
        };
        let own = |row: &&Row| number(row, "own") == 0;
        let one = |row: &Row| Process {
            pid: number(row, "pid"),
            path: text(row, "path"),
            deleted: number(row, "deleted") == 1,
            exe: (number(row, "exe_device"), number(row, "exe_inode")),
            network: number(row, "net_namespace"),
        };
        seen.rows.iter().filter(own).map(one).collect()
    }

    /// Takes what the kernel tells of each process.
    pub(crate) fn process_files(&mut self) -> io::Result<()> {
        for process in self.processes() {
            for file in FILES {
                if let Some(why) = self.over_budget(0) {
                    self.budget_is_used_up(why);
                    return Ok(());
                }
                let path = PathBuf::from(format!("/proc/{}/{file}", process.pid));
                let name = format!("live_response/process{}.txt", path.display());
                self.pseudo(&path, name)?;
            }
        }
        Ok(())
    }

    /// Takes a file that the kernel makes up, if there is one of that name. Not every kernel has
    /// all of them, and a process may have ended: then the table tells of it.
    pub(crate) fn pseudo(&mut self, path: &Path, name: String) -> io::Result<()> {
        let own = path.to_owned();
        let read = watched(self.snapshot, path, move |host| {
            host.machine().read(&own, limits::PSEUDO_FILE)
        });
        let named = As { name: name.into_bytes(), method: "read" };
        match read {
            Ok(contents) if contents.bytes.is_empty() => Ok(()),
            Ok(contents) => {
                let item = self.item(&named);
                self.take_bytes(item, &contents.bytes, contents.truncated)
            }
            Err(miss) if miss.absent => Ok(()),
            Err(miss) => {
                let item = self.item(&named);
                self.missed_by(item, &miss, path)
            }
        }
    }

    /// Takes programs that run and have no file any more, or lie where none belongs. Several
    /// processes of one file are one item.
    pub(crate) fn process_programs(&mut self) -> io::Result<()> {
        let mut known = BTreeSet::new();
        for process in self.processes() {
            let is_odd = ODD_PLACES.iter().any(|place| process.path.starts_with(place));
            let is_gone = process.deleted || process.path.starts_with("/memfd:");
            if !(is_gone || is_odd) || !known.insert(process.exe) {
                continue;
            }
            let path = PathBuf::from(format!("/proc/{}/exe", process.pid));
            self.of_process(&path)?;
        }
        Ok(())
    }

    /// Takes files that only a process still holds.
    pub(crate) fn deleted_open_files(&mut self) -> io::Result<()> {
        let mut known: BTreeSet<(u64, u64)> = BTreeSet::new();
        for process in self.processes() {
            let directory = PathBuf::from(format!("/proc/{}/fd", process.pid));
            let own = directory.clone();
            // Of a program that hides its own file, all that it works with.
            let is_gone = process.deleted || process.path.starts_with("/memfd:");
            let of = if is_gone { Held::All } else { Held::Nameless };
            let held =
                watched(self.snapshot, &directory, move |host| Ok(held(host.machine(), &own, of)));
            let held = held.unwrap_or_default();
            for (path, stat) in held {
                if known.insert((stat.device, stat.inode)) {
                    self.of_process(&path)?;
                }
            }
        }
        Ok(())
    }

    /// Takes a file through a process that has it.
    fn of_process(&mut self, path: &Path) -> io::Result<()> {
        let own = path.to_owned();
        let stat = watched(self.snapshot, path, move |host| host.machine().stat(&own));
        let name = format!("live_response/process{}", path.display()).into_bytes();
        let named = As { name, method: "open through /proc, read" };
        match stat {
            Ok(stat) if stat.kind() == FileKind::Regular => self.take(path, stat, &named),
            Ok(_) => Ok(()),
            Err(miss) => {
                let item = self.item(&named);
                self.missed_by(item, &miss, path)
            }
        }
    }

    /// Takes the kernel's lists of each network namespace, through one process in it.
    pub(crate) fn network_files(&mut self) -> io::Result<()> {
        let mut spaces: BTreeMap<i64, i64> = BTreeMap::new();
        // Nothing is known of the namespace of what we may not look into.
        for process in self.processes().into_iter().filter(|process| process.network != 0) {
            spaces.entry(process.network).or_insert(process.pid);
        }
        for (space, pid) in spaces {
            for file in NETWORK {
                if let Some(why) = self.over_budget(0) {
                    self.budget_is_used_up(why);
                    return Ok(());
                }
                let path = PathBuf::from(format!("/proc/{pid}/net/{file}"));
                self.pseudo(&path, format!("live_response/network/{space}/{file}.txt"))?;
            }
        }
        Ok(())
    }
}

/// Which open files of a process are meant.
#[derive(Clone, Copy, PartialEq)]
enum Held {
    /// Those that have no name any more.
    Nameless,
    /// All on a disk or in memory.
    All,
}

/// Returns the open files of a process.
fn held(machine: &dyn Machine, directory: &Path, of: Held) -> Vec<(PathBuf, Stat)> {
    let entries = machine.list(directory).map(|listing| listing.entries).unwrap_or_default();
    let mut held = Vec::new();
    for entry in entries {
        let path = directory.join(&entry.name);
        let Ok(target) = machine.read_link(&path) else { continue };
        let is_made = ["/proc", "/sys"].iter().any(|root| target.starts_with(root));
        let target = Value::from(target.as_path());
        let is_gone = target.as_text().is_some_and(|to| to.ends_with(" (deleted)"));
        let is_meant = is_gone || (of == Held::All && !is_made);
        let stat = is_meant.then(|| machine.stat(&path).ok()).flatten();
        let is_meant = |stat: &Stat| of == Held::All || stat.links == 0;
        if let Some(stat) = stat.filter(|stat| stat.kind() == FileKind::Regular && is_meant(stat)) {
            held.push((path, stat));
        }
    }
    held
}
