//! What the kernel complained of: crashes, modules it could not verify, programs that write into
//! others' memory.
//!
//! Source: [`crate::history`]; the kernel's messages in kern.log, syslog, messages and the journal;
//! modules.dep(5).

use stanch_words::{Ask, Seen, table_spec};

use crate::Host;
use crate::history::History;

table_spec! {
    /// Complaints of the kernel.
    pub static SPEC, col = "kernel_complaints": Files, "Complaints of the kernel that survive in logs, one row a program or module and kind.";
    class Text Plain "crash, invalid-opcode, module, write-user, oops or out-of-memory.";
    subject Text Plain "The program or module that it is about; empty if none is named.";
    reason Text Plain "The kernel's words, the first of them.";
    count BigInt Plain "How often, in the log that holds most.";
    burst BigInt Plain "The most within ten minutes.";
    burst_time BigInt Plain "When those ten minutes began, in seconds since 1970 UTC.";
    near_package Integer Plain "1 if packages were changed in the half hour before.";
    module_file Integer Plain "For a module: 1 if the list of any installed kernel names its file, 0 if none does; null if no list can be read.";
    last_boot Integer Plain "1 if the newest of them is of the last boot that the logs hold.";
    first_time BigInt Plain "First time, in seconds since 1970 UTC.";
    last_time BigInt Plain "Last time, in seconds since 1970 UTC.";
    file Text Plain "The log that tells the first.";
    line BigInt Plain "Its line or record, from 1.";
    excerpt Text Plain "What it says.";
    lines Text Plain "Up to ten of the lines, as a JSON array of source, line, offset and excerpt.";
}

/// Reads the history.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    History::of(host).give(SPEC.name, seen);
}
