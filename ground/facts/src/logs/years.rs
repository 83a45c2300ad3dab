//! In which year a log begins whose stamps name none (`Nov  2 08:12:44`, RFC 3164).
//!
//! The last line is not younger than the file, and each stamp lies near the one before it: so the
//! first year is known only when all years that turn within the file have been counted. A file is
//! looked through for that before it is read; of a large one, pieces all over it.
//!
//! What this cannot tell: a log that was silent for more than half a year seems to go back instead.

use std::path::Path;

use stanch_machine::{Machine, OpenFile};

use super::MOST_BYTES;
use super::stamps::{SECOND, civil_seconds, yearless};
use crate::decompress::{self, Compression};

/// A file up to this size is looked through whole; of a larger one so many pieces of so many bytes.
const WHOLE: u64 = 64 << 20;
const PIECES: u64 = 4_096;
const PIECE: u32 = 16 << 10;
/// Days in a year, and days before each month, near enough to tell years apart.
const YEAR: i64 = 365;
const BEFORE: [i64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];

/// A stamp without a year: month, day, second of the day.
type Yearless = (u32, i64, i64);

/// The years that turn within a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turns {
    first: Option<Yearless>,
    /// The last stamp as a day, and its year, counted from that of the first.
    last: (i64, i64),
    /// The youngest, with its year.
    latest: (i64, Yearless),
}

impl Turns {
    /// Looks through a file; none if its first line has no stamp without a year.
    pub fn of(machine: &dyn Machine, path: &Path) -> Option<Self> {
        let file = machine.open(path).ok()?;
        let mut head = vec![0; room(1)];
        let length = file.read_at(0, &mut head).ok()?;
        head.truncate(length);
        let mut turns = Self::default();
        if Compression::of(&head).is_some() {
            return Self::of_compressed(machine, path);
        }
        let first = head.split(|&byte| byte == b'\n').find(|line| !line.is_empty())?;
        yearless(first)?;
        let size = file.stat().map_or(0, |stat| stat.size);
        if size <= WHOLE {
            turns.whole(&*file, size)
        } else {
            turns.pieces(&*file, size)
        }
        Some(turns)
    }

    fn of_compressed(machine: &dyn Machine, path: &Path) -> Option<Self> {
        let mut turns = Self::default();
        // The beginning decides whether the rest is unfolded; what cannot be is told when the file
        // is read.
        for cap in [u64::from(PIECE), MOST_BYTES] {
            let mut lines = Lines::default();
            turns = Self::default();
            let each = &mut |piece: &[u8]| lines.feed(piece, &mut turns);
            decompress::read_pieces(machine, path, cap, each).ok()?;
            turns.first?;
        }
        Some(turns)
    }

    /// Takes all lines of some bytes.
    #[cfg(test)]
    fn of_bytes(bytes: &[u8]) -> Self {
        let mut turns = Self::default();
        Lines::default().feed(bytes, &mut turns);
        turns
    }

    fn whole(&mut self, file: &dyn OpenFile, size: u64) {
        let (mut lines, mut bytes, mut at) = (Lines::default(), vec![0; room(16)], 0_u64);
        while at < size {
            match file.read_at(at, &mut bytes) {
                Ok(read @ 1..) => {
                    lines.feed(bytes.get(..read).unwrap_or_default(), self);
                    at = at.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
                }
                _ => return,
            }
        }
    }

    fn pieces(&mut self, file: &dyn OpenFile, size: u64) {
        let (mut bytes, step) = (vec![0; room(1)], size / PIECES);
        for number in 0..=PIECES {
            let last = size.saturating_sub(u64::from(PIECE));
            let at = number.saturating_mul(step).min(last);
            let Ok(read) = file.read_at(at, &mut bytes) else { return };
            let piece = bytes.get(..read).unwrap_or_default();
            // The first line of a piece is cut, but for that of the file.
            let from = if at == 0 { 0 } else { memchr::memchr(b'\n', piece).unwrap_or(read) };
            Lines::default().feed(piece.get(from..).unwrap_or_default(), self);
        }
    }

    fn take(&mut self, stamp: Yearless) {
        let (month, day, _) = stamp;
        let before = usize::try_from(month).ok().and_then(|month| month.checked_sub(1));
        let before = before.and_then(|at| BEFORE.get(at)).copied().unwrap_or(0);
        let day = before.saturating_add(day);
        if self.first.is_none() {
            (self.first, self.last, self.latest) = (Some(stamp), (day, 0), (0, stamp));
            return;
        }
        let (last, year) = self.last;
        // The year in which it is nearest to the one before.
        let year = match day.saturating_sub(last) {
            ahead if ahead > YEAR / 2 => year.saturating_sub(1),
            ahead if ahead < -YEAR / 2 => year.saturating_add(1),
            _ => year,
        };
        self.last = (day, year);
        self.latest = self.latest.max((year, stamp));
    }

    /// Returns the year in which the log begins if its youngest line is not younger than this, in
    /// microseconds since 1970 UTC.
    pub fn first_year(&self, newest: i64) -> Option<i64> {
        self.first?;
        let (later, (month, day, seconds)) = self.latest;
        let last = jiff::Timestamp::from_microsecond(newest).ok()?;
        let last = i64::from(jiff::tz::TimeZone::UTC.to_datetime(last).year());
        // The 29th of February needs a leap year, up to eight years back.
        let fits = |year: &i64| {
            let time = civil_seconds(*year, month, day).map(|day| day.saturating_add(seconds));
            time.is_some_and(|time| time.saturating_mul(SECOND) <= newest)
        };
        let year = (0..9).map(|back| last.saturating_sub(back)).find(fits)?;
        Some(year.saturating_sub(later))
    }

    /// Returns the time of the first stamp, in microseconds since 1970, zones left aside.
    pub fn first_time(&self, newest: i64) -> Option<i64> {
        let (month, day, seconds) = self.first?;
        let day = civil_seconds(self.first_year(newest)?, month, day)?;
        Some(day.saturating_add(seconds).saturating_mul(SECOND))
    }
}

fn room(pieces: usize) -> usize {
    usize::try_from(PIECE).unwrap_or(0).saturating_mul(pieces)
}

/// Finds the beginnings of lines in pieces.
#[derive(Default)]
struct Lines {
    /// The beginning of a line that a piece ended within.
    begun: Vec<u8>,
    /// The first six bytes of the line before: of the same day nothing is new.
    day: Vec<u8>,
}

/// How much of a line holds its stamp.
const STAMP: usize = 24;

impl Lines {
    fn feed(&mut self, piece: &[u8], turns: &mut Turns) {
        let mut rest = piece;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let (line, after) = rest.split_at(end);
            if self.begun.is_empty() {
                self.line(line, turns);
            } else {
                self.keep(line);
                let line = std::mem::take(&mut self.begun);
                self.line(&line, turns);
            }
            rest = after.get(1..).unwrap_or_default();
        }
        self.keep(rest);
    }

    fn keep(&mut self, line: &[u8]) {
        let room = STAMP.saturating_sub(self.begun.len());
        self.begun.extend_from_slice(line.get(..room).unwrap_or(line));
    }

    fn line(&mut self, line: &[u8], turns: &mut Turns) {
        let Some(day) = line.get(..6) else { return };
        if day == self.day.as_slice() {
            return;
        }
        let stamp = line.get(..STAMP).unwrap_or(line);
        if let Some(stamp) = yearless(stamp) {
            self.day = day.to_vec();
            turns.take(stamp);
        }
    }
}

#[cfg(test)]
mod tests {
    use stanch_machine::Pretend;

    use super::*;
    use crate::logs::{self, Context};

    /// 2026-06-10 12:00:00 UTC.
    const JUNE: i64 = 1_781_092_800 * SECOND;

    /// A line a month, from a month of one year to a month of another.
    fn months(from: (i64, usize), to: (i64, usize)) -> String {
        const NAMES: [&str; 12] =
            ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let (mut year, mut month, mut log) = (from.0, from.1, String::new());
        while (year, month) <= to {
            let name = NAMES[month - 1];
            log +=
                &format!("{name}  3 04:05:06 web01 sshd[7]: Server listening on {year} port 22.\n");
            (year, month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
        }
        log
    }

    /// Reads a log and returns the years of its events.
    fn years(log: &str, modified: i64) -> Vec<i16> {
        let machine = Pretend::new().file("/var/log/auth.log", log.as_bytes());
        let mut years = Vec::new();
        let path = Path::new("/var/log/auth.log");
        let context = Context::new("/var/log/auth.log", modified);
        let read = logs::read(&machine, path, context, None, &|| {}, &mut |event| {
            let time = jiff::Timestamp::from_microsecond(event.time.unwrap()).unwrap();
            years.push(jiff::tz::TimeZone::UTC.to_datetime(time).year());
        });
        read.unwrap();
        years
    }

    #[test]
    fn every_new_year_within_a_file_is_counted() {
        let expected = |from: (i16, usize), to: (i16, usize)| -> Vec<i16> {
            let all = (from.0..=to.0).flat_map(|year| (1..=12).map(move |month| (year, month)));
            all.filter(|at| (from..=to).contains(at)).map(|(year, _)| year).collect()
        };
        for from in [(2021, 11), (2023, 1), (2024, 7), (2025, 8), (2026, 2)] {
            let log = months((i64::from(from.0), from.1), (2026, 6));
            assert_eq!(years(&log, JUNE), expected(from, (2026, 6)), "{from:?}");
        }
    }

    #[test]
    fn a_clock_that_began_at_new_year_or_fell_back_counts_no_year() {
        // A machine without a clock of its own begins on the first of January.
        for month in ["Mar", "May", "Aug", "Nov"] {
            let line = |stamp: &str| {
                format!("{stamp} 04:05:06 web01 sshd[7]: Server listening on a port 22.\n")
            };
            let (day, boot) = (line(&format!("{month} 12")), line("Jan  1"));
            let log = [&day, &boot, &day, &boot, &day].map(String::as_str).concat();
            let seen = years(&log, JUNE);
            assert_eq!((seen[0], seen[2], seen[4]), (seen[0], seen[0], seen[0]), "{month}");
        }
    }

    #[test]
    fn a_piece_may_end_anywhere() {
        let log = months((2021, 11), (2026, 6));
        let whole = Turns::of_bytes(log.as_bytes());
        assert_eq!(whole.first_year(JUNE), Some(2021));
        for size in [1, 7, 64, 1000] {
            let (mut lines, mut turns) = (Lines::default(), Turns::default());
            log.as_bytes().chunks(size).for_each(|piece| lines.feed(piece, &mut turns));
            assert_eq!(turns, whole, "{size}");
        }
    }

    #[test]
    fn hostile_days_and_no_stamps_at_all() {
        for log in
            ["", "\n\n", "Feb 30 04:05:06 a", "Feb 29 04:05:06 a\n", "x", "Jan  0 00:00:00 a"]
        {
            let turns = Turns::of_bytes(log.as_bytes());
            for newest in [i64::MIN, 0, JUNE, i64::MAX / 4] {
                let _any = (turns.first_year(newest), turns.first_time(newest));
            }
        }
        let leap = Turns::of_bytes(b"Feb 29 04:05:06 a\n");
        assert_eq!(leap.first_year(JUNE), Some(2024));
    }
}
