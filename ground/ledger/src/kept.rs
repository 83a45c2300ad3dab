//! A file that is kept: there is all of it under its name, or nothing.
//!
//! ```text
//!   NAME.writing-PID ─► synced ─► NAME        a name that is taken is refused, or
//!                                              NAME moves to NAME.1 (NAME.2, …) first
//! ```

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, OFlags, RenameFlags, renameat_with};

use crate::LedgerError;
use crate::store::{io, sync_directory};

/// How many older files are kept beside one name.
const MOST_OLD: u32 = 10_000;

/// A file that is being written, and that nobody but its owner may read.
#[derive(Debug)]
pub struct Keeping {
    to: BufWriter<File>,
    beside: PathBuf,
    path: PathBuf,
    done: bool,
}

/// What becomes of a file of that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Older {
    /// It stays, and nothing is written.
    Refused,
    /// It stays under another name.
    Renamed,
}

impl Keeping {
    /// Begins to write a file.
    ///
    /// # Errors
    /// [`LedgerError::Io`] if a file cannot be made beside that name; of kind `AlreadyExists` if
    /// the name is taken and `older` says that this is refused.
    pub fn begin(path: &Path, older: Older) -> Result<Self, LedgerError> {
        if older == Older::Refused && path.symlink_metadata().is_ok() {
            let taken = io::Error::from(io::ErrorKind::AlreadyExists);
            return Err(io("writing", path, taken));
        }
        let beside = named(path, &format!(".writing-{}", std::process::id()));
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside);
        let file = made.map_err(|source| io("writing", path, source))?;
        let to = BufWriter::with_capacity(1 << 18, file);
        Ok(Self { to, beside, path: path.to_owned(), done: false })
    }

    /// Returns the file that is being written.
    pub fn file(&self) -> &File {
        self.to.get_ref()
    }

    /// Leaves what was written where it is, under the name that it has until it is whole; returns
    /// that name. For what is worth something even if it breaks off.
    pub fn leave(mut self) -> PathBuf {
        // What does not go any more was told when it was written.
        let _as_far_as_it_goes = self.to.flush();
        self.done = true;
        self.beside.clone()
    }

    /// Gives the file its name once it is safely on disk. Returns the name that an older file of
    /// that name has now.
    ///
    /// # Errors
    /// [`LedgerError::Io`]; then there is no file of ours, and the older one has its name.
    pub fn finish(mut self, older: Older) -> Result<Option<PathBuf>, LedgerError> {
        let path = self.path.clone();
        let failed = |source| io("writing", &path, source);
        self.to.flush().map_err(failed)?;
        self.to.get_ref().sync_all().map_err(failed)?;
        let kept = match older {
            Older::Refused => None,
            Older::Renamed => keep_older(&path)?,
        };
        // In one step, and without writing over anything.
        renameat_with(CWD, &self.beside, CWD, &path, RenameFlags::NOREPLACE).map_err(|errno| {
            // The older one has its name back; what is beside is taken away on drop.
            if let Some(kept) = &kept {
                let _stays_under_its_other_name = std::fs::rename(kept, &path);
            }
            failed(errno.into())
        })?;
        self.done = true;
        sync_directory(&path)?;
        Ok(kept)
    }
}

impl Write for Keeping {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.to.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

impl Drop for Keeping {
    fn drop(&mut self) {
        if !self.done {
            let _left_behind = std::fs::remove_file(&self.beside);
        }
    }
}

/// Writes a small file at once.
///
/// # Errors
/// [`LedgerError::Io`] as [`Keeping::begin`] and [`Keeping::finish`].
pub fn keep(path: &Path, bytes: &[u8], older: Older) -> Result<(), LedgerError> {
    let mut keeping = Keeping::begin(path, older)?;
    keeping.write_all(bytes).map_err(|source| io("writing", path, source))?;
    keeping.finish(older).map(|_older| ())
}

/// Moves a file of that name, with its signature, to the first number that is free.
fn keep_older(path: &Path) -> Result<Option<PathBuf>, LedgerError> {
    if path.symlink_metadata().is_err() {
        return Ok(None);
    }
    for number in 1..=MOST_OLD {
        let kept = named(path, &format!(".{number}"));
        match renameat_with(CWD, path, CWD, &kept, RenameFlags::NOREPLACE) {
            Ok(()) => {
                let signature = named(path, SIGNATURE);
                if signature.symlink_metadata().is_ok() {
                    std::fs::rename(&signature, named(&kept, SIGNATURE))
                        .map_err(|source| io("renaming", &signature, source))?;
                }
                return Ok(Some(kept));
            }
            Err(rustix::io::Errno::EXIST) => {}
            Err(errno) => return Err(io("renaming", path, errno.into())),
        }
    }
    let why = io::Error::other(format!("{MOST_OLD} older files are kept already"));
    Err(io("renaming", path, why))
}

/// What minisign adds to the name of a file that it signs.
pub const SIGNATURE: &str = ".minisig";

/// Returns a path with something added to its name.
pub fn named(path: &Path, more: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(more);
    PathBuf::from(name)
}

/// Opens a file that was kept. A pipe or device in its place is refused, not waited for.
///
/// # Errors
/// [`LedgerError::Io`] if it cannot be opened or is no regular file.
pub fn open(path: &Path) -> Result<File, LedgerError> {
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let failed = |source| io("reading", path, source);
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(failed)?;
    if !file.metadata().map_err(failed)?.is_file() {
        return Err(failed(io::Error::other("not a regular file")));
    }
    Ok(file)
}

/// Reads a small file.
///
/// # Errors
/// [`LedgerError::Io`] if it cannot be read or is larger than 64 KiB.
pub fn read_small(path: &Path) -> Result<String, LedgerError> {
    use std::io::Read as _;
    const LARGEST: u64 = 64 << 10;
    let mut bytes = Vec::new();
    let read = open(path)?.take(LARGEST.saturating_add(1)).read_to_end(&mut bytes);
    read.map_err(|source| io("reading", path, source))?;
    if bytes.len() as u64 > LARGEST {
        return Err(io("reading", path, io::Error::other("larger than 64 KiB")));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Returns 40 bytes that nobody can guess, for a new key.
///
/// # Errors
/// The system's, if it has none to give.
pub fn unguessable() -> io::Result<[u8; 40]> {
    let mut bytes = [0_u8; 40];
    let mut done = 0_usize;
    while let Some(room) = bytes.get_mut(done..).filter(|room| !room.is_empty()) {
        let got = rustix::rand::getrandom(room, rustix::rand::GetRandomFlags::empty());
        done = done.saturating_add(got?);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("stanch-{name}-{}", std::process::id()));
            std::fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn names(&self) -> Vec<String> {
            let entries = std::fs::read_dir(&self.0).unwrap();
            let mut names: Vec<String> =
                entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _left = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_file_is_there_whole_or_not_at_all_and_a_taken_name_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = Folder::new("kept");
        let path = folder.0.join("b");
        let mut keeping = Keeping::begin(&path, Older::Refused).unwrap();
        keeping.write_all(b"half").unwrap();
        drop(keeping);
        assert!(folder.names().is_empty());
        keep(&path, b"one", Older::Refused).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let refused = keep(&path, b"two", Older::Refused).unwrap_err();
        assert!(matches!(refused, LedgerError::Io { ref source, .. }
            if source.kind() == io::ErrorKind::AlreadyExists));
        assert_eq!(read_small(&path).unwrap(), "one");
    }

    #[test]
    fn an_older_file_stays_beside_with_its_signature() {
        let folder = Folder::new("older");
        let path = folder.0.join("b");
        keep(&path, b"one", Older::Refused).unwrap();
        keep(&named(&path, SIGNATURE), b"signed", Older::Refused).unwrap();
        keep(&path, b"two", Older::Renamed).unwrap();
        keep(&path, b"three", Older::Renamed).unwrap();
        assert_eq!(folder.names(), ["b", "b.1", "b.1.minisig", "b.2"]);
        let read = |name: &str| read_small(&folder.0.join(name)).unwrap();
        assert_eq!([read("b"), read("b.1"), read("b.2")], ["three", "one", "two"]);
    }

    #[test]
    fn what_is_no_regular_file_is_not_waited_for() {
        let folder = Folder::new("fifo");
        let path = folder.0.join("pipe");
        let mode = rustix::fs::Mode::RUSR;
        rustix::fs::mknodat(CWD, &path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        assert!(open(&path).is_err());
        assert_ne!(unguessable().unwrap(), unguessable().unwrap());
    }
}
