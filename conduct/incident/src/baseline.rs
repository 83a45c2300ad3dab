//! A baseline of the files of a machine: made, kept, signed, and compared with.

use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex};

use stanch_facts::Snapshot;
use stanch_facts::baseline::{
    self, Collected, Compared, Damage, Digest, Ended, Explained, Given, Header, Item, NAME, Owners,
    Reader, Scope, WriteError, Writer,
};
use stanch_ledger::LedgerError;
use stanch_ledger::kept::{self, Keeping, Older};
use stanch_ledger::signature::{Digesting, PublicKey, SecretKey, SignatureError};
use stanch_words::{Gap, Seen};

use crate::Incident;

/// How much of a baseline that comes through a pipe is held.
const THROUGH_A_PIPE: u64 = 4 << 30;

/// Why a baseline could not be made or used.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// A file of ours could not be read or written.
    #[error("a file could not be kept")]
    Kept(#[from] LedgerError),
    /// It does not hold.
    #[error("the baseline does not hold")]
    Damage(#[from] Damage),
    /// It could not be written.
    #[error("the baseline could not be written")]
    Write(#[from] WriteError),
    /// A key or signature is refused.
    #[error("`{path}` is refused")]
    Signature {
        /// The key or the signature.
        path: PathBuf,
        /// Why.
        source: SignatureError,
    },
    /// Too much did not answer.
    #[error("too much of the machine did not answer")]
    GaveUp,
    /// It is another file now than the one that was verified.
    #[error("the baseline changed while it was read")]
    ChangedMeanwhile,
    /// What came through a pipe could not be read.
    #[error("standard input could not be read")]
    Pipe(#[source] io::Error),
}

/// Who vouches for a baseline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signed {
    /// A key that was given.
    By {
        /// Its id.
        key: String,
        /// What was signed with it.
        comment: String,
    },
    /// There is a signature, but no key was given to verify it with.
    NotVerified,
    /// Nobody.
    No,
}

/// A baseline of which every byte was read and holds.
#[derive(Clone, Debug)]
pub struct Verified {
    /// What it says of itself.
    pub header: Header,
    /// What is known at its end.
    pub ended: Ended,
    /// Who vouches for it.
    pub signed: Signed,
    source: Source,
}

/// Where a baseline is.
#[derive(Clone, Debug)]
enum Source {
    File(PathBuf),
    Memory(Arc<[u8]>),
}

impl Source {
    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        match self {
            Self::File(path) => {
                let file = kept::open(path).map_err(io::Error::other)?;
                Ok(Box::new(BufReader::with_capacity(1 << 18, file)))
            }
            Self::Memory(bytes) => Ok(Box::new(io::Cursor::new(Arc::clone(bytes)))),
        }
    }
}

/// What a baseline is verified with.
#[derive(Clone, Debug, Default)]
pub struct VerifyWith {
    /// A file with the public key of minisign.
    pub public_key: Option<PathBuf>,
    /// The signature, if it is not beside the baseline.
    pub signature: Option<PathBuf>,
}

/// Reads every byte of a baseline, verifies its links and, with a key, its signature.
///
/// # Errors
/// [`BaselineError`] if it cannot be read, does not hold, or is not signed by that key.
pub fn open_baseline(path: &Path, with: &VerifyWith) -> Result<Verified, BaselineError> {
    verify(Source::File(path.to_owned()), with)
}

/// Does the same with one that comes through a pipe. It is held in memory, packed as it is: it is
/// read twice, and nothing is written to a machine that is looked at.
///
/// # Errors
/// As [`open_baseline`].
pub fn take_baseline(from: &mut dyn Read, with: &VerifyWith) -> Result<Verified, BaselineError> {
    let mut bytes = Vec::new();
    from.take(THROUGH_A_PIPE).read_to_end(&mut bytes).map_err(BaselineError::Pipe)?;
    verify(Source::Memory(bytes.into()), with)
}

fn verify(source: Source, with: &VerifyWith) -> Result<Verified, BaselineError> {
    if let Source::File(path) = &source {
        // A file that is not there is told by its own name.
        drop(kept::open(path)?);
    }
    let beside = match &source {
        Source::File(path) => Some(kept::named(path, kept::SIGNATURE)),
        Source::Memory(_) => None,
    };
    let digesting = Arc::new(Mutex::new(Digesting::default()));
    let from = source.open().map_err(|error| BaselineError::Damage(Damage::Unread(error)))?;
    let read =
        Reader::open(Noting { from, digesting: Arc::clone(&digesting) }).and_then(|mut reader| {
            while reader.next()?.is_some() {}
            Ok((reader.header().clone(), reader.ended().cloned().unwrap_or_default()))
        });
    let signed = match &with.public_key {
        Some(public_key) => {
            // Whether it was signed counts more than what is wrong with it.
            if let Err(damage) = read {
                return Err(damage.into());
            }
            let key = PublicKey::parse(&kept::read_small(public_key)?)
                .map_err(|source| BaselineError::Signature { path: public_key.clone(), source })?;
            let signature = with.signature.clone().or(beside).unwrap_or_default();
            let text = kept::read_small(&signature)?;
            let digest = digest_of(&digesting);
            let comment = key
                .verify(&text, &digest)
                .map_err(|source| BaselineError::Signature { path: signature, source })?;
            Signed::By { key: key.id(), comment }
        }
        None => match beside.or_else(|| with.signature.clone()) {
            Some(signature) if kept::open(&signature).is_ok() => Signed::NotVerified,
            _ => Signed::No,
        },
    };
    let (header, ended) = read?;
    Ok(Verified { header, ended, signed, source })
}

pub(crate) fn digest_of(digesting: &Mutex<Digesting>) -> [u8; 64] {
    let digesting = digesting.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    digesting.clone().finish()
}

/// Notes what passes by.
pub(crate) struct Noting<T> {
    pub(crate) from: T,
    pub(crate) digesting: Arc<Mutex<Digesting>>,
}

impl<T> Noting<T> {
    fn note(&self, bytes: &[u8]) {
        let digesting = self.digesting.lock();
        digesting.unwrap_or_else(std::sync::PoisonError::into_inner).update(bytes);
    }
}

impl<T: Read> Read for Noting<T> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let length = self.from.read(room)?;
        self.note(room.get(..length).unwrap_or_default());
        Ok(length)
    }
}

impl<T: Write> Write for Noting<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.from.write(bytes)?;
        self.note(bytes.get(..length).unwrap_or_default());
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.from.flush()
    }
}

/// A baseline that was made.
#[derive(Clone, Debug)]
pub struct Made {
    /// What it says of itself.
    pub header: Header,
    /// What is known at its end.
    pub ended: Ended,
    /// The name that the one before it has now.
    pub older: Option<PathBuf>,
    /// The id of the key that signed it.
    pub signed_by: Option<String>,
    /// Its digest, to be signed.
    digest: [u8; 64],
}

/// Where a baseline goes, and who signs it.
#[derive(Clone, Debug)]
pub struct KeepAs<'a> {
    /// The file.
    pub path: &'a Path,
    /// What becomes of one of that name.
    pub older: Older,
    /// The secret key that signs.
    pub sign: Option<&'a Path>,
}

/// Reads a secret key.
pub(crate) fn secret_key(path: &Path) -> Result<SecretKey, BaselineError> {
    SecretKey::parse(&kept::read_small(path)?)
        .map_err(|source| BaselineError::Signature { path: path.to_owned(), source })
}

/// Makes a pair of keys: the secret one at a path, the public one beside it with `.pub` added.
/// Returns the path of the public one and the key's id.
///
/// # Errors
/// [`BaselineError`] if a name is taken or cannot be written.
pub fn make_keys(path: &Path) -> Result<(PathBuf, String), BaselineError> {
    let random = kept::unguessable().map_err(BaselineError::Pipe)?;
    let secret = SecretKey::of_random(&random);
    let public = kept::named(path, ".pub");
    kept::keep(&public, secret.public().text().as_bytes(), Older::Refused)?;
    kept::keep(path, secret.text().as_bytes(), Older::Refused)?;
    Ok((public, secret.public().id()))
}

/// Signs a baseline that is there already; every byte of it is read and has to hold.
///
/// # Errors
/// [`BaselineError`] if it does not hold, or the signature cannot be kept.
pub fn sign_baseline(path: &Path, sign: &Path) -> Result<(Verified, String), BaselineError> {
    let key = secret_key(sign)?;
    let verified = open_baseline(path, &VerifyWith::default())?;
    let mut digesting = Digesting::default();
    let mut from = verified.source.open().map_err(BaselineError::Pipe)?;
    let mut room = vec![0_u8; 1 << 16];
    loop {
        let length = from.read(&mut room).map_err(BaselineError::Pipe)?;
        if length == 0 {
            break;
        }
        digesting.update(room.get(..length).unwrap_or_default());
    }
    let comment = comment(&verified.header, &verified.ended.seal);
    let signature = key.sign(&digesting.finish(), &comment);
    let beside = kept::named(path, kept::SIGNATURE);
    kept::keep(&beside, signature.as_bytes(), Older::Refused)?;
    Ok((verified, key.public().id()))
}

/// Returns what is signed with the digest.
fn comment(header: &Header, seal: &Digest) -> String {
    let host = stanch_words::text::escaped(&header.host);
    let time = jiff::Timestamp::from_second(header.time).unwrap_or_default();
    format!("baseline of {host}, {time}, seal {}", stanch_words::text::hex(seal))
}

/// Returns nanoseconds since 1970 as RFC 3339, in UTC.
pub fn rfc3339(nanoseconds: i64) -> String {
    jiff::Timestamp::from_nanosecond(nanoseconds.into()).unwrap_or_default().to_string()
}

/// A comparison.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The differences, with what explains them.
    pub explained: Explained,
    /// How much was compared; its differences are in `explained`.
    pub compared: Compared,
    /// What could not be seen now.
    pub gaps: Vec<Gap>,
}

impl Incident {
    /// Returns the scope of a baseline: places as they are given, or the usual ones.
    pub fn baseline_scope(&self, given: Scope) -> (Scope, Vec<Gap>) {
        let host = self.snapshot.host();
        let mut gaps = Vec::new();
        let mut scope = given;
        if scope.roots.is_empty() {
            let (roots, except) = baseline::usual(host);
            scope.roots = roots;
            scope.except.extend(except);
            return (scope, gaps);
        }
        for root in &mut scope.roots {
            let resolved = host.machine().resolve(root);
            // What was named and is not there must not pass for covered.
            match resolved.and_then(|path| host.machine().lstat(&path).map(|_there| path)) {
                Ok(resolved) => *root = resolved,
                Err(miss) => {
                    gaps.push(Gap { kind: stanch_words::GapKind::Failed, ..miss.gap(NAME) })
                }
            }
        }
        (scope, gaps)
    }

    /// Makes a baseline and keeps it in a file.
    ///
    /// # Errors
    /// [`BaselineError`]; then there is no new file.
    pub fn keep_baseline(
        &self,
        scope: Scope,
        follows: Option<Digest>,
        keep: &KeepAs<'_>,
    ) -> Result<Made, BaselineError> {
        let key = keep.sign.map(secret_key).transpose()?;
        let mut keeping = Keeping::begin(keep.path, keep.older)?;
        let mut made = self.write_baseline(scope, follows, &mut keeping)?;
        made.older = keeping.finish(keep.older)?;
        if let Some(key) = key {
            let comment = comment(&made.header, &made.ended.seal);
            let signature = key.sign(&made.digest, &comment);
            let beside = kept::named(keep.path, kept::SIGNATURE);
            kept::keep(&beside, signature.as_bytes(), Older::Refused)?;
            made.signed_by = Some(key.public().id());
        }
        Ok(made)
    }

    /// Makes a baseline and writes it anywhere.
    ///
    /// # Errors
    /// [`BaselineError`]; what was written by then is torn, and is not taken for a baseline.
    pub fn write_baseline(
        &self,
        scope: Scope,
        follows: Option<Digest>,
        to: &mut dyn Write,
    ) -> Result<Made, BaselineError> {
        // One that follows another has its places from there, wherever they were taken from.
        let (scope, mut gaps) = match follows {
            Some(_older) => (scope, Vec::new()),
            None => self.baseline_scope(scope),
        };
        let host = self.snapshot.host();
        let header = Header {
            host: self.host_name(),
            time: host.machine().now(),
            tool: env!("CARGO_PKG_VERSION").to_owned(),
            place: host.machine().kind().to_owned(),
            scope,
            follows,
        };
        let digesting = Arc::new(Mutex::new(Digesting::default()));
        let noting = Noting { from: to, digesting: Arc::clone(&digesting) };
        let mut writer = Writer::begin(noting, &header)?;
        let scope = header.scope.clone();
        let (written, more) = walk(&self.snapshot, scope, Owners::Asked, |told| {
            told.items().try_for_each(|item| writer.push(&item))?;
            if told.is_whole() { Ok(()) } else { Err(BaselineError::GaveUp) }
        });
        written?;
        gaps.extend(more);
        let (_, ended) = writer.end(&gaps)?;
        let digest = digest_of(&digesting);
        Ok(Made { header, ended, older: None, signed_by: None, digest })
    }

    /// Compares the machine with a baseline.
    ///
    /// # Errors
    /// [`BaselineError`] if the baseline is another by now.
    pub fn check_baseline(&self, verified: &Verified) -> Result<Checked, BaselineError> {
        let from = verified.source.open();
        let from = from.map_err(|error| BaselineError::Damage(Damage::Unread(error)))?;
        let mut reader = Reader::open(from)?;
        let scope = verified.header.scope.clone();
        let scope = Scope { digests: scope.digests.quickest(), ..scope };
        let (compared, mut gaps) = walk(&self.snapshot, scope, Owners::LeftOut, |told| {
            baseline::compare(&mut reader, &mut told.items(), &|| told.is_whole())
        });
        let mut compared = compared?;
        if reader.ended().is_none_or(|ended| ended.seal != verified.ended.seal) {
            return Err(BaselineError::ChangedMeanwhile);
        }
        let differences = Arc::new(std::mem::take(&mut compared.differences));
        let (host, time) = (Arc::clone(self.snapshot.host()), verified.header.time);
        let (explained, more) = self.snapshot.watched(NAME, move || {
            let mut seen = Seen::default();
            let differences = differences.as_ref().clone();
            (baseline::explain(&host, time, differences, &mut seen), seen.gaps)
        });
        gaps.extend(more);
        let (explained, more) = explained.ok_or(BaselineError::GaveUp)?;
        gaps.extend(more);
        gaps.sort();
        gaps.dedup();
        Ok(Checked { explained, compared, gaps })
    }

    /// Gives the machine's tables a baseline, to be set against in detection.
    pub fn give_baseline(&self, verified: &Verified) {
        let source = verified.source.clone();
        self.snapshot.host().give(Arc::new(Given::new(move || source.open())));
    }
}

/// What a walk tells: items, and nothing at its end.
struct Walked {
    receiver: Receiver<Option<Vec<Item>>>,
    whole: Arc<AtomicBool>,
}

impl Walked {
    fn items(&self) -> impl Iterator<Item = Item> {
        self.receiver.iter().map_while(|told| told).flatten()
    }

    /// Returns whether all was told; asked once nothing more comes.
    fn is_whole(&self) -> bool {
        self.whole.load(Ordering::SeqCst)
    }
}

/// Walks under the machine's watch in a thread of its own, and has what it tells taken here. A walk
/// that hangs is left behind, and another goes on where it stood.
fn walk<T>(
    snapshot: &Arc<Snapshot>,
    scope: Scope,
    owners: Owners,
    take: impl FnOnce(&Walked) -> T,
) -> (T, Vec<Gap>) {
    let (sender, receiver) = sync_channel(64);
    let whole = Arc::new(AtomicBool::new(false));
    let collected = Arc::new(Collected::default());
    let walked = Walked { receiver, whole: Arc::clone(&whole) };
    std::thread::scope(|threads| {
        let theirs = Arc::clone(&collected);
        let walking = threads.spawn(move || {
            let (host, to) = (Arc::clone(snapshot.host()), sender.clone());
            let (done, gaps) = snapshot.watched(NAME, move || {
                let tell = |items| to.send(Some(items)).is_ok();
                baseline::collect(&host, &scope, owners, &theirs, &tell);
            });
            whole.store(done.is_some(), Ordering::SeqCst);
            // Who hangs holds a sender for ever: the end is told.
            let _nobody_listens = sender.send(None);
            gaps
        });
        let taken = take(&walked);
        // Whoever still walks finds that nobody listens.
        drop(walked);
        let mut gaps = collected.gaps();
        gaps.extend(walking.join().unwrap_or_default());
        (taken, gaps)
    })
}
