//! Running containers of containerd (Kubernetes, Docker, nerdctl), from its tasks' bundles.
//!
//! Source: containerd's runtime v2 (`core/runtime/v2/bundle.go`), the OCI runtime specification's
//! config.md.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use serde_json::Value as Json;
use stanch_machine::{FileKind, limits};
use stanch_words::{Ask, Row, Seen, table_spec, text};

use crate::{Host, json};

table_spec! {
    /// Running containers of containerd.
    pub static SPEC, col = "containerd_containers": Files, "Running containers of containerd, from the bundles of its tasks.";
    namespace Text Plain "containerd's namespace: k8s.io, moby, default, ….";
    id Text Index "Container id.";
    pid BigInt Plain "Pid of its first process; empty if there is no pid file.";
    image Text Plain "Image, where Kubernetes or nerdctl noted it.";
    bundle Text Plain "Directory of the bundle.";
    command Text Plain "Program and arguments.";
    name Text Plain "Container's name in Kubernetes or nerdctl.";
    pod Text Plain "Pod, `namespace/name`.";
    mounts Text Plain "Places of the machine that are bound into it, `host path:path inside`, joined by newlines.";
    capabilities Text Plain "Bounding set of capabilities, separated by commas.";
    uid BigInt Plain "User id inside.";
    readonly_rootfs Integer Plain "1 if its root is read-only.";
    namespaces Text Plain "Kinds of namespaces of its own, separated by commas: what is missing is the machine's.";
    env_variables Text Plain "Names of its variables, separated by commas; values are not shown.";
}

/// Where the bundles of running tasks are.
const PLACES: &[&str] = &[
    "/run/containerd/io.containerd.runtime.v2.task",
    "/run/k3s/containerd/io.containerd.runtime.v2.task",
    "/run/docker/containerd/daemon/io.containerd.runtime.v2.task",
];

/// Reads each task's bundle.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    for place in PLACES.iter().map(Path::new) {
        for namespace in host.list(SPEC.name, place, seen) {
            let inside = place.join(&namespace.name);
            if namespace.kind != FileKind::Directory {
                continue;
            }
            for entry in host.list(SPEC.name, &inside, seen) {
                if entry.kind != FileKind::Directory {
                    continue;
                }
                let bundle = inside.join(&entry.name);
                let config = json::read(host, SPEC.name, &bundle.join("config.json"), seen);
                let pid = host.read(SPEC.name, &bundle.join("init.pid"), limits::PSEUDO_FILE, seen);
                let mut row = row(&config.unwrap_or_default());
                row.put(col::namespace, text::from_bytes(namespace.name.as_bytes()))
                    .put(col::id, text::from_bytes(entry.name.as_bytes()))
                    .put(col::pid, pid.and_then(|pid| number(&pid)))
                    .put(col::bundle, bundle.as_path());
                seen.push(row);
            }
        }
    }
}

pub(super) fn number(bytes: &[u8]) -> Option<i64> {
    std::str::from_utf8(bytes).ok()?.trim().parse().ok()
}

/// Returns what the OCI runtime's configuration tells.
pub fn row(config: &Json) -> Row {
    let note = |names: &[&str]| {
        let notes = config.pointer("/annotations");
        let found = names.iter().find_map(|name| notes?.get(name)?.as_str());
        found.unwrap_or_default().to_owned()
    };
    let pod =
        [note(&["io.kubernetes.cri.sandbox-namespace"]), note(&["io.kubernetes.cri.sandbox-name"])];
    let pod = if pod.iter().all(String::is_empty) { String::new() } else { pod.join("/") };
    let namespaces = config.pointer("/linux/namespaces").and_then(Json::as_array);
    let namespaces = namespaces.into_iter().flatten().map(|n| json::text(n, "/type"));
    let bounding = json::texts(config, "/process/capabilities/bounding");
    let mut row = SPEC.row();
    row.put(col::image, note(&["io.kubernetes.cri.image-name", "nerdctl/image-name"]))
        .put(col::command, json::joined(json::texts(config, "/process/args"), " "))
        .put(col::name, note(&["io.kubernetes.cri.container-name", "nerdctl/name"]))
        .put(col::pod, pod)
        .put(col::mounts, mounts(config))
        .put(col::capabilities, json::joined(bounding, ","))
        .put(col::uid, config.pointer("/process/user/uid").and_then(Json::as_i64))
        .put(col::readonly_rootfs, config.pointer("/root/readonly").and_then(Json::as_bool))
        .put(col::namespaces, json::joined(namespaces, ","))
        .put(col::env_variables, json::variable_names(json::texts(config, "/process/env")));
    row
}

/// Returns the bind mounts of an OCI configuration.
pub(super) fn mounts(config: &Json) -> String {
    let mounts = config.pointer("/mounts").and_then(Json::as_array).into_iter().flatten();
    let bound = mounts.filter_map(|mount| {
        let from = json::text(mount, "/source");
        let bind = json::text(mount, "/type") == "bind" || from.starts_with('/');
        bind.then(|| format!("{from}:{}", json::text(mount, "/destination")))
    });
    bound.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use stanch_machine::Pretend;

    const CONFIG: &str = r#"{"process":{"args":["/pause"],"env":["TOKEN=x"],"user":{"uid":65535},"capabilities":{"bounding":["CAP_CHOWN"]}},
        "root":{"readonly":true},"mounts":[{"destination":"/proc","type":"proc","source":"proc"},{"destination":"/h","type":"bind","source":"/etc"}],
        "annotations":{"io.kubernetes.cri.sandbox-namespace":"kube-system","io.kubernetes.cri.sandbox-name":"dns","io.kubernetes.cri.image-name":"pause:3"},
        "linux":{"namespaces":[{"type":"pid"},{"type":"mount"}]}}"#;

    #[test]
    fn a_pods_container_and_one_whose_configuration_is_damaged() {
        let place = "/run/containerd/io.containerd.runtime.v2.task/k8s.io";
        let machine = Pretend::new()
            .file(format!("{place}/aa/config.json"), CONFIG)
            .file(format!("{place}/aa/init.pid"), "77")
            .file(format!("{place}/bb/config.json"), "{\"process\":")
            .directory(format!("{place}/cc"));
        let mut seen = Seen::default();
        read(&Host::new(std::sync::Arc::new(machine)), &Ask::all(), &mut seen);
        let cell = |row: usize, column: usize| seen.rows[row].get(column).to_string();
        assert_eq!((seen.rows.len(), seen.gaps.len()), (3, 1));
        assert_eq!((cell(0, col::pid), cell(0, col::pod)), ("77".into(), "kube-system/dns".into()));
        assert_eq!(
            (cell(0, col::mounts), cell(0, col::image)),
            ("/etc:/h".into(), "pause:3".into())
        );
        assert_eq!(cell(0, col::namespaces), "pid,mount");
        assert_eq!(cell(0, col::env_variables), "TOKEN");
        assert_eq!((cell(1, col::id), cell(1, col::namespace)), ("bb".into(), "k8s.io".into()));
        assert!(seen.rows[2].get(col::pid).is_null());
    }
}
