use std::convert::Infallible;

use stanch_machine::{Pretend, Stalls};
use stanch_words::Place;

use super::*;

fn snapshot(machine: Pretend) -> Arc<Snapshot> {
    Arc::new(Snapshot::new(Arc::new(machine), Stalls::default()))
}

fn told(timeline: Timeline) -> (Vec<String>, Shown, MadeOf) {
    let mut lines = Vec::new();
    let Ok((shown, of)) = timeline.each(|moment| {
        let what = match moment.what {
            Happened::Event(event) => format!("{} {}", event.program, event.message),
            Happened::Times(file) => {
                let letters = file.letters(moment.time);
                format!("{} {}", text::from_bytes(&letters), text::from_bytes(&file.path))
            }
        };
        lines.push(format!("{} {what}", moment.time / 1_000_000_000));
        Ok::<(), Infallible>(())
    });
    (lines, shown, of)
}

fn server() -> Pretend {
    let lines = "2026-11-02T08:00:00+00:00 web01 sshd[7]: Accepted password for root from 192.0.2.7 port 4 ssh2\n\
         2026-11-02T08:00:02+00:00 web01 app[8]: hello\n";
    let other = "2026-11-02T08:00:02+00:00 web01 app[8]: hello\n\
         2026-11-02T08:00:01+00:00 web01 cron[9]: late\n";
    Pretend::new()
        .file("/var/log/auth.log", lines)
        .file("/var/log/syslog", other)
        .file("/srv/www/shell.php", "x")
        .with("/srv/www/shell.php", |stat| stat.modified = 1_793_606_401_000_000_000)
}

#[test]
fn logs_and_files_are_merged_and_what_two_logs_tell_is_told_once() {
    let wanted = Wanted { since: Some(1_793_600_000_000_000_000), ..Wanted::default() };
    let (lines, shown, of) = told(gather(&snapshot(server()), &wanted));
    let expected = [
        "1793606400 sshd Accepted password for root from 192.0.2.7 port 4 ssh2",
        "1793606401 cron late",
        "1793606401 m... /srv/www/shell.php",
        "1793606402 app hello",
    ];
    assert_eq!(lines, expected);
    assert_eq!((shown.events, shown.times, shown.repeated, shown.left_out), (3, 1, 1, 0));
    assert_eq!(
        (shown.first, shown.last),
        (Some(1_793_606_400_000_000_000), Some(1_793_606_402_000_000_000))
    );
    assert_eq!((of.logs.len(), of.gaps), (2, Vec::new()));
    assert!(of.files >= 3, "{}", of.files);
}

#[test]
fn only_what_is_wanted_is_held() {
    let seconds = |seconds: i64| Some(seconds * 1_000_000_000);
    let some = |wanted: Wanted| told(gather(&snapshot(server()), &wanted)).0.len();
    let since = seconds(1_793_606_400);
    assert_eq!(some(Wanted { since, until: seconds(1_793_606_401), ..Wanted::default() }), 3);
    let kinds = vec![EventKind::AuthSuccess];
    assert_eq!(some(Wanted { kinds: kinds.clone(), ..Wanted::default() }), 1);
    assert_eq!(some(Wanted { since, kinds, times: true, ..Wanted::default() }), 2);
    assert_eq!(some(Wanted { since, times: true, ..Wanted::default() }), 1);
    let paths = vec!["/srv".to_owned()];
    assert_eq!(some(Wanted { since, paths, ..Wanted::default() }), 1);
}

fn event(file: &str, time: i64, each: &mut Sorting) {
    let mut event = Event::new(EventKind::LogMessage);
    event.time = Some(time);
    event.message = format!("{time} from {file}").into();
    event.place = Place { file, line: 1, offset: 0 };
    each.push(&Moment { time: time * 1000, what: Happened::Event(&event) });
}

/// Two sources, one in order and one in none, in chunks of several blocks.
fn both(most: u64) -> (Vec<i64>, u64, Option<i64>) {
    const COUNT: i64 = 100_000;
    let mut runs = Runs::new(most);
    let (mut first, mut second) = (Sorting::new(None, most), Sorting::new(None, most));
    for time in 0..COUNT {
        event("a", time * 2, &mut first);
        event("b", (time * 7_919) % COUNT * 2 + 1, &mut second);
    }
    runs.add(first);
    runs.add(second);
    let (before, from) = runs.left_out();
    let mut times = Vec::new();
    let Ok(more) = runs.each(|moment| {
        times.push(moment.time / 1000);
        Ok::<(), Infallible>(())
    });
    (times, before + more, from)
}

#[test]
fn what_comes_in_any_order_goes_out_in_one() {
    let (times, left_out, from) = both(u64::MAX);
    assert_eq!(times, (0..200_000).collect::<Vec<i64>>());
    assert_eq!((left_out, from), (0, None));
}

#[test]
fn without_room_the_oldest_is_left_out_and_the_rest_is_whole() {
    let (times, left_out, from) = both(600_000);
    let from = from.unwrap() / 1000;
    assert!((1000..199_000).contains(&from), "{from}");
    assert_eq!(times, (from + 1..200_000).collect::<Vec<i64>>());
    assert_eq!(left_out, u64::try_from(from).unwrap() + 1);
}

#[test]
fn an_event_without_a_time_is_counted() {
    let machine = Pretend::new()
        .file("/etc/passwd", "root:x:0:0::/root:/bin/sh\n")
        .file("/root/.bash_history", "id\nwhoami\n");
    let (lines, _, of) = told(gather(&snapshot(machine), &Wanted::default()));
    assert!(lines.iter().all(|line| line.contains('/')), "{lines:?}");
    assert_eq!(of.timeless, 2);
}
