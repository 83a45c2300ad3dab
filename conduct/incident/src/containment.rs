//! 断网, with the case at its side: plan, apply, confirm, release. What is the same with every act
//! stands in `deeds.rs`.

use std::path::Path;

use stanch_acts::isolate_network::{IsolateNetwork, Order, Standing, proof};
use stanch_acts::{Act as _, Deed, State, Trouble, responder};
use stanch_ledger::LedgerError;
use stanch_machine::{Hands, Live, Machine as _, limits};
use stanch_words::sealed::Sealed;
use stanch_words::{GapKind, Plan};

pub use stanch_acts::Keep;
pub use stanch_acts::isolate_network::proof::{Check, Outcome, Proof};
pub use stanch_acts::isolate_network::{Level as CutLevel, emergency_line};
pub use stanch_contain::{CONSENT, NewHostKey, NewPassword, Seat, Wish};

/// What can be cut from outside.
pub mod outside {
    pub use stanch_contain::outside::neighbours::Protocol;
    pub use stanch_contain::outside::{Advice, Neighbour, Outside, Place, Platform, Port};
}

use crate::case::Desk;
use crate::deeds::{self, ActError};
use crate::unplugging;
use crate::watch::MADE_AGAIN;

/// For how long a confirmed cut stands, in seconds: a day. Then it has to be confirmed again, so
/// that a forgotten cut does not last for ever.
pub const LEASE: u64 = 24 * 3600;

/// Letters and digits that nobody takes for each other.
const LEGIBLE: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz23456789+";

/// Why the network could not be cut, or opened.
#[derive(Debug, thiserror::Error)]
pub enum ContainError {
    /// What is the same with every act.
    #[error(transparent)]
    Act(#[from] ActError),
    /// The network is not cut by us.
    #[error("nothing is cut by us")]
    NotCut,
    /// The kernel has opened the machine already.
    #[error("the time ran out, and the kernel has opened the machine")]
    TimeRanOut,
    /// Somebody else has removed the rules.
    #[error("the rules of the cut are gone")]
    Removed,
    /// It holds: there is nothing to be done again.
    #[error("the cut holds")]
    Holds,
    /// The code is another.
    #[error("that is not the code of this cut")]
    WrongCode,
    /// The connection stood before the cut: it proves nothing about new ones.
    #[error("this connection stood before the cut")]
    OldConnection,
}

impl From<Trouble> for ContainError {
    fn from(trouble: Trouble) -> Self {
        Self::Act(trouble.into())
    }
}

impl From<LedgerError> for ContainError {
    fn from(error: LedgerError) -> Self {
        Self::Act(error.into())
    }
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
    /// Somebody else removed the rules.
    Removed,
    /// The machine was started anew: the kernel that held the rules is gone.
    Rebooted,
}

/// Returns a new password for an account: 24 letters, some 118 bits.
///
/// # Errors
/// [`ContainError`] if the kernel gives no random bytes.
pub fn new_password(name: &str) -> Result<NewPassword, ContainError> {
    let password = format!("{}{}", letters(12)?, letters(12)?);
    Ok(NewPassword { name: name.to_owned(), password: Sealed::new(password), salt: letters(16)? })
}

/// Returns a new key of the machine.
///
/// # Errors
/// [`ContainError`] if the kernel gives no random bytes.
pub fn new_host_key() -> Result<NewHostKey, ContainError> {
    let half = || stanch_machine::live::random().map_err(ActError::NotOurs);
    let (first, second) = (half()?, half()?);
    let mut seed = [0; 32];
    for (to, from) in seed.iter_mut().zip(first.iter().chain(&second)) {
        *to = *from;
    }
    Ok(NewHostKey::of(seed))
}

/// Returns a code to be typed: short, legible, not to be guessed in two minutes.
///
/// # Errors
/// [`ContainError`] if the kernel gives no random bytes.
pub fn code() -> Result<String, ContainError> {
    letters(6)
}

/// Returns letters that nobody can guess, 16 at most.
fn letters(count: usize) -> Result<String, ContainError> {
    let bytes = stanch_machine::live::random().map_err(ActError::NotOurs)?;
    let letter = |byte: &u8| LEGIBLE.get(usize::from(byte % 31)).copied().unwrap_or(b'x');
    Ok(bytes.iter().take(count).map(letter).map(char::from).collect())
}

/// Plans a cut of the machine that we run on, and keeps the plan in the case if `keep` says so. The
/// kernel checks the rules of a plan, as far as we may ask it to.
///
/// # Errors
/// [`ContainError`] if the machine cannot be looked at or the case not be written.
pub fn plan(desk: &Desk, wish: &Wish, keep: Keeping) -> Result<Plan, ContainError> {
    let live = Live::new();
    let mut plan = stanch_contain::plan(&live, wish)?;
    // Who may not see the machine whole gets a plan to look at, and none to apply.
    let is_whole = stanch_contain::may_see(&live);
    if is_whole {
        rehearse(&live, &plan)?;
    }
    if keep == Keeping::InCase && is_whole && !plan.steps.is_empty() {
        deeds::keep(desk, &mut plan)?;
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

/// Has the kernel check the rules of a plan without making them. That takes it some 10 ms, which is
/// why it is part of planning: what is applied is one transaction, checked once more as a whole.
fn rehearse(live: &Live, plan: &Plan) -> Result<(), ContainError> {
    // A build that may not change this machine does not ask its kernel either.
    let Ok(hands) = Hands::on(live) else { return Ok(()) };
    for step in plan.steps.iter().filter(|step| step.act == IsolateNetwork::NAME) {
        let order = Order::read(&step.order)?;
        match IsolateNetwork::rehearse(&hands, &order) {
            Err(Trouble::Machine { source, .. }) if source.kind == GapKind::Denied => {}
            rehearsed => rehearsed.map_err(ActError::NotPossible)?,
        }
    }
    Ok(())
}

/// Does what a kept plan says.
///
/// # Errors
/// [`ContainError`]; what was done before stands in the ledger.
pub fn apply(desk: &Desk, plan: &Plan) -> Result<Vec<Deed>, ContainError> {
    Ok(deeds::apply(desk, plan)?)
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
    let all = stanch_acts::deeds(&entries);
    let Some(deed) = all.into_iter().rfind(standing) else { return Ok(None) };
    let order = Order::read(&deed.step.order)?;
    let left = IsolateNetwork::left(&live)?;
    let holds = match left {
        Some(_time) => Holds::Yes,
        None if IsolateNetwork.look(&live, &deed.step.order)? == deed.step.met => {
            if booted_after(&live, &deed.time) { Holds::Rebooted } else { Holds::Removed }
        }
        None => Holds::RanOut,
    };
    let made_again = entries.iter().filter(|entry| {
        entry.what == MADE_AGAIN && entry.body.get("intent") == Some(&deed.intent.into())
    });
    let made_again = made_again.count();
    let dropped = Standing::of(&live, &order)?.dropped();
    Ok(Some(Cut { deed, order, holds, left, dropped, made_again }))
}

/// Returns whether the machine was started after a time of the ledger (`btime` in `/proc/stat`).
fn booted_after(machine: &dyn stanch_machine::Machine, time: &str) -> bool {
    let read = machine.read(Path::new("/proc/stat"), limits::PSEUDO_FILE);
    let text =
        String::from_utf8_lossy(&read.map(|read| read.bytes).unwrap_or_default()).into_owned();
    let booted = text.lines().find_map(|line| line.strip_prefix("btime ")?.parse::<i64>().ok());
    let time = time.parse::<jiff::Timestamp>().map(jiff::Timestamp::as_second);
    booted.zip(time.ok()).is_some_and(|(booted, time)| booted > time)
}

/// Plans a cut that does not hold any more once more: what was cut and kept, and by which way the
/// responder is in now. The old one is closed first: it has nothing left to take back.
///
/// # Errors
/// [`ContainError::NotCut`] and [`ContainError::Holds`] if there is nothing to be done again.
pub fn again(desk: &Desk, seat: Seat, seconds: u64) -> Result<Plan, ContainError> {
    let cut = cut(desk)?.ok_or(ContainError::NotCut)?;
    if cut.holds == Holds::Yes {
        return Err(ContainError::Holds);
    }
    let Order { level, keep, block, .. } = cut.order;
    let nothing = Wish::nothing(deeds::vault(desk)?);
    let wish = Wish { level: Some(level), keep, block, seat, seconds, code: code()?, ..nothing };
    // What would be refused leaves the old cut, and what it kept, in the ledger.
    plan(desk, &wish, Keeping::Nowhere)?;
    deeds::undo(desk, &cut.deed.id)?;
    plan(desk, &wish, Keeping::InCase)
}

/// Confirms a cut: it stands for a day. It has to be done over a connection that was made after
/// the cut, since one that stood before proves nothing.
///
/// # Errors
/// [`ContainError`] if nothing is cut, the code is another, or the connection is an old one.
pub fn confirm(desk: &Desk, code: &str) -> Result<(), ContainError> {
    let live = Live::new();
    let hands = Hands::on(&live).map_err(ActError::NotOurs)?;
    if let Some(unplugged) = unplugging::unplugged(desk)? {
        return unplugging::confirm(desk, &unplugged, code);
    }
    let cut = cut(desk)?.ok_or(ContainError::NotCut)?;
    match cut.holds {
        Holds::Yes => {}
        Holds::RanOut => return Err(ContainError::TimeRanOut),
        Holds::Removed | Holds::Rebooted => return Err(ContainError::Removed),
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
    let body = serde_json::json!({ "intent": cut.deed.intent, "seconds": LEASE });
    let mut record = |what: &str| ledger.append(&desk.record(now, what, body.clone()));
    // As with every change: what is meant stands in the ledger before.
    record("contain.confirm-intended")?;
    IsolateNetwork::renew(&hands, &cut.order, LEASE)?;
    record(unplugging::CONFIRMED)?;
    Ok(())
}

/// Tells what can be cut from outside of the machine that we run on, after listening for its
/// neighbours. Nothing is changed.
pub fn look_outside(time: std::time::Duration) -> outside::Outside {
    stanch_contain::outside::outside(&Live::new(), time)
}

/// Opens the network again.
///
/// # Errors
/// [`ContainError`] if nothing is cut by us, or it could not be opened.
pub fn release(desk: &Desk) -> Result<Deed, ContainError> {
    let id = match unplugging::unplugged(desk)? {
        Some(unplugged) => unplugged.deed.id,
        None => cut(desk)?.ok_or(ContainError::NotCut)?.deed.id,
    };
    deeds::undo(desk, &id)?.into_iter().next().ok_or(ContainError::NotCut)
}

/// Tries from inside whether a cut holds, and records what came of it.
///
/// # Errors
/// [`ContainError`] if the kernel does not tell, or the case cannot be written.
pub fn prove(desk: &Desk, cut: &Cut) -> Result<Vec<Proof>, ContainError> {
    let live = Live::new();
    let proofs = proof::prove(&live, &cut.order)?;
    let count =
        |wanted: fn(&Outcome) -> bool| proofs.iter().filter(|one| wanted(&one.outcome)).count();
    let body = serde_json::json!({
        "intent": cut.deed.intent,
        "hold": count(|outcome| *outcome == Outcome::Holds),
        "fail": count(|outcome| *outcome == Outcome::Fails),
        "untried": count(|outcome| matches!(outcome, Outcome::Untried { .. })),
    });
    let now = live.now();
    let case = desk.case_to_write(now)?;
    // What was proved is worth telling, recorded or not: the watch of a cut may be writing.
    let _unrecorded = desk
        .write(&case, now)
        .and_then(|mut ledger| ledger.append(&desk.record(now, "contain.proved", body)));
    Ok(proofs)
}
