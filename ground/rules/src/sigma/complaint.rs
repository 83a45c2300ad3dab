//! What is wrong with a rule: where, why, and what helps.

use stanch_words::Both;

/// How much is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Harm {
    /// The rule was not loaded.
    Lost,
    /// The rule was loaded, but nothing that is read here can fire it.
    Idle,
    /// The rule was loaded, but something in it was not taken.
    Odd,
}

/// What is wrong with a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// The file.
    pub file: String,
    /// The line, from 1, where it is known.
    pub line: Option<u64>,
    /// The rule's title, where it is known.
    pub rule: Option<String>,
    /// How much is lost.
    pub harm: Harm,
    /// What is wrong.
    pub why: Both,
    /// What helps.
    pub help: Option<Both>,
}

impl Complaint {
    pub(super) fn lost(file: &str, why: Both) -> Self {
        Self { file: file.to_owned(), line: None, rule: None, harm: Harm::Lost, why, help: None }
    }

    pub(super) fn idle(file: &str, why: Both) -> Self {
        Self { harm: Harm::Idle, ..Self::lost(file, why) }
    }

    pub(super) fn at(mut self, line: Option<u64>) -> Self {
        self.line = line;
        self
    }

    pub(super) fn rule(mut self, title: &str) -> Self {
        self.rule = Some(title.to_owned());
        self
    }

    pub(super) fn help(mut self, en: impl Into<String>, zh: impl Into<String>) -> Self {
        self.help = Some(Both::new(en, zh));
        self
    }

    /// Returns a complaint about a document that the parser did not take, from its words.
    pub(super) fn parser(file: &str, text: &str, first: u64, said: &str) -> Self {
        let line_of = |needle: &str| {
            let at = text.lines().position(|line| line.contains(needle))?;
            u64::try_from(at).ok().map(|at| first.saturating_add(at))
        };
        let quoted = || said.split('\'').nth(1).unwrap_or_default();
        let (line, complaint) = if said.starts_with("Unknown modifier") {
            let name = quoted();
            let why = Both::new(
                format!("`|{name}` is no modifier of Sigma"),
                format!("`|{name}` 不是 Sigma 的修饰符"),
            );
            let near = nearest_modifier(name);
            let complaint = Self::lost(file, why);
            let complaint = match near {
                Some(near) => complaint
                    .help(format!("did you mean `|{near}`?"), format!("是否应为 `|{near}`？")),
                None => complaint.help(
                    "see “Modifiers” of the Sigma specification",
                    "参见 Sigma 规范的“Modifiers”一章",
                ),
            };
            (line_of(&format!("|{name}")), complaint)
        } else if said.starts_with("Missing required field") {
            let name = quoted();
            let why =
                Both::new(format!("the field `{name}` is missing"), format!("缺少字段 `{name}`"));
            let complaint =
                Self::lost(file, why).help(format!("add `{name}:`"), format!("请补上 `{name}:`"));
            (Some(first), complaint)
        } else if said.starts_with("Condition") {
            let complaint = Self::condition(file, text, said);
            (line_of("condition:"), complaint)
        } else {
            let what = if said.starts_with("YAML") { "YAML" } else { "Sigma" };
            let why = Both::new(
                format!("not understood as {what}: {}", one_line(said)),
                format!("无法按 {what} 理解：{}", one_line(said)),
            );
            let told = said.split("line ").nth(1).and_then(|rest| {
                let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
                digits.parse::<u64>().ok()
            });
            let line = told.map(|line| first.saturating_add(line).saturating_sub(1));
            (line.or(Some(first)), Self::lost(file, why))
        };
        complaint.at(line)
    }

    fn condition(file: &str, text: &str, said: &str) -> Self {
        let said = one_line(said);
        let why = Both::new(
            format!("the condition is not understood: {said}"),
            format!("无法理解 condition：{said}"),
        );
        let complaint = Self::lost(file, why);
        let mut conditions = text.lines().filter(|l| l.trim_start().starts_with("condition:"));
        if !conditions.any(|line| line.contains('|')) {
            return complaint;
        }
        complaint.help(
            "counting after `|` is no longer part of Sigma; write a correlation rule",
            "`|` 之后的计数已不属于 Sigma；请改写为关联规则（correlation）",
        )
    }
}

/// The parser's or the engine's own words, in one line.
pub(crate) fn one_line(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    stanch_words::text::shortened(&stanch_words::text::escaped(&line), 300)
}

fn nearest_modifier(name: &str) -> Option<&'static str> {
    const ALL: [&str; 20] = [
        "contains",
        "startswith",
        "endswith",
        "all",
        "re",
        "cidr",
        "base64",
        "base64offset",
        "wide",
        "utf16",
        "utf16le",
        "utf16be",
        "windash",
        "cased",
        "exists",
        "expand",
        "fieldref",
        "gt",
        "lt",
        "neq",
    ];
    let near =
        ALL.into_iter().map(|one| (crate::functions::edit_distance(one, name), one)).min()?;
    (near.0 <= 3).then_some(near.1)
}
