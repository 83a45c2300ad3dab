//! Each finding at length: what was seen, why it matters, when it is innocent, what to do.

use stanch_words::{Evidence, Finding, Lang, text};

use super::groups::{self, Group};
use super::{Place, level_name, percent, tone};
use crate::{Sheet, Tone, width};

/// Subjects of one sign that are told one by one; the rest is named.
const TOLD: usize = 5;
/// Further subjects that are named; the rest is counted.
const NAMED: usize = 20;

/// Writes the details of all groups.
pub(super) fn section(sheet: &mut Sheet, place: Place<'_>, groups: &[Group<'_>]) {
    if groups.is_empty() {
        return;
    }
    sheet.heading("Details", "详情");
    for group in groups {
        sheet.blank();
        head(sheet, group);
        body(sheet, place, group);
    }
}

fn head(sheet: &mut Sheet, group: &Group<'_>) {
    let look = sheet.look;
    let level = group.level();
    let level = look.paint(tone(level), level_name(level, look));
    let title = look.paint(Tone::Strong, look.text(group.title()));
    sheet.line(format!("{} {level}  {title}", group.first().id));
}

fn body(sheet: &mut Sheet, place: Place<'_>, group: &Group<'_>) {
    let look = sheet.look;
    let first = group.first();
    let column = if look.lang == Lang::Zh { 8 } else { 10 };
    let told = if look.all { usize::MAX } else { TOLD };
    let mut label = look.say("seen", "见到");
    for finding in group.all().take(told) {
        let numbered = if group.len() > 1 {
            format!("{} {}", finding.id, look.seen(finding))
        } else {
            look.seen(finding)
        };
        sheet.hanging(2, label, column, &numbered);
        label = "";
    }
    if group.len() > told {
        sheet.hanging(2, "", column, &rest(sheet, group, told));
    }
    sheet.hanging(2, look.say("why", "要紧"), column, look.text(&first.why));
    sheet.hanging(2, look.say("innocent", "无害"), column, look.text(&first.innocent_when));
    sheet.hanging(2, look.say("next", "下一步"), column, look.text(&first.todo));
    for command in place.commands(&first.next) {
        sheet.command(2 + column, &command);
    }
    evidence(sheet, group, told, column);
    sheet.hanging(2, look.say("sign", "迹象"), column, &sign(sheet, first));
}

/// Writes where it was seen. With many subjects, one line each says enough; `--all` has the rest.
fn evidence(sheet: &mut Sheet, group: &Group<'_>, told: usize, column: usize) {
    let look = sheet.look;
    let room = look.width().saturating_sub(column + 2);
    let mut label = look.say("evidence", "证据");
    let mut before = String::new();
    for evidence in group.all().take(told).flat_map(|finding| &finding.evidence) {
        let line = text::escaped(&evidence_line(evidence));
        let line = if group.len() > 1 && !look.all { width::cut(&line, room) } else { line };
        if line != before {
            sheet.hanging(2, label, column, &line);
            label = "";
        }
        before = line;
    }
}

fn rest(sheet: &Sheet, group: &Group<'_>, told: usize) -> String {
    let look = sheet.look;
    let more = group.len() - told;
    let names: Vec<String> =
        group.all().skip(told).take(NAMED).map(|finding| groups::name(&finding.subject)).collect();
    let names = names.join(look.say(", ", "、"));
    match (look.lang, more > NAMED) {
        (Lang::En, false) => format!("and {more} more: {names}"),
        (Lang::En, true) => format!("and {more} more (--all shows them): {names}, …"),
        (Lang::Zh, false) => format!("另有 {more} 个：{names}"),
        (Lang::Zh, true) => format!("另有 {more} 个（用 --all 显示）：{names}……"),
    }
}

fn evidence_line(evidence: &Evidence) -> String {
    let line = evidence.line.map(|line| format!(":{line}")).unwrap_or_default();
    let offset = evidence.offset.map(|offset| format!("@{offset}")).unwrap_or_default();
    let excerpt = text::shortened(&evidence.excerpt, 200);
    format!("{}{line}{offset}  {excerpt}", evidence.source)
}

fn sign(sheet: &Sheet, finding: &Finding) -> String {
    let look = sheet.look;
    let sure = percent(finding.confidence);
    let mut out = match look.lang {
        Lang::En => format!("{}, {sure} % sure", finding.sign),
        Lang::Zh => format!("{}，把握 {sure}%", finding.sign),
    };
    let comma = look.say(", ", "，");
    if !finding.attack.is_empty() {
        out.push_str(comma);
        out.push_str("ATT&CK ");
        out.push_str(&finding.attack.join(" "));
    }
    if let Some(first) = &finding.first_seen {
        out.push_str(comma);
        out.push_str(look.say("first seen ", "最早见于 "));
        out.push_str(first);
    }
    out
}
