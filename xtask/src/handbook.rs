//! The generated pages of the handbook: tables, functions, signs. They are committed, and a law
//! compares them with what would be generated now.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::{Result, anyhow};
use stanch_facts::tables;
use stanch_rules::{Page, functions};
use stanch_view::{Look, texts};
use stanch_words::{Both, Lang, Level, Role, Sees};

use crate::laws::content;
use crate::{House, say};

const MADE: &str = "<!-- Made by `cargo xtask handbook`; change the source, not this page. -->\n";

/// Returns the generated pages: path from the root, and text.
///
/// # Errors
/// If a page of content does not parse.
pub fn pages(house: &House) -> Result<BTreeMap<String, String>> {
    let mut pages = BTreeMap::new();
    for (lang, name) in [(Lang::En, "tables.md"), (Lang::Zh, "tables.zh.md")] {
        pages.insert(format!("handbook/reference/{name}"), tables_page(lang));
    }
    pages.insert("handbook/reference/functions.md".to_owned(), functions_page());
    let mut signs = Vec::new();
    for (path, text) in content::pages(house).filter(|(path, _)| path.starts_with("signs/")) {
        let page = Page::parse(path, text).map_err(|error| anyhow!("{error}"))?;
        if page.front.retired.is_none() {
            signs.push(page);
        }
    }
    for (lang, name) in [(Lang::En, "signs.md"), (Lang::Zh, "signs.zh.md")] {
        pages.insert(format!("handbook/10-signs/{name}"), signs_page(&signs, lang));
    }
    Ok(pages)
}

/// Writes the generated pages.
///
/// # Errors
/// If a page of content does not parse, or a file cannot be written.
pub fn write(house: &House) -> Result<ExitCode> {
    for (path, text) in pages(house)? {
        if house.text(&path) != text {
            house.write(&path, &text)?;
            say(&path);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A `|` would end a cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn tables_page(lang: Lang) -> String {
    let look = Look::plain(lang);
    let mut page = format!("# {}\n\n{MADE}\n", look.say("Tables", "表"));
    page.push_str(look.say(
        "Ask them with `stanch query 'SELECT …'`.\nNames, columns and meanings are osquery's \
         where osquery has the table; further columns are our own.\nA column marked *key* narrows \
         what is read; one marked *required* must be given a value (`WHERE path = '…'`).\nA table \
         read from *files* works on a disk image too (`--root DIR`).\n",
        "用 `stanch query 'SELECT …'` 查询。\nosquery 已有的表，名称、列和含义与其一致；其余的列为本程序\
         所加。\n标有“可缩小范围”的列，给定取值即可少读；标有“必填”的列，查询时必须给定取值\
         （`WHERE path = '…'`）。\n读自文件的表也适用于磁盘映像（`--root DIR`）。\n",
    ));
    for spec in tables::ALL.iter().map(|table| table.spec) {
        let sees = match spec.sees {
            Sees::Live => look.say("Read from the running kernel.", "读自运行中的内核。"),
            Sees::Files => look.say("Read from files.", "读自文件。"),
        };
        let summary = texts::summary(spec, look);
        let _infallible = write!(page, "\n## {}\n\n{summary}\n{sees}\n\n", spec.name);
        page.push_str(look.say("| column | type | meaning |\n", "| 列 | 类型 | 含义 |\n"));
        page.push_str("|---|---|---|\n");
        for column in spec.columns {
            let role = match column.role {
                Role::Plain => "",
                Role::Index => look.say(" (*key*)", "（可缩小范围）"),
                Role::Required => look.say(" (*required*)", "（必填）"),
            };
            let (name, kind) = (column.name, column.kind.name());
            let means = cell(texts::means(spec, column, look));
            let _infallible = writeln!(page, "| `{name}` | {kind}{role} | {means} |");
        }
    }
    page
}

fn functions_page() -> String {
    let mut page = format!("# Functions\n\n{MADE}\n");
    page.push_str(
        "Queries may use these beside SQLite's own.\n\n| function | gives |\n|---|---|\n",
    );
    for (function, gives) in functions::FUNCTIONS {
        let _infallible = writeln!(page, "| `{function}` | {} |", cell(gives));
    }
    page
}

/// The categories in the order of the emergency.
fn categories() -> [(&'static str, Both); 5] {
    [
        ("performance", Both::new("Performance", "性能")),
        ("traffic", Both::new("Traffic", "流量")),
        ("logs", Both::new("Logs and accounts", "日志与账户")),
        ("files", Both::new("Files", "文件")),
        ("processes", Both::new("Processes and kernel", "进程与内核")),
    ]
}

fn level(level: Level, lang: Lang) -> &'static str {
    match (lang, level) {
        (Lang::En, level) => level.name(),
        (Lang::Zh, Level::Info) => "提示",
        (Lang::Zh, Level::Low) => "低",
        (Lang::Zh, Level::Medium) => "中",
        (Lang::Zh, Level::High) => "高",
        (Lang::Zh, Level::Critical) => "严重",
    }
}

fn signs_page(signs: &[Page], lang: Lang) -> String {
    let (title, told, head) = match lang {
        Lang::En => (
            "Signs",
            "Each sign is one page: the query, why it matters, when it is innocent, what to do \
             next, and its own tests.\nThe level is the usual one; a query may raise or lower it \
             row by row.",
            "| sign | level | id |",
        ),
        Lang::Zh => (
            "迹象",
            "每个迹象一页：查询语句、为什么要紧、什么情况下无害、下一步，以及自带的测试。\n\
             表中为通常级别；查询可按行调高或调低。",
            "| 迹象 | 级别 | 编号 |",
        ),
    };
    let mut page = format!("# {title}\n\n{MADE}\n{told}\n");
    for (category, name) in categories() {
        let mut ours: Vec<&Page> =
            signs.iter().filter(|page| page.front.category() == category).collect();
        if ours.is_empty() {
            continue;
        }
        ours.sort_by_key(|page| (std::cmp::Reverse(page.front.level()), page.front.id.clone()));
        let _infallible = write!(page, "\n## {}\n\n{head}\n|---|---|---|\n", name.text(lang));
        for sign in ours {
            let title: Both = sign.front.title.clone().into();
            let _infallible = writeln!(
                page,
                "| [{}](../../content/{}.md) | {} | `{}` |",
                cell(title.text(lang)),
                sign.path,
                level(sign.front.level(), lang),
                sign.front.id
            );
        }
    }
    page
}
