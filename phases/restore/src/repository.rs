//! The seam to `rustic_core`: opens repositories, lists snapshots, and words what fails.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustic_core::repofile::{SnapshotFile, SnapshotId};
use rustic_core::{
    ConfigOptions, Credentials, KeyOptions, OpenStatus, RepositoryBackends, RepositoryOptions,
    RusticError,
};
use stanch_words::sealed::Sealed;
use stanch_words::text;

use crate::RestoreError;
use crate::folder::{Folder, Shows, Troubles, read_capped};

pub(crate) use rustic_core::Repository as Library;

/// The longest file of a password.
const PASSWORD: u64 = 64 << 10;

/// A repository's password.
#[derive(Clone, Debug)]
pub struct Password(Sealed<String>);

impl Password {
    /// Reads a password from a file; spaces and line ends around it are not part of it, as restic
    /// reads it.
    ///
    /// # Errors
    /// [`RestoreError::Password`] if it cannot be read, is empty or is no text.
    pub fn from_file(path: &Path) -> Result<Self, RestoreError> {
        let failed = |source| RestoreError::Password { path: path.to_owned(), source };
        let bytes = read_capped(path, PASSWORD).map_err(failed)?;
        let refused = |why| failed(io::Error::new(io::ErrorKind::InvalidData, why));
        let text = String::from_utf8(bytes).map_err(|_not_text| refused("it is no text"))?;
        match text.trim() {
            "" => Err(refused("it is empty")),
            password => Ok(Self(Sealed::new(password.to_owned()))),
        }
    }

    fn credentials(&self) -> Credentials {
        Credentials::password(self.0.open())
    }
}

/// A snapshot as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Its id, 64 hexadecimal digits.
    pub id: String,
    /// When it was made, by the clock of the machine that made it, RFC 3339 in UTC.
    pub time: String,
    /// The machine that it is of.
    pub host: String,
    /// What was backed up.
    pub paths: Vec<String>,
    /// Its tags.
    pub tags: Vec<String>,
    /// What made it.
    pub program: String,
    /// How many files it holds, if it says so.
    pub files: Option<u64>,
    /// How many bytes they have.
    pub bytes: Option<u64>,
    /// The snapshot before it.
    pub parent: Option<String>,
}

/// A repository whose password was right.
pub struct Repository {
    pub(crate) path: PathBuf,
    pub(crate) library: Library<OpenStatus>,
    pub(crate) troubles: Arc<Troubles>,
}

impl Repository {
    /// Makes a repository where nothing is yet. Returns its id.
    ///
    /// # Errors
    /// [`RestoreError`]; nothing that was there is touched.
    pub fn init(
        path: &Path,
        password: &Password,
        host: &str,
        who: &str,
    ) -> Result<Self, RestoreError> {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.map_err(|error| RestoreError::store(path, error))?;
        let mut entries = fs::read_dir(path).map_err(|error| RestoreError::store(path, error))?;
        if entries.next().is_some() {
            return Err(RestoreError::NotEmpty { path: path.to_owned() });
        }
        let troubles = Arc::default();
        let key = KeyOptions::default()
            .hostname(Some(host.to_owned()))
            .username(Some(who.to_owned()))
            .with_created(true);
        let config = ConfigOptions::default();
        let library = unopened(path, Shows::Snapshots, &troubles)?
            .init(&password.credentials(), &key, &config)
            .map_err(|error| failed(&error, &troubles))?;
        Ok(Self { path: path.to_owned(), library, troubles })
    }

    /// Opens a repository.
    ///
    /// # Errors
    /// [`RestoreError`] if there is none, the password is wrong, or it is damaged.
    pub fn open(path: &Path, password: &Password) -> Result<Self, RestoreError> {
        match fs::metadata(path.join("config")) {
            Ok(about) if about.is_file() => {}
            Err(error) if !is_absent(&error) => return Err(RestoreError::store(path, error)),
            _ => return Err(RestoreError::NoRepository { path: path.to_owned() }),
        }
        let troubles = Arc::default();
        let library = unopened(path, Shows::Snapshots, &troubles)?
            .open(&password.credentials())
            .map_err(|error| failed(&error, &troubles))?;
        Ok(Self { path: path.to_owned(), library, troubles })
    }

    /// Returns the repository's id.
    pub fn id(&self) -> String {
        self.library.config().id.to_string()
    }

    /// Returns where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Lists the snapshots, the oldest first.
    ///
    /// # Errors
    /// [`RestoreError`] if one cannot be read.
    pub fn snapshots(&self) -> Result<Vec<Snapshot>, RestoreError> {
        Ok(self.files()?.iter().map(shown).collect())
    }

    fn files(&self) -> Result<Vec<SnapshotFile>, RestoreError> {
        let all = self.library.get_all_snapshots();
        let mut all = all.map_err(|error| failed(&error, &self.troubles))?;
        all.sort_by(|a, b| a.time.cmp(&b.time).then_with(|| a.id.cmp(&b.id)));
        Ok(all)
    }

    /// Returns the snapshot that is called so: by the beginning of its id, or `latest`.
    pub(crate) fn snapshot(&self, called: &str) -> Result<SnapshotFile, RestoreError> {
        let mut all = self.files()?;
        let none = || RestoreError::NoSnapshot { id: called.to_owned() };
        if called == "latest" {
            return all.pop().ok_or_else(none);
        }
        if called.is_empty() || !called.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(none());
        }
        let called_low = called.to_ascii_lowercase();
        all.retain(|one| hex(one.id).starts_with(&called_low));
        match all.len() {
            1 => all.pop().ok_or_else(none),
            _ => Err(none()),
        }
    }

    /// Returns the library's view of the same repository once more: what it indexes, it uses up.
    pub(crate) fn again(&self, shows: Shows) -> Result<Library<OpenStatus>, RestoreError> {
        unopened(&self.path, shows, &self.troubles)?
            .open(&Credentials::Masterkey(self.library.key()))
            .map_err(|error| failed(&error, &self.troubles))
    }
}

pub(crate) fn hex(id: SnapshotId) -> String {
    id.to_hex().as_str().to_owned()
}

pub(crate) fn shown(file: &SnapshotFile) -> Snapshot {
    let summary = file.summary.as_ref();
    let words = |list: &rustic_core::StringList| -> Vec<String> {
        list.iter().map(ToString::to_string).collect()
    };
    Snapshot {
        id: hex(file.id),
        time: file.time.timestamp().to_string(),
        host: file.hostname.clone(),
        paths: words(&file.paths),
        tags: words(&file.tags),
        program: file.program_version.clone(),
        files: summary.map(|summary| summary.total_files_processed),
        bytes: summary.map(|summary| summary.total_bytes_processed),
        parent: file.parent.map(hex),
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// No cache: it would be a second place that tells of the repository, on the suspect machine.
fn unopened(
    path: &Path,
    shows: Shows,
    troubles: &Arc<Troubles>,
) -> Result<Library<()>, RestoreError> {
    let backends = RepositoryBackends::new(Arc::new(Folder::new(path, shows, troubles)), None);
    Library::new(&RepositoryOptions::default().no_cache(true), &backends)
        .map_err(|error| failed(&error, troubles))
}

/// Words what the library says; what befell a file is told as it was.
pub(crate) fn failed(error: &RusticError, troubles: &Troubles) -> RestoreError {
    if let Some(trouble) = troubles.written().or_else(|| troubles.read()) {
        return trouble;
    }
    if error.is_incorrect_password() {
        return RestoreError::WrongPassword;
    }
    let what = said(error);
    match error.is_code("C001") || what.contains("code: C001") {
        true => RestoreError::Damaged { what },
        false => RestoreError::Library { what },
    }
}

/// Returns an error of the library in one line.
pub(crate) fn said(error: &RusticError) -> String {
    let log = error.display_log();
    let log = log.strip_prefix("Error: ").unwrap_or(&log);
    text::escaped(&log.split_whitespace().collect::<Vec<_>>().join(" "))
}
