//! Where the emergency stands, and the next sensible command.

use stanch_incident::{Deed, Standing, State};
use stanch_words::{Lang, text};

use crate::pages::acts;
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
pub fn page(host: &str, asker: Asker, standing: Option<&Standing>, look: Look) -> String {
    let mut sheet = Sheet::new(look);
    let host = crate::look::host(host, look);
    match standing {
        None => sheet.prose(
            0,
            &match look.lang {
                Lang::En => format!("No case is open on {host}; nothing was changed by us."),
                Lang::Zh => format!("{host} 上没有打开的案件；本工具没有改动任何东西。"),
            },
        ),
        Some(standing) => case(&mut sheet, &host, standing, look),
    }
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
    for command in next(standing).iter().filter(|command| *command != "stanch detect") {
        sheet.line(format!("  {}", look.paint(Tone::Command, command)));
    }
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

/// Returns the next sensible commands.
pub fn next(standing: Option<&Standing>) -> Vec<String> {
    let deeds = standing.map(|standing| standing.deeds.as_slice()).unwrap_or_default();
    let mut next = Vec::new();
    for deed in deeds {
        match deed.state {
            State::CutOff => next.push(format!("stanch undo {} --resume", deed.id)),
            State::UndoCutOff => next.push(format!("stanch undo {}", deed.id)),
            State::Done if is_cut(deed) => next.push("stanch contain status".to_owned()),
            State::Done | State::Failed | State::Undone => {}
        }
    }
    next.push("stanch detect".to_owned());
    next
}

/// Returns whether an act cut the network: whether it still holds, only the kernel tells.
fn is_cut(deed: &Deed) -> bool {
    matches!(deed.step.act.as_str(), "isolate_network" | "unplug_network")
}

fn case(sheet: &mut Sheet, host: &str, standing: &Standing, look: Look) {
    let folder = text::escaped(&standing.folder.display().to_string());
    let entries = standing.entries;
    sheet.prose(
        0,
        &match look.lang {
            Lang::En => format!("A case is open on {host}: {folder}, {entries} entries."),
            Lang::Zh => format!("{host} 上有打开的案件：{folder}，共 {entries} 条记录。"),
        },
    );
    if standing.deeds.is_empty() {
        sheet.prose(0, look.say("Nothing was changed by us.", "本工具没有改动任何东西。"));
        return;
    }
    sheet.heading("What was done", "已做的处置");
    let line = |deed: &Deed| {
        let state = acts::state(deed.state);
        format!("{}  {}  {}", deed.id, look.text(&state), look.text(&deed.step.does))
    };
    for deed in &standing.deeds {
        sheet.prose(2, &line(deed));
    }
}
