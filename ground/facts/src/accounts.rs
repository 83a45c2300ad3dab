//! Accounts and their homes, as many tables need them.
//!
//! Source: passwd(5), login.defs(5). NSS is not asked: its modules are code of the machine.
//! Accounts of a directory service have no line in `/etc/passwd`; their homes are found below
//! `/home` and attributed to the directory's owner.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use stanch_machine::{FileKind, limits};
use stanch_words::{Gap, GapKind, Seen, Value, text};

use crate::Host;
use crate::lines::number;
use crate::reach::Reach;

/// How many accounts may share one home before the rest are left out: rows of a home are
/// repeated for each of its accounts, and a hostile passwd could name one home 100,000 times.
const SHARING: usize = 32;

/// One line of `/etc/passwd` that is an account.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) name: Arc<str>,
    pub(crate) password: Password,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) home: PathBuf,
    pub(crate) shell: Arc<str>,
}

/// What stands in a password field. The hash itself is never kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Password {
    Empty,
    Elsewhere,
    Locked,
    Set,
}

/// The accounts of `/etc/passwd`, in order.
#[derive(Debug, Default)]
pub(crate) struct Accounts {
    pub(crate) all: Vec<Account>,
    uids: HashMap<u32, Vec<usize>>,
    names: HashMap<Arc<str>, usize>,
    homes: HashSet<PathBuf>,
    gaps: Vec<Gap>,
}

impl Accounts {
    fn new(all: Vec<Account>) -> Self {
        let mut uids: HashMap<u32, Vec<usize>> = HashMap::new();
        let mut names = HashMap::new();
        for (place, account) in all.iter().enumerate() {
            uids.entry(account.uid).or_default().push(place);
            names.entry(Arc::clone(&account.name)).or_insert(place);
        }
        let homes = all.iter().map(|account| account.home.clone()).collect();
        Self { all, uids, names, homes, gaps: Vec::new() }
    }

    /// Returns the accounts, read once per host. What stood in the way is told to each table.
    pub(crate) fn of(host: &Host, table: &str, seen: &mut Seen) -> Arc<Self> {
        let accounts = host.once(|host| {
            let mut seen = Seen::default();
            let bytes = host.read("", Path::new("/etc/passwd"), limits::CONFIG_FILE, &mut seen);
            let all = bytes.map(|bytes| parse(&bytes)).unwrap_or_default();
            Self { gaps: seen.gaps, ..Self::new(all) }
        });
        for gap in &accounts.gaps {
            seen.gap(Gap { what: table.to_owned(), ..gap.clone() });
        }
        accounts
    }

    /// Returns the first account of a user id.
    pub(crate) fn by_uid(&self, uid: u32) -> Option<&Account> {
        self.with_uid(uid).next()
    }

    /// Returns all accounts of a user id: a join asks for one id after the other.
    fn with_uid(&self, uid: u32) -> impl Iterator<Item = &Account> {
        self.uids.get(&uid).into_iter().flatten().filter_map(|&place| self.all.get(place))
    }

    /// Returns the first account of a name.
    pub(crate) fn by_name(&self, name: &str) -> Option<&Account> {
        self.names.get(name).and_then(|&place| self.all.get(place))
    }
}

/// Parses passwd(5) leniently: what is no account is the business of the table `users`.
fn parse(bytes: &[u8]) -> Vec<Account> {
    bytes.split(|&b| b == b'\n').filter_map(account).collect()
}

fn account(line: &[u8]) -> Option<Account> {
    if line.starts_with(b"#") {
        return None;
    }
    let fields: Vec<&[u8]> = line.splitn(8, |&b| b == b':').collect();
    let [name, password, uid, gid, _comment, home, shell, ..] = fields[..] else { return None };
    Some(Account {
        name: text::from_bytes(name).into(),
        password: password_of(password),
        uid: number(uid)?,
        gid: number(gid)?,
        home: path_of(home),
        shell: text::from_bytes(shell).into(),
    })
}

/// Returns what stands in a password field of passwd(5) or shadow(5).
pub(crate) fn password_of(field: &[u8]) -> Password {
    match field {
        b"" => Password::Empty,
        b"x" => Password::Elsewhere,
        [b'!' | b'*', ..] => Password::Locked,
        _ => Password::Set,
    }
}

/// Returns a path from bytes.
pub(crate) fn path_of(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt as _;
    PathBuf::from(std::ffi::OsStr::from_bytes(bytes))
}

/// A home and whose it is.
#[derive(Debug)]
pub(crate) struct Home {
    pub(crate) path: PathBuf,
    pub(crate) owners: Vec<Owner>,
    /// Whether it is there and may be looked into.
    pub(crate) is_open: bool,
}

/// An account as the owner of what is in a home.
#[derive(Clone, Debug)]
pub(crate) struct Owner {
    pub(crate) uid: u32,
    pub(crate) name: Arc<str>,
}

/// Returns the homes that can be looked into, each once, in the order of accounts; then those
/// below `/home` that no account names. With a user id, only that user's.
pub(crate) fn homes(
    host: &Host,
    table: &'static str,
    uid: Option<&Value>,
    seen: &mut Seen,
) -> Vec<Home> {
    let mut homes = all_homes(host, table, uid, seen);
    homes.retain(|home| home.is_open);
    homes
}

/// Returns all homes, those that are absent or denied too.
pub(crate) fn all_homes(
    host: &Host,
    table: &'static str,
    uid: Option<&Value>,
    seen: &mut Seen,
) -> Vec<Home> {
    let accounts = Accounts::of(host, table, seen);
    let one = match uid {
        Some(Value::Integer(uid)) => Some(u32::try_from(*uid).ok()),
        Some(Value::Text(uid)) => Some(uid.parse().ok()),
        Some(Value::Null | Value::Real(_)) | None => None,
    };
    let asked: Box<dyn Iterator<Item = &Account>> = match one {
        Some(Some(uid)) => Box::new(accounts.with_uid(uid)),
        Some(None) => return Vec::new(),
        None => Box::new(accounts.all.iter()),
    };
    let mut homes: Vec<Home> = Vec::new();
    let mut places: HashMap<&Path, usize> = HashMap::new();
    let mut left_out = 0_u64;
    for account in asked.filter(|account| account.home.is_absolute()) {
        let place = *places.entry(&account.home).or_insert(homes.len());
        if place == homes.len() {
            let path = account.home.clone();
            homes.push(Home { path, owners: Vec::new(), is_open: true });
        }
        let Some(home) = homes.get_mut(place) else { continue };
        if home.owners.len() < SHARING {
            home.owners.push(Owner { uid: account.uid, name: Arc::clone(&account.name) });
        } else {
            left_out = left_out.saturating_add(1);
        }
    }
    if left_out > 0 {
        let detail = format!("{left_out} accounts share a home with {SHARING} others; left out");
        seen.gap(Gap::new(table, GapKind::Truncated, detail).at("/etc/passwd"));
    }
    for entry in host.list(table, Path::new("/home"), seen) {
        let path = Path::new("/home").join(&entry.name);
        if entry.kind != FileKind::Directory || accounts.homes.contains(&path) {
            continue;
        }
        let Ok(stat) = host.machine().lstat(&path) else { continue };
        if one.is_none_or(|uid| uid == Some(stat.uid)) {
            let name = accounts.by_uid(stat.uid).map(|account| Arc::clone(&account.name));
            let name = name.unwrap_or_else(|| entry.name.to_string_lossy().into());
            homes.push(Home { path, owners: vec![Owner { uid: stat.uid, name }], is_open: true });
        }
    }
    look_into(host, table, &mut homes, seen);
    homes
}

/// Finds out which homes can be looked into. One look spares a dozen later ones, since most
/// service accounts have no home, and makes one gap of a home that is closed to us. The dot asks
/// for the right to search the directory (path_resolution(7)).
fn look_into(host: &Host, table: &'static str, homes: &mut [Home], seen: &mut Seen) {
    let mut reach = Reach::new(host, table);
    for home in homes {
        if let Err(mut miss) = host.machine().stat(&home.path.join(".")) {
            miss.path = Value::from(&*home.path).to_string();
            reach.note(&miss, seen);
            home.is_open = false;
        }
    }
    reach.finish(seen);
}

#[cfg(test)]
mod tests {
    use stanch_machine::Pretend;

    use super::*;

    fn homes_of(machine: Pretend) -> (Vec<Home>, Seen) {
        let mut seen = Seen::default();
        let homes = homes(&Host::new(Arc::new(machine)), "t", None, &mut seen);
        (homes, seen)
    }

    #[test]
    fn a_home_without_an_account_belongs_to_its_owner() {
        let machine = Pretend::new()
            .file(
                "/etc/passwd",
                "root:x:0:0::/root:/bin/sh\ntoor:x:0:0::/root:/bin/sh\nrel:x:7:7::rel:/bin/sh\n",
            )
            .directory("/root")
            .directory("/home/ldapuser")
            .with("/home/ldapuser", |stat| stat.uid = 70_000);
        let (homes, seen) = homes_of(machine);
        assert_eq!(homes.len(), 2);
        assert_eq!(homes[0].owners.len(), 2);
        assert_eq!((homes[1].owners[0].uid, &*homes[1].owners[0].name), (70_000, "ldapuser"));
        assert_eq!(seen.gaps, []);
    }

    #[test]
    fn asked_by_uid_only_that_uids_homes_come() {
        let machine = Pretend::new()
            .file("/etc/passwd", "root:x:0:0::/root:/bin/sh\nann:x:7:7::/home/ann:/bin/sh\n")
            .directory("/root")
            .directory("/home/ann")
            .directory("/home/left")
            .with("/home/left", |stat| stat.uid = 7);
        let host = Host::new(Arc::new(machine));
        let found = |uid: Value| {
            let homes = homes(&host, "t", Some(&uid), &mut Seen::default());
            homes.into_iter().map(|home| home.path).collect::<Vec<_>>()
        };
        assert_eq!(found(7.into()), [Path::new("/home/ann"), Path::new("/home/left")]);
        assert_eq!(found("0".into()), [Path::new("/root")]);
        assert!(found((-1).into()).is_empty());
    }

    #[test]
    fn a_hundred_thousand_accounts_in_one_home_are_told_and_not_repeated() {
        let mut passwd = String::new();
        for uid in 0..100_000 {
            passwd.push_str(&format!("u{uid}:x:{uid}:0::/srv:/bin/sh\n"));
        }
        let (homes, seen) = homes_of(Pretend::new().directory("/srv").file("/etc/passwd", passwd));
        assert_eq!(homes.len(), 1);
        assert_eq!(homes[0].owners.len(), SHARING);
        assert_eq!(seen.gaps.len(), 1);
        assert!(seen.gaps[0].detail.starts_with("99968 accounts"));
    }

    #[test]
    fn a_denied_passwd_is_a_gap_of_the_table_that_asked() {
        let machine = Pretend::new().file("/etc/passwd", "").denied("/etc/passwd");
        let (homes, seen) = homes_of(machine);
        assert!(homes.is_empty());
        assert_eq!((seen.gaps.len(), &*seen.gaps[0].what), (1, "t"));
    }
}
