//! Failed logins by account: one account that many addresses try is guessed at by many hands.
//!
//! Source: [`crate::history`].

use stanch_words::{Ask, Seen, table_spec};

use crate::Host;
use crate::history::History;

table_spec! {
    /// Accounts that were tried.
    pub static SPEC, col = "login_targets": Files, "Failed logins by account, over all logs that survived.";
    witness Text Plain "The way it was told: text, journal, audit, login-records.";
    best Integer Plain "1 if this witness saw the most of this account: the row that counts.";
    username Text Plain "Account name that was tried, whether it exists or not.";
    failures BigInt Plain "Failed attempts.";
    sources BigInt Plain "Distinct source addresses.";
    sources_1h BigInt Plain "Most distinct source addresses within an hour.";
    peak_1h BigInt Plain "Most failures within an hour.";
    days BigInt Plain "Days on which there were failures.";
    first_time BigInt Plain "First failure, in seconds since 1970 UTC.";
    last_time BigInt Plain "Last failure, in seconds since 1970 UTC.";
}

/// Reads the history.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    History::of(host).give(SPEC.name, seen);
}
