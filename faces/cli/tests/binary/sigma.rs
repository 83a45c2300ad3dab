//! Rules of others: whether they load, and what they see in logs.

use insta::assert_snapshot;

use crate::clean;

const GOOD: &str = "title: A miner was started\nid: 7f4f1a52-0000-4000-8000-000000000001\n\
     author: A. Tester\ndescription: Somebody digs.\nlogsource:\n  category: process_creation\n\
     detection:\n  digs:\n    Image|endswith: /xmrig\n  condition: digs\nlevel: high\n";

#[test]
fn bad_rules_are_told_with_place_reason_and_help() {
    let world = clean();
    world.file("rules/good.yml", GOOD);
    let bad = GOOD.replace("|endswith", "|endswth").replace("0001", "0002");
    world.file("rules/bad.yml", &bad);
    let idle = GOOD.replace("Image", "Imagee").replace("0001", "0003");
    world.file("rules/idle.yml", &idle);
    let rules = world.path("root/rules").display().to_string();
    let told = |arguments: &[&str]| world.plain(arguments).to_string().replace(&rules, "RULES");
    assert_snapshot!(told(&["rules", "check", &rules]), @r"
    Not loaded
      RULES/bad.yml:9
        `|endswth` is no modifier of Sigma
        help: did you mean `|endswith`?

    Loaded, but nothing read here can fire it
      RULES/idle.yml:1  A miner was started
        events of category `process_creation` have no field `Imagee`
        help: did you mean `Image`?

    3 files: loaded 2 rules, 0 correlations and 0 filters; for other systems or logs: 0; not loaded: 1.
    [exit 1]
    ");
    assert_snapshot!(told(&["--lang", "zh", "rules", "check", &rules]), @r"
    未能加载
      RULES/bad.yml:9
        `|endswth` 不是 Sigma 的修饰符
        改法：是否应为 `|endswith`？

    已加载，但这里读取的日志无法触发
      RULES/idle.yml:1  A miner was started
        `process_creation` 类别的事件没有字段 `Imagee`
        改法：是否应为 `Image`？

    3 个文件：可加载规则 2 条、关联规则 0 条、过滤规则 0 条；0 条属于其他系统或日志；1 条无法加载。
    [exit 1]
    ");
    let good = format!("{rules}/good.yml");
    assert_snapshot!(told(&["rules", "check", &good]), @r"
    1 file: loaded 1 rule, 0 correlations and 0 filters; for other systems or logs: 0; not loaded: 0.
    [exit 0]
    ");
    let nothing = world.path("root/etc").display().to_string();
    let refused = world.plain(&["rules", "check", &nothing]);
    assert_eq!(refused.code, 2, "{refused}");
}

#[test]
fn a_rule_sees_the_lines_of_a_log() {
    let world = clean();
    world.file("rules/good.yml", GOOD);
    world.file(
        "var/log/auth.log",
        "2026-11-02T08:12:43+00:00 web01 sudo: ann : TTY=pts/0 ; PWD=/tmp ; USER=root ; \
         COMMAND=/usr/bin/id\n\
         2026-11-02T08:12:44+00:00 web01 sudo: ann : TTY=pts/0 ; PWD=/tmp ; USER=root ; \
         COMMAND=/tmp/xmrig -o pool\n",
    );
    let rules = world.path("root/rules").display().to_string();
    let run = world.run(&["detect", "--only", "logs", "--json", "--sigma", &rules]);
    assert_eq!(run.code, 1, "{run}");
    for part in [
        "\"sign\": \"sigma.7f4f1a52-0000-4000-8000-000000000001\"",
        "\"title\": \"A miner was started\"",
        "A Sigma rule by A. Tester says: Somebody digs.",
        "\"line\": 2",
        "\"path\": \"/tmp/xmrig\"",
    ] {
        assert!(run.stdout.contains(part), "{part}: {run}");
    }
}
