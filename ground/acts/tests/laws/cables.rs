//! Devices of the network by chance, with addresses and routes: what an unplugged machine has to get
//! back.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use stanch_acts::unplug_network::Wanted;

use crate::chance::Chance;

/// The devices that are made: two pairs, each with both its ends here.
const DEVICES: [&str; 4] = ["plug0", "plug1", "plug2", "plug3"];

fn ip(words: &str) {
    let done = Command::new("ip").args(words.split(' ')).output().unwrap();
    assert!(done.status.success(), "ip {words}: {}", String::from_utf8_lossy(&done.stderr));
}

/// Makes the devices, and returns what is to be unplugged.
pub(crate) fn make(chance: &mut Chance) -> Wanted {
    // An address would be tentative for a second, and the state another each time.
    for place in ["all", "default"] {
        fs::write(format!("/proc/sys/net/ipv6/conf/{place}/accept_dad"), "0").unwrap();
    }
    // With addresses of our own choice, or each machine would be another one.
    for (one, other) in [(0, 1), (2, 3)] {
        let (from, to) = (format!("02:00:00:00:00:0{one}"), format!("02:00:00:00:00:0{other}"));
        ip(&format!(
            "link add plug{one} address {from} type veth peer name plug{other} address {to}"
        ));
    }
    // One pair is always up, so that there is something to unplug.
    let is_up = [true, true, chance.coin(), chance.coin()];
    for (device, is_up) in DEVICES.into_iter().zip(is_up) {
        if is_up {
            ip(&format!("link set {device} up"));
        }
    }
    let third = chance.below(200);
    ip(&format!("addr add 10.9.{third}.1/24 dev plug0"));
    ip("-6 addr add 2001:db8:9::1/64 dev plug0 nodad");
    if chance.coin() {
        ip("-6 addr add 2001:db8:9::2/64 dev plug0 nodad noprefixroute");
    }
    if chance.coin() {
        ip(&format!("addr add 10.9.{third}.7/32 dev plug0"));
    }
    let routes = [
        format!("route add default via 10.9.{third}.254 dev plug0 metric 100"),
        format!("route add 198.51.100.0/24 via 10.9.{third}.253 src 10.9.{third}.1"),
        "route add 203.0.113.0/24 dev plug0 scope link table 77".to_owned(),
        "route add 192.0.2.7/32 dev plug1 proto static".to_owned(),
        "-6 route add default via 2001:db8:9::ff dev plug0".to_owned(),
        "-6 route add 2001:db8:a::/48 via fe80::1 dev plug0 metric 50".to_owned(),
    ];
    for route in routes {
        if chance.coin() {
            ip(&route);
        }
    }
    let mut devices = vec!["plug0".to_owned()];
    devices.extend(DEVICES.into_iter().skip(1).filter(|_| chance.coin()).map(str::to_owned));
    Wanted { devices, seconds: 30 + chance.below(600), code: "k7mq2x".to_owned() }
}

/// Writes how the network stands: which devices are up, all addresses and routes.
pub(crate) fn tell(text: &mut String) {
    for device in DEVICES {
        let told = Command::new("ip").args(["-o", "link", "show", device]).output().unwrap();
        let told = String::from_utf8_lossy(&told.stdout).into_owned();
        let flags = told.split(['<', '>']).nth(1).unwrap_or_default();
        writeln!(text, "{device} {}", flags.split(',').any(|flag| flag == "UP")).unwrap();
    }
    for words in ["-o addr show", "-4 route show table all", "-6 route show table all"] {
        let told = Command::new("ip").args(words.split(' ')).output().unwrap();
        let told = String::from_utf8_lossy(&told.stdout).into_owned();
        // Whether there is a carrier is told a moment later than it is so.
        let mut lines: Vec<String> = told
            .lines()
            // Devices are numbered anew each time.
            .map(|line| line.split_once(": ").map_or(line, |(_, rest)| rest))
            .map(|line| line.replace(" linkdown", "").replace(" dead", ""))
            // Groups of receivers, and addresses of the link itself, come and go with a device by
            // themselves, the latter a moment later; so does the kernel's own note of each address.
            .filter(|line| {
                !["ff00::/8", "anycast", "fe80::ff:fe00", "table local proto kernel metric 0"]
                    .iter()
                    .any(|own| line.contains(own))
            })
            .collect();
        lines.sort();
        writeln!(text, "{}", lines.join("\n")).unwrap();
    }
}

/// Removes the devices.
pub(crate) fn end() {
    ip("link del plug0");
    ip("link del plug2");
}
