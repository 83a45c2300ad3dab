//! Digests of very many files: each is read once, and several go side by side.

use stanch_machine::{Miss, OpenFile, limits};
use stanch_words::GapKind;

use super::lanes::{Algorithm, Block, MOST};

/// What a file held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Held<D> {
    /// Its digest.
    pub(crate) digest: D,
    /// How many bytes there were.
    pub(crate) size: u64,
}

/// What is read next.
pub(crate) enum Next<'m, N> {
    /// A file, with a name for it, and how many of its bytes are read at most.
    File(N, Box<dyn OpenFile + 'm>, u64),
    /// There is more, but others must be done first. Not for those who have nothing else to do.
    Later,
    /// There is no more.
    End,
}

/// Whether files are under way while it is asked for the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Under {
    /// Some are.
    Way,
    /// None is: it may be waited for.
    None,
}

/// Who wants files read.
pub(crate) trait Wants<'m, A: Algorithm> {
    /// What files are named by.
    type Name;
    /// Returns what is read next.
    fn next(&mut self, under: Under) -> Next<'m, Self::Name>;
    /// Takes a piece of a file, in their order.
    fn piece(&mut self, name: &mut Self::Name, bytes: &[u8]);
    /// Takes what came of reading a file to its end, or as far as was asked for.
    fn done(&mut self, name: Self::Name, file: &dyn OpenFile, held: Result<Held<A::Digest>, Miss>);
}

/// A file under way.
struct Stream<'m, A: Algorithm, N> {
    name: N,
    file: Box<dyn OpenFile + 'm>,
    state: A::State,
    buffer: Vec<u8>,
    /// The blocks of the buffer that are not yet taken, by their places.
    blocks: std::ops::Range<usize>,
    offset: u64,
    most: u64,
    ended: bool,
}

/// Reads files until there is no next one.
pub(crate) fn read_each<'m, A: Algorithm, W: Wants<'m, A>>(wants: &mut W) {
    let mut streams: Vec<Stream<'m, A, W::Name>> = Vec::with_capacity(A::LANES);
    let mut buffers: Vec<Vec<u8>> = Vec::new();
    let mut more = true;
    loop {
        let mut now = more;
        while now && streams.len() < A::LANES {
            let under = if streams.is_empty() { Under::None } else { Under::Way };
            match wants.next(under) {
                Next::File(name, file, most) => {
                    streams.push(Stream::new(name, file, most, buffers.pop()));
                }
                Next::Later => now = false,
                Next::End => (now, more) = (false, false),
            }
        }
        let mut place = 0;
        while let Some(stream) = streams.get_mut(place) {
            let held = match stream.fill(wants) {
                Ok(true) => {
                    place = place.saturating_add(1);
                    continue;
                }
                Ok(false) => Ok(stream.held()),
                Err(miss) => Err(miss),
            };
            let stream = streams.swap_remove(place);
            buffers.push(stream.buffer);
            wants.done(stream.name, &*stream.file, held);
        }
        if streams.is_empty() && !more {
            return;
        }
        if !now || streams.len() >= A::LANES {
            advance(&mut streams);
        }
    }
}

/// Takes as many blocks of every stream as all of them have, or all that there are of each where
/// they are few.
fn advance<A: Algorithm, N>(streams: &mut [Stream<'_, A, N>]) {
    if streams.len() < A::FEW {
        for stream in streams {
            let Stream { state, buffer, blocks, .. } = stream;
            A::one(state, part(buffer, blocks));
            blocks.start = blocks.end;
        }
        return;
    }
    let most = streams.iter().map(|stream| stream.blocks.len()).min().unwrap_or(0);
    let mut states = [A::START; MOST];
    let mut blocks: [&[Block]; MOST] = [&[]; MOST];
    for ((slot, state), stream) in blocks.iter_mut().zip(&mut states).zip(streams.iter()) {
        let end = stream.blocks.start.saturating_add(most);
        *slot = part(&stream.buffer, &(stream.blocks.start..end));
        *state = stream.state;
    }
    let count = streams.len();
    if let (Some(states), Some(blocks)) = (states.get_mut(..count), blocks.get(..count)) {
        A::many(states, blocks);
    }
    for (stream, state) in streams.iter_mut().zip(states) {
        stream.state = state;
        stream.blocks.start = stream.blocks.start.saturating_add(most);
    }
}

fn part<'b>(buffer: &'b [u8], blocks: &std::ops::Range<usize>) -> &'b [Block] {
    buffer.as_chunks::<64>().0.get(blocks.clone()).unwrap_or_default()
}

impl<'m, A: Algorithm, N> Stream<'m, A, N> {
    fn new(name: N, file: Box<dyn OpenFile + 'm>, most: u64, buffer: Option<Vec<u8>>) -> Self {
        // Room for the padding after a last piece that is full.
        let buffer = buffer.unwrap_or_else(|| vec![0; A::PIECE.saturating_add(128)]);
        Self { name, file, state: A::START, buffer, blocks: 0..0, offset: 0, most, ended: false }
    }

    /// Reads on if nothing is left; returns whether there is something to take.
    fn fill<W: Wants<'m, A, Name = N>>(&mut self, wants: &mut W) -> Result<bool, Miss> {
        if !self.blocks.is_empty() {
            return Ok(true);
        }
        if self.ended {
            return Ok(false);
        }
        let left = usize::try_from(self.most.saturating_sub(self.offset)).unwrap_or(usize::MAX);
        let room = self.buffer.get_mut(..A::PIECE.min(left)).unwrap_or_default();
        let read = if room.is_empty() { 0 } else { self.file.read_at(self.offset, room)? };
        wants.piece(&mut self.name, room.get(..read).unwrap_or_default());
        self.offset = self.offset.saturating_add(read as u64);
        if self.offset > limits::HASHED_FILE {
            let detail = format!("larger than {} bytes: not hashed", limits::HASHED_FILE);
            return Err(Miss::new(GapKind::Truncated, detail, std::path::Path::new("")));
        }
        let end = if read < A::PIECE { self.pad(read) } else { read };
        self.blocks = 0..end >> 6;
        Ok(true)
    }

    /// Puts the padding after the last bytes.
    fn pad(&mut self, read: usize) -> usize {
        self.ended = true;
        let end = read.saturating_add(9).next_multiple_of(64);
        let Some(rest) = self.buffer.get_mut(read..end) else { return read };
        rest.fill(0);
        if let Some(first) = rest.first_mut() {
            *first = 0x80;
        }
        if let Some(last) = rest.last_chunk_mut::<8>() {
            *last = A::count(self.offset.wrapping_shl(3));
        }
        end
    }

    fn held(&self) -> Held<A::Digest> {
        Held { digest: A::digest(&self.state), size: self.offset }
    }
}
