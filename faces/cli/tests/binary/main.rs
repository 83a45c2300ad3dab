//! Drives the built binary in small worlds of its own, in both languages.
#![expect(clippy::disallowed_methods, reason = "a test builds a world and starts the binary")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod world;

use insta::assert_snapshot;
use world::World;

const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\n\
    daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n\
    张三:x:1000:1000:Zhang San,,,:/home/zhang:/bin/bash\n";

fn clean() -> World {
    let world = World::new();
    world.file("etc/hostname", "web01\n");
    world.file("etc/passwd", PASSWD);
    world.file("etc/group", "root:x:0:\ndaemon:x:1:\n");
    world.file(
        "etc/shadow",
        "root:*:20000:0:99999:7:::\ndaemon:*:20000:0:99999:7:::\n张三:!:20000:0:99999:7:::\n",
    );
    world
}

#[test]
fn a_clean_root_is_clean() {
    let world = clean();
    let run = world.run(&["detect"]);
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(run.stderr, "", "{run}");
    assert!(run.stdout.starts_with("CLEAN  no sign of a break-in on web01 ("), "{run}");
    let run = world.run(&["--lang", "zh", "detect"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.starts_with("未见入侵  web01 上没有发现入侵迹象（"), "{run}");
}

#[test]
fn a_second_root_account_is_found_and_its_line_is_named() {
    let world = clean();
    world.file("etc/passwd", &format!("{PASSWD}eve:x:0:0::/root:/bin/sh\n"));
    let run = world.run(&["detect", "--only", "logs"]);
    assert_eq!(run.code, 1, "{run}");
    assert!(run.stdout.contains("account eve"), "{run}");
    assert!(run.stdout.contains("/etc/passwd"), "{run}");
    let run = world.run(&["detect", "--json", "--lang", "zh"]);
    assert_eq!(run.code, 1, "{run}");
    let document: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(document.pointer("/schema").unwrap(), "stanch.detect/1");
    assert_eq!(document.pointer("/host").unwrap(), "web01");
    let findings = document.pointer("/findings").unwrap().as_array().unwrap();
    let eve = findings.iter().find(|finding| finding["entity"]["name"] == "eve").unwrap();
    assert_eq!(eve["sign"], "logs.second-root-account");
    assert_eq!(eve["entity"]["kind"], "account");
    assert!(eve["why"].as_str().unwrap().contains('。'), "{eve}");
}

#[test]
fn a_query_gives_a_table() {
    let run = clean().run(&["query", "SELECT uid, username, shell, NULL AS blank FROM users"]);
    assert_snapshot!(run, @r"
     uid  username  shell              blank
       0  root      /bin/bash
       1  daemon    /usr/sbin/nologin
    1000  张三      /bin/bash
    [exit 0]
    ");
}

#[test]
fn a_query_gives_json_with_columns_in_order_and_names_that_occur_once() {
    let run =
        clean().run(&["query", "--json", "SELECT username, uid, uid FROM users WHERE uid = 1000"]);
    assert_snapshot!(run, @r#"
    {
      "schema": "stanch.query/1",
      "columns": [
        "username",
        "uid",
        "uid:1"
      ],
      "rows": [
        {
          "username": "张三",
          "uid": 1000,
          "uid:1": 1000
        }
      ],
      "gaps": []
    }
    [exit 0]
    "#);
}

#[test]
fn a_query_streams_lines_and_a_summary() {
    let run = clean().run(&["query", "--jsonl", "SELECT uid, 0.5 AS half FROM users LIMIT 2"]);
    assert_snapshot!(run, @r#"
    {"schema":"stanch.row/1","row":{"uid":0,"half":0.5}}
    {"schema":"stanch.row/1","row":{"uid":1,"half":0.5}}
    {"schema":"stanch.query-summary/1","rows":2,"gaps":[]}
    [exit 0]
    "#);
}

#[test]
fn a_wrong_table_is_named_and_the_nearest_offered() {
    let world = clean();
    assert_snapshot!(world.run(&["query", "SELECT * FROM usres"]), @r"
    [stderr]
    error: there is no table `usres`
      because: SELECT * FROM usres
                             ^
      left as: nothing was changed
      next:    did you mean `users`? `stanch facts` lists the tables
    [exit 2]
    ");
    assert_snapshot!(world.run(&["--lang", "zh", "query", "SELECT * FROM usres"]), @r"
    [stderr]
    错误：没有 `usres` 这张表
      原因：  SELECT * FROM usres
                            ^
      现状：  没有改动任何东西
      下一步：是否想用 `users`？`stanch facts` 列出所有表
    [exit 2]
    ");
}

#[test]
fn a_wrong_column_is_pointed_at() {
    let world = clean();
    assert_snapshot!(world.run(&["query", "SELECT uid,\n  usrname FROM users"]), @r"
    [stderr]
    error: there is no column `usrname`
      because:   usrname FROM users
                 ^
      left as: nothing was changed
      next:    did you mean `username`? `stanch facts users` lists the columns
    [exit 2]
    ");
    assert_snapshot!(world.run(&["query", "SELECT '张三', usrname FROM users"]), @r"
    [stderr]
    error: there is no column `usrname`
      because: SELECT '张三', usrname FROM users
                              ^
      left as: nothing was changed
      next:    did you mean `username`? `stanch facts users` lists the columns
    [exit 2]
    ");
}

#[test]
fn wrong_sql_is_told_in_plain_words() {
    let world = clean();
    assert_snapshot!(world.run(&["query", "SELCT 1"]), @r"
    [stderr]
    error: the query is not SQL from `SELCT` on
      because: SELCT 1
               ^
      left as: nothing was changed
      next:    did you mean `SELECT`?
    [exit 2]
    ");
    assert_snapshot!(world.run(&["query", "DROP TABLE users"]), @r"
    [stderr]
    error: a query only reads: it changes, attaches and sets nothing
      left as: nothing was changed
      next:    a query begins with `SELECT` or `WITH`
    [exit 2]
    ");
    assert_snapshot!(world.run(&["query", ""]), @r"
    [stderr]
    error: the query is empty
      left as: nothing was changed
      next:    a query begins with `SELECT` or `WITH`
    [exit 2]
    ");
    assert_snapshot!(world.run(&["query", "SELECT 1; SELECT 2"]), @r"
    [stderr]
    error: there is more than one query
      left as: nothing was changed
      next:    ask one at a time
    [exit 2]
    ");
}

#[test]
fn an_error_is_a_document_too() {
    assert_snapshot!(clean().run(&["query", "--json", "SELECT * FROM usres"]), @r#"
    {
      "schema": "stanch.error/1",
      "kind": "wrong-use",
      "exit": 2,
      "what": "there is no table `usres`",
      "because": "SELECT * FROM usres\n              ^",
      "left_as": "nothing was changed",
      "next": "did you mean `users`? `stanch facts` lists the tables"
    }
    [stderr]
    error: there is no table `usres`
      because: SELECT * FROM usres
                             ^
      left as: nothing was changed
      next:    did you mean `users`? `stanch facts` lists the tables
    [exit 2]
    "#);
}

#[test]
fn what_is_no_root_directory_is_refused() {
    let world = clean();
    assert_snapshot!(world.plain(&["--root", "/etc/hostname", "detect"]), @r"
    [stderr]
    error: `/etc/hostname` could not be looked at as a root directory
      because: Not a directory (os error 20)
      left as: nothing was changed
      next:    give the directory that the image is mounted on
    [exit 2]
    ");
    assert_snapshot!(world.plain(&["--lang=zh", "--root", "/no/such/place", "detect"]), @r"
    [stderr]
    错误：无法把 `/no/such/place` 作为根目录查看
      原因：  No such file or directory (os error 2)
      现状：  没有改动任何东西
      下一步：给出磁盘映像所挂载的目录
    [exit 2]
    ");
}

#[test]
fn a_root_directory_that_is_closed_to_us_is_refused() {
    let world = clean();
    world.forbid("");
    let run = world.as_nobody(&["detect"]);
    assert_eq!(run.code, 4, "{run}");
    assert!(run.stderr.contains("  next:    run it as root\n"), "{run}");
}

#[test]
fn an_empty_mount_point_is_no_clean_machine() {
    let run = World::new().run(&["detect"]);
    assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run}");
    assert!(run.stderr.contains("because: it has neither `/etc` nor `/usr`\n"), "{run}");
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
    assert_snapshot!(world.plain(&["--lang", "zh", "detect", "--only", "trafic"]), @r"
    [stderr]
    错误：`trafic` 不能作为 `--only <类别>` 的值
      原因：  可用的值：performance, traffic, logs, files, processes
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
fn help_is_in_both_languages() {
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
          --jsonl  Print one JSON object a line, a summary last

    Everywhere
          --root DIR    Look at a mounted disk image or another root directory
          --json        Print one JSON document
          --all         Show everything: notes, every subject, every gap
      -v, --verbose     The same as --all
          --lang en|zh  The language; by default the locale's
          --no-color    No colour; NO_COLOR does the same
      -h, --help        Show the help of the command

    Examples
      stanch query "SELECT pid, path FROM processes WHERE on_disk = 0"
        programs whose file is gone
      stanch query --root /mnt "SELECT * FROM users WHERE uid = 0"
        in a disk image
    [exit 0]
    "#);
    assert_snapshot!(world.plain(&["help", "--lang", "zh"]), @r"
    止血：Linux 服务器疑似被入侵时的急救工具。

    用法
      stanch [选项] [命令]

    命令
      detect       查找入侵迹象并给出结论
      query        用 SQL 查询机器上的各张表
      facts        列出所有表，或某张表的各列
      rules        列出检测所用的迹象
      completions  输出 shell 补全脚本
      help         显示某个命令的帮助

    选项
      -V, --version  显示版本

    通用选项
          --root 目录   查看已挂载的磁盘映像或其他根目录，而非本机
          --json        输出一个 JSON 文档
          --all         全部显示：备注、每个对象、每处盲区
      -v, --verbose     同 --all
          --lang en|zh  语言，默认随系统区域设置
          --no-color    不用颜色，等同设置 NO_COLOR
      -h, --help        显示该命令的帮助

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
    for command in ["detect", "query", "facts", "rules", "completions", "man", "help"] {
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

#[test]
fn alone_it_says_where_the_emergency_stands() {
    let run = clean().run(&[]);
    assert_eq!(run.code, 0, "{run}");
    assert!(
        run.stdout.starts_with("No case is open on web01; nothing was changed by us.\n"),
        "{run}"
    );
    assert!(run.stdout.contains("stanch detect"), "{run}");
}

#[test]
fn facts_lists_tables_and_columns() {
    let world = clean();
    let list = world.run(&["facts"]);
    assert!(list.stdout.lines().any(|line| line.starts_with("users ")), "{list}");
    let one = world.run(&["facts", "users", "--json"]);
    let document: serde_json::Value = serde_json::from_str(&one.stdout).unwrap();
    assert_eq!(document.pointer("/tables/0/columns/0/name").unwrap(), "uid");
    assert!(world.run(&["--lang", "zh", "facts", "users"]).stdout.contains("试试"));
}

#[test]
fn rules_lists_signs_and_shows_one() {
    let world = clean();
    let list = world.run(&["rules", "list"]);
    assert!(list.stdout.contains("processes.deleted-program"), "{list}");
    let show = world.run(&["--lang", "zh", "rules", "show", "processes.deleted-program"]);
    assert!(show.stdout.contains("什么情况下无害"), "{show}");
}

#[test]
fn completions_and_man_pages_come_from_the_same_definitions() {
    let world = clean();
    for (shell, sign) in
        [("bash", "_stanch"), ("zsh", "#compdef stanch"), ("fish", "complete -c stanch")]
    {
        let run = world.plain(&["completions", shell]);
        assert!(run.code == 0 && run.stdout.contains(sign), "{run}");
    }
    assert!(world.plain(&["man"]).stdout.contains(".TH stanch 1"));
    let directory = world.path("man");
    std::fs::create_dir(&directory).unwrap();
    let run = world.plain(&["man", directory.to_str().unwrap()]);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{run}");
    assert!(directory.join("stanch-detect.1").exists());
}

#[test]
fn a_hostile_file_neither_drives_the_terminal_nor_breaks_json() {
    let world = clean();
    let hostile = b"root:x:0:0:a\x1b]0;owned\x07\x1b[2J\xe2\x80\xae\xc2\x9b\xff:/root:/bin/bash\neve\x1b[1A:x:0:0::/:/bin/sh\n";
    world.bytes("etc/passwd", hostile);
    world.bytes("etc/hostname", b"web\x1b[31m01\n");
    let sql = "SELECT * FROM users";
    let runs: [&[&str]; 6] = [
        &["detect", "--all"],
        &["--lang", "zh", "detect", "--all"],
        &["detect", "--json"],
        &["query", sql],
        &["query", "--json", sql],
        &["query", "--jsonl", sql],
    ];
    for arguments in runs {
        let run = world.run(arguments);
        let driven = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!run.stdout.contains(driven), "{arguments:?}: {run}");
        assert!(!run.stderr.contains(driven), "{arguments:?}: {run}");
    }
    let run = world.run(&["query", "--json", "SELECT description FROM users LIMIT 1"]);
    let document: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let description = document.pointer("/rows/0/description").unwrap().as_str().unwrap();
    assert_eq!(description, "a\u{1b}]0;owned\u{7}\u{1b}[2J\u{202e}\u{9b}\\xff");
}

#[test]
fn an_ordinary_user_sees_what_may_be_seen_and_the_rest_as_gaps() {
    let world = clean();
    world.forbid("etc/passwd");
    let run = world.as_nobody(&["detect"]);
    assert_eq!(run.code, 3, "{run}");
    assert!(run.stdout.contains("as far as could be seen"), "{run}");
    assert!(run.stdout.contains("permission denied; run as root to see it"), "{run}");
    let run = world.as_nobody(&["query", "SELECT username FROM users"]);
    assert_snapshot!(run, @r"
    username
    [stderr]
    gap: users: /etc/passwd: permission denied; run as root to see it
    [exit 3]
    ");
    let run = world.as_nobody(&["query", "--json", "SELECT username FROM users"]);
    let document: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(document.pointer("/gaps/0/kind").unwrap(), "denied");
    assert_eq!(document.pointer("/gaps/0/path").unwrap(), "/etc/passwd");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let world = clean();
    let mut passwd = String::from(PASSWD);
    for n in 2000..40_000 {
        passwd.push_str(&format!("user{n}:x:{n}:{n}:a long description:/home/user{n}:/bin/sh\n"));
    }
    world.file("etc/passwd", &passwd);
    let (first, code, stderr) = world.first_line(&["query", "SELECT * FROM users"]);
    assert!(first.contains("username"), "{first}");
    assert_eq!((code, stderr.as_str()), (0, ""));
}
