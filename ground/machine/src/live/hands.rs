//! The hands on the machine that we run on.

use std::path::Path;

use stanch_words::GapKind;

use super::{Live, netlink, transaction};
use crate::{Changing, Commit, Machine, Miss, sys};

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

    fn firewall(&self, messages: &[Vec<u8>], how: Commit) -> Result<(), Miss> {
        transaction::send(messages, how).map_err(|refused| {
            let what = format!("nf_tables message {}", refused.number);
            Miss::from_errno(refused.errno, Path::new(&what))
        })
    }

    fn netlink_request(&self, protocol: i32, request: &[u8]) -> Result<(), Miss> {
        netlink::dump(protocol, request)
            .map(|_acknowledged| ())
            .map_err(|errno| Miss::from_errno(errno, Path::new("netlink")))
    }
}

/// Returns random bytes of the kernel (getrandom(2)), for names and codes that nobody can guess.
///
/// # Errors
/// A [`Miss`] if the kernel has none to give.
pub fn random() -> Result<[u8; 16], Miss> {
    sys::random().map_err(|errno| Miss::from_errno(errno, Path::new("getrandom")))
}
