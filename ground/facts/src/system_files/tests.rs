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
