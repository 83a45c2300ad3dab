//! What the claims about files of packages rest on, and how to prove the rest.

use stanch_incident::Bases;
use stanch_words::{Both, Lang};

use super::{Place, thousands};
use crate::{Report, Sheet, Trouble};

/// Packages that a command names; `--all` and `--json` name all.
const NAMED: usize = 6;

/// Writes the section.
pub(super) fn section(sheet: &mut Sheet, place: Place<'_>, bases: &Bases) {
    let machine = bases.machine.len();
    if !bases.compared && machine == 0 {
        return;
    }
    let look = sheet.look;
    let (archive, brought) = (thousands(bases.archive), thousands(bases.brought));
    let own = thousands(machine);
    sheet.heading("What claims about packages rest on", "对软件包的判断依据什么");
    let line = match (look.lang, bases.compared) {
        (Lang::En, false) => format!(
            "The lists of the machine itself, which root can write ({own} packages). Compare with what the distribution shipped:"
        ),
        (Lang::Zh, false) => {
            format!("机器自己的清单，root 可以改写（{own} 个软件包）。要与发行版所发布的内容对比：")
        }
        (Lang::En, true) => format!(
            "{archive} packages: files that the distribution signed for. {brought}: package files that you brought. {own}: the lists of the machine itself, which root can write."
        ),
        (Lang::Zh, true) => format!(
            "{archive} 个软件包依据发行版签过名的文件，{brought} 个依据您带来的软件包，{own} 个只依据机器自己的清单（root 可以改写）。"
        ),
    };
    sheet.prose(2, &line);
    if bases.files.left > 0 {
        let (read, left) = (thousands(bases.files.files), thousands(bases.files.left));
        let line = match look.lang {
            Lang::En => format!(
                "{read} files were compared. {left} were not read, since nothing has touched them since their packages came; `--deep` reads them."
            ),
            Lang::Zh => format!(
                "已对比 {read} 个文件，另有 {left} 个自软件包安装后未变动，没有读取，`--deep` 会读取。"
            ),
        };
        sheet.prose(2, &line);
    }
    if !bases.compared {
        for command in place.commands(&["stanch detect --trust archive".to_owned()]) {
            sheet.command(4, &command);
        }
    } else if machine > 0 {
        sheet.prose(
            2,
            look.say(
                "To prove those, download them on a clean machine and give the folder with `--packages`:",
                "要证实这些软件包，请在干净的机器上下载，再用 `--packages` 给出目录：",
            ),
        );
        let named = if look.all { machine } else { NAMED };
        let names: Vec<&str> = bases.machine.iter().take(named).map(String::as_str).collect();
        let more = machine.saturating_sub(named);
        sheet.command(4, &format!("apt-get download {}", names.join(" ")));
        if more > 0 {
            let line = match look.lang {
                Lang::En => format!("and {} more; --all and --json name them", thousands(more)),
                Lang::Zh => format!("另有 {} 个，--all 和 --json 会全部列出", thousands(more)),
            };
            sheet.prose(4, &line);
        }
    }
}

/// Returns the refusal of an option that means nothing without `--trust archive`.
pub fn without_trust(option: &str) -> Report {
    let what = Both::new(
        format!("`{option}` means nothing without `--trust archive`"),
        format!("`{option}` 须与 `--trust archive` 同用"),
    );
    Report::new(Trouble::WrongUse, what)
        .next(Both::new("add `--trust archive`", "加上 `--trust archive`"))
}
