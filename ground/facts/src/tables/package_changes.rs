//! Package changes: what was installed, upgraded or removed, and when. An upgrade explains a
//! running program whose file was replaced.
//!
//! Source: dpkg(1) LOGFILE; rpm's tag INSTALLTIME. Compressed older logs are not read.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use stanch_machine::limits;
use stanch_words::{Ask, Gap, GapKind, Seen, table_spec};

use crate::Host;
use crate::packages::rpm::{Header, tag};
use crate::packages::rpm_database;

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

/// Reads dpkg's log and the one before it.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    let zone = zone(host, seen);
    let log = Path::new("/var/log");
    for entry in host.list(SPEC.name, log, seen) {
        let name = entry.name.as_bytes();
        if !name.starts_with(b"dpkg.log") || name.ends_with(b".gz") || name.ends_with(b".xz") {
            continue;
        }
        let path = log.join(&entry.name);
        if let Some(bytes) = host.read(SPEC.name, &path, limits::LOG_FILE, seen) {
            let from = seen.gaps.len();
            parse(&bytes, &zone, seen);
            for gap in seen.gaps.iter_mut().skip(from) {
                gap.path = Some(stanch_words::Value::from(path.as_path()).to_string());
            }
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
    let mut strange = 0_u64;
    for line in bytes.split(|&b| b == b'\n').filter(|line| !line.is_empty()) {
        let mut words = line.split(|&b| b == b' ');
        let mut next = || words.next().unwrap_or_default();
        let (day, hour, action) = (next(), next(), next());
        if matches!(action, b"status" | b"startup" | b"conffile" | b"trigproc") {
            continue;
        }
        let (package, old, new) = (next(), next(), next());
        let time = time(day, hour, zone);
        if package.is_empty() || time.is_none() {
            strange = strange.saturating_add(1);
            continue;
        }
        let mut parts = package.splitn(2, |&b| b == b':');
        let none = |version: &[u8]| version == b"<none>" || version.is_empty();
        let version = if none(new) { old } else { new };
        let mut row = SPEC.row();
        row.put(col::time, time)
            .put(col::action, action)
            .put(col::package, parts.next().unwrap_or_default())
            .put(col::arch, parts.next().unwrap_or_default())
            .put(col::version, version)
            .put(col::old_version, if none(old) { b"" } else { old })
            .put(col::manager, "dpkg");
        seen.push(row);
    }
    if strange > 0 {
        let detail = format!("{strange} lines were not understood");
        seen.gap(Gap::new(SPEC.name, GapKind::Damaged, detail));
    }
}

fn time(day: &[u8], hour: &[u8], zone: &jiff::tz::TimeZone) -> Option<i64> {
    let text = format!("{}T{}", std::str::from_utf8(day).ok()?, std::str::from_utf8(hour).ok()?);
    let time: jiff::civil::DateTime = text.parse().ok()?;
    Some(zone.to_ambiguous_timestamp(time).compatible().ok()?.as_second())
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
    fn times_are_in_the_machines_own_zone() {
        let mut seen = Seen::default();
        let zone = jiff::tz::TimeZone::fixed(jiff::tz::offset(8));
        parse(b"2026-02-03 08:00:00 install x:all <none> 1.0\n", &zone, &mut seen);
        assert_eq!(seen.rows[0].get(col::time).as_integer(), Some(1_770_076_800));
    }
}
