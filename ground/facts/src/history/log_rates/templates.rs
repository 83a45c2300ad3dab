//! Templates of lines: the words that stay, without what varies.

use std::collections::HashMap;
use std::sync::Arc;

use stanch_words::Event;

use crate::history::kept::Told;

/// How many templates are kept in all, and of one daemon: who has more writes free text.
const MOST: usize = 20_000;
const MOST_OF_ONE: usize = 300;
/// How much of a line is looked at.
const LOOKED_AT: usize = 160;

/// One template.
pub(super) struct Template {
    pub(super) count: u32,
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) told: Told,
}

/// All templates, by daemon and hash.
#[derive(Default)]
pub(super) struct Templates {
    all: HashMap<(usize, u64), Template>,
    of_one: HashMap<usize, usize>,
}

impl Templates {
    /// Counts a line.
    pub(super) fn take(&mut self, daemon: usize, event: &Event<'_>, time: i64, file: &Arc<str>) {
        let key = (daemon, template(event.message.as_bytes()));
        if let Some(template) = self.all.get_mut(&key) {
            template.count = template.count.saturating_add(1);
            template.first = template.first.min(time);
            template.last = template.last.max(time);
            return;
        }
        let count = self.of_one.entry(daemon).or_default();
        if *count > MOST_OF_ONE {
            return;
        }
        *count = count.saturating_add(1);
        if self.all.len() >= MOST {
            // Without a place for it nothing can be said of what is new.
            *count = MOST_OF_ONE.saturating_add(1);
            return;
        }
        let told = Told::of(event, Arc::clone(file));
        self.all.insert(key, Template { count: 1, first: time, last: time, told });
    }

    /// Returns whether a daemon writes free text, so that none of its lines is new.
    pub(super) fn is_free(&self, daemon: usize) -> bool {
        self.of_one.get(&daemon).is_some_and(|count| *count > MOST_OF_ONE)
    }

    /// Returns all with their daemons, the earliest first.
    pub(super) fn sorted(&self) -> Vec<(usize, &Template)> {
        let mut all: Vec<_> =
            self.all.iter().map(|((daemon, _), template)| (*daemon, template)).collect();
        all.sort_by_key(|(daemon, template)| (*daemon, template.first, template.told.line));
        all
    }
}

const SEED: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0100_0000_01b3;

/// Returns the hash of some bytes and a number (FNV-1a).
pub(super) fn hash(bytes: &[u8], number: usize) -> u64 {
    let start = SEED ^ u64::try_from(number).unwrap_or(0).wrapping_mul(PRIME);
    bytes.iter().fold(start, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(PRIME))
}

/// Returns the hash of a line's template: words with a digit, and what is quoted, stands after `=`
/// or is a path or an address, count as one sign each.
fn template(message: &[u8]) -> u64 {
    let (mut hash, mut before) = (SEED, SEED);
    let (mut varies, mut quoted) = (false, false);
    for &byte in message.iter().take(LOOKED_AT) {
        let quote = byte == b'"' || byte == b'\'';
        if quote {
            quoted = !quoted;
        }
        let ends =
            matches!(byte, b' ' | b',' | b';' | b'(' | b')' | b'[' | b']' | b'<' | b'>' | b'=');
        if ends || quote {
            if varies {
                hash = (before ^ u64::from(b'*')).wrapping_mul(PRIME);
            }
            hash = (hash ^ u64::from(byte)).wrapping_mul(PRIME);
            before = hash;
            varies = quoted || byte == b'=';
            continue;
        }
        varies |= byte.is_ascii_digit() || byte >= 0x80 || matches!(byte, b'/' | b'@' | b'\\');
        hash = (hash ^ u64::from(byte)).wrapping_mul(PRIME);
    }
    if varies { (before ^ u64::from(b'*')).wrapping_mul(PRIME) } else { hash }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_varies_makes_no_new_template() {
        for (a, b) in [
            ("Selected source 10.0.0.1", "Selected source 2001:db8::1"),
            ("session opened for user=ann (uid=0)", "session opened for user=bob (uid=1000)"),
            ("loaded '/etc/a.conf' in 7 ms", "loaded '/var/x' in 120 ms"),
            ("pid 7", "pid 12345"),
        ] {
            assert_eq!(template(a.as_bytes()), template(b.as_bytes()), "{a}");
        }
        assert_ne!(template(b"request done in 7"), template(b"request failed in 7"));
        assert_ne!(template(b""), template(b"x"));
    }
}
