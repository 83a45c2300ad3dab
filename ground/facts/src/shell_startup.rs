//! The files that shells read when they start, of the machine and of each home.
//!
//! Source: bash(1) "INVOCATION", zsh(1) "STARTUP/SHUTDOWN FILES", fish(1), environment(7).

use std::path::{Path, PathBuf};

use stanch_machine::limits;
use stanch_words::{Seen, Value};

use crate::Host;
use crate::accounts::{Owner, homes};
use crate::reach::Reach;

const MACHINE: [&str; 12] = [
    "/etc/profile",
    "/etc/profile.d/*",
    "/etc/bash.bashrc",
    "/etc/bashrc",
    "/etc/bash.bash_logout",
    "/etc/environment",
    "/etc/zshenv",
    "/etc/zsh/*",
    "/etc/zshrc",
    "/etc/zprofile",
    "/etc/fish/config.fish",
    "/etc/fish/conf.d/*.fish",
];

const HOME: [&str; 15] = [
    ".bash_aliases",
    ".bash_login",
    ".bash_logout",
    ".bash_profile",
    ".bashrc",
    ".config/fish/config.fish",
    ".cshrc",
    ".kshrc",
    ".login",
    ".pam_environment",
    ".profile",
    ".zlogin",
    ".zprofile",
    ".zshenv",
    ".zshrc",
];

/// What is done with a file.
type Each<'a> = &'a mut dyn FnMut(&Path, &[Owner], &[u8], &mut Seen);

/// Gives each file that exists: its path, the accounts whose shells read it (none: everybody's),
/// and its content.
pub(crate) fn files(
    host: &Host,
    table: &'static str,
    uid: Option<&Value>,
    seen: &mut Seen,
    each: Each<'_>,
) {
    let mut reach = Reach::new(host, table);
    for pattern in MACHINE {
        let paths: Vec<PathBuf> = reach.glob(Path::new(pattern), seen);
        for path in paths {
            if let Some(bytes) = reach.read(&path, limits::CONFIG_FILE, seen) {
                each(&path, &[], &bytes, seen);
            }
        }
    }
    for home in homes(host, table, uid, seen) {
        for name in HOME {
            let path = home.path.join(name);
            if let Some(bytes) = reach.read(&path, limits::CONFIG_FILE, seen) {
                each(&path, &home.owners, &bytes, seen);
            }
        }
    }
    reach.finish(seen);
}
