//! A mounted disk image or any other root directory: read, never run, never left.

use std::path::{Path, PathBuf};

use crate::tree::Tree;
use crate::{
    Attribute, Contents, Inspector, Kernel, Listing, Machine, Miss, OpenFile, Stalls, Stat,
};

/// A root directory seen as a machine (`--root DIR`).
#[derive(Debug)]
pub struct Image {
    tree: Tree,
}

impl Image {
    /// Opens a root directory.
    ///
    /// # Errors
    /// A [`Miss`] if it is not a directory that we may open.
    pub fn open(root: &Path) -> Result<Self, Miss> {
        Ok(Self { tree: Tree::at(root)? })
    }

    /// Returns the watch over hanging paths.
    pub fn stalls(&self) -> &Stalls {
        &self.tree.stalls
    }
}

impl Machine for Image {
    fn kind(&self) -> &'static str {
        "image"
    }
    fn read(&self, path: &Path, cap: u64) -> Result<Contents, Miss> {
        self.tree.read(path, cap)
    }
    fn read_pieces(&self, path: &Path, cap: u64, each: &mut dyn FnMut(&[u8])) -> Result<u64, Miss> {
        self.tree.read_pieces(path, cap, each)
    }
    fn open<'a>(&'a self, path: &Path) -> Result<Box<dyn OpenFile + 'a>, Miss> {
        self.tree.open_file(path)
    }
    fn open_described<'a>(
        &'a self,
        path: &Path,
        stat: &Stat,
    ) -> Result<Box<dyn OpenFile + 'a>, Miss> {
        self.tree.open_described(path, stat)
    }
    fn list(&self, path: &Path) -> Result<Listing, Miss> {
        self.tree.list(path)
    }
    fn stat(&self, path: &Path) -> Result<Stat, Miss> {
        self.tree.stat(path, true)
    }
    fn lstat(&self, path: &Path) -> Result<Stat, Miss> {
        self.tree.stat(path, false)
    }
    fn lstat_each(&self, directory: &Path, names: &[&std::ffi::OsStr]) -> Vec<Result<Stat, Miss>> {
        self.tree.stat_each(directory, names)
    }
    fn read_link(&self, path: &Path) -> Result<PathBuf, Miss> {
        self.tree.read_link(path)
    }
    fn attribute(&self, path: &Path, name: &str) -> Result<Option<Vec<u8>>, Miss> {
        self.tree.attribute(path, name)
    }
    fn attributes(&self, path: &Path) -> Result<Vec<Attribute>, Miss> {
        self.tree.attributes(path)
    }
    fn inspect<'m>(
        &'m self,
        directory: &Path,
        names: &[&std::ffi::OsStr],
        inspector: &mut dyn Inspector<'m>,
    ) {
        self.tree.inspect(directory, names, inspector);
    }
    fn magic(&self, path: &Path) -> Result<Option<i64>, Miss> {
        self.tree.magic(path).map(Some)
    }
    fn flags(&self, path: &Path) -> Result<Option<u32>, Miss> {
        self.tree.flags(path)
    }
    fn kernel(&self) -> Option<&dyn Kernel> {
        None
    }
    fn now(&self) -> i64 {
        crate::sys::wall_clock()
    }
}
