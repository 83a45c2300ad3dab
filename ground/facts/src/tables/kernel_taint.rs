//! Marks that the kernel keeps of what was done to it, and which module accounts for each.
//!
//! Source: Documentation/admin-guide/tainted-kernels.rst; `/sys/module/*/taint`. A bit that only
//! modules set, with no visible module carrying it, betrays one that has hidden itself or gone.

use std::collections::BTreeMap;
use std::path::Path;

use stanch_machine::limits;
use stanch_words::{Ask, Gap, GapKind, Seen, table_spec};

use crate::Host;

table_spec! {
    /// Taint bits.
    pub static SPEC, col = "kernel_taint": Live, "Taint bits of the running kernel, one row a known bit.";
    bit Integer Plain "Number of the bit.";
    letter Text Plain "Letter that the kernel prints for it.";
    name Text Plain "Short name.";
    meaning Text Plain "What sets it.";
    set Integer Plain "1 if it is set.";
    by_module Integer Plain "1 if only modules set it.";
    explained_by Text Plain "Modules that carry the letter, joined by commas, or what else sets it.";
    unexplained Integer Plain "1 if it is set, only modules set it, and no visible module carries it.";
}

/// Bit, letter, name, meaning, and whether only modules set it.
const BITS: &[(u32, &str, &str, &str, bool)] = &[
    (0, "P", "proprietary", "a proprietary module was loaded", true),
    (1, "F", "forced-load", "a module was loaded by force", true),
    (2, "S", "out-of-specification", "the kernel runs on hardware out of specification", false),
    (3, "R", "forced-unload", "a module was unloaded by force", false),
    (4, "M", "machine-check", "the processor reported a machine check", false),
    (5, "B", "bad-page", "a bad page was found", false),
    (6, "U", "user", "a program asked for this taint", false),
    (7, "D", "died", "the kernel has oopsed", false),
    (8, "A", "acpi-table", "an ACPI table was overridden", false),
    (9, "W", "warning", "the kernel has warned", false),
    (10, "C", "staging", "a staging driver was loaded", true),
    (11, "I", "firmware-workaround", "a firmware bug is worked around", false),
    (12, "O", "out-of-tree", "a module built outside the kernel's tree was loaded", true),
    (13, "E", "unsigned", "an unsigned module was loaded", true),
    (14, "L", "soft-lockup", "a soft lockup occurred", false),
    (15, "K", "live-patch", "the kernel was patched live", true),
    (16, "X", "auxiliary", "the distribution defines it, often for unsupported modules", true),
    (17, "T", "random-structures", "the kernel was built with random structure layout", false),
    (18, "N", "test", "an in-kernel test was run", true),
    (19, "J", "firmware-control", "a program used firmware control commands", false),
];

/// Reads the mask and the letters of each module.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    let path = Path::new("/proc/sys/kernel/tainted");
    let Some(bytes) = host.read(SPEC.name, path, limits::PSEUDO_FILE, seen) else { return };
    let Some(mask) = crate::lines::number::<u64>(&bytes) else {
        let gap = Gap::new(SPEC.name, GapKind::Damaged, "the taint mask is not a number");
        seen.gap(gap.at("/proc/sys/kernel/tainted"));
        return;
    };
    let mut carriers: BTreeMap<u8, Vec<String>> = BTreeMap::new();
    let modules = Path::new("/sys/module");
    for entry in host.list(SPEC.name, modules, seen) {
        let path = modules.join(&entry.name).join("taint");
        let Some(letters) = host.read(SPEC.name, &path, limits::PSEUDO_FILE, seen) else {
            continue;
        };
        for letter in letters.trim_ascii() {
            let name = entry.name.to_string_lossy().into_owned();
            carriers.entry(*letter).or_default().push(name);
        }
    }
    rows(mask, &carriers, seen);
}

fn rows(mask: u64, carriers: &BTreeMap<u8, Vec<String>>, seen: &mut Seen) {
    for &(bit, letter, name, meaning, by_module) in BITS {
        let set = mask >> bit & 1 == 1;
        let modules = letter.bytes().next().and_then(|letter| carriers.get(&letter));
        let explained = match modules {
            Some(names) => names.join(","),
            None if set && !by_module => meaning.to_owned(),
            None => String::new(),
        };
        let mut row = SPEC.row();
        row.put(col::bit, bit)
            .put(col::letter, letter)
            .put(col::name, name)
            .put(col::meaning, meaning)
            .put(col::set, set)
            .put(col::by_module, by_module)
            .put(col::unexplained, set && by_module && explained.is_empty())
            .put(col::explained_by, explained);
        seen.push(row);
    }
    let known = BITS.iter().fold(0_u64, |all, &(bit, ..)| all | 1 << bit);
    if mask & !known != 0 {
        let detail = format!("taint bits {:#x} have no known meaning", mask & !known);
        seen.gap(Gap::new(SPEC.name, GapKind::Damaged, detail));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stanch_machine::Pretend;

    fn read_of(machine: Pretend) -> Seen {
        let mut seen = Seen::default();
        read(&Host::new(std::sync::Arc::new(machine)), &Ask::all(), &mut seen);
        seen
    }

    #[test]
    fn a_bit_of_a_module_that_nobody_lists() {
        let seen = read_of(
            Pretend::new()
                .file("/proc/sys/kernel/tainted", "12800\n")
                .file("/sys/module/zfs/taint", "PO\n"),
        );
        let of = |letter: &str| {
            seen.rows.iter().find(|row| row.get(col::letter).as_text() == Some(letter)).unwrap()
        };
        assert_eq!(of("O").get(col::explained_by).as_text(), Some("zfs"));
        assert_eq!(of("O").get(col::unexplained).as_integer(), Some(0));
        assert_eq!(of("E").get(col::unexplained).as_integer(), Some(1));
        assert_eq!(of("W").get(col::set).as_integer(), Some(1));
        assert_eq!(of("W").get(col::unexplained).as_integer(), Some(0));
        assert_eq!(of("P").get(col::set).as_integer(), Some(0));
        assert_eq!(seen.gaps, []);
    }

    #[test]
    fn an_unknown_bit_and_a_forged_mask_are_gaps() {
        let seen = read_of(Pretend::new().file("/proc/sys/kernel/tainted", "1099511627776"));
        assert_eq!((seen.rows.len(), seen.gaps.len()), (BITS.len(), 1));
        let seen = read_of(Pretend::new().file("/proc/sys/kernel/tainted", "\u{1b}[2J"));
        assert_eq!((seen.rows.len(), seen.gaps.len()), (0, 1));
    }
}
