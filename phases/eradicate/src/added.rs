//! Which lines were added to a file whose digest is known: those without which it has that digest.
//!
//! An intruder, or an administrator, adds a line, or a block of lines, far more often than he
//! changes one. Where leaving out one block gives the shipped digest, that block is what was added,
//! to the byte; nothing is guessed.

use stanch_facts::digest::{self, Digest};

/// The longest block that is tried, in lines.
const BLOCK: usize = 40;
/// How many bytes are digested at most: a second of MD5 for the usual file.
const BYTES: usize = 256 << 20;

/// Returns the numbers of the added lines; nothing if no one block is what was added.
pub(crate) fn lines(bytes: &[u8], expected: Option<&str>) -> Option<Vec<u64>> {
    let expected = expected?;
    let which = [Digest::Md5, Digest::Sha1, Digest::Sha256]
        .into_iter()
        .find(|which| which.hexadecimal() == expected.len())?;
    let lines: Vec<&[u8]> = bytes.split_inclusive(|&byte| byte == b'\n').collect();
    let mut left = BYTES;
    // What was added at the end first: that is where nearly all of it stands.
    for start in (0..lines.len()).rev() {
        for length in 1..=BLOCK.min(lines.len().saturating_sub(start)) {
            left = left.checked_sub(bytes.len())?;
            let end = start.saturating_add(length);
            let without = [lines.get(..start)?.concat(), lines.get(end..)?.concat()].concat();
            if digest::of_bytes(which, &without) == expected {
                return Some((1_u64..).take(end).skip(start).collect());
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_added_block_is_the_one_without_which_the_digest_is_right() {
        let shipped = b"# comment\nPATH=/usr/bin\n\nexit 0\n";
        let known = digest::of_bytes(Digest::Md5, shipped);
        let try_with = |text: &str| lines(text.as_bytes(), Some(&known));
        let end = "# comment\nPATH=/usr/bin\n\nexit 0\nbad one\nbad two\n";
        assert_eq!(try_with(end), Some(vec![5, 6]));
        let middle = "# comment\nbad\nPATH=/usr/bin\n\nexit 0\n";
        assert_eq!(try_with(middle), Some(vec![2]));
        let first = "bad\n# comment\nPATH=/usr/bin\n\nexit 0\n";
        assert_eq!(try_with(first), Some(vec![1]));
        let changed = "# comment\nPATH=/tmp\n\nexit 0\n";
        assert_eq!(try_with(changed), None, "a changed line is no added one");
        assert_eq!(lines(end.as_bytes(), None), None);
    }
}
