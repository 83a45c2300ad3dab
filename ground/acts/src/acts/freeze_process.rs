//! Freezes a process and all that descend from it: they lose no memory, and do nothing more.
//!
//! A control group of our own is frozen first and the processes are moved into it, so that no
//! moment is left in which one of two that watch each other runs; SIGCONT does not thaw it, and
//! SIGKILL still ends it (M27). Where there is no cgroup2 that we may write to, each is stopped by
//! SIGSTOP, which its parent sees and anybody's SIGCONT undoes.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use stanch_machine::{Changing, Kernel, Machine, Signal, limits};
use stanch_words::{Both, Refusal, Risk, Step, Subject, SubjectKind, Undo};

use crate::act::{Act, Trouble};
use crate::processes::{self, Process};
use crate::responder::ancestors;

/// How often relatives that were born meanwhile are looked for.
const ROUNDS: u32 = 8;
/// How often is waited until all are still, 50 milliseconds each time.
const WAITS: u32 = 40;

/// Freezes a process and its descendants.
#[derive(Debug)]
pub struct FreezeProcess;

/// The order, version 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    v: u32,
    root: Process,
    way: Way,
    /// Each process as the plan found it, with the control group that it goes back to.
    tree: Vec<Member>,
}

/// How it is frozen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Way {
    /// In a control group: where cgroup2 is mounted, and the new group.
    Group { mount: PathBuf, group: PathBuf },
    /// By SIGSTOP.
    Signal,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Member {
    process: Process,
    group: Option<String>,
}

impl FreezeProcess {
    /// The act's name.
    pub const NAME: &'static str = "freeze_process";

    /// Plans it. Nothing is touched.
    ///
    /// # Errors
    /// [`Trouble`] if there is no running kernel, or it does not tell.
    pub fn plan(machine: &dyn Machine, pid: i64) -> Result<Result<Step, Refusal>, Trouble> {
        let kernel = machine.kernel().ok_or(Trouble::NotLive)?;
        let asked = Both::new(format!("freeze process {pid}"), format!("冻结进程 {pid}"));
        let refuse =
            |en: &str, zh: &str| Ok(Err(Refusal { asked: asked.clone(), why: Both::new(en, zh) }));
        let Some(told) = processes::told(machine, pid) else {
            return refuse("there is no such process", "没有这个进程");
        };
        if pid == 1 || own_chain(machine, kernel).contains(&pid) {
            return refuse(
                "it is the machine's first process, or one that this session hangs on",
                "它是系统的首个进程，或是本会话所依赖的进程",
            );
        }
        if told.is_kernels {
            return refuse("a thread of the kernel cannot be frozen", "内核线程无法冻结");
        }
        let tree = processes::tree(machine, &[told.process]).map_err(while_listing())?;
        let member = |&process: &Process| Member {
            process,
            group: processes::group_of(machine, process.pid),
        };
        let way = match processes::groups(machine) {
            Some(mount) => {
                let name = format!("stanch-{pid}-{}", told.process.start);
                Way::Group { group: mount.join(name), mount }
            }
            None => Way::Signal,
        };
        let order =
            Order { v: 1, root: told.process, way, tree: tree.iter().map(member).collect() };
        let text = serde_json::to_string(&order).unwrap_or_default();
        let met = FreezeProcess.look(machine, &text)?;
        if met != state(false) {
            return refuse(
                "it is frozen or stopped already; if we did it, `stanch` lists the act",
                "它已被冻结或停止；若是本工具所为，单独运行 `stanch` 可查到该处置",
            );
        }
        let mut subject = Subject::new(SubjectKind::Process);
        subject.pid = Some(pid);
        subject.start = i64::try_from(told.process.start).ok();
        subject.name = Some(told.name.clone());
        let others = tree.len().saturating_sub(1);
        Ok(Ok(Step {
            id: String::new(),
            act: Self::NAME.to_owned(),
            subject,
            does: does(pid, &told.name, others),
            undo: Undo::Possible,
            risk: Risk::Service,
            order: text,
            met,
        }))
    }
}

fn state(frozen: bool) -> String {
    serde_json::json!({ "frozen": frozen }).to_string()
}

/// Returns the processes as the plan found them, the first of them included.
fn members(order: &Order) -> Vec<Process> {
    order.tree.iter().map(|member| member.process).collect()
}

/// Returns the processes that this session hangs on: ours, who waits for it, and all above.
fn own_chain(machine: &dyn Machine, kernel: &dyn Kernel) -> Vec<i64> {
    let mut own = ancestors(machine, i64::from(kernel.own_pid()));
    own.extend(kernel.keeper_pid().map(i64::from));
    own
}

/// Returns the process of the tree that this session hangs on, if there is one.
fn hung_on(machine: &dyn Machine, order: &Order) -> Result<Option<i64>, Trouble> {
    let kernel = machine.kernel().ok_or(Trouble::NotLive)?;
    let own = own_chain(machine, kernel);
    let tree = processes::tree(machine, &members(order)).map_err(while_listing())?;
    Ok(tree.into_iter().map(|process| process.pid).find(|pid| own.contains(pid)))
}

fn while_listing() -> impl Fn(stanch_machine::Miss) -> Trouble {
    Trouble::while_doing("listing the processes")
}

fn does(pid: i64, name: &str, others: usize) -> Both {
    let name = stanch_words::text::escaped(name);
    match others {
        0 => Both::new(
            format!("Freezes process {pid} (`{name}`)."),
            format!("冻结进程 {pid}（`{name}`）。"),
        ),
        others => Both::new(
            format!("Freezes process {pid} (`{name}`) and {others} that descend from it."),
            format!("冻结进程 {pid}（`{name}`）及其 {others} 个后代。"),
        ),
    }
}

impl Act for FreezeProcess {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    /// The state is whether it is frozen. One that has ended is not.
    fn look(&self, machine: &dyn Machine, order: &str) -> Result<String, Trouble> {
        let order = read(order)?;
        let frozen = match &order.way {
            Way::Group { group, .. } => machine.stat(group).is_ok(),
            Way::Signal => is_stopped(machine, order.root),
        };
        Ok(state(frozen))
    }

    fn apply(&self, hands: &dyn Changing, order: &str) -> Result<(), Trouble> {
        let order = read(order)?;
        let doing = Trouble::while_doing;
        // Once more, for the plan may be applied by another session than the one that made it.
        if let Some(pid) = hung_on(hands.machine(), &order)? {
            let why = format!("this session hangs on process {pid}");
            return Err(Trouble::Order { act: Self::NAME, why });
        }
        if let Way::Group { group, .. } = &order.way {
            hands.make_group(group).map_err(doing("making a control group"))?;
            let freeze = group.join("cgroup.freeze");
            hands.set_group(&freeze, "1").map_err(doing("freezing a control group"))?;
        }
        // Until no relative is left that was born meanwhile.
        let mut done: Vec<Process> = Vec::new();
        for _round in 0..ROUNDS {
            let tree = processes::tree(hands.machine(), &members(&order));
            let tree = tree.map_err(while_listing())?;
            let new: Vec<Process> = tree.into_iter().filter(|one| !done.contains(one)).collect();
            if new.is_empty() {
                break;
            }
            for process in new {
                freeze(hands, &order.way, process)?;
                done.push(process);
            }
        }
        Ok(())
    }

    fn verify(&self, machine: &dyn Machine, order: &str) -> Result<Option<String>, Trouble> {
        let order = read(order)?;
        let kernel = machine.kernel().ok_or(Trouble::NotLive)?;
        // A busy machine takes its time: a process stops when it is next looked at.
        let mut running = running(machine, &order);
        for _wait in 0..WAITS {
            if running.is_none() {
                break;
            }
            kernel.sleep(std::time::Duration::from_millis(50));
            running = self::running(machine, &order);
        }
        Ok(running)
    }

    fn undo(&self, hands: &dyn Changing, order: &str, _met: &str) -> Result<(), Trouble> {
        let order = read(order)?;
        match &order.way {
            Way::Signal => {
                let tree = processes::tree(hands.machine(), &members(&order));
                for process in tree.map_err(while_listing())? {
                    let sent = hands.signal(process.pid, process.start, Signal::Continue);
                    unless_ended(sent).map_err(Trouble::while_doing("letting a process go on"))?;
                }
            }
            Way::Group { mount, group } => thaw(hands, &order, mount, group)?,
        }
        Ok(())
    }
}

/// Returns what of the tree is not frozen, if anything is.
fn running(machine: &dyn Machine, order: &Order) -> Option<String> {
    if let Way::Group { group, .. } = &order.way {
        let events = machine.read(&group.join("cgroup.events"), limits::PSEUDO_FILE);
        let events = events.map(|read| read.bytes).unwrap_or_default();
        if !events.split(|&byte| byte == b'\n').any(|line| line == b"frozen 1") {
            return Some("the control group is not frozen yet".to_owned());
        }
    }
    let tree = match processes::tree(machine, &members(order)) {
        Ok(tree) => tree,
        Err(miss) => return Some(miss.to_string()),
    };
    let running: Vec<String> = tree
        .into_iter()
        .filter(|&process| match &order.way {
            Way::Group { mount, group } => {
                let own = processes::group_of(machine, process.pid).unwrap_or_default();
                mount.join(own.trim_start_matches('/')) != *group
            }
            Way::Signal => !is_stopped(machine, process),
        })
        .map(|process| process.pid.to_string())
        .collect();
    (!running.is_empty()).then(|| format!("still running: {}", running.join(", ")))
}

/// Moves the processes back to where they came from, thaws, and removes our group.
fn thaw(
    hands: &dyn Changing,
    order: &Order,
    mount: &std::path::Path,
    group: &std::path::Path,
) -> Result<(), Trouble> {
    if hands.machine().stat(group).is_err() {
        return Ok(());
    }
    // Whoever is in it, also one whose parent has ended and who is nobody's descendant any more.
    let inside = hands.machine().read(&group.join("cgroup.procs"), limits::PSEUDO_FILE);
    let inside = inside.map_err(Trouble::while_doing("listing a control group"))?.bytes;
    let pids = String::from_utf8_lossy(&inside).into_owned();
    for pid in pids.lines().filter_map(|line| line.parse::<i64>().ok()) {
        let own = processes::told(hands.machine(), pid).map(|told| told.process);
        let known = order.tree.iter().find(|member| Some(member.process) == own);
        // One that was born meanwhile goes where the first of them came from.
        let from = known.or(order.tree.first()).and_then(|member| member.group.as_deref());
        let from = mount.join(from.unwrap_or_default().trim_start_matches('/'));
        let moved = hands.set_group(&from.join("cgroup.procs"), &pid.to_string());
        let moved = moved.or_else(|_its_group_is_gone| {
            hands.set_group(&mount.join("cgroup.procs"), &pid.to_string())
        });
        unless_ended(moved).map_err(Trouble::while_doing("moving a process back"))?;
    }
    let freeze = group.join("cgroup.freeze");
    hands.set_group(&freeze, "0").map_err(Trouble::while_doing("thawing a control group"))?;
    hands.remove_group(group).map_err(Trouble::while_doing("removing our control group"))
}

fn freeze(hands: &dyn Changing, way: &Way, process: Process) -> Result<(), Trouble> {
    let done = match way {
        Way::Group { group, .. } => {
            hands.set_group(&group.join("cgroup.procs"), &process.pid.to_string())
        }
        Way::Signal => hands.signal(process.pid, process.start, Signal::Stop),
    };
    unless_ended(done).map_err(Trouble::while_doing("freezing a process"))
}

/// A process that has ended in between is no trouble.
fn unless_ended(done: Result<(), stanch_machine::Miss>) -> Result<(), stanch_machine::Miss> {
    match done {
        Err(miss) if miss.absent => Ok(()),
        done => done,
    }
}

fn is_stopped(machine: &dyn Machine, process: Process) -> bool {
    let told = processes::told(machine, process.pid);
    told.is_some_and(|told| told.process == process && matches!(told.state, 'T' | 't'))
}

fn read(text: &str) -> Result<Order, Trouble> {
    let bad = |why: String| Trouble::Order { act: FreezeProcess::NAME, why };
    let order: Order = serde_json::from_str(text).map_err(|error| bad(error.to_string()))?;
    match order.v {
        1 => Ok(order),
        other => Err(bad(format!("version {other} is newer than this program"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_read_as_it_was_written_and_a_newer_one_is_not() {
        let process = Process { pid: 7, start: 900 };
        let order = Order {
            v: 1,
            root: process,
            way: Way::Group { mount: "/c".into(), group: "/c/stanch-7-900".into() },
            tree: vec![Member { process, group: Some("/a".to_owned()) }],
        };
        let text = serde_json::to_string(&order).unwrap();
        assert_eq!(read(&text).unwrap(), order);
        assert!(read(&text.replace("\"v\":1", "\"v\":2")).is_err());
    }
}
