//! Disks, partitions and what is stacked on them.
//!
//! Source: `/sys/class/block` (Documentation/ABI/stable/sysfs-block); the file system's type, id
//! and label from udev's database (`/run/udev/data`), else the type from the mount list. The
//! devices themselves are not opened.

use std::path::{Path, PathBuf};

use stanch_machine::limits;
use stanch_words::{Ask, Row, Seen, Value, table_spec};

use crate::Host;
use crate::mount_list::{self, Mount};

table_spec! {
    /// Block devices.
    pub static SPEC, col = "block_devices": Live, "Block devices, one row each.";
    name Text Index "Device file.";
    parent Text Plain "Device file of the disk that a partition is on.";
    vendor Text Plain "Maker.";
    model Text Plain "Model.";
    size BigInt Plain "Size in blocks.";
    block_size Integer Plain "Block size in bytes.";
    uuid Text Plain "Id of the file system.";
    r#type Text Plain "Type of the file system.";
    label Text Plain "Label of the file system.";
    kind Text Plain "disk, partition, loop, mapped, raid, memory or network.";
    backing_file Text Plain "File behind a loop device.";
    read_only Integer Plain "1 if it cannot be written.";
    removable Integer Plain "1 if it can be taken out.";
    device_number Text Plain "Device number, major:minor.";
    mapped_name Text Plain "Name of a device-mapper device.";
}

const CLASS: &str = "/sys/class/block";

/// Reads sysfs.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    let mounts = mount_list::read(host, SPEC.name, seen);
    for entry in host.list(SPEC.name, Path::new(CLASS), seen) {
        let name = stanch_words::text::from_bytes(entry.name.as_encoded_bytes());
        let row = one(host, &name, &mounts, seen);
        seen.push(row);
    }
}

fn one(host: &Host, name: &str, mounts: &[Mount], seen: &mut Seen) -> Row {
    let directory = Path::new(CLASS).join(name);
    let mut file = |name: &str| text(host, &directory.join(name), seen);
    let number = |text: &str| text.parse::<u64>().ok();
    let device_number = file("dev");
    let partition = number(&file("partition")).is_some();
    let block_size = number(&file("queue/logical_block_size"))
        .or_else(|| number(&file("../queue/logical_block_size")))
        .unwrap_or(512);
    // The kernel counts sectors of 512 bytes whatever the block size.
    let size = number(&file("size"))
        .map(|sectors| sectors.saturating_mul(512).checked_div(block_size.max(1)).unwrap_or(0));
    let mut row = SPEC.row();
    row.put(col::name, device(name))
        .put(col::vendor, file("device/vendor"))
        .put(col::model, file("device/model"))
        .put(col::size, size)
        .put(col::block_size, block_size)
        .put(col::kind, kind(name, partition))
        .put(col::backing_file, file("loop/backing_file"))
        .put(col::read_only, number(&file("ro")))
        .put(col::removable, number(&file("removable")))
        .put(col::mapped_name, file("dm/name"))
        .put(col::parent, if partition { parent(host, &directory) } else { Value::from("") });
    let database = PathBuf::from(format!("/run/udev/data/b{device_number}"));
    let database = host.read(SPEC.name, &database, limits::CONFIG_FILE, seen);
    of_file_system(&database.unwrap_or_default(), &mut row);
    if row.get(col::r#type).as_text() == Some("") {
        let mounted = mounts.iter().find(|mount| mount.device_number == device_number);
        row.put(col::r#type, mounted.map_or(&b""[..], |mount| &mount.kind));
    }
    row.put(col::device_number, device_number);
    row
}

/// Returns the text of a file of sysfs, empty where the device has none.
pub(super) fn text(host: &Host, path: &Path, seen: &mut Seen) -> String {
    let bytes = host.read(SPEC.name, path, limits::PSEUDO_FILE, seen).unwrap_or_default();
    stanch_words::text::from_bytes(bytes.trim_ascii())
}

/// Returns the device file: `!` stands for `/` in sysfs.
pub(super) fn device(name: &str) -> String {
    format!("/dev/{}", name.replace('!', "/"))
}

/// Returns the disk of a partition: the directory above it (`…/sda/sda1`).
fn parent(host: &Host, directory: &Path) -> Value {
    let target = host.machine().read_link(directory).ok();
    let above = target.as_deref().and_then(Path::parent).and_then(Path::file_name);
    let name = above.map(|name| stanch_words::text::from_bytes(name.as_encoded_bytes()));
    name.map(|name| device(&name)).into()
}

fn kind(name: &str, partition: bool) -> &'static str {
    match name.trim_end_matches(|c: char| c.is_ascii_digit()) {
        _ if partition => "partition",
        "loop" => "loop",
        "dm-" => "mapped",
        "md" => "raid",
        "ram" | "zram" => "memory",
        "nbd" | "rbd" | "drbd" => "network",
        _ => "disk",
    }
}

/// Fills the columns that udev's database tells (`E:ID_FS_TYPE=ext4`).
fn of_file_system(bytes: &[u8], row: &mut Row) {
    for column in [col::uuid, col::r#type, col::label] {
        row.put(column, "");
    }
    for line in bytes.split(|&b| b == b'\n') {
        for (column, name) in [
            (col::uuid, &b"E:ID_FS_UUID="[..]),
            (col::r#type, b"E:ID_FS_TYPE="),
            (col::label, b"E:ID_FS_LABEL="),
        ] {
            if let Some(value) = line.strip_prefix(name) {
                row.put(column, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stanch_machine::Pretend;

    #[test]
    fn a_partition_and_a_loop_device() {
        let machine = Pretend::new()
            .file("/proc/self/mountinfo", "27 1 8:1 / / rw - xfs /dev/sda1 rw\n")
            .file("/sys/devices/p/sda/sda1/partition", "1\n")
            .file("/sys/devices/p/sda/sda1/size", "16\n")
            .file("/sys/devices/p/sda/sda1/dev", "8:1\n")
            .file("/sys/devices/p/sda/queue/logical_block_size", "4096\n")
            .link("/sys/class/block/sda1", "../../devices/p/sda/sda1")
            .file("/sys/class/block/loop0/loop/backing_file", "/tmp/.x\n")
            .file("/sys/class/block/loop0/dev", "7:0\n")
            .file("/run/udev/data/b7:0", b"E:ID_FS_TYPE=ext4\nE:ID_FS_LABEL=\xff\n");
        let mut seen = Seen::default();
        read(&Host::new(std::sync::Arc::new(machine)), &Ask::all(), &mut seen);
        let text = |row: usize, column| seen.rows[row].get(column).to_string();
        assert_eq!((text(0, col::name), text(0, col::kind)), ("/dev/loop0".into(), "loop".into()));
        assert_eq!(
            (text(0, col::backing_file), text(0, col::r#type)),
            ("/tmp/.x".into(), "ext4".into())
        );
        assert_eq!(
            (text(1, col::name), text(1, col::parent)),
            ("/dev/sda1".into(), "/dev/sda".into())
        );
        assert_eq!((text(1, col::size), text(1, col::block_size)), ("2".into(), "4096".into()));
        assert_eq!(text(1, col::r#type), "xfs");
        assert_eq!(seen.gaps, []);
    }
}
