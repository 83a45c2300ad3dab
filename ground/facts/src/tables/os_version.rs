//! Which distribution this is.
//!
//! Source: os-release(5).

use std::collections::BTreeMap;
use std::path::Path;

use stanch_machine::limits;
use stanch_words::{Ask, Gap, GapKind, Seen, table_spec};

use crate::Host;

table_spec! {
    /// The distribution.
    pub static SPEC, col = "os_version": Files, "The distribution, one row, from os-release.";
    name Text Plain "Distribution's name.";
    version Text Plain "Version as people write it.";
    major Integer Plain "Major version.";
    minor Integer Plain "Minor version.";
    patch Integer Plain "Patch version.";
    build Text Plain "Build id.";
    platform Text Plain "Distribution's id (debian, rhel).";
    platform_like Text Plain "Ids of what it derives from.";
    codename Text Plain "Release's code name.";
    arch Text Plain "Machine architecture of the running kernel; empty on an image.";
    extra Text Plain "Always empty.";
    install_date BigInt Plain "Always empty on Linux.";
    pretty_name Text Plain "Name for display.";
    version_id Text Plain "Version for programs.";
    path Text Plain "File that was read.";
}

/// Reads `/etc/os-release`, else `/usr/lib/os-release`, as os-release(5) orders them.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    let arch = host.machine().kernel().map(|kernel| {
        let [_system, _node, _release, _version, machine, _domain] = kernel.uname();
        machine
    });
    for path in ["/etc/os-release", "/usr/lib/os-release"] {
        if let Some(bytes) = host.read(SPEC.name, Path::new(path), limits::CONFIG_FILE, seen) {
            parse(&bytes, path, arch.as_deref().unwrap_or_default(), seen);
            return;
        }
    }
    seen.gap(Gap::new(SPEC.name, GapKind::NotHere, "no os-release").at("/etc/os-release"));
}

/// Parses os-release(5) into one row. A line that is no assignment is a gap.
pub fn parse(bytes: &[u8], path: &str, arch: &str, seen: &mut Seen) {
    let mut values: BTreeMap<&[u8], String> = BTreeMap::new();
    for (number, line) in (1_u64..).zip(bytes.split(|&b| b == b'\n')) {
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        let Some(at) = line.iter().position(|&b| b == b'=') else {
            let detail = format!("line {number}: not an assignment");
            seen.gap(Gap::new(SPEC.name, GapKind::Damaged, detail).at(path));
            continue;
        };
        let (name, value) = line.split_at(at);
        values.insert(name, unquoted(value.get(1..).unwrap_or_default()));
    }
    let of = |name: &str| values.get(name.as_bytes()).map_or("", String::as_str);
    let mut row = SPEC.row();
    for (column, name) in [
        (col::name, "NAME"),
        (col::version, "VERSION"),
        (col::build, "BUILD_ID"),
        (col::platform, "ID"),
        (col::platform_like, "ID_LIKE"),
        (col::codename, "VERSION_CODENAME"),
        (col::pretty_name, "PRETTY_NAME"),
        (col::version_id, "VERSION_ID"),
    ] {
        row.put(column, of(name));
    }
    // A rolling release has no VERSION_ID; the parts are 0 then, as osquery has it.
    let mut parts = of("VERSION_ID").split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    for column in [col::major, col::minor, col::patch] {
        row.put(column, parts.next().unwrap_or(0));
    }
    row.put(col::arch, arch).put(col::extra, "").put(col::path, path);
    seen.push(row);
}

/// Undoes shell quoting as far as os-release(5) allows it.
fn unquoted(value: &[u8]) -> String {
    let inner = match value {
        [b'"', inner @ .., b'"'] | [b'\'', inner @ .., b'\''] => inner,
        other => other,
    };
    let mut bytes = Vec::with_capacity(inner.len());
    let mut escaped = false;
    for &byte in inner {
        if byte == b'\\' && !escaped {
            escaped = true;
            continue;
        }
        escaped = false;
        bytes.push(byte);
    }
    stanch_words::text::from_bytes(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debian_and_a_damaged_line() {
        let mut seen = Seen::default();
        parse(
            b"PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME='A \\$B'\nVERSION_ID=\"12.5\"\n\
              VERSION_CODENAME=bookworm\nID=debian\n\xffgarbage\n",
            "/etc/os-release",
            "x86_64",
            &mut seen,
        );
        let row = &seen.rows[0];
        assert_eq!(row.get(col::name).as_text(), Some("A $B"));
        assert_eq!(row.get(col::major).as_integer(), Some(12));
        assert_eq!(row.get(col::minor).as_integer(), Some(5));
        assert_eq!(row.get(col::patch).as_integer(), Some(0));
        assert_eq!(row.get(col::platform).as_text(), Some("debian"));
        assert_eq!(row.get(col::arch).as_text(), Some("x86_64"));
        assert_eq!(seen.gaps[0].detail, "line 6: not an assignment");
    }

    #[test]
    fn a_machine_without_os_release_is_a_gap() {
        let host = Host::new(std::sync::Arc::new(stanch_machine::Pretend::new()));
        let mut seen = Seen::default();
        read(&host, &Ask::all(), &mut seen);
        assert_eq!(seen.rows, []);
        assert_eq!(seen.gaps.len(), 1);
    }
}
