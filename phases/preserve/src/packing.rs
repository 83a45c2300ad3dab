//! A bundle while it is written: a tar, packed by gzip, sealed at its end.
//!
//! ```text
//!   header with the line of the item before it · content      … for each item
//!   meta/sha256sums · meta/manifest.jsonl · meta/custody.jsonl · meta/seal.json
//!   an empty member of gzip with the digest of all bytes before it
//! ```
//! The line of an item stands with the next one, because the digest is known only when the content
//! was read: so that what is cut off anywhere still tells of all whole items before the cut.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256};
use stanch_machine::tar::{Member, headers, padding};
use stanch_words::text;

use crate::manifest::{Item, Kind, nanoseconds};
use crate::seal::{self, Root};

/// Lines that wait for the next header are at most this long together; a reader's cap on headers
/// is 64 KiB.
const WAITING: usize = 40 << 10;

/// Counts and digests what goes by.
pub(crate) struct Sealing<'a> {
    to: &'a mut dyn Write,
    digest: Sha256,
    length: u64,
}

impl Write for Sealing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.digest.update(bytes.get(..written).unwrap_or_default());
        self.length = self.length.saturating_add(written as u64);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// A bundle while it is written.
pub(crate) struct Packing<'a> {
    to: GzEncoder<Sealing<'a>>,
    /// Lines that stand with the next header.
    waiting: Vec<u8>,
    manifest: Vec<u8>,
    sums: Vec<u8>,
    root: Root,
    items: u64,
    bytes: u64,
    seconds: i64,
}

/// What is known at the end.
pub(crate) struct Sums {
    pub(crate) merkle_root: String,
    pub(crate) manifest_sha256: String,
    pub(crate) sums_sha256: String,
}

impl<'a> Packing<'a> {
    /// Begins a bundle.
    pub(crate) fn begin(to: &'a mut dyn Write) -> Self {
        let sealing = Sealing { to, digest: Sha256::new(), length: 0 };
        Self {
            // The quickest: a suspect machine's time is dearer than a disk's room.
            to: GzEncoder::new(sealing, Compression::fast()),
            waiting: Vec::new(),
            manifest: Vec::new(),
            sums: Vec::new(),
            root: Root::default(),
            items: 0,
            bytes: 0,
            seconds: 0,
        }
    }

    /// Returns how many items there are so far, and how many bytes of content.
    pub(crate) fn so_far(&self) -> (u64, u64) {
        (self.items, self.bytes)
    }

    /// Says what time it is.
    pub(crate) fn at(&mut self, seconds: i64) {
        self.seconds = seconds;
    }

    /// Notes an item that has no place in the tar.
    pub(crate) fn note(&mut self, item: Item) -> io::Result<Item> {
        self.enter(item)
    }

    /// Adds an item with its content.
    pub(crate) fn put(&mut self, item: Item, content: &[u8]) -> io::Result<Item> {
        let mut member = self.member(&item, content.len() as u64)?;
        member.write(content)?;
        member.finish(item)
    }

    /// Adds a symlink.
    pub(crate) fn link(&mut self, item: Item, target: &[u8]) -> io::Result<Item> {
        let name = item.name_bytes();
        self.header(&Member { kind: b'2', target, ..of(&item, &name) })?;
        self.enter(item)
    }

    /// Begins an item of so many bytes, which are written in pieces.
    pub(crate) fn member(&mut self, item: &Item, size: u64) -> io::Result<Writing<'_, 'a>> {
        let name = item.name_bytes();
        self.header(&Member { kind: b'0', size, ..of(item, &name) })?;
        Ok(Writing { packing: self, digest: Sha256::new(), size, left: size })
    }

    fn header(&mut self, member: &Member<'_>) -> io::Result<()> {
        let waiting = std::mem::take(&mut self.waiting);
        let comment = waiting.strip_suffix(b"\n");
        self.to.write_all(&headers(&Member { comment, ..member.clone() }))
    }

    /// Gives an item its number and keeps its line.
    fn enter(&mut self, mut item: Item) -> io::Result<Item> {
        self.items = self.items.saturating_add(1);
        item.n = self.items;
        let line = item.line();
        if self.waiting.len().saturating_add(line.len()) > WAITING && !self.waiting.is_empty() {
            // Many in a row that have no place of their own: a member that only carries lines.
            let name = format!("meta/lines/{:06}", self.items);
            self.aside(name.as_bytes(), b"")?;
        }
        self.root.push(&line);
        for to in [&mut self.waiting, &mut self.manifest] {
            to.extend_from_slice(&line);
            to.push(b'\n');
        }
        if let Some(sha256) = item.sha256.as_ref().filter(|_| item.status.is_taken()) {
            sum_line(&mut self.sums, sha256, &item.name_bytes());
        }
        Ok(item)
    }

    /// Adds a member that is no item.
    fn aside(&mut self, name: &[u8], content: &[u8]) -> io::Result<()> {
        let size = content.len() as u64;
        let modified = self.seconds.saturating_mul(1_000_000_000);
        self.header(&Member {
            name,
            kind: b'0',
            mode: 0o644,
            size,
            modified,
            ..Member::default()
        })?;
        self.to.write_all(content)?;
        self.to.write_all(padding(size))
    }

    /// Adds what tells of all items.
    pub(crate) fn tell(&mut self) -> io::Result<Sums> {
        let (sums, manifest) = (std::mem::take(&mut self.sums), std::mem::take(&mut self.manifest));
        self.aside(b"meta/sha256sums", &sums)?;
        self.aside(b"meta/manifest.jsonl", &manifest)?;
        Ok(Sums {
            merkle_root: self.root.clone().finish(),
            manifest_sha256: seal::digest(&manifest),
            sums_sha256: seal::digest(&sums),
        })
    }

    /// Adds custody and seal, and ends the bundle. Returns how many bytes it has.
    pub(crate) fn end(mut self, custody: &[u8], sealed: &[u8]) -> io::Result<u64> {
        self.aside(b"meta/custody.jsonl", custody)?;
        self.aside(b"meta/seal.json", sealed)?;
        // Two blocks of nothing end a tar.
        self.to.write_all(&[0_u8; 1024])?;
        let sealing = self.to.finish()?;
        let end = seal::end(sealing.digest.finalize().into(), sealing.length);
        sealing.to.write_all(&end)?;
        sealing.to.flush()?;
        Ok(sealing.length.saturating_add(end.len() as u64))
    }
}

fn of<'m>(item: &Item, name: &'m [u8]) -> Member<'m> {
    Member {
        name,
        mode: u32::from_str_radix(&item.mode, 8).unwrap_or(0o644),
        owner: (item.uid, item.gid),
        modified: nanoseconds(&item.mtime).unwrap_or(0),
        accessed: nanoseconds(&item.atime),
        changed: nanoseconds(&item.ctime),
        ..Member::default()
    }
}

/// Adds a line as sha256sum(1) reads it: a name with a line end or a backslash is escaped, and the
/// line begins with a backslash then.
fn sum_line(out: &mut Vec<u8>, sha256: &str, name: &[u8]) {
    let odd = |byte: &u8| matches!(byte, b'\\' | b'\n' | b'\r');
    if name.iter().any(odd) {
        out.push(b'\\');
    }
    out.extend_from_slice(sha256.as_bytes());
    out.extend_from_slice(b"  ");
    for byte in name {
        match byte {
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            byte => out.push(*byte),
        }
    }
    out.push(b'\n');
}

/// The content of an item while it is written.
pub(crate) struct Writing<'p, 'a> {
    packing: &'p mut Packing<'a>,
    digest: Sha256,
    size: u64,
    left: u64,
}

impl Writing<'_, '_> {
    /// Writes the next bytes; what is more than the size is left out.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
        let bytes = bytes.get(..most).unwrap_or_default();
        self.digest.update(bytes);
        self.left = self.left.saturating_sub(most as u64);
        self.packing.to.write_all(bytes)
    }

    /// Returns how many bytes are still to come.
    pub(crate) fn left(&self) -> u64 {
        self.left
    }

    /// Ends the item. What did not come is filled with zeros, which the line has to say.
    pub(crate) fn finish(mut self, item: Item) -> io::Result<Item> {
        static ZEROS: [u8; 64 << 10] = [0; 64 << 10];
        while self.left > 0 {
            self.write(&ZEROS)?;
        }
        let Self { packing, digest, size, .. } = self;
        packing.to.write_all(padding(size))?;
        packing.bytes = packing.bytes.saturating_add(size);
        let sha256 = Some(text::hex(&digest.finalize()));
        packing.enter(Item { kind: Kind::File, size, sha256, ..item })
    }
}
