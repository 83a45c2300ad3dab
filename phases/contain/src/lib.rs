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
mod network;
pub mod outside;
mod services;

use stanch_acts::Trouble;
use stanch_acts::freeze_process::FreezeProcess;
use stanch_acts::isolate_network::{IsolateNetwork, Level};
use stanch_acts::kill_process::KillProcess;
pub use stanch_acts::replace_host_key::NewHostKey;
pub use stanch_acts::rotate_password::NewPassword;
use stanch_acts::{Keep, Vault, responder};
use stanch_machine::Machine;
use stanch_words::{Phase, Plan, Refusal, Step};

pub use network::{devices, uplinks};

/// What the responder wants cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// The processes to be frozen, with all that descend from them.
    pub freeze: Vec<i64>,
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
    if !wish.kill.is_empty() {
        take(&mut plan, KillProcess::plan(machine, &wish.kill)?);
    }
    services::plan(machine, wish, &mut plan)?;
    accounts::plan(machine, wish, &mut plan)?;
    if let Some(level) = wish.level {
        let order = network::order(machine, wish, level, responder::ways_in(machine)?);
        let refusals = network::refusals(machine, &order);
        if refusals.is_empty() {
            let planned = network::step(machine, &order, wish.seat)?;
            if planned.is_ok() {
                let cut = IsolateNetwork::would_cut(machine, &order)?;
                plan.costs.extend(network::costs(machine, &order, &cut));
            }
            take(&mut plan, planned);
        }
        plan.refusals.extend(refusals);
    }
    // All or nothing: half of what was asked for is not what was asked for.
    if !plan.refusals.is_empty() {
        plan.steps.clear();
        plan.costs.clear();
    }
    Ok(plan)
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
