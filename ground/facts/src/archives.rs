//! Archives, looked into without ever being unpacked to a disk: zip, tar, ar and what is packed.
//!
//! Source: APPNOTE.TXT 6.3.10 (zip), POSIX.1-2017 pax and the GNU tar manual (tar), ar(5).
//! A member is handed out as bytes, in pieces if it is large; a member that is an archive is looked
//! into as well. Whoever packs chooses how much comes out, so that bytes, their ratio to what lies
//! on the disk, members, depth and time all have a cap, and a cap that is reached is told.

mod ar;
mod tar;
mod zip;

use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Read};

use stanch_machine::OpenFile;
use stanch_words::{GapKind, text};

use crate::content::{self, Format, Kind};
use crate::decompress::Compression;

/// How much of a member is held and judged at once, and how much of two pieces is the same.
const PIECE: usize = 8 << 20;
const OVERLAP: usize = 64 << 10;
/// How much all zips within archives may hold: their directory stands at their end.
const ROOM: usize = 48 << 20;
/// As many bytes tell what something is: tar's mark ends at 262.
const HEAD: usize = 512;
/// How many different things that were left out are told of one archive, and the longest name.
const TOLD: usize = 20;
const NAME: usize = 1024;

/// How far an archive is followed.
#[derive(Clone, Copy, Debug)]
pub struct Caps {
    /// Archives within archives.
    pub depth: usize,
    /// Members in all.
    pub members: usize,
    /// Bytes that come out in all.
    pub bytes: u64,
    /// How many times its own size an archive may give, once it gave more than `free`.
    pub ratio: u64,
    /// How much any archive may give.
    pub free: u64,
}

impl Caps {
    /// Honest archives stay below: `ClamAV` stops at 17 levels and 10,000 files, logs shrink 10 to
    /// 50 times; the largest jar of a known product has 60,000 members.
    pub const USUAL: Self =
        Self { depth: 8, members: 100_000, bytes: 1 << 30, ratio: 250, free: 64 << 20 };
}

/// Bytes that can be read at any place.
pub trait Source {
    /// Returns how many there are.
    fn size(&self) -> u64;

    /// Reads at an offset and returns how many bytes there were; 0 at the end.
    ///
    /// # Errors
    /// Whatever kept it from reading.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;
}

impl Source for &[u8] {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = usize::try_from(offset).ok().and_then(|offset| self.get(offset..));
        rest.unwrap_or_default().read(buffer)
    }
}

/// A file that is held open.
pub struct File<'f> {
    /// The file.
    pub file: &'f dyn OpenFile,
    /// How much of it is read.
    pub size: u64,
}

impl Source for File<'_> {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read_at(offset, buffer).map_err(|miss| io::Error::other(miss.detail))
    }
}

/// A part of a source, read from its beginning to its end.
struct Part<'s> {
    source: &'s dyn Source,
    at: u64,
    end: u64,
}

impl Read for Part<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let room = buffer.len().min(left);
        let read = self.source.read_at(self.at, buffer.get_mut(..room).unwrap_or_default())?;
        self.at = self.at.saturating_add(read as u64);
        Ok(read)
    }
}

/// A member of an archive, or a piece of a large one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member<'m> {
    /// Where it stands: names of archives within, parted by `!/`, and its own name.
    pub name: &'m str,
    /// The bytes.
    pub bytes: &'m [u8],
    /// Where in the member they begin.
    pub offset: u64,
    /// Whether these are all bytes of the member.
    pub is_whole: bool,
}

/// Something that was not looked into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// Why.
    pub kind: GapKind,
    /// Why, in words.
    pub why: String,
    /// The first member that it happened to; empty for the archive itself.
    pub member: String,
    /// How many members it happened to.
    pub count: u64,
}

/// Hands out all members of an archive, and tells what was left out.
///
/// `name` is the archive's file name, which tells that of a packed file; `is_over` says that the
/// time is over.
pub fn walk(
    source: &dyn Source,
    format: Format,
    name: &str,
    caps: Caps,
    is_over: &dyn Fn() -> bool,
    each: &mut dyn FnMut(Member<'_>),
) -> Vec<Left> {
    let most = source.size().saturating_mul(caps.ratio).max(caps.free).min(caps.bytes);
    let budget = Budget { given: Cell::new(0), most, stop: Cell::new(None), is_over };
    let mut walker =
        Walker { budget: &budget, caps, each, members: 0, room: ROOM, left: Vec::new() };
    if format == Format::Zip {
        zip::walk(&mut walker, source, "", 1);
    } else {
        let part = Part { source, at: 0, end: source.size() };
        let place = Place { folder: String::new(), name: name.to_owned() };
        walker.open(&mut BufReader::new(part), format, &place, 1);
    }
    walker.left
}

/// Where an archive's members belong: the names before, and the archive's own name, which only
/// that of a packed file's content is made of.
struct Place {
    folder: String,
    name: String,
}

impl Place {
    /// Returns the whole name of a member; a file that is packed alone loses its ending.
    fn of(&self, member: &str) -> String {
        format!("{}{member}", self.folder)
    }

    fn unpacked(&self) -> String {
        let (front, own) = self.name.rsplit_once('/').unwrap_or(("", &self.name));
        let stem = match own.rsplit_once('.') {
            Some((stem, "gz" | "xz" | "bz2" | "zst" | "lz4" | "z" | "Z")) if !stem.is_empty() => {
                stem
            }
            _ if own.is_empty() => "content",
            _ => own,
        };
        let slash = if front.is_empty() { "" } else { "/" };
        self.of(&format!("{front}{slash}{stem}"))
    }
}

/// Why nothing more is unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    Bytes,
    Time,
    Members,
}

/// How much came out, of how much may.
struct Budget<'b> {
    given: Cell<u64>,
    most: u64,
    stop: Cell<Option<Stop>>,
    is_over: &'b dyn Fn() -> bool,
}

/// Counts what is unpacked, and ends it.
struct Counted<'b, R> {
    reader: R,
    budget: &'b Budget<'b>,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let budget = self.budget;
        if budget.stop.get().is_none() {
            if budget.given.get() >= budget.most {
                budget.stop.set(Some(Stop::Bytes));
            } else if (budget.is_over)() {
                budget.stop.set(Some(Stop::Time));
            }
        }
        if budget.stop.get().is_some() {
            return Err(io::Error::other("a cap is reached"));
        }
        let read = self.reader.read(buffer)?;
        budget.given.set(budget.given.get().saturating_add(read as u64));
        Ok(read)
    }
}

/// On the way through an archive and those within.
struct Walker<'w> {
    budget: &'w Budget<'w>,
    caps: Caps,
    each: &'w mut dyn FnMut(Member<'_>),
    members: usize,
    /// How much zips within may still hold.
    room: usize,
    left: Vec<Left>,
}

impl<'w> Walker<'w> {
    fn counted<R: Read>(&self, reader: R) -> Counted<'w, R> {
        Counted { reader, budget: self.budget }
    }

    fn is_done(&self) -> bool {
        self.budget.stop.get().is_some()
    }

    /// Tells that a member was left out; the same reason is told once, with a count.
    fn leave(&mut self, kind: GapKind, member: &str, why: impl Into<String>) {
        let why = why.into();
        if let Some(known) = self.left.iter_mut().find(|one| one.kind == kind && one.why == why) {
            known.count = known.count.saturating_add(1);
        } else if self.left.len() < TOLD {
            self.left.push(Left { kind, why, member: member.to_owned(), count: 1 });
        }
    }

    /// Tells why reading ended: a cap, or damage.
    fn broken(&mut self, member: &str, error: &io::Error) {
        let caps = self.caps;
        let (kind, why) = match self.budget.stop.get() {
            Some(Stop::Bytes) => (
                GapKind::Truncated,
                format!(
                    "it unpacks to more than {} bytes; the rest was not judged",
                    self.budget.most
                ),
            ),
            Some(Stop::Time) => (
                GapKind::TimedOut,
                "unpacking it took too long; the rest was not judged".to_owned(),
            ),
            Some(Stop::Members) => (
                GapKind::Truncated,
                format!("it has more than {} members; the rest was not judged", caps.members),
            ),
            None => (GapKind::Damaged, format!("damaged: {error}")),
        };
        let is_told =
            self.is_done() && self.left.iter().any(|one| one.kind == kind && one.why == why);
        if !is_told {
            self.leave(kind, member, why);
        }
    }

    /// Goes through an archive that is read from its beginning to its end.
    fn open(&mut self, reader: &mut dyn BufRead, format: Format, place: &Place, depth: usize) {
        if depth > self.caps.depth {
            let why = format!("archives within archives deeper than {} levels", self.caps.depth);
            return self.leave(GapKind::Truncated, &place.of(""), why);
        }
        match format {
            Format::Tar => tar::walk(self, reader, place, depth),
            Format::Ar => ar::walk(self, reader, place, depth),
            Format::Packed(compression) => self.unpack(reader, compression, place, depth),
            // Its caller holds a zip whole, or says that it cannot.
            Format::Zip => {}
        }
    }

    /// Unpacks what is packed; a tar within has no name of its own between.
    fn unpack(
        &mut self,
        reader: &mut dyn BufRead,
        compression: Compression,
        place: &Place,
        depth: usize,
    ) {
        let mut unpacked = self.counted(compression.reader(reader));
        let name = place.unpacked();
        let mut head = Vec::with_capacity(HEAD);
        let met = take(&mut unpacked, &mut head, HEAD);
        if head.is_empty() {
            if let Err(error) = met {
                self.broken(&name, &error);
            }
            return;
        }
        let kind = content::kind(&head, "");
        let rest = io::Cursor::new(head).chain(unpacked);
        let mut rest = BufReader::with_capacity(64 << 10, rest);
        if let Kind::Archive(format @ (Format::Tar | Format::Ar)) = kind {
            return self.open(&mut rest, format, place, depth.saturating_add(1));
        }
        self.member(&mut rest, &name, depth);
    }

    /// Hands out a member, in pieces if it is large, and looks into it if it is an archive.
    fn member(&mut self, reader: &mut dyn Read, name: &str, depth: usize) {
        if self.is_done() {
            return;
        }
        self.members = self.members.saturating_add(1);
        if self.members > self.caps.members {
            self.budget.stop.set(Some(Stop::Members));
            return self.broken("", &io::Error::other(""));
        }
        let mut bytes = Vec::new();
        // One byte more tells whether there is more.
        let mut ended = self.take(reader, &mut bytes, PIECE.saturating_add(1), name);
        let kind = content::kind(&bytes, name);
        let before = self.room;
        if ended == Ended::More && kind == Kind::Archive(Format::Zip) {
            ended = self.take(reader, &mut bytes, self.room, name);
            self.room = self.room.saturating_sub(bytes.len());
        }
        if ended == Ended::More {
            match kind {
                Kind::Archive(Format::Zip) => {
                    let why = format!("zips of more than {ROOM} bytes within an archive");
                    self.leave(GapKind::Truncated, name, why);
                }
                Kind::Archive(format) => {
                    let mut all = BufReader::new(io::Cursor::new(bytes).chain(reader));
                    return self.open(&mut all, format, &within(name), depth.saturating_add(1));
                }
                _ => {}
            }
            self.pieces(bytes, reader, name);
        } else if !bytes.is_empty() {
            let is_whole = ended == Ended::Whole;
            (self.each)(Member { name, bytes: &bytes, offset: 0, is_whole });
            if let Kind::Archive(format) = kind {
                let (place, depth) = (within(name), depth.saturating_add(1));
                if format == Format::Zip && depth <= self.caps.depth {
                    zip::walk(self, &bytes.as_slice(), &place.folder, depth);
                } else {
                    self.open(&mut bytes.as_slice(), format, &place, depth);
                    if format == Format::Zip {
                        let why = format!(
                            "archives within archives deeper than {} levels",
                            self.caps.depth
                        );
                        self.leave(GapKind::Truncated, name, why);
                    }
                }
            }
        }
        self.room = before;
    }

    /// Hands out a large member in pieces that overlap.
    fn pieces(&mut self, mut bytes: Vec<u8>, reader: &mut dyn Read, name: &str) {
        let mut offset = 0_u64;
        loop {
            (self.each)(Member { name, bytes: &bytes, offset, is_whole: false });
            let past = bytes.len().saturating_sub(OVERLAP);
            bytes.drain(..past);
            offset = offset.saturating_add(past as u64);
            let held = bytes.len();
            let ended = self.take(reader, &mut bytes, PIECE, name);
            if bytes.len() == held {
                return;
            }
            if ended != Ended::More {
                return (self.each)(Member { name, bytes: &bytes, offset, is_whole: false });
            }
        }
    }

    fn take(&mut self, reader: &mut dyn Read, to: &mut Vec<u8>, most: usize, name: &str) -> Ended {
        match take(reader, to, most) {
            Ok(()) if to.len() < most => Ended::Whole,
            Ok(()) => Ended::More,
            Err(error) => {
                self.broken(name, &error);
                Ended::Broken
            }
        }
    }
}

/// How reading a member ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    Whole,
    More,
    Broken,
}

/// Returns the place of the members of an archive that is a member itself.
fn within(name: &str) -> Place {
    Place { folder: format!("{name}!/"), name: name.rsplit('/').next().unwrap_or(name).to_owned() }
}

/// Fills a buffer up to a length; shorter means that there was no more.
fn take(reader: &mut dyn Read, to: &mut Vec<u8>, most: usize) -> io::Result<()> {
    let room = most.saturating_sub(to.len()) as u64;
    reader.take(room).read_to_end(to).map(|_length| ())
}

/// Returns a member's name as it is shown: without a leading `./` or `/`, cut.
fn shown(name: &[u8]) -> String {
    let name = name.get(..name.len().min(NAME)).unwrap_or_default();
    let name = name.strip_prefix(b"./").unwrap_or(name);
    text::from_bytes(name).trim_start_matches('/').to_owned()
}

#[cfg(test)]
mod tests;
