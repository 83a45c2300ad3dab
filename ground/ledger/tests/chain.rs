//! The laws of the chain: any change is found, nothing acknowledged is lost, version 1 stays
//! readable.
#![expect(clippy::unwrap_used, reason = "the helpers of tests may die as the tests may")]

use std::path::PathBuf;

use serde_json::json;
use stanch_ledger::chain::{self, ChainError};
use stanch_ledger::{Checked, Entry, Head, Ledger, LedgerError, Record, verify};

/// A directory of the test's own, removed at its end.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("ledger-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
    fn ledger(&self) -> PathBuf {
        self.0.join("ledger.jsonl")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _gone = std::fs::remove_dir_all(&self.0);
    }
}

fn record(time: i64, what: &str, body: serde_json::Value) -> Record {
    Record { time, who: "root".into(), tool: "stanch 0.1.0".into(), what: what.into(), body }
}

fn sample() -> Vec<Record> {
    vec![
        record(1_772_352_764, "case.opened", json!({ "host": "web01" })),
        record(
            1_772_352_765,
            "finding",
            json!({ "sign": "processes.deleted-program", "pid": 4242 }),
        ),
        record(1_772_352_700, "note", json!("行 one\nline \"two\" \u{2028} \u{0}")),
        record(0, "empty", json!(null)),
    ]
}

fn check(bytes: &[u8]) -> (Result<Checked, ChainError>, Vec<Entry>) {
    let mut entries = Vec::new();
    (chain::check(&mut &bytes[..], &mut |entry| entries.push(entry)), entries)
}

/// Whether all of the bytes are a chain that ends at `head`.
fn holds(bytes: &[u8], head: &Head) -> bool {
    matches!(check(bytes).0, Ok(checked) if checked.torn.is_empty() && checked.head == *head)
}

fn written(name: &str) -> (Place, Vec<u8>, Head) {
    let place = Place::new(name);
    let mut ledger = Ledger::create(&place.ledger()).unwrap();
    for record in sample() {
        ledger.append(&record).unwrap();
    }
    let bytes = std::fs::read(place.ledger()).unwrap();
    let head = ledger.head().clone();
    (place, bytes, head)
}

#[test]
fn version_1_is_written_and_read_as_on_its_first_day() {
    let golden = include_bytes!("golden/v1.jsonl");
    let (_place, bytes, head) = written("golden");
    assert_eq!(String::from_utf8_lossy(&bytes), String::from_utf8_lossy(golden));
    let (checked, entries) = check(golden);
    assert_eq!(checked.unwrap().head, head);
    assert_eq!(entries.len(), 4);
    assert_eq!(entries[0].time, "2026-03-01T08:12:44Z");
    assert_eq!(entries[2].body, json!("行 one\nline \"two\" \u{2028} \u{0}"));
}

#[test]
fn any_flipped_bit_is_found() {
    let (_place, bytes, head) = written("flip");
    assert!(holds(&bytes, &head));
    let mut missed = Vec::new();
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << bit;
            if holds(&changed, &head) {
                missed.push((at, bit));
            }
        }
    }
    assert_eq!(missed, [], "byte and bit of flips that were not found");
}

#[test]
fn any_cut_is_found_and_keeps_the_whole_lines_before_it() {
    let (_place, bytes, head) = written("cut");
    for at in 0..bytes.len() {
        let (cut, _) = bytes.split_at(at);
        assert!(!holds(cut, &head), "cut at {at}");
        let whole = cut.iter().filter(|&&byte| byte == b'\n').count();
        let (checked, entries) = check(cut);
        let checked = checked.unwrap();
        assert_eq!(entries.len(), whole, "cut at {at}");
        assert_eq!(checked.bytes as usize + checked.torn.len(), at);
    }
}

#[test]
fn lines_left_out_doubled_or_swapped_are_found() {
    let (_place, bytes, head) = written("lines");
    let lines: Vec<&[u8]> = bytes.split_inclusive(|&byte| byte == b'\n').collect();
    for at in 0..lines.len() {
        let mut without = lines.clone();
        without.remove(at);
        assert!(!holds(&without.concat(), &head), "without line {at}");
        let mut twice = lines.clone();
        twice.insert(at, lines[at]);
        assert!(!holds(&twice.concat(), &head), "line {at} twice");
        let mut swapped = lines.clone();
        swapped.swap(at, (at + 1) % lines.len());
        assert!(!holds(&swapped.concat(), &head), "line {at} swapped");
    }
}

#[test]
fn a_torn_last_line_is_kept_aside_and_recorded() {
    let (place, bytes, _) = written("torn");
    let cut = bytes.len() - 7;
    std::fs::write(place.ledger(), &bytes[..cut]).unwrap();
    let before = verify(&place.ledger(), &mut |_| {}).unwrap();
    assert_eq!(before.head.n, 3);
    let mut ledger = Ledger::open(&place.ledger(), &record(9, "opened", json!(null))).unwrap();
    assert_eq!(ledger.head().n, 4);
    let aside = std::fs::read(place.0.join("ledger.jsonl.torn-1")).unwrap();
    assert_eq!(aside, before.torn);
    ledger.append(&record(10, "after", json!([1, 2]))).unwrap();
    let mut entries = Vec::new();
    let checked = verify(&place.ledger(), &mut |entry| entries.push(entry)).unwrap();
    assert!(checked.torn.is_empty());
    assert_eq!(entries[3].what, "ledger.torn");
    assert_eq!(entries[3].body["kept_in"], "ledger.jsonl.torn-1");
    assert_eq!(entries[3].body["bytes"], before.torn.len());
    assert_eq!(entries[4].what, "after");
}

#[test]
fn a_damaged_line_is_refused_and_not_appended_to() {
    let (place, mut bytes, _) = written("damaged");
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    std::fs::write(place.ledger(), &bytes).unwrap();
    let error = Ledger::open(&place.ledger(), &sample()[0]).unwrap_err();
    assert!(matches!(error, LedgerError::Chain { .. }), "{error:?}");
    assert_eq!(std::fs::read(place.ledger()).unwrap(), bytes);
}

#[test]
fn one_writer_at_a_time_and_no_second_creation() {
    let (place, _, _) = written("lock");
    let first = Ledger::open(&place.ledger(), &sample()[0]).unwrap();
    let error = Ledger::open(&place.ledger(), &sample()[0]).unwrap_err();
    assert!(matches!(error, LedgerError::InUse { .. }), "{error:?}");
    drop(first);
    Ledger::open(&place.ledger(), &sample()[0]).unwrap();
    assert!(matches!(Ledger::create(&place.ledger()), Err(LedgerError::Io { .. })));
}

#[test]
fn a_symlink_in_place_of_the_ledger_is_refused() {
    let place = Place::new("link");
    std::fs::write(place.0.join("victim"), "").unwrap();
    std::os::unix::fs::symlink("victim", place.ledger()).unwrap();
    assert!(matches!(Ledger::open(&place.ledger(), &sample()[0]), Err(LedgerError::Io { .. })));
    assert!(matches!(Ledger::create(&place.ledger()), Err(LedgerError::Io { .. })));
}

#[test]
fn what_does_not_fit_the_format_is_refused_before_a_byte_is_written() {
    let (place, bytes, _) = written("refused");
    let mut ledger = Ledger::open(&place.ledger(), &sample()[0]).unwrap();
    let long = "x".repeat(chain::LONGEST_LINE);
    for bad in [json!({ "deep": [1.5] }), json!(long)] {
        let error = ledger.append(&record(1, "bad", bad)).unwrap_err();
        assert!(matches!(error, LedgerError::Record { .. }), "{error:?}");
    }
    let late = record(i64::MAX, "late", json!(null));
    assert!(matches!(ledger.append(&late), Err(LedgerError::Record { .. })));
    assert_eq!(std::fs::read(place.ledger()).unwrap(), bytes);
    ledger.append(&record(1, "good", json!(null))).unwrap();
}
