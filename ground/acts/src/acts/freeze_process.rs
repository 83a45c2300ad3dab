//! Freezes a process and all that descend from it: they lose no memory, and do nothing more.
//!
//! How they are held, and why so, stands in `freezing.rs`.

use serde::{Deserialize, Serialize};
use stanch_machine::{Changing, Machine};
use stanch_words::{Both, Refusal, Risk, Step, Subject, SubjectKind, Undo};

use crate::act::{Act, Trouble};
use crate::freezing::{self, Member, Way, own_chain, while_listing};
use crate::order;
use crate::processes::{self, Process};

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

impl FreezeProcess {
    /// The act's name.
    pub const NAME: &'static str = "freeze_process";

    /// Plans it. Nothing is touched.
    ///
    /// # Errors
    /// [`Trouble`] if there is no running kernel, or it does not tell.
    pub fn plan(machine: &dyn Machine, pid: i64) -> Result<Result<Step, Refusal>, Trouble> {
        let own = own_chain(machine)?;
        let asked = Both::new(format!("freeze process {pid}"), format!("冻结进程 {pid}"));
        let refuse =
            |en: &str, zh: &str| Ok(Err(Refusal { asked: asked.clone(), why: Both::new(en, zh) }));
        let Some(told) = processes::told(machine, pid) else {
            return refuse("there is no such process", "没有这个进程");
        };
        if pid == 1 || own.contains(&pid) {
            return refuse(
                "it is the machine's first process, or one that this session hangs on",
                "它是系统的首个进程，或是本会话所依赖的进程",
            );
        }
        if told.is_kernels {
            return refuse("a thread of the kernel cannot be frozen", "内核线程无法冻结");
        }
        let root = Process::of(&told);
        let tree = processes::tree(machine, &[root]).map_err(while_listing())?;
        let way = Way::of(machine, &format!("stanch-{pid}-{}", root.start));
        let tree_of = tree.iter().map(|&process| freezing::member(machine, process)).collect();
        let order = Order { v: 1, root, way, tree: tree_of };
        let text = order::text(&order);
        let met = FreezeProcess.look(machine, &text)?;
        if met != state(false) {
            return refuse(
                "it is frozen or stopped already; if we did it, `stanch` lists the act",
                "它已被冻结或停止；若是本工具所为，单独运行 `stanch` 可查到该处置",
            );
        }
        let mut subject = Subject::new(SubjectKind::Process);
        subject.pid = Some(pid);
        subject.start = i64::try_from(told.start).ok();
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

/// Returns the process of the tree that this session hangs on, if there is one.
fn hung_on(machine: &dyn Machine, order: &Order) -> Result<Option<i64>, Trouble> {
    let own = own_chain(machine)?;
    let tree = processes::tree(machine, &members(order)).map_err(while_listing())?;
    Ok(tree.into_iter().map(|process| process.pid).find(|pid| own.contains(pid)))
}

/// Returns the processes as they are now: those of the plan, and what descends from them.
fn find(machine: &dyn Machine, order: &Order) -> Result<Vec<Process>, Trouble> {
    processes::tree(machine, &members(order)).map_err(while_listing())
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
            Way::Signal => freezing::is_stopped(machine, order.root),
        };
        Ok(state(frozen))
    }

    fn apply(&self, hands: &dyn Changing, order: &str) -> Result<(), Trouble> {
        let order = read(order)?;
        // Once more, for the plan may be applied by another session than the one that made it.
        if let Some(pid) = hung_on(hands.machine(), &order)? {
            let why = format!("this session hangs on process {pid}");
            return Err(Trouble::Stopped { act: Self::NAME, why });
        }
        freezing::freeze(hands, &order.way, &|machine| find(machine, &order)).map(|_all| ())
    }

    fn verify(&self, machine: &dyn Machine, order: &str) -> Result<Option<String>, Trouble> {
        let order = read(order)?;
        freezing::wait_for(machine, &|| order.way.running(machine, find(machine, &order)))
    }

    fn undo(&self, hands: &dyn Changing, order: &str, _met: &str) -> Result<(), Trouble> {
        let order = read(order)?;
        freezing::thaw(hands, &order.way, &order.tree, &|machine| find(machine, &order))
    }
}

fn read(text: &str) -> Result<Order, Trouble> {
    order::read(FreezeProcess::NAME, text, |order: &Order| order.v)
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
