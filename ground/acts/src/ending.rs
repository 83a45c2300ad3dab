//! Ending processes: all that belong to what was meant are frozen first, what shows what they are
//! is kept, and only then are they killed, so that of two that watch each other neither can bring
//! the other back.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use stanch_machine::{Changing, Machine, ProcessStat, Signal, limits};

use crate::act::{Exhibit, Trouble};
use crate::freezing::{self, Member, Way, own_chain, unless_ended, while_listing};
use crate::order::{self, Does};
use crate::processes::{self, Process};

/// How often relatives that were born meanwhile are looked for.
const ROUNDS: u32 = 8;
/// The largest image that is kept; what is larger is kept up to here.
const LARGEST_IMAGE: u64 = 1 << 30;
/// How many processes' exhibits are kept: a fork bomb has the same image thousands of times.
const MOST_DESCRIBED: usize = 64;
/// Programs below these belong to the machine: that another process runs the same one says nothing
/// of kinship.
const SHARED: [&str; 8] =
    ["/usr/", "/bin/", "/sbin/", "/lib/", "/lib64/", "/opt/", "/snap/", "/nix/store/"];

/// The order of whatever ends processes, version 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    pub(crate) v: u32,
    pub(crate) whom: Whom,
    pub(crate) way: Way,
    /// Each process as the plan found it, with the control group that it came from.
    pub(crate) members: Vec<Member>,
}

/// Who is meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Whom {
    /// These, what descends from them, their sessions, and whoever runs the same program if it is
    /// not the machine's.
    Processes(Vec<Process>),
    /// The sessions of an account: what runs as it, and what was started by who logged in as it
    /// (the audit login uid stays through `su` and `sudo`).
    Account {
        /// Its name.
        name: String,
        /// Its uid.
        uid: u32,
    },
    /// The processes of a unit: those in its control group, those that its pid files named, and
    /// what descends from them.
    Unit {
        /// Its name, a part of the path of its control group.
        name: String,
        /// Those of its pid files.
        roots: Vec<Process>,
    },
}

impl Does for Order {
    fn read(act: &'static str, text: &str) -> Result<Self, Trouble> {
        order::read(act, text, |order: &Self| order.v)
    }

    /// Which of those that were named run, or whether any of an account's or a unit's does.
    fn look(&self, machine: &dyn Machine) -> Result<String, Trouble> {
        self.state(machine)
    }

    fn hold(&self, hands: &dyn Changing, act: &'static str) -> Result<(), Trouble> {
        hold(hands, act, self)
    }

    fn exhibits(&self, machine: &dyn Machine) -> Result<Vec<Exhibit>, Trouble> {
        exhibits(machine, self)
    }

    fn apply(&self, hands: &dyn Changing, act: &'static str) -> Result<(), Trouble> {
        kill(hands, act, self)
    }

    fn verify(&self, machine: &dyn Machine) -> Result<Option<String>, Trouble> {
        freezing::wait_for(machine, &|| left(machine, self))
    }

    fn undo(&self, hands: &dyn Changing, act: &'static str) -> Result<(), Trouble> {
        give_back(hands, act, self)
    }
}

impl Order {
    /// Returns whoever is meant, as they are now, parents before children.
    ///
    /// # Errors
    /// [`Trouble`] if the processes cannot be listed.
    pub(crate) fn find(&self, machine: &dyn Machine) -> Result<Vec<Process>, Trouble> {
        let mut known: Vec<Process> = self.members.iter().map(|member| member.process).collect();
        if let Way::Group { group, .. } = &self.way
            && machine.stat(group).is_ok()
        {
            known.extend(freezing::inside(machine, group)?);
        }
        found(machine, &self.whom, &known)
    }

    /// Returns the state that matters: which of those that were named run, or whether any of an
    /// account's does.
    pub(crate) fn state(&self, machine: &dyn Machine) -> Result<String, Trouble> {
        let found = self.find(machine)?;
        Ok(match &self.whom {
            Whom::Processes(roots) => {
                let run: Vec<_> = roots.iter().filter(|root| found.contains(root)).collect();
                serde_json::json!({ "running": run }).to_string()
            }
            Whom::Account { .. } | Whom::Unit { .. } => {
                serde_json::json!({ "running": !found.is_empty() }).to_string()
            }
        })
    }
}

/// Returns whoever is meant: from those that are known on, until nobody is found that belongs to
/// them. This session's own are spared.
///
/// # Errors
/// [`Trouble`] if the processes cannot be listed.
pub(crate) fn found(
    machine: &dyn Machine,
    whom: &Whom,
    known: &[Process],
) -> Result<Vec<Process>, Trouble> {
    let all = processes::all(machine).map_err(while_listing())?;
    let own = own_chain(machine)?;
    let spared = |one: &ProcessStat| one.pid == 1 || one.is_kernels || own.contains(&one.pid);
    let mut meant: BTreeSet<Process> = known.iter().copied().collect();
    match whom {
        Whom::Processes(roots) => meant.extend(roots),
        Whom::Unit { name, roots } => {
            meant.extend(roots);
            let theirs = all.iter().filter(|one| {
                !spared(one)
                    && processes::groups_of(machine, one.pid)
                        .iter()
                        .any(|group| group.split('/').any(|part| part == name))
            });
            meant.extend(theirs.map(Process::of).collect::<Vec<_>>());
        }
        Whom::Account { uid, .. } => {
            let session = processes::session_of(machine, "self");
            let theirs = all.iter().filter(|one| {
                let place = one.pid.to_string();
                let is_ours = spared(one)
                    || session.is_some() && processes::session_of(machine, &place) == session;
                !is_ours && processes::is_session_of(machine, one.pid, *uid)
            });
            meant.extend(theirs.map(Process::of).collect::<Vec<_>>());
        }
    }
    let mut images: BTreeSet<(u64, u64)> = BTreeSet::new();
    // Each round finds relatives of those of the round before; chains are short.
    for _round in 0..ROUNDS {
        let before = meant.len();
        let pids: BTreeSet<i64> =
            all.iter().filter(|one| meant.contains(&Process::of(one))).map(|one| one.pid).collect();
        if !matches!(whom, Whom::Account { .. }) {
            images.extend(pids.iter().filter_map(|&pid| own_image(machine, pid)));
        }
        for one in all.iter().filter(|one| !spared(one) && !pids.contains(&one.pid)) {
            let is_relative = pids.contains(&one.parent)
                || pids.contains(&one.session)
                || own_image(machine, one.pid).is_some_and(|image| images.contains(&image));
            if is_relative {
                meant.insert(Process::of(one));
            }
        }
        if meant.len() == before {
            break;
        }
    }
    let mut there: Vec<Process> = all
        .iter()
        .filter(|one| !spared(one) && meant.contains(&Process::of(one)))
        .map(Process::of)
        .collect();
    // A parent is older than its children.
    there.sort_by_key(|process| (process.start, process.pid));
    Ok(there)
}

/// Returns which file a process runs, unless it is one of the machine's own programs.
fn own_image(machine: &dyn Machine, pid: i64) -> Option<(u64, u64)> {
    let link = PathBuf::from(format!("/proc/{pid}/exe"));
    let path = machine.read_link(&link).ok()?;
    if SHARED.iter().any(|place| path.starts_with(place)) {
        return None;
    }
    let stat = machine.stat(&link).ok()?;
    Some((stat.device, stat.inode))
}

/// Refuses to go on if this session hangs on one of them: a plan may be applied by another session
/// than the one that made it.
///
/// # Errors
/// [`Trouble::Stopped`] if it does.
pub(crate) fn spare(
    machine: &dyn Machine,
    act: &'static str,
    order: &Order,
) -> Result<(), Trouble> {
    let Some(pid) = hung_on(machine, order)? else { return Ok(()) };
    Err(Trouble::Stopped { act, why: format!("this session hangs on process {pid}") })
}

/// Returns the process that was named, or descends from one that was, and that this session hangs
/// on.
pub(crate) fn hung_on(machine: &dyn Machine, order: &Order) -> Result<Option<i64>, Trouble> {
    let (Whom::Processes(roots) | Whom::Unit { roots, .. }) = &order.whom else {
        return Ok(None);
    };
    let own = own_chain(machine)?;
    let tree = processes::tree(machine, roots).map_err(while_listing())?;
    Ok(tree.into_iter().map(|process| process.pid).find(|pid| own.contains(pid)))
}

/// Freezes all of them.
///
/// # Errors
/// [`Trouble`] if one cannot be frozen, or this session hangs on one.
pub(crate) fn hold(hands: &dyn Changing, act: &'static str, order: &Order) -> Result<(), Trouble> {
    spare(hands.machine(), act, order)?;
    freezing::freeze(hands, &order.way, &|machine| order.find(machine))?;
    let machine = hands.machine();
    let running = || order.way.running(machine, order.find(machine));
    // One that waits in the kernel (state D) stops when it comes back; it is killed all the same.
    let _still_or_soon = freezing::wait_for(machine, &running)?;
    Ok(())
}

/// Returns what is kept of them: each program once, and of each process its memory's map, its
/// arguments and environment, and what the kernel tells of its state.
///
/// # Errors
/// [`Trouble`] if the processes cannot be listed.
pub(crate) fn exhibits(machine: &dyn Machine, order: &Order) -> Result<Vec<Exhibit>, Trouble> {
    let mut kept = Vec::new();
    let mut images: BTreeSet<(u64, u64)> = BTreeSet::new();
    for process in order.find(machine)?.into_iter().take(MOST_DESCRIBED) {
        let place = PathBuf::from(format!("/proc/{}", process.pid));
        let image = place.join("exe");
        let is_new =
            machine.stat(&image).is_ok_and(|stat| images.insert((stat.device, stat.inode)));
        if is_new {
            kept.push(Exhibit { path: image, cap: LARGEST_IMAGE });
        }
        for name in ["maps", "cmdline", "environ", "status"] {
            kept.push(Exhibit { path: place.join(name), cap: limits::PSEUDO_FILE });
        }
    }
    Ok(kept)
}

/// Kills all of them, and removes our control group.
///
/// # Errors
/// [`Trouble`] if the kernel refuses.
pub(crate) fn kill(hands: &dyn Changing, act: &'static str, order: &Order) -> Result<(), Trouble> {
    spare(hands.machine(), act, order)?;
    for _round in 0..ROUNDS {
        let found = order.find(hands.machine())?;
        if found.is_empty() {
            break;
        }
        if let Way::Group { group, .. } = &order.way {
            // All in one go where the kernel can (cgroup.kill, Linux 5.14); else one by one.
            let _one_by_one_else = hands.set_group(&group.join("cgroup.kill"), "1");
        }
        // Children first: of one that is killed, its children are nobody's, and not found again.
        for process in found.into_iter().rev() {
            let sent = hands.signal(process.pid, process.start, Signal::Kill);
            unless_ended(sent).map_err(Trouble::while_doing("killing a process"))?;
        }
        let machine = hands.machine();
        freezing::wait_for(machine, &|| left(machine, order))?;
    }
    match &order.way {
        Way::Group { group, .. } => remove(hands, group),
        Way::Signal => Ok(()),
    }
}

/// Removes our control group, which empties as its processes are reaped.
fn remove(hands: &dyn Changing, group: &Path) -> Result<(), Trouble> {
    let removed = std::cell::RefCell::new(Ok(()));
    freezing::wait_for(hands.machine(), &|| {
        let tried = hands.remove_group(group);
        let told = tried.as_ref().err().map(ToString::to_string);
        *removed.borrow_mut() = tried;
        told
    })?;
    removed.into_inner().map_err(Trouble::while_doing("removing our control group"))
}

/// Returns who of them runs still, if anybody does.
pub(crate) fn left(machine: &dyn Machine, order: &Order) -> Option<String> {
    let found = match order.find(machine) {
        Ok(found) => found,
        Err(trouble) => return Some(trouble.to_string()),
    };
    let pids: Vec<String> = found.iter().map(|process| process.pid.to_string()).collect();
    (!pids.is_empty()).then(|| format!("still running: {}", pids.join(", ")))
}

/// Lets them go on, and tells if one of those that the plan found has ended: it does not come back,
/// and nobody may be told that it did.
///
/// # Errors
/// [`Trouble`] if one has ended.
pub(crate) fn give_back(
    hands: &dyn Changing,
    act: &'static str,
    order: &Order,
) -> Result<(), Trouble> {
    let_go(hands, order)?;
    let run = processes::all(hands.machine()).map_err(while_listing())?;
    let run: BTreeSet<Process> = run.iter().map(Process::of).collect();
    let gone = order.members.iter().map(|member| member.process);
    let gone: Vec<String> =
        gone.filter(|process| !run.contains(process)).map(|one| one.pid.to_string()).collect();
    if gone.is_empty() {
        return Ok(());
    }
    Err(Trouble::Stopped { act, why: format!("processes {} have ended", gone.join(", ")) })
}

/// Lets those go on that were held and not killed.
///
/// # Errors
/// [`Trouble`] if the kernel refuses.
pub(crate) fn let_go(hands: &dyn Changing, order: &Order) -> Result<(), Trouble> {
    freezing::thaw(hands, &order.way, &order.members, &|machine| order.find(machine))
}
