//! All rules for Linux that SigmaHQ has, in raw form: what a rule asks for is written as a log
//! writes it (audit records, syslog lines, a name server's queries), goes through our readers, and
//! must fire the rule.
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::unimplemented,
    reason = "what a rule may not want must stop the test"
)]

#[path = "../../../ground/rules/tests/solve/solver.rs"]
mod solver;

#[path = "sigma_raw/beside.rs"]
mod beside;

/// The writer of journal files that the reader's own tests use.
#[expect(dead_code, unreachable_pub, reason = "only a part of it is needed here")]
#[path = "../../../ground/facts/src/logs/journal"]
mod journal {
    pub(crate) mod hashes;
    pub(crate) mod header;
    pub(crate) mod write;
}

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use beside::BESIDE;
use rsigma_parser::{SigmaRule, parse_sigma_yaml};
use solver::{TRIES, Wanted, all_files, solve};
use stanch_facts::logs::{self, Context, Stream};
use stanch_machine::Pretend;
use stanch_rules::Sigma;
use stanch_rules::sigma::Run;

/// 2026-11-23 12:00:00 UTC.
const TIME: i64 = 1_795_435_200;

/// Numbers of system calls on x86-64 that the rules name.
const CALLS: &[(&str, u32)] = &[
    ("execve", 59),
    ("execveat", 322),
    ("memfd_create", 319),
    ("mknod", 133),
    ("personality", 135),
    ("sysinfo", 99),
    ("syslog", 103),
];

/// Records of one audit event after another.
#[derive(Default)]
struct Records {
    text: String,
    serial: u32,
}

impl Records {
    fn next(&mut self) {
        self.serial += 1;
    }

    fn record(&mut self, kind: &str, body: &str) {
        let serial = self.serial;
        writeln!(self.text, "type={kind} msg=audit({TIME}.{serial:03}:{serial}): {body}").unwrap();
    }

    fn call(&mut self, number: u32, wanted: &Wanted, image: &str, pids: (u32, u32)) {
        let field = |name: &str, other: &str| match wanted.fields.get(name) {
            Some(value) => value.clone(),
            None => other.to_owned(),
        };
        let name = image.rsplit('/').next().unwrap_or_default();
        let (pid, ppid) = pids;
        let body = format!(
            "arch=c000003e syscall={number} success=yes exit=0 a0={} a1=241 a2=241 a3=0 items=2 \
             ppid={ppid} pid={pid} auid={} uid=0 gid=0 euid={} suid=0 fsuid=0 egid=0 sgid=0 \
             fsgid=0 tty=pts0 ses=3 comm={} exe={} key={}",
            if number == 257 { "ffffff9c".into() } else { field("a0", "55d0c0de") },
            field("LogonId", "1000"),
            field("euid", "0"),
            text(&field("comm", name)),
            text(&field("exe", image)),
            text(&field("key", "watched")),
        );
        self.record("SYSCALL", &body);
    }

    fn start(&mut self, wanted: &Wanted, image: &str, arguments: &[&str], pids: (u32, u32)) {
        self.next();
        self.call(59, wanted, image, pids);
        let mut body = format!("argc={}", arguments.len());
        for (number, argument) in arguments.iter().enumerate() {
            write!(body, " a{number}={}", text(argument)).unwrap();
        }
        self.record("EXECVE", &body);
        let cwd = wanted.fields.get("CurrentDirectory").map_or("/root", String::as_str);
        self.record("CWD", &format!("cwd={}", text(cwd)));
        self.file(image, "NORMAL");
    }

    fn file(&mut self, name: &str, kind: &str) {
        let name = text(name);
        let body = format!(
            "item=0 name={name} inode=7 dev=fd:00 mode=0100644 ouid=0 ogid=0 rdev=00:00 \
             nametype={kind} cap_fp=0 cap_fi=0 cap_fe=0 cap_fver=0"
        );
        self.record("PATH", &body);
    }
}

/// A text as audit writes it: in quotes, or in hexadecimal where it could be mistaken.
fn text(text: &str) -> String {
    if text.bytes().all(|byte| (0x21..0x7f).contains(&byte) && byte != b'"') {
        return format!("\"{text}\"");
    }
    text.bytes().map(|byte| format!("{byte:02X}")).collect()
}

/// The program and the command line that a rule wants.
fn program(wanted: &Wanted) -> (String, String) {
    let field = |name: &str| wanted.fields.get(name).map_or("", String::as_str);
    let image = field("Image");
    let image = if image.is_empty() { "/usr/bin/program" } else { image };
    let image = if image.starts_with('/') { image.to_owned() } else { format!("/{image}") };
    let name = image.rsplit('/').next().unwrap_or_default();
    let command = match field("CommandLine") {
        "" => name.to_owned(),
        // A blank before an argument: the program's name is before it.
        command if command.starts_with(' ') => format!("{name}{command}"),
        command => command.to_owned(),
    };
    (image, command)
}

fn process(wanted: &Wanted) -> (&'static str, String) {
    let field = |name: &str| wanted.fields.get(name).map_or("", String::as_str);
    let mut records = Records::default();
    let parent = field("ParentImage");
    let parent_command = field("ParentCommandLine");
    if !parent.is_empty() || !parent_command.is_empty() {
        let path = if parent.is_empty() { "/usr/bin/parent" } else { parent };
        let arguments: Vec<&str> = parent_command.split(' ').collect();
        records.start(&Wanted::default(), path, &arguments, (70, 1));
    }
    let (image, command) = program(wanted);
    let arguments: Vec<&str> = command.split(' ').collect();
    records.start(wanted, &image, &arguments, (71, 70));
    ("/var/log/audit/audit.log", records.text)
}

fn audit(wanted: &Wanted) -> (&'static str, String) {
    let mut records = Records::default();
    let kind = wanted.fields.get("type").map_or("EXECVE".to_owned(), |kind| kind.to_uppercase());
    match kind.as_str() {
        "EXECVE" => {
            let mut arguments: Vec<String> = (0..8)
                .map_while(|number| {
                    let later = (number..8).any(|n| wanted.fields.contains_key(&format!("a{n}")));
                    let given = wanted.fields.get(&format!("a{number}")).cloned();
                    given.or_else(|| later.then(|| "x".to_owned()))
                })
                .collect();
            arguments
                .extend(wanted.keywords.iter().flat_map(|words| words.split(' ')).map(Into::into));
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let mut call = wanted.clone();
            call.fields.retain(|name, _| !name.starts_with('a'));
            records.start(&call, "/usr/bin/program", &arguments, (71, 70));
        }
        "SYSCALL" => {
            records.next();
            let name = wanted.fields.get("SYSCALL").map_or("execve", String::as_str);
            let number = CALLS.iter().find(|(known, _)| *known == name).unwrap().1;
            records.call(number, wanted, "/usr/bin/program", (71, 70));
        }
        "PATH" => {
            records.next();
            records.call(257, &Wanted::default(), "/usr/bin/program", (71, 70));
            let name = wanted.fields.get("name").map_or("/x", String::as_str);
            let kind = wanted.fields.get("nametype").map_or("NORMAL", String::as_str);
            records.file(name, kind);
        }
        "TTY" | "USER_TTY" => {
            records.next();
            let body =
                "tty pid=71 uid=0 auid=1000 ses=3 major=136 minor=0 comm=\"bash\" data=69640D";
            records.record(&kind, body);
        }
        "ADD_USER" => {
            records.next();
            let body = "pid=71 uid=0 auid=1000 ses=3 msg='op=add-user id=1001 \
                        exe=\"/usr/sbin/useradd\" hostname=web01 addr=? terminal=pts/0 res=success'";
            records.record(&kind, body);
        }
        "SERVICE_STOP" => {
            records.next();
            let unit = &wanted.fields["unit"];
            let body = format!(
                "pid=1 uid=0 auid=4294967295 ses=4294967295 msg='unit={unit} comm=\"systemd\" \
                 exe=\"/usr/lib/systemd/systemd\" hostname=? addr=? terminal=? res=success'"
            );
            records.record(&kind, &body);
        }
        other => unimplemented!("{other}"),
    }
    ("/var/log/audit/audit.log", records.text)
}

fn file(wanted: &Wanted) -> (&'static str, String) {
    let mut records = Records::default();
    let image = wanted.fields.get("Image").map_or("/usr/bin/program", String::as_str);
    records.next();
    records.call(257, &Wanted::default(), image, (71, 70));
    let path = wanted.fields["TargetFilename"].as_str();
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/x/{path}") };
    records.file(&path, "CREATE");
    ("/var/log/audit/audit.log", records.text)
}

fn network(wanted: &Wanted) -> (&'static str, String) {
    if let Some(name) = wanted.fields.get("DestinationHostname") {
        let name = name.trim_start_matches('.');
        let line = format!(
            "2026-11-23T12:00:00+00:00 web01 named[9]: client @0x7f00 127.0.0.1#40000 (x.{name}): \
             query: {name} IN A + (127.0.0.1)\n"
        );
        let line = if wanted.fields["DestinationHostname"].starts_with('.') {
            line.replace(&format!("query: {name}"), &format!("query: x.{name}"))
        } else {
            line
        };
        return ("/var/log/syslog", line);
    }
    let mut records = Records::default();
    records.next();
    let image = wanted.fields.get("Image").map_or("/usr/bin/program", String::as_str);
    records.call(42, &Wanted::default(), image, (71, 70));
    let port: u16 = wanted.fields.get("DestinationPort").map_or(443, |port| port.parse().unwrap());
    let body = format!("saddr=0200{port:04X}C633640700000000000000000000");
    records.record("SOCKADDR", &body);
    ("/var/log/audit/audit.log", records.text)
}

fn line(wanted: &Wanted, service: &str) -> (&'static str, String) {
    let program = match service {
        "clamav" => "clamd",
        "cron" => "crontab",
        "guacamole" => "guacd",
        "" | "syslog" => "daemon",
        service => service,
    };
    let words = wanted.keywords.join(" ").replace('\n', "\\n");
    ("/var/log/syslog", format!("2026-11-23T12:00:00+00:00 web01 {program}[71]: x{words}\n"))
}

/// Writes what a rule wants as a log does.
fn raw(rule: &SigmaRule, wanted: &Wanted) -> (&'static str, String) {
    let category = rule.logsource.category.as_deref().unwrap_or_default();
    let service = rule.logsource.service.as_deref().unwrap_or_default();
    match (category, service) {
        ("process_creation", _) => process(wanted),
        ("file_event", _) => file(wanted),
        ("network_connection", _) => network(wanted),
        (_, "auditd") => audit(wanted),
        _ => line(wanted, service),
    }
}

/// Reads a log and returns the ids of the rules that found something in it.
fn fired(sigma: &Arc<Sigma>, file: &str, text: &str) -> Vec<String> {
    let mut run = Run::new(Arc::clone(sigma), None);
    let mut stream = Stream::new(Context::new(file, TIME * 1_000_000 + 60_000_000), None);
    stream.feed(text.as_bytes(), &mut |event| run.event(event));
    let (counts, gaps) = stream.end(&mut |event| run.event(event));
    assert_eq!((counts.not_understood, gaps), (0, Vec::new()), "{text}");
    ids(run)
}

/// A rule's file and its place there: a short name that a person can look up.
fn names(files: &[(String, Vec<u8>)]) -> BTreeMap<String, String> {
    let mut names = BTreeMap::new();
    for (path, bytes) in files {
        let parsed = parse_sigma_yaml(std::str::from_utf8(bytes).unwrap()).unwrap();
        let stem = path.rsplit('/').next().unwrap().trim_end_matches(".yml");
        for (number, rule) in parsed.rules.iter().enumerate() {
            let name = if number == 0 { stem.to_owned() } else { format!("{stem}#{number}") };
            assert_eq!(names.insert(rule.id.clone().unwrap(), name), None, "{path}");
        }
    }
    names
}

/// Sends a line of syslog through a journal file, as journald keeps it: with the program's name, its
/// pid and its words.
fn fired_in_journal(sigma: &Arc<Sigma>, line: &str) -> Vec<String> {
    let (head, message) = line.trim_end_matches('\n').split_once(": ").unwrap();
    let (program, pid) = head.rsplit_once(' ').unwrap().1.split_once('[').unwrap();
    let fields = [
        "PRIORITY=6".to_owned(),
        "_TRANSPORT=syslog".to_owned(),
        "_HOSTNAME=web01".to_owned(),
        format!("SYSLOG_IDENTIFIER={program}"),
        format!("SYSLOG_PID={}", pid.trim_end_matches(']')),
        format!("MESSAGE={message}"),
    ];
    fired_by_entry(sigma, &fields)
}

/// Writes an entry into a journal file, reads that, and returns what fired.
fn fired_by_entry(sigma: &Arc<Sigma>, fields: &[String]) -> Vec<String> {
    let mut writer = journal::write::Writer::new(0);
    let bytes: Vec<&[u8]> = fields.iter().map(String::as_bytes).collect();
    writer.entry(u64::try_from(TIME).unwrap() * 1_000_000, &bytes);
    let path = Path::new("/var/log/journal/m/system.journal");
    let machine = Pretend::new().file(path, writer.finish());
    let mut run = Run::new(Arc::clone(sigma), None);
    let context = Context::new("/var/log/journal/m/system.journal", TIME * 1_000_000);
    let read = logs::read(&machine, path, context, None, &|| {}, &mut |event| run.event(event));
    let (format, counts, gaps) = read.unwrap();
    assert_eq!(
        (format, counts.not_understood, gaps),
        (Some("journal"), 0, Vec::new()),
        "{fields:?}"
    );
    let mut ids = ids(run);
    ids.sort();
    ids
}

fn ids(run: Run) -> Vec<String> {
    let (findings, _) = run.finish();
    let ids = findings.iter().filter_map(|one| one.sign.strip_prefix("sigma."));
    ids.map(str::to_owned).collect::<BTreeSet<String>>().into_iter().collect()
}

#[test]
fn every_rule_fires_on_raw_records_of_what_it_asks_for_and_no_other_that_does_not_match() {
    let files = all_files();
    let names = names(&files);
    assert_eq!(names.len(), 210);
    let (sigma, _) = Sigma::load(files.clone());
    let sigma = Arc::new(sigma);
    let (mut silent, mut others) = (Vec::new(), Vec::new());
    for (path, bytes) in &files {
        let parsed = parse_sigma_yaml(std::str::from_utf8(bytes).unwrap()).unwrap();
        for rule in &parsed.rules {
            let id = rule.id.clone().unwrap();
            let raw_of = |number: usize| raw(rule, &solve(rule, number));
            let firing = (0..TRIES).find_map(|number| {
                let (file, text) = raw_of(number);
                let mut all = fired(&sigma, file, &text);
                all.sort();
                all.contains(&id).then_some((file, text, all))
            });
            let Some((file, text, all)) = firing else {
                silent.push(format!("{path}:\n{}", raw_of(0).1));
                continue;
            };
            if file == "/var/log/syslog" {
                assert_eq!(fired_in_journal(&sigma, &text), all, "in the journal: {text}");
            }
            let name = names[&id].as_str();
            let mut beside: Vec<&str> =
                all.iter().filter(|one| **one != id).map(|one| names[one].as_str()).collect();
            beside.sort_unstable();
            let known = BESIDE.iter().find(|(of, _)| *of == name).map_or(&[][..], |(_, all)| all);
            if beside != known {
                others.push(format!("    (\"{name}\", &{beside:?}),\n{text}"));
            }
        }
    }
    assert!(silent.is_empty(), "{} are silent:\n{}", silent.len(), silent.join("\n"));
    assert!(others.is_empty(), "{} differ:\n{}", others.len(), others.join("\n"));
}

/// What journald itself says of the process that logs: the kernel vouches for it.
#[test]
fn a_process_that_the_journal_saw_fires_what_its_start_would() {
    let files = all_files();
    let (sigma, _) = Sigma::load(files.clone());
    let sigma = Arc::new(sigma);
    let (mut fires, mut silent) = (0, Vec::new());
    for (path, bytes) in &files {
        let parsed = parse_sigma_yaml(std::str::from_utf8(bytes).unwrap()).unwrap();
        for rule in &parsed.rules {
            let is_of_processes = rule.logsource.category.as_deref() == Some("process_creation");
            // Of a parent, a folder and a terminal, journald says nothing.
            let is_said = |wanted: &Wanted| {
                wanted.fields.keys().all(|name| matches!(&**name, "Image" | "CommandLine"))
            };
            let all: Vec<Wanted> =
                (0..TRIES).map(|number| solve(rule, number)).filter(is_said).collect();
            if !is_of_processes || all.is_empty() {
                continue;
            }
            let is_hit = |wanted: &Wanted| {
                let (image, command) = program(wanted);
                let fields = [
                    "MESSAGE=x".to_owned(),
                    "_PID=71".to_owned(),
                    "_UID=0".to_owned(),
                    format!("_EXE={image}"),
                    format!("_CMDLINE={command}"),
                ];
                fired_by_entry(&sigma, &fields).contains(rule.id.as_ref().unwrap())
            };
            match all.iter().any(is_hit) {
                true => fires += 1,
                false => silent.push(path),
            }
        }
    }
    assert!(silent.is_empty() && fires > 100, "{fires} fire, silent are {silent:#?}");
}

#[test]
fn a_system_call_may_be_named_or_numbered() {
    let mut records = Records::default();
    records.start(&Wanted::default(), "/usr/bin/id", &["/usr/bin/id"], (71, 70));
    for (detection, is_there) in [
        ("syscall: 59", true),
        ("syscall: execve", true),
        ("SYSCALL: execve", true),
        ("syscall: 60", false),
        ("a0: id", true),
        ("type: cwd", true),
        ("type: TTY", false),
    ] {
        let rule = format!(
            "title: Call\nid: call\nlogsource:\n  product: linux\n  service: auditd\ndetection:\n  \
             a:\n    {detection}\n  condition: a\n"
        );
        let (sigma, complaints) = Sigma::load([("a.yml".to_owned(), rule.into_bytes())]);
        assert_eq!(complaints, []);
        let ids = fired(&Arc::new(sigma), "/var/log/audit/audit.log", &records.text);
        assert_eq!(!ids.is_empty(), is_there, "{detection}");
    }
}
