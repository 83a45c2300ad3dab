//! Which processes use the CPU now.
//!
//! Source: proc_pid_stat(5), sampled over two seconds.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use stanch_words::{Ask, Seen, Value, table_spec};

use crate::Host;
use crate::process_files;
use crate::sampling::{Active, Sampling, Used, between};

table_spec! {
    /// CPU use of processes.
    pub static SPEC, col = "cpu_usage": Live, "CPU use of processes in windows of 400 ms; only those that used any.";
    pid BigInt Plain "Process id.";
    name Text Plain "Kernel's name of the process.";
    path Text Plain "Executable, without the ` (deleted)` mark.";
    start_ticks BigInt Plain "Start in clock ticks since boot.";
    windows Integer Plain "Windows that were looked at.";
    busy_windows Integer Plain "Windows in which it used at least 80 % of one core, or wanted to: it used 20 % and waited for a CPU the rest of the time.";
    cpu_percent Real Plain "CPU use over all windows, in percent of one core.";
    nice Integer Plain "Nice value.";
    policy Integer Plain "Scheduling policy number (sched(7)).";
}

/// Compares the samples.
pub(super) fn read(host: &Host, ask: &Ask, seen: &mut Seen) {
    let sampling = Sampling::of(host);
    sampling.tell(SPEC.name, seen);
    for active in &sampling.active {
        let (busy, windows, percent) = used(&sampling, active);
        if percent <= 0.0 {
            continue;
        }
        let mut row = SPEC.row();
        row.put(col::pid, active.pid)
            .put(col::name, &active.name[..])
            .put(col::start_ticks, active.start)
            .put(col::windows, windows)
            .put(col::busy_windows, busy)
            .put(col::cpu_percent, (percent * 10.0).round() / 10.0)
            .put(col::nice, active.nice)
            .put(col::policy, active.policy);
        if ask.wants(col::path) {
            let link = host.machine().read_link(Path::new(&format!("/proc/{}/exe", active.pid)));
            row.put(
                col::path,
                link.map_or(Value::Null, |link| {
                    Value::bytes(process_files::without_deleted(link.as_os_str().as_bytes()).0)
                }),
            );
        }
        seen.push(row);
    }
}

/// Returns busy windows, windows, and percent of a core.
///
/// On a host whose cores are all taken a burner gets only its share; what it waited for a CPU
/// counts as wanted.
#[expect(clippy::cast_precision_loss, reason = "ticks and nanoseconds of a short time")]
fn used(sampling: &Sampling, active: &Active) -> (usize, usize, f64) {
    let ticks = sampling.ticks.max(1) as f64;
    let (mut busy, mut windows, mut all, mut time) = (0_usize, 0_usize, 0.0, 0.0);
    for (before, after) in sampling.windows() {
        let same = |used: &&Used| used.start == active.start;
        let Some(now) = after.processes.get(&active.pid).filter(same) else { continue };
        let then = before.processes.get(&active.pid).filter(same);
        let seconds = now.own.saturating_sub(then.map_or(0, |then| then.own)).max(0) as f64 / ticks;
        let waited = now.waited.zip(then.and_then(|then| then.waited));
        let waited = waited.map_or(0.0, |(now, then)| now.saturating_sub(then) as f64 / 1e9);
        let window = between(before, after);
        let wanted = seconds >= 0.2 * window && seconds + waited >= 0.8 * window;
        windows = windows.saturating_add(1);
        busy = busy.saturating_add(usize::from(seconds >= 0.8 * window || wanted));
        all += seconds;
        time += window;
    }
    (busy, windows, if time > 0.0 { all / time * 100.0 } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sampling::Sample;

    #[test]
    fn a_burner_that_rests_in_one_window() {
        let counts = [0, 40, 80, 80, 120, 160];
        let samples = (0_u64..).zip(counts).map(|(n, own)| Sample {
            at: n * 400_000_000,
            processes: [(7, Used { start: 5, own, children: 0, waited: None })].into(),
            ..Sample::default()
        });
        let sampling = Sampling { ticks: 100, samples: samples.collect(), ..Sampling::default() };
        let active = Active { pid: 7, start: 5, ..Active::default() };
        let (busy, windows, percent) = used(&sampling, &active);
        assert_eq!((busy, windows), (4, 5));
        assert!((percent - 80.0).abs() < 1e-6, "{percent}");
        // Another process with the same number is not it.
        let other = Active { pid: 7, start: 6, ..Active::default() };
        assert_eq!(used(&sampling, &other).1, 0);
    }
    #[test]
    fn a_burner_on_a_crowded_host_is_busy_by_what_it_wanted() {
        let samples = (0_i64..6).map(|n| {
            let waited = Some(n.unsigned_abs() * 250_000_000);
            let used = Used { start: 5, own: n * 15, children: 0, waited };
            let at = n.unsigned_abs() * 400_000_000;
            Sample { at, processes: [(7, used)].into(), ..Sample::default() }
        });
        let sampling = Sampling { ticks: 100, samples: samples.collect(), ..Sampling::default() };
        let active = Active { pid: 7, start: 5, ..Active::default() };
        assert_eq!(used(&sampling, &active).0, 5);
    }
}
