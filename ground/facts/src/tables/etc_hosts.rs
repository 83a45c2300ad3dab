//! Host names that are answered without asking a name server.
//!
//! Source: hosts(5).

use std::path::Path;

use stanch_machine::limits;
use stanch_words::{Ask, Gap, GapKind, Seen, table_spec};

use crate::Host;
use crate::lines::{text_of, uncommented};

table_spec! {
    /// Lines of `/etc/hosts`.
    pub static SPEC, col = "etc_hosts": Files, "Fixed host names, one row a line of /etc/hosts.";
    address Text Plain "IP address.";
    hostnames Text Plain "Names that lead to it, joined by spaces.";
    line Integer Plain "Line in /etc/hosts, from 1.";
    is_address Integer Plain "1 if the address is one, 0 if the resolver would skip the line.";
}

/// Reads `/etc/hosts`.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    if let Some(bytes) = host.read(SPEC.name, Path::new(PATH), limits::CONFIG_FILE, seen) {
        parse(&bytes, seen);
    }
}

const PATH: &str = "/etc/hosts";

/// Parses hosts(5). A line with an address alone is a gap.
pub fn parse(bytes: &[u8], seen: &mut Seen) {
    for (number, line) in (1_u64..).zip(bytes.split(|&b| b == b'\n')) {
        let mut words = uncommented(line);
        let Some(address) = words.next() else { continue };
        let names = text_of(words);
        if names.is_empty() {
            let detail = format!("line {number}: an address without a name");
            seen.gap(Gap::new(SPEC.name, GapKind::Damaged, detail).at(PATH));
            continue;
        }
        // A zone (`fe80::1%eth0`) is allowed after an IPv6 address.
        let plain = std::str::from_utf8(address).ok().and_then(|text| text.split('%').next());
        let is_address = plain.is_some_and(|text| text.parse::<std::net::IpAddr>().is_ok());
        let mut row = SPEC.row();
        row.put(col::address, address)
            .put(col::hostnames, names)
            .put(col::line, number)
            .put(col::is_address, is_address);
        seen.push(row);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_that_block_an_update_server() {
        let mut seen = Seen::default();
        parse(
            b"127.0.0.1\tlocalhost  here # me\n\n#::1 x\n0.0.0.0 deb.debian.org\nfe80::1%eth0 gw\n",
            &mut seen,
        );
        let rows: Vec<String> = seen
            .rows
            .iter()
            .map(|row| format!("{} {} {}", row.get(0), row.get(1), row.get(2)))
            .collect();
        assert_eq!(
            rows,
            ["127.0.0.1 localhost here 1", "0.0.0.0 deb.debian.org 4", "fe80::1%eth0 gw 5"]
        );
        assert_eq!(seen.rows[2].get(col::is_address).as_integer(), Some(1));
        assert_eq!(seen.gaps, []);
    }

    #[test]
    fn hosts_with_hostile_bytes_lose_no_line() {
        let mut seen = Seen::default();
        parse(b"\xff\xfe evil\n10.0.0.1\n", &mut seen);
        assert_eq!(seen.rows[0].get(col::address).as_text(), Some("\\xff\\xfe"));
        assert_eq!(seen.rows[0].get(col::is_address).as_integer(), Some(0));
        assert_eq!(seen.gaps.len(), 1);
        assert_eq!(seen.gaps[0].detail, "line 2: an address without a name");
    }
}
