use super::*;

fn rules(files: &[(&str, &str)]) -> (Yara, Vec<crate::sigma::Complaint>) {
    Yara::load(files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())))
}

fn names(yara: &Yara, bytes: &[u8], name: &str) -> Vec<String> {
    let about = About { name: name.into(), directory: "/tmp".into(), ..About::default() };
    yara.judge(bytes, &about).hits.into_iter().map(|hit| hit.rule).collect()
}

#[test]
fn a_broken_file_is_told_with_its_line_and_does_not_stop_the_others() {
    let (yara, complaints) = rules(&[
        ("a.yar", "rule a { strings: $x = \"marked\" condition: $x }\n"),
        ("b.yar", "rule b {\n strings: $x = \"marked\"\n condition: $y\n}\n"),
        ("c.yar", "rule a { condition: filename == \"c.bin\" }"),
    ]);
    assert_eq!(yara.loaded(), Loaded { files: 3, rules: 2 });
    assert_eq!(complaints.len(), 1);
    assert_eq!((complaints[0].file.as_str(), complaints[0].line), ("b.yar", Some(3)));
    assert!(complaints[0].why.en.contains("unknown variable $y"), "{:?}", complaints[0].why);
    assert_eq!(names(&yara, b"this is marked", "x"), ["a"]);
    assert_eq!(names(&yara, b"this is not", "c.bin"), ["a"]);
    assert_eq!(names(&yara, b"this is not", "x.bin"), Vec::<String>::new());
}

#[test]
fn variables_of_public_rules_are_known_and_met_strings_are_told() {
    let (yara, complaints) = rules(&[(
        "v.yar",
        "rule v { meta: description = \"words\" score = 60 author = \"us\" attack = \"T1505.003\"\n\
         strings: $a = /ev.l/ condition: $a and extension == \".php\" and filepath == \"/tmp/x.php\"\n\
         and filetype == \"PHP\" and owner == \"root\" }",
    )]);
    assert_eq!(complaints, []);
    let about = About {
        name: "x.php".into(),
        directory: "/tmp".into(),
        kind: "php".into(),
        owner: "root".into(),
        is_memory: false,
    };
    let judged = yara.judge(b"<?php eval(", &about);
    let [hit] = judged.hits.as_slice() else { panic!("{judged:?}") };
    assert_eq!((hit.score, hit.what.as_str(), hit.author.as_str()), (60, "words", "us"));
    assert_eq!(hit.attack, ["T1505.003"]);
    assert_eq!(hit.met, [("a".to_owned(), 6, Value::from("eval"))]);
}

#[test]
fn strings_are_counted_as_far_as_public_rules_ask_and_no_further() {
    let (yara, complaints) = rules(&[(
        "c.yar",
        "rule many { strings: $a = \"rat\" condition: #a > 1000 and !a[1] == 3 and @a[1001] == 3000 }\n\
         rule more { strings: $a = \"rat\" condition: #a > 10000 }",
    )]);
    assert_eq!(complaints, []);
    assert_eq!(names(&yara, &b"rat".repeat(1000), "x"), Vec::<String>::new());
    assert_eq!(names(&yara, &b"rat".repeat(1001), "x"), ["many"]);
    assert_eq!(names(&yara, &b"rat".repeat(20_000), "x"), ["many"]);
}

#[test]
fn an_included_file_is_loaded_once_and_a_circle_ends() {
    let (yara, complaints) = rules(&[
        ("d/index.yar", "include \"./sub/one.yar\"\ninclude \"../d/two.yar\"\n"),
        ("d/sub/one.yar", "include \"../index.yar\"\nrule one { condition: true }\n"),
        ("d/two.yar", "rule two { condition: one }\n"),
        ("d/lost.yar", "include \"../../etc/passwd\"\n"),
    ]);
    assert_eq!(names(&yara, b"", "x"), ["one", "two"]);
    assert_eq!(complaints.len(), 1);
    assert_eq!(complaints[0].file, "d/lost.yar");
}

#[test]
fn a_rule_that_takes_too_long_is_cut_off() {
    let text = "rule slow { condition: for all i in (0..9999999999) : (uint8(i % 1000) != 9) }";
    let (yara, complaints) = rules(&[("slow.yar", text)]);
    assert_eq!(complaints, []);
    let yara = yara.within(Duration::from_millis(100));
    let judged = yara.judge(&[0; 4096], &About::default());
    assert!(judged.timed_out, "{judged:?}");
}

#[test]
fn digests_of_many_ranges_end_with_the_time() {
    let bytes: Vec<u8> = (0..8_u32 << 20).map(|at| at.to_le_bytes()[1] | 1).collect();
    for condition in [
        "for all i in (0..100000) : (hash.md5(i, filesize) != \"\")",
        "for all i in (0..100000) : (math.entropy(i, filesize) != 9.0)",
        "for all i in (0..100000) : (math.serial_correlation(0, filesize - i) != 9.0)",
        "for all i in (0..100000) : (math.monte_carlo_pi(i, filesize) != 9.0)",
    ] {
        let text =
            format!("import \"hash\" import \"math\" rule slow {{ condition: {condition} }}");
        let files = [("slow.yar".to_owned(), text.into_bytes())];
        let (yara, complaints) = Yara::load(files);
        assert_eq!(complaints, []);
        let packed = Yara::from_pack(&yara.pack("key", false).unwrap()).unwrap().rules;
        for yara in [yara, packed] {
            let yara = yara.within(Duration::from_millis(500));
            // Without a cap it would go on for a quarter of an hour and more.
            let judged = yara.judge(&bytes, &About::default());
            assert!(judged.timed_out, "{condition}");
        }
    }
}

#[test]
fn a_pack_gives_the_same_rules_and_a_damaged_or_foreign_one_gives_none() {
    let files =
        [("a.yar".to_owned(), b"rule a { strings: $x = \"marked\" condition: $x }".to_vec())];
    let key = Yara::key(&files);
    let (yara, _) = Yara::load(files.clone());
    let bytes = yara.pack(&key, false).unwrap();
    assert!(Yara::is_pack(&bytes));
    let pack = Yara::from_pack(&bytes).unwrap();
    assert_eq!((pack.key.as_str(), pack.has_starter), (key.as_str(), false));
    assert_eq!(names(&pack.rules, b"this is marked", "x"), ["a"]);
    assert_eq!(pack.rules.loaded(), yara.loaded());
    assert!(Yara::from_pack(&yara.pack(&key, true).unwrap()).unwrap().has_starter);
    for at in (0..bytes.len()).step_by(7) {
        let mut bad = bytes.clone();
        bad[at] ^= 1;
        assert!(Yara::from_pack(&bad).is_err(), "byte {at}");
        assert!(Yara::from_pack(&bytes[..at]).is_err(), "cut at {at}");
    }
    let other = [("a.yar".to_owned(), b"rule a { condition: true }".to_vec())];
    assert_ne!(Yara::key(&other), key);
    let two = pack.rules.and(Yara::load(other).0);
    assert_eq!(names(&two, b"this is marked", "x"), ["a", "a"]);
}

#[test]
fn more_rules_than_the_engine_reads_back_make_a_pack_unless_they_hang_together() {
    let many: String = (0..2500).map(|n| format!("rule r{n} {{ condition: true }}\n")).collect();
    let (many, complaints) = Yara::load_to_pack([("many.yar".to_owned(), many.into_bytes())]);
    assert_eq!(complaints, []);
    let pack = Yara::from_pack(&many.pack("key", false).unwrap()).unwrap().rules;
    assert_eq!(pack.loaded(), Loaded { files: 1, rules: 2500 });
    assert_eq!((pack.names().len(), names(&pack, b"x", "x").len()), (2500, 2500));
    let chain: String = (0..1025)
        .map(|n: u32| {
            format!(
                "rule r{n} {{ condition: {} }}\n",
                match n.checked_sub(1) {
                    None => "true".to_owned(),
                    Some(before) => format!("r{before}"),
                }
            )
        })
        .collect();
    let (chain, complaints) = Yara::load_to_pack([("chain.yar".to_owned(), chain.into())]);
    assert_eq!((complaints, chain.loaded().rules), (Vec::new(), 1025));
    let refused = chain.pack("key", false).unwrap_err();
    assert!(refused.to_string().contains("1024"), "the engine reads it back now: {refused}");
}

#[test]
fn a_divided_collection_finds_what_one_compiled_whole_finds() {
    let files = divided_files();
    let mut compiler = boreal::Compiler::new();
    let names_of_symbols = ["filename", "filepath", "extension", "filetype", "owner"];
    names_of_symbols.into_iter().for_each(|name| assert!(compiler.define_symbol(name, "")));
    for (path, bytes) in &files {
        let text = std::str::from_utf8(bytes).unwrap();
        compiler.add_rules_str_in_namespace(text, path).unwrap();
    }
    let whole = compiler.finalize();
    let (fast, complaints) = Yara::load(files.clone());
    assert_eq!(complaints, []);
    let (small, _) = Yara::load_to_pack(files);
    let back = Yara::from_pack(&small.pack("key", false).unwrap()).unwrap().rules;
    assert_eq!((fast.sets.len(), small.sets.len(), back.sets.len()), (2, 6, 6));
    let is_read = |set: &Arc<Set>| set.scanner.get().is_some();
    assert_eq!(back.sets.iter().filter(|set| !is_read(set)).count(), 3, "none for programs");
    let large = |begins: &[u8]| [begins, b" n77 tiny", &[b' '; 2 << 20]].concat();
    let (large_elf, large_mz, large_text) = (large(b"\x7fELF"), large(b"MZ"), large(b"#!"));
    let mut found = 0;
    for bytes in [
        &b""[..],
        b"M",
        b"MZ",
        b"MZ marked one",
        b"marked one",
        b"marked two",
        b"MZ hidden",
        b"hidden",
        b"gate hidden",
        b"MZ 77",
        b"n77",
        b"MZ n77 n78",
        b"xMZ n77",
        b"\x7fELF",
        b"\x7fELF n77 tiny",
        b"\x7fELG tiny",
        b"#! tiny",
        &large_elf,
        &large_mz,
        &large_text,
    ] {
        let expected = whole.scan_mem(bytes).unwrap();
        let sorted = |mut all: Vec<(String, String)>| {
            all.sort();
            all
        };
        let expected = sorted(
            expected.rules.iter().map(|r| (r.namespace.to_owned(), r.name.to_owned())).collect(),
        );
        for yara in [&fast, &small, &back] {
            let hits = yara.judge(bytes, &About::default()).hits;
            let hits = sorted(hits.into_iter().map(|hit| (hit.file, hit.rule)).collect());
            assert_eq!(hits, expected, "{:?}", String::from_utf8_lossy(bytes));
        }
        found += expected.len();
    }
    assert!(back.sets.iter().all(is_read));
    assert!(found > 40, "{found}");
}

/// Returns more rules than are left undivided, with all that holds rules together.
fn divided_files() -> Vec<(String, Vec<u8>)> {
    let many = |mz: &str, from: u32| -> String {
        let rule = |n| {
            format!(
                "rule n{n} {{ strings: $s1 = \"n{n}\" condition: {mz} any of ($s*) /* }} */ }}\n"
            )
        };
        (from..from.saturating_add(1200)).map(rule).collect()
    };
    [
        ("any.yar", many("", 0)),
        ("mz.yar", many("uint16(0) == 0x5a4d and", 0)),
        (
            "names.yar",
            "private rule hidden { strings: $a = \"hidden\" condition: $a }\n\
             rule mz_named { condition: uint16(0) == 0x5A4D and hidden }\n\
             rule named { condition: not hidden and filesize > 0 }\n\
             rule starred { condition: any of (mz_*) }\n"
                .to_owned(),
        ),
        (
            "global.yar",
            "global rule gate { strings: $g = \"gate\" condition: $g }\n\
             rule gated { condition: true } rule mz_gated { condition: uint16be(0) == 0x4d5a }"
                .to_owned(),
        ),
        (
            "kinds.yar",
            "rule elf { condition: uint32(0) == 0x464c457f }\n\
             rule elf_or_not { condition: uint16(0) == 0x457f and (filesize > 4 or filesize < 3) }\n\
             rule tiny { strings: $a = \"tiny\" condition: $a and filesize < 1MB }\n\
             rule script { condition: uint16(0) == 0x2123 }\n\
             rule any_tiny { strings: $a = \"tiny\" condition: $a }"
                .to_owned(),
        ),
        (
            "module.yar",
            "import \"pe\"\nimport \"math\"\n\
             rule signed { condition: pe.number_of_signatures > 0 or math.max(1, 2) == 2 }\n\
             rule either { condition: uint16(0) == 0x5a4d or filesize == 1 }\n\
             rule no { condition: not (uint16(0) == 0x5a4d) }"
                .to_owned(),
        ),
    ]
    .map(|(path, text)| (path.to_owned(), text.into_bytes()))
    .into()
}

#[test]
fn a_mistake_costs_its_rule_and_who_names_it_and_not_those_after_it() {
    let text = "import \"pe\"\nrule a { condition: true }\nrule b {\n condition:\n  pe.no\n}\n\
                rule c { condition: true } rule d { condition: b } rule e { condition: pe.is_pe == 0 }";
    let many: String = (0..1200).map(|n| format!("rule r{n} {{ condition: false }}\n")).collect();
    for more in ["", &many] {
        let (yara, complaints) = rules(&[("b.yar", text), ("more.yar", more)]);
        let told = complaints.iter().map(|one| (one.file.as_str(), one.line));
        assert_eq!(Vec::from_iter(told), [("b.yar", Some(5)), ("b.yar", Some(7))]);
        assert_eq!(names(&yara, b"x", "x"), ["a", "c", "e"]);
    }
}

#[test]
fn a_range_that_begins_before_the_file_is_the_whole_of_it() {
    let (yara, complaints) = rules(&[(
        "r.yar",
        "rule near_end { strings: $a = \"mark\" condition: $a in (filesize-10..filesize) }\n\
         rule any_near_end { strings: $a = \"mark\" condition: any of them in (filesize-10..filesize) }\n\
         rule not_near_end { strings: $a = \"mark\" condition: not $a in (filesize-10..filesize) }\n\
         rule none_near_end { strings: $a = \"mark\" $b = \"b\"\n\
          condition: none of them in (filesize-10..filesize) }\n\
         rule bad {\n strings: $a = \"mark\"\n condition: $a in (filesize-10..filesize) and lost }\n",
    )]);
    let told = complaints.iter().map(|one| (one.file.as_str(), one.line));
    assert_eq!(Vec::from_iter(told), [("r.yar", Some(8))]);
    for bytes in [&b"mark"[..], b"a mark", b"0123456789 a mark"] {
        assert_eq!(names(&yara, bytes, "x"), ["near_end", "any_near_end"]);
    }
    for bytes in [&b""[..], b"none", b"mark and too much after it"] {
        assert_eq!(names(&yara, bytes, "x"), ["not_near_end", "none_near_end"]);
    }
}

/// Returns how long a judgement takes by the way, so that what never ends fails and does not hang.
fn judged_in_time(yara: &Yara, bytes: &Arc<Vec<u8>>) -> ByteJudgement {
    let (sender, receiver) = std::sync::mpsc::channel();
    let (yara, bytes) = (yara.clone(), Arc::clone(bytes));
    std::thread::spawn(move || sender.send(yara.judge_kept(&bytes, &About::default())));
    receiver.recv_timeout(Duration::from_secs(120)).expect("the cap of time holds")
}

#[test]
fn a_string_without_fixed_text_is_cut_off_and_other_rules_still_hit() {
    // Ten thousand times as many bytes are looked at, and nothing else ends that.
    let letters = Arc::new([&b"marked 1 "[..], &vec![b'q'; 2 << 20], b"9"].concat());
    let mut runs = vec![b'q'; 4094];
    runs.extend_from_slice(b"q9");
    let runs = Arc::new([b"marked 1 ", runs.repeat(1024).as_slice()].concat());
    for (string, bytes) in [
        ("/[a-z]+/", &letters),
        ("/(q+)+9/", &runs),
        ("/(q|[a-z])+[a-z0-9]/ nocase fullword", &letters),
    ] {
        let text = format!(
            "rule other {{ strings: $a = \"marked\" condition: $a }}\n\
             rule endless {{ strings: $a = {string} condition: #a > 9000 and @a[9000] > 8000 }}\n\
             rule last {{ strings: $a = /mar[j-l]ed [0-9]/ condition: $a }}"
        );
        let files = [("endless.yar".to_owned(), text.into_bytes())];
        let (yara, complaints) = Yara::load(files.clone());
        assert_eq!(complaints, []);
        let (small, _) = Yara::load_to_pack(files);
        let packed = Yara::from_pack(&small.pack("key", false).unwrap()).unwrap().rules;
        let yara = if string.contains('q') { yara } else { packed };
        assert_eq!(yara.loaded().rules, 3);
        assert_eq!(names(&yara, b"marked 1 by few", "x"), ["other", "last"], "{string}");
        let judged = judged_in_time(&yara.within(Duration::from_secs(1)), bytes);
        let hits: Vec<&str> = judged.hits.iter().map(|hit| hit.rule.as_str()).collect();
        assert_eq!(hits, ["other", "last"], "{string}");
        assert!(judged.hits.iter().all(|hit| !hit.met.is_empty()), "{judged:?}");
        assert_eq!((judged.timed_out, judged.not_asked), (true, 0), "{string}");
    }
}

#[test]
fn a_rule_that_is_still_at_work_for_others_is_not_asked_again() {
    let text = "rule endless { strings: $a = /[a-z]+/ condition: #a > 9000 }\n\
                rule other { strings: $a = \"marked\" condition: $a }";
    let (yara, complaints) = rules(&[("endless.yar", text)]);
    assert_eq!(complaints, []);
    let yara = yara.within(Duration::from_millis(200));
    let bytes = Arc::new([&b"marked "[..], &vec![b'q'; 1 << 20]].concat());
    let asked: Vec<(bool, usize, usize)> = (0..4)
        .map(|_time| judged_in_time(&yara, &bytes))
        .map(|judged| (judged.timed_out, judged.not_asked, judged.hits.len()))
        .collect();
    assert_eq!(asked, [(true, 0, 1), (true, 0, 1), (false, 1, 1), (false, 1, 1)]);
    // What is small is judged at once, whatever is under way.
    assert_eq!(names(&yara, b"marked", "x"), ["other"]);
}

#[test]
fn what_takes_long_and_ends_is_waited_for_and_asked_again() {
    let (yara, _) =
        rules(&[("long.yar", "rule long { strings: $a = /[a-z]+/ condition: #a > 90 }")]);
    let bytes = Arc::new(b"one two ".repeat(2000));
    for _time in 0..5 {
        let judged = judged_in_time(&yara, &bytes);
        assert_eq!((judged.timed_out, judged.not_asked, judged.hits.len()), (false, 0, 1));
    }
    assert_eq!(yara.hands.waiting(), 1);
    let yara = yara.within(Duration::ZERO);
    // As few bytes as are too many for this machine.
    let too_many = |power: &u32| {
        let letters = Arc::new(vec![b'q'; 1 << power]);
        judged_in_time(&yara, &letters).timed_out
    };
    assert!((15..25).any(|power| too_many(&power)));
    // It ends soon by itself, and is not counted any more.
    let is_free = || yara.sets.iter().all(|set| set.left.is_empty());
    for _moment in 0..1200 {
        if is_free() {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(is_free());
}
