//! One document of each kind, byte for byte. A change here breaks scripts: it needs a new number
//! in the schema's name, or must only add keys (and then a note in `changes/`).
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

#[path = "golden/baseline.rs"]
mod baseline;
#[path = "golden/continuity.rs"]
mod continuity;
#[path = "golden/evidence.rs"]
mod evidence;
#[path = "golden/outside.rs"]
mod outside;
#[path = "golden/timeline.rs"]
mod timeline;

use serde::Serialize;
use stanch_wire::{
    Act, Acts, Cell, Column, Complaint, Detect, Entity, Error, Evidence, Facts, Finding, Gap,
    Ledger, LedgerEntry, LookedAt, Machine, Plan, Proof, Query, QuerySummary, Refusal, Row,
    RowLine, Rule, Rules, RulesCheck, Status, Step, Table, json,
};

fn written(document: &impl Serialize) -> String {
    let mut out = Vec::new();
    json::pretty(&mut out, document).unwrap();
    String::from_utf8(out).unwrap()
}

fn gap() -> Gap {
    Gap {
        what: "shadow".into(),
        kind: "denied".into(),
        partial: true,
        why: "permission denied; run as root to see it".into(),
        path: Some("/etc/shadow".into()),
        matters: "1 sign could not be judged fully".into(),
        blinds: vec!["An account has no password".into()],
    }
}

fn finding() -> Finding {
    Finding {
        id: "F-0001".into(),
        sign: "processes.deleted-program".into(),
        category: "processes".into(),
        level: "high".into(),
        confidence: 0.9,
        class: "state".into(),
        title: "A running program has no file".into(),
        seen: "Process 4242 runs `/tmp/.x`, which is deleted.".into(),
        why: "So that no scan of the disk finds it.".into(),
        innocent_when: "An upgrade replaced the file.".into(),
        todo: "Keep a copy of the image.".into(),
        next: vec!["stanch contain apply --freeze 4242".into()],
        entity: Entity {
            kind: "process".into(),
            pid: Some(4242),
            start: Some(81_234),
            path: Some("/tmp/.x".into()),
            ..Entity::default()
        },
        attack: vec!["T1070.004".into()],
        first_seen: Some("2026-03-01T08:12:44Z".into()),
        evidence: vec![Evidence {
            source: "/proc/4242/exe".into(),
            excerpt: "/tmp/.x (deleted)".into(),
            ..Evidence::default()
        }],
    }
}

fn detect() -> Detect {
    Detect {
        schema: Detect::SCHEMA.into(),
        machine: Some(Machine {
            look: "live".into(),
            id: Some("5f0c".into()),
            boot: Some("0b2e7f0a-7d0c-4d0e-9b0e-2f0c5a3d1e11".into()),
        }),
        host: "web01".into(),
        verdict: "compromised".into(),
        confidence: 0.97,
        took_ms: 812,
        looked_at: LookedAt { tables: 41, rows: 18_230, events: 91_822, files: 40_211, signs: 131 },
        packages: None,
        findings: vec![finding()],
        gaps: vec![gap()],
        would_change: vec!["If F-0001 proves innocent, the verdict falls to suspicious.".into()],
    }
}

fn row() -> Row {
    Row(vec![
        ("pid".into(), Cell::Integer(1)),
        ("load".into(), Cell::Real(0.5)),
        ("name".into(), Cell::Text("a\u{1b}[2J\u{202e}".into())),
        ("path".into(), Cell::Null),
    ])
}

#[test]
fn detect_stays_as_it_is() {
    assert_eq!(written(&detect()), include_str!("golden/detect.json"));
}

#[test]
fn an_old_detect_document_can_still_be_read() {
    let old: Detect = serde_json::from_str(include_str!("golden/detect.json")).unwrap();
    assert_eq!(old, detect());
    // The first documents did not say which machine they are of.
    let mut first: serde_json::Value = serde_json::to_value(detect()).unwrap();
    first.as_object_mut().unwrap().remove("machine");
    let read: Detect = serde_json::from_value(first).unwrap();
    assert_eq!(read, Detect { machine: None, ..detect() });
}

#[test]
fn query_stays_as_it_is() {
    let columns = row().0.into_iter().map(|(name, _)| name).collect();
    let schema = Query::SCHEMA.into();
    let document = Query { schema, columns, rows: vec![row()], gaps: vec![gap()] };
    assert_eq!(written(&document), include_str!("golden/query.json"));
}

#[test]
fn a_stream_of_rows_stays_as_it_is() {
    let mut out = Vec::new();
    json::line(&mut out, &RowLine { schema: RowLine::SCHEMA.into(), row: row() }).unwrap();
    let schema = QuerySummary::SCHEMA.into();
    json::line(&mut out, &QuerySummary { schema, rows: 1, gaps: vec![gap()] }).unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), include_str!("golden/query.jsonl"));
}

#[test]
fn facts_stay_as_they_are() {
    let column = |name: &str, kind: &str, role: &str, means: &str| Column {
        name: name.into(),
        kind: kind.into(),
        role: role.into(),
        means: means.into(),
    };
    let table = Table {
        name: "hash".into(),
        summary: "Digests of files.".into(),
        sees: "files".into(),
        columns: vec![
            column("path", "TEXT", "required", "The file."),
            column("sha256", "TEXT", "plain", "Its digest."),
        ],
    };
    let document = Facts { schema: Facts::SCHEMA.into(), tables: vec![table] };
    assert_eq!(written(&document), include_str!("golden/facts.json"));
}

#[test]
fn rules_stay_as_they_are() {
    let rule = Rule {
        id: "processes.deleted-program".into(),
        kind: "sign".into(),
        category: "processes".into(),
        level: "high".into(),
        confidence: 0.85,
        class: "state".into(),
        title: "A running program has no file".into(),
        why: "So that no scan of the disk finds it.".into(),
        innocent_when: "An upgrade replaced the file.".into(),
        todo: "Keep a copy of the image.".into(),
        next: vec!["stanch query \"SELECT * FROM processes WHERE pid = {pid}\"".into()],
        attack: vec!["T1070.004".into()],
        sql: "SELECT pid FROM processes WHERE deleted = 1\n".into(),
    };
    let document = Rules { schema: Rules::SCHEMA.into(), rules: vec![rule] };
    assert_eq!(written(&document), include_str!("golden/rules.json"));
}

#[test]
fn a_check_of_rules_stays_as_it_is() {
    let document = RulesCheck {
        schema: RulesCheck::SCHEMA.into(),
        files: 2,
        rules: 1,
        correlations: 0,
        filters: 0,
        elsewhere: 0,
        yara_files: 1,
        yara_rules: 3,
        complaints: vec![Complaint {
            file: "rules/a.yml".into(),
            line: Some(8),
            rule: None,
            harm: "lost".into(),
            why: "`|endwith` is no modifier of Sigma".into(),
            help: Some("did you mean `|endswith`?".into()),
        }],
    };
    assert_eq!(written(&document), include_str!("golden/rules-check.json"));
}

#[test]
fn error_and_status_stay_as_they_are() {
    let error = Error {
        schema: Error::SCHEMA.into(),
        kind: "wrong-use".into(),
        exit: 2,
        what: "there is no table `x`".into(),
        because: None,
        left_as: "nothing was changed".into(),
        next: Some("`stanch facts` lists all".into()),
    };
    assert_eq!(written(&error), include_str!("golden/error.json"));
    let status = Status {
        schema: Status::SCHEMA.into(),
        host: "web01".into(),
        case: None,
        next: vec!["stanch detect".into()],
    };
    assert_eq!(written(&status), include_str!("golden/status.json"));
}

fn step() -> Step {
    Step {
        id: "S-1".into(),
        act: "isolate_network".into(),
        subject: Entity { kind: "host".into(), name: Some("web01".into()), ..Entity::default() },
        does: "Cuts all traffic but that with 10.0.0.9:22.".into(),
        undo: "possible".into(),
        why_irreversible: None,
        risk: "lock-out".into(),
    }
}

#[test]
fn plans_acts_and_ledgers_stay_as_they_are() {
    let plan = Plan {
        schema: Plan::SCHEMA.into(),
        id: Some("P-0002".into()),
        phase: "contain".into(),
        steps: vec![step()],
        refusals: vec![Refusal { asked: "block 10.0.0.9".into(), why: "it is yours".into() }],
        costs: vec!["2 connections end.".into()],
    };
    assert_eq!(written(&plan), include_str!("golden/plan.json"));
    let acts = Acts {
        schema: Acts::SCHEMA.into(),
        case: Some("/var/lib/stanch/cases/20260301T000000Z".into()),
        acts: vec![Act {
            id: "A-0003".into(),
            plan: "P-0002".into(),
            time: "2026-03-01T08:12:45Z".into(),
            state: "done".into(),
            why: None,
            step: step(),
        }],
        cut: Some("holds".into()),
        cut_left_s: Some(118),
        cut_packets: Some(1042),
        cut_made_again: Some(1),
        unplugged: None,
        unplugged_left_s: None,
        code: Some("k7mq2x".into()),
        proofs: vec![Proof {
            check: "loopback".into(),
            outcome: "holds".into(),
            says: "the machine reaches itself".into(),
        }],
    };
    assert_eq!(written(&acts), include_str!("golden/acts.json"));
    let ledger = Ledger {
        schema: Ledger::SCHEMA.into(),
        path: "/var/lib/stanch/cases/20260301T000000Z/ledger.jsonl".into(),
        head: "0f".repeat(32),
        entries: vec![LedgerEntry {
            n: 1,
            time: "2026-03-01T08:12:44Z".into(),
            who: "root".into(),
            tool: "stanch 0.1.0".into(),
            what: "case.opened".into(),
            body: serde_json::json!({}),
        }],
    };
    assert_eq!(written(&ledger), include_str!("golden/ledger.json"));
}
