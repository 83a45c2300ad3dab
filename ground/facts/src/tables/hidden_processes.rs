//! Processes that one view shows and another hides.
//!
//! A rootkit hides a process from the listing of /proc; a mount over `/proc/PID` hides what is in
//! it (T1564.013). The scheduler, the control groups and a procfs that nobody can mount over are
//! asked beside the listing; only a disagreement that three looks confirm is a row.
//!
//! Source: proc(5), sched_getparam(2), fsopen(2), pid_namespaces(7).

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use stanch_machine::Kernel;
use stanch_machine::kernel::Probe;
use stanch_words::{Ask, Gap, GapKind, Seen, Value, table_spec};

use crate::Host;
use crate::pid_views::{self, LAST_PID, OverMount, read_true};
use crate::process_files::{self, ProcessGroup, ProcessStat, ProcessStatus};

table_spec! {
    /// Hidden processes.
    pub static SPEC, col = "hidden_processes": Live, "Processes that the listing of /proc hides, or whose directory something is mounted over.";
    pid BigInt Plain "Process id.";
    name Text Plain "Kernel's name of the process.";
    path Text Plain "Executable, without the ` (deleted)` mark.";
    cmdline Text Plain "Arguments joined by spaces.";
    uid BigInt Plain "Real user id.";
    start_ticks BigInt Plain "Start in clock ticks since boot.";
    seen_by Text Plain "Views that show it, separated by commas.";
    missing_from Text Plain "View that does not show it.";
    how Text Plain "over-mounted, not-listed, or not-in-proc.";
    confirmed Integer Plain "How many further looks agreed, out of three.";
    cgroup Text Plain "Control group.";
    mount Text Plain "What is mounted over its directory, if anything.";
    cpu_percent Real Plain "CPU use in 300 ms by the scheduler's clock, in percent of one core; empty if the process ended.";
}

/// Looks that must agree after the first.
const LOOKS: i64 = 3;
/// Between looks: longer than a process needs to be born or to be buried.
const BETWEEN: Duration = Duration::from_millis(60);
/// How long CPU use is measured.
const SAMPLE: Duration = Duration::from_millis(300);

/// Compares the views.
pub(super) fn read(host: &Host, ask: &Ask, seen: &mut Seen) {
    let Some(kernel) = host.kernel(SPEC.name, seen) else { return };
    if !pid_views::is_own_proc(host.machine(), kernel) {
        let detail = "/proc is that of another pid namespace: its numbers are not ours";
        seen.gap(Gap::new(SPEC.name, GapKind::NotHere, detail).at("/proc"));
        return;
    }
    let mountinfo = read_true(host, "self/mountinfo").unwrap_or_default();
    let (mounts, hidepid) = pid_views::over_mounts(&mountinfo);
    if hidepid && !pid_views::sees_everybody(kernel) {
        let detail = "/proc is mounted with hidepid: other people's processes are hidden by rule";
        seen.gap(Gap::new(SPEC.name, GapKind::Denied, detail).at("/proc"));
        return;
    }
    let fresh = pid_views::freshly_listed(host, SPEC.name, seen);
    let before = pid_views::listed(host, SPEC.name, seen);
    let groups = pid_views::in_control_groups(host);
    let answering = kernel.sweep(last_pid(host), Probe::Schedule);
    let mut after = Seen::default();
    let after = pid_views::listed(host, SPEC.name, &mut after);
    let views = Views { before: &before, after: &after, fresh: fresh.as_ref(), groups: &groups };
    let candidates = views.unlisted(host, &answering);
    confirm(host, kernel, candidates, fresh.is_some(), seen);
    over_mounted(host, kernel, &after, mounts, seen);
    if ask.wants(col::cpu_percent) && !seen.rows.is_empty() {
        measure(kernel, seen);
    }
}

/// Measures what the hidden processes work. Their CPU clocks need no /proc.
#[expect(clippy::cast_precision_loss, reason = "nanoseconds of a short time")]
fn measure(kernel: &dyn Kernel, seen: &mut Seen) {
    let clock = |row: &stanch_words::Row| {
        let pid = row.get(col::pid).as_integer().and_then(|pid| i32::try_from(pid).ok())?;
        kernel.cpu_time(pid)
    };
    let before: Vec<Option<u64>> = seen.rows.iter().map(clock).collect();
    let start = kernel.monotonic();
    kernel.sleep(SAMPLE);
    let elapsed = kernel.monotonic().saturating_sub(start).max(1);
    for (row, before) in seen.rows.iter_mut().zip(before) {
        let Some((after, before)) = clock(row).zip(before) else { continue };
        let percent = after.saturating_sub(before) as f64 * 100.0 / elapsed as f64;
        row.put(col::cpu_percent, (percent * 10.0).round() / 10.0);
    }
}

fn last_pid(host: &Host) -> i32 {
    let path = Path::new("/proc/sys/kernel/pid_max");
    let told = host.machine().read(path, 4096).ok();
    let told = told.and_then(|c| process_files::number(c.bytes.trim_ascii())).unwrap_or(0);
    // pid_max can be lowered after a process was started, so the whole space is asked.
    // Nothing larger is possible today; a later kernel may raise it.
    i32::try_from(told).unwrap_or(LAST_PID).max(LAST_PID).min(LAST_PID.saturating_mul(4))
}

/// What was listed where.
struct Views<'a> {
    before: &'a BTreeMap<i64, u64>,
    after: &'a BTreeMap<i64, u64>,
    fresh: Option<&'a BTreeSet<i64>>,
    groups: &'a BTreeSet<i64>,
}

impl Views<'_> {
    /// Returns the ids that some view shows and neither listing does.
    fn unlisted(&self, host: &Host, answering: &[i32]) -> BTreeSet<i64> {
        let unlisted = |id: &i64| !self.before.contains_key(id) && !self.after.contains_key(id);
        let mut found: BTreeSet<i64> =
            answering.iter().map(|&id| i64::from(id)).filter(unlisted).collect();
        found.extend(self.fresh.into_iter().flatten().copied().filter(unlisted));
        found.extend(self.groups.iter().copied().filter(unlisted));
        if !found.is_empty() {
            let threads = pid_views::thread_ids(host.machine(), self.after.keys());
            found.retain(|id| !threads.contains(id));
        }
        found
    }
}

/// Looks three more times at each candidate; what ends, is listed after all, or turns out to be a
/// thread is dropped.
fn confirm(
    host: &Host,
    kernel: &dyn Kernel,
    mut candidates: BTreeSet<i64>,
    fresh: bool,
    seen: &mut Seen,
) {
    let mut starts: BTreeMap<i64, Option<i64>> = BTreeMap::new();
    for _look in 0..LOOKS {
        if candidates.is_empty() {
            return;
        }
        kernel.sleep(BETWEEN);
        let listed = pid_views::listed(host, SPEC.name, &mut Seen::default());
        candidates.retain(|&pid| {
            let start = start(host, pid);
            !listed.contains_key(&pid)
                && !views(host, kernel, pid, fresh).is_empty()
                && !is_thread(host, pid)
                && *starts.entry(pid).or_insert(start) == start
        });
    }
    for pid in candidates {
        let in_proc = host.machine().stat(Path::new(&format!("/proc/{pid}/stat"))).is_ok();
        let in_fresh = fresh && kernel.fresh_proc(Path::new(&format!("{pid}/stat")), 64).is_ok();
        let how = if in_proc || in_fresh { "not-listed" } else { "not-in-proc" };
        let seen_by = views(host, kernel, pid, fresh).join(",");
        push(host, pid, &seen_by, "listing of /proc", how, None, seen);
    }
}

/// Returns the views that show a process now, other than the listing.
fn views(host: &Host, kernel: &dyn Kernel, pid: i64, fresh: bool) -> Vec<&'static str> {
    let mut shown = Vec::new();
    let Ok(id) = i32::try_from(pid) else { return shown };
    for (probe, name) in [
        (Probe::Schedule, "sched_getparam"),
        (Probe::Session, "getsid"),
        (Probe::Kill, "kill"),
        (Probe::Pidfd, "pidfd_open"),
    ] {
        if kernel.probe(id, probe) {
            shown.push(name);
        }
    }
    if host.machine().stat(Path::new(&format!("/proc/{pid}/status"))).is_ok() {
        shown.push("/proc by number");
    }
    if fresh && kernel.fresh_proc(Path::new(&format!("{pid}/stat")), 64).is_ok() {
        shown.push("fresh procfs");
    }
    shown
}

fn is_thread(host: &Host, pid: i64) -> bool {
    read_true(host, &format!("{pid}/status"))
        .is_ok_and(|bytes| ProcessStatus::parse(&bytes).is_some_and(|status| status.group != pid))
}

fn start(host: &Host, pid: i64) -> Option<i64> {
    let bytes = read_true(host, &format!("{pid}/stat")).ok()?;
    ProcessStat::parse(&bytes).map(|stat| stat.start())
}

/// Finds mounts over processes: as mountinfo tells them, and where a directory is not the one
/// that the listing promised.
fn over_mounted(
    host: &Host,
    kernel: &dyn Kernel,
    listed: &BTreeMap<i64, u64>,
    mut mounts: Vec<OverMount>,
    seen: &mut Seen,
) {
    let machine = host.machine();
    let Ok(proc) = machine.stat(Path::new("/proc")) else { return };
    for (&pid, &inode) in listed {
        let told = mounts.iter().any(|mount| mount.pid == pid);
        let Ok(stat) = machine.lstat(Path::new(&format!("/proc/{pid}"))) else { continue };
        let same = stat.device == proc.device && stat.inode == inode;
        if told || same {
            continue;
        }
        // The kernel may have made the inode anew; the process's own number settles it.
        let shown = machine.read(Path::new(&format!("/proc/{pid}/stat")), 4096).ok();
        let truth = kernel.fresh_proc(Path::new(&format!("{pid}/stat")), 4096).ok();
        let prefix = format!("{pid} (");
        let shows_itself = shown.is_some_and(|c| c.bytes.starts_with(prefix.as_bytes()));
        if !shows_itself && truth.is_some_and(|bytes| bytes.starts_with(prefix.as_bytes())) {
            let point = format!("/proc/{pid}");
            mounts.push(OverMount { pid, point, what: "not told by mountinfo".to_owned() });
        }
    }
    mounts.sort_by_key(|mount| mount.pid);
    mounts.dedup_by_key(|mount| mount.pid);
    for mount in mounts {
        // A mount over the number of a process that has ended hides nothing.
        let alive = i32::try_from(mount.pid).is_ok_and(|pid| kernel.probe(pid, Probe::Schedule));
        if alive {
            let what = format!("{} on {}", mount.what, mount.point);
            let seen_by = "sched_getparam,mountinfo";
            push(host, mount.pid, seen_by, &mount.point, "over-mounted", Some(what), seen);
        }
    }
}

fn push(
    host: &Host,
    pid: i64,
    seen_by: &str,
    missing_from: &str,
    how: &str,
    mount: Option<String>,
    seen: &mut Seen,
) {
    let mut row = SPEC.row();
    row.put(col::pid, pid)
        .put(col::seen_by, seen_by)
        .put(col::missing_from, missing_from)
        .put(col::how, how)
        .put(col::confirmed, LOOKS)
        .put(col::mount, mount.unwrap_or_default());
    let file = |name: &str| {
        let path = format!("{pid}/{name}");
        if how == "over-mounted" {
            let kernel = host.machine().kernel();
            return kernel.and_then(|kernel| kernel.fresh_proc(Path::new(&path), 1 << 20).ok());
        }
        read_true(host, &path).ok()
    };
    if let Some(status) = file("status").as_deref().and_then(ProcessStatus::parse) {
        row.put(col::name, status.plain_name()).put(col::uid, status.uids[0]);
    }
    if let Some(stat) = file("stat").as_deref().and_then(ProcessStat::parse) {
        row.put(col::start_ticks, stat.start());
    }
    if let Some(cmdline) = file("cmdline") {
        row.put(col::cmdline, process_files::joined_arguments(&cmdline));
    }
    if let Some(groups) = file("cgroup") {
        row.put(col::cgroup, ProcessGroup::parse(&groups).path);
    }
    row.put(col::path, exe(host, pid));
    seen.push(row);
}

fn exe(host: &Host, pid: i64) -> Value {
    use std::os::unix::ffi::OsStrExt as _;
    let fresh = host.machine().kernel();
    let fresh = fresh.and_then(|k| k.fresh_proc_link(Path::new(&format!("{pid}/exe"))).ok());
    let link =
        fresh.or_else(|| host.machine().read_link(Path::new(&format!("/proc/{pid}/exe"))).ok());
    link.map_or(Value::Null, |link| {
        Value::bytes(process_files::without_deleted(link.as_os_str().as_bytes()).0)
    })
}

#[cfg(test)]
mod tests {
    use stanch_machine::Pretend;

    use super::*;

    #[test]
    fn ids_that_answer_but_are_listed_nowhere_are_candidates_and_threads_are_not() {
        let machine = Pretend::new()
            .directory("/proc/5/task/5")
            .directory("/proc/5/task/6")
            .with("/proc/5/task", |stat| stat.links = 4);
        let host = Host::new(std::sync::Arc::new(machine));
        let before = BTreeMap::from([(5, 1), (8, 1)]);
        let after = BTreeMap::from([(5, 1), (9, 1)]);
        let (fresh, groups) = (BTreeSet::from([5, 13]), BTreeSet::from([5, 14]));
        let views = Views { before: &before, after: &after, fresh: Some(&fresh), groups: &groups };
        // 6 is a thread, 8 ended meanwhile, 9 began.
        let found = views.unlisted(&host, &[5, 6, 8, 9, 12]);
        assert_eq!(found, BTreeSet::from([12, 13, 14]));
        assert_eq!(views.unlisted(&host, &[5]), BTreeSet::from([13, 14]));
    }
}
