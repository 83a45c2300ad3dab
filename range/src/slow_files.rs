//! A file system in user space that serves one program, until it is told to answer no more.
//!
//! Source: fuse(4), include/uapi/linux/fuse.h.

use std::ffi::CString;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use rustix::mount::{MountFlags, mount};

/// A file system that is mounted and answers nothing yet.
#[derive(Debug)]
pub struct SlowFiles {
    device: File,
}

impl SlowFiles {
    /// Mounts it.
    ///
    /// # Errors
    /// When there is no `/dev/fuse` or the mount is refused.
    pub fn mount(place: &str) -> Result<Self> {
        let device = File::options().read(true).write(true).open("/dev/fuse")?;
        let options = format!("fd={},rootmode=40000,user_id=0,group_id=0", device.as_raw_fd());
        let options = CString::new(options)?;
        mount("slow", place, "fuse", MountFlags::empty(), Some(options.as_c_str()))?;
        Ok(Self { device })
    }

    /// Serves a program as the one file `program`, until a file appears at `freeze`; from then on
    /// whoever asks waits for ever.
    ///
    /// # Errors
    /// When the device fails.
    pub fn serve(&mut self, program: &[u8], freeze: &Path) -> Result<()> {
        let mut buffer = vec![0_u8; 256 << 10];
        loop {
            let length = self.device.read(&mut buffer)?;
            if freeze.exists() {
                return Ok(());
            }
            let request = Request::parse(buffer.get(..length).unwrap_or_default())
                .context("a request is shorter than its header")?;
            let Some(answer) = request.answer(program) else { continue };
            let (error, body) = match answer {
                Ok(body) => (0_i32, body),
                Err(number) => (-number, Vec::new()),
            };
            let mut reply = u32::try_from(body.len() + 16)?.to_ne_bytes().to_vec();
            reply.extend(error.to_ne_bytes());
            reply.extend(request.unique.to_ne_bytes());
            reply.extend(body);
            // One whose asker has gone away is refused: that is no failure.
            let _asker_left = self.device.write_all(&reply);
        }
    }
}

struct Request<'a> {
    opcode: u32,
    unique: u64,
    node: u64,
    body: &'a [u8],
}

const ROOT: u64 = 1;
const PROGRAM: u64 = 2;
const NO_SUCH_FILE: i32 = 2;
const NOT_KNOWN: i32 = 38;

impl<'a> Request<'a> {
    /// `struct fuse_in_header`: length, opcode, unique, node, and 16 bytes about the asker.
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        Some(Self {
            opcode: u32::from_ne_bytes(*bytes.get(4..)?.first_chunk()?),
            unique: u64_at(bytes, 8)?,
            node: u64_at(bytes, 16)?,
            body: bytes.get(40..)?,
        })
    }

    /// Returns the answer's body or an error number; none for what wants no answer.
    fn answer(&self, program: &[u8]) -> Option<Result<Vec<u8>, i32>> {
        let size = program.len() as u64;
        Some(match self.opcode {
            // FORGET, INTERRUPT, BATCH_FORGET.
            2 | 36 | 42 => return None,
            // LOOKUP: node, generation, how long it holds (not at all), attributes.
            1 if self.node == ROOT && self.body.starts_with(b"program\0") => {
                let mut entry = [PROGRAM, 1, 0, 0, 0].map(u64::to_ne_bytes).concat();
                entry.extend(attributes(PROGRAM, size));
                Ok(entry)
            }
            1 => Err(NO_SUCH_FILE),
            // GETATTR.
            3 => {
                let mut answer = [0_u8; 16].to_vec();
                answer.extend(attributes(self.node, size));
                Ok(answer)
            }
            // OPEN, OPENDIR.
            14 | 27 => Ok(vec![0; 16]),
            // READ: handle, offset, size.
            15 => {
                let offset = u64_at(self.body, 8).unwrap_or(0) as usize;
                let most = u64_at(self.body, 16).unwrap_or(0) as u32 as usize;
                let rest = program.get(offset..).unwrap_or_default();
                Ok(rest.get(..most).unwrap_or(rest).to_vec())
            }
            // STATFS: how much room there is.
            17 => Ok(vec![0; 80]),
            // READDIR: handle, offset, size.
            28 if u64_at(self.body, 8) == Some(0) => Ok(listing()),
            // RELEASE, READDIR after the one entry, RELEASEDIR.
            18 | 28 | 29 => Ok(Vec::new()),
            // INIT: version 7.31, and the least of everything.
            26 => {
                let mut answer = [7_u32, 31, 0, 0, 0, 4096, 1].map(u32::to_ne_bytes).concat();
                answer.resize(64, 0);
                Ok(answer)
            }
            _ => Err(NOT_KNOWN),
        })
    }
}

/// `struct fuse_attr`.
fn attributes(node: u64, size: u64) -> Vec<u8> {
    let (mode, size) = if node == ROOT { (0o040_755, 0) } else { (0o100_755, size) };
    let mut bytes = [node, size, size.div_ceil(512), 0, 0, 0].map(u64::to_ne_bytes).concat();
    // Three fractions of times, mode, links, user, group, device, block size, flags.
    let rest = [0_u32, 0, 0, mode, 1, 0, 0, 0, 4096, 0];
    bytes.extend(rest.map(u32::to_ne_bytes).concat());
    bytes
}

/// `struct fuse_dirent` of the one file: node, where the next entry is, lengths, kind, name.
fn listing() -> Vec<u8> {
    const NAME: &[u8] = b"program";
    let mut bytes = [PROGRAM, 1].map(u64::to_ne_bytes).concat();
    // DT_REG.
    bytes.extend([NAME.len() as u32, 8].map(u32::to_ne_bytes).concat());
    bytes.extend(NAME);
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    bytes
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}
