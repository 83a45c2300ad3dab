//! What this computer is.
//!
//! Source: uname(2), proc_cpuinfo(5), `/sys/class/dmi/id`, machine-id(5).

use std::collections::BTreeSet;
use std::path::Path;

use stanch_machine::limits;
use stanch_words::{Ask, Row, Seen, table_spec};

use crate::Host;

table_spec! {
    /// The computer.
    pub static SPEC, col = "system_info": Live, "The computer, one row.";
    hostname Text Plain "Network name.";
    uuid Text Plain "Firmware's id of the system.";
    cpu_type Text Plain "Processor architecture.";
    cpu_subtype Text Plain "Processor family and model.";
    cpu_brand Text Plain "Processor's brand name.";
    cpu_physical_cores Integer Plain "Processor cores.";
    cpu_logical_cores Integer Plain "Processors that the kernel schedules on.";
    cpu_sockets Integer Plain "Processor packages.";
    cpu_microcode Text Plain "Microcode version.";
    physical_memory BigInt Plain "Usable memory in bytes.";
    hardware_vendor Text Plain "Maker.";
    hardware_model Text Plain "Product.";
    hardware_version Text Plain "Product's version.";
    hardware_serial Text Plain "Serial number.";
    board_vendor Text Plain "Maker of the board.";
    board_model Text Plain "Board.";
    board_version Text Plain "Board's version.";
    board_serial Text Plain "Board's serial number.";
    computer_name Text Plain "Name for display: the host name.";
    local_hostname Text Plain "Local host name: the host name.";
    machine_id Text Plain "Id of the installation (/etc/machine-id).";
    boot_id Text Plain "Id of this boot.";
}

/// Firmware's fields. Those of root alone are empty for other users, which is a gap.
const FIRMWARE: &[(usize, &str)] = &[
    (col::uuid, "product_uuid"),
    (col::hardware_vendor, "sys_vendor"),
    (col::hardware_model, "product_name"),
    (col::hardware_version, "product_version"),
    (col::hardware_serial, "product_serial"),
    (col::board_vendor, "board_vendor"),
    (col::board_model, "board_name"),
    (col::board_version, "board_version"),
    (col::board_serial, "board_serial"),
];

/// Asks the kernel.
pub(super) fn read(host: &Host, ask: &Ask, seen: &mut Seen) {
    let Some(kernel) = host.kernel(SPEC.name, seen) else { return };
    let [_system, node, _release, _version, machine, _domain] = kernel.uname();
    let mut row = SPEC.row();
    row.put(col::hostname, node.as_str())
        .put(col::computer_name, node.as_str())
        .put(col::local_hostname, node)
        .put(col::cpu_type, machine)
        .put(col::physical_memory, kernel.sysinfo().memory_total);
    let file = |column: usize, path: &str, row: &mut Row, seen: &mut Seen| {
        if ask.wants(column)
            && let Some(bytes) = host.read(SPEC.name, Path::new(path), limits::CONFIG_FILE, seen)
        {
            row.put(column, bytes.trim_ascii());
        }
    };
    for (column, name) in FIRMWARE {
        file(*column, &format!("/sys/class/dmi/id/{name}"), &mut row, seen);
    }
    file(col::machine_id, "/etc/machine-id", &mut row, seen);
    file(col::boot_id, "/proc/sys/kernel/random/boot_id", &mut row, seen);
    let path = Path::new("/proc/cpuinfo");
    if ask.wants_any(&[
        col::cpu_subtype,
        col::cpu_brand,
        col::cpu_physical_cores,
        col::cpu_logical_cores,
        col::cpu_sockets,
        col::cpu_microcode,
    ]) && let Some(bytes) = host.read(SPEC.name, path, limits::PSEUDO_FILE, seen)
    {
        processors(&bytes, &mut row);
    }
    seen.push(row);
}

/// Fills the processor's columns from `/proc/cpuinfo`, whose fields differ by architecture.
fn processors(bytes: &[u8], row: &mut Row) {
    let (mut logical, mut package) = (0_u32, &b""[..]);
    let (mut packages, mut cores) = (BTreeSet::new(), BTreeSet::new());
    let (mut family, mut model) = (&b""[..], &b""[..]);
    for line in bytes.split(|&b| b == b'\n') {
        let mut pair = line.splitn(2, |&b| b == b':');
        let (Some(name), Some(value)) = (pair.next(), pair.next()) else { continue };
        let value = value.trim_ascii();
        match name.trim_ascii() {
            b"processor" => logical = logical.saturating_add(1),
            b"physical id" => {
                package = value;
                packages.insert(value);
            }
            b"core id" => {
                cores.insert((package, value));
            }
            b"cpu family" => family = value,
            b"model" => model = value,
            b"model name" => {
                row.put(col::cpu_brand, value);
            }
            b"microcode" => {
                row.put(col::cpu_microcode, value);
            }
            _ => {}
        }
    }
    let count = |set: usize, otherwise: u32| {
        u32::try_from(set).ok().filter(|&count| count > 0).unwrap_or(otherwise)
    };
    row.put(col::cpu_logical_cores, logical)
        .put(col::cpu_physical_cores, count(cores.len(), logical))
        .put(col::cpu_sockets, count(packages.len(), 1))
        .put(col::cpu_subtype, crate::lines::text_of([family, model].into_iter()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_packages_of_two_threads() {
        let mut row = SPEC.row();
        let one = |package: u32| {
            format!(
                "processor\t: 0\ncpu family\t: 6\nmodel\t\t: 85\nmodel name\t: Fast\n\
                 physical id\t: {package}\ncore id\t\t: 0\nmicrocode\t: 0x1\n\n"
            )
        };
        let text = format!("{}{}{}{}", one(0), one(0), one(1), one(1));
        processors(text.as_bytes(), &mut row);
        let number = |column| row.get(column).as_integer();
        assert_eq!(number(col::cpu_logical_cores), Some(4));
        assert_eq!(number(col::cpu_physical_cores), Some(2));
        assert_eq!(number(col::cpu_sockets), Some(2));
        assert_eq!(row.get(col::cpu_subtype).as_text(), Some("6 85"));
    }
}
