//! The hands on the machine that we run on.

use std::path::{Path, PathBuf};

use rustix::fs::{self, Mode, OFlags};
use rustix::io::Errno;
use rustix::process;
use stanch_words::GapKind;

use super::{Live, netlink, programs, transaction};
use crate::changing::{AccountsLock, Signal};
use crate::{Changing, Commit, Filing, Kernel as _, Machine, Miss, ProcessStat, sys};

/// `CGROUP2_SUPER_MAGIC` (linux/magic.h).
const CGROUP2: i64 = 0x6367_7270;

/// The hands on the machine that we run on.
#[derive(Debug)]
pub struct Hands<'a> {
    live: &'a Live,
}

impl<'a> Hands<'a> {
    /// Takes the machine in hand.
    ///
    /// # Errors
    /// A [`Miss`] in a test build outside a range: a mistake in a test must not cut off the
    /// machine that it runs on. A range has a folder `/run/range` and pid namespaces of its own.
    pub fn on(live: &'a Live) -> Result<Self, Miss> {
        if cfg!(debug_assertions) && !is_range(live) {
            let why = "a test build changes nothing outside a range";
            return Err(Miss::new(GapKind::Refused, why, Path::new("/run/range")));
        }
        Ok(Self { live })
    }
}

/// `PROC_PID_INIT_INO` (include/linux/proc_ns.h): the pid namespace that the kernel began with.
const FIRST_PID_NAMESPACE: &str = "pid:[4026531836]";

fn is_range(live: &Live) -> bool {
    let namespace = live.read_link(Path::new("/proc/self/ns/pid"));
    let first = Path::new(FIRST_PID_NAMESPACE);
    live.stat(Path::new("/run/range")).is_ok() && namespace.is_ok_and(|name| name != first)
}

impl Changing for Hands<'_> {
    fn machine(&self) -> &dyn Machine {
        self.live
    }

    fn files(&self) -> &dyn Filing {
        self
    }

    fn lock_accounts(&self) -> Result<AccountsLock, Miss> {
        /// How often it is tried, a tenth of a second each time: as long as `lckpwdf` waits.
        const TRIES: u32 = 150;
        let path = Path::new("/etc/.pwd.lock");
        let miss = |errno| Miss::from_errno(errno, path);
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = fs::open(path, flags, Mode::RUSR | Mode::WUSR).map_err(miss)?;
        for _try in 0..TRIES {
            match fs::fcntl_lock(&file, fs::FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(AccountsLock { _held: Some(file) }),
                Err(Errno::ACCESS | Errno::AGAIN) => {
                    self.live.sleep(std::time::Duration::from_millis(100));
                }
                Err(errno) => return Err(miss(errno)),
            }
        }
        Err(Miss::new(GapKind::TimedOut, "another program is changing accounts", path))
    }

    fn firewall(&self, messages: &[Vec<u8>], how: Commit) -> Result<(), Miss> {
        transaction::send(messages, how).map_err(|refused| {
            let what = format!("nf_tables message {}", refused.number);
            Miss::from_errno(refused.errno, Path::new(&what))
        })
    }

    fn make_group(&self, path: &Path) -> Result<(), Miss> {
        of_cgroup2(path.parent().unwrap_or(path))?;
        match fs::mkdir(path, Mode::from_raw_mode(0o755)) {
            Err(Errno::EXIST) | Ok(()) => Ok(()),
            Err(errno) => Err(Miss::from_errno(errno, path)),
        }
    }

    fn remove_group(&self, path: &Path) -> Result<(), Miss> {
        match fs::rmdir(path) {
            Err(Errno::NOENT) | Ok(()) => Ok(()),
            Err(errno) => Err(Miss::from_errno(errno, path)),
        }
    }

    fn set_group(&self, path: &Path, value: &str) -> Result<(), Miss> {
        of_cgroup2(path.parent().unwrap_or(path))?;
        let miss = |errno| Miss::from_errno(errno, path);
        let flags = OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = fs::open(path, flags, Mode::empty()).map_err(miss)?;
        rustix::io::write(&file, value.as_bytes()).map_err(miss)?;
        Ok(())
    }

    fn signal(&self, pid: i64, start: u64, signal: Signal) -> Result<(), Miss> {
        let place = PathBuf::from(format!("/proc/{pid}"));
        let miss = |errno| Miss::from_errno(errno, &place);
        let raw = i32::try_from(pid).ok().and_then(process::Pid::from_raw);
        let process = raw.ok_or_else(|| miss(Errno::SRCH))?;
        let held = process::pidfd_open(process, process::PidfdFlags::empty()).map_err(miss)?;
        // Held now: whoever has the pid keeps it until we are done, so that this look counts.
        if ProcessStat::of(self.live, pid).map(|stat| stat.start) != Some(start) {
            return Err(miss(Errno::SRCH));
        }
        let signal = match signal {
            Signal::Stop => process::Signal::STOP,
            Signal::Continue => process::Signal::CONT,
            Signal::Kill => process::Signal::KILL,
            Signal::Reload => process::Signal::HUP,
        };
        process::pidfd_send_signal(held, signal).map_err(miss)
    }

    fn attach_program(&self, device: &str, name: &str, program: &[u8]) -> Result<(), Miss> {
        programs::attach(device, name, program)
            .map_err(|errno| Miss::from_errno(errno, Path::new(device)))
    }

    fn detach_program(&self, device: &str) -> Result<(), Miss> {
        programs::detach(device).map_err(|errno| Miss::from_errno(errno, Path::new(device)))
    }

    fn netlink_request(&self, protocol: i32, request: &[u8]) -> Result<(), Miss> {
        netlink::dump(protocol, request)
            .map(|_acknowledged| ())
            .map_err(|errno| Miss::from_errno(errno, Path::new("netlink")))
    }
}

/// Refuses a place that is not of cgroup2: what is written there would be a file.
fn of_cgroup2(path: &Path) -> Result<(), Miss> {
    let told = fs::statfs(path).map_err(|errno| Miss::from_errno(errno, path))?;
    #[expect(clippy::useless_conversion, reason = "the field's width differs by architecture")]
    if i64::from(told.f_type) == CGROUP2 {
        return Ok(());
    }
    Err(Miss::new(GapKind::Refused, "not a control group", path))
}

/// Returns random bytes of the kernel (getrandom(2)), for names and codes that nobody can guess.
///
/// # Errors
/// A [`Miss`] if the kernel has none to give.
pub fn random() -> Result<[u8; 16], Miss> {
    sys::random().map_err(|errno| Miss::from_errno(errno, Path::new("getrandom")))
}
