//! Plants what stays: for each row of the catalogue of persistence something harmless in the place
//! where an intruder would put the real thing.
//!
//! Files are written below a folder that is laid over a root, so that the root itself stays clean.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::debian::run;

mod plants;
mod variants;

pub use plants::PLANTS;
pub use variants::VARIANTS;

/// What all plants start: it does nothing.
pub const AGENT: &str = "/opt/stand-in/agent";

/// One thing that is planted.
#[derive(Clone, Copy, Debug)]
pub struct Plant {
    /// Row of the catalogue.
    pub row: u32,
    /// Where, without symlinks in its directories (`/usr/lib`, not `/lib`).
    pub path: &'static str,
    /// How.
    pub how: How,
    /// The sign that names it; empty where any may.
    pub sign: &'static str,
    /// The level that it has at least, among the levels of findings.
    pub least: &'static str,
    /// What is planted with it, such as the program that it starts.
    pub with: &'static [(&'static str, How)],
}

/// How something is planted.
#[derive(Clone, Copy, Debug)]
pub enum How {
    /// A new file.
    File(&'static str),
    /// A new program; set-id bits may be among the mode.
    Program(&'static str, u32),
    /// More at the end of what is there.
    More(&'static str),
    /// More before what is there.
    First(&'static str),
    /// A copy of a program of the root, with set-id bits if wanted.
    Copy(&'static str, u32),
    /// A symlink.
    Link(&'static str),
    /// An extended attribute of what is there, or of a new file.
    Attribute(&'static str, &'static [u8]),
    /// An image that a kernel starts with: an archive of cpio with one script of this name.
    Ramdisk(&'static str),
    /// A library that holds nothing, and looks for others in this folder first (`DT_RUNPATH`).
    Library(&'static str),
}

impl Plant {
    /// Returns it with another sign.
    const fn by(self, sign: &'static str) -> Self {
        Self { sign, ..self }
    }

    /// Returns it with the level that it has at least.
    const fn at(self, least: &'static str) -> Self {
        Self { least, ..self }
    }

    /// Returns it with what is planted beside it.
    const fn with(self, with: &'static [(&'static str, How)]) -> Self {
        Self { with, ..self }
    }

    /// Writes it below a folder, as it lies over a root.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn put(&self, root: &Path, over: &Path) -> Result<()> {
        write(over, AGENT, b"#!/bin/sh\ntrue\n", 0o755)?;
        for (path, how) in self.with {
            how.put(path, root, over)?;
        }
        self.how.put(self.path, root, over)
    }
}

impl How {
    fn put(&self, path: &str, root: &Path, over: &Path) -> Result<()> {
        match *self {
            Self::File(text) => write(over, path, text.as_bytes(), 0o644),
            Self::Program(text, mode) => write(over, path, text.as_bytes(), mode),
            Self::More(text) | Self::First(text) => {
                let from = below(root, path);
                let there = std::fs::read(&from).unwrap_or_default();
                let mode =
                    std::fs::metadata(&from).map_or(0o644, |known| known.permissions().mode());
                let text = text.as_bytes();
                let is_first = matches!(self, Self::First(_));
                let bytes =
                    if is_first { [text, &there].concat() } else { [&there, text].concat() };
                write(over, path, &bytes, mode & 0o7777)
            }
            Self::Copy(from, mode) => {
                let bytes = std::fs::read(below(root, from));
                write(over, path, &bytes.with_context(|| format!("reading `{from}`"))?, mode)
            }
            Self::Ramdisk(name) => write(over, path, &ramdisk(name), 0o644),
            Self::Library(folder) => {
                write(over, path, b"", 0o755)?;
                let mut build = Command::new("cc");
                build.args(["-shared", "-nostdlib", "-x", "c", "/dev/null", "-o"]);
                run(build.arg(below(over, path)).arg(format!("-Wl,-rpath,{folder}")))
            }
            Self::Link(target) => {
                let place = below(over, path);
                std::fs::create_dir_all(place.parent().context("a plant has a folder")?)?;
                Ok(std::os::unix::fs::symlink(target, place)?)
            }
            Self::Attribute(name, value) => {
                let bytes = std::fs::read(below(root, path));
                let bytes = bytes.unwrap_or_else(|_new| b"\x7fELF stand-in\n".to_vec());
                write(over, path, &bytes, 0o755)?;
                let place = below(over, path);
                Ok(rustix::fs::setxattr(&place, name, value, rustix::fs::XattrFlags::empty())?)
            }
        }
    }
}

/// Writes an archive as `cpio -H newc` does.
fn ramdisk(name: &str) -> Vec<u8> {
    let script = "#!/bin/sh\n# early\n/opt/stand-in/agent\n";
    let mut bytes = Vec::new();
    for (name, mode, text) in [(name, 0o10_0755, script), ("TRAILER!!!", 0, "")] {
        // inode, mode, owner, group, links, time, size, four devices, length of the name, check.
        let length = name.len().saturating_add(1);
        bytes.extend(b"070701");
        for number in [1, mode, 0, 0, 1, 0, text.len(), 0, 0, 0, 0, length, 0] {
            bytes.extend(format!("{number:08x}").bytes());
        }
        for part in [name, "\0", text] {
            bytes.extend(part.bytes());
            if part != name {
                bytes.resize(bytes.len().next_multiple_of(4), 0);
            }
        }
    }
    bytes
}

fn below(root: &Path, path: &str) -> PathBuf {
    root.join(path.trim_start_matches('/'))
}

fn write(over: &Path, path: &str, bytes: &[u8], mode: u32) -> Result<()> {
    let place = below(over, path);
    std::fs::create_dir_all(place.parent().context("a plant has a folder")?)?;
    std::fs::write(&place, bytes).with_context(|| format!("writing `{path}`"))?;
    Ok(std::fs::set_permissions(&place, std::fs::Permissions::from_mode(mode))?)
}
