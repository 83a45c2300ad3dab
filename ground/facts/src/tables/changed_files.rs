//! Files of the usual places that changed while no package was being installed.
//!
//! The time of an inode's change cannot be set by its owner, so it tells what an intruder touched
//! even where the time of the content was set back. Source: inode(7), statx(2).

use std::path::PathBuf;

use stanch_machine::FileKind;
use stanch_words::{Ask, ColumnSet, Gap, GapKind, Seen, table_spec};

use super::package_changes;
use crate::Host;
use crate::walk::{Describe, Walk};

table_spec! {
    /// Files that changed.
    pub static SPEC, col = "changed_files": Files, "Regular files in places where programs, settings and web pages lie, whose inode changed while no package was being installed, removed or upgraded.";
    path Text Plain "Path.";
    ctime BigInt Plain "Last change of the inode, seconds since 1970.";
    mtime BigInt Plain "Last change of content, seconds since 1970.";
    btime BigInt Plain "Birth, seconds since 1970; null where the file system does not keep it.";
    size BigInt Plain "Size in bytes.";
    uid BigInt Plain "Owner.";
    mode Text Plain "Permission bits, octal.";
}

/// Where is looked, and how deep.
const PLACES: [(&str, usize); 20] = [
    ("/bin", 1),
    ("/sbin", 1),
    ("/usr/bin", 1),
    ("/usr/sbin", 1),
    ("/usr/local/bin", 1),
    ("/usr/local/sbin", 1),
    ("/usr/local/lib", 1),
    ("/usr/lib", 1),
    ("/usr/lib64", 1),
    ("/usr/lib/systemd", 3),
    ("/usr/lib/x86_64-linux-gnu", 1),
    ("/usr/lib/x86_64-linux-gnu/security", 1),
    ("/etc", 3),
    ("/var/spool/cron", 2),
    ("/root", 2),
    ("/var/www", 3),
    ("/opt", 2),
    ("/tmp", 2),
    ("/var/tmp", 2),
    ("/dev/shm", 2),
];

/// Most entries that are looked at in one place, and most files that are listed.
const ENTRIES: usize = 20_000;
const MOST: usize = 50_000;

/// Seconds before and after a line of the package manager that belong to what it did: unpacking
/// before it, triggers after it.
const AROUND: i64 = 300;

const SECOND: i64 = 1_000_000_000;

/// Walks the places.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    let spans = package_spans(host, SPEC.name, seen);
    let in_span = |time: i64| {
        let at = spans.partition_point(|(_, end)| *end < time);
        spans.get(at).is_some_and(|(start, _)| *start <= time)
    };
    let mut left_out = 0_u64;
    let mut walked: Vec<PathBuf> = Vec::new();
    for (place, depth) in PLACES {
        let describe = Describe::Files;
        let walk = Walk { table: SPEC.name, depth, most: ENTRIES, describe, except: &[] };
        // A directory that is a link (`/bin`) leads to one that is walked by its own name.
        let Ok(root) = host.machine().resolve(place.as_ref()) else { continue };
        if walked.contains(&root) {
            continue;
        }
        walked.push(root.clone());
        walk.entries(host, &[root], seen, &mut |met, seen| {
            let Some(stat) = met.stat.filter(|stat| stat.kind() == FileKind::Regular) else {
                return;
            };
            let changed = stat.changed.div_euclid(SECOND);
            if in_span(changed) {
                return;
            }
            if seen.rows.len() >= MOST {
                left_out = left_out.saturating_add(1);
                return;
            }
            let mut row = SPEC.row();
            row.put(col::path, met.path().as_path())
                .put(col::ctime, changed)
                .put(col::mtime, stat.modified.div_euclid(SECOND))
                .put(col::btime, stat.born.map(|born| born.div_euclid(SECOND)))
                .put(col::size, stat.size)
                .put(col::uid, stat.uid)
                .put(col::mode, format!("{:04o}", stat.mode & 0o7777));
            seen.push(row);
        });
    }
    if left_out > 0 {
        let detail = format!("{left_out} more files are not listed");
        seen.gap(Gap::new(SPEC.name, GapKind::Truncated, detail));
    }
}

/// Returns from when to when (seconds since 1970) packages were being changed, by time, apart from each other.
pub(crate) fn package_spans(host: &Host, table: &str, seen: &mut Seen) -> Vec<(i64, i64)> {
    let mut changes = Seen::default();
    let columns = ColumnSet::NONE.with(package_changes::col::time);
    package_changes::read(host, &Ask { columns, constraints: Vec::new() }, &mut changes);
    let gaps = changes.gaps.into_iter();
    seen.gaps.extend(gaps.map(|gap| Gap { what: table.to_owned(), ..gap }));
    let time = |row: &stanch_words::Row| row.get(package_changes::col::time).as_integer();
    let mut times: Vec<i64> = changes.rows.iter().filter_map(time).collect();
    times.sort_unstable();
    let mut spans: Vec<(i64, i64)> = Vec::new();
    for time in times {
        let (start, end) = (time.saturating_sub(AROUND), time.saturating_add(AROUND));
        match spans.last_mut() {
            Some(last) if start <= last.1 => last.1 = end,
            _ => spans.push((start, end)),
        }
    }
    spans
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use stanch_machine::Pretend;

    use super::*;

    #[test]
    fn what_a_package_wrote_is_left_out_and_what_another_wrote_is_not() {
        let machine = Pretend::new()
            .file("/etc/localtime", "")
            .file("/var/log/dpkg.log", "2026-11-02 08:00:00 install x:amd64 <none> 1\n")
            .file("/usr/bin/shipped", "")
            .file("/etc/cron.d/job", "")
            .file("/etc/a/b/c/too-deep", "")
            .file("/srv/elsewhere", "");
        let machine = machine
            .link("/bin", "usr/bin")
            .with("/usr/bin/shipped", |stat| stat.changed = 1_793_606_430 * SECOND)
            .with("/etc/cron.d/job", |stat| stat.changed = 1_793_620_000 * SECOND);
        let host = Host::new(Arc::new(machine));
        let mut seen = Seen::default();
        read(&host, &Ask::all(), &mut seen);
        let shown: Vec<_> = seen.rows.iter().map(|row| row.get(col::path).to_string()).collect();
        assert_eq!(shown, ["/etc/localtime", "/etc/cron.d/job"]);
    }
}
