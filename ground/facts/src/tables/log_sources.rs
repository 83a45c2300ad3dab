//! Every log that history was read from, and how much of it was understood.
//!
//! Source: [`crate::history`].

use stanch_words::{Ask, Seen, table_spec};

use crate::Host;
use crate::history::History;
use crate::logs::stamps::SECOND;

table_spec! {
    /// Log sources.
    pub static SPEC, col = "log_sources": Files, "Every log, history and record file that events were read from, with what it held.";
    path Text Plain "File.";
    series Text Plain "The path without what rotation added: rotations of one log are one series.";
    generation BigInt Plain "How old within its series; 0 is the one being written.";
    witness Text Plain "The way it tells: text, journal, audit, login-records, accounting, history.";
    format Text Plain "The format it was read as; null if nothing fits.";
    size BigInt Plain "Bytes on the disk.";
    mtime BigInt Plain "Last change of the content, in seconds since 1970.";
    lines BigInt Plain "Lines or records.";
    events BigInt Plain "Events read from them.";
    silent BigInt Plain "Lines that say nothing by design.";
    not_understood BigInt Plain "Lines that gave nothing.";
    first_time BigInt Plain "The earliest time in it, in seconds since 1970 UTC.";
    last_time BigInt Plain "The latest time in it, in seconds since 1970 UTC.";
    owner Text Plain "The account whose home it lies in.";
}

/// Reads the history.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    let history = History::of(host);
    for read in &history.sources {
        let source = &read.source;
        let mut row = SPEC.row();
        row.put(col::path, source.path_text())
            .put(col::series, source.series.as_str())
            .put(col::generation, source.generation)
            .put(col::witness, source.witness.name())
            .put(col::format, read.format)
            .put(col::size, source.size)
            .put(col::mtime, source.modified.div_euclid(SECOND))
            .put(col::lines, read.counts.lines)
            .put(col::events, read.counts.events)
            .put(col::silent, read.counts.silent)
            .put(col::not_understood, read.counts.not_understood)
            .put(col::first_time, read.first.map(|time| time.div_euclid(SECOND)))
            .put(col::last_time, read.last.map(|time| time.div_euclid(SECOND)))
            .put(col::owner, source.owner.clone());
        seen.push(row);
    }
    history.give(SPEC.name, seen);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use stanch_machine::Pretend;

    use super::*;

    #[test]
    fn rotations_are_read_oldest_first_and_counted() {
        let machine = Pretend::new()
            .file("/etc/passwd", "root:x:0:0::/root:/bin/sh\n")
            .file("/var/log/auth.log", "Nov  2 08:00:00 h sshd[1]: Failed password for root from 10.0.0.9 port 5 ssh2\n\nnot a log line\n")
            .file("/var/log/auth.log.1", "Nov  1 08:00:00 h su: x\n");
        let host = Host::new(Arc::new(machine));
        let mut seen = Seen::default();
        read(&host, &Ask::all(), &mut seen);
        let shown: Vec<_> = seen
            .rows
            .iter()
            .map(|row| {
                let at = |column| row.get(column).to_string();
                (
                    at(col::path),
                    at(col::lines),
                    at(col::events),
                    at(col::silent),
                    at(col::not_understood),
                )
            })
            .collect();
        let row = |path: &str, counts: [&str; 4]| {
            let [lines, events, silent, strange] = counts.map(str::to_owned);
            (path.to_owned(), lines, events, silent, strange)
        };
        assert_eq!(
            shown,
            [
                row("/var/log/auth.log.1", ["1", "1", "0", "0"]),
                row("/var/log/auth.log", ["3", "1", "1", "1"]),
            ]
        );
        assert_eq!(seen.gaps, []);
    }
}
