//! LZ4's frames: apt keeps its lists so in containers.
//!
//! Source: the LZ4 frame format 1.6.3, `doc/lz4_Frame_format.md`. Sums are not checked: what must
//! not be changed is signed for by other means.

use std::io::{self, BufRead, Read};

/// How far back a block may refer.
const WINDOW: usize = 64 << 10;

/// Frames one after another.
pub(super) struct Lz4Frames<'s, R: ?Sized> {
    source: &'s mut R,
    frame: Option<Frame>,
    /// What was decoded, with the window before it, and how much of it was given.
    decoded: Vec<u8>,
    given: usize,
}

/// What a frame's header tells.
#[derive(Clone, Copy)]
struct Frame {
    /// The largest block.
    block: usize,
    blocks_are_alone: bool,
    has_block_sums: bool,
    has_sum: bool,
}

impl<'s, R: BufRead + ?Sized> Lz4Frames<'s, R> {
    pub(super) fn new(source: &'s mut R) -> Self {
        Self { source, frame: None, decoded: Vec::new(), given: 0 }
    }

    fn bytes<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.source.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn skip(&mut self, bytes: u64) -> io::Result<()> {
        let skipped = io::copy(&mut (&mut *self.source).take(bytes), &mut io::sink())?;
        if skipped < bytes { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }

    /// Reads a frame's header; none at the end.
    fn begin(&mut self) -> io::Result<Option<Frame>> {
        while !self.source.fill_buf()?.is_empty() {
            match self.bytes()? {
                [0x04, 0x22, 0x4d, 0x18] => {
                    let [flags, sizes] = self.bytes()?;
                    let is = |bit: u8| flags >> bit & 1 == 1;
                    let block = match sizes >> 4 & 7 {
                        4 => 64 << 10,
                        5 => 256 << 10,
                        6 => 1 << 20,
                        7 => 4 << 20,
                        _ => return Err(io::Error::other("no size of blocks")),
                    };
                    if flags >> 6 != 1 || is(0) {
                        return Err(io::Error::other("another version, or a dictionary"));
                    }
                    // The size of the content, if it is told, and the header's own sum.
                    self.skip(if is(3) { 9 } else { 1 })?;
                    self.decoded.clear();
                    self.given = 0;
                    return Ok(Some(Frame {
                        block,
                        blocks_are_alone: is(5),
                        has_block_sums: is(4),
                        has_sum: is(2),
                    }));
                }
                [0x50..=0x5f, 0x2a, 0x4d, 0x18] => {
                    let length = u32::from_le_bytes(self.bytes()?);
                    self.skip(length.into())?;
                }
                _ => return Err(io::Error::other("no frame")),
            }
        }
        Ok(None)
    }

    /// Decodes the next block; returns whether there was one.
    fn block(&mut self, frame: Frame) -> io::Result<bool> {
        let word = u32::from_le_bytes(self.bytes()?);
        if word == 0 {
            self.skip(if frame.has_sum { 4 } else { 0 })?;
            return Ok(false);
        }
        let length = usize::try_from(word & 0x7fff_ffff).unwrap_or(usize::MAX);
        if length > frame.block {
            return Err(io::Error::other("a block is too large"));
        }
        let mut packed = vec![0; length];
        self.source.read_exact(&mut packed)?;
        self.skip(if frame.has_block_sums { 4 } else { 0 })?;
        let kept = if frame.blocks_are_alone { 0 } else { self.decoded.len().min(WINDOW) };
        let mut next = self.decoded.split_off(self.decoded.len().saturating_sub(kept));
        if word >> 31 == 1 {
            next.extend_from_slice(&packed);
        } else {
            let mut room = vec![0; frame.block];
            let decoded = lz4_flex::block::decompress_into_with_dict(&packed, &mut room, &next);
            let decoded = decoded.map_err(|error| io::Error::other(error.to_string()))?;
            next.extend_from_slice(room.get(..decoded).unwrap_or_default());
        }
        (self.decoded, self.given) = (next, kept);
        Ok(true)
    }
}

impl<R: BufRead + ?Sized> io::Read for Lz4Frames<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let mut rest = self.decoded.get(self.given..).unwrap_or_default();
            if !rest.is_empty() || buffer.is_empty() {
                let read = io::Read::read(&mut rest, buffer)?;
                self.given = self.given.saturating_add(read);
                return Ok(read);
            }
            let frame = match self.frame {
                Some(frame) => frame,
                None => match self.begin()? {
                    Some(frame) => *self.frame.insert(frame),
                    None => return Ok(0),
                },
            };
            if !self.block(frame)? {
                self.frame = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 200,000 bytes of numbered lines through `lz4 -B4 -BD` (linked blocks of 64 kB), and through
    /// `lz4 -BX` (sums of blocks, blocks alone).
    const LINKED: &[u8] = include_bytes!("../../fixtures/lines-linked.lz4");
    const ALONE: &[u8] = include_bytes!("../../fixtures/lines-alone.lz4");

    fn lines() -> Vec<u8> {
        (0..20_000).flat_map(|number| format!("{:09}\n", number / 100).into_bytes()).collect()
    }

    fn read(bytes: &[u8]) -> io::Result<Vec<u8>> {
        let (mut source, mut found) = (bytes, Vec::new());
        Lz4Frames::new(&mut source).read_to_end(&mut found)?;
        Ok(found)
    }

    #[test]
    fn frames_of_both_kinds_are_read_one_after_another() {
        assert!(read(LINKED).unwrap() == lines());
        assert!(read(ALONE).unwrap() == lines());
        assert!(read(&[LINKED, ALONE].concat()).unwrap() == [lines(), lines()].concat());
        assert_eq!(read(b"").unwrap(), b"");
    }

    #[test]
    fn a_frame_cut_anywhere_or_flipped_neither_dies_nor_ends_in_silence() {
        for end in (1..LINKED.len()).step_by(11) {
            assert!(read(&LINKED[..end]).is_err(), "{end}");
        }
        let mut told = 0;
        for at in (0..LINKED.len()).step_by(7) {
            let mut bent = LINKED.to_vec();
            bent[at] ^= 0xff;
            told += usize::from(read(&bent).is_err());
        }
        assert!(told > 0);
    }
}
