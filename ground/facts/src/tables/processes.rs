//! Processes: what runs, as whom, from which file, since when.
//!
//! Source: proc_pid_stat(5), proc_pid_status(5), proc_pid_cgroup(5).

use std::path::{Path, PathBuf};

use stanch_machine::limits;
use stanch_words::{Ask, Seen, table_spec};

use crate::Host;

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
    container Text Plain "Container id in the cgroup path, empty if none.";
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
}

/// Reads /proc.
pub(super) fn read(host: &Host, ask: &Ask, seen: &mut Seen) {
    let machine = host.machine();
    for entry in host.list(SPEC.name, Path::new("/proc"), seen) {
        let Some(pid) = entry.name.to_str().and_then(|name| name.parse::<i64>().ok()) else {
            continue;
        };
        let directory = PathBuf::from(format!("/proc/{pid}"));
        let mut row = SPEC.row();
        row.put(col::pid, pid);
        if ask.wants_any(&[col::path, col::on_disk, col::deleted])
            && let Ok(exe) = machine.read_link(&directory.join("exe"))
        {
            let text = stanch_words::Value::from(exe.as_path()).to_string();
            let deleted = text.ends_with(" (deleted)");
            row.put(col::path, text.trim_end_matches(" (deleted)"))
                .put(col::deleted, deleted)
                .put(col::on_disk, !deleted);
        }
        if let Ok(comm) = machine.read(&directory.join("comm"), limits::PSEUDO_FILE) {
            row.put(col::name, comm.bytes.trim_ascii_end());
        }
        seen.push(row);
    }
}
