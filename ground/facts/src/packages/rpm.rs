//! rpm's headers: what a package is and which files it has.
//!
//! Source: rpm's docs/manual/format_header.md and tags.md. The bytes are hostile: every offset
//! and count is checked against what is there.

use std::collections::HashMap;
use std::sync::Arc;

use stanch_words::{GapKind, Seen, text};

use super::trust::Found;
use super::{Basis, Index, Manager, Package};
use crate::Host;

/// Tags, by their numbers in rpmtag.h.
#[expect(missing_docs, reason = "the names are rpm's own")]
pub mod tag {
    pub const SHA1HEADER: u32 = 269;
    pub const NAME: u32 = 1000;
    pub const VERSION: u32 = 1001;
    pub const RELEASE: u32 = 1002;
    pub const EPOCH: u32 = 1003;
    pub const INSTALLTIME: u32 = 1008;
    pub const SIZE: u32 = 1009;
    pub const VENDOR: u32 = 1011;
    pub const GROUP: u32 = 1016;
    pub const ARCH: u32 = 1022;
    pub const OLDFILENAMES: u32 = 1027;
    pub const FILESIZES: u32 = 1028;
    pub const FILESTATES: u32 = 1029;
    pub const FILEMODES: u32 = 1030;
    pub const FILEMTIMES: u32 = 1034;
    pub const FILEDIGESTS: u32 = 1035;
    pub const FILEFLAGS: u32 = 1037;
    pub const FILEUSERNAME: u32 = 1039;
    pub const FILEGROUPNAME: u32 = 1040;
    pub const SOURCERPM: u32 = 1044;
    pub const FILEVERIFYFLAGS: u32 = 1045;
    pub const DIRINDEXES: u32 = 1116;
    pub const BASENAMES: u32 = 1117;
    pub const DIRNAMES: u32 = 1118;
    pub const LONGFILESIZES: u32 = 5008;
    pub const LONGSIZE: u32 = 5009;
    pub const FILECAPS: u32 = 5010;
    pub const FILEDIGESTALGO: u32 = 5011;
}

/// rpm's own cap on the data of a header (header.c, `headerMaxbytes`).
const MOST_DATA: usize = 256 << 20;
/// Most entries of a header; rpm allows 65,535.
const MOST_ENTRIES: usize = 0xffff;

/// A package's header.
#[derive(Clone, Copy, Debug)]
pub struct Header<'a> {
    entries: &'a [u8],
    data: &'a [u8],
}

impl<'a> Header<'a> {
    /// Parses a header as the database keeps it: number of entries, bytes of data, entries of 16
    /// bytes, data.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let bytes = bytes.strip_prefix(b"\x8e\xad\xe8\x01\0\0\0\0").unwrap_or(bytes);
        let count = number(bytes, 0)?;
        let size = number(bytes, 4)?;
        if count == 0 || count > MOST_ENTRIES || size > MOST_DATA {
            return None;
        }
        let (entries, data) = bytes.get(8..)?.split_at_checked(count.checked_mul(16)?)?;
        Some(Self { entries, data: data.get(..size)? })
    }

    /// Returns a tag's type, its count and the data from where it begins.
    fn find(&self, tag: u32) -> Option<(usize, usize, &'a [u8])> {
        let tag = tag.to_be_bytes();
        let entry = self.entries.chunks_exact(16).find(|entry| entry.starts_with(&tag))?;
        Some((number(entry, 4)?, number(entry, 12)?, self.data.get(number(entry, 8)?..)?))
    }

    /// Returns a text; empty if there is none.
    pub fn text(&self, tag: u32) -> &'a [u8] {
        self.texts(tag).next().unwrap_or_default()
    }

    /// Returns texts in order (types STRING, STRING_ARRAY and I18NSTRING).
    pub fn texts(&self, tag: u32) -> impl Iterator<Item = &'a [u8]> {
        let found = self.find(tag).filter(|found| matches!(found.0, 6 | 8 | 9));
        let (_, count, mut rest) = found.unwrap_or((0, 0, b""));
        (0..count).map_while(move |_| {
            let end = memchr::memchr(0, rest)?;
            let (text, after) = rest.split_at_checked(end)?;
            rest = after.get(1..)?;
            Some(text)
        })
    }

    /// Returns whether there is such an entry.
    pub(crate) fn has(&self, tag: u32) -> bool {
        self.find(tag).is_some()
    }

    /// Returns bytes as they are (type BIN).
    pub(super) fn bytes(&self, tag: u32) -> &'a [u8] {
        let found = self.find(tag).filter(|found| found.0 == 7);
        found.and_then(|(_, count, data)| data.get(..count)).unwrap_or_default()
    }

    /// Returns numbers in order (types CHAR, INT8, INT16, INT32 and INT64).
    pub fn numbers(&self, tag: u32) -> impl Iterator<Item = u64> + use<'a> {
        let (kind, count, data) = self.find(tag).unwrap_or((0, 0, b""));
        let width = match kind {
            1 | 2 => 1,
            3 => 2,
            4 => 4,
            5 => 8,
            _ => return either(None),
        };
        either(Some(data.chunks_exact(width).take(count)))
    }

    /// Returns a number.
    pub fn number(&self, tag: u32) -> Option<u64> {
        self.numbers(tag).next()
    }

    /// Returns epoch, version and release as one.
    pub fn whole_version(&self) -> String {
        let epoch = self.number(tag::EPOCH).map(|epoch| format!("{epoch}:")).unwrap_or_default();
        let version = text::from_bytes(self.text(tag::VERSION));
        format!("{epoch}{version}-{}", text::from_bytes(self.text(tag::RELEASE)))
    }

    /// Calls `each` with the paths of all files that are installed (FILESTATES normal), by their
    /// places. Returns whether the header tells of files it then does not name.
    pub fn paths(&self, each: &mut dyn FnMut(usize, &[u8])) -> bool {
        let states: Vec<u64> = self.numbers(tag::FILESTATES).collect();
        let here = |place: usize| states.get(place).is_none_or(|&state| state == 0);
        let named = self.find(tag::BASENAMES).map_or(0, |found| found.1);
        let directories: Vec<&[u8]> = self.texts(tag::DIRNAMES).collect();
        let places = self.numbers(tag::DIRINDEXES);
        let mut path = Vec::new();
        let mut count = 0_usize;
        for (place, (name, directory)) in self.texts(tag::BASENAMES).zip(places).enumerate() {
            let directory = usize::try_from(directory).ok().and_then(|at| directories.get(at));
            let Some(directory) = directory else { break };
            path.clear();
            path.extend_from_slice(directory);
            path.extend_from_slice(name);
            if here(place) {
                each(place, &path);
            }
            count = count.saturating_add(1);
        }
        // Before rpm 4 paths were kept whole.
        for (place, path) in self.texts(tag::OLDFILENAMES).enumerate() {
            if here(place) {
                each(place, path);
            }
        }
        count < named
    }
}

/// Wide numbers from chunks, or none.
fn either(
    chunks: Option<std::iter::Take<std::slice::ChunksExact<'_, u8>>>,
) -> impl Iterator<Item = u64> {
    chunks
        .into_iter()
        .flatten()
        .map(|bytes| bytes.iter().fold(0_u64, |sum, &byte| sum << 8 | u64::from(byte)))
}

/// Returns the big-endian number of four bytes at a place.
fn number(bytes: &[u8], at: usize) -> Option<usize> {
    let four: [u8; 4] = bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
    usize::try_from(u32::from_be_bytes(four)).ok()
}

/// Tries whether bytes are a header that tells a package and its files, for tests with any bytes.
pub(crate) fn try_header(bytes: &[u8]) -> bool {
    let mut index = Index::default();
    Header::parse(bytes).is_some_and(|header| {
        add(&mut index, &header, Some(&(header, Basis::Brought)), std::path::Path::new("/"));
        !index.packages.is_empty()
    })
}

/// Adds rpm's packages to the index. Where the header of a package file proves what the package
/// brings, it counts in place of the database's.
pub(super) fn load(host: &Host, index: &mut Index, found: Option<&Found<'_>>) {
    let mut seen = Seen::default();
    let readable = super::rpm_database::each(host, "packages", &mut seen, &mut |header, at| {
        let proof = found.and_then(|found| found.header(header));
        let proof = proof.and_then(|(bytes, basis)| Some((Header::parse(bytes)?, basis)));
        add(index, header, proof.as_ref(), at);
    });
    index.readable |= readable;
    index.gaps.append(&mut seen.gaps);
}

fn add(
    index: &mut Index,
    header: &Header<'_>,
    proof: Option<&(Header<'_>, Basis)>,
    at: &std::path::Path,
) {
    let told = proof.map_or(header, |proof| &proof.0);
    let name: Arc<str> = text::from_bytes(header.text(tag::NAME)).into();
    let algorithm = told.number(tag::FILEDIGESTALGO).and_then(|n| u32::try_from(n).ok());
    index.packages.push(Package {
        name: Arc::clone(&name),
        version: header.whole_version().into(),
        architecture: text::from_bytes(header.text(tag::ARCH)).into(),
        installed: true,
        since: header.number(tag::INSTALLTIME).and_then(|time| i64::try_from(time).ok()),
        manager: Manager::Rpm,
        sums: std::path::PathBuf::new(),
        // rpm's default where the tag is missing.
        algorithm: algorithm.unwrap_or(1),
        basis: proof.map_or(Basis::Machine, |proof| proof.1),
    });
    index.paths.begin();
    let shipped = FilesOf::read(told, &mut index.names);
    // The database alone knows which files were installed.
    let mut places: HashMap<Vec<u8>, usize> = HashMap::new();
    if proof.is_some() {
        told.paths(&mut |place, path| places.extend([(path.to_vec(), place)]));
    }
    let mut room = true;
    let cut = header.paths(&mut |place, path| {
        // What the package file does not bring was added to the database by somebody.
        let Some(place) = proof.map_or(Some(place), |_| places.get(path).copied()) else { return };
        room &= index.paths.add(path, &shipped.record(place));
        if let Some(capabilities) = shipped.capabilities(place) {
            index.capabilities.insert(path.into(), capabilities.into());
        }
    });
    if cut {
        index.gap(GapKind::Damaged, format!("package `{name}` does not name all its files"), at);
    }
    if !room {
        index.gap(GapKind::Truncated, "too many paths", at);
    }
}

/// What a header tells of its files, each by its place.
struct FilesOf<'a> {
    flags: Vec<u64>,
    verify: Vec<u64>,
    modes: Vec<u64>,
    digests: Vec<&'a [u8]>,
    capabilities: Vec<&'a [u8]>,
    /// Numbers of the owners' and groups' names.
    users: Vec<u16>,
    groups: Vec<u16>,
}

impl<'a> FilesOf<'a> {
    fn read(header: &Header<'a>, names: &mut Vec<Arc<str>>) -> Self {
        let mut numbers = |tag: u32| -> Vec<u16> {
            header.texts(tag).map(|name| number_of(&text::from_bytes(name), names)).collect()
        };
        Self {
            flags: header.numbers(tag::FILEFLAGS).collect(),
            verify: header.numbers(tag::FILEVERIFYFLAGS).collect(),
            modes: header.numbers(tag::FILEMODES).collect(),
            digests: header.texts(tag::FILEDIGESTS).collect(),
            capabilities: header.texts(tag::FILECAPS).collect(),
            users: numbers(tag::FILEUSERNAME),
            groups: numbers(tag::FILEGROUPNAME),
        }
    }

    fn capabilities(&self, place: usize) -> Option<&'a [u8]> {
        self.capabilities.get(place).copied().filter(|text| !text.is_empty())
    }

    /// Returns what the index keeps of a file: see [`Record`].
    fn record(&self, place: usize) -> Vec<u8> {
        let flags = self.flags.get(place).copied().unwrap_or_default();
        let verify = self.verify.get(place).copied().unwrap_or(u64::MAX);
        // RPMFILE_CONFIG and RPMFILE_GHOST (rpmfi.h); RPMVERIFY_FILEDIGEST, _MODE, _USER, _GROUP
        // (rpmvf.h), kept the other way round.
        let bits = [
            flags & 1 != 0,
            flags & 64 != 0,
            verify & 1 == 0,
            verify & 64 == 0,
            verify & 8 == 0,
            verify & 16 == 0,
        ];
        let mut record = vec![bits.iter().rev().fold(0, |sum, &bit| sum << 1 | u8::from(bit)), 0];
        record.extend(unhex(self.digests.get(place).copied().unwrap_or_default()));
        let length = u8::try_from(record.len().saturating_sub(2)).unwrap_or(0);
        if let Some(slot) = record.get_mut(1) {
            *slot = length;
        }
        let low = |number: Option<&u64>| number.and_then(|&n| u16::try_from(n & 0xffff).ok());
        let mode = low(self.modes.get(place)).unwrap_or_default();
        let of = |numbers: &[u16]| numbers.get(place).copied().unwrap_or(u16::MAX);
        for number in [mode, of(&self.users), of(&self.groups)] {
            record.extend(number.to_be_bytes());
        }
        record
    }
}

/// Returns a name's number; there are a few dozen names on a machine.
fn number_of(name: &str, names: &mut Vec<Arc<str>>) -> u16 {
    let known = names.iter().position(|known| **known == *name);
    let number = known.unwrap_or_else(|| {
        if names.len() < usize::from(u16::MAX) {
            names.push(name.into());
        }
        names.len().saturating_sub(1)
    });
    u16::try_from(number).unwrap_or(u16::MAX)
}

/// What rpm's header tells of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record<'a> {
    /// A file that the package lists and does not bring (`%ghost`).
    pub(crate) ghost: bool,
    /// What may differ: content, mode, owner, group (`%verify(not …)`).
    pub(crate) may_differ: [bool; 4],
    /// The digest; empty for what has none.
    pub(crate) digest: &'a [u8],
    /// The mode, with the kind of the file.
    pub(crate) mode: u32,
    /// The numbers of the owner's and the group's names.
    pub(crate) names: [usize; 2],
}

impl<'a> Record<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (&[bits, length], rest) = bytes.split_first_chunk()?;
        let (digest, rest) = rest.split_at_checked(usize::from(length))?;
        let number = |at: usize| -> Option<u16> {
            let two: [u8; 2] = rest.get(at..at.checked_add(2)?)?.try_into().ok()?;
            Some(u16::from_be_bytes(two))
        };
        Some(Self {
            ghost: bits & 2 != 0,
            may_differ: [bits & 4 != 0, bits & 8 != 0, bits & 16 != 0, bits & 32 != 0],
            digest,
            mode: u32::from(number(0)?),
            names: [usize::from(number(2)?), usize::from(number(4)?)],
        })
    }
}

/// Returns the bytes of a hexadecimal digest, at most 64; none if it is not hexadecimal.
fn unhex(digits: &[u8]) -> Vec<u8> {
    text::unhex(digits.get(..128).unwrap_or(digits)).unwrap_or_default()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Returns a header with some entries: tag, type, count, data.
    pub(crate) fn made(entries: &[(u32, u32, u32, &[u8])]) -> Vec<u8> {
        let (mut index, mut data) = (Vec::new(), Vec::new());
        for (tag, kind, count, bytes) in entries {
            for part in [*tag, *kind, data.len() as u32, *count] {
                index.extend(part.to_be_bytes());
            }
            data.extend_from_slice(bytes);
        }
        let mut header = (entries.len() as u32).to_be_bytes().to_vec();
        header.extend((data.len() as u32).to_be_bytes());
        header.extend(index);
        header.extend(data);
        header
    }

    /// Returns the header of a small package.
    pub(crate) fn sample() -> Vec<u8> {
        made(&[
            (tag::NAME, 6, 1, b"probe\0"),
            (tag::VERSION, 6, 1, b"1.2\0"),
            (tag::RELEASE, 6, 1, b"3\0"),
            (tag::EPOCH, 4, 1, &[0, 0, 0, 4]),
            (tag::FILEDIGESTALGO, 4, 1, &[0, 0, 0, 1]),
            (tag::DIRNAMES, 8, 2, b"/usr/bin/\0/etc/\0"),
            (tag::DIRINDEXES, 4, 3, &[0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]),
            (tag::BASENAMES, 8, 3, b"probe\0probe.conf\0not-here\0"),
            (tag::FILESTATES, 1, 3, &[0, 0, 2]),
            (tag::FILEFLAGS, 4, 3, &[0, 0, 0, 0, 0, 0, 0, 17, 0, 0, 0, 0]),
            (tag::FILEDIGESTS, 8, 3, b"900150983cd24fb0d6963f7d28e17f72\0\0\0"),
        ])
    }

    fn paths(header: &Header<'_>) -> (Vec<String>, bool) {
        let mut found = Vec::new();
        let cut = header.paths(&mut |place, path| {
            found.push(format!("{place} {}", text::from_bytes(path)));
        });
        (found, cut)
    }

    #[test]
    fn a_header_tells_its_package_and_files() {
        let bytes = sample();
        let header = Header::parse(&bytes).unwrap();
        assert_eq!(header.text(tag::NAME), b"probe");
        assert_eq!(header.whole_version(), "4:1.2-3");
        let expected = vec!["0 /usr/bin/probe".to_owned(), "1 /etc/probe.conf".to_owned()];
        assert_eq!(paths(&header), (expected, false));
    }

    #[test]
    fn a_header_cut_anywhere_is_refused() {
        let bytes = sample();
        for end in 0..bytes.len() {
            assert!(Header::parse(&bytes[..end]).is_none(), "{end}");
        }
    }

    #[test]
    fn any_flipped_byte_is_survived() {
        let bytes = sample();
        let mut told = 0;
        for at in 0..bytes.len() {
            let mut bytes = bytes.clone();
            bytes[at] ^= 0xff;
            if let Some(header) = Header::parse(&bytes) {
                told += paths(&header).0.len();
                assert!(header.whole_version().contains('-'));
            }
        }
        assert!(told > 100);
    }

    #[test]
    fn counts_beyond_the_data_end_with_it() {
        let huge = made(&[
            (tag::BASENAMES, 8, u32::MAX, b"a\0"),
            (tag::DIRNAMES, 8, 1, b"/\0"),
            (tag::DIRINDEXES, 4, u32::MAX, &[0, 0, 0, 0]),
        ]);
        let header = Header::parse(&huge).unwrap();
        assert_eq!(paths(&header), (vec!["0 /a".to_owned()], true));
        assert_eq!(header.numbers(tag::DIRINDEXES).count(), 1);
    }
}
