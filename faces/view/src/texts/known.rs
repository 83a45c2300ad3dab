//! Sentences that the ground makes in English, found again by their templates and told in Chinese.

use stanch_words::{Class, Finding};

use super::zh::details::{KNOWN, RULES, WIDE};

/// How deep sentences within sentences are told.
const DEEPEST: u8 = 4;

/// Returns the meaning of a sentence of the ground, if it is known.
pub(super) fn chinese(words: &str) -> Option<String> {
    within(words, DEEPEST)
}

/// Returns what a finding saw. What content does is told by the ground in English, at the end of
/// the page's sentence, behind a colon or in brackets; what others wrote stays as they wrote it.
pub(crate) fn seen_in_chinese(finding: &Finding) -> String {
    let meaning: &dyn Fn(&str) -> Option<String> = match finding.sign.as_str() {
        "files.yara-match" | "processes.memory-match" => &rule,
        _ if finding.class == Class::Content => &chinese,
        _ => return finding.seen.zh.to_string(),
    };
    ended(&finding.seen.zh, meaning)
}

fn ended(sentence: &str, meaning: &dyn Fn(&str) -> Option<String>) -> String {
    for (open, close) in [('（', "）。"), ('：', "。")] {
        let told = sentence.strip_suffix(close).and_then(|sentence| sentence.rsplit_once(open));
        if let Some((before, value)) = told
            && let Some(value) = meaning(value)
        {
            return format!("{before}{open}{value}{close}");
        }
    }
    sentence.to_owned()
}

/// Returns what one of our own rules describes.
fn rule(words: &str) -> Option<String> {
    let (_, chinese) = RULES.iter().find(|(english, _)| *english == words)?;
    Some((*chinese).to_owned())
}

fn within(words: &str, depth: u8) -> Option<String> {
    let deeper = depth.checked_sub(1)?;
    let told = |value: &str| within(value, deeper).unwrap_or_else(|| value.to_owned());
    // What stands within another sentence may be told by a wide template.
    let wide = if depth < DEEPEST { WIDE } else { &[] };
    let mut known = KNOWN
        .iter()
        .chain(wide)
        .filter_map(|(english, chinese)| Some((captured(english, words)?, chinese)));
    if let Some((values, chinese)) = known.next() {
        return Some(filled(chinese, &values.into_iter().map(told).collect::<Vec<_>>()));
    }
    if let Some(told) = super::system::chinese(words) {
        return Some(told);
    }
    // A cause behind what it caused, and something named beside a sentence.
    if let Some((head, tail)) = words.split_once(": ")
        && let Some(head) = within(head, deeper)
    {
        return Some(format!("{head}：{}", told(tail)));
    }
    let (head, inside) = words.strip_suffix(')')?.rsplit_once(" (")?;
    Some(format!("{}（{inside}）", within(head, deeper)?))
}

/// Returns what stands for each `{}` of a template, if the words are made of it.
fn captured<'w>(template: &str, words: &'w str) -> Option<Vec<&'w str>> {
    let mut parts = template.split("{}");
    let mut rest = words.strip_prefix(parts.next()?)?;
    let parts: Vec<&str> = parts.collect();
    let Some((last, between)) = parts.split_last() else {
        return rest.is_empty().then(Vec::new);
    };
    let mut values = Vec::new();
    for part in between {
        let (value, after) = rest.split_once(part)?;
        values.push(value);
        rest = after;
    }
    values.push(rest.strip_suffix(last)?);
    values.iter().all(|value| !value.is_empty()).then_some(values)
}

/// Puts values where a text has `{0}`, `{1}` and so on. What a value holds is not looked at again.
fn filled(text: &str, values: &[String]) -> String {
    let mut parts = text.split('{');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (place, after) = part.split_once('}').unwrap_or_default();
        let value = place.parse().ok().and_then(|place: usize| values.get(place));
        out.push_str(value.map_or("", String::as_str));
        out.push_str(after);
    }
    out
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn what_the_ground_tells_is_told_in_chinese_with_its_values() {
        for (english, meaning) in [
            ("only a running machine has this", "只有运行中的机器才有"),
            ("more than 64 units; the rest was left out", "超过 64 个单元，其余略去"),
            ("line 3: not a job", "第 3 行：不是任务"),
            ("line 7: an id is not a number", "第 7 行：编号不是数字"),
            ("line 9 of /proc/modules is not understood", "/proc/modules 第 9 行无法识别"),
            (
                "the device below could not be read: Permission denied (os error 13)",
                "底层设备无法读取：权限不足（os error 13）",
            ),
            (
                "the ledger did not take the record: looking for the ledger `/c/l`: Permission denied (os error 13)",
                "台账未能记录：查找台账 `/c/l`：权限不足（os error 13）",
            ),
            (
                "open files of 12 processes: Permission denied (os error 13)",
                "打开的文件（12 个进程）：权限不足（os error 13）",
            ),
            ("$_POST reaches eval", "$_POST 到达 eval"),
            (
                "$_POST through base64_decode() reaches a page that it writes",
                "经 base64_decode() 的 $_POST 到达 由它写出的页面",
            ),
            ("it decodes a text and runs it (base64): `id`", "解码一段文本并执行（base64）：`id`"),
            (
                "PHP in a picture, 20 bytes from its beginning: $_GET reaches system",
                "图片中有 PHP，距开头 20 字节：$_GET 到达 system",
            ),
        ] {
            assert_eq!(chinese(english).as_deref(), Some(meaning), "{english}");
        }
        for strange in ["", "nobody knows this", "line", "{0}", "a: b", "x ("] {
            assert_eq!(chinese(strange), None, "{strange}");
        }
    }

    #[test]
    fn a_value_is_not_taken_for_a_template() {
        assert_eq!(chinese("{1} reaches {0}").as_deref(), Some("{1} 到达 {0}"));
        assert_eq!(
            ended("`/a（b）` 第 1 行：$_GET reaches eval。", &chinese),
            "`/a（b）` 第 1 行：$_GET 到达 eval。"
        );
        assert_eq!(
            ended("`/a`：EICAR（XMRig or a copy of it）。", &rule),
            "`/a`：EICAR（XMRig 或其变体）。"
        );
        assert_eq!(ended("账户 `eve` 的 uid 为 0。", &chinese), "账户 `eve` 的 uid 为 0。");
    }

    /// Reads the files below a folder whose names end so.
    #[expect(clippy::disallowed_methods, reason = "a test looks at the sources of the house")]
    fn files(folder: &Path, ending: &str, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files(&path, ending, found);
            } else if path.to_string_lossy().ends_with(ending) {
                found.push(std::fs::read_to_string(path).unwrap());
            }
        }
    }

    /// Returns the literal texts of a source, with `{}` for whatever is put into them.
    fn texts(source: &str) -> impl Iterator<Item = String> {
        let source = source.replace("\\\"", "\u{1}");
        let texts: Vec<&str> = source.split('"').collect();
        let text = |text: &&str| {
            let mut lines = text.split("\\\n");
            let first = lines.next().unwrap_or_default().to_owned();
            let text = lines.fold(first, |all, line| all + line.trim_start());
            let mut out = String::new();
            let mut rest = text.as_str();
            while let Some((before, after)) = rest.split_once('{') {
                out.push_str(before);
                out.push_str("{}");
                rest = after.split_once('}').map_or("", |(_, rest)| rest);
            }
            (out + rest).replace("{}{}", "{}")
        };
        texts.iter().map(text).collect::<Vec<_>>().into_iter()
    }

    #[test]
    fn every_template_is_still_a_text_of_the_ground_and_every_rule_is_described() {
        let house = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut sources = Vec::new();
        for storey in ["ground", "phases", "conduct"] {
            files(&house.join(storey), ".rs", &mut sources);
        }
        let told: BTreeSet<String> = sources.iter().flat_map(|source| texts(source)).collect();
        let is_told = |english: &str| {
            let shorter = [english.strip_prefix("{}"), english.strip_suffix(" `{}`")];
            told.contains(english) || shorter.into_iter().flatten().any(|text| told.contains(text))
        };
        let gone: Vec<&str> = KNOWN
            .iter()
            .chain(WIDE)
            .map(|(english, _)| *english)
            .filter(|english| !is_told(english))
            .collect();
        assert_eq!(gone, Vec::<&str>::new(), "no text of the ground any more");
        let mut rules = Vec::new();
        files(&house.join("content/scan"), ".yar", &mut rules);
        let described: BTreeSet<&str> = rules
            .iter()
            .flat_map(|rule| rule.lines())
            .filter_map(|line| line.trim().strip_prefix("description = \"")?.strip_suffix('"'))
            .collect();
        let known: BTreeSet<&str> = RULES.iter().map(|(english, _)| *english).collect();
        assert_eq!(known, described, "rules and their Chinese");
        assert!(described.len() > 20);
    }

    #[test]
    fn every_value_of_a_template_is_told() {
        for (english, chinese) in KNOWN.iter().chain(WIDE) {
            let count = english.matches("{}").count();
            let lost: Vec<usize> =
                (0..count).filter(|place| !chinese.contains(&format!("{{{place}}}"))).collect();
            assert_eq!((lost, chinese.matches('{').count()), (Vec::new(), count), "{english}");
        }
    }
}
