//! Backs up: one snapshot of some paths of a machine, and what could not be kept.

use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustic_core::jiff::{Timestamp, tz::TimeZone};
use rustic_core::{BackupOptions, ParentOptions, SnapshotOptions};
use stanch_machine::Machine;
use stanch_words::{Gap, GapKind};

use crate::folder::Shows;
use crate::manifest::{self, Counting};
use crate::repository::{failed, shown};
use crate::source::{BACKUP, Shared, Source};
use crate::{Manifest, Repository, RestoreError, Snapshot, locks};

/// Whether a mounted file system is entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entered {
    /// It holds files of this machine.
    Yes,
    /// The kernel makes it up.
    Kernel,
    /// It is another machine's.
    Remote,
}

/// Says which paths are left out.
#[derive(Clone)]
pub struct Excluded(pub Arc<dyn Fn(&Path) -> bool + Send + Sync>);

/// Says which file systems are entered, by the kernel's magic number.
#[derive(Clone)]
pub struct Entering(pub Arc<dyn Fn(i64) -> Entered + Send + Sync>);

/// What is backed up.
#[derive(Clone)]
pub struct Sources {
    /// Files and folders, absolute.
    pub paths: Vec<PathBuf>,
    /// What of it is left out.
    pub excluded: Excluded,
    /// Which mounts below it are entered.
    pub entered: Entering,
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources").field("paths", &self.paths).finish_non_exhaustive()
    }
}

/// Who backs up, when, and which machine.
#[derive(Clone, Debug)]
pub struct About {
    /// Seconds since 1970.
    pub now: i64,
    /// The machine that the data is of.
    pub host: String,
    /// On whose behalf.
    pub who: String,
    /// The program and version.
    pub tool: String,
}

/// A backup that was made.
#[derive(Clone, Debug)]
pub struct Backed {
    /// The snapshot.
    pub snapshot: Snapshot,
    /// What is in it.
    pub manifest: Manifest,
    /// Files that the snapshot before did not have.
    pub new: u64,
    /// Files that are not what they were.
    pub changed: u64,
    /// Files that are what they were; they were not read again.
    pub unchanged: u64,
    /// Bytes that the repository did not have yet.
    pub added: u64,
    /// What they take there.
    pub stored: u64,
    /// What could not be kept, or changed while it was read.
    pub gaps: Vec<Gap>,
}

/// Makes a snapshot.
///
/// # Errors
/// [`RestoreError`]; then there is no snapshot. What was stored for it stays and serves the next.
pub fn backup(
    repository: &Repository,
    machine: Arc<dyn Machine>,
    sources: Sources,
    about: &About,
) -> Result<Backed, RestoreError> {
    let sources = Sources { paths: checked(machine.as_ref(), &sources.paths)?, ..sources };
    let lock = locks::share(repository, about.now, &about.host, &about.who)?;
    let own = match machine.kind() {
        "live" => fs::metadata(repository.path()).ok(),
        _ => None,
    };
    let own = own.map(|own| (device(own.dev()), own.ino()));
    let shared = Shared::default();
    let paths = sources.paths.clone();
    let source = Source { machine, sources, own, shared: shared.clone() };
    let failed = |error: Box<rustic_core::RusticError>| failed(&error, &repository.troubles);
    let library = repository.again(Shows::Snapshots)?.to_indexed_ids().map_err(failed)?;
    let time = Timestamp::from_second(about.now).unwrap_or_default().to_zoned(TimeZone::UTC);
    let mut options = SnapshotOptions::default();
    options.host = Some(about.host.clone());
    options.time = Some(time);
    let mut snapshot = options.to_snapshot().map_err(failed)?;
    snapshot.username.clone_from(&about.who);
    snapshot.program_version.clone_from(&about.tool);
    let mut options = BackupOptions::default();
    options.no_scan = true;
    options.parent_opts = ParentOptions::default();
    let made = library.archive(&options, &source, snapshot, &paths);
    // A write that failed makes all later ones fail, so that no snapshot stands on it.
    let made = match (made, repository.troubles.written()) {
        (_, Some(trouble)) => return Err(trouble),
        (made, None) => made.map_err(failed)?,
    };
    drop(lock);

    let mut counting = Counting::default();
    let library = repository.again(Shows::Snapshots)?.to_indexed_ids().map_err(failed)?;
    let mut broken = None;
    let visit = &mut |path: &Path, node: &_| counting.add(path, node);
    manifest::walk(&library, made.tree, visit, &mut |path, why| {
        broken.get_or_insert(format!("{}: {why}", path.display()));
    });
    if let Some(what) = broken {
        return Err(RestoreError::Damaged { what });
    }
    let manifest = counting.manifest();
    let summary = made.summary.as_ref();
    let number = |of: fn(&rustic_core::repofile::SnapshotSummary) -> u64| summary.map_or(0, of);
    Ok(Backed {
        gaps: gaps(&shared, &manifest),
        snapshot: shown(&made),
        manifest,
        new: number(|summary| summary.files_new),
        changed: number(|summary| summary.files_changed),
        unchanged: number(|summary| summary.files_unmodified),
        added: number(|summary| summary.data_added),
        stored: number(|summary| summary.data_added_packed),
    })
}

/// Returns the gaps, and one more if the snapshot holds less than was handed on: the library passes
/// over what it could not do.
fn gaps(shared: &Shared, manifest: &Manifest) -> Vec<Gap> {
    shared.with(|notes| {
        let mut gaps = std::mem::take(&mut notes.gaps);
        if notes.untold > 0 {
            let detail = format!("{} more, not told one by one", notes.untold);
            gaps.push(Gap::new(BACKUP, GapKind::Failed, detail));
        }
        let expected = notes.handed.saturating_sub(notes.unread);
        let held = manifest.files.saturating_add(manifest.others);
        if held != expected {
            let detail = format!("the snapshot holds {held} files where {expected} were read");
            gaps.push(Gap::new(BACKUP, GapKind::Bug, detail));
        }
        gaps.sort();
        gaps
    })
}

/// Returns the paths as they really lie, so that none is met twice; refuses those that are not there
/// and those that a snapshot cannot name.
fn checked(machine: &dyn Machine, paths: &[PathBuf]) -> Result<Vec<PathBuf>, RestoreError> {
    let refused = |path: &Path, why: String| RestoreError::Path { path: path.to_owned(), why };
    let mut all = Vec::with_capacity(paths.len());
    for path in paths {
        // A last symlink is itself what is asked for.
        let real = match (path.parent(), path.file_name()) {
            (Some(above), Some(name)) => machine.resolve(above).map(|above| above.join(name)),
            (None, _) => Ok(PathBuf::from("/")),
            // It ends in `..`.
            (Some(_), None) => machine.resolve(path),
        };
        let real = real.and_then(|real| machine.lstat(&real).map(|_stat| real));
        let real = real.map_err(|miss| refused(path, miss.detail))?;
        if real.to_str().is_none() {
            let why = "restic's format cannot name it: name the folder above it".to_owned();
            return Err(refused(path, why));
        }
        all.push(real);
    }
    all.sort();
    // What lies below another is met there.
    let mut kept: Vec<PathBuf> = Vec::with_capacity(all.len());
    for path in all {
        if !kept.last().is_some_and(|last| path.starts_with(last)) {
            kept.push(path);
        }
    }
    Ok(kept)
}

/// Returns a device number as [`stanch_machine::Stat`] has it.
fn device(device: u64) -> u64 {
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    u64::from(major) << 32 | u64::from(minor)
}
