//! Names in a directory of ext2, ext3 or ext4 as they stand on the disk, read from its raw blocks.
//!
//! A kernel that leaves a name out of a listing still has it on the disk. Blocks of directories
//! and inodes pass through the block device's own cache, so that what is read here is as new as
//! what the kernel itself reads.
//!
//! Source: Documentation/filesystems/ext4 (super, group_descr, inodes, ifork, directory).

use std::collections::HashMap;

use stanch_machine::OpenFile;

/// Most bytes of one directory.
const DIRECTORY: u64 = 64 << 20;
/// How deep trees of extents and of block maps are followed.
const DEPTH: u16 = 5;

const EXTENTS: u32 = 0x8_0000;
const INLINE_DATA: u32 = 0x1000_0000;
const ENCRYPTED: u32 = 0x800;

/// Why a directory could not be read so.
pub(crate) type Why = &'static str;

/// A file system on a block device or in an image of one.
pub(crate) struct Ext4<'a> {
    file: Box<dyn OpenFile + 'a>,
    block: u64,
    first_block: u64,
    per_group: u64,
    inodes: u64,
    inode: u64,
    descriptor: u64,
    /// Whether descriptors have upper halves.
    wide: bool,
    /// Where the inodes of each group begin.
    tables: HashMap<u64, u64>,
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

impl<'a> Ext4<'a> {
    /// Reads the superblock.
    pub(crate) fn open(file: Box<dyn OpenFile + 'a>) -> Result<Self, Why> {
        const META_BLOCK_GROUPS: u32 = 0x10;
        const SIXTY_FOUR_BITS: u32 = 0x80;
        let mut bytes = [0_u8; 1024];
        if file.read_at(1024, &mut bytes).map_err(|_miss| "the device could not be read")? < 1024 {
            return Err("there is no superblock");
        }
        let half = |at| u16_at(&bytes, at).unwrap_or(0);
        let word = |at| u32_at(&bytes, at).unwrap_or(0);
        if half(0x38) != 0xef53 {
            return Err("there is no superblock");
        }
        let incompatible = word(0x60);
        if incompatible & META_BLOCK_GROUPS != 0 {
            return Err("meta block groups are not understood");
        }
        let wide = incompatible & SIXTY_FOUR_BITS != 0;
        // A file system of revision 0 has inodes of 128 bytes.
        let inode = if word(0x4c) == 0 { 128 } else { half(0x58) };
        let descriptor = if wide { half(0xfe) } else { 32 };
        let log_block = word(0x18);
        if log_block > 6 || word(0x28) == 0 || inode < 128 || descriptor < 32 {
            return Err("the superblock is damaged");
        }
        Ok(Self {
            file,
            block: 1024 << log_block,
            first_block: u64::from(word(0x14)),
            per_group: u64::from(word(0x28)),
            inodes: u64::from(word(0)),
            inode: u64::from(inode),
            descriptor: u64::from(descriptor),
            wide,
            tables: HashMap::new(),
        })
    }

    /// Returns the names in a directory, by its inode's number, without `.` and `..`.
    pub(crate) fn names(&mut self, inode: u64) -> Result<Vec<Vec<u8>>, Why> {
        let raw = self.inode(inode)?;
        let (mode, flags) = (u16_at(&raw, 0).unwrap_or(0), u32_at(&raw, 0x20).unwrap_or(0));
        if mode & 0xf000 != 0x4000 {
            return Err("the inode is no directory's");
        }
        if flags & (INLINE_DATA | ENCRYPTED) != 0 {
            return Err("names inside the inode or encrypted are not read");
        }
        let size = u64::from(u32_at(&raw, 4).unwrap_or(0));
        let upper = u64::from(u32_at(&raw, 0x6c).unwrap_or(0));
        let size = size | upper << 32;
        if size > DIRECTORY {
            return Err("the directory is too large");
        }
        let most = size.div_ceil(self.block);
        let map = raw.get(0x28..0x64).unwrap_or_default();
        let mut blocks = Vec::new();
        if flags & EXTENTS != 0 {
            self.extents(map, most, DEPTH, &mut blocks)?;
        } else {
            self.block_map(map, most, &mut blocks)?;
        }
        let mut names = Vec::new();
        for block in blocks {
            parse_block(&self.block(block)?, &mut names);
        }
        Ok(names)
    }

    fn bytes(&self, offset: u64, length: u64) -> Result<Vec<u8>, Why> {
        let length = usize::try_from(length).map_err(|_large| "too large")?;
        let mut bytes = vec![0_u8; length];
        match self.file.read_at(offset, &mut bytes) {
            Ok(read) if read == length => Ok(bytes),
            Ok(_short) => Err("a block lies behind the end of the device"),
            Err(_miss) => Err("the device could not be read"),
        }
    }

    fn block(&self, number: u64) -> Result<Vec<u8>, Why> {
        self.bytes(number.checked_mul(self.block).ok_or("a block's number is damaged")?, self.block)
    }

    fn inode(&mut self, number: u64) -> Result<Vec<u8>, Why> {
        const DAMAGED: Why = "the inode's number is damaged";
        let index = number.checked_sub(1).filter(|_| number <= self.inodes).ok_or(DAMAGED)?;
        let group = index.checked_div(self.per_group).ok_or(DAMAGED)?;
        let table = match self.tables.get(&group) {
            Some(&table) => table,
            None => self.table(group).ok_or(DAMAGED)?,
        };
        self.tables.insert(group, table);
        let within = index.checked_rem(self.per_group).ok_or(DAMAGED)?;
        let offset = table
            .checked_mul(self.block)
            .and_then(|start| start.checked_add(within.checked_mul(self.inode)?));
        self.bytes(offset.ok_or(DAMAGED)?, 128)
    }

    /// Returns the block at which a group's inodes begin.
    fn table(&self, group: u64) -> Option<u64> {
        let start = self.first_block.checked_add(1)?.checked_mul(self.block)?;
        let at = start.checked_add(group.checked_mul(self.descriptor)?)?;
        let descriptor = self.bytes(at, self.descriptor).ok()?;
        let upper = if self.wide { u32_at(&descriptor, 0x28).unwrap_or(0) } else { 0 };
        Some(u64::from(u32_at(&descriptor, 8)?) | u64::from(upper) << 32)
    }

    /// Collects the blocks of a tree of extents.
    fn extents(&self, node: &[u8], most: u64, deeper: u16, all: &mut Vec<u64>) -> Result<(), Why> {
        const DAMAGED: Why = "the extents are damaged";
        if u16_at(node, 0) != Some(0xf30a) {
            return Err(DAMAGED);
        }
        let count = usize::from(u16_at(node, 2).unwrap_or(0));
        let depth = u16_at(node, 6).unwrap_or(0);
        let entries = node.get(12..).unwrap_or_default().chunks_exact(12).take(count);
        for entry in entries {
            if depth == 0 {
                let length = u64::from(u16_at(entry, 4).unwrap_or(0));
                let upper = u64::from(u16_at(entry, 6).unwrap_or(0));
                let start = u64::from(u32_at(entry, 8).unwrap_or(0)) | upper << 32;
                // Above 32768: set aside and not written yet, which no directory has.
                let written = if length <= 32_768 { length } else { 0 };
                for block in start..start.saturating_add(written) {
                    if all.len() as u64 >= most {
                        return Ok(());
                    }
                    all.push(block);
                }
            } else if let Some(left) = deeper.checked_sub(1) {
                let upper = u64::from(u16_at(entry, 8).unwrap_or(0));
                let below = u64::from(u32_at(entry, 4).unwrap_or(0)) | upper << 32;
                self.extents(&self.block(below)?, most, left, all)?;
            } else {
                return Err(DAMAGED);
            }
        }
        Ok(())
    }

    /// Collects the blocks of the older map: twelve direct, one of numbers, one of those of
    /// numbers, and so on.
    fn block_map(&self, map: &[u8], most: u64, all: &mut Vec<u64>) -> Result<(), Why> {
        for (place, word) in map.chunks_exact(4).enumerate() {
            let number = u64::from(u32_at(word, 0).unwrap_or(0));
            let depth = u16::try_from(place.saturating_sub(11)).unwrap_or(0);
            self.mapped(number, depth, most, all)?;
        }
        Ok(())
    }

    fn mapped(&self, number: u64, depth: u16, most: u64, all: &mut Vec<u64>) -> Result<(), Why> {
        if number == 0 || all.len() as u64 >= most {
            return Ok(());
        }
        let Some(left) = depth.checked_sub(1) else {
            all.push(number);
            return Ok(());
        };
        for word in self.block(number)?.chunks_exact(4) {
            self.mapped(u64::from(u32_at(word, 0).unwrap_or(0)), left, most, all)?;
        }
        Ok(())
    }
}

/// Collects the names in one block of a directory. An entry that is damaged ends the block. The
/// blocks of an index look like one entry without an inode.
pub(crate) fn parse_block(block: &[u8], names: &mut Vec<Vec<u8>>) {
    let mut rest = block;
    while rest.len() >= 12 {
        let inode = u32_at(rest, 0).unwrap_or(0);
        let length = usize::from(u16_at(rest, 4).unwrap_or(0));
        // A block of 64 KiB cannot write its own length.
        let length = if matches!(length, 0 | 0xffff) { 1 << 16 } else { length };
        let name = rest.get(6).map_or(0, |&length| usize::from(length));
        let name = rest.get(8..).and_then(|rest| rest.get(..name)).unwrap_or_default();
        if inode != 0 && !matches!(name, b"" | b"." | b"..") {
            names.push(name.to_vec());
        }
        let Some(next) = rest.get(length.max(12)..) else { break };
        rest = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stanch_machine::{Machine as _, Pretend};

    /// Block size 1 KiB: superblock 1, descriptors 2, inodes 3 and 4, directory blocks from 10.
    fn image(extents: bool) -> Vec<u8> {
        let mut image = vec![0_u8; 32 << 10];
        let put = |image: &mut Vec<u8>, at: usize, bytes: &[u8]| {
            image[at..at + bytes.len()].copy_from_slice(bytes);
        };
        put(&mut image, 1024, &16_u32.to_le_bytes());
        put(&mut image, 1024 + 0x14, &1_u32.to_le_bytes());
        put(&mut image, 1024 + 0x28, &16_u32.to_le_bytes());
        put(&mut image, 1024 + 0x38, &0xef53_u16.to_le_bytes());
        put(&mut image, 1024 + 0x4c, &1_u32.to_le_bytes());
        put(&mut image, 1024 + 0x58, &128_u16.to_le_bytes());
        put(&mut image, 2048 + 8, &3_u32.to_le_bytes());
        let inode = 3072 + 128;
        put(&mut image, inode, &0x41ed_u16.to_le_bytes());
        put(&mut image, inode + 4, &2048_u32.to_le_bytes());
        if extents {
            put(&mut image, inode + 0x20, &EXTENTS.to_le_bytes());
            put(&mut image, inode + 0x28, &[0x0a, 0xf3, 1, 0, 4, 0, 0, 0, 0, 0, 0, 0]);
            put(&mut image, inode + 0x34, &[0, 0, 0, 0, 2, 0, 0, 0, 10, 0, 0, 0]);
        } else {
            put(&mut image, inode + 0x28, &[10, 0, 0, 0, 11, 0, 0, 0]);
        }
        let mut at = 10 << 10;
        for (number, name, length) in
            [(2_u32, ".", 12_u16), (2, "..", 12), (12, "shown", 16), (0, "gone", 984)]
        {
            put(&mut image, at, &number.to_le_bytes());
            put(&mut image, at + 4, &length.to_le_bytes());
            image[at + 6] = u8::try_from(name.len()).unwrap();
            put(&mut image, at + 8, name.as_bytes());
            at += usize::from(length);
        }
        put(&mut image, 11 << 10, &[13, 0, 0, 0, 0, 4, 6, 1]);
        put(&mut image, (11 << 10) + 8, b"hidden");
        image
    }

    fn names(image: &[u8], inode: u64) -> Result<Vec<String>, Why> {
        let machine = Pretend::new().file("/device", image);
        let mut ext4 = Ext4::open(machine.open("/device".as_ref()).unwrap())?;
        let names = ext4.names(inode)?;
        Ok(names.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect())
    }

    #[test]
    fn names_are_read_through_extents_and_through_a_block_map() {
        for extents in [true, false] {
            assert_eq!(names(&image(extents), 2).unwrap(), ["shown", "hidden"]);
        }
        assert_eq!(names(&image(true), 3), Err("the inode is no directory's"));
        assert_eq!(names(&image(true), 0), Err("the inode's number is damaged"));
        assert_eq!(names(&image(true), 17), Err("the inode's number is damaged"));
        assert_eq!(names(b"nothing", 2), Err("there is no superblock"));
    }

    #[test]
    fn a_changed_byte_anywhere_is_an_answer_or_a_reason() {
        let image = image(true);
        for at in (1024..1280).chain(2048..2112).chain(3200..3328).chain(10240..10300) {
            for value in [0, 0x7f, 0xff] {
                let mut changed = image.clone();
                changed[at] = value;
                let _answer_or_reason = names(&changed, 2);
            }
        }
    }
}
