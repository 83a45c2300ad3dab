//! Process accounting (`/var/log/account/pacct`, `/var/account/pacct`): the kernel's record of
//! every process that ended.
//!
//! Source: acct(5), `include/uapi/linux/acct.h` and `kernel/acct.c` for the packed numbers. All
//! versions have 64 bytes; the upper bit of the version is the byte order. Only the first fifteen
//! bytes of the program's name are kept, and no arguments.
//!
//! The event's time is the start of the process, and `until` its end.

use std::borrow::Cow;

use stanch_words::{Clock, Event, EventKind, Field, Place, Trust, text};

use super::{Each, Form, Format, RecordReader, Sample};

pub(super) static FORMAT: Format = Format {
    name: "pacct",
    recognise,
    form: Form::Records(|_head| SIZE, |_context, _head| Box::new(Accounting)),
    stands_alone: false,
};

const SIZE: usize = 64;
/// How many times a second is counted (`AHZ`).
const TICKS: i64 = 100;
/// How many records are looked at.
const TRIED: usize = 64;

fn recognise(sample: &Sample<'_>) -> u32 {
    let (mut all, mut sound) = (0_u32, 0_u32);
    for record in sample.bytes.chunks_exact(SIZE).take(TRIED) {
        all = all.saturating_add(1);
        sound = sound.saturating_add(u32::from(Record(record).is_sound()));
    }
    sound.saturating_mul(100).checked_div(all).unwrap_or(0)
}

struct Accounting;

impl RecordReader for Accounting {
    fn records(&mut self, bytes: &[u8], file: &str, offset: u64, each: &mut Each<'_>) -> u64 {
        let mut strange = 0_u64;
        let mut offset = offset;
        for record in bytes.chunks_exact(SIZE) {
            let line = (offset / SIZE as u64).saturating_add(1);
            let place = Place { file, line, offset };
            let record = Record(record);
            if record.is_sound() {
                record.show(place, each);
            } else {
                strange = strange.saturating_add(1);
                let mut event = Event::new(EventKind::LogDamaged);
                event.place = place;
                event.trust = Trust::Program;
                let is_zeroed = record.0.iter().all(|&byte| byte == 0);
                event.with(
                    "reason",
                    if is_zeroed { "every byte is zero" } else { "no such version" },
                );
                each(&event);
            }
            offset = offset.saturating_add(SIZE as u64);
        }
        strange
    }
}

/// One record.
#[derive(Clone, Copy)]
struct Record<'r>(&'r [u8]);

impl<'r> Record<'r> {
    fn byte(self, at: usize) -> u8 {
        self.0.get(at).copied().unwrap_or(0)
    }

    fn version(self) -> u8 {
        self.byte(1) & 0x7f
    }

    /// Returns a number of up to eight bytes in the record's own order.
    fn number(self, at: usize, size: usize) -> u64 {
        let field = self.0.get(at..at.saturating_add(size)).unwrap_or_default();
        let add = |sum: u64, &byte: &u8| sum << 8 | u64::from(byte);
        if self.byte(1) & 0x80 == 0 {
            field.iter().rev().fold(0, add)
        } else {
            field.iter().fold(0, add)
        }
    }

    fn signed(self, at: usize, size: usize) -> i64 {
        i64::try_from(self.number(at, size)).unwrap_or(0)
    }

    /// Returns ticks from 13 bits and an exponent of eight.
    fn packed(self, at: usize) -> i64 {
        let packed = self.signed(at, 2);
        let exponent = u32::try_from(packed >> 13 & 7).unwrap_or(0);
        (packed & 0x1fff) << (3 * exponent)
    }

    fn begin(self) -> i64 {
        self.signed(if self.version() == 3 { 24 } else { 8 }, 4)
    }

    /// Returns how long it ran, in ticks.
    fn elapsed(self) -> i64 {
        if self.version() == 3 {
            let bits = u32::try_from(self.number(28, 4)).unwrap_or(0);
            let ticks = f64::from(f32::from_bits(bits));
            // 2^40 ticks are 350 years.
            let ticks = if ticks.is_finite() { ticks.clamp(0.0, 1_099_511_627_776.0) } else { 0.0 };
            #[expect(clippy::cast_possible_truncation, reason = "clamped right before")]
            return ticks as i64;
        }
        // 19 bits after a hidden first one, and an exponent of two; the old field is its fallback.
        let packed = self.signed(53, 1) << 16 | self.signed(54, 2);
        let fraction = packed & 0x7_ffff;
        match u32::try_from(packed >> 19).unwrap_or(0) {
            0 if fraction == 0 => self.packed(16),
            0 => fraction,
            exponent => (fraction | 0x8_0000).checked_shl(exponent - 1).unwrap_or(i64::MAX),
        }
    }

    fn command(self) -> &'r [u8] {
        let (at, size) = if self.version() == 3 { (48_usize, 16) } else { (36, 17) };
        let name = self.0.get(at..at.saturating_add(size)).unwrap_or_default();
        name.split(|&byte| byte == 0).next().unwrap_or_default()
    }

    fn is_sound(self) -> bool {
        let command = self.command();
        self.version() <= 3
            && (100_000_000..8_000_000_000).contains(&self.begin())
            && !command.is_empty()
            // acct(2) writes whatever a process called itself, but not line feeds in practice.
            && command.iter().all(|&byte| byte >= b' ')
            && self.byte(0) & 0x80 == 0
    }

    fn show(self, place: Place<'_>, each: &mut Each<'_>) {
        let is_new = self.version() == 3;
        let mut event = Event::new(EventKind::ProcessEnd);
        event.place = place;
        event.trust = Trust::Kernel;
        event.clock = Clock::Utc;
        event.program = Cow::Borrowed("kernel");
        let begin = self.begin().saturating_mul(1_000_000);
        let elapsed = self.elapsed();
        event.time = Some(begin);
        event.until = Some(begin.saturating_add(elapsed.saturating_mul(1_000_000 / TICKS)));
        let name = text::from_bytes(self.command());
        event.with("comm", name);
        let (tty, uid, gid, exit) = match self.version() {
            3 => (2, self.number(8, 4), self.number(12, 4), 4),
            // 32-bit ids came with version 1.
            0 => (6, self.number(2, 2), self.number(4, 2), 32),
            _ => (6, self.number(56, 4), self.number(60, 4), 32),
        };
        event.uid = i64::try_from(uid).ok();
        event.with("gid", i64::try_from(gid).unwrap_or(0));
        if is_new {
            event.pid = Some(self.signed(16, 4));
            event.ppid = Some(self.signed(20, 4));
        }
        event.tty = terminal(self.number(tty, 2));
        let status = self.signed(exit, 4);
        event.with("exit", status >> 8 & 0xff);
        if status & 0x7f != 0 {
            event.with("signal", status & 0x7f);
        }
        let flags = [(0x01, "forked"), (0x02, "superuser"), (0x08, "core"), (0x10, "signal")];
        let flags = flags.into_iter().filter(|(bit, _)| self.byte(0) & bit != 0);
        let flags: Vec<_> = flags.map(|(_, name)| Cow::Borrowed(name)).collect();
        if !flags.is_empty() {
            event.more.push((Cow::Borrowed("flags"), Field::List(flags)));
        }
        let (user, system) = if is_new { (32, 34) } else { (12, 14) };
        let milliseconds = |ticks: i64| ticks.saturating_mul(1000 / TICKS);
        event
            .with("elapsed_ms", milliseconds(elapsed))
            .with("user_ms", milliseconds(self.packed(user)))
            .with("system_ms", milliseconds(self.packed(system)));
        each(&event);
    }
}

/// Returns a terminal's name by its device number (`Documentation/admin-guide/devices.txt`).
fn terminal(device: u64) -> Cow<'static, str> {
    let (major, minor) = (device >> 8, device & 0xff);
    match major {
        0 => Cow::Borrowed(""),
        4 if minor < 64 => Cow::Owned(format!("tty{minor}")),
        4 => Cow::Owned(format!("ttyS{}", minor - 64)),
        136..=143 => Cow::Owned(format!("pts/{}", (major - 136) * 256 + minor)),
        _ => Cow::Owned(format!("{major}:{minor}")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Context, Counts, Stream};
    use super::*;

    /// Version 3: `sh` of uid 1000 on pts/3, 2.5 seconds from 1,700,000,000 on, killed by 9.
    fn new() -> Vec<u8> {
        let mut bytes = vec![0; SIZE];
        bytes[0] = 0x11;
        bytes[1] = 3;
        bytes[2..4].copy_from_slice(&0x8803_u16.to_le_bytes());
        bytes[4..8].copy_from_slice(&9_u32.to_le_bytes());
        bytes[8..12].copy_from_slice(&1000_u32.to_le_bytes());
        bytes[12..16].copy_from_slice(&1001_u32.to_le_bytes());
        bytes[16..20].copy_from_slice(&4242_u32.to_le_bytes());
        bytes[20..24].copy_from_slice(&77_u32.to_le_bytes());
        bytes[24..28].copy_from_slice(&1_700_000_000_u32.to_le_bytes());
        bytes[28..32].copy_from_slice(&250.0_f32.to_le_bytes());
        // 3 << 3 ticks.
        bytes[32..34].copy_from_slice(&(1_u16 << 13 | 3).to_le_bytes());
        bytes[48..50].copy_from_slice(b"sh");
        bytes
    }

    /// Version 2 of a big-endian machine: `cron`, 2^20 + 2 ticks.
    fn old() -> Vec<u8> {
        let mut bytes = vec![0; SIZE];
        bytes[1] = 0x82;
        bytes[8..12].copy_from_slice(&1_700_000_000_u32.to_be_bytes());
        bytes[32..36].copy_from_slice(&0x0100_u32.to_be_bytes());
        bytes[36..40].copy_from_slice(b"cron");
        let packed: u32 = 2 << 19 | 1;
        bytes[53] = (packed >> 16) as u8;
        bytes[54..56].copy_from_slice(&(packed as u16).to_be_bytes());
        bytes[56..60].copy_from_slice(&8_u32.to_be_bytes());
        bytes
    }

    fn read(bytes: &[u8]) -> (Vec<String>, Counts, Option<&'static str>) {
        let mut told = Vec::new();
        let mut each = |event: &Event<'_>| {
            let span = event.until.zip(event.time).map(|(until, time)| (until - time) / 1000);
            told.push(format!(
                "{} {} {:?} {:?} {} {span:?} exit {:?} signal {:?} user {:?}",
                event.kind.name(),
                event.text("comm"),
                event.uid,
                event.pid.zip(event.ppid),
                event.tty,
                event.number("exit"),
                event.number("signal"),
                event.number("user_ms"),
            ));
        };
        let mut stream = Stream::new(Context::new("pacct", 0), None);
        stream.feed(bytes, &mut each);
        let format = super::super::recognise(&Sample { bytes, name: "pacct" });
        let (counts, _) = stream.end(&mut each);
        (told, counts, format.map(|format| format.name))
    }

    #[test]
    fn records_of_both_orders_and_versions() {
        let (told, counts, format) = read(&[new(), old()].concat());
        assert_eq!(format, Some("pacct"));
        assert_eq!(
            told,
            [
                "process.end sh Some(1000) Some((4242, 77)) pts/3 Some(2500) exit Some(0) \
                 signal Some(9) user Some(240)",
                "process.end cron Some(8) None  Some(10485780) exit Some(1) signal None user Some(0)",
            ]
        );
        assert_eq!((counts.lines, counts.events, counts.not_understood), (2, 2, 0));
    }

    #[test]
    fn a_wiped_record_is_damage() {
        let (told, counts, _) = read(&[new(), vec![0; SIZE], new()].concat());
        assert!(told[1].starts_with("log.damaged"), "{told:?}");
        assert_eq!((counts.events, counts.not_understood), (3, 1));
    }

    #[test]
    fn a_cut_at_any_byte_gives_whole_records_and_says_the_rest() {
        let whole = new().repeat(3);
        for cut in SIZE..whole.len() {
            let (told, counts, _) = read(&whole[..cut]);
            let torn = u64::from(cut % SIZE != 0);
            assert_eq!((told.len(), counts.not_understood), (cut / SIZE, torn), "{cut}");
        }
    }
}
