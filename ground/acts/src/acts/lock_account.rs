//! Locks an account: its password fits no more, it is expired, and it has no shell.
//!
//! A locked password alone lets keys in where sshd asks PAM (`UsePAM yes`, M29); an account that has
//! expired is let in by neither (M30). Each file is rewritten in one step, under the lock that the
//! machine's own tools keep to, and only the account's own line: undoing puts that line back and
//! leaves what others changed since. What lets it in by other ways (keys, cron, at, lingering,
//! sudo's rules) are acts on files, planned beside this one.

use std::collections::BTreeSet;

use stanch_ledger::Vault;
use stanch_machine::Machine;
use stanch_words::{Both, Refusal, Risk, Step, Subject, SubjectKind, Undo, text};

use crate::accounts::lines::{self, EXPIRE, Edit, Field, Order, PASSWORD, SHELL};
use crate::accounts::{self, Account, PASSWD, SHADOW};
use crate::act::Trouble;
use crate::freezing::own_chain;
use crate::order::{self, Does as _, Ordered};
use crate::processes;

/// Shells that let nobody in, the first that is there.
const NO_SHELLS: [&str; 4] = ["/usr/sbin/nologin", "/sbin/nologin", "/usr/bin/false", "/bin/false"];
/// The day on which it expired: the second of 1970, since 0 is "never" to some (shadow(5)).
const EXPIRED: &str = "1";

/// Locks an account.
#[derive(Debug)]
pub struct LockAccount;

impl LockAccount {
    /// The act's name.
    pub const NAME: &'static str = "lock_account";

    /// Plans it. Nothing is touched. `consents` are the names of accounts that the responder typed,
    /// knowing that he came in by them.
    ///
    /// # Errors
    /// [`Trouble`] if the accounts or the responder's own cannot be told.
    pub fn plan(
        machine: &dyn Machine,
        name: &str,
        consents: &[String],
        vault: &Vault,
    ) -> Result<Result<Step, Refusal>, Trouble> {
        let shown = text::escaped(name);
        let asked = Both::new(format!("lock the account `{shown}`"), format!("锁定账户 `{shown}`"));
        let refuse = |why: Both| Ok(Err(Refusal { asked: asked.clone(), why }));
        let account = match found(machine, name)? {
            Ok(account) => account,
            Err(why) => return refuse(why),
        };
        if let Some(why) = keeps_the_responder_out(machine, &account, consents)? {
            return refuse(why);
        }
        let edits = match edits(machine, &account)? {
            Ok(edits) => edits,
            Err(why) => return refuse(why),
        };
        let administrators = accounts::administrators(machine)?;
        let is_administrator = administrators.iter().any(|one| one.name == name);
        let is_own = own(machine)?.contains(&account.uid);
        let order = Order {
            v: 1,
            name: name.to_owned(),
            uid: account.uid,
            vault: vault.folder().to_string_lossy().into_owned(),
            edits,
        };
        let mut subject = Subject::new(SubjectKind::Account);
        subject.name = Some(name.to_owned());
        Ok(Ok(Step {
            id: String::new(),
            act: Self::NAME.to_owned(),
            subject,
            does: Both::new(
                format!(
                    "Locks the account `{shown}`: its password fits no more, it is expired, and it has no shell."
                ),
                format!("锁定账户 `{shown}`：密码失效、账户过期、禁用登录 shell。"),
            ),
            undo: Undo::Possible,
            risk: if is_own || is_administrator { Risk::LockOut } else { Risk::Service },
            met: order.look(machine)?,
            order: order::text(&order),
        }))
    }
}

/// Returns the account of that name, or why none can be changed.
pub(crate) fn found(machine: &dyn Machine, name: &str) -> Result<Result<Account, Both>, Trouble> {
    let all = accounts::all(machine)?;
    Ok(all.into_iter().find(|one| one.name == name).ok_or_else(|| {
        Both::new(
            "it is not in `/etc/passwd`; if it comes from a directory (LDAP, SSSD), lock it there",
            "它不在 `/etc/passwd` 中；若来自目录服务（LDAP、SSSD），请在那里锁定",
        )
    }))
}

/// Returns the uids that this session came in as: who logged in, and who else is above us.
pub(crate) fn own(machine: &dyn Machine) -> Result<BTreeSet<u32>, Trouble> {
    let mut uids: BTreeSet<u32> = processes::login_of(machine, "self").into_iter().collect();
    for pid in own_chain(machine)? {
        uids.extend(processes::uids_of(machine, pid).into_iter().filter(|&uid| uid != 0));
        uids.extend(processes::login_of(machine, &pid.to_string()));
    }
    // Nobody but root is above us: it is as root that we came.
    if uids.is_empty() {
        uids.insert(0);
    }
    Ok(uids)
}

/// Returns why locking an account would lock the responder out, if it would.
fn keeps_the_responder_out(
    machine: &dyn Machine,
    account: &Account,
    consents: &[String],
) -> Result<Option<Both>, Trouble> {
    let own = own(machine)?;
    let name = text::escaped(&account.name);
    if own.contains(&account.uid) && !consents.contains(&account.name) {
        return Ok(Some(Both::new(
            format!("you came in by it; if you have another way in, add `--consent {name}`"),
            format!("您正是以此账户登录；若另有登录途径，请加上 `--consent {name}`"),
        )));
    }
    let administrators = accounts::administrators(machine)?;
    if !administrators.iter().any(|one| one.name == account.name) {
        return Ok(None);
    }
    for other in administrators.iter().filter(|one| one.uid != account.uid) {
        // Who came in by it and works as root has proven it; of others the files tell.
        if own.contains(&other.uid) || accounts::can_log_in(machine, other)? {
            return Ok(None);
        }
    }
    Ok(Some(Both::new(
        "it is the last account that can come in and become root; make another first",
        "它是最后一个能登录并成为 root 的账户；请先另建一个",
    )))
}

/// Returns what becomes of its lines, or why nothing can.
fn edits(machine: &dyn Machine, account: &Account) -> Result<Result<Vec<Edit>, Both>, Trouble> {
    let name = account.name.as_str();
    let mut edits = Vec::new();
    let expire = lines::word(machine, SHADOW, name, EXPIRE)?.unwrap_or_default();
    let password = lines::word(machine, SHADOW, name, PASSWORD)?;
    let is_locked = password.is_none_or(|word| word.starts_with('!')) && expire == EXPIRED;
    let fields = vec![
        Field::Shut { at: PASSWORD },
        Field::Word { at: EXPIRE, from: expire, to: EXPIRED.to_owned() },
    ];
    let shadow = lines::edit(machine, SHADOW, name, fields)?;
    let there = |path: &&&str| machine.stat(std::path::Path::new(path)).is_ok();
    let Some(shell) = NO_SHELLS.iter().find(there) else {
        return Ok(Err(Both::new("the machine has no `nologin`", "系统中没有 `nologin`")));
    };
    let to = (*shell).to_owned();
    let shell = Field::Word { at: SHELL, from: account.shell.clone(), to };
    let mut fields = vec![shell];
    if shadow.is_none() {
        // Its password stands in `/etc/passwd` itself, or it has none.
        fields.push(Field::Shut { at: PASSWORD });
    }
    edits.extend(shadow);
    edits.extend(lines::edit(machine, PASSWD, name, fields)?);
    if is_locked && edits.iter().all(|edit| edit.path == SHADOW || edit.from == edit.to) {
        return Ok(Err(Both::new("it is locked already", "它已被锁定")));
    }
    Ok(Ok(edits))
}

impl Ordered for LockAccount {
    const ACT: &'static str = Self::NAME;
    type Order = Order;
}
