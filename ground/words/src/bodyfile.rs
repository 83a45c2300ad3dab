//! Lines of a body file, as the Sleuth Kit reads them.
//!
//! Source: the Sleuth Kit's wiki, "Body file" (version 3.x):
//! `MD5|name|inode|mode_as_string|UID|GID|size|atime|mtime|ctime|crtime`. Times are whole seconds,
//! 0 where there is none. The format has no escapes, so that a name could forge a line: what would
//! break one is written `\x0a`, `\x0d`, `\x7c`, `\x20` and, so that this can be told, `\x5c`.

use crate::FileTimes;

/// Adds the line of a file; behind a symlink's name stands where it leads.
pub fn file(out: &mut Vec<u8>, file: &FileTimes<'_>) {
    out.extend_from_slice(b"0|");
    name(out, &file.path);
    if let Some(target) = &file.target {
        out.extend_from_slice(b" -> ");
        name(out, target);
    }
    let seconds = |time: i64| time.div_euclid(1_000_000_000);
    let (a, m, c) = (seconds(file.accessed), seconds(file.modified), seconds(file.changed));
    let b = file.born.map_or(0, seconds);
    let (inode, mode, uid, gid, size) =
        (file.inode, mode(file.mode), file.uid, file.gid, file.size);
    let rest = format!("|{inode}|{mode}|{uid}|{gid}|{size}|{a}|{m}|{c}|{b}\n");
    out.extend_from_slice(rest.as_bytes());
}

/// Adds the line of something else that happened, at a time in nanoseconds.
pub fn deed(out: &mut Vec<u8>, told: &str, time: i64) {
    out.extend_from_slice(b"0|");
    name(out, told.as_bytes());
    let seconds = time.div_euclid(1_000_000_000);
    out.extend_from_slice(format!("|0|0|0|0|0|0|{seconds}|0|0\n").as_bytes());
}

/// Adds a name; what would break the line is escaped: a line end, a bar, an arrow, and the
/// backslash itself.
fn name(out: &mut Vec<u8>, name: &[u8]) {
    for (place, byte) in name.iter().enumerate() {
        match byte {
            b'\n' => out.extend_from_slice(b"\\x0a"),
            b'\r' => out.extend_from_slice(b"\\x0d"),
            b'|' => out.extend_from_slice(b"\\x7c"),
            b'\\' => out.extend_from_slice(b"\\x5c"),
            b' ' if name.get(place..).is_some_and(|rest| rest.starts_with(b" -> ")) => {
                out.extend_from_slice(b"\\x20");
            }
            byte => out.push(*byte),
        }
    }
}

/// Returns a mode as `ls -l` shows it.
pub fn mode(mode: u32) -> String {
    let kind = match mode & 0o170_000 {
        0o040_000 => 'd',
        0o120_000 => 'l',
        0o010_000 => 'p',
        0o140_000 => 's',
        0o020_000 => 'c',
        0o060_000 => 'b',
        _ => '-',
    };
    let mut text = String::from(kind);
    for (place, letter) in ['r', 'w', 'x', 'r', 'w', 'x', 'r', 'w', 'x'].into_iter().enumerate() {
        let has = mode >> (8_usize.saturating_sub(place)) & 1 == 1;
        let special = match place {
            2 => Some((0o4000, 's', 'S')),
            5 => Some((0o2000, 's', 'S')),
            8 => Some((0o1000, 't', 'T')),
            _ => None,
        };
        text.push(match special {
            Some((bit, with, _)) if mode & bit != 0 && has => with,
            Some((bit, _, without)) if mode & bit != 0 => without,
            _ if has => letter,
            _ => '-',
        });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_shown_as_everybody_reads_them() {
        for (bits, text) in [
            (0o100_644, "-rw-r--r--"),
            (0o104_755, "-rwsr-xr-x"),
            (0o102_644, "-rw-r-Sr--"),
            (0o041_777, "drwxrwxrwt"),
            (0o120_777, "lrwxrwxrwx"),
            (0o010_600, "prw-------"),
        ] {
            assert_eq!(mode(bits), text);
        }
    }

    #[test]
    fn a_name_cannot_forge_a_line() {
        let mut out = Vec::new();
        let told = FileTimes {
            path: b"/a|b\n0|\\ -> x"[..].into(),
            mode: 0o100_600,
            inode: 9,
            size: 3,
            uid: 1,
            born: Some(1_999_999_999),
            ..FileTimes::default()
        };
        file(&mut out, &told);
        deed(&mut out, "[auth.failure] a|b\n", -1);
        let expected: &[u8] = b"0|/a\\x7cb\\x0a0\\x7c\\x5c\\x20-> x|9|-rw-------|1|0|3|0|0|0|1\n\
            0|[auth.failure] a\\x7cb\\x0a|0|0|0|0|0|0|-1|0|0\n";
        assert_eq!(out, expected);
    }
}
