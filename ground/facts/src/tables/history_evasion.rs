//! Signs that somebody keeps shells from remembering.
//!
//! Source: bash(1) (`HISTFILE`, `HISTSIZE`, `HISTFILESIZE`, `set +o history`), zshparam(1)
//! (`SAVEHIST`), ioctl_iflags(2).

use std::collections::HashSet;
use std::path::Path;

use stanch_machine::{FileKind, limits};
use stanch_words::{Ask, Seen, Value, table_spec};

use crate::accounts::{Home, homes};
use crate::config_lines::numbered;
use crate::reach::Reach;
use crate::tables::shell_history::HISTORIES;
use crate::{Host, login_records, shell_startup};

table_spec! {
    /// History evasion.
    pub static SPEC, col = "history_evasion": Files, "Shell histories that are linked away, emptied, locked or switched off.";
    uid BigInt Plain "The account; null for the machine's own startup files.";
    username Text Plain "The account's name.";
    path Text Plain "The history, or the file that switches it off.";
    what Text Plain "symlink-to-null, symlink, not-a-file, empty-with-sessions, immutable, append-only, or histfile-unset-in-rc.";
    detail Text Plain "The link's target, the number of sessions, or the line.";
}

/// Looks at the histories and the startup files of every account.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    let mut reach = Reach::new(host, SPEC.name);
    let sessions = sessions(&mut reach, seen);
    for home in homes(host, SPEC.name, None, seen) {
        for (name, _) in HISTORIES {
            history(&mut reach, &home, name, &sessions, seen);
        }
    }
    reach.finish(seen);
    shell_startup::files(host, SPEC.name, None, seen, &mut |path, owners, bytes, seen| {
        for (number, line) in numbered(bytes) {
            if !switches_off(line) {
                continue;
            }
            let detail = format!("line {number}: {}", Value::bytes(line.trim_ascii()));
            if owners.is_empty() {
                push(None, "", path, "histfile-unset-in-rc", detail.clone().into(), seen);
            }
            for owner in owners {
                let detail = detail.clone().into();
                push(Some(owner.uid), &owner.name, path, "histfile-unset-in-rc", detail, seen);
            }
        }
    });
}

fn push(uid: Option<u32>, name: &str, path: &Path, what: &str, detail: Value, seen: &mut Seen) {
    let mut row = SPEC.row();
    row.put(col::uid, uid)
        .put(col::username, name)
        .put(col::path, path)
        .put(col::what, what)
        .put(col::detail, detail);
    seen.push(row);
}

/// Returns the names that wtmp has logins of.
fn sessions(reach: &mut Reach<'_>, seen: &mut Seen) -> HashSet<Vec<u8>> {
    let mut names = HashSet::new();
    for path in ["/var/log/wtmp", "/var/log/wtmp.1"] {
        let bytes = reach.read(Path::new(path), limits::LOG_FILE, seen).unwrap_or_default();
        let logins = login_records::records(&bytes).0.filter(|record| record.kind == 7);
        for record in logins {
            if !names.contains(record.user) {
                names.insert(record.user.to_vec());
            }
        }
    }
    names
}

fn history(
    reach: &mut Reach<'_>,
    home: &Home,
    name: &str,
    sessions: &HashSet<Vec<u8>>,
    seen: &mut Seen,
) {
    let path = home.path.join(name);
    let machine = reach.host.machine();
    let stat = match machine.lstat(&path) {
        Ok(stat) => stat,
        Err(miss) => return reach.note(&miss, seen),
    };
    let mut found: Vec<(&str, Value)> = Vec::new();
    match stat.kind() {
        FileKind::Symlink => match machine.read_link(&path) {
            Ok(target) => {
                let null = target == Path::new("/dev/null");
                found.push((if null { "symlink-to-null" } else { "symlink" }, (&*target).into()));
            }
            Err(miss) => reach.note(&miss, seen),
        },
        FileKind::Regular => {
            match reach.host.machine().flags(&path) {
                Ok(Some(flags)) if flags & 0x10 != 0 => {
                    found.push(("immutable", "chattr +i".into()));
                }
                Ok(Some(flags)) if flags & 0x20 != 0 => {
                    found.push(("append-only", "chattr +a, which keeps a history".into()));
                }
                Ok(_) => {}
                Err(miss) => reach.note(&miss, seen),
            }
            if stat.size == 0 {
                found.push(("empty-with-sessions", Value::Null));
            }
        }
        other => found.push(("not-a-file", other.name().into())),
    }
    for owner in &home.owners {
        for (what, detail) in &found {
            let name = stanch_words::text::to_bytes(&owner.name);
            if *what == "empty-with-sessions" && !sessions.contains(&name) {
                continue;
            }
            let detail = match detail {
                Value::Null => "empty, and wtmp has logins".into(),
                other => other.clone(),
            };
            push(Some(owner.uid), &owner.name, &path, what, detail, seen);
        }
    }
}

/// Returns whether a line of a startup file keeps a shell from saving its history.
fn switches_off(line: &[u8]) -> bool {
    let line = line.trim_ascii_start();
    if line.starts_with(b"#") || !line.windows(4).any(|part| part.eq_ignore_ascii_case(b"hist")) {
        return false;
    }
    let mut before: [&[u8]; 2] = [b"", b""];
    // A command ends at a semicolon or an ampersand; quotes change nothing here.
    for word in line.split(|b| b" \t;&|".contains(b)).filter(|word| !word.is_empty()) {
        let word: Vec<u8> = word.iter().copied().filter(|b| !b"\"'".contains(b)).collect();
        let off = match &*word {
            b"HISTFILE="
            | b"HISTFILE=/dev/null"
            | b"HISTSIZE=0"
            | b"HISTFILESIZE=0"
            | b"SAVEHIST=0"
            | b"HISTIGNORE=*" => true,
            b"HISTFILE" | b"HISTSIZE" | b"HISTFILESIZE" => {
                before[1] == b"unset" || before[0] == b"unset"
            }
            b"history" => before == [&b"set"[..], b"+o"],
            _ => false,
        };
        if off {
            return true;
        }
        let next = ["unset", "set", "+o"].map(str::as_bytes).into_iter().find(|&w| w == word);
        let next = next.unwrap_or_default();
        before = [before[1], next];
    }
    false
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use stanch_machine::Pretend;

    use super::*;
    use crate::login_records::tests::record;

    #[test]
    fn lines_that_switch_a_history_off() {
        for (line, off) in [
            ("unset HISTFILE", true),
            ("export HISTFILE=/dev/null", true),
            ("HISTSIZE=0;ls", true),
            ("set +o history", true),
            ("unset -v HISTFILE", true),
            ("export HISTFILE=\"\"", true),
            ("HISTSIZE=1000", false),
            ("HISTFILESIZE=2000", false),
            ("# unset HISTFILE", false),
            ("HISTCONTROL=ignoreboth", false),
            ("set -o history", false),
            ("echo $HISTFILE", false),
        ] {
            assert_eq!(switches_off(line.as_bytes()), off, "{line}");
        }
    }

    #[test]
    fn linked_away_emptied_and_switched_off() {
        let machine = Pretend::new()
            .file(
                "/etc/passwd",
                "root:x:0:0::/root:/bin/sh\nann:x:7:7::/home/ann:/bin/sh\nben:x:8:8::/home/ben:/bin/sh\n",
            )
            .file("/var/log/wtmp", record(7, "ann", "pts/0", "h", 1_700_000_000))
            .link("/root/.bash_history", "/dev/null")
            .file("/home/ann/.bash_history", "")
            .file("/home/ben/.bash_history", "")
            .directory("/home/ben/.zsh_history")
            .file("/home/ben/.bashrc", "HISTSIZE=500\nunset HISTFILE\n")
            .file("/etc/profile.d/z.sh", "HISTFILESIZE=0\n");
        let mut seen = Seen::default();
        read(&Host::new(Arc::new(machine)), &Ask::all(), &mut seen);
        let cells = [col::username, col::path, col::what, col::detail];
        let line = |row: &stanch_words::Row| cells.map(|c| row.get(c).to_string()).join("|");
        let found: Vec<String> = seen.rows.iter().map(line).collect();
        assert_eq!(
            found,
            [
                "root|/root/.bash_history|symlink-to-null|/dev/null",
                "ann|/home/ann/.bash_history|empty-with-sessions|empty, and wtmp has logins",
                "ben|/home/ben/.zsh_history|not-a-file|directory",
                "|/etc/profile.d/z.sh|histfile-unset-in-rc|line 1: HISTFILESIZE=0",
                "ben|/home/ben/.bashrc|histfile-unset-in-rc|line 2: unset HISTFILE",
            ]
        );
        assert_eq!(seen.gaps, []);
    }
}
