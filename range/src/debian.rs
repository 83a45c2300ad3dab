//! A Debian root, made once and kept.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use anyhow::{Context as _, Result, ensure};

/// What runs on the victim, what is needed to look at it, and what people work with there.
const PACKAGES: &str = "openssh-server,nginx-light,cron,rsyslog,systemd,procps,iproute2,passwd,\
    login,mount,util-linux,logrotate,fcgiwrap,sudo,rsync,strace";

/// What lies in the victim's `/srv/packages`, to be installed and upgraded by its own apt without a
/// network.
const SHELF: &str = "gcc libc6-dev make less cron openssh-server nginx-light logrotate";

/// Returns the folder of an unpacked Debian root. It is made on first use (about a minute and
/// 250 MB of packages) and kept below `target/`, outside the tree.
///
/// # Errors
/// When mmdebstrap cannot be installed or does not finish.
pub fn debian() -> Result<PathBuf> {
    static ONCE: Mutex<()> = Mutex::new(());
    let _one_at_a_time = ONCE.lock();
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/range");
    std::fs::create_dir_all(&kept)?;
    let kept = kept.canonicalize()?;
    let root = kept.join("debian");
    let tar = kept.join("debian.tar");
    // A root of other packages than these is no answer to today's question.
    let list = kept.join("debian.packages");
    let these = format!("{PACKAGES} and {SHELF}");
    let is_of_these = std::fs::read_to_string(&list).is_ok_and(|made| made == these);
    if is_of_these && root.join("usr/sbin/nginx").exists() {
        return Ok(root);
    }
    if !is_of_these {
        for old in [&root, &tar] {
            remove(old)?;
        }
    }
    tools()?;
    let making = kept.join("debian.making");
    remove(&making)?;
    // As a tar, then unpacked: mmdebstrap's directory mode leaves mounts behind when it is killed.
    if !tar.exists() {
        let partial = kept.join("debian.tar.making");
        let mut make = Command::new("mmdebstrap");
        make.args(["--quiet", "--format=tar", "--variant=apt"]);
        make.arg(format!("--include={PACKAGES}"));
        make.arg(format!(
            "--customize-hook=APT_CONFIG=\"$MMDEBSTRAP_APT_CONFIG\" apt-get -qq -y \
             --download-only --reinstall install {SHELF} >&2; mkdir \"$1/srv/packages\"; \
             mv \"$1\"/var/cache/apt/archives/*.deb \"$1/srv/packages/\""
        ));
        make.arg("bookworm").arg(&partial);
        run(&mut make)?;
        std::fs::rename(&partial, &tar)?;
        std::fs::write(&list, these)?;
    }
    std::fs::create_dir(&making)?;
    let mut unpack = Command::new("tar");
    unpack.arg("-C").arg(&making).arg("-xpf").arg(&tar).args(["--exclude=./dev/*", "--xattrs"]);
    run(&mut unpack)?;
    std::fs::rename(&making, &root)?;
    Ok(root)
}

/// Removes a file or a folder, if it is there.
fn remove(path: &Path) -> Result<()> {
    if path.is_dir() {
        std::fs::remove_dir_all(path)?;
    } else if path.exists() {
        std::fs::remove_file(path)?;
    }
    Ok(())
}

/// Installs what the range needs of the machine it is made on.
fn tools() -> Result<()> {
    let wanted = [
        ("mmdebstrap", "mmdebstrap"),
        ("ip", "iproute2"),
        ("nsenter", "util-linux"),
        ("nft", "nftables"),
    ];
    let missing: Vec<&str> = wanted
        .into_iter()
        .filter(|(program, _)| {
            let places = ["/usr/bin", "/usr/sbin", "/bin", "/sbin"];
            !places.iter().any(|place| Path::new(place).join(program).exists())
        })
        .map(|(_, package)| package)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    run(Command::new("apt-get").args(["-qq", "update"]))?;
    run(Command::new("apt-get").args(["-qq", "-y", "install"]).args(missing))
}

pub(crate) fn run(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("starting {command:?}"))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?} failed:\n{errors}");
    Ok(())
}
