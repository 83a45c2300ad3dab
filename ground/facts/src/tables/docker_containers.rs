//! Docker's containers, from the daemon's own state files: the daemon is not asked.
//!
//! Source: moby's container/container.go (`config.v2.json`, `hostconfig.json`).

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use serde_json::Value as Json;
use stanch_machine::FileKind;
use stanch_words::{Ask, Row, Seen, table_spec, text};

use crate::{Host, json};

table_spec! {
    /// Containers of Docker.
    pub static SPEC, col = "docker_containers": Files, "Containers of Docker, running or not, from its state files.";
    id Text Index "Container id.";
    name Text Plain "Name, with the slash before it.";
    image Text Plain "Image name.";
    image_id Text Plain "Image id.";
    command Text Plain "Program and arguments.";
    created BigInt Plain "Creation, seconds since 1970.";
    state Text Plain "running, paused, restarting, dead, created or exited.";
    status Text Plain "State, with the exit code of one that ended.";
    pid BigInt Plain "Pid of its first process, 0 if it does not run.";
    path Text Plain "Program.";
    config_entrypoint Text Plain "Entry point of the image.";
    started_at Text Plain "Start, as Docker writes it.";
    finished_at Text Plain "End, as Docker writes it.";
    privileged Integer Plain "1 if it has all rights on the host.";
    security_options Text Plain "Security options, separated by commas.";
    env_variables Text Plain "Names of its variables, separated by commas; values are not shown.";
    readonly_rootfs Integer Plain "1 if its root is read-only.";
    cgroup_namespace Text Plain "Mode of the cgroup namespace.";
    ipc_namespace Text Plain "Mode of the ipc namespace.";
    mnt_namespace Text Plain "Always empty: see process_namespaces of its pid.";
    net_namespace Text Plain "Mode of the network: host means the machine's own.";
    pid_namespace Text Plain "Mode of the pid namespace: host means the machine's own.";
    user_namespace Text Plain "Mode of the user namespace.";
    uts_namespace Text Plain "Mode of the uts namespace.";
    mounts Text Plain "Places of the machine that are mounted in it, `host path:path inside`, joined by newlines.";
    restart_policy Text Plain "Restart policy.";
    capabilities_added Text Plain "Capabilities added, separated by commas.";
    devices Text Plain "Devices of the machine that it may use, separated by commas.";
    user Text Plain "User inside; empty stands for root.";
    ports Text Plain "Published ports, `host address:host port:container port`, separated by commas.";
}

/// Reads each container's state.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    let all = Path::new("/var/lib/docker/containers");
    for entry in host.list(SPEC.name, all, seen) {
        if !matches!(entry.kind, FileKind::Directory | FileKind::Unknown) {
            continue;
        }
        let place = all.join(&entry.name);
        let config = json::read(host, SPEC.name, &place.join("config.v2.json"), seen);
        let settings = json::read(host, SPEC.name, &place.join("hostconfig.json"), seen);
        if config.is_none() && settings.is_none() {
            continue;
        }
        let (config, settings) = (config.unwrap_or_default(), settings.unwrap_or_default());
        let mut row = row(&config, &settings);
        if json::text(&config, "/ID").is_empty() {
            row.put(col::id, text::from_bytes(entry.name.as_bytes()));
        }
        seen.push(row);
    }
}

/// Returns the row of a container.
pub fn row(config: &Json, settings: &Json) -> Row {
    let flag = |json: &Json, pointer: &str| json.pointer(pointer).and_then(Json::as_bool);
    let path = json::text(config, "/Path");
    let command = std::iter::once(path).chain(json::texts(config, "/Args"));
    let created: Option<jiff::Timestamp> = json::text(config, "/Created").parse().ok();
    let (state, status) = state(config);
    let mut row = SPEC.row();
    row.put(col::id, json::text(config, "/ID"))
        .put(col::name, json::text(config, "/Name"))
        .put(col::image, json::text(config, "/Config/Image"))
        .put(col::image_id, json::text(config, "/Image"))
        .put(col::command, json::joined(command, " "))
        .put(col::created, created.map(jiff::Timestamp::as_second))
        .put(col::state, state)
        .put(col::status, status)
        .put(col::pid, config.pointer("/State/Pid").and_then(Json::as_i64))
        .put(col::path, path)
        .put(col::config_entrypoint, json::joined(json::texts(config, "/Config/Entrypoint"), " "))
        .put(col::started_at, json::text(config, "/State/StartedAt"))
        .put(col::finished_at, json::text(config, "/State/FinishedAt"))
        .put(col::privileged, flag(settings, "/Privileged"))
        .put(col::env_variables, json::variable_names(json::texts(config, "/Config/Env")))
        .put(col::readonly_rootfs, flag(settings, "/ReadonlyRootfs"))
        .put(col::mnt_namespace, "")
        .put(col::mounts, mounts(config, settings))
        .put(col::restart_policy, json::text(settings, "/RestartPolicy/Name"))
        .put(col::user, json::text(config, "/Config/User"))
        .put(col::ports, ports(settings));
    for (column, pointer) in [
        (col::cgroup_namespace, "/CgroupnsMode"),
        (col::ipc_namespace, "/IpcMode"),
        (col::net_namespace, "/NetworkMode"),
        (col::pid_namespace, "/PidMode"),
        (col::user_namespace, "/UsernsMode"),
        (col::uts_namespace, "/UTSMode"),
    ] {
        row.put(column, json::text(settings, pointer));
    }
    let devices = settings.pointer("/Devices").and_then(Json::as_array);
    let devices = devices.into_iter().flatten().map(|d| json::text(d, "/PathOnHost"));
    row.put(col::security_options, json::joined(json::texts(settings, "/SecurityOpt"), ","))
        .put(col::capabilities_added, json::joined(json::texts(settings, "/CapAdd"), ","))
        .put(col::devices, json::joined(devices, ","));
    row
}

fn state(config: &Json) -> (&'static str, String) {
    let is = |name: &str| {
        config.pointer("/State").and_then(|state| state.get(name)).and_then(Json::as_bool)
            == Some(true)
    };
    let started = json::text(config, "/State/StartedAt");
    let state = match () {
        () if is("Dead") => "dead",
        () if is("Paused") => "paused",
        () if is("Restarting") => "restarting",
        () if is("Running") => "running",
        // Go's time of zero: it never started.
        () if started.is_empty() || started.starts_with("0001-") => "created",
        () => "exited",
    };
    let code = config.pointer("/State/ExitCode").and_then(Json::as_i64).unwrap_or_default();
    let status = if state == "exited" { format!("exited ({code})") } else { state.to_owned() };
    (state, status)
}

/// Docker keeps mounts in both files: what was asked for, and what was made of it.
fn mounts(config: &Json, settings: &Json) -> String {
    let mut found: Vec<String> = json::texts(settings, "/Binds").map(str::to_owned).collect();
    let points = config.pointer("/MountPoints").and_then(Json::as_object);
    for point in points.into_iter().flat_map(serde_json::Map::values) {
        let (from, to) = (json::text(point, "/Source"), json::text(point, "/Destination"));
        let line = format!("{from}:{to}");
        if !from.is_empty() && !found.iter().any(|known| known.starts_with(&line)) {
            found.push(line);
        }
    }
    found.join("\n")
}

fn ports(settings: &Json) -> String {
    let bindings = settings.pointer("/PortBindings").and_then(Json::as_object);
    let mut found = Vec::new();
    for (inside, outside) in bindings.into_iter().flatten() {
        for binding in outside.as_array().into_iter().flatten() {
            let (address, port) =
                (json::text(binding, "/HostIp"), json::text(binding, "/HostPort"));
            found.push(format!("{address}:{port}:{inside}"));
        }
    }
    found.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use stanch_machine::Pretend;

    const CONFIG: &str = r#"{"ID":"abc","Name":"/web","Created":"2026-02-01T00:00:00.5Z","Path":"/bin/sh","Args":["-c","x"],
        "Image":"sha256:1","Config":{"Image":"alpine","Env":["PASSWORD=secret","A=b"],"Entrypoint":null,"User":""},
        "State":{"Running":true,"Pid":42,"StartedAt":"2026-02-01T00:00:01Z"},
        "MountPoints":{"/host":{"Source":"/","Destination":"/host"},"/data":{"Source":"/srv","Destination":"/data"}}}"#;
    const SETTINGS: &str = r#"{"Binds":["/:/host:rw"],"Privileged":true,"PidMode":"host","NetworkMode":"bridge","ReadonlyRootfs":false,
        "RestartPolicy":{"Name":"always"},"CapAdd":["SYS_ADMIN"],"SecurityOpt":["seccomp=unconfined"],
        "PortBindings":{"80/tcp":[{"HostIp":"","HostPort":"8080"}]},"Devices":[{"PathOnHost":"/dev/sda"}]}"#;

    fn look(config: &str, settings: &str) -> Seen {
        let place = "/var/lib/docker/containers/abc";
        let machine = Pretend::new()
            .file(format!("{place}/config.v2.json"), config)
            .file(format!("{place}/hostconfig.json"), settings);
        let mut seen = Seen::default();
        read(&Host::new(std::sync::Arc::new(machine)), &Ask::all(), &mut seen);
        seen
    }

    #[test]
    fn a_privileged_container_with_the_hosts_root_inside() {
        let seen = look(CONFIG, SETTINGS);
        assert_eq!(seen.gaps, []);
        let cell = |column: usize| seen.rows[0].get(column).to_string();
        assert_eq!((cell(col::state), cell(col::pid)), ("running".into(), "42".into()));
        assert_eq!((cell(col::privileged), cell(col::pid_namespace)), ("1".into(), "host".into()));
        assert_eq!(cell(col::mounts), "/:/host:rw\n/srv:/data");
        assert_eq!(cell(col::env_variables), "PASSWORD, A");
        assert_eq!(cell(col::created), "1769904000");
        assert_eq!(cell(col::command), "/bin/sh -c x");
        assert_eq!(
            (cell(col::ports), cell(col::devices)),
            (":8080:80/tcp".into(), "/dev/sda".into())
        );
    }

    #[test]
    fn damage_is_a_gap_and_the_rest_still_a_row() {
        let deep = "[".repeat(100_000);
        for damaged in ["", "{", "\u{0}", &deep] {
            let seen = look(damaged, SETTINGS);
            assert_eq!((seen.rows.len(), seen.gaps.len()), (1, 1));
            assert_eq!(seen.rows[0].get(col::id).as_text(), Some("abc"));
            assert_eq!(seen.rows[0].get(col::privileged).as_integer(), Some(1));
        }
        let seen = look("[1]", "7");
        assert_eq!((seen.rows.len(), seen.gaps.len()), (1, 0));
    }
}
