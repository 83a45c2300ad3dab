//! Logs as files: one that was emptied, linked away, made immutable or given to a stranger.
//!
//! Source: inode(7), ioctl_iflags(2) (`FS_IMMUTABLE_FL` 0x10, `FS_APPEND_FL` 0x20).

use std::path::{Path, PathBuf};

use stanch_machine::{FileKind, Stat};
use stanch_words::{Ask, GapKind, Seen, table_spec};

use crate::Host;
use crate::reach::Reach;

table_spec! {
    /// Log files.
    pub static SPEC, col = "log_files": Files, "Every file below /var/log, three directories deep, and the login records kept elsewhere.";
    path Text Plain "File.";
    size BigInt Plain "Size in bytes.";
    mtime BigInt Plain "Last change of the content, in seconds since 1970.";
    ctime BigInt Plain "Last change of the inode, in seconds since 1970.";
    mode Text Plain "Permission bits, in octal.";
    uid BigInt Plain "Owner.";
    gid BigInt Plain "Group.";
    r#type Text Plain "regular, symlink, socket, fifo, character or block.";
    immutable Integer Plain "1 if not even root may write (chattr +i); null if the file system does not say.";
    append_only Integer Plain "1 if it may only grow (chattr +a); null if the file system does not say.";
    symlink_target Text Plain "Where it points, if it is a link.";
    links BigInt Plain "Hard links.";
    btime BigInt Plain "Birth, in seconds since 1970, where the file system keeps it.";
}

/// How deep and how many.
const DEPTH: usize = 3;
const FILES: usize = 5000;

const ELSEWHERE: [&str; 4] = [
    "/run/utmp",
    "/var/lib/wtmpdb/wtmp.db",
    "/var/lib/lastlog/lastlog2.db",
    "/var/lib/logrotate/status",
];

/// Walks /var/log.
pub(super) fn read(host: &Host, ask: &Ask, seen: &mut Seen) {
    let mut reach = Reach::new(host, SPEC.name);
    let root = Path::new("/var/log");
    let mut folders: Vec<(PathBuf, usize)> = vec![(root.to_owned(), 0)];
    // /var/log may itself be a link; then what it points to is walked all the same.
    if host.machine().lstat(root).is_ok_and(|stat| stat.kind() == FileKind::Symlink) {
        file(&mut reach, ask, root, seen);
    }
    while let Some((folder, depth)) = folders.pop() {
        let mut below = Vec::new();
        for entry in reach.list(&folder, seen) {
            if seen.rows.len() >= FILES {
                let detail = format!("more than {FILES} files; the rest was left out");
                reach.gap(GapKind::Truncated, detail, &folder, seen);
                return reach.finish(seen);
            }
            let path = folder.join(&entry.name);
            if entry.kind != FileKind::Directory {
                file(&mut reach, ask, &path, seen);
            } else if depth.saturating_add(1) < DEPTH {
                below.push((path, depth.saturating_add(1)));
            }
        }
        folders.extend(below.into_iter().rev());
    }
    for path in ELSEWHERE.map(Path::new) {
        file(&mut reach, ask, path, seen);
    }
    reach.finish(seen);
}

fn file(reach: &mut Reach<'_>, ask: &Ask, path: &Path, seen: &mut Seen) {
    let machine = reach.host.machine();
    let stat = match machine.lstat(path) {
        Ok(stat) => stat,
        Err(miss) => return reach.note(&miss, seen),
    };
    let mut row = describe(path, &stat);
    if stat.kind() == FileKind::Symlink && ask.wants(col::symlink_target) {
        match machine.read_link(path) {
            Ok(target) => drop(row.put(col::symlink_target, &*target)),
            Err(miss) => reach.note(&miss, seen),
        }
    }
    // Asking for flags opens the file: only regular ones.
    if stat.kind() == FileKind::Regular && ask.wants_any(&[col::immutable, col::append_only]) {
        match reach.host.machine().flags(path) {
            Ok(flags) => {
                row.put(col::immutable, flags.map(|flags| flags & 0x10 != 0))
                    .put(col::append_only, flags.map(|flags| flags & 0x20 != 0));
            }
            Err(miss) => reach.note(&miss, seen),
        }
    }
    seen.push(row);
}

fn describe(path: &Path, stat: &Stat) -> stanch_words::Row {
    let seconds = |nanoseconds: i64| nanoseconds.div_euclid(1_000_000_000);
    let mut row = SPEC.row();
    row.put(col::path, path)
        .put(col::size, stat.size)
        .put(col::mtime, seconds(stat.modified))
        .put(col::ctime, seconds(stat.changed))
        .put(col::mode, format!("{:04o}", stat.mode & 0o7777))
        .put(col::uid, stat.uid)
        .put(col::gid, stat.gid)
        .put(col::r#type, stat.kind().name())
        .put(col::links, stat.links)
        .put(col::btime, stat.born.map(seconds));
    row
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use stanch_machine::Pretend;

    use super::*;

    #[test]
    fn an_emptied_log_and_one_linked_away() {
        let machine = Pretend::new()
            .file("/var/log/auth.log", "")
            .link("/var/log/wtmp", "/dev/null")
            .file("/var/log/a/b/c", "12345")
            .with("/var/log/a/b/c", |stat| stat.uid = 1000)
            .file("/var/log/a/b/c2/too-deep", "")
            .file("/run/utmp", "");
        let mut seen = Seen::default();
        read(&Host::new(Arc::new(machine)), &Ask::all(), &mut seen);
        let cells = [col::path, col::size, col::uid, col::r#type, col::symlink_target];
        let line = |row: &stanch_words::Row| cells.map(|c| row.get(c).to_string()).join(" ");
        let found: Vec<String> = seen.rows.iter().map(line).collect();
        assert_eq!(
            found,
            [
                "/var/log/auth.log 0 0 regular ",
                "/var/log/wtmp 9 0 symlink /dev/null",
                "/var/log/a/b/c 5 1000 regular ",
                "/run/utmp 0 0 regular ",
            ]
        );
        assert_eq!(seen.gaps, []);
    }

    #[test]
    fn too_many_files_are_a_gap() {
        let mut machine = Pretend::new();
        for n in 0..=FILES {
            machine = machine.file(format!("/var/log/{n}"), "");
        }
        let mut seen = Seen::default();
        read(&Host::new(Arc::new(machine)), &Ask::all(), &mut seen);
        assert_eq!((seen.rows.len(), seen.gaps.len()), (FILES, 1));
    }
}
