//! What is said about logs that are read as events.

use stanch_incident::{LogRead, Miss, Place};
use stanch_words::{Both, EventKind, Gap, GapKind, Lang, text};

use super::detect::{quoted, thousands};
use crate::texts::system;
use crate::{Look, Report, Trouble, suggest};

/// Returns what is said of lines that nobody understood, for stderr: one line, or nothing. A log
/// that failed as a whole has a gap that says so. `told` says whether the lines were printed.
pub fn strange(read: &[LogRead], gaps: &[Gap], told: bool, look: Look) -> String {
    let failed = |log: &LogRead| {
        let of_it = |gap: &&Gap| gap.path.as_deref() == Some(&*log.file);
        gaps.iter().filter(of_it).any(|gap| gap.kind == GapKind::Failed)
    };
    let strange = || read.iter().filter(|log| log.counts.not_understood > 0 && !failed(log));
    let sum = |count: fn(&LogRead) -> u64| strange().map(count).fold(0, u64::saturating_add);
    let number = |count: u64| thousands(usize::try_from(count).unwrap_or(usize::MAX));
    let lines = number(sum(|log| log.counts.lines));
    let not_understood = number(sum(|log| log.counts.not_understood));
    let Some(first) = strange().next() else { return String::new() };
    let place = match strange().count() {
        1 => format!("`{}`", text::escaped(&text::shortened(&first.file, 60))),
        files => match look.lang {
            Lang::En => format!("{files} files"),
            Lang::Zh => format!("{files} 个文件"),
        },
    };
    let unknown = strange().all(|log| log.format.is_none() && log.counts.understood() == 0);
    let why = match (unknown, told) {
        (true, _) => look.say(
            "; no kind of log that is known here, `--format` names one",
            "；不是已知的日志类型，可用 `--format` 指定",
        ),
        (false, false) => {
            look.say("; `--not-understood` prints them", "；`--not-understood` 会列出")
        }
        (false, true) => "",
    };
    match look.lang {
        Lang::En => {
            format!("note: {not_understood} of {lines} lines in {place} were not understood{why}\n")
        }
        Lang::Zh => format!("提示：{place} 共 {lines} 行，{not_understood} 行未识别{why}\n"),
    }
}

/// Returns the report of a log that could not be read at all at a place.
pub fn unreadable(miss: &Miss, place: &Place) -> Report {
    let kind = Trouble::of_unread(miss.kind);
    let path = &miss.path;
    let what = Both::new(format!("`{path}` could not be read"), format!("无法读取 `{path}`"));
    let report = Report::new(kind, what).because_of(&miss.detail);
    let command = |command: String| Both::new(command.clone(), command);
    report.next(match (kind, system::instead_of_a_file(&miss.detail)) {
        (Trouble::Refused, _) => Both::new("run it as root", "以 root 运行"),
        _ if matches!(place, Place::Bundle(_)) => Both::new(
            "with `--bundle`, give the path that it had on its machine: `/var/log/auth.log`; what was not taken is not there",
            "用 --bundle 时，请给出它在原机器上的路径，如 `/var/log/auth.log`；未收集的内容不在其中",
        ),
        _ if *place != Place::Live => Both::new(
            "with `--root`, give the path inside it: `/var/log/auth.log`",
            "用 --root 时，请给出映像之内的路径，如 `/var/log/auth.log`",
        ),
        (_, Some("directory")) => command(format!("stanch events {}/*", quoted(path))),
        (_, Some("fifo" | "character")) => command(format!("stanch events - < {}", quoted(path))),
        _ => Both::new("give the path of a log file", "给出日志文件的路径"),
    })
}

/// Returns the report of a kind of events that there is not.
pub fn unknown_kind(asked: &str) -> Report {
    let mut families: Vec<&str> = Vec::new();
    for kind in EventKind::ALL {
        let family = kind.name().split('.').next().unwrap_or_default();
        if !families.contains(&family) {
            families.push(family);
        }
    }
    let names = EventKind::ALL.iter().map(|kind| kind.name());
    let near = suggest::nearest(asked, names.clone().chain(families.iter().copied()));
    let what = Both::new(
        format!("there is no kind of event `{asked}`"),
        format!("没有事件类型 `{asked}`"),
    );
    let asked_family = asked.split('.').next().unwrap_or_default();
    let siblings: Vec<&str> =
        names.filter(|name| name.split('.').next() == Some(asked_family)).collect();
    let shown = if siblings.is_empty() { &families } else { &siblings };
    let (en, zh) = (shown.join(", "), shown.join("、"));
    let because = match siblings.is_empty() {
        true => Both::new(format!("the families are {en}"), format!("事件大类有：{zh}")),
        false => Both::new(
            format!("the kinds of `{asked_family}` are {en}"),
            format!("`{asked_family}` 类的事件有：{zh}"),
        ),
    };
    let meant = near.unwrap_or("auth");
    Report::new(Trouble::WrongUse, what).because(because).next(Both::new(
        format!("stanch events --kind {meant} FILE"),
        format!("stanch events --kind {meant} 文件"),
    ))
}
