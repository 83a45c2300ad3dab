//! The timeline: a line a moment, and what it was made of.

use stanch_incident::rfc3339;
use stanch_incident::timeline::{MadeOf, Shown, TimelineError};
use stanch_wire as wire;
use stanch_words::{Both, Happened, Lang, Moment, bodyfile, text};

use super::detect::thousands;
use crate::documents::gap;
use crate::{Look, Report, Tone, Trouble, width};

/// Cells of the time, of what happened and of where it stands.
const TIME: usize = 20;
const KIND: usize = 17;
const PLACE: usize = 30;
/// The longest that a line is when nothing cuts it: a log line may have megabytes.
const LONGEST: usize = 2000;

/// Returns the line over the columns.
pub fn heading(look: Look) -> String {
    let names = [
        width::padded(look.say("time (UTC)", "时间（UTC）"), TIME),
        width::padded(look.say("what", "事件"), KIND),
        width::padded(look.say("where it stands", "出处"), PLACE),
        look.say("told", "内容").to_owned(),
    ];
    format!("{}\n", look.paint(Tone::Strong, &line(&names.join("  "), look)))
}

/// Returns the line of a moment.
pub fn row(moment: &Moment<'_>, look: Look) -> String {
    let time = time(moment.time);
    let time = width::padded(&time, TIME);
    let (kind, place, told) = match moment.what {
        Happened::Event(event) => {
            let place = format!("{}:{}", event.place.file, event.place.line);
            (event.kind.name().to_owned(), place, wire::message(event))
        }
        Happened::Times(file) => {
            let letters = file.letters(moment.time);
            let kind = format!("file {}", text::from_bytes(&letters));
            let path = text::from_bytes(&file.path);
            let (mode, uid, size) = (bodyfile::mode(file.mode), file.uid, file.size);
            let rights = match look.lang {
                Lang::En => format!("{mode} uid {uid}"),
                Lang::Zh => format!("{mode} 属主 {uid}"),
            };
            (kind, rights, format!("{path} ({size} B)"))
        }
    };
    let kind = width::padded(&width::cut(&kind, KIND), KIND);
    let place = width::padded(&ending(&text::escaped(&place), PLACE), PLACE);
    let told = text::escaped(&text::shortened(&told, LONGEST));
    format!("{}\n", line(&format!("{time}  {kind}  {place}  {told}"), look))
}

/// Cuts a line for a terminal.
fn line(line: &str, look: Look) -> String {
    let line = line.trim_end();
    match look.terminal {
        Some(wide) => width::cut(line, wide),
        None => line.to_owned(),
    }
}

/// Returns the end of a text: of a path the end tells more than the beginning.
fn ending(text: &str, wide: usize) -> String {
    if width::of(text) <= wide {
        return text.to_owned();
    }
    let mut kept = String::new();
    for c in text.chars().rev() {
        if width::of(&kept).saturating_add(width::of_char(c)) >= wide {
            break;
        }
        kept.insert(0, c);
    }
    format!("…{kept}")
}

/// Returns nanoseconds since 1970 UTC, to the second.
fn time(nanoseconds: i64) -> String {
    seconds(nanoseconds).replace('T', " ")
}

/// Returns nanoseconds since 1970 UTC as RFC 3339, to the second.
fn seconds(nanoseconds: i64) -> String {
    const SECOND: i64 = 1_000_000_000;
    rfc3339(nanoseconds.div_euclid(SECOND).saturating_mul(SECOND))
}

/// Returns what is said of a timeline, for stderr.
pub fn made(shown: &Shown, of: &MadeOf, look: Look) -> String {
    let number = |count: u64| thousands(usize::try_from(count).unwrap_or(usize::MAX));
    let (events, times) = (number(shown.events), number(shown.times));
    let (logs, files) = (number(of.logs.len() as u64), number(of.files));
    let mut out = match look.lang {
        Lang::En => {
            format!("{events} events of {logs} logs, {times} times of {files} files.\n")
        }
        Lang::Zh => {
            format!("{logs} 份日志中的 {events} 个事件，{files} 个文件的 {times} 个时间。\n")
        }
    };
    if shown.repeated > 0 {
        let count = number(shown.repeated);
        out.push_str(&match look.lang {
            Lang::En => format!("{count} more were told by two logs in the same words.\n"),
            Lang::Zh => format!("另有 {count} 个由两份日志用同样的话重复记载，未再列出。\n"),
        });
    }
    if of.timeless > 0 {
        let count = number(of.timeless);
        out.push_str(&match look.lang {
            Lang::En => format!(
                "{count} events have no time and no place in it; `stanch events` shows them.\n"
            ),
            Lang::Zh => format!("{count} 个事件没有时间，无法排入；用 `stanch events` 查看。\n"),
        });
    }
    if let (true, Some(from)) = (shown.left_out > 0, shown.from) {
        let (count, from) = (number(shown.left_out), time(from));
        out.push_str(&match look.lang {
            Lang::En => format!(
                "There was no room for the oldest {count}, up to {from}; after it nothing is missing. `--until` shows what is before.\n"
            ),
            Lang::Zh => format!(
                "内存容纳不下最早的 {count} 条（截至 {from}），此后的完整无缺；用 `--until` 查看更早的。\n"
            ),
        });
    }
    out
}

/// Returns `stanch.timeline-summary/1`.
pub fn document(
    file: &str,
    form: wire::TimelineForm,
    (shown, of): &(Shown, MadeOf),
    look: Look,
) -> wire::TimelineSummary {
    let micros = |micros: i64| rfc3339(micros.saturating_mul(1000));
    let source = |read: &stanch_incident::SourceRead| wire::TimelineSource {
        file: read.source.path_text().to_owned(),
        format: read.format.map(str::to_owned),
        events: read.counts.events,
        not_understood: read.counts.not_understood,
        first: read.first.map(micros),
        last: read.last.map(micros),
    };
    wire::TimelineSummary {
        schema: wire::TimelineSummary::SCHEMA.to_owned(),
        file: file.to_owned(),
        format: form.name().to_owned(),
        events: shown.events,
        times: shown.times,
        repeated: shown.repeated,
        timeless: of.timeless,
        left_out: shown.left_out,
        from: shown.from.map(rfc3339),
        first: shown.first.map(rfc3339),
        last: shown.last.map(rfc3339),
        files: of.files,
        sources: of.logs.iter().map(source).collect(),
        gaps: of.gaps.iter().map(|one| gap(one, look)).collect(),
    }
}

/// Returns the report of a timeline that could not be kept.
pub fn failed(file: &str, error: &TimelineError) -> Report {
    let what = Both::new(format!("`{file}` could not be written"), format!("无法写入 `{file}`"));
    let mut source: &dyn std::error::Error = error;
    while let Some(deeper) = source.source() {
        source = deeper;
    }
    let exists = source
        .downcast_ref::<std::io::Error>()
        .is_some_and(|error| error.kind() == std::io::ErrorKind::AlreadyExists);
    let next = match exists {
        true => Both::new("give a name that is not there yet", "请给出一个尚不存在的文件名"),
        false => Both::new("give a place with room, on another disk", "请写到另一块有空间的磁盘上"),
    };
    Report::new(Trouble::WrongUse, what).because_of(&source.to_string()).next(next)
}

#[cfg(test)]
mod tests {
    use stanch_words::{Event, EventKind, FileTimes, Place};

    use super::*;

    #[test]
    fn a_line_says_when_what_and_where_and_drives_no_terminal() {
        let mut event = Event::new(EventKind::AuthFailure);
        event.program = "sshd".into();
        event.pid = Some(7);
        event.message = "Failed password for a\u{1b}[2Jb".into();
        event.place = Place { file: "/var/log/auth.log", line: 12, offset: 0 };
        let moment = Moment { time: 1_793_606_400_000_000_000, what: Happened::Event(&event) };
        let expected = "2026-11-02 08:00:00Z  auth.failure       /var/log/auth.log:12            \
                        sshd[7]: Failed password for a\\u{1b}[2Jb\n";
        assert_eq!(row(&moment, Look::plain(Lang::En)), expected);
        let file = FileTimes {
            path: b"/srv/x\n"[..].into(),
            mode: 0o100_644,
            modified: 0,
            accessed: 1,
            changed: 0,
            ..FileTimes::default()
        };
        let moment = Moment { time: 0, what: Happened::Times(&file) };
        let expected = "1970-01-01 00:00:00Z  file m.c.          -rw-r--r-- 属主 0               \
                        /srv/x\\n (0 B)\n";
        assert_eq!(row(&moment, Look::plain(Lang::Zh)), expected);
        let narrow = Look { terminal: Some(40), ..Look::plain(Lang::En) };
        assert!(width::of(row(&moment, narrow).trim_end()) <= 40);
    }
}
