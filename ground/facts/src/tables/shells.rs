//! Shells that count as such: chsh(1) and some services accept only these.
//!
//! Source: shells(5).

use std::path::Path;

use stanch_machine::limits;
use stanch_words::{Ask, Seen, table_spec};

use crate::Host;
use crate::config_lines::numbered;

table_spec! {
    /// Lines of `/etc/shells`.
    pub static SPEC, col = "shells": Files, "Login shells named in /etc/shells.";
    path Text Plain "Path of the shell.";
    line Integer Plain "Line in /etc/shells, from 1.";
}

/// Reads `/etc/shells`.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    let path = Path::new("/etc/shells");
    if let Some(bytes) = host.read(SPEC.name, path, limits::CONFIG_FILE, seen) {
        parse(&bytes, seen);
    }
}

/// Parses shells(5): every line that is no comment is a shell.
pub fn parse(bytes: &[u8], seen: &mut Seen) {
    for (number, line) in numbered(bytes) {
        let line = line.split(|&b| b == b'#').next().unwrap_or_default().trim_ascii();
        if !line.is_empty() {
            let mut row = SPEC.row();
            row.put(col::path, line).put(col::line, number);
            seen.push(row);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_in_tmp_is_a_shell() {
        let mut seen = Seen::default();
        parse(b"# /etc/shells\n/bin/sh\n\n/tmp/\xff # mine\n", &mut seen);
        let found: Vec<String> =
            seen.rows.iter().map(|row| row.get(col::path).to_string()).collect();
        assert_eq!(found, ["/bin/sh", "/tmp/\\xff"]);
        assert_eq!(seen.gaps, []);
    }
}
