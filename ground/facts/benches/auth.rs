//! Reads a generated auth.log of a server that is guessed at all day, and prints lines per CPU
//! second.
//!
//! ```text
//! cargo bench -p stanch-facts --bench auth -- 200000
//! cargo bench -p stanch-facts --bench auth -- 20000 --print > auth.log
//! ```

use std::io::Write as _;

use stanch_facts::logs::{self, Context, Stream};

const USERS: [&str; 8] = ["root", "admin", "oracle", "test", "postgres", "ubuntu", "git", "deploy"];

/// What a line is made of.
struct Fields<'f> {
    at: usize,
    pid: usize,
    user: &'f str,
    host: &'f str,
    port: usize,
    head: &'f str,
}

/// Returns the lines of one connection or job, each with its line feed.
fn lines_of(fields: &Fields<'_>) -> String {
    let Fields { at, pid, user, host, port, head } = fields;
    let sshd = format!("{head} sshd[{pid}]:");
    let pam = format!(
        "{sshd} pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost={host}"
    );
    match at % 8 {
        0 | 1 => format!(
            "{sshd} Invalid user {user}{at} from {host} port {port}\n\
             {sshd} pam_unix(sshd:auth): check pass; user unknown\n\
             {pam}\n\
             {sshd} Failed password for invalid user {user}{at} from {host} port {port} ssh2\n\
             {sshd} Received disconnect from {host} port {port}:11: Bye Bye [preauth]\n\
             {sshd} Disconnected from invalid user {user}{at} {host} port {port} [preauth]\n"
        ),
        2 | 3 => format!(
            "{pam}  user=root\n\
             {sshd} Failed password for root from {host} port {port} ssh2\n\
             {sshd} Connection closed by authenticating user root {host} port {port} [preauth]\n"
        ),
        4 => format!(
            "{sshd} Accepted publickey for deploy from {host} port {port} ssh2: ED25519 SHA256:5xyQ+PG1Z3CIiShclJ2iNya5TOdKDgE/HrOXr21IdOo\n\
             {sshd} pam_unix(sshd:session): session opened for user deploy(uid=1001) by (uid=0)\n\
             {head} systemd-logind[612]: New session {at} of user deploy.\n\
             {sshd} Disconnected from user deploy {host} port {port}\n\
             {sshd} pam_unix(sshd:session): session closed for user deploy\n"
        ),
        5 => format!(
            "{head} sudo:   deploy : TTY=pts/0 ; PWD=/home/deploy ; USER=root ; COMMAND=/usr/bin/systemctl restart nginx\n\
             {head} sudo: pam_unix(sudo:session): session opened for user root(uid=0) by deploy(uid=1001)\n\
             {head} sudo: pam_unix(sudo:session): session closed for user root\n"
        ),
        6 => format!(
            "{head} CRON[{pid}]: pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)\n\
             {head} CRON[{pid}]: (root) CMD (   cd / && run-parts --report /etc/cron.hourly)\n\
             {head} CRON[{pid}]: pam_unix(cron:session): session closed for user root\n"
        ),
        _ => format!("{sshd} Connection closed by {host} port {port} [preauth]\n"),
    }
}

fn log(lines: usize) -> String {
    let mut text = String::with_capacity(lines * 120);
    let (mut written, mut at) = (0, 0);
    while written < lines {
        // Ten days of November, in order.
        let seconds = written * 864_000 / lines;
        let (day, hour) = (12 + seconds / 86_400, seconds / 3600 % 24);
        let head =
            format!("Nov {day:2} {hour:02}:{:02}:{:02} web01", seconds / 60 % 60, seconds % 60);
        let more = lines_of(&Fields {
            at,
            pid: 1000 + at % 60_000,
            user: USERS.get(at % USERS.len()).copied().unwrap_or("root"),
            host: &format!("198.51.{}.{}", at / 250 % 250, at % 250),
            port: 1024 + at * 37 % 60_000,
            head: &head,
        });
        text.push_str(&more);
        (written, at) = (written + more.matches('\n').count(), at + 1);
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
