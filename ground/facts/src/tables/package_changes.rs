//! Package changes: what was installed, upgraded or removed, and when. An upgrade explains a
//! running program whose file was replaced.
//!
//! Source: dpkg(1) LOGFILE; rpm's tag INSTALLTIME. Older logs are read too, compressed or not.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use stanch_machine::limits;
use stanch_words::{Ask, Gap, GapKind, Seen, Value, table_spec};

use crate::host::note;
use crate::logs::package_lines::{self, Dpkg};
use crate::logs::{Context, Stamps};
use crate::packages::rpm::{Header, tag};
use crate::packages::rpm_database;
use crate::{Host, decompress};

table_spec! {
    /// Package changes.
    pub static SPEC, col = "package_changes": Files, "Installations, upgrades and removals, from dpkg's log and rpm's install times.";
    time BigInt Plain "When, seconds since 1970 UTC.";
    action Text Plain "install, upgrade, remove, purge, configure, or another word of dpkg's log.";
    package Text Index "Package name.";
    arch Text Plain "Architecture.";
    version Text Plain "Version after the change; for remove and purge, the version removed.";
    old_version Text Plain "Version before the change; empty if there was none.";
    manager Text Plain "dpkg or rpm.";
}

/// Reads dpkg's log and those before it.
pub(crate) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    let zone = zone(host, seen);
    let log = Path::new("/var/log");
    for entry in host.list(SPEC.name, log, seen) {
        let name = entry.name.as_bytes();
        if !(name == b"dpkg.log"
            || name.starts_with(b"dpkg.log.")
            || name.starts_with(b"dpkg.log-"))
        {
            continue;
        }
        let path = log.join(&entry.name);
        let mut bytes = Vec::new();
        let read = decompress::read_pieces(host.machine(), &path, limits::LOG_FILE, &mut |piece| {
            bytes.extend_from_slice(piece);
        });
        match read {
            Ok(read) => {
                for gap in read.gaps(SPEC.name, &path) {
                    seen.gap(gap);
                }
            }
            Err(miss) => {
                note(SPEC.name, &miss, seen);
                continue;
            }
        }
        let from = seen.gaps.len();
        parse(&bytes, &zone, seen);
        for gap in seen.gaps.iter_mut().skip(from) {
            gap.path = Some(Value::from(path.as_path()).to_string());
        }
    }
    let mut rows = Vec::new();
    rpm_database::each(host, SPEC.name, seen, &mut |header, _| rows.push(installed(header)));
    seen.rows.append(&mut rows);
}

/// rpm keeps only the time of the last installation or upgrade.
fn installed(header: &Header<'_>) -> stanch_words::Row {
    let mut row = SPEC.row();
    row.put(col::time, header.number(tag::INSTALLTIME))
        .put(col::action, "install")
        .put(col::package, header.text(tag::NAME))
        .put(col::arch, header.text(tag::ARCH))
        .put(col::version, header.whole_version())
        .put(col::old_version, "")
        .put(col::manager, "rpm");
    row
}

/// dpkg writes local time: the machine's own zone, not ours.
fn zone(host: &Host, seen: &mut Seen) -> jiff::tz::TimeZone {
    let path = Path::new("/etc/localtime");
    let bytes = host.read(SPEC.name, path, limits::CONFIG_FILE, seen);
    let zone = bytes.and_then(|bytes| jiff::tz::TimeZone::tzif("localtime", &bytes).ok());
    zone.unwrap_or(jiff::tz::TimeZone::UTC)
}

/// Parses dpkg's log. Lines that tell of states on the way (`status`, `startup`) give no row.
pub fn parse(bytes: &[u8], zone: &jiff::tz::TimeZone, seen: &mut Seen) {
    let context = Context { zone: zone.clone(), ..Context::new("dpkg.log", i64::MAX / 4) };
    let mut stamps = Stamps::new(&context);
    let mut strange = 0_u64;
    for line in bytes.split(|&b| b == b'\n').filter(|line| !line.is_empty()) {
        let change =
            std::str::from_utf8(line).ok().map(|line| package_lines::dpkg(line, &mut stamps));
        let change = match change.flatten() {
            Some(Dpkg::Change(change)) => change,
            Some(Dpkg::State | Dpkg::Conffile(..)) => continue,
            None => {
                strange = strange.saturating_add(1);
                continue;
            }
        };
        let version = if change.new.is_empty() { change.old } else { change.new };
        let mut row = SPEC.row();
        row.put(col::time, change.stamp.time.div_euclid(1_000_000))
            .put(col::action, change.action)
            .put(col::package, change.package)
            .put(col::arch, change.architecture)
            .put(col::version, version)
            .put(col::old_version, change.old)
            .put(col::manager, "dpkg");
        seen.push(row);
    }
    if strange > 0 {
        let detail = format!("{strange} lines were not understood");
        seen.gap(Gap::new(SPEC.name, GapKind::Damaged, detail));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upgrade_an_installation_and_damage() {
        let log = b"2026-02-03 04:05:06 startup archives unpack\n2026-02-03 04:05:06 upgrade openssh-server:amd64 1:9.2p1-2 1:9.2p1-3\n2026-02-03 04:05:07 status installed openssh-server:amd64 1:9.2p1-3\n2026-02-03 04:05:08 install x:all <none> 1.0\n2026-02-03 04:05:09 remove x:all 1.0 <none>\nyesterday noon upgrade y 1 2\n\xff\n";
        let mut seen = Seen::default();
        parse(log, &jiff::tz::TimeZone::UTC, &mut seen);
        let text = |row: &stanch_words::Row| {
            row.0.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        };
        let rows: Vec<String> = seen.rows.iter().map(text).collect();
        assert_eq!(
            rows,
            [
                "1770091506 upgrade openssh-server amd64 1:9.2p1-3 1:9.2p1-2 dpkg",
                "1770091508 install x all 1.0  dpkg",
                "1770091509 remove x all 1.0 1.0 dpkg",
            ]
        );
        assert_eq!(seen.gaps.len(), 1);
        assert_eq!(seen.gaps[0].detail, "2 lines were not understood");
    }

    #[test]
    fn compressed_rotations_are_read_and_a_torn_one_leaves_a_gap() {
        use std::io::Write as _;
        let line = "2026-02-03 04:05:08 install old:all <none> 1.0\n";
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(line.as_bytes()).unwrap();
        let packed = gzip.finish().unwrap();
        let torn = packed.get(..packed.len() - 6).unwrap().to_vec();
        let machine = stanch_machine::Pretend::new()
            .file("/var/log/dpkg.log", line.replace("old", "new"))
            .file("/var/log/dpkg.log.2.gz", packed)
            .file("/var/log/dpkg.log.3.gz", torn)
            .file("/var/log/dpkg.logger", "not dpkg's");
        let mut seen = Seen::default();
        read(&Host::new(std::sync::Arc::new(machine)), &Ask::all(), &mut seen);
        let names = seen.rows.iter().map(|row| row.get(col::package).to_string());
        assert_eq!(names.collect::<Vec<_>>(), ["new", "old", "old"]);
        assert_eq!(seen.gaps.len(), 1, "{:?}", seen.gaps);
        assert_eq!(seen.gaps[0].path.as_deref(), Some("/var/log/dpkg.log.3.gz"));
    }

    #[test]
    fn times_are_in_the_machines_own_zone() {
        let mut seen = Seen::default();
        let zone = jiff::tz::TimeZone::fixed(jiff::tz::offset(8));
        parse(b"2026-02-03 08:00:00 install x:all <none> 1.0\n", &zone, &mut seen);
        assert_eq!(seen.rows[0].get(col::time).as_integer(), Some(1_770_076_800));
    }
}
