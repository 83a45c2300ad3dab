//! The folder of a case: its ledger, and what belongs to it.

use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use crate::store::{Ledger, LedgerError, io, verify};
use crate::{Entry, Record, Vault};

/// The ledger's name in a case folder.
const LEDGER: &str = "ledger.jsonl";

/// The folder of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    folder: PathBuf,
}

impl Case {
    /// Returns the case in a folder, which need not be there yet.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// Returns the folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns where its ledger is.
    pub fn ledger_path(&self) -> PathBuf {
        self.folder.join(LEDGER)
    }

    /// Returns the vault that lies beside its ledger.
    pub fn vault(&self) -> Vault {
        Vault::beside(&self.ledger_path())
    }

    /// Opens its ledger, and the case itself if this is its first writer: the folder is made,
    /// readable by its owner alone, and an entry `case.opened` stands first. `found` gives the
    /// time, user and tool of what has to be recorded on the way.
    ///
    /// # Errors
    /// [`LedgerError`] as of [`Ledger::open`] and [`Ledger::create`].
    pub fn write(&self, found: &Record) -> Result<Ledger, LedgerError> {
        let path = self.ledger_path();
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder)
            .map_err(|source| io("making the case folder", &self.folder, source))?;
        if path.try_exists().map_err(|source| io("looking for the ledger", &path, source))? {
            return Ledger::open(&path, found);
        }
        let mut ledger = Ledger::create(&path)?;
        let body = serde_json::json!({});
        ledger.append(&Record { what: "case.opened".to_owned(), body, ..found.clone() })?;
        Ok(ledger)
    }

    /// Returns the entries of its ledger, checked; none if there is no such case.
    ///
    /// # Errors
    /// [`LedgerError`] if it cannot be read or its chain does not hold.
    pub fn entries(&self) -> Result<Vec<Entry>, LedgerError> {
        let path = self.ledger_path();
        if !path.try_exists().map_err(|source| io("looking for the ledger", &path, source))? {
            return Ok(Vec::new());
        }
        let mut entries = Vec::new();
        verify(&path, &mut |entry| entries.push(entry))?;
        Ok(entries)
    }

    /// Returns the case that was opened last in a folder of cases, if there is one.
    ///
    /// # Errors
    /// [`LedgerError`] if the folder is there and cannot be read.
    pub fn newest(cases: &Path) -> Result<Option<Self>, LedgerError> {
        let listing = match std::fs::read_dir(cases) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            listing => listing.map_err(|source| io("listing the cases in", cases, source))?,
        };
        let folders = listing.filter_map(Result::ok).map(|entry| entry.path());
        // They are named by the time at which they were opened.
        let newest = folders.filter(|folder| folder.join(LEDGER).is_file()).max();
        Ok(newest.map(Self::at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_begins_with_its_opening_and_the_newest_is_found() {
        let folder = std::env::temp_dir().join(format!("stanch-cases-{}", std::process::id()));
        let found = Record {
            time: 1_772_323_200,
            who: "root".to_owned(),
            tool: "stanch 0.1.0".to_owned(),
            what: String::new(),
            body: serde_json::Value::Null,
        };
        assert_eq!(Case::newest(&folder).unwrap(), None);
        for name in ["20260301T000000Z", "20260302T000000Z"] {
            let case = Case::at(folder.join(name));
            assert!(case.entries().unwrap().is_empty());
            drop(case.write(&found).unwrap());
            drop(case.write(&found).unwrap());
            let entries = case.entries().unwrap();
            assert_eq!(entries.len(), 1, "opened once");
            assert_eq!(entries[0].what, "case.opened");
        }
        let newest = Case::newest(&folder).unwrap().unwrap();
        assert!(newest.folder().ends_with("20260302T000000Z"));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
