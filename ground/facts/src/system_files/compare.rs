//! Owned files: is what they hold what was shipped?

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use stanch_machine::{FileKind, Machine, Miss, together};
use stanch_words::{Gap, GapKind, Seen};

use super::{Compared, Depth, File, Kind, RestsOn, Survey};
use crate::Host;
use crate::digest::files::{Held, digest_each};
use crate::digest::{self, Digest, lanes};
use crate::packages::shipped::{Md5, Shipped};
use crate::packages::{Index, Manager, Owner, State};

/// How much is read where not everything is.
const USUAL: u64 = 1 << 30;

/// How long after its package's list a file may still be changed by that package, in seconds.
pub(super) const SLACK: i64 = 60;

/// Threads that read and digest.
const THREADS: usize = 2;

/// What a file should hold.
#[derive(Clone, Debug)]
enum Expected {
    Md5(Md5),
    Sha256([u8; 32]),
    Other(Digest, Box<str>),
}

/// A file to be read.
struct Job {
    /// Its number in the survey.
    file: usize,
    /// The lower, the sooner.
    rank: u8,
    size: u64,
    shipped: Expected,
    rests_on: RestsOn,
}

/// Compares all owned files, as far as the depth says.
pub(super) fn owned(
    host: &Host,
    index: &Index,
    shipped: &Shipped,
    table: &str,
    depth: Depth,
    survey: &mut Survey,
    seen: &mut Seen,
) {
    let mut jobs = jobs(index, shipped, survey);
    jobs.sort_by_key(|job| (job.rank, job.size));
    let all = jobs.len();
    if depth == Depth::Usual {
        let mut left = USUAL;
        let fits = jobs.iter().take_while(|job| {
            let fits = job.size <= left;
            left = left.saturating_sub(job.size);
            fits
        });
        let count = fits.count();
        let left_out = jobs.get(count..).unwrap_or_default();
        let programs = left_out.iter().filter(|job| job.rank < 2).count();
        if programs > 0 {
            let detail =
                format!("{programs} programs and libraries were not compared; `--deep` does");
            seen.gap(Gap::new(table, GapKind::Truncated, detail));
        }
        jobs.truncate(count);
    }
    let compared = Compared { files: jobs.len(), left: all.saturating_sub(jobs.len()) };
    host.give(std::sync::Arc::new(compared));
    // The largest first, so that none is left alone at the end.
    jobs.sort_by_key(|job| std::cmp::Reverse(job.size));
    for (job, result) in read(host.machine(), survey, &jobs) {
        if let Some(job) = jobs.get(job) {
            judge(survey, job, result, table, seen);
        }
    }
}

/// Returns what is to be read, and judges what needs no reading.
fn jobs(index: &Index, shipped: &Shipped, survey: &mut Survey) -> Vec<Job> {
    let mut jobs = Vec::new();
    for number in 0..survey.files.len() {
        let Some(file) = survey.files.get(number) else { continue };
        // What could not be described left a gap.
        let undescribed = file.kind == Kind::Unread && file.stat.is_none();
        if file.owned.is_none() || undescribed {
            continue;
        }
        let path = survey.path(file);
        let Some(owner) = index.owner(&path) else { continue };
        let Some((expected, rests_on)) = expected(index, shipped, &owner) else { continue };
        let since = survey.since.get(owner.number).copied().flatten();
        let regular = file.stat.filter(|stat| stat.kind() == FileKind::Regular);
        let touched = regular.is_none_or(|stat| touched(stat.changed, since));
        let rank = match regular {
            Some(_) if touched => 0,
            _ if is_telling(&path) => 1,
            Some(stat) if is_program(&path, stat.mode) => 2,
            _ => 3,
        };
        let Some(file) = survey.files.get_mut(number) else { continue };
        let Some(stat) = regular else {
            // Shipped as a regular file, and now something else.
            file.rests_on = rests_on;
            file.state = if owner.config { State::Config } else { State::Altered };
            continue;
        };
        file.rests_on = if touched { RestsOn::NotRead } else { RestsOn::InodeTime };
        jobs.push(Job { file: number, rank, size: stat.size, shipped: expected, rests_on });
    }
    jobs
}

/// Returns whether an inode changed after its package came.
pub(super) fn touched(changed: i64, since: Option<i64>) -> bool {
    since.is_none_or(|since| changed.div_euclid(1_000_000_000) > since.saturating_add(SLACK))
}

/// Returns whether a file is what intruders replace: a program in the places that a shell looks
/// into, a library that all programs find, a module of PAM or NSS, configuration, a unit.
fn is_telling(path: &Path) -> bool {
    let mut parts = path.iter().skip(1).filter(|part| *part != "usr");
    let top = parts.next().and_then(|part| part.to_str()).unwrap_or_default();
    let rest = parts.count();
    let within = |name: &str| path.parent().is_some_and(|above| above.ends_with(name));
    match top {
        "etc" | "bin" | "sbin" | "libexec" | "games" => true,
        // `lib/libc.so.6` and `lib/x86_64-linux-gnu/libc.so.6`.
        _ if top.starts_with("lib") => {
            rest < 3 || within("security") || within("systemd") || within("system")
        }
        _ => false,
    }
}

/// Returns whether a path is where programs and libraries are, or a mode lets it be started.
fn is_program(path: &Path, mode: u32) -> bool {
    let mut parts = path.iter().skip(1);
    let top = parts.next().and_then(|part| part.to_str()).unwrap_or_default();
    let next = parts.next().and_then(|part| part.to_str()).unwrap_or_default();
    let holds = |part: &str| {
        matches!(part, "bin" | "sbin" | "libexec" | "games") || part.starts_with("lib")
    };
    mode & 0o111 != 0 || top == "etc" || holds(top) || (top == "usr" && holds(next))
}

fn expected(index: &Index, shipped: &Shipped, owner: &Owner<'_>) -> Option<(Expected, RestsOn)> {
    match owner.package.manager {
        Manager::Dpkg => {
            if let Some(digest) = index.proven_digest(owner.number, owner.listed) {
                let proven = RestsOn::of(index.basis(owner.number));
                return Some((Expected::Md5(digest), proven.unwrap_or(RestsOn::Md5sums)));
            }
            if let Some(digest) = index.shipped_config(owner) {
                return Some((Expected::Md5(digest), RestsOn::Status));
            }
            let digest = shipped.of(index, owner)?;
            Some((Expected::Md5(digest), RestsOn::Md5sums))
        }
        Manager::Rpm => {
            let record = index.record(owner)?;
            if record.digest.is_empty() || record.may_differ.first() == Some(&true) {
                return None;
            }
            let expected = match owner.package.algorithm()? {
                Digest::Md5 => Expected::Md5(record.digest.try_into().ok()?),
                Digest::Sha256 => Expected::Sha256(record.digest.try_into().ok()?),
                other => Expected::Other(other, stanch_words::text::hex(record.digest).into()),
            };
            let proven = RestsOn::of(index.basis(owner.number));
            Some((expected, proven.unwrap_or(RestsOn::Header)))
        }
    }
}

/// What came of reading a file: its digest as it is, and the first bytes.
enum Read {
    Md5(Held<Md5>),
    Sha256(Held<[u8; 32]>),
    /// The first bytes only where the digest is another than the shipped one.
    Other(Box<str>, Option<[u8; 8]>),
    Failed(Gap),
}

impl Read {
    fn of<D>(held: Result<Held<D>, Miss>, read: impl Fn(Held<D>) -> Self) -> Self {
        held.map_or_else(|miss| Self::Failed(miss.gap("")), read)
    }
}

/// Reads all, in a few threads. Returns what came of each, by the job's number.
fn read(machine: &dyn Machine, survey: &Survey, jobs: &[Job]) -> Vec<(usize, Read)> {
    let done: Mutex<Vec<(usize, Read)>> = Mutex::new(Vec::with_capacity(jobs.len()));
    let put = |number: usize, read: Read| {
        done.lock().unwrap_or_else(PoisonError::into_inner).push((number, read));
    };
    // Each algorithm has its own list, from which all threads take.
    let lists: [AtomicUsize; 3] = Default::default();
    let [md5, sha256, other] = &lists;
    let next = |list: &AtomicUsize, wanted: fn(&Expected) -> bool| loop {
        let number = list.fetch_add(1, Ordering::Relaxed);
        let job = jobs.get(number)?;
        if wanted(&job.shipped) {
            let file = survey.files.get(job.file)?;
            return Some((number, survey.path(file).into_boxed_path(), file.stat));
        }
    };
    together(THREADS, &|_| {
        let mut take = || next(md5, |shipped| matches!(shipped, Expected::Md5(_)));
        digest_each::<lanes::Md5, _>(machine, &mut take, &mut |number, held| {
            put(number, Read::of(held, Read::Md5));
        });
        let mut take = || next(sha256, |shipped| matches!(shipped, Expected::Sha256(_)));
        digest_each::<lanes::Sha256, _>(machine, &mut take, &mut |number, held| {
            put(number, Read::of(held, Read::Sha256));
        });
        let others = || next(other, |shipped| matches!(shipped, Expected::Other(..)));
        for (number, path, _) in std::iter::from_fn(others) {
            let Some(Expected::Other(algorithm, expected)) =
                jobs.get(number).map(|job| &job.shipped)
            else {
                continue;
            };
            let read = match digest::of_file(machine, &path, &[*algorithm]) {
                Ok(digests) => {
                    let found = digests.into_iter().next().unwrap_or_default();
                    let differs = found != **expected;
                    Read::Other(found.into(), differs.then(|| head(machine, &path)))
                }
                Err(gap) => Read::Failed(gap),
            };
            put(number, read);
        }
    });
    done.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// Returns a file's first bytes, with zeros after them if there are not so many.
fn head(machine: &dyn Machine, path: &Path) -> [u8; 8] {
    let mut head = [0; 8];
    // It was read a moment ago; what cannot be read now is data.
    match machine.open(path).and_then(|file| file.read_at(0, &mut head)) {
        Ok(_) | Err(_) => head,
    }
}

fn judge(survey: &mut Survey, job: &Job, read: Read, table: &str, seen: &mut Seen) {
    let path = survey.files.get(job.file).map(|file| survey.path(file)).unwrap_or_default();
    let Some(file) = survey.files.get_mut(job.file) else { return };
    file.rests_on = job.rests_on;
    let (same, head) = match (&read, &job.shipped) {
        (Read::Md5(held), Expected::Md5(expected)) => (held.digest == *expected, Some(held.head)),
        (Read::Sha256(held), Expected::Sha256(expected)) => {
            (held.digest == *expected, Some(held.head))
        }
        (Read::Other(found, head), Expected::Other(_, expected)) => (found == expected, *head),
        (Read::Failed(gap), _) => {
            file.rests_on = RestsOn::Nothing;
            let at = stanch_words::Value::from(path.as_path()).to_string();
            seen.gap(Gap { what: table.to_owned(), path: Some(at), ..gap.clone() });
            return;
        }
        _ => return,
    };
    if same {
        file.state = State::Intact;
        return;
    }
    let found = match read {
        Read::Md5(held) => stanch_words::text::hex(&held.digest).into(),
        Read::Sha256(held) => stanch_words::text::hex(&held.digest).into(),
        Read::Other(found, _) => found,
        Read::Failed(_) => return,
    };
    let expected = match &job.shipped {
        Expected::Md5(expected) => stanch_words::text::hex(expected).into(),
        Expected::Sha256(expected) => stanch_words::text::hex(expected).into(),
        Expected::Other(_, expected) => expected.clone(),
    };
    file.digests = Some((expected, found));
    file.kind = head.map_or(Kind::Unread, |head| Kind::of(&head, &file.name));
    file.state = if is_lenient(file, &path) { State::Config } else { State::Altered };
}

/// Returns whether a file is a configuration file that may differ. What the database says is not
/// enough: whoever writes the database could call a program so.
fn is_lenient(file: &File, path: &Path) -> bool {
    let executable = file.stat.is_some_and(|stat| stat.mode & 0o111 != 0);
    file.owned.is_some_and(|owned| owned.config)
        && file.kind != Kind::Elf
        && (path.starts_with("/etc") || !executable)
}
