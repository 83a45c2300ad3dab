//! The range: victims in namespaces, and harmless stand-ins for what an intruder leaves.
//!
//! **What the responder is asking**: nothing here; this is where we prove that the answers given
//! elsewhere are true, on real kernels with real daemons.
//!
//! **In and out**: a Debian root is made once with `mmdebstrap`; each [`Victim`] is an overlay over
//! it in namespaces of its own, with sshd, nginx, cron and rsyslogd running and a peer host at the
//! other end of a veth pair. Commands run inside through `nsenter`.
//!
//! **Never**: the machine's own network namespace, accounts, `/etc` and services are not touched;
//! everything ends with the namespaces, when the victim is dropped.
//!
//! **Start reading** at [`Victim::boot`], [`debian`] and `src/bin/stand_in.rs`.

mod behind;
mod debian;
mod planter;
mod slow_files;
mod terminal;
mod victim;

pub use behind::behind;
pub use debian::{debian, minisign, package_file, packet_tools, restic, rpm_tools, web_server};
pub use planter::{AGENT, How, PLANTS, Plant, VARIANTS};
pub use slow_files::SlowFiles;
pub use terminal::Terminal;
pub use victim::{Ran, Victim, alone};

use std::path::PathBuf;

/// Returns whether a range can be made here: root is needed. Where it cannot, it says SKIPPED and
/// why; in CI it must not skip, so there it panics.
pub fn possible() -> bool {
    if rustix::process::geteuid().is_root() {
        return true;
    }
    assert!(std::env::var_os("CI").is_none(), "the range needs root, and CI must not skip it");
    report("SKIPPED range: root is needed to make namespaces and overlays");
    false
}

#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn report(text: &str) {
    eprintln!("{text}");
}

/// Returns the folder of built binaries (`target/debug`), with `stanch` and the stand-ins fresh.
///
/// # Errors
/// When cargo cannot build them.
pub fn binaries() -> anyhow::Result<PathBuf> {
    use anyhow::Context as _;
    let test = std::env::current_exe()?;
    let folder = test.ancestors().nth(2).context("a test binary lies in target/PROFILE/deps")?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = std::process::Command::new(cargo);
    build.args(["build", "--quiet", "--workspace", "--bins", "--locked"]);
    if folder.ends_with("release") {
        build.arg("--release");
    }
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    let status = build.args(["--manifest-path", manifest]).status()?;
    anyhow::ensure!(status.success(), "cargo build failed");
    Ok(folder.to_owned())
}
