//! Measures how fast a cut is, and what it costs the responder, beside the same cut made by single
//! calls of `nft`.
//!
//! `cuts STANCH [RUNS]` makes two network namespaces, a machine and everybody else, and in them:
//! - an intruder's program on the machine that sends a datagram out each 0.1 ms, and another on a
//!   device itself (a raw frame each millisecond);
//! - a responder whose datagrams come in and are answered at 1 kHz.
//!
//! Then, RUNS times each (21 if not given): `stanch contain apply --plan ID`, the plan being ready,
//! and the order in which others quarantine a host: a table, chains whose policy is to drop, then rule
//! after rule, one program each. Told are the medians of the time from the command's start to the last
//! packet of the intruder, and how many of the responder's packets were lost on the way.
//!
//! Last, once each: a block of 10,000 addresses, and the freezing of 500 processes.
//!
//! Everything is done in pid, mount and network namespaces of their own; a build with debug assertions
//! works as well and is slower.
#![expect(unsafe_code, reason = "JUSTIFICATION: AF_PACKET has no safe wrapper")]
#![expect(clippy::print_stdout, reason = "the figures are the output")]

use std::net::UdpSocket;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

/// The machine's address, the intruder's and the responder's.
const MACHINE: &str = "10.66.0.2";
const INTRUDER: &str = "10.66.0.1";
const RESPONDER: &str = "10.66.0.9";
/// Ports: where the intruder listens, and where the machine answers the responder.
const OUT: u16 = 4444;
const SERVED: u16 = 22;
/// How long everybody sends before a command is started, and after it has ended.
const BEFORE: Duration = Duration::from_millis(120);
const AFTER: Duration = Duration::from_millis(150);
/// In namespaces of our own.
const INSIDE: &str = "STANCH_CUTS_INSIDE";
/// What is made of them: the machine stays here, everybody else is a namespace called `else`.
const PREPARE: &str = "set -e
    mount -t tmpfs none /run; mkdir -p /run/range /run/netns
    mount -t sysfs none /sys; mount -t cgroup2 none /sys/fs/cgroup
    ip netns add else; ip link set lo up
    ip link add eth0 type veth peer name eth0 netns else
    ip addr add 10.66.0.2/24 dev eth0; ip link set eth0 up
    ip -n else addr add 10.66.0.1/24 dev eth0; ip -n else addr add 10.66.0.9/24 dev eth0
    ip -n else link set eth0 up; ip -n else link set lo up
    exec \"$@\"";

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let stanch = arguments.next().context("usage: cuts STANCH [RUNS]")?;
    let rest: Vec<String> = arguments.collect();
    if std::env::var_os(INSIDE).is_none() {
        let stanch = std::fs::canonicalize(stanch)?;
        let error = Command::new("unshare")
            .args([
                "--pid",
                "--mount",
                "--net",
                "--cgroup",
                "--fork",
                "--kill-child",
                "--mount-proc",
            ])
            .args(["sh", "-c", PREPARE, "sh"])
            .arg(std::env::current_exe()?)
            .arg(stanch)
            .args(rest)
            .env(INSIDE, "1")
            .exec();
        return Err(error.into());
    }
    // Everybody else is a copy of this program in the other namespace.
    match stanch.as_str() {
        "hear" => return hear(),
        "ask" => return ask(),
        _ => {}
    }
    let runs: usize = rest.first().map_or(Ok(21), |n| n.parse())?;
    println!("medians of {runs} runs (least to most)\n");
    println!(
        "| way | command to last packet, ms | to last raw frame, ms | whole command, ms | responder's packets lost |"
    );
    println!("|---|---|---|---|---|");
    let ours = measure(runs, &|| by_stanch(&stanch))?;
    ours.tell("`stanch contain apply --plan`");
    if Command::new("nft").arg("--version").stdout(Stdio::null()).status().is_ok() {
        measure(runs, &by_single_calls)?.tell("one `nft` call a rule");
    } else {
        println!("| one `nft` call a rule | `nft` is not installed | | | |");
    }
    println!();
    block(&stanch, 10_000)?;
    freeze(&stanch, 500)
}

fn run(words: &[&str]) -> Result<()> {
    let (program, arguments) = words.split_first().context("an empty command")?;
    let output = Command::new(program).args(arguments).output()?;
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "{words:?}: {told}");
    Ok(())
}

/// A prepared cut: what does it, and what takes it back.
struct Cut {
    steps: Vec<Vec<String>>,
    undo: Vec<Vec<String>>,
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

const CASE: &str = "/run/cuts";

/// Plans the cut; what is measured begins after.
fn by_stanch(stanch: &str) -> Result<Cut> {
    let keep = format!("{RESPONDER}:{SERVED}");
    let output = Command::new(stanch)
        .args(["--case", CASE, "contain", "plan", "--json", "--level", "isolate", "--keep", &keep])
        .output()?;
    let plan: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let id = plan.pointer("/id").and_then(serde_json::Value::as_str);
    let id = id.with_context(|| plan.to_string())?;
    let apply = format!("{stanch} --case {CASE} contain apply --yes --no-watch --plan {id}");
    let undo = format!("{stanch} --case {CASE} contain release");
    Ok(Cut { steps: vec![words(&apply)], undo: vec![words(&undo)] })
}

/// The order of a quarantine that is made rule by rule: whatever is dropped by a chain's policy waits
/// for the rule that lets it through.
fn by_single_calls() -> Result<Cut> {
    let table = "inet quarantine";
    let mut steps = vec![words(&format!("nft add table {table}"))];
    for (chain, hook) in [("c_in", "input"), ("c_out", "output"), ("c_fwd", "forward")] {
        let mut call = words(&format!("nft add chain {table} {chain}"));
        call.push(format!("{{ type filter hook {hook} priority 0; policy drop; }}"));
        steps.push(call);
    }
    for rule in [
        "c_in iif lo accept",
        "c_out oif lo accept",
        "c_out udp dport 53 accept",
        "c_in udp sport 53 accept",
        "c_out tcp dport 53 accept",
        &format!("c_in ip saddr {RESPONDER} udp dport {SERVED} accept"),
        &format!("c_out ip daddr {RESPONDER} udp sport {SERVED} accept"),
    ] {
        steps.push(words(&format!("nft add rule {table} {rule}")));
    }
    Ok(Cut { steps, undo: vec![words(&format!("nft delete table {table}"))] })
}

/// What one cut came to.
#[derive(Clone, Copy, Debug)]
struct Run {
    last_packet: f64,
    last_frame: f64,
    whole: f64,
    lost: u64,
}

struct Figures(Vec<Run>);

impl Figures {
    fn tell(&self, way: &str) {
        let of = |one: fn(&Run) -> f64, digits: usize| {
            let mut all: Vec<f64> = self.0.iter().map(one).collect();
            all.sort_by(f64::total_cmp);
            let at = |place: usize| all.get(place).copied().unwrap_or(f64::NAN);
            let (low, middle, high) = (at(0), at(all.len() / 2), at(all.len().saturating_sub(1)));
            if middle.is_infinite() {
                return "not cut".to_owned();
            }
            format!("{middle:.digits$} ({low:.digits$} to {high:.digits$})")
        };
        let (packet, frame) = (of(|run| run.last_packet, 1), of(|run| run.last_frame, 1));
        let (whole, lost) = (of(|run| run.whole, 1), of(|run| run.lost as f64, 0));
        println!("| {way} | {packet} | {frame} | {whole} | {lost} |");
    }
}

fn measure(runs: usize, prepare: &dyn Fn() -> Result<Cut>) -> Result<Figures> {
    let mut all = Vec::new();
    for _ in 0..runs {
        all.push(once(&prepare()?)?);
    }
    Ok(Figures(all))
}

/// A thread that goes on until it is told to stop.
struct Busy {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<()>>>,
}

impl Busy {
    fn start(work: impl Fn(u64) -> Result<()> + Send + 'static, every: Duration) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let told = stop.clone();
        let thread = std::thread::spawn(move || {
            let mut number = 0;
            let mut next = Instant::now();
            while !told.load(Ordering::Relaxed) {
                work(number)?;
                number += 1;
                next += every;
                // Two cores are soon taken: who sleeps for a tenth of a millisecond wakes late.
                while Instant::now() < next {
                    std::thread::sleep(every / 4);
                }
            }
            Ok(())
        });
        Self { stop, thread: Some(thread) }
    }

    fn end(mut self) -> Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        let thread = self.thread.take().context("a thread ends once")?;
        thread.join().map_err(|_fallen| anyhow::anyhow!("a thread fell"))?
    }
}

/// Makes one cut while everybody sends.
fn once(cut: &Cut) -> Result<Run> {
    let mut hearing = elsewhere("hear")?;
    let mut asking = elsewhere("ask")?;
    let answer = UdpSocket::bind((MACHINE, SERVED))?;
    answer.set_read_timeout(Some(Duration::from_millis(20)))?;
    let answering = Busy::start(
        move |_number| {
            let mut bytes = [0_u8; 64];
            // Between two datagrams nothing comes; a filter may refuse the answer.
            if let Ok((length, from)) = answer.recv_from(&mut bytes) {
                let _refused = answer.send_to(bytes.get(..length).unwrap_or_default(), from);
            }
            Ok(())
        },
        Duration::ZERO,
    );
    let out = UdpSocket::bind((MACHINE, 0))?;
    let sending = Busy::start(
        move |number| {
            let _refused = out.send_to(&number.to_be_bytes(), (INTRUDER, OUT));
            Ok(())
        },
        Duration::from_micros(100),
    );
    let wire = Wire::open()?;
    let framing = Busy::start(move |_number| wire.send(), Duration::from_millis(1));
    std::thread::sleep(BEFORE);
    let began = now();
    let start = Instant::now();
    for step in &cut.steps {
        let step: Vec<&str> = step.iter().map(String::as_str).collect();
        run(&step)?;
    }
    let whole = start.elapsed().as_secs_f64() * 1e3;
    std::thread::sleep(AFTER);
    let ended = now();
    sending.end()?;
    framing.end()?;
    // While the cut stands: what is lost when everybody stops is nobody's loss.
    let lost = told_by(&mut asking)?;
    let heard = told_by(&mut hearing)?;
    answering.end()?;
    for step in &cut.undo {
        let step: Vec<&str> = step.iter().map(String::as_str).collect();
        run(&step)?;
    }
    // What is heard until the very end is not cut at all.
    let is_cut = |at: u64| ended.saturating_sub(at) > 20_000_000;
    let after = |at: u64| {
        if is_cut(at) { at.saturating_sub(began) as f64 / 1e6 } else { f64::INFINITY }
    };
    let [packet, frame] = heard.as_slice() else { anyhow::bail!("who hears told nothing") };
    ensure!(*packet > 0 && *frame > 0, "nothing was heard before the cut");
    let lost = lost.first().copied().context("who asks told nothing")?;
    Ok(Run { last_packet: after(*packet), last_frame: after(*frame), whole, lost })
}

/// The clock that all namespaces share, in nanoseconds.
fn now() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000
        + u64::try_from(time.tv_nsec).unwrap_or(0)
}

/// Starts a copy of ours among everybody else. It tells its numbers when its stdin ends.
fn elsewhere(part: &str) -> Result<Child> {
    let mut child = Command::new("ip")
        .args(["netns", "exec", "else"])
        .arg(std::env::current_exe()?)
        .arg(part)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut ready = [0_u8; 1];
    let stdout = child.stdout.as_mut().context("its stdout is a pipe")?;
    std::io::Read::read_exact(stdout, &mut ready)?;
    Ok(child)
}

fn told_by(child: &mut Child) -> Result<Vec<u64>> {
    drop(child.stdin.take());
    let mut text = String::new();
    let mut stdout = child.stdout.take().context("its stdout is a pipe")?;
    std::io::Read::read_to_string(&mut stdout, &mut text)?;
    child.wait()?;
    text.split_whitespace().map(|word| Ok(word.parse()?)).collect()
}

/// Waits until stdin ends.
fn until_told() -> Arc<AtomicBool> {
    let over = Arc::new(AtomicBool::new(false));
    let told = over.clone();
    std::thread::spawn(move || {
        let mut rest = Vec::new();
        let _ended = std::io::Read::read_to_end(&mut std::io::stdin(), &mut rest);
        told.store(true, Ordering::Relaxed);
    });
    over
}

fn ready() -> Result<()> {
    use std::io::Write as _;
    let mut out = std::io::stdout();
    out.write_all(b".")?;
    Ok(out.flush()?)
}

/// Hears what the intruder's programs send, and tells when the last of each came.
fn hear() -> Result<()> {
    let socket = UdpSocket::bind((INTRUDER, OUT))?;
    socket.set_read_timeout(Some(Duration::from_millis(5)))?;
    let wire = Wire::open()?;
    let frames = Arc::new(AtomicU64::new(0));
    let (last, over) = (frames.clone(), until_told());
    let stop = over.clone();
    let framed = std::thread::spawn(move || {
        while !stop.load(Ordering::Relaxed) {
            if wire.hear() {
                last.store(now(), Ordering::Relaxed);
            }
        }
    });
    ready()?;
    let (mut packet, mut bytes) = (0, [0_u8; 64]);
    while !over.load(Ordering::Relaxed) {
        if socket.recv_from(&mut bytes).is_ok() {
            packet = now();
        }
    }
    framed.join().map_err(|_fallen| anyhow::anyhow!("a thread fell"))?;
    println!(" {packet} {}", frames.load(Ordering::Relaxed));
    Ok(())
}

/// Asks each millisecond and waits for each answer, as a responder's session would; tells how many
/// did not come.
fn ask() -> Result<()> {
    let socket = UdpSocket::bind((RESPONDER, 0))?;
    socket.connect((MACHINE, SERVED))?;
    socket.set_nonblocking(true)?;
    let over = until_told();
    ready()?;
    let (mut sent, mut came, mut bytes) = (0_u64, 0_u64, [0_u8; 64]);
    let mut next = Instant::now();
    let mut take = |came: &mut u64| {
        while socket.recv(&mut bytes).is_ok() {
            *came += 1;
        }
    };
    // A closed port answers with an error until the machine listens: it is not asked before.
    std::thread::sleep(Duration::from_millis(40));
    while !over.load(Ordering::Relaxed) {
        if socket.send(&sent.to_be_bytes()).is_ok() {
            sent += 1;
        }
        next += Duration::from_millis(1);
        while Instant::now() < next {
            take(&mut came);
            std::thread::sleep(Duration::from_micros(100));
        }
    }
    // What is under way comes within moments.
    std::thread::sleep(Duration::from_millis(50));
    take(&mut came);
    println!(" {}", sent.saturating_sub(came));
    Ok(())
}

/// A packet socket at `eth0`, for frames of a kind for experiments.
struct Wire(std::os::fd::OwnedFd);

/// IEEE 802, local experimental ethertype 1.
const EXPERIMENT: u16 = 0x88b5;

impl Wire {
    fn open() -> Result<Self> {
        use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
        let kind = i32::from(EXPERIMENT.to_be());
        // SAFETY: socket(2) takes no pointers.
        let raw = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW, kind) };
        ensure!(raw >= 0, "no packet socket: {}", std::io::Error::last_os_error());
        // SAFETY: the descriptor is new and ours.
        let socket = unsafe { OwnedFd::from_raw_fd(raw) };
        // SAFETY: the name ends with a NUL.
        let device = unsafe { libc::if_nametoindex(c"eth0".as_ptr()) };
        // SAFETY: all fields of `sockaddr_ll` are integers.
        let mut at: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
        at.sll_family = u16::try_from(libc::AF_PACKET)?;
        at.sll_protocol = EXPERIMENT.to_be();
        at.sll_ifindex = i32::try_from(device)?;
        let length = u32::try_from(size_of_val(&at))?;
        // SAFETY: `at` is a live address of packet(7), and the length given is its own.
        let bound = unsafe { libc::bind(socket.as_raw_fd(), (&raw const at).cast(), length) };
        ensure!(bound == 0, "not bound: {}", std::io::Error::last_os_error());
        let timeout = Some(Duration::from_millis(5));
        rustix::net::sockopt::set_socket_timeout(
            &socket,
            rustix::net::sockopt::Timeout::Recv,
            timeout,
        )?;
        Ok(Self(socket))
    }

    fn send(&self) -> Result<()> {
        let mut frame = [0_u8; 60];
        frame.first_chunk_mut::<6>().context("a frame is longer")?.fill(0xff);
        let [high, low] = EXPERIMENT.to_be_bytes();
        frame.get_mut(12..14).context("a frame is longer")?.copy_from_slice(&[high, low]);
        // A filter at the device says so.
        let _filtered = rustix::net::send(&self.0, &frame, rustix::net::SendFlags::empty());
        Ok(())
    }

    fn hear(&self) -> bool {
        let mut frame = [0_u8; 64];
        rustix::net::recv(&self.0, &mut frame[..], rustix::net::RecvFlags::empty()).is_ok()
    }
}

/// Times one command, and takes back what it did.
fn timed(what: &str, stanch: &str, options: &[String]) -> Result<()> {
    let all = |verb: &str, more: &[&str]| {
        let mut words: Vec<String> = ["--case", CASE, "contain", verb].map(str::to_owned).to_vec();
        words.extend(more.iter().map(|&word| word.to_owned()));
        words
    };
    let output = Command::new(stanch).args(all("plan", &["--json"])).args(options).output()?;
    let plan: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let id = plan.pointer("/id").and_then(serde_json::Value::as_str);
    let id = id.with_context(|| plan.to_string())?;
    let start = Instant::now();
    let done = Command::new(stanch)
        .args(all("apply", &["--yes", "--no-watch", "--json", "--plan", id]))
        .output()?;
    let wall = start.elapsed().as_secs_f64() * 1e3;
    ensure!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    println!("{what}: {wall:.1} ms from the command's start to its end");
    run(&[stanch, "--case", CASE, "undo", id])
}

/// Times a block of so many addresses.
fn block(stanch: &str, count: u32) -> Result<()> {
    let mut options = Vec::new();
    for number in 0..count {
        let [_, _, high, low] = number.to_be_bytes();
        options.extend(["--block".to_owned(), format!("203.1.{high}.{low}")]);
    }
    timed(&format!("block of {count} addresses"), stanch, &options)
}

/// Times the freezing of a process with so many that descend from it.
fn freeze(stanch: &str, count: usize) -> Result<()> {
    let script = format!("for n in $(seq {count}); do sleep 300 & done; echo; wait");
    let mut tree = Command::new("sh")
        .args(["-c", &script])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut ready = [0_u8; 1];
    let stdout = tree.stdout.as_mut().context("its stdout is a pipe")?;
    std::io::Read::read_exact(stdout, &mut ready)?;
    let pid = tree.id().to_string();
    let told = timed(
        &format!("freeze of a tree of {count} processes"),
        stanch,
        &["--freeze".to_owned(), pid],
    );
    // The whole namespace ends with this program.
    tree.kill()?;
    tree.wait()?;
    told
}
