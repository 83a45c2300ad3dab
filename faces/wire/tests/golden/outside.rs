//! The document about what can be cut from outside.

use stanch_wire::{Outside, OutsideAdvice, OutsideDevice, OutsideNeighbour};

use crate::{gap, written};

#[test]
fn what_can_be_cut_from_outside_stays_as_it_is() {
    let document = Outside {
        schema: Outside::SCHEMA.into(),
        devices: vec![OutsideDevice {
            name: "eth0".into(),
            mac: Some("52:54:00:12:34:56".into()),
            outward: true,
            neighbours: vec![OutsideNeighbour {
                by: "LLDP".into(),
                name: Some("sw-rack4".into()),
                chassis: Some("00:1c:73:aa:bb:cc".into()),
                port: "Ethernet12".into(),
                port_description: None,
                description: None,
                address: Some("10.0.0.250".into()),
                vlan: Some(42),
            }],
        }],
        platform: "metal".into(),
        platform_name: None,
        instance: None,
        listened_s: 35,
        advice: vec![OutsideAdvice {
            place: "switch".into(),
            does: "Shuts port `Ethernet12`.".into(),
            commands: vec!["interface Ethernet12".into(), "shutdown".into()],
            undo: vec!["interface Ethernet12".into(), "no shutdown".into()],
            warnings: vec!["Compare with the switch's own table.".into()],
        }],
        gaps: vec![gap()],
    };
    assert_eq!(written(&document), include_str!("outside.json"));
}
