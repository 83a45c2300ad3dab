//! Times as logs write them, made UTC.
//!
//! Source: RFC 3164 section 4.1.2 (`Nov  2 08:12:44`, no year), RFC 3339 and its relatives
//! (`2026-11-02T08:12:44.123456+01:00`, `2026-11-02 08:12:44,123`), Apache's common log format
//! (`02/Nov/2026:08:12:44 +0100`).
//!
//! This runs once a line, so the arithmetic is our own (Howard Hinnant's `days_from_civil`), and
//! the zone's rules are asked once a quarter of an hour of log time: no zone changes in between.

use stanch_words::Clock;

use super::Context;

/// Microseconds in a second.
pub const SECOND: i64 = 1_000_000;
/// Microseconds in a day.
pub const DAY: i64 = 86_400 * SECOND;

/// A time that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Microseconds since 1970 UTC.
    pub time: i64,
    /// By which clock.
    pub clock: Clock,
}

/// Reads the times of one source.
#[derive(Clone, Debug)]
pub struct Stamps {
    zone: jiff::tz::TimeZone,
    /// No line is younger; a day of tolerance for clocks and zones.
    newest: i64,
    /// The year of the first stamp without one, where it is known.
    first_year: Option<i64>,
    /// The last time without a year, to which the next is taken to be near.
    last: Option<i64>,
    year: i64,
    month: u32,
    /// A quarter of an hour of local time, and its offset from UTC in seconds.
    quarter: (i64, i64),
    /// The last stamp without a year and fraction, as it was written up to its blank: the next line
    /// likely is of the same second.
    same: ([u8; SHORT], Option<Stamp>),
}

/// How long `Nov  2 08:12:44 ` is.
const SHORT: usize = 16;

impl Stamps {
    /// Returns a reader of times for a source.
    pub fn new(context: &Context) -> Self {
        Self {
            zone: context.zone.clone(),
            newest: context.modified.saturating_add(DAY),
            first_year: context.first_year,
            last: None,
            year: 0,
            month: 0,
            quarter: (i64::MIN, 0),
            same: ([0; SHORT], None),
        }
    }

    /// Reads `Nov  2 08:12:44` (with a fraction or a year behind it, as some daemons write) and
    /// returns the rest after one blank.
    pub fn bsd<'t>(&mut self, text: &'t str) -> Option<(Stamp, &'t str)> {
        let bytes = text.as_bytes();
        if let (written, Some(stamp)) = &self.same
            && bytes.starts_with(written)
        {
            return Some((*stamp, text.get(SHORT..)?));
        }
        let month = month(bytes.get(..3)?)?;
        let (day, at) = day(bytes, 3)?;
        // `Nov 02 2026 08:12:44` and `Nov  2 2026 …`: cisco and some rsyslog templates.
        let (given, at) = match number(bytes, at, 4) {
            Some(year) if bytes.get(at.saturating_add(4)) == Some(&b' ') => {
                (Some(year), at.saturating_add(5))
            }
            _ => (None, at),
        };
        let (seconds, at) = clock(bytes, at)?;
        let (fraction, at) = fraction(bytes, at);
        let rest = rest(text, at)?;
        let year = given.unwrap_or_else(|| self.year_of(month, day, seconds));
        let civil = civil_seconds(year, month, day)?.saturating_add(seconds);
        let time = self.local(civil).saturating_mul(SECOND).saturating_add(fraction);
        if given.is_none() {
            (self.last, self.year, self.month) = (Some(time), year, month);
        }
        let stamp = Stamp { time, clock: Clock::Local };
        if let Some((written, _)) = bytes.split_first_chunk::<SHORT>()
            && written.ends_with(b" ")
            && given.is_none()
            && at.saturating_add(1) == SHORT
        {
            self.same = (*written, Some(stamp));
        }
        Some((stamp, rest))
    }

    /// Reads `2026-11-02T08:12:44.123456+01:00` and its relatives: a blank for the `T`, a comma
    /// before the fraction, `/` between the parts of the day, no zone (local), `Z`, `+01:00`,
    /// `+0100`, ` +0100`. Returns the rest after one blank.
    pub fn iso<'t>(&mut self, text: &'t str) -> Option<(Stamp, &'t str)> {
        let bytes = text.as_bytes();
        let year = number(bytes, 0, 4)?;
        let between = *bytes.get(4)?;
        if !matches!(between, b'-' | b'/' | b'.') || bytes.get(7) != Some(&between) {
            return None;
        }
        let month = u32::try_from(number(bytes, 5, 2)?).ok()?;
        let day = number(bytes, 8, 2)?;
        if !matches!(bytes.get(10), Some(b'T' | b't' | b' ' | b'_' | b':' | b'-')) {
            return None;
        }
        let (seconds, at) = clock(bytes, 11)?;
        let (fraction, at) = fraction(bytes, at);
        let civil = civil_seconds(year, month, day)?.saturating_add(seconds);
        let (offset, at) = match offset(bytes, at) {
            Some((offset, at)) => (Some(offset), at),
            None if bytes
                .get(at..)
                .is_some_and(|b| b.starts_with(b" UTC ") || b.starts_with(b" GMT ")) =>
            {
                (Some(0), at.saturating_add(4))
            }
            // `… 08:12:44 +0100`, but not `… 08:12:44 -1 …`.
            None if bytes.get(at) == Some(&b' ') => match offset(bytes, at.saturating_add(1)) {
                Some((offset, at)) if bytes.get(at).is_none_or(|&b| b == b' ' || b == b']') => {
                    (Some(offset), at)
                }
                _ => (None, at),
            },
            None => (None, at),
        };
        let stamp = self.stamp(civil, offset, fraction);
        Some((stamp, rest(text, at)?))
    }

    /// Reads `02/Nov/2026:08:12:44 +0100`, and returns the rest as it is.
    pub fn clf<'t>(&mut self, text: &'t str) -> Option<(Stamp, &'t str)> {
        let bytes = text.as_bytes();
        let day = number(bytes, 0, 2)?;
        let month = month(bytes.get(3..6)?)?;
        if bytes.get(2) != Some(&b'/') || bytes.get(6) != Some(&b'/') {
            return None;
        }
        let year = number(bytes, 7, 4)?;
        let (seconds, at) = clock(bytes, 12)?;
        let (fraction, at) = fraction(bytes, at);
        let civil = civil_seconds(year, month, day)?.saturating_add(seconds);
        let zone = match bytes.get(at) {
            Some(b' ') => offset(bytes, at.saturating_add(1)),
            _ => None,
        };
        let (offset, at) = zone.map_or((None, at), |(offset, at)| (Some(offset), at));
        Some((self.stamp(civil, offset, fraction), text.get(at..)?))
    }

    /// Reads `Mon Nov  2 08:12:44 2026`, `Mon Nov 02 08:12:44.123456 2026` (ctime(3), Apache's
    /// error log), and returns the rest as it is.
    pub fn ctime<'t>(&mut self, text: &'t str) -> Option<(Stamp, &'t str)> {
        let bytes = text.as_bytes();
        if bytes.get(3) != Some(&b' ') {
            return None;
        }
        let month = month(bytes.get(4..7)?)?;
        let (day, at) = day(bytes, 7)?;
        let (seconds, at) = clock(bytes, at)?;
        let (fraction, at) = fraction(bytes, at);
        if bytes.get(at) != Some(&b' ') {
            return None;
        }
        let at = at.saturating_add(1);
        let year = number(bytes, at, 4)?;
        let civil = civil_seconds(year, month, day)?.saturating_add(seconds);
        Some((self.stamp(civil, None, fraction), text.get(at.saturating_add(4)..)?))
    }

    /// Reads `02 Nov 2026 08:12:44.123`, `02-Nov-2026 08:12:44`, `02-11-2026 08:12:44 +0300`: the
    /// day first. Returns the rest after one blank.
    pub fn day_first<'t>(&mut self, text: &'t str) -> Option<(Stamp, &'t str)> {
        let bytes = text.as_bytes();
        let day = number(bytes, 0, 2)?;
        let between = *bytes.get(2).filter(|byte| matches!(byte, b' ' | b'-' | b'/' | b'.'))?;
        let (month, at) = match number(bytes, 3, 2) {
            Some(month) => (u32::try_from(month).ok()?, 5),
            None => (month(bytes.get(3..6)?)?, 6),
        };
        if bytes.get(at) != Some(&between) {
            return None;
        }
        let year = number(bytes, at + 1, 4)?;
        let (seconds, at) = clock(bytes, at + 6)?;
        let (fraction, at) = fraction(bytes, at);
        let civil = civil_seconds(year, month, day)?.saturating_add(seconds);
        let zone = match bytes.get(at) {
            Some(b' ') => offset(bytes, at.saturating_add(1)),
            _ => None,
        };
        let (offset, at) = zone.map_or((None, at), |(offset, at)| (Some(offset), at));
        let stamp = self.stamp(civil, offset, fraction);
        Some((stamp, rest(text, at)?))
    }

    /// Reads `20261102-08:12:44` and, of two figures for the year, `261102  8:12:44` (MySQL until
    /// 5.6). Returns the rest after one blank.
    pub fn compact<'t>(&mut self, text: &'t str) -> Option<(Stamp, &'t str)> {
        let bytes = text.as_bytes();
        let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (year, at) = match digits {
            8 => (number(bytes, 0, 4)?, 4),
            6 => (number(bytes, 0, 2)?.saturating_add(2000), 2),
            _ => return None,
        };
        let month = u32::try_from(number(bytes, at, 2)?).ok()?;
        let day = number(bytes, at + 2, 2)?;
        bytes.get(at + 4).filter(|byte| matches!(byte, b' ' | b'-'))?;
        let (seconds, at) = short_clock(bytes, at + 5)?;
        let (fraction, at) = fraction(bytes, at);
        let civil = civil_seconds(year, month, day)?.saturating_add(seconds);
        let stamp = self.stamp(civil, None, fraction);
        Some((stamp, rest(text, at)?))
    }

    /// Reads `2026-11-02  8:12:44`: one figure for the hour (MariaDB). Returns the rest after one
    /// blank.
    pub fn short_hour<'t>(&mut self, text: &'t str) -> Option<(Stamp, &'t str)> {
        let bytes = text.as_bytes();
        let year = number(bytes, 0, 4)?;
        let month = u32::try_from(number(bytes, 5, 2)?).ok()?;
        let day = number(bytes, 8, 2)?;
        if [4, 7].into_iter().any(|at| bytes.get(at) != Some(&b'-')) || bytes.get(10) != Some(&b' ')
        {
            return None;
        }
        let (seconds, at) = short_clock(bytes, 11)?;
        let civil = civil_seconds(year, month, day)?.saturating_add(seconds);
        let stamp = self.stamp(civil, None, 0);
        Some((stamp, rest(text, at)?))
    }

    /// Reads `1386543323.000`: seconds since 1970. Returns the rest after one blank.
    pub fn epoch(text: &str) -> Option<(Stamp, &str)> {
        let bytes = text.as_bytes();
        let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if !(9..=11).contains(&digits) {
            return None;
        }
        let seconds = number(bytes, 0, digits)?;
        let (fraction, at) = fraction(bytes, digits);
        let time = seconds.saturating_mul(SECOND).saturating_add(fraction);
        Some((Stamp { time, clock: Clock::Utc }, rest(text, at)?))
    }

    /// Returns the stamp of a civil time, local if no offset from UTC is given.
    pub fn stamp(&mut self, civil: i64, offset: Option<i64>, fraction: i64) -> Stamp {
        let (seconds, clock) = match offset {
            Some(offset) => (civil.saturating_sub(offset), Clock::Utc),
            None => (self.local(civil), Clock::Local),
        };
        Stamp { time: seconds.saturating_mul(SECOND).saturating_add(fraction), clock }
    }

    /// Returns UTC seconds of a local civil time given as if it were UTC.
    fn local(&mut self, civil: i64) -> i64 {
        let quarter = civil.div_euclid(900);
        if self.quarter.0 != quarter {
            self.quarter = (quarter, self.offset_at(civil));
        }
        civil.saturating_sub(self.quarter.1)
    }

    fn offset_at(&self, civil: i64) -> i64 {
        let as_if_utc = jiff::Timestamp::from_second(civil);
        let local = as_if_utc.map(|time| jiff::tz::TimeZone::UTC.to_datetime(time));
        let actual = local.and_then(|local| self.zone.to_timestamp(local));
        actual.map_or(0, |actual| civil.saturating_sub(actual.as_second()))
    }

    /// Returns the year of a stamp that names none: near the stamp before it, else the last year
    /// in which it is not younger than the source.
    fn year_of(&mut self, month: u32, day: i64, seconds: i64) -> i64 {
        if self.last.is_some() && self.month == month {
            return self.year;
        }
        let at = |year: i64| {
            let days = civil_seconds(year, month, day).unwrap_or(0);
            days.saturating_add(seconds).saturating_mul(SECOND)
        };
        let newest = self.newest;
        match self.last {
            Some(last) => {
                let year = self.year;
                let years = [year, year.saturating_add(1), year.saturating_sub(1)];
                let possible = years.into_iter().filter(|&year| at(year) <= newest);
                possible.min_by_key(|&year| at(year).abs_diff(last)).unwrap_or(year)
            }
            None if self
                .first_year
                .is_some_and(|year| civil_seconds(year, month, day).is_some()) =>
            {
                self.first_year.unwrap_or(0)
            }
            None => {
                let last = civil_year(newest.div_euclid(SECOND));
                // The 29th of February needs a leap year, up to eight years back.
                let mut years = (0..9).map(|back| last.saturating_sub(back));
                let fits =
                    |&year: &i64| civil_seconds(year, month, day).is_some() && at(year) <= newest;
                years.find(fits).unwrap_or(last)
            }
        }
    }
}

/// Reads `Nov  2 08:12:44` with no year behind it, as month, day and second of the day.
pub fn yearless(bytes: &[u8]) -> Option<(u32, i64, i64)> {
    let month = month(bytes.get(..3)?)?;
    let (day, at) = day(bytes, 3)?;
    let (seconds, _) = clock(bytes, at)?;
    Some((month, day, seconds))
}

/// Returns seconds since 1970 of a day, or nothing if there is no such day.
pub fn civil_seconds(year: i64, month: u32, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let longest = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return None,
    };
    if !(1..=longest).contains(&day) || !(0..=9999).contains(&year) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let shifted = i64::from((month + 9) % 12);
    let of_year = (153 * shifted + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    Some(days * 86_400)
}

/// Returns the year of a time in seconds since 1970.
fn civil_year(seconds: i64) -> i64 {
    jiff::Timestamp::from_second(seconds)
        .map_or(1970, |time| i64::from(jiff::tz::TimeZone::UTC.to_datetime(time).year()))
}

fn month(name: &[u8]) -> Option<u32> {
    const NAMES: [&[u8; 3]; 12] = [
        b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov",
        b"Dec",
    ];
    let at = NAMES.iter().position(|&other| other == name)?;
    u32::try_from(at).ok()?.checked_add(1)
}

/// Reads a blank, a day of one or two digits (with a blank for the first), and a blank.
fn day(bytes: &[u8], at: usize) -> Option<(i64, usize)> {
    let [b' ', tens, after @ ..] = bytes.get(at..)? else { return None };
    match (*tens, after) {
        (b' ', [unit @ b'0'..=b'9', b' ', ..]) => Some((i64::from(unit - b'0'), at + 4)),
        (b'0'..=b'9', [b' ', ..]) => Some((i64::from(tens - b'0'), at + 3)),
        (b'0'..=b'9', [unit @ b'0'..=b'9', b' ', ..]) => {
            Some((i64::from(tens - b'0') * 10 + i64::from(unit - b'0'), at + 4))
        }
        _ => None,
    }
}

/// Reads `08:12:44` as seconds.
fn clock(bytes: &[u8], at: usize) -> Option<(i64, usize)> {
    let [h1, h0, b':', m1, m0, b':', s1, s0, ..] = bytes.get(at..)? else { return None };
    let two = |tens: &u8, unit: &u8| {
        (tens.is_ascii_digit() && unit.is_ascii_digit())
            .then(|| i64::from(tens - b'0') * 10 + i64::from(unit - b'0'))
    };
    let (hours, minutes, seconds) = (two(h1, h0)?, two(m1, m0)?, two(s1, s0)?);
    // 60 is a leap second.
    if hours > 23 || minutes > 59 || seconds > 60 {
        return None;
    }
    Some((hours * 3600 + minutes * 60 + seconds, at + 8))
}

/// Reads `08:12:44` or ` 8:12:44` as seconds.
fn short_clock(bytes: &[u8], at: usize) -> Option<(i64, usize)> {
    match bytes.get(at..)? {
        [b' ', hour @ b'0'..=b'9', b':', m1, m0, b':', s1, s0, ..] => {
            clock(&[b'0', *hour, b':', *m1, *m0, b':', *s1, *s0], 0).map(|(s, _)| (s, at + 8))
        }
        _ => clock(bytes, at),
    }
}

/// Reads `.123456` or `,123` as microseconds, if it is there.
fn fraction(bytes: &[u8], at: usize) -> (i64, usize) {
    let Some([b'.' | b',', digits @ ..]) = bytes.get(at..) else { return (0, at) };
    let count = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if count == 0 {
        return (0, at);
    }
    let mut micros = 0;
    for place in 0..6 {
        let digit = digits.get(place).filter(|_| place < count).map_or(0, |&d| i64::from(d - b'0'));
        micros = micros * 10 + digit;
    }
    (micros, at.saturating_add(1).saturating_add(count))
}

/// Reads `Z`, `+01:00`, `+0100` or `+01` as seconds east of UTC.
fn offset(bytes: &[u8], at: usize) -> Option<(i64, usize)> {
    let sign = match bytes.get(at)? {
        b'Z' | b'z' => return Some((0, at + 1)),
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let hours = number(bytes, at + 1, 2)?;
    let (minutes, end) = match bytes.get(at + 3) {
        Some(b':') => (number(bytes, at + 4, 2)?, at + 6),
        Some(b'0'..=b'9') => (number(bytes, at + 3, 2)?, at + 5),
        _ => (0, at + 3),
    };
    (hours <= 15 && minutes <= 59).then_some((sign * (hours * 3600 + minutes * 60), end))
}

/// Reads exactly `count` digits.
fn number(bytes: &[u8], at: usize, count: usize) -> Option<i64> {
    let digits = bytes.get(at..at.checked_add(count)?)?;
    digits.iter().try_fold(0_i64, |number, byte| {
        byte.is_ascii_digit().then(|| number * 10 + i64::from(byte - b'0'))
    })
}

/// Returns what follows after one blank, or nothing if something else follows.
fn rest(text: &str, at: usize) -> Option<&str> {
    let rest = text.get(at..)?;
    match rest.as_bytes().first() {
        None => Some(rest),
        Some(b' ' | b'\t') => rest.get(1..),
        Some(_) => Some(rest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-23 12:00:00 UTC.
    const NOON: i64 = 1_795_435_200 * SECOND;

    fn stamps() -> Stamps {
        Stamps::new(&Context::new("auth.log", NOON))
    }

    fn shown(stamp: Stamp) -> String {
        jiff::Timestamp::from_microsecond(stamp.time).unwrap().to_string()
    }

    #[test]
    fn a_stamp_without_a_year_is_not_younger_than_its_source() {
        let mut stamps = stamps();
        let (stamp, rest) = stamps.bsd("Dec  3 06:55:46 host sshd[1]: x").unwrap();
        assert_eq!((shown(stamp).as_str(), rest), ("2025-12-03T06:55:46Z", "host sshd[1]: x"));
    }

    #[test]
    fn a_stamp_of_the_same_second_is_the_same_whatever_stood_between() {
        let mut stamps = stamps();
        let lines = [
            "Nov 23 08:00:00 a",
            "Nov 23 08:00:00 b",
            "Nov 23 08:00:00.5 c",
            "Nov 23 2024 08:00:00 d",
            "Nov 23 08:00:00 e",
            "Nov 23 08:00:01 f",
        ];
        let read: Vec<(String, &str)> = lines
            .into_iter()
            .map(|line| stamps.bsd(line).map(|(stamp, rest)| (shown(stamp), rest)).unwrap())
            .collect();
        let expected = [
            ("2026-11-23T08:00:00Z", "a"),
            ("2026-11-23T08:00:00Z", "b"),
            ("2026-11-23T08:00:00.5Z", "c"),
            ("2024-11-23T08:00:00Z", "d"),
            ("2026-11-23T08:00:00Z", "e"),
            ("2026-11-23T08:00:01Z", "f"),
        ];
        assert_eq!(read, expected.map(|(time, rest)| (time.to_owned(), rest)));
    }

    #[test]
    fn the_year_turns_with_the_lines() {
        let mut stamps = stamps();
        let lines = ["Dec 31 23:59:59", "Jan  1 00:00:01", "Dec 31 23:59:58", "Nov 23 08:00:00.5"];
        let read: Vec<String> =
            lines.into_iter().map(|line| shown(stamps.bsd(line).unwrap().0)).collect();
        assert_eq!(
            read,
            [
                "2025-12-31T23:59:59Z",
                "2026-01-01T00:00:01Z",
                "2025-12-31T23:59:58Z",
                "2025-11-23T08:00:00.5Z"
            ]
        );
    }

    #[test]
    fn iso_stamps_in_their_many_shapes() {
        let mut stamps = stamps();
        for (text, time, clock) in [
            ("2026-03-01T08:12:44.123456+01:00 h", "2026-03-01T07:12:44.123456Z", Clock::Utc),
            ("2026-03-01T08:12:44Z h", "2026-03-01T08:12:44Z", Clock::Utc),
            ("2026-03-01 08:12:44,5 h", "2026-03-01T08:12:44.5Z", Clock::Local),
            ("2026/03/01 08:12:44 h", "2026-03-01T08:12:44Z", Clock::Local),
            ("2026-03-01 08:12:44 -0500 h", "2026-03-01T13:12:44Z", Clock::Utc),
        ] {
            let (stamp, rest) = stamps.iso(text).unwrap();
            assert_eq!((shown(stamp).as_str(), stamp.clock, rest.trim()), (time, clock, "h"));
        }
        for bad in ["2026-13-01T08:12:44Z", "2026-02-30 08:12:44", "2026-03-01T25:00:00", "2026"] {
            assert_eq!(stamps.iso(bad), None, "{bad}");
        }
    }

    #[test]
    fn web_stamps_and_ctime() {
        let mut stamps = stamps();
        let (stamp, rest) = stamps.clf("02/Nov/2026:08:12:44 +0100] x").unwrap();
        assert_eq!((shown(stamp).as_str(), rest), ("2026-11-02T07:12:44Z", "] x"));
        let (stamp, rest) = stamps.ctime("Mon Nov 02 08:12:44.25 2026] x").unwrap();
        assert_eq!((shown(stamp).as_str(), rest), ("2026-11-02T08:12:44.25Z", "] x"));
    }

    #[test]
    fn days_first_compact_and_counted() {
        let mut stamps = stamps();
        let expected = ("2026-03-02T08:12:44Z", "h");
        let check = |read: Option<(Stamp, &str)>| {
            let (stamp, rest) = read.unwrap();
            assert_eq!((shown(stamp).as_str(), rest), expected);
        };
        for text in
            ["02 Mar 2026 08:12:44 h", "02-03-2026 11:12:44 +0300 h", "02/Mar/2026 08:12:44 h"]
        {
            check(stamps.day_first(text));
        }
        check(stamps.compact("20260302-08:12:44 h"));
        check(stamps.compact("260302  8:12:44 h"));
        check(stamps.short_hour("2026-03-02  8:12:44 h"));
        check(Stamps::epoch("1772439164 h"));
        for bad in ["02 Mar 2026", "02-13-2026 08:12:44", "123", "2603020 8:12:44", ""] {
            assert_eq!(stamps.day_first(bad).or(stamps.compact(bad)).or(Stamps::epoch(bad)), None);
        }
    }

    #[test]
    fn local_time_follows_the_machines_zone() {
        // Berlin's rules, in POSIX form.
        let zone = jiff::tz::TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let mut stamps = Stamps::new(&Context { zone, ..Context::new("a", NOON) });
        let (summer, _) = stamps.bsd("Jul  1 12:00:00 h").unwrap();
        let (winter, _) = stamps.bsd("Nov  1 12:00:00 h").unwrap();
        assert_eq!(
            (shown(summer).as_str(), shown(winter).as_str()),
            ("2026-07-01T10:00:00Z", "2026-11-01T11:00:00Z")
        );
    }
}
