//! 账户: locks accounts with all that lets them in, and ends their sessions.

use std::path::{Path, PathBuf};

use stanch_acts::accounts::{self, Account};
use stanch_acts::edit_file::EditFile;
use stanch_acts::end_sessions::EndSessions;
use stanch_acts::files::Met;
use stanch_acts::lock_account::LockAccount;
use stanch_acts::quarantine_file::QuarantineFile;
use stanch_acts::rotate_password::RotatePassword;
use stanch_acts::{Trouble, Vault, ssh};
use stanch_machine::{FileKind, Machine};
use stanch_words::{Both, Plan, text};

use crate::{Wish, take};

/// Where crontabs of accounts lie, by distribution: Debian, Red Hat, SUSE.
const CRONTABS: [&str; 3] = ["/var/spool/cron/crontabs", "/var/spool/cron", "/var/spool/cron/tabs"];
/// Where jobs of `at` lie.
const JOBS: [&str; 3] = ["/var/spool/cron/atjobs", "/var/spool/at", "/var/spool/atjobs"];
/// Names the accounts whose services run while nobody is logged in (loginctl(1), `enable-linger`).
const LINGER: &str = "/var/lib/systemd/linger";

/// Plans it: an account is locked before its sessions end, so that it does not come back.
pub(crate) fn plan(machine: &dyn Machine, wish: &Wish, plan: &mut Plan) -> Result<(), Trouble> {
    for name in &wish.lock_accounts {
        let locked = LockAccount::plan(machine, name, &wish.consents, &wish.vault)?;
        let is_planned = locked.is_ok();
        take(plan, locked);
        let account = accounts::all(machine)?.into_iter().find(|one| one.name == *name);
        if let Some(account) = account.filter(|_| is_planned) {
            set_aside(machine, &account, &wish.vault, plan)?;
            plan.costs.extend(costs(machine, &account)?);
        }
    }
    for new in &wish.new_passwords {
        take(plan, RotatePassword::plan(machine, new, &wish.vault)?);
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

fn none(name: &str) -> Both {
    let name = text::escaped(name);
    Both::new(
        format!("`{name}` has no sessions that would end."),
        format!("`{name}` 没有会被结束的会话。"),
    )
}

/// Sets aside what lets an account in, or acts for it, beside its password.
fn set_aside(
    machine: &dyn Machine,
    account: &Account,
    vault: &Vault,
    plan: &mut Plan,
) -> Result<(), Trouble> {
    let name = &account.name;
    let keys = ssh::key_files(machine, account).into_iter();
    let mut paths: Vec<PathBuf> =
        keys.filter(|file| !file.is_shared).map(|file| file.path).collect();
    paths.extend(CRONTABS.map(|folder| Path::new(folder).join(name)));
    paths.extend(JOBS.iter().flat_map(|folder| owned(machine, Path::new(folder), account.uid)));
    paths.push(Path::new(LINGER).join(name));
    let mut taken: Vec<PathBuf> = Vec::new();
    for path in paths {
        let met = Met::at(machine, &path)?;
        let is_file = machine
            .lstat(&met.path)
            .is_ok_and(|stat| matches!(stat.kind(), FileKind::Regular | FileKind::Symlink));
        if is_file && !taken.contains(&met.path) {
            taken.push(met.path.clone());
            take(plan, QuarantineFile::plan(&met, vault));
        }
    }
    let mut files: Vec<(PathBuf, Vec<u64>)> = Vec::new();
    for rule in accounts::sudo_rules(machine) {
        // One that names others too is theirs as well: it stays, and the costs say so.
        if rule.who != [name.clone()] {
            continue;
        }
        match files.iter_mut().find(|(path, _)| *path == rule.path) {
            Some((_, lines)) => lines.extend(rule.lines),
            None => files.push((rule.path, rule.lines)),
        }
    }
    for (path, lines) in files {
        let met = Met::at(machine, &path)?;
        take(plan, EditFile::plan(machine, &met, &lines, vault)?);
    }
    Ok(())
}

/// Returns the regular files in a folder that belong to a uid.
fn owned(machine: &dyn Machine, folder: &Path, uid: u32) -> Vec<PathBuf> {
    let listed = machine.list(folder).map(|listing| listing.entries).unwrap_or_default();
    let paths = listed.into_iter().map(|entry| folder.join(entry.name));
    let is_theirs = |path: &PathBuf| {
        machine.lstat(path).is_ok_and(|stat| stat.kind() == FileKind::Regular && stat.uid == uid)
    };
    paths.filter(is_theirs).collect()
}

/// Returns what locking an account does not cover.
fn costs(machine: &dyn Machine, account: &Account) -> Result<Vec<Both>, Trouble> {
    let name = text::escaped(&account.name);
    let mut told = Vec::new();
    for file in ssh::key_files(machine, account).iter().filter(|file| file.is_shared) {
        let path = text::escaped(&file.path.to_string_lossy());
        told.push(Both::new(
            format!("Not covered: `{path}` holds keys of other accounts too, and stays."),
            format!("未覆盖：`{path}` 也含其他账户的密钥，予以保留。"),
        ));
    }
    for rule in accounts::sudo_rules(machine) {
        if rule.who.len() > 1 && rule.who.contains(&account.name) {
            let path = text::escaped(&rule.path.to_string_lossy());
            told.push(Both::new(
                format!("Not covered: a rule of sudo in `{path}` names others beside `{name}`, and stays."),
                format!("未覆盖：`{path}` 中的一条 sudo 规则除 `{name}` 外还涉及他人，予以保留。"),
            ));
        }
    }
    let twins = accounts::all(machine)?;
    let twins: Vec<String> = twins
        .iter()
        .filter(|one| one.uid == account.uid && one.name != account.name)
        .map(|one| text::escaped(&one.name))
        .collect();
    if !twins.is_empty() {
        let twins = twins.join(", ");
        told.push(Both::new(
            format!("Not covered: `{twins}` has the same uid and is not locked."),
            format!("未覆盖：`{twins}` 与其 uid 相同，未被锁定。"),
        ));
    }
    Ok(told)
}

#[cfg(test)]
mod tests {
    use super::*;
    use stanch_machine::Pretend;
    use stanch_words::Phase;

    fn plan() -> Plan {
        Plan {
            id: String::new(),
            phase: Phase::Contain,
            steps: Vec::new(),
            refusals: Vec::new(),
            costs: Vec::new(),
        }
    }

    #[test]
    fn what_lets_an_account_in_is_set_aside_and_what_is_others_too_is_said() {
        let machine = Pretend::new()
            .file(
                "/etc/passwd",
                "eve:x:1001:1001::/home/eve:/bin/bash\nmallory:x:1001:1001::/:/bin/sh\n",
            )
            .file("/etc/ssh/sshd_config", "Include conf.d/*.conf\n")
            .file("/etc/ssh/conf.d/a.conf", "AuthorizedKeysFile /etc/keys/%u /etc/keys/all\n")
            .file("/home/eve/.ssh/authorized_keys", "ssh-ed25519 AAAA a\n")
            .file("/etc/keys/eve", "ssh-ed25519 AAAA b\n")
            .file("/etc/keys/all", "ssh-ed25519 AAAA c\n")
            .file("/var/spool/cron/crontabs/eve", "* * * * * /tmp/x\n")
            .file("/var/spool/cron/atjobs/a00001", "#!/bin/sh\n")
            .with("/var/spool/cron/atjobs/a00001", |stat| stat.uid = 1001)
            .file("/var/spool/cron/atjobs/a00002", "#!/bin/sh\n")
            .file("/var/lib/systemd/linger/eve", "")
            .file("/etc/sudoers", "Defaults x\neve, bob ALL=(ALL) ALL\n")
            .file("/etc/sudoers.d/90-eve", "# ours\neve ALL=(ALL) \\\n  NOPASSWD: ALL\n");
        let account = accounts::all(&machine).unwrap().remove(0);
        let mut plan = plan();
        set_aside(&machine, &account, &Vault::at("/case/vault"), &mut plan).unwrap();
        assert_eq!(plan.refusals, []);
        let done: Vec<(&str, &str)> = plan
            .steps
            .iter()
            .map(|step| (step.act.as_str(), step.subject.path.as_deref().unwrap()))
            .collect();
        assert_eq!(
            done,
            [
                ("quarantine_file", "/home/eve/.ssh/authorized_keys"),
                ("quarantine_file", "/etc/keys/eve"),
                ("quarantine_file", "/var/spool/cron/crontabs/eve"),
                ("quarantine_file", "/var/spool/cron/atjobs/a00001"),
                ("quarantine_file", "/var/lib/systemd/linger/eve"),
                ("edit_file", "/etc/sudoers.d/90-eve"),
            ]
        );
        let told: Vec<String> =
            costs(&machine, &account).unwrap().into_iter().map(|cost| cost.en).collect();
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told[0].contains("/etc/keys/all"), "{told:?}");
        assert!(told[1].contains("/etc/sudoers"), "{told:?}");
        assert!(told[2].contains("mallory"), "{told:?}");
    }
}
