//! Locking an account on a victim with a real sshd that asks PAM: it does not come in by its key any
//! more, its sessions end with all that was started in them, and undoing gives it back.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use stanch_range::{Ran, Victim, debian, possible};

const RESPONDER: &str = "10.77.0.9";
const CLIENT: &str = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
    -o ConnectTimeout=3 -o LogLevel=ERROR -o BatchMode=yes";
const STANCH: &str = "/run/range/stanch --case /run/range/case";

/// What the accounts and services of a machine stand in.
const KEPT: [&str; 12] = [
    "/etc/passwd",
    "/etc/shadow",
    "/etc/group",
    "/etc/gshadow",
    "/etc/sudoers",
    "/etc/sudoers.d",
    "/etc/ssh",
    "/etc/pam.d",
    "/etc/crontab",
    "/etc/cron.d",
    "/etc/systemd",
    "/var/spool/cron",
];

/// Returns the content of all these on the machine that the range runs on.
fn outer() -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut left: Vec<std::path::PathBuf> = KEPT.iter().map(Into::into).collect();
    while let Some(path) = left.pop() {
        let Ok(stat) = path.symlink_metadata() else { continue };
        if stat.is_dir() {
            left.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if stat.is_file() {
            found.push((path.clone(), std::fs::read(&path).unwrap()));
        } else if stat.is_symlink() {
            let target = std::fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes();
            found.push((path, target));
        }
    }
    found.sort();
    found
}

/// Returns the victim's, with owners, modes and times.
fn inner(victim: &Victim) -> String {
    let script = format!(
        "find {} /home/deploy/.ssh /var/lib/systemd/linger ! -type d \
         -printf '%p %m %u %g %T@ %l ' -exec sha256sum {{}} \\; | sort",
        KEPT.join(" ")
    );
    victim.shell(&script).unwrap()
}

/// As [`inner`], without the times of the files of accounts: a line that is given back is a file
/// anew.
fn content(told: &str) -> Vec<String> {
    let without_time = |line: &str| {
        let mut words: Vec<&str> = line.split(' ').collect();
        if ["/etc/passwd", "/etc/shadow"].iter().any(|path| words.first() == Some(path)) {
            words.remove(4);
        }
        words.join(" ")
    };
    told.lines().map(without_time).collect()
}

/// A victim with an account `deploy` that has whatever lets an account in, and a responder who may
/// come in as root.
fn victim() -> Victim {
    let victim = Victim::boot(&debian().unwrap()).unwrap();
    victim.add_peer_address(&format!("{RESPONDER}/32")).unwrap();
    victim
        .shell(
            "for who in root deploy; do
                 ssh-keygen -q -t ed25519 -N '' -f /run/range/$who
             done
             useradd -m -s /bin/bash deploy; useradd -m -s /bin/bash other
             echo 'deploy:first' | chpasswd; echo 'other:first' | chpasswd
             mkdir -p /root/.ssh; cat /run/range/root.pub > /root/.ssh/authorized_keys
             chmod -R go= /root/.ssh
             mkdir -p ~deploy/.ssh /etc/keys
             cat /run/range/deploy.pub > ~deploy/.ssh/authorized_keys
             cat /run/range/deploy.pub > /etc/keys/deploy
             echo 'AuthorizedKeysFile .ssh/authorized_keys /etc/keys/%u' \
                 > /etc/ssh/sshd_config.d/keys.conf
             chown -R deploy: ~deploy/.ssh; chmod -R go= ~deploy/.ssh
             echo 'deploy ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/90-deploy
             chmod 440 /etc/sudoers.d/90-deploy
             echo '* * * * * true' | crontab -u deploy -
             mkdir -p /var/lib/systemd/linger; : > /var/lib/systemd/linger/deploy
             kill -HUP $(cat /run/sshd.pid); sleep 0.5",
        )
        .unwrap();
    victim
}

/// Logs in from an address of the peer and runs something there.
fn from(victim: &Victim, address: &str, who: &str, command: &str) -> Ran {
    let key = format!("/run/range/{who}");
    let script =
        format!("ssh {CLIENT} -i {key} -b {address} {who}@10.77.0.2 '{command}' </dev/null");
    victim.on_peer(&script).unwrap()
}

fn as_root(victim: &Victim, command: &str) -> Ran {
    from(victim, RESPONDER, "root", command)
}

/// Opens a connection of the intruder's that others may be laid over.
fn master(victim: &Victim, socket: &str) {
    let script = format!(
        "ssh {CLIENT} -i /run/range/deploy -M -S {socket} -f -N deploy@10.77.0.2 </dev/null \
         >/dev/null 2>&1"
    );
    assert_eq!(victim.on_peer(&script).unwrap().code, 0);
}

fn over(victim: &Victim, socket: &str, command: &str) -> Ran {
    let script = format!("ssh {CLIENT} -S {socket} deploy@10.77.0.2 '{command}' </dev/null");
    victim.on_peer(&script).unwrap()
}

#[test]
fn a_locked_account_does_not_come_in_its_sessions_end_and_undo_gives_it_back() {
    if !possible() {
        return;
    }
    let machine = outer();
    let victim = victim();
    let config = victim.shell("/usr/sbin/sshd -T").unwrap();
    assert!(config.contains("usepam yes"), "{config}");
    assert_eq!(from(&victim, "10.77.0.1", "deploy", "true").code, 0, "it comes in before");
    master(&victim, "/run/range/master");
    assert_eq!(over(&victim, "/run/range/master", "echo in").out.trim(), "in");
    // One that left its session and another under root's uid.
    let started = over(
        &victim,
        "/run/range/master",
        "setsid --fork sleep 4321 </dev/null >/dev/null 2>&1; \
         setsid --fork sudo -n sleep 4322 </dev/null >/dev/null 2>&1; sleep 0.5",
    );
    assert_eq!(started.code, 0, "{started:?}");
    let sleepers = || {
        let ran = victim.run(&["pgrep", "-x", "-a", "sleep"]).unwrap().out;
        ran.lines().filter(|line| line.contains("sleep 432")).count()
    };
    assert_eq!(sleepers(), 2);
    let before = inner(&victim);

    let plan = as_root(&victim, &format!("{STANCH} contain plan --lock-account deploy"));
    assert_eq!(plan.code, 0, "{plan:?}");
    for named in ["authorized_keys", "/etc/keys/deploy", "crontabs/deploy", "linger", "90-deploy"] {
        assert!(plan.out.contains(named), "{named}: {}", plan.out);
    }
    assert_eq!(inner(&victim), before, "a plan touches nothing");

    let apply = format!("{STANCH} contain apply --yes --lock-account deploy; echo still here");
    let applied = as_root(&victim, &apply);
    assert!(applied.out.contains("still here"), "{applied:?}");
    let refused = from(&victim, "10.77.0.1", "deploy", "true");
    assert_ne!(refused.code, 0, "it does not come in by its key: {refused:?}, {applied:?}");
    assert_ne!(over(&victim, "/run/range/master", "true").code, 0, "its connection has ended");
    assert_eq!(sleepers(), 0, "what it started has ended, under root's uid too");
    assert_eq!(as_root(&victim, "echo in").out.trim(), "in", "the responder comes in");
    let sudo = victim.run(&["sudo", "-n", "-l", "-U", "deploy"]).unwrap();
    assert!(sudo.out.contains("not allowed"), "{sudo:?}");
    // Somebody else's line changes meanwhile.
    victim.shell("echo 'other:second' | chpasswd").unwrap();
    let others = victim.shell("grep ^other: /etc/shadow").unwrap();

    let (status, _) = victim.stanch(&["--case", "/run/range/case", "contain", "status"]).unwrap();
    let plan = status["acts"][0]["plan"].as_str().unwrap();
    let undone = as_root(&victim, &format!("{STANCH} undo {plan}"));
    assert_eq!(undone.code, 0, "{undone:?}");
    assert_eq!(victim.shell("grep ^other: /etc/shadow").unwrap(), others, "it stays as it was set");
    let after = inner(&victim);
    let same = |told: &str| -> Vec<String> {
        content(told).into_iter().filter(|line| !line.starts_with("/etc/shadow ")).collect()
    };
    assert_eq!(same(&after), same(&before), "all else is as it was");
    assert_eq!(from(&victim, "10.77.0.1", "deploy", "true").code, 0, "it comes in again");
    master(&victim, "/run/range/again");
    assert_eq!(over(&victim, "/run/range/again", "sudo -n id -u").out.trim(), "0");
    let verified = as_root(&victim, &format!("{STANCH} ledger verify"));
    assert_eq!(verified.code, 0, "{verified:?}");
    let ledger = victim.shell("cat /run/range/case/ledger.jsonl").unwrap();
    assert!(!ledger.contains("$y$"), "no hash of a password stands in the ledger");
    assert!(outer() == machine, "the machine that the range runs on is as it was");
}

#[test]
fn what_was_changed_since_is_not_overwritten_and_nobody_locks_themselves_out() {
    if !possible() {
        return;
    }
    let victim = victim();
    let lock = |name: &str, more: &str| {
        as_root(&victim, &format!("{STANCH} contain apply --yes --lock-account {name} {more}"))
    };
    let before = inner(&victim);
    let own = lock("root", "");
    assert_eq!(own.code, 4, "it is the responder's own: {own:?}");
    assert!(own.err.contains("--consent root"), "{own:?}");
    assert_eq!(lock("nobody-here", "").code, 4);
    assert_eq!(inner(&victim), before, "nothing was done");
    assert_eq!(lock("deploy", "").code, 0);
    // Now root is the last one who comes in.
    let last = lock("root", "--consent root");
    assert_eq!(last.code, 4, "{last:?}");
    assert!(last.err.contains("last account"), "{last:?}");
    victim.shell("usermod -s /bin/dash deploy").unwrap();
    let (status, _) = victim.stanch(&["--case", "/run/range/case", "contain", "status"]).unwrap();
    let act = status["acts"][0]["id"].as_str().unwrap();
    let refused = as_root(&victim, &format!("{STANCH} undo {act}"));
    assert_eq!(refused.code, 4, "{refused:?}");
    assert!(refused.err.contains("/bin/dash"), "what came since is shown: {refused:?}");
    victim.shell("usermod -s /usr/sbin/nologin deploy").unwrap();
    assert_eq!(as_root(&victim, &format!("{STANCH} undo {act}")).code, 0);
    assert_eq!(
        victim.shell("grep ^deploy: /etc/passwd").unwrap().trim_end().rsplit(':').next(),
        Some("/bin/bash")
    );
    assert!(Path::new("/etc/passwd").exists());
}

#[test]
fn a_new_password_is_shown_once_fits_and_the_old_one_comes_back() {
    if !possible() {
        return;
    }
    let victim = victim();
    let before = victim.shell("cat /etc/shadow").unwrap();
    let old = before.lines().find(|line| line.starts_with("deploy:")).unwrap().to_owned();
    let rotated =
        as_root(&victim, &format!("{STANCH} contain apply --yes --rotate-password deploy"));
    assert_eq!(rotated.code, 0, "{rotated:?}");
    let shown = rotated.err.lines().rev().find_map(|line| line.trim().strip_prefix("deploy  "));
    let password = shown.unwrap().to_owned();
    assert_eq!(password.len(), 24, "{rotated:?}");
    // `su` from an account that is not root asks for it, as PAM checks it.
    let fits = |word: &str| {
        let script = format!("echo {word} | runuser -u other -- su deploy -c true");
        victim.run(&["sh", "-c", &script]).unwrap().code == 0
    };
    assert!(fits(&password) && !fits("first"), "the new one fits, the old one does not");
    let kept = victim.run(&["grep", "-rlaF", &password, "/run/range/case", "/etc"]).unwrap();
    assert_eq!(kept.out, "", "it is kept nowhere");
    let hash = old.split(':').nth(1).unwrap();
    let ledger = victim.shell("cat /run/range/case/ledger.jsonl").unwrap();
    assert!(!ledger.contains(hash), "the old one's hash is not in the ledger");
    let (status, _) = victim.stanch(&["--case", "/run/range/case", "contain", "status"]).unwrap();
    let act = status.pointer("/acts/0/id").and_then(serde_json::Value::as_str).unwrap();
    assert_eq!(as_root(&victim, &format!("{STANCH} undo {act}")).code, 0);
    assert_eq!(victim.shell("cat /etc/shadow").unwrap(), before);
    assert!(fits("first"));
}

#[test]
fn a_lock_that_was_cut_off_is_gone_on_with_or_taken_back() {
    if !possible() {
        return;
    }
    let victim = victim();
    let before = content(&inner(&victim));
    let case = ["--case", "/run/range/case"];
    let mut cut_off = 0;
    let calls = ["fdatasync:2", "fsync:1", "renameat2:1", "renameat2:2", "renameat2:3"];
    let more = ["fsync:5", "unlinkat:1", "unlinkat:4", "fdatasync:5", "fdatasync:9"];
    for (at, call) in calls.iter().chain(&more).enumerate() {
        let (name, number) = call.split_once(':').unwrap();
        let script = format!(
            "strace -f -qq -o /dev/null -e trace={name} -e inject={name}:signal=KILL:when={number} \
             {STANCH} contain apply --yes --lock-account deploy"
        );
        victim.run(&["timeout", "60", "sh", "-c", &script]).unwrap();
        let (status, code) = victim.stanch(&[&case[..], &["contain", "status"]].concat()).unwrap();
        assert_eq!(code, 0, "the ledger is whole after {call}: {status}");
        let Some(last) = status["acts"].as_array().unwrap().last().cloned() else { continue };
        let (id, plan) = (last["id"].as_str().unwrap(), last["plan"].as_str().unwrap());
        if last["state"] == "cut-off" {
            cut_off += 1;
            if at % 2 == 1 {
                let resume = ["undo", id, "--resume"];
                let (told, code) = victim.stanch(&[&case[..], &resume].concat()).unwrap();
                assert_eq!(code, 0, "after {call}: {told}");
            }
        }
        let (told, code) = victim.stanch(&[&case[..], &["undo", plan]].concat()).unwrap();
        assert_eq!(code, 0, "after {call}: {told}");
        assert_eq!(content(&inner(&victim)), before, "after {call}");
        let left = victim.shell("ls -a /etc | grep -i stanch || true").unwrap();
        assert_eq!(left, "", "nothing of ours is left after {call}");
    }
    assert!(cut_off >= 6, "it was cut off {cut_off} times");
    assert_eq!(from(&victim, "10.77.0.1", "deploy", "true").code, 0);
}

/// Returns the key that the victim's sshd shows, of a kind.
fn shown(victim: &Victim, kind: &str) -> String {
    let script = format!("ssh-keyscan -T 3 -t {kind} 10.77.0.2 2>/dev/null | cut -d' ' -f2-");
    victim.on_peer(&script).unwrap().out
}

#[test]
fn a_new_key_of_the_machine_is_shown_and_no_old_one_and_undo_gives_them_back() {
    if !possible() {
        return;
    }
    let victim = victim();
    let keys = || {
        victim
            .shell("cd /etc/ssh; stat -c '%n %a %U %G %y' ssh_host_*; sha256sum ssh_host_*")
            .unwrap()
    };
    let read_anew = || victim.shell("/usr/sbin/sshd -t; kill -HUP $(cat /run/sshd.pid); sleep 1");
    let (before, old, old_rsa) = (keys(), shown(&victim, "ed25519"), shown(&victim, "rsa"));
    assert!(!old.is_empty() && !old_rsa.is_empty(), "{old} {old_rsa}");
    let replaced = as_root(&victim, &format!("{STANCH} contain apply --yes --replace-host-keys"));
    assert_eq!(replaced.code, 0, "{replaced:?}");
    read_anew().unwrap();
    let new = shown(&victim, "ed25519");
    assert!(!new.is_empty() && new != old, "{new}");
    assert_eq!(shown(&victim, "rsa"), "", "no old key is shown");
    // What ssh-keygen makes of the file is what was told, and what sshd shows.
    let told = victim.shell("ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key").unwrap();
    let fingerprint = told.split(' ').nth(1).unwrap();
    assert!(fingerprint.starts_with("SHA256:"), "{told}");
    assert!(replaced.err.contains(fingerprint), "{told} {replaced:?}");
    let public = victim.shell("ssh-keygen -yf /etc/ssh/ssh_host_ed25519_key").unwrap();
    assert_eq!(public.trim().split(' ').take(2).collect::<Vec<_>>().join(" "), new.trim());
    let kept = victim.run(&["grep", "-rlaF", "BEGIN OPENSSH", "/run/range/case"]).unwrap();
    assert_eq!(kept.out, "", "no private half is legible in the case");
    let (status, _) = victim.stanch(&["--case", "/run/range/case", "contain", "status"]).unwrap();
    let plan = status.pointer("/acts/0/plan").and_then(serde_json::Value::as_str).unwrap();
    let (list, _) = victim.stanch(&["--case", "/run/range/case", "quarantine", "list"]).unwrap();
    assert!(list.to_string().contains("ssh_host_rsa_key"), "{list}");
    assert_eq!(as_root(&victim, &format!("{STANCH} undo {plan}")).code, 0);
    assert_eq!(keys(), before, "to the byte, with their times");
    read_anew().unwrap();
    assert_eq!((shown(&victim, "ed25519"), shown(&victim, "rsa")), (old, old_rsa));
}
