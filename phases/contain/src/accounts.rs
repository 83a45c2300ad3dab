//! 账户: locks accounts with all that lets them in, and ends their sessions.

use stanch_acts::Trouble;
use stanch_acts::accounts::{self, aside};
use stanch_acts::end_sessions::EndSessions;
use stanch_acts::lock_account::LockAccount;
use stanch_acts::replace_host_key::ReplaceHostKey;
use stanch_acts::rotate_password::RotatePassword;
use stanch_machine::Machine;
use stanch_words::{Both, Plan, text};

use crate::{Wish, take};

/// Plans it: an account is locked before its sessions end, so that it does not come back.
pub(crate) fn plan(machine: &dyn Machine, wish: &Wish, plan: &mut Plan) -> Result<(), Trouble> {
    for name in &wish.lock_accounts {
        let locked = LockAccount::plan(machine, name, &wish.consents, &wish.vault)?;
        let is_planned = locked.is_ok();
        take(plan, locked);
        let account = accounts::all(machine)?.into_iter().find(|one| one.name == *name);
        if let Some(account) = account.filter(|_| is_planned) {
            for step in aside::set_aside(machine, &account, &wish.vault)? {
                take(plan, step);
            }
            plan.costs.extend(aside::not_covered(machine, &account)?);
        }
    }
    for new in &wish.new_passwords {
        take(plan, RotatePassword::plan(machine, new, &wish.vault)?);
    }
    if let Some(new) = &wish.new_host_key {
        for step in ReplaceHostKey::plan(machine, new, &wish.vault)? {
            take(plan, step);
        }
        plan.costs.push(shown_anew(new.fingerprint()));
    }
    let both = wish.lock_accounts.iter().chain(&wish.end_sessions);
    let mut names: Vec<&String> = both.collect();
    names.dedup();
    for name in names {
        match EndSessions::plan(machine, name)? {
            Ok(None) => plan.costs.push(none(name)),
            Ok(Some(step)) => take(plan, Ok(step)),
            // Said already, if it was to be locked.
            Err(_) if wish.lock_accounts.contains(name) => {}
            Err(refusal) => take(plan, Err(refusal)),
        }
    }
    Ok(())
}

/// Returns what a new key of the machine means to those who come in.
fn shown_anew(fingerprint: &str) -> Both {
    Both::new(
        format!(
            "sshd goes on with the old keys until `sshd -t && systemctl reload ssh` (`sshd` on Red Hat). Then every client warns, and should be shown {fingerprint}; whoever connects by a script needs the new key in `known_hosts`. A host certificate has to be issued anew."
        ),
        format!(
            "在执行 `sshd -t && systemctl reload ssh`（红帽系为 `sshd`）之前，sshd 仍用旧密钥。此后每个客户端都会告警，应显示 {fingerprint}；用脚本连接的一方须更新 `known_hosts`。主机证书须重新签发。"
        ),
    )
}

fn none(name: &str) -> Both {
    let name = text::escaped(name);
    Both::new(
        format!("`{name}` has no sessions that would end."),
        format!("`{name}` 没有会被结束的会话。"),
    )
}
