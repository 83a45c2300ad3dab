//! Brings a snapshot back into a staging folder, piece by piece, and compares what lies there.
//!
//! Never more than a few pieces are in memory (a piece has at most 8 MiB), however large a file or
//! the snapshot: `rustic_core`'s own restore takes as much memory as there is data. A file that
//! cannot be brought back whole is not left half-written; it is told.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use rustic_core::repofile::{BlobType, Node, NodeType};
use rustic_core::{BlobId, DataId, IndexedFullStatus};
use rustix::fs::FileType;
use sha2::{Digest as _, Sha256};
use stanch_words::text::{chain, hex};
use stanch_words::{Gap, GapKind, Value};

use crate::folder::Shows;
use crate::manifest::{self, Counting};
use crate::repository::{Library, failed, said, shown};
use crate::source::from_go;
use crate::staging::{Dress, Staging, dress_open};
use crate::{Manifest, Repository, RestoreError, Snapshot, locks};

/// What gaps of a restore are about.
const RESTORE: &str = "restore";

/// So many gaps are kept one by one; the rest is counted.
const TOLD: usize = 10_000;

/// What is brought back, and where to.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The folder, which must be empty or not there yet.
    pub to: PathBuf,
    /// Only these paths and what lies below them; all, if there are none.
    pub include: Vec<PathBuf>,
    /// Digests of manifests by ids of snapshots, as the ledger has them.
    pub recorded: Vec<(String, String)>,
    /// Seconds since 1970.
    pub now: i64,
}

/// What was brought back.
#[derive(Clone, Debug)]
pub struct Staged {
    /// The snapshot.
    pub snapshot: Snapshot,
    /// What all of it holds.
    pub manifest: Manifest,
    /// Whether the ledger tells of it, and of this content.
    pub is_recorded: bool,
    /// Files that lie there, whole and compared.
    pub files: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Folders.
    pub folders: u64,
    /// Symlinks, pipes, sockets and devices.
    pub others: u64,
    /// What is not there, or not as it was.
    pub gaps: Vec<Gap>,
}

/// Brings a snapshot back: by the beginning of its id, or `latest`.
///
/// # Errors
/// [`RestoreError`]; what was written until then stays in the staging folder.
pub fn stage(
    repository: &Repository,
    called: &str,
    options: &Options,
) -> Result<Staged, RestoreError> {
    let file = repository.snapshot(called)?;
    locks::respect(repository, options.now)?;
    let library = repository.again(Shows::Snapshots)?.to_indexed();
    let library = library.map_err(|error| failed(&error, &repository.troubles))?;
    let snapshot = shown(&file);

    // A plan first: what it is, whether it is what was recorded, and whether there is room.
    let mut staging = Stager::new(&library, repository, options);
    let (mut counting, mut needed) = (Counting::default(), 0_u64);
    let mut found = vec![false; options.include.len()];
    let mut misses = Vec::new();
    let visit = &mut |path: &Path, node: &Node| {
        counting.add(path, node);
        for (found, wanted) in found.iter_mut().zip(&options.include) {
            *found |= path == wanted;
        }
        if node.is_file() && is_wanted(&options.include, path, node) {
            needed = needed.saturating_add(node.meta.size);
        }
    };
    manifest::walk(&library, file.tree, visit, &mut |path, why| {
        misses.push((path.to_owned(), why))
    });
    if let Some((_, path)) = found.iter().zip(&options.include).find(|(found, _)| !**found) {
        return Err(RestoreError::NotInside { path: path.clone() });
    }
    let manifest = counting.manifest();
    let recorded = options.recorded.iter().find(|(id, _)| *id == snapshot.id);
    if let Some((_, then)) = recorded.filter(|(_, then)| *then != manifest.sha256)
        && misses.is_empty()
    {
        let (now, then) = (manifest.sha256, then.clone());
        return Err(RestoreError::NotAsRecorded { now, then });
    }
    let free = Staging::free(&options.to)?;
    if needed > free {
        return Err(RestoreError::NoRoom { needed, free });
    }
    for (path, why) in misses {
        staging.gap(GapKind::Damaged, why, &path);
    }

    let mut root = Staging::new(&options.to)?;
    let mut stuck = None;
    let visit = &mut |path: &Path, node: &Node| {
        if stuck.is_none() && is_wanted(&options.include, path, node) {
            stuck = staging.put(&mut root, path, node).err();
        }
    };
    manifest::walk(&library, file.tree, visit, &mut |_, _| {});
    if let Some(error) = stuck {
        return Err(error);
    }
    staging.dress_folders(&mut root);
    root.settle().map_err(|error| RestoreError::store(&options.to, error))?;
    let visit = &mut |path: &Path, node: &Node| {
        if node.is_file() && is_wanted(&options.include, path, node) {
            staging.compare(&mut root, path, node);
        }
    };
    manifest::walk(&library, file.tree, visit, &mut |_, _| {});
    let is_recorded = recorded.is_some_and(|(_, then)| *then == manifest.sha256);
    Ok(staging.done(snapshot, manifest, is_recorded))
}

/// Returns whether a path is to be brought back: below one that was asked for, or on the way to it.
fn is_wanted(include: &[PathBuf], path: &Path, node: &Node) -> bool {
    include.is_empty()
        || include
            .iter()
            .any(|wanted| path.starts_with(wanted) || (node.is_dir() && wanted.starts_with(path)))
}

/// The first path of a file of several names, and its content.
type First = (PathBuf, Option<Vec<DataId>>);

struct Stager<'a> {
    library: &'a Library<IndexedFullStatus>,
    repository: &'a Repository,
    to: &'a Path,
    is_root: bool,
    owners_left: bool,
    gaps: Vec<Gap>,
    untold: u64,
    /// Files of several names, by device and inode.
    links: HashMap<(u64, u64), First>,
    folders: Vec<(PathBuf, Dress)>,
    counts: Counts,
}

#[derive(Default)]
struct Counts {
    files: u64,
    bytes: u64,
    folders: u64,
    others: u64,
}

impl<'a> Stager<'a> {
    fn new(
        library: &'a Library<IndexedFullStatus>,
        repository: &'a Repository,
        options: &'a Options,
    ) -> Self {
        Self {
            library,
            repository,
            to: &options.to,
            is_root: rustix::process::geteuid().is_root(),
            owners_left: false,
            gaps: Vec::new(),
            untold: 0,
            links: HashMap::new(),
            folders: Vec::new(),
            counts: Counts::default(),
        }
    }

    fn gap(&mut self, kind: GapKind, detail: impl Into<String>, path: &Path) {
        if self.gaps.len() >= TOLD {
            self.untold = self.untold.saturating_add(1);
            return;
        }
        self.gaps.push(Gap::new(RESTORE, kind, detail).at(Value::from(path).to_string()));
    }

    /// Notes why something could not be made. A full disk ends it all.
    fn not_made(&mut self, path: &Path, error: io::Error) -> Result<(), RestoreError> {
        let kind = match error.kind() {
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::ReadOnlyFilesystem => {
                return Err(RestoreError::store(self.to, error));
            }
            io::ErrorKind::PermissionDenied => GapKind::Denied,
            // A snapshot that holds a name twice, or something below what is no folder.
            io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => GapKind::Damaged,
            _ => GapKind::Failed,
        };
        self.gap(kind, error.to_string(), path);
        Ok(())
    }

    fn dress(&mut self, node: &Node) -> Dress {
        let meta = &node.meta;
        let owner = meta.uid.zip(meta.gid);
        if !self.is_root {
            let ours = rustix::process::geteuid().as_raw();
            self.owners_left |= owner.is_some_and(|(uid, _)| uid != ours);
        }
        let time = meta.mtime.map(|time| {
            let nanoseconds = time.as_nanosecond();
            let part = |number: i128| i64::try_from(number).unwrap_or(0);
            (
                part(nanoseconds.div_euclid(1_000_000_000)),
                part(nanoseconds.rem_euclid(1_000_000_000)),
            )
        });
        let attributes = meta
            .extended_attributes
            .iter()
            .map(|attribute| (attribute.name.clone(), attribute.value.clone().unwrap_or_default()));
        Dress {
            owner: owner.filter(|_| self.is_root),
            mode: meta.mode.map(from_go),
            modified: time,
            attributes: attributes.collect(),
        }
    }

    /// Makes one thing of a snapshot.
    fn put(&mut self, root: &mut Staging, path: &Path, node: &Node) -> Result<(), RestoreError> {
        let dress = self.dress(node);
        let made = match &node.node_type {
            NodeType::File => return self.put_file(root, path, node, &dress),
            NodeType::Dir => {
                let made = root.folder(path);
                if made.is_ok() {
                    self.folders.push((path.to_owned(), dress));
                    self.counts.folders = self.counts.folders.saturating_add(1);
                }
                return made.or_else(|error| self.not_made(path, error));
            }
            NodeType::Symlink { .. } => root.link(path, node.node_type.to_link()),
            NodeType::Dev { device } => root.special(path, FileType::BlockDevice, *device),
            NodeType::Chardev { device } => root.special(path, FileType::CharacterDevice, *device),
            NodeType::Fifo => root.special(path, FileType::Fifo, 0),
            NodeType::Socket => root.special(path, FileType::Socket, 0),
        };
        if let Err(error) = made {
            return self.not_made(path, error);
        }
        self.counts.others = self.counts.others.saturating_add(1);
        let dressed = root.dress_special(path, &dress, !node.is_symlink());
        dressed.or_else(|error| self.not_made(path, error))
    }

    fn put_file(
        &mut self,
        root: &mut Staging,
        path: &Path,
        node: &Node,
        dress: &Dress,
    ) -> Result<(), RestoreError> {
        let key = (node.meta.device_id, node.meta.inode);
        let has_more = node.meta.links > 1 && node.meta.inode != 0;
        if let Some((first, content)) = self.links.get(&key).filter(|_| has_more)
            && *content == node.content
        {
            let made = root.again(&first.clone(), path);
            return made.or_else(|error| self.not_made(path, error));
        }
        let mut file = match root.file(path) {
            Ok(file) => file,
            Err(error) => return self.not_made(path, error),
        };
        match self.fill(&mut file, node) {
            Ok(()) => {}
            Err(Unfilled::Content(why)) => {
                drop(file);
                drop(root.remove(path));
                self.gap(GapKind::Damaged, why, path);
                return Ok(());
            }
            Err(Unfilled::Write(error)) => {
                drop(file);
                drop(root.remove(path));
                return self.not_made(path, error);
            }
        }
        if has_more {
            self.links.insert(key, (path.to_owned(), node.content.clone()));
        }
        dress_open(&file, dress).or_else(|error| self.not_made(path, error))
    }

    /// Writes the content, one piece after the other; a piece of zeros becomes a hole.
    fn fill(&self, file: &mut File, node: &Node) -> Result<(), Unfilled> {
        let mut length = 0_u64;
        for id in node.content.iter().flatten() {
            let piece = self.library.get_blob_cached(&BlobId::from(*id), BlobType::Data);
            let piece = piece.map_err(|error| {
                let said = said(&error);
                // The system's own words are better than the library's.
                let trouble = self.repository.troubles.read();
                Unfilled::Content(trouble.map_or(said, |trouble| chain(&trouble)))
            })?;
            length = length.saturating_add(piece.len() as u64);
            let is_hole = piece.iter().all(|byte| *byte == 0);
            let written = match is_hole {
                true => file.seek(SeekFrom::Start(length)).map(|_at| ()),
                false => file.write_all(&piece),
            };
            written.map_err(Unfilled::Write)?;
        }
        if length != node.meta.size {
            let size = node.meta.size;
            let why = format!("its pieces have {length} bytes where it says {size}");
            return Err(Unfilled::Content(why));
        }
        file.set_len(length).map_err(Unfilled::Write)
    }

    /// Dresses the folders, the deepest first, when nothing more comes into them.
    fn dress_folders(&mut self, root: &mut Staging) {
        for (path, dress) in std::mem::take(&mut self.folders).into_iter().rev() {
            if let Err(error) = root.dress_folder(&path, &dress) {
                self.gap(GapKind::Failed, error.to_string(), &path);
            }
        }
    }

    /// Reads a file that was brought back, and compares each piece with its digest.
    fn compare(&mut self, root: &mut Staging, path: &Path, node: &Node) {
        let mut file = match root.read(path) {
            Ok(file) => file,
            // It was told why it is not there.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return,
            Err(error) => return self.gap(GapKind::Failed, error.to_string(), path),
        };
        match self.is_as_it_was(&mut file, node) {
            Ok(true) => {
                self.counts.files = self.counts.files.saturating_add(1);
                self.counts.bytes = self.counts.bytes.saturating_add(node.meta.size);
            }
            Ok(false) => {
                let why = "it is not what the snapshot says: its digest is another";
                self.gap(GapKind::Damaged, why, path);
            }
            Err(error) => self.gap(GapKind::Failed, error.to_string(), path),
        }
    }

    fn is_as_it_was(&self, file: &mut File, node: &Node) -> io::Result<bool> {
        let mut buffer = vec![0_u8; 128 << 10];
        for id in node.content.iter().flatten() {
            let entry = self.library.get_index_entry(id);
            let entry = entry.map_err(|error| io::Error::other(said(&error)))?;
            let mut left = u64::from(entry.location.data_length());
            let mut digest = Sha256::new();
            while left > 0 {
                let wanted =
                    usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
                let read = file.read(buffer.get_mut(..wanted).unwrap_or_default())?;
                if read == 0 {
                    return Ok(false);
                }
                digest.update(buffer.get(..read).unwrap_or_default());
                left = left.saturating_sub(read as u64);
            }
            if hex(&digest.finalize()) != id.to_hex().as_str() {
                return Ok(false);
            }
        }
        // Nothing may follow.
        Ok(file.read(buffer.get_mut(..1).unwrap_or_default())? == 0)
    }

    fn done(mut self, snapshot: Snapshot, manifest: Manifest, is_recorded: bool) -> Staged {
        if self.owners_left {
            let why = "owners were not given back: only root can";
            self.gaps.push(Gap::new(RESTORE, GapKind::Denied, why));
        }
        if self.untold > 0 {
            let detail = format!("{} more, not told one by one", self.untold);
            self.gaps.push(Gap::new(RESTORE, GapKind::Failed, detail));
        }
        self.gaps.sort();
        self.gaps.dedup();
        let Counts { files, bytes, folders, others } = self.counts;
        let gaps = self.gaps;
        Staged { snapshot, manifest, is_recorded, files, bytes, folders, others, gaps }
    }
}

/// Why a file is not whole.
enum Unfilled {
    /// Its content is not in the repository, or damaged.
    Content(String),
    /// It could not be written.
    Write(io::Error),
}
