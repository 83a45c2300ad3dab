//! Holding processes still, and letting them go on: what freezing and killing are made of.
//!
//! A control group of our own is frozen first and the processes are moved into it, so that no
//! moment is left in which one of two that watch each other runs; SIGCONT does not thaw it, and
//! SIGKILL still ends it (M27). Where there is no cgroup2 that we may write to, each is stopped by
//! SIGSTOP, which its parent sees and anybody's SIGCONT undoes.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use stanch_machine::{Changing, Machine, Miss, Signal, limits};

use crate::act::Trouble;
use crate::processes::{self, Process};
use crate::responder::ancestors;

/// How often relatives that were born meanwhile are looked for.
const ROUNDS: u32 = 8;
/// How often is waited until all are still, or gone, 50 milliseconds each time.
const WAITS: u32 = 40;

/// Finds whoever is meant, as they are now.
pub(crate) type Find<'a> = &'a dyn Fn(&dyn Machine) -> Result<Vec<Process>, Trouble>;

/// How they are held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Way {
    /// In a control group: where cgroup2 is mounted, and the new group.
    Group { mount: PathBuf, group: PathBuf },
    /// By SIGSTOP.
    Signal,
}

/// A process, with the control group that it goes back to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Member {
    pub(crate) process: Process,
    pub(crate) group: Option<String>,
}

impl Way {
    /// Returns the best way that this machine has, with a control group of that name.
    pub(crate) fn of(machine: &dyn Machine, name: &str) -> Self {
        match processes::groups(machine) {
            Some(mount) => Self::Group { group: mount.join(name), mount },
            None => Self::Signal,
        }
    }

    /// Returns whether nothing that was found runs: what of it does, if anything.
    pub(crate) fn running(
        &self,
        machine: &dyn Machine,
        found: Result<Vec<Process>, Trouble>,
    ) -> Option<String> {
        if let Self::Group { group, .. } = self {
            let events = machine.read(&group.join("cgroup.events"), limits::PSEUDO_FILE);
            let events = events.map(|read| read.bytes).unwrap_or_default();
            if !events.split(|&byte| byte == b'\n').any(|line| line == b"frozen 1") {
                return Some("the control group is not frozen yet".to_owned());
            }
        }
        let found = match found {
            Ok(found) => found,
            Err(trouble) => return Some(trouble.to_string()),
        };
        let running: Vec<String> = found
            .into_iter()
            .filter(|&process| match self {
                Self::Group { mount, group } => {
                    let own = processes::group_of(machine, process.pid).unwrap_or_default();
                    mount.join(own.trim_start_matches('/')) != *group
                }
                Self::Signal => !is_stopped(machine, process),
            })
            .map(|process| process.pid.to_string())
            .collect();
        (!running.is_empty()).then(|| format!("still running: {}", running.join(", ")))
    }
}

/// Returns a process with the group that it is in.
pub(crate) fn member(machine: &dyn Machine, process: Process) -> Member {
    Member { process, group: processes::group_of(machine, process.pid) }
}

/// Returns the processes that this session hangs on: ours, who waits for it, and all above.
///
/// # Errors
/// [`Trouble::NotLive`] for an image.
pub(crate) fn own_chain(machine: &dyn Machine) -> Result<Vec<i64>, Trouble> {
    let kernel = machine.kernel().ok_or(Trouble::NotLive)?;
    let mut own = ancestors(machine, i64::from(kernel.own_pid()));
    own.extend(kernel.keeper_pid().map(i64::from));
    Ok(own)
}

/// Returns what turns a miss into trouble while listing processes.
pub(crate) fn while_listing() -> impl Fn(Miss) -> Trouble {
    Trouble::while_doing("listing the processes")
}

/// Freezes all that `find` finds, again and again until it finds nobody new.
pub(crate) fn freeze(
    hands: &dyn Changing,
    way: &Way,
    find: Find<'_>,
) -> Result<Vec<Process>, Trouble> {
    let doing = Trouble::while_doing;
    if let Way::Group { group, .. } = way {
        hands.make_group(group).map_err(doing("making a control group"))?;
        let freeze = group.join("cgroup.freeze");
        hands.set_group(&freeze, "1").map_err(doing("freezing a control group"))?;
    }
    let mut done: Vec<Process> = Vec::new();
    for _round in 0..ROUNDS {
        let found = find(hands.machine())?;
        let new: Vec<Process> = found.into_iter().filter(|one| !done.contains(one)).collect();
        if new.is_empty() {
            break;
        }
        for process in new {
            let held = match way {
                Way::Group { group, .. } => {
                    hands.set_group(&group.join("cgroup.procs"), &process.pid.to_string())
                }
                Way::Signal => hands.signal(process.pid, process.start, Signal::Stop),
            };
            unless_ended(held).map_err(Trouble::while_doing("freezing a process"))?;
            done.push(process);
        }
    }
    Ok(done)
}

/// Waits for a thing to come true: `missing` tells what is missing. A busy machine takes its time:
/// a process stops when it is next looked at.
pub(crate) fn wait_for(
    machine: &dyn Machine,
    missing: &dyn Fn() -> Option<String>,
) -> Result<Option<String>, Trouble> {
    let kernel = machine.kernel().ok_or(Trouble::NotLive)?;
    let mut told = missing();
    for _wait in 0..WAITS {
        if told.is_none() {
            break;
        }
        kernel.sleep(std::time::Duration::from_millis(50));
        told = missing();
    }
    Ok(told)
}

/// Lets them go on: moves each back to where it came from, thaws, and removes our group.
pub(crate) fn thaw(
    hands: &dyn Changing,
    way: &Way,
    members: &[Member],
    find: Find<'_>,
) -> Result<(), Trouble> {
    match way {
        Way::Signal => {
            for process in find(hands.machine())? {
                let sent = hands.signal(process.pid, process.start, Signal::Continue);
                unless_ended(sent).map_err(Trouble::while_doing("letting a process go on"))?;
            }
            Ok(())
        }
        Way::Group { mount, group } => thaw_group(hands, members, mount, group),
    }
}

fn thaw_group(
    hands: &dyn Changing,
    members: &[Member],
    mount: &Path,
    group: &Path,
) -> Result<(), Trouble> {
    if hands.machine().stat(group).is_err() {
        return Ok(());
    }
    // Whoever is in it, also one whose parent has ended and who is nobody's descendant any more.
    for own in inside(hands.machine(), group)? {
        let known = members.iter().find(|member| member.process == own);
        // One that was born meanwhile goes where the first of them came from.
        let from = known.or(members.first()).and_then(|member| member.group.as_deref());
        let from = mount.join(from.unwrap_or_default().trim_start_matches('/'));
        let pid = own.pid.to_string();
        let moved = hands.set_group(&from.join("cgroup.procs"), &pid);
        let moved =
            moved.or_else(|_its_group_is_gone| hands.set_group(&mount.join("cgroup.procs"), &pid));
        unless_ended(moved).map_err(Trouble::while_doing("moving a process back"))?;
    }
    let freeze = group.join("cgroup.freeze");
    hands.set_group(&freeze, "0").map_err(Trouble::while_doing("thawing a control group"))?;
    hands.remove_group(group).map_err(Trouble::while_doing("removing our control group"))
}

/// Returns the processes in a control group.
///
/// # Errors
/// [`Trouble`] if the kernel does not tell.
pub(crate) fn inside(machine: &dyn Machine, group: &Path) -> Result<Vec<Process>, Trouble> {
    let pids = machine.read(&group.join("cgroup.procs"), limits::PSEUDO_FILE);
    let pids = pids.map_err(Trouble::while_doing("listing a control group"))?.bytes;
    let pids = String::from_utf8_lossy(&pids).into_owned();
    let pids = pids.lines().filter_map(|line| line.parse::<i64>().ok());
    Ok(pids
        .filter_map(|pid| processes::told(machine, pid))
        .map(|told| Process::of(&told))
        .collect())
}

/// A process that has ended in between is no trouble.
pub(crate) fn unless_ended(done: Result<(), Miss>) -> Result<(), Miss> {
    match done {
        Err(miss) if miss.absent => Ok(()),
        done => done,
    }
}

/// Returns whether a process is stopped.
pub(crate) fn is_stopped(machine: &dyn Machine, process: Process) -> bool {
    let told = processes::told(machine, process.pid);
    told.is_some_and(|told| Process::of(&told) == process && matches!(told.state, 'T' | 't'))
}
