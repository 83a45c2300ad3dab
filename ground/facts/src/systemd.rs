//! systemd's units as they lie in files: which file counts, what adds to it, what enables it.
//!
//! systemd itself is not asked: its answers pass through libraries and a bus of the machine.
//! Source: systemd.unit(5), "Unit File Load Path"; systemd.syntax(7); systemctl(1) `is-enabled`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use stanch_machine::{Entry, FileKind, limits};
use stanch_words::{Gap, GapKind, Seen, Value, text};

use crate::Host;

pub mod unit_file;

pub use unit_file::Settings;

/// Where the system's units are, first come first served.
pub(crate) const SYSTEM: &[&str] = &[
    "/etc/systemd/system.control",
    "/run/systemd/system.control",
    "/run/systemd/transient",
    "/run/systemd/generator.early",
    "/etc/systemd/system",
    "/etc/systemd/system.attached",
    "/run/systemd/system",
    "/run/systemd/system.attached",
    "/run/systemd/generator",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
    "/run/systemd/generator.late",
];

/// Kinds of units, which are the endings of their names.
const KINDS: &[&str] = &[
    "service",
    "socket",
    "device",
    "mount",
    "automount",
    "swap",
    "target",
    "path",
    "timer",
    "slice",
    "scope",
];

/// Most units that are told apart.
const MOST: usize = 50_000;

/// The file of a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct File {
    /// Where it stands in the load path.
    pub(crate) path: PathBuf,
    /// The file itself, if that is a symlink to somewhere outside the load path.
    pub(crate) linked: Option<PathBuf>,
    /// Whether it leads to /dev/null or is empty.
    pub(crate) masked: bool,
}

/// All units of one load path.
#[derive(Debug, Default)]
pub(crate) struct Units {
    files: BTreeMap<String, File>,
    /// Other names of units, and whether the link is in /etc or /run.
    aliases: BTreeMap<String, (String, bool)>,
    /// Directories that want a unit (`multi-user.target.wants`).
    wanted: BTreeMap<String, BTreeSet<PathBuf>>,
    /// Drop-ins by the name of their directory without `.d`, then by file name.
    drop_ins: HashMap<String, BTreeMap<String, PathBuf>>,
}

/// One unit.
#[derive(Debug)]
pub(crate) struct Unit<'a> {
    pub(crate) name: &'a str,
    /// Its file; of an instance, its template's.
    pub(crate) file: Option<&'a File>,
    pub(crate) aliases: Vec<&'a str>,
    pub(crate) wanted: Option<&'a BTreeSet<PathBuf>>,
    /// Whether an alias in /etc or /run leads to it.
    pub(crate) named: bool,
    pub(crate) drop_ins: Vec<&'a Path>,
}

impl Units {
    /// Reads a load path.
    pub(crate) fn read(host: &Host, table: &str, places: &[PathBuf], seen: &mut Seen) -> Self {
        let mut units = Self::default();
        let mut known = BTreeSet::new();
        for place in places {
            // /lib may be /usr/lib.
            let Ok(resolved) = host.machine().resolve(place) else { continue };
            if !known.insert(resolved) {
                continue;
            }
            for entry in host.list(table, place, seen) {
                if units.files.len() >= MOST {
                    let at = Value::from(place.as_path()).to_string();
                    let detail = format!("more than {MOST} units; the rest was left out");
                    seen.gap(Gap::new(table, GapKind::Truncated, detail).at(at));
                    return units;
                }
                units.entry(host, table, place, &entry, &known, seen);
            }
        }
        units
    }

    fn entry(
        &mut self,
        host: &Host,
        table: &str,
        place: &Path,
        entry: &Entry,
        known: &BTreeSet<PathBuf>,
        seen: &mut Seen,
    ) {
        let name = text::from_bytes(entry.name.as_bytes());
        let path = place.join(&entry.name);
        if let Some(unit) = name.strip_suffix(".d") {
            let found = self.drop_ins.entry(unit.to_owned()).or_default();
            for entry in host.list(table, &path, seen) {
                let name = text::from_bytes(entry.name.as_bytes());
                if name.ends_with(".conf") {
                    found.entry(name).or_insert_with(|| path.join(&entry.name));
                }
            }
        } else if [".wants", ".requires", ".upholds"].iter().any(|end| name.ends_with(end)) {
            for entry in host.list(table, &path, seen) {
                let wanted = text::from_bytes(entry.name.as_bytes());
                if kind(&wanted).is_some() {
                    self.wanted.entry(wanted).or_default().insert(path.clone());
                }
            }
        } else if kind(&name).is_some()
            && !self.files.contains_key(&name)
            && !self.aliases.contains_key(&name)
        {
            self.unit(host, name, path, entry, known);
        }
    }

    fn unit(
        &mut self,
        host: &Host,
        name: String,
        path: PathBuf,
        entry: &Entry,
        known: &BTreeSet<PathBuf>,
    ) {
        if entry.kind != FileKind::Symlink {
            let empty = host.machine().lstat(&path).is_ok_and(|stat| stat.size == 0);
            let masked = empty && entry.kind == FileKind::Regular;
            self.files.insert(name, File { path, linked: None, masked });
            return;
        }
        let target = host.machine().resolve(&path).ok();
        // A link whose target is gone still has a name for it.
        let target = target.or_else(|| host.machine().read_link(&path).ok());
        let target_name = target.as_deref().and_then(Path::file_name);
        let target_name = target_name.map(|n| text::from_bytes(n.as_bytes())).unwrap_or_default();
        let masked = target.as_deref() == Some(Path::new("/dev/null"));
        let inside =
            target.as_deref().and_then(Path::parent).is_some_and(|p| known_place(p, known));
        if inside && !masked && target_name != name && kind(&target_name).is_some() {
            let set_here = path.starts_with("/etc") || path.starts_with("/run");
            self.aliases.insert(name, (target_name, set_here));
        } else {
            let linked = target.filter(|_| !masked && !inside);
            self.files.insert(name, File { path, linked, masked });
        }
    }

    /// Calls `each` for every unit: those with a file, wanted instances of templates, and names
    /// given besides (of control groups that live).
    pub(crate) fn each<'a>(
        &'a self,
        besides: &'a BTreeSet<String>,
        each: &mut dyn FnMut(Unit<'a>),
    ) {
        let mut aliases: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let mut named = BTreeSet::new();
        for (alias, (target, set_here)) in &self.aliases {
            aliases.entry(target).or_default().push(alias);
            if *set_here {
                named.insert(target.as_str());
            }
        }
        let wanted = self.wanted.keys().filter(|name| name.contains('@'));
        let names: BTreeSet<&String> = self.files.keys().chain(wanted).chain(besides).collect();
        for name in names.into_iter().filter(|name| !self.aliases.contains_key(*name)) {
            let aliases = aliases.get(name.as_str()).cloned().unwrap_or_default();
            each(Unit {
                name,
                file: self.files.get(name).or_else(|| self.files.get(&template(name)?)),
                wanted: self.wanted.get(name),
                named: named.contains(name.as_str()),
                drop_ins: self.drop_ins_of(name, &aliases),
                aliases,
            });
        }
    }

    /// Returns drop-ins in the order in which they count: by file name, the most special
    /// directory first where names are equal.
    fn drop_ins_of(&self, name: &str, aliases: &[&str]) -> Vec<&Path> {
        let mut found: BTreeMap<&str, &Path> = BTreeMap::new();
        let general = general_names(name);
        let names = std::iter::once(name).chain(aliases.iter().copied());
        for name in names.chain(general.iter().map(String::as_str)) {
            for (file, path) in self.drop_ins.get(name).into_iter().flatten() {
                found.entry(file).or_insert(path);
            }
        }
        found.into_values().collect()
    }
}

/// Reads a unit's file and its drop-ins.
pub(crate) fn settings(host: &Host, table: &str, unit: &Unit<'_>, seen: &mut Seen) -> Settings {
    let mut settings = Settings::default();
    let file = unit.file.filter(|file| !file.masked).map(|file| file.path.as_path());
    for path in file.into_iter().chain(unit.drop_ins.iter().copied()) {
        let null = host.machine().resolve(path).is_ok_and(|path| path == Path::new("/dev/null"));
        if null {
            continue;
        }
        let Some(bytes) = host.read(table, path, limits::CONFIG_FILE, seen) else { continue };
        let strange = settings.add(&bytes);
        if strange > 0 {
            let detail = format!("{strange} lines are neither a section nor a setting");
            let at = Value::from(path).to_string();
            seen.gap(Gap::new(table, GapKind::Damaged, detail).at(at));
        }
    }
    settings
}

/// Returns the kind of a unit by its name.
pub(crate) fn kind(name: &str) -> Option<&'static str> {
    let (first, end) = name.rsplit_once('.')?;
    KINDS.iter().find(|kind| **kind == end && !first.is_empty()).copied()
}

fn known_place(place: &Path, known: &BTreeSet<PathBuf>) -> bool {
    // A later directory of the load path is not known yet, but all are named alike.
    known.contains(place)
        || SYSTEM.iter().any(|p| Path::new(p) == place)
        || place.ends_with("systemd/system")
        || place.ends_with("systemd/user")
}

/// Returns the template of an instance: `getty@.service` of `getty@tty1.service`.
fn template(name: &str) -> Option<String> {
    let (first, instance) = name.split_once('@')?;
    let (instance, kind) = instance.rsplit_once('.')?;
    (!instance.is_empty()).then(|| format!("{first}@.{kind}"))
}

/// Returns names whose drop-ins count for a unit too: its template, its prefixes up to a dash,
/// and its kind.
fn general_names(name: &str) -> Vec<String> {
    let mut names: Vec<String> = template(name).into_iter().collect();
    if let Some((first, kind)) = name.rsplit_once('.') {
        let dashes = first.match_indices('-').map(|(at, _)| at).rev();
        names.extend(dashes.filter_map(|at| Some(format!("{}-.{kind}", first.get(..at)?))));
        names.push(kind.to_owned());
    }
    names
}

/// Processes of the units that live, by the control groups systemd makes for them. A unit below
/// another one (`user@1000.service`) is not the system's.
pub(crate) fn alive(host: &Host, table: &str, seen: &mut Seen) -> BTreeMap<String, u64> {
    let mut found = BTreeMap::new();
    let root = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd"].into_iter().find(|place| {
        host.machine().list(Path::new(place)).is_ok_and(|l| {
            l.entries
                .iter()
                .any(|e| e.kind == FileKind::Directory && e.name.as_bytes().ends_with(b".slice"))
        })
    });
    let root = PathBuf::from(root.unwrap_or("/sys/fs/cgroup"));
    // Each directory with the unit it belongs to.
    let mut stack: Vec<(PathBuf, Option<String>, usize)> = vec![(root, None, 0)];
    let mut looked = 0_usize;
    while let Some((directory, unit, depth)) = stack.pop() {
        looked = looked.saturating_add(1);
        if looked > MOST || depth > 32 {
            seen.gap(Gap::new(table, GapKind::Truncated, "too many control groups"));
            return found;
        }
        if let Some(unit) = &unit {
            let procs = directory.join("cgroup.procs");
            if let Some(bytes) = host.read(table, &procs, limits::PSEUDO_FILE, seen) {
                let lines = memchr::memchr_iter(b'\n', &bytes).count() as u64;
                let count = found.entry(unit.clone()).or_insert(0_u64);
                *count = count.saturating_add(lines);
            }
        }
        for entry in host.list(table, &directory, seen) {
            if entry.kind != FileKind::Directory {
                continue;
            }
            let name = text::from_bytes(entry.name.as_bytes());
            // Only slices hold units; whatever is below a unit of another kind belongs to it.
            let unit = match (&unit, kind(&name)) {
                (Some(unit), _) if kind(unit) != Some("slice") => Some(unit.clone()),
                (_, Some(_)) => Some(name),
                (None, None) => continue,
                (Some(unit), None) => Some(unit.clone()),
            };
            stack.push((directory.join(&entry.name), unit, depth.saturating_add(1)));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_count_for_a_unit() {
        let names = ["getty@.service", "foo-.service", "service"];
        assert_eq!(general_names("foo-bar.service"), names[1..]);
        assert_eq!(general_names("getty@tty1.service"), [names[0], names[2]]);
        assert_eq!(kind("ssh.service"), Some("service"));
        assert_eq!(kind(".service"), None);
        assert_eq!(kind("ssh.service.d"), None);
    }

    #[test]
    fn processes_are_counted_by_unit() {
        let machine = stanch_machine::Pretend::new()
            .file("/sys/fs/cgroup/cgroup.procs", "1\n2\n")
            .file("/sys/fs/cgroup/init.scope/cgroup.procs", "1\n")
            .file("/sys/fs/cgroup/system.slice/cgroup.procs", "")
            .file("/sys/fs/cgroup/system.slice/ssh.service/cgroup.procs", "10\n11\n")
            .file("/sys/fs/cgroup/user.slice/cgroup.procs", "")
            .file("/sys/fs/cgroup/user.slice/user@0.service/cgroup.procs", "")
            .file(
                "/sys/fs/cgroup/user.slice/user@0.service/app.slice/x.service/cgroup.procs",
                "7\n",
            )
            .file("/sys/fs/cgroup/user.slice/user@0.service/app.slice/cgroup.procs", "");
        let mut seen = Seen::default();
        let found = alive(&Host::new(std::sync::Arc::new(machine)), "t", &mut seen);
        let found: Vec<_> = found.iter().map(|(name, count)| (name.as_str(), *count)).collect();
        assert_eq!(
            found,
            [
                ("init.scope", 1),
                ("ssh.service", 2),
                ("system.slice", 0),
                ("user.slice", 0),
                ("user@0.service", 1)
            ]
        );
        assert_eq!(seen.gaps, []);
    }
}
