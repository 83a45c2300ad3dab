//! ar (ar(5)): what Debian's packages and static libraries are. Long names are GNU's (in a table)
//! or BSD's (before the member's bytes).

use std::io::{self, BufRead, Read};

use super::{Place, Walker, shown};

const MAGIC: u64 = 8;
const HEADER: usize = 60;
/// The longest table of names.
const TABLE: u64 = 1 << 20;

pub(super) fn walk(walker: &mut Walker<'_>, reader: &mut dyn BufRead, place: &Place, depth: usize) {
    let mut reader = walker.counted(reader);
    if let Err(error) = io::copy(&mut (&mut reader).take(MAGIC), &mut io::sink()) {
        return walker.broken(&place.of(""), &error);
    }
    let mut table = Vec::new();
    loop {
        let mut header = Vec::with_capacity(HEADER);
        if let Err(error) = super::take(&mut reader, &mut header, HEADER) {
            return walker.broken(&place.of(""), &error);
        }
        if header.is_empty() {
            return;
        }
        let Some(size) = size(&header) else {
            let error = io::Error::other("no ar header where one should be");
            return walker.broken(&place.of(""), &error);
        };
        let name = header.get(..16).unwrap_or_default().trim_ascii_end();
        let mut data = (&mut reader).take(size.saturating_add(size % 2));
        match name {
            b"//" => {
                if let Err(error) = (&mut data).take(size.min(TABLE)).read_to_end(&mut table) {
                    return walker.broken(&place.of(""), &error);
                }
            }
            b"/" | b"/SYM64/" => {}
            _ => {
                let mut content = (&mut data).take(size);
                let Ok(name) = long(name, &table, &mut content) else {
                    return walker
                        .broken(&place.of(""), &io::Error::other("a name that is cut off"));
                };
                walker.member(&mut content, &place.of(&shown(&name)), depth);
            }
        }
        if walker.is_done() {
            return;
        }
        if let Err(error) = io::copy(&mut data, &mut io::sink()) {
            return walker.broken(&place.of(""), &error);
        }
    }
}

fn size(header: &[u8]) -> Option<u64> {
    let is_header = header.get(58..60) == Some(b"`\n");
    let digits = std::str::from_utf8(header.get(48..58)?).ok()?.trim();
    is_header.then(|| digits.parse().ok()).flatten()
}

fn long(name: &[u8], table: &[u8], content: &mut dyn Read) -> io::Result<Vec<u8>> {
    let number = |text: &[u8]| std::str::from_utf8(text).ok()?.parse::<usize>().ok();
    if let Some(length) = name.strip_prefix(b"#1/").and_then(number) {
        let mut name = Vec::new();
        content.take(length as u64).read_to_end(&mut name)?;
        return Ok(name.split(|&byte| byte == 0).next().unwrap_or_default().to_vec());
    }
    if let Some(at) = name.strip_prefix(b"/").and_then(number) {
        let rest = table.get(at..).unwrap_or_default();
        return Ok(rest
            .split(|&byte| byte == b'/' || byte == b'\n')
            .next()
            .unwrap_or_default()
            .to_vec());
    }
    Ok(name.strip_suffix(b"/").unwrap_or(name).to_vec())
}
