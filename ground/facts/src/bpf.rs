//! eBPF objects: what is loaded, what it is attached to, and who keeps it alive.
//!
//! Source: bpf(2), linux/bpf.h (`struct bpf_prog_info`, `struct bpf_link_info`). A program lives
//! as long as something refers to it: a descriptor, a link, a pin, an interface, a cgroup, a
//! traffic filter, or an array of programs. Pins in bpffs mounts of other mount namespaces are
//! not seen.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use stanch_machine::kernel::BpfKind;
use stanch_machine::{FileKind, Kernel, limits};
use stanch_words::{Gap, GapKind, Seen};

use crate::Host;
use crate::descriptors::{Descriptors, Target};
use crate::links::Links;
use crate::mount_list;
use crate::netlink::{self, Attributes, u32_at, u64_at, until_zero};

/// A program, as the kernel describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Program {
    pub(crate) id: u32,
    pub(crate) kind: u32,
    pub(crate) tag: String,
    pub(crate) name: String,
    pub(crate) instructions: u32,
    pub(crate) load_time: u64,
    pub(crate) uid: u32,
    pub(crate) maps: u32,
    pub(crate) interface: u32,
}

/// A link: what a program is attached to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) id: u32,
    pub(crate) kind: u32,
    pub(crate) program: u32,
    /// The bytes from the union on: their meaning depends on the kind.
    pub(crate) rest: Vec<u8>,
}

/// Who keeps objects alive, by id.
#[derive(Debug, Default)]
pub(crate) struct Keepers {
    /// Pids that hold a descriptor.
    pub(crate) pids: BTreeMap<u32, BTreeSet<i64>>,
    /// Paths in bpffs.
    pub(crate) pins: BTreeMap<u32, Vec<String>>,
}

/// All eBPF objects.
#[derive(Debug, Default)]
pub(crate) struct Objects {
    pub(crate) programs: BTreeMap<u32, Program>,
    pub(crate) links: BTreeMap<u32, Link>,
    pub(crate) of_programs: Keepers,
    pub(crate) of_links: Keepers,
    /// What programs are attached to without a link.
    pub(crate) attached: BTreeMap<u32, BTreeSet<String>>,
    gaps: Vec<Gap>,
}

impl Objects {
    /// Returns the objects, read once; each table that uses them has their gaps.
    pub(crate) fn of(host: &Host, table: &str, seen: &mut Seen) -> std::sync::Arc<Self> {
        let objects = host.once(Self::read);
        for gap in &objects.gaps {
            seen.gap(Gap { what: table.to_owned(), ..gap.clone() });
        }
        objects
    }

    fn read(host: &Host) -> Self {
        let mut seen = Seen::default();
        let mut objects = Self::default();
        if let Some(kernel) = host.kernel("", &mut seen) {
            for info in infos(kernel, BpfKind::Program, &mut seen) {
                match program(&info) {
                    Some(program) => drop(objects.programs.insert(program.id, program)),
                    None => not_understood("program", &mut seen),
                }
            }
            for info in infos(kernel, BpfKind::Link, &mut seen) {
                match link(&info) {
                    Some(link) => drop(objects.links.insert(link.id, link)),
                    None => not_understood("link", &mut seen),
                }
            }
            // Without programs there is nobody to look for.
            if !objects.programs.is_empty() {
                objects.descriptors(host, kernel, &mut seen);
                objects.pins(host, kernel, &mut seen);
                objects.interfaces(host, &mut seen);
                objects.cgroups(host, kernel, &mut seen);
            }
        }
        objects.gaps = seen.gaps;
        objects
    }

    /// Finds the processes that hold programs and links.
    fn descriptors(&mut self, host: &Host, kernel: &dyn Kernel, seen: &mut Seen) {
        let descriptors = Descriptors::all(host);
        seen.gaps.extend(descriptors.gaps.iter().cloned());
        for descriptor in &descriptors.list {
            let Target::Other(target) = &descriptor.target else { continue };
            let (pid, fd) = (descriptor.pid, descriptor.fd);
            if target.starts_with(b"anon_inode:[perf_event]") {
                // A perf event without a program, or of a process that has ended, answers no.
                if let Ok((id, name)) = kernel.bpf_of_descriptor(pid, fd)
                    && self.programs.contains_key(&id)
                {
                    let name = stanch_words::text::from_bytes(&name);
                    self.attached.entry(id).or_default().insert(format!("perf event {name}"));
                    self.of_programs.pids.entry(id).or_default().insert(pid);
                }
                continue;
            }
            if !target.starts_with(b"anon_inode:bpf") {
                continue;
            }
            let path = format!("/proc/{pid}/fdinfo/{fd}");
            // Closed since, or ended: simply absent.
            if let Some(text) = host.read("", Path::new(&path), limits::PSEUDO_FILE, seen) {
                let (program, link) = ids(&text);
                // A link's text names its program too: the process holds the link.
                let (keepers, id) = match link {
                    Some(link) => (&mut self.of_links, Some(link)),
                    None => (&mut self.of_programs, program),
                };
                if let Some(id) = id {
                    keepers.pids.entry(id).or_default().insert(pid);
                }
            }
        }
    }

    /// Finds what is pinned in the bpffs mounts that we see.
    fn pins(&mut self, host: &Host, kernel: &dyn Kernel, seen: &mut Seen) {
        use std::os::unix::ffi::OsStrExt as _;
        for mount in mount_list::read(host, "", seen) {
            if mount.kind != b"bpf" || mount.covered {
                continue;
            }
            let root = PathBuf::from(std::ffi::OsStr::from_bytes(&mount.path));
            for path in tree(host, root, FileKind::Regular, seen) {
                match kernel.bpf_pinned(&path) {
                    Ok(text) => {
                        let (program, link) = ids(&text);
                        let (keepers, id) = match link {
                            Some(link) => (&mut self.of_links, Some(link)),
                            None => (&mut self.of_programs, program),
                        };
                        if let Some(id) = id {
                            let text = stanch_words::Value::from(path.as_path()).to_string();
                            keepers.pins.entry(id).or_default().push(text);
                        }
                    }
                    Err(miss) => crate::host::note("", &miss, seen),
                }
            }
        }
    }

    /// Finds programs on interfaces: XDP, and traffic filters.
    fn interfaces(&mut self, host: &Host, seen: &mut Seen) {
        let links = Links::of(host, "", seen);
        let filters = self.programs.values().any(|program| matches!(program.kind, 3 | 4));
        for link in links.by_index.values() {
            if let Some(id) = link.xdp_program {
                self.attached.entry(id).or_default().insert(format!("xdp {}", link.name));
            }
            // Root, and both hooks of `clsact` (linux/pkt_sched.h).
            for (parent, name) in [(0, "root"), (0xffff_fff2, "ingress"), (0xffff_fff3, "egress")] {
                if !filters {
                    break;
                }
                // RTM_GETTFILTER 46 with a `struct tcmsg`.
                let numbers = [0, link.index, 0, parent, 0_u32];
                let body: Vec<u8> = numbers.into_iter().flat_map(u32::to_ne_bytes).collect();
                let datagrams = netlink::dump(host, "", (netlink::ROUTE, 46), &body, seen);
                for message in netlink::messages(&datagrams, "", seen) {
                    let attributes = Attributes::of(message.body.get(20..).unwrap_or_default());
                    // TCA_OPTIONS 2, TCA_BPF_ID 11.
                    if let Some(id) = attributes.inside(2).u32(11) {
                        let place = format!("tc {} {name}", link.name);
                        self.attached.entry(id).or_default().insert(place);
                    }
                }
            }
        }
    }

    /// Finds programs on cgroups, at those attachment points that loaded programs can be at.
    fn cgroups(&mut self, host: &Host, kernel: &dyn Kernel, seen: &mut Seen) {
        use std::os::unix::ffi::OsStrExt as _;
        let points: BTreeSet<u32> = self
            .programs
            .values()
            .flat_map(|program| cgroup_points(program.kind))
            .copied()
            .collect();
        if points.is_empty() {
            return;
        }
        for mount in mount_list::read(host, "", seen) {
            if mount.kind != b"cgroup2" || mount.covered {
                continue;
            }
            let root = PathBuf::from(std::ffi::OsStr::from_bytes(&mount.path));
            let below = tree(host, root.clone(), FileKind::Directory, seen);
            for path in std::iter::once(root).chain(below) {
                for &point in &points {
                    match kernel.bpf_of_cgroup(&path, point) {
                        Ok(ids) => {
                            let text = stanch_words::Value::from(path.as_path()).to_string();
                            for id in ids {
                                let place = format!("cgroup {text}");
                                self.attached.entry(id).or_default().insert(place);
                            }
                        }
                        Err(miss) => crate::host::note("", &miss, seen),
                    }
                }
            }
        }
    }
}

fn not_understood(what: &str, seen: &mut Seen) {
    seen.gap(Gap::new("", GapKind::Damaged, format!("an eBPF {what} is not understood")));
}

/// Returns the descriptions of all objects of a kind. One that was unloaded since is passed over.
fn infos(kernel: &dyn Kernel, kind: BpfKind, seen: &mut Seen) -> Vec<Vec<u8>> {
    let ids = match kernel.bpf_ids(kind) {
        Ok(ids) => ids,
        Err(miss) => {
            seen.gap(miss.gap(""));
            return Vec::new();
        }
    };
    let mut infos = Vec::with_capacity(ids.len());
    for id in ids {
        match kernel.bpf_info(kind, id) {
            Ok(info) => infos.push(info),
            Err(miss) => crate::host::note("", &miss, seen),
        }
    }
    infos
}

/// Parses `struct bpf_prog_info`; the fields used are there since Linux 4.15.
pub(crate) fn program(info: &[u8]) -> Option<Program> {
    let tag = info.get(8..16)?.iter().map(|byte| format!("{byte:02x}")).collect();
    let name = until_zero(info.get(64..80)?);
    Some(Program {
        id: u32_at(info, 4)?,
        kind: u32_at(info, 0)?,
        tag,
        name: stanch_words::text::from_bytes(name),
        instructions: u32_at(info, 20)? / 8,
        load_time: u64_at(info, 40)?,
        uid: u32_at(info, 48)?,
        maps: u32_at(info, 52)?,
        interface: u32_at(info, 80).unwrap_or(0),
    })
}

/// Parses `struct bpf_link_info`.
pub(crate) fn link(info: &[u8]) -> Option<Link> {
    Some(Link {
        kind: u32_at(info, 0)?,
        id: u32_at(info, 4)?,
        program: u32_at(info, 8)?,
        rest: info.get(16..).unwrap_or_default().to_vec(),
    })
}

/// Returns the program's and the link's id in the text of a descriptor.
pub(crate) fn ids(text: &[u8]) -> (Option<u32>, Option<u32>) {
    let (mut program, mut link) = (None, None);
    for line in text.split(|&b| b == b'\n') {
        let mut words = crate::lines::words(line);
        match words.next() {
            Some(b"prog_id:") => program = words.next().and_then(crate::lines::number),
            Some(b"link_id:") => link = words.next().and_then(crate::lines::number),
            _ => {}
        }
    }
    (program, link)
}

/// Returns the entries of a kind below a directory, at most 16 levels deep and 20,000 of them.
fn tree(host: &Host, root: PathBuf, kind: FileKind, seen: &mut Seen) -> Vec<PathBuf> {
    const MOST: usize = 20_000;
    let mut found = Vec::new();
    let mut left = vec![(root, 0_u32)];
    while let Some((directory, depth)) = left.pop() {
        for entry in host.list("", &directory, seen) {
            let path = directory.join(&entry.name);
            if entry.kind == kind {
                found.push(path.clone());
            }
            if entry.kind == FileKind::Directory && depth < 16 {
                left.push((path, depth.saturating_add(1)));
            }
        }
        if found.len() > MOST {
            seen.gap(Gap::new("", GapKind::Truncated, format!("more than {MOST} entries")));
            break;
        }
    }
    found
}

/// Returns the cgroup attachment points (`enum bpf_attach_type`) of a type of program.
fn cgroup_points(kind: u32) -> &'static [u32] {
    match kind {
        8 => &[0, 1],
        9 => &[2, 12, 13, 34],
        13 => &[3],
        15 => &[6],
        18 => &[8, 9, 10, 11, 14, 15, 19, 20, 29, 30, 31, 32],
        23 => &[18],
        25 => &[21, 22],
        _ => &[],
    }
}

/// Returns the name of a program type (`enum bpf_prog_type`).
pub(crate) fn program_kind(kind: u32) -> String {
    const NAMES: &[&str] = &[
        "unspec",
        "socket_filter",
        "kprobe",
        "sched_cls",
        "sched_act",
        "tracepoint",
        "xdp",
        "perf_event",
        "cgroup_skb",
        "cgroup_sock",
        "lwt_in",
        "lwt_out",
        "lwt_xmit",
        "sock_ops",
        "sk_skb",
        "cgroup_device",
        "sk_msg",
        "raw_tracepoint",
        "cgroup_sock_addr",
        "lwt_seg6local",
        "lirc_mode2",
        "sk_reuseport",
        "flow_dissector",
        "cgroup_sysctl",
        "raw_tracepoint_writable",
        "cgroup_sockopt",
        "tracing",
        "struct_ops",
        "ext",
        "lsm",
        "sk_lookup",
        "syscall",
        "netfilter",
    ];
    named(NAMES, kind)
}

/// Returns the name of a link type (`enum bpf_link_type`).
pub(crate) fn link_kind(kind: u32) -> String {
    const NAMES: &[&str] = &[
        "unspec",
        "raw_tracepoint",
        "tracing",
        "cgroup",
        "iter",
        "netns",
        "xdp",
        "perf_event",
        "kprobe_multi",
        "struct_ops",
        "netfilter",
        "tcx",
        "uprobe_multi",
        "netkit",
        "sockmap",
    ];
    named(NAMES, kind)
}

fn named(names: &[&str], number: u32) -> String {
    let name = usize::try_from(number).ok().and_then(|number| names.get(number));
    name.map_or_else(|| number.to_string(), |name| (*name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_info_cut_at_every_byte_is_none_or_whole() {
        let mut info = vec![0_u8; 224];
        info[0] = 17;
        info[4] = 9;
        info[20] = 24;
        info[64..69].copy_from_slice(b"hide\0");
        for length in 0..info.len() {
            let found = program(&info[..length]);
            assert_eq!(found.is_some(), length >= 80, "{length}");
        }
        let found = program(&info).unwrap();
        assert_eq!((found.id, found.instructions, found.name.as_str()), (9, 3, "hide"));
        assert_eq!(program_kind(found.kind), "raw_tracepoint");
        assert_eq!(program_kind(9999), "9999");
    }

    #[test]
    fn descriptors_of_programs_and_links() {
        assert_eq!(ids(b"pos:\t0\nprog_type:\t17\nprog_id:\t9\n"), (Some(9), None));
        assert_eq!(ids(b"link_type:\ttracing\nlink_id:\t4\nprog_id:\t9\n"), (Some(9), Some(4)));
        assert_eq!(ids(b"prog_id:\t-1\nlink_id:\n\xff"), (None, None));
    }
}
