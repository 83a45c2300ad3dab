//! What would be done: a plan of steps, each with its risk and its way back, and what was refused.

use crate::{Both, Subject};

/// A phase of the emergency that makes plans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// 断网: cuts the intruder off.
    Contain,
    /// 清除: removes programs and footholds.
    Eradicate,
    /// 强化: patches and hardens.
    Harden,
    /// 恢复: brings data back.
    Restore,
}

impl Phase {
    /// All phases that make plans.
    pub const ALL: [Self; 4] = [Self::Contain, Self::Eradicate, Self::Harden, Self::Restore];

    /// Returns the name used in JSON and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Contain => "contain",
            Self::Eradicate => "eradicate",
            Self::Harden => "harden",
            Self::Restore => "restore",
        }
    }

    /// Returns the phase of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.name() == name)
    }
}

/// What a step can cost if it goes wrong, or goes right on the wrong machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Risk {
    /// Nothing that the business would feel.
    Little,
    /// A service, or a part of it, stops.
    Service,
    /// Data could be lost.
    Data,
    /// The responder could be locked out.
    LockOut,
}

impl Risk {
    /// All risks, mildest first.
    pub const ALL: [Self; 4] = [Self::Little, Self::Service, Self::Data, Self::LockOut];

    /// Returns the name used in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Little => "little",
            Self::Service => "service",
            Self::Data => "data",
            Self::LockOut => "lock-out",
        }
    }

    /// Returns the risk of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|risk| risk.name() == name)
    }
}

/// Whether a step has a way back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undo {
    /// It can be undone.
    Possible,
    /// It cannot.
    Irreversible {
        /// Why not.
        why: Both,
    },
}

/// One step of a plan: one act on one subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// `S-1` and so on, in the order in which the steps are done.
    pub id: String,
    /// The act's name (`isolate_network`).
    pub act: String,
    /// What it is done to.
    pub subject: Subject,
    /// What it does, in one sentence.
    pub does: Both,
    /// Its way back.
    pub undo: Undo,
    /// What it can cost.
    pub risk: Risk,
    /// What exactly is to be done: JSON that the act wrote and the act alone reads.
    pub order: String,
    /// The state that was met when the plan was made: JSON likewise. Another state at the time of
    /// doing it makes the plan stale.
    pub met: String,
}

/// Something that was asked for and will not be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What was asked for.
    pub asked: Both,
    /// Why it is not done.
    pub why: Both,
}

/// A plan. It has touched nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// `P-` and the number of the ledger's entry that holds it; empty while it is kept nowhere.
    pub id: String,
    /// The phase that made it.
    pub phase: Phase,
    /// The steps, in their order.
    pub steps: Vec<Step>,
    /// What was asked for and is not done.
    pub refusals: Vec<Refusal>,
    /// What the steps cost the business, and what they do not cover: read before saying yes.
    pub costs: Vec<Both>,
}
