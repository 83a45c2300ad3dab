//! A repository's files in a folder: laid out as restic does, written whole or not at all.
//!
//! Source of the layout: restic's `doc/design.rst`, "Repository Layout".
//!
//! Once a write has failed, every later one fails: the library goes on with the next file when it
//! could not store one, and a snapshot that lacks it must not come about.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustic_core::{
    BytesList, ErrorKind, FileType, Id, ReadBackend, RusticError, RusticResult, WriteBackend,
};

use crate::RestoreError;

/// The largest file of a repository that is read whole: keys, snapshots and indexes are small, and
/// a pack is read whole by nobody.
const LARGEST: u64 = 256 << 20;

/// What went wrong with a file, kept because the library's errors lose its kind.
#[derive(Debug, Default)]
pub(crate) struct Troubles {
    read: Mutex<Option<(PathBuf, io::Error)>>,
    write: Mutex<Option<(PathBuf, io::Error)>>,
}

impl Troubles {
    fn note(&self, at: &Mutex<Option<(PathBuf, io::Error)>>, path: &Path, error: &io::Error) {
        let copy = error.raw_os_error().map_or_else(
            || io::Error::new(error.kind(), error.to_string()),
            io::Error::from_raw_os_error,
        );
        let mut first = at.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert_with(|| (path.to_owned(), copy));
    }

    /// Takes the first failure of a write.
    pub(crate) fn written(&self) -> Option<RestoreError> {
        Self::take(&self.write)
    }

    /// Takes the first failure of a read.
    pub(crate) fn read(&self) -> Option<RestoreError> {
        Self::take(&self.read)
    }

    fn take(from: &Mutex<Option<(PathBuf, io::Error)>>) -> Option<RestoreError> {
        let (path, source) = from.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        Some(RestoreError::Store { path, source })
    }

    fn has_written_badly(&self) -> bool {
        self.write.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }
}

/// What the library sees in place of snapshots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shows {
    /// Snapshots.
    Snapshots,
    /// Locks: the library does not know them, but deciphers what it is given.
    Locks,
}

/// A repository's folder.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    root: PathBuf,
    shows: Shows,
    troubles: Arc<Troubles>,
}

impl Folder {
    pub(crate) fn new(root: &Path, shows: Shows, troubles: &Arc<Troubles>) -> Self {
        Self { root: root.to_owned(), shows, troubles: Arc::clone(troubles) }
    }

    fn folder(&self, of: FileType) -> PathBuf {
        match (of, self.shows) {
            (FileType::Snapshot, Shows::Locks) => self.root.join("locks"),
            (of, _) => self.root.join(of.dirname()),
        }
    }

    fn path(&self, of: FileType, id: &Id) -> PathBuf {
        let name = id.to_hex();
        match of {
            FileType::Config => self.root.join("config"),
            FileType::Pack => {
                let first = name.as_str().get(..2).unwrap_or_default();
                self.root.join("data").join(first).join(name.as_str())
            }
            _ => self.folder(of).join(name.as_str()),
        }
    }

    fn read_failed(&self, path: &Path, error: io::Error) -> Box<RusticError> {
        self.troubles.note(&self.troubles.read, path, &error);
        RusticError::with_source(ErrorKind::Backend, "reading `{path}`", error)
            .attach_context("path", path.display().to_string())
    }

    fn write_failed(&self, path: &Path, error: io::Error) -> Box<RusticError> {
        self.troubles.note(&self.troubles.write, path, &error);
        RusticError::with_source(ErrorKind::Backend, "writing `{path}`", error)
            .attach_context("path", path.display().to_string())
    }

    /// Lists one folder: names that are no ids are not the repository's.
    fn listed(&self, folder: &Path, all: &mut Vec<(Id, u32)>) -> io::Result<()> {
        let entries = match fs::read_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            other => other?,
        };
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let id = name.to_str().filter(|name| name.len() == 64).map(str::parse::<Id>);
            let Some(Ok(id)) = id else { continue };
            let size = match entry.metadata() {
                // Somebody pruned it meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                other => other?.len(),
            };
            all.push((id, u32::try_from(size).unwrap_or(u32::MAX)));
        }
        Ok(())
    }
}

/// Reads a file that cannot be longer than a cap.
pub(crate) fn read_capped(path: &Path, cap: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(cap.saturating_add(1)).read_to_end(&mut bytes)?;
    match u64::try_from(bytes.len()).is_ok_and(|length| length <= cap) {
        true => Ok(bytes),
        false => Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than such a file is")),
    }
}

/// Writes a file whole or not at all, and makes it last.
pub(crate) fn write_whole(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let mut partial = name.to_owned();
    partial.push(format!("-tmp-{}", std::process::id()));
    let partial = folder.join(partial);
    let made = (|| {
        let mut file = File::create(&partial)?;
        for part in parts {
            file.write_all(part)?;
        }
        file.sync_all()?;
        fs::rename(&partial, path)?;
        File::open(folder)?.sync_all()
    })();
    if made.is_err() {
        // What is left half-written has no name that anybody reads.
        drop(fs::remove_file(&partial));
    }
    made
}

impl ReadBackend for Folder {
    fn location(&self) -> String {
        self.root.display().to_string()
    }

    fn list_with_size(&self, of: FileType) -> RusticResult<Vec<(Id, u32)>> {
        let mut all = Vec::new();
        if of == FileType::Config {
            let path = self.root.join("config");
            match fs::metadata(&path) {
                Ok(about) => {
                    all.push((Id::default(), u32::try_from(about.len()).unwrap_or(u32::MAX)));
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(self.read_failed(&path, error)),
            }
            return Ok(all);
        }
        let folder = self.folder(of);
        let failed = |error| self.read_failed(&folder, error);
        if of == FileType::Pack {
            for first in 0..=u8::MAX {
                self.listed(&folder.join(format!("{first:02x}")), &mut all).map_err(failed)?;
            }
        } else {
            self.listed(&folder, &mut all).map_err(failed)?;
        }
        Ok(all)
    }

    fn read_full(&self, of: FileType, id: &Id) -> RusticResult<bytes::Bytes> {
        let path = self.path(of, id);
        let bytes = read_capped(&path, LARGEST).map_err(|error| self.read_failed(&path, error))?;
        Ok(bytes.into())
    }

    fn read_partial(
        &self,
        of: FileType,
        id: &Id,
        _cacheable: bool,
        offset: u32,
        length: u32,
    ) -> RusticResult<bytes::Bytes> {
        let path = self.path(of, id);
        let read = || {
            let mut file = File::open(&path)?;
            file.seek(SeekFrom::Start(offset.into()))?;
            let mut bytes = Vec::new();
            file.take(length.into()).read_to_end(&mut bytes)?;
            match u32::try_from(bytes.len()) == Ok(length) {
                true => Ok(bytes),
                false => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it is cut short")),
            }
        };
        Ok(read().map_err(|error| self.read_failed(&path, error))?.into())
    }

    fn warmup_path(&self, of: FileType, id: &Id) -> String {
        self.path(of, id).display().to_string()
    }
}

impl WriteBackend for Folder {
    fn create(&self) -> RusticResult<()> {
        let mut folders: Vec<PathBuf> = ["keys", "snapshots", "index", "locks"]
            .iter()
            .map(|name| self.root.join(name))
            .collect();
        folders.extend((0..=u8::MAX).map(|n| self.root.join("data").join(format!("{n:02x}"))));
        for folder in folders {
            use std::os::unix::fs::DirBuilderExt as _;
            let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder);
            made.map_err(|error| self.write_failed(&folder, error))?;
        }
        Ok(())
    }

    fn write_bytes(
        &self,
        of: FileType,
        id: &Id,
        _cacheable: bool,
        content: BytesList,
    ) -> RusticResult<()> {
        let path = self.path(of, id);
        if self.troubles.has_written_badly() {
            let earlier = io::Error::other("an earlier write failed");
            return Err(RusticError::with_source(ErrorKind::Backend, "not written", earlier));
        }
        let parts: Vec<&[u8]> = content.slice().iter().map(AsRef::as_ref).collect();
        write_whole(&path, &parts).map_err(|error| self.write_failed(&path, error))
    }

    fn remove(&self, of: FileType, id: &Id, _cacheable: bool) -> RusticResult<()> {
        // Nothing that we ask of the library removes anything; an append-only store would refuse.
        let path = self.path(of, id);
        Err(self.write_failed(&path, io::ErrorKind::PermissionDenied.into()))
    }
}
