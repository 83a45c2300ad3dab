//! What is known of places where things start by themselves, and which files many lines share.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use stanch_facts::Snapshot;
use stanch_facts::tables::persistence::{SPEC, col};
use stanch_words::{Ask, Tables as _, text};

use crate::Suspect;

/// One thing that a place names.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) line: Option<u64>,
    pub(crate) mechanism: String,
    pub(crate) score: i64,
    pub(crate) reasons: String,
    target: Option<PathBuf>,
    target_state: String,
}

/// The table `persistence`, by path.
#[derive(Debug, Default)]
pub(crate) struct Places(BTreeMap<PathBuf, Vec<Entry>>);

impl Places {
    /// Reads the table.
    pub(crate) fn read(snapshot: &Snapshot) -> Self {
        let machine = snapshot.host().machine();
        let mut places: BTreeMap<PathBuf, Vec<Entry>> = BTreeMap::new();
        for row in &snapshot.read(SPEC.name, &Ask::all()).rows {
            let text = |column| row.get(column).as_text().unwrap_or_default().to_owned();
            let path = path_of(&text(col::path));
            // As acts name it: without symlinks on the way.
            let above = path.parent().and_then(|above| machine.resolve(above).ok());
            let path = match above.zip(path.file_name()) {
                Some((above, name)) => above.join(name),
                None => path,
            };
            let target = text(col::target);
            places.entry(path).or_default().push(Entry {
                line: row.get(col::line).as_integer().and_then(|line| u64::try_from(line).ok()),
                mechanism: text(col::mechanism),
                score: row.get(col::score).as_integer().unwrap_or(0),
                reasons: text(col::reasons),
                target: (!target.is_empty()).then(|| path_of(&target)),
                target_state: text(col::target_state),
            });
        }
        Self(places)
    }

    /// Returns what a file names.
    pub(crate) fn of(&self, path: &Path) -> &[Entry] {
        self.0.get(path).map(Vec::as_slice).unwrap_or_default()
    }

    /// Returns the programs of nobody that a file's suspect lines start, or the file itself.
    pub(crate) fn started_by(&self, path: &Path, suspects: &[&Suspect]) -> BTreeSet<PathBuf> {
        let lines = lines_of(path, suspects);
        self.of(path)
            .iter()
            .filter(|entry| entry.target_state == "unowned")
            .filter(|entry| {
                entry.line.is_none_or(|line| lines.contains(&line)) || entry.score >= 50
            })
            .filter_map(|entry| entry.target.clone())
            .filter(|target| target != path)
            .collect()
    }
}

/// Returns the numbers of the lines of a file in which suspects were seen.
pub(crate) fn lines_of(path: &Path, suspects: &[&Suspect]) -> BTreeSet<u64> {
    let name = text::from_bytes(path.as_os_str().as_bytes());
    let is_of = |source: &str| {
        // `/bin/x` and `/usr/bin/x` are one file; its last part and the suspect's own path agree.
        source == name || suspects.iter().any(|one| one.subject.path.as_deref() == Some(source))
    };
    let lines = suspects.iter().flat_map(|suspect| &suspect.lines);
    lines.filter(|(source, _)| is_of(source)).map(|(_, line)| *line).collect()
}

/// Files that hold lines of many hands: one line of them goes, the others stay.
const SHARED: [&str; 40] = [
    "/etc/crontab",
    "/etc/anacrontab",
    "/etc/sudoers",
    "/etc/doas.conf",
    "/etc/ld.so.preload",
    "/etc/ld.so.conf",
    "/etc/profile",
    "/etc/bash.bashrc",
    "/etc/bashrc",
    "/etc/environment",
    "/etc/hosts",
    "/etc/hosts.equiv",
    "/etc/fstab",
    "/etc/inittab",
    "/etc/inetd.conf",
    "/etc/rc.local",
    "/etc/nsswitch.conf",
    "/etc/aliases",
    "/etc/modules",
    "/etc/sysctl.conf",
    "/etc/login.defs",
    "/etc/zsh/zshrc",
    "/etc/zsh/zshenv",
    "/etc/csh.cshrc",
    "/etc/ssh/sshd_config",
    "/etc/ssh/ssh_config",
    "/etc/resolv.conf",
    "/etc/security/pam_env.conf",
    "/etc/sudo.conf",
    "/etc/cron.allow",
    "/etc/cron.deny",
    "/etc/at.allow",
    "/etc/shells",
    "/etc/krb5.conf",
    "/etc/apt/sources.list",
    "/etc/default/grub",
    "/etc/host.conf",
    "/etc/issue",
    "/etc/motd",
    "/etc/network/interfaces",
];

/// Names of files in homes that are shared likewise.
const SHARED_NAMES: [&str; 25] = [
    "authorized_keys",
    "authorized_keys2",
    ".bashrc",
    ".profile",
    ".bash_profile",
    ".bash_login",
    ".bash_logout",
    ".bash_aliases",
    ".zshrc",
    ".zshenv",
    ".zprofile",
    ".zlogin",
    ".zlogout",
    ".kshrc",
    ".cshrc",
    ".tcshrc",
    ".login",
    ".rhosts",
    ".gitconfig",
    ".vimrc",
    ".tmux.conf",
    ".forward",
    ".npmrc",
    ".pam_environment",
    "config",
];

/// Folders whose files are shared.
const SHARED_FOLDERS: [&str; 4] = ["/var/spool/cron", "/etc/pam.d", "/etc/default", "/etc/php"];

/// Returns whether a file holds lines of many hands.
pub(crate) fn is_shared(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    SHARED.iter().any(|shared| path == Path::new(shared))
        || SHARED_NAMES.contains(&&*name)
        || SHARED_FOLDERS.iter().any(|folder| path.starts_with(folder))
            && !path.to_string_lossy().contains("/atjobs/")
            && !path.to_string_lossy().contains("/conf.d/")
}

/// The databases of accounts: lines of them are the business of the acts on accounts.
pub(crate) fn is_accounts(path: &Path) -> bool {
    let name = path.to_string_lossy();
    let name = name.strip_suffix('-').unwrap_or(&name);
    ["/etc/passwd", "/etc/shadow", "/etc/group", "/etc/gshadow", "/etc/subuid", "/etc/subgid"]
        .contains(&name)
}

/// Returns the path that a table writes as text.
pub(crate) fn path_of(written: &str) -> PathBuf {
    PathBuf::from(std::ffi::OsString::from_vec(text::to_bytes(written)))
}
