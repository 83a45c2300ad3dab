//! One victim: an overlay over a Debian root, in namespaces of its own.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use crate::debian::run;
use crate::terminal::Terminal;

/// The victim's address on the veth pair, and the peer's.
const VICTIM: &str = "10.77.0.2";
const PEER: &str = "10.77.0.1";

/// One victim at a time: some signs measure CPU use, and two cores are soon taken.
static ONE: Mutex<()> = Mutex::new(());

/// Waits until no victim runs in this test program, and keeps others from starting: for a test
/// that measures and has no victim of its own.
pub fn alone() -> MutexGuard<'static, ()> {
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A running victim. Dropping it ends everything in it.
#[derive(Debug)]
pub struct Victim {
    _only: MutexGuard<'static, ()>,
    init: Child,
    peer: Child,
    /// Pid of the victim's init as the outer machine sees it.
    pid: u32,
    binaries: PathBuf,
    /// Removed when all else has ended.
    _groups: Option<Groups>,
}

/// Control groups of a victim's own: a folder of cgroup2 below which its systemd works.
#[derive(Debug)]
struct Groups(PathBuf);

impl Groups {
    fn make() -> Result<Self> {
        let mounts = std::fs::read_to_string("/proc/mounts")?;
        let of_cgroup2 = |line: &&str| line.split(' ').nth(2) == Some("cgroup2");
        let place = mounts.lines().find(of_cgroup2).and_then(|line| line.split(' ').nth(1));
        let place = Path::new(place.context("no cgroup2 is mounted here")?);
        let groups = Self(place.join(format!("range-{}", std::process::id())));
        std::fs::create_dir_all(groups.0.join("in"))?;
        Ok(groups)
    }
}

impl Drop for Groups {
    fn drop(&mut self) {
        fn remove(folder: &Path) {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                if entry.path().is_dir() {
                    remove(&entry.path());
                }
            }
            let _busy_until_they_are_buried = std::fs::remove_dir(folder);
        }
        for _ in 0..100 {
            remove(&self.0);
            if !self.0.exists() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// What a command gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// Exit code.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Victim {
    /// Boots a victim over a root: overlay, namespaces, daemons, and a peer on a veth pair.
    ///
    /// # Errors
    /// When a namespace, a mount or a daemon cannot be had.
    pub fn boot(root: &Path) -> Result<Self> {
        Self::boot_as(root, None)
    }

    /// Boots a victim whose first process is systemd, with control groups of its own.
    ///
    /// # Errors
    /// When there is no cgroup2, or systemd does not come up in half a minute.
    pub fn boot_with_systemd(root: &Path) -> Result<Self> {
        let groups = Groups::make()?;
        let victim = Self::boot_as(root, Some(groups))?;
        let deadline = Instant::now() + Duration::from_secs(60);
        while Instant::now() < deadline {
            let state = victim.run(&["systemctl", "is-system-running"])?;
            if ["running", "degraded"].contains(&state.out.trim()) {
                return Ok(victim);
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        bail!("systemd did not come up: {:?}", victim.run(&["systemctl", "list-jobs"])?)
    }

    fn boot_as(root: &Path, groups: Option<Groups>) -> Result<Self> {
        let only = alone();
        let binaries = crate::binaries()?;
        let peer = Command::new("unshare")
            .args(["--net", "--pid", "--fork", "--kill-child", "sleep", "3600"])
            .stdout(Stdio::null())
            .spawn()?;
        // A control group is entered before its namespace begins there.
        let enter = groups.as_ref().map(|groups| groups.0.join("in/cgroup.procs"));
        let mut command = Command::new("sh");
        command.args(["-c", "test -z \"$0\" || echo $$ > \"$0\"; exec \"$@\""]);
        command.arg(enter.unwrap_or_default()).arg("unshare");
        if groups.is_some() {
            command.arg("--cgroup");
        }
        let mut init = command
            .args(["--mount", "--uts", "--ipc", "--net", "--pid", "--fork", "--kill-child"])
            .arg(binaries.join("victim"))
            .arg(root)
            .arg(&binaries)
            .args(groups.as_ref().map(|_| "systemd"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = init.stdout.take().context("the init's stdout is a pipe")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        ensure!(line.trim() == "ready", "the victim did not boot: {line}");
        let pid = child_of(init.id())?;
        let victim = Self { _only: only, init, peer, pid, binaries, _groups: groups };
        victim.wire()?;
        Ok(victim)
    }

    /// Ties the victim to the peer by a veth pair.
    fn wire(&self) -> Result<()> {
        let peer = child_of(self.peer.id())?;
        let (victim, peer_text) = (self.pid.to_string(), peer.to_string());
        let ip = |target: &str, arguments: &str| {
            let mut command = Command::new("nsenter");
            command.args(["--target", target, "--net", "ip"]).args(arguments.split(' '));
            run(&mut command)
        };
        ip(&victim, &format!("link add eth0 type veth peer name eth0 netns {peer_text}"))?;
        ip(&victim, &format!("addr add {VICTIM}/24 dev eth0"))?;
        ip(&victim, "link set eth0 up")?;
        ip(&peer_text, &format!("addr add {PEER}/24 dev eth0"))?;
        ip(&peer_text, "link set eth0 up")?;
        ip(&peer_text, "link set lo up")
    }

    /// Returns the victim's root folder, as the outer machine reaches it: what is planted there by
    /// hand, or looked at without a program of the victim.
    pub fn root(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root", self.pid))
    }

    /// Returns the peer's address.
    pub fn peer_address(&self) -> &'static str {
        PEER
    }

    /// Runs a stand-in on the peer host.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn_on_peer(&self, arguments: &[&str]) -> Result<Child> {
        let peer = child_of(self.peer.id())?.to_string();
        let child = Command::new("nsenter")
            .args(["--target", &peer, "--net", "--pid"])
            .arg(self.binaries.join("stand-in"))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()?;
        Ok(child)
    }

    fn inside(&self) -> Command {
        self.on_network(self.pid)
    }

    /// Returns what runs a program of the victim's files on the network of a process.
    fn on_network(&self, network: u32) -> Command {
        let mut command = Command::new("nsenter");
        let target = self.pid.to_string();
        command.args(["--target", &target, "--mount", "--uts", "--ipc", "--pid", "--root"]);
        command.arg(format!("--net=/proc/{network}/ns/net")).args(["--wd=/", "--"]);
        command
    }

    /// Runs a program of the outer machine on the victim's network: what tells of the victim and is
    /// not of it.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn outer_on_network(&self, arguments: &[&str]) -> Result<Ran> {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.pid.to_string(), "--net", "--"]).args(arguments);
        ran(&mut command)
    }

    /// Gives the peer one more address, which the victim can answer.
    ///
    /// # Errors
    /// When `ip` refuses.
    pub fn add_peer_address(&self, address: &str) -> Result<()> {
        let peer = child_of(self.peer.id())?;
        for (pid, words) in [
            (peer, ["addr", "add", address, "dev", "eth0"]),
            (self.pid, ["route", "add", address, "dev", "eth0"]),
        ] {
            let mut command = Command::new("nsenter");
            command.args(["--target", &pid.to_string(), "--net", "ip"]).args(words);
            run(&mut command)?;
        }
        Ok(())
    }

    /// Runs a shell script on the peer's network, with the victim's files, for half a minute at
    /// most.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn on_peer(&self, script: &str) -> Result<Ran> {
        let mut command = self.on_network(child_of(self.peer.id())?);
        command.args(["timeout", "30", "sh", "-ec", script]);
        ran(&mut command)
    }

    /// Starts a shell script on the peer's network, with the victim's files, for somebody who sits
    /// at a terminal.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn terminal_on_peer(&self, script: &str) -> Result<Terminal> {
        let mut command = self.on_network(child_of(self.peer.id())?);
        command.args(["timeout", "300", "sh", "-ec", script]).env_clear();
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("TERM", "xterm");
        Terminal::start(command.env("LC_ALL", "C.UTF-8"))
    }

    /// Puts a file of the outer machine inside.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn put(&self, from: &Path, to: &str) -> Result<()> {
        let mut child = self
            .inside()
            .args(["sh", "-c", &format!("cat > {to}; chmod 755 {to}")])
            .stdin(Stdio::from(std::fs::File::open(from)?))
            .spawn()?;
        ensure!(child.wait()?.success(), "`{to}` could not be written inside");
        Ok(())
    }

    /// Runs a program inside and waits for it.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn run(&self, arguments: &[&str]) -> Result<Ran> {
        ran(self.inside().args(arguments))
    }

    /// Runs a shell script inside and expects it to succeed.
    ///
    /// # Errors
    /// When it fails.
    pub fn shell(&self, script: &str) -> Result<String> {
        let ran = self.run(&["sh", "-ec", script])?;
        ensure!(ran.code == 0, "`{script}` failed inside: {ran:?}");
        Ok(ran.out)
    }

    /// Starts a program inside, detached: a session of its own, adopted by the victim's init, as a
    /// daemon or an implant would be. Returns its pid inside, which it writes to `/run/NAME.pid`.
    ///
    /// # Errors
    /// When no pid appears in ten seconds.
    pub fn start(&self, name: &str, script: &str) -> Result<i64> {
        let file = format!("/run/{name}.pid");
        let script = format!(
            "rm -f {file}; STAND_IN_PID={file} setsid --fork {script} </dev/null >/dev/null 2>&1"
        );
        self.shell(&script)?;
        let deadline = Instant::now() + Duration::from_secs(10);
        while Instant::now() < deadline {
            let ran = self.run(&["cat", &file])?;
            if let Ok(pid) = ran.out.trim().parse() {
                return Ok(pid);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        bail!("`{name}` did not start inside")
    }

    /// Runs `stanch` inside and returns its JSON document and exit code.
    ///
    /// # Errors
    /// When it prints no JSON.
    pub fn stanch(&self, arguments: &[&str]) -> Result<(serde_json::Value, i32)> {
        let mut all = vec!["/run/range/stanch"];
        all.extend(arguments);
        all.push("--json");
        let ran = self.run(&all)?;
        let document = serde_json::from_str(&ran.out).with_context(|| format!("{ran:?}"))?;
        Ok((document, ran.code))
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        for child in [&mut self.init, &mut self.peer] {
            // `--kill-child`: the namespace's init dies with its `unshare`, and all with the init.
            let _already_gone = child.kill();
            let _status = child.wait();
        }
    }
}

fn ran(command: &mut Command) -> Result<Ran> {
    let output = command
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("LC_ALL", "C.UTF-8")
        .current_dir("/")
        .stdin(Stdio::null())
        .output()?;
    Ok(Ran {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// Returns the one child of a process.
fn child_of(pid: u32) -> Result<u32> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let deadline = Instant::now() + Duration::from_secs(5);
    while Instant::now() < deadline {
        let children = std::fs::read_to_string(&path)?;
        if let Some(child) = children.split_whitespace().next() {
            return Ok(child.parse()?);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    bail!("process {pid} has no child")
}
