//! What shells run when they start.
//!
//! Source: see `shell_startup` for which files these are.

use std::path::Path;

use stanch_words::{Ask, Seen, Value, table_spec};

use crate::accounts::Owner;
use crate::config_lines::{is_hidden, numbered};
use crate::{Host, shell_startup};

table_spec! {
    /// Lines of shell startup files.
    pub static SPEC, col = "shell_startup_files": Files, "Lines of the files that shells read when they start; comments and empty lines are left out.";
    uid BigInt Index "The account; null for the machine's own files.";
    username Text Plain "The account's name.";
    path Text Plain "File.";
    line Integer Plain "Line in the file, from 1.";
    text Text Plain "The line.";
    hidden Integer Plain "1 if a terminal would not show the whole line.";
}

/// Reads the files of the machine and of every account.
pub(super) fn read(host: &Host, ask: &Ask, seen: &mut Seen) {
    let uid = ask.equal(col::uid);
    shell_startup::files(host, SPEC.name, uid, seen, &mut |path, owners, bytes, seen| {
        if owners.is_empty() {
            parse(bytes, path, None, seen);
        }
        owners.iter().for_each(|owner| parse(bytes, path, Some(owner), seen));
    });
}

fn parse(bytes: &[u8], path: &Path, owner: Option<&Owner>, seen: &mut Seen) {
    let path = Value::from(path);
    for (number, line) in numbered(bytes) {
        let text = line.trim_ascii();
        if text.is_empty() || text.starts_with(b"#") {
            continue;
        }
        let mut row = SPEC.row();
        row.put(col::uid, owner.map(|owner| owner.uid))
            .put(col::username, owner.map(|owner| std::sync::Arc::clone(&owner.name)))
            .put(col::path, path.clone())
            .put(col::line, number)
            .put(col::text, text)
            .put(col::hidden, is_hidden(line));
        seen.push(row);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use stanch_machine::Pretend;

    use super::*;

    #[test]
    fn lines_of_the_machine_and_of_a_home() {
        let machine = Pretend::new()
            .file("/etc/passwd", "ann:x:1000:1000::/home/ann:/bin/sh\n")
            .file("/etc/profile.d/x.sh", "# c\nexport A=1\n")
            .file("/home/ann/.bashrc", b"alias sudo=/tmp/x\n\n  id\r\xff\n")
            .file("/home/ann/.profile", "")
            .denied("/home/ann/.profile");
        let mut seen = Seen::default();
        read(&Host::new(Arc::new(machine)), &Ask::all(), &mut seen);
        let line = |row: &stanch_words::Row| {
            [col::uid, col::line, col::text, col::hidden].map(|c| row.get(c).to_string()).join("|")
        };
        let found: Vec<String> = seen.rows.iter().map(line).collect();
        assert_eq!(found, ["|2|export A=1|0", "1000|1|alias sudo=/tmp/x|0", "1000|3|id\r\\xff|1"]);
        assert_eq!(seen.gaps.len(), 1);
    }
}
