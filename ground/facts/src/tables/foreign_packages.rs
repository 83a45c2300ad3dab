//! Installed packages that no source of packages answers for.
//!
//! Source: apt's copies of the indexes in /var/lib/apt/lists (`Packages`, as in deb-control(5));
//! the signatures that rpm keeps in a package's header (rpm's docs/manual/tags.md).

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use stanch_words::{Ask, Gap, GapKind, Seen, Value, table_spec};

use crate::packages::{dpkg, rpm, rpm_database};
use crate::reach::Reach;
use crate::{Host, decompress};

table_spec! {
    /// Packages of nobody.
    pub static SPEC, col = "foreign_packages": Files, "Installed packages that no index of apt names (as far as apt keeps indexes here), or that carry no signature of rpm's.";
    manager Text Plain "dpkg or rpm.";
    name Text Plain "Package name.";
    version Text Plain "Whole version.";
    arch Text Plain "Architecture.";
    maintainer Text Plain "Maintainer or vendor, as the package says it.";
    why Text Plain "no index (none of apt's indexes names it) or unsigned (rpm's header has no signature).";
    path Text Plain "The file that lists what it brought: dpkg's list of it, or rpm's database.";
    scripts Integer Plain "How many scripts of it run when it is installed or removed.";
    packages BigInt Plain "How many packages are installed in all.";
}

const LISTS: &str = "/var/lib/apt/lists";
const INFO: &str = "/var/lib/dpkg/info";
/// How many bytes of one index are read, unpacked: Debian's main has 50 MB.
const INDEX: u64 = 256 << 20;
/// How many indexes are read.
const INDEXES: usize = 200;
/// The longest line in which a package's name is looked for.
const LINE: usize = 300;

/// A package that was installed.
struct Installed {
    version: String,
    arch: String,
    maintainer: String,
}

/// Compares what dpkg says is installed with apt's indexes, and asks rpm's headers.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    of_dpkg(host, seen);
    let mut unsigned = Vec::new();
    let mut all = 0_i64;
    rpm_database::each(host, SPEC.name, seen, &mut |header, path| {
        all = all.saturating_add(1);
        if let Some(row) = unsigned_row(header, path) {
            unsigned.push(row);
        }
    });
    for mut row in unsigned {
        row.put(col::packages, all);
        seen.push(row);
    }
}

fn of_dpkg(host: &Host, seen: &mut Seen) {
    let mut installed = HashMap::new();
    for (_, bytes) in dpkg::status(host, SPEC.name, seen) {
        for paragraph in dpkg::paragraphs(&bytes) {
            let text = |name: &str| stanch_words::text::from_bytes(paragraph.field(name));
            if paragraph.state() == b"installed" && !paragraph.field("Package").is_empty() {
                let (version, arch) = (text("Version"), text("Architecture"));
                let maintainer = text("Maintainer");
                installed.insert(text("Package"), Installed { version, arch, maintainer });
            }
        }
    }
    if installed.is_empty() {
        return;
    }
    let all = i64::try_from(installed.len()).unwrap_or(i64::MAX);
    if !take_named(host, &mut installed, seen) {
        let detail = "apt keeps no indexes of packages here to compare with";
        seen.gap(Gap::new(SPEC.name, GapKind::NotHere, detail).at(LISTS));
        return;
    }
    let mut left: Vec<(String, Installed)> = installed.into_iter().collect();
    left.sort_by(|a, b| a.0.cmp(&b.0));
    for (name, package) in left {
        let list = [format!("{name}.list"), format!("{name}:{}.list", package.arch)];
        let mut lists = list.iter().map(|list| Path::new(INFO).join(list));
        let there = |path: &PathBuf| host.machine().lstat(path).is_ok();
        let path = lists.find(there).unwrap_or_else(|| PathBuf::from("/var/lib/dpkg/status"));
        let script = |kind: &&&str| host.machine().lstat(&path.with_extension(kind)).is_ok();
        let scripts = ["preinst", "postinst", "prerm", "postrm"].iter().filter(script).count();
        let mut row = SPEC.row();
        row.put(col::manager, "dpkg")
            .put(col::name, name)
            .put(col::version, package.version)
            .put(col::arch, package.arch)
            .put(col::maintainer, package.maintainer)
            .put(col::why, "no index")
            .put(col::path, path.as_path())
            .put(col::scripts, i64::try_from(scripts).unwrap_or(0))
            .put(col::packages, all);
        seen.push(row);
    }
}

/// Takes the packages that indexes name out of the installed ones. Returns whether there was an
/// index that names any.
fn take_named(host: &Host, installed: &mut HashMap<String, Installed>, seen: &mut Seen) -> bool {
    let before = installed.len();
    let mut reach = Reach::new(host, SPEC.name);
    let folder = Path::new(LISTS);
    let mut left = INDEXES;
    for entry in reach.list(folder, seen) {
        let path = folder.join(&entry.name);
        let stem = ["lz4", "gz", "xz", "zst", "bz2"];
        let packed = path.extension().is_some_and(|kind| stem.iter().any(|stem| kind == *stem));
        let plain = if packed { path.with_extension("") } else { path.clone() };
        if !plain.as_os_str().as_encoded_bytes().ends_with(b"_Packages") || installed.is_empty() {
            continue;
        }
        let Some(next) = left.checked_sub(1) else {
            reach.gap(GapKind::Truncated, "too many indexes", folder, seen);
            break;
        };
        left = next;
        let mut names = Names::default();
        let read = decompress::read_pieces(host.machine(), &path, INDEX, &mut |piece| {
            names.take(piece, &mut |name| drop(installed.remove(name)));
        });
        names.take(b"\n", &mut |name| drop(installed.remove(name)));
        match read {
            Ok(read) => read.gaps(SPEC.name, &path).into_iter().for_each(|gap| seen.gap(gap)),
            Err(miss) => reach.note(&miss, seen),
        }
    }
    reach.finish(seen);
    installed.len() < before
}

/// Finds names of packages in an index that comes in pieces.
#[derive(Debug, Default)]
pub struct Names {
    /// The line that the last piece began.
    line: Vec<u8>,
}

impl Names {
    /// Takes a piece and calls `each` for every name whose line is whole.
    pub fn take(&mut self, piece: &[u8], each: &mut dyn FnMut(&str)) {
        let mut rest = piece;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let (line, after) = rest.split_at(end);
            if self.line.is_empty() {
                named(line, each);
            } else {
                self.begin(line);
                named(&self.line, each);
                self.line.clear();
            }
            rest = after.get(1..).unwrap_or_default();
        }
        self.begin(rest);
    }

    fn begin(&mut self, part: &[u8]) {
        let room = LINE.saturating_sub(self.line.len());
        self.line.extend(part.iter().take(room));
    }
}

fn named(line: &[u8], each: &mut dyn FnMut(&str)) {
    let name = line.strip_prefix(b"Package:").map(<[u8]>::trim_ascii);
    if let Some(Ok(name)) = name.map(std::str::from_utf8) {
        each(name);
    }
}

/// Returns a package's row if its header has no signature: rpm keeps those of the package in it.
fn unsigned_row(header: &rpm::Header<'_>, path: &Path) -> Option<stanch_words::Row> {
    // SIGPGP, SIGGPG, DSAHEADER, RSAHEADER, OPENPGP.
    let is_signed = [259, 262, 267, 268, 278].iter().any(|tag| header.has(*tag));
    let name = header.text(rpm::tag::NAME);
    // A public key stands in the database like a package, and nobody signs it.
    if is_signed || name == b"gpg-pubkey" {
        return None;
    }
    // PREIN, POSTIN, PREUN, POSTUN.
    let scripts = (1023..=1026).filter(|tag| !header.text(*tag).is_empty()).count();
    let mut row = SPEC.row();
    row.put(col::manager, "rpm")
        .put(col::name, name)
        .put(col::version, header.whole_version())
        .put(col::arch, header.text(rpm::tag::ARCH))
        .put(col::maintainer, header.text(rpm::tag::VENDOR))
        .put(col::why, "unsigned")
        .put(col::path, Value::from(path))
        .put(col::scripts, i64::try_from(scripts).unwrap_or(0));
    Some(row)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use stanch_machine::Pretend;

    use super::*;

    const STATUS: &str = "Package: a\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n\n\
        Package: own\nStatus: install ok installed\nArchitecture: all\nVersion: 2-1\nMaintainer: O <o@x>\n\n\
        Package: gone\nStatus: deinstall ok config-files\nVersion: 3\n";

    fn look(machine: Pretend) -> (Vec<String>, usize) {
        let mut seen = Seen::default();
        read(&Host::new(Arc::new(machine)), &Ask::all(), &mut seen);
        let cells = [col::name, col::version, col::maintainer, col::why, col::path, col::scripts];
        let text = |row: &stanch_words::Row| cells.map(|cell| row.get(cell).to_string()).join("|");
        (seen.rows.iter().map(text).collect(), seen.gaps.len())
    }

    #[test]
    fn a_package_that_no_index_names_is_told() {
        let machine = || {
            Pretend::new()
                .file("/var/lib/dpkg/status", STATUS)
                .file("/var/lib/dpkg/info/own.list", "/usr/bin/own\n")
                .file("/var/lib/dpkg/info/own.postinst", "#!/bin/sh\n")
        };
        let index = "Package: a\nVersion: 0.9\nDescription: x\n Package: own\n\nPackage: b\n";
        let lists = |name: &str, bytes: &[u8]| machine().file(format!("{LISTS}/{name}"), bytes);
        let own = "own|2-1|O <o@x>|no index|/var/lib/dpkg/info/own.list|1";
        let packed = {
            use std::io::Write as _;
            let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            gzip.write_all(index.as_bytes()).unwrap();
            gzip.finish().unwrap()
        };
        for machine in [
            lists("deb.debian.org_dists_x_main_binary-amd64_Packages", index.as_bytes()),
            lists("deb.debian.org_dists_x_main_binary-amd64_Packages.gz", &packed),
        ] {
            assert_eq!(look(machine), (vec![own.to_owned()], 0));
        }
        // Without an index, or with one of something else, nothing can be said.
        assert_eq!(look(machine()), (Vec::new(), 1));
        assert_eq!(look(lists("x_Packages", b"Package: z\n")), (Vec::new(), 1));
        assert_eq!(look(lists("x_InRelease", index.as_bytes())), (Vec::new(), 1));
    }

    #[test]
    fn names_are_found_wherever_an_index_is_cut() {
        let index = b"Package: one\nA: b\n\nPackage:two\nB: Package: no\nPackage: three";
        for at in 0..index.len() {
            let (mut names, mut found) = (Names::default(), Vec::new());
            for piece in [&index[..at], &index[at..], b"\n"] {
                names.take(piece, &mut |name| found.push(name.to_owned()));
            }
            assert_eq!(found, ["one", "two", "three"], "cut at {at}");
        }
    }

    #[test]
    fn a_package_of_rpm_without_a_signature_is_told() {
        let packed = include_bytes!("../../fixtures/rpmdb.sqlite.xz");
        let xz = decompress::Compression::Xz;
        let (database, _) = decompress::value(xz, packed, 1 << 20).unwrap();
        // This one was signed when it was built, and the next one was not.
        let machine = Pretend::new().file("/usr/lib/sysimage/rpm/rpmdb.sqlite", database);
        assert_eq!(look(machine), (Vec::new(), 0));
        let unsigned = include_bytes!("../../fixtures/rpm-berkeley.db");
        let machine = Pretend::new().file("/var/lib/rpm/Packages", unsigned);
        let (rows, gaps) = look(machine);
        assert_eq!(rows.len(), 1, "{rows:?}");
        assert!(rows[0].starts_with("stanch-probe|4:1.2-3|"), "{rows:?}");
        assert!(rows[0].contains("|unsigned|/var/lib/rpm/Packages|"), "{rows:?}");
        assert_eq!(gaps, 0);
    }
}
