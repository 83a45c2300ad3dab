//! Kills processes and all that belong to them, after what shows what they are was kept.
//!
//! Who belongs to them, and why they are frozen first, stands in `ending.rs`. Several are named in
//! one order, so that of two that bring each other back both are frozen before either is killed.

use stanch_machine::Machine;
use stanch_words::{Both, Refusal, Risk, Step, Subject, SubjectKind, Undo};

use crate::act::Trouble;
use crate::ending::{self, Order, Whom};
use crate::freezing::{self, Way, own_chain};
use crate::order::{self, Ordered};
use crate::processes::{self, Process};

/// How many processes are named before the rest is counted.
const NAMED: usize = 12;

/// Kills processes.
#[derive(Debug)]
pub struct KillProcess;

impl KillProcess {
    /// The act's name.
    pub const NAME: &'static str = "kill_process";

    /// Plans it. Nothing is touched.
    ///
    /// # Errors
    /// [`Trouble`] if there is no running kernel, or it does not tell.
    pub fn plan(machine: &dyn Machine, pids: &[i64]) -> Result<Result<Step, Refusal>, Trouble> {
        let own = own_chain(machine)?;
        let mut roots = Vec::new();
        let mut subject = Subject::new(SubjectKind::Process);
        for &pid in pids {
            let refuse = |en: &str, zh: &str| {
                let asked = Both::new(format!("kill process {pid}"), format!("终止进程 {pid}"));
                Ok(Err(Refusal { asked, why: Both::new(en, zh) }))
            };
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
                return refuse("a thread of the kernel cannot be killed", "内核线程无法终止");
            }
            if roots.is_empty() {
                subject.pid = Some(pid);
                subject.start = i64::try_from(told.start).ok();
                subject.name = Some(told.name.clone());
            }
            roots.push(Process::of(&told));
        }
        let name = roots.first().map(|root| format!("stanch-end-{}-{}", root.pid, root.start));
        let way = Way::of(machine, &name.unwrap_or_default());
        let mut order = Order { v: 1, whom: Whom::Processes(roots), way, members: Vec::new() };
        if let Some(pid) = ending::hung_on(machine, &order)? {
            let asked = Both::new("kill them", "终止这些进程");
            let why = Both::new(
                format!("this session hangs on process {pid}, which descends from them"),
                format!("本会话依赖其后代进程 {pid}"),
            );
            return Ok(Err(Refusal { asked, why }));
        }
        let found = order.find(machine)?;
        order.members = found.iter().map(|&one| freezing::member(machine, one)).collect();
        Ok(Ok(Step {
            id: String::new(),
            act: Self::NAME.to_owned(),
            subject,
            does: does(machine, pids, &found),
            undo: Undo::Irreversible { why: why() },
            risk: Risk::Service,
            met: order.state(machine)?,
            order: order::text(&order),
        }))
    }
}

/// Returns why there is no way back.
fn why() -> Both {
    Both::new(
        "a process that was killed has lost its memory; its program, maps and environment are kept",
        "进程被终止后内存即失；其程序、内存映射与环境变量已留存",
    )
}

fn does(machine: &dyn Machine, pids: &[i64], found: &[Process]) -> Both {
    let told = |pid: i64| {
        let name = processes::told(machine, pid).map(|told| told.name).unwrap_or_default();
        format!("{pid} (`{}`)", stanch_words::text::escaped(&name))
    };
    let list = |pids: &mut dyn Iterator<Item = i64>| {
        pids.take(NAMED).map(told).collect::<Vec<_>>().join(", ")
    };
    let named = list(&mut pids.iter().copied());
    let mut others = found.iter().map(|one| one.pid).filter(|pid| !pids.contains(pid));
    let count = others.clone().count();
    if count == 0 {
        return Both::new(
            format!("Freezes process {named}, keeps what it is, and kills it."),
            format!("冻结进程 {named}，留存证物后终止。"),
        );
    }
    let others = list(&mut others);
    Both::new(
        format!(
            "Freezes process {named} and {count} that belong to it, keeps what they are, and kills them: {others}."
        ),
        format!("冻结进程 {named} 及相关的 {count} 个进程，留存证物后终止：{others}。"),
    )
}

impl Ordered for KillProcess {
    const ACT: &'static str = Self::NAME;
    type Order = Order;
}
