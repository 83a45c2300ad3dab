//! Settings of the SSH daemon with where each stands.
//!
//! Source: sshd_config(5).

use std::sync::Arc;

use stanch_words::{Ask, Seen, table_spec};

use crate::Host;
use crate::sshd;

table_spec! {
    /// Settings of the SSH daemon.
    pub static SPEC, col = "sshd_config": Files, "Lines of sshd_config and of the files it includes, in the order in which sshd reads them.";
    option Text Plain "Keyword in lower case.";
    value Text Plain "Its value as written.";
    block Text Plain "The Match line that it stands under, empty outside of one.";
    file Text Plain "File.";
    line Integer Plain "Line in the file, from 1.";
    effective Integer Plain "1 if it counts: the first value of a keyword wins within its block; keywords that add up always count.";
}

/// Reads the configuration.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    for setting in &sshd::settings(host, SPEC.name, seen).lines {
        let mut row = SPEC.row();
        row.put(col::option, Arc::clone(&setting.option))
            .put(col::value, Arc::clone(&setting.value))
            .put(col::block, Arc::clone(&setting.block))
            .put(col::file, setting.file.clone())
            .put(col::line, setting.line)
            .put(col::effective, setting.is_effective);
        seen.push(row);
    }
}

#[cfg(test)]
mod tests {
    use stanch_machine::Pretend;

    use super::*;

    fn lines(machine: Pretend) -> (Vec<String>, Seen) {
        let mut seen = Seen::default();
        read(&Host::new(Arc::new(machine)), &Ask::all(), &mut seen);
        let cells = [col::option, col::value, col::block, col::effective];
        let line = |row: &stanch_words::Row| cells.map(|c| row.get(c).to_string()).join("|");
        (seen.rows.iter().map(line).collect(), seen)
    }

    #[test]
    fn the_first_value_wins_and_includes_come_in_place() {
        let machine = Pretend::new()
            .file(
                "/etc/ssh/sshd_config",
                "Include /etc/ssh/sshd_config.d/*.conf\n#Port 22\nPermitRootLogin no\nPort 22\n\
                 port=2222\nMatch User ann\n  PermitRootLogin yes\n  X11Forwarding no\n\
                 Match all\nUsePAM yes\n",
            )
            .file(
                "/etc/ssh/sshd_config.d/50-x.conf",
                "PermitRootLogin yes\nMatch Address 10.0.0.0/8\nPasswordAuthentication yes\n",
            );
        let (found, seen) = lines(machine);
        assert_eq!(
            found,
            [
                "include|/etc/ssh/sshd_config.d/*.conf||1",
                "permitrootlogin|yes||1",
                "passwordauthentication|yes|Match Address 10.0.0.0/8|1",
                "permitrootlogin|no||0",
                "port|22||1",
                "port|2222||1",
                "permitrootlogin|yes|Match User ann|1",
                "x11forwarding|no|Match User ann|1",
                "usepam|yes|Match all|1",
            ]
        );
        assert_eq!(seen.gaps, []);
    }

    #[test]
    fn a_file_that_includes_itself_ends_and_says_so() {
        let machine =
            Pretend::new().file("/etc/ssh/sshd_config", "Include sshd_config\njunk\n?=1\n");
        let (found, seen) = lines(machine);
        assert_eq!(found.len(), 17);
        assert!(seen.gaps.iter().any(|gap| gap.detail == "too many files included"));
        assert!(seen.gaps.iter().any(|gap| gap.detail == "line 2: not a setting"));
    }
}
