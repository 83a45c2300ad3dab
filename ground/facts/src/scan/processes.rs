//! Programs and memory of running processes, read through `/proc`, which freezes nothing.
//!
//! Source: proc_pid_mem(5), proc_pid_maps(5).

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use stanch_machine::{Stat, limits};
use stanch_words::{Gap, GapKind, Seen};

use super::piece::{Piece, Process, State};
use super::{PIECE, Scan};
use crate::memory_map::Mapping;
use crate::process_files::ProcessStat;

/// How much memory of one process is judged, and of all together.
const OF_ONE: u64 = 256 << 20;
const OF_ALL: u64 = 4 << 30;

pub(super) fn read(scan: &Scan<'_>, sender: &SyncSender<Piece>, seen: &mut Seen) {
    let Some(kernel) = scan.host.kernel(scan.table, seen) else { return };
    let own = [Some(kernel.own_pid()), kernel.keeper_pid()];
    let mut left = OF_ALL;
    for entry in scan.host.list(scan.table, Path::new("/proc"), seen) {
        let name = entry.name.to_string_lossy();
        let Ok(pid) = name.parse::<i32>() else { continue };
        // Our own memory holds the rules themselves.
        if own.contains(&Some(pid)) {
            continue;
        }
        if scan.is_over() || left == 0 {
            let detail = "memory of the processes from this one on was not judged";
            return seen
                .gap(Gap::new(scan.table, GapKind::Truncated, detail).at(format!("/proc/{pid}")));
        }
        one(scan, pid, &mut left, sender, seen);
    }
}

fn one(scan: &Scan<'_>, pid: i32, left: &mut u64, sender: &SyncSender<Piece>, seen: &mut Seen) {
    let machine = scan.host.machine();
    let folder = PathBuf::from(format!("/proc/{pid}"));
    let Ok(stat) = machine.read(&folder.join("stat"), limits::PSEUDO_FILE) else { return };
    let Some(stat) = ProcessStat::parse(&stat.bytes).filter(|stat| !stat.is_kernel_thread()) else {
        return;
    };
    let program = machine.read_link(&folder.join("exe")).unwrap_or_default();
    let process = Process { pid: i64::from(pid), start: stat.start(), is_memory: false };
    program_of(scan, &folder, &program, &process, sender, seen);
    memory_of(scan, &folder, &program, process, left, sender, seen);
}

/// Judges a program that has no file any more; what has one is judged as a file.
fn program_of(
    scan: &Scan<'_>,
    folder: &Path,
    program: &Path,
    process: &Process,
    sender: &SyncSender<Piece>,
    seen: &mut Seen,
) {
    let is_gone = program.to_string_lossy().ends_with(" (deleted)");
    if !is_gone {
        return;
    }
    let image = folder.join("exe");
    let opened = scan.host.machine().open(&image).and_then(|file| Ok((file.stat()?, file)));
    let (stat, file) = match opened {
        Ok(opened) => opened,
        Err(miss) => return crate::host::note(scan.table, &miss, seen),
    };
    let owner = scan.owner(stat.uid, seen);
    let made = |bytes, offset, is_whole| Piece {
        path: program.to_owned(),
        member: String::new(),
        stat,
        owner: owner.clone(),
        state: State::Known("unowned"),
        bytes,
        offset,
        is_whole,
        process: Some(process.clone()),
    };
    scan.pieces(&*file, &image, &stat, sender, seen, &made);
}

fn memory_of(
    scan: &Scan<'_>,
    folder: &Path,
    program: &Path,
    process: Process,
    left: &mut u64,
    sender: &SyncSender<Piece>,
    seen: &mut Seen,
) {
    let machine = scan.host.machine();
    let maps = match machine.read(&folder.join("maps"), limits::PSEUDO_FILE) {
        Ok(maps) => maps.bytes,
        Err(miss) => return crate::host::note(scan.table, &miss, seen),
    };
    let memory = match machine.open(&folder.join("mem")) {
        Ok(memory) => memory,
        Err(miss) => return crate::host::note(scan.table, &miss, seen),
    };
    let process = Process { is_memory: true, ..process };
    let mut room = OF_ONE.min(*left);
    for mapping in maps.split(|&byte| byte == b'\n').filter_map(Mapping::parse) {
        if !is_telling(&mapping) {
            continue;
        }
        let mut at = mapping.start;
        while at < mapping.end && room > 0 {
            let length = mapping.end.saturating_sub(at).min(PIECE as u64).min(room);
            let mut bytes = vec![0; usize::try_from(length).unwrap_or(PIECE)];
            // A page that is not there any more, or cannot be read, ends the mapping.
            let Ok(read) = memory.read_at(at, &mut bytes) else { break };
            bytes.truncate(read);
            if bytes.iter().all(|&byte| byte == 0) {
                bytes.clear();
            }
            room = room.saturating_sub(length);
            *left = left.saturating_sub(length);
            if !bytes.is_empty() {
                let piece = Piece {
                    path: program.to_owned(),
                    member: String::new(),
                    stat: Stat::default(),
                    owner: "".into(),
                    state: State::Known(""),
                    bytes: Arc::new(bytes),
                    offset: at,
                    is_whole: false,
                    process: Some(process.clone()),
                };
                if sender.send(piece).is_err() {
                    return;
                }
            }
            at = at.saturating_add(length);
        }
        if room == 0 {
            let detail = format!("only {OF_ONE} bytes of its memory were judged");
            let gap = Gap::new(scan.table, GapKind::Truncated, detail);
            return seen.gap(gap.at(folder.to_string_lossy()));
        }
    }
}

/// Returns whether a mapping may hold what no file on the disk tells: what is written at run time,
/// what may be executed without a file, what has lost its file.
fn is_telling(mapping: &Mapping<'_>) -> bool {
    let may = |at: usize, what: u8| mapping.permissions.get(at) == Some(&what);
    let kernels_own = [&b"[vvar]"[..], b"[vsyscall]", b"[vdso]", b"[vvar_vclock]"];
    if !may(0, b'r') || kernels_own.contains(&mapping.path) || mapping.path.starts_with(b"/dev/") {
        return false;
    }
    let has_no_file = mapping.inode == 0 || mapping.deleted;
    may(1, b'w') || (has_no_file && mapping.is_executable()) || mapping.deleted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_without_a_file_is_judged_and_a_librarys_code_is_not() {
        let of = |line: &str| is_telling(&Mapping::parse(line.as_bytes()).unwrap());
        assert!(of("7f0000000000-7f0000001000 rw-p 00000000 00:00 0 "));
        assert!(of("7f0000000000-7f0000001000 r-xp 00000000 00:01 9 /memfd:x (deleted)"));
        assert!(of("7f0000000000-7f0000001000 r-xp 00000000 00:00 0 "));
        assert!(!of("7f0000000000-7f0000001000 r-xp 00000000 08:01 9 /usr/lib/libc.so.6"));
        assert!(!of("7f0000000000-7f0000001000 r--p 00000000 00:00 0 [vvar]"));
        assert!(!of("7f0000000000-7f0000001000 rw-s 00000000 00:05 9 /dev/dri/card0"));
        assert!(!of("7f0000000000-7f0000001000 ---p 00000000 00:00 0 "));
    }
}
