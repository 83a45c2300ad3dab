//! Accounts that programs run under: nobody should be able to log in with them.
//!
//! Source: login.defs(5), `UID_MIN`; Debian's base-passwd and Red Hat's setup package for the
//! fixed ids and shells.

use std::collections::HashMap;
use std::path::Path;

use stanch_machine::{FileKind, limits};
use stanch_words::{Ask, Seen, table_spec, text};

use crate::Host;
use crate::accounts::{Account, Accounts, Password, password_of};
use crate::config_lines::{numbered, split_once};
use crate::lines;
use crate::reach::Reach;

table_spec! {
    /// Service accounts.
    pub static SPEC, col = "service_accounts": Files, "Accounts of services: a well-known name, or a user id below UID_MIN; root is none.";
    username Text Index "Login name.";
    uid BigInt Index "User id.";
    shell Text Plain "Login shell.";
    login_shell Integer Plain "1 if the shell lets somebody work: it is none of nologin, false, sync, shutdown, halt.";
    password_set Integer Plain "1 if a password can be typed (an empty one too); null if /etc/shadow could not be read.";
    ssh_directory Integer Plain "1 if the home has a .ssh directory; null if that could not be seen.";
    expected_shell Text Plain "The shell that distributions give this account, null if it is not a well-known one.";
    directory Text Plain "Home directory.";
    well_known Integer Plain "1 if the account is of the distributions' own set.";
}

const NOLOGIN: &str = "/usr/sbin/nologin";

/// Names and shells that Debian's base-passwd and Red Hat's setup give to every machine, and
/// those that packages of both make. Facts, not text, of those packages.
const WELL_KNOWN: [(&str, &str); 52] = [
    ("_apt", NOLOGIN),
    ("_chrony", NOLOGIN),
    ("adm", NOLOGIN),
    ("apache", NOLOGIN),
    ("avahi", NOLOGIN),
    ("backup", NOLOGIN),
    ("bin", NOLOGIN),
    ("bind", NOLOGIN),
    ("chrony", NOLOGIN),
    ("daemon", NOLOGIN),
    ("dbus", NOLOGIN),
    ("dnsmasq", NOLOGIN),
    ("ftp", NOLOGIN),
    ("games", NOLOGIN),
    ("gnats", NOLOGIN),
    ("halt", "/sbin/halt"),
    ("haproxy", NOLOGIN),
    ("http", NOLOGIN),
    ("irc", NOLOGIN),
    ("list", NOLOGIN),
    ("lp", NOLOGIN),
    ("mail", NOLOGIN),
    ("man", NOLOGIN),
    ("memcache", NOLOGIN),
    ("memcached", NOLOGIN),
    ("messagebus", NOLOGIN),
    ("mysql", "/bin/false"),
    ("named", NOLOGIN),
    ("news", NOLOGIN),
    ("nginx", NOLOGIN),
    ("nobody", NOLOGIN),
    ("ntp", NOLOGIN),
    ("operator", NOLOGIN),
    ("polkitd", NOLOGIN),
    ("postfix", NOLOGIN),
    ("postgres", "/bin/bash"),
    ("proxy", NOLOGIN),
    ("redis", NOLOGIN),
    ("rpc", NOLOGIN),
    ("shutdown", "/sbin/shutdown"),
    ("sshd", NOLOGIN),
    ("sssd", NOLOGIN),
    ("sync", "/bin/sync"),
    ("sys", NOLOGIN),
    ("syslog", NOLOGIN),
    ("systemd-network", NOLOGIN),
    ("systemd-resolve", NOLOGIN),
    ("systemd-timesync", NOLOGIN),
    ("tss", NOLOGIN),
    ("unbound", NOLOGIN),
    ("uucp", NOLOGIN),
    ("www-data", NOLOGIN),
];

/// `UID_MIN` where login.defs does not set it.
const UID_MIN: u32 = 1000;

/// Reads passwd, shadow, login.defs and looks for `.ssh`.
pub(super) fn read(host: &Host, ask: &Ask, seen: &mut Seen) {
    let accounts = Accounts::of(host, SPEC.name, seen);
    let mut reach = Reach::new(host, SPEC.name);
    let definitions = Path::new("/etc/login.defs");
    let definitions = reach.read(definitions, limits::CONFIG_FILE, seen);
    let least = definitions.map_or(UID_MIN, |bytes| uid_min(&bytes));
    let passwords = if ask.wants(col::password_set) {
        reach.read(Path::new("/etc/shadow"), limits::CONFIG_FILE, seen)
    } else {
        None
    };
    let passwords: Option<HashMap<&[u8], Password>> = passwords.as_deref().map(states);
    for account in &accounts.all {
        let known = WELL_KNOWN.iter().find(|(name, _)| *name == &*account.name);
        if account.uid == 0 || account.uid >= least && known.is_none() {
            continue;
        }
        let mut row = SPEC.row();
        row.put(col::username, account.name.clone())
            .put(col::uid, account.uid)
            .put(col::shell, account.shell.clone())
            .put(col::login_shell, is_login_shell(&account.shell))
            .put(col::password_set, password_set(account, passwords.as_ref()))
            .put(col::expected_shell, known.map(|(_, shell)| *shell))
            .put(col::directory, &*account.home)
            .put(col::well_known, known.is_some());
        if ask.wants(col::ssh_directory) {
            row.put(col::ssh_directory, ssh_directory(&mut reach, account, seen));
        }
        seen.push(row);
    }
    reach.finish(seen);
}

fn ssh_directory(reach: &mut Reach<'_>, account: &Account, seen: &mut Seen) -> Option<bool> {
    if !account.home.is_absolute() {
        return Some(false);
    }
    match reach.host.machine().stat(&account.home.join(".ssh")) {
        Ok(stat) => Some(stat.kind() == FileKind::Directory),
        Err(miss) if miss.absent => Some(false),
        Err(miss) => {
            reach.note(&miss, seen);
            None
        }
    }
}

/// Returns `UID_MIN` of login.defs(5).
pub(crate) fn uid_min(bytes: &[u8]) -> u32 {
    let lines = numbered(bytes).filter_map(|(_, line)| {
        let mut words = lines::uncommented(line);
        (words.next()? == b"UID_MIN").then(|| lines::number(words.next()?))?
    });
    lines.last().unwrap_or(UID_MIN)
}

fn states(shadow: &[u8]) -> HashMap<&[u8], Password> {
    let line = |(_, line)| {
        let (name, rest) = split_once(line, b':')?;
        let field = split_once(rest, b':').map_or(rest, |(field, _)| field);
        Some((name, password_of(field)))
    };
    numbered(shadow).filter_map(line).collect()
}

fn password_set(account: &Account, shadow: Option<&HashMap<&[u8], Password>>) -> Option<bool> {
    let state = match account.password {
        Password::Elsewhere => {
            shadow?.get(&*text::to_bytes(&account.name)).copied().unwrap_or(Password::Locked)
        }
        here => here,
    };
    Some(matches!(state, Password::Empty | Password::Set))
}

/// Returns whether a shell lets somebody work. No shell at all means /bin/sh (passwd(5)).
pub(crate) fn is_login_shell(shell: &str) -> bool {
    let name = shell.rsplit('/').next().unwrap_or_default();
    !matches!(name, "nologin" | "false" | "sync" | "shutdown" | "halt" | "true" | "git-shell")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use stanch_machine::Pretend;

    use super::*;

    #[test]
    fn an_account_of_a_service_that_became_loginable() {
        let machine = Pretend::new()
            .file(
                "/etc/passwd",
                "root:x:0:0::/root:/bin/sh\nwww-data:x:33:33::/var/www:/bin/bash\n\
                 app:x:499:499::/srv/app:/usr/sbin/nologin\nann:x:1000:1000::/home/ann:/bin/sh\n\
                 nobody:x:65534:65534::/:\n",
            )
            .file("/etc/shadow", "root:$6$a$b:1\nwww-data:$6$a$b:1::\napp:!:1\nnobody::1\n")
            .file("/etc/login.defs", "# UID_MIN 5\nUID_MIN\t\t 500\n")
            .directory("/srv/app/.ssh");
        let mut seen = Seen::default();
        read(&Host::new(Arc::new(machine)), &Ask::all(), &mut seen);
        let cells = [
            col::username,
            col::login_shell,
            col::password_set,
            col::ssh_directory,
            col::expected_shell,
        ];
        let line = |row: &stanch_words::Row| cells.map(|c| row.get(c).to_string()).join(" ");
        let found: Vec<String> = seen.rows.iter().map(line).collect();
        assert_eq!(
            found,
            ["www-data 1 1 0 /usr/sbin/nologin", "app 0 0 1 ", "nobody 1 1 0 /usr/sbin/nologin",]
        );
        assert_eq!(seen.gaps, []);
    }

    #[test]
    fn an_unreadable_shadow_leaves_the_password_unknown() {
        let machine = Pretend::new()
            .file(
                "/etc/passwd",
                "www-data:x:33:33::/var/www:/bin/bash\nold:ab0123456789.:5:5::/:/\n",
            )
            .file("/etc/shadow", "")
            .denied("/etc/shadow");
        let mut seen = Seen::default();
        read(&Host::new(Arc::new(machine)), &Ask::all(), &mut seen);
        assert!(seen.rows[0].get(col::password_set).is_null());
        assert_eq!(seen.rows[1].get(col::password_set).as_integer(), Some(1));
        assert_eq!(seen.gaps.len(), 1);
    }
}
