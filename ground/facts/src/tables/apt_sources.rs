//! Where Debian's packages come from.
//!
//! Source: sources.list(5) for both formats; the `Release` files that apt keeps under
//! /var/lib/apt/lists for what a repository says of itself.

use std::collections::HashMap;
use std::path::Path;

use stanch_machine::{FileKind, limits};
use stanch_words::{Ask, Gap, GapKind, Row, Seen, Value, table_spec, text};

use crate::Host;
use crate::config_lines::{first_word, numbered, split_once};
use crate::lines::words;
use crate::reach::Reach;

table_spec! {
    /// Package sources of apt.
    pub static SPEC, col = "apt_sources": Files, "Package sources of apt, one row for each address and suite.";
    name Text Plain "Address without its scheme, and the suite.";
    source Text Plain "File.";
    base_uri Text Plain "Address.";
    release Text Plain "Codename that the repository gives itself; the suite if its Release file is not here.";
    version Text Plain "Version that the repository gives itself.";
    maintainer Text Plain "Origin that the repository gives itself.";
    components Text Plain "Components.";
    architectures Text Plain "Architectures.";
    types Text Plain "deb, deb-src or both.";
    options Text Plain "Options in brackets, or the fields of the stanza that are none of the others.";
    trusted Integer Plain "1 if signatures are not needed (trusted=yes, allow-insecure=yes).";
    enabled Integer Plain "0 if the stanza says Enabled: no.";
    line Integer Plain "Line on which the entry begins, from 1.";
}

const LISTS: &str = "/var/lib/apt/lists";

/// Reads sources.list and sources.list.d.
pub(super) fn read(host: &Host, ask: &Ask, seen: &mut Seen) {
    let mut reach = Reach::new(host, SPEC.name);
    let from = seen.rows.len();
    let path = Path::new("/etc/apt/sources.list");
    if let Some(bytes) = reach.read(path, limits::CONFIG_FILE, seen) {
        parse(&bytes, path, seen);
    }
    let folder = Path::new("/etc/apt/sources.list.d");
    for entry in reach.list(folder, seen) {
        let path = folder.join(&entry.name);
        let extension = path.extension().and_then(|extension| extension.to_str());
        let is_stanzas = extension == Some("sources");
        if entry.kind == FileKind::Directory || !is_stanzas && extension != Some("list") {
            continue;
        }
        let Some(bytes) = reach.read(&path, limits::CONFIG_FILE, seen) else { continue };
        if is_stanzas {
            parse_stanzas(&bytes, &path, seen);
        } else {
            parse(&bytes, &path, seen);
        }
    }
    let said = [col::release, col::version, col::maintainer, col::components, col::architectures];
    if ask.wants_any(&said) {
        let mut rows = seen.rows.split_off(from);
        releases(&mut reach, &mut rows, seen);
        seen.rows.append(&mut rows);
    }
    reach.finish(seen);
}

/// Fills in what the repositories say of themselves.
fn releases(reach: &mut Reach<'_>, rows: &mut [Row], seen: &mut Seen) {
    let names: Vec<String> = reach
        .list(Path::new(LISTS), seen)
        .iter()
        .map(|entry| Value::from(Path::new(&entry.name)).to_string())
        .filter(|name| name.ends_with("_InRelease") || name.ends_with("_Release"))
        .collect();
    let names: std::collections::HashSet<&str> = names.iter().map(String::as_str).collect();
    let mut read: HashMap<String, Option<Vec<u8>>> = HashMap::new();
    for row in rows {
        let name = row.get(col::name).to_string();
        let Some((place, suite)) = name.split_once(' ') else { continue };
        let stem = match suite.strip_suffix('/') {
            Some(folder) => format!("{place}/{folder}"),
            None => format!("{place}/dists/{suite}"),
        };
        let stem = stem.trim_end_matches('/').replace('_', "%5f").replace('/', "_");
        let file = ["InRelease", "Release"].map(|end| format!("{stem}_{end}"));
        let Some(file) = file.iter().find(|file| names.contains(&***file)) else { continue };
        let bytes = read.entry(file.clone()).or_insert_with(|| {
            // A Release file lists thousands of digests after what is wanted here.
            let path = Path::new(LISTS).join(file);
            reach.host.machine().read(&path, 64 << 10).ok().map(|contents| contents.bytes)
        });
        if let Some(bytes) = bytes {
            release(bytes, row);
        }
    }
}

fn release(bytes: &[u8], row: &mut Row) {
    for (_, line) in numbered(bytes) {
        let Some((key, value)) = split_once(line, b':') else { continue };
        let column = match key {
            b"Codename" => col::release,
            b"Version" => col::version,
            b"Origin" => col::maintainer,
            b"Components" if row.get(col::components).is_null() => col::components,
            b"Architectures" if row.get(col::architectures).is_null() => col::architectures,
            b"MD5Sum" | b"SHA256" => break,
            _ => continue,
        };
        row.put(column, value.trim_ascii());
    }
}

/// Parses the one-line format. A line that is no source becomes a gap.
pub fn parse(bytes: &[u8], path: &Path, seen: &mut Seen) {
    let file = Value::from(path);
    for (number, line) in numbered(bytes) {
        let line = line.split(|&b| b == b'#').next().unwrap_or_default().trim_ascii();
        if line.is_empty() {
            continue;
        }
        let Some(mut row) = one_line(line) else {
            let detail = format!("line {number}: not a source");
            seen.gap(Gap::new(SPEC.name, GapKind::Damaged, detail).at(file.to_string()));
            continue;
        };
        row.put(col::source, file.clone()).put(col::line, number).put(col::enabled, 1);
        seen.push(row);
    }
}

fn one_line(line: &[u8]) -> Option<Row> {
    let (kind, rest) = first_word(line);
    if kind != b"deb" && kind != b"deb-src" {
        return None;
    }
    let (options, rest) = match rest.strip_prefix(b"[") {
        Some(inner) => split_once(inner, b']')?,
        None => (&b""[..], rest),
    };
    let (address, rest) = first_word(rest);
    let (suite, components) = first_word(rest);
    if address.is_empty() || suite.is_empty() {
        return None;
    }
    let mut row = source(address, suite);
    let option = |name: &[u8]| {
        let found = words(options).find_map(|word| word.strip_prefix(name));
        found.and_then(|value| value.strip_prefix(b"="))
    };
    let yes = |value: Option<&[u8]>| value.is_some_and(is_yes);
    row.put(col::types, kind)
        .put(col::options, options.trim_ascii())
        .put(col::trusted, yes(option(b"trusted")) || yes(option(b"allow-insecure")))
        .put(col::components, (!components.is_empty()).then_some(components))
        .put(
            col::architectures,
            option(b"arch").map(|arch| text::from_bytes(arch).replace(',', " ")),
        );
    Some(row)
}

fn is_yes(value: &[u8]) -> bool {
    matches!(&*value.to_ascii_lowercase(), b"yes" | b"true" | b"1" | b"on" | b"with")
}

/// Returns a row with name, address and suite.
fn source(address: &[u8], suite: &[u8]) -> Row {
    let address = text::from_bytes(address);
    let address = address.trim_end_matches('/');
    let place = address.split_once("://").map_or(address, |(_, place)| place);
    let suite = text::from_bytes(suite);
    let mut row = SPEC.row();
    row.put(col::name, format!("{place} {suite}"))
        .put(col::base_uri, address)
        .put(col::release, suite)
        .put(col::trusted, 0);
    row
}

/// How many rows one stanza may make: addresses times suites.
const PRODUCT: usize = 1000;

/// Parses the deb822 format. A stanza without an address or a suite becomes a gap.
pub fn parse_stanzas(bytes: &[u8], path: &Path, seen: &mut Seen) {
    let mut stanza = Stanza::default();
    for (number, line) in numbered(bytes) {
        if line.starts_with(b"#") {
            continue;
        }
        if line.trim_ascii().is_empty() {
            std::mem::take(&mut stanza).finish(path, seen);
            continue;
        }
        stanza.line = stanza.line.or(Some(number));
        if line.starts_with(b" ") || line.starts_with(b"\t") {
            stanza.more(line.trim_ascii());
        } else if let Some((key, value)) = split_once(line, b':') {
            stanza.fields.push((key.to_ascii_lowercase(), value.trim_ascii().to_vec()));
        } else {
            let detail = format!("line {number}: not a field");
            let at = Value::from(path).to_string();
            seen.gap(Gap::new(SPEC.name, GapKind::Damaged, detail).at(at));
        }
    }
    stanza.finish(path, seen);
}

#[derive(Default)]
struct Stanza {
    line: Option<u64>,
    fields: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Stanza {
    fn more(&mut self, line: &[u8]) {
        if let Some((_, value)) = self.fields.last_mut() {
            value.push(b' ');
            value.extend_from_slice(line);
        }
    }

    fn get(&self, key: &[u8]) -> Option<&[u8]> {
        self.fields.iter().find(|(name, _)| name == key).map(|(_, value)| &**value)
    }

    fn finish(self, path: &Path, seen: &mut Seen) {
        let Some(line) = self.line else { return };
        let file = Value::from(path);
        let addresses: Vec<&[u8]> = words(self.get(b"uris").unwrap_or_default()).collect();
        let suites: Vec<&[u8]> = words(self.get(b"suites").unwrap_or_default()).collect();
        let gap = |kind, detail: &str, seen: &mut Seen| {
            let detail = format!("line {line}: {detail}");
            seen.gap(Gap::new(SPEC.name, kind, detail).at(file.to_string()));
        };
        if addresses.is_empty() || suites.is_empty() {
            return gap(GapKind::Damaged, "a stanza without URIs or Suites", seen);
        }
        if addresses.len().saturating_mul(suites.len()) > PRODUCT {
            gap(GapKind::Truncated, "too many addresses and suites", seen);
        }
        let yes = |key: &[u8]| self.get(key).is_some_and(is_yes);
        let known: [&[u8]; 6] =
            [b"uris", b"suites", b"types", b"components", b"architectures", b"enabled"];
        let others: Vec<String> = self
            .fields
            .iter()
            .filter(|(key, _)| !known.contains(&&**key))
            .map(|(key, value)| {
                format!(
                    "{}={}",
                    text::from_bytes(key),
                    text::shortened(&text::from_bytes(value), 200)
                )
            })
            .collect();
        let others = Value::from(others.join(" "));
        let pairs = addresses.iter().flat_map(|a| suites.iter().map(move |suite| (a, suite)));
        for (address, suite) in pairs.take(PRODUCT) {
            let mut row = source(address, suite);
            row.put(col::source, file.clone())
                .put(col::types, self.get(b"types"))
                .put(col::components, self.get(b"components"))
                .put(col::architectures, self.get(b"architectures"))
                .put(col::options, others.clone())
                .put(col::trusted, yes(b"trusted") || yes(b"allow-insecure"))
                .put(col::enabled, self.get(b"enabled").is_none_or(is_yes))
                .put(col::line, line);
            seen.push(row);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use stanch_machine::Pretend;

    use super::*;

    #[test]
    fn both_formats_and_what_the_repository_says() {
        let machine = Pretend::new()
            .file(
                "/etc/apt/sources.list",
                "# c\ndeb http://deb.debian.org/debian/ bookworm main contrib # x\n\
                 deb-src [arch=amd64,arm64 trusted=yes] https://evil.example/r ./\nhello\n",
            )
            .file(
                "/etc/apt/sources.list.d/a.sources",
                "Types: deb\nURIs: http://a/x\nSuites: s s-updates\nComponents: main\n  extra\n\
                 Enabled: no\nSigned-By:\n KEY\n\nTypes: deb\n",
            )
            .file("/etc/apt/sources.list.d/a.list.save", "junk")
            .file(
                "/var/lib/apt/lists/deb.debian.org_debian_dists_bookworm_InRelease",
                "Origin: Debian\nVersion: 12.5\nCodename: bookworm\nArchitectures: all amd64\nMD5Sum:\n",
            );
        let mut seen = Seen::default();
        read(&Host::new(Arc::new(machine)), &Ask::all(), &mut seen);
        let cells = [
            col::name,
            col::release,
            col::maintainer,
            col::components,
            col::architectures,
            col::trusted,
            col::enabled,
            col::line,
        ];
        let line = |row: &Row| cells.map(|c| row.get(c).to_string()).join("|");
        let found: Vec<String> = seen.rows.iter().map(line).collect();
        assert_eq!(
            found,
            [
                "deb.debian.org/debian bookworm|bookworm|Debian|main contrib|all amd64|0|1|2",
                "evil.example/r ./|./|||amd64 arm64|1|1|3",
                "a/x s|s||main extra||0|0|1",
                "a/x s-updates|s-updates||main extra||0|0|1",
            ]
        );
        assert_eq!(seen.rows[2].get(col::options).as_text(), Some("signed-by= KEY"));
        let details: Vec<&str> = seen.gaps.iter().map(|gap| &*gap.detail).collect();
        assert_eq!(details, ["line 4: not a source", "line 10: a stanza without URIs or Suites"]);
    }

    #[test]
    fn a_stanza_that_multiplies_is_cut() {
        let mut seen = Seen::default();
        let many = "x ".repeat(1000);
        let stanza = format!("Types: deb\nURIs: {many}\nSuites: {many}\n");
        parse_stanzas(stanza.as_bytes(), Path::new("/s"), &mut seen);
        assert_eq!((seen.rows.len(), seen.gaps.len()), (PRODUCT, 1));
    }
}
