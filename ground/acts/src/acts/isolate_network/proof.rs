//! The proof of a cut, from inside: what of it can be tried without asking a stranger.
//!
//! A datagram is sent to where it must not go, and dies at the first router should it leave; a frame
//! goes from a device to itself. Each has to be stopped at once and to be counted.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

use stanch_machine::kernel::Knock;
use stanch_machine::{Kernel, Machine, limits};

use super::order::{Level, Order};
use super::standing::Standing;
use super::{blind, rules};
use crate::act::Trouble;
use crate::sockets;

/// Addresses that are nobody's, for documentation (RFC 5737, RFC 3849): tried where the machine
/// knows no gateway, or keeps it.
const NOBODY: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
];

/// What was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Check {
    /// All rules that were made are there.
    Rules,
    /// A datagram to an address that is cut.
    Datagram {
        /// Where it was to go.
        to: IpAddr,
    },
    /// A frame written to a device itself.
    Frame {
        /// The device.
        device: String,
    },
    /// A datagram from another network namespace: a container.
    Namespace {
        /// A process in it.
        pid: i64,
        /// Where it was to go.
        to: IpAddr,
    },
    /// What was stopped has been counted.
    Counted,
    /// Nobody who listens to the device hears what is cut.
    Blind {
        /// The device.
        device: String,
    },
    /// A connection by which the responder came in stands.
    WayIn {
        /// From where.
        from: IpAddr,
    },
    /// The machine reaches itself.
    Loopback,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is as it should be.
    Holds,
    /// It is not.
    Fails,
    /// It could not be tried: there is no way there, or the machine does not let it be tried.
    Untried {
        /// Why, in the system's words; none if there was no way.
        why: Option<String>,
    },
}

/// One thing that was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// What.
    pub check: Check,
    /// What came of it.
    pub outcome: Outcome,
}

fn proof(check: Check, holds: bool) -> Proof {
    Proof { check, outcome: if holds { Outcome::Holds } else { Outcome::Fails } }
}

/// Tries whether a cut holds.
///
/// # Errors
/// [`Trouble`] if the kernel does not tell its rules or sockets.
pub fn prove(machine: &dyn Machine, order: &Order) -> Result<Vec<Proof>, Trouble> {
    let kernel = machine.kernel().ok_or(Trouble::NotLive)?;
    let before = Standing::of(machine, order)?;
    let mut all = vec![proof(Check::Rules, before.rules() == rules::count(order))];
    // Without the rules nothing is tried: it would leave.
    if all.iter().all(|one| one.outcome == Outcome::Holds) {
        let mut stopped = 0_u64;
        for to in targets(machine, order) {
            let knocked = knocked(kernel.knock(None, to), &mut stopped);
            all.push(Proof { check: Check::Datagram { to }, outcome: knocked });
        }
        if order.covers_devices() && order.level != Level::Block {
            for device in &order.devices {
                let Some((number, own)) = device_of(machine, device) else { continue };
                let knocked = knocked(kernel.knock_by_frame(number, own), &mut stopped);
                all.push(Proof {
                    check: Check::Frame { device: device.clone() },
                    outcome: knocked,
                });
            }
        }
        let counted = Standing::of(machine, order)?.dropped().saturating_sub(before.dropped());
        if stopped > 0 {
            all.push(proof(Check::Counted, counted >= stopped));
        }
        all.extend(from_namespaces(machine, kernel, order)?);
    }
    if order.level == Level::Blind {
        for device in &order.devices {
            let holds = blind::guard(machine, device)? == blind::Guard::Ours;
            all.push(proof(Check::Blind { device: device.clone() }, holds));
        }
    }
    let sockets = sockets::all(kernel).map_err(Trouble::while_doing("listing the sockets"))?;
    for way in &order.ways_in {
        let stands = sockets.iter().any(|socket| {
            socket.is_established()
                && (socket.remote(), socket.remote_port()) == (way.from, way.from_port)
        });
        all.push(proof(Check::WayIn { from: way.from }, stands));
    }
    all.push(proof(Check::Loopback, kernel.loopback_works()));
    Ok(all)
}

fn knocked(knock: Result<Knock, stanch_machine::Miss>, stopped: &mut u64) -> Outcome {
    match knock {
        Ok(Knock::Stopped) => {
            *stopped = stopped.saturating_add(1);
            Outcome::Holds
        }
        Ok(Knock::Left) => Outcome::Fails,
        Ok(Knock::NoWay) => Outcome::Untried { why: None },
        Err(miss) => Outcome::Untried { why: Some(miss.detail) },
    }
}

/// Returns an address of each family that the order cuts: what is blocked, else the next gateway,
/// else one that is nobody's.
fn targets(machine: &dyn Machine, order: &Order) -> Vec<IpAddr> {
    let blocked = order.block.iter().filter(|_| order.level == Level::Block);
    let candidates: Vec<IpAddr> = match order.level {
        Level::Block => blocked.map(|one| one.address).collect(),
        Level::Egress | Level::Isolate | Level::Blind => {
            gateways(machine).into_iter().chain(NOBODY).collect()
        }
    };
    let is_cut = |to: &&IpAddr| order.cuts(**to, 0, 9, false);
    let of = |four: bool| candidates.iter().filter(|to| to.is_ipv4() == four).find(is_cut).copied();
    [of(true), of(false)].into_iter().flatten().collect()
}

/// Returns the gateways of the default routes (`/proc/net/route`, `/proc/net/ipv6_route`).
fn gateways(machine: &dyn Machine) -> Vec<IpAddr> {
    let read = |path: &str| {
        let read = machine.read(Path::new(path), limits::PSEUDO_FILE);
        String::from_utf8_lossy(&read.map(|read| read.bytes).unwrap_or_default()).into_owned()
    };
    let mut found = Vec::new();
    for line in read("/proc/net/route").lines().skip(1) {
        let mut fields = line.split_ascii_whitespace().skip(1);
        if let (Some("00000000"), Some(gateway)) = (fields.next(), fields.next())
            && let Ok(number @ 1..) = u32::from_str_radix(gateway, 16)
        {
            // As it lies in memory.
            found.push(IpAddr::V4(Ipv4Addr::from(number.to_ne_bytes())));
        }
    }
    for line in read("/proc/net/ipv6_route").lines() {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        if let [network, "00", _, _, gateway, ..] = fields.as_slice()
            && network.bytes().all(|byte| byte == b'0')
            && let Ok(number @ 1..) = u128::from_str_radix(gateway, 16)
        {
            let six = Ipv6Addr::from_bits(number);
            // One of the link alone needs a device to be named.
            if !six.is_unicast_link_local() {
                found.push(IpAddr::V6(six));
            }
        }
    }
    found
}

/// Returns a device's number and address, if it is of Ethernet and up.
fn device_of(machine: &dyn Machine, device: &str) -> Option<(i32, [u8; 6])> {
    let field = |name: &str| {
        let path = Path::new("/sys/class/net").join(device).join(name);
        let bytes = machine.read(&path, limits::PSEUDO_FILE).ok()?.bytes;
        Some(String::from_utf8_lossy(bytes.trim_ascii()).into_owned())
    };
    if field("type")? != "1" {
        return None;
    }
    let parts: Vec<u8> =
        field("address")?.split(':').filter_map(|part| u8::from_str_radix(part, 16).ok()).collect();
    Some((field("ifindex")?.parse().ok()?, *parts.first_chunk::<6>()?))
}

/// How many datagrams are sent from each: what others send meanwhile is counted too, and so many of
/// theirs at once are rare.
const KNOCKS: u64 = 16;
/// How many other network namespaces are tried: a host of containers has hundreds.
const NAMESPACES: usize = 32;

/// Tries from each other network namespace. What is stopped there is stopped on its way through this
/// machine, so that its sender is told nothing: the counters tell.
fn from_namespaces(
    machine: &dyn Machine,
    kernel: &dyn Kernel,
    order: &Order,
) -> Result<Vec<Proof>, Trouble> {
    let mut all = Vec::new();
    if !order.level.is_whole() {
        return Ok(all);
    }
    let Some(to) = targets(machine, order).into_iter().find(IpAddr::is_ipv4) else {
        return Ok(all);
    };
    for pid in other_namespaces(machine) {
        let namespace = PathBuf::from(format!("/proc/{pid}/ns/net"));
        let before = Standing::of(machine, order)?.dropped();
        let knocks = (0..KNOCKS).map(|_| kernel.knock(Some(&namespace), to));
        let outcome = match knocks.last().unwrap_or(Ok(Knock::NoWay)) {
            Ok(Knock::Stopped) => Outcome::Holds,
            Ok(Knock::NoWay) => Outcome::Untried { why: None },
            Ok(Knock::Left) => counted_soon(machine, kernel, order, before.saturating_add(KNOCKS))?,
            Err(miss) => Outcome::Untried { why: Some(miss.detail) },
        };
        all.push(Proof { check: Check::Namespace { pid, to }, outcome });
    }
    Ok(all)
}

/// Waits a moment for what was sent elsewhere to come by and be stopped.
fn counted_soon(
    machine: &dyn Machine,
    kernel: &dyn Kernel,
    order: &Order,
    wanted: u64,
) -> Result<Outcome, Trouble> {
    for _wait in 0..20 {
        if Standing::of(machine, order)?.dropped() >= wanted {
            return Ok(Outcome::Holds);
        }
        kernel.sleep(std::time::Duration::from_millis(10));
    }
    // It may have gone nowhere for want of a neighbour, or another way than over our devices.
    Ok(Outcome::Untried { why: Some("nothing came by".to_owned()) })
}

/// Returns a process of each network namespace that is not ours.
fn other_namespaces(machine: &dyn Machine) -> Vec<i64> {
    let own = machine.read_link(Path::new("/proc/self/ns/net")).ok();
    let listing = machine.list(Path::new("/proc"));
    let entries = listing.map(|listing| listing.entries).unwrap_or_default();
    let pids = entries.iter().filter_map(|entry| entry.name.to_str()?.parse::<i64>().ok());
    let mut seen: Vec<PathBuf> = own.into_iter().collect();
    let mut found = Vec::new();
    for pid in pids {
        let link = machine.read_link(&PathBuf::from(format!("/proc/{pid}/ns/net")));
        if let Ok(link) = link
            && !seen.contains(&link)
        {
            seen.push(link);
            found.push(pid);
        }
        if found.len() >= NAMESPACES {
            break;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::responder::Keep;
    use stanch_machine::Pretend;

    fn order(level: Level, keep: &str) -> Order {
        Order {
            v: 1,
            level,
            keep: vec![Keep::parse(keep).unwrap()],
            block: vec![Keep::parse("203.0.113.4").unwrap()],
            ways_in: Vec::new(),
            devices: Vec::new(),
            uplinks: Vec::new(),
            seconds: 120,
            code: String::new(),
        }
    }

    #[test]
    fn what_is_tried_is_what_is_blocked_else_a_gateway_that_is_not_kept_else_nobodys() {
        let machine = Pretend::new()
            .file("/proc/net/route", "Iface\tDest\tGate\neth0\t00000000\t0100000A\n")
            .file(
                "/proc/net/ipv6_route",
                "00000000000000000000000000000000 00 00000000000000000000000000000000 00 \
                 fd000000000000000000000000000001 00000400 1 0 00000003 eth0\n",
            );
        let told = |level, keep: &str| -> Vec<String> {
            targets(&machine, &order(level, keep)).iter().map(ToString::to_string).collect()
        };
        if cfg!(target_endian = "little") {
            assert_eq!(told(Level::Isolate, "10.0.0.9:22"), ["10.0.0.1", "fd00::1"]);
            assert_eq!(told(Level::Isolate, "10.0.0.0/8"), ["192.0.2.1", "fd00::1"]);
        }
        assert_eq!(told(Level::Block, "10.0.0.9:22"), ["203.0.113.4"]);
    }
}
