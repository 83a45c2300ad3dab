//! systemd's units, from files and control groups.
//!
//! What a unit is comes from its file and drop-ins, whether it is enabled from links, whether it
//! lives from its control group. Source: systemd.unit(5), systemctl(1), cgroups(7).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use stanch_words::{Ask, Row, Seen, Value, table_spec};

use crate::systemd::{self, Settings, Unit, Units};
use crate::{Host, packages};

table_spec! {
    /// Units of systemd.
    pub static SPEC, col = "systemd_units": Files, "Units of systemd: every unit that has a file, is wanted, or has a control group.";
    id Text Index "Name of the unit.";
    description Text Plain "Its description.";
    load_state Text Plain "loaded, masked, or not-found if it has no file.";
    active_state Text Plain "active if its control group has processes, else unknown.";
    sub_state Text Plain "running if its control group has processes, else unknown.";
    unit_file_state Text Plain "enabled, enabled-runtime, disabled, static (nothing to enable), linked, masked, masked-runtime, generated or transient.";
    following Text Plain "Always empty.";
    object_path Text Plain "Its path on systemd's bus.";
    job_id BigInt Plain "Always 0: running tasks of systemd are not in files.";
    job_type Text Plain "Always empty.";
    job_path Text Plain "Always /.";
    fragment_path Text Plain "Its file; of an instance, its template's.";
    user Text Plain "User= of its processes; empty stands for root.";
    source_path Text Plain "What a generator made it from.";
    kind Text Plain "service, socket, timer, ….";
    exec Text Plain "All Exec…= lines, joined by newlines.";
    exec_program Text Plain "Program of the first ExecStart=.";
    environment Text Plain "Environment= and EnvironmentFile= lines, joined by newlines.";
    triggers Text Plain "What starts it or what it starts: lines of timers, sockets and paths, and Unit=, joined by newlines.";
    enabled Integer Plain "1 if something wants, requires or upholds it, or an alias in /etc or /run leads to it.";
    wanted_by Text Plain "Directories with the links that want it, joined by newlines.";
    aliases Text Plain "Its other names, joined by newlines.";
    masked Integer Plain "1 if it is masked.";
    drop_ins Text Plain "Files that add to it, joined by newlines, in the order in which they count.";
    package Text Plain "Package that owns its file; empty if there is none.";
    cgroup_pids BigInt Plain "Processes in its control group and below; empty if it has none.";
    generated Integer Plain "1 if a generator made it at boot.";
}

/// Columns that need the unit's files to be read.
const INSIDE: &[usize] = &[
    col::description,
    col::unit_file_state,
    col::user,
    col::source_path,
    col::exec,
    col::exec_program,
    col::environment,
    col::triggers,
];

/// Reads unit files and control groups.
pub(super) fn read(host: &Host, ask: &Ask, seen: &mut Seen) {
    let places: Vec<PathBuf> = systemd::SYSTEM.iter().map(PathBuf::from).collect();
    let units = Units::read(host, SPEC.name, &places, seen);
    let lives = ask.wants_any(&[col::active_state, col::sub_state, col::cgroup_pids, col::id]);
    let alive = match host.machine().kernel() {
        Some(_) if lives => systemd::alive(host, SPEC.name, seen),
        Some(_) | None => BTreeMap::new(),
    };
    let besides: BTreeSet<String> = alive.keys().cloned().collect();
    let only = ask.equal(col::id).and_then(Value::as_text);
    units.each(&besides, &mut |unit| {
        if only.is_some_and(|only| only != unit.name) {
            return;
        }
        let row = row(host, ask, &unit, alive.get(unit.name).copied(), seen);
        seen.push(row);
    });
}

fn row(host: &Host, ask: &Ask, unit: &Unit<'_>, pids: Option<u64>, seen: &mut Seen) -> Row {
    let settings = if ask.wants_any(INSIDE) {
        systemd::settings(host, SPEC.name, unit, seen)
    } else {
        Settings::default()
    };
    let masked = unit.file.is_some_and(|file| file.masked);
    let load_state = match unit.file {
        _ if masked => "masked",
        Some(_) => "loaded",
        None => "not-found",
    };
    let alive = pids.is_some_and(|pids| pids > 0);
    let path = unit.file.map(|file| file.linked.as_deref().unwrap_or(&file.path));
    let joined = |paths: &mut dyn Iterator<Item = &Path>| {
        paths.map(|path| Value::from(path).to_string()).collect::<Vec<_>>().join("\n")
    };
    let wanted = unit.wanted.into_iter().flatten();
    let enabled = unit.wanted.is_some() || unit.named;
    let mut row = SPEC.row();
    row.put(col::id, unit.name)
        .put(col::load_state, load_state)
        .put(col::active_state, if alive { "active" } else { "unknown" })
        .put(col::sub_state, if alive { "running" } else { "unknown" })
        .put(col::unit_file_state, unit_file_state(unit, &settings))
        .put(col::following, "")
        .put(col::object_path, object_path(unit.name))
        .put(col::job_id, 0)
        .put(col::job_type, "")
        .put(col::job_path, "/")
        .put(col::fragment_path, path.map_or_else(|| "".into(), Value::from))
        .put(col::kind, systemd::kind(unit.name))
        .put(col::enabled, enabled)
        .put(col::wanted_by, joined(&mut wanted.map(PathBuf::as_path)))
        .put(col::aliases, unit.aliases.join("\n"))
        .put(col::masked, masked)
        .put(col::drop_ins, joined(&mut unit.drop_ins.iter().copied()))
        .put(col::cgroup_pids, pids)
        .put(col::generated, path.is_some_and(is_generated));
    inside(&settings, &mut row);
    if ask.wants(col::package) {
        row.put(col::package, package(host, path));
    }
    row
}

fn inside(settings: &Settings, row: &mut Row) {
    let triggers = |key: &str| {
        matches!(key, "Unit" | "Service")
            || (key.starts_with("On") && (key.ends_with("Sec") || key == "OnCalendar"))
            || key.starts_with("Listen")
            || (key.starts_with("Path") || key == "DirectoryNotEmpty")
    };
    row.put(col::description, settings.last("Description").unwrap_or_default())
        .put(col::user, settings.last("User").unwrap_or_default())
        .put(col::source_path, settings.last("SourcePath").unwrap_or_default())
        .put(col::exec, settings.lines(|key| key.starts_with("Exec")))
        .put(col::exec_program, settings.program().unwrap_or_default())
        .put(col::environment, settings.lines(|key| key.starts_with("Environment")))
        .put(col::triggers, settings.lines(triggers));
}

fn is_generated(path: &Path) -> bool {
    let places = ["generator", "generator.early", "generator.late"];
    places.iter().any(|place| path.starts_with(Path::new("/run/systemd").join(place)))
}

/// Returns what `systemctl is-enabled` would say.
fn unit_file_state(unit: &Unit<'_>, settings: &Settings) -> &'static str {
    let Some(file) = unit.file else { return "" };
    let in_etc = |path: &PathBuf| path.starts_with("/etc");
    let in_run = |path: &PathBuf| path.starts_with("/run");
    let wanted =
        |place: &dyn Fn(&PathBuf) -> bool| unit.wanted.is_some_and(|w| w.iter().any(place));
    match () {
        () if file.masked && in_run(&file.path) => "masked-runtime",
        () if file.masked => "masked",
        () if is_generated(&file.path) => "generated",
        () if file.path.starts_with("/run/systemd/transient") => "transient",
        () if wanted(&in_etc) || unit.named => "enabled",
        () if wanted(&in_run) => "enabled-runtime",
        () if file.linked.is_some() => "linked",
        () if settings.has_section("Install") => "disabled",
        () => "static",
    }
}

fn package(host: &Host, path: Option<&Path>) -> Value {
    let index = packages::index(host);
    let resolved = path.map(|path| packages::Index::resolve(host.machine(), path));
    let owner = resolved.as_deref().and_then(|path| index.owner(path));
    owner.map_or_else(|| "".into(), |owner| Value::Text(owner.package.name.clone()))
}

/// Returns a unit's path on the bus: what is neither a letter nor a digit becomes `_` and two
/// hexadecimal digits, and so does a digit at the beginning (sd_bus_path_encode(3)).
fn object_path(name: &str) -> String {
    let mut path = String::from("/org/freedesktop/systemd1/unit/");
    for (place, byte) in name.bytes().enumerate() {
        let plain = byte.is_ascii_alphabetic() || (place > 0 && byte.is_ascii_digit());
        if plain {
            path.push(char::from(byte));
        } else {
            path.push('_');
            path.push_str(&stanch_words::text::hex(&[byte]));
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use stanch_machine::Pretend;

    fn machine() -> Pretend {
        Pretend::new()
            .link("/lib", "usr/lib")
            .file("/usr/lib/systemd/system/ssh.service", "[Unit]\nDescription=SSH\n[Service]\nExecStart=/usr/sbin/sshd -D\n[Install]\nWantedBy=multi-user.target\nAlias=sshd.service\n")
            .link("/etc/systemd/system/sshd.service", "/lib/systemd/system/ssh.service")
            .link("/etc/systemd/system/multi-user.target.wants/ssh.service", "/lib/systemd/system/ssh.service")
            .file("/etc/systemd/system/ssh.service.d/override.conf", "[Service]\nExecStartPre=/tmp/.x\nEnvironment=LD_PRELOAD=/tmp/x.so\n")
            .file("/usr/lib/systemd/system/getty@.service", "[Service]\nExecStart=-/sbin/agetty %I\n[Install]\nWantedBy=x\n")
            .link("/etc/systemd/system/getty.target.wants/getty@tty1.service", "/lib/systemd/system/getty@.service")
            .link("/etc/systemd/system/rsyslog.service", "/dev/null")
            .file("/usr/lib/systemd/system/rsyslog.service", "[Service]\nExecStart=/usr/sbin/rsyslogd\n")
            .link("/etc/systemd/system/evil.service", "/opt/evil.service")
            .file("/opt/evil.service", "[Service]\nUser=nobody\nExecStart=/opt/evil\n")
            .file("/run/systemd/generator/mnt.mount", "[Unit]\nSourcePath=/etc/fstab\n[Mount]\nWhat=x\n")
            .file("/usr/lib/systemd/system/x.timer", "[Timer]\nOnCalendar=daily\nOnBootSec=5\n")
    }

    fn look(machine: Pretend) -> Seen {
        let mut seen = Seen::default();
        read(&Host::new(std::sync::Arc::new(machine)), &Ask::all(), &mut seen);
        seen
    }

    #[test]
    fn each_state_of_a_unit_file() {
        let seen = look(machine());
        let text = |row: &Row| {
            [col::id, col::load_state, col::unit_file_state, col::enabled, col::generated]
                .map(|column| row.get(column).to_string())
                .join(" ")
        };
        let rows: Vec<String> = seen.rows.iter().map(text).collect();
        assert_eq!(
            rows,
            [
                "evil.service loaded linked 0 0",
                "getty@.service loaded disabled 0 0",
                "getty@tty1.service loaded enabled 1 0",
                "mnt.mount loaded generated 0 1",
                "rsyslog.service masked masked 0 0",
                "ssh.service loaded enabled 1 0",
                "x.timer loaded static 0 0",
            ]
        );
        assert_eq!(seen.gaps, []);
    }

    #[test]
    fn drop_ins_add_to_a_unit_and_a_linked_file_is_named() {
        let seen = look(machine());
        let cell = |row: usize, column: usize| seen.rows[row].get(column).to_string();
        assert_eq!(cell(5, col::exec), "ExecStart=/usr/sbin/sshd -D\nExecStartPre=/tmp/.x");
        assert_eq!(cell(5, col::environment), "Environment=LD_PRELOAD=/tmp/x.so");
        assert_eq!(cell(5, col::drop_ins), "/etc/systemd/system/ssh.service.d/override.conf");
        assert_eq!(cell(5, col::aliases), "sshd.service");
        assert_eq!(cell(0, col::fragment_path), "/opt/evil.service");
        assert_eq!(cell(0, col::user), "nobody");
        assert_eq!(cell(3, col::source_path), "/etc/fstab");
        assert_eq!(cell(6, col::triggers), "OnCalendar=daily\nOnBootSec=5");
        assert_eq!(cell(2, col::exec_program), "/sbin/agetty");
        assert_eq!(cell(5, col::object_path), "/org/freedesktop/systemd1/unit/ssh_2eservice");
    }

    #[test]
    fn a_refused_unit_file_is_a_row_and_a_gap() {
        let path = "/etc/systemd/system/a.service";
        let seen = look(Pretend::new().file(path, "[Service]\n").denied(path));
        assert_eq!((seen.rows.len(), seen.gaps.len()), (1, 1));
        assert_eq!(seen.gaps[0].path.as_deref(), Some(path));
    }
}
