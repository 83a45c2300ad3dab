//! Debian packages: what dpkg says is installed.
//!
//! Source: deb-control(5), dpkg-query(1), deb-version(7).

use stanch_words::{Ask, Gap, GapKind, Seen, table_spec};

use crate::Host;
use crate::packages::dpkg;

table_spec! {
    /// Installed Debian packages.
    pub static SPEC, col = "deb_packages": Files, "Packages that dpkg knows, installed or with configuration left behind.";
    name Text Index "Package name.";
    version Text Plain "Whole version, with epoch and revision.";
    source Text Plain "Source package; empty if it has the package's own name.";
    size BigInt Plain "Installed size in kilobytes.";
    arch Text Plain "Architecture.";
    revision Text Plain "Debian revision: what follows the last hyphen of the version.";
    status Text Plain "Wanted state, flag and state: `install ok installed`.";
    maintainer Text Plain "Maintainer.";
    section Text Plain "Section.";
    priority Text Plain "Priority.";
}

/// Reads dpkg's status.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    for (path, bytes) in dpkg::status(host, SPEC.name, seen) {
        let from = seen.gaps.len();
        parse(&bytes, seen);
        for gap in seen.gaps.iter_mut().skip(from) {
            gap.path = Some(stanch_words::Value::from(path.as_path()).to_string());
        }
    }
}

/// Parses a status file.
pub fn parse(bytes: &[u8], seen: &mut Seen) {
    for (number, paragraph) in (1_u64..).zip(dpkg::paragraphs(bytes)) {
        if paragraph.strange > 0 {
            let detail = format!("paragraph {number}: {} lines are no fields", paragraph.strange);
            seen.gap(Gap::new(SPEC.name, GapKind::Damaged, detail));
        }
        let name = paragraph.field("Package");
        if name.is_empty() {
            if paragraph.strange == 0 {
                let detail = format!("paragraph {number}: no package name");
                seen.gap(Gap::new(SPEC.name, GapKind::Damaged, detail));
            }
            continue;
        }
        if paragraph.state() == b"not-installed" {
            continue;
        }
        let version = paragraph.field("Version");
        let hyphen = memchr::memrchr(b'-', version);
        let revision = hyphen.and_then(|at| version.get(at.saturating_add(1)..));
        let size = std::str::from_utf8(paragraph.field("Installed-Size"));
        let mut row = SPEC.row();
        row.put(col::name, name)
            .put(col::version, version)
            .put(col::source, paragraph.field("Source"))
            .put(col::size, size.ok().and_then(|size| size.parse::<i64>().ok()))
            .put(col::arch, paragraph.field("Architecture"))
            .put(col::revision, revision.unwrap_or_default())
            .put(col::status, paragraph.field("Status"))
            .put(col::maintainer, paragraph.field("Maintainer"))
            .put(col::section, paragraph.field("Section"))
            .put(col::priority, paragraph.field("Priority"));
        seen.push(row);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_and_one_whose_configuration_was_left_behind() {
        let mut seen = Seen::default();
        parse(
            b"Package: a\nStatus: install ok installed\nPriority: optional\nSection: net\nInstalled-Size: 1234\nMaintainer: A <a@b>\nArchitecture: amd64\nSource: src (1.0)\nVersion: 1:2.0-rc1-3+b1\n\nPackage: b\nStatus: deinstall ok config-files\nVersion: 7\n\nPackage: c\nStatus: unknown ok not-installed\n",
            &mut seen,
        );
        assert_eq!(seen.gaps, []);
        assert_eq!(seen.rows.len(), 2);
        let row = &seen.rows[0];
        assert_eq!(row.get(col::version).as_text(), Some("1:2.0-rc1-3+b1"));
        assert_eq!(row.get(col::revision).as_text(), Some("3+b1"));
        assert_eq!(row.get(col::size).as_integer(), Some(1234));
        assert_eq!(seen.rows[1].get(col::revision).as_text(), Some(""));
        assert!(seen.rows[1].get(col::size).is_null());
    }

    #[test]
    fn damage_is_a_gap_and_not_a_lost_package() {
        let mut seen = Seen::default();
        parse(b"Package: a\n\xff\xff\nVersion: 1\n\nVersion: 2\n", &mut seen);
        assert_eq!(seen.rows.len(), 1);
        let details: Vec<&str> = seen.gaps.iter().map(|gap| &*gap.detail).collect();
        assert_eq!(details, ["paragraph 1: 1 lines are no fields", "paragraph 2: no package name"]);
    }
}
