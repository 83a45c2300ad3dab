//! Environment variables of processes.
//!
//! Source: proc_pid_environ(5): the environment at the start; the process can overwrite it later.

use std::collections::HashMap;

use stanch_words::{Ask, Gap, GapKind, Seen, Value, table_spec};

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
    let mut texts = Texts::default();
    let mut room = process_files::Room::default();
    for pid in process_files::pids(host, SPEC.name, ask, col::pid, seen) {
        let opened = process_files::open(host, SPEC.name, ask, col::pid, pid, seen);
        let Some(directory) = opened else { continue };
        let cap = room.cap();
        match directory.read("environ", cap, &mut bytes) {
            Ok(truncated) => {
                room.take(bytes.len());
                if truncated {
                    let path = format!("/proc/{pid}/environ");
                    let detail = format!("only the first {cap} bytes were read");
                    seen.gap(Gap::new(SPEC.name, GapKind::Truncated, detail).at(path));
                }
                texts.parse(pid, &bytes, seen);
            }
            Err(miss) => refusals.take(SPEC.name, pid, miss, seen),
        }
    }
    refusals.tell(SPEC.name, "environment", seen);
}

/// Parses `KEY=value` records that end with a zero byte. One without `=` is a key without value:
/// the process wrote over its environment.
pub fn parse(pid: i64, bytes: &[u8], seen: &mut Seen) {
    Texts::default().parse(pid, bytes, seen);
}

/// Most records that are kept to be shared, and the longest of them.
const SHARED: usize = 4096;
const SHORT: usize = 512;

/// Records met before. Most processes inherit the same environment: 2,000 of them hold 70,000
/// variables, and hardly a hundred different ones.
#[derive(Default)]
struct Texts(HashMap<Box<[u8]>, (Value, Value)>);

impl Texts {
    fn parse(&mut self, pid: i64, bytes: &[u8], seen: &mut Seen) {
        for record in bytes.split(|&b| b == 0).filter(|record| !record.is_empty()) {
            let (key, value) = self.pair(record);
            let mut row = SPEC.row();
            row.put(col::pid, pid).put(col::key, key).put(col::value, value);
            seen.push(row);
        }
    }

    fn pair(&mut self, record: &[u8]) -> (Value, Value) {
        if let Some(pair) = self.0.get(record) {
            return pair.clone();
        }
        let equals = memchr::memchr(b'=', record).unwrap_or(record.len());
        let part = |part: Option<&[u8]>| Value::bytes(part.unwrap_or_default());
        let pair = (part(record.get(..equals)), part(record.get(equals.saturating_add(1)..)));
        if record.len() <= SHORT && self.0.len() < SHARED {
            self.0.insert(record.into(), pair.clone());
        }
        pair
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
