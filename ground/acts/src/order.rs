//! Orders: what a step's act is to do, as JSON with a version; and the acts that are all alike, since
//! their order does the whole work.

use serde::Serialize;
use serde::de::DeserializeOwned;
use stanch_machine::{Changing, Machine};

use crate::act::{Act, Exhibit, Trouble};

/// The version of every order's form so far.
const VERSION: u32 = 1;

/// Reads an order that was kept, whose version `version` tells.
///
/// # Errors
/// [`Trouble::Order`] if it is not one, or newer than this program.
pub(crate) fn read<T: DeserializeOwned>(
    act: &'static str,
    text: &str,
    version: impl FnOnce(&T) -> u32,
) -> Result<T, Trouble> {
    let bad = |why: String| Trouble::Order { act, why };
    let order: T = serde_json::from_str(text).map_err(|error| bad(error.to_string()))?;
    match version(&order) {
        VERSION => Ok(order),
        other => Err(bad(format!("version {other} is newer than this program"))),
    }
}

/// Returns an order as it is kept.
pub(crate) fn text(order: &impl Serialize) -> String {
    // A struct of texts and numbers always has a JSON form.
    serde_json::to_string(order).unwrap_or_default()
}

/// An order that does the whole work of its act. Errors are those of [`Act`]'s words.
pub(crate) trait Does: Sized {
    /// Reads it.
    fn read(act: &'static str, text: &str) -> Result<Self, Trouble>;
    /// Returns the state that matters.
    fn look(&self, machine: &dyn Machine) -> Result<String, Trouble>;
    /// Makes what it is done to hold still.
    fn hold(&self, _hands: &dyn Changing, _act: &'static str) -> Result<(), Trouble> {
        Ok(())
    }
    /// Returns what is kept before.
    fn exhibits(&self, _machine: &dyn Machine) -> Result<Vec<Exhibit>, Trouble> {
        Ok(Vec::new())
    }
    /// Does it.
    fn apply(&self, hands: &dyn Changing, act: &'static str) -> Result<(), Trouble>;
    /// Returns what is missing.
    fn verify(&self, machine: &dyn Machine) -> Result<Option<String>, Trouble>;
    /// Takes it back.
    fn undo(&self, hands: &dyn Changing, act: &'static str) -> Result<(), Trouble>;
    /// Returns what an undo would overwrite.
    fn overwritten(&self, _machine: &dyn Machine) -> Result<Option<String>, Trouble> {
        Ok(None)
    }
}

/// An act that is its name and its order; how it is planned is its own.
pub(crate) trait Ordered: Sync {
    /// The act's name.
    const ACT: &'static str;
    /// Its order.
    type Order: Does;
}

impl<T: Ordered> Act for T {
    fn name(&self) -> &'static str {
        T::ACT
    }

    fn look(&self, machine: &dyn Machine, order: &str) -> Result<String, Trouble> {
        T::Order::read(T::ACT, order)?.look(machine)
    }

    fn hold(&self, hands: &dyn Changing, order: &str) -> Result<(), Trouble> {
        T::Order::read(T::ACT, order)?.hold(hands, T::ACT)
    }

    fn exhibits(&self, machine: &dyn Machine, order: &str) -> Result<Vec<Exhibit>, Trouble> {
        T::Order::read(T::ACT, order)?.exhibits(machine)
    }

    fn apply(&self, hands: &dyn Changing, order: &str) -> Result<(), Trouble> {
        T::Order::read(T::ACT, order)?.apply(hands, T::ACT)
    }

    fn verify(&self, machine: &dyn Machine, order: &str) -> Result<Option<String>, Trouble> {
        T::Order::read(T::ACT, order)?.verify(machine)
    }

    fn undo(&self, hands: &dyn Changing, order: &str, _met: &str) -> Result<(), Trouble> {
        T::Order::read(T::ACT, order)?.undo(hands, T::ACT)
    }

    fn overwritten(&self, machine: &dyn Machine, order: &str) -> Result<Option<String>, Trouble> {
        T::Order::read(T::ACT, order)?.overwritten(machine)
    }
}
