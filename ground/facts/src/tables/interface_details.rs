//! Network interfaces: what they are, what passes through them, who listens to everything.
//!
//! Source: rtnetlink(7) `RTM_GETLINK`, linux/if_link.h, `/sys/class/net`.

use std::path::PathBuf;

use stanch_machine::limits;
use stanch_words::{Ask, Row, Seen, Value, table_spec};

use crate::Host;
use crate::links::{Link, Links};

table_spec! {
    /// Interfaces.
    pub static SPEC, col = "interface_details": Live, "Network interfaces of our network namespace, one row each.";
    interface Text Index "Interface name.";
    mac Text Plain "Hardware address.";
    r#type Integer Plain "Hardware type (ARPHRD): 1 Ethernet, 772 loopback.";
    mtu Integer Plain "Largest packet in bytes.";
    metric Integer Plain "Always 0 on Linux.";
    flags Integer Plain "Interface flags (IFF_*).";
    ipackets BigInt Plain "Packets received.";
    opackets BigInt Plain "Packets sent.";
    ibytes BigInt Plain "Bytes received.";
    obytes BigInt Plain "Bytes sent.";
    ierrors BigInt Plain "Receive errors.";
    oerrors BigInt Plain "Send errors.";
    idrops BigInt Plain "Received packets dropped.";
    odrops BigInt Plain "Packets dropped before sending.";
    collisions BigInt Plain "Collisions.";
    last_change BigInt Plain "Always -1 on Linux.";
    link_speed BigInt Plain "Speed in Mbit/s; empty if the driver does not tell.";
    pci_slot Text Plain "PCI slot.";
    promiscuous Integer Plain "1 if anybody made it receive packets for others, by flag or by a packet socket.";
    up Integer Plain "1 if it is up.";
    master Text Plain "Bridge or bond it belongs to.";
    kind Text Plain "Kind of virtual interface: veth, bridge, tun, wireguard, gre; empty for hardware.";
    xdp_prog_id BigInt Plain "Id of the XDP program on it.";
    allmulti Integer Plain "1 if it receives all multicast packets.";
    index Integer Plain "Interface number.";
    state Text Plain "Operational state (RFC 2863): up, down, dormant, unknown.";
}

/// Counters of `struct rtnl_link_stats64`, in its order without `multicast`.
const COUNTERS: &[(usize, usize)] = &[
    (0, col::ipackets),
    (1, col::opackets),
    (2, col::ibytes),
    (3, col::obytes),
    (4, col::ierrors),
    (5, col::oerrors),
    (6, col::idrops),
    (7, col::odrops),
    (9, col::collisions),
];

/// Asks rtnetlink, and sysfs for what only it tells.
pub(super) fn read(host: &Host, ask: &Ask, seen: &mut Seen) {
    let links = Links::of(host, SPEC.name, seen);
    for link in links.by_index.values() {
        let mut row = row_of(link, &links);
        let directory = PathBuf::from(format!("/sys/class/net/{}", link.name));
        let machine = host.machine();
        // A driver that does not tell its speed answers EINVAL: that is no gap.
        if ask.wants(col::link_speed)
            && let Ok(text) = machine.read(&directory.join("speed"), limits::PSEUDO_FILE)
        {
            let speed = crate::lines::number::<i64>(&text.bytes).filter(|&speed| speed >= 0);
            row.put(col::link_speed, speed);
        }
        if ask.wants(col::pci_slot)
            && let Ok(device) = machine.read_link(&directory.join("device"))
            && let Some(slot) = device.file_name()
        {
            let slot = Value::from(std::path::Path::new(slot)).to_string();
            // 0000:00:1f.6 is a PCI slot, virtio0 is not.
            row.put(col::pci_slot, if slot.contains(':') { slot.as_str() } else { "" });
        }
        seen.push(row);
    }
}

fn row_of(link: &Link, links: &Links) -> Row {
    let mut row = SPEC.row();
    row.put(col::interface, link.name.as_str())
        .put(col::mac, link.mac.as_str())
        .put(col::r#type, link.hardware)
        .put(col::mtu, link.mtu)
        .put(col::metric, 0)
        .put(col::flags, link.flags)
        .put(col::last_change, -1)
        .put(col::promiscuous, link.promiscuity.map_or(link.flags & 0x100 != 0, |n| n > 0))
        .put(col::up, link.flags & 1 != 0)
        .put(col::master, link.master.map(|index| links.name(index)).unwrap_or_default())
        .put(col::kind, link.kind.as_str())
        .put(col::xdp_prog_id, link.xdp_program)
        .put(col::allmulti, link.all_multicast.map_or(link.flags & 0x200 != 0, |n| n > 0))
        .put(col::index, link.index)
        .put(col::state, state(link.state));
    for &(position, column) in COUNTERS {
        row.put(column, link.counters.get(position).copied());
    }
    row
}

fn state(number: Option<u8>) -> &'static str {
    match number {
        Some(1) => "not present",
        Some(2) => "down",
        Some(3) => "lower layer down",
        Some(4) => "testing",
        Some(5) => "dormant",
        Some(6) => "up",
        _ => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::links::{made, parse};
    use crate::netlink::made::attribute;

    #[test]
    fn a_bridge_port_that_listens_to_everything() {
        let mut seen = Seen::default();
        let counters: Vec<u8> = (1..=10_u64).flat_map(u64::to_ne_bytes).collect();
        let datagram = [
            made(2, "br0", &[]),
            made(
                3,
                "eth1",
                &[
                    attribute(10, &2_u32.to_ne_bytes()),
                    attribute(30, &2_u32.to_ne_bytes()),
                    attribute(23, &counters),
                ],
            ),
        ]
        .concat();
        let links =
            Links { by_index: parse(&[datagram], SPEC.name, &mut seen), ..Links::default() };
        let row = row_of(&links.by_index[&3], &links);
        assert_eq!(row.get(col::master).as_text(), Some("br0"));
        assert_eq!(row.get(col::promiscuous).as_integer(), Some(1));
        assert_eq!(row.get(col::up).as_integer(), Some(1));
        assert_eq!(row.get(col::obytes).as_integer(), Some(4));
        assert_eq!(row.get(col::collisions).as_integer(), Some(10));
        assert_eq!(seen.gaps, []);
    }
}
