//! What was acknowledged survives `kill -9`: a child appends and says each number only when the
//! ledger has returned; the parent kills it in the middle, many times over one ledger.
#![expect(clippy::disallowed_methods, reason = "the test starts itself as the child to kill")]
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test, though it has its own main")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use stanch_ledger::{Ledger, Record, verify};

const ROUNDS: u64 = 8;

fn record(body: serde_json::Value) -> Record {
    Record { time: 1, who: "root".into(), tool: "test".into(), what: "kill".into(), body }
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, word, path] = &arguments[..]
        && word == "append"
    {
        return append_for_ever(Path::new(path));
    }
    let place = std::env::temp_dir().join(format!("ledger-kill-{}", std::process::id()));
    std::fs::create_dir_all(&place).unwrap();
    let path = place.join("ledger.jsonl");
    drop(Ledger::create(&path).unwrap());
    let mut acknowledged = 0;
    for round in 0..ROUNDS {
        acknowledged = acknowledged.max(one_round(&path, 5 + round));
        let checked = verify(&path, &mut |_| {}).unwrap();
        assert!(checked.head.n >= acknowledged, "{acknowledged} acknowledged, {checked:?}");
    }
    assert!(acknowledged >= ROUNDS);
    println!("{acknowledged} acknowledged entries survived {ROUNDS} kills");
    std::fs::remove_dir_all(&place).unwrap();
}

/// Lets a child append until it has acknowledged some entries, kills it, and returns the last
/// number it acknowledged.
fn one_round(path: &Path, wanted: u64) -> u64 {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .arg("append")
        .arg(path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut last = 0;
    for _ in 0..wanted {
        last = lines.next().unwrap().unwrap().parse().unwrap();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // What it still managed to say before it died was acknowledged too.
    for line in lines {
        last = line.unwrap().parse().unwrap_or(last);
    }
    last
}

fn append_for_ever(path: &Path) {
    let mut ledger = Ledger::open(path, &record(serde_json::Value::Null)).unwrap();
    let long = "x".repeat(100_000);
    loop {
        let entry = ledger.append(&record(serde_json::json!(long))).unwrap();
        let mut out = std::io::stdout();
        // A closed pipe means that the parent is gone.
        if writeln!(out, "{}", entry.head.n).and_then(|()| out.flush()).is_err() {
            return;
        }
    }
}
