//! Rules over bytes, as those who read files see them: who judges content (YARA) and who reads it
//! know only this.

use std::sync::Arc;

use crate::Value;

/// What is known of bytes besides themselves. Public rules ask for it by the variables `filename`,
/// `filepath`, `extension`, `filetype` and `owner`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// The file's name.
    pub name: String,
    /// The directory that it lies in.
    pub directory: String,
    /// The kind by content (`elf`, `script`, …).
    pub kind: String,
    /// The name or number of the account that owns the file.
    pub owner: String,
    /// Whether the bytes are memory of a process.
    pub is_memory: bool,
}

/// A rule that bytes fulfil.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ByteHit {
    /// The rule's name.
    pub rule: String,
    /// The file of rules that it stands in.
    pub file: String,
    /// What it finds, in its author's words; may be empty.
    pub what: String,
    /// Who wrote it; may be empty.
    pub author: String,
    /// How sure its author is, 0 to 100; 75 where nobody says.
    pub score: i64,
    /// ATT&CK technique ids that its author names.
    pub attack: Vec<String>,
    /// What was met: the string's name in the rule, its offset, and the bytes, at most a few.
    pub met: Vec<(String, u64, Value)>,
}

/// What came of judging bytes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ByteJudgement {
    /// The rules that are fulfilled.
    pub hits: Vec<ByteHit>,
    /// Whether the time for one file ran out, so that more may be.
    pub timed_out: bool,
    /// Why some rules could not look at the bytes at all, if they could not.
    pub failed: Option<String>,
    /// How many rules were not asked, since they are still at work on what they took too long over.
    pub not_asked: usize,
}

/// Whoever judges bytes by rules.
pub trait ByteRules: Send + Sync + std::fmt::Debug {
    /// Judges bytes, at most for the time that one file may take.
    fn judge(&self, bytes: &[u8], about: &About) -> ByteJudgement;

    /// Judges bytes that may be kept for as long as a rule takes that no longer is waited for.
    fn judge_kept(&self, bytes: &Arc<Vec<u8>>, about: &About) -> ByteJudgement {
        self.judge(bytes, about)
    }

    /// Returns how many rules there are.
    fn count(&self) -> usize;
}

/// An algorithm whose digests lists name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// MD5.
    Md5,
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
    /// BLAKE3, of 256 bits.
    Blake3,
}

/// A whole file, or a whole member of an archive, as lists of digests see it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Digested {
    /// Its name, without directories.
    pub name: String,
    /// How many bytes it has.
    pub size: u64,
    /// Its digests, lower-case hexadecimal: all that were wanted.
    pub digests: Vec<(Algorithm, String)>,
}

/// An entry of a list that a file fulfils.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownHit {
    /// The digest that was met.
    pub digest: String,
    /// What it is known as; may be empty.
    pub what: String,
    /// The list that says so.
    pub file: String,
}

/// Digests that are known to be bad.
pub trait KnownDigests: Send + Sync + std::fmt::Debug {
    /// Returns the algorithms that there are digests of: only such are taken.
    fn wanted(&self) -> &[Algorithm];

    /// Returns the entries that a file fulfils.
    fn find(&self, file: &Digested) -> Vec<KnownHit>;
}
