//! The files of `/proc/PID` that several tables read, and the numbers in them.
//!
//! Source: proc_pid_stat(5), proc_pid_status(5), proc_pid_cgroup(5), fs/proc/array.c.

use std::path::Path;

use stanch_machine::{Directory, Machine, Miss, limits};
use stanch_words::{Ask, Gap, GapKind, Seen, Value};

use crate::Host;

/// The kernel's flag of its own threads (include/linux/sched.h).
pub const PF_KTHREAD: i64 = 0x0020_0000;

/// Returns the decimal number that bytes are, signed or beyond `i64` (its bits are kept then).
pub fn number(bytes: &[u8]) -> Option<i64> {
    let (negative, digits) = match bytes {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || digits.len() > 20 {
        return None;
    }
    let mut total = 0_u64;
    for digit in digits {
        let digit = digit.checked_sub(b'0').filter(|&digit| digit < 10)?;
        total = total.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    let signed = total.cast_signed();
    Some(if negative { signed.wrapping_neg() } else { signed })
}

/// Returns the hexadecimal number that bytes are.
pub fn hexadecimal(bytes: &[u8]) -> Option<u64> {
    if bytes.is_empty() || bytes.len() > 16 {
        return None;
    }
    bytes.iter().try_fold(0_u64, |total, &digit| {
        let digit = char::from(digit).to_digit(16)?;
        Some(total << 4 | u64::from(digit))
    })
}

/// Splits bytes at runs of spaces and tabs.
pub fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|b| matches!(b, b' ' | b'\t')).filter(|word| !word.is_empty())
}

/// `/proc/PID/stat`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessStat<'a> {
    /// The process's own number.
    pub pid: i64,
    /// The kernel's name of the process: any bytes, also `)` and newlines.
    pub name: &'a [u8],
    /// The state letter.
    pub state: u8,
    fields: [i64; 39],
}

impl<'a> ProcessStat<'a> {
    /// Parses the one line. The name ends at the last `)`: the process chooses its name, but
    /// nothing after it.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let start = memchr::memchr(b'(', bytes)?.checked_add(1)?;
        let end = memchr::memrchr(b')', bytes)?;
        let name = bytes.get(start..end)?;
        let pid = number(words(bytes).next()?)?;
        let mut rest = words(bytes.get(end.checked_add(1)?..)?.trim_ascii_end());
        let state = *rest.next()?.first()?;
        let mut fields = [0_i64; 39];
        // Fields 4 to 41 by the manual's count; 41 came with Linux 2.5.19.
        for (field, word) in fields.iter_mut().skip(1).zip(&mut rest) {
            *field = number(word)?;
        }
        Some(Self { pid, name, state, fields })
    }

    /// Returns a field by the manual's count, from 4 (ppid) to 41 (policy).
    pub fn field(&self, number: usize) -> i64 {
        number.checked_sub(3).and_then(|at| self.fields.get(at)).copied().unwrap_or(0)
    }

    /// Returns the parent's pid.
    pub fn parent(&self) -> i64 {
        self.field(4)
    }

    /// Returns whether the kernel flags it as a thread of its own.
    pub fn is_kernel_thread(&self) -> bool {
        self.field(9) & PF_KTHREAD != 0
    }

    /// Returns the ticks in user and in kernel mode.
    pub fn ticks(&self) -> (i64, i64) {
        (self.field(14), self.field(15))
    }

    /// Returns the ticks of children that have ended and been waited for.
    pub fn children_ticks(&self) -> i64 {
        self.field(16).saturating_add(self.field(17))
    }

    /// Returns the nice value.
    pub fn nice(&self) -> i64 {
        self.field(19)
    }

    /// Returns the start in ticks since boot.
    pub fn start(&self) -> i64 {
        self.field(22)
    }

    /// Returns the scheduling policy.
    pub fn policy(&self) -> i64 {
        self.field(41)
    }
}

/// `/proc/PID/status`, as far as tables need it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProcessStatus<'a> {
    /// The name as the kernel escapes it: `\n` and `\\`.
    pub name: &'a [u8],
    /// The state letter.
    pub state: u8,
    /// The thread group.
    pub group: i64,
    /// The parent.
    pub parent: i64,
    /// The tracer.
    pub tracer: i64,
    /// Real, effective, saved and file system user ids.
    pub uids: [i64; 4],
    /// The group ids likewise.
    pub gids: [i64; 4],
    /// Threads.
    pub threads: i64,
    /// Anonymous resident memory in KiB.
    pub anonymous: i64,
    /// Effective capabilities, as written.
    pub capabilities: &'a [u8],
    /// Seccomp mode, if the kernel has it.
    pub seccomp: Option<i64>,
}

impl<'a> ProcessStatus<'a> {
    /// Parses the lines `Key:\tvalue`; none if the first is not `Name:`.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut found = Self::default();
        let rest = bytes.strip_prefix(b"Name:\t")?;
        let end = memchr::memchr(b'\n', rest)?;
        found.name = rest.get(..end)?;
        for line in rest.get(end..)?.split(|&b| b == b'\n') {
            let Some(colon) = line.iter().position(|&b| b == b':') else { continue };
            let (key, value) = (line.get(..colon)?, line.get(colon.checked_add(1)?..)?);
            let first = || words(value).next().and_then(number).unwrap_or(0);
            match key {
                b"State" => found.state = *words(value).next()?.first()?,
                b"Tgid" => found.group = first(),
                b"PPid" => found.parent = first(),
                b"TracerPid" => found.tracer = first(),
                b"Uid" => found.uids = four(value)?,
                b"Gid" => found.gids = four(value)?,
                b"Threads" => found.threads = first(),
                b"RssAnon" => found.anonymous = first(),
                b"CapEff" => found.capabilities = words(value).next()?,
                b"Seccomp" => {
                    found.seccomp = Some(first());
                    break;
                }
                _ => {}
            }
        }
        Some(found)
    }

    /// Returns the name as the process set it.
    pub fn plain_name(&self) -> Value {
        if !self.name.contains(&b'\\') {
            return Value::bytes(self.name);
        }
        let mut plain = Vec::with_capacity(self.name.len());
        let mut rest = self.name;
        while let Some((&first, tail)) = rest.split_first() {
            match (first, tail.first()) {
                (b'\\', Some(b'n')) => plain.push(b'\n'),
                (b'\\', Some(b'\\')) => plain.push(b'\\'),
                _ => {
                    plain.push(first);
                    rest = tail;
                    continue;
                }
            }
            rest = tail.get(1..).unwrap_or_default();
        }
        Value::bytes(&plain)
    }
}

fn four(value: &[u8]) -> Option<[i64; 4]> {
    let mut four = [0; 4];
    let mut given = words(value);
    for id in &mut four {
        *id = number(given.next()?)?;
    }
    Some(four)
}

/// Returns the arguments of a command line joined by spaces.
pub fn joined_arguments(cmdline: &[u8]) -> Value {
    let end = cmdline.iter().rposition(|&b| b != 0).map_or(0, |last| last.saturating_add(1));
    let mut text = cmdline.get(..end).unwrap_or_default().to_vec();
    for byte in &mut text {
        if *byte == 0 {
            *byte = b' ';
        }
    }
    Value::bytes(&text)
}

/// How much of arguments and environments one reading takes in all. A single process is read up to
/// [`limits::ARGUMENTS`]; where many are that long, the later ones are cut shorter, so that they
/// cannot fill the memory together.
#[derive(Debug)]
pub struct Room(u64);

impl Default for Room {
    fn default() -> Self {
        Self(limits::ALL_ARGUMENTS)
    }
}

impl Room {
    /// Returns how much of the next one is read: the first page of it in any case.
    pub fn cap(&self) -> u64 {
        self.0.clamp(4096, limits::ARGUMENTS)
    }

    /// Takes off what was read.
    pub fn take(&mut self, bytes: usize) {
        self.0 = self.0.saturating_sub(bytes as u64);
    }
}

/// Where a process stands in the control groups.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProcessGroup<'a> {
    /// The path that tells most: the v2 one, or systemd's v1 one where v2 is not used.
    pub path: &'a [u8],
    /// The systemd unit, empty if none.
    pub unit: &'a [u8],
    /// The container's id, empty if none.
    pub container: &'a [u8],
}

impl<'a> ProcessGroup<'a> {
    /// Parses `/proc/PID/cgroup`: lines `number:controllers:path`.
    pub fn parse(bytes: &'a [u8]) -> Self {
        let mut found = Self::default();
        let mut systemd: &[u8] = b"";
        for line in bytes.split(|&b| b == b'\n') {
            let mut parts = line.splitn(3, |&b| b == b':');
            let (Some(id), Some(controllers), Some(path)) =
                (parts.next(), parts.next(), parts.next())
            else {
                continue;
            };
            if id == b"0" {
                found.path = path;
            } else if controllers == b"name=systemd" {
                systemd = path;
            }
            if found.container.is_empty() {
                found.container = container(path);
            }
        }
        if found.path.len() <= 1 && (systemd.len() > 1 || found.path.is_empty()) {
            found.path = systemd;
        }
        found.unit = unit(found.path);
        found
    }
}

/// Returns the last part of a cgroup path that is a unit with processes of its own: slices only
/// hold others.
pub fn unit(path: &[u8]) -> &[u8] {
    const KINDS: [&[u8]; 5] = [b".service", b".scope", b".socket", b".mount", b".swap"];
    path.rsplit(|&b| b == b'/')
        .find(|part| KINDS.iter().any(|kind| part.ends_with(kind) && part.len() > kind.len()))
        .unwrap_or_default()
}

/// Returns the container id in a cgroup path: 64 hexadecimal digits as Docker, containerd, CRI-O
/// and Podman name them (`docker-ID.scope`, `/docker/ID`, `/kubepods/…/ID`), or the name that LXC
/// and systemd-nspawn give.
pub fn container(path: &[u8]) -> &[u8] {
    for part in path.rsplit(|&b| b == b'/') {
        let core = part.strip_suffix(b".scope").unwrap_or(part);
        let core = core.rsplit(|&b| matches!(b, b'-' | b':')).next().unwrap_or(core);
        if core.len() == 64 && core.iter().all(u8::is_ascii_hexdigit) {
            return core;
        }
        if let Some(name) = part.strip_prefix(b"lxc.payload.") {
            return name;
        }
        let nspawn =
            part.strip_prefix(b"systemd-nspawn@").and_then(|p| p.strip_suffix(b".service"));
        let machine = part.strip_prefix(b"machine-").and_then(|p| p.strip_suffix(b".scope"));
        if let Some(name) = nspawn.or(machine) {
            return name;
        }
    }
    let mut parts = path.split(|&b| b == b'/');
    parts.find(|&part| part == b"lxc").and_then(|_lxc| parts.next()).unwrap_or_default()
}

/// Returns the name of a controlling terminal by its device number as `stat` packs it
/// (Documentation/admin-guide/devices.txt), empty if none.
pub fn terminal_name(number: i64) -> String {
    let number = number & 0xffff_ffff;
    let major = number >> 8 & 0xfff;
    let minor = number & 0xff | number >> 12 & 0xf_ff00;
    match (major, minor) {
        (0, _) => String::new(),
        (4, 0..=63) => format!("tty{minor}"),
        (4, _) => format!("ttyS{}", minor.saturating_sub(64)),
        (5, 1) => "console".to_owned(),
        (136..=143, _) => format!("pts/{}", (major - 136) * 256 + minor),
        (188, _) => format!("ttyUSB{minor}"),
        (204, 64..) => format!("ttyAMA{}", minor.saturating_sub(64)),
        (229, _) => format!("hvc{minor}"),
        _ => format!("{major}:{minor}"),
    }
}

/// Returns the number in a namespace link (`net:[4026531840]`).
pub fn namespace(target: &Path) -> Option<i64> {
    use std::os::unix::ffi::OsStrExt as _;
    let text = target.as_os_str().as_bytes();
    let open = text.iter().position(|&b| b == b'[')?.checked_add(1)?;
    number(text.get(open..)?.strip_suffix(b"]")?)
}

/// Returns a link without the ` (deleted)` that the kernel puts after an unlinked file's path, and
/// whether it was there (`d_path`, fs/d_path.c).
pub fn without_deleted(target: &[u8]) -> (&[u8], bool) {
    target.strip_suffix(b" (deleted)").map_or((target, false), |path| (path, true))
}

/// Counts what is not shown of other people's processes, so that a table tells it in one gap.
#[derive(Debug, Default)]
pub struct Refusals {
    count: u64,
    last: i64,
    first: Option<Miss>,
}

impl Refusals {
    /// Takes a miss about a process: a refusal is counted once a process, an absence passed over,
    /// anything else told at once.
    pub fn take(&mut self, table: &str, pid: i64, miss: Miss, seen: &mut Seen) {
        match miss.kind {
            _ if miss.absent => {}
            GapKind::Denied | GapKind::Refused => {
                if self.first.is_none() || self.last != pid {
                    self.count = self.count.saturating_add(1);
                    self.last = pid;
                }
                self.first.get_or_insert(miss);
            }
            _ => seen.gap(miss.gap(table)),
        }
    }

    /// Leaves the one gap.
    pub fn tell(self, table: &str, what: &str, seen: &mut Seen) {
        if let Some(miss) = self.first {
            let detail = match self.count {
                1 => format!("{what} of 1 process: {}", miss.detail),
                count => format!("{what} of {count} processes: {}", miss.detail),
            };
            seen.gap(Gap::new(table, miss.kind, detail).at("/proc"));
        }
    }
}

/// Returns the pids to look at: the one that is asked for, or all in `/proc`, in order.
pub fn pids(host: &Host, table: &str, ask: &Ask, column: usize, seen: &mut Seen) -> Vec<i64> {
    if let Some(asked) = ask.equal(column) {
        let pid = asked.as_integer().or_else(|| asked.as_text()?.parse().ok());
        return pid.filter(|&pid| pid > 0).into_iter().collect();
    }
    crate::pid_views::note_hidepid(host, table, seen);
    let mut pids: Vec<i64> = host
        .list(table, Path::new("/proc"), seen)
        .iter()
        .filter_map(|entry| number(entry.name.as_encoded_bytes()).filter(|&pid| pid > 0))
        .collect();
    pids.sort_unstable();
    pids
}

/// Opens a process's directory. A thread's (which `/proc` does not list but shows when asked by
/// number) and that of a process which has ended give none.
pub fn open<'a>(
    host: &'a Host,
    table: &str,
    ask: &Ask,
    column: usize,
    pid: i64,
    seen: &mut Seen,
) -> Option<Box<dyn Directory + 'a>> {
    let machine = host.machine();
    match machine.directory(Path::new(&format!("/proc/{pid}"))) {
        Ok(directory) => {
            let listed = ask.equal(column).is_none();
            (listed || is_group_leader(&*directory, pid)).then_some(directory)
        }
        Err(miss) => {
            crate::host::note(table, &miss, seen);
            None
        }
    }
}

fn is_group_leader(directory: &dyn Directory, pid: i64) -> bool {
    let mut bytes = Vec::new();
    directory.read("status", 64 << 10, &mut bytes).is_ok()
        && ProcessStatus::parse(&bytes).is_some_and(|status| status.group == pid)
}

/// Returns when the kernel booted, seconds since 1970 UTC (`btime`, proc_stat(5)).
pub fn boot_time(machine: &dyn Machine) -> Option<i64> {
    let bytes = machine.read(Path::new("/proc/stat"), stanch_machine::limits::PSEUDO_FILE).ok()?;
    let line = bytes.bytes.split(|&b| b == b'\n').find_map(|line| line.strip_prefix(b"btime "))?;
    number(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &[u8] = b"4242 (a) b\n(c) S 1 4242 4200 34816 4242 4194560 10 20 0 0 7 8 9 10 39 19 3 0 123456 1000000 250 18446744073709551615 1 2 3 0 0 0 0 0 0 0 0 0 17 1 0 5 0 0 0\n";

    #[test]
    fn a_name_with_parentheses_and_newline_does_not_shift_the_fields() {
        let stat = ProcessStat::parse(STAT).unwrap();
        assert_eq!(stat.name, b"a) b\n(c");
        assert_eq!((stat.state, stat.parent(), stat.field(7)), (b'S', 1, 34816));
        assert_eq!((stat.ticks(), stat.children_ticks()), ((7, 8), 19));
        assert_eq!(
            (stat.nice(), stat.start(), stat.field(24), stat.policy()),
            (19, 123_456, 250, 5)
        );
        assert!(!stat.is_kernel_thread());
    }

    #[test]
    fn a_stat_cut_anywhere_never_panics() {
        for end in 0..STAT.len() {
            if let Some(stat) = ProcessStat::parse(&STAT[..end]) {
                assert!(STAT[..end].contains(&b')'), "{end}");
                assert!(stat.name.len() <= 7);
            }
        }
        assert_eq!(ProcessStat::parse(b"1 (x) R oops"), None);
        assert_eq!(ProcessStat::parse(b") ("), None);
    }

    #[test]
    fn status_with_an_escaped_name() {
        let bytes = b"Name:\ta\\nUid:\\\\\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t42\nNgid:\t0\nPid:\t42\nPPid:\t7\nTracerPid:\t9\nUid:\t1000\t1001\t1002\t1003\nGid:\t4294967294\t1\t2\t3\nRssAnon:\t     124 kB\nThreads:\t3\nCapEff:\t000001ffffffffff\nSeccomp:\t2\nMem:\t0\n";
        let status = ProcessStatus::parse(bytes).unwrap();
        assert_eq!(status.plain_name().as_text(), Some("a\nUid:\\"));
        assert_eq!((status.group, status.parent, status.tracer), (42, 7, 9));
        assert_eq!((status.uids, status.gids[0]), ([1000, 1001, 1002, 1003], 4_294_967_294));
        assert_eq!((status.threads, status.anonymous, status.seccomp), (3, 124, Some(2)));
        for end in 0..bytes.len() {
            let cut = ProcessStatus::parse(&bytes[..end]);
            assert!(end > 15 || cut.is_none(), "{end}");
        }
    }

    #[test]
    fn numbers_are_read_whole_or_not_at_all() {
        assert_eq!(number(b"18446744073709551615"), Some(-1));
        assert_eq!(number(b"-20"), Some(-20));
        for wrong in [&b""[..], b"-", b"1x", b"99999999999999999999", b"+1", b" 1"] {
            assert_eq!(number(wrong), None, "{wrong:?}");
        }
        assert_eq!(hexadecimal(b"fF"), Some(255));
        assert_eq!(hexadecimal(b"0x1"), None);
    }

    #[test]
    fn long_arguments_of_many_leave_a_page_each() {
        let mut room = Room::default();
        assert_eq!(room.cap(), limits::ARGUMENTS);
        for _ in 0..1000 {
            let cap = room.cap();
            room.take(usize::try_from(cap).unwrap());
        }
        assert_eq!(room.cap(), 4096);
    }

    #[test]
    fn units_and_containers_of_cgroups() {
        let id = "0123456789abcdef".repeat(4);
        let cases = [
            ("0::/system.slice/ssh.service\n".to_owned(), "ssh.service", ""),
            ("0::/user.slice/user-1000.slice/session-3.scope".to_owned(), "session-3.scope", ""),
            (
                "0::/user.slice/user@1000.service/app.slice/x.service/sub".to_owned(),
                "x.service",
                "",
            ),
            (format!("0::/system.slice/docker-{id}.scope"), &format!("docker-{id}.scope"), &id),
            (format!("9:name=systemd:/docker/{id}\n0::/\n"), "", &id),
            (format!("3:cpu:/kubepods/burstable/pod1/{id}\n0::/\n"), "", &id),
            ("0::/lxc/web/init.scope".to_owned(), "init.scope", "web"),
            ("0::/lxc.payload.web/x".to_owned(), "", "web"),
            ("9:name=systemd:/system.slice/cron.service\n0::/".to_owned(), "cron.service", ""),
            ("junk\n1:\n".to_owned(), "", ""),
        ];
        for (text, unit, container) in cases {
            let group = ProcessGroup::parse(text.as_bytes());
            assert_eq!(String::from_utf8_lossy(group.unit), unit, "{text}");
            assert_eq!(String::from_utf8_lossy(group.container), container, "{text}");
        }
    }

    #[test]
    fn terminals_by_number() {
        for (number, name) in
            [(0, ""), (34816, "pts/0"), (0x401, "tty1"), (0x440, "ttyS0"), (0x501, "console")]
        {
            assert_eq!(terminal_name(number), name);
        }
    }

    #[test]
    fn arguments_with_bytes_that_are_not_text() {
        assert_eq!(joined_arguments(b"a\0b\xff\0\0").to_string(), "a b\\xff");
        assert_eq!(joined_arguments(b"").to_string(), "");
    }
}
