//! What is said about logs that could not be read as events.

use stanch_incident::Miss;
use stanch_words::{Both, EventKind};

use crate::{Report, Trouble, suggest};

/// Returns the report of a log that could not be read at all.
pub fn unreadable(miss: &Miss) -> Report {
    let kind = Trouble::of_unread(miss.kind);
    let what = Both::new(
        format!("`{}` could not be read", miss.path),
        format!("无法读取 `{}`", miss.path),
    );
    let report =
        Report::new(kind, what).because(Both::new(miss.detail.clone(), miss.detail.clone()));
    match kind {
        Trouble::Refused => report.next(Both::new("run it as root", "以 root 运行")),
        _ => report.next(Both::new("give the path of a log file", "请给出日志文件的路径")),
    }
}

/// Returns the report of a kind of events that there is not.
pub fn unknown_kind(asked: &str) -> Report {
    let names = EventKind::ALL.iter().map(|kind| kind.name());
    let near = suggest::nearest(asked, names.clone());
    let all = names.collect::<Vec<_>>().join(", ");
    let what = Both::new(
        format!("there is no kind of event `{asked}`"),
        format!("没有事件类型 `{asked}`"),
    );
    let because = Both::new(format!("the kinds are {all}"), format!("事件类型有：{all}"));
    let report = Report::new(Trouble::WrongUse, what).because(because);
    match near {
        Some(name) => report.next(Both::new(
            format!("stanch events --kind {name} FILE"),
            format!("stanch events --kind {name} 文件"),
        )),
        None => report,
    }
}
