//! Takes a file or a symlink away into the vault, from where it comes back with all that belonged
//! to it.
//!
//! Its content lies in the vault, defused and on the disk, before its name is removed. What it was
//! like (owner, mode, ACLs and other attributes, locks, times) stands in the ledger with the
//! intent. A program that runs from it goes on running: processes are frozen before.

use stanch_ledger::Vault;
use stanch_words::{Both, Refusal, Risk, Step, text};

use crate::files::{Change, Met, Order, State};
use crate::order::Ordered;

/// Takes a file away.
#[derive(Debug)]
pub struct QuarantineFile;

impl QuarantineFile {
    /// The act's name.
    pub const NAME: &'static str = "quarantine_file";

    /// Plans it. Nothing is touched.
    ///
    /// # Errors
    /// A [`Refusal`] if there is no such file, or it is none that can be kept.
    pub fn plan(met: &Met, vault: &Vault) -> Result<Step, Refusal> {
        let name = text::escaped(&met.path.to_string_lossy());
        let change = Change {
            act: Self::NAME,
            to: State::Absent,
            without: Vec::new(),
            asked: Both::new(format!("take `{name}` away"), format!("隔离 `{name}`")),
            does: Both::new(
                format!("Takes `{name}` away into the vault of the case."),
                format!("把 `{name}` 移入案件的隔离区。"),
            ),
            risk: Risk::Service,
        };
        change.step(met, vault)
    }
}

impl Ordered for QuarantineFile {
    const ACT: &'static str = Self::NAME;
    type Order = Order;
}
