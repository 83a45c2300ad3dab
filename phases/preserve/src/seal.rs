//! What seals a bundle: a root over the lines of all items, and a digest over the packed bytes.
//!
//! ```text
//!   leaf   SHA-256 of a line of the manifest, in hexadecimal
//!   node   SHA-256 of the 128 digits of the two below it; one that is left over goes up as it is
//! ```
//! A line begins with `{`, so that none can be taken for a node.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use stanch_words::text;

/// What `meta/seal.json` says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seal {
    /// `stanch.seal/1`.
    pub schema: String,
    /// The machine's name.
    pub host: String,
    /// When the collection began, RFC 3339.
    pub begun: String,
    /// When it ended.
    pub ended: String,
    /// The program and version.
    pub tool: String,
    /// SHA-256 of the program's own file, if it could be read.
    pub tool_sha256: Option<String>,
    /// How many items the manifest tells of.
    pub items: u64,
    /// The root over the lines of the manifest.
    pub merkle_root: String,
    /// SHA-256 of `meta/manifest.jsonl`.
    pub manifest_sha256: String,
    /// SHA-256 of `meta/sha256sums`.
    pub sums_sha256: String,
    /// SHA-256 of `meta/custody.jsonl`.
    pub custody_sha256: String,
    /// The hash of the last entry of `meta/custody.jsonl`.
    pub chain_head: String,
    /// The last entry of the open case's ledger then, as `NUMBER HASH`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case_head: Option<String>,
}

impl Seal {
    /// The name and version.
    pub const SCHEMA: &'static str = "stanch.seal/1";
}

/// Returns the SHA-256 of bytes in hexadecimal.
pub(crate) fn digest(bytes: &[u8]) -> String {
    text::hex(&Sha256::digest(bytes))
}

/// A root that grows with its leaves, in memory that grows with their number's logarithm.
#[derive(Clone, Debug, Default)]
pub(crate) struct Root {
    /// Roots of whole trees, the largest first: how many leaves each has as a power of two.
    peaks: Vec<(u32, String)>,
}

impl Root {
    /// Adds a line.
    pub(crate) fn push(&mut self, line: &[u8]) {
        let mut height = 0_u32;
        let mut node = digest(line);
        while let Some((_, left)) = self.peaks.pop_if(|(of, _)| *of == height) {
            node = digest(format!("{left}{node}").as_bytes());
            height = height.saturating_add(1);
        }
        self.peaks.push((height, node));
    }

    /// Returns the root; of nothing, the digest of nothing.
    pub(crate) fn finish(mut self) -> String {
        let Some((_, mut node)) = self.peaks.pop() else { return digest(b"") };
        while let Some((_, left)) = self.peaks.pop() {
            node = digest(format!("{left}{node}").as_bytes());
        }
        node
    }
}

/// The end of a bundle: an empty member of gzip, which every reader passes over, with the digest
/// and the number of all bytes before it in its extra field (RFC 1952).
pub(crate) const END: usize = 66;
const HEAD: [u8; 16] = [0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 255, 44, 0, b'S', b't', 40, 0];
const TAIL: [u8; 10] = [3, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// Returns the end of a bundle.
pub(crate) fn end(digest: [u8; 32], length: u64) -> Vec<u8> {
    [&HEAD[..], &digest, &length.to_le_bytes(), &TAIL].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The root by its definition: levels, one after the other.
    fn slow(lines: &[Vec<u8>]) -> String {
        let mut level: Vec<String> = lines.iter().map(|line| digest(line)).collect();
        if level.is_empty() {
            return digest(b"");
        }
        while level.len() > 1 {
            level = level
                .chunks(2)
                .map(|pair| match pair {
                    [left, right] => digest(format!("{left}{right}").as_bytes()),
                    _ => pair[0].clone(),
                })
                .collect();
        }
        level.remove(0)
    }

    #[test]
    fn the_growing_root_is_the_one_of_the_definition() {
        let lines: Vec<Vec<u8>> = (0..70).map(|n| format!("{{\"n\":{n}}}").into_bytes()).collect();
        for count in 0..lines.len() {
            let mut root = Root::default();
            lines[..count].iter().for_each(|line| root.push(line));
            assert_eq!(root.finish(), slow(&lines[..count]), "{count}");
        }
    }

    #[test]
    fn the_end_of_a_bundle_is_an_empty_member_of_gzip() {
        use std::io::Read as _;
        let end = end([7; 32], 1234);
        assert_eq!(end.len(), END);
        let mut out = Vec::new();
        flate2::read::GzDecoder::new(&*end).read_to_end(&mut out).unwrap();
        assert!(out.is_empty());
    }
}
