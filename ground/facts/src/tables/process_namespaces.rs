//! Namespaces of processes.
//!
//! Source: namespaces(7), proc_pid_ns(5).

use stanch_words::{Ask, Seen, table_spec};

use crate::Host;
use crate::process_files::{self, Refusals};

table_spec! {
    /// Namespaces.
    pub static SPEC, col = "process_namespaces": Live, "Namespaces that each process is in.";
    pid BigInt Index "Process id.";
    cgroup_namespace Text Plain "Inode of the cgroup namespace.";
    ipc_namespace Text Plain "Inode of the ipc namespace.";
    mnt_namespace Text Plain "Inode of the mount namespace.";
    net_namespace Text Plain "Inode of the network namespace.";
    pid_namespace Text Plain "Inode of the pid namespace.";
    user_namespace Text Plain "Inode of the user namespace.";
    uts_namespace Text Plain "Inode of the uts namespace.";
    time_namespace Text Plain "Inode of the time namespace.";
}

const LINKS: [(usize, &str); 8] = [
    (col::cgroup_namespace, "ns/cgroup"),
    (col::ipc_namespace, "ns/ipc"),
    (col::mnt_namespace, "ns/mnt"),
    (col::net_namespace, "ns/net"),
    (col::pid_namespace, "ns/pid"),
    (col::user_namespace, "ns/user"),
    (col::uts_namespace, "ns/uts"),
    (col::time_namespace, "ns/time"),
];

/// Reads the links in `/proc/PID/ns`.
pub(super) fn read(host: &Host, ask: &Ask, seen: &mut Seen) {
    let mut refusals = Refusals::default();
    for pid in process_files::pids(host, SPEC.name, ask, col::pid, seen) {
        let opened = process_files::open(host, SPEC.name, ask, col::pid, pid, seen);
        let Some(directory) = opened else { continue };
        let mut row = SPEC.row();
        row.put(col::pid, pid);
        for (column, name) in LINKS {
            if !ask.wants(column) {
                continue;
            }
            match directory.read_link(name) {
                Ok(link) => {
                    let inode = process_files::namespace(&link);
                    row.put(column, inode.map(|inode| inode.to_string()));
                }
                Err(miss) => refusals.take(SPEC.name, pid, miss, seen),
            }
        }
        seen.push(row);
    }
    refusals.tell(SPEC.name, "namespaces", seen);
}

#[cfg(test)]
mod tests {
    use stanch_machine::Pretend;

    use super::*;

    #[test]
    fn a_process_with_some_namespaces() {
        let machine = Pretend::new()
            .link("/proc/5/ns/net", "net:[4026531840]")
            .link("/proc/5/ns/mnt", "mnt:[what]");
        let host = Host::new(std::sync::Arc::new(machine));
        let mut seen = Seen::default();
        read(&host, &Ask::all(), &mut seen);
        assert_eq!(seen.rows.len(), 1);
        assert_eq!(seen.rows[0].get(col::net_namespace).as_text(), Some("4026531840"));
        assert!(seen.rows[0].get(col::mnt_namespace).is_null());
        assert_eq!(seen.gaps, []);
    }
}
