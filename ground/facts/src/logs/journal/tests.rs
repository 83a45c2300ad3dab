//! Journals whole, cut, bent and forged.

use std::path::Path;

use stanch_machine::Pretend;

use super::header::incompatible::{COMPACT, KEYED_HASH, LZ4, ZSTD};
use super::write::Writer;
use super::*;

const FORMS: [u32; 5] =
    [0, KEYED_HASH, LZ4 | KEYED_HASH, ZSTD | KEYED_HASH, ZSTD | KEYED_HASH | COMPACT];
const START: u64 = 1_700_000_000_000_000;

/// A journal of a small server: units repeat, messages do not, every tenth is long.
fn journal(flags: u32, entries: u64) -> Vec<u8> {
    let mut writer = Writer::new(flags);
    for n in 0..entries {
        let message = message(n);
        let unit = format!("_SYSTEMD_UNIT=unit{}.service", n % 5);
        let binary = [&b"BINARY="[..], &[0, 10, 0xff]].concat();
        writer.entry(START + n, &[message.as_bytes(), unit.as_bytes(), b"_PID=77", &binary]);
    }
    writer.finish()
}

fn message(n: u64) -> String {
    let long = if n % 10 == 9 { "frame in libc; ".repeat(60) } else { String::new() };
    format!("MESSAGE=line {n} {long}")
}

/// Reads a file and returns each entry as text, with the summary.
fn read_all(file: &[u8], depth: Depth) -> (Vec<String>, Option<Summary>) {
    let machine = Pretend::new().file("/j", file);
    let mut found = Vec::new();
    let summary = read(&machine, Path::new("/j"), depth, &mut |entry| {
        let field = |f: &Field<'_>| [f.name, b"=", f.value].concat();
        let fields: Vec<Vec<u8>> = entry.fields().iter().map(field).collect();
        let text = fields.join(&b'|').escape_ascii().to_string();
        found.push(format!("{} {} {text}", entry.seqnum, entry.realtime));
    });
    (found, summary.ok())
}

fn expected(n: u64) -> String {
    let fields =
        format!("{}|_SYSTEMD_UNIT=unit{}.service|_PID=77|BINARY=\\x00\\n\\xff", message(n), n % 5);
    format!("{} {} {fields}", n + 1, START + n)
}

#[test]
fn every_form_gives_every_entry_with_every_field() {
    for flags in FORMS {
        let file = journal(flags, 300);
        let (found, summary) = read_all(&file, Depth::Fields);
        let summary = summary.unwrap();
        let all: Vec<String> = (0..300).map(expected).collect();
        assert_eq!(found, all, "flags {flags}");
        assert_eq!(summary.ranges, [(1, 300)]);
        assert_eq!(summary.times, Some((START, START + 299)));
        assert_eq!((summary.entries, summary.header.entries), (300, 300));
        assert_eq!(summary.gaps("events", Path::new("/j")), []);
        let (_, hashed) = read_all(&file, Depth::Hashes);
        assert_eq!(hashed.unwrap().altered, 0, "flags {flags}");
    }
}

#[test]
fn a_message_changed_in_place_leaves_the_old_hash_behind() {
    for flags in FORMS {
        let mut file = journal(flags, 30);
        let at = memchr::memmem::find(&file, b"line 17").unwrap();
        file[at..at + 4].copy_from_slice(b"LINE");
        let summary = read_all(&file, Depth::Hashes).1.unwrap();
        assert_eq!((summary.altered, summary.damaged, summary.entries), (1, 0, 30));
    }
}

#[test]
fn an_entry_that_no_array_names_is_read_and_counted() {
    for flags in FORMS {
        let mut writer = Writer::new(flags);
        writer.entry(START, &[b"MESSAGE=one"]);
        writer.unlinked_entry(START + 1, &[b"MESSAGE=hidden"]);
        writer.entry(START + 2, &[b"MESSAGE=three"]);
        writer.unlinked_entry(START + 3, &[b"MESSAGE=last"]);
        let (found, summary) = read_all(&writer.finish(), Depth::Fields);
        let summary = summary.unwrap();
        assert_eq!(found.len(), 4, "{found:?}");
        assert_eq!((summary.unlinked, summary.unlinked_tail, summary.damaged), (1, 1, 0));
        assert_eq!(summary.header.entries, 2);
    }
}

#[test]
fn numbers_that_go_backwards_are_counted() {
    let mut writer = Writer::new(KEYED_HASH);
    for seqnum in [9, 10, 4, 5] {
        writer.seqnum = seqnum;
        writer.entry(START + 100 - seqnum, &[b"MESSAGE=x"]);
    }
    let summary = read_all(&writer.finish(), Depth::Fields).1.unwrap();
    assert_eq!((summary.backwards, summary.time_backwards), (1, 2));
    assert_eq!(summary.ranges, [(10, 11), (5, 6)]);
}

#[test]
fn a_file_cut_anywhere_gives_what_is_left() {
    for flags in [KEYED_HASH | COMPACT | ZSTD, LZ4] {
        let file = journal(flags, 20);
        let mut most = 0;
        for cut in 0..file.len() {
            let (found, summary) = read_all(&file[..cut], Depth::Fields);
            let Some(summary) = summary else {
                assert!(cut < 208, "{cut}");
                continue;
            };
            assert!(found.len() >= most, "{} entries at {cut}, {most} before", found.len());
            most = found.len();
            assert_eq!(found, (0..most as u64).map(expected).collect::<Vec<_>>());
            let whole = file.len() - 4096;
            assert_eq!(summary.missing_bytes, whole.saturating_sub(cut) as u64);
            assert_eq!(summary.gaps("events", Path::new("/j")).is_empty(), cut >= whole);
        }
        assert_eq!(most, 20);
    }
}

#[test]
fn a_byte_changed_every_thousand_costs_few_entries() {
    for flags in FORMS {
        let file = journal(flags, 800);
        for shift in [0, 17, 400, 801] {
            let mut bent = file.clone();
            let places = (shift..bent.len()).step_by(1000);
            let count = places.clone().count();
            for place in places {
                bent[place] ^= 0xff;
            }
            let (found, summary) = read_all(&bent, Depth::Fields);
            let summary = summary.unwrap();
            assert!(summary.damaged > 0);
            let lost = 800_usize.saturating_sub(found.len());
            assert!(lost <= count, "flags {flags}: {lost} entries lost by {count} bytes");
            let right = (0..800).map(expected).collect::<std::collections::HashSet<_>>();
            let whole = found.iter().filter(|entry| right.contains(*entry)).count();
            assert!(whole + 3 * count >= 800, "flags {flags}: only {whole} whole");
        }
    }
}

#[test]
fn one_byte_changed_anywhere_costs_at_most_a_few_entries() {
    for flags in [KEYED_HASH | COMPACT | ZSTD, 0] {
        let file = journal(flags, 16);
        for place in 0..file.len() - 4096 {
            for value in [file[place] ^ 0xff, file[place].wrapping_add(16)] {
                let mut bent = file.clone();
                bent[place] = value;
                let (found, _) = read_all(&bent, Depth::Fields);
                assert!(found.len() >= 15, "{} entries at {place} = {value}", found.len());
            }
        }
    }
}

#[test]
fn without_arrays_or_header_numbers_the_objects_lead() {
    for flags in FORMS {
        let mut file = journal(flags, 100);
        file[136..208].fill(0xee);
        let (found, summary) = read_all(&file, Depth::Fields);
        assert_eq!(found.len(), 100);
        assert!(summary.unwrap().damaged > 0);
    }
}

#[test]
fn a_chain_of_arrays_that_bites_its_tail_ends() {
    let mut file = journal(KEYED_HASH, 100);
    let first = header::u64_at(&file, 176);
    let at = usize::try_from(first).unwrap() + 16;
    file[at..at + 8].copy_from_slice(&first.to_le_bytes());
    let (found, summary) = read_all(&file, Depth::Fields);
    assert_eq!(found.len(), 100);
    assert_eq!(summary.unwrap().damaged, 1);
}

#[test]
fn a_long_field_is_cut_and_an_unfolding_one_too() {
    for flags in [KEYED_HASH, ZSTD | KEYED_HASH, LZ4] {
        let mut writer = Writer::new(flags);
        let long = [&b"MESSAGE="[..], &vec![b'a'; 3 << 20]].concat();
        writer.entry(START, &[&long, b"_PID=1"]);
        writer.entry(START + 1, &[b"MESSAGE=after", b"_PID=1"]);
        let (found, summary) = read_all(&writer.finish(), Depth::Fields);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].len(), 19 + (1 << 20) + "|_PID=1".len());
        assert!(found[1].ends_with("MESSAGE=after|_PID=1"));
        assert_eq!(summary.unwrap().cut, 1, "flags {flags}");
    }
}

#[test]
fn entries_that_all_name_one_long_field_do_not_keep_us() {
    let mut writer = Writer::new(KEYED_HASH | COMPACT);
    let long = [&b"MESSAGE="[..], &vec![b'a'; 1 << 19]].concat();
    let fields = [&*long; 20];
    for n in 0..60 {
        writer.entry(START + n, &fields);
    }
    let (mut shown, machine) = (0_u64, Pretend::new().file("/j", writer.finish()));
    let summary = read(&machine, Path::new("/j"), Depth::Fields, &mut |_| shown += 1).unwrap();
    assert_eq!(summary.entries, 60);
    assert!(shown < 40 && summary.cut >= 60 - shown, "{shown} shown, {} cut", summary.cut);
}

#[test]
fn what_is_no_journal_is_a_miss() {
    for bytes in [&b""[..], b"LPKSHHRH", &[0; 5000], &[b'L'; 300]] {
        assert_eq!(read_all(bytes, Depth::Fields), (vec![], None));
    }
}

/// What systemd itself wrote: see `fixtures/journal/README.md`.
fn of_systemd() -> [(&'static str, Vec<u8>); 3] {
    let unpack = |name, packed: &[u8]| {
        let xz = crate::decompress::Compression::Xz;
        (name, crate::decompress::value(xz, packed, 16 << 20).unwrap().0)
    };
    [
        unpack("zstd", include_bytes!("../../../fixtures/journal/zstd.journal.xz")),
        unpack("lz4", include_bytes!("../../../fixtures/journal/lz4.journal.xz")),
        unpack("xz", include_bytes!("../../../fixtures/journal/xz.journal.xz")),
    ]
}

#[test]
fn files_of_systemd_itself_are_read_whole() {
    for (name, file) in of_systemd() {
        let machine = Pretend::new().file("/j", &file);
        let mut numbers = Vec::new();
        let summary = read(&machine, Path::new("/j"), Depth::Fields, &mut |entry| {
            let i = entry.number - 1;
            let long =
                if i % 4 == 3 { format!("frame {i} in libc; ").repeat(40) } else { String::new() };
            let message = entry.value("MESSAGE").unwrap().escape_ascii().to_string();
            assert_eq!(message, format!("line {i} {long}"), "{name}");
            assert_eq!(entry.value("BINARY"), Some(&[0, 10, 255, i as u8][..]));
            assert_eq!(entry.value("_EXE"), Some(&b"/usr/bin/app"[..]));
            assert_eq!(entry.realtime, START + i * 1_000_000);
            assert_eq!((entry.monotonic, entry.boot_id), (5_000_000 + i * 1_000_000, [0xb0; 16]));
            numbers.push(entry.seqnum);
        });
        let summary = summary.unwrap();
        assert_eq!(numbers, (1..=24).collect::<Vec<_>>(), "{name}");
        assert_eq!(summary.gaps("", Path::new("/j")), []);
        assert_eq!((summary.unlinked, summary.unlinked_tail), (0, 0));
        assert_eq!((summary.header.compression().as_str(), summary.header.entries), (name, 24));
        assert_eq!(summary.header.is_compact(), name == "zstd");
        assert_eq!(summary.header.is_keyed(), name != "xz");
        let hashed = read_all(&file, Depth::Hashes).1.unwrap();
        assert_eq!((hashed.altered, hashed.damaged), (0, 0), "{name}");
    }
}

#[test]
fn files_of_systemd_itself_survive_a_byte_changed_every_thousand() {
    for (name, mut file) in of_systemd() {
        // Past the hash tables, which we do not need: the entries lie at the end.
        let tail = header::u64_at(&file, 136) as usize;
        for place in (0..tail).step_by(1000) {
            file[place] ^= 0xff;
        }
        let (found, summary) = read_all(&file, Depth::Fields);
        assert!(found.len() >= 15, "{name}: {} entries", found.len());
        assert!(summary.unwrap().damaged > 0);
    }
}

/// The sample that fuzzing begins with is what the writer of these tests writes.
#[test]
fn the_small_fixture_is_ours() {
    let mut writer = Writer::new(LZ4 | KEYED_HASH | COMPACT);
    let long = format!("MESSAGE={}", "so long that it is compressed; ".repeat(20));
    let accepted = b"MESSAGE=Accepted password for root from 192.0.2.7 port 40022 ssh2";
    for (n, message) in [&accepted[..], long.as_bytes(), b"MESSAGE=\xff"].iter().enumerate() {
        let ident = b"SYSLOG_IDENTIFIER=sshd";
        writer.entry(START + n as u64, &[message, ident, b"_PID=7", b"_EXE=/usr/sbin/sshd"]);
    }
    let mut bytes = writer.finish();
    bytes.truncate(bytes.len() - 4000);
    let fixture = include_bytes!("../../../fixtures/journal/small.journal");
    assert!(bytes == fixture, "{}", bytes.escape_ascii());
}
