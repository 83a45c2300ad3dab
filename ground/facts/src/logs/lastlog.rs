//! lastlog: the newest login of each account. Its format is told in [`crate::lastlog_file`].

use std::borrow::Cow;
use std::path::Path;

use stanch_machine::{Machine, Miss};
use stanch_words::{Clock, Event, EventKind, Gap, GapKind, Place, Trust, text};

use super::{Context, Counts, Each, Form, Format, Sample, cut};
use crate::lastlog_file;

pub(super) static FORMAT: Format =
    Format { name: "lastlog", recognise, form: Form::Whole(read), stands_alone: false };

/// The file has no mark of its own, and begins with zeroes if root never logged in.
fn recognise(sample: &Sample<'_>) -> u32 {
    let is_named = sample.name == "lastlog" || sample.name.starts_with("lastlog.");
    if is_named && sample.bytes.contains(&0) && !sample.bytes.starts_with(b"SQLite") {
        90
    } else {
        0
    }
}

fn read(
    machine: &dyn Machine,
    path: &Path,
    context: &Context,
    each: &mut Each<'_>,
) -> Result<(Counts, Vec<Gap>), Miss> {
    let mut counts = Counts::default();
    let rest = lastlog_file::read(machine, path, &mut |newest| {
        counts.lines = counts.lines.saturating_add(1);
        counts.events = counts.events.saturating_add(1);
        let mut event = Event::new(EventKind::SessionSeen);
        event.place = Place {
            file: &context.file,
            line: newest.uid.saturating_add(1),
            offset: newest.offset,
        };
        event.trust = Trust::Program;
        event.clock = Clock::Utc;
        event.time = newest.seconds.checked_mul(1_000_000).filter(|&time| time > 0);
        event.uid = i64::try_from(newest.uid).ok();
        event.tty = text::from_bytes(newest.tty).into();
        let host = text::from_bytes(newest.host);
        if cut::is_address(&host) {
            event.source_ip = Cow::Owned(host.clone());
        }
        event.with("hostname", host);
        each(&event);
    })?;
    let mut gaps = Vec::new();
    if let Some(cut) = rest.cut {
        let detail = format!("nothing was read from byte {cut} on");
        gaps.push(Gap::new("", GapKind::Truncated, detail).at(&*context.file));
    } else if rest.torn > 0 {
        counts.lines = counts.lines.saturating_add(1);
        counts.not_understood = 1;
        let detail = format!("{} bytes after the last whole record", rest.torn);
        gaps.push(Gap::new("", GapKind::Damaged, detail).at(&*context.file));
    }
    Ok((counts, gaps))
}
