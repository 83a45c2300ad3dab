//! What is said about the arguments: help, and what was mistyped.

use insta::assert_snapshot;

use crate::clean;

#[test]
fn a_mistake_points_at_the_help_of_the_command_that_it_is_in() {
    let world = clean();
    let run = world.plain(&["contain", "plan", "--block", "foo", "--lang", "en"]);
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stderr.contains("next:    stanch contain plan --help"), "{run}");
    let help = world.plain(&["scan", "--help"]).stdout;
    for named in ["--yara", "--hashes"] {
        assert!(help.contains(named), "{help}");
    }
}

#[test]
fn mistyped_arguments_are_told_in_both_languages() {
    let world = clean();
    assert_snapshot!(world.plain(&["detcet"]), @r"
    [stderr]
    error: there is no command `detcet`
      left as: nothing was changed
      next:    did you mean `detect`? `stanch --help` shows more
    [exit 2]
    ");
    // A word that resembles none is not made into one.
    assert_snapshot!(world.plain(&["explain"]), @r"
    [stderr]
    error: there is no command `explain`
      left as: nothing was changed
      next:    stanch --help
    [exit 2]
    ");
    assert_snapshot!(world.plain(&["--lang", "zh", "detect", "--only", "trafic"]), @r"
    [stderr]
    错误：`trafic` 不能作为 `--only <类别>` 的值
      原因：  可用的值：performance、traffic、logs、files、processes
      现状：  没有改动任何东西
      下一步：是否想用 `traffic`？`stanch detect --help` 显示更多
    [exit 2]
    ");
    assert_snapshot!(world.plain(&["detect", "--jsn"]), @r"
    [stderr]
    error: `--jsn` is not understood here
      left as: nothing was changed
      next:    did you mean `--json`? `stanch detect --help` shows more
    [exit 2]
    ");
    assert_snapshot!(world.plain(&["query"]), @r"
    [stderr]
    error: `<SQL>` is missing
      left as: nothing was changed
      next:    stanch query --help
    [exit 2]
    ");
    assert_snapshot!(world.plain(&["help", "fatcs"]), @r"
    [stderr]
    error: there is no command `fatcs`
      left as: nothing was changed
      next:    did you mean `facts`? `stanch help` lists all
    [exit 2]
    ");
    assert_snapshot!(world.plain(&["facts", "user"]), @r"
    [stderr]
    error: there is no table `user`
      left as: nothing was changed
      next:    did you mean `users`? `stanch facts` lists all
    [exit 2]
    ");
    assert_snapshot!(world.plain(&["--lang", "zh", "rules", "show", "x"]), @r"
    [stderr]
    错误：没有 `x` 这项迹象
      现状：  没有改动任何东西
      下一步：`stanch rules list` 列出全部
    [exit 2]
    ");
}

#[test]
fn usage_lines_say_where_several_are_taken() {
    let world = clean();
    for (command, usage) in [
        (&["scan"][..], "stanch scan [OPTIONS] [PATH]..."),
        (&["events"], "stanch events [OPTIONS] FILE..."),
        (&["rules", "compile"], "stanch rules compile [OPTIONS] PATH..."),
        (&["query"], "stanch query [OPTIONS] SQL"),
    ] {
        let help = world.plain(&[command, &["--help"]].concat()).stdout;
        assert!(help.lines().any(|line| line.trim() == usage), "{usage}: {help}");
    }
}

#[test]
fn the_help_of_a_command_is_as_it_is() {
    let world = clean();
    assert_snapshot!(world.plain(&["query", "--help"]), @r#"
    Answers SQL (SQLite's) over the tables of the machine; `stanch facts` lists
    them. Tables are read when the query needs them, and only the columns that it
    names.

    Usage
      stanch query [OPTIONS] SQL

    Arguments
      SQL  The query, in quotes

    Options
          --jsonl                  Print one JSON object a line, a summary last
          --trust machine|archive  What files of packages are compared with:
                                   `machine` (its own lists, which root can write;
                                   the default) or `archive` (package files that the
                                   distribution signed for, or that you bring)
          --packages DIR           A folder of .deb and .rpm files, downloaded on a
                                   clean machine (with `--trust archive`)
          --keyring FILE           An OpenPGP keyring with the archive's keys;
                                   without it, those of Debian and Ubuntu are known
                                   (with `--trust archive`)

    Everywhere
          --root DIR     Look at a mounted disk image or another root directory
          --bundle FILE  Look at a bundle of evidence (`stanch preserve`, UAC,
                         Velociraptor)
          --case DIR     The case folder; by default `$STANCH_CASE`, else the case
                         opened last
          --json         Print one JSON document
          --all          Show everything: notes, every subject, every gap
      -v, --verbose      The same as --all
          --lang en|zh   The language; by default the locale's
          --no-color     No colour; NO_COLOR does the same
      -h, --help         Show the help of the command

    Examples
      stanch query "SELECT pid, path FROM processes WHERE on_disk = 0"
        programs whose file is gone
      stanch query --root /mnt "SELECT * FROM users WHERE uid = 0"
        in a disk image
      stanch query "SELECT user, source_ip FROM events WHERE kind = 'auth.success'"
        logins that any log, journal or record holds
    [exit 0]
    "#);
}

#[test]
fn the_help_of_all_is_in_both_languages() {
    let world = clean();
    assert_snapshot!(world.plain(&["help", "--lang", "zh"]), @r"
    止血：Linux 服务器疑似被入侵时的急救工具。

    用法
      stanch [选项] [命令]

    命令
      detect       查找入侵迹象并给出结论
      query        用 SQL 查询机器上的各张表
      facts        列出所有表，或某张表的各列
      events       读取任意日志，每行输出一个 JSON 事件
      scan         检查文件和进程内容，查找已知的恶意特征
      rules        列出检测所用的迹象，检查外来规则
      contain      断网：切断入侵者，绝不把您关在外面
      preserve     收集会消失的证据，封存为一个文件
      seal         校验、列出证据包，或生成时间戳请求
      timeline     把所有日志的事件和所有文件的时间排成一条时间线
      backup       把重要数据备份到加密仓库
      snapshots    列出仓库中的快照
      eradicate    清除入侵者留下的东西，全部可以恢复
      quarantine   列出、查看、恢复或销毁被隔离的文件
      restore      把快照恢复到暂存目录
      undo         撤销一项处置，或某方案的全部处置
      ledger       显示或校验案件台账
      baseline     记录每个文件的现状，日后比较有何不同
      completions  输出 shell 补全脚本
      help         显示某个命令的帮助

    选项
      -V, --version  显示版本

    通用选项
          --root 目录    查看已挂载的磁盘映像或其他根目录，而非本机
          --bundle 文件  查看证据包（`stanch preserve`、UAC 或 Velociraptor 生成），
                         而非本机
          --case 目录    案件目录；默认取 `$STANCH_CASE`，否则为最近打开的案件
          --json         输出一个 JSON 文档
          --all          全部显示：备注、每个对象、每处盲区
      -v, --verbose      同 --all
          --lang en|zh   语言，默认随系统区域设置
          --no-color     不用颜色，等同设置 NO_COLOR
      -h, --help         显示该命令的帮助

    示例
      stanch detect                       检查本机
      stanch detect --json > detect.json  保存结果
      stanch detect --root /mnt           检查已挂载的磁盘映像
    [exit 0]
    ");
}

#[test]
fn every_command_has_help_in_both_languages_within_80_cells() {
    let world = clean();
    let commands = [
        "detect",
        "query",
        "facts",
        "events",
        "scan",
        "rules",
        "contain",
        "preserve",
        "seal",
        "backup",
        "snapshots",
        "restore",
        "undo",
        "ledger",
        "baseline",
        "completions",
        "man",
        "help",
    ];
    for command in commands {
        let help = world.plain(&["help", command]);
        assert_eq!((help.code, help.stderr.as_str()), (0, ""), "{help}");
        assert_eq!(help.stdout, world.plain(&[command, "-h"]).stdout);
        let zh = world.plain(&["--lang", "zh", "help", command]);
        assert!(zh.stdout.contains("用法"), "{zh}");
        for line in help.stdout.lines().chain(zh.stdout.lines()) {
            assert!(stanch_view::width::of(line) <= 80, "{line}");
        }
        for line in zh.stdout.lines().take_while(|line| !line.contains("示例")) {
            let words = line.split_whitespace().filter(|word| word.len() > 1);
            let english =
                words.filter(|word| word.chars().all(|c| c.is_ascii_alphabetic())).count();
            assert!(english < 4, "not Chinese: {line}");
        }
    }
}

#[test]
fn the_locale_decides_the_language_unless_one_is_asked() {
    let world = clean();
    let in_locale = |variables: &[(&str, &str)], arguments: &[&str]| {
        world.with(variables, arguments).stdout.lines().next().unwrap_or_default().to_owned()
    };
    let zh = "止血：Linux 服务器疑似被入侵时的急救工具。";
    let en = "First aid for a Linux server that may have been broken into.";
    assert_eq!(in_locale(&[("LANG", "zh_CN.UTF-8")], &["help"]), zh);
    assert_eq!(in_locale(&[("LANG", "zh_CN.UTF-8"), ("LC_ALL", "C")], &["help"]), en);
    assert_eq!(in_locale(&[("LC_MESSAGES", "zh_TW"), ("LANG", "de_DE")], &["help"]), zh);
    assert_eq!(in_locale(&[("LANG", "zh_CN.UTF-8")], &["--lang", "en", "help"]), en);
    assert_eq!(in_locale(&[], &["--help"]), en);
}
