//! Podman's containers, root's and users', from the storage library's list.
//!
//! Source: containers/storage (`containers.json`), podman's libpod (`userdata/config.json` is the
//! OCI runtime's configuration; the pid file is named by its annotation or lies beside it).

use std::path::{Path, PathBuf};

use serde_json::Value as Json;
use stanch_machine::{FileKind, limits};
use stanch_words::{Ask, Gap, GapKind, Seen, Value, table_spec};

use super::containerd_containers::{mounts, number};
use crate::{Host, json};

table_spec! {
    /// Containers of Podman.
    pub static SPEC, col = "podman_containers": Files, "Containers of Podman and CRI-O, running or not, from their storage.";
    id Text Index "Container id.";
    name Text Plain "Name.";
    image Text Plain "Image name; its id if no name was noted.";
    pid BigInt Plain "Pid of its first process as noted at its start; empty if none was.";
    created BigInt Plain "Creation, seconds since 1970.";
    command Text Plain "Program and arguments; empty if it never ran.";
    mounts Text Plain "Places of the machine that are bound into it, `host path:path inside`, joined by newlines.";
    privileged Integer Plain "1 if it was started as privileged.";
    storage Text Plain "The storage directory it is in.";
}

/// Reads root's storage and that of each home.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    let mut storages = vec![PathBuf::from("/var/lib/containers/storage")];
    for entry in host.list(SPEC.name, Path::new("/home"), seen) {
        if entry.kind == FileKind::Directory {
            let home = Path::new("/home").join(&entry.name);
            storages.push(home.join(".local/share/containers/storage"));
        }
    }
    for storage in storages {
        for driver in ["overlay-containers", "vfs-containers", "btrfs-containers"] {
            let place = storage.join(driver);
            let list = place.join("containers.json");
            let Some(list_of) = json::read(host, SPEC.name, &list, seen) else { continue };
            let Some(containers) = list_of.as_array() else {
                let at = Value::from(list.as_path()).to_string();
                seen.gap(Gap::new(SPEC.name, GapKind::Damaged, "not a list").at(at));
                continue;
            };
            for container in containers {
                one(host, &storage, &place, container, seen);
            }
        }
    }
}

fn one(host: &Host, storage: &Path, place: &Path, container: &Json, seen: &mut Seen) {
    let id = json::text(container, "/id");
    // An id names a directory: only what podman makes, nothing that leads elsewhere.
    let plain = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let data = place.join(id).join("userdata");
    let config = plain.then(|| json::read(host, SPEC.name, &data.join("config.json"), seen));
    let config = config.flatten().unwrap_or_default();
    // The storage library keeps what podman noted as JSON within JSON.
    let notes = json::text(container, "/metadata");
    let notes: Json = serde_json::from_str(notes).unwrap_or_default();
    let noted = |key: &str| config.pointer("/annotations").and_then(|all| all.get(key)?.as_str());
    let pid_file = noted("io.podman.annotations.pidfile").map(PathBuf::from);
    let fallback = Path::new("/run/containers/storage").join(place.file_name().unwrap_or_default());
    let pid = [pid_file, Some(fallback.join(id).join("userdata/pidfile"))]
        .into_iter()
        .flatten()
        .filter(|path| plain && path.starts_with("/run"))
        .find_map(|path| host.read(SPEC.name, &path, limits::PSEUDO_FILE, seen));
    let named = [json::text(&notes, "/image-name"), json::text(container, "/image")];
    let created: Option<jiff::Timestamp> = json::text(container, "/created").parse().ok();
    let mut row = SPEC.row();
    row.put(col::id, id)
        .put(col::name, json::texts(container, "/names").next().unwrap_or_default())
        .put(col::image, named.into_iter().find(|name| !name.is_empty()).unwrap_or_default())
        .put(col::pid, pid.and_then(|pid| number(&pid)))
        .put(col::created, created.map(jiff::Timestamp::as_second))
        .put(col::command, json::joined(json::texts(&config, "/process/args"), " "))
        .put(col::mounts, mounts(&config))
        .put(col::privileged, noted("io.podman.annotations.privileged") == Some("TRUE"))
        .put(col::storage, storage);
    seen.push(row);
}

#[cfg(test)]
mod tests {
    use super::*;
    use stanch_machine::Pretend;

    #[test]
    fn a_running_container_and_one_with_a_hostile_id() {
        let place = "/var/lib/containers/storage/overlay-containers";
        let machine = Pretend::new()
            .file(
                format!("{place}/containers.json"),
                r#"[{"id":"ab12","names":["web"],"image":"cafe","created":"2026-02-01T00:00:00Z","metadata":"{\"image-name\":\"alpine\"}"},
                    {"id":"../../../../etc","names":[],"image":"cafe"}, 7]"#,
            )
            .file(
                format!("{place}/ab12/userdata/config.json"),
                r#"{"process":{"args":["/x"]},"mounts":[{"type":"bind","source":"/","destination":"/host"}],"annotations":{"io.podman.annotations.privileged":"TRUE"}}"#,
            )
            .file("/run/containers/storage/overlay-containers/ab12/userdata/pidfile", "99\n")
            .file("/home/u/.local/share/containers/storage/vfs-containers/containers.json", "{}");
        let mut seen = Seen::default();
        read(&Host::new(std::sync::Arc::new(machine)), &Ask::all(), &mut seen);
        let text = |row: &stanch_words::Row| {
            row.0.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        };
        let rows: Vec<String> = seen.rows.iter().map(text).collect();
        assert_eq!(
            rows,
            [
                "ab12 web alpine 99 1769904000 /x /:/host 1 /var/lib/containers/storage",
                "../../../../etc  cafe     0 /var/lib/containers/storage",
                "       0 /var/lib/containers/storage",
            ]
        );
        assert_eq!(seen.gaps.len(), 1);
        assert_eq!(seen.gaps[0].detail, "not a list");
    }
}
