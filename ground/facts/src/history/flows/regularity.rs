//! How regular connections are.
//!
//! Source: RITA, `analysis/beacons.go` (Active Countermeasures): gaps and sizes by Bowley's skewness
//! and the median absolute deviation, the spread over buckets by its coefficient of variation, the
//! coverage of the time looked at or a run of twelve hours, a quarter each.

/// The parts of the score, each from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Regularity {
    pub(super) times: u32,
    pub(super) median_gap: u32,
    pub(super) gaps: f64,
    /// None where no sizes are known.
    pub(super) sizes: Option<f64>,
    pub(super) spread: f64,
    pub(super) coverage: f64,
}

impl Regularity {
    /// Returns the regularity of connections; none below four different times. `moments` are
    /// seconds and sizes, `whole` is how long the connections went on and how long the log does.
    pub(super) fn of(moments: &[(i64, u32)], sized: bool, whole: (i64, i64)) -> Option<Self> {
        let mut times: Vec<i64> = moments.iter().map(|(time, _)| *time).collect();
        times.sort_unstable();
        times.dedup();
        let (first, last) = (*times.first()?, *times.last()?);
        if times.len() < 4 {
            return None;
        }
        let following = times.iter().skip(1);
        let mut gaps: Vec<u32> = times.iter().zip(following).map(|(a, b)| clamped(b - a)).collect();
        gaps.sort_unstable();
        let median_gap = quantile(&gaps, 2);
        let sizes = sized.then(|| {
            let mut sizes: Vec<u32> = moments.iter().map(|(_, size)| *size).collect();
            sizes.sort_unstable();
            alike(&sizes)
        });
        Some(Self {
            times: count(times.len()),
            median_gap,
            gaps: alike(&gaps),
            sizes,
            spread: spread(&times, first, last),
            coverage: coverage(&times, median_gap, whole),
        })
    }

    /// Returns the mean of the parts that are known.
    pub(super) fn score(&self) -> f64 {
        let three = self.gaps + self.spread + self.coverage;
        self.sizes.map_or(three / 3.0, |sizes| (three + sizes) / 4.0)
    }
}

/// Returns how alike sorted numbers are: half for a symmetric middle, half for little deviation.
fn alike(sorted: &[u32]) -> f64 {
    let [low, middle, high] = [1, 2, 3].map(|quarter| quantile(sorted, quarter));
    let width = f64::from(high - low);
    // Below ten the quartiles are too close for a direction to mean something.
    let skew = if width < 10.0 || middle == low || middle == high {
        0.0
    } else {
        (f64::from(high) + f64::from(low) - 2.0 * f64::from(middle)) / width
    };
    let mut deviations: Vec<u32> = sorted.iter().map(|value| value.abs_diff(middle)).collect();
    deviations.sort_unstable();
    let deviation = f64::from(quantile(&deviations, 2));
    let steady = (1.0 - deviation / f64::from(middle.max(1))).max(0.0);
    f64::midpoint(1.0 - skew.abs(), steady)
}

/// Returns a quartile of sorted numbers.
fn quantile(sorted: &[u32], quarter: usize) -> u32 {
    let at = sorted.len().saturating_sub(1).saturating_mul(quarter).div_euclid(4);
    sorted.get(at).copied().unwrap_or(0)
}

/// Returns 1 less the coefficient of variation over up to 24 buckets.
fn spread(times: &[i64], first: i64, last: i64) -> f64 {
    let buckets = times.len().div_euclid(4).clamp(2, 24);
    let width = (last - first).div_euclid(i64::from(count(buckets))).saturating_add(1);
    let mut counts = vec![0_u32; buckets];
    for time in times {
        let at = usize::try_from((time - first).div_euclid(width)).unwrap_or(0);
        if let Some(bucket) = counts.get_mut(at) {
            *bucket += 1;
        }
    }
    let n = f64::from(count(buckets));
    let mean = counts.iter().map(|&count| f64::from(count)).sum::<f64>() / n;
    let square = |count: &u32| (f64::from(*count) - mean).powi(2);
    let variation = (counts.iter().map(square).sum::<f64>() / n).sqrt() / mean;
    (1.0 - variation).clamp(0.0, 1.0)
}

/// Returns the larger of the part of the log's time that the connections cover, and their longest
/// run without a pause of more than an hour (or three gaps) over twelve hours.
fn coverage(times: &[i64], median_gap: u32, (lasted, log): (i64, i64)) -> f64 {
    let pause = i64::from(median_gap).saturating_mul(3).max(3600);
    let (mut run, mut longest) = (0_i64, 0_i64);
    for (before, after) in times.iter().zip(times.iter().skip(1)) {
        let gap = after - before;
        run = if gap > pause { 0 } else { run.saturating_add(gap) };
        longest = longest.max(run);
    }
    let part = f64::from(clamped(lasted)) / f64::from(clamped(log).max(1));
    // A log of a few minutes is covered by anything.
    let part = if log < 3600 { 0.0 } else { part };
    part.max(f64::from(clamped(longest)) / 43_200.0).min(1.0)
}

fn clamped(seconds: i64) -> u32 {
    u32::try_from(seconds.max(0)).unwrap_or(u32::MAX)
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(moments: &[(i64, u32)]) -> f64 {
        let lasted = moments.last().unwrap().0 - moments.first().unwrap().0;
        Regularity::of(moments, true, (lasted, lasted)).unwrap().score()
    }

    /// Numbers that look random and are the same each time.
    fn noise(seed: u64) -> impl Iterator<Item = i64> {
        let mut state = seed;
        std::iter::repeat_with(move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            i64::try_from(state >> 40).unwrap()
        })
    }

    #[test]
    fn a_clock_with_jitter_scores_high_and_people_low() {
        let exact: Vec<_> = (0..700).map(|n| (n * 60, 300)).collect();
        assert!(score(&exact) > 0.98, "{}", score(&exact));
        let jitter: Vec<_> =
            (0..700).zip(noise(7)).map(|(n, r)| (n * 60 + r % 13, 300 + (r % 9) as u32)).collect();
        assert!(score(&jitter) > 0.85, "{}", score(&jitter));
        let mut time = 0;
        let people: Vec<_> = noise(3)
            .zip(noise(5))
            .take(600)
            .map(|(r, s)| {
                // Bursts of a page and its pictures, then reading, then the night.
                time += match r % 20 {
                    0 => 30_000,
                    1..=4 => 40 + r % 900,
                    _ => 1 + r % 3,
                };
                (time, (s % 60_000) as u32)
            })
            .collect();
        assert!(score(&people) < 0.6, "{}", score(&people));
    }

    #[test]
    fn too_few_and_absurd_times_are_no_score_and_no_panic() {
        assert_eq!(Regularity::of(&[(1, 1), (1, 1), (1, 1), (2, 1), (3, 1)], true, (2, 2)), None);
        let far = [(i64::MIN / 4, 0), (0, 0), (5, 0), (i64::MAX / 4, u32::MAX)];
        let regularity = Regularity::of(&far, false, (i64::MAX, 0)).unwrap();
        assert!((0.0..=1.0).contains(&regularity.score()), "{regularity:?}");
    }
}
