//! Reads logs from memory and prints how many lines a second of CPU become events.
//!
//! ```text
//! cargo bench -p stanch-facts --bench logs -- audit /var/log/auth.log
//! ```
//!
//! An argument is a file, or the name of a sample made here: `audit`.

use stanch_facts::logs::{Context, Stream};

/// How many bytes are read of each, the file over and over.
const BYTES: usize = 256 << 20;
/// How many bytes are given at once, as from a file.
const PIECE: usize = 128 << 10;

#[expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a bench is a program of its own"
)]
fn main() {
    let arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with("--"));
    let mut names: Vec<String> = arguments.collect();
    if names.is_empty() {
        names.push("audit".to_owned());
    }
    for name in names {
        let bytes = match name.as_str() {
            "audit" => audit(),
            path => std::fs::read(path).unwrap_or_default(),
        };
        let mut stream = Stream::new(Context::new(&*name, 1_795_435_200_000_000), None);
        let mut fields = 0_usize;
        let before = cpu();
        let mut left = BYTES;
        while left > 0 && !bytes.is_empty() {
            for piece in bytes.chunks(PIECE) {
                stream.feed(piece, &mut |event| fields += event.more.len());
            }
            left = left.saturating_sub(bytes.len());
        }
        let format = stream.format();
        let (counts, _) = stream.end(&mut |event| fields += event.more.len());
        let seconds = (cpu() - before) as f64 / 1e6;
        let rate = |count: u64| count as f64 / seconds;
        println!(
            "{name}: {format:?}, {:.0} lines/s, {:.0} events/s, {:.0} MB/s of CPU; {} of {} not \
             understood, {fields} fields",
            rate(counts.lines),
            rate(counts.events),
            rate(counts.bytes) / 1e6,
            counts.not_understood,
            counts.lines
        );
    }
}

/// Returns the microseconds of CPU that this process has used.
fn cpu() -> i64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec * 1_000_000 + time.tv_nsec / 1000
}

/// Returns 20,000 audit events as a busy server has them: programs that start, files that are
/// opened, connections, logins.
fn audit() -> Vec<u8> {
    let mut log = String::new();
    for serial in 0..20_000_u32 {
        let stamp = format!("msg=audit(1783414661.{:03}:{serial}):", serial % 1000);
        let call = |number: u32, items: u32| {
            format!(
                "type=SYSCALL {stamp} arch=c000003e syscall={number} success=yes exit=0 \
                 a0=56111137e810 a1=561111382480 a2=561111385020 a3=21 items={items} ppid=2176 \
                 pid={} auid=1000 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 \
                 tty=(none) ses=8 comm=\"sh\" exe=\"/usr/bin/bash\" subj=unconfined \
                 key=\"exec\"\x1dARCH=x86_64 SYSCALL=x AUID=\"ann\" UID=\"root\" GID=\"root\" \
                 EUID=\"root\" SUID=\"root\" FSUID=\"root\" EGID=\"root\" SGID=\"root\" \
                 FSGID=\"root\"\n",
                3000 + serial % 1000
            )
        };
        let path = |item: u32, name: &str| {
            format!(
                "type=PATH {stamp} item={item} name=\"{name}\" inode=8437791 dev=fc:00 \
                 mode=0100755 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL cap_fp=0 cap_fi=0 cap_fe=0 \
                 cap_fver=0 cap_frootid=0\x1dOUID=\"root\" OGID=\"root\"\n"
            )
        };
        let cwd = format!("type=CWD {stamp} cwd=\"/root\"\n");
        let title =
            format!("type=PROCTITLE {stamp} proctitle=2F62696E2F7368002D630067726570202D63\n");
        let records = match serial % 4 {
            0 => [
                call(59, 2),
                format!(
                    "type=EXECVE {stamp} argc=3 a0=\"/bin/sh\" a1=\"-c\" \
                     a2=67726570202D63202E202F6574632F686F73746E616D65\n"
                ),
                cwd,
                path(0, "/bin/sh"),
                path(1, "/lib64/ld-linux-x86-64.so.2"),
                title,
            ]
            .concat(),
            1 => [call(257, 1), cwd, path(0, "/etc/shadow"), title].concat(),
            2 => [
                call(42, 0),
                format!("type=SOCKADDR {stamp} saddr=02000050A9FEA9FE0000000000000000\n"),
                title,
            ]
            .concat(),
            _ => format!(
                "type=USER_AUTH {stamp} pid=2124 uid=0 auid=4294967295 ses=4294967295 \
                 subj=unconfined msg='op=PAM:authentication grantors=pam_unix acct=\"root\" \
                 exe=\"/usr/sbin/sshd\" hostname=172.23.112.1 addr=172.23.112.1 terminal=ssh \
                 res=failed'\x1dUID=\"root\" AUID=\"unset\"\n"
            ),
        };
        log.push_str(&records);
    }
    log.into_bytes()
}
