//! Pipes between processes, with both ends: how a shell's input and output are relayed.
//!
//! Source: proc_pid_fd(5), pipe(7), fifo(7).

use std::collections::HashMap;
use std::path::Path;

use stanch_machine::FileKind;
use stanch_words::{Ask, Seen, table_spec};

use super::process_open_files::{mode, open_flags};
use crate::Host;
use crate::descriptors::{Descriptors, Target};

table_spec! {
    /// Open pipes.
    pub static SPEC, col = "process_open_pipes": Live, "Pipes and their partners, one row a pair of ends in different processes; an end without a partner gives one row.";
    pid BigInt Index "Process id.";
    fd BigInt Plain "Descriptor number.";
    mode Text Plain "How the end is open: r, w or rw.";
    inode BigInt Plain "Pipe's inode.";
    r#type Text Plain "Kind of pipe: named or anonymous.";
    partner_pid BigInt Plain "Process at another end of the same pipe.";
    partner_fd BigInt Plain "Its descriptor.";
    partner_mode Text Plain "How that end is open.";
}

/// Pairs of one pipe that are listed at most: a pipe that a thousand workers share would make a
/// million rows that say the same.
const PAIRS: usize = 4096;

struct End {
    pid: i64,
    fd: i64,
    named: bool,
    mode: &'static str,
}

/// Reads pipes of all processes: a partner can be any of them.
pub(super) fn read(host: &Host, ask: &Ask, seen: &mut Seen) {
    let descriptors = Descriptors::all(host);
    for gap in &descriptors.gaps {
        seen.gap(stanch_words::Gap { what: SPEC.name.to_owned(), ..gap.clone() });
    }
    let machine = host.machine();
    let mut pipes: HashMap<u64, Vec<End>> = HashMap::new();
    let mut order = Vec::new();
    for descriptor in &descriptors.list {
        let (pid, fd) = (descriptor.pid, descriptor.fd);
        let (inode, named) = match &descriptor.target {
            Target::Pipe(inode) => (*inode, false),
            // A named pipe looks like any path until it is described.
            Target::Other(link) if link.starts_with(b"/") && !link.starts_with(b"/dev/") => {
                match machine.stat(Path::new(&format!("/proc/{pid}/fd/{fd}"))) {
                    Ok(stat) if stat.kind() == FileKind::Fifo => (stat.inode, true),
                    _ => continue,
                }
            }
            _ => continue,
        };
        let mut mode_word = "";
        if ask.wants_any(&[col::mode, col::partner_mode]) {
            let path = format!("/proc/{pid}/fdinfo/{fd}");
            let info = machine.read(Path::new(&path), 64 << 10).ok();
            mode_word = info.and_then(|info| open_flags(&info.bytes)).map_or("", mode);
        }
        let ends = pipes.entry(inode).or_default();
        if ends.is_empty() {
            order.push(inode);
        }
        ends.push(End { pid, fd, named, mode: mode_word });
    }
    for inode in order {
        pair(inode, pipes.get(&inode).map_or(&[], Vec::as_slice), seen);
    }
}

fn pair(inode: u64, ends: &[End], seen: &mut Seen) {
    let mut pairs = 0_usize;
    for end in ends {
        let mut row = SPEC.row();
        row.put(col::pid, end.pid)
            .put(col::fd, end.fd)
            .put(col::mode, end.mode)
            .put(col::inode, inode)
            .put(col::r#type, if end.named { "named" } else { "anonymous" });
        let mut alone = true;
        // Only what lies at the other side is a partner: reading ends meet writing ends.
        let meets = |other: &&End| {
            other.pid != end.pid
                && (end.mode.is_empty() || end.mode == "rw" || other.mode != end.mode)
        };
        for other in ends.iter().filter(meets) {
            pairs = pairs.saturating_add(1);
            if pairs > PAIRS {
                break;
            }
            alone = false;
            row.put(col::partner_pid, other.pid)
                .put(col::partner_fd, other.fd)
                .put(col::partner_mode, other.mode);
            seen.push(row.clone());
        }
        if alone {
            seen.push(row);
        }
    }
    if pairs > PAIRS {
        let detail = format!("pipe {inode}: only the first {PAIRS} pairs are listed");
        seen.gap(stanch_words::Gap::new(SPEC.name, stanch_words::GapKind::Truncated, detail));
    }
}

#[cfg(test)]
mod tests {
    use stanch_machine::Pretend;

    use super::*;

    #[test]
    fn a_relay_between_a_shell_and_another() {
        let machine = Pretend::new()
            .link("/proc/5/fd/0", "pipe:[7]")
            .file("/proc/5/fdinfo/0", "flags:\t00\n")
            .link("/proc/6/fd/9", "pipe:[7]")
            .file("/proc/6/fdinfo/9", "flags:\t01\n")
            .link("/proc/6/fd/3", "pipe:[8]")
            .file("/tmp/f", "")
            .with("/tmp/f", |stat| stat.mode = 0o010_600)
            .link("/proc/6/fd/4", "/tmp/f");
        let host = Host::new(std::sync::Arc::new(machine));
        let mut seen = Seen::default();
        read(&host, &Ask::all(), &mut seen);
        let shown: Vec<String> = seen
            .rows
            .iter()
            .map(|row| {
                [col::pid, col::fd, col::mode, col::r#type, col::partner_pid, col::partner_fd]
                    .map(|column| row.get(column).to_string())
                    .join(" ")
            })
            .collect();
        assert_eq!(
            shown,
            ["5 0 r anonymous 6 9", "6 9 w anonymous 5 0", "6 3  anonymous  ", "6 4  named  "]
        );
    }
}
