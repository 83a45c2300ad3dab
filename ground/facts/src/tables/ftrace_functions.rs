//! Kernel functions that something has hooked through ftrace or kprobes.
//!
//! Source: Documentation/trace/ftrace.rst (`enabled_functions`, `touched_functions`),
//! Documentation/trace/kprobes.rst (`kprobes/list`). Rootkits hook the functions that listings
//! depend on. Where tracefs is not mounted it is read through a mount of our own.

use std::path::Path;

use stanch_machine::limits;
use stanch_words::{Ask, Gap, GapKind, Row, Seen, table_spec};

use crate::Host;
use crate::lines::words;

table_spec! {
    /// Hooked functions.
    pub static SPEC, col = "ftrace_functions": Live, "Kernel functions that are hooked, one row a function and list.";
    function Text Plain "Function.";
    source Text Plain "List that tells of it: enabled_functions, touched_functions or kprobes.";
    owner Text Plain "Module that the hook is in; empty if it names none.";
    callback Text Plain "What is called, as far as the kernel tells.";
    flags Text Plain "The list's own marks (R saves registers, I changes the instruction pointer, M has modified it).";
    suspicious Integer Plain "1 if listings of files, processes, sockets or modules depend on the function.";
    hooks Integer Plain "How many hooks there are on it.";
}

/// Functions that listings and permissions depend on; an `x64_sys_` and the like may stand before.
const WATCHED: &[&str] = &[
    "getdents",
    "getdents64",
    "filldir",
    "filldir64",
    "fillonedir",
    "compat_filldir",
    "iterate_dir",
    "proc_pid_readdir",
    "tcp4_seq_show",
    "tcp6_seq_show",
    "udp4_seq_show",
    "udp6_seq_show",
    "packet_seq_show",
    "inet_sk_diag_fill",
    "inet_diag_dump_icsk",
    "packet_rcv",
    "tpacket_rcv",
    "m_show",
    "s_show",
    "find_task_by_vpid",
    "find_pid_ns",
    "kill",
    "openat",
    "open",
    "read",
    "readlink",
    "readlinkat",
    "statx",
    "newfstatat",
    "newlstat",
    "newstat",
    "execve",
    "bpf",
    "init_module",
    "finit_module",
    "delete_module",
    "sysinfo",
    "kallsyms_lookup_name",
    "audit_log_start",
    "commit_creds",
    "vfs_read",
    "recvmsg",
    "getpgid",
    "getsid",
    "sched_getparam",
    "sched_getaffinity",
    "pread64",
    "ptrace",
    "__do_sys_reboot",
];

/// Reads the three lists.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    for name in ["enabled_functions", "touched_functions", "kprobe_events"] {
        match trace_file(host, name) {
            Ok(bytes) => parse(&bytes, name, seen),
            Err(gap) => seen.gap(gap),
        }
    }
    let path = Path::new("/sys/kernel/debug/kprobes/list");
    if let Some(bytes) = host.read(SPEC.name, path, limits::PSEUDO_FILE, seen) {
        parse(&bytes, "kprobes", seen);
    }
}

/// Reads a file of tracefs. A kernel that does not have it could not be asked: a gap.
fn trace_file(host: &Host, name: &str) -> Result<Vec<u8>, Gap> {
    // Over a tracefs of our own nobody can mount another file.
    let fresh = match host.machine().kernel() {
        None => None,
        Some(kernel) => match kernel.fresh_trace(Path::new(name), limits::PSEUDO_FILE) {
            Ok(bytes) => return Ok(bytes),
            Err(miss) => Some(miss),
        },
    };
    for place in ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"] {
        let path = Path::new(place).join(name);
        match host.machine().read(&path, limits::PSEUDO_FILE) {
            Ok(contents) => return Ok(contents.bytes),
            Err(miss) if miss.absent => {}
            Err(miss) => return Err(miss.gap(SPEC.name)),
        }
    }
    let Some(miss) = fresh else {
        return Err(Gap::new(SPEC.name, GapKind::NotHere, "no running kernel to ask"));
    };
    // touched_functions is there since Linux 6.4, kprobe_events with kprobes; without
    // enabled_functions there is nothing to ask.
    if miss.absent && name != "enabled_functions" {
        return Ok(Vec::new());
    }
    let detail = format!("tracefs: {}", miss.detail);
    let path = format!("/sys/kernel/tracing/{name}");
    let kind = if miss.absent { GapKind::Refused } else { miss.kind };
    Err(Gap::new(SPEC.name, kind, detail).at(path))
}

/// Parses one list. A line that is not understood is a gap.
pub fn parse(bytes: &[u8], source: &str, seen: &mut Seen) {
    for (at, line) in (1_u64..).zip(bytes.split(|&b| b == b'\n')) {
        // A line of enabled_functions can go on in indented ones.
        if line.trim_ascii().is_empty() {
            continue;
        }
        if line.starts_with(b"\t") && source != "kprobes" {
            if let Some(row) = seen.rows.last_mut() {
                let before = row.get(col::callback).to_string();
                row.put(col::callback, format!("{before} {}", crate::lines::text_of(words(line))));
            }
            continue;
        }
        let row = match source {
            "kprobes" => kprobe(line),
            "kprobe_events" => kprobe_event(line),
            _ => enabled(line, source),
        };
        match row {
            Some(row) => seen.push(row),
            None => {
                let detail = format!("line {at} of {source} is not understood");
                seen.gap(Gap::new(SPEC.name, GapKind::Damaged, detail));
            }
        }
    }
}

/// `function [module] (hooks) flags  tramp: address (ops_callback+0x0/0x1)->callback`.
fn enabled(line: &[u8], source: &str) -> Option<Row> {
    let text = stanch_words::text::from_bytes(line);
    let (function, rest) = text.split_once([' ', '\t'])?;
    let (count, rest) = rest.split_once('(')?.1.split_once(')')?;
    let hooks: u32 = count.trim().parse().ok()?;
    let at = rest.find(|c: char| c.is_ascii_lowercase()).unwrap_or(rest.len());
    let (flags, callback) = rest.split_at_checked(at)?;
    Some(filled(function, source, callback, flags, hooks))
}

/// `address  k  function+0x0  [module] [FTRACE]`.
fn kprobe(line: &[u8]) -> Option<Row> {
    let mut words = words(line);
    let (_address, kind, place) = (words.next()?, words.next()?, words.next()?);
    let marks = crate::lines::text_of(words);
    let place = stanch_words::text::from_bytes(place);
    let function = place.split('+').next().unwrap_or_default();
    Some(filled(function, "kprobes", &marks, &stanch_words::text::from_bytes(kind), 1))
}

/// `p:group/event function+offset …`.
fn kprobe_event(line: &[u8]) -> Option<Row> {
    let mut words = words(line);
    let (event, place) = (words.next()?, words.next()?);
    let place = stanch_words::text::from_bytes(place);
    let place = place.rsplit(':').next().unwrap_or_default();
    let function = place.split('+').next().unwrap_or_default();
    Some(filled(function, "kprobe_events", &stanch_words::text::from_bytes(event), "", 1))
}

fn filled(function: &str, source: &str, callback: &str, flags: &str, hooks: u32) -> Row {
    let owner = callback.split_once('[').and_then(|(_, rest)| rest.split_once(']'));
    let owner = owner.map_or("", |(owner, _)| owner);
    let owner =
        if matches!(owner, "FTRACE" | "OPTIMIZED" | "DISABLED" | "GONE") { "" } else { owner };
    let mut row = SPEC.row();
    row.put(col::function, function)
        .put(col::source, source)
        .put(col::owner, owner)
        .put(col::callback, callback.trim())
        .put(col::flags, crate::lines::text_of(words(flags.as_bytes())))
        .put(col::suspicious, is_watched(function))
        .put(col::hooks, hooks);
    row
}

fn is_watched(function: &str) -> bool {
    const BEFORE: &[&str] = &[
        "__x64_sys_",
        "__ia32_sys_",
        "__ia32_compat_sys_",
        "__arm64_sys_",
        "__arm64_compat_sys_",
        "__do_sys_",
        "__se_sys_",
        "do_sys_",
        "ksys_",
        "sys_",
        "compat_sys_",
        "",
    ];
    BEFORE
        .iter()
        .filter_map(|before| function.strip_prefix(before))
        .any(|name| WATCHED.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hook_on_the_directory_listing() {
        let mut seen = Seen::default();
        parse(
            b"__x64_sys_getdents64 (1) R I   M \ttramp: 0xffffffffc0a03000 (hook+0x0/0x40 [tmod]) ->ftrace_ops_assist_func+0x0/0xf0\n\
              schedule (2)   \tdirect-->bpf_trampoline_1+0x0/0x1\nbroken\n\xff\xff (x)\n",
            "enabled_functions",
            &mut seen,
        );
        let row = &seen.rows[0];
        assert_eq!(row.get(col::function).as_text(), Some("__x64_sys_getdents64"));
        assert_eq!(row.get(col::owner).as_text(), Some("tmod"));
        assert_eq!(row.get(col::flags).as_text(), Some("R I M"));
        assert_eq!(row.get(col::suspicious).as_integer(), Some(1));
        assert_eq!(seen.rows[1].get(col::suspicious).as_integer(), Some(0));
        assert_eq!(seen.rows[1].get(col::hooks).as_integer(), Some(2));
        assert_eq!((seen.rows.len(), seen.gaps.len()), (2, 2));
    }

    #[test]
    fn kprobes_of_a_list_and_of_events() {
        let mut seen = Seen::default();
        parse(b"ffffffff81 k  tcp4_seq_show+0x0    [FTRACE]\n", "kprobes", &mut seen);
        parse(b"p:kprobes/x m_show+0x5 %ax\n", "kprobe_events", &mut seen);
        for row in &seen.rows {
            assert_eq!(row.get(col::suspicious).as_integer(), Some(1));
            assert_eq!(row.get(col::owner).as_text(), Some(""));
        }
        assert_eq!((seen.rows.len(), seen.gaps.len()), (2, 0));
    }
}
