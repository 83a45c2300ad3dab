//! Lines of a bodyfile: files as the file system told of them, whether their content was taken or
//! not.
//!
//! Source: the Sleuth Kit's wiki, "Body file" (version 3.x):
//! `MD5|name|inode|mode_as_string|UID|GID|size|atime|mtime|ctime|crtime`. What would break a line
//! or a field is written `\x0a`, `\x0d`, `\x7c`, `\x20` and, so that this can be told, `\x5c`;
//! they are written in `ground/words/src/bodyfile.rs`.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

use crate::Stat;

/// A file of a bodyfile.
#[derive(Debug, PartialEq)]
pub(super) struct Told {
    pub(super) path: PathBuf,
    pub(super) stat: Stat,
    /// Where it leads, if it is a symlink and this is told.
    pub(super) target: Option<Vec<u8>>,
}

/// Reads a line: a path and what it is like.
pub(super) fn line(text: &[u8]) -> Option<Told> {
    let mut fields = text.split(|&byte| byte == b'|');
    let _md5 = fields.next()?;
    let name = fields.next()?;
    let inode = number(fields.next()?)?;
    let mode = mode(fields.next()?)?;
    let (uid, gid) = (number(fields.next()?)?, number(fields.next()?)?);
    let size = number(fields.next()?)?;
    let mut times = [0_i64; 4];
    for time in &mut times {
        let seconds: i64 = std::str::from_utf8(fields.next()?).ok()?.trim().parse().ok()?;
        *time = seconds.saturating_mul(1_000_000_000);
    }
    let [accessed, modified, changed, born] = times;
    // Behind the name of a symlink stands where it leads.
    let arrow = (mode & 0o170_000 == 0o120_000)
        .then(|| name.windows(4).position(|four| four == b" -> "))
        .flatten();
    let target = arrow.and_then(|at| Some(plain(name.get(at.checked_add(4)?..)?)));
    let name = arrow.and_then(|at| name.get(..at)).unwrap_or(name);
    if !name.starts_with(b"/") {
        return None;
    }
    let id = |id: u64| u32::try_from(id).unwrap_or(u32::MAX);
    let stat = Stat {
        mode,
        uid: id(uid),
        gid: id(gid),
        size,
        inode,
        links: 1,
        accessed,
        modified,
        changed,
        born: (born > 0).then_some(born),
        ..Stat::default()
    };
    Some(Told { path: PathBuf::from(OsString::from_vec(plain(name))), stat, target })
}

fn number(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.trim().parse().ok()
}

/// Undoes the escapes of a name.
fn plain(name: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(name.len());
    let mut rest = name;
    while let Some((&first, tail)) = rest.split_first() {
        let code = match tail {
            [b'x', b'0', b'a', ..] if first == b'\\' => Some(b'\n'),
            [b'x', b'0', b'd', ..] if first == b'\\' => Some(b'\r'),
            [b'x', b'7', b'c', ..] if first == b'\\' => Some(b'|'),
            [b'x', b'2', b'0', ..] if first == b'\\' => Some(b' '),
            [b'x', b'5', b'c', ..] if first == b'\\' => Some(b'\\'),
            _ => None,
        };
        out.push(code.unwrap_or(first));
        rest = if code.is_some() { tail.get(3..).unwrap_or_default() } else { tail };
    }
    out
}

/// Reads a mode as `ls -l` shows it.
fn mode(text: &[u8]) -> Option<u32> {
    let text: &[u8; 10] = text.get(..10)?.try_into().ok()?;
    let [kind, bits @ ..] = text;
    let kind = match kind {
        b'-' | b'r' => 0o100_000,
        b'd' => 0o040_000,
        b'l' => 0o120_000,
        b'p' => 0o010_000,
        b's' => 0o140_000,
        b'c' => 0o020_000,
        b'b' => 0o060_000,
        _ => return None,
    };
    let mut rights = 0_u32;
    for bit in bits {
        rights = rights << 1 | u32::from(!matches!(bit, b'-' | b'S' | b'T'));
    }
    Some(kind | special(bits) | rights)
}

fn special(bits: &[u8]) -> u32 {
    let has = |place: usize| matches!(bits.get(place), Some(b's' | b'S' | b't' | b'T'));
    u32::from(has(2)) << 11 | u32::from(has(5)) << 10 | u32::from(has(8)) << 9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_kind_rights_times_and_targets() {
        let told = |text: &[u8]| {
            let told = line(text).unwrap();
            (told.path, told.stat, told.target)
        };
        let (path, stat, target) = told(b"0|/usr/bin/su|131|-rwsr-xr-x|0|0|55680|1|2|3|4");
        assert_eq!((path, target), (PathBuf::from("/usr/bin/su"), None));
        assert_eq!((stat.mode, stat.inode, stat.size), (0o104_755, 131, 55_680));
        assert_eq!((stat.accessed, stat.born), (1_000_000_000, Some(4_000_000_000)));
        let (path, stat, _) = told(b"0|/a\\x0ab\\x0d\\x7c\\x5c|1|drwxrwxrwt|0|0|0|0|0|0|0");
        assert_eq!((path, stat.mode, stat.born), ("/a\nb\r|\\".into(), 0o041_777, None));
        let (path, stat, target) = told(b"0|/a\\x20-> b -> usr/bin|1|lrwxrwxrwx|0|0|7|1|1|1|0");
        assert_eq!((path, stat.mode), ("/a -> b".into(), 0o120_777));
        assert_eq!(target.as_deref(), Some(&b"usr/bin"[..]));
        for bad in ["", "0|/a", "0|a|1|-rw-r--r--|0|0|0|0|0|0|0", "0|/a|1|what|0|0|0|0|0|0|0"] {
            assert_eq!(line(bad.as_bytes()), None, "{bad}");
        }
    }
}
