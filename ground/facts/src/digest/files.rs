//! MD5 of very many files: each is read once, and sixteen go side by side.

use std::path::Path;

use stanch_machine::{Machine, Miss, OpenFile, limits};
use stanch_words::GapKind;

use super::lanes::{self, Block, LANES, START, State};

/// How much of a file is held at a time. Sixteen of these fit into a processor's second cache.
const PIECE: usize = 32 << 10;

/// Fewer files than this are faster one after the other.
const FEW: usize = 5;

/// What a file held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    /// Its digest.
    pub(crate) md5: [u8; 16],
    /// Its first bytes, with zeros after them if there were not so many.
    pub(crate) head: [u8; 8],
    /// How many bytes there were.
    pub(crate) size: u64,
}

/// A file under way.
struct Stream<'m, N> {
    name: N,
    file: Box<dyn OpenFile + 'm>,
    state: State,
    buffer: Vec<u8>,
    /// The blocks of the buffer that are not yet taken, by their places.
    blocks: std::ops::Range<usize>,
    offset: u64,
    head: [u8; 8],
    ended: bool,
}

/// Reads files until there is no next one, and says of each what it held. `next` gives a name for
/// the file beside its path; several threads may take from one list.
pub(crate) fn md5_of_each<N>(
    machine: &dyn Machine,
    next: &mut dyn FnMut() -> Option<(N, Box<Path>)>,
    done: &mut dyn FnMut(N, Result<Held, Miss>),
) {
    let mut streams: Vec<Stream<'_, N>> = Vec::with_capacity(LANES);
    let mut buffers: Vec<Vec<u8>> = Vec::new();
    let mut more = true;
    loop {
        while more && streams.len() < LANES {
            let Some((name, path)) = next() else {
                more = false;
                break;
            };
            match machine.open(&path) {
                Ok(file) => streams.push(Stream::new(name, file, buffers.pop())),
                Err(miss) => done(name, Err(miss)),
            }
        }
        let mut place = 0;
        while let Some(stream) = streams.get_mut(place) {
            match stream.fill() {
                Ok(true) => place = place.saturating_add(1),
                Ok(false) => {
                    let stream = streams.swap_remove(place);
                    let held = stream.held();
                    buffers.push(stream.buffer);
                    done(stream.name, Ok(held));
                }
                Err(miss) => {
                    let stream = streams.swap_remove(place);
                    buffers.push(stream.buffer);
                    done(stream.name, Err(miss));
                }
            }
        }
        if streams.is_empty() && !more {
            return;
        }
        if more && streams.len() < LANES {
            continue;
        }
        advance(&mut streams);
    }
}

/// Takes as many blocks of every stream as all of them have, or all that there are of each where
/// they are few.
fn advance<N>(streams: &mut [Stream<'_, N>]) {
    if streams.len() < FEW {
        for stream in streams {
            let Stream { state, buffer, blocks, .. } = stream;
            md5::block_api::compress(state, part(buffer, blocks));
            blocks.start = blocks.end;
        }
        return;
    }
    let most = streams.iter().map(|stream| stream.blocks.len()).min().unwrap_or(0);
    static IDLE: [Block; (PIECE >> 6) + 2] = [[0; 64]; (PIECE >> 6) + 2];
    let mut states = [START; LANES];
    let mut blocks: [&[Block]; LANES] = [IDLE.get(..most).unwrap_or_default(); LANES];
    for ((slot, state), stream) in blocks.iter_mut().zip(&mut states).zip(streams.iter()) {
        let end = stream.blocks.start.saturating_add(most);
        *slot = part(&stream.buffer, &(stream.blocks.start..end));
        *state = stream.state;
    }
    lanes::compress(&mut states, blocks);
    for (stream, state) in streams.iter_mut().zip(states) {
        stream.state = state;
        stream.blocks.start = stream.blocks.start.saturating_add(most);
    }
}

fn part<'b>(buffer: &'b [u8], blocks: &std::ops::Range<usize>) -> &'b [Block] {
    buffer.as_chunks::<64>().0.get(blocks.clone()).unwrap_or_default()
}

impl<'m, N> Stream<'m, N> {
    fn new(name: N, file: Box<dyn OpenFile + 'm>, buffer: Option<Vec<u8>>) -> Self {
        // Room for the padding after a last piece that is full.
        let buffer = buffer.unwrap_or_else(|| vec![0; PIECE.saturating_add(128)]);
        let (offset, blocks, head) = (0, 0..0, [0; 8]);
        Self { name, file, state: START, buffer, blocks, offset, head, ended: false }
    }

    /// Reads on if nothing is left; returns whether there is something to take.
    fn fill(&mut self) -> Result<bool, Miss> {
        if !self.blocks.is_empty() {
            return Ok(true);
        }
        if self.ended {
            return Ok(false);
        }
        let room = self.buffer.get_mut(..PIECE).unwrap_or_default();
        let read = self.file.read_at(self.offset, room)?;
        if self.offset == 0 {
            for (to, from) in self.head.iter_mut().zip(room.get(..read).unwrap_or_default()) {
                *to = *from;
            }
        }
        self.offset = self.offset.saturating_add(read as u64);
        if self.offset > limits::HASHED_FILE {
            let detail = format!("larger than {} bytes: not hashed", limits::HASHED_FILE);
            return Err(Miss::new(GapKind::Truncated, detail, Path::new("")));
        }
        let end = if read < PIECE { self.pad(read) } else { read };
        self.blocks = 0..end >> 6;
        Ok(true)
    }

    /// Puts the padding after the last bytes (RFC 1321, sections 3.1 and 3.2).
    fn pad(&mut self, read: usize) -> usize {
        self.ended = true;
        let end = read.saturating_add(9).next_multiple_of(64);
        let Some(rest) = self.buffer.get_mut(read..end) else { return read };
        rest.fill(0);
        if let Some(first) = rest.first_mut() {
            *first = 0x80;
        }
        let bits = self.offset.wrapping_shl(3).to_le_bytes();
        if let Some(last) = rest.last_chunk_mut::<8>() {
            *last = bits;
        }
        end
    }

    fn held(&self) -> Held {
        let mut md5 = [0; 16];
        for (to, word) in md5.as_chunks_mut::<4>().0.iter_mut().zip(self.state) {
            *to = word.to_le_bytes();
        }
        Held { md5, head: self.head, size: self.offset }
    }
}

#[cfg(test)]
mod tests {
    use md5::Digest as _;
    use stanch_machine::Pretend;

    use super::*;

    #[test]
    fn files_of_every_length_have_the_digest_that_each_alone_has() {
        // All lengths around a block's and a piece's end, and enough to fill the lanes many times.
        let around = |middle: usize| middle - 10..middle + 10;
        let lengths: Vec<usize> =
            (0..140).chain(around(PIECE)).chain(around(PIECE * 2)).chain([PIECE * 7 + 3]).collect();
        let bytes: Vec<u8> = (0..PIECE * 8).map(|n| (n * 31 + n / 253) as u8).collect();
        let mut machine = Pretend::new();
        for length in &lengths {
            machine = machine.file(format!("/f/{length}"), &bytes[..*length]);
        }
        let mut left = lengths.clone();
        let mut next = || {
            let length = left.pop()?;
            Some((length, Path::new(&format!("/f/{length}")).into()))
        };
        let mut told = 0;
        md5_of_each(&machine, &mut next, &mut |length, held| {
            let held = held.unwrap();
            assert_eq!(held.md5, <[u8; 16]>::from(md5::Md5::digest(&bytes[..length])), "{length}");
            let mut head = [0; 8];
            head[..length.min(8)].copy_from_slice(&bytes[..length.min(8)]);
            assert_eq!((held.head, held.size), (head, length as u64));
            told += 1;
        });
        assert_eq!(told, lengths.len());
    }

    #[test]
    fn what_cannot_be_opened_is_said_and_does_not_disturb_the_others() {
        let machine = Pretend::new().file("/a", "abc").file("/b", "abc").denied("/b");
        let mut left = vec!["/a", "/b", "/none"];
        let mut next = || left.pop().map(|path| (path, Path::new(path).into()));
        let mut told = Vec::new();
        md5_of_each(&machine, &mut next, &mut |path, held| {
            told.push((path, held.is_ok_and(|held| held.md5[..2] == [0x90, 0x01])));
        });
        told.sort_unstable();
        assert_eq!(told, [("/a", true), ("/b", false), ("/none", false)]);
    }
}
