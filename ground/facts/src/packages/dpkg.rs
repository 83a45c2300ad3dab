//! dpkg's database, natively: the status file, lists of files, diversions.
//!
//! Source: deb-control(5), dpkg-divert(1), dpkg(1) FILES; images without dpkg ("distroless") keep
//! one paragraph a package in `status.d`.

use std::collections::HashMap;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use stanch_machine::limits;
use stanch_words::{GapKind, Seen};

use super::{Index, Manager, Package};
use crate::Host;

/// Where dpkg keeps its database.
pub(crate) const ADMIN: &str = "/var/lib/dpkg";

/// One paragraph of a control file.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Paragraph<'a> {
    fields: Vec<(&'a [u8], &'a [u8])>,
    /// Lines that are neither a field nor the continuation of one.
    pub strange: usize,
}

impl<'a> Paragraph<'a> {
    /// Returns a field's value with its continuation lines, trimmed; empty if it is not there.
    pub fn field(&self, name: &str) -> &'a [u8] {
        let found = self.fields.iter().find(|field| field.0.eq_ignore_ascii_case(name.as_bytes()));
        found.map_or(&b""[..], |field| field.1.trim_ascii())
    }

    /// Returns the last word of the `Status` field: `installed`, `config-files`, ….
    pub fn state(&self) -> &'a [u8] {
        self.field("Status").rsplit(|&b| b == b' ').next().unwrap_or_default()
    }

    /// Returns configuration files and their digests as shipped.
    pub fn config(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        self.field("Conffiles").split(|&b| b == b'\n').filter_map(|line| {
            // A path may hold spaces; the digest does not. Flags such as `obsolete` follow it.
            let mut line = line.trim_ascii();
            for flag in [&b" remove-on-upgrade"[..], b" obsolete"] {
                line = line.strip_suffix(flag).unwrap_or(line);
            }
            let space = memchr::memrchr(b' ', line)?;
            Some((line.get(..space)?.trim_ascii(), line.get(space..)?.trim_ascii()))
        })
    }
}

/// Splits a control file into paragraphs.
pub fn paragraphs(bytes: &[u8]) -> impl Iterator<Item = Paragraph<'_>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        while let [b'\n', after @ ..] = rest {
            rest = after;
        }
        if rest.is_empty() {
            return None;
        }
        let end = memchr::memmem::find(rest, b"\n\n").unwrap_or(rest.len());
        let (head, tail) = rest.split_at_checked(end)?;
        rest = tail;
        Some(paragraph(head))
    })
}

fn paragraph(bytes: &[u8]) -> Paragraph<'_> {
    let mut paragraph = Paragraph::default();
    let mut from = 0;
    while from < bytes.len() {
        // A field ends at a line that does not begin with a blank.
        let mut to = from;
        loop {
            let rest = bytes.get(to..).unwrap_or_default();
            to = memchr::memchr(b'\n', rest).map_or(bytes.len(), |n| to.saturating_add(n));
            if !matches!(bytes.get(to.saturating_add(1)), Some(b' ' | b'\t')) {
                break;
            }
            to = to.saturating_add(1);
        }
        let line = bytes.get(from..to).unwrap_or_default();
        let colon = memchr::memchr(b':', line);
        match colon.and_then(|colon| Some((line.get(..colon)?, line.get(colon.checked_add(1)?..)?)))
        {
            Some((name, value)) if !name.is_empty() && !name.contains(&b'\n') => {
                paragraph.fields.push((name, value));
            }
            _ => paragraph.strange = paragraph.strange.saturating_add(1),
        }
        from = to.saturating_add(1);
    }
    paragraph
}

/// A file that is installed elsewhere than its package says (dpkg-divert(1)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diversion {
    /// Where packages install it.
    pub from: Box<[u8]>,
    /// Where it really is.
    pub to: Box<[u8]>,
    /// The package that diverts; `:` is the local administrator.
    pub by: Box<[u8]>,
}

/// Most diversions that count: each path is compared with all of them, and real machines have a
/// few dozen.
const DIVERSIONS: usize = 1000;

/// Parses `/var/lib/dpkg/diversions`: three lines each. Returns whether it ended in the middle.
pub fn diversions(bytes: &[u8]) -> (Vec<Diversion>, bool) {
    let text = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    if text.is_empty() {
        return (Vec::new(), false);
    }
    let lines: Vec<&[u8]> = text.split(|&b| b == b'\n').collect();
    let cut = !lines.len().is_multiple_of(3);
    let found = lines
        .chunks_exact(3)
        .filter_map(|three| match three {
            [from, to, by] => {
                Some(Diversion { from: (*from).into(), to: (*to).into(), by: (*by).into() })
            }
            _ => None,
        })
        .collect();
    (found, cut)
}

/// Reads everything that dpkg says of all packages: `status`, and `status.d`.
pub(crate) fn status(host: &Host, table: &str, seen: &mut Seen) -> Vec<(PathBuf, Vec<u8>)> {
    let admin = Path::new(ADMIN);
    let mut found = Vec::new();
    let mut one = |path: PathBuf, seen: &mut Seen| {
        if let Some(bytes) = host.read(table, &path, limits::DATABASE, seen) {
            found.push((path, bytes));
        }
    };
    one(admin.join("status"), seen);
    for entry in host.list(table, &admin.join("status.d"), seen) {
        if !entry.name.as_bytes().ends_with(b".md5sums") {
            one(admin.join("status.d").join(&entry.name), seen);
        }
    }
    found
}

/// Adds dpkg's packages to the index.
pub(super) fn load(host: &Host, index: &mut Index) {
    let mut seen = Seen::default();
    let admin = Path::new(ADMIN);
    let mut versions: HashMap<Box<[u8]>, Known> = HashMap::new();
    let texts = status(host, "packages", &mut seen);
    let was_readable = index.readable;
    for (path, bytes) in &texts {
        index.readable = true;
        for paragraph in paragraphs(bytes) {
            remember(index, &mut versions, &paragraph);
            if path.parent().is_some_and(|parent| parent.ends_with("status.d")) {
                image_package(host, index, path, &paragraph, &mut seen);
            }
        }
    }
    drop(texts);
    if let Some(bytes) =
        host.read("packages", &admin.join("diversions"), limits::CONFIG_FILE, &mut seen)
    {
        let (mut found, cut) = diversions(&bytes);
        if found.len() > DIVERSIONS {
            let detail = format!("more than {DIVERSIONS} diversions; the rest was left out");
            index.gap(GapKind::Truncated, detail, &admin.join("diversions"));
            found.truncate(DIVERSIONS);
        }
        index.diversions = found;
        if cut {
            index.gap(GapKind::Damaged, "ends in the middle", &admin.join("diversions"));
        }
    }
    let mut lists = 0_usize;
    for entry in host.list("packages", &admin.join("info"), &mut seen) {
        let Some(stem) = entry.name.as_bytes().strip_suffix(b".list") else { continue };
        let path = admin.join("info").join(&entry.name);
        if let Some(bytes) = host.read("packages", &path, limits::DATABASE, &mut seen) {
            index.readable = true;
            let known = versions.get(stem).cloned().unwrap_or_default();
            begin(index, stem, known, path.with_extension("md5sums"));
            add_list(index, &bytes, &path);
            lists = lists.saturating_add(1);
        }
    }
    // Each package stands twice in `versions`, with and without its architecture.
    // What another collector did not take must not make every program a stranger.
    let names = versions.values().filter(|known| !known.removed).count();
    if host.machine().kind() == "bundle" && lists.saturating_mul(4) < names {
        index.readable = was_readable;
        let detail =
            "the lists of packages' files are not in the bundle: who owns a file is not known";
        index.gap(GapKind::NotHere, detail, &admin.join("info"));
        seen.gaps.retain(|gap| gap.kind != GapKind::NotHere);
    }
    index.gaps.append(&mut seen.gaps);
}

/// What the status file tells of a package.
#[derive(Clone, Default)]
struct Known {
    version: Arc<str>,
    architecture: Arc<str>,
    removed: bool,
}

/// Keeps a package's version and its configuration files.
fn remember(index: &mut Index, versions: &mut HashMap<Box<[u8]>, Known>, from: &Paragraph<'_>) {
    if from.state() == b"not-installed" {
        return;
    }
    let name = from.field("Package");
    let known = Known {
        version: stanch_words::text::from_bytes(from.field("Version")).into(),
        architecture: stanch_words::text::from_bytes(from.field("Architecture")).into(),
        removed: from.state() == b"config-files",
    };
    // Files of packages that may be installed for several architectures carry it in their names.
    let with_arch = [name, b":", from.field("Architecture")].concat();
    versions.insert(with_arch.into(), known.clone());
    versions.insert(name.into(), known);
    for (path, digest) in from.config() {
        index.config.insert(path.into(), digest.into());
    }
}

/// Adds a package of an image without dpkg: its digests are its list of files.
fn image_package(host: &Host, index: &mut Index, path: &Path, p: &Paragraph<'_>, seen: &mut Seen) {
    let mut sums = path.as_os_str().to_owned();
    sums.push(".md5sums");
    let sums = PathBuf::from(sums);
    let Some(bytes) = host.read("packages", &sums, limits::DATABASE, seen) else { return };
    let known = Known {
        version: stanch_words::text::from_bytes(p.field("Version")).into(),
        architecture: stanch_words::text::from_bytes(p.field("Architecture")).into(),
        removed: false,
    };
    begin(index, p.field("Package"), known, sums);
    for (_, file) in sums_of(&bytes) {
        let file = [b"/", file.strip_prefix(b"./").unwrap_or(file)].concat();
        if !index.paths.add(&file, b"") {
            index.gap(GapKind::Truncated, "too many paths", path);
            return;
        }
    }
}

fn begin(index: &mut Index, stem: &[u8], known: Known, sums: PathBuf) {
    let name = stem.split(|&b| b == b':').next().unwrap_or_default();
    let name = stanch_words::text::from_bytes(name).into();
    index.packages.push(Package {
        name,
        version: known.version,
        architecture: known.architecture,
        installed: !known.removed,
        manager: Manager::Dpkg,
        since: None,
        sums,
        algorithm: 1,
        basis: super::Basis::Machine,
    });
    index.paths.begin();
}

fn add_list(index: &mut Index, bytes: &[u8], path: &Path) {
    let package = index.packages.len().saturating_sub(1);
    let mut strange = 0_usize;
    let mut from = 0;
    for to in memchr::memchr_iter(b'\n', bytes).chain(std::iter::once(bytes.len())) {
        let line = bytes.get(from..to).unwrap_or_default();
        from = to.saturating_add(1);
        if line.is_empty() || line == b"/." {
            continue;
        }
        if line.first() != Some(&b'/') {
            strange = strange.saturating_add(1);
            continue;
        }
        // There are a few dozen diversions at most, and lengths differ: this costs nothing.
        for (number, diversion) in index.diversions.iter().enumerate() {
            if *diversion.from == *line {
                index.claims.push((number, package));
            }
        }
        if !index.paths.add(line, b"") {
            index.gap(GapKind::Truncated, "too many paths", path);
            return;
        }
    }
    if strange > 0 {
        index.gap(GapKind::Damaged, format!("{strange} lines are not paths"), path);
    }
}

/// Splits a list of MD5 digests (deb-md5sums(5)) into digests and paths without a first slash.
pub fn sums_of(bytes: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    bytes.split(|&b| b == b'\n').filter_map(|line| {
        let (digest, path) = line.split_at_checked(32)?;
        let path = path.strip_prefix(b"  ").or_else(|| path.strip_prefix(b" *"))?;
        Some((digest, path))
    })
}

/// Returns the digest of a path in a list of MD5 digests. The path begins with a slash.
pub fn sum_of<'a>(bytes: &'a [u8], path: &[u8]) -> Option<&'a [u8]> {
    let path = path.strip_prefix(b"/")?;
    memchr::memmem::find_iter(bytes, path).find_map(|at| {
        let (before, rest) = bytes.split_at_checked(at)?;
        let rest = rest.get(path.len()..)?;
        let ends = rest.is_empty() || rest.first() == Some(&b'\n');
        let line =
            before.get(memchr::memrchr(b'\n', before).map_or(0, |n| n.saturating_add(1))..)?;
        let whole = line.strip_suffix(b"./").unwrap_or(line);
        (ends && whole.len() == 34).then(|| whole.get(..32)).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &[u8] = b"Package: openssh-server\nStatus: install ok installed\nInstalled-Size: 10\nConffiles:\n /etc/a file 0123\n /etc/old 4567 obsolete\n /etc/gone 89ab remove-on-upgrade\nDescription: x\n one\n .\n two\n\n\nPackage: gone\nStatus: deinstall ok config-files\n";

    #[test]
    fn paragraphs_with_continuation_lines() {
        let all: Vec<_> = paragraphs(STATUS).collect();
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].field("package"), b"openssh-server");
        assert_eq!(all[0].field("Description"), b"x\n one\n .\n two");
        assert_eq!(all[1].state(), b"config-files");
        let config: Vec<_> = all[0].config().collect();
        assert_eq!(
            config,
            [(&b"/etc/a file"[..], &b"0123"[..]), (b"/etc/old", b"4567"), (b"/etc/gone", b"89ab")]
        );
        assert_eq!(all[0].strange, 0);
    }

    #[test]
    fn any_beginning_of_a_status_file_is_taken() {
        for end in 0..STATUS.len() {
            let fields: usize = paragraphs(&STATUS[..end]).map(|p| p.fields.len()).sum();
            assert!(fields <= 7, "{end}");
        }
        let junk: Vec<_> = paragraphs(b"\xff\xfe\nno colon here\n: nothing\n").collect();
        assert_eq!((junk.len(), junk[0].strange), (1, 3));
    }

    #[test]
    fn diversions_that_end_in_the_middle() {
        let (found, cut) = diversions(b"/a\n/b\ndash\n/c\n");
        assert_eq!((found.len(), cut), (1, true));
        assert_eq!(diversions(b""), (Vec::new(), false));
    }

    #[test]
    fn a_digest_is_that_of_the_whole_path() {
        let sums = b"0123456789abcdef0123456789abcdef  usr/bin/ls\nffffffffffffffffffffffffffffffff  bin/ls\n";
        assert_eq!(sum_of(sums, b"/bin/ls"), Some(&b"ffffffffffffffffffffffffffffffff"[..]));
        assert_eq!(sum_of(sums, b"/usr/bin/ls").unwrap()[..4], *b"0123");
        assert_eq!(sum_of(sums, b"/usr/bin/l"), None);
        assert_eq!(sum_of(sums, b"/ls"), None);
        assert_eq!(sums_of(sums).count(), 2);
    }
}
