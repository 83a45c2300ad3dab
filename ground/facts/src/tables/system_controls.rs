//! Settings of the running kernel, and what the configuration says they should be.
//!
//! Source: proc_sys(5), sysctl(8), sysctl.conf(5), sysctl.d(5). On an image only the
//! configuration is there. `fs/binfmt_misc` is another file system, often mounted on being
//! looked at, and is left out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use stanch_machine::{FileKind, limits};
use stanch_words::{Ask, Gap, GapKind, Row, Seen, Value, table_spec};

use crate::Host;

table_spec! {
    /// Kernel settings.
    pub static SPEC, col = "system_controls": Files, "Kernel settings (sysctl), one row each, also those that are only configured.";
    name Text Index "Name with dots.";
    oid Text Index "Always empty on Linux, which has no numbers for settings.";
    subsystem Text Index "First part of the name.";
    current_value Text Plain "Value in the running kernel.";
    config_value Text Plain "Value that the configuration sets at boot; empty if none does.";
    r#type Text Plain "Always string on Linux.";
    field_name Text Plain "Always empty on Linux.";
    config_file Text Plain "File that sets it.";
    config_line Integer Plain "Line in that file, from 1.";
}

/// One setting of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Setting {
    /// Path below /proc/sys, perhaps with `*`.
    pattern: String,
    value: String,
    file: String,
    line: u64,
}

/// Walks `/proc/sys` and the configuration.
pub(super) fn read(host: &Host, ask: &Ask, seen: &mut Seen) {
    // No setting has a number here: a query for one asks for nothing.
    if ask.equal(col::oid).and_then(Value::as_text).is_some_and(|oid| !oid.is_empty()) {
        return;
    }
    let mut settings = if ask.wants_any(&[col::config_value, col::config_file, col::config_line])
        || host.machine().kernel().is_none()
    {
        configuration(host, seen)
    } else {
        Vec::new()
    };
    // The last one wins, so look from the end.
    settings.reverse();
    let wanted = ask.equal(col::name).and_then(Value::as_text);
    let subsystem = ask.equal(col::subsystem).and_then(Value::as_text);
    let mut names = BTreeMap::new();
    if host.machine().kernel().is_some() {
        match wanted {
            // A name must not lead out of /proc/sys.
            Some(name) if path_of(name).split('/').any(|part| part == "..") => {}
            Some(name) => drop(names.insert(path_of(name), ())),
            None => walk(host, subsystem, &mut names, seen),
        }
    }
    let is_wanted = |path: &str| {
        wanted.is_none_or(|name| path_of(name) == path)
            && subsystem.is_none_or(|first| path.split('/').next() == Some(first))
    };
    for path in names.keys() {
        let mut row = row_of(path, settings.iter().find(|s| matches(&s.pattern, path)));
        if value(host, path, ask, &mut row, seen) {
            seen.push(row);
        }
    }
    // What is configured for a setting that the kernel does not have (or an image's).
    let mut done = std::collections::BTreeSet::new();
    for setting in &settings {
        let path = &setting.pattern;
        if !path.contains(['*', '?', '['])
            && !names.contains_key(path)
            && is_wanted(path)
            && done.insert(path.clone())
        {
            seen.push(row_of(path, Some(setting)));
        }
    }
}

fn row_of(path: &str, setting: Option<&Setting>) -> Row {
    let mut row = SPEC.row();
    row.put(col::name, name_of(path))
        .put(col::oid, "")
        .put(col::subsystem, path.split('/').next().unwrap_or_default())
        .put(col::r#type, "string")
        .put(col::field_name, "")
        .put(col::config_value, setting.map_or("", |setting| setting.value.as_str()));
    if let Some(setting) = setting {
        row.put(col::config_file, setting.file.as_str()).put(col::config_line, setting.line);
    }
    row
}

/// Puts the current value; returns whether there is such a setting.
fn value(host: &Host, path: &str, ask: &Ask, row: &mut Row, seen: &mut Seen) -> bool {
    let file = Path::new("/proc/sys").join(path);
    if !ask.wants(col::current_value) {
        return host.machine().lstat(&file).is_ok();
    }
    // Reading this one acts: it makes all processors fold their counters (mm/vmstat.c).
    if path == "vm/stat_refresh" {
        return host.machine().lstat(&file).is_ok();
    }
    match host.machine().read(&file, 1 << 20) {
        Ok(contents) => {
            row.put(col::current_value, contents.bytes.trim_ascii_end());
            true
        }
        // EIO: an address secret that was never set (net/ipv6/addrconf.c). Write-only settings
        // are told apart by their mode.
        Err(miss) if miss.absent => false,
        Err(_unset) if path.ends_with("/stable_secret") => true,
        Err(miss) => {
            let mode = host.machine().lstat(&file).map_or(0o444, |stat| stat.mode);
            if mode & 0o444 != 0 {
                seen.gap(miss.gap(SPEC.name));
            }
            true
        }
    }
}

/// Collects the paths below `/proc/sys`.
fn walk(host: &Host, subsystem: Option<&str>, names: &mut BTreeMap<String, ()>, seen: &mut Seen) {
    // A host with 10,000 interfaces has a million; more would be a forged tree.
    const MOST: usize = 2_000_000;
    let root = Path::new("/proc/sys");
    let start = match subsystem {
        Some(name) if !name.contains('/') && name != ".." => name.to_owned(),
        _ => String::new(),
    };
    let mut left: Vec<(String, u32)> = vec![(start, 0)];
    while let Some((directory, depth)) = left.pop() {
        for entry in host.list(SPEC.name, &root.join(&directory), seen) {
            let name = stanch_words::text::from_bytes(entry.name.as_encoded_bytes());
            let path = if directory.is_empty() { name } else { format!("{directory}/{name}") };
            match entry.kind {
                FileKind::Directory if path == "fs/binfmt_misc" => {}
                FileKind::Directory if depth < 16 => left.push((path, depth.saturating_add(1))),
                _ => drop(names.insert(path, ())),
            }
        }
        if names.len() > MOST {
            let detail = format!("more than {MOST} settings");
            seen.gap(Gap::new(SPEC.name, GapKind::Truncated, detail).at("/proc/sys"));
            return;
        }
    }
}

/// Returns a path's name: `/` becomes `.`, and a `.` of an interface's name becomes `/`.
fn name_of(path: &str) -> String {
    path.chars()
        .map(|c| match c {
            '/' => '.',
            '.' => '/',
            other => other,
        })
        .collect()
}

/// Returns a name's path: the first separator decides which one is meant (sysctl.d(5)).
fn path_of(name: &str) -> String {
    match name.find(['.', '/']).and_then(|at| name.get(at..)) {
        Some(rest) if rest.starts_with('.') => name_of(name),
        _ => name.to_owned(),
    }
}

/// Reads the configuration in the order in which it is applied.
fn configuration(host: &Host, seen: &mut Seen) -> Vec<Setting> {
    // A file hides those of the same name in the directories after its own.
    const PLACES: &[&str] = &[
        "/etc/sysctl.d",
        "/run/sysctl.d",
        "/usr/local/lib/sysctl.d",
        "/usr/lib/sysctl.d",
        "/lib/sysctl.d",
    ];
    let mut files: BTreeMap<Vec<u8>, PathBuf> = BTreeMap::new();
    for place in PLACES {
        for entry in host.list(SPEC.name, Path::new(place), seen) {
            let name = entry.name.as_encoded_bytes();
            if name.ends_with(b".conf") {
                let path = Path::new(place).join(&entry.name);
                files.entry(name.to_vec()).or_insert(path);
            }
        }
    }
    let mut settings = Vec::new();
    let last = std::iter::once(PathBuf::from("/etc/sysctl.conf"));
    for path in files.into_values().chain(last) {
        // A link to /dev/null switches off the file of that name.
        if host.machine().read_link(&path).is_ok_and(|target| target == Path::new("/dev/null")) {
            continue;
        }
        if let Some(bytes) = host.read(SPEC.name, &path, limits::CONFIG_FILE, seen) {
            let text = Value::from(path.as_path()).to_string();
            settings.extend(parse(&bytes, &text, seen));
        }
    }
    settings
}

/// Parses sysctl.conf(5). A line that sets nothing is a gap.
fn parse(bytes: &[u8], file: &str, seen: &mut Seen) -> Vec<Setting> {
    let mut settings = Vec::new();
    for (number, line) in (1_u64..).zip(bytes.split(|&b| b == b'\n')) {
        let line = line.trim_ascii();
        if line.is_empty() || matches!(line.first(), Some(b'#' | b';')) {
            continue;
        }
        let at = line.iter().position(|&b| b == b'=');
        let Some((name, value)) = at.map(|at| line.split_at(at)) else {
            // `-net.ipv4.conf.lo.rp_filter` alone takes a name out of a pattern.
            if line.first() != Some(&b'-') {
                let detail = format!("line {number}: no value is set");
                seen.gap(Gap::new(SPEC.name, GapKind::Damaged, detail).at(file));
            }
            continue;
        };
        let name = name.trim_ascii();
        // A minus says that failing to set it is no error.
        let name = stanch_words::text::from_bytes(name.strip_prefix(b"-").unwrap_or(name));
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        settings.push(Setting {
            pattern: path_of(&name),
            value: stanch_words::text::from_bytes(value),
            file: file.to_owned(),
            line: number,
        });
    }
    settings
}

/// Returns whether a pattern is a path's: `*` and `?` stay within one part.
fn matches(pattern: &str, path: &str) -> bool {
    if !pattern.contains(['*', '?']) {
        return pattern == path;
    }
    let (mut patterns, mut parts) = (pattern.split('/'), path.split('/'));
    loop {
        match (patterns.next(), parts.next()) {
            (None, None) => return true,
            (Some(pattern), Some(part)) if part_matches(pattern.as_bytes(), part.as_bytes()) => {}
            _ => return false,
        }
    }
}

/// Matches one part, remembering only the last star: linear in the product of both lengths.
fn part_matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0_usize, 0_usize);
    let mut star: Option<(usize, usize)> = None;
    while let Some(&c) = text.get(t) {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p = p.saturating_add(1);
            }
            Some(&want) if want == b'?' || want == c => {
                p = p.saturating_add(1);
                t = t.saturating_add(1);
            }
            _ => {
                let Some((at, from)) = star else { return false };
                let from = from.saturating_add(1);
                star = Some((at, from));
                (p, t) = (at.saturating_add(1), from);
            }
        }
    }
    pattern.get(p..).is_some_and(|rest| rest.iter().all(|&c| c == b'*'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use stanch_machine::Pretend;
    use stanch_words::{Constraint, Op};

    fn read_of(machine: Pretend, ask: &Ask) -> Seen {
        let mut seen = Seen::default();
        read(&Host::new(std::sync::Arc::new(machine)), ask, &mut seen);
        seen
    }

    fn image() -> Pretend {
        Pretend::new()
            .file(
                "/etc/sysctl.conf",
                "kernel.kptr_restrict = 2\n;x\nnonsense\n-net/ipv4/ip_forward=1\n",
            )
            .file("/etc/sysctl.d/50-a.conf", "kernel.kptr_restrict=1\nvm.swappiness=1\n")
            .file("/usr/lib/sysctl.d/50-a.conf", "vm.swappiness=99\n")
            .file("/usr/lib/sysctl.d/10-b.conf", "net.ipv4.conf.*.rp_filter = 2\nvm.swappiness=5\n")
            .link("/etc/sysctl.d/20-off.conf", "/dev/null")
            .file("/usr/lib/sysctl.d/20-off.conf", "kernel.sysrq=1\n")
    }

    #[test]
    fn the_configuration_of_an_image_in_its_order() {
        let seen = read_of(image(), &Ask::all());
        let mut rows: Vec<String> = seen
            .rows
            .iter()
            .map(|row| {
                [col::name, col::config_value, col::config_file]
                    .map(|column| row.get(column).to_string())
                    .join(" ")
            })
            .collect();
        rows.sort();
        assert_eq!(
            rows,
            [
                "kernel.kptr_restrict 2 /etc/sysctl.conf",
                "net.ipv4.ip_forward 1 /etc/sysctl.conf",
                "vm.swappiness 1 /etc/sysctl.d/50-a.conf",
            ]
        );
        assert_eq!(seen.gaps.len(), 1);
        assert_eq!(seen.gaps[0].detail, "line 3: no value is set");
    }

    #[test]
    fn a_number_of_another_system_has_no_rows() {
        let constraint = Constraint { column: col::oid, op: Op::Equal, value: "4.30.41.1".into() };
        let seen = read_of(image(), &Ask { constraints: vec![constraint], ..Ask::all() });
        assert_eq!(seen, Seen::default());
    }

    #[test]
    fn names_with_dots_and_patterns() {
        assert_eq!(path_of("net.ipv4.conf.eth0/100.rp_filter"), "net/ipv4/conf/eth0.100/rp_filter");
        assert_eq!(path_of("net/ipv4/conf/eth0.100/rp_filter"), "net/ipv4/conf/eth0.100/rp_filter");
        assert_eq!(name_of("net/ipv4/conf/eth0.100/rp_filter"), "net.ipv4.conf.eth0/100.rp_filter");
        assert!(matches("net/ipv4/conf/*/rp_filter", "net/ipv4/conf/all/rp_filter"));
        assert!(!matches("net/ipv4/*/rp_filter", "net/ipv4/conf/all/rp_filter"));
        assert!(matches("a/e*h?", "a/eteh0") && !matches("a/e*h?", "a/eteh"));
        assert!(!part_matches(&b"*a".repeat(2_000), &b"b".repeat(4_000)));
    }
}
