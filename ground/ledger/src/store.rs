//! The file that holds a ledger: locked, appended to, synced before an entry counts.
//!
//! ```text
//!  append: write the line in one go → fsync → the entry is acknowledged
//!          ↳ any failure: no further append (what is on disk is no longer known)
//!  open:   lock → check the chain → a torn last line moves to NAME.torn-N, and an entry says so
//! ```

use std::fs::{File, OpenOptions};
use std::io::{BufReader, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, OFlags, flock};

use crate::chain::{self, ChainError, LONGEST_LINE};
use crate::format::v1;
use crate::{Checked, Entry, Head, Record, Vault};

/// How many torn lines are kept beside one ledger before opening it is refused.
const MOST_TORN: u32 = 1000;

/// Why the ledger could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// A step on the file system failed.
    #[error("{doing} `{path}`")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// To which file.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// Another process has it open for writing.
    #[error("the ledger `{path}` is in use by another process")]
    InUse {
        /// The ledger.
        path: PathBuf,
    },
    /// Its chain does not hold; nothing is appended to a broken chain.
    #[error("the ledger `{path}` does not hold")]
    Chain {
        /// The ledger.
        path: PathBuf,
        /// Where and why.
        source: ChainError,
    },
    /// The record cannot be written in this format.
    #[error("the record cannot be written: {why}")]
    Record {
        /// Why.
        why: String,
    },
    /// An earlier append failed, so that what is on disk is not known. Open the ledger anew.
    #[error("an earlier write to the ledger `{path}` failed")]
    Uncertain {
        /// The ledger.
        path: PathBuf,
    },
}

/// An open ledger, locked for this process until dropped.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    file: File,
    head: Head,
    uncertain: bool,
}

impl Ledger {
    /// Creates an empty ledger, readable by its owner alone.
    ///
    /// # Errors
    /// [`LedgerError`] if there is one already, or the file cannot be made durable.
    pub fn create(path: &Path) -> Result<Self, LedgerError> {
        let file = options()
            .create_new(true)
            .mode(0o600)
            .open(path)
            .map_err(|source| io("creating the ledger", path, source))?;
        lock(&file, path)?;
        file.sync_all().map_err(|source| io("syncing the ledger", path, source))?;
        sync_directory(path)?;
        Ok(Self { path: path.to_owned(), file, head: Head::none(), uncertain: false })
    }

    /// Opens a ledger and checks all of it. A last line torn by a crash was never acknowledged:
    /// it is kept aside and an entry says where. `found` gives that entry its time, user and tool.
    ///
    /// # Errors
    /// [`LedgerError`] if it is in use, cannot be read, or its chain does not hold.
    pub fn open(path: &Path, found: &Record) -> Result<Self, LedgerError> {
        let mut file =
            options().open(path).map_err(|source| io("opening the ledger", path, source))?;
        lock(&file, path)?;
        let checked = chain::check(&mut BufReader::new(&file), &mut |_entry| {})
            .map_err(|source| LedgerError::Chain { path: path.to_owned(), source })?;
        if !checked.torn.is_empty() {
            let aside = keep_aside(path, &checked.torn)?;
            file.set_len(checked.bytes)
                .and_then(|()| file.sync_all())
                .map_err(|source| io("cutting the torn line off", path, source))?;
            file.seek(SeekFrom::End(0)).map_err(|source| io("seeking in", path, source))?;
            let mut ledger =
                Self { path: path.to_owned(), file, head: checked.head, uncertain: false };
            ledger.append(&torn(found, &aside, &checked.torn))?;
            return Ok(ledger);
        }
        Ok(Self { path: path.to_owned(), file, head: checked.head, uncertain: false })
    }

    /// Appends a record. When this returns, the entry is on disk.
    ///
    /// # Errors
    /// [`LedgerError`] if the record does not fit the format, or writing or syncing fails; then
    /// nothing more can be appended until the ledger is opened anew.
    pub fn append(&mut self, record: &Record) -> Result<Entry, LedgerError> {
        if self.uncertain {
            return Err(LedgerError::Uncertain { path: self.path.clone() });
        }
        let (line, entry) =
            v1::write(record, &self.head).map_err(|why| LedgerError::Record { why })?;
        if line.len() > LONGEST_LINE {
            let why = format!("{} bytes, more than {LONGEST_LINE}", line.len());
            return Err(LedgerError::Record { why });
        }
        self.uncertain = true;
        self.file
            .write_all(&line)
            .map_err(|source| io("writing to the ledger", &self.path, source))?;
        // After a failed fsync the kernel may have dropped the page and report success the next
        // time (fsync(2), "NOTES"), so there is no second try.
        self.file.sync_data().map_err(|source| io("syncing the ledger", &self.path, source))?;
        self.uncertain = false;
        self.head = entry.head.clone();
        Ok(entry)
    }

    /// Returns the last place of the chain, to be kept elsewhere.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// Returns the vault of exhibits that lies beside it.
    pub fn vault(&self) -> Vault {
        Vault::beside(&self.path)
    }

    /// Returns where the ledger is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Checks a ledger without locking or changing it, handing out each entry.
///
/// # Errors
/// [`LedgerError`] if it cannot be read or its chain does not hold.
pub fn verify(path: &Path, each: &mut dyn FnMut(Entry)) -> Result<Checked, LedgerError> {
    let flags = OFlags::NOFOLLOW.union(OFlags::NONBLOCK).bits().cast_signed();
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)
        .map_err(|source| io("opening the ledger", path, source))?;
    chain::check(&mut BufReader::new(file), each)
        .map_err(|source| LedgerError::Chain { path: path.to_owned(), source })
}

/// A symlink or FIFO planted in the place of the ledger is refused, not followed or waited for.
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    let flags = OFlags::NOFOLLOW.union(OFlags::NONBLOCK).bits().cast_signed();
    options.read(true).append(true).custom_flags(flags);
    options
}

pub(crate) fn io(doing: &'static str, path: &Path, source: std::io::Error) -> LedgerError {
    LedgerError::Io { doing, path: path.to_owned(), source }
}

fn lock(file: &File, path: &Path) -> Result<(), LedgerError> {
    use rustix::io::Errno;
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(()),
        Err(Errno::WOULDBLOCK) => Err(LedgerError::InUse { path: path.to_owned() }),
        Err(errno) => Err(io("locking the ledger", path, errno.into())),
    }
}

/// A new name in a directory is durable only when the directory is (fsync(2)).
pub(crate) fn sync_directory(path: &Path) -> Result<(), LedgerError> {
    let parent = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    File::open(parent)
        .and_then(|directory| directory.sync_all())
        .map_err(|source| io("syncing the directory", parent, source))
}

/// Writes a torn line into a file of its own beside the ledger and returns its path.
fn keep_aside(path: &Path, torn: &[u8]) -> Result<PathBuf, LedgerError> {
    for number in 1..=MOST_TORN {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".torn-{number}"));
        let aside = PathBuf::from(name);
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside);
        let mut file = match made {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => continue,
            made => made.map_err(|source| io("keeping a torn line in", &aside, source))?,
        };
        file.write_all(torn)
            .and_then(|()| file.sync_all())
            .map_err(|source| io("keeping a torn line in", &aside, source))?;
        sync_directory(&aside)?;
        return Ok(aside);
    }
    let why = std::io::Error::other(format!("{MOST_TORN} torn lines are kept already"));
    Err(io("keeping a torn line beside", path, why))
}

/// The entry about a torn line that was kept aside.
fn torn(found: &Record, aside: &Path, torn: &[u8]) -> Record {
    let name = aside.file_name().map(std::ffi::OsStr::to_string_lossy).unwrap_or_default();
    let body = serde_json::json!({
        "kept_in": name,
        "bytes": torn.len(),
        "sha256": v1::digest(torn),
    });
    Record { what: "ledger.torn".to_owned(), body, ..found.clone() }
}
