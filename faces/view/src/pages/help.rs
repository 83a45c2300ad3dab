//! Help: one layout for every command, in both languages.

use crate::{Look, Sheet, Tone, width};

/// What a command's help says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Help {
    /// What the command does.
    pub about: String,
    /// How it is called.
    pub usage: String,
    /// Its commands: name and sentence.
    pub commands: Vec<(String, String)>,
    /// Its arguments.
    pub arguments: Vec<(String, String)>,
    /// Its own options.
    pub options: Vec<(String, String)>,
    /// Options that every command has.
    pub everywhere: Vec<(String, String)>,
    /// Examples: a command and what it is for.
    pub examples: Vec<(String, String)>,
}

/// Returns the page.
pub fn page(help: &Help, look: Look) -> String {
    let mut sheet = Sheet::new(look);
    sheet.prose(0, &help.about);
    sheet.heading("Usage", "用法");
    sheet.command(2, &help.usage);
    list(&mut sheet, ("Commands", "命令"), &help.commands);
    list(&mut sheet, ("Arguments", "参数"), &help.arguments);
    list(&mut sheet, ("Options", "选项"), &help.options);
    list(&mut sheet, ("Everywhere", "通用选项"), &help.everywhere);
    list(&mut sheet, ("Examples", "示例"), &help.examples);
    sheet.finish()
}

fn list(sheet: &mut Sheet, (en, zh): (&'static str, &'static str), rows: &[(String, String)]) {
    if rows.is_empty() {
        return;
    }
    sheet.heading(en, zh);
    // A label wider than this gets a line of its own.
    let most = sheet.look.width() / 2;
    let widest = rows.iter().map(|(label, _)| width::of(label)).filter(|&wide| wide <= most).max();
    let column = widest.unwrap_or(0) + 2;
    let room = sheet.look.width().saturating_sub(column + 2).max(20);
    for (label, text) in rows {
        let painted = sheet.look.paint(Tone::Command, label);
        let spaces = " ".repeat(column.saturating_sub(width::of(label)));
        let mut head = format!("  {painted}{spaces}");
        if width::of(label) + 2 > column {
            sheet.line(&head);
            head = " ".repeat(column + 2);
        }
        for line in width::wrapped(text, room) {
            sheet.line(format!("{head}{line}"));
            head = " ".repeat(column + 2);
        }
    }
}
