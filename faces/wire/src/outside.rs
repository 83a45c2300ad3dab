//! `stanch.outside/1`: what can be cut from outside, and how.

use serde::{Deserialize, Serialize};

use crate::Gap;

/// The document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outside {
    /// `stanch.outside/1`.
    pub schema: String,
    /// The machine's Ethernet devices, those by which it reaches others first.
    pub devices: Vec<OutsideDevice>,
    /// What it runs on: `cloud`, `hypervisor`, `metal` or `unknown`.
    pub platform: String,
    /// The platform's name, or null.
    pub platform_name: Option<String>,
    /// What the machine is called there, as it says itself, or null.
    pub instance: Option<String>,
    /// For how many seconds was listened at most.
    pub listened_s: u64,
    /// What to do where; nothing of it was done.
    pub advice: Vec<OutsideAdvice>,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
}

impl Outside {
    /// The name and version of the document.
    pub const SCHEMA: &'static str = "stanch.outside/1";
}

/// A device, and who says that he is at its other end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutsideDevice {
    /// Its name.
    pub name: String,
    /// Its address.
    pub mac: Option<String>,
    /// Whether others are reached by it.
    pub outward: bool,
    /// Who told of himself there: a claim, which anybody on the segment can make.
    pub neighbours: Vec<OutsideNeighbour>,
}

/// Who told of himself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutsideNeighbour {
    /// `LLDP` or `CDP`.
    pub by: String,
    /// The switch's name.
    pub name: Option<String>,
    /// What names the switch.
    pub chassis: Option<String>,
    /// What names its port.
    pub port: String,
    /// What the port is called.
    pub port_description: Option<String>,
    /// What the switch is and runs.
    pub description: Option<String>,
    /// Where it is managed.
    pub address: Option<String>,
    /// The port's VLAN without a tag.
    pub vlan: Option<u16>,
}

/// What to do at one place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutsideAdvice {
    /// `switch`, `hypervisor`, `cloud` or `console`.
    pub place: String,
    /// What it does.
    pub does: String,
    /// What to type there; capitals stand for what only the person there knows.
    pub commands: Vec<String>,
    /// What takes it back.
    pub undo: Vec<String>,
    /// What to know before.
    pub warnings: Vec<String>,
}
