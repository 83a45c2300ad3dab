//! `stanch eradicate`, as far as it changes nothing.

use super::world::World;

#[test]
fn a_report_of_another_machine_is_no_plan_for_this_one() {
    let world = World::new();
    world.file("etc/passwd", "root:x:0:0::/root:/bin/sh\neve:x:0:0::/home/eve:/bin/sh\n");
    world.file("etc/hostname", "a-machine-of-a-test\n");
    let report = world.run(&["detect", "--only", "files", "--json"]);
    let path = world.path("report.json").display().to_string();
    std::fs::write(&path, &report.stdout).unwrap();
    let case = world.path("case").display().to_string();
    let run = world.plain(&["--case", &case, "eradicate", "plan", "--report", &path]);
    assert_eq!(run.code, 4, "{run}");
    assert!(run.stderr.contains("is a report of `a-machine-of-a-test`"), "{run}");
    let zh = ["--lang", "zh", "--case", &case, "eradicate", "plan", "--report", &path];
    assert!(world.plain(&zh).stderr.contains("是 `a-machine-of-a-test` 的报告"));
}
