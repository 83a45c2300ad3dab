//! A watch over operations that may never return: a hanging NFS or FUSE mount, or a process whose
//! argument page lies on one (reading its `/proc/PID/cmdline` then blocks).
//!
//! ```text
//!   worker: begin(path) → system call → end      watcher: same operation for too long?
//!              │ refuses a path that stalled before        → mark the path, start a new worker
//! ```

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

thread_local! {
    static CURRENT: std::cell::RefCell<Option<Arc<Mutex<Progress>>>> =
        const { std::cell::RefCell::new(None) };
}

/// How many looks one operation may last that goes on all the time: a file that gives a byte now
/// and then would never end.
const LOOKS: u32 = 40;

#[derive(Default)]
struct Progress {
    count: u64,
    /// The number of the operation: unlike the count it stays while the operation goes on.
    operation: u64,
    path: Option<PathBuf>,
}

/// Paths that did not answer, shared by all workers of one machine.
#[derive(Clone, Default, Debug)]
pub struct Stalls {
    paths: Arc<Mutex<BTreeSet<PathBuf>>>,
}

/// What became of watched work.
#[derive(Debug)]
pub enum Watched<T> {
    /// It finished; with the paths that had to be left out for it.
    Done(T, Vec<PathBuf>),
    /// It panicked, with the message.
    Panicked(String),
    /// It kept stalling; the paths are those left out before giving up.
    GivenUp(Vec<PathBuf>),
}

impl Stalls {
    /// Returns whether a path stalled before and must not be asked again.
    pub fn has(&self, path: &Path) -> bool {
        self.paths.lock().unwrap_or_else(PoisonError::into_inner).contains(path)
    }

    /// Returns the paths that stalled.
    pub fn all(&self) -> Vec<PathBuf> {
        self.paths.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Runs work in a thread of its own. When one operation stands still for longer than `most`, or
    /// goes on for more than 40 times as long, its path is marked, the thread is left behind and
    /// the work starts anew without that path, at most `tries` times.
    pub fn watch<T: Send + 'static>(
        &self,
        most: Duration,
        tries: usize,
        work: impl Fn() -> T + Send + Sync + 'static,
    ) -> Watched<T> {
        let work = Arc::new(work);
        let mut left_out = Vec::new();
        for _ in 0..tries {
            let (sender, receiver) = std::sync::mpsc::channel();
            let progress = Arc::new(Mutex::new(Progress::default()));
            let (theirs, job) = (Arc::clone(&progress), Arc::clone(&work));
            let spawned = std::thread::Builder::new().name("reader".into()).spawn(move || {
                CURRENT.with(|current| *current.borrow_mut() = Some(theirs));
                let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| job()));
                let _receiver_left = sender.send(result);
            });
            if let Err(error) = spawned {
                return Watched::Panicked(format!("no thread could be started: {error}"));
            }
            let (mut last, mut operation, mut looks) = (0, 0, 0_u32);
            loop {
                match receiver.recv_timeout(most) {
                    Ok(Ok(done)) => return Watched::Done(done, left_out),
                    Ok(Err(panic)) => return Watched::Panicked(message(panic.as_ref())),
                    Err(_not_yet) => {}
                }
                let now = progress.lock().unwrap_or_else(PoisonError::into_inner);
                looks = if now.operation == operation { looks.saturating_add(1) } else { 0 };
                operation = now.operation;
                let stalled = |_: &PathBuf| now.count == last || looks >= LOOKS;
                let Some(path) = now.path.clone().filter(stalled) else {
                    // Busy computing, or something new since the last look.
                    last = now.count;
                    continue;
                };
                drop(now);
                self.paths.lock().unwrap_or_else(PoisonError::into_inner).insert(path.clone());
                left_out.push(path);
                break;
            }
        }
        Watched::GivenUp(left_out)
    }
}

fn message(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}

/// Marks the beginning of an operation on a path; its end is the guard's drop.
pub(crate) fn begin(path: &Path) -> Guard {
    CURRENT.with(|current| {
        if let Some(progress) = current.borrow().as_ref() {
            let mut now = progress.lock().unwrap_or_else(PoisonError::into_inner);
            now.count = now.count.wrapping_add(1);
            now.operation = now.operation.wrapping_add(1);
            now.path = Some(path.to_owned());
        }
    });
    Guard
}

/// Says that the operation under way goes on: a large file is not a hanging one.
pub(crate) fn tick() {
    CURRENT.with(|current| {
        if let Some(progress) = current.borrow().as_ref() {
            let mut now = progress.lock().unwrap_or_else(PoisonError::into_inner);
            now.count = now.count.wrapping_add(1);
        }
    });
}

/// Ends an operation when dropped.
pub(crate) struct Guard;

impl Drop for Guard {
    fn drop(&mut self) {
        CURRENT.with(|current| {
            if let Some(progress) = current.borrow().as_ref() {
                let mut now = progress.lock().unwrap_or_else(PoisonError::into_inner);
                now.count = now.count.wrapping_add(1);
                now.path = None;
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_that_hangs_on_one_path_is_done_without_it() {
        let stalls = Stalls::default();
        let theirs = stalls.clone();
        let result = stalls.watch(Duration::from_millis(50), 3, move || {
            let path = Path::new("/mnt/hangs");
            if theirs.has(path) {
                return "the rest";
            }
            let _busy = begin(path);
            std::thread::sleep(Duration::from_secs(600));
            "never"
        });
        let Watched::Done(what, left_out) = result else { panic!("{result:?}") };
        assert_eq!((what, left_out), ("the rest", vec![PathBuf::from("/mnt/hangs")]));
    }

    #[test]
    fn a_file_that_gives_a_byte_now_and_then_does_not_keep_us() {
        let stalls = Stalls::default();
        let theirs = stalls.clone();
        let result = stalls.watch(Duration::from_millis(20), 2, move || {
            let path = Path::new("/mnt/trickles");
            if theirs.has(path) {
                return "the rest";
            }
            let _busy = begin(path);
            for _byte in 0..60_000 {
                std::thread::sleep(Duration::from_millis(1));
                tick();
            }
            "after a minute"
        });
        let Watched::Done(what, left_out) = result else { panic!("{result:?}") };
        assert_eq!((what, left_out), ("the rest", vec![PathBuf::from("/mnt/trickles")]));
    }

    #[test]
    fn a_panic_is_told_and_not_passed_on() {
        let result: Watched<()> =
            Stalls::default().watch(Duration::from_secs(5), 1, || panic!("a bug of ours"));
        assert!(
            matches!(result, Watched::Panicked(ref text) if text == "a bug of ours"),
            "{result:?}"
        );
    }
}
