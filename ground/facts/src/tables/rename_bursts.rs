//! Very many files that got the same new ending within seconds.
//!
//! Source: [`crate::history`], records of the kernel's audit log where its rules watch renames; the
//! rates of writing are those of [`crate::load_history`].

use stanch_words::{Ask, Seen, table_spec};

use crate::Host;
use crate::history::History;

table_spec! {
    /// Bursts of renames.
    pub static SPEC, col = "rename_bursts": Files, "Bursts of at least a hundred renames within four seconds in which one account gave files the same new ending, where audit rules watch renames.";
    user Text Plain "Account, where the record names it.";
    uid BigInt Plain "User id that logged in; else that of the process.";
    ending Text Plain "The new ending.";
    count BigInt Plain "How many files got it without a pause of a minute.";
    most BigInt Plain "The most within four seconds.";
    directories BigInt Plain "In how many directories, at most 256.";
    programs Text Plain "Programs that did it, at most eight.";
    first_time BigInt Plain "The first, in seconds since 1970 UTC.";
    last_time BigInt Plain "The last.";
    old_path Text Plain "The first file's old name.";
    new_path Text Plain "Its new name.";
    disk_written_kib Real Plain "Most KiB a second that sysstat's archives saw written to disks meanwhile; null without archives.";
    usual_written_kib Real Plain "Their median.";
    file Text Plain "Log that tells it.";
    line BigInt Plain "Line of the first record there, from 1.";
    excerpt Text Plain "The first rename.";
    lines Text Plain "Some of the renames, as a JSON array of source, line, offset and excerpt.";
}

/// Reads the history.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    History::of(host).give(SPEC.name, seen);
}
