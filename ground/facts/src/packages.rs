//! Package databases: which package put a file there, and is it still as shipped.
//!
//! Ownership and digest, never a process's name, decide what is trusted. All owned paths of a
//! machine stand in one [`Index`]: the bytes of the path lists in one piece, and a hash table of
//! offsets into it, so that 120,000 files cost about 10 MB.
//!
//! Source: dpkg-query(1), dpkg-divert(1), deb-md5sums(5); rpm's docs/manual/tags.md and hregions.md.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use stanch_machine::{FileKind, Machine};
use stanch_words::{Gap, GapKind, Seen};

use crate::Host;
use crate::host::Beat;

mod archive_keys;
pub(crate) mod deb;
pub mod dpkg;
mod paths;
pub mod rpm;
pub(crate) mod rpm_database;
pub(crate) mod rpm_file;
pub(crate) mod shipped;
pub(crate) mod signed_index;
mod trust;
mod verify;

pub use signed_index::Offer;
pub use trust::contents::{Missing, ShippedFile, ShippedFiles, shipped_files};
pub use trust::{Bases, Basis, Trust, bases};
pub use verify::{Ownership, State};

use paths::Paths;

/// A package manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manager {
    /// dpkg.
    Dpkg,
    /// rpm.
    Rpm,
}

impl Manager {
    /// Returns its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dpkg => "dpkg",
            Self::Rpm => "rpm",
        }
    }
}

/// An installed package, as far as ownership needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// Its name, without an architecture.
    pub name: Arc<str>,
    /// Its version, with epoch and revision; empty if the database does not tell.
    pub version: Arc<str>,
    /// Whose database knows it.
    pub manager: Manager,
    /// Its architecture; empty if the database does not tell.
    pub(crate) architecture: Arc<str>,
    /// Whether its files are there: of a removed package only configuration files are left.
    pub(crate) installed: bool,
    /// When it was installed or last upgraded, in seconds since 1970 UTC, if the database tells.
    pub(crate) since: Option<i64>,
    /// Where dpkg keeps the digests of its files.
    pub(crate) sums: PathBuf,
    /// rpm's number of the digest algorithm of its files.
    algorithm: u32,
    /// What the header of an RPM package rests on; dpkg's packages are proven later.
    pub(crate) basis: Basis,
}

/// Who owns a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner<'a> {
    /// The package.
    pub package: &'a Package,
    /// The path as the database writes it (`/bin/ls` where the file is `/usr/bin/ls`).
    pub listed: &'a [u8],
    /// Whether it is a configuration file, which may change without harm.
    pub config: bool,
    /// The package's number in the index.
    pub(crate) number: usize,
    /// The number of the listed path; none where a diversion leads to it.
    pub(crate) place: Option<u32>,
    record: &'a [u8],
}

/// All owned paths of a machine.
#[derive(Debug, Default)]
pub struct Index {
    paths: Paths,
    packages: Vec<Package>,
    config: std::collections::HashMap<Box<[u8]>, Box<[u8]>>,
    diversions: Vec<dpkg::Diversion>,
    /// Packages that list a diverted path: (diversion, package).
    claims: Vec<(usize, usize)>,
    /// Directories that are symlinks (`/bin`) and where they lead (`/usr/bin`).
    aliases: Vec<(PathBuf, PathBuf)>,
    /// Names of owners and groups that rpm's headers tell, by number.
    names: Vec<Arc<str>>,
    /// Capabilities that rpm's headers tell, by path.
    capabilities: std::collections::HashMap<Box<[u8]>, Box<[u8]>>,
    gaps: Vec<Gap>,
    readable: bool,
    verified: verify::Cache,
    proven: trust::Proven,
    /// Whether package files were looked for.
    compared: bool,
}

/// Returns the index of a machine, built at the first call.
pub fn index(host: &Host) -> Arc<Index> {
    host.once_with_beats(Index::build)
}

impl Index {
    fn build(host: &Host, beat: &Beat) -> Self {
        let mut index = Self { aliases: aliases(host.machine()), ..Self::default() };
        let trust = host.made::<Trust>();
        let mut seen = Seen::default();
        let found = trust.as_ref().map(|trust| trust::Found::look(host, Some(trust), &mut seen));
        dpkg::load(host, &mut index);
        rpm::load(host, &mut index, found.as_ref());
        index.paths.finish();
        if let Some(found) = found {
            index.compared = true;
            index.proven = found.prove(&index, beat, &mut seen);
        }
        index.gaps.append(&mut seen.gaps);
        index
    }

    /// Returns whether any package database was there and readable.
    pub fn is_readable(&self) -> bool {
        self.readable
    }

    /// Returns how many paths are owned.
    pub fn len(&self) -> usize {
        self.paths.len()
    }

    /// Returns whether no path is owned.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the bytes of memory that the paths take.
    pub fn size(&self) -> usize {
        self.paths.size()
    }

    /// Leaves the gaps of building the index in a table.
    pub fn leave_gaps(&self, table: &str, seen: &mut Seen) {
        for gap in &self.gaps {
            seen.gap(Gap { what: table.to_owned(), ..gap.clone() });
        }
    }

    /// Returns who owns a path. The path has no symlinks left in it (see [`Index::resolve`]), but
    /// the database may list it by a directory that is one (`/bin` for `/usr/bin`).
    pub fn owner(&self, path: &Path) -> Option<Owner<'_>> {
        self.listed(path.as_os_str().as_bytes()).or_else(|| {
            self.aliases.iter().find_map(|(alias, target)| {
                let rest = path.strip_prefix(target).ok()?;
                // Joining an empty path would add a slash.
                let empty = rest.as_os_str().is_empty();
                let listed = if empty { alias.clone() } else { alias.join(rest) };
                self.listed(listed.as_os_str().as_bytes())
            })
        })
    }

    fn listed(&self, path: &[u8]) -> Option<Owner<'_>> {
        for (number, diversion) in self.diversions.iter().enumerate() {
            if *diversion.to == *path {
                return self.claim(number, |name| name.as_bytes() != &*diversion.by);
            }
            if *diversion.from == *path {
                return self.claim(number, |name| name.as_bytes() == &*diversion.by);
            }
        }
        let (listed, record, package, place) = self.paths.find(path)?;
        if self.is_forged(package, place, listed) {
            return None;
        }
        Some(Owner { place: Some(place), ..self.owned(package, listed, record)? })
    }

    fn claim(&self, diversion: usize, is_owner: impl Fn(&str) -> bool) -> Option<Owner<'_>> {
        let from = &self.diversions.get(diversion)?.from;
        let claims = self.claims.iter().filter(|claim| claim.0 == diversion);
        let mut claims = claims.filter_map(|claim| Some((claim.1, self.packages.get(claim.1)?)));
        let (number, _) = claims.find(|(_, package)| is_owner(&package.name))?;
        self.owned(number, from, b"")
    }

    fn owned<'a>(&'a self, number: usize, listed: &'a [u8], record: &'a [u8]) -> Option<Owner<'a>> {
        let package = self.packages.get(number)?;
        let config = match package.manager {
            Manager::Dpkg => self.config.contains_key(listed),
            Manager::Rpm => record.first().is_some_and(|flags| flags & 1 != 0),
        };
        Some(Owner { package, listed, config, number, place: None, record })
    }

    /// Returns all packages, by their numbers.
    pub(crate) fn packages(&self) -> &[Package] {
        &self.packages
    }

    /// Returns the directories that are symlinks and where they lead.
    pub(crate) fn aliases(&self) -> &[(PathBuf, PathBuf)] {
        &self.aliases
    }

    /// Returns whether a path is one that a package's file was moved away from or to.
    pub(crate) fn is_diverted(&self, path: &[u8]) -> bool {
        self.diversions.iter().any(|one| *one.from == *path || *one.to == *path)
    }

    /// Calls `each` with the number and the bytes of every path as it is listed, and its package's
    /// number.
    pub(crate) fn each_path(&self, each: &mut dyn FnMut(u32, &[u8], usize)) {
        self.paths.each(each);
    }

    /// Returns a path with every symlink followed inside the machine. Of a path that is not there
    /// (a deleted program), the directories that are there are followed.
    pub fn resolve(machine: &dyn Machine, path: &Path) -> PathBuf {
        let mut missing: Vec<&OsStr> = Vec::new();
        for above in path.ancestors() {
            if let Ok(mut resolved) = machine.resolve(above) {
                resolved.extend(missing.iter().rev());
                return resolved;
            }
            missing.extend(above.file_name());
        }
        path.to_owned()
    }

    fn gap(&mut self, kind: GapKind, detail: impl Into<String>, path: &Path) {
        self.gaps.push(
            Gap::new("packages", kind, detail).at(stanch_words::Value::from(path).to_string()),
        );
    }
}

/// Returns the directories that are symlinks, as a merged /usr (file-hierarchy(7)) makes them.
fn aliases(machine: &dyn Machine) -> Vec<(PathBuf, PathBuf)> {
    let mut found = Vec::new();
    for parent in ["/", "/usr", "/var"] {
        let Ok(listing) = machine.list(Path::new(parent)) else { continue };
        for entry in listing.entries.iter().filter(|e| e.kind == FileKind::Symlink).take(64) {
            let alias = Path::new(parent).join(&entry.name);
            let Ok(target) = machine.resolve(&alias) else { continue };
            let directory = machine.stat(&target).is_ok_and(|s| s.kind() == FileKind::Directory);
            if directory && target != Path::new("/") {
                found.push((alias, target));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use stanch_machine::Pretend;

    fn debian() -> Pretend {
        Pretend::new()
            .link("/bin", "usr/bin")
            .directory("/usr/bin")
            .file("/usr/bin/ls", "ls")
            .file("/usr/bin/mawk", "mawk")
            .link("/usr/bin/awk", "/etc/alternatives/awk")
            .link("/etc/alternatives/awk", "/usr/bin/mawk")
            .file("/var/lib/dpkg/status", "Package: coreutils\nStatus: install ok installed\nArchitecture: amd64\nVersion: 9.1-1\n\nPackage: mawk\nStatus: install ok installed\nVersion: 1.3\nConffiles:\n /etc/mawk.conf 0123\n\n")
            .file("/var/lib/dpkg/info/coreutils.list", "/.\n/bin\n/bin/ls\n/usr\n")
            .file("/var/lib/dpkg/info/mawk.list", "/.\n/usr\n/usr/bin\n/usr/bin/mawk\n/etc/mawk.conf\n/usr/bin/diverted\n")
            .file("/var/lib/dpkg/info/other:amd64.list", "/usr/bin/diverted\n")
            .file("/var/lib/dpkg/diversions", "/usr/bin/diverted\n/usr/bin/diverted.orig\nother\n")
    }

    fn owner(index: &Index, path: &str) -> String {
        index.owner(Path::new(path)).map_or_else(String::new, |o| o.package.name.to_string())
    }

    #[test]
    fn a_merged_usr_is_owned_by_either_name() {
        let host = Host::new(Arc::new(debian()));
        let index = index(&host);
        assert_eq!(owner(&index, "/usr/bin/ls"), "coreutils");
        assert_eq!(owner(&index, "/usr/bin/mawk"), "mawk");
        assert_eq!(owner(&index, "/usr/bin/l"), "");
        assert_eq!(owner(&index, "/opt/ls"), "");
        assert_eq!(index.gaps, []);
        let ls = index.owner(Path::new("/usr/bin/ls")).unwrap();
        assert_eq!((&*ls.package.version, ls.listed), ("9.1-1", &b"/bin/ls"[..]));
        assert!(index.owner(Path::new("/etc/mawk.conf")).unwrap().config);
    }

    #[test]
    fn without_a_merged_usr_another_bin_is_not_owned() {
        let machine = Pretend::new()
            .file("/bin/ls", "ls")
            .file("/usr/bin/ls", "implant")
            .file("/var/lib/dpkg/status", "")
            .file("/var/lib/dpkg/info/coreutils.list", "/bin/ls\n");
        let index = index(&Host::new(Arc::new(machine)));
        assert_eq!(owner(&index, "/bin/ls"), "coreutils");
        assert_eq!(owner(&index, "/usr/bin/ls"), "");
    }

    #[test]
    fn a_diverted_file_belongs_to_its_package_at_its_new_place() {
        let index = index(&Host::new(Arc::new(debian())));
        assert_eq!(owner(&index, "/usr/bin/diverted"), "other");
        assert_eq!(owner(&index, "/usr/bin/diverted.orig"), "mawk");
    }

    #[test]
    fn a_path_is_resolved_as_far_as_it_is_there() {
        let machine = debian();
        let resolve = |path: &str| Index::resolve(&machine, Path::new(path));
        assert_eq!(resolve("/bin/awk"), Path::new("/usr/bin/mawk"));
        assert_eq!(resolve("/bin/gone/x"), Path::new("/usr/bin/gone/x"));
    }
}
