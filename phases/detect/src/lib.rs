//! Detect: looks for the signs of an intrusion and weighs them into one verdict.
//!
//! **What the responder is asking**: have I been broken into? What is wrong, how sure are you,
//! and why?
//!
//! **In and out**: a [`stanch_facts::Snapshot`] of a machine goes in; a [`Detection`] comes out:
//! findings ranked by gravity, the verdict, what would change it, and every gap with the signs
//! that it blinds.
//!
//! **Never**: this phase changes nothing, starts nothing, and never takes what it could not see
//! for clean.
//!
//! **Start reading** at [`detect`], [`judge`] (pages over tables) and [`weigh`] (many signs, one
//! judgement).

pub mod judge;
pub mod scan;
mod sigma;
pub mod weigh;

use std::sync::Arc;

use stanch_facts::Snapshot;
use stanch_facts::history::History;
use stanch_facts::packages::{self, Bases};
use stanch_facts::scan::{Counts, Files, Scope};
use stanch_facts::system_files::Depth;
use stanch_rules::{Sigma, content};
use stanch_words::{Both, Finding, Gap, Verdict};

/// What to look for.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Categories to look at (`performance`, `traffic`, …); empty means all.
    pub only: Vec<String>,
    /// Only what happened at or after this time, in seconds since 1970 UTC. What is a state and no
    /// deed (a hidden process) is found whenever it began.
    pub since: Option<i64>,
    /// What is looked into by content, and by which rules; none means the usual places.
    pub content: Option<Scope>,
    /// Sigma rules of others, which see every event of every log.
    pub sigma: Option<Arc<Sigma>>,
    /// How much of the files of packages is read.
    pub depth: Depth,
}

/// The answer of the phase.
#[derive(Clone, Debug, PartialEq)]
pub struct Detection {
    /// Broken into or not, as far as can be seen.
    pub verdict: Verdict,
    /// How sure of the verdict, 0 to 1.
    pub confidence: f64,
    /// What was found, gravest first.
    pub findings: Vec<Finding>,
    /// What could not be seen.
    pub gaps: Vec<Blind>,
    /// What would change the verdict.
    pub would_change: Vec<Both>,
    /// How much was looked at.
    pub looked_at: LookedAt,
    /// What is claimed about files of packages rests on this.
    pub bases: Bases,
}

/// A gap and what it means for the judgement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blind {
    /// The gap.
    pub gap: Gap,
    /// Titles of the signs that could not be judged fully because of it.
    pub signs: Vec<Both>,
}

/// How much was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LookedAt {
    /// Tables read.
    pub tables: usize,
    /// Rows seen.
    pub rows: usize,
    /// Log events judged.
    pub events: usize,
    /// Files whose content was read.
    pub files: usize,
    /// Signs judged.
    pub signs: usize,
}

/// Why detection could not be done at all: the content that came with the binary is broken.
#[derive(Debug, thiserror::Error)]
pub enum DetectError {
    /// Pages that do not parse.
    #[error("content pages are broken: {}", .0.join("; "))]
    Content(Vec<String>),
    /// The query engine.
    #[error("the query engine did not start")]
    Engine(#[source] stanch_rules::QueryError),
}

/// Looks for the signs of an intrusion.
///
/// # Errors
/// [`DetectError`] only if the binary itself is broken; what the machine refuses is a gap.
pub fn detect(snapshot: &Arc<Snapshot>, options: &Options) -> Result<Detection, DetectError> {
    let signs = content::signs()
        .map_err(|errors| DetectError::Content(errors.iter().map(ToString::to_string).collect()))?;
    if let Some(scope) = &options.content {
        let wanted = options.only.is_empty() || options.only.iter().any(|only| only == "files");
        let files = if wanted { scope.files } else { Files::LeftOut };
        snapshot.host().give(Arc::new(Scope { files, ..scope.clone() }));
    }
    snapshot.host().give(Arc::new(options.depth));
    let signs: Vec<_> = signs
        .into_iter()
        .filter(|sign| {
            options.only.is_empty()
                || options.only.iter().any(|only| only == sign.page.front.category())
        })
        .collect();
    let looks_at_logs = options.only.is_empty() || options.only.iter().any(|only| only == "logs");
    // First, because the one pass over all logs shows its events only while it is made.
    let hits = options.sigma.as_ref().filter(|_| looks_at_logs);
    let hits = hits.map(|rules| sigma::judge(snapshot, rules, options.since));
    let judged = judge::judge(snapshot, &signs, options.since)?;
    let (mut findings, mut gaps) = (judged.findings, judged.gaps);
    let mut count = signs.len();
    if let Some(hits) = hits {
        findings.extend(hits.findings);
        gaps.extend(hits.gaps.into_iter().map(|gap| Blind { gap, signs: Vec::new() }));
        count = count.saturating_add(hits.rules);
    }
    weigh::rank(&mut findings);
    let weighed = weigh::weigh(&findings, &gaps, signs.len());
    let (tables, rows) = snapshot.counts();
    let history = snapshot.host().made::<History>();
    let events =
        history.map_or(0, |history| usize::try_from(history.events()).unwrap_or(usize::MAX));
    let files = snapshot.host().made::<Counts>().map_or(0, |counts| counts.told().0);
    let files = usize::try_from(files).unwrap_or(usize::MAX);
    let looked_at = LookedAt { tables, rows, events, signs: count, files };
    Ok(Detection {
        verdict: weighed.verdict,
        confidence: weighed.confidence,
        would_change: weighed.would_change,
        findings,
        gaps,
        looked_at,
        bases: packages::bases(snapshot.host()),
    })
}
