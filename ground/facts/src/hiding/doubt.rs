//! Entries that one view shows and the listing does not; each is asked about twice more.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use stanch_machine::{FileKind, Stat, limits};
use stanch_words::{Ask, ColumnSet, Gap, GapKind, Seen, text};

use super::raw;
use crate::Host;
use crate::packages::Index;
use crate::system_files::walked::real;
use crate::tables::process_code;
use crate::walk::Holds;

/// How often is asked in all.
pub(crate) const LOOKS: u32 = 3;
const BETWEEN: std::time::Duration = std::time::Duration::from_millis(100);

/// How a disagreement shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// The kernel's answer holds bytes that no kernel leaves in it.
    Answer,
    /// A directory's links count more directories than are listed.
    Links,
    /// The directory's blocks on the device hold names that are not listed.
    Blocks,
    /// A name that is not listed can be opened.
    Name,
    /// A file reads otherwise past the page cache.
    Content,
}

/// Two views that do not agree.
#[derive(Clone, Debug)]
pub(crate) struct Doubt {
    pub(crate) path: PathBuf,
    pub(crate) how: How,
    /// What one view shows and the other does not.
    pub(crate) what: String,
}

/// Asks about each twice more, and keeps what stays so.
pub(super) fn confirmed(host: &Host, mut doubts: Vec<Doubt>) -> Vec<Doubt> {
    for _again in 1..LOOKS {
        if doubts.is_empty() {
            break;
        }
        if let Some(kernel) = host.machine().kernel() {
            kernel.sleep(BETWEEN);
        }
        doubts.retain_mut(|doubt| {
            let still = match doubt.how {
                How::Name => hidden_name(host, &doubt.path).map(|()| doubt.what.clone()),
                How::Content => other_content(host, &doubt.path),
                How::Answer | How::Links | How::Blocks => raw::again(host, doubt),
            };
            still.is_some_and(|what| {
                doubt.what = what;
                true
            })
        });
    }
    doubts
}

/// Looks for names that others know and that are listed nowhere, though they are there.
pub(super) fn by_name(host: &Host, index: &Index, met: Vec<u32>, seen: &mut Seen) -> Vec<Doubt> {
    let mut names: BTreeMap<PathBuf, BTreeMap<OsString, &'static str>> = BTreeMap::new();
    let mut add = |path: &Path, by: &'static str| {
        if let Some((above, name)) = path.parent().zip(path.file_name()) {
            names.entry(above.to_owned()).or_default().insert(name.to_owned(), by);
        }
    };
    let mut met = met;
    met.sort_unstable();
    index.each_path(&mut |place, path, _| {
        if met.binary_search(&place).is_err() && !index.is_diverted(path) {
            let path = Path::new(OsStr::from_bytes(path));
            if let Some((above, name)) = path.parent().zip(path.file_name()) {
                add(&real(index, above).join(name), "a package's list");
            }
        }
    });
    for path in running(host) {
        add(&path, "a running program");
    }
    for home in crate::accounts::homes(host, "", None, seen) {
        add(&home.path, "an account");
    }
    let mut doubts = Vec::new();
    for (directory, names) in names {
        if !is_plain(host, &directory) {
            continue;
        }
        let asked: Vec<&OsStr> = names.keys().map(OsString::as_os_str).collect();
        let stats = host.machine().lstat_each(&directory, &asked);
        let there: Vec<(&OsStr, Stat)> = asked
            .into_iter()
            .zip(stats)
            .filter_map(|(name, stat)| Some((name, stat.ok()?)))
            .collect();
        if there.is_empty() {
            continue;
        }
        let Ok(listing) = host.machine().list(&directory) else { continue };
        for (name, stat) in there {
            if !listing.truncated && !shows(&listing.entries, name, &stat) {
                let by = names.get(name).copied().unwrap_or_default();
                let what = format!("{by} names it, and it can be opened by that name");
                doubts.push(Doubt { path: directory.join(name), how: How::Name, what });
            }
        }
    }
    doubts
}

/// Returns the files that running programs are made of.
fn running(host: &Host) -> BTreeSet<PathBuf> {
    use process_code::col;
    if host.machine().kernel().is_none() {
        return BTreeSet::new();
    }
    let columns = [col::path, col::deleted, col::kind];
    let columns = columns.into_iter().fold(ColumnSet::NONE, ColumnSet::with);
    let mut code = Seen::default();
    process_code::read(host, &Ask { columns, constraints: Vec::new() }, &mut code);
    let file = |row: &stanch_words::Row| {
        let is_file = row.get(col::kind).as_text() == Some("file");
        let path = row.get(col::path).as_text().filter(|path| path.starts_with('/'));
        let kept = row.get(col::deleted).as_integer() == Some(0);
        path.filter(|_| is_file && kept).map(|path| {
            let bytes = text::to_bytes(path);
            PathBuf::from(OsStr::from_bytes(&bytes))
        })
    };
    code.rows.iter().filter_map(file).collect()
}

/// Returns whether a directory is on storage: names of an automounter come when they are asked for.
fn is_plain(host: &Host, directory: &Path) -> bool {
    let Some(kernel) = host.machine().kernel() else { return true };
    kernel.file_system(directory).is_ok_and(|system| Holds::of(system.magic) == Holds::Storage)
}

/// Returns whether a listing shows a name, or the same file by a name that the file system takes
/// for the same (of other case, or composed otherwise).
fn shows(entries: &[stanch_machine::Entry], name: &OsStr, stat: &Stat) -> bool {
    entries.iter().any(|entry| {
        entry.name == name
            || entry.name.eq_ignore_ascii_case(name)
            || entry.inode == stat.inode && stat.links == 1 && stat.kind() == FileKind::Regular
    })
}

/// Asks again: a name that is there and not listed.
fn hidden_name(host: &Host, path: &Path) -> Option<()> {
    let (above, name) = path.parent().zip(path.file_name())?;
    let stat = host.machine().lstat(path).ok()?;
    let listing = host.machine().list(above).ok()?;
    (!listing.truncated && !shows(&listing.entries, name, &stat)).then_some(())
}

/// Files that a rootkit would show otherwise than they are: who may log in, what starts.
const TELLING: [&str; 24] = [
    "/etc/passwd",
    "/etc/shadow",
    "/etc/group",
    "/etc/sudoers",
    "/etc/ld.so.preload",
    "/etc/crontab",
    "/etc/hosts",
    "/etc/hosts.allow",
    "/etc/environment",
    "/etc/profile",
    "/etc/bash.bashrc",
    "/etc/rc.local",
    "/etc/modules",
    "/etc/ssh/sshd_config",
    "/etc/pam.d/sshd",
    "/etc/pam.d/common-auth",
    "/etc/pam.d/system-auth",
    "/etc/nsswitch.conf",
    "/etc/resolv.conf",
    "/root/.ssh/authorized_keys",
    "/root/.bashrc",
    "/root/.profile",
    "/var/spool/cron/crontabs/root",
    "/var/spool/cron/root",
];

/// Compares what telling files read with what they read past the page cache.
pub(super) fn by_content(host: &Host, seen: &mut Seen) -> Vec<Doubt> {
    if host.machine().kernel().is_none() {
        return Vec::new();
    }
    let mut doubts = Vec::new();
    let mut refused = BTreeSet::new();
    for path in TELLING.map(Path::new) {
        if !host.machine().stat(path).is_ok_and(|stat| stat.kind() == FileKind::Regular) {
            continue;
        }
        match host.machine().read_past_cache(path, limits::CONFIG_FILE) {
            Ok(_) => {
                let what = other_content(host, path);
                doubts.extend(what.map(|what| Doubt {
                    path: path.into(),
                    how: How::Content,
                    what,
                }));
            }
            Err(miss) if miss.kind == GapKind::Denied => {}
            Err(miss) => drop(refused.insert(miss.detail)),
        }
    }
    for detail in refused {
        let detail = format!("files could not be read past the page cache: {detail}");
        seen.gap(Gap::new("", GapKind::NotHere, detail));
    }
    doubts
}

fn other_content(host: &Host, path: &Path) -> Option<String> {
    let plain = host.machine().read(path, limits::CONFIG_FILE).ok()?;
    let below = host.machine().read_past_cache(path, limits::CONFIG_FILE).ok()?;
    let told = difference(&plain.bytes, &below.bytes)?;
    // What stands in it is for nobody's report.
    let is_secret = path == Path::new("/etc/shadow");
    Some(if is_secret { "its content differs".to_owned() } else { told })
}

fn difference(plain: &[u8], below: &[u8]) -> Option<String> {
    if plain == below {
        return None;
    }
    let lines: BTreeSet<&[u8]> = plain.split(|&byte| byte == b'\n').collect();
    let more: Vec<String> = below
        .split(|&byte| byte == b'\n')
        .filter(|line| !lines.contains(line))
        .take(4)
        .map(|line| text::from_bytes(line.get(..200).unwrap_or(line)))
        .collect();
    let (one, other) = (plain.len(), below.len());
    Some(format!("{other} bytes on the disk, {one} bytes as read: `{}`", more.join("`, `")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use stanch_machine::{Entry, Pretend};

    #[test]
    fn lines_that_only_the_disk_has_are_told() {
        assert_eq!(difference(b"a\nb\n", b"a\nb\n"), None);
        let told = difference(b"a\n", b"a\nevil:0:0\n").unwrap();
        assert_eq!(told, "11 bytes on the disk, 2 bytes as read: `evil:0:0`");
    }

    #[test]
    fn a_name_in_other_letters_is_the_same_on_a_disk_that_folds_them() {
        let entry = |name: &str, inode| Entry { name: name.into(), kind: FileKind::Regular, inode };
        let entries = [entry("BOOTX64.EFI", 1), entry("composed", 7)];
        let stat = |inode| Stat { mode: 0o100_644, inode, links: 1, ..Stat::default() };
        assert!(shows(&entries, "bootx64.efi".as_ref(), &stat(3)));
        assert!(shows(&entries, "decomposed".as_ref(), &stat(7)));
        assert!(!shows(&entries, "hidden".as_ref(), &stat(8)));
    }

    #[test]
    fn what_packages_list_and_the_walk_did_not_meet_is_no_doubt_if_it_is_listed() {
        let machine = Pretend::new()
            .file("/var/lib/dpkg/status", "")
            .file("/var/lib/dpkg/info/p.list", "/elsewhere/file\n/elsewhere/gone\n")
            .file("/elsewhere/file", "");
        let host = Host::new(std::sync::Arc::new(machine));
        let index = crate::packages::index(&host);
        let mut seen = Seen::default();
        assert!(by_name(&host, &index, Vec::new(), &mut seen).is_empty());
        assert!(by_content(&host, &mut seen).is_empty());
        assert_eq!(seen.gaps, []);
    }
}
