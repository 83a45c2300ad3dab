//! Logs that are databases (SQLite), read whole: what their readers share.

use std::path::Path;

use stanch_machine::{Machine, Miss, limits};
use stanch_words::{Gap, GapKind};

use super::{Context, Counts};
use crate::sqlite_file::SqliteError;

/// Reads the rows of a database and counts them.
pub(super) type Rows<'r> = dyn FnMut(Vec<u8>, &mut Counts) -> Result<(), SqliteError> + 'r;

/// Reads a database whole, and says what was in the way.
pub(super) fn whole(
    machine: &dyn Machine,
    path: &Path,
    context: &Context,
    rows: &mut Rows<'_>,
) -> Result<(Counts, Vec<Gap>), Miss> {
    let contents = machine.read(path, limits::DATABASE)?;
    let mut counts = Counts { bytes: contents.bytes.len() as u64, ..Counts::default() };
    let mut gaps = Vec::new();
    if contents.truncated {
        let detail = format!("only the first {} bytes were read", limits::DATABASE);
        gaps.push(Gap::new("", GapKind::Truncated, detail));
    }
    if let Err(error) = rows(contents.bytes, &mut counts) {
        counts.lines = counts.lines.saturating_add(1);
        counts.not_understood = 1;
        gaps.push(Gap::new("", GapKind::Damaged, error.to_string()));
    }
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    if machine.stat(Path::new(&log)).is_ok_and(|stat| stat.size > 0) {
        gaps.push(Gap::new("", GapKind::Truncated, "the write-ahead log was not read"));
    }
    for gap in &mut gaps {
        gap.path = Some(context.file.clone());
    }
    Ok((counts, gaps))
}
