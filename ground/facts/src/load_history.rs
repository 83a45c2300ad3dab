//! How busy the machine was, as its own archives remember it, and what that tells: since when a
//! load rose that never fell again, and a load that hides while somebody looks.
//!
//! ```text
//!  saDD, sarDD → samples ─┬→ table load_history
//!                         ├→ changes  (one rise of each measure) → table load_changes
//!                         └→ retreats (falls while somebody was there) → table load_retreats
//! ```
//!
//! Archives are files like others: whoever has root can forge or remove them. What they show is
//! what they say, and a missing day is a gap of theirs, not of the load.

pub(crate) mod changes;
pub(crate) mod retreats;
pub(crate) mod sar_text;
pub(crate) mod sysstat;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use stanch_machine::limits;
use stanch_words::{Gap, GapKind, Seen, Value};

use crate::history::sources;
use crate::reach::Reach;
use crate::{Host, decompress};

/// The table that gaps belong to.
pub(crate) const TABLE: &str = "load_history";

/// Where sysstat keeps its files: Debian, and the family of Red Hat.
const FOLDERS: [&str; 2] = ["/var/log/sysstat", "/var/log/sa"];
/// Where atop keeps its own, which are not read.
const ATOP: &str = "/var/log/atop";

/// The most files, bytes in all, and samples that are kept.
const FILES: usize = 1_000;
const BYTES: u64 = 512 << 20;
const SAMPLES: usize = 100_000;

/// What is measured. The rates are in KiB a second, the shares in per cent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Measure {
    Cpu,
    Waiting,
    Stolen,
    Load,
    Pressure,
    Memory,
    Read,
    Written,
    Received,
    Sent,
}

impl Measure {
    pub(crate) const ALL: [Self; 10] = [
        Self::Cpu,
        Self::Waiting,
        Self::Stolen,
        Self::Load,
        Self::Pressure,
        Self::Memory,
        Self::Read,
        Self::Written,
        Self::Received,
        Self::Sent,
    ];

    /// Returns its name, which is also its column.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu_percent",
            Self::Waiting => "iowait_percent",
            Self::Stolen => "steal_percent",
            Self::Load => "load_average",
            Self::Pressure => "cpu_pressure_percent",
            Self::Memory => "memory_percent",
            Self::Read => "disk_read_kib",
            Self::Written => "disk_written_kib",
            Self::Received => "network_received_kib",
            Self::Sent => "network_sent_kib",
        }
    }
}

/// One interval between two records.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sample {
    /// When it ended, in seconds since 1970 UTC, and how long it was.
    pub(crate) time: i64,
    pub(crate) seconds: i64,
    /// Whether the machine had been started anew just before.
    pub(crate) restarted: bool,
    pub(crate) format: &'static str,
    pub(crate) source: Arc<str>,
    /// Offset of the record in its file; of text the line.
    pub(crate) place: u64,
    values: [f32; Measure::ALL.len()],
}

impl Sample {
    pub(crate) fn new(time: i64, seconds: i64, format: &'static str) -> Self {
        Self {
            time,
            seconds,
            restarted: false,
            format,
            source: Arc::default(),
            place: 0,
            values: [f32::NAN; Measure::ALL.len()],
        }
    }

    /// Sets a measure, if it is known.
    #[expect(clippy::cast_possible_truncation, reason = "a measure needs seven digits at most")]
    pub(crate) fn put(&mut self, measure: Measure, value: impl Into<Option<f64>>) -> &mut Self {
        if let Some(place) = self.values.get_mut(at(measure))
            && let Some(value) = value.into().filter(|value| value.is_finite() && *value >= 0.0)
        {
            *place = value as f32;
        }
        self
    }

    /// Returns a measure, if it is known.
    pub(crate) fn value(&self, measure: Measure) -> Option<f64> {
        self.values.get(at(measure)).filter(|value| !value.is_nan()).map(|&value| f64::from(value))
    }

    /// When it began.
    pub(crate) fn begin(&self) -> i64 {
        self.time.saturating_sub(self.seconds)
    }
}

fn at(measure: Measure) -> usize {
    Measure::ALL.iter().position(|other| *other == measure).unwrap_or(usize::MAX)
}

/// All samples, oldest first, and what was missed.
#[derive(Debug, Default)]
pub(crate) struct LoadHistory {
    pub(crate) samples: Vec<Sample>,
    pub(crate) gaps: Vec<Gap>,
}

impl LoadHistory {
    /// Returns the host's, read at the first call.
    pub(crate) fn of(host: &Host) -> Arc<Self> {
        host.once(Self::read)
    }

    fn read(host: &Host) -> Self {
        let mut seen = Seen::default();
        let mut samples = Vec::new();
        let mut left = BYTES;
        for (path, form) in files(host, &mut seen) {
            let text: Arc<str> = Value::from(path.as_path()).to_string().into();
            let Some(bytes) = whole(host, &path, &mut left, &mut seen) else { continue };
            let more = match form {
                Form::Binary => sysstat::parse(&bytes, &text, &mut seen),
                Form::Text => {
                    let day = day_of(&path);
                    sar_text::parse(&bytes, &text, day, &sources::zone(host), &mut seen)
                }
            };
            if samples.len().saturating_add(more.len()) > SAMPLES {
                let detail = format!("more than {SAMPLES} samples; the rest was left out");
                seen.gap(Gap::new(TABLE, GapKind::Truncated, detail).at(&*text));
                break;
            }
            samples.extend(more);
        }
        Self { samples: merged(samples), gaps: seen.gaps }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Form {
    Binary,
    Text,
}

/// Lists the files: binary ones first, the newest of each first.
fn files(host: &Host, seen: &mut Seen) -> Vec<(PathBuf, Form)> {
    let mut reach = Reach::new(host, TABLE);
    let mut found = BTreeMap::new();
    for folder in FOLDERS {
        for entry in reach.list(Path::new(folder), seen) {
            let Some(form) = form_of(entry.name.as_encoded_bytes()) else { continue };
            let path = Path::new(folder).join(&entry.name);
            if let Ok(stat) = host.machine().stat(&path)
                && stat.size > 0
            {
                // A folder may be a link to the other: a file is read once.
                found.entry((stat.device, stat.inode)).or_insert((stat.modified, path, form));
            }
        }
    }
    let atop = reach.list(Path::new(ATOP), seen);
    let atop = atop.iter().filter(|entry| entry.name.as_encoded_bytes().starts_with(b"atop_"));
    if let files @ 1.. = atop.count() {
        let detail = format!("{files} files of atop, whose format is not read");
        reach.gap(GapKind::Failed, detail, Path::new(ATOP), seen);
    }
    let mut files: Vec<_> = found.into_values().collect();
    files.sort_by(|a, b| (a.2, b.0, &a.1).cmp(&(b.2, a.0, &b.1)));
    if files.len() > FILES {
        let detail = format!("more than {FILES} files; the oldest were left out");
        reach.gap(GapKind::Truncated, detail, Path::new(FOLDERS[0]), seen);
        files.truncate(FILES);
    }
    reach.finish(seen);
    files.into_iter().map(|(_, path, form)| (path, form)).collect()
}

/// Returns whether a path is that of an archive.
pub(crate) fn is_archive(path: &Path) -> bool {
    let folder = path.parent().unwrap_or(path);
    let name = path.file_name().unwrap_or_default();
    FOLDERS.iter().any(|known| Path::new(known) == folder)
        && form_of(name.as_encoded_bytes()).is_some()
}

/// Tells from a name what a file is: `sa05`, `sa20261105`, `sa05.xz`, `sar05`.
fn form_of(name: &[u8]) -> Option<Form> {
    let stem = name.split(|&byte| byte == b'.').next()?;
    let (digits, form) = match stem.strip_prefix(b"sar") {
        Some(digits) => (digits, Form::Text),
        None => (stem.strip_prefix(b"sa")?, Form::Binary),
    };
    (matches!(digits.len(), 2 | 8) && digits.iter().all(u8::is_ascii_digit)).then_some(form)
}

/// Returns the day of the month that a name tells.
fn day_of(path: &Path) -> Option<i8> {
    let name = path.file_name()?.to_str()?;
    let digits: String = name.chars().filter(char::is_ascii_digit).collect();
    digits.get(digits.len().checked_sub(2)?..)?.parse().ok()
}

fn whole(host: &Host, path: &Path, left: &mut u64, seen: &mut Seen) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let cap = limits::LOG_FILE.min(*left);
    let read = decompress::read_pieces(host.machine(), path, cap, &mut |piece| {
        bytes.extend_from_slice(piece);
    });
    match read {
        Ok(read) => {
            *left = left.saturating_sub(read.bytes);
            seen.gaps.extend(read.gaps(TABLE, path));
            Some(bytes)
        }
        Err(miss) => {
            if !miss.absent {
                seen.gap(miss.gap(TABLE));
            }
            None
        }
    }
}

/// Puts samples in order. A text file repeats what a binary file says, less exactly: of what
/// ended within the same minute the binary sample stays.
fn merged(mut samples: Vec<Sample>) -> Vec<Sample> {
    samples.sort_by_key(|sample| (sample.time, sample.format == "sar"));
    let mut exact: Vec<i64> =
        samples.iter().filter(|sample| sample.format != "sar").map(|sample| sample.time).collect();
    exact.dedup();
    samples.retain(|sample| {
        sample.format != "sar" || {
            let at = exact.partition_point(|&time| time < sample.time.saturating_sub(60));
            exact.get(at).is_none_or(|&time| time > sample.time.saturating_add(60))
        }
    });
    samples.dedup_by(|next, kept| next.time == kept.time);
    samples
}

#[cfg(test)]
mod tests;
