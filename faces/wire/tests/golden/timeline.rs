//! A line of a timeline of each kind.

use stanch_wire::{TimelineForm, TimelineLines};
use stanch_words::{Clock, Event, EventKind, FileTimes, Happened, Moment, Place, Trust};

#[test]
fn timeline() {
    let mut event = Event::new(EventKind::AuthSuccess);
    event.time = Some(1_793_606_400_000_000);
    (event.clock, event.trust) = (Clock::Local, Trust::Claim);
    (event.host, event.program, event.user) = ("web01".into(), "sshd".into(), "root".into());
    event.pid = Some(7);
    event.source_ip = "203.0.113.9".into();
    event.source_port = Some(4);
    event.method = "password".into();
    event.message = "Accepted password for root from 203.0.113.9 port 4 ssh2".into();
    event.with("service", "ssh2").with("own", 1);
    event.place = Place { file: "/var/log/auth.log", line: 1, offset: 0 };
    let file = FileTimes {
        path: b"/tmp/.x"[..].into(),
        target: Some(b"/bin/sh"[..].into()),
        inode: 131,
        mode: 0o120_777,
        uid: 33,
        gid: 33,
        size: 7,
        modified: 1_793_606_401_123_456_789,
        accessed: 1_793_606_400_000_000_000,
        changed: 1_793_606_401_123_456_789,
        born: Some(1_793_606_401_123_456_789),
    };
    let moments = [
        Moment { time: 1_793_606_400_000_000_000, what: Happened::Event(&event) },
        Moment { time: 1_793_606_401_123_456_789, what: Happened::Times(&file) },
    ];
    for (form, golden) in [
        (TimelineForm::Jsonl, include_str!("timeline.jsonl")),
        (TimelineForm::Csv, include_str!("timeline.csv")),
    ] {
        let mut lines = TimelineLines::new(form, None);
        let mut out = Vec::new();
        for moment in &moments {
            lines.write(&mut out, moment).unwrap();
        }
        assert_eq!(String::from_utf8(out).unwrap(), golden);
    }
}
