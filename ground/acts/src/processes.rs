//! Processes as acts need them: who is whose child, since when, in which control group.
//!
//! Source: proc(5), cgroups(7).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use stanch_machine::{Machine, Miss, ProcessStat, limits};

/// One process: its pid and when it started, which no other process shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Process {
    pub(crate) pid: i64,
    /// Field 22 of `/proc/PID/stat`, in clock ticks since boot.
    pub(crate) start: u64,
}

impl Process {
    /// Returns the process that told this of itself.
    pub(crate) fn of(stat: &ProcessStat) -> Self {
        Self { pid: stat.pid, start: stat.start }
    }
}

/// Returns what a process tells of itself, if it is there.
pub(crate) fn told(machine: &dyn Machine, pid: i64) -> Option<ProcessStat> {
    ProcessStat::of(machine, pid)
}

/// Returns what all processes that run tell of themselves, by their pids.
///
/// # Errors
/// A [`Miss`] if `/proc` cannot be listed: not to see is not to have ended.
pub(crate) fn all(machine: &dyn Machine) -> Result<Vec<ProcessStat>, Miss> {
    let listing = machine.list(Path::new("/proc"))?;
    let pids = listing.entries.iter().filter_map(|entry| entry.name.to_str()?.parse().ok());
    // A zombie runs no more; it waits for a parent who may be frozen.
    Ok(pids.filter_map(|pid| told(machine, pid)).filter(|one| !one.has_ended()).collect())
}

/// Returns the processes of a list that still run, and all that descend from them, parents before
/// children. A list, since the first of them may have ended while its children run on.
///
/// # Errors
/// A [`Miss`] if `/proc` cannot be listed: not to see is not to have ended.
pub(crate) fn tree(machine: &dyn Machine, roots: &[Process]) -> Result<Vec<Process>, Miss> {
    let mut children: BTreeMap<i64, Vec<Process>> = BTreeMap::new();
    let mut found: Vec<Process> = Vec::new();
    for one in all(machine)? {
        let process = Process::of(&one);
        children.entry(one.parent).or_default().push(process);
        if roots.contains(&process) {
            found.push(process);
        }
    }
    let mut known: BTreeSet<Process> = found.iter().copied().collect();
    let mut at = 0;
    while let Some(above) = found.get(at) {
        let below = children.get(&above.pid).into_iter().flatten();
        found.extend(below.copied().filter(|child| known.insert(*child)).collect::<Vec<_>>());
        at = at.saturating_add(1);
    }
    Ok(found)
}

/// Returns the number of a process's audit session, if it has one (`/proc/PID/sessionid`). The
/// place is a pid or `self`.
pub(crate) fn session_of(machine: &dyn Machine, place: &str) -> Option<u32> {
    number_in(machine, place, "sessionid")
}

/// Returns as whom a process's session logged in, if anybody did (`/proc/PID/loginuid`). It is set
/// once and stays through `su`, `sudo` and whatever is started.
pub(crate) fn login_of(machine: &dyn Machine, place: &str) -> Option<u32> {
    number_in(machine, place, "loginuid")
}

fn number_in(machine: &dyn Machine, place: &str, name: &str) -> Option<u32> {
    let path = Path::new("/proc").join(place).join(name);
    let bytes = machine.read(&path, limits::PSEUDO_FILE).ok()?.bytes;
    let number: u32 = std::str::from_utf8(&bytes).ok()?.trim().parse().ok()?;
    // 4294967295 is "not set" (kernel's `INVALID_UID`, audit_is_unset_session).
    (number != u32::MAX).then_some(number)
}

/// Returns the uids of a process: real, effective, saved and of the file system.
pub(crate) fn uids_of(machine: &dyn Machine, pid: i64) -> Vec<u32> {
    let path = PathBuf::from(format!("/proc/{pid}/status"));
    let bytes = machine.read(&path, limits::PSEUDO_FILE).map(|read| read.bytes).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let line = text.lines().find_map(|line| line.strip_prefix("Uid:")).unwrap_or_default();
    line.split_ascii_whitespace().filter_map(|uid| uid.parse().ok()).collect()
}

/// Returns whether a process belongs to a session of an account: it was started by who logged in
/// as it, or it runs as it and is no service of the machine's.
pub(crate) fn is_session_of(machine: &dyn Machine, pid: i64, uid: u32) -> bool {
    let login = login_of(machine, &pid.to_string());
    if login == Some(uid) {
        return true;
    }
    // Most of the machine runs as root: only a login tells its sessions.
    if uid == 0 || !uids_of(machine, pid).contains(&uid) {
        return false;
    }
    let is_service =
        group_of(machine, pid).is_some_and(|group| group.starts_with("/system.slice/"));
    login.is_some() || !is_service
}

/// Returns where cgroup2 is mounted, if it is and nothing lies over it.
pub(crate) fn groups(machine: &dyn Machine) -> Option<PathBuf> {
    let mounts = machine.read(Path::new("/proc/self/mounts"), limits::PSEUDO_FILE).ok()?.bytes;
    let mounts = String::from_utf8_lossy(&mounts).into_owned();
    mounts.lines().find_map(|line| {
        let mut fields = line.split(' ').skip(1);
        let (place, kind, options) = (fields.next()?, fields.next()?, fields.next()?);
        let is_writable = options.split(',').any(|option| option == "rw");
        let is_seen = || machine.stat(&Path::new(place).join("cgroup.procs")).is_ok();
        (kind == "cgroup2" && is_writable && is_seen()).then(|| PathBuf::from(place))
    })
}

/// Returns a process's control groups in all hierarchies (`/proc/PID/cgroup`).
pub(crate) fn groups_of(machine: &dyn Machine, pid: i64) -> Vec<String> {
    let path = PathBuf::from(format!("/proc/{pid}/cgroup"));
    let lines = machine.read(&path, limits::PSEUDO_FILE).map(|read| read.bytes).unwrap_or_default();
    let lines = String::from_utf8_lossy(&lines).into_owned();
    lines.lines().filter_map(|line| line.splitn(3, ':').nth(2)).map(str::to_owned).collect()
}

/// Returns a process's control group in cgroup2, from its mount on (`/proc/PID/cgroup`, `0::`).
pub(crate) fn group_of(machine: &dyn Machine, pid: i64) -> Option<String> {
    let path = PathBuf::from(format!("/proc/{pid}/cgroup"));
    let lines = machine.read(&path, limits::PSEUDO_FILE).ok()?.bytes;
    let lines = String::from_utf8_lossy(&lines).into_owned();
    lines.lines().find_map(|line| line.strip_prefix("0::").map(str::to_owned))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use stanch_machine::Pretend;

    /// Returns a `/proc/PID/stat` whose name has brackets.
    pub(crate) fn stat(pid: i64, parent: i64, start: u64) -> String {
        format!("{pid} (a) b) S {parent} 1 1 0 -1 4194560 {} {start} 0", "0 ".repeat(12).trim())
    }

    #[test]
    fn a_tree_is_its_root_and_all_that_descend_from_it() {
        let machine = Pretend::new()
            .file("/proc/5/stat", stat(5, 1, 10))
            .file("/proc/7/stat", stat(7, 5, 20))
            .file("/proc/8/stat", stat(8, 7, 30))
            .file("/proc/9/stat", stat(9, 1, 40));
        let pids =
            |root| tree(&machine, &[root]).unwrap().iter().map(|one| one.pid).collect::<Vec<_>>();
        assert_eq!(pids(Process { pid: 5, start: 10 }), [5, 7, 8]);
        assert!(pids(Process { pid: 5, start: 11 }).is_empty(), "another with its pid is not it");
    }

    #[test]
    fn a_zombie_whose_other_threads_run_is_of_the_tree() {
        let zombie = |pid, threads: u8| {
            format!("{pid} (a) Z 1 1 1 0 -1 4194560 {}{threads} 0 10 0", "0 ".repeat(10))
        };
        let machine =
            Pretend::new().file("/proc/5/stat", zombie(5, 1)).file("/proc/6/stat", zombie(6, 2));
        let of = |pid| tree(&machine, &[Process { pid, start: 10 }]).unwrap().len();
        assert_eq!((of(5), of(6)), (0, 1));
    }

    #[test]
    fn a_group_is_told_from_the_line_of_cgroup2() {
        let machine = Pretend::new()
            .file("/proc/7/cgroup", "4:memory:/x\n0::/system.slice/a.service\n")
            .file("/sys/fs/cgroup/unified/cgroup.procs", "")
            .file(
                "/proc/self/mounts",
                "none /covered cgroup2 rw 0 0\nnone /sys/fs/cgroup/unified cgroup2 rw,nosuid 0 0\n",
            );
        assert_eq!(group_of(&machine, 7).as_deref(), Some("/system.slice/a.service"));
        assert_eq!(groups(&machine), Some("/sys/fs/cgroup/unified".into()));
    }
}
