//! Files that processes hold open.
//!
//! Source: proc_pid_fd(5), proc_pid_fdinfo(5).

use std::path::Path;
use std::sync::Arc;

use stanch_machine::FileKind;
use stanch_words::{Ask, Seen, Value, table_spec};

use crate::Host;
use crate::descriptors::{Descriptor, Descriptors, Target};
use crate::process_files::{self, Refusals, words};

table_spec! {
    /// Open files.
    pub static SPEC, col = "process_open_files": Live, "Open files, one row a descriptor that leads to a path.";
    pid BigInt Index "Process id.";
    fd BigInt Plain "Descriptor number.";
    path Text Plain "Path, without the ` (deleted)` mark; memory files begin with /memfd:.";
    deleted Integer Plain "1 if the kernel marks the file as deleted.";
    size BigInt Plain "Size in bytes.";
    inode BigInt Plain "Inode.";
    device BigInt Plain "Device, major shifted left by 32, and minor.";
    kind Text Plain "Kind of file: regular, directory, character, block, fifo, socket; anonymous for kernel objects without a path.";
    mode Text Plain "How it is open: r, w or rw.";
    flags Text Plain "Open flags, octal (open(2)).";
    object Text Plain "What an anonymous descriptor is: bpf-prog, io_uring, perf_event, inotify and so on.";
}

/// Reads the descriptors that lead to a path or to an anonymous kernel object.
pub(super) fn read(host: &Host, ask: &Ask, seen: &mut Seen) {
    let descriptors = Descriptors::of(host, SPEC.name, ask, col::pid, seen);
    let details = ask.wants_any(&[col::size, col::inode, col::device, col::kind]);
    let flags = ask.wants_any(&[col::mode, col::flags]);
    let mut refusals = Refusals::default();
    // Links that follow each other and are the same share one text already.
    let mut last: Option<(&Arc<[u8]>, Value)> = None;
    for descriptor in &descriptors.list {
        let Target::Other(link) = &descriptor.target else { continue };
        let (path, deleted) = process_files::without_deleted(link);
        let object = path.strip_prefix(b"anon_inode:");
        let text = match &last {
            Some((before, text)) if Arc::ptr_eq(before, link) => text.clone(),
            _ => Value::bytes(if object.is_some() { b"" } else { path }),
        };
        last = Some((link, text.clone()));
        let mut row = SPEC.row();
        row.put(col::pid, descriptor.pid)
            .put(col::fd, descriptor.fd)
            .put(col::path, text)
            .put(col::deleted, deleted)
            .put(col::object, object.map(bare));
        if object.is_some() {
            row.put(col::kind, "anonymous");
        } else if details {
            let Descriptor { pid, fd, .. } = descriptor;
            match host.machine().stat(Path::new(&format!("/proc/{pid}/fd/{fd}"))) {
                Ok(stat) => {
                    let kind = stat.kind();
                    let kind = if kind == FileKind::Unknown { "anonymous" } else { kind.name() };
                    row.put(col::size, stat.size)
                        .put(col::inode, stat.inode)
                        .put(col::device, stat.device)
                        .put(col::kind, kind);
                }
                Err(miss) => refusals.take(SPEC.name, *pid, miss, seen),
            }
        }
        if flags {
            let Descriptor { pid, fd, .. } = descriptor;
            match host.machine().read(Path::new(&format!("/proc/{pid}/fdinfo/{fd}")), 64 << 10) {
                Ok(info) => {
                    let flags = open_flags(&info.bytes);
                    row.put(col::flags, flags.map(|flags| format!("{flags:o}")))
                        .put(col::mode, flags.map(mode));
                }
                Err(miss) => refusals.take(SPEC.name, *pid, miss, seen),
            }
        }
        seen.push(row);
    }
    refusals.tell(SPEC.name, "details of open files", seen);
}

/// Returns `io_uring` of `[io_uring]`.
fn bare(object: &[u8]) -> &[u8] {
    object.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]")).unwrap_or(object)
}

/// Returns the flags in `/proc/PID/fdinfo/N`, written in octal.
pub fn open_flags(info: &[u8]) -> Option<u32> {
    let line = info.split(|&b| b == b'\n').find_map(|line| line.strip_prefix(b"flags:"))?;
    u32::from_str_radix(std::str::from_utf8(words(line).next()?).ok()?, 8).ok()
}

/// Returns how a file is open by its flags (`O_ACCMODE`).
pub fn mode(flags: u32) -> &'static str {
    match flags & 3 {
        0 => "r",
        1 => "w",
        _ => "rw",
    }
}

#[cfg(test)]
mod tests {
    use stanch_machine::Pretend;

    use super::*;

    #[test]
    fn a_log_a_deleted_file_a_memory_file_and_a_ring() {
        let machine = Pretend::new()
            .file("/var/log/x", "12345")
            .link("/proc/5/fd/1", "/var/log/x")
            .file("/proc/5/fdinfo/1", "pos:\t0\nflags:\t0102001\n")
            .link("/proc/5/fd/2", "/tmp/big (deleted)")
            .link("/proc/5/fd/3", "/memfd:x (deleted)")
            .link("/proc/5/fd/4", "anon_inode:[io_uring]")
            .link("/proc/5/fd/5", "socket:[1]");
        let host = Host::new(std::sync::Arc::new(machine));
        let mut seen = Seen::default();
        read(&host, &Ask::all(), &mut seen);
        let shown: Vec<String> = seen
            .rows
            .iter()
            .map(|row| {
                [col::fd, col::path, col::deleted, col::size, col::kind, col::mode, col::object]
                    .map(|column| row.get(column).to_string())
                    .join(" ")
            })
            .collect();
        let expected = [
            "1 /var/log/x 0 5 regular w ",
            "2 /tmp/big 1    ",
            "3 /memfd:x 1    ",
            "4  0  anonymous  io_uring",
        ];
        assert_eq!(shown, expected);
        assert_eq!(seen.gaps, []);
    }

    #[test]
    fn damaged_flags_are_unknown() {
        for text in [&b""[..], b"flags:", b"flags:\t9x", b"flags:\t777777777777777"] {
            assert_eq!(open_flags(text), None);
        }
    }
}
