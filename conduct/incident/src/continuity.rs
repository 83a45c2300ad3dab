//! Backup and restore: what of the machine goes into a repository, what comes back beside it, and
//! what of both stands in the case.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use stanch_facts::Holds;
use stanch_ledger::{Entry, LedgerError};
use stanch_machine::{Live, Machine as _};
pub use stanch_restore::{Backed, Manifest, RestoreError, Snapshot, Staged};
use stanch_restore::{Entered, Entering, Excluded, Password, Repository, Sources};
use stanch_rules::pattern;

use crate::Incident;
use crate::case::Desk;

/// The word of an entry about a backup.
pub const BACKED_UP: &str = "backup.made";

/// The word of an entry about a restore into a folder.
pub const STAGED: &str = "restore.staged";

/// Why a backup or a restore did not come about.
#[derive(Debug, thiserror::Error)]
pub enum ContinuityError {
    /// The repository, the snapshot or the folder.
    #[error(transparent)]
    Restore(#[from] RestoreError),
    /// It was done, and the case took no record of it.
    #[error("the ledger did not take the record")]
    Unrecorded {
        /// The snapshot.
        snapshot: String,
        /// Why.
        source: LedgerError,
    },
    /// The case's ledger cannot be read.
    #[error("the ledger cannot be read")]
    Ledger(#[source] LedgerError),
}

/// Where a repository lies, and what opens it.
#[derive(Clone, Debug)]
pub struct Access {
    /// The folder.
    pub repository: PathBuf,
    /// The file that holds the password.
    pub password: PathBuf,
}

impl Access {
    fn password(&self) -> Result<Password, RestoreError> {
        Password::from_file(&self.password)
    }

    fn open(&self) -> Result<Repository, RestoreError> {
        Repository::open(&self.repository, &self.password()?)
    }
}

/// Makes a repository; returns its id.
///
/// # Errors
/// [`RestoreError`]; nothing that was there is touched.
pub fn init(desk: &Desk, access: &Access) -> Result<String, RestoreError> {
    let host = Live::new().kernel().map(|kernel| {
        let [_, node, ..] = kernel.uname();
        node
    });
    let host = host.unwrap_or_default();
    let made = Repository::init(&access.repository, &access.password()?, &host, &desk.who)?;
    Ok(made.id())
}

/// A backup that was made, and the entry of the case that tells of it.
#[derive(Clone, Debug)]
pub struct Kept {
    /// What was kept.
    pub backed: Backed,
    /// The number of the entry.
    pub entry: u64,
}

impl Incident {
    /// Backs up paths of the machine, and writes into the case what was kept.
    ///
    /// # Errors
    /// [`ContinuityError`].
    pub fn back_up(
        &self,
        desk: &Desk,
        access: &Access,
        paths: Vec<PathBuf>,
        exclude: Vec<String>,
    ) -> Result<Kept, ContinuityError> {
        let repository = access.open()?;
        let about = stanch_restore::About {
            now: Live::new().now(),
            host: self.host_name(),
            who: desk.who.clone(),
            tool: desk.tool.clone(),
        };
        let machine = Arc::clone(&self.machine);
        let sources = sources(paths, exclude);
        let backed = stanch_restore::backup(&repository, machine, sources, &about)?;
        let body = serde_json::json!({
            "repository": access.repository.to_string_lossy(),
            "repository_id": repository.id(),
            "snapshot": backed.snapshot.id,
            "host": backed.snapshot.host,
            "paths": backed.snapshot.paths,
            "files": backed.manifest.files,
            "bytes": backed.manifest.bytes,
            "stored": backed.stored,
            "manifest_sha256": backed.manifest.sha256,
            "gaps": backed.gaps.len(),
        });
        let entry = record(desk, about.now, BACKED_UP, body).map_err(|source| {
            ContinuityError::Unrecorded { snapshot: backed.snapshot.id.clone(), source }
        })?;
        Ok(Kept { backed, entry })
    }
}

fn sources(paths: Vec<PathBuf>, exclude: Vec<String>) -> Sources {
    let is_excluded = move |path: &Path| {
        exclude.iter().any(|one| match one.contains('/') {
            true => pattern::covers(one, path.as_os_str()),
            // A name alone fits in every folder.
            false => pattern::covers(&format!("/**/{one}"), path.as_os_str()),
        })
    };
    let enters = |magic| match Holds::of(magic) {
        Holds::Storage => Entered::Yes,
        Holds::Remote => Entered::Remote,
        Holds::NoStorage => Entered::Kernel,
    };
    Sources {
        paths,
        excluded: Excluded(Arc::new(is_excluded)),
        entered: Entering(Arc::new(enters)),
    }
}

fn record(desk: &Desk, now: i64, what: &str, body: serde_json::Value) -> Result<u64, LedgerError> {
    let case = desk.case_to_write(now)?;
    let mut ledger = desk.write(&case, now)?;
    Ok(ledger.append(&desk.record(now, what, body))?.head.n)
}

/// A snapshot, and whether the case tells of it.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The snapshot.
    pub snapshot: Snapshot,
    /// The number of the entry that tells of it.
    pub entry: Option<u64>,
}

/// Lists the snapshots of a repository, the oldest first.
///
/// # Errors
/// [`ContinuityError`].
pub fn snapshots(desk: &Desk, access: &Access) -> Result<Vec<Listed>, ContinuityError> {
    let entries = entries(desk).map_err(ContinuityError::Ledger)?;
    let snapshots = access.open()?.snapshots()?;
    Ok(snapshots
        .into_iter()
        .map(|snapshot| {
            let entry = entries.iter().find(|entry| told(entry, "snapshot") == Some(&snapshot.id));
            Listed { entry: entry.map(|entry| entry.head.n), snapshot }
        })
        .collect())
}

fn entries(desk: &Desk) -> Result<Vec<Entry>, LedgerError> {
    let Some(case) = desk.case()? else { return Ok(Vec::new()) };
    let mut entries = case.entries()?;
    entries.retain(|entry| entry.what == BACKED_UP);
    Ok(entries)
}

fn told<'e>(entry: &'e Entry, field: &str) -> Option<&'e str> {
    entry.body.get(field)?.as_str()
}

/// Brings a snapshot back into a staging folder.
///
/// # Errors
/// [`ContinuityError`].
pub fn stage(
    desk: &Desk,
    access: &Access,
    called: &str,
    to: &Path,
    include: Vec<PathBuf>,
) -> Result<Staged, ContinuityError> {
    let entries = entries(desk).map_err(ContinuityError::Ledger)?;
    let recorded = entries.iter().filter_map(|entry| {
        let (id, digest) = (told(entry, "snapshot")?, told(entry, "manifest_sha256")?);
        Some((id.to_owned(), digest.to_owned()))
    });
    let now = Live::new().now();
    let options =
        stanch_restore::Options { to: to.to_owned(), include, recorded: recorded.collect(), now };
    let staged = stanch_restore::stage(&access.open()?, called, &options)?;
    let body = serde_json::json!({
        "repository": access.repository.to_string_lossy(),
        "snapshot": staged.snapshot.id,
        "to": to.to_string_lossy(),
        "files": staged.files,
        "bytes": staged.bytes,
        "manifest_sha256": staged.manifest.sha256,
        "gaps": staged.gaps.len(),
    });
    record(desk, now, STAGED, body).map_err(|source| ContinuityError::Unrecorded {
        snapshot: staged.snapshot.id.clone(),
        source,
    })?;
    Ok(staged)
}
