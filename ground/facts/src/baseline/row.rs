//! One item as bytes: what it shares with the path before it is left out.

use stanch_machine::FileKind;
use stanch_machine::inspect::Content;

use super::bytes::{Bytes, put, put_signed, put_text, put_time};
use super::{Item, Row};

/// What stands at a path, in the first byte.
const FILE: u8 = 0;
const UNSEEN: u8 = 1;
const UNSEEN_BELOW: u8 = 2;

/// Which fields a row has.
const BORN: u8 = 1;
const FLAGS: u8 = 2;
const TARGET: u8 = 4;
const ATTRIBUTES: u8 = 8;
const PACKAGE: u8 = 16;
const BLAKE3: u8 = 32;
const SHA256: u8 = 64;
const SPECIAL: u8 = 128;

/// The longest path: PATH_MAX is 4096, but a walk can go deeper.
const LONGEST: usize = 1 << 20;

/// Appends an item, after the one with the path `before`.
pub(super) fn put_item(out: &mut Vec<u8>, item: &Item, before: &[u8]) {
    out.push(match item {
        Item::Row(_) => FILE,
        Item::Unseen(_) => UNSEEN,
        Item::UnseenBelow(_) => UNSEEN_BELOW,
    });
    let path = item.path();
    let shared = path.iter().zip(before).take_while(|(a, b)| a == b).count();
    put(out, shared as u64);
    put_text(out, path.get(shared..).unwrap_or_default());
    if let Item::Row(row) = item {
        put_row(out, row);
    }
}

fn put_row(out: &mut Vec<u8>, row: &Row) {
    let is_special =
        matches!(row.kind(), FileKind::BlockDevice | FileKind::CharacterDevice) || row.device != 0;
    let has = [
        (row.born.is_some(), BORN),
        (row.flags.is_some(), FLAGS),
        (row.target.is_some(), TARGET),
        (!row.attributes.is_empty(), ATTRIBUTES),
        (!row.package.is_empty(), PACKAGE),
        (row.blake3.is_some(), BLAKE3),
        (row.sha256.is_some(), SHA256),
        (is_special, SPECIAL),
    ];
    out.push(has.into_iter().filter(|one| one.0).fold(0, |all, one| all | one.1));
    out.push(match row.content {
        Content::NotRead => 0,
        Content::Whole => 1,
        Content::Changed => 2,
        Content::Missed => 3,
    });
    for number in [row.mode, row.uid, row.gid] {
        put(out, number.into());
    }
    for number in [row.size, row.inode, row.links] {
        put(out, number);
    }
    put_time(out, row.modified);
    // The inode usually changed when the content did, or later.
    put_signed(out, row.changed.wrapping_sub(row.modified));
    if let Some(born) = row.born {
        put_signed(out, row.changed.wrapping_sub(born));
    }
    if let Some(flags) = row.flags {
        put(out, flags.into());
    }
    if let Some(target) = &row.target {
        put_text(out, target);
    }
    if !row.attributes.is_empty() {
        put(out, row.attributes.len() as u64);
        for (name, value) in &row.attributes {
            put_text(out, name);
            put_text(out, value);
        }
    }
    if !row.package.is_empty() {
        put_text(out, &row.package);
    }
    if is_special {
        put(out, row.device);
    }
    for digest in [row.blake3, row.sha256].into_iter().flatten() {
        out.extend_from_slice(&digest);
    }
}

/// Takes an item off the front; nothing if the bytes are none.
pub(super) fn item(bytes: &mut Bytes<'_>, before: &[u8]) -> Option<Item> {
    let kind = bytes.byte()?;
    let shared = usize::try_from(bytes.number()?).ok()?;
    let rest = bytes.text()?;
    let shared = before.get(..shared)?;
    if shared.len().saturating_add(rest.len()) > LONGEST {
        return None;
    }
    let path = [shared, rest].concat();
    if path.first() != Some(&b'/') || path.contains(&0) {
        return None;
    }
    match kind {
        FILE => Some(Item::Row(Box::new(row(bytes, path)?))),
        UNSEEN => Some(Item::Unseen(path)),
        UNSEEN_BELOW => Some(Item::UnseenBelow(path)),
        _ => None,
    }
}

fn row(bytes: &mut Bytes<'_>, path: Vec<u8>) -> Option<Row> {
    let has = bytes.byte()?;
    let content = match bytes.byte()? {
        0 => Content::NotRead,
        1 => Content::Whole,
        2 => Content::Changed,
        3 => Content::Missed,
        _ => return None,
    };
    let mut row = Row { path, content, ..Row::default() };
    row.mode = bytes.small()?;
    row.uid = bytes.small()?;
    row.gid = bytes.small()?;
    row.size = bytes.number()?;
    row.inode = bytes.number()?;
    row.links = bytes.number()?;
    row.modified = bytes.time()?;
    row.changed = row.modified.wrapping_add(bytes.signed()?);
    if has & BORN != 0 {
        row.born = Some(row.changed.wrapping_sub(bytes.signed()?));
    }
    if has & FLAGS != 0 {
        row.flags = Some(bytes.small()?);
    }
    if has & TARGET != 0 {
        row.target = Some(bytes.text()?.to_vec());
    }
    if has & ATTRIBUTES != 0 {
        for _ in 0..bytes.number()? {
            row.attributes.push((bytes.text()?.to_vec(), bytes.text()?.to_vec()));
        }
    }
    if has & PACKAGE != 0 {
        row.package = bytes.text()?.to_vec();
    }
    if has & SPECIAL != 0 {
        row.device = bytes.number()?;
    }
    if has & BLAKE3 != 0 {
        row.blake3 = Some(*bytes.take(32)?.first_chunk()?);
    }
    if has & SHA256 != 0 {
        row.sha256 = Some(*bytes.take(32)?.first_chunk()?);
    }
    Some(row)
}
