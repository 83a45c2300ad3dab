//! Compiled rules in a file, a pack: a head that says whose they are, a digest, and the engine's own
//! bytes.
//!
//! ```text
//! stanch-yara 2 ENGINE KEY FILES RULES STARTER\n  SHA-256 of all else (32 bytes)  the engine's bytes
//! ```
//!
//! The digest finds damage, not malice: who can write the pack can write the rules as well. It is
//! kept where its caller says, and never on the machine that is looked at unless he asks for it.

use boreal::Scanner;
use boreal::scanner::DeserializeParams;
use sha2::{Digest as _, Sha256};

use super::{Loaded, Yara};

/// The engine and its version: another one reads other bytes.
const ENGINE: &str = "boreal-1.4.0";
const MAGIC: &str = "stanch-yara";
/// What stands in place of the starter rules' key where they are not in the pack.
const WITHOUT: &str = "-";
/// The engine writes any number of rules and reads back 1,024 (1.4.0, `deserialize_rules`).
const MOST: usize = 1024;
/// The longest head.
const HEAD: usize = 256;
const DIGEST: usize = 32;

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
    /// [`PackError::Engine`] if the engine cannot give them, or they were not compiled together.
    pub fn pack(&self, key: &str, has_starter: bool) -> Result<Vec<u8>, PackError> {
        let [scanner] = self.sets.as_slice() else {
            return Err(PackError::Engine("they were not compiled together".to_owned()));
        };
        if scanner.rules().count() > MOST {
            let why = format!("it reads no more than {MOST} rules out of a pack");
            return Err(PackError::Engine(why));
        }
        let mut compiled = Vec::new();
        scanner.to_bytes(&mut compiled).map_err(|error| PackError::Engine(error.to_string()))?;
        let Loaded { files, rules } = self.loaded;
        let starter = if has_starter { starter() } else { WITHOUT.to_owned() };
        let head = format!("{MAGIC} 2 {ENGINE} {key} {files} {rules} {starter}\n");
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
        let (told, compiled) = rest.split_at_checked(DIGEST).ok_or(PackError::Damaged)?;
        let text = std::str::from_utf8(head).unwrap_or_default();
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        let [MAGIC, "2", ENGINE, key, files, rules, theirs] = words.as_slice() else {
            return Err(PackError::Foreign);
        };
        if told != digest(head, compiled) {
            return Err(PackError::Damaged);
        }
        let number = |word: &str| word.parse::<usize>().unwrap_or(0);
        let scanner = Scanner::from_bytes_unchecked(compiled, DeserializeParams::default())
            .map_err(|error| PackError::Engine(error.to_string()))?;
        let loaded = Loaded { files: number(files), rules: number(rules) };
        let rules = Self { sets: vec![scanner], loaded };
        Ok(Pack { rules, key: (*key).to_owned(), has_starter: *theirs == starter() })
    }
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
