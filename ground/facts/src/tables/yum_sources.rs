//! Where RPM packages come from.
//!
//! Source: dnf.conf(5), "REPO OPTIONS"; zypper keeps the same format in /etc/zypp/repos.d.

use std::path::{Path, PathBuf};

use stanch_machine::limits;
use stanch_words::{Ask, Gap, GapKind, Row, Seen, Value, table_spec};

use crate::Host;
use crate::config_lines::{numbered, split_once};
use crate::reach::Reach;

table_spec! {
    /// Package sources of yum, dnf and zypper.
    pub static SPEC, col = "yum_sources": Files, "Package sources of yum, dnf and zypper, one row a repository.";
    name Text Plain "Repository name.";
    source Text Plain "File.";
    baseurl Text Plain "Address.";
    mirrorlist Text Plain "Address of the list of mirrors.";
    metalink Text Plain "Address of the metalink.";
    enabled Text Plain "Whether it is used, as written.";
    gpgcheck Text Plain "Whether packages must be signed, as written.";
    gpgkey Text Plain "Address of the key.";
    id Text Plain "Name in brackets.";
    line Integer Plain "Line on which the repository begins, from 1.";
}

const MAIN: [&str; 2] = ["/etc/yum.conf", "/etc/dnf/dnf.conf"];
const FOLDERS: [&str; 4] =
    ["/etc/yum.repos.d", "/etc/yum/repos.d", "/etc/distro.repos.d", "/etc/zypp/repos.d"];

/// Reads the main files and all `*.repo`.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    let mut reach = Reach::new(host, SPEC.name);
    let mut paths: Vec<PathBuf> = MAIN.iter().map(PathBuf::from).collect();
    for folder in FOLDERS {
        paths.extend(reach.glob(&Path::new(folder).join("*.repo"), seen));
    }
    for path in paths {
        if let Some(bytes) = reach.read(&path, limits::CONFIG_FILE, seen) {
            parse(&bytes, &path, seen);
        }
    }
    reach.finish(seen);
}

/// Parses a repository file. A line that is neither a section, a field nor its continuation
/// becomes a gap. `[main]` is the program's own section.
pub fn parse(bytes: &[u8], path: &Path, seen: &mut Seen) {
    let file = Value::from(path);
    let mut section: Option<Row> = None;
    let mut column: Option<usize> = None;
    let mut is_main = false;
    for (number, line) in numbered(bytes) {
        let text = line.trim_ascii();
        if text.is_empty() || text.starts_with(b"#") || text.starts_with(b";") {
            continue;
        }
        let goes_on = line.first().is_some_and(u8::is_ascii_whitespace);
        if let Some(id) = text.strip_prefix(b"[").and_then(|text| text.strip_suffix(b"]")) {
            seen.rows.extend(section.take());
            is_main = id == b"main";
            column = None;
            if !is_main {
                let mut row = SPEC.row();
                row.put(col::id, id).put(col::source, file.clone()).put(col::line, number);
                section = Some(row);
            }
        } else if goes_on && let (Some(row), Some(column)) = (&mut section, column) {
            let before = row.get(column).to_string();
            if before.len() < 4096 {
                row.put(column, format!("{before} {}", Value::bytes(text)));
            }
        } else if let (Some((key, value)), Some(row)) = (split_once(text, b'='), &mut section) {
            column = self::column(key.trim_ascii());
            if let Some(column) = column {
                row.put(column, value.trim_ascii());
            }
        } else if !(goes_on || is_main && text.contains(&b'=')) {
            let detail = format!("line {number}: not a field");
            seen.gap(Gap::new(SPEC.name, GapKind::Damaged, detail).at(file.to_string()));
        }
    }
    seen.rows.extend(section);
}

fn column(key: &[u8]) -> Option<usize> {
    Some(match key {
        b"name" => col::name,
        b"baseurl" => col::baseurl,
        b"mirrorlist" => col::mirrorlist,
        b"metalink" => col::metalink,
        b"enabled" => col::enabled,
        b"gpgcheck" => col::gpgcheck,
        b"gpgkey" => col::gpgkey,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use stanch_machine::Pretend;

    use super::*;

    #[test]
    fn repositories_of_every_place() {
        let machine = Pretend::new()
            .file("/etc/dnf/dnf.conf", "[main]\ngpgcheck=1\n exclude\n")
            .file(
                "/etc/yum.repos.d/a.repo",
                b"; c\n[base]\nname=Base - $releasever\nbaseurl = http://a/\n  http://b/\nenabled=1\n\
                  [evil]\nname=\xff\ngpgcheck=0\nhello\n",
            )
            .file("/etc/yum.repos.d/a.repo.rpmsave", "junk");
        let mut seen = Seen::default();
        read(&Host::new(Arc::new(machine)), &Ask::all(), &mut seen);
        let cells = [col::id, col::name, col::baseurl, col::enabled, col::gpgcheck, col::line];
        let line = |row: &Row| cells.map(|c| row.get(c).to_string()).join("|");
        let found: Vec<String> = seen.rows.iter().map(line).collect();
        assert_eq!(found, ["base|Base - $releasever|http://a/ http://b/|1||2", "evil|\\xff|||0|7"]);
        assert_eq!(seen.gaps.len(), 1);
        assert_eq!(seen.gaps[0].detail, "line 10: not a field");
    }
}
