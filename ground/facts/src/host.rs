//! What tables share: the machine, and things read from it once.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use stanch_machine::{Kernel, Machine, Miss, limits};
use stanch_words::{Gap, GapKind, Seen};

/// A place for one thing that is made once.
#[derive(Default)]
struct Slot {
    state: Mutex<SlotState>,
    made: Condvar,
}

#[derive(Default)]
struct SlotState {
    value: Option<Arc<dyn Any + Send + Sync>>,
    in_the_making: bool,
    /// Counts the maker's signs of life.
    beats: u64,
}

/// By this a maker who needs long says that it is still at it.
#[derive(Clone)]
pub struct Beat(Arc<Slot>);

impl Beat {
    /// Says so.
    pub fn beat(&self) {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.beats = state.beats.wrapping_add(1);
    }
}

impl std::fmt::Debug for Beat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Beat")
    }
}

/// A machine with a memory: what several tables need (the package index, the socket list) is
/// read once and kept.
pub struct Host {
    machine: Arc<dyn Machine>,
    once: Mutex<HashMap<TypeId, Arc<Slot>>>,
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Host({})", self.machine.kind())
    }
}

impl Host {
    /// Returns a host over a machine.
    pub fn new(machine: Arc<dyn Machine>) -> Self {
        Self { machine, once: Mutex::default() }
    }

    /// Returns the machine.
    pub fn machine(&self) -> &dyn Machine {
        &*self.machine
    }

    /// Returns the running kernel, or leaves a gap: an image has none.
    pub fn kernel(&self, table: &str, seen: &mut Seen) -> Option<&dyn Kernel> {
        let kernel = self.machine.kernel();
        if kernel.is_none() {
            seen.gap(Gap::new(table, GapKind::NotHere, "no running kernel to ask"));
        }
        kernel
    }

    /// Returns a thing that is made once per host, if it was made already.
    pub fn made<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        let slot = {
            let once = self.once.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(once.get(&TypeId::of::<T>())?)
        };
        let state = slot.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.value.clone()?.downcast::<T>().ok()
    }

    /// Gives the host a thing that its tables find by its type, as if it had been made.
    pub fn give<T: Any + Send + Sync>(&self, thing: Arc<T>) {
        let slot = {
            let mut once = self.once.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(once.entry(TypeId::of::<T>()).or_default())
        };
        let mut state = slot.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.value = Some(thing);
    }

    /// Returns a thing that is made once per host, at the first call, keyed by its type.
    ///
    /// Whoever comes while it is being made waits, but not for ever: if its maker hangs on a path
    /// that does not answer, the waiter makes it himself (by then that path is left out).
    pub fn once<T: Any + Send + Sync>(&self, make: impl FnOnce(&Self) -> T) -> Arc<T> {
        self.once_with_beats(|host, _| make(host))
    }

    /// Does the same for a thing that needs long: whoever waits goes on waiting as long as the
    /// maker shows signs of life.
    pub fn once_with_beats<T: Any + Send + Sync>(
        &self,
        make: impl FnOnce(&Self, &Beat) -> T,
    ) -> Arc<T> {
        let slot = {
            let mut once = self.once.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(once.entry(TypeId::of::<T>()).or_default())
        };
        let mut state = slot.state.lock().unwrap_or_else(PoisonError::into_inner);
        while state.value.is_none() && state.in_the_making {
            let patience = limits::STALL.saturating_mul(2);
            let beats = state.beats;
            state = slot
                .made
                .wait_timeout_while(state, patience, |state| state.value.is_none())
                .unwrap_or_else(PoisonError::into_inner)
                .0;
            if state.beats == beats {
                break;
            }
        }
        let any = match &state.value {
            Some(value) => Arc::clone(value),
            None => {
                state.in_the_making = true;
                drop(state);
                let value: Arc<dyn Any + Send + Sync> =
                    Arc::new(make(self, &Beat(Arc::clone(&slot))));
                let mut state = slot.state.lock().unwrap_or_else(PoisonError::into_inner);
                let value = Arc::clone(state.value.get_or_insert(value));
                slot.made.notify_all();
                value
            }
        };
        #[expect(clippy::expect_used, reason = "the slot's key is the type itself")]
        any.downcast::<T>().expect("a slot holds its own type")
    }

    /// Reads a file for a table. A file that is simply absent gives `None` and no gap; every other
    /// miss, and a truncation, leaves a gap.
    pub fn read(&self, table: &str, path: &Path, cap: u64, seen: &mut Seen) -> Option<Vec<u8>> {
        match self.machine.read(path, cap) {
            Ok(contents) => {
                if contents.truncated {
                    let detail = format!("only the first {cap} bytes were read");
                    let text = stanch_words::Value::from(path).to_string();
                    seen.gap(Gap::new(table, GapKind::Truncated, detail).at(text));
                }
                Some(contents.bytes)
            }
            Err(miss) => {
                note(table, &miss, seen);
                None
            }
        }
    }

    /// Lists a directory for a table, with the same manners as [`Host::read`].
    pub fn list(&self, table: &str, path: &Path, seen: &mut Seen) -> Vec<stanch_machine::Entry> {
        self.listing(table, path, seen).entries
    }

    /// Does the same, and tells whether the answer was tampered with.
    pub fn listing(&self, table: &str, path: &Path, seen: &mut Seen) -> stanch_machine::Listing {
        match self.machine.list(path) {
            Ok(listing) => {
                if listing.truncated {
                    let text = stanch_words::Value::from(path).to_string();
                    seen.gap(Gap::new(table, GapKind::Truncated, "too many entries").at(text));
                }
                listing
            }
            Err(miss) => {
                note(table, &miss, seen);
                stanch_machine::Listing::default()
            }
        }
    }
}

/// Leaves a gap for a miss, unless the thing is simply absent.
pub fn note(table: &str, miss: &Miss, seen: &mut Seen) {
    if !miss.absent {
        seen.gap(miss.gap(table));
    }
}
