//! What two logs tell in the same words at the same time is one event (`kern.log` and `syslog`).
//! What one log tells twice happened twice.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};

use stanch_words::Event;

/// So many different events of one moment are compared; a log with more is no log of things that
/// happened at their time.
const MOST: usize = 200_000;

/// What was told of the moment that passes.
#[derive(Debug, Default)]
pub(super) struct Repeated {
    time: i64,
    /// By what an event says: how often it was shown, and how often each file told it.
    told: HashMap<u64, Told>,
}

#[derive(Debug, Default)]
struct Told {
    shown: u32,
    by: Vec<(u64, u32)>,
}

/// One seed for all runs: what is shown must not differ from one to the next. Two different events
/// of the same microsecond with the same 64 bits do not happen by chance.
type Fixed = BuildHasherDefault<DefaultHasher>;

impl Repeated {
    /// Returns whether another log told an event already.
    pub(super) fn is(&mut self, time: i64, event: &Event<'_>) -> bool {
        if time != self.time {
            self.time = time;
            self.told.clear();
        }
        let key = said(event);
        if self.told.len() >= MOST && !self.told.contains_key(&key) {
            return false;
        }
        let file = Fixed::default().hash_one(event.place.file);
        let told = self.told.entry(key).or_default();
        let by = match told.by.iter_mut().find(|(other, _)| *other == file) {
            Some((_, count)) => {
                *count = count.saturating_add(1);
                *count
            }
            None => {
                told.by.push((file, 1));
                1
            }
        };
        if by <= told.shown {
            return true;
        }
        told.shown = by;
        false
    }
}

/// Returns what stands for all that an event says, but where it says so.
fn said(event: &Event<'_>) -> u64 {
    let numbers = (event.kind, event.pid, event.uid, event.source_port);
    let who = (&event.host, &event.program, &event.user, &event.target, &event.source_ip);
    let what = (&event.method, &event.command, &event.path, &event.tty, &event.message);
    // Further fields may differ with the log's form; without words of its own they are all there is.
    let more = event.message.is_empty().then(|| format!("{:?}", event.more));
    Fixed::default().hash_one((numbers, who, what, more))
}

#[cfg(test)]
mod tests {
    use stanch_words::{EventKind, Place};

    use super::*;

    #[test]
    fn what_two_files_tell_is_one_event_and_what_one_file_tells_twice_is_two() {
        let mut repeated = Repeated::default();
        let mut is = |time: i64, file: &str, message: &'static str| {
            let mut event = Event::new(EventKind::LogMessage);
            event.message = message.into();
            event.place = Place { file, line: 1, offset: 0 };
            repeated.is(time, &event)
        };
        assert!(!is(1, "kern.log", "a"));
        assert!(!is(1, "kern.log", "a"));
        assert!(is(1, "syslog", "a"));
        assert!(is(1, "syslog", "a"));
        assert!(!is(1, "syslog", "a"));
        assert!(!is(1, "syslog", "b"));
        assert!(!is(2, "syslog", "a"));
    }
}
