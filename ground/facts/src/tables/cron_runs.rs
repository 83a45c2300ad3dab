//! Commands that cron ran, from every log that survived.
//!
//! Source: [`crate::history`]; Vixie cron and cronie `misc.c` (`(user) CMD (command)`).

use stanch_words::{Ask, Seen, table_spec};

use crate::Host;
use crate::history::History;

table_spec! {
    /// Commands that cron ran.
    pub static SPEC, col = "cron_runs": Files, "Commands that cron ran by its own words, over all logs that survived; crontabs may no longer hold them.";
    user Text Plain "The account that it ran as.";
    command Text Plain "The command as cron wrote it down, at most 1,000 characters.";
    count BigInt Plain "How often it ran.";
    first_time BigInt Plain "First time, in seconds since 1970 UTC.";
    last_time BigInt Plain "Last time, in seconds since 1970 UTC.";
    crontabs_readable Integer Plain "0 if a folder of crontabs was refused: that none holds the command then means nothing.";
    file Text Plain "The log of the last run.";
    line BigInt Plain "Its line or record, from 1.";
    excerpt Text Plain "What it says there.";
    lines Text Plain "Up to ten of the lines, as a JSON array of source, line, offset and excerpt.";
}

/// Reads the history.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    History::of(host).give(SPEC.name, seen);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use stanch_machine::Pretend;

    use super::*;

    #[test]
    fn runs_are_counted_once_though_two_logs_tell_them() {
        let machine = Pretend::new()
            .file("/etc/passwd", "root:x:0:0::/root:/bin/sh\n")
            .file("/var/log/cron.log", "Nov  2 08:00:01 h CRON[7]: (root) CMD (/tmp/.x/a -q)\nNov  2 08:05:01 h CRON[8]: (root) CMD (/tmp/.x/a -q)\nNov  2 08:05:01 h CRON[9]: (ann) CMD (true)\nnoise\n");
        let host = Host::new(Arc::new(machine));
        let mut seen = Seen::default();
        read(&host, &Ask::all(), &mut seen);
        let shown: Vec<_> = seen
            .rows
            .iter()
            .map(|row| {
                [col::user, col::command, col::count, col::line].map(|c| row.get(c).to_string())
            })
            .collect();
        assert_eq!(
            shown,
            [["ann", "true", "1", "3"], ["root", "/tmp/.x/a -q", "2", "2"]]
                .map(|row| row.map(str::to_owned))
        );
        assert_eq!(seen.gaps, []);
    }
}
