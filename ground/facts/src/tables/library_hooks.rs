//! Libraries that put themselves before the C library's functions.
//!
//! A library that is loaded before all others and gives `readdir` decides what every dynamic
//! program sees in a folder. We load no library and run no program of the machine, so we see past
//! it; what it can hide is told by the functions that it gives.
//!
//! Source: ld.so(8), dlsym(3), elf(5); ATT&CK T1574.006.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use stanch_machine::OpenFile;
use stanch_words::{Ask, ColumnSet, Row, Seen, table_spec, text};

use super::{ld_preload, process_code};
use crate::elf_symbols;
use crate::{Host, packages};

table_spec! {
    /// Libraries that hook.
    pub static SPEC, col = "library_hooks": Files, "Preloaded libraries, and those of no package that running programs have mapped, that give functions in place of the C library's for listing, opening, logging in or talking; one row each.";
    path Text Plain "Path of the library.";
    hooks Text Plain "Functions that it puts itself before, joined by commas.";
    hides Text Plain "What it can hide or listen to so, joined by commas: files, network, logins, programs.";
    named_by Text Plain "Who loads it, joined by commas: ld.so.preload, environment, mapped.";
    processes BigInt Plain "How many processes have it mapped.";
    pid BigInt Plain "The first of them.";
    passes_on Integer Plain "1 if it looks for the function that it stands before (dlsym).";
    words Text Plain "Paths that are written in it, joined by commas: perhaps what it hides.";
    package Text Plain "Owning package; empty if there is none.";
    state Text Plain "What the package database says of it: unowned, altered, intact, …; empty if there is no database.";
}

/// Functions of the C library, and of PAM, that rootkits stand before, by what they can hide.
const HOOKS: [(&str, &[&str]); 4] = [
    (
        "files",
        &[
            "readdir",
            "readdir64",
            "readdir_r",
            "readdir64_r",
            "scandir",
            "scandir64",
            "opendir",
            "fdopendir",
            "open",
            "open64",
            "openat",
            "openat64",
            "fopen",
            "fopen64",
            "stat",
            "stat64",
            "lstat",
            "lstat64",
            "statx",
            "fstatat",
            "fstatat64",
            "__xstat",
            "__xstat64",
            "__lxstat",
            "__lxstat64",
            "__fxstat",
            "__fxstat64",
            "__fxstatat",
            "__fxstatat64",
            "access",
            "faccessat",
            "unlink",
            "unlinkat",
            "rmdir",
            "getdents64",
            "readlink",
        ],
    ),
    ("network", &["accept", "accept4", "recvmsg", "recvfrom", "pcap_loop", "pcap_dispatch"]),
    (
        "logins",
        &[
            "pam_authenticate",
            "pam_acct_mgmt",
            "pam_open_session",
            "pam_get_password",
            "pam_get_item",
            "crypt",
            "crypt_r",
            "getpwnam",
            "getpwnam_r",
            "getpwuid",
            "getspnam",
            "pututxline",
        ],
    ),
    ("programs", &["execve", "execvp", "execv", "execvpe", "kill", "__libc_start_main", "ptrace"]),
];

/// Most libraries that are looked into.
const MOST: usize = 4_000;
/// How much of one is searched for words.
const WORDS: usize = 4 << 20;

#[derive(Default)]
struct Named {
    by: BTreeSet<&'static str>,
    pids: BTreeSet<i64>,
}

/// Collects libraries and reads the symbols of each.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    let index = packages::index(host);
    let mut named: BTreeMap<PathBuf, Named> = BTreeMap::new();
    preloaded(host, &mut named, seen);
    if host.machine().kernel().is_some() {
        mapped(host, &mut named, seen);
    }
    let mut left_out = 0_u64;
    let mut looked_at = 0_usize;
    for (path, named) in named {
        let resolved = packages::Index::resolve(host.machine(), &path);
        let owner = index.owner(&resolved);
        // A shipped library is loaded into everything; only who is forced on programs counts.
        if owner.is_some() && named.by.iter().all(|by| *by == "mapped") {
            continue;
        }
        looked_at = looked_at.saturating_add(1);
        if looked_at > MOST {
            left_out = left_out.saturating_add(1);
            continue;
        }
        match host.machine().open(&resolved) {
            Ok(file) => {
                let Some(mut row) = one(&*file) else { continue };
                row.put(col::path, path.as_path())
                    .put(col::named_by, named.by.into_iter().collect::<Vec<_>>().join(","))
                    .put(col::processes, named.pids.len())
                    .put(col::pid, named.pids.first().copied())
                    .put(col::package, owner.map_or("", |owner| &owner.package.name));
                if index.is_readable() {
                    let found = index.verify(host, SPEC.name, &resolved, seen);
                    row.put(col::state, found.state.name());
                }
                seen.push(row);
            }
            Err(miss) => crate::host::note(SPEC.name, &miss, seen),
        }
    }
    if left_out > 0 {
        let detail = format!("{left_out} more libraries were not looked into");
        let kind = stanch_words::GapKind::Truncated;
        seen.gap(stanch_words::Gap::new(SPEC.name, kind, detail));
    }
}

fn path_of(text: &str) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(&text::to_bytes(text)))
}

fn preloaded(host: &Host, named: &mut BTreeMap<PathBuf, Named>, seen: &mut Seen) {
    use ld_preload::col as preload;
    let mut found = Seen::default();
    let columns = [preload::source, preload::pid, preload::variable, preload::library];
    let columns = columns.into_iter().fold(ColumnSet::NONE, ColumnSet::with);
    ld_preload::read(host, &Ask { columns, constraints: Vec::new() }, &mut found);
    let gaps = found.gaps.into_iter();
    seen.gaps.extend(gaps.map(|gap| stanch_words::Gap { what: SPEC.name.to_owned(), ..gap }));
    for row in &found.rows {
        let library = row.get(preload::library).as_text().filter(|text| text.starts_with('/'));
        let Some(library) = library else { continue };
        if row.get(preload::variable).as_text() == Some("LD_LIBRARY_PATH") {
            continue;
        }
        let named = named.entry(path_of(library)).or_default();
        match row.get(preload::pid).as_integer() {
            Some(pid) => {
                named.by.insert("environment");
                named.pids.insert(pid);
            }
            None => drop(named.by.insert("ld.so.preload")),
        }
    }
}

fn mapped(host: &Host, named: &mut BTreeMap<PathBuf, Named>, seen: &mut Seen) {
    use process_code::col as code;
    let columns = [code::pid, code::path, code::deleted, code::kind, code::main_program];
    let columns = columns.into_iter().fold(ColumnSet::NONE, ColumnSet::with);
    let mut found = Seen::default();
    process_code::read(host, &Ask { columns, constraints: Vec::new() }, &mut found);
    let gaps = found.gaps.into_iter();
    seen.gaps.extend(gaps.map(|gap| stanch_words::Gap { what: SPEC.name.to_owned(), ..gap }));
    for row in &found.rows {
        let path = row.get(code::path).as_text().filter(|path| path.starts_with('/'));
        let Some(path) = path else { continue };
        if [code::deleted, code::main_program].iter().any(|c| row.get(*c).as_integer() == Some(1)) {
            continue;
        }
        let named = named.entry(path_of(path)).or_default();
        named.by.insert("mapped");
        named.pids.extend(row.get(code::pid).as_integer());
    }
}

/// Reads one library; nothing if it hooks nothing.
fn one(file: &dyn OpenFile) -> Option<Row> {
    let read_at = |offset: u64, length: usize| {
        let mut bytes = vec![0_u8; length.min(32 << 20)];
        let read = file.read_at(offset, &mut bytes).unwrap_or(0);
        bytes.truncate(read);
        bytes
    };
    let symbols = elf_symbols::read(&read_at)?;
    let given: BTreeSet<&str> = symbols.given.iter().map(String::as_str).collect();
    let mut hooks = Vec::new();
    let mut hides = Vec::new();
    for (what, names) in HOOKS {
        let of_these: Vec<&str> =
            names.iter().copied().filter(|name| given.contains(name)).collect();
        if !of_these.is_empty() {
            hides.push(what);
        }
        hooks.extend(of_these);
    }
    if hooks.is_empty() {
        return None;
    }
    let mut row = SPEC.row();
    row.put(col::hooks, hooks.join(","))
        .put(col::hides, hides.join(","))
        .put(
            col::passes_on,
            symbols.needed.iter().any(|name| name.starts_with("dl") && name.contains("sym")),
        )
        .put(col::words, words(&read_at(0, WORDS)).join(","));
    Some(row)
}

/// Returns the paths that are written in a library, without those of the loader's own.
pub fn words(bytes: &[u8]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for part in bytes.split(|&byte| !(33..127).contains(&byte)) {
        let is_path = part.len() > 3 && part.len() < 200 && part.starts_with(b"/");
        let is_loader = [&b"/lib"[..], b"/usr/lib/gcc", b"/rustc/", b"/build"]
            .iter()
            .any(|start| part.starts_with(start));
        if is_path && !is_loader && part.iter().skip(1).any(u8::is_ascii_alphabetic) {
            let word = text::from_bytes(part);
            if !found.contains(&word) {
                found.push(word);
            }
        }
        if found.len() >= 12 {
            break;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elf_symbols::tests::library;
    use stanch_machine::Pretend;

    #[test]
    fn a_library_that_stands_before_the_listing_is_told_with_what_it_names() {
        let mut hooking = library(&["readdir64", "accept", "helper"], &["dlsym", "open"]);
        hooking.extend(b"\0/etc/ld.so.preload\0\x01\x02//\0");
        let machine = Pretend::new()
            .file("/etc/ld.so.preload", "/usr/lib/libx.so /usr/lib/liby.so /usr/lib/libz.so\n")
            .file("/usr/lib/libx.so", hooking)
            .file("/usr/lib/liby.so", library(&["helper"], &["readdir64"]))
            .file("/usr/lib/libz.so", "no library");
        let columns =
            [col::path, col::hooks, col::hides, col::named_by, col::passes_on, col::words];
        let rows = super::super::shown("library_hooks", machine, columns);
        let told = [
            "/usr/lib/libx.so",
            "readdir64,accept",
            "files,network",
            "ld.so.preload",
            "1",
            "/etc/ld.so.preload",
        ];
        assert_eq!(rows, [told]);
    }
}
