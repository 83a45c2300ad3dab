//! Readers of the formats: bytes become entries.

use std::borrow::Cow;
use std::path::Path;

use stanch_words::{Gap, Row, Seen, Value, text};

use super::{Entry, Form, commands, judge};
use crate::command_text::INTERPRETERS;
use crate::config_lines::{first_word, numbered, split_once};
use crate::tables::{at_jobs, authorized_keys, crontab, pam_rules};

/// Most entries of one file.
const MOST: usize = 10_000;
/// The longest line that is put together, and the longest command with its variables put in.
const LONGEST: usize = 16 << 10;

/// Returns what a file names, and what of it could not be understood.
pub(super) fn entries(form: Form, bytes: &[u8], path: &Path, gaps: &mut Vec<Gap>) -> Vec<Entry> {
    let mut own = Seen::default();
    let user = path.file_name().map(|name| Value::from(Path::new(name)).to_string());
    let user = user.unwrap_or_default();
    let cron = |form, own: &mut Seen| {
        crontab::parse(bytes, path, form, &user, own);
        let mut entries = taken(own, crontab::col::line, |row| cell(row, crontab::col::command));
        entries.extend(cron_environment(bytes));
        entries
    };
    let mut entries = match form {
        Form::Program | Form::Nobody | Form::Foreign | Form::Anything => script(bytes),
        Form::Diversions => diversions(bytes),
        Form::Helper => helper(bytes).into_iter().collect(),
        Form::Lines(words) => lines(words, bytes),
        Form::Unit => units(bytes),
        Form::Apt => apt(bytes),
        Form::Loaders => loaders(bytes),
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
            pam(&own)
        }
    };
    gaps.append(&mut own.gaps);
    entries.truncate(MOST);
    expand(&mut entries, bytes, path);
    entries
}

/// Puts in what a file itself says that a variable holds, and the home for `~`, `$HOME` and `%h`.
fn expand(entries: &mut [Entry], bytes: &[u8], path: &Path) {
    let is_open =
        |entry: &Entry| entry.command.contains(['$', '~']) || entry.command.contains("%h");
    if !entries.iter().any(is_open) {
        return;
    }
    let mut known: Vec<(String, String)> = Vec::new();
    for (_, line) in numbered(bytes) {
        let told = text::from_bytes(line.trim_ascii());
        let told = told.strip_prefix("export ").unwrap_or(&told);
        if let Some((name, value)) = told.split_once('=')
            && known.len() < 64
            && !name.is_empty()
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        {
            known.push((name.to_owned(), value.trim_matches(['"', '\'', ' ']).to_owned()));
        }
    }
    let whole = Value::from(path).to_string();
    // A home's own files lie in it below a name with a dot.
    if let Some((home, _)) = whole.split_once("/.") {
        known.push(("HOME".to_owned(), home.to_owned()));
    }
    for entry in entries.iter_mut().filter(|entry| is_open(entry)) {
        for (name, value) in &known {
            for by in [format!("${{{name}}}"), format!("${name}")] {
                entry.command = entry.command.replace(&by, value);
            }
            if name == "HOME" {
                entry.command = entry.command.replace("~/", &format!("{value}/"));
                entry.command = entry.command.replace("%h/", &format!("{value}/"));
            }
        }
        if entry.command.len() > LONGEST {
            entry.command.clear();
        }
    }
}

/// Settings of a crontab that change what its jobs run.
fn cron_environment(bytes: &[u8]) -> Vec<Entry> {
    let mut entries = loaders(bytes);
    entries.retain(|entry| entry.text.bytes().next().is_some_and(|b| b.is_ascii_uppercase()));
    entries
}

/// Lines that set a variable through which something is loaded or run.
fn loaders(bytes: &[u8]) -> Vec<Entry> {
    let mut entries = Vec::new();
    for (number, line) in numbered(bytes) {
        let line = line.trim_ascii();
        if line.starts_with(b"#") || entries.len() >= MOST {
            continue;
        }
        let told = text::from_bytes(line);
        let mut values = commands::variables(&told);
        if let Some((name, value)) = values.pop() {
            let command = if name == "PATH" { String::new() } else { value };
            entries.push(Entry { line: Some(number), text: told, command, ..Entry::default() });
        }
    }
    entries
}

/// Settings of a unit that run something or hand something on; a shell at a socket is marked.
fn units(bytes: &[u8]) -> Vec<Entry> {
    const WORDS: &[&str] = &["exec", "environment", "passenvironment", "defaultenvironment"];
    let mut entries = lines(WORDS, bytes);
    let lower = bytes.to_ascii_lowercase();
    if memchr::memmem::find(&lower, b"standardinput=socket").is_some() {
        for entry in &mut entries {
            if is_shell(&entry.command) {
                entry.reasons.push(("shell-on-a-socket", 80));
            }
        }
    }
    entries
}

/// Returns whether a command is a bare shell.
pub(super) fn is_shell(command: &str) -> bool {
    let mut words = command.split_whitespace();
    let name = words.next().unwrap_or_default();
    let name = name.rsplit('/').next().unwrap_or_default();
    matches!(name, "sh" | "bash" | "dash" | "zsh" | "ksh" | "ash")
        && words.all(|w| w.starts_with('-') && !w.ends_with('c') || INTERPRETERS.contains(&w))
}

/// Commands of apt.conf(5): what is quoted after a name that ends in `Invoke` and the like, in
/// braces over any number of lines too.
fn apt(bytes: &[u8]) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut depth = 0_usize;
    // How deep the name stands whose commands follow.
    let mut inside: Option<usize> = None;
    for (number, line) in numbered(bytes) {
        let line = line.trim_ascii();
        if line.starts_with(b"//") || line.starts_with(b"#") || entries.len() >= MOST {
            continue;
        }
        let told = text::from_bytes(line);
        let lower = told.to_ascii_lowercase();
        if ["invoke", "pre-install-pkgs"].iter().any(|word| lower.contains(word)) {
            inside = inside.or(Some(depth));
        }
        if inside.is_some() {
            for command in told.split('"').skip(1).step_by(2) {
                let (text, command) = (told.clone(), command.to_owned());
                entries.push(Entry { line: Some(number), text, command, ..Entry::default() });
            }
        }
        depth = depth.saturating_add(told.matches('{').count());
        depth = depth.saturating_sub(told.matches('}').count());
        if inside.is_some_and(|from| depth <= from) && told.contains([';', '}']) {
            inside = None;
        }
    }
    entries
}

/// A program that the kernel starts: behind a bar (core_pattern), or the whole line where it is a
/// path. A pattern for the names of core files starts nothing.
fn helper(bytes: &[u8]) -> Option<Entry> {
    let line = text::from_bytes(bytes.split(|&b| b == b'\n').next()?.trim_ascii());
    let command = line.strip_prefix('|').unwrap_or(&line).trim_start();
    let starts = line.starts_with('|') || command.starts_with('/') && !command.contains('%');
    let entry = || Entry {
        line: Some(1),
        command: command.to_owned(),
        text: line.clone(),
        ..Entry::default()
    };
    (starts && command.starts_with('/')).then(entry)
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
        Entry { line: number(row, line), text: command.clone(), command, ..Entry::default() }
    };
    seen.rows.iter().map(entry).collect()
}

fn at_job(row: &Row) -> Entry {
    let command = cell(row, at_jobs::col::command);
    Entry { text: command.clone(), command, ..Entry::default() }
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
    Entry { line: number(row, authorized_keys::col::line), text, command, ..Entry::default() }
}

/// The rules of a stack; one that lets everybody in before a password is asked for is marked.
fn pam(own: &Seen) -> Vec<Entry> {
    let mut asked = false;
    let mut entries = Vec::new();
    for row in &own.rows {
        let mut entry = rule(row);
        let lower = entry.text.to_ascii_lowercase();
        let is_auth = lower.starts_with("auth") || lower.starts_with("@include");
        if lower.starts_with("auth") && lower.contains("pam_permit") {
            // `sufficient` ends the stack, so does a jump; `required` alone does nothing.
            let ends = lower.contains("sufficient") || lower.contains("[success=");
            if ends {
                entry.reasons.push(("any-password", if asked { 60 } else { 100 }));
            }
        } else {
            let asks = ["pam_unix", "pam_sss", "include", "substack", "pam_ldap", "pam_krb5"];
            asked |= is_auth && asks.iter().any(|word| lower.contains(word));
        }
        entries.push(entry);
    }
    entries
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
        ..Entry::default()
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
            entries.push(Entry {
                line: Some(number),
                command: told.clone(),
                text: told,
                ..Entry::default()
            });
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
            ..Entry::default()
        }),
        _ => None,
    };
    lines.chunks(3).filter_map(local).collect()
}

fn lines(words: &[&str], bytes: &[u8]) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut before: Option<(u64, Vec<u8>)> = None;
    for (number, line) in numbered(bytes) {
        let (number, line) = match before.take() {
            Some((first, mut joined)) => {
                joined.extend_from_slice(line.trim_ascii());
                (first, Cow::Owned(joined))
            }
            None => (number, Cow::Borrowed(line)),
        };
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") || line.starts_with(b";") {
            continue;
        }
        if let Some(open) = line.strip_suffix(b"\\").filter(|open| open.len() < LONGEST) {
            before = Some((number, [open, b" "].concat()));
            continue;
        }
        let told = text::from_bytes(line);
        let lower = told.to_ascii_lowercase();
        if words.is_empty() || words.iter().any(|word| lower.contains(word)) {
            let command = command(line);
            entries.push(Entry { line: Some(number), text: told, command, ..Entry::default() });
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
    if let Some(format) = told.strip_prefix(':') {
        // binfmt.d(5): name, type, offset, magic, mask, interpreter, flags.
        return format.split(':').nth(5).unwrap_or_default().to_owned();
    }
    if let Some((_, program)) = told.split_once(" argv=") {
        return program.to_owned();
    }
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
        // Quoted as a whole: what is quoted is the command (`fsmonitor = "sh -c x"`).
        let inner = value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
        let inner = inner.filter(|inner| !inner.contains(&b'"'));
        return text::from_bytes(inner.unwrap_or(value));
    }
    let start = told.find(['"', '|']).or_else(|| told.find('/'));
    let rest = start.and_then(|start| told.get(start..)).unwrap_or_default();
    rest.trim_matches(['"', '|', ';', ' ']).to_owned()
}
