//! Accounts of this machine: `/etc/passwd`, `/etc/shadow`, `/etc/group`, and sudo's rules.
//!
//! Source: passwd(5), shadow(5), group(5), sudoers(5).

pub mod aside;
pub(crate) mod crypt;
pub(crate) mod lines;
pub mod rows;

use std::path::Path;

use stanch_machine::Machine;

use self::lines::{EXPIRE, PASSWORD, line_of};
use crate::act::Trouble;
use crate::files;

/// Where accounts stand.
pub(crate) const PASSWD: &str = "/etc/passwd";
/// Where their passwords do.
pub(crate) const SHADOW: &str = "/etc/shadow";
const GROUP: &str = "/etc/group";

/// The largest of these files that is read, in bytes.
const LARGEST: u64 = 32 << 20;
/// Groups whose members may become root on the common distributions.
const ADMINISTRATORS: [&str; 4] = ["sudo", "wheel", "admin", "root"];
/// Shells that let nobody in.
const NO_SHELLS: [&str; 3] = ["nologin", "false", "sync"];

/// An account as `/etc/passwd` tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: u32,
    /// Its first group.
    pub gid: u32,
    /// Its home.
    pub home: String,
    /// Its shell.
    pub shell: String,
}

/// Returns the accounts of this machine. Others may come from elsewhere (nsswitch.conf(5)).
///
/// # Errors
/// [`Trouble`] if they cannot be read.
pub fn all(machine: &dyn Machine) -> Result<Vec<Account>, Trouble> {
    let text = read(machine, PASSWD)?;
    Ok(text.split(|&byte| byte == b'\n').filter_map(parse).collect())
}

fn parse(line: &[u8]) -> Option<Account> {
    let line = std::str::from_utf8(line).ok()?;
    let fields: Vec<&str> = line.split(':').collect();
    let &[name, _password, uid, gid, _words, home, shell] = fields.as_slice() else { return None };
    Some(Account {
        name: name.to_owned(),
        uid: uid.parse().ok()?,
        gid: gid.parse().ok()?,
        home: home.to_owned(),
        shell: shell.to_owned(),
    })
}

fn read(machine: &dyn Machine, path: &str) -> Result<Vec<u8>, Trouble> {
    let read = machine.read(Path::new(path), LARGEST);
    Ok(read.map_err(Trouble::while_doing("reading the accounts"))?.bytes)
}

/// Returns the accounts that may become root: uid 0, members of the groups that usually may, and
/// those that a rule of sudo names.
///
/// # Errors
/// [`Trouble`] if the accounts cannot be read.
pub fn administrators(machine: &dyn Machine) -> Result<Vec<Account>, Trouble> {
    let groups = read(machine, GROUP).unwrap_or_default();
    let groups = String::from_utf8_lossy(&groups).into_owned();
    let mut gids: Vec<u32> = Vec::new();
    let mut names: Vec<&str> = Vec::new();
    for line in groups.lines() {
        let fields: Vec<&str> = line.split(':').collect();
        let &[group, _password, gid, members] = fields.as_slice() else { continue };
        if ADMINISTRATORS.contains(&group) {
            gids.extend(gid.parse::<u32>());
            names.extend(members.split(',').map(str::trim));
        }
    }
    let ruled = sudo_rules(machine);
    let all = all(machine)?.into_iter();
    let may = |one: &Account| {
        one.uid == 0
            || gids.contains(&one.gid)
            || names.contains(&one.name.as_str())
            || ruled.iter().any(|rule| rule.who.contains(&one.name))
    };
    Ok(all.filter(may).collect())
}

/// Returns whether somebody can log in as an account, as far as the files tell: it has a shell, is
/// not expired, and has a password or a key.
///
/// # Errors
/// [`Trouble`] if they cannot be read.
pub fn can_log_in(machine: &dyn Machine, account: &Account) -> Result<bool, Trouble> {
    let shell = account.shell.rsplit('/').next().unwrap_or_default();
    if NO_SHELLS.contains(&shell) {
        return Ok(false);
    }
    let shadow = read(machine, SHADOW)?;
    let Some(line) = line_of(&shadow, &account.name) else { return Ok(false) };
    let fields: Vec<&[u8]> = line.split(|&byte| byte == b':').collect();
    let today = machine.now().div_euclid(86_400);
    let expires = fields.get(EXPIRE).and_then(|day| std::str::from_utf8(day).ok()?.parse().ok());
    if expires.is_some_and(|day: i64| day <= today) {
        return Ok(false);
    }
    let password = fields.get(PASSWORD).copied().unwrap_or_default();
    let has_password = password.starts_with(b"$") || password.starts_with(b"_");
    let has_key = super::ssh::key_files(machine, account).iter().any(|file| {
        machine.read(&file.path, LARGEST).is_ok_and(|read| {
            let mut lines = read.bytes.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
            lines.any(|line| !line.is_empty() && !line.starts_with(b"#"))
        })
    });
    Ok(has_password || has_key)
}

/// A rule of sudo about one account: where it stands, so that it can be taken out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SudoRule {
    /// The file.
    pub path: std::path::PathBuf,
    /// Its lines, from 1: more than one where it goes on.
    pub lines: Vec<u64>,
    /// The accounts that it names.
    pub who: Vec<String>,
}

/// Returns the rules in `/etc/sudoers` and the drop-ins beside it (sudoers(5)).
pub fn sudo_rules(machine: &dyn Machine) -> Vec<SudoRule> {
    let mut paths = vec![std::path::PathBuf::from("/etc/sudoers")];
    let folder = Path::new("/etc/sudoers.d");
    let listed = machine.list(folder).map(|listing| listing.entries).unwrap_or_default();
    // sudo leaves names with a dot or a tilde at their end alone.
    let counts = |name: &str| !name.contains('.') && !name.ends_with('~');
    let names = listed.iter().filter_map(|entry| entry.name.to_str()).filter(|name| counts(name));
    paths.extend(names.map(|name| folder.join(name)));
    let mut rules = Vec::new();
    for path in paths {
        let Ok(read) = machine.read(&path, files::LONGEST_TEXT) else { continue };
        let text = String::from_utf8_lossy(&read.bytes).into_owned();
        rules.extend(rules_in(&text).into_iter().map(|(lines, who)| SudoRule {
            path: path.clone(),
            lines,
            who,
        }));
    }
    rules
}

/// Returns the rules of a text: their lines and whom they name.
fn rules_in(text: &str) -> Vec<(Vec<u64>, Vec<String>)> {
    const NOT_RULES: [&str; 8] = [
        "Defaults",
        "User_Alias",
        "Runas_Alias",
        "Host_Alias",
        "Cmnd_Alias",
        "Cmd_Alias",
        "@include",
        "@includedir",
    ];
    let mut rules = Vec::new();
    let mut lines = (1_u64..).zip(text.lines());
    while let Some((number, line)) = lines.next() {
        let (mut numbers, mut whole) = (vec![number], line.to_owned());
        while whole.ends_with('\\') {
            whole.pop();
            let Some((number, more)) = lines.next() else { break };
            numbers.push(number);
            whole.push_str(more);
        }
        let whole = whole.trim();
        let first = whole.split_ascii_whitespace().next().unwrap_or_default();
        let is_rule = whole.contains('=')
            && !whole.starts_with('#')
            && !NOT_RULES.iter().any(|word| first.starts_with(word));
        if is_rule {
            // `a, b ALL=(ALL) ALL`: the list of users goes on after a comma.
            let mut list = String::new();
            for word in whole.split_ascii_whitespace() {
                list.push_str(word);
                if !list.ends_with(',') {
                    break;
                }
            }
            rules.push((numbers, list.split(',').map(str::to_owned).collect()));
        }
    }
    rules
}
