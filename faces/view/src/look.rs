//! Who reads a page, and where: language, width, colour; and the sheet that is written on.

use stanch_words::{Both, Finding, Lang, text};

use crate::{texts, width};

/// The widest that prose gets: longer lines are hard to read.
const PROSE: usize = 96;

/// Who reads a page, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// The language.
    pub lang: Lang,
    /// The terminal's width in cells; none when what is printed is not for a terminal.
    pub terminal: Option<usize>,
    /// Whether colour may be used.
    pub colour: bool,
    /// Whether everything is shown: notes, every subject, every gap.
    pub all: bool,
}

impl Look {
    /// Returns a look for a test or a file: plain, not cut.
    pub fn plain(lang: Lang) -> Self {
        Self { lang, terminal: None, colour: false, all: false }
    }

    /// Returns the width that pages are laid out for.
    pub fn width(self) -> usize {
        self.terminal.unwrap_or(80).clamp(40, PROSE)
    }

    /// Returns what was seen, as a page words it, and what content does in the reader's language.
    pub fn seen(self, finding: &Finding) -> String {
        match self.lang {
            Lang::En => finding.seen.en.to_string(),
            Lang::Zh => texts::seen_in_chinese(finding),
        }
    }

    /// Returns the wording for the reader.
    pub fn say(self, en: &'static str, zh: &'static str) -> &'static str {
        self.say_of(en, zh)
    }

    /// Returns one of two wordings that live as long as each other.
    pub fn say_of<'a>(self, en: &'a str, zh: &'a str) -> &'a str {
        match self.lang {
            Lang::En => en,
            Lang::Zh => zh,
        }
    }

    /// Returns the wording of a text for the reader.
    pub fn text(self, both: &Both) -> &str {
        both.text(self.lang)
    }

    /// Returns text in the colour of a tone, if colour may be used.
    pub fn paint(self, tone: Tone, text: &str) -> String {
        if !self.colour || text.is_empty() {
            return text.to_owned();
        }
        let code = match tone {
            Tone::Grave => "1;31",
            Tone::Odd => "33",
            Tone::Good => "1;32",
            Tone::Strong => "1",
            Tone::Faint => "2",
            Tone::Command => "36",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

/// Returns a machine's name as it may be printed; an image without one still needs a word.
pub(crate) fn host(name: &str, look: Look) -> String {
    match name {
        "" => look.say("the machine", "这台机器").to_owned(),
        name => text::shortened(&text::escaped(name), 64),
    }
}

/// What a colour stands for. It never stands alone: a word says the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Something grave.
    Grave,
    /// Something that a person should look at.
    Odd,
    /// All is well.
    Good,
    /// A heading.
    Strong,
    /// What may be skipped.
    Faint,
    /// What can be typed.
    Command,
}

/// A page while it is written.
#[derive(Clone, Debug)]
pub struct Sheet {
    /// Who reads it.
    pub look: Look,
    out: String,
}

impl Sheet {
    /// Returns an empty page.
    pub fn new(look: Look) -> Self {
        Self { look, out: String::new() }
    }

    /// Returns the finished text.
    pub fn finish(self) -> String {
        self.out
    }

    /// Writes one line as it is.
    pub fn line(&mut self, line: impl AsRef<str>) {
        self.out.push_str(line.as_ref().trim_end());
        self.out.push('\n');
    }

    /// Writes an empty line.
    pub fn blank(&mut self) {
        self.out.push('\n');
    }

    /// Writes a heading with an empty line before it.
    pub fn heading(&mut self, en: &'static str, zh: &'static str) {
        self.blank();
        let heading = self.look.paint(Tone::Strong, self.look.say(en, zh));
        self.line(heading);
    }

    /// Writes flowing text behind an indent.
    pub fn prose(&mut self, indent: usize, text: &str) {
        self.hanging(indent, "", 0, text);
    }

    /// Writes flowing text behind a label: `label` stands in a column of `column` cells, further
    /// lines are indented likewise.
    pub fn hanging(&mut self, indent: usize, label: &str, column: usize, prose: &str) {
        let room = self.look.width().saturating_sub(indent + column).max(20);
        let margin = " ".repeat(indent);
        let mut label = self.look.paint(Tone::Faint, &width::padded(label, column));
        for line in width::wrapped(&text::escaped(prose), room) {
            self.line(format!("{margin}{label}{line}"));
            label = " ".repeat(column);
        }
    }

    /// Writes a command on a line of its own, whole, so that it can be copied.
    pub fn command(&mut self, indent: usize, command: &str) {
        let command = self.look.paint(Tone::Command, &text::escaped(command));
        self.line(format!("{}{command}", " ".repeat(indent)));
    }
}
