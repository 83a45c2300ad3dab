//! Settings of the SSH client: `ProxyCommand` and `LocalCommand` run programs, `Host` blocks show
//! where people go.
//!
//! Source: ssh_config(5).

use std::path::Path;

use stanch_machine::limits;
use stanch_words::{Ask, Seen, Value, table_spec, text};

use crate::Host;
use crate::accounts::homes;
use crate::config_lines::numbered;
use crate::reach::Reach;

table_spec! {
    /// Settings of the SSH client.
    pub static SPEC, col = "ssh_configs": Files, "Lines of the ssh_config files of all accounts and of the machine.";
    uid BigInt Index "The account; 0 for the machine's own files.";
    block Text Plain "The Host or Match line that it stands under, in lower case.";
    option Text Plain "The keyword and its value, in lower case.";
    ssh_config_file Text Plain "File.";
    value Text Plain "The line as written: a command's capital letters matter.";
    line Integer Plain "Line in the file, from 1.";
}

/// Reads the files of every account, the machine's and the drop-ins of both.
pub(super) fn read(host: &Host, ask: &Ask, seen: &mut Seen) {
    let mut reach = Reach::new(host, SPEC.name);
    for home in homes(host, SPEC.name, ask.equal(col::uid), seen) {
        let mut paths = vec![home.path.join(".ssh/config")];
        paths.extend(reach.glob(&home.path.join(".ssh/config.d/*"), seen));
        for path in paths {
            if let Some(bytes) = reach.read(&path, limits::CONFIG_FILE, seen) {
                home.owners.iter().for_each(|owner| parse(&bytes, &path, owner.uid, seen));
            }
        }
    }
    let mut paths = vec![Path::new("/etc/ssh/ssh_config").to_owned()];
    paths.extend(reach.glob(Path::new("/etc/ssh/ssh_config.d/*.conf"), seen));
    for path in paths {
        if let Some(bytes) = reach.read(&path, limits::CONFIG_FILE, seen) {
            parse(&bytes, &path, 0, seen);
        }
    }
    reach.finish(seen);
}

/// Parses ssh_config: every line that is no comment and begins no block is a row.
pub fn parse(bytes: &[u8], path: &Path, uid: u32, seen: &mut Seen) {
    let path = Value::from(path);
    let mut block = Value::from("");
    for (number, line) in numbered(bytes) {
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        let lower = text::from_bytes(line).to_lowercase();
        let keyword = lower.split([' ', '\t', '=']).next().unwrap_or_default();
        if matches!(keyword, "host" | "match") {
            block = lower.into();
            continue;
        }
        let mut row = SPEC.row();
        row.put(col::uid, uid)
            .put(col::block, block.clone())
            .put(col::option, lower)
            .put(col::ssh_config_file, path.clone())
            .put(col::value, line)
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
    fn options_under_their_blocks() {
        let machine = Pretend::new()
            .file("/etc/passwd", "ann:x:1000:1000::/home/ann:/bin/sh\n")
            .file("/home/ann/.ssh/config", b"Port 22\nHost DB*\n  ProxyCommand /tmp/X %h\n\xff=1\n")
            .file("/etc/ssh/ssh_config.d/a.conf", "Match exec \"id\"\nSendEnv LANG\n");
        let mut seen = Seen::default();
        read(&Host::new(Arc::new(machine)), &Ask::all(), &mut seen);
        let line = |row: &stanch_words::Row| {
            [col::uid, col::block, col::option, col::value]
                .map(|c| row.get(c).to_string())
                .join("|")
        };
        let found: Vec<String> = seen.rows.iter().map(line).collect();
        assert_eq!(
            found,
            [
                "1000||port 22|Port 22",
                "1000|host db*|proxycommand /tmp/x %h|ProxyCommand /tmp/X %h",
                "1000|host db*|\\xff=1|\\xff=1",
                "0|match exec \"id\"|sendenv lang|SendEnv LANG",
            ]
        );
        assert_eq!(seen.gaps, []);
    }
}
