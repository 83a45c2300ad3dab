//! What starts by itself or grants a way back: places, readers of their formats, and where each
//! entry ends.
//!
//! The list of mechanisms is data: a place is a pattern, and a form says how its files are read.
//! A file that is as its package shipped it is not read for telling words, only for what it starts.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use stanch_machine::{FileKind, Stat, limits};
use stanch_words::{Ask, GapKind, Row, Seen, Value};

use crate::config_lines::numbered;
use crate::content::elf::Program;
use crate::packages::{self, Index, State};
use crate::privileged::Privileged;
use crate::reach::Reach;
use crate::tables::persistence::{SPEC, col};
use crate::web_servers::WebServers;
use crate::{Host, accounts, sshd};

mod commands;
pub(crate) mod judge;
mod mechanisms;
mod readers;
mod rights;
mod specific;
mod target;
#[cfg(test)]
mod tests;

use judge::Judged;
use specific::Services;

/// One way in which something starts by itself.
#[derive(Debug)]
struct Mechanism {
    number: i64,
    name: &'static str,
    class: &'static str,
    form: Form,
    /// Patterns of glob(7); `~/` stands for each home.
    places: &'static [&'static str],
}

/// How the files of a mechanism are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// The file itself is what runs or counts.
    Program,
    /// Lines that hold one of these words; all lines that are no comments if there are none.
    Lines(&'static [&'static str]),
    /// `/etc/crontab` and its like.
    Cron,
    /// A user's crontab.
    CronUser,
    /// `/etc/anacrontab`.
    Anacron,
    /// A job of at.
    AtJob,
    /// `authorized_keys`.
    Keys,
    /// Rules of PAM.
    Pam,
    /// A unit of systemd.
    Unit,
    /// Settings of apt.
    Apt,
    /// Lines that set a variable through which something is loaded or run.
    Loaders,
    /// dpkg's diversions: those that an administrator made.
    Diversions,
    /// What the running kernel starts by itself: one line.
    Helper,
    /// Programs and libraries among those of packages: only those of nobody.
    Nobody,
    /// Files among those of packages: only regular ones of nobody.
    Foreign,
    /// What lies there counts, directories too.
    Anything,
}

impl Form {
    /// Returns whether the file itself counts, not only what it names.
    fn is_whole(self) -> bool {
        matches!(self, Self::Program | Self::Nobody | Self::Foreign | Self::Anything)
    }
}

/// One thing that a file names.
#[derive(Debug, Default)]
struct Entry {
    line: Option<u64>,
    text: String,
    /// The command in it; empty if it names none.
    command: String,
    /// What its file says of it.
    reasons: Vec<(&'static str, i64)>,
}

/// How much of a program of nobody is read to learn where it looks for libraries.
const PROGRAM: u64 = 16 << 20;
/// Most rows: a hostile tree may have any number of files in any place.
const MOST: usize = 200_000;

/// Pushes a row for each thing that starts by itself.
pub(crate) fn rows(host: &Host, ask: &Ask, seen: &mut Seen) {
    let one = ask.equal(col::mechanism).and_then(Value::as_text);
    let homes: Vec<PathBuf> = accounts::homes(host, SPEC.name, None, seen)
        .into_iter()
        .map(|home| home.path)
        .filter(|home| home.components().count() > 1)
        .collect();
    let mut look = Look {
        host,
        reach: Reach::new(host, SPEC.name),
        index: packages::index(host),
        states: HashMap::new(),
        known: HashSet::new(),
        scripts: HashMap::new(),
        services: services(host, seen),
    };
    let key_files = key_files(host, seen);
    let rules = web_rules(host);
    for mechanism in mechanisms::ALL.iter().filter(|m| one.is_none_or(|one| one == m.name)) {
        let more = match mechanism.name {
            _ if mechanism.form == Form::Keys => &*key_files,
            "web-directory-rule" | "php-directive" => &*rules,
            _ => &[],
        };
        for place in mechanism.places.iter().copied().chain(more.iter().map(String::as_str)) {
            let patterns: Vec<PathBuf> = match place.strip_prefix("~/") {
                Some(rest) => homes.iter().map(|home| home.join(rest)).collect(),
                None => vec![PathBuf::from(place)],
            };
            for pattern in patterns {
                for path in look.reach.glob(&pattern, seen) {
                    if seen.rows.len() >= MOST {
                        look.reach.gap(GapKind::Truncated, "too many entries", &path, seen);
                        return look.reach.finish(seen);
                    }
                    look.file(mechanism, &path, seen);
                }
            }
        }
    }
    look.rights(one, seen);
    look.reach.finish(seen);
}

/// Returns the accounts of services that cannot log in.
fn services(host: &Host, seen: &mut Seen) -> Services {
    let accounts = accounts::Accounts::of(host, SPEC.name, seen);
    let mut services = Services::default();
    let closed = |shell: &str| shell.ends_with("/nologin") || shell.ends_with("/false");
    for account in accounts.all.iter().filter(|a| a.uid > 0 && a.uid < 1000 && closed(&a.shell)) {
        services.names.insert(account.name.to_string());
        let home = host.machine().resolve(&account.home).unwrap_or_else(|_| account.home.clone());
        if home.components().count() > 1 && home != Path::new("/root") {
            services.homes.push(home);
        }
    }
    services
}

/// Returns patterns of the files in which sshd looks for keys outside of homes.
fn key_files(host: &Host, seen: &mut Seen) -> Vec<String> {
    let settings = sshd::settings(host, SPEC.name, seen);
    let mut patterns = sshd::key_file_patterns(&settings.lines);
    patterns.retain(|pattern| pattern.starts_with('/'));
    for pattern in &mut patterns {
        for word in ["%u", "%U", "%h", "%%"] {
            *pattern = pattern.replace(word, "*");
        }
    }
    patterns
}

/// Returns patterns of the files with which a directory that is served gives rules of its own.
fn web_rules(host: &Host) -> Vec<String> {
    let served = WebServers::of(host);
    let roots = served.roots().filter(|root| Path::new(root).components().count() > 2);
    let roots = roots.map(|root| root.trim_end_matches('/'));
    roots
        .flat_map(|root| {
            [".htaccess", "*/.htaccess", ".user.ini", "*/.user.ini"]
                .map(|name| format!("{root}/{name}"))
        })
        .collect()
}

struct Look<'h> {
    host: &'h Host,
    reach: Reach<'h>,
    index: Arc<Index>,
    states: HashMap<PathBuf, (&'static str, Value)>,
    known: HashSet<(&'static str, PathBuf)>,
    /// Reasons of scripts of nobody that something starts, each read once.
    scripts: HashMap<PathBuf, Arc<Judged>>,
    services: Services,
}

impl Look<'_> {
    /// Adds what gives rights of itself: set-id bits and capabilities of files of nobody, and
    /// access lists where there are none.
    fn rights(&mut self, one: Option<&str>, seen: &mut Seen) {
        let [set_id, capability, access] = &mechanisms::RIGHTS;
        let wanted = |mechanism: &Mechanism| one.is_none_or(|one| one == mechanism.name);
        if wanted(set_id) || wanted(capability) {
            let found = Privileged::of(self.host, seen);
            let set = found.set_id.iter().map(|(path, stat)| (set_id, path, "set-id", stat));
            let capable: std::collections::BTreeMap<_, _> = found.capabilities.iter().collect();
            let capable =
                capable.into_iter().map(|(path, (names, stat))| (capability, path, &**names, stat));
            for (mechanism, path, text, stat) in set.chain(capable) {
                // dpkg keeps no modes: of its files those count that no package ships so.
                if wanted(mechanism) && (self.index.owner(path).is_none() || rights::never(path)) {
                    self.right(mechanism, path, stat, text, seen);
                }
            }
        }
        for place in access.places.iter().filter(|_| wanted(access)) {
            for path in self.reach.glob(Path::new(place), seen) {
                let list = self.host.machine().attribute(&path, "system.posix_acl_access");
                if let (Ok(Some(_)), Ok(stat)) = (list, self.host.machine().lstat(&path)) {
                    self.right(access, &path, &stat, "access list", seen);
                }
            }
        }
    }

    fn right(
        &mut self,
        mechanism: &Mechanism,
        path: &Path,
        stat: &Stat,
        text: &str,
        seen: &mut Seen,
    ) {
        let (state, package) = self.state(path, seen);
        let entry = Entry { text: text.to_owned(), ..Entry::default() };
        let mut judged = Judged::default();
        judged.place(&Value::from(path).to_string());
        if stat.kind() == FileKind::Regular && rights::is_copy_of_a_shell(self.host, path, stat) {
            judged.add("copy-of-a-shell", 100);
        }
        self.push(mechanism, path, stat, (state, &package), &entry, None, judged, seen);
    }

    fn file(&mut self, mechanism: &Mechanism, path: &Path, seen: &mut Seen) {
        let machine = self.host.machine();
        // The directory may be a link (/lib), and then the same file comes again.
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return };
        let Ok(parent) = machine.resolve(parent) else { return };
        let place = parent.join(name);
        let own = match machine.lstat(&place) {
            Ok(stat) => stat,
            Err(miss) => return self.reach.note(&miss, seen),
        };
        let folder = own.kind() == FileKind::Directory && mechanism.form != Form::Anything;
        if folder || !self.known.insert((mechanism.name, place.clone())) {
            return;
        }
        let nobodys = matches!(mechanism.form, Form::Nobody | Form::Foreign);
        if nobodys && !self.is_nobodys(mechanism.form, &place, &own) {
            return;
        }
        let (state, package) = self.state(&place, seen);
        let trusted = matches!(state, "intact" | "config" | "link");
        // Of a link its content is that of its target; one that leads nowhere has none.
        let regular = machine.stat(&place).is_ok_and(|stat| stat.kind() == FileKind::Regular);
        let whole = mechanism.form.is_whole();
        let wanted = regular && !(whole && trusted);
        let bytes = if wanted { self.content(&place, whole, seen) } else { None };
        let bytes = bytes.unwrap_or_default();
        let mut gaps = Vec::new();
        let mut entries = readers::entries(mechanism.form, &bytes, &place, &mut gaps);
        // What a shipped file holds beside entries is its package's affair.
        gaps.into_iter().filter(|_| !trusted).for_each(|gap| {
            self.reach.gap(gap.kind, gap.detail, &place, seen);
        });
        if !trusted {
            entries.extend(self.activated(&place, &bytes, seen));
        }
        let mut of_whole = Judged::default();
        if !trusted {
            of_whole = self.of_whole(mechanism, &place, &bytes);
        }
        let mut told = 0_usize;
        for entry in entries {
            told = told.saturating_add(1);
            let mut judged = if trusted { Judged::default() } else { judge::line(&entry) };
            judged.join(&of_whole);
            let target = target::of(self.host, &entry.command);
            let target = target.or_else(|| target::anywhere(self.host, &entry.text));
            self.push(mechanism, &place, &own, (state, &package), &entry, target, judged, seen);
        }
        // A file of nobody counts even if it names nothing that is understood.
        let counts = !matches!(mechanism.form, Form::Diversions | Form::Helper);
        if counts && (whole || (told == 0 && !trusted)) {
            let mut judged = if trusted { Judged::default() } else { judge::file(&bytes) };
            judged.join(&of_whole);
            let target = whole.then(|| target::of_file(self.host, &place)).flatten();
            let entry =
                Entry { text: Value::from(place.as_path()).to_string(), ..Entry::default() };
            self.push(mechanism, &place, &own, (state, &package), &entry, target, judged, seen);
        }
    }

    /// Returns what a file says as a whole: by its content, its name and its lock.
    fn of_whole(&self, mechanism: &Mechanism, place: &Path, bytes: &[u8]) -> Judged {
        let path = Value::from(place).to_string();
        let mut judged = specific::whole(mechanism.name, &path, bytes);
        if mechanism.name == "program-among-shipped" && self.keeps_an_original(&path) {
            judged.add("keeps-the-original", 60);
        }
        if mechanism.form == Form::Nobody && bytes.starts_with(b"\x7fELF") {
            // Where it looks for libraries stands near its end.
            let whole = self.host.machine().read(place, PROGRAM).ok();
            let program = whole.and_then(|whole| Program::parse(&whole.bytes));
            if program.is_some_and(|program| program.strange_folders().next().is_some()) {
                judged.add("libraries-in-a-temporary-place", 60);
            }
        }
        // FS_IMMUTABLE_FL and FS_APPEND_FL (ioctl_iflags(2)).
        let locked = self.host.machine().flags(place).ok().flatten().unwrap_or_default() & 0x30;
        if locked != 0 {
            judged.add("locked", 40);
        }
        judged
    }

    /// Returns whether a name says that a package's program was moved aside to make room.
    fn keeps_an_original(&self, path: &str) -> bool {
        const ASIDE: [&str; 8] =
            [".orig", ".real", ".bak", ".old", ".original", "-orig", "-real", ".save"];
        let stem = ASIDE.iter().find_map(|aside| path.strip_suffix(aside));
        stem.is_some_and(|stem| self.index.owner(Path::new(stem)).is_some())
    }

    /// Returns whether a package has a library of the same name, which is found later.
    fn shadows(&self, path: &Path) -> bool {
        let Some(name) = path.file_name() else { return false };
        ["/usr/lib", "/usr/lib64", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu"]
            .iter()
            .any(|place| self.index.owner(&Path::new(place).join(name)).is_some())
    }

    /// Returns what a timer, a socket or a path starts: the unit beside it that it names, or the
    /// one of its own name (systemd.timer(5)).
    fn activated(&mut self, place: &Path, bytes: &[u8], seen: &mut Seen) -> Vec<Entry> {
        let kind = place.extension().and_then(|kind| kind.to_str()).unwrap_or_default();
        if !matches!(kind, "timer" | "socket" | "path") {
            return Vec::new();
        }
        let named = numbered(bytes).find_map(|(_, line)| {
            let line = line.trim_ascii();
            line.strip_prefix(b"Unit=").or_else(|| line.strip_prefix(b"Service="))
        });
        let named = named.map(|name| accounts::path_of(name.trim_ascii()));
        let accepts = place.with_extension("service");
        let each = accepts.with_file_name(format!(
            "{}@.service",
            place.file_stem().unwrap_or_default().to_string_lossy()
        ));
        let places = [named.map(|name| place.with_file_name(name)), Some(accepts), Some(each)];
        for unit in places.into_iter().flatten() {
            if let Some(bytes) = self.reach.read(&unit, limits::CONFIG_FILE, seen) {
                let mut entries = readers::entries(Form::Unit, &bytes, &unit, &mut Vec::new());
                entries.retain(|entry| entry.text.starts_with("ExecStart"));
                entries.iter_mut().for_each(|entry| entry.line = None);
                return entries;
            }
        }
        Vec::new()
    }

    /// Returns what a script of nobody says that something starts.
    fn script(&mut self, path: &Path) -> Arc<Judged> {
        if let Some(known) = self.scripts.get(path) {
            return Arc::clone(known);
        }
        let cap = judge::LOOKED_AT as u64;
        let bytes = self.host.machine().read(path, cap).map(|contents| contents.bytes);
        let bytes = bytes.unwrap_or_default();
        let judged = if bytes.starts_with(b"#!") { judge::file(&bytes) } else { Judged::default() };
        let judged = Arc::new(judged);
        self.scripts.insert(path.to_owned(), Arc::clone(&judged));
        judged
    }

    /// Returns whether a file is a program or a library that no package owns.
    fn is_nobodys(&self, form: Form, path: &Path, stat: &Stat) -> bool {
        let code = form == Form::Foreign
            || stat.mode & 0o111 != 0
            || Value::from(path).to_string().contains(".so");
        stat.kind() == FileKind::Regular && code && self.index.owner(path).is_none()
    }

    fn content(&mut self, path: &Path, whole: bool, seen: &mut Seen) -> Option<Vec<u8>> {
        if !whole {
            return self.reach.read(path, limits::CONFIG_FILE, seen);
        }
        // What runs may be a large program: its beginning tells whether it is a script.
        let cap = judge::LOOKED_AT as u64;
        self.host.machine().read(path, cap).ok().map(|contents| contents.bytes)
    }

    /// Returns state and package of a file, looked up once.
    fn state(&mut self, path: &Path, seen: &mut Seen) -> (&'static str, Value) {
        if let Some(known) = self.states.get(path) {
            return known.clone();
        }
        let owned = self.index.verify(self.host, SPEC.name, path, seen);
        let changed = self.index.is_changed_config(self.host, SPEC.name, path, &owned, seen);
        let leads_to_shipped = owned.state == State::Unowned && self.leads_to_shipped(path, seen);
        let state = match owned.state {
            _ if leads_to_shipped => "link",
            _ if changed == Some(true) => "changed",
            state => state.name(),
        };
        let owner = self.index.owner(path);
        let package = owner.map_or_else(|| "".into(), |o| Value::Text(o.package.name.clone()));
        self.states.insert(path.to_owned(), (state, package.clone()));
        (state, package)
    }

    /// Returns whether a path is a symlink to a file that is as its package shipped it.
    fn leads_to_shipped(&self, path: &Path, seen: &mut Seen) -> bool {
        let machine = self.host.machine();
        let Ok(found) = machine.resolve(path) else { return false };
        if found == path || machine.read_link(path).is_err() {
            return false;
        }
        let owned = self.index.verify(self.host, SPEC.name, &found, seen);
        matches!(owned.state, State::Intact | State::Config)
    }

    #[expect(clippy::too_many_arguments, reason = "one call makes one row")]
    fn push(
        &mut self,
        mechanism: &Mechanism,
        path: &Path,
        stat: &Stat,
        (state, package): (&'static str, &Value),
        entry: &Entry,
        target: Option<PathBuf>,
        mut judged: Judged,
        seen: &mut Seen,
    ) {
        let mut row: Row = SPEC.row();
        let trusted = matches!(state, "intact" | "config" | "link");
        let mut of_target = "";
        if let Some(target) = target {
            let (target_state, owner) = self.state(&target, seen);
            let there = self.host.machine().lstat(&target).is_ok();
            // What a package's own file starts is the package's affair.
            of_target = if there { target_state } else { "missing" };
            if !trusted && target != path {
                judged.target(&target, of_target);
                if of_target == "unowned" {
                    let script = self.script(&target);
                    judged.join(&script);
                }
            }
            row.put(col::target, target.as_path())
                .put(col::target_package, owner)
                .put(col::target_state, of_target);
        } else {
            row.put(col::target, "").put(col::target_package, "").put(col::target_state, "");
        }
        let by_rights = mechanism.form == Form::Program && mechanism.places.is_empty();
        if !trusted || by_rights || mechanism.name == "access-list" {
            let path = Value::from(path).to_string();
            let (mechanism, target_state) = (mechanism.name, of_target);
            let this = specific::Seen { mechanism, path: &path, state, entry, target_state };
            specific::entry(&this, &self.services, &mut judged);
        }
        if mechanism.name == "library-shadowing" && self.shadows(path) {
            judged.add("shadows-a-library", 20);
        }
        if state == "altered" && mechanism.form != Form::Foreign {
            judged.add("file-altered", 50);
        }
        row.put(col::catalogue, mechanism.number)
            .put(col::mechanism, mechanism.name)
            .put(col::class, mechanism.class)
            .put(col::path, path)
            .put(col::line, entry.line)
            .put(col::starts, cut(&entry.text))
            .put(col::package, package.clone())
            .put(col::state, state)
            .put(col::score, judged.score())
            .put(col::reasons, judged.reasons())
            .put(col::uid, stat.uid)
            .put(col::gid, stat.gid)
            .put(col::mode, format!("{:04o}", stat.mode & 0o7777))
            .put(col::mtime, stat.modified.div_euclid(1_000_000_000))
            .put(col::ctime, stat.changed.div_euclid(1_000_000_000));
        seen.push(row);
    }
}

/// The longest text of an entry that is told.
const LONGEST: usize = 1_000;

fn cut(text: &str) -> &str {
    text.char_indices().nth(LONGEST).and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}
