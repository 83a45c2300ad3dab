//! Logins that succeeded, with what came before each of them.
//!
//! Source: [`crate::history`]: authentication messages, login records (wtmp), sessions of PAM and
//! logind. One login that several of them tell of is one row.

use stanch_words::{Ask, Seen, table_spec};

use crate::Host;
use crate::history::History;

table_spec! {
    /// Logins.
    pub static SPEC, col = "logins": Files, "Logins that succeeded, newest last, with the failures before them and what was new about them.";
    time BigInt Plain "When, in seconds since 1970 UTC.";
    username Text Plain "Account.";
    source Text Plain "Source address, or the name that the log gives instead; empty for a local login.";
    method Text Plain "How: password, publickey, keyboard-interactive/pam, and so on.";
    service Text Plain "Service that let them in.";
    fingerprint Text Plain "Fingerprint of the key, if one was used.";
    key_type Text Plain "Type of the key.";
    pid BigInt Plain "Process that told it.";
    tty Text Plain "Terminal, where it is told.";
    witness Text Plain "The ways it was told, joined by commas: text, journal, audit, login-records.";
    authenticated Integer Plain "1 if an authentication was logged; 0 if not, though a log of them goes on before and after; null if no such log covers that time.";
    recorded Integer Plain "1 if a login record (wtmp) tells of it.";
    session Integer Plain "1 if PAM or logind logged a session at that time.";
    uid BigInt Plain "User id now, null if there is no such account any more.";
    shell Text Plain "Login shell now.";
    system_account Integer Plain "1 if the user id is below UID_MIN and not 0.";
    failures_hour BigInt Plain "Failures of this source in the hour before.";
    failures_day BigInt Plain "Failures of this source in the day before.";
    failures_before BigInt Plain "Failures of this source at any time before.";
    failures_pair BigInt Plain "Failures of this source for this account in the day before.";
    user_failures_hour BigInt Plain "Failures for this account, from wherever, in the hour before.";
    user_failures_day BigInt Plain "Failures for this account, from wherever, in the day before.";
    users_tried BigInt Plain "Distinct accounts that this source failed at, at any time.";
    last_failure BigInt Plain "Last failure of this source before, in seconds since 1970 UTC.";
    new_source Integer Plain "1 if this account was never seen from this source before.";
    new_key Integer Plain "1 if this account was never seen with this key before; null without a key.";
    new_user Integer Plain "1 if this account was never seen to log in before.";
    logins_before BigInt Plain "Logins of this account before.";
    source_logins BigInt Plain "Logins of this account from this source, in all.";
    history_before BigInt Plain "Seconds that the history had been running before; what is new in its first day says little.";
    hour_density Real Plain "How dense this account's other logins are at this time of day, 1 where they are spread evenly over the day (UTC).";
    file Text Plain "Log that tells it.";
    line BigInt Plain "Line or record in that log, from 1.";
    excerpt Text Plain "What it says there.";
    lines Text Plain "This line and some of the failures before it, as a JSON array of source, line, offset and excerpt.";
}

/// Reads the history.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    History::of(host).give(SPEC.name, seen);
}
