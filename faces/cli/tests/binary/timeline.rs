//! `stanch timeline` on a root directory and on a bundle of it.

use crate::world::World;

fn world() -> World {
    let world = World::new();
    world.file("etc/passwd", "root:x:0:0::/root:/bin/sh\n");
    world.file("usr/bin/true", "");
    let log = "2026-03-01T08:00:00+00:00 web01 sshd[1]: Accepted password for root from 203.0.113.9 port 4 ssh2\n\
               2026-03-01T08:00:05+00:00 web01 sudo: root : TTY=pts/0 ; PWD=/root ; USER=root ; COMMAND=/bin/sh\n";
    world.file("var/log/auth.log", log);
    world.file("srv/www/=x|y.php", "<?php");
    let at = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_772_352_003);
    let shell = std::fs::File::options().write(true).open(world.path("root/srv/www/=x|y.php"));
    shell.unwrap().set_times(std::fs::FileTimes::new().set_modified(at)).unwrap();
    world
}

#[test]
fn logs_and_files_stand_in_one_order() {
    let world = world();
    let asked = ["timeline", "--since", "2026-03-01", "--until", "2026-03-02"];
    let run = world.run(&asked);
    assert_eq!(run.code, 0, "{run}");
    let lines: Vec<&str> = run.stdout.lines().skip(1).collect();
    let begin = |at: usize| lines[at].get(..35).unwrap();
    assert_eq!(lines.len(), 4, "{run}");
    assert_eq!(begin(0), "2026-03-01 08:00:00Z  auth.success ");
    assert_eq!(begin(1), "2026-03-01 08:00:03Z  file m...    ");
    assert_eq!(begin(2), "2026-03-01 08:00:05Z  privilege.use");
    assert_eq!(begin(3), "2026-03-01 08:00:05Z  process.start");
    assert!(lines[0].contains("/var/log/auth.log:1 "), "{run}");
    assert!(run.stderr.starts_with("3 events of 1 logs, 1 times of "), "{run}");
    let zh = world.run(&[&["--lang", "zh"][..], &asked].concat());
    assert!(zh.stderr.starts_with("1 份日志中的 3 个事件，"), "{zh}");
    let some = world.run(&[&asked[..], &["--kind", "auth"]].concat());
    assert_eq!(some.stdout.lines().count(), 2, "{some}");
    let some = world.run(&[&asked[..], &["--path", "/srv"]].concat());
    assert_eq!(some.stdout.lines().count(), 2, "{some}");
    for wrong in [["--kind", "auht"], ["--since", "whenever"], ["--format", "xls"]] {
        let refused = world.run(&[&["timeline"][..], &wrong].concat());
        assert_eq!(refused.code, 2, "{refused}");
    }
}

#[test]
fn every_form_goes_to_a_pipe_and_into_a_file_and_a_bundle_tells_the_same() {
    let world = world();
    let asked = ["--since", "2026-03-01", "--until", "2026-03-02"];
    let jsonl = world.run(&[&["timeline", "--json"][..], &asked].concat()).stdout;
    assert_eq!(jsonl.lines().count(), 4, "{jsonl}");
    assert!(jsonl.lines().all(|line| line.starts_with("{\"message\":\"")), "{jsonl}");
    let file = world.path("t.jsonl").display().to_string();
    let kept = world.run(&[&["timeline", "-o", &file, "--json"][..], &asked].concat());
    assert_eq!(kept.code, 0, "{kept}");
    assert!(kept.stdout.contains("\"schema\": \"stanch.timeline-summary/1\""), "{kept}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), jsonl);
    let again = world.run(&["timeline", "-o", &file]);
    assert_eq!(again.code, 2, "a name that is taken is refused: {again}");
    let body = world.run(&[&["timeline", "--format", "bodyfile"][..], &asked].concat()).stdout;
    assert!(body.contains("0|/srv/www/=x\\x7cy.php|"), "{body}");
    assert!(body.lines().all(|line| line.split('|').count() == 11), "{body}");
    let csv = world.run(&[&["timeline", "--format", "csv"][..], &asked].concat()).stdout;
    assert!(csv.starts_with("message,timestamp,datetime,timestamp_desc,kind,"), "{csv}");
    assert_eq!(csv.lines().count(), 5, "{csv}");

    let bundle = world.path("case.tar.gz").display().to_string();
    assert_eq!(world.run(&["preserve", "-o", &bundle]).code, 0);
    let asked = [&["--bundle", &bundle, "timeline", "--json"][..], &asked].concat();
    let bundled = world.plain(&asked);
    // The bundle keeps the times of files to the second, and when a file was made.
    assert_eq!(bundled.stdout, jsonl, "{bundled}");
}
