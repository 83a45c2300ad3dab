//! 断网: cuts the intruder off, and never the responder.
//!
//! **What the responder is asking**: how do I stop them now, what will it cost us, and shall I
//! still get in?
//!
//! **In and out**: a [`Wish`] and a machine that can only be read go in; a plan comes out, with
//! what it costs, what it does not cover and what is refused.
//!
//! **Never**: planning touches nothing, and no plan shuts the way that the responder came in by.
//!
//! **Start reading** at [`plan`].

mod accounts;
pub mod containers;
mod network;
pub mod outside;
mod services;
mod unplug;

use stanch_acts::Trouble;
use stanch_acts::freeze_container::FreezeContainer;
use stanch_acts::freeze_process::FreezeProcess;
use stanch_acts::isolate_network::{IsolateNetwork, Level};
use stanch_acts::kill_process::KillProcess;
pub use stanch_acts::replace_host_key::NewHostKey;
pub use stanch_acts::rotate_password::NewPassword;
use stanch_acts::{Keep, Vault, responder};
use stanch_machine::Machine;
use stanch_words::{Both, Phase, Plan, Refusal, Step};

pub use network::{devices, uplinks};
pub use unplug::CONSENT;

/// What the responder wants cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// The processes to be frozen, with all that descend from them.
    pub freeze: Vec<i64>,
    /// The containers to be frozen, by their ids or the beginnings of them.
    pub freeze_containers: Vec<String>,
    /// The processes to be killed, with all that belong to them.
    pub kill: Vec<i64>,
    /// The accounts to be locked; their sessions end.
    pub lock_accounts: Vec<String>,
    /// The accounts whose sessions are to be ended.
    pub end_sessions: Vec<String>,
    /// The accounts that get a new password.
    pub new_passwords: Vec<NewPassword>,
    /// The key that takes the place of the machine's own.
    pub new_host_key: Option<NewHostKey>,
    /// The services to be stopped and kept from starting.
    pub stop_services: Vec<String>,
    /// The names of accounts that the responder typed, knowing that he came in by them.
    pub consents: Vec<String>,
    /// Where what is set aside lies.
    pub vault: Vault,
    /// How much of the network; none to leave it alone.
    pub level: Option<Level>,
    /// What is not cut, beside the way that the responder came in by.
    pub keep: Vec<Keep>,
    /// What is cut at the level `block`.
    pub block: Vec<Keep>,
    /// Whether the devices by which the machine reaches others are taken down.
    pub unplug: bool,
    /// Where the responder sits.
    pub seat: Seat,
    /// After how many seconds the kernel opens the machine by itself unless that is confirmed.
    pub seconds: u64,
    /// What has to be typed to confirm.
    pub code: String,
}

/// Where the responder sits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seat {
    /// At the other end of a connection.
    Remote,
    /// At the machine itself: no way in over the network need stay.
    Console,
}

/// `CAP_NET_ADMIN` (linux/capability.h).
const NET_ADMIN: u64 = 1 << 12;

/// Returns whether we may see the packet filter, as root may. Who may not gets a plan to look at.
pub fn may_see(machine: &dyn Machine) -> bool {
    machine.kernel().is_none_or(|kernel| kernel.who().1 & NET_ADMIN != 0)
}

impl Wish {
    /// Returns the wish for nothing, with the vault of a case.
    pub fn nothing(vault: Vault) -> Self {
        Self {
            freeze: Vec::new(),
            freeze_containers: Vec::new(),
            kill: Vec::new(),
            lock_accounts: Vec::new(),
            end_sessions: Vec::new(),
            new_passwords: Vec::new(),
            new_host_key: None,
            stop_services: Vec::new(),
            consents: Vec::new(),
            vault,
            level: None,
            keep: Vec::new(),
            block: Vec::new(),
            unplug: false,
            seat: Seat::Remote,
            seconds: 0,
            code: String::new(),
        }
    }
}

/// Plans it: processes are frozen or killed before the network is cut, since one that notices the
/// cut may destroy what it can. Nothing is touched.
///
/// # Errors
/// [`Trouble`] if the machine does not let itself be read, or is not a running one.
pub fn plan(machine: &dyn Machine, wish: &Wish) -> Result<Plan, Trouble> {
    let mut plan = Plan {
        id: String::new(),
        phase: Phase::Contain,
        steps: Vec::new(),
        refusals: Vec::new(),
        costs: Vec::new(),
    };
    for &pid in &wish.freeze {
        take(&mut plan, FreezeProcess::plan(machine, pid)?);
    }
    freeze_containers(machine, wish, &mut plan)?;
    if !wish.kill.is_empty() {
        take(&mut plan, KillProcess::plan(machine, &wish.kill)?);
    }
    services::plan(machine, wish, &mut plan)?;
    accounts::plan(machine, wish, &mut plan)?;
    if let Some(level) = wish.level {
        let order = network::order(machine, wish, level, responder::ways_in(machine)?);
        let refusals = network::refusals(machine, &order);
        if refusals.is_empty() && !may_see(machine) {
            let cut = IsolateNetwork::would_cut(machine, &order)?;
            plan.costs.extend(network::costs(machine, &order, &cut));
            plan.costs.extend(network::unseen(&order));
            take(&mut plan, IsolateNetwork::plan_unseen(machine, &order));
        } else if refusals.is_empty() {
            let planned = network::step(machine, &order, wish.seat)?;
            if planned.is_ok() {
                let cut = IsolateNetwork::would_cut(machine, &order)?;
                plan.costs.extend(network::costs(machine, &order, &cut));
            }
            take(&mut plan, planned);
        }
        plan.refusals.extend(refusals);
    }
    unplug::plan(machine, wish, &mut plan)?;
    // All or nothing: half of what was asked for is not what was asked for.
    if !plan.refusals.is_empty() {
        plan.steps.clear();
        plan.costs.clear();
    }
    Ok(plan)
}

/// Puts the freezing of containers into a plan.
fn freeze_containers(machine: &dyn Machine, wish: &Wish, plan: &mut Plan) -> Result<(), Trouble> {
    if wish.freeze_containers.is_empty() {
        return Ok(());
    }
    let all = containers::containers(machine);
    for id in &wish.freeze_containers {
        // A name that is given in full is no beginning of a longer one.
        let is_whole = all.iter().any(|one| one.id == *id);
        let fits = |one: &&containers::Container| {
            one.id == *id || !is_whole && id.len() >= 3 && one.id.starts_with(id.as_str())
        };
        let fitting: Vec<_> = all.iter().filter(fits).collect();
        if let [one] = fitting.as_slice() {
            let name = format!("{} {}", one.runtime, one.short());
            take(plan, FreezeContainer::plan(machine, &name, one.group.as_deref())?);
            continue;
        }
        let shown = stanch_words::text::escaped(id);
        let there: Vec<String> =
            all.iter().map(|one| stanch_words::text::escaped(one.short())).collect();
        let there = there.join(", ");
        plan.refusals.push(Refusal {
            asked: Both::new(
                format!("freeze the container `{shown}`"),
                format!("冻结容器 `{shown}`"),
            ),
            why: Both::new(
                format!("not exactly one container is called so; those that run: {there}"),
                format!("没有唯一与之对应的容器；正在运行的有：{there}"),
            ),
        });
    }
    Ok(())
}

/// Puts a step at the end of a plan, or what was refused beside it.
fn take(plan: &mut Plan, planned: Result<Step, Refusal>) {
    match planned {
        Ok(step) => {
            let id = format!("S-{}", plan.steps.len().saturating_add(1));
            plan.steps.push(Step { id, ..step });
        }
        Err(refusal) => plan.refusals.push(refusal),
    }
}
