//! Lists of digests that are known to be bad: plain, CSV, STIX 2.1 and MISP.
//!
//! A digest is told by its length: 32 digits are MD5, 40 SHA-1, 64 SHA-256, or BLAKE3 where the
//! list, the column or a word before it says so. STIX keeps them in patterns, which are obeyed
//! ([`stix`]), and in file objects (`hashes`); MISP in attributes, those of which count whose
//! `to_ids` is not false (STIX 2.1, 4.7 and 10.7; MISP core format, 2.4).

mod json;
mod lines;
pub mod stix;

use std::collections::{HashMap, HashSet};

use stanch_words::{Algorithm, Both, Digested, KnownDigests, KnownHit};

use crate::sigma::{Complaint, Harm};
use stix::Pattern;

/// How many complaints one file gives.
const COMPLAINTS: usize = 100;
/// Digests of nothing: on a list they would name each empty file.
const OF_NOTHING: [&str; 4] = [
    "d41d8cd98f00b204e9800998ecf8427e",
    "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
];

/// What a pattern is known as, and its list.
#[derive(Clone, Debug)]
struct Indicator {
    pattern: Pattern,
    what: String,
    file: usize,
}

/// Digests that are known to be bad.
#[derive(Clone, Debug, Default)]
pub struct Digests {
    /// Lower-case hexadecimal, what each is known as, and its list.
    known: HashMap<(Algorithm, String), (String, usize)>,
    indicators: Vec<Indicator>,
    /// Which indicators a digest may fulfil.
    asked: HashMap<(Algorithm, String), Vec<usize>>,
    files: Vec<String>,
    /// The algorithms, each once.
    wanted: Vec<Algorithm>,
    /// How many digests were read, those told twice too.
    read: usize,
    /// Complaints about the file that is being read.
    complaints: Vec<Complaint>,
}

impl Digests {
    /// Reads lists, each a path and its bytes. A bad value is a complaint, never the end of others.
    pub fn load(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> (Self, Vec<Complaint>) {
        let mut digests = Self::default();
        let mut complaints = Vec::new();
        for (file, bytes) in files {
            let text = String::from_utf8_lossy(&bytes);
            let text = text.trim_start_matches('\u{feff}');
            digests.files.push(file.clone());
            let before = digests.read;
            let mut is_broken = false;
            if text.trim_start().starts_with(['{', '[']) {
                match serde_json::from_str(text) {
                    Ok(json) => json::read(&mut digests, &json, "", 0),
                    Err(error) => {
                        is_broken = true;
                        let line = u64::try_from(error.line()).ok();
                        digests.complain(line, "it is not JSON", "不是合法的 JSON");
                    }
                }
            } else {
                lines::read(&mut digests, &file, text);
            }
            if digests.read == before && !is_broken {
                digests.complain(None, "it gives no digest", "其中没有摘要");
            }
            complaints.append(&mut digests.complaints);
        }
        (digests, complaints)
    }

    fn here(&self) -> usize {
        self.files.len().saturating_sub(1)
    }

    fn want(&mut self, algorithm: Algorithm) {
        if !self.wanted.contains(&algorithm) {
            self.wanted.push(algorithm);
        }
    }

    /// Takes a digest, or complains of it.
    fn add(&mut self, algorithm: Algorithm, digest: &str, what: &str, line: Option<u64>) {
        let digest = digest.trim().to_ascii_lowercase();
        if OF_NOTHING.contains(&digest.as_str()) {
            return self.complain(
                line,
                "the digest of an empty file, which would name each empty file; left out",
                "空文件的摘要，会命中所有空文件；已略过",
            );
        }
        if !is_digest(algorithm, &digest) {
            let shown: String = digest.chars().take(80).collect();
            let name = name(algorithm);
            let (en, zh) = (format!("`{shown}` is no {name}"), format!("`{shown}` 不是 {name}"));
            return self.complain(line, &en, &zh);
        }
        let at = self.here();
        self.read = self.read.saturating_add(1);
        self.want(algorithm);
        let entry = self.known.entry((algorithm, digest));
        entry.or_insert_with(|| (what.trim().to_owned(), at));
    }

    /// Takes a pattern, or complains of it.
    fn indicator(&mut self, text: &str, what: &str) {
        let pattern = match stix::parse(text) {
            Ok(pattern) => pattern,
            Err(why) => {
                let what: String = what.chars().take(80).collect();
                let en = format!("pattern of `{what}` not taken: {}", why.en);
                let zh = format!("`{what}` 的模式未采用：{}", why.zh);
                return self.complain(None, &en, &zh);
            }
        };
        let number = self.indicators.len();
        for (algorithm, digest) in pattern.digests() {
            self.want(algorithm);
            self.asked.entry((algorithm, digest.to_owned())).or_default().push(number);
            self.read = self.read.saturating_add(1);
        }
        let file = self.here();
        self.indicators.push(Indicator { pattern, what: what.trim().to_owned(), file });
    }

    fn complain(&mut self, line: Option<u64>, en: &str, zh: &str) {
        if self.complaints.len() < COMPLAINTS {
            let file = self.files.last().cloned().unwrap_or_default();
            let why = Both::new(en, zh);
            let (rule, harm, help) = (None, Harm::Lost, None);
            self.complaints.push(Complaint { file, line, rule, harm, why, help });
        }
    }

    fn file(&self, at: usize) -> String {
        self.files.get(at).cloned().unwrap_or_default()
    }
}

impl KnownDigests for Digests {
    fn wanted(&self) -> &[Algorithm] {
        &self.wanted
    }

    fn find(&self, file: &Digested) -> Vec<KnownHit> {
        let mut hits = Vec::new();
        let mut asked = HashSet::new();
        for one in &file.digests {
            let digest = || one.1.clone();
            if let Some((what, list)) = self.known.get(one) {
                let (what, file) = (what.clone(), self.file(*list));
                hits.push(KnownHit { digest: digest(), what, file });
            }
            for &number in self.asked.get(one).into_iter().flatten() {
                let Some(indicator) = self.indicators.get(number) else { continue };
                if asked.insert(number) && indicator.pattern.is_fulfilled_by(file) {
                    let (what, file) = (indicator.what.clone(), self.file(indicator.file));
                    hits.push(KnownHit { digest: digest(), what, file });
                }
            }
        }
        hits
    }
}

fn name(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Md5 => "MD5",
        Algorithm::Sha1 => "SHA-1",
        Algorithm::Sha256 => "SHA-256",
        Algorithm::Blake3 => "BLAKE3",
    }
}

/// Returns the algorithm of a name, however it is written.
fn named(name: &str) -> Option<Algorithm> {
    let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    Some(match name.to_ascii_lowercase().as_str() {
        "md5" => Algorithm::Md5,
        "sha1" => Algorithm::Sha1,
        "sha256" => Algorithm::Sha256,
        "blake3" | "b3" => Algorithm::Blake3,
        _ => return None,
    })
}

/// Returns the algorithm of a digest that nobody names, by its length.
fn of_length(text: &str) -> Option<Algorithm> {
    let is_hexadecimal = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match text.len() {
        32 if is_hexadecimal => Some(Algorithm::Md5),
        40 if is_hexadecimal => Some(Algorithm::Sha1),
        64 if is_hexadecimal => Some(Algorithm::Sha256),
        _ => None,
    }
}

fn is_digest(algorithm: Algorithm, text: &str) -> bool {
    match of_length(text) {
        Some(Algorithm::Sha256) => matches!(algorithm, Algorithm::Sha256 | Algorithm::Blake3),
        other => other == Some(algorithm),
    }
}

#[cfg(test)]
mod tests;
