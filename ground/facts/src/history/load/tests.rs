use stanch_machine::Pretend;
use stanch_words::{Clock, Place};

use super::*;
use crate::load_history::Sample;

const START: i64 = 1_790_000_000 - 1_790_000_000 % DAY;
const HOUR: i64 = 3_600;

/// Samples of ten minutes over so many days, each measure told by a function of the time.
fn samples(days: i64, value: impl Fn(Measure, i64) -> Option<f64>) -> Vec<Sample> {
    let times = (1..=days * 144).map(|at| START + at * 600);
    let sample = |time| {
        let mut sample = Sample::new(time, 600, "sysstat");
        for measure in Measure::ALL {
            sample.put(measure, value(measure, time - 600));
        }
        sample
    };
    times.map(sample).collect()
}

/// A server that works by day, with some noise.
fn usual(measure: Measure, time: i64) -> f64 {
    let noise = f64::from(u32::try_from((time / 600) * 7919 % 17).unwrap()) / 17.0;
    let hour = (time - START) / HOUR % 24;
    let by_day = if (8..18).contains(&hour) { 1.0 } else { 0.2 };
    match measure {
        Measure::Cpu => 20.0 * by_day + 4.0 * noise,
        Measure::Load => 0.6 * by_day + 0.2 * noise,
        Measure::Memory => 40.0 + 2.0 * noise,
        Measure::Sent => 300.0 * by_day + 60.0 * noise,
        _ => noise,
    }
}

fn history(samples: Vec<Sample>) -> Host {
    let host = Host::new(Arc::new(Pretend::new()));
    host.give(Arc::new(LoadHistory { samples, gaps: Vec::new() }));
    host
}

fn event(kind: EventKind, time: i64) -> Event<'static> {
    let mut event = Event::new(kind);
    event.time = Some(time * 1_000_000);
    event.clock = Clock::Utc;
    event.place = Place { file: "/var/log/auth.log", line: 7, offset: 70 };
    event
}

fn session(kind: EventKind, pid: i64, time: i64) -> Event<'static> {
    let mut event = event(kind, time);
    event.program = "sshd".into();
    event.user = "root".into();
    event.source_ip = "192.0.2.9".into();
    event.pid = Some(pid);
    event
}

fn tables(host: &Host, events: &[Event<'_>]) -> Vec<Vec<Row>> {
    let mut fold = Box::new(Load::default());
    let source = Source::new("/var/log/auth.log".into(), Witness::Text);
    for event in events {
        fold.event(event, &source);
    }
    fold.end(host).into_iter().map(|(_, seen)| seen.rows).collect()
}

fn miner(measure: Measure, time: i64) -> Option<f64> {
    let began = START + 12 * DAY + 3 * HOUR + 1200;
    let more = match measure {
        Measure::Cpu => 70.0,
        Measure::Load => 3.0,
        Measure::Memory => 25.0,
        _ => 0.0,
    };
    Some(usual(measure, time) + if time >= began { more } else { 0.0 })
}

#[test]
fn a_miner_is_dated_to_the_interval_in_which_it_began() {
    let rows = &tables(&history(samples(16, miner)), &[])[0];
    let said = |row: &Row| {
        use load_changes::col;
        let text = |column| row.get(column).as_text().unwrap_or_default().to_owned();
        let number = |column| row.get(column).as_integer();
        (text(col::measure), number(col::since), number(col::resources), number(col::leads))
    };
    let since = Some(START + 12 * DAY + 3 * HOUR + 1200);
    let row = |measure: &str, leads| (measure.to_owned(), since, Some(2), Some(leads));
    let found: Vec<_> = rows.iter().map(said).collect();
    assert_eq!(found, [row("cpu_percent", 1), row("load_average", 0), row("memory_percent", 0)]);
    let goes_on = rows[0].get(load_changes::col::goes_on).as_integer();
    let near = rows[0].get(load_changes::col::near_package).as_integer();
    assert_eq!((goes_on, near), (Some(1), None));
}

#[test]
fn a_rise_of_the_past_has_an_end_and_a_deploy_is_named() {
    let began = START + 12 * DAY + 3 * HOUR + 1200;
    let over = |measure, time| {
        if time < began + 30 * HOUR { miner(measure, time) } else { Some(usual(measure, time)) }
    };
    let mut early = event(EventKind::PackageUpgrade, START);
    early.with("package", "tzdata");
    let mut deploy = event(EventKind::PackageInstall, began - HOUR);
    deploy.with("package", "postgresql");
    let rows = &tables(&history(samples(28, over)), &[early, deploy])[0];
    use load_changes::col;
    let row = &rows[0];
    assert_eq!(row.get(col::goes_on).as_integer(), Some(0));
    assert_eq!(row.get(col::near_package).as_integer(), Some(1));
    assert_eq!(row.get(col::packages).as_text(), Some("postgresql"));
    let until = row.get(col::until).as_integer().unwrap();
    assert!(
        (until - began).abs_diff(36 * HOUR) <= 3 * HOUR.unsigned_abs() * 3,
        "{}",
        until - began
    );
}

#[test]
fn days_nights_weekends_and_a_nightly_backup_are_no_rise() {
    let week = |measure, time: i64| {
        let day = (time - START) / DAY % 7;
        let busy = if day < 5 { 1.0 } else { 0.3 };
        let hour = (time - START) / HOUR % 24;
        let backup = match measure {
            Measure::Written if hour == 2 => 40_000.0,
            Measure::Cpu if hour == 2 => 60.0,
            _ => 0.0,
        };
        Some(usual(measure, time) * busy + backup)
    };
    for days in [5, 7, 9, 12, 21, 40] {
        let rows = &tables(&history(samples(days, week)), &[])[0];
        assert!(rows.is_empty(), "{days} days: {rows:?}");
    }
}

/// A plateau of ninety per cent with holes.
fn hiding(holes: &[(i64, i64)]) -> Vec<Sample> {
    samples(3, |measure, time| {
        let inside = holes.iter().any(|(from, to)| (*from..*to).contains(&(time + 300)));
        (measure == Measure::Cpu).then_some(if inside { 6.0 } else { 91.0 })
    })
}

fn visits(times: &[(i64, i64)]) -> Vec<Event<'static>> {
    let both = |(pid, &(from, to)): (i64, &(i64, i64))| {
        [session(EventKind::SessionOpen, pid, from), session(EventKind::SessionClose, pid, to)]
    };
    (1..).zip(times).flat_map(both).collect()
}

fn counts(rows: &[Row]) -> Vec<(Option<i64>, Option<i64>, Option<i64>)> {
    use load_retreats::col;
    let number = |row: &Row, column| row.get(column).as_integer();
    let all = |row: &Row| {
        (number(row, col::retreats), number(row, col::other_falls), number(row, col::stayed))
    };
    rows.iter().map(all).collect()
}

#[test]
fn holes_that_match_sessions_are_counted_and_those_that_do_not() {
    let at = |hours: i64| START + hours * HOUR;
    let times = [(at(5) + 130, at(6) + 40), (at(20) + 500, at(22))];
    let mut holes = times.to_vec();
    holes.push((at(40), at(41)));
    let mut events = visits(&times);
    events.extend(visits(&[(at(50), at(52))]));
    let rows = &tables(&history(hiding(&holes)), &events)[1];
    assert_eq!(counts(rows), [(Some(2), Some(1), Some(1)); 2]);
    let user = rows[0].get(load_retreats::col::username).as_text().map(str::to_owned);
    assert_eq!(user.as_deref(), Some("root"));
}

#[test]
fn a_hole_that_begins_with_top_is_counted_and_one_of_cron_is_not() {
    let at = |hours: i64| START + hours * HOUR;
    let holes = [(at(5), at(6)), (at(20), at(21))];
    let mut top = event(EventKind::ProcessStart, at(5) + 60);
    top.command = "/usr/bin/htop -d 10".into();
    let mut cron = session(EventKind::SessionOpen, 3, at(20));
    cron.program = "CRON".into();
    let mut closed = session(EventKind::SessionClose, 3, at(21));
    closed.program = "CRON".into();
    let rows = &tables(&history(hiding(&holes)), &[top, cron, closed])[1];
    assert_eq!(counts(rows), [(Some(1), Some(1), Some(0))]);
}
