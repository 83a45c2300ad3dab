//! Questions that only a running kernel can answer.

use std::net::IpAddr;
use std::path::Path;

use stanch_words::GapKind;

use crate::Miss;

/// A running kernel. Every answer comes by a raw system call of our own, never through a program
/// of the machine or a library that it could have preloaded.
pub trait Kernel: Send + Sync {
    /// Sends a netlink dump request and returns the answer's datagrams, as they came.
    /// `request` is a whole message with its header (netlink(7)); the sequence number is ours.
    fn netlink(&self, protocol: i32, request: &[u8]) -> Result<Vec<Vec<u8>>, Miss>;

    /// Returns whether a process or thread answers to a probe.
    fn probe(&self, pid: i32, probe: Probe) -> bool;

    /// Returns the pids in `1..=last` that answer to a probe, in order: a whole sweep.
    fn sweep(&self, last: i32, probe: Probe) -> Vec<i32>;

    /// Tries to bind a local port on the wildcard address; the socket is closed at once and never
    /// listens. Returns whether the port is taken.
    fn port_is_taken(&self, protocol: Protocol, port: u16) -> Result<bool, Miss>;

    /// Tries all ports in the same way, except 0.
    fn taken_ports(&self, protocol: Protocol) -> Result<TakenPorts, Miss>;

    /// Returns whether a TCP port answers on 127.0.0.1; the connection is closed at once.
    fn answers_on_loopback(&self, port: u16) -> bool;

    /// Returns the ids of all eBPF objects of a kind (bpf(2), `BPF_*_GET_NEXT_ID`).
    fn bpf_ids(&self, kind: BpfKind) -> Result<Vec<u32>, Miss>;

    /// Returns the kernel's description of an eBPF object (`BPF_OBJ_GET_INFO_BY_FD`): the raw
    /// `struct bpf_prog_info` or `bpf_link_info` of the kernel's size.
    fn bpf_info(&self, kind: BpfKind, id: u32) -> Result<Vec<u8>, Miss>;

    /// Returns one of the arrays that an eBPF object's info points to; empty if it has none.
    fn bpf_array(&self, kind: BpfKind, id: u32, part: BpfPart) -> Result<Vec<u8>, Miss>;

    /// Returns what the kernel says of an eBPF object pinned at a path: the text of
    /// `/proc/self/fdinfo` for a descriptor of it (`BPF_OBJ_GET`).
    fn bpf_pinned(&self, path: &Path) -> Result<Vec<u8>, Miss>;

    /// Returns the ids of the eBPF programs attached to a cgroup directory at one attachment
    /// point (`BPF_PROG_QUERY` with a number of `enum bpf_attach_type`).
    fn bpf_of_cgroup(&self, path: &Path, point: u32) -> Result<Vec<u32>, Miss>;

    /// Returns the id of the eBPF program behind another process's descriptor of a perf event
    /// (`BPF_TASK_FD_QUERY`), and the name of what it traces.
    fn bpf_of_descriptor(&self, pid: i64, descriptor: i64) -> Result<(u32, Vec<u8>), Miss>;

    /// Reads a file of tracefs through a detached mount of our own, where nobody has mounted it.
    fn fresh_trace(&self, path: &Path, cap: u64) -> Result<Vec<u8>, Miss>;

    /// Reads the kernel's own messages, as `/dev/kmsg` has them, at most so many bytes.
    ///
    /// # Errors
    /// A [`Miss`] if they may not be read.
    fn messages(&self, _cap: u64) -> Result<crate::Contents, Miss> {
        Err(Miss::new(GapKind::NotHere, "no kernel that could be asked", Path::new("/dev/kmsg")))
    }

    /// Reads a file of a fresh procfs that nothing can be mounted over: a detached mount made by
    /// fsopen(2) and fsmount(2), visible to nobody else. `path` is relative to its root.
    fn fresh_proc(&self, path: &Path, cap: u64) -> Result<Vec<u8>, Miss>;

    /// Returns where a symlink of the fresh procfs points.
    fn fresh_proc_link(&self, path: &Path) -> Result<std::path::PathBuf, Miss>;

    /// Returns the names at the root of the fresh procfs.
    fn fresh_proc_list(&self) -> Result<Vec<std::ffi::OsString>, Miss>;

    /// Returns file system totals (statfs(2)).
    fn file_system(&self, path: &Path) -> Result<FileSystem, Miss>;

    /// Returns what sysinfo(2) says.
    fn sysinfo(&self) -> Sysinfo;

    /// Returns sysname, nodename, release, version, machine and domain name (uname(2)).
    fn uname(&self) -> [String; 6];

    /// Returns clock ticks a second (`AT_CLKTCK`).
    fn ticks(&self) -> u64;

    /// Returns the page size in bytes.
    fn page_size(&self) -> u64;

    /// Sleeps. Given, not taken, so that a test does not wait.
    fn sleep(&self, time: std::time::Duration);

    /// Returns monotonic nanoseconds.
    fn monotonic(&self) -> u64;

    /// Returns the CPU time of a process in nanoseconds by its CPU clock (clock_getcpuclockid(3)),
    /// which the scheduler keeps: it needs no /proc, and any process may be asked.
    fn cpu_time(&self, pid: i32) -> Option<u64>;

    /// Returns our own effective user id and the effective capability mask.
    fn who(&self) -> (u32, u64);

    /// Returns our own pid.
    fn own_pid(&self) -> i32;

    /// Listens for the frames by which neighbours tell of themselves (LLDP, and whatever is of
    /// 802.2), at most so long, and gives each to `each`, until that says that it is enough.
    /// Nothing is sent and nothing is taken away from others.
    ///
    /// # Errors
    /// A [`Miss`] if the kernel does not let us listen: it needs `CAP_NET_RAW`.
    fn hear(
        &self,
        _listen: &Listen<'_>,
        _each: &mut dyn FnMut(&Heard<'_>) -> bool,
    ) -> Result<(), Miss> {
        Err(Miss::new(GapKind::NotHere, "no network to listen to", Path::new("packet socket")))
    }

    /// Takes all frames at some devices for some time, and gives each to `each`, until that says
    /// that it is enough; returns what was lost. Nothing is sent, no device is changed.
    ///
    /// # Errors
    /// A [`Miss`] if the kernel does not let us listen: it needs `CAP_NET_RAW`.
    fn capture(
        &self,
        _capture: &Capture<'_>,
        _each: &mut dyn FnMut(&Frame<'_>) -> bool,
    ) -> Result<Vec<Lost>, Miss> {
        Err(Miss::new(GapKind::NotHere, "no network to listen to", Path::new("packet socket")))
    }

    /// Sends an empty datagram to "discard" that dies at the first router, from our own network
    /// namespace or another (`/proc/PID/ns/net`): whether anything leaves.
    ///
    /// # Errors
    /// A [`Miss`] if that could not be tried.
    fn knock(&self, namespace: Option<&Path>, to: IpAddr) -> Result<Knock, Miss> {
        let _no_network = (namespace, to);
        Err(Miss::new(GapKind::NotHere, "no network to send to", Path::new("socket")))
    }

    /// Writes a frame of a kind for experiments to a device itself, from and to its own address.
    ///
    /// # Errors
    /// A [`Miss`] if that could not be tried.
    fn knock_by_frame(&self, _device: i32, _own: [u8; 6]) -> Result<Knock, Miss> {
        Err(Miss::new(GapKind::NotHere, "no network to send to", Path::new("packet socket")))
    }

    /// Returns whether the machine reaches itself over its loopback.
    fn loopback_works(&self) -> bool {
        false
    }

    /// Returns the pid of the process that waits for ours ([`crate::apart`]), if there is one.
    fn keeper_pid(&self) -> Option<i32> {
        None
    }
}

/// What is listened for.
#[derive(Clone, Copy, Debug)]
pub struct Listen<'a> {
    /// The devices: names, and the numbers that the kernel has for them (`ifindex`).
    pub devices: &'a [(String, i32)],
    /// Groups of receivers that such frames go to.
    pub groups: &'a [[u8; 6]],
    /// How long at most.
    pub time: std::time::Duration,
}

/// What is captured.
#[derive(Clone, Copy, Debug)]
pub struct Capture<'a> {
    /// The devices: names, and the numbers that the kernel has for them (`ifindex`).
    pub devices: &'a [(String, i32)],
    /// How long.
    pub time: std::time::Duration,
}

/// A frame that was captured: hostile input.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// The place of its device in the order.
    pub device: usize,
    /// When the kernel got it, in nanoseconds since 1970 UTC.
    pub time: i64,
    /// How long it was.
    pub length: usize,
    /// Whether this machine sent it.
    pub outgoing: bool,
    /// Its bytes, as far as there was room.
    pub bytes: &'a [u8],
}

/// What a capture lost at a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost {
    /// The place of the device in the order.
    pub device: usize,
    /// How many frames there were, lost ones too.
    pub received: u64,
    /// How many of them were lost, since the kernel had no room for them.
    pub dropped: u64,
}

/// What became of something that was sent to see whether anything leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Knock {
    /// A filter of this machine stopped it.
    Stopped,
    /// It left, as far as this machine knows.
    Left,
    /// There is no way there, so that nothing is known of a filter.
    NoWay,
}

/// A frame that was heard: hostile input.
#[derive(Clone, Copy, Debug)]
pub struct Heard<'a> {
    /// The device.
    pub device: &'a str,
    /// Its bytes from the Ethernet header on, 2 KiB at most.
    pub bytes: &'a [u8],
}

/// A way of asking whether a process is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// kill(2) with signal 0. Answers for threads too.
    Kill,
    /// getsid(2).
    Session,
    /// getpgid(2).
    Group,
    /// sched_getparam(2). Answers for threads too.
    Schedule,
    /// pidfd_open(2). Answers for thread-group leaders only.
    Pidfd,
    /// getpriority(2).
    Priority,
}

/// A transport protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// What came of trying all ports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TakenPorts {
    /// Ports that are taken.
    pub taken: Vec<u16>,
    /// How many could not be tried for want of privilege.
    pub refused: u32,
}

/// A kind of eBPF object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BpfKind {
    /// A program.
    Program,
    /// A map.
    Map,
    /// A link.
    Link,
}

/// An array that an eBPF object's info points to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BpfPart {
    /// A program's translated instructions, 8 bytes each.
    Instructions,
    /// The ids of a program's maps, 4 bytes each.
    Maps,
    /// The name in a raw tracepoint link or an iterator link.
    Name,
}

/// File system totals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileSystem {
    /// Block size.
    pub block_size: u64,
    /// Blocks in all.
    pub blocks: u64,
    /// Blocks free.
    pub blocks_free: u64,
    /// Blocks free to ordinary users.
    pub blocks_available: u64,
    /// Inodes in all.
    pub inodes: u64,
    /// Inodes free.
    pub inodes_free: u64,
    /// The file system's magic number.
    pub magic: i64,
}

/// What sysinfo(2) says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sysinfo {
    /// Seconds since boot.
    pub uptime: i64,
    /// Number of tasks (threads) the kernel counts.
    pub tasks: u64,
    /// Usable memory in bytes.
    pub memory_total: u64,
    /// Free memory in bytes.
    pub memory_free: u64,
}
