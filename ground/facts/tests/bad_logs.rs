//! Bad logs, one test for each way in which a log can be bad: what is sound around it is still
//! read, what is not is counted, and memory stays bounded. Journals are in
//! `src/logs/journal/tests.rs` (one byte in every thousand changed), archives in
//! `src/decompress.rs`, arbitrary bytes in `hostile.rs`.
#![expect(clippy::unwrap_used, reason = "the helper of tests may die as the tests may")]

use std::io::Write as _;
use std::path::Path;

use stanch_facts::digest;
use stanch_facts::logs::{self, Context, Counts};
use stanch_machine::Pretend;
use stanch_words::{Event, EventKind, Gap, GapKind, Trust};

/// 2026-06-10 12:00:00 UTC, in microseconds.
const JUNE: i64 = 1_781_092_800_000_000;

/// What is kept of an event: line, kind, user, source, time, trust, program.
#[derive(Clone, Debug, PartialEq)]
struct Told {
    line: u64,
    kind: EventKind,
    user: String,
    source: String,
    time: Option<i64>,
    trust: Trust,
    program: String,
}

fn read(bytes: &[u8]) -> (Vec<Told>, Counts, Vec<Gap>) {
    read_as("/var/log/auth.log", bytes)
}

fn read_as(path: &str, bytes: &[u8]) -> (Vec<Told>, Counts, Vec<Gap>) {
    let machine = Pretend::new().file(path, bytes);
    let mut told = Vec::new();
    let each = &mut |event: &Event<'_>| {
        told.push(Told {
            line: event.place.line,
            kind: event.kind,
            user: event.user.to_string(),
            source: event.source_ip.to_string(),
            time: event.time,
            trust: event.trust,
            program: event.program.to_string(),
        });
    };
    let context = Context::new(path, JUNE);
    let read = logs::read(&machine, Path::new(path), context, None, &|| {}, each);
    let (_, counts, gaps) = read.unwrap();
    // Nothing is lost in silence.
    assert_eq!(counts.understood() + counts.silent + counts.not_understood, counts.lines);
    (told, counts, gaps)
}

fn line(number: u64, user: &str) -> String {
    let (minute, second) = (number / 60, number % 60);
    format!(
        "Jun  9 08:{minute:02}:{second:02} web01 sshd[{}]: Failed password for {user} from 192.0.2.7 port 22 ssh2\n",
        100 + number
    )
}

fn lines(count: u64) -> String {
    (0..count).map(|number| line(number, "root")).collect()
}

/// The lines of failures that were found.
fn failures(told: &[Told]) -> Vec<u64> {
    told.iter().filter(|told| told.kind == EventKind::AuthFailure).map(|told| told.line).collect()
}

#[test]
fn a_torn_last_line_is_read_as_far_as_it_goes() {
    let whole = lines(3);
    for (cut, failed) in [(1, 3), (5, 3), (40, 2), (70, 2)] {
        let (told, counts, _) = read(&whole.as_bytes()[..whole.len() - cut]);
        assert_eq!((failures(&told).len(), counts.lines), (failed, 3), "{cut}");
    }
}

#[test]
fn binary_junk_between_lines_costs_only_itself() {
    let junk: Vec<u8> =
        (0..4_096_u32).map(|n| (n * 193 % 251) as u8).filter(|b| *b != 10).collect();
    let log = [lines(5).as_bytes(), &junk, b"\n", lines(5).as_bytes()].concat();
    let (told, counts, _) = read(&log);
    assert_eq!(failures(&told), [1, 2, 3, 4, 5, 7, 8, 9, 10, 11]);
    assert_eq!((counts.lines, counts.not_understood), (11, 1));
}

#[test]
fn a_run_of_zero_bytes_hides_no_line_after_it() {
    // A file system leaves them after a power cut, a truncation under an open descriptor too: the
    // next line begins within the same one.
    let zeros = vec![0; 300_000];
    let log = [lines(5).as_bytes(), &zeros, lines(5).as_bytes()].concat();
    let (told, counts, _) = read(&log);
    let found = failures(&told);
    assert_eq!(
        (&found[..5], &found[found.len() - 4..]),
        (&[1, 2, 3, 4, 5][..], &[7, 8, 9, 10][..])
    );
    assert_eq!(counts.lines, 10);
    let alone = [&zeros[..], b"\n", lines(5).as_bytes()].concat();
    let (told, ..) = read(&alone);
    assert_eq!(failures(&told), [2, 3, 4, 5, 6]);
}

#[test]
fn a_journal_that_is_packed_is_not_taken_for_lines() {
    let packed = include_bytes!("../fixtures/journal/zstd.journal.xz");
    let machine = Pretend::new().file("/tmp/system.journal.xz", &packed[..]);
    let path = Path::new("/tmp/system.journal.xz");
    let context = Context::new("/tmp/system.journal.xz", JUNE);
    let each = &mut |event: &Event<'_>| panic!("{event:?}");
    let (format, counts, gaps) = logs::read(&machine, path, context, None, &|| {}, each).unwrap();
    assert_eq!((format, counts.lines, counts.not_understood), (Some("journal"), 1, 1));
    let [gap] = &gaps[..] else { panic!("{gaps:?}") };
    assert_eq!(gap.kind, GapKind::Failed);
    assert_eq!(gap.detail, "a file of kind journal is read only by its path, unpacked");
}

#[test]
fn a_small_log_that_is_packed_or_piped_has_a_format_too() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(lines(3).as_bytes()).unwrap();
    let packed = encoder.finish().unwrap();
    let machine = Pretend::new().file("/var/log/auth.log.2.gz", &*packed);
    let path = Path::new("/var/log/auth.log.2.gz");
    let context = || Context::new("/var/log/auth.log.2.gz", JUNE);
    let each = &mut |_event: &Event<'_>| {};
    let (format, counts, _) = logs::read(&machine, path, context(), None, &|| {}, each).unwrap();
    assert_eq!((format, counts.events), (Some("syslog"), 3));
    let (format, counts, gaps) = logs::read_pipe(&mut &*packed, context(), None, each).unwrap();
    assert_eq!((format, counts.events, gaps.len()), (Some("syslog"), 3, 0));
}

#[test]
fn a_line_of_ten_megabytes_is_cut_and_said() {
    let long = "x".repeat(10 << 20);
    let log = format!("{}{}{long}\n{}", lines(3), line(4, "ann").trim_end(), lines(3));
    let (told, counts, gaps) = read(log.as_bytes());
    let found = failures(&told);
    assert_eq!(
        (found[..3].to_vec(), found[found.len() - 3..].to_vec()),
        (vec![1, 2, 3], vec![5, 6, 7])
    );
    assert_eq!(counts.lines, 7);
    assert!(gaps.iter().any(|gap| gap.kind == GapKind::Truncated), "{gaps:?}");
}

#[test]
fn names_in_several_encodings_in_one_file_stay_what_they_were() {
    let mut log = Vec::new();
    // UTF-8, Latin-1, GBK, Big5.
    let names: [&[u8]; 4] =
        ["止血".as_bytes(), b"ren\xe9", b"\xd6\xd0\xce\xc4", b"\xa4\xa4\xa4\xe5"];
    for (number, name) in (0..).zip(names) {
        let text = line(number, "NAME");
        let (before, after) = text.split_once("NAME").unwrap();
        log.extend([before.as_bytes(), name, after.as_bytes()].concat());
    }
    let (told, ..) = read(&log);
    assert_eq!(failures(&told), [1, 2, 3, 4]);
    for (told, name) in told.iter().zip(names) {
        assert_eq!(stanch_words::text::to_bytes(&told.user), name);
        assert_eq!(told.source, "192.0.2.7");
    }
}

#[test]
fn wrong_years_are_told_as_they_stand_and_impossible_ones_are_no_time() {
    let of = |stamp: &str| {
        format!("{stamp} web01 sshd[7]: Failed password for root from 192.0.2.7 port 22 ssh2\n")
    };
    let stamps = [
        ("1970-01-01T00:00:01Z", Some(1_000_000)),
        ("2106-02-07T06:28:15Z", Some(4_294_967_295_000_000)),
        ("9999-12-30T00:00:00Z", Some(253_402_128_000_000_000)),
        ("2026-06-09T08:00:00Z", Some(1_780_992_000_000_000)),
    ];
    let log: String = stamps.iter().map(|(stamp, _)| of(stamp)).collect();
    let (told, counts, _) = read(log.as_bytes());
    let times: Vec<_> = told.iter().map(|told| told.time).collect();
    assert_eq!(times, stamps.map(|(_, time)| time));
    assert_eq!(counts.not_understood, 0);
    let impossible = format!(
        "{}{}{}",
        of("2026-06-09T08:00:00Z"),
        of("2026-13-09T08:00:00Z"),
        of("2026-02-30T25:00:00Z")
    );
    let (told, counts, _) = read(impossible.as_bytes());
    let timed = told.iter().filter(|told| told.time.is_some()).count();
    assert_eq!((timed, counts.lines), (1, 3), "{told:?}");
}

#[test]
fn a_clock_that_jumps_leaves_every_line_in_its_place() {
    let of = |stamp: &str| {
        format!("{stamp} web01 sshd[7]: Failed password for root from 192.0.2.7 port 22 ssh2\n")
    };
    // Back by two hours, by a day, and to the first of January, as a machine without a clock.
    let stamps = [
        "Jun  9 08:00:00",
        "Jun  9 06:00:00",
        "Jun  8 06:00:00",
        "Jan  1 00:00:09",
        "Jun  9 09:00:00",
    ];
    let log: String = stamps.iter().map(|stamp| of(stamp)).collect();
    let (told, ..) = read(log.as_bytes());
    assert_eq!(failures(&told), [1, 2, 3, 4, 5]);
    let days = |time: Option<i64>| (JUNE - time.unwrap()) / 86_400_000_000;
    let found: Vec<i64> = told.iter().map(|told| days(told.time)).collect();
    assert_eq!(found, [1, 1, 2, 160, 1]);
}

#[test]
fn a_rotation_that_unfolds_beyond_reason_is_cut_and_what_came_before_is_read() {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(lines(3).as_bytes()).unwrap();
    let zeros = vec![0; 1 << 20];
    for _ in 0..200 {
        packed.write_all(&zeros).unwrap();
    }
    let bomb = packed.finish().unwrap();
    assert!(bomb.len() < 2 << 20);
    let (told, counts, gaps) = read_as("/var/log/auth.log.2.gz", &bomb);
    assert_eq!(failures(&told)[..3], [1, 2, 3]);
    assert!(counts.bytes < 100 << 20, "{counts:?}");
    assert!(gaps.iter().any(|gap| gap.kind == GapKind::Truncated), "{gaps:?}");
}

#[test]
fn a_line_that_imitates_another_daemon_is_a_claim_and_what_stands_within_it_nothing() {
    let accepted = "Accepted password for root from 192.0.2.66 port 22 ssh2";
    let log = format!(
        "Jun  9 08:00:00 web01 sshd[7]: {accepted}\n\
         Jun  9 08:00:01 web01 app[9]: Jun  9 08:00:01 web01 sshd[7]: {accepted}\n\
         Jun  9 08:00:02 web01 app[9]: sshd[7]: {accepted}\n\
         Jun  9 08:00:03 web01 app: user \"x\\nJun  9 08:00:03 web01 sshd[7]: {accepted}\" failed\n\
         Jun  9 08:00:04 web01 sshd[8]: Failed password for invalid user root from 192.0.2.1 port 22 ssh2 from 192.0.2.7 port 22 ssh2\n"
    );
    let (told, ..) = read(log.as_bytes());
    let successes: Vec<u64> = told
        .iter()
        .filter(|told| matches!(told.kind, EventKind::AuthSuccess | EventKind::SessionOpen))
        .map(|told| told.line)
        .collect();
    // Whoever can write to the log socket can write the first: that is why it is only a claim.
    assert_eq!(successes, [1]);
    assert!(told.iter().all(|told| told.trust == Trust::Claim), "{told:?}");
    // The name that a client gave does not put another address in the place of its own.
    let last = told.iter().find(|told| told.line == 5).unwrap();
    assert_eq!(last.source, "192.0.2.7");
}

#[test]
fn a_web_log_imitates_no_other_daemon() {
    let log = "192.0.2.7 - - [09/Jun/2026:08:00:00 +0000] \"GET /sshd[7]:%20Accepted%20password HTTP/1.1\" 200 5 \"-\" \
               \"Jun  9 08:00:00 web01 sshd[7]: Accepted password for root from 192.0.2.66 port 22 ssh2\"\n\
               192.0.2.7 - sshd [09/Jun/2026:08:00:01 +0000] \"GET / HTTP/1.1\" 200 5 \"-\" \"sudo: root : COMMAND=/bin/sh\"\n";
    let (told, ..) = read_as("/var/log/nginx/access.log", log.as_bytes());
    assert!(told.iter().all(|told| told.kind == EventKind::WebRequest), "{told:?}");
    assert_eq!(told.len(), 2);
}

/// The digest is that of the bytes that were read, where they are the source's own.
#[test]
fn the_digest_is_of_what_was_read() {
    let plain = line(1, "root").into_bytes();
    let packed = {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        std::io::Write::write_all(&mut encoder, &plain).unwrap();
        encoder.finish().unwrap()
    };
    let digest = digest::of_bytes(digest::Digest::Sha256, &plain);
    for (bytes, wants, expected) in
        [(&plain, true, Some(digest)), (&plain, false, None), (&packed, true, None)]
    {
        let machine = Pretend::new().file("/var/log/auth.log", bytes);
        let path = Path::new("/var/log/auth.log");
        let context = Context { wants_digest: wants, ..Context::new("/var/log/auth.log", JUNE) };
        let (_, counts, _) =
            logs::read(&machine, path, context, None, &|| {}, &mut |_| {}).unwrap();
        assert_eq!((counts.lines, counts.sha256), (1, expected));
    }
}
