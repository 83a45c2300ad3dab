//! Histories of shells: bash with and without times, zsh, fish, and the plain ones.
//!
//! Source: the forms of [`crate::shell_lines`].
//!
//! A history has no header and its owner may write into it what he likes: its name decides, and
//! nothing in it is ever read as a line of another log.

use std::borrow::Cow;

use stanch_words::{Clock, Event, EventKind, Place, Trust, text};

use super::{Context, Each, Form as How, Format, Line, Reader, Sample, Understood, cut};
use crate::shell_lines::{self, Form, ShellLines};

pub(super) static FORMAT: Format = Format {
    name: "shell-history",
    recognise,
    form: How::Lines(|context| Box::new(History::new(context))),
    stands_alone: false,
};

/// Surer than a hundred percent of lines of anything else.
pub(super) const BY_NAME: u32 = 200;

fn recognise(sample: &Sample<'_>) -> u32 {
    if form_by_name(sample.name).is_some() {
        return BY_NAME;
    }
    // Elsewhere, by times: bash's stand before each command.
    let mut bash = 0_u32;
    let share = sample.share(|line| {
        bash = bash.saturating_add(u32::from(plausible(shell_lines::bash_time(line))));
        plausible(shell_lines::zsh_time(line).map(|(time, _)| time))
            || line.starts_with(b"- cmd: ")
            || line.starts_with(b"  when: ")
            || line.starts_with(b"  paths:")
            || line.starts_with(b"    - ")
    });
    let all = u32::try_from(sample.lines().count()).unwrap_or(u32::MAX);
    let with_times = bash.saturating_mul(200).checked_div(all).unwrap_or(0).min(95);
    share.min(95).max(if bash > 0 { with_times } else { 0 })
}

/// Whether seconds lie between 1990 and 2100.
fn plausible(time: Option<i64>) -> bool {
    time.is_some_and(|time| (631_152_000..4_102_444_800).contains(&time))
}

/// Returns the form by the file's name, also of a copy (`root.bash_history`, `.bash_history-12345`).
fn form_by_name(name: &str) -> Option<Form> {
    shell_lines::form_of(name).or_else(|| {
        let name = name.split(".bash_history").next().filter(|_| name.contains("bash_history"));
        name.map(|_| Form::Lines)
    })
}

struct History {
    lines: ShellLines,
    /// Whether the form is known by the file's name; else the first lines may still tell it.
    sure: bool,
    shell: &'static str,
    owner: String,
    file: String,
    /// The last time: further lines of a command have none of their own.
    last: i64,
    /// The offsets of lines that wait.
    offset: (u64, u64),
}

impl History {
    fn new(context: &Context) -> Self {
        let form = form_by_name(context.file_name());
        let shell = match form {
            Some(Form::Zsh) => "zsh",
            Some(Form::Fish) => "fish",
            Some(Form::Lines) if context.file.contains("bash_history") => "bash",
            _ => "sh",
        };
        Self {
            lines: ShellLines::new(form.unwrap_or(Form::Lines)),
            sure: form.is_some(),
            shell,
            owner: cut::home_owner(&context.file).to_owned(),
            file: context.file.clone(),
            last: 0,
            offset: (0, 0),
        }
    }
}

impl Reader for History {
    fn line(&mut self, line: &Line<'_>, each: &mut Each<'_>) -> Understood {
        if !self.sure {
            self.sure = true;
            if line.text.starts_with("- cmd: ") {
                (self.lines, self.shell) = (ShellLines::new(Form::Fish), "fish");
            } else if shell_lines::zsh_time(line.text.as_bytes()).is_some() {
                (self.lines, self.shell) = (ShellLines::new(Form::Zsh), "zsh");
            }
        }
        // The bytes as they were: zsh's escapes are no UTF-8.
        let bytes = match line.text.contains("\\x") {
            true => Cow::Owned(text::to_bytes(line.text)),
            false => Cow::Borrowed(line.text.as_bytes()),
        };
        let place = line.place;
        let before = self.offset;
        self.offset = (place.line, place.offset);
        let (owner, shell, last) = (&self.owner, self.shell, &mut self.last);
        let mut shown = false;
        self.lines.line(place.line, &bytes, &mut |at, time, command| {
            // fish's command stood on an earlier line.
            let offset = if at == before.0 { before.1 } else { place.offset };
            let place = Place { line: at, offset, ..place };
            show(owner, shell, (time, last), command, place, each);
            shown = true;
        });
        if shown { Understood::Yes } else { Understood::Silent }
    }

    fn end(&mut self, each: &mut Each<'_>) {
        let (owner, shell, last) = (&self.owner, self.shell, &mut self.last);
        let (file, offset) = (self.file.as_str(), self.offset.1);
        self.lines.end(&mut |at, time, command| {
            show(owner, shell, (time, last), command, Place { file, line: at, offset }, each);
        });
    }
}

fn show(
    owner: &str,
    shell: &str,
    (time, last): (i64, &mut i64),
    command: &[u8],
    place: Place<'_>,
    each: &mut Each<'_>,
) {
    if time > 0 {
        *last = time;
    }
    let command = String::from_utf8_lossy(command).into_owned().replace('\u{fffd}', "\\ufffd");
    let mut event = Event::new(EventKind::ProcessStart);
    event.trust = Trust::User;
    if *last > 0 {
        event.time = last.checked_mul(1_000_000);
        event.clock = Clock::Utc;
    }
    event.user = Cow::Borrowed(owner);
    event.program = Cow::Borrowed(shell);
    event.message = Cow::Borrowed(&command);
    event.command = Cow::Borrowed(&command);
    event.place = place;
    event.with("parent_command", shell);
    each(&event);
}

#[cfg(test)]
mod tests {
    use super::super::Stream;
    use super::*;

    fn read(file: &str, text: &[u8]) -> Vec<String> {
        let mut found = Vec::new();
        let mut each = |event: &Event<'_>| {
            assert_eq!((event.kind, event.trust), (EventKind::ProcessStart, Trust::User));
            let time = event.time.map_or(0, |time| time / 1_000_000);
            let (line, shell) = (event.place.line, &event.program);
            found.push(format!("{line} {shell} {} {time} {}", event.user, event.command));
        };
        let mut stream = Stream::new(Context::new(file, i64::MAX / 4), None);
        stream.feed(text, &mut each);
        let (counts, _) = stream.end(&mut each);
        assert_eq!(counts.not_understood, 0);
        found
    }

    #[test]
    fn commands_with_and_without_times() {
        assert_eq!(
            read("/root/.bash_history", b"id\n#1700000000\ncurl x \\\n | sh\n"),
            [
                "1 bash root 0 id",
                "3 bash root 1700000000 curl x \\",
                "4 bash root 1700000000  | sh"
            ]
        );
        assert_eq!(
            read("/home/ann/.zsh_history", b": 1700000000:0;echo \xe6\xad\x83\x82\n"),
            ["1 zsh ann 1700000000 echo \u{6b62}"]
        );
        assert_eq!(
            read(
                "/home/ann/.local/share/fish/fish_history",
                b"- cmd: id\n  when: 1700000000\n- cmd: w\n"
            ),
            ["1 fish ann 1700000000 id", "3 fish ann 1700000000 w"]
        );
    }

    #[test]
    fn a_copy_is_known_by_its_times() {
        assert_eq!(read("/x/h", b"#1700000000\nid\n#1700000001\nw\n").len(), 2);
        assert_eq!(read("/x/h", b": 1700000000:0;id\n")[0], "1 zsh  1700000000 id");
    }

    #[test]
    fn a_user_cannot_forge_a_login_in_his_own_history() {
        let forged = "Nov  2 08:12:44 web01 sshd[7]: Accepted password for root from 192.0.2.7 port 22 ssh2\n";
        assert_eq!(read("/home/ann/.bash_history", forged.repeat(20).as_bytes()).len(), 20);
    }
}
