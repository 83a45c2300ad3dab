//! The case: opens a machine and orders the phases on it.
//!
//! **What the responder is asking**: where does the emergency stand, and what comes next?
//!
//! **In and out**: a place to look at (the live machine, a root directory) goes in; the answers of
//! the phases and of free queries come out, all over one snapshot.
//!
//! **Never**: this crate decides no finding and words nothing; it only orders those who do.
//!
//! **Start reading** at [`Incident`] (one look), [`case`] (the open case), [`containment`] and [`watch`]. Gates,
//! people and report join it with their issues.

mod baseline;
pub mod case;
pub mod containment;
pub mod continuity;
pub mod deeds;
mod digests;
pub mod eradication;
pub mod evidence;
pub mod identity;
mod rule_files;
mod rules_check;
mod sigma;
pub mod timeline;
pub mod unplugging;
pub mod wanted;
pub mod watch;
mod yara;

use std::io::{self, BufRead};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use stanch_facts::logs::{self, Context, Format};
use stanch_facts::{Host, Snapshot, digest, history};
use stanch_machine::{Bundle, Image, Live, Machine, Stalls};
use stanch_rules::{Query, content};
use stanch_words::{Event, Gap, GapKind, TableSpec, Tables as _, Value};

pub use case::{Desk, Standing};
pub use stanch_acts::{Deed, State, runner::RunError};
pub use stanch_detect::scan::{ContentMatch, Scanned};
pub use stanch_detect::{Blind, DetectError, Detection, LookedAt, Options};
pub use stanch_facts::baseline::{
    Because, Change, Crossing, Difference, Digests as BaselineDigests, Field as BaselineField,
    Header as BaselineHeader, Row as BaselineRow, Run as PackageRun, Scope as BaselineScope, Told,
};
pub use stanch_facts::history::SourceRead;
pub use stanch_facts::logs::{Counts, Format as LogFormat};
pub use stanch_facts::packages::{Bases, Trust};
pub use stanch_facts::scan::{Archives, Files, Intact, Processes, Remote, Scope};
pub use stanch_facts::system_files::{Compared, Depth};
pub use stanch_ledger::kept::Older;
pub use stanch_ledger::{Entry, LedgerError};
pub use stanch_machine::{Miss, apart, leave_session};
pub use stanch_rules::sigma::{Complaint, Harm, Loaded};
pub use stanch_rules::{Answer, Digests, Page, QueryError, Sigma, Yara};

pub use baseline::{
    BaselineError, Checked as BaselineChecked, KeepAs, Made, Signed, Verified, VerifyWith,
    make_keys, open_baseline, rfc3339, sign_baseline, take_baseline,
};
pub use digests::digests;
pub use identity::Identity;
pub use sigma::sigma;
pub use yara::{LoadedYara, Starter, compiled, yara};

pub use rules_check::{Checked, check_rules};

/// What is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The machine that we run on.
    Live,
    /// A mounted image or any other root directory.
    Root(PathBuf),
    /// An evidence bundle.
    Bundle(PathBuf),
}

/// Returns the pages of all signs that detection looks for, in the order of their ids.
///
/// # Errors
/// [`DetectError::Content`] only if the binary itself is broken.
pub fn signs() -> Result<Vec<Page>, DetectError> {
    let signs = content::signs()
        .map_err(|errors| DetectError::Content(errors.iter().map(ToString::to_string).collect()))?;
    let mut pages: Vec<Page> = signs.into_iter().map(|sign| sign.page).collect();
    pages.sort_by(|a, b| a.front.id.cmp(&b.front.id));
    Ok(pages)
}

/// Returns the tables that every machine has.
pub fn tables() -> Vec<&'static TableSpec> {
    stanch_facts::tables::ALL.iter().map(|table| table.spec).collect()
}

/// Where a bundle is unpacked, into a file without a name.
const SCRATCH: [&str; 2] = ["/var/tmp", "/tmp"];

/// Refuses a directory with neither `/etc` nor `/usr`.
fn has_a_system(machine: &Image, root: &Path) -> Result<(), Miss> {
    let etc = machine.stat("/etc".as_ref());
    let usr = machine.stat("/usr".as_ref());
    match (etc, usr) {
        (Ok(_), _) | (_, Ok(_)) => Ok(()),
        (Err(denied), _) if !denied.absent => Err(denied),
        (_, Err(denied)) if !denied.absent => Err(denied),
        (Err(_absent), Err(_also_absent)) => {
            Err(Miss::new(GapKind::NotHere, "it has neither `/etc` nor `/usr`", root))
        }
    }
}

/// What one log held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRead {
    /// The file as it was given.
    pub file: String,
    /// The format it was read as; none if nothing fits.
    pub format: Option<&'static str>,
    /// SHA-256 of the file as it is on the disk.
    pub sha256: Option<String>,
    /// How much it held, and how much of it was understood.
    pub counts: Counts,
}

/// How logs are read.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReadLogs {
    /// Their format, if it is not to be told from their content.
    pub format: Option<&'static Format>,
    /// Whether lines that nobody understood are shown as well.
    pub tell_strange: bool,
}

/// Returns the names of the log formats.
pub fn log_formats() -> impl Iterator<Item = &'static str> {
    logs::ALL.iter().map(|format| format.name)
}

/// Returns a log format by its name.
pub fn log_format(name: &str) -> Option<&'static Format> {
    logs::find(name)
}

/// One look at one machine.
pub struct Incident {
    snapshot: Arc<Snapshot>,
    /// The machine itself, to be taken along to where threads of others read.
    machine: Arc<dyn Machine>,
    /// What is wrong with the place itself.
    strange: Vec<Gap>,
    look: identity::Look,
}

impl std::fmt::Debug for Incident {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Incident({})", self.machine.kind())
    }
}

impl Incident {
    /// Opens a machine.
    ///
    /// # Errors
    /// A [`Miss`] if the root directory cannot be opened, or holds no system: an empty mount point
    /// must not pass for a clean machine.
    pub fn open(place: &Place) -> Result<Self, Miss> {
        let mut strange = Vec::new();
        let (machine, stalls): (Arc<dyn Machine>, Stalls) = match place {
            Place::Live => {
                let machine = Live::new();
                let stalls = machine.stalls().clone();
                (Arc::new(machine), stalls)
            }
            Place::Root(root) => {
                let machine = Image::open(root)?;
                has_a_system(&machine, root)?;
                let stalls = machine.stalls().clone();
                (Arc::new(machine), stalls)
            }
            Place::Bundle(path) => {
                let machine = Bundle::open(path, &SCRATCH.map(Path::new))?;
                strange.extend_from_slice(machine.strange());
                (Arc::new(machine), Stalls::default())
            }
        };
        let snapshot = Snapshot::new(Arc::clone(&machine), stalls);
        let look = identity::Look::at(place);
        Ok(Self { snapshot: Arc::new(snapshot), machine, strange, look })
    }

    /// Compares files of packages with package files: those in a folder that the responder brings,
    /// and those that a distribution's archive signed for, by its keys or those of a keyring. To
    /// be said before the first look.
    pub fn trust_archive(&self, packages: Option<PathBuf>, keyring: Option<PathBuf>) {
        let reader = Arc::new(Live::new());
        self.snapshot.host().give(Arc::new(Trust { reader, packages, keyring }));
    }

    /// Looks for the signs of an intrusion.
    ///
    /// # Errors
    /// [`DetectError`] only if the binary itself is broken.
    pub fn detect(&self, options: &Options) -> Result<Detection, DetectError> {
        let mut detection = stanch_detect::detect(&self.snapshot, options)?;
        let strange = self.strange.iter().cloned();
        detection.gaps.extend(strange.map(|gap| Blind { gap, signs: Vec::new() }));
        Ok(detection)
    }

    /// Scans the content of files and processes.
    ///
    /// # Errors
    /// [`DetectError`] only if the binary itself is broken.
    pub fn scan(&self, scope: Scope) -> Result<Scanned, DetectError> {
        stanch_detect::scan::scan(&self.snapshot, scope)
    }

    /// Returns an error for a path that a person named and that is not there.
    ///
    /// # Errors
    /// A [`Miss`] if there is nothing of that name, or nobody can tell.
    pub fn is_there(&self, path: &Path) -> Result<(), Miss> {
        self.snapshot.host().machine().stat(path).map(drop)
    }

    /// Answers a query over the tables, with the gaps of what it read.
    ///
    /// # Errors
    /// [`QueryError`] if the SQL is wrong.
    pub fn query(&self, sql: &str) -> Result<(Answer, Vec<Gap>), QueryError> {
        let query = Query::open(Arc::clone(&self.snapshot) as _)?;
        let answer = query.run(sql)?;
        let mut gaps = self.snapshot.gaps();
        gaps.extend(self.strange.iter().cloned());
        Ok((answer, gaps))
    }

    /// Returns the time that a person wrote, in seconds since 1970 UTC: `2026-11-02`,
    /// `2026-11-02 08:00`, RFC 3339, or so long ago (`90m`, `12h`, `3d`, `2w`). What names no zone
    /// is in the zone of the machine that is looked at.
    pub fn time(&self, written: &str) -> Option<i64> {
        let host = self.snapshot.host();
        if let Some(seconds) = ago(written) {
            return Some(host.machine().now().saturating_sub(seconds));
        }
        if let Ok(time) = written.parse::<jiff::Timestamp>() {
            return Some(time.as_second());
        }
        let local = written.parse::<jiff::civil::DateTime>();
        let local = local.or_else(|_| format!("{written}:00").parse()).ok()?;
        history::sources::zone(host).to_timestamp(local).ok().map(jiff::Timestamp::as_second)
    }

    /// Reads one log and shows its events. Times without a zone are in the zone of the machine
    /// that is looked at.
    ///
    /// # Errors
    /// A [`Miss`] if the file cannot be read at all.
    pub fn events(
        &self,
        path: &Path,
        how: ReadLogs,
        each: &mut dyn FnMut(&Event<'_>),
    ) -> Result<(LogRead, Vec<Gap>), Miss> {
        let host = self.snapshot.host();
        let machine = host.machine();
        // Who names a file expects it to be there: that it is not is a failure, no change.
        let stat = machine.stat(path).map_err(|miss| match miss.absent {
            true => Miss { kind: GapKind::Failed, ..miss },
            false => miss,
        })?;
        let file = Value::from(path).to_string();
        let context = Context {
            wants_digest: true,
            ..context(host, file.clone(), stat.modified / 1000, how)
        };
        let (format, mut counts, gaps) =
            logs::read(machine, path, context, how.format, &|| (), each)?;
        let mut gaps = of_events(gaps);
        let mut sha256 = counts.sha256.take();
        // What is packed, or read at will, is read once more for its digest.
        if sha256.is_none() {
            match digest::of_file(machine, path, &[digest::Digest::Sha256]) {
                Ok(digests) => sha256 = digests.into_iter().next(),
                Err(gap) => gaps.push(gap),
            }
        }
        Ok((LogRead { file, format, sha256, counts }, gaps))
    }

    /// Reads one log that comes through a pipe and shows its events.
    ///
    /// # Errors
    /// When the pipe breaks.
    pub fn events_of_pipe(
        &self,
        pipe: &mut dyn BufRead,
        name: &str,
        how: ReadLogs,
        each: &mut dyn FnMut(&Event<'_>),
    ) -> io::Result<(LogRead, Vec<Gap>)> {
        let host = self.snapshot.host();
        let now = host.machine().now().saturating_mul(1_000_000);
        let context = context(host, name.to_owned(), now, how);
        let (format, counts, gaps) = logs::read_pipe(pipe, context, how.format, each)?;
        Ok((LogRead { file: name.to_owned(), format, sha256: None, counts }, of_events(gaps)))
    }

    /// Returns the tables there are.
    pub fn tables(&self) -> Vec<&'static TableSpec> {
        self.snapshot.specs()
    }

    /// Returns the machine's own name, as far as it can be read.
    pub fn host_name(&self) -> String {
        let machine = self.snapshot.host().machine();
        if let Some(kernel) = machine.kernel() {
            let [_, node, ..] = kernel.uname();
            return node;
        }
        let name = machine.read("/etc/hostname".as_ref(), 256).map(|read| read.bytes);
        let name = name.unwrap_or_default();
        stanch_words::text::from_bytes(name.trim_ascii())
    }

    /// Returns which machine it is, beyond its name.
    pub fn identity(&self) -> Identity {
        Identity::of(self.snapshot.host().machine(), self.look)
    }

    /// Returns the milliseconds of a clock that never goes back.
    pub fn monotonic_ms(&self) -> u64 {
        let kernel = self.snapshot.host().machine().kernel();
        kernel.map_or(0, |kernel| kernel.monotonic() / 1_000_000)
    }
}

/// Names what the gaps of a log that was asked for are in.
fn of_events(gaps: Vec<Gap>) -> Vec<Gap> {
    gaps.into_iter().map(|gap| Gap { what: "events".into(), ..gap }).collect()
}

fn context(host: &Host, file: String, modified: i64, how: ReadLogs) -> Context {
    Context {
        zone: history::sources::zone(host),
        tell_strange: how.tell_strange,
        ..Context::new(file, modified)
    }
}

/// Returns the seconds in `90m`, `12h`, `3d` or `2w`.
fn ago(written: &str) -> Option<i64> {
    let unit = match written.chars().last()? {
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        'w' => 7 * 86_400,
        _ => return None,
    };
    let count: i64 = written.get(..written.len().checked_sub(1)?)?.parse().ok()?;
    (count >= 0).then(|| count.saturating_mul(unit))
}
