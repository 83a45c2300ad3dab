//! What a package manager did since the baseline was made explains what differs.
//!
//! A difference is explained if three things fit: a package owns the path, what is there now is
//! what that package shipped, and a log tells that the package was changed since. All three rest on
//! files of the machine, which root can write; whoever does not trust them shows everything.
//! Rights are never explained: no list of a package manager tells modes on every system.

use std::collections::BTreeMap;
use std::path::Path;

use stanch_machine::FileKind;
use stanch_words::{Ask, Gap, Seen};

use super::{Change, Difference, Field, NAME, Row};
use crate::Host;
use crate::packages::{self, Index, State};
use crate::tables::package_changes as changes;

/// Seconds before and after a line of the package manager that belong to what it did.
const AROUND: i64 = 300;

/// Why a difference is no surprise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Because {
    /// A package brought it, or took it away.
    Package,
    /// It changed while packages were being changed, and no package tells of it: caches, indexes,
    /// what maintainer scripts write. It is not proven.
    During,
}

/// One run of a package manager.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// When it began, in seconds since 1970 UTC.
    pub time: i64,
    /// When its last package was done.
    pub until: i64,
    /// Its packages, each with its version.
    pub packages: Vec<(String, String)>,
    /// How many differences it explains.
    pub files: u64,
}

/// A difference, and what explains it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The difference.
    pub difference: Difference,
    /// What explains it, if anything.
    pub because: Option<Because>,
}

/// All differences, and the runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explained {
    /// The differences, in the order of paths.
    pub told: Vec<Told>,
    /// The runs since the baseline, the oldest first.
    pub runs: Vec<Run>,
}

/// Sets beside each difference what explains it.
pub fn explain(
    host: &Host,
    since: i64,
    differences: Vec<Difference>,
    seen: &mut Seen,
) -> Explained {
    if differences.is_empty() {
        return Explained::default();
    }
    let mut runs = Runs::read(host, since, seen);
    let index = packages::index(host);
    index.leave_gaps(NAME, seen);
    let mut told = Vec::with_capacity(differences.len());
    for difference in differences {
        let because = runs.because(host, &index, &difference, seen);
        told.push(Told { difference, because });
    }
    Explained { told, runs: runs.all }
}

/// The runs since a time, and in which each package last had a part.
struct Runs {
    all: Vec<Run>,
    of_package: BTreeMap<String, usize>,
}

impl Runs {
    fn read(host: &Host, since: i64, seen: &mut Seen) -> Self {
        let mut told = Seen::default();
        changes::read(host, &Ask::all(), &mut told);
        seen.gaps.extend(told.gaps.into_iter().map(|gap| Gap { what: NAME.to_owned(), ..gap }));
        let text = |row: &stanch_words::Row, column| row.get(column).to_string();
        let mut lines: Vec<(i64, String, String)> = told
            .rows
            .iter()
            .filter_map(|row| {
                let time = row.get(changes::col::time).as_integer()?;
                let package = text(row, changes::col::package);
                Some((time, package, text(row, changes::col::version)))
            })
            .filter(|line| line.0 >= since)
            .collect();
        lines.sort();
        let mut runs = Self { all: Vec::new(), of_package: BTreeMap::new() };
        for (time, package, version) in lines {
            match runs.all.last_mut() {
                Some(run) if time.saturating_sub(run.until) <= AROUND => run.until = time,
                _ => runs.all.push(Run { time, until: time, ..Run::default() }),
            }
            let place = runs.all.len().saturating_sub(1);
            if let Some(run) = runs.all.last_mut() {
                match run.packages.iter_mut().find(|known| known.0 == package) {
                    Some(known) => known.1 = version,
                    None => run.packages.push((package.clone(), version)),
                }
            }
            runs.of_package.insert(package, place);
        }
        runs
    }

    fn because(
        &mut self,
        host: &Host,
        index: &Index,
        difference: &Difference,
        seen: &mut Seen,
    ) -> Option<Because> {
        if self.all.is_empty() {
            return None;
        }
        let package = match difference.change {
            Change::Removed => taken_away(index, difference),
            Change::Added | Change::Altered => self.brought(host, index, difference, seen),
        };
        let place = package.and_then(|package| self.of_package.get(&package));
        if let Some(run) = place.and_then(|&place| self.all.get_mut(place)) {
            run.files = run.files.saturating_add(1);
            return Some(Because::Package);
        }
        // Rights that nobody can vouch for are not excused by the hour.
        let changed = difference.now.as_ref()?.changed.div_euclid(1_000_000_000);
        let is_during = self.all.iter().any(|run| is_in(run, changed));
        (is_during && !difference.gains_rights()).then_some(Because::During)
    }

    /// Returns the package that brought what is there now, if it is what the package shipped.
    fn brought(
        &self,
        host: &Host,
        index: &Index,
        difference: &Difference,
        seen: &mut Seen,
    ) -> Option<String> {
        let now = difference.now.as_deref()?;
        if difference.gains_rights() || difference.fields.iter().any(|field| field.is_right()) {
            return None;
        }
        let path = path(now);
        let owner = index.owner(path)?;
        let name = owner.package.name.to_string();
        let run = self.all.get(*self.of_package.get(&name)?)?;
        let is_as_shipped = match now.kind() {
            FileKind::Regular => is_shipped(host, index, path, seen),
            // Of all else the lists keep no digest: that it came with the package tells.
            _ => {
                let is_other = difference.fields.contains(&Field::Kind);
                !is_other && is_in(run, now.changed.div_euclid(1_000_000_000))
            }
        };
        is_as_shipped.then_some(name)
    }
}

/// Returns the package that owned a file which is gone, if it lists it no more.
fn taken_away(index: &Index, difference: &Difference) -> Option<String> {
    let was = difference.was.as_deref().filter(|was| !was.package.is_empty())?;
    let is_listed = index.owner(path(was)).is_some_and(|owner| owner.package.installed);
    let name = String::from_utf8(was.package.clone()).ok();
    name.filter(|_| index.is_readable() && !is_listed)
}

fn is_shipped(host: &Host, index: &Index, path: &Path, seen: &mut Seen) -> bool {
    let told = index.verify(host, NAME, path, seen);
    match told.state {
        State::Intact => true,
        State::Config => index.is_changed_config(host, NAME, path, &told, seen) == Some(false),
        _ => false,
    }
}

fn is_in(run: &Run, time: i64) -> bool {
    (run.time.saturating_sub(AROUND)..=run.until.saturating_add(AROUND)).contains(&time)
}

fn path(row: &Row) -> &Path {
    use std::os::unix::ffi::OsStrExt as _;
    Path::new(std::ffi::OsStr::from_bytes(&row.path))
}
