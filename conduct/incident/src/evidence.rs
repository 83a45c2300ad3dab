//! Evidence: collected into a bundle, kept, signed, noted in the case, and verified.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use stanch_facts::Holds;
use stanch_facts::digest::{self, Digest};
use stanch_ledger::kept::{self, Keeping, Older};
use stanch_ledger::signature::{Digesting, PublicKey, SecretKey, SignatureError};
use stanch_ledger::{Entry, LedgerError};
use stanch_machine::{Live, Machine as _};
pub use stanch_preserve::{
    Broken, CaptureOrder, Collected, Flaw, Item, Kind, Options, PreserveError, Seal, Secrets,
    Status, TakenOf, Told, Verified,
};
pub use stanch_rules::Profile;
use stanch_words::{Gap, GapKind, Value};

use crate::Incident;
use crate::baseline::{BaselineError, Noting, Signed, VerifyWith, digest_of, secret_key};
use crate::case::Desk;

/// The word of an entry that a person wrote.
pub const NOTE: &str = "note";

/// Why evidence could not be kept or verified.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// The file could not be kept; nothing was collected.
    #[error("the bundle could not be kept")]
    Kept(#[source] LedgerError),
    /// A bundle, its signature or a key cannot be read.
    #[error("it cannot be read")]
    Open(#[source] LedgerError),
    /// It breaks off.
    #[error("the bundle breaks off")]
    Broke {
        /// Where what was written lies, if it is a file.
        left: Option<PathBuf>,
        /// Why.
        source: PreserveError,
    },
    /// It is whole but could not get its name.
    #[error("the bundle is whole but could not be finished")]
    Finish(#[source] LedgerError),
    /// It is whole and has its name, but its signature could not be kept.
    #[error("the bundle is whole but its signature could not be kept")]
    Unsigned(#[source] LedgerError),
    /// A key or signature is refused.
    #[error("`{path}` is refused")]
    Signature {
        /// The key or the signature.
        path: PathBuf,
        /// Why.
        source: SignatureError,
    },
    /// The case that was named cannot be read.
    #[error("the ledger of the case could not be read")]
    Case(#[source] LedgerError),
    /// It does not hold, so that nothing is to be said for it.
    #[error("the bundle does not hold; `stanch seal verify` tells what of it")]
    NotWhole,
    /// It could not be read.
    #[error("the bundle could not be read")]
    Read(#[source] io::Error),
}

impl From<BaselineError> for EvidenceError {
    fn from(error: BaselineError) -> Self {
        match error {
            BaselineError::Signature { path, source } => Self::Signature { path, source },
            BaselineError::Kept(source) => Self::Kept(source),
            other => Self::Read(io::Error::other(other.to_string())),
        }
    }
}

/// A bundle that was made.
#[derive(Clone, Debug)]
pub struct Bundled {
    /// What is in it.
    pub collected: Collected,
    /// The id of the key that signed it.
    pub signed_by: Option<String>,
    /// Whether the open case knows of it.
    pub custody: Custody,
}

/// Whether the case knows of a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Custody {
    /// No case is open or named: none is opened on a suspect machine for that alone.
    NoCase,
    /// The case has it, as an entry of this number.
    Recorded(u64),
    /// The case takes no record: why, and where it lies.
    Missed(Gap),
}

/// A bundle that has its file, and of which nothing is collected yet.
#[derive(Debug)]
pub struct Begun {
    keeping: Keeping,
    key: Option<SecretKey>,
    path: PathBuf,
    custody: Custody,
}

impl Begun {
    /// Returns whether the case took a record that it was begun: what can be told before minutes
    /// are spent.
    pub fn custody(&self) -> &Custody {
        &self.custody
    }
}

/// A bundle that was verified.
#[derive(Clone, Debug)]
pub struct BundleVerified {
    /// What holds.
    pub verified: Verified,
    /// Who vouches for it.
    pub signed: Signed,
    /// Why a signature was refused.
    pub refused: Option<SignatureError>,
}

impl Incident {
    /// Begins a bundle in a file, which must not be there yet, and records it in the case.
    ///
    /// # Errors
    /// [`EvidenceError`] if the file or the key is refused; a case that is refused is a gap in
    /// [`Begun::custody`], because what is in memory does not wait for it.
    pub fn begin_bundle(
        &self,
        desk: &Desk,
        path: &Path,
        sign: Option<&Path>,
    ) -> Result<Begun, EvidenceError> {
        let key = sign.map(secret_key).transpose()?;
        let keeping = Keeping::begin(path, Older::Refused).map_err(EvidenceError::Kept)?;
        let body = serde_json::json!({ "file": Value::from(path).to_string() });
        let custody = self.enter(desk, "preserve.begun", body);
        Ok(Begun { keeping, key, path: path.to_owned(), custody })
    }

    /// Collects into the file of a bundle that was begun.
    ///
    /// # Errors
    /// [`EvidenceError`]; what was written is left where it is if it breaks off.
    pub fn preserve(
        &self,
        desk: &Desk,
        options: Options,
        begun: Begun,
    ) -> Result<Bundled, EvidenceError> {
        let Begun { mut keeping, key, path, .. } = begun;
        let digesting = Arc::new(Mutex::new(Digesting::default()));
        let mut options = Options { ours: ours(keeping.file()), ..options };
        if let Some(capture) = &mut options.capture {
            // What is written to another machine is traffic, too.
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            let magic = Live::new().magic(folder.unwrap_or(Path::new(".")));
            let is_remote = |magic| Holds::of(magic) == Holds::Remote;
            capture.alone = magic.ok().flatten().is_some_and(is_remote);
        }
        let noting = &mut Noting { from: &mut keeping, digesting: Arc::clone(&digesting) };
        let collected = match self.collect(desk, &options, noting) {
            Ok(collected) => collected,
            Err(source) => {
                let left = Some(keeping.leave());
                return Err(EvidenceError::Broke { left, source });
            }
        };
        keeping.finish(Older::Refused).map_err(EvidenceError::Finish)?;
        let mut bundled = Bundled { collected, signed_by: None, custody: Custody::NoCase };
        let mut unsigned = None;
        if let Some(key) = key {
            let seal = &bundled.collected.seal;
            let host = stanch_words::text::escaped(&seal.host);
            let comment = format!("evidence of {host}, {}, root {}", seal.ended, seal.merkle_root);
            let signature = key.sign(&digest_of(&digesting), &comment);
            let beside = kept::named(&path, kept::SIGNATURE);
            match kept::keep(&beside, signature.as_bytes(), Older::Refused) {
                Ok(()) => bundled.signed_by = Some(key.public().id()),
                Err(error) => unsigned = Some(error),
            }
        }
        let seal = &bundled.collected.seal;
        let body = serde_json::json!({
            "file": Value::from(path.as_path()).to_string(),
            "items": seal.items,
            "merkle_root": seal.merkle_root,
            "bytes": bundled.collected.packed,
            "signed_by": bundled.signed_by,
        });
        bundled.custody = self.enter(desk, "preserve.sealed", body);
        if let Custody::Missed(gap) = &bundled.custody {
            bundled.collected.gaps.push(gap.clone());
        }
        match unsigned {
            Some(error) => Err(EvidenceError::Unsigned(error)),
            None => Ok(bundled),
        }
    }

    /// Collects into a pipe. Nothing is written to this machine.
    ///
    /// # Errors
    /// [`EvidenceError::Broke`] when the pipe breaks.
    pub fn preserve_to(
        &self,
        desk: &Desk,
        options: Options,
        to: &mut dyn Write,
    ) -> Result<Bundled, EvidenceError> {
        // Standard output may lead to a file of this machine.
        let stdout = Live::new().stat(Path::new("/proc/self/fd/1"));
        let ours = stdout.map(|stat| (stat.device, stat.inode)).into_iter().collect();
        let mut options = Options { ours, ..options };
        if let Some(capture) = &mut options.capture {
            capture.alone = true;
        }
        let collected = self
            .collect(desk, &options, to)
            .map_err(|source| EvidenceError::Broke { left: None, source })?;
        Ok(Bundled { collected, signed_by: None, custody: Custody::NoCase })
    }

    fn collect(
        &self,
        desk: &Desk,
        options: &Options,
        to: &mut dyn Write,
    ) -> Result<Collected, PreserveError> {
        let live = Live::new();
        let own = digest::of_file(&live, Path::new("/proc/self/exe"), &[Digest::Sha256]);
        let entries = desk.case().ok().flatten().and_then(|case| case.entries().ok());
        let entries = entries.unwrap_or_default();
        let head = entries.last().map(|entry| format!("{} {}", entry.head.n, entry.head.hash));
        let about = stanch_preserve::About {
            tool: desk.tool.clone(),
            tool_sha256: own.ok().and_then(|digests| digests.into_iter().next()),
            who: desk.who.clone(),
            host: self.host_name(),
            case_head: head,
            notes: entries.iter().filter_map(note).collect(),
        };
        stanch_preserve::collect(&self.snapshot, options, &about, to)
    }

    /// Records in the case, if one is open or named.
    fn enter(&self, desk: &Desk, what: &str, body: serde_json::Value) -> Custody {
        let case = match desk.case() {
            Ok(None) => return Custody::NoCase,
            Ok(Some(case)) => case,
            Err(error) => return Custody::Missed(unrecorded(&desk.cases, &error)),
        };
        let now = self.snapshot.host().machine().now();
        let record = desk.record(now, what, body);
        match desk.write(&case, now).and_then(|mut ledger| ledger.append(&record)) {
            Ok(entry) => Custody::Recorded(entry.head.n),
            Err(error) => Custody::Missed(unrecorded(case.folder(), &error)),
        }
    }
}

/// Returns what is missing where a case took no record.
fn unrecorded(folder: &Path, error: &LedgerError) -> Gap {
    let (kind, detail) = match error {
        LedgerError::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
            (GapKind::Denied, source.to_string())
        }
        LedgerError::Io { source, .. } => (GapKind::Failed, source.to_string()),
        LedgerError::Chain { .. } => (GapKind::Damaged, error.to_string()),
        LedgerError::InUse { .. } | LedgerError::Record { .. } | LedgerError::Uncertain { .. } => {
            (GapKind::Failed, error.to_string())
        }
    };
    Gap::new("case", kind, detail).at(folder.to_string_lossy())
}

/// Returns the file that is being written, by device and inode.
pub(crate) fn ours(file: &std::fs::File) -> Vec<(u64, u64)> {
    use std::os::fd::AsRawFd as _;
    let own = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
    let stat = Live::new().stat(&own);
    stat.map(|stat| (stat.device, stat.inode)).into_iter().collect()
}

fn note(entry: &Entry) -> Option<(String, String, String)> {
    let text = entry.body.get("text").filter(|_| entry.what == NOTE)?.as_str()?;
    Some((entry.time.clone(), entry.who.clone(), text.to_owned()))
}

/// Writes a person's words into the case; returns the number of the entry.
///
/// # Errors
/// [`LedgerError`] if the ledger does not take it.
pub fn take_note(desk: &Desk, text: &str) -> Result<u64, LedgerError> {
    let now = Live::new().now();
    let case = desk.case_to_write(now)?;
    let mut ledger = desk.write(&case, now)?;
    let record = desk.record(now, NOTE, serde_json::json!({ "text": text }));
    Ok(ledger.append(&record)?.head.n)
}

/// Verifies a bundle in a file.
///
/// # Errors
/// [`EvidenceError`] if it cannot be read, is no bundle, or a key is none.
pub fn verify_bundle(path: &Path, with: &VerifyWith) -> Result<BundleVerified, EvidenceError> {
    let mut file = kept::open(path).map_err(EvidenceError::Open)?;
    verify(&mut file, Some(path), with)
}

/// Verifies a bundle that comes through a pipe.
///
/// # Errors
/// As [`verify_bundle`].
pub fn verify_stream(
    from: &mut dyn Read,
    with: &VerifyWith,
) -> Result<BundleVerified, EvidenceError> {
    verify(from, None, with)
}

fn verify(
    from: &mut dyn Read,
    path: Option<&Path>,
    with: &VerifyWith,
) -> Result<BundleVerified, EvidenceError> {
    let read = &mut |from: &mut dyn Read| {
        stanch_preserve::verify(from).map(|verified| Told { verified, ..Told::default() })
    };
    Ok(told(from, path, with, read)?.0)
}

/// What a bundle and the case tell of evidence.
#[derive(Clone, Debug)]
pub struct EvidenceList {
    /// What of the bundle holds.
    pub bundle: BundleVerified,
    /// Everything that was taken, in its order.
    pub items: Vec<Item>,
    /// What people did and noted, up to the seal.
    pub custody: Vec<Entry>,
    /// What people noted in the case afterwards.
    pub later: Vec<Entry>,
}

/// Lists what a bundle holds, and who had it in hand.
///
/// # Errors
/// As [`verify_bundle`]; [`EvidenceError::Case`] if the case that is named cannot be read.
pub fn list_bundle(
    desk: &Desk,
    path: &Path,
    with: &VerifyWith,
) -> Result<EvidenceList, EvidenceError> {
    let mut file = kept::open(path).map_err(EvidenceError::Open)?;
    let read = &mut |from: &mut dyn Read| stanch_preserve::list(from);
    let (bundle, items, custody) = told(&mut file, Some(path), with, read)?;
    let case = match desk.named {
        // The case opened last may be another's: only one that is named speaks of this bundle.
        Some(_) => desk.case().map_err(EvidenceError::Case)?,
        None => None,
    };
    let entries = case.map(|case| case.entries()).transpose().map_err(EvidenceError::Case)?;
    let head = bundle.verified.seal.as_ref().and_then(|seal| seal.case_head.clone());
    let before = head.and_then(|head| head.split(' ').next()?.parse::<u64>().ok()).unwrap_or(0);
    let is_later = |entry: &Entry| entry.head.n > before && entry.what == NOTE;
    let later = entries.into_iter().flatten().filter(is_later).collect();
    Ok(EvidenceList { bundle, items, custody, later })
}

/// Keeps a list in a file, which must not be there yet.
///
/// # Errors
/// [`EvidenceError::Kept`] if it cannot be written.
pub fn keep_list(to: &Path, bytes: &[u8]) -> Result<(), EvidenceError> {
    kept::keep(to, bytes, Older::Refused).map_err(EvidenceError::Kept)
}

/// Writes the request for a time stamp over the seal of a bundle that holds, into a file that must
/// not be there yet.
///
/// # Errors
/// As [`verify_bundle`]; [`EvidenceError::NotWhole`] if it does not hold.
pub fn request_stamp(path: &Path, to: &Path) -> Result<BundleVerified, EvidenceError> {
    let bundle = verify_bundle(path, &VerifyWith::default())?;
    let (true, (Some(sha256), _)) = (bundle.verified.holds(), bundle.verified.digests) else {
        return Err(EvidenceError::NotWhole);
    };
    let random = kept::unguessable().map_err(EvidenceError::Read)?;
    let nonce = random.first_chunk().copied().unwrap_or_default();
    let request = stanch_preserve::stamp_request(sha256, nonce);
    kept::keep(to, &request, Older::Refused).map_err(EvidenceError::Kept)?;
    Ok(bundle)
}

type Reading<'r> = dyn FnMut(&mut dyn Read) -> io::Result<Told> + 'r;

fn told(
    from: &mut dyn Read,
    path: Option<&Path>,
    with: &VerifyWith,
    read: &mut Reading<'_>,
) -> Result<(BundleVerified, Vec<Item>, Vec<Entry>), EvidenceError> {
    let small = |path: &Path| kept::read_small(path).map_err(EvidenceError::Open);
    let refused = |path: &Path| {
        let path = path.to_owned();
        move |source| EvidenceError::Signature { path, source }
    };
    let beside = path.map(|path| kept::named(path, kept::SIGNATURE));
    let at = with.signature.clone().or(beside);
    let key = match &with.public_key {
        Some(path) => Some(PublicKey::parse(&small(path)?).map_err(refused(path))?),
        None => None,
    };
    // A key without a signature must not end as verified: told before all is read.
    let signature = match (&key, &at) {
        (Some(_), Some(at)) => Some(small(at)?),
        (Some(_), None) => {
            let path = PathBuf::from("-");
            return Err(EvidenceError::Signature { path, source: SignatureError::NoSignature });
        }
        (None, _) => None,
    };
    let digesting = Arc::new(Mutex::new(Digesting::default()));
    let mut noting = Noting { from, digesting: Arc::clone(&digesting) };
    let Told { verified, items, custody } = read(&mut noting).map_err(EvidenceError::Read)?;
    let (mut signed, mut wrong) = (Signed::No, None);
    match (key, signature) {
        (Some(key), Some(signature)) => match key.verify(&signature, &digest_of(&digesting)) {
            Ok(comment) => signed = Signed::By { key: key.id(), comment },
            Err(error) => wrong = Some(error),
        },
        _ if at.is_some_and(|at| kept::open(&at).is_ok()) => signed = Signed::NotVerified,
        _ => {}
    }
    Ok((BundleVerified { verified, signed, refused: wrong }, items, custody))
}
