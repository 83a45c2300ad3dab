//! `stanch events` and what it is asked.

use clap::builder::{PossibleValuesParser, ValueParser};
use clap::{Arg, ArgAction, Command, ValueHint};

pub(super) fn command(say: impl Fn(&'static str, &'static str) -> &'static str) -> Command {
    Command::new("events")
        .about(say("Reads any log and prints what happened, one JSON object a line", "读取任意日志，每行输出一个 JSON 事件"))
        .long_about(say(
            "Reads logs, histories and record files of any kind, compressed or not, and prints one JSON object for each event, a summary last. The kind of log is told from its content. Every line is accounted for: it gives events, says nothing by design, or is counted as not understood. A time that names no zone is taken in the zone of this machine, with --root of that image, and its event says `\"clock\":\"local\"`. The exit code is 0, or 3 if something could not be read.",
            "读取各类日志、历史记录和登录记录（压缩的也行），每个事件输出一个 JSON 对象，最后一行为汇总。日志类型由内容判断。每一行都有着落：给出事件、本来就不含信息，或计为未识别。未写明时区的时间按本机时区理解（用 --root 时按该映像的时区），并标为 `\"clock\":\"local\"`。退出码：0 完成，3 有内容未能读取。",
        ))
        .arg(
            Arg::new("kind")
                .long("kind")
                .value_name("KIND")
                .action(ArgAction::Append)
                .value_delimiter(',')
                .help(say(
                    "Only events of this kind (`auth.failure`) or family (`auth`); may be repeated",
                    "只要这种事件（`auth.failure`）或这一类（`auth`），可重复",
                )),
        )
        .arg(Arg::new("since").long("since").value_name(say("TIME", "时间")).help(say(
            "Only events since then: `2026-11-02`, `2026-11-02T08:00:00Z`, `3d`, `12h`; those without a time are shown, too",
            "只看此后的事件：`2026-11-02`、`2026-11-02T08:00:00Z`、`3d`、`12h`；没有时间的事件照样列出",
        )))
        .arg(
            Arg::new("format")
                .long("format")
                .value_name(say("FORMAT", "格式"))
                .value_parser(PossibleValuesParser::new(stanch_incident::log_formats()))
                .help(say(
                    "Read it as this format (`syslog`, `audit`, `web-access`, …) instead of telling it from its content; a wrong name lists all",
                    "按此格式（`syslog`、`audit`、`web-access` 等）读取，不再由内容判断；写错时会列出全部",
                )),
        )
        .arg(
            Arg::new("not-understood")
                .long("not-understood")
                .action(ArgAction::SetTrue)
                .help(say(
                    "Print the lines that nobody understood as well",
                    "同时输出未识别的行",
                )),
        )
        .arg(
            Arg::new("jsonl").long("jsonl").action(ArgAction::SetTrue).hide(true).help(say(
                "The only form there is",
                "唯一的输出形式",
            )),
        )
        .arg(
            Arg::new("file")
                .value_name(say("FILE", "文件"))
                .required(true)
                .num_args(1..)
                .value_parser(ValueParser::path_buf())
                .value_hint(ValueHint::FilePath)
                .help(say("A log; `-` reads standard input", "日志文件，`-` 表示标准输入")),
        )
}
