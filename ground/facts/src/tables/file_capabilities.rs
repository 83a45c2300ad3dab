//! Programs that get capabilities from their files, wherever programs and users put files.
//!
//! Source: capabilities(7), getcap(8).

use std::path::PathBuf;

use stanch_words::{Ask, Seen, Value, table_spec};

use crate::privileged::Privileged;
use crate::{Host, packages};

table_spec! {
    /// Programs with capabilities.
    pub static SPEC, col = "file_capabilities": Files, "Files that give capabilities to whoever starts them, where programs and users put files.";
    path Text Plain "Path.";
    capabilities Text Plain "The capabilities as getcap writes them; damaged if they are not to be understood.";
    package Text Plain "Owning package; empty if there is none.";
    mode Text Plain "Permission bits, octal.";
    uid BigInt Plain "Owner.";
    gid BigInt Plain "Group.";
    mtime BigInt Plain "Last change of the content, seconds since 1970.";
    ctime BigInt Plain "Last change of the inode, seconds since 1970.";
}

/// Reads what the walk over all places found.
pub(super) fn read(host: &Host, ask: &Ask, seen: &mut Seen) {
    let privileged = Privileged::of(host, seen);
    let mut paths: Vec<&PathBuf> = privileged.capabilities.keys().collect();
    paths.sort();
    for path in paths {
        let Some((capabilities, stat)) = privileged.capabilities.get(path) else { continue };
        let mut row = SPEC.row();
        row.put(col::path, path.as_path())
            .put(col::capabilities, Value::Text(capabilities.clone()))
            .put(col::mode, format!("{:04o}", stat.mode & 0o7777))
            .put(col::uid, stat.uid)
            .put(col::gid, stat.gid)
            .put(col::mtime, stat.modified.div_euclid(1_000_000_000))
            .put(col::ctime, stat.changed.div_euclid(1_000_000_000));
        if ask.wants(col::package) {
            let index = packages::index(host);
            let package = index.owner(path).map(|o| Value::Text(o.package.name.clone()));
            row.put(col::package, package.unwrap_or_else(|| "".into()));
        }
        seen.push(row);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stanch_machine::Pretend;

    #[test]
    fn a_copy_of_an_interpreter_that_may_become_anybody_is_told_and_a_plain_program_is_not() {
        let setuid = [&[1, 0, 0, 2][..], &[128, 0, 0, 0], &[0; 12]].concat();
        let machine = Pretend::new()
            .file("/opt/x/python3", "\x7fELF")
            .with("/opt/x/python3", |stat| stat.mode = 0o100_755)
            .with_attribute("/opt/x/python3", "security.capability", &setuid)
            .file("/usr/bin/plain", "")
            .with("/usr/bin/plain", |stat| stat.mode = 0o100_755);
        let mut seen = Seen::default();
        read(&Host::new(std::sync::Arc::new(machine)), &Ask::all(), &mut seen);
        assert_eq!((seen.rows.len(), seen.gaps.len()), (1, 0));
        assert_eq!(seen.rows[0].get(col::path).as_text(), Some("/opt/x/python3"));
        assert_eq!(seen.rows[0].get(col::capabilities).as_text(), Some("cap_setuid=ep"));
        assert_eq!(seen.rows[0].get(col::package).as_text(), Some(""));
    }
}
