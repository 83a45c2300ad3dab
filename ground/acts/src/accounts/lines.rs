//! One line of a file of accounts, changed and given back while all others stay as they are, whoever
//! changed those meanwhile.
//!
//! Source: passwd(5), shadow(5), lckpwdf(3).

use std::path::Path;

use serde::{Deserialize, Serialize};
use stanch_ledger::Vault;
use stanch_machine::{Changing, Known, Machine, Miss, NewFile, Over};
use stanch_words::GapKind;

use super::{LARGEST, read};
use crate::act::Trouble;
use crate::files::{self, Met, State};
use crate::order::{self, Does};

/// Places of a line's fields in `/etc/passwd` and `/etc/shadow`.
pub(crate) const PASSWORD: usize = 1;
pub(crate) const CHANGED: usize = 2;
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
pub(super) fn line_of<'a>(bytes: &'a [u8], name: &str) -> Option<&'a [u8]> {
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

impl Does for Order {
    fn read(act: &'static str, text: &str) -> Result<Self, Trouble> {
        order::read(act, text, |order: &Self| order.v)
    }

    /// Returns the state that matters: the digests of the account's lines, and of no others.
    fn look(&self, machine: &dyn Machine) -> Result<String, Trouble> {
        let mut lines = serde_json::Map::new();
        for edit in &self.edits {
            let bytes = read(machine, &edit.path)?;
            let digest = line_of(&bytes, &self.name).map(files::sha256);
            lines.insert(edit.path.clone(), serde_json::json!(digest));
        }
        Ok(serde_json::Value::Object(lines).to_string())
    }

    /// Changes the account's lines.
    fn apply(&self, hands: &dyn Changing, _act: &'static str) -> Result<(), Trouble> {
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
    fn verify(&self, machine: &dyn Machine) -> Result<Option<String>, Trouble> {
        for edit in &self.edits {
            let bytes = read(machine, &edit.path)?;
            if line_of(&bytes, &self.name).map(files::sha256).as_ref() != Some(&edit.to) {
                return Ok(Some(format!("the line in {} is not as wanted", edit.path)));
            }
        }
        Ok(None)
    }

    /// Gives the account's lines back, and leaves all others as they are by now.
    fn undo(&self, hands: &dyn Changing, _act: &'static str) -> Result<(), Trouble> {
        let _held = self.locked(hands)?;
        for edit in self.edits.iter().rev() {
            let sealed = self.sealed(edit)?;
            let back = |line: &[u8]| self.back(line, edit, &sealed);
            self.rewrite(hands, &edit.path, &edit.to, &edit.from, back)?;
        }
        Ok(())
    }

    /// Returns what an undo would overwrite: changes of the account's own lines since.
    fn overwritten(&self, machine: &dyn Machine) -> Result<Option<String>, Trouble> {
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
}

impl Order {
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
