//! Complaints of the kernel, by program or module, with the densest ten minutes of each.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::Arc;

use stanch_words::{Event, EventKind, Gap, GapKind, Row, Seen};

use super::kept::{Lines, Times, as_json, seconds, shortened};
use super::{Fold, FoldKind, Source, Witness};
use crate::Host;
use crate::tables::kernel_complaints::{SPEC, col};

pub(super) static FOLD: FoldKind = FoldKind {
    takes: &[
        EventKind::KernelComplaint,
        EventKind::ModuleLoad,
        EventKind::Boot,
        EventKind::PackageInstall,
        EventKind::PackageUpgrade,
    ],
    new: || Box::new(KernelComplaints::default()),
};

/// How many programs and modules are kept, and how many times of packages.
const MOST: usize = 2_000;
const MOST_TIMES: usize = 20_000;
/// The span in which complaints are one burst, in seconds, and how many are counted.
const BURST: i64 = 600;
const MOST_IN_BURST: usize = 1_000;
/// How long an upgrade explains a crash, in seconds.
const AFTER_PACKAGE: i64 = 1_800;
/// The most of a list of modules that is read.
const LIST: u64 = 16 << 20;

#[derive(Default)]
struct KernelComplaints {
    /// By class, subject and witness.
    complaints: BTreeMap<(&'static str, Box<str>, Witness), Complaint>,
    packages: Times,
    boot: Option<i64>,
    left_out: u64,
}

#[derive(Default)]
struct Complaint {
    reason: Box<str>,
    count: u64,
    recent: VecDeque<i64>,
    burst: usize,
    burst_time: Option<i64>,
    first: Option<i64>,
    last: Option<i64>,
    lines: Lines,
}

impl Fold for KernelComplaints {
    fn event(&mut self, event: &Event<'_>, source: &Source) {
        let time = seconds(event);
        match event.kind {
            EventKind::Boot => self.boot = self.boot.max(time),
            EventKind::PackageInstall | EventKind::PackageUpgrade => {
                if let Some(time) = time {
                    self.packages.keep(time, MOST_TIMES);
                }
            }
            _ => {
                if let Some((class, subject)) = class(event) {
                    self.take(event, source, class, subject);
                }
            }
        }
    }

    fn end(mut self: Box<Self>, host: &Host) -> Vec<(&'static str, Seen)> {
        let mut seen = Seen::default();
        self.packages.sort();
        // What two logs tell is told once, by the one that holds more of it.
        let mut best: BTreeMap<(&'static str, Box<str>), Complaint> = BTreeMap::new();
        for ((class, subject, _), complaint) in std::mem::take(&mut self.complaints) {
            let held = best.entry((class, subject)).or_default();
            if complaint.count > held.count {
                *held = complaint;
            }
        }
        let modules = best.keys().any(|(class, _)| *class == "module");
        let listed = if modules { module_lists(host) } else { Vec::new() };
        for ((class, subject), complaint) in &best {
            seen.push(self.row(class, subject, complaint, &listed));
        }
        if self.left_out > 0 {
            let detail =
                format!("more than {MOST} programs and modules; {} lines left out", self.left_out);
            seen.gap(Gap::new(SPEC.name, GapKind::Truncated, detail));
        }
        vec![(SPEC.name, seen)]
    }
}

/// Returns the class of a complaint and what it is about; none for what says nothing here.
fn class<'e>(event: &'e Event<'_>) -> Option<(&'static str, &'e str)> {
    let reason = event.text("reason");
    if event.program != "kernel" {
        return None;
    }
    if event.kind == EventKind::ModuleLoad {
        let tells = reason.starts_with("module verification failed")
            || reason.starts_with("loading out-of-tree module");
        return tells.then_some(("module", event.path.as_ref()));
    }
    if reason == "out of memory" {
        return (!event.path.is_empty()).then_some(("out-of-memory", event.path.as_ref()));
    }
    if !event.path.is_empty() {
        let odd = reason.starts_with("trap invalid opcode");
        return Some((if odd { "invalid-opcode" } else { "crash" }, event.path.as_ref()));
    }
    // `bpftrace[123] is installing a program with bpf_probe_write_user helper that may corrupt
    // user memory!`: kernel/trace/bpf_trace.c.
    if let Some((who, _)) = reason.split_once(" is installing a program with bpf_probe_write_user")
    {
        let who = who.rsplit(' ').next().unwrap_or(who);
        return Some(("write-user", who.rsplit_once('[').map_or(who, |(name, _)| name)));
    }
    let oops = ["BUG: ", "kernel BUG at ", "Oops: ", "general protection fault", "Kernel panic"];
    oops.into_iter().any(|start| reason.starts_with(start)).then_some(("oops", ""))
}

impl KernelComplaints {
    fn take(&mut self, event: &Event<'_>, source: &Source, class: &'static str, subject: &str) {
        let key = (class, Box::from(shortened(subject, 128)), source.witness);
        if self.complaints.len() >= MOST && !self.complaints.contains_key(&key) {
            self.left_out = self.left_out.saturating_add(1);
            return;
        }
        let complaint = self.complaints.entry(key).or_default();
        if complaint.count == 0 {
            complaint.reason = shortened(event.text("reason"), 200).into();
        }
        // `last message repeated 7 times`.
        let times = event.number("count").and_then(|count| u64::try_from(count).ok()).unwrap_or(1);
        complaint.count = complaint.count.saturating_add(times.clamp(1, 10_000));
        complaint.lines.take(event, || Arc::from(event.place.file));
        let Some(time) = seconds(event) else { return };
        complaint.first = Some(complaint.first.map_or(time, |first| first.min(time)));
        complaint.last = complaint.last.max(Some(time));
        complaint.recent.retain(|other| time.abs_diff(*other) <= BURST.unsigned_abs());
        if complaint.recent.len() < MOST_IN_BURST {
            complaint.recent.push_back(time);
        }
        if complaint.recent.len() > complaint.burst {
            complaint.burst = complaint.recent.len();
            complaint.burst_time = complaint.recent.iter().min().copied();
        }
    }

    fn row(&self, class: &str, subject: &str, complaint: &Complaint, lists: &[Vec<u8>]) -> Row {
        let near = complaint.burst_time.is_some_and(|time| {
            self.packages.is_any_within(time.saturating_sub(AFTER_PACKAGE), time)
        });
        let file = (class == "module" && !lists.is_empty())
            .then(|| i64::from(lists.iter().any(|list| names(list, subject))));
        let mut row = SPEC.row();
        row.put(col::class, class)
            .put(col::subject, subject)
            .put(col::reason, &*complaint.reason)
            .put(col::count, complaint.count)
            .put(col::burst, i64::try_from(complaint.burst).unwrap_or(i64::MAX))
            .put(col::burst_time, complaint.burst_time)
            .put(col::near_package, i64::from(near))
            .put(col::module_file, file)
            .put(col::last_boot, i64::from(complaint.last >= self.boot))
            .put(col::first_time, complaint.first)
            .put(col::last_time, complaint.last)
            .put(col::lines, as_json(complaint.lines.kept()));
        if let Some(told) = complaint.lines.kept().first() {
            row.put(col::file, &*told.source)
                .put(col::line, told.line)
                .put(col::excerpt, &*told.excerpt);
        }
        row
    }
}

/// Returns the lists of modules of all installed kernels, with `_` for `-`.
fn module_lists(host: &Host) -> Vec<Vec<u8>> {
    let machine = host.machine();
    let mut lists = Vec::new();
    for root in ["/usr/lib/modules", "/lib/modules"] {
        for entry in machine.list(Path::new(root)).map(|listed| listed.entries).unwrap_or_default()
        {
            for name in ["modules.dep", "modules.builtin"] {
                let path = Path::new(root).join(&entry.name).join(name);
                if let Ok(read) = machine.read(&path, LIST) {
                    let plain = |byte: &u8| if *byte == b'-' { b'_' } else { *byte };
                    lists.push(read.bytes.iter().map(plain).collect());
                }
            }
        }
        if !lists.is_empty() {
            break;
        }
    }
    lists
}

/// Returns whether a list names a module's file.
fn names(list: &[u8], module: &str) -> bool {
    let file = format!("/{}.ko", module.replace('-', "_"));
    memchr::memmem::find(list, file.as_bytes()).is_some()
}

#[cfg(test)]
mod tests {
    use stanch_machine::Pretend;

    use super::*;
    use crate::tables;

    fn rows(log: &str) -> Vec<[String; 5]> {
        let machine = Pretend::new()
            .file("/etc/passwd", "root:x:0:0::/root:/bin/bash\n")
            .file(
                "/lib/modules/6.1.0-1-amd64/modules.dep",
                "updates/dkms/nvidia-drm.ko.xz:\nkernel/fs/ext4/ext4.ko:\n",
            )
            .file("/var/log/kern.log", log);
        let columns = [col::class, col::subject, col::count, col::burst, col::module_file];
        tables::shown("kernel_complaints", machine, columns)
    }

    fn row(cells: [&str; 5]) -> [String; 5] {
        cells.map(str::to_owned)
    }

    #[test]
    fn crashes_are_counted_in_their_densest_ten_minutes() {
        let mut log = String::new();
        for (minute, second) in [(0, 1), (30, 1), (31, 2), (32, 3), (33, 4), (39, 5), (59, 1)] {
            log.push_str(&format!(
                "Nov  2 08:{minute:02}:{second:02} h kernel: [1.0] exim4[7{minute}]: segfault at 0 ip 00 sp 00 error 4 in exim4[7f]\n"
            ));
        }
        assert_eq!(rows(&log), [row(["crash", "exim4", "7", "5", ""])]);
    }

    #[test]
    fn a_module_whose_file_no_kernel_has() {
        let log = "Nov  2 08:00:00 h kernel: [1.0] nvidia_drm: loading out-of-tree module taints kernel.\n\
            Nov  2 09:00:00 h kernel: [2.0] diamorphine: loading out-of-tree module taints kernel.\n\
            Nov  2 09:00:00 h kernel: [2.0] diamorphine: module verification failed: signature and/or required key missing - tainting kernel\n\
            Nov  2 09:00:01 h kernel: [3.0] bpftrace[77] is installing a program with bpf_probe_write_user helper that may corrupt user memory!\n\
            Nov  2 09:00:02 h forged: diamorphine: loading out-of-tree module taints kernel.\n";
        assert_eq!(
            rows(log),
            [
                row(["module", "diamorphine", "2", "2", "0"]),
                row(["module", "nvidia_drm", "1", "1", "1"]),
                row(["write-user", "bpftrace", "1", "1", ""]),
            ]
        );
    }
}
