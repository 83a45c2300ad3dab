//! A small Debian with one file of each state.

use std::sync::Arc;

use stanch_machine::Pretend;
use stanch_words::{Ask, Row, Seen, Value};

use crate::Host;
use crate::tables::system_files::{SPEC, col};
use crate::tables::{changed_system_files, find};

/// MD5 of `abc`.
const ABC: &str = "900150983cd24fb0d6963f7d28e17f72";
/// When the package came; the clock of the pretended machine stands there.
const CAME: i64 = 1_772_323_200;

fn debian() -> Pretend {
    let sums = ["bin/same", "bin/changed", "bin/gone", "bin/linked", "share/p.py"]
        .map(|path| format!("{ABC}  usr/{path}\n"))
        .concat();
    Pretend::new()
        .link("/bin", "usr/bin")
        .link("/lib", "usr/lib")
        .file("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\n")
        .file("/etc/group", "root:x:0:\n")
        .file("/usr/bin/same", "abc")
        .file("/usr/bin/changed", "\x7fELF implant")
        .with("/usr/bin/changed", |stat| stat.changed += 5_000_000_000_000)
        .link("/usr/bin/linked", "/tmp/x")
        .file("/usr/share/p.py", "abc")
        .file("/usr/bin/bare", "no digest")
        .file("/etc/p.conf", "edited")
        .file("/etc/program.conf", "\x7fELF, called a configuration file")
        .file("/usr/lib/libnew.so", "\x7fELF new")
        .file("/usr/lib/copied", "abc")
        .file("/usr/local/bin/own", "\x7fELF own")
        .link("/usr/bin/alias", "same")
        .file("/usr/sbin/start.sh", "#!/bin/sh\n")
        .file("/usr/share/cache", "data")
        .file("/var/lib/dpkg/status", "Package: p\nStatus: install ok installed\nArchitecture: all\nVersion: 1\nConffiles:\n /etc/p.conf 0123456789abcdef0123456789abcdef\n /etc/program.conf 0123456789abcdef0123456789abcdef\n")
        .file("/var/lib/dpkg/info/p.list", "/.\n/usr\n/usr/bin\n/usr/lib\n/usr/sbin\n/usr/share\n/bin/same\n/usr/bin/changed\n/usr/bin/gone\n/usr/bin/linked\n/usr/bin/bare\n/usr/share/p.py\n/etc/p.conf\n/etc/program.conf\n/opt/p/x\n")
        .file("/var/lib/dpkg/info/p.md5sums", sums.replace("usr/bin/same", "bin/same"))
}

fn look(machine: Pretend, table: &str) -> Seen {
    let mut seen = Seen::default();
    (find(table).unwrap().read)(&Host::new(Arc::new(machine)), &Ask::all(), &mut seen);
    seen
}

fn text(row: &Row, columns: &[usize]) -> String {
    let cells = columns.iter().map(|&column| row.get(column).to_string());
    cells.collect::<Vec<_>>().join(" ").trim_end().to_owned()
}

fn told(seen: &Seen, columns: &[usize]) -> Vec<String> {
    let mut lines: Vec<String> = seen.rows.iter().map(|row| text(row, columns)).collect();
    lines.sort();
    lines
}

#[test]
fn each_state_is_told_and_what_it_rests_on() {
    let seen = look(debian(), SPEC.name);
    let lines = told(&seen, &[col::path, col::state, col::kind, col::rests_on]);
    let expected = [
        "/bin unowned link",
        "/etc/group unowned data",
        "/etc/p.conf config data status",
        "/etc/passwd unowned data",
        "/etc/program.conf altered elf status",
        "/lib unowned link",
        "/opt/p/x missing",
        "/usr/bin/alias unowned link",
        "/usr/bin/bare unverified",
        "/usr/bin/changed altered elf md5sums",
        "/usr/bin/gone missing",
        "/usr/bin/linked altered link md5sums",
        "/usr/bin/same intact  md5sums",
        "/usr/lib/copied unowned data",
        "/usr/lib/libnew.so unowned elf",
        "/usr/sbin/start.sh unowned script",
        "/usr/share/cache unowned data",
        "/usr/share/p.py intact  md5sums",
    ];
    // The roots themselves are not walked into as files.
    let lines: Vec<&String> = lines.iter().collect();
    let expected: Vec<&&str> = expected
        .iter()
        .filter(|line| !line.starts_with("/bin ") && !line.starts_with("/lib "))
        .collect();
    assert_eq!(lines, expected);
    assert_eq!(seen.gaps, []);
}

#[test]
fn what_stands_out_is_told_with_digests_and_times() {
    let seen = look(debian(), changed_system_files::SPEC.name);
    let lines = told(&seen, &[col::path, col::state]);
    for absent in ["/usr/bin/same", "/usr/bin/alias", "/usr/share/p.py"] {
        assert!(!lines.iter().any(|line| line.starts_with(absent)), "{absent}");
    }
    let changed =
        seen.rows.iter().find(|row| row.get(col::path).as_text() == Some("/usr/bin/changed"));
    let changed = changed.unwrap();
    assert_eq!(changed.get(col::expected).as_text(), Some(ABC));
    assert_eq!(changed.get(col::package).as_text(), Some("p"));
    assert_eq!(changed.get(col::since), &Value::from(CAME));
    assert_eq!(changed.get(col::ctime), &Value::from(CAME + 5000));
}

#[test]
fn an_unreadable_owned_file_is_unverified_and_a_gap() {
    let seen = look(debian().denied("/usr/bin/same"), SPEC.name);
    let same = seen.rows.iter().find(|row| row.get(col::path).as_text() == Some("/usr/bin/same"));
    // A file that cannot even be described has no row.
    assert!(same.is_none_or(|row| row.get(col::state).as_text() == Some("unverified")));
    assert!(!seen.gaps.is_empty());
}

#[test]
fn bytecode_is_explained_by_its_source_and_an_elf_in_its_place_is_not() {
    let source = |machine: Pretend, name: &str, bytes: &[u8]| {
        let path = format!("/usr/share/__pycache__/{name}.cpython-311.pyc");
        machine.file(path, bytes)
    };
    let header = |size: u32| {
        let time = u32::try_from(CAME).unwrap();
        let numbers = [0, time, size].map(u32::to_le_bytes).concat();
        [&[0xa7, 0x0d, b'\r', b'\n'][..], &numbers, b"code"].concat()
    };
    let machine = source(debian(), "p", &header(3));
    let machine = source(machine, "other", &header(3));
    let seen = look(source(machine, "p.opt-1", &header(4)), SPEC.name);
    let lines = told(&seen, &[col::path, col::kind, col::explained]);
    let pyc: Vec<&str> =
        lines.iter().filter_map(|line| line.strip_prefix("/usr/share/__pycache__/")).collect();
    assert_eq!(
        pyc,
        [
            "other.cpython-311.pyc bytecode",
            "p.cpython-311.pyc bytecode bytecode",
            "p.opt-1.cpython-311.pyc bytecode",
        ]
    );
    let seen = look(source(debian(), "p", b"\x7fELF"), SPEC.name);
    let lines = told(&seen, &[col::path, col::kind, col::explained]);
    assert!(lines.contains(&"/usr/share/__pycache__/p.cpython-311.pyc elf".to_owned()));
}

#[test]
fn a_copy_of_a_shipped_program_is_told_as_one() {
    let machine = debian()
        .file("/usr/bin/copy.py", "abc")
        .file("/usr/lib/node_modules/x/package.json", "{}")
        .file("/usr/lib/node_modules/x/b/y.node", "\x7fELF y");
    let seen = look(machine, SPEC.name);
    let row = |path: &str| {
        let found = seen.rows.iter().find(|row| row.get(col::path).as_text() == Some(path));
        text(found.unwrap(), &[col::explained, col::copy_of, col::tree, col::tree_files])
    };
    assert!(row("/usr/bin/copy.py").starts_with("copy /"), "{}", row("/usr/bin/copy.py"));
    assert_eq!(row("/usr/lib/node_modules/x/b/y.node"), "npm  /usr/lib/node_modules 2");
}

#[test]
fn without_a_database_nothing_is_called_unowned() {
    let machine = Pretend::new().file("/usr/bin/x", "\x7fELF");
    assert_eq!(look(machine, SPEC.name).rows, []);
}

/// A root with the package `probe`, in a database that rpm 4.18 wrote (SQLite) for a package with
/// a program, one with `cap_net_raw`, a configuration file of mode 0640, one that may differ in
/// content and mode (`%verify(not …)`), and a log that is only listed (`%ghost`).
fn fedora() -> Pretend {
    let packed = include_bytes!("../../fixtures/rpmdb.sqlite.xz");
    let most = 1 << 20;
    let (database, cut) =
        crate::decompress::value(crate::decompress::Compression::Xz, packed, most).unwrap();
    assert!(!cut);
    // What setcap(8) writes for `cap_net_raw=ep`.
    let raw = [0x0200_0001_u32, 1 << 13, 0, 0, 0].map(u32::to_le_bytes).concat();
    Pretend::new()
        .file("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\nann:x:1000:1000::/:/bin/sh\n")
        .file("/etc/group", "root:x:0:\nann:x:1000:\n")
        .file("/usr/lib/sysimage/rpm/rpmdb.sqlite", database)
        .file("/usr/bin/probe", "#!/bin/sh\nexit 0\n")
        .with("/usr/bin/probe", |stat| stat.mode = 0o10_0755)
        .file("/usr/bin/probe-raw", "raw")
        .with("/usr/bin/probe-raw", |stat| stat.mode = 0o10_0755)
        .with_attribute("/usr/bin/probe-raw", "security.capability", &raw)
        .file("/etc/probe.conf", "conf\n")
        .with("/etc/probe.conf", |stat| stat.mode = 0o10_0640)
        .file("/etc/loose.conf", "whatever\n")
        .with("/etc/loose.conf", |stat| stat.mode = 0o10_0600)
}

fn of_probe(machine: Pretend) -> Vec<String> {
    let seen = look(machine, SPEC.name);
    assert_eq!(seen.gaps, []);
    let columns = [col::path, col::state, col::rests_on, col::differs];
    let lines = told(&seen, &columns);
    lines.into_iter().filter(|line| line.contains("probe") || line.contains("loose")).collect()
}

#[test]
fn what_rpm_installed_is_intact_and_what_may_differ_is_not_compared() {
    assert_eq!(
        of_probe(fedora()),
        [
            "/etc/loose.conf unverified",
            "/etc/probe.conf intact header",
            "/usr/bin/probe intact header",
            "/usr/bin/probe-raw intact header",
        ]
    );
}

#[test]
fn digests_modes_owners_and_capabilities_of_rpms_files_are_compared() {
    let setuid = [0x0200_0001_u32, 1 << 7, 0, 0, 0].map(u32::to_le_bytes).concat();
    let kind = |bytes: &[u8]| {
        let seen = look(fedora().file("/usr/bin/probe", bytes), SPEC.name);
        let told = |row: &&Row| row.get(col::path).as_text() == Some("/usr/bin/probe");
        text(seen.rows.iter().find(told).unwrap(), &[col::state, col::kind])
    };
    assert_eq!(kind(b"#!/bin/sh\nexit 1\n"), "altered script");
    assert_eq!(kind(b"\x7fELF implant"), "altered elf");
    let changed = fedora()
        .file("/usr/bin/probe", "#!/bin/sh\nexit 1\n")
        .with("/usr/bin/probe", |stat| {
            stat.mode = 0o10_4755;
            stat.uid = 1000;
        })
        .file("/usr/bin/probe-raw", "raw")
        .with("/usr/bin/probe-raw", |stat| stat.mode = 0o10_0755)
        .with_attribute("/usr/bin/probe-raw", "security.capability", &setuid)
        .file("/etc/probe.conf", "edited\n")
        .with("/etc/probe.conf", |stat| {
            stat.mode = 0o10_0644;
            stat.gid = 1000;
        });
    assert_eq!(
        of_probe(changed),
        [
            "/etc/loose.conf unverified",
            "/etc/probe.conf config header mode group",
            "/usr/bin/probe altered header mode owner",
            "/usr/bin/probe-raw intact header capabilities",
        ]
    );
}

#[test]
fn what_pip_lists_is_explained_and_what_is_not_as_it_lists_is_altered() {
    let folder = "/usr/lib/python3/site-packages";
    let record = "p/a.py,sha256=y4N5rCCYqhZQKeOTilHaC87PwAj9Z5X0AReGR_lsWzQ,3\n\
        p/b.py,sha256=ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0,3\nRECORD,,\n";
    let machine = debian()
        .file(format!("{folder}/p-1.dist-info/RECORD"), record)
        .file(format!("{folder}/p/a.py"), "def")
        .file(format!("{folder}/p/b.py"), "changed")
        .file(format!("{folder}/p/c.py"), "added");
    let seen = look(machine, SPEC.name);
    let lines = told(&seen, &[col::path, col::state, col::explained, col::rests_on]);
    let lines: Vec<&str> = lines.iter().filter_map(|line| line.strip_prefix(folder)).collect();
    assert_eq!(
        lines,
        [
            "/p-1.dist-info/RECORD unowned",
            "/p/a.py unowned pip",
            "/p/b.py altered  pip",
            "/p/c.py unowned",
        ]
    );
}

#[test]
fn what_lies_in_a_folder_of_another_manager_is_beside_its_manifest_and_unproven() {
    let composer = r#"{"packages":[{"name":"a/b","version":"1.0"},{"name":"../../../sbin"}]}"#;
    let machine = debian()
        .file("/usr/lib/ruby/gems/3.1.0/specifications/rack-2.2.gemspec", "Gem::Specification.new")
        .file("/usr/lib/ruby/gems/3.1.0/gems/rack-2.2/lib/rack.rb", "code")
        .file("/usr/lib/ruby/gems/3.1.0/gems/other-1.0/lib/x.rb", "code")
        .file("/usr/share/shop/vendor/composer/installed.json", composer)
        .file("/usr/share/shop/vendor/a/b/src/x.php", "<?php")
        .file("/usr/share/shop/vendor/c/d/x.php", "<?php")
        .file("/usr/lib/node_modules/@s/p/package.json", "{}")
        .file("/usr/lib/node_modules/@s/p/i.js", "code")
        .file("/usr/lib/node_modules/loose/i.js", "code")
        .file("/usr/sbin/own.sh", "#!/bin/sh\n");
    let seen = look(machine, SPEC.name);
    let row = |path: &str| {
        let found = seen.rows.iter().find(|row| row.get(col::path).as_text() == Some(path));
        text(found.unwrap(), &[col::state, col::explained, col::rests_on])
    };
    for (path, expected) in [
        ("/usr/lib/ruby/gems/3.1.0/gems/rack-2.2/lib/rack.rb", "unowned gem"),
        ("/usr/lib/ruby/gems/3.1.0/gems/other-1.0/lib/x.rb", "unowned"),
        ("/usr/share/shop/vendor/a/b/src/x.php", "unowned composer"),
        ("/usr/share/shop/vendor/c/d/x.php", "unowned"),
        ("/usr/lib/node_modules/@s/p/i.js", "unowned npm"),
        ("/usr/lib/node_modules/loose/i.js", "unowned"),
        // A name that climbs out of its folder takes nothing with it.
        ("/usr/sbin/own.sh", "unowned"),
    ] {
        assert_eq!(row(path), expected, "{path}");
    }
}
