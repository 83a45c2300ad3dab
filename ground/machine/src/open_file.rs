//! A file of a tree held open, and read at any place.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{self, AtFlags, OFlags, SeekFrom, StatxFlags};
use rustix::io::Errno;
use stanch_words::GapKind;

use crate::stall;
use crate::tree::{Tree, from_statx};
use crate::{Contents, FileKind, Miss, OpenFile, Stat};

/// An open file, each of whose reads is watched.
pub(crate) struct InTree<'a> {
    pub(crate) tree: &'a Tree,
    pub(crate) file: OwnedFd,
    pub(crate) path: PathBuf,
}

impl Tree {
    pub(crate) fn open_file<'a>(&'a self, path: &Path) -> Result<Box<dyn OpenFile + 'a>, Miss> {
        let _guard = self.guard(path)?;
        let file = self.open_regular(path)?;
        Ok(Box::new(InTree { tree: self, file, path: path.to_owned() }))
    }

    /// Opens what was described as a regular file, without a second look where it is still the
    /// same one. Should it be a pipe by now, it is not waited for.
    pub(crate) fn open_described<'a>(
        &'a self,
        path: &Path,
        stat: &Stat,
    ) -> Result<Box<dyn OpenFile + 'a>, Miss> {
        let opened = self.guard(path).and_then(|_guard| {
            let file = self.open_quietly(path, OFlags::RDONLY | OFlags::NOFOLLOW);
            let file = file.map_err(|errno| Miss::from_errno(errno, path))?;
            let now = fs::statx(&file, c"", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS);
            Ok((file, from_statx(now.map_err(|errno| Miss::from_errno(errno, path))?)))
        });
        let of = |stat: &Stat| (stat.kind(), stat.device, stat.inode);
        match opened {
            Ok((file, now)) if of(&now) == of(stat) => {
                Ok(Box::new(InTree { tree: self, file, path: path.to_owned() }))
            }
            _ => self.open_file(path),
        }
    }

    /// Opens a block device for reading. Opening one acts on nothing but tape drives and the like,
    /// which are character devices, and removable media, which are never mounted as a root.
    pub(crate) fn open_device<'a>(&'a self, path: &Path) -> Result<Box<dyn OpenFile + 'a>, Miss> {
        let _guard = self.guard(path)?;
        let miss = |errno| Miss::from_errno(errno, path);
        let probe = self.open(path, OFlags::PATH).map_err(miss)?;
        let kind = FileKind::from_mode(fs::fstat(&probe).map_err(miss)?.st_mode);
        if kind != FileKind::BlockDevice {
            let detail = format!("not a block device: {}", kind.name());
            return Err(Miss::new(GapKind::Failed, detail, path));
        }
        let file = self.open(path, OFlags::RDONLY).map_err(miss)?;
        Ok(Box::new(InTree { tree: self, file, path: path.to_owned() }))
    }

    /// Reads a regular file past the page cache.
    pub(crate) fn read_past_cache(&self, path: &Path, cap: u64) -> Result<Contents, Miss> {
        // What every device takes: places, lengths and memory in whole blocks of 4 KiB.
        const BLOCK: usize = 4096;
        const PIECE: usize = 256 << 10;
        let _guard = self.guard(path)?;
        drop(self.open_regular(path)?);
        let miss = |errno| Miss::from_errno(errno, path);
        let file = self.open_quietly(path, OFlags::RDONLY | OFlags::DIRECT).map_err(miss)?;
        let mut memory = vec![0_u8; PIECE.saturating_add(BLOCK)];
        let start = memory.as_ptr().align_offset(BLOCK);
        let piece = memory.get_mut(start..).and_then(|rest| rest.get_mut(..PIECE));
        let Some(piece) = piece else { return Err(miss(Errno::NOMEM)) };
        let cap = usize::try_from(cap).unwrap_or(usize::MAX);
        let mut bytes = Vec::new();
        loop {
            stall::tick();
            let read = match rustix::io::pread(&file, &mut *piece, bytes.len() as u64) {
                Err(Errno::INTR) => continue,
                other => other.map_err(miss)?,
            };
            bytes.extend_from_slice(piece.get(..read).unwrap_or_default());
            if bytes.len() > cap {
                bytes.truncate(cap);
                return Ok(Contents { bytes, truncated: true });
            }
            // A part of a block is the file's end.
            if !read.is_multiple_of(BLOCK) || read == 0 {
                return Ok(Contents { bytes, truncated: false });
            }
        }
    }
}

impl OpenFile for InTree<'_> {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, Miss> {
        let _guard = self.tree.guard(&self.path)?;
        let mut done = 0_usize;
        while let Some(room) = buffer.get_mut(done..).filter(|room| !room.is_empty()) {
            let read = match rustix::io::pread(&self.file, room, offset.saturating_add(done as u64))
            {
                // An offset past what a file can have (off_t, pread(2)) is past its end.
                Ok(0) | Err(Errno::INVAL | Errno::OVERFLOW) => break,
                Err(Errno::INTR) => continue,
                other => other.map_err(|errno| Miss::from_errno(errno, &self.path))?,
            };
            stall::tick();
            done = done.saturating_add(read);
        }
        Ok(done)
    }

    fn stat(&self) -> Result<Stat, Miss> {
        let _guard = self.tree.guard(&self.path)?;
        let mask = StatxFlags::BASIC_STATS | StatxFlags::BTIME;
        fs::statx(&self.file, c"", AtFlags::EMPTY_PATH, mask)
            .map(from_statx)
            .map_err(|errno| Miss::from_errno(errno, &self.path))
    }

    fn next_data(&self, offset: u64) -> Result<Option<u64>, Miss> {
        let guard = self.tree.guard(&self.path)?;
        match fs::seek(&self.file, SeekFrom::Data(offset)) {
            Ok(data) => Ok(Some(data)),
            Err(Errno::NXIO | Errno::OVERFLOW) => Ok(None),
            Err(Errno::INVAL | Errno::OPNOTSUPP | Errno::NOTTY) => {
                drop(guard);
                Ok((offset < self.stat()?.size).then_some(offset))
            }
            Err(errno) => Err(Miss::from_errno(errno, &self.path)),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Image, Live, Machine, Pretend};

    fn pieces(machine: &dyn Machine, path: &str) -> Vec<String> {
        let file = machine.open(path.as_ref()).unwrap();
        assert_eq!(file.stat().unwrap().size, 10);
        let at = |offset| {
            let mut buffer = [b'-'; 4];
            let read = file.read_at(offset, &mut buffer).unwrap();
            format!("{read} {}", String::from_utf8_lossy(&buffer))
        };
        [0, 4, 8, 10, u64::MAX].map(at).to_vec()
    }

    #[test]
    fn a_hole_is_skipped_and_all_of_a_plain_file_is_data() {
        let folder = std::env::temp_dir().join(format!("stanch-hole-{}", std::process::id()));
        #[expect(clippy::disallowed_methods, reason = "a test makes its own files")]
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("sparse");
        #[expect(clippy::disallowed_methods, reason = "a test makes its own files")]
        let file = std::fs::File::create(&path).unwrap();
        std::os::unix::fs::FileExt::write_at(&file, b"x", 64 << 20).unwrap();
        file.set_len(128 << 20).unwrap();
        let live = Live::new();
        let open = live.open(&path).unwrap();
        // A file system without holes says that all is data.
        let first = open.next_data(0).unwrap();
        assert!(matches!(first, Some(0 | 0x400_0000)), "{first:?}");
        assert_eq!(open.next_data(64 << 20).unwrap(), Some(64 << 20));
        assert_eq!(open.next_data(128 << 20).unwrap(), None);
        let pretend = Pretend::new().file("/ten", "0123456789");
        let open = pretend.open("/ten".as_ref()).unwrap();
        assert_eq!((open.next_data(4).unwrap(), open.next_data(10).unwrap()), (Some(4), None));
        #[expect(clippy::disallowed_methods, reason = "a test makes its own files")]
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn every_machine_reads_at_any_place_and_nothing_past_the_end() {
        let expected = ["4 0123", "4 4567", "2 89--", "0 ----", "0 ----"];
        let folder = std::env::temp_dir().join(format!("stanch-open-{}", std::process::id()));
        #[expect(clippy::disallowed_methods, reason = "a test makes its own files")]
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("ten");
        #[expect(clippy::disallowed_methods, reason = "a test makes its own files")]
        std::fs::write(&path, "0123456789").unwrap();
        assert_eq!(pieces(&Live::new(), path.to_str().unwrap()), expected);
        assert_eq!(pieces(&Image::open(&folder).unwrap(), "/ten"), expected);
        assert_eq!(pieces(&Pretend::new().file("/ten", "0123456789"), "/ten"), expected);
        let refused = Live::new().open(&folder).map(|_file| ()).unwrap_err();
        assert_eq!(refused.detail, "not a regular file: directory");
        #[expect(clippy::disallowed_methods, reason = "a test makes its own files")]
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
