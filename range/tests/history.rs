//! Stories that logs tell, written by real daemons: sshd, rsyslog, cron, nginx. Each deed is done,
//! each is found by its sign with its lines, and what is like it but innocent is not.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use serde_json::Value;
use stanch_range::{Victim, debian, possible};

/// An account with a password that a guesser would try, made without a trace in the logs; the
/// password is `spring-2026`.
const ACCOUNT: &str = r"
    echo 'bob:x:1000:1000::/home/bob:/bin/bash' >> /etc/passwd
    echo 'bob:x:1000:' >> /etc/group
    echo 'bob:$6$stanchrange$n1Av1Yh9i7nSptmeISWo1I1H7lA6KiagKTF46dxE3IpvQXTbyK8huM.Vunyndx7ox74PZDopY7bjgTWH6tNBw0:20000:0:99999:7:::' >> /etc/shadow
    mkdir -p /home/bob; chown 1000:1000 /home/bob
    cp -p /etc/passwd /etc/passwd-; cp -p /etc/shadow /etc/shadow-; cp -p /etc/group /etc/group-
";

/// Tries passwords over ssh, three on each connection, and says how it ended.
const GUESS: &str = r#"
    mkdir -p /run/guess; cd /run/guess
    printf '#!/bin/sh\necho "$GUESS"\n' > ask; chmod 755 ask
    try() {
        GUESS="$2" SSH_ASKPASS=/run/guess/ask SSH_ASKPASS_REQUIRE=force DISPLAY=none \
        setsid -w timeout 30 ssh -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
            -o PubkeyAuthentication=no -o NumberOfPasswordPrompts=$3 -o ConnectTimeout=5 \
            "$1"@10.77.0.2 "$4" 2>/dev/null
    }
"#;

fn victim() -> Victim {
    let victim = Victim::boot(&debian().unwrap()).unwrap();
    victim.shell(ACCOUNT).unwrap();
    victim
}

fn findings(victim: &Victim) -> (Value, Vec<Value>) {
    let (document, _) = victim.stanch(&["detect", "--only", "logs"]).unwrap();
    let findings = document["findings"].as_array().unwrap().clone();
    (document, findings)
}

fn of_sign<'f>(findings: &'f [Value], sign: &str) -> Vec<&'f Value> {
    findings.iter().filter(|finding| finding["sign"] == sign).collect()
}

/// Returns `level sign seen` of all findings above a note.
fn grave(findings: &[Value]) -> Vec<String> {
    let above = |finding: &&Value| !matches!(finding["level"].as_str().unwrap(), "info" | "low");
    let told =
        |finding: &Value| format!("{} {} {}", finding["level"], finding["sign"], finding["seen"]);
    findings.iter().filter(above).map(told).collect()
}

/// Returns the excerpts of a finding's evidence.
fn excerpts(finding: &Value) -> String {
    let evidence = finding["evidence"].as_array().unwrap().iter();
    evidence.map(|one| format!("{}:{} {}\n", one["source"], one["line"], one["excerpt"])).collect()
}

#[test]
fn guessing_that_succeeds_is_found_and_two_typos_are_not() {
    if !possible() {
        return;
    }
    let victim = victim();
    // An admin's two typos, then the right password.
    let typos = format!("{GUESS} try bob spring-2025 2 true; try bob spring-2026 1 'echo in'");
    let ran = victim.from_peer(&typos).unwrap();
    assert!(ran.out.contains("in"), "{ran:?}");
    let (_, found) = findings(&victim);
    assert_eq!(grave(&found), Vec::<String>::new());

    let victim = self::victim();
    let guesses = format!(
        "{GUESS} for user in root admin oracle; do try $user wrong 3 true; done; \
         try bob winter 3 true; try bob summer 3 true; try bob spring-2026 1 'echo in'"
    );
    let ran = victim.from_peer(&guesses).unwrap();
    assert!(ran.out.contains("in"), "{ran:?}");
    let (document, found) = findings(&victim);
    let success = of_sign(&found, "logs.success-after-failures");
    let [success] = success[..] else { panic!("{:#?}", grave(&found)) };
    assert!(matches!(success["level"].as_str().unwrap(), "high" | "critical"), "{success:#}");
    let lines = excerpts(success);
    assert!(lines.contains("Accepted password for bob from 10.77.0.1"), "{lines}");
    assert!(lines.contains("/var/log/auth.log"), "{lines}");
    assert_ne!(document["verdict"], "clean");
}

#[test]
fn an_account_added_and_made_an_administrator_is_found_and_a_packages_own_is_not() {
    if !possible() {
        return;
    }
    let victim = victim();
    // As a package's postinst does it, within its transaction.
    victim
        .shell(
            "date '+%F %T install newd:amd64 <none> 1.0' >> /var/log/dpkg.log
             useradd --system --no-create-home --shell /usr/sbin/nologin newd
             date '+%F %T status installed newd:amd64 1.0' >> /var/log/dpkg.log; sleep 0.5",
        )
        .unwrap();
    let (_, found) = findings(&victim);
    assert_eq!(grave(&found), Vec::<String>::new());
    victim.shell("useradd -m -s /bin/bash support; usermod -aG sudo support; sleep 0.5").unwrap();
    let (_, found) = findings(&victim);
    let told = grave(&found).join("\n");
    assert!(told.contains("support"), "{found:#?}");
    assert!(!told.contains("newd"), "{told}");
}
