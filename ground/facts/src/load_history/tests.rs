use jiff::tz::TimeZone;
use stanch_machine::Pretend;
use stanch_words::Ask;

use super::*;
use crate::tables;

const BINARY: &[u8] = include_bytes!("../../fixtures/load/sa30");
const TEXT: &[u8] = include_bytes!("../../fixtures/load/sar30");

fn binary(bytes: &[u8]) -> (Vec<Sample>, Seen) {
    let mut seen = Seen::default();
    let samples = sysstat::parse(bytes, &"/var/log/sysstat/sa30".into(), &mut seen);
    (samples, seen)
}

fn text(bytes: &[u8], day: Option<i8>) -> (Vec<Sample>, Seen) {
    let mut seen = Seen::default();
    let source = "/var/log/sysstat/sar30".into();
    let samples = sar_text::parse(bytes, &source, day, &TimeZone::UTC, &mut seen);
    (samples, seen)
}

/// What `sar` of 12.6.1 prints of the same file.
const SAID: [(Measure, f64, f64); 8] = [
    (Measure::Cpu, 41.0, 40.91),
    (Measure::Waiting, 0.0, 0.0),
    (Measure::Load, 2.12, 2.12),
    (Measure::Pressure, 0.53, 0.94),
    (Measure::Read, 8.0, 36.0),
    (Measure::Written, 1812.0, 292.0),
    (Measure::Received, 1814.58, 289.63),
    (Measure::Sent, 3.02, 2.45),
];

#[test]
fn a_file_of_sadc_says_what_sar_says() {
    for (samples, seen) in [binary(BINARY), text(TEXT, Some(30))] {
        assert_eq!(seen.gaps, []);
        let times: Vec<(i64, i64)> = samples.iter().map(|s| (s.time, s.seconds)).collect();
        assert_eq!(times, [(1_796_019_368, 1), (1_796_019_369, 1)]);
        for (measure, first, second) in SAID {
            for (sample, said) in samples.iter().zip([first, second]) {
                let ours = sample.value(measure).unwrap();
                // sar adds up the processors, each rounded to hundredths of this one second.
                assert!((ours - said).abs() <= 0.02 * said.max(1.0), "{measure:?} {ours} {said}");
            }
        }
        let memory = samples[0].value(Measure::Memory).unwrap();
        assert!((memory - 2.2).abs() < 0.3, "{memory}");
    }
}

#[test]
fn a_torn_file_gives_what_is_whole_and_a_gap() {
    let (samples, seen) = binary(&BINARY[..BINARY.len() - 10]);
    assert_eq!((samples.len(), seen.gaps.len()), (1, 1));
    assert!(seen.gaps[0].detail.contains("no record"), "{}", seen.gaps[0].detail);
}

#[test]
fn another_format_of_sysstat_is_a_gap_that_names_it() {
    let mut bytes = BINARY.to_vec();
    bytes[2..4].copy_from_slice(&0x2173_u16.to_le_bytes());
    let (samples, seen) = binary(&bytes);
    assert_eq!(samples, []);
    assert_eq!(seen.gaps[0].detail, "sysstat's data format 0x2173 is not known");
}

#[test]
fn an_activity_of_another_version_is_passed_over_and_named() {
    // The first of the list, the processors, has 8b as its magic.
    let at = BINARY.windows(8).position(|eight| eight == [1, 0, 0, 0, 0x8b, 0, 0, 0]).unwrap();
    let mut bytes = BINARY.to_vec();
    bytes[at + 4] = 0x99;
    let (samples, seen) = binary(&bytes);
    assert_eq!(samples.len(), 2);
    assert_eq!(samples[0].value(Measure::Cpu), None);
    assert_eq!(samples[0].value(Measure::Load).map(|load| (load * 100.0).round()), Some(212.0));
    assert_eq!(seen.gaps[0].detail, "activities of an unknown version: 1");
}

#[test]
fn the_date_of_a_text_is_read_in_every_order() {
    for (date, day) in [
        ("11/05/26", Some(5)),
        ("05/11/26", Some(5)),
        ("2026-11-05", None),
        ("05.11.2026", Some(5)),
        ("11/05/2026", None),
    ] {
        let log = format!(
            "Linux 6.1.0 (web01) \t{date} \t_x86_64_\t(2 CPU)\n\n\
             11:50:00 PM   runq-sz  plist-sz   ldavg-1   ldavg-5  ldavg-15   blocked\n\
             11:59:59 PM         1        96      0,50      1.38      0.80         0\n\
             12:09:59 AM         1        96      2.50      1.38      0.80         0\n\
             Average:            1        96      2.12      1.38      0.80         0\n"
        );
        let (samples, seen) = text(log.as_bytes(), day);
        assert_eq!(seen.gaps, [], "{date}");
        let told: Vec<_> =
            samples.iter().map(|s| (s.time, s.seconds, s.value(Measure::Load))).collect();
        // 2026-11-05T23:59:59Z, and ten minutes later.
        let expected = [(1_793_923_199, 599, Some(0.5)), (1_793_923_799, 600, Some(2.5))];
        assert_eq!(told, expected, "{date}");
    }
}

#[test]
fn a_text_stands_in_only_where_the_binary_file_is_gone() {
    let both = Pretend::new()
        .file("/var/log/sysstat/sa30", BINARY)
        .file("/var/log/sysstat/sar30", TEXT)
        .file("/var/log/sysstat/sa_notes", b"x");
    let only = Pretend::new().file("/var/log/sa/sar30", TEXT);
    for (machine, format) in [(both, "sysstat"), (only, "sar")] {
        let host = Host::new(Arc::new(machine));
        let mut seen = Seen::default();
        let table = tables::ALL.iter().find(|table| table.spec.name == TABLE).unwrap();
        (table.read)(&host, &Ask::all(), &mut seen);
        let format_of = |row: &stanch_words::Row| {
            row.get(tables::load_history::col::format).as_text().map(str::to_owned)
        };
        assert_eq!(seen.gaps, []);
        let formats: Vec<_> = seen.rows.iter().filter_map(format_of).collect();
        assert_eq!(formats, [format; 2]);
    }
}

#[test]
fn an_archive_is_no_log_that_nobody_understands() {
    let machine = Pretend::new()
        .file("/var/log/sysstat/sa30", BINARY)
        .file("/var/log/sysstat/sar30", TEXT)
        .file("/var/log/sysstat/notes", b"x\n");
    let mut seen = Seen::default();
    let found = sources::find(&Host::new(Arc::new(machine)), "log_sources", &mut seen);
    let found: Vec<&str> = found.iter().map(|source| source.path_text()).collect();
    assert_eq!(found, ["/var/log/sysstat/notes"]);
}

#[test]
fn atop_is_a_gap() {
    let machine = Pretend::new().file("/var/log/atop/atop_20261130", b"\xef\xbe\xed\xfe");
    let history = LoadHistory::of(&Host::new(Arc::new(machine)));
    assert_eq!(history.samples, []);
    assert_eq!(history.gaps[0].detail, "1 files of atop, whose format is not read");
}
