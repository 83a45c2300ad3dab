//! `stanch scan`.

use insta::assert_snapshot;

use crate::world::World;

/// The EICAR test file, put together here so that no scanner stops at this source.
const EICAR: [&str; 2] =
    [r"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS", "-TEST-FILE!$H+H*"];

fn site() -> World {
    let world = World::new();
    world.file("srv/eicar.txt", &EICAR.concat());
    world.file("srv/door.php", "<?php @eval($_POST['x']); ?>");
    world.file("srv/page.php", "<?php echo htmlspecialchars($_POST['x']); ?>");
    world.file("etc/os-release", "ID=debian\n");
    world.file("srv/notes.txt", "how to find eval($_POST) in a page");
    world
}

#[test]
fn in_chinese_what_content_does_is_told_in_chinese() {
    let world = site();
    let run = world.run(&["scan", "/srv", "--lang", "zh"]);
    assert_eq!(run.code, 1, "{run}");
    let said: Vec<&str> = run.stdout.lines().filter(|line| line.starts_with("  `")).collect();
    assert_snapshot!(said.join("\n"), @r"
      `/srv/door.php` 第 1 行：$_POST 到达 eval。
      `/srv/eicar.txt`：Test_EICAR（EICAR 测试文件：无害，供试验扫描软件）。
      `/srv/door.php`：Web_Shell_One_Line_PHP（执行请求所送内容的 PHP）。
    ");
    let gaps = world.run(&["detect", "--all", "--lang", "zh"]).stdout;
    assert!(gaps.contains("processes  只有运行中的机器才有\n"), "{gaps}");
    assert!(!gaps.contains("only a running machine"), "{gaps}");
}

#[test]
fn a_path_that_is_not_there_is_not_scanned_in_silence() {
    let world = site();
    let run = world.run(&["scan", "/srv", "/nofile", "--lang", "en"]);
    assert_snapshot!(run.to_string(), @r"
    [stderr]
    error: there is no `/nofile` in the image
      because: No such file or directory (os error 2)
      left as: nothing was changed
      next:    give the path as the machine itself knows it, such as `/var/www`
    [exit 2]
    ");
    let run = world.run(&["scan", "/nofile", "--lang", "zh"]);
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stderr.starts_with("错误：映像中没有 `/nofile`\n"), "{run}");
    let live = world.plain(&["scan", &world.path("nofile").display().to_string()]);
    assert_eq!((live.code, live.stdout.as_str()), (2, ""), "{live}");
}

/// Returns the lines of a page without the time that it took.
fn timeless(page: &str) -> String {
    page.lines()
        .map(|line| match line.split_once(" in ") {
            Some((before, after)) if line.contains("rules") => {
                let rest = after.split_once(" s").map_or("", |(_, rest)| rest);
                format!("{before} in … s{rest}\n")
            }
            _ => format!("{line}\n"),
        })
        .collect()
}

#[test]
fn what_is_bad_is_named_with_its_line_and_the_next_step_and_what_is_harmless_is_not() {
    let world = site();
    let run = world.run(&["scan", "/srv", "--lang", "en"]);
    assert_eq!(run.code, 1);
    assert!(!run.stdout.contains("page.php") && !run.stdout.contains("notes.txt"));
    assert_snapshot!(timeless(&run.stdout), @r"
    high  /srv/door.php  95%  files.web-shell
      A page runs what a request sends
      `/srv/door.php`, line 1: $_POST reaches eval.

    high  /srv/eicar.txt  95%  files.yara-match
      A file's content is known to be bad
      `/srv/eicar.txt`: Test_EICAR (the EICAR test file: harmless, made to try
      scanners with).

    high  /srv/door.php  90%  files.yara-match
      A file's content is known to be bad
      `/srv/door.php`: Web_Shell_One_Line_PHP (PHP that evaluates what a request
      sends).

    Found: 3. Judged: 4 (0 MiB) by 26 rules in … s; as their packages shipped them and not judged: 0.
    Next: keep a copy of what was found before you change anything. `stanch rules
    show files.web-shell` says when the first is innocent and what to do.
    ");
}

#[test]
fn rules_that_are_not_there_are_told() {
    let world = site();
    let run = world.run(&["scan", "/srv", "--rules", "/nowhere/rules", "--lang", "en"]);
    assert_eq!((run.code, run.stdout.as_str()), (2, ""));
    assert!(run.stderr.contains("`/nowhere/rules` could not be used"), "{}", run.stderr);
    assert!(run.stderr.contains("left as: nothing was changed"), "{}", run.stderr);
}

#[test]
fn files_whose_digests_are_on_a_list_are_named_and_a_bad_line_of_the_list_is_told() {
    let world = site();
    let lists = World::new();
    let plain = "# SHA-256 of notes.txt\n36fb316319d5792b2e10608ab01edcad1ab82880e58d71eb81200350f9fce79c  left by them\n";
    lists.file("plain.txt", plain);
    lists.file("twice.txt", plain);
    lists.file(
        "list.csv",
        "md5,name\n58735dca76dfdfd528fb8a5d0eccb8e0,their page\nnot a digest,x\n",
    );
    let scan = |names: &[&str]| {
        let lists = names.iter().map(|name| lists.path("root").join(name).display().to_string());
        let hashes = lists.flat_map(|list| ["--hashes".to_owned(), list]);
        let arguments: Vec<String> =
            ["scan", "/srv", "--lang", "en"].map(str::to_owned).into_iter().chain(hashes).collect();
        world.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let run = scan(&["plain.txt", "twice.txt"]);
    assert!(run.stdout.contains("critical  /srv/notes.txt"), "{}", run.stdout);
    assert!(run.stdout.contains("left by them"), "{}", run.stdout);
    assert_eq!((run.code, run.stderr.as_str()), (1, ""));
    let run = scan(&["list.csv"]);
    assert!(run.stdout.contains("critical  /srv/page.php"), "{}", run.stdout);
    assert!(!run.stdout.contains("critical  /srv/notes.txt"), "{}", run.stdout);
    assert!(run.stderr.contains("list.csv") && run.stderr.contains("line 3"), "{}", run.stderr);
}

#[test]
fn a_rule_that_takes_too_long_is_a_gap_of_its_file_and_the_others_are_judged() {
    let world = site();
    // As many bytes as the notes have.
    let slow = "rule slow { condition: filesize == 34 and for all i in (0..9999999999) : (uint8(i % 30) != 1) }";
    world.file("slow.yar", slow);
    let rules = world.path("root").join("slow.yar").display().to_string();
    let run = world.run(&["scan", "/srv", "--lang", "en", "--json", "--rules", &rules]);
    let document: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let gaps = document["gaps"].as_array().unwrap();
    let told: Vec<_> =
        gaps.iter().map(|gap| (gap["kind"].as_str(), gap["path"].as_str())).collect();
    assert_eq!(told, [(Some("timed-out"), Some("/srv/notes.txt"))], "{run}");
    let found = document["matches"].as_array().unwrap().iter().map(|one| one["path"].as_str());
    let found: std::collections::BTreeSet<_> = found.flatten().collect();
    assert_eq!(Vec::from_iter(found), ["/srv/door.php", "/srv/eicar.txt"]);
    assert_eq!(run.code, 1);
}

#[test]
fn a_string_without_fixed_text_keeps_neither_the_others_nor_the_end() {
    let world = site();
    // Each of them would take minutes.
    let letters = [&b"marked "[..], &vec![b'q'; 20 << 20]].concat();
    for name in ["one", "two", "three", "four"] {
        world.bytes(&format!("srv/{name}.txt"), &letters);
    }
    let endless = "rule endless { strings: $a = /[a-z]+/ condition: #a > 9000 }\n\
                   rule other { strings: $a = \"marked\" condition: $a }";
    world.file("endless.yar", endless);
    let rules = world.path("root").join("endless.yar").display().to_string();
    let run = world.run(&["scan", "/srv", "--lang", "en", "--json", "--rules", &rules]);
    let document: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let gaps: Vec<&serde_json::Value> = document["gaps"].as_array().unwrap().iter().collect();
    assert!(gaps.iter().all(|gap| gap["kind"] == "timed-out"), "{run}");
    let reasons: Vec<&str> = gaps.iter().filter_map(|gap| gap["why"].as_str()).collect();
    let details = |part: &str| reasons.iter().filter(|reason| reason.contains(part)).count();
    // Two judge at a time, and when two were left behind no more is: the second may be asked while
    // the first is still waited for.
    let cut_off = details("rules took too long over it");
    assert!(matches!(cut_off, 2 | 3), "{run}");
    let rest = format!("from here on {} files or pieces were not judged by 1 rules", 4 - cut_off);
    assert_eq!((details(&rest), gaps.len()), (1, cut_off + 1), "{run}");
    let found = document["matches"].as_array().unwrap().iter().filter(|one| one["rule"] == "other");
    let found: std::collections::BTreeSet<_> =
        found.filter_map(|one| one["path"].as_str()).collect();
    let all = ["/srv/four.txt", "/srv/one.txt", "/srv/three.txt", "/srv/two.txt"];
    assert_eq!(Vec::from_iter(found), all);
    assert_eq!(run.code, 1);
}

#[test]
fn compiled_rules_that_cannot_be_kept_are_a_gap_and_the_scan_goes_on() {
    let world = site();
    world.file("more.yar", "rule other { strings: $a = \"how to find\" condition: $a }");
    world.file("a-file", "no folder");
    let path = |name: &str| world.path("root").join(name).display().to_string();
    let (rules, cache) = (path("more.yar"), path("a-file/cache"));
    let scan = |cache: &str| {
        world.run(&["scan", "/srv", "--lang", "en", "--json", "--rules", &rules, "--cache", cache])
    };
    let run = scan(&cache);
    let document: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let [gap] = document["gaps"].as_array().unwrap().as_slice() else { panic!("{run}") };
    assert_eq!((gap["kind"].as_str(), gap["path"].as_str()), (Some("failed"), Some(&*cache)));
    let why = gap["why"].as_str().unwrap();
    assert!(why.contains("the compiled rules could not be kept: Not a directory"), "{run}");
    let found = |run: &crate::world::Run| run.stdout.contains("\"rule\": \"other\"");
    assert!(found(&run) && run.code == 1, "{run}");
    assert_eq!(std::fs::read(path("a-file")).unwrap(), b"no folder");
    // Where it can be made it is made, and the next run takes what is there.
    let cache = path("new/cache");
    for _time in 0..2 {
        let run = scan(&cache);
        let document: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(document["gaps"].as_array().map(Vec::len), Some(0), "{run}");
        assert!(found(&run), "{run}");
    }
    let kept: Vec<_> = std::fs::read_dir(&cache).unwrap().map(|one| one.unwrap().path()).collect();
    let [pack] = kept.as_slice() else { panic!("{kept:?}") };
    assert!(std::fs::read(pack).unwrap().starts_with(b"stanch-yara 5 "));
}
