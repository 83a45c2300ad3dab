//! Unowned files: what they are, and what explains them.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use stanch_machine::{Machine, Stat, together};
use stanch_words::{Gap, Seen};

use super::manifests::Manifests;
use super::{Explained, Kind, RestsOn, Survey};
use crate::Host;
use crate::digest::{files::digest_each, lanes};
use crate::packages::shipped::{Md5, Shipped};
use crate::packages::{Index, State};

/// First bytes that are read: Python's bytecode has a header of sixteen.
type Head = [u8; 16];

/// Explains all unowned files, as far as something does.
pub(super) fn unowned(
    host: &Host,
    index: &Index,
    shipped: &Shipped,
    table: &str,
    survey: &mut Survey,
    seen: &mut Seen,
) {
    let sources = Sources::of(survey);
    let unowned = |survey: &Survey| -> Vec<usize> {
        let all = survey.files.iter().enumerate();
        all.filter(|(_, file)| file.state == State::Unowned).map(|(number, _)| number).collect()
    };
    let numbers = unowned(survey);
    for (number, head) in heads(host.machine(), survey, &numbers, table, seen) {
        let Some(file) = survey.files.get(number) else { continue };
        let kind = Kind::of(&head, &file.name);
        let bytecode = kind == Kind::Bytecode && sources.explain(survey, number, &head);
        if let Some(file) = survey.files.get_mut(number) {
            file.kind = kind;
            if bytecode {
                file.explained = Explained::Bytecode;
            }
        }
    }
    links(host, index, survey, &numbers);
    let is_left = |survey: &Survey, number: &usize| {
        survey.files.get(*number).is_some_and(|file| {
            matches!(file.kind, Kind::Elf | Kind::Script | Kind::Code | Kind::Bytecode)
                && file.explained == Explained::No
        })
    };
    let code: Vec<usize> = numbers.into_iter().filter(|n| is_left(survey, n)).collect();
    let known = shipped.all();
    for (number, md5) in digests(host.machine(), survey, &code, table, seen) {
        let Some(file) = survey.files.get_mut(number) else { continue };
        file.digests = Some((Box::default(), stanch_words::text::hex(&md5).into()));
        let at = known.binary_search_by_key(&md5, |known| known.0).ok();
        if let Some((_, place)) = at.and_then(|at| known.get(at)) {
            file.explained = Explained::Copy(*place);
        }
    }
    let manifests = Manifests::of(host, table, survey, seen);
    // Another package manager may also have replaced what a package shipped.
    let altered = survey.files.iter().enumerate();
    let altered = altered.filter(|(_, file)| file.state == State::Altered).map(|(n, _)| n);
    let altered: Vec<usize> = altered.collect();
    for number in code.into_iter().chain(altered).filter(|n| is_left(survey, n)).collect::<Vec<_>>()
    {
        let explained = mounted(host.machine(), survey, number)
            .or_else(|| manifests.explain(host.machine(), survey, number));
        match (survey.files.get_mut(number), explained) {
            (Some(file), Some(Explained::Otherwise(name, expected, found)))
                if file.owned.is_none() =>
            {
                file.state = State::Altered;
                file.rests_on = RestsOn::Manifest(name);
                file.digests = Some((expected, found));
            }
            (Some(file), Some(explained)) => file.explained = explained,
            _ => {}
        }
    }
}

/// Marks symlinks that lead to owned files.
fn links(host: &Host, index: &Index, survey: &mut Survey, numbers: &[usize]) {
    for &number in numbers {
        let Some(file) = survey.files.get(number).filter(|file| file.kind == Kind::Link) else {
            continue;
        };
        let target = host.machine().resolve(&survey.path(file)).ok();
        let owned = target.is_some_and(|target| index.owner(&target).is_some());
        if let Some(file) = survey.files.get_mut(number).filter(|_| owned) {
            file.explained = Explained::Link;
        }
    }
}

/// Something mounted over a file is on another device than its directory: containers get files of
/// their hosts so.
fn mounted(machine: &dyn Machine, survey: &Survey, number: usize) -> Option<Explained> {
    let file = survey.files.get(number)?;
    let directory = machine.lstat(survey.directories.get(file.directory)?).ok()?;
    (directory.device != file.stat?.device).then_some(Explained::Mount)
}

/// Owned sources of Python, by directory and name.
struct Sources {
    /// Numbers of directories by their paths.
    directories: HashMap<PathBuf, usize>,
    files: HashMap<(usize, Box<OsStr>), Stat>,
}

impl Sources {
    fn of(survey: &Survey) -> Self {
        let directories = survey.directories.iter().cloned().zip(0..).collect();
        let is_source = |name: &OsStr| Path::new(name).extension() == Some(OsStr::new("py"));
        let owned =
            survey.files.iter().filter(|file| file.owned.is_some() && is_source(&file.name));
        let files = owned.filter_map(|file| {
            let stem = Path::new(&*file.name).file_stem()?;
            Some(((file.directory, Box::from(stem)), file.stat?))
        });
        Self { directories, files: files.collect() }
    }

    /// Returns whether a file is the bytecode of an owned source: it lies where Python puts that
    /// (PEP 3147), and its header has that source's time and size, or its digest (PEP 552).
    fn explain(&self, survey: &Survey, number: usize, head: &Head) -> bool {
        let source = || {
            let file = survey.files.get(number)?;
            let directory = survey.directories.get(file.directory)?;
            let cache = directory.file_name() == Some(OsStr::new("__pycache__"));
            let above = directory.parent().filter(|_| cache)?;
            let name = file.name.as_encoded_bytes();
            let stem = name.split(|&b| b == b'.').next()?;
            let stem = OsStr::new(std::str::from_utf8(stem).ok()?);
            self.files.get(&(*self.directories.get(above)?, Box::from(stem)))
        };
        let word = |place: usize| {
            head.as_chunks::<4>().0.get(place).map_or(0, |word| u32::from_le_bytes(*word))
        };
        let is_source = |source: &Stat| {
            let seconds = source.modified.div_euclid(1_000_000_000);
            // Both are kept in 32 bits.
            let low = |number: i128| u32::try_from(number & 0xffff_ffff).unwrap_or_default();
            word(1) & 1 == 1
                || (word(2) == low(seconds.into()) && word(3) == low(source.size.into()))
        };
        source().is_some_and(is_source)
    }
}

/// Reads the first bytes of regular files.
fn heads(
    machine: &dyn Machine,
    survey: &Survey,
    numbers: &[usize],
    table: &str,
    seen: &mut Seen,
) -> Vec<(usize, Head)> {
    let mut found = Vec::new();
    for &number in numbers {
        let Some(file) = survey.files.get(number).filter(|file| file.kind == Kind::Unread) else {
            continue;
        };
        let path = survey.path(file);
        let mut head = [0; 16];
        match machine.open(&path).and_then(|file| file.read_at(0, &mut head)) {
            Ok(_) => found.push((number, head)),
            Err(miss) => crate::host::note(table, &miss, seen),
        }
    }
    found
}

/// Digests whole files.
fn digests(
    machine: &dyn Machine,
    survey: &Survey,
    numbers: &[usize],
    table: &str,
    seen: &mut Seen,
) -> Vec<(usize, Md5)> {
    let next = std::sync::atomic::AtomicUsize::new(0);
    let done = Mutex::<(Vec<_>, Vec<Gap>)>::default();
    together(2, &|_| {
        let mut take = || {
            let at = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let &number = numbers.get(at)?;
            let file = survey.files.get(number)?;
            Some((number, survey.path(file).into_boxed_path(), file.stat))
        };
        digest_each::<lanes::Md5, _>(machine, &mut take, &mut |number, held| {
            let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
            match held {
                Ok(held) => done.0.push((number, held.digest)),
                Err(miss) if miss.absent => {}
                Err(miss) => done.1.push(miss.gap(table)),
            }
        });
    });
    let (found, gaps) = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    seen.gaps.extend(gaps);
    found
}
