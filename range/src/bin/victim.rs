//! The victim's init: makes its root, starts its daemons, reaps, and ends when its stdin ends.
//!
//! It runs as pid 1 of a new pid namespace, with mount, network, uts and ipc namespaces of its own
//! (see `range/src/victim.rs`), and refuses to run anywhere else.

use std::io::{Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_change, unmount,
};

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let root = arguments.next().context("usage: victim ROOT BINARIES")?;
    let binaries = arguments.next().context("usage: victim ROOT BINARIES")?;
    let with = arguments.next();
    ensure!(
        rustix::process::getpid().is_init(),
        "the victim's init runs in a namespace of its own"
    );
    make_root(Path::new(&root), Path::new(&binaries))?;
    if with.is_some_and(|with| with == "systemd") {
        return become_systemd();
    }
    for daemon in [
        "ip link set lo up",
        "hostname victim",
        "/usr/sbin/rsyslogd",
        "/usr/sbin/sshd",
        "/usr/sbin/nginx",
        "/usr/sbin/cron",
    ] {
        let mut words = daemon.split(' ');
        let program = words.next().unwrap_or_default();
        let status = Command::new(program).args(words).env_clear().env("PATH", PATH).status();
        let status = status.with_context(|| format!("starting {daemon}"))?;
        ensure!(status.success(), "{daemon} failed");
    }
    std::thread::spawn(|| {
        loop {
            // Orphans come to us; nobody else waits for a child from here on.
            let _reaped = rustix::process::wait(rustix::process::WaitOptions::empty());
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    });
    writeln!(std::io::stdout(), "ready")?;
    let mut rest = Vec::new();
    std::io::stdin().read_to_end(&mut rest)?;
    Ok(())
}

/// Becomes systemd, as the first process of a container. What it would change of the kernel that
/// all share is read-only, and units that try to are masked.
fn become_systemd() -> Result<()> {
    let none = MountFlags::empty();
    mount("cgroup", "/sys/fs/cgroup", "cgroup2", none, None)?;
    let is_bound = rustix::mount::mount_bind("/proc/sys", "/proc/sys");
    is_bound.and_then(|()| {
        let flags = MountFlags::BIND | MountFlags::RDONLY;
        rustix::mount::mount_remount("/proc/sys", flags, "")
    })?;
    let masks = Path::new("/run/systemd/system");
    std::fs::create_dir_all(masks)?;
    for unit in ["systemd-sysctl", "systemd-modules-load", "systemd-remount-fs", "console-getty"] {
        std::os::unix::fs::symlink("/dev/null", masks.join(format!("{unit}.service")))?;
    }
    Command::new("ip").args(["link", "set", "lo", "up"]).env("PATH", PATH).status()?;
    writeln!(std::io::stdout(), "ready")?;
    let mut systemd = Command::new("/lib/systemd/systemd");
    systemd.args(["--unit=multi-user.target", "--log-target=journal", "--show-status=false"]);
    systemd.env_clear().env("PATH", PATH).env("container", "stanch-range");
    systemd.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::null());
    Err(systemd.stderr(std::process::Stdio::null()).exec().into())
}

const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

fn make_root(lower: &Path, binaries: &Path) -> Result<()> {
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount_change("/", private)?;
    let none = MountFlags::empty();
    let work = Path::new("/mnt");
    mount("range", work, "tmpfs", none, None)?;
    for folder in ["upper", "work", "root"] {
        std::fs::create_dir(work.join(folder))?;
    }
    let root = work.join("root");
    let options = format!("lowerdir={},upperdir=/mnt/upper,workdir=/mnt/work", lower.display());
    let options = std::ffi::CString::new(options)?;
    mount("overlay", &root, "overlay", none, Some(options.as_c_str()))?;
    mount("proc", root.join("proc"), "proc", none, None)?;
    mount("sysfs", root.join("sys"), "sysfs", MountFlags::RDONLY, None)?;
    mount("dev", root.join("dev"), "tmpfs", none, None)?;
    // As udev makes them: anybody may write to `null`, and a login opens its terminal by `tty`.
    let umask = rustix::process::umask(Mode::empty());
    for (name, minor) in [("null", 3), ("zero", 5), ("full", 7), ("random", 8), ("urandom", 9)] {
        let path = root.join("dev").join(name);
        mknodat(CWD, path, FileType::CharacterDevice, Mode::from(0o666), makedev(1, minor))?;
    }
    mknodat(
        CWD,
        root.join("dev/tty"),
        FileType::CharacterDevice,
        Mode::from(0o666),
        makedev(5, 0),
    )?;
    mknodat(
        CWD,
        root.join("dev/fuse"),
        FileType::CharacterDevice,
        Mode::from(0o600),
        makedev(10, 229),
    )?;
    rustix::process::umask(umask);
    for folder in ["dev/pts", "dev/shm"] {
        std::fs::create_dir(root.join(folder))?;
    }
    mount("devpts", root.join("dev/pts"), "devpts", none, Some(c"newinstance,ptmxmode=0666"))?;
    std::os::unix::fs::symlink("pts/ptmx", root.join("dev/ptmx"))?;
    std::os::unix::fs::symlink("/proc/self/fd", root.join("dev/fd"))?;
    mount("shm", root.join("dev/shm"), "tmpfs", none, None)?;
    mount("run", root.join("run"), "tmpfs", none, None)?;
    for folder in ["run/sshd", "run/lock", "run/range", "run/old"] {
        std::fs::create_dir(root.join(folder))?;
    }
    for binary in ["stanch", "stand-in"] {
        std::fs::copy(binaries.join(binary), root.join("run/range").join(binary))?;
    }
    std::env::set_current_dir(&root)?;
    rustix::process::pivot_root(".", "run/old")?;
    std::env::set_current_dir("/")?;
    unmount("/run/old", UnmountFlags::DETACH)?;
    std::fs::remove_dir("/run/old")?;
    Ok(())
}
