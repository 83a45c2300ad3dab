//! Checks the pages of content as they lie in the tree, and puts them in canonical order.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use stanch_facts::tables;
use stanch_rules::{Page, Query, Sign, case};
use stanch_words::{Ask, Seen, TableSpec, Tables};

use crate::laws::content::pages;
use crate::{House, say};

/// The file with every id that was ever given.
pub const IDS: &str = "content/ids.lock";

const IDS_HEAD: &str = "\
# Every id of content that was ever given, in order. `cargo xtask pack --fix` adds new ones.
# A line is never taken out: a page that is no longer used says `retired = \"why\"`.
";

/// The tables' shapes without rows, to check queries against.
struct Shapes;

impl Tables for Shapes {
    fn specs(&self) -> Vec<&'static TableSpec> {
        tables::ALL.iter().map(|table| table.spec).collect()
    }
    fn read(&self, _table: &str, _ask: &Ask) -> Arc<Seen> {
        Arc::default()
    }
}

/// Returns the id that a page's place gives it.
pub fn id_of(path: &str) -> String {
    path.strip_prefix("signs/").unwrap_or(path).replace('/', ".")
}

/// Returns a page in canonical order: no blanks at line ends, single blank lines, one newline at
/// the end.
pub fn in_order(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut blank = true;
    for line in text.lines().map(str::trim_end) {
        if !(line.is_empty() && blank) {
            out.push_str(line);
            out.push('\n');
        }
        blank = line.is_empty();
    }
    if out.ends_with("\n\n") {
        out.pop();
    }
    out
}

/// Checks every page and says every complaint with its file and line.
///
/// # Errors
/// If the query engine does not start.
pub fn check(house: &House) -> Result<ExitCode> {
    let query = Query::open(Arc::new(Shapes))?;
    let (mut count, mut cases, mut wrong) = (0_usize, 0_usize, 0_usize);
    for (path, text) in pages(house) {
        count = count.saturating_add(1);
        let complaints = match Page::parse(path, text) {
            Ok(page) => {
                cases = cases.saturating_add(page.cases.len());
                complaints_of(&Sign::new(page), &query)
            }
            Err(error) => error.complaints,
        };
        for complaint in complaints {
            wrong = wrong.saturating_add(1);
            say(&format!("content/{path}.md:{}: {complaint}", line_of(text, &complaint)));
        }
    }
    say(&format!("{count} pages, {cases} cases, {wrong} complaints"));
    Ok(if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn complaints_of(sign: &Sign, query: &Query) -> Vec<String> {
    if let Err(complaints) = sign.check(query) {
        return complaints;
    }
    let mut complaints = Vec::new();
    for text in &sign.page.cases {
        if let Err(found) = case::run(sign, text, Shapes.specs()) {
            complaints.push(format!("case `{}`: {}", text.name, found.join("; ")));
        }
    }
    complaints
}

/// Returns the line that a complaint is about: the first that holds what it quotes, else the key of
/// the front matter that it names, else the first.
fn line_of(text: &str, complaint: &str) -> usize {
    let find = |part: &str| text.lines().position(|line| line.contains(part));
    let key = |word: &str| {
        let key = format!("{word} = ");
        text.lines().position(|line| line.starts_with(&key))
    };
    let mut quoted = complaint.split('`').skip(1).step_by(2).filter(|part| !part.is_empty());
    let mut words = complaint.split([' ', ':']).filter(|word| !word.is_empty());
    let at = quoted.find_map(find).or_else(|| words.find_map(key));
    at.unwrap_or(0).saturating_add(1)
}

/// Puts pages in order, adds new ids, and checks.
///
/// # Errors
/// If a file cannot be written.
pub fn fix(house: &House) -> Result<ExitCode> {
    for (path, text) in pages(house) {
        let ordered = in_order(text);
        if ordered != text {
            house.write(&format!("content/{path}.md"), &ordered)?;
            say(&format!("content/{path}.md: put in order"));
        }
    }
    let mut ids: Vec<String> = pages(house).map(|(path, _)| id_of(path)).collect();
    let old = house.text(IDS).lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    ids.extend(old.map(str::to_owned));
    ids.sort();
    ids.dedup();
    let text = format!("{IDS_HEAD}{}\n", ids.join("\n"));
    if house.text(IDS) != text {
        house.write(IDS, &text)?;
        say(&format!("{IDS}: {} ids", ids.len()));
    }
    check(house)
}
