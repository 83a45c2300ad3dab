//! The digests of all files as dpkg's packages shipped them, all lists at once.
//!
//! Source: deb-md5sums(5). A path that moved from one package to another (`Replaces`) may stand in
//! the digests of both; that of the package which lists the path counts.

use std::path::Path;

use stanch_machine::limits;
use stanch_words::{Gap, GapKind, Seen, Value};

use super::{Basis, Index, Manager, Owner, dpkg};
use crate::Host;

/// A digest of dpkg's.
pub(crate) type Md5 = [u8; 16];

/// Digests by the number of the path and of the package.
#[derive(Debug, Default)]
pub(crate) struct Shipped {
    digests: Vec<(u32, u32, Md5)>,
    /// Packages with files but without a list of digests.
    pub(crate) without: Vec<usize>,
}

impl Shipped {
    /// Reads the lists of all packages.
    pub(crate) fn read(host: &Host, index: &Index, table: &str, seen: &mut Seen) -> Self {
        let mut shipped = Self::default();
        for (number, package) in index.packages().iter().enumerate() {
            if package.manager != Manager::Dpkg || index.basis(number) > Basis::Machine {
                continue;
            }
            match host.read(table, &package.sums, limits::DATABASE, seen) {
                Some(bytes) => {
                    let strange = shipped.add(index, number, &bytes);
                    if strange > 0 {
                        let detail = format!("{strange} lines were not understood");
                        let at = Value::from(package.sums.as_path()).to_string();
                        seen.gap(Gap::new(table, GapKind::Damaged, detail).at(at));
                    }
                }
                None => shipped.without.push(number),
            }
        }
        shipped.digests.extend(index.proven_digests());
        shipped.digests.sort_unstable();
        shipped
    }

    /// Adds a package's list; returns how many lines were not understood.
    fn add(&mut self, index: &Index, number: usize, bytes: &[u8]) -> usize {
        let mut strange = 0_usize;
        let mut path = Vec::new();
        for line in bytes.split(|&b| b == b'\n').filter(|line| !line.is_empty()) {
            let Some((digest, listed)) = dpkg::sums_of(line).next() else {
                strange = strange.saturating_add(1);
                continue;
            };
            let Some(digest) = unhex(digest) else {
                strange = strange.saturating_add(1);
                continue;
            };
            path.clear();
            path.push(b'/');
            path.extend_from_slice(listed.strip_prefix(b"./").unwrap_or(listed));
            if let Some((_, _, _, place)) = index.paths.find(&path) {
                self.digests.push((place, u32::try_from(number).unwrap_or(u32::MAX), digest));
            }
        }
        strange
    }

    /// Returns the shipped digest of an owned file: its owner's own, else that of any package that
    /// tells of the path.
    pub(crate) fn of(&self, index: &Index, owner: &Owner<'_>) -> Option<Md5> {
        let place = owner.place.or_else(|| Some(index.paths.find(owner.listed)?.3))?;
        let from = self.digests.partition_point(|known| known.0 < place);
        let all = self.digests.get(from..)?.iter().take_while(|known| known.0 == place);
        let number = u32::try_from(owner.number).unwrap_or(u32::MAX);
        let own = all.clone().find(|known| known.1 == number);
        // A diversion's two files have the same path, and each only its own digest; so has what a
        // package file proves.
        let from_others = owner.place.is_some() && index.basis(owner.number) == Basis::Machine;
        own.or_else(|| all.clone().next().filter(|_| from_others)).map(|known| known.2)
    }

    /// Returns all digests, in order, to find copies of shipped files.
    pub(crate) fn all(&self) -> Vec<(Md5, u32)> {
        let mut all: Vec<(Md5, u32)> =
            self.digests.iter().map(|known| (known.2, known.0)).collect();
        all.sort_unstable();
        all.dedup_by_key(|known| known.0);
        all
    }
}

impl Index {
    /// Returns the digest of a configuration file as it was shipped, and whether the path is one.
    pub(crate) fn shipped_config(&self, owner: &Owner<'_>) -> Option<Md5> {
        let proven = self.proven_digest(owner.number, owner.listed);
        if proven.is_some() {
            return proven;
        }
        unhex(self.config.get(owner.listed)?)
    }

    /// Returns what rpm's header tells of an owned file.
    pub(crate) fn record<'a>(&self, owner: &Owner<'a>) -> Option<super::rpm::Record<'a>> {
        (owner.package.manager == Manager::Rpm)
            .then(|| super::rpm::Record::parse(owner.record))
            .flatten()
    }

    /// Returns what rpm's header tells of a listed path, by its owner as a survey keeps it.
    pub(crate) fn record_at(
        &self,
        owned: crate::system_files::Owned,
    ) -> Option<super::rpm::Record<'_>> {
        self.record(&self.owner_at(owned)?)
    }

    /// Returns the owner of a listed path again.
    pub(crate) fn owner_at(&self, owned: crate::system_files::Owned) -> Option<Owner<'_>> {
        let listed = self.paths.at(owned.place?)?;
        let (listed, record, _, place) = self.paths.find(listed)?;
        Some(Owner { place: Some(place), ..self.owned(owned.package, listed, record)? })
    }

    /// Returns a name of rpm's headers by its number.
    pub(crate) fn name(&self, number: usize) -> Option<&std::sync::Arc<str>> {
        self.names.get(number)
    }

    /// Returns the capabilities that rpm's header tells of a path.
    pub(crate) fn shipped_capabilities(&self, owner: &Owner<'_>) -> Option<&[u8]> {
        self.capabilities.get(owner.listed).map(|text| &**text)
    }

    /// Returns the path that a number stands for, as it is listed.
    pub(crate) fn path_of(&self, place: u32) -> Option<&Path> {
        use std::os::unix::ffi::OsStrExt as _;
        self.paths.at(place).map(|bytes| Path::new(std::ffi::OsStr::from_bytes(bytes)))
    }
}

/// Returns the bytes of an MD5 digest.
pub(crate) fn unhex(text: &[u8]) -> Option<Md5> {
    stanch_words::text::unhex_exactly(text)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use stanch_machine::Pretend;

    use super::*;

    #[test]
    fn the_digest_of_the_package_that_lists_the_path_counts() {
        let a = "0123456789abcdef0123456789abcdef";
        let b = "ffffffffffffffffffffffffffffffff";
        let machine = Pretend::new()
            .file("/var/lib/dpkg/status", "")
            .file("/var/lib/dpkg/info/old.list", "/usr/bin/other\n")
            .file(
                "/var/lib/dpkg/info/old.md5sums",
                format!("{b}  usr/bin/tool\n{a}  usr/bin/other\n"),
            )
            .file("/var/lib/dpkg/info/tool.list", "/usr/bin/tool\n/usr/bin/bare\n")
            .file("/var/lib/dpkg/info/tool.md5sums", format!("{a}  usr/bin/tool\nnonsense\n"))
            .file("/var/lib/dpkg/info/torn.list", "/usr/bin/torn\n");
        let host = Host::new(Arc::new(machine));
        let index = crate::packages::index(&host);
        let mut seen = Seen::default();
        let shipped = Shipped::read(&host, &index, "t", &mut seen);
        let of = |path: &str| shipped.of(&index, &index.owner(Path::new(path)).unwrap());
        assert_eq!(of("/usr/bin/tool"), unhex(a.as_bytes()));
        assert_eq!(of("/usr/bin/bare"), None);
        let without: Vec<&str> =
            shipped.without.iter().map(|&number| &*index.packages()[number].name).collect();
        assert_eq!(without, ["torn"]);
        assert_eq!(seen.gaps.len(), 1, "{:?}", seen.gaps);
        assert_eq!(seen.gaps[0].path.as_deref(), Some("/var/lib/dpkg/info/tool.md5sums"));
        assert_eq!((shipped.digests.len(), shipped.all().len()), (3, 2));
    }

    #[test]
    fn only_a_whole_digest_is_one() {
        assert_eq!(unhex(b"0123456789abcdef0123456789abcdeF").unwrap()[15], 0xef);
        for other in
            ["", "01", "0123456789abcdef0123456789abcdeg", "0123456789abcdef0123456789abcdef0"]
        {
            assert_eq!(unhex(other.as_bytes()), None, "{other}");
        }
    }
}
