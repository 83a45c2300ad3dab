//! Tasks that the kernel counts, beside those that are visible.
//!
//! Source: proc_loadavg(5), sysinfo(2): both count all threads (`nr_threads`).

use std::path::Path;
use std::time::Duration;

use stanch_words::{Ask, Seen, table_spec};

use crate::Host;
use crate::pid_views;
use crate::process_files::{number, words};

table_spec! {
    /// Task counts.
    pub static SPEC, col = "task_gaps": Live, "One row: how many tasks the kernel counts and how many are visible.";
    visible_tasks BigInt Plain "Threads of all visible processes, in the look with the smallest gap.";
    kernel_tasks BigInt Plain "Threads that the kernel counts.";
    gap BigInt Plain "Smallest difference of three looks; above 0, tasks are hidden.";
    confirmed Integer Plain "1 if every one of the three looks showed hidden tasks.";
    comparable Integer Plain "0 in a pid namespace, where the kernel counts the whole host, or where hidepid hides others.";
    sysinfo_tasks BigInt Plain "What sysinfo(2) counts (16 bits).";
}

/// Counts three times.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    let Some(kernel) = host.kernel(SPEC.name, seen) else { return };
    let machine = host.machine();
    let mountinfo = pid_views::read_true(host, "self/mountinfo").unwrap_or_default();
    let hidden_by_rule = pid_views::over_mounts(&mountinfo).1 && !pid_views::sees_everybody(kernel);
    let comparable = pid_views::is_first_pid_namespace(machine)
        && pid_views::is_own_proc(machine, kernel)
        && !hidden_by_rule;
    let mut looks: Vec<(i64, i64, i64)> = Vec::new();
    for look in 0..3 {
        if look > 0 {
            kernel.sleep(Duration::from_millis(60));
        }
        let before = kernel_tasks(host, seen);
        let pids = pid_views::listed(host, SPEC.name, seen);
        let threads = pids.keys().filter_map(|&pid| pid_views::threads(machine, pid));
        let visible = threads.fold(0, u64::saturating_add);
        let visible = i64::try_from(visible).unwrap_or(i64::MAX);
        let after = kernel_tasks(host, seen);
        let (Some(before), Some(after)) = (before, after) else { return };
        // Tasks come and go meanwhile: the smaller count is the one that is held against us.
        let counted = before.min(after);
        looks.push((counted.saturating_sub(visible), visible, counted));
    }
    let Some(&(gap, visible, counted)) = looks.iter().min_by_key(|look| look.0.abs()) else {
        return;
    };
    let mut row = SPEC.row();
    row.put(col::visible_tasks, visible)
        .put(col::kernel_tasks, counted)
        .put(col::gap, gap)
        .put(col::confirmed, looks.iter().all(|look| look.0 > 0))
        .put(col::comparable, comparable)
        .put(col::sysinfo_tasks, kernel.sysinfo().tasks);
    seen.push(row);
}

fn kernel_tasks(host: &Host, seen: &mut Seen) -> Option<i64> {
    let bytes = host.read(SPEC.name, Path::new("/proc/loadavg"), 4096, seen)?;
    total(&bytes)
}

/// Returns the total in the fourth field of loadavg, `running/total`.
pub fn total(loadavg: &[u8]) -> Option<i64> {
    let field = words(loadavg).nth(3)?;
    number(field.split(|&b| b == b'/').nth(1)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_of_loadavg() {
        assert_eq!(total(b"0.00 0.01 0.05 1/234 5678\n"), Some(234));
        for wrong in [&b""[..], b"0 0 0", b"0 0 0 1", b"0 0 0 1/x 5"] {
            assert_eq!(total(wrong), None, "{wrong:?}");
        }
    }
}
