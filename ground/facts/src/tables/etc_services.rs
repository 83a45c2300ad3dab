//! Names of ports.
//!
//! Source: services(5).

use std::path::Path;

use stanch_machine::limits;
use stanch_words::{Ask, Gap, GapKind, Seen, table_spec};

use crate::Host;
use crate::lines::{comment, number, text_of, uncommented};

table_spec! {
    /// Lines of `/etc/services`.
    pub static SPEC, col = "etc_services": Files, "Names of ports, one row a line of /etc/services.";
    name Text Plain "Service name.";
    port Integer Plain "Port number.";
    protocol Text Plain "Transport protocol (tcp, udp, sctp, dccp).";
    aliases Text Plain "Other names, joined by spaces.";
    comment Text Plain "The line's comment.";
    line Integer Plain "Line in /etc/services, from 1.";
}

/// Reads `/etc/services`.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    if let Some(bytes) = host.read(SPEC.name, Path::new(PATH), limits::CONFIG_FILE, seen) {
        parse(&bytes, seen);
    }
}

const PATH: &str = "/etc/services";

/// Parses services(5). A line without `port/protocol` is a gap.
pub fn parse(bytes: &[u8], seen: &mut Seen) {
    for (at, line) in (1_u64..).zip(bytes.split(|&b| b == b'\n')) {
        let mut words = uncommented(line);
        let Some(name) = words.next() else { continue };
        let mut pair = words.next().unwrap_or_default().splitn(2, |&b| b == b'/');
        let port = pair.next().and_then(number::<u16>);
        let (Some(port), Some(protocol)) = (port, pair.next()) else {
            let detail = format!("line {at}: no port and protocol");
            seen.gap(Gap::new(SPEC.name, GapKind::Damaged, detail).at(PATH));
            continue;
        };
        let mut row = SPEC.row();
        row.put(col::name, name)
            .put(col::port, port)
            .put(col::protocol, protocol)
            .put(col::aliases, text_of(words))
            .put(col::comment, comment(line))
            .put(col::line, at);
        seen.push(row);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_with_aliases_and_damage() {
        let mut seen = Seen::default();
        parse(
            b"# head\nhttp\t80/tcp www web # WorldWideWeb\nodd 70000/tcp\nhalf\n\xff 1/\xfe\n",
            &mut seen,
        );
        let first = &seen.rows[0];
        assert_eq!(first.get(col::port).as_integer(), Some(80));
        assert_eq!(first.get(col::aliases).as_text(), Some("www web"));
        assert_eq!(first.get(col::comment).as_text(), Some("WorldWideWeb"));
        assert_eq!(seen.rows[1].get(col::name).as_text(), Some("\\xff"));
        assert_eq!(seen.rows.len(), 2);
        assert_eq!(seen.gaps.len(), 2);
    }
}
