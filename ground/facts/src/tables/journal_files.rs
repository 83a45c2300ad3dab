//! Journal files as files: what each says it holds, what it holds, and what is missing between.
//!
//! Source: systemd, "Journal File Format"; journald.conf(5) and journalctl(1) (vacuuming removes
//! whole archived files, the oldest first); `journal-file.c` for the names of archived files.
//!
//! One daemon counts its entries in one numbering, over the system's file and those of the users,
//! so that a number that no file of a directory has was removed or never written. The header's
//! `seqnum_id` names that numbering; but up to systemd 253 (seen with 252 of Debian 12) the first
//! file of a user is opened without the system's as its model, names a numbering of its own and
//! still counts on in the daemon's.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use stanch_machine::FileKind;
use stanch_words::{Ask, GapKind, Row, Seen, table_spec};

use crate::Host;
use crate::logs::journal::{self, Depth, State, Summary, id_text};
use crate::reach::Reach;

table_spec! {
    /// Journal files.
    pub static SPEC, col = "journal_files": Files, "Every file of the systemd journal, with what it says of itself and what is there.";
    path Text Plain "File.";
    directory Text Plain "The directory: files in it with one numbering belong together.";
    stream Text Plain "system, or user-UID: journald keeps a series of files for each.";
    state Text Plain "offline (closed), archived (rotated away), online (being written, or its writer died) or unknown.";
    unclean Integer Plain "1 if journald set it aside as damaged or not closed (its name ends in ~).";
    size BigInt Plain "Size in bytes.";
    machine_id Text Plain "The machine that wrote it.";
    seqnum_id Text Plain "The numbering of its entries.";
    boots BigInt Plain "Boots that its entries belong to.";
    header_entries BigInt Plain "Entries as its header counts them.";
    entries BigInt Plain "Entries found.";
    head_seqnum BigInt Plain "The smallest sequence number found.";
    tail_seqnum BigInt Plain "The largest sequence number found.";
    head_time BigInt Plain "The earliest time found, in seconds since 1970 UTC.";
    tail_time BigInt Plain "The latest time found, in seconds since 1970 UTC.";
    missing BigInt Plain "Sequence numbers between its first and last that no file of the directory has; null if they are too many to follow.";
    missing_most BigInt Plain "The longest run of such numbers.";
    missing_before BigInt Plain "Such numbers between the file before it in its stream and this one; null for the first.";
    missing_ranges Text Plain "The first ten of both, as `first-last`.";
    before_unclean Integer Plain "1 if the file before it in its stream was not closed: its last entries may never have reached the disk.";
    vacuumed BigInt Plain "For the first file of a stream: sequence numbers before it, which journald's limits removed (or somebody).";
    backwards BigInt Plain "Entries whose sequence number is not larger than the one before.";
    time_backwards BigInt Plain "Entries whose time steps back within one boot.";
    unlinked BigInt Plain "Entries that are in the file but that its arrays do not name, so that no reader shows them; those at the end of an open file are not counted.";
    altered BigInt Plain "Fields whose hash is not that of their value.";
    damaged BigInt Plain "Places that make no sense, and bytes that are missing at the end count as one.";
    name_agrees Integer Plain "1 if numbering, first number and first time in an archived file's name are those in its header; null if its name has none.";
    header_agrees Integer Plain "1 if the first and last sequence numbers in its header are those found; null while it is being written.";
    keyed Integer Plain "1 if hashes are keyed (systemd 246 and later).";
    compact Integer Plain "1 if offsets have 32 bits (systemd 252 and later).";
    sealed Integer Plain "1 if it carries seals (Forward Secure Sealing).";
    compression Text Plain "The compressions that its header names.";
}

/// Where journals are kept (systemd-journald.service(8)), and how many files are read.
const FOLDERS: [&str; 2] = ["/var/log/journal", "/run/log/journal"];
const FILES: usize = 2000;

/// One file.
struct File {
    path: PathBuf,
    name: String,
    stream: String,
    directory: String,
    is_unclean: bool,
    summary: Summary,
}

/// Reads every journal file once.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    let mut reach = Reach::new(host, SPEC.name);
    let mut files = Vec::new();
    for folder in FOLDERS.map(Path::new) {
        let mut folders = vec![folder.to_owned()];
        let below = reach.list(folder, seen).into_iter();
        folders
            .extend(below.filter(|e| e.kind == FileKind::Directory).map(|e| folder.join(e.name)));
        for folder in folders {
            one_folder(&mut reach, &folder, &mut files, seen);
        }
    }
    reach.finish(seen);
    for row in rows(&files) {
        seen.push(row);
    }
}

fn one_folder(reach: &mut Reach<'_>, folder: &Path, files: &mut Vec<File>, seen: &mut Seen) {
    for entry in reach.list(folder, seen) {
        let name = stanch_words::text::from_bytes(entry.name.as_encoded_bytes());
        let plain = name.strip_suffix('~').unwrap_or(&name);
        if entry.kind != FileKind::Regular || !plain.ends_with(".journal") {
            continue;
        }
        let path = folder.join(&entry.name);
        if files.len() >= FILES {
            let detail = format!("more than {FILES} journal files; the rest was left out");
            return reach.gap(GapKind::Truncated, detail, folder, seen);
        }
        match journal::read(reach.host.machine(), &path, Depth::Hashes, &mut |_| {}) {
            Ok(summary) => {
                for gap in summary.gaps(SPEC.name, &path) {
                    seen.gap(gap);
                }
                files.push(File::new(path, name, folder, summary));
            }
            Err(miss) => reach.note(&miss, seen),
        }
    }
}

impl File {
    fn new(path: PathBuf, name: String, folder: &Path, summary: Summary) -> Self {
        let stream = name.split(['@', '.']).next().unwrap_or_default().to_owned();
        let directory = stanch_words::Value::from(folder).to_string();
        Self { path, is_unclean: name.ends_with('~'), name, stream, directory, summary }
    }

    /// Returns whether its writer ended properly, so that all of it should be there.
    fn is_closed(&self) -> bool {
        !self.is_unclean && matches!(self.summary.header.state, State::Offline | State::Archived)
    }

    fn numbers(&self) -> Option<(u64, u64)> {
        let ranges = &self.summary.ranges;
        let first = ranges.iter().map(|(first, _)| *first).min()?;
        Some((first, ranges.iter().map(|(_, last)| *last).max()?))
    }

    /// Returns whether `system@ID-SEQNUM-TIME.journal` tells what the header tells.
    fn name_agrees(&self) -> Option<bool> {
        let (_, told) = self.name.strip_suffix(".journal")?.split_once('@')?;
        let header = &self.summary.header;
        let id = id_text(&header.seqnum_id);
        Some(told == format!("{id}-{:016x}-{:016x}", header.head_seqnum, header.head_realtime))
    }

    fn header_agrees(&self) -> Option<bool> {
        let header = &self.summary.header;
        let (first, last) = self.is_closed().then(|| self.numbers()).flatten()?;
        Some((first, last) == (header.head_seqnum, header.tail_seqnum))
    }

    fn describe(&self) -> Row {
        let (summary, header) = (&self.summary, &self.summary.header);
        let seconds = |micros: u64| micros / 1_000_000;
        let numbers = self.numbers();
        let damaged = summary.damaged.saturating_add(u64::from(summary.missing_bytes > 0));
        let tail = if self.is_closed() { summary.unlinked_tail } else { 0 };
        let mut row = SPEC.row();
        row.put(col::path, self.path.as_path())
            .put(col::directory, self.directory.as_str())
            .put(col::stream, self.stream.as_str())
            .put(col::state, header.state.name())
            .put(col::unclean, self.is_unclean)
            .put(col::size, summary.size)
            .put(col::machine_id, id_text(&header.machine_id))
            .put(col::seqnum_id, id_text(&header.seqnum_id))
            .put(col::boots, summary.boots.len() as u64)
            .put(col::header_entries, header.entries)
            .put(col::entries, summary.entries)
            .put(col::head_seqnum, numbers.map(|(first, _)| first))
            .put(col::tail_seqnum, numbers.map(|(_, last)| last))
            .put(col::head_time, summary.times.map(|(first, _)| seconds(first)))
            .put(col::tail_time, summary.times.map(|(_, last)| seconds(last)))
            .put(col::backwards, summary.backwards)
            .put(col::time_backwards, summary.time_backwards)
            .put(col::unlinked, summary.unlinked.saturating_add(tail))
            .put(col::altered, summary.altered)
            .put(col::damaged, damaged)
            .put(col::name_agrees, self.name_agrees())
            .put(col::header_agrees, self.header_agrees())
            .put(col::keyed, header.is_keyed())
            .put(col::compact, header.is_compact())
            .put(col::sealed, header.is_sealed())
            .put(col::compression, header.compression());
        row
    }
}

/// Describes files, and compares those that share a directory and a numbering.
fn rows(files: &[File]) -> Vec<Row> {
    let mut made: Vec<Row> = files.iter().map(File::describe).collect();
    let mut groups: BTreeMap<(&str, [u8; 16]), Vec<usize>> = BTreeMap::new();
    for (at, file) in files.iter().enumerate() {
        groups.entry((&file.directory, numbering(file, files))).or_default().push(at);
    }
    for mut group in groups.into_values() {
        let of = |at: &usize| files.get(*at);
        group.sort_by_key(|at| of(at).and_then(File::numbers));
        if !group.iter().filter_map(of).all(|file| file.summary.ranges_whole) {
            continue;
        }
        let holes = holes(group.iter().filter_map(of).flat_map(|file| &file.summary.ranges));
        let mut before: BTreeMap<&str, &File> = BTreeMap::new();
        for at in group {
            let (Some(file), Some(row)) = (files.get(at), made.get_mut(at)) else { continue };
            let earlier = before.insert(&file.stream, file);
            compare(file, earlier, &holes, row);
        }
    }
    made
}

/// Returns the numbering that a file's entries are counted in: a user's that no file of the system
/// names is that of the system's file which was written at the same time.
fn numbering(file: &File, files: &[File]) -> [u8; 16] {
    let own = file.summary.header.seqnum_id;
    if file.stream == "system" {
        return own;
    }
    let beside =
        || files.iter().filter(|one| one.stream == "system" && one.directory == file.directory);
    if beside().any(|one| one.summary.header.seqnum_id == own) {
        return own;
    }
    let is_of_its_time = |one: &&File| match (one.summary.times, file.summary.times) {
        (Some((first, last)), Some((begin, end))) => first <= end && begin <= last,
        _ => false,
    };
    beside().find(is_of_its_time).map_or(own, |one| one.summary.header.seqnum_id)
}

/// Returns the numbers that no range has, between the first and the last.
fn holes<'r>(ranges: impl Iterator<Item = &'r (u64, u64)>) -> Vec<(u64, u64)> {
    let mut ranges: Vec<(u64, u64)> = ranges.copied().collect();
    ranges.sort_unstable();
    let mut holes = Vec::new();
    let mut end = ranges.first().map_or(0, |(first, _)| *first);
    for (first, last) in ranges {
        let next = end.saturating_add(1);
        if first > next {
            holes.push((next, first.saturating_sub(1)));
        }
        end = end.max(last);
    }
    holes
}

fn compare(file: &File, earlier: Option<&File>, holes: &[(u64, u64)], row: &mut Row) {
    let Some((first, last)) = file.numbers() else { return };
    // Holes are in order and do not overlap.
    let within = |from: u64, to: u64| {
        let skipped = holes.partition_point(move |(_, end)| *end < from);
        let rest = holes.get(skipped..).unwrap_or_default().iter();
        rest.take_while(move |(start, _)| *start <= to)
            .map(move |(start, end)| ((*start).max(from), (*end).min(to)))
    };
    let length = |(start, end): (u64, u64)| end.saturating_sub(start).saturating_add(1);
    let total = |from: u64, to: u64| {
        within(from, to).map(length).fold(0_u64, |sum, length| sum.saturating_add(length))
    };
    let mut from = first;
    if let Some(earlier) = earlier
        && let Some((_, end)) = earlier.numbers()
    {
        from = end.saturating_add(1).min(first);
        row.put(col::missing_before, total(from, first))
            .put(col::before_unclean, !earlier.is_closed());
    } else {
        row.put(col::vacuumed, first.saturating_sub(1));
    }
    let named = within(from, last).take(10).map(|(start, end)| format!("{start}-{end}"));
    row.put(col::missing, total(first, last))
        .put(col::missing_most, within(first, last).map(length).max().unwrap_or(0))
        .put(col::missing_ranges, named.collect::<Vec<_>>().join(" "));
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use stanch_machine::Pretend;

    use super::*;
    use crate::logs::journal::write::{SEQNUM_ID, Writer};

    /// A file of entries with the numbers given, each a second after 2023-11-14.
    fn file(numbers: impl IntoIterator<Item = u64>) -> Vec<u8> {
        let mut writer = Writer::new(4);
        for number in numbers {
            writer.seqnum = number - 1;
            writer.entry(time(number), &[format!("MESSAGE=n {number}").as_bytes(), b"_PID=1"]);
        }
        writer.finish()
    }

    fn time(number: u64) -> u64 {
        1_700_000_000_000_000 + number * 1_000_000
    }

    fn archived(first: u64) -> String {
        let id = id_text(&SEQNUM_ID);
        format!("/var/log/journal/m/system@{id}-{first:016x}-{:016x}.journal", time(first))
    }

    fn read_all(machine: Pretend, columns: &[usize]) -> (Vec<String>, Seen) {
        let mut seen = Seen::default();
        read(&Host::new(Arc::new(machine)), &Ask::all(), &mut seen);
        let line = |row: &Row| {
            columns.iter().map(|c| row.get(*c).to_string()).collect::<Vec<_>>().join(" ")
        };
        (seen.rows.iter().map(line).collect(), seen)
    }

    #[test]
    fn a_whole_journal_of_system_and_user_misses_nothing() {
        let machine = Pretend::new()
            .file(archived(101), file((101..200).filter(|n| n % 10 != 0)))
            .file("/var/log/journal/m/system.journal", file((201..=300).filter(|n| n % 10 != 0)))
            .file("/var/log/journal/m/user-1000.journal", file((11..=30).map(|n| n * 10)));
        let columns = [col::stream, col::head_seqnum, col::missing, col::missing_before];
        let columns =
            [&columns[..], &[col::vacuumed, col::name_agrees, col::header_agrees]].concat();
        let (found, seen) = read_all(machine, &columns);
        assert_eq!(
            found,
            [
                "system 201 0 0  1".replace("0  1", "0   1"),
                "system 101 0  100 1 1".to_owned(),
                "user-1000 110 0  109  1".to_owned()
            ]
        );
        assert_eq!(seen.gaps, []);
    }

    /// As systemd 252 of Debian 12 makes a user's first file.
    #[test]
    fn a_users_file_with_a_numbering_of_its_own_counts_in_the_systems() {
        let mut users = file([23, 24, 25, 31]);
        users[72..88].copy_from_slice(b"a user's own id.");
        let system = (1..=40).filter(|n| !matches!(n, 23..=25 | 31 | 35));
        let machine = Pretend::new()
            .file("/var/log/journal/m/system.journal", file(system))
            .file("/var/log/journal/m/user-1000.journal", users.clone())
            .file("/var/log/journal/elsewhere/user-1000.journal", users);
        let columns = [col::directory, col::stream, col::missing, col::missing_ranges];
        let (mut found, _) = read_all(machine, &columns);
        found.sort();
        assert_eq!(
            found,
            [
                "/var/log/journal/elsewhere user-1000 5 26-30",
                "/var/log/journal/m system 1 35-35",
                "/var/log/journal/m user-1000 0 ",
            ]
        );
    }

    #[test]
    fn a_file_taken_out_of_the_middle_and_entries_taken_out_of_a_file() {
        let machine = Pretend::new()
            .file(archived(1), file(1..=100))
            .file(archived(201), file((201..=300).filter(|n| !(250..260).contains(n))))
            .file("/var/log/journal/m/system.journal", file(301..=310));
        let columns = [
            col::head_seqnum,
            col::missing,
            col::missing_most,
            col::missing_before,
            col::missing_ranges,
        ];
        let (found, _) = read_all(machine, &columns);
        assert_eq!(found, ["301 0 0 0 ", "1 0 0  ", "201 10 10 100 101-200 250-259"]);
    }

    #[test]
    fn a_file_renamed_edited_cut_or_not_closed() {
        let mut edited = file(1..=50);
        let at = memchr::memmem::find(&edited, b"n 33").unwrap();
        edited[at] = b'N';
        let mut cut = file(60..=99);
        cut.truncate(cut.len() - 6000);
        let machine = Pretend::new()
            .file(archived(7), edited)
            .file("/var/log/journal/m/system@0005-ab.journal~", cut)
            .file("/var/log/journal/m/fss", "no journal")
            .file("/var/log/journal/m/system.journal", "no journal either");
        let (found, seen) = read_all(machine, &[col::altered, col::name_agrees, col::unclean]);
        assert_eq!(found, ["0  1", "1 0 0"]);
        let damaged = |row: &Row| row.get(col::damaged).to_string() != "0";
        assert_eq!(seen.rows.iter().map(damaged).collect::<Vec<_>>(), [true, false]);
        let kinds: Vec<_> = seen.gaps.iter().map(|gap| gap.kind).collect();
        assert_eq!(kinds, [GapKind::Damaged, GapKind::Damaged]);
    }
}
