//! What makes the record hold: each entry carries the hash of the one before it.

use std::io::BufRead;

use crate::format::v1;
use crate::{Entry, LedgerError, Record};

/// The longest line. A longer one is refused when written and is damage when read.
pub const LONGEST_LINE: usize = 16 << 20;

/// A place in the chain. Kept elsewhere (on paper, in a ticket, on another machine), it proves
/// later that nothing up to it was changed, and that nothing was cut off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The entry's number, from 1; 0 before the first.
    pub n: u64,
    /// The entry's hash: 64 hexadecimal digits.
    pub hash: String,
}

impl Head {
    /// Returns the place before the first entry.
    pub fn none() -> Self {
        Self { n: 0, hash: "0".repeat(64) }
    }
}

/// Where and why a chain does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct Broken {
    /// The line, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub why: String,
}

/// A chain that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Its last place.
    pub head: Head,
    /// How many bytes its whole lines take.
    pub bytes: u64,
    /// What follows them without an end of line: a write that was cut off. Empty if nothing.
    pub torn: Vec<u8>,
}

/// Why a chain could not be checked to its end.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// It was read and does not hold.
    #[error("the chain is broken")]
    Broken(#[from] Broken),
    /// It could not be read.
    #[error("the ledger could not be read")]
    Unreadable(#[source] std::io::Error),
}

/// Returns the line that a record makes after another place of a chain, with its newline, for a
/// chain that is kept elsewhere than in a ledger of ours; and the entry that it is.
///
/// # Errors
/// [`LedgerError::Record`] if the record does not fit the format.
pub fn line(record: &Record, last: &Head) -> Result<(Vec<u8>, Entry), LedgerError> {
    v1::write(record, last).map_err(|why| LedgerError::Record { why })
}

/// Checks a chain from its first line, handing out each entry once it is known to hold.
///
/// # Errors
/// [`ChainError`] at the first line that does not hold, or if reading fails.
pub fn check(source: &mut dyn BufRead, each: &mut dyn FnMut(Entry)) -> Result<Checked, ChainError> {
    let mut checked = Checked { head: Head::none(), bytes: 0, torn: Vec::new() };
    for number in 1_u64.. {
        let line = one_line(source).map_err(ChainError::Unreadable)?;
        let broken = |why: String| ChainError::Broken(Broken { line: number, why });
        let Some(text) = line.strip_suffix(b"\n") else {
            if line.len() >= LONGEST_LINE {
                return Err(broken(format!("longer than {LONGEST_LINE} bytes")));
            }
            checked.torn = line;
            break;
        };
        let entry = v1::read(text, &checked.head).map_err(broken)?;
        checked.head = entry.head.clone();
        checked.bytes = checked.bytes.saturating_add(line.len() as u64);
        each(entry);
    }
    Ok(checked)
}

/// Reads up to and with the next end of line, at most [`LONGEST_LINE`] bytes.
fn one_line(source: &mut dyn BufRead) -> std::io::Result<Vec<u8>> {
    use std::io::Read as _;
    let mut line = Vec::new();
    source.take(LONGEST_LINE as u64).read_until(b'\n', &mut line)?;
    Ok(line)
}
