//! Compiled rules in a file, a pack: a head that says whose they are, a digest, and the engine's own
//! bytes for each set of rules.
//!
//! ```text
//! stanch-yara 5 ENGINE KEY STARTER FILES SET…\n  SHA-256 of all else (32 bytes)  the engine's bytes
//! ```
//! A set is told as `any:RULES:BYTES`, or with `lesser`, `elf` or `mz` in the first place: for all
//! but large programs, for ELF programs, for programs for Windows. Sets of the last two kinds are
//! read when the first such program comes by. A fourth word, `watched`, says that the engine may not
//! keep to its time.
//!
//! The digest finds damage, not malice: who can write the pack can write the rules as well. It is
//! kept where its caller says, and never on the machine that is looked at unless he asks for it.

use boreal::Scanner;
use sha2::{Digest as _, Sha256};

use super::divide::Fits;
use super::load::in_threads;
use super::{Loaded, Pace, Set, Yara};

/// The engine and its version: another one reads other bytes.
const ENGINE: &str = "boreal-1.4.0";
const MAGIC: &str = "stanch-yara";
/// What stands in place of the starter rules' key where they are not in the pack.
const WITHOUT: &str = "-";
/// The engine writes any number of rules and reads back 1,024 (1.4.0, `deserialize_rules`).
pub(super) const MOST: usize = 1024;
/// The longest head: some hundred sets.
const HEAD: usize = 4096;
const DIGEST: usize = 32;
/// How sets are told by what bytes are for them.
const ANY: &str = "any";
const MZ: &str = "mz";
const ELF: &str = "elf";
const LESSER: &str = "lesser";
const WATCHED: &str = ":watched";

/// Why a pack is not used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PackError {
    /// It is of another version of ours or of the engine.
    #[error("the compiled rules are of another version")]
    Foreign,
    /// Its digest does not fit.
    #[error("the compiled rules are damaged")]
    Damaged,
    /// The engine does not take it, or cannot give its rules.
    #[error("the engine does not take the compiled rules: {0}")]
    Engine(String),
}

/// Compiled rules out of a file.
#[derive(Clone, Debug)]
pub struct Pack {
    /// The rules.
    pub rules: Yara,
    /// Of which files they are: [`Yara::key`].
    pub key: String,
    /// Whether the starter rules of this version are among them.
    pub has_starter: bool,
}

impl Yara {
    /// Returns what tells collections of rules apart: a digest over all names and contents.
    pub fn key(files: &[(String, Vec<u8>)]) -> String {
        let mut digest = Sha256::new();
        for (name, bytes) in files {
            for part in [name.as_bytes(), bytes.as_slice()] {
                digest.update(part.len().to_le_bytes());
                digest.update(part);
            }
        }
        stanch_words::text::hex(&digest.finalize())
    }

    /// Returns whether a file's bytes begin as a pack does.
    pub fn is_pack(bytes: &[u8]) -> bool {
        bytes.starts_with(MAGIC.as_bytes())
    }

    /// Returns the compiled rules as the content of a pack.
    ///
    /// # Errors
    /// [`PackError::Engine`] if the engine cannot give them, or would not take them back.
    pub fn pack(&self, key: &str, has_starter: bool) -> Result<Vec<u8>, PackError> {
        let engine = |error: &dyn std::fmt::Display| PackError::Engine(error.to_string());
        let starter = if has_starter { starter() } else { WITHOUT.to_owned() };
        let mut head = format!("{MAGIC} 5 {ENGINE} {key} {starter} {}", self.loaded.files);
        let mut compiled = Vec::new();
        for set in &self.sets {
            let scanner = set.scanner().map_err(|why| engine(&why))?;
            let (rules, from) = (set.count(), compiled.len());
            if rules > MOST {
                let why = format!("it reads no more than {MOST} rules that hang together");
                return Err(PackError::Engine(why));
            }
            scanner.to_bytes(&mut compiled).map_err(|error| engine(&error))?;
            let kind = match set.fits {
                Fits::Any => ANY,
                Fits::Mz => MZ,
                Fits::Elf => ELF,
                Fits::Lesser => LESSER,
            };
            let bytes = compiled.len().saturating_sub(from);
            let pace = if set.pace == Pace::Watched { WATCHED } else { "" };
            head.push_str(&format!(" {kind}:{rules}:{bytes}{pace}"));
        }
        head.push('\n');
        if head.len() > HEAD {
            return Err(PackError::Engine("too many rules for one pack".to_owned()));
        }
        let mut all = head.into_bytes();
        let digest = digest(&all, &compiled);
        all.extend_from_slice(&digest);
        all.extend_from_slice(&compiled);
        Ok(all)
    }

    /// Returns the rules in a pack.
    ///
    /// # Errors
    /// Why not.
    pub fn from_pack(bytes: &[u8]) -> Result<Pack, PackError> {
        let line = bytes.iter().take(HEAD).position(|&byte| byte == b'\n');
        let end = line.ok_or(PackError::Damaged)?.saturating_add(1);
        let (head, rest) = bytes.split_at_checked(end).ok_or(PackError::Damaged)?;
        let (told, mut compiled) = rest.split_at_checked(DIGEST).ok_or(PackError::Damaged)?;
        let text = std::str::from_utf8(head).unwrap_or_default();
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        let [MAGIC, "5", ENGINE, key, theirs, files, told_sets @ ..] = words.as_slice() else {
            return Err(PackError::Foreign);
        };
        if told != digest(head, compiled) {
            return Err(PackError::Damaged);
        }
        let mut sets = Vec::new();
        for set in told_sets {
            let (set, pace) = match set.strip_suffix(WATCHED) {
                Some(set) => (set, Pace::Watched),
                None => (*set, Pace::Steady),
            };
            let parts: Vec<&str> = set.split(':').collect();
            let [kind, rules, length] = parts.as_slice() else { return Err(PackError::Foreign) };
            let fits = match *kind {
                ANY => Fits::Any,
                MZ => Fits::Mz,
                ELF => Fits::Elf,
                LESSER => Fits::Lesser,
                _ => return Err(PackError::Foreign),
            };
            let (rules, length) = (number(rules)?, number(length)?);
            let (own, rest) = compiled.split_at_checked(length).ok_or(PackError::Foreign)?;
            sets.push(Set::packed(own.to_vec(), rules, fits, pace));
            compiled = rest;
        }
        let is_wanted = |set: &&Set| matches!(set.fits, Fits::Any | Fits::Lesser);
        let wanted: Vec<&Set> = sets.iter().filter(is_wanted).collect();
        let failed = in_threads(&wanted, |set| set.scanner().err());
        if let Some(why) = failed.into_iter().flatten().next() {
            return Err(PackError::Engine(why));
        }
        let loaded = Loaded { files: number(files)?, rules: sets.iter().map(Set::count).sum() };
        let rules = Self::of(sets, loaded);
        Ok(Pack { rules, key: (*key).to_owned(), has_starter: *theirs == starter() })
    }
}

fn number(word: &str) -> Result<usize, PackError> {
    word.parse().ok().ok_or(PackError::Foreign)
}

/// Reads a set as the engine wrote it.
pub(super) fn scanner(bytes: &[u8]) -> Result<Scanner, String> {
    Scanner::from_bytes_unchecked(bytes, super::modules::to_read())
        .map_err(|error| error.to_string())
}

/// Returns the key of the starter rules that came with this binary.
fn starter() -> String {
    Yara::key(&Yara::starter_files())
}

fn digest(head: &[u8], compiled: &[u8]) -> Vec<u8> {
    let mut digest = Sha256::new();
    digest.update(head);
    digest.update(compiled);
    digest.finalize().to_vec()
}
