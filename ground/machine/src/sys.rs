//! The unsafe corner: system calls that no kept library gives us, each one call long.
#![expect(
    unsafe_code,
    reason = "JUSTIFICATION: bpf(2), getdents64(2), sched_getparam(2), fork(2), packet(7) and CPU clocks of others have no safe wrapper"
)]

use rustix::io::Errno;

/// Returns whether we are root in effect.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Splits off a copy of this process: none in the copy, its pid in the original.
pub(crate) fn fork() -> Result<Option<rustix::process::Pid>, Errno> {
    // SAFETY: no other thread runs yet (`apart` is the first thing that `main` does), so that no
    // lock is held by a thread that the copy does not have.
    let pid = unsafe { libc::fork() };
    result(pid.into()).map(|_started| rustix::process::Pid::from_raw(pid))
}

/// Makes stdin, stdout and stderr something that nobody waits for.
pub(crate) fn replace_standard_streams(by: std::os::fd::BorrowedFd<'_>) {
    use std::os::fd::AsRawFd as _;
    for stream in 0..=2 {
        // SAFETY: both are open descriptors, or the call says no; nothing here owns 0, 1 and 2.
        let _best_effort = unsafe { libc::dup2(by.as_raw_fd(), stream) };
    }
}

/// Returns seconds since 1970 UTC.
pub(crate) fn wall_clock() -> i64 {
    rustix::time::clock_gettime(rustix::time::ClockId::Realtime).tv_sec
}

/// Returns random bytes of the kernel.
pub(crate) fn random() -> Result<[u8; 16], Errno> {
    let mut bytes = [0_u8; 16];
    // SAFETY: the kernel writes at most as many bytes as the buffer has.
    let value = unsafe { libc::syscall(libc::SYS_getrandom, bytes.as_mut_ptr(), bytes.len(), 0) };
    // Up to 256 bytes come whole or not at all (getrandom(2), "NOTES").
    result(value).map(|_sixteen| bytes)
}

fn result(value: libc::c_long) -> Result<libc::c_long, Errno> {
    if value >= 0 {
        return Ok(value);
    }
    let errno = std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO);
    Err(Errno::from_raw_os_error(errno))
}

/// Asks getdents64(2) for the next records of a directory; returns how many bytes they take. A
/// buffer of our own, with what was in it before: what the call leaves untouched is looked at.
pub(crate) fn directory_entries(
    directory: std::os::fd::BorrowedFd<'_>,
    buffer: &mut [u8],
) -> Result<usize, Errno> {
    use std::os::fd::AsRawFd as _;
    let (fd, start, room) = (directory.as_raw_fd(), buffer.as_mut_ptr(), buffer.len());
    // SAFETY: the kernel writes at most `room` bytes into a live buffer of that length.
    let value = unsafe { libc::syscall(libc::SYS_getdents64, fd, start, room) };
    result(value).map(|length| usize::try_from(length).unwrap_or(0).min(room))
}

/// Asks sched_getparam(2) whether a task is there.
pub(crate) fn schedule_parameter(pid: i32) -> Result<(), Errno> {
    let mut parameter = [0_i32; 4];
    // SAFETY: the kernel writes one `struct sched_param` (one int) into a buffer of four.
    let value = unsafe { libc::syscall(libc::SYS_sched_getparam, pid, parameter.as_mut_ptr()) };
    result(value).map(|_zero| ())
}

/// Opens a socket that gives and gets whole frames of one kind (`ETH_P_*`) at one device. What it
/// gets goes through a filter of the kernel's classic kind, and the device takes frames to groups
/// of receivers, which it leaves out otherwise; the kernel takes that back when the socket closes.
pub(crate) fn packet_socket(
    device: i32,
    kind: u16,
    filter: &[libc::sock_filter],
    groups: &[[u8; 6]],
) -> Result<std::os::fd::OwnedFd, Errno> {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
    use std::os::fd::{AsFd as _, AsRawFd as _};
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    // Without a kind it gets nothing until it is bound: nothing of other devices, and nothing that
    // the filter leaves out.
    let socket = socket_with(AddressFamily::PACKET, SocketType::RAW, flags, None)?;
    if let Ok(len @ 1..) = u16::try_from(filter.len()) {
        // The kernel only reads what it is given.
        let program = libc::sock_fprog { len, filter: filter.as_ptr().cast_mut() };
        set_option(socket.as_fd(), libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &program)?;
    }
    let at = libc::sockaddr_ll {
        sll_family: libc::AF_PACKET as libc::c_ushort,
        sll_protocol: kind.to_be(),
        sll_ifindex: device,
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 0,
        sll_addr: [0; 8],
    };
    let length = libc::socklen_t::try_from(size_of_val(&at)).unwrap_or(0);
    // SAFETY: `at` is a live address of packet(7), and the length given is its own.
    let bound = unsafe { libc::bind(socket.as_raw_fd(), (&raw const at).cast(), length) };
    result(bound.into())?;
    for &[a, b, c, d, e, f] in groups {
        let member = libc::packet_mreq {
            mr_ifindex: device,
            mr_type: libc::PACKET_MR_MULTICAST as libc::c_ushort,
            mr_alen: 6,
            mr_address: [a, b, c, d, e, f, 0, 0],
        };
        set_option(socket.as_fd(), libc::SOL_PACKET, libc::PACKET_ADD_MEMBERSHIP, &member)?;
    }
    Ok(socket)
}

/// Has frames come with the time at which the kernel got them, and asks it to keep so many bytes.
pub(crate) fn stamp_frames(socket: std::os::fd::BorrowedFd<'_>, bytes: i32) -> Result<(), Errno> {
    set_option(socket, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, &1_i32)?;
    // Beyond the system's limit only with CAP_NET_ADMIN.
    set_option(socket, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, &bytes)
        .or_else(|_refused| set_option(socket, libc::SOL_SOCKET, libc::SO_RCVBUF, &bytes))
}

/// A frame that was received: its whole length, its kind (`PACKET_*`), and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Received {
    pub(crate) length: usize,
    pub(crate) kind: u8,
    pub(crate) time: Option<i64>,
}

/// Takes the next frame of a socket of packet(7), if there is one.
pub(crate) fn receive_frame(
    socket: std::os::fd::BorrowedFd<'_>,
    buffer: &mut [u8],
) -> Result<Received, Errno> {
    use std::os::fd::AsRawFd as _;
    let mut part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    let mut from = libc::sockaddr_ll {
        sll_family: 0,
        sll_protocol: 0,
        sll_ifindex: 0,
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 0,
        sll_addr: [0; 8],
    };
    // Words, so that the heads in it are aligned.
    let mut control = [0_u64; 16];
    let mut message = libc::msghdr {
        msg_name: (&raw mut from).cast(),
        msg_namelen: libc::socklen_t::try_from(size_of_val(&from)).unwrap_or(0),
        msg_iov: &raw mut part,
        msg_iovlen: 1,
        msg_control: control.as_mut_ptr().cast(),
        msg_controllen: size_of_val(&control),
        msg_flags: 0,
    };
    let flags = libc::MSG_TRUNC | libc::MSG_DONTWAIT;
    // SAFETY: `message` points to a live address, one part and control words, each as long as it
    // says; the part is a live buffer of that length.
    let length = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, flags) };
    let length = result(i64::try_from(length).unwrap_or(-1))?;
    let time = stamp(&control, message.msg_controllen);
    let length = usize::try_from(length).unwrap_or(0);
    Ok(Received { length, kind: from.sll_pkttype, time })
}

/// Returns the time in a control message: its head (length, level, kind; cmsg(3)), seconds and
/// nanoseconds. Nothing else was asked for.
fn stamp(control: &[u64; 16], length: usize) -> Option<i64> {
    let [_, head, seconds, nanoseconds, ..] = control;
    let level = half(*head, false);
    let kind = half(*head, true);
    let is_stamp =
        level == libc::SOL_SOCKET.cast_unsigned() && kind == libc::SCM_TIMESTAMPNS.cast_unsigned();
    (length >= 32 && is_stamp).then(|| {
        seconds
            .cast_signed()
            .saturating_mul(1_000_000_000)
            .saturating_add(nanoseconds.cast_signed())
    })
}

/// Returns how many frames a socket of packet(7) got, and how many it had no room for.
pub(crate) fn packet_statistics(socket: std::os::fd::BorrowedFd<'_>) -> Result<(u32, u32), Errno> {
    use std::os::fd::AsRawFd as _;
    let mut counts = [0_u32; 2];
    let mut length = libc::socklen_t::try_from(size_of_val(&counts)).unwrap_or(0);
    let (fd, level, name) = (socket.as_raw_fd(), libc::SOL_PACKET, libc::PACKET_STATISTICS);
    let room = counts.as_mut_ptr().cast();
    // SAFETY: the kernel writes at most `length` bytes, one `struct tpacket_stats` (two words).
    let asked = unsafe { libc::getsockopt(fd, level, name, room, &raw mut length) };
    let [packets, drops] = counts;
    result(asked.into()).map(|_zero| (packets, drops))
}

fn set_option<T>(
    socket: std::os::fd::BorrowedFd<'_>,
    level: i32,
    name: i32,
    value: &T,
) -> Result<(), Errno> {
    use std::os::fd::AsRawFd as _;
    let length = libc::socklen_t::try_from(size_of_val(value)).unwrap_or(0);
    let (fd, value) = (socket.as_raw_fd(), std::ptr::from_ref(value).cast());
    // SAFETY: `value` is live, and the length given is its own; what it points to (a filter) is
    // live as well and as long as it says.
    let set = unsafe { libc::setsockopt(fd, level, name, value, length) };
    result(set.into()).map(|_zero| ())
}

/// Reads the CPU clock of a process, in nanoseconds.
pub(crate) fn cpu_time(pid: i32) -> Result<u64, Errno> {
    // include/linux/posix-timers_types.h: the inverted pid above three bits; 2 is the scheduler's.
    let clock = !pid << 3 | 2;
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel writes one `struct timespec` into a live one.
    let value = unsafe { libc::syscall(libc::SYS_clock_gettime, clock, &raw mut time) };
    result(value)?;
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanoseconds = u64::try_from(time.tv_nsec).unwrap_or(0);
    Ok(seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds))
}

/// Calls bpf(2) with an attribute union given as bytes (padded to its size by the caller).
pub(crate) fn bpf(command: i32, attribute: &mut [u64]) -> Result<i64, Errno> {
    let size = std::mem::size_of_val(attribute);
    // SAFETY: `attribute` is writable, 8-byte aligned and `size` bytes long; pointers inside it
    // are made by `bpf_info` below from a live buffer of the length stated beside them.
    let value = unsafe { libc::syscall(libc::SYS_bpf, command, attribute.as_mut_ptr(), size) };
    result(value)
}

/// Fills a buffer with an eBPF object's info (`BPF_OBJ_GET_INFO_BY_FD`) and returns its length.
pub(crate) fn bpf_info(
    descriptor: std::os::fd::BorrowedFd<'_>,
    buffer: &mut [u8],
) -> Result<usize, Errno> {
    use std::os::fd::AsRawFd as _;
    const OBJ_GET_INFO_BY_FD: i32 = 15;
    let fd = u64::from(descriptor.as_raw_fd().unsigned_abs());
    let length = buffer.len() as u64;
    // struct { u32 bpf_fd; u32 info_len; u64 info; } in native order.
    let (first, second) = if cfg!(target_endian = "little") {
        (fd | length << 32, buffer.as_mut_ptr() as u64)
    } else {
        (fd << 32 | length, buffer.as_mut_ptr() as u64)
    };
    let mut attribute = [first, second];
    bpf(OBJ_GET_INFO_BY_FD, &mut attribute)?;
    let used = if cfg!(target_endian = "little") {
        attribute.first().map_or(0, |word| word >> 32)
    } else {
        attribute.first().map_or(0, |word| word & 0xffff_ffff)
    };
    Ok(usize::try_from(used).unwrap_or(0).min(buffer.len()))
}

/// Returns two 32-bit fields as one word of an attribute, in memory order.
fn pair(first: u32, second: u32) -> u64 {
    let (first, second) = (u64::from(first), u64::from(second));
    if cfg!(target_endian = "little") { first | second << 32 } else { first << 32 | second }
}

/// Returns the second or first 32-bit field of a word of an attribute.
fn half(word: u64, second: bool) -> u32 {
    let upper = second == cfg!(target_endian = "little");
    u32::try_from(if upper { word >> 32 } else { word & 0xffff_ffff }).unwrap_or(0)
}

/// Returns an array that an eBPF object's info points to. `place` is where the info has the
/// pointer and the count, and how many bytes an item has.
pub(crate) fn bpf_array(
    descriptor: std::os::fd::BorrowedFd<'_>,
    place: (usize, usize, usize),
) -> Result<Vec<u8>, Errno> {
    // 64 MiB: a million instructions, the kernel's own limit, take 8.
    const MOST: usize = 64 << 20;
    let (pointer_at, count_at, item) = place;
    let mut info = vec![0_u8; 512];
    bpf_info(descriptor, &mut info)?;
    let count_of = |info: &[u8]| {
        let count = info.get(count_at..).and_then(|rest| rest.first_chunk());
        let count = u32::from_ne_bytes(count.copied().unwrap_or_default()) as usize;
        count.saturating_mul(item).min(MOST)
    };
    let length = count_of(&info);
    if length == 0 {
        return Ok(Vec::new());
    }
    let mut bytes = vec![0_u8; length];
    let count = u32::try_from(length.checked_div(item).unwrap_or(0)).unwrap_or(0);
    let mut info = vec![0_u8; 512];
    if let Some(field) = info.get_mut(count_at..).and_then(|rest| rest.first_chunk_mut()) {
        *field = count.to_ne_bytes();
    }
    if let Some(field) = info.get_mut(pointer_at..).and_then(|rest| rest.first_chunk_mut()) {
        *field = (bytes.as_mut_ptr() as u64).to_ne_bytes();
    }
    bpf_info(descriptor, &mut info)?;
    bytes.truncate(count_of(&info));
    Ok(bytes)
}

/// Opens an eBPF object pinned at a path (`BPF_OBJ_GET`).
pub(crate) fn bpf_object(path: &std::path::Path) -> Result<std::os::fd::OwnedFd, Errno> {
    use std::os::unix::ffi::OsStrExt as _;
    const OBJ_GET: i32 = 7;
    let path = std::ffi::CString::new(path.as_os_str().as_bytes()).map_err(|_nul| Errno::INVAL)?;
    // struct { u64 pathname; u32 bpf_fd; u32 file_flags; }
    let mut attribute = [path.as_ptr() as u64, 0];
    own(bpf(OBJ_GET, &mut attribute)?).ok_or(Errno::BADF)
}

/// Loads a program for the devices of the network (`BPF_PROG_LOAD`, `BPF_PROG_TYPE_XDP`).
pub(crate) fn bpf_load(name: &str, program: &[u8]) -> Result<std::os::fd::OwnedFd, Errno> {
    const PROG_LOAD: i32 = 5;
    const XDP: u32 = 6;
    let mut named = [0_u8; 16];
    for (to, from) in named.iter_mut().take(15).zip(name.bytes()) {
        *to = from;
    }
    let [first, second] = [named.get(..8), named.get(8..)].map(|half| {
        half.and_then(<[u8]>::first_chunk::<8>).map_or(0, |bytes| u64::from_ne_bytes(*bytes))
    });
    let count = u32::try_from(program.len() / 8).map_err(|_long| Errno::TOOBIG)?;
    let license = c"Apache-2.0";
    // struct { u32 prog_type; u32 insn_cnt; u64 insns; u64 license; u32 log_level; u32 log_size;
    // u64 log_buf; u32 kern_version; u32 prog_flags; char prog_name[16]; }
    let (code, license) = (program.as_ptr() as u64, license.as_ptr() as u64);
    let mut attribute = [pair(XDP, count), code, license, 0, 0, 0, first, second];
    own(bpf(PROG_LOAD, &mut attribute)?).ok_or(Errno::BADF)
}

/// Returns the ids of the programs attached to a cgroup at one point (`BPF_PROG_QUERY`).
pub(crate) fn bpf_of_cgroup(
    cgroup: std::os::fd::BorrowedFd<'_>,
    point: u32,
) -> Result<Vec<u32>, Errno> {
    use std::os::fd::AsRawFd as _;
    const PROG_QUERY: i32 = 16;
    // 64 programs is the kernel's limit for one cgroup and point (BPF_CGROUP_MAX_PROGS).
    let mut ids = [0_u32; 64];
    // struct { u32 target_fd; u32 attach_type; u32 query_flags; u32 attach_flags; u64 prog_ids;
    // u32 prog_cnt; }
    let fd = cgroup.as_raw_fd().unsigned_abs();
    let mut attribute = [pair(fd, point), 0, ids.as_mut_ptr() as u64, pair(64, 0)];
    bpf(PROG_QUERY, &mut attribute)?;
    let count = attribute.last().map_or(0, |&word| half(word, false)) as usize;
    Ok(ids.get(..count.min(64)).unwrap_or_default().to_vec())
}

/// Returns the program behind another process's perf event, and what it traces.
pub(crate) fn bpf_of_descriptor(pid: u32, descriptor: u32) -> Result<(u32, Vec<u8>), Errno> {
    const TASK_FD_QUERY: i32 = 20;
    let mut name = vec![0_u8; 256];
    // struct { u32 pid; u32 fd; u32 flags; u32 buf_len; u64 buf; u32 prog_id; u32 fd_type;
    // u64 probe_offset; u64 probe_addr; }
    let length = u32::try_from(name.len()).unwrap_or(0);
    let buffer = name.as_mut_ptr() as u64;
    let mut attribute = [pair(pid, descriptor), pair(0, length), buffer, 0, 0, 0];
    bpf(TASK_FD_QUERY, &mut attribute)?;
    let id = attribute.get(3).map_or(0, |&word| half(word, false));
    let end = name.iter().position(|&byte| byte == 0).unwrap_or(name.len());
    name.truncate(end);
    Ok((id, name))
}

/// Takes ownership of a descriptor that a system call has just returned.
pub(crate) fn own(descriptor: i64) -> Option<std::os::fd::OwnedFd> {
    use std::os::fd::FromRawFd as _;
    let raw = i32::try_from(descriptor).ok().filter(|&fd| fd >= 0)?;
    // SAFETY: the caller has just received this descriptor from the kernel and nobody else has it.
    Some(unsafe { std::os::fd::OwnedFd::from_raw_fd(raw) })
}
