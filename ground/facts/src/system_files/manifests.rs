//! What other package managers than the distribution's wrote down.
//!
//! Only pip's tells the digest of each file; npm's, gem's and composer's tell which folder is
//! whose, and no more can be said of what lies in it.
//!
//! Source: the PyPA specification "Recording installed projects" (`RECORD`); npm's package.json(5);
//! RubyGems' directory `specifications`; Composer's `vendor/composer/installed.json`; dkms(8).

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use stanch_machine::{Machine, limits};
use stanch_words::Seen;

use super::{Explained, Survey};
use crate::digest::{self, Digest};
use crate::packages::State;
use crate::{Host, base64};

/// Most files that are read of each kind of manifest.
const MOST: usize = 20_000;

/// Manifests that were found among unowned files.
#[derive(Default)]
pub(super) struct Manifests {
    /// SHA-256 in base64 by path.
    pip: HashMap<PathBuf, Box<str>>,
    /// Folders with a `package.json` below `node_modules`.
    npm: HashSet<PathBuf>,
    /// Folders that a specification stands for.
    gem: HashSet<PathBuf>,
    /// Folders that an `installed.json` names.
    composer: HashSet<PathBuf>,
}

impl Manifests {
    /// Reads them.
    pub(super) fn of(host: &Host, table: &str, survey: &Survey, seen: &mut Seen) -> Self {
        let mut found = Self::default();
        // A manifest as its package shipped it says nothing about what others changed.
        let others = survey.files.iter().filter(|file| {
            matches!(file.state, State::Unowned | State::Altered | State::Unverified)
        });
        for file in others {
            let Some(directory) = survey.directories.get(file.directory) else { continue };
            let within = |name: &str| directory.file_name() == Some(OsStr::new(name));
            match file.name.as_bytes() {
                b"RECORD" if directory.extension() == Some(OsStr::new("dist-info")) => {
                    let path = directory.join("RECORD");
                    if found.pip.len() < MOST
                        && let Some(bytes) = host.read(table, &path, limits::CONFIG_FILE, seen)
                    {
                        found.record(directory.parent().unwrap_or(directory), &bytes);
                    }
                }
                b"package.json" if is_below_node_modules(directory) => {
                    found.npm.insert(directory.clone());
                }
                b"installed.json" if within("composer") => {
                    let path = directory.join("installed.json");
                    if let Some(bytes) = host.read(table, &path, limits::CONFIG_FILE, seen) {
                        found.installed(directory.parent().unwrap_or(directory), &bytes);
                    }
                }
                name if within("specifications") => {
                    let stem = name.strip_suffix(b".gemspec");
                    if let (Some(stem), Some(above)) = (stem, directory.parent()) {
                        found.gem.insert(above.join("gems").join(OsStr::from_bytes(stem)));
                    }
                }
                _ => {}
            }
        }
        found
    }

    /// Adds the lines of a RECORD: path, `sha256=` and the digest in URL-safe base64, size.
    fn record(&mut self, folder: &Path, bytes: &[u8]) {
        for line in bytes.split(|&b| b == b'\n') {
            let mut fields = line.rsplitn(3, |&b| b == b',');
            let (Some(_), Some(digest), Some(path)) = (fields.next(), fields.next(), fields.next())
            else {
                continue;
            };
            let path = path.strip_prefix(b"\"").and_then(|p| p.strip_suffix(b"\"")).unwrap_or(path);
            let Some(digest) = digest.strip_prefix(b"sha256=") else { continue };
            let Ok(digest) = std::str::from_utf8(digest) else { continue };
            self.pip.insert(joined(folder, Path::new(OsStr::from_bytes(path))), digest.into());
        }
    }

    /// Adds the folders of the packages that Composer installed.
    fn installed(&mut self, vendor: &Path, bytes: &[u8]) {
        let Ok(value) = serde_json::from_slice::<serde_json::Value>(bytes) else { return };
        let packages = value.get("packages").unwrap_or(&value).as_array();
        for package in packages.into_iter().flatten().take(MOST) {
            let name = package.get("name").and_then(serde_json::Value::as_str);
            // VENDOR/NAME: a name that climbs would take what others own with it.
            let plain = |name: &&str| !name.split('/').any(|part| matches!(part, "" | "." | ".."));
            if let Some(name) = name.filter(plain) {
                self.composer.insert(vendor.join(name));
            }
        }
    }

    /// Returns what explains a file: its manifest, or the one that lists another content for it.
    pub(super) fn explain(
        &self,
        machine: &dyn Machine,
        survey: &Survey,
        number: usize,
    ) -> Option<Explained> {
        let file = survey.files.get(number)?;
        let path = survey.path(file);
        if let Some(expected) = self.pip.get(&path) {
            let found = digest::of_file(machine, &path, &[Digest::Sha256]).ok()?;
            let expected = hexadecimal(expected)?;
            return Some(match found.into_iter().next()? {
                found if found == expected => Explained::Listed("pip"),
                found => Explained::Otherwise("pip", expected.into(), found.into()),
            });
        }
        for above in path.ancestors().skip(1) {
            if self.npm.contains(above) {
                return Some(Explained::Beside("npm"));
            }
            if self.gem.contains(above) {
                return Some(Explained::Beside("gem"));
            }
            if self.composer.contains(above) {
                return Some(Explained::Beside("composer"));
            }
        }
        let md5 = file.digests.as_ref().map(|digests| &*digests.1)?;
        built_by_dkms(machine, &path, md5)
    }
}

/// Joins without leaving `..` behind.
fn joined(folder: &Path, path: &Path) -> PathBuf {
    let mut found = folder.to_owned();
    for part in path {
        if part == ".." {
            found.pop();
        } else if part != "." {
            found.push(part);
        }
    }
    found
}

/// `node_modules/NAME` or `node_modules/@SCOPE/NAME`.
fn is_below_node_modules(directory: &Path) -> bool {
    let is = |path: Option<&Path>| {
        path.and_then(Path::file_name).is_some_and(|name| name == "node_modules")
    };
    let above = directory.parent();
    let scoped = || above.and_then(Path::file_name).is_some_and(|n| n.as_bytes().starts_with(b"@"));
    is(above) || (scoped() && is(above.and_then(Path::parent)))
}

/// Returns the hexadecimal digits of URL-safe base64 without padding.
fn hexadecimal(base64: &str) -> Option<String> {
    let mut plain: String = base64
        .trim_end_matches('=')
        .chars()
        .map(|c| match c {
            '-' => '+',
            '_' => '/',
            other => other,
        })
        .collect();
    while !plain.len().is_multiple_of(4) {
        plain.push('=');
    }
    base64::decode(plain.as_bytes()).map(|bytes| stanch_words::text::hex(&bytes))
}

/// Looks for the module among those that dkms built:
/// `/var/lib/dkms/NAME/VERSION/KERNEL/ARCHITECTURE/module/FILE`.
fn built_by_dkms(machine: &dyn Machine, path: &Path, md5: &str) -> Option<Explained> {
    let name = path.file_name()?;
    if !name.as_bytes().windows(3).any(|part| part == b".ko") {
        return None;
    }
    let list = |path: &Path| {
        let entries = machine.list(path).map(|listing| listing.entries).unwrap_or_default();
        entries.into_iter().take(100).map(|entry| path.join(entry.name)).collect::<Vec<_>>()
    };
    let mut folders = vec![PathBuf::from("/var/lib/dkms")];
    for _ in 0..4 {
        folders = folders.iter().flat_map(|folder| list(folder)).take(1000).collect();
    }
    folders
        .iter()
        .map(|folder| folder.join("module").join(name))
        .filter_map(|path| digest::of_file(machine, &path, &[Digest::Md5]).ok())
        .any(|found| found.first().is_some_and(|found| found == md5))
        .then_some(Explained::Dkms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_lists_paths_and_digests() {
        let mut manifests = Manifests::default();
        let lines = b"numpy/a.so,sha256=ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0,3\n\"b, c.py\",sha256=x,1\n../../bin/f,sha256=y,2\nRECORD,,\njunk\n";
        manifests.record(Path::new("/usr/lib/python3/site-packages"), lines);
        let mut paths: Vec<&Path> = manifests.pip.keys().map(PathBuf::as_path).collect();
        paths.sort();
        let expected = [
            "/usr/lib/bin/f",
            "/usr/lib/python3/site-packages/b, c.py",
            "/usr/lib/python3/site-packages/numpy/a.so",
        ];
        assert_eq!(paths, expected.map(Path::new));
    }

    #[test]
    fn base64_and_hexadecimal_are_the_same_digest() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let of = |base64: &str| hexadecimal(base64).unwrap_or_default();
        assert_eq!(of("ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0"), abc);
        assert_ne!(of("ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAEa0"), abc);
        assert_eq!(of("no base64!"), "");
    }

    #[test]
    fn only_a_folder_of_node_modules_is_a_package_of_npm() {
        for (path, expected) in [
            ("/usr/lib/node_modules/npm", true),
            ("/usr/lib/node_modules/@a/b", true),
            ("/usr/lib/node_modules", false),
            ("/usr/lib/x/y", false),
            ("/usr/lib/node_modules/a/b", false),
        ] {
            assert_eq!(is_below_node_modules(Path::new(path)), expected, "{path}");
        }
    }
}
