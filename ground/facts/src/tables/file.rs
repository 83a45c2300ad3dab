//! Files: what statx(2) tells of paths that are asked about.
//!
//! As in osquery, a symlink is described by what it leads to, with `symlink` 1, and a dangling
//! one by itself. Source: inode(7), statx(2), ioctl_iflags(2), capabilities(7).

use std::path::Path;

use stanch_machine::{FileKind, Stat};
use stanch_words::{Ask, Seen, table_spec};

use crate::{Host, patterns};

table_spec! {
    /// Files by path or directory.
    pub static SPEC, col = "file": Files, "Files by path, pattern or directory.";
    path Text Required "Absolute path.";
    directory Text Required "Directory of the path.";
    filename Text Plain "Last part of the path.";
    inode BigInt Plain "Inode number.";
    uid BigInt Plain "Owner.";
    gid BigInt Plain "Group.";
    mode Text Plain "Permission bits, octal, four digits.";
    device BigInt Plain "Device that a special file stands for, as the kernel's dev_t.";
    size BigInt Plain "Size in bytes.";
    block_size Integer Plain "Preferred block size.";
    atime BigInt Plain "Last access, seconds since 1970.";
    mtime BigInt Plain "Last change of content, seconds since 1970: the owner can set it at will.";
    ctime BigInt Plain "Last change of the inode, seconds since 1970: cannot be set.";
    btime BigInt Plain "Birth, seconds since 1970; 0 where the file system does not keep it.";
    hard_links Integer Plain "Number of hard links.";
    symlink Integer Plain "1 if the path is a symlink.";
    r#type Text Plain "regular, directory, symlink, fifo, socket, character, block or unknown.";
    symlink_target_path Text Plain "Where the symlink leads, all links followed; empty if it is none.";
    pid_with_namespace Integer Plain "Always 0: only the machine's own root is read.";
    mount_namespace_id Text Plain "Always empty.";
    file_system_device BigInt Plain "Device of the file system, major shifted left by 32, and minor.";
    immutable Integer Plain "1 if the inode has the flag `i`; empty where the file system has no flags.";
    append_only Integer Plain "1 if the inode has the flag `a`.";
    capabilities Text Plain "File capabilities (attribute security.capability), hexadecimal; empty if there are none.";
}

/// Describes each path that is asked about; a path that is not there gives no row.
pub(super) fn read(host: &Host, ask: &Ask, seen: &mut Seen) {
    for path in patterns::paths(host, SPEC.name, ask, (col::path, col::directory), seen) {
        let link = match host.machine().lstat(&path) {
            Ok(link) => link,
            Err(miss) => {
                crate::host::note(SPEC.name, &miss, seen);
                continue;
            }
        };
        let symlink = link.kind() == FileKind::Symlink;
        let stat = if symlink { host.machine().stat(&path).unwrap_or(link) } else { link };
        let mut row = row(&path, &stat);
        row.put(col::symlink, symlink);
        let target = (symlink && ask.wants(col::symlink_target_path))
            .then(|| host.machine().resolve(&path).or_else(|_| host.machine().read_link(&path)));
        match target {
            Some(Ok(target)) => row.put(col::symlink_target_path, target.as_path()),
            Some(Err(_)) | None => row.put(col::symlink_target_path, ""),
        };
        attributes(host, ask, &path, &link, &mut row);
        seen.push(row);
    }
}

fn row(path: &Path, stat: &Stat) -> stanch_words::Row {
    let seconds = |nanoseconds: i64| nanoseconds.div_euclid(1_000_000_000);
    let mut row = SPEC.row();
    row.put(col::path, path)
        .put(col::directory, path.parent().unwrap_or(path))
        .put(col::filename, path.file_name().map(Path::new))
        .put(col::inode, stat.inode)
        .put(col::uid, stat.uid)
        .put(col::gid, stat.gid)
        .put(col::mode, format!("{:04o}", stat.mode & 0o7777))
        .put(col::device, kernel_device(stat.special_device))
        .put(col::size, stat.size)
        .put(col::block_size, stat.block_size)
        .put(col::atime, seconds(stat.accessed))
        .put(col::mtime, seconds(stat.modified))
        .put(col::ctime, seconds(stat.changed))
        .put(col::btime, stat.born.map_or(0, seconds))
        .put(col::hard_links, stat.links)
        .put(col::r#type, stat.kind().name())
        .put(col::pid_with_namespace, 0)
        .put(col::mount_namespace_id, "")
        .put(col::file_system_device, stat.device);
    row
}

/// Flags and capabilities of regular files and directories: asking needs the file to be opened.
fn attributes(host: &Host, ask: &Ask, path: &Path, stat: &Stat, row: &mut stanch_words::Row) {
    if !matches!(stat.kind(), FileKind::Regular | FileKind::Directory) {
        return;
    }
    // FS_IMMUTABLE_FL and FS_APPEND_FL, linux/fs.h.
    if ask.wants_any(&[col::immutable, col::append_only])
        && let Ok(Some(flags)) = host.machine().flags(path)
    {
        row.put(col::immutable, flags & 0x10 != 0).put(col::append_only, flags & 0x20 != 0);
    }
    if ask.wants(col::capabilities) && stat.kind() == FileKind::Regular {
        let found = host.machine().attribute(path, "security.capability");
        let text = found.ok().flatten().map(|bytes| stanch_words::text::hex(&bytes));
        row.put(col::capabilities, text.unwrap_or_default());
    }
}

/// Returns a device as the C library packs it (makedev(3)).
fn kernel_device(packed: u64) -> u64 {
    let (major, minor) = (packed >> 32, packed & 0xffff_ffff);
    (major & 0xfff) << 8 | (major & !0xfff) << 32 | minor & 0xff | (minor & !0xff) << 12
}

#[cfg(test)]
mod tests {
    use super::*;
    use stanch_machine::Pretend;
    use stanch_words::{Constraint, Op};

    fn look(op: Op, path: &str) -> Seen {
        let machine = Pretend::new()
            .file("/etc/real", "four")
            .with("/etc/real", |stat| stat.mode = 0o104_755)
            .link("/etc/link", "real")
            .link("/etc/dangling", "/nowhere");
        let constraints = vec![Constraint { column: col::path, op, value: path.into() }];
        let mut seen = Seen::default();
        let host = Host::new(std::sync::Arc::new(machine));
        read(&host, &Ask { constraints, ..Ask::all() }, &mut seen);
        seen
    }

    #[test]
    fn a_symlink_is_described_by_what_it_leads_to() {
        let seen = look(Op::Like, "/etc/%");
        let cell = |row: usize, column: usize| seen.rows[row].get(column).to_string();
        let names: Vec<_> = (0..3).map(|row| cell(row, col::filename)).collect();
        assert_eq!(names, ["dangling", "link", "real"]);
        assert_eq!((cell(0, col::r#type), cell(0, col::symlink)), ("symlink".into(), "1".into()));
        assert_eq!((cell(1, col::r#type), cell(1, col::symlink)), ("regular".into(), "1".into()));
        assert_eq!(cell(1, col::symlink_target_path), "/etc/real");
        assert_eq!((cell(2, col::mode), cell(2, col::size)), ("4755".into(), "4".into()));
        assert_eq!(seen.gaps, []);
    }

    #[test]
    fn what_is_not_there_gives_neither_row_nor_gap() {
        assert_eq!(look(Op::Equal, "/etc/none"), Seen::default());
    }

    #[test]
    fn devices_are_packed_as_by_makedev() {
        assert_eq!(kernel_device(1 << 32 | 3), 0x103);
        assert_eq!(kernel_device(259 << 32 | 1), 0x10301);
        assert_eq!(kernel_device(8 << 32 | 256), 0x0010_0800);
    }
}
