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

use std::fmt::Write as _;
use std::sync::Arc;

use rsigma_parser::{SigmaRule, parse_sigma_yaml};
use solver::{TRIES, Wanted, all_files, solve};
use stanch_facts::logs::{Context, Stream};
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

fn process(wanted: &Wanted) -> (&'static str, String) {
    let field = |name: &str| wanted.fields.get(name).map_or("", String::as_str);
    let mut records = Records::default();
    let (parent, image) = (field("ParentImage"), field("Image"));
    let parent_command = field("ParentCommandLine");
    if !parent.is_empty() || !parent_command.is_empty() {
        let path = if parent.is_empty() { "/usr/bin/parent" } else { parent };
        let arguments: Vec<&str> = parent_command.split(' ').collect();
        records.start(&Wanted::default(), path, &arguments, (70, 1));
    }
    let image = if image.is_empty() { "/usr/bin/program" } else { image };
    let image = if image.starts_with('/') { image.to_owned() } else { format!("/{image}") };
    let name = image.rsplit('/').next().unwrap_or_default();
    let command = match field("CommandLine") {
        "" => name.to_owned(),
        // A blank before an argument: the program's name is before it.
        command if command.starts_with(' ') => format!("{name}{command}"),
        command => command.to_owned(),
    };
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
    let (findings, _) = run.finish();
    let ids = findings.iter().filter_map(|one| one.sign.strip_prefix("sigma."));
    ids.map(str::to_owned).collect()
}

#[test]
fn every_rule_fires_on_raw_records_of_what_it_asks_for() {
    let files = all_files();
    let (sigma, _) = Sigma::load(files.clone());
    let sigma = Arc::new(sigma);
    let mut silent = Vec::new();
    let mut count = 0;
    for (path, bytes) in &files {
        let parsed = parse_sigma_yaml(std::str::from_utf8(bytes).unwrap()).unwrap();
        for rule in &parsed.rules {
            count += 1;
            let id = rule.id.clone().unwrap();
            let mut last = String::new();
            let fires = (0..TRIES).any(|number| {
                let (file, text) = raw(rule, &solve(rule, number));
                let fires = fired(&sigma, file, &text).contains(&id);
                if number == 0 {
                    last = text;
                }
                fires
            });
            if !fires {
                silent.push(format!("{path}:\n{last}"));
            }
        }
    }
    assert_eq!(count, 210);
    assert!(silent.is_empty(), "{} are silent:\n{}", silent.len(), silent.join("\n"));
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
