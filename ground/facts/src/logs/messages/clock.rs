//! Those who set the clock.
//!
//! Source: chrony `reference.c`, `sched.c`; ntp `ntpd/ntp_loopfilter.c`, `ntpdate/ntpdate.c`;
//! systemd `src/timesync/timesyncd.c`, `src/timedate/timedated.c`.

use stanch_words::{Event, EventKind};

use super::Message;

/// Parses what these programs say.
pub fn parse<'l>(message: &Message<'l>) -> Option<Event<'l>> {
    const PARTS: [&str; 11] = [
        "System clock was stepped by ",
        "System clock wrong by ",
        "time jump detected",
        "time reset ",
        "step time server ",
        "clock_step",
        "jumped backwards",
        "Changed local time to ",
        "Set system clock",
        "Initial clock synchronization to ",
        "Changed time zone to ",
    ];
    let text = message.text;
    if !PARTS.into_iter().any(|part| text.contains(part)) {
        return None;
    }
    let mut event = message.event(EventKind::ClockChange);
    // `by -12.3 seconds`, `reset +12.3 s`, `offset 0.5 sec`.
    let number =
        text.split([' ', ',']).find(|word| word.contains('.') && word.parse::<f64>().is_ok());
    if let Some(seconds) = number {
        event.with("seconds", seconds);
    }
    event.with("reason", text);
    Some(event)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::messages::testing::only;

    #[test]
    fn steps_of_the_clock() {
        for (line, seconds) in [
            ("chronyd[7]: System clock was stepped by -3600.5 seconds", "-3600.5"),
            ("ntpd[7]: time reset +12.345 s", "+12.345"),
            ("ntpdate[7]: step time server 1.2.3.4 offset 0.5 sec", "0.5"),
            ("chronyd[7]: Backward time jump detected!", ""),
        ] {
            let event = only(line);
            assert_eq!(
                (event.kind, event.text("seconds")),
                (EventKind::ClockChange, seconds),
                "{line}"
            );
        }
        assert_eq!(only("chronyd[7]: Selected source 1.2.3.4").kind, EventKind::LogMessage);
    }
}
