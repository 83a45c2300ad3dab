//! Who asked for many domains that do not exist, by the logs of name servers and sensors.
//!
//! Source: [`crate::history`].

use stanch_words::{Ask, Seen, table_spec};

use crate::Host;
use crate::history::History;

table_spec! {
    /// Clients by names that do not exist.
    pub static SPEC, col = "name_failures": Files, "Clients whose questions for at least five different domains within five minutes were answered with NXDOMAIN.";
    client Text Plain "Who asked; empty if the log does not say, which is this machine as a rule.";
    own Integer Plain "1 if this machine asked, 0 if another did; unknown where the machine's addresses are.";
    queries BigInt Plain "How many questions it asked.";
    mail_queries BigInt Plain "How many of them were for MX or TXT records, or for lists that mail servers ask.";
    nxdomain BigInt Plain "How many names did not exist.";
    peak_domains BigInt Plain "Most different domains that did not exist within five minutes (at most 200).";
    peak_oddness Real Plain "How little those look like words, from 0 to 1: the part of their letter pairs that words seldom have.";
    peak_time BigInt Plain "When that was, in seconds since 1970 UTC.";
    examples Text Plain "Some of them, joined by blanks.";
    file Text Plain "The log of the peak.";
    line BigInt Plain "Its line or record, from 1.";
    excerpt Text Plain "What it says there.";
}

/// Reads the history.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    History::of(host).give(SPEC.name, seen);
}
