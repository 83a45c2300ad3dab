//! What eBPF programs are attached to.
//!
//! Source: bpf(2), `struct bpf_link_info` (linux/bpf.h).

use stanch_machine::kernel::{BpfKind, BpfPart};
use stanch_words::{Ask, Seen, table_spec};

use crate::Host;
use crate::bpf::{self, Link, Objects};
use crate::links::Links;
use crate::netlink::{u32_at, u64_at, until_zero};
use crate::socket_holders::joined;

table_spec! {
    /// eBPF links.
    pub static SPEC, col = "bpf_links": Live, "eBPF links, one row each.";
    id BigInt Index "Link id.";
    r#type Text Plain "Kind: raw_tracepoint, tracing, cgroup, xdp, tcx, perf_event, kprobe_multi and so on.";
    prog_id BigInt Plain "Program that is attached.";
    target Text Plain "What it is attached to: interface, cgroup, tracepoint, hook; as far as the kernel tells.";
    pids Text Plain "Processes that hold it, joined by commas.";
    pinned Text Plain "Paths in bpffs that keep it, joined by commas.";
    attach_type Integer Plain "Attachment point (enum bpf_attach_type), where the kind has one.";
    prog_name Text Plain "Name of the program.";
}

/// Asks bpf(2).
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    let objects = Objects::of(host, SPEC.name, seen);
    if objects.links.is_empty() {
        return;
    }
    let interfaces = Links::of(host, SPEC.name, seen);
    for link in objects.links.values() {
        let name = name(host, link, seen);
        let held = objects.of_links.pids.get(&link.id).cloned().unwrap_or_default();
        let pins = objects.of_links.pins.get(&link.id).cloned().unwrap_or_default();
        let program = objects.programs.get(&link.program);
        let mut row = SPEC.row();
        row.put(col::id, link.id)
            .put(col::r#type, bpf::link_kind(link.kind))
            .put(col::prog_id, link.program)
            .put(col::target, target(link, &name, &interfaces))
            .put(col::pids, joined(&held.into_iter().collect::<Vec<_>>()))
            .put(col::pinned, joined(&pins))
            .put(col::attach_type, attach_type(link))
            .put(col::prog_name, program.map(|program| program.name.as_str()));
        seen.push(row);
    }
}

/// Returns the name that only raw tracepoints (1) and iterators (4) have.
fn name(host: &Host, link: &Link, seen: &mut Seen) -> String {
    let Some(kernel) = host.machine().kernel().filter(|_| matches!(link.kind, 1 | 4)) else {
        return String::new();
    };
    match kernel.bpf_array(BpfKind::Link, link.id, BpfPart::Name) {
        Ok(bytes) => stanch_words::text::from_bytes(until_zero(&bytes)),
        Err(miss) => {
            crate::host::note(SPEC.name, &miss, seen);
            String::new()
        }
    }
}

fn target(link: &Link, name: &str, interfaces: &Links) -> String {
    let number = |at: usize| u32_at(&link.rest, at).unwrap_or(0);
    match link.kind {
        1 | 4 => name.to_owned(),
        2 => format!("type id {} of object {}", number(8), number(4)),
        3 => format!("cgroup {}", u64_at(&link.rest, 0).unwrap_or(0)),
        5 => format!("network namespace {}", number(0)),
        6 | 11 | 13 => interfaces.name(number(0)),
        8 | 12 => format!("{} functions", if link.kind == 8 { number(8) } else { number(28) }),
        9 => format!("map {}", number(0)),
        10 => {
            format!("family {} hook {} priority {}", number(0), number(4), number(8).cast_signed())
        }
        _ => String::new(),
    }
}

fn attach_type(link: &Link) -> Option<u32> {
    match link.kind {
        2 => u32_at(&link.rest, 0),
        3 => u32_at(&link.rest, 8),
        5 | 11 | 13 => u32_at(&link.rest, 4),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(kind: u32, numbers: &[u32]) -> Link {
        let rest = numbers.iter().flat_map(|number| number.to_ne_bytes()).collect();
        Link { kind, rest, ..Link::default() }
    }

    #[test]
    fn targets_by_kind_and_a_cut_one() {
        let none = Links::default();
        assert_eq!(target(&link(6, &[7]), "", &none), "7");
        assert_eq!(target(&link(2, &[24, 1, 999]), "", &none), "type id 999 of object 1");
        assert_eq!(attach_type(&link(2, &[24, 1, 999])), Some(24));
        assert_eq!(target(&link(1, &[]), "sys_enter", &none), "sys_enter");
        assert_eq!(target(&link(10, &[2, 1, u32::MAX]), "", &none), "family 2 hook 1 priority -1");
        assert_eq!(
            (target(&link(3, &[]), "", &none), attach_type(&link(3, &[]))),
            ("cgroup 0".into(), None)
        );
    }
}
