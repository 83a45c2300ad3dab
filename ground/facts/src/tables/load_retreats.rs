//! Load that goes away while somebody is there and comes back when he is gone.
//!
//! Source: [`crate::load_history::retreats`] for the method; sessions and programs come from the
//! history of logs.

use stanch_words::{Ask, Seen, table_spec};

use crate::Host;
use crate::history::History;

table_spec! {
    /// Falls of load while somebody was there.
    pub static SPEC, col = "load_retreats": Files, "Falls of a steady use of the processors to less than three tenths that begin and end with a login session, or begin with a program such as top.";
    time BigInt Plain "When the use fell, in seconds since 1970 UTC, as exactly as the archive's intervals.";
    until BigInt Plain "When it was back.";
    cpu_before Real Plain "Use of the processors before, in per cent.";
    cpu_within Real Plain "Median of the time between.";
    cpu_after Real Plain "Use afterwards.";
    interval BigInt Plain "Seconds of one interval of the archive: how exact the times are.";
    username Text Plain "Account that was there.";
    source Text Plain "Address that it came from.";
    program Text Plain "What let it in, or the program that was started.";
    retreats BigInt Plain "How many such falls there are in all.";
    other_falls BigInt Plain "How many falls of the same kind there are while nobody came or went.";
    stayed BigInt Plain "How many sessions there are in which such a use went on.";
    path Text Plain "Archive.";
    place BigInt Plain "Offset of the record there; of text the line.";
    file Text Plain "Log that tells of the session or program.";
    line BigInt Plain "Line or record in that log, from 1.";
    excerpt Text Plain "What it says there.";
    lines Text Plain "The lines of all such falls, as a JSON array of source, line, offset and excerpt.";
}

/// Reads the history.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    History::of(host).give(SPEC.name, seen);
}
