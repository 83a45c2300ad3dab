//! `stanch baseline`.

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::world::World;

fn server() -> World {
    let world = World::new();
    world.file("etc/os-release", "ID=debian\n");
    world.file("etc/hosts", "127.0.0.1 localhost\n");
    world.file("usr/bin/passwd", "good");
    world.bytes("usr/lib/strange\u{1b}[2Jname", b"x");
    world
}

/// Returns the path of a file beside the root.
fn beside(world: &World, name: &str) -> String {
    world.path(name).display().to_string()
}

fn made(world: &World) -> String {
    let file = beside(world, "b");
    let run = world.run(&["baseline", "create", "-o", &file, "--lang", "en"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.contains("8 files") && run.stdout.contains("Seal: "), "{run}");
    file
}

#[test]
fn of_a_folder_that_is_not_there_no_baseline_is_made() {
    let world = server();
    let file = beside(&world, "b");
    let run = world.run(&["baseline", "create", "-o", &file, "/etc", "/nodir", "--lang", "en"]);
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stderr.starts_with("error: there is no `/nodir` in the image\n"), "{run}");
    assert!(!world.path("b").exists());
}

#[test]
fn what_was_added_removed_and_altered_is_told_and_nothing_else() {
    let world = server();
    let file = made(&world);
    let run = world.run(&["baseline", "check", &file, "--lang", "en"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.starts_with("As in the baseline: 8 files"), "{run}");
    let root = world.path("root");
    let passwd = root.join("usr/bin/passwd");
    let time = std::fs::metadata(&passwd).unwrap().modified().unwrap();
    std::fs::write(&passwd, "evil").unwrap();
    std::fs::File::options().write(true).open(&passwd).unwrap().set_modified(time).unwrap();
    std::fs::remove_file(root.join("etc/hosts")).unwrap();
    world.file("etc/cron.d/x", "* * * * * root id\n");
    let run = world.run(&["baseline", "check", &file, "--lang", "en"]);
    assert_eq!(run.code, 1, "{run}");
    for part in [
        "/usr/bin/passwd\n    content is another, size and time of change are the old ones",
        "New: 2\n  /etc/cron.d\n",
        "Gone: 1\n  /etc/hosts\n",
        "Differences: 4; files compared: 7",
        "not signed: whoever could\nwrite it could forge it",
    ] {
        assert!(run.stdout.contains(part), "{part}\n{run}");
    }
    let run = world.run(&["baseline", "check", &file, "--lang", "zh"]);
    assert!(run.stdout.contains("内容已变，大小和修改时间却与原来相同"), "{run}");
    let run = world.run(&["baseline", "check", &file, "--json"]);
    for part in [
        "\"schema\": \"stanch.baseline-check/1\"",
        "\"time_kept\": true",
        "\"change\": \"removed\"",
    ] {
        assert!(run.stdout.contains(part), "{part}\n{run}");
    }
    let run = world.run(&["detect", "--only", "files", "--baseline", &file, "--lang", "en"]);
    assert!(run.stdout.contains("files.differs-from-baseline"), "{run}");
}

#[test]
fn a_name_that_is_taken_is_refused_and_an_update_keeps_the_older_one() {
    let world = server();
    let file = made(&world);
    let again = world.run(&["baseline", "create", "-o", &file, "--lang", "en"]);
    assert_eq!(again.code, 2, "{again}");
    assert!(again.stderr.contains("left as: nothing was changed"), "{again}");
    world.file("etc/new", "new");
    let silent = world.run(&["baseline", "update", &file, "--lang", "en"]);
    assert_eq!(silent.code, 4, "{silent}");
    let seal = |run: &str| {
        let line = run.lines().find(|line| line.contains("\"seal\"")).unwrap();
        line.split('"').nth(3).unwrap().to_owned()
    };
    let before = world.run(&["baseline", "check", &file, "--json"]).stdout;
    let run = world.run(&["baseline", "update", &file, "--yes", "--json"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.contains(&format!("\"follows\": \"{}\"", seal(&before))), "{run}");
    assert!(run.stdout.contains("b.1\""), "{run}");
    assert_eq!(world.run(&["baseline", "check", &file]).code, 0);
    assert_eq!(world.run(&["baseline", "check", &beside(&world, "b.1")]).code, 1);
}

#[test]
fn a_signature_is_verified_first_and_a_torn_or_altered_file_is_refused() {
    let world = server();
    let file = made(&world);
    let [key, other] = ["key", "other"].map(|name| beside(&world, name));
    for key in [&key, &other] {
        let run = world.plain(&["baseline", "key", "-o", key, "--lang", "en"]);
        assert_eq!(run.code, 0, "{run}");
    }
    let public = format!("{key}.pub");
    let check =
        |key: &str| world.run(&["baseline", "check", &file, "--public-key", key, "--lang", "en"]);
    // Nobody has signed it yet.
    assert_eq!(check(&public).code, 2);
    let run = world.plain(&["baseline", "sign", &file, "--key", &key, "--lang", "en"]);
    assert_eq!(run.code, 0, "{run}");
    let run = check(&public);
    assert!(run.code == 0 && run.stdout.contains("signed by key"), "{run}");
    let run = check(&format!("{other}.pub"));
    assert!(run.code == 4 && run.stderr.contains("another key made the signature"), "{run}");
    let whole = std::fs::read(&file).unwrap();
    std::fs::write(&file, &whole[..whole.len() - 5]).unwrap();
    let run = check(&public);
    assert!(run.code == 4 && run.stderr.contains("it is torn"), "{run}");
    let mut altered = whole.clone();
    altered[whole.len() / 2] ^= 1;
    std::fs::write(&file, altered).unwrap();
    let run = check(&public);
    assert!(run.code == 4 && run.stderr.contains("it was altered"), "{run}");
    assert_eq!(run.stdout, "");
}

#[test]
fn it_goes_out_and_comes_back_over_a_pipe() {
    let world = server();
    let root = world.path("root");
    let stanch = |arguments: &[&str], given: &[u8]| {
        let mut child = Command::new(env!("CARGO_BIN_EXE_stanch"))
            .env_clear()
            .arg("--root")
            .arg(&root)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(given).unwrap();
        child.wait_with_output().unwrap()
    };
    let made = stanch(&["baseline", "create", "-o", "-", "--lang", "en"], b"");
    assert_eq!(made.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&made.stderr).contains("8 files"));
    let checked = stanch(&["baseline", "check", "-", "--lang", "en"], &made.stdout);
    assert_eq!(checked.status.code(), Some(0), "{checked:?}");
    let torn = stanch(&["baseline", "check", "-", "--lang", "en"], &made.stdout[..100]);
    assert_eq!(torn.status.code(), Some(4), "{torn:?}");
}

#[test]
fn what_may_not_be_read_is_a_gap_and_neither_new_nor_gone() {
    let world = server();
    world.file("etc/shadow", "root:*:");
    world.forbid("etc/shadow");
    let file = beside(&world, "as-nobody");
    // Where nobody may write, the baseline goes over a pipe; here the folder is opened to all.
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(world.path("."), open).unwrap();
    let run = world.as_nobody(&["baseline", "create", "-o", &file, "--lang", "en"]);
    assert_eq!(run.code, 3, "{run}");
    assert!(run.stderr.contains("/etc/shadow"), "{run}");
    let run = world.as_nobody(&["baseline", "check", &file, "--lang", "en"]);
    assert_eq!(run.code, 3, "{run}");
    assert!(run.stdout.starts_with("As in the baseline"), "{run}");
}
