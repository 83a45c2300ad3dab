//! What becomes of accounts that findings are about.
//!
//! ```text
//!   root's number under another name, a door to a directory ─► its rows go
//!   added, a service's that can log in, in root's group ─► locked, its ways in set aside, ended
//!   misused ─► refused: it is somebody's, and its owner is asked
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use stanch_acts::accounts::{self, Account, aside, rows};
use stanch_acts::edit_file::EditFile;
use stanch_acts::end_sessions::EndSessions;
use stanch_acts::files::Met;
use stanch_acts::lock_account::LockAccount;
use stanch_acts::{Trouble, Vault};
use stanch_machine::Machine;
use stanch_words::{Both, Plan, Refusal, Step, SubjectKind, text};

use crate::Suspect;
use crate::judge::Rank;

/// Signs of an account that should not be, or not be open: it is locked.
pub(crate) const LOCKED: [&str; 3] =
    ["logs.second-root-account", "logs.account-added", "logs.service-account-can-log-in"];
/// The sign of a row that brings in accounts from elsewhere: it goes.
pub(crate) const DOOR: &str = "logs.network-account-line";
/// The sign of a password that anybody has.
pub(crate) const PASSWORD: &str = "logs.empty-or-weak-password";

/// What is planned of accounts.
#[derive(Debug, Default)]
pub(crate) struct Planned {
    /// The steps, in order.
    pub(crate) steps: Vec<(Rank, Step)>,
    /// What locking them does not cover.
    pub(crate) costs: Vec<Both>,
}

/// Plans it. Files that are dealt with already are left alone.
pub(crate) fn plan(
    machine: &dyn Machine,
    suspects: &[Suspect],
    vault: &Vault,
    plan: &mut Plan,
    taken: &BTreeSet<String>,
) -> Result<Planned, Trouble> {
    let mut planned = Planned::default();
    let mut by_name: BTreeMap<&str, Vec<&Suspect>> = BTreeMap::new();
    for suspect in suspects.iter().filter(|one| one.subject.kind == SubjectKind::Account) {
        let name = suspect.subject.name.as_deref().unwrap_or_default();
        by_name.entry(name).or_default().push(suspect);
    }
    if by_name.is_empty() {
        return Ok(planned);
    }
    let all = accounts::all(machine)?;
    let (mut out, mut locked) = (Vec::new(), Vec::new());
    for (name, suspects) in by_name {
        let account = all.iter().find(|one| one.name == name);
        let has = |sign: &str| suspects.iter().any(|one| one.sign == sign);
        let is_bad = LOCKED.iter().any(|sign| has(sign));
        let is_gone = rows::of(machine, rows::FILES[0], name)?.is_empty();
        if is_gone {
            plan.refusals.push(gone(name, &suspects));
        } else if has(DOOR) || is_bad && account.is_some_and(|one| one.uid == 0) {
            match rows::stays(machine, name)? {
                None => out.push(name),
                Some(why) => plan.refusals.push(refusal(name, &suspects, why)),
            }
        } else if let Some(account) = account.filter(|_| is_bad) {
            locked.push(account);
        } else {
            plan.refusals.push(refusal(name, &suspects, not_ours(name, has(PASSWORD))));
        }
    }
    // Rows first: a lock finds its own row wherever it stands by then.
    for step in rows_out(machine, &out, vault, taken)? {
        planned.take(step, plan);
    }
    for account in locked {
        planned.lock(machine, account, vault, plan, taken)?;
    }
    Ok(planned)
}

/// Takes rows out of the files of accounts.
fn rows_out(
    machine: &dyn Machine,
    names: &[&str],
    vault: &Vault,
    taken: &BTreeSet<String>,
) -> Result<Vec<Result<Step, Refusal>>, Trouble> {
    let mut steps = Vec::new();
    for path in rows::FILES.into_iter().filter(|_| !names.is_empty()) {
        let mut lines = Vec::new();
        for name in names {
            lines.extend(rows::of(machine, path, name)?);
        }
        if taken.contains(path) && !lines.is_empty() {
            let names = text::escaped(&names.join(", "));
            steps.push(Err(Refusal {
                asked: Both::new(
                    format!("take the rows of `{names}` out of `{path}`"),
                    format!("从 `{path}` 删除 `{names}` 的行"),
                ),
                why: Both::new(
                    "another step of this plan changes that file: plan once more after it",
                    "本方案另有一步会改动该文件：请在其后重新制定方案",
                ),
            }));
        } else if !lines.is_empty() {
            let met = Met::at(machine, Path::new(path))?;
            steps.push(EditFile::plan(machine, &met, &lines, vault)?);
        }
    }
    Ok(steps)
}

impl Planned {
    fn take(&mut self, step: Result<Step, Refusal>, plan: &mut Plan) {
        match step {
            Ok(step) => self.steps.push((Rank::Account, step)),
            Err(refusal) => plan.refusals.push(refusal),
        }
    }

    /// Locks an account, sets aside what lets it in, and ends its sessions.
    fn lock(
        &mut self,
        machine: &dyn Machine,
        account: &Account,
        vault: &Vault,
        plan: &mut Plan,
        taken: &BTreeSet<String>,
    ) -> Result<(), Trouble> {
        let locked = LockAccount::plan(machine, &account.name, &[], vault)?;
        let is_planned = locked.is_ok();
        self.take(locked, plan);
        if !is_planned {
            return Ok(());
        }
        for step in aside::set_aside(machine, account, vault)? {
            let path = step.as_ref().ok().and_then(|step| step.subject.path.as_ref());
            let is_taken = |path: &String| {
                let mine = self.steps.iter().filter_map(|(_, step)| step.subject.path.as_ref());
                taken.contains(path) || mine.clone().any(|one| one == path)
            };
            if !path.is_some_and(is_taken) {
                self.take(step, plan);
            }
        }
        self.costs.extend(aside::not_covered(machine, account)?);
        if machine.kernel().is_some()
            && let Ok(Some(step)) = EndSessions::plan(machine, &account.name)?
        {
            self.take(Ok(step), plan);
        }
        Ok(())
    }
}

fn gone(name: &str, suspects: &[&Suspect]) -> Refusal {
    let why = Both::new("it is gone by now", "该账户现已不存在");
    refusal(name, suspects, why)
}

/// Returns why an account that was misused is left to its owner.
fn not_ours(name: &str, is_password: bool) -> Both {
    let name = match name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)) {
        true => name,
        false => "NAME",
    };
    if is_password {
        return Both::new(
            format!(
                "the account is somebody's and its password is the matter: `stanch contain apply --rotate-password {name}`"
            ),
            format!("账户属于某人，问题在其密码：`stanch contain apply --rotate-password {name}`"),
        );
    }
    Both::new(
        format!(
            "the finding tells what was done by it, not that it is the intruder's: ask its owner, then `stanch contain apply --lock-account {name}` or `--rotate-password {name}`"
        ),
        format!(
            "该发现说明有人用它做了什么，并不说明账户属于入侵者：请先询问其主人，再执行 `stanch contain apply --lock-account {name}` 或 `--rotate-password {name}`"
        ),
    )
}

fn refusal(name: &str, suspects: &[&Suspect], why: Both) -> Refusal {
    let name = text::escaped(name);
    let signs: BTreeSet<&str> = suspects.iter().map(|one| one.sign.as_str()).collect();
    let signs = signs.into_iter().collect::<Vec<_>>().join(", ");
    Refusal {
        asked: Both::new(
            format!("clear the account `{name}` away ({signs})"),
            format!("清除账户 `{name}`（{signs}）"),
        ),
        why,
    }
}
