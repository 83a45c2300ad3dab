//! Machines whose lists were forged, and package files that say so.

use stanch_machine::Pretend;
use stanch_words::{Ask, Row};

use super::*;
use crate::packages::{self, State, deb};
use crate::tables::find;
use crate::tables::system_files::col;

const ABC: &str = "900150983cd24fb0d6963f7d28e17f72";
/// MD5 of `implant` and of what was added, as an intruder would write it into the list.
const IMPLANT: &str = "994e01aa71e3de9e8bbdafb048be4953";
const ADDED: &str = "007d6cb914eff2879f9af25fbc094b89";

/// A machine on which one program was altered, one was added, and the lists say that all is well.
fn forged() -> Pretend {
    Pretend::new()
        .file("/usr/bin/tool", "implant")
        .file("/usr/bin/added", "\x7fELF added")
        .file("/etc/tool.conf", "edited")
        .file("/etc/old.conf", "old")
        .file("/var/lib/dpkg/status", format!("Package: tool\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1:2-3\nConffiles:\n /etc/tool.conf {ABC}\n /etc/old.conf {ABC} obsolete\n\nPackage: other\nStatus: install ok installed\nArchitecture: all\nVersion: 1\n"))
        .file("/var/lib/dpkg/info/tool.list", "/.\n/usr\n/usr/bin\n/usr/bin/tool\n/usr/bin/added\n/etc/tool.conf\n/etc/old.conf\n")
        .file("/var/lib/dpkg/info/tool.md5sums", format!("{IMPLANT}  usr/bin/tool\n{ADDED}  usr/bin/added\n"))
        .file("/var/lib/dpkg/info/other.list", "/.\n/usr/bin\n")
        .file("/var/lib/dpkg/info/other.md5sums", "")
}

/// The package as it was shipped.
fn shipped() -> Vec<u8> {
    let files = [("./usr/bin/tool", 0o755, &b"abc"[..]), ("./etc/tool.conf", 0o644, b"conf")];
    deb::tests::made("tool", "1:2-3", &files)
}

fn look(machine: Pretend, brought: Option<Pretend>) -> (Vec<String>, Vec<String>, Bases) {
    let host = Host::new(Arc::new(machine));
    if let Some(reader) = brought {
        let keyring = reader.read(Path::new("/p/keyring.gpg"), 9999).is_ok();
        host.give(Arc::new(Trust {
            reader: Arc::new(reader),
            packages: Some("/p".into()),
            keyring: keyring.then(|| "/p/keyring.gpg".into()),
        }));
    }
    let mut seen = Seen::default();
    (find("system_files").unwrap().read)(&host, &Ask::all(), &mut seen);
    let text = |row: &Row| {
        let cells = [col::path, col::state, col::rests_on, col::expected_mode];
        cells.map(|column| row.get(column).to_string()).join(" ").trim_end().to_owned()
    };
    let mut rows: Vec<String> = seen.rows.iter().map(text).collect();
    rows.sort();
    rows.retain(|row| !row.starts_with("/etc/passwd") && !row.starts_with("/etc/group"));
    let gaps = seen.gaps.into_iter().map(|gap| gap.detail).collect();
    (rows, gaps, packages::index(&host).bases())
}

#[test]
fn forged_lists_are_believed_without_a_package_file() {
    let (rows, _, bases) = look(forged(), None);
    assert!(rows.contains(&"/usr/bin/tool intact md5sums".to_owned()), "{rows:?}");
    assert_eq!(bases.machine, ["other=1", "tool:amd64=1:2-3"]);
}

#[test]
fn a_package_file_that_was_brought_tells_what_was_altered_and_what_was_added() {
    let brought = Pretend::new().file("/p/sub/tool_2-3_amd64.deb", shipped());
    let (rows, gaps, bases) = look(forged(), Some(brought));
    assert_eq!(
        rows,
        [
            "/etc/old.conf config status",
            "/etc/tool.conf config package 0644",
            "/usr/bin/added unowned",
            "/usr/bin/tool altered package 0755",
        ]
    );
    assert_eq!(gaps, ["no key of an archive is known; give one with `--keyring`"]);
    assert_eq!((bases.brought, bases.archive, bases.machine.len()), (1, 0, 1));
}

#[test]
fn a_package_file_of_another_version_or_a_broken_one_proves_nothing() {
    let other = deb::tests::made("tool", "1:2-4", &[("./usr/bin/tool", 0o755, b"abc")]);
    let cut = shipped();
    let brought = Pretend::new()
        .file("/p/tool_2-4_amd64.deb", other)
        .file("/p/tool_2-3_amd64.deb", &cut[..cut.len() - 40]);
    let (rows, gaps, bases) = look(forged(), Some(brought));
    assert!(rows.contains(&"/usr/bin/tool intact md5sums".to_owned()), "{rows:?}");
    assert_eq!(bases.brought, 0);
    assert_eq!(gaps.len(), 2, "{gaps:?}");
}

/// A machine with the package `probe`, its package file in apt's cache, and apt's lists.
fn probe(cached: &[u8]) -> Pretend {
    let list = |name: &str| format!("{LISTS}/deb.example.org_dists_stable_{name}");
    let sum = crate::digest::of_bytes(crate::digest::Digest::Md5, b"implant");
    Pretend::new()
        .file("/usr/bin/probe", "implant")
        .file(
            "/var/lib/dpkg/status",
            "Package: probe\nStatus: install ok installed\nArchitecture: all\nVersion: 1.0\n",
        )
        .file("/var/lib/dpkg/info/probe.list", "/.\n/usr\n/usr/bin\n/usr/bin/probe\n")
        .file("/var/lib/dpkg/info/probe.md5sums", format!("{sum}  usr/bin/probe\n"))
        .file(format!("{CACHE}/probe_1.0_all.deb"), cached)
        .file(list("InRelease"), include_bytes!("../../../fixtures/archive/InRelease"))
        .file(
            list("main_binary-all_Packages"),
            include_bytes!("../../../fixtures/archive/Packages"),
        )
}

const PROBE: &[u8] = include_bytes!("../../../fixtures/archive/probe_1.0_all.deb");

#[test]
fn a_cached_package_file_proves_what_an_archive_signed_for() {
    let keyring = || {
        Pretend::new()
            .file("/p/keyring.gpg", include_bytes!("../../../fixtures/archive/keyring.gpg"))
    };
    let (rows, gaps, bases) = look(probe(PROBE), Some(keyring()));
    assert_eq!(rows, ["/usr/bin/probe altered archive 0755"]);
    assert_eq!((gaps, bases.archive), (Vec::new(), 1));
    // One that was put there by the intruder, and the same without the key.
    let forged = deb::tests::made("probe", "1.0", &[("./usr/bin/probe", 0o755, b"implant")]);
    for (cached, reader) in [(&*forged, keyring()), (PROBE, Pretend::new().directory("/p"))] {
        let (rows, _, bases) = look(probe(cached), Some(reader));
        assert_eq!(rows, ["/usr/bin/probe intact md5sums"]);
        assert_eq!(bases.archive, 0);
    }
}

#[test]
fn a_program_that_the_cache_proves_altered_is_altered_for_every_reader() {
    let host = Host::new(Arc::new(probe(PROBE)));
    let reader = Pretend::new()
        .file("/p/keyring.gpg", include_bytes!("../../../fixtures/archive/keyring.gpg"));
    let trust =
        Trust { reader: Arc::new(reader), packages: None, keyring: Some("/p/keyring.gpg".into()) };
    host.give(Arc::new(trust));
    let path = Path::new("/usr/bin/probe");
    let told = packages::index(&host).verify(&host, "t", path, &mut Seen::default());
    assert_eq!(told.state, State::Altered);
}
