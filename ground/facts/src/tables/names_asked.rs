//! Which domains were asked for, by the logs of name servers and sensors.
//!
//! Source: [`crate::history`].

use stanch_words::{Ask, Seen, table_spec};

use crate::Host;
use crate::history::History;

table_spec! {
    /// Domains that were asked for.
    pub static SPEC, col = "names_asked": Files, "Domains that were asked for at least eight times by one client, by all logs of name servers and sensors that survived (Zeek, Suricata, BIND, dnsmasq, unbound, systemd-resolved).";
    domain Text Plain "The domain as it is registered: the last two labels, three below an ending like co.uk.";
    client Text Plain "Who asked; empty if the log does not say, which is this machine as a rule.";
    own Integer Plain "1 if this machine asked, 0 if another did; unknown where the machine's addresses are.";
    queries BigInt Plain "How often it was asked for.";
    nxdomain BigInt Plain "How often the answer was that the name does not exist.";
    answers_known Integer Plain "1 if the logs tell answers as well.";
    data_types BigInt Plain "Questions for records that can carry data: TXT, NULL, CNAME, MX, SRV, KEY and private types.";
    parts BigInt Plain "How many different names below the domain, estimated (at most 8,000), without addresses written backwards and names with an underscore.";
    mean_length Real Plain "Mean length of those, with dots.";
    mean_entropy Real Plain "Mean of the bits that a character of those carries.";
    first_time BigInt Plain "First time, in seconds since 1970 UTC.";
    last_time BigInt Plain "Last time, in seconds since 1970 UTC.";
    example Text Plain "The longest of the names.";
    file Text Plain "The log of the first line that is kept.";
    line BigInt Plain "Its line or record, from 1.";
    excerpt Text Plain "What it says there.";
    lines Text Plain "Up to ten of the lines, as a JSON array of source, line, offset and excerpt.";
}

/// Reads the history.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    History::of(host).give(SPEC.name, seen);
}
