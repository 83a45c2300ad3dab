//! Which files there are, and which are listed but not there.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use stanch_machine::{FileKind, Stat};
use stanch_words::Seen;

use super::{Explained, File, Kind, Owned, RestsOn, Survey, owned_by};
use crate::Host;
use crate::packages::{Index, State};
use crate::walk::{Describe, Met, Walk};

/// Places that packages fill and nobody else should.
const PLACES: [&str; 9] =
    ["/usr", "/etc", "/boot", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"];

/// Where administrators put what they build themselves (file-hierarchy(7)).
const NOT_ENTERED: &[&str] = &["/usr/local"];

/// Walks the places, and looks for what is listed elsewhere or not there.
pub(super) fn walk(
    host: &Host,
    index: &Index,
    table: &'static str,
    survey: &mut Survey,
    seen: &mut Seen,
) {
    let mut walk = Walking { index, survey, numbers: HashMap::new(), met: Vec::new() };
    let roots: Vec<PathBuf> = PLACES.iter().map(PathBuf::from).collect();
    let how =
        Walk { table, depth: 48, most: 2_000_000, describe: Describe::Files, except: NOT_ENTERED };
    how.entries(host, &roots, seen, &mut |met, _| walk.meet(met));
    walk.elsewhere(host, table, seen);
    trees(index, survey);
}

struct Walking<'w> {
    index: &'w Index,
    survey: &'w mut Survey,
    numbers: HashMap<PathBuf, usize>,
    /// Places of the listed paths that were met.
    met: Vec<u32>,
}

impl Walking<'_> {
    fn directory(&mut self, path: &Path) -> usize {
        if let Some(&number) = self.numbers.get(path) {
            return number;
        }
        let number = self.survey.directories.len();
        self.survey.directories.push(path.to_owned());
        self.numbers.insert(path.to_owned(), number);
        number
    }

    fn meet(&mut self, met: &Met<'_>) {
        let owned = owned_by(self.index, &met.path());
        self.met.extend(owned.and_then(|owned| owned.place));
        let kind = met.stat.map_or(met.entry.kind, |stat| stat.kind());
        if kind != FileKind::Directory {
            let directory = self.directory(met.directory);
            self.add(directory, &met.entry.name, kind, met.stat, owned);
        }
    }

    fn add(
        &mut self,
        directory: usize,
        name: &OsStr,
        kind: FileKind,
        stat: Option<Stat>,
        owned: Option<Owned>,
    ) {
        self.survey.files.push(File {
            directory,
            name: name.into(),
            stat,
            owned,
            state: if owned.is_some() { State::Unverified } else { State::Unowned },
            kind: match kind {
                FileKind::Symlink => Kind::Link,
                FileKind::Regular | FileKind::Unknown => Kind::Unread,
                _ => Kind::Special,
            },
            explained: Explained::No,
            rests_on: RestsOn::Nothing,
            digests: None,
            capabilities: Box::default(),
        });
    }

    /// Describes listed paths that the walk did not meet: those in other places, and the missing.
    fn elsewhere(&mut self, host: &Host, table: &str, seen: &mut Seen) {
        let mut met = std::mem::take(&mut self.met);
        met.sort_unstable();
        let mut by_directory: std::collections::BTreeMap<PathBuf, Vec<(Box<OsStr>, Owned)>> =
            std::collections::BTreeMap::new();
        let index = self.index;
        index.each_path(&mut |place, path, package| {
            let is_left = met.binary_search(&place).is_err()
                && !index.is_diverted(path)
                && !index.is_forged(package, place, path);
            let path = Path::new(OsStr::from_bytes(path));
            let Some((above, name)) = path.parent().zip(path.file_name()).filter(|_| is_left)
            else {
                return;
            };
            let config = index.owner(path).is_some_and(|owner| owner.config);
            let owned = Owned { package, place: Some(place), config };
            by_directory.entry(real(index, above)).or_default().push((name.into(), owned));
        });
        for (directory, files) in by_directory {
            let names: Vec<&OsStr> = files.iter().map(|file| &*file.0).collect();
            let stats = host.machine().lstat_each(&directory, &names);
            let number = self.directory(&directory);
            for ((name, owned), stat) in files.iter().zip(stats) {
                match stat {
                    Ok(stat) if stat.kind() == FileKind::Directory => {}
                    Ok(stat) => self.add(number, name, stat.kind(), Some(stat), Some(*owned)),
                    Err(miss) if miss.absent => self.missing(number, name, *owned),
                    Err(miss) => seen.gap(miss.gap(table)),
                }
            }
        }
    }

    fn missing(&mut self, directory: usize, name: &OsStr, owned: Owned) {
        let package = self.index.packages().get(owned.package);
        let ghost = self.index.record_at(owned).is_some_and(|record| record.ghost);
        if package.is_some_and(|package| package.installed) && !ghost {
            self.add(directory, name, FileKind::Regular, None, Some(owned));
            if let Some(file) = self.survey.files.last_mut() {
                file.state = State::Missing;
            }
        }
    }
}

/// Returns a listed directory without the symlinks that a merged /usr makes.
pub(crate) fn real(index: &Index, directory: &Path) -> PathBuf {
    let aliases = index.aliases().iter();
    let mut found = aliases.filter_map(|(alias, target)| {
        directory.strip_prefix(alias).ok().map(|rest| target.join(rest))
    });
    // Joining an empty rest leaves a slash at the end, which `components` takes away.
    found.next().map_or_else(|| directory.to_owned(), |path| path.components().collect())
}

/// Finds the topmost directories that no package owns.
fn trees(index: &Index, survey: &mut Survey) {
    let mut top: HashMap<usize, PathBuf> = HashMap::new();
    for (number, directory) in survey.directories.iter().enumerate() {
        let below_root = directory.ancestors().filter(|above| above.parent().is_some());
        let unowned = below_root.take_while(|above| index.owner(above).is_none());
        // A place itself (/usr, /etc) is nobody's tree, whatever a package lists.
        let last = unowned.filter(|above| above.components().count() > 2).last();
        if let Some(last) = last {
            top.insert(number, last.to_owned());
        }
    }
    let mut counts: HashMap<&Path, u32> = HashMap::new();
    for file in &survey.files {
        if let Some(tree) = top.get(&file.directory) {
            let count = counts.entry(tree).or_default();
            *count = count.saturating_add(1);
        }
    }
    let count = |tree: &Path| counts.get(tree).copied().unwrap_or_default();
    survey.trees =
        top.iter().map(|(number, tree)| (*number, (tree.clone(), count(tree)))).collect();
}

/// Returns when each package's files came: dpkg writes a package's list when it unpacks it, and
/// nobody can set an inode's change time; rpm's database tells.
pub(super) fn times(host: &Host, index: &Index) -> Vec<Option<i64>> {
    let mut times: Vec<Option<i64>> =
        index.packages().iter().map(|package| package.since).collect();
    let mut by_directory: HashMap<&Path, Vec<(usize, PathBuf)>> = HashMap::new();
    for (number, package) in index.packages().iter().enumerate() {
        if let Some(directory) = package.sums.parent().filter(|_| package.since.is_none()) {
            let list = package.sums.with_extension("list");
            by_directory.entry(directory).or_default().push((number, list));
        }
    }
    let mut directories: Vec<_> = by_directory.into_iter().collect();
    directories.sort();
    for (directory, lists) in directories {
        let names: Vec<&OsStr> = lists.iter().filter_map(|list| list.1.file_name()).collect();
        let stats = host.machine().lstat_each(directory, &names);
        for ((number, _), stat) in lists.iter().zip(stats) {
            if let (Some(time), Ok(stat)) = (times.get_mut(*number), stat) {
                *time = Some(stat.changed.div_euclid(1_000_000_000));
            }
        }
    }
    times
}
