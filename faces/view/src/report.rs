//! What is said when something did not work: five fields, so that none can be forgotten.

use stanch_words::{Both, GapKind, Lang, text};

use crate::{Look, Tone, texts::system, width};

/// The kind of trouble; it decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The command was not understood, or asks for what is not there.
    WrongUse,
    /// Privilege, consent or a gate stands in the way.
    Refused,
    /// It was begun, failed, and was taken back.
    Undone,
    /// It was begun, failed, and could not be taken back: a person is needed.
    Stuck,
    /// Our own mistake.
    Bug,
}

impl Trouble {
    /// Returns the trouble of what was asked for and could not be read.
    pub fn of_unread(kind: GapKind) -> Self {
        match kind {
            GapKind::Denied | GapKind::Refused => Self::Refused,
            _ => Self::WrongUse,
        }
    }

    /// Returns the name used in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::WrongUse => "wrong-use",
            Self::Refused => "refused",
            Self::Undone => "undone",
            Self::Stuck => "stuck",
            Self::Bug => "bug",
        }
    }

    /// Returns the exit code.
    pub fn exit(self) -> u8 {
        match self {
            Self::WrongUse => 2,
            Self::Refused => 4,
            Self::Undone => 5,
            Self::Stuck => 6,
            Self::Bug => 70,
        }
    }
}

/// What did not work, and in what state the machine is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The kind of trouble.
    pub kind: Trouble,
    /// What happened, not who is to blame.
    pub what: Both,
    /// Why; lines after the first are shown as they are (a query and a caret under it).
    pub because: Option<Both>,
    /// In what state the machine is now.
    pub left_as: Both,
    /// What to do next: a command whenever there is one.
    pub next: Option<Both>,
}

impl Report {
    /// Returns a report of something that changed nothing.
    pub fn new(kind: Trouble, what: Both) -> Self {
        let left_as = Both::new("nothing was changed", "没有改动任何东西");
        Self { kind, what, because: None, left_as, next: None }
    }

    /// Adds why.
    #[must_use]
    pub fn because(mut self, because: Both) -> Self {
        self.because = Some(because);
        self
    }

    /// Adds why, in the system's own words.
    #[must_use]
    pub fn because_of(self, detail: &str) -> Self {
        self.because(system::both(detail))
    }

    /// Adds what to do next.
    #[must_use]
    pub fn next(mut self, next: Both) -> Self {
        self.next = Some(next);
        self
    }

    /// Returns the report as text for a terminal.
    pub fn text(&self, look: Look) -> String {
        let labels = match look.lang {
            Lang::En => ["error: ", "because: ", "left as: ", "next:    "],
            Lang::Zh => ["错误：", "原因：", "现状：", "下一步："],
        };
        let [error, because, left_as, next] = labels;
        let mut out = look.paint(Tone::Grave, error);
        push(&mut out, look.text(&self.what), "");
        let fields = [
            (because, self.because.as_ref()),
            (left_as, Some(&self.left_as)),
            (next, self.next.as_ref()),
        ];
        for (label, field) in fields {
            let Some(field) = field else { continue };
            let column = if look.lang == Lang::Zh { 8 } else { 9 };
            let label = width::padded(label, column);
            out.push_str("  ");
            out.push_str(&look.paint(Tone::Faint, &label));
            push(&mut out, look.text(field), &" ".repeat(column + 2));
        }
        out
    }
}

/// Adds lines, each after the first behind a margin; what the machine said is escaped.
fn push(out: &mut String, lines: &str, margin: &str) {
    for (number, line) in lines.split('\n').enumerate() {
        if number > 0 {
            out.push_str(margin);
        }
        out.push_str(&text::escaped(line));
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_says_in_what_state_the_machine_is_in_both_languages() {
        let report = Report::new(Trouble::WrongUse, Both::new("no `\u{1b}[2J`", "没有 `x`"))
            .because(Both::new("it is\n^ here", "原来\n^ 这里"))
            .next(Both::new("stanch help", "stanch help"));
        assert_eq!(
            report.text(Look::plain(Lang::En)),
            "error: no `\\u{1b}[2J`\n  because: it is\n           ^ here\n  \
             left as: nothing was changed\n  next:    stanch help\n"
        );
        assert_eq!(
            report.text(Look::plain(Lang::Zh)),
            "错误：没有 `x`\n  原因：  原来\n          ^ 这里\n  现状：  没有改动任何东西\n  \
             下一步：stanch help\n"
        );
    }
}
