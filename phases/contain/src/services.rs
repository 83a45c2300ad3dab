//! 服务: stops services and takes away what starts them again.

use std::path::{Path, PathBuf};

use stanch_acts::Trouble;
use stanch_acts::files::Met;
use stanch_acts::quarantine_file::QuarantineFile;
use stanch_acts::stop_service::{Before, StopService, UNITS};
use stanch_machine::{FileKind, Machine};
use stanch_words::{Both, Plan, Refusal, text};

use crate::{Wish, take};

/// Where units lie that a package brought, or that hold until the next boot.
const VENDORS: [&str; 4] = [
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];

/// Plans it: what starts a service is taken away, then it is masked and stopped.
pub(crate) fn plan(machine: &dyn Machine, wish: &Wish, plan: &mut Plan) -> Result<(), Trouble> {
    for named in &wish.stop_services {
        let unit = unit(machine, named);
        let own = Path::new(UNITS).join(&unit);
        let mut before = Before::AsIs;
        let starters = starters(machine, &unit);
        if starters.is_empty() && !is_here(machine, &unit) {
            take(plan, Err(unknown(&unit)));
            continue;
        }
        for path in starters {
            take(plan, QuarantineFile::plan(&Met::at(machine, &path)?, &wish.vault));
        }
        // An administrator's own unit lies where the mask has to.
        let is_file = machine.lstat(&own).is_ok_and(|stat| stat.kind() == FileKind::Regular);
        let is_other_link = machine.read_link(&own).is_ok_and(|to| to != Path::new("/dev/null"));
        if is_file || is_other_link {
            take(plan, QuarantineFile::plan(&Met::at(machine, &own)?, &wish.vault));
            before = Before::TakenAway;
        }
        take(plan, StopService::plan(machine, &unit, before)?);
        plan.costs.extend(triggers(machine, &unit));
    }
    Ok(())
}

/// Returns the whole name of a unit: `nginx` is `nginx.service`, unless only a SysV script is so
/// called.
fn unit(machine: &dyn Machine, named: &str) -> String {
    let is_whole =
        [".service", ".socket", ".timer", ".path"].iter().any(|end| named.ends_with(end));
    let is_sysv = machine.stat(&Path::new("/etc/init.d").join(named)).is_ok()
        && machine.stat(Path::new("/run/systemd/system")).is_err()
        && !is_known(machine, &format!("{named}.service"));
    if is_whole || is_sysv { named.to_owned() } else { format!("{named}.service") }
}

/// Returns whether anything of a service is here: its unit or that of its template, one made by a
/// generator or for now alone (systemd.generator(7), systemd-run(1)), a SysV script, a pid file.
fn is_here(machine: &dyn Machine, unit: &str) -> bool {
    const MADE: [&str; 4] = [
        "/run/systemd/transient",
        "/run/systemd/generator",
        "/run/systemd/generator.early",
        "/run/systemd/generator.late",
    ];
    let template = unit.split_once('@').map(|(name, rest)| {
        format!("{name}@.{}", rest.rsplit_once('.').map_or("service", |(_, kind)| kind))
    });
    let units = std::iter::once(unit.to_owned()).chain(template);
    let name = unit.strip_suffix(".service").unwrap_or(unit);
    let stands = |path: PathBuf| machine.lstat(&path).is_ok();
    let own = [
        Path::new("/etc/init.d").join(name),
        Path::new("/run").join(format!("{name}.pid")),
        Path::new("/run").join(name).join(format!("{name}.pid")),
    ];
    own.into_iter().any(stands)
        || units.into_iter().any(|unit| {
            is_known(machine, &unit) || MADE.iter().any(|made| stands(Path::new(made).join(&unit)))
        })
}

/// A name that nothing here has: masking it would look as if something had been stopped.
fn unknown(unit: &str) -> Refusal {
    let shown = text::escaped(unit);
    Refusal {
        asked: Both::new(format!("stop the service `{shown}`"), format!("停用服务 `{shown}`")),
        why: Both::new(
            "there is no such service here; `systemctl list-units` and `ls /etc/init.d` show their names",
            "本机没有该服务；可用 `systemctl list-units` 和 `ls /etc/init.d` 查看名称",
        ),
    }
}

fn is_known(machine: &dyn Machine, unit: &str) -> bool {
    let mut folders = VENDORS.iter().chain(&[UNITS]);
    folders.any(|folder| machine.lstat(&Path::new(folder).join(unit)).is_ok())
}

/// Returns the links that start a unit at boot or beside another one, and other names of it: in
/// the folders `*.wants` and `*.requires`, and those of SysV (systemd.unit(5), update-rc.d(8)).
fn starters(machine: &dyn Machine, unit: &str) -> Vec<PathBuf> {
    let list =
        |folder: &Path| machine.list(folder).map(|listing| listing.entries).unwrap_or_default();
    let mut found = Vec::new();
    let place = Path::new(UNITS);
    for entry in list(place) {
        let path = place.join(&entry.name);
        let name = entry.name.to_string_lossy();
        if name.ends_with(".wants") || name.ends_with(".requires") {
            found.extend(Some(path.join(unit)).filter(|link| machine.lstat(link).is_ok()));
        } else if name != unit
            && machine.read_link(&path).is_ok_and(|to| to.file_name() == Some(unit.as_ref()))
        {
            found.push(path);
        }
    }
    let script = unit.strip_suffix(".service").unwrap_or(unit);
    for level in ["0", "1", "2", "3", "4", "5", "6", "S"] {
        for folder in [format!("/etc/rc{level}.d"), format!("/etc/rc.d/rc{level}.d")] {
            let folder = PathBuf::from(folder);
            let is_start = |name: &str| {
                let rest = name.strip_prefix('S').unwrap_or_default();
                rest.get(2..) == Some(script)
                    && rest.bytes().take(2).all(|byte| byte.is_ascii_digit())
            };
            let entries = list(&folder);
            let links = entries.iter().filter(|entry| entry.name.to_str().is_some_and(is_start));
            found.extend(links.map(|entry| folder.join(&entry.name)));
        }
    }
    found
}

/// Returns what else would start it: it fails by the mask, and goes on listening or ticking.
fn triggers(machine: &dyn Machine, unit: &str) -> Vec<Both> {
    let Some(name) = unit.strip_suffix(".service") else { return Vec::new() };
    let others = ["socket", "timer", "path"].map(|kind| format!("{name}.{kind}"));
    let there = others.into_iter().filter(|other| is_known(machine, other));
    there
        .map(|other| {
            let other = text::escaped(&other);
            Both::new(
                format!("`{other}` would start it, and fails by the mask; to stop that too: `--stop-service {other}`."),
                format!("`{other}` 会触发它，因屏蔽而失败；若也要停用：`--stop-service {other}`。"),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use stanch_machine::Pretend;

    #[test]
    fn a_name_that_nothing_has_is_no_service() {
        let machine = Pretend::new()
            .file("/usr/lib/systemd/system/getty@.service", "[Service]\n")
            .file("/run/systemd/transient/run-u7.service", "[Service]\n")
            .file("/run/systemd/generator/mail.service", "[Service]\n")
            .file("/etc/init.d/old", "#!/bin/sh\n")
            .file("/run/bare/bare.pid", "7\n");
        for here in ["getty@tty1.service", "run-u7.service", "mail.service", "old", "bare.service"]
        {
            assert!(is_here(&machine, here), "{here}");
        }
        for other in ["nginx.service", "old2", "run-u8.service", "getty.service"] {
            assert!(!is_here(&machine, other), "{other}");
        }
    }

    #[test]
    fn what_starts_a_service_is_found_in_systemds_links_and_in_those_of_sysv() {
        let machine = Pretend::new()
            .file("/lib/systemd/system/web.service", "[Service]\n")
            .file("/lib/systemd/system/web.socket", "[Socket]\n")
            .link(
                "/etc/systemd/system/multi-user.target.wants/web.service",
                "/lib/systemd/system/web.service",
            )
            .link(
                "/etc/systemd/system/other.service.requires/web.service",
                "/lib/systemd/system/web.service",
            )
            .link("/etc/systemd/system/site.service", "/lib/systemd/system/web.service")
            .link(
                "/etc/systemd/system/multi-user.target.wants/ssh.service",
                "/lib/systemd/system/ssh.service",
            )
            .link("/etc/rc2.d/S01web", "../init.d/web")
            .link("/etc/rc2.d/S01webmail", "../init.d/webmail")
            .link("/etc/rc0.d/K01web", "../init.d/web")
            .file("/etc/init.d/old", "#!/bin/sh\n");
        let found = starters(&machine, "web.service");
        let found: Vec<&str> = found.iter().filter_map(|path| path.to_str()).collect();
        assert_eq!(
            found,
            [
                "/etc/systemd/system/multi-user.target.wants/web.service",
                "/etc/systemd/system/other.service.requires/web.service",
                "/etc/systemd/system/site.service",
                "/etc/rc2.d/S01web",
            ]
        );
        assert_eq!(triggers(&machine, "web.service").len(), 1);
        assert_eq!(unit(&machine, "web"), "web.service");
        assert_eq!(unit(&machine, "web.socket"), "web.socket");
        assert_eq!(unit(&machine, "old"), "old");
    }
}
