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
use stanch_words::{Gap, GapKind, Seen, Value, text};

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

/// A package: its name, version and architecture.
pub(super) type Named = [String; 3];

/// The package files that an archive signed for.
#[derive(Debug, Default)]
pub(super) struct SignedIndex {
    releases: HashSet<Sha256>,
    packages: HashSet<Sha256>,
    keyring: Keyring,
    /// The packages of which it is asked where an archive keeps their files.
    wanted: HashSet<Named>,
    offers: Vec<(Named, Offer)>,
}

/// Where an archive keeps a package file, as it signed for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The address, without what reaches it (`http://`): `deb.debian.org/debian/pool/…`.
    pub address: String,
    /// Its SHA-256, in hex.
    pub sha256: String,
}

impl SignedIndex {
    /// Asks where an archive keeps some packages' files, before the indexes are read.
    pub(super) fn ask(&mut self, wanted: impl Iterator<Item = Named>) {
        self.wanted.extend(wanted);
    }

    /// Returns where an archive keeps a package's file.
    pub(super) fn offer(&self, of: &Named) -> Option<&Offer> {
        self.offers.iter().find(|(named, _)| named == of).map(|(_, offer)| offer)
    }

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
            if let Some(release) = signed {
                self.releases.extend(indexes(&release));
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
        let mut lines = Lines::of(&self.wanted);
        let each = &mut |piece: &[u8]| {
            digest.update(piece);
            lines.take(piece);
        };
        match decompress::read_pieces(machine, path, limits::DATABASE, each) {
            Ok(read) if read.gaps("packages", path).is_empty() => {
                let digest: Sha256 = digest.finalize().into();
                if self.releases.contains(&digest) {
                    lines.end();
                    let Lines { found, offered, .. } = lines;
                    self.packages.extend(found);
                    if let Some(archive) = archive(path) {
                        let whole = |(named, file, sha256): (Named, String, Sha256)| {
                            let file = file.strip_prefix("./").unwrap_or(&file);
                            let address = format!("{archive}/{file}");
                            (named, Offer { address, sha256: text::hex(&sha256) })
                        };
                        self.offers.extend(offered.into_iter().map(whole));
                    }
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

/// Returns the address of an archive by the name under which apt keeps its index: what stands
/// before `_dists_`, with `_` for each slash (apt's `URItoFileName`).
fn archive(index: &Path) -> Option<String> {
    let name = index.file_name()?.to_str()?;
    let (host, _rest) = name.split_once("_dists_")?;
    Some(host.replace('_', "/").replace("%5f", "_"))
}

/// Finds the lines `SHA256: …` in pieces of an index, and where the files of wanted packages are.
struct Lines<'w> {
    /// The line that the last piece ended in.
    begun: Vec<u8>,
    found: HashSet<Sha256>,
    wanted: &'w HashSet<Named>,
    /// The paragraph that is read: name, version, architecture; file; digest.
    named: Named,
    file: String,
    digest: Option<Sha256>,
    offered: Vec<(Named, String, Sha256)>,
}

impl<'w> Lines<'w> {
    fn of(wanted: &'w HashSet<Named>) -> Self {
        Self {
            begun: Vec::new(),
            found: HashSet::new(),
            wanted,
            named: Named::default(),
            file: String::new(),
            digest: None,
            offered: Vec::new(),
        }
    }

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
        let digest = line.strip_prefix(b"SHA256: ").and_then(unhex);
        if let Some(digest) = digest {
            self.found.insert(digest);
        }
        if self.wanted.is_empty() {
            return;
        }
        self.digest = digest.or(self.digest);
        let [name, version, architecture] = &mut self.named;
        for (field, to) in [
            (&b"Package: "[..], name),
            (b"Version: ", version),
            (b"Architecture: ", architecture),
            (b"Filename: ", &mut self.file),
        ] {
            if let Some(value) = line.strip_prefix(field) {
                *to = text::from_bytes(value);
            }
        }
        if line.is_empty() {
            self.end();
        }
    }

    /// Ends a paragraph.
    fn end(&mut self) {
        let named = std::mem::take(&mut self.named);
        let file = std::mem::take(&mut self.file);
        let digest = self.digest.take();
        if let Some(digest) = digest.filter(|_| self.wanted.contains(&named)) {
            self.offered.push((named, file, digest));
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
    fn where_an_archive_keeps_a_package_is_told_only_where_it_signed_for_it() {
        let named = ["probe", "1.0", "all"].map(str::to_owned);
        let offer = |packages: &[u8]| {
            let machine = machine()
                .file(list("InRelease"), IN_RELEASE)
                .file(list("main_binary-all_Packages"), packages);
            let (mut index, mut seen) = (SignedIndex::default(), Seen::default());
            index.ask([named.clone()].into_iter());
            index.bring(&machine, Path::new("/k/archive.gpg"), &mut seen);
            index.read(&machine, Path::new(LISTS), &mut seen);
            index.offer(&named).cloned()
        };
        let offered = offer(PACKAGES).unwrap();
        assert!(offered.address.starts_with("deb.example.org/"), "{offered:?}");
        assert_eq!(offered.sha256, DIGEST);
        assert_eq!(offer(&[PACKAGES, b"\n"].concat()), None);
        assert_eq!(
            archive(Path::new("/l/deb.example.org_a%5fb_dists_x_main_binary-amd64_Packages")),
            Some("deb.example.org/a_b".to_owned())
        );
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
        let named = ["probe", "1.0", "all"].map(str::to_owned);
        let wanted = HashSet::from([named.clone()]);
        let mut lines = Lines::of(&wanted);
        for piece in PACKAGES.chunks(7) {
            lines.take(piece);
        }
        lines.end();
        let digest = unhex(DIGEST.as_bytes()).unwrap();
        assert_eq!(lines.found.into_iter().collect::<Vec<_>>(), [digest]);
        let [(offered, file, of)] = &*lines.offered else { panic!("{:?}", lines.offered) };
        assert_eq!((offered, of), (&named, &digest));
        assert!(file.ends_with("probe_1.0_all.deb"), "{file}");
    }
}
