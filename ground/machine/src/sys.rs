//! The unsafe corner: system calls that no kept library gives us, each one call long.
#![expect(unsafe_code, reason = "JUSTIFICATION: bpf(2) and sched_getparam(2) have no safe wrapper")]

use rustix::io::Errno;

/// Returns whether we are root in effect.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Returns seconds since 1970 UTC.
pub(crate) fn wall_clock() -> i64 {
    rustix::time::clock_gettime(rustix::time::ClockId::Realtime).tv_sec
}

fn result(value: libc::c_long) -> Result<libc::c_long, Errno> {
    if value >= 0 {
        return Ok(value);
    }
    let errno = std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO);
    Err(Errno::from_raw_os_error(errno))
}

/// Asks sched_getparam(2) whether a task is there.
pub(crate) fn schedule_parameter(pid: i32) -> Result<(), Errno> {
    let mut parameter = [0_i32; 4];
    // SAFETY: the kernel writes one `struct sched_param` (one int) into a buffer of four.
    let value = unsafe { libc::syscall(libc::SYS_sched_getparam, pid, parameter.as_mut_ptr()) };
    result(value).map(|_zero| ())
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

/// Takes ownership of a descriptor that a system call has just returned.
pub(crate) fn own(descriptor: i64) -> Option<std::os::fd::OwnedFd> {
    use std::os::fd::FromRawFd as _;
    let raw = i32::try_from(descriptor).ok().filter(|&fd| fd >= 0)?;
    // SAFETY: the caller has just received this descriptor from the kernel and nobody else has it.
    Some(unsafe { std::os::fd::OwnedFd::from_raw_fd(raw) })
}
