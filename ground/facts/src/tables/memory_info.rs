//! Memory of the machine.
//!
//! Source: proc_meminfo(5).

use stanch_words::{Ask, Seen, table_spec};

use crate::Host;
use crate::memory_totals::MemoryTotals;

table_spec! {
    /// Memory totals.
    pub static SPEC, col = "memory_info": Live, "One row: memory totals in bytes.";
    memory_total BigInt Plain "Usable memory.";
    memory_free BigInt Plain "Free memory.";
    buffers BigInt Plain "Buffers of block devices.";
    cached BigInt Plain "Page cache, tmpfs and shared memory included.";
    swap_cached BigInt Plain "Swap that is in memory too.";
    active BigInt Plain "Memory used lately.";
    inactive BigInt Plain "Memory not used lately.";
    swap_total BigInt Plain "Swap space.";
    swap_free BigInt Plain "Free swap space.";
    memory_available BigInt Plain "Memory that new programs could have without swapping.";
}

const NAMES: [(usize, &str); 10] = [
    (col::memory_total, "MemTotal"),
    (col::memory_free, "MemFree"),
    (col::buffers, "Buffers"),
    (col::cached, "Cached"),
    (col::swap_cached, "SwapCached"),
    (col::active, "Active"),
    (col::inactive, "Inactive"),
    (col::swap_total, "SwapTotal"),
    (col::swap_free, "SwapFree"),
    (col::memory_available, "MemAvailable"),
];

/// Reads `/proc/meminfo`.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    let Some(totals) = MemoryTotals::read(host, SPEC.name, seen) else { return };
    let mut row = SPEC.row();
    for (column, name) in NAMES {
        row.put(column, totals.get(name));
    }
    seen.push(row);
}

#[cfg(test)]
mod tests {
    use stanch_machine::Pretend;

    use super::*;

    #[test]
    fn a_small_machine() {
        let machine = Pretend::new().file("/proc/meminfo", "MemTotal: 2 kB\nSwapFree: 1 kB\n");
        let mut seen = Seen::default();
        read(&Host::new(std::sync::Arc::new(machine)), &Ask::all(), &mut seen);
        assert_eq!(seen.rows[0].get(col::memory_total).as_integer(), Some(2048));
        assert_eq!(seen.rows[0].get(col::swap_free).as_integer(), Some(1024));
        assert!(seen.rows[0].get(col::cached).is_null());
    }
}
