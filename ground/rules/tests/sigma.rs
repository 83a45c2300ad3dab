//! All rules for Linux that SigmaHQ has: each loads, and each fires on an event that its own
//! detection asks for.

#[path = "solve/solver.rs"]
mod solver;

use std::collections::BTreeSet;
use std::sync::Arc;

use rsigma_parser::{SigmaRule, parse_sigma_yaml};
use solver::{TRIES, Wanted, all_files, solve};
use stanch_rules::Sigma;
use stanch_rules::sigma::{Complaint, Harm, Run};
use stanch_words::{Event, EventKind, Field, Finding, GapKind, Level, SubjectKind, Trust};

/// Puts what a rule wants into an event, in the form that our readers give.
fn event(rule: &SigmaRule, wanted: &Wanted) -> Event<'static> {
    let category = rule.logsource.category.as_deref().unwrap_or_default();
    let service = rule.logsource.service.as_deref().unwrap_or_default();
    let field = |name: &str| wanted.fields.get(name).cloned().unwrap_or_default();
    let words = wanted.keywords.join(" ");
    let mut event = Event::new(match (category, service) {
        ("process_creation", _) => EventKind::ProcessStart,
        ("file_event", _) => EventKind::FileWrite,
        ("network_connection", _) => EventKind::NetworkConnect,
        (_, "auditd") => EventKind::AuditRecord,
        _ => EventKind::LogMessage,
    });
    match (category, service) {
        ("process_creation", _) => {
            event.path = field("Image").into();
            event.command = field("CommandLine").into();
            event.user = field("User").into();
            for (name, ours) in [
                ("ParentImage", "parent_path"),
                ("ParentCommandLine", "parent_command"),
                ("CurrentDirectory", "cwd"),
                ("LogonId", "auid"),
            ] {
                if !field(name).is_empty() {
                    event.with(ours, field(name));
                }
            }
        }
        ("file_event", _) => {
            event.path = field("TargetFilename").into();
            event.with("exe", field("Image"));
        }
        ("network_connection", _) => {
            event.with("exe", field("Image"));
            event.with("destination_ip", field("DestinationIp"));
            event.with("destination_host", field("DestinationHostname"));
            if let Ok(port) = field("DestinationPort").parse::<i64>() {
                event.with("destination_port", port);
            }
        }
        (_, "auditd") => {
            event.trust = Trust::Kernel;
            event.with("serial", 7);
            let kind = field("type").to_uppercase();
            event.with("type", Field::List(vec!["SYSCALL".into(), kind.into(), "PATH".into()]));
            for (name, value) in &wanted.fields {
                if name != "type" {
                    event.with(name.clone(), value.clone());
                }
            }
            event.command = words.into();
        }
        _ => {
            event.program = service.to_owned().into();
            event.message = words.into();
        }
    }
    event
}

#[test]
fn every_rule_loads_and_can_fire() {
    let (sigma, complaints) = Sigma::load(all_files());
    assert_eq!(complaints, []);
    assert_eq!((sigma.loaded().rules, sigma.loaded().elsewhere), (210, 0));
}

#[test]
fn every_rule_fires_on_what_it_asks_for() {
    let files = all_files();
    let (sigma, _) = Sigma::load(files.clone());
    let mut silent = Vec::new();
    for (path, bytes) in &files {
        let parsed = parse_sigma_yaml(std::str::from_utf8(bytes).unwrap()).unwrap();
        for rule in &parsed.rules {
            let id = rule.id.clone().unwrap();
            let mut last = None;
            let fires = (0..TRIES).any(|number| {
                let event = event(rule, &solve(rule, number));
                let hits = sigma.hits(&event);
                let ids: BTreeSet<&str> =
                    hits.iter().map(|hit| sigma.rules()[hit.rule].id.as_str()).collect();
                let fires = ids.contains(id.as_str());
                last = Some(event);
                fires
            });
            if !fires {
                silent.push(format!("{path}: {last:?}"));
            }
        }
    }
    assert!(silent.is_empty(), "{} are silent:\n{}", silent.len(), silent.join("\n"));
}

fn load(yaml: &str) -> (Sigma, Vec<Complaint>) {
    Sigma::load([("rules/a.yml".to_owned(), yaml.as_bytes().to_vec())])
}

fn told(complaints: &[Complaint]) -> Vec<(Option<u64>, Harm, &str, &str)> {
    let help = |one: &Complaint| one.help.as_ref().map(|help| help.en.clone()).unwrap_or_default();
    complaints
        .iter()
        .map(|one| (one.line, one.harm, one.why.en.as_str(), &*help(one).leak()))
        .collect()
}

const GOOD: &str = "title: Good\nid: good\nlogsource:\n  product: linux\n  category: \
     process_creation\ndetection:\n  a:\n    Image|endswith: /nc\n  condition: a\nlevel: high\n";

#[test]
fn a_bad_rule_is_a_complaint_and_not_the_end_of_the_others() {
    let modifier = GOOD.replace("endswith", "endwith").replace("good", "b");
    let condition = GOOD.replace("condition: a", "condition: b").replace("good", "c");
    let counting = GOOD.replace("condition: a", "condition: a | count() > 5").replace("good", "d");
    let untitled = GOOD.replace("title: Good\n", "").replace("good", "e");
    let regex = GOOD.replace("endswith: /nc", "re: '('").replace("good", "f");
    let all = [&modifier, &condition, &counting, &untitled, &regex, "title: [x\n", GOOD, GOOD];
    let (sigma, complaints) = load(&all.join("---\n"));
    assert_eq!(sigma.loaded().rules, 1);
    let told = told(&complaints);
    let expected = [
        (Some(8), "`|endwith` is no modifier of Sigma", "did you mean `|endswith`?"),
        (Some(12), "the condition names `b`, which is not defined", "did you mean `a`?"),
        (Some(31), "the condition is not understood", "counting after `|` is no longer"),
        (Some(34), "the field `title` is missing", "add `title:`"),
        (Some(44), "a selection cannot be used: invalid regex pattern", ""),
        (Some(56), "not understood as YAML", ""),
        (Some(68), "the id `good` is also that of a rule in rules/a.yml", "give each rule"),
    ];
    assert_eq!(told.len(), expected.len(), "{told:#?}");
    for (told, expected) in told.iter().zip(expected) {
        assert_eq!((told.0, told.1), (expected.0, Harm::Lost), "{told:?}");
        assert!(told.2.starts_with(expected.1) && told.3.starts_with(expected.2), "{told:?}");
    }
}

#[test]
fn a_file_without_a_rule_is_told() {
    let files = [("a.yml", ""), ("b.yml", "# nothing\n---\n"), ("c.yml", GOOD)];
    let files = files.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()));
    let (sigma, complaints) = Sigma::load(files);
    assert_eq!((sigma.loaded().files, sigma.loaded().rules), (3, 1));
    assert_eq!(
        told(&complaints),
        [
            (None, Harm::Lost, "there is no rule in it", ""),
            (None, Harm::Lost, "there is no rule in it", "")
        ]
    );
}

#[test]
fn a_rule_that_nothing_can_fire_says_so() {
    let field = GOOD.replace("Image", "Imge");
    let category = GOOD.replace("good", "b").replace("process_creation", "ps_script");
    let windows = GOOD.replace("good", "c").replace("linux", "windows");
    let (sigma, complaints) = load(&[field, category, windows].join("---\n"));
    assert_eq!((sigma.loaded().rules, sigma.loaded().elsewhere), (1, 2));
    let told = told(&complaints);
    assert_eq!(told.len(), 2);
    assert_eq!(told[0].1, Harm::Idle);
    assert_eq!(told[0].3, "did you mean `Image`?");
    assert_eq!(told[1].2, "no log that is read here is of category `ps_script`");
}

fn run(yaml: &str, events: &[Event<'_>]) -> Vec<Finding> {
    let (sigma, complaints) = load(yaml);
    assert_eq!(complaints, []);
    let mut run = Run::new(Arc::new(sigma), None);
    events.iter().for_each(|event| run.event(event));
    let (findings, gaps) = run.finish();
    assert_eq!(gaps, []);
    findings
}

fn at(seconds: i64, message: &'static str, source: &'static str) -> Event<'static> {
    let mut event = Event::new(EventKind::AuthFailure);
    event.time = Some(1_795_435_200_000_000 + seconds * 1_000_000);
    event.program = "sshd".into();
    event.message = message.into();
    event.source_ip = source.into();
    event.place.file = "/var/log/auth.log";
    event.place.line = u64::try_from(seconds).unwrap_or_default() + 1;
    event
}

const FAILED: &str = "title: Failed\nid: failed\nname: failed\nlogsource:\n  product: linux\n  \
     service: sshd\ndetection:\n  a:\n    - Failed password\n  condition: a\nlevel: low\n---\n";
const ENTERED: &str = "title: Entered\nid: entered\nname: entered\nlogsource:\n  product: linux\n  \
     service: sshd\ndetection:\n  a:\n    - Accepted password\n  condition: a\nlevel: low\n---\n";

fn correlation(kind: &str, rules: &str, condition: &str) -> String {
    format!(
        "{FAILED}{ENTERED}title: Together\nid: together\ncorrelation:\n  type: {kind}\n  rules: \
         {rules}\n  group-by:\n    - source_ip\n  timespan: 60s\n{condition}level: high\n"
    )
}

fn guesses(source: &'static str, step: i64) -> Vec<Event<'static>> {
    (0..5).map(|n| at(n * step, "Failed password for root", source)).collect()
}

#[test]
fn events_are_counted_within_their_own_time() {
    let yaml = correlation("event_count", "[failed]", "  condition:\n    gte: 5\n");
    let mut events = guesses("192.0.2.1", 10);
    events.extend(guesses("192.0.2.2", 20));
    // The order of reading is not the order of time.
    events.reverse();
    let findings = run(&yaml, &events);
    let of = |findings: &[Finding], sign: &str| {
        findings.iter().filter(|one| one.sign == sign).cloned().collect::<Vec<_>>()
    };
    let together = of(&findings, "sigma.together");
    assert_eq!(together.len(), 1, "{findings:#?}");
    let one = &together[0];
    assert_eq!(one.subject.address.as_deref(), Some("192.0.2.1"));
    assert_eq!((one.level, one.evidence.len()), (Level::High, 5));
    assert_eq!(one.evidence[4].line, Some(41));
    assert_eq!(one.seen.en, "Counted 5 within 60 seconds for source_ip = 192.0.2.1.");
    assert_eq!(one.first_seen.as_deref(), Some("2026-11-23T12:00:40Z"));
    assert!(of(&findings, "sigma.failed").is_empty(), "a part gives no finding of its own");
}

#[test]
fn order_matters_only_where_the_rule_says_so() {
    let mut events = vec![at(5, "Failed password for root", "192.0.2.1")];
    events.insert(0, at(9, "Accepted password for root", "192.0.2.1"));
    let together = |kind: &str, events: &[Event<'_>]| {
        let yaml = correlation(kind, "[failed, entered]", "");
        run(&yaml, events).iter().filter(|one| one.sign == "sigma.together").count()
    };
    assert_eq!(together("temporal", &events), 1);
    assert_eq!(together("temporal_ordered", &events), 1);
    events[0].time = Some(events[1].time.unwrap() - 2_000_000);
    assert_eq!(together("temporal", &events), 1);
    assert_eq!(together("temporal_ordered", &events), 0);
    events[0].source_ip = "192.0.2.9".into();
    assert_eq!(together("temporal", &events), 0);
}

#[test]
fn different_values_are_counted_once_each() {
    let condition = "  condition:\n    gte: 3\n    field: user\n";
    let yaml = correlation("value_count", "[failed]", condition);
    let mut events = guesses("192.0.2.1", 2);
    let count = |events: &[Event<'_>]| run(&yaml, events).len();
    for (event, user) in events.iter_mut().zip(["a", "b", "a", "b", "a"]) {
        event.user = user.into();
    }
    assert_eq!(count(&events), 0);
    events[3].user = "c".into();
    assert_eq!(count(&events), 1);
}

#[test]
fn a_correlation_of_nothing_is_a_complaint() {
    let yaml = correlation("event_count", "[nobody]", "  condition:\n    gte: 5\n");
    let (sigma, complaints) = load(&yaml);
    assert_eq!((sigma.loaded().rules, sigma.loaded().correlations), (2, 0));
    assert_eq!(complaints.len(), 1);
    assert_eq!(complaints[0].why.en, "it counts hits of `nobody`, which was not loaded");
}

fn process(path: &str, command: &str, pid: i64, ppid: i64) -> Event<'static> {
    let mut event = Event::new(EventKind::ProcessStart);
    event.time = Some(1_795_435_200_000_000);
    event.trust = Trust::Kernel;
    event.path = path.to_owned().into();
    event.command = command.to_owned().into();
    (event.pid, event.ppid) = (Some(pid), Some(ppid));
    event.place.file = "/var/log/audit/audit.log";
    event.place.line = u64::try_from(pid).unwrap_or_default();
    event
}

#[test]
fn a_parent_is_found_by_its_pid() {
    let yaml = GOOD.replace("Image|endswith: /nc", "ParentImage|endswith: /nginx");
    let nginx = process("/usr/sbin/nginx", "nginx: worker", 10, 1);
    let shell = process("/usr/bin/sh", "sh -c id", 20, 10);
    assert_eq!(run(&yaml, &[nginx.clone(), shell.clone()]).len(), 1);
    assert_eq!(run(&yaml, &[shell]).len(), 0);
}

#[test]
fn a_command_within_a_typed_line_is_found() {
    let mut typed = Event::new(EventKind::ProcessStart);
    typed.trust = Trust::User;
    typed.command = "cd /tmp; echo x | nc 192.0.2.1 99".into();
    typed.user = "ann".into();
    let findings = run(GOOD, &[typed]);
    assert_eq!(findings.len(), 1);
    let one = &findings[0];
    assert_eq!((one.sign.as_str(), one.category.as_str()), ("sigma.good", "logs"));
    assert_eq!(
        (one.subject.kind, one.subject.name.as_deref()),
        (SubjectKind::Account, Some("ann"))
    );
    assert!((one.confidence - 0.45).abs() < 0.001, "{}", one.confidence);
}

#[test]
fn many_hits_are_capped_and_counted() {
    let events: Vec<Event<'_>> =
        (0..100).map(|n| process(&format!("/tmp/{n}/nc"), "nc", n, 1)).collect();
    let findings = run(GOOD, &events);
    assert_eq!(findings.len(), 6);
    // One rule is one witness: all together are worth what one would be.
    let innocent: f64 = findings.iter().map(|one| 1.0 - one.confidence).product();
    assert!((1.0 - innocent - 0.56).abs() < 0.03, "{innocent}");
    assert!(findings[5].seen.en.ends_with("94 more events about others are not shown."));
    assert!(findings[5].seen.zh.ends_with("另有 94 条涉及其他对象，未列出。"));
    let same: Vec<Event<'_>> = (1..=100).map(|n| process("/tmp/nc", "nc", n, 1)).collect();
    let findings = run(GOOD, &same);
    assert_eq!((findings.len(), findings[0].evidence.len()), (1, 5));
    assert!(findings[0].seen.en.starts_with("100 events, the first: Image = /tmp/nc"));
}

#[test]
fn a_line_that_is_two_events_fires_a_rule_once() {
    let started = process("/tmp/nc", "nc", 1, 1);
    let mut used = started.clone();
    used.kind = EventKind::PrivilegeUse;
    let next = process("/tmp/nc", "nc", 2, 1);
    let findings = run(GOOD, &[used, started, next]);
    let lines: Vec<_> = findings[0].evidence.iter().map(|one| one.line).collect();
    assert_eq!((findings.len(), lines), (1, vec![Some(1), Some(2)]));
    assert!(findings[0].seen.en.starts_with("2 events, "), "{}", findings[0].seen.en);
}

#[test]
fn hits_without_a_time_are_a_gap_where_times_are_needed() {
    let yaml = correlation("event_count", "[failed]", "  condition:\n    gte: 2\n");
    let (sigma, _) = load(&yaml);
    let mut run = Run::new(Arc::new(sigma), None);
    let mut event = at(0, "Failed password", "192.0.2.1");
    event.time = None;
    run.event(&event);
    let (findings, gaps) = run.finish();
    assert_eq!(findings, []);
    assert_eq!((gaps.len(), gaps[0].kind), (1, GapKind::Damaged));
}

#[test]
fn a_keyword_with_wildcards_stands_anywhere_in_a_line() {
    let yaml = GOOD
        .replace("category: process_creation", "service: clamav")
        .replace("    Image|endswith: /nc\n", "    - 'Trojan*FOUND'\n    - 6\n");
    let (sigma, _) = load(&yaml);
    let fires = |message: &'static str| {
        let mut event = Event::new(EventKind::LogMessage);
        event.program = "clamd".into();
        event.message = message.into();
        !sigma.hits(&event).is_empty()
    };
    assert!(fires("/tmp/x: Unix.Trojan.Mirai-1 FOUND (again)"));
    assert!(fires("telinit 6"));
    assert!(!fires("FOUND no Trojan, in 16 files"));
}

#[test]
fn a_filter_takes_away() {
    let filter = "title: Ours\nid: ours\nlogsource:\n  product: linux\n  category: process_creation\n\
         filter:\n  rules:\n    - good\n  selection:\n    Image|startswith: /opt/ours/\n  \
         condition: not selection\n";
    let (sigma, complaints) = load(&format!("{GOOD}---\n{filter}"));
    assert_eq!(complaints, []);
    assert_eq!(sigma.loaded().filters, 1);
    assert_eq!(sigma.hits(&process("/tmp/nc", "nc", 1, 1)).len(), 1);
    assert_eq!(sigma.hits(&process("/opt/ours/nc", "nc", 1, 1)).len(), 0);
}
