//! The same answers as pages, as documents for scripts: texts in the reader's language.

mod acts;
mod outside;
mod vault;

use stanch_incident::identity::{self, Identity};
use stanch_incident::{Answer, Bases, Blind, Checked, Complaint, Harm, LogRead, Page};
use stanch_wire as wire;
use stanch_words::{Finding, Gap, Role, Sees, TableSpec, Value};

use crate::pages::detect::{Answered, Place};
use crate::pages::{query, rules, scan};
use crate::{Look, texts};

pub use acts::{Network, acts, ledger, plan};
pub use outside::outside;
pub use vault::{quarantine, suspect};

/// Returns `stanch.detect/1`.
pub fn detect(answered: &Answered<'_>, look: Look) -> wire::Detect {
    let detection = answered.detection;
    let seen = detection.looked_at;
    wire::Detect {
        schema: wire::Detect::SCHEMA.to_owned(),
        host: answered.host.to_owned(),
        machine: Some(machine(answered.identity)),
        verdict: detection.verdict.name().to_owned(),
        confidence: detection.confidence,
        took_ms: answered.took_ms,
        looked_at: wire::LookedAt {
            tables: seen.tables,
            rows: seen.rows,
            events: seen.events,
            files: seen.files,
            signs: seen.signs,
        },
        packages: packages(&detection.bases),
        findings: detection.findings.iter().map(|f| finding(f, answered.place, look)).collect(),
        gaps: detection.gaps.iter().map(|blind| blinding_gap(blind, look)).collect(),
        would_change: detection.would_change.iter().map(|t| look.text(t).to_owned()).collect(),
    }
}

fn machine(identity: &Identity) -> wire::Machine {
    let (id, boot) = (identity.machine.clone(), identity.boot.clone());
    wire::Machine { look: identity.look.name().to_owned(), id, boot }
}

/// Returns which machine a report says that it is about.
pub fn looked(machine: &wire::Machine) -> Identity {
    Identity {
        // A look that is not known proves no more than an image does.
        look: identity::Look::from_name(&machine.look).unwrap_or(identity::Look::Root),
        machine: machine.id.clone(),
        boot: machine.boot.clone(),
    }
}

fn packages(bases: &Bases) -> Option<wire::Packages> {
    let (archive, brought, machine) = (bases.archive, bases.brought, bases.machine.len());
    let any = bases.compared || machine > 0;
    let unproven = if bases.compared { bases.machine.clone() } else { Vec::new() };
    let (files, files_not_read) = (bases.files.files, bases.files.left);
    any.then_some(wire::Packages { archive, brought, machine, files, files_not_read, unproven })
}

fn finding(found: &Finding, place: Place<'_>, look: Look) -> wire::Finding {
    let text = |both| look.text(both).to_owned();
    let subject = &found.subject;
    wire::Finding {
        id: found.id.clone(),
        sign: found.sign.clone(),
        category: found.category.clone(),
        level: found.level.name().to_owned(),
        confidence: found.confidence,
        class: found.class.name().to_owned(),
        title: text(&found.title),
        seen: look.seen(found),
        why: text(&found.why),
        innocent_when: text(&found.innocent_when),
        todo: text(&found.todo),
        next: place.commands(&found.next).collect(),
        entity: entity(subject),
        attack: found.attack.clone(),
        first_seen: found.first_seen.clone(),
        evidence: found.evidence.iter().map(evidence).collect(),
    }
}

pub(crate) fn entity(subject: &stanch_words::Subject) -> wire::Entity {
    wire::Entity {
        kind: subject.kind.name().to_owned(),
        pid: subject.pid,
        start: subject.start,
        path: subject.path.clone(),
        name: subject.name.clone(),
        address: subject.address.clone(),
        port: subject.port,
    }
}

fn evidence(evidence: &stanch_words::Evidence) -> wire::Evidence {
    wire::Evidence {
        source: evidence.source.clone(),
        excerpt: evidence.excerpt.clone(),
        offset: evidence.offset,
        line: evidence.line,
        sha256: evidence.sha256.clone(),
    }
}

fn blinding_gap(blind: &Blind, look: Look) -> wire::Gap {
    let matters = match (look.lang, blind.signs.len()) {
        (_, 0) => look.say("no sign depends on it", "没有迹象依赖它").to_owned(),
        (stanch_words::Lang::En, 1) => "1 sign could not be judged fully".to_owned(),
        (stanch_words::Lang::En, count) => format!("{count} signs could not be judged fully"),
        (stanch_words::Lang::Zh, count) => format!("{count} 项迹象未能完整判断"),
    };
    let blinds = blind.signs.iter().map(|title| look.text(title).to_owned()).collect();
    wire::Gap { matters, blinds, ..gap(&blind.gap, look) }
}

/// Returns a gap of a query: what was asked for may miss rows.
pub fn gap(gap: &Gap, look: Look) -> wire::Gap {
    wire::Gap {
        what: gap.what.clone(),
        kind: gap.kind.name().to_owned(),
        partial: gap.kind.is_partial(),
        why: query::why(gap, look),
        path: gap.path.clone(),
        matters: look.say("rows may be missing", "结果可能缺行").to_owned(),
        blinds: Vec::new(),
    }
}

/// Returns `stanch.query/1`.
pub fn query(answer: &Answer, gaps: &[Gap], look: Look) -> wire::Query {
    let columns = unique(&answer.columns);
    let rows = answer.rows.iter().map(|row| row_of(&columns, row)).collect();
    let gaps = gaps.iter().map(|one| gap(one, look)).collect();
    wire::Query { schema: wire::Query::SCHEMA.to_owned(), columns, rows, gaps }
}

/// Returns the rows one by one as `stanch.row/1`.
pub fn row_lines(answer: &Answer) -> impl Iterator<Item = wire::RowLine> {
    let columns = unique(&answer.columns);
    answer.rows.iter().map(move |row| wire::RowLine {
        schema: wire::RowLine::SCHEMA.to_owned(),
        row: row_of(&columns, row),
    })
}

/// Returns the last line of a stream of rows.
pub fn query_summary(answer: &Answer, gaps: &[Gap], look: Look) -> wire::QuerySummary {
    wire::QuerySummary {
        schema: wire::QuerySummary::SCHEMA.to_owned(),
        rows: answer.rows.len(),
        gaps: gaps.iter().map(|one| gap(one, look)).collect(),
    }
}

/// Returns the last line of a stream of events.
pub fn events_summary(read: &[LogRead], gaps: &[Gap], look: Look) -> wire::EventsSummary {
    let mut summary = wire::EventsSummary {
        schema: wire::EventsSummary::SCHEMA.to_owned(),
        gaps: gaps.iter().map(|one| gap(one, look)).collect(),
        ..wire::EventsSummary::default()
    };
    for log in read {
        summary.lines = summary.lines.saturating_add(log.counts.lines);
        summary.events = summary.events.saturating_add(log.counts.events);
        summary.understood = summary.understood.saturating_add(log.counts.understood());
        summary.silent = summary.silent.saturating_add(log.counts.silent);
        summary.not_understood = summary.not_understood.saturating_add(log.counts.not_understood);
        summary.sources.push(wire::EventsSource {
            file: log.file.clone(),
            format: log.format.map(str::to_owned),
            sha256: log.sha256.clone(),
            lines: log.counts.lines,
            events: log.counts.events,
            understood: log.counts.understood(),
            silent: log.counts.silent,
            not_understood: log.counts.not_understood,
        });
    }
    summary
}

/// Two columns of a join may have one name; a key of an object must not occur twice. The second
/// becomes `pid:1`, as SQLite itself names them.
fn unique(columns: &[String]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for column in columns {
        let mut name = column.clone();
        let mut number = 0;
        while names.contains(&name) {
            number += 1;
            name = format!("{column}:{number}");
        }
        names.push(name);
    }
    names
}

fn row_of(columns: &[String], row: &[Value]) -> wire::Row {
    let cell = |value: &Value| match value {
        Value::Null => wire::Cell::Null,
        Value::Integer(n) => wire::Cell::Integer(*n),
        Value::Real(n) => wire::Cell::Real(*n),
        Value::Text(text) => wire::Cell::Text(text.to_string()),
    };
    wire::Row(columns.iter().cloned().zip(row.iter().map(cell)).collect())
}

/// Returns `stanch.facts/1`.
pub fn facts(tables: &[&TableSpec], look: Look) -> wire::Facts {
    let column = |spec: &TableSpec, column: &stanch_words::Column| wire::Column {
        name: column.name.to_owned(),
        kind: column.kind.name().to_owned(),
        role: match column.role {
            Role::Plain => "plain",
            Role::Index => "index",
            Role::Required => "required",
        }
        .to_owned(),
        means: texts::means(spec, column, look).to_owned(),
    };
    let table = |spec: &&TableSpec| wire::Table {
        name: spec.name.to_owned(),
        summary: texts::summary(spec, look).to_owned(),
        sees: match spec.sees {
            Sees::Live => "live",
            Sees::Files => "files",
        }
        .to_owned(),
        columns: spec.columns.iter().map(|one| column(spec, one)).collect(),
    };
    wire::Facts {
        schema: wire::Facts::SCHEMA.to_owned(),
        tables: tables.iter().map(table).collect(),
    }
}

/// Returns `stanch.rules/1`.
pub fn rules(pages: &[Page], look: Look) -> wire::Rules {
    let rule = |page: &Page| wire::Rule {
        id: page.front.id.clone(),
        kind: "sign".to_owned(),
        category: page.front.category().to_owned(),
        level: page.front.level().name().to_owned(),
        confidence: page.front.confidence,
        class: page.front.class.clone(),
        title: rules::title(page, look).to_owned(),
        why: look.text(&page.why).to_owned(),
        innocent_when: look.text(&page.innocent_when).to_owned(),
        todo: look.text(&page.todo).to_owned(),
        next: page.front.next.clone(),
        attack: page.front.attack.clone(),
        sql: page.front.sql.clone(),
    };
    wire::Rules { schema: wire::Rules::SCHEMA.to_owned(), rules: pages.iter().map(rule).collect() }
}

/// Returns `stanch.rules-check/1`.
pub fn rules_check(checked: &Checked, look: Look) -> wire::RulesCheck {
    let loaded = checked.sigma.unwrap_or_default();
    let complaint = |complaint: &Complaint| wire::Complaint {
        file: complaint.file.clone(),
        line: complaint.line,
        rule: complaint.rule.clone(),
        harm: match complaint.harm {
            Harm::Lost => "lost",
            Harm::Idle => "idle",
            Harm::Odd => "odd",
        }
        .to_owned(),
        why: look.text(&complaint.why).to_owned(),
        help: complaint.help.as_ref().map(|help| look.text(help).to_owned()),
    };
    wire::RulesCheck {
        schema: wire::RulesCheck::SCHEMA.to_owned(),
        files: loaded.files,
        rules: loaded.rules,
        correlations: loaded.correlations,
        filters: loaded.filters,
        elsewhere: loaded.elsewhere,
        yara_files: checked.yara.map_or(0, |loaded| loaded.files),
        yara_rules: checked.yara.map_or(0, |loaded| loaded.rules),
        complaints: checked.complaints.iter().map(complaint).collect(),
    }
}

/// Returns `stanch.scan/1`.
pub fn scan(answered: &scan::Answered<'_>, look: Look) -> wire::Scan {
    let scanned = answered.scanned;
    let matches = scanned.matches.iter().map(|one| wire::ScanMatch {
        path: match one.member.as_str() {
            "" => one.path.clone(),
            member => format!("{}!/{member}", one.path),
        },
        member: (!one.member.is_empty()).then(|| one.member.clone()),
        pid: one.pid,
        rule: one.rule.clone(),
        kind: one.kind.clone(),
        confidence: f64::from(u8::try_from(one.score).unwrap_or(100).min(100)) / 100.0,
        what: one.what.clone(),
        sha256: one.sha256.clone(),
        line: one.line,
        offset: one.offset,
    });
    wire::Scan {
        schema: wire::Scan::SCHEMA.to_owned(),
        verdict: scanned.detection.verdict.name().to_owned(),
        took_ms: answered.took_ms,
        rules: answered.rules,
        scanned: scanned.judged,
        bytes: scanned.bytes,
        intact: scanned.intact,
        matches: matches.collect(),
        gaps: scanned.detection.gaps.iter().map(|blind| gap(&blind.gap, look)).collect(),
    }
}

/// Returns `stanch.error/1`.
pub fn error(report: &crate::Report, look: Look) -> wire::Error {
    let text = |both: &stanch_words::Both| look.text(both).to_owned();
    wire::Error {
        schema: wire::Error::SCHEMA.to_owned(),
        kind: report.kind.name().to_owned(),
        exit: report.kind.exit(),
        what: text(&report.what),
        because: report.because.as_ref().map(text),
        left_as: text(&report.left_as),
        next: report.next.as_ref().map(text),
    }
}

/// Returns `stanch.status/1`.
pub fn status(host: &str, standing: Option<&stanch_incident::Standing>) -> wire::Status {
    wire::Status {
        schema: wire::Status::SCHEMA.to_owned(),
        host: host.to_owned(),
        case: standing.map(|standing| standing.folder.display().to_string()),
        next: crate::pages::status::next(standing),
    }
}
