//! How often something happened, over time, in bounded space.

use crate::history::kept::push_one;

/// Several of one kind, close together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    /// The first, in seconds since 1970 UTC.
    pub(super) start: i64,
    /// The last.
    pub(super) last: i64,
    /// How many.
    pub(super) count: u32,
}

/// Slots in the order in which they were told.
#[derive(Clone, Debug, Default)]
pub(super) struct Slots(Vec<Slot>);

impl Slots {
    /// Counts `count` at a time; what lies within `width` seconds of a slot's start joins it.
    /// Returns whether a slot was added.
    pub(super) fn add(&mut self, time: i64, count: u32, width: i64) -> bool {
        if let Some(slot) = self.0.last_mut()
            && (slot.start..slot.start.saturating_add(width)).contains(&time)
        {
            slot.last = slot.last.max(time);
            slot.count = slot.count.saturating_add(count);
            return false;
        }
        push_one(&mut self.0, Slot { start: time, last: time, count });
        true
    }

    /// Returns how many slots there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Joins neighbours into wider slots.
    pub(super) fn coarsen(&mut self, width: i64) {
        self.0 = merged(std::mem::take(&mut self.0), width);
        self.0.shrink_to_fit();
    }

    /// Returns all slots, by time.
    pub(super) fn sorted(&self) -> Vec<Slot> {
        let mut slots = self.0.clone();
        slots.sort_unstable_by_key(|slot| slot.start);
        slots
    }
}

fn merged(mut slots: Vec<Slot>, width: i64) -> Vec<Slot> {
    slots.sort_unstable_by_key(|slot| slot.start);
    let mut wide: Vec<Slot> = Vec::with_capacity(slots.len() / 2);
    for slot in slots {
        match wide.last_mut() {
            Some(before) if slot.last < before.start.saturating_add(width) => {
                before.last = before.last.max(slot.last);
                before.count = before.count.saturating_add(slot.count);
            }
            _ => wide.push(slot),
        }
    }
    wide
}

/// Returns how many there were within a time span, both ends included; a slot counts where it
/// begins.
pub(super) fn within(sorted: &[Slot], from: i64, to: i64) -> u64 {
    let begin = sorted.partition_point(|slot| slot.start < from);
    let slots = sorted.iter().skip(begin).take_while(|slot| slot.start <= to);
    slots.map(|slot| u64::from(slot.count)).sum()
}

/// Returns the last time at or before a time.
pub(super) fn last_before(sorted: &[Slot], time: i64) -> Option<i64> {
    let end = sorted.partition_point(|slot| slot.start <= time);
    sorted.get(end.checked_sub(1)?).map(|slot| slot.last.min(time))
}

/// Returns the most that fell within any `window` seconds.
pub(super) fn peak(sorted: &[Slot], window: i64) -> u64 {
    let (mut most, mut sum) = (0_u64, 0_u64);
    let mut behind = sorted.iter();
    for slot in sorted {
        sum = sum.saturating_add(u64::from(slot.count));
        while let Some(first) = behind.as_slice().first() {
            if slot.last.saturating_sub(first.start) < window || first.start == slot.start {
                break;
            }
            sum = sum.saturating_sub(u64::from(first.count));
            behind.next();
        }
        most = most.max(sum);
    }
    most
}

/// Returns on how many days there was something.
pub(super) fn days(sorted: &[Slot]) -> usize {
    let mut days: Vec<i64> = sorted.iter().map(|slot| slot.start.div_euclid(86_400)).collect();
    days.dedup();
    days.len()
}

/// Returns the median of the gaps between one and the next, in seconds.
pub(super) fn median_gap(sorted: &[Slot]) -> Option<i64> {
    let mut gaps: Vec<(i64, u64)> = Vec::with_capacity(sorted.len());
    let mut before: Option<i64> = None;
    for slot in sorted {
        if let Some(before) = before {
            gaps.push((slot.start.saturating_sub(before).max(0), 1));
        }
        if let Some(inner) = slot.count.checked_sub(1).filter(|&inner| inner > 0) {
            gaps.push(((slot.last - slot.start) / i64::from(inner), u64::from(inner)));
        }
        before = Some(slot.last);
    }
    gaps.sort_unstable();
    let all: u64 = gaps.iter().map(|(_, count)| count).sum();
    let mut passed = 0_u64;
    gaps.into_iter().find_map(|(gap, count)| {
        passed = passed.saturating_add(count);
        (passed.saturating_mul(2) >= all).then_some(gap)
    })
}

/// Puts the slots of several together, by time.
pub(super) fn together(lists: impl IntoIterator<Item = Vec<Slot>>) -> Vec<Slot> {
    let mut all: Vec<Slot> = lists.into_iter().flatten().collect();
    all.sort_unstable_by_key(|slot| slot.start);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(times: &[i64], width: i64) -> Slots {
        let mut slots = Slots::default();
        for &time in times {
            slots.add(time, 1, width);
        }
        slots
    }

    #[test]
    fn windows_are_counted() {
        let slots = of(&[0, 1, 2, 3, 100, 101, 4000], 1).sorted();
        assert_eq!((peak(&slots, 10), peak(&slots, 120), peak(&slots, 3600)), (4, 6, 6));
        assert_eq!(within(&slots, 2, 100), 3);
        assert_eq!((last_before(&slots, 99), last_before(&slots, -1)), (Some(3), None));
        assert_eq!((days(&slots), median_gap(&slots)), (1, Some(1)));
    }

    #[test]
    fn coarser_slots_lose_no_count() {
        let times: Vec<i64> = (0..1000).map(|n| n * 7).collect();
        let mut slots = of(&times, 10);
        let before = slots.len();
        slots.coarsen(600);
        assert!(slots.len() * 20 < before, "{} of {before}", slots.len());
        assert_eq!(within(&slots.sorted(), i64::MIN, i64::MAX), 1000);
    }

    #[test]
    fn what_is_told_out_of_order_is_in_order_again() {
        let slots = of(&[500, 100, 300], 10).sorted();
        assert_eq!(slots.iter().map(|slot| slot.start).collect::<Vec<_>>(), [100, 300, 500]);
        assert_eq!(median_gap(&slots), Some(200));
    }
}
