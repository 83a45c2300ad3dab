//! Login signs over real logs of others, and over the mistakes of honest people.

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test reads its own data")]

use std::collections::BTreeMap;
use std::sync::Arc;

use stanch_detect::{Detection, Options, detect};
use stanch_facts::Snapshot;
use stanch_machine::{Pretend, Stalls};
use stanch_words::{Level, Verdict};

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data");

const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\n\
    www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin\n\
    ann:x:1000:1000::/home/ann:/bin/bash\n\
    test:x:1001:1001::/home/test:/bin/bash\n";

fn look(files: &[(&str, &str)]) -> Detection {
    let machine = Pretend::new().file("/etc/passwd", PASSWD);
    let machine = files.iter().fold(machine, |machine, (path, text)| machine.file(path, text));
    let snapshot = Arc::new(Snapshot::new(Arc::new(machine), Stalls::default()));
    detect(&snapshot, &Options { only: vec!["logs".to_owned()], ..Options::default() }).unwrap()
}

fn sample(path: &str) -> String {
    let bytes = std::fs::read(format!("{DATA}/{path}")).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Signs by subject, with their level.
fn found(detection: &Detection) -> Vec<(String, String, Level)> {
    let findings = detection.findings.iter();
    let mut all: Vec<_> = findings
        .map(|f| (f.sign.clone(), stanch_rules::sign::label(&f.subject), f.level))
        .collect();
    all.sort();
    all
}

fn has(detection: &Detection, sign: &str, subject: &str) -> Option<Level> {
    found(detection).into_iter().find(|(s, o, _)| s == sign && o == subject).map(|(_, _, l)| l)
}

#[test]
fn guessing_alone_names_each_attacker_and_frightens_nobody() {
    let text = sample("loghub/OpenSSH_2k.log");
    let mut failures: BTreeMap<String, usize> = BTreeMap::new();
    for line in text.lines().filter(|line| line.contains("Failed password")) {
        let (_, rest) = line.rsplit_once(" from ").unwrap();
        *failures.entry(rest.split(' ').next().unwrap().to_owned()).or_default() += 1;
    }
    let detection = look(&[("/var/log/auth.log", &text)]);
    let named: String = detection.findings.iter().map(|f| format!("{f:?}")).collect();
    let missing: Vec<_> =
        failures.iter().filter(|(address, _)| !named.contains(address.as_str())).collect();
    assert_eq!(missing, [], "{:#?}", found(&detection));
    assert_eq!(detection.verdict, Verdict::Clean, "{:#?}", found(&detection));
}

#[test]
fn crowdsec_attackers_are_ours() {
    let detection = look(&[("/var/log/auth.log", &sample("crowdsec-hub-tests/ssh-bf/ssh-bf.log"))]);
    assert_eq!(
        has(&detection, "logs.password-guessing", "address 35.188.49.176"),
        Some(Level::Low),
        "{:#?}",
        found(&detection)
    );
}

/// Lines of sshd of one day, guesses first.
fn guesses(source: &str, user: &str, count: usize, hour: usize) -> String {
    let line = |n: usize| {
        let (minute, second) = (n * 3 / 60 % 60, n * 3 % 60);
        format!(
            "2026-03-02T{hour:02}:{minute:02}:{second:02}+00:00 h sshd[{}]: Failed password for {user} \
             from {source} port {} ssh2\n",
            1000 + n,
            40000 + n
        )
    };
    (0..count).map(line).collect()
}

fn accepted(source: &str, user: &str, time: &str) -> String {
    format!("{time} h sshd[9000]: Accepted password for {user} from {source} port 51000 ssh2\n")
}

#[test]
fn guessing_that_worked_is_found_with_its_lines() {
    let log = guesses("203.0.113.9", "root", 300, 8)
        + &accepted("203.0.113.9", "root", "2026-03-02T08:40:00+00:00");
    let detection = look(&[("/var/log/auth.log", &log)]);
    let sign = "logs.success-after-failures";
    assert_eq!(
        has(&detection, sign, "account root"),
        Some(Level::Critical),
        "{:#?}",
        found(&detection)
    );
    assert_eq!(detection.verdict, Verdict::Compromised);
    let finding = detection.findings.iter().find(|f| f.sign == sign).unwrap();
    let text = format!("{:?}", finding.evidence);
    assert!(text.contains("Accepted password for root"), "{text}");
    assert!(text.contains("Failed password for root"), "{text}");
}

#[test]
fn two_typos_of_an_admin_are_nothing() {
    let log = guesses("198.51.100.4", "ann", 2, 8)
        + &accepted("198.51.100.4", "ann", "2026-03-02T08:01:00+00:00");
    let detection = look(&[("/var/log/auth.log", &log)]);
    assert_eq!(found(&detection), []);
    assert_eq!(detection.verdict, Verdict::Clean);
}

#[test]
fn an_account_added_by_hand_is_found_and_one_of_a_package_is_not() {
    let log = "2026-03-02T08:00:00+00:00 h useradd[5]: new user: name=postfix, UID=111, GID=111, \
               home=/var/spool/postfix, shell=/usr/sbin/nologin, from=none\n\
               2026-03-02T12:00:00+00:00 h useradd[7]: new user: name=butter, UID=0, GID=0, \
               home=/root, shell=/bin/bash, from=/dev/pts/1\n\
               2026-03-02T12:00:05+00:00 h usermod[8]: add 'test' to group 'disk'\n\
               2026-03-02T12:00:05+00:00 h usermod[8]: add 'test' to shadow group 'disk'\n";
    let packages = "2026-03-02 08:00:03 install postfix:amd64 <none> 3.7.11\n";
    let group = "disk:x:6:test\n";
    let detection =
        look(&[("/var/log/auth.log", log), ("/var/log/dpkg.log", packages), ("/etc/group", group)]);
    let all = found(&detection);
    assert_eq!(
        has(&detection, "logs.account-added", "account butter"),
        Some(Level::High),
        "{all:#?}"
    );
    assert_eq!(has(&detection, "logs.account-added", "account postfix"), None, "{all:#?}");
    let joined = has(&detection, "logs.joined-powerful-group", "account test");
    assert_eq!(joined, Some(Level::Medium), "{all:#?}");
}

/// Whoever breaks in can install a package at the same minute: it excuses nobody's rights.
#[test]
fn a_visit_to_sudo_during_a_packages_change_is_no_packages_deed() {
    let log = "2026-03-02T08:00:00+00:00 h groupadd[4]: new group: name=freerad, GID=112\n\
               2026-03-02T08:00:00+00:00 h useradd[5]: new user: name=freerad, UID=112, GID=112, \
               home=/etc/freeradius, shell=/usr/sbin/nologin, from=none\n\
               2026-03-02T08:00:01+00:00 h usermod[6]: add 'freerad' to group 'shadow'\n\
               2026-03-02T08:00:20+00:00 h useradd[7]: new user: name=eve, UID=1004, GID=1004, \
               home=/home/eve, shell=/bin/bash, from=/dev/pts/1\n\
               2026-03-02T08:00:21+00:00 h usermod[8]: add 'eve' to group 'sudo'\n\
               2026-03-02T08:00:40+00:00 h usermod[9]: add 'backup' to group 'disk'\n\
               2026-03-02T08:01:00+00:00 h gpasswd[9]: user eve removed by root from group sudo\n";
    let packages = "2026-03-02 08:00:03 install freeradius:amd64 <none> 3.2.1\n";
    let passwd = "root:x:0:0::/root:/bin/bash\nbackup:x:34:34::/var/backups:/usr/sbin/nologin\n\
                  freerad:x:112:112::/etc/freeradius:/usr/sbin/nologin\n\
                  eve:x:1004:1004::/home/eve:/bin/bash\n";
    let group = "sudo:x:27:\nshadow:x:42:freerad\ndisk:x:6:backup\nfreerad:x:112:\n";
    let detection = look(&[
        ("/var/log/auth.log", log),
        ("/var/log/dpkg.log", packages),
        ("/etc/passwd", passwd),
        ("/etc/group", group),
    ]);
    let sign = "logs.joined-powerful-group";
    let all = found(&detection);
    assert_eq!(has(&detection, sign, "account eve"), Some(Level::Medium), "{all:#?}");
    assert_eq!(has(&detection, sign, "account backup"), Some(Level::Low), "{all:#?}");
    assert_eq!(has(&detection, sign, "account freerad"), None, "{all:#?}");
    assert_eq!(has(&detection, "logs.account-added", "account freerad"), None, "{all:#?}");
}

#[test]
fn a_web_server_that_asks_for_root_is_found() {
    let log = "2026-03-02T08:00:00+00:00 h sudo[5]: www-data : user NOT in sudoers ; TTY=pts/0 ; \
               PWD=/tmp ; USER=root ; COMMAND=/bin/bash\n";
    let detection = look(&[("/var/log/auth.log", log)]);
    let level = has(&detection, "logs.sudo-abuse", "account www-data");
    assert_eq!(level, Some(Level::Medium), "{:#?}", found(&detection));
}

/// A record of wtmp as x86-64 writes it (utmp(5)).
fn record(user: &str, address: [u8; 4], pid: i32, time: i64) -> Vec<u8> {
    let mut bytes = vec![0_u8; 384];
    let mut put = |at: usize, part: &[u8]| {
        bytes.splice(at..at + part.len(), part.iter().copied());
    };
    put(0, &7_i16.to_le_bytes());
    put(4, &pid.to_le_bytes());
    put(8, b"pts/0");
    put(40, b"ts/0");
    put(44, user.as_bytes());
    let host = address.map(|part| part.to_string()).join(".");
    put(76, host.as_bytes());
    put(340, &i32::try_from(time).unwrap().to_le_bytes());
    put(348, &address);
    bytes
}

#[test]
fn a_login_whose_line_was_cut_out_is_found() {
    let (day, ann) = (1772409600_i64, [198, 51, 100, 4]);
    let mut log = String::new();
    let mut wtmp = Vec::new();
    for hour in 0..6 {
        let time = format!("2026-03-02T{:02}:00:00+00:00", 8 + hour);
        log += &accepted("198.51.100.4", "ann", &time)
            .replace("[9000]", &format!("[{}]", 9000 + hour));
        let pid = 9000 + hour;
        wtmp.extend(record("ann", ann, pid, day + (8 + i64::from(hour)) * 3600 + 1));
    }
    wtmp.extend(record("root", [203, 0, 113, 66], 9500, day + 10 * 3600 + 1800));
    let machine = Pretend::new()
        .file("/etc/passwd", PASSWD)
        .file("/var/log/auth.log", &log)
        .file("/var/log/wtmp", &wtmp);
    let snapshot = Arc::new(Snapshot::new(Arc::new(machine), Stalls::default()));
    let only = vec!["logs".to_owned()];
    let detection = detect(&snapshot, &Options { only, ..Options::default() }).unwrap();
    let all = found(&detection);
    let sign = "logs.login-without-authentication";
    assert_eq!(has(&detection, sign, "account root"), Some(Level::High), "{all:#?}");
    assert_eq!(has(&detection, sign, "account ann"), None, "{all:#?}");
}

#[test]
fn honest_logins_are_clean() {
    let text = sample("crowdsec-hub-tests/sshd-success-logs/sshd-success-logs.log");
    let detection = look(&[("/var/log/auth.log", &text)]);
    assert_eq!(found(&detection), []);
}
