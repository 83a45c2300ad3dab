//! What can be cut from outside, where root on this machine cannot undo it: the port of the switch,
//! the hypervisor, the cloud. Told, never done.
//!
//! Which port it is, is heard: switches tell of themselves every half minute (LLDP) or minute (CDP).

mod advice;
pub mod neighbours;
mod platform;

use std::path::Path;
use std::time::Duration;

use stanch_machine::kernel::{Heard, Listen};
use stanch_machine::{Machine, limits};
use stanch_words::Gap;

pub use advice::{Advice, Place};
pub use neighbours::Neighbour;
pub use platform::{Firmware, Platform};

use crate::uplinks;

/// At how many devices is listened: a host of containers has hundreds of virtual ones.
const DEVICES: usize = 64;
/// How many that claim to be the other end are kept of one device.
const NEIGHBOURS: usize = 8;
/// `ARPHRD_ETHER`.
const ETHERNET: &[u8] = b"1";

/// A device, and who is at its other end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// The device.
    pub device: String,
    /// Its address, by which switches and hypervisors know it; empty if it has none.
    pub mac: String,
    /// Whether the machine reaches others by it: it is hardware, or a default route goes there.
    pub is_outward: bool,
    /// Who said that he is at the other end.
    pub neighbours: Vec<Neighbour>,
}

/// What can be cut from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outside {
    /// The devices.
    pub ports: Vec<Port>,
    /// What the machine runs on.
    pub platform: Platform,
    /// What the machine is called there, if it knows.
    pub instance: String,
    /// For how long was listened at most, in seconds.
    pub listened: u64,
    /// What to do where.
    pub advice: Vec<Advice>,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
}

/// Looks at what the machine says of where it hangs, and listens for its neighbours, so long at
/// most. Nothing is sent and nothing is changed.
pub fn outside(machine: &dyn Machine, time: Duration) -> Outside {
    let mut gaps = Vec::new();
    let mut ports = ports(machine);
    if !time.is_zero() {
        listen(machine, time, &mut ports, &mut gaps);
    }
    let firmware = Firmware::of(machine);
    let platform = platform::platform(machine, &firmware);
    let instance = instance(machine, &firmware);
    let advice = advice::advice(&ports, &platform, &instance);
    Outside { ports, platform, instance, listened: time.as_secs(), advice, gaps }
}

/// Returns the Ethernet devices.
fn ports(machine: &dyn Machine) -> Vec<Port> {
    let folder = Path::new("/sys/class/net");
    let field = |device: &str, name: &str| {
        let read = machine.read(&folder.join(device).join(name), limits::PSEUDO_FILE);
        let bytes = read.map(|read| read.bytes).unwrap_or_default();
        stanch_words::text::from_bytes(bytes.trim_ascii())
    };
    let uplinks = uplinks(machine);
    let mut ports: Vec<Port> = crate::devices(machine)
        .into_iter()
        .filter(|device| field(device, "type").as_bytes() == ETHERNET)
        .map(|device| Port {
            mac: field(&device, "address"),
            is_outward: uplinks.contains(&device)
                || machine.lstat(&folder.join(&device).join("device")).is_ok(),
            neighbours: Vec::new(),
            device,
        })
        .collect();
    // Those by which others are reached come first.
    ports.sort_by_key(|port| !port.is_outward);
    ports.truncate(DEVICES);
    ports
}

fn listen(machine: &dyn Machine, time: Duration, ports: &mut [Port], gaps: &mut Vec<Gap>) {
    let Some(kernel) = machine.kernel() else { return };
    let number = |device: &str| -> Option<i32> {
        let path = Path::new("/sys/class/net").join(device).join("ifindex");
        let bytes = machine.read(&path, limits::PSEUDO_FILE).ok()?.bytes;
        std::str::from_utf8(&bytes).ok()?.trim().parse().ok()
    };
    let devices: Vec<(String, i32)> = ports
        .iter()
        .filter_map(|port| Some((port.device.clone(), number(&port.device)?)))
        .collect();
    let listen = Listen { devices: &devices, groups: &neighbours::GROUPS, time };
    let mut take = |heard: &Heard<'_>| {
        let told = neighbours::parse(heard.bytes);
        if let (Some(told), Some(port)) =
            (told, ports.iter_mut().find(|port| port.device == heard.device))
            && port.neighbours.len() < NEIGHBOURS
            && !port.neighbours.contains(&told)
        {
            port.neighbours.push(told);
        }
        // Each device by which others are reached has told: no need to wait longer.
        let mut outward = ports.iter().filter(|port| port.is_outward).peekable();
        outward.peek().is_some() && outward.all(|port| !port.neighbours.is_empty())
    };
    if let Err(miss) = kernel.hear(&listen, &mut take) {
        gaps.push(miss.gap("neighbours"));
    }
}

/// Returns what the machine is called where it runs, if it knows: what cloud-init was told, else
/// Amazon's tag of the board. Only a name of letters and digits is one: it becomes a part of
/// commands.
fn instance(machine: &dyn Machine, firmware: &Firmware) -> String {
    let told = machine.read(Path::new("/var/lib/cloud/data/instance-id"), 256);
    let told = told.map(|read| String::from_utf8_lossy(&read.bytes).trim().to_owned());
    let candidates = [told.unwrap_or_default(), firmware.board_tag.clone()];
    let is_named = |name: &String| name.len() > 3 && advice::is_word(name);
    // `nocloud` and the like are what cloud-init says where there is no cloud.
    let is_real = |name: &String| !["nocloud", "iid-datasource-none"].contains(&name.as_str());
    candidates.into_iter().find(|name| is_named(name) && is_real(name)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use stanch_machine::Pretend;

    #[test]
    fn devices_that_lead_out_come_first_and_what_is_no_ethernet_is_left_out() {
        let machine = Pretend::new()
            .file("/sys/class/net/lo/type", "772\n")
            .file("/sys/class/net/docker0/type", "1\n")
            .file("/sys/class/net/eth0/type", "1\n")
            .file("/sys/class/net/eth0/address", "52:54:00:12:34:56\n")
            .file("/sys/class/net/tun0/type", "65534\n")
            .file("/proc/net/route", "Iface\tDestination\neth0\t00000000\n");
        let told = outside(&machine, Duration::ZERO);
        let devices: Vec<&str> = told.ports.iter().map(|port| port.device.as_str()).collect();
        assert_eq!(devices, ["eth0", "docker0"]);
        assert_eq!(told.ports[0].mac, "52:54:00:12:34:56");
        assert_eq!((told.gaps.len(), &told.platform), (0, &Platform::Unknown));
    }

    #[test]
    fn a_name_that_could_be_a_command_is_none() {
        let with = |name: &str| {
            let machine = Pretend::new().file("/var/lib/cloud/data/instance-id", name);
            instance(&machine, &Firmware::default())
        };
        assert_eq!(with("i-0abc123def\n"), "i-0abc123def");
        assert_eq!(with("i-0; rm -rf /\n"), "");
        assert_eq!(with("$(id)"), "");
        assert_eq!(with("nocloud"), "");
    }
}
