//! Commands whose own text tells what they are for.
//!
//! Source: [`crate::history`], every record of a program that ran; [`crate::command_text`].

use stanch_words::{Ask, Seen, table_spec};

use crate::Host;
use crate::history::History;

table_spec! {
    /// Telling commands.
    pub static SPEC, col = "telling_commands": Files, "Commands from histories, audit, sudo, cron, the journal and running processes whose own text tells a purpose.";
    purpose Text Plain "fetch-and-run, encoded, reverse-shell, credential-dump, log-wipe, backup-destroyed, staging, mining, scanning, metadata, hidden-service or defence-off.";
    by Text Plain "By what that is seen.";
    user Text Plain "The account.";
    uid BigInt Plain "Its number.";
    command Text Plain "The command line, at most 1,000 characters.";
    decoded Text Plain "What was encoded in it, if that could be decoded.";
    pid BigInt Plain "The process, where the record names it.";
    path Text Plain "The program, where the record names it.";
    parent_command Text Plain "What started it, where the record says so.";
    unit Text Plain "The systemd unit, where the record names it.";
    program Text Plain "The program that tells it.";
    witness Text Plain "The way it tells: text, journal, audit, accounting, history or live.";
    trust Text Plain "Who vouches for it: kernel, program, claim or user.";
    count BigInt Plain "How often it ran.";
    first_time BigInt Plain "First time, in seconds since 1970 UTC; null if no record has one.";
    last_time BigInt Plain "Last time, in seconds since 1970 UTC.";
    file Text Plain "The file of the first record.";
    line BigInt Plain "Its line or record.";
    offset BigInt Plain "Its offset.";
}

/// Reads the history.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    History::of(host).give(SPEC.name, seen);
}
