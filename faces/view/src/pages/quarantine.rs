//! What was taken away, and all that belonged to it.

use stanch_incident::eradication::{Item, Was};
use stanch_words::{Lang, text};

use crate::{Look, Sheet, Tone};

/// Returns the list.
pub fn list(items: &[Item], look: Look) -> String {
    let mut sheet = Sheet::new(look);
    if items.is_empty() {
        sheet.prose(0, look.say("Nothing was taken away.", "没有被隔离的文件。"));
        return sheet.finish();
    }
    for item in items {
        let path = text::escaped(&item.path);
        let (id, time, what) = (&item.deed.id, &item.deed.time, what(item, look));
        sheet.prose(0, &format!("{id}  {time}  {path}  {what}"));
    }
    sheet.heading("Next", "下一步");
    if let Some(item) = items.first() {
        for verb in ["show", "restore"] {
            let command = format!("stanch quarantine {verb} {}", item.deed.id);
            sheet.line(format!("  {}", look.paint(Tone::Command, &command)));
        }
    }
    sheet.finish()
}

/// Returns all that is known of one.
pub fn show(item: &Item, look: Look) -> String {
    let mut sheet = Sheet::new(look);
    sheet.prose(0, &format!("{}  {}", item.deed.id, text::escaped(&item.path)));
    sheet.prose(2, &format!("{}  {}", item.deed.time, look.text(&item.deed.step.does)));
    sheet.prose(2, &what(item, look));
    match &item.was {
        Was::File(file) => {
            sheet.prose(2, &format!("sha256 {}", file.sha256));
            let modified = file.modified.map_or(0, |time| time.div_euclid(1_000_000_000));
            let modified = stanch_incident::rfc3339(modified);
            sheet.prose(
                2,
                &match look.lang {
                    Lang::En => format!("changed {modified}, inode flags {:#x}", file.flags),
                    Lang::Zh => format!("修改于 {modified}，inode 标志 {:#x}", file.flags),
                },
            );
            for (name, value) in &file.attributes {
                sheet.prose(2, &format!("{} = 0x{value}", text::escaped(name)));
            }
        }
        Was::Link { target, .. } => sheet.prose(2, &format!("→ {}", text::escaped(target))),
        Was::Special { mode, uid, gid, .. } | Was::Folder { mode, uid, gid, .. } => {
            let owner = look.say("owner", "属主");
            sheet.prose(2, &format!("mode {mode:04o}, {owner} {uid}:{gid}"));
        }
        Was::Absent | Was::TooLarge { .. } | Was::Other { .. } => {}
    }
    if let Some(place) = &item.place {
        sheet.prose(2, &text::escaped(&place.display().to_string()));
    }
    sheet.finish()
}

/// Returns what is said after one was destroyed.
pub fn purged(item: &Item, look: Look) -> String {
    let mut sheet = Sheet::new(look);
    let path = text::escaped(&item.path);
    sheet.prose(
        0,
        &match look.lang {
            Lang::En => format!("Destroyed: what lay at `{path}` cannot come back."),
            Lang::Zh => format!("已销毁：`{path}` 的内容无法再恢复。"),
        },
    );
    sheet.finish()
}

fn what(item: &Item, look: Look) -> String {
    let there = match (item.is_there, look.lang) {
        (true, Lang::En) => "can come back",
        (true, Lang::Zh) => "可以恢复",
        (false, Lang::En) => "its content is not in the vault",
        (false, Lang::Zh) => "隔离区中没有其内容",
    };
    match (&item.was, look.lang) {
        (Was::File(file), Lang::En) => format!(
            "{} bytes, mode {:04o}, owner {}:{}; {there}",
            file.size, file.mode, file.uid, file.gid
        ),
        (Was::File(file), Lang::Zh) => format!(
            "{} 字节，权限 {:04o}，属主 {}:{}；{there}",
            file.size, file.mode, file.uid, file.gid
        ),
        (Was::Link { .. }, Lang::En) => format!("symlink; {there}"),
        (Was::Link { .. }, Lang::Zh) => format!("符号链接；{there}"),
        (Was::Folder { .. }, Lang::En) => format!("folder; {there}"),
        (Was::Folder { .. }, Lang::Zh) => format!("目录；{there}"),
        (Was::Special { kind, .. }, Lang::En) => format!("{kind}; {there}"),
        (Was::Special { kind, .. }, Lang::Zh) => format!("特殊文件（{kind}）；{there}"),
        (Was::Absent | Was::TooLarge { .. } | Was::Other { .. }, _) => there.to_owned(),
    }
}
