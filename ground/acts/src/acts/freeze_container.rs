//! Freezes a container by its own control group, as its runtime's "pause" does: whatever is started
//! in it is frozen with the rest, and nothing is moved.
//!
//! Source: cgroups(7), Documentation/admin-guide/cgroup-v2.rst (`cgroup.freeze`, `cgroup.events`).

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use stanch_machine::{Changing, Machine, limits};
use stanch_words::{Both, Refusal, Risk, Step, Subject, SubjectKind, Undo};

use crate::act::{Act, Trouble};
use crate::freezing::{self, own_chain};
use crate::{order, processes};

/// Freezes a container.
#[derive(Debug)]
pub struct FreezeContainer;

/// The order, version 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    v: u32,
    /// Its control group, a directory of cgroup2.
    group: PathBuf,
}

impl FreezeContainer {
    /// The act's name.
    pub const NAME: &'static str = "freeze_container";

    /// Plans it for a container that is called so and has this group, from the mount of cgroup2 on.
    /// Nothing is touched.
    ///
    /// # Errors
    /// [`Trouble`] if there is no running kernel, or it does not tell.
    pub fn plan(
        machine: &dyn Machine,
        name: &str,
        group: Option<&str>,
    ) -> Result<Result<Step, Refusal>, Trouble> {
        let shown = stanch_words::text::escaped(name);
        let asked =
            Both::new(format!("freeze the container `{shown}`"), format!("冻结容器 `{shown}`"));
        let refuse =
            |en: &str, zh: &str| Ok(Err(Refusal { asked: asked.clone(), why: Both::new(en, zh) }));
        let group =
            group.map(|group| group.trim_start_matches('/')).filter(|group| !group.is_empty());
        let (Some(mount), Some(group)) = (processes::groups(machine), group) else {
            return refuse(
                "it has no control group of version 2 that we may write to; freeze its processes with `--freeze PID`",
                "它没有可写的 v2 控制组；请用 `--freeze PID` 冻结其进程",
            );
        };
        let group = mount.join(group);
        let within = all_inside(machine, &group)?;
        let own = own_chain(machine)?;
        if within.iter().any(|pid| own.contains(pid) || *pid == 1) {
            return refuse("this session hangs on a process in it", "本会话依赖于其中的进程");
        }
        let count = within.len();
        let text = order::text(&Order { v: 1, group });
        let met = FreezeContainer.look(machine, &text)?;
        if met != state(false) {
            return refuse(
                "it is frozen already; if we did it, `stanch` lists the act",
                "它已被冻结；若是本工具所为，单独运行 `stanch` 可查到该处置",
            );
        }
        let mut subject = Subject::new(SubjectKind::Process);
        subject.name = Some(name.to_owned());
        subject.pid = within.first().copied();
        Ok(Ok(Step {
            id: String::new(),
            act: Self::NAME.to_owned(),
            subject,
            does: Both::new(
                format!(
                    "Freezes the container `{shown}`: {count} processes, and whatever is started in it."
                ),
                format!("冻结容器 `{shown}`：{count} 个进程，以及其中新启动的一切。"),
            ),
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

/// How deep groups lie within each other at most, and how many there are.
const GROUPS: usize = 1000;

/// Returns the pids in a group and in those below it.
fn all_inside(machine: &dyn Machine, group: &Path) -> Result<Vec<i64>, Trouble> {
    let (mut pids, mut left) = (Vec::new(), vec![group.to_owned()]);
    let mut seen = 0_usize;
    while let Some(group) = left.pop() {
        pids.extend(freezing::inside(machine, &group)?.into_iter().map(|process| process.pid));
        let listing =
            machine.list(&group).map_err(Trouble::while_doing("listing control groups"))?;
        let is_folder =
            |entry: &stanch_machine::Entry| entry.kind == stanch_machine::FileKind::Directory;
        left.extend(
            listing.entries.iter().filter(|one| is_folder(one)).map(|one| group.join(&one.name)),
        );
        seen = seen.saturating_add(1);
        if seen > GROUPS {
            break;
        }
    }
    Ok(pids)
}

/// Returns whether a file of a group says so.
fn says(machine: &dyn Machine, group: &Path, file: &str, line: &[u8]) -> bool {
    let read = machine.read(&group.join(file), limits::PSEUDO_FILE);
    let bytes = read.map(|read| read.bytes).unwrap_or_default();
    bytes.split(|&byte| byte == b'\n').any(|one| one == line)
}

fn read(text: &str) -> Result<Order, Trouble> {
    order::read(FreezeContainer::NAME, text, |order: &Order| order.v)
}

fn write(hands: &dyn Changing, order: &Order, value: &str) -> Result<(), Trouble> {
    let written = hands.set_group(&order.group.join("cgroup.freeze"), value);
    freezing::unless_ended(written).map_err(Trouble::while_doing("freezing a control group"))
}

impl Act for FreezeContainer {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    /// The state is whether its group is to be frozen. One that is gone is not.
    fn look(&self, machine: &dyn Machine, order: &str) -> Result<String, Trouble> {
        let order = read(order)?;
        Ok(state(says(machine, &order.group, "cgroup.freeze", b"1")))
    }

    fn apply(&self, hands: &dyn Changing, order: &str) -> Result<(), Trouble> {
        let order = read(order)?;
        let own = own_chain(hands.machine())?;
        let within = all_inside(hands.machine(), &order.group)?;
        if let Some(pid) = within.into_iter().find(|pid| own.contains(pid)) {
            let why = format!("this session hangs on process {pid}");
            return Err(Trouble::Stopped { act: Self::NAME, why });
        }
        write(hands, &order, "1")
    }

    fn verify(&self, machine: &dyn Machine, order: &str) -> Result<Option<String>, Trouble> {
        let order = read(order)?;
        let missing = || {
            let is_frozen = says(machine, &order.group, "cgroup.events", b"frozen 1");
            (!is_frozen).then(|| "the control group is not frozen yet".to_owned())
        };
        freezing::wait_for(machine, &missing)
    }

    fn undo(&self, hands: &dyn Changing, order: &str, _met: &str) -> Result<(), Trouble> {
        write(hands, &read(order)?, "0")
    }
}
