//! tar: headers of 512 bytes, each with its file behind it (POSIX.1-2017 pax, GNU's long names).

use std::io::{self, BufRead, Read};

use stanch_words::GapKind;

use super::{Place, Walker, shown};

const BLOCK: usize = 512;
/// The longest name in an entry of its own.
const LONG: u64 = 64 << 10;

pub(super) fn walk(walker: &mut Walker<'_>, reader: &mut dyn BufRead, place: &Place, depth: usize) {
    let mut reader = walker.counted(reader);
    let mut long: Option<Vec<u8>> = None;
    let mut size_of_pax: Option<u64> = None;
    loop {
        let mut header = Vec::with_capacity(BLOCK);
        if let Err(error) = super::take(&mut reader, &mut header, BLOCK) {
            return walker.broken(&place.of(""), &error);
        }
        if header.is_empty() {
            return;
        }
        // Two blocks of nothing end a tar; what stands behind them is read by `tar -i`.
        if header.iter().all(|&byte| byte == 0) {
            continue;
        }
        if !is_header(&header) {
            let error = io::Error::other("no tar header where one should be");
            return walker.broken(&place.of(""), &error);
        }
        let size = size_of_pax.take().or_else(|| number(part(&header, 124, 12))).unwrap_or(0);
        let kind = header.get(156).copied().unwrap_or(0);
        let padded = size.div_ceil(BLOCK as u64).saturating_mul(BLOCK as u64);
        let mut data = (&mut reader).take(padded);
        match kind {
            b'L' | b'x' => {
                let mut bytes = Vec::new();
                let read = (&mut data).take(size.min(LONG)).read_to_end(&mut bytes);
                if let Err(error) = read {
                    return walker.broken(&place.of(""), &error);
                }
                if kind == b'L' {
                    long = Some(bytes.split(|&byte| byte == 0).next().unwrap_or_default().to_vec());
                } else {
                    long = pax(&bytes, b"path").map(<[u8]>::to_vec).or(long);
                    size_of_pax = pax(&bytes, b"size").and_then(decimal);
                }
            }
            b'0' | 0 | b'7' | b'S' => {
                let name = long.take().unwrap_or_else(|| name(&header));
                let name = place.of(&shown(&name));
                if kind == b'S' && header.get(482) == Some(&1) {
                    walker.leave(
                        GapKind::NotHere,
                        &name,
                        "sparse files of GNU tar with many holes",
                    );
                } else if size > 0 {
                    walker.member(&mut (&mut data).take(size), &name, depth);
                }
            }
            // Directories, links and devices have no content.
            _ => long = None,
        }
        if walker.is_done() {
            return;
        }
        if let Err(error) = io::copy(&mut data, &mut io::sink()) {
            return walker.broken(&place.of(""), &error);
        }
    }
}

fn part(header: &[u8], at: usize, length: usize) -> &[u8] {
    header.get(at..at.saturating_add(length)).unwrap_or_default()
}

fn text(header: &[u8], at: usize, length: usize) -> &[u8] {
    part(header, at, length).split(|&byte| byte == 0).next().unwrap_or_default()
}

/// Returns whether the checksum fits: the sum of all bytes, with spaces in its own place.
fn is_header(header: &[u8]) -> bool {
    let told = number(part(header, 148, 8));
    let sum = header.iter().zip(0_usize..).fold(0_u64, |sum, (&byte, at)| {
        sum.saturating_add(u64::from(if (148..156).contains(&at) { b' ' } else { byte }))
    });
    header.len() == BLOCK && told == Some(sum)
}

/// Returns a number in octal digits, or in base 256 if its first bit is set.
fn number(field: &[u8]) -> Option<u64> {
    if let Some((&first @ 0x80.., rest)) = field.split_first() {
        let first = u64::from(first & 0x7f);
        return rest
            .iter()
            .try_fold(first, |sum, &byte| sum.checked_mul(256)?.checked_add(u64::from(byte)));
    }
    let end = field.iter().position(|&byte| byte == 0).unwrap_or(field.len());
    let digits = std::str::from_utf8(field.get(..end)?).ok()?.trim();
    if digits.is_empty() { Some(0) } else { u64::from_str_radix(digits, 8).ok() }
}

fn decimal(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn name(header: &[u8]) -> Vec<u8> {
    let own = text(header, 0, 100);
    let is_ustar = part(header, 257, 6) == b"ustar\0";
    match text(header, 345, 155) {
        prefix if is_ustar && !prefix.is_empty() => [prefix, b"/", own].concat(),
        _ => own.to_vec(),
    }
}

/// Returns a value of a pax header: lines of `LENGTH KEY=VALUE`, the length that of the line.
fn pax<'b>(bytes: &'b [u8], key: &[u8]) -> Option<&'b [u8]> {
    let mut rest = bytes;
    let mut found = None;
    while let Some(space) = rest.iter().position(|&byte| byte == b' ') {
        let length = decimal(rest.get(..space)?).and_then(|length| usize::try_from(length).ok())?;
        let record = rest.get(space.checked_add(1)?..length.checked_sub(1)?)?;
        if let Some(value) = record.strip_prefix(key).and_then(|it| it.strip_prefix(b"=")) {
            found = Some(value);
        }
        rest = rest.get(length..)?;
    }
    found
}
