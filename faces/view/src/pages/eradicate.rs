//! What was cleared away, and what is left of it.

use stanch_incident::Deed;
use stanch_words::{Both, Lang, text};

use crate::{Look, Report, Sheet, Tone, Trouble};

/// How many of what is left are listed.
const SHOWN: usize = 20;

/// Returns what is said after a plan was carried out.
pub fn applied(deeds: &[Deed], left: Option<&[String]>, look: Look) -> String {
    let mut sheet = Sheet::new(look);
    for deed in deeds {
        sheet.prose(0, &format!("{}  {}", deed.id, look.text(&deed.step.does)));
    }
    let count = left.map_or(0, <[String]>::len);
    if left.is_none() {
        sheet.prose(0, look.say("Not looked at once more.", "未再次查看。"));
    } else if count == 0 {
        sheet.prose(
            0,
            look.say(
                "Looked at once more: no sign is left of what was cleared away.",
                "再次查看：所清除的内容已无任何迹象。",
            ),
        );
    } else {
        sheet.prose(
            0,
            &match look.lang {
                Lang::En => {
                    format!("Looked at once more: {count} signs are left about the same files.")
                }
                Lang::Zh => format!("再次查看：同一批文件仍有 {count} 处迹象。"),
            },
        );
        for one in left.into_iter().flatten().take(SHOWN) {
            sheet.prose(2, &text::escaped(one));
        }
    }
    sheet.heading("Next", "下一步");
    for command in ["stanch detect", "stanch quarantine list"] {
        sheet.line(format!("  {}", look.paint(Tone::Command, command)));
    }
    sheet.finish()
}

/// Returns the report of a report that is about another machine.
pub fn another_host(path: &str, of: &str, host: &str) -> Report {
    let [path, of, host] = [path, of, host].map(text::escaped);
    let what = Both::new(
        format!("`{path}` is a report of `{of}`, and this machine is `{host}`"),
        format!("`{path}` 是 `{of}` 的报告，而本机是 `{host}`"),
    );
    Report::new(Trouble::Refused, what)
        .because(Both::new(
            "files and accounts of the same names may be good ones here",
            "本机上的同名文件和账户可能是正常的",
        ))
        .next(Both::new("stanch detect --json > report.json", "stanch detect --json > report.json"))
}

/// Returns the report of a file that is no report of `stanch detect --json`.
pub fn no_report(path: &str, why: &str) -> Report {
    let path = text::escaped(path);
    let why = text::escaped(why);
    let what = Both::new(
        format!("`{path}` is not a report of `stanch detect --json`"),
        format!("`{path}` 不是 `stanch detect --json` 的输出"),
    );
    Report::new(Trouble::WrongUse, what)
        .because(Both::new(why.clone(), why))
        .next(Both::new("stanch detect --json > report.json", "stanch detect --json > report.json"))
}
