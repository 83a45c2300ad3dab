//! `stanch.plan/1`: what would be done. `stanch.acts/1`: what was done, and how it stands.

use serde::{Deserialize, Serialize};

use crate::Entity;

/// A plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// `stanch.plan/1`.
    pub schema: String,
    /// Its id in the case, for `apply --plan`; null if it is kept nowhere.
    pub id: Option<String>,
    /// The phase that made it.
    pub phase: String,
    /// The steps, in their order.
    pub steps: Vec<Step>,
    /// What was asked for and is not done.
    pub refusals: Vec<Refusal>,
    /// What it costs, and what it does not cover.
    pub costs: Vec<String>,
}

impl Plan {
    /// The name and version of the document.
    pub const SCHEMA: &'static str = "stanch.plan/1";
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// `S-1` and so on.
    pub id: String,
    /// The act's name.
    pub act: String,
    /// What it is done to.
    pub subject: Entity,
    /// What it does.
    pub does: String,
    /// `possible` or `irreversible`.
    pub undo: String,
    /// Why it is irreversible, if it is.
    pub why_irreversible: Option<String>,
    /// `little`, `service`, `data` or `lock-out`.
    pub risk: String,
}

/// Something that is not done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// What was asked for.
    pub asked: String,
    /// Why it is not done.
    pub why: String,
}

/// What was done, and how it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acts {
    /// `stanch.acts/1`.
    pub schema: String,
    /// The case folder; null if no case is open.
    pub case: Option<String>,
    /// The acts, in their order.
    pub acts: Vec<Act>,
    /// Whether the network is cut by us: `holds`, `ran-out`, `removed`, `rebooted`, or null if it is
    /// not.
    pub cut: Option<String>,
    /// After how many seconds the kernel opens the network by itself; null if it is not cut.
    pub cut_left_s: Option<u64>,
    /// How many packets were cut since the rules were made; null if the network is not cut.
    pub cut_packets: Option<u64>,
    /// How often the rules were tampered with and made again; null if the network is not cut.
    pub cut_made_again: Option<u64>,
    /// Whether the network is unplugged by us: `holds`, `removed` (somebody brought it up), or null.
    pub unplugged: Option<String>,
    /// After how many seconds a process of ours plugs it in again; null if it is not unplugged.
    pub unplugged_left_s: Option<u64>,
    /// What has to be typed to confirm the cut; null if nothing waits for it.
    pub code: Option<String>,
    /// What was just tried of the cut, from inside; empty if nothing was cut just now.
    pub proofs: Vec<Proof>,
}

impl Acts {
    /// The name and version of the document.
    pub const SCHEMA: &'static str = "stanch.acts/1";
}

/// One thing that was tried of a cut.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// `rules`, `datagram`, `frame`, `namespace`, `counted`, `blind`, `way-in` or `loopback`.
    pub check: String,
    /// `holds`, `fails` or `untried`.
    pub outcome: String,
    /// What was tried, and why not if it was not.
    pub says: String,
}

/// One act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    /// Its id, for `stanch undo`.
    pub id: String,
    /// The plan that it belongs to.
    pub plan: String,
    /// When it was intended, RFC 3339 in UTC.
    pub time: String,
    /// `cut-off`, `done`, `failed`, `undo-cut-off` or `undone`.
    pub state: String,
    /// Why it failed, if it did.
    pub why: Option<String>,
    /// What was done.
    pub step: Step,
}

/// `stanch.ledger/1`: the entries of a case, whose chain was checked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    /// `stanch.ledger/1`.
    pub schema: String,
    /// The file.
    pub path: String,
    /// The hash of the last entry: kept elsewhere, it proves later that nothing was cut off.
    pub head: String,
    /// The entries.
    pub entries: Vec<LedgerEntry>,
}

impl Ledger {
    /// The name and version of the document.
    pub const SCHEMA: &'static str = "stanch.ledger/1";
}

/// One entry of the ledger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LedgerEntry {
    /// Its number, from 1.
    pub n: u64,
    /// When it was recorded.
    pub time: String,
    /// On whose behalf.
    pub who: String,
    /// By which program.
    pub tool: String,
    /// What happened.
    pub what: String,
    /// The particulars.
    pub body: serde_json::Value,
}
