//! Every command, option and help text, once, in both languages. Help pages, man pages and
//! completions come from here.

mod acts;
mod baseline;
mod continuity;
mod eradicate;
mod events;
mod preserve;
mod timeline;

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, ValueParser};
use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint};
use stanch_incident::{Desk, Place};
use stanch_view::Look;
use stanch_words::Lang;

use crate::terminal::Terminal;

/// The categories of signs, in the order of the emergency.
pub(crate) const CATEGORIES: [&str; 5] = ["performance", "traffic", "logs", "files", "processes"];

/// What every command is asked.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// What is looked at.
    pub(crate) place: Place,
    /// Where cases lie, and who writes to them.
    pub(crate) desk: Desk,
    /// Whether one JSON document is wanted.
    pub(crate) json: bool,
    /// Who reads it, and where.
    pub(crate) look: Look,
}

impl Asked {
    pub(crate) fn of(matches: &ArgMatches, terminal: &Terminal) -> Self {
        // Global arguments are on every level; the deepest has all of them.
        let mut deepest = matches;
        while let Some((_, deeper)) = deepest.subcommand() {
            deepest = deeper;
        }
        let flag = |name: &str| deepest.get_flag(name);
        let root = deepest.get_one::<PathBuf>("root");
        let bundle = deepest.get_one::<PathBuf>("bundle");
        let look = terminal.look();
        Self {
            place: match (root, bundle) {
                (Some(root), _) => Place::Root(root.clone()),
                (None, Some(bundle)) => Place::Bundle(bundle.clone()),
                (None, None) => Place::Live,
            },
            desk: terminal.desk(deepest.get_one::<PathBuf>("case").cloned()),
            json: flag("json"),
            look: Look {
                all: flag("all") || flag("verbose"),
                colour: look.colour && !flag("no-color"),
                ..look
            },
        }
    }
}

/// Returns the whole command line, with help in one language.
pub(crate) fn command(lang: Lang) -> Command {
    let say = |en: &'static str, zh: &'static str| match lang {
        Lang::En => en,
        Lang::Zh => zh,
    };
    Command::new("stanch")
        .version(env!("CARGO_PKG_VERSION"))
        .about(say(
            "First aid for a Linux server that may have been broken into.",
            "止血：Linux 服务器疑似被入侵时的急救工具。",
        ))
        .disable_help_subcommand(true)
        .disable_help_flag(true)
        .disable_version_flag(true)
        .subcommand_required(false)
        .args(everywhere(say))
        .subcommand(detect(say))
        .subcommand(query(say))
        .subcommand(facts(say))
        .subcommand(events::command(say))
        .subcommand(scan(say))
        .subcommand(rules(say))
        .subcommand(acts::contain(say))
        .subcommand(preserve::preserve(&say))
        .subcommand(preserve::seal(&say))
        .subcommand(timeline::command(&say))
        .subcommand(continuity::backup(&say))
        .subcommand(continuity::snapshots(&say))
        .subcommand(eradicate::eradicate(say))
        .subcommand(eradicate::quarantine(say))
        .subcommand(continuity::restore(&say))
        .subcommand(acts::undo(say))
        .subcommand(acts::ledger(say))
        .subcommand(baseline::command(&say))
        .subcommand(completions(say))
        .subcommand(man(say))
        .subcommand(
            Command::new("help")
                .about(say("Shows the help of a command", "显示某个命令的帮助"))
                .arg(
                    Arg::new("command")
                        .value_name(say("COMMAND", "命令"))
                        .num_args(0..)
                        .help(say("The command, such as `detect`", "命令名，如 `detect`")),
                ),
        )
}

fn everywhere(say: impl Fn(&'static str, &'static str) -> &'static str) -> Vec<Arg> {
    let flag =
        |name: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue).global(true);
    vec![
        Arg::new("root")
            .long("root")
            .value_name(say("DIR", "目录"))
            .value_parser(ValueParser::path_buf())
            .value_hint(ValueHint::DirPath)
            .global(true)
            .help(say(
                "Look at a mounted disk image or another root directory",
                "查看已挂载的磁盘映像或其他根目录，而非本机",
            )),
        Arg::new("bundle")
            .long("bundle")
            .value_name(say("FILE", "文件"))
            .value_parser(ValueParser::path_buf())
            .value_hint(ValueHint::FilePath)
            .conflicts_with("root")
            .global(true)
            .help(say(
                "Look at a bundle of evidence (`stanch preserve`, UAC, Velociraptor)",
                "查看证据包（`stanch preserve`、UAC 或 Velociraptor 生成），而非本机",
            )),
        Arg::new("case")
            .long("case")
            .value_name(say("DIR", "目录"))
            .value_parser(ValueParser::path_buf())
            .value_hint(ValueHint::DirPath)
            .global(true)
            .help(say(
                "The case folder; by default `$STANCH_CASE`, else the case opened last",
                "案件目录；默认取 `$STANCH_CASE`，否则为最近打开的案件",
            )),
        flag("json").help(say("Print one JSON document", "输出一个 JSON 文档")),
        flag("all").help(say(
            "Show everything: notes, every subject, every gap",
            "全部显示：备注、每个对象、每处盲区",
        )),
        flag("verbose").short('v').help(say("The same as --all", "同 --all")),
        Arg::new("lang")
            .long("lang")
            .value_name("en|zh")
            .value_parser(PossibleValuesParser::new(["en", "zh"]))
            .global(true)
            .help(say("The language; by default the locale's", "语言，默认随系统区域设置")),
        flag("no-color")
            .help(say("No colour; NO_COLOR does the same", "不用颜色，等同设置 NO_COLOR")),
        Arg::new("help")
            .short('h')
            .long("help")
            .action(ArgAction::Help)
            .global(true)
            .help(say("Show the help of the command", "显示该命令的帮助")),
        Arg::new("version")
            .short('V')
            .long("version")
            .action(ArgAction::Version)
            .help(say("Show the version", "显示版本")),
    ]
}

fn detect(say: impl Fn(&'static str, &'static str) -> &'static str) -> Command {
    Command::new("detect")
        .about(say(
            "Looks for the signs of an intrusion and gives a verdict",
            "查找入侵迹象并给出结论",
        ))
        .long_about(say(
            "Looks for the signs of an intrusion and gives a verdict: clean, suspicious or compromised. It changes nothing and starts no program. Without root it sees less, and says so. The exit code is 0 when nothing above a note was found, 1 when something was, 3 when nothing was found but another run could see more: as root, for one.",
            "查找入侵迹象并给出结论：未见入侵、可疑或已被入侵。不改动系统，也不启动任何程序。没有 root 权限也能运行，看不到的会如实列出。退出码：0 没有备注以上的发现，1 有发现，3 没有发现，但换一种方式（例如以 root 运行）还能看到更多。",
        ))
        .arg(
            Arg::new("only")
                .long("only")
                .value_name(say("LIST", "类别"))
                .value_delimiter(',')
                .value_parser(PossibleValuesParser::new(CATEGORIES))
                .help(say(
                    "Only these kinds of signs, with commas: performance, traffic, logs, files, processes",
                    "只查这些类别，逗号分隔：performance 性能、traffic 流量、logs 日志、files 文件、processes 进程",
                )),
        )
        .arg(since(&say))
        .arg(Arg::new("deep").long("deep").action(ArgAction::SetTrue).help(say(
            "Look into the content of all files and archives, however long it takes",
            "检查所有文件和压缩包的内容，不限时间",
        )))
        .arg(yara_rules(&say))
        .arg(cache(&say))
        .arg(hashes(&say))
        .args(trust(&say))
        .arg(
            Arg::new("baseline")
                .long("baseline")
                .value_name(say("FILE", "文件"))
                .value_parser(ValueParser::path_buf())
                .value_hint(ValueHint::FilePath)
                .help(say(
                    "Judge what differs from this baseline (`stanch baseline create`), too",
                    "同时判断与此基线（`stanch baseline create`）的差异",
                )),
        )
        .arg(baseline::public_key(&say).requires("baseline"))
        .arg(
            Arg::new("sigma")
                .long("sigma")
                .value_name(say("DIR", "目录"))
                .value_parser(ValueParser::path_buf())
                .value_hint(ValueHint::AnyPath)
                .help(say(
                    "Let the Sigma rules in this directory see every event of every log, too",
                    "同时用此目录中的 Sigma 规则检查各日志的每个事件",
                )),
        )
}

/// An argument that is a path.
fn path(name: &'static str, value: &'static str) -> Arg {
    Arg::new(name)
        .value_name(value)
        .value_parser(ValueParser::path_buf())
        .value_hint(ValueHint::AnyPath)
}

fn since(say: impl Fn(&'static str, &'static str) -> &'static str) -> Arg {
    Arg::new("since").long("since").value_name(say("TIME", "时间")).help(say(
        "Only what happened since then: `2026-11-02`, `2026-11-02T08:00:00Z`, `3d`, `12h`; a state is found whenever it began",
        "只看此后发生的事：`2026-11-02`、`2026-11-02T08:00:00Z`、`3d`、`12h`；状态类迹象不论何时开始都会列出",
    ))
}

fn query(say: impl Fn(&'static str, &'static str) -> &'static str) -> Command {
    Command::new("query")
        .about(say("Answers SQL over the tables of the machine", "用 SQL 查询机器上的各张表"))
        .long_about(say(
            "Answers SQL (SQLite's) over the tables of the machine; `stanch facts` lists them. Tables are read when the query needs them, and only the columns that it names.",
            "用 SQL（SQLite 方言）查询机器上的各张表；`stanch facts` 列出所有表。查询用到哪张表才读哪张，也只读用到的列。",
        ))
        .arg(
            Arg::new("jsonl")
                .long("jsonl")
                .action(ArgAction::SetTrue)
                .conflicts_with("json")
                .help(say(
                    "Print one JSON object a line, a summary last",
                    "每行输出一个 JSON 对象，最后一行为汇总",
                )),
        )
        .args(trust(&say))
        .arg(
            Arg::new("sql")
                .value_name("SQL")
                .required(true)
                .help(say("The query, in quotes", "查询语句，加引号")),
        )
}

fn facts(say: impl Fn(&'static str, &'static str) -> &'static str) -> Command {
    Command::new("facts")
        .about(say("Lists the tables, or one table's columns", "列出所有表，或某张表的各列"))
        .arg(
            Arg::new("table")
                .value_name(say("TABLE", "表名"))
                .help(say("The table, such as `processes`", "表名，如 `processes`")),
        )
}

fn scan(say: impl Fn(&'static str, &'static str) -> &'static str) -> Command {
    let flag = |name: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue);
    Command::new("scan")
        .about(say(
            "Looks into files and processes for what is known to be bad",
            "检查文件和进程内容，查找已知的恶意特征",
        ))
        .long_about(say(
            "Looks into files and, with `--processes`, into memory: by YARA rules (a starter set comes with it), and by its own reading of programs, pictures and scripts. Archives are looked into, within caps; `FILE!/MEMBER` names what is in them. What a package's digest proves intact is counted and left out; `--all` looks into it as well. Without a path it looks into the whole machine. The exit code is 0 when nothing above a note was found, 1 when something was, 3 when something could not be looked into.",
            "检查文件，加 `--processes` 则还检查内存：使用 YARA 规则（自带一套基础规则），以及对程序、图片和脚本的自有分析。压缩包会在上限之内逐层查看，其中的内容写作“文件!/成员”。与软件包摘要一致的文件只计数、不检查，加 `--all` 则一并检查。不给路径时检查整台机器。退出码：0 没有备注以上的发现，1 有发现，3 有内容未能检查。",
        ))
        .arg(yara_rules(&say))
        .arg(cache(&say))
        .arg(hashes(&say))
        .args(trust(&say))
        .arg(flag("processes").help(say(
            "The memory of processes, and programs that have no file any more",
            "检查进程内存，以及文件已不存在的程序",
        )))
        .arg(flag("no-archives").help(say(
            "Judge archives as they lie, without looking into them",
            "压缩包按原样判断，不查看其中内容",
        )))
        .arg(flag("network").help(say(
            "Enter file systems of the network and of programs (FUSE) as well",
            "同时进入网络文件系统和 FUSE 文件系统",
        )))
        .arg(
            Arg::new("path")
                .value_name(say("PATH", "路径"))
                .num_args(0..)
                .value_parser(ValueParser::path_buf())
                .value_hint(ValueHint::AnyPath)
                .help(say("Files and directories", "文件和目录")),
        )
}

fn yara_rules(say: impl Fn(&'static str, &'static str) -> &'static str) -> Arg {
    Arg::new("rules")
        .long("yara")
        .visible_alias("rules")
        .value_name(say("DIR", "目录"))
        .action(ArgAction::Append)
        .value_parser(ValueParser::path_buf())
        .value_hint(ValueHint::AnyPath)
        .help(say(
            "YARA rules of others, or a pack of `stanch rules compile`, beside the starter rules; may be repeated",
            "外来 YARA 规则，或 `stanch rules compile` 生成的规则包，与自带规则一并使用，可重复",
        ))
}

fn cache(say: impl Fn(&'static str, &'static str) -> &'static str) -> Arg {
    Arg::new("cache")
        .long("cache")
        .value_name(say("DIR", "目录"))
        .value_parser(ValueParser::path_buf())
        .value_hint(ValueHint::DirPath)
        .help(say(
            "Keep compiled YARA rules here; without it nothing is kept on this machine, and with --root in $XDG_CACHE_HOME/stanch",
            "把编译好的 YARA 规则保存在此；省略时不在本机保存任何东西，与 --root 同用时保存在 $XDG_CACHE_HOME/stanch",
        ))
}

fn trust(say: impl Fn(&'static str, &'static str) -> &'static str) -> [Arg; 3] {
    [
        Arg::new("trust")
            .long("trust")
            .value_name("machine|archive")
            .value_parser(PossibleValuesParser::new(["machine", "archive"]))
            .default_value("machine")
            .hide_default_value(true)
            .hide_possible_values(true)
            .help(say(
                "What files of packages are compared with: `machine` (its own lists, which root can write; the default) or `archive` (package files that the distribution signed for, or that you bring)",
                "软件包文件与什么对比：`machine`（本机自己的清单，root 可以改写，为默认值）或 `archive`（发行版签过名的软件包，或您带来的软件包）",
            )),
        Arg::new("packages")
            .long("packages")
            .value_name(say("DIR", "目录"))
            .value_parser(ValueParser::path_buf())
            .value_hint(ValueHint::DirPath)
            .help(say(
                "A folder of .deb and .rpm files, downloaded on a clean machine (with `--trust archive`)",
                "在干净机器上下载的 .deb 和 .rpm 所在目录（与 `--trust archive` 同用）",
            )),
        Arg::new("keyring")
            .long("keyring")
            .value_name(say("FILE", "文件"))
            .value_parser(ValueParser::path_buf())
            .value_hint(ValueHint::FilePath)
            .help(say(
                "An OpenPGP keyring with the archive's keys; without it, those of Debian and Ubuntu are known (with `--trust archive`)",
                "含软件源公钥的 OpenPGP 密钥环，省略时只认 Debian 和 Ubuntu 的密钥（与 `--trust archive` 同用）",
            )),
    ]
}

fn hashes(say: impl Fn(&'static str, &'static str) -> &'static str) -> Arg {
    Arg::new("hashes")
        .long("hashes")
        .value_name(say("FILE", "文件"))
        .action(ArgAction::Append)
        .value_parser(ValueParser::path_buf())
        .value_hint(ValueHint::FilePath)
        .help(say(
            "A list of bad MD5, SHA-1, SHA-256 or BLAKE3: plain, CSV, STIX 2.1, MISP; may be repeated",
            "恶意文件摘要清单（MD5、SHA-1、SHA-256、BLAKE3），可为纯文本、CSV、STIX 2.1 或 MISP，可重复",
        ))
}

fn rules(say: impl Fn(&'static str, &'static str) -> &'static str) -> Command {
    Command::new("rules")
        .about(say("Lists the signs that detection looks for; checks rules of others", "列出检测所用的迹象，检查外来规则"))
        .subcommand_required(false)
        .subcommand(Command::new("list").about(say("Lists all signs", "列出全部迹象")))
        .subcommand(
            Command::new("show")
                .about(say(
                    "Shows one sign: why it matters, when it is innocent, how it is seen",
                    "显示一项迹象：为什么要紧、何时无害、如何发现",
                ))
                .arg(Arg::new("id").value_name("ID").required(true).help(say(
                    "Its id, such as `processes.deleted-program`",
                    "编号，如 `processes.deleted-program`",
                ))),
        )
        .subcommand(
            Command::new("check")
                .about(say(
                    "Checks a directory of Sigma or YARA rules: what loads, what does not and why",
                    "检查 Sigma 或 YARA 规则目录：哪些能加载，哪些不能及其原因",
                ))
                .long_about(say(
                    "Loads every Sigma rule (`.yml`, `.yaml`) of a directory, as `stanch detect --sigma` does, and every YARA rule (`.yar`, `.yara`, `.rule`), as `stanch scan --yara` does, and tells for each bad one the file, the line, the reason and what helps; then those that load but that no log read here can fire. The exit code is 0 if all load, 1 if some do not.",
                    "像 `stanch detect --sigma` 那样加载目录中的全部 Sigma 规则（`.yml`、`.yaml`），像 `stanch scan --yara` 那样加载全部 YARA 规则（`.yar`、`.yara`、`.rule`），对每条无效规则给出文件、行号、原因和改法；再列出能加载、但这里读取的日志无法触发的规则。退出码：0 全部可加载，1 有规则无法加载。",
                ))
                .arg(
                    Arg::new("directory")
                        .value_name(say("DIR", "目录"))
                        .required(true)
                        .value_parser(ValueParser::path_buf())
                        .value_hint(ValueHint::AnyPath)
                        .help(say("A directory of rules, or one file", "规则目录，或单个文件")),
                ),
        )
        .subcommand(compile(&say))
}

fn compile(say: impl Fn(&'static str, &'static str) -> &'static str) -> Command {
    Command::new("compile")
        .about(say(
            "Compiles YARA rules, the starter rules among them, into a pack that loads at once",
            "把 YARA 规则（连同自带规则）编译成可即时加载的规则包",
        ))
        .long_about(say(
            "Compiles YARA rules of directories and files, the starter rules among them, into one file for `stanch scan --yara`. Mistakes are told as `stanch rules check` tells them; a mistake costs the rule that it stands in. A pack is for the version of stanch that made it. The exit code is 0 if all compile, 1 if some do not.",
            "把目录和文件中的 YARA 规则连同自带规则编译成一个文件，供 `stanch scan --yara` 使用。错误的报告方式同 `stanch rules check`，一处错误只影响所在的那条规则。规则包只适用于生成它的 stanch 版本。退出码：0 全部编译通过，1 有规则无法编译。",
        ))
        .arg(
            Arg::new("directory")
                .value_name(say("PATH", "路径"))
                .required(true)
                .num_args(1..)
                .value_parser(ValueParser::path_buf())
                .value_hint(ValueHint::AnyPath)
                .help(say("Directories and files of YARA rules", "YARA 规则的目录和文件")),
        )
        .arg(
            Arg::new("output")
                .short('o')
                .long("output")
                .value_name(say("FILE", "文件"))
                .required(true)
                .value_parser(ValueParser::path_buf())
                .value_hint(ValueHint::FilePath)
                .help(say("The pack", "规则包")),
        )
}

fn completions(say: impl Fn(&'static str, &'static str) -> &'static str) -> Command {
    Command::new("completions")
        .about(say("Prints completions for a shell", "输出 shell 补全脚本"))
        .arg(
            Arg::new("shell")
                .value_name(say("SHELL", "SHELL"))
                .required(true)
                .value_parser(PossibleValuesParser::new(["bash", "zsh", "fish"]))
                .help(say("bash, zsh or fish", "bash、zsh 或 fish")),
        )
}

fn man(say: impl Fn(&'static str, &'static str) -> &'static str) -> Command {
    Command::new("man").hide(true).about(say("Writes the man pages", "生成 man 手册页")).arg(
        Arg::new("directory")
            .value_name(say("DIR", "目录"))
            .value_parser(ValueParser::path_buf())
            .value_hint(ValueHint::DirPath)
            .help(say(
                "Where to; without it the page of `stanch` goes to stdout",
                "写入的目录；省略则把 `stanch` 的手册页输出到标准输出",
            )),
    )
}
