//! Every file of the machine, as the file system tells of it: for a timeline of everything.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use stanch_facts::every_file::{self, Listed};
use stanch_machine::{FileKind, Machine, Stat};
use stanch_rules::pattern;
use stanch_words::bodyfile;

use crate::collect::Collector;
use crate::taking::watched;

/// How large one part becomes; a machine with many files has several.
const PART: usize = 16 << 20;
/// How many directories are listed under one watch: a thread for each of a hundred thousand costs
/// more than their lists.
const TOGETHER: usize = 64;

/// A file that fits a pattern.
type Fit = (String, PathBuf, Stat);

/// Patterns that may fit anywhere (`/**/…`): whole, what is above the last name, the last name.
struct Wanted(Vec<(String, Option<String>, String)>);

impl Wanted {
    fn of(patterns: &[String]) -> Self {
        let parts = patterns.iter().filter_map(|pattern| {
            let (above, last) = pattern.rsplit_once('/')?;
            // `/**` alone is above everything.
            let above = (above != "/**").then(|| above.to_owned());
            Some((pattern.clone(), above, last.to_owned()))
        });
        Self(parts.collect())
    }

    /// Adds what of a directory's files fits.
    fn fit(&self, machine: &dyn Machine, directory: &Path, listed: &Listed, fit: &mut Vec<Fit>) {
        let here = self.0.iter().filter(|(_, above, _)| {
            above.as_ref().is_none_or(|above| pattern::is(above, directory.as_os_str()))
        });
        let here: Vec<_> = here.collect();
        if here.is_empty() {
            return;
        }
        for found in &listed.files {
            let path = Path::new(OsStr::from_bytes(&found.times.path));
            let name = path.file_name().unwrap_or_default().as_bytes();
            let is_directory = FileKind::from_mode(found.times.mode) == FileKind::Directory;
            let fits = |(_, _, last): &&&(String, Option<String>, String)| {
                pattern::fits(last.as_bytes(), name)
            };
            if is_directory || !here.iter().any(|one| fits(&one)) {
                continue;
            }
            let Ok(stat) = machine.lstat(path) else { continue };
            for (whole, _, _) in here.iter().filter(fits) {
                fit.push((whole.clone(), path.to_owned(), stat));
            }
        }
    }
}

impl Collector<'_> {
    /// Takes it, in parts.
    pub(crate) fn bodyfile(&mut self) -> io::Result<()> {
        let mut part = Vec::new();
        let mut number = 1_u32;
        let root = Path::new("/");
        let device = self.snapshot.host().machine().lstat(root).map_or(0, |stat| stat.device);
        let mut left = vec![(root.to_owned(), device)];
        let wanted = Arc::new(Wanted::of(&self.patterns_anywhere));
        let mut anywhere: BTreeMap<String, Vec<(PathBuf, Stat)>> = BTreeMap::new();
        let mut is_whole = true;
        while let Some((first, _)) = left.last().cloned() {
            if let Some(why) = self.over_budget(0) {
                self.budget_is_used_up(why);
                is_whole = false;
                break;
            }
            let some = left.split_off(left.len().saturating_sub(TOGETHER));
            let wanted = Arc::clone(&wanted);
            let listed = watched(self.snapshot, &first, move |host| {
                let (mut all, mut fit) = (Vec::new(), Vec::new());
                for (directory, device) in some.iter().rev() {
                    let listed = every_file::list(host.machine(), directory, *device);
                    wanted.fit(host.machine(), directory, &listed, &mut fit);
                    all.push(listed);
                }
                Ok((all, fit))
            });
            is_whole &= listed.is_ok();
            let (listed, fit) =
                listed.unwrap_or_else(|miss| (vec![Listed::missed(miss)], Vec::new()));
            for (pattern, path, stat) in fit {
                anywhere.entry(pattern).or_default().push((path, stat));
            }
            for listed in listed {
                for miss in listed.misses.iter().filter(|miss| !miss.absent) {
                    self.gap(miss.kind, &miss.detail, Some(Path::new(&miss.path)));
                }
                for file in &listed.files {
                    bodyfile::file(&mut part, &file.times);
                }
                left.extend(listed.below.into_iter().rev());
            }
            if part.len() > PART {
                self.part(&mut number, &part)?;
                part.clear();
            }
        }
        // What was not seen whole is looked for again by its own page.
        if is_whole {
            for pattern in &self.patterns_anywhere {
                self.anywhere.insert(pattern.clone(), anywhere.remove(pattern).unwrap_or_default());
            }
        }
        self.part(&mut number, &part)
    }

    fn part(&mut self, number: &mut u32, part: &[u8]) -> io::Result<()> {
        let name = match *number {
            1 => "bodyfile/bodyfile.txt".to_owned(),
            number => format!("bodyfile/bodyfile.{number:03}.txt"),
        };
        *number = number.saturating_add(1);
        self.ours(&name, "statx", part)
    }
}
