//! What processes execute: their executable mappings, with what lies behind each.
//!
//! Code that came from nowhere (anonymous, from a memory file, from a deleted or writable one) is
//! how injected code and fileless programs look. Just-in-time compilers look alike: whose program
//! it is decides, not the mapping alone.
//!
//! Source: proc_pid_maps(5), proc_pid_mem(5), elf(5).

use stanch_machine::{Directory, limits};
use stanch_words::{Ask, Gap, GapKind, Row, Seen, table_spec};

use crate::Host;
use crate::memory_map::Mapping;
use crate::process_files::{self, Refusals};

table_spec! {
    /// Executable mappings.
    pub static SPEC, col = "process_code": Live, "Executable memory mappings, one row each.";
    pid BigInt Index "Process id.";
    start BigInt Plain "First address.";
    end BigInt Plain "Address after the last.";
    permissions Text Plain "r, w, x, and p (private) or s (shared).";
    offset BigInt Plain "Offset in the mapped file.";
    device BigInt Plain "Device of the mapped file, major shifted left by 32, and minor.";
    inode BigInt Plain "Inode of the mapped file.";
    path Text Plain "Mapped file, without the ` (deleted)` mark.";
    deleted Integer Plain "1 if the kernel marks the file as deleted.";
    anonymous Integer Plain "1 if no file is mapped.";
    writable Integer Plain "1 if the code can be written.";
    kind Text Plain "file, memfd, anonymous or special (the kernel's own pages, such as [vdso]).";
    elf_header Integer Plain "1 if the mapping has no file and begins like a program (\\x7fELF); -1 if that could not be read.";
    main_program Integer Plain "1 if it is the process's own executable.";
}

/// Reads the executable mappings of `/proc/PID/maps`.
pub(crate) fn read(host: &Host, ask: &Ask, seen: &mut Seen) {
    let mut refusals = Refusals::default();
    let mut bytes = Vec::new();
    for pid in process_files::pids(host, SPEC.name, ask, col::pid, seen) {
        let opened = process_files::open(host, SPEC.name, ask, col::pid, pid, seen);
        let Some(directory) = opened else { continue };
        match directory.read("maps", limits::PSEUDO_FILE, &mut bytes) {
            Ok(truncated) => {
                if truncated {
                    let path = format!("/proc/{pid}/maps");
                    let gap = Gap::new(SPEC.name, GapKind::Truncated, "more mappings than read");
                    seen.gap(gap.at(path));
                }
                one(pid, &bytes, &*directory, ask, seen);
            }
            Err(miss) => refusals.take(SPEC.name, pid, miss, seen),
        }
    }
    refusals.tell(SPEC.name, "memory maps", seen);
}

fn one(pid: i64, bytes: &[u8], directory: &dyn Directory, ask: &Ask, seen: &mut Seen) {
    // A kernel thread has no mappings and no executable.
    let exe = if bytes.is_empty() || !ask.wants(col::main_program) {
        None
    } else {
        directory.stat("exe").ok().map(|stat| stat.inode)
    };
    for line in bytes.split(|&b| b == b'\n') {
        // Most lines are not executable: told by one byte before anything else is parsed.
        let space = memchr::memchr(b' ', line).unwrap_or(line.len());
        if line.get(space.saturating_add(3)) != Some(&b'x') {
            continue;
        }
        let Some(mapping) = Mapping::parse(line) else {
            let gap = Gap::new(SPEC.name, GapKind::Damaged, "a line is not a mapping");
            seen.gap(gap.at(format!("/proc/{pid}/maps")));
            continue;
        };
        let mut row = row(pid, &mapping);
        row.put(col::main_program, exe.is_some_and(|inode| inode == mapping.inode && inode != 0));
        if ask.wants(col::elf_header) {
            row.put(col::elf_header, elf_header(&mapping, directory));
        }
        seen.push(row);
    }
}

fn row(pid: i64, mapping: &Mapping<'_>) -> Row {
    let (major, minor) = mapping.device;
    let mut row = SPEC.row();
    row.put(col::pid, pid)
        .put(col::start, mapping.start)
        .put(col::end, mapping.end)
        .put(col::permissions, mapping.permissions)
        .put(col::offset, mapping.offset)
        .put(col::device, u64::from(major) << 32 | u64::from(minor))
        .put(col::inode, mapping.inode)
        .put(col::path, mapping.path)
        .put(col::deleted, mapping.deleted)
        .put(col::anonymous, mapping.kind() == "anonymous")
        .put(col::writable, mapping.is_writable())
        .put(col::kind, mapping.kind());
    row
}

/// Looks at the first bytes in memory, only where no file could tell them.
fn elf_header(mapping: &Mapping<'_>, directory: &dyn Directory) -> i64 {
    if mapping.kind() != "anonymous" {
        return 0;
    }
    let mut magic = [0_u8; 4];
    match directory.read_at("mem", mapping.start, &mut magic) {
        Ok(4) => i64::from(&magic == b"\x7fELF"),
        _ => -1,
    }
}

#[cfg(test)]
mod tests {
    use stanch_machine::Pretend;

    use super::*;

    #[test]
    fn injected_code_beside_ordinary_code() {
        let maps = "1000-2000 r--p 0 fd:01 7 /bin/x\n1000-2000 r-xp 0 fd:01 4 /bin/x\n8-2000 rwxp 0 00:00 0 \n3000-4000 r-xp 0 00:01 9 /memfd:a (deleted)\n5000-6000 r-xp 00000000 00:00 0                                  [vdso]\n9 r-xp junk\n";
        let machine = Pretend::new()
            .file("/proc/5/maps", maps)
            .file("/bin/x", "x")
            .with("/bin/x", |stat| stat.inode = 4)
            .link("/proc/5/exe", "/bin/x")
            .file("/proc/5/mem", b"12345678\x7fELF");
        let host = Host::new(std::sync::Arc::new(machine));
        let mut seen = Seen::default();
        read(&host, &Ask::all(), &mut seen);
        let shown: Vec<String> = seen
            .rows
            .iter()
            .map(|row| {
                [
                    col::path,
                    col::kind,
                    col::elf_header,
                    col::main_program,
                    col::writable,
                    col::deleted,
                ]
                .map(|column| row.get(column).to_string())
                .join(" ")
            })
            .collect();
        let expected = [
            "/bin/x file 0 1 0 0",
            " anonymous 1 0 1 0",
            "/memfd:a memfd 0 0 0 1",
            "[vdso] special 0 0 0 0",
        ];
        assert_eq!(shown, expected);
        assert_eq!(seen.gaps.len(), 1);
    }
}
