//! Compressed files, read piece by piece as what they hold: rotated logs above all.
//!
//! Source: RFC 1952 (gzip), the .xz file format 1.2.1, RFC 8878 (Zstandard), bzip2's `bzlib.h`,
//! the LZ4 frame format.
//! The kind is found by the first bytes, never by the name. Several members one after another, as
//! `cat a.gz b.gz` and interrupted rotations leave them, are read as one.

mod lz4;

use std::cell::Cell;
use std::io::{self, BufRead, Read as _};
use std::path::Path;

use lz4::Lz4Frames;
use ruzstd::decoding::FrameDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use stanch_machine::{Machine, Miss, OpenFile};
use stanch_words::{Gap, GapKind, Value};

/// How much a compressed file may unfold to before its ratio is looked at, and the ratio that no
/// honest log has: lines with times in them shrink 10 to 50 times, and gzip ends at 1032.
const FREE: u64 = 64 << 20;
const RATIO: u64 = 1000;

/// The largest window of past bytes that we keep for a file. `zstd -19` takes 8 MiB, `xz -9` 64.
const WINDOW: u32 = 64 << 20;

/// How many bytes tell a kind of compression.
const MAGIC: u64 = 6;

/// A kind of compression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// `.gz`.
    Gzip,
    /// `.xz`.
    Xz,
    /// `.bz2`.
    Bzip2,
    /// `.zst`.
    Zstd,
    /// `.lz4`.
    Lz4,
}

impl Compression {
    /// Returns the compression that a file's first bytes tell of.
    pub fn of(head: &[u8]) -> Option<Self> {
        match head {
            [0x1f, 0x8b, 8, ..] => Some(Self::Gzip),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Self::Xz),
            // The level is a digit, the next bytes are the magic of a block or of the end.
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31 | 0x17, ..] => Some(Self::Bzip2),
            // A frame, or one to be skipped (RFC 8878, 3.1.2).
            [0x04, 0x22, 0x4d, 0x18, ..] => Some(Self::Lz4),
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Self::Zstd),
            _ => None,
        }
    }

    /// Returns the word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Xz => "xz",
            Self::Bzip2 => "bzip2",
            Self::Zstd => "zstd",
            Self::Lz4 => "lz4",
        }
    }

    /// Returns a reader of what is packed, with a cap on its memory and none on its length.
    pub fn reader<'r>(self, packed: &'r mut dyn BufRead) -> Box<dyn io::Read + 'r> {
        match self {
            Self::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(packed)),
            Self::Xz => {
                Box::new(lzma_rust2::XzReader::new_mem_limit(packed, true, (WINDOW >> 10) + 1024))
            }
            Self::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(packed)),
            Self::Zstd => Box::new(ZstdFrames::new(packed)),
            Self::Lz4 => Box::new(Lz4Frames::new(packed)),
        }
    }
}

/// What was read of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Read {
    /// How many bytes were given, after decompression.
    pub bytes: u64,
    /// Whether there was more than the cap, or it unfolded beyond reason.
    pub truncated: bool,
    /// How it was compressed.
    pub compression: Option<&'static str>,
    /// What was wrong with the compressed bytes, after those that were given.
    pub damaged: Option<String>,
}

impl Read {
    /// Returns the gaps that it leaves.
    pub fn gaps(&self, what: &str, path: &Path) -> Vec<Gap> {
        let mut gaps = Vec::new();
        let mut gap = |kind, detail: String| {
            gaps.push(Gap::new(what, kind, detail).at(Value::from(path).to_string()));
        };
        if self.truncated {
            let how = self.compression.map_or("", |_| " after decompression");
            gap(GapKind::Truncated, format!("only the first {} bytes{how} were read", self.bytes));
        }
        if let (Some(damage), Some(compression)) = (&self.damaged, self.compression) {
            let detail = format!("{compression} broken after {} bytes: {damage}", self.bytes);
            gap(GapKind::Damaged, detail);
        }
        gaps
    }
}

/// Reads a file piece by piece, decompressed if it is compressed, at most `cap` bytes.
///
/// # Errors
/// A [`Miss`] if the file cannot be read; pieces may have been given before it.
pub fn read_pieces(
    machine: &dyn Machine,
    path: &Path,
    cap: u64,
    each: &mut dyn FnMut(&[u8]),
) -> Result<Read, Miss> {
    let file = machine.open(path)?;
    let consumed = Cell::new(0);
    let mut source = Source::new(&*file, &consumed);
    let head = source.fill_buf().unwrap_or_default();
    let compression = Compression::of(head);
    let mut pump = Pump { cap, consumed: &consumed, each, read: Read::default() };
    pump.read.compression = compression.map(Compression::name);
    match compression {
        None => pump.plain(&mut source),
        Some(compression) => pump.run(&mut *compression.reader(&mut source)),
    }
    let read = pump.read;
    source.miss.map_or(Ok(read), Err)
}

/// Reads what comes through a pipe piece by piece, as [`read_pieces`] reads a file.
///
/// # Errors
/// When the pipe breaks; pieces may have been given before it.
pub fn pipe_pieces(
    pipe: &mut dyn BufRead,
    cap: u64,
    each: &mut dyn FnMut(&[u8]),
) -> io::Result<Read> {
    // A pipe gives as little at once as it likes.
    let mut head = Vec::new();
    (&mut *pipe).take(MAGIC).read_to_end(&mut head)?;
    let compression = Compression::of(&head);
    let consumed = Cell::new(0);
    let mut pipe = Pipe { pipe: &mut (&*head).chain(pipe), consumed: &consumed, broken: None };
    let mut pump = Pump { cap, consumed: &consumed, each, read: Read::default() };
    pump.read.compression = compression.map(Compression::name);
    match compression {
        None => pump.plain(&mut pipe),
        Some(compression) => pump.run(&mut *compression.reader(&mut pipe)),
    }
    let read = pump.read;
    pipe.broken.map_or(Ok(read), |kind| Err(kind.into()))
}

/// Decompresses one whole value, at most `cap` bytes of it; `None` if nothing can be made of it.
/// The flag says whether there was more, or the rest was broken.
pub fn value(compression: Compression, bytes: &[u8], cap: usize) -> Option<(Vec<u8>, bool)> {
    let mut found = Vec::new();
    let most = (cap as u64).saturating_add(1);
    let mut packed = bytes;
    let whole = compression.reader(&mut packed).take(most).read_to_end(&mut found).is_ok();
    let cut = found.len() > cap || !whole;
    found.truncate(cap);
    (!found.is_empty() || !cut).then_some((found, cut))
}

/// Returns a reader of what a stream holds, decompressed if its first bytes say so. How much it may
/// unfold to is the caller's to bound.
///
/// # Errors
/// When nothing can be read.
pub(crate) fn reader<'s>(source: &'s mut dyn BufRead) -> io::Result<Box<dyn io::Read + 's>> {
    Ok(match Compression::of(source.fill_buf()?) {
        None => Box::new(source),
        Some(compression) => compression.reader(source),
    })
}

/// An open file as a reader with a buffer.
pub(crate) struct Source<'a> {
    file: &'a dyn OpenFile,
    buffer: Vec<u8>,
    /// The part of the buffer that is filled and not yet taken.
    filled: std::ops::Range<usize>,
    offset: u64,
    consumed: &'a Cell<u64>,
    miss: Option<Miss>,
}

impl<'a> Source<'a> {
    pub(crate) fn new(file: &'a dyn OpenFile, consumed: &'a Cell<u64>) -> Self {
        let buffer = vec![0; 256 << 10];
        Self { file, buffer, filled: 0..0, offset: 0, consumed, miss: None }
    }
}

impl BufRead for Source<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.filled.is_empty() && self.miss.is_none() {
            match self.file.read_at(self.offset, &mut self.buffer) {
                Ok(read) => {
                    self.offset = self.offset.saturating_add(read as u64);
                    self.filled = 0..read;
                }
                Err(miss) => self.miss = Some(miss),
            }
        }
        match &self.miss {
            Some(miss) => Err(io::Error::other(miss.detail.clone())),
            None => Ok(self.buffer.get(self.filled.clone()).unwrap_or_default()),
        }
    }

    fn consume(&mut self, amount: usize) {
        self.filled.start = self.filled.start.saturating_add(amount).min(self.filled.end);
        self.consumed.set(self.consumed.get().saturating_add(amount as u64));
    }
}

impl io::Read for Source<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut rest = self.fill_buf()?;
        let read = rest.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}

/// A pipe that counts what was taken of it, and remembers how it broke.
struct Pipe<'a> {
    pipe: &'a mut dyn BufRead,
    consumed: &'a Cell<u64>,
    broken: Option<io::ErrorKind>,
}

impl BufRead for Pipe<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let interrupted = |error: &io::Error| error.kind() == io::ErrorKind::Interrupted;
        while self.pipe.fill_buf().is_err_and(|error| interrupted(&error)) {}
        let broken = &mut self.broken;
        self.pipe.fill_buf().inspect_err(|error| *broken = Some(error.kind()))
    }

    fn consume(&mut self, amount: usize) {
        self.pipe.consume(amount);
        self.consumed.set(self.consumed.get().saturating_add(amount as u64));
    }
}

impl io::Read for Pipe<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut rest = self.fill_buf()?;
        let read = rest.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}

/// Carries bytes from a decompressor to whoever wants them.
struct Pump<'a> {
    cap: u64,
    consumed: &'a Cell<u64>,
    each: &'a mut dyn FnMut(&[u8]),
    read: Read,
}

impl Pump<'_> {
    fn plain(&mut self, source: &mut dyn BufRead) {
        while let Ok(piece) = source.fill_buf() {
            if piece.is_empty() || self.read.truncated {
                return;
            }
            let length = piece.len();
            self.give(piece);
            source.consume(length);
        }
    }

    fn run(&mut self, reader: &mut dyn io::Read) {
        let mut buffer = vec![0; 256 << 10];
        while !self.read.truncated {
            match reader.read(&mut buffer) {
                Ok(0) => return,
                Ok(length) => self.give(buffer.get(..length).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.read.damaged = Some(error.to_string());
                    return;
                }
            }
            let bomb = self.consumed.get().saturating_mul(RATIO).max(FREE);
            self.read.truncated |= self.read.bytes > bomb;
        }
    }

    fn give(&mut self, piece: &[u8]) {
        let room = usize::try_from(self.cap.saturating_sub(self.read.bytes)).unwrap_or(usize::MAX);
        self.read.truncated = piece.len() > room;
        let piece = piece.get(..room).unwrap_or(piece);
        if !piece.is_empty() {
            (self.each)(piece);
        }
        self.read.bytes = self.read.bytes.saturating_add(piece.len() as u64);
    }
}

/// Zstandard frames one after another; those that are to be skipped are skipped.
struct ZstdFrames<'s, R: ?Sized> {
    source: &'s mut R,
    decoder: FrameDecoder,
    inside: bool,
}

impl<'s, R: BufRead + ?Sized> ZstdFrames<'s, R> {
    fn new(source: &'s mut R) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(u64::from(WINDOW));
        Self { source, decoder, inside: false }
    }

    /// Begins the next frame; returns whether there is one.
    fn begin(&mut self) -> io::Result<bool> {
        while !self.inside && !self.source.fill_buf()?.is_empty() {
            match self.decoder.reset(&mut self.source) {
                Ok(()) => self.inside = true,
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    let mut skipped = (&mut *self.source).take(u64::from(length));
                    io::copy(&mut skipped, &mut io::sink())?;
                }
                Err(error) => return Err(io::Error::other(error.to_string())),
            }
        }
        Ok(self.inside)
    }
}

impl<R: BufRead + ?Sized> io::Read for ZstdFrames<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        use ruzstd::decoding::BlockDecodingStrategy::UptoBlocks;
        while self.begin()? {
            while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                let decoded = self.decoder.decode_blocks(&mut self.source, UptoBlocks(1));
                decoded.map_err(|error| io::Error::other(error.to_string()))?;
            }
            let read = io::Read::read(&mut self.decoder, buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            self.inside = false;
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use stanch_machine::Pretend;

    use super::*;

    const LINES: &[u8] = b"Mar  1 08:12:44 web01 sshd[4242]: Accepted password for root\n";

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn bzip2(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
    }

    /// `LINES` through `xz -0 --check=crc32`.
    const XZ: &[u8] = include_bytes!("decompress/lines.xz");

    fn read(file: &[u8], cap: u64) -> (Vec<u8>, Read) {
        let machine = Pretend::new().file("/log", file);
        let mut found = Vec::new();
        let each = &mut |piece: &[u8]| found.extend_from_slice(piece);
        let read = read_pieces(&machine, Path::new("/log"), cap, each).unwrap();
        assert_eq!(read.bytes, found.len() as u64);
        (found, read)
    }

    #[test]
    fn every_compression_gives_the_same_lines_as_none() {
        let kinds = [
            (LINES.to_vec(), None),
            (gzip(LINES), Some("gzip")),
            (bzip2(LINES), Some("bzip2")),
            (zstd(LINES), Some("zstd")),
            (XZ.to_vec(), Some("xz")),
        ];
        for (file, compression) in kinds {
            let whole = Read { bytes: LINES.len() as u64, compression, ..Read::default() };
            assert_eq!(read(&file, 1 << 20), (LINES.to_vec(), whole));
            let (found, cut) = read(&file, 10);
            assert_eq!((&*found, cut.truncated), (&LINES[..10], true), "{compression:?}");
            assert!(!read(&file, LINES.len() as u64).1.truncated, "{compression:?}");
            let (found, twice) = read(&file.repeat(2), 1 << 20);
            assert_eq!((found, twice.damaged), (LINES.repeat(2), None), "{compression:?}");
        }
    }

    #[test]
    fn a_pipe_is_unpacked_as_a_file_is() {
        for (packed, damaged) in
            [(gzip(LINES), false), (LINES.to_vec(), false), (gzip(LINES)[..30].to_vec(), true)]
        {
            let mut found = Vec::new();
            // A pipe gives what it has: here three bytes at a time.
            let mut pipe = io::BufReader::with_capacity(3, &*packed);
            let each = &mut |piece: &[u8]| found.extend_from_slice(piece);
            let read = pipe_pieces(&mut pipe, 1 << 20, each).unwrap();
            assert_eq!(read.damaged.is_some(), damaged, "{read:?}");
            assert!(if damaged { LINES.starts_with(&found) } else { found == LINES }, "{read:?}");
        }
    }

    #[test]
    fn a_skippable_frame_is_skipped() {
        let skip = b"\x50\x2a\x4d\x18\x03\0\0\0abc";
        let file = [skip, &*zstd(LINES), skip].concat();
        assert_eq!(read(&file, 1 << 20).0, LINES);
    }

    #[test]
    fn a_file_cut_anywhere_gives_what_is_left_and_says_so() {
        for file in [gzip(LINES), bzip2(LINES), zstd(LINES), XZ.to_vec()] {
            for cut in 8..file.len() {
                let (found, read) = read(&file[..cut], 1 << 20);
                assert!(LINES.starts_with(&found));
                assert!(read.damaged.is_some(), "{:?} cut at {cut}", read.compression);
                let [gap] = &*read.gaps("events", Path::new("/log")) else { panic!("{read:?}") };
                assert_eq!(gap.kind, GapKind::Damaged);
            }
        }
    }

    #[test]
    fn a_byte_changed_anywhere_never_kills() {
        for file in [gzip(LINES), bzip2(LINES), zstd(LINES), XZ.to_vec()] {
            for place in 0..file.len() {
                let mut changed = file.clone();
                changed[place] ^= 0xff;
                let (found, _) = read(&changed, 1 << 20);
                assert!(found.len() <= 1 << 20);
            }
        }
    }

    #[test]
    fn a_bomb_is_cut() {
        let bomb = gzip(&vec![0; (FREE + (16 << 20)) as usize]);
        let (_, read) = read(&bomb, u64::MAX);
        assert!(read.truncated && read.bytes <= FREE + (1 << 20), "{read:?}");
        let [gap] = &*read.gaps("events", Path::new("/log")) else { panic!("{read:?}") };
        assert_eq!(gap.kind, GapKind::Truncated);
    }

    #[test]
    fn one_value_is_capped() {
        assert_eq!(value(Compression::Zstd, &zstd(LINES), 1 << 20), Some((LINES.to_vec(), false)));
        assert_eq!(value(Compression::Xz, XZ, 4), Some((LINES[..4].to_vec(), true)));
        assert_eq!(value(Compression::Xz, b"nothing", 4), None);
    }
}
