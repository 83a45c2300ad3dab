//! The ledger: what was seen and done, in order.

use std::path::Path;

use stanch_incident::{Entry, LedgerError};
use stanch_words::{Both, Lang, text};

use crate::texts::system;
use crate::{Look, Report, Sheet, Trouble};

/// Returns the entries, one a line.
pub fn page(path: &Path, entries: &[Entry], look: Look) -> String {
    let mut sheet = Sheet::new(look);
    for entry in entries {
        let about = about(&entry.body, look);
        let (n, what) = (entry.head.n, text::escaped(word(&entry.what, look)));
        let who = text::escaped(&entry.who);
        sheet.prose(0, format!("{n:>5}  {}  {who}  {what}  {about}", entry.time).trim_end());
    }
    sheet.prose(0, &holds(path, entries, look));
    sheet.finish()
}

/// Returns the word for what an entry records; in JSON it is the name itself.
fn word(what: &str, look: Look) -> &str {
    let known = WORDS.iter().find(|(name, _)| *name == what && look.lang == Lang::Zh);
    known.map_or(what, |(_, chinese)| chinese)
}

/// Names of entries, and their Chinese.
const WORDS: &[(&str, &str)] = &[
    ("case.opened", "案件建立"),
    ("note", "人工备注"),
    ("plan.made", "方案制定"),
    ("act.intended", "将要执行"),
    ("act.done", "已执行"),
    ("act.failed", "执行失败并还原"),
    ("undo.intended", "将要撤销"),
    ("undo.done", "已撤销"),
    ("undo.failed", "撤销失败"),
    ("contain.confirm-intended", "将要确认断网"),
    ("contain.confirmed", "断网已确认"),
    ("contain.proved", "断网已验证"),
    ("contain.made-again", "断网规则已重建"),
    ("preserve.begun", "开始保全证据"),
    ("preserve.sealed", "证据已封存"),
    ("backup.made", "数据已备份"),
    ("restore.staged", "快照已恢复到暂存目录"),
    ("vault.purge-intended", "将要清除隔离内容"),
    ("vault.purged", "隔离内容已清除"),
    ("ledger.torn", "残缺行已另存"),
];

/// Returns what a check of the chain gave.
pub fn holds(path: &Path, entries: &[Entry], look: Look) -> String {
    let path = text::escaped(&path.display().to_string());
    let head = entries.last().map_or("", |entry| entry.head.hash.as_str());
    let count = entries.len();
    match look.lang {
        Lang::En => format!(
            "The chain of {count} entries in {path} holds. Its head, to be written down elsewhere: {head}"
        ),
        Lang::Zh => format!("{path} 中 {count} 条记录的链条完整。链头（请另行抄存）：{head}"),
    }
}

/// Returns what is said of a note that was taken.
pub fn noted(number: u64, look: Look) -> String {
    match look.lang {
        Lang::En => format!("It is entry {number} of the case.\n"),
        Lang::Zh => format!("已记入案件，第 {number} 条。\n"),
    }
}

/// Returns the report of a note without words.
pub fn empty_note() -> Report {
    let what = Both::new("a note without words records nothing", "没有文字的备注等于没有记录");
    Report::new(Trouble::WrongUse, what).next(Both::new(
        "stanch ledger note \"disk handed to Li Wei, seal 4711\"",
        "stanch ledger note \"硬盘交李伟，封条 4711\"",
    ))
}

/// Returns what an entry is about: the sentence of its step, or the entry that it ends.
fn about(body: &serde_json::Value, look: Look) -> String {
    let key = if look.lang == Lang::Zh { "zh" } else { "en" };
    let does = body.pointer(&format!("/step/does/{key}")).and_then(|does| does.as_str());
    let intent = body.get("intent").and_then(serde_json::Value::as_u64);
    let said = body.get("text").or_else(|| body.get("file")).and_then(serde_json::Value::as_str);
    match (does.or(said), intent) {
        (Some(does), _) => text::escaped(does),
        (None, Some(intent)) => format!("A-{intent:04}"),
        (None, None) => String::new(),
    }
}

/// Returns whether a ledger may not even be read, so that nobody can say whether it takes a record.
pub(crate) fn is_unreadable(error: &LedgerError) -> bool {
    let LedgerError::Io { doing, source, .. } = error else { return false };
    let reads = ["looking for", "listing", "opening", "reading"];
    source.kind() == std::io::ErrorKind::PermissionDenied
        && reads.iter().any(|verb| doing.starts_with(verb))
}

/// Returns the report of a ledger that cannot be read or does not hold.
pub fn broken(error: &LedgerError) -> Report {
    let because = system::both(&text::chain(error));
    // What may not be read says nothing of what it holds.
    if let LedgerError::Io { source, .. } = error {
        let what = Both::new("the ledger could not be read", "无法读取台账");
        let next = if source.kind() == std::io::ErrorKind::PermissionDenied {
            Both::new(
                "ask again as root, or name another case with `--case DIR`",
                "请以 root 身份重试，或用 `--case DIR` 指定其他案件",
            )
        } else {
            Both::new("name the folder of a case with `--case DIR`", "用 `--case DIR` 指定案件目录")
        };
        return Report::new(Trouble::Refused, what).because(because).next(next);
    }
    Report::new(Trouble::Refused, Both::new("the ledger does not hold", "台账不完整"))
        .because(because)
        .next(Both::new(
            "leave it as it is, keep a copy, and compare with a head kept elsewhere",
            "保持原样并另存副本，与别处抄存的链头比对",
        ))
}

/// Returns the report of there being no case.
pub fn none() -> Report {
    Report::new(Trouble::WrongUse, Both::new("no case is open", "没有打开的案件"))
        .next(Both::new("name its folder with `--case DIR`", "用 `--case DIR` 指定案件目录"))
}
