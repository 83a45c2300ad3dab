//! A live machine that somebody filled with bad input: names that drive terminals, command lines of
//! a megabyte, processes that come and go, FIFOs, hidden process directories, file systems that hang.
//!
//! Asserted each time: no panic (neither exit code 70 nor a gap of kind `bug`), an end, valid JSON,
//! a gap for what could not be read, no control byte on the page, no verdict out of noise.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use stanch_range::{Ran, Victim, debian, possible};

/// Longer than any run takes on the slowest machine: a run that ends by it hangs.
const MOST_SECONDS: &str = "400";

/// Runs `stanch` inside, as root or as an ordinary user.
fn run(victim: &Victim, as_whom: &[&str], arguments: &[&str]) -> Ran {
    let mut all = as_whom.to_vec();
    all.extend(["timeout", "-s", "KILL", MOST_SECONDS, "/run/range/stanch"]);
    all.extend(arguments);
    let ran = victim.run(&all).unwrap();
    assert!(matches!(ran.code, 0 | 1 | 3), "{arguments:?}: {ran:?}");
    ran
}

/// Runs `detect` for a script, and returns its document and exit code.
fn detect(victim: &Victim, as_whom: &[&str]) -> (Value, i32) {
    let ran = run(victim, as_whom, &["--json", "detect"]);
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    let gaps = document["gaps"].as_array().unwrap().iter();
    let bugs: Vec<&Value> = gaps.filter(|gap| gap["kind"] == "bug").collect();
    assert!(bugs.is_empty(), "{bugs:#?}");
    (document, ran.code)
}

/// Runs `detect` for a person: through a pipe, and on a terminal without colour.
fn assert_pages_are_harmless(victim: &Victim) {
    let page = run(victim, &[], &["--all", "detect"]).out;
    assert_harmless(&page);
    let command = "cd /; export NO_COLOR=1 COLUMNS=100; \
        exec script -qc '/run/range/stanch --all detect 2>/dev/null' /dev/null";
    let terminal = victim.run(&["sh", "-c", command]).unwrap();
    assert!(terminal.out.contains("signs over"), "{terminal:?}");
    assert_harmless(&terminal.out.replace("\r\n", "\n"));
}

fn assert_harmless(page: &str) {
    let control = page.chars().find(|c| c.is_control() && *c != '\n');
    assert_eq!(control, None, "{page:?}");
}

fn grave(document: &Value) -> Vec<String> {
    let findings = document["findings"].as_array().unwrap().iter();
    findings
        .filter(|finding| !matches!(finding["level"].as_str().unwrap(), "info" | "low"))
        .map(|finding| {
            format!(
                "{} {} {} {}",
                finding["level"], finding["sign"], finding["entity"], finding["seen"]
            )
        })
        .collect()
}

fn rows(victim: &Victim, sql: &str) -> Vec<Value> {
    let ran = run(victim, &[], &["--json", "query", sql]);
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    document["rows"].as_array().unwrap().clone()
}

/// Programs of Debian's own with names and arguments that would move a cursor, forge a line or are
/// no text; `$0` sets the kernel's name as well.
const ODD_PROCESSES: &[(&str, &str)] = &[
    (
        "escape",
        r#"perl -e '$0="\e[2J\e]0;x\a"; open F,">/run/escape.pid"; print F $$; close F; sleep 900'"#,
    ),
    (
        "line",
        r#"perl -e '$0="a\nUid:\t0\n) R 1"; open F,">/run/line.pid"; print F $$; close F; sleep 900'"#,
    ),
    (
        "bytes",
        r#"perl -e '$0="caf\xe9\xff\x80"; open F,">/run/bytes.pid"; print F $$; close F; sleep 900'"#,
    ),
];

#[test]
fn odd_names_and_huge_arguments_neither_drive_the_page_nor_lose_a_row() {
    if !possible() {
        return;
    }
    let victim = Victim::boot(&debian().unwrap()).unwrap();
    let mut pids = Vec::new();
    for (name, start) in ODD_PROCESSES {
        pids.push(victim.start(name, start).unwrap());
    }
    // Eight arguments of 128 KiB less one: with a megabyte each, twenty take more than is kept.
    victim
        .shell(
            r#"for n in $(seq 20); do perl -e '$a = "\e[31m\xff\n" x 18700; exec "perl", "-e", "sleep 900", ($a) x 8' </dev/null >/dev/null 2>&1 & done; sleep 2"#,
        )
        .unwrap();
    // Odd files where they are listed, and an odd home.
    victim
        .shell(
            r#"cd /etc/cron.d; for n in "$(printf 'a\nb')" "$(printf '\033[2J')" "$(printf 'c\351\377')"; do
                 printf '# \033]0;x\007 \351\n' >"$n"; printf '# \033[2J\377\n' >"/tmp/$n"
                 mkdir -p "/home/$n/.ssh"; printf 'ssh-rsa AAAAB3Nz \033[2J\377\n' >"/home/$n/.ssh/authorized_keys"
                 printf 'ls \033[2J\377\n' >"/home/$n/.bash_history"
               done
               printf 'odd:x:1500:1500:\033[2J\351\377:/home/c\351\377:/usr/sbin/nologin\n' >>/etc/passwd
               printf 'odd:!:19000:0:99999:7:::\n' >>/etc/shadow"#,
        )
        .unwrap();
    let seen = rows(&victim, "SELECT pid, name, cmdline FROM processes");
    let named = |pid: i64| seen.iter().find(|row| row["pid"] == pid).unwrap()["name"].clone();
    assert_eq!(named(pids[0]), "\u{1b}[2J\u{1b}]0;x\u{7}");
    assert_eq!(named(pids[1]), "a\nUid:\t0\n) R 1");
    assert_eq!(named(pids[2]), "caf\\xe9\\xff\\x80");
    let long = seen.iter().filter(|row| row["cmdline"].as_str().is_some_and(|c| c.len() > 4000));
    assert_eq!(long.count(), 20);
    let (document, _) = detect(&victim, &[]);
    let gaps = document["gaps"].as_array().unwrap();
    let cut = gaps.iter().filter(|gap| gap["what"] == "processes" && gap["kind"] == "truncated");
    assert!(cut.count() > 0, "{gaps:#?}");
    assert_eq!(grave(&document), Vec::<String>::new());
    assert_eq!(document["verdict"], "clean");
    assert_a_program_with_an_odd_path_is_found(&victim);
    assert_pages_are_harmless(&victim);
}

/// A running program whose path would move a cursor and forge a line.
fn assert_a_program_with_an_odd_path_is_found(victim: &Victim) {
    let path = r#""$(printf '/tmp/\033[2J\nx\377')""#;
    let by_link = format!("cp /run/range/stand-in {path}; ln -s {path} /run/odd");
    victim.shell(&by_link).unwrap();
    let pid = victim.start("odd", "/run/odd burn").unwrap();
    let (document, code) = detect(victim, &[]);
    let findings = document["findings"].as_array().unwrap().iter();
    let about: Vec<&Value> = findings.filter(|finding| finding["entity"]["pid"] == pid).collect();
    assert!(!about.is_empty(), "{document:#}");
    assert_eq!(code, 1);
}

#[test]
fn fifos_and_devices_where_files_are_expected_and_a_huge_folder() {
    if !possible() {
        return;
    }
    let victim = Victim::boot(&debian().unwrap()).unwrap();
    victim
        .shell(
            "mkdir -p /etc/sudoers.d /etc/ssh/sshd_config.d; mkfifo /etc/cron.d/fifo /etc/sudoers.d/fifo /etc/pam.d/fifo /etc/profile.d/fifo.sh \
               /root/.bash_history /etc/systemd/system/fifo.service /var/lib/dpkg/info/fifo.list; \
             mkdir -p /root/.ssh; mkfifo /root/.ssh/authorized_keys; \
             rm -f /etc/hosts; mkfifo /etc/hosts; \
             mknod /etc/cron.d/zero c 1 5; mknod /etc/ssh/sshd_config.d/zero.conf c 1 5; \
             ln -s loop /etc/cron.d/loop; \
             perl -e 'for (1..100000) { open F, \">/tmp/$_\" or die; close F }'",
        )
        .unwrap();
    let (document, code) = detect(&victim, &[]);
    let gaps = document["gaps"].as_array().unwrap();
    let told: Vec<&str> = gaps.iter().filter_map(|gap| gap["path"].as_str()).collect();
    let crontab = rows(&victim, "SELECT count(*) AS n FROM crontab");
    assert!(crontab[0]["n"].as_i64().is_some());
    let ran = run(&victim, &[], &["--json", "query", "SELECT * FROM crontab"]);
    for path in ["/etc/cron.d/fifo", "/etc/cron.d/zero", "/etc/cron.d/loop"] {
        assert!(ran.out.contains(path), "{path}: {}", ran.out);
    }
    assert!(told.contains(&"/var/lib/dpkg/info/fifo.list"), "{told:?}");
    assert_eq!(grave(&document), Vec::<String>::new());
    assert_eq!((document["verdict"].as_str().unwrap(), code), ("clean", 3));
    let temporary = rows(&victim, "SELECT count(*) AS n FROM file WHERE path LIKE '/tmp/%'");
    assert!(temporary[0]["n"].as_i64().unwrap() >= 100_000, "{temporary:?}");
    assert_pages_are_harmless(&victim);
}

#[test]
fn processes_that_end_while_they_are_read_are_no_finding() {
    if !possible() {
        return;
    }
    let victim = Victim::boot(&debian().unwrap()).unwrap();
    // Thousands a second of Debian's own `true`, four at a time, for twenty seconds.
    victim
        .shell(
            r#"for n in 1 2 3 4; do setsid --fork perl -e '$e = time + 20; while (time < $e) { if (!fork) { exec "true" } wait }' </dev/null >/dev/null 2>&1; done"#,
        )
        .unwrap();
    let (document, _) = detect(&victim, &[]);
    let hidden: Vec<String> =
        grave(&document).into_iter().filter(|found| !found.contains("performance.")).collect();
    assert_eq!(hidden, Vec::<String>::new());
    assert_ne!(document["verdict"], "compromised");
}

#[test]
fn what_hidepid_hides_is_a_gap_and_no_finding() {
    if !possible() {
        return;
    }
    let victim = Victim::boot(&debian().unwrap()).unwrap();
    victim.shell("mount -o remount,hidepid=2 /proc").unwrap();
    let nobody = ["setpriv", "--reuid=1000", "--regid=1000", "--clear-groups"];
    let (document, code) = detect(&victim, &nobody);
    let gaps = document["gaps"].as_array().unwrap();
    assert!(
        gaps.iter().any(|gap| gap["what"] == "processes" && gap["kind"] == "denied"),
        "{gaps:#?}"
    );
    assert_eq!(grave(&document), Vec::<String>::new());
    assert_eq!((document["verdict"].as_str().unwrap(), code), ("clean", 3));
    // Root is not held by it.
    let (document, code) = detect(&victim, &[]);
    assert_eq!((grave(&document), code), (Vec::new(), 0));
}

#[test]
fn a_program_on_a_file_system_that_hangs_is_a_gap_and_not_the_end() {
    if !possible() {
        return;
    }
    let victim = Victim::boot(&debian().unwrap()).unwrap();
    victim.shell("mkdir -p /mnt/slow; ln -s /mnt/slow /opt/slow").unwrap();
    // Serves /bin/sleep until it is told to freeze.
    victim.start("server", "/run/range/stand-in serve /mnt/slow").unwrap();
    let started = "for n in $(seq 12); do setsid --fork sh -c 'cd /mnt/slow; echo $$ >>/run/asleep.pids; exec ./program 900' </dev/null >/dev/null 2>&1; done; sleep 2; touch /run/freeze; sleep 0.5";
    victim.shell(started).unwrap();
    let pids = victim.shell("cat /run/asleep.pids").unwrap();
    let pids: Vec<i64> = pids.lines().map(|pid| pid.parse().unwrap()).collect();
    assert_eq!(pids.len(), 12);
    victim.start("hang", "/run/range/stand-in hang /usr/local/sbin").unwrap();
    let begun = Instant::now();
    let (document, code) = detect(&victim, &[]);
    // About ten seconds on an idle machine; before, a thread that hung in
    // the kernel kept the program from ending at all.
    assert!(begun.elapsed() < Duration::from_secs(100), "{:?}", begun.elapsed());
    let gaps = document["gaps"].as_array().unwrap();
    let timed_out: Vec<&str> = gaps
        .iter()
        .filter(|gap| gap["kind"] == "timed-out")
        .filter_map(|gap| gap["path"].as_str())
        .collect();
    let about = |prefix: &str| timed_out.iter().any(|path| path.starts_with(prefix));
    for pid in &pids {
        let told = timed_out.iter().any(|path| Path::new(path).starts_with(format!("/proc/{pid}")));
        assert!(told || about("/mnt/slow"), "{pid}: {timed_out:?}");
    }
    assert!(about("/usr/local/sbin"), "{timed_out:?}");
    assert!(timed_out.len() < 3 * pids.len(), "{timed_out:?}");
    assert!(matches!(code, 1 | 3), "{document:#}");
    // The processes are still in the list.
    let sql = "SELECT pid, name, cwd FROM processes";
    let listed = rows(&victim, sql);
    for pid in pids {
        assert!(listed.iter().any(|row| row["pid"] == pid), "{pid}: {listed:#?}");
    }
}

#[test]
fn a_baseline_leaves_out_what_does_not_answer_and_does_not_call_it_gone() {
    if !possible() {
        return;
    }
    let victim = Victim::boot(&debian().unwrap()).unwrap();
    // The middle of three: what stands after it must not be lost either.
    victim
        .shell("mkdir /data; cd /data; mkdir before slow zafter; touch before/a zafter/z")
        .unwrap();
    victim.start("server", "/run/range/stand-in serve /data/slow").unwrap();
    let create = |file: &str, more: &[&str]| {
        let begun = Instant::now();
        let mut arguments = vec!["--json", "baseline", "create", "-o", file];
        arguments.extend(more);
        let ran = run(&victim, &[], &arguments);
        assert!(begun.elapsed() < Duration::from_secs(100), "{:?}", begun.elapsed());
        (serde_json::from_str::<Value>(&ran.out).unwrap(), ran.code)
    };
    let (document, code) = create("/run/all", &["--network", "/data"]);
    assert_eq!((document["files"].as_i64().unwrap(), code), (7, 0), "{document:#}");
    victim.shell("touch /run/freeze").unwrap();
    let told = |gaps: &Value| {
        let gaps = gaps.as_array().unwrap().clone();
        assert!(gaps.iter().all(|gap| gap["kind"] == "timed-out"), "{gaps:#?}");
        let paths = gaps.iter().filter_map(|gap| gap["path"].as_str()).map(str::to_owned);
        paths.collect::<Vec<String>>()
    };
    for more in [&["/data"][..], &["--network", "/data"][..]] {
        let (document, code) = create(&format!("/run/part{}", more.len()), more);
        // The mount is there and could not be seen; the others are all there.
        assert_eq!((document["files"].as_i64().unwrap(), code), (5, 3), "{document:#}");
        assert!(told(&document["gaps"]).iter().any(|path| path == "/data/slow"), "{document:#}");
    }
    let ran = run(&victim, &[], &["--json", "baseline", "check", "/run/all"]);
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(
        (&document["differences"], ran.code),
        (&Value::Array(Vec::new()), 3),
        "{document:#}"
    );
    assert!(told(&document["gaps"]).iter().any(|path| path == "/data/slow"), "{document:#}");
}

/// Scans `/srv/site`, and returns its document and exit code.
fn scan(victim: &Victim, as_whom: &[&str]) -> (Value, i32) {
    let ran = run(victim, as_whom, &["--json", "scan", "/srv/site"]);
    let document: Value = serde_json::from_str(&ran.out).unwrap();
    let gaps = document["gaps"].as_array().unwrap();
    assert!(gaps.iter().all(|gap| gap["kind"] != "bug"), "{gaps:#?}");
    (document, ran.code)
}

fn gap_of(document: &Value, path: &str) -> Option<String> {
    let gaps = document["gaps"].as_array().unwrap();
    let gap = gaps.iter().find(|gap| gap["path"] == path)?;
    Some(gap["kind"].as_str().unwrap().to_owned())
}

fn found(document: &Value) -> Vec<&str> {
    let matches = document["matches"].as_array().unwrap().iter();
    let paths = matches.map(|one| one["path"].as_str().unwrap());
    // Several rules name one file.
    paths.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
}

#[test]
fn a_scan_tells_what_it_may_not_read_and_judges_the_rest() {
    if !possible() {
        return;
    }
    let victim = Victim::boot(&debian().unwrap()).unwrap();
    victim
        .shell(
            r#"mkdir -p /srv/site/closed; cd /srv/site
               printf '%s' '<?php @eval($_POST["x"]); ?>' | tee door.php closed/door.php >secret.php
               chmod 644 door.php; chmod 600 secret.php; chmod 700 closed"#,
        )
        .unwrap();
    let nobody = ["setpriv", "--reuid=1000", "--regid=1000", "--clear-groups"];
    let (document, code) = scan(&victim, &nobody);
    assert_eq!((found(&document), code), (vec!["/srv/site/door.php"], 1), "{document:#}");
    for path in ["/srv/site/secret.php", "/srv/site/closed"] {
        assert_eq!(gap_of(&document, path).as_deref(), Some("denied"), "{document:#}");
    }
    let (document, code) = scan(&victim, &[]);
    let all = ["/srv/site/closed/door.php", "/srv/site/door.php", "/srv/site/secret.php"];
    assert_eq!((found(&document), code), (all.to_vec(), 1), "{document:#}");
}

#[test]
fn a_scan_loses_only_the_mount_that_does_not_answer() {
    if !possible() {
        return;
    }
    let victim = Victim::boot(&debian().unwrap()).unwrap();
    victim
        .shell(
            r#"mkdir -p /srv/site/slow; cd /srv/site
               printf '%s' '<?php @eval($_POST["x"]); ?>' | tee a.php >z.php"#,
        )
        .unwrap();
    victim.start("hang", "/run/range/stand-in hang /srv/site/slow").unwrap();
    let begun = Instant::now();
    let (document, code) = scan(&victim, &[]);
    assert!(begun.elapsed() < Duration::from_secs(100), "{:?}", begun.elapsed());
    let both = ["/srv/site/a.php", "/srv/site/z.php"];
    assert_eq!((found(&document), code), (both.to_vec(), 1), "{document:#}");
    let gaps = document["gaps"].as_array().unwrap();
    let told = gaps.iter().map(|gap| (gap["kind"].as_str().unwrap(), gap["path"].as_str()));
    let told: std::collections::BTreeSet<_> = told.collect();
    assert_eq!(told, [("timed-out", Some("/srv/site/slow"))].into(), "{gaps:#?}");
}
