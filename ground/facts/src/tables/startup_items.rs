//! Programs that start with the machine or a desktop, beside systemd and cron.
//!
//! Source: rc.local as systemd-rc-local-generator(8) runs it; LSB init scripts and the links of
//! update-rc.d(8) and chkconfig(8); the XDG Autostart Specification.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use stanch_machine::{FileKind, limits};
use stanch_words::{Ask, Seen, Value, table_spec};

use crate::Host;
use crate::accounts::homes;
use crate::config_lines::numbered;
use crate::reach::Reach;

table_spec! {
    /// Startup items.
    pub static SPEC, col = "startup_items": Files, "rc.local, init scripts and desktop autostart entries.";
    name Text Plain "Name of the item.";
    path Text Plain "Script, or the program that the entry runs.";
    args Text Plain "Arguments of the program.";
    r#type Text Plain "Always `Startup Item`, as in osquery.";
    source Text Plain "Directory of the item.";
    status Text Plain "enabled or disabled.";
    username Text Plain "The user in whose home it is, or root.";
    kind Text Plain "rc.local, init or autostart.";
    file Text Plain "File of the item itself.";
}

const RC_LOCAL: [&str; 4] =
    ["/etc/rc.local", "/etc/rc.d/rc.local", "/etc/init.d/boot.local", "/etc/rc.common"];

/// Reads the three kinds.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    let mut reach = Reach::new(host, SPEC.name);
    rc_local(&mut reach, seen);
    init_scripts(&mut reach, seen);
    for folder in ["/etc/xdg/autostart", "/usr/share/autostart"] {
        autostart(&mut reach, Path::new(folder), "root", seen);
    }
    for home in homes(host, SPEC.name, None, seen) {
        let name = home.owners.first().map_or("", |owner| &*owner.name);
        for folder in [".config/autostart", ".config/autostart-scripts", ".local/share/autostart"] {
            autostart(&mut reach, &home.path.join(folder), name, seen);
        }
    }
    reach.finish(seen);
}

fn script(path: &Path, kind: &str, enabled: bool, seen: &mut Seen) {
    let mut row = SPEC.row();
    let name = path.file_name().unwrap_or_default();
    row.put(col::name, Path::new(name))
        .put(col::path, path)
        .put(col::r#type, "Startup Item")
        .put(col::source, path.parent().map(Value::from))
        .put(col::status, if enabled { "enabled" } else { "disabled" })
        .put(col::username, "root")
        .put(col::kind, kind)
        .put(col::file, path);
    seen.push(row);
}

/// It runs if it may be executed.
fn rc_local(reach: &mut Reach<'_>, seen: &mut Seen) {
    let mut done = HashSet::new();
    for path in RC_LOCAL.map(Path::new) {
        match reach.host.machine().stat(path) {
            Ok(stat) if done.insert((stat.device, stat.inode)) => {
                script(path, "rc.local", stat.mode & 0o111 != 0, seen);
            }
            Ok(_) => {}
            Err(miss) => reach.note(&miss, seen),
        }
    }
}

/// An init script runs if a link `SNNname` stands for it in the directory of a run level. What
/// stands there and is no link to an init script is an item of its own.
fn init_scripts(reach: &mut Reach<'_>, seen: &mut Seen) {
    let mut started: HashSet<OsString> = HashSet::new();
    let mut done = HashSet::new();
    for level in ["S", "1", "2", "3", "4", "5"] {
        for folder in [format!("/etc/rc{level}.d"), format!("/etc/rc.d/rc{level}.d")] {
            let folder = Path::new(&folder);
            for entry in reach.list(folder, seen) {
                let path = folder.join(&entry.name);
                let [b'S', first, second, name @ ..] = entry.name.as_bytes() else { continue };
                if !first.is_ascii_digit() || !second.is_ascii_digit() {
                    continue;
                }
                let target = reach.host.machine().read_link(&path).ok();
                let known = target.as_deref().is_some_and(is_in_init_d);
                if known {
                    let name = target.as_deref().and_then(Path::file_name);
                    started.insert(name.unwrap_or_default().to_owned());
                } else if done.insert(OsStr::from_bytes(name).to_owned()) {
                    script(&path, "init", true, seen);
                }
            }
        }
    }
    let mut done = HashSet::new();
    for folder in ["/etc/init.d", "/etc/rc.d/init.d"].map(Path::new) {
        for entry in reach.list(folder, seen) {
            let is_file = matches!(entry.kind, FileKind::Regular | FileKind::Symlink);
            if !is_file || matches!(entry.name.as_bytes(), b"README" | b".depend.boot") {
                continue;
            }
            if !done.insert(entry.name.clone()) || entry.name.as_bytes().starts_with(b".depend.") {
                continue;
            }
            script(&folder.join(&entry.name), "init", started.contains(&entry.name), seen);
        }
    }
}

fn is_in_init_d(target: &Path) -> bool {
    target.parent().and_then(Path::file_name) == Some(OsStr::new("init.d"))
}

fn autostart(reach: &mut Reach<'_>, folder: &Path, username: &str, seen: &mut Seen) {
    for entry in reach.list(folder, seen) {
        let path = folder.join(&entry.name);
        if entry.kind == FileKind::Directory {
            continue;
        }
        let Some(bytes) = reach.read(&path, limits::CONFIG_FILE, seen) else { continue };
        parse(&bytes, &path, username, seen);
    }
}

/// Parses a desktop entry. What has no `Exec` is a script that is run itself.
pub fn parse(bytes: &[u8], path: &Path, username: &str, seen: &mut Seen) {
    let (mut name, mut exec, mut disabled, mut inside) = (None, None, false, false);
    for (_, line) in numbered(bytes) {
        let line = line.trim_ascii();
        if line.starts_with(b"[") {
            inside = line == b"[Desktop Entry]";
        }
        let Some((key, value)) = crate::config_lines::split_once(line, b'=') else { continue };
        let value = value.trim_ascii();
        match key.trim_ascii() {
            b"Name" if inside => name = name.or(Some(value)),
            b"Exec" if inside => exec = exec.or(Some(value)),
            b"Hidden" | b"X-GNOME-Autostart-enabled" if inside => {
                disabled |= value == (if key.starts_with(b"H") { &b"true"[..] } else { b"false" });
            }
            _ => {}
        }
    }
    let (program, arguments) = exec.map_or((None, &b""[..]), |exec| {
        let (program, arguments) = program(exec);
        (Some(program), arguments)
    });
    let mut row = SPEC.row();
    let file_name = path.file_name().map(|name| Value::from(Path::new(name)));
    row.put(col::name, name.map_or(file_name.unwrap_or_default(), Value::from))
        .put(col::path, program.map_or(Value::from(path), Value::from))
        .put(col::args, arguments)
        .put(col::r#type, "Startup Item")
        .put(col::source, path.parent().map(Value::from))
        .put(col::status, if disabled { "disabled" } else { "enabled" })
        .put(col::username, username)
        .put(col::kind, "autostart")
        .put(col::file, path);
    seen.push(row);
}

/// Splits the program, which may be quoted, from its arguments.
fn program(exec: &[u8]) -> (&[u8], &[u8]) {
    if let Some(quoted) = exec.strip_prefix(b"\"")
        && let Some((program, rest)) = crate::config_lines::split_once(quoted, b'"')
    {
        return (program, rest.trim_ascii());
    }
    crate::config_lines::first_word(exec)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use stanch_machine::Pretend;

    use super::*;

    #[test]
    fn every_kind_of_item() {
        let machine = Pretend::new()
            .file("/etc/passwd", "ann:x:1000:1000::/home/ann:/bin/sh\n")
            .file("/etc/rc.local", "#!/bin/sh\n/tmp/x &\n")
            .with("/etc/rc.local", |stat| stat.mode |= 0o111)
            .file("/etc/init.d/ssh", "")
            .file("/etc/init.d/old", "")
            .link("/etc/rc2.d/S01ssh", "../init.d/ssh")
            .link("/etc/rc2.d/K01old", "../init.d/old")
            .file("/etc/rc3.d/S99evil", "")
            .file(
                "/home/ann/.config/autostart/a.desktop",
                b"[Desktop Entry]\nName=Upd\xff\nExec=\"/home/ann/.x y\" -d %U\n[Desktop Action z]\nExec=/no\n",
            )
            .file("/etc/xdg/autostart/b.desktop", "[Desktop Entry]\nHidden=true\nExec=/usr/bin/b c\n");
        let mut seen = Seen::default();
        read(&Host::new(Arc::new(machine)), &Ask::all(), &mut seen);
        let cells = [col::name, col::path, col::args, col::status, col::username, col::kind];
        let line = |row: &stanch_words::Row| cells.map(|c| row.get(c).to_string()).join("|");
        let found: Vec<String> = seen.rows.iter().map(line).collect();
        assert_eq!(
            found,
            [
                "rc.local|/etc/rc.local||enabled|root|rc.local",
                "S99evil|/etc/rc3.d/S99evil||enabled|root|init",
                "old|/etc/init.d/old||disabled|root|init",
                "ssh|/etc/init.d/ssh||enabled|root|init",
                "b.desktop|/usr/bin/b|c|disabled|root|autostart",
                "Upd\\xff|/home/ann/.x y|-d %U|enabled|ann|autostart",
            ]
        );
        assert_eq!(seen.gaps, []);
    }
}
