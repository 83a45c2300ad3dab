//! What a claim about a package's files rests on: the lists on the machine, which root can write,
//! or package files that an archive signed for or the responder brings.
//!
//! ```text
//! keys ─▶ InRelease ─▶ Packages ─▶ SHA-256 of a package file ─▶ the files in it ─▶ digests, modes
//! brought by the responder ────────────────────────────────────▶ the files in it ─▶ digests, modes
//! ```
//!
//! What is proven so replaces what the machine's own lists say: a digest that was forged there is
//! not read, and a path that was added there is nobody's.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::io::{self, BufRead};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::Digest as _;
use stanch_machine::{FileKind, Machine, together};
use stanch_words::{Gap, GapKind, Seen, Value, text};

use super::deb::{self, Brought};
use super::rpm::{Header, tag};
use super::shipped::Md5;
use super::signed_index::{LISTS, Sha256, SignedIndex};
use super::{Index, Manager, rpm_file};
use crate::decompress::Source;
use crate::host::{Beat, Host};
use crate::system_files::Compared;

/// Where apt keeps what it downloaded.
const CACHE: &str = "/var/cache/apt/archives";
/// Most package files, and how deep they may lie.
const FILES: usize = 50_000;
const DEPTH: usize = 8;
/// Threads that unpack.
const THREADS: usize = 2;

/// What the responder brings to compare with. Given to a [`Host`] before its first look.
pub struct Trust {
    /// Who reads what is brought: the responder's own machine, not the one that is looked at.
    pub reader: Arc<dyn Machine>,
    /// A folder with package files.
    pub packages: Option<PathBuf>,
    /// A keyring with an archive's keys.
    pub keyring: Option<PathBuf>,
}

impl std::fmt::Debug for Trust {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trust")
            .field("packages", &self.packages)
            .field("keyring", &self.keyring)
            .finish_non_exhaustive()
    }
}

/// What a package's claims rest on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Basis {
    /// The lists on the machine itself.
    Machine,
    /// A package file that the responder brought.
    Brought,
    /// A package file that an archive signed for.
    Archive,
}

/// A file as its package brings it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Item {
    /// Numbers of the listed path and of the package.
    place: u32,
    package: u32,
    mode: u32,
    md5: Option<Md5>,
}

/// What was proven of dpkg's packages.
#[derive(Debug, Default)]
pub(super) struct Proven {
    packages: BTreeMap<u32, Basis>,
    items: Vec<Item>,
}

impl Proven {
    fn item(&self, package: usize, place: u32) -> Option<&Item> {
        let package = u32::try_from(package).ok()?;
        let found = self.items.binary_search_by_key(&(place, package), |i| (i.place, i.package));
        self.items.get(found.ok()?)
    }
}

impl Index {
    /// Returns what the claims about a package rest on.
    pub fn basis(&self, package: usize) -> Basis {
        let of_rpm = self.packages().get(package).map_or(Basis::Machine, |known| known.basis);
        let number = u32::try_from(package).unwrap_or(u32::MAX);
        self.proven.packages.get(&number).copied().unwrap_or(of_rpm)
    }

    /// Returns whether a package is known not to bring a path that it lists: the list was forged.
    pub(crate) fn is_forged(&self, package: usize, place: u32, listed: &[u8]) -> bool {
        let number = u32::try_from(package).unwrap_or(u32::MAX);
        // A configuration file that a new version left behind stays in its list (dpkg(1)).
        let left_behind = || listed.starts_with(b"/etc/") && self.config.contains_key(listed);
        self.proven.packages.contains_key(&number)
            && self.proven.item(package, place).is_none()
            && !left_behind()
    }

    /// Returns the digest that a package file proves of a path.
    pub(crate) fn proven_digest(&self, package: usize, listed: &[u8]) -> Option<Md5> {
        self.proven.item(package, self.paths.find(listed)?.3)?.md5
    }

    /// Returns all that package files prove, by path and package.
    pub(crate) fn proven_digests(&self) -> impl Iterator<Item = (u32, u32, Md5)> {
        self.proven.items.iter().filter_map(|item| Some((item.place, item.package, item.md5?)))
    }

    /// Returns the permission bits that a package file gives a path; its scripts may have changed
    /// them since.
    pub(crate) fn proven_mode(&self, owned: crate::system_files::Owned) -> Option<u32> {
        self.proven.item(owned.package, owned.place?).map(|item| item.mode)
    }

    /// Returns how many packages rest on what, and the names of those that rest on the machine.
    pub fn bases(&self) -> Bases {
        let mut bases = Bases { compared: self.compared, ..Bases::default() };
        for (number, package) in self.packages().iter().enumerate() {
            if !package.installed {
                continue;
            }
            match self.basis(number) {
                Basis::Archive => bases.archive = bases.archive.saturating_add(1),
                Basis::Brought => bases.brought = bases.brought.saturating_add(1),
                Basis::Machine => bases.machine.push(package.download()),
            }
        }
        bases.machine.sort();
        bases
    }
}

/// Returns what the claims of a look rest on; nothing if no package was asked about.
pub fn bases(host: &Host) -> Bases {
    let files = host.made::<Compared>().map(|compared| *compared).unwrap_or_default();
    let bases = host.made::<Index>().map(|index| index.bases());
    bases.map(|bases| Bases { files, ..bases }).unwrap_or_default()
}

/// What the claims about packages rest on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bases {
    /// Whether package files were looked for at all.
    pub compared: bool,
    /// How many rest on package files that an archive signed for.
    pub archive: usize,
    /// How many rest on package files that the responder brought.
    pub brought: usize,
    /// Those that rest on the lists of the machine itself, as a download names them.
    pub machine: Vec<String>,
    /// How many of their files were read.
    pub files: Compared,
}

impl super::Package {
    /// Returns what `apt-get download` or `dnf download` takes for it.
    fn download(&self) -> String {
        let (name, version, architecture) = (&self.name, &self.version, &self.architecture);
        match self.manager {
            // A package for all architectures has none in its name.
            Manager::Dpkg if matches!(&**architecture, "all" | "") => format!("{name}={version}"),
            Manager::Dpkg => format!("{name}:{architecture}={version}"),
            Manager::Rpm => format!("{name}-{version}.{architecture}"),
        }
    }
}

/// A package file that may be one of those installed.
struct Candidate<'m> {
    machine: &'m dyn Machine,
    path: PathBuf,
    /// What it proves if no archive signed for it.
    otherwise: Option<Basis>,
}

/// Package files that were found, and who signed for them.
pub(super) struct Found<'m> {
    debs: Vec<Candidate<'m>>,
    /// RPM packages as files.
    files: Vec<Candidate<'m>>,
    /// Headers of RPM packages, by name, version and architecture.
    rpms: HashMap<[Arc<str>; 3], (Vec<u8>, Basis)>,
    signed: SignedIndex,
}

impl<'m> Found<'m> {
    /// Looks for package files, and for what is signed.
    pub(super) fn look(host: &'m Host, trust: Option<&'m Trust>, seen: &mut Seen) -> Self {
        Self::look_for(host, trust, SignedIndex::default(), seen)
    }

    /// Does the same with an index that was asked something.
    fn look_for(
        host: &'m Host,
        trust: Option<&'m Trust>,
        mut signed: SignedIndex,
        seen: &mut Seen,
    ) -> Self {
        let own = host.machine();
        let reader = trust.map_or(own, |trust| &*trust.reader);
        let keyring = trust.and_then(|trust| trust.keyring.as_ref());
        match keyring {
            Some(keyring) => signed.bring(reader, keyring, seen),
            None => signed.find_known(own),
        }
        if !signed.has_keys() && keyring.is_none() {
            let detail = "no key of an archive is known; give one with `--keyring`";
            seen.gap(Gap::new("packages", GapKind::NotHere, detail));
        }
        signed.read(own, Path::new(LISTS), seen);
        let (debs, files) = (Vec::new(), Vec::new());
        let mut found = Self { debs, files, rpms: HashMap::new(), signed };
        if let Some(folder) = trust.and_then(|trust| trust.packages.as_ref()) {
            found.signed.read(reader, folder, seen);
            for path in package_files(reader, folder, seen) {
                let otherwise = Some(Basis::Brought);
                if path.extension().is_some_and(|extension| extension == "rpm") {
                    found.rpm(reader, &path, seen);
                    found.files.push(Candidate { machine: reader, path, otherwise });
                } else {
                    found.debs.push(Candidate { machine: reader, path, otherwise });
                }
            }
        }
        if !found.signed.is_empty() {
            for path in package_files(own, Path::new(CACHE), seen) {
                found.debs.push(Candidate { machine: own, path, otherwise: None });
            }
        }
        found
    }

    fn rpm(&mut self, machine: &dyn Machine, path: &Path, seen: &mut Seen) {
        match rpm_file::read(machine, path) {
            Ok(Some(file)) => {
                let Some(header) = Header::parse(&file.header) else { return };
                let text = |tag| Arc::from(text::from_bytes(header.text(tag)));
                let name = [text(tag::NAME), header.whole_version().into(), text(tag::ARCH)];
                let basis = match file.is_signed(self.signed.keyring()) {
                    true => Basis::Archive,
                    false => Basis::Brought,
                };
                self.rpms.insert(name, (file.header, basis));
            }
            Ok(None) => {
                let gap = Gap::new("packages", GapKind::Damaged, "not an RPM package");
                seen.gap(gap.at(Value::from(path).to_string()));
            }
            Err(miss) => seen.gap(miss.gap("packages")),
        }
    }

    /// Returns the header of the very package that a database tells of.
    pub(super) fn header(&self, of: &Header<'_>) -> Option<(&[u8], Basis)> {
        let text = |tag| Arc::from(text::from_bytes(of.text(tag)));
        let name = [text(tag::NAME), of.whole_version().into(), text(tag::ARCH)];
        self.rpms.get(&name).map(|(header, basis)| (&**header, *basis))
    }

    /// Unpacks the package files of what is installed.
    pub(super) fn prove(&self, index: &Index, beat: &Beat, seen: &mut Seen) -> Proven {
        let mut installed: HashMap<[&str; 3], u32> = HashMap::new();
        for (package, number) in index.packages().iter().zip(0..) {
            if package.manager == Manager::Dpkg {
                let name = [&*package.name, &*package.version, &*package.architecture];
                installed.insert(name, number);
            }
        }
        let next = std::sync::atomic::AtomicUsize::new(0);
        let done = Mutex::<(BTreeMap<u32, (Basis, Vec<Brought>)>, Vec<Gap>)>::default();
        let known = || done.lock().unwrap_or_else(PoisonError::into_inner);
        together(THREADS, &|_| {
            while let Some(candidate) =
                self.debs.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
            {
                beat.beat();
                let mut number = None;
                let wants = &mut |name: &deb::Name| {
                    let text = |bytes: &[u8]| text::from_bytes(bytes);
                    let name = [&name.package, &name.version, &name.architecture].map(|b| text(b));
                    number = installed.get(&name.each_ref().map(|part| &**part)).copied();
                    // What is proven better already is not read again.
                    number.is_some_and(|n| known().0.get(&n).is_none_or(|k| k.0 < Basis::Archive))
                };
                match candidate.read(wants, beat) {
                    Ok(Some((digest, brought))) => {
                        let signed = self.signed.holds(&digest).then_some(Basis::Archive);
                        let basis = signed.or(candidate.otherwise);
                        if let Some((number, basis)) = number.zip(basis) {
                            let mut done = known();
                            if done.0.get(&number).is_none_or(|k| k.0 < basis) {
                                done.0.insert(number, (basis, brought));
                            }
                        }
                    }
                    Ok(None) => {}
                    Err(gap) => known().1.push(gap),
                }
            }
        });
        let (proven, gaps) = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        seen.gaps.extend(gaps);
        Proven::of(index, proven)
    }
}

impl Proven {
    fn of(index: &Index, brought: BTreeMap<u32, (Basis, Vec<Brought>)>) -> Self {
        let mut proven = Self::default();
        for (package, (basis, files)) in brought {
            proven.packages.insert(package, basis);
            proven.items.extend(files.into_iter().filter_map(|file| {
                let place = index.paths.find(&file.path)?.3;
                Some(Item { place, package, mode: file.mode, md5: file.md5 })
            }));
        }
        proven.items.sort_unstable();
        proven
    }
}

impl Candidate<'_> {
    /// Reads the package file once, so that what is unpacked is what is digested: on a machine in
    /// hostile hands a second look may meet another file.
    fn read(
        &self,
        wants: &mut dyn FnMut(&deb::Name) -> bool,
        beat: &Beat,
    ) -> Result<Option<(Sha256, Vec<Brought>)>, Gap> {
        self.digested(Some(beat), |source| deb::read(source, wants))
    }

    /// Reads the package file once, to its end if it is wanted, and returns its digest as well.
    fn digested<T>(
        &self,
        beat: Option<&Beat>,
        read: impl FnOnce(&mut dyn BufRead) -> io::Result<Option<(deb::Name, T)>>,
    ) -> Result<Option<(Sha256, T)>, Gap> {
        let file = self.machine.open(&self.path).map_err(|miss| miss.gap("packages"))?;
        let consumed = Cell::new(0);
        let mut source =
            Digested { source: Source::new(&*file, &consumed), digest: sha2::Sha256::new(), beat };
        let read = read(&mut source).and_then(|read| {
            if read.is_some() {
                io::copy(&mut source, &mut io::sink())?;
            }
            Ok(read)
        });
        match read {
            Ok(read) => Ok(read.map(|(_, brought)| (source.digest.finalize().into(), brought))),
            Err(error) => {
                let gap = Gap::new("packages", GapKind::Damaged, error.to_string());
                Err(gap.at(Value::from(self.path.as_path()).to_string()))
            }
        }
    }
}

/// A reader that digests what is taken from it.
struct Digested<'a> {
    source: Source<'a>,
    digest: sha2::Sha256,
    beat: Option<&'a Beat>,
}

impl BufRead for Digested<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.source.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        if let Ok(piece) = self.source.fill_buf() {
            self.digest.update(piece.get(..amount).unwrap_or(piece));
        }
        self.source.consume(amount);
        if let Some(beat) = self.beat {
            beat.beat();
        }
    }
}

impl io::Read for Digested<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut rest = self.fill_buf()?;
        let read = io::Read::read(&mut rest, buffer)?;
        self.consume(read);
        Ok(read)
    }
}

/// Returns the package files below a folder, in order.
fn package_files(machine: &dyn Machine, folder: &Path, seen: &mut Seen) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![(folder.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        let listing = match machine.list(&folder) {
            Ok(listing) => listing,
            Err(miss) if miss.absent && depth > 0 => continue,
            Err(miss) if miss.absent && folder == Path::new(CACHE) => continue,
            Err(miss) => {
                seen.gap(miss.gap("packages"));
                continue;
            }
        };
        for entry in listing.entries {
            let path = folder.join(&entry.name);
            let name = entry.name.as_bytes();
            if entry.kind == FileKind::Directory && depth < DEPTH {
                folders.push((path, depth.saturating_add(1)));
            } else if name.ends_with(b".deb") || name.ends_with(b".rpm") || name.ends_with(b".udeb")
            {
                found.push(path);
            }
        }
        if found.len() > FILES {
            let detail = format!("more than {FILES} package files; the rest was left out");
            seen.gap(Gap::new("packages", GapKind::Truncated, detail));
            found.truncate(FILES);
            break;
        }
    }
    found.sort();
    found
}

pub(super) mod contents;
#[cfg(test)]
mod tests;
