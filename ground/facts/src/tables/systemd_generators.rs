//! Generators: programs that systemd runs at every boot and reload, before any unit, as root.
//!
//! Few packages ship one: one that no package owns is telling. Source: systemd.generator(7),
//! systemd.environment-generator(7).

use std::path::Path;

use stanch_machine::FileKind;
use stanch_words::{Ask, Seen, Value, table_spec};

use crate::{Host, packages};

table_spec! {
    /// Generators of systemd.
    pub static SPEC, col = "systemd_generators": Files, "Programs that systemd runs at boot to make units or set variables.";
    path Text Plain "Path.";
    kind Text Plain "system, user or environment.";
    package Text Plain "Owning package; empty if there is none.";
    masked Integer Plain "1 if it leads to /dev/null or is empty.";
    overridden Integer Plain "1 if one of the same name in an earlier directory takes its place.";
    mtime BigInt Plain "Last change of content, seconds since 1970.";
    ctime BigInt Plain "Last change of the inode, seconds since 1970.";
}

/// Directories in the order in which they count.
const PLACES: &[&str] = &["/run", "/etc", "/usr/local/lib", "/usr/lib", "/lib"];

/// What each directory holds.
const KINDS: &[(&str, &str)] = &[
    ("system-generators", "system"),
    ("user-generators", "user"),
    ("system-environment-generators", "environment"),
    ("user-environment-generators", "environment"),
];

/// Lists the directories of generators.
pub(super) fn read(host: &Host, ask: &Ask, seen: &mut Seen) {
    for (directory, kind) in KINDS {
        let mut names = std::collections::BTreeSet::new();
        let mut known = std::collections::BTreeSet::new();
        for place in PLACES {
            let place = Path::new(place).join("systemd").join(directory);
            let Ok(resolved) = host.machine().resolve(&place) else { continue };
            if !known.insert(resolved) {
                continue;
            }
            for entry in host.list(SPEC.name, &place, seen) {
                if entry.kind == FileKind::Directory {
                    continue;
                }
                let path = place.join(&entry.name);
                let mut row = SPEC.row();
                row.put(col::path, path.as_path())
                    .put(col::kind, *kind)
                    .put(col::overridden, !names.insert(entry.name));
                describe(host, ask, &path, &mut row);
                seen.push(row);
            }
        }
    }
}

fn describe(host: &Host, ask: &Ask, path: &Path, row: &mut stanch_words::Row) {
    let resolved = packages::Index::resolve(host.machine(), path);
    let stat = host.machine().stat(path).ok();
    let empty = stat.is_some_and(|stat| stat.kind() == FileKind::Regular && stat.size == 0);
    row.put(col::masked, empty || resolved == Path::new("/dev/null"))
        .put(col::mtime, stat.map(|stat| stat.modified.div_euclid(1_000_000_000)))
        .put(col::ctime, stat.map(|stat| stat.changed.div_euclid(1_000_000_000)));
    if ask.wants(col::package) {
        let index = packages::index(host);
        let package = index.owner(&resolved).map(|o| Value::Text(o.package.name.clone()));
        row.put(col::package, package.unwrap_or_else(|| "".into()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stanch_machine::Pretend;

    #[test]
    fn one_that_no_package_owns_takes_the_place_of_one_that_was_shipped() {
        let machine = Pretend::new()
            .link("/lib", "usr/lib")
            .file("/usr/lib/systemd/system-generators/cron", "#!")
            .file("/etc/systemd/system-generators/cron", "#!")
            .link("/etc/systemd/user-environment-generators/30", "/dev/null")
            .file("/dev/null", "")
            .file("/var/lib/dpkg/info/p.list", "/lib/systemd/system-generators/cron\n");
        let mut seen = Seen::default();
        read(&Host::new(std::sync::Arc::new(machine)), &Ask::all(), &mut seen);
        let text = |row: &stanch_words::Row| {
            row.0.iter().take(5).map(ToString::to_string).collect::<Vec<_>>().join(" ")
        };
        let rows: Vec<String> = seen.rows.iter().map(text).collect();
        assert_eq!(
            rows,
            [
                "/etc/systemd/system-generators/cron system  0 0",
                "/usr/lib/systemd/system-generators/cron system p 0 1",
                "/etc/systemd/user-environment-generators/30 environment  1 0",
            ]
        );
        assert_eq!(seen.gaps, []);
    }
}
