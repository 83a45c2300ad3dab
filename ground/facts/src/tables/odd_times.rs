//! Files with times that cannot be, or that somebody set.
//!
//! Source: statx(2), utimensat(2), inode(7); ATT&CK T1070.006. What is left out, and why, stands in
//! `hiding/times.rs`.

use stanch_words::{Ask, Seen, table_spec};

use crate::Host;
use crate::hiding::Hiding;

table_spec! {
    /// Odd times.
    pub static SPEC, col = "odd_times": Files, "Regular files of no package that came alone and claim another time: before their birth, in the future, or exactly that of another file.";
    path Text Plain "Path.";
    how Text Plain "future; same (as another file of another size, to the nanosecond); before birth; before change (where births are not kept).";
    like Text Plain "The file whose time it has; empty for none.";
    mtime BigInt Plain "Last change of content as it claims, seconds since 1970.";
    ctime BigInt Plain "Last change of the inode, seconds since 1970: nobody can set it.";
    btime BigInt Plain "Birth, seconds since 1970; empty where the file system does not keep it.";
    whole_second Integer Plain "1 if the claimed time has no fraction of a second, as touch -d, tar and scp leave it.";
    kind Text Plain "elf, script, code, bytecode, data; empty if it could not be read.";
    size BigInt Plain "Size in bytes.";
    uid BigInt Plain "Owner.";
    mode Text Plain "Permission bits, octal.";
}

const SECOND: i64 = 1_000_000_000;

/// Takes what the one walk found.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    let hiding = Hiding::of(host, SPEC.name, seen);
    for time in &hiding.times {
        let stat = &time.stat;
        let mut row = SPEC.row();
        row.put(col::path, time.path.as_path())
            .put(col::how, time.how)
            .put(col::like, time.like.as_str())
            .put(col::mtime, stat.modified.div_euclid(SECOND))
            .put(col::ctime, stat.changed.div_euclid(SECOND))
            .put(col::btime, stat.born.map(|born| born.div_euclid(SECOND)))
            .put(col::whole_second, stat.modified.rem_euclid(SECOND) == 0)
            .put(col::kind, time.kind)
            .put(col::size, stat.size)
            .put(col::uid, stat.uid)
            .put(col::mode, format!("{:04o}", stat.mode & 0o7777));
        seen.push(row);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stanch_machine::Pretend;

    #[test]
    fn a_file_older_than_its_birth_is_told() {
        let machine = Pretend::new()
            .file("/var/lib/dpkg/status", "")
            .file("/etc/localtime", "")
            .file("/srv/x.php", "<?php")
            .with("/srv/x.php", |stat| {
                stat.born = Some(1_772_300_000 * SECOND);
                stat.modified = 1_600_000_000 * SECOND;
            });
        let columns = [col::path, col::how, col::whole_second, col::btime];
        let rows = super::super::shown("odd_times", machine, columns);
        assert_eq!(rows, [["/srv/x.php", "before birth", "1", "1772300000"]]);
    }
}
