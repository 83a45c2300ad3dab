//! Accounts of this machine: `/etc/passwd`, `/etc/shadow`, `/etc/group`, and how one line of them is
//! changed and given back while all others stay as they are, whoever changed those meanwhile.
//!
//! Source: passwd(5), shadow(5), group(5), lckpwdf(3).

use std::path::Path;

use serde::{Deserialize, Serialize};
use stanch_ledger::Vault;
use stanch_machine::{Changing, Known, Machine, Miss, NewFile, Over};
use stanch_words::GapKind;

use crate::act::Trouble;
use crate::files::{self, Met, State};

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

/// Places of a line's fields in `/etc/passwd` and `/etc/shadow`.
pub(crate) const PASSWORD: usize = 1;
pub(crate) const SHELL: usize = 6;
pub(crate) const EXPIRE: usize = 7;

/// One line of one file, from what was met to what is wanted. A password's hash stands here by its
/// digest only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Edit {
    pub(crate) path: String,
    /// SHA-256 of the account's line as met and as wanted.
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) fields: Vec<Field>,
}

/// What becomes of one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Field {
    /// Another word takes its place.
    Word { at: usize, from: String, to: String },
    /// A `!` is put before it: no password fits it any more.
    Shut { at: usize },
    /// What stood there lies in the vault, under its digest.
    Sealed { at: usize, from: String, to: String },
}

/// The order of an act on an account's lines, version 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    pub(crate) v: u32,
    pub(crate) name: String,
    pub(crate) uid: u32,
    /// The folder of the vault, for what is sealed.
    pub(crate) vault: String,
    pub(crate) edits: Vec<Edit>,
}

/// Returns an edit of an account's line; none if the file has no such line.
pub(crate) fn edit(
    machine: &dyn Machine,
    path: &str,
    name: &str,
    fields: Vec<Field>,
) -> Result<Option<Edit>, Trouble> {
    let bytes = read(machine, path)?;
    let Some(line) = line_of(&bytes, name) else { return Ok(None) };
    let to = there(line, &fields).ok_or_else(|| another("the line has fewer fields"))?;
    let (from, to) = (files::sha256(line), files::sha256(&to));
    Ok(Some(Edit { path: path.to_owned(), from, to, fields }))
}

/// Returns the word in a field of an account's line.
pub(crate) fn word(
    machine: &dyn Machine,
    path: &str,
    name: &str,
    at: usize,
) -> Result<Option<String>, Trouble> {
    let bytes = read(machine, path)?;
    let line = line_of(&bytes, name).unwrap_or_default();
    let field = line.split(|&byte| byte == b':').nth(at);
    Ok(field.map(|field| String::from_utf8_lossy(field).into_owned()))
}

/// Returns an account's line, without its end.
fn line_of<'a>(bytes: &'a [u8], name: &str) -> Option<&'a [u8]> {
    bytes.split(|&byte| byte == b'\n').find(|line| is_of(line, name))
}

fn is_of(line: &[u8], name: &str) -> bool {
    line.strip_prefix(name.as_bytes()).is_some_and(|rest| rest.starts_with(b":"))
}

/// Returns a line with its fields changed.
fn there(line: &[u8], fields: &[Field]) -> Option<Vec<u8>> {
    let mut parts: Vec<Vec<u8>> = line.split(|&byte| byte == b':').map(<[u8]>::to_vec).collect();
    for field in fields {
        match field {
            Field::Word { at, to, .. } | Field::Sealed { at, to, .. } => {
                *parts.get_mut(*at)? = to.clone().into_bytes();
            }
            Field::Shut { at } => parts.get_mut(*at)?.insert(0, b'!'),
        }
    }
    Some(parts.join(&b':'))
}

impl Order {
    /// Reads an order.
    pub(crate) fn read(act: &'static str, text: &str) -> Result<Self, Trouble> {
        let bad = |why: String| Trouble::Order { act, why };
        let order: Self = serde_json::from_str(text).map_err(|error| bad(error.to_string()))?;
        match order.v {
            1 => Ok(order),
            other => Err(bad(format!("version {other} is newer than this program"))),
        }
    }

    /// Returns it as a text.
    pub(crate) fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Returns the state that matters: the digests of the account's lines, and of no others.
    pub(crate) fn look(&self, machine: &dyn Machine) -> Result<String, Trouble> {
        let mut lines = serde_json::Map::new();
        for edit in &self.edits {
            let bytes = read(machine, &edit.path)?;
            let digest = line_of(&bytes, &self.name).map(files::sha256);
            lines.insert(edit.path.clone(), serde_json::json!(digest));
        }
        Ok(serde_json::Value::Object(lines).to_string())
    }

    /// Changes the account's lines.
    pub(crate) fn apply(&self, hands: &dyn Changing) -> Result<(), Trouble> {
        let _held = self.locked(hands)?;
        for edit in &self.edits {
            self.seal(hands.machine(), edit)?;
            self.rewrite(hands, &edit.path, &edit.from, &edit.to, |line| {
                there(line, &edit.fields)
            })?;
        }
        Ok(())
    }

    /// Returns what is missing for it to be done.
    pub(crate) fn verify(&self, machine: &dyn Machine) -> Result<Option<String>, Trouble> {
        for edit in &self.edits {
            let bytes = read(machine, &edit.path)?;
            if line_of(&bytes, &self.name).map(files::sha256).as_ref() != Some(&edit.to) {
                return Ok(Some(format!("the line in {} is not as wanted", edit.path)));
            }
        }
        Ok(None)
    }

    /// Gives the account's lines back, and leaves all others as they are by now.
    pub(crate) fn undo(&self, hands: &dyn Changing) -> Result<(), Trouble> {
        let _held = self.locked(hands)?;
        for edit in self.edits.iter().rev() {
            let sealed = self.sealed(edit)?;
            let back = |line: &[u8]| self.back(line, edit, &sealed);
            self.rewrite(hands, &edit.path, &edit.to, &edit.from, back)?;
        }
        Ok(())
    }

    /// Returns what an undo would overwrite: changes of the account's own lines since.
    pub(crate) fn overwritten(&self, machine: &dyn Machine) -> Result<Option<String>, Trouble> {
        let mut told = Vec::new();
        for edit in &self.edits {
            let bytes = read(machine, &edit.path)?;
            let Some(line) = line_of(&bytes, &self.name) else {
                told.push(format!("{}: the account's line is gone", edit.path));
                continue;
            };
            let now = files::sha256(line);
            if now == edit.to || now == edit.from {
                continue;
            }
            told.push(format!("{}: {}", edit.path, changed(line, edit)));
        }
        Ok((!told.is_empty()).then(|| told.join("\n")))
    }

    fn locked(&self, hands: &dyn Changing) -> Result<stanch_machine::AccountsLock, Trouble> {
        hands.lock_accounts().map_err(Trouble::while_doing("locking the files of accounts"))
    }

    fn vault(&self) -> Vault {
        Vault::at(&self.vault)
    }

    /// Puts what is to be sealed into the vault, before it is gone.
    fn seal(&self, machine: &dyn Machine, edit: &Edit) -> Result<(), Trouble> {
        use std::io::Write as _;
        for field in &edit.fields {
            let Field::Sealed { at, from, .. } = field else { continue };
            let vault = self.vault();
            let word = word(machine, &edit.path, &self.name, *at)?.unwrap_or_default();
            if vault.has(from) || files::sha256(word.as_bytes()) != *from {
                continue;
            }
            let failed = |source| Trouble::Vault { source };
            let mut keep = vault.keep(from).map_err(failed)?;
            keep.write_all(word.as_bytes()).map_err(|source| Trouble::Writing { source })?;
            keep.finish().map_err(failed)?;
        }
        Ok(())
    }

    /// Returns what was sealed, in the order of the fields.
    fn sealed(&self, edit: &Edit) -> Result<Vec<(usize, String)>, Trouble> {
        use std::io::Read as _;
        let mut words = Vec::new();
        for field in &edit.fields {
            let Field::Sealed { at, from, .. } = field else { continue };
            let mut word = String::new();
            let kept = self.vault().open(from).map_err(|source| Trouble::Vault { source })?;
            let read = kept.take(LARGEST).read_to_string(&mut word);
            read.map_err(|source| Trouble::Writing { source })?;
            words.push((*at, word));
        }
        Ok(words)
    }

    fn back(&self, line: &[u8], edit: &Edit, sealed: &[(usize, String)]) -> Option<Vec<u8>> {
        let mut parts: Vec<Vec<u8>> =
            line.split(|&byte| byte == b':').map(<[u8]>::to_vec).collect();
        for field in &edit.fields {
            match field {
                Field::Word { at, from, .. } => {
                    *parts.get_mut(*at)? = from.clone().into_bytes();
                }
                Field::Shut { at } => {
                    let part = parts.get_mut(*at)?;
                    *part = part.strip_prefix(b"!")?.to_vec();
                }
                Field::Sealed { at, .. } => {
                    let word = sealed.iter().find(|(place, _)| place == at)?;
                    *parts.get_mut(*at)? = word.1.clone().into_bytes();
                }
            }
        }
        Some(parts.join(&b':'))
    }

    /// Replaces the file in one step by one with that line changed. Where the line is as wanted
    /// already, nothing is done.
    fn rewrite(
        &self,
        hands: &dyn Changing,
        path: &str,
        from: &str,
        to: &str,
        change: impl Fn(&[u8]) -> Option<Vec<u8>>,
    ) -> Result<(), Trouble> {
        let machine = hands.machine();
        let met = Met::at(machine, Path::new(path))?;
        let bytes = read(machine, path)?;
        let line = line_of(&bytes, &self.name).ok_or_else(|| another("its line is gone"))?;
        if files::sha256(line) == to {
            return Ok(());
        }
        let (State::File(whole), Some(stat)) = (&met.seen.state, met.seen.stat) else {
            return Err(another("it is no regular file"));
        };
        if files::sha256(line) != from || whole.sha256 != files::sha256(&bytes) {
            return Err(another("its line is not as the plan met it"));
        }
        let new = change(line).filter(|line| files::sha256(line) == to);
        let new = new.ok_or_else(|| another("its line cannot be made what is wanted"))?;
        let mut lines: Vec<&[u8]> = bytes.split(|&byte| byte == b'\n').collect();
        for place in lines.iter_mut().filter(|place| is_of(place, &self.name)).take(1) {
            *place = &new;
        }
        let mut content = std::io::Cursor::new(lines.join(&b'\n'));
        let dress = stanch_machine::Dress { times: None, ..whole.dress(stat.accessed) };
        let mut file = NewFile { content: &mut content, dress };
        let done = hands.files().put(&met.path, &mut file, Over::Known(Known::of(&stat)));
        done.map_err(Trouble::while_doing("rewriting a file of accounts"))
    }
}

/// Returns which fields of a line are not as the act left them. Passwords are not shown.
fn changed(line: &[u8], edit: &Edit) -> String {
    let parts: Vec<&[u8]> = line.split(|&byte| byte == b':').collect();
    let mut told = Vec::new();
    for field in &edit.fields {
        match field {
            Field::Word { at, to, .. } => {
                let now = parts.get(*at).copied().unwrap_or_default();
                if now != to.as_bytes() {
                    let now = stanch_words::text::from_bytes(now);
                    told.push(format!("field {}: `{to}` by us, `{now}` now", at.saturating_add(1)));
                }
            }
            Field::Shut { at } | Field::Sealed { at, .. } => {
                let now = parts.get(*at).copied().unwrap_or_default();
                let is_ours = match field {
                    Field::Sealed { to, .. } => now == to.as_bytes(),
                    _ => now.starts_with(b"!"),
                };
                if !is_ours {
                    told.push(format!("field {}: another password was set", at.saturating_add(1)));
                }
            }
        }
    }
    if told.is_empty() { "another field was changed".to_owned() } else { told.join("; ") }
}

fn another(why: &str) -> Trouble {
    let source = Miss::new(GapKind::Changed, why, Path::new(""));
    Trouble::Machine { doing: "the account is not as it was met", source }
}
