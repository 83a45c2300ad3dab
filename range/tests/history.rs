//! Stories that logs tell, written by real daemons: each deed is done, each is found by its sign,
//! and what is like it but innocent is not.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use serde_json::Value;
use stanch_range::{Victim, debian, possible};

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
    let found = findings(&victim);
    assert_eq!(grave(&found), Vec::<String>::new());
    victim.shell("useradd -m -s /bin/bash support; usermod -aG sudo support; sleep 0.5").unwrap();
    let found = findings(&victim);
    for sign in ["logs.account-added", "logs.joined-powerful-group"] {
        let about = found.iter().find(|finding| finding["sign"] == sign);
        let seen = about.map(|finding| finding["seen"].to_string()).unwrap_or_default();
        assert!(seen.contains("support"), "{sign}: {found:#?}");
    }
    assert!(!grave(&found).join("\n").contains("newd"), "{found:#?}");
}
