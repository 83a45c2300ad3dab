//! Where rpm keeps its headers: SQLite (Fedora, RHEL 9), ndb (SUSE), Berkeley DB (RHEL 8 and
//! before).
//!
//! Source: rpm's lib/backend/{sqlite,ndb/rpmpkg,bdb}.c; Berkeley DB's dbinc/db_page.h.

use std::path::Path;

use rusqlite::types::ValueRef;
use stanch_machine::limits;
use stanch_words::{Gap, GapKind, Seen, Value};

use super::rpm::Header;
use crate::{Host, sqlite_file};

/// Directories that distributions keep the database in.
const PLACES: &[&str] = &["/usr/lib/sysimage/rpm", "/var/lib/rpm"];

/// Most packages that are read.
const MOST: usize = 100_000;

/// What is done with each header and the file it is from.
type Each<'a> = &'a mut dyn FnMut(&Header<'_>, &Path);

/// Calls `each` for every package's header. Returns whether there was a database that could be
/// read.
pub(crate) fn each(host: &Host, table: &str, seen: &mut Seen, each: Each<'_>) -> bool {
    let mut known = std::collections::BTreeSet::new();
    let mut readable = false;
    for place in PLACES.iter().map(Path::new) {
        let Ok(resolved) = host.machine().resolve(place) else { continue };
        if !known.insert(resolved) {
            continue;
        }
        let kinds: [(&str, Reader); 3] =
            [("rpmdb.sqlite", sqlite), ("Packages.db", ndb), ("Packages", berkeley)];
        for (name, reader) in kinds {
            let path = place.join(name);
            let Some(bytes) = host.read(table, &path, limits::DATABASE, seen) else { continue };
            let (mut damaged, mut whole) = (0_usize, 0_usize);
            let result = reader(bytes, &mut |blob| {
                if let Some(header) = Header::parse(blob) {
                    whole = whole.saturating_add(1);
                    each(&header, &path);
                } else {
                    damaged = damaged.saturating_add(1);
                }
            });
            let mut gap = |kind: GapKind, detail: String| {
                let at = Value::from(path.as_path()).to_string();
                seen.gap(Gap::new(table, kind, detail).at(at));
            };
            // What is left of a damaged database still counts.
            readable |= result.is_ok() || whole > 0;
            if let Err(why) = result {
                gap(GapKind::Damaged, why);
            }
            if damaged > 0 {
                gap(GapKind::Damaged, format!("{damaged} headers were not understood"));
            }
            let log = host.machine().stat(&place.join("rpmdb.sqlite-wal")).map_or(0, |s| s.size);
            if name == "rpmdb.sqlite" && log > 0 {
                let detail = format!(
                    "{log} bytes of its write-ahead log were not read: the newest changes may be missing"
                );
                gap(GapKind::Truncated, detail);
            }
            break;
        }
    }
    readable
}

type Reader = fn(Vec<u8>, &mut dyn FnMut(&[u8])) -> Result<(), String>;

fn sqlite(bytes: Vec<u8>, each: &mut dyn FnMut(&[u8])) -> Result<(), String> {
    sqlite_file::rows(bytes, "Packages", &["blob"], MOST, &mut |cells| {
        if let Some(ValueRef::Blob(blob)) = cells.first() {
            each(blob);
        }
    })
    .map_err(|error| error.to_string())
}

/// ndb: a table of slots, each leading to a blob of 16-byte blocks.
pub(crate) fn ndb(bytes: Vec<u8>, each: &mut dyn FnMut(&[u8])) -> Result<(), String> {
    let number = |at: usize| little(&bytes, at);
    if !bytes.starts_with(b"RpmP") {
        return Err("not an ndb database: its mark is missing".to_owned());
    }
    let pages = number(12).filter(|&pages| pages < 4096).ok_or("too many pages of slots")?;
    let mut strange = 0_usize;
    // Blobs do not overlap: together they are no larger than the file.
    let mut left = bytes.len();
    // The database's own head takes the place of two slots.
    for slot in (32..pages.saturating_mul(4096)).step_by(16).take(MOST) {
        let Some(package) = number(slot.saturating_add(4)) else {
            return Err("it ends within its slots".to_owned());
        };
        if package == 0 {
            continue;
        }
        let blob = number(slot.saturating_add(8)).and_then(|block| {
            let at = block.checked_mul(16)?;
            let marked = bytes.get(at..)?.starts_with(b"BlbS");
            let same = marked && number(at.checked_add(4)?)? == package;
            let from = at.checked_add(16)?;
            let blob = bytes.get(from..from.checked_add(number(at.checked_add(12)?)?)?)?;
            left = left.checked_sub(blob.len())?;
            same.then_some(blob)
        });
        match blob {
            Some(blob) => each(blob),
            None => strange = strange.saturating_add(1),
        }
    }
    if strange > 0 { Err(format!("{strange} slots lead nowhere")) } else { Ok(()) }
}

/// Berkeley DB, access method hash: pages of keys and data; a header lies in a chain of overflow
/// pages.
pub(crate) fn berkeley(bytes: Vec<u8>, each: &mut dyn FnMut(&[u8])) -> Result<(), String> {
    // DB_HASHMAGIC; a database of a machine of the other byte order is not read.
    if little(&bytes, 12) != Some(0x0006_1561) {
        return Err("not a hash database of Berkeley DB".to_owned());
    }
    let size = little(&bytes, 20).filter(|size| (512..=65_536).contains(size));
    let size = size.ok_or("its page size is impossible")?;
    // `last_pgno` of the first page.
    let pages = little(&bytes, 32).unwrap_or(usize::MAX).saturating_add(1);
    let short_of = bytes.len() < pages.saturating_mul(size);
    let mut strange = 0_usize;
    let mut blob = Vec::new();
    // Each page is in one chain: together they are no longer than the file.
    let mut left = bytes.len();
    for page in bytes.chunks_exact(size).skip(1) {
        // P_HASH_UNSORTED and P_HASH.
        if !matches!(page.get(25), Some(2 | 13)) {
            continue;
        }
        // Keys and data take turns: every second item is data.
        for item in (1..short(page, 20).unwrap_or(0)).step_by(2) {
            let place = short(page, 26_usize.saturating_add(item.saturating_mul(2)));
            let item = place.and_then(|place| page.get(place..)).unwrap_or_default();
            // H_OFFPAGE: the only kind large enough for a header. The rest is rpm's counter.
            if item.first() != Some(&3) {
                continue;
            }
            let chain = little(item, 4).zip(little(item, 8));
            let joined = chain.and_then(|(first, length)| {
                left = left.checked_sub(length)?;
                overflow(&bytes, size, first, length, &mut blob)
            });
            match joined {
                Some(()) => each(&blob),
                None => strange = strange.saturating_add(1),
            }
        }
    }
    if short_of {
        return Err(format!("it ends before its {pages} pages do"));
    }
    if strange > 0 { Err(format!("{strange} chains of pages are broken")) } else { Ok(()) }
}

/// Joins a chain of overflow pages.
fn overflow(
    bytes: &[u8],
    size: usize,
    first: usize,
    length: usize,
    blob: &mut Vec<u8>,
) -> Option<()> {
    blob.clear();
    let mut next = first;
    while blob.len() < length {
        let from = next.checked_mul(size)?;
        let page = bytes.get(from..from.checked_add(size)?)?;
        let piece = page.get(26..)?.get(..short(page, 22)?)?;
        // P_OVERFLOW. A piece without bytes could go on for ever.
        if page.get(25) != Some(&7) || piece.is_empty() {
            return None;
        }
        blob.extend_from_slice(piece);
        next = little(page, 16)?;
    }
    (blob.len() == length).then_some(())
}

fn little(bytes: &[u8], at: usize) -> Option<usize> {
    let four: [u8; 4] = bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
    usize::try_from(u32::from_le_bytes(four)).ok()
}

fn short(bytes: &[u8], at: usize) -> Option<usize> {
    let two: [u8; 2] = bytes.get(at..at.checked_add(2)?)?.try_into().ok()?;
    Some(usize::from(u16::from_le_bytes(two)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use stanch_machine::Pretend;

    /// A header that rpm 4.18 wrote for a package of ours.
    const HEADER: &[u8] = include_bytes!("../../fixtures/rpm-header.bin");
    /// The same, and rpm's counter, in a database that Berkeley DB 5.3 wrote.
    const BERKELEY: &[u8] = include_bytes!("../../fixtures/rpm-berkeley.db");

    fn ndb_of(header: &[u8]) -> Vec<u8> {
        let mut bytes = b"RpmP".to_vec();
        for number in [0_u32, 1, 1, 2, 0, 0, 0] {
            bytes.extend(number.to_le_bytes());
        }
        // One slot: its mark, package 1, block 256 (right after the page of slots), and its size.
        bytes.extend(b"Slot");
        for number in [1_u32, 256, header.len().div_ceil(16) as u32 + 2] {
            bytes.extend(number.to_le_bytes());
        }
        while bytes.len() < 4096 {
            bytes.extend(b"Slot\0\0\0\0\0\0\0\0\0\0\0\0");
        }
        bytes.extend(b"BlbS");
        for number in [1_u32, 1, header.len() as u32] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(header);
        bytes
    }

    fn sqlite_of(header: &[u8]) -> Vec<u8> {
        sqlite_file::tests::made(&format!(
            "CREATE TABLE Packages (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL);
             INSERT INTO Packages VALUES (1, X'{}');",
            stanch_words::text::hex(header)
        ))
    }

    fn look(name: &str, bytes: &[u8]) -> (Vec<String>, Seen, bool) {
        let machine = Pretend::new()
            .link("/var/lib/rpm", "../../usr/lib/sysimage/rpm")
            .file(format!("/usr/lib/sysimage/rpm/{name}"), bytes);
        let (mut found, mut seen) = (Vec::new(), Seen::default());
        let host = Host::new(std::sync::Arc::new(machine));
        let readable = each(&host, "t", &mut seen, &mut |header, _| {
            found.push(header.whole_version());
            header.paths(&mut |_, path| found.push(stanch_words::text::from_bytes(path)));
        });
        (found, seen, readable)
    }

    #[test]
    fn a_package_is_found_in_each_kind_of_database() {
        let expected = [
            "4:1.2-3",
            "/etc/probe.conf",
            "/usr/bin/probe",
            "/usr/bin/probe-link",
            "/usr/share/probe",
        ];
        for (name, bytes) in [
            ("rpmdb.sqlite", sqlite_of(HEADER)),
            ("Packages.db", ndb_of(HEADER)),
            ("Packages", BERKELEY.to_vec()),
        ] {
            let (found, seen, readable) = look(name, &bytes);
            assert_eq!(found, expected, "{name}");
            assert_eq!((seen.gaps, readable), (Vec::new(), true), "{name}");
        }
    }

    #[test]
    fn a_database_cut_anywhere_is_a_gap_or_whole() {
        for (name, bytes, step) in [
            ("Packages.db", ndb_of(HEADER), 7),
            ("Packages", BERKELEY.to_vec(), 7),
            ("rpmdb.sqlite", sqlite_of(HEADER), 997),
        ] {
            for end in (0..bytes.len()).step_by(step) {
                let (found, seen, _) = look(name, &bytes[..end]);
                assert!(!seen.gaps.is_empty() || found.len() == 5, "{name} cut at {end}");
            }
        }
    }

    #[test]
    fn flipped_bytes_neither_crash_nor_hang() {
        let mut whole = 0;
        for (name, bytes) in [("Packages.db", ndb_of(HEADER)), ("Packages", BERKELEY.to_vec())] {
            for at in (0..bytes.len()).step_by(3) {
                let mut bytes = bytes.clone();
                bytes[at] ^= 0xff;
                whole += usize::from(look(name, &bytes).0.len() == 5);
            }
        }
        assert!(whole > 1000);
    }

    #[test]
    fn a_chain_that_runs_in_a_circle_ends_with_the_file() {
        const SIZE: usize = 512;
        let mut bytes = vec![0_u8; SIZE * 3];
        let mut put = |at: usize, field: &[u8]| bytes[at..at + field.len()].copy_from_slice(field);
        put(12, &0x0006_1561_u32.to_le_bytes());
        put(20, &(SIZE as u32).to_le_bytes());
        put(32, &2_u32.to_le_bytes());
        // A hash page with one pair, whose data says: 4 GiB in the chain that begins at page 2.
        put(SIZE + 20, &2_u16.to_le_bytes());
        put(SIZE + 25, &[13]);
        put(SIZE + 28, &100_u16.to_le_bytes());
        put(SIZE + 100, &[3, 0, 0, 0, 2, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]);
        // An overflow page of 400 bytes that goes on with itself.
        put(SIZE * 2 + 16, &2_u32.to_le_bytes());
        put(SIZE * 2 + 22, &400_u16.to_le_bytes());
        put(SIZE * 2 + 25, &[7]);
        let result = berkeley(bytes, &mut |_| panic!("no header is there"));
        assert_eq!(result, Err("1 chains of pages are broken".to_owned()));
    }

    #[test]
    fn an_unread_write_ahead_log_is_a_gap() {
        let machine = Pretend::new()
            .file("/var/lib/rpm/rpmdb.sqlite", sqlite_of(HEADER))
            .file("/var/lib/rpm/rpmdb.sqlite-wal", "log");
        let mut seen = Seen::default();
        let mut count = 0;
        let host = Host::new(std::sync::Arc::new(machine));
        assert!(each(&host, "t", &mut seen, &mut |_, _| count += 1));
        assert_eq!((count, seen.gaps.len()), (1, 1));
    }
}
