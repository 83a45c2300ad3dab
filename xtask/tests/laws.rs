//! The laws of the house, each as a test, so that `cargo test` is the whole law; and each law
//! tried on a small made-up house that breaks it, so that none passes by finding nothing.
#![expect(clippy::unwrap_used, reason = "the helpers of tests may die as the tests may")]

use std::collections::BTreeMap;
use std::sync::OnceLock;

use xtask::laws::{self, Offence};
use xtask::{Crate, Dependency, House, new, pack};

fn house() -> &'static House {
    static HOUSE: OnceLock<House> = OnceLock::new();
    HOUSE.get_or_init(|| House::read().unwrap())
}

/// One test a law, named for it; and a test that none was left out.
macro_rules! each_holds {
    ($($name:ident: $module:ident::$check:ident;)+) => {
        $(#[test]
        fn $name() {
            let offences = laws::$module::$check(house());
            let law = laws::ALL
                .iter()
                .find(|law| std::ptr::fn_addr_eq(law.check, laws::$module::$check as fn(&House) -> Vec<Offence>))
                .unwrap();
            assert!(offences.is_empty(), "{}", laws::verdict(law, &offences));
        })+

        #[test]
        fn every_law_is_a_test() {
            assert_eq!([$(stringify!($name)),+].len(), laws::ALL.len());
        }
    };
}

each_holds! {
    arrows_between_crates: arrows::crates;
    arrows_to_outside_crates: arrows::outside;
    lifted_bans: walls::lifted;
    lints_of_the_workspace: walls::lints;
    unsafe_code: walls::unsafe_code;
    forgotten_modules: forgotten::modules;
    forgotten_design_notes: forgotten::design_notes;
    forgotten_parsers: forgotten::parsers;
    stories_of_crates: stories::openings;
    names_that_say_nothing: names::named_for_nothing;
    sizes_of_files: sizes::too_long;
    rejected_synonyms: wording::rejected;
    no_shouting: wording::shouting;
    links_lead_somewhere: links::targets;
    one_test_command: links::test_command;
    shapes_of_changes: changes::shapes;
    number_of_crates: lock::crates;
    reasons_of_dependencies: lock::reasons;
    sentences_of_tables: tables::sentences;
    content_is_packed: content::packed;
    content_is_in_order: content::order;
    ids_never_vanish: content::ids;
    handbook_is_current: generated::handbook;
}

/// Returns a made-up house of some files.
fn made_up(files: &[(&str, &str)]) -> House {
    let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
    House { files: files.collect::<BTreeMap<_, _>>(), ..House::default() }
}

fn with_crates(mut house: House, crates: &[(&str, &str, &[&str])]) -> House {
    for (package, folder, uses) in crates {
        let uses = uses.iter();
        let dependencies =
            uses.map(|used| Dependency { package: (*used).to_owned(), for_tests: false });
        house.crates.push(Crate {
            package: (*package).to_owned(),
            folder: (*folder).to_owned(),
            roots: vec![format!("{folder}/src/lib.rs")],
            dependencies: dependencies.collect(),
        });
    }
    house
}

fn told(offences: &[Offence]) -> Vec<String> {
    offences.iter().map(|offence| format!("{}: {}", offence.place, offence.what)).collect()
}

const MAP: &str = "<!-- crates -->\n| crate | home | may use | is |\n|---|---|---|---|\n\
    | `words` | `ground/words` | — | x |\n| `facts` | `ground/facts` | — | x |\n\
    | `harden` | `phases/harden` | facts | x |\n| `eradicate` | `phases/eradicate` | facts | x |\n\
    | `web` | `faces/web` | wire | comes with issue 9 |\n\
    <!-- outside crates -->\n| crate | ours | why |\n|---|---|---|\n| `libc` | facts | x |\n";

#[test]
fn a_phase_that_uses_a_phase_is_named_with_the_reason() {
    let house = with_crates(
        made_up(&[("ARCHITECTURE.md", MAP)]),
        &[
            ("stanch-words", "ground/words", &[]),
            ("stanch-facts", "ground/facts", &["stanch-words", "stanch-harden", "libc"]),
            ("stanch-harden", "phases/harden", &["stanch-eradicate", "libc"]),
            ("stanch-eradicate", "phases/eradicate", &["stanch-facts"]),
            ("stanch-odd", "ground/odd", &[]),
        ],
    );
    let expected = [
        "ground/facts/Cargo.toml: `ground/facts` may not use `phases/harden`: ground knows no \
         storey above it (it may use: words)",
        "phases/harden/Cargo.toml: `phases/harden` may not use `phases/eradicate`: what one phase \
         learns reaches another only through the ledger (it may use: facts)",
        "ground/odd/Cargo.toml: `odd` has no row in the crate table of ARCHITECTURE.md",
        "ARCHITECTURE.md:8: `web` uses `wire`, which has no row above it",
    ];
    assert_eq!(told(&laws::arrows::crates(&house)), expected);
    let expected = ["ARCHITECTURE.md:12: `harden` may not name `libc`; only facts may"];
    assert_eq!(told(&laws::arrows::outside(&house)), expected);
}

#[test]
fn a_file_that_nothing_includes_is_named() {
    let house = with_crates(
        made_up(&[
            ("a/src/lib.rs", "pub mod one;\nmod two;\n// mod four;\n"),
            ("a/src/one.rs", "pub(crate) mod deep;\n"),
            ("a/src/one/deep.rs", ""),
            ("a/src/two.rs", "tables! {\n    three\n}\n"),
            ("a/src/two/three.rs", ""),
            ("a/src/four.rs", ""),
            ("design/1-x.md", ""),
            ("ground/facts/src/tables/odd.rs", "pub fn parse(bytes: &[u8]) {}"),
        ]),
        &[("a", "a", &[])],
    );
    assert_eq!(laws::forgotten::modules(&house).len(), 1);
    assert_eq!(laws::forgotten::modules(&house)[0].place, "a/src/four.rs");
    assert_eq!(laws::forgotten::design_notes(&house).len(), 2);
    assert_eq!(laws::forgotten::parsers(&house).len(), 1);
}

#[test]
fn a_crate_without_a_story_and_without_lints_is_named() {
    let house = with_crates(made_up(&[("a/src/lib.rs", "//! x\n")]), &[("a", "a", &[])]);
    assert_eq!(laws::stories::openings(&house).len(), 2);
    assert_eq!(laws::walls::lints(&house).len(), 1);
}

#[test]
fn walls_that_are_lifted_without_leave_are_named() {
    let bans = "    { path = \"std::fs::read\", reason = \"x\" },\n";
    let map = "<!-- walls -->\n| crate | lifts | why |\n|---|---|---|\n| `b` | files | x |\n\
        <!-- unsafe -->\n| file | why |\n|---|---|\n";
    let code = concat!("fn f() { un", "safe { g() } }");
    let files = [
        ("clippy.toml", bans),
        ("a/clippy.toml", ""),
        ("b/clippy.toml", ""),
        ("ARCHITECTURE.md", map),
        ("b/src/lib.rs", code),
    ];
    let house = with_crates(made_up(&files), &[("a", "a", &[]), ("b", "b", &[])]);
    let offences = laws::walls::lifted(&house);
    assert_eq!(told(&offences).len(), 1);
    assert_eq!(offences[0].place, "a/clippy.toml");
    assert_eq!(laws::walls::unsafe_code(&house).len(), 1);
}

#[test]
fn names_lengths_and_words_are_seen() {
    let long = "x\n".repeat(801);
    let terms = "<!-- terms -->\n| term | zh | means | not |\n|---|---|---|---|\n\
        | finding | 发现 | x | fanfare, 号角 |\n";
    let house = made_up(&[
        ("a/src/utils.rs", &long),
        ("a/src/list.rs", &format!("// list: made\n{long}")),
        ("GLOSSARY.md", terms),
        ("b.md", "A Fanfare here.\nNot `fanfare` there.\n```\nfanfare\n```\n吹号角。\nStop!\n"),
        ("c.rs", "let fanfareCount = 1; // two fanfares\nlet ok = \"fanfare\";\n"),
    ]);
    let names: Vec<String> = told(&laws::names::named_for_nothing(&house));
    assert_eq!(names.len(), 1, "{names:?}");
    assert_eq!(laws::sizes::too_long(&house).len(), 1);
    let places: Vec<String> =
        laws::wording::rejected(&house).into_iter().map(|offence| offence.place).collect();
    assert_eq!(places, ["c.rs:1", "b.md:1", "b.md:6"]);
    assert_eq!(laws::wording::shouting(&house)[0].place, "b.md:7");
}

#[test]
fn links_and_paths_that_lead_nowhere_are_seen() {
    let text = "[a](b.md) [c](d/e.md#x) [f](https://example.org)\n`ground/none` and `ground/x`\n\
        `ground/later` comes with issue 3\n";
    let house =
        made_up(&[("README.md", text), ("d/e.md", "[up](../README.md)"), ("ground/x/y", "")]);
    let expected = ["README.md:1: `b.md` leads nowhere", "README.md:2: there is no `ground/none`"];
    assert_eq!(told(&laws::links::targets(&house)), expected);
    assert_eq!(laws::links::test_command(&house).len(), 3);
}

#[test]
fn changes_and_dependencies_are_seen() {
    let house = with_crates(
        made_up(&[
            ("changes/0001-good.added.md", "A sentence.\n"),
            ("changes/0001-Bad.md", "# Title\n"),
            ("Cargo.lock", "[[package]]\n[[package]]\n"),
            ("xtask/crates.limit", "1\n"),
            ("deny.toml", "# gone: was used\n"),
        ]),
        &[("a", "a", &["serde"])],
    );
    assert_eq!(laws::changes::shapes(&house).len(), 2);
    assert_eq!(laws::lock::crates(&house).len(), 1);
    assert_eq!(laws::lock::reasons(&house).len(), 2);
}

#[test]
fn content_that_vanished_or_lies_untidy_is_seen() {
    let house = made_up(&[
        ("content/signs/files/a.md", "x \n\n\ny"),
        ("content/ids.lock", "# ids\nfiles.b\n"),
    ]);
    assert_eq!(pack::in_order("x \n\n\ny"), "x\n\ny\n");
    assert_eq!(laws::content::order(&house).len(), 1);
    assert_eq!(laws::content::packed(&house).len(), 1);
    assert_eq!(laws::content::ids(&house).len(), 2);
    assert_eq!(laws::generated::handbook(&house).len(), 1);
}

#[test]
fn a_new_sign_fails_until_it_is_filled_in() {
    let text = new::sign_text("files.x");
    let error = stanch_rules::Page::parse("signs/files/x", &text).unwrap_err();
    assert!(error.complaints.len() > 8, "{error}");
    assert!(error.complaints.iter().any(|complaint| complaint == "no Hit case"), "{error}");
    let list = new::with_table("a\ntables! {\n    b\n    d\n}\ne", "c").unwrap();
    assert_eq!(list, "a\ntables! {\n    b\n    c\n    d\n}\ne");
    assert!(new::table_text("c").contains("= \"c\": Files, \"\";"));
}
