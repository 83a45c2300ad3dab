//! Words for hits. A rule's title and description are its author's; ours is what stands around
//! them, in both languages.

use stanch_words::{Both, Class, Evidence, Finding, Level, Subject, SubjectKind, Trust, text};

use super::Rule;
use super::correlate::Fired;
use super::run::{Seen, SubjectSeen};

/// The longest value within a sentence.
const LONGEST: usize = 120;
/// The longest text of an author.
const PROSE: usize = 600;

/// Makes the findings of a rule: one a subject, gravest last to grow.
pub(super) fn findings(rule: &Rule, seen: &Seen) -> Vec<Finding> {
    let last = seen.subjects.len().saturating_sub(1);
    let subjects = seen.subjects.iter().enumerate();
    subjects
        .map(|(at, one)| {
            let others = if at == last { seen.others } else { 0 };
            let mut finding = frame(rule, one.subject.clone(), one.trust, seen.subjects.len());
            finding.seen = told(one, others);
            finding.first_seen = one.first.and_then(stamp);
            finding.evidence.clone_from(&one.evidence);
            finding.next = next(&finding.evidence);
            finding
        })
        .collect()
}

/// Makes the finding of a correlation.
pub(super) fn correlated(rule: &Rule, fired: &Fired, of: usize, more: usize) -> Finding {
    let mut finding = frame(rule, group_subject(&fired.group), Trust::Program, of);
    let group: Vec<String> =
        fired.group.iter().map(|(name, value)| format!("{name} = {}", short(value))).collect();
    let (en, zh) = if group.is_empty() {
        (String::new(), String::new())
    } else {
        (format!(" for {}", group.join(", ")), format!("（{}）", group.join("，")))
    };
    let (more_en, more_zh) = match more {
        0 => (String::new(), String::new()),
        more => (
            format!(" {more} more groups of values did the same."),
            format!("另有 {more} 组取值同样命中。"),
        ),
    };
    let (count, seconds) = (fired.count, fired.seconds);
    finding.seen = Both::new(
        format!("Counted {count} within {seconds} seconds{en}.{more_en}"),
        format!("{seconds} 秒内计得 {count}{zh}。{more_zh}"),
    );
    finding.first_seen = stamp(fired.time);
    finding.evidence.clone_from(&fired.evidence);
    finding.next = next(&finding.evidence);
    finding
}

fn frame(rule: &Rule, subject: Subject, trust: Trust, of: usize) -> Finding {
    let (by_en, by_zh) = if rule.author.is_empty() {
        (String::new(), String::new())
    } else {
        let author = prose(&rule.author);
        (format!(" by {author}"), format!("（作者 {author}）"))
    };
    let (title, description) = (prose(&rule.title), prose(&rule.description));
    let innocent: Vec<String> = rule.innocent.iter().map(|one| prose(one)).collect();
    let innocent = innocent.join("; ");
    let innocent_when = if innocent.is_empty() {
        Both::new("The rule's author names no innocent case.", "规则作者没有列出无害的情况。")
    } else {
        Both::new(
            format!("The rule's author names: {innocent}"),
            format!("规则作者列出的无害情况：{innocent}"),
        )
    };
    Finding {
        id: String::new(),
        sign: format!("sigma.{}", rule.id),
        category: "logs".to_owned(),
        level: rule.level,
        confidence: confidence(rule, trust, of),
        class: Class::Log,
        title: Both::new(title.clone(), title),
        seen: Both::default(),
        why: Both::new(
            format!("A Sigma rule{by_en} says: {description}"),
            format!("Sigma 规则{by_zh}的说明：{description}"),
        ),
        innocent_when,
        todo: Both::new(
            format!(
                "Read the lines below where they stand, and what happened around them. The rule is in {}.",
                prose(&rule.file)
            ),
            format!("到原处查看下列日志行及其前后发生的事。规则文件：{}。", prose(&rule.file)),
        ),
        next: Vec::new(),
        subject,
        attack: rule.attack.clone(),
        first_seen: None,
        evidence: Vec::new(),
    }
}

/// How sure a hit makes: a rule that its authors still try counts less, and so does a line that
/// anybody could have written. One rule is one witness, however many subjects it speaks of, so that
/// they share what it is worth: no rule alone says more than "very likely".
fn confidence(rule: &Rule, trust: Trust, of: usize) -> f64 {
    let sure = match rule.level {
        Level::Info => 0.1,
        Level::Low => 0.2,
        Level::Medium => 0.4,
        Level::High => 0.7,
        Level::Critical => 0.8,
    };
    let tried = if rule.is_tried { 1.0 } else { 0.8 };
    let believed = match trust {
        Trust::Kernel | Trust::Program => 1.0,
        Trust::Claim => 0.9,
        Trust::User => 0.8,
    };
    let whole: f64 = sure * tried * believed;
    let of = u32::try_from(of.max(1)).map_or(1.0, f64::from);
    let share = 1.0 - (1.0 - whole).powf(1.0 / of);
    (share * 100.0).round() / 100.0
}

fn told(one: &SubjectSeen, others: u64) -> Both {
    let fields: Vec<String> = one
        .matched
        .iter()
        .filter(|(name, value)| !value.is_empty() && name != "keyword")
        .take(4)
        .map(|(name, value)| format!("{name} = {}", short(value)))
        .collect();
    let words = one.evidence.first().map(|line| short(&line.excerpt)).unwrap_or_default();
    let what = if fields.is_empty() { words } else { fields.join(", ") };
    let (others_en, others_zh) = match others {
        0 => (String::new(), String::new()),
        1 => (
            " One more event about others is not shown.".into(),
            "另有 1 条涉及其他对象，未列出。".into(),
        ),
        more => (
            format!(" {more} more events about others are not shown."),
            format!("另有 {more} 条涉及其他对象，未列出。"),
        ),
    };
    let count = one.count;
    let (en, zh) = match count {
        1 => (format!("One event: {what}."), format!("1 条事件：{what}。")),
        _ => {
            let (from, to) = (one.first.and_then(stamp), one.last.and_then(stamp));
            match from.zip(to) {
                Some((from, to)) if from != to => (
                    format!("{count} events from {from} to {to}, the first: {what}."),
                    format!("{count} 条事件，自 {from} 至 {to}，首条：{what}。"),
                ),
                _ => (
                    format!("{count} events, the first: {what}."),
                    format!("{count} 条事件，首条：{what}。"),
                ),
            }
        }
    };
    Both::new(format!("{en}{others_en}"), format!("{zh}{others_zh}"))
}

fn short(value: &str) -> String {
    text::shortened(&text::escaped(value.trim()), LONGEST)
}

/// An author's text in one line.
fn prose(value: &str) -> String {
    let line = value.split_whitespace().collect::<Vec<_>>().join(" ");
    text::shortened(&text::escaped(&line), PROSE)
}

/// RFC 3339, to the second.
fn stamp(microseconds: i64) -> Option<String> {
    let seconds = jiff::Timestamp::from_second(microseconds.div_euclid(1_000_000)).ok()?;
    Some(seconds.to_string())
}

/// The commands that show the lines again.
fn next(evidence: &[Evidence]) -> Vec<String> {
    let harmless = |c: char| c.is_ascii_alphanumeric() || "/._@+-".contains(c);
    let files = evidence.iter().map(|line| line.source.as_str());
    let file = files.into_iter().find(|file| file.starts_with('/') && file.chars().all(harmless));
    file.map(|file| format!("stanch events {file}")).into_iter().collect()
}

/// What a group of values is about, as far as its names and values tell.
fn group_subject(group: &[(String, String)]) -> Subject {
    let address = group.iter().find(|(_, value)| value.parse::<std::net::IpAddr>().is_ok());
    if let Some((_, value)) = address {
        return Subject { address: Some(value.clone()), ..Subject::new(SubjectKind::Address) };
    }
    let account = group.iter().find(|(name, _)| {
        let name = name.to_ascii_lowercase();
        name.contains("user") || name == "acct"
    });
    if let Some((_, value)) = account {
        return Subject { name: Some(value.clone()), ..Subject::new(SubjectKind::Account) };
    }
    let path = group.iter().find(|(_, value)| value.starts_with('/'));
    if let Some((_, value)) = path {
        return Subject { path: Some(value.clone()), ..Subject::new(SubjectKind::File) };
    }
    Subject::new(SubjectKind::Host)
}
