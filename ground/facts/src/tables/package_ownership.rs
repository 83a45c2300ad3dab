//! Package ownership: did a package put this file there, and is it still as shipped?
//!
//! The main control of false findings: a file is trusted for its owner and digest, never for its
//! name. dpkg's digests are MD5 lists on the same machine, so an intruder with root can forge
//! them; a forged list makes a file look intact, never the other way round.
//!
//! Source: dpkg-query(1), deb-md5sums(5), dpkg-divert(1); rpm's docs/manual/tags.md.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use stanch_words::{Ask, Op, Seen, Value, table_spec, text};

use crate::Host;
use crate::packages::{self, Index, State};

table_spec! {
    /// Ownership of a path.
    pub static SPEC, col = "package_ownership": Files, "Which package owns a path, and whether the file is still as shipped.";
    path Text Required "The path asked about, absolute, as it is on the machine's own root.";
    package Text Plain "Owning package; empty if there is none.";
    version Text Plain "The package's version.";
    manager Text Plain "dpkg or rpm; empty if no package owns it.";
    state Text Plain "intact, altered, config (may change, not compared), unverified (owned, nothing to compare with), missing (owned, not there), unowned, unknown (no package database could be read, or not an absolute path).";
    resolved Text Plain "The path with every symlink followed.";
    listed Text Plain "The path as the package database writes it.";
    expected Text Plain "Shipped digest: MD5 for dpkg, usually SHA-256 for rpm.";
    actual Text Plain "Digest of the file now; read only if this column or state is asked for.";
}

/// Looks up each path that is asked about.
pub(super) fn read(host: &Host, ask: &Ask, seen: &mut Seen) {
    let index = packages::index(host);
    index.leave_gaps(SPEC.name, seen);
    for constraint in ask.constraints.iter().filter(|c| c.column == col::path && c.op == Op::Equal)
    {
        if let Some(path) = constraint.value.as_text() {
            one(host, &index, path, ask, seen);
        }
    }
}

fn one(host: &Host, index: &Index, asked: &str, ask: &Ask, seen: &mut Seen) {
    let path = PathBuf::from(OsString::from_vec(text::to_bytes(asked)));
    let mut row = SPEC.row();
    row.put(col::path, asked).put(col::package, "").put(col::version, "").put(col::manager, "");
    if !path.has_root() || !index.is_readable() {
        row.put(col::state, State::Unknown.name());
        seen.push(row);
        return;
    }
    let resolved = Index::resolve(host.machine(), &path);
    row.put(col::resolved, resolved.as_path());
    if let Some(owner) = index.owner(&resolved) {
        row.put(col::package, Value::Text(owner.package.name.clone()))
            .put(col::version, Value::Text(owner.package.version.clone()))
            .put(col::manager, owner.package.manager.name())
            .put(col::listed, owner.listed);
        if ask.wants(col::expected) && !ask.wants_any(&[col::state, col::actual]) {
            row.put(col::expected, index.expected(host, SPEC.name, &owner, seen));
        }
    }
    if ask.wants_any(&[col::state, col::actual]) {
        compare(host, index, &resolved, &mut row, seen);
    }
    seen.push(row);
}

fn compare(host: &Host, index: &Index, path: &Path, row: &mut stanch_words::Row, seen: &mut Seen) {
    let found = index.verify(host, SPEC.name, path, seen);
    row.put(col::state, found.state.name())
        .put(col::expected, found.expected)
        .put(col::actual, found.actual);
}

#[cfg(test)]
mod tests {
    use super::*;
    use stanch_machine::Pretend;
    use stanch_words::{ColumnSet, Constraint};

    fn machine() -> Pretend {
        Pretend::new()
            .link("/bin", "usr/bin")
            .directory("/usr/bin")
            .file("/usr/bin/abc", "abc")
            .file("/usr/bin/changed", "implant")
            .file("/usr/bin/secret", "abc")
            .denied("/usr/bin/secret")
            .link("/usr/bin/link", "/tmp/x")
            .file("/tmp/x", "x")
            .file("/etc/p.conf", "edited")
            .file("/usr/share/p", "no digest")
            .file("/var/lib/dpkg/status", "Package: p\nStatus: install ok installed\nVersion: 1:2-3\nConffiles:\n /etc/p.conf 00000000000000000000000000000000\n")
            .file("/var/lib/dpkg/info/p.list", "/.\n/bin\n/bin/abc\n/bin/changed\n/bin/gone\n/bin/secret\n/bin/link\n/usr/share/p\n/etc/p.conf\n")
            .file("/var/lib/dpkg/info/p.md5sums", "900150983cd24fb0d6963f7d28e17f72  bin/abc\n900150983cd24fb0d6963f7d28e17f72  bin/changed\n900150983cd24fb0d6963f7d28e17f72  bin/secret\n")
    }

    fn look(machine: Pretend, path: &str, columns: ColumnSet) -> Seen {
        let value = path.into();
        let constraints = vec![Constraint { column: col::path, op: Op::Equal, value }];
        let mut seen = Seen::default();
        let host = Host::new(std::sync::Arc::new(machine));
        read(&host, &Ask { columns, constraints }, &mut seen);
        seen
    }

    #[test]
    fn each_state_is_told() {
        for (path, state, package) in [
            ("/bin/abc", "intact", "p"),
            ("/usr/bin/abc", "intact", "p"),
            ("/bin/changed", "altered", "p"),
            ("/usr/bin/gone", "missing", "p"),
            ("/usr/bin", "unverified", "p"),
            ("/usr/share/p", "unverified", "p"),
            ("/etc/p.conf", "config", "p"),
            ("/bin/link", "unowned", ""),
            ("/tmp/x", "unowned", ""),
            ("relative", "unknown", ""),
            ("", "unknown", ""),
        ] {
            let seen = look(machine(), path, ColumnSet::ALL);
            let row = &seen.rows[0];
            assert_eq!(row.get(col::state).as_text(), Some(state), "{path}");
            assert_eq!(row.get(col::package).as_text(), Some(package), "{path}");
            assert_eq!(seen.gaps, [], "{path}");
        }
    }

    #[test]
    fn an_unreadable_file_is_unverified_and_a_gap() {
        let seen = look(machine(), "/bin/secret", ColumnSet::ALL);
        assert_eq!(seen.rows[0].get(col::state).as_text(), Some("unverified"));
        assert_eq!(seen.gaps.len(), 1);
    }

    #[test]
    fn a_file_is_not_read_if_only_its_owner_is_asked_for() {
        let columns = ColumnSet(1 << col::path | 1 << col::package);
        let seen = look(machine(), "/bin/secret", columns);
        assert_eq!(seen.rows[0].get(col::package).as_text(), Some("p"));
        assert_eq!(seen.gaps, []);
    }

    #[test]
    fn no_database_is_unknown_and_not_unowned() {
        let seen = look(Pretend::new().file("/bin/abc", "abc"), "/bin/abc", ColumnSet::ALL);
        assert_eq!(seen.rows[0].get(col::state).as_text(), Some("unknown"));
    }
}
