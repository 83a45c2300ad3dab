//! Sigma rules of others: they see every event of the one pass over all logs.

use std::sync::{Arc, Mutex, PoisonError};

use stanch_facts::Snapshot;
use stanch_facts::history::{History, Observer};
use stanch_rules::Sigma;
use stanch_rules::sigma::Run;
use stanch_words::{Finding, Gap};

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Hits {
    pub(crate) findings: Vec<Finding>,
    pub(crate) gaps: Vec<Gap>,
    /// How many rules were asked.
    pub(crate) rules: usize,
}

/// Shows every event to the rules. No table over the logs may have been read before.
pub(crate) fn judge(snapshot: &Arc<Snapshot>, rules: &Arc<Sigma>, since: Option<i64>) -> Hits {
    let (host, theirs) = (Arc::clone(snapshot.host()), Arc::clone(rules));
    let looked = snapshot.watched("sigma", move || {
        let run = Arc::new(Mutex::new(Run::new(Arc::clone(&theirs), since)));
        let observing = Arc::clone(&run);
        let observer: Observer<'_> = Mutex::new(Box::new(move |event| {
            observing.lock().unwrap_or_else(PoisonError::into_inner).event(event);
        }));
        let _kept_by_the_host = History::observed(&host, &observer);
        drop(observer);
        let empty = Run::new(Arc::clone(&theirs), since);
        let mut run = run.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *run, empty).finish()
    });
    let loaded = rules.loaded();
    let asked = loaded.rules.saturating_add(loaded.correlations);
    let (done, mut gaps) = looked;
    let (findings, more) = done.unwrap_or_default();
    gaps.extend(more);
    Hits { findings, gaps, rules: asked }
}
