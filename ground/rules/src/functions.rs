//! Functions that queries may use beside SQLite's own, some named as osquery names them.

use std::net::IpAddr;

use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::{Connection, Result};

/// Names, arguments and meanings of the functions, for the handbook.
pub const FUNCTIONS: &[(&str, &str)] = &[
    ("basename(path)", "the last part of a path"),
    ("dirname(path)", "a path without its last part"),
    ("is_temporary(path)", "1 for a path below /tmp, /var/tmp, /dev/shm, /run/shm, or in memory"),
    ("is_hidden(path)", "1 if a part of the path begins with a dot or is only blanks and dots"),
    ("is_system_path(path)", "1 for a path in which only packages put programs"),
    ("is_public(address)", "1 for an address of the public internet"),
    ("is_loopback(address)", "1 for an address of the loopback network"),
    ("edit_distance(a, b)", "Levenshtein distance of two short texts, at most 16"),
    ("regex_match(text, pattern, group)", "the group of the first match, or NULL (osquery)"),
    ("split(text, characters, number)", "one part of a text (osquery)"),
    ("has_invisible(text)", "1 if the text has control, zero-width or reordering characters"),
];

pub(crate) fn register(connection: &Connection) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    let text = |context: &Context<'_>, at: usize| -> Result<Option<String>> {
        context.get::<Option<String>>(at)
    };
    connection.create_scalar_function("basename", 1, flags, move |c| {
        Ok(text(c, 0)?.map(|path| path.rsplit('/').next().unwrap_or("").to_owned()))
    })?;
    connection.create_scalar_function("dirname", 1, flags, move |c| {
        Ok(text(c, 0)?.map(|path| path.rsplit_once('/').map_or("", |(head, _)| head).to_owned()))
    })?;
    let predicates: [(&str, Predicate); 6] = [
        ("is_temporary", is_temporary),
        ("is_hidden", is_hidden),
        ("is_system_path", is_system_path),
        ("is_public", is_public),
        ("is_loopback", is_loopback),
        ("has_invisible", has_invisible),
    ];
    for (name, predicate) in predicates {
        connection.create_scalar_function(name, 1, flags, move |c| {
            Ok(text(c, 0)?.is_some_and(|text| predicate(&text)))
        })?;
    }
    connection.create_scalar_function("edit_distance", 2, flags, move |c| {
        Ok(text(c, 0)?.zip(text(c, 1)?).map(|(a, b)| edit_distance(&a, &b)))
    })?;
    connection.create_scalar_function("split", 3, flags, move |c| {
        let (Some(whole), Some(at)) = (text(c, 0)?, text(c, 1)?) else { return Ok(None) };
        let number = usize::try_from(c.get::<i64>(2)?).unwrap_or(usize::MAX);
        let separators: Vec<char> = at.chars().collect();
        let mut parts = whole.split(&separators[..]).filter(|part| !part.is_empty());
        Ok(parts.nth(number).map(str::to_owned))
    })?;
    connection.create_scalar_function("regex_match", 3, flags, move |c| {
        let Some(whole) = text(c, 0)? else { return Ok(None) };
        let regex = c.get_or_create_aux(1, |pattern| -> std::result::Result<_, Failure> {
            // 1 MiB bounds the compiled size of a pattern that a content pack may bring.
            Ok(regex::RegexBuilder::new(pattern.as_str()?).size_limit(1 << 20).build()?)
        })?;
        let group = usize::try_from(c.get::<i64>(2)?).unwrap_or(usize::MAX);
        Ok(regex.captures(&whole).and_then(|found| Some(found.get(group)?.as_str().to_owned())))
    })?;
    Ok(())
}

type Predicate = fn(&str) -> bool;
type Failure = Box<dyn std::error::Error + Send + Sync + 'static>;

/// Returns whether anybody may write there and a reboot or a cleaner empties it, or it lies in
/// memory only.
pub fn is_temporary(path: &str) -> bool {
    const PLACES: [&str; 6] =
        ["/tmp/", "/var/tmp/", "/dev/shm/", "/run/shm/", "/dev/mqueue/", "/memfd:"];
    PLACES.iter().any(|place| path.starts_with(place))
}

/// Returns whether a path hides from a plain `ls`: its name, or outside of homes and applications
/// any directory of it, begins with a dot or is made of blanks and dots. Hidden directories in
/// homes (`~/.cargo`, `~/.local`) and inside an application or a service's state
/// (`/opt/app/.venv`, `/var/lib/jenkins/.m2`) are everybody's habit and do not count.
pub fn is_hidden(path: &str) -> bool {
    let hides = |part: &str| {
        let blank = !part.is_empty() && part.chars().all(|c| c == '.' || c.is_whitespace());
        (part.starts_with('.') || blank) && part != "." && part != ".."
    };
    let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
    let blank = |part: &str| hides(part) && part.chars().all(|c| c == '.' || c.is_whitespace());
    let free = people_s(path);
    hides(name)
        || directory
            .split('/')
            .enumerate()
            .any(|(at, part)| blank(part) || (at < free && hides(part)))
}

/// Returns from which part of a path on people and applications arrange directories as they like:
/// below a home, an application in /opt or /srv, a service's state in /var/lib, or a directory
/// beside those of the file hierarchy standard (`/data`, `/workspace`).
fn people_s(path: &str) -> usize {
    let mut parts = path.split('/').skip(1);
    match (parts.next().unwrap_or(""), parts.next().unwrap_or("")) {
        ("root", _) => 2,
        ("home" | "opt" | "srv" | "mnt" | "media", _) => 3,
        ("var", "lib") => 4,
        (
            "bin" | "sbin" | "lib" | "lib32" | "lib64" | "libx32" | "usr" | "boot" | "etc" | "dev",
            _,
        )
        | ("proc" | "sys" | "tmp" | "run" | "var" | "lost+found", _) => usize::MAX,
        _ => 2,
    }
}

/// Returns whether only packages put programs there: the file hierarchy standard leaves
/// /usr/local, /opt, /home, /root and /srv to people.
pub fn is_system_path(path: &str) -> bool {
    const PLACES: [&str; 9] =
        ["/bin/", "/sbin/", "/lib/", "/lib32/", "/lib64/", "/libx32/", "/usr/", "/boot/", "/etc/"];
    PLACES.iter().any(|place| path.starts_with(place))
        && !path.starts_with("/usr/local/")
        && !path.starts_with("/usr/src/")
}

/// Returns whether an address is one of the public internet: not private, shared, loopback,
/// link-local, documentation, multicast or unspecified (RFC 6890).
pub fn is_public(address: &str) -> bool {
    match unmapped(address) {
        Some(IpAddr::V4(v4)) => {
            let [a, b, ..] = v4.octets();
            let shared = a == 100 && (64..128).contains(&b);
            let benchmark = a == 198 && (b == 18 || b == 19);
            !(v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_broadcast()
                || v4.is_documentation()
                || v4.is_multicast()
                || shared
                || benchmark
                || a == 0
                || a >= 240)
        }
        // 2000::/3 is what is allocated (RFC 4291); 2001:db8::/32 is documentation.
        Some(IpAddr::V6(v6)) => {
            let [first, second, ..] = v6.segments();
            first & 0xe000 == 0x2000 && !(first == 0x2001 && second == 0xdb8)
        }
        None => false,
    }
}

/// Returns whether an address is loopback.
pub fn is_loopback(address: &str) -> bool {
    unmapped(address).is_some_and(|address| address.is_loopback())
}

fn unmapped(address: &str) -> Option<IpAddr> {
    let address = address.split('%').next().unwrap_or("");
    address.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

fn has_invisible(text: &str) -> bool {
    text.chars().any(|c| c.is_control() || stanch_words::text::is_invisible(c))
}

/// Returns the Levenshtein distance of two texts. Texts longer than 64 characters, and distances
/// above 16, count as 16: names of programs are what is compared.
pub fn edit_distance(a: &str, b: &str) -> i64 {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len() > 64 || b.len() > 64 {
        return 16;
    }
    let mut row: Vec<i64> = (0..).take(b.len().saturating_add(1)).collect();
    for (i, x) in (1_i64..).zip(&a) {
        let mut diagonal = i.saturating_sub(1);
        let mut left = i;
        for (cell, y) in row.iter_mut().skip(1).zip(&b) {
            let replace = diagonal.saturating_add(i64::from(x != y));
            diagonal = *cell;
            left = replace.min(left.saturating_add(1)).min(cell.saturating_add(1));
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = i;
        }
    }
    row.last().copied().unwrap_or(0).min(16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_and_names() {
        assert!(is_temporary("/dev/shm/x") && is_temporary("/memfd:a") && !is_temporary("/tmpx/a"));
        assert!(is_hidden("/usr/bin/.x") && is_hidden("/tmp/.. /a") && !is_hidden("/usr/../bin/a"));
        assert!(is_hidden("/root/.x") && is_hidden("/var/www/.a/b") && is_hidden("/home/u/.../b"));
        assert!(!is_hidden("/root/.cargo/bin/cargo") && !is_hidden("/home/u/p/.venv/bin/python"));
        assert!(!is_hidden("/opt/app/.venv/bin/x") && !is_hidden("/var/lib/jenkins/.m2/x"));
        assert!(!is_hidden("/workspace/.cargo/bin/x") && !is_hidden("/srv/a/.next/b"));
        assert!(is_hidden("/opt/.a/b") && is_hidden("/var/lib/.a/b") && is_hidden("/.a/b"));
        assert!(is_hidden("/home/.a/b") && is_hidden("/opt/a/.x") && is_hidden("/var/tmp/a/.b/c"));
        assert!(is_system_path("/usr/sbin/x") && !is_system_path("/usr/local/bin/x"));
    }

    #[test]
    fn addresses_of_the_internet() {
        for public in ["8.8.8.8", "2a00:1450::1", "::ffff:1.1.1.1"] {
            assert!(is_public(public), "{public}");
        }
        for other in [
            "10.0.0.1",
            "127.0.0.1",
            "169.254.1.1",
            "100.64.0.1",
            "fe80::1%eth0",
            "::",
            "",
            "x",
            "198.51.100.7",
            "2001:db8::1",
            "fd00::1",
        ] {
            assert!(!is_public(other), "{other}");
        }
        assert!(is_loopback("::ffff:127.0.0.2") && is_loopback("::1") && !is_loopback("10.0.0.1"));
    }

    #[test]
    fn distances() {
        for (a, b, distance) in
            [("sshd", "sshd", 0), ("sshd", "ssdh", 2), ("cron", "crond", 1), ("", "ab", 2)]
        {
            assert_eq!(edit_distance(a, b), distance, "{a} {b}");
        }
    }
}
