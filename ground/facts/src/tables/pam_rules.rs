//! How logins are checked: the stacks of PAM.
//!
//! Source: pam.d(5). Vendors keep defaults in /usr/lib/pam.d; a file of the same name in
//! /etc/pam.d takes its place.

use std::collections::HashSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use stanch_machine::{FileKind, limits};
use stanch_words::{Ask, Gap, GapKind, Row, Seen, Value, table_spec, text};

use crate::Host;
use crate::accounts::path_of;
use crate::config_lines::{first_word, numbered};
use crate::reach::Reach;

table_spec! {
    /// Rules of PAM.
    pub static SPEC, col = "pam_rules": Files, "Rules of PAM, one row a line of each service.";
    service Text Index "Service: the file's name, or the first word in /etc/pam.conf.";
    r#type Text Plain "account, auth, password or session; @include for Debian's include line.";
    control Text Plain "required, sufficient, include, … or a bracketed list.";
    module Text Plain "Module, or the name of the service that is included.";
    arguments Text Plain "Arguments of the module.";
    path Text Plain "File.";
    line Integer Plain "Line on which the rule begins, from 1.";
    optional Integer Plain "1 if the type has a dash before it: a missing module is not even logged.";
    include Text Plain "File that this line includes, if it is an include; by name, whether it exists or not.";
}

const PLACES: [&str; 3] = ["/etc/pam.d", "/usr/lib/pam.d", "/usr/etc/pam.d"];

/// Reads every service.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    let mut reach = Reach::new(host, SPEC.name);
    let mut done: HashSet<OsString> = HashSet::new();
    for place in PLACES.map(Path::new) {
        for entry in reach.list(place, seen) {
            if entry.kind == FileKind::Directory || !done.insert(entry.name.clone()) {
                continue;
            }
            let path = place.join(&entry.name);
            if let Some(bytes) = reach.read(&path, limits::CONFIG_FILE, seen) {
                let service = Value::from(Path::new(&entry.name)).to_string();
                parse(&bytes, &path, Some(&service), seen);
            }
        }
    }
    let path = Path::new("/etc/pam.conf");
    if let Some(bytes) = reach.read(path, limits::CONFIG_FILE, seen) {
        parse(&bytes, path, None, seen);
    }
    reach.finish(seen);
}

/// Parses a service's file, or `/etc/pam.conf`, where each line begins with the service. A line
/// that is no rule becomes a gap.
pub fn parse(bytes: &[u8], path: &Path, service: Option<&str>, seen: &mut Seen) {
    let file = Value::from(path);
    let service = service.map(Value::from);
    let mut joined: Vec<u8> = Vec::new();
    let mut begun = None;
    for (number, line) in numbered(bytes) {
        let line = line.split(|&b| b == b'#').next().unwrap_or_default().trim_ascii();
        let first = *begun.get_or_insert(number);
        if let Some(line) = line.strip_suffix(b"\\") {
            joined.extend_from_slice(line);
            joined.push(b' ');
            continue;
        }
        joined.extend_from_slice(line);
        begun = None;
        let text = std::mem::take(&mut joined);
        if text.trim_ascii().is_empty() {
            continue;
        }
        let Some(mut row) = rule(text.trim_ascii(), service.clone()) else {
            let detail = format!("line {first}: not a rule");
            seen.gap(Gap::new(SPEC.name, GapKind::Damaged, detail).at(file.to_string()));
            continue;
        };
        row.put(col::path, file.clone()).put(col::line, first);
        seen.push(row);
    }
    if let Some(first) = begun {
        let detail = format!("line {first}: goes on past the end");
        seen.gap(Gap::new(SPEC.name, GapKind::Damaged, detail).at(file.to_string()));
    }
}

fn rule(text: &[u8], service: Option<Value>) -> Option<Row> {
    let mut row = SPEC.row();
    let text = match service {
        Some(service) => {
            row.put(col::service, service);
            text
        }
        None => {
            let (service, rest) = first_word(text);
            row.put(col::service, service);
            rest
        }
    };
    let (kind, rest) = first_word(text);
    if kind == b"@include" {
        row.put(col::r#type, kind).put(col::module, rest).put(col::include, included(rest));
        return (!rest.is_empty()).then_some(row);
    }
    let (kind, optional) = match kind {
        [b'-', kind @ ..] => (kind, true),
        _ => (kind, false),
    };
    let kind = kind.to_ascii_lowercase();
    if !matches!(&*kind, b"account" | b"auth" | b"password" | b"session") {
        return None;
    }
    let (control, rest) = match rest.iter().position(|&b| b == b']') {
        Some(end) if rest.starts_with(b"[") => rest.split_at_checked(end.saturating_add(1))?,
        _ => first_word(rest),
    };
    let (module, arguments) = first_word(rest);
    if control.is_empty() || module.is_empty() {
        return None;
    }
    row.put(col::r#type, &*kind)
        .put(col::control, control)
        .put(col::module, module)
        .put(col::arguments, arguments)
        .put(col::optional, optional);
    if matches!(control, b"include" | b"substack") {
        row.put(col::include, included(module));
    }
    Some(row)
}

/// Returns the file of an included service: relative to /etc/pam.d.
fn included(name: &[u8]) -> String {
    let path: PathBuf = Path::new("/etc/pam.d").join(path_of(name));
    text::from_bytes(std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use stanch_machine::Pretend;

    use super::*;

    fn lines(seen: &Seen) -> Vec<String> {
        let cells = [
            col::service,
            col::r#type,
            col::control,
            col::module,
            col::arguments,
            col::include,
            col::line,
        ];
        let line = |row: &Row| cells.map(|c| row.get(c).to_string()).join("|");
        seen.rows.iter().map(line).collect()
    }

    #[test]
    fn rules_of_every_form() {
        let mut seen = Seen::default();
        let file =
            b"# sshd\n@include common-auth\nauth [success=1 default=ignore]\tpam_unix.so nullok\n\
            -session optional pam_systemd.so\nauth sufficient pam_exec.so \\\n  quiet /tmp/x # y\n\
            account include system-auth\n";
        parse(file, Path::new("/etc/pam.d/sshd"), Some("sshd"), &mut seen);
        assert_eq!(
            lines(&seen),
            [
                "sshd|@include||common-auth||/etc/pam.d/common-auth|2",
                "sshd|auth|[success=1 default=ignore]|pam_unix.so|nullok||3",
                "sshd|session|optional|pam_systemd.so|||4",
                "sshd|auth|sufficient|pam_exec.so|quiet /tmp/x||5",
                "sshd|account|include|system-auth||/etc/pam.d/system-auth|7",
            ]
        );
        assert_eq!(seen.rows[2].get(col::optional).as_integer(), Some(1));
        assert_eq!(seen.gaps, []);
    }

    #[test]
    fn what_is_no_rule_is_a_gap() {
        let mut seen = Seen::default();
        parse(
            b"hello\nauth\nauth required\nauth [x\xff\nauth a b \\",
            Path::new("/p"),
            Some("s"),
            &mut seen,
        );
        assert_eq!(seen.rows, []);
        let details: Vec<&str> = seen.gaps.iter().map(|gap| &*gap.detail).collect();
        assert_eq!(
            details,
            [
                "line 1: not a rule",
                "line 2: not a rule",
                "line 3: not a rule",
                "line 4: not a rule",
                "line 5: goes on past the end",
            ]
        );
    }

    #[test]
    fn a_file_in_etc_takes_the_place_of_the_vendors() {
        let machine = Pretend::new()
            .file("/etc/pam.d/su", "auth required pam_a.so\n")
            .file("/usr/lib/pam.d/su", "auth required pam_b.so\n")
            .file("/usr/lib/pam.d/login", "auth required pam_c.so\n")
            .file("/etc/pam.conf", "cron auth required pam_d.so\n");
        let mut seen = Seen::default();
        read(&Host::new(Arc::new(machine)), &Ask::all(), &mut seen);
        let found: Vec<String> = seen
            .rows
            .iter()
            .map(|row| [col::service, col::module].map(|c| row.get(c).to_string()).join(" "))
            .collect();
        assert_eq!(found, ["su pam_a.so", "login pam_c.so", "cron pam_d.so"]);
    }
}
