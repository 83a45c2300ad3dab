//! YARA: rules over the content of files, as anybody writes them.
//!
//! The engine is `boreal`; nothing outside this module knows it (design note 0007). What is ours is
//! the loading of whole collections with complaints that help ([`Yara::load`]), the variables that
//! public rules expect, the cap of time, and packs of compiled rules ([`Yara::pack`]).
//! The engine gets bytes and never a path: reading is `machine`'s.

mod apart;
mod clamp;
mod divide;
mod endless;
mod load;
mod modules;
mod pack;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use boreal::scanner::{ScanError, ScanParams, ScanResult};
use boreal::{MetadataValue, Scanner};
use stanch_words::{About, ByteHit, ByteJudgement, ByteRules, Value};

use apart::{Hands, Left};
use divide::Fits;
pub use pack::{Pack, PackError};

/// How long the rules may take over one file (or one piece of a large one).
pub const TIME: Duration = Duration::from_secs(10);
/// How many matched strings of a hit are told, and how many bytes of each.
const STRINGS: usize = 6;
const EXCERPT: usize = 80;
/// How often a string is counted: public rules ask for more than the engine's usual 1,000, and what
/// is hostile may hold millions.
const COUNTED: u32 = 10_000;
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
    /// Each set costs a pass over the bytes that it is shown.
    sets: Vec<Arc<Set>>,
    loaded: Loaded,
    time: Duration,
    hands: Arc<Hands>,
}

/// Rules that were compiled together.
#[derive(Debug)]
struct Set {
    /// Only such bytes can fulfil any of them.
    fits: Fits,
    pace: Pace,
    /// What was not waited for any more.
    left: Left,
    rules: usize,
    scanner: OnceLock<Result<Scanner, String>>,
    /// The engine's bytes, until they are read.
    packed: Mutex<Vec<u8>>,
}

/// Whether the engine keeps to its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pace {
    /// It does.
    Steady,
    /// There is a string among them over which it may not.
    Watched,
}

impl Set {
    fn of(scanner: Scanner, fits: Fits, pace: Pace) -> Self {
        let rules = scanner.rules().count();
        let (scanner, packed) = (Ok(scanner).into(), Mutex::default());
        Self { fits, pace, left: Left::default(), rules, scanner, packed }
    }

    fn packed(bytes: Vec<u8>, rules: usize, fits: Fits, pace: Pace) -> Self {
        let (scanner, packed) = (OnceLock::new(), bytes.into());
        Self { fits, pace, left: Left::default(), rules, scanner, packed }
    }

    fn count(&self) -> usize {
        self.rules
    }

    /// Returns the engine with the rules, which the first that asks reads.
    fn scanner(&self) -> Result<&Scanner, String> {
        let read = || {
            let mut packed = self.packed.lock().unwrap_or_else(PoisonError::into_inner);
            pack::scanner(&std::mem::take(&mut *packed))
        };
        self.scanner.get_or_init(read).as_ref().map_err(String::clone)
    }
}

impl std::fmt::Debug for Yara {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Yara").field("loaded", &self.loaded).finish_non_exhaustive()
    }
}

impl Yara {
    fn of(sets: Vec<Set>, loaded: Loaded) -> Self {
        let sets = sets.into_iter().map(Arc::new).collect();
        Self { sets, loaded, time: TIME, hands: Arc::default() }
    }

    /// Loads rules from files, each a path and its bytes. A bad file is a complaint, never the end
    /// of the others; a mistake costs the rule that it stands in.
    pub fn load(
        files: impl IntoIterator<Item = (String, Vec<u8>)>,
    ) -> (Self, Vec<crate::sigma::Complaint>) {
        load::load(files, usize::MAX)
    }

    /// Loads rules as [`Self::load`] does, into sets that [`Self::pack`] takes: they look at bytes
    /// a little slower.
    pub fn load_to_pack(
        files: impl IntoIterator<Item = (String, Vec<u8>)>,
    ) -> (Self, Vec<crate::sigma::Complaint>) {
        load::load(files, pack::MOST)
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
        let scanners = self.sets.iter().filter_map(|set| set.scanner().ok());
        scanners.flat_map(Scanner::rules).map(|rule| rule.name.to_owned()).collect()
    }

    /// Returns the same rules with another cap of time for one file.
    #[must_use]
    pub fn within(mut self, time: Duration) -> Self {
        self.time = time;
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

    fn prepared(scanner: &Scanner, about: &About, time: Duration) -> Scanner {
        let mut scanner = scanner.clone();
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
        scanner.set_scan_params(params(Matches::Told, about, time));
        scanner
    }
}

impl ByteRules for Yara {
    fn judge(&self, bytes: &[u8], about: &About) -> ByteJudgement {
        self.judged(bytes, &|| Arc::new(bytes.to_vec()), about)
    }

    fn judge_kept(&self, bytes: &Arc<Vec<u8>>, about: &About) -> ByteJudgement {
        self.judged(bytes, &|| Arc::clone(bytes), about)
    }

    fn count(&self) -> usize {
        self.loaded.rules
    }
}

impl Yara {
    /// Judges bytes, which those rules keep that may not end.
    fn judged(
        &self,
        bytes: &[u8],
        kept: &dyn Fn() -> Arc<Vec<u8>>,
        about: &About,
    ) -> ByteJudgement {
        let mut all = ByteJudgement::default();
        let mut watched = Vec::new();
        let sets: Vec<&Arc<Set>> = self.sets.iter().filter(|set| set.fits.fits(bytes)).collect();
        // The time for one file is shared out.
        let time = self.time / u32::try_from(sets.len().max(1)).unwrap_or(u32::MAX);
        for set in sets {
            if set.pace == Pace::Steady || bytes.len() <= apart::FEW {
                apart::add(&mut all, Self::judge_by(set, bytes, about, time, &mut |_| {}));
            } else if set.left.is_full() {
                all.not_asked = all.not_asked.saturating_add(set.count());
            } else {
                watched.push(Arc::clone(set));
            }
        }
        if !watched.is_empty() {
            apart::add(&mut all, self.hands.judge(&watched, &kept(), about, time));
        }
        all
    }

    /// Judges bytes by a set, and says what was found before it looks where the strings stand.
    fn judge_by(
        set: &Set,
        bytes: &[u8],
        about: &About,
        time: Duration,
        found: &mut dyn FnMut(&ByteJudgement),
    ) -> ByteJudgement {
        let set = match set.scanner() {
            Ok(set) => set,
            Err(why) => return ByteJudgement { failed: Some(why), ..ByteJudgement::default() },
        };
        let mut scanner = Self::prepared(set, about, time);
        let (first, was_cut) = modules::within(time, || outcome(scanner.scan_mem(bytes)));
        let (first, timed_out) = (first.0, first.1 || was_cut);
        let mut judged = ByteJudgement { timed_out, ..ByteJudgement::default() };
        if first.rules.is_empty() {
            return judged;
        }
        judged.hits = first.rules.iter().map(|rule| told(&scanner, rule)).collect();
        drop(first);
        found(&judged);
        // Where the strings stand is worth a second look only where something was found.
        scanner.set_scan_params(params(Matches::Whole, about, time));
        let ((again, _), _) = modules::within(time, || outcome(scanner.scan_mem(bytes)));
        for rule in &again.rules {
            let same = |hit: &&mut ByteHit| hit.rule == rule.name && hit.file == rule.namespace;
            if let Some(hit) = judged.hits.iter_mut().find(same) {
                hit.met = met(rule);
            }
        }
        judged
    }
}

/// Whether the strings that were met are wanted whole, or only whether a rule is fulfilled.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Matches {
    Told,
    Whole,
}

fn params(matches: Matches, about: &About, time: Duration) -> ScanParams {
    ScanParams::default()
        .compute_full_matches(matches == Matches::Whole)
        .match_max_length(if matches == Matches::Whole { EXCERPT } else { 0 })
        .string_max_nb_matches(COUNTED)
        .process_memory(about.is_memory)
        .timeout_duration(Some(time))
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
mod tests;
