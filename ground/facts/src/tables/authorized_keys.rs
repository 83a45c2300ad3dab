//! Keys that let somebody in without a password.
//!
//! Source: sshd(8), "AUTHORIZED_KEYS FILE FORMAT"; sshd_config(5), `AuthorizedKeysFile`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use stanch_machine::limits;
use stanch_words::{Ask, Gap, GapKind, Seen, Value, table_spec, text};

use crate::accounts::{Home, Owner, all_homes, path_of};
use crate::config_lines::{first_word, is_blank, numbered};
use crate::reach::Reach;
use crate::{Host, base64, ssh_keys, sshd};

table_spec! {
    /// Authorized keys.
    pub static SPEC, col = "authorized_keys": Files, "Keys in the authorized_keys files of all accounts, wherever sshd_config puts them.";
    uid BigInt Index "The account that the key lets in.";
    algorithm Text Plain "Kind of key.";
    key Text Plain "The key in base64.";
    options Text Plain "Options before the key, such as command=\"…\".";
    comment Text Plain "What follows the key.";
    key_file Text Plain "File.";
    username Text Plain "The account's name.";
    fingerprint Text Plain "SHA256:…, as ssh-keygen -l shows it.";
    bits Integer Plain "Length of the key in bits.";
    line Integer Plain "Line in the file, from 1.";
}

/// Files beside the configured ones where keys for all accounts are commonly kept.
const SHARED: [&str; 2] = ["/etc/ssh/authorized_keys", "/etc/ssh/authorized_keys2"];

/// Reads the files of every account.
pub(super) fn read(host: &Host, ask: &Ask, seen: &mut Seen) {
    let mut reach = Reach::new(host, SPEC.name);
    let settings = sshd::settings(host, SPEC.name, seen);
    let patterns = sshd::key_file_patterns(&settings.lines);
    let homes = all_homes(host, SPEC.name, ask.equal(col::uid), seen);
    // Files by path, each with the accounts it lets in, in the order found.
    let mut files: Vec<(PathBuf, Vec<Owner>)> = Vec::new();
    let mut places: HashMap<PathBuf, usize> = HashMap::new();
    let mut add = |path: PathBuf, owner: &Owner| {
        let place = *places.entry(path.clone()).or_insert_with(|| {
            files.push((path, Vec::new()));
            files.len().saturating_sub(1)
        });
        if let Some((_, owners)) = files.get_mut(place) {
            // A file without %u or %h lets in everybody; its rows name the first account.
            let whose = owners.len() < 8 && !owners.iter().any(|other| other.uid == owner.uid);
            if whose {
                owners.push(owner.clone());
            }
        }
    };
    for home in &homes {
        for owner in &home.owners {
            for pattern in &patterns {
                let path = expanded(pattern, home, owner);
                if home.is_open || !path.starts_with(&home.path) {
                    add(path, owner);
                }
            }
        }
    }
    let everybody = Owner { uid: 0, name: "root".into() };
    SHARED.iter().for_each(|path| add(PathBuf::from(path), &everybody));
    for (path, owners) in &files {
        if SHARED.iter().any(|shared| Path::new(shared) == path)
            && host.machine().stat(path).is_ok_and(|stat| stat.kind().name() == "directory")
        {
            // `/etc/ssh/authorized_keys/%u`: read by its pattern.
            continue;
        }
        if let Some(bytes) = reach.read(path, limits::CONFIG_FILE, seen) {
            for owner in owners {
                parse(&bytes, path, owner.uid, &owner.name, seen);
            }
        }
    }
    reach.finish(seen);
}

/// Returns a pattern's path for an account: `%h`, `%u`, `%U`, `%%`; relative to the home.
fn expanded(pattern: &str, home: &Home, owner: &Owner) -> PathBuf {
    use std::os::unix::ffi::OsStrExt as _;
    let mut path = Vec::new();
    let mut bytes = pattern.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => match bytes.next() {
                Some(b'h') => path.extend_from_slice(home.path.as_os_str().as_bytes()),
                Some(b'u') => path.extend(text::to_bytes(&owner.name)),
                Some(b'U') => path.extend(owner.uid.to_string().bytes()),
                Some(b'%') | None => path.push(b'%'),
                Some(other) => path.extend([b'%', other]),
            },
            other => path.push(other),
        }
    }
    home.path.join(path_of(&path))
}

/// Parses authorized_keys. A line that is no key becomes a gap.
pub fn parse(bytes: &[u8], path: &Path, uid: u32, username: &str, seen: &mut Seen) {
    let (path, username) = (Value::from(path), Value::Text(Arc::from(username)));
    for (number, line) in numbered(bytes) {
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        let Some(key) = key(line) else {
            let detail = format!("line {number}: not a key");
            seen.gap(Gap::new(SPEC.name, GapKind::Damaged, detail).at(path.to_string()));
            continue;
        };
        let mut row = SPEC.row();
        let bits = ssh_keys::public_key(&key.blob).and_then(|public| public.bits);
        row.put(col::uid, uid)
            .put(col::algorithm, key.algorithm)
            .put(col::key, key.base64)
            .put(col::options, key.options)
            .put(col::comment, key.comment)
            .put(col::key_file, path.clone())
            .put(col::username, username.clone())
            .put(col::fingerprint, ssh_keys::fingerprint(&key.blob))
            .put(col::bits, bits)
            .put(col::line, number);
        seen.push(row);
    }
}

struct Key<'a> {
    options: &'a [u8],
    algorithm: &'a [u8],
    base64: &'a [u8],
    blob: Vec<u8>,
    comment: &'a [u8],
}

/// Returns the key of a line, which may have options before it. A key is known by its blob, whose
/// first string repeats the algorithm, so that unknown kinds are found too.
fn key(line: &[u8]) -> Option<Key<'_>> {
    if let Some(key) = key_without_options(line) {
        return Some(key);
    }
    let end = options_end(line)?;
    let (options, rest) = line.split_at(end);
    let key = key_without_options(rest)?;
    Some(Key { options, ..key })
}

fn key_without_options(line: &[u8]) -> Option<Key<'_>> {
    let (algorithm, rest) = first_word(line);
    let (base64, comment) = first_word(rest);
    let blob = base64::decode(base64)?;
    let (name, _) = ssh_keys::string(&blob)?;
    (name == algorithm).then_some(Key { options: b"", algorithm, base64, blob, comment })
}

/// Returns where the options end: at the first blank outside double quotes.
fn options_end(line: &[u8]) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    line.iter().position(|byte| {
        let end = is_blank(byte) && !quoted;
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => quoted = !quoted,
            _ => {}
        }
        end
    })
}

#[cfg(test)]
mod tests {
    use stanch_machine::Pretend;

    use super::*;

    const ED: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";

    fn all(machine: Pretend) -> (Vec<String>, Seen) {
        let mut seen = Seen::default();
        read(&Host::new(Arc::new(machine)), &Ask::all(), &mut seen);
        let cells = [col::username, col::algorithm, col::options, col::comment, col::key_file];
        let line = |row: &stanch_words::Row| cells.map(|c| row.get(c).to_string()).join("|");
        (seen.rows.iter().map(line).collect(), seen)
    }

    #[test]
    fn keys_with_options_and_without() {
        let mut seen = Seen::default();
        let file = format!(
            "# mine\n{ED} ann@laptop\ncommand=\"echo \\\"a b\\\"\",no-pty {ED}\n\
             restrict\t{ED} x y\nssh-rsa notakey\nssh-rsa AAAAC3NzaC1lZDI1NTE5\n"
        );
        parse(file.as_bytes(), Path::new("/k"), 0, "root", &mut seen);
        let options: Vec<String> =
            seen.rows.iter().map(|row| row.get(col::options).to_string()).collect();
        assert_eq!(options, ["", "command=\"echo \\\"a b\\\"\",no-pty", "restrict"]);
        assert_eq!(seen.rows[0].get(col::bits).as_integer(), Some(256));
        assert_eq!(
            seen.rows[0].get(col::fingerprint).as_text(),
            Some("SHA256:ZkAslGjFiUHdGf/WUL8rQvkib4PTvQatUV0OUQSncCA")
        );
        assert_eq!(seen.rows[2].get(col::comment).as_text(), Some("x y"));
        assert_eq!(seen.gaps.len(), 2);
        assert_eq!(seen.gaps[0].detail, "line 5: not a key");
    }

    #[test]
    fn service_accounts_configured_places_and_homes_without_account() {
        let machine = Pretend::new()
            .file(
                "/etc/passwd",
                "root:x:0:0::/root:/bin/sh\ngames:x:5:60::/usr/games:/usr/sbin/nologin\n\
                 gone:x:6:6::/nonexistent:/bin/sh\n",
            )
            .file(
                "/etc/ssh/sshd_config",
                "AuthorizedKeysFile .ssh/authorized_keys /etc/ssh/keys/%u\n\
                 Match User games\nAuthorizedKeysFile %h/.k\n",
            )
            .file("/usr/games/.ssh/authorized_keys", format!("{ED} a\n"))
            .file("/etc/ssh/keys/gone", format!("{ED} f\n"))
            .file("/etc/ssh/keys/root", format!("{ED} b\n"))
            .file("/usr/games/.k", format!("{ED} c\n"))
            .file("/etc/ssh/authorized_keys", format!("{ED} d\n"))
            .file("/home/ldap/.ssh/authorized_keys2", format!("{ED} e\n"))
            .file("/root/.ssh/authorized_keys", "")
            .denied("/root/.ssh/authorized_keys");
        let (found, seen) = all(machine);
        let comments: Vec<&str> =
            seen.rows.iter().filter_map(|row| row.get(col::comment).as_text()).collect();
        assert_eq!(comments, ["b", "a", "c", "f", "e", "d"], "{found:?}");
        assert!(found.contains(&"games|ssh-ed25519||c|/usr/games/.k".to_owned()));
        assert_eq!(seen.gaps.len(), 1);
        assert_eq!(seen.gaps[0].path.as_deref(), Some("/root/.ssh/authorized_keys"));
    }
}
