//! SQL that somebody else wrote: it may be refused, it must not do anything.
#![no_main]

use std::sync::{Arc, LazyLock, Mutex};

use libfuzzer_sys::fuzz_target;
use stanch_facts::tables;
use stanch_rules::Query;
use stanch_words::{Ask, Seen, TableSpec, Tables};

struct Empty;

impl Tables for Empty {
    fn specs(&self) -> Vec<&'static TableSpec> {
        tables::ALL.iter().map(|table| table.spec).collect()
    }
    fn read(&self, _table: &str, _ask: &Ask) -> Arc<Seen> {
        Arc::default()
    }
}

static QUERY: LazyLock<Mutex<Query>> =
    LazyLock::new(|| Mutex::new(Query::open(Arc::new(Empty)).expect("SQLite starts")));

fuzz_target!(|sql: &str| {
    let query = QUERY.lock().expect("no panic before");
    let _checked = query.check(sql);
});
