//! Since when the machine is busier than it was.
//!
//! Source: [`crate::load_history::changes`] for the method; the packages come from the history of
//! logs.

use stanch_words::{Ask, Seen, table_spec};

use crate::Host;
use crate::history::History;

table_spec! {
    /// Rises of load.
    pub static SPEC, col = "load_changes": Files, "The greatest lasting rise of each measure of load in sysstat's archives, with when it began and what else moved then.";
    measure Text Plain "What rose: a column of load_history.";
    resource Text Plain "processor, memory, disk or network.";
    since BigInt Plain "When it began, in seconds since 1970 UTC, as exactly as the archive's intervals.";
    until BigInt Plain "When the last hour of it ended.";
    goes_on Integer Plain "1 if it went on when the archives end.";
    before Real Plain "Median of the hours before.";
    after Real Plain "Median of its hours.";
    deviations Real Plain "The rise in usual deviations (1.4826 median absolute deviations from the median of the same hour).";
    hours_before BigInt Plain "Hours that the archives reach back before it.";
    hours_after BigInt Plain "Hours that it lasted.";
    by_week Integer Plain "1 if compared with the same hour of the week, 0 with the same hour of the day.";
    resources BigInt Plain "How many resources rose within two hours of the first, this one included.";
    moved Text Plain "All measures that rose with it, from what to what.";
    leads Integer Plain "1 if it is the first of those.";
    near_package Integer Plain "1 if packages were changed in the day before or within two hours after; null if no log of packages reaches so far.";
    packages Text Plain "Some of those packages.";
    restarted Integer Plain "1 if the machine was started anew within two hours of it.";
    path Text Plain "Archive in which it begins.";
    place BigInt Plain "Offset of the record there; of text the line.";
}

/// Reads the history.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    History::of(host).give(SPEC.name, seen);
}
