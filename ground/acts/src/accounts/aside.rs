//! What lets an account in beside its password, or acts for it: keys, crontabs, jobs of `at`,
//! lingering, rules of sudo. Each is an act on a file, so that it comes back by itself.

use std::path::{Path, PathBuf};

use stanch_ledger::Vault;
use stanch_machine::{FileKind, Machine};
use stanch_words::{Both, Refusal, Step, text};

use super::{Account, all, sudo_rules};
use crate::act::Trouble;
use crate::edit_file::EditFile;
use crate::files::Met;
use crate::quarantine_file::QuarantineFile;
use crate::ssh;

/// Where crontabs of accounts lie, by distribution: Debian, Red Hat, SUSE.
const CRONTABS: [&str; 3] = ["/var/spool/cron/crontabs", "/var/spool/cron", "/var/spool/cron/tabs"];
/// Where jobs of `at` lie.
const JOBS: [&str; 3] = ["/var/spool/cron/atjobs", "/var/spool/at", "/var/spool/atjobs"];
/// Names the accounts whose services run while nobody is logged in (loginctl(1), `enable-linger`).
const LINGER: &str = "/var/lib/systemd/linger";

/// Plans to set aside what lets an account in, or acts for it, beside its password.
///
/// # Errors
/// [`Trouble`] if it cannot be told.
pub fn set_aside(
    machine: &dyn Machine,
    account: &Account,
    vault: &Vault,
) -> Result<Vec<Result<Step, Refusal>>, Trouble> {
    let mut steps = Vec::new();
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
            steps.push(QuarantineFile::plan(&met, vault));
        }
    }
    let mut files: Vec<(PathBuf, Vec<u64>)> = Vec::new();
    for rule in sudo_rules(machine) {
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
        steps.push(EditFile::plan(machine, &met, &lines, vault)?);
    }
    Ok(steps)
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
///
/// # Errors
/// [`Trouble`] if the accounts cannot be read.
pub fn not_covered(machine: &dyn Machine, account: &Account) -> Result<Vec<Both>, Trouble> {
    let name = text::escaped(&account.name);
    let mut told = Vec::new();
    for file in ssh::key_files(machine, account).iter().filter(|file| file.is_shared) {
        let path = text::escaped(&file.path.to_string_lossy());
        told.push(Both::new(
            format!("Not covered: `{path}` holds keys of other accounts too, and stays."),
            format!("未覆盖：`{path}` 也含其他账户的密钥，予以保留。"),
        ));
    }
    for rule in sudo_rules(machine) {
        if rule.who.len() > 1 && rule.who.contains(&account.name) {
            let path = text::escaped(&rule.path.to_string_lossy());
            told.push(Both::new(
                format!("Not covered: a rule of sudo in `{path}` names others beside `{name}`, and stays."),
                format!("未覆盖：`{path}` 中的一条 sudo 规则除 `{name}` 外还涉及他人，予以保留。"),
            ));
        }
    }
    let twins = all(machine)?;
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
        let account = all(&machine).unwrap().remove(0);
        let steps = set_aside(&machine, &account, &Vault::at("/case/vault")).unwrap();
        let steps: Vec<Step> = steps.into_iter().map(Result::unwrap).collect();
        let done: Vec<(&str, &str)> = steps
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
            not_covered(&machine, &account).unwrap().into_iter().map(|cost| cost.en).collect();
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told[0].contains("/etc/keys/all"), "{told:?}");
        assert!(told[1].contains("/etc/sudoers"), "{told:?}");
        assert!(told[2].contains("mallory"), "{told:?}");
    }
}
