//! The laws over all content (house.md, "Content as data"). Each lists all offenders at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use stanch_facts::tables;
use stanch_rules::{Page, Query, Sign, case, content};
use stanch_words::{Ask, Seen, TableSpec, Tables};

struct NoRows;

impl Tables for NoRows {
    fn specs(&self) -> Vec<&'static TableSpec> {
        tables::ALL.iter().map(|table| table.spec).collect()
    }
    fn read(&self, _table: &str, _ask: &Ask) -> Arc<Seen> {
        Arc::default()
    }
}

fn pages() -> Vec<Page> {
    let parsed = content::texts().map(|(path, text)| Page::parse(path, text));
    let (pages, errors): (Vec<_>, Vec<_>) = parsed.partition(Result::is_ok);
    let errors: Vec<String> =
        errors.into_iter().filter_map(Result::err).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "pages that do not parse:\n{}", errors.join("\n"));
    pages.into_iter().filter_map(Result::ok).collect()
}

fn none(offenders: Vec<String>, law: &str) {
    assert!(offenders.is_empty(), "{law}:\n{}", offenders.join("\n"));
}

#[test]
fn there_are_signs() {
    assert!(!pages().is_empty());
}

#[test]
fn every_query_and_every_named_column_fits_the_tables() {
    let query = Query::open(Arc::new(NoRows)).unwrap();
    let mut offenders = Vec::new();
    for page in pages() {
        let path = page.path.clone();
        if let Err(complaints) = Sign::new(page).check(&query) {
            offenders.push(format!("{path}: {}", complaints.join("; ")));
        }
    }
    none(offenders, "pages whose query does not fit the tables");
}

#[test]
fn every_case_holds() {
    let specs = NoRows.specs();
    let mut offenders = Vec::new();
    let mut count = 0;
    for page in pages() {
        let sign = Sign::new(page);
        for text in &sign.page.cases {
            count += 1;
            if let Err(complaints) = case::run(&sign, text, specs.clone()) {
                let name = format!("{}: {:?} `{}`", sign.page.path, text.kind, text.name);
                offenders.push(format!("{name}: {}", complaints.join("; ")));
            }
        }
    }
    none(offenders, "cases that do not hold");
    assert!(count > 0);
    println!("{count} cases hold");
}

#[test]
fn no_hit_passes_with_the_rule_emptied() {
    let specs = NoRows.specs();
    let mut offenders = Vec::new();
    for mut page in pages() {
        let path = page.path.clone();
        page.front.sql = format!("SELECT * FROM ({}) WHERE 0", page.front.sql);
        let sign = Sign::new(page);
        for text in sign.page.cases.iter().filter(|c| c.kind == stanch_rules::page::CaseKind::Hit) {
            if case::run(&sign, text, specs.clone()).is_ok() {
                offenders.push(format!("{path}: `{}`", text.name));
            }
        }
    }
    none(offenders, "hits that pass though nothing is found");
}

#[test]
fn no_paragraph_occurs_twice() {
    let mut places: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for page in pages() {
        for text in [&page.why, &page.innocent_when, &page.todo] {
            for wording in [&text.en, &text.zh] {
                places.entry(wording.clone()).or_default().insert(page.path.clone());
            }
        }
    }
    let twice = places.into_iter().filter(|(_, pages)| pages.len() > 1);
    none(twice.map(|(text, pages)| format!("{pages:?}: {text}")).collect(), "repeated paragraphs");
}

#[test]
fn each_page_is_at_most_120_lines() {
    let long = content::texts().filter(|(_, text)| text.lines().count() > 120);
    none(long.map(|(path, _)| path.to_owned()).collect(), "pages of more than 120 lines");
}

#[test]
fn of_every_page_a_hit_reaches_the_level_that_it_claims() {
    let specs = NoRows.specs();
    let mut offenders = Vec::new();
    for page in pages() {
        let claimed = page.front.level();
        let sign = Sign::new(page);
        let mut most = None;
        for text in sign.page.cases.iter().filter(|c| c.kind == stanch_rules::page::CaseKind::Hit) {
            let (rows, _) = case::rows(specs.clone(), &text.body).unwrap();
            let query = Query::open(Arc::new(rows)).unwrap();
            let found = sign.judge(&query).unwrap();
            most = most.max(found.iter().map(|found| sign.finding(found).level).max());
        }
        if most < Some(claimed) {
            offenders
                .push(format!("{}: claims {claimed:?}, its hits reach {most:?}", sign.page.path));
        }
    }
    none(offenders, "pages whose hits stay below their level");
}
