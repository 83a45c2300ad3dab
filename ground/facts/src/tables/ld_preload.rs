//! Libraries that the dynamic linker is told to load into programs that did not ask for them.
//!
//! Source: ld.so(8), proc_pid_environ(5). `/etc/ld.so.preload` names libraries for every program;
//! `LD_PRELOAD`, `LD_AUDIT` and `LD_LIBRARY_PATH` do it for one. A process can overwrite its
//! environment after it has started, so an empty answer for a process proves nothing.

use std::path::Path;

use stanch_machine::limits;
use stanch_words::{Ask, Row, Seen, Value, table_spec};

use crate::Host;
use crate::process_files::{self, Refusals};

table_spec! {
    /// Preloaded libraries.
    pub static SPEC, col = "ld_preload": Files, "Libraries preloaded by /etc/ld.so.preload or by a process's environment, one row each.";
    source Text Index "file for /etc/ld.so.preload, environment for a process.";
    pid BigInt Index "The process, for an environment.";
    variable Text Plain "LD_PRELOAD, LD_AUDIT or LD_LIBRARY_PATH; empty for the file.";
    library Text Plain "Library or directory as written.";
    line Integer Plain "Line in the file, from 1.";
    exists Integer Plain "1 if the path exists, 0 if not; empty for a name without a slash, which is searched for.";
    value Text Plain "The variable's whole value, or the line.";
    path Text Plain "The process's program.";
}

const FILE: &str = "/etc/ld.so.preload";
const VARIABLES: [&[u8]; 3] = [b"LD_PRELOAD", b"LD_AUDIT", b"LD_LIBRARY_PATH"];

/// Reads the file, and on a running machine the environments.
pub(super) fn read(host: &Host, ask: &Ask, seen: &mut Seen) {
    let source = ask.equal(col::source).and_then(Value::as_text);
    if source != Some("environment")
        && ask.equal(col::pid).is_none()
        && let Some(bytes) = host.read(SPEC.name, Path::new(FILE), limits::CONFIG_FILE, seen)
    {
        parse_file(&bytes, seen);
    }
    if source != Some("file") && host.machine().kernel().is_some() {
        environments(host, ask, seen);
    }
    if ask.wants(col::exists) {
        for row in &mut seen.rows {
            let exists = exists(host, row);
            row.put(col::exists, exists);
        }
    }
}

fn environments(host: &Host, ask: &Ask, seen: &mut Seen) {
    let mut refusals = Refusals::default();
    for pid in process_files::pids(host, SPEC.name, ask, col::pid, seen) {
        let path = format!("/proc/{pid}/environ");
        match host.machine().read(Path::new(&path), limits::ARGUMENTS) {
            Ok(contents) => {
                let first = seen.rows.len();
                parse_environment(pid, &contents.bytes, seen);
                let exe = format!("/proc/{pid}/exe");
                for row in seen.rows.iter_mut().skip(first) {
                    let exe = host.machine().read_link(Path::new(&exe)).ok();
                    row.put(col::path, exe.as_deref().map(Value::from));
                }
            }
            Err(miss) => refusals.take(SPEC.name, pid, miss, seen),
        }
    }
    refusals.tell(SPEC.name, "environments", seen);
}

/// Returns whether the path is there, seen from the process's own root.
fn exists(host: &Host, row: &Row) -> Option<bool> {
    let library = row.get(col::library).as_text().filter(|text| text.starts_with('/'))?;
    // $ORIGIN, $LIB and $PLATFORM are filled in by the linker.
    if library.contains('$') {
        return None;
    }
    let path = match row.get(col::pid).as_integer() {
        Some(pid) => format!("/proc/{pid}/root{library}"),
        None => library.to_owned(),
    };
    match host.machine().stat(Path::new(&path)) {
        Ok(_) => Some(true),
        Err(miss) if miss.absent => Some(false),
        Err(_unknown) => None,
    }
}

/// Parses `/etc/ld.so.preload`: names between blanks or colons; `#` begins a comment (glibc's
/// rtld.c, where the file is taken apart).
pub fn parse_file(bytes: &[u8], seen: &mut Seen) {
    for (number, line) in (1_u64..).zip(bytes.split(|&b| b == b'\n')) {
        let names = line.split(|&b| b == b'#').next().unwrap_or_default();
        for library in separated(names, b" \t\r:\0") {
            let mut row = SPEC.row();
            row.put(col::source, "file")
                .put(col::variable, "")
                .put(col::library, library)
                .put(col::line, number)
                .put(col::value, line);
            seen.push(row);
        }
    }
}

/// Parses an environment for the variables that load code.
pub fn parse_environment(pid: i64, bytes: &[u8], seen: &mut Seen) {
    for entry in bytes.split(|&b| b == 0) {
        // Nearly every entry of nearly every process is passed over here.
        if !entry.starts_with(b"LD_") {
            continue;
        }
        for variable in VARIABLES {
            let value = entry.strip_prefix(variable).and_then(|rest| rest.strip_prefix(b"="));
            let Some(value) = value else { continue };
            // LD_PRELOAD splits at blanks and colons, the other two at colons (and semicolons).
            let at: &[u8] = if variable == b"LD_PRELOAD" { b" :" } else { b":;" };
            for library in separated(value, at) {
                let mut row = SPEC.row();
                row.put(col::source, "environment")
                    .put(col::pid, pid)
                    .put(col::variable, variable)
                    .put(col::library, library)
                    .put(col::value, value);
                seen.push(row);
            }
        }
    }
}

fn separated<'a>(text: &'a [u8], at: &'static [u8]) -> impl Iterator<Item = &'a [u8]> {
    text.split(move |b| at.contains(b)).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use stanch_machine::Pretend;

    fn libraries(seen: &Seen) -> Vec<String> {
        seen.rows
            .iter()
            .map(|row| format!("{}={}", row.get(col::variable), row.get(col::library)))
            .collect()
    }

    #[test]
    fn a_preload_file_on_an_image() {
        let machine = Pretend::new()
            .file(FILE, "/lib/libprocesshider.so /usr/lib/x.so:rel.so\n\n#/lib/x.so\n/\u{ff} #y\n")
            .file("/lib/libprocesshider.so", "");
        let mut seen = Seen::default();
        read(&Host::new(std::sync::Arc::new(machine)), &Ask::all(), &mut seen);
        assert_eq!(
            libraries(&seen),
            ["=/lib/libprocesshider.so", "=/usr/lib/x.so", "=rel.so", "=/ÿ"]
        );
        let exists: Vec<_> =
            seen.rows.iter().map(|row| row.get(col::exists).as_integer()).collect();
        assert_eq!(exists, [Some(1), Some(0), None, Some(0)]);
        assert_eq!(seen.rows[3].get(col::line).as_integer(), Some(4));
        assert_eq!(seen.gaps, []);
    }

    #[test]
    fn an_unreadable_preload_file_is_a_gap() {
        let machine = Pretend::new().file(FILE, "x").denied(FILE);
        let mut seen = Seen::default();
        read(&Host::new(std::sync::Arc::new(machine)), &Ask::all(), &mut seen);
        assert_eq!((seen.rows.len(), seen.gaps.len()), (0, 1));
    }

    #[test]
    fn an_environment_with_three_ways_in_and_a_look_alike() {
        let mut seen = Seen::default();
        parse_environment(
            7,
            b"PATH=/bin\0LD_PRELOAD=/tmp/a.so /tmp/b.so\0XLD_PRELOAD=no\0LD_PRELOADED=no\0\
              LD_AUDIT=/tmp/\xff.so\0LD_LIBRARY_PATH=/opt/lib:/tmp/l\0LD_PRELOAD=",
            &mut seen,
        );
        assert_eq!(
            libraries(&seen),
            [
                "LD_PRELOAD=/tmp/a.so",
                "LD_PRELOAD=/tmp/b.so",
                "LD_AUDIT=/tmp/\\xff.so",
                "LD_LIBRARY_PATH=/opt/lib",
                "LD_LIBRARY_PATH=/tmp/l"
            ]
        );
    }
}
