//! The signs that detection looks for, or one sign's page.

use stanch_incident::Page;

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
