//! Those who write the logs, about themselves: started, stopped, lost messages, threw logs away.
//!
//! Source: rsyslog `tools/rsyslogd.c`, `plugins/imuxsock`, `plugins/imjournal`; sysklogd;
//! syslog-ng `lib/mainloop.c`; systemd `src/journal/journald-*.c`; audit-userspace `src/auditd.c`.

use stanch_words::{Event, EventKind};

use super::Message;
use crate::logs::cut;

/// Parses what these daemons say.
pub fn parse<'l>(message: &Message<'l>) -> Option<Event<'l>> {
    let text = message.text.trim();
    let kind = lost(text).or_else(|| state(text))?;
    let mut event = message.event(kind);
    if kind == EventKind::LogLost {
        if let Some(count) = count(text) {
            event.with("count", count);
        }
        if let Some((_, from)) = text.split_once(" messages from ") {
            event.with("service", cut::until(from, " due to"));
        }
    }
    event.with("reason", text);
    Some(event)
}

fn lost(text: &str) -> Option<EventKind> {
    const PARTS: [&str; 8] = [
        "begins to drop messages",
        "messages lost",
        "imuxsock lost ",
        "due to rate-limiting",
        "Suppressed ",
        "Missed ",
        " missed ",
        "messages discarded",
    ];
    PARTS.into_iter().any(|part| text.contains(part)).then_some(EventKind::LogLost)
}

fn state(text: &str) -> Option<EventKind> {
    const STARTS: [(&str, EventKind); 10] = [
        ("Journal started", EventKind::ServiceStart),
        ("Journal stopped", EventKind::ServiceStop),
        ("syslog-ng starting up", EventKind::ServiceStart),
        ("syslog-ng shutting down", EventKind::ServiceStop),
        ("exiting on signal ", EventKind::ServiceStop),
        ("Exiting on signal ", EventKind::ServiceStop),
        ("Init complete, auditd ", EventKind::ServiceStart),
        ("The audit daemon is exiting", EventKind::ServiceStop),
        ("Vacuuming done", EventKind::LogCleared),
        ("Audit daemon rotating log files", EventKind::LogCleared),
    ];
    if let Some((_, kind)) = STARTS.into_iter().find(|(start, _)| text.starts_with(start)) {
        return Some(kind);
    }
    if text.starts_with("[origin software=") || text.starts_with("syslogd ") {
        return match () {
            () if text.ends_with("] start") || text.contains("restart") => {
                Some(EventKind::ServiceStart)
            }
            () if text.contains("] exiting on signal") => Some(EventKind::ServiceStop),
            () if text.contains("HUPed") => Some(EventKind::ConfigChange),
            () => None,
        };
    }
    let damaged = text.contains(" corrupted or uncleanly shut down");
    damaged.then_some(EventKind::LogCleared)
}

/// Returns the first number of a sentence.
fn count(text: &str) -> Option<i64> {
    text.split(' ').find_map(|word| word.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::messages::testing::only;

    #[test]
    fn starts_and_stops() {
        use EventKind::{LogCleared, ServiceStart, ServiceStop};
        for (line, kind) in [
            (
                "rsyslogd: [origin software=\"rsyslogd\" swVersion=\"8.2\" x-pid=\"1\"] start",
                ServiceStart,
            ),
            (
                "rsyslogd: [origin software=\"rsyslogd\" swVersion=\"8.2\" x-pid=\"1\"] exiting on signal 15.",
                ServiceStop,
            ),
            ("syslogd 1.4.1: restart.", ServiceStart),
            ("exiting on signal 15", ServiceStop),
            ("syslog-ng[7]: syslog-ng shutting down; version='3.5'", ServiceStop),
            ("systemd-journald[7]: Journal stopped", ServiceStop),
            (
                "systemd-journald[7]: Vacuuming done, freed 8.0M of archived journals from /var/log/journal.",
                LogCleared,
            ),
            ("auditd[7]: The audit daemon is exiting.", ServiceStop),
        ] {
            assert_eq!(only(line).kind, kind, "{line}");
        }
    }

    #[test]
    fn lost_messages_are_counted() {
        for (line, count) in [
            ("systemd-journald[7]: Suppressed 1234 messages from x.service", 1234),
            ("systemd-journald[7]: Missed 12 kernel messages", 12),
            ("rsyslogd: imjournal: 88 messages lost due to rate-limiting", 88),
        ] {
            let event = only(line);
            assert_eq!(
                (event.kind, event.number("count")),
                (EventKind::LogLost, Some(count)),
                "{line}"
            );
        }
    }
}
