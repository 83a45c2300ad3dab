//! Hostile input to every parser and every table: never a panic, bounded, and nothing lost in
//! silence. The mutations come from a generator with a fixed seed, so that a failure repeats; what
//! coverage can find beyond that is the work of `fuzz/`.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the helpers of tests may die as the tests may"
)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use stanch_facts::logs::{self, Context, Format, Stream};
use stanch_facts::parsers::{self, Parser, logs as log_parsers};
use stanch_facts::{Host, tables};
use stanch_machine::Pretend;
use stanch_words::{Ask, Seen};

/// Mutated inputs in all, shared out over the parsers.
const INPUTS: usize = 10_000;

/// A generator of numbers (xorshift64*, Vigna 2016) with a fixed seed.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(number).unwrap() % most.max(1)
    }
}

/// What an attacker would write: separators, escapes, the ends of numbers, invalid UTF-8.
const PIECES: [&[u8]; 16] = [
    b"\0",
    b"\n",
    b"\xff",
    b"\xc3",
    b"\x1b]0;x\x07",
    b"\\",
    b"\"",
    b"%",
    b"::",
    b"-1",
    b"99999999999999999999",
    b"18446744073709551615",
    b"-9223372036854775808",
    b"\xff\xff\xff\xff",
    b"\x00\x00\x00\x00\x00\x00\x00\x00",
    b"                                ",
];

/// Changes bytes in one to four ways: flips, cuts, doubles, and puts pieces in.
fn mutated(seed: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=numbers.below(4) {
        let at = numbers.below(bytes.len());
        match numbers.below(6) {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << numbers.below(8),
            1 => bytes.truncate(at),
            2 => drop(bytes.splice(at..at, PIECES[numbers.below(PIECES.len())].iter().copied())),
            3 => {
                let end = at + numbers.below(bytes.len() - at + 1);
                drop(bytes.drain(at..end));
            }
            4 => {
                let end = at + numbers.below(bytes.len() - at + 1);
                let part = bytes[at..end].to_vec();
                let times = 1 + numbers.below(20);
                drop(bytes.splice(at..at, part.repeat(times)));
            }
            _ => {
                let byte = u8::try_from(numbers.below(256)).unwrap();
                bytes.extend(std::iter::repeat_n(byte, numbers.below(300)));
            }
        }
    }
    bytes
}

/// Parses and says what is wrong with the answer, if anything.
fn tried(parser: &Parser, bytes: &[u8]) -> Option<String> {
    let mut seen = Seen::default();
    if catch_unwind(AssertUnwindSafe(|| (parser.parse)(bytes, &mut seen))).is_err() {
        return Some(format!("{} panics on {}", parser.name, bytes.escape_ascii()));
    }
    // A row or gap costs at least one byte of input; some parsers give a few for one line.
    let most = 16 + 8 * bytes.len();
    let count = seen.rows.len() + seen.gaps.len();
    (count > most).then(|| format!("{}: {count} of {} bytes", parser.name, bytes.len()))
}

/// The formats of logs, each with its sample; one without is a failure of a test below.
fn formats() -> impl Iterator<Item = (&'static Format, &'static [u8])> {
    let bytes = |format| log_parsers::sample(format).map_or(&b"a b c\n"[..], |sample| sample.bytes);
    logs::ALL.iter().map(move |format| (*format, bytes(format)))
}

/// Reads a log and says what is wrong with the answer, if anything.
fn tried_log(format: &'static Format, bytes: &[u8]) -> Option<String> {
    let mut seen = Seen::default();
    let read = AssertUnwindSafe(|| log_parsers::parse(format, bytes, &mut seen));
    if catch_unwind(read).is_err() {
        return Some(format!("{} panics on {}", format.name, bytes.escape_ascii()));
    }
    let most = 16 + 8 * bytes.len();
    let count = seen.rows.len() + seen.gaps.len();
    (count > most).then(|| format!("{}: {count} of {} bytes", format.name, bytes.len()))
}

#[test]
fn no_format_of_logs_panics_or_grows_on_mutated_input() {
    let mut offenders = Vec::new();
    let each = INPUTS.div_ceil(logs::ALL.len());
    for (number, (format, seed)) in (1_u64..).zip(formats()) {
        let mut numbers = Numbers(0x1095_0000 + number);
        offenders.extend((0..each).find_map(|_| tried_log(format, &mutated(seed, &mut numbers))));
    }
    assert!(offenders.is_empty(), "{}", offenders.join("\n"));
}

#[test]
fn no_format_of_logs_panics_on_a_cut_at_any_byte_or_on_another_ones_food() {
    let mut offenders = Vec::new();
    for (format, seed) in formats() {
        let cuts = (0..seed.len()).map(|at| &seed[..at]);
        let others = formats().map(|(_, seed)| seed).chain(parsers::ALL.iter().map(|p| p.seed));
        offenders.extend(cuts.chain(others).find_map(|bytes| tried_log(format, bytes)));
    }
    assert!(offenders.is_empty(), "{}", offenders.join("\n"));
}

#[test]
fn every_format_of_logs_understands_and_recognises_its_own_sample() {
    let mut offenders = Vec::new();
    for (format, bytes) in formats() {
        let Some(sample) = log_parsers::sample(format) else {
            offenders.push(format!("{}: no sample in parsers/logs.rs", format.name));
            continue;
        };
        // The sample of a database or a journal is only its first bytes.
        let is_whole = matches!(format.form, logs::Form::Whole(_)) && format.name != "lastlog";
        let mut seen = Seen::default();
        log_parsers::parse(format, bytes, &mut seen);
        if seen.rows.is_empty() && !is_whole {
            offenders.push(format!("{}: no event in its sample", format.name));
        }
        let name = sample.path.rsplit('/').next().unwrap();
        let found = logs::recognise(&logs::Sample { bytes, name }).map(|format| format.name);
        if found != Some(format.name) {
            offenders.push(format!("{}: taken for {found:?}", format.name));
        }
    }
    assert!(offenders.is_empty(), "{}", offenders.join("\n"));
}

#[test]
fn a_line_of_a_log_that_is_not_understood_is_counted() {
    let mut offenders = Vec::new();
    for (format, seed) in formats() {
        if !matches!(format.form, logs::Form::Lines(_)) {
            continue;
        }
        let count = |bytes: &[u8]| {
            let mut stream = Stream::new(Context::new("/var/log/x", 1 << 50), Some(format));
            let mut events = 0_u64;
            stream.feed(bytes, &mut |_| events += 1);
            let (counts, _) = stream.end(&mut |_| events += 1);
            (counts, events)
        };
        let (counts, events) = count(&[seed, b"\n\x01junk\xff\n"].concat());
        let lines = seed.split(|&byte| byte == b'\n').count() as u64 + 1;
        if counts.lines < lines || counts.events != events {
            offenders.push(format!("{}: {counts:?} of {lines} lines", format.name));
        }
    }
    assert!(offenders.is_empty(), "{}", offenders.join("\n"));
}

#[test]
fn no_parser_panics_or_grows_on_mutated_input() {
    let mut offenders = Vec::new();
    let each = INPUTS.div_ceil(parsers::ALL.len());
    let all = parsers::ALL.iter().chain(parsers::packages::ALL);
    for (number, parser) in (1_u64..).zip(all) {
        let mut numbers = Numbers(0x5eed_0000 + number);
        let found = (0..each).find_map(|_| tried(parser, &mutated(parser.seed, &mut numbers)));
        offenders.extend(found);
    }
    assert!(offenders.is_empty(), "{}", offenders.join("\n"));
}

#[test]
fn no_parser_panics_on_a_cut_at_any_byte_or_on_another_parsers_food() {
    let mut offenders = Vec::new();
    for parser in parsers::ALL.iter().chain(parsers::packages::ALL) {
        let cuts = (0..parser.seed.len()).map(|at| &parser.seed[..at]);
        let others = parsers::ALL.iter().map(|other| other.seed);
        offenders.extend(cuts.chain(others).find_map(|bytes| tried(parser, bytes)));
    }
    assert!(offenders.is_empty(), "{}", offenders.join("\n"));
}

#[test]
fn every_parser_understands_its_own_seed() {
    let offenders: Vec<&str> = parsers::ALL
        .iter()
        .chain(parsers::packages::ALL)
        // The seed of a database is only its first bytes: a gap is the right answer.
        .filter(|parser| parser.name != "last database")
        .filter(|parser| {
            let mut seen = Seen::default();
            (parser.parse)(parser.seed, &mut seen);
            seen.rows.is_empty()
        })
        .map(|parser| parser.name)
        .collect();
    assert_eq!(offenders, Vec::<&str>::new(), "parsers that find nothing in their seed");
}

#[test]
fn a_line_that_is_not_understood_is_a_row_or_a_gap() {
    let mut offenders = Vec::new();
    for parser in parsers::ALL.iter().filter(|parser| !EXCEPT.contains(&parser.name)) {
        let count = |bytes: &[u8]| {
            let mut seen = Seen::default();
            (parser.parse)(bytes, &mut seen);
            seen.rows.len() + seen.gaps.len()
        };
        let with = [parser.seed, b"\n\x01junk\xff\n"].concat();
        if count(&with) <= count(parser.seed) {
            offenders.push(parser.name);
        }
    }
    assert_eq!(offenders, Vec::<&str>::new(), "parsers that lose a line in silence");
}

/// Formats that have no lines, or whose further lines say nothing: a pseudo file of one line, an
/// environment, a script, a key, records of a fixed size, an account line without fields (which
/// the table `users` tells), a page whose oddity is told once.
const EXCEPT: [&str; 27] = [
    "hidden_files directory blocks",
    "library_hooks symbols",
    "account_changes",
    "at_jobs",
    "cpu_time",
    "descriptors",
    "foreign_packages",
    "last database",
    "ld_preload environment",
    "load_average",
    "memory_totals",
    "processes memory",
    "processes stat",
    "processes status",
    "startup_items",
    "uptime",
    "user_ssh_keys",
    "web page active",
    "web page java",
    "web page php",
    "web program lua",
    "web program node",
    "web program perl",
    "web program python",
    "web program ruby",
    "web rules",
    "wordpress_files",
];

/// Files of a machine that tables read, by path, with the parser whose seed they are made from.
const WORLD: [(&str, &str); 24] = [
    ("/etc/passwd", "users"),
    ("/etc/passwd-", "users"),
    ("/etc/group", "groups"),
    ("/etc/shadow", "shadow"),
    ("/etc/crontab", "crontab"),
    ("/etc/anacrontab", "crontab anacron"),
    ("/var/spool/cron/crontabs/ann", "crontab user"),
    ("/etc/hosts", "etc_hosts"),
    ("/etc/services", "etc_services"),
    ("/etc/resolv.conf", "dns_resolvers"),
    ("/etc/sudoers", "sudoers"),
    ("/etc/pam.d/sshd", "pam_rules"),
    ("/etc/ld.so.preload", "ld_preload"),
    ("/etc/apt/sources.list", "apt_sources"),
    ("/etc/yum.repos.d/a.repo", "yum_sources"),
    ("/root/.ssh/authorized_keys", "authorized_keys"),
    ("/root/.ssh/id_ed25519", "user_ssh_keys"),
    ("/root/.ssh/known_hosts", "known_hosts"),
    ("/root/.bash_history", "shell_history"),
    ("/var/log/wtmp", "last"),
    ("/var/log/lastlog", "lastlog"),
    ("/var/lib/dpkg/status", "deb_packages"),
    ("/var/lib/dpkg/info/a.list", "deb_package_files"),
    ("/etc/systemd/system/x.service", "startup_items"),
];

#[test]
fn no_table_panics_on_a_machine_of_mutated_files() {
    let seed_of = |name: &str| parsers::ALL.iter().find(|p| p.name == name).unwrap().seed;
    let mut offenders = Vec::new();
    let mut rows = 0;
    for round in 1..=40_u64 {
        let mut numbers = Numbers(round << 20);
        let machine = WORLD.iter().fold(Pretend::new(), |machine, (path, name)| {
            machine.file(path, mutated(seed_of(name), &mut numbers))
        });
        let host = Host::new(Arc::new(machine));
        for table in tables::ALL {
            let mut seen = Seen::default();
            let read = AssertUnwindSafe(|| (table.read)(&host, &Ask::all(), &mut seen));
            if catch_unwind(read).is_err() {
                offenders.push(format!("{} in round {round}", table.spec.name));
            }
            rows += seen.rows.len();
        }
    }
    offenders.sort();
    assert!(offenders.is_empty(), "tables that panic:\n{}", offenders.join("\n"));
    assert!(rows > 1000, "only {rows} rows: the world is not read");
}
