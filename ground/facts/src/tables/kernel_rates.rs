//! How fast the kernel's counters run: processes born, packets sent, connections tracked.
//!
//! Source: proc_stat(5), `/proc/net/softnet_stat`, Documentation/networking/nf_conntrack-sysctl.rst.

use std::path::Path;

use stanch_words::{Ask, Seen, table_spec};

use crate::Host;
use crate::process_files::{number, words};
use crate::sampling::Sampling;

table_spec! {
    /// Rates.
    pub static SPEC, col = "kernel_rates": Live, "One row: rates over about two seconds.";
    window_ms BigInt Plain "Milliseconds that were looked at.";
    forks_per_second Real Plain "New tasks a second.";
    forks_per_second_since_boot Real Plain "New tasks a second since boot, on average.";
    context_switches_per_second Real Plain "Context switches a second.";
    conntrack_count BigInt Plain "Connections that netfilter tracks; unknown where it tracks none.";
    conntrack_max BigInt Plain "Most connections that it can track.";
    conntrack_percent Real Plain "Part of that in use.";
    softnet_dropped BigInt Plain "Packets dropped in the time for want of CPU or queue.";
    tx_packets_per_second Real Plain "Packets sent a second on interfaces with a device.";
}

/// Compares the first sample with the last.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "rates to be read by people"
)]
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    let sampling = Sampling::of(host);
    sampling.tell(SPEC.name, seen);
    let (Some(first), Some(last)) = (sampling.samples.first(), sampling.samples.last()) else {
        return;
    };
    let seconds = sampling.seconds();
    let rate = |count: i64| (count as f64 / seconds * 10.0).round() / 10.0;
    let mut single = |path: &str| {
        let bytes = host.read(SPEC.name, Path::new(path), 4096, seen)?;
        number(words(bytes.trim_ascii()).next()?.split(|&b| b == b'.').next()?)
    };
    let uptime = single("/proc/uptime").filter(|&uptime| uptime > 0);
    let count = single("/proc/sys/net/netfilter/nf_conntrack_count");
    let most = single("/proc/sys/net/netfilter/nf_conntrack_max").filter(|&most| most > 0);
    let packets = sampling.traffic.1.packets.saturating_sub(sampling.traffic.0.packets);
    let mut row = SPEC.row();
    row.put(col::window_ms, (seconds * 1000.0) as i64)
        .put(col::forks_per_second, rate(last.forks.saturating_sub(first.forks)))
        .put(col::forks_per_second_since_boot, uptime.map(|up| last.forks as f64 / up as f64))
        .put(col::context_switches_per_second, rate(last.switches.saturating_sub(first.switches)))
        .put(col::conntrack_count, count)
        .put(col::conntrack_max, most)
        .put(
            col::conntrack_percent,
            count.zip(most).map(|(n, most)| n as f64 * 100.0 / most as f64),
        )
        .put(col::softnet_dropped, sampling.dropped)
        .put(col::tx_packets_per_second, rate(packets.cast_signed()));
    seen.push(row);
}

#[cfg(test)]
mod tests {
    use stanch_machine::Pretend;

    use super::*;

    #[test]
    fn a_machine_without_a_kernel_leaves_a_gap_and_no_row() {
        let host = Host::new(std::sync::Arc::new(Pretend::new()));
        let mut seen = Seen::default();
        read(&host, &Ask::all(), &mut seen);
        assert_eq!((seen.rows.len(), seen.gaps.len()), (0, 1));
    }
}
