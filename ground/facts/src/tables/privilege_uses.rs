//! Who used whose rights, by sudo, su, doas and pkexec.
//!
//! Source: [`crate::history`].

use stanch_words::{Ask, Seen, table_spec};

use crate::Host;
use crate::history::History;

table_spec! {
    /// Uses of another account's rights.
    pub static SPEC, col = "privilege_uses": Files, "Rights of another account used or refused (sudo, su, doas, pkexec), one row a pair of accounts and witness.";
    witness Text Plain "The way it was told: text, journal, audit.";
    best Integer Plain "1 if this witness saw the most of this pair: the row that counts.";
    username Text Plain "Account that asked.";
    uid BigInt Plain "Its user id now, null if there is no such account any more.";
    target Text Plain "Account whose rights it asked for.";
    uses BigInt Plain "How often it was let.";
    failures BigInt Plain "Failed attempts, wrong passwords counted one by one.";
    denied BigInt Plain "How often it was refused because no rule lets it.";
    peak_failures BigInt Plain "Most failed attempts within 2 minutes.";
    programs Text Plain "Programs by which it asked.";
    commands Text Plain "First five distinct commands.";
    odd Text Plain "minus-one: the user id -1, which old sudo took for root; chroot: a root directory of the caller's own; else null.";
    history_before BigInt Plain "Seconds that the history of such uses had been running before the first.";
    first_use BigInt Plain "First time that it was let, in seconds since 1970 UTC.";
    first_time BigInt Plain "First attempt, in seconds since 1970 UTC.";
    last_time BigInt Plain "Last attempt, in seconds since 1970 UTC.";
    file Text Plain "Log that tells the most telling one.";
    line BigInt Plain "Line or record in that log, from 1.";
    excerpt Text Plain "What it says there.";
    lines Text Plain "Up to ten of the lines, odd ones first, as a JSON array of source, line, offset and excerpt.";
}

/// Reads the history.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    History::of(host).give(SPEC.name, seen);
}
