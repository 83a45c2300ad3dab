//! The network: which devices there are, what a cut costs, and what must not be cut.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;

use stanch_acts::isolate_network::{IsolateNetwork, Level, Order};
use stanch_acts::{Keep, Trouble, WayIn};
use stanch_machine::{Machine, limits};
use stanch_words::{Both, Refusal, Step};

use crate::{Seat, Wish, containers};

/// Kinds of file systems that lie on another machine (`/proc/filesystems`).
const NETWORKED: [&str; 9] =
    ["nfs", "nfs4", "cifs", "smb3", "ceph", "glusterfs", "fuse.glusterfs", "9p", "ocfs2"];
/// How many of the other sides are named before the rest is counted.
const NAMED: usize = 5;

/// Returns the order for a wish: the way in joins what is kept.
pub(crate) fn order(
    machine: &dyn Machine,
    wish: &Wish,
    level: Level,
    ways_in: Vec<WayIn>,
) -> Order {
    let mut keep = wish.keep.clone();
    for own in ways_in.iter().map(WayIn::keep) {
        if !keep.contains(&own) {
            keep.push(own);
        }
    }
    Order {
        v: 1,
        level,
        keep,
        block: wish.block.clone(),
        ways_in,
        devices: devices(machine),
        uplinks: uplinks(machine),
        seconds: wish.seconds,
        code: wish.code.clone(),
    }
}

/// Returns the step, or why there is none.
pub(crate) fn step(
    machine: &dyn Machine,
    order: &Order,
    seat: Seat,
) -> Result<Result<Step, Refusal>, Trouble> {
    match (IsolateNetwork::plan(machine, order)?, seat) {
        // At the console nothing need be kept; the kernel opens it all the same.
        (Err(_no_way_in), Seat::Console)
            if order.keep.is_empty() && order.level != Level::Block =>
        {
            IsolateNetwork::plan_for_console(machine, order)
        }
        (planned, _) => Ok(planned),
    }
}

/// Returns the devices of the network but loopback (`/sys/class/net`).
pub fn devices(machine: &dyn Machine) -> Vec<String> {
    let folder = Path::new("/sys/class/net");
    let Ok(listing) = machine.list(folder) else { return Vec::new() };
    let names = listing.entries.iter().filter_map(|entry| entry.name.to_str());
    let is_loopback = |name: &str| {
        let kind = machine.read(&folder.join(name).join("type"), limits::PSEUDO_FILE);
        // ARPHRD_LOOPBACK. What is no device (`bonding_masters`) has no kind.
        kind.map_or(true, |kind| kind.bytes.trim_ascii() == b"772")
    };
    names.filter(|name| !is_loopback(name)).map(str::to_owned).collect()
}

/// Returns the devices by which the machine reaches others: those of the default routes, or all if
/// there is none (`/proc/net/route`, `/proc/net/ipv6_route`).
pub fn uplinks(machine: &dyn Machine) -> Vec<String> {
    let read = |path: &str| {
        let read = machine.read(Path::new(path), limits::PSEUDO_FILE);
        String::from_utf8_lossy(&read.map(|read| read.bytes).unwrap_or_default()).into_owned()
    };
    let mut found: Vec<String> = Vec::new();
    for line in read("/proc/net/route").lines().skip(1) {
        let mut fields = line.split_ascii_whitespace();
        if let (Some(device), Some("00000000")) = (fields.next(), fields.next()) {
            found.push(device.to_owned());
        }
    }
    for line in read("/proc/net/ipv6_route").lines() {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        if let [network, "00", .., device] = fields.as_slice()
            && network.bytes().all(|byte| byte == b'0')
            && *device != "lo"
        {
            found.push((*device).to_owned());
        }
    }
    found.sort();
    found.dedup();
    if found.is_empty() { devices(machine) } else { found }
}

/// Returns what must not be cut: file systems of other machines. Whoever uses one of them would
/// hang, and with it perhaps the whole machine.
pub(crate) fn refusals(machine: &dyn Machine, order: &Order) -> Vec<Refusal> {
    let mounts = machine.read(Path::new("/proc/self/mounts"), limits::PSEUDO_FILE);
    let mounts = mounts.map(|read| read.bytes).unwrap_or_default();
    let mut refusals = Vec::new();
    for line in String::from_utf8_lossy(&mounts).lines() {
        let mut fields = line.split_ascii_whitespace();
        let (Some(from), Some(at), Some(kind), Some(options)) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        if !NETWORKED.contains(&kind) || is_kept(order, from, options) {
            continue;
        }
        let (from, at) = (stanch_words::text::escaped(from), stanch_words::text::escaped(at));
        refusals.push(Refusal {
            asked: Both::new(
                format!("cut the network while `{from}` is mounted at `{at}`"),
                format!("在 `{from}` 仍挂载于 `{at}` 时断网"),
            ),
            why: Both::new(
                "whatever uses it would hang, and perhaps the whole machine; keep its server with `--keep ADDR`, or unmount it",
                "使用它的程序会卡死，整台机器也可能随之卡死；请用 `--keep ADDR` 保留其服务器，或先卸载",
            ),
        });
    }
    refusals
}

/// Returns whether a mount's server stays within reach.
fn is_kept(order: &Order, from: &str, options: &str) -> bool {
    let named = options.split(',').find_map(|option| option.strip_prefix("addr="));
    let host = from.strip_prefix("//").and_then(|rest| rest.split('/').next());
    let host = host.or_else(|| from.rsplit_once(':').map(|(host, _path)| host));
    let address = [named, host].into_iter().flatten().find_map(|text| {
        let text = text.trim_start_matches('[').trim_end_matches(']');
        text.parse::<IpAddr>().ok()
    });
    // 9p is a share of the hypervisor unless it says that it goes over TCP.
    if options.split(',').any(|option| matches!(option, "trans=virtio" | "trans=fd")) {
        return true;
    }
    let Some(address) = address else { return order.level == Level::Block };
    let holds = |keep: &Keep| keep.holds(address);
    match order.level {
        Level::Block => !order.block.iter().any(holds),
        Level::Egress | Level::Isolate | Level::Blind => {
            address.is_loopback() || order.keep.iter().any(holds)
        }
    }
}

/// Returns what the cut costs and what it does not cover.
pub(crate) fn costs(machine: &dyn Machine, order: &Order, sockets: &[String]) -> Vec<Both> {
    let mut costs = vec![connections(sockets)];
    if order.level.is_whole() {
        costs.push(Both::new(
            "Whatever this machine serves to others stops until it is released.",
            "本机对外的全部服务在解除之前中断。",
        ));
    }
    let seconds = order.seconds;
    costs.push(Both::new(
        format!("The kernel opens it again by itself after {seconds} s unless you confirm over a new connection."),
        format!("若未在新连接中确认，内核将在 {seconds} 秒后自动放开。"),
    ));
    costs.push(Both::new(
        "A reboot opens it: nothing of a cut outlives the kernel. `stanch contain again` then cuts it again.",
        "重启会放开网络：断网只存在于当前内核中。重启后可用 `stanch contain again` 再次切断。",
    ));
    costs.extend(uncovered(machine, order));
    costs
}

/// Returns which connections end.
pub(crate) fn connections(sockets: &[String]) -> Both {
    let mut peers: BTreeMap<&str, usize> = BTreeMap::new();
    for peer in sockets.iter().filter_map(|line| line.split(' ').nth(2)) {
        let count = peers.entry(peer).or_default();
        *count = count.saturating_add(1);
    }
    if peers.is_empty() {
        return Both::new("No connection stands that would end.", "没有会被终止的现有连接。");
    }
    let mut peers: Vec<_> = peers.into_iter().collect();
    peers.sort_by_key(|&(peer, count)| (std::cmp::Reverse(count), peer));
    let named: Vec<String> =
        peers.iter().take(NAMED).map(|(peer, count)| format!("{peer} ×{count}")).collect();
    let more = peers.len().saturating_sub(NAMED);
    let (en, zh) = match more {
        0 => (String::new(), String::new()),
        more => (format!(" and {more} more addresses"), format!(" 等另外 {more} 个地址")),
    };
    let (count, named) = (sockets.len(), named.join(", "));
    Both::new(
        format!("{count} connections end: {named}{en}."),
        format!("将终止 {count} 个连接：{named}{zh}。"),
    )
}

/// Returns what somebody who is not root could not see.
pub(crate) fn unseen(order: &Order) -> Vec<Both> {
    let mut told = vec![
        Both::new(
            "Not seen without root: by which connection you came in. It will be kept beside what is named above.",
            "无 root 权限看不到：您登录所用的连接。执行时它会与上述各项一并保留。",
        ),
        Both::new(
            "Not seen without root: whether we have cut the network already, and whether this kernel takes the rules.",
            "无 root 权限看不到：本工具是否已经断网，以及内核是否接受这些规则。",
        ),
    ];
    if order.level == Level::Blind {
        told.push(Both::new(
            "Not seen without root: whether a program of somebody else stands at a device.",
            "无 root 权限看不到：网卡上是否已有他人的 XDP 程序。",
        ));
    }
    told.push(Both::new(
        "This plan is kept nowhere: make it anew as root to apply it.",
        "本方案未保存：请以 root 重新制定后执行。",
    ));
    told
}

/// Returns what a cut of this level leaves open, said before and never found out after.
fn uncovered(machine: &dyn Machine, order: &Order) -> Vec<Both> {
    let mut told = Vec::new();
    if order.level != Level::Blind {
        told.push(Both::new(
            "Not covered: a program that only listens to the wire with a packet socket still hears what arrives (`--level blind` covers it).",
            "未覆盖：用数据包套接字监听网卡的程序仍能听到到达的数据（`--level blind` 可覆盖）。",
        ));
    }
    if order.level == Level::Egress {
        told.push(Both::new(
            "Not covered: frames that a program with root's rights writes to a device itself.",
            "未覆盖：拥有 root 权限的程序直接写到网卡上的帧。",
        ));
    }
    if order.level.is_whole() {
        told.extend(containers::met(machine));
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use stanch_machine::Pretend;

    fn wish() -> Wish {
        Wish {
            level: Some(Level::Isolate),
            keep: vec![Keep::parse("10.0.0.9:22").unwrap()],
            seconds: 120,
            code: "k7".to_owned(),
            ..Wish::nothing(stanch_acts::Vault::at("/var/lib/stanch/cases/one/vault"))
        }
    }

    #[test]
    fn loopback_is_no_device_and_the_default_route_names_the_uplink() {
        let machine = Pretend::new()
            .file("/sys/class/net/lo/type", "772\n")
            .file("/sys/class/net/eth0/type", "1\n")
            .file("/sys/class/net/docker0/type", "1\n")
            .file("/sys/class/net/bonding_masters", "")
            .file("/proc/net/route", "Iface\tDestination\neth0\t00000000\ndocker0\t000011AC\n");
        assert_eq!(devices(&machine), ["docker0", "eth0"]);
        assert_eq!(uplinks(&machine), ["eth0"]);
    }

    #[test]
    fn a_share_of_another_machine_is_refused_unless_its_server_is_kept() {
        let machine = Pretend::new().file(
            "/proc/self/mounts",
            "10.0.0.5:/x /srv nfs4 rw,addr=10.0.0.5 0 0\n/dev/sda1 / ext4 rw 0 0\n",
        );
        let mut wish = wish();
        let refusals_of =
            |wish: &Wish| refusals(&machine, &order(&machine, wish, Level::Isolate, Vec::new()));
        let refused = refusals_of(&wish);
        assert_eq!(refused.len(), 1);
        assert!(refused[0].asked.en.contains("`/srv`"), "{refused:?}");
        wish.keep.push(Keep::parse("10.0.0.0/24").unwrap());
        assert_eq!(refusals_of(&wish), []);
    }

    #[test]
    fn connections_are_counted_by_their_other_side() {
        let lines: Vec<String> =
            ["tcp 40000 203.0.113.4 443", "tcp 40001 203.0.113.4 443", "udp 1 10.0.0.1 53"]
                .map(str::to_owned)
                .to_vec();
        assert_eq!(connections(&lines).en, "3 connections end: 203.0.113.4 ×2, 10.0.0.1 ×1.");
    }
}
