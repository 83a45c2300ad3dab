//! What differs from a baseline of ours.
//!
//! The baseline is given to the host beforehand (`stanch detect --baseline`); without one there are
//! no rows. What a package shipped and its log tells of is not listed.

use std::path::Path;

use stanch_machine::FileKind;
use stanch_words::{Ask, Gap, GapKind, Seen, table_spec, text};

use crate::Host;
use crate::baseline::{Against, Because, Change, Difference, Given, Row, Told};
use crate::system_files::Kind;

table_spec! {
    /// Differences from a baseline.
    pub static SPEC, col = "baseline_differences": Files, "What differs from the baseline that was given with `--baseline`, in more than times, and is not explained by a package; without a baseline there are no rows.";
    path Text Plain "Path.";
    change Text Plain "added, removed or altered.";
    fields Text Plain "What is altered, with commas: type, content, size, target, device, mode, owner, group, capabilities, acl, label, attributes, flags, links, inode, mtime, ctime, btime.";
    r#type Text Plain "Kind of the file as it is, or as it was if it is gone: regular, directory, symlink and others.";
    kind Text Plain "What it is by its content: elf, script, code, data and others; empty if it is gone or was not read.";
    was_mode Text Plain "Permission bits as they were, octal.";
    mode Text Plain "Permission bits as they are, octal.";
    was_uid BigInt Plain "Owner as it was.";
    uid BigInt Plain "Owner as it is.";
    was_gid BigInt Plain "Group as it was.";
    gid BigInt Plain "Group as it is.";
    was_size BigInt Plain "Size as it was, in bytes.";
    size BigInt Plain "Size as it is, in bytes.";
    was_mtime BigInt Plain "Last change of content as it was, seconds since 1970.";
    mtime BigInt Plain "Last change of content as it is, seconds since 1970.";
    ctime BigInt Plain "Last change of the inode, seconds since 1970.";
    was_target Text Plain "Where a symlink pointed.";
    target Text Plain "Where a symlink points.";
    was_capabilities Text Plain "File capabilities as they were.";
    capabilities Text Plain "File capabilities as they are.";
    was_blake3 Text Plain "BLAKE3 of the content as it was.";
    blake3 Text Plain "BLAKE3 of the content as it is.";
    time_kept Integer Plain "1 if content is another and the time of its change is the old one: it was set back.";
    rights_gained Integer Plain "1 if it has set-id bits, capabilities or a permission for everybody to write that it did not have.";
    package Text Plain "The package that owned it when the baseline was made; empty if none did.";
    during_packages Integer Plain "1 if it changed while packages were being changed, though no package tells of it.";
    baseline_time BigInt Plain "When the baseline was made, seconds since 1970.";
}

/// Most rows.
const MOST: usize = 20_000;

/// Compares.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    let Some(given) = host.made::<Given>() else { return };
    let from = seen.gaps.len();
    let against = Against::look(host, &given, seen);
    for gap in seen.gaps.iter_mut().skip(from) {
        SPEC.name.clone_into(&mut gap.what);
    }
    let Some(against) = against else { return };
    let told = against.explained.told.iter();
    let told = told.filter(|told| told.because != Some(Because::Package));
    let mut left_out = against.compared.more;
    for told in told {
        if seen.rows.len() >= MOST {
            left_out = left_out.saturating_add(1);
            continue;
        }
        let row = row(host, told, against.header.time);
        seen.push(row);
    }
    if left_out > 0 {
        let detail = format!("{left_out} more differences are not listed");
        seen.gap(Gap::new(SPEC.name, GapKind::Truncated, detail));
    }
}

fn row(host: &Host, told: &Told, time: i64) -> stanch_words::Row {
    let difference = &told.difference;
    let (was, now) = (difference.was.as_deref(), difference.now.as_deref());
    let fields: Vec<&str> = difference.fields.iter().map(|field| field.name()).collect();
    let any = difference.row();
    let mode = |row: &Row| format!("{:04o}", row.mode & 0o7777);
    let seconds = |time: i64| time.div_euclid(1_000_000_000);
    let target = |row: &Row| row.target.as_deref().map_or_else(String::new, text::from_bytes);
    let digest = |row: &Row| row.blake3.map_or_else(String::new, |digest| text::hex(&digest));
    let package = was.map(|was| text::from_bytes(&was.package));
    let mut row = SPEC.row();
    row.put(col::path, path(difference))
        .put(col::change, difference.change.name())
        .put(col::fields, fields.join(","))
        .put(col::r#type, any.map_or("", |row| row.kind().name()))
        .put(col::kind, kind(host, difference))
        .put(col::was_mode, was.map(mode))
        .put(col::mode, now.map(mode))
        .put(col::was_uid, was.map(|row| row.uid))
        .put(col::uid, now.map(|row| row.uid))
        .put(col::was_gid, was.map(|row| row.gid))
        .put(col::gid, now.map(|row| row.gid))
        .put(col::was_size, was.map(|row| row.size))
        .put(col::size, now.map(|row| row.size))
        .put(col::was_mtime, was.map(|row| seconds(row.modified)))
        .put(col::mtime, now.map(|row| seconds(row.modified)))
        .put(col::ctime, now.map(|row| seconds(row.changed)))
        .put(col::was_target, was.map(target))
        .put(col::target, now.map(target))
        .put(col::was_capabilities, was.map(Row::capabilities))
        .put(col::capabilities, now.map(Row::capabilities))
        .put(col::was_blake3, was.map(digest))
        .put(col::blake3, now.map(digest))
        .put(col::time_kept, i64::from(difference.keeps_time()))
        .put(col::rights_gained, i64::from(difference.gains_rights()))
        .put(col::package, package.unwrap_or_default())
        .put(col::during_packages, i64::from(told.because == Some(Because::During)))
        .put(col::baseline_time, time);
    row
}

fn path(difference: &Difference) -> &Path {
    use std::os::unix::ffi::OsStrExt as _;
    Path::new(std::ffi::OsStr::from_bytes(difference.path()))
}

/// Returns what a file is by its content, for what is there.
fn kind(host: &Host, difference: &Difference) -> &'static str {
    let is_file = difference.now.as_ref().is_some_and(|now| now.kind() == FileKind::Regular);
    if difference.change == Change::Removed || !is_file {
        return "";
    }
    let path = path(difference);
    let head = host.machine().read(path, 8).map(|head| head.bytes).unwrap_or_default();
    Kind::of(&head, path.file_name().unwrap_or_default()).name()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use stanch_machine::Pretend;

    use super::*;
    use crate::baseline::{Collected, Header, Owners, Scope, Writer, collect};

    fn file(machine: &Pretend) -> Vec<u8> {
        let scope = Scope { roots: vec!["/usr".into()], ..Scope::default() };
        let header = Header { time: 1_772_323_200, scope, ..Header::default() };
        let items = std::sync::Mutex::new(Vec::new());
        let host = Host::new(Arc::new(machine.clone()));
        collect(&host, &header.scope, Owners::LeftOut, &Collected::default(), &|some| {
            items.lock().unwrap().extend(some);
            true
        });
        let mut writer = Writer::begin(Vec::new(), &header).unwrap();
        items.into_inner().unwrap().iter().for_each(|item| writer.push(item).unwrap());
        writer.end(&[]).unwrap().0
    }

    fn rows(given: Option<Vec<u8>>, now: Pretend) -> (Vec<String>, Vec<Gap>) {
        let host = Host::new(Arc::new(now));
        if let Some(bytes) = given {
            host.give(Arc::new(Given::new(move || {
                Ok(Box::new(std::io::Cursor::new(bytes.clone())))
            })));
        }
        let mut seen = Seen::default();
        read(&host, &Ask::all(), &mut seen);
        let shown = [col::path, col::change, col::fields, col::kind, col::time_kept];
        let line =
            |row: &stanch_words::Row| shown.map(|column| row.get(column).to_string()).join(" ");
        (seen.rows.iter().map(line).collect(), seen.gaps)
    }

    #[test]
    fn what_differs_has_a_row_and_without_a_baseline_there_is_none() {
        let before = || Pretend::new().file("/usr/bin/ls", "good").file("/usr/bin/cat", "cat");
        let now = before().file("/usr/bin/ls", "evil").file("/usr/lib/x.so", b"\x7fELF\x02");
        let (found, gaps) = rows(Some(file(&before())), now.clone());
        let expected = ["/usr/bin/ls altered content,inode data 1", "/usr/lib added   0"];
        assert_eq!(found[..2], expected, "{found:?}");
        assert_eq!(found[2..], ["/usr/lib/x.so added  elf 0"]);
        assert_eq!(gaps, []);
        assert_eq!(rows(None, now.clone()), (Vec::new(), Vec::new()));
        let mut torn = file(&before());
        torn.truncate(200);
        let (found, gaps) = rows(Some(torn), now);
        assert_eq!((found.len(), gaps.len()), (0, 1), "{gaps:?}");
        assert_eq!(gaps[0].what, SPEC.name);
    }
}
