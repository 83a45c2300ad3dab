//! CPU time that no visible process accounts for.
//!
//! A hidden miner still heats the CPU: what the kernel says it worked, less what the visible
//! processes used, is what the hidden ones did.
//!
//! Source: proc_stat(5), proc_pid_stat(5), `cpu.stat` of cgroup v2.

use stanch_words::{Ask, Seen, table_spec};

use crate::Host;
use crate::pid_views;
use crate::sampling::Sampling;

table_spec! {
    /// CPU accounts.
    pub static SPEC, col = "cpu_gaps": Live, "CPU time spent beside CPU time of visible processes: one row for the machine, and one for each control group with a gap.";
    scope Text Plain "host or cgroup.";
    path Text Plain "Control group's path, empty for the machine.";
    windows Integer Plain "Windows that could be compared; none while many processes are born.";
    windows_over Integer Plain "Windows whose gap was over the threshold.";
    gap_cores Real Plain "Median gap in cores.";
    threshold_cores Real Plain "The larger of 0.15 core and four times the median deviation.";
    busy_cores Real Plain "Cores in use, median.";
    visible_cores Real Plain "Cores that visible processes used, median.";
    forks_per_second Real Plain "New tasks a second.";
    comparable Integer Plain "0 where the kernel counts more than we may see: in a pid namespace, or under hidepid.";
}

/// Compares the samples.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    let sampling = Sampling::of(host);
    sampling.tell(SPEC.name, seen);
    if sampling.samples.is_empty() {
        return;
    }
    let mountinfo = pid_views::read_true(host, "self/mountinfo").unwrap_or_default();
    let everybody = host.machine().kernel().is_some_and(pid_views::sees_everybody);
    let hidden_by_rule = pid_views::over_mounts(&mountinfo).1 && !everybody;
    let comparable = pid_views::is_first_pid_namespace(host.machine()) && !hidden_by_rule;
    for account in sampling.accounts() {
        let mut row = SPEC.row();
        row.put(col::scope, if account.group.is_some() { "cgroup" } else { "host" })
            .put(col::path, account.group.unwrap_or_default())
            .put(col::windows, account.windows)
            .put(col::windows_over, account.over)
            .put(col::gap_cores, rounded(account.gap))
            .put(col::threshold_cores, rounded(account.threshold))
            .put(col::busy_cores, rounded(account.busy))
            .put(col::visible_cores, rounded(account.visible))
            .put(col::forks_per_second, rounded(account.forks))
            .put(col::comparable, comparable);
        seen.push(row);
    }
}

fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use stanch_machine::Pretend;

    use super::*;

    #[test]
    fn a_machine_without_a_kernel_leaves_a_gap_and_no_row() {
        let host = Host::new(std::sync::Arc::new(Pretend::new()));
        let mut seen = Seen::default();
        read(&host, &Ask::all(), &mut seen);
        assert_eq!((seen.rows.len(), seen.gaps.len()), (0, 1));
        assert_eq!(seen.gaps[0].what, "cpu_gaps");
    }
}
