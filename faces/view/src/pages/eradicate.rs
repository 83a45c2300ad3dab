//! What was cleared away, and what is left of it.

use stanch_incident::Deed;
use stanch_words::{Both, Finding, Lang, text};

use crate::{Look, Report, Sheet, Tone, Trouble};

/// How many of what is left are listed.
const SHOWN: usize = 20;

/// Returns what is said after a plan was carried out.
pub fn applied(deeds: &[Deed], left: Option<&[Finding]>, look: Look) -> String {
    let mut sheet = Sheet::new(look);
    for deed in deeds {
        sheet.prose(0, &format!("{}  {}", deed.id, look.text(&deed.step.does)));
    }
    let count = left.map_or(0, <[Finding]>::len);
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
            sheet.prose(2, &format!("{}: {}", one.sign, look.seen(one)));
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

/// Returns the report of a report that only shares this machine's name, or cannot prove more.
pub fn another_machine(path: &str, host: &str, look: Option<&str>) -> Report {
    let [path, host] = [path, host].map(text::escaped);
    let (what, because) = match look {
        Some("live") => (
            Both::new(
                format!("`{path}` is a report of another machine that is named `{host}`, too"),
                format!("`{path}` 是另一台同名机器 `{host}` 的报告"),
            ),
            Both::new("its machine id is another", "其机器标识不同"),
        ),
        Some(_) => (
            Both::new(
                format!("`{path}` is a report of an image or bundle that is named `{host}`, too"),
                format!("`{path}` 是同名映像或证据包 `{host}` 的报告"),
            ),
            Both::new("its machine id is another, or there is none", "其机器标识不同，或没有标识"),
        ),
        None => (
            Both::new(
                format!("`{path}` does not say which machine it is of, only the name `{host}`"),
                format!("`{path}` 只有名称 `{host}`，没有说明是哪台机器"),
            ),
            Both::new("an older version made it", "它由旧版本生成"),
        ),
    };
    Report::new(Trouble::Refused, what)
        .because(because)
        .next(Both::new("stanch detect --json > report.json", "stanch detect --json > report.json"))
}

/// Returns the report of a finding that there is not.
pub fn no_finding(id: &str) -> Report {
    let id = text::escaped(id);
    let what = Both::new(format!("there is no finding `{id}`"), format!("没有发现 `{id}`"));
    Report::new(Trouble::WrongUse, what).next(Both::new(
        "give an id such as `F-0001` of that report, or of what `stanch detect --all` shows",
        "请给出该报告中的编号，如 `F-0001`，或 `stanch detect --all` 所列的编号",
    ))
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
