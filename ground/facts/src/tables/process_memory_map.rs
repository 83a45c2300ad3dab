//! Memory mappings of processes, all of them.
//!
//! Source: proc_pid_maps(5).

use stanch_machine::limits;
use stanch_words::{Ask, Gap, GapKind, Seen, table_spec};

use crate::Host;
use crate::memory_map::Mapping;
use crate::process_files::{self, Refusals};

table_spec! {
    /// Memory mappings.
    pub static SPEC, col = "process_memory_map": Live, "Memory mappings, one row a mapping.";
    pid BigInt Index "Process id.";
    start Text Plain "First address, hexadecimal.";
    end Text Plain "Address after the last, hexadecimal.";
    permissions Text Plain "r, w, x, and p (private) or s (shared).";
    offset BigInt Plain "Offset in the mapped file.";
    device Text Plain "Major and minor device number, hexadecimal.";
    inode Integer Plain "Inode of the mapped file.";
    path Text Plain "Mapped file, without the ` (deleted)` mark, or a name such as [stack].";
    pseudo Integer Plain "1 if no file is mapped.";
    deleted Integer Plain "1 if the kernel marks the file as deleted.";
}

/// Reads `/proc/PID/maps`.
pub(super) fn read(host: &Host, ask: &Ask, seen: &mut Seen) {
    let mut refusals = Refusals::default();
    let mut bytes = Vec::new();
    for pid in process_files::pids(host, SPEC.name, ask, col::pid, seen) {
        let opened = process_files::open(host, SPEC.name, ask, col::pid, pid, seen);
        let Some(directory) = opened else { continue };
        match directory.read("maps", limits::PSEUDO_FILE, &mut bytes) {
            Ok(truncated) => parse(pid, &bytes, truncated, seen),
            Err(miss) => refusals.take(SPEC.name, pid, miss, seen),
        }
    }
    refusals.tell(SPEC.name, "memory maps", seen);
}

/// Parses the list of one process. Lines that are no mappings are told in one gap a process.
pub fn parse(pid: i64, bytes: &[u8], truncated: bool, seen: &mut Seen) {
    let mut bad = 0_u64;
    for line in bytes.split(|&b| b == b'\n').filter(|line| !line.is_empty()) {
        let Some(mapping) = Mapping::parse(line) else {
            bad = bad.saturating_add(1);
            continue;
        };
        let mut row = SPEC.row();
        let (major, minor) = mapping.device;
        row.put(col::pid, pid)
            .put(col::start, format!("0x{:016x}", mapping.start))
            .put(col::end, format!("0x{:016x}", mapping.end))
            .put(col::permissions, mapping.permissions)
            .put(col::offset, mapping.offset)
            .put(col::device, format!("{major:02x}:{minor:02x}"))
            .put(col::inode, mapping.inode)
            .put(col::path, mapping.path)
            .put(col::pseudo, mapping.inode == 0)
            .put(col::deleted, mapping.deleted);
        seen.push(row);
    }
    let path = format!("/proc/{pid}/maps");
    if truncated {
        let gap = Gap::new(SPEC.name, GapKind::Truncated, "more mappings than are read");
        seen.gap(gap.at(path.clone()));
    }
    if bad > u64::from(truncated) {
        let detail = format!("{bad} lines are not mappings");
        seen.gap(Gap::new(SPEC.name, GapKind::Damaged, detail).at(path));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mappings_and_junk() {
        let mut seen = Seen::default();
        parse(
            5,
            b"1000-2000 r-xp 00001000 fd:01 7 /bin/x\njunk\n2000-3000 rw-p 0 00:00 0 [heap]\n",
            false,
            &mut seen,
        );
        assert_eq!(seen.rows.len(), 2);
        assert_eq!(seen.rows[0].get(col::start).to_string(), "0x0000000000001000");
        assert_eq!(seen.rows[1].get(col::pseudo).as_integer(), Some(1));
        assert_eq!(seen.gaps[0].detail, "1 lines are not mappings");
    }
}
