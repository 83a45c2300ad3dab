//! Which machine it is, beyond its name: an image, a copy or a neighbour may have the same one.

use std::path::Path;

use stanch_eradicate::Suspect;
use stanch_facts::digest::{self, Digest};
use stanch_machine::Machine;

use crate::Place;

/// The longest file that an id is read from.
const LONGEST: u64 = 256;

/// How a machine was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// While it ran.
    Live,
    /// As a root directory.
    Root,
    /// As a bundle of evidence.
    Bundle,
}

impl Look {
    /// Returns how a place is looked at.
    pub(crate) fn at(place: &Place) -> Self {
        match place {
            Place::Live => Self::Live,
            Place::Root(_) => Self::Root,
            Place::Bundle(_) => Self::Bundle,
        }
    }

    /// Returns the name used in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Root => "root",
            Self::Bundle => "bundle",
        }
    }

    /// Returns the look of a name used in JSON.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Live, Self::Root, Self::Bundle].into_iter().find(|look| look.name() == name)
    }
}

/// What a report records of the machine that it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// How it was looked at.
    pub look: Look,
    /// A digest of the id in `/etc/machine-id`, which is not to be spread itself (machine-id(5)).
    pub machine: Option<String>,
    /// The id of the start of its kernel.
    pub boot: Option<String>,
}

/// Whether the process ids of a report are still those of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pids {
    /// The machine has not been started anew since.
    Same,
    /// They are of an earlier start, or of no running machine.
    Others,
}

impl Pids {
    /// Returns what a finding tells, without a process that is another's by now.
    #[must_use]
    pub fn told(self, mut suspect: Suspect) -> Suspect {
        if self == Self::Others {
            suspect.subject.pid = None;
        }
        suspect
    }
}

impl Identity {
    /// Reads it from a machine.
    pub(crate) fn of(machine: &dyn Machine, look: Look) -> Self {
        let id = |path: &str| {
            let read = machine.read(Path::new(path), LONGEST).ok()?;
            let text = String::from_utf8_lossy(&read.bytes).trim().to_owned();
            let is_id = |c: char| c.is_ascii_hexdigit() || c == '-';
            (text.len() >= 32 && text.chars().all(is_id)).then_some(text)
        };
        let digest =
            |id: String| digest::of_bytes(Digest::Sha256, format!("stanch {id}").as_bytes());
        Self {
            look,
            machine: id("/etc/machine-id").map(digest),
            boot: id("/proc/sys/kernel/random/boot_id"),
        }
    }

    /// Returns nothing if this is not about the machine `here`, as far as ids tell; else whose its
    /// process ids are.
    pub fn is_of(&self, here: &Self) -> Option<Pids> {
        let same = |a: &Option<String>, b: &Option<String>| {
            a.as_ref().zip(b.as_ref()).map(|(a, b)| a == b)
        };
        let boot = same(&self.boot, &here.boot) == Some(true);
        let is_same = match same(&self.machine, &here.machine) {
            Some(is_same) => is_same,
            // A machine without an id is known while it runs; an image without one is anybody's.
            None => self.look == Look::Live && boot,
        };
        is_same.then_some(if boot && self.look != Look::Root { Pids::Same } else { Pids::Others })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(look: Look, machine: &str, boot: &str) -> Identity {
        let some = |id: &str| (!id.is_empty()).then(|| id.to_owned());
        Identity { look, machine: some(machine), boot: some(boot) }
    }

    #[test]
    fn a_name_alone_does_not_make_it_the_same_machine() {
        let here = identity(Look::Live, "m", "b");
        for (report, is_of) in [
            (identity(Look::Live, "m", "b"), Some(Pids::Same)),
            (identity(Look::Live, "m", "earlier"), Some(Pids::Others)),
            (identity(Look::Live, "other", "b"), None),
            (identity(Look::Live, "", "b"), Some(Pids::Same)),
            (identity(Look::Live, "", "earlier"), None),
            (identity(Look::Root, "m", ""), Some(Pids::Others)),
            (identity(Look::Root, "", "b"), None),
            (identity(Look::Bundle, "m", "b"), Some(Pids::Same)),
            (identity(Look::Bundle, "other", ""), None),
        ] {
            assert_eq!(report.is_of(&here), is_of, "{report:?}");
        }
        let nameless = identity(Look::Live, "", "b");
        assert_eq!(identity(Look::Root, "", "").is_of(&nameless), None);
    }

    #[test]
    fn every_look_is_found_by_its_name() {
        for look in [Look::Live, Look::Root, Look::Bundle] {
            assert_eq!(Look::from_name(look.name()), Some(look));
        }
        assert_eq!(Look::from_name("other"), None);
    }
}
