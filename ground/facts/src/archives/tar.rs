//! A tar's members, one behind the other.

use std::io::{self, BufRead, Read};

use stanch_machine::tar::{Found, Raw, Tar, skip};
use stanch_words::GapKind;

use super::{Place, Walker, shown};

pub(super) fn walk(walker: &mut Walker<'_>, reader: &mut dyn BufRead, place: &Place, depth: usize) {
    let mut reader = walker.counted(reader);
    let mut tar = Tar::default();
    loop {
        let met = match tar.next(&mut reader) {
            Ok(Found::End) => return,
            Ok(Found::Blank) => continue,
            Ok(Found::Entry(raw)) => one(walker, &mut reader, &raw, place, depth),
            Err(error) => Err(error),
        };
        if let Err(error) = met {
            return walker.broken(&place.of(""), &error);
        }
        if walker.is_done() {
            return;
        }
    }
}

/// Hands out one member and goes behind it. Directories, links and devices have no content.
fn one(
    walker: &mut Walker<'_>,
    reader: &mut dyn Read,
    raw: &Raw,
    place: &Place,
    depth: usize,
) -> io::Result<()> {
    let mut data = reader.take(raw.size);
    if matches!(raw.kind, b'0' | 0 | b'7' | b'S') {
        let name = place.of(&shown(&raw.name));
        if raw.has_many_holes {
            let why = "sparse files of GNU tar with many holes";
            walker.leave(GapKind::NotHere, &name, why);
        } else if raw.size > 0 {
            walker.member(&mut data, &name, depth);
        }
    }
    let rest = data.limit().saturating_add(raw.padding);
    if walker.is_done() { Ok(()) } else { skip(data.into_inner(), rest) }
}
