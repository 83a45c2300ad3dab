//! The four words of every act: plan, apply, verify, undo.
//!
//! Planning is each act's own function, since each is asked for in its own way; it gets a machine
//! that can only be read and makes a [`Step`](stanch_words::Step). The other three are the same
//! for all and take nothing but that step: applying has no choices left.

use std::path::PathBuf;

use stanch_ledger::LedgerError;
use stanch_machine::{Changing, Machine, Miss};

/// One kind of change.
pub trait Act: Sync {
    /// Returns its name: a verb and a noun (`isolate_network`).
    fn name(&self) -> &'static str;

    /// Returns the state that matters to a step, as JSON. Where it differs from the state that the
    /// plan met, the plan is stale; after an undo it is that state again.
    ///
    /// # Errors
    /// [`Trouble`] if it cannot be read.
    fn look(&self, machine: &dyn Machine, order: &str) -> Result<String, Trouble>;

    /// Makes what it is done to hold still, so that what is kept of it is of one moment. Undoing
    /// lets it go on. Most need not.
    ///
    /// # Errors
    /// [`Trouble`] if it cannot be held; then `undo` lets go of what was.
    fn hold(&self, _hands: &dyn Changing, _order: &str) -> Result<(), Trouble> {
        Ok(())
    }

    /// Returns what is kept in the case's vault before it is done, since it may be gone after.
    ///
    /// # Errors
    /// [`Trouble`] if that cannot be told.
    fn exhibits(&self, _machine: &dyn Machine, _order: &str) -> Result<Vec<Exhibit>, Trouble> {
        Ok(Vec::new())
    }

    /// Does it. Doing it twice is the same as doing it once.
    ///
    /// # Errors
    /// [`Trouble`] if it could not be done; then nothing was, or `undo` takes back what was.
    fn apply(&self, hands: &dyn Changing, order: &str) -> Result<(), Trouble>;

    /// Returns what is missing for it to be done, or nothing if it is done.
    ///
    /// # Errors
    /// [`Trouble`] if that cannot be told.
    fn verify(&self, machine: &dyn Machine, order: &str) -> Result<Option<String>, Trouble>;

    /// Takes it back to the state that was met.
    ///
    /// # Errors
    /// [`Trouble`] if it could not be taken back.
    fn undo(&self, hands: &dyn Changing, order: &str, met: &str) -> Result<(), Trouble>;

    /// Returns what came since the act was done and would be lost if it were undone, with a
    /// difference; nothing if it can be undone without loss.
    ///
    /// # Errors
    /// [`Trouble`] if that cannot be told.
    fn overwritten(&self, machine: &dyn Machine, order: &str) -> Result<Option<String>, Trouble> {
        let _nothing_can_come_there = (machine, order);
        Ok(None)
    }
}

/// A file that is kept before an act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exhibit {
    /// Where it is.
    pub path: PathBuf,
    /// How much of it is kept.
    pub cap: u64,
}

/// Why an act could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The machine did not let itself be read or changed.
    #[error("{doing}")]
    Machine {
        /// What was being done.
        doing: &'static str,
        /// Why it did not work.
        source: Miss,
    },
    /// The order is not one that this act writes: the ledger or the plan was changed.
    #[error("the order of `{act}` cannot be read: {why}")]
    Order {
        /// The act.
        act: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// The vault did not take a content, or give it back.
    #[error("the vault of the case failed")]
    Vault {
        /// Why.
        source: LedgerError,
    },
    /// A content could not be written into the vault.
    #[error("writing into the vault of the case")]
    Writing {
        /// Why.
        source: std::io::Error,
    },
    /// A guard that no option overrides, or something that does not come back.
    #[error("`{act}` stops: {why}")]
    Stopped {
        /// The act.
        act: &'static str,
        /// Why.
        why: String,
    },
    /// There is no running kernel to ask: an image.
    #[error("this needs the running machine, not an image of it")]
    NotLive,
}

impl Trouble {
    /// Returns what turns a miss into trouble while doing something.
    pub(crate) fn while_doing(doing: &'static str) -> impl Fn(Miss) -> Self {
        move |source| Self::Machine { doing, source }
    }
}
