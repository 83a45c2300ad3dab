//! Files of RPM packages, with owner, mode and digest as shipped.
//!
//! Source: rpm's docs/manual/tags.md.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use stanch_words::{Ask, Op, Seen, Value, table_spec, text};

use crate::Host;
use crate::packages::rpm::{Header, tag};
use crate::packages::{self, Manager, rpm_database};

table_spec! {
    /// Files of RPM packages.
    pub static SPEC, col = "rpm_package_files": Files, "Files that RPM packages installed.";
    package Text Index "Package name.";
    path Text Index "Path.";
    username Text Plain "Owner's name as shipped.";
    groupname Text Plain "Group's name as shipped.";
    mode Text Plain "Permission bits as shipped, octal.";
    size BigInt Plain "Size in bytes as shipped.";
    sha256 Text Plain "SHA-256 as shipped; empty for directories, symlinks and other digests.";
    digest Text Plain "Digest as shipped, of whatever algorithm the package uses.";
    config Integer Plain "1 if it is a configuration file.";
}

/// Reads the headers of one package or of all.
pub(super) fn read(host: &Host, ask: &Ask, seen: &mut Seen) {
    let package = ask.equal(col::package).and_then(Value::as_text).map(str::to_owned);
    let only = package.or_else(|| package_of(host, ask));
    let mut found = Vec::new();
    rpm_database::each(host, SPEC.name, seen, &mut |header, _| {
        let name = header.text(tag::NAME);
        if only.as_ref().is_none_or(|only| only.as_bytes() == name) {
            rows(header, &mut found);
        }
    });
    seen.rows.append(&mut found);
}

/// Returns the package of a file that is asked about; a directory may belong to many.
fn package_of(host: &Host, ask: &Ask) -> Option<String> {
    let mut paths = ask.constraints.iter().filter(|c| c.column == col::path && c.op == Op::Equal);
    let (Some(path), None) = (paths.next(), paths.next()) else { return None };
    let path = PathBuf::from(OsString::from_vec(text::to_bytes(path.value.as_text()?)));
    let stat = host.machine().lstat(&path).ok()?;
    let index = packages::index(host);
    let owner = index.owner(&path).filter(|owner| owner.package.manager == Manager::Rpm)?;
    (stat.kind() == stanch_machine::FileKind::Regular).then(|| owner.package.name.to_string())
}

/// Adds the rows of a package.
pub fn rows(header: &Header<'_>, rows: &mut Vec<stanch_words::Row>) {
    let package: Arc<str> = text::from_bytes(header.text(tag::NAME)).into();
    let users: Vec<&[u8]> = header.texts(tag::FILEUSERNAME).collect();
    let groups: Vec<&[u8]> = header.texts(tag::FILEGROUPNAME).collect();
    let modes: Vec<u64> = header.numbers(tag::FILEMODES).collect();
    let flags: Vec<u64> = header.numbers(tag::FILEFLAGS).collect();
    let digests: Vec<&[u8]> = header.texts(tag::FILEDIGESTS).collect();
    let mut sizes: Vec<u64> = header.numbers(tag::LONGFILESIZES).collect();
    if sizes.is_empty() {
        sizes = header.numbers(tag::FILESIZES).collect();
    }
    let sha256 = header.number(tag::FILEDIGESTALGO) == Some(8);
    header.paths(&mut |place, path| {
        let text = |texts: &[&[u8]]| Value::bytes(texts.get(place).copied().unwrap_or_default());
        let digest = text(&digests);
        let mut row = SPEC.row();
        row.put(col::package, Value::Text(Arc::clone(&package)))
            .put(col::path, path)
            .put(col::username, text(&users))
            .put(col::groupname, text(&groups))
            .put(col::mode, modes.get(place).map(|mode| format!("{:04o}", mode & 0o7777)))
            .put(col::size, sizes.get(place).copied())
            .put(col::sha256, if sha256 { digest.clone() } else { "".into() })
            .put(col::digest, digest)
            .put(col::config, flags.get(place).map(|flags| flags & 1 != 0));
        rows.push(row);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_are_not_installed_give_no_row() {
        let bytes = crate::packages::rpm::tests::sample();
        let mut found = Vec::new();
        rows(&Header::parse(&bytes).unwrap(), &mut found);
        let paths: Vec<_> = found.iter().map(|row| row.get(col::path).to_string()).collect();
        assert_eq!(paths, ["/usr/bin/probe", "/etc/probe.conf"]);
        assert_eq!(found[1].get(col::config).as_integer(), Some(1));
        assert_eq!(found[0].get(col::sha256).as_text(), Some(""));
    }
}
