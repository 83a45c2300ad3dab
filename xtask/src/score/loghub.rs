//! loghub's logs of machines that were guessed at for days and never got broken into.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context as _, Result};
use stanch_words::EventKind;

use super::{ABUSE, Measure, noon, read};

/// Scores `OpenSSH_2k.log`: 520 failed passwords, and every attacking address.
///
/// # Errors
/// If the files cannot be read.
pub fn score(folder: &Path) -> Result<Vec<Measure>> {
    let path = folder.join("OpenSSH_2k.log");
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let seen = read("auth.log", text.as_bytes(), noon(2015, 12, 31));
    let failures: Vec<_> = seen
        .iter()
        .filter(|event| {
            let failed = matches!(event.kind, EventKind::AuthFailure | EventKind::AuthInvalidUser);
            failed && event.method == "password"
        })
        .collect();
    let attempts: i64 = failures.iter().map(|event| event.count).sum();
    let mut count = Measure::new("lines of failed passwords", Some(1.0));
    count.total = 520;
    count.hits = 520_usize.saturating_sub(failures.len().abs_diff(520));
    count.note =
        format!("{} lines told of 520; two are folded: {attempts} attempts", failures.len());

    // Whoever failed, by a reading of our own that knows nothing of parsers.
    let mut expected = BTreeSet::new();
    for line in text.lines().filter(|line| line.contains("Failed password for")) {
        let address = line.rsplit(" from ").next().and_then(|rest| rest.split(' ').next());
        expected.extend(address.map(str::to_owned));
    }
    let named: BTreeSet<&str> = seen
        .iter()
        .filter(|event| ABUSE.contains(&event.kind))
        .map(|event| event.source_ip.as_str())
        .collect();
    let mut addresses = Measure::new("attacking addresses named", Some(1.0));
    for address in &expected {
        addresses.count(named.contains(address.as_str()), || address.clone());
    }
    let mut accepted = Measure::new("logins accepted", Some(1.0));
    let let_in = seen.iter().filter(|event| event.kind == EventKind::AuthSuccess).count();
    accepted.count(let_in == 1, || format!("{let_in} told, 1 is known"));
    Ok(vec![count, addresses, accepted, linux(folder)?])
}

/// Scores `Linux_2k.log`, where PAM alone tells of failures.
fn linux(folder: &Path) -> Result<Measure> {
    let path = folder.join("Linux_2k.log");
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let seen = read("messages", text.as_bytes(), noon(2005, 8, 1));
    let mut addresses = Measure::new("Linux_2k: remote hosts of failures named", Some(1.0));
    let mut expected = BTreeSet::new();
    for line in text.lines().filter(|line| line.contains("authentication failure; ")) {
        let host = line.split(" rhost=").nth(1).and_then(|rest| rest.split(' ').next());
        expected.extend(host.filter(|host| !host.is_empty()).map(str::to_owned));
    }
    for host in &expected {
        let named =
            seen.iter().any(|event| ABUSE.contains(&event.kind) && event.source_ip == *host);
        addresses.count(named, || host.clone());
    }
    Ok(addresses)
}
