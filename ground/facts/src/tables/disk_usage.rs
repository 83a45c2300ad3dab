//! How full the file systems are.
//!
//! Source: statfs(2) of each mount. A file system that may hang is a gap.

use std::collections::BTreeSet;

use stanch_words::{Ask, Seen, table_spec};

use crate::{Host, mount_list};

table_spec! {
    /// Fill of file systems.
    pub static SPEC, col = "disk_usage": Live, "Fill of each mounted file system that has a size, one row a file system.";
    path Text Plain "Where it is mounted first.";
    device Text Plain "What is mounted.";
    r#type Text Plain "File system type.";
    size BigInt Plain "Size in bytes.";
    used BigInt Plain "Bytes in use.";
    available BigInt Plain "Bytes that ordinary users can still write.";
    used_percent Real Plain "Use in percent of what ordinary users can have, as df(1) counts.";
    inodes BigInt Plain "Inodes in all; 0 if the file system makes them at need.";
    inodes_used_percent Real Plain "Inodes in use, percent.";
}

/// Reads each file system once.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    let mut done = BTreeSet::new();
    for mount in mount_list::read(host, SPEC.name, seen) {
        if mount.covered || !done.insert(mount.device_number.clone()) {
            continue;
        }
        let Some(total) = super::mounts::file_system(host, SPEC.name, &mount, seen) else {
            continue;
        };
        if total.blocks == 0 {
            continue;
        }
        let bytes = |blocks: u64| blocks.saturating_mul(total.block_size);
        let used = total.blocks.saturating_sub(total.blocks_free);
        let inodes_used = total.inodes.saturating_sub(total.inodes_free);
        let mut row = SPEC.row();
        row.put(col::path, &mount.path[..])
            .put(col::device, &mount.device[..])
            .put(col::r#type, &mount.kind[..])
            .put(col::size, bytes(total.blocks))
            .put(col::used, bytes(used))
            .put(col::available, bytes(total.blocks_available))
            .put(col::used_percent, percent(used, used.saturating_add(total.blocks_available)))
            .put(col::inodes, total.inodes)
            .put(col::inodes_used_percent, percent(inodes_used, total.inodes));
        seen.push(row);
    }
}

#[expect(clippy::cast_precision_loss, reason = "a percentage needs no more")]
fn percent(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| (part as f64 * 1000.0 / whole as f64).round() / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_of_nothing_is_not_known() {
        assert_eq!(percent(1, 3), Some(33.3));
        assert_eq!(percent(0, 0), None);
    }
}
