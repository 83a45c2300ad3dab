//! Our own program carries what it looks for, and would be found by it.

use std::path::{Path, PathBuf};

use stanch_machine::{Live, Machine, OpenFile, Stat};

/// Bytes that are compared at a time.
const STEP: usize = 1 << 16;

/// The program that is running, as a file of the machine that it runs on: what is looked at may be
/// another one.
pub(super) struct Own {
    machine: Box<dyn Machine>,
    path: PathBuf,
    stat: Stat,
}

impl Own {
    pub(super) fn running() -> Option<Self> {
        Self::new(Box::new(Live::new()), Path::new("/proc/self/exe"))
    }

    fn new(machine: Box<dyn Machine>, path: &Path) -> Option<Self> {
        let stat = machine.open(path).and_then(|file| file.stat()).ok()?;
        Some(Self { machine, path: path.to_owned(), stat })
    }

    /// Returns whether an open file is that program or a copy of it, byte for byte.
    pub(super) fn is(&self, file: &dyn OpenFile, stat: &Stat) -> bool {
        stat.size == self.stat.size
            && self.machine.open(&self.path).is_ok_and(|own| are_alike(&*own, file, stat.size))
    }
}

fn are_alike(one: &dyn OpenFile, other: &dyn OpenFile, size: u64) -> bool {
    let mut buffers = (vec![0; STEP], vec![0; STEP]);
    let mut at = 0;
    while at < size {
        let (Ok(left), Ok(right)) =
            (one.read_at(at, &mut buffers.0), other.read_at(at, &mut buffers.1))
        else {
            return false;
        };
        let length = left.min(right);
        if length == 0 || buffers.0.get(..length) != buffers.1.get(..length) {
            return false;
        }
        at = at.saturating_add(length as u64);
    }
    true
}

#[cfg(test)]
mod tests {
    use stanch_machine::Pretend;

    use super::*;

    #[test]
    fn a_copy_is_ours_and_what_was_patched_is_not() {
        let machine = Pretend::new()
            .file("/usr/bin/stanch", "stratum: our needles")
            .file("/root/copy", "stratum: our needles")
            .file("/root/patched", "stratum: out needles")
            .file("/root/longer", "stratum: our needles, and more");
        let own = Own::new(Box::new(machine.clone()), Path::new("/usr/bin/stanch")).unwrap();
        let is = |path: &str| {
            let file = machine.open(Path::new(path)).unwrap();
            own.is(&*file, &file.stat().unwrap())
        };
        assert!(is("/usr/bin/stanch") && is("/root/copy"));
        assert!(!is("/root/patched") && !is("/root/longer"));
    }
}
