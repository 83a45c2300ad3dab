//! Lines by the hour, of at most four months.

use std::collections::VecDeque;

/// How many hours are kept.
const MOST: usize = 3_000;
/// How many hours back a late line is still looked for.
const LATE: usize = 48;
/// A daemon is steady if it was known for a week and spoke in 19 of 20 hours.
const STEADY: i64 = 168;
/// The shortest silence, and by how much it must exceed the longest before.
const QUIET: i64 = 12;
const LONGER: i64 = 6;
/// The fewest lines of a loud hour, how many times the next loudest it must be, and how long the
/// daemon must be known.
const LOUD: u32 = 500;
const TIMES: u32 = 10;
const LOUD_KNOWN: i64 = 72;

/// Lines by the hour since 1970.
#[derive(Debug, Default)]
pub(super) struct Hours {
    counts: VecDeque<(i64, u32)>,
    total: i64,
}

/// A silence at the end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Silence {
    pub(super) last: i64,
    pub(super) gap: i64,
    pub(super) longest: i64,
    pub(super) known: i64,
}

/// A loud hour.
#[derive(Clone, Copy, Debug)]
pub(super) struct Loud {
    pub(super) hour: i64,
    pub(super) count: u32,
    pub(super) next: u32,
}

impl Hours {
    /// Adds a line, and returns whether it is the first of a new last hour.
    pub(super) fn add(&mut self, hour: i64) -> bool {
        self.total = self.total.saturating_add(1);
        match self.counts.back_mut() {
            Some((last, count)) if *last == hour => {
                *count = count.saturating_add(1);
                return false;
            }
            Some((last, _)) if *last > hour => {
                let recent = self.counts.iter_mut().rev().take(LATE);
                if let Some((_, count)) = recent.into_iter().find(|(other, _)| *other == hour) {
                    *count = count.saturating_add(1);
                }
                return false;
            }
            _ => {}
        }
        if self.counts.len() >= MOST {
            self.counts.pop_front();
        }
        self.counts.push_back((hour, 1));
        true
    }

    pub(super) fn oldest(&self) -> i64 {
        self.counts.front().map_or(0, |(hour, _)| *hour)
    }

    pub(super) fn newest(&self) -> Option<i64> {
        self.counts.back().map(|(hour, _)| *hour)
    }

    pub(super) fn total(&self) -> i64 {
        self.total
    }

    /// Returns for how many hours it is known.
    pub(super) fn known(&self) -> i64 {
        self.newest().map_or(0, |newest| newest.saturating_sub(self.oldest()).saturating_add(1))
    }

    /// Counts the hours with lines after one and up to another.
    pub(super) fn spoken_in(&self, from: i64, to: i64) -> i64 {
        let within = self.counts.iter().filter(|(hour, _)| *hour > from && *hour <= to);
        i64::try_from(within.count()).unwrap_or(i64::MAX)
    }

    /// Returns the median of the hours with lines.
    pub(super) fn median(&self) -> i64 {
        let mut counts: Vec<u32> = self.counts.iter().map(|(_, count)| *count).collect();
        counts.sort_unstable();
        counts.get(counts.len() / 2).copied().map_or(0, i64::from)
    }

    /// Returns the silence of a steady daemon up to an hour, if it is long.
    pub(super) fn silence(&self, until: i64) -> Option<Silence> {
        let last = self.newest()?;
        let (gap, known) = (until.saturating_sub(last), self.known());
        let spoken = i64::try_from(self.counts.len()).unwrap_or(i64::MAX);
        if gap < QUIET || known < STEADY || spoken.saturating_mul(20) < known.saturating_mul(19) {
            return None;
        }
        let pairs = self.counts.iter().zip(self.counts.iter().skip(1));
        let longest = pairs.map(|((a, _), (b, _))| b.saturating_sub(*a)).max().unwrap_or(1);
        (gap >= longest.saturating_mul(LONGER)).then_some(Silence { last, gap, longest, known })
    }

    /// Returns the loudest hour, if it is far above all but its neighbours.
    pub(super) fn scream(&self) -> Option<Loud> {
        let &(hour, count) = self.counts.iter().max_by_key(|(_, count)| *count)?;
        if count < LOUD || self.known() < LOUD_KNOWN {
            return None;
        }
        let others = self.counts.iter().filter(|(other, _)| other.abs_diff(hour) > 2);
        let next = others.map(|(_, count)| *count).max()?;
        (count >= next.max(5).saturating_mul(TIMES)).then_some(Loud { hour, count, next })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_lines_count_in_their_hour_and_memory_is_bounded() {
        let mut hours = Hours::default();
        for hour in 0..10_000 {
            hours.add(hour);
            hours.add(hour - 1);
        }
        assert_eq!((hours.counts.len(), hours.newest(), hours.median()), (MOST, Some(9_999), 2));
        hours.add(i64::MIN);
        assert_eq!(hours.newest(), Some(9_999));
        hours.add(i64::MAX);
        assert!(hours.known() > 0 && hours.silence(i64::MAX).is_none());
    }
}
