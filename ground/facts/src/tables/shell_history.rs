//! What was typed at shells.
//!
//! Source: the forms of [`crate::shell_lines`].

use std::path::Path;

use stanch_machine::limits;
use stanch_words::{Ask, Seen, Value, table_spec};

use crate::Host;
use crate::accounts::homes;
use crate::config_lines::numbered;
use crate::reach::Reach;
use crate::shell_lines::ShellLines;
pub use crate::shell_lines::{Form, HISTORIES};

table_spec! {
    /// Shell history.
    pub static SPEC, col = "shell_history": Files, "Lines of the shell histories of all accounts.";
    uid BigInt Index "The account.";
    time Integer Plain "When, in seconds since 1970; 0 if the history does not say.";
    command Text Plain "The line.";
    history_file Text Plain "File.";
    username Text Plain "The account's name.";
    line Integer Plain "Line in the file, from 1.";
}

/// Reads the histories of every account.
pub(super) fn read(host: &Host, ask: &Ask, seen: &mut Seen) {
    let mut reach = Reach::new(host, SPEC.name);
    for home in homes(host, SPEC.name, ask.equal(col::uid), seen) {
        for (name, form) in HISTORIES {
            let path = home.path.join(name);
            // A link to /dev/null is the business of `history_evasion`, not a failed reading.
            if host.machine().read_link(&path).is_ok_and(|target| target == Path::new("/dev/null"))
            {
                continue;
            }
            let Some(bytes) = reach.read(&path, limits::LOG_FILE, seen) else { continue };
            for owner in &home.owners {
                parse(&bytes, &path, form, (owner.uid, &owner.name), seen);
            }
        }
    }
    reach.finish(seen);
}

/// Parses a history.
pub fn parse(bytes: &[u8], path: &Path, form: Form, owner: (u32, &str), seen: &mut Seen) {
    let (path, name) = (Value::from(path), Value::from(owner.1));
    let push = |time: i64, command: Value, line: u64, seen: &mut Seen| {
        let mut row = SPEC.row();
        row.put(col::uid, owner.0)
            .put(col::time, time)
            .put(col::command, command)
            .put(col::history_file, path.clone())
            .put(col::username, name.clone())
            .put(col::line, line);
        seen.push(row);
    };
    let mut lines = ShellLines::new(form);
    for (at, line) in numbered(bytes) {
        lines.line(at, line, &mut |at, time, command| push(time, command.into(), at, seen));
    }
    lines.end(&mut |at, time, command| push(time, command.into(), at, seen));
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use stanch_machine::Pretend;

    use super::*;

    fn lines(bytes: &[u8], form: Form) -> Vec<String> {
        let mut seen = Seen::default();
        parse(bytes, Path::new("/h"), form, (0, "root"), &mut seen);
        assert_eq!(seen.gaps, []);
        let line = |row: &stanch_words::Row| {
            [col::time, col::command].map(|c| row.get(c).to_string()).join(" ")
        };
        seen.rows.iter().map(line).collect()
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test reads its own data")]
    fn plasos_bash_history_with_times_and_a_command_of_many_lines() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/plaso/bash_history");
        let found = lines(&std::fs::read(path).unwrap(), Form::Lines);
        assert_eq!(found.len(), 7);
        assert_eq!(found[0], "1380630977 /usr/lib/plaso");
        assert_eq!(found[3], "1623364236 binary argument1 \"--params=\\");
        assert_eq!(found[4], "0 param1=foo,");
    }

    #[test]
    fn bash_without_times_zsh_and_fish() {
        assert_eq!(
            lines(b"ls\n# note\nid\xff\n\n", Form::Lines),
            ["0 ls", "0 # note", "0 id\\xff"]
        );
        assert_eq!(
            lines(b": 1700000000:0;echo \xe6\xad\x83\x82\nplain\n: x:y;z\n", Form::Zsh),
            ["1700000000 echo 止", "0 plain", "0 : x:y;z"]
        );
        assert_eq!(
            lines(
                b"- cmd: curl x\n  when: 1700000000\n  paths:\n    - x\n- cmd: id\nodd\n",
                Form::Fish
            ),
            ["1700000000 curl x", "0 id", "0 odd"]
        );
    }

    #[test]
    fn a_hundred_thousand_lines_of_one_user_asked_by_uid() {
        let machine = Pretend::new()
            .file("/etc/passwd", "root:x:0:0::/root:/bin/sh\nann:x:7:7::/home/ann:/bin/sh\n")
            .file("/root/.bash_history", "id\n")
            .link("/root/.zsh_history", "/dev/null")
            .file("/home/ann/.bash_history", "true\n".repeat(100_000));
        let mut ask = Ask::all();
        ask.constraints.push(stanch_words::table::Constraint {
            column: col::uid,
            op: stanch_words::table::Op::Equal,
            value: 7.into(),
        });
        let host = Host::new(Arc::new(machine));
        let mut seen = Seen::default();
        read(&host, &ask, &mut seen);
        assert_eq!((seen.rows.len(), seen.gaps.len()), (100_000, 0));
        let mut seen = Seen::default();
        read(&host, &Ask::all(), &mut seen);
        assert_eq!((seen.rows.len(), seen.gaps.len()), (100_001, 0));
    }
}
