//! A person at a terminal: types a line when what is shown waits for one.

use std::io::{Read as _, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// How long an answer may take: an upgrade on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A program that believes somebody sits before it.
#[derive(Debug)]
pub struct Terminal {
    child: Child,
    input: Option<ChildStdin>,
    shown: Arc<Mutex<Vec<u8>>>,
    /// How much was shown when the last line was typed.
    seen: usize,
}

impl Terminal {
    /// Starts a program, whose output is read as it comes.
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let input = child.stdin.take();
        let mut output = child.stdout.take().context("the output is a pipe")?;
        let shown = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&shown);
        std::thread::spawn(move || {
            let mut part = [0; 4096];
            while let Ok(length @ 1..) = output.read(&mut part) {
                let part = part.get(..length).unwrap_or_default();
                kept.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(part);
            }
        });
        Ok(Self { child, input, shown, seen: 0 })
    }

    /// Returns what is shown after a place, without the terminal's own commands.
    fn text(&self, from: usize) -> String {
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        without_escapes(&String::from_utf8_lossy(shown.get(from..).unwrap_or_default()))
    }

    /// Waits until what is shown ends in a text, and types what answers it.
    ///
    /// # Errors
    /// When it never does.
    pub fn answer(&mut self, ending: &str, typed: &str) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !self.text(self.seen).ends_with(ending) {
            if Instant::now() > deadline {
                bail!("`{ending}` was never shown before `{typed}`: {}", self.text(self.seen));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.seen = self.shown.lock().unwrap_or_else(PoisonError::into_inner).len();
        let input = self.input.as_mut().context("the terminal is open")?;
        input.write_all(typed.as_bytes())?;
        Ok(input.flush()?)
    }

    /// Waits for the program's end and returns all that was shown.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub fn end(mut self) -> Result<String> {
        drop(self.input.take());
        self.child.wait()?;
        // What was written last is read at once: nobody else holds the pipe's other end.
        std::thread::sleep(Duration::from_millis(200));
        Ok(self.text(0))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _already_gone = self.child.kill();
        let _status = self.child.wait();
    }
}

/// Takes out control sequences (`ESC [ … letter`, ECMA-48), titles of windows (`ESC ] … BEL`) and
/// two-byte escapes.
fn without_escapes(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text.chars();
    while let Some(one) = rest.next() {
        if one != '\u{1b}' {
            plain.push(one);
            continue;
        }
        match rest.next() {
            Some('[') => _ = rest.by_ref().find(|letter| matches!(letter, '@'..='~')),
            Some(']') => _ = rest.by_ref().find(|&letter| letter == '\u{7}'),
            _ => {}
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_is_told_to_do_is_no_text() {
        assert_eq!(
            without_escapes("\u{1b}[?2004hann$ \u{1b}[7m(END)\u{1b}[27m\u{1b}[K"),
            "ann$ (END)"
        );
        assert_eq!(without_escapes("\u{1b}]0;ann@victim: ~\u{7}a\u{1b}="), "a");
    }

    #[test]
    fn a_line_is_typed_when_it_is_waited_for() {
        let script = "printf 'who? '; read who; printf \"$who! why? \"; read why; echo $why";
        let mut terminal = Terminal::start(Command::new("sh").args(["-c", script])).unwrap();
        terminal.answer("who? ", "ann\n").unwrap();
        terminal.answer("why? ", "so\n").unwrap();
        assert_eq!(terminal.end().unwrap(), "who? ann! why? so\n");
    }
}
