//! YARA: rules over the content of files, as anybody writes them.
//!
//! The engine is `boreal`; nothing outside this module knows it (design note 0007). What is ours is
//! the loading of whole collections with complaints that help ([`Yara::load`]), the variables that
//! public rules expect, the cap of time, and packs of compiled rules ([`Yara::pack`]).
//! The engine gets bytes and never a path: reading is `machine`'s.

mod load;
mod pack;

use std::time::Duration;

use boreal::scanner::{ScanError, ScanParams, ScanResult};
use boreal::{MetadataValue, Scanner};
use stanch_words::{About, ByteHit, ByteJudgement, ByteRules, Value};

pub use pack::{Pack, PackError};

/// How long the rules may take over one file (or one piece of a large one).
pub const TIME: Duration = Duration::from_secs(10);
/// How many matched strings of a hit are told, and how many bytes of each.
const STRINGS: usize = 6;
const EXCERPT: usize = 80;
/// How sure a rule is that does not say.
const USUAL_SCORE: i64 = 75;

/// The starter rules, with all bits turned over (build.rs says why).
static STARTER: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/scan.rules"));

/// How much was loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// Files, those included by others too.
    pub files: usize,
    /// Rules, private ones too.
    pub rules: usize,
}

/// Rules that are ready to judge bytes.
#[derive(Clone)]
pub struct Yara {
    /// Compiled together is faster; what was compiled before comes beside.
    sets: Vec<Scanner>,
    loaded: Loaded,
}

impl std::fmt::Debug for Yara {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Yara").field("loaded", &self.loaded).finish_non_exhaustive()
    }
}

impl Yara {
    /// Loads rules from files, each a path and its bytes. A bad file is a complaint, never the end
    /// of the others; its rules before the mistake are kept.
    pub fn load(
        files: impl IntoIterator<Item = (String, Vec<u8>)>,
    ) -> (Self, Vec<crate::sigma::Complaint>) {
        load::load(files)
    }

    /// Returns the starter rules that came with this binary (`content/scan/*.yar`), as files.
    pub fn starter_files() -> Vec<(String, Vec<u8>)> {
        let plain: Vec<u8> = STARTER.iter().map(|byte| !byte).collect();
        let mut rest = plain.as_slice();
        let mut files = Vec::new();
        while let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
            let (head, text) = rest.split_at(end);
            let head = String::from_utf8_lossy(head);
            let (name, length) = head.split_once(' ').unwrap_or_default();
            let text = text.get(1..).unwrap_or_default();
            let (text, next) = text.split_at(length.parse().unwrap_or(0).min(text.len()));
            files.push((format!("stanch/{name}"), text.to_vec()));
            rest = next;
        }
        files
    }

    /// Returns how much was loaded.
    pub fn loaded(&self) -> Loaded {
        self.loaded
    }

    /// Returns the names of all rules.
    pub fn names(&self) -> Vec<String> {
        self.sets.iter().flat_map(Scanner::rules).map(|rule| rule.name.to_owned()).collect()
    }

    /// Returns the same rules with another cap of time for one file.
    #[must_use]
    pub fn within(mut self, time: Duration) -> Self {
        for set in &mut self.sets {
            set.set_scan_params(params(Matches::Told).timeout_duration(Some(time)));
        }
        self
    }

    /// Returns these rules and others, which were compiled apart.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.sets.extend(other.sets);
        self.loaded.files = self.loaded.files.saturating_add(other.loaded.files);
        self.loaded.rules = self.loaded.rules.saturating_add(other.loaded.rules);
        self
    }

    fn prepared(set: &Scanner, about: &About) -> Scanner {
        let mut scanner = set.clone();
        let extension = about.name.rsplit_once('.').map(|(_, ending)| format!(".{ending}"));
        let path = format!("{}/{}", about.directory.trim_end_matches('/'), about.name);
        for (name, value) in [
            ("filename", about.name.as_str()),
            ("filepath", path.as_str()),
            ("extension", extension.as_deref().unwrap_or_default()),
            ("filetype", file_type(&about.kind)),
            ("owner", about.owner.as_str()),
        ] {
            // Each is defined when rules are loaded, as text.
            let _always_defined = scanner.define_symbol(name, value);
        }
        if about.is_memory {
            let params = scanner.scan_params().clone().process_memory(true);
            scanner.set_scan_params(params);
        }
        scanner
    }
}

impl ByteRules for Yara {
    fn judge(&self, bytes: &[u8], about: &About) -> ByteJudgement {
        let mut all = ByteJudgement::default();
        for set in &self.sets {
            let judged = Self::judge_by(set, bytes, about);
            all.hits.extend(judged.hits);
            all.timed_out |= judged.timed_out;
        }
        all
    }

    fn count(&self) -> usize {
        self.loaded.rules
    }
}

impl Yara {
    fn judge_by(set: &Scanner, bytes: &[u8], about: &About) -> ByteJudgement {
        let mut scanner = Self::prepared(set, about);
        let (found, timed_out) = outcome(scanner.scan_mem(bytes));
        if found.rules.is_empty() {
            return ByteJudgement { hits: Vec::new(), timed_out };
        }
        let mut hits: Vec<ByteHit> = found.rules.iter().map(|rule| told(&scanner, rule)).collect();
        drop(found);
        // Where the strings stand is worth a second look only where something was found.
        let time = scanner.scan_params().get_timeout_duration().copied();
        let full = params(Matches::Whole).process_memory(about.is_memory).timeout_duration(time);
        scanner.set_scan_params(full);
        let (again, _) = outcome(scanner.scan_mem(bytes));
        for rule in &again.rules {
            let same = |hit: &&mut ByteHit| hit.rule == rule.name && hit.file == rule.namespace;
            if let Some(hit) = hits.iter_mut().find(same) {
                hit.met = met(rule);
            }
        }
        ByteJudgement { hits, timed_out }
    }
}

/// Whether the strings that were met are wanted whole, or only whether a rule is fulfilled.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Matches {
    Told,
    Whole,
}

fn params(matches: Matches) -> ScanParams {
    ScanParams::default()
        .compute_full_matches(matches == Matches::Whole)
        .match_max_length(EXCERPT)
        .timeout_duration(Some(TIME))
}

fn outcome<'s>(
    result: Result<ScanResult<'s>, (ScanError, ScanResult<'s>)>,
) -> (ScanResult<'s>, bool) {
    match result {
        Ok(found) => (found, false),
        Err((_too_long, found)) => (found, true),
    }
}

fn told(scanner: &Scanner, rule: &boreal::scanner::EvaluatedRule<'_>) -> ByteHit {
    let mut hit = ByteHit {
        rule: rule.name.to_owned(),
        file: rule.namespace.to_owned(),
        score: USUAL_SCORE,
        ..ByteHit::default()
    };
    for meta in rule.metadatas {
        let name = scanner.get_string_symbol(meta.name).to_ascii_lowercase();
        match (name.as_str(), meta.value) {
            ("score", MetadataValue::Integer(score)) => hit.score = score.clamp(0, 100),
            (_, MetadataValue::Integer(_) | MetadataValue::Boolean(_)) => {}
            ("description" | "desc", MetadataValue::Bytes(text)) => {
                hit.what = stanch_words::text::from_bytes(scanner.get_bytes_symbol(text));
            }
            ("author", MetadataValue::Bytes(text)) => {
                hit.author = stanch_words::text::from_bytes(scanner.get_bytes_symbol(text));
            }
            ("attack" | "mitre_attack" | "attack_technique", MetadataValue::Bytes(text)) => {
                let text = stanch_words::text::from_bytes(scanner.get_bytes_symbol(text));
                let ids = text.split([',', ' ']).filter(|id| id.starts_with('T'));
                hit.attack = ids.map(str::to_owned).collect();
            }
            (_, MetadataValue::Bytes(_)) => {}
        }
    }
    hit
}

fn met(rule: &boreal::scanner::EvaluatedRule<'_>) -> Vec<(String, u64, Value)> {
    let strings = rule.matches.iter().filter_map(|string| {
        let first = string.matches.first()?;
        let offset = u64::try_from(first.base.saturating_add(first.offset)).ok()?;
        let excerpt = first.data.get(..first.data.len().min(EXCERPT)).unwrap_or_default();
        Some((string.name.to_owned(), offset, Value::bytes(excerpt)))
    });
    strings.take(STRINGS).collect()
}

/// Returns the word of public rules for a kind of content (that of LOKI and THOR).
fn file_type(kind: &str) -> &'static str {
    match kind {
        "elf" => "ELF",
        "pe" => "EXE",
        "zip" => "ZIP",
        "gzip" => "GZIP",
        "php" => "PHP",
        "jsp" => "JSP",
        "asp" => "ASP",
        "script" => "SCRIPT",
        "image" => "IMAGE",
        "pdf" => "PDF",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(files: &[(&str, &str)]) -> (Yara, Vec<crate::sigma::Complaint>) {
        Yara::load(files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())))
    }

    fn names(yara: &Yara, bytes: &[u8], name: &str) -> Vec<String> {
        let about = About { name: name.into(), directory: "/tmp".into(), ..About::default() };
        yara.judge(bytes, &about).hits.into_iter().map(|hit| hit.rule).collect()
    }

    #[test]
    fn a_broken_file_is_told_with_its_line_and_does_not_stop_the_others() {
        let (yara, complaints) = rules(&[
            ("a.yar", "rule a { strings: $x = \"marked\" condition: $x }\n"),
            ("b.yar", "rule b {\n strings: $x = \"marked\"\n condition: $y\n}\n"),
            ("c.yar", "rule a { condition: filename == \"c.bin\" }"),
        ]);
        assert_eq!(yara.loaded(), Loaded { files: 3, rules: 2 });
        assert_eq!(complaints.len(), 1);
        assert_eq!((complaints[0].file.as_str(), complaints[0].line), ("b.yar", Some(3)));
        assert!(complaints[0].why.en.contains("unknown variable $y"), "{:?}", complaints[0].why);
        assert_eq!(names(&yara, b"this is marked", "x"), ["a"]);
        assert_eq!(names(&yara, b"this is not", "c.bin"), ["a"]);
        assert_eq!(names(&yara, b"this is not", "x.bin"), Vec::<String>::new());
    }

    #[test]
    fn variables_of_public_rules_are_known_and_met_strings_are_told() {
        let (yara, complaints) = rules(&[(
            "v.yar",
            "rule v { meta: description = \"words\" score = 60 author = \"us\" attack = \"T1505.003\"\n\
             strings: $a = /ev.l/ condition: $a and extension == \".php\" and filepath == \"/tmp/x.php\"\n\
             and filetype == \"PHP\" and owner == \"root\" }",
        )]);
        assert_eq!(complaints, []);
        let about = About {
            name: "x.php".into(),
            directory: "/tmp".into(),
            kind: "php".into(),
            owner: "root".into(),
            is_memory: false,
        };
        let judged = yara.judge(b"<?php eval(", &about);
        let [hit] = judged.hits.as_slice() else { panic!("{judged:?}") };
        assert_eq!((hit.score, hit.what.as_str(), hit.author.as_str()), (60, "words", "us"));
        assert_eq!(hit.attack, ["T1505.003"]);
        assert_eq!(hit.met, [("a".to_owned(), 6, Value::from("eval"))]);
    }

    #[test]
    fn an_included_file_is_loaded_once_and_a_circle_ends() {
        let (yara, complaints) = rules(&[
            ("d/index.yar", "include \"./sub/one.yar\"\ninclude \"../d/two.yar\"\n"),
            ("d/sub/one.yar", "include \"../index.yar\"\nrule one { condition: true }\n"),
            ("d/two.yar", "rule two { condition: one }\n"),
            ("d/lost.yar", "include \"../../etc/passwd\"\n"),
        ]);
        assert_eq!(names(&yara, b"", "x"), ["one", "two"]);
        assert_eq!(complaints.len(), 1);
        assert_eq!(complaints[0].file, "d/lost.yar");
    }

    #[test]
    fn a_rule_that_takes_too_long_is_cut_off() {
        let text = "rule slow { condition: for all i in (0..9999999999) : (uint8(i % 1000) != 9) }";
        let (yara, complaints) = rules(&[("slow.yar", text)]);
        assert_eq!(complaints, []);
        let yara = yara.within(Duration::from_millis(100));
        let judged = yara.judge(&[0; 4096], &About::default());
        assert!(judged.timed_out, "{judged:?}");
    }

    #[test]
    fn a_pack_gives_the_same_rules_and_a_damaged_or_foreign_one_gives_none() {
        let files =
            [("a.yar".to_owned(), b"rule a { strings: $x = \"marked\" condition: $x }".to_vec())];
        let key = Yara::key(&files);
        let (yara, _) = Yara::load(files.clone());
        let bytes = yara.pack(&key, false).unwrap();
        assert!(Yara::is_pack(&bytes));
        let pack = Yara::from_pack(&bytes).unwrap();
        assert_eq!((pack.key.as_str(), pack.has_starter), (key.as_str(), false));
        assert_eq!(names(&pack.rules, b"this is marked", "x"), ["a"]);
        assert_eq!(pack.rules.loaded(), yara.loaded());
        assert!(Yara::from_pack(&yara.pack(&key, true).unwrap()).unwrap().has_starter);
        for at in (0..bytes.len()).step_by(7) {
            let mut bad = bytes.clone();
            bad[at] ^= 1;
            assert!(Yara::from_pack(&bad).is_err(), "byte {at}");
            assert!(Yara::from_pack(&bytes[..at]).is_err(), "cut at {at}");
        }
        let other = [("a.yar".to_owned(), b"rule a { condition: true }".to_vec())];
        assert_ne!(Yara::key(&other), key);
        let two = pack.rules.and(Yara::load(other).0);
        assert_eq!(names(&two, b"this is marked", "x"), ["a", "a"]);
        // More than one set is none that one pack could hold.
        assert!(two.pack(&key, false).is_err());
        let many: String =
            (0..1025).map(|n| format!("rule r{n} {{ condition: true }}\n")).collect();
        let (many, _) = Yara::load([("many.yar".to_owned(), many.into_bytes())]);
        assert!(many.pack(&key, false).is_err(), "the engine reads it back now: lift the cap");
    }
}
