//! The commands that take away what an intruder left, and give back what was ours.

use clap::builder::{PossibleValuesParser, ValueParser};
use clap::{Arg, ArgAction, Command, ValueHint};
use stanch_words::Level;

use super::acts::{plan_id, yes};

/// `stanch eradicate`.
pub(super) fn eradicate(
    say: impl Fn(&'static str, &'static str) -> &'static str + Copy,
) -> Command {
    Command::new("eradicate")
        .about(say(
            "Removes what the intruder left, so that all of it can come back",
            "清除入侵者留下的东西，全部可以恢复",
        ))
        .long_about(say(
            "Looks for the signs of an intrusion, or takes them from a report, and plans what goes: processes are frozen and killed, lines are taken out of files that others share, files and links go into the vault of the case, set-id bits and capabilities are taken off, and files of packages are put back as their packages bring them. `plan` changes nothing. Every step but killing can be undone with `stanch undo ID`; nothing that a package put there is removed, and no script of a package is run. After `apply` the machine is looked at once more for what was found before.",
            "查找入侵迹象（或读取已有报告），并制定清除方案：冻结并终止进程，从共用文件中删去恶意行，把文件和链接移入案件的隔离区，收回 set-id 位与能力，按软件包还原被改动的文件。`plan` 不作任何改动。除终止进程外，每一步都可用 `stanch undo ID` 撤销；软件包的文件不会被删除，也不会运行软件包的脚本。`apply` 之后会再次查看，确认先前的迹象是否消失。",
        ))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(wish(Command::new("plan").about(say(
            "Shows what would be removed, put back, or refused; changes nothing",
            "显示将清除、还原或拒绝什么；不作改动",
        )), say))
        .subcommand(
            wish(Command::new("apply").about(say("Does it", "执行清除")), say)
                .arg(plan_id(say).conflicts_with_all([
                    "report", "level", "finding", "path", "trust", "packages", "keyring",
                ]))
                .arg(Arg::new("no-look").long("no-look").action(ArgAction::SetTrue).help(say(
                    "Do not look at the machine once more afterwards",
                    "处置后不再次查看",
                )))
                .arg(yes(say)),
        )
}

fn wish(
    command: Command,
    say: impl Fn(&'static str, &'static str) -> &'static str + Copy,
) -> Command {
    let levels = Level::ALL.map(Level::name);
    command
        .arg(
            Arg::new("report")
                .long("report")
                .value_name(say("FILE", "文件"))
                .value_parser(ValueParser::path_buf())
                .value_hint(ValueHint::FilePath)
                .help(say(
                    "What was found: the output of `stanch detect --json`; without it, the machine is looked at now",
                    "已有发现：`stanch detect --json` 的输出；省略则现在查看本机",
                )),
        )
        .arg(
            Arg::new("level")
                .long("level")
                .value_name(say("LEVEL", "级别"))
                .value_parser(PossibleValuesParser::new(levels))
                .help(say(
                    "Clear away findings of this level and above; by default medium",
                    "清除该级别及以上的发现；默认 medium",
                )),
        )
        .arg(
            Arg::new("finding")
                .long("finding")
                .value_name("ID")
                .action(ArgAction::Append)
                .requires("report")
                .help(say(
                    "Only this finding of the report, such as `F-0003`; may be repeated",
                    "只清除报告中的该项发现，如 `F-0003`，可重复",
                )),
        )
        .arg(
            Arg::new("path")
                .long("path")
                .value_name(say("PATH", "路径"))
                .action(ArgAction::Append)
                .value_parser(ValueParser::path_buf())
                .value_hint(ValueHint::AnyPath)
                .help(say(
                    "Take this file or symlink away; may be repeated. Alone, no finding is cleared away",
                    "隔离该文件或符号链接，可重复；单独使用时不处理任何发现",
                )),
        )
        .args(super::trust(say))
}

/// `stanch quarantine`.
pub(super) fn quarantine(
    say: impl Fn(&'static str, &'static str) -> &'static str + Copy,
) -> Command {
    let id = || {
        Arg::new("id").value_name("ID").required(true).help(say(
            "The act that took it away, such as `A-0003`; `quarantine list` names them",
            "隔离它的处置编号，如 `A-0003`；`quarantine list` 可列出",
        ))
    };
    Command::new("quarantine")
        .about(say(
            "Lists, shows, gives back or destroys what was taken away",
            "列出、查看、恢复或销毁被隔离的文件",
        ))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(
            Command::new("list").about(say("Lists what was taken away", "列出被隔离的文件")),
        )
        .subcommand(
            Command::new("show")
                .about(say(
                    "Shows one file: where it lay, and all that belonged to it",
                    "查看一个文件：原路径及全部属性",
                ))
                .arg(id()),
        )
        .subcommand(
            Command::new("restore")
                .about(say(
                    "Gives one back, with all that belonged to it",
                    "恢复一个文件及其全部属性",
                ))
                .arg(id()),
        )
        .subcommand(
            Command::new("purge")
                .about(say(
                    "Destroys one for ever: it cannot come back then",
                    "永久销毁一个文件，此后无法恢复",
                ))
                .arg(id())
                .arg(
                    Arg::new("yes")
                        .long("yes")
                        .action(ArgAction::SetTrue)
                        .help(say("Do not ask", "不再询问")),
                ),
        )
}
