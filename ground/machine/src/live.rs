//! The machine that we run on, and its kernel.

use std::ffi::OsString;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rustix::fs::{self, Mode, OFlags};
use rustix::io::Errno;
use stanch_words::GapKind;

use crate::directory::{ByDescriptor, ByPath, Directory};
use crate::entries;
use crate::kernel::{
    BpfKind, BpfPart, Capture, FileSystem, Frame, Heard, Knock, Listen, Lost, Probe, Protocol,
    Sysinfo, TakenPorts,
};
use crate::stall::Guard;
use crate::tree::{Tree, read_capped};
use crate::{
    Attribute, Contents, Inspector, Kernel, Listing, Machine, Miss, OpenFile, Stalls, Stat, sys,
};

mod capturing;
mod changes;
mod filing;
mod frames;
mod hands;
mod knocking;
mod netlink;
mod ports;
mod programs;
mod transaction;

pub use changes::Changes;
pub use hands::{Hands, random};

/// The running machine.
#[derive(Debug)]
pub struct Live {
    tree: Tree,
    fresh: OnceLock<Result<OwnedFd, Errno>>,
    trace: OnceLock<Result<OwnedFd, Errno>>,
}

impl Live {
    /// Returns the machine that we run on.
    #[expect(clippy::new_without_default, reason = "a machine is not a default value")]
    pub fn new() -> Self {
        Self { tree: Tree::own(), fresh: OnceLock::new(), trace: OnceLock::new() }
    }

    /// Returns the watch over hanging paths.
    pub fn stalls(&self) -> &Stalls {
        &self.tree.stalls
    }

    /// Returns the root of a procfs mounted for us alone and attached nowhere.
    fn fresh(&self) -> Result<BorrowedFd<'_>, Miss> {
        let made = self.fresh.get_or_init(|| detached_mount("proc"));
        made.as_ref()
            .map(OwnedFd::as_fd)
            .map_err(|&errno| Miss::from_errno(errno, Path::new("/proc (fresh)")))
    }

    /// Watches a question to the fresh procfs: its answer can hang as that of /proc can (an
    /// argument page on a dead mount), so it is named apart from it.
    fn fresh_guard(&self, path: &Path) -> Result<Guard, Miss> {
        self.tree.guard(&Path::new("/proc (fresh)").join(path))
    }

    fn fresh_open(&self, path: &Path, flags: OFlags) -> Result<OwnedFd, Miss> {
        let flags = flags | OFlags::CLOEXEC | OFlags::NONBLOCK;
        fs::openat(self.fresh()?, path, flags, Mode::empty())
            .map_err(|errno| Miss::from_errno(errno, path))
    }
}

/// Mounts a file system for us alone, attached nowhere (fsopen(2), fsmount(2)).
fn detached_mount(kind: &str) -> Result<OwnedFd, Errno> {
    use rustix::mount::{
        FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsmount, fsopen,
    };
    let context = fsopen(kind, FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_create(context.as_fd())?;
    let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID
        | MountAttrFlags::MOUNT_ATTR_NODEV
        | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    fsmount(context.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, attributes)
}

/// Opens an eBPF object by its id.
fn bpf_open(kind: BpfKind, id: u32) -> Result<OwnedFd, Miss> {
    // BPF_PROG_GET_FD_BY_ID 13, BPF_MAP_GET_FD_BY_ID 14, BPF_LINK_GET_FD_BY_ID 30.
    let command = match kind {
        BpfKind::Program => 13,
        BpfKind::Map => 14,
        BpfKind::Link => 30,
    };
    let miss = |errno| Miss::from_errno(errno, Path::new("bpf"));
    let mut attribute =
        [if cfg!(target_endian = "big") { u64::from(id) << 32 } else { u64::from(id) }, 0];
    let fd = sys::own(sys::bpf(command, &mut attribute).map_err(miss)?);
    fd.ok_or_else(|| miss(Errno::BADF))
}

impl Machine for Live {
    fn kind(&self) -> &'static str {
        "live"
    }
    fn read(&self, path: &Path, cap: u64) -> Result<Contents, Miss> {
        self.tree.read(path, cap)
    }
    fn read_pieces(&self, path: &Path, cap: u64, each: &mut dyn FnMut(&[u8])) -> Result<u64, Miss> {
        self.tree.read_pieces(path, cap, each)
    }
    fn open<'a>(&'a self, path: &Path) -> Result<Box<dyn OpenFile + 'a>, Miss> {
        self.tree.open_file(path)
    }
    fn open_described<'a>(
        &'a self,
        path: &Path,
        stat: &Stat,
    ) -> Result<Box<dyn OpenFile + 'a>, Miss> {
        self.tree.open_described(path, stat)
    }
    fn read_past_cache(&self, path: &Path, cap: u64) -> Result<Contents, Miss> {
        self.tree.read_past_cache(path, cap)
    }
    fn open_device<'a>(&'a self, path: &Path) -> Result<Box<dyn OpenFile + 'a>, Miss> {
        self.tree.open_device(path)
    }
    fn list(&self, path: &Path) -> Result<Listing, Miss> {
        self.tree.list(path)
    }
    fn stat(&self, path: &Path) -> Result<Stat, Miss> {
        self.tree.stat(path, true)
    }
    fn lstat(&self, path: &Path) -> Result<Stat, Miss> {
        self.tree.stat(path, false)
    }
    fn lstat_each(&self, directory: &Path, names: &[&std::ffi::OsStr]) -> Vec<Result<Stat, Miss>> {
        self.tree.stat_each(directory, names)
    }
    fn read_link(&self, path: &Path) -> Result<PathBuf, Miss> {
        self.tree.read_link(path)
    }
    fn attribute(&self, path: &Path, name: &str) -> Result<Option<Vec<u8>>, Miss> {
        self.tree.attribute(path, name)
    }
    fn attributes(&self, path: &Path) -> Result<Vec<Attribute>, Miss> {
        self.tree.attributes(path)
    }
    fn inspect<'m>(
        &'m self,
        directory: &Path,
        names: &[&std::ffi::OsStr],
        inspector: &mut dyn Inspector<'m>,
    ) {
        self.tree.inspect(directory, names, inspector);
    }
    fn magic(&self, path: &Path) -> Result<Option<i64>, Miss> {
        self.tree.magic(path).map(Some)
    }
    fn flags(&self, path: &Path) -> Result<Option<u32>, Miss> {
        self.tree.flags(path)
    }
    fn directory<'a>(&'a self, path: &Path) -> Result<Box<dyn Directory + 'a>, Miss> {
        if path.starts_with("/proc") || path.starts_with("/sys") {
            return Ok(Box::new(ByDescriptor::open(&self.tree, path)?));
        }
        self.stat(path)?;
        Ok(Box::new(ByPath { machine: self, path: path.to_owned() }))
    }
    fn kernel(&self) -> Option<&dyn Kernel> {
        Some(self)
    }
    fn now(&self) -> i64 {
        sys::wall_clock()
    }
}

impl Kernel for Live {
    fn netlink(&self, protocol: i32, request: &[u8]) -> Result<Vec<Vec<u8>>, Miss> {
        let _guard = self.tree.guard(Path::new("netlink"))?;
        netlink::dump(protocol, request)
            .map_err(|errno| Miss::from_errno(errno, Path::new("netlink")))
    }

    fn probe(&self, pid: i32, probe: Probe) -> bool {
        use rustix::process as p;
        let Some(id) = p::Pid::from_raw(pid) else { return false };
        let answer = match probe {
            Probe::Kill => p::test_kill_process(id),
            Probe::Session => p::getsid(Some(id)).map(|_sid| ()),
            Probe::Group => p::getpgid(Some(id)).map(|_group| ()),
            Probe::Schedule => sys::schedule_parameter(pid),
            Probe::Pidfd => p::pidfd_open(id, p::PidfdFlags::empty()).map(|_fd| ()),
            Probe::Priority => p::getpriority_process(Some(id)).map(|_nice| ()),
        };
        // "Not permitted" means that there is something to be refused.
        matches!(answer, Ok(()) | Err(Errno::PERM | Errno::ACCESS))
    }

    fn sweep(&self, last: i32, probe: Probe) -> Vec<i32> {
        (1..=last).filter(|&pid| self.probe(pid, probe)).collect()
    }

    fn port_is_taken(&self, protocol: Protocol, port: u16) -> Result<bool, Miss> {
        ports::is_taken(protocol, port)
    }

    fn taken_ports(&self, protocol: Protocol) -> Result<TakenPorts, Miss> {
        ports::taken(protocol)
    }

    fn answers_on_loopback(&self, port: u16) -> bool {
        ports::answers_on_loopback(port)
    }

    fn bpf_ids(&self, kind: BpfKind) -> Result<Vec<u32>, Miss> {
        // BPF_PROG_GET_NEXT_ID 11, BPF_MAP_GET_NEXT_ID 12, BPF_LINK_GET_NEXT_ID 31 (linux/bpf.h).
        let command = match kind {
            BpfKind::Program => 11,
            BpfKind::Map => 12,
            BpfKind::Link => 31,
        };
        let mut ids = Vec::new();
        let mut last = 0_u32;
        loop {
            // struct { u32 start_id; u32 next_id; u32 open_flags; }
            let mut attribute = [u64::from(last), 0];
            if cfg!(target_endian = "big") {
                attribute = [u64::from(last) << 32, 0];
            }
            match sys::bpf(command, &mut attribute) {
                Ok(_) => {}
                Err(Errno::NOENT) => return Ok(ids),
                Err(errno) => return Err(Miss::from_errno(errno, Path::new("bpf"))),
            }
            let word = attribute.first().copied().unwrap_or(0);
            let next = if cfg!(target_endian = "big") { word & 0xffff_ffff } else { word >> 32 };
            last = u32::try_from(next).unwrap_or(u32::MAX);
            if ids.last().is_some_and(|&previous| previous >= last) || ids.len() > 1_000_000 {
                let path = Path::new("bpf");
                return Err(Miss::new(GapKind::Damaged, "ids do not grow", path));
            }
            ids.push(last);
        }
    }

    fn bpf_info(&self, kind: BpfKind, id: u32) -> Result<Vec<u8>, Miss> {
        let fd = bpf_open(kind, id)?;
        let mut buffer = vec![0_u8; 512];
        let used = sys::bpf_info(fd.as_fd(), &mut buffer)
            .map_err(|errno| Miss::from_errno(errno, Path::new("bpf")))?;
        buffer.truncate(used);
        Ok(buffer)
    }

    fn bpf_array(&self, kind: BpfKind, id: u32, part: BpfPart) -> Result<Vec<u8>, Miss> {
        let fd = bpf_open(kind, id)?;
        // Offsets of the pointer and of the count, and bytes an item, in `struct bpf_prog_info`
        // and `struct bpf_link_info` (linux/bpf.h).
        let place = match part {
            BpfPart::Instructions => (32, 20, 1),
            BpfPart::Maps => (56, 52, 4),
            BpfPart::Name => (16, 24, 1),
        };
        sys::bpf_array(fd.as_fd(), place).map_err(|errno| Miss::from_errno(errno, Path::new("bpf")))
    }

    fn bpf_pinned(&self, path: &Path) -> Result<Vec<u8>, Miss> {
        use std::os::fd::AsRawFd as _;
        let _guard = self.tree.guard(path)?;
        let fd = sys::bpf_object(path).map_err(|errno| Miss::from_errno(errno, path))?;
        let file = PathBuf::from(format!("/proc/self/fdinfo/{}", fd.as_raw_fd()));
        self.tree.read(&file, 1 << 16).map(|contents| contents.bytes)
    }

    fn bpf_of_cgroup(&self, path: &Path, point: u32) -> Result<Vec<u32>, Miss> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let _guard = self.tree.guard(path)?;
        let miss = |errno| Miss::from_errno(errno, path);
        let directory = fs::open(path, flags, Mode::empty()).map_err(miss)?;
        sys::bpf_of_cgroup(directory.as_fd(), point).map_err(miss)
    }

    fn bpf_of_descriptor(&self, pid: i64, descriptor: i64) -> Result<(u32, Vec<u8>), Miss> {
        let miss = |errno| Miss::from_errno(errno, Path::new("bpf"));
        let (Ok(pid), Ok(descriptor)) = (u32::try_from(pid), u32::try_from(descriptor)) else {
            return Err(miss(Errno::INVAL));
        };
        sys::bpf_of_descriptor(pid, descriptor).map_err(miss)
    }

    fn fresh_trace(&self, path: &Path, cap: u64) -> Result<Vec<u8>, Miss> {
        let _guard = self.tree.guard(&Path::new("/sys/kernel/tracing (fresh)").join(path))?;
        let miss = |errno| Miss::from_errno(errno, path);
        let made = self.trace.get_or_init(|| detached_mount("tracefs"));
        let root = made.as_ref().map_err(|&errno| miss(errno))?;
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = fs::openat(root, path, flags, Mode::empty()).map_err(miss)?;
        let mut bytes = Vec::new();
        read_capped(file.as_fd(), cap, &mut bytes).map_err(miss)?;
        Ok(bytes)
    }

    fn messages(&self, cap: u64) -> Result<Contents, Miss> {
        let path = Path::new("/dev/kmsg");
        let _guard = self.tree.guard(path)?;
        let miss = |errno| Miss::from_errno(errno, path);
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = fs::open(path, flags, Mode::empty()).map_err(miss)?;
        // A record a call, each at most 8 KiB (CONSOLE_EXT_LOG_MAX).
        let (mut bytes, mut room) = (Vec::new(), vec![0_u8; 16 << 10]);
        while (bytes.len() as u64) < cap {
            match rustix::io::read(&file, room.as_mut_slice()) {
                Ok(0) | Err(Errno::AGAIN) => return Ok(Contents { bytes, truncated: false }),
                Ok(read) => bytes.extend_from_slice(room.get(..read).unwrap_or_default()),
                // Older ones were written over meanwhile.
                Err(Errno::PIPE | Errno::INTR) => {}
                Err(errno) => return Err(miss(errno)),
            }
        }
        Ok(Contents { bytes, truncated: true })
    }

    fn fresh_proc(&self, path: &Path, cap: u64) -> Result<Vec<u8>, Miss> {
        let _guard = self.fresh_guard(path)?;
        let file = self.fresh_open(path, OFlags::RDONLY)?;
        let mut bytes = Vec::new();
        read_capped(file.as_fd(), cap, &mut bytes)
            .map_err(|errno| Miss::from_errno(errno, path))?;
        Ok(bytes)
    }

    fn fresh_proc_link(&self, path: &Path) -> Result<PathBuf, Miss> {
        let _guard = self.fresh_guard(path)?;
        let target = fs::readlinkat(self.fresh()?, path, Vec::new())
            .map_err(|errno| Miss::from_errno(errno, path))?;
        Ok(PathBuf::from(OsString::from_vec(target.into_bytes())))
    }

    fn fresh_proc_list(&self) -> Result<Vec<OsString>, Miss> {
        let here = Path::new(".");
        let _guard = self.fresh_guard(here)?;
        let directory = self.fresh_open(here, OFlags::RDONLY | OFlags::DIRECTORY)?;
        let listing = entries::list(&directory).map_err(|errno| Miss::from_errno(errno, here))?;
        Ok(listing.entries.into_iter().map(|entry| entry.name).collect())
    }

    fn file_system(&self, path: &Path) -> Result<FileSystem, Miss> {
        let _guard = self.tree.guard(path)?;
        let s = fs::statfs(path).map_err(|errno| Miss::from_errno(errno, path))?;
        #[expect(clippy::cast_sign_loss, reason = "statfs(2) counts are never negative")]
        #[expect(clippy::useless_conversion, reason = "the field's width differs by architecture")]
        Ok(FileSystem {
            block_size: s.f_bsize as u64,
            blocks: s.f_blocks,
            blocks_free: s.f_bfree,
            blocks_available: s.f_bavail,
            inodes: s.f_files,
            inodes_free: s.f_ffree,
            magic: i64::from(s.f_type),
        })
    }

    fn sysinfo(&self) -> Sysinfo {
        let s = rustix::system::sysinfo();
        let unit = u64::from(s.mem_unit.max(1));
        Sysinfo {
            uptime: s.uptime,
            tasks: u64::from(s.procs),
            memory_total: s.totalram.saturating_mul(unit),
            memory_free: s.freeram.saturating_mul(unit),
        }
    }

    fn uname(&self) -> [String; 6] {
        let u = rustix::system::uname();
        [u.sysname(), u.nodename(), u.release(), u.version(), u.machine(), u.domainname()]
            .map(|text| stanch_words::text::from_bytes(text.to_bytes()))
    }

    fn ticks(&self) -> u64 {
        rustix::param::clock_ticks_per_second()
    }

    fn page_size(&self) -> u64 {
        rustix::param::page_size() as u64
    }

    fn sleep(&self, time: std::time::Duration) {
        std::thread::sleep(time);
    }

    fn monotonic(&self) -> u64 {
        let t = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let seconds = u64::try_from(t.tv_sec).unwrap_or(0);
        seconds.saturating_mul(1_000_000_000).saturating_add(u64::try_from(t.tv_nsec).unwrap_or(0))
    }

    fn cpu_time(&self, pid: i32) -> Option<u64> {
        sys::cpu_time(pid).ok()
    }

    fn who(&self) -> (u32, u64) {
        let uid = rustix::process::geteuid().as_raw();
        let mask = rustix::thread::capabilities(None).map_or(0, |sets| sets.effective.bits());
        (uid, mask)
    }

    fn own_pid(&self) -> i32 {
        rustix::process::getpid().as_raw_nonzero().get()
    }

    fn hear(
        &self,
        listen: &Listen<'_>,
        each: &mut dyn FnMut(&Heard<'_>) -> bool,
    ) -> Result<(), Miss> {
        frames::hear(self, listen, each)
    }

    fn capture(
        &self,
        order: &Capture<'_>,
        each: &mut dyn FnMut(&Frame<'_>) -> bool,
    ) -> Result<Vec<Lost>, Miss> {
        capturing::capture(self, order, each)
    }

    fn knock(&self, namespace: Option<&Path>, to: std::net::IpAddr) -> Result<Knock, Miss> {
        match namespace {
            Some(namespace) => knocking::knock_from(namespace, to),
            None => knocking::knock(to)
                .map_err(|errno| Miss::from_errno(errno, Path::new("datagram socket"))),
        }
    }

    fn knock_by_frame(&self, device: i32, own: [u8; 6]) -> Result<Knock, Miss> {
        knocking::knock_by_frame(device, own)
            .map_err(|errno| Miss::from_errno(errno, Path::new("packet socket")))
    }

    fn loopback_works(&self) -> bool {
        knocking::loopback_works()
    }

    fn keeper_pid(&self) -> Option<i32> {
        crate::apart::keeper()
    }
}
