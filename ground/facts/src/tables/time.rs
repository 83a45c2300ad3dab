//! The time now on the machine.
//!
//! Source: clock_gettime(2), tzfile(5).

use std::path::Path;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use stanch_words::{Ask, Gap, GapKind, Seen, table_spec};

use crate::Host;

table_spec! {
    /// The time.
    pub static SPEC, col = "time": Files, "One row: the time now, in UTC.";
    weekday Text Plain "Day of the week.";
    year Integer Plain "Year.";
    month Integer Plain "Month, from 1.";
    day Integer Plain "Day of the month.";
    hour Integer Plain "Hour.";
    minutes Integer Plain "Minute.";
    seconds Integer Plain "Second.";
    timezone Text Plain "Time zone of the columns here: always UTC.";
    local_timezone Text Plain "Abbreviation of the machine's own time zone now.";
    unix_time BigInt Plain "Seconds since 1970 UTC.";
    timestamp Text Plain "As in `Sun Mar  1 00:00:00 2026 UTC`.";
    datetime Text Plain "As in 2026-03-01T00:00:00Z.";
    iso_8601 Text Plain "The same.";
}

/// Asks the machine's clock.
pub(super) fn read(host: &Host, ask: &Ask, seen: &mut Seen) {
    let now = host.machine().now();
    let Ok(at) = Timestamp::from_second(now) else {
        seen.gap(Gap::new(SPEC.name, GapKind::Damaged, "the clock is out of any calendar"));
        return;
    };
    let utc = at.to_zoned_datetime(TimeZone::UTC);
    let mut row = SPEC.row();
    row.put(col::weekday, utc.strftime("%A").to_string())
        .put(col::year, utc.year())
        .put(col::month, utc.month())
        .put(col::day, utc.day())
        .put(col::hour, utc.hour())
        .put(col::minutes, utc.minute())
        .put(col::seconds, utc.second())
        .put(col::timezone, "UTC")
        .put(col::unix_time, now)
        .put(col::timestamp, utc.strftime("%a %b %e %H:%M:%S %Y UTC").to_string())
        .put(col::datetime, at.to_string())
        .put(col::iso_8601, at.to_string());
    if ask.wants(col::local_timezone) {
        row.put(col::local_timezone, local_zone(host, at, seen));
    }
    seen.push(row);
}

/// Returns the abbreviation of the zone in `/etc/localtime`; without that file the zone is UTC.
fn local_zone(host: &Host, at: Timestamp, seen: &mut Seen) -> Option<String> {
    let path = Path::new("/etc/localtime");
    let Some(bytes) = host.read(SPEC.name, path, 1 << 20, seen) else {
        return Some("UTC".to_owned());
    };
    match TimeZone::tzif("local", &bytes) {
        Ok(zone) => Some(zone.to_offset_info(at).abbreviation().to_owned()),
        Err(error) => {
            let gap = Gap::new(SPEC.name, GapKind::Damaged, error.to_string());
            seen.gap(gap.at("/etc/localtime"));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use stanch_machine::Pretend;

    use super::*;

    #[test]
    fn the_first_of_march_with_a_damaged_zone() {
        let machine = Pretend::new().file("/etc/localtime", "TZif but no more");
        let mut seen = Seen::default();
        read(&Host::new(std::sync::Arc::new(machine)), &Ask::all(), &mut seen);
        let row = &seen.rows[0];
        assert_eq!(row.get(col::weekday).to_string(), "Sunday");
        assert_eq!(row.get(col::datetime).to_string(), "2026-03-01T00:00:00Z");
        assert_eq!(row.get(col::timestamp).to_string(), "Sun Mar  1 00:00:00 2026 UTC");
        assert_eq!(seen.gaps.len(), 1);
        let mut seen = Seen::default();
        read(&Host::new(std::sync::Arc::new(Pretend::new())), &Ask::all(), &mut seen);
        assert_eq!(seen.rows[0].get(col::local_timezone).to_string(), "UTC");
        assert_eq!(seen.gaps, []);
    }
}
