//! Hands that are torn away at their Nth change, before it or after it, as `kill -9` does.

use std::cell::Cell;
use std::path::Path;

use stanch_machine::{
    AccountsLock, Changing, Commit, Dress, Filing, Hands, Known, Machine, Miss, NewFile, Over,
    Signal, Special,
};

/// What a torn act falls with.
pub(crate) struct Torn;

/// The hands, and how many changes are left to them.
pub(crate) struct Faltering<'a> {
    hands: &'a Hands<'a>,
    left: Cell<u32>,
    after: bool,
}

impl<'a> Faltering<'a> {
    /// Returns hands that are torn away at their `at`th change: after it, or before it.
    pub(crate) fn new(hands: &'a Hands<'a>, at: u32, after: bool) -> Self {
        Self { hands, left: Cell::new(at), after }
    }

    fn change<T>(&self, deed: impl FnOnce() -> T) -> T {
        let left = self.left.get();
        self.left.set(left.saturating_sub(1));
        match (left, self.after) {
            (1, false) => std::panic::panic_any(Torn),
            (1, true) => {
                deed();
                std::panic::panic_any(Torn)
            }
            _ => deed(),
        }
    }
}

impl Filing for Faltering<'_> {
    fn remove(&self, path: &Path, known: Known) -> Result<(), Miss> {
        self.change(|| self.hands.files().remove(path, known))
    }

    fn put(&self, path: &Path, new: &mut NewFile<'_>, over: Over) -> Result<(), Miss> {
        self.change(|| self.hands.files().put(path, new, over))
    }

    fn put_link(&self, path: &Path, target: &[u8], dress: &Dress) -> Result<(), Miss> {
        self.change(|| self.hands.files().put_link(path, target, dress))
    }

    fn put_special(&self, path: &Path, special: Special, dress: &Dress) -> Result<(), Miss> {
        self.change(|| self.hands.files().put_special(path, special, dress))
    }

    fn dress(&self, path: &Path, known: Known, dress: &Dress) -> Result<(), Miss> {
        self.change(|| self.hands.files().dress(path, known, dress))
    }
}

impl Changing for Faltering<'_> {
    fn machine(&self) -> &dyn Machine {
        self.hands.machine()
    }

    fn files(&self) -> &dyn Filing {
        self
    }

    fn lock_accounts(&self) -> Result<AccountsLock, Miss> {
        self.hands.lock_accounts()
    }

    fn firewall(&self, messages: &[Vec<u8>], how: Commit) -> Result<(), Miss> {
        self.change(|| self.hands.firewall(messages, how))
    }

    fn make_group(&self, path: &Path) -> Result<(), Miss> {
        self.change(|| self.hands.make_group(path))
    }

    fn remove_group(&self, path: &Path) -> Result<(), Miss> {
        self.change(|| self.hands.remove_group(path))
    }

    fn set_group(&self, path: &Path, value: &str) -> Result<(), Miss> {
        self.change(|| self.hands.set_group(path, value))
    }

    fn signal(&self, pid: i64, start: u64, signal: Signal) -> Result<(), Miss> {
        self.change(|| self.hands.signal(pid, start, signal))
    }

    fn attach_program(&self, device: &str, name: &str, program: &[u8]) -> Result<(), Miss> {
        self.change(|| self.hands.attach_program(device, name, program))
    }

    fn detach_program(&self, device: &str) -> Result<(), Miss> {
        self.change(|| self.hands.detach_program(device))
    }

    fn netlink_request(&self, protocol: i32, request: &[u8]) -> Result<(), Miss> {
        self.change(|| self.hands.netlink_request(protocol, request))
    }
}
