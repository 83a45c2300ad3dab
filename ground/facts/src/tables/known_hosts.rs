//! Hosts that accounts have connected to: where an intruder may have gone on to.
//!
//! Source: sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT".

use std::path::Path;

use stanch_machine::limits;
use stanch_words::{Ask, Seen, Value, table_spec};

use crate::Host;
use crate::accounts::homes;
use crate::config_lines::{first_word, numbered};
use crate::reach::Reach;

table_spec! {
    /// Known hosts.
    pub static SPEC, col = "known_hosts": Files, "Lines of the known_hosts files of all accounts and of the machine.";
    uid BigInt Index "The account; 0 for the machine's own file.";
    key Text Plain "The line.";
    key_file Text Plain "File.";
    hosts Text Plain "The names in the line; null if they are hashed.";
    hashed Integer Plain "1 if the names are hashed.";
    line Integer Plain "Line in the file, from 1.";
}

/// Reads the files of every account.
pub(super) fn read(host: &Host, ask: &Ask, seen: &mut Seen) {
    let mut reach = Reach::new(host, SPEC.name);
    for home in homes(host, SPEC.name, ask.equal(col::uid), seen) {
        for name in [".ssh/known_hosts", ".ssh/known_hosts2"] {
            let path = home.path.join(name);
            if let Some(bytes) = reach.read(&path, limits::CONFIG_FILE, seen) {
                home.owners.iter().for_each(|owner| parse(&bytes, &path, owner.uid, seen));
            }
        }
    }
    for path in ["/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"].map(Path::new) {
        if let Some(bytes) = reach.read(path, limits::CONFIG_FILE, seen) {
            parse(&bytes, path, 0, seen);
        }
    }
    reach.finish(seen);
}

/// Parses known_hosts: every line that is no comment is a row.
pub fn parse(bytes: &[u8], path: &Path, uid: u32, seen: &mut Seen) {
    let path = Value::from(path);
    for (number, line) in numbered(bytes) {
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        let (first, rest) = first_word(line);
        // `@cert-authority` and `@revoked` stand before the names.
        let names = if first.starts_with(b"@") { first_word(rest).0 } else { first };
        let hashed = names.starts_with(b"|1|");
        let mut row = SPEC.row();
        row.put(col::uid, uid)
            .put(col::key, line)
            .put(col::key_file, path.clone())
            .put(col::hosts, (!hashed).then_some(names))
            .put(col::hashed, hashed)
            .put(col::line, number);
        seen.push(row);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use stanch_machine::Pretend;

    use super::*;

    #[test]
    fn plain_and_hashed_names() {
        let machine = Pretend::new()
            .file("/etc/passwd", "ann:x:1000:1000::/home/ann:/bin/sh\n")
            .file(
                "/home/ann/.ssh/known_hosts",
                b"# c\ndb1,10.0.0.9 ssh-ed25519 AAAA\n|1|abc|def ssh-rsa AAAA\n@revoked x\xff ssh-rsa A\n",
            )
            .file("/etc/ssh/ssh_known_hosts", "")
            .denied("/etc/ssh/ssh_known_hosts");
        let mut seen = Seen::default();
        read(&Host::new(Arc::new(machine)), &Ask::all(), &mut seen);
        let line = |row: &stanch_words::Row| {
            [col::uid, col::hosts, col::hashed].map(|c| row.get(c).to_string()).join(" ")
        };
        let found: Vec<String> = seen.rows.iter().map(line).collect();
        assert_eq!(found, ["1000 db1,10.0.0.9 0", "1000  1", "1000 x\\xff 0"]);
        assert_eq!(seen.gaps.len(), 1);
    }
}
