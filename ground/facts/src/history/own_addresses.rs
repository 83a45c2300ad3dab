//! The machine's own addresses: what tells its own deeds from those that its logs tell of others.

use std::collections::HashSet;
use std::net::IpAddr;

use stanch_words::{Ask, Seen};

use crate::Host;
use crate::tables::interface_addresses::{col, read};

/// Returns an address, in one form for both families.
pub(super) fn address(text: &str) -> Option<IpAddr> {
    text.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

/// Returns the machine's own addresses without loopback; none of an image.
pub(super) fn of(host: &Host) -> HashSet<IpAddr> {
    if host.machine().kernel().is_none() {
        return HashSet::new();
    }
    // What could not be asked is a gap of the table of addresses itself.
    let mut seen = Seen::default();
    read(host, &Ask::all(), &mut seen);
    let all = seen.rows.iter().filter_map(|row| address(row.get(col::address).as_text()?));
    all.filter(|address| !address.is_loopback()).collect()
}
