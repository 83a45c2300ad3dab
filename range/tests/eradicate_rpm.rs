//! Files that came by rpm are put back from the package that the responder brings.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use stanch_range::{Victim, debian, possible, rpm_tools};

/// A package with a program that has another name (a hard link), and a library.
const SPEC: &str = "
%global debug_package %{nil}
%global _build_id_links none
%global __os_install_post %{nil}
Name: probe
Version: 1.0
Release: 1
Summary: Programs of nobody else
License: none
AutoReqProv: no
%description
Programs of nobody else.
%install
mkdir -p %{buildroot}/opt/probe/bin %{buildroot}/opt/probe/lib
head -c 300000 /bin/bash > %{buildroot}/opt/probe/bin/tool
ln %{buildroot}/opt/probe/bin/tool %{buildroot}/opt/probe/bin/tool-too
echo library > %{buildroot}/opt/probe/lib/libprobe.so
%files
%attr(4755,root,root) /opt/probe/bin/tool
%attr(4755,root,root) /opt/probe/bin/tool-too
%attr(0644,root,root) /opt/probe/lib/libprobe.so
";

fn ran(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
}

/// Builds the package below a folder and returns its file.
fn built(folder: &Path) -> PathBuf {
    std::fs::create_dir_all(folder).unwrap();
    let spec = folder.join("probe.spec");
    std::fs::write(&spec, SPEC).unwrap();
    let mut build = Command::new("rpmbuild");
    build.args(["-bb", "--quiet", "--define"]).arg(format!("_topdir {}", folder.display()));
    ran(build.arg(spec));
    let folders = std::fs::read_dir(folder.join("RPMS")).unwrap();
    let mut packages =
        folders.flat_map(|folder| std::fs::read_dir(folder.unwrap().path()).unwrap());
    packages.next().unwrap().unwrap().path()
}

fn eradicate(victim: &Victim, words: &[&str]) -> (Value, i32) {
    let paths = ["--path", "/opt/probe/bin/tool", "--path", "/opt/probe/lib/libprobe.so"];
    let first = ["--case", "/run/range/case", "eradicate"];
    victim.stanch(&[&first[..], words, &paths].concat()).unwrap()
}

/// All that belongs to the package's files.
fn told(victim: &Victim) -> String {
    victim
        .shell("cd /opt/probe; find . -type f -printf '%p %m %u %g %s %T@ ' -exec md5sum {} \\; | sort")
        .unwrap()
}

#[test]
fn altered_and_missing_files_of_rpm_come_back_as_their_package_brings_them() {
    if !possible() {
        return;
    }
    rpm_tools().unwrap();
    let folder = std::env::temp_dir().join(format!("stanch-rpm-back-{}", std::process::id()));
    let package = built(&folder);
    let victim = Victim::boot(&debian().unwrap()).unwrap();
    // Elsewhere, then copied: SQLite follows the link `/proc/PID/root` by its text.
    let root = folder.join("root");
    std::fs::create_dir(&root).unwrap();
    let mut install = Command::new("rpm");
    install.arg("--root").arg(&root);
    install.args(["--dbpath", "/usr/lib/sysimage/rpm", "--nodeps", "--install"]);
    ran(install.arg(&package));
    for (from, to) in [("opt/probe", "opt"), ("usr/lib/sysimage", "usr/lib")] {
        let mut copy = Command::new("cp");
        ran(copy.arg("-a").arg(root.join(from)).arg(victim.root().join(to)));
    }
    let shipped = told(&victim);
    // As somebody does who replaces a program: the other name keeps the old content.
    victim
        .shell(
            "cd /opt/probe; cp bin/tool bin/new; printf x >> bin/new; mv bin/new bin/tool
             chmod 700 bin/tool; rm lib/libprobe.so",
        )
        .unwrap();
    let altered = told(&victim);
    assert_ne!(altered, shipped);
    let (refused, code) = eradicate(&victim, &["plan"]);
    assert_eq!(code, 4, "{refused}");
    let costs = refused["costs"].to_string();
    assert!(costs.contains("`dnf download probe-1.0-1."), "{costs}");

    let brought = victim.root().join("run/range/packages");
    std::fs::create_dir(&brought).unwrap();
    let place = brought.join(package.file_name().unwrap());
    let bytes = std::fs::read(&package).unwrap();
    // One whose payload was changed is not what its header tells.
    let mut forged = bytes.clone();
    let middle = forged.len() - forged.len() / 4;
    forged[middle] ^= 0xff;
    std::fs::write(&place, forged).unwrap();
    let packages = ["--packages", "/run/range/packages"];
    let (refused, code) = eradicate(&victim, &[&["plan"][..], &packages].concat());
    assert_eq!(code, 4, "{refused}");
    std::fs::write(&place, bytes).unwrap();
    let apply = ["apply", "--yes", "--no-look"];
    let (done, code) = eradicate(&victim, &[&apply[..], &packages].concat());
    assert_eq!(code, 0, "{done}");
    let acts = done["acts"].as_array().unwrap();
    assert_eq!(acts.len(), 2, "{done}");
    assert!(acts.iter().all(|act| act["step"]["act"] == "restore_file"), "{done}");
    assert_eq!(told(&victim), shipped, "as the package brings them");
    let plan = acts[0]["plan"].as_str().unwrap();
    let (undone, code) = victim.stanch(&["--case", "/run/range/case", "undo", plan]).unwrap();
    assert_eq!(code, 0, "{undone}");
    assert_eq!(told(&victim), altered, "undone");
    std::fs::remove_dir_all(&folder).unwrap();
}
