//! Files of WordPress set beside the list of digests that its makers publish, where the responder
//! brings one.
//!
//! Source: `api.wordpress.org/core/checksums/1.0/?version=…&locale=…`, which answers with JSON:
//! `checksums`, then MD5 by path, or first by version. `wp-includes/version.php` names the version.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use stanch_machine::{FileKind, Machine, limits};
use stanch_words::{Ask, Gap, GapKind, Seen, Value, table_spec};

use crate::Host;
use crate::digest::{Digest, of_file};
use crate::packages::Trust;
use crate::walk::{Describe, Walk};
use crate::web_servers::WebServers;

table_spec! {
    /// Files of WordPress that are not as published.
    pub static SPEC, col = "wordpress_files": Files, "Core files of WordPress that are not as its makers published them, by the lists in the folder given with `--packages`.";
    path Text Plain "Path.";
    root Text Plain "The folder that WordPress is installed in.";
    version Text Plain "Its version.";
    state Text Plain "altered, missing, or unowned (in wp-admin or wp-includes, where only its own files belong).";
    expected Text Plain "Published MD5; empty for an unowned file.";
    found Text Plain "MD5 of the file; empty for a missing one.";
}

/// Where sites lie.
const ROOTS: [&str; 5] = ["/var/www", "/srv", "/home", "/opt", "/usr/share/nginx"];
/// Where only WordPress's own files belong.
const OWN: [&str; 2] = ["wp-admin", "wp-includes"];
/// Most sites, and most rows of each.
const SITES: usize = 200;
const ROWS: usize = 2000;

/// Digests by path.
type List = BTreeMap<String, String>;

/// Lists by version; one that names no version stands by the name of its file.
type Lists = Vec<(String, List)>;

/// Compares all sites with the lists.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    let Some(trust) = host.made::<Trust>() else { return };
    let Some(folder) = &trust.packages else { return };
    let lists = brought(&*trust.reader, folder, seen);
    if lists.is_empty() {
        return;
    }
    for root in sites(host, seen) {
        let file = root.join("wp-includes/version.php");
        let text = host.read(SPEC.name, &file, limits::CONFIG_FILE, seen).unwrap_or_default();
        let Some(version) = version(&text) else { continue };
        let is_of = |name: &str| {
            let mut words = name.split(|c: char| !c.is_ascii_digit() && c != '.');
            words.any(|word| word.trim_matches('.') == version)
        };
        match lists.iter().find(|(name, _)| is_of(name)) {
            Some((_, list)) => compare(host, &root, &version, list, seen),
            None => {
                let detail = format!("no list of digests of version {version} was brought");
                let at = Value::from(root.as_path()).to_string();
                seen.gap(Gap::new(SPEC.name, GapKind::NotHere, detail).at(at));
            }
        }
    }
}

/// Reads the lists in a folder.
fn brought(machine: &dyn Machine, folder: &Path, seen: &mut Seen) -> Lists {
    let mut lists = Lists::new();
    let entries = machine.list(folder).map(|listing| listing.entries).unwrap_or_default();
    for entry in entries.iter().filter(|entry| entry.name.as_bytes().ends_with(b".json")) {
        let path = folder.join(&entry.name);
        match machine.read(&path, limits::CONFIG_FILE) {
            Ok(read) => lists.extend(parse(&entry.name.to_string_lossy(), &read.bytes)),
            Err(miss) => seen.gap(miss.gap(SPEC.name)),
        }
    }
    lists
}

/// Parses a list; whatever else is JSON gives nothing.
pub fn parse(name: &str, bytes: &[u8]) -> Lists {
    let Ok(json) = serde_json::from_slice::<serde_json::Value>(bytes) else { return Lists::new() };
    let Some(all) = json.get("checksums").and_then(serde_json::Value::as_object) else {
        return Lists::new();
    };
    let list = |map: &serde_json::Map<String, serde_json::Value>| -> List {
        let files = map.iter().filter_map(|(path, sum)| Some((path, sum.as_str()?)));
        files.map(|(path, sum)| (path.clone(), sum.to_ascii_lowercase())).collect()
    };
    let mut lists: Lists = all
        .iter()
        .filter_map(|(version, files)| Some((version.clone(), list(files.as_object()?))))
        .collect();
    let plain = list(all);
    if !plain.is_empty() {
        lists.push((name.trim_end_matches(".json").to_owned(), plain));
    }
    lists
}

/// Returns the version that `version.php` names: `$wp_version = '6.1.9';`.
fn version(php: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(php);
    let line = text.lines().find_map(|line| line.trim().strip_prefix("$wp_version"))?;
    let value = line.split(['\'', '"']).nth(1)?;
    Some(value.to_owned())
}

/// Returns the folders that WordPress is installed in.
fn sites(host: &Host, seen: &mut Seen) -> Vec<PathBuf> {
    let served = WebServers::of(host);
    let served = served.roots().map(PathBuf::from).filter(|root| root.components().count() > 2);
    let roots: Vec<PathBuf> = ROOTS.iter().map(PathBuf::from).chain(served).collect();
    let describe = Describe::Directories;
    let walk = Walk { table: SPEC.name, depth: 5, most: 100_000, describe, except: &[] };
    let mut found = Vec::new();
    walk.entries(host, &roots, seen, &mut |met, _| {
        if met.entry.name == "wp-includes" && found.len() < SITES {
            found.push(met.directory.to_owned());
        }
    });
    found.sort();
    found
}

fn compare(host: &Host, root: &Path, version: &str, list: &List, seen: &mut Seen) {
    let mut count = 0_usize;
    let mut push = |path: &Path, state: &str, expected: &str, found: &str, seen: &mut Seen| {
        count = count.saturating_add(1);
        if count <= ROWS {
            let mut row = SPEC.row();
            row.put(col::path, path)
                .put(col::root, root)
                .put(col::version, version)
                .put(col::state, state)
                .put(col::expected, expected)
                .put(col::found, found);
            seen.push(row);
        }
    };
    for (path, expected) in list {
        // A list must not lead out of the site; themes and plugins may have been taken away.
        if path.starts_with('/') || path.split('/').any(|part| part == "..") {
            continue;
        }
        let (is_content, file) = (path.starts_with("wp-content/"), root.join(path));
        match of_file(host.machine(), &file, &[Digest::Md5]).map(|mut all| all.pop()) {
            Ok(Some(found)) if found == *expected => {}
            Ok(found) => push(&file, "altered", expected, &found.unwrap_or_default(), seen),
            Err(_) if host.machine().lstat(&file).is_err_and(|miss| miss.absent) => {
                if !is_content {
                    push(&file, "missing", expected, "", seen);
                }
            }
            Err(gap) => seen.gap(Gap { what: SPEC.name.to_owned(), ..gap }),
        }
    }
    let describe = Describe::Files;
    let walk = Walk { table: SPEC.name, depth: 12, most: 20_000, describe, except: &[] };
    walk.entries(host, &OWN.map(|own| root.join(own)), seen, &mut |met, seen| {
        let path = met.path();
        let listed = path
            .strip_prefix(root)
            .is_ok_and(|p| p.to_str().is_some_and(|path| list.contains_key(path)));
        let regular = met.stat.is_some_and(|stat| stat.kind() == FileKind::Regular);
        if regular && !listed {
            let found = of_file(host.machine(), &path, &[Digest::Md5]).unwrap_or_default();
            push(&path, "unowned", "", found.first().map_or("", String::as_str), seen);
        }
    });
    if count > ROWS {
        let detail = format!("{} more files are not listed", count.saturating_sub(ROWS));
        let at = Value::from(root).to_string();
        seen.gap(Gap::new(SPEC.name, GapKind::Truncated, detail).at(at));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use stanch_machine::Pretend;

    use super::*;

    const ABC: &str = "900150983cd24fb0d6963f7d28e17f72";

    fn site() -> Pretend {
        Pretend::new()
            .file("/var/www/html/wp-includes/version.php", "<?php\n$wp_version = '6.1.9';\n")
            .file("/var/www/html/wp-includes/load.php", "changed")
            .file("/var/www/html/wp-admin/x.php", "added")
            .file("/var/www/html/wp-login.php", "abc")
            .file("/var/www/html/wp-content/plugins/p.php", "anything")
    }

    fn look(list: &str) -> (Vec<String>, usize) {
        let host = Host::new(Arc::new(site()));
        let reader = Pretend::new().file("/p/wordpress-6.1.9-en_US.json", list);
        host.give(Arc::new(Trust {
            reader: Arc::new(reader),
            packages: Some("/p".into()),
            keyring: None,
        }));
        let mut seen = Seen::default();
        read(&host, &Ask::all(), &mut seen);
        let text =
            |row: &stanch_words::Row| format!("{} {}", row.get(col::path), row.get(col::state));
        (seen.rows.iter().map(text).collect(), seen.gaps.len())
    }

    #[test]
    fn what_is_not_as_published_is_told() {
        let version = crate::digest::of_bytes(Digest::Md5, b"<?php\n$wp_version = '6.1.9';\n");
        let files = format!(
            r#"{{"wp-login.php":"{ABC}","wp-includes/load.php":"{ABC}","wp-includes/version.php":"{version}","wp-cron.php":"{ABC}","wp-content/themes/t.php":"{ABC}","../../etc/passwd":"{ABC}"}}"#
        );
        let expected = [
            "/var/www/html/wp-cron.php missing",
            "/var/www/html/wp-includes/load.php altered",
            "/var/www/html/wp-admin/x.php unowned",
        ];
        let plain = look(&format!(r#"{{"checksums":{files}}}"#));
        assert_eq!(plain, (expected.map(str::to_owned).to_vec(), 0));
        assert_eq!(look(&format!(r#"{{"checksums":{{"6.1.9":{files}}}}}"#)), plain);
    }

    #[test]
    fn a_list_of_another_version_or_none_says_nothing() {
        let (rows, gaps) = look(r#"{"checksums":{"6.1.90":{"wp-login.php":"x"}}}"#);
        assert_eq!((rows, gaps), (Vec::new(), 1));
        assert_eq!(look("no json"), (Vec::new(), 0));
    }
}
