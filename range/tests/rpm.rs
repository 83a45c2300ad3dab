//! A root whose files came by rpm: built by rpmbuild, installed by rpm, and looked at as an image.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use stanch_range::{debian, possible, rpm_tools};

/// Two packages of files of the Debian root: programs, a library of PAM, and configuration.
const SPEC: &str = "
%global debug_package %{nil}
%global _build_id_links none
%global __os_install_post %{nil}
Name: base
Version: 1.0
Release: 1
Summary: Programs of a small system
License: none
Vendor: Range
AutoReqProv: no
%description
Programs of a small system.
%package pam
Summary: Its logins
AutoReqProv: no
%description pam
Its logins.
%install
for file in usr/bin/passwd usr/bin/bash usr/bin/ls usr/bin/ping usr/sbin/sshd etc/ssh/sshd_config etc/pam.d/sshd \
    usr/lib/x86_64-linux-gnu/security/pam_unix.so; do
  test -e %{from}/$file || continue
  mkdir -p %{buildroot}/$(dirname $file)
  cp %{from}/$file %{buildroot}/$file
done
%files
%attr(4755,root,root) /usr/bin/passwd
%attr(0755,root,root) /usr/bin/bash
%attr(0755,root,root) /usr/bin/ls
%attr(0755,root,root) /usr/sbin/sshd
%config(noreplace) %attr(0644,root,root) /etc/ssh/sshd_config
%files pam
%attr(0644,root,root) /usr/lib/x86_64-linux-gnu/security/pam_unix.so
%config(noreplace) %attr(0644,root,root) /etc/pam.d/sshd
";

/// A root that ends with the test.
struct Root(PathBuf);

impl Root {
    /// Builds the packages and installs them.
    fn new() -> Self {
        rpm_tools().unwrap();
        let root = Self(std::env::temp_dir().join(format!("stanch-rpm-{}", std::process::id())));
        let from = debian().unwrap();
        std::fs::create_dir_all(root.path("etc")).unwrap();
        let spec = root.0.join("base.spec");
        std::fs::write(&spec, SPEC).unwrap();
        let define = |name: &str, value: &Path| format!("{name} {}", value.display());
        let mut build = Command::new("rpmbuild");
        build.args(["-bb", "--quiet", "--define"]).arg(define("_topdir", &root.0.join("build")));
        build.arg("--define").arg(define("from", &from)).arg(spec);
        ran(&mut build);
        for name in ["passwd", "group", "os-release"] {
            std::fs::copy(from.join("etc").join(name), root.path("etc").join(name)).unwrap();
        }
        let mut install = Command::new("rpm");
        install.arg("--root").arg(root.path(""));
        install.args(["--dbpath", "/usr/lib/sysimage/rpm", "--nodeps", "--install"]);
        for folder in std::fs::read_dir(root.0.join("build/RPMS")).unwrap() {
            for package in std::fs::read_dir(folder.unwrap().path()).unwrap() {
                install.arg(package.unwrap().path());
            }
        }
        ran(&mut install);
        root
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join("root").join(name)
    }

    fn shell(&self, script: &str) {
        ran(Command::new("sh").args(["-ec", script]).current_dir(self.path("")));
    }

    fn stanch(&self, words: &[&str]) -> Value {
        let stanch = stanch_range::binaries().unwrap().join("stanch");
        let mut command = Command::new(stanch);
        command.arg("--json").arg("--root").arg(self.path("")).args(words);
        let output = command.output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        let document = serde_json::from_slice(&output.stdout);
        assert!(document.is_ok(), "{errors}");
        document.unwrap()
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        let _left = std::fs::remove_dir_all(&self.0);
    }
}

fn ran(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
}

/// Returns the signs that name a path, with their levels.
fn signs(document: &Value, path: &str) -> Vec<String> {
    let findings = document["findings"].as_array().unwrap().iter();
    let named = findings.filter(|finding| finding["entity"]["path"] == path);
    named
        .map(|finding| {
            let text = |key: &str| finding[key].as_str().unwrap();
            format!("{} {}", text("level"), text("sign"))
        })
        .collect()
}

fn above_low(document: &Value) -> Vec<&Value> {
    let findings = document["findings"].as_array().unwrap().iter();
    findings.filter(|one| !matches!(one["level"].as_str(), Some("info" | "low"))).collect()
}

/// What is done, and the sign that must name its path.
const DEEDS: &[(&str, &str, &str)] = &[
    (
        "printf '\\377' | dd of=usr/bin/passwd bs=1 seek=9000 conv=notrunc status=none",
        "/usr/bin/passwd",
        "high files.altered-program",
    ),
    (
        "printf x >> usr/lib/x86_64-linux-gnu/security/pam_unix.so",
        "/usr/lib/x86_64-linux-gnu/security/pam_unix.so",
        "critical files.altered-login-program",
    ),
    ("chmod 4755 usr/bin/bash", "/usr/bin/bash", "high files.set-id-of-nobody"),
    (
        "cp usr/bin/ls usr/bin/lsd && printf own >> usr/bin/lsd",
        "/usr/bin/lsd",
        "low files.program-of-nobody",
    ),
    (
        "echo 'PermitRootLogin no' >> etc/ssh/sshd_config",
        "/etc/ssh/sshd_config",
        "low files.starts-by-itself",
    ),
];

#[test]
fn what_rpm_installed_is_the_baseline_and_what_was_changed_since_is_found() {
    if !possible() {
        return;
    }
    let root = Root::new();
    let clean = root.stanch(&["detect"]);
    assert_eq!(above_low(&clean), Vec::<&Value>::new());
    assert_eq!(clean["verdict"], "clean");
    assert_eq!(clean["packages"]["machine"], 2, "{:#}", clean["packages"]);
    let rows = root.stanch(&[
        "query",
        "SELECT path, state, rests_on FROM system_files WHERE package LIKE 'base%' ORDER BY path",
    ]);
    let rows = rows["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 7, "{rows:#?}");
    assert!(rows.iter().all(|row| row["state"] == "intact" && row["rests_on"] == "header"));
    for (script, ..) in DEEDS {
        root.shell(script);
    }
    let document = root.stanch(&["detect", "--only", "files"]);
    let mut missed = Vec::new();
    for (_, path, sign) in DEEDS {
        let found = signs(&document, path);
        if !found.iter().any(|one| one == sign) {
            missed.push(format!("{path}: expected {sign}, found {found:?}"));
        }
    }
    assert_eq!(missed, Vec::<String>::new());
    // Nobody signed what was built here.
    let database = "/usr/lib/sysimage/rpm/rpmdb.sqlite";
    assert!(signs(&document, database).contains(&"low files.foreign-package".to_owned()));
    assert_eq!(document["verdict"], "compromised");
}
