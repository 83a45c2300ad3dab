//! One sampling over two seconds that all tables about rates share.
//!
//! ```text
//!   sample 0 ──400 ms── sample 1 ── … ── sample 5      processes' and kernel's counters
//!   sockets, interfaces                  sockets, interfaces
//! ```
//!
//! Source: proc_stat(5), proc_pid_stat(5), proc_net(5), Documentation/admin-guide/cgroup-v2.rst.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use stanch_machine::{Directory, Kernel, limits};
use stanch_words::{Gap, GapKind, Seen};

use crate::Host;
use crate::pid_views;
use crate::process_files::{ProcessStat, number, words};
use crate::sockets::{self, diag};

pub mod gaps;

/// Windows, and the length of each.
pub const WINDOWS: usize = 5;
const WINDOW: Duration = Duration::from_millis(400);

/// CPU time of one process in ticks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Start in ticks since boot: tells a process from a later one with the same number.
    pub start: i64,
    /// In user and kernel mode together.
    pub own: i64,
    /// Of its children that have ended and been waited for.
    pub children: i64,
    /// Nanoseconds that its first thread has waited for a CPU though it could have run
    /// (`/proc/PID/schedstat`, Documentation/scheduler/sched-stats.rst); known only of those that
    /// were running or ready at the moment of the sample.
    pub waited: Option<u64>,
}

/// What an interface sent and received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes received.
    pub received: u64,
    /// Bytes sent.
    pub sent: u64,
    /// Packets sent.
    pub packets: u64,
}

/// The counters at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample {
    /// Monotonic nanoseconds.
    pub at: u64,
    /// Ticks that all CPUs worked for processes: user, nice and system.
    pub busy: i64,
    /// Processes and threads started since boot.
    pub forks: i64,
    /// Context switches since boot.
    pub switches: i64,
    /// The processes.
    pub processes: HashMap<i64, Used>,
    /// Microseconds of CPU of each control group, in the order of [`Sampling::groups`].
    pub groups: Vec<Option<u64>>,
}

/// What a process that used CPU is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Active {
    /// The process.
    pub pid: i64,
    /// Its start in ticks.
    pub start: i64,
    /// The kernel's name of it.
    pub name: Vec<u8>,
    /// Nice value.
    pub nice: i64,
    /// Scheduling policy.
    pub policy: i64,
    /// Its path in the unified control group hierarchy, empty if not known.
    pub group: String,
}

/// The whole sampling.
#[derive(Clone, Debug, Default)]
pub struct Sampling {
    /// Clock ticks a second.
    pub ticks: i64,
    /// The samples, one more than windows.
    pub samples: Vec<Sample>,
    /// Paths of the control groups.
    pub groups: Vec<String>,
    /// Processes that used CPU in between.
    pub active: Vec<Active>,
    /// Interfaces with a device behind them, at the beginning and at the end, all together.
    pub traffic: (Traffic, Traffic),
    /// Bytes that TCP sent to others, in between, on sockets that live at the end.
    pub socket_bytes: u64,
    /// TCP sockets to others that were closed in between: their last bytes are not known.
    pub closed_sockets: u64,
    /// Packets that the kernel dropped for want of time, in between (softnet_stat).
    pub dropped: u64,
    /// UDP datagrams sent in between.
    pub datagrams: u64,
    /// Processes whose counters could not be read.
    pub unreadable: u64,
    /// What could not be seen; the table's name in it is empty.
    pub gaps: Vec<Gap>,
}

impl Sampling {
    /// Returns the sampling of the host, made once: whoever asks first waits for it.
    pub fn of(host: &Host) -> Arc<Self> {
        host.once(Self::take)
    }

    /// Copies the gaps into a table.
    pub fn tell(&self, table: &str, seen: &mut Seen) {
        for gap in &self.gaps {
            seen.gap(Gap { what: table.to_owned(), ..gap.clone() });
        }
    }

    fn take(host: &Host) -> Self {
        let mut seen = Seen::default();
        let Some(kernel) = host.kernel("", &mut seen) else {
            return Self { gaps: seen.gaps, ..Self::default() };
        };
        let proc = match host.machine().directory(Path::new("/proc")) {
            Ok(proc) => proc,
            Err(miss) => return Self { gaps: vec![miss.gap("")], ..Self::default() },
        };
        let groups = pid_views::control_groups(host);
        let mut reader = Reader { host, kernel, proc: &*proc, groups: &groups, buffer: Vec::new() };
        let mut sampling = Self { ticks: kernel.ticks().max(1).cast_signed(), ..Self::default() };
        let traffic = reader.traffic(&mut seen);
        let sent = reader.socket_bytes();
        let dropped = reader.dropped();
        let datagrams = reader.datagrams();
        for window in 0..=WINDOWS {
            if window > 0 {
                kernel.sleep(WINDOW);
            }
            sampling.samples.push(reader.sample(&mut sampling.unreadable, &mut seen));
        }
        sampling.traffic = (traffic, reader.traffic(&mut seen));
        sampling.dropped = reader.dropped().saturating_sub(dropped);
        sampling.datagrams = reader.datagrams().saturating_sub(datagrams);
        if let (Ok(before), Ok(after)) = (&sent, reader.socket_bytes()) {
            sampling.closed_sockets =
                before.keys().filter(|id| !after.contains_key(id)).count() as u64;
            let grown = |(id, &bytes): (&u64, &u64)| {
                bytes.saturating_sub(before.get(id).copied().unwrap_or(0))
            };
            sampling.socket_bytes = after.iter().map(grown).fold(0, u64::saturating_add);
        } else {
            let detail = "sockets' byte counts cannot be asked for";
            seen.gap(Gap::new("", GapKind::Refused, detail));
        }
        sampling.active = reader.active(&sampling.samples);
        sampling.groups = groups.into_iter().map(|(name, _)| name).collect();
        sampling.gaps = seen.gaps;
        sampling
    }

    /// Returns the seconds from the first sample to the last.
    pub fn seconds(&self) -> f64 {
        match (self.samples.first(), self.samples.last()) {
            (Some(first), Some(last)) => between(first, last),
            _ => 0.0,
        }
    }

    /// Returns the windows: each sample with the one after it.
    pub fn windows(&self) -> impl Iterator<Item = (&Sample, &Sample)> {
        self.samples.iter().zip(self.samples.iter().skip(1))
    }
}

/// Returns the seconds between two samples.
#[expect(clippy::cast_precision_loss, reason = "nanoseconds of a short time fit well")]
pub fn between(before: &Sample, after: &Sample) -> f64 {
    after.at.saturating_sub(before.at).max(1) as f64 / 1e9
}

struct Reader<'a> {
    host: &'a Host,
    kernel: &'a dyn Kernel,
    proc: &'a dyn Directory,
    groups: &'a [(String, PathBuf)],
    buffer: Vec<u8>,
}

impl Reader<'_> {
    fn sample(&mut self, unreadable: &mut u64, seen: &mut Seen) -> Sample {
        let mut sample = Sample { at: self.kernel.monotonic(), ..Sample::default() };
        let path = Path::new("/proc/stat");
        if let Some(bytes) = self.host.read("", path, limits::PSEUDO_FILE, seen) {
            totals(&bytes, &mut sample);
        }
        for pid in self.pids(seen) {
            match self.proc.read(&format!("{pid}/stat"), limits::PSEUDO_FILE, &mut self.buffer) {
                Ok(_) => {
                    let stat = ProcessStat::parse(&self.buffer).filter(|stat| stat.pid == pid);
                    if let Some(stat) = stat {
                        let (user, system) = stat.ticks();
                        let own = user.saturating_add(system);
                        let mut used = Used {
                            start: stat.start(),
                            own,
                            children: stat.children_ticks(),
                            waited: None,
                        };
                        if stat.state == b'R' {
                            used.waited = self.waited(pid);
                        }
                        sample.processes.insert(pid, used);
                    } else {
                        *unreadable = unreadable.saturating_add(1);
                    }
                }
                Err(miss) if miss.absent => {}
                Err(_refused) => *unreadable = unreadable.saturating_add(1),
            }
        }
        for (_, directory) in self.groups {
            let stat = self.host.machine().read(&directory.join("cpu.stat"), limits::PSEUDO_FILE);
            sample.groups.push(stat.ok().and_then(|contents| usage(&contents.bytes)));
        }
        sample
    }

    fn waited(&mut self, pid: i64) -> Option<u64> {
        self.proc.read(&format!("{pid}/schedstat"), 4096, &mut self.buffer).ok()?;
        let waited = words(&self.buffer).nth(1)?;
        number(waited).map(i64::unsigned_abs)
    }

    fn pids(&self, seen: &mut Seen) -> Vec<i64> {
        match self.proc.list(".") {
            Ok(listing) => {
                let names = listing.entries.iter();
                names.filter_map(|entry| number(entry.name.as_encoded_bytes())).collect()
            }
            Err(miss) => {
                seen.gap(miss.gap(""));
                Vec::new()
            }
        }
    }

    fn traffic(&self, seen: &mut Seen) -> Traffic {
        let path = Path::new("/proc/self/net/dev");
        let bytes = self.host.read("", path, limits::PSEUDO_FILE, seen).unwrap_or_default();
        let mut all = Traffic::default();
        for (name, one) in interfaces(&bytes) {
            // Bridges, tunnels and container links count the same bytes again.
            let device = format!("/sys/class/net/{name}/device");
            if self.host.machine().stat(Path::new(&device)).is_ok() {
                all.received = all.received.saturating_add(one.received);
                all.sent = all.sent.saturating_add(one.sent);
                all.packets = all.packets.saturating_add(one.packets);
            }
        }
        all
    }

    fn socket_bytes(&self) -> Result<HashMap<u64, u64>, stanch_machine::Miss> {
        let mut sent = HashMap::new();
        for family in [sockets::INET, sockets::INET6] {
            for socket in diag::dump(self.kernel, family, sockets::TCP)?.sockets {
                let outside = socket.remote.is_some_and(|remote| !is_loopback(remote));
                if let Some((bytes, _)) = socket.bytes.filter(|_| outside) {
                    sent.insert(socket.cookie, bytes);
                }
            }
        }
        Ok(sent)
    }

    fn dropped(&self) -> u64 {
        let read = self.host.machine().read(Path::new("/proc/net/softnet_stat"), 1 << 20);
        let bytes = read.map(|contents| contents.bytes).unwrap_or_default();
        let lines = bytes.split(|&b| b == b'\n');
        let second = |line| crate::process_files::hexadecimal(words(line).nth(1)?);
        lines.filter_map(second).fold(0, u64::saturating_add)
    }

    fn datagrams(&self) -> u64 {
        let read = self.host.machine().read(Path::new("/proc/self/net/snmp"), 1 << 20);
        let bytes = read.map(|contents| contents.bytes).unwrap_or_default();
        let mut lines = bytes.split(|&b| b == b'\n').filter(|line| line.starts_with(b"Udp: "));
        let (Some(names), Some(values)) = (lines.next(), lines.next()) else { return 0 };
        let at = words(names).position(|name| name == b"OutDatagrams");
        at.and_then(|at| number(words(values).nth(at)?)).unwrap_or(0).unsigned_abs()
    }

    /// Returns what the processes are that used CPU: few, so that only their details are read.
    fn active(&mut self, samples: &[Sample]) -> Vec<Active> {
        let (Some(first), Some(last)) = (samples.first(), samples.last()) else {
            return Vec::new();
        };
        let mut pids: Vec<i64> = last
            .processes
            .iter()
            .filter(|(pid, used)| {
                let before = first.processes.get(pid).filter(|before| before.start == used.start);
                before.map_or(used.own > 0 || used.children > 0, |before| before != *used)
            })
            .map(|(&pid, _)| pid)
            .collect();
        pids.sort_unstable();
        let mut active = Vec::new();
        for pid in pids {
            let mut one = Active { pid, ..Active::default() };
            if self.proc.read(&format!("{pid}/stat"), 1 << 16, &mut self.buffer).is_err() {
                continue;
            }
            let Some(stat) = ProcessStat::parse(&self.buffer) else { continue };
            one.name = stat.name.to_vec();
            (one.start, one.nice, one.policy) = (stat.start(), stat.nice(), stat.policy());
            if self.proc.read(&format!("{pid}/cgroup"), 1 << 16, &mut self.buffer).is_ok() {
                let line = self.buffer.split(|&b| b == b'\n').find_map(|l| l.strip_prefix(b"0::"));
                one.group = stanch_words::text::from_bytes(line.unwrap_or_default());
            }
            active.push(one);
        }
        active
    }
}

fn is_loopback(address: std::net::IpAddr) -> bool {
    address.to_canonical().is_loopback() || address.is_unspecified()
}

/// Parses the totals of `/proc/stat`.
pub fn totals(bytes: &[u8], sample: &mut Sample) {
    for line in bytes.split(|&b| b == b'\n') {
        let mut fields = words(line);
        let first =
            |fields: &mut dyn Iterator<Item = &[u8]>| fields.next().and_then(number).unwrap_or(0);
        match fields.next() {
            // user, nice, system; guest time is in user already. Idle, waiting, interrupts and
            // stolen time belong to no process.
            Some(b"cpu") => {
                sample.busy = fields.take(3).filter_map(number).fold(0, i64::saturating_add)
            }
            Some(b"ctxt") => sample.switches = first(&mut fields),
            Some(b"processes") => sample.forks = first(&mut fields),
            _ => {}
        }
    }
}

/// Returns `usage_usec` of a `cpu.stat`.
pub fn usage(bytes: &[u8]) -> Option<u64> {
    let line = bytes.split(|&b| b == b'\n').find_map(|line| line.strip_prefix(b"usage_usec "))?;
    number(line).map(i64::cast_unsigned)
}

/// Parses `/proc/net/dev`.
pub fn interfaces(bytes: &[u8]) -> Vec<(String, Traffic)> {
    let lines = bytes.split(|&b| b == b'\n');
    let one = |line: &[u8]| {
        let colon = line.iter().position(|&b| b == b':')?;
        let name = std::str::from_utf8(line.get(..colon)?.trim_ascii()).ok()?;
        let mut counts = words(line.get(colon.checked_add(1)?..)?).map(number);
        let received = counts.next()??.cast_unsigned();
        let sent = counts.nth(7)??.cast_unsigned();
        let packets = counts.next()??.cast_unsigned();
        Some((name.to_owned(), Traffic { received, sent, packets }))
    };
    lines.filter_map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_leave_out_what_no_process_did() {
        let mut sample = Sample::default();
        totals(b"cpu  10 20 30 999 9 9 9 9 5 5\ncpu0 1 1 1\nctxt 77\nprocesses 5\n", &mut sample);
        assert_eq!((sample.busy, sample.switches, sample.forks), (60, 77, 5));
    }

    #[test]
    fn interfaces_with_and_without_traffic() {
        let text = b"Inter-| Receive\n face |bytes\n    lo: 1 2 0 0 0 0 0 0 3 4 0 0\n  eth0:5 6 0 0 0 0 0 0 7 8 0\nbad: x\ncut: 1 2\n";
        let expected = [
            ("lo".to_owned(), Traffic { received: 1, sent: 3, packets: 4 }),
            ("eth0".to_owned(), Traffic { received: 5, sent: 7, packets: 8 }),
        ];
        assert_eq!(interfaces(text), expected);
        assert_eq!(usage(b"usage_usec 55\nuser_usec 1\n"), Some(55));
        assert_eq!(usage(b""), None);
    }
}
