//! What the history tells of accounts and groups being added, changed and removed.
//!
//! Source: [`crate::history`].

use stanch_words::{Ask, Seen, table_spec};

use crate::Host;
use crate::history::History;

table_spec! {
    /// Deeds done to accounts.
    pub static SPEC, col = "account_events": Files, "Accounts and groups that were added, changed or removed, as the logs tell, oldest first.";
    time BigInt Plain "When, in seconds since 1970 UTC.";
    kind Text Plain "account.add, account.change, account.remove or group.change.";
    username Text Plain "Account that was added, changed or removed, or whose membership changed.";
    groupname Text Plain "Group that was changed.";
    what Text Plain "What was done, in the words of the log (added, member added, password changed).";
    failed Integer Plain "1 if it was tried and refused.";
    uid BigInt Plain "User id that it was given.";
    gid BigInt Plain "Group id that it was given.";
    shell Text Plain "Login shell that it was given.";
    home Text Plain "Home directory that it was given.";
    by Text Plain "Account that did it, where it is told or a sudo line just before it says so.";
    command Text Plain "The sudo command just before it, if one names a tool for accounts.";
    in_package Integer Plain "1 if packages were being installed, upgraded or removed within two minutes of it.";
    package Text Plain "First package of that time.";
    packages_known Integer Plain "1 if any log of package changes survived: without one, nothing lies within a change.";
    account_exists Integer Plain "1 if the account is in passwd now.";
    removed_time BigInt Plain "When it was removed again, in seconds since 1970 UTC.";
    witness Text Plain "The ways it was told, joined by commas: text, journal, audit.";
    file Text Plain "Log that tells it.";
    line BigInt Plain "Line or record in that log, from 1.";
    excerpt Text Plain "What it says there.";
    lines Text Plain "This line, as a JSON array of source, line, offset and excerpt.";
}

/// Reads the history.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    History::of(host).give(SPEC.name, seen);
}
