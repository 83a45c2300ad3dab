//! Kernel modules that one view shows and another does not.
//!
//! Source: proc_modules(5); `/sys/module/*/initstate`; `[name]` in `/proc/kallsyms`; memory that
//! `load_module` took, in `/proc/vmallocinfo` (mm/vmalloc.c). A module that takes itself off the
//! list, and out of /sys too, still has its memory. Each view agrees, disagrees, or could not be
//! asked, which is a gap. A disagreement is looked at three times before it is a row.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use stanch_machine::limits;
use stanch_words::{Ask, Gap, GapKind, Seen, table_spec};

use crate::Host;
use crate::lines::words;

table_spec! {
    /// Modules that views disagree about.
    pub static SPEC, col = "hidden_modules": Live, "Kernel modules that some views show and others do not, one row each; none where all agree.";
    name Text Plain "Module's name; empty where only its memory is seen.";
    in_proc Integer Plain "1 if /proc/modules lists it.";
    in_sys Integer Plain "1 if /sys/module has it as a loaded module.";
    in_kallsyms Integer Plain "1 if the kernel's symbols name it; empty if they could not be asked.";
    in_vmallocinfo Integer Plain "Pieces of memory of modules beyond those that are listed; empty if it could not be asked.";
    seen_by Text Plain "Views that show it, joined by commas.";
    missing_from Text Plain "Views that do not show it, joined by commas.";
    confirmed Integer Plain "1 if three looks agreed about the disagreement.";
}

/// What the views showed at one time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Views {
    listed: BTreeSet<String>,
    in_sys: BTreeSet<String>,
    /// None: could not be asked.
    symbols: Option<BTreeSet<String>>,
    /// Pieces of memory that `load_module` took; none: could not be asked.
    memory: Option<usize>,
}

/// A module and the views that showed it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Disagreement {
    name: String,
    listed: bool,
    in_sys: bool,
    symbols: Option<bool>,
    extra_memory: Option<usize>,
}

/// Compares the views, three times where they disagree.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    let Some(kernel) = host.kernel(SPEC.name, seen) else { return };
    let mut found = compare(&views(host, seen));
    for _again in 0..2 {
        if found.is_empty() {
            return;
        }
        // A module that is being loaded or unloaded shows in some views first.
        kernel.sleep(Duration::from_millis(100));
        let next = compare(&views(host, &mut Seen::default()));
        found.retain(|one| next.contains(one));
    }
    for one in found {
        seen.push(row_of(&one));
    }
}

fn row_of(one: &Disagreement) -> stanch_words::Row {
    let views = [
        ("proc", Some(one.listed)),
        ("sys", Some(one.in_sys)),
        ("kallsyms", one.symbols),
        ("vmallocinfo", one.extra_memory.map(|pieces| pieces > 0)),
    ];
    let names = |wanted: bool| {
        let names: Vec<&str> = views
            .iter()
            .filter(|(_, shown)| *shown == Some(wanted))
            .map(|(name, _)| *name)
            .collect();
        names.join(",")
    };
    let mut row = SPEC.row();
    row.put(col::name, one.name.as_str())
        .put(col::in_proc, one.listed)
        .put(col::in_sys, one.in_sys)
        .put(col::in_kallsyms, one.symbols)
        .put(col::in_vmallocinfo, one.extra_memory)
        .put(col::seen_by, names(true))
        .put(col::missing_from, names(false))
        .put(col::confirmed, 1);
    row
}

fn views(host: &Host, seen: &mut Seen) -> Views {
    let mut file = |path: &str, cap: u64| {
        // Over a procfs of our own nobody can mount another file.
        let fresh = |name: &str| host.machine().kernel()?.fresh_proc(Path::new(name), cap).ok();
        let bytes = path.strip_prefix("/proc/").and_then(fresh);
        bytes.or_else(|| host.read(SPEC.name, Path::new(path), cap, seen))
    };
    let listed = file("/proc/modules", limits::PSEUDO_FILE);
    let symbols = file("/proc/kallsyms", 128 << 20);
    let memory = file("/proc/vmallocinfo", limits::PSEUDO_FILE);
    let mut in_sys = BTreeSet::new();
    for entry in host.list(SPEC.name, Path::new("/sys/module"), seen) {
        // Code that is built in has a directory too, but no state and no size.
        let path = Path::new("/sys/module").join(&entry.name);
        let is_loaded = ["initstate", "coresize"]
            .iter()
            .any(|name| host.machine().lstat(&path.join(name)).is_ok());
        if is_loaded {
            in_sys.insert(stanch_words::text::from_bytes(entry.name.as_encoded_bytes()));
        }
    }
    let has_modules = listed.is_some();
    if has_modules && symbols.is_none() {
        could_not_ask("/proc/kallsyms", "there are no kernel symbols to compare with", seen);
    }
    // Listed modules without any memory of theirs: the caller has another name here.
    let memory = memory
        .and_then(|text| parse_memory(&text))
        .filter(|&pieces| pieces > 0 || in_sys.is_empty());
    if has_modules && memory.is_none() {
        let detail = "this kernel does not tell which memory is of modules";
        could_not_ask("/proc/vmallocinfo", detail, seen);
    }
    Views {
        listed: parse_listed(&listed.unwrap_or_default()),
        in_sys,
        symbols: symbols.map(|text| parse_symbols(&text)),
        memory,
    }
}

fn could_not_ask(path: &str, detail: &str, seen: &mut Seen) {
    seen.gap(Gap::new(SPEC.name, GapKind::Refused, detail).at(path));
}

fn parse_listed(bytes: &[u8]) -> BTreeSet<String> {
    bytes
        .split(|&b| b == b'\n')
        .filter_map(|line| words(line).next())
        .map(stanch_words::text::from_bytes)
        .collect()
}

/// Returns the modules that `/proc/kallsyms` names: `address type symbol\t[module]`.
fn parse_symbols(bytes: &[u8]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut last: &[u8] = b"";
    for line in bytes.split(|&b| b == b'\n') {
        let Some(rest) = line.strip_suffix(b"]") else { continue };
        let Some(at) = memchr::memrchr(b'[', rest) else { continue };
        let name = rest.get(at.saturating_add(1)..).unwrap_or_default();
        // Not modules: compiled eBPF programs and the kernel's own trampolines.
        if name == last || name == b"bpf" || name.starts_with(b"__builtin__") {
            continue;
        }
        last = name;
        names.insert(stanch_words::text::from_bytes(name));
    }
    names
}

/// Returns how many pieces of memory `/proc/vmallocinfo` says `load_module` took. Since Linux 6.4
/// a module has several pieces, and the callers' names changed: then it says nothing.
fn parse_memory(bytes: &[u8]) -> Option<usize> {
    let mut pieces = 0_usize;
    let mut newer = false;
    for line in bytes.split(|&b| b == b'\n') {
        let caller = words(line).nth(2).unwrap_or_default();
        if caller.starts_with(b"load_module+") || caller.starts_with(b"layout_and_allocate") {
            pieces = pieces.saturating_add(1);
        }
        newer |= caller.starts_with(b"move_module") || caller.starts_with(b"execmem_");
    }
    (!newer && !bytes.is_empty()).then_some(pieces)
}

fn compare(views: &Views) -> Vec<Disagreement> {
    let mut names: BTreeSet<&String> = views.listed.union(&views.in_sys).collect();
    names.extend(views.symbols.iter().flatten());
    let known = names.len();
    let mut found: Vec<Disagreement> = names
        .into_iter()
        .filter_map(|name| {
            let listed = views.listed.contains(name);
            let in_sys = views.in_sys.contains(name);
            let symbols = views.symbols.as_ref().map(|symbols| symbols.contains(name));
            // A listed module without symbols is ordinary: a kernel may keep few of them.
            let agrees = listed && in_sys || !listed && !in_sys && symbols != Some(true);
            (!agrees).then(|| Disagreement {
                name: name.clone(),
                listed,
                in_sys,
                symbols,
                extra_memory: None,
            })
        })
        .collect();
    let extra = views.memory.map(|pieces| pieces.saturating_sub(known)).filter(|&more| more > 0);
    if let Some(more) = extra.filter(|_| !views.listed.is_empty() || known == 0) {
        found.push(Disagreement {
            name: String::new(),
            listed: false,
            in_sys: false,
            symbols: views.symbols.is_some().then_some(false),
            extra_memory: Some(more),
        });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_module_off_the_list_is_told_by_each_view_that_is_left() {
        let clean = Views {
            listed: set(&["ext4", "zfs"]),
            in_sys: set(&["ext4", "zfs"]),
            symbols: Some(set(&["ext4"])),
            memory: Some(2),
        };
        assert_eq!(compare(&clean), []);
        let off_the_list = Views { listed: set(&["ext4"]), ..clean.clone() };
        let found = compare(&off_the_list);
        assert_eq!(found.len(), 1);
        let row = row_of(&found[0]);
        assert_eq!(row.get(col::seen_by).as_text(), Some("sys"));
        assert_eq!(row.get(col::missing_from).as_text(), Some("proc,kallsyms"));
        let only_memory = Views { listed: set(&["ext4"]), in_sys: set(&["ext4"]), ..clean };
        let row = row_of(&compare(&only_memory)[0]);
        assert_eq!(row.get(col::in_vmallocinfo).as_integer(), Some(1));
        assert_eq!(row.get(col::missing_from).as_text(), Some("proc,sys,kallsyms"));
        let only_symbols = Views {
            listed: set(&["ext4"]),
            in_sys: set(&["ext4"]),
            symbols: Some(set(&["tmod"])),
            memory: None,
        };
        let row = row_of(&compare(&only_symbols)[0]);
        assert_eq!(row.get(col::seen_by).as_text(), Some("kallsyms"));
        assert!(row.get(col::in_vmallocinfo).is_null());
    }

    #[test]
    fn symbols_and_memory_as_the_kernel_writes_them() {
        let names = parse_symbols(
            b"0 T a\n0 t hook\t[tmod]\n0 t hook2\t[tmod]\n0 t bpf_prog_1\t[bpf]\n\
              0 t ftrace_trampoline\t[__builtin__ftrace]\n0 t x\t[\xff]\n]\n",
        );
        assert_eq!(names, set(&["\\xff", "tmod"]));
        let older =
            b"0x1-0x2 16384 load_module+0x1/0x2 pages=3 vmalloc\n0x3-0x4 8 bpf_prog_alloc+0x1\n";
        assert_eq!(parse_memory(older), Some(1));
        assert_eq!(parse_memory(b"0x1-0x2 16384 move_module+0x1/0x2 pages=3\n"), None);
        assert_eq!(parse_memory(b""), None);
    }
}
