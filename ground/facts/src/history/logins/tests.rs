//! The fold over events that are made by hand: what no single log can show.

use std::borrow::Cow;
use std::path::PathBuf;

use stanch_machine::Pretend;
use stanch_words::{Row, TableSpec, Value};

use super::*;

const PASSWD: &str = "root:x:0:0::/root:/bin/sh\nwww-data:x:33:33::/var/www:/bin/bash\n\
    ann:x:1000:1000::/home/ann:/bin/sh\n";

struct Passing(Logins);

impl Passing {
    fn new() -> Self {
        Self(Logins::new())
    }

    fn event(&mut self, witness: Witness, kind: EventKind, time: i64, who: (&str, &str)) {
        let path = match witness {
            Witness::LoginRecords => "/var/log/wtmp",
            Witness::Journal => "/var/log/journal/a/system.journal",
            _ => "/var/log/auth.log",
        };
        let source = Source::new(PathBuf::from(path), witness);
        let mut event = Event::new(kind);
        event.time = Some(time.saturating_mul(1_000_000));
        event.user = Cow::Borrowed(who.0);
        event.source_ip = Cow::Borrowed(who.1);
        event.program = Cow::Borrowed("sshd");
        event.message = Cow::Borrowed("as told");
        event.place.file = source.path_text();
        if witness != Witness::LoginRecords {
            event.method = Cow::Borrowed("password");
        }
        self.0.event(&event, &source);
    }

    fn end(self) -> BTreeMapOfTables {
        let host = Host::new(Arc::new(Pretend::new().file("/etc/passwd", PASSWD)));
        Box::new(self.0).end(&host).into_iter().collect()
    }
}

type BTreeMapOfTables = std::collections::BTreeMap<&'static str, Seen>;

fn at(spec: &TableSpec, row: &Row, column: &str) -> Value {
    row.get(spec.position(column).unwrap()).clone()
}

fn numbers(spec: &TableSpec, row: &Row, columns: &[&str]) -> Vec<Option<i64>> {
    columns.iter().map(|column| at(spec, row, column).as_integer()).collect()
}

use EventKind::{AuthFailure, AuthSuccess, SessionOpen};
use Witness::{Journal, LoginRecords, Text};

#[test]
fn two_witnesses_of_one_deed_are_not_added_up() {
    let mut passing = Passing::new();
    for n in 0..20 {
        passing.event(Journal, AuthFailure, 1000 + n, ("root", "192.0.2.1"));
    }
    passing.event(Journal, AuthSuccess, 1100, ("root", "192.0.2.1"));
    for n in 0..15 {
        passing.event(Text, AuthFailure, 1000 + n, ("root", "192.0.2.1"));
    }
    passing.event(Text, AuthSuccess, 1101, ("root", "::ffff:192.0.2.1"));
    let tables = passing.end();
    let spec = &logins::SPEC;
    let rows = &tables[spec.name].rows;
    assert_eq!(rows.len(), 1);
    let row = &rows[0];
    assert_eq!(
        numbers(
            spec,
            row,
            &["failures_hour", "failures_pair", "user_failures_day", "authenticated"]
        ),
        [Some(20), Some(20), Some(20), Some(1)]
    );
    assert_eq!(at(spec, row, "witness").as_text(), Some("journal,text"));
    assert_eq!(at(spec, row, "lines").as_text().unwrap().matches("\"line\"").count(), 7);
    let spec = &login_failures::SPEC;
    let best: Vec<_> = tables[spec.name]
        .rows
        .iter()
        .map(|row| numbers(spec, row, &["failures", "best", "peak_10s", "peak_2m"]))
        .collect();
    assert_eq!(best.len(), 2);
    assert!(best.contains(&vec![Some(20), Some(1), Some(10), Some(20)]), "{best:?}");
    assert!(best.contains(&vec![Some(15), Some(0), Some(10), Some(15)]), "{best:?}");
}

#[test]
fn a_record_without_an_authentication_says_so_only_where_a_log_covers_it() {
    let mut passing = Passing::new();
    for (time, user) in [(1000, "ann"), (2000, "ann"), (9000, "ann")] {
        passing.event(Text, AuthSuccess, time, (user, "192.0.2.1"));
        passing.event(LoginRecords, SessionOpen, time + 1, (user, "192.0.2.1"));
    }
    passing.event(LoginRecords, SessionOpen, 5000, ("root", "192.0.2.66"));
    passing.event(LoginRecords, SessionOpen, 10, ("ann", "192.0.2.1"));
    let tables = passing.end();
    let spec = &logins::SPEC;
    let shown: Vec<_> = tables[spec.name]
        .rows
        .iter()
        .map(|row| numbers(spec, row, &["time", "authenticated", "recorded", "new_source"]))
        .collect();
    assert_eq!(
        shown,
        [
            [Some(10), None, Some(1), Some(1)],
            [Some(1000), Some(1), Some(1), Some(0)],
            [Some(2000), Some(1), Some(1), Some(0)],
            [Some(5000), Some(0), Some(1), Some(1)],
            [Some(9000), Some(1), Some(1), Some(0)],
        ]
    );
}

#[test]
fn a_flood_of_addresses_is_capped_and_said() {
    let mut passing = Passing::new();
    for n in 0..30 {
        passing.event(Text, AuthFailure, n, ("root", "192.0.2.1"));
    }
    for n in 0..60_000_i64 {
        let source = format!("10.{}.{}.{}", n / 65_536, n / 256 % 256, n % 256);
        passing.event(Text, AuthFailure, 100 + n, ("root", &source));
    }
    let tables = passing.end();
    let seen = &tables[login_failures::SPEC.name];
    assert!(seen.rows.len() <= MOST_SOURCES);
    assert_eq!(seen.gaps.len(), 1, "{:?}", seen.gaps);
    let spec = &login_failures::SPEC;
    let loudest =
        seen.rows.iter().find(|row| at(spec, row, "source").as_text() == Some("192.0.2.1"));
    assert_eq!(numbers(spec, loudest.unwrap(), &["failures"]), [Some(30)]);
}

#[test]
fn years_of_guessing_stay_small_and_lose_no_count() {
    let mut passing = Passing::new();
    for n in 0..500_000_i64 {
        passing.event(Text, AuthFailure, n * 30, ("root", "192.0.2.1"));
    }
    assert!(passing.0.slots <= MOST_SLOTS && passing.0.width > WIDTH);
    let tables = passing.end();
    let spec = &login_failures::SPEC;
    let row = &tables[spec.name].rows[0];
    assert_eq!(
        numbers(spec, row, &["failures", "days", "median_gap"]),
        [Some(500_000), Some(174), Some(30)]
    );
}

#[test]
fn a_flood_of_logins_pushes_no_first_one_out() {
    let mut passing = Passing::new();
    passing.event(Text, AuthSuccess, 10, ("root", "192.0.2.66"));
    for n in 0..30_000_i64 {
        passing.event(Text, AuthSuccess, 100 + n * 20, ("ann", "192.0.2.1"));
    }
    let tables = passing.end();
    let seen = &tables[logins::SPEC.name];
    assert_eq!((seen.rows.len(), seen.gaps.len()), (success::MOST_LOGINS, 1));
    let spec = &logins::SPEC;
    assert_eq!(at(spec, &seen.rows[0], "username").as_text(), Some("root"));
    assert_eq!(numbers(spec, &seen.rows[0], &["new_user"]), [Some(1)]);
}
