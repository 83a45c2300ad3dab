//! Failed logins by source address.
//!
//! Source: [`crate::history`]. The same attempt is often told several times (a verdict, PAM's own
//! line, syslog and journal): each is counted apart, and the larger number stands.

use stanch_words::{Ask, Seen, table_spec};

use crate::Host;
use crate::history::History;

table_spec! {
    /// Failed logins.
    pub static SPEC, col = "login_failures": Files, "Failed logins by source address, over all logs that survived.";
    witness Text Plain "The way it was told: text, journal, audit, login-records.";
    best Integer Plain "1 if this witness saw the most of this source: the row that counts.";
    source Text Plain "Source address, or the name that the log gives instead.";
    failures BigInt Plain "Failed attempts.";
    invalid BigInt Plain "How many of them were for accounts that do not exist.";
    users BigInt Plain "Distinct account names that were tried, at most 256 a service.";
    users_capped Integer Plain "1 if more names were tried than were counted.";
    users_sample Text Plain "The first ten of these names.";
    methods Text Plain "How they tried.";
    services Text Plain "Services that were asked.";
    first_time BigInt Plain "First failure, in seconds since 1970 UTC.";
    last_time BigInt Plain "Last failure, in seconds since 1970 UTC.";
    days BigInt Plain "Days on which there were failures.";
    peak_10s BigInt Plain "Most failures within 10 seconds.";
    peak_2m BigInt Plain "Most failures within 2 minutes (Wazuh warns at 8).";
    peak_1h BigInt Plain "Most failures within an hour.";
    fast_bucket Real Plain "Fullest level of a bucket that leaks one failure in 10 seconds (CrowdSec bans above 5).";
    slow_bucket Real Plain "Fullest level of a bucket that leaks one failure in 60 seconds (CrowdSec bans above 10).";
    median_gap BigInt Plain "Median time between one failure and the next, in seconds.";
    file Text Plain "Log that tells the first one.";
    line BigInt Plain "Line or record in that log, from 1.";
    excerpt Text Plain "What it says there.";
    lines Text Plain "Up to ten of the lines, as a JSON array of source, line, offset and excerpt.";
}

/// Reads the history.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    History::of(host).give(SPEC.name, seen);
}
