//! Acts with the case at their side, whatever phase planned them: a plan is kept, done, gone on with
//! after a crash, and taken back.

use stanch_acts::runner::{RunError, Runner, plan_of};
use stanch_acts::{Deed, State, Trouble, Vault, deeds};
use stanch_ledger::LedgerError;
use stanch_machine::{Hands, Live, Machine as _, Miss};
use stanch_words::{Plan, Undo};

use crate::case::Desk;

/// Why an act was not done, or not taken back.
#[derive(Debug, thiserror::Error)]
pub enum ActError {
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
    /// Another act needs the same content to be taken back.
    #[error("{by} needs what {id} took away")]
    Needed {
        /// The act whose content was to be purged.
        id: String,
        /// The act that needs it.
        by: String,
    },
}

/// Returns the vault of the case that is open, or of the one that a plan made now would open.
///
/// # Errors
/// [`ActError::Ledger`] if the cases cannot be read.
pub fn vault(desk: &Desk) -> Result<Vault, ActError> {
    Ok(desk.case_to_write(Live::new().now())?.vault())
}

/// Keeps a plan in the case, and gives it its id.
///
/// # Errors
/// [`ActError`] if the case cannot be written.
pub fn keep(desk: &Desk, plan: &mut Plan) -> Result<(), ActError> {
    let now = Live::new().now();
    let case = desk.case_to_write(now)?;
    let mut ledger = desk.write(&case, now)?;
    Ok(Runner::new(&mut ledger, desk.signer()).keep(plan, now)?)
}

/// Returns a plan of the case.
///
/// # Errors
/// [`ActError::NoPlan`] if there is none of that id.
pub fn kept_plan(desk: &Desk, id: &str) -> Result<Plan, ActError> {
    let missing = || ActError::NoPlan { id: id.to_owned() };
    let case = desk.case()?.ok_or_else(missing)?;
    plan_of(&case.entries()?, id).ok_or_else(missing)
}

/// Does what a kept plan says.
///
/// # Errors
/// [`ActError`]; what was done before stands in the ledger.
pub fn apply(desk: &Desk, plan: &Plan) -> Result<Vec<Deed>, ActError> {
    let live = Live::new();
    let hands = Hands::on(&live).map_err(ActError::NotOurs)?;
    let now = live.now();
    let case = desk.case_to_write(now)?;
    let mut ledger = desk.write(&case, now)?;
    Ok(Runner::new(&mut ledger, desk.signer()).apply(&hands, plan)?)
}

/// Takes an act of the case back, or all acts of a plan, the last one first. Of a plan, what has no
/// way back is left and stands as it was in what is returned.
///
/// # Errors
/// [`ActError`] if there is no such act, or one could not be taken back.
pub fn undo(desk: &Desk, id: &str) -> Result<Vec<Deed>, ActError> {
    with_deeds(desk, id, |runner, hands, deed| runner.undo(hands, deed))
}

/// Goes on with an act that was cut off.
///
/// # Errors
/// [`ActError`] if there is no such act, or it fails again.
pub fn resume(desk: &Desk, id: &str) -> Result<Vec<Deed>, ActError> {
    with_deeds(desk, id, |runner, hands, deed| runner.resume(hands, deed))
}

fn with_deeds(
    desk: &Desk,
    id: &str,
    deal: impl Fn(&mut Runner<'_>, &Hands<'_>, &Deed) -> Result<(), RunError>,
) -> Result<Vec<Deed>, ActError> {
    let live = Live::new();
    let hands = Hands::on(&live).map_err(ActError::NotOurs)?;
    let missing = || ActError::NoDeed { id: id.to_owned() };
    let case = desk.case()?.ok_or_else(missing)?;
    let find = || -> Result<Vec<Deed>, ActError> {
        let all = deeds(&case.entries()?).into_iter();
        Ok(all.filter(|deed| deed.id == id || deed.plan == id).collect())
    };
    let meant = find()?;
    if meant.is_empty() {
        return Err(missing());
    }
    let mut ledger = desk.write(&case, live.now())?;
    let mut runner = Runner::new(&mut ledger, desk.signer());
    for deed in meant.iter().rev().filter(|deed| deed.id == id || can_be_dealt_with(deed)) {
        deal(&mut runner, &hands, deed)?;
    }
    drop(ledger);
    find()
}

/// Returns whether an act of a plan stands, and has a way back if it is done.
fn can_be_dealt_with(deed: &Deed) -> bool {
    match deed.state {
        State::CutOff | State::UndoCutOff => true,
        State::Done => deed.step.undo == Undo::Possible,
        State::Failed | State::Undone => false,
    }
}
