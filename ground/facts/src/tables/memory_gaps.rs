//! Memory in use that nothing visible accounts for.
//!
//! Source: proc_meminfo(5), proc_pid_status(5) (`RssAnon`, Linux 4.5).

use stanch_machine::limits;
use stanch_words::{Ask, Seen, table_spec};

use crate::Host;
use crate::memory_totals::MemoryTotals;
use crate::pid_views;
use crate::process_files::{self, ProcessStatus};

table_spec! {
    /// Memory accounts.
    pub static SPEC, col = "memory_gaps": Live, "One row: memory in use beside what the kernel and visible processes account for, in bytes.";
    total BigInt Plain "Usable memory.";
    accounted BigInt Plain "Free, cached, anonymous, kernel's own and huge pages together.";
    unaccounted BigInt Plain "Total less accounted: drivers' and balloons' pages, or hidden ones.";
    unaccounted_percent Real Plain "Unaccounted in percent of the total.";
    anon_pages BigInt Plain "Anonymous memory that the kernel counts.";
    visible_anon BigInt Plain "Anonymous memory of visible processes; what two share is counted twice.";
    hidden_anon BigInt Plain "Anonymous memory that no visible process has; not below 0.";
    hidden_anon_percent Real Plain "Hidden anonymous memory in percent of the total.";
    comparable Integer Plain "0 in a pid namespace, where others' memory counts too.";
}

/// What meminfo counts and no other line of these includes.
const ACCOUNTED: [&str; 11] = [
    "MemFree",
    "Buffers",
    "Cached",
    "SwapCached",
    "Slab",
    "AnonPages",
    "PageTables",
    "SecPageTables",
    "KernelStack",
    "Percpu",
    "Hugetlb",
];

/// Sums up.
#[expect(clippy::cast_precision_loss, reason = "percentages to be read by people")]
pub(super) fn read(host: &Host, ask: &Ask, seen: &mut Seen) {
    let Some(totals) = MemoryTotals::read(host, SPEC.name, seen) else { return };
    let total = totals.get("MemTotal").unwrap_or(0);
    let accounted = totals.sum(&ACCOUNTED).saturating_add(vmalloc(&totals));
    let unaccounted = total.saturating_sub(accounted);
    let percent = |part: i64| part as f64 * 100.0 / total.max(1) as f64;
    let mut row = SPEC.row();
    row.put(col::total, total)
        .put(col::accounted, accounted)
        .put(col::unaccounted, unaccounted)
        .put(col::unaccounted_percent, percent(unaccounted));
    if ask.wants_any(&[col::visible_anon, col::hidden_anon, col::hidden_anon_percent]) {
        let visible = visible_anonymous(host, seen);
        let hidden = totals.get("AnonPages").map(|all| all.saturating_sub(visible).max(0));
        row.put(col::visible_anon, visible)
            .put(col::hidden_anon, hidden)
            .put(col::hidden_anon_percent, hidden.map(percent));
    }
    row.put(col::anon_pages, totals.get("AnonPages"))
        .put(col::comparable, pid_views::is_first_pid_namespace(host.machine()));
    seen.push(row);
}

/// Memory by vmalloc(9), which holds the kernel's stacks too where these are counted apart.
fn vmalloc(totals: &MemoryTotals) -> i64 {
    totals.sum(&["VmallocUsed"]).saturating_sub(totals.sum(&["KernelStack"])).max(0)
}

fn visible_anonymous(host: &Host, seen: &mut Seen) -> i64 {
    let mut sum = 0_i64;
    let mut bytes = Vec::new();
    let Ok(proc) = host.machine().directory("/proc".as_ref()) else { return 0 };
    for pid in process_files::pids(host, SPEC.name, &Ask::all(), 0, seen) {
        // A process that ended meanwhile has given its memory back.
        if proc.read(&format!("{pid}/status"), limits::PSEUDO_FILE, &mut bytes).is_ok()
            && let Some(status) = ProcessStatus::parse(&bytes)
        {
            sum = sum.saturating_add(status.anonymous.saturating_mul(1024));
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use stanch_machine::Pretend;

    use super::*;

    #[test]
    fn a_hidden_miner_with_half_of_the_memory() {
        let meminfo = "MemTotal: 1000 kB\nMemFree: 300 kB\nCached: 50 kB\nAnonPages: 600 kB\nVmallocUsed: 10 kB\nKernelStack: 4 kB\n";
        let machine = Pretend::new()
            .file("/proc/meminfo", meminfo)
            .file("/proc/5/status", "Name:\tx\nRssAnon:\t100 kB\n");
        let mut seen = Seen::default();
        read(&Host::new(std::sync::Arc::new(machine)), &Ask::all(), &mut seen);
        let row = &seen.rows[0];
        let kib = |column| row.get(column).as_integer().unwrap() / 1024;
        assert_eq!((kib(col::accounted), kib(col::unaccounted)), (960, 40));
        assert_eq!((kib(col::visible_anon), kib(col::hidden_anon)), (100, 500));
        assert_eq!(seen.gaps, []);
    }
}
