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

/// Returns this machine's own name.
fn own_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap().trim().to_owned()
}

#[test]
fn a_report_of_an_image_that_has_this_machines_name_is_no_plan_for_it() {
    let world = World::new();
    world.file("etc/passwd", "root:x:0:0::/root:/bin/sh\neve:x:0:0::/home/eve:/bin/sh\n");
    world.file("etc/hostname", &own_name());
    let case = world.path("case").display().to_string();
    let path = world.path("report.json").display().to_string();
    let plan = |lang: &str| {
        world.plain(&["--lang", lang, "--case", &case, "eradicate", "plan", "--report", &path])
    };
    for id in ["", "0123456789abcdef0123456789abcdef\n"] {
        world.file("etc/machine-id", id);
        let report = world.run(&["detect", "--only", "files", "--json"]);
        assert!(report.stdout.contains("\"look\": \"root\""), "{report}");
        assert!(!report.stdout.contains(id.trim()) || id.is_empty(), "the id is not spread");
        std::fs::write(&path, &report.stdout).unwrap();
        let run = plan("en");
        assert_eq!(run.code, 4, "{run}");
        assert!(run.stderr.contains("is a report of an image or bundle that is named"), "{run}");
        assert!(plan("zh").stderr.contains("是同名映像或证据包"));
    }
    // What an older version wrote says only the name.
    let old = std::fs::read_to_string(&path).unwrap();
    let mut old: serde_json::Value = serde_json::from_str(&old).unwrap();
    old.as_object_mut().unwrap().remove("machine");
    std::fs::write(&path, old.to_string()).unwrap();
    let run = plan("en");
    assert_eq!(run.code, 4, "{run}");
    assert!(run.stderr.contains("does not say which machine it is of"), "{run}");
}

#[test]
fn what_is_named_and_not_there_is_told() {
    let world = World::new();
    let case = world.path("case").display().to_string();
    let nofile = world.path("nofile").display().to_string();
    let run = world.plain(&["--case", &case, "eradicate", "plan", "--path", &nofile]);
    assert_eq!(run.code, 4, "{run}");
    assert!(run.stdout.contains(&format!("clear `{nofile}` away\n")), "{run}");
    assert!(run.stdout.contains("there is no such file"), "{run}");
    // A name without a folder is one in this folder.
    let run = world.plain(&["--case", &case, "eradicate", "plan", "--path", "no-such-file"]);
    let here = std::env::current_dir().unwrap().join("no-such-file");
    assert!(run.stdout.contains(&format!("clear `{}` away", here.display())), "{run}");
    // A report of this machine.
    world.file("etc/hostname", "web01\n");
    let machine = world.run(&["detect", "--only", "files", "--json"]);
    let mut report: serde_json::Value = serde_json::from_str(&machine.stdout).unwrap();
    report["host"] = own_name().into();
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    report["machine"] = serde_json::json!({ "look": "live", "id": null, "boot": boot.trim() });
    let path = world.path("report.json").display().to_string();
    std::fs::write(&path, report.to_string()).unwrap();
    let words = ["eradicate", "plan", "--report", &path, "--finding", "F-9999"];
    let run = world.plain(&[&["--case", &case], &words[..]].concat());
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stderr.starts_with("error: there is no finding `F-9999`\n"), "{run}");
}
