//! The reading of pages for web shells: no page of ours, cut anywhere or taken for another
//! language, panics or hangs. How well they are told is `cargo xtask score webshells`.
#![expect(clippy::string_slice, reason = "the helpers of tests may die as the tests may")]

use stanch_facts::content::{Kind, kind, oddities};

const FIXTURES: [&str; 9] = [
    include_str!("../fixtures/web_shells/another-hand.txt"),
    include_str!("../fixtures/web_shells/asp.txt"),
    include_str!("../fixtures/web_shells/held-out.txt"),
    include_str!("../fixtures/web_shells/jsp.txt"),
    include_str!("../fixtures/web_shells/others.txt"),
    include_str!("../fixtures/web_shells/perl.txt"),
    include_str!("../fixtures/web_shells/php-lines.txt"),
    include_str!("../fixtures/web_shells/php-pages.txt"),
    include_str!("../fixtures/web_shells/python.txt"),
];

/// Every way to read a page.
const WAYS: [(Kind, &str); 10] = [
    (Kind::Php, "x.php"),
    (Kind::Jsp, "x.jsp"),
    (Kind::Asp, "x.asp"),
    (Kind::Script, "x.py"),
    (Kind::Script, "x.pl"),
    (Kind::Script, "x.rb"),
    (Kind::Script, "x.js"),
    (Kind::Script, "x.lua"),
    (Kind::Text, ".htaccess"),
    (Kind::Text, ".user.ini"),
];

/// The pages, with their names; their letters are moved by 13 places.
fn pages() -> Vec<(String, Vec<u8>)> {
    let page = |case: &'static str| {
        let (head, body) = case.split_once('\n').unwrap_or((case, ""));
        let name = head.split(' ').nth(1).unwrap_or_default().to_owned();
        let moved = body.bytes().map(|byte| match byte {
            b'a'..=b'm' | b'A'..=b'M' => byte + 13,
            b'n'..=b'z' | b'N'..=b'Z' => byte - 13,
            other => other,
        });
        (name, moved.collect())
    };
    FIXTURES.iter().flat_map(|text| text[5..].split("\n==== ")).map(page).collect()
}

#[test]
fn no_page_panics_when_it_is_cut_or_taken_for_another_language() {
    let pages = pages();
    assert!(pages.len() > 200, "only {} pages", pages.len());
    for (name, page) in &pages {
        for end in (0..page.len()).step_by(7) {
            let _any = oddities(&page[..end], kind(page, name), name);
        }
        for (kind, name) in WAYS {
            let _any = oddities(page, kind, name);
        }
    }
}

#[test]
fn what_is_nested_without_end_is_left_alone() {
    for open in
        ["(", "[", "{", "$x[", "f(", "new X(", "`", "\"${", "-", "a.", "a?b:", "if(", "x=", "<%"]
    {
        for (kind, name) in WAYS {
            let start: &[u8] = if kind == Kind::Php { b"<?php " } else { b"<% " };
            let start = if kind == Kind::Script { b"" } else { start };
            let page = [start, &open.repeat(60_000).into_bytes()].concat();
            let found = oddities(&page, kind, name);
            assert!(found.iter().all(|oddity| oddity.score < 50), "{open} as {name}: {found:?}");
        }
    }
}
