//! Programs where none belong: directories for temporary files, and /dev.

use std::path::{Path, PathBuf};

use stanch_machine::{FileKind, Miss, Stat};
use stanch_words::{Ask, Gap, GapKind, Row, Seen, table_spec};

use crate::Host;
use crate::walk::{Describe, Walk};

table_spec! {
    /// Programs in temporary places.
    pub static SPEC, col = "temporary_programs": Files, "ELF files, scripts and executable files in /tmp, /var/tmp, /dev/shm, /run and /dev, three directories deep, and any file between the devices in /dev.";
    path Text Plain "Path.";
    size BigInt Plain "Size in bytes.";
    mtime BigInt Plain "Last change of content, seconds since 1970.";
    ctime BigInt Plain "Last change of the inode, seconds since 1970.";
    uid BigInt Plain "Owner.";
    gid BigInt Plain "Group.";
    mode Text Plain "Permission bits, octal.";
    executable Integer Plain "1 if anybody may execute it.";
    kind Text Plain "elf, script (begins with `#!`), other for an executable file that is neither, data for another file between devices.";
}

/// Most programs that are listed.
const MOST: usize = 5000;

/// Walks the directories and looks at the first bytes of each regular file.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    let roots = ["/tmp", "/var/tmp", "/dev/shm", "/run", "/dev"].map(PathBuf::from);
    let describe = Describe::Files;
    let walk = Walk { table: SPEC.name, depth: 3, most: 20_000, describe, except: &[] };
    let mut more = 0_u64;
    walk.entries(host, &roots, seen, &mut |met, seen| {
        let regular = |stat: &Stat| stat.kind() == FileKind::Regular && stat.size > 0;
        let Some(stat) = met.stat.filter(regular) else { return };
        match program(host, &met.path(), &stat) {
            Ok(Some(row)) if seen.rows.len() < MOST => seen.push(row),
            Ok(Some(_)) => more = more.saturating_add(1),
            Ok(None) => {}
            Err(miss) => crate::host::note(SPEC.name, &miss, seen),
        }
    });
    if more > 0 {
        let detail = format!("{more} more programs are not listed");
        seen.gap(Gap::new(SPEC.name, GapKind::Truncated, detail));
    }
}

fn program(host: &Host, path: &Path, stat: &Stat) -> Result<Option<Row>, Miss> {
    let executable = stat.mode & 0o111 != 0;
    let kind = match kind(&host.machine().read(path, 4)?.bytes) {
        "" if executable => "other",
        "" if is_between_devices(path) => "data",
        "" => return Ok(None),
        kind => kind,
    };
    let mut row = SPEC.row();
    row.put(col::path, path)
        .put(col::size, stat.size)
        .put(col::mtime, stat.modified.div_euclid(1_000_000_000))
        .put(col::ctime, stat.changed.div_euclid(1_000_000_000))
        .put(col::uid, stat.uid)
        .put(col::gid, stat.gid)
        .put(col::mode, format!("{:04o}", stat.mode & 0o7777))
        .put(col::executable, executable)
        .put(col::kind, kind);
    Ok(Some(row))
}

/// Returns whether a path lies in /dev itself, outside the file systems that are for data.
fn is_between_devices(path: &Path) -> bool {
    path.starts_with("/dev")
        && !["/dev/shm", "/dev/mqueue", "/dev/hugepages"].iter().any(|data| path.starts_with(data))
}

/// Returns what a file is by its first bytes (elf(5), execve(2)); empty for neither.
pub fn kind(bytes: &[u8]) -> &'static str {
    match bytes {
        [0x7f, b'E', b'L', b'F', ..] => "elf",
        [b'#', b'!', ..] => "script",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stanch_machine::Pretend;

    #[test]
    fn programs_are_told_from_data() {
        let machine = Pretend::new()
            .file("/tmp/.x/elf", b"\x7fELF\x02")
            .file("/tmp/script", "#!/bin/sh\n")
            .file("/tmp/data", "data")
            .file("/tmp/a/b/c/too-deep", "#!/bin/sh\n")
            .file("/dev/shm/odd", "data")
            .with("/dev/shm/odd", |stat| stat.mode = 0o100_755)
            .file("/dev/shm/data", "data")
            .file("/dev/.settings", "data")
            .file("/run/secret", "#!")
            .link("/run/link", "/tmp/script")
            .denied("/run/secret");
        let host = Host::new(std::sync::Arc::new(machine));
        let mut seen = Seen::default();
        read(&host, &Ask::all(), &mut seen);
        let mut rows: Vec<String> = seen
            .rows
            .iter()
            .map(|r| {
                format!("{} {} {}", r.get(col::path), r.get(col::kind), r.get(col::executable))
            })
            .collect();
        rows.sort();
        assert_eq!(
            rows,
            [
                "/dev/.settings data 0",
                "/dev/shm/odd other 1",
                "/tmp/.x/elf elf 0",
                "/tmp/script script 0"
            ]
        );
        assert_eq!(seen.gaps.len(), 1);
    }
}
