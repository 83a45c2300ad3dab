//! A network that was unplugged, and the process that plugs it in again.
//!
//! The kernel has no timer for that, so a process of ours waits: it is there before the first device
//! goes down, it reads from the ledger whether it is still wanted, and where the ledger cannot be
//! read or written it plugs in all the same: nobody is locked out by a damaged file.

use std::time::Duration;

use stanch_acts::unplug_network::{Order, UnplugNetwork};
use stanch_acts::{Act as _, Deed, State, deeds};
use stanch_ledger::Entry;
use stanch_machine::{Hands, Kernel as _, Live, Machine as _};
use stanch_words::Plan;

use crate::case::Desk;
use crate::containment::{ContainError, LEASE};
use crate::deeds::{self as dealing, ActError};

/// What the ledger says of a cut that was confirmed.
pub(crate) const CONFIRMED: &str = "contain.confirmed";
/// How often the ledger is looked at.
const ROUND: Duration = Duration::from_millis(500);
/// How often an undo is tried that another process's writing keeps from the ledger.
const TRIES: u32 = 40;

/// A network that was unplugged by us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unplugged {
    /// The act.
    pub deed: Deed,
    /// What was taken down.
    pub order: Order,
    /// Whether all of it is still down.
    pub holds: bool,
    /// After how many seconds it is plugged in again, by the clock on the wall.
    pub left: u64,
}

/// How the wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitEnd {
    /// It was plugged in now.
    PluggedIn,
    /// Somebody had plugged it in, or it never was unplugged.
    NotNeeded,
}

/// Returns whether a plan unplugs the network.
pub fn unplugs(plan: &Plan) -> bool {
    plan.steps.iter().any(|step| step.act == UnplugNetwork::NAME)
}

/// Returns the network as it was unplugged; none if it is not.
///
/// # Errors
/// [`ContainError`] if the case or the kernel does not tell.
pub fn unplugged(desk: &Desk) -> Result<Option<Unplugged>, ContainError> {
    let live = Live::new();
    let Some(case) = desk.case()? else { return Ok(None) };
    let entries = case.entries()?;
    let stands = |deed: &Deed| {
        deed.step.act == UnplugNetwork::NAME
            && matches!(deed.state, State::Done | State::CutOff | State::UndoCutOff)
    };
    let Some(deed) = deeds(&entries).into_iter().rfind(stands) else { return Ok(None) };
    let order = Order::read(&deed.step.order)?;
    let (times, confirmed) = confirmations(&entries, deed.intent);
    let until = match confirmed {
        Some(time) if times > 0 => after(time, LEASE),
        _ => after(&deed.time, order.seconds),
    };
    let left = u64::try_from(until.saturating_sub(live.now())).unwrap_or(0);
    let holds = UnplugNetwork.verify(&live, &deed.step.order)?.is_none();
    Ok(Some(Unplugged { deed, order, holds, left }))
}

/// Returns how often an act was confirmed, and when last.
fn confirmations(entries: &[Entry], intent: u64) -> (usize, Option<&str>) {
    let is_of = |entry: &&Entry| {
        entry.what == CONFIRMED && entry.body.get("intent") == Some(&intent.into())
    };
    let all: Vec<&Entry> = entries.iter().filter(is_of).collect();
    (all.len(), all.last().map(|entry| entry.time.as_str()))
}

/// Returns the second that lies so many behind a time of the ledger.
fn after(time: &str, seconds: u64) -> i64 {
    let time = time.parse::<jiff::Timestamp>().map_or(0, jiff::Timestamp::as_second);
    time.saturating_add(i64::try_from(seconds).unwrap_or(i64::MAX))
}

/// Records that it stays unplugged for a day.
///
/// # Errors
/// [`ContainError::WrongCode`], or if the case cannot be written.
pub(crate) fn confirm(desk: &Desk, unplugged: &Unplugged, code: &str) -> Result<(), ContainError> {
    if unplugged.order.code != code {
        return Err(ContainError::WrongCode);
    }
    let now = Live::new().now();
    let case = desk.case_to_write(now)?;
    let body = serde_json::json!({ "intent": unplugged.deed.intent, "seconds": LEASE });
    desk.write(&case, now)?.append(&desk.record(now, CONFIRMED, body))?;
    Ok(())
}

/// Waits until the time of a plan that unplugs is over, and plugs in again, unless that was done
/// before. `ready` is said when the wait has begun: nothing is to be unplugged before.
///
/// # Errors
/// [`ContainError`] if there is no such plan, or the machine cannot be changed from here.
pub fn wait_and_plug_in(
    desk: &Desk,
    plan: &str,
    ready: &mut dyn FnMut(),
) -> Result<WaitEnd, ContainError> {
    let live = Live::new();
    let hands = Hands::on(&live).map_err(ActError::NotOurs)?;
    let planned = dealing::kept_plan(desk, plan)?;
    let step = planned.steps.into_iter().find(|step| step.act == UnplugNetwork::NAME);
    let step = step.ok_or_else(|| ActError::NoPlan { id: plan.to_owned() })?;
    let seconds = Order::read(&step.order)?.seconds;
    let in_seconds = |seconds: u64| (live.monotonic() / 1_000_000_000).saturating_add(seconds);
    let (mut until, mut seen) = (in_seconds(seconds), 0);
    ready();
    loop {
        // A ledger that cannot be read tells nothing, and changes nothing about the time.
        let entries = desk.case().ok().flatten().and_then(|case| case.entries().ok());
        let entries = entries.unwrap_or_default();
        let deed =
            deeds(&entries).into_iter().find(|deed| deed.plan == plan && deed.step.act == step.act);
        match deed.as_ref().map(|deed| deed.state) {
            Some(State::Undone | State::Failed) => return Ok(WaitEnd::NotNeeded),
            Some(State::Done | State::CutOff | State::UndoCutOff) | None => {}
        }
        let times = deed.as_ref().map_or(0, |deed| confirmations(&entries, deed.intent).0);
        if times > seen {
            (until, seen) = (in_seconds(LEASE), times);
        }
        if in_seconds(0) >= until {
            // Not begun by now: whoever was to do it has ended.
            // Where the kernel does not tell, it is plugged in: that is no harm where it is up.
            let is_down =
                UnplugNetwork.look(&live, &step.order).map_or(true, |now| now != step.met);
            if deed.is_none() && !is_down {
                return Ok(WaitEnd::NotNeeded);
            }
            return plug_in(desk, &hands, deed.as_ref(), &step.order);
        }
        live.sleep(ROUND);
    }
}

/// Plugs in: as an undo of the ledger's if it lets itself be written, else without it.
fn plug_in(
    desk: &Desk,
    hands: &Hands<'_>,
    deed: Option<&Deed>,
    order: &str,
) -> Result<WaitEnd, ContainError> {
    if let Some(deed) = deed {
        for _try in 0..TRIES {
            match dealing::undo(desk, &deed.id) {
                Ok(_) => return Ok(WaitEnd::PluggedIn),
                Err(ActError::Ledger(stanch_ledger::LedgerError::InUse { .. })) => {
                    Live::new().sleep(ROUND);
                }
                Err(_ledger_or_act) => break,
            }
        }
    }
    // Nobody else plugs in: what fails now is tried again.
    for _try in 1..TRIES {
        if UnplugNetwork.undo(hands, order, "").is_ok() {
            return Ok(WaitEnd::PluggedIn);
        }
        Live::new().sleep(ROUND);
    }
    UnplugNetwork.undo(hands, order, "")?;
    Ok(WaitEnd::PluggedIn)
}
