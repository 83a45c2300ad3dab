//! Files and directories that nobody may change or that may only grow.
//!
//! Source: chattr(1), statx(2) (`STATX_ATTR_IMMUTABLE`, `STATX_ATTR_APPEND`); ATT&CK T1222.002.
//! An intruder locks what he left so that it cannot be taken away; some administrators lock
//! settings. The walk is that of `hiding.rs`.

use stanch_words::{Ask, Seen, table_spec};

use crate::Host;
use crate::hiding::Hiding;

table_spec! {
    /// Locked files.
    pub static SPEC, col = "locked_files": Files, "Files and directories with the immutable or the append-only flag.";
    path Text Plain "Path.";
    immutable Integer Plain "1 if nobody may change, rename or remove it (chattr +i).";
    append_only Integer Plain "1 if it may only grow (chattr +a).";
    kind Text Plain "regular or directory.";
    package Text Plain "Owning package; empty if there is none.";
    uid BigInt Plain "Owner.";
    mode Text Plain "Permission bits, octal.";
    size BigInt Plain "Size in bytes.";
    mtime BigInt Plain "Last change of content, seconds since 1970.";
    ctime BigInt Plain "Last change of the inode, seconds since 1970: the flag is not older.";
}

/// Takes what the one walk found.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    let hiding = Hiding::of(host, SPEC.name, seen);
    for (path, stat, package) in &hiding.locked {
        let mut row = SPEC.row();
        row.put(col::path, path.as_path())
            .put(col::immutable, stat.immutable)
            .put(col::append_only, stat.append_only)
            .put(col::kind, stat.kind().name())
            .put(col::package, package.as_str())
            .put(col::uid, stat.uid)
            .put(col::mode, format!("{:04o}", stat.mode & 0o7777))
            .put(col::size, stat.size)
            .put(col::mtime, stat.modified.div_euclid(1_000_000_000))
            .put(col::ctime, stat.changed.div_euclid(1_000_000_000));
        seen.push(row);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stanch_machine::Pretend;

    #[test]
    fn both_flags_are_told() {
        let machine = Pretend::new()
            .file("/etc/cron.d/x", "")
            .with("/etc/cron.d/x", |stat| stat.immutable = true)
            .file("/root/.bash_history", "")
            .with("/root/.bash_history", |stat| stat.append_only = true);
        let columns = [col::path, col::immutable, col::append_only, col::kind];
        let rows = super::super::shown("locked_files", machine, columns);
        let told =
            [["/etc/cron.d/x", "1", "0", "regular"], ["/root/.bash_history", "0", "1", "regular"]];
        assert_eq!(rows, told);
    }
}
