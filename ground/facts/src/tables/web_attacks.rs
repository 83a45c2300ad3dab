//! Web requests that would do harm if they worked, and how they were answered.
//!
//! Source: [`crate::history`], folded from access logs; the classes are those of
//! [`crate::web_attacks`].

use stanch_words::{Ask, Seen, table_spec};

use crate::Host;
use crate::history::History;

table_spec! {
    /// Web attacks.
    pub static SPEC, col = "web_attacks": Files, "Web requests that would do harm if they worked, by class, address, path and status.";
    class Text Plain "The class: log4shell, shellshock, command, code, traversal, file-read, remote-include, sql, known-exploit, web-shell, secret.";
    runs_code Integer Plain "1 if it would run something of the attacker's choice.";
    address Text Plain "Who asked.";
    path Text Plain "What was asked for, without the query; empty where the answer was a refusal.";
    status BigInt Plain "The answer.";
    requests BigInt Plain "How often.";
    bytes BigInt Plain "The largest answer.";
    answer Text Plain "The answer's size beside what this path, and many paths, give: usual, generic, unusual, unknown; null unless the status is 200.";
    method Text Plain "The method of the first.";
    url Text Plain "The target of the first, as logged.";
    user_agent Text Plain "What its client calls itself.";
    virtual_host Text Plain "The site, where it is logged.";
    first_time BigInt Plain "First, in seconds since 1970 UTC.";
    last_time BigInt Plain "Last.";
    deed_time BigInt Plain "When the web server's account started a program or wrote a file within a minute after one of them.";
    deed_command Text Plain "The command line of that program.";
    deed_path Text Plain "Its path, or the file.";
    file Text Plain "The log that tells the first.";
    line BigInt Plain "The line there.";
}

/// Reads the history.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    History::of(host).give(SPEC.name, seen);
}
