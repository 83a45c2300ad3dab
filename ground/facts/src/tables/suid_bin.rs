//! Programs that run with their owner's or group's rights, whoever starts them.
//!
//! Source: inode(7), execve(2).

use std::collections::HashMap;
use std::path::Path;

use stanch_machine::{Stat, limits};
use stanch_words::{Ask, Seen, Value, table_spec};

use crate::accounts::Accounts;
use crate::privileged::Privileged;
use crate::{Host, packages};

table_spec! {
    /// Set-user-ID and set-group-ID programs.
    pub static SPEC, col = "suid_bin": Files, "Regular files with the set-user-ID or set-group-ID bit, where programs and users put files.";
    path Text Plain "Path.";
    username Text Plain "Owner's name; the number if it has none.";
    groupname Text Plain "Group's name; the number if it has none.";
    permissions Text Plain "S for set-user-ID, G for set-group-ID, SG for both.";
    pid_with_namespace Integer Plain "Always 0: only the machine's own root is read.";
    mount_namespace_id Text Plain "Always empty.";
    mode Text Plain "Permission bits, octal.";
    uid BigInt Plain "Owner.";
    gid BigInt Plain "Group.";
    package Text Plain "Owning package; empty if there is none.";
    ctime BigInt Plain "Last change of the inode, seconds since 1970.";
}

/// Reads what the walk over all places found.
pub(super) fn read(host: &Host, ask: &Ask, seen: &mut Seen) {
    let privileged = Privileged::of(host, seen);
    let accounts = Accounts::of(host, SPEC.name, seen);
    let groups = groups(host, seen);
    for (path, stat) in &privileged.set_id {
        let mut row = row(host, ask, path, stat);
        let user = accounts.by_uid(stat.uid).map(|account| Value::Text(account.name.clone()));
        let group = groups.get(&i64::from(stat.gid)).cloned();
        row.put(col::username, user.unwrap_or_else(|| stat.uid.to_string().into()))
            .put(col::groupname, group.unwrap_or_else(|| stat.gid.to_string().into()));
        seen.push(row);
    }
}

fn groups(host: &Host, seen: &mut Seen) -> HashMap<i64, Value> {
    let bytes = host.read(SPEC.name, Path::new("/etc/group"), limits::CONFIG_FILE, seen);
    let mut found = Seen::default();
    super::groups::parse(&bytes.unwrap_or_default(), &mut found);
    let pair = |row: &stanch_words::Row| {
        let gid = row.get(super::groups::col::gid).as_integer()?;
        Some((gid, row.get(super::groups::col::groupname).clone()))
    };
    found.rows.iter().rev().filter_map(pair).collect()
}

fn row(host: &Host, ask: &Ask, path: &Path, stat: &Stat) -> stanch_words::Row {
    let permissions = match (stat.mode & 0o4000 != 0, stat.mode & 0o2000 != 0) {
        (true, true) => "SG",
        (true, false) => "S",
        (false, _) => "G",
    };
    let mut row = SPEC.row();
    row.put(col::path, path)
        .put(col::permissions, permissions)
        .put(col::pid_with_namespace, 0)
        .put(col::mount_namespace_id, "")
        .put(col::mode, format!("{:04o}", stat.mode & 0o7777))
        .put(col::uid, stat.uid)
        .put(col::gid, stat.gid)
        .put(col::ctime, stat.changed.div_euclid(1_000_000_000));
    if ask.wants(col::package) {
        let index = packages::index(host);
        let package = index.owner(path).map(|o| Value::Text(o.package.name.clone()));
        row.put(col::package, package.unwrap_or_else(|| "".into()));
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;
    use stanch_machine::Pretend;

    #[test]
    fn a_set_user_id_shell_in_a_home_is_found_beside_the_shipped_programs() {
        let machine = Pretend::new()
            .file("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\n")
            .file("/etc/group", "root:x:0:\ntty:x:5:\n")
            .file("/var/lib/dpkg/status", "")
            .file("/var/lib/dpkg/info/sudo.list", "/usr/bin/sudo\n")
            .link("/bin", "usr/bin")
            .file("/usr/bin/sudo", "")
            .with("/usr/bin/sudo", |stat| stat.mode = 0o104_755)
            .file("/usr/bin/wall", "")
            .with("/usr/bin/wall", |stat| (stat.mode, stat.gid) = (0o102_755, 5))
            .file("/home/x/.sh", "")
            .with("/home/x/.sh", |stat| (stat.mode, stat.uid) = (0o106_755, 1234));
        let host = Host::new(std::sync::Arc::new(machine));
        let mut seen = Seen::default();
        read(&host, &Ask::all(), &mut seen);
        let text = |row: &stanch_words::Row| {
            row.0.iter().take(9).map(ToString::to_string).collect::<Vec<_>>().join(" ")
        };
        let rows: Vec<String> = seen.rows.iter().map(text).collect();
        assert_eq!(
            rows,
            [
                "/home/x/.sh 1234 root SG 0  6755 1234 0",
                "/usr/bin/sudo root root S 0  4755 0 0",
                "/usr/bin/wall root tty G 0  2755 0 5",
            ]
        );
        assert_eq!(seen.rows[1].get(col::package).as_text(), Some("sudo"));
        assert_eq!(seen.rows[0].get(col::package).as_text(), Some(""));
        assert_eq!(seen.gaps, []);
    }
}
