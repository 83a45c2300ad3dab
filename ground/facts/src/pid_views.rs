//! Ways of seeing which processes there are, kept apart so that they can be compared.
//!
//! Source: proc(5), sched_getparam(2), pid_namespaces(7), fs/proc/base.c, include/linux/proc_ns.h.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use stanch_machine::{Contents, Kernel, Machine, Miss, limits};
use stanch_words::{Gap, GapKind, Seen};

use crate::Host;
use crate::process_files::{self, number, words};

/// `PROC_PID_INIT_INO`: the inode of the first pid namespace.
const FIRST_PID_NAMESPACE: i64 = 0xefff_fffc;
/// The most that `pid_max` can be on 64-bit kernels (`PID_MAX_LIMIT`, include/linux/threads.h).
pub const LAST_PID: i32 = 4_194_304;
/// The capability to look at other people's processes (capabilities(7)).
const CAP_SYS_PTRACE: u32 = 19;
/// Control groups that are walked at most.
const GROUPS: usize = 20_000;

/// Returns whether we are in the first pid namespace, where the kernel's counts are about the
/// same processes that we see.
pub fn is_first_pid_namespace(machine: &dyn Machine) -> bool {
    let link = machine.read_link(Path::new("/proc/self/ns/pid")).ok();
    link.and_then(|link| process_files::namespace(&link)) == Some(FIRST_PID_NAMESPACE)
}

/// Returns whether we may look at everybody's processes.
pub fn sees_everybody(kernel: &dyn Kernel) -> bool {
    kernel.who().1 & 1 << CAP_SYS_PTRACE != 0
}

/// Returns whether /proc counts processes as we do: one that was mounted in another pid namespace
/// gives us another number (pid_namespaces(7)).
pub fn is_own_proc(machine: &dyn Machine, kernel: &dyn Kernel) -> bool {
    let told = machine.read_link(Path::new("/proc/self")).ok();
    told.and_then(|told| number(told.as_os_str().as_encoded_bytes()))
        == Some(i64::from(kernel.own_pid()))
}

/// Returns the processes that /proc lists, with the inodes that the listing tells.
pub fn listed(host: &Host, table: &str, seen: &mut Seen) -> BTreeMap<i64, u64> {
    host.list(table, Path::new("/proc"), seen)
        .iter()
        .filter_map(|entry| Some((number(entry.name.as_encoded_bytes())?, entry.inode)))
        .collect()
}

/// Returns how many threads a process has: the link count of its `task` directory is two more
/// (`proc_task_getattr`), which costs one call and no listing.
pub fn threads(machine: &dyn Machine, pid: i64) -> Option<u64> {
    let stat = machine.stat(Path::new(&format!("/proc/{pid}/task"))).ok()?;
    stat.links.checked_sub(2)
}

/// Returns the ids of all threads of some processes, without those of the leaders.
pub fn thread_ids<'a>(machine: &dyn Machine, pids: impl Iterator<Item = &'a i64>) -> HashSet<i64> {
    let mut found = HashSet::new();
    for &pid in pids {
        if threads(machine, pid) == Some(1) {
            continue;
        }
        let path = PathBuf::from(format!("/proc/{pid}/task"));
        let Ok(listing) = machine.list(&path) else { continue };
        found.extend(listing.entries.iter().filter_map(|e| number(e.name.as_encoded_bytes())));
    }
    found
}

/// Returns the processes in the control groups' own lists: none of these is made by walking
/// /proc. Processes of other pid namespaces are listed as 0.
pub fn in_control_groups(host: &Host) -> BTreeSet<i64> {
    let mut found = BTreeSet::new();
    for (_, directory) in control_groups(host) {
        let path = directory.join("cgroup.procs");
        if let Ok(contents) = host.machine().read(&path, limits::PSEUDO_FILE) {
            let pids = contents.bytes.split(|&b| b == b'\n').filter_map(number);
            found.extend(pids.filter(|&pid| pid > 0));
        }
    }
    found
}

/// Returns the control groups of the unified hierarchy: their paths in it and in /sys.
pub fn control_groups(host: &Host) -> Vec<(String, PathBuf)> {
    let roots = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];
    let unified = |root: &&&str| host.machine().stat(&Path::new(root).join("cgroup.procs")).is_ok();
    let Some(root) = roots.iter().find(unified) else { return Vec::new() };
    let mut found = vec![(String::new(), PathBuf::from(root))];
    let mut next = 0_usize;
    while let Some((name, path)) = found.get(next).cloned() {
        next = next.saturating_add(1);
        let Ok(listing) = host.machine().list(&path) else { continue };
        for entry in listing.entries {
            if entry.kind == stanch_machine::FileKind::Directory && found.len() < GROUPS {
                let below = stanch_words::text::from_bytes(entry.name.as_encoded_bytes());
                found.push((format!("{name}/{below}"), path.join(&entry.name)));
            }
        }
    }
    found
}

/// Reads a file of a process from the fresh procfs, else from /proc.
pub fn read_true(host: &Host, path: &str) -> Result<Vec<u8>, Miss> {
    let kernel = host.machine().kernel();
    if let Some(Ok(bytes)) = kernel.map(|k| k.fresh_proc(Path::new(path), limits::ARGUMENTS)) {
        return Ok(bytes);
    }
    let below = Path::new("/proc").join(path);
    host.machine().read(&below, limits::ARGUMENTS).map(|Contents { bytes, .. }| bytes)
}

/// A mount that lies over a process's directory or over a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverMount {
    /// The process that it covers.
    pub pid: i64,
    /// The mount point, as mountinfo writes it.
    pub point: String,
    /// What is mounted: the file system's kind and the path in it.
    pub what: String,
}

/// Finds in proc_pid_mountinfo(5) the mounts over `/proc/PID`, and the `hidepid` option of /proc.
pub fn over_mounts(mountinfo: &[u8]) -> (Vec<OverMount>, bool) {
    let (mut found, mut hidepid) = (Vec::new(), false);
    for line in mountinfo.split(|&b| b == b'\n') {
        let fields: Vec<&[u8]> = words(line).collect();
        let [_, _, _, root, point, ..] = fields[..] else { continue };
        let kind = fields.iter().skip_while(|&&field| field != b"-").nth(1).copied();
        let kind = kind.unwrap_or_default();
        if point == b"/proc" {
            // The last mount on /proc is the one that is seen.
            let mut options = fields.last().copied().unwrap_or_default().split(|&b| b == b',');
            hidepid = options.any(|option| {
                let value = option.strip_prefix(b"hidepid=");
                value.is_some_and(|value| !matches!(value, b"0" | b"off"))
            });
        }
        let Some(rest) = point.strip_prefix(b"/proc/") else { continue };
        let first = rest.split(|&b| b == b'/').next().unwrap_or_default();
        if let Some(pid) = number(first) {
            let what = [kind, b" ", root].concat();
            found.push(OverMount {
                pid,
                point: stanch_words::text::from_bytes(point),
                what: stanch_words::text::from_bytes(&what),
            });
        }
    }
    (found, hidepid)
}

/// Leaves a gap where /proc hides other people's processes by rule (proc(5), `hidepid`) and we may
/// not see past it. A process that is hidden so leaves no other trace: it is not even listed.
pub fn note_hidepid(host: &Host, table: &str, seen: &mut Seen) {
    let Some(kernel) = host.machine().kernel() else { return };
    if sees_everybody(kernel) {
        return;
    }
    let path = Path::new("/proc/self/mountinfo");
    let read = host.machine().read(path, limits::PSEUDO_FILE);
    let mountinfo = read.map(|contents| contents.bytes).unwrap_or_default();
    if over_mounts(&mountinfo).1 {
        let detail = "/proc is mounted with hidepid: other people's processes are hidden by rule";
        seen.gap(Gap::new(table, GapKind::Denied, detail).at("/proc"));
    }
}

/// Returns the processes that the fresh procfs lists; a refusal is a gap.
pub fn freshly_listed(host: &Host, table: &str, seen: &mut Seen) -> Option<BTreeSet<i64>> {
    match host.machine().kernel()?.fresh_proc_list() {
        Ok(names) => Some(names.iter().filter_map(|n| number(n.as_encoded_bytes())).collect()),
        Err(miss) => {
            let detail = format!("no procfs of our own to compare with: {}", miss.detail);
            let kind = if miss.absent { GapKind::Refused } else { miss.kind };
            seen.gap(Gap::new(table, kind, detail));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_over_processes_and_hidepid() {
        let text = b"22 1 0:21 / /proc rw,nosuid shared:12 - proc proc rw,hidepid=invisible\n\
            99 22 0:40 / /proc/4242 rw - tmpfs tmpfs rw\n\
            98 22 0:21 /77 /proc/78/fd rw - proc proc rw\n\
            97 22 0:41 / /proc/sys/fs/binfmt_misc rw - autofs x rw\njunk\n";
        let (found, hidepid) = over_mounts(text);
        assert!(hidepid);
        let shown: Vec<_> =
            found.iter().map(|m| (m.pid, m.point.as_str(), m.what.as_str())).collect();
        assert_eq!(shown, [(4242, "/proc/4242", "tmpfs /"), (78, "/proc/78/fd", "proc /77")]);
        assert_eq!(over_mounts(b"22 1 0:21 / /proc rw - proc proc rw"), (vec![], false));
    }
}
