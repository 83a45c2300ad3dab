//! `stanch detect` on a real Debian with real daemons: clean when it is clean, and every stand-in
//! found by pid or path.

use serde_json::Value;
use stanch_range::{Victim, debian, possible};

/// Returns sign, level and subject of each finding above `low`.
fn grave(document: &Value) -> Vec<String> {
    document["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| !matches!(finding["level"].as_str().unwrap(), "info" | "low"))
        .map(|finding| {
            format!(
                "{} {} {} {}",
                finding["level"], finding["sign"], finding["entity"], finding["seen"]
            )
        })
        .collect()
}

fn assert_clean(document: &Value, code: i32) {
    assert_eq!(grave(document), Vec::<String>::new());
    assert_eq!(document["verdict"], "clean");
    assert_eq!(code, 0, "gaps: {:#}", document["gaps"]);
}

#[test]
fn a_clean_debian_with_daemons_is_clean_live_and_as_a_root() {
    if !possible() {
        return;
    }
    let root = debian().unwrap();
    let victim = Victim::boot(&root).unwrap();
    let (document, code) = victim.stanch(&["detect"]).unwrap();
    assert_clean(&document, code);
    let (document, code) = victim.stanch(&["--root", "/", "detect"]).unwrap();
    assert_clean(&document, code);
}
