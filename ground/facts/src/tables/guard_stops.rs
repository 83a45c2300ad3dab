//! Guards that stopped: log daemons, audit, intrusion prevention, agents of security services.
//!
//! Source: [`crate::history`]; what systemd, the daemons and the package managers say of them.

use stanch_words::{Ask, Seen, table_spec};

use crate::Host;
use crate::history::History;

table_spec! {
    /// Guards that stopped.
    pub static SPEC, col = "guard_stops": Files, "Times at which a log daemon or security service stopped, was killed or was removed and did not come back within a minute.";
    guard Text Plain "Which: rsyslog, auditd, fail2ban, falcon-sensor ….";
    class Text Plain "logger, audit, prevention or agent.";
    what Text Plain "stopped, killed, failed or removed (its package).";
    time BigInt Plain "When, in seconds since 1970 UTC.";
    resumed_after BigInt Plain "Seconds until it started (or was installed) again; null if no log says so.";
    running Integer Plain "1 if a program of a system path with its name runs now.";
    near_shutdown Integer Plain "1 if the machine went down or came up at that time, or showed no life until it was started again.";
    near_package Integer Plain "1 if packages were changed within five minutes.";
    alive_after BigInt Plain "In how many spans of five minutes after it the machine still showed life, until the next boot.";
    together BigInt Plain "How many different guards stopped within ten minutes and did not come back, this one too.";
    user Text Plain "Who removed the package, where the log says so.";
    file Text Plain "The log that tells it.";
    line BigInt Plain "Its line or record, from 1.";
    excerpt Text Plain "What it says.";
    lines Text Plain "The same, as a JSON array of source, line, offset and excerpt.";
}

/// Reads the history.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    History::of(host).give(SPEC.name, seen);
}
