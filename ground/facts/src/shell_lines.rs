//! Lines of shell histories as commands with times: what the table and the log reader share.
//!
//! Source: bash(1) "HISTORY" (a line `#seconds` before a command), zshoptions(1)
//! `EXTENDED_HISTORY` (`: seconds:duration;command`) with zsh's metafied bytes (`Src/zsh.h`,
//! `Meta`), fish's history file (`- cmd: …`, `  when: seconds`).

use crate::config_lines::split_once;
use crate::lines::number;

/// How a history is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Lines, with bash's or zsh's times.
    Lines,
    /// The same, with zsh's metafied bytes.
    Zsh,
    /// fish's.
    Fish,
}

/// Histories, relative to the home.
pub const HISTORIES: [(&str, Form); 8] = [
    (".bash_history", Form::Lines),
    (".zsh_history", Form::Zsh),
    (".zhistory", Form::Zsh),
    (".histfile", Form::Zsh),
    (".history", Form::Lines),
    (".sh_history", Form::Lines),
    (".ash_history", Form::Lines),
    (".local/share/fish/fish_history", Form::Fish),
];

/// Returns the form of a history by the last part of its path.
pub(crate) fn form_of(file_name: &str) -> Option<Form> {
    let last = |path: &'static str| path.rsplit('/').next().unwrap_or(path);
    HISTORIES.iter().find(|(path, _)| last(path) == file_name).map(|(_, form)| *form)
}

/// Where a command is passed on: the number of its line, its time (0 if none is told), the text.
pub(crate) type Push<'p> = dyn FnMut(u64, i64, &[u8]) + 'p;

/// Reads a history line by line.
#[derive(Clone, Debug)]
pub(crate) struct ShellLines {
    form: Form,
    /// A time that waits for its command.
    stamp: Option<i64>,
    /// fish's command that waits for its time.
    held: Option<(u64, Vec<u8>)>,
}

impl ShellLines {
    /// Returns a reader for a form.
    pub(crate) fn new(form: Form) -> Self {
        Self { form, stamp: None, held: None }
    }

    /// Reads a line.
    pub(crate) fn line(&mut self, at: u64, line: &[u8], push: &mut Push<'_>) {
        if self.form == Form::Fish {
            return self.fish(at, line, push);
        }
        if self.stamp.is_none() && self.form == Form::Lines {
            self.stamp = bash_time(line);
            if self.stamp.is_some() {
                return;
            }
        }
        let plain = if self.form == Form::Zsh { unmetafied(line) } else { line.into() };
        let (time, command) = match (self.stamp.take(), zsh_time(&plain)) {
            (Some(time), _) => (time, &*plain),
            (None, Some((time, command))) => (time, command),
            (None, None) => (0, &*plain),
        };
        if !command.is_empty() {
            push(at, time, command);
        }
    }

    fn fish(&mut self, at: u64, line: &[u8], push: &mut Push<'_>) {
        if let Some(command) = line.strip_prefix(b"- cmd: ") {
            self.end(push);
            self.held = Some((at, command.to_vec()));
        } else if let Some(time) = line.strip_prefix(b"  when: ") {
            if let Some((at, command)) = self.held.take() {
                push(at, number::<i64>(time).unwrap_or(0), &command);
            }
        } else if !line.starts_with(b"  ") && !line.is_empty() {
            // Not fish's own: written by something else, so shown as it is.
            self.end(push);
            push(at, 0, line);
        }
    }

    /// Passes on what still waits.
    pub(crate) fn end(&mut self, push: &mut Push<'_>) {
        if let Some((at, command)) = self.held.take() {
            push(at, 0, &command);
        }
    }
}

/// Returns the time of `#1700000000`.
pub(crate) fn bash_time(line: &[u8]) -> Option<i64> {
    let digits = line.strip_prefix(b"#")?;
    let all = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    all.then(|| number(digits)).flatten()
}

/// Returns time and command of `: seconds:duration;command`.
pub(crate) fn zsh_time(line: &[u8]) -> Option<(i64, &[u8])> {
    let (times, command) = split_once(line.strip_prefix(b":")?, b';')?;
    let (time, duration) = split_once(times, b':')?;
    let _is_number: u64 = number(duration)?;
    Some((number(time)?, command))
}

/// Undoes zsh's metafication: the byte 0x83 means that the next one had bit 5 turned over.
fn unmetafied(line: &[u8]) -> std::borrow::Cow<'_, [u8]> {
    if !line.contains(&0x83) {
        return line.into();
    }
    let mut bytes = Vec::with_capacity(line.len());
    let mut rest = line.iter();
    while let Some(&byte) = rest.next() {
        match byte {
            0x83 => bytes.extend(rest.next().map(|next| next ^ 0x20)),
            other => bytes.push(other),
        }
    }
    bytes.into()
}
