//! Plaso's test files, with the counts that its own tests expect.

use std::path::Path;

use anyhow::{Context as _, Result};
use stanch_facts::logs::{Context, Stream};

use super::{Measure, noon, read};

/// A file, and how many events Plaso expects of it.
const EXPECTED: [(&str, usize); 8] = [
    ("utmp/utmp", 14),
    ("utmp/wtmp.1", 4),
    ("utmp/utmp_x86_64", 6),
    ("utmp/utmp_aarch64", 6),
    ("apache_access.log", 14),
    ("postgresql.log", 20),
    ("apt_history.log", 10),
    ("audit_enriched.log", 29),
];

/// Scores all counts.
///
/// # Errors
/// If the files cannot be read.
pub fn score(folder: &Path) -> Result<Vec<Measure>> {
    let mut counts = Measure::new("files with the count of events expected", Some(1.0));
    for (name, expected) in EXPECTED {
        let path = folder.join(name);
        let bytes = std::fs::read(&path).with_context(|| path.display().to_string())?;
        let events = read(name, &bytes, noon(2026, 1, 1));
        // Of a line that ends within a field Plaso makes a warning, we an event that says so.
        let mut seen = events.iter().filter(|event| !event.is_torn).count();
        if name.starts_with("audit") {
            // Plaso makes an event of each record, we one of the records of one event.
            let mut stream = Stream::new(Context::new(name, noon(2026, 1, 1)), None);
            stream.feed(&bytes, &mut |_| {});
            let (counts, _) = stream.end(&mut |_| {});
            seen = usize::try_from(counts.lines - counts.silent - counts.not_understood)?;
        }
        counts.count(seen == expected, || format!("{name}: {seen} events, {expected} expected"));
    }
    counts.note = counts.misses.join(", ");
    Ok(vec![counts])
}
