//! The kernel: crashes, taints, no memory, promiscuous interfaces, packets that a filter logged.
//!
//! Source: Linux `arch/x86/mm/fault.c` (`segfault at`), `mm/oom_kill.c`, `kernel/module/main.c`
//! (`module verification failed`), `net/core/dev.c` (`entered promiscuous mode`),
//! `net/ipv4/netfilter/nf_log_ipv4.c` (`IN=eth0 OUT= MAC=… SRC=…`), `kernel/reboot.c`.

use std::borrow::Cow;

use stanch_words::{Event, EventKind};

use super::Message;
use crate::logs::cut;

/// Parses what the kernel says.
pub fn parse<'l>(message: &Message<'l>) -> Option<Event<'l>> {
    let text = without_stamp(message.text);
    packet(message, text)
        .or_else(|| crash(message, text))
        .or_else(|| module(message, text))
        .or_else(|| memory(message, text))
        .or_else(|| other(message, text))
}

/// Leaves out `[  970.699396] ` and `[    T1] `, which stand before a message that a daemon took
/// as it is.
fn without_stamp(text: &str) -> &str {
    let mut text = text.trim_start();
    while let Some(rest) = text.strip_prefix('[')
        && let Some((inside, rest)) = rest.split_once(']')
        && inside
            .trim()
            .trim_start_matches(['T', 'C'])
            .bytes()
            .all(|b| b.is_ascii_digit() || b == b'.')
    {
        text = rest.trim_start();
    }
    text
}

/// `[UFW BLOCK] IN=eth0 OUT= MAC=… SRC=1.2.3.4 DST=5.6.7.8 LEN=40 … PROTO=TCP SPT=1 DPT=22 …`.
fn packet<'l>(message: &Message<'l>, text: &'l str) -> Option<Event<'l>> {
    let at = memchr::memmem::find(text.as_bytes(), b"IN=")?;
    let (prefix, fields) = text.split_at_checked(at)?;
    if !fields.contains(" OUT=") || !fields.contains(" SRC=") {
        return None;
    }
    let mut event = message.event(EventKind::NetworkFilter);
    let prefix = prefix.trim().trim_end_matches(':');
    if !prefix.is_empty() {
        event.with("reason", prefix.trim_matches(['[', ']']));
    }
    for field in fields.split(' ') {
        let Some((name, value)) = field.split_once('=') else { continue };
        match name {
            _ if value.is_empty() => {}
            "SRC" if event.source_ip.is_empty() => event.source_ip = Cow::Borrowed(value),
            "SPT" if event.source_port.is_none() => event.source_port = value.parse().ok(),
            "PROTO" if event.method.is_empty() => event.method = Cow::Borrowed(value),
            "DST" if event.text("destination_ip").is_empty() => {
                event.with("destination_ip", value);
            }
            "DPT" if event.number("destination_port").is_none() => {
                number(&mut event, "destination_port", value);
            }
            "UID" => event.uid = value.parse().ok(),
            "IN" | "OUT" => {
                event.with(if name == "IN" { "interface" } else { "out_interface" }, value);
            }
            _ => {}
        }
    }
    Some(event)
}

fn number<'l>(event: &mut Event<'l>, name: &'static str, value: &str) {
    if let Ok(number) = value.parse::<i64>() {
        event.with(name, number);
    }
}

/// `sshd[123]: segfault at 0 ip … error 4 in libc.so.6`, `traps: x[123] general protection fault
/// ip:…`, `traps: x[123] trap invalid opcode ip:…`.
fn crash<'l>(message: &Message<'l>, text: &'l str) -> Option<Event<'l>> {
    let rest = text.strip_prefix("traps: ").unwrap_or(text);
    let (who, what) = rest.split_once(']')?;
    let (program, pid) = who.rsplit_once('[')?;
    let what = what.trim_start_matches([':', ' ']);
    let starts = ["segfault at ", "general protection", "trap ", "unhandled signal "];
    if !starts.into_iter().any(|start| what.starts_with(start)) {
        return None;
    }
    let mut event = message.event(EventKind::KernelComplaint);
    event.pid = pid.parse().ok();
    event.path = Cow::Borrowed(program);
    event.with("reason", what);
    Some(event)
}

/// `x: module verification failed: signature and/or required key missing - tainting kernel`,
/// `x: loading out-of-tree module taints kernel.`, `x: module license 'y' taints kernel.`
fn module<'l>(message: &Message<'l>, text: &'l str) -> Option<Event<'l>> {
    let (name, what) = text.split_once(": ")?;
    let starts = ["module verification failed", "loading out-of-tree module", "module license "];
    if name.contains(' ') || !starts.into_iter().any(|start| what.starts_with(start)) {
        return None;
    }
    let mut event = message.event(EventKind::ModuleLoad);
    event.path = Cow::Borrowed(name);
    event.with("reason", what);
    Some(event)
}

/// `Out of memory: Killed process 123 (mysqld) total-vm:…`, `x invoked oom-killer: …`.
fn memory<'l>(message: &Message<'l>, text: &'l str) -> Option<Event<'l>> {
    let killed = text
        .split_once("Killed process ")
        .or_else(|| text.split_once("Kill process "))
        .map(|(_, rest)| rest);
    if killed.is_none() && !text.contains(" invoked oom-killer") {
        return None;
    }
    let mut event = message.event(EventKind::KernelComplaint);
    event.with("reason", "out of memory");
    if let Some((pid, rest)) = killed.and_then(|rest| rest.split_once(' ')) {
        event.pid = pid.trim_end_matches(',').parse().ok();
        event.path = Cow::Borrowed(cut::between(rest, "(", ")").unwrap_or_default());
    }
    Some(event)
}

fn other<'l>(message: &Message<'l>, text: &'l str) -> Option<Event<'l>> {
    if let Some((interface, verb)) = text
        .split_once(" entered promiscuous mode")
        .map(|(interface, _)| (interface, "entered promiscuous mode"))
        .or_else(|| Some((text.split_once(" left promiscuous mode")?.0, "left promiscuous mode")))
    {
        let mut event = message.event(EventKind::ConfigChange);
        let interface = interface.strip_prefix("device ").unwrap_or(interface);
        event.with(
            "interface",
            interface.trim_end_matches(':').rsplit(' ').next().unwrap_or_default(),
        );
        event.with("reason", verb);
        return Some(event);
    }
    let kind = kind_of(text)?;
    let mut event = message.event(kind);
    if kind == EventKind::LogLost
        && let Some(count) = text.split(' ').find_map(|word| word.parse::<i64>().ok())
    {
        event.with("count", count);
    }
    event.with("reason", text);
    Some(event)
}

fn kind_of(text: &str) -> Option<EventKind> {
    const STARTS: [(&str, EventKind); 16] = [
        ("Linux version ", EventKind::Boot),
        ("reboot: ", EventKind::Shutdown),
        ("Restarting system", EventKind::Shutdown),
        ("Power down", EventKind::Shutdown),
        ("BUG: ", EventKind::KernelComplaint),
        ("kernel BUG at ", EventKind::KernelComplaint),
        ("Oops: ", EventKind::KernelComplaint),
        ("general protection fault", EventKind::KernelComplaint),
        ("WARNING: CPU: ", EventKind::KernelComplaint),
        ("Kernel panic", EventKind::KernelComplaint),
        ("INFO: task ", EventKind::KernelComplaint),
        ("Disabling lock debugging due to kernel taint", EventKind::KernelComplaint),
        ("nf_conntrack: table full", EventKind::KernelComplaint),
        ("audit: backlog limit exceeded", EventKind::LogLost),
        ("audit: rate limit exceeded", EventKind::LogLost),
        ("audit: audit_lost=", EventKind::LogLost),
    ];
    if let Some((_, kind)) = STARTS.into_iter().find(|(start, _)| text.starts_with(start)) {
        return Some(kind);
    }
    if text.contains("bpf_probe_write_user") || text.contains("Possible SYN flooding on port") {
        return Some(EventKind::KernelComplaint);
    }
    let suppressed =
        text.ends_with(" callbacks suppressed") || text.ends_with(" messages suppressed.");
    suppressed.then_some(EventKind::LogLost)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::messages::testing::only;

    #[test]
    fn packets_that_a_filter_logged() {
        let event = only(
            "kernel: [  970.699396] [UFW BLOCK] IN=eth0 OUT= MAC=aa:bb SRC=1.2.3.4 DST=5.6.7.8 LEN=40 TOS=0x00 PREC=0x00 TTL=1 ID=1 PROTO=TCP SPT=50 DPT=22 WINDOW=1 RES=0x00 SYN URGP=0",
        );
        assert_eq!((event.kind, &*event.source_ip), (EventKind::NetworkFilter, "1.2.3.4"));
        assert_eq!((event.source_port, event.number("destination_port")), (Some(50), Some(22)));
        assert_eq!((event.text("destination_ip"), &*event.method), ("5.6.7.8", "TCP"));
        assert_eq!((event.text("reason"), event.text("interface")), ("UFW BLOCK", "eth0"));
    }

    #[test]
    fn crashes_name_the_program() {
        for line in [
            "kernel: [1.2] [  T77] nginx[123]: segfault at 0 ip 0000 sp 0000 error 4 in libc.so.6[7f]",
            "kernel: traps: nginx[123] general protection fault ip:1 sp:2 error:0 in x[3]",
            "kernel: Out of memory: Killed process 123 (nginx) total-vm:1kB",
        ] {
            let event = only(line);
            let told = (event.kind, event.pid, &*event.path);
            assert_eq!(told, (EventKind::KernelComplaint, Some(123), "nginx"), "{line}");
        }
    }

    #[test]
    fn modules_interfaces_and_the_rest() {
        use EventKind::{
            Boot, ConfigChange, KernelComplaint, LogLost, LogMessage, ModuleLoad, Shutdown,
        };
        for (line, kind) in [
            ("diamorphine: loading out-of-tree module taints kernel.", ModuleLoad),
            (
                "diamorphine: module verification failed: signature and/or required key missing - tainting kernel",
                ModuleLoad,
            ),
            ("device eth0 entered promiscuous mode", ConfigChange),
            ("virtio_net virtio0 eth0: entered promiscuous mode", ConfigChange),
            ("Linux version 6.1.0-1-amd64 (x@y)", Boot),
            ("reboot: Restarting system", Shutdown),
            ("BUG: unable to handle page fault for address: 0", KernelComplaint),
            (
                "x[7] is installing a program with bpf_probe_write_user helper that may corrupt user memory!",
                KernelComplaint,
            ),
            ("net_ratelimit: 12 callbacks suppressed", LogLost),
            ("EXT4-fs (sda1): mounted filesystem", LogMessage),
        ] {
            assert_eq!(only(&format!("kernel: [    1.234567] {line}")).kind, kind, "{line}");
        }
        assert_eq!(only("kernel: e1000 eth0: entered promiscuous mode").text("interface"), "eth0");
    }
}
