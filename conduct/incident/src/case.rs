//! The open case: where it lies, who writes to it, and what stands according to its ledger.

use std::path::{Path, PathBuf};

use stanch_acts::{Deed, Signer, deeds};
use stanch_ledger::{Case, Entry, Ledger, LedgerError, Record};

/// Where cases lie and who writes: given by the face, never taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Desk {
    /// The case folder that was named, if one was.
    pub named: Option<PathBuf>,
    /// The folder of all cases.
    pub cases: PathBuf,
    /// The person or account on whose behalf.
    pub who: String,
    /// The program and version.
    pub tool: String,
}

impl Desk {
    /// Returns the case to be read: the one that was named, else the one opened last.
    ///
    /// # Errors
    /// [`LedgerError`] if the folder of cases cannot be read.
    pub fn case(&self) -> Result<Option<Case>, LedgerError> {
        match &self.named {
            Some(folder) => Ok(Some(Case::at(folder))),
            None => Case::newest(&self.cases),
        }
    }

    /// Returns the case to be written to: a new one, named by the time, if none is open.
    ///
    /// # Errors
    /// [`LedgerError`] if the folder of cases cannot be read.
    pub(crate) fn case_to_write(&self, now: i64) -> Result<Case, LedgerError> {
        Ok(self.case()?.unwrap_or_else(|| Case::at(self.cases.join(name(now)))))
    }

    /// Opens a case's ledger for writing.
    ///
    /// # Errors
    /// [`LedgerError`] as of [`Case::write`].
    pub(crate) fn write(&self, case: &Case, now: i64) -> Result<Ledger, LedgerError> {
        case.write(&self.record(now, "", serde_json::Value::Null))
    }

    /// Returns a record of ours for a ledger.
    pub(crate) fn record(&self, now: i64, what: &str, body: serde_json::Value) -> Record {
        let (who, tool) = (self.who.clone(), self.tool.clone());
        Record { time: now, who, tool, what: what.to_owned(), body }
    }

    pub(crate) fn signer(&self) -> Signer {
        Signer { who: self.who.clone(), tool: self.tool.clone() }
    }
}

/// A case as its ledger tells it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Standing {
    /// Its folder.
    pub folder: PathBuf,
    /// How many entries the ledger has.
    pub entries: usize,
    /// The hash of the last one, to be written down elsewhere.
    pub head: String,
    /// All acts, in their order.
    pub deeds: Vec<Deed>,
}

impl Standing {
    /// Returns how a case stands.
    pub(crate) fn of(folder: &Path, entries: &[Entry]) -> Self {
        Self {
            folder: folder.to_owned(),
            entries: entries.len(),
            head: entries.last().map(|entry| entry.head.hash.clone()).unwrap_or_default(),
            deeds: deeds(entries),
        }
    }
}

/// Returns how the open case stands, if there is one.
///
/// # Errors
/// [`LedgerError`] if its ledger cannot be read or does not hold.
pub fn standing(desk: &Desk) -> Result<Option<Standing>, LedgerError> {
    let Some(case) = desk.case()? else { return Ok(None) };
    let entries = case.entries()?;
    if entries.is_empty() {
        return Ok(None);
    }
    Ok(Some(Standing::of(case.folder(), &entries)))
}

/// Returns the entries of the open case's ledger, checked, and where they lie.
///
/// # Errors
/// [`LedgerError`] if it cannot be read or does not hold.
pub fn entries(desk: &Desk) -> Result<Option<(PathBuf, Vec<Entry>)>, LedgerError> {
    let Some(case) = desk.case()? else { return Ok(None) };
    let path = case.ledger_path();
    let entries = case.entries()?;
    Ok((!entries.is_empty()).then_some((path, entries)))
}

/// Returns a case's name: the time at which it is opened.
fn name(now: i64) -> String {
    let time = jiff::Timestamp::from_second(now).unwrap_or_default();
    time.strftime("%Y%m%dT%H%M%SZ").to_string()
}
