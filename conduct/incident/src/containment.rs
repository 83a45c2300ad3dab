//! 断网, with the case at its side: plan, apply, confirm, release.

use stanch_acts::isolate_network::{IsolateNetwork, Order, Standing};
use stanch_acts::runner::{RunError, Runner, plan_of};
use stanch_acts::{Act as _, Deed, State, Trouble, deeds, responder};
use stanch_ledger::{LedgerError, Record};
use stanch_machine::{Hands, Live, Machine as _, Miss};
use stanch_words::{GapKind, Plan};

pub use stanch_acts::Keep;
pub use stanch_acts::isolate_network::{Level as CutLevel, emergency_line};
pub use stanch_contain::{Seat, Wish};

use crate::case::Desk;
use crate::watch::MADE_AGAIN;

/// For how long a confirmed cut stands, in seconds: a day. Then it has to be confirmed again, so
/// that a forgotten cut does not last for ever.
pub const LEASE: u64 = 24 * 3600;

/// Letters and digits that nobody takes for each other.
const LEGIBLE: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz23456789+";

/// Why the network could not be cut, or opened.
#[derive(Debug, thiserror::Error)]
pub enum ContainError {
    /// The machine did not let itself be read.
    #[error("the machine could not be looked at")]
    Unseen(#[from] Trouble),
    /// The machine did not let itself be taken in hand.
    #[error("the machine cannot be changed from here")]
    NotOurs(#[source] Miss),
    /// The kernel refused the rules before anything was done.
    #[error("the kernel does not take the rules")]
    NotPossible(#[source] Trouble),
    /// The ledger did not take a record.
    #[error("the ledger did not take the record")]
    Ledger(#[from] LedgerError),
    /// The plan was not carried out.
    #[error("the plan was not carried out")]
    Run(#[from] RunError),
    /// There is no plan of that id in the case.
    #[error("there is no plan `{id}` in the case")]
    NoPlan {
        /// The id.
        id: String,
    },
    /// There is no act of that id in the case.
    #[error("there is no act `{id}` in the case")]
    NoDeed {
        /// The id.
        id: String,
    },
    /// The network is not cut by us.
    #[error("nothing is cut by us")]
    NotCut,
    /// The kernel has opened the machine already.
    #[error("the time ran out, and the kernel has opened the machine")]
    TimeRanOut,
    /// Somebody else has removed the rules.
    #[error("the rules of the cut are gone")]
    Removed,
    /// The code is another.
    #[error("that is not the code of this cut")]
    WrongCode,
    /// The connection stood before the cut: it proves nothing about new ones.
    #[error("this connection stood before the cut")]
    OldConnection,
}

/// How the network stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The act that cut it.
    pub deed: Deed,
    /// What was cut, and what kept.
    pub order: Order,
    /// Whether it still holds.
    pub holds: Holds,
    /// After how many seconds the kernel opens the machine; none if it has.
    pub left: Option<u64>,
    /// How many packets were cut since the rules were made.
    pub dropped: u64,
    /// How often its rules were tampered with and made again.
    pub made_again: usize,
}

/// Whether a cut still holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// It does.
    Yes,
    /// Its time ran out: the kernel has opened the machine, as it should.
    RanOut,
    /// Somebody else removed the rules, or the machine was started anew.
    Removed,
}

/// Returns a code to be typed: short, legible, not to be guessed in two minutes.
///
/// # Errors
/// [`ContainError::NotOurs`] if the kernel gives no random bytes.
pub fn code() -> Result<String, ContainError> {
    let bytes = stanch_machine::live::random().map_err(ContainError::NotOurs)?;
    let letter = |byte: &u8| LEGIBLE.get(usize::from(byte % 31)).copied().unwrap_or(b'x');
    Ok(bytes.iter().take(6).map(letter).map(char::from).collect())
}

/// Plans a cut of the machine that we run on, and keeps the plan in the case if `keep` says so.
///
/// # Errors
/// [`ContainError`] if the machine cannot be looked at or the case not be written.
pub fn plan(desk: &Desk, wish: &Wish, keep: Keeping) -> Result<Plan, ContainError> {
    let live = Live::new();
    let mut plan = stanch_contain::plan(&live, wish)?;
    if keep == Keeping::InCase && !plan.steps.is_empty() {
        let now = live.now();
        let case = desk.case_to_write(now)?;
        let mut ledger = desk.write(&case, now)?;
        Runner::new(&mut ledger, desk.signer()).keep(&mut plan, now)?;
    }
    Ok(plan)
}

/// Whether a plan is kept in the case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeping {
    /// It is, so that it can be applied by its id.
    InCase,
    /// It is only shown.
    Nowhere,
}

/// Returns a plan of the case.
///
/// # Errors
/// [`ContainError::NoPlan`] if there is none of that id.
pub fn kept_plan(desk: &Desk, id: &str) -> Result<Plan, ContainError> {
    let missing = || ContainError::NoPlan { id: id.to_owned() };
    let case = desk.case()?.ok_or_else(missing)?;
    plan_of(&case.entries()?, id).ok_or_else(missing)
}

/// Does what a kept plan says. The kernel checks the rules before the intent is recorded.
///
/// # Errors
/// [`ContainError`]; what was done before stands in the ledger.
pub fn apply(desk: &Desk, plan: &Plan) -> Result<Vec<Deed>, ContainError> {
    let live = Live::new();
    let hands = Hands::on(&live).map_err(ContainError::NotOurs)?;
    for step in plan.steps.iter().filter(|step| step.act == IsolateNetwork::NAME) {
        let order = Order::read(&step.order)?;
        IsolateNetwork::rehearse(&hands, &order).map_err(refused)?;
    }
    let now = live.now();
    let case = desk.case_to_write(now)?;
    let mut ledger = desk.write(&case, now)?;
    Ok(Runner::new(&mut ledger, desk.signer()).apply(&hands, plan)?)
}

/// Tells an ordinary user, who may not, from a kernel that cannot.
fn refused(trouble: Trouble) -> ContainError {
    match trouble {
        Trouble::Machine { source, .. } if source.kind == GapKind::Denied => {
            ContainError::NotOurs(source)
        }
        trouble => ContainError::NotPossible(trouble),
    }
}

/// Returns how the network stands; none if it is not cut by us.
///
/// # Errors
/// [`ContainError`] if the case or the kernel does not tell.
pub fn cut(desk: &Desk) -> Result<Option<Cut>, ContainError> {
    let live = Live::new();
    let Some(case) = desk.case()? else { return Ok(None) };
    let standing = |deed: &Deed| {
        deed.step.act == IsolateNetwork::NAME
            && matches!(deed.state, State::Done | State::CutOff | State::UndoCutOff)
    };
    let entries = case.entries()?;
    let Some(deed) = deeds(&entries).into_iter().rfind(standing) else { return Ok(None) };
    let order = Order::read(&deed.step.order)?;
    let left = IsolateNetwork::left(&live)?;
    let holds = match left {
        Some(_time) => Holds::Yes,
        None if IsolateNetwork.look(&live, &deed.step.order)? == deed.step.met => Holds::Removed,
        None => Holds::RanOut,
    };
    let made_again = entries.iter().filter(|entry| {
        entry.what == MADE_AGAIN && entry.body.get("intent") == Some(&deed.intent.into())
    });
    let made_again = made_again.count();
    let dropped = Standing::of(&live)?.dropped();
    Ok(Some(Cut { deed, order, holds, left, dropped, made_again }))
}

/// Confirms a cut: it stands for a day. It has to be done over a connection that was made after
/// the cut, since one that stood before proves nothing.
///
/// # Errors
/// [`ContainError`] if nothing is cut, the code is another, or the connection is an old one.
pub fn confirm(desk: &Desk, code: &str) -> Result<Cut, ContainError> {
    let live = Live::new();
    let hands = Hands::on(&live).map_err(ContainError::NotOurs)?;
    let cut = cut(desk)?.ok_or(ContainError::NotCut)?;
    match cut.holds {
        Holds::Yes => {}
        Holds::RanOut => return Err(ContainError::TimeRanOut),
        Holds::Removed => return Err(ContainError::Removed),
    }
    if cut.order.code != code {
        return Err(ContainError::WrongCode);
    }
    let before = &cut.order.ways_in;
    let is_new = |way: &stanch_acts::WayIn| {
        !before.iter().any(|old| (old.from, old.from_port) == (way.from, way.from_port))
    };
    if !before.is_empty() && !responder::ways_in(&live)?.iter().any(is_new) {
        return Err(ContainError::OldConnection);
    }
    let now = live.now();
    let case = desk.case_to_write(now)?;
    let mut ledger = desk.write(&case, now)?;
    let mut record = |what: &str| {
        ledger.append(&Record {
            time: now,
            who: desk.who.clone(),
            tool: desk.tool.clone(),
            what: what.to_owned(),
            body: serde_json::json!({ "intent": cut.deed.intent, "seconds": LEASE }),
        })
    };
    // As with every change: what is meant stands in the ledger before.
    record("contain.confirm-intended")?;
    IsolateNetwork::renew(&hands, &cut.order, LEASE)?;
    record("contain.confirmed")?;
    Ok(Cut { left: Some(LEASE), ..cut })
}

/// Opens the network again.
///
/// # Errors
/// [`ContainError`] if nothing is cut by us, or it could not be opened.
pub fn release(desk: &Desk) -> Result<Deed, ContainError> {
    let cut = cut(desk)?.ok_or(ContainError::NotCut)?;
    undo(desk, &cut.deed.id)
}

/// Takes an act of the case back.
///
/// # Errors
/// [`ContainError`] if there is no such act, or it could not be taken back.
pub fn undo(desk: &Desk, id: &str) -> Result<Deed, ContainError> {
    with_deed(desk, id, |runner, hands, deed| runner.undo(hands, deed))
}

/// Goes on with an act that was cut off.
///
/// # Errors
/// [`ContainError`] if there is no such act, or it fails again.
pub fn resume(desk: &Desk, id: &str) -> Result<Deed, ContainError> {
    with_deed(desk, id, |runner, hands, deed| runner.resume(hands, deed))
}

fn with_deed(
    desk: &Desk,
    id: &str,
    deal: impl FnOnce(&mut Runner<'_>, &Hands<'_>, &Deed) -> Result<(), RunError>,
) -> Result<Deed, ContainError> {
    let live = Live::new();
    let hands = Hands::on(&live).map_err(ContainError::NotOurs)?;
    let missing = || ContainError::NoDeed { id: id.to_owned() };
    let case = desk.case()?.ok_or_else(missing)?;
    let find = |id: &str| -> Result<Deed, ContainError> {
        deeds(&case.entries()?).into_iter().find(|deed| deed.id == id).ok_or_else(missing)
    };
    let deed = find(id)?;
    let mut ledger = desk.write(&case, live.now())?;
    deal(&mut Runner::new(&mut ledger, desk.signer()), &hands, &deed)?;
    drop(ledger);
    find(id)
}
