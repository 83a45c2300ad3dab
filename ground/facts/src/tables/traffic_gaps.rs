//! Bytes that leave the machine beside bytes that its sockets sent.
//!
//! Source: `/proc/net/dev`, sock_diag(7) (`tcpi_bytes_sent`), proc_net_snmp(5).

use std::path::Path;

use stanch_words::{Ask, Seen, table_spec};

use crate::Host;
use crate::sampling::Sampling;
use crate::sockets;

table_spec! {
    /// Traffic accounts.
    pub static SPEC, col = "traffic_gaps": Live, "One row: bytes sent by interfaces beside bytes sent by TCP sockets of our network namespace, over about two seconds.";
    window_ms BigInt Plain "Milliseconds that were looked at.";
    interface_bytes BigInt Plain "Bytes sent on interfaces with a device.";
    interface_packets BigInt Plain "Packets sent on them.";
    socket_bytes BigInt Plain "Bytes that TCP sockets sent to others, retransmissions included.";
    gap_bytes BigInt Plain "Interface bytes less socket bytes and 66 bytes of headers a packet; not below 0.";
    gap_percent Real Plain "Gap in percent of the interface bytes.";
    forwarding Integer Plain "1 if the machine forwards packets of others.";
    udp_datagrams BigInt Plain "UDP datagrams sent, whose bytes are not known.";
    closed_sockets BigInt Plain "TCP sockets closed in the time, whose last bytes are not known.";
    received_bytes BigInt Plain "Bytes received on interfaces with a device.";
    other_namespaces Integer Plain "Network namespaces beside ours, whose sockets send through our interfaces.";
}

/// Ethernet, IPv4 and TCP with timestamps: 14 + 20 + 32.
const HEADERS: u64 = 66;

/// Compares the first sample with the last.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "figures to be read by people"
)]
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    let sampling = Sampling::of(host);
    sampling.tell(SPEC.name, seen);
    if sampling.samples.is_empty() {
        return;
    }
    let (before, after) = sampling.traffic;
    let sent = after.sent.saturating_sub(before.sent);
    let packets = after.packets.saturating_sub(before.packets);
    let gap = gap(sent, packets, sampling.socket_bytes);
    let own = sockets::own_namespace(host);
    let others = sockets::other_namespaces(host, own, &mut Seen::default());
    let forwards = ["ipv4/ip_forward", "ipv6/conf/all/forwarding"].iter().any(|name| {
        let path = format!("/proc/sys/net/{name}");
        let told = host.read(SPEC.name, Path::new(&path), 64, seen);
        told.is_some_and(|bytes| bytes.trim_ascii() != b"0")
    });
    let mut row = SPEC.row();
    row.put(col::window_ms, (sampling.seconds() * 1000.0) as i64)
        .put(col::interface_bytes, sent)
        .put(col::interface_packets, packets)
        .put(col::socket_bytes, sampling.socket_bytes)
        .put(col::gap_bytes, gap)
        .put(col::gap_percent, if sent == 0 { 0.0 } else { gap as f64 * 100.0 / sent as f64 })
        .put(col::forwarding, forwards)
        .put(col::udp_datagrams, sampling.datagrams)
        .put(col::closed_sockets, sampling.closed_sockets)
        .put(col::received_bytes, after.received.saturating_sub(before.received))
        .put(col::other_namespaces, others.len());
    seen.push(row);
}

fn gap(sent: u64, packets: u64, socket_bytes: u64) -> u64 {
    sent.saturating_sub(packets.saturating_mul(HEADERS)).saturating_sub(socket_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acknowledgements_alone_are_no_gap() {
        assert_eq!(gap(66_000, 1000, 0), 0);
        assert_eq!(gap(1_500_000, 1000, 1_434_000), 0);
        assert_eq!(gap(1_500_000, 1000, 0), 1_434_000);
    }
}
