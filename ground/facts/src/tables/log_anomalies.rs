//! What of the text logs is not as their daemons leave them.
//!
//! Source: [`crate::history`]; logrotate(8), rsyslog's property `timereported`.

use stanch_words::{Ask, Seen, table_spec};

use crate::Host;
use crate::history::History;

table_spec! {
    /// Anomalies of logs.
    pub static SPEC, col = "log_anomalies": Files, "Text logs that are silent while other logs speak, begin too late, go back in time, or begin with zero bytes.";
    kind Text Plain "silence (within a file), truncated (between a file and the next rotation), rotation-missing, emptied, gone, stopped (nothing since), backwards, nul-run.";
    path Text Plain "The file.";
    series Text Plain "The path without what rotation added.";
    first_time BigInt Plain "Where the span begins, in seconds since 1970 UTC.";
    last_time BigInt Plain "Where it ends.";
    seconds BigInt Plain "How long it is; for backwards, how far the time goes back.";
    period BigInt Plain "The pace of the heartbeat (cron, systemd) that was learned from this log, in seconds.";
    beats BigInt Plain "In how many slots of ten minutes of the span other logs hold that heartbeat.";
    text_beats BigInt Plain "The same, of other text logs only: the log daemon was at work.";
    others Text Plain "Which logs those are.";
    count BigInt Plain "How often the time goes back in this series; for nul-run, zero bytes at the beginning (at most 65,536 are looked at).";
    explained Text Plain "What explains that the time goes back: clock (a boot or a step of the clock is near), zone, year, unordered; else empty.";
    size BigInt Plain "Bytes of the file that is being written.";
    mtime BigInt Plain "Last change of its content, in seconds since 1970.";
    file Text Plain "File of the most telling line.";
    line BigInt Plain "Line in it, from 1.";
    excerpt Text Plain "What it says.";
    lines Text Plain "The lines on both sides, as a JSON array of source, line, offset and excerpt.";
}

/// Reads the history.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    History::of(host).give(SPEC.name, seen);
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::sync::Arc;

    use stanch_machine::Pretend;

    use super::*;

    /// Lines of cron, one each ten minutes, for hours that are wanted.
    fn cron(wanted: impl Fn(u32) -> bool) -> String {
        let mut text = String::new();
        for hour in (0..48).filter(|&hour| wanted(hour)) {
            for minute in (5..60).step_by(10) {
                let (day, hour) = (1 + hour / 24, hour % 24);
                let _infallible = writeln!(
                    text,
                    "Nov {day:2} {hour:02}:{minute:02}:01 h CRON[7]: (root) CMD (true)"
                );
            }
        }
        text
    }

    fn shown(machine: Pretend) -> Vec<[String; 4]> {
        let machine = machine.file("/etc/passwd", "root:x:0:0::/root:/bin/sh\n");
        let host = Host::new(Arc::new(machine));
        let mut seen = Seen::default();
        read(&host, &Ask::all(), &mut seen);
        assert_eq!(seen.gaps, []);
        let row = |row: &stanch_words::Row| {
            [col::kind, col::path, col::seconds, col::explained].map(|c| row.get(c).to_string())
        };
        seen.rows.iter().map(row).collect()
    }

    fn row(cells: [&str; 4]) -> [String; 4] {
        cells.map(str::to_owned)
    }

    const AUTH: &str = "/var/log/auth.log";
    const SYSLOG: &str = "/var/log/syslog";

    #[test]
    fn lines_taken_out_of_one_log_of_two() {
        let machine = Pretend::new()
            .file(AUTH, cron(|hour| !(10..14).contains(&hour)))
            .file(SYSLOG, cron(|_| true));
        assert_eq!(shown(machine), [row(["silence", AUTH, "15000", ""])]);
    }

    #[test]
    fn a_machine_that_was_off_is_silent_everywhere() {
        let night = |hour| !(10..14).contains(&hour);
        let machine = Pretend::new().file(AUTH, cron(night)).file(SYSLOG, cron(night));
        assert_eq!(shown(machine), Vec::<[String; 4]>::new());
    }

    #[test]
    fn rotation_is_no_truncation() {
        let machine = Pretend::new()
            .file(AUTH, cron(|hour| hour >= 30))
            .file("/var/log/auth.log.1", cron(|hour| hour < 30))
            .file(SYSLOG, cron(|hour| hour >= 20))
            .file("/var/log/syslog.1", cron(|hour| hour < 20));
        assert_eq!(shown(machine), Vec::<[String; 4]>::new());
    }

    #[test]
    fn a_log_emptied_in_place_begins_too_late() {
        let machine = Pretend::new()
            .file(AUTH, cron(|hour| hour >= 40))
            .file("/var/log/auth.log.1", cron(|hour| hour < 20))
            .file(SYSLOG, cron(|_| true));
        assert_eq!(shown(machine), [row(["truncated", AUTH, "72600", ""])]);
        let machine = Pretend::new()
            .file(AUTH, "")
            .file("/var/log/auth.log.1", cron(|hour| hour < 20))
            .file(SYSLOG, cron(|_| true));
        assert_eq!(shown(machine)[0][0], "emptied");
    }

    #[test]
    fn a_rotation_that_was_removed_from_the_middle() {
        let machine = Pretend::new()
            .file("/var/log/auth.log.3", cron(|hour| hour < 20))
            .file("/var/log/auth.log.1", cron(|hour| hour >= 30))
            .file(SYSLOG, cron(|_| true));
        assert_eq!(
            shown(machine)[0],
            row(["rotation-missing", "/var/log/auth.log.1", "36600", ""])
        );
    }

    #[test]
    fn time_that_goes_back() {
        let odd =
            "Nov  1 08:00:00 h su: a\nNov  1 07:50:00 h su: forged\nNov  1 08:00:02 h su: b\n";
        assert_eq!(shown(Pretend::new().file(AUTH, odd)), [row(["backwards", AUTH, "600", ""])]);
        let step = "Nov  1 08:00:00 h su: a\nNov  1 07:50:00 h chronyd[7]: System clock was stepped by -600.1 seconds\n";
        assert_eq!(
            shown(Pretend::new().file(AUTH, step)),
            [row(["backwards", AUTH, "600", "clock"])]
        );
        let hour = "Nov  1 02:59:59 h su: a\nNov  1 02:00:00 h su: b\n";
        assert_eq!(
            shown(Pretend::new().file(AUTH, hour)),
            [row(["backwards", AUTH, "3599", "zone"])]
        );
    }

    #[test]
    fn a_log_that_begins_with_zero_bytes() {
        let text = format!("{}{}", "\0".repeat(500), "Nov  1 08:00:00 h su: a\n");
        let machine = Pretend::new().file(AUTH, text);
        assert!(shown(machine).iter().any(|row| row[0] == "nul-run"));
    }
}
