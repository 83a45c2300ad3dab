//! The signs that detection looks for, or one sign's page.

use stanch_incident::{Checked, Complaint, Harm, Loaded, Page};
use stanch_words::text;

use super::detect::{level_name, tone};
use crate::{Look, Sheet, Tone, width};

/// Returns a sign's title.
pub fn title(page: &Page, look: Look) -> &str {
    let title = &page.front.title;
    look.say_of(&title.en, &title.zh)
}

/// Returns the list of signs.
pub fn list(pages: &[Page], look: Look) -> String {
    let mut sheet = Sheet::new(look);
    let column = pages.iter().map(|page| page.front.id.len()).max().unwrap_or(0) + 2;
    for page in pages {
        let level = page.front.level();
        let level = look.paint(tone(level), &width::padded(level_name(level, look), 10));
        let id = width::padded(&page.front.id, column);
        let room =
            look.terminal.map_or(usize::MAX, |terminal| terminal.saturating_sub(column + 10));
        sheet.line(format!("{level}{id}{}", width::cut(title(page, look), room.max(10))));
    }
    sheet.finish()
}

/// Returns what came of loading rules of others: first what is bad, last the sum.
pub fn check(checked: &Checked, look: Look) -> String {
    let mut sheet = Sheet::new(look);
    let complaints = &checked.complaints;
    for (harm, en, zh) in [
        (Harm::Lost, "Not loaded", "未能加载"),
        (Harm::Odd, "Loaded, but not all of it was understood", "已加载，但有内容未被理解"),
        (
            Harm::Idle,
            "Loaded, but nothing read here can fire it",
            "已加载，但这里读取的日志无法触发",
        ),
    ] {
        let mut of_harm = complaints.iter().filter(|one| one.harm == harm).peekable();
        if of_harm.peek().is_none() {
            continue;
        }
        sheet.heading(en, zh);
        for complaint in of_harm {
            complain(&mut sheet, complaint);
        }
    }
    if !complaints.is_empty() {
        sheet.blank();
    }
    if let Some(loaded) = &checked.sigma {
        let lost = lost(checked, |file| !is_of_yara(file));
        sheet.line(sum(loaded, lost, look));
    }
    if let Some(loaded) = &checked.yara {
        let lost = lost(checked, is_of_yara);
        let (files, rules) = (loaded.files, loaded.rules);
        let (of_files, of_rules) = (count(files, "file"), count(rules, "rule"));
        let en = format!("YARA: {of_files}, {of_rules} loaded; with mistakes: {lost}.");
        let zh = format!("YARA：{files} 个文件，加载规则 {rules} 条；有错误的：{lost} 个。");
        sheet.line(look.say_of(&en, &zh));
    }
    sheet.finish().trim_start().to_owned()
}

fn complain(sheet: &mut Sheet, complaint: &Complaint) {
    let look = sheet.look;
    let file = text::escaped(&complaint.file);
    let place = match complaint.line {
        Some(line) => format!("{file}:{line}"),
        None => file,
    };
    let rule = complaint.rule.as_deref().map(|rule| text::shortened(&text::escaped(rule), 100));
    let tone = if complaint.harm == Harm::Lost { Tone::Odd } else { Tone::Faint };
    sheet.line(format!("  {}  {}", look.paint(tone, &place), rule.unwrap_or_default()));
    sheet.prose(4, look.text(&complaint.why));
    if let Some(help) = &complaint.help {
        let help = look.text(help);
        sheet.prose(4, &format!("{}{help}", look.say("help: ", "改法：")));
    }
}

fn is_of_yara(file: &str) -> bool {
    [".yar", ".yara", ".rule"].iter().any(|ending| file.ends_with(ending))
}

fn lost(checked: &Checked, of: impl Fn(&str) -> bool) -> usize {
    let lost = checked.complaints.iter().filter(|one| one.harm == Harm::Lost);
    lost.filter(|one| of(&one.file)).count()
}

fn count(number: usize, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

fn sum(loaded: &Loaded, lost: usize, look: Look) -> String {
    let (files, rules, elsewhere) = (loaded.files, loaded.rules, loaded.elsewhere);
    let (correlations, filters) = (loaded.correlations, loaded.filters);
    let en = format!(
        "{}: loaded {}, {} and {}; for other systems or logs: {elsewhere}; not loaded: {lost}.",
        count(files, "file"),
        count(rules, "rule"),
        count(correlations, "correlation"),
        count(filters, "filter"),
    );
    let zh = format!(
        "{files} 个文件：可加载规则 {rules} 条、关联规则 {correlations} 条、过滤规则 {filters} 条；\
         {elsewhere} 条属于其他系统或日志；{lost} 条无法加载。"
    );
    look.say_of(&en, &zh).to_owned()
}

/// Returns one sign's page.
pub fn show(page: &Page, look: Look) -> String {
    let mut sheet = Sheet::new(look);
    let front = &page.front;
    let level = front.level();
    let word = look.paint(tone(level), level_name(level, look));
    sheet.line(format!("{}  {word}", look.paint(Tone::Strong, &front.id)));
    sheet.prose(0, title(page, look));
    sheet.heading("Why it matters", "为什么要紧");
    sheet.prose(2, look.text(&page.why));
    sheet.heading("When it is innocent", "什么情况下无害");
    sheet.prose(2, look.text(&page.innocent_when));
    sheet.heading("What to do next", "下一步");
    sheet.prose(2, look.text(&page.todo));
    for command in &front.next {
        sheet.command(2, command);
    }
    sheet.heading("How it is seen", "如何发现");
    for line in front.sql.trim().lines() {
        sheet.command(2, line);
    }
    if !front.attack.is_empty() {
        sheet.heading("ATT&CK", "ATT&CK");
        sheet.prose(2, &front.attack.join(", "));
    }
    sheet.finish()
}
