//! Readers of the formats: bytes become entries.

use std::path::Path;

use stanch_words::{Row, Seen, Value, text};

use super::{Entry, Form, judge};
use crate::config_lines::{first_word, numbered, split_once};
use crate::tables::{at_jobs, authorized_keys, crontab, pam_rules};

/// Most entries of one file.
const MOST: usize = 10_000;

/// Returns what a file names. What is no entry leaves its gap with the format's own table.
pub(super) fn entries(form: Form, bytes: &[u8], path: &Path) -> Vec<Entry> {
    let mut own = Seen::default();
    let user = path.file_name().map(|name| Value::from(Path::new(name)).to_string());
    let user = user.unwrap_or_default();
    let cron = |form, own: &mut Seen| {
        crontab::parse(bytes, path, form, &user, own);
        taken(own, crontab::col::line, |row| cell(row, crontab::col::command))
    };
    let mut entries = match form {
        Form::Program | Form::Nobody | Form::Anything => script(bytes),
        Form::Diversions => diversions(bytes),
        Form::Lines(words) => lines(words, bytes),
        Form::Cron => cron(crontab::Form::System, &mut own),
        Form::CronUser => cron(crontab::Form::User, &mut own),
        Form::Anacron => cron(crontab::Form::Anacron, &mut own),
        Form::AtJob => at_jobs::parse(bytes, path).map(|row| at_job(&row)).into_iter().collect(),
        Form::Keys => {
            authorized_keys::parse(bytes, path, 0, "", &mut own);
            own.rows.iter().map(key).collect()
        }
        Form::Pam => {
            let service = (path != Path::new("/etc/pam.conf")).then_some(&*user);
            pam_rules::parse(bytes, path, service, &mut own);
            own.rows.iter().map(rule).collect()
        }
    };
    entries.truncate(MOST);
    entries
}

fn cell(row: &Row, column: usize) -> String {
    let value = row.get(column);
    if *value == Value::Null { String::new() } else { value.to_string() }
}

fn number(row: &Row, column: usize) -> Option<u64> {
    row.get(column).as_integer().and_then(|line| u64::try_from(line).ok())
}

fn taken(seen: &Seen, line: usize, command: impl Fn(&Row) -> String) -> Vec<Entry> {
    let entry = |row: &Row| {
        let command = command(row);
        Entry { line: number(row, line), text: command.clone(), command }
    };
    seen.rows.iter().map(entry).collect()
}

fn at_job(row: &Row) -> Entry {
    let command = cell(row, at_jobs::col::command);
    Entry { line: None, text: command.clone(), command }
}

/// A key names its fingerprint; a forced command is what it starts.
fn key(row: &Row) -> Entry {
    let options = cell(row, authorized_keys::col::options);
    let forced = options.split_once("command=\"").map(|(_, rest)| rest);
    let command = forced.and_then(|rest| rest.split('"').next()).unwrap_or_default().to_owned();
    let words = [
        options,
        cell(row, authorized_keys::col::algorithm),
        cell(row, authorized_keys::col::fingerprint),
        cell(row, authorized_keys::col::comment),
    ];
    let text = words.iter().filter(|word| !word.is_empty()).cloned().collect::<Vec<_>>().join(" ");
    Entry { line: number(row, authorized_keys::col::line), text, command }
}

/// A rule names its module; of `pam_exec`, what that runs.
fn rule(row: &Row) -> Entry {
    use pam_rules::col;
    let (module, arguments) = (cell(row, col::module), cell(row, col::arguments));
    let words =
        [cell(row, col::r#type), cell(row, col::control), module.clone(), arguments.clone()];
    let runs = module.ends_with("pam_exec.so") || module.ends_with("pam_script.so");
    let command = match () {
        () if runs => arguments.split_whitespace().find(|word| word.starts_with('/')),
        () if module.starts_with('/') => Some(&*module),
        () => None,
    };
    Entry {
        line: number(row, col::line),
        text: words.join(" ").trim_end().to_owned(),
        command: command.unwrap_or_default().to_owned(),
    }
}

/// Lines of a script that run a file by its whole path or tell what they are for.
fn script(bytes: &[u8]) -> Vec<Entry> {
    if bytes.iter().take(4096).any(|&byte| byte == 0) {
        return Vec::new();
    }
    let mut entries = Vec::new();
    let mut goes_on = false;
    let mut is_armoured = false;
    for (number, line) in numbered(bytes) {
        let line = line.trim_ascii();
        if line.ends_with(b"-----") {
            is_armoured = line.starts_with(b"-----BEGIN ");
        }
        // Base64 of a certificate or a key that begins with a slash is no path: lines of 64
        // characters (RFC 7468), 70 in OpenSSH's own form (PROTOCOL.key).
        let is_base64 = |&c: &u8| c.is_ascii_alphanumeric() || matches!(c, b'+' | b'/' | b'=');
        if is_armoured && line.len() <= 76 && line.iter().all(is_base64) {
            continue;
        }
        let told = text::from_bytes(line);
        let begins = !std::mem::replace(&mut goes_on, told.ends_with('\\'));
        if begins && !told.starts_with('#') && judge::is_telling(&told) && entries.len() < MOST {
            entries.push(Entry { line: Some(number), command: told.clone(), text: told });
        }
    }
    entries
}

/// Three lines each: from, to, whose; a colon stands for the administrator (dpkg-divert(1)).
fn diversions(bytes: &[u8]) -> Vec<Entry> {
    let lines: Vec<(u64, &[u8])> = numbered(bytes).collect();
    let local = |three: &[(u64, &[u8])]| match three {
        [(number, from), (_, to), (_, b":")] => Some(Entry {
            line: Some(*number),
            text: format!("{} -> {}", text::from_bytes(from), text::from_bytes(to)),
            command: text::from_bytes(from),
        }),
        _ => None,
    };
    lines.chunks(3).filter_map(local).collect()
}

fn lines(words: &[&str], bytes: &[u8]) -> Vec<Entry> {
    let mut entries = Vec::new();
    for (number, line) in numbered(bytes) {
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") || line.starts_with(b";") {
            continue;
        }
        let told = text::from_bytes(line);
        let lower = told.to_ascii_lowercase();
        if words.is_empty() || words.iter().any(|word| lower.contains(word)) {
            let command = command(line);
            entries.push(Entry { line: Some(number), text: told, command });
        }
        if entries.len() >= MOST {
            break;
        }
    }
    entries
}

/// Returns the command in a line: what follows the last program setting of a udev rule, what
/// follows `=`, or from the first absolute path on.
fn command(line: &[u8]) -> String {
    let told = text::from_bytes(line);
    for mark in ["RUN+=", "RUN=", "PROGRAM==", "PROGRAM=", "IMPORT{program}=", "RUN{program}+="] {
        if let Some((_, rest)) = told.split_once(mark) {
            let quoted = rest.trim_start_matches('=').trim_start();
            return quoted.split('"').nth(1).unwrap_or(quoted).to_owned();
        }
    }
    let value = split_once(line, b'=').map(|(_, value)| value.trim_ascii());
    let is_setting = split_once(line, b'=').is_some_and(|(key, _)| {
        let (_, more) = first_word(key.trim_ascii());
        more.is_empty()
    });
    if let Some(value) = value.filter(|_| is_setting) {
        let mut value = value;
        while let [b'@' | b'-' | b':' | b'+' | b'!' | b'|', rest @ ..] = value {
            value = rest;
        }
        return text::from_bytes(value);
    }
    let start = told.find(['"', '|']).or_else(|| told.find('/'));
    let rest = start.and_then(|start| told.get(start..)).unwrap_or_default();
    rest.trim_matches(['"', '|', ';', ' ']).to_owned()
}
