//! Which containers run: told from the control groups of their processes, so that neither a runtime
//! nor its socket is asked.
//!
//! Source: cgroups(7); the names as Docker, Podman, CRI-O, containerd under Kubernetes, systemd-nspawn
//! and LXC give them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use stanch_machine::{Machine, ProcessStat, limits};
use stanch_words::{Both, text};

/// How many are named before the rest is counted.
const NAMED: usize = 8;
/// How many letters of an id are shown, as the runtimes show it.
const SHORT: usize = 12;
/// How many letters an id has.
const LONG: usize = 64;

/// A running container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// Who runs it: `docker`, `podman`, `cri-o`, `containerd`, `nspawn` or `lxc`.
    pub runtime: &'static str,
    /// Its id or name.
    pub id: String,
    /// Its control group in cgroup2, from the mount on; none if it has none there.
    pub group: Option<String>,
    /// Its processes.
    pub pids: Vec<i64>,
    /// What its first process is called.
    pub first: String,
    /// Whether it has a network namespace of its own.
    pub has_own_network: bool,
}

impl Container {
    /// Returns the id as the runtimes show it.
    pub fn short(&self) -> &str {
        if self.id.len() == LONG { self.id.get(..SHORT).unwrap_or(&self.id) } else { &self.id }
    }
}

/// Returns the running containers, in the order of their ids.
pub fn containers(machine: &dyn Machine) -> Vec<Container> {
    let listing = machine.list(Path::new("/proc")).map(|listing| listing.entries);
    let entries = listing.unwrap_or_default();
    let own = machine.read_link(Path::new("/proc/1/ns/net")).ok();
    let own = own.or_else(|| machine.read_link(Path::new("/proc/self/ns/net")).ok());
    let mut found: BTreeMap<String, Container> = BTreeMap::new();
    for pid in entries.iter().filter_map(|entry| entry.name.to_str()?.parse::<i64>().ok()) {
        let folder = PathBuf::from(format!("/proc/{pid}"));
        let Ok(read) = machine.read(&folder.join("cgroup"), limits::PSEUDO_FILE) else { continue };
        let text = String::from_utf8_lossy(&read.bytes).into_owned();
        let Some((runtime, id)) = text.lines().find_map(named) else { continue };
        let one = found.entry(id.clone()).or_insert_with(|| Container {
            runtime,
            group: text
                .lines()
                .filter_map(|line| line.strip_prefix("0::"))
                .find_map(|path| whole(path, &id)),
            id,
            pids: Vec::new(),
            first: ProcessStat::of(machine, pid).map(|stat| stat.name).unwrap_or_default(),
            has_own_network: machine
                .read_link(&folder.join("ns/net"))
                .is_ok_and(|link| own.as_ref().is_some_and(|own| *own != link)),
        });
        one.pids.push(pid);
    }
    found.into_values().collect()
}

/// Returns the path of a container's group as a whole: its processes may lie in groups below it.
fn whole(path: &str, id: &str) -> Option<String> {
    let mut kept: Vec<&str> = Vec::new();
    for part in path.split('/') {
        let above = kept.last().copied().unwrap_or_default();
        kept.push(part);
        // Not only a part of that name: a group above may be called likewise.
        if named_part(part, above).is_some_and(|(_, told)| told == id) {
            return Some(kept.join("/"));
        }
    }
    None
}

/// Returns the runtime and the id that one line of `/proc/PID/cgroup` names.
fn named(line: &str) -> Option<(&'static str, String)> {
    let path = line.splitn(3, ':').nth(2)?;
    let mut above = "";
    for part in path.split('/') {
        if let Some(told) = named_part(part, above) {
            return Some(told);
        }
        above = part;
    }
    None
}

fn named_part(part: &str, above: &str) -> Option<(&'static str, String)> {
    let bare = part.strip_suffix(".scope").or_else(|| part.strip_suffix(".service"));
    let bare = bare.unwrap_or(part);
    let is_id = |id: &str| id.len() == LONG && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    let prefixes = [
        ("docker-", "docker"),
        ("libpod-", "podman"),
        ("crio-", "cri-o"),
        ("cri-containerd-", "containerd"),
        ("nerdctl-", "containerd"),
    ];
    for (prefix, runtime) in prefixes {
        if let Some(id) = bare.strip_prefix(prefix).filter(|id| is_id(id)) {
            return Some((runtime, id.to_owned()));
        }
    }
    let is_named = |name: &str| !name.is_empty() && name.len() <= 128;
    if let Some(name) =
        bare.strip_prefix("systemd-nspawn@").or_else(|| bare.strip_prefix("machine-"))
        && is_named(name)
    {
        return Some(("nspawn", name.to_owned()));
    }
    if let Some(name) = part.strip_prefix("lxc.payload.").filter(|name| is_named(name)) {
        return Some(("lxc", name.to_owned()));
    }
    if above == "lxc" && is_named(part) {
        return Some(("lxc", part.to_owned()));
    }
    if !is_id(bare) {
        return None;
    }
    let runtime = if above == "docker" {
        "docker"
    } else if above.starts_with("libpod") {
        "podman"
    } else {
        "containerd"
    };
    Some((runtime, bare.to_owned()))
}

/// Returns what is said of the containers that a cut meets.
pub(crate) fn met(machine: &dyn Machine) -> Vec<Both> {
    let all = containers(machine);
    if all.is_empty() {
        return Vec::new();
    }
    let named: Vec<String> = all
        .iter()
        .take(NAMED)
        .map(|one| {
            let (first, count) = (text::escaped(&one.first), one.pids.len());
            format!("{} {} (`{first}` ×{count})", one.runtime, text::escaped(one.short()))
        })
        .collect();
    let (count, named) = (all.len(), named.join(", "));
    let more = if count > NAMED { ", …" } else { "" };
    let mut told = vec![Both::new(
        format!("{count} containers run here and are cut off with the machine: {named}{more}."),
        format!("本机运行着 {count} 个容器，将随本机一同断网：{named}{more}。"),
    )];
    let with_host = all.iter().filter(|one| !one.has_own_network).count();
    if with_host > 0 {
        told.push(Both::new(
            format!(
                "{with_host} of them use the machine's own network and are cut as its programs are."
            ),
            format!("其中 {with_host} 个直接使用本机网络，与本机程序同样被切断。"),
        ));
    }
    told.push(Both::new(
        "Not covered: what containers on one bridge say to each other (`--freeze-container ID` holds one still).",
        "未覆盖：同一网桥上容器之间的通信（`--freeze-container ID` 可冻结容器）。",
    ));
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use stanch_machine::Pretend;

    const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn each_runtime_is_told_by_the_names_that_it_gives() {
        let told = |path: &str| named(&format!("0::{path}"));
        let id = |runtime| Some((runtime, ID.to_owned()));
        assert_eq!(told(&format!("/system.slice/docker-{ID}.scope")), id("docker"));
        assert_eq!(told(&format!("/docker/{ID}")), id("docker"));
        assert_eq!(told(&format!("/machine.slice/libpod-{ID}.scope/container")), id("podman"));
        assert_eq!(
            told(&format!("/kubepods.slice/kubepods-besteffort.slice/cri-containerd-{ID}.scope")),
            id("containerd")
        );
        assert_eq!(told(&format!("/kubepods/besteffort/pod12/{ID}")), id("containerd"));
        let name = |runtime, name: &str| Some((runtime, name.to_owned()));
        assert_eq!(
            told("/machine.slice/systemd-nspawn@web.service/payload"),
            name("nspawn", "web")
        );
        assert_eq!(told("/lxc.payload.web"), name("lxc", "web"));
        for none in ["/", "/system.slice/docker.service", "/user.slice/user-1000.slice"] {
            assert_eq!(told(none), None, "{none}");
        }
    }

    #[test]
    fn a_container_is_all_processes_of_its_group_and_of_those_below() {
        let machine = Pretend::new()
            .link("/proc/1/ns/net", "net:[1]")
            .file("/proc/1/cgroup", "0::/init.scope\n")
            .file("/proc/70/cgroup", format!("0::/system.slice/docker-{ID}.scope\n"))
            .link("/proc/70/ns/net", "net:[7]")
            .file("/proc/71/cgroup", format!("0::/system.slice/docker-{ID}.scope/inner\n"))
            .link("/proc/71/ns/net", "net:[7]")
            .file("/proc/80/cgroup", "0::/web.slice/lxc.payload.web/init.scope\n")
            .link("/proc/80/ns/net", "net:[1]");
        let all = containers(&machine);
        assert_eq!(all.len(), 2);
        assert_eq!((all[0].pids.as_slice(), all[0].has_own_network), (&[70, 71][..], true));
        assert_eq!(all[0].group.as_deref(), Some(&*format!("/system.slice/docker-{ID}.scope")));
        assert_eq!((all[1].id.as_str(), all[1].has_own_network), ("web", false));
        assert_eq!(all[1].group.as_deref(), Some("/web.slice/lxc.payload.web"));
        assert_eq!(met(&machine).len(), 3);
    }
}
