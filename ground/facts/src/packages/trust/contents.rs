//! Files as their packages bring them, with their content: what an altered one is replaced by.
//!
//! The package file is read once, so that what is taken out is what is digested; it counts if an
//! archive signed for that digest, or if the responder brought it. An RPM package's header, with
//! the digests of its files, is what is signed. No script of it is looked at.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{Basis, Candidate, Found, Sha256, Trust};
use crate::host::Host;
use crate::packages::rpm::{Header, tag};
use crate::packages::signed_index::{Named, Offer, SignedIndex};
use crate::packages::{self, Manager, deb, rpm_file};
use stanch_words::{Gap, GapKind, Seen, Value, text};

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
    /// Owner and group, by number; of an RPM package's, those that are not root's are unknown.
    pub owner: (u32, u32),
    /// When it was made, in seconds since 1970.
    pub modified: i64,
    /// Who vouches for it.
    pub basis: Basis,
}

/// What is asked of package files: by name, version and architecture, the path as the package
/// lists it and as it lies on the machine.
type Wanted<'a> = BTreeMap<Named, Vec<(&'a [u8], &'a Path)>>;

/// What was found of some paths.
#[derive(Debug, Default)]
pub struct ShippedFiles {
    /// As their packages bring them.
    pub files: BTreeMap<PathBuf, ShippedFile>,
    /// Those whose package file is not at hand.
    pub missing: BTreeMap<PathBuf, Missing>,
    /// What stood in the way.
    pub gaps: Vec<Gap>,
}

/// A package whose file is not at hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Whose it is.
    pub manager: Manager,
    /// What `apt-get download` or `dnf download` takes for it.
    pub name: String,
    /// Where an archive keeps it, if a signed index on the machine tells.
    pub offer: Option<Offer>,
}

/// Returns those of some resolved paths whose package files are at hand: brought by the responder,
/// or in the machine's own cache and signed for by an archive. Of the others it tells where to get
/// them.
pub fn shipped_files(host: &Host, paths: &[PathBuf]) -> ShippedFiles {
    let mut shipped = ShippedFiles::default();
    let index = packages::index(host);
    let (mut debs, mut rpms) = (Wanted::new(), Wanted::new());
    let mut named = BTreeMap::new();
    for path in paths {
        let Some(owner) = index.owner(path) else { continue };
        let package = owner.package;
        let name = [&package.name, &package.version, &package.architecture];
        let name = name.map(|part| part.to_string());
        named.insert(path.clone(), (package.manager, package.download(), name.clone()));
        let wanted = match package.manager {
            Manager::Dpkg => &mut debs,
            Manager::Rpm => &mut rpms,
        };
        wanted.entry(name).or_default().push((owner.listed, path));
    }
    if named.is_empty() {
        return shipped;
    }
    let trust = host.made::<Trust>();
    let mut seen = Seen::default();
    let mut signed = SignedIndex::default();
    signed.ask(debs.keys().cloned());
    let found = Found::look_for(host, trust.as_deref(), signed, &mut seen);
    for candidate in found.debs.iter().filter(|_| !debs.is_empty()) {
        let brought = brought(candidate, &debs).map(|brought| {
            let (digest, files) = brought?;
            let signed = found.signed.holds(&digest).then_some(Basis::Archive);
            Some((signed.or(candidate.otherwise)?, files))
        });
        shipped.take(brought, &mut seen);
    }
    let cached = CACHES.iter().flat_map(|place| cached(host, Path::new(place), &mut seen));
    let cached: Vec<Candidate<'_>> = cached.collect();
    for candidate in found.files.iter().chain(&cached).filter(|_| !rpms.is_empty()) {
        shipped.take(brought_by_rpm(candidate, &rpms, &found), &mut seen);
    }
    // What was not asked for by name is no gap: whoever has no package file is told below.
    shipped.gaps = if trust.is_some() { seen.gaps } else { Vec::new() };
    for (path, (manager, name, parts)) in named {
        if !shipped.files.contains_key(&path) {
            let offer = found.signed.offer(&parts).cloned();
            shipped.missing.insert(path, Missing { manager, name, offer });
        }
    }
    shipped
}

/// Where dnf, yum and zypper keep what they downloaded.
const CACHES: [&str; 4] =
    ["/var/cache/dnf", "/var/cache/libdnf5", "/var/cache/yum", "/var/cache/zypp/packages"];

/// Returns the package files in a cache of the machine's: they count if an archive signed for them.
fn cached<'m>(host: &'m Host, cache: &Path, seen: &mut Seen) -> Vec<Candidate<'m>> {
    let machine = host.machine();
    if machine.stat(cache).is_err() {
        return Vec::new();
    }
    let files = super::package_files(machine, cache, seen).into_iter();
    let files = files.filter(|path| path.extension().is_some_and(|kind| kind == "rpm"));
    files.map(|path| Candidate { machine, path, otherwise: None }).collect()
}

impl ShippedFiles {
    /// Takes what a package file brings, unless another vouches better for it.
    fn take(&mut self, brought: Result<Option<Vouched>, Gap>, seen: &mut Seen) {
        match brought {
            Ok(Some((basis, files))) => {
                for (path, file) in files {
                    let known = self.files.get(&path);
                    if known.is_none_or(|known| known.basis < basis) {
                        self.files.insert(path, ShippedFile { basis, ..file });
                    }
                }
            }
            Ok(None) => {}
            Err(gap) => seen.gap(gap),
        }
    }
}

/// Who vouches for a package file, and what it brings.
type Vouched = (Basis, Vec<(PathBuf, ShippedFile)>);

/// Returns what an RPM package brings of what is wanted, if it counts.
fn brought_by_rpm(
    candidate: &Candidate<'_>,
    wanted: &Wanted<'_>,
    found: &Found<'_>,
) -> Result<Option<Vouched>, Gap> {
    let mut asked = None;
    let wants = &mut |header: &Header<'_>| {
        let text = |tag| text::from_bytes(header.text(tag));
        let name = [text(tag::NAME), header.whole_version(), text(tag::ARCH)];
        let [package, version, _architecture] = &name;
        asked = wanted.get(&name).map(|files| (format!("{package} {version}"), files));
        let files = asked.iter().flat_map(|(_, files)| files.iter());
        files.map(|(listed, _path)| listed.to_vec()).collect()
    };
    let read = rpm_file::contents(candidate.machine, &candidate.path, wants, LARGEST);
    let read = read.map_err(|error| {
        let gap = Gap::new("packages", GapKind::Damaged, error.to_string());
        gap.at(Value::from(candidate.path.as_path()).to_string())
    })?;
    let Some(((file, contents), (package, files))) = read.zip(asked) else { return Ok(None) };
    let signed = file.is_signed(found.signed.keyring()).then_some(Basis::Archive);
    let Some(basis) = signed.or(candidate.otherwise) else { return Ok(None) };
    Ok(Some((basis, placed(contents, &package, files))))
}

/// Returns contents by where they lie on the machine.
fn placed(
    contents: Vec<deb::Content>,
    package: &str,
    files: &[(&[u8], &Path)],
) -> Vec<(PathBuf, ShippedFile)> {
    let file = |content: deb::Content| {
        let place = files.iter().find(|(listed, _path)| *listed == content.path)?;
        let (mode, owner, modified) = (content.mode, content.owner, content.modified);
        let (package, content, basis) = (package.to_owned(), content.bytes, Basis::Machine);
        let shipped = ShippedFile { package, content, mode, owner, modified, basis };
        Some((place.1.to_path_buf(), shipped))
    };
    contents.into_iter().filter_map(file).collect()
}

/// The digest of a package file, and what it brings, by where it lies on the machine.
type Brings = (Sha256, Vec<(PathBuf, ShippedFile)>);

/// Returns what a package file brings of what is wanted, and its digest. It is read once more where
/// a wanted name is another name of a file that was not: then the second digest is the one that
/// counts, for all that is returned.
fn brought(candidate: &Candidate<'_>, wanted: &Wanted<'_>) -> Result<Option<Brings>, Gap> {
    let mut all: Vec<Vec<u8>> =
        wanted.values().flatten().map(|(listed, _path)| listed.to_vec()).collect();
    let mut read = once(candidate, wanted, &all)?;
    if let Some((_, contents, _)) = &read
        && !contents.links.is_empty()
    {
        all.extend(contents.links.iter().map(|(_, target)| target.clone()));
        read = once(candidate, wanted, &all)?;
    }
    let Some((digest, contents, name)) = read else { return Ok(None) };
    let files = wanted.get(&name).map(Vec::as_slice).unwrap_or_default();
    let [name, version, _architecture] = &name;
    let package = format!("{name} {version}");
    Ok(Some((digest, placed(contents.files, &package, files))))
}

/// What one reading of a package file gives: its digest, contents, and which package it is.
type Read = (Sha256, deb::Contents, Named);

fn once(
    candidate: &Candidate<'_>,
    wanted: &Wanted<'_>,
    paths: &[Vec<u8>],
) -> Result<Option<Read>, Gap> {
    let mut asked = None;
    let paths: Vec<&[u8]> = paths.iter().map(Vec::as_slice).collect();
    let read = candidate.digested(None, |source| {
        let wants = &mut |name: &deb::Name| {
            let parts = [&name.package, &name.version, &name.architecture];
            let parts = parts.map(|part| text::from_bytes(part));
            asked = wanted.contains_key(&parts).then_some(parts);
            asked.is_some()
        };
        deb::read_with(source, wants, |data| deb::contents(data, &paths, LARGEST))
    })?;
    Ok(read.zip(asked).map(|((digest, contents), name)| (digest, contents, name)))
}
