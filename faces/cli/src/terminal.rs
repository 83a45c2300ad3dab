//! The terminal and the environment: language, width, colour; data to stdout, speech to stderr.

use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write};
use std::path::PathBuf;

use stanch_incident::Desk;
use stanch_view::{Look, Report, documents};
use stanch_wire::json;
use stanch_words::Lang;

/// Where the person sits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terminal {
    look: Look,
    errors: Look,
}

impl Terminal {
    /// Returns the terminal of this process.
    pub(crate) fn of_process(given: &[OsString]) -> Self {
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let locale = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(variable);
        let locale = locale.unwrap_or_default();
        let lang =
            asked_lang(given).unwrap_or_else(|| Lang::from_locale(&locale.to_string_lossy()));
        let plain = variable("NO_COLOR").is_some()
            || variable("TERM").is_some_and(|term| term == "dumb")
            || given.iter().any(|argument| argument == "--no-color");
        let (stdout, stderr) = (io::stdout().is_terminal(), io::stderr().is_terminal());
        let columns = variable("COLUMNS").and_then(|text| text.to_str()?.parse().ok());
        let width = columns.or_else(columns_of_stdout).unwrap_or(80);
        let look = |terminal: bool| Look {
            lang,
            terminal: terminal.then_some(width),
            colour: terminal && !plain,
            all: false,
        };
        Self { look: look(stdout), errors: look(stderr) }
    }

    pub(crate) fn lang(&self) -> Lang {
        self.look.lang
    }

    /// Returns the look of stdout.
    pub(crate) fn look(&self) -> Look {
        self.look
    }

    /// Returns the look of stderr.
    pub(crate) fn errors(&self) -> Look {
        self.errors
    }

    /// Returns where cases lie, and on whose behalf we write to them.
    pub(crate) fn desk(&self, named: Option<PathBuf>) -> Desk {
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let is_root = rustix::process::geteuid().is_root();
        let state = match (is_root, variable("XDG_STATE_HOME"), variable("HOME")) {
            (true, ..) => PathBuf::from("/var/lib"),
            (false, Some(state), _) => PathBuf::from(state),
            (false, None, home) => PathBuf::from(home.unwrap_or_default()).join(".local/state"),
        };
        // Who is root by sudo is a person all the same.
        let who = ["SUDO_USER", "USER", "LOGNAME"].into_iter().find_map(variable);
        let who = who.map(|who| who.to_string_lossy().into_owned());
        // Acts keep where the vault lies, and are taken back from other folders than this one.
        let absolute = |path: PathBuf| std::path::absolute(&path).unwrap_or(path);
        Desk {
            named: named.or_else(|| variable("STANCH_CASE").map(PathBuf::from)).map(absolute),
            cases: state.join("stanch/cases"),
            who: who.unwrap_or_else(|| format!("uid {}", rustix::process::getuid().as_raw())),
            tool: concat!("stanch ", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }

    /// Asks for a word, when somebody is there to type it. Returns nothing if nobody is.
    pub(crate) fn ask(&self, question: &str) -> Option<String> {
        if !io::stdin().is_terminal() {
            return None;
        }
        self.speak(question);
        let mut line = String::new();
        io::stdin().lock().take(256).read_line(&mut line).ok()?;
        Some(line.trim().to_owned())
    }

    /// Writes data to stdout. A reader that has gone away (`| head`) has seen enough.
    pub(crate) fn data(
        &self,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), Box<Report>> {
        let mut out = io::BufWriter::with_capacity(1 << 16, io::stdout().lock());
        let written = write(&mut out).and_then(|()| out.flush());
        // What is left in the buffer after an error is not tried again on drop.
        let _discarded = out.into_parts();
        match written {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(crate::mistakes::not_written(&error).into())
            }
            _ => Ok(()),
        }
    }

    /// Writes text to stdout.
    pub(crate) fn text(&self, text: &str) -> Result<(), Box<Report>> {
        self.data(|out| out.write_all(text.as_bytes()))
    }

    /// Says something on stderr. If nobody can hear it, nothing is lost but the words.
    pub(crate) fn speak(&self, text: &str) {
        let _unheard = io::stderr().lock().write_all(text.as_bytes());
    }

    /// Says why a command did not do what was asked, and returns its exit code.
    pub(crate) fn fail(&self, report: &Report, as_json: bool) -> u8 {
        if as_json {
            let document = documents::error(report, self.look);
            let _reported_below = self.data(|out| json::pretty(out, &document));
        }
        self.speak(&report.text(self.errors));
        report.kind.exit()
    }
}

/// Returns the language of `--lang`, before anything else is understood: help and complaints
/// about the arguments are in it too.
fn asked_lang(given: &[OsString]) -> Option<Lang> {
    let mut asked = None;
    let mut arguments = given.iter().skip(1).take_while(|argument| *argument != "--");
    while let Some(argument) = arguments.next() {
        let value = if argument == "--lang" {
            arguments.next().map(OsString::as_os_str)
        } else {
            argument.to_str().and_then(|text| text.strip_prefix("--lang=")).map(OsStr::new)
        };
        match value.and_then(OsStr::to_str) {
            Some("en") => asked = Some(Lang::En),
            Some("zh") => asked = Some(Lang::Zh),
            _ => {}
        }
    }
    asked
}

fn columns_of_stdout() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    (size.ws_col > 0).then_some(usize::from(size.ws_col))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_found_before_the_arguments_are_understood() {
        let given = |text: &str| text.split(' ').map(OsString::from).collect::<Vec<_>>();
        assert_eq!(asked_lang(&given("stanch --lang zh detect")), Some(Lang::Zh));
        assert_eq!(asked_lang(&given("stanch detect --lang=en --odd")), Some(Lang::En));
        assert_eq!(asked_lang(&given("stanch query -- --lang=zh")), None);
        assert_eq!(asked_lang(&given("stanch --lang fr")), None);
        assert_eq!(asked_lang(&given("stanch --lang")), None);
    }
}
