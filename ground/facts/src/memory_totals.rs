//! `/proc/meminfo`, for the tables of memory.
//!
//! Source: proc_meminfo(5).

use std::collections::HashMap;
use std::path::Path;

use stanch_words::Seen;

use crate::Host;
use crate::process_files::{number, words};

/// Memory totals in bytes, by the names in `/proc/meminfo`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryTotals(HashMap<String, i64>);

impl MemoryTotals {
    /// Reads them for a table.
    pub fn read(host: &Host, table: &str, seen: &mut Seen) -> Option<Self> {
        let bytes = host.read(table, Path::new("/proc/meminfo"), 1 << 16, seen)?;
        Some(Self::parse(&bytes))
    }

    /// Parses lines `Name:  123 kB`; a number without a unit (huge pages) stays as it is.
    pub fn parse(bytes: &[u8]) -> Self {
        let one = |line: &[u8]| {
            let colon = line.iter().position(|&b| b == b':')?;
            let name = std::str::from_utf8(line.get(..colon)?).ok()?;
            let mut rest = words(line.get(colon.checked_add(1)?..)?);
            let value = number(rest.next()?)?;
            let unit = if rest.next() == Some(b"kB") { 1024 } else { 1 };
            Some((name.to_owned(), value.saturating_mul(unit)))
        };
        Self(bytes.split(|&b| b == b'\n').filter_map(one).collect())
    }

    /// Returns a total, none if this kernel does not tell it.
    pub fn get(&self, name: &str) -> Option<i64> {
        self.0.get(name).copied()
    }

    /// Returns the sum of some totals, without those that this kernel does not tell.
    pub fn sum(&self, names: &[&str]) -> i64 {
        names.iter().filter_map(|name| self.get(name)).fold(0, i64::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_in_bytes_and_pages() {
        let totals = MemoryTotals::parse(b"MemTotal:  100 kB\nHugePages_Total:   3\njunk\nX: y\n");
        assert_eq!(
            (totals.get("MemTotal"), totals.get("HugePages_Total")),
            (Some(102_400), Some(3))
        );
        assert_eq!((totals.get("X"), totals.sum(&["MemTotal", "X"])), (None, 102_400));
    }
}
