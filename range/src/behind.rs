//! A server that has not been upgraded for a while, and the packages of its upgrade.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use anyhow::{Result, ensure};

use crate::debian::{kept, remove, run, web_server};

/// Goes back to what the release itself has, without its security updates, and fetches these:
/// `$1` is a folder to work in, `$2` the root.
const GO_BACK: &str = r#"
    mount -t overlay o -o "lowerdir=$2,upperdir=$1/upper,workdir=$1/work" "$1/m"
    cd "$1/m"
    apt="apt-get -qq -y -o Dir=$1/m -o APT::Sandbox::User=root"
    $apt update
    printf 'Package: *\nPin: release l=Debian\nPin-Priority: 1001\n' >etc/apt/preferences.d/back
    $apt --download-only --allow-downgrades dist-upgrade
    names=$(for deb in var/cache/apt/archives/*.deb; do dpkg-deb -f "$deb" Package; done)
    mount --bind /dev dev
    mount -t proc proc proc
    chroot . apt-get -qq -y --no-download --allow-downgrades \
        -o Dpkg::Options::=--force-unsafe-io dist-upgrade
    umount proc dev
    rm etc/apt/preferences.d/back var/cache/apt/archives/*.deb
    $apt --download-only install $names
    cd /
    umount "$1/m"
    rm -rf "$1/upper/var/log" "$1/upper/tmp"
"#;

/// Returns a folder to be laid over [`web_server`]: the same machine before the security updates
/// of its release, with these in apt's cache, so that `apt-get --no-download upgrade` brings them.
/// It is made on first use and kept as the roots are.
///
/// # Errors
/// When the archive cannot be reached, or has no updates for this release.
pub fn behind() -> Result<PathBuf> {
    static ONCE: Mutex<()> = Mutex::new(());
    let _one_at_a_time = ONCE.lock();
    let root = web_server()?;
    let kept = kept()?;
    let (layer, of) = (kept.join("behind"), kept.join("behind.of"));
    let status = std::fs::read(root.join("var/lib/dpkg/status"))?;
    if layer.exists() && std::fs::read(&of).is_ok_and(|made| made == status) {
        return Ok(layer);
    }
    let making = kept.join(format!("behind.making.{}", std::process::id()));
    for part in ["upper", "work", "m"] {
        std::fs::create_dir_all(making.join(part))?;
    }
    let mut go_back = Command::new("unshare");
    go_back.args(["--mount", "--propagation", "private", "sh", "-ec", GO_BACK, "sh"]);
    go_back.env("DEBIAN_FRONTEND", "noninteractive").env("LC_ALL", "C.UTF-8");
    go_back.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    run(go_back.arg(&making).arg(&root))?;
    let upper = making.join("upper");
    ensure!(has_packages(&upper)?, "the archive has no security updates for this release");
    remove(&layer)?;
    std::fs::rename(upper, &layer)?;
    std::fs::write(&of, status)?;
    remove(&making)?;
    Ok(layer)
}

/// Returns whether apt's cache in a layer holds packages.
fn has_packages(layer: &Path) -> Result<bool> {
    let mut entries = std::fs::read_dir(layer.join("var/cache/apt/archives"))?;
    Ok(entries.any(|entry| {
        entry
            .is_ok_and(|entry| entry.path().extension().is_some_and(|extension| extension == "deb"))
    }))
}
