//! Names of IP protocols.
//!
//! Source: protocols(5).

use std::path::Path;

use stanch_machine::limits;
use stanch_words::{Ask, Gap, GapKind, Seen, table_spec};

use crate::Host;
use crate::lines::{comment, number, text_of, uncommented};

table_spec! {
    /// Lines of `/etc/protocols`.
    pub static SPEC, col = "etc_protocols": Files, "Names of IP protocols, one row a line of /etc/protocols.";
    name Text Plain "Protocol name.";
    number Integer Plain "Protocol number.";
    alias Text Plain "Other names, joined by spaces.";
    comment Text Plain "The line's comment.";
    line Integer Plain "Line in /etc/protocols, from 1.";
}

/// Reads `/etc/protocols`.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    if let Some(bytes) = host.read(SPEC.name, Path::new(PATH), limits::CONFIG_FILE, seen) {
        parse(&bytes, seen);
    }
}

const PATH: &str = "/etc/protocols";

/// Parses protocols(5). A line without a number is a gap.
pub fn parse(bytes: &[u8], seen: &mut Seen) {
    for (at, line) in (1_u64..).zip(bytes.split(|&b| b == b'\n')) {
        let mut words = uncommented(line);
        let Some(name) = words.next() else { continue };
        let Some(number) = words.next().and_then(number::<u32>) else {
            let detail = format!("line {at}: no protocol number");
            seen.gap(Gap::new(SPEC.name, GapKind::Damaged, detail).at(PATH));
            continue;
        };
        let mut row = SPEC.row();
        row.put(col::name, name)
            .put(col::number, number)
            .put(col::alias, text_of(words))
            .put(col::comment, comment(line))
            .put(col::line, at);
        seen.push(row);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_with_a_line_without_number() {
        let mut seen = Seen::default();
        parse(b"icmp 1 ICMP # internet control\n#x\nbroken\n", &mut seen);
        assert_eq!(seen.rows.len(), 1);
        assert_eq!(seen.rows[0].get(col::number).as_integer(), Some(1));
        assert_eq!(seen.rows[0].get(col::alias).as_text(), Some("ICMP"));
        assert_eq!(seen.gaps[0].detail, "line 3: no protocol number");
    }
}
