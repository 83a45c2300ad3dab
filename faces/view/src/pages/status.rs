//! Where the emergency stands, and the next sensible command.

use stanch_words::Lang;

use crate::{Look, Sheet, Tone, width};

/// Who asks: what can be seen depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// Root.
    Root,
    /// An ordinary user.
    User,
}

/// Returns the page.
pub fn page(host: &str, asker: Asker, look: Look) -> String {
    let mut sheet = Sheet::new(look);
    let host = crate::look::host(host, look);
    sheet.prose(
        0,
        &match look.lang {
            Lang::En => format!("No case is open on {host}; nothing was changed by us."),
            Lang::Zh => format!("{host} 上没有打开的案件；本工具没有改动任何东西。"),
        },
    );
    if asker == Asker::User {
        sheet.prose(
            0,
            look.say(
                "You are not root: what you may not read is listed as a gap.",
                "当前不是 root：无权读取的内容会列为盲区。",
            ),
        );
    }
    sheet.heading("Next", "下一步");
    let detect = if asker == Asker::User { "sudo stanch detect" } else { "stanch detect" };
    let rows = [
        (
            detect,
            look.say("have I been broken into? changes nothing", "查是否被入侵；不改动任何东西"),
        ),
        ("stanch query 'SQL'", look.say("ask the machine yourself", "自行查询本机")),
        ("stanch help", look.say("every command", "全部命令")),
    ];
    let column = rows.iter().map(|(command, _)| command.len()).max().unwrap_or(0) + 3;
    for (command, means) in rows {
        let command = look.paint(Tone::Command, &width::padded(command, column));
        sheet.line(format!("  {command}{means}"));
    }
    sheet.finish()
}
