//! Runs every sign over one snapshot: first what all of them need, then one reading, then the
//! judgement.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use stanch_facts::{Snapshot, tables};
use stanch_rules::{Query, Sign};
use stanch_words::{Ask, Both, ColumnSet, Finding, Gap, GapKind, Role, Tables as _};

use crate::{Blind, DetectError};

/// Tables read at the same time. Some only wait while they sample; two cores are usual.
const READERS: usize = 4;

/// What came of it.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) findings: Vec<Finding>,
    pub(crate) gaps: Vec<Blind>,
}

/// Judges a snapshot by all signs.
pub(crate) fn judge(
    snapshot: &Arc<Snapshot>,
    signs: &[Sign],
    since: Option<i64>,
) -> Result<Judged, DetectError> {
    let query = Query::open(Arc::clone(snapshot) as _).map_err(DetectError::Engine)?;
    let mut gaps: Vec<Gap> = Vec::new();
    let mut readers_of: BTreeMap<String, Vec<Both>> = BTreeMap::new();
    let mut sound = Vec::new();
    for sign in signs {
        match sign.check(&query) {
            Ok(checked) => {
                for (table, _) in checked.tables {
                    let titles = readers_of.entry(table).or_default();
                    titles.push(sign.page.front.title.clone().into());
                }
                sound.push(sign);
            }
            // The law tests keep this from a release; a site's own page may still be wrong.
            Err(complaints) => {
                gaps.push(Gap::new(&sign.page.front.id, GapKind::Bug, complaints.join("; ")));
            }
        }
    }
    let needs = query.needs();
    for (table, columns) in &needs {
        snapshot.want(table, *columns);
    }
    read_ahead(snapshot, needs);
    let mut findings = Vec::new();
    for sign in sound {
        match sign.judge(&query) {
            Ok(found) => {
                let recent = found.iter().filter(|found| {
                    since.is_none_or(|since| found.time().is_none_or(|time| time >= since))
                });
                findings.extend(recent.map(|found| sign.finding(found)));
            }
            Err(error) => {
                gaps.push(Gap::new(&sign.page.front.id, GapKind::Bug, error.to_string()));
            }
        }
    }
    gaps.extend(snapshot.gaps());
    gaps.sort();
    gaps.dedup();
    let gaps = gaps
        .into_iter()
        .map(|gap| Blind { signs: readers_of.get(&gap.what).cloned().unwrap_or_default(), gap })
        .collect();
    Ok(Judged { findings, gaps })
}

/// Reads every table that can be read whole, several at a time, so that the signs then wait for
/// nothing. Tables that need a key are read when a sign asks.
fn read_ahead(snapshot: &Arc<Snapshot>, needs: Vec<(String, ColumnSet)>) {
    let whole = needs.into_iter().filter(|(table, _)| {
        let spec = tables::find(table).map(|table| table.spec);
        spec.is_some_and(|spec| spec.columns.iter().all(|column| column.role != Role::Required))
    });
    let mut queue: VecDeque<(String, ColumnSet)> = whole.collect();
    // What samples over time goes first: the others are read while it waits.
    queue.make_contiguous().sort_by_key(|(table, _)| !SAMPLING.contains(&table.as_str()));
    let queue = Mutex::new(queue);
    std::thread::scope(|scope| {
        for _ in 0..READERS {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                    let Some((table, columns)) = next else { break };
                    let _kept = snapshot.read(&table, &Ask { columns, constraints: Vec::new() });
                }
            });
        }
    });
}

/// Tables that measure over a span of time.
const SAMPLING: [&str; 6] = [
    "cpu_usage",
    "hidden_processes",
    "ownerless_sockets",
    "hidden_ports",
    "cpu_gaps",
    "kernel_rates",
];
