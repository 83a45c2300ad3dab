//! The page that matters most: have I been broken into, and what do I do next?
//!
//! First a screen: the verdict, the findings in one line each (one sign on many subjects is one
//! line), the next commands, what would change the verdict, what could not be seen. Then the
//! details of each finding. Notes are counted; `--all` shows them.

mod details;
mod groups;
mod packages;
mod place;
mod unseen;

use stanch_incident::{Detection, Identity};
use stanch_words::{Both, Lang, Level, Verdict};

pub use self::packages::without_trust;
pub use self::place::Place;
pub(crate) use self::place::quoted;

use self::groups::Group;
use crate::{Look, Report, Sheet, Tone, Trouble, width};

/// Headlines on the first screen; the rest is counted.
const HEADLINES: usize = 10;
/// Commands on the first screen.
const COMMANDS: usize = 3;
/// Commands that look closer, where the steps of the emergency stand above them.
const CLOSER: usize = 1;

/// An answer of detection, and whom it is about.
#[derive(Clone, Copy, Debug)]
pub struct Answered<'a> {
    /// The machine's own name.
    pub host: &'a str,
    /// Which machine it is, beyond its name.
    pub identity: &'a Identity,
    /// Where the machine was looked at: commands that are offered must reach the same one.
    pub place: Place<'a>,
    /// How long it took.
    pub took_ms: u64,
    /// The answer.
    pub detection: &'a Detection,
}

/// Returns the page.
pub fn page(answered: &Answered<'_>, look: Look) -> String {
    let mut sheet = Sheet::new(look);
    let detection = answered.detection;
    verdict(&mut sheet, answered);
    let groups = groups::of(&detection.findings);
    let (grave, notes): (Vec<Group<'_>>, Vec<Group<'_>>) =
        groups.into_iter().partition(|group| look.all || group.level() > Level::Low);
    headlines(&mut sheet, &grave, &notes);
    next(&mut sheet, answered, &grave);
    if !detection.would_change.is_empty() {
        sheet.heading("What would change the verdict", "什么会改变结论");
        for text in &detection.would_change {
            sheet.prose(2, look.text(text));
        }
    }
    packages::section(&mut sheet, answered.place, &detection.bases);
    unseen::section(&mut sheet, &detection.gaps);
    details::section(&mut sheet, answered.place, &grave);
    if look.terminal.is_some() && !grave.is_empty() {
        // The details have pushed the first screen away.
        sheet.blank();
        sheet.line(headline_of_all(&sheet, answered));
    }
    sheet.finish()
}

/// Returns the colour of a level.
pub fn tone(level: Level) -> Tone {
    match level {
        Level::Info | Level::Low => Tone::Faint,
        Level::Medium => Tone::Odd,
        Level::High | Level::Critical => Tone::Grave,
    }
}

/// Returns the word for a level.
pub fn level_name(level: Level, look: Look) -> &'static str {
    match (look.lang, level) {
        (Lang::En, _) => level.name(),
        (Lang::Zh, Level::Info) => "信息",
        (Lang::Zh, Level::Low) => "低",
        (Lang::Zh, Level::Medium) => "中",
        (Lang::Zh, Level::High) => "高",
        (Lang::Zh, Level::Critical) => "严重",
    }
}

fn verdict(sheet: &mut Sheet, answered: &Answered<'_>) {
    let look = sheet.look;
    sheet.line(headline_of_all(sheet, answered));
    let seen = answered.detection.looked_at;
    let (tables, rows) = (thousands(seen.tables), thousands(seen.rows));
    let took = took(answered.took_ms, look);
    let looked = match look.lang {
        Lang::En => {
            format!("Judged by {} signs over {rows} rows of {tables} tables in {took}.", seen.signs)
        }
        Lang::Zh => {
            format!("按 {} 项迹象判断，查看 {tables} 张表共 {rows} 行，用时 {took}。", seen.signs)
        }
    };
    sheet.line(look.paint(Tone::Faint, &looked));
}

/// Returns the one line that answers the question.
fn headline_of_all(sheet: &Sheet, answered: &Answered<'_>) -> String {
    let look = sheet.look;
    let detection = answered.detection;
    let host = crate::look::host(answered.host, look);
    // Whatever the reason: a sign that could not look everywhere found nothing only where it could.
    let partial = detection.gaps.iter().any(|b| b.gap.kind.is_partial() || !b.signs.is_empty());
    let (tone, word) = match detection.verdict {
        Verdict::Clean => (Tone::Good, look.say("CLEAN", "未见入侵")),
        Verdict::Suspicious => (Tone::Odd, look.say("SUSPICIOUS", "可疑")),
        Verdict::Compromised => (Tone::Grave, look.say("COMPROMISED", "已被入侵")),
    };
    let sentence = match (look.lang, detection.verdict, partial) {
        (Lang::En, Verdict::Clean, false) => format!("no sign of a break-in on {host}"),
        (Lang::En, Verdict::Clean, true) => {
            format!("no sign of a break-in on {host}, as far as could be seen")
        }
        (Lang::En, Verdict::Suspicious, _) => {
            format!("{host} shows what a person must look at")
        }
        (Lang::En, Verdict::Compromised, _) => format!("{host} has been broken into"),
        (Lang::Zh, Verdict::Clean, false) => format!("{host} 上没有发现入侵迹象"),
        (Lang::Zh, Verdict::Clean, true) => format!("就所能看到的，{host} 上没有入侵迹象"),
        (Lang::Zh, Verdict::Suspicious, _) => format!("{host} 上有情况需要人工查看"),
        (Lang::Zh, Verdict::Compromised, _) => format!("{host} 已有入侵者"),
    };
    let sure = percent(detection.confidence);
    let word = look.paint(tone, word);
    match look.lang {
        Lang::En => format!("{word}  {sentence} ({sure} % sure)"),
        Lang::Zh => format!("{word}  {sentence}（把握 {sure}%）"),
    }
}

fn headlines(sheet: &mut Sheet, grave: &[Group<'_>], notes: &[Group<'_>]) {
    let look = sheet.look;
    if !grave.is_empty() {
        sheet.heading("Findings", "发现");
    }
    let most = if look.all { usize::MAX } else { HEADLINES };
    let titles = grave.iter().take(most).map(|group| width::of(look.text(group.title())));
    let column = titles.max().unwrap_or(0).min(look.width() / 2 - 4);
    for group in grave.iter().take(most) {
        headline(sheet, group, column);
    }
    let more = grave.len().saturating_sub(most);
    if more > 0 {
        sheet.line(match look.lang {
            Lang::En => format!("  … and {more} more signs below"),
            Lang::Zh => format!("  …… 另有 {more} 项迹象，见下文"),
        });
    }
    let count: usize = notes.iter().map(Group::len).sum();
    if count == 0 {
        return;
    }
    let line = match (look.lang, count) {
        (Lang::En, 1) => "1 note, no sign of a break-in by itself; --all shows it".to_owned(),
        (Lang::En, _) => {
            format!("{count} notes, no sign of a break-in by themselves; --all shows them")
        }
        (Lang::Zh, _) => format!("另有 {count} 条备注，单独不说明入侵；用 --all 显示"),
    };
    let line = look.paint(Tone::Faint, &line);
    if grave.is_empty() {
        sheet.line(line);
    } else {
        sheet.line(format!("  {line}"));
    }
}

/// Writes one line: id, level, title, subjects. A title is never cut; where it leaves too little
/// room, the subjects go below it.
fn headline(sheet: &mut Sheet, group: &Group<'_>, column: usize) {
    let look = sheet.look;
    let level =
        width::padded(level_name(group.level(), look), if look.lang == Lang::Zh { 4 } else { 8 });
    let head = format!("  {}  ", group.first().id);
    let margin = width::of(&head) + width::of(&level) + 2;
    let title = width::padded(look.text(group.title()), column);
    let used = margin + width::of(&title) + 2;
    let room = look.width().saturating_sub(used);
    let subjects = group.subjects(look, room);
    let level = look.paint(tone(group.level()), &level);
    if width::of(&subjects) <= room {
        sheet.line(format!("{head}{level}  {title}  {subjects}"));
    } else {
        sheet.line(format!("{head}{level}  {title}"));
        let room = look.width().saturating_sub(margin);
        sheet.line(format!("{}{}", " ".repeat(margin), group.subjects(look, room)));
    }
}

fn next(sheet: &mut Sheet, answered: &Answered<'_>, grave: &[Group<'_>]) {
    let look = sheet.look;
    let place = answered.place;
    let advice = match (answered.detection.verdict, place) {
        (Verdict::Clean, _) => return,
        (Verdict::Suspicious, Place::Bundle(_)) => look.say(
            "Look at each finding from the top: innocent, or not? Keep the bundle as it is: it is evidence.",
            "从上到下逐项查看：有无正当原因？证据包保持原样，它就是证据。",
        ),
        (Verdict::Compromised, Place::Bundle(_)) => look.say(
            "Keep the bundle as it is, and a copy elsewhere: it is evidence. Keep the machine it is from off the network, and use its passwords and keys nowhere else.",
            "证据包保持原样，并另存一份副本：它就是证据。它所属的机器不要联网，其中的密码和密钥不要再用于别处。",
        ),
        (Verdict::Suspicious, Place::Root(_)) => look.say(
            "Look at each finding from the top: innocent, or not? Change nothing in the image: it is evidence.",
            "从上到下逐项查看：有无正当原因？不要改动映像中的任何内容，它就是证据。",
        ),
        (Verdict::Compromised, Place::Root(_)) => look.say(
            "Change nothing in the image: it is evidence; work on a copy. Keep the machine it is from off the network, and use its passwords and keys nowhere else.",
            "不要改动映像中的任何内容，它就是证据；需要动手时用副本。它所属的机器不要联网，其中的密码和密钥不要再用于别处。",
        ),
        (Verdict::Suspicious, Place::Live) => look.say(
            "Look at each finding from the top: innocent, or not? Change nothing yet; what is in memory is evidence.",
            "从上到下逐项查看：有无正当原因？先不要改动系统，内存中的内容就是证据。",
        ),
        (Verdict::Compromised, Place::Live) => look.say(
            "Leave it running: what is in memory is evidence. Use its passwords and keys nowhere else. In this order; if the intruder is at work right now, 2 before 1:",
            "不要关机：内存中的内容就是证据。这台机器上的密码和密钥不要再用于别处。按此顺序进行；若入侵者此刻正在活动，先 2 后 1：",
        ),
    };
    sheet.heading("Next", "下一步");
    sheet.prose(2, advice);
    let most = match (answered.detection.verdict, place) {
        (Verdict::Compromised, Place::Live) => {
            in_order(sheet, answered.host);
            CLOSER
        }
        _ => COMMANDS,
    };
    let mut commands: Vec<String> = Vec::new();
    // One command of each finding, gravest first.
    for command in grave.iter().filter_map(|group| place.commands(&group.first().next).next()) {
        if !commands.contains(&command) {
            commands.push(command);
        }
    }
    for command in commands.into_iter().take(most) {
        sheet.command(4, &command);
    }
}

/// Writes the steps of the emergency in their order, each with its command. What vanishes first is
/// kept first, as RFC 3227 has it; `handbook/10-signs/how-to-read-a-verdict.md` gives the same order.
fn in_order(sheet: &mut Sheet, host: &str) {
    let look = sheet.look;
    let preserve = format!("stanch preserve -o {}.tar.gz", file_name(host));
    let steps = [
        (preserve.as_str(), look.say("keeps the evidence", "保全证据")),
        ("stanch contain plan", look.say("how to cut the intruder off", "断网方案")),
        (
            "stanch eradicate plan",
            look.say("what to clear away, last of all", "清除方案，最后进行"),
        ),
    ];
    let column = steps.iter().map(|(command, _)| command.len()).max().unwrap_or(0) + 3;
    for (number, (command, means)) in (1..).zip(steps) {
        let command = look.paint(Tone::Command, &width::padded(command, column));
        sheet.line(format!("  {number}. {command}{means}"));
    }
}

/// Returns a machine's name as a file can have it; the name is the machine's own claim.
fn file_name(host: &str) -> &str {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let is_name = host.starts_with(|c: char| c.is_ascii_alphanumeric())
        && host.len() <= 64
        && host.chars().all(plain);
    if is_name { host } else { "evidence" }
}

/// Returns a share as a whole percentage. Nobody is ever wholly sure: it ends at 99.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.0}", (share * 100.0).round().clamp(0.0, 99.0))
}

/// Returns a number with its thousands apart.
pub(crate) fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn took(ms: u64, look: Look) -> String {
    let unit = look.say("s", "秒");
    match ms {
        0..1000 => format!("{ms} {}", look.say("ms", "毫秒")),
        _ => format!("{}.{} {unit}", ms / 1000, ms % 1000 / 100),
    }
}

/// Returns the report of a time that was not understood.
pub fn unknown_time(written: &str) -> Report {
    let what = Both::new(
        format!("`{written}` is no time that we understand"),
        format!("无法识别时间 `{written}`"),
    );
    Report::new(Trouble::WrongUse, what).next(Both::new(
        "write `2026-11-02`, `2026-11-02T08:00:00Z`, `12h` or `3d`",
        "请写成 `2026-11-02`、`2026-11-02T08:00:00Z`、`12h` 或 `3d`",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well_and_certainty_is_never_claimed() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(999), "999");
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!(
            (percent(0.999), percent(1.0), percent(0.844)),
            ("99".into(), "99".into(), "84".into())
        );
        let look = Look::plain(Lang::En);
        assert_eq!(
            ["web01", "", "-rf", "a b", "../x", "x;id"].map(file_name),
            ["web01", "evidence", "evidence", "evidence", "evidence", "evidence"]
        );
        assert_eq!((took(812, look), took(2345, look)), ("812 ms".into(), "2.3 s".into()));
    }
}
