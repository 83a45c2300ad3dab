//! Files of Debian packages: which package lists which path, with the digest as shipped.
//!
//! Source: dpkg-query(1) `--listfiles`, deb-md5sums(5).

use std::collections::HashMap;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use stanch_machine::{FileKind, limits};
use stanch_words::{Ask, Gap, GapKind, Op, Seen, Value, table_spec, text};

use crate::Host;
use crate::packages::{self, Manager, dpkg};

table_spec! {
    /// Files of Debian packages.
    pub static SPEC, col = "deb_package_files": Files, "Paths that Debian packages list.";
    package Text Index "Package name.";
    path Text Index "Path as the package lists it.";
    digest Text Plain "MD5 digest as shipped; empty for directories, symlinks and packages without digests.";
    conffile Integer Plain "1 if it is a configuration file.";
}

/// Reads the lists of one package or of all.
pub(super) fn read(host: &Host, ask: &Ask, seen: &mut Seen) {
    let info = Path::new(dpkg::ADMIN).join("info");
    let mut only = Vec::new();
    for constraint in ask.constraints.iter().filter(|c| c.op == Op::Equal) {
        let Some(value) = constraint.value.as_text() else { continue };
        if constraint.column == col::package {
            only.push(value.to_owned());
        } else if constraint.column == col::path {
            match package_of(host, value) {
                Some(package) => only.push(package),
                None => {
                    only.clear();
                    break;
                }
            }
        }
    }
    let config = conffiles(host, seen);
    for entry in host.list(SPEC.name, &info, seen) {
        let Some(stem) = entry.name.as_bytes().strip_suffix(b".list") else { continue };
        let name = stem.split(|&b| b == b':').next().unwrap_or_default();
        if !only.is_empty() && !only.iter().any(|only| only.as_bytes() == name) {
            continue;
        }
        let path = info.join(&entry.name);
        let Some(list) = host.read(SPEC.name, &path, limits::DATABASE, seen) else { continue };
        let sums = if ask.wants(col::digest) {
            let path = path.with_extension("md5sums");
            host.read(SPEC.name, &path, limits::DATABASE, seen).unwrap_or_default()
        } else {
            Vec::new()
        };
        parse(name, &list, &sums, &config, seen);
    }
}

/// Returns the one package that lists a file; a directory may be listed by many.
fn package_of(host: &Host, path: &str) -> Option<String> {
    let path = PathBuf::from(OsString::from_vec(text::to_bytes(path)));
    if host.machine().lstat(&path).is_ok_and(|stat| stat.kind() == FileKind::Directory) {
        return None;
    }
    let index = packages::index(host);
    let owner = index.owner(&path).filter(|owner| owner.package.manager == Manager::Dpkg);
    owner.map(|owner| owner.package.name.to_string())
}

/// Configuration files and their digests.
type Config = HashMap<Vec<u8>, Vec<u8>>;

fn conffiles(host: &Host, seen: &mut Seen) -> Config {
    let mut found = Config::new();
    for (_, bytes) in dpkg::status(host, SPEC.name, seen) {
        for paragraph in dpkg::paragraphs(&bytes) {
            found.extend(paragraph.config().map(|(path, sum)| (path.to_vec(), sum.to_vec())));
        }
    }
    found
}

/// Parses a list of paths with the list of digests that belongs to it.
pub fn parse(package: &[u8], list: &[u8], sums: &[u8], config: &Config, seen: &mut Seen) {
    let package: Arc<str> = text::from_bytes(package).into();
    let sums: HashMap<&[u8], &[u8]> = dpkg::sums_of(sums).map(|(sum, path)| (path, sum)).collect();
    for path in list.split(|&b| b == b'\n') {
        if path.is_empty() || path == b"/." {
            continue;
        }
        let Some(relative) = path.strip_prefix(b"/") else {
            let line = stanch_words::text::shortened(&text::from_bytes(path), 80);
            let detail = format!("package {package}: `{line}` is no path");
            seen.gap(Gap::new(SPEC.name, GapKind::Damaged, detail));
            continue;
        };
        let conffile = config.get(path);
        let digest = conffile.map(|sum| &**sum).or_else(|| sums.get(relative).copied());
        let mut row = SPEC.row();
        row.put(col::package, Value::Text(Arc::clone(&package)))
            .put(col::path, path)
            .put(col::digest, digest.unwrap_or_default())
            .put(col::conffile, conffile.is_some());
        seen.push(row);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stanch_machine::Pretend;
    use stanch_words::Constraint;

    fn machine() -> Pretend {
        Pretend::new()
            .directory("/usr")
            .file("/var/lib/dpkg/status", "Package: a\nConffiles:\n /etc/a 00ff\n")
            .file("/var/lib/dpkg/info/a.list", "/.\n/etc\n/etc/a\n/usr\n/usr/a\n")
            .file(
                "/var/lib/dpkg/info/a.md5sums",
                "900150983cd24fb0d6963f7d28e17f72  usr/a\nnonsense\n",
            )
            .file("/var/lib/dpkg/info/b:amd64.list", "/.\n/usr\n/usr/b\n")
    }

    fn look(column: usize, value: &str) -> Vec<String> {
        let mut seen = Seen::default();
        let constraint = Constraint { column, op: Op::Equal, value: value.into() };
        let ask = Ask { constraints: vec![constraint], ..Ask::all() };
        read(&Host::new(Arc::new(machine())), &ask, &mut seen);
        assert_eq!(seen.gaps, []);
        let cells = |row: &stanch_words::Row| {
            row.0.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        };
        seen.rows.iter().map(cells).collect()
    }

    #[test]
    fn a_package_is_read_alone() {
        assert_eq!(look(col::package, "b"), ["b /usr  0", "b /usr/b  0"]);
    }

    #[test]
    fn a_file_leads_to_its_package_and_a_directory_to_all() {
        let of_a = [
            "a /etc  0",
            "a /etc/a 00ff 1",
            "a /usr  0",
            "a /usr/a 900150983cd24fb0d6963f7d28e17f72 0",
        ];
        assert_eq!(look(col::path, "/etc/a"), of_a);
        assert_eq!(look(col::path, "/usr").len(), 6);
    }
}
