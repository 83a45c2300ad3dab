//! What is in files and processes.

use stanch_incident::{Miss, Place, Scanned};
use stanch_words::{Both, Finding, GapKind, Lang, Level, SubjectKind, text};

use super::detect::{level_name, percent, thousands, tone};
use crate::{Look, Report, Sheet, Tone, Trouble, width};

/// How many findings are shown unless all are asked for.
const SHOWN: usize = 50;

/// A scan, and what was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Answered<'a> {
    /// The answer.
    pub scanned: &'a Scanned,
    /// How long it took.
    pub took_ms: u64,
    /// How many rules looked.
    pub rules: usize,
}

/// Returns the page: what was found, gravest first, then how much was looked at.
pub fn page(answered: &Answered<'_>, look: Look) -> String {
    let mut sheet = Sheet::new(look);
    let findings = &answered.scanned.detection.findings;
    let shown = findings.iter().filter(|finding| look.all || finding.level > Level::Low);
    let most = if look.all { usize::MAX } else { SHOWN };
    let mut count = 0_usize;
    for finding in shown {
        count = count.saturating_add(1);
        if count > most {
            continue;
        }
        one(&mut sheet, finding, look);
        sheet.blank();
    }
    if count > most {
        let more = thousands(count.saturating_sub(most));
        let en = format!("{more} more: `--all` shows them.");
        let zh = format!("另有 {more} 项，`--all` 全部显示。");
        sheet.line(look.say_of(&en, &zh));
    }
    let notes = findings.len().saturating_sub(count);
    if notes > 0 {
        let en = format!("Notes not shown: {notes} (`--all` shows them).");
        let zh = format!("未显示的备注：{notes} 项（`--all` 全部显示）。");
        sheet.line(look.say_of(&en, &zh));
    }
    sheet.line(sum(answered, count, look));
    if let Some(first) = findings.iter().find(|finding| look.all || finding.level > Level::Low) {
        let show = format!("stanch rules show {}", first.sign);
        let en = format!(
            "Next: keep a copy of what was found before you change anything. `{show}` says when the first is innocent and what to do."
        );
        let zh = format!(
            "下一步：改动之前，先把所发现的内容复制留存。`{show}` 说明第一项何时无害、该怎么办。"
        );
        sheet.prose(0, look.say_of(&en, &zh));
    }
    sheet.finish()
}

/// Adds a finding: where, by which sign, what was seen, and further evidence.
fn one(sheet: &mut Sheet, finding: &Finding, look: Look) {
    let level = look.paint(tone(finding.level), level_name(finding.level, look));
    let subject = &finding.subject;
    let place = subject.path.as_deref().unwrap_or_default();
    let place = match (subject.kind, subject.pid, look.lang) {
        (SubjectKind::Process, Some(pid), Lang::En) => format!("process {pid} ({place})"),
        (SubjectKind::Process, Some(pid), Lang::Zh) => format!("进程 {pid}（{place}）"),
        _ => place.to_owned(),
    };
    let sure = format!("{}%", percent(finding.confidence));
    sheet.line(format!(
        "{level}  {}  {sure}  {}",
        look.paint(Tone::Strong, &text::escaped(&place)),
        finding.sign
    ));
    sheet.prose(2, look.text(&finding.title));
    sheet.prose(2, &look.seen(finding));
    for evidence in finding.evidence.iter().skip(1).take(if look.all { 20 } else { 3 }) {
        let at = match (evidence.line, evidence.offset) {
            (Some(line), _) => format!("{line}: "),
            (None, Some(offset)) => format!("{offset:#x}: "),
            (None, None) => String::new(),
        };
        let room = look.terminal.map_or(usize::MAX, |terminal| terminal.saturating_sub(4));
        let line = format!("{at}{}", text::escaped(&evidence.excerpt));
        sheet.line(format!("    {}", look.paint(Tone::Faint, &width::cut(&line, room.max(20)))));
    }
}

fn sum(answered: &Answered<'_>, found: usize, look: Look) -> String {
    let scanned = answered.scanned;
    let number = |count: u64| thousands(usize::try_from(count).unwrap_or(usize::MAX));
    let (judged, intact, rules) =
        (number(scanned.judged), number(scanned.intact), thousands(answered.rules));
    let size = number(scanned.bytes >> 20);
    let tenths = answered.took_ms / 100;
    let took = format!("{}.{}", tenths / 10, tenths % 10);
    let found = if found == 0 {
        look.say("Nothing found", "未发现恶意内容").to_owned()
    } else {
        let count = thousands(found);
        look.say_of(&format!("Found: {count}"), &format!("发现 {count} 项")).to_owned()
    };
    let en = format!(
        "{found}. Judged: {judged} ({size} MiB) by {rules} rules in {took} s; as their packages \
         shipped them and not judged: {intact}."
    );
    let zh = format!(
        "{found}。已判断 {judged} 个（{size} MiB），规则 {rules} 条，用时 {took} 秒；\
         与软件包一致而未判断的：{intact} 个。"
    );
    look.say_of(&en, &zh).to_owned()
}

/// Returns the report of a list or directory that cannot be used.
pub fn unusable(path: &str, detail: &str, kind: GapKind) -> Report {
    let next = Both::new(
        "give a file or directory of YARA rules (`.yar`, `.yara`)",
        "请给出 YARA 规则文件（`.yar`、`.yara`）或其所在目录",
    );
    unread(path, detail, kind, next)
}

/// Returns what is said of a list of digests that cannot be read.
pub fn unusable_list(path: &str, detail: &str, kind: GapKind) -> Report {
    let next = Both::new(
        "give a file that you may read: one digest a line, CSV, STIX 2.1 or MISP",
        "请给出可读取的文件：每行一个摘要，或 CSV、STIX 2.1、MISP",
    );
    unread(path, detail, kind, next)
}

/// Returns the report of a path that a person named and that is not there.
pub fn not_there(miss: &Miss, place: &Place) -> Report {
    let path = &miss.path;
    let what = match place {
        Place::Live => Both::new(format!("there is no `{path}`"), format!("没有 `{path}`")),
        Place::Root(_) => {
            Both::new(format!("there is no `{path}` in the image"), format!("映像中没有 `{path}`"))
        }
        Place::Bundle(_) => Both::new(
            format!("there is no `{path}` in the bundle"),
            format!("证据包中没有 `{path}`"),
        ),
    };
    let what = match miss.absent {
        true => what,
        false => {
            Both::new(format!("`{path}` could not be looked at"), format!("无法查看 `{path}`"))
        }
    };
    let next = match (place, miss.kind) {
        (_, GapKind::Denied) => Both::new("run it as root", "以 root 运行"),
        (Place::Live, _) => {
            Both::new("give the path of a file or directory", "给出文件或目录的路径")
        }
        (Place::Root(_) | Place::Bundle(_), _) => Both::new(
            "give the path as the machine itself knows it, such as `/var/www`",
            "给出该机器自身所用的路径，如 `/var/www`",
        ),
    };
    Report::new(Trouble::of_unread(miss.kind), what).because_of(&miss.detail).next(next)
}

fn unread(path: &str, detail: &str, kind: GapKind, next: Both) -> Report {
    let what = Both::new(format!("`{path}` could not be used"), format!("无法使用 `{path}`"));
    let report = Report::new(Trouble::of_unread(kind), what);
    report.because_of(detail).next(next)
}
