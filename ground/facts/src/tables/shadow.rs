//! Password states: who can log in with a password, and how weak it is kept.
//!
//! Source: shadow(5), crypt(5). The hash itself never leaves this file.

use std::path::Path;

use stanch_machine::limits;
use stanch_words::{Ask, Gap, GapKind, Seen, table_spec};

use crate::Host;
use crate::lines::number;

table_spec! {
    /// Password states of `/etc/shadow`.
    pub static SPEC, col = "shadow": Files, "Password states of local accounts, one row a line of /etc/shadow; never a hash.";
    password_status Text Plain "active, locked, empty, or not_set (the field is !!).";
    hash_alg Text Plain "The word between the first two $ signs of the hash: 1 is MD5, 5 SHA-256, 6 SHA-512, y yescrypt; empty for DES and where there is no hash.";
    last_change BigInt Plain "Day of the last password change, in days since 1970.";
    min BigInt Plain "Least number of days between changes, -1 if not given.";
    max BigInt Plain "Most days between changes, -1 if not given.";
    warning BigInt Plain "Days of warning before the password expires, -1 if not given.";
    inactive BigInt Plain "Days after that until the account is blocked, -1 if not given.";
    expire BigInt Plain "Day on which the account expires, in days since 1970, -1 if not given.";
    flag BigInt Plain "Reserved, -1 if not given.";
    username Text Index "Login name.";
    empty_password Integer Plain "1 if no password is needed at all.";
    weak_hash Integer Plain "1 if the hash is DES, MD5 ($1$) or another that crypt(5) calls unsafe.";
    locked Integer Plain "1 if no password fits (the field begins with ! or *).";
    line Integer Plain "Line in /etc/shadow, from 1.";
}

/// Reads `/etc/shadow`.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    let path = Path::new("/etc/shadow");
    if let Some(bytes) = host.read(SPEC.name, path, limits::CONFIG_FILE, seen) {
        parse(&bytes, seen);
    }
}

/// Parses shadow(5).
pub fn parse(bytes: &[u8], seen: &mut Seen) {
    for (number, line) in (1_u64..).zip(bytes.split(|&b| b == b'\n')) {
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        let fields: Vec<&[u8]> = line.splitn(10, |&b| b == b':').collect();
        let [name, password, ages @ ..] = &fields[..] else {
            let detail = format!("line {number}: no password field");
            seen.gap(Gap::new(SPEC.name, GapKind::Damaged, detail).at("/etc/shadow"));
            continue;
        };
        let mut row = SPEC.row();
        row.put(col::username, *name)
            .put(col::password_status, status(password))
            .put(col::hash_alg, algorithm(password))
            .put(col::empty_password, password.is_empty())
            .put(col::weak_hash, is_weak(password))
            .put(col::locked, matches!(password, [b'!' | b'*', ..]))
            .put(col::line, number);
        let columns = [
            col::last_change,
            col::min,
            col::max,
            col::warning,
            col::inactive,
            col::expire,
            col::flag,
        ];
        for (n, column) in columns.into_iter().enumerate() {
            row.put(column, ages.get(n).and_then(|field| self::number::<i64>(field)).unwrap_or(-1));
        }
        seen.push(row);
    }
}

/// Returns osquery's word for the state of a password.
fn status(password: &[u8]) -> &'static str {
    match password {
        b"" => "empty",
        b"!!" => "not_set",
        [b'!' | b'*' | b'x', ..] => "locked",
        _ => "active",
    }
}

/// Returns the hash without the mark of a locked account.
fn hash(password: &[u8]) -> &[u8] {
    let marks = password.iter().take_while(|b| b"!*".contains(b)).count();
    password.get(marks..).unwrap_or_default()
}

fn algorithm(password: &[u8]) -> &str {
    let mut parts = hash(password).split(|&b| b == b'$');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(b""), Some(word), Some(_)) if word.iter().all(u8::is_ascii_alphanumeric) => {
            std::str::from_utf8(word).unwrap_or_default()
        }
        _ => "",
    }
}

/// Returns whether crypt(5) calls the hash unsafe. DES has 13 characters, BSDi's begins with `_`.
fn is_weak(password: &[u8]) -> bool {
    let hash = hash(password);
    let letters =
        |bytes: &[u8]| bytes.iter().all(|b| b.is_ascii_alphanumeric() || b"./".contains(b));
    match hash {
        [b'$', ..] => matches!(algorithm(hash), "1" | "3" | "md5" | "sha1"),
        [b'_', rest @ ..] => rest.len() == 19 && letters(rest),
        _ => hash.len() == 13 && letters(hash),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn states(bytes: &[u8]) -> Vec<String> {
        let mut seen = Seen::default();
        parse(bytes, &mut seen);
        assert_eq!(seen.gaps, []);
        let cells = [
            col::username,
            col::password_status,
            col::hash_alg,
            col::empty_password,
            col::weak_hash,
        ];
        let line = |row: &stanch_words::Row| cells.map(|c| row.get(c).to_string()).join(" ");
        seen.rows.iter().map(line).collect()
    }

    #[test]
    fn every_state_of_a_password() {
        let shadow = b"root:$y$j9T$abc$def:20000:0:99999:7:::\nguest::1:0:99999:7:::\n\
            old:$1$ab$cdef:1::::::\ndes:ab0123456789.:1::::::\nlock:!$6$a$b:1::::::\n\
            none:!!:1::::::\nsvc:*:1::::::\n";
        assert_eq!(
            states(shadow),
            [
                "root active y 0 0",
                "guest empty  1 0",
                "old active 1 0 1",
                "des active  0 1",
                "lock locked 6 0 0",
                "none not_set  0 0",
                "svc locked  0 0",
            ]
        );
    }

    #[test]
    fn ages_are_numbers_or_minus_one_and_no_hash_is_shown() {
        let mut seen = Seen::default();
        parse(b"root:$6$salt$verysecret:19000:0:99999:7::20500:\njunk\xff\n", &mut seen);
        assert_eq!(seen.rows[0].get(col::last_change).as_integer(), Some(19_000));
        assert_eq!(seen.rows[0].get(col::inactive).as_integer(), Some(-1));
        assert_eq!(seen.rows[0].get(col::expire).as_integer(), Some(20_500));
        assert!(!format!("{seen:?}").contains("verysecret"));
        assert_eq!(seen.gaps.len(), 1);
    }
}
