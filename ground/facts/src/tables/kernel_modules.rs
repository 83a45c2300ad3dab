//! Loaded kernel modules, as the kernel lists them.
//!
//! Source: proc_modules(5): `name size references used-by state address (taints)`
//! (kernel/module/procfs.c). A module that is missing here may still show in `hidden_modules`.

use std::path::{Path, PathBuf};

use stanch_machine::limits;
use stanch_words::{Ask, Gap, GapKind, Seen, table_spec};

use crate::Host;
use crate::lines::{number, words};

table_spec! {
    /// Loaded modules.
    pub static SPEC, col = "kernel_modules": Live, "Loaded kernel modules, one row a line of /proc/modules.";
    name Text Index "Module's name.";
    size BigInt Plain "Size in bytes.";
    used_by Text Plain "Modules that use it, joined by commas; - if none.";
    status Text Plain "Live, Loading or Unloading.";
    address Text Plain "Address in the kernel; zeros where the kernel hides it.";
    references Integer Plain "How often it is in use; -1 if it cannot be unloaded.";
    taint Text Plain "Taint letters of the module itself (O out-of-tree, E unsigned, P proprietary, F forced).";
    out_of_tree Integer Plain "1 if the kernel marks it as built outside the kernel's tree.";
    unsigned Integer Plain "1 if the kernel marks it as loaded without a valid signature.";
    in_sys Integer Plain "1 if /sys/module lists it as a loaded module too.";
    version Text Plain "Version that the module claims.";
    source_version Text Plain "Checksum of its source (srcversion).";
}

/// Reads `/proc/modules`. A kernel without modules has none, and that is no gap.
pub(super) fn read(host: &Host, ask: &Ask, seen: &mut Seen) {
    let path = Path::new("/proc/modules");
    let Some(bytes) = host.read(SPEC.name, path, limits::PSEUDO_FILE, seen) else { return };
    let first = seen.rows.len();
    parse(&bytes, seen);
    if let Some(name) = ask.equal(col::name) {
        seen.rows.retain(|row| row.get(col::name) == name);
    }
    let machine = host.machine();
    for row in seen.rows.iter_mut().skip(first) {
        let Some(name) = row.get(col::name).as_text() else { continue };
        let directory = PathBuf::from(format!("/sys/module/{name}"));
        if ask.wants(col::in_sys) {
            row.put(col::in_sys, machine.lstat(&directory.join("initstate")).is_ok());
        }
        for (column, file) in [(col::version, "version"), (col::source_version, "srcversion")] {
            // Few modules have either file.
            if ask.wants(column)
                && let Ok(text) = machine.read(&directory.join(file), limits::PSEUDO_FILE)
            {
                row.put(column, text.bytes.trim_ascii());
            }
        }
    }
}

/// Parses `/proc/modules`. A line that is not understood is a gap.
pub fn parse(bytes: &[u8], seen: &mut Seen) {
    for (at, line) in (1_u64..).zip(bytes.split(|&b| b == b'\n')) {
        if line.is_empty() {
            continue;
        }
        let Some(row) = one(line) else {
            let detail = format!("line {at} is not understood");
            seen.gap(Gap::new(SPEC.name, GapKind::Damaged, detail).at("/proc/modules"));
            continue;
        };
        seen.push(row);
    }
}

fn one(line: &[u8]) -> Option<stanch_words::Row> {
    let mut words = words(line);
    let (name, size) = (words.next()?, number::<u64>(words.next()?)?);
    let (references, used_by) = (words.next()?, words.next()?);
    let (status, address) = (words.next()?, words.next()?);
    let taint = words.next().unwrap_or_default();
    let taint = taint.strip_prefix(b"(").and_then(|t| t.strip_suffix(b")")).unwrap_or_default();
    let used_by = used_by.strip_suffix(b",").unwrap_or(used_by);
    let mut row = SPEC.row();
    row.put(col::name, name)
        .put(col::size, size)
        .put(col::used_by, used_by)
        .put(col::status, status)
        .put(col::address, address)
        .put(col::references, number::<i64>(references).unwrap_or(-1))
        .put(col::taint, taint)
        .put(col::out_of_tree, taint.contains(&b'O'))
        .put(col::unsigned, taint.contains(&b'E'));
    Some(row)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_with_taints_and_damage() {
        let mut seen = Seen::default();
        parse(
            b"diamond 16384 0 - Live 0xffffffffc0a00000 (OE)\n\
              nf_nat 65536 2 nft_chain_nat,xt_nat, Live 0x0000000000000000\n\
              stuck 1 - [permanent], Loading 0x0\nhalf 12\n\xff\xfe x\n",
            &mut seen,
        );
        assert_eq!(seen.rows.len(), 3);
        assert_eq!(seen.rows[0].get(col::taint).as_text(), Some("OE"));
        assert_eq!(seen.rows[0].get(col::unsigned).as_integer(), Some(1));
        assert_eq!(seen.rows[1].get(col::used_by).as_text(), Some("nft_chain_nat,xt_nat"));
        assert_eq!(seen.rows[2].get(col::references).as_integer(), Some(-1));
        assert_eq!(seen.gaps.len(), 2);
    }

    #[test]
    fn every_cut_of_a_line_is_a_row_or_a_gap() {
        let whole = b"nf_nat 65536 2 nft_nat, Live 0x0 (OE)";
        for length in 1..whole.len() {
            let mut seen = Seen::default();
            parse(&whole[..length], &mut seen);
            assert_eq!(seen.rows.len() + seen.gaps.len(), 1, "{length}");
        }
    }
}
