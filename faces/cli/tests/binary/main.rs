//! Drives the built binary in small worlds of its own, in both languages.
#![expect(clippy::disallowed_methods, reason = "a test builds a world and starts the binary")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod arguments;
mod baseline;
mod eradicate;
mod preserve;
mod scan;
mod sigma;
mod timeline;
mod world;

use insta::assert_snapshot;
use world::World;

/// Three healthy accounts.
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
    assert!(
        run.stdout.starts_with("CLEAN  no sign of a break-in on web01, as far as could be seen ("),
        "{run}"
    );
    let run = world.run(&["--lang", "zh", "detect"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.starts_with("未见入侵  就所能看到的，web01 上没有入侵迹象（"), "{run}");
}

#[test]
fn a_second_root_account_is_found_and_its_line_is_named() {
    let world = clean();
    world.file("etc/passwd", &format!("{PASSWD}eve:x:0:0::/root:/bin/sh\n"));
    let run = world.run(&["detect", "--only", "logs"]);
    assert_eq!(run.code, 1, "{run}");
    assert!(run.stdout.contains("account eve"), "{run}");
    assert!(run.stdout.contains("/etc/passwd"), "{run}");
    // The commands offered reach the image, never the machine we run on.
    assert!(run.stdout.contains("\n    stanch query --root "), "{run}");
    assert!(!run.stdout.contains("passwd -l"), "{run}");
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
    assert_snapshot!(world.run(&["query", "DELETE FROM users"]), @r"
    [stderr]
    error: a query only reads: it changes, attaches and sets nothing
      left as: nothing was changed
      next:    a query begins with `SELECT` or `WITH`
    [exit 2]
    ");
    assert_snapshot!(world.run(&["query", "SELECT path FROM file"]), @r"
    [stderr]
    error: `file` cannot be read whole: give `path` or `directory` a value, by =, IN, LIKE or a join
      left as: nothing was changed
      next:    `stanch facts file` lists its columns
    [exit 2]
    ");
    assert_snapshot!(world.run(&["--lang", "zh", "query", "SELECT path FROM file"]), @r"
    [stderr]
    错误：`file` 不能整张读取：请用 =、IN、LIKE 或连接给定 `path` 或 `directory` 的值
      现状：  没有改动任何东西
      下一步：`stanch facts file` 列出它的各列
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
      原因：  没有这个文件或目录（os error 2）
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
    let zh = world.run(&["--lang", "zh", "facts", "users"]);
    assert!(zh.stdout.contains("登录名。") && zh.stdout.contains("试试"), "{zh}");
    let zh = world.run(&["--lang", "zh", "facts"]);
    assert!(zh.stdout.contains("正在运行的进程"), "{zh}");
    let zh = world.run(&["--lang", "zh", "facts", "users", "--json"]);
    assert!(zh.stdout.contains("\"means\": \"登录名。\""), "{zh}");
}

#[test]
fn rules_lists_signs_and_shows_one() {
    let world = clean();
    let list = world.run(&["rules", "list"]);
    assert!(list.stdout.contains("processes.deleted-program"), "{list}");
    let show = world.run(&["--lang", "zh", "rules", "show", "processes.deleted-program"]);
    assert!(show.stdout.contains("什么情况下无害"), "{show}");
    let short = world.run(&["rules", "show", "deleted-program"]);
    assert!(short.stderr.contains("did you mean `processes.deleted-program`?"), "{short}");
    let finding = world.run(&["rules", "show", "F-0001"]);
    assert!(finding.code == 2 && finding.stderr.contains("a finding's number"), "{finding}");
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
    let run = world.plain(&["man", directory.to_str().unwrap()]);
    assert!(run.code == 2 && run.stderr.contains("man` could not be written to"), "{run}");
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

#[test]
fn events_of_a_log_are_lines_of_json_and_every_line_is_accounted_for() {
    let world = clean();
    world.file(
        "var/log/auth.log",
        "2026-11-02T08:00:00+01:00 web01 sshd[7]: Failed password for root from 192.0.2.9 port 5 ssh2\n\n\
         2026-11-02T08:00:02+01:00 web01 sudo: zhang : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/id\n\
         no log line at all\u{1b}[2J\n",
    );
    let run = world.run(&["events", "--not-understood", "/var/log/auth.log"]);
    assert_eq!(run.code, 0, "{run}");
    let lines: Vec<serde_json::Value> =
        run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [failure, sudo, start, strange, summary] = &lines[..] else { panic!("{run}") };
    assert_eq!(
        (&failure["kind"], &failure["time"], &failure["source_ip"], &failure["raw"]["line"]),
        (&"auth.failure".into(), &"2026-11-02T07:00:00Z".into(), &"192.0.2.9".into(), &1.into())
    );
    assert_eq!((&sudo["kind"], &sudo["command"]), (&"privilege.use".into(), &"/bin/id".into()));
    assert_eq!((&start["kind"], &start["user"]), (&"process.start".into(), &"root".into()));
    assert_eq!(strange["kind"], "log.not_understood");
    assert!(!run.stdout.contains('\u{1b}'), "{run}");
    let counts =
        ["lines", "understood", "silent", "not_understood"].map(|key| summary[key].as_u64());
    assert_eq!(counts, [Some(4), Some(2), Some(1), Some(1)], "{run}");
    assert_eq!(summary["schema"], "stanch.events-summary/1");
    let only = world.run(&["events", "--kind", "privilege", "/var/log/auth.log"]);
    assert_eq!(only.stdout.lines().count(), 2, "{only}");
    let note = "note: 1 of 4 lines in `/var/log/auth.log` were not understood";
    assert!(run.stderr.starts_with(note) && !run.stderr.contains("prints them"), "{run}");
    assert!(only.stderr.contains("`--not-understood` prints them"), "{only}");
    let since = world.run(&["events", "--since", "2026-11-02T07:00:02Z", "/var/log/auth.log"]);
    assert_eq!(since.stdout.lines().count(), 3, "{since}");
    assert_eq!(world.run(&["events", "--since", "ever", "/var/log/auth.log"]).code, 2);
    let copy = world.run(&["events", "/var/log/auth.log", "/var/log/none.log"]);
    assert_eq!(copy.code, 3, "{copy}");
    assert!(copy.stdout.contains("\"why\":\"reading failed (No such file"), "{copy}");
}

#[test]
fn what_is_no_log_is_told_and_what_can_be_read_another_way_is_too() {
    let world = clean();
    world.file("var/log/poem", "no time\nno daemon\n");
    let run = world.run(&["events", "/var/log/poem"]);
    let note = "note: 2 of 2 lines in `/var/log/poem` were not understood; no kind of log";
    assert!(run.code == 0 && run.stderr.starts_with(note), "{run}");
    let run = world.run(&["--lang", "zh", "events", "/var/log/poem"]);
    assert!(run.stderr.starts_with("提示：`/var/log/poem` 共 2 行，2 行未识别"), "{run}");
    let log = world.path("root/var/log").display().to_string();
    let run = world.plain(&["events", &log]);
    let next = format!("next:    stanch events {log}/*\n");
    assert!(run.code == 2 && run.stderr.ends_with(&next), "{run}");
    let run = world.run(&["events", &log]);
    assert!(run.stderr.contains("with `--root`, give the path inside it"), "{run}");
    let run = world.run(&["--lang", "zh", "events", "/var/log"]);
    assert!(run.stderr.contains("原因：  不是普通文件，而是目录"), "{run}");
    let run = world.run(&["events", "--kind", "autth", "/var/log/poem"]);
    assert!(run.code == 2 && run.stderr.contains("stanch events --kind auth FILE"), "{run}");
    let run = world.run(&["events", "--kind", "auth.x", "/var/log/poem"]);
    assert!(run.stderr.contains("the kinds of `auth` are auth.failure, "), "{run}");
}

#[test]
fn a_log_that_is_not_there_and_a_kind_that_is_none_are_told() {
    let world = clean();
    let run = world.run(&["events", "/var/log/none.log"]);
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stderr.contains("`/var/log/none.log` could not be read"), "{run}");
    let run = world.run(&["--lang", "zh", "events", "--kind", "auth.failur", "/var/log/none.log"]);
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stderr.contains("stanch events --kind auth.failure"), "{run}");
}

#[test]
fn what_happened_before_since_is_left_out_and_an_odd_time_is_told() {
    let world = clean();
    let run = world.run(&["detect", "--since", "yesterday-ish"]);
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stderr.contains("`yesterday-ish`"), "{run}");
    let run = world.run(&["detect", "--only", "logs", "--since", "3d"]);
    assert_eq!(run.code, 0, "{run}");
}
