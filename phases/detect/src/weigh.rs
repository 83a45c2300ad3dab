//! Many signs, one judgement.
//!
//! Findings about one subject are combined by noisy-OR over *independent* classes of sources: of
//! each class only the strongest counts, since ten rows of one table are one witness. Subjects are
//! combined likewise. A verdict of `compromised` needs more than weight: at least one finding of
//! level high, so that weak signals alone never convict. (The catalogue's "Scoring".)

use std::collections::{BTreeMap, BTreeSet};

use stanch_words::{Both, Class, Finding, GapKind, Level, Subject, Verdict};

use crate::Blind;

/// From here on the verdict is `compromised`, if a finding of level high is among the causes.
pub const COMPROMISED: f64 = 0.85;
/// How sure of `suspicious` at least; a finding of level medium is enough for it, notes never are.
pub const SUSPICIOUS: f64 = 0.30;

/// What the findings weigh together.
#[derive(Clone, Debug, PartialEq)]
pub struct Weighed {
    /// The band.
    pub verdict: Verdict,
    /// How sure of it.
    pub confidence: f64,
    /// What would change it.
    pub would_change: Vec<Both>,
}

/// How much a level counts: a note is never half a proof.
fn weight(level: Level) -> f64 {
    match level {
        Level::Info => 0.0,
        Level::Low => 0.05,
        Level::Medium => 0.5,
        Level::High => 0.9,
        Level::Critical => 1.0,
    }
}

fn strength(finding: &Finding) -> f64 {
    finding.confidence.clamp(0.0, 1.0) * weight(finding.level)
}

/// Puts the gravest first and numbers the findings `F-0001` and on.
pub fn rank(findings: &mut [Finding]) {
    findings.sort_by(|a, b| {
        b.level
            .cmp(&a.level)
            .then(strength(b).total_cmp(&strength(a)))
            .then_with(|| a.sign.cmp(&b.sign))
            .then_with(|| a.subject.cmp(&b.subject))
    });
    for (number, finding) in (1_u32..).zip(findings) {
        finding.id = format!("F-{number:04}");
    }
}

/// What makes two findings speak of the same thing: the path (a program that runs ten times is one
/// program), else the pid, else the name, else the address.
fn identity(subject: &Subject) -> String {
    match subject {
        Subject { path: Some(path), .. } => format!("file {path}"),
        Subject { pid: Some(pid), .. } => format!("process {pid}"),
        Subject { name: Some(name), kind, .. } => format!("{} {name}", kind.name()),
        Subject { address: Some(address), .. } => format!("address {address}"),
        Subject { kind, .. } => kind.name().to_owned(),
    }
}

fn or(a: f64, b: f64) -> f64 {
    1.0 - (1.0 - a) * (1.0 - b)
}

/// Returns how likely each subject is bad, by identity.
pub fn subjects(findings: &[Finding]) -> BTreeMap<String, f64> {
    let mut classes: BTreeMap<(String, Class), f64> = BTreeMap::new();
    for finding in findings {
        let strongest = classes.entry((identity(&finding.subject), finding.class)).or_default();
        *strongest = strongest.max(strength(finding));
    }
    let mut subjects: BTreeMap<String, f64> = BTreeMap::new();
    for ((subject, _), strength) in classes {
        let sum = subjects.entry(subject).or_default();
        *sum = or(*sum, strength);
    }
    subjects
}

fn band(findings: &[Finding]) -> (Verdict, f64) {
    let sum = subjects(findings).into_values().fold(0.0, or);
    let gravest = findings.iter().map(|finding| finding.level).max().unwrap_or(Level::Info);
    let verdict = if sum >= COMPROMISED && gravest >= Level::High {
        Verdict::Compromised
    } else if gravest >= Level::Medium {
        Verdict::Suspicious
    } else {
        Verdict::Clean
    };
    (verdict, sum)
}

/// Weighs ranked findings into a verdict. `signs` is how many were asked: where most of them had
/// nothing to look at (an image has no processes), nobody can be sure of `clean`.
pub fn weigh(findings: &[Finding], gaps: &[Blind], signs: usize) -> Weighed {
    let (verdict, sum) = band(findings);
    let blind: f64 = if gaps.iter().any(|blind| blind.gap.kind.is_partial()) { 0.7 } else { 0.95 };
    let confidence = match verdict {
        Verdict::Compromised => sum,
        Verdict::Suspicious => sum.clamp(SUSPICIOUS, 0.95),
        Verdict::Clean => (1.0 - sum) * blind * (1.0 - 0.5 * share_not_here(gaps, signs)),
    };
    let confidence = (confidence * 100.0).round() / 100.0;
    Weighed { verdict, confidence, would_change: would_change(verdict, findings, gaps) }
}

/// Returns the share of the signs for which something was not there to look at.
fn share_not_here(gaps: &[Blind], signs: usize) -> f64 {
    let not_here = gaps.iter().filter(|blind| blind.gap.kind == GapKind::NotHere);
    let titles: BTreeSet<&str> =
        not_here.flat_map(|blind| blind.signs.iter().map(|title| title.en.as_str())).collect();
    let count = |n: usize| u32::try_from(n).map_or(f64::MAX, f64::from);
    (count(titles.len()) / count(signs.max(1))).min(1.0)
}

/// Says what would change the verdict: which findings carry it, or which gaps could hide what
/// would raise it.
fn would_change(verdict: Verdict, findings: &[Finding], gaps: &[Blind]) -> Vec<Both> {
    let mut texts = Vec::new();
    if verdict > Verdict::Clean {
        // The fewest of the gravest whose innocence lowers the verdict.
        for count in 1..=findings.len() {
            let (lower, _) = band(findings.get(count..).unwrap_or_default());
            if lower < verdict {
                let named: Vec<&str> =
                    findings.iter().take(count.min(6)).map(|f| f.id.as_str()).collect();
                let more = count.saturating_sub(6);
                let (en, zh) = match more {
                    0 => (String::new(), " ".to_owned()),
                    more => (format!(" and {more} more"), format!(" 等 {count} 项")),
                };
                let (ids, ids_zh) = (named.join(", "), named.join("、"));
                let prove = if count == 1 { "proves" } else { "prove" };
                texts.push(Both::new(
                    format!(
                        "If {ids}{en} {prove} innocent, the verdict falls to {}.",
                        lower.name()
                    ),
                    format!("若 {ids_zh}{zh}证实无害，结论将降为“{}”。", name_zh(lower)),
                ));
                break;
            }
        }
    }
    let blinded: BTreeSet<&str> = gaps
        .iter()
        .filter(|blind| blind.gap.kind.is_partial())
        .flat_map(|blind| blind.signs.iter().map(|title| title.en.as_str()))
        .collect();
    if verdict < Verdict::Compromised && !blinded.is_empty() {
        let count = blinded.len();
        texts.push(Both::new(
            format!(
                "{count} {} could not be judged fully; closing the gaps could raise the verdict.",
                if count == 1 { "sign" } else { "signs" }
            ),
            format!("有 {count} 项迹象未能完整判断；补上盲区后，结论可能更严重。"),
        ));
    }
    texts
}

fn name_zh(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Clean => "未见入侵",
        Verdict::Suspicious => "可疑",
        Verdict::Compromised => "已被入侵",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stanch_words::SubjectKind;

    fn finding(level: Level, class: Class, pid: i64) -> Finding {
        Finding {
            id: String::new(),
            sign: "processes.x".into(),
            category: "processes".into(),
            level,
            confidence: 0.9,
            class,
            title: Both::default(),
            seen: Both::default(),
            why: Both::default(),
            innocent_when: Both::default(),
            todo: Both::default(),
            next: Vec::new(),
            subject: Subject { pid: Some(pid), ..Subject::new(SubjectKind::Process) },
            attack: Vec::new(),
            first_seen: None,
            evidence: Vec::new(),
        }
    }

    fn verdict(findings: &[Finding]) -> Verdict {
        weigh(findings, &[], 10).verdict
    }

    #[test]
    fn weak_signals_never_convict_alone() {
        let notes: Vec<Finding> =
            (0..50).map(|pid| finding(Level::Low, Class::State, pid)).collect();
        assert_eq!(verdict(&notes), Verdict::Clean);
        let odd: Vec<Finding> =
            (0..50).map(|pid| finding(Level::Medium, Class::State, pid)).collect();
        assert_eq!(verdict(&odd), Verdict::Suspicious);
    }

    #[test]
    fn one_witness_counts_once_and_an_independent_one_supports_it() {
        let one = finding(Level::High, Class::State, 1);
        let same: Vec<Finding> = vec![one.clone(), one.clone(), one.clone()];
        assert_eq!(subjects(&same), subjects(std::slice::from_ref(&one)));
        assert_eq!(verdict(&same), Verdict::Suspicious);
        // Ten processes of one program are one thing; of ten programs, ten.
        let with = |path: &str, pid| {
            let mut finding = finding(Level::High, Class::State, pid);
            finding.subject.path = Some(path.to_owned());
            finding
        };
        assert_eq!(verdict(&[with("/a", 1), with("/a", 2)]), Verdict::Suspicious);
        assert_eq!(verdict(&[with("/a", 1), with("/b", 2)]), Verdict::Compromised);
        assert_eq!(verdict(&[one, finding(Level::High, Class::Package, 1)]), Verdict::Compromised);
    }

    #[test]
    fn what_would_change_the_verdict_names_the_findings_that_carry_it() {
        let mut findings = vec![
            finding(Level::Medium, Class::State, 2),
            finding(Level::Critical, Class::State, 1),
        ];
        rank(&mut findings);
        let weighed = weigh(&findings, &[], 10);
        assert_eq!(weighed.verdict, Verdict::Compromised);
        let text = weighed.would_change.first().map(|text| text.en.clone());
        let expected = "If F-0001 proves innocent, the verdict falls to suspicious.";
        assert_eq!(text.as_deref(), Some(expected));
    }

    #[test]
    fn nothing_found_is_clean() {
        assert_eq!(verdict(&[]), Verdict::Clean);
        assert_eq!(verdict(&[finding(Level::Low, Class::State, 1)]), Verdict::Clean);
    }
    #[test]
    fn clean_is_less_sure_where_most_signs_had_nothing_to_look_at() {
        let gap = stanch_words::Gap::new("processes", GapKind::NotHere, "");
        let signs = (0..9).map(|n| Both::new(format!("sign {n}"), "")).collect();
        let weighed = weigh(&[], &[Blind { gap, signs }], 10);
        assert_eq!(weighed.verdict, Verdict::Clean);
        assert!((weighed.confidence - 0.52).abs() < 0.01, "{}", weighed.confidence);
        assert!((weigh(&[], &[], 10).confidence - 0.95).abs() < 0.001);
    }
}
