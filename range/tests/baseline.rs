//! A baseline of a Debian machine: what an intruder does to its files is found, file by file, and
//! what apt does is folded away.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use serde_json::Value;
use stanch_range::{Victim, debian, possible};

const FILE: &str = "/run/range/base";

/// What an intruder does, each to a file of its own.
const DEEDS: &str = r#"
    set -e
    old=$(stat -c %y /usr/bin/passwd)
    printf X | dd of=/usr/bin/passwd bs=1 seek=4000 conv=notrunc 2>/dev/null
    touch -d "$old" /usr/bin/passwd
    chmod 4755 /usr/bin/dash
    chown 65534 /etc/crontab
    perl -e 'my ($f, $n, $v) = ("/etc/hostname", "user.note", "x"); syscall(188, $f, $n, $v, 1, 0) == 0 or die $!'
    setcap cap_setuid+ep /usr/bin/perl
    perl -e 'open F, "<", "/etc/sudoers"; ioctl(F, 0x40086602, pack("l", 0x10)) or die $!' || true
    echo id > /etc/cron.hourly/zz
    rm /usr/bin/tac
    rm /usr/bin/nproc; ln -s /tmp/x /usr/bin/nproc
    touch /usr/bin/yes
    printf 'x' > '/usr/lib/a
b'
"#;

fn check(victim: &Victim) -> (BTreeMap<String, Value>, Value, i32) {
    let (document, code) = victim.stanch(&["baseline", "check", FILE]).unwrap();
    let all = document["differences"].as_array().unwrap();
    let by_path = |one: &Value| (one["path"].as_str().unwrap().to_owned(), one.clone());
    (all.iter().map(by_path).collect(), document.clone(), code)
}

#[test]
fn each_deed_is_found_by_its_path_and_field() {
    if !possible() {
        return;
    }
    let victim = Victim::boot(&debian().unwrap()).unwrap();
    let (made, code) = victim.stanch(&["baseline", "create", "-o", FILE]).unwrap();
    assert_eq!(code, 0, "{made:#}");
    let (found, document, code) = check(&victim);
    assert!(found.is_empty() && code == 0, "{document:#}");
    victim.shell(DEEDS).unwrap();
    let (found, _, code) = check(&victim);
    assert_eq!(code, 1);
    let told = |path: &str, field: &str| {
        let one = &found[path];
        let fields = one["fields"].as_array().unwrap();
        let is_told = one["change"] == field || fields.iter().any(|told| told == field);
        assert!(is_told, "{path}: {one:#}");
    };
    for (path, field) in [
        ("/usr/bin/passwd", "content"),
        ("/usr/bin/dash", "mode"),
        ("/etc/crontab", "owner"),
        ("/etc/hostname", "attributes"),
        ("/usr/bin/perl", "capabilities"),
        ("/etc/cron.hourly/zz", "added"),
        ("/usr/bin/tac", "removed"),
        ("/usr/bin/nproc", "type"),
        ("/usr/lib/a\nb", "added"),
    ] {
        told(path, field);
    }
    assert_eq!(found["/usr/bin/passwd"]["time_kept"], true);
    assert_eq!(found["/usr/bin/dash"]["rights_gained"], true);
    assert_eq!(found["/usr/bin/perl"]["rights_gained"], true);
    // Times alone are counted; a flag is told where the file system of the range has flags.
    let flagged = usize::from(found.contains_key("/etc/sudoers"));
    assert_eq!(found.len(), 9 + flagged, "{:#?}", found.keys());
    let arguments = ["detect", "--only", "files", "--baseline", FILE];
    let (document, _) = victim.stanch(&arguments).unwrap();
    let findings = document["findings"].as_array().unwrap();
    let level = |path: &str| {
        let of_path = |one: &&Value| {
            one["sign"] == "files.differs-from-baseline" && one["entity"]["path"] == path
        };
        findings.iter().find(of_path).map_or("", |one| one["level"].as_str().unwrap())
    };
    for (path, expected) in [
        ("/usr/bin/passwd", "high"),
        ("/usr/bin/dash", "high"),
        ("/usr/bin/perl", "high"),
        ("/usr/bin/nproc", "high"),
        ("/etc/cron.hourly/zz", "medium"),
        ("/usr/bin/tac", "medium"),
    ] {
        assert_eq!(level(path), expected, "{path}");
    }
}

#[test]
fn what_apt_brings_is_folded_away_and_what_hides_behind_it_is_not() {
    if !possible() {
        return;
    }
    let victim = Victim::boot(&debian().unwrap()).unwrap();
    let (_, code) = victim.stanch(&["baseline", "create", "-o", FILE]).unwrap();
    assert_eq!(code, 0);
    victim
        .shell(
            "dpkg -i /srv/packages/less_*.deb /srv/packages/make_*.deb >/dev/null 2>&1 && \
             dpkg -i /srv/packages/cron_*.deb >/dev/null 2>&1",
        )
        .unwrap();
    let (found, document, _) = check(&victim);
    let runs = document["package_runs"].as_array().unwrap();
    let files: u64 = runs.iter().map(|run| run["files"].as_u64().unwrap()).sum();
    assert!(runs.len() == 1 && files > 40, "{runs:#?}");
    // What no package tells of stands apart; nothing else is left.
    let unexplained: Vec<&String> =
        found.iter().filter(|(_, one)| one["during_packages"] != true).map(|one| one.0).collect();
    assert!(unexplained.is_empty(), "{unexplained:#?}");
    eprintln!("folded {files}; during the run: {:?}", found.keys());
    let arguments = ["detect", "--only", "files", "--baseline", FILE];
    let (detected, _) = victim.stanch(&arguments).unwrap();
    let grave = |one: &&Value| {
        one["sign"] == "files.differs-from-baseline"
            && !matches!(one["level"].as_str(), Some("info" | "low"))
    };
    let grave: Vec<&Value> =
        detected["findings"].as_array().unwrap().iter().filter(grave).collect();
    assert!(grave.is_empty(), "{grave:#?}");
    victim.shell("printf evil >> /usr/bin/make; chmod u+s /usr/bin/less").unwrap();
    let (found, _, code) = check(&victim);
    assert_eq!(code, 1);
    assert_eq!(found["/usr/bin/less"]["rights_gained"], true);
    assert_eq!(found["/usr/bin/make"]["change"], "added");
}
