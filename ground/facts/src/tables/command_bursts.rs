//! Many telling commands of one account within a short time.
//!
//! Source: [`crate::history`], records of programs that ran with their times.

use stanch_words::{Ask, Seen, table_spec};

use crate::Host;
use crate::history::History;

table_spec! {
    /// Command bursts.
    pub static SPEC, col = "command_bursts": Files, "The densest burst of recon or of killing for each account and witness: five different ones within a minute or ten seconds.";
    what Text Plain "recon or killing.";
    user Text Plain "The account.";
    witness Text Plain "The way it tells: text, journal, audit, accounting or history.";
    distinct_commands BigInt Plain "How many different questions were asked, or victims named.";
    seconds BigInt Plain "Within how many seconds.";
    first_time BigInt Plain "The first of them, in seconds since 1970 UTC.";
    last_time BigInt Plain "The last of them.";
    commands Text Plain "The commands, at most ten.";
    file Text Plain "The file of the first record.";
    line BigInt Plain "Its line or record.";
    lines Text Plain "Their places, as a JSON array of source, line, offset and excerpt.";
}

/// Reads the history.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    History::of(host).give(SPEC.name, seen);
}
