//! Everything that happened, in its order: events of all logs and times of all files.
//!
//! ```text
//!   a log ─► events ┐                ┌ run ┐
//!   a log ─► events ┼─► wanted? ─►   ┼ run ┼ ─► merged ─► told twice? ─► moments, oldest first
//!   files ─► times  ┘                └ run ┘
//! ```

mod codec;
mod repeated;
mod runs;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use stanch_facts::history::{self, SourceRead, sources};
use stanch_facts::{Host, Snapshot, every_file};
use stanch_rules::pattern;
use stanch_words::{Event, EventKind, Gap, GapKind, Happened, Moment, text};

use repeated::Repeated;
use runs::{Runs, Sorting};

/// How much is held packed, in bytes. A line of sshd with its fields is 57 of them (600,000 lines),
/// so that these are some seven million; a log that is read may hold as much again for itself.
const HELD: u64 = 384 << 20;
/// How many files are looked at.
const FILES: u64 = 50_000_000;
/// How many files are described in one piece of watched work.
const AT_ONCE: usize = 20_000;

/// What is wanted of everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Nothing before this: nanoseconds since 1970 UTC.
    pub since: Option<i64>,
    /// Nothing after this.
    pub until: Option<i64>,
    /// These kinds of events; all if neither this nor `times` says otherwise.
    pub kinds: Vec<EventKind>,
    /// The times of files beside those kinds of events.
    pub times: bool,
    /// Only what is about a path that one of these patterns covers.
    pub paths: Vec<String>,
    /// Files that are ours, by device and inode: what is being written now.
    pub ours: Vec<(u64, u64)>,
}

impl Wanted {
    fn is_at(&self, time: i64) -> bool {
        self.since.is_none_or(|since| time >= since) && self.until.is_none_or(|until| time <= until)
    }

    fn has_kind(&self, kind: EventKind) -> bool {
        self.has_all_kinds() || self.kinds.contains(&kind)
    }

    fn has_times(&self) -> bool {
        self.times || self.has_all_kinds()
    }

    fn has_events(&self) -> bool {
        !self.kinds.is_empty() || self.has_all_kinds()
    }

    fn has_all_kinds(&self) -> bool {
        self.kinds.is_empty() && !self.times
    }

    fn has_path(&self, path: &[u8]) -> bool {
        let path = OsStr::from_bytes(path);
        self.paths.is_empty() || self.paths.iter().any(|one| pattern::covers(one, path))
    }

    fn has(&self, event: &Event<'_>) -> bool {
        self.has_kind(event.kind)
            && (self.paths.is_empty() || self.has_path(&text::to_bytes(&event.path)))
    }
}

/// What a timeline was made of.
#[derive(Clone, Debug, Default)]
pub struct MadeOf {
    /// The logs.
    pub logs: Vec<SourceRead>,
    /// How many files were looked at.
    pub files: u64,
    /// Events without a time, which have no place in it.
    pub timeless: u64,
    /// What could not be read.
    pub gaps: Vec<Gap>,
}

/// What was shown of a timeline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// Events of logs.
    pub events: u64,
    /// Times of files.
    pub times: u64,
    /// Events that another log told as well, in the same words and at the same time.
    pub repeated: u64,
    /// The oldest that there was no room for.
    pub left_out: u64,
    /// The time of the last of them: from here on nothing is missing.
    pub from: Option<i64>,
    /// The time of the first that was shown.
    pub first: Option<i64>,
    /// The time of the last that was shown.
    pub last: Option<i64>,
}

/// A timeline that waits to be shown.
#[derive(Debug)]
pub struct Timeline {
    runs: Runs,
    /// What it was made of.
    pub of: MadeOf,
}

/// Gathers a timeline of a machine.
pub fn gather(snapshot: &Arc<Snapshot>, wanted: &Wanted) -> Timeline {
    gather_within(snapshot, wanted, HELD)
}

fn gather_within(snapshot: &Arc<Snapshot>, wanted: &Wanted, held: u64) -> Timeline {
    let mut timeline = Timeline { runs: Runs::new(held), of: MadeOf::default() };
    let wanted = Arc::new(wanted.clone());
    if wanted.has_events() {
        timeline.logs(snapshot, &wanted, held);
    }
    if wanted.has_times() {
        timeline.files(snapshot, &wanted, held);
    }
    let mut gaps = std::mem::take(&mut timeline.of.gaps);
    for gap in gaps.iter_mut().filter(|gap| gap.what.is_empty()) {
        "timeline".clone_into(&mut gap.what);
    }
    gaps.sort();
    gaps.dedup();
    timeline.of.gaps = gaps;
    timeline
}

/// What came of one log.
struct OneLog {
    sorting: Sorting,
    read: SourceRead,
    timeless: u64,
    gaps: Vec<Gap>,
}

impl Timeline {
    fn logs(&mut self, snapshot: &Arc<Snapshot>, wanted: &Arc<Wanted>, held: u64) {
        let host = Arc::clone(snapshot.host());
        let (found, gaps) = snapshot.watched("timeline", move || sources::all(&host));
        self.of.gaps.extend(gaps);
        let (sources, gaps) = found.unwrap_or_default();
        self.of.gaps.extend(gaps);
        // All of them, whatever is wanted: the time of a log's last change is the intruder's to set.
        for source in sources {
            let (host, wanted) = (Arc::clone(snapshot.host()), Arc::clone(wanted));
            let after = self.runs.after();
            let (done, gaps) = snapshot.watched("timeline", move || {
                one_log(&host, source.clone(), &wanted, Sorting::new(after, held))
            });
            self.of.gaps.extend(gaps);
            if let Some(log) = done {
                self.of.gaps.extend(log.gaps);
                self.of.timeless = self.of.timeless.saturating_add(log.timeless);
                self.of.logs.push(log.read);
                self.runs.add(log.sorting);
            }
        }
    }

    fn files(&mut self, snapshot: &Arc<Snapshot>, wanted: &Arc<Wanted>, held: u64) {
        let root = Path::new("/");
        let device = snapshot.host().machine().lstat(root).map_or(0, |stat| stat.device);
        let mut left = vec![(root.to_owned(), device)];
        let mut sorting = Sorting::new(self.runs.after(), held);
        while !left.is_empty() {
            if self.of.files >= FILES {
                let detail = format!("more than {FILES} files; the rest was left out");
                self.of.gaps.push(Gap::new("timeline", GapKind::Truncated, detail));
                break;
            }
            let (host, from, ours) = (Arc::clone(snapshot.host()), left, wanted.ours.clone());
            let (done, gaps) =
                snapshot.watched("timeline", move || some_files(&host, from.clone(), &ours));
            self.of.gaps.extend(gaps);
            let Some(batch) = done else { break };
            left = batch.left;
            self.of.gaps.extend(batch.gaps);
            self.of.files = self.of.files.saturating_add(batch.files.len() as u64);
            for found in &batch.files {
                let file = &found.times;
                if !wanted.has_path(&file.path) {
                    continue;
                }
                for time in file.distinct().filter(|time| wanted.is_at(*time)) {
                    sorting.push(&Moment { time, what: Happened::Times(file) });
                }
            }
        }
        self.runs.add(sorting);
    }

    /// Returns the time up to which nothing is held, since there was no room.
    pub fn from(&self) -> Option<i64> {
        self.runs.left_out().1.map(|time| time.saturating_add(1))
    }

    /// Shows all moments, the oldest first.
    ///
    /// # Errors
    /// The first error of `each`; nothing is shown after it.
    pub fn each<E>(
        self,
        mut each: impl FnMut(&Moment<'_>) -> Result<(), E>,
    ) -> Result<(Shown, MadeOf), E> {
        let Self { runs, of } = self;
        let (left_out, from) = runs.left_out();
        let mut shown = Shown { left_out, from, ..Shown::default() };
        let mut repeated = Repeated::default();
        let left_out = runs.each(|moment| {
            if let Happened::Event(event) = moment.what {
                if repeated.is(moment.time, event) {
                    shown.repeated = shown.repeated.saturating_add(1);
                    return Ok(());
                }
                shown.events = shown.events.saturating_add(1);
            } else {
                shown.times = shown.times.saturating_add(1);
            }
            shown.first = shown.first.or(Some(moment.time));
            shown.last = Some(moment.time);
            each(moment)
        })?;
        shown.left_out = shown.left_out.saturating_add(left_out);
        Ok((shown, of))
    }
}

fn one_log(host: &Host, source: history::Source, wanted: &Wanted, mut sorting: Sorting) -> OneLog {
    let (mut timeless, mut gaps) = (0_u64, Vec::new());
    let read = history::read_source(host, source, &|| (), &mut gaps, &mut |event, _| {
        if !wanted.has(event) {
            return;
        }
        match event.time.map(|micros| micros.saturating_mul(1000)) {
            Some(time) if wanted.is_at(time) => {
                sorting.push(&Moment { time, what: Happened::Event(event) });
            }
            Some(_) => {}
            None => timeless = timeless.saturating_add(1),
        }
    });
    sorting.settle();
    OneLog { sorting, read, timeless, gaps }
}

/// What one piece of work found.
struct Batch {
    files: Vec<every_file::Found>,
    left: Vec<(PathBuf, u64)>,
    gaps: Vec<Gap>,
}

fn some_files(host: &Host, left: Vec<(PathBuf, u64)>, ours: &[(u64, u64)]) -> Batch {
    let mut batch = Batch { files: Vec::new(), left, gaps: Vec::new() };
    let ours: BTreeSet<(u64, u64)> = ours.iter().copied().collect();
    while let Some((directory, device)) = batch.left.pop() {
        let listed = every_file::list(host.machine(), &directory, device);
        let missed = listed.misses.iter().filter(|miss| !miss.absent);
        batch.gaps.extend(missed.map(|miss| miss.gap("timeline")));
        let is_ours = |found: &every_file::Found| ours.contains(&(found.device, found.times.inode));
        batch.files.extend(listed.files.into_iter().filter(|found| !is_ours(found)));
        batch.left.extend(listed.below.into_iter().rev());
        if batch.files.len() >= AT_ONCE {
            break;
        }
    }
    batch
}

#[cfg(test)]
mod tests;
