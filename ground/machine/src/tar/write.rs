//! Headers of one member: POSIX.1-2001's records first where ustar has no room, then ustar's own.
//!
//! Source: pax(1), "pax Interchange Format" and "ustar Interchange Format". Only keys that every
//! tar knows are written: others make GNU tar complain of each member.

use std::fmt::Write as _;

/// One member to be written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Member<'a> {
    /// Its name, any bytes but NUL.
    pub name: &'a [u8],
    /// The letter of its kind: `0` a file, `2` a symlink, `5` a directory.
    pub kind: u8,
    /// Permission bits.
    pub mode: u32,
    /// Owner and group, by number.
    pub owner: (u32, u32),
    /// How many bytes follow.
    pub size: u64,
    /// When its content changed, in nanoseconds since 1970.
    pub modified: i64,
    /// When it was read.
    pub accessed: Option<i64>,
    /// When its inode changed.
    pub changed: Option<i64>,
    /// Where a symlink leads.
    pub target: &'a [u8],
    /// What is said of it; readers pass over it.
    pub comment: Option<&'a [u8]>,
}

/// The largest number in seven and in eleven octal digits.
const SEVEN: u64 = 0o7_777_777;
const ELEVEN: u64 = 0o77_777_777_777;

/// Returns the headers that stand before a member's content.
pub fn headers(member: &Member<'_>) -> Vec<u8> {
    let records = records(member);
    let mut out = Vec::with_capacity(records.len().saturating_add(2048));
    if !records.is_empty() {
        let about = Member {
            name: b"PaxHeaders/member",
            kind: b'x',
            mode: 0o644,
            size: records.len() as u64,
            ..Member::default()
        };
        out.extend_from_slice(&ustar(&about));
        out.extend_from_slice(&records);
        out.resize(out.len().next_multiple_of(512), 0);
    }
    out.extend_from_slice(&ustar(member));
    out
}

/// Returns the bytes of nothing that fill the last block of so many.
pub fn padding(size: u64) -> &'static [u8] {
    const NOTHING: [u8; 512] = [0; 512];
    let length = usize::try_from(size.next_multiple_of(512).saturating_sub(size)).unwrap_or(0);
    NOTHING.get(..length).unwrap_or_default()
}

fn records(member: &Member<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    if let Some(comment) = member.comment {
        record(&mut out, "comment", comment);
    }
    if member.name.len() > 100 || !member.name.is_ascii() {
        record(&mut out, "path", member.name);
    }
    if member.target.len() > 100 || !member.target.is_ascii() {
        record(&mut out, "linkpath", member.target);
    }
    if member.size > ELEVEN {
        record(&mut out, "size", member.size.to_string().as_bytes());
    }
    for (key, id) in [("uid", member.owner.0), ("gid", member.owner.1)] {
        if u64::from(id) > SEVEN {
            record(&mut out, key, id.to_string().as_bytes());
        }
    }
    // A whole number of seconds after 1970 has room in ustar.
    if member.modified < 0 || member.modified % 1_000_000_000 != 0 {
        record(&mut out, "mtime", seconds(member.modified).as_bytes());
    }
    let times = [("atime", member.accessed), ("ctime", member.changed)];
    for (key, time) in times.into_iter().filter_map(|(key, time)| Some((key, time?))) {
        record(&mut out, key, seconds(time).as_bytes());
    }
    out
}

/// Adds `LENGTH KEY=VALUE\n`, whose length counts its own digits.
fn record(out: &mut Vec<u8>, key: &str, value: &[u8]) {
    let rest = key.len().saturating_add(value.len()).saturating_add(3);
    let mut length = rest.saturating_add(1);
    while length != rest.saturating_add(length.to_string().len()) {
        length = rest.saturating_add(length.to_string().len());
    }
    out.extend_from_slice(format!("{length} {key}=").as_bytes());
    out.extend_from_slice(value);
    out.push(b'\n');
}

fn seconds(nanoseconds: i64) -> String {
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let all = nanoseconds.unsigned_abs();
    format!("{sign}{}.{:09}", all / 1_000_000_000, all % 1_000_000_000)
}

fn ustar(member: &Member<'_>) -> [u8; 512] {
    let mut header = [0_u8; 512];
    let mut put = |at: usize, room: usize, bytes: &[u8]| {
        let most = bytes.len().min(room);
        if let (Some(to), Some(from)) = (header.get_mut(at..at + most), bytes.get(..most)) {
            to.copy_from_slice(from);
        }
    };
    let octal = |number: u64, digits: usize| {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _infallible = write!(text, "{number:0digits$o}");
        text.into_bytes()
    };
    let capped = |number: u64, most: u64| if number > most { 0 } else { number };
    put(0, 100, member.name);
    put(100, 8, &octal(u64::from(member.mode & 0o7777), 7));
    put(108, 8, &octal(capped(member.owner.0.into(), SEVEN), 7));
    put(116, 8, &octal(capped(member.owner.1.into(), SEVEN), 7));
    put(124, 12, &octal(capped(member.size, ELEVEN), 11));
    let modified = u64::try_from(member.modified.div_euclid(1_000_000_000)).unwrap_or(0);
    put(136, 12, &octal(capped(modified, ELEVEN), 11));
    put(148, 8, b"        ");
    put(156, 1, &[member.kind]);
    put(157, 100, member.target);
    put(257, 8, b"ustar\x0000");
    let sum: u64 = header.iter().map(|&byte| u64::from(byte)).sum();
    let sum = format!("{sum:06o}\0 ");
    if let Some(to) = header.get_mut(148..156) {
        to.copy_from_slice(sum.as_bytes());
    }
    header
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tar::{Found, Raw, Tar};

    fn back(member: &Member<'_>) -> Raw {
        let bytes = headers(member);
        assert_eq!(bytes.len() % 512, 0);
        match Tar::default().next(&mut &*bytes).unwrap() {
            Found::Entry(raw) => raw,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn whatever_a_name_number_or_time_may_be_comes_back() {
        let long = [&b"[root]/tmp/a\nb\xff "[..], &[b'x'; 300]].concat();
        for (name, owner, size, modified) in [
            (&b"[root]/etc/passwd"[..], (0, 0), 12, 1_772_323_200_000_000_000),
            (&long, (u32::MAX, 70_000), 1 << 40, -1_500_000_000),
            (b"[root]/\xe6\xad\xa2", (1000, u32::MAX), 0, 1_772_323_200_123_456_789),
        ] {
            let member = Member {
                name,
                kind: b'0',
                mode: 0o4755,
                owner,
                size,
                modified,
                accessed: Some(modified + 1),
                changed: None,
                comment: Some(b"{\"n\":1}"),
                ..Member::default()
            };
            let raw = back(&member);
            assert_eq!((&*raw.name, raw.owner, raw.size), (name, owner, size));
            assert_eq!((raw.modified, raw.accessed), (modified, Some(modified + 1)));
            assert_eq!((raw.mode, raw.kind, raw.changed), (0o4755, b'0', None));
            assert_eq!(raw.comment.as_deref(), Some(&b"{\"n\":1}"[..]));
        }
    }

    #[test]
    fn a_link_keeps_its_target_and_a_record_counts_its_own_length() {
        let target = [b'/'; 180];
        let link = Member { name: b"l", kind: b'2', target: &target, ..Member::default() };
        assert_eq!(back(&link).target, target);
        for length in [90, 91, 92, 93, 94, 95, 985, 986, 987, 988, 989, 990] {
            let mut out = Vec::new();
            record(&mut out, "path", &vec![b'x'; length]);
            let told: usize =
                String::from_utf8_lossy(&out).split(' ').next().unwrap().parse().unwrap();
            assert_eq!(told, out.len(), "{length}");
        }
        assert_eq!((padding(0).len(), padding(1).len(), padding(512).len()), (0, 511, 0));
    }
}
