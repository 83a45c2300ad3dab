//! Loads all Linux rules of SigmaHQ and judges a million events, by CPU time of this process.
//!
//! ```text
//! cargo bench -p stanch-rules --bench sigma -- 1000000
//! ```
//!
//! The events are made before and borrowed, as our readers give them; what is measured is our own
//! normalisation, the engine, and what becomes of the hits.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a bench is a program of its own"
)]

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use stanch_rules::Sigma;
use stanch_rules::sigma::Run;
use stanch_words::{Event, EventKind, Field, Trust};

/// Command lines as a server sees them, the shares roughly as an audit log has them.
const COMMANDS: &[(&str, &str, &str)] = &[
    (
        "/usr/bin/sh",
        "/bin/sh -c command -v debian-sa1 > /dev/null && debian-sa1 1 1",
        "/usr/sbin/cron",
    ),
    ("/usr/lib/sysstat/debian-sa1", "/bin/sh /usr/lib/sysstat/debian-sa1 1 1", "/usr/bin/sh"),
    ("/usr/bin/date", "date +%Y-%m-%d", "/usr/bin/bash"),
    ("/usr/bin/grep", "grep -q ^processor /proc/stat", "/usr/bin/bash"),
    (
        "/usr/bin/runc",
        "runc --root /run/docker/runtime-runc/moby --log-format json exec --process \
      /tmp/runc-process1 --detach 8a1f",
        "/usr/bin/containerd-shim-runc-v2",
    ),
    ("/usr/bin/curl", "curl -fsS http://127.0.0.1:8080/health", "/usr/bin/sh"),
    (
        "/usr/bin/cc1",
        "/usr/lib/gcc/x86_64-linux-gnu/12/cc1 -quiet -imultiarch x86_64-linux-gnu a.c \
      -quiet -dumpbase a.c -mtune=generic -march=x86-64 -o /tmp/ccX.s",
        "/usr/bin/gcc",
    ),
    (
        "/usr/bin/git",
        "git fetch --update-head-ok origin +refs/heads/*:refs/remotes/origin/*",
        "/usr/bin/git",
    ),
    ("/usr/bin/pg_isready", "pg_isready -h 127.0.0.1 -p 5432 -U postgres", "/usr/bin/bash"),
    ("/usr/bin/systemctl", "systemctl is-active --quiet nginx", "/usr/bin/bash"),
    ("/usr/sbin/logrotate", "/usr/sbin/logrotate /etc/logrotate.conf", "/usr/lib/systemd/systemd"),
    (
        "/usr/bin/python3",
        "/usr/bin/python3 /usr/bin/certbot -q renew --no-random-sleep-on-renew",
        "/usr/lib/systemd/systemd",
    ),
    ("/usr/bin/rsync", "rsync --server --sender -logDtpre.iLsfxC . /srv/backup", "/usr/sbin/sshd"),
    ("/usr/bin/sleep", "sleep 30", "/usr/bin/bash"),
    ("/usr/bin/node", "node /srv/app/server.js --port 3000", "/usr/bin/npm"),
    ("/usr/bin/id", "id -u", "/usr/bin/bash"),
];

fn main() {
    let count = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(1_000_000);
    let house = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let mut files = Vec::new();
    collect(&house.join("../shared/data/sigma-linux"), &mut files);
    let begin = cpu_ms();
    let (sigma, complaints) = Sigma::load(files);
    let load = cpu_ms() - begin;
    let sigma = Arc::new(sigma);
    println!("{:?}, {} complaints: {load} ms", sigma.loaded(), complaints.len());

    for (what, make) in [
        ("process events", process as fn(usize) -> Event<'static>),
        ("audit events", audit),
        ("log lines", line),
    ] {
        let events: Vec<Event<'static>> = (0..4096).map(make).collect();
        let mut run = Run::new(Arc::clone(&sigma), None);
        let begin = cpu_ms();
        for number in 0..count {
            run.event(&events[number % events.len()]);
        }
        let took = (cpu_ms() - begin).max(1);
        let (findings, gaps) = run.finish();
        let rate = u64::try_from(count).unwrap() * 1000 / took;
        println!(
            "{count} {what}: {took} ms CPU, {rate}/s; {} findings, {} gaps",
            findings.len(),
            gaps.len()
        );
    }
}

fn process(number: usize) -> Event<'static> {
    let mut event = Event::new(EventKind::ProcessStart);
    if let Some((path, command, parent)) = COMMANDS.get(number % COMMANDS.len()) {
        event.path = Cow::Borrowed(path);
        event.command = Cow::Borrowed(command);
        event.with("parent_path", *parent);
    }
    event.trust = Trust::Kernel;
    event.time = i64::try_from(number).ok();
    event.pid = i64::try_from(number).ok();
    event.user = "root".into();
    event.with("cwd", "/root").with("auid", 0);
    event
}

fn audit(number: usize) -> Event<'static> {
    let mut event = process(number);
    let words: Vec<Cow<'static, str>> = match COMMANDS.get(number % COMMANDS.len()) {
        Some((_, command, _)) => command.split(' ').map(Cow::Borrowed).collect(),
        None => Vec::new(),
    };
    let types = ["SYSCALL", "EXECVE", "CWD", "PATH", "PATH", "PROCTITLE"].map(Cow::Borrowed);
    event.with("serial", 7).with("type", Field::List(types.to_vec()));
    event.with("arch", "c000003e").with("syscall", 59).with("SYSCALL", "execve");
    event.with("exe", event.path.to_string()).with("comm", "sh").with("key", "exec");
    event.with("name", Field::List(vec![event.path.clone(), "/lib64/ld-linux-x86-64.so.2".into()]));
    event.with("nametype", "NORMAL");
    for (number, word) in words.into_iter().enumerate() {
        event.with(format!("a{number}"), word);
    }
    event
}

fn line(number: usize) -> Event<'static> {
    let mut event = Event::new(EventKind::LogMessage);
    event.program = ["systemd", "kernel", "CRON", "sshd"].map(Cow::Borrowed)[number % 4].clone();
    event.message = [
        "Started Session 7 of user root.",
        "br-1: port 1(veth1) entered blocking state",
        "pam_unix(cron:session): session opened for user root by (uid=0)",
        "Received disconnect from 192.0.2.1 port 22 11: disconnected by user",
    ]
    .map(Cow::Borrowed)[number % 4]
        .clone();
    event
}

fn collect(directory: &Path, all: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, all);
        } else if path.extension().is_some_and(|ending| ending == "yml") {
            all.push((path.display().to_string(), std::fs::read(&path).unwrap()));
        }
    }
}

/// The CPU time of this process in milliseconds, from /proc/self/schedstat.
fn cpu_ms() -> u64 {
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse::<u64>().unwrap() / 1_000_000
}
