//! Directories beside what their file system says of them: its count of links, and its blocks.

use std::collections::{BTreeSet, HashMap};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use stanch_machine::{FileKind, Listing, Miss, Stat, limits};
use stanch_words::{Gap, GapKind, Seen};

use super::doubt::{Doubt, How};
use super::ext4::Ext4;
use crate::Host;

/// File systems by the kernel's magic numbers (linux/magic.h).
const EXT4: i64 = 0xef53;
const XFS: i64 = 0x5846_5342;
const TMPFS: i64 = 0x0102_1994;

/// Most directories that are asked about again.
const MOST: usize = 200;

/// The other views of the directories of a running machine.
pub(crate) struct Views<'a> {
    host: &'a Host,
    systems: HashMap<u64, System<'a>>,
    doubts: Vec<Doubt>,
    /// How many directories were asked about by no view but their listing.
    unasked: u64,
    seen: Seen,
}

/// What can be asked of one file system.
struct System<'a> {
    /// Whether each directory's links count its directories.
    counts: bool,
    device: Option<Ext4<'a>>,
}

impl<'a> Views<'a> {
    pub(crate) fn new(host: &'a Host) -> Self {
        Self {
            host,
            systems: HashMap::new(),
            doubts: Vec::new(),
            unasked: 0,
            seen: Seen::default(),
        }
    }

    /// Compares one directory's listing with the other views.
    pub(crate) fn compare(&mut self, path: &Path, stat: &Stat, listing: &Listing) {
        if let Some(what) = &listing.tampered {
            self.doubt(path, How::Answer, what.clone());
        }
        if self.host.machine().kernel().is_none() || listing.truncated {
            return;
        }
        let host = self.host;
        let system = self
            .systems
            .entry(stat.device)
            .or_insert_with(|| open(host, path, stat, &mut self.seen));
        let mut found: Vec<(How, String)> = Vec::new();
        if system.counts {
            found.extend(uncounted(stat, listing).map(|what| (How::Links, what)));
        }
        let names = system.device.as_mut().map(|device| device.names(stat.inode));
        match names {
            Some(Ok(names)) => {
                let more = unlisted(&names, listing);
                found.extend(more.map(|what| (How::Blocks, what)));
            }
            Some(Err(_)) => self.unasked = self.unasked.saturating_add(1),
            None => {}
        }
        for (how, what) in found {
            self.doubt(path, how, what);
        }
    }

    fn doubt(&mut self, path: &Path, how: How, what: String) {
        if self.doubts.len() < MOST {
            self.doubts.push(Doubt { path: path.to_owned(), how, what });
        }
    }

    /// Returns what has to be asked again.
    pub(crate) fn done(self, seen: &mut Seen) -> Vec<Doubt> {
        seen.gaps.extend(self.seen.gaps);
        if self.unasked > 0 {
            let detail = format!("the blocks of {} directories were not understood", self.unasked);
            seen.gap(Gap::new("", GapKind::NotHere, detail));
        }
        self.doubts
    }
}

/// Looks which questions a file system answers.
fn open<'a>(host: &'a Host, path: &Path, stat: &Stat, seen: &mut Seen) -> System<'a> {
    let nothing = System { counts: false, device: None };
    let Some(kernel) = host.machine().kernel() else { return nothing };
    let magic = match kernel.file_system(path) {
        Ok(system) => system.magic,
        Err(miss) => {
            crate::host::note("", &miss, seen);
            return nothing;
        }
    };
    match magic {
        EXT4 => {
            let device = device(host, stat.device);
            if let Err(miss) = &device {
                let detail = format!("the device below could not be read: {}", miss.detail);
                // A kernel that locks its devices, or a container, refuses it always.
                seen.gap(Gap::new("", GapKind::Refused, detail).at(miss.path.clone()));
            }
            System { counts: true, device: device.ok() }
        }
        TMPFS => System { counts: true, device: None },
        XFS => {
            let detail = "the blocks of xfs are not read; its counts of links were compared";
            seen.gap(Gap::new("", GapKind::NotHere, detail).at(text(path)));
            System { counts: true, device: None }
        }
        _ => {
            let detail = "this file system has no second view of its directories that is known";
            seen.gap(Gap::new("", GapKind::NotHere, detail).at(text(path)));
            nothing
        }
    }
}

fn text(path: &Path) -> String {
    stanch_words::text::from_bytes(path.as_os_str().as_bytes())
}

/// Opens the block device that a file system lies on, by its number.
fn device<'a>(host: &'a Host, number: u64) -> Result<Ext4<'a>, Miss> {
    let (major, minor) = (number >> 32, number & 0xffff_ffff);
    let told = PathBuf::from(format!("/sys/dev/block/{major}:{minor}/uevent"));
    let told = host.machine().read(&told, limits::PSEUDO_FILE)?;
    let name = told.bytes.split(|&byte| byte == b'\n');
    let name = name.filter_map(|line| line.strip_prefix(b"DEVNAME=")).next().unwrap_or_default();
    let path = Path::new("/dev").join(std::ffi::OsStr::from_bytes(name));
    let file = host.machine().open_device(&path)?;
    let miss = |why: &str| Miss::new(GapKind::Damaged, why, &path);
    if file.stat()?.special_device != number {
        return Err(miss("the device node has another number than the file system"));
    }
    Ext4::open(file).map_err(miss)
}

/// Tells of directories that a directory's links count and its listing does not show.
fn uncounted(stat: &Stat, listing: &Listing) -> Option<String> {
    // Unknown: a file system that does not tell kinds in its listing.
    if listing.entries.iter().any(|entry| entry.kind == FileKind::Unknown) {
        return None;
    }
    let is_directory = |entry: &&stanch_machine::Entry| entry.kind == FileKind::Directory;
    let listed = listing.entries.iter().filter(is_directory).count() as u64;
    // One link from above, one from itself, one from each directory below. One alone means "too
    // many to count" (ext4) or "not counted".
    let counted = stat.links.checked_sub(2).filter(|_| stat.links > 2)?;
    (counted > listed)
        .then(|| format!("{counted} directories are counted below it and {listed} listed"))
}

/// Tells of names that lie in a directory's blocks and not in its listing.
fn unlisted(names: &[Vec<u8>], listing: &Listing) -> Option<String> {
    let listed: BTreeSet<&[u8]> =
        listing.entries.iter().map(|entry| entry.name.as_bytes()).collect();
    let more: Vec<String> = names
        .iter()
        .filter(|name| !listed.contains(name.as_slice()))
        .take(8)
        .map(|name| stanch_words::text::from_bytes(name))
        .collect();
    (!more.is_empty()).then(|| format!("`{}`", more.join("`, `")))
}

/// Asks again about one directory; returns what is still so.
pub(super) fn again(host: &Host, doubt: &Doubt) -> Option<String> {
    let machine = host.machine();
    let stat = machine.stat(&doubt.path).ok()?;
    let listing = machine.list(&doubt.path).ok()?;
    match doubt.how {
        How::Answer => listing.tampered,
        How::Links => uncounted(&stat, &listing),
        How::Blocks => {
            let names = device(host, stat.device).ok()?.names(stat.inode).ok()?;
            unlisted(&names, &listing)
        }
        How::Name | How::Content => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stanch_machine::Entry;

    fn listing(entries: &[(&str, FileKind)]) -> Listing {
        let entry =
            |(name, kind): &(&str, FileKind)| Entry { name: (*name).into(), kind: *kind, inode: 1 };
        Listing { entries: entries.iter().map(entry).collect(), ..Listing::default() }
    }

    #[test]
    fn a_directory_that_is_counted_and_not_listed_is_told() {
        let of = |links, kind| {
            let stat = Stat { links, ..Stat::default() };
            uncounted(&stat, &listing(&[("a", FileKind::Directory), ("b", kind)]))
        };
        assert_eq!(of(3, FileKind::Regular), None);
        assert_eq!(of(4, FileKind::Directory), None);
        assert_eq!(
            of(4, FileKind::Regular).as_deref(),
            Some("2 directories are counted below it and 1 listed")
        );
        // Not counted, too many to count, and a kind that is not told.
        assert_eq!((of(1, FileKind::Regular), of(0, FileKind::Regular)), (None, None));
        assert_eq!(of(9, FileKind::Unknown), None);
    }

    #[test]
    fn names_of_the_blocks_that_are_not_listed_are_told() {
        let listed = listing(&[("a", FileKind::Regular), ("b", FileKind::Regular)]);
        let names = |all: &[&str]| all.iter().map(|n| n.as_bytes().to_vec()).collect::<Vec<_>>();
        assert_eq!(unlisted(&names(&["b", "a"]), &listed), None);
        assert_eq!(unlisted(&names(&["a"]), &listed), None);
        assert_eq!(unlisted(&names(&["a", "\u{7f}x"]), &listed).as_deref(), Some("`\u{7f}x`"));
    }
}
