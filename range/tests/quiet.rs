//! A clean Debian at work: what its own logs say of an upgrade, a backup, a compile and a normal
//! day of its administrator is no finding of any weight, neither of ours nor of any Sigma rule.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use stanch_range::{Terminal, Victim, debian, possible};

/// An administrator with a password (`spring-2026`) and a key, made before the first log.
const ADMINISTRATOR: &str = r"
    echo 'ann:x:1000:1000:Ann:/home/ann:/bin/bash' >> /etc/passwd
    echo 'ann:x:1000:' >> /etc/group
    sed -i 's/^\(sudo\|adm\):.*:$/&ann/' /etc/group
    echo 'ann:$6$stanchrange$n1Av1Yh9i7nSptmeISWo1I1H7lA6KiagKTF46dxE3IpvQXTbyK8huM.Vunyndx7ox74PZDopY7bjgTWH6tNBw0:20000:0:99999:7:::' >> /etc/shadow
    cp -p /etc/passwd /etc/passwd-; cp -p /etc/shadow /etc/shadow-; cp -p /etc/group /etc/group-
    cp -r /etc/skel /home/ann; mkdir -p /home/ann/.ssh
    ssh-keygen -q -t ed25519 -N '' -f /run/range/ann
    cp /run/range/ann.pub /home/ann/.ssh/authorized_keys
    chmod 700 /home/ann /home/ann/.ssh; chown -R 1000:1000 /home/ann
    echo victim > /etc/hostname; echo '127.0.1.1 victim' >> /etc/hosts; touch /etc/default/locale
    mkdir -p /srv/data; seq 5000 > /srv/data/numbers
";

/// Logging as Debian has it: everything to journald, which keeps it and hands it to rsyslogd.
const LOGGING: &str = r#"
    kill $(cat /run/rsyslogd.pid) $(cat /run/crond.pid) $(cat /run/sshd.pid); sleep 0.5
    rm -f /var/log/*.log /var/log/syslog /dev/log
    mount -t cgroup2 -o ro none /sys/fs/cgroup
    mkdir -p /run/systemd/journal /var/log/journal; systemd-machine-id-setup 2>/dev/null
    mkdir -p /run/systemd/journald.conf.d
    printf '[Journal]\nForwardToSyslog=yes\n' > /run/systemd/journald.conf.d/syslog.conf
    setsid --fork /lib/systemd/systemd-journald </dev/null >/dev/null 2>&1
    for wait in $(seq 50); do test -S /run/systemd/journal/io.systemd.journal && break; sleep 0.1; done
    ln -sf /run/systemd/journal/dev-log /dev/log; journalctl --flush
    sed -i 's|^module(load="imuxsock")|module(load="imuxsock" SysSock.Name="/run/systemd/journal/syslog")|
        /imklog/d' /etc/rsyslog.conf
    rsyslogd; /usr/sbin/sshd; cron
"#;

/// A mirror on the shelf: its packages, some of them one step newer than what is installed.
const SHELF: &str = r#"
    cd /srv/packages
    for package in cron logrotate nginx-common openssh-server sudo; do
        dpkg-deb -R ${package}_*.deb /run/range/made
        sed -i 's/^Version: .*/&+update1/' /run/range/made/DEBIAN/control
        dpkg-deb -b /run/range/made . >/dev/null; rm -r /run/range/made
    done
    for file in *.deb; do
        dpkg-deb -f $file; echo "Filename: ./$file"; echo "Size: $(stat -c %s $file)"
        echo "SHA256: $(sha256sum $file | cut -d' ' -f1)"; echo
    done > Packages
    echo 'deb [trusted=yes] file:/srv/packages ./' > /etc/apt/sources.list
"#;

/// A backup as it stands in many a crontab.
const BACKUP: &str = "#!/bin/sh
set -e
mkdir -p /var/backups/srv
rsync -a --delete --exclude packages /srv/ /var/backups/srv/
tar czf /var/backups/etc-$(date +%F).tar.gz --exclude=etc/shadow -C / etc
find /var/backups -name 'etc-*.tar.gz' -mtime +14 -delete
logger -t backup done
";

/// What is typed where the shell waits for a line.
const PROMPT: &str = "$ ";

/// What asks for the password.
const PASSWORD: &str = "[sudo] password for ann: ";

/// The day of an administrator, one session a block.
// list: what is shown before, what is typed
const SESSIONS: &[&[(&str, &str)]] = &[
    // Looks around, reads logs, and mistypes the password once.
    &[
        (PROMPT, "w"),
        (PROMPT, "uptime; df -h; free -m"),
        (PROMPT, "ls -la /var/log"),
        (PROMPT, "sudo less +G /var/log/auth.log"),
        (PASSWORD, "spring-2025"),
        (PASSWORD, "spring-2026"),
        ("(END)", "q"),
        (PROMPT, "sudo tail -n 50 /var/log/syslog | grep -v CRON"),
        (PROMPT, "sudo grep -c sshd /var/log/auth.log"),
        (PROMPT, "sudo journalctl -n 20 --no-pager"),
        (PROMPT, "sudo journalctl -u ssh --since today --no-pager"),
        (PROMPT, "last -n 5; id; who; uname -a; cat /etc/os-release"),
        (PROMPT, "ps aux | grep nginx"),
        (PROMPT, "ss -tlnp; ip addr; ip route"),
        (PROMPT, "sudo du -sh /var/* 2>/dev/null | sort -h | tail -n 3"),
        (PROMPT, "sudo find /etc -name '*.conf' -mtime -7"),
        (PROMPT, "crontab -l"),
        (PROMPT, "sudo crontab -l"),
        (PROMPT, "exit"),
    ],
    // Upgrades, installs what a compile needs, and compiles.
    &[
        (PROMPT, "sudo apt-get update"),
        (PASSWORD, "spring-2026"),
        (PROMPT, "apt list --upgradable"),
        (PROMPT, "sudo apt-get -y upgrade"),
        (PROMPT, "sudo apt-get -y install gcc make libc6-dev"),
        (PROMPT, "mkdir -p hello && cd hello"),
        (
            PROMPT,
            "printf '#include <stdio.h>\\nint main(void) { puts(\"hello\"); return 0; }\\n' > hello.c",
        ),
        (
            PROMPT,
            "printf 'hello: hello.o\\n\\tgcc -o $@ $^\\nclean:\\n\\trm -f hello *.o\\n' > Makefile",
        ),
        (PROMPT, "make && ./hello; make clean"),
        (PROMPT, "gcc -O2 -Wall -o hello hello.c && ./hello && strip hello"),
        (PROMPT, "sudo install -m 755 hello /usr/local/bin/hello && hello"),
        (PROMPT, "tar czf ../hello.tar.gz . && cd && ls -l hello.tar.gz"),
        (PROMPT, "exit"),
    ],
    // Changes the web server's site, its own crontab, a script, and looks whether it works.
    &[
        (PROMPT, "cd /etc/nginx && ls sites-enabled"),
        (PROMPT, "sudo cp sites-available/default sites-available/default.before"),
        (PASSWORD, "spring-2026"),
        (PROMPT, "sudo sed -i 's/index.nginx-debian.html/welcome.html/' sites-available/default"),
        (PROMPT, "diff sites-available/default.before sites-available/default"),
        (PROMPT, "echo welcome | sudo tee /var/www/html/welcome.html"),
        (PROMPT, "sudo nginx -t && sudo nginx -s reload"),
        (PROMPT, "sudo systemctl status nginx"),
        (PROMPT, "sudo systemctl restart cron"),
        (PROMPT, "sudo service cron status"),
        (PROMPT, "sudo visudo -c"),
        (
            PROMPT,
            "cd; mkdir -p bin; printf '#!/bin/sh\\ndf -h / | tail -n 1\\n' > bin/disk; chmod +x bin/disk; bin/disk",
        ),
        (
            PROMPT,
            "(crontab -l 2>/dev/null; echo '17 * * * * $HOME/bin/disk >> $HOME/disk.log') | crontab -",
        ),
        (PROMPT, "crontab -l"),
        (PROMPT, "sudo chown -R www-data:www-data /var/www/html"),
        (PROMPT, "sudo chmod 640 /var/log/backup.log"),
        (PROMPT, "history | tail -n 5"),
        (PROMPT, "exit"),
    ],
    // Becomes root, as many do, and takes a backup by hand.
    &[
        (PROMPT, "sudo -i"),
        (PASSWORD, "spring-2026"),
        ("# ", "/usr/local/sbin/backup && ls -l /var/backups"),
        ("# ", "rsync -a /etc/nginx /root/nginx-$(date +%F)"),
        ("# ", "tar tzf /var/backups/etc-*.tar.gz | wc -l"),
        ("# ", "logrotate -d /etc/logrotate.conf 2>&1 | tail -n 3"),
        ("# ", "kill -HUP $(cat /run/rsyslogd.pid)"),
        ("# ", "passwd -S ann; getent passwd ann; chage -l ann"),
        ("# ", "dpkg -l | grep -c ^ii; dpkg -V logrotate; apt-get -s autoremove | tail -n 1"),
        (
            "# ",
            "cat /proc/meminfo | head -n 3; mount | head -n 3; sysctl kernel.randomize_va_space",
        ),
        ("# ", "exit"),
        (PROMPT, "exit"),
    ],
];

const CLIENT: &str = "ssh -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
    -o LogLevel=ERROR -o BatchMode=yes -i /run/range/ann";

/// A session of the administrator, who waits for each answer.
fn session(victim: &Victim, typed: &[(&str, &str)]) -> String {
    let mut terminal: Terminal =
        victim.terminal_on_peer(&format!("{CLIENT} -tt ann@10.77.0.2")).unwrap();
    for (ending, line) in typed {
        terminal.answer(ending, &format!("{line}\n")).unwrap();
    }
    terminal.end().unwrap()
}

/// Has cron do a job now: at what it takes for a boot.
fn by_cron(victim: &Victim, job: &str, done: &str) {
    victim
        .shell(&format!(
            "echo '@reboot root {job}' > /etc/cron.d/job; kill $(cat /run/crond.pid); sleep 0.5
             rm -f /run/crond.reboot; cron
             for wait in $(seq 100); do {done} && break; sleep 0.1; done; {done}"
        ))
        .unwrap();
}

/// Puts SigmaHQ's rules for Linux inside.
fn put_rules(victim: &Victim) {
    let house = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let tar = std::env::temp_dir().join(format!("stanch-rules-{}.tar", std::process::id()));
    let mut pack = Command::new("tar");
    pack.arg("-C").arg(&house).arg("-chf").arg(&tar).arg("sigma-linux");
    assert!(pack.status().unwrap().success());
    victim.put(&tar, "/run/range/rules.tar").unwrap();
    std::fs::remove_file(&tar).unwrap();
    victim.shell("tar -C /run/range -xf /run/range/rules.tar").unwrap();
}

/// What is known of a finding.
#[derive(Debug)]
struct Told {
    level: String,
    sign: String,
    lines: String,
}

/// Returns all findings of the logs, Sigma's with them.
fn findings(victim: &Victim) -> Vec<Told> {
    let arguments = ["detect", "--only", "logs", "--sigma", "/run/range/sigma-linux"];
    let (document, _) = victim.stanch(&arguments).unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let told = |one: &Value| Told {
        level: text(&one["level"]),
        sign: text(&one["sign"]),
        lines: format!("{} {}", one["seen"], one["evidence"]),
    };
    document["findings"].as_array().unwrap().iter().map(told).collect()
}

/// Returns how many events of a kind the logs gave, by `file kind`.
fn read(victim: &Victim) -> BTreeMap<String, i64> {
    let query = "SELECT file, kind, count(*) AS times FROM events GROUP BY file, kind";
    let (document, _) = victim.stanch(&["query", query]).unwrap();
    let mut all = BTreeMap::new();
    for row in document["rows"].as_array().unwrap() {
        let file = row["file"].as_str().unwrap();
        let name = file.rsplit('/').next().unwrap();
        let name = format!("{name} {}", row["kind"].as_str().unwrap());
        *all.entry(name).or_default() += row["times"].as_i64().unwrap();
    }
    all
}

/// What the deeds must have left in the logs, at least: without it, silence would prove nothing.
// list: log and kind of event, how many
const READ: &[(&str, i64)] = &[
    ("auth.log auth.success", 5),
    ("auth.log auth.failure", 1),
    ("auth.log privilege.use", 20),
    ("syslog cron.run", 1),
    ("cron.log cron.change", 1),
    ("dpkg.log package.upgrade", 5),
    ("dpkg.log package.install", 30),
    ("history.log package.upgrade", 1),
    ("history.log package.install", 2),
    ("system.journal auth.success", 5),
    ("system.journal cron.run", 1),
    ("user-1000.journal privilege.use", 20),
    ("user-1000.journal process.seen", 20),
    (".bash_history process.start", 50),
    ("wtmp session.open", 4),
];

/// The machine after its day: what is told of it, from files as they are.
fn assert_quiet(victim: &Victim) {
    let found = findings(victim);
    let is_of_weight = |one: &&Told| match one.sign.starts_with("sigma.") {
        true => matches!(one.level.as_str(), "high" | "critical"),
        false => !matches!(one.level.as_str(), "info" | "low"),
    };
    let of_weight: Vec<&Told> = found.iter().filter(is_of_weight).collect();
    assert!(of_weight.is_empty(), "{of_weight:#?}");
    // The rules were there: what the day holds of their lighter matters, they said.
    for (sign, line) in [(CRONTAB_CHANGED, "(ann) REPLACE (ann)"), (CRONTAB_LISTED, "crontab -l")] {
        let one = found.iter().find(|one| one.sign == sign);
        assert!(one.is_some_and(|one| one.lines.contains(line)), "{sign}: {found:#?}");
    }
}

/// SigmaHQ's "Modifying Crontab", of level medium.
const CRONTAB_CHANGED: &str = "sigma.af202fd3-7bff-4212-a25a-fb34606cfcbe";
/// SigmaHQ's "Crontab Enumeration", of level low.
const CRONTAB_LISTED: &str = "sigma.403ed92c-b7ec-4edd-9947-5b535ee12d46";
/// SigmaHQ's "Commands to Clear or Remove the Syslog", of level high.
const SYSLOG_CLEARED: &str = "sigma.3fcc9b35-39e4-44c0-a2ad-9e82b6902b31";

#[test]
fn a_clean_debian_at_work_has_no_finding_of_weight_by_any_rule() {
    if !possible() {
        return;
    }
    let victim = Victim::boot(&debian().unwrap()).unwrap();
    put_rules(&victim);
    for script in [ADMINISTRATOR, LOGGING, SHELF] {
        victim.shell(script).unwrap();
    }
    victim
        .shell(&format!(
            "cat > /usr/local/sbin/backup <<'END'\n{BACKUP}END\nchmod 755 /usr/local/sbin/backup
             apt-get -qq update; apt-get -qq -y install less >/dev/null 2>&1"
        ))
        .unwrap();
    by_cron(
        &victim,
        "/usr/local/sbin/backup > /var/log/backup.log 2>&1",
        "journalctl -t backup | grep -q done",
    );
    let shown: Vec<String> = SESSIONS.iter().map(|typed| session(&victim, typed)).collect();
    let shown = shown.join("\n").replace('\r', "");
    for done in [
        "\n5 upgraded, 0 newly installed",
        "Setting up gcc (",
        "\nhello\n",
        "test is successful",
        "\n17 * * * * ",
        "root root",
    ] {
        assert!(shown.contains(done), "{done}: {shown}");
    }
    // A backup that is fetched.
    let fetch = format!("{CLIENT} ann@10.77.0.2 tar cf - hello | tar tf -");
    let fetched = victim.on_peer(&fetch).unwrap();
    assert!(fetched.out.contains("hello/hello.c"), "{fetched:?}");
    victim.shell("journalctl --sync; sleep 0.3").unwrap();

    let read_of = read(&victim);
    let short: Vec<&(&str, i64)> = READ
        .iter()
        .filter(|(name, least)| read_of.get(*name).copied().unwrap_or_default() < *least)
        .collect();
    assert!(short.is_empty(), "{short:?} of {read_of:#?}");
    assert_quiet(&victim);
    // The same, rotated.
    victim
        .shell("logrotate -f /etc/logrotate.conf; sleep 0.5; test -s /var/log/auth.log.1")
        .unwrap();
    assert_quiet(&victim);

    // A rule of weight fires by what is of weight.
    let typed =
        [(PROMPT, "sudo rm -f /var/log/syslog"), (PASSWORD, "spring-2026"), (PROMPT, "exit")];
    session(&victim, &typed);
    victim.shell("sleep 0.3").unwrap();
    let found = findings(&victim);
    let one = found.iter().find(|one| one.sign == SYSLOG_CLEARED);
    let line = "COMMAND=/usr/bin/rm -f /var/log/syslog";
    assert!(one.is_some_and(|one| one.level == "high" && one.lines.contains(line)), "{found:#?}");
}
