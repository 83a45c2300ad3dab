//! Scanning: detection over content alone, in the places that a person names.

use std::sync::Arc;

use stanch_facts::Snapshot;
use stanch_facts::scan::{Counts, Scope};
use stanch_facts::tables::content_matches::{SPEC, col};
use stanch_rules::content;
use stanch_words::{Ask, ColumnSet, Tables as _, Value, Verdict};

use crate::{DetectError, Detection, LookedAt, judge, weigh};

/// What came of a scan.
#[derive(Clone, Debug, PartialEq)]
pub struct Scanned {
    /// The findings and gaps.
    pub detection: Detection,
    /// Every match, whatever is thought of it.
    pub matches: Vec<ContentMatch>,
    /// How many files, members of archives and processes were judged.
    pub judged: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files that their package's digest proves intact, and that were not judged.
    pub intact: u64,
}

/// One match of one judge.
#[derive(Clone, Debug, PartialEq)]
pub struct ContentMatch {
    /// The file.
    pub path: String,
    /// The member of the archive; empty for the file itself.
    pub member: String,
    /// `yara`, `hash` or `heuristic`.
    pub kind: String,
    /// The rule, digest or heuristic.
    pub rule: String,
    /// What it finds.
    pub what: String,
    /// How telling, 0 to 100.
    pub score: i64,
    /// SHA-256 of the file, where it was taken.
    pub sha256: Option<String>,
    /// The process whose memory or program it is.
    pub pid: Option<i64>,
    /// The line that explains it.
    pub line: Option<i64>,
    /// Where the first matched string begins.
    pub offset: Option<i64>,
}

/// Scans what a scope says. The snapshot must not have read content before.
///
/// # Errors
/// [`DetectError`] only if the binary itself is broken.
pub fn scan(snapshot: &Arc<Snapshot>, scope: Scope) -> Result<Scanned, DetectError> {
    snapshot.host().give(Arc::new(scope));
    let signs = content::signs()
        .map_err(|errors| DetectError::Content(errors.iter().map(ToString::to_string).collect()))?;
    let about_content = |sql: &str| sql.contains(SPEC.name);
    let signs: Vec<_> =
        signs.into_iter().filter(|sign| about_content(&sign.page.front.sql)).collect();
    // One reading serves the signs and the list of matches.
    snapshot.want(SPEC.name, ColumnSet::ALL);
    let judged = judge::judge(snapshot, &signs, None)?;
    let (mut findings, gaps) = (judged.findings, judged.gaps);
    weigh::rank(&mut findings);
    let weighed = weigh::weigh(&findings, &gaps, signs.len());
    let seen = snapshot.read(SPEC.name, &Ask::all());
    let matches = seen.rows.iter().map(|row| {
        let text = |column: usize| match row.get(column) {
            Value::Null => String::new(),
            other => other.to_string(),
        };
        let number = |column: usize| row.get(column).as_integer();
        ContentMatch {
            path: text(col::path),
            member: text(col::member),
            kind: text(col::kind),
            rule: text(col::rule),
            what: text(col::what),
            score: number(col::score).unwrap_or(0),
            sha256: row.get(col::sha256).as_text().map(str::to_owned),
            pid: number(col::pid),
            line: number(col::line),
            offset: number(col::offset),
        }
    });
    let matches = matches.collect();
    let (judged, bytes, intact) = snapshot.host().once(|_| Counts::default()).told();
    let (tables, rows) = snapshot.counts();
    let files = usize::try_from(judged).unwrap_or(usize::MAX);
    let looked_at = LookedAt { tables, rows, events: 0, signs: signs.len(), files };
    let detection = Detection {
        verdict: if findings.is_empty() { Verdict::Clean } else { weighed.verdict },
        confidence: weighed.confidence,
        would_change: weighed.would_change,
        findings,
        gaps,
        looked_at,
        bases: stanch_facts::packages::bases(snapshot.host()),
    };
    Ok(Scanned { detection, matches, judged, bytes, intact })
}
