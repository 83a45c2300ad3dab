//! CPU time since boot.
//!
//! Source: proc_stat(5).

use std::path::Path;

use stanch_machine::limits;
use stanch_words::{Ask, Gap, GapKind, Seen, table_spec};

use crate::Host;
use crate::process_files::{number, words};

table_spec! {
    /// CPU time.
    pub static SPEC, col = "cpu_time": Live, "Ticks that each CPU spent since boot, one row a CPU.";
    core Integer Plain "CPU number.";
    user BigInt Plain "In user mode.";
    nice BigInt Plain "In user mode with raised nice value.";
    system BigInt Plain "In kernel mode.";
    idle BigInt Plain "Idle.";
    iowait BigInt Plain "Idle while something waited for a disk.";
    irq BigInt Plain "Serving interrupts.";
    softirq BigInt Plain "Serving soft interrupts.";
    steal BigInt Plain "Taken by other guests of the same host.";
    guest BigInt Plain "Running a guest.";
    guest_nice BigInt Plain "Running a guest with raised nice value.";
}

/// Reads `/proc/stat`.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    let path = Path::new("/proc/stat");
    if let Some(bytes) = host.read(SPEC.name, path, limits::PSEUDO_FILE, seen) {
        parse(&bytes, seen);
    }
}

/// Parses the lines `cpuN …`; old kernels tell fewer columns.
pub fn parse(bytes: &[u8], seen: &mut Seen) {
    for line in bytes.split(|&b| b == b'\n') {
        let mut fields = words(line);
        let core = fields.next().and_then(|name| name.strip_prefix(b"cpu"));
        let Some(core) = core.filter(|core| !core.is_empty()) else { continue };
        let counts: Option<Vec<i64>> = fields.map(number).collect();
        let (Some(core), Some(counts)) = (number(core), counts) else {
            let gap = Gap::new(SPEC.name, GapKind::Damaged, "a CPU's line is not numbers");
            seen.gap(gap.at("/proc/stat"));
            continue;
        };
        let mut row = SPEC.row();
        row.put(col::core, core);
        for (column, count) in (col::user..=col::guest_nice).zip(counts) {
            row.put(column, count);
        }
        seen.push(row);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_cpus_and_a_damaged_line() {
        let mut seen = Seen::default();
        parse(b"cpu  9 9\ncpu0 1 2 3 4 5 6 7 8 9 10\ncpu1 1\ncpux 1\nintr 5\n", &mut seen);
        assert_eq!((seen.rows.len(), seen.gaps.len()), (2, 1));
        assert_eq!(seen.rows[0].get(col::guest_nice).as_integer(), Some(10));
        assert!(seen.rows[1].get(col::nice).is_null());
    }
}
