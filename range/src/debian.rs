//! Debian roots, made once and kept.

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

/// What runs on a server for the web: PHP, Python, and two applications that intruders know well.
const WEB: &str = "nginx-light,php-fpm,php-mysql,wordpress,phpmyadmin,python3,python3-pip,cron,\
    systemd,openssh-server,procps,passwd,login,dash,libcap2-bin,e2fsprogs";

/// What lies in that root's `/srv/packages`, with the indexes that the archive signed.
const WEB_SHELF: &str = "passwd dash nginx-light php8.2-cli";

/// Keeps what apt downloaded of its archive beside the packages.
const KEEP_LISTS: &str = "; cp \"$1\"/var/lib/apt/lists/*InRelease \
    \"$1\"/var/lib/apt/lists/*Packages* \"$1/srv/packages/\"";

/// Returns the folder of an unpacked Debian root. It is made on first use (about a minute and
/// 250 MB of packages) and kept below `target/`, outside the tree.
///
/// # Errors
/// When mmdebstrap cannot be installed or does not finish.
pub fn debian() -> Result<PathBuf> {
    made("debian", PACKAGES, SHELF, "", "usr/sbin/nginx")
}

/// Returns the folder of an unpacked Debian root with servers for the web and applications in PHP,
/// made and kept as [`debian`] is.
///
/// # Errors
/// When mmdebstrap cannot be installed or does not finish.
pub fn web_server() -> Result<PathBuf> {
    made("web-server", WEB, WEB_SHELF, KEEP_LISTS, "usr/share/wordpress/wp-login.php")
}

/// Returns the folder in which roots are kept.
pub(crate) fn kept() -> Result<PathBuf> {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/range");
    std::fs::create_dir_all(&kept)?;
    Ok(kept.canonicalize()?)
}

fn made(name: &str, packages: &str, shelf: &str, hook: &str, proof: &str) -> Result<PathBuf> {
    static ONCE: Mutex<()> = Mutex::new(());
    let _one_at_a_time = ONCE.lock();
    let kept = kept()?;
    let root = kept.join(name);
    let tar = kept.join(format!("{name}.tar"));
    // A root of other packages than these is no answer to today's question.
    let list = kept.join(format!("{name}.packages"));
    let these = format!("{packages} and {shelf}{hook}");
    let is_of_these = std::fs::read_to_string(&list).is_ok_and(|made| made == these);
    if is_of_these && root.join(proof).exists() {
        return Ok(root);
    }
    if !is_of_these {
        for old in [&root, &tar] {
            remove(old)?;
        }
    }
    tools()?;
    let making = kept.join(format!("{name}.making"));
    remove(&making)?;
    // As a tar, then unpacked: mmdebstrap's directory mode leaves mounts behind when it is killed.
    if !tar.exists() {
        let partial = kept.join(format!("{name}.tar.making"));
        let mut make = Command::new("mmdebstrap");
        make.args(["--quiet", "--format=tar", "--variant=apt"]);
        make.arg(format!("--include={packages}"));
        make.arg(format!(
            "--customize-hook=APT_CONFIG=\"$MMDEBSTRAP_APT_CONFIG\" apt-get -qq -y \
             --download-only --reinstall install {shelf} >&2; mkdir \"$1/srv/packages\"; \
             mv \"$1\"/var/cache/apt/archives/*.deb \"$1/srv/packages/\"{hook}"
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

/// Returns the package file of a package as a root has it installed, downloaded once and kept.
///
/// # Errors
/// When apt cannot download it.
pub fn package_file(root: &Path, name: &str) -> Result<PathBuf> {
    let status = std::fs::read_to_string(root.join("var/lib/dpkg/status"))?;
    let is_it = |paragraph: &&str| paragraph.lines().any(|line| line == format!("Package: {name}"));
    let paragraph = status.split("\n\n").find(is_it);
    let version = paragraph
        .and_then(|text| text.lines().find_map(|line| line.strip_prefix("Version: ")))
        .with_context(|| format!("`{name}` is not installed"))?;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/range/brought");
    std::fs::create_dir_all(&folder)?;
    let written = version.replace(':', "%3a");
    let of_name = |path: &PathBuf| {
        let file = path.file_name().map(|file| file.to_string_lossy()).unwrap_or_default();
        file.starts_with(&format!("{name}_{written}_"))
    };
    let find = || -> Result<Option<PathBuf>> {
        let entries = std::fs::read_dir(&folder)?.filter_map(Result::ok);
        Ok(entries.map(|entry| entry.path()).find(of_name))
    };
    if find()?.is_none() {
        let mut apt = Command::new("apt-get");
        apt.args(["-qq", "download", &format!("{name}={version}")]).current_dir(&folder);
        run(&mut apt)?;
    }
    find()?.with_context(|| format!("apt did not download `{name}`"))
}

/// Removes a file or a folder, if it is there.
pub(crate) fn remove(path: &Path) -> Result<()> {
    if path.is_dir() {
        std::fs::remove_dir_all(path)?;
    } else if path.exists() {
        std::fs::remove_file(path)?;
    }
    Ok(())
}

/// Installs what the range needs of the machine it is made on.
fn tools() -> Result<()> {
    wanted(&[
        ("mmdebstrap", "mmdebstrap"),
        ("ip", "iproute2"),
        ("nsenter", "util-linux"),
        ("nft", "nftables"),
    ])
}

/// Installs rpm and rpmbuild on the machine that the range is made on.
///
/// # Errors
/// When they cannot be installed.
pub fn rpm_tools() -> Result<()> {
    wanted(&[("rpm", "rpm"), ("rpmbuild", "rpm")])
}

/// Installs minisign on the machine that the range is made on.
///
/// # Errors
/// When it cannot be installed.
pub fn minisign() -> Result<()> {
    wanted(&[("minisign", "minisign")])
}

/// Installs a reader of captured packets that is not ours.
///
/// # Errors
/// When it cannot be installed.
pub fn packet_tools() -> Result<()> {
    wanted(&[("tcpdump", "tcpdump")])
}

/// Installs restic on the machine that the range is made on.
///
/// # Errors
/// When it cannot be installed.
pub fn restic() -> Result<()> {
    wanted(&[("restic", "restic")])
}

/// Installs the packages of programs that are not there.
fn wanted(programs: &[(&str, &str)]) -> Result<()> {
    let missing: Vec<&str> = programs
        .iter()
        .filter(|(program, _)| {
            let places = ["/usr/bin", "/usr/sbin", "/bin", "/sbin"];
            !places.iter().any(|place| Path::new(place).join(program).exists())
        })
        .map(|(_, package)| *package)
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
