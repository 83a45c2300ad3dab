//! A SQLite database of the machine, read from its bytes: nothing is opened on disk, no lock is
//! taken, no journal is replayed.
//!
//! Source: <https://www.sqlite.org/fileformat2.html>. The file is hostile: views, virtual tables
//! and generated columns could compute for ever, so only plain tables are read, and at most so
//! many rows.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, MAIN_DB};

/// Why a database gave nothing, or not everything.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SqliteError {
    #[error("not a readable SQLite database")]
    Damaged(#[from] rusqlite::Error),
    #[error("no plain table `{0}` with the expected columns")]
    NoTable(String),
    #[error("the file is shorter than its header says; some rows may be missing")]
    Short,
    #[error("its rows share their pages")]
    Shared,
    #[error("more than {0} rows; the rest was not read")]
    TooMany(usize),
}

/// Gives the named columns of every row of a plain table to `each`, at most `cap` rows. Names of
/// table and columns are ours, never the machine's.
pub(crate) fn rows(
    mut bytes: Vec<u8>,
    table: &str,
    columns: &[&str],
    cap: usize,
    each: &mut dyn FnMut(&[ValueRef<'_>]),
) -> Result<(), SqliteError> {
    // Bytes 18 and 19 say "write-ahead log"; such a file cannot be opened from memory. What is in
    // the log itself is not here: the caller tells of it.
    if let Some([write @ 2, read @ 2]) = bytes.get_mut(18..20) {
        (*write, *read) = (1, 1);
    }
    let mut connection = Connection::open_in_memory()?;
    let size = bytes.len();
    let short = is_short(&bytes);
    connection.deserialize_read_exact(MAIN_DB, &*bytes, size, true)?;
    drop(bytes);
    connection.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;")?;
    if !is_plain(&connection, table, columns)? {
        return Err(SqliteError::NoTable(table.to_owned()));
    }
    let sql = format!("SELECT {} FROM {table} NOT INDEXED", columns.join(", "));
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query([])?;
    let mut count = 0_usize;
    // Cells do not overlap in an honest file: together they are no larger than it.
    let mut left = size;
    while let Some(row) = rows.next()? {
        if count >= cap {
            return Err(SqliteError::TooMany(cap));
        }
        count = count.saturating_add(1);
        let cells: Result<Vec<ValueRef<'_>>, _> =
            (0..columns.len()).map(|column| row.get_ref(column)).collect();
        let cells = cells?;
        let bytes = cells.iter().map(|cell| match cell {
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.len(),
            ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) => 0,
        });
        left = left.checked_sub(bytes.sum()).ok_or(SqliteError::Shared)?;
        each(&cells);
    }
    if short { Err(SqliteError::Short) } else { Ok(()) }
}

/// Returns whether pages are missing at the end: SQLite takes a missing page for an empty table.
fn is_short(bytes: &[u8]) -> bool {
    let number = |at: usize, size: usize| {
        let field = bytes.get(at..at.saturating_add(size)).unwrap_or_default();
        field.iter().fold(0_usize, |sum, &byte| sum << 8 | usize::from(byte))
    };
    // 1 stands for 65,536; the page count counts only if both change counters agree.
    let page = if number(16, 2) == 1 { 65_536 } else { number(16, 2) };
    let pages = if number(24, 4) == number(92, 4) { number(28, 4) } else { 0 };
    let partial = bytes.len().checked_rem(page).is_some_and(|left| left != 0);
    partial || bytes.len() < page.saturating_mul(pages)
}

/// Returns whether the table is an ordinary one (it has a root page of its own, which views and
/// virtual tables have not) and the columns are stored, not computed.
fn is_plain(connection: &Connection, table: &str, columns: &[&str]) -> rusqlite::Result<bool> {
    let sql = "SELECT count(*) FROM sqlite_schema \
               WHERE type = 'table' AND rootpage > 0 AND name = ?1 COLLATE NOCASE";
    let tables: i64 = connection.query_row(sql, [table], |row| row.get(0))?;
    let mut statement = connection.prepare(&format!("PRAGMA table_xinfo({table})"))?;
    let mut rows = statement.query([])?;
    let (mut found, mut computed) = (0_usize, false);
    while let Some(row) = rows.next()? {
        let name: String = row.get("name")?;
        computed |= row.get::<_, i64>("hidden")? != 0;
        if columns.iter().any(|column| column.eq_ignore_ascii_case(&name)) {
            found = found.saturating_add(1);
        }
    }
    Ok(tables == 1 && !computed && found == columns.len())
}

/// Returns a cell as text, if it is text; invalid UTF-8 is escaped.
pub(crate) fn cell_text(cell: Option<&ValueRef<'_>>) -> stanch_words::Value {
    match cell {
        Some(ValueRef::Text(bytes) | ValueRef::Blob(bytes)) => stanch_words::Value::bytes(bytes),
        Some(ValueRef::Integer(number)) => number.to_string().into(),
        Some(ValueRef::Real(number)) => number.to_string().into(),
        Some(ValueRef::Null) | None => stanch_words::Value::Null,
    }
}

/// Returns a cell as text, empty if it is none; invalid UTF-8 is escaped.
pub(crate) fn cell_string<'c>(cell: Option<&'c ValueRef<'c>>) -> std::borrow::Cow<'c, str> {
    match cell {
        Some(ValueRef::Text(bytes) | ValueRef::Blob(bytes)) => match std::str::from_utf8(bytes) {
            Ok(text) => text.into(),
            Err(_escape) => stanch_words::text::from_bytes(bytes).into(),
        },
        Some(ValueRef::Integer(number)) => number.to_string().into(),
        Some(ValueRef::Real(number)) => number.to_string().into(),
        Some(ValueRef::Null) | None => "".into(),
    }
}

/// Returns a cell as a whole number, if it is one.
pub(crate) fn cell_integer(cell: Option<&ValueRef<'_>>) -> Option<i64> {
    match cell {
        Some(ValueRef::Integer(number)) => Some(*number),
        _ => None,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Returns the bytes of a database that a script makes.
    pub(crate) fn made(script: &str) -> Vec<u8> {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(script).unwrap();
        connection.serialize(MAIN_DB).unwrap().to_vec()
    }

    fn numbers(bytes: Vec<u8>, cap: usize) -> (Vec<i64>, Result<(), SqliteError>) {
        let mut found = Vec::new();
        let result = rows(bytes, "t", &["n"], cap, &mut |cells| {
            found.extend(cell_integer(cells.first()));
        });
        (found, result)
    }

    #[test]
    fn rows_of_a_plain_table() {
        let bytes = made("CREATE TABLE t (n INTEGER, x); INSERT INTO t VALUES (1, 0), (2, 0);");
        let mut log = bytes.clone();
        log[18] = 2;
        log[19] = 2;
        assert_eq!(numbers(bytes.clone(), 9).0, [1, 2]);
        assert_eq!(numbers(log, 9).0, [1, 2]);
        let (found, result) = numbers(bytes, 1);
        assert_eq!(found, [1]);
        assert!(matches!(result, Err(SqliteError::TooMany(1))));
    }

    #[test]
    fn what_computes_is_not_read() {
        for script in [
            "CREATE VIEW t AS WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n FROM r) SELECT n FROM r;",
            "CREATE TABLE t (a, n AS (a + 1)); INSERT INTO t VALUES (1);",
            "CREATE TABLE t (m);",
            "CREATE TABLE u (n);",
        ] {
            let (found, result) = numbers(made(script), 9);
            assert_eq!(found, Vec::<i64>::new(), "{script}");
            assert!(matches!(result, Err(SqliteError::NoTable(_))), "{script}");
        }
    }

    #[test]
    fn a_damaged_database_is_an_error_and_never_a_crash() {
        let whole = made("CREATE TABLE t (n); INSERT INTO t VALUES (1);");
        for cut in (0..whole.len()).step_by(97) {
            let (found, result) = numbers(whole[..cut].to_vec(), 9);
            assert!(result.is_err(), "cut at {cut}: {found:?}");
        }
        for at in (0..whole.len()).step_by(13) {
            let mut bytes = whole.clone();
            bytes[at] ^= 0xff;
            let (found, result) = numbers(bytes, 9);
            assert!(found.len() <= 9 || result.is_err());
        }
    }
}
