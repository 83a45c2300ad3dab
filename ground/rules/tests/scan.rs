//! The laws of the starter rules: each compiles, each has a case that it hits and one that it
//! nearly hits, and every case comes out as it says.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "the test reads the tree")]

use std::collections::BTreeSet;
use std::path::Path;

use stanch_rules::Yara;
use stanch_words::{About, ByteRules as _};

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Cases {
    case: Vec<Case>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    rule: String,
    name: String,
    finds: bool,
    /// The type of the ELF header that is put before (elf(5), `e_type`).
    elf: Option<u8>,
    #[serde(default)]
    rot13: String,
    #[serde(default)]
    hex: String,
}

impl Case {
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        if let Some(kind) = self.elf {
            bytes.extend_from_slice(b"\x7fELF\x02\x01\x01");
            bytes.resize(16, 0);
            bytes.extend_from_slice(&[kind, 0, 62, 0, 1, 0, 0, 0]);
            bytes.resize(64, 0);
        }
        bytes.extend(self.rot13.bytes().map(|byte| match byte {
            b'a'..=b'z' => (byte - b'a' + 13) % 26 + b'a',
            b'A'..=b'Z' => (byte - b'A' + 13) % 26 + b'A',
            other => other,
        }));
        let pairs = self.hex.as_bytes().chunks(2).map(|two| std::str::from_utf8(two).unwrap());
        bytes.extend(pairs.map(|two| u8::from_str_radix(two, 16).unwrap()));
        bytes
    }
}

fn cases() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../content/scan");
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "toml") {
            let text = std::fs::read_to_string(&path).unwrap();
            let cases: Cases = toml::from_str(&text).unwrap();
            all.extend(cases.case);
        }
    }
    all
}

#[test]
fn every_case_comes_out_as_it_says_and_every_rule_has_a_hit_and_a_near_miss() {
    let (rules, complaints) = Yara::load(Yara::starter_files());
    assert_eq!(complaints, []);
    let mut wrong = Vec::new();
    let (mut hits, mut misses) = (BTreeSet::new(), BTreeSet::new());
    for case in cases() {
        let judged = rules.judge(&case.bytes(), &About::default());
        let found = judged.hits.iter().any(|hit| hit.rule == case.rule);
        if found != case.finds {
            wrong.push(format!("{}: {}: found is {found}", case.rule, case.name));
        }
        if case.finds {
            hits.insert(case.rule)
        } else {
            misses.insert(case.rule)
        };
    }
    let names: BTreeSet<String> = rules.names().into_iter().collect();
    assert_eq!(names.len(), rules.names().len(), "two rules of one name");
    wrong.extend(names.difference(&hits).map(|name| format!("{name}: no case that it hits")));
    wrong.extend(names.difference(&misses).map(|name| format!("{name}: no near miss")));
    wrong.extend(hits.difference(&names).map(|name| format!("{name}: there is no such rule")));
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn every_rule_says_what_it_finds_how_sure_it_is_and_who_wrote_it() {
    let (rules, _) = Yara::load(Yara::starter_files());
    let mut wrong = Vec::new();
    for case in cases().iter().filter(|case| case.finds) {
        for hit in rules.judge(&case.bytes(), &About::default()).hits {
            let sound = !hit.what.is_empty() && hit.author == "Stanch" && hit.score >= 50;
            if !sound || (hit.attack.is_empty() && hit.rule != "Test_EICAR") || hit.met.is_empty() {
                wrong.push(format!("{hit:?}"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}
