//! CPU time that the kernel spent beside CPU time that visible processes account for.

use std::collections::{HashMap, HashSet};

use super::{Sample, Sampling, Used, between};

/// Above this many new tasks a second, short-lived processes come and go between two samples and
/// the sums cannot be compared.
const FORKS: f64 = 200.0;
/// The least gap that means anything, in cores: ticks are 10 ms and a window 400 ms.
const LEAST: f64 = 0.15;

/// One account: the machine's, or a control group's.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Account {
    /// The control group's path, none for the machine.
    pub group: Option<String>,
    /// Windows that could be compared.
    pub windows: usize,
    /// Windows whose gap was over the threshold.
    pub over: usize,
    /// Median gap in cores.
    pub gap: f64,
    /// The threshold: the larger of 0.15 core and four times the median deviation.
    pub threshold: f64,
    /// Cores in use, median.
    pub busy: f64,
    /// Cores that visible processes used, median.
    pub visible: f64,
    /// New tasks a second over all windows.
    pub forks: f64,
}

impl Sampling {
    /// Returns the account of the machine, and of each control group with a gap over the
    /// threshold in some window.
    pub fn accounts(&self) -> Vec<Account> {
        let forks = self.forks();
        let mut accounts = vec![self.account(None, forks, |before, after| {
            #[expect(clippy::cast_precision_loss, reason = "ticks of a short time")]
            let busy = after.busy.saturating_sub(before.busy) as f64 / self.ticks as f64;
            (Some(busy), visible(before, after, None))
        })];
        for (at, name) in self.groups.iter().enumerate() {
            // The root group is the machine, which /proc/stat tells without interrupts.
            if name.is_empty() {
                continue;
            }
            let members = self.members(name);
            let account = self.account(Some(name.clone()), forks, |before, after| {
                let used = |sample: &Sample| sample.groups.get(at).copied().flatten();
                let micros = used(after).zip(used(before)).map(|(a, b)| a.saturating_sub(b));
                #[expect(clippy::cast_precision_loss, reason = "microseconds of a short time")]
                let busy = micros.map(|micros| micros as f64 / 1e6);
                (busy, visible(before, after, Some(&members)))
            });
            if account.over > 0 {
                accounts.push(account);
            }
        }
        accounts
    }

    /// Returns new tasks a second over the whole sampling.
    pub fn forks(&self) -> f64 {
        match (self.samples.first(), self.samples.last()) {
            (Some(first), Some(last)) => rate(first, last),
            _ => 0.0,
        }
    }

    /// Returns the active processes in a group or below it.
    fn members(&self, group: &str) -> HashSet<i64> {
        let inside = |path: &str| {
            path.strip_prefix(group).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.active.iter().filter(|one| inside(&one.group)).map(|one| one.pid).collect()
    }

    fn account(
        &self,
        group: Option<String>,
        forks: f64,
        seconds: impl Fn(&Sample, &Sample) -> (Option<f64>, i64),
    ) -> Account {
        let (mut gaps, mut busy, mut seen) = (Vec::new(), Vec::new(), Vec::new());
        for (before, after) in self.windows() {
            let (Some(used), visible) = seconds(before, after) else { continue };
            if rate(before, after) > FORKS {
                continue;
            }
            let time = between(before, after);
            #[expect(clippy::cast_precision_loss, reason = "ticks of a short time")]
            let visible = visible as f64 / self.ticks as f64;
            gaps.push((used - visible) / time);
            busy.push(used / time);
            seen.push(visible / time);
        }
        let gap = median(&gaps);
        let deviations: Vec<f64> = gaps.iter().map(|one| (one - gap).abs()).collect();
        let threshold = LEAST.max(4.0 * median(&deviations));
        Account {
            group,
            windows: gaps.len(),
            over: gaps.iter().filter(|&&one| one > threshold).count(),
            gap,
            threshold,
            busy: median(&busy),
            visible: median(&seen),
            forks,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of a short time")]
fn rate(before: &Sample, after: &Sample) -> f64 {
    after.forks.saturating_sub(before.forks) as f64 / between(before, after)
}

/// Returns the ticks that visible processes account for between two samples: their own, and those
/// of children that ended in between, less what these had used before.
pub fn visible(before: &Sample, after: &Sample, only: Option<&HashSet<i64>>) -> i64 {
    let counts = |pid: &i64| only.is_none_or(|only| only.contains(pid));
    let same = |a: &Used, b: &&Used| a.start == b.start;
    let (mut own, mut children, mut ended) = (0_i64, 0_i64, 0_i64);
    for (pid, used) in sorted(&after.processes) {
        if !counts(pid) {
            continue;
        }
        let earlier = before.processes.get(pid).filter(|b| same(used, b));
        let earlier = earlier.copied().unwrap_or_default();
        own = own.saturating_add(used.own.saturating_sub(earlier.own).max(0));
        let reaped = used.children.saturating_sub(earlier.children).max(0);
        children = children.saturating_add(reaped);
    }
    for (pid, used) in sorted(&before.processes) {
        let lives = after.processes.get(pid).is_some_and(|a| a.start == used.start);
        if !lives && only.is_none() {
            ended = ended.saturating_add(used.own).saturating_add(used.children);
        }
    }
    own.saturating_add(children.saturating_sub(ended).max(0))
}

fn sorted(processes: &HashMap<i64, Used>) -> Vec<(&i64, &Used)> {
    let mut all: Vec<_> = processes.iter().collect();
    all.sort_unstable_by_key(|(pid, _)| **pid);
    all
}

/// Returns the median, 0 of nothing.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match (sorted.get(middle), sorted.len() % 2) {
        (Some(&high), 0) => {
            let low = middle.checked_sub(1).and_then(|at| sorted.get(at)).copied();
            low.map_or(high, |low| f64::midpoint(low, high))
        }
        (Some(&one), _) => one,
        (None, _) => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sampling::Active;

    fn sample(second: u64, busy: i64, processes: &[(i64, i64, i64)]) -> Sample {
        let processes = processes.iter();
        Sample {
            at: second * 1_000_000_000,
            busy,
            forks: 0,
            switches: 0,
            processes: processes
                .map(|&(pid, own, children)| {
                    (pid, Used { start: pid, own, children, waited: None })
                })
                .collect(),
            groups: vec![None, Some(second * 900_000)],
        }
    }

    #[test]
    fn children_that_ended_are_counted_once() {
        let before = sample(0, 0, &[(1, 10, 0), (2, 50, 5)]);
        // 2 ended with 60 own and 5 of its children; 1 waited for it.
        let after = sample(1, 0, &[(1, 11, 65)]);
        assert_eq!(visible(&before, &after, None), 1 + 10);
        // Nobody waited: nothing below zero.
        let unwaited = sample(1, 0, &[(1, 11, 0)]);
        assert_eq!(visible(&before, &unwaited, None), 1);
    }

    #[test]
    fn a_hidden_burner_leaves_a_gap_and_a_visible_one_does_not() {
        let samples = |step: i64| -> Vec<Sample> {
            (0..=5_u32)
                .map(|n| sample(u64::from(n), i64::from(n) * 100, &[(1, i64::from(n) * step, 0)]))
                .collect()
        };
        let mut hidden = Sampling { ticks: 100, samples: samples(2), ..Sampling::default() };
        let account = &hidden.accounts()[0];
        assert_eq!((account.windows, account.over), (5, 5));
        assert!((account.gap - 0.98).abs() < 1e-9, "{account:?}");
        let open = Sampling { ticks: 100, samples: samples(100), ..Sampling::default() };
        assert_eq!((open.accounts()[0].over, open.accounts()[0].gap), (0, 0.0));
        // The same by control group: 0.9 core used, 0.02 visible.
        hidden.groups = vec![String::new(), "/a.slice/x.service".to_owned()];
        hidden.active = vec![Active {
            pid: 1,
            group: "/a.slice/x.service/sub".to_owned(),
            ..Active::default()
        }];
        let accounts = hidden.accounts();
        assert_eq!(accounts.len(), 2);
        assert!((accounts[1].gap - 0.88).abs() < 1e-9, "{:?}", accounts[1]);
        for sample in &mut hidden.samples {
            sample.forks = i64::try_from(sample.at / 1_000_000).unwrap();
        }
        assert_eq!(hidden.accounts()[0].windows, 0, "a fork storm cannot be compared");
    }

    #[test]
    fn medians() {
        assert_eq!((median(&[]), median(&[3.0, 1.0, 2.0]), median(&[1.0, 2.0])), (0.0, 2.0, 1.5));
    }
}
