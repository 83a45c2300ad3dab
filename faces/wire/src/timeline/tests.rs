use stanch_words::{EventKind, Place};

use super::*;

fn hostile() -> Event<'static> {
    let mut event = Event::new(EventKind::WebRequest);
    event.time = Some(1_793_606_400_123_456);
    event.program = "nginx".into();
    event.source_ip = "=cmd|' /C calc'!A0".into();
    event.method = "GET".into();
    event.command = "a,\"b\"\r\n=1+1".into();
    event
        .with("status", 200)
        .with("user_agent", "@SUM(1)")
        .with("a.b\u{1b}", "-x")
        .with("message", "own");
    event.place = Place { file: "/var/log/nginx/access.log", line: 7, offset: 90 };
    event
}

fn file() -> FileTimes<'static> {
    FileTimes {
        path: b"/tmp/=a|b\n\xff"[..].into(),
        mode: 0o100_755,
        inode: 9,
        uid: 33,
        gid: 34,
        size: 5,
        modified: 2_000_000_001,
        accessed: 9_000_000_000,
        changed: 2_000_000_001,
        born: Some(1_000_000_000),
        ..FileTimes::default()
    }
}

fn written(form: TimelineForm, from: Option<i64>) -> String {
    let (event, file) = (hostile(), file());
    let mut lines = TimelineLines::new(form, from);
    let mut out = Vec::new();
    let mut times: Vec<i64> =
        file.distinct().filter(|time| from.is_none_or(|from| *time >= from)).collect();
    times.sort_unstable();
    for time in times {
        lines.write(&mut out, &Moment { time, what: Happened::Times(&file) }).unwrap();
    }
    let time = 1_793_606_400_123_456_000;
    lines.write(&mut out, &Moment { time, what: Happened::Event(&event) }).unwrap();
    String::from_utf8_lossy(&out).into_owned()
}

#[test]
fn lines_are_what_timesketch_asks_for_and_hostile_names_become_no_keys() {
    let written = written(TimelineForm::Jsonl, None);
    let lines: Vec<serde_json::Value> =
        written.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 4);
    assert!(!written.contains('\u{1b}'));
    for line in &lines {
        let datetime = line["datetime"].as_str().unwrap();
        assert!(datetime.ends_with("+00:00") && datetime.len() == 32, "{datetime}");
        let time: jiff::Timestamp = datetime.parse().unwrap();
        assert_eq!(line["timestamp"].as_i64(), Some(time.as_microsecond()));
        assert!(line["message"].is_string() && line["timestamp_desc"].is_string());
        assert!(line.as_object().unwrap().values().all(|value| !value.is_object()));
    }
    assert_eq!(lines[1]["timestamp_desc"], "Content Modification Time; Metadata Modification Time");
    assert_eq!(
        (&lines[1]["macb"], &lines[1]["path"]),
        (&"m.c.".into(), &"/tmp/=a|b\n\\xff".into())
    );
    assert_eq!(lines[0]["timestamp_desc"], "Creation Time");
    let event = &lines[3];
    assert_eq!((&event["status"], &event["user_agent"]), (&"200".into(), &"@SUM(1)".into()));
    assert_eq!(event["more"], "a.b\u{1b}=-x message=own");
    assert_eq!(
        (&event["source_file"], &event["source_line"]),
        (&"/var/log/nginx/access.log".into(), &7.into())
    );
}

/// Reads what RFC 4180 says.
fn cells(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell, mut inside) = (Vec::new(), Vec::new(), String::new(), false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if inside && chars.peek() == Some(&'"') => cell.extend(chars.next()),
            '"' => inside = !inside,
            ',' if !inside => row.push(std::mem::take(&mut cell)),
            '\r' if !inside => {}
            '\n' if !inside => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            c => cell.push(c),
        }
    }
    assert!(!inside && cell.is_empty());
    rows
}

#[test]
fn no_cell_is_a_formula_and_every_row_has_every_column() {
    let rows = cells(&written(TimelineForm::Csv, None));
    assert_eq!(rows.len(), 5);
    let heading = rows[0].clone();
    for row in &rows {
        assert_eq!(row.len(), heading.len(), "{row:?}");
        for cell in row.iter().filter(|cell| cell.parse::<i64>().is_err()) {
            assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']), "{cell}");
            assert!(!cell.contains(char::is_control), "{cell}");
        }
    }
    let of = |row: usize, name: &str| {
        let at = heading.iter().position(|one| one == name).unwrap();
        rows[row][at].as_str()
    };
    assert_eq!(of(4, "source_ip"), "'=cmd|' /C calc'!A0");
    assert_eq!(of(4, "command"), "a,\"b\"\\r\\n=1+1");
    assert_eq!((of(4, "source_file"), of(4, "source_line")), ("/var/log/nginx/access.log", "7"));
    assert_eq!((of(2, "macb"), of(2, "path"), of(2, "size")), ("m.c.", "/tmp/=a|b\\n\\xff", "5"));
    assert_eq!((of(2, "uid"), of(2, "gid"), of(2, "inode")), ("33", "34", "9"));
    assert_eq!((of(2, "mode"), of(4, "datetime")), ("100755", "2026-11-02T08:00:00.123456+00:00"));
}

#[test]
fn a_body_file_has_each_file_once_whatever_is_asked_for() {
    for from in [None, Some(2_000_000_001), Some(3_000_000_000)] {
        let written = written(TimelineForm::Bodyfile, from);
        let lines: Vec<&str> = written.lines().collect();
        assert_eq!(lines.len(), 2, "{written}");
        assert_eq!(lines[0], "0|/tmp/=a\\x7cb\\x0a\u{fffd}|9|-rwxr-xr-x|33|34|5|9|2|2|1");
        assert!(lines[1].starts_with("0|[web.request] nginx: "), "{}", lines[1]);
        assert!(
            lines[1].ends_with(" (/var/log/nginx/access.log:7)|0|0|0|0|0|0|1793606400|0|0"),
            "{}",
            lines[1]
        );
    }
}
