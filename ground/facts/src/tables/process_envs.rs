//! Environment variables of processes.
//!
//! Source: proc_pid_environ(5): the environment at the start; the process can overwrite it later.

use stanch_machine::limits;
use stanch_words::{Ask, Gap, GapKind, Seen, table_spec};

use crate::Host;
use crate::process_files::{self, Refusals};

table_spec! {
    /// Environment variables.
    pub static SPEC, col = "process_envs": Live, "Environment of each process as it was given at the start, one row a variable.";
    pid BigInt Index "Process id.";
    key Text Plain "Variable's name.";
    value Text Plain "Variable's value.";
}

/// Reads `/proc/PID/environ`.
pub(super) fn read(host: &Host, ask: &Ask, seen: &mut Seen) {
    let mut refusals = Refusals::default();
    let mut bytes = Vec::new();
    for pid in process_files::pids(host, SPEC.name, ask, col::pid, seen) {
        let opened = process_files::open(host, SPEC.name, ask, col::pid, pid, seen);
        let Some(directory) = opened else { continue };
        match directory.read("environ", limits::ARGUMENTS, &mut bytes) {
            Ok(truncated) => {
                if truncated {
                    let path = format!("/proc/{pid}/environ");
                    seen.gap(Gap::new(SPEC.name, GapKind::Truncated, "over 1 MiB").at(path));
                }
                parse(pid, &bytes, seen);
            }
            Err(miss) => refusals.take(SPEC.name, pid, miss, seen),
        }
    }
    refusals.tell(SPEC.name, "environment", seen);
}

/// Parses `KEY=value` records that end with a zero byte. One without `=` is a key without value:
/// the process wrote over its environment.
pub fn parse(pid: i64, bytes: &[u8], seen: &mut Seen) {
    for record in bytes.split(|&b| b == 0).filter(|record| !record.is_empty()) {
        let equals = memchr::memchr(b'=', record).unwrap_or(record.len());
        let mut row = SPEC.row();
        row.put(col::pid, pid)
            .put(col::key, record.get(..equals).unwrap_or_default())
            .put(col::value, record.get(equals.saturating_add(1)..).unwrap_or_default());
        seen.push(row);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preloaded_library_and_an_overwritten_environment() {
        let mut seen = Seen::default();
        parse(5, b"LD_PRELOAD=/tmp/x.so\0A=b=c\0\0=\0junk\xff", &mut seen);
        let shown: Vec<String> = seen
            .rows
            .iter()
            .map(|row| format!("{}|{}", row.get(col::key), row.get(col::value)))
            .collect();
        assert_eq!(shown, ["LD_PRELOAD|/tmp/x.so", "A|b=c", "|", "junk\\xff|"]);
    }
}
