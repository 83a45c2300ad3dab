//! Measures Stanch against its peers in one run: CPU seconds, wall seconds and peak memory.
//!
//! `peers STANCH [PROCESSES [LADEN]]` starts that many sleeping processes (2,000 if not given) in
//! pid, network and mount namespaces of its own, LADEN of them (none if not given) with 50
//! descriptors more: sockets, pipes and files. It runs each command several times in turn, and
//! prints the medians and the ratios that `BENCHMARKS.md` quotes. Peers that are not installed are
//! named as missing.
//!
//! `peers STANCH files [RUNS]` verifies all files of dpkg's packages instead, beside `md5sum` and
//! `openssl md5` of the same files, `dpkg -V` and `debsums -s` (one run each of the last two).
#![expect(unsafe_code, reason = "JUSTIFICATION: wait4(2) alone tells a child's own CPU and memory")]
#![expect(clippy::print_stdout, reason = "the figures are the output")]

use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};

/// Runs of each command; the median counts.
const RUNS: usize = 5;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let stanch = arguments.next().context("usage: peers STANCH [PROCESSES]")?;
    let second = arguments.next();
    if second.as_deref() == Some("files") {
        return files(&stanch, arguments.next().map_or(Ok(3), |n| n.parse())?);
    }
    let processes: usize = second.map_or(Ok(2000), |n| n.parse())?;
    let laden: usize = arguments.next().map_or(Ok(0), |n| n.parse())?;
    if std::env::var_os("STANCH_PEERS_INSIDE").is_none() {
        // Namespaces of our own: the sleeping processes end with them.
        let error = Command::new("unshare")
            .args(["--pid", "--mount", "--net", "--fork", "--kill-child", "--mount-proc"])
            .arg(std::env::current_exe()?)
            .args([stanch, processes.to_string(), laden.to_string()])
            .env("STANCH_PEERS_INSIDE", "1")
            .exec();
        return Err(error.into());
    }
    let up = Command::new("ip").args(["link", "set", "lo", "up"]).status()?;
    ensure!(up.success(), "the loopback of the new network namespace stays down");
    let mut sleepers = Vec::with_capacity(processes);
    for number in 0..processes {
        // Inherited by this one child, closed here when the block ends.
        let _load = if number < laden { load()? } else { Vec::new() };
        let mut sleep = Command::new("sleep");
        // Streams of its own: one pipe held by thousands would be a table's worth by itself.
        sleep.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        sleepers.push(sleep.arg("3600").spawn()?);
    }
    println!("{processes} processes, {laden} laden; medians of {RUNS} runs\n");
    println!("| command | CPU s | wall s | peak MB |");
    println!("|---|---|---|---|");
    let query = |sql: &str| vec![stanch.clone(), "query".into(), "--json".into(), sql.into()];
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let _detect = measure(&[stanch.clone(), "detect".into(), "--json".into()])?;
    let ours = measure(&query("SELECT pid, parent, uid, name, cmdline FROM processes"))?;
    let ps = measure(&words("ps -eo pid,ppid,uid,comm,args"))?;
    let sockets = measure(&query(
        "SELECT s.*, p.name FROM process_open_sockets s LEFT JOIN processes p USING (pid)",
    ))?;
    let ss = measure(&words("ss -tuanp"))?;
    let hidden = measure(&query("SELECT * FROM hidden_processes"))?;
    let unhide = measure(&words("unhide brute"))?;
    println!();
    ratio("processes / ps", ours.as_ref(), ps.as_ref());
    ratio("sockets with owners / ss -tuanp", sockets.as_ref(), ss.as_ref());
    ratio("hidden_processes / unhide brute", hidden.as_ref(), unhide.as_ref());
    for mut sleeper in sleepers {
        sleeper.kill()?;
        sleeper.wait()?;
    }
    Ok(())
}

/// Measures the verification of packages' files against its peers.
fn files(stanch: &str, runs: usize) -> Result<()> {
    // A worker that its keeper did not wait for becomes our child, and is counted.
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    let list = std::env::temp_dir().join(format!("stanch-peers-{}", std::process::id()));
    let (count, bytes) = listed(&list)?;
    println!("{count} files, {bytes} bytes; medians of {runs} runs\n");
    println!("| command | CPU s | wall s | peak MB |");
    println!("|---|---|---|---|");
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let each = |command: &str| {
        let script = format!("xargs -0 -a {} {command} >/dev/null", list.display());
        vec!["sh".to_owned(), "-c".to_owned(), script]
    };
    let verify = "SELECT state, rests_on, count(*) FROM system_files GROUP BY 1, 2";
    let verify = vec![stanch.to_owned(), "query".into(), "--json".into(), verify.into()];
    let ours = measure_times(&verify, runs)?;
    let hashing = measure_times(&each("md5sum"), runs)?;
    let openssl = measure_times(&each("openssl md5 -r"), runs)?;
    let _usual = measure_times(&[stanch.to_owned(), "detect".into(), "--json".into()], runs)?;
    let dpkg = measure_times(&words("dpkg -V"), 1)?;
    let debsums = measure_times(&words("debsums -s"), 1)?;
    std::fs::remove_file(&list)?;
    println!();
    ratio("verification / md5sum of the same files", ours.as_ref(), hashing.as_ref());
    ratio("verification / openssl md5 of the same files", ours.as_ref(), openssl.as_ref());
    ratio("verification / dpkg -V", ours.as_ref(), dpkg.as_ref());
    ratio("verification / debsums -s", ours.as_ref(), debsums.as_ref());
    Ok(())
}

/// Writes the paths of all files that dpkg has digests of and that are there, each ended by a zero
/// byte; returns how many there are, and their bytes.
fn listed(to: &Path) -> Result<(usize, u64)> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir("/var/lib/dpkg/info")? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "md5sums") {
            let text = String::from_utf8_lossy(&std::fs::read(path)?).into_owned();
            paths.extend(text.lines().filter_map(|line| Some(format!("/{}", line.get(34..)?))));
        }
    }
    paths.sort();
    paths.dedup();
    let mut bytes = 0;
    paths.retain(|path| {
        let regular = std::fs::symlink_metadata(path).ok().filter(std::fs::Metadata::is_file);
        bytes += regular.as_ref().map_or(0, std::fs::Metadata::len);
        regular.is_some()
    });
    std::fs::write(to, paths.iter().flat_map(|path| [path, "\0"]).collect::<String>())?;
    Ok((paths.len(), bytes))
}

/// Opens what a busy server process holds, to be inherited: 10 ends of TCP connections, 5 UDP
/// sockets, 10 ends of socket pairs, 10 ends of pipes, 15 files.
fn load() -> Result<Vec<OwnedFd>> {
    let mut held: Vec<OwnedFd> = Vec::with_capacity(51);
    let listener = TcpListener::bind("127.0.0.1:0")?;
    for _ in 0..5 {
        held.push(TcpStream::connect(listener.local_addr()?)?.into());
        held.push(listener.accept()?.0.into());
        held.push(UdpSocket::bind("127.0.0.1:0")?.into());
        let (one, other) = UnixStream::pair()?;
        held.extend([OwnedFd::from(one), other.into()]);
        let (reader, writer) = rustix::pipe::pipe()?;
        held.extend([reader, writer]);
    }
    for _ in 0..15 {
        held.push(std::fs::File::open("/etc/passwd")?.into());
    }
    for descriptor in &held {
        rustix::io::fcntl_setfd(descriptor, rustix::io::FdFlags::empty())?;
    }
    Ok(held)
}

#[derive(Clone, Copy, Debug)]
struct Figures {
    cpu: f64,
    wall: f64,
    peak_mb: f64,
}

impl Figures {
    fn add(&mut self, usage: &libc::rusage) {
        let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
        self.cpu += seconds(usage.ru_utime) + seconds(usage.ru_stime);
        self.peak_mb = self.peak_mb.max(usage.ru_maxrss as f64 / 1024.0);
    }
}

fn measure(command: &[String]) -> Result<Option<Figures>> {
    // unhide's brute force takes half a minute; once is enough to place it.
    let most = if command.first().is_some_and(|program| program == "unhide") { 1 } else { RUNS };
    measure_times(command, most)
}

fn measure_times(command: &[String], most: usize) -> Result<Option<Figures>> {
    let (program, arguments) = command.split_first().context("an empty command")?;
    let shown: Vec<&str> =
        command.iter().map(|word| word.rsplit('/').next().unwrap_or(word)).collect();
    let shown = shown.join(" ");
    let mut runs = Vec::new();
    for _ in 0..most {
        let start = Instant::now();
        let child = Command::new(program)
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let Ok(child) = child else {
            println!("| `{shown}` | not installed | | |");
            return Ok(None);
        };
        let usage = wait(i32::try_from(child.id())?)?;
        let wall = start.elapsed().as_secs_f64();
        let mut figures = Figures { cpu: 0.0, wall, peak_mb: 0.0 };
        figures.add(&usage);
        // Where we are the reaper of all, what the child left behind counts as well.
        while rustix::process::child_subreaper()?.is_some()
            && let Ok(usage) = wait(-1)
        {
            figures.add(&usage);
        }
        runs.push(figures);
    }
    runs.sort_by(|a, b| a.cpu.total_cmp(&b.cpu));
    let median = runs.get(runs.len() / 2).copied();
    if let Some(Figures { cpu, wall, peak_mb }) = median {
        println!("| `{shown}` | {cpu:.3} | {wall:.2} | {peak_mb:.0} |");
    }
    Ok(median)
}

/// Waits for a child and returns what it used.
fn wait(pid: i32) -> Result<libc::rusage> {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    let mut status = 0;
    // SAFETY: both pointers lead to live, writable places of the right size.
    let waited = unsafe { libc::wait4(pid, &raw mut status, 0, usage.as_mut_ptr()) };
    ensure!(waited > 0, "wait4: {}", std::io::Error::last_os_error());
    // SAFETY: the kernel filled it, and all zeros is valid as well.
    Ok(unsafe { usage.assume_init() })
}

fn ratio(what: &str, ours: Option<&Figures>, peer: Option<&Figures>) {
    match (ours, peer) {
        (Some(ours), Some(peer)) => {
            println!("{what}: {:.2} of the peer's CPU", ours.cpu / peer.cpu.max(1e-6));
        }
        _ => println!("{what}: no peer to compare with"),
    }
}
