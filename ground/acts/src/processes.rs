//! Processes as acts need them: who is whose child, since when, in which control group.
//!
//! Source: proc(5), cgroups(7).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use stanch_machine::{Machine, Miss, limits};

/// One process: its pid and when it started, which no other process shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Process {
    pub(crate) pid: i64,
    /// Field 22 of `/proc/PID/stat`, in clock ticks since boot.
    pub(crate) start: u64,
}

/// What `/proc/PID/stat` tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) process: Process,
    pub(crate) parent: i64,
    pub(crate) name: String,
    /// The letter of its state; `T` is stopped.
    pub(crate) state: char,
    /// Whether it is a thread of the kernel (`PF_KTHREAD`).
    pub(crate) is_kernels: bool,
    /// How many threads it has, its first one included.
    threads: u64,
}

impl Told {
    /// Returns whether it runs no more. A first thread that left by itself is a zombie too, while
    /// the others run on (pthread_exit(3)).
    fn has_ended(&self) -> bool {
        matches!(self.state, 'Z' | 'X') && self.threads <= 1
    }
}

/// Returns what a process tells of itself, if it is there.
pub(crate) fn told(machine: &dyn Machine, pid: i64) -> Option<Told> {
    let path = PathBuf::from(format!("/proc/{pid}/stat"));
    parse(&machine.read(&path, limits::PSEUDO_FILE).ok()?.bytes)
}

/// Takes `/proc/PID/stat` apart. The name may hold anything, so the last bracket ends it.
fn parse(stat: &[u8]) -> Option<Told> {
    /// `PF_KTHREAD` (linux/sched.h).
    const KERNEL_THREAD: u64 = 0x0020_0000;
    let (open, end) =
        (stat.iter().position(|&b| b == b'(')?, stat.iter().rposition(|&b| b == b')')?);
    let pid = std::str::from_utf8(stat.get(..open)?).ok()?.trim().parse().ok()?;
    let name = stanch_words::text::from_bytes(stat.get(open.saturating_add(1)..end)?);
    let rest = std::str::from_utf8(stat.get(end.saturating_add(1)..)?).ok()?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    let number = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok());
    Some(Told {
        process: Process { pid, start: number(19)? },
        parent: fields.get(1)?.parse().ok()?,
        name,
        state: fields.first()?.chars().next()?,
        is_kernels: number(6)? & KERNEL_THREAD != 0,
        threads: number(17)?,
    })
}

/// Returns the processes of a list that still run, and all that descend from them, parents before
/// children. A list, since the first of them may have ended while its children run on.
///
/// # Errors
/// A [`Miss`] if `/proc` cannot be listed: not to see is not to have ended.
pub(crate) fn tree(machine: &dyn Machine, roots: &[Process]) -> Result<Vec<Process>, Miss> {
    let listing = machine.list(Path::new("/proc"))?;
    let pids = listing.entries.iter().filter_map(|entry| entry.name.to_str()?.parse().ok());
    // A zombie runs no more; it waits for a parent who may be frozen.
    let all = pids.filter_map(|pid| told(machine, pid)).filter(|one| !one.has_ended());
    let mut children: BTreeMap<i64, Vec<Process>> = BTreeMap::new();
    let mut found: Vec<Process> = Vec::new();
    for one in all {
        children.entry(one.parent).or_default().push(one.process);
        if roots.contains(&one.process) {
            found.push(one.process);
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

/// Returns where cgroup2 is mounted, if it is.
pub(crate) fn groups(machine: &dyn Machine) -> Option<PathBuf> {
    let mounts = machine.read(Path::new("/proc/self/mounts"), limits::PSEUDO_FILE).ok()?.bytes;
    let mounts = String::from_utf8_lossy(&mounts).into_owned();
    mounts.lines().find_map(|line| {
        let mut fields = line.split(' ').skip(1);
        let (place, kind, options) = (fields.next()?, fields.next()?, fields.next()?);
        let is_writable = options.split(',').any(|option| option == "rw");
        (kind == "cgroup2" && is_writable).then(|| PathBuf::from(place))
    })
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
    fn a_name_with_brackets_hides_nothing() {
        let told = parse(stat(7, 5, 900).as_bytes()).unwrap();
        assert_eq!((told.process, told.parent), (Process { pid: 7, start: 900 }, 5));
        assert_eq!(told.name, "a) b");
        assert!(!told.is_kernels);
        assert_eq!(parse(b"7 (torn"), None);
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
            .file("/proc/self/mounts", "none /sys/fs/cgroup/unified cgroup2 rw,nosuid 0 0\n");
        assert_eq!(group_of(&machine, 7).as_deref(), Some("/system.slice/a.service"));
        assert_eq!(groups(&machine), Some("/sys/fs/cgroup/unified".into()));
    }
}
