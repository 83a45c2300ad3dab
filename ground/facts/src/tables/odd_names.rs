//! Names of files that are made to be overlooked or taken for another.
//!
//! Source: Unicode Standard Annex 9 and Unicode Technical Report 36; ATT&CK T1036.002, T1036.006.
//! The walk is that of `hiding.rs`.

use stanch_words::{Ask, Seen, table_spec};

use crate::Host;
use crate::hiding::Hiding;

table_spec! {
    /// Odd names.
    pub static SPEC, col = "odd_names": Files, "Files and directories whose names trick the eye: blanks and dots, control and unseen characters, letters that look like others.";
    path Text Plain "Path.";
    directory Text Plain "Directory that it lies in.";
    odd Text Plain "What is odd, joined by commas: only dots and blanks, blank at an end, control character, turns the direction of writing, character that is not seen, foreign letters that look like Latin ones; empty if it only looks like another name.";
    looks_like Text Plain "Name of a shipped program that it looks like; empty for none.";
    kind Text Plain "Kind of file: regular, directory, symlink, ….";
    size BigInt Plain "Size in bytes.";
    uid BigInt Plain "Owner.";
    mode Text Plain "Permission bits, octal.";
    executable Integer Plain "1 for a regular file that anybody may execute.";
    mtime BigInt Plain "Last change of content, seconds since 1970.";
    ctime BigInt Plain "Last change of the inode, seconds since 1970.";
    package Text Plain "Owning package; empty if there is none.";
}

/// Takes what the one walk found.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    let hiding = Hiding::of(host, SPEC.name, seen);
    for name in &hiding.names {
        let mut row = SPEC.row();
        row.put(col::path, name.path.as_path())
            .put(col::directory, name.path.parent().unwrap_or(&name.path))
            .put(col::odd, name.odd.as_str())
            .put(col::looks_like, name.looks_like.as_str())
            .put(col::kind, name.kind.name())
            .put(col::package, name.package.as_str());
        if let Some(stat) = &name.stat {
            let regular = stat.kind() == stanch_machine::FileKind::Regular;
            row.put(col::size, stat.size)
                .put(col::uid, stat.uid)
                .put(col::mode, format!("{:04o}", stat.mode & 0o7777))
                .put(col::executable, regular && stat.mode & 0o111 != 0)
                .put(col::mtime, stat.modified.div_euclid(1_000_000_000))
                .put(col::ctime, stat.changed.div_euclid(1_000_000_000));
        }
        seen.push(row);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stanch_machine::Pretend;

    #[test]
    fn a_name_is_told_with_its_bytes_escaped() {
        let machine = Pretend::new()
            .file("/tmp/a\u{1b}b", "x")
            .with("/tmp/a\u{1b}b", |stat| stat.mode = 0o100_755)
            .file("/etc/localtime", "");
        let columns = [col::path, col::odd, col::executable, col::directory];
        let rows = super::super::shown("odd_names", machine, columns);
        assert_eq!(rows, [["/tmp/a\u{1b}b", "control character", "1", "/tmp"]]);
    }
}
