//! What `/proc/PID/stat` tells of a process: the one reader of it for hands and acts.
//!
//! Source: proc_pid_stat(5).

use std::path::PathBuf;

use crate::{Machine, limits};

/// What `/proc/PID/stat` tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessStat {
    /// The pid.
    pub pid: i64,
    /// When it started, in clock ticks since boot (field 22). With the pid, it names one process.
    pub start: u64,
    /// The pid of its parent.
    pub parent: i64,
    /// The pid of its session's leader.
    pub session: i64,
    /// The name that the kernel shows, at most 15 bytes.
    pub name: String,
    /// The letter of its state; `T` is stopped.
    pub state: char,
    /// Whether it is a thread of the kernel (`PF_KTHREAD`).
    pub is_kernels: bool,
    /// How many threads it has, its first one included.
    pub threads: u64,
}

impl ProcessStat {
    /// Returns what a process tells of itself, if it is there.
    pub fn of(machine: &dyn Machine, pid: i64) -> Option<Self> {
        let path = PathBuf::from(format!("/proc/{pid}/stat"));
        Self::parse(&machine.read(&path, limits::PSEUDO_FILE).ok()?.bytes)
    }

    /// Takes `/proc/PID/stat` apart. The name may hold anything, so the last bracket ends it.
    pub fn parse(stat: &[u8]) -> Option<Self> {
        /// `PF_KTHREAD` (linux/sched.h).
        const KERNEL_THREAD: u64 = 0x0020_0000;
        let (open, end) =
            (stat.iter().position(|&b| b == b'(')?, stat.iter().rposition(|&b| b == b')')?);
        let pid = std::str::from_utf8(stat.get(..open)?).ok()?.trim().parse().ok()?;
        let name = stanch_words::text::from_bytes(stat.get(open.saturating_add(1)..end)?);
        let rest = std::str::from_utf8(stat.get(end.saturating_add(1)..)?).ok()?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        let number = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok());
        Some(Self {
            pid,
            start: number(19)?,
            parent: fields.get(1)?.parse().ok()?,
            session: fields.get(3)?.parse().ok()?,
            name,
            state: fields.first()?.chars().next()?,
            is_kernels: number(6)? & KERNEL_THREAD != 0,
            threads: number(17)?,
        })
    }

    /// Returns whether it runs no more. A first thread that left by itself is a zombie too, while
    /// the others run on (pthread_exit(3)).
    pub fn has_ended(&self) -> bool {
        matches!(self.state, 'Z' | 'X') && self.threads <= 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_hides_nothing() {
        let line = format!("7 (a) b) S 5 1 3 0 -1 4194560 {} 900 0", "0 ".repeat(12).trim());
        let told = ProcessStat::parse(line.as_bytes()).unwrap();
        assert_eq!((told.pid, told.start, told.parent, told.session), (7, 900, 5, 3));
        assert_eq!(told.name, "a) b");
        assert!(!told.is_kernels);
        assert_eq!(ProcessStat::parse(b"7 (torn"), None);
    }
}
