//! A file of any size in a bounded number of blocks: what is read again and again stays.

use std::collections::VecDeque;

use stanch_machine::{Miss, OpenFile};
use stanch_words::GapKind;

/// The size of a block. An entry may hold on to one block for each of its 1024 fields.
const BLOCK: u64 = 16 << 10;
/// How many blocks are kept between entries: 16 MiB. Journals repeat units, programs and hosts
/// all over a file, so that most of what an entry needs is in few blocks.
const KEPT: usize = 1024;
/// The largest part of a file that is read. journald rotates at 128 MiB unless told otherwise, and
/// the compact form ends at 4 GiB.
pub(super) const LARGEST: u64 = 16 << 30;

struct Block {
    bytes: Box<[u8]>,
    /// How much of it the file filled.
    filled: usize,
    /// Whether it was used since eviction last passed it by.
    used: bool,
}

/// A file in blocks.
pub(super) struct Blocks<'f> {
    file: &'f dyn OpenFile,
    pub(super) size: u64,
    blocks: Vec<Option<Block>>,
    loaded: VecDeque<usize>,
    /// Room of blocks that were let go.
    spare: Vec<Box<[u8]>>,
    /// The first reason why a part could not be read.
    pub(super) miss: Option<Miss>,
}

impl<'f> Blocks<'f> {
    pub(super) fn open(file: &'f dyn OpenFile) -> Result<Self, Miss> {
        let size = file.stat()?.size.min(LARGEST);
        let count = usize::try_from(size.div_ceil(BLOCK)).unwrap_or(0);
        let blocks = std::iter::repeat_with(|| None).take(count).collect();
        Ok(Self { file, size, blocks, loaded: VecDeque::new(), spare: Vec::new(), miss: None })
    }

    /// Returns whether the file does not answer any more, so that reading on is in vain.
    pub(super) fn is_dead(&self) -> bool {
        self.miss.as_ref().is_some_and(|miss| miss.kind == GapKind::TimedOut)
    }

    /// Reads the block that holds an offset, if it is not there yet.
    fn load(&mut self, offset: u64) {
        let Ok(number) = usize::try_from(offset / BLOCK) else { return };
        let Some(place) = self.blocks.get_mut(number) else { return };
        if let Some(block) = place {
            block.used = true;
            return;
        }
        let fresh = || vec![0; usize::try_from(BLOCK).unwrap_or(0)].into_boxed_slice();
        let mut bytes = self.spare.pop().unwrap_or_else(fresh);
        let filled = if self.miss.as_ref().is_some_and(|miss| miss.kind == GapKind::TimedOut) {
            0
        } else {
            match self.file.read_at((number as u64).saturating_mul(BLOCK), &mut bytes) {
                Ok(read) => read,
                Err(miss) => {
                    self.miss.get_or_insert(miss);
                    0
                }
            }
        };
        *place = Some(Block { bytes, filled, used: true });
        self.loaded.push_back(number);
    }

    /// Lets go of blocks beyond those that are kept; called where nothing is borrowed.
    pub(super) fn trim(&mut self) {
        while self.loaded.len() > KEPT {
            let Some(number) = self.loaded.pop_front() else { return };
            let Some(place) = self.blocks.get_mut(number) else { continue };
            match place {
                Some(block) if block.used => {
                    block.used = false;
                    self.loaded.push_back(number);
                }
                _ => self.spare.extend(place.take().map(|block| block.bytes)),
            }
        }
    }

    /// Returns loaded bytes that lie in one block.
    pub(super) fn loaded(&self, offset: u64, length: usize) -> Option<&[u8]> {
        let number = usize::try_from(offset / BLOCK).ok()?;
        let start = usize::try_from(offset % BLOCK).ok()?;
        let block = self.blocks.get(number)?.as_ref()?;
        let end = start.checked_add(length).filter(|&end| end <= block.filled)?;
        block.bytes.get(start..end)
    }

    /// Returns bytes: a part of a block, or a copy in `spill` where they lie across blocks.
    pub(super) fn bytes<'b>(
        &'b mut self,
        offset: u64,
        length: usize,
        spill: &'b mut Vec<u8>,
    ) -> Option<&'b [u8]> {
        if self.lie_in_one_block(offset, length) {
            return self.loaded(offset, length);
        }
        spill.clear();
        self.copy(offset, length, spill)?;
        Some(spill)
    }

    /// Loads bytes if they lie in one block, and returns whether they do.
    pub(super) fn lie_in_one_block(&mut self, offset: u64, length: usize) -> bool {
        self.load(offset);
        (offset % BLOCK).saturating_add(length as u64) <= BLOCK
    }

    /// Appends bytes that may lie across blocks.
    pub(super) fn copy(&mut self, offset: u64, length: usize, to: &mut Vec<u8>) -> Option<()> {
        let end = offset.checked_add(length as u64).filter(|&end| end <= self.size)?;
        if length as u64 > BLOCK {
            return self.copy_unkept(offset, length, to);
        }
        let mut at = offset;
        while at < end {
            self.load(at);
            let part = BLOCK.saturating_sub(at % BLOCK).min(end.saturating_sub(at));
            to.extend_from_slice(self.loaded(at, usize::try_from(part).ok()?)?);
            at = at.saturating_add(part);
        }
        Some(())
    }

    /// Appends many bytes without keeping their blocks.
    fn copy_unkept(&mut self, offset: u64, length: usize, to: &mut Vec<u8>) -> Option<()> {
        let start = to.len();
        to.resize(start.checked_add(length)?, 0);
        match self.file.read_at(offset, to.get_mut(start..)?) {
            Ok(read) if read == length => Some(()),
            Ok(_) => None,
            Err(miss) => {
                self.miss.get_or_insert(miss);
                None
            }
        }
    }
}
