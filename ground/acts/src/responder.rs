//! The way that the responder came in by, which no act may shut.
//!
//! `SSH_CONNECTION` is a variable that anybody can set, and `sudo` drops it. So the way in is told
//! by what the kernel knows: which of our ancestors holds an established connection.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use stanch_machine::Machine;

use crate::{Trouble, processes, sockets};

/// How many ancestors are looked at: a shell in a shell in a terminal multiplexer is some ten.
const MOST_ANCESTORS: usize = 64;
/// How many descriptors of an ancestor are looked at.
const MOST_DESCRIPTORS: usize = 4096;

/// Traffic that is not cut.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keep {
    /// The other side's address, or its network.
    pub address: IpAddr,
    /// How many bits of it count: 32 or 128 for one address.
    pub length: u8,
    /// The port on either side; none for all traffic with it.
    pub port: Option<u16>,
}

impl Keep {
    /// Returns what `ADDR[/LEN][:PORT]` means; an IPv6 address with a port stands in brackets.
    pub fn parse(written: &str) -> Option<Self> {
        let (address, port) = match written.strip_prefix('[').and_then(|rest| rest.split_once(']'))
        {
            Some((address, "")) => (address, None),
            Some((address, rest)) => (address, Some(rest.strip_prefix(':')?)),
            None if written.matches(':').count() == 1 => {
                let (address, port) = written.split_once(':')?;
                (address, Some(port))
            }
            None => (written, None),
        };
        let (address, length) = match address.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (address, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let length = length.map_or(Ok(longest), str::parse).ok()?;
        let port = port.map(str::parse).transpose().ok()?;
        (length <= longest && port != Some(0)).then_some(Self { address, length, port })
    }

    /// Returns whether an address lies in it.
    pub fn holds(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let mask = u32::MAX.checked_shl(32_u32.saturating_sub(self.length.into()));
                let mask = mask.unwrap_or(0);
                own.to_bits() & mask == other.to_bits() & mask
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let mask = u128::MAX.checked_shl(128_u32.saturating_sub(self.length.into()));
                let mask = mask.unwrap_or(0);
                own.to_bits() & mask == other.to_bits() & mask
            }
            _ => false,
        }
    }

    /// Returns the mask of its address's length, in network order.
    pub(crate) fn mask(&self) -> Vec<u8> {
        match self.address {
            IpAddr::V4(_) => {
                let mask = u32::MAX.checked_shl(32_u32.saturating_sub(self.length.into()));
                mask.unwrap_or(0).to_be_bytes().to_vec()
            }
            IpAddr::V6(_) => {
                let mask = u128::MAX.checked_shl(128_u32.saturating_sub(self.length.into()));
                mask.unwrap_or(0).to_be_bytes().to_vec()
            }
        }
    }
}

impl std::fmt::Display for Keep {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let whole = if self.address.is_ipv4() { 32 } else { 128 };
        let length = if self.length == whole { String::new() } else { format!("/{}", self.length) };
        match (self.address, self.port) {
            (IpAddr::V6(address), Some(port)) => write!(out, "[{address}{length}]:{port}"),
            (address, Some(port)) => write!(out, "{address}{length}:{port}"),
            (address, None) => write!(out, "{address}{length}"),
        }
    }
}

/// One connection by which the responder came in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WayIn {
    /// The responder's address, as this machine sees it.
    pub from: IpAddr,
    /// The responder's port.
    pub from_port: u16,
    /// The port here.
    pub port: u16,
    /// The process that holds it, an ancestor of ours.
    pub held_by: i64,
}

impl WayIn {
    /// Returns what has to be kept for it, new connections of the same kind too.
    pub fn keep(&self) -> Keep {
        let length = if self.from.is_ipv4() { 32 } else { 128 };
        Keep { address: self.from, length, port: Some(self.port) }
    }
}

/// Returns the connections that our ancestors hold, nearest first: the way that the responder came
/// in by. None on a console, or when our ancestors cannot be looked at.
///
/// # Errors
/// [`Trouble`] if the kernel does not tell its sockets, or there is no kernel.
pub fn ways_in(machine: &dyn Machine) -> Result<Vec<WayIn>, Trouble> {
    let kernel = machine.kernel().ok_or(Trouble::NotLive)?;
    let sockets = sockets::all(kernel).map_err(Trouble::while_doing("listing the sockets"))?;
    let standing: Vec<_> = sockets
        .into_iter()
        .filter(|socket| socket.is_established() && !socket.remote().is_loopback())
        .collect();
    let mut found: Vec<WayIn> = Vec::new();
    for pid in ancestors(machine, i64::from(kernel.own_pid())) {
        let held = held_by(machine, pid);
        for socket in standing.iter().filter(|socket| held.contains(&socket.inode)) {
            let way = WayIn {
                from: socket.remote(),
                from_port: socket.remote_port(),
                port: socket.local_port(),
                held_by: pid,
            };
            if !found.iter().any(|known| (known.from, known.from_port) == (way.from, way.from_port))
            {
                found.push(way);
            }
        }
    }
    Ok(found)
}

/// Returns a process, its parent, and so on up to the first: the chain that no act may touch.
pub fn ancestors(machine: &dyn Machine, pid: i64) -> Vec<i64> {
    let mut chain = Vec::new();
    let mut at = pid;
    while at > 0 && chain.len() < MOST_ANCESTORS && !chain.contains(&at) {
        chain.push(at);
        at = processes::told(machine, at).map_or(0, |told| told.parent);
    }
    chain
}

/// Returns the inodes of the sockets that a process holds.
fn held_by(machine: &dyn Machine, pid: i64) -> Vec<u32> {
    let folder = PathBuf::from(format!("/proc/{pid}/fd"));
    let Ok(listing) = machine.list(&folder) else { return Vec::new() };
    let names = listing.entries.iter().take(MOST_DESCRIPTORS);
    names
        .filter_map(|entry| socket_inode(&machine.read_link(&folder.join(&entry.name)).ok()?))
        .collect()
}

fn socket_inode(link: &Path) -> Option<u32> {
    link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_written_as_it_is_read() {
        let written = [
            "10.0.0.9",
            "10.0.0.0/8",
            "10.0.0.9:22",
            "10.0.0.0/8:22",
            "fe80::1",
            "2001:db8::/32",
            "[2001:db8::1]:22",
        ];
        for one in written {
            assert_eq!(Keep::parse(one).map(|keep| keep.to_string()).as_deref(), Some(one));
        }
        for bad in ["", "host", "10.0.0.9/33", "10.0.0.9:0", "10.0.0.9:x", "[::1", "1.2.3.4:22:33"]
        {
            assert_eq!(Keep::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_network_holds_its_addresses_and_no_others() {
        let keep = Keep::parse("10.1.0.0/16").unwrap();
        assert!(keep.holds("10.1.255.1".parse().unwrap()));
        assert!(!keep.holds("10.2.0.1".parse().unwrap()));
        assert!(!keep.holds("::1".parse().unwrap()));
        assert!(Keep::parse("0.0.0.0/0").unwrap().holds("8.8.8.8".parse().unwrap()));
        assert!(Keep::parse("::/0").unwrap().holds("2001:db8::1".parse().unwrap()));
    }

    #[test]
    fn ancestors_end_at_the_first_process_and_never_turn_in_circles() {
        use crate::processes::tests::stat;
        use stanch_machine::Pretend;
        let machine = Pretend::new()
            .file("/proc/7/stat", stat(7, 5, 30))
            .file("/proc/5/stat", stat(5, 1, 20))
            .file("/proc/1/stat", stat(1, 0, 10));
        assert_eq!(ancestors(&machine, 7), [7, 5, 1]);
        let circle = Pretend::new().file("/proc/7/stat", stat(7, 7, 30));
        assert_eq!(ancestors(&circle, 7), [7]);
    }
}
