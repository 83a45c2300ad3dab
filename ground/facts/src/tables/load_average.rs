//! Load averages.
//!
//! Source: proc_loadavg(5).

use std::path::Path;

use stanch_words::{Ask, Gap, GapKind, Seen, table_spec};

use crate::Host;
use crate::process_files::words;

table_spec! {
    /// Load averages.
    pub static SPEC, col = "load_average": Live, "Load averages, one row a period.";
    period Text Plain "Period: 1m, 5m or 15m.";
    average Text Plain "Load average over it.";
}

/// Reads `/proc/loadavg`.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    if let Some(bytes) = host.read(SPEC.name, Path::new("/proc/loadavg"), 4096, seen) {
        parse(&bytes, seen);
    }
}

/// Parses the first three fields.
pub fn parse(bytes: &[u8], seen: &mut Seen) {
    let mut fields = words(bytes);
    for period in ["1m", "5m", "15m"] {
        let text = fields.next().and_then(|field| std::str::from_utf8(field).ok());
        let Some(text) = text.filter(|text| text.trim_end().parse::<f64>().is_ok()) else {
            let gap = Gap::new(SPEC.name, GapKind::Damaged, format!("no number for {period}"));
            seen.gap(gap.at("/proc/loadavg"));
            return;
        };
        let mut row = SPEC.row();
        row.put(col::period, period).put(col::average, text.trim_end());
        seen.push(row);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_periods_or_a_gap() {
        let mut seen = Seen::default();
        parse(b"0.10 0.20 12.00 1/234 5678\n", &mut seen);
        let shown: Vec<_> = seen.rows.iter().map(|r| r.get(col::average).to_string()).collect();
        assert_eq!(
            (shown, seen.gaps.len()),
            (["0.10", "0.20", "12.00"].map(String::from).to_vec(), 0)
        );
        let mut seen = Seen::default();
        parse(b"0.10 x", &mut seen);
        assert_eq!((seen.rows.len(), seen.gaps.len()), (1, 1));
    }
}
