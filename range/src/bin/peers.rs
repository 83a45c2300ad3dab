//! Measures Stanch against its peers in one run: CPU seconds, wall seconds and peak memory.
//!
//! `peers STANCH [PROCESSES [LADEN]]` starts that many sleeping processes (2,000 if not given) in
//! pid, network and mount namespaces of its own, LADEN of them (none if not given) with 50
//! descriptors more: sockets, pipes and files. It runs each command several times in turn, and
//! prints the medians and the ratios that `BENCHMARKS.md` quotes. Peers that are not installed are
//! named as missing.
#![expect(unsafe_code, reason = "JUSTIFICATION: wait4(2) alone tells a child's own CPU and memory")]
#![expect(clippy::print_stdout, reason = "the figures are the output")]

use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};

/// Runs of each command; the median counts.
const RUNS: usize = 5;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let stanch = arguments.next().context("usage: peers STANCH [PROCESSES]")?;
    let processes: usize = arguments.next().map_or(Ok(2000), |n| n.parse())?;
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

fn measure(command: &[String]) -> Result<Option<Figures>> {
    let (program, arguments) = command.split_first().context("an empty command")?;
    let shown: Vec<&str> =
        command.iter().map(|word| word.rsplit('/').next().unwrap_or(word)).collect();
    let shown = shown.join(" ");
    let mut runs = Vec::new();
    // unhide's brute force takes half a minute; once is enough to place it.
    let most = if program == "unhide" { 1 } else { RUNS };
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
        let usage = wait(child.id())?;
        let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
        runs.push(Figures {
            cpu: seconds(usage.ru_utime) + seconds(usage.ru_stime),
            wall: start.elapsed().as_secs_f64(),
            peak_mb: usage.ru_maxrss as f64 / 1024.0,
        });
    }
    runs.sort_by(|a, b| a.cpu.total_cmp(&b.cpu));
    let median = runs.get(runs.len() / 2).copied();
    if let Some(Figures { cpu, wall, peak_mb }) = median {
        println!("| `{shown}` | {cpu:.3} | {wall:.2} | {peak_mb:.0} |");
    }
    Ok(median)
}

/// Waits for a child and returns what it used.
fn wait(pid: u32) -> Result<libc::rusage> {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    let mut status = 0;
    // SAFETY: both pointers lead to live, writable places of the right size.
    let waited =
        unsafe { libc::wait4(i32::try_from(pid)?, &raw mut status, 0, usage.as_mut_ptr()) };
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
