//! Login records: utmp, wtmp and btmp.
//!
//! Source: utmp(5); glibc `bits/utmp.h`. Where `__WORDSIZE_TIME64_COMPAT32` holds (x86-64, i386)
//! a record has 384 bytes with a 32-bit session and time; elsewhere (aarch64, riscv64) it has
//! 400 with 64-bit ones. A disk image may be of another machine than ours, so the layout and the
//! byte order are found by how many records make sense.

/// One record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LoginRecord<'a> {
    pub(crate) kind: i16,
    pub(crate) pid: i32,
    pub(crate) tty: &'a [u8],
    pub(crate) id: &'a [u8],
    pub(crate) user: &'a [u8],
    pub(crate) host: &'a [u8],
    pub(crate) session: i64,
    pub(crate) seconds: i64,
    pub(crate) microseconds: i64,
    pub(crate) address: [u8; 16],
    /// Whether every byte is zero, as a log cleaner leaves it.
    pub(crate) is_zeroed: bool,
}

/// How records lie in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) size: usize,
    big_endian: bool,
}

const LAYOUTS: [Layout; 4] = [
    Layout { size: 384, big_endian: false },
    Layout { size: 400, big_endian: false },
    Layout { size: 384, big_endian: true },
    Layout { size: 400, big_endian: true },
];

/// How many records are looked at to find the layout.
const TRIED: usize = 256;

/// Returns the layout under which most of the first records make sense; the commonest, if none
/// does.
pub(crate) fn layout(bytes: &[u8]) -> Layout {
    let mut best = (LAYOUTS[0], 0);
    for layout in LAYOUTS {
        let records = bytes.chunks_exact(layout.size).take(TRIED);
        let score = records.map(|record| layout.sense(record)).sum::<usize>() * layout.size;
        if score > best.1 {
            best = (layout, score);
        }
    }
    best.0
}

/// Returns how many in a hundred of the first records make sense under a layout, or are empty.
pub(crate) fn confidence(bytes: &[u8], layout: Layout) -> u32 {
    let (mut all, mut sensible, mut empty) = (0_u32, 0_u32, 0_u32);
    for record in bytes.chunks_exact(layout.size).take(TRIED) {
        all = all.saturating_add(1);
        if layout.sense(record) > 0 {
            sensible = sensible.saturating_add(1);
        } else if record.iter().all(|&byte| byte == 0) {
            empty = empty.saturating_add(1);
        }
    }
    if sensible == 0 {
        return 0;
    }
    sensible.saturating_add(empty).saturating_mul(100).checked_div(all).unwrap_or(0)
}

/// Returns the records and how many bytes are left after the last whole one.
pub(crate) fn records(bytes: &[u8]) -> (impl Iterator<Item = LoginRecord<'_>>, usize) {
    let layout = layout(bytes);
    let chunks = bytes.chunks_exact(layout.size);
    let left = chunks.remainder().len();
    (chunks.map(move |record| layout.record(record)), left)
}

impl Layout {
    /// Returns how much sense a record makes: a known kind, no bits in its padding, a time within
    /// reason; half as much if it has no time.
    pub(crate) fn sense(self, bytes: &[u8]) -> usize {
        let quiet = bytes.get(2..4).is_some_and(|padding| padding == [0, 0]);
        // Asked of every file: what is no record is not read as one.
        if !quiet {
            return 0;
        }
        let record = self.record(bytes);
        let known = (1..=9).contains(&record.kind);
        match record.seconds {
            _ if !known || !(0..1_000_000).contains(&record.microseconds) => 0,
            0 => 1,
            100_000_000..8_000_000_000 => 2,
            _ => 0,
        }
    }

    pub(crate) fn record(self, bytes: &[u8]) -> LoginRecord<'_> {
        let (session, seconds, microseconds, address): (_, _, _, usize) = if self.size == 384 {
            let seconds = self.number(bytes, 340, 4);
            // Unsigned, so that the field lasts past 2038, as glibc reads it in new releases.
            let seconds = i64::from(u32::try_from(seconds & 0xffff_ffff).unwrap_or_default());
            (self.number(bytes, 336, 4), seconds, self.number(bytes, 344, 4), 348)
        } else {
            let wide = |at| self.number(bytes, at, 8);
            (wide(336), wide(344), wide(352), 360)
        };
        let address = bytes.get(address..address.saturating_add(16)).unwrap_or_default();
        LoginRecord {
            kind: i16::try_from(self.number(bytes, 0, 2)).unwrap_or_default(),
            pid: i32::try_from(self.number(bytes, 4, 4)).unwrap_or_default(),
            tty: text(bytes, 8, 32),
            id: text(bytes, 40, 4),
            user: text(bytes, 44, 32),
            host: text(bytes, 76, 256),
            session,
            seconds,
            microseconds,
            address: address.try_into().unwrap_or_default(),
            is_zeroed: bytes.iter().all(|&b| b == 0),
        }
    }

    /// Returns a signed number of `size` bytes.
    fn number(self, bytes: &[u8], at: usize, size: usize) -> i64 {
        let field = bytes.get(at..at.saturating_add(size)).unwrap_or_default();
        let add = |sum: u64, &byte: &u8| sum << 8 | u64::from(byte);
        let sum = if self.big_endian {
            field.iter().fold(0, add)
        } else {
            field.iter().rev().fold(0, add)
        };
        let unused = u32::try_from(64_usize.saturating_sub(size * 8)).unwrap_or_default();
        (sum << unused).cast_signed() >> unused
    }
}

/// Returns a field up to its first NUL.
pub(crate) fn text(bytes: &[u8], at: usize, size: usize) -> &[u8] {
    let field = bytes.get(at..at.saturating_add(size)).unwrap_or_default();
    field.split(|&b| b == 0).next().unwrap_or_default()
}

impl LoginRecord<'_> {
    /// Returns the remote address, if the record has one: `ut_addr_v6` holds an IPv4 address in
    /// its first word.
    pub(crate) fn address(&self) -> Option<String> {
        match self.address {
            [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0] => None,
            [a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0] => {
                Some(std::net::Ipv4Addr::new(a, b, c, d).to_string())
            }
            all => Some(std::net::Ipv6Addr::from(all).to_string()),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/plaso/utmp");

    /// Returns a log of another project's.
    #[expect(clippy::disallowed_methods, reason = "a test reads its own data")]
    pub(crate) fn data(name: &str) -> Vec<u8> {
        std::fs::read(format!("{DATA}/{name}")).unwrap()
    }

    /// Returns a 384-byte record.
    pub(crate) fn record(kind: u8, user: &str, tty: &str, host: &str, time: u32) -> Vec<u8> {
        let mut bytes = vec![0; 384];
        bytes[0] = kind;
        bytes[4..8].copy_from_slice(&4242_u32.to_le_bytes());
        bytes[8..8 + tty.len()].copy_from_slice(tty.as_bytes());
        bytes[44..44 + user.len()].copy_from_slice(user.as_bytes());
        bytes[76..76 + host.len()].copy_from_slice(host.as_bytes());
        bytes[340..344].copy_from_slice(&time.to_le_bytes());
        bytes
    }

    #[test]
    fn plasos_files_have_the_layouts_and_counts_that_plaso_found() {
        for (name, size, count, left) in [
            ("utmp", 384, 14, 0),
            ("utmp_x86_64", 384, 6, 0),
            ("utmp_aarch64", 400, 6, 0),
            ("wtmp.1", 384, 4, 1),
        ] {
            let bytes = data(name);
            assert_eq!(layout(&bytes).size, size, "{name}");
            let (records, rest) = records(&bytes);
            assert_eq!((records.count(), rest), (count, left), "{name}");
        }
    }

    #[test]
    fn a_record_of_another_byte_order_is_found() {
        let mut bytes = vec![0; 800];
        for at in [0, 400] {
            bytes[at + 1] = 7;
            bytes[at + 6..at + 8].copy_from_slice(&[1, 2]);
            bytes[at + 44..at + 48].copy_from_slice(b"root");
            bytes[at + 348..at + 352].copy_from_slice(&1_700_000_000_u32.to_be_bytes());
            bytes[at + 360..at + 364].copy_from_slice(&[10, 0, 0, 9]);
        }
        let found: Vec<_> = records(&bytes).0.collect();
        assert_eq!((found[0].kind, found[0].pid, found[0].seconds), (7, 258, 1_700_000_000));
        assert_eq!(found[1].address().as_deref(), Some("10.0.0.9"));
    }

    #[test]
    fn a_cut_file_gives_whole_records_and_says_what_is_left() {
        let whole = record(7, "root", "pts/0", "198.51.100.7", 1_700_000_000).repeat(3);
        for cut in 0..=whole.len() {
            let (found, left) = records(&whole[..cut]);
            assert_eq!(found.count() * 384 + left, cut);
        }
    }
}
