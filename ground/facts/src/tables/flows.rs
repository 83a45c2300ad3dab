//! Who talked to whom, by the logs of sensors, packet filters and auditing.
//!
//! Source: [`crate::history`]; the score is that of RITA (`analysis/beacons.go`).

use stanch_words::{Ask, Seen, table_spec};

use crate::Host;
use crate::history::History;

table_spec! {
    /// Flows.
    pub static SPEC, col = "flows": Files, "Connections by the logs that survived (Zeek, Suricata, packet filters, auditing), one row for those that told of it, source, destination, port and program; what occurs seldom and moves little is left out.";
    told_by Text Plain "zeek, suricata, filter or audit.";
    source Text Plain "Address that opened the connection; empty for this machine itself.";
    destination Text Plain "Address that it was opened to.";
    port Integer Plain "Port there.";
    protocol Text Plain "tcp, udp, icmp or what the log says.";
    program Text Plain "The program, where the log knows it (auditing).";
    own Integer Plain "1 if this machine opened it, 0 if another did; unknown where the machine's addresses are.";
    inbound Integer Plain "1 if the destination is this machine, by its addresses or because most others talk to it.";
    count BigInt Plain "How many connections.";
    first_time BigInt Plain "The first, in seconds since 1970 UTC.";
    last_time BigInt Plain "The last, in seconds since 1970 UTC.";
    log_first BigInt Plain "The first connection of all that was told the same way, in seconds since 1970 UTC.";
    log_last BigInt Plain "The last of all that was told the same way.";
    sent BigInt Plain "Bytes sent in all; unknown where the log has no sizes.";
    received BigInt Plain "Bytes received in all.";
    packets BigInt Plain "Packets sent in all.";
    longest BigInt Plain "Seconds that the longest connection lasted.";
    destination_sources BigInt Plain "How many sources or programs talked to the destination.";
    times BigInt Plain "How many different seconds the score rests on: at most the newest 768.";
    median_gap BigInt Plain "Median of the seconds between them.";
    score Real Plain "How much it looks like a program that reports by the clock, from 0 to 1: the mean of the parts; unknown below four times.";
    score_gaps Real Plain "Part: gaps between connections are alike.";
    score_sizes Real Plain "Part: sizes are alike; unknown where the log has no sizes.";
    score_spread Real Plain "Part: connections are spread evenly.";
    score_coverage Real Plain "Part: it went on for twelve hours, or for as long as the log.";
    file Text Plain "The log of the last connection.";
    line BigInt Plain "Its line or record, from 1.";
    excerpt Text Plain "What it says there.";
    lines Text Plain "Up to ten of the lines, as a JSON array of source, line, offset and excerpt.";
}

/// Reads the history.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    History::of(host).give(SPEC.name, seen);
}
