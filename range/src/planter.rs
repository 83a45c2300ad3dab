//! Plants what stays: for each row of the catalogue of persistence something harmless in the place
//! where an intruder would put the real thing.
//!
//! Files are written below a folder that is laid over a root, so that the root itself stays clean.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

mod plants;

pub use plants::PLANTS;

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
    /// A symlink to the agent.
    Link(&'static str),
    /// An extended attribute of what is there, or of a new file.
    Attribute(&'static str, &'static [u8]),
}

impl Plant {
    /// Writes it below a folder, as it lies over a root.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn put(&self, root: &Path, over: &Path) -> Result<()> {
        write(over, AGENT, b"#!/bin/sh\ntrue\n", 0o755)?;
        match self.how {
            How::File(text) => write(over, self.path, text.as_bytes(), 0o644),
            How::Program(text, mode) => write(over, self.path, text.as_bytes(), mode),
            How::More(text) => {
                let from = below(root, self.path);
                let mut bytes = std::fs::read(&from).unwrap_or_default();
                let mode =
                    std::fs::metadata(&from).map_or(0o644, |known| known.permissions().mode());
                bytes.extend_from_slice(text.as_bytes());
                write(over, self.path, &bytes, mode & 0o7777)
            }
            How::Link(target) => {
                let place = below(over, self.path);
                std::fs::create_dir_all(place.parent().context("a plant has a folder")?)?;
                Ok(std::os::unix::fs::symlink(target, place)?)
            }
            How::Attribute(name, value) => {
                let bytes = std::fs::read(below(root, self.path));
                let bytes = bytes.unwrap_or_else(|_new| b"\x7fELF stand-in\n".to_vec());
                write(over, self.path, &bytes, 0o755)?;
                let place = below(over, self.path);
                Ok(rustix::fs::setxattr(&place, name, value, rustix::fs::XattrFlags::empty())?)
            }
        }
    }
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
