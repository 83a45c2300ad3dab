//! Which package files an archive signed for: `InRelease` ─▶ `Packages` ─▶ the digest of each
//! package.
//!
//! Source: the Debian repository format (wiki.debian.org/DebianRepository/Format); apt keeps the
//! files in `/var/lib/apt/lists`, compressed or not, their addresses as names.

use std::collections::HashSet;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use sha2::Digest as _;
use stanch_machine::{FileKind, Machine, limits};
use stanch_words::{Gap, GapKind, Seen, Value};

use super::archive_keys;
use crate::decompress;
use crate::openpgp::{self, Keyring, Signed, cleartext};

/// A SHA-256 digest.
pub(super) type Sha256 = [u8; 32];

/// Where apt keeps what it downloaded of its archives.
pub(super) const LISTS: &str = "/var/lib/apt/lists";
/// Where keys lie that apt believes.
const KEYS: [&str; 4] =
    ["/usr/share/keyrings", "/etc/apt/keyrings", "/etc/apt/trusted.gpg.d", "/etc/apt"];
/// The largest `InRelease`; Debian's has 150 kB.
const RELEASE: u64 = 16 << 20;
/// The longest line of an index that is looked at.
const LINE: usize = 4096;
/// Most files that are looked at in one folder.
const FILES: usize = 10_000;

/// The package files that an archive signed for.
#[derive(Debug, Default)]
pub(super) struct SignedIndex {
    releases: HashSet<Sha256>,
    packages: HashSet<Sha256>,
    keyring: Keyring,
}

impl SignedIndex {
    /// Takes the keys of a keyring that the responder brings.
    pub(super) fn bring(&mut self, machine: &dyn Machine, path: &Path, seen: &mut Seen) {
        match machine.read(path, limits::CONFIG_FILE) {
            Ok(read) => {
                let keyring = Keyring::parse(&read.bytes);
                if keyring.keys.is_empty() {
                    let detail = "no RSA key in it: no other kind is understood";
                    let gap = Gap::new("packages", GapKind::Damaged, detail);
                    seen.gap(gap.at(Value::from(path).to_string()));
                }
                self.keyring.add(keyring);
            }
            Err(miss) => seen.gap(miss.gap("packages")),
        }
    }

    /// Takes the keys on the machine itself that are known by fingerprint.
    pub(super) fn find_known(&mut self, machine: &dyn Machine) {
        for path in KEYS.iter().flat_map(|folder| files(machine, Path::new(folder))) {
            let is_keyring = path.extension().is_some_and(|e| e == "gpg" || e == "asc");
            if let Some(read) =
                is_keyring.then(|| machine.read(&path, limits::CONFIG_FILE).ok()).flatten()
            {
                let mut keyring = Keyring::parse(&read.bytes);
                keyring.keys.retain(|key| archive_keys::is_known(&key.fingerprint));
                self.keyring.add(keyring);
            }
        }
    }

    /// Returns whether there is a key to believe.
    pub(super) fn has_keys(&self) -> bool {
        !self.keyring.keys.is_empty()
    }

    /// Returns whether any package is signed for.
    pub(super) fn is_empty(&self) -> bool {
        self.packages.is_empty()
    }

    /// Returns the keys.
    pub(super) fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// Returns whether an archive signed for a package file.
    pub(super) fn holds(&self, digest: &Sha256) -> bool {
        self.packages.contains(digest)
    }

    /// Reads what is signed in a folder: releases first, then the indexes that they name.
    pub(super) fn read(&mut self, machine: &dyn Machine, folder: &Path, seen: &mut Seen) {
        let files = files(machine, folder);
        let ends = |path: &Path, end: &[u8]| path.as_os_str().as_bytes().ends_with(end);
        for path in &files {
            let signed = match () {
                () if ends(path, b"InRelease") => self.inline(machine, path, seen),
                () if ends(path, b"Release") => self.detached(machine, path),
                () => continue,
            };
            if let Some(text) = signed {
                self.releases.extend(indexes(&text));
            } else if self.has_keys() {
                let detail = "signed by no key that is known: give the archive's with `--keyring`";
                let gap = Gap::new("packages", GapKind::NotHere, detail);
                seen.gap(gap.at(Value::from(path.as_path()).to_string()));
            }
        }
        if self.releases.is_empty() {
            return;
        }
        for path in &files {
            let name = path.file_name().unwrap_or_default().as_bytes();
            if memchr::memmem::find(name, b"Packages").is_some() {
                self.index(machine, path, seen);
            }
        }
    }

    fn inline(&self, machine: &dyn Machine, path: &Path, seen: &mut Seen) -> Option<Vec<u8>> {
        let bytes = match machine.read(path, RELEASE) {
            Ok(read) => read.bytes,
            Err(miss) => {
                seen.gap(miss.gap("packages"));
                return None;
            }
        };
        let text = cleartext(&bytes)?;
        self.keyring.verify(&Signed::Text(&text), &text.signatures)?;
        Some(text.text)
    }

    /// Reads a `Release` with its `Release.gpg`.
    fn detached(&self, machine: &dyn Machine, path: &Path) -> Option<Vec<u8>> {
        let mut beside = OsString::from(path);
        beside.push(".gpg");
        let signature = machine.read(&PathBuf::from(beside), limits::CONFIG_FILE).ok()?.bytes;
        let signature = openpgp::unarmoured(&signature).unwrap_or(signature);
        let text = machine.read(path, RELEASE).ok()?.bytes;
        self.keyring.verify(&Signed::Bytes(&text), &signature)?;
        Some(text)
    }

    /// Reads an index; it counts if a release names its digest. That is the digest of the index
    /// before it was compressed, which every release has.
    fn index(&mut self, machine: &dyn Machine, path: &Path, seen: &mut Seen) {
        let mut digest = sha2::Sha256::new();
        let mut lines = Lines::default();
        let each = &mut |piece: &[u8]| {
            digest.update(piece);
            lines.take(piece);
        };
        match decompress::read_pieces(machine, path, limits::DATABASE, each) {
            Ok(read) if read.gaps("packages", path).is_empty() => {
                let digest: Sha256 = digest.finalize().into();
                if self.releases.contains(&digest) {
                    self.packages.extend(lines.found);
                }
            }
            Ok(read) => seen.gaps.extend(read.gaps("packages", path)),
            Err(miss) => seen.gap(miss.gap("packages")),
        }
    }
}

/// Returns the regular files of a folder, in order.
fn files(machine: &dyn Machine, folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = machine
        .list(folder)
        .map(|listing| listing.entries)
        .unwrap_or_default()
        .into_iter()
        .filter(|entry| entry.kind != FileKind::Directory)
        .take(FILES)
        .map(|entry| folder.join(entry.name))
        .collect();
    found.sort();
    found
}

/// Returns the digests of the indexes that a release names.
pub(crate) fn indexes(release: &[u8]) -> Vec<Sha256> {
    let mut lines = release.split(|&b| b == b'\n');
    // The field's lines begin with a blank.
    let named = lines.by_ref().find(|line| line.eq_ignore_ascii_case(b"SHA256:")).map(|_| lines);
    let named = named.into_iter().flatten().take_while(|line| line.starts_with(b" "));
    named
        .filter_map(|line| {
            let mut words = line.split(|&b| b == b' ').filter(|word| !word.is_empty());
            let digest = words.next()?;
            let name = words.nth(1)?;
            name.ends_with(b"Packages").then(|| unhex(digest)).flatten()
        })
        .collect()
}

/// Returns the bytes of a digest.
fn unhex(text: &[u8]) -> Option<Sha256> {
    let (low, high) = text.split_at_checked(32)?;
    let halves = [super::shipped::unhex(low)?, super::shipped::unhex(high)?];
    let mut digest = [0; 32];
    for (to, from) in digest.iter_mut().zip(halves.as_flattened()) {
        *to = *from;
    }
    Some(digest)
}

/// Finds the lines `SHA256: …` in pieces of an index.
#[derive(Default)]
struct Lines {
    /// The line that the last piece ended in.
    begun: Vec<u8>,
    found: HashSet<Sha256>,
}

impl Lines {
    fn take(&mut self, piece: &[u8]) {
        let mut rest = piece;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let (line, after) = rest.split_at(end);
            rest = after.get(1..).unwrap_or_default();
            if self.begun.is_empty() {
                self.line(line);
            } else {
                self.begun.extend_from_slice(line);
                let whole = std::mem::take(&mut self.begun);
                self.line(&whole);
            }
        }
        if self.begun.len().saturating_add(rest.len()) <= LINE {
            self.begun.extend_from_slice(rest);
        }
    }

    fn line(&mut self, line: &[u8]) {
        if let Some(digest) = line.strip_prefix(b"SHA256: ").and_then(unhex) {
            self.found.insert(digest);
        }
    }
}

#[cfg(test)]
mod tests {
    use stanch_machine::Pretend;

    use super::*;

    const DIGEST: &str = "df9a91ebfd38b7e1892cbd0cd1892e802995fcf0de058cee42ac86818bc18127";
    const IN_RELEASE: &[u8] = include_bytes!("../../fixtures/archive/InRelease");
    const PACKAGES: &[u8] = include_bytes!("../../fixtures/archive/Packages");

    fn machine() -> Pretend {
        Pretend::new().file("/k/archive.gpg", include_bytes!("../../fixtures/archive/keyring.gpg"))
    }

    fn read(machine: &Pretend) -> (SignedIndex, Vec<String>) {
        let (mut index, mut seen) = (SignedIndex::default(), Seen::default());
        index.bring(machine, Path::new("/k/archive.gpg"), &mut seen);
        index.read(machine, Path::new(LISTS), &mut seen);
        (index, seen.gaps.into_iter().map(|gap| gap.detail).collect())
    }

    fn holds(machine: &Pretend) -> bool {
        read(machine).0.holds(&unhex(DIGEST.as_bytes()).unwrap())
    }

    fn list(name: &str) -> String {
        format!("{LISTS}/deb.example.org_dists_stable_{name}")
    }

    #[test]
    fn a_package_is_held_by_the_whole_chain() {
        let whole = machine()
            .file(list("InRelease"), IN_RELEASE)
            .file(list("main_binary-all_Packages"), PACKAGES);
        assert!(holds(&whole));
        assert_eq!(read(&whole).1, Vec::<String>::new());
        let detached = machine()
            .file(list("Release"), include_bytes!("../../fixtures/archive/Release"))
            .file(list("Release.gpg"), include_bytes!("../../fixtures/archive/Release.gpg"))
            .file(list("main_binary-all_Packages"), PACKAGES);
        assert!(holds(&detached));
    }

    #[test]
    fn a_chain_with_a_forged_link_holds_nothing() {
        let forged_index = [PACKAGES, b"\n"].concat();
        let forged =
            String::from_utf8(IN_RELEASE.to_vec()).unwrap().replace("a6e8775f", "a6e8775e");
        for (release, index) in [
            (IN_RELEASE, &forged_index[..]),
            (forged.as_bytes(), PACKAGES),
            (include_bytes!("../../fixtures/archive/Release"), PACKAGES),
        ] {
            let machine = machine()
                .file(list("InRelease"), release)
                .file(list("main_binary-all_Packages"), index);
            assert!(!holds(&machine));
        }
        let unsigned = machine()
            .file(list("Release"), include_bytes!("../../fixtures/archive/Release"))
            .file(list("main_binary-all_Packages"), PACKAGES);
        assert!(!holds(&unsigned));
    }

    #[test]
    fn a_key_on_the_machine_is_believed_only_if_it_is_known() {
        let machine = Pretend::new().file(
            "/usr/share/keyrings/a.gpg",
            include_bytes!("../../fixtures/archive/keyring.gpg"),
        );
        let mut index = SignedIndex::default();
        index.find_known(&machine);
        assert!(!index.has_keys());
    }

    #[test]
    fn a_line_may_be_spread_over_pieces() {
        let mut lines = Lines::default();
        for piece in PACKAGES.chunks(7) {
            lines.take(piece);
        }
        assert_eq!(
            lines.found.into_iter().collect::<Vec<_>>(),
            [unhex(DIGEST.as_bytes()).unwrap()]
        );
    }
}
