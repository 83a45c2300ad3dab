//! Lists of digests that the analyst brings.

use std::path::PathBuf;

use stanch_machine::{Live, Machine as _, Miss};
use stanch_rules::Digests;
use stanch_rules::sigma::Complaint;
use stanch_words::{GapKind, Value};

/// The largest list that is read.
const LARGEST: u64 = 256 << 20;

/// Loads lists of digests.
///
/// # Errors
/// A [`Miss`] if a list cannot be read, or is larger than 256 MiB.
pub fn digests(lists: &[PathBuf]) -> Result<(Digests, Vec<Complaint>), Miss> {
    let machine = Live::new();
    let mut files = Vec::new();
    for list in lists {
        let read = machine.read(list, LARGEST)?;
        if u64::try_from(read.bytes.len()).unwrap_or(u64::MAX) >= LARGEST {
            return Err(Miss::new(GapKind::Truncated, "it is larger than 256 MiB", list));
        }
        files.push((Value::from(list.as_path()).to_string(), read.bytes));
    }
    Ok(Digests::load(files))
}
