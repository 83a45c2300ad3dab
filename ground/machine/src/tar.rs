//! Tar, read and written as a stream: packages are made of it, archives are looked into, and
//! evidence is kept in it.
//!
//! Source: tar(5): ustar's headers, GNU's long names (`L`, `K`), POSIX.1-2001's records (`x`).

mod write;

use std::io::{self, Read};

pub use write::{Member, headers, padding};

/// Most entries of one package: the largest have a few ten thousand.
const ENTRIES: usize = 1_000_000;
/// The longest name, and the longest extended header.
const NAME: u64 = 64 << 10;
/// The most that a package may unfold to; the largest of Debian hold two or three.
const BYTES: u64 = 16 << 30;
/// Nanoseconds.
const SECOND: i64 = 1_000_000_000;

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// Another name of an earlier entry.
    HardLink,
    /// A symbolic link.
    Symlink,
    /// A directory.
    Directory,
    /// Anything else.
    Other,
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its path, from the root: `/usr/bin/ls`.
    pub path: Vec<u8>,
    /// Its kind.
    pub kind: Kind,
    /// Permission bits.
    pub mode: u32,
    /// Owner and group, by number.
    pub owner: (u32, u32),
    /// When it was made, in seconds since 1970.
    pub modified: i64,
    /// Where a link leads; a hard link's target is a path from the root.
    pub target: Vec<u8>,
}

/// What stands at a place of an archive.
#[derive(Debug)]
pub enum Found {
    /// Nothing: the source has ended.
    End,
    /// A block of nothing. Two of them end an archive; what stands behind is read by `tar -i`.
    Blank,
    /// An entry. Its `size` bytes come next, and `padding` behind them.
    Entry(Raw),
}

/// An entry as its headers tell it.
#[derive(Clone, Debug)]
pub struct Raw {
    /// Its name as it is written.
    pub name: Vec<u8>,
    /// The letter of its kind (`0` a file, `5` a directory, …).
    pub kind: u8,
    /// How many bytes it holds.
    pub size: u64,
    /// How many bytes fill its last block.
    pub padding: u64,
    /// Whether GNU's map of holes goes on in blocks of its own.
    pub has_many_holes: bool,
    /// Permission bits.
    pub mode: u32,
    /// Owner and group, by number.
    pub owner: (u32, u32),
    /// When its content changed, in nanoseconds since 1970.
    pub modified: i64,
    /// When it was read, where told.
    pub accessed: Option<i64>,
    /// When its inode changed, where told.
    pub changed: Option<i64>,
    /// Where a link leads, as written.
    pub target: Vec<u8>,
    /// The maker's comment on it.
    pub comment: Option<Vec<u8>>,
}

/// What the headers before an entry said of it.
#[derive(Debug, Default)]
pub struct Tar {
    name: Option<Vec<u8>>,
    target: Option<Vec<u8>>,
    size: Option<u64>,
    comment: Option<Vec<u8>>,
    modified: Option<i64>,
    accessed: Option<i64>,
    changed: Option<i64>,
    owner: (Option<u32>, Option<u32>),
}

impl Tar {
    /// Reads headers up to the next entry.
    ///
    /// # Errors
    /// What is wrong with them, or with the source.
    pub fn next(&mut self, source: &mut dyn Read) -> io::Result<Found> {
        // Each turn takes a header of the source, and a source ends.
        loop {
            let mut header = [0; 512];
            if !fill(source, &mut header)? {
                return Ok(Found::End);
            }
            if header == [0; 512] {
                return Ok(Found::Blank);
            }
            let header = Header(&header);
            if !header.is_whole() {
                return Err(io::Error::other("a header's sum is wrong"));
            }
            let told = header.number(124..136).ok_or_else(|| io::Error::other("no size"))?;
            let kind = header.kind();
            let padding = |size: u64| size.next_multiple_of(512).saturating_sub(size);
            match kind {
                b'L' | b'K' | b'x' => {
                    let text = text(source, told)?;
                    match kind {
                        b'L' => self.name = Some(trimmed(&text).to_vec()),
                        b'K' => self.target = Some(trimmed(&text).to_vec()),
                        _ => self.records(&text),
                    }
                    skip(source, padding(told))?;
                }
                // A header for all that follow: comments of the maker's.
                b'g' => skip(source, told.saturating_add(padding(told)))?,
                _ => return Ok(Found::Entry(self.entry(&header, told))),
            }
        }
    }

    fn entry(&mut self, header: &Header<'_>, told: u64) -> Raw {
        let size = self.size.take().unwrap_or(told);
        let number = |range| header.number(range).unwrap_or_default();
        let id = |range| u32::try_from(number(range)).unwrap_or_default();
        let mode = u32::try_from(number(100..108) & 0o7777);
        let seconds = i64::try_from(number(136..148)).unwrap_or_default();
        let owner = std::mem::take(&mut self.owner);
        Raw {
            name: self.name.take().unwrap_or_else(|| header.name()),
            kind: header.kind(),
            size,
            padding: size.next_multiple_of(512).saturating_sub(size),
            has_many_holes: header.kind() == b'S' && header.part(482..483) == [1],
            mode: mode.unwrap_or_default(),
            owner: (
                owner.0.unwrap_or_else(|| id(108..116)),
                owner.1.unwrap_or_else(|| id(116..124)),
            ),
            modified: self.modified.take().unwrap_or(seconds.saturating_mul(SECOND)),
            accessed: self.accessed.take(),
            changed: self.changed.take(),
            comment: self.comment.take(),
            target: self.target.take().unwrap_or_else(|| header.text(157..257).to_vec()),
        }
    }

    /// Reads the records `LENGTH KEY=VALUE` of an extended header.
    fn records(&mut self, text: &[u8]) {
        let mut rest = text;
        while let Some(space) = memchr::memchr(b' ', rest) {
            let length = decimal(rest.get(..space).unwrap_or_default());
            let length = length.and_then(|length| usize::try_from(length).ok());
            let Some((record, after)) = length.and_then(|length| rest.split_at_checked(length))
            else {
                return;
            };
            if record.is_empty() {
                return;
            }
            let record = record.get(space.saturating_add(1)..).unwrap_or_default();
            let record = record.strip_suffix(b"\n").unwrap_or(record);
            self.record(record);
            rest = after;
        }
    }

    fn record(&mut self, record: &[u8]) {
        let Some(equals) = memchr::memchr(b'=', record) else { return };
        let (key, value) = record.split_at(equals);
        let value = value.get(1..).unwrap_or_default();
        let id = |value| decimal(value).and_then(|id| u32::try_from(id).ok());
        match key {
            b"path" => self.name = Some(value.to_vec()),
            b"linkpath" => self.target = Some(value.to_vec()),
            b"size" => self.size = decimal(value),
            b"comment" => self.comment = Some(value.to_vec()),
            b"mtime" => self.modified = time(value),
            b"atime" => self.accessed = time(value),
            b"ctime" => self.changed = time(value),
            b"uid" => self.owner.0 = id(value),
            b"gid" => self.owner.1 = id(value),
            _ => {}
        }
    }
}

impl Raw {
    fn entry(self) -> Entry {
        let kind = match self.kind {
            b'0' | 0 | b'7' => Kind::File,
            b'1' => Kind::HardLink,
            b'2' => Kind::Symlink,
            b'5' => Kind::Directory,
            _ => Kind::Other,
        };
        let target = if kind == Kind::HardLink { rooted(&self.target) } else { self.target };
        let (mode, owner) = (self.mode, self.owner);
        let modified = self.modified.div_euclid(SECOND);
        Entry { path: rooted(&self.name), kind, mode, owner, modified, target }
    }
}

/// Calls `each` with every entry of a package and a reader of its content.
///
/// # Errors
/// What is wrong with it, after the entries that were given.
pub fn each(
    source: &mut dyn Read,
    each: &mut dyn FnMut(Entry, &mut dyn Read) -> io::Result<()>,
) -> io::Result<()> {
    let mut tar = Tar::default();
    let mut left = BYTES;
    for _ in 0..ENTRIES {
        let Found::Entry(raw) = tar.next(source)? else { return Ok(()) };
        left = left.checked_sub(raw.size).ok_or_else(|| io::Error::other("too large"))?;
        let padding = raw.padding;
        let mut content = (&mut *source).take(raw.size);
        each(raw.entry(), &mut content)?;
        let rest = content.limit();
        skip(source, rest.saturating_add(padding))?;
    }
    Err(io::Error::other("too many entries"))
}

/// Returns the nanoseconds of a time in records: seconds, and a fraction.
fn time(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_before = whole.starts_with('-');
    let seconds: i64 = whole.parse().ok()?;
    let nine: String = fraction.chars().chain(std::iter::repeat('0')).take(9).collect();
    let fraction: i64 = nine.parse().ok()?;
    let nanoseconds = seconds.checked_mul(SECOND)?;
    if is_before { nanoseconds.checked_sub(fraction) } else { nanoseconds.checked_add(fraction) }
}

fn decimal(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Fills a buffer; returns whether there was anything at all.
fn fill(source: &mut dyn Read, buffer: &mut [u8]) -> io::Result<bool> {
    let mut filled = 0;
    while let Some(room) = buffer.get_mut(filled..).filter(|room| !room.is_empty()) {
        match source.read(room)? {
            0 if filled == 0 => return Ok(false),
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => filled = filled.saturating_add(read),
        }
    }
    Ok(true)
}

fn text(source: &mut dyn Read, size: u64) -> io::Result<Vec<u8>> {
    if size > NAME {
        return Err(io::Error::other("a name is too long"));
    }
    let mut found = Vec::new();
    source.take(size).read_to_end(&mut found)?;
    if (found.len() as u64) < size {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(found)
}

/// Reads a member's content piece by piece, and what fills up its last block.
///
/// # Errors
/// Those of `each`; also when the source ends before.
pub fn content(
    raw: &Raw,
    source: &mut dyn Read,
    each: &mut dyn FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    const PIECE: u64 = 64 << 10;
    // Most members are small, and there may be millions.
    let mut room = vec![0_u8; usize::try_from(raw.size.min(PIECE)).unwrap_or(0)];
    let mut left = raw.size;
    while left > 0 {
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(room.len());
        let piece = room.get_mut(..most).unwrap_or_default();
        let read = source.read(piece)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        each(piece.get(..read).unwrap_or_default())?;
        left = left.saturating_sub(read as u64);
    }
    skip(source, raw.padding)
}

/// Reads and forgets.
///
/// # Errors
/// Also when the source ends before.
pub fn skip(source: &mut dyn Read, bytes: u64) -> io::Result<()> {
    match io::copy(&mut source.take(bytes), &mut io::sink())? {
        read if read == bytes => Ok(()),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

fn trimmed(text: &[u8]) -> &[u8] {
    text.split(|&b| b == 0).next().unwrap_or_default()
}

/// Returns a name as a path from the root.
fn rooted(name: &[u8]) -> Vec<u8> {
    let name = name.strip_prefix(b".").filter(|rest| rest.starts_with(b"/")).unwrap_or(name);
    let name = name.strip_suffix(b"/").unwrap_or(name);
    let slash: &[u8] = if name.starts_with(b"/") { b"" } else { b"/" };
    [slash, name].concat()
}

struct Header<'h>(&'h [u8; 512]);

impl Header<'_> {
    fn part(&self, range: std::ops::Range<usize>) -> &[u8] {
        self.0.get(range).unwrap_or_default()
    }

    fn text(&self, range: std::ops::Range<usize>) -> &[u8] {
        trimmed(self.part(range))
    }

    fn kind(&self) -> u8 {
        self.part(156..157).first().copied().unwrap_or_default()
    }

    /// Returns an octal number, or GNU's in base 256 behind a set bit.
    fn number(&self, range: std::ops::Range<usize>) -> Option<u64> {
        let field = self.part(range);
        if let Some((&first @ 0x80.., rest)) = field.split_first() {
            let first = u64::from(first & 0x7f);
            return rest
                .iter()
                .try_fold(first, |sum, &byte| sum.checked_mul(256)?.checked_add(byte.into()));
        }
        let text = std::str::from_utf8(field).ok()?;
        let text = text.trim_matches(|c: char| c == '\0' || c == ' ');
        if text.is_empty() { Some(0) } else { u64::from_str_radix(text, 8).ok() }
    }

    /// Returns whether the sum of all bytes is right, those of the sum itself counted as blanks.
    fn is_whole(&self) -> bool {
        let all: u64 = self.0.iter().map(|&byte| u64::from(byte)).sum();
        let own: u64 = self.part(148..156).iter().map(|&byte| u64::from(byte)).sum();
        self.number(148..156) == Some(all.saturating_sub(own).saturating_add(8 * 32))
    }

    fn name(&self) -> Vec<u8> {
        let name = self.text(0..100);
        let prefix: &[u8] =
            if self.part(257..263) == b"ustar\0" { self.text(345..500) } else { b"" };
        if prefix.is_empty() { name.to_vec() } else { [prefix, b"/", name].concat() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns an archive of some files: name, mode, kind, target, content.
    fn made(files: &[(&str, u32, u8, &str, &[u8])]) -> Vec<u8> {
        let mut archive = Vec::new();
        for (name, mode, kind, target, content) in files {
            let mut header = [0_u8; 512];
            let mut put = |at: usize, text: &str| {
                header[at..at + text.len()].copy_from_slice(text.as_bytes());
            };
            put(0, name);
            put(100, &format!("{mode:07o}"));
            put(124, &format!("{:011o}", content.len()));
            put(157, target);
            put(257, "ustar");
            put(148, "        ");
            header[156] = *kind;
            let sum: u32 = header.iter().map(|&b| u32::from(b)).sum();
            header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
            archive.extend(header);
            archive.extend_from_slice(content);
            archive.resize(archive.len().next_multiple_of(512), 0);
        }
        archive.resize(archive.len() + 1024, 0);
        archive
    }

    fn told(archive: &[u8]) -> (Vec<String>, Option<String>) {
        let mut found = Vec::new();
        let result = each(&mut &*archive, &mut |entry, content| {
            let mut text = String::new();
            content.read_to_string(&mut text)?;
            let path = String::from_utf8_lossy(&entry.path);
            let target = String::from_utf8_lossy(&entry.target);
            found.push(format!("{path} {:?} {:o} {target} {text}", entry.kind, entry.mode));
            Ok(())
        });
        (found, result.err().map(|error| error.to_string()))
    }

    #[test]
    fn entries_are_told_with_their_content() {
        let long = format!("./usr/{}", "x".repeat(150));
        let records = b"29 path=usr/share/doc/a name\n";
        let archive = made(&[
            ("./", 0o755, b'5', "", b""),
            ("./usr/bin/tool", 0o4755, b'0', "", b"abc"),
            ("./usr/bin/other", 0o755, b'1', "./usr/bin/tool", b""),
            ("./usr/bin/link", 0o777, b'2', "tool", b""),
            ("././@LongLink", 0, b'L', "", long.as_bytes()),
            ("./usr/cut", 0o644, b'0', "", b"long"),
            ("./PaxHeaders/x", 0, b'x', "", records),
            ("./usr/y", 0o644, b'0', "", b"pax"),
        ]);
        let (found, error) = told(&archive);
        let expected = [
            "/ Directory 755  ".to_owned(),
            "/usr/bin/tool File 4755  abc".to_owned(),
            "/usr/bin/other HardLink 755 /usr/bin/tool ".to_owned(),
            "/usr/bin/link Symlink 777 tool ".to_owned(),
            format!("{} File 644  long", long.trim_start_matches('.')),
            "/usr/share/doc/a name File 644  pax".to_owned(),
        ];
        assert_eq!(found, expected);
        assert_eq!(error, None);
    }

    #[test]
    fn an_archive_cut_anywhere_is_told_as_cut() {
        let archive = made(&[("a", 0o644, b'0', "", &[b'x'; 700])]);
        for end in (1..1536).step_by(13).filter(|end| end % 512 != 0) {
            assert!(told(&archive[..end]).1.is_some(), "{end}");
        }
    }

    #[test]
    fn a_size_that_is_not_there_and_a_wrong_sum_are_refused() {
        let mut archive = made(&[("a", 0o644, b'0', "", b"abc")]);
        archive[0] = b'b';
        assert_eq!(told(&archive).1.as_deref(), Some("a header's sum is wrong"));
        assert_eq!(told(b"short").1.as_deref(), Some("unexpected end of file"));
        assert_eq!(told(b""), (Vec::new(), None));
    }

    #[test]
    fn a_long_name_stays_whatever_headers_stand_between_and_a_size_of_records_counts() {
        let name = "x".repeat(150);
        let mut archive = made(&[
            ("././@LongLink", 0, b'L', "", name.as_bytes()),
            ("././@LongLink", 0, b'K', "", b"./to"),
            ("cut", 0o777, b'2', "cut", b""),
            ("./PaxHeaders/x", 0, b'x', "", b"9 size=3\n"),
            ("././@LongLink", 0, b'L', "", b"long"),
            ("cut", 0o644, b'0', "", b"abc"),
        ]);
        // The header of the last one says nothing of its size.
        let last = archive.len() - 1024 - 1024;
        archive[last + 124..last + 135].copy_from_slice(b"00000000000");
        archive[last + 148..last + 156].copy_from_slice(b"        ");
        let sum: u32 = archive[last..last + 512].iter().map(|&b| u32::from(b)).sum();
        archive[last + 148..last + 156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        let (found, error) = told(&archive);
        assert_eq!(found, [format!("/{name} Symlink 777 ./to "), "/long File 644  abc".to_owned()]);
        assert_eq!(error, None);
    }
}
