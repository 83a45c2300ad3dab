//! A watch over operations that may never return: a hanging NFS or FUSE mount, or a process whose
//! argument page lies on one (reading its `/proc/PID/cmdline` then blocks).
//!
//! ```text
//!   worker: begin(path) → system call → end      watcher: same operation for too long?
//!              │ refuses a path that stalled before        → mark the path, start a new worker
//!              │ and all that hangs together with it
//! ```
//!
//! In all, what hangs costs no more than about half a minute, however much of it there is: four
//! times three seconds, then half a second each; after twelve, whatever may hang is left out
//! unasked; after twenty-four, a table that meets one more is given up.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{Scope, ScopedJoinHandle};
use std::time::Duration;

use crate::hanging::{self, Place};
use crate::limits;

thread_local! {
    static CURRENT: std::cell::RefCell<Option<Arc<Mutex<Progress>>>> =
        const { std::cell::RefCell::new(None) };
}

/// How many times as long one operation may last that goes on all the time: a file that gives a
/// byte now and then would never end.
const LASTING: u32 = 40;

#[derive(Default)]
struct Progress {
    count: u64,
    /// The number of the newest operation: unlike the count it stays while the operation goes on.
    operation: u64,
    /// The operations under way, the oldest first: one for each thread that works.
    under_way: Vec<(u64, PathBuf)>,
}

/// Does one piece of work in several threads, all under the watch of the thread that asks (if it
/// is watched). The work is told the number of its thread, and ends when all have ended.
pub fn together(threads: usize, work: &(dyn Fn(usize) + Sync)) {
    std::thread::scope(|scope| {
        for number in 1..threads {
            scope.spawn(watched_too(move || work(number)));
        }
        work(0);
    });
}

/// Starts a thread beside the one that asks, under the same watch (if there is one).
///
/// # Errors
/// That of the kernel, if no thread is to be had.
pub fn beside<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    work: impl FnOnce() -> T + Send + 'scope,
) -> io::Result<ScopedJoinHandle<'scope, T>> {
    std::thread::Builder::new().name("reader".into()).spawn_scoped(scope, watched_too(work))
}

/// Returns work that another thread may do under the watch of this one.
fn watched_too<T>(work: impl FnOnce() -> T) -> impl FnOnce() -> T {
    let watch = CURRENT.with(|current| current.borrow().clone());
    move || {
        CURRENT.with(|current| *current.borrow_mut() = watch);
        work()
    }
}

/// Paths that did not answer, shared by all workers of one machine.
#[derive(Clone, Default, Debug)]
pub struct Stalls {
    known: Arc<Mutex<Known>>,
    /// Whether anything hung: asked before each operation of each thread.
    any: Arc<AtomicBool>,
}

#[derive(Default, Debug)]
struct Known {
    /// How many operations hung.
    count: usize,
    paths: BTreeSet<PathBuf>,
    /// Those of which it has not been asked yet what hangs together with them.
    to_place: Vec<PathBuf>,
    places: BTreeSet<Place>,
}

/// What became of watched work.
#[derive(Debug)]
pub enum Watched<T> {
    /// It finished; with the paths that had to be left out for it.
    Done(T, Vec<PathBuf>),
    /// It panicked, with the message.
    Panicked(String),
    /// It kept stalling, or too much did; the paths are those left out before giving up.
    GivenUp(Vec<PathBuf>),
}

impl Stalls {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns whether a path stalled before and must not be asked again.
    pub fn has(&self, path: &Path) -> bool {
        self.any.load(Ordering::SeqCst) && self.known().paths.contains(path)
    }

    /// Returns what hangs together with a path that stalled before and would be met on this one.
    /// It is asked by a worker, after [`begin`]: should this itself hang, it is watched.
    pub(crate) fn met(&self, path: &Path, follow: bool) -> Option<Place> {
        if !self.any.load(Ordering::SeqCst) {
            return None;
        }
        let (to_place, places) = {
            let mut known = self.known();
            if known.count == 0 {
                return None;
            }
            (std::mem::take(&mut known.to_place), known.places.clone())
        };
        let places = if to_place.is_empty() {
            places
        } else {
            let new = to_place.iter().filter_map(|stalled| hanging::place_of(stalled));
            let mut new: Vec<Place> = new.collect();
            if self.known().count >= limits::MANY_STALLS {
                new.extend(hanging::suspects());
            }
            let mut known = self.known();
            known.places.extend(new);
            known.places.clone()
        };
        hanging::met(path, follow, places.iter())
    }

    /// Returns whether anything that stalled before is called so: only then an entry of a
    /// directory that answers need be asked about by itself.
    pub(crate) fn has_name(&self, name: &OsStr) -> bool {
        if !self.any.load(Ordering::SeqCst) {
            return false;
        }
        let known = self.known();
        let is_so = |path: &PathBuf| path.file_name() == Some(name);
        let is_mount = |place: &Place| matches!(place, Place::Mount(at) if is_so(at));
        known.paths.iter().any(is_so) || known.places.iter().any(is_mount)
    }

    /// Notes a path that did not answer.
    fn note(&self, path: &Path) {
        let mut known = self.known();
        known.count = known.count.saturating_add(1);
        self.any.store(true, Ordering::SeqCst);
        if known.paths.insert(path.to_owned()) {
            known.to_place.push(path.to_owned());
        }
    }

    /// Returns how long an operation may still take.
    fn patience(&self, most: Duration) -> Duration {
        let is_long = self.known().count < limits::LONG_STALLS;
        if is_long { most } else { most.min(limits::SHORT_STALL) }
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
            let (mut last, mut operation, mut lasting) = (0, 0, Duration::ZERO);
            loop {
                let patience = self.patience(most);
                match receiver.recv_timeout(patience) {
                    Ok(Ok(done)) => return Watched::Done(done, left_out),
                    Ok(Err(panic)) => return Watched::Panicked(message(panic.as_ref())),
                    Err(_not_yet) => {}
                }
                let now = progress.lock().unwrap_or_else(PoisonError::into_inner);
                let oldest = now.under_way.first();
                let now_under_way = oldest.map_or(now.operation, |oldest| oldest.0);
                let goes_on = now_under_way == operation;
                lasting = if goes_on { lasting.saturating_add(patience) } else { Duration::ZERO };
                operation = now_under_way;
                let stalled =
                    |_: &PathBuf| now.count == last || lasting >= most.saturating_mul(LASTING);
                let path = oldest.map(|oldest| oldest.1.clone());
                let Some(path) = path.filter(stalled) else {
                    // Busy computing, or something new since the last look.
                    last = now.count;
                    continue;
                };
                drop(now);
                self.note(&path);
                left_out.push(path);
                if self.known().count >= limits::STALLS {
                    return Watched::GivenUp(left_out);
                }
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
    let number = CURRENT.with(|current| {
        let current = current.borrow();
        let progress = current.as_ref()?;
        let mut now = progress.lock().unwrap_or_else(PoisonError::into_inner);
        now.count = now.count.wrapping_add(1);
        now.operation = now.operation.wrapping_add(1);
        let number = now.operation;
        now.under_way.push((number, path.to_owned()));
        Some(number)
    });
    Guard(number)
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
pub(crate) struct Guard(Option<u64>);

impl Guard {
    /// Ends the operation and begins one on another path. Many small ones in a row are told one by
    /// one so, at a third of what a guard for each would cost.
    pub(crate) fn moves_on(&mut self, path: &Path) {
        let Some(own) = self.0 else { return };
        CURRENT.with(|current| {
            let current = current.borrow();
            let Some(progress) = current.as_ref() else { return };
            let mut now = progress.lock().unwrap_or_else(PoisonError::into_inner);
            now.count = now.count.wrapping_add(1);
            now.operation = now.operation.wrapping_add(1);
            let number = now.operation;
            let place = now.under_way.iter().rposition(|one| one.0 == own);
            let Some(place) = place else { return };
            // Behind those of other threads, which are older by now.
            let (_, mut at) = now.under_way.remove(place);
            at.clear();
            at.push(path);
            now.under_way.push((number, at));
            self.0 = Some(number);
        });
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        CURRENT.with(|current| {
            if let Some(progress) = current.borrow().as_ref() {
                let mut now = progress.lock().unwrap_or_else(PoisonError::into_inner);
                now.count = now.count.wrapping_add(1);
                // The newest are last, and few threads work at a time.
                if let Some(place) = now.under_way.iter().rposition(|one| Some(one.0) == self.0) {
                    now.under_way.remove(place);
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_helper_that_hangs_is_seen_when_the_others_are_done() {
        let stalls = Stalls::default();
        let theirs = stalls.clone();
        let result = stalls.watch(Duration::from_millis(50), 3, move || {
            let path = Path::new("/mnt/hangs");
            together(2, &|number| {
                let path = if number == 1 { path } else { Path::new("/fine") };
                let _busy = begin(path);
                if number == 1 && !theirs.has(path) {
                    std::thread::sleep(Duration::from_secs(600));
                }
            });
        });
        let Watched::Done((), left_out) = result else { panic!("{result:?}") };
        assert_eq!(left_out, vec![PathBuf::from("/mnt/hangs")]);
    }

    #[test]
    fn a_thread_beside_that_hangs_is_seen() {
        let stalls = Stalls::default();
        let theirs = stalls.clone();
        let result = stalls.watch(Duration::from_millis(50), 3, move || {
            let path = Path::new("/mnt/hangs");
            std::thread::scope(|threads| {
                let reads = || {
                    let _busy = begin(path);
                    if !theirs.has(path) {
                        std::thread::sleep(Duration::from_secs(600));
                    }
                    "the rest"
                };
                beside(threads, reads).unwrap().join().unwrap()
            })
        });
        let Watched::Done(what, left_out) = result else { panic!("{result:?}") };
        assert_eq!((what, left_out), ("the rest", vec![PathBuf::from("/mnt/hangs")]));
    }

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
    fn of_many_in_a_row_only_the_one_that_hangs_is_left_out() {
        let stalls = Stalls::default();
        let theirs = stalls.clone();
        let result = stalls.watch(Duration::from_millis(50), 3, move || {
            let mut busy = begin(Path::new("/srv"));
            let mut done = Vec::new();
            for name in ["a", "slow", "z"] {
                let path = Path::new("/srv").join(name);
                if theirs.has_name(OsStr::new(name)) && theirs.has(&path) {
                    continue;
                }
                busy.moves_on(&path);
                if name == "slow" {
                    std::thread::sleep(Duration::from_secs(600));
                }
                done.push(name);
            }
            done
        });
        let Watched::Done(done, left_out) = result else { panic!("{result:?}") };
        assert_eq!((done, left_out), (vec!["a", "z"], vec![PathBuf::from("/srv/slow")]));
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
    fn once_much_hung_less_is_waited_for_and_then_nothing_more() {
        let stalls = Stalls::default();
        for number in 0..limits::STALLS - 1 {
            assert_eq!(
                stalls.patience(limits::STALL) == limits::STALL,
                number < limits::LONG_STALLS
            );
            stalls.note(Path::new(&format!("/mnt/{number}")));
        }
        // Whatever may hang is left out unasked by now.
        let met = stalls.met(Path::new("/proc/9/environ"), true);
        assert_eq!(met, Some(Place::Memory("/proc/9".into())));
        assert_eq!(stalls.met(Path::new("/proc/9/stat"), true), None);
        let hanging = || {
            let _busy = begin(Path::new("/mnt/one-more"));
            std::thread::sleep(Duration::from_secs(600));
        };
        let result = stalls.watch(Duration::from_millis(20), 1000, hanging);
        assert!(matches!(&result, Watched::GivenUp(out) if out.len() == 1), "{result:?}");
        // What does not hang is still done.
        let result = stalls.watch(Duration::from_millis(20), 1, || "done");
        assert!(matches!(result, Watched::Done("done", _)), "{result:?}");
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
