//! Which block devices are encrypted.
//!
//! Source: `/sys/class/block/*/dm/uuid`: device-mapper's `CRYPT-LUKS2-…` names the scheme, and
//! devices stacked on an encrypted one (`slaves`) are encrypted too.

use std::path::{Path, PathBuf};

use stanch_machine::limits;
use stanch_words::{Ask, Seen, table_spec};

use super::block_devices::device;
use crate::Host;

table_spec! {
    /// Encryption of block devices.
    pub static SPEC, col = "disk_encryption": Live, "Encryption of block devices, one row each.";
    name Text Index "Device file.";
    uuid Text Plain "Id of the encrypted volume.";
    encrypted Integer Plain "1 if it is encrypted, itself or below it.";
    r#type Text Plain "Scheme: LUKS1, LUKS2, PLAIN, VERITY, BITLK and so on.";
    encryption_status Text Plain "encrypted or not encrypted.";
    uid Text Plain "Always empty on Linux.";
    user_uuid Text Plain "Always empty on Linux.";
    filevault_status Text Plain "Always empty on Linux.";
}

const CLASS: &str = "/sys/class/block";

/// Reads sysfs.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    for entry in host.list(SPEC.name, Path::new(CLASS), seen) {
        let name = stanch_words::text::from_bytes(entry.name.as_encoded_bytes());
        let found = scheme(host, &name, 0, seen);
        let mut row = SPEC.row();
        row.put(col::name, device(&name))
            .put(col::encrypted, found.is_some())
            .put(
                col::encryption_status,
                if found.is_some() { "encrypted" } else { "not encrypted" },
            )
            .put(col::uid, "")
            .put(col::user_uuid, "")
            .put(col::filevault_status, "");
        let (kind, uuid) = found.unwrap_or_default();
        row.put(col::r#type, kind).put(col::uuid, uuid);
        seen.push(row);
    }
}

/// Returns the scheme and id of a device or of one below it.
fn scheme(host: &Host, name: &str, depth: u32, seen: &mut Seen) -> Option<(String, String)> {
    let directory = PathBuf::from(CLASS).join(name);
    let uuid = host.read(SPEC.name, &directory.join("dm/uuid"), limits::PSEUDO_FILE, seen);
    if let Some(found) = uuid.as_deref().and_then(parse) {
        return Some(found);
    }
    // Real stacks are five deep or less (raid, crypt, volume group, snapshot, cache).
    if depth >= 16 {
        return None;
    }
    for below in host.list(SPEC.name, &directory.join("slaves"), seen) {
        let below = stanch_words::text::from_bytes(below.name.as_encoded_bytes());
        if let Some(found) = scheme(host, &below, depth.saturating_add(1), seen) {
            return Some(found);
        }
    }
    None
}

/// Parses `CRYPT-LUKS2-<id>-<name>`.
fn parse(uuid: &[u8]) -> Option<(String, String)> {
    let mut parts = uuid.trim_ascii().strip_prefix(b"CRYPT-")?.splitn(3, |&b| b == b'-');
    let text = |part: Option<&[u8]>| stanch_words::text::from_bytes(part.unwrap_or_default());
    let kind = text(parts.next());
    // VERITY is a checksum, not a cipher.
    (kind != "VERITY").then(|| (kind, text(parts.next())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use stanch_machine::Pretend;

    #[test]
    fn a_volume_on_an_encrypted_disk() {
        let machine = Pretend::new()
            .file("/sys/class/block/dm-0/dm/uuid", "CRYPT-LUKS2-0123abcd-root\n")
            .file("/sys/class/block/dm-1/dm/uuid", "LVM-xyz\n")
            .directory("/sys/class/block/dm-1/slaves/dm-0")
            .directory("/sys/class/block/dm-2/slaves/dm-2")
            .file("/sys/class/block/dm-3/dm/uuid", "CRYPT-VERITY-0-x");
        let mut seen = Seen::default();
        read(&Host::new(std::sync::Arc::new(machine)), &Ask::all(), &mut seen);
        let rows: Vec<String> = seen
            .rows
            .iter()
            .map(|row| {
                [col::name, col::encrypted, col::r#type, col::uuid]
                    .map(|column| row.get(column).to_string())
                    .join(" ")
            })
            .collect();
        assert_eq!(
            rows,
            [
                "/dev/dm-0 1 LUKS2 0123abcd",
                "/dev/dm-1 1 LUKS2 0123abcd",
                "/dev/dm-2 0  ",
                "/dev/dm-3 0  "
            ]
        );
        assert_eq!(seen.gaps, []);
    }
}
