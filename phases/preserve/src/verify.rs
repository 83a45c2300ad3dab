//! Whether a bundle is what was sealed: every item, every line, the root, the chain, every byte.

use std::collections::VecDeque;
use std::io::{self, BufRead as _, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use sha2::{Digest as _, Sha256};
use stanch_ledger::{Entry, chain};
use stanch_machine::tar::{self, Found, Raw, Tar, skip};
use stanch_words::text;

use crate::manifest::{Item, Kind, nanoseconds};
use crate::seal::{self, END, Root, Seal, digest};

/// The most flaws that are told one by one.
const FLAWS: usize = 100;
/// The most that one of our own lists may hold.
const LIST: u64 = 1 << 30;
/// The most members that wait for their lines: the line of one stands with the next.
const WAIT: usize = 1000;

/// What a bundle holds of what it promises.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// How many items with content are whole.
    pub whole: u64,
    /// How many lines tell of what could not be taken.
    pub noted: u64,
    /// What does not hold, the first first.
    pub flaws: Vec<Flaw>,
    /// Whether it breaks off before its end.
    pub is_cut: bool,
    /// The last whole item, if it breaks off.
    pub last: Option<String>,
    /// The seal, where there is one that can be read.
    pub seal: Option<Seal>,
    /// SHA-256 of the seal as it is written (`meta/seal.json`), and of the whole file.
    pub digests: (Option<[u8; 32]>, [u8; 32]),
    /// Bytes of the whole file.
    pub packed: u64,
}

/// What a bundle tells of itself.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// What of it holds.
    pub verified: Verified,
    /// Everything that was taken, in its order.
    pub items: Vec<Item>,
    /// The record of custody, as far as it holds.
    pub custody: Vec<Entry>,
}

impl Verified {
    /// Returns whether all of it is there and holds.
    pub fn holds(&self) -> bool {
        self.flaws.is_empty() && !self.is_cut && self.seal.is_some()
    }
}

/// What does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// The item, or the part of the bundle.
    pub name: String,
    /// In which way.
    pub broken: Broken,
    /// What was expected and what was found.
    pub why: String,
}

/// In which way something does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// It is another than was sealed.
    Altered,
    /// It was sealed and is not there.
    Missing,
    /// It is there and was not sealed.
    Added,
    /// The packing is damaged: what follows cannot be read, or a byte of it is another.
    Packing,
}

impl Broken {
    /// Returns the name used in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Altered => "altered",
            Self::Missing => "missing",
            Self::Added => "added",
            Self::Packing => "packing",
        }
    }
}

/// Verifies a bundle.
///
/// # Errors
/// If it cannot be read, or is no bundle of ours at all (of kind `InvalidData`).
pub fn verify(from: &mut dyn Read) -> io::Result<Verified> {
    Ok(read(from, Keep::Nothing)?.verified)
}

/// Verifies a bundle, and returns what was taken and by whom.
///
/// # Errors
/// As [`verify`].
pub fn list(from: &mut dyn Read) -> io::Result<Told> {
    read(from, Keep::All)
}

/// What is kept of what was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Keep {
    #[default]
    Nothing,
    All,
}

fn read(from: &mut dyn Read, keep: Keep) -> io::Result<Told> {
    let mut ending =
        Ending { from, held: Vec::new(), digest: Sha256::new(), length: 0, broke: None };
    let mut checking = Checking { keep, ..Checking::default() };
    let stopped = {
        let mut source = BufReader::with_capacity(256 << 10, &mut ending);
        if !source.fill_buf()?.starts_with(&[0x1f, 0x8b]) {
            return Err(no_bundle("it is not packed by gzip"));
        }
        let mut unfolded = MultiGzDecoder::new(source);
        let stopped = checking.members(&mut unfolded);
        // What stands between the end of the tar and the end of the packing is nothing.
        let rest = match &stopped {
            Ok(()) => io::copy(&mut unfolded, &mut io::sink()).map(|_zeros| ()),
            Err(_) => Ok(()),
        };
        stopped.and(rest)
    };
    io::copy(&mut ending, &mut io::sink())?;
    if let Some(error) = ending.broke {
        return Err(error);
    }
    let is_ours = checking.begun || checking.seal.is_some();
    if !is_ours {
        return Err(no_bundle("no `meta/begin.json` stands at its start"));
    }
    checking.told.verified.packed = ending.length.saturating_add(ending.held.len() as u64);
    let whole = ending.digest.clone().chain_update(&ending.held);
    checking.told.verified.digests.1 = whole.finalize().into();
    Ok(checking.finish(stopped, ending.end()))
}

fn no_bundle(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// What the packed bytes end in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// In the digest of all bytes before it.
    Holds,
    /// In a digest, but of other bytes.
    Other,
    /// In something else.
    None,
}

/// Digests all bytes but the last few, which are the end.
struct Ending<'a> {
    from: &'a mut dyn Read,
    held: Vec<u8>,
    digest: Sha256,
    length: u64,
    broke: Option<io::Error>,
}

impl Read for Ending<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let read = match self.from.read(room) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                // The disk's fault, not the bundle's: kept apart from what the packing says.
                self.broke = Some(io::Error::new(error.kind(), error.to_string()));
                return Err(error);
            }
            read => read?,
        };
        self.held.extend_from_slice(room.get(..read).unwrap_or_default());
        let before = self.held.len().saturating_sub(END);
        self.digest.update(self.held.get(..before).unwrap_or_default());
        self.length = self.length.saturating_add(before as u64);
        self.held.drain(..before);
        Ok(read)
    }
}

impl Ending<'_> {
    fn end(&self) -> End {
        let expected = seal::end(self.digest.clone().finalize().into(), self.length);
        let shape = |bytes: &[u8]| {
            let (head, tail) = (bytes.get(..16), bytes.get(56..));
            (head.map(<[u8]>::to_vec), tail.map(<[u8]>::to_vec))
        };
        match () {
            () if self.held == expected => End::Holds,
            () if shape(&self.held) == shape(&expected) => End::Other,
            () => End::None,
        }
    }
}

/// A member that waits for its line.
struct Member {
    raw: Raw,
    sha256: String,
}

#[derive(Default)]
struct Checking {
    begun: bool,
    waiting: VecDeque<Member>,
    lines: Vec<u8>,
    root: Root,
    items: u64,
    keep: Keep,
    told: Told,
    more_flaws: u64,
    manifest: Option<Vec<u8>>,
    sums: Option<Vec<u8>>,
    custody: Option<Vec<u8>>,
    seal: Option<Vec<u8>>,
    is_whole: bool,
    at: String,
}

impl Checking {
    fn flaw(&mut self, name: impl Into<String>, broken: Broken, why: impl Into<String>) {
        if self.told.verified.flaws.len() < FLAWS {
            let flaw = Flaw { name: name.into(), broken, why: why.into() };
            self.told.verified.flaws.push(flaw);
        } else {
            self.more_flaws = self.more_flaws.saturating_add(1);
        }
    }

    fn members(&mut self, source: &mut dyn Read) -> io::Result<()> {
        let mut tar = Tar::default();
        loop {
            match tar.next(source)? {
                Found::Entry(raw) => self.member(raw, source)?,
                Found::Blank => {
                    self.is_whole = true;
                    return Ok(());
                }
                Found::End => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
        }
    }

    fn member(&mut self, raw: Raw, source: &mut dyn Read) -> io::Result<()> {
        let name = text::from_bytes(&raw.name);
        self.at.clone_from(&name);
        let lines = raw.comment.clone().unwrap_or_default();
        if self.lines.len().saturating_add(lines.len()) as u64 > LIST {
            return Err(io::Error::other("lines that are too many"));
        }
        for line in lines.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
            self.line(line);
        }
        let place = match name.as_str() {
            "meta/manifest.jsonl" => &mut self.manifest,
            "meta/sha256sums" => &mut self.sums,
            "meta/custody.jsonl" => &mut self.custody,
            "meta/seal.json" => &mut self.seal,
            _ if name.starts_with("meta/lines/") => {
                return skip(source, raw.size.saturating_add(raw.padding));
            }
            _ => return self.content(raw, source),
        };
        if raw.size > LIST {
            return Err(io::Error::other("a list of ours that is too long"));
        }
        let mut bytes = Vec::new();
        source.take(raw.size).read_to_end(&mut bytes)?;
        if (bytes.len() as u64) < raw.size {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let is_second = place.replace(bytes).is_some();
        if is_second {
            self.flaw(name, Broken::Added, "it is there twice");
        }
        skip(source, raw.padding)
    }

    fn content(&mut self, raw: Raw, source: &mut dyn Read) -> io::Result<()> {
        let mut running = Sha256::new();
        tar::content(&raw, source, &mut |bytes| {
            running.update(bytes);
            Ok(())
        })?;
        self.begun |= raw.name == b"meta/begin.json";
        let raw = Raw { comment: None, ..raw };
        self.waiting.push_back(Member { raw, sha256: text::hex(&running.finalize()) });
        if self.waiting.len() > WAIT {
            self.added();
        }
        Ok(())
    }

    /// Takes the next line, and the member that it tells of.
    fn line(&mut self, line: &[u8]) {
        self.lines.extend_from_slice(line);
        self.lines.push(b'\n');
        self.root.push(line);
        self.items = self.items.saturating_add(1);
        let Some(item) = Item::parse(line) else {
            let name = format!("line {}", self.items);
            return self.flaw(name, Broken::Altered, "the line is not understood");
        };
        if item.n != self.items {
            let why = format!("line {} says that it is line {}", self.items, item.n);
            self.flaw(item.name.clone(), Broken::Altered, why);
        }
        if !item.status.is_taken() {
            self.told.verified.noted = self.told.verified.noted.saturating_add(1);
            return;
        }
        let name = item.name_bytes();
        let Some(place) = self.waiting.iter().position(|member| member.raw.name == name) else {
            return self.flaw(item.name, Broken::Missing, "it was sealed and is not there");
        };
        for _ in 0..place {
            self.added();
        }
        let Some(member) = self.waiting.pop_front() else { return };
        match difference(&member, &item) {
            None => {
                self.told.verified.whole = self.told.verified.whole.saturating_add(1);
                self.told.verified.last = Some(item.name.clone());
                if self.keep == Keep::All {
                    self.told.items.push(item);
                }
            }
            Some(why) => self.flaw(item.name, Broken::Altered, why),
        }
    }

    fn added(&mut self) {
        if let Some(member) = self.waiting.pop_front() {
            let name = text::from_bytes(&member.raw.name);
            self.flaw(name, Broken::Added, "no line tells of it");
        }
    }

    fn finish(mut self, stopped: io::Result<()>, end: End) -> Told {
        let breaks_off = |error: &io::Error| error.kind() == io::ErrorKind::UnexpectedEof;
        if self.is_whole {
            while !self.waiting.is_empty() {
                self.added();
            }
            self.seal();
        }
        match (&stopped, end) {
            (Ok(()), End::Holds) => {}
            // What is another is named already; that the bytes are others says no more.
            (Ok(()), _) if !self.told.verified.flaws.is_empty() => {}
            (Err(error), End::None) if breaks_off(error) && !self.is_whole => {
                self.told.verified.is_cut = true;
            }
            (stopped, end) => {
                let (at, is_whole) = (self.at.clone(), self.is_whole);
                let why = match (stopped, end) {
                    (Err(error), _) => format!("what follows cannot be unpacked: {error}"),
                    (Ok(()), End::None) => "the end of the bundle is another".to_owned(),
                    (Ok(()), _) => "a byte of the packing is another".to_owned(),
                };
                let name = if is_whole { "the packing".to_owned() } else { at };
                self.flaw(name, Broken::Packing, why);
            }
        }
        if !self.told.verified.is_cut {
            self.told.verified.last = None;
        }
        if self.more_flaws > 0 {
            let why = format!("{} more", self.more_flaws);
            self.told.verified.flaws.push(Flaw {
                name: "…".to_owned(),
                broken: Broken::Altered,
                why,
            });
        }
        self.told
    }

    /// Compares what the bundle says of itself with what was counted.
    fn seal(&mut self) {
        let sealed = self.seal.take();
        self.told.verified.digests.0 = sealed.as_ref().map(|bytes| Sha256::digest(bytes).into());
        let read = sealed.as_deref().and_then(|bytes| serde_json::from_slice::<Seal>(bytes).ok());
        let Some(sealed) = read else {
            let broken = if sealed.is_some() { Broken::Altered } else { Broken::Missing };
            return self.flaw("meta/seal.json", broken, "there is no seal that can be read");
        };
        if sealed.schema != Seal::SCHEMA {
            self.flaw(
                "meta/seal.json",
                Broken::Altered,
                format!("`{}` is not known", sealed.schema),
            );
        }
        let lists = [
            ("meta/manifest.jsonl", self.manifest.take(), &sealed.manifest_sha256),
            ("meta/sha256sums", self.sums.take(), &sealed.sums_sha256),
            ("meta/custody.jsonl", self.custody.take(), &sealed.custody_sha256),
        ];
        for (name, list, expected) in lists {
            let Some(list) = list else {
                self.flaw(name, Broken::Missing, "it was sealed and is not there");
                continue;
            };
            if digest(&list) != *expected {
                self.flaw(name, Broken::Altered, format!("its SHA-256 is not {expected}"));
            } else if name == "meta/manifest.jsonl" && list != self.lines {
                self.flaw(name, Broken::Altered, "it differs from the lines beside the items");
            } else if name == "meta/custody.jsonl" {
                self.custody_holds(&list, &sealed.chain_head);
            }
        }
        let root = std::mem::take(&mut self.root).finish();
        if root != sealed.merkle_root || self.items != sealed.items {
            let why = format!(
                "{} lines with the root {root}, sealed were {} with {}",
                self.items, sealed.items, sealed.merkle_root
            );
            self.flaw("meta/seal.json", Broken::Altered, why);
        }
        self.told.verified.seal = Some(sealed);
    }

    fn custody_holds(&mut self, list: &[u8], head: &str) {
        let keep = self.keep == Keep::All;
        let custody = &mut self.told.custody;
        let mut each = |entry| {
            if keep {
                custody.push(entry);
            }
        };
        let why = match chain::check(&mut &*list, &mut each) {
            Ok(checked) if checked.torn.is_empty() && checked.head.hash == head => return,
            Ok(_) => "its chain does not end in the head that was sealed".to_owned(),
            Err(error) => {
                let source = std::error::Error::source(&error);
                source.map_or_else(|| error.to_string(), ToString::to_string)
            }
        };
        self.flaw("meta/custody.jsonl", Broken::Altered, why);
    }
}

/// Returns in what a member differs from its line.
fn difference(member: &Member, item: &Item) -> Option<String> {
    let raw = &member.raw;
    let is_link = raw.kind == b'2';
    let differs = |what: &str, is: &dyn std::fmt::Display, was: &dyn std::fmt::Display| {
        Some(format!("{what} is {is}, sealed was {was}"))
    };
    let kind = if item.kind == Kind::Symlink { b'2' } else { b'0' };
    if raw.kind != kind {
        return Some("it is of another kind".to_owned());
    }
    if raw.size != item.size {
        return differs("its size", &raw.size, &item.size);
    }
    match &item.sha256 {
        Some(sha256) if *sha256 != member.sha256 => {
            return differs("its SHA-256", &member.sha256, sha256);
        }
        None if !is_link => return Some("no digest was sealed".to_owned()),
        _ => {}
    }
    let target = text::from_bytes(&raw.target);
    if is_link && item.target.as_ref() != Some(&target) {
        return differs("its target", &target, &item.target.clone().unwrap_or_default());
    }
    let mode = format!("{:04o}", raw.mode);
    if mode != item.mode {
        return differs("its mode", &mode, &item.mode);
    }
    if raw.owner != (item.uid, item.gid) {
        let of = |owner: (u32, u32)| format!("{}:{}", owner.0, owner.1);
        return differs("its owner", &of(raw.owner), &of((item.uid, item.gid)));
    }
    if Some(raw.modified) != nanoseconds(&item.mtime) {
        return differs("its time", &crate::manifest::rfc3339(raw.modified), &item.mtime);
    }
    None
}
