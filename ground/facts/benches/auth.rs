//! Reads a generated auth.log of a server that is guessed at all day, and prints lines per CPU
//! second.
//!
//! ```text
//! cargo bench -p stanch-facts --bench auth -- 200000
//! cargo bench -p stanch-facts --bench auth -- 20000 --print > auth.log
//! ```

use std::fmt::Write as _;
use std::io::Write as _;

use stanch_facts::logs::{self, Context, Stream};

const USERS: [&str; 8] = ["root", "admin", "oracle", "test", "postgres", "ubuntu", "git", "deploy"];

/// Writes one connection or job, and returns how many lines that was.
fn write_one(text: &mut String, at: usize, time: &str) -> Result<usize, std::fmt::Error> {
    let pid = 1000 + at % 60_000;
    let user = USERS.get(at % USERS.len()).copied().unwrap_or("root");
    let (host, port) = (format!("198.51.{}.{}", at / 250 % 250, at % 250), 1024 + at * 37 % 60_000);
    let head = format!("{time} web01");
    let sshd = format!("{head} sshd[{pid}]:");
    let pam = "authentication failure; logname= uid=0 euid=0 tty=ssh ruser=";
    Ok(match at % 8 {
        0 | 1 => {
            writeln!(text, "{sshd} Invalid user {user}{at} from {host} port {port}")?;
            writeln!(text, "{sshd} pam_unix(sshd:auth): check pass; user unknown")?;
            writeln!(text, "{sshd} pam_unix(sshd:auth): {pam} rhost={host}")?;
            writeln!(
                text,
                "{sshd} Failed password for invalid user {user}{at} from {host} port {port} ssh2"
            )?;
            writeln!(
                text,
                "{sshd} Received disconnect from {host} port {port}:11: Bye Bye [preauth]"
            )?;
            writeln!(
                text,
                "{sshd} Disconnected from invalid user {user}{at} {host} port {port} [preauth]"
            )?;
            6
        }
        2 | 3 => {
            writeln!(text, "{sshd} pam_unix(sshd:auth): {pam} rhost={host}  user=root")?;
            writeln!(text, "{sshd} Failed password for root from {host} port {port} ssh2")?;
            writeln!(
                text,
                "{sshd} Connection closed by authenticating user root {host} port {port} [preauth]"
            )?;
            3
        }
        4 => {
            writeln!(
                text,
                "{sshd} Accepted publickey for deploy from {host} port {port} ssh2: ED25519 SHA256:5xyQ+PG1Z3CIiShclJ2iNya5TOdKDgE/HrOXr21IdOo"
            )?;
            writeln!(
                text,
                "{sshd} pam_unix(sshd:session): session opened for user deploy(uid=1001) by (uid=0)"
            )?;
            writeln!(text, "{head} systemd-logind[612]: New session {at} of user deploy.")?;
            writeln!(text, "{sshd} Disconnected from user deploy {host} port {port}")?;
            writeln!(text, "{sshd} pam_unix(sshd:session): session closed for user deploy")?;
            5
        }
        5 => {
            writeln!(
                text,
                "{head} sudo:   deploy : TTY=pts/0 ; PWD=/home/deploy ; USER=root ; COMMAND=/usr/bin/systemctl restart nginx"
            )?;
            writeln!(
                text,
                "{head} sudo: pam_unix(sudo:session): session opened for user root(uid=0) by deploy(uid=1001)"
            )?;
            writeln!(text, "{head} sudo: pam_unix(sudo:session): session closed for user root")?;
            3
        }
        6 => {
            writeln!(
                text,
                "{head} CRON[{pid}]: pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)"
            )?;
            writeln!(
                text,
                "{head} CRON[{pid}]: (root) CMD (   cd / && run-parts --report /etc/cron.hourly)"
            )?;
            writeln!(
                text,
                "{head} CRON[{pid}]: pam_unix(cron:session): session closed for user root"
            )?;
            3
        }
        _ => {
            writeln!(text, "{sshd} Connection closed by {host} port {port} [preauth]")?;
            1
        }
    })
}

fn log(lines: usize) -> String {
    let mut text = String::with_capacity(lines * 120);
    let (mut written, mut at) = (0, 0);
    while written < lines {
        // Ten days of November, in order.
        let seconds = written * 864_000 / lines;
        let (day, hour) = (12 + seconds / 86_400, seconds / 3600 % 24);
        let time = format!("Nov {day:2} {hour:02}:{:02}:{:02}", seconds / 60 % 60, seconds % 60);
        let Ok(more) = write_one(&mut text, at, &time) else { break };
        (written, at) = (written + more, at + 1);
    }
    text
}

fn cpu() -> std::time::Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    std::time::Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or(0))
}

#[expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a bench is a program of its own"
)]
fn main() -> std::io::Result<()> {
    let lines = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(200_000);
    let text = log(lines);
    if std::env::args().any(|argument| argument == "--print") {
        return std::io::stdout().write_all(text.as_bytes());
    }
    for _round in 0..5 {
        // 2026-11-23 12:00:00 UTC.
        let context = Context::new("auth.log", 1_795_435_200_000_000);
        let mut stream = Stream::new(context, logs::find("syslog"));
        let mut failures = 0_u64;
        let mut each = |event: &stanch_words::Event<'_>| {
            failures += u64::from(event.kind.name().starts_with("auth."));
        };
        let before = cpu();
        for piece in text.as_bytes().chunks(1 << 16) {
            stream.feed(piece, &mut each);
        }
        let (counts, _gaps) = stream.end(&mut each);
        let took = cpu().saturating_sub(before).as_secs_f64();
        assert_eq!(counts.not_understood, 0);
        println!(
            "{} lines, {:.0} MB: {took:.3} CPU-s, {:.0} lines/s; {} events, {failures} of logins",
            counts.lines,
            text.len() as f64 / 1e6,
            counts.lines as f64 / took,
            counts.events,
        );
    }
    Ok(())
}
