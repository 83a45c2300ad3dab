//! RPM packages: what rpm's database says is installed.
//!
//! Source: rpm's docs/manual/tags.md.

use stanch_words::{Ask, Row, Seen, table_spec};

use crate::Host;
use crate::packages::rpm::{Header, tag};
use crate::packages::rpm_database;

table_spec! {
    /// Installed RPM packages.
    pub static SPEC, col = "rpm_packages": Files, "Packages in rpm's database.";
    name Text Index "Package name.";
    version Text Plain "Version, without release and epoch.";
    release Text Plain "Release.";
    source Text Plain "File name of the source package.";
    size BigInt Plain "Installed size in bytes.";
    sha1 Text Plain "SHA-1 of the package's header.";
    arch Text Plain "Architecture.";
    epoch Integer Plain "Epoch; empty if there is none.";
    install_time Integer Plain "When it was installed, seconds since 1970.";
    vendor Text Plain "Vendor.";
    package_group Text Plain "Group.";
}

/// Reads every header.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    let mut rows = Vec::new();
    rpm_database::each(host, SPEC.name, seen, &mut |header, _| rows.push(row(header)));
    seen.rows.append(&mut rows);
}

/// Returns the row of a package.
pub fn row(header: &Header<'_>) -> Row {
    let size = header.number(tag::LONGSIZE).or_else(|| header.number(tag::SIZE));
    let mut row = SPEC.row();
    row.put(col::name, header.text(tag::NAME))
        .put(col::version, header.text(tag::VERSION))
        .put(col::release, header.text(tag::RELEASE))
        .put(col::source, header.text(tag::SOURCERPM))
        .put(col::size, size)
        .put(col::sha1, header.text(tag::SHA1HEADER))
        .put(col::arch, header.text(tag::ARCH))
        .put(col::epoch, header.number(tag::EPOCH))
        .put(col::install_time, header.number(tag::INSTALLTIME))
        .put(col::vendor, header.text(tag::VENDOR))
        .put(col::package_group, header.text(tag::GROUP));
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_makes_a_row() {
        let bytes = crate::packages::rpm::tests::sample();
        let row = row(&Header::parse(&bytes).unwrap());
        assert_eq!(row.get(col::name).as_text(), Some("probe"));
        assert_eq!(row.get(col::epoch).as_integer(), Some(4));
        assert!(row.get(col::install_time).is_null());
    }
}
