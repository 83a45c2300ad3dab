//! Files as their packages bring them, with their content: what an altered one is replaced by.
//!
//! The package file is read once, so that what is taken out is what is digested; it counts if an
//! archive signed for that digest, or if the responder brought it. No script of it is looked at.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{Basis, Candidate, Found, Sha256, Trust};
use crate::host::Host;
use crate::packages::{self, Manager, deb};
use stanch_words::{Gap, Seen, text};

/// The largest file that is taken out, in bytes.
const LARGEST: u64 = 512 << 20;

/// A file as its package brings it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShippedFile {
    /// The package and its version.
    pub package: String,
    /// What it holds.
    pub content: Vec<u8>,
    /// Permission bits.
    pub mode: u32,
    /// Owner and group, by number.
    pub owner: (u32, u32),
    /// When it was made, in seconds since 1970.
    pub modified: i64,
    /// Who vouches for it.
    pub basis: Basis,
}

/// What is asked of package files: by name, version and architecture, the path as the package
/// lists it and as it lies on the machine.
type Wanted<'a> = BTreeMap<[String; 3], Vec<(&'a [u8], &'a Path)>>;

/// Returns those of some resolved paths whose package files are at hand. What the responder brings
/// was given to the host before.
pub fn shipped_files(host: &Host, paths: &[PathBuf]) -> (BTreeMap<PathBuf, ShippedFile>, Vec<Gap>) {
    let mut seen = Seen::default();
    let mut files = BTreeMap::new();
    let Some(trust) = host.made::<Trust>() else { return (files, Vec::new()) };
    let index = packages::index(host);
    let mut wanted = Wanted::new();
    for path in paths {
        if let Some(owner) = index.owner(path).filter(|one| one.package.manager == Manager::Dpkg) {
            let package = owner.package;
            let name = [&package.name, &package.version, &package.architecture];
            let name = name.map(|part| part.to_string());
            wanted.entry(name).or_default().push((owner.listed, path));
        }
    }
    if wanted.is_empty() {
        return (files, Vec::new());
    }
    let found = Found::look(host, &trust, &mut seen);
    for candidate in &found.debs {
        match brought(candidate, &wanted) {
            Ok(Some((digest, brought))) => {
                let signed = found.signed.holds(&digest).then_some(Basis::Archive);
                let Some(basis) = signed.or(candidate.otherwise) else { continue };
                for (path, file) in brought {
                    let known: Option<&ShippedFile> = files.get(&path);
                    if known.is_none_or(|known| known.basis < basis) {
                        files.insert(path, ShippedFile { basis, ..file });
                    }
                }
            }
            Ok(None) => {}
            Err(gap) => seen.gap(gap),
        }
    }
    (files, seen.gaps)
}

/// The digest of a package file, and what it brings, by where it lies on the machine.
type Brings = (Sha256, Vec<(PathBuf, ShippedFile)>);

/// Returns what a package file brings of what is wanted, and its digest.
fn brought(candidate: &Candidate<'_>, wanted: &Wanted<'_>) -> Result<Option<Brings>, Gap> {
    let mut asked = None;
    let all: Vec<&[u8]> = wanted.values().flatten().map(|(listed, _path)| *listed).collect();
    let read = candidate.digested(None, |source| {
        let wants = &mut |name: &deb::Name| {
            let parts = [&name.package, &name.version, &name.architecture];
            let parts = parts.map(|part| text::from_bytes(part));
            let [name, version, _architecture] = &parts;
            asked = wanted.get(&parts).map(|files| (format!("{name} {version}"), files));
            asked.is_some()
        };
        deb::read_with(source, wants, |data| deb::contents(data, &all, LARGEST))
    })?;
    let Some(((digest, contents), (package, files))) = read.zip(asked) else { return Ok(None) };
    let place = |content: &deb::Content| {
        let place = files.iter().find(|(listed, _path)| *listed == content.path);
        place.map(|(_listed, path)| path.to_path_buf())
    };
    let file = |content: deb::Content| {
        let path = place(&content)?;
        let (mode, owner, modified) = (content.mode, content.owner, content.modified);
        let (package, content, basis) = (package.clone(), content.bytes, Basis::Machine);
        Some((path, ShippedFile { package, content, mode, owner, modified, basis }))
    };
    Ok(Some((digest, contents.into_iter().filter_map(file).collect())))
}
