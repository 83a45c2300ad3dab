//! Blinds programs that listen to the wire: what is not kept is dropped before any packet socket
//! sees it.
//!
//! Rules of nf_tables come too late for that (M14): a packet socket gets its copy first. So a small
//! program stands at each device, before everything else (XDP), and passes the same that the rules
//! keep. It holds the time at which it stops cutting: from then on it passes all, whoever is gone
//! by then. In "generic" mode any device can have it, and it sees one tag of a VLAN.
//!
//! Source: linux/if_link.h (`IFLA_XDP_*`), linux/bpf.h (`enum xdp_action`, `struct xdp_md`).

use std::net::IpAddr;

use stanch_machine::{Changing, Machine};

use super::order::Order;
use crate::act::Trouble;
use crate::bpf::{Place, Program, Width};
use crate::netlink::{self, Wants};
use crate::responder::Keep;

/// What the kernel knows our program by; at most 15 bytes.
const NAME: &str = "stanch_blind";
/// `XDP_DROP` and `XDP_PASS`.
const DROP: i32 = 1;
const PASS: i32 = 2;
/// `BPF_FUNC_ktime_get_ns`: the clock that only goes forward.
const TIME: i32 = 5;
/// Registers: where the packet begins and ends, the Ethernet type, the context, and three to work
/// with.
const BEGIN: u8 = 6;
const END: u8 = 7;
const KIND: u8 = 8;
const CONTEXT: u8 = 9;
const ONE: u8 = 2;
const TWO: u8 = 3;
const PROTOCOL: u8 = 4;
/// Where the IP header begins.
const IP: i16 = 14;
/// Transport protocols (IANA).
const TCP: i32 = 6;
const UDP: i32 = 17;

/// What stands at a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Guard {
    /// No program.
    Nobody,
    /// Ours.
    Ours,
    /// One of somebody else.
    Other,
}

/// Puts the program at every device of an order, in place of one of ours that is there.
pub(super) fn attach(hands: &dyn Changing, order: &Order) -> Result<(), Trouble> {
    let kernel = hands.machine().kernel().ok_or(Trouble::NotLive)?;
    let nanoseconds = order.seconds.saturating_mul(1_000_000_000);
    let until = kernel.monotonic().saturating_add(nanoseconds);
    let program = program(order, until).ok_or_else(|| Trouble::Order {
        act: super::IsolateNetwork::NAME,
        why: "more is kept than the program at a device can hold".to_owned(),
    })?;
    for device in &order.devices {
        hands
            .attach_program(device, NAME, &program)
            .map_err(Trouble::while_doing("blinding a device"))?;
    }
    Ok(())
}

/// Takes our program away from every device of an order; those of others stay.
pub(super) fn detach(hands: &dyn Changing, order: &Order) -> Result<(), Trouble> {
    for device in &order.devices {
        if guard(hands.machine(), device)? == Guard::Ours {
            hands
                .detach_program(device)
                .map_err(Trouble::while_doing("taking the program away from a device"))?;
        }
    }
    Ok(())
}

/// Returns what stands at a device; nobody if there is no such device.
pub(super) fn guard(machine: &dyn Machine, device: &str) -> Result<Guard, Trouble> {
    /// `RTM_GETLINK`, `IFLA_IFNAME`, `IFLA_XDP`, `IFLA_XDP_PROG_ID`.
    const GET_LINK: u16 = 18;
    const NAME_OF_DEVICE: u16 = 3;
    const XDP: u16 = 43;
    const PROGRAM: u16 = 4;
    let kernel = machine.kernel().ok_or(Trouble::NotLive)?;
    let mut body = vec![0_u8; 16];
    let name = [device.as_bytes(), &[0]].concat();
    body.extend_from_slice(&netlink::attribute(NAME_OF_DEVICE, &name));
    let request = netlink::request(GET_LINK, Wants::Answer, &body);
    let answers = match kernel.netlink(netlink::ROUTE, &request) {
        Ok(answers) => answers,
        Err(miss) if miss.absent || miss.detail.contains("No such device") => {
            return Ok(Guard::Nobody);
        }
        Err(source) => return Err(Trouble::Machine { doing: "asking for a device", source }),
    };
    let bodies = netlink::bodies(&answers);
    let attributes = bodies.iter().flat_map(|body| {
        // Behind `struct ifinfomsg`.
        netlink::attributes(body.get(16..).unwrap_or_default())
    });
    let within = attributes.filter(|(kind, _)| *kind == XDP).map(|(_, content)| content);
    let id = within.flat_map(netlink::attributes).find(|(kind, _)| *kind == PROGRAM);
    let id = id.and_then(|(_, number)| number.first_chunk::<4>().copied());
    match id.map_or(0, u32::from_ne_bytes) {
        0 => Ok(Guard::Nobody),
        id => {
            let info = kernel
                .bpf_info(stanch_machine::kernel::BpfKind::Program, id)
                .map_err(Trouble::while_doing("asking for a device's program"))?;
            // `struct bpf_prog_info`: the name stands at 64.
            let name = info.get(64..80).unwrap_or_default();
            let end = name.iter().position(|&byte| byte == 0).unwrap_or(name.len());
            let is_ours = name.get(..end) == Some(NAME.as_bytes());
            Ok(if is_ours { Guard::Ours } else { Guard::Other })
        }
    }
}

/// Returns the program: what is kept passes until a moment of the kernel's clock, then all.
fn program(order: &Order, until: u64) -> Option<Vec<u8>> {
    let mut code = Program::default();
    let (pass, drop) = (code.place(), code.place());
    let (four, six) = (code.place(), code.place());
    code.copy(CONTEXT, 1);
    code.call(TIME);
    code.set_wide(ONE, until);
    code.go_if_greater(0, ONE, pass);
    // struct xdp_md { __u32 data; __u32 data_end; ... }
    code.load(Width::Four, BEGIN, CONTEXT, 0);
    code.load(Width::Four, END, CONTEXT, 4);
    needs(&mut code, 14, drop);
    code.load(Width::Two, KIND, BEGIN, 12);
    let untagged = code.place();
    let tagged = code.place();
    for tag in [[0x81, 0x00], [0x88, 0xa8]] {
        code.go_if_is(KIND, two(tag), tagged);
    }
    code.go(untagged);
    code.here(tagged);
    code.add(BEGIN, 4);
    needs(&mut code, 14, drop);
    code.load(Width::Two, KIND, BEGIN, 12);
    code.here(untagged);
    // ARP, and the port's own log-in (802.1X).
    for kind in [[0x08, 0x06], [0x88, 0x8e]] {
        code.go_if_is(KIND, two(kind), pass);
    }
    code.go_if_is(KIND, two([0x08, 0x00]), four);
    code.go_if_is(KIND, two([0x86, 0xdd]), six);
    code.go(drop);
    code.here(four);
    ipv4(&mut code, order, pass, drop);
    code.here(six);
    ipv6(&mut code, order, pass, drop);
    code.here(drop);
    code.set(0, DROP);
    code.end();
    code.here(pass);
    code.set(0, PASS);
    code.end();
    code.finish()
}

/// Goes elsewhere if the packet does not have so many bytes: the kernel wants that proven before
/// any of them is loaded.
fn needs(code: &mut Program, bytes: i32, otherwise: Place) {
    code.copy(ONE, BEGIN);
    code.add(ONE, bytes);
    code.go_if_greater(ONE, END, otherwise);
}

/// IPv4 without options (RFC 791); ends at `pass` or `drop`.
fn ipv4(code: &mut Program, order: &Order, pass: Place, drop: Place) {
    needs(code, 34, drop);
    for keep in order.keep.iter().filter(|keep| keep.address.is_ipv4() && keep.port.is_none()) {
        let next = code.place();
        from(code, keep, IP + 12, next);
        code.go(pass);
        code.here(next);
    }
    // What follows looks behind a header of 20 bytes, at the beginning of a datagram.
    code.load(Width::One, TWO, BEGIN, IP);
    code.go_if_is_not(TWO, 0x45, drop);
    code.load(Width::Two, TWO, BEGIN, IP + 6);
    code.mask(TWO, two([0x1f, 0xff]));
    code.go_if_is_not(TWO, 0, drop);
    code.load(Width::One, PROTOCOL, BEGIN, IP + 9);
    needs(code, 38, drop);
    // "Fragmentation needed" (RFC 1191).
    let next = code.place();
    code.go_if_is_not(PROTOCOL, 1, next);
    code.load(Width::Two, TWO, BEGIN, IP + 20);
    code.go_if_is(TWO, two([3, 4]), pass);
    code.here(next);
    let next = code.place();
    code.go_if_is_not(PROTOCOL, UDP, next);
    answers(code, IP + 20, (67, 68), pass);
    code.here(next);
    ports(code, order, true, (IP + 12, IP + 20), pass);
    code.go(drop);
}

/// IPv6 without extension headers (RFC 8200); ends at `pass` or `drop`.
fn ipv6(code: &mut Program, order: &Order, pass: Place, drop: Place) {
    needs(code, 54, drop);
    for keep in order.keep.iter().filter(|keep| keep.address.is_ipv6() && keep.port.is_none()) {
        let next = code.place();
        from(code, keep, IP + 8, next);
        code.go(pass);
        code.here(next);
    }
    code.load(Width::One, PROTOCOL, BEGIN, IP + 6);
    needs(code, 58, drop);
    // Neighbours (RFC 4861), and "packet too big" (RFC 4443).
    let next = code.place();
    code.go_if_is_not(PROTOCOL, 58, next);
    code.load(Width::One, TWO, BEGIN, IP + 40);
    for kind in [2, 133, 134, 135, 136] {
        code.go_if_is(TWO, kind, pass);
    }
    code.here(next);
    let next = code.place();
    code.go_if_is_not(PROTOCOL, UDP, next);
    answers(code, IP + 40, (547, 546), pass);
    code.here(next);
    ports(code, order, false, (IP + 8, IP + 40), pass);
    code.go(drop);
}

/// Passes what a server of addresses answers (RFC 2131, RFC 8415).
fn answers(code: &mut Program, at: i16, (server, client): (u16, u16), pass: Place) {
    let next = code.place();
    code.load(Width::Two, TWO, BEGIN, at);
    code.go_if_is_not(TWO, two(server.to_be_bytes()), next);
    code.load(Width::Two, TWO, BEGIN, at + 2);
    code.go_if_is(TWO, two(client.to_be_bytes()), pass);
    code.here(next);
}

/// Passes what is kept with a port: ours (they come to us) or theirs (we went to them).
fn ports(code: &mut Program, order: &Order, four: bool, (source, at): (i16, i16), pass: Place) {
    for keep in order.keep.iter().filter(|keep| keep.address.is_ipv4() == four) {
        let Some(port) = keep.port else { continue };
        let (next, is_transport) = (code.place(), code.place());
        from(code, keep, source, next);
        code.go_if_is(PROTOCOL, TCP, is_transport);
        code.go_if_is_not(PROTOCOL, UDP, next);
        code.here(is_transport);
        for offset in [at, at + 2] {
            code.load(Width::Two, TWO, BEGIN, offset);
            code.go_if_is(TWO, two(port.to_be_bytes()), pass);
        }
        code.here(next);
    }
}

/// Goes on only if the source lies in a network.
fn from(code: &mut Program, keep: &Keep, source: i16, otherwise: Place) {
    let bytes = match keep.address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    let mask = keep.mask();
    let words = bytes.chunks_exact(4).zip(mask.chunks_exact(4));
    for ((address, mask), offset) in words.zip((source..).step_by(4)) {
        let number = |bytes: &[u8]| {
            i32::from_ne_bytes(bytes.first_chunk::<4>().copied().unwrap_or_default())
        };
        let (address, mask) = (number(address), number(mask));
        if mask == 0 {
            break;
        }
        code.load(Width::Four, TWO, BEGIN, offset);
        code.mask(TWO, mask);
        code.go_if_is_not(TWO, address & mask, otherwise);
    }
}

/// Returns two bytes of a packet as they are loaded.
fn two(bytes: [u8; 2]) -> i32 {
    i32::from(u16::from_ne_bytes(bytes))
}
