//! Smaller things that no table and no path can give: the kernel's messages, what the collector
//! itself was started with, and histories that a shell was told to keep elsewhere.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use stanch_machine::{FileKind, Miss, limits};
use stanch_rules::Artifact;
use stanch_words::{GapKind, text};

use crate::collect::Collector;
use crate::taking::{As, watched};

/// What is told of the collector's own process: what it inherited may be a trap (`LD_PRELOAD`).
const OWN: [&str; 6] = ["environ", "limits", "status", "cgroup", "mountinfo", "loginuid"];

/// Files in which a shell is told where its history goes (bash(1), zsh(1), ksh(1), xonsh's
/// documentation).
const STARTUP: [&str; 22] = [
    "/etc/profile",
    "/etc/bash.bashrc",
    "/etc/bashrc",
    "/etc/zshenv",
    "/etc/zprofile",
    "/etc/zshrc",
    "/etc/zlogin",
    "/etc/csh.cshrc",
    "/etc/csh.login",
    "/etc/fish/config.fish",
    "/etc/xonshrc",
    "~/.bashrc",
    "~/.bash_profile",
    "~/.profile",
    "~/.zshrc",
    "~/.zshenv",
    "~/.zprofile",
    "~/.zlogin",
    "~/.kshrc",
    "~/.tcshrc",
    "~/.config/fish/config.fish",
    "~/.xonshrc",
];

impl Collector<'_> {
    /// Takes the kernel's own messages.
    pub(crate) fn kernel_log(&mut self) -> io::Result<()> {
        let path = Path::new("/dev/kmsg");
        if self.snapshot.host().machine().kernel().is_none() {
            return Ok(());
        }
        let read = watched(self.snapshot, path, |host| match host.machine().kernel() {
            Some(kernel) => kernel.messages(limits::PSEUDO_FILE),
            None => Err(Miss::new(GapKind::NotHere, "no kernel", Path::new("/dev/kmsg"))),
        });
        let name = b"live_response/hardware/kmsg.txt".to_vec();
        let item = self.item(&As { name, method: "read records" });
        match read {
            Ok(contents) => self.take_bytes(item, &contents.bytes, contents.truncated),
            Err(miss) => self.missed_by(item, &miss, path),
        }
    }

    /// Takes what the kernel tells of our own process.
    pub(crate) fn own_process(&mut self) -> io::Result<()> {
        if self.snapshot.host().machine().kernel().is_none() {
            return Ok(());
        }
        for file in OWN {
            let path = PathBuf::from(format!("/proc/self/{file}"));
            self.pseudo(&path, format!("live_response/system/collector/{file}.txt"))?;
        }
        Ok(())
    }

    /// Takes histories whose place stands in a startup file. Whoever wrote that chose the place: what
    /// is left out elsewhere is left out here as well, and a secret was told by its digest before.
    pub(crate) fn named_histories(&mut self, of: &Artifact) -> io::Result<()> {
        let homes = self.homes();
        let mut files: Vec<(String, String)> = Vec::new();
        for file in STARTUP {
            match file.strip_prefix('~') {
                Some(rest) => {
                    files.extend(homes.iter().map(|home| (format!("{home}{rest}"), home.clone())));
                }
                None => files.extend(homes.iter().map(|home| (file.to_owned(), home.clone()))),
            }
        }
        let looked = watched(self.snapshot, Path::new("/etc/profile"), move |host| {
            let machine = host.machine();
            let mut found = BTreeSet::new();
            for (file, home) in &files {
                let Ok(read) = machine.read(Path::new(file), limits::CONFIG_FILE) else { continue };
                for line in read.bytes.split(|&byte| byte == b'\n') {
                    found.extend(named(line, home));
                }
            }
            let found = found.into_iter().filter_map(|path| {
                let real = machine.resolve(&path).ok()?;
                let stat = machine.lstat(&real).ok()?;
                (stat.kind() == FileKind::Regular).then_some((real, stat))
            });
            Ok(found.collect::<Vec<_>>())
        });
        for (path, stat) in looked.unwrap_or_default() {
            self.file(&path, stat, of)?;
        }
        Ok(())
    }
}

/// Returns where a line of a startup file says that the history goes, with the usual ways of
/// naming a home filled in.
fn named(line: &[u8], home: &str) -> Option<PathBuf> {
    let line = text::from_bytes(line);
    let line = line.trim();
    if line.starts_with('#') {
        return None;
    }
    let at = ["HISTFILE", "XONSH_HISTORY_FILE"].iter().find_map(|name| {
        let after = line.split_once(name)?.1;
        // `set histfile = x` of tcsh has blanks, `set -gx HISTFILE x` of fish no sign.
        Some(after.trim_start_matches([' ', '=', '\t']))
    })?;
    let at = at.split([' ', ';', '\t', '&']).next()?.trim_matches(['"', '\'']);
    let at = match at.strip_prefix('~').or_else(|| at.strip_prefix("$HOME")) {
        Some(rest) => format!("{home}{rest}"),
        None => at.strip_prefix("${HOME}").map_or(at.to_owned(), |rest| format!("{home}{rest}")),
    };
    let is_plain = at.starts_with('/') && !at.contains(['$', '`', '*', '?', '[']);
    // Devices and what the kernel makes up are no history.
    let is_file = !["/dev/", "/proc/", "/sys/"].iter().any(|place| at.starts_with(place));
    (is_plain && is_file && !at.contains("/../")).then(|| PathBuf::from(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn histories_are_found_where_startup_files_say() {
        for (line, path) in [
            ("export HISTFILE=/srv/.h", Some("/srv/.h")),
            ("HISTFILE=~/.cache/h; export HISTFILE", Some("/home/u/.cache/h")),
            ("  HISTFILE=\"$HOME/.h\"", Some("/home/u/.h")),
            ("HISTFILE=${HOME}/x", Some("/home/u/x")),
            ("set -gx HISTFILE /tmp/f", Some("/tmp/f")),
            ("$XONSH_HISTORY_FILE = '/tmp/x'", Some("/tmp/x")),
            ("HISTFILE=/dev/null", None),
            ("# HISTFILE=/srv/.h", None),
            ("HISTFILE=$(cat /etc/passwd)", None),
            ("HISTSIZE=10", None),
        ] {
            assert_eq!(named(line.as_bytes(), "/home/u"), path.map(PathBuf::from), "{line}");
        }
    }
}
