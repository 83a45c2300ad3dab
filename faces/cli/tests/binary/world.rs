//! A root directory of a test's own, and the binary looking at it.

use std::fmt;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The user and group that own nothing.
const NOBODY: u32 = 65_534;

static WORLDS: AtomicUsize = AtomicUsize::new(0);

/// A directory below the temporary one, which every user may enter; it goes when it is dropped.
pub(crate) struct World {
    directory: PathBuf,
}

/// How a run ended.
pub(crate) struct Run {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) code: i32,
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.stdout)?;
        if !self.stderr.is_empty() {
            write!(f, "[stderr]\n{}", self.stderr)?;
        }
        write!(f, "[exit {}]", self.code)
    }
}

impl World {
    pub(crate) fn new() -> Self {
        let number = WORLDS.fetch_add(1, Ordering::Relaxed);
        let name = format!("stanch-world-{}-{number}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        std::fs::create_dir(&directory).unwrap();
        let open = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&directory, open).unwrap();
        std::fs::create_dir(directory.join("root")).unwrap();
        Self { directory }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    fn root(&self) -> PathBuf {
        self.path("root")
    }

    pub(crate) fn file(&self, path: &str, text: &str) {
        self.bytes(path, text.as_bytes());
    }

    pub(crate) fn bytes(&self, path: &str, bytes: &[u8]) {
        let path = self.root().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    /// Lets only root read a file.
    pub(crate) fn forbid(&self, path: &str) {
        let closed = std::fs::Permissions::from_mode(0o000);
        std::fs::set_permissions(self.root().join(path), closed).unwrap();
    }

    /// Looks at this world's root.
    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        run(self.looking(Path::new(BINARY), arguments))
    }

    /// Runs without `--root`.
    pub(crate) fn plain(&self, arguments: &[&str]) -> Run {
        self.with(&[], arguments)
    }

    pub(crate) fn with(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Run {
        let mut command = command(Path::new(BINARY));
        command.args(arguments).envs(variables.iter().copied());
        run(command)
    }

    /// Looks at this world's root as a user who owns nothing in it.
    pub(crate) fn as_nobody(&self, arguments: &[&str]) -> Run {
        let root = self.root().display().to_string();
        self.as_nobody_here(&[&["--root", &root], arguments].concat())
    }

    /// Runs without `--root` as a user who owns nothing in this world.
    pub(crate) fn as_nobody_here(&self, arguments: &[&str]) -> Run {
        // The build directory may be closed to others, so the binary is copied.
        let binary = self.path("stanch");
        if !binary.exists() {
            std::fs::copy(BINARY, &binary).unwrap();
        }
        let mut command = command(&binary);
        command.args(arguments).current_dir("/");
        if rustix::process::geteuid().is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        run(command)
    }

    /// Reads one line and goes away; returns it, the exit code and what was said on stderr.
    pub(crate) fn first_line(&self, arguments: &[&str]) -> (String, i32, String) {
        let mut command = self.looking(Path::new(BINARY), arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut first = String::new();
        let mut stdout = BufReader::with_capacity(64, child.stdout.take().unwrap());
        stdout.read_line(&mut first).unwrap();
        drop(stdout);
        let mut stderr = String::new();
        child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        (first, child.wait().unwrap().code().unwrap_or(-1), stderr)
    }

    fn looking(&self, binary: &Path, arguments: &[&str]) -> Command {
        let mut command = command(binary);
        command.arg("--root").arg(self.root()).args(arguments);
        command
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _left_behind = std::fs::remove_dir_all(&self.directory);
    }
}

const BINARY: &str = env!("CARGO_BIN_EXE_stanch");

fn command(binary: &Path) -> Command {
    let mut command = Command::new(binary);
    command.env_clear().stdin(Stdio::null());
    command
}

fn run(mut command: Command) -> Run {
    // A program that was just copied is busy while a fork of another test's holds it open.
    let busy = std::io::ErrorKind::ExecutableFileBusy;
    let mut output = command.output();
    while output.as_ref().is_err_and(|error| error.kind() == busy) {
        std::thread::sleep(std::time::Duration::from_millis(20));
        output = command.output();
    }
    let output = output.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Run {
        stdout: text(output.stdout),
        stderr: text(output.stderr),
        code: output.status.code().unwrap_or(-1),
    }
}
