//! Mounted file systems, and what lies under them.
//!
//! Source: proc_pid_mountinfo(5), statfs(2). Mounting over `/proc/PID` hides a process from every
//! program that lists `/proc` (ATT&CK T1564.013), so this table says what a mount covers.

use std::collections::BTreeSet;
use std::path::Path;

use stanch_machine::limits;
use stanch_words::{Ask, Gap, GapKind, Seen, Value, table_spec};

use crate::Host;
use crate::mount_list::{self, Mount};

table_spec! {
    /// Mounts.
    pub static SPEC, col = "mounts": Live, "Mounted file systems, one row a mount.";
    device Text Plain "What is mounted.";
    device_alias Text Plain "The device with symlinks followed.";
    path Text Index "Where it is mounted.";
    r#type Text Plain "File system type.";
    blocks_size BigInt Plain "Block size in bytes.";
    blocks BigInt Plain "Blocks in all.";
    blocks_free BigInt Plain "Blocks free.";
    blocks_available BigInt Plain "Blocks free to ordinary users.";
    inodes BigInt Plain "Inodes in all.";
    inodes_free BigInt Plain "Inodes free.";
    flags Text Plain "Mount options.";
    source_root Text Plain "Directory of the file system that is mounted here: / unless this is a bind mount.";
    device_number Text Plain "Device number, major:minor.";
    super_options Text Plain "Options of the file system itself.";
    over_proc_pid BigInt Plain "The pid, if it is mounted over /proc/PID or below it.";
    hides Integer Plain "1 if it covers a place that an examiner reads: /proc/PID, /etc, /var/log, cron, systemd or ssh files.";
    declared Integer Plain "1 if /etc/fstab names the place or a mount unit is there for it.";
    covered Integer Plain "1 if another mount lies on the same place above it.";
    id BigInt Plain "Mount id.";
    parent BigInt Plain "Mount id of the mount below.";
}

const TOTALS: &[usize] = &[
    col::blocks_size,
    col::blocks,
    col::blocks_free,
    col::blocks_available,
    col::inodes,
    col::inodes_free,
];

/// Reads the mount list, and the totals where they are asked for.
pub(super) fn read(host: &Host, ask: &Ask, seen: &mut Seen) {
    let declared =
        if ask.wants(col::declared) { Declared::read(host, seen) } else { Declared::default() };
    for mount in mount_list::read(host, SPEC.name, seen) {
        let mut row = row_of(&mount);
        let path = Value::bytes(&mount.path);
        if ask.equal(col::path).is_some_and(|wanted| *wanted != path) {
            continue;
        }
        if ask.wants(col::declared) {
            row.put(col::declared, declared.has(host, &mount.path));
        }
        if ask.wants(col::device_alias) && mount.device.starts_with(b"/dev/") {
            let device = stanch_words::text::from_bytes(&mount.device);
            let alias = host.machine().resolve(Path::new(&device)).ok();
            row.put(col::device_alias, alias.as_deref().map(Value::from));
        }
        // The totals of a covered mount would be those of the mount above it.
        if ask.wants_any(TOTALS) && !mount.covered {
            totals(host, &mount, &mut row, seen);
        }
        seen.push(row);
    }
}

fn totals(host: &Host, mount: &Mount, row: &mut stanch_words::Row, seen: &mut Seen) {
    let Some(total) = file_system(host, SPEC.name, mount, seen) else { return };
    row.put(col::blocks_size, total.block_size)
        .put(col::blocks, total.blocks)
        .put(col::blocks_free, total.blocks_free)
        .put(col::blocks_available, total.blocks_available)
        .put(col::inodes, total.inodes)
        .put(col::inodes_free, total.inodes_free);
}

/// Returns a mount's totals; a file system that may hang is not asked, which is a gap.
pub(super) fn file_system(
    host: &Host,
    table: &str,
    mount: &Mount,
    seen: &mut Seen,
) -> Option<stanch_machine::kernel::FileSystem> {
    use std::os::unix::ffi::OsStrExt as _;
    let path = Path::new(std::ffi::OsStr::from_bytes(&mount.path));
    if mount.may_hang() {
        let kind = stanch_words::text::from_bytes(&mount.kind);
        let detail = format!("not asked for its size: `{kind}` may not answer");
        let text = stanch_words::text::from_bytes(&mount.path);
        seen.gap(Gap::new(table, GapKind::TimedOut, detail).at(text));
        return None;
    }
    match host.machine().kernel()?.file_system(path) {
        Ok(total) => Some(total),
        Err(miss) => {
            seen.gap(miss.gap(table));
            None
        }
    }
}

fn row_of(mount: &Mount) -> stanch_words::Row {
    let pid = proc_pid(&mount.path);
    let mut row = SPEC.row();
    row.put(col::device, &mount.device[..])
        .put(col::device_alias, &mount.device[..])
        .put(col::path, &mount.path[..])
        .put(col::r#type, &mount.kind[..])
        .put(col::flags, &mount.options[..])
        .put(col::source_root, &mount.source_root[..])
        .put(col::device_number, mount.device_number.as_str())
        .put(col::super_options, &mount.super_options[..])
        .put(col::over_proc_pid, pid)
        .put(col::hides, hides(mount))
        .put(col::covered, mount.covered)
        .put(col::id, mount.id)
        .put(col::parent, mount.parent);
    row
}

/// The places that an administrator wants something mounted on.
#[derive(Default)]
struct Declared(BTreeSet<Vec<u8>>);

impl Declared {
    fn read(host: &Host, seen: &mut Seen) -> Self {
        let path = Path::new("/etc/fstab");
        let bytes = host.read(SPEC.name, path, limits::CONFIG_FILE, seen).unwrap_or_default();
        Self(parse_fstab(&bytes))
    }

    fn has(&self, host: &Host, place: &[u8]) -> bool {
        const UNITS: [&str; 4] = [
            "/etc/systemd/system",
            "/run/systemd/generator",
            "/usr/lib/systemd/system",
            "/lib/systemd/system",
        ];
        let unit = unit_name(place);
        self.0.contains(place)
            || UNITS.iter().any(|directory| {
                let path = Path::new(directory).join(&unit);
                host.machine().lstat(&path).is_ok()
            })
    }
}

/// Returns the places in fstab(5): its second words, with `\\040` for a blank.
pub fn parse_fstab(bytes: &[u8]) -> BTreeSet<Vec<u8>> {
    bytes
        .split(|&byte| byte == b'\n')
        .filter(|line| !line.trim_ascii_start().starts_with(b"#"))
        .filter_map(|line| crate::lines::words(line).nth(1))
        .map(mount_list::unescaped)
        .collect()
}

/// Returns the name of the unit for a place (systemd-escape(1), `--path`).
fn unit_name(place: &[u8]) -> String {
    let trimmed = place.strip_prefix(b"/").unwrap_or(place);
    let mut name = String::new();
    for (at, &byte) in trimmed.iter().enumerate() {
        match byte {
            b'/' => name.push('-'),
            b'.' if at == 0 => name.push_str("\\x2e"),
            b'_' | b'.' | b':' => name.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => name.push(char::from(byte)),
            byte => name.push_str(&format!("\\x{byte:02x}")),
        }
    }
    if name.is_empty() { "-.mount".to_owned() } else { name + ".mount" }
}

fn proc_pid(path: &[u8]) -> Option<i64> {
    let rest = path.strip_prefix(b"/proc/")?;
    let name = rest.split(|&b| b == b'/').next()?;
    std::str::from_utf8(name).ok()?.parse().ok()
}

/// Returns whether a mount covers a place that an examiner reads.
fn hides(mount: &Mount) -> bool {
    const PLACES: &[&[u8]] = &[
        b"/etc",
        b"/var/log",
        b"/var/spool/cron",
        b"/var/lib/dpkg",
        b"/var/lib/rpm",
        b"/usr/lib/sysimage/rpm",
        b"/lib/systemd",
        b"/usr/lib/systemd",
        b"/root/.ssh",
        b"/run/systemd/system",
        b"/usr/bin",
        b"/usr/sbin",
        b"/bin",
        b"/sbin",
        b"/lib/modules",
        b"/usr/lib/modules",
        b"/proc/modules",
        b"/proc/net",
        b"/proc/kallsyms",
        b"/proc/mounts",
    ];
    // Container runtimes put these over an image's own, systemd the last where / is read-only.
    const USUAL: &[&[u8]] =
        &[b"/etc/hosts", b"/etc/hostname", b"/etc/resolv.conf", b"/etc/machine-id"];
    if proc_pid(&mount.path).is_some() {
        return true;
    }
    let under = |place: &[u8]| {
        mount.path.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
    };
    let place = PLACES.iter().any(|place| under(place)) || mount.path.ends_with(b"/.ssh");
    // A whole block device on /var/log or /usr is an ordinary partition.
    let partition = mount.source_root == b"/" && mount.device.starts_with(b"/dev/");
    place && !partition && !USUAL.contains(&&mount.path[..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &[u8]) -> Vec<stanch_words::Row> {
        let mut seen = Seen::default();
        let rows = mount_list::parse(text, SPEC.name, &mut seen).iter().map(row_of).collect();
        assert_eq!(seen.gaps, []);
        rows
    }

    #[test]
    fn a_directory_mounted_over_a_process() {
        let rows = rows(
            b"50 22 254:0 /tmp/empty /proc/4242 rw - ext4 /dev/vda rw\n\
              51 22 0:50 / /proc/77/net rw - tmpfs none rw\n",
        );
        assert_eq!(rows[0].get(col::over_proc_pid).as_integer(), Some(4242));
        assert_eq!(rows[0].get(col::hides).as_integer(), Some(1));
        assert_eq!(rows[1].get(col::over_proc_pid).as_integer(), Some(77));
    }

    #[test]
    fn a_log_partition_hides_nothing_and_a_tmpfs_over_it_does() {
        let rows = rows(
            b"50 27 8:3 / /var/log rw - ext4 /dev/sda3 rw\n\
              51 27 0:50 / /var/log rw - tmpfs none rw\n\
              52 27 254:0 /c/hosts /etc/hosts rw - ext4 /dev/vda rw\n\
              53 27 254:0 /x /etc/cron.d rw - ext4 /dev/vda rw\n\
              54 27 0:60 / /etcetera rw - tmpfs none rw\n",
        );
        let hides: Vec<_> = rows.iter().map(|row| row.get(col::hides).as_integer()).collect();
        assert_eq!(hides, [Some(0), Some(1), Some(0), Some(1), Some(0)]);
    }

    #[test]
    fn a_place_that_the_administrator_declared_is_told_from_one_that_nobody_did() {
        let machine = stanch_machine::Pretend::new()
            .file(
                "/etc/fstab",
                "# x /etc y\n/dev/sda3 /var/log ext4 defaults 0 2\ntmpfs /a\\040b t\n",
            )
            .file("/etc/systemd/system/var-spool-my\\x2dcron.mount", "");
        let host = Host::new(std::sync::Arc::new(machine));
        let mut seen = Seen::default();
        let declared = Declared::read(&host, &mut seen);
        for (place, is) in
            [("/var/log", true), ("/a b", true), ("/var/spool/my-cron", true), ("/etc", false)]
        {
            assert_eq!(declared.has(&host, place.as_bytes()), is, "{place}");
        }
        assert_eq!(seen.gaps, []);
    }

    #[test]
    fn a_network_file_system_is_never_asked_for_its_size() {
        let mut seen = Seen::default();
        let host = Host::new(std::sync::Arc::new(stanch_machine::Pretend::new()));
        let mount =
            Mount { kind: b"nfs4".to_vec(), path: b"/mnt/far".to_vec(), ..Mount::default() };
        assert!(file_system(&host, SPEC.name, &mount, &mut seen).is_none());
        assert_eq!(seen.gaps[0].kind, GapKind::TimedOut);
        assert_eq!(seen.gaps[0].path.as_deref(), Some("/mnt/far"));
    }
}
