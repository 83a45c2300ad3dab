use std::fmt::Write as _;
use std::sync::Arc;

use stanch_machine::Pretend;

use super::*;

const CONN: &str = "#separator \\x09\n#path\tconn\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tservice\tduration\torig_bytes\tresp_bytes\torig_ip_bytes\n";

fn rows(machine: Pretend) -> Seen {
    let machine = machine.file("/etc/passwd", "root:x:0:0::/root:/bin/sh\n");
    let host = Host::new(Arc::new(machine));
    let mut seen = Seen::default();
    History::of(&host).give(SPEC.name, &mut seen);
    seen
}

use super::super::History;

fn shown(seen: &Seen, columns: &[usize]) -> Vec<String> {
    let row = |row: &stanch_words::Row| {
        columns.iter().map(|&column| row.get(column).to_string()).collect::<Vec<_>>().join(" ")
    };
    seen.rows.iter().map(row).collect()
}

#[test]
fn a_beacon_a_long_connection_and_an_upload_are_told_apart() {
    let mut log = CONN.to_owned();
    for n in 0..1000 {
        let time = 1_700_000_000 + n * 60;
        writeln!(
            log,
            "{time}.5\tC{n}\t10.0.0.5\t4000\t45.9.148.3\t443\ttcp\tssl\t0.5\t300\t200\t500"
        )
        .unwrap();
    }
    log +=
        "1700000100.0\tCx\t10.0.0.5\t4001\t45.9.148.4\t8443\ttcp\t-\t100000.25\t1000\t2000\t3000\n";
    // A gap in what the sensor saw: gigabytes by sequence numbers, a kilobyte on the wire.
    log += "1700000100.0\tCy\t10.0.0.5\t4001\t45.9.148.5\t443\ttcp\t-\t1.0\t4294967295\t0\t1000\n";
    log += "1700000100.0\tCz\t10.0.0.5\t4001\t45.9.148.6\t443\ttcp\t-\t1.0\t900000000\t40000\t910000000\n";
    let seen = rows(Pretend::new().file("/opt/zeek/logs/2026-11-01/conn.log", log));
    let columns =
        [col::destination, col::count, col::sent, col::longest, col::median_gap, col::inbound];
    assert_eq!(
        shown(&seen, &columns),
        [
            "45.9.148.3 1000 300000 0 60 0",
            "45.9.148.4 1 1000 100000  0",
            "45.9.148.6 1 900000000 1  0",
        ]
    );
    assert!(seen.rows[0].get(col::score).to_string().parse::<f64>().unwrap() > 0.97);
    assert_eq!(seen.gaps, []);
}

#[test]
fn what_comes_in_through_a_filter_is_no_flow_and_what_leaves_is_our_own() {
    let mut log = String::new();
    for n in 0..6 {
        writeln!(log, "Nov  2 08:{n:02}:00 h kernel: [UFW AUDIT] IN= OUT=eth0 SRC=192.0.2.1 DST=45.9.148.3 LEN=60 PROTO=TCP SPT=5{n} DPT=4444 SYN").unwrap();
        writeln!(log, "Nov  2 08:{n:02}:01 h kernel: [UFW BLOCK] IN=eth0 OUT= SRC=45.9.148.9 DST=192.0.2.1 LEN=60 PROTO=TCP SPT=5{n} DPT=22 SYN").unwrap();
    }
    let seen = rows(Pretend::new().file("/var/log/ufw.log", log));
    let columns = [
        col::told_by,
        col::source,
        col::destination,
        col::port,
        col::protocol,
        col::own,
        col::count,
        col::sent,
    ];
    assert_eq!(shown(&seen, &columns), ["filter  45.9.148.3 4444 tcp 1 6 "]);
    assert_eq!(seen.gaps, []);
}

#[test]
fn the_sensors_other_records_are_not_counted_again_and_the_start_of_a_flow_is_its_time() {
    let mut log = String::new();
    for n in 10..20 {
        writeln!(log, r#"{{"timestamp":"2026-01-02T03:{n}:59.000000+0000","event_type":"flow","src_ip":"10.0.0.5","src_port":5{n},"dest_ip":"45.9.148.3","dest_port":443,"proto":"TCP","flow":{{"pkts_toserver":3,"bytes_toserver":300,"bytes_toclient":200,"start":"2026-01-02T03:{n}:00.000000+0000","age":59}}}}"#).unwrap();
        writeln!(log, r#"{{"timestamp":"2026-01-02T03:{n}:01.000000+0000","event_type":"tls","src_ip":"10.0.0.5","src_port":5{n},"dest_ip":"45.9.148.3","dest_port":443,"proto":"TCP","tls":{{"sni":"a.example"}}}}"#).unwrap();
    }
    let seen = rows(Pretend::new().file("/var/log/suricata/eve.json", log));
    let columns =
        [col::told_by, col::count, col::sent, col::packets, col::longest, col::first_time];
    assert_eq!(shown(&seen, &columns), ["suricata 10 3000 30 59 1767323400"]);
}

#[test]
fn strangers_do_not_push_out_what_returns_and_the_gap_says_who_is_missing() {
    let mut log = CONN.to_owned();
    for n in 0..20_000_u32 {
        let time = 1_700_000_000 + n;
        let [_, a, b, c] = n.to_be_bytes();
        writeln!(log, "{time}.0\tC{n}\t45.{a}.{b}.{c}\t4000\t8.8.4.4\t443\ttcp\t-\t1.0\t1\t1\t9")
            .unwrap();
        if n % 60 == 0 {
            writeln!(log, "{time}.0\tD{n}\t8.8.4.4\t4000\t45.9.148.3\t443\ttcp\t-\t1.0\t1\t1\t9")
                .unwrap();
        }
    }
    let seen = rows(Pretend::new().file("/var/log/zeek/conn.log", log));
    let columns = [col::source, col::destination, col::count, col::own, col::inbound];
    assert_eq!(shown(&seen, &columns), ["8.8.4.4 45.9.148.3 334 1 0"]);
    assert_eq!(seen.gaps.iter().map(|gap| gap.kind).collect::<Vec<_>>(), [GapKind::Truncated]);
}
