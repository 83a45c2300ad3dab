//! Processes: what runs, as whom, from which file, since when.
//!
//! Source: proc_pid_stat(5), proc_pid_status(5), proc_pid_cgroup(5).

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use stanch_machine::kernel::Probe;
use stanch_machine::{Directory, Miss, Stat, limits};
use stanch_words::{Ask, Gap, GapKind, Row, Seen, Value, table_spec};

use crate::Host;
use crate::process_files::{self, ProcessGroup, ProcessStat, ProcessStatus, Refusals};

table_spec! {
    /// Running processes.
    pub static SPEC, col = "processes": Live, "Running processes, one row a thread group.";
    pid BigInt Index "Process (thread group) id.";
    name Text Plain "Kernel's name of the process (comm): the process can set it at will.";
    path Text Plain "Path of the executable as the kernel resolves it, without the ` (deleted)` mark; empty for kernel threads.";
    cmdline Text Plain "Arguments joined by spaces: the process can overwrite them.";
    state Text Plain "State letter: R, S, D, Z, T, t, I or X.";
    cwd Text Plain "Working directory.";
    root Text Plain "Root directory.";
    uid BigInt Plain "Real user id.";
    gid BigInt Plain "Real group id.";
    euid BigInt Plain "Effective user id.";
    egid BigInt Plain "Effective group id.";
    suid BigInt Plain "Saved user id.";
    sgid BigInt Plain "Saved group id.";
    on_disk Integer Plain "1 if the executable's path still leads to the running file, 0 if it does not, -1 if unknown.";
    wired_size BigInt Plain "Always 0 on Linux.";
    resident_size BigInt Plain "Resident memory in bytes.";
    total_size BigInt Plain "Virtual memory in bytes.";
    user_time BigInt Plain "CPU time in user mode, milliseconds.";
    system_time BigInt Plain "CPU time in kernel mode, milliseconds.";
    disk_bytes_read BigInt Plain "Bytes read from storage.";
    disk_bytes_written BigInt Plain "Bytes written to storage.";
    start_time BigInt Plain "Start, seconds since 1970 UTC.";
    parent BigInt Plain "Parent's pid.";
    pgroup BigInt Plain "Process group id.";
    threads Integer Plain "Number of threads.";
    nice Integer Plain "Nice value, -20 to 19.";
    cgroup_path Text Plain "Path in the cgroup v2 hierarchy, else in the systemd (v1) one.";
    start_ticks BigInt Plain "Start in clock ticks since boot: with pid it identifies a process for good.";
    kernel_thread Integer Plain "1 if the kernel's flag PF_KTHREAD is set.";
    argv0 Text Plain "First argument.";
    tty Integer Plain "Controlling terminal's device number, 0 if none.";
    tty_name Text Plain "Controlling terminal (`pts/0`), empty if none.";
    session BigInt Plain "Session id.";
    loginuid BigInt Plain "Audit login uid; -1 if never set.";
    audit_session BigInt Plain "Audit session id; -1 if never set.";
    unit Text Plain "systemd unit of the cgroup (`ssh.service`, `session-3.scope`), empty if none.";
    container Text Plain "Container id in the cgroup path; `other-root` if its root directory and its mounts are not ours, so that its paths name other files; empty if neither.";
    deleted Integer Plain "1 if the kernel marks the executable as deleted.";
    exe_inode BigInt Plain "Inode of the running file.";
    exe_device BigInt Plain "Device of the running file, major shifted left by 32, and minor.";
    exe_mode Text Plain "Permission bits of the running file, octal.";
    exe_uid BigInt Plain "Owner of the running file.";
    exe_changed BigInt Plain "Inode change time of the running file, seconds since 1970.";
    tracer BigInt Plain "Pid of the tracer, 0 if none.";
    policy Integer Plain "Scheduling policy number (sched(7)): 0 other, 1 fifo, 2 rr, 3 batch, 5 idle, 6 deadline.";
    capabilities Text Plain "Effective capabilities, hexadecimal mask.";
    seccomp Integer Plain "Seccomp mode: 0 none, 1 strict, 2 filter.";
    pid_namespace BigInt Plain "Inode of the pid namespace.";
    mount_namespace BigInt Plain "Inode of the mount namespace.";
    net_namespace BigInt Plain "Inode of the network namespace.";
    user_namespace BigInt Plain "Inode of the user namespace.";
    shares_pid_namespace Integer Plain "1 if it is in the pid namespace of the process that asks.";
    children_time BigInt Plain "CPU time of ended children that were waited for, milliseconds.";
    own Integer Plain "1 for the process that asks, and the one that waits for it.";
}

/// Reads /proc.
pub(crate) fn read(host: &Host, ask: &Ask, seen: &mut Seen) {
    let reader = Reader::new(host, ask);
    let mut buffer = Vec::with_capacity(16 << 10);
    let mut refusals = Refusals::default();
    let mut room = process_files::Room::default();
    for pid in process_files::pids(host, SPEC.name, ask, col::pid, seen) {
        let path = format!("/proc/{pid}");
        let opened = host.machine().directory(Path::new(&path));
        let row = opened.and_then(|directory| {
            let mut one = One {
                reader: &reader,
                directory: &*directory,
                pid,
                row: SPEC.row(),
                buffer: &mut buffer,
                refusals: &mut refusals,
                room: &mut room,
                seen,
            };
            one.read()?;
            Ok(one.row)
        });
        match row {
            Ok(row) => seen.push(row),
            // Gone, or hidden from others by hidepid; or another thing lies over its directory.
            Err(miss) if miss.absent => reader.note_if_alive(pid, &path, seen),
            Err(miss) => refusals.take(SPEC.name, pid, miss, seen),
        }
    }
    refusals.tell(SPEC.name, "details", seen);
}

/// What is the same for all processes of one reading.
struct Reader<'a> {
    host: &'a Host,
    ask: &'a Ask,
    stat: bool,
    status: bool,
    boot: Option<i64>,
    ticks: i64,
    page: i64,
    own_pids: [Option<i64>; 2],
    own_pid_namespace: Option<i64>,
    /// The root directory and the mount namespace of the process that asks.
    own_root: Option<(Stat, i64)>,
}

/// Columns that only `stat` tells, and those that only `status` tells; the rest of what either
/// holds is taken from whichever is read.
const FROM_STAT: [usize; 14] = [
    col::pgroup,
    col::nice,
    col::user_time,
    col::system_time,
    col::start_time,
    col::start_ticks,
    col::resident_size,
    col::total_size,
    col::kernel_thread,
    col::tty,
    col::tty_name,
    col::session,
    col::policy,
    col::children_time,
];
const FROM_STATUS: [usize; 9] = [
    col::uid,
    col::gid,
    col::euid,
    col::egid,
    col::suid,
    col::sgid,
    col::tracer,
    col::capabilities,
    col::seccomp,
];
const FROM_EITHER: [usize; 4] = [col::name, col::state, col::parent, col::threads];
const FROM_EXE: [usize; 8] = [
    col::path,
    col::on_disk,
    col::deleted,
    col::exe_inode,
    col::exe_device,
    col::exe_mode,
    col::exe_uid,
    col::exe_changed,
];
const FROM_NAMESPACES: [(usize, &str); 4] = [
    (col::pid_namespace, "ns/pid"),
    (col::mount_namespace, "ns/mnt"),
    (col::net_namespace, "ns/net"),
    (col::user_namespace, "ns/user"),
];

impl<'a> Reader<'a> {
    fn new(host: &'a Host, ask: &'a Ask) -> Self {
        let machine = host.machine();
        let kernel = machine.kernel();
        let status = ask.wants_any(&FROM_STATUS) || ask.equal(col::pid).is_some();
        let start = ask.wants(col::start_time);
        let own = Path::new("/proc/self/ns/pid");
        let shares = ask.wants(col::shares_pid_namespace);
        Self {
            host,
            ask,
            stat: ask.wants_any(&FROM_STAT) || (!status && ask.wants_any(&FROM_EITHER)),
            status,
            boot: start.then(|| process_files::boot_time(machine)).flatten(),
            ticks: kernel.map_or(100, |k| k.ticks()).max(1).cast_signed(),
            page: kernel.map_or(4096, |k| k.page_size()).cast_signed(),
            own_pids: [
                kernel.map(stanch_machine::Kernel::own_pid),
                kernel.and_then(stanch_machine::Kernel::keeper_pid),
            ]
            .map(|pid| pid.map(i64::from)),
            own_pid_namespace: shares
                .then(|| machine.read_link(own).ok())
                .flatten()
                .and_then(|link| process_files::namespace(&link)),
            own_root: ask.wants(col::container).then(|| own_root(machine)).flatten(),
        }
    }

    /// Returns whether a process's paths name other files than here: it has another root directory
    /// and other mounts, as in nspawn, LXC or whatever container runtime left no name in the control
    /// group's path. A chroot alone keeps the paths that the kernel tells true, and a unit with
    /// mounts of its own (`PrivateTmp=`) keeps the root directory.
    fn has_other_root(&self, directory: &dyn Directory) -> bool {
        let Some((own, own_mounts)) = self.own_root else { return false };
        // Refused or gone: other columns tell.
        let Ok(root) = directory.stat("root") else { return false };
        if (root.device, root.inode) == (own.device, own.inode) {
            return false;
        }
        let mounts = directory.read_link("ns/mnt");
        mounts.is_ok_and(|mounts| process_files::namespace(&mounts) != Some(own_mounts))
            && !self.runs_from_here(directory)
    }

    /// Returns whether a process has our root directory under other mounts. Then a container's name
    /// in its control group's path is no more than a name: anybody with a delegated group can make
    /// a directory that is called so, and every runtime gives its containers another root. With
    /// our mounts as well the name stays: who leaves a container looks like that.
    fn has_our_root(&self, directory: &dyn Directory) -> bool {
        let Some((own, own_mounts)) = self.own_root else { return false };
        let Ok(root) = directory.stat("root") else { return false };
        (root.device, root.inode) == (own.device, own.inode)
            && directory
                .read_link("ns/mnt")
                .is_ok_and(|mounts| process_files::namespace(&mounts) != Some(own_mounts))
    }

    /// Returns whether the executable's path leads from here to the running file: a daemon of this
    /// machine that jailed itself (`lldpd`).
    fn runs_from_here(&self, directory: &dyn Directory) -> bool {
        let Ok(link) = directory.read_link("exe") else { return false };
        let here = self.host.machine().stat(&link);
        directory.stat("exe").ok().zip(here.ok()).is_some_and(|(running, here)| {
            (running.inode, running.device) == (here.inode, here.device)
        })
    }

    fn note_if_alive(&self, pid: i64, path: &str, seen: &mut Seen) {
        let Some(kernel) = self.host.machine().kernel() else { return };
        let Ok(number) = i32::try_from(pid) else { return };
        let alive = kernel.probe(number, Probe::Pidfd);
        // By number anything can be asked for, also what never was; the listing alone promises.
        if alive && self.ask.equal(col::pid).is_none() {
            let detail = "the process answers, but its directory does not show it";
            seen.gap(Gap::new(SPEC.name, GapKind::Changed, detail).at(path));
        }
    }
}

/// One process while it is read.
struct One<'a> {
    reader: &'a Reader<'a>,
    directory: &'a dyn Directory,
    pid: i64,
    row: Row,
    buffer: &'a mut Vec<u8>,
    refusals: &'a mut Refusals,
    room: &'a mut process_files::Room,
    seen: &'a mut Seen,
}

impl One<'_> {
    fn read(&mut self) -> Result<(), Miss> {
        let ask = self.reader.ask;
        self.row
            .put(col::pid, self.pid)
            .put(col::wired_size, 0)
            .put(col::own, self.reader.own_pids.contains(&Some(self.pid)));
        if self.reader.stat {
            self.directory.read("stat", PSEUDO, self.buffer)?;
            let told = put_stat(&mut self.row, self.buffer, self.reader)
                .ok_or_else(|| self.damaged("stat"))?;
            if told != self.pid {
                return Err(not_it());
            }
        }
        if self.reader.status {
            self.directory.read("status", PSEUDO, self.buffer)?;
            let group = put_status(&mut self.row, self.buffer, !self.reader.stat)
                .ok_or_else(|| self.damaged("status"))?;
            if group != self.pid {
                return Err(not_it());
            }
        }
        if ask.wants_any(&[col::cmdline, col::argv0]) && self.take("cmdline", self.room.cap()) {
            self.room.take(self.buffer.len());
            let first = self.buffer.split(|&b| b == 0).next().unwrap_or_default();
            self.row
                .put(col::cmdline, process_files::joined_arguments(self.buffer))
                .put(col::argv0, first);
        }
        if ask.wants_any(&FROM_EXE) {
            self.exe();
        }
        for (column, name) in [(col::cwd, "cwd"), (col::root, "root")] {
            if ask.wants(column) {
                let link = self.link(name);
                self.row.put(column, link.as_deref());
            }
        }
        self.extras();
        Ok(())
    }

    fn extras(&mut self) {
        let ask = self.reader.ask;
        if ask.wants_any(&[col::disk_bytes_read, col::disk_bytes_written])
            && self.take("io", PSEUDO)
        {
            put_io(&mut self.row, self.buffer);
        }
        if ask.wants_any(&[col::cgroup_path, col::unit, col::container])
            && self.take("cgroup", PSEUDO)
        {
            let group = ProcessGroup::parse(self.buffer);
            let mut container = group.container;
            if container.is_empty() && self.reader.has_other_root(self.directory) {
                container = b"other-root";
            } else if !container.is_empty() && self.reader.has_our_root(self.directory) {
                container = b"";
            }
            self.row
                .put(col::cgroup_path, group.path)
                .put(col::unit, group.unit)
                .put(col::container, container);
        }
        for (column, name) in [(col::loginuid, "loginuid"), (col::audit_session, "sessionid")] {
            if ask.wants(column) && self.take(name, PSEUDO) {
                let id = process_files::number(self.buffer.trim_ascii());
                self.row.put(column, id.map(|id| if id == 0xffff_ffff { -1 } else { id }));
            }
        }
        for (column, name) in FROM_NAMESPACES {
            let shares = column == col::pid_namespace && ask.wants(col::shares_pid_namespace);
            if ask.wants(column) || shares {
                let id = self.link(name).and_then(|link| process_files::namespace(&link));
                self.row.put(column, id);
                if let (true, Some(own), Some(id)) = (shares, self.reader.own_pid_namespace, id) {
                    self.row.put(col::shares_pid_namespace, own == id);
                }
            }
        }
    }

    /// Reads a file into the buffer; a miss is counted and the columns stay unknown.
    fn take(&mut self, name: &str, cap: u64) -> bool {
        match self.directory.read(name, cap, self.buffer) {
            Ok(truncated) => {
                if truncated {
                    let detail = format!("only the first {cap} bytes were read");
                    let path = format!("/proc/{}/{name}", self.pid);
                    self.seen.gap(Gap::new(SPEC.name, GapKind::Truncated, detail).at(path));
                }
                true
            }
            Err(miss) => {
                self.refusals.take(SPEC.name, self.pid, miss, self.seen);
                false
            }
        }
    }

    fn link(&mut self, name: &str) -> Option<PathBuf> {
        match self.directory.read_link(name) {
            Ok(target) => Some(target),
            Err(miss) => {
                self.refusals.take(SPEC.name, self.pid, miss, self.seen);
                None
            }
        }
    }

    fn damaged(&self, name: &str) -> Miss {
        let path = format!("/proc/{}/{name}", self.pid);
        Miss::new(GapKind::Damaged, "not as the kernel writes it", Path::new(&path))
    }

    fn exe(&mut self) {
        let link = match self.directory.read_link("exe") {
            Ok(link) => link,
            Err(miss) => {
                if miss.absent {
                    // A kernel thread or a zombie.
                    self.row.put(col::path, "").put(col::deleted, 0);
                }
                self.row.put(col::on_disk, -1);
                self.refusals.take(SPEC.name, self.pid, miss, self.seen);
                return;
            }
        };
        let (path, marked) = process_files::without_deleted(link.as_os_str().as_bytes());
        let rest = [col::on_disk, col::deleted, col::exe_inode, col::exe_device];
        let more = [col::exe_mode, col::exe_uid, col::exe_changed];
        if !marked && !self.reader.ask.wants_any(&rest) && !self.reader.ask.wants_any(&more) {
            self.row.put(col::path, path);
            return;
        }
        let running = match self.directory.stat("exe") {
            Ok(running) => running,
            Err(miss) => {
                self.refusals.take(SPEC.name, self.pid, miss, self.seen);
                self.row.put(col::path, path).put(col::deleted, marked).put(col::on_disk, -1);
                return;
            }
        };
        // A file may really be called `x (deleted)`.
        let literal = marked && self.leads_to(&link, &running);
        let path = if literal { link.as_os_str().as_bytes() } else { path };
        let on_disk = literal || self.leads_to(Path::new(OsStr::from_bytes(path)), &running);
        self.row
            .put(col::path, path)
            .put(col::deleted, marked && !literal)
            .put(col::on_disk, on_disk)
            .put(col::exe_inode, running.inode)
            .put(col::exe_device, running.device)
            .put(col::exe_mode, format!("{:04o}", running.mode & 0o7777))
            .put(col::exe_uid, running.uid)
            .put(col::exe_changed, running.changed.div_euclid(1_000_000_000));
    }

    /// Returns whether a path leads to the running file: from here, or, for a process in another
    /// mount namespace, from its own root.
    fn leads_to(&self, path: &Path, running: &Stat) -> bool {
        let same = |stat: Stat| (stat.inode, stat.device) == (running.inode, running.device);
        let machine = self.reader.host.machine();
        if !path.is_absolute() || path.as_os_str().as_bytes().starts_with(b"/memfd:") {
            return false;
        }
        machine.stat(path).is_ok_and(same) || {
            let inside = path.as_os_str().as_bytes();
            let inside = [b"root", inside].concat();
            std::str::from_utf8(&inside)
                .is_ok_and(|inside| self.directory.stat(inside).is_ok_and(same))
        }
    }
}

fn own_root(machine: &dyn stanch_machine::Machine) -> Option<(Stat, i64)> {
    let root = machine.stat(Path::new("/")).ok()?;
    let mounts = machine.read_link(Path::new("/proc/self/ns/mnt")).ok()?;
    Some((root, process_files::namespace(&mounts)?))
}

/// The miss for a directory that shows another process than its number says: a thread, asked for
/// by number, or something mounted over it.
fn not_it() -> Miss {
    let miss = Miss::new(GapKind::Changed, "shows another process", Path::new("/proc"));
    Miss { absent: true, ..miss }
}

const PSEUDO: u64 = limits::PSEUDO_FILE;

fn put_stat(row: &mut Row, bytes: &[u8], reader: &Reader<'_>) -> Option<i64> {
    let stat = ProcessStat::parse(bytes)?;
    let milliseconds = |ticks: i64| ticks.saturating_mul(1000).div_euclid(reader.ticks);
    let (user, system) = stat.ticks();
    row.put(col::name, stat.name)
        .put(col::parent, stat.parent())
        .put(col::threads, stat.field(20))
        .put(col::pgroup, stat.field(5))
        .put(col::session, stat.field(6))
        .put(col::tty, stat.field(7))
        .put(col::nice, stat.nice())
        .put(col::policy, stat.policy())
        .put(col::user_time, milliseconds(user))
        .put(col::system_time, milliseconds(system))
        .put(col::children_time, milliseconds(stat.children_ticks()))
        .put(col::start_ticks, stat.start())
        .put(col::total_size, stat.field(23))
        .put(col::resident_size, stat.field(24).saturating_mul(reader.page))
        .put(col::kernel_thread, stat.is_kernel_thread());
    row.put(col::state, letter(stat.state));
    if reader.ask.wants(col::tty_name) {
        row.put(col::tty_name, process_files::terminal_name(stat.field(7)));
    }
    let start = |boot: i64| boot.saturating_add(stat.start().div_euclid(reader.ticks));
    row.put(col::start_time, reader.boot.map(start));
    Some(stat.pid)
}

fn put_status(row: &mut Row, bytes: &[u8], whole: bool) -> Option<i64> {
    let status = ProcessStatus::parse(bytes)?;
    if whole {
        row.put(col::name, status.plain_name())
            .put(col::state, letter(status.state))
            .put(col::parent, status.parent)
            .put(col::threads, status.threads);
    }
    let ([uid, euid, suid, _], [gid, egid, sgid, _]) = (status.uids, status.gids);
    row.put(col::uid, uid)
        .put(col::euid, euid)
        .put(col::suid, suid)
        .put(col::gid, gid)
        .put(col::egid, egid)
        .put(col::sgid, sgid)
        .put(col::tracer, status.tracer)
        .put(col::capabilities, status.capabilities)
        .put(col::seccomp, status.seccomp);
    Some(status.group)
}

fn put_io(row: &mut Row, bytes: &[u8]) {
    for line in bytes.split(|&b| b == b'\n') {
        if let Some(count) = line.strip_prefix(b"read_bytes: ") {
            row.put(col::disk_bytes_read, process_files::number(count));
        } else if let Some(count) = line.strip_prefix(b"write_bytes: ") {
            row.put(col::disk_bytes_written, process_files::number(count));
        }
    }
}

fn letter(state: u8) -> Value {
    Value::bytes(&[state])
}

#[cfg(test)]
mod tests {
    use stanch_machine::Pretend;

    use super::*;

    fn machine() -> Pretend {
        let status = "Name:\tsshd\nState:\tS (sleeping)\nTgid:\t7\nPPid:\t1\nTracerPid:\t0\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nThreads:\t1\nCapEff:\t0\nSeccomp:\t0\n";
        let stat = "7 (sshd) S 1 7 7 34816 -1 4194560 1 0 0 0 100 50 0 0 20 0 1 0 5000 8192 2 0 1 1 1 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0";
        Pretend::new()
            .file("/proc/7/status", status)
            .file("/proc/7/stat", stat)
            .file("/proc/7/cmdline", "sshd: x\0-D\0")
            .file("/proc/7/cgroup", "0::/system.slice/ssh.service\n")
            .file("/proc/7/loginuid", "4294967295")
            .file("/proc/7/io", "read_bytes: 5\nwrite_bytes: 6\n")
            .file("/usr/sbin/sshd", "elf")
            .link("/proc/7/exe", "/usr/sbin/sshd")
            .link("/proc/7/ns/pid", "pid:[4026531836]")
            .file("/proc/stat", "cpu 1\nbtime 1000\n")
            .file("/proc/8/stat", "8 (half")
            .file("/proc/8/status", "Name:\tx")
            .directory("/proc/9")
            .file("/proc/uptime", "1 1")
    }

    fn read_with(machine: Pretend, ask: &Ask) -> Seen {
        let mut seen = Seen::default();
        read(&Host::new(std::sync::Arc::new(machine)), ask, &mut seen);
        seen
    }

    #[test]
    fn a_daemon_whole() {
        let seen = read_with(machine(), &Ask::all());
        assert_eq!(seen.rows.len(), 1);
        let row = &seen.rows[0];
        for (column, expected) in [
            (col::name, "sshd"),
            (col::path, "/usr/sbin/sshd"),
            (col::cmdline, "sshd: x -D"),
            (col::argv0, "sshd: x"),
            (col::unit, "ssh.service"),
            (col::loginuid, "-1"),
            (col::on_disk, "1"),
            (col::user_time, "1000"),
            (col::start_time, "1050"),
            (col::resident_size, "8192"),
            (col::tty_name, "pts/0"),
            (col::disk_bytes_written, "6"),
            (col::pid_namespace, "4026531836"),
            (col::state, "S"),
        ] {
            assert_eq!(row.get(column).to_string(), expected, "column {column}");
        }
        // Process 8 is damaged and told; 9 is a directory without files, as when it has ended.
        assert_eq!(seen.gaps.len(), 1, "{:?}", seen.gaps);
        assert_eq!(seen.gaps[0].kind, GapKind::Damaged);
    }

    #[test]
    fn a_deleted_program_and_one_that_is_only_called_so() {
        let gone = machine().link("/proc/7/exe", "/tmp/x (deleted)").file("/tmp/x", "other");
        let mut seen = Seen::default();
        // A pretend exe link leads nowhere when the file is gone, so its own stat is missing.
        read(&Host::new(std::sync::Arc::new(gone)), &Ask::all(), &mut seen);
        assert_eq!(seen.rows[0].get(col::path).to_string(), "/tmp/x");
        assert_eq!(seen.rows[0].get(col::deleted).as_integer(), Some(1));
        let named = machine()
            .file("/tmp/x (deleted)", "really so called")
            .link("/proc/7/exe", "/tmp/x (deleted)");
        let seen = read_with(named, &Ask::all());
        assert_eq!(seen.rows[0].get(col::path).to_string(), "/tmp/x (deleted)");
        assert_eq!(seen.rows[0].get(col::deleted).as_integer(), Some(0));
        assert_eq!(seen.rows[0].get(col::on_disk).as_integer(), Some(1));
    }

    #[test]
    fn refusals_are_told_once() {
        let denied = machine().denied("/proc/7/exe").denied("/proc/7/io").denied("/proc/7/cmdline");
        let seen = read_with(denied, &Ask::all());
        let refused: Vec<_> = seen.gaps.iter().filter(|g| g.kind == GapKind::Denied).collect();
        assert_eq!(refused.len(), 1, "{:?}", seen.gaps);
        assert_eq!(refused[0].detail, "details of 1 process: permission denied");
        assert_eq!(seen.rows.len(), 1);
    }

    #[test]
    fn other_mounts_and_another_root_are_a_container_and_either_alone_is_none() {
        let foreign = || machine().link("/proc/7/exe", "/usr/sbin/other");
        let container = |machine: Pretend, root: &str, mounts: &str| {
            let machine = machine
                .directory("/jail")
                .directory("/")
                .link("/proc/self/ns/mnt", "mnt:[10]")
                .link("/proc/7/root", root)
                .link("/proc/7/ns/mnt", mounts);
            let seen = read_with(machine, &Ask::all());
            seen.rows[0].get(col::container).to_string()
        };
        assert_eq!(container(foreign(), "/jail", "mnt:[11]"), "other-root");
        assert_eq!(container(foreign(), "/jail", "mnt:[10]"), "");
        assert_eq!(container(foreign(), "/", "mnt:[11]"), "");
        // A daemon that jailed itself still runs this machine's file.
        assert_eq!(container(machine(), "/jail", "mnt:[11]"), "");
        // A name alone is none either; who left a container keeps it.
        let named = || foreign().file("/proc/7/cgroup", "0::/user.slice/lxc.payload.web\n");
        assert_eq!(container(named(), "/jail", "mnt:[11]"), "web");
        assert_eq!(container(named(), "/", "mnt:[11]"), "");
        assert_eq!(container(named(), "/", "mnt:[10]"), "web");
    }

    #[test]
    fn only_what_is_asked_for_is_read() {
        use stanch_words::{ColumnSet, Constraint, table::Op};
        let columns = ColumnSet(1 << col::pid | 1 << col::uid | 1 << col::name);
        let constraint = Constraint { column: col::pid, op: Op::Equal, value: 7.into() };
        let seen = read_with(machine(), &Ask { columns, constraints: vec![constraint] });
        assert_eq!(seen.gaps, []);
        assert_eq!(seen.rows.len(), 1);
        assert!(seen.rows[0].get(col::cmdline).is_null());
        assert!(seen.rows[0].get(col::nice).is_null());
        assert_eq!(seen.rows[0].get(col::uid).as_integer(), Some(0));
    }
}
