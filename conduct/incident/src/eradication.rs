//! 清除, with the case at its side: plan, and what lies in the vault.

use std::path::{Path, PathBuf};

use stanch_acts::files::Kept;
use stanch_acts::{Deed, State};
use stanch_machine::{Live, Machine as _, Miss};
use stanch_words::{Finding, Gap, GapKind, Plan};

use crate::Incident;
use crate::case::Desk;
use crate::deeds::{self, ActError};

pub use stanch_acts::files::{State as Was, Whole};
pub use stanch_eradicate::Suspect;

/// Returns what a finding tells, as far as clearing it away needs it.
pub fn suspect(finding: &Finding) -> Suspect {
    let line = |line: &stanch_words::Evidence| line.line.map(|at| (line.source.clone(), at));
    Suspect {
        finding: finding.id.clone(),
        sign: finding.sign.clone(),
        level: finding.level,
        subject: finding.subject.clone(),
        lines: finding.evidence.iter().filter_map(line).collect(),
    }
}

/// The largest report that is read, in bytes.
const REPORT: u64 = 256 << 20;

/// Reads a report that a person gives.
///
/// # Errors
/// A [`Miss`] if it cannot be read, or is larger than any report.
pub fn read_report(path: &Path) -> Result<Vec<u8>, Miss> {
    let read = Live::new().read(path, REPORT)?;
    if read.truncated {
        return Err(Miss::new(GapKind::Truncated, "larger than any report", path));
    }
    Ok(read.bytes)
}

/// Plans what clears suspects away, and keeps the plan in the case.
///
/// # Errors
/// [`ActError`] if the machine cannot be looked at or the case not be written.
pub fn plan(
    desk: &Desk,
    incident: &Incident,
    suspects: &[Suspect],
) -> Result<(Plan, Vec<Gap>), ActError> {
    let vault = deeds::vault(desk)?;
    let (mut plan, gaps) = stanch_eradicate::plan(&incident.snapshot, suspects, &vault)?;
    if !plan.steps.is_empty() {
        deeds::keep(desk, &mut plan)?;
    }
    Ok((plan, gaps))
}

/// Something in the vault, by the act that took it there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The act.
    pub deed: Deed,
    /// Where it lay.
    pub path: String,
    /// What it was.
    pub was: Was,
    /// Where its content lies, if it needs a place.
    pub place: Option<PathBuf>,
    /// Whether it can come back.
    pub is_there: bool,
}

/// Returns what acts took into the vault and has not come back.
///
/// # Errors
/// [`ActError::Ledger`] if the ledger cannot be read.
pub fn items(desk: &Desk) -> Result<Vec<Item>, ActError> {
    let Some(case) = desk.case()? else { return Ok(Vec::new()) };
    let all = stanch_acts::deeds(&case.entries()?);
    Ok(all.into_iter().filter_map(item).collect())
}

fn item(deed: Deed) -> Option<Item> {
    if !matches!(deed.state, State::Done | State::CutOff | State::UndoCutOff) {
        return None;
    }
    let kept = Kept::by(&deed.step)?;
    let is_there = kept.is_there();
    let place = kept.was.sha256().map(|sha256| kept.vault.folder().join(sha256));
    Some(Item { deed, path: kept.path, was: kept.was, place, is_there })
}

/// Returns one of them.
///
/// # Errors
/// [`ActError::NoDeed`] if there is none of that id.
pub fn item_of(desk: &Desk, id: &str) -> Result<Item, ActError> {
    let missing = || ActError::NoDeed { id: id.to_owned() };
    items(desk)?.into_iter().find(|item| item.deed.id == id).ok_or_else(missing)
}

/// Removes a content from the vault for ever. The act that took it there has no way back then.
///
/// # Errors
/// [`ActError`] if there is none of that id, another act needs the same content, or it cannot
/// be removed.
pub fn purge(desk: &Desk, id: &str) -> Result<Item, ActError> {
    let item = item_of(desk, id)?;
    let Some(sha256) = item.was.sha256() else { return Ok(item) };
    let others = items(desk)?;
    let other = others.iter().find(|other| {
        other.deed.id != item.deed.id && other.is_there && other.was.sha256() == Some(sha256)
    });
    if let Some(other) = other {
        return Err(ActError::Needed { id: id.to_owned(), by: other.deed.id.clone() });
    }
    let now = Live::new().now();
    let case = desk.case_to_write(now)?;
    let mut ledger = desk.write(&case, now)?;
    let body = serde_json::json!({ "intent": item.deed.intent, "sha256": sha256 });
    let mut record = |what: &str| ledger.append(&desk.record(now, what, body.clone()));
    record("vault.purge-intended")?;
    case.vault().purge(sha256)?;
    record("vault.purged")?;
    Ok(Item { is_there: false, ..item })
}
