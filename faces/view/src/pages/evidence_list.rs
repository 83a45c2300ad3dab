//! What a bundle holds, piece by piece, as a form for police or court.
//!
//! What is asked for in such a form: China's rules for taking electronic data as evidence (the
//! public security ministry's of 2019) want for each piece its number, name, origin, size, digest
//! and method, and the names of who took it, who had it, and who saw it.

use std::io::{self, Write};

use stanch_incident::evidence::{EvidenceList, Item};
use stanch_incident::{Entry, Signed};
use stanch_wire as wire;
use stanch_words::text;

use crate::Look;

/// In which form a list is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A page to be printed.
    Html,
    /// Markdown.
    Markdown,
    /// Comma-separated values: the pieces alone.
    Csv,
}

impl Form {
    /// Returns the form of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "html" => Some(Self::Html),
            "markdown" => Some(Self::Markdown),
            "csv" => Some(Self::Csv),
            _ => None,
        }
    }
}

/// Returns `stanch.evidence-list/1`.
pub fn document(file: &str, list: &EvidenceList) -> wire::EvidenceList {
    let verified = &list.bundle.verified;
    let (signed, key) = match &list.bundle.signed {
        Signed::By { key, .. } => ("yes", Some(key.clone())),
        Signed::NotVerified => ("not-verified", None),
        Signed::No if list.bundle.refused.is_some() => ("refused", None),
        Signed::No => ("no", None),
    };
    let seal = verified.seal.as_ref();
    let begun = list.custody.first();
    let notes = list.custody.iter().map(|entry| note(entry, true));
    wire::EvidenceList {
        schema: wire::EvidenceList::SCHEMA.to_owned(),
        file: file.to_owned(),
        bytes: verified.packed,
        sha256: text::hex(&verified.digests.1),
        host: seal.map(|seal| seal.host.clone()).unwrap_or_default(),
        begun: seal
            .map(|seal| seal.begun.clone())
            .or_else(|| begun.map(|entry| entry.time.clone()))
            .unwrap_or_default(),
        sealed: seal.map(|seal| seal.ended.clone()),
        tool: seal.map(|seal| seal.tool.clone()).unwrap_or_default(),
        tool_sha256: seal.and_then(|seal| seal.tool_sha256.clone()),
        merkle_root: seal.map(|seal| seal.merkle_root.clone()),
        seal_sha256: verified.digests.0.map(|digest| text::hex(&digest)),
        chain_head: seal.map(|seal| seal.chain_head.clone()),
        signed: signed.to_owned(),
        key,
        not_taken: verified.noted,
        custody: notes.chain(list.later.iter().map(|entry| note(entry, false))).collect(),
        items: list.items.iter().map(entry).collect(),
    }
}

fn note(entry: &Entry, in_bundle: bool) -> wire::EvidenceNote {
    let of = |key: &str| entry.body.get(key).and_then(|value| value.as_str()).map(str::to_owned);
    wire::EvidenceNote {
        // A note was written before it went into the bundle, by whoever wrote it.
        time: of("noted").unwrap_or_else(|| entry.time.clone()),
        who: of("by").unwrap_or_else(|| entry.who.clone()),
        what: entry.what.clone(),
        text: of("text").unwrap_or_default(),
        in_bundle,
    }
}

fn entry(item: &Item) -> wire::EvidenceEntry {
    let path = item.name.strip_prefix("[root]").unwrap_or(&item.name).to_owned();
    let name = path.rsplit('/').next().unwrap_or_default().to_owned();
    let remark = match (&item.target, item.why.is_empty()) {
        (Some(target), true) => format!("-> {target}"),
        (Some(target), false) => format!("-> {target}; {}", item.why),
        (None, _) => item.why.clone(),
    };
    wire::EvidenceEntry {
        number: item.n,
        name,
        path,
        size: item.size,
        sha256: item.sha256.clone(),
        modified: item.mtime.clone(),
        taken: item.read_at.clone(),
        method: item.method.clone(),
        status: item.status.name().to_owned(),
        remark,
    }
}

/// The words of the form.
struct Words {
    title: &'static str,
    columns: [&'static str; 9],
    custody: &'static str,
    custody_columns: [&'static str; 4],
    items: &'static str,
    signatures: [&'static str; 3],
    date: &'static str,
}

fn words(look: Look) -> Words {
    let say = |en, zh| look.say(en, zh);
    Words {
        title: say("List of electronic evidence", "电子数据提取固定清单"),
        columns: [
            say("No.", "编号"),
            say("Name", "名称"),
            say("Path", "来源路径"),
            say("Size (bytes)", "大小（字节）"),
            "SHA-256",
            say("Last changed", "最后修改时间"),
            say("Taken at", "提取时间"),
            say("Method", "提取方法"),
            say("Remark", "备注"),
        ],
        custody: say("Custody", "保管记录"),
        custody_columns: [
            say("Time", "时间"),
            say("Who", "人员"),
            say("What", "事项"),
            say("Where it stands", "出处"),
        ],
        items: say("Items", "清单"),
        signatures: [
            say("Taken by", "提取人"),
            say("Holder of the data", "电子数据持有人"),
            say("Witness", "见证人"),
        ],
        date: say("Date", "日期"),
    }
}

/// What stands at the head of the form.
fn facts(list: &wire::EvidenceList, look: Look) -> Vec<(&'static str, String)> {
    let say = |en, zh| look.say(en, zh);
    let or = |value: &Option<String>| value.clone().unwrap_or_else(|| "—".to_owned());
    let signed = match (list.signed.as_str(), &list.key) {
        ("yes", Some(key)) => key.clone(),
        ("not-verified", _) => say("there is one, not verified", "有，未验证").to_owned(),
        ("refused", _) => say("refused", "未通过验证").to_owned(),
        _ => say("none", "无").to_owned(),
    };
    let sealed = match &list.sealed {
        Some(time) => time.clone(),
        None => say("it breaks off before its seal", "文件在封存之前中断").to_owned(),
    };
    vec![
        (say("Case", "案件"), String::new()),
        (say("Machine", "来源主机"), list.host.clone()),
        (say("Bundle", "证据包"), list.file.clone()),
        (say("Size of the bundle (bytes)", "证据包大小（字节）"), list.bytes.to_string()),
        (say("SHA-256 of the bundle", "证据包 SHA-256"), list.sha256.clone()),
        (say("Taken from", "提取开始"), list.begun.clone()),
        (say("Sealed", "封存时间"), sealed),
        (say("Root of the seal", "封存根摘要"), or(&list.merkle_root)),
        (say("SHA-256 of the seal", "封存记录 SHA-256"), or(&list.seal_sha256)),
        (say("Head of custody", "保管记录链头"), or(&list.chain_head)),
        (say("Signature", "数字签名"), signed),
        (say("Tool", "提取工具"), list.tool.clone()),
        (say("SHA-256 of the tool", "工具 SHA-256"), or(&list.tool_sha256)),
        (say("Items", "数量"), list.items.len().to_string()),
        (say("Could not be taken", "未能提取"), list.not_taken.to_string()),
    ]
}

fn cells(entry: &wire::EvidenceEntry, look: Look) -> [String; 9] {
    let status = match entry.status.as_str() {
        "changed" => look.say("changed while it was read", "读取期间有变化"),
        "truncated" => look.say("cut at its limit", "超过上限，已截断"),
        _ => "",
    };
    let remark = match (status.is_empty(), entry.remark.is_empty()) {
        (true, _) => entry.remark.clone(),
        (false, true) => status.to_owned(),
        (false, false) => format!("{status}: {}", entry.remark),
    };
    [
        entry.number.to_string(),
        entry.name.clone(),
        entry.path.clone(),
        entry.size.to_string(),
        entry.sha256.clone().unwrap_or_default(),
        entry.modified.clone(),
        entry.taken.clone(),
        entry.method.clone(),
        remark,
    ]
}

fn custody(note: &wire::EvidenceNote, look: Look) -> [String; 4] {
    let what = match note.what.as_str() {
        "preserve.begun" => look.say("the collection began", "开始提取").to_owned(),
        "preserve.sealed" => look.say("the bundle was sealed", "封存完成").to_owned(),
        _ => note.text.clone(),
    };
    let place = match note.in_bundle {
        true => look.say("in the bundle", "证据包内"),
        false => look.say("in the case, after the seal", "封存后记于案件台账"),
    };
    [note.time.clone(), note.who.clone(), what, place.to_owned()]
}

/// Writes a list.
///
/// # Errors
/// An error of the writer.
pub fn write(
    list: &wire::EvidenceList,
    form: Form,
    look: Look,
    out: &mut dyn Write,
) -> io::Result<()> {
    match form {
        Form::Csv => csv(list, look, out),
        Form::Markdown => markdown(list, look, out),
        Form::Html => html(list, look, out),
    }
}

fn csv(list: &wire::EvidenceList, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let mut line = Vec::new();
    let rows = list.items.iter().map(|entry| cells(entry, look));
    for row in std::iter::once(words(look).columns.map(str::to_owned)).chain(rows) {
        line.clear();
        for (at, cell) in row.iter().enumerate() {
            if at > 0 {
                line.push(b',');
            }
            match cell.parse::<u64>() {
                Ok(number) if cell.len() < 20 && number.to_string() == *cell => {
                    line.extend_from_slice(cell.as_bytes());
                }
                _ => wire::csv_cell(&mut line, cell),
            }
        }
        line.extend_from_slice(b"\r\n");
        out.write_all(&line)?;
    }
    Ok(())
}

/// Returns text that Markdown takes for nothing else.
fn plain(content: &str) -> String {
    let mut out = String::new();
    for c in text::escaped(content).chars() {
        if "\\`*_[]<>|#!~&".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

fn markdown(list: &wire::EvidenceList, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let words = words(look);
    let mut table = |heading: &[&str], rows: &mut dyn Iterator<Item = Vec<String>>| {
        writeln!(out, "| {} |", heading.join(" | "))?;
        writeln!(out, "|{}", "---|".repeat(heading.len()))?;
        for row in rows {
            let row: Vec<String> = row.iter().map(|cell| plain(cell)).collect();
            writeln!(out, "| {} |", row.join(" | "))?;
        }
        writeln!(out)
    };
    let mut facts = facts(list, look).into_iter().map(|(name, value)| vec![name.to_owned(), value]);
    table(&[words.title, ""], &mut facts)?;
    table(&words.custody_columns, &mut list.custody.iter().map(|it| custody(it, look).to_vec()))?;
    table(&words.columns, &mut list.items.iter().map(|it| cells(it, look).to_vec()))?;
    for who in words.signatures {
        writeln!(out, "{who}: ____________________  {}: ____________\n", words.date)?;
    }
    Ok(())
}

const STYLE: &str = "body{font:12px/1.5 sans-serif;margin:2em}h1{text-align:center;font-size:20px}\
h2{font-size:15px}table{border-collapse:collapse;width:100%;margin:0 0 1em}\
td,th{border:1px solid #000;padding:2px 4px;text-align:left;vertical-align:top;overflow-wrap:anywhere}\
th{font-weight:600}thead{display:table-header-group}tr{break-inside:avoid}\
.n{text-align:right}.d{font-family:monospace;font-size:10px}\
.s{display:flex;gap:2em;margin-top:3em}.s div{flex:1;border-top:1px solid #000}\
@page{size:A4 landscape;margin:12mm}";

/// Returns text that HTML takes for nothing else.
fn safe(content: &str) -> String {
    let mut out = String::new();
    for c in text::escaped(content).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

fn html(list: &wire::EvidenceList, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let words = words(look);
    let lang = look.say("en", "zh-CN");
    let policy = "default-src 'none'; style-src 'unsafe-inline'";
    writeln!(
        out,
        "<!DOCTYPE html>\n<html lang=\"{lang}\"><head><meta charset=\"utf-8\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\
         <title>{} — {}</title><style>{STYLE}</style></head><body>\n<h1>{}</h1>",
        words.title,
        safe(&list.host),
        words.title
    )?;
    writeln!(out, "<table>")?;
    for (name, value) in facts(list, look) {
        writeln!(out, "<tr><th scope=\"row\">{name}</th><td>{}</td></tr>", safe(&value))?;
    }
    writeln!(out, "</table>")?;
    let heading = |columns: &[&str]| {
        let cells = columns.iter().map(|name| format!("<th scope=\"col\">{name}</th>"));
        format!("<thead><tr>{}</tr></thead>", cells.collect::<String>())
    };
    writeln!(out, "<h2>{}</h2>\n<table>{}<tbody>", words.custody, heading(&words.custody_columns))?;
    for note in &list.custody {
        let cells = custody(note, look).map(|cell| format!("<td>{}</td>", safe(&cell)));
        writeln!(out, "<tr>{}</tr>", cells.concat())?;
    }
    writeln!(out, "</tbody></table>\n<h2>{}</h2>", words.items)?;
    writeln!(out, "<table>{}<tbody>", heading(&words.columns))?;
    for entry in &list.items {
        write!(out, "<tr>")?;
        for (at, cell) in cells(entry, look).iter().enumerate() {
            let class = match at {
                0 | 3 => " class=\"n\"",
                4 => " class=\"d\"",
                _ => "",
            };
            write!(out, "<td{class}>{}</td>", safe(cell))?;
        }
        writeln!(out, "</tr>")?;
    }
    writeln!(out, "</tbody></table>\n<div class=\"s\">")?;
    for who in words.signatures {
        writeln!(out, "<div>{who}<br>{}</div>", words.date)?;
    }
    writeln!(out, "</div>\n</body></html>")
}

#[cfg(test)]
mod tests {
    use stanch_words::Lang;

    use super::*;

    fn list() -> wire::EvidenceList {
        wire::EvidenceList {
            host: "web01".to_owned(),
            custody: vec![wire::EvidenceNote {
                who: "li wei".to_owned(),
                what: "note".to_owned(),
                text: "handed <b>over</b>".to_owned(),
                ..wire::EvidenceNote::default()
            }],
            items: vec![wire::EvidenceEntry {
                number: 3,
                name: "=x|<script>\n.php".to_owned(),
                path: "/srv/=x|<script>\n.php".to_owned(),
                size: 12,
                sha256: Some("ab".repeat(32)),
                status: "changed".to_owned(),
                ..wire::EvidenceEntry::default()
            }],
            ..wire::EvidenceList::default()
        }
    }

    fn written(form: Form, lang: Lang) -> String {
        let mut out = Vec::new();
        write(&list(), form, Look::plain(lang), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_hostile_name_stays_a_name_in_every_form() {
        let csv = written(Form::Csv, Lang::En);
        let lines: Vec<&str> = csv.lines().collect();
        assert_eq!(lines.len(), 2);
        assert!(lines[1].starts_with("3,\"'=x|<script>\\n.php\",\"/srv/=x|"), "{csv}");
        let html = written(Form::Html, Lang::Zh);
        assert!(html.contains("<h1>电子数据提取固定清单</h1>"), "{html}");
        assert!(html.contains("=x|&lt;script&gt;\\n.php"), "{html}");
        assert!(!html.contains("<script") && !html.contains("<b>"), "{html}");
        let markdown = written(Form::Markdown, Lang::En);
        assert!(markdown.contains("| =x\\|\\<script\\>\\\\n.php |"), "{markdown}");
        assert!(markdown.contains("changed while it was read"), "{markdown}");
        assert!(markdown.contains("Witness: ____"), "{markdown}");
    }
}
