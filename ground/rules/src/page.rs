//! A content page: front matter, prose in both languages, cases.
//!
//! A page is Markdown: TOML between `+++` lines, prose under fixed headings, and cases in fenced
//! blocks. It is at once the rule, its manual page and its test. The format is told in
//! `design/0002-content-pages.md`.

use serde::Deserialize;
use stanch_words::{Both, Class, Level, SubjectKind};

/// Why a page was refused. All that is wrong with a page is told at once.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{page}: {}", complaints.join("; "))]
pub struct PageError {
    /// The page's path below `content/`.
    pub page: String,
    /// Everything that is wrong.
    pub complaints: Vec<String>,
}

/// One page of content.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// Path below `content/`, without `.md` (`signs/processes/deleted-program`).
    pub path: String,
    /// The typed front matter.
    pub front: Front,
    /// Why it matters.
    pub why: Both,
    /// When it is innocent.
    pub innocent_when: Both,
    /// What to do next.
    pub todo: Both,
    /// The page's own tests.
    pub cases: Vec<CaseText>,
}

/// A case as written: its heading and its TOML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseText {
    /// Whether something must be found.
    pub kind: CaseKind,
    /// What the case is about.
    pub name: String,
    /// TOML: `finds = [...]` and rows of tables.
    pub body: String,
}

/// What a case expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaseKind {
    /// The sign must fire.
    Hit,
    /// The sign must stay silent, though it is near.
    Miss,
}

/// The typed front matter of a sign.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Front {
    /// `category.what-is-seen`; never reused.
    pub id: String,
    /// One line, in both languages.
    pub title: Texts,
    /// How grave; a column `level` of the query overrides it row by row.
    pub level: String,
    /// How sure, 0 to 1; a column `confidence` overrides it.
    pub confidence: f64,
    /// The class of sources it rests on.
    pub class: String,
    /// Rows of the catalogue that it covers (`X3`).
    pub catalogue: Vec<String>,
    /// ATT&CK technique ids.
    #[serde(default)]
    pub attack: Vec<String>,
    /// What the finding is about.
    pub subject: SubjectTemplate,
    /// One sentence on what was seen, with `{column}` places.
    pub seen: Texts,
    /// Where it was seen, with `{column}` places.
    pub evidence: EvidenceTemplate,
    /// Commands to go on with, with `{column}` places.
    #[serde(default)]
    pub next: Vec<String>,
    /// The query: one row is one finding.
    pub sql: String,
    /// Why the page is no longer used; a retired page keeps its id.
    #[serde(default)]
    pub retired: Option<String>,
}

/// A text in both languages, as written in TOML.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Texts {
    /// English.
    pub en: String,
    /// Chinese.
    pub zh: String,
}

impl From<Texts> for Both {
    fn from(texts: Texts) -> Self {
        Self::new(texts.en, texts.zh)
    }
}

/// What a finding is about: its kind, and the columns of the query that identify it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubjectTemplate {
    /// A subject kind's name.
    pub kind: String,
    /// Column with the pid.
    #[serde(default)]
    pub pid: Option<String>,
    /// Column with the start ticks.
    #[serde(default)]
    pub start: Option<String>,
    /// Column with the path.
    #[serde(default)]
    pub path: Option<String>,
    /// Column with the name.
    #[serde(default)]
    pub name: Option<String>,
    /// Column with the address.
    #[serde(default)]
    pub address: Option<String>,
    /// Column with the port.
    #[serde(default)]
    pub port: Option<String>,
}

/// Where a finding was seen.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvidenceTemplate {
    /// A path or kernel interface, with `{column}` places.
    pub source: String,
    /// What stood there, with `{column}` places.
    pub excerpt: String,
    /// Column with the line.
    #[serde(default)]
    pub line: Option<String>,
}

impl Front {
    /// Returns the level, mildest if the name is wrong (which [`Page::parse`] refuses).
    pub fn level(&self) -> Level {
        Level::from_name(&self.level).unwrap_or(Level::Info)
    }

    /// Returns the class of sources.
    pub fn class(&self) -> Class {
        Class::from_name(&self.class).unwrap_or(Class::State)
    }

    /// Returns the kind of subject.
    pub fn subject_kind(&self) -> SubjectKind {
        SubjectKind::from_name(&self.subject.kind).unwrap_or(SubjectKind::Host)
    }

    /// Returns the category: the id up to the first dot.
    pub fn category(&self) -> &str {
        self.id.split('.').next().unwrap_or("")
    }
}

/// The headings, in their order: English, then Chinese.
pub const HEADINGS: [(&str, &str); 3] = [
    ("Why it matters", "为什么要紧"),
    ("When it is innocent", "什么情况下无害"),
    ("What to do next", "下一步"),
];

impl Page {
    /// Parses a page. `path` is its place below `content/`, without `.md`.
    ///
    /// # Errors
    /// [`PageError`] with everything that is wrong: front matter, headings, missing prose, ids.
    pub fn parse(path: &str, text: &str) -> Result<Self, PageError> {
        let refuse = |complaints| PageError { page: path.to_owned(), complaints };
        let Some((front, body)) = split_front(text) else {
            return Err(refuse(vec!["no front matter between two `+++` lines".to_owned()]));
        };
        let front: Front = toml::from_str(front)
            .map_err(|error| refuse(vec![format!("front matter: {error}")]))?;
        let mut complaints = complaints_of(&front, path);
        let (sections, cases) = sections(body, &mut complaints);
        let mut prose = |number: usize| {
            let (en, zh) = HEADINGS.get(number).copied().unwrap_or_default();
            let mut one = |heading: &str| {
                let found = sections.iter().find(|(name, _)| name == heading);
                let text = found.map_or("", |(_, text)| text.trim());
                if text.is_empty() {
                    complaints.push(format!("nothing under `## {heading}`"));
                }
                // One sentence a line in the source; flowing text on the page.
                text.split('\n').map(str::trim).collect::<Vec<_>>()
            };
            Both::new(one(en).join(" "), one(zh).join(""))
        };
        let (why, innocent_when, todo) = (prose(0), prose(1), prose(2));
        if front.retired.is_none() {
            for kind in [CaseKind::Hit, CaseKind::Miss] {
                if !cases.iter().any(|case| case.kind == kind) {
                    complaints.push(format!("no {kind:?} case"));
                }
            }
        }
        if !complaints.is_empty() {
            return Err(refuse(complaints));
        }
        Ok(Self { path: path.to_owned(), front, why, innocent_when, todo, cases })
    }
}

fn split_front(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix("+++\n")?.split_once("\n+++\n")
}

fn complaints_of(front: &Front, path: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    let expected = path.strip_prefix("signs/").unwrap_or(path).replace('/', ".");
    if front.id != expected {
        complaints.push(format!("id is `{}`, the path says `{expected}`", front.id));
    }
    if Level::from_name(&front.level).is_none() {
        complaints.push(format!("`{}` is no level", front.level));
    }
    if Class::from_name(&front.class).is_none() {
        complaints.push(format!("`{}` is no class", front.class));
    }
    if SubjectKind::from_name(&front.subject.kind).is_none() {
        complaints.push(format!("`{}` is no kind of subject", front.subject.kind));
    }
    if !(front.confidence > 0.0 && front.confidence <= 1.0) {
        complaints.push(format!("confidence {} is not above 0 and at most 1", front.confidence));
    }
    for (what, texts) in [("title", &front.title), ("seen", &front.seen)] {
        if texts.en.trim().is_empty() || texts.zh.trim().is_empty() {
            complaints.push(format!("{what} is missing in one language"));
        }
    }
    if front.catalogue.is_empty() {
        complaints.push("no row of the catalogue is named".to_owned());
    }
    complaints
}

type Sections = Vec<(String, String)>;

fn sections(body: &str, complaints: &mut Vec<String>) -> (Sections, Vec<CaseText>) {
    let mut sections: Sections = Vec::new();
    let mut cases: Vec<CaseText> = Vec::new();
    let mut in_case = false;
    for line in body.lines() {
        if in_case {
            if line == "```" {
                in_case = false;
            } else if let Some(case) = cases.last_mut() {
                case.body.push_str(line);
                case.body.push('\n');
            }
        } else if let Some(heading) = line.strip_prefix("## ") {
            let known = heading == "Cases"
                || HEADINGS.iter().any(|(en, zh)| heading == *en || heading == *zh);
            if !known {
                complaints.push(format!("unknown heading `## {heading}`"));
            }
            sections.push((heading.to_owned(), String::new()));
        } else if let Some(head) = line.strip_prefix("```case ") {
            in_case = true;
            let (kind, name) = head.split_once(": ").unwrap_or((head, ""));
            let kind = match kind {
                "hit" => CaseKind::Hit,
                "miss" => CaseKind::Miss,
                other => {
                    complaints.push(format!("a case is `hit` or `miss`, not `{other}`"));
                    CaseKind::Hit
                }
            };
            if name.trim().is_empty() {
                complaints.push("a case has no name".to_owned());
            }
            cases.push(CaseText { kind, name: name.to_owned(), body: String::new() });
        } else if let Some((_, text)) = sections.last_mut() {
            text.push_str(line);
            text.push('\n');
        } else if !line.trim().is_empty() {
            complaints.push(format!("text before the first heading: `{line}`"));
        }
    }
    if in_case {
        complaints.push("a case block is not closed".to_owned());
    }
    (sections, cases)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_without_anything_tells_everything_that_is_missing() {
        let error = Page::parse("signs/processes/a", "nothing").unwrap_err();
        assert_eq!(error.to_string(), "signs/processes/a: no front matter between two `+++` lines");
        let text = "+++\nid = \"b\"\ntitle = { en = \"a\", zh = \"\" }\nlevel = \"grave\"\n\
            confidence = 2.0\nclass = \"state\"\ncatalogue = []\nsubject = { kind = \"process\" }\n\
            seen = { en = \"a\", zh = \"b\" }\nevidence = { source = \"a\", excerpt = \"b\" }\n\
            sql = \"SELECT 1\"\n+++\n## Odd\n```case hit: x\n";
        let error = Page::parse("signs/processes/a", text).unwrap_err();
        assert_eq!(error.complaints.len(), 14, "{:#?}", error.complaints);
    }
}
