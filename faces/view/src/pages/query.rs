//! The answer of a query, what it missed, and what is wrong with it.

use std::collections::BTreeMap;

use stanch_incident::Answer;
use stanch_words::{Both, Gap, GapKind, Lang, TableSpec, text};

use crate::texts::system;
use crate::{Look, Report, Trouble, grid, suggest, width};

/// Returns the rows as text.
pub fn page(answer: &Answer, look: Look) -> String {
    grid::grid(&answer.columns, &answer.rows, look)
}

/// Returns why something could not be seen, with the system's own words where there are some.
pub fn why(gap: &Gap, look: Look) -> String {
    let kind = gap.kind.text();
    let kind = look.text(&kind);
    if gap.detail.is_empty() {
        return kind.to_owned();
    }
    let detail = system::said(&gap.detail, look.lang);
    match look.lang {
        Lang::En => format!("{kind} ({detail})"),
        Lang::Zh => format!("{kind}（{detail}）"),
    }
}

/// Returns the name of the table that a gap is in; files that many tables share belong to none.
pub fn what(gap: &Gap, look: Look) -> &str {
    match gap.what.as_str() {
        "" => look.say("files of many tables", "多表共用的文件"),
        "backup" => look.say("backup", "备份"),
        "restore" => look.say("restore", "恢复"),
        what => what,
    }
}

/// Returns what the answer may miss, for stderr: one line a table and kind of gap.
pub fn missed(gaps: &[Gap], look: Look) -> String {
    let mut folded: BTreeMap<(&str, GapKind), Vec<&Gap>> = BTreeMap::new();
    for gap in gaps {
        folded.entry((what(gap, look), gap.kind)).or_default().push(gap);
    }
    let mut out = String::new();
    for ((what, kind), gaps) in folded {
        let kind = kind.text();
        let first = gaps.iter().find_map(|gap| gap.path.as_deref()).unwrap_or_default();
        let first = text::shortened(&text::escaped(first), 60);
        let line = match (look.lang, gaps.len(), first.is_empty()) {
            (Lang::En, _, true) => format!("gap: {what}: {}", kind.en),
            (Lang::En, 1, false) => {
                format!("gap: {what}: {first}: {}", alone(&gaps, kind.en.as_str(), look))
            }
            (Lang::En, count, false) => {
                format!("gap: {what}: {first} and {} more: {}", count - 1, kind.en)
            }
            (Lang::Zh, _, true) => format!("盲区：{what}：{}", kind.zh),
            (Lang::Zh, 1, false) => {
                format!("盲区：{what}：{first}：{}", alone(&gaps, kind.zh.as_str(), look))
            }
            (Lang::Zh, count, false) => {
                format!("盲区：{what}：{first} 等 {count} 处：{}", kind.zh)
            }
        };
        out.push_str(&line);
        out.push('\n');
    }
    out
}

/// Returns why a single gap is there; a refusal that everybody knows needs no further words.
fn alone(gaps: &[&Gap], kind: &str, look: Look) -> String {
    match gaps {
        [gap] if gap.kind != GapKind::Denied => text::escaped(&why(gap, look)),
        _ => kind.to_owned(),
    }
}

/// Returns the report of a query that SQLite refuses: what is wrong, the place, the nearest name.
pub fn refused(sql: &str, message: &str, offset: Option<usize>, tables: &[&TableSpec]) -> Report {
    let wrong = Wrong::of(message);
    let offset = offset.or_else(|| sql.find(wrong.name()?));
    let mut report = Report::new(Trouble::WrongUse, wrong.text());
    if let Some(pointed) = offset.and_then(|offset| pointed(sql, offset)) {
        report = report.because(Both::new(pointed.clone(), pointed));
    }
    let next = match wrong {
        Wrong::Table(table) => near_table(table, tables),
        Wrong::Column(column) => near_column(sql, column, tables),
        Wrong::Syntax(word) => near_keyword(word),
        Wrong::NotAllowed | Wrong::Empty => Some(Both::new(
            "a query begins with `SELECT` or `WITH`",
            "查询以 `SELECT` 或 `WITH` 开头",
        )),
        Wrong::Unkeyed { table, .. } => Some(Both::new(
            format!("`stanch facts {table}` lists its columns"),
            format!("`stanch facts {table}` 列出它的各列"),
        )),
        Wrong::Several => Some(Both::new("ask one at a time", "每次只问一条")),
        Wrong::Other(_) => None,
    };
    report.next(next.unwrap_or_else(|| {
        Both::new("`stanch facts` lists the tables", "`stanch facts` 列出所有表")
    }))
}

/// What is wrong with a query, out of SQLite's message.
#[derive(Clone, Copy, Debug)]
enum Wrong<'a> {
    Table(&'a str),
    Column(&'a str),
    Syntax(&'a str),
    NotAllowed,
    /// A table that is only read for given values, and the columns that take them.
    Unkeyed {
        table: &'a str,
        columns: &'a str,
    },
    Empty,
    Several,
    Other(&'a str),
}

impl<'a> Wrong<'a> {
    fn of(message: &'a str) -> Self {
        if let Some(table) = message.strip_prefix("no such table: ") {
            Self::Table(table)
        } else if let Some(column) = message.strip_prefix("no such column: ") {
            // SQLite adds a hint when the name stands in double quotes.
            let column = column.split(" - should this").next().unwrap_or(column);
            Self::Column(column.trim_matches('"'))
        } else if let Some(word) =
            message.strip_prefix("near \"").and_then(|m| m.strip_suffix("\": syntax error"))
        {
            Self::Syntax(word)
        } else if let Some((table, columns)) = unkeyed(message) {
            Self::Unkeyed { table, columns }
        } else if ["not authorized", "prohibited", "may not be modified"]
            .iter()
            .any(|said| message.contains(said))
        {
            Self::NotAllowed
        } else if message.starts_with("SQL is empty") || message.starts_with("not an error") {
            Self::Empty
        } else if message.starts_with("Multiple statements") {
            Self::Several
        } else {
            Self::Other(message)
        }
    }

    /// Returns the word that is wrong, to look for it in the query.
    fn name(self) -> Option<&'a str> {
        match self {
            Self::Table(name) | Self::Column(name) | Self::Syntax(name) => Some(name),
            Self::NotAllowed
            | Self::Unkeyed { .. }
            | Self::Empty
            | Self::Several
            | Self::Other(_) => None,
        }
    }

    fn text(self) -> Both {
        match self {
            Self::Table(name) => {
                Both::new(format!("there is no table `{name}`"), format!("没有 `{name}` 这张表"))
            }
            Self::Column(name) => {
                Both::new(format!("there is no column `{name}`"), format!("没有 `{name}` 这一列"))
            }
            Self::Syntax(word) => Both::new(
                format!("the query is not SQL from `{word}` on"),
                format!("查询从 `{word}` 起不合 SQL 语法"),
            ),
            Self::NotAllowed => Both::new(
                "a query only reads: it changes, attaches and sets nothing",
                "查询只能读取，不能修改、挂接或设置",
            ),
            Self::Unkeyed { table, columns } => Both::new(
                format!(
                    "`{table}` cannot be read whole: give {columns} a value, by =, IN, LIKE or a join"
                ),
                format!(
                    "`{table}` 不能整张读取：请用 =、IN、LIKE 或连接给定 {} 的值",
                    columns.replace(" or ", " 或 ")
                ),
            ),
            Self::Empty => Both::new("the query is empty", "查询为空"),
            Self::Several => Both::new("there is more than one query", "查询不止一条"),
            Self::Other(message) => Both::new(
                format!("the query could not be answered: {message}"),
                format!("无法执行该查询：{message}"),
            ),
        }
    }
}

/// Returns the table and the columns of the message that a table cannot be read whole.
fn unkeyed(message: &str) -> Option<(&str, &str)> {
    let (table, rest) = message.strip_prefix("table `")?.split_once("` cannot be read whole: ")?;
    let columns = rest.strip_prefix("give a value for ")?.split(" (").next()?;
    Some((table, columns))
}

/// Words that a query is made of, for who mistypes one.
const KEYWORDS: [&str; 16] = [
    "SELECT", "FROM", "WHERE", "GROUP", "ORDER", "BY", "LIMIT", "JOIN", "LEFT", "USING", "HAVING",
    "UNION", "WITH", "DISTINCT", "BETWEEN", "AND",
];

fn near_keyword(word: &str) -> Option<Both> {
    let near = suggest::nearest(word, KEYWORDS)?;
    (!near.eq_ignore_ascii_case(word))
        .then(|| Both::new(format!("did you mean `{near}`?"), format!("是否想用 `{near}`？")))
}

fn near_table(table: &str, tables: &[&TableSpec]) -> Option<Both> {
    let near = suggest::nearest(table, tables.iter().map(|spec| spec.name))?;
    Some(Both::new(
        format!("did you mean `{near}`? `stanch facts` lists the tables"),
        format!("是否想用 `{near}`？`stanch facts` 列出所有表"),
    ))
}

fn near_column(sql: &str, column: &str, tables: &[&TableSpec]) -> Option<Both> {
    let words: Vec<&str> = sql.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    let column = column.rsplit('.').next().unwrap_or(column).trim_matches('"');
    let named: Vec<&&TableSpec> = tables
        .iter()
        .filter(|spec| words.iter().any(|word| word.eq_ignore_ascii_case(spec.name)))
        .collect();
    let columns = named.iter().flat_map(|spec| spec.columns).map(|column| column.name);
    let list = named
        .first()
        .map_or_else(|| "stanch facts".to_owned(), |spec| format!("stanch facts {}", spec.name));
    Some(match suggest::nearest(column, columns) {
        Some(near) => Both::new(
            format!("did you mean `{near}`? `{list}` lists the columns"),
            format!("是否想用 `{near}`？`{list}` 列出各列"),
        ),
        None => Both::new(format!("`{list}` lists the columns"), format!("`{list}` 列出各列")),
    })
}

/// Returns the line of the query that is wrong, and a caret under the place.
fn pointed(sql: &str, offset: usize) -> Option<String> {
    let (before, after) = sql.split_at_checked(offset)?;
    let head = before.rsplit('\n').next().unwrap_or(before);
    let tail = after.split('\n').next().unwrap_or(after);
    // Long queries show the neighbourhood.
    let skip = head.chars().count().saturating_sub(50);
    let head: String = head.chars().skip(skip).collect();
    let (head, tail) = (text::escaped(&head), text::escaped(tail));
    let tail = text::shortened(&tail, 40);
    let caret = " ".repeat(width::of(&head));
    Some(format!("{head}{tail}\n{caret}^"))
}
