//! `stanch.outside/1`.

use stanch_incident::containment::outside::{Advice, Neighbour, Outside, Port};
use stanch_wire as wire;

use super::gap;
use crate::Look;

/// Returns `stanch.outside/1`.
pub fn outside(outside: &Outside, look: Look) -> wire::Outside {
    wire::Outside {
        schema: wire::Outside::SCHEMA.to_owned(),
        devices: outside.ports.iter().map(device).collect(),
        platform: outside.platform.kind().to_owned(),
        platform_name: some(outside.platform.name()),
        instance: some(&outside.instance),
        listened_s: outside.listened,
        advice: outside.advice.iter().map(|one| advice(one, look)).collect(),
        gaps: outside.gaps.iter().map(|one| gap(one, look)).collect(),
    }
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn device(port: &Port) -> wire::OutsideDevice {
    wire::OutsideDevice {
        name: port.device.clone(),
        mac: some(&port.mac),
        outward: port.is_outward,
        neighbours: port.neighbours.iter().map(neighbour).collect(),
    }
}

fn neighbour(told: &Neighbour) -> wire::OutsideNeighbour {
    wire::OutsideNeighbour {
        by: told.by.name().to_owned(),
        name: some(&told.name),
        chassis: some(&told.chassis),
        port: told.port.clone(),
        port_description: some(&told.port_description),
        description: some(&told.description),
        address: some(&told.address),
        vlan: told.vlan,
    }
}

fn advice(one: &Advice, look: Look) -> wire::OutsideAdvice {
    wire::OutsideAdvice {
        place: one.place.name().to_owned(),
        does: look.text(&one.does).to_owned(),
        commands: one.commands.clone(),
        undo: one.undo.clone(),
        warnings: one.warnings.iter().map(|text| look.text(text).to_owned()).collect(),
    }
}
