//! Programs that give whoever runs them everything if they get a set-id bit or a capability.
//!
//! Source: their manuals: each runs commands, or reads or writes any file, on request.

use std::path::Path;

use stanch_machine::Stat;

use crate::Host;

/// Programs that no distribution ships with a set-id bit or a capability.
const NEVER: [&str; 52] = [
    "bash",
    "dash",
    "sh",
    "zsh",
    "ksh",
    "mksh",
    "busybox",
    "python",
    "python2",
    "python3",
    "perl",
    "ruby",
    "node",
    "php",
    "lua",
    "find",
    "vim",
    "vi",
    "nano",
    "less",
    "more",
    "cp",
    "mv",
    "cat",
    "dd",
    "tee",
    "tar",
    "env",
    "awk",
    "gawk",
    "mawk",
    "sed",
    "nmap",
    "gdb",
    "strace",
    "systemctl",
    "git",
    "rsync",
    "curl",
    "wget",
    "nc",
    "ncat",
    "socat",
    "xxd",
    "base64",
    "chmod",
    "chown",
    "cpulimit",
    "taskset",
    "timeout",
    "xargs",
    "tclsh",
];
/// What runs whatever it is told, wherever a distribution keeps it.
const SHELLS: [&str; 9] = [
    "/usr/bin/bash",
    "/usr/bin/dash",
    "/usr/bin/zsh",
    "/usr/bin/ksh",
    "/usr/bin/busybox",
    "/usr/bin/perl",
    "/usr/bin/python3",
    "/usr/bin/env",
    "/usr/bin/find",
];
/// The largest program that is compared.
const LARGEST: u64 = 16 << 20;

/// Returns whether a program of this name never has rights of its own; a version at its end
/// (`python3.11`, `perl5.36.0`, `vim.basic`) does not count.
pub(super) fn never(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let stem = name.split('.').next().unwrap_or_default();
    let bare = stem.trim_end_matches(|c: char| c.is_ascii_digit());
    NEVER.contains(&name) || NEVER.contains(&stem) || (bare != stem && NEVER.contains(&bare))
}

/// Returns whether a file holds the same bytes as one of the machine's own shells.
pub(super) fn is_copy_of_a_shell(host: &Host, path: &Path, stat: &Stat) -> bool {
    let machine = host.machine();
    let same = |shell: &&str| {
        let shell = Path::new(shell);
        let size = machine.stat(shell).map_or(0, |found| found.size);
        let read = |path| machine.read(path, LARGEST).ok().map(|contents| contents.bytes);
        size == stat.size
            && size > 0
            && size <= LARGEST
            && machine.resolve(shell).is_ok_and(|found| found != path)
            && read(path) == read(shell)
    };
    SHELLS.iter().any(same)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_at_the_end_of_a_name_does_not_hide_it() {
        for name in ["/usr/bin/python3.11", "/usr/bin/perl5.36.0", "/usr/bin/vim.basic", "/x/find"]
        {
            assert!(never(Path::new(name)), "{name}");
        }
        for name in ["/usr/bin/sudo", "/usr/bin/mount", "/usr/bin/ping", "/usr/bin/newuidmap"] {
            assert!(!never(Path::new(name)), "{name}");
        }
    }
}
