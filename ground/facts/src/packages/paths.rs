//! Many paths, leanly: their bytes in one piece and a table of offsets.

use std::hash::{BuildHasher as _, RandomState};

/// The end of a path among the bytes.
const END: u8 = b'\n';

/// Most bytes that all paths may take together.
const MOST: usize = 256 << 20;

/// Owned paths. Of a path that several packages list, the first is kept.
#[derive(Debug, Default)]
pub(super) struct Paths {
    /// Each path, [`END`], and what the database tells of the file (rpm: flags and digest).
    bytes: Vec<u8>,
    /// Open addressing: the hash's lower half, and the offset plus one; 0 is free. The hash is
    /// keyed at random, so that a hostile list cannot make everything collide.
    table: Vec<(u32, u32)>,
    /// Where each package's paths begin.
    starts: Vec<u32>,
    count: usize,
    hasher: RandomState,
}

impl Paths {
    pub(super) fn len(&self) -> usize {
        self.count
    }

    pub(super) fn size(&self) -> usize {
        self.bytes.capacity().saturating_add(self.table.capacity().saturating_mul(8))
    }

    /// Begins the paths of the next package.
    pub(super) fn begin(&mut self) {
        self.starts.push(offset(self.bytes.len()));
    }

    /// Adds a path of the package that was begun last. Returns whether there was room.
    pub(super) fn add(&mut self, path: &[u8], record: &[u8]) -> bool {
        let more = path.len().saturating_add(record.len()).saturating_add(1);
        if self.bytes.len().saturating_add(more) > MOST {
            return false;
        }
        if self.count.saturating_mul(3) >= self.table.len().saturating_mul(2) {
            self.grow();
        }
        let hash = self.hash(path);
        let mut at = self.slot(hash);
        while let Some(&(known, place)) = self.table.get(at) {
            if place == 0 {
                let place = offset(self.bytes.len()).saturating_add(1);
                if let Some(free) = self.table.get_mut(at) {
                    *free = (hash, place);
                }
                self.bytes.extend_from_slice(path);
                self.bytes.push(END);
                self.bytes.extend_from_slice(record);
                self.count = self.count.saturating_add(1);
                break;
            }
            if known == hash && self.after(place, path).is_some() {
                break;
            }
            at = self.next(at);
        }
        true
    }

    /// Calls `each` with the place and the bytes of every path, and its package's number, in the
    /// order in which they were added.
    pub(super) fn each(&self, each: &mut dyn FnMut(u32, &[u8], usize)) {
        for place in self.places() {
            let start = place.saturating_sub(1);
            let package = self.starts.partition_point(|&first| first <= start).checked_sub(1);
            if let (Some(path), Some(package)) = (self.at(place), package) {
                each(place, path, package);
            }
        }
    }

    /// Returns the places of all paths, in order.
    pub(super) fn places(&self) -> Vec<u32> {
        let mut places: Vec<u32> =
            self.table.iter().map(|entry| entry.1).filter(|&place| place != 0).collect();
        places.sort_unstable();
        places
    }

    /// Returns the path as it is kept, its record with whatever follows, its package's number, and
    /// its place, which is the path's own number.
    pub(super) fn find(&self, path: &[u8]) -> Option<(&[u8], &[u8], usize, u32)> {
        let hash = self.hash(path);
        let mut at = self.slot(hash);
        loop {
            let &(known, place) = self.table.get(at)?;
            if place == 0 {
                return None;
            }
            if known == hash
                && let Some(record) = self.after(place, path)
            {
                let start = place.saturating_sub(1);
                let package = self.starts.partition_point(|&first| first <= start);
                let from = start as usize;
                let listed = self.bytes.get(from..from.saturating_add(path.len()))?;
                return Some((listed, record, package.checked_sub(1)?, place));
            }
            at = self.next(at);
        }
    }

    /// Returns the path at a place.
    pub(super) fn at(&self, place: u32) -> Option<&[u8]> {
        let rest = self.bytes.get(place.checked_sub(1)? as usize..)?;
        rest.get(..memchr::memchr(END, rest)?)
    }

    /// Gives back what was reserved and not used.
    pub(super) fn finish(&mut self) {
        self.bytes.shrink_to_fit();
        self.starts.shrink_to_fit();
    }

    /// Returns what follows a path if it stands at a place.
    fn after(&self, place: u32, path: &[u8]) -> Option<&[u8]> {
        let rest = self.bytes.get(place.saturating_sub(1) as usize..)?;
        rest.strip_prefix(path)?.strip_prefix(&[END])
    }

    fn grow(&mut self) {
        let size = self.table.len().saturating_mul(2).max(1024);
        let old = std::mem::replace(&mut self.table, vec![(0, 0); size]);
        for entry in old.into_iter().filter(|entry| entry.1 != 0) {
            let mut at = self.slot(entry.0);
            while self.table.get(at).is_some_and(|slot| slot.1 != 0) {
                at = self.next(at);
            }
            if let Some(free) = self.table.get_mut(at) {
                *free = entry;
            }
        }
    }

    fn hash(&self, path: &[u8]) -> u32 {
        let hash = self.hasher.hash_one(path);
        u32::try_from(hash & u64::from(u32::MAX)).unwrap_or_default()
    }

    fn slot(&self, hash: u32) -> usize {
        hash as usize & self.table.len().wrapping_sub(1)
    }

    fn next(&self, at: usize) -> usize {
        at.wrapping_add(1) & self.table.len().wrapping_sub(1)
    }
}

fn offset(bytes: usize) -> u32 {
    // `MOST` is far below what 32 bits can tell.
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_is_found_with_its_package_and_nothing_else_is() {
        let mut paths = Paths::default();
        for package in 0..50 {
            paths.begin();
            for file in 0..100 {
                assert!(paths.add(format!("/usr/{package}/{file}").as_bytes(), b""));
                assert!(paths.add(b"/usr", b""));
            }
        }
        paths.finish();
        assert_eq!(paths.len(), 5001);
        for package in 0..50 {
            let path = format!("/usr/{package}/99");
            let (listed, _, number, place) = paths.find(path.as_bytes()).unwrap();
            assert_eq!((listed, number), (path.as_bytes(), package));
            assert_eq!(paths.at(place), Some(path.as_bytes()));
        }
        assert_eq!(paths.find(b"/usr").unwrap().2, 0);
        for absent in [&b"/usr/50/0"[..], b"/us", b"/usr/", b"", b"\n"] {
            assert_eq!(paths.find(absent), None, "{absent:?}");
        }
    }

    #[test]
    fn an_empty_index_answers() {
        assert_eq!(Paths::default().find(b"/usr"), None);
    }

    #[test]
    fn a_record_follows_its_path() {
        let mut paths = Paths::default();
        paths.begin();
        paths.add(b"/a", b"\x01DIGEST");
        paths.add(b"/b", b"\x00");
        assert!(paths.find(b"/a").unwrap().1.starts_with(b"\x01DIGEST"));
    }
}
