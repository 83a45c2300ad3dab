//! What lies in the images that a kernel starts with: archives one after the other, the first ones
//! plain (microcode), the last one packed.
//!
//! Source: Documentation/driver-api/early-userspace/buffer-format.rst (cpio, "newc"; archives may
//! be joined, each may be packed, zeros may stand between them).

use std::io::{self, BufRead, BufReader, Read};

use md5::Digest as _;

use crate::decompress::Compression;

/// How many members and how many bytes of an image are read.
const MEMBERS: usize = 200_000;
const BYTES: u64 = 2 << 30;
/// The longest name, and the longest text that is kept.
const NAME: u64 = 4096;
const TEXT: usize = 64 << 10;
/// How many archives follow each other.
const ARCHIVES: usize = 16;

/// A regular file in an image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Member {
    /// Its name, without `/` or `./` before it.
    pub name: Vec<u8>,
    /// Type and permission bits.
    pub mode: u32,
    /// How many bytes it holds.
    pub size: u64,
    /// Its first bytes, with zeros after them if there were not so many.
    pub head: [u8; 16],
    /// MD5 of its content: what dpkg keeps.
    pub md5: [u8; 16],
    /// Its content, where that is small.
    pub text: Vec<u8>,
}

/// Reads an image and calls `each` for every regular file that holds something.
///
/// # Errors
/// What could not be understood; what came before it was given.
pub fn members(source: &mut dyn BufRead, each: &mut dyn FnMut(Member)) -> Result<(), String> {
    let mut bounds = Bounds { members: MEMBERS, bytes: BYTES };
    for _ in 0..ARCHIVES {
        match next(source).map_err(told)? {
            Next::End => return Ok(()),
            Next::Archive => archive(source, &mut bounds, each)?,
            // The packed archive is the last one.
            Next::Packed(compression) => {
                return inner(compression.reader(source), &mut bounds, each);
            }
            Next::OldLz4 => {
                source.consume(OLD_LZ4.len());
                let blocks = Blocks { source, block: Vec::new(), taken: 0 };
                return inner(Box::new(blocks), &mut bounds, each);
            }
            Next::Strange => {
                return Err("neither an archive of cpio nor packed in a known way".to_owned());
            }
        }
    }
    Err("too many archives one after the other".to_owned())
}

/// Reads the archives that are packed.
fn inner(
    packed: Box<dyn Read + '_>,
    bounds: &mut Bounds,
    each: &mut dyn FnMut(Member),
) -> Result<(), String> {
    let mut inner = BufReader::new(packed);
    for _ in 0..ARCHIVES {
        match next(&mut inner).map_err(told)? {
            Next::Archive => archive(&mut inner, bounds, each)?,
            Next::End => return Ok(()),
            _ => return Err("what is packed in it is no archive of cpio".to_owned()),
        }
    }
    Ok(())
}

/// The mark of LZ4's legacy frames (`lz4 -l`), which the kernel takes, and the most that a block of
/// them holds.
const OLD_LZ4: &[u8] = &[0x02, 0x21, 0x4c, 0x18];
const BLOCK: usize = 8 << 20;

/// Blocks of LZ4's legacy frames, unpacked.
struct Blocks<'s> {
    source: &'s mut dyn BufRead,
    block: Vec<u8>,
    taken: usize,
}

impl Read for Blocks<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.taken >= self.block.len() {
            let mut length = [0; 4];
            // Zeros, or another mark, stand where there is no further block.
            if self.source.read_exact(&mut length).is_err() {
                return Ok(0);
            }
            let length = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
            if length == 0 || length > BLOCK.saturating_mul(2) {
                return Ok(0);
            }
            let mut packed = Vec::new();
            (&mut self.source).take(length as u64).read_to_end(&mut packed)?;
            self.block = lz4_flex::block::decompress(&packed, BLOCK).map_err(io::Error::other)?;
            self.taken = 0;
        }
        let mut rest = self.block.get(self.taken..).unwrap_or_default();
        let read = rest.read(into)?;
        self.taken = self.taken.saturating_add(read);
        Ok(read)
    }
}

/// What follows in a stream.
enum Next {
    End,
    Archive,
    OldLz4,
    Packed(Compression),
    Strange,
}

fn told(error: io::Error) -> String {
    error.to_string()
}

/// Skips zeros and says what follows.
fn next(source: &mut dyn BufRead) -> io::Result<Next> {
    loop {
        let here = source.fill_buf()?;
        let zeros = here.iter().take_while(|&&byte| byte == 0).count();
        if here.is_empty() {
            return Ok(Next::End);
        }
        if zeros == 0 {
            return Ok(match Compression::of(here) {
                _ if here.starts_with(b"0707") => Next::Archive,
                _ if here.starts_with(OLD_LZ4) => Next::OldLz4,
                Some(compression) => Next::Packed(compression),
                None => Next::Strange,
            });
        }
        source.consume(zeros);
    }
}

/// How much may still be read.
struct Bounds {
    members: usize,
    bytes: u64,
}

/// Reads one archive up to its trailer.
fn archive(
    source: &mut dyn BufRead,
    bounds: &mut Bounds,
    each: &mut dyn FnMut(Member),
) -> Result<(), String> {
    loop {
        let mut header = [0; 110];
        source.read_exact(&mut header).map_err(told)?;
        let field = |number: usize| {
            let from = number.saturating_mul(8).saturating_add(6);
            let digits = header.get(from..from.saturating_add(8))?;
            u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok().map(u64::from)
        };
        let is_newc = header.starts_with(b"070701") || header.starts_with(b"070702");
        let (Some(mode), Some(size), Some(length)) = (field(1), field(6), field(11)) else {
            return Err("a header of cpio holds no numbers".to_owned());
        };
        if !is_newc || length == 0 || length > NAME {
            return Err("a header of cpio was not understood".to_owned());
        }
        bounds.members = bounds.members.checked_sub(1).ok_or("it holds too many files")?;
        bounds.bytes = bounds.bytes.checked_sub(size).ok_or("it holds too many bytes")?;
        let name = piece(source, length)?;
        // Header and name together, then the content, are filled up to four bytes.
        skip(source, 110_u64.saturating_add(length))?;
        let name: Vec<u8> = name.split(|&byte| byte == 0).next().unwrap_or_default().to_vec();
        if name == b"TRAILER!!!" {
            return Ok(());
        }
        let mut member = Member {
            name: bare(&name).to_vec(),
            mode: u32::try_from(mode).unwrap_or(0),
            size,
            ..Member::default()
        };
        content(source, &mut member)?;
        skip(source, size)?;
        if mode & 0o17_0000 == 0o10_0000 && size > 0 {
            each(member);
        }
    }
}

/// Without what stands for the root before a name.
fn bare(mut name: &[u8]) -> &[u8] {
    while let Some(shorter) = name.strip_prefix(b"/").or_else(|| name.strip_prefix(b"./")) {
        name = shorter;
    }
    name
}

fn content(source: &mut dyn BufRead, member: &mut Member) -> Result<(), String> {
    let mut digest = md5::Md5::new();
    let is_kept = member.size <= TEXT as u64;
    let mut left = member.size;
    let mut seen = 0_usize;
    while left > 0 {
        let here = source.fill_buf().map_err(told)?;
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(here.len());
        let bytes = here.get(..most).unwrap_or_default();
        if bytes.is_empty() {
            return Err("it ends within a file".to_owned());
        }
        digest.update(bytes);
        if is_kept {
            member.text.extend_from_slice(bytes);
        }
        for (place, byte) in member.head.iter_mut().skip(seen).zip(bytes) {
            *place = *byte;
        }
        seen = seen.saturating_add(most);
        left = left.saturating_sub(most as u64);
        source.consume(most);
    }
    member.md5 = digest.finalize().into();
    Ok(())
}

fn piece(source: &mut dyn BufRead, length: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let read = source.take(length).read_to_end(&mut bytes).map_err(told)?;
    if read as u64 == length { Ok(bytes) } else { Err("it ends within a name".to_owned()) }
}

/// Skips what fills up to four bytes.
fn skip(source: &mut dyn BufRead, length: u64) -> Result<(), String> {
    let fill = (4 - length % 4) % 4;
    // The last archive may end without it.
    piece(source, fill).map(drop).or(Ok(()))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// An archive as `cpio -H newc` writes it.
    pub(crate) fn made(files: &[(&str, u32, &str)]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (name, mode, text) in files.iter().copied().chain([("TRAILER!!!", 0, "")]) {
            let (size, length) = (text.len(), name.len() + 1);
            let numbers = [1, mode as usize, 0, 0, 1, 0, size, 0, 0, 0, 0, length, 0];
            bytes.extend(b"070701");
            numbers.iter().for_each(|number| bytes.extend(format!("{number:08x}").bytes()));
            bytes.extend(name.bytes());
            bytes.push(0);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
            bytes.extend(text.bytes());
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
        bytes
    }

    fn names(bytes: &[u8]) -> (Vec<String>, Result<(), String>) {
        let mut found = Vec::new();
        let mut source = bytes;
        let result = members(&mut source, &mut |member| {
            found.push(format!("{} {}", stanch_words::text::from_bytes(&member.name), member.size));
        });
        (found, result)
    }

    const FILES: &[(&str, u32, &str)] =
        &[("./init", 0o10_0755, "#!/bin/sh\n"), ("dir", 0o4_0755, ""), ("etc/x", 0o10_0644, "abc")];

    fn packed(bytes: &[u8]) -> Vec<u8> {
        use std::io::Write as _;
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(bytes).unwrap();
        gzip.finish().unwrap()
    }

    fn old_lz4(bytes: &[u8]) -> Vec<u8> {
        let mut packed = OLD_LZ4.to_vec();
        for part in bytes.chunks(100) {
            let block = lz4_flex::block::compress(part);
            packed.extend(u32::try_from(block.len()).unwrap().to_le_bytes());
            packed.extend(block);
        }
        packed
    }

    #[test]
    fn archives_one_after_the_other_are_read_packed_or_not() {
        let early = made(&[("kernel/x86/microcode/a.bin", 0o10_0644, "code")]);
        let expected = ["kernel/x86/microcode/a.bin 4", "init 10", "etc/x 3"].map(str::to_owned);
        for main in [made(FILES), packed(&made(FILES)), old_lz4(&made(FILES))] {
            let zeros = vec![0; 1000];
            let image = [early.clone(), zeros, main].concat();
            assert_eq!(names(&image), (expected.to_vec(), Ok(())));
        }
        let (found, result) = names(b"what");
        assert!(found.is_empty() && result.is_err());
    }

    #[test]
    fn content_is_told_by_its_digest_and_its_beginning() {
        let bytes = made(&[("etc/passwd", 0o10_0644, "abc"), ("b", 0o10_0755, "abc")]);
        let mut found = Vec::new();
        members(&mut bytes.as_slice(), &mut |member| found.push(member)).unwrap();
        let abc = crate::digest::of_bytes(crate::digest::Digest::Md5, b"abc");
        for member in &found {
            assert_eq!(stanch_words::text::hex(&member.md5), abc);
            assert!(member.head.starts_with(b"abc\0"));
        }
        assert_eq!([&*found[0].text, &*found[1].text], [b"abc", b"abc"]);
    }

    #[test]
    fn an_image_cut_or_spoilt_anywhere_ends() {
        for whole in [made(FILES), packed(&made(FILES)), old_lz4(&made(FILES))] {
            for at in 0..whole.len() {
                let (cut, _) = names(&whole[..at]);
                assert!(cut.len() <= 2);
                let mut spoilt = whole.clone();
                spoilt[at] ^= 0xff;
                assert!(names(&spoilt).0.len() <= 2);
            }
        }
    }
}
