//! Every file in the places that packages fill, set beside what its package shipped.
//!
//! Source: deb-md5sums(5), dpkg-divert(1), dpkg-statoverride(1), capabilities(7); rpm's
//! docs/manual/tags.md.

use std::collections::HashMap;
use std::os::unix::ffi::OsStrExt as _;
use std::sync::Arc;

use stanch_words::{Ask, Row, Seen, Value, table_spec};

use crate::accounts::Accounts;
use crate::packages::{self, Index, State};
use crate::system_files::{Explained, File, Survey, capabilities};
use crate::{Host, tables};

table_spec! {
    /// Files that packages put there, or that lie where only packages put files.
    pub static SPEC, col = "system_files": Files, "Every file in the places that packages fill (/usr without /usr/local, /etc, /boot) or that a package lists, set beside what was shipped.";
    path Text Plain "Path, without symlinks in its directories.";
    package Text Plain "Owning package; empty if there is none.";
    version Text Plain "The package's version.";
    state Text Plain "intact, altered, config (a configuration file that was changed, as it may be), unverified (nothing to compare with, or not read), missing (listed, not there), unowned.";
    kind Text Plain "elf, script (begins with #!), code (source that an interpreter takes), bytecode (Python's), link, special (device, pipe, socket), data; empty for files that are intact or were not read.";
    explained Text Plain "What explains an unowned file: link (leads to an owned file), bytecode (of an owned source), copy (of a shipped file), pip (RECORD has its digest), npm, gem, composer (their manifest stands beside it, without digests), dkms, mount; empty for nothing.";
    rests_on Text Plain "What the state rests on: md5sums, status (dpkg's lists, which root can write), header (rpm's database, which root can write), pip (its RECORD, which whoever installs with it can write), package (a package file that was brought along), archive (a package file that the distribution signed for), inode time (not read; not changed since its package came), not read; empty for nothing.";
    expected Text Plain "Shipped digest where it is not the found one: MD5 for dpkg.";
    found Text Plain "Digest of the file where it is not the shipped one.";
    copy_of Text Plain "The shipped file that an unowned one is a copy of.";
    mode Text Plain "Permission bits, octal.";
    uid BigInt Plain "Owner.";
    gid BigInt Plain "Group.";
    set_id Text Plain "S for set-user-ID, G for set-group-ID, SG for both; empty for neither.";
    capabilities Text Plain "Capabilities that the file gives to whoever starts it, as getcap writes them.";
    differs Text Plain "What is not as the database tells, where it tells it (rpm, dpkg-statoverride): mode, owner, group, capabilities.";
    expected_mode Text Plain "Permission bits as the database tells them, octal; empty where it does not.";
    size BigInt Plain "Size in bytes.";
    mtime BigInt Plain "Last change of the content, seconds since 1970: its owner can set it at will.";
    ctime BigInt Plain "Last change of the inode, seconds since 1970: nobody can set it.";
    since BigInt Plain "When the owning package came, seconds since 1970.";
    tree Text Plain "The topmost directory above it that no package owns; empty if its directory is owned.";
    tree_files BigInt Plain "How many files lie below that directory.";
}

/// Surveys all places.
pub(super) fn read(host: &Host, ask: &Ask, seen: &mut Seen) {
    rows(host, ask, SPEC.name, &|_, _| true, seen);
}

/// Columns that need the content of files.
const OF_CONTENT: [usize; 8] = [
    col::state,
    col::kind,
    col::explained,
    col::rests_on,
    col::expected,
    col::found,
    col::copy_of,
    col::capabilities,
];

/// Pushes the rows of the files that are wanted. Each is told with what differs.
pub(super) fn rows(
    host: &Host,
    ask: &Ask,
    table: &'static str,
    wanted: &dyn Fn(&File, &str) -> bool,
    seen: &mut Seen,
) {
    let survey = Survey::take(host, table, ask.wants_any(&OF_CONTENT), seen);
    let index = packages::index(host);
    let names = Names::read(host, table, seen);
    for file in &survey.files {
        let differs = differs(&index, &survey, file, &names);
        if wanted(file, &differs) {
            seen.push(row(&index, &survey, file, &differs));
        }
    }
}

/// Names of users and groups, by number.
struct Names {
    users: Arc<Accounts>,
    groups: HashMap<i64, Value>,
}

impl Names {
    fn read(host: &Host, table: &str, seen: &mut Seen) -> Self {
        let users = Accounts::of(host, table, seen);
        let path = std::path::Path::new("/etc/group");
        let bytes = host.read(table, path, stanch_machine::limits::CONFIG_FILE, seen);
        let mut found = Seen::default();
        tables::groups::parse(&bytes.unwrap_or_default(), &mut found);
        let pair = |row: &Row| {
            let gid = row.get(tables::groups::col::gid).as_integer()?;
            Some((gid, row.get(tables::groups::col::groupname).clone()))
        };
        Self { users, groups: found.rows.iter().rev().filter_map(pair).collect() }
    }

    fn user(&self, uid: u32) -> String {
        self.users.by_uid(uid).map_or_else(|| uid.to_string(), |account| account.name.to_string())
    }

    fn group(&self, gid: u32) -> String {
        self.groups.get(&i64::from(gid)).map_or_else(|| gid.to_string(), ToString::to_string)
    }
}

/// What the database tells of a file beside its digest: mode, owner, group.
fn told(index: &Index, survey: &Survey, file: &File) -> Option<(u32, String, String)> {
    let path = survey.path(file);
    if let Some(kept) = survey.overrides.get(path.as_os_str().as_bytes()) {
        return Some((kept.mode, kept.user.clone(), kept.group.clone()));
    }
    let record = index.record_at(file.owned?)?;
    let name = |number| index.name(number).map_or_else(String::new, ToString::to_string);
    let [user, group] = record.names.map(name);
    let [_, mode, owner, group_may] = record.may_differ;
    let unless = |may: bool, text: String| if may { String::new() } else { text };
    let mode = if mode { u32::MAX } else { record.mode & 0o7777 };
    Some((mode, unless(owner, user), unless(group_may, group)))
}

fn differs(index: &Index, survey: &Survey, file: &File, names: &Names) -> String {
    let mut words = Vec::new();
    let Some(stat) = file.stat else { return String::new() };
    if let Some((mode, user, group)) = told(index, survey, file) {
        // A number where a name is told: the account is not there, as in an image.
        let other = |told: &str, found: String| !told.is_empty() && told != found;
        if mode != u32::MAX && mode != stat.mode & 0o7777 {
            words.push("mode");
        }
        if other(&user, names.user(stat.uid)) {
            words.push("owner");
        }
        if other(&group, names.group(stat.gid)) {
            words.push("group");
        }
    }
    let rpm = file.owned.and_then(|owned| index.owner_at(owned));
    if let Some(owner) = rpm.filter(|owner| owner.package.manager == packages::Manager::Rpm) {
        let shipped = index.shipped_capabilities(&owner).unwrap_or_default();
        let shipped = stanch_words::text::from_bytes(shipped);
        if capabilities::names_in(&shipped) != capabilities::names_in(&file.capabilities) {
            words.push("capabilities");
        }
    }
    words.join(" ")
}

/// S, G or SG.
pub(super) fn set_id(mode: u32) -> &'static str {
    match (mode & 0o4000 != 0, mode & 0o2000 != 0) {
        (true, true) => "SG",
        (true, false) => "S",
        (false, true) => "G",
        (false, false) => "",
    }
}

fn row(index: &Index, survey: &Survey, file: &File, differs: &str) -> Row {
    let mut row = SPEC.row();
    let package = file.owned.and_then(|owned| index.packages().get(owned.package));
    let text = |text: Option<&Arc<str>>| text.map_or_else(|| "".into(), |t| Value::Text(t.clone()));
    row.put(col::path, survey.path(file).as_path())
        .put(col::package, text(package.map(|package| &package.name)))
        .put(col::version, text(package.map(|package| &package.version)))
        .put(col::state, file.state.name())
        .put(col::kind, file.kind.name())
        .put(col::explained, file.explained.name())
        .put(col::rests_on, file.rests_on.name())
        .put(col::capabilities, &*file.capabilities)
        .put(col::differs, differs);
    if let Some((expected, found)) = &file.digests {
        row.put(col::expected, &**expected).put(col::found, &**found);
    }
    if let Explained::Copy(place) = &file.explained {
        row.put(col::copy_of, index.path_of(*place));
    }
    if let Some(stat) = file.stat {
        row.put(col::mode, format!("{:04o}", stat.mode & 0o7777))
            .put(col::uid, stat.uid)
            .put(col::gid, stat.gid)
            .put(col::set_id, set_id(stat.mode))
            .put(col::size, stat.size)
            .put(col::mtime, stat.modified.div_euclid(1_000_000_000))
            .put(col::ctime, stat.changed.div_euclid(1_000_000_000));
    }
    let mode = told(index, survey, file).map(|told| told.0).filter(|&mode| mode != u32::MAX);
    let mode = mode.or_else(|| index.proven_mode(file.owned?));
    row.put(col::expected_mode, mode.map_or_else(String::new, |mode| format!("{mode:04o}")));
    let since = file.owned.and_then(|owned| survey.since.get(owned.package).copied().flatten());
    row.put(col::since, since);
    let tree = survey.trees.get(&file.directory);
    let top = tree.map_or_else(|| "".into(), |tree| Value::from(tree.0.as_path()));
    row.put(col::tree, top);
    row.put(col::tree_files, tree.map_or(0, |tree| tree.1));
    row
}

/// Returns whether a file is worth a word: it is not as shipped, or nobody's and not explained by
/// what lies beside it, or it gives rights to whoever starts it.
pub(super) fn stands_out(file: &File, differs: &str) -> bool {
    use crate::system_files::{Kind, RestsOn};
    let rights = file.stat.is_some_and(|stat| {
        stat.mode & 0o6000 != 0 && stat.kind() == stanch_machine::FileKind::Regular
    });
    let state = match file.state {
        State::Altered | State::Config | State::Missing => true,
        State::Unowned => !matches!(file.explained, Explained::Bytecode | Explained::Link),
        // Owned, and the database has no digest of it.
        State::Unverified => {
            file.kind == Kind::Unread && file.rests_on == RestsOn::Nothing && file.stat.is_some()
        }
        State::Intact | State::Unknown => false,
    };
    state || rights || !differs.is_empty() || !file.capabilities.is_empty()
}
