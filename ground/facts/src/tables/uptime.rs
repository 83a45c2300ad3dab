//! Time since boot.
//!
//! Source: proc_uptime(5).

use std::path::Path;

use stanch_words::{Ask, Gap, GapKind, Seen, table_spec};

use crate::Host;
use crate::process_files::number;

table_spec! {
    /// Time since boot.
    pub static SPEC, col = "uptime": Live, "One row: time since boot.";
    days Integer Plain "Days.";
    hours Integer Plain "Hours of the last day.";
    minutes Integer Plain "Minutes of the last hour.";
    seconds Integer Plain "Seconds of the last minute.";
    total_seconds BigInt Plain "Seconds in all.";
}

/// Reads `/proc/uptime`.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    if let Some(bytes) = host.read(SPEC.name, Path::new("/proc/uptime"), 4096, seen) {
        parse(&bytes, seen);
    }
}

/// Parses `seconds.hundredths idle`.
pub fn parse(bytes: &[u8], seen: &mut Seen) {
    let whole = bytes.split(|&b| b == b'.').next().and_then(number).filter(|&whole| whole >= 0);
    let Some(total) = whole else {
        let gap = Gap::new(SPEC.name, GapKind::Damaged, "not a number of seconds");
        seen.gap(gap.at("/proc/uptime"));
        return;
    };
    let mut row = SPEC.row();
    row.put(col::days, total / 86_400)
        .put(col::hours, total / 3600 % 24)
        .put(col::minutes, total / 60 % 60)
        .put(col::seconds, total % 60)
        .put(col::total_seconds, total);
    seen.push(row);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_and_a_bit() {
        let mut seen = Seen::default();
        parse(b"90061.50 1.00\n", &mut seen);
        let shown: Vec<_> = (0..5).map(|c| seen.rows[0].get(c).as_integer().unwrap()).collect();
        assert_eq!(shown, [1, 1, 1, 1, 90_061]);
        parse(b"soon", &mut seen);
        assert_eq!((seen.rows.len(), seen.gaps.len()), (1, 1));
    }
}
