//! sysstat's text files `sarDD`: what `sar -A` said of a day.
//!
//! A first line with the date, then sections: a heading that names the columns, a line for each
//! interval, an average. Times are those of the machine's clock, and the date is written in the
//! language of whoever ran it.
//!
//! Source: sysstat 12.6.1, manual page sar(1) and its output.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use stanch_words::{Gap, GapKind, Seen};

use super::{Measure, Sample, TABLE};

/// Parses a file. `day` is the day of the month that its name tells.
pub(crate) fn parse(
    bytes: &[u8],
    source: &Arc<str>,
    day: Option<i8>,
    zone: &TimeZone,
    seen: &mut Seen,
) -> Vec<Sample> {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = (1_u64..).zip(text.lines());
    let head = lines.by_ref().map(|(_, line)| line).find(|line| !line.trim().is_empty());
    let Some(date) = head.and_then(|head| date_of(head, day)) else {
        let detail = "no first line of sar with a date";
        seen.gap(Gap::new(TABLE, GapKind::Damaged, detail).at(&**source));
        return Vec::new();
    };
    let mut report = Report {
        date,
        zone,
        samples: BTreeMap::new(),
        starts: BTreeSet::new(),
        restarts: Vec::new(),
    };
    let mut section = Section::default();
    let mut odd = 0_u64;
    for (number, line) in lines {
        if line.trim().is_empty() {
            section = Section::default();
        } else if !report.line(line, number, source, &mut section) {
            odd = odd.saturating_add(1);
        }
    }
    if odd > 0 {
        let detail = format!("{odd} lines are none of sar's");
        seen.gap(Gap::new(TABLE, GapKind::Damaged, detail).at(&**source));
    }
    report.end()
}

/// Returns the date of a first line: `Linux 6.1.0 (web01)  11/30/26  _x86_64_  (2 CPU)`.
fn date_of(head: &str, day: Option<i8>) -> Option<Date> {
    let (_, rest) = head.strip_prefix("Linux ")?.split_once(") ")?;
    let word = rest.trim_start().split(['\t', '_']).next()?;
    let parts: Vec<&str> =
        word.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty()).collect();
    let [first, second, third] = parts[..] else { return None };
    let number = |part: &str| part.parse::<i16>().ok();
    let small = |part: &str| part.parse::<i8>().ok();
    if first.len() == 4 {
        return Date::new(number(first)?, small(second)?, small(third)?).ok();
    }
    let year = number(third)?;
    let year = if third.len() == 4 { year } else { year.checked_add(2000)? };
    let (first, second) = (small(first)?, small(second)?);
    // The name of the file tells which of the two is the day; America's order is sar's own.
    let day_first = day == Some(first) && day != Some(second) || first > 12;
    let (month, day) = if day_first { (second, first) } else { (first, second) };
    Date::new(year, month, day).ok()
}

/// The section that is being read.
#[derive(Default)]
struct Section<'l> {
    columns: Vec<&'l str>,
    last: Option<DateTime>,
}

struct Report<'z> {
    date: Date,
    zone: &'z TimeZone,
    samples: BTreeMap<i64, (Sample, [f64; 2])>,
    /// Times of headings: where the first interval below begins.
    starts: BTreeSet<i64>,
    restarts: Vec<i64>,
}

impl Report<'_> {
    /// Takes a line; returns whether it is one of sar's.
    fn line<'l>(
        &mut self,
        line: &'l str,
        number: u64,
        source: &Arc<str>,
        section: &mut Section<'l>,
    ) -> bool {
        let mut words = line.split_whitespace();
        let Some(first) = words.next() else { return true };
        let Some(mut time) = time_of(first) else {
            // An average closes a section; in every language it begins with a letter.
            return first.ends_with(':');
        };
        let mut words: Vec<&str> = words.collect();
        if let Some(half @ ("AM" | "PM")) = words.first().copied() {
            words.remove(0);
            let hour = time.hour() % 12;
            let hour = if half == "PM" { hour.saturating_add(12) } else { hour };
            let Ok(fixed) = time.with().hour(hour).build() else { return false };
            time = fixed;
        }
        let mut moment = self.date.to_datetime(time);
        if let Some(last) = section.last
            && moment < last
        {
            // The last interval of a day ends in the next.
            let Ok(next) = self.date.tomorrow() else { return false };
            moment = next.to_datetime(time);
        }
        let Some(stamp) = self.stamp(moment) else { return false };
        if words.first() == Some(&"LINUX") {
            self.restarts.push(stamp);
            return true;
        }
        if words.iter().any(|word| value(word).is_none()) && section.columns.is_empty() {
            section.columns = words;
            self.starts.insert(stamp);
            return true;
        }
        section.last = Some(moment);
        let (sample, net) = self.samples.entry(stamp).or_insert_with(|| {
            let mut sample = Sample::new(stamp, 0, "sar");
            sample.source = Arc::clone(source);
            sample.place = number;
            (sample, [f64::NAN; 2])
        });
        put(sample, net, &section.columns, &words);
        true
    }

    fn stamp(&self, moment: DateTime) -> Option<i64> {
        let stamp = self.zone.to_ambiguous_timestamp(moment).compatible().ok()?;
        Some(stamp.as_second())
    }

    /// Ends: an interval goes from one time to the next, or from that of the heading.
    fn end(self) -> Vec<Sample> {
        let mut samples = Vec::with_capacity(self.samples.len());
        let mut before: Option<i64> = None;
        for (time, (mut sample, [received, sent])) in self.samples {
            sample.put(Measure::Received, received).put(Measure::Sent, sent);
            let earlier = before;
            let start = self.starts.range(..time).next_back().copied();
            if let Some(before) = before.max(start) {
                sample.seconds = time.saturating_sub(before);
                let since = |&restart: &i64| {
                    restart <= time && earlier.is_none_or(|earlier| restart > earlier)
                };
                sample.restarted = self.restarts.iter().any(since);
                samples.push(sample);
            }
            before = Some(time);
        }
        samples
    }
}

fn time_of(word: &str) -> Option<Time> {
    let mut parts =
        word.splitn(3, ':').map(|part| part.parse::<i8>().ok().filter(|_| part.len() == 2));
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    Time::new(hour, minute, second.min(59), 0).ok()
}

fn value(word: &str) -> Option<f64> {
    word.replace(',', ".").parse().ok()
}

/// Puts what a line says under the names of its columns.
fn put(sample: &mut Sample, net: &mut [f64; 2], columns: &[&str], words: &[&str]) {
    let word = |name: &str| {
        let at = columns.iter().position(|column| *column == name)?;
        words.get(at).copied()
    };
    let number = |name: &str| word(name).and_then(value);
    match columns.first().copied().unwrap_or_default() {
        "CPU" if word("CPU") == Some("all") => {
            let (waiting, stolen) = (number("%iowait"), number("%steal"));
            if let Some(idle) = number("%idle") {
                let idle = idle + waiting.unwrap_or(0.0) + stolen.unwrap_or(0.0);
                sample.put(Measure::Cpu, (100.0 - idle).max(0.0));
                sample.put(Measure::Waiting, waiting).put(Measure::Stolen, stolen);
            }
        }
        "IFACE" if word("IFACE") != Some("lo") => {
            for (sum, name) in net.iter_mut().zip(["rxkB/s", "txkB/s"]) {
                if let Some(more) = number(name) {
                    *sum = if sum.is_nan() { more } else { *sum + more };
                }
            }
        }
        _ => {
            if let Some(load) = number("ldavg-1") {
                sample.put(Measure::Load, load);
            }
            if let Some(pressure) = number("%scpu") {
                sample.put(Measure::Pressure, pressure);
            }
            if let (Some(read), Some(written)) = (number("bread/s"), number("bwrtn/s")) {
                // Blocks of 512 bytes.
                sample.put(Measure::Read, read / 2.0).put(Measure::Written, written / 2.0);
            }
            let used = number("%memused").filter(|percent| *percent > 0.0);
            if let (Some(used), Some(available), Some(kib)) =
                (used, number("kbavail"), number("kbmemused"))
            {
                let total = kib * 100.0 / used;
                sample.put(Measure::Memory, (100.0 - available * 100.0 / total).max(0.0));
            } else if let Some(used) = used {
                sample.put(Measure::Memory, used);
            }
        }
    }
}
