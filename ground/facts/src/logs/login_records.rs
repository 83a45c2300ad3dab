//! utmp, wtmp and btmp: who was logged in, when the machine started and stopped, who failed.
//!
//! Source: utmp(5), login(1) (btmp has the same records, one an attempt that failed); the layouts
//! are those of [`crate::login_records`].
//!
//! Every record gives an event, so that what a log cleaner left is seen: a record of zeroes, or
//! one that makes no sense, is `log.damaged`. In utmp an empty record is a free place.

use std::borrow::Cow;

use stanch_words::{Clock, Event, EventKind, Place, Trust, text};

use super::{Each, Form, Format, RecordReader, Sample, cut};
use crate::login_records::{self, Layout, LoginRecord};

pub(super) static FORMAT: Format = Format {
    name: "login-records",
    recognise,
    form: Form::Records(
        |head| login_records::layout(head).size,
        |context, head| {
            let layout = login_records::layout(head);
            Box::new(LoginRecords { layout, file: File::of(context.file_name()) })
        },
    ),
    stands_alone: false,
};

fn recognise(sample: &Sample<'_>) -> u32 {
    let layout = login_records::layout(sample.bytes);
    let sure = login_records::confidence(sample.bytes, layout);
    let is_named = ["utmp", "wtmp", "btmp"].iter().any(|name| sample.name.starts_with(name));
    // Too short for a record, or damaged all through: the name is all that is left.
    if is_named && sample.bytes.contains(&0) { sure.max(50) } else { sure }
}

/// Which of the three a file is, by its name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum File {
    /// The logins of now.
    Present,
    /// Failed logins.
    Failed,
    /// Past logins.
    Past,
}

impl File {
    fn of(name: &str) -> Self {
        match name.get(..4) {
            Some("utmp") => Self::Present,
            Some("btmp") => Self::Failed,
            _ => Self::Past,
        }
    }
}

struct LoginRecords {
    layout: Layout,
    file: File,
}

impl RecordReader for LoginRecords {
    fn records(&mut self, bytes: &[u8], file: &str, offset: u64, each: &mut Each<'_>) -> u64 {
        let mut offset = offset;
        let size = self.layout.size.max(1) as u64;
        for record in bytes.chunks_exact(self.layout.size) {
            let line = offset.checked_div(size).unwrap_or(0).saturating_add(1);
            self.record(record, Place { file, line, offset }, each);
            offset = offset.saturating_add(size);
        }
        0
    }
}

impl LoginRecords {
    fn record(&self, bytes: &[u8], place: Place<'_>, each: &mut Each<'_>) {
        let record = self.layout.record(bytes);
        let (kind, reason) = self.kind(&record);
        let mut event = Event::new(kind);
        event.place = place;
        event.trust = Trust::Program;
        event.clock = Clock::Utc;
        let seconds = record.seconds.checked_mul(1_000_000);
        let micros = Some(record.microseconds).filter(|micros| (0..1_000_000).contains(micros));
        event.time = seconds
            .filter(|&time| time != 0)
            .and_then(|time| time.checked_add(micros.unwrap_or(0)));
        event.pid = Some(i64::from(record.pid)).filter(|&pid| pid != 0);
        event.user = lossless(record.user);
        event.tty = lossless(record.tty);
        let host = lossless(record.host);
        if kind == EventKind::Boot || record.user == b"runlevel" {
            event.with("version", host);
            event.user = Cow::Borrowed("");
        } else {
            let is_address = cut::is_address(&host);
            event.source_ip = match record.address() {
                Some(address) => Cow::Owned(address),
                None if is_address => host.clone(),
                None => Cow::Borrowed(""),
            };
            if !host.is_empty() {
                event.with("hostname", host);
            }
        }
        event.with("record_type", kind_name(record.kind));
        if !record.id.is_empty() {
            event.with("id", lossless(record.id));
        }
        if record.session != 0 {
            event.session = Cow::Owned(record.session.to_string());
        }
        if !reason.is_empty() {
            event.with("reason", reason);
        }
        each(&event);
    }

    /// Returns what a record is, and why if it is not what it should be.
    fn kind(&self, record: &LoginRecord<'_>) -> (EventKind, &'static str) {
        use EventKind as K;
        match record.kind {
            0 if record.is_zeroed && self.file == File::Present => (K::LogMessage, "free place"),
            0 if record.is_zeroed => (K::LogDamaged, "every byte is zero"),
            1 if record.user == b"shutdown" || is_end(record.pid) => (K::Shutdown, ""),
            2 => (K::Boot, ""),
            3 => (K::ClockChange, "after"),
            4 => (K::ClockChange, "before"),
            // login and sshd write a failed attempt as either of these.
            6 | 7 if self.file == File::Failed => (K::AuthFailure, ""),
            7 => (K::SessionOpen, ""),
            8 => (K::SessionClose, ""),
            0 | 1 | 5 | 6 | 9 => (K::LogMessage, ""),
            _ => (K::LogDamaged, "no such kind of record"),
        }
    }
}

/// Returns whether a run level is that of a halt or a reboot: its character is the low byte of the
/// pid, the one before it the high byte.
fn is_end(pid: i32) -> bool {
    matches!(pid.to_le_bytes(), [b'0' | b'6', _, 0, 0])
}

/// Returns the name of a kind of record, as in utmp(5).
fn kind_name(kind: i16) -> &'static str {
    match kind {
        0 => "EMPTY",
        1 => "RUN_LVL",
        2 => "BOOT_TIME",
        3 => "NEW_TIME",
        4 => "OLD_TIME",
        5 => "INIT_PROCESS",
        6 => "LOGIN_PROCESS",
        7 => "USER_PROCESS",
        8 => "DEAD_PROCESS",
        9 => "ACCOUNTING",
        _ => "unknown",
    }
}

fn lossless(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_escape) => Cow::Owned(text::from_bytes(bytes)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Context, Counts, Stream};
    use super::*;
    use crate::login_records::tests::{data, record};

    fn read(name: &str, bytes: &[u8]) -> (Vec<String>, Counts, usize) {
        let mut told = Vec::new();
        let mut each = |event: &Event<'_>| {
            let time = event.time.map_or(0, |time| time / 1_000_000);
            told.push(format!(
                "{} {} {} {} {time} {}",
                event.kind.name(),
                event.user,
                event.tty,
                event.source_ip,
                event.text("reason")
            ));
        };
        let mut stream = Stream::new(Context::new(name, 0), None);
        // In pieces that fit no record.
        for piece in bytes.chunks(100) {
            stream.feed(piece, &mut each);
        }
        let (counts, gaps) = stream.end(&mut each);
        (told, counts, gaps.len())
    }

    #[test]
    fn plasos_files_give_the_events_that_plaso_counts() {
        for (name, events, left) in
            [("utmp", 14, 0), ("utmp_x86_64", 6, 0), ("utmp_aarch64", 6, 0), ("wtmp.1", 4, 1)]
        {
            let (told, counts, gaps) = read(name, &data(name));
            assert_eq!(
                (told.len(), counts.not_understood, gaps),
                (events, left, left as usize),
                "{name}"
            );
        }
        let (told, ..) = read("utmp_aarch64", &data("utmp_aarch64"));
        assert_eq!(
            told[1..4],
            [
                "session.close  tty2 4.3.2.1 1783090678 ",
                "boot  system boot  1783090678 ",
                "shutdown shutdown runlevel 0 4.3.2.1 1783090678 ",
            ]
        );
        let (told, ..) = read("wtmp.1", &data("wtmp.1"));
        assert_eq!(told[0], "session.open userA pts/32 10.10.122.1 1322760998 ");
    }

    #[test]
    fn a_wiped_record_is_damage_in_wtmp_and_a_free_place_in_utmp() {
        let mut bytes = record(7, "ann", "pts/0", "198.51.100.7", 1_700_000_000);
        bytes.extend([0; 384]);
        bytes.extend(record(8, "", "pts/0", "", 1_700_000_100));
        let (told, ..) = read("wtmp", &bytes);
        assert_eq!(
            told,
            [
                "session.open ann pts/0 198.51.100.7 1700000000 ",
                "log.damaged    0 every byte is zero",
                "session.close  pts/0  1700000100 ",
            ]
        );
        let (told, ..) = read("utmp", &bytes);
        assert_eq!(told[1], "log.message    0 free place");
    }

    #[test]
    fn records_of_btmp_are_failures() {
        let bytes = record(6, "oracle", "ssh:notty", "198.51.100.7", 1_700_000_000);
        let (told, ..) = read("btmp.1", &bytes);
        assert_eq!(told, ["auth.failure oracle ssh:notty 198.51.100.7 1700000000 "]);
    }

    #[test]
    fn a_cut_at_any_byte_gives_whole_records_and_says_the_rest() {
        let whole = record(7, "root", "pts/0", "198.51.100.7", 1_700_000_000).repeat(3);
        for cut in 384..whole.len() {
            let (told, counts, gaps) = read("wtmp", &whole[..cut]);
            let torn = u64::from(cut % 384 != 0);
            assert_eq!((told.len(), counts.not_understood), (cut / 384, torn), "{cut}");
            assert_eq!(gaps as u64, torn);
        }
    }

    #[test]
    fn noise_under_the_name_is_damage_and_under_another_name_is_not_ours() {
        let mut noise: Vec<u8> =
            (0..3840_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        noise[7] = 0;
        let (told, ..) = read("wtmp", &noise);
        assert!(told.iter().all(|line| line.starts_with("log.damaged")), "{told:?}");
        assert_eq!(told.len(), 10);
        assert_eq!(recognise(&Sample { bytes: &noise, name: "x" }), 0);
    }
}
