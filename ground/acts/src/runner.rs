//! Does what a plan says, one step after the other, and takes it back.
//!
//! ```text
//! stale? → intent in the ledger → hold → exhibits → apply → verify ─┬─ holds → done in the ledger
//!                                                                   └─ does not → undo → failed
//! ```
//! A crash between two of these leaves an intent without an end: [`Runner::resume`] goes on with
//! it, since doing it twice is the same as doing it once, or [`Runner::undo`] takes it back.

use stanch_ledger::{Entry, Ledger, LedgerError, Record};
use stanch_machine::Changing;
use stanch_words::text::chain;
use stanch_words::{Plan, Step, Undo};

use crate::act::{Act, Trouble};
use crate::acts;
use crate::exhibits;
use crate::record::{self, Deed, State};

/// On whose behalf, and by which program: given, never taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    /// The person or account.
    pub who: String,
    /// The program and version.
    pub tool: String,
}

/// Why a plan was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The ledger did not take the record: nothing was done after that.
    #[error("the ledger did not take the record")]
    Ledger(#[from] LedgerError),
    /// The machine is not as the plan met it.
    #[error("step {step}: the machine is not as the plan met it")]
    Stale {
        /// The step.
        step: String,
        /// What the plan met.
        met: String,
        /// What is there now.
        now: String,
    },
    /// There is no act of that name: the plan was made by a newer program.
    #[error("there is no act `{name}` in this program")]
    Unknown {
        /// The act's name.
        name: String,
    },
    /// The step failed, and what it had changed was taken back.
    #[error("step {step} failed and was undone: {why}")]
    Failed {
        /// The step.
        step: String,
        /// Why.
        why: String,
    },
    /// The step failed, and taking it back failed too: a person is needed.
    #[error("step {step} failed and could not be undone: {why}; {undo}")]
    Stuck {
        /// The step.
        step: String,
        /// Why it failed.
        why: String,
        /// Why it could not be undone.
        undo: String,
    },
    /// The machine does not let itself be looked at.
    #[error("step {step} could not be looked at")]
    Unseen {
        /// The step.
        step: String,
        /// Why.
        source: Trouble,
    },
    /// There is no way back.
    #[error("{id} has no way back")]
    Irreversible {
        /// The act.
        id: String,
    },
    /// Something came since it was done, and would be lost.
    #[error("undoing {id} would overwrite what came since: {what}")]
    Overwrites {
        /// The act.
        id: String,
        /// What came, as a difference.
        what: String,
    },
    /// It is not done, so there is nothing to undo.
    #[error("{id} is {state}, there is nothing to undo")]
    NothingToUndo {
        /// The act.
        id: String,
        /// How it stands.
        state: &'static str,
    },
}

/// Does and undoes, with the ledger at its side.
#[derive(Debug)]
pub struct Runner<'a> {
    ledger: &'a mut Ledger,
    signer: Signer,
}

impl<'a> Runner<'a> {
    /// Returns a runner that records in a ledger.
    pub fn new(ledger: &'a mut Ledger, signer: Signer) -> Self {
        Self { ledger, signer }
    }

    /// Records a plan and gives it its id. The machine is not touched.
    ///
    /// # Errors
    /// [`RunError::Ledger`].
    pub fn keep(&mut self, plan: &mut Plan, now: i64) -> Result<(), RunError> {
        let entry = self.append(now, record::PLAN_MADE, record::of_plan(plan))?;
        plan.id = record::plan_id(entry.head.n);
        Ok(())
    }

    /// Does all steps of a plan, and returns them as they stand.
    ///
    /// # Errors
    /// [`RunError`] at the first step that is stale or fails; the steps before it stand.
    pub fn apply(&mut self, hands: &dyn Changing, plan: &Plan) -> Result<Vec<Deed>, RunError> {
        let mut done = Vec::new();
        for step in &plan.steps {
            let act = find(step)?;
            stale(act, hands, step)?;
            let body = record::of_intent(&plan.id, step);
            let intent = self.append(hands.machine().now(), record::INTENDED, body)?;
            self.carry_out(hands, act, step, intent.head.n)?;
            done.extend(
                record::deeds([&intent])
                    .into_iter()
                    .map(|deed| Deed { state: State::Done, ..deed }),
            );
        }
        Ok(done)
    }

    /// Goes on with an act that was cut off, or with an undo that was.
    ///
    /// # Errors
    /// [`RunError`] as of [`Runner::apply`] and [`Runner::undo`].
    pub fn resume(&mut self, hands: &dyn Changing, deed: &Deed) -> Result<(), RunError> {
        match deed.state {
            State::CutOff => self.carry_out(hands, find(&deed.step)?, &deed.step, deed.intent),
            State::UndoCutOff => self.take_back(hands, deed),
            State::Done | State::Failed | State::Undone => Ok(()),
        }
    }

    /// Takes an act back.
    ///
    /// # Errors
    /// [`RunError`] if it has no way back, is not done, or could not be taken back.
    pub fn undo(&mut self, hands: &dyn Changing, deed: &Deed) -> Result<(), RunError> {
        // One that was cut off may not have come to what has no way back: its act tells.
        let is_done = matches!(deed.state, State::Done | State::UndoCutOff);
        if is_done && matches!(deed.step.undo, Undo::Irreversible { .. }) {
            return Err(RunError::Irreversible { id: deed.id.clone() });
        }
        if matches!(deed.state, State::Failed | State::Undone) {
            let state = deed.state.name();
            return Err(RunError::NothingToUndo { id: deed.id.clone(), state });
        }
        if deed.state == State::Done {
            let unseen = |source| RunError::Unseen { step: deed.step.id.clone(), source };
            let came = find(&deed.step)?.overwritten(hands.machine(), &deed.step.order);
            if let Some(what) = came.map_err(unseen)? {
                return Err(RunError::Overwrites { id: deed.id.clone(), what });
            }
        }
        let now = hands.machine().now();
        self.append(now, record::UNDO_INTENDED, record::about(deed.intent, None))?;
        self.take_back(hands, deed)
    }

    fn take_back(&mut self, hands: &dyn Changing, deed: &Deed) -> Result<(), RunError> {
        let step = &deed.step;
        let act = find(step)?;
        let undone = act.undo(hands, &step.order, &step.met).map_err(|trouble| chain(&trouble));
        let missing = undone.and_then(|()| {
            let now = act.look(hands.machine(), &step.order).map_err(|trouble| chain(&trouble))?;
            if now == step.met { Ok(()) } else { Err(format!("{now} in place of {}", step.met)) }
        });
        let now = hands.machine().now();
        match missing {
            Ok(()) => {
                self.append(now, record::UNDO_DONE, record::about(deed.intent, None))?;
                Ok(())
            }
            Err(undo) => {
                let body = record::about(deed.intent, Some(undo.clone()));
                self.append(now, record::UNDO_FAILED, body)?;
                let why = "it was to be undone".to_owned();
                Err(RunError::Stuck { step: step.id.clone(), why, undo })
            }
        }
    }

    fn carry_out(
        &mut self,
        hands: &dyn Changing,
        act: &dyn Act,
        step: &Step,
        intent: u64,
    ) -> Result<(), RunError> {
        let failed = match self.hold_and_do(hands, act, step, intent) {
            Err(why) => Some(why),
            Ok(()) => match act.verify(hands.machine(), &step.order) {
                Ok(missing) => missing,
                Err(trouble) => Some(chain(&trouble)),
            },
        };
        let Some(why) = failed else {
            self.append(hands.machine().now(), record::DONE, record::about(intent, None))?;
            return Ok(());
        };
        let undone = act.undo(hands, &step.order, &step.met);
        let undone = undone.map_err(|trouble| chain(&trouble));
        let (step, now) = (step.id.clone(), hands.machine().now());
        match undone {
            Ok(()) => {
                self.append(now, record::FAILED, record::about(intent, Some(why.clone())))?;
                Err(RunError::Failed { step, why })
            }
            // Without an entry of its end it stays cut off: `status` says so, and it can be
            // resumed or undone.
            Err(undo) => Err(RunError::Stuck { step, why, undo }),
        }
    }

    /// Holds it, keeps its exhibits, and does it.
    fn hold_and_do(
        &mut self,
        hands: &dyn Changing,
        act: &dyn Act,
        step: &Step,
        intent: u64,
    ) -> Result<(), String> {
        let why = |trouble: Trouble| chain(&trouble);
        act.hold(hands, &step.order).map_err(why)?;
        let machine = hands.machine();
        for exhibit in act.exhibits(machine, &step.order).map_err(why)? {
            let vault = self.ledger.vault();
            let kept = exhibits::keep(machine, &vault, &exhibit).map_err(|error| chain(&error))?;
            let (what, body) = match kept {
                Ok(kept) => (record::EXHIBIT, record::of_exhibit(intent, &exhibit, &kept)),
                Err(miss) => (record::EXHIBIT_MISSED, record::of_missed(intent, &exhibit, &miss)),
            };
            self.append(machine.now(), what, body).map_err(|error| chain(&error))?;
        }
        act.apply(hands, &step.order).map_err(why)
    }

    fn append(
        &mut self,
        time: i64,
        what: &str,
        body: serde_json::Value,
    ) -> Result<Entry, LedgerError> {
        let Signer { who, tool } = self.signer.clone();
        self.ledger.append(&Record { time, who, tool, what: what.to_owned(), body })
    }
}

/// Returns the plan of that id in a ledger's entries.
pub fn plan_of<'a>(entries: impl IntoIterator<Item = &'a Entry>, id: &str) -> Option<Plan> {
    entries.into_iter().filter_map(record::plan).find(|plan| plan.id == id)
}

fn find(step: &Step) -> Result<&'static dyn Act, RunError> {
    acts::find(&step.act).ok_or_else(|| RunError::Unknown { name: step.act.clone() })
}

fn stale(act: &dyn Act, hands: &dyn Changing, step: &Step) -> Result<(), RunError> {
    let unseen = |source| RunError::Unseen { step: step.id.clone(), source };
    let now = act.look(hands.machine(), &step.order).map_err(unseen)?;
    if now == step.met {
        return Ok(());
    }
    Err(RunError::Stale { step: step.id.clone(), met: step.met.clone(), now })
}
