//! How busy the machine was, as the archives of sysstat remember it.
//!
//! Source: [`crate::load_history`]: binary `saDD` and `saYYYYMMDD` of data format 0x2175, text
//! `sarDD`, both also compressed.

use stanch_words::{Ask, Seen, table_spec};

use crate::Host;
use crate::load_history::{LoadHistory, Measure};

table_spec! {
    /// Past load.
    pub static SPEC, col = "load_history": Files, "How busy the machine was in each interval that sysstat's archives remember, oldest first.";
    time BigInt Plain "When the interval ended, in seconds since 1970 UTC.";
    seconds BigInt Plain "How long it was.";
    cpu_percent Real Plain "Share of all processors' time in which they worked; unknown values here and below are null.";
    iowait_percent Real Plain "Share in which they idled while something waited for a disk.";
    steal_percent Real Plain "Share that the host of a virtual machine took away.";
    load_average Real Plain "Load average of the last minute, at the end.";
    cpu_pressure_percent Real Plain "Share of the time in which a task waited for a processor.";
    memory_percent Real Plain "Share of the memory that was in use and could not be given to others, at the end.";
    disk_read_kib Real Plain "KiB read from disks a second.";
    disk_written_kib Real Plain "KiB written to disks a second.";
    network_received_kib Real Plain "KiB received a second, without the loopback.";
    network_sent_kib Real Plain "KiB sent a second, without the loopback.";
    restarted Integer Plain "1 if the machine was started anew before it.";
    format Text Plain "sysstat (binary) or sar (text).";
    path Text Plain "File.";
    place BigInt Plain "Offset of the record in the file; of text the line of its first section.";
}

/// Reads the archives.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    let history = LoadHistory::of(host);
    seen.gaps.extend(history.gaps.iter().cloned());
    let measures = [
        (col::cpu_percent, Measure::Cpu),
        (col::iowait_percent, Measure::Waiting),
        (col::steal_percent, Measure::Stolen),
        (col::load_average, Measure::Load),
        (col::cpu_pressure_percent, Measure::Pressure),
        (col::memory_percent, Measure::Memory),
        (col::disk_read_kib, Measure::Read),
        (col::disk_written_kib, Measure::Written),
        (col::network_received_kib, Measure::Received),
        (col::network_sent_kib, Measure::Sent),
    ];
    for sample in &history.samples {
        let mut row = SPEC.row();
        row.put(col::time, sample.time)
            .put(col::seconds, sample.seconds)
            .put(col::restarted, i64::from(sample.restarted))
            .put(col::format, sample.format)
            .put(col::path, &*sample.source)
            .put(col::place, sample.place);
        for (column, measure) in measures {
            row.put(column, sample.value(measure).map(rounded));
        }
        seen.push(row);
    }
}

/// Rounds to two decimal places.
pub(crate) fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}
