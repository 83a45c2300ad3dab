//! What the ledger holds of plans and acts, version 1, and what stands according to it.
//!
//! ```text
//! plan.made ─ act.intended ─┬─ act.done ───── undo.intended ─┬─ undo.done
//!                           └─ act.failed                    └─ undo.failed
//! ```
//! An intent without its end was cut off: by a crash, a full disk, `kill -9`.

use serde::{Deserialize, Serialize};
use stanch_ledger::Entry;
use stanch_machine::Miss;
use stanch_words::{Both, Phase, Plan, Refusal, Risk, Step, Subject, SubjectKind, Undo};

use crate::act::Exhibit;
use crate::exhibits::Kept;

/// The words under which the ledger holds them.
pub(crate) const PLAN_MADE: &str = "plan.made";
pub(crate) const INTENDED: &str = "act.intended";
pub(crate) const EXHIBIT: &str = "exhibit.kept";
pub(crate) const EXHIBIT_MISSED: &str = "exhibit.missed";
pub(crate) const DONE: &str = "act.done";
pub(crate) const FAILED: &str = "act.failed";
pub(crate) const UNDO_INTENDED: &str = "undo.intended";
pub(crate) const UNDO_DONE: &str = "undo.done";
pub(crate) const UNDO_FAILED: &str = "undo.failed";

#[derive(Serialize, Deserialize)]
struct TextV1 {
    en: String,
    zh: String,
}

#[derive(Serialize, Deserialize)]
struct StepV1 {
    id: String,
    act: String,
    subject: SubjectV1,
    does: TextV1,
    irreversible: Option<TextV1>,
    risk: String,
    order: String,
    met: String,
}

#[derive(Serialize, Deserialize)]
struct SubjectV1 {
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pid: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    start: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    port: Option<i64>,
}

#[derive(Serialize, Deserialize)]
struct RefusalV1 {
    asked: TextV1,
    why: TextV1,
}

#[derive(Serialize, Deserialize)]
struct PlanV1 {
    phase: String,
    steps: Vec<StepV1>,
    refusals: Vec<RefusalV1>,
    costs: Vec<TextV1>,
}

/// The body of an entry about one act.
#[derive(Serialize, Deserialize)]
struct DeedV1 {
    /// The number of the entry with the intent; the intent itself has none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    intent: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    plan: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    step: Option<StepV1>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    why: Option<String>,
}

impl From<&Both> for TextV1 {
    fn from(text: &Both) -> Self {
        Self { en: text.en.clone(), zh: text.zh.clone() }
    }
}

impl From<TextV1> for Both {
    fn from(text: TextV1) -> Self {
        Self::new(text.en, text.zh)
    }
}

impl From<&Step> for StepV1 {
    fn from(step: &Step) -> Self {
        let irreversible = match &step.undo {
            Undo::Possible => None,
            Undo::Irreversible { why } => Some(why.into()),
        };
        let subject = SubjectV1 {
            kind: step.subject.kind.name().to_owned(),
            pid: step.subject.pid,
            start: step.subject.start,
            path: step.subject.path.clone(),
            name: step.subject.name.clone(),
            address: step.subject.address.clone(),
            port: step.subject.port,
        };
        Self {
            id: step.id.clone(),
            act: step.act.clone(),
            subject,
            does: (&step.does).into(),
            irreversible,
            risk: step.risk.name().to_owned(),
            order: step.order.clone(),
            met: step.met.clone(),
        }
    }
}

impl StepV1 {
    fn step(self) -> Option<Step> {
        let subject = Subject {
            kind: SubjectKind::from_name(&self.subject.kind)?,
            pid: self.subject.pid,
            start: self.subject.start,
            path: self.subject.path,
            name: self.subject.name,
            address: self.subject.address,
            port: self.subject.port,
        };
        let undo = match self.irreversible {
            None => Undo::Possible,
            Some(why) => Undo::Irreversible { why: why.into() },
        };
        Some(Step {
            id: self.id,
            act: self.act,
            subject,
            does: self.does.into(),
            undo,
            risk: Risk::from_name(&self.risk)?,
            order: self.order,
            met: self.met,
        })
    }
}

/// Returns the body of the entry that holds a plan.
pub(crate) fn of_plan(plan: &Plan) -> serde_json::Value {
    let kept = PlanV1 {
        phase: plan.phase.name().to_owned(),
        steps: plan.steps.iter().map(StepV1::from).collect(),
        refusals: plan
            .refusals
            .iter()
            .map(|refusal| RefusalV1 { asked: (&refusal.asked).into(), why: (&refusal.why).into() })
            .collect(),
        costs: plan.costs.iter().map(TextV1::from).collect(),
    };
    serde_json::to_value(kept).unwrap_or_default()
}

/// Returns the plan that an entry holds, if it holds one.
pub(crate) fn plan(entry: &Entry) -> Option<Plan> {
    if entry.what != PLAN_MADE {
        return None;
    }
    let kept: PlanV1 = serde_json::from_value(entry.body.clone()).ok()?;
    Some(Plan {
        id: plan_id(entry.head.n),
        phase: Phase::from_name(&kept.phase)?,
        steps: kept.steps.into_iter().map(StepV1::step).collect::<Option<_>>()?,
        refusals: kept
            .refusals
            .into_iter()
            .map(|one| Refusal { asked: one.asked.into(), why: one.why.into() })
            .collect(),
        costs: kept.costs.into_iter().map(Both::from).collect(),
    })
}

/// Returns the id of the plan that an entry holds.
pub(crate) fn plan_id(number: u64) -> String {
    format!("P-{number:04}")
}

/// Returns the body of an intent.
pub(crate) fn of_intent(plan: &str, step: &Step) -> serde_json::Value {
    let deed =
        DeedV1 { intent: None, plan: Some(plan.to_owned()), step: Some(step.into()), why: None };
    serde_json::to_value(deed).unwrap_or_default()
}

/// Returns the body of what came of an intent, or of what is intended about it.
pub(crate) fn about(intent: u64, why: Option<String>) -> serde_json::Value {
    let deed = DeedV1 { intent: Some(intent), plan: None, step: None, why };
    serde_json::to_value(deed).unwrap_or_default()
}

/// Returns the body of an entry about an exhibit that was kept before an act.
pub(crate) fn of_exhibit(intent: u64, exhibit: &Exhibit, kept: &Kept) -> serde_json::Value {
    serde_json::json!({
        "intent": intent,
        "path": path_of(exhibit),
        "link": kept.link,
        "sha256": kept.sha256,
        "bytes": kept.bytes,
        "cut": kept.is_cut,
    })
}

/// Returns the body of an entry about an exhibit that could not be had.
pub(crate) fn of_missed(intent: u64, exhibit: &Exhibit, miss: &Miss) -> serde_json::Value {
    serde_json::json!({ "intent": intent, "path": path_of(exhibit), "why": miss.detail })
}

fn path_of(exhibit: &Exhibit) -> String {
    stanch_words::text::from_bytes(exhibit.path.as_os_str().as_encoded_bytes())
}

/// How an act stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It was intended and nothing more is known: it was cut off.
    CutOff,
    /// It is done and stands.
    Done,
    /// It failed, and what it had changed was taken back.
    Failed,
    /// Its undo was intended and nothing more is known.
    UndoCutOff,
    /// It was undone.
    Undone,
}

impl State {
    /// Returns the word used in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::CutOff => "cut-off",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::UndoCutOff => "undo-cut-off",
            Self::Undone => "undone",
        }
    }
}

/// One act, as the ledger tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deed {
    /// `A-` and the number of the entry with the intent.
    pub id: String,
    /// That number.
    pub intent: u64,
    /// When it was intended, RFC 3339.
    pub time: String,
    /// The plan that it belongs to.
    pub plan: String,
    /// What was done.
    pub step: Step,
    /// How it stands.
    pub state: State,
    /// Why it failed, if it did.
    pub why: Option<String>,
}

/// Returns all acts of a ledger, in their order.
pub fn deeds<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Vec<Deed> {
    let mut deeds: Vec<Deed> = Vec::new();
    for entry in entries {
        let Ok(kept) = serde_json::from_value::<DeedV1>(entry.body.clone()) else { continue };
        if entry.what == INTENDED {
            let Some(step) = kept.step.and_then(StepV1::step) else { continue };
            deeds.push(Deed {
                id: format!("A-{:04}", entry.head.n),
                intent: entry.head.n,
                time: entry.time.clone(),
                plan: kept.plan.unwrap_or_default(),
                step,
                state: State::CutOff,
                why: None,
            });
            continue;
        }
        let Some(deed) = deeds.iter_mut().find(|deed| Some(deed.intent) == kept.intent) else {
            continue;
        };
        deed.state = match entry.what.as_str() {
            DONE => State::Done,
            FAILED => State::Failed,
            UNDO_INTENDED => State::UndoCutOff,
            UNDO_DONE => State::Undone,
            UNDO_FAILED => State::Done,
            _ => deed.state,
        };
        deed.why = kept.why.or_else(|| deed.why.take());
    }
    deeds
}
