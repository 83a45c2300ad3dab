//! What blinded auditing: switched off, stopped, rules taken away, records that are missing.
//!
//! Source: [`crate::history`]: the kernel's own CONFIG_CHANGE records, auditd's DAEMON records, and
//! the serial numbers, which the kernel counts without a gap from each boot on.

use stanch_words::{Ask, Seen, table_spec};

use crate::Host;
use crate::history::History;

table_spec! {
    /// Changes of auditing.
    pub static SPEC, col = "audit_changes": Files, "Auditing switched off or stopped, audit rules removed, and audit records that are missing, from the audit log.";
    what Text Plain "disabled, throttled, stopped, aborted, rules-removed or serials-missing.";
    time BigInt Plain "When, in seconds since 1970 UTC.";
    until BigInt Plain "For serials-missing, the time of the record after the gap; else the last of the run.";
    count BigInt Plain "How many rules were removed, or serial numbers are missing; else 1.";
    keys Text Plain "Keys of the removed rules, joined by commas, the first ten.";
    auid BigInt Plain "Login user id of who did it; null if not set.";
    username Text Plain "Account that has this id now.";
    pid BigInt Plain "Process that did it, if its call was recorded.";
    path Text Plain "Its program.";
    command Text Plain "Its command line.";
    rules_added BigInt Plain "Rules that were added in the minute after.";
    resumed_after BigInt Plain "Seconds until auditd started, or auditing was enabled, again; null if it never was.";
    near_shutdown Integer Plain "1 if the machine was shut down or started within five minutes.";
    near_package Integer Plain "1 if packages were changed within five minutes.";
    serials BigInt Plain "Serial numbers that the log has in all.";
    file Text Plain "Log that tells it.";
    line BigInt Plain "Line in that log, from 1.";
}

/// Reads the history.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    History::of(host).give(SPEC.name, seen);
}
