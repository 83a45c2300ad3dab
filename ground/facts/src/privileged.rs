//! Files that give rights to whoever starts them: set-id bits and capabilities. One walk serves
//! all tables.
//!
//! Source: inode(7), execve(2), capabilities(7).

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use stanch_machine::{FileKind, Stat};
use stanch_words::{Gap, Seen};

use crate::Host;
use crate::system_files::capabilities;
use crate::walk::{Describe, Walk};

/// Where programs and users put files, the likely places first. Not `/root`: nobody but root can
/// start what lies there.
const ROOTS: &[&str] = &[
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/tmp", "/dev/shm",
    "/run", "/etc", "/srv", "/var", "/home",
];

/// Root file systems of containers, which have such programs of their own.
const CONTAINERS: &[&str] = &[
    "/var/lib/docker",
    "/var/lib/containerd",
    "/var/lib/containers",
    "/var/lib/lxc",
    "/var/lib/lxd",
    "/var/lib/incus",
    "/var/lib/machines",
];

/// What the walk found.
#[derive(Debug, Default)]
pub(crate) struct Privileged {
    /// Regular files with the set-user-ID or set-group-ID bit, by path.
    pub(crate) set_id: Vec<(PathBuf, Stat)>,
    /// Programs with capabilities, by path, as getcap(8) writes them.
    pub(crate) capabilities: HashMap<PathBuf, (Arc<str>, Stat)>,
    /// What could not be seen; no table is named.
    gaps: Vec<Gap>,
}

impl Privileged {
    /// Returns them, found at the first call; the gaps are left in the table.
    pub(crate) fn of(host: &Host, seen: &mut Seen) -> Arc<Self> {
        let found = host.once_with_beats(|host, beat| {
            let mut found = Self::default();
            found.walk(host, beat);
            found
        });
        seen.gaps.extend(found.gaps.iter().cloned());
        found
    }

    /// Walks the directories; mounts of the network and of user space are left out.
    fn walk(&mut self, host: &Host, beat: &crate::host::Beat) {
        let roots: Vec<PathBuf> = ROOTS.iter().map(PathBuf::from).collect();
        let (describe, except) = (Describe::Files, CONTAINERS);
        let walk = Walk { table: "", depth: 32, most: 500_000, describe, except };
        let mut seen = Seen::default();
        walk.entries(host, &roots, &mut seen, &mut |met, seen| {
            beat.beat();
            let Some(stat) = met.stat.filter(|stat| stat.kind() == FileKind::Regular) else {
                return;
            };
            if stat.mode & 0o6000 != 0 {
                self.set_id.push((met.path(), stat));
            }
            if stat.mode & 0o111 != 0 {
                let path = met.path();
                match host.machine().attribute(&path, capabilities::ATTRIBUTE) {
                    Ok(Some(bytes)) => {
                        self.capabilities.insert(path, (capabilities::text(&bytes).into(), stat));
                    }
                    Ok(None) => {}
                    Err(miss) => crate::host::note("", &miss, seen),
                }
            }
        });
        self.set_id.sort_by(|one, other| one.0.cmp(&other.0));
        self.gaps = seen.gaps;
    }
}
