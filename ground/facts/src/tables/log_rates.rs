//! What daemons say that they never said before, and daemons that fell silent or shout.
//!
//! Source: [`crate::history`]; the templates are in the manner of He, Zhu, Zheng, Lyu: "Drain: An
//! Online Log Parsing Approach with Fixed Depth Tree" (2017), with a hash in place of the tree.

use stanch_words::{Ask, Seen, table_spec};

use crate::Host;
use crate::history::History;

table_spec! {
    /// Odd rates of lines.
    pub static SPEC, col = "log_rates": Files, "Daemons whose lines in the system's logs stopped, multiplied, or are of a kind that they never wrote before.";
    kind Text Plain "silent, screamed or new-template.";
    series Text Plain "The log without what rotation added; journal for all journal files.";
    program Text Plain "The program, as it names itself.";
    first_time BigInt Plain "Where it begins, in seconds since 1970 UTC.";
    last_time BigInt Plain "Where it ends.";
    count BigInt Plain "Lines of the loudest hour, or of the template; null for silent.";
    usual BigInt Plain "Lines of its median hour before; for a new template, of all its lines.";
    hours BigInt Plain "For how many hours it was known before.";
    gap BigInt Plain "For silent: hours without a line; the longest before is in longest.";
    longest BigInt Plain "For silent: the longest gap before, in hours; for screamed: lines of the next loudest hour.";
    near_package Integer Plain "1 if packages were changed within the day before.";
    file Text Plain "The file of the most telling line.";
    line BigInt Plain "The line or record, from 1.";
    excerpt Text Plain "What it says.";
    lines Text Plain "The same, as a JSON array of source, line, offset and excerpt.";
}

/// Reads the history.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    History::of(host).give(SPEC.name, seen);
}
