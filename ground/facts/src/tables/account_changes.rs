//! The last change of the account files: what differs from the copies kept beside them.
//!
//! Source: the shadow tools (useradd(8), passwd(1), …) copy a file to `NAME-` before they change
//! it, so `passwd-` is the state before the last change by those tools. An editor leaves no copy:
//! what was written by hand shows up here together with the last honest change.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use stanch_machine::limits;
use stanch_words::{Ask, Seen, Value, table_spec, text};

use crate::Host;
use crate::config_lines::numbered;

table_spec! {
    /// Differences between account files and their backups.
    pub static SPEC, col = "account_changes": Files, "What differs between passwd, shadow, group, gshadow and their backups with a dash, one row a field.";
    file Text Plain "The file that changed.";
    change Text Plain "added, removed or changed.";
    name Text Plain "Account or group.";
    field Text Plain "Field that differs; for added and removed ones each field that tells something.";
    before Text Plain "Value in the backup; never a hash.";
    after Text Plain "Value now; never a hash.";
    time Text Plain "When the file was last written, RFC 3339 in UTC.";
}

/// One file and the names of its fields after the first.
struct Kind {
    path: &'static str,
    fields: &'static [&'static str],
}

const FILES: [Kind; 4] = [
    Kind {
        path: "/etc/passwd",
        fields: &["password", "uid", "gid", "description", "directory", "shell"],
    },
    Kind {
        path: "/etc/shadow",
        fields: &["password", "last_change", "min", "max", "warning", "inactive", "expire", "flag"],
    },
    Kind { path: "/etc/group", fields: &["password", "gid", "members"] },
    Kind { path: "/etc/gshadow", fields: &["password", "administrators", "members"] },
];

/// Compares each file with its backup, where there is one.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    for kind in &FILES {
        let read = |path: &str, seen: &mut Seen| {
            host.read(SPEC.name, Path::new(path), limits::CONFIG_FILE, seen)
        };
        let Some(before) = read(&format!("{}-", kind.path), seen) else { continue };
        let Some(after) = read(kind.path, seen) else { continue };
        let stat = host.machine().stat(Path::new(kind.path)).ok();
        let time = stat.and_then(|stat| rfc3339(stat.modified));
        compare(kind, &before, &after, &Value::from(time), seen);
    }
}

/// Parses and compares two states of `/etc/passwd`.
pub fn parse(before: &[u8], after: &[u8], seen: &mut Seen) {
    for kind in FILES.iter().take(1) {
        compare(kind, before, after, &Value::Null, seen);
    }
}

/// Returns a time in nanoseconds as RFC 3339 with seconds.
pub fn rfc3339(nanoseconds: i64) -> Option<String> {
    let time = jiff::Timestamp::from_second(nanoseconds.div_euclid(1_000_000_000)).ok()?;
    Some(time.to_string())
}

type Lines<'a> = HashMap<&'a [u8], &'a [u8]>;

/// Returns lines by name, and the names in order. The first line of a name counts, as for
/// getpwnam(3); a second line of the same name is told apart by its number.
fn lines(bytes: &[u8]) -> (Vec<&[u8]>, Lines<'_>) {
    let (mut names, mut found) = (Vec::new(), Lines::new());
    for (_, line) in numbered(bytes) {
        let name = line.split(|&b| b == b':').next().unwrap_or_default();
        if !line.is_empty() && !found.contains_key(name) {
            names.push(name);
            found.insert(name, line);
        }
    }
    (names, found)
}

fn compare(kind: &Kind, before: &[u8], after: &[u8], time: &Value, seen: &mut Seen) {
    let (old_names, old) = lines(before);
    let (new_names, new) = lines(after);
    let file = Value::from(kind.path);
    let mut push = |change: &str, name: &[u8], field: &str, before: Value, after: Value| {
        let mut row = SPEC.row();
        row.put(col::file, file.clone())
            .put(col::change, change)
            .put(col::name, name)
            .put(col::field, field)
            .put(col::before, before)
            .put(col::after, after)
            .put(col::time, time.clone());
        seen.push(row);
    };
    for name in new_names {
        let now = new.get(name).copied().unwrap_or_default();
        let change = if old.contains_key(name) { "changed" } else { "added" };
        let then = old.get(name).copied().unwrap_or_default();
        differences(kind, then, now, &mut |field, before, after| {
            push(change, name, field, before, after);
        });
    }
    for name in old_names.into_iter().filter(|name| !new.contains_key(name)) {
        let then = old.get(name).copied().unwrap_or_default();
        differences(kind, then, b"", &mut |field, before, after| {
            push("removed", name, field, before, after);
        });
    }
}

/// Gives each field that differs. Members are compared as a set.
fn differences(
    kind: &Kind,
    then: &[u8],
    now: &[u8],
    each: &mut dyn FnMut(&'static str, Value, Value),
) {
    let (mut old, mut new) = (fields(then), fields(now));
    for field in kind.fields {
        let (old, new) = (old.next(), new.next());
        let same = match *field {
            "members" | "administrators" => set(old) == set(new),
            _ => old == new,
        };
        // Of an added or removed line only the fields that tell something.
        let empty = |value: Option<&[u8]>| value.is_none_or(<[u8]>::is_empty);
        let tells = *field == "password" || !empty(old) || !empty(new);
        if !same && tells {
            let show = |value: Option<&[u8]>| match (*field, value) {
                ("password", Some(hash)) => Value::from(shown(hash)),
                (_, value) => value.map(text::from_bytes).into(),
            };
            let (mut before, mut after) = (show(old), show(new));
            if *field == "password" && before == after {
                // Two hashes: that they differ is all that may be said.
                (before, after) = ("set".into(), "set to another".into());
            }
            each(field, before, after);
        }
    }
}

fn fields(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|&b| b == b':').skip(1)
}

fn set(members: Option<&[u8]>) -> HashSet<&[u8]> {
    let members = members.unwrap_or_default();
    members.split(|&b| b == b',').filter(|name| !name.is_empty()).collect()
}

/// Returns what may be said of a password field.
fn shown(field: &[u8]) -> &'static str {
    match field {
        b"" => "empty",
        b"x" => "x",
        [b'!' | b'*', ..] => "locked",
        _ => "set",
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use stanch_machine::Pretend;

    use super::*;

    #[test]
    fn an_account_added_by_hand_a_uid_changed_and_a_group_joined() {
        let machine = Pretend::new()
            .file("/etc/passwd-", "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n")
            .file(
                "/etc/passwd",
                "root:x:0:0::/root:/bin/sh\nann:x:0:1000::/home/ann:/bin/sh\nsvc::0:0::/:/bin/sh\n",
            )
            .file("/etc/shadow-", "root:$6$a$SECRET:1::::::\nold:!:1::::::\n")
            .file("/etc/shadow", "root:$6$a$OTHER:1::::::\n")
            .file("/etc/group-", "sudo:x:27:ann,ben\n")
            .file("/etc/group", "sudo:x:27:ben,ann,eve\n");
        let mut seen = Seen::default();
        read(&Host::new(Arc::new(machine)), &Ask::all(), &mut seen);
        let cells = [col::change, col::name, col::field, col::before, col::after];
        let line = |row: &stanch_words::Row| cells.map(|c| row.get(c).to_string()).join("|");
        let found: Vec<String> = seen.rows.iter().map(line).collect();
        assert_eq!(
            found,
            [
                "changed|ann|uid|1000|0",
                "added|svc|password||empty",
                "added|svc|uid||0",
                "added|svc|gid||0",
                "added|svc|directory||/",
                "added|svc|shell||/bin/sh",
                "changed|root|password|set|set to another",
                "removed|old|password|locked|",
                "removed|old|last_change|1|",
                "changed|sudo|members|ann,ben|ben,ann,eve",
            ]
        );
        assert_eq!(seen.rows[0].get(col::time).as_text(), Some("2026-03-01T00:00:00Z"));
        let all = format!("{seen:?}");
        assert!(!all.contains("SECRET") && !all.contains("OTHER"));
        assert_eq!(seen.gaps, []);
    }

    #[test]
    fn without_a_backup_there_is_nothing_and_a_denied_one_is_a_gap() {
        let machine = Pretend::new()
            .file("/etc/passwd", "root:x:0:0::/root:/bin/sh\n")
            .file("/etc/shadow-", "")
            .denied("/etc/shadow-");
        let mut seen = Seen::default();
        read(&Host::new(Arc::new(machine)), &Ask::all(), &mut seen);
        assert_eq!(seen.rows, []);
        assert_eq!(seen.gaps.len(), 1);
    }
}
