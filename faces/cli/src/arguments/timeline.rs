//! `stanch timeline` and what it is asked.

use clap::builder::{PossibleValuesParser, ValueParser};
use clap::{Arg, ArgAction, Command, ValueHint};

type Say<'a> = &'a dyn Fn(&'static str, &'static str) -> &'static str;

/// `stanch timeline`.
pub(super) fn command(say: Say<'_>) -> Command {
    Command::new("timeline")
        .about(say(
            "Puts the events of all logs and the times of all files in one order",
            "把所有日志的事件和所有文件的时间排成一条时间线",
        ))
        .long_about(say(
            "Reads every log that survived and the four times of every file (changed, read, inode changed, made) and shows them in one order, each with where it stands. `--format jsonl` loads in Timesketch, `csv` in a spreadsheet, `bodyfile` in the Sleuth Kit. An event that two logs tell in the same words at the same time is shown once. It starts no program and writes nothing but the file that is asked for; what waits to be put in order waits in memory, and if there is no room, the oldest is left out and told. The exit code is 0, or 3 if something could not be read or was left out.",
            "读取现存的每份日志和每个文件的四个时间（内容修改、读取、属性变更、创建），按先后排成一条时间线，逐条注明出处。`--format jsonl` 可导入 Timesketch，`csv` 可用电子表格打开，`bodyfile` 供 Sleuth Kit 使用。两份日志在同一时刻用同样的话记载的事件只列一次。不启动任何程序，除指定的文件外不写任何内容；排序在内存中进行，容纳不下时略去最早的并说明。退出码：0 完成，3 有内容未能读取或被略去。",
        ))
        .arg(
            Arg::new("format")
                .long("format")
                .value_name("jsonl|csv|bodyfile")
                .value_parser(PossibleValuesParser::new(["jsonl", "csv", "bodyfile"]))
                .help(say(
                    "For programs: jsonl (Timesketch), csv, or bodyfile (Sleuth Kit); a table without it",
                    "供程序使用：jsonl（Timesketch）、csv 或 bodyfile（Sleuth Kit）；省略则输出表格",
                )),
        )
        .arg(
            Arg::new("output")
                .short('o')
                .long("output")
                .value_name(say("FILE", "文件"))
                .value_parser(ValueParser::path_buf())
                .value_hint(ValueHint::FilePath)
                .help(say(
                    "Write it into this file, which must not be there yet; without --format as jsonl",
                    "写入此文件，不得已存在；未指定 --format 时为 jsonl",
                )),
        )
        .args(chosen(say))
        .arg(
            Arg::new("jsonl")
                .long("jsonl")
                .action(ArgAction::SetTrue)
                .conflicts_with("format")
                .hide(true)
                .help(say("The same as --format jsonl", "同 --format jsonl")),
        )
}

/// What of everything is shown.
fn chosen(say: Say<'_>) -> Vec<Arg> {
    let time = |name: &'static str| Arg::new(name).long(name).value_name(say("TIME", "时间"));
    vec![
time("since").help(say(
            "Nothing before this time: `2026-11-02`, `2026-11-02T08:00:00Z`, `3d`, `12h`",
            "不要此前的内容：`2026-11-02`、`2026-11-02T08:00:00Z`、`3d`、`12h`",
        )),
time("until").help(say(
            "Nothing after this time, written likewise",
            "不要此后的内容，写法相同",
        )),

            Arg::new("kind")
                .long("kind")
                .value_name("KIND")
                .action(ArgAction::Append)
                .value_delimiter(',')
                .help(say(
                    "Only this kind (`auth.failure`, `file.times`) or family (`auth`, `file`); may be repeated",
                    "只要这种（`auth.failure`、`file.times`）或这一类（`auth`、`file`），可重复",
                )),

            Arg::new("path")
                .long("path")
                .value_name(say("PATTERN", "模式"))
                .action(ArgAction::Append)
                .help(say(
                    "Only files, and events that name a file, at such a path or below it: `/srv/www`, `/home/*/.ssh`; may be repeated",
                    "只要位于此路径或其下的文件，以及提到这些文件的事件：`/srv/www`、`/home/*/.ssh`，可重复",
                )),
    ]
}
