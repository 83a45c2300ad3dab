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

mod network;

use stanch_acts::Trouble;
use stanch_acts::isolate_network::{IsolateNetwork, Level};
use stanch_acts::{Keep, responder};
use stanch_machine::Machine;
use stanch_words::{Phase, Plan};

pub use network::uplinks;

/// What the responder wants cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// How much.
    pub level: Level,
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

/// Plans the cut. Nothing is touched.
///
/// # Errors
/// [`Trouble`] if the machine does not let itself be read, or is not a running one.
pub fn plan(machine: &dyn Machine, wish: &Wish) -> Result<Plan, Trouble> {
    let ways_in = responder::ways_in(machine)?;
    let order = network::order(machine, wish, ways_in);
    let mut plan = Plan {
        id: String::new(),
        phase: Phase::Contain,
        steps: Vec::new(),
        refusals: network::refusals(machine, &order),
        costs: Vec::new(),
    };
    if !plan.refusals.is_empty() {
        return Ok(plan);
    }
    match network::step(machine, &order, wish.seat)? {
        Ok(mut step) => {
            step.id = "S-1".to_owned();
            plan.costs =
                network::costs(machine, &order, IsolateNetwork::would_cut(machine, &order)?);
            plan.steps.push(step);
        }
        Err(refusal) => plan.refusals.push(refusal),
    }
    Ok(plan)
}
