//! Programs loaded into the kernel, who keeps them there, and what they can do.
//!
//! Source: bpf(2), `struct bpf_prog_info` (linux/bpf.h). Calls in the kernel's copy of a program
//! are offsets from `__bpf_call_base`, so that `/proc/kallsyms` names them (kernel/bpf/syscall.c).

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use stanch_machine::kernel::{BpfKind, BpfPart};
use stanch_words::{Ask, Gap, GapKind, Seen, table_spec};

use crate::Host;
use crate::bpf::{self, Objects};
use crate::netlink::u32_at;
use crate::socket_holders::{joined, program};

table_spec! {
    /// eBPF programs.
    pub static SPEC, col = "bpf_programs": Live, "Loaded eBPF programs, one row each.";
    id BigInt Index "Program id.";
    r#type Text Plain "Kind: kprobe, tracing, xdp, sched_cls, cgroup_skb, lsm and so on.";
    name Text Plain "Name given by the loader, at most 15 bytes.";
    tag Text Plain "Checksum of its instructions.";
    loaded_at BigInt Plain "When it was loaded, seconds since 1970 UTC.";
    uid BigInt Plain "User that loaded it.";
    load_time BigInt Plain "When it was loaded, nanoseconds since boot.";
    instructions Integer Plain "Instructions as the kernel runs them.";
    maps Text Plain "Ids of its maps, joined by commas.";
    pids Text Plain "Processes that hold it or a link to it, joined by commas.";
    attached_by Text Plain "What it is attached to: links, interfaces, cgroups, traffic filters, perf events; joined by commas.";
    pinned Text Plain "Paths in bpffs that keep it or a link to it, joined by commas.";
    orphan Integer Plain "1 if no process holds it or a link to it, and no pin, interface, cgroup or filter was found for it.";
    helpers Text Plain "Kernel functions that it calls, joined by commas.";
    dangerous Text Plain "Those of them that write to programs' memory, change what system calls return, or send signals.";
    process_name Text Plain "Name of the first process that holds it.";
    process_path Text Plain "Program of the first process that holds it.";
}

/// Functions that let a program deceive or attack others.
const DANGEROUS: &[&str] =
    &["bpf_probe_write_user", "bpf_override_return", "bpf_send_signal", "bpf_send_signal_thread"];

/// Asks bpf(2).
pub(super) fn read(host: &Host, ask: &Ask, seen: &mut Seen) {
    let objects = Objects::of(host, SPEC.name, seen);
    let Some(kernel) = host.machine().kernel() else { return };
    if objects.programs.is_empty() {
        return;
    }
    let names = if ask.wants_any(&[col::helpers, col::dangerous]) {
        helper_names(host, seen)
    } else {
        HashMap::new()
    };
    let booted = host.machine().now().saturating_sub(kernel.sysinfo().uptime);
    for found in objects.programs.values() {
        let mut row = SPEC.row();
        let loaded = i64::try_from(found.load_time / 1_000_000_000).unwrap_or(0);
        row.put(col::id, found.id)
            .put(col::r#type, bpf::program_kind(found.kind))
            .put(col::name, found.name.as_str())
            .put(col::tag, found.tag.as_str())
            .put(col::loaded_at, booted.saturating_add(loaded))
            .put(col::uid, found.uid)
            .put(col::load_time, found.load_time)
            .put(col::instructions, found.instructions);
        if ask.wants(col::maps) && found.maps > 0 {
            match kernel.bpf_array(BpfKind::Program, found.id, BpfPart::Maps) {
                Ok(bytes) => {
                    let ids: Vec<u32> =
                        bytes.chunks_exact(4).filter_map(|id| u32_at(id, 0)).collect();
                    row.put(col::maps, joined(&ids));
                }
                Err(miss) => crate::host::note(SPEC.name, &miss, seen),
            }
        }
        if ask.wants_any(&[col::helpers, col::dangerous]) && !names.is_empty() {
            match kernel.bpf_array(BpfKind::Program, found.id, BpfPart::Instructions) {
                Ok(bytes) => {
                    let (called, hidden) = helpers(&bytes, &names);
                    if hidden {
                        let detail = "the kernel hides which functions programs call";
                        seen.gap(Gap::new(SPEC.name, GapKind::Refused, detail));
                    }
                    let dangerous: Vec<&str> =
                        called.iter().copied().filter(|name| DANGEROUS.contains(name)).collect();
                    row.put(col::dangerous, joined(&dangerous));
                    row.put(col::helpers, joined(&called.into_iter().collect::<Vec<_>>()));
                }
                Err(miss) => crate::host::note(SPEC.name, &miss, seen),
            }
        }
        keepers(host, &objects, found, &mut row);
        seen.push(row);
    }
}

fn keepers(host: &Host, objects: &Objects, found: &bpf::Program, row: &mut stanch_words::Row) {
    let mut pids: BTreeSet<i64> =
        objects.of_programs.pids.get(&found.id).cloned().unwrap_or_default();
    let mut pins = objects.of_programs.pins.get(&found.id).cloned().unwrap_or_default();
    let mut attached: Vec<String> =
        objects.attached.get(&found.id).into_iter().flatten().cloned().collect();
    if found.interface != 0 {
        attached.push(format!("offloaded to interface {}", found.interface));
    }
    // A link is itself kept by a process or a pin, so it is no reason of its own to live.
    let elsewhere = !attached.is_empty();
    for link in objects.links.values().filter(|link| link.program == found.id) {
        attached.push(format!("link {} {}", link.id, bpf::link_kind(link.kind)));
        pids.extend(objects.of_links.pids.get(&link.id).into_iter().flatten());
        pins.extend(objects.of_links.pins.get(&link.id).into_iter().flatten().cloned());
    }
    let orphan = pids.is_empty() && pins.is_empty() && !elsewhere;
    if let Some(&pid) = pids.first() {
        let (name, path) = program(host, pid);
        row.put(col::process_name, name).put(col::process_path, path);
    }
    row.put(col::orphan, orphan)
        .put(col::pids, joined(&pids.into_iter().collect::<Vec<_>>()))
        .put(col::attached_by, joined(&attached))
        .put(col::pinned, joined(&pins));
}

/// Returns the names of functions by their distance from `__bpf_call_base`.
fn helper_names(host: &Host, seen: &mut Seen) -> HashMap<i32, String> {
    let path = Path::new("/proc/kallsyms");
    // Two million symbols of 60 bytes would be 120 MB; kernels with many modules have 300,000.
    let Some(bytes) = host.read(SPEC.name, path, 128 << 20, seen) else { return HashMap::new() };
    let names = parse_symbols(&bytes);
    if names.is_empty() {
        let gap = Gap::new(SPEC.name, GapKind::Refused, "the kernel hides its addresses");
        seen.gap(gap.at("/proc/kallsyms"));
    }
    names
}

fn parse_symbols(bytes: &[u8]) -> HashMap<i32, String> {
    let mut base = None;
    let mut found: Vec<(u64, &str)> = Vec::new();
    for line in bytes.split(|&b| b == b'\n') {
        let mut words = line.splitn(3, |&b| b == b' ');
        let (Some(address), Some(kind), Some(name)) = (words.next(), words.next(), words.next())
        else {
            continue;
        };
        let is_base = name == b"__bpf_call_base";
        let is_helper = name.starts_with(b"bpf_") && matches!(kind, b"T" | b"t");
        if !is_base && !is_helper {
            continue;
        }
        let Some(address) = crate::process_files::hexadecimal(address).filter(|&at| at != 0) else {
            continue;
        };
        if is_base {
            base = Some(address);
        } else if let Ok(name) = std::str::from_utf8(name) {
            found.push((address, name));
        }
    }
    let Some(base) = base else { return HashMap::new() };
    let distance = |address: u64| i32::try_from(address.wrapping_sub(base).cast_signed()).ok();
    found
        .into_iter()
        .filter_map(|(address, name)| Some((distance(address)?, name.to_owned())))
        .collect()
}

/// Returns the functions that instructions call, and whether the kernel has blanked the calls.
fn helpers<'a>(bytes: &[u8], names: &'a HashMap<i32, String>) -> (BTreeSet<&'a str>, bool) {
    let (mut called, mut blank) = (BTreeSet::new(), false);
    for instruction in bytes.chunks_exact(8) {
        // BPF_JMP | BPF_CALL with a source register of 0: a helper, not a function of its own.
        if let [0x85, registers, _, _, a, b, c, d] = *instruction
            && registers & 0xf0 == 0
        {
            let distance = i32::from_ne_bytes([a, b, c, d]);
            blank |= distance == 0;
            called.extend(names.get(&distance).map(String::as_str));
        }
    }
    (called, blank)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYMBOLS: &[u8] = b"ffffffff81000100 T __bpf_call_base\n\
        ffffffff81000000 T bpf_probe_write_user\nffffffff81000200 t bpf_get_current_pid_tgid\n\
        ffffffff81000300 d bpf_data\n\xff\xff x\nffffffff81000400 T other\n";

    #[test]
    fn a_program_that_writes_into_other_programs() {
        let names = parse_symbols(SYMBOLS);
        assert_eq!(names.len(), 2);
        let call = |distance: i32| [&[0x85, 0, 0, 0][..], &distance.to_ne_bytes()].concat();
        let own = [0x85, 0x10, 0, 0, 0, 0xff, 0xff, 0xff];
        let bytes = [&call(-0x100)[..], &own, &call(0x100), &call(0x300), &[0x85]].concat();
        let (called, hidden) = helpers(&bytes, &names);
        let called: Vec<&str> = called.into_iter().collect();
        assert_eq!(called, ["bpf_get_current_pid_tgid", "bpf_probe_write_user"]);
        assert!(!hidden);
        assert!(helpers(&call(0), &names).1, "a blanked call is told");
    }

    #[test]
    fn hidden_addresses_name_nothing() {
        let text = b"0000000000000000 T __bpf_call_base\n0000000000000000 T bpf_send_signal\n";
        assert!(parse_symbols(text).is_empty());
    }
}
