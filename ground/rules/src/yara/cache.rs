//! Compiled rules in a file: a head that says whose they are, a digest, and the engine's own bytes.
//!
//! ```text
//! stanch-yara 1 ENGINE KEY FILES RULES\n  SHA-256 of all else (32 bytes)  the engine's bytes
//! ```
//!
//! The digest finds damage, not malice: who can write the cache can write the rules as well. It is
//! kept where its caller says, never on the machine that is looked at.

use boreal::Scanner;
use boreal::scanner::DeserializeParams;
use sha2::{Digest as _, Sha256};

use super::{Loaded, Yara};

/// The engine and its version: another one reads other bytes.
const ENGINE: &str = "boreal-1.4.0";
/// The longest head.
const HEAD: usize = 256;
const DIGEST: usize = 32;

/// Why a cache is not used. The rules are then compiled anew.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CacheError {
    /// It is of other rules or another engine.
    #[error("the compiled rules are of other rules or another version")]
    Foreign,
    /// Its digest does not fit.
    #[error("the compiled rules are damaged")]
    Damaged,
    /// The engine does not take it, or cannot give its rules.
    #[error("the engine does not take the compiled rules: {0}")]
    Engine(String),
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

    /// Returns the compiled rules as the content of a cache file.
    ///
    /// # Errors
    /// [`CacheError::Engine`] if the engine cannot give them.
    pub fn cache(&self, key: &str) -> Result<Vec<u8>, CacheError> {
        let mut compiled = Vec::new();
        self.scanner
            .to_bytes(&mut compiled)
            .map_err(|error| CacheError::Engine(error.to_string()))?;
        let Loaded { files, rules } = self.loaded;
        let head = format!("stanch-yara 1 {ENGINE} {key} {files} {rules}\n");
        let mut all = head.into_bytes();
        let digest = digest(&all, &compiled);
        all.extend_from_slice(&digest);
        all.extend_from_slice(&compiled);
        Ok(all)
    }

    /// Returns the rules in a cache file, if it is that of these rules.
    ///
    /// # Errors
    /// Why not.
    pub fn from_cache(bytes: &[u8], key: &str) -> Result<Self, CacheError> {
        let line = bytes.iter().take(HEAD).position(|&byte| byte == b'\n');
        let end = line.ok_or(CacheError::Damaged)?.saturating_add(1);
        let (head, rest) = bytes.split_at_checked(end).ok_or(CacheError::Damaged)?;
        let (told, compiled) = rest.split_at_checked(DIGEST).ok_or(CacheError::Damaged)?;
        let text = std::str::from_utf8(head).unwrap_or_default();
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        let ["stanch-yara", "1", ENGINE, theirs, files, rules] = words.as_slice() else {
            return Err(CacheError::Foreign);
        };
        if *theirs != key {
            return Err(CacheError::Foreign);
        }
        if told != digest(head, compiled) {
            return Err(CacheError::Damaged);
        }
        let number = |word: &str| word.parse::<usize>().unwrap_or(0);
        let scanner = Scanner::from_bytes_unchecked(compiled, DeserializeParams::default())
            .map_err(|error| CacheError::Engine(error.to_string()))?;
        Ok(Self { scanner, loaded: Loaded { files: number(files), rules: number(rules) } })
    }
}

fn digest(head: &[u8], compiled: &[u8]) -> Vec<u8> {
    let mut digest = Sha256::new();
    digest.update(head);
    digest.update(compiled);
    digest.finalize().to_vec()
}
