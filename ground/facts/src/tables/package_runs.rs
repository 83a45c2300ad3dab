//! Packages that were installed or removed, by run, with what is known of who did it.
//!
//! Source: [`crate::history`]; the logs of dpkg, apt, yum, dnf, zypper and pacman; sessions from the
//! login logs.

use stanch_words::{Ask, Seen, table_spec};

use crate::Host;
use crate::history::History;

table_spec! {
    /// Runs of package managers that installed something new.
    pub static SPEC, col = "package_runs": Files, "Runs of package managers that installed something that was not there before, with the command and whether somebody was logged in.";
    time BigInt Plain "When it began, in seconds since 1970 UTC.";
    until BigInt Plain "When its last package was done.";
    manager Text Plain "dpkg, apt, yum, dnf, zypper or pacman, as the log names it.";
    packages Text Plain "The first packages, joined by blanks.";
    count BigInt Plain "How many packages.";
    command Text Plain "The command, where a log tells it.";
    user Text Plain "Who asked for it, where a log tells it.";
    told_by_apt Integer Plain "1 if a log of apt, yum or dnf tells the same run, 0 if only dpkg's does; null if no such log of that time survives.";
    local_file Text Plain "A package file or address that the command names.";
    session Integer Plain "1 if somebody was logged in or used another's rights within twelve hours before, 0 if not; null if no log of logins of that time survives.";
    since_first BigInt Plain "Seconds since the oldest line of the package logs: a machine that is being set up installs much.";
    boot_before BigInt Plain "Seconds since the last boot before it; null if no log tells one.";
    file Text Plain "The log that tells it.";
    line BigInt Plain "Its line, from 1.";
    excerpt Text Plain "What it says.";
    lines Text Plain "Up to ten of the lines, as a JSON array of source, line, offset and excerpt.";
}

/// Reads the history.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    History::of(host).give(SPEC.name, seen);
}
