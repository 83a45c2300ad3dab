//! Plans, acts and the ledger as documents.

use std::path::Path;

use stanch_incident::containment::{Cut, Holds, Proof};
use stanch_incident::unplugging::Unplugged;
use stanch_incident::{Deed, Entry, Standing};
use stanch_wire as wire;
use stanch_words::{Plan, Step, Undo};

use super::entity;
use crate::Look;
use crate::pages::contain::proofs;

/// How the network stands, and what was tried of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Network {
    /// The cut, if there is one of ours.
    pub cut: Option<Cut>,
    /// What was unplugged, if we did.
    pub unplugged: Option<Unplugged>,
    /// What was tried of the cut just now.
    pub proofs: Vec<Proof>,
}

/// Returns `stanch.plan/1`.
pub fn plan(plan: &Plan, look: Look) -> wire::Plan {
    let text = |both| look.text(both).to_owned();
    wire::Plan {
        schema: wire::Plan::SCHEMA.to_owned(),
        id: (!plan.id.is_empty()).then(|| plan.id.clone()),
        phase: plan.phase.name().to_owned(),
        steps: plan.steps.iter().map(|one| step(one, look)).collect(),
        refusals: plan
            .refusals
            .iter()
            .map(|one| wire::Refusal { asked: text(&one.asked), why: text(&one.why) })
            .collect(),
        costs: plan.costs.iter().map(text).collect(),
    }
}

fn step(step: &Step, look: Look) -> wire::Step {
    let (undo, why) = match &step.undo {
        Undo::Possible => ("possible", None),
        Undo::Irreversible { why } => ("irreversible", Some(look.text(why).to_owned())),
    };
    wire::Step {
        id: step.id.clone(),
        act: step.act.clone(),
        subject: entity(&step.subject),
        does: look.text(&step.does).to_owned(),
        undo: undo.to_owned(),
        why_irreversible: why,
        risk: step.risk.name().to_owned(),
    }
}

/// Returns `stanch.acts/1`.
pub fn acts(standing: Option<&Standing>, network: &Network, look: Look) -> wire::Acts {
    let (cut, unplugged) = (network.cut.as_ref(), network.unplugged.as_ref());
    let code = cut.filter(|cut| cut.left.is_some()).map(|cut| cut.order.code.clone());
    let act = |deed: &Deed| wire::Act {
        id: deed.id.clone(),
        plan: deed.plan.clone(),
        time: deed.time.clone(),
        state: deed.state.name().to_owned(),
        why: deed.why.clone(),
        step: step(&deed.step, look),
    };
    wire::Acts {
        schema: wire::Acts::SCHEMA.to_owned(),
        case: standing.map(|standing| standing.folder.display().to_string()),
        acts: standing.map(|s| s.deeds.iter().map(act).collect()).unwrap_or_default(),
        cut: cut.map(|cut| {
            match cut.holds {
                Holds::Yes => "holds",
                Holds::RanOut => "ran-out",
                Holds::Removed => "removed",
                Holds::Rebooted => "rebooted",
            }
            .to_owned()
        }),
        cut_left_s: cut.and_then(|cut| cut.left),
        cut_packets: cut.map(|cut| cut.dropped),
        cut_made_again: cut.map(|cut| u64::try_from(cut.made_again).unwrap_or(u64::MAX)),
        unplugged: unplugged.map(|one| if one.holds { "holds" } else { "removed" }.to_owned()),
        unplugged_left_s: unplugged.map(|one| one.left),
        code: code.or_else(|| unplugged.map(|one| one.order.code.clone())),
        proofs: network.proofs.iter().map(|one| proof(one, look)).collect(),
    }
}

fn proof(one: &Proof, look: Look) -> wire::Proof {
    wire::Proof {
        check: proofs::name(&one.check).to_owned(),
        outcome: proofs::outcome(one).to_owned(),
        says: proofs::line(one, look),
    }
}

/// Returns `stanch.ledger/1`.
pub fn ledger(path: &Path, entries: &[Entry]) -> wire::Ledger {
    let entry = |entry: &Entry| wire::LedgerEntry {
        n: entry.head.n,
        time: entry.time.clone(),
        who: entry.who.clone(),
        tool: entry.tool.clone(),
        what: entry.what.clone(),
        body: entry.body.clone(),
    };
    wire::Ledger {
        schema: wire::Ledger::SCHEMA.to_owned(),
        path: path.display().to_string(),
        head: entries.last().map(|entry| entry.head.hash.clone()).unwrap_or_default(),
        entries: entries.iter().map(entry).collect(),
    }
}
