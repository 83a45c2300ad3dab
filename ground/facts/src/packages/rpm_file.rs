//! An RPM package as a file: its header, which has the digests of all its files, who signed it, and
//! the files themselves.
//!
//! Source: rpm's docs/manual/format_v4.md: lead (96 bytes), signature header, padding to eight
//! bytes, header, payload: an archive of cpio, packed. Its members are named as "newc" does, or,
//! where a file may be larger than 4 GiB, by their numbers in the header (`07070X`).

use std::cell::Cell;
use std::collections::HashMap;
use std::io::{self, BufRead, Read};
use std::path::Path;

use stanch_machine::tar::skip;
use stanch_machine::{Machine, Miss};

use super::deb::Content;
use super::rpm::{Header, tag};
use crate::decompress::{self, Source};
use crate::digest::{self, Digest};
use crate::openpgp::{Keyring, Signed};

/// The lead and the largest two headers that are read; kernels have about 10 MB.
const MOST: u64 = 64 << 20;
const LEAD: usize = 96;
/// Begins each header in a file.
const MAGIC: &[u8] = b"\x8e\xad\xe8\x01\0\0\0\0";
/// RPMSIGTAG_RSA: a signature over the header alone.
const RSA_HEADER: u32 = 268;

/// A package's headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RpmFile {
    /// The header with what it brings, with its magic number before it.
    pub(crate) header: Vec<u8>,
    signature: Vec<u8>,
}

/// Reads a package file; `None` if it is none.
///
/// # Errors
/// A [`Miss`] if it cannot be read.
pub(crate) fn read(machine: &dyn Machine, path: &Path) -> Result<Option<RpmFile>, Miss> {
    let read = machine.read(path, MOST)?;
    Ok(parse(&read.bytes))
}

/// Takes a package file apart.
pub(crate) fn parse(bytes: &[u8]) -> Option<RpmFile> {
    let rest = bytes.strip_prefix(b"\xed\xab\xee\xdb").and(bytes.get(LEAD..))?;
    let signatures = whole(rest)?;
    let padded = signatures.len().next_multiple_of(8);
    let header = whole(rest.get(padded..)?)?;
    let signature = Header::parse(signatures)?.bytes(RSA_HEADER).to_vec();
    Some(RpmFile { header: header.to_vec(), signature })
}

/// Returns the bytes of the header that begins here.
fn whole(bytes: &[u8]) -> Option<&[u8]> {
    let rest = bytes.strip_prefix(MAGIC)?;
    let number = |at: usize| -> Option<usize> {
        let four: [u8; 4] = rest.get(at..at.checked_add(4)?)?.try_into().ok()?;
        usize::try_from(u32::from_be_bytes(four)).ok()
    };
    let length = number(0)?.checked_mul(16)?.checked_add(number(4)?)?.checked_add(16)?;
    bytes.get(..length)
}

/// Most members of a payload, and the longest name of one.
const MEMBERS: usize = 1_000_000;
const NAME: u64 = 4096;

/// Reads a package file, and the contents of those of its files that `wants` names when it is shown
/// the header; nothing is returned if it names none. Each content has the digest that the header
/// tells, or it is an error.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn contents(
    machine: &dyn Machine,
    path: &Path,
    wants: &mut dyn FnMut(&Header<'_>) -> Vec<Vec<u8>>,
    cap: u64,
) -> io::Result<Option<(RpmFile, Vec<Content>)>> {
    let file = machine.open(path).map_err(|miss| io::Error::other(miss.detail))?;
    let consumed = Cell::new(0);
    let mut source = Source::new(&*file, &consumed);
    let mut bytes = vec![0; LEAD];
    source.read_exact(&mut bytes)?;
    let signatures = one_header(&mut source, &mut bytes)?;
    let padding = signatures.next_multiple_of(8).saturating_sub(signatures);
    let filled = bytes.len().saturating_add(padding);
    (&mut source).take(padding as u64).read_to_end(&mut bytes)?;
    bytes.resize(filled, 0);
    one_header(&mut source, &mut bytes)?;
    let package = parse(&bytes).ok_or_else(|| io::Error::other("not an RPM package"))?;
    let header = Header::parse(&package.header);
    let header = header.ok_or_else(|| io::Error::other("its header is damaged"))?;
    let wanted = wants(&header);
    if wanted.is_empty() {
        return Ok(None);
    }
    let files = Files::of(&header, &wanted);
    let mut payload = decompress::reader(&mut source)?;
    let found = files.taken(&mut payload, cap)?;
    drop(payload);
    Ok(Some((package, found)))
}

/// Reads a header behind what was read; returns its length.
fn one_header(source: &mut dyn BufRead, bytes: &mut Vec<u8>) -> io::Result<usize> {
    let begin = bytes.len();
    source.take(16).read_to_end(bytes)?;
    let rest = bytes.get(begin..).and_then(|rest| rest.strip_prefix(MAGIC)).unwrap_or_default();
    let number = |at: usize| -> Option<u64> {
        let four: [u8; 4] = rest.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(u64::from(u32::from_be_bytes(four)))
    };
    let length = number(0).zip(number(4)).map(|(entries, data)| entries.saturating_mul(16) + data);
    let length = length.filter(|&length| length <= MOST);
    let length = length.ok_or_else(|| io::Error::other("a header of it is damaged"))?;
    let read = source.take(length).read_to_end(bytes)?;
    if (read as u64) < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(bytes.len().saturating_sub(begin))
}

/// The wanted files of a package, by their places in its header.
struct Files<'h> {
    header: &'h Header<'h>,
    wanted: HashMap<Vec<u8>, usize>,
    /// The sizes of all files, for members that are named by number.
    sizes: Vec<u64>,
}

/// A member of a payload, as its head tells it.
struct Member {
    /// The place in the package's header, if it is wanted.
    place: Option<usize>,
    inode: u64,
    links: u64,
    size: u64,
}

impl<'h> Files<'h> {
    fn of(header: &'h Header<'h>, paths: &[Vec<u8>]) -> Self {
        let mut wanted = HashMap::new();
        header.paths(&mut |place, path| {
            if paths.iter().any(|one| one == path) {
                wanted.insert(path.to_vec(), place);
            }
        });
        let long: Vec<u64> = header.numbers(tag::LONGFILESIZES).collect();
        let sizes = if long.is_empty() { header.numbers(tag::FILESIZES).collect() } else { long };
        Self { header, wanted, sizes }
    }

    /// Takes them out of the payload, of all together at most `cap` bytes: nobody has vouched for
    /// them yet. Of names of one file the last has the content.
    fn taken(&self, source: &mut dyn Read, cap: u64) -> io::Result<Vec<Content>> {
        let (mut found, mut left) = (Vec::new(), cap);
        // Names of one file that came without their content, by its number.
        let mut waiting: HashMap<u64, Vec<usize>> = HashMap::new();
        for _ in 0..MEMBERS {
            let Some(member) = self.member(source)? else { return Ok(found) };
            let padding = member.size.next_multiple_of(4).saturating_sub(member.size);
            let mut places: Vec<usize> = member.place.into_iter().collect();
            if member.links > 1 && member.size == 0 {
                waiting.entry(member.inode).or_default().append(&mut places);
            } else if member.links > 1 {
                places.extend(waiting.remove(&member.inode).unwrap_or_default());
            }
            if places.is_empty() {
                skip(source, member.size.saturating_add(padding))?;
                continue;
            }
            let all = member.size.checked_mul(places.len() as u64);
            left = all
                .and_then(|all| left.checked_sub(all))
                .ok_or_else(|| io::Error::other("what is wanted of it is too large"))?;
            let mut bytes = Vec::new();
            (&mut *source).take(member.size).read_to_end(&mut bytes)?;
            if bytes.len() as u64 != member.size {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            skip(source, padding)?;
            for place in places {
                found.extend(self.content(place, &bytes)?);
            }
        }
        Err(io::Error::other("it holds too many files"))
    }

    /// Reads the head of the next member; nothing at the end.
    fn member(&self, source: &mut dyn Read) -> io::Result<Option<Member>> {
        let damaged = || io::Error::other("a member's head was not understood");
        let mut magic = [0; 6];
        source.read_exact(&mut magic)?;
        if &magic == b"07070X" {
            let mut digits = [0; 8];
            source.read_exact(&mut digits)?;
            skip(source, 2)?;
            let place = hexadecimal(&digits).and_then(|place| usize::try_from(place).ok());
            let place = place.ok_or_else(damaged)?;
            let size = self.sizes.get(place).copied().ok_or_else(damaged)?;
            let is_wanted = self.wanted.values().any(|&wanted| wanted == place);
            let place = is_wanted.then_some(place);
            return Ok(Some(Member { place, inode: 0, links: 1, size }));
        }
        let mut rest = [0; 104];
        source.read_exact(&mut rest)?;
        let field = |number: usize| {
            let from = number.saturating_mul(8);
            rest.get(from..from.saturating_add(8)).and_then(hexadecimal).ok_or_else(damaged)
        };
        let (inode, links, size, length) = (field(0)?, field(4)?, field(6)?, field(11)?);
        if !matches!(&magic, b"070701" | b"070702") || length == 0 || length > NAME {
            return Err(damaged());
        }
        let mut name = Vec::new();
        (&mut *source).take(length).read_to_end(&mut name)?;
        // Head and name together are filled up to four bytes.
        let filled = length.saturating_add(110);
        skip(source, filled.next_multiple_of(4).saturating_sub(filled))?;
        let name = name.split(|&byte| byte == 0).next().unwrap_or_default();
        if name == b"TRAILER!!!" {
            return Ok(None);
        }
        let name = name.strip_prefix(b".").filter(|name| name.starts_with(b"/")).unwrap_or(name);
        let place = self.wanted.get(name).copied();
        Ok(Some(Member { place, inode, links, size }))
    }

    /// Returns a file, if what it holds has the digest that the header tells.
    fn content(&self, place: usize, bytes: &[u8]) -> io::Result<Option<Content>> {
        let header = self.header;
        let Some((path, _)) = self.wanted.iter().find(|(_, wanted)| **wanted == place) else {
            return Ok(None);
        };
        let told = header.texts(tag::FILEDIGESTS).nth(place).unwrap_or_default();
        let which = match header.number(tag::FILEDIGESTALGO).unwrap_or(1) {
            1 => Digest::Md5,
            2 => Digest::Sha1,
            8 => Digest::Sha256,
            9 => Digest::Sha384,
            10 => Digest::Sha512,
            _ => return Err(io::Error::other("its digests are of an unknown kind")),
        };
        // A symlink has none.
        if told.is_empty() {
            return Ok(None);
        }
        if !digest::of_bytes(which, bytes).as_bytes().eq_ignore_ascii_case(told) {
            return Err(io::Error::other("a file of it has not the digest that its header tells"));
        }
        let number = |tag: u32| header.numbers(tag).nth(place).unwrap_or_default();
        let is_root = |tag: u32| header.texts(tag).nth(place) == Some(b"root");
        let id = |tag: u32| if is_root(tag) { 0 } else { u32::MAX };
        Ok(Some(Content {
            path: path.clone(),
            mode: u32::try_from(number(tag::FILEMODES) & 0o7777).unwrap_or_default(),
            owner: (id(tag::FILEUSERNAME), id(tag::FILEGROUPNAME)),
            modified: i64::try_from(number(tag::FILEMTIMES)).unwrap_or_default(),
            bytes: bytes.to_vec(),
        }))
    }
}

fn hexadecimal(digits: &[u8]) -> Option<u64> {
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

impl RpmFile {
    /// Returns whether a key signed the header.
    pub(crate) fn is_signed(&self, keyring: &Keyring) -> bool {
        keyring.verify(&Signed::Bytes(&self.header), &self.signature).is_some()
    }
}

#[cfg(test)]
mod tests {
    use stanch_machine::Pretend;

    use super::*;
    use crate::packages::rpm::tag;

    /// What rpmbuild 4.18 made of a package of ours, and `rpmsign` signed with the tests' key.
    const PACKAGE: &[u8] = include_bytes!("../../fixtures/archive/probe-1.0-1.noarch.rpm");

    fn keyring() -> Keyring {
        Keyring::parse(include_bytes!("../../fixtures/archive/keyring.gpg"))
    }

    #[test]
    fn a_package_tells_its_files_and_who_signed_it() {
        let machine = Pretend::new().file("/p.rpm", PACKAGE);
        let file = read(&machine, Path::new("/p.rpm")).unwrap().unwrap();
        let header = Header::parse(&file.header).unwrap();
        assert_eq!(header.text(tag::NAME), b"probe");
        assert_eq!(header.texts(tag::FILEDIGESTS).count(), 5);
        assert!(file.is_signed(&keyring()));
        assert!(!file.is_signed(&Keyring::default()));
    }

    fn taken(package: &[u8], wanted: &[&str]) -> io::Result<Vec<Content>> {
        let machine = Pretend::new().file("/p.rpm", package);
        let wants = &mut |_header: &Header<'_>| {
            wanted.iter().map(|path| path.as_bytes().to_vec()).collect()
        };
        let read = contents(&machine, Path::new("/p.rpm"), wants, 1 << 20)?;
        Ok(read.map(|(_, found)| found).unwrap_or_default())
    }

    #[test]
    fn the_files_of_a_package_are_taken_out_and_have_the_digests_of_its_header() {
        let file = parse(PACKAGE).unwrap();
        let header = Header::parse(&file.header).unwrap();
        let mut paths: Vec<String> = Vec::new();
        header.paths(&mut |_, path| paths.push(String::from_utf8(path.to_vec()).unwrap()));
        let wanted: Vec<&str> = paths.iter().map(String::as_str).collect();
        let found = taken(PACKAGE, &wanted).unwrap();
        let digests = header.texts(tag::FILEDIGESTS).filter(|digest| !digest.is_empty()).count();
        assert_eq!(found.len(), digests, "{paths:?}");
        assert!(found.iter().all(|file| file.owner == (0, 0) && file.modified > 0), "{found:?}");
        assert_eq!(taken(PACKAGE, &[]).unwrap(), []);
        assert_eq!(taken(PACKAGE, &["/usr/bin/none"]).unwrap(), []);
    }

    #[test]
    fn a_payload_cut_or_changed_anywhere_gives_no_other_content() {
        let file = parse(PACKAGE).unwrap();
        let header = Header::parse(&file.header).unwrap();
        let mut paths: Vec<String> = Vec::new();
        header.paths(&mut |_, path| paths.push(String::from_utf8(path.to_vec()).unwrap()));
        let wanted: Vec<&str> = paths.iter().map(String::as_str).collect();
        let whole = taken(PACKAGE, &wanted).unwrap();
        let begin = PACKAGE.windows(8).rposition(|window| window == MAGIC).unwrap();
        let begin = begin + file.header.len();
        for at in (begin..PACKAGE.len()).step_by(7) {
            let mut bent = PACKAGE.to_vec();
            bent[at] ^= 0x24;
            for package in [&bent[..], &PACKAGE[..at]] {
                let found = taken(package, &wanted).unwrap_or_default();
                assert!(found.iter().all(|one| whole.contains(one)), "{at}");
            }
        }
    }

    #[test]
    fn a_package_cut_or_changed_in_its_header_is_not_signed() {
        let whole = parse(PACKAGE).unwrap();
        let end = PACKAGE.len() - 300;
        for at in (LEAD..end).step_by(61) {
            let mut bent = PACKAGE.to_vec();
            bent[at] ^= 0x10;
            let is_signed = parse(&bent).is_some_and(|file| {
                // Bytes outside the signed header and its signature do not count.
                file.is_signed(&keyring()) && file.header != whole.header
            });
            assert!(!is_signed, "{at}");
            assert!(parse(&PACKAGE[..at]).is_none_or(|file| file.header == whole.header), "{at}");
        }
    }
}
