//! Work in a process of our own, so that an answer is not kept back by a thread that cannot end.
//!
//! ```text
//!   keeper: fork ── waits for one byte ────────────────────────► ends with that code
//!   worker:       └─ reads, judges, prints, lets go of the terminal, sends the byte ─► ends, or
//!                    stays as long as one of its threads hangs in the kernel
//! ```
//!
//! A thread that waits for a FUSE server which has taken its request, or for an NFS server, sleeps
//! uninterruptibly: not even SIGKILL ends it (fs/fuse/dev.c, `request_wait_answer`). Until it ends,
//! its process counts as running, whoever waits for the process waits on, and what it has open
//! (the terminal, a pipe) stays open.

use std::io::Write as _;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::sync::OnceLock;

use rustix::io::Errno;
use rustix::process::{self, Pid, Signal, WaitOptions};

use crate::sys;

/// The process that waits for ours, if we are the worker of [`apart`].
static KEEPER: OnceLock<i32> = OnceLock::new();

/// How long a worker that has done its work is waited for, in milliseconds: longer than any ends
/// that can.
const PATIENCE: i64 = 200;

/// Runs work in a process of its own and returns its exit code as soon as the work is done, even
/// if the process cannot end. To be called before any thread is started. Where no process can be
/// had, the work is done in this one.
pub fn apart(work: impl FnOnce() -> u8) -> u8 {
    use rustix::pipe::{PipeFlags, pipe_with};
    let Ok((ear, mouth)) = pipe_with(PipeFlags::CLOEXEC) else { return work() };
    let keeper = process::getpid();
    match sys::fork() {
        Err(_no_process_to_be_had) => {
            drop((ear, mouth));
            work()
        }
        Ok(None) => {
            // Whoever ends the keeper means us.
            let _best_effort = process::set_parent_process_death_signal(Some(Signal::KILL));
            let _first = KEEPER.set(keeper.as_raw_nonzero().get());
            let code = work();
            let _reader_left = std::io::stdout().flush();
            // Their readers wait for an end that a hanging thread would keep back.
            sys::replace_standard_streams(ear.as_fd());
            let _keeper_left = rustix::io::write(&mouth, &[code]);
            code
        }
        Ok(Some(worker)) => {
            drop(mouth);
            wait(worker, ear.as_fd())
        }
    }
}

/// Leaves the session and terminal that we were started from, so that we stay when the person who
/// started us logs out (setsid(2)).
pub fn leave_session() {
    // Refused only to the leader of a process group, who then has none to leave.
    let _best_effort = process::setsid();
}

/// Returns the process that waits for ours.
pub(crate) fn keeper() -> Option<i32> {
    KEEPER.get().copied()
}

fn wait(worker: Pid, ear: BorrowedFd<'_>) -> u8 {
    let mut code = [0_u8];
    let told = loop {
        match rustix::io::read(ear, &mut code) {
            Err(Errno::INTR) => {}
            other => break other == Ok(1),
        }
    };
    if told {
        await_end(worker);
        let [code] = code;
        return code;
    }
    // It ended without a word: a signal, as a shell shows it.
    let status = loop {
        match process::waitpid(Some(worker), WaitOptions::empty()) {
            Err(Errno::INTR) => {}
            other => break other.ok().flatten(),
        }
    };
    let signal = status.and_then(|(_, status)| status.terminating_signal());
    u8::try_from(signal.unwrap_or(0).saturating_add(128)).unwrap_or(u8::MAX)
}

/// Gives the worker a moment to end, so that nothing of us is left where nothing hangs.
fn await_end(worker: Pid) {
    let step = rustix::time::Timespec { tv_sec: 0, tv_nsec: 1_000_000 };
    for _ in 0..PATIENCE {
        if !matches!(process::waitpid(Some(worker), WaitOptions::NOHANG), Ok(None)) {
            return;
        }
        let _interrupted = rustix::thread::nanosleep(&step);
    }
}
