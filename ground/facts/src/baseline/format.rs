//! The file of a baseline, written and read as a stream.
//!
//! ```text
//!   stanch-baseline/1⏎
//!   frame: kind, raw length, packed length, packed bytes (LZ4), link
//!     H  what the baseline says of itself (JSON)       link = BLAKE3(link before, frame)
//!     R… items, up to 256 KiB raw                        the first link is that of the first line
//!     T  how many items, and what could not be seen    the last link is the seal
//! ```
//!
//! A frame counts only once its link is right; so a flipped bit is found where it is, before what
//! it stands in is taken for anything. A file without its last frame is torn. Who can write the
//! file can make all links anew: against that there is a signature, or the seal kept elsewhere.
//!
//! Source: design/0009-baseline.md.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use stanch_words::{Gap, GapKind, Seen, text};

use super::bytes::Bytes;
use super::row::{item, put_item};
use super::{Crossing, Digest, Digests, Header, Item, NAME, Scope, order};

/// The first line, with the version.
pub const FIRST_LINE: &[u8] = b"stanch-baseline/1\n";
/// How many raw bytes a frame of items has before it is closed.
const FRAME: usize = 256 << 10;
/// The largest frame that is read, raw or packed.
const LARGEST: usize = 8 << 20;
/// How many gaps a baseline keeps.
const GAPS: usize = 10_000;

/// What is known of a baseline at its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// How many files it has.
    pub rows: u64,
    /// How many bytes of content were read for it.
    pub bytes: u64,
    /// What could not be seen when it was made.
    pub gaps: Vec<Gap>,
    /// How many gaps more there were.
    pub more_gaps: u64,
    /// The last link: it stands for every byte of the file.
    pub seal: Digest,
}

/// Why a file cannot be taken for a baseline.
#[derive(Debug, thiserror::Error)]
pub enum Damage {
    /// It begins in another way.
    #[error("it is no baseline: its first line is another")]
    NotOne,
    /// Reading failed.
    #[error("it could not be read")]
    Unread(#[source] io::Error),
    /// It ends before its end.
    #[error("it is torn: it ends in the middle, after {frames} whole frames")]
    Torn {
        /// How many frames were whole.
        frames: u64,
    },
    /// Something in it is not as it was written.
    #[error("it was altered: frame {frame} does not fit the one before it")]
    Altered {
        /// The number of the frame, from 1.
        frame: u64,
    },
    /// A frame that is whole does not say what it should.
    #[error("frame {frame} is whole but was not understood: {what}")]
    Strange {
        /// The number of the frame, from 1.
        frame: u64,
        /// What was expected.
        what: &'static str,
    },
}

/// Why a baseline could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Writing failed.
    #[error("it could not be written")]
    Io(#[source] io::Error),
    /// Items came out of order: a bug of ours.
    #[error("an item came out of order")]
    Order,
}

#[derive(Serialize, Deserialize)]
struct HeaderJson {
    host: String,
    time: i64,
    tool: String,
    place: String,
    roots: Vec<String>,
    except: Vec<String>,
    digests: String,
    crossing: String,
    follows: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct EndJson {
    rows: u64,
    bytes: u64,
    gaps: Vec<GapJson>,
    more_gaps: u64,
}

#[derive(Serialize, Deserialize)]
struct GapJson {
    kind: String,
    detail: String,
    path: Option<String>,
}

/// Writes a baseline.
pub struct Writer<W: Write> {
    to: W,
    link: Digest,
    frame: Vec<u8>,
    before: Vec<u8>,
    last: Option<Vec<u8>>,
    rows: u64,
    bytes: u64,
}

impl<W: Write> std::fmt::Debug for Writer<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Writer({} rows)", self.rows)
    }
}

impl<W: Write> Writer<W> {
    /// Begins a baseline.
    ///
    /// # Errors
    /// [`WriteError::Io`] if writing fails.
    pub fn begin(mut to: W, header: &Header) -> Result<Self, WriteError> {
        to.write_all(FIRST_LINE).map_err(WriteError::Io)?;
        let link = *blake3::hash(FIRST_LINE).as_bytes();
        let frame = Vec::with_capacity(FRAME + (FRAME >> 4));
        let mut writer =
            Self { to, link, frame, before: Vec::new(), last: None, rows: 0, bytes: 0 };
        let json = serde_json::to_vec(&HeaderJson::of(header)).map_err(json)?;
        writer.put(b'H', &json)?;
        Ok(writer)
    }

    /// Adds an item, which follows all before it in the order of paths.
    ///
    /// # Errors
    /// [`WriteError::Order`] if it does not; [`WriteError::Io`] if writing fails.
    pub fn push(&mut self, item: &Item) -> Result<(), WriteError> {
        let path = item.path();
        if let Some(last) = &mut self.last {
            // A directory's own row and what is said of all below it have the same path.
            let is_same = matches!(item, Item::UnseenBelow(_)) && last == path;
            if !is_same && order(last, path).is_ge() {
                return Err(WriteError::Order);
            }
            last.clear();
            last.extend_from_slice(path);
        } else {
            self.last = Some(path.to_vec());
        }
        put_item(&mut self.frame, item, &self.before);
        self.before.clear();
        self.before.extend_from_slice(path);
        if let Item::Row(row) = item {
            self.rows = self.rows.saturating_add(1);
            if row.blake3.or(row.sha256).is_some() {
                self.bytes = self.bytes.saturating_add(row.size);
            }
        }
        if self.frame.len() >= FRAME { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), WriteError> {
        if self.frame.is_empty() {
            return Ok(());
        }
        let frame = std::mem::take(&mut self.frame);
        self.put(b'R', &frame)?;
        self.frame = frame;
        self.frame.clear();
        self.before.clear();
        Ok(())
    }

    /// Ends the baseline and returns what it was written to.
    ///
    /// # Errors
    /// [`WriteError::Io`] if writing fails.
    pub fn end(mut self, gaps: &[Gap]) -> Result<(W, Ended), WriteError> {
        self.flush()?;
        let kept = gaps.get(..gaps.len().min(GAPS)).unwrap_or_default();
        let more_gaps = gaps.len().saturating_sub(kept.len()) as u64;
        let (rows, bytes) = (self.rows, self.bytes);
        let gap = |gap: &Gap| GapJson {
            kind: gap.kind.name().to_owned(),
            detail: gap.detail.clone(),
            path: gap.path.clone(),
        };
        let end = EndJson { rows, bytes, gaps: kept.iter().map(gap).collect(), more_gaps };
        let json = serde_json::to_vec(&end).map_err(json)?;
        self.put(b'T', &json)?;
        self.to.flush().map_err(WriteError::Io)?;
        let ended = Ended { rows, bytes, gaps: kept.to_vec(), more_gaps, seal: self.link };
        Ok((self.to, ended))
    }

    fn put(&mut self, kind: u8, raw: &[u8]) -> Result<(), WriteError> {
        let packed = lz4_flex::block::compress(raw);
        let head = head(kind, raw.len(), packed.len());
        self.link = link(&self.link, &head, &packed);
        for part in [&head[..], &packed[..], &self.link[..]] {
            self.to.write_all(part).map_err(WriteError::Io)?;
        }
        Ok(())
    }
}

fn json(error: serde_json::Error) -> WriteError {
    WriteError::Io(error.into())
}

fn head(kind: u8, raw: usize, packed: usize) -> [u8; 9] {
    let mut head = [kind, 0, 0, 0, 0, 0, 0, 0, 0];
    let lengths = [raw, packed].map(|length| u32::try_from(length).unwrap_or(u32::MAX));
    let bytes = lengths.iter().flat_map(|length| length.to_le_bytes());
    head.iter_mut().skip(1).zip(bytes).for_each(|(to, from)| *to = from);
    head
}

fn link(before: &Digest, head: &[u8], packed: &[u8]) -> Digest {
    let mut running = blake3::Hasher::new();
    running.update(before).update(head).update(packed);
    *running.finalize().as_bytes()
}

/// Reads a baseline.
pub struct Reader<R: Read> {
    from: R,
    link: Digest,
    frames: u64,
    header: Header,
    items: std::vec::IntoIter<Item>,
    last: Vec<u8>,
    rows: u64,
    ended: Option<Ended>,
}

impl<R: Read> std::fmt::Debug for Reader<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Reader({} frames)", self.frames)
    }
}

impl<R: Read> Reader<R> {
    /// Opens a baseline.
    ///
    /// # Errors
    /// [`Damage`] if it is none, or its beginning does not hold.
    pub fn open(mut from: R) -> Result<Self, Damage> {
        let mut first = [0_u8; FIRST_LINE.len()];
        match from.read_exact(&mut first) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(Damage::NotOne);
            }
            other => other.map_err(Damage::Unread)?,
        }
        if first != FIRST_LINE {
            return Err(Damage::NotOne);
        }
        let link = *blake3::hash(FIRST_LINE).as_bytes();
        let mut reader = Self {
            from,
            link,
            frames: 0,
            header: Header::default(),
            items: Vec::new().into_iter(),
            last: Vec::new(),
            rows: 0,
            ended: None,
        };
        let (kind, raw) = reader.frame()?;
        let json = serde_json::from_slice::<HeaderJson>(&raw).ok().filter(|_| kind == b'H');
        let header = json.and_then(HeaderJson::header);
        reader.header = header.ok_or_else(|| reader.strange("a header"))?;
        Ok(reader)
    }

    /// Returns what the baseline says of itself.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Returns the next item, or nothing at the end.
    ///
    /// # Errors
    /// [`Damage`] if what comes next does not hold.
    #[expect(clippy::should_implement_trait, reason = "an iterator cannot fail")]
    pub fn next(&mut self) -> Result<Option<Item>, Damage> {
        loop {
            if let Some(item) = self.items.next() {
                return Ok(Some(item));
            }
            if self.ended.is_some() {
                return Ok(None);
            }
            let (kind, raw) = self.frame()?;
            match kind {
                b'R' => self.items = self.parse(&raw)?.into_iter(),
                b'T' => self.end(&raw)?,
                _ => return Err(self.strange("items or the end")),
            }
        }
    }

    /// Returns what is known at the end, once all items were read.
    pub fn ended(&self) -> Option<&Ended> {
        self.ended.as_ref().filter(|_| self.items.len() == 0)
    }

    fn parse(&mut self, raw: &[u8]) -> Result<Vec<Item>, Damage> {
        let mut bytes = Bytes(raw);
        let mut items: Vec<Item> = Vec::new();
        let mut before = Vec::new();
        while !bytes.0.is_empty() {
            let item = item(&mut bytes, &before).ok_or_else(|| self.strange("an item"))?;
            let path = item.path();
            let is_same = matches!(item, Item::UnseenBelow(_)) && self.last == path;
            if !is_same && order(&self.last, path).is_ge() {
                return Err(self.strange("paths in order"));
            }
            before.clear();
            before.extend_from_slice(path);
            self.last.clone_from(&before);
            self.rows = self.rows.saturating_add(u64::from(matches!(item, Item::Row(_))));
            items.push(item);
        }
        Ok(items)
    }

    fn end(&mut self, raw: &[u8]) -> Result<(), Damage> {
        let end: EndJson =
            serde_json::from_slice(raw).map_err(|_not_one| self.strange("an end"))?;
        if end.rows != self.rows {
            return Err(self.strange("as many files as it says"));
        }
        let mut one = [0_u8];
        match self.from.read_exact(&mut one) {
            Ok(()) => return Err(self.strange("nothing after the end")),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {}
            Err(error) => return Err(Damage::Unread(error)),
        }
        let gap = |gap: GapJson| Gap {
            what: NAME.to_owned(),
            kind: kind_of(&gap.kind),
            detail: gap.detail,
            path: gap.path,
        };
        let gaps = end.gaps.into_iter().map(gap).collect();
        let (rows, bytes, more_gaps) = (end.rows, end.bytes, end.more_gaps);
        self.ended = Some(Ended { rows, bytes, gaps, more_gaps, seal: self.link });
        Ok(())
    }

    /// Reads a frame, checks its link and unpacks it.
    fn frame(&mut self) -> Result<(u8, Vec<u8>), Damage> {
        let mut head = [0_u8; 9];
        self.exactly(&mut head)?;
        let frame = self.frames.saturating_add(1);
        let [kind, lengths @ ..] = head;
        let [raw, packed] = [0_usize, 4].map(|at| {
            let four = lengths.get(at..).and_then(|rest| rest.first_chunk::<4>());
            u32::from_le_bytes(four.copied().unwrap_or_default()) as usize
        });
        if raw > LARGEST || packed > LARGEST {
            return Err(Damage::Altered { frame });
        }
        let mut bytes = vec![0_u8; packed];
        self.exactly(&mut bytes)?;
        let mut told = [0_u8; 32];
        self.exactly(&mut told)?;
        let link = link(&self.link, &head, &bytes);
        if link != told {
            return Err(Damage::Altered { frame });
        }
        self.link = link;
        self.frames = frame;
        let unpacked = lz4_flex::block::decompress(&bytes, raw).ok();
        let unpacked = unpacked.filter(|unpacked| unpacked.len() == raw);
        Ok((kind, unpacked.ok_or_else(|| self.strange("packed bytes"))?))
    }

    fn exactly(&mut self, to: &mut [u8]) -> Result<(), Damage> {
        self.from.read_exact(to).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => Damage::Torn { frames: self.frames },
            _ => Damage::Unread(error),
        })
    }

    fn strange(&self, what: &'static str) -> Damage {
        Damage::Strange { frame: self.frames, what }
    }
}

/// Parses a whole baseline in memory; what does not hold is a gap.
pub fn parse(bytes: &[u8], seen: &mut Seen) -> u64 {
    let read = Reader::open(bytes).and_then(|mut reader| {
        let mut items = 0_u64;
        while reader.next()?.is_some() {
            items = items.saturating_add(1);
        }
        Ok(items)
    });
    read.unwrap_or_else(|damage| {
        seen.gap(Gap::new(NAME, GapKind::Damaged, damage.to_string()));
        0
    })
}

/// Parses the items of a frame without the frame: what coverage cannot reach through a link.
/// Returns how many there were before the bytes stopped being items.
pub fn parse_items(raw: &[u8], seen: &mut Seen) -> u64 {
    let (mut bytes, mut before, mut items) = (Bytes(raw), Vec::new(), 0_u64);
    while !bytes.0.is_empty() {
        let Some(item) = item(&mut bytes, &before) else {
            seen.gap(Gap::new(NAME, GapKind::Damaged, "bytes that are no item"));
            break;
        };
        before.clear();
        before.extend_from_slice(item.path());
        items = items.saturating_add(1);
    }
    items
}

fn kind_of(name: &str) -> GapKind {
    GapKind::from_name(name).unwrap_or(GapKind::Failed)
}

fn written(path: &Path) -> String {
    text::from_bytes(path.as_os_str().as_encoded_bytes())
}

fn path_of(written: &str) -> PathBuf {
    use std::os::unix::ffi::OsStringExt as _;
    PathBuf::from(std::ffi::OsString::from_vec(text::to_bytes(written)))
}

/// Returns the digest that 64 hexadecimal digits stand for.
pub fn digest_of(hexadecimal: &str) -> Option<Digest> {
    text::unhex_exactly(hexadecimal.as_bytes())
}

impl HeaderJson {
    fn of(header: &Header) -> Self {
        let scope = &header.scope;
        Self {
            host: header.host.clone(),
            time: header.time,
            tool: header.tool.clone(),
            place: header.place.clone(),
            roots: scope.roots.iter().map(|path| written(path)).collect(),
            except: scope.except.iter().map(|path| written(path)).collect(),
            digests: scope.digests.name().to_owned(),
            crossing: scope.crossing.name().to_owned(),
            follows: header.follows.map(|seal| text::hex(&seal)),
        }
    }

    fn header(self) -> Option<Header> {
        let follows = match self.follows {
            Some(hexadecimal) => Some(digest_of(&hexadecimal)?),
            None => None,
        };
        let scope = Scope {
            roots: self.roots.iter().map(|path| path_of(path)).collect(),
            except: self.except.iter().map(|path| path_of(path)).collect(),
            digests: Digests::of_name(&self.digests)?,
            crossing: Crossing::of_name(&self.crossing)?,
        };
        let (host, time, tool, place) = (self.host, self.time, self.tool, self.place);
        Some(Header { host, time, tool, place, scope, follows })
    }
}

#[cfg(test)]
mod tests;
