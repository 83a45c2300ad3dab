//! Hostile pages and queries: never a panic, and a query changes nothing. The mutations come from
//! a generator with a fixed seed; what coverage can find beyond that is the work of `fuzz/`.
#![expect(clippy::unwrap_used, reason = "the helpers of tests may die as the tests may")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use stanch_rules::{Page, Query, Sign, case, content};
use stanch_words::{Ask, Seen, TableSpec, Tables, table_spec};

table_spec! {
    static SPEC, col = "samples": Files, "Sample rows.";
    pid BigInt Index "Process id.";
    path Text Plain "A path.";
}

struct Samples;

impl Tables for Samples {
    fn specs(&self) -> Vec<&'static TableSpec> {
        vec![&SPEC]
    }
    fn read(&self, _table: &str, _ask: &Ask) -> Arc<Seen> {
        let mut row = SPEC.row();
        row.put(col::pid, 1).put(col::path, "/bin/a");
        Arc::new(Seen { rows: vec![row], gaps: Vec::new() })
    }
}

/// A generator of numbers (xorshift64*, Vigna 2016) with a fixed seed.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(number).unwrap() % most.max(1)
    }
}

const PIECES: [&str; 14] = [
    "\n",
    "+++\n",
    "```\n",
    "```case hit: ",
    "## ",
    "\"\"\"",
    "{",
    "}",
    "= [",
    "\u{0}",
    "\u{202e}",
    "止",
    "1e999",
    "-9223372036854775808",
];

/// Changes a text in one to four ways, at character boundaries.
fn mutated(text: &str, numbers: &mut Numbers) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    for _ in 0..=numbers.below(4) {
        let at = numbers.below(letters.len());
        let end = at + numbers.below(letters.len() - at + 1);
        match numbers.below(4) {
            0 => letters.truncate(at),
            1 => drop(letters.drain(at..end)),
            2 => {
                let part: Vec<char> = letters.iter().copied().skip(at).take(end - at).collect();
                drop(letters.splice(at..at, part));
            }
            _ => {
                let piece = PIECES.get(numbers.below(PIECES.len())).copied().unwrap_or("");
                drop(letters.splice(at..at, piece.chars()));
            }
        }
    }
    letters.into_iter().collect()
}

#[test]
fn no_page_and_no_case_panics_on_mutated_text() {
    let texts: Vec<(&str, &str)> = content::texts().collect();
    let mut numbers = Numbers(0x5eed_9a9e);
    let mut parsed = 0;
    for round in 0..10_000 {
        let (path, text) = texts.get(round % texts.len()).copied().unwrap();
        let text = mutated(text, &mut numbers);
        let tried = catch_unwind(|| {
            let page = Page::parse(path, &text).ok()?;
            let sign = Sign::new(page);
            for text in &sign.page.cases {
                let _made = case::rows(vec![&SPEC], &text.body);
            }
            Some(())
        });
        let tried = tried.unwrap_or_else(|_| panic!("{path} in round {round} panics:\n{text}"));
        parsed += usize::from(tried.is_some());
    }
    assert!(parsed > 100, "only {parsed} mutated pages parse: the mutations are too wild");
}

#[test]
fn no_mutated_query_panics() {
    let query = Query::open(Arc::new(Samples)).unwrap();
    let mut numbers = Numbers(0x5eed_50e1);
    for (path, text) in content::texts() {
        let Some(sql) = text.split("\"\"\"").nth(1) else { continue };
        for _ in 0..40 {
            let sql = mutated(sql, &mut numbers);
            let checked = catch_unwind(AssertUnwindSafe(|| query.check(&sql).is_ok()));
            assert!(checked.is_ok(), "{path}: {sql}");
        }
    }
}

#[test]
fn a_query_that_wants_to_act_is_refused() {
    let query = Query::open(Arc::new(Samples)).unwrap();
    assert_eq!(query.run("SELECT pid FROM samples").unwrap().rows.len(), 1);
    for sql in [
        "ATTACH '/tmp/x' AS x",
        "CREATE TABLE t(a)",
        "CREATE TEMP TABLE t(a)",
        "CREATE VIEW v AS SELECT 1",
        "INSERT INTO samples VALUES (1, 'x')",
        "UPDATE samples SET pid = 2",
        "DELETE FROM samples",
        "DROP TABLE samples",
        "PRAGMA writable_schema = 1",
        "PRAGMA database_list",
        "VACUUM INTO '/tmp/x'",
        "BEGIN",
        "SELECT load_extension('/tmp/x.so')",
        "SELECT writefile('/tmp/x', 'x')",
        "SELECT readfile('/etc/shadow')",
        "SELECT fts3_tokenizer('x', x'00')",
        "INSERT INTO sqlite_master VALUES ('table', 'x', 'x', 1, 'x')",
    ] {
        assert!(query.run(sql).is_err(), "`{sql}` was not refused");
    }
}
