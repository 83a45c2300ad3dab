//! Login signs over real logs of others, and over the mistakes of honest people.

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
        failures.iter().filter(|(address, _)| !named.contains(&format!("{address}"))).collect();
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
