//! The databases that replace wtmp and lastlog where 32-bit times had to go.
//!
//! Source: the schemas of wtmpdb 0.13 (<https://github.com/thkukuk/wtmpdb>, `lib/wtmpdb.h` for the
//! kinds; times in microseconds) and of lastlog2 in util-linux 2.40 (times in seconds).

use rusqlite::types::ValueRef;

use crate::sqlite_file::{self, SqliteError, cell_integer};

/// How many rows of a database are taken.
const MOST_ROWS: usize = 1_000_000;

/// One row of wtmpdb's `wtmp`: a login or a boot, and its end.
pub(crate) struct PastLogin<'c>(&'c [ValueRef<'c>]);

impl<'c> PastLogin<'c> {
    /// Returns the row's number: one that is missing was deleted.
    pub(crate) fn id(&self) -> Option<i64> {
        cell_integer(self.0.first())
    }

    /// Returns the kind of record as utmp(5) counts: 2 boot, 1 run level, 7 login, 0 unknown.
    pub(crate) fn kind(&self) -> i64 {
        match cell_integer(self.0.get(1)) {
            Some(1) => 2,
            Some(2) => 1,
            Some(3) => 7,
            _ => 0,
        }
    }

    /// Returns the kind of record that tells of its end.
    pub(crate) fn end_kind(&self) -> i64 {
        if self.kind() == 7 { 8 } else { 1 }
    }

    pub(crate) fn user(&self) -> Option<&'c ValueRef<'c>> {
        self.0.get(2)
    }

    /// Returns the time of the login or boot, in microseconds.
    pub(crate) fn begin(&self) -> Option<i64> {
        cell_integer(self.0.get(3))
    }

    /// Returns the time of the logout or shutdown, in microseconds.
    pub(crate) fn end(&self) -> Option<i64> {
        cell_integer(self.0.get(4))
    }

    pub(crate) fn tty(&self) -> Option<&'c ValueRef<'c>> {
        self.0.get(5)
    }

    pub(crate) fn host(&self) -> Option<&'c ValueRef<'c>> {
        self.0.get(6)
    }

    pub(crate) fn service(&self) -> Option<&'c ValueRef<'c>> {
        self.0.get(7)
    }
}

/// Gives each row of wtmpdb's database.
pub(crate) fn wtmpdb(
    bytes: Vec<u8>,
    each: &mut dyn FnMut(&PastLogin<'_>),
) -> Result<(), SqliteError> {
    let columns = ["ID", "Type", "User", "Login", "Logout", "TTY", "RemoteHost", "Service"];
    sqlite_file::rows(bytes, "wtmp", &columns, MOST_ROWS, &mut |cells| each(&PastLogin(cells)))
}

/// One row of lastlog2: the newest login of an account.
pub(crate) struct NewestLogin<'c>(&'c [ValueRef<'c>]);

impl<'c> NewestLogin<'c> {
    pub(crate) fn user(&self) -> Option<&'c ValueRef<'c>> {
        self.0.first()
    }

    /// Returns when, in seconds.
    pub(crate) fn time(&self) -> Option<i64> {
        cell_integer(self.0.get(1))
    }

    pub(crate) fn tty(&self) -> Option<&'c ValueRef<'c>> {
        self.0.get(2)
    }

    pub(crate) fn host(&self) -> Option<&'c ValueRef<'c>> {
        self.0.get(3)
    }

    pub(crate) fn service(&self) -> Option<&'c ValueRef<'c>> {
        self.0.get(4)
    }
}

/// Gives each row of lastlog2's database.
pub(crate) fn lastlog2(
    bytes: Vec<u8>,
    each: &mut dyn FnMut(&NewestLogin<'_>),
) -> Result<(), SqliteError> {
    let columns = ["Name", "Time", "TTY", "RemoteHost", "Service"];
    let each = &mut |cells: &[ValueRef<'_>]| each(&NewestLogin(cells));
    sqlite_file::rows(bytes, "Lastlog2", &columns, MOST_ROWS, each)
}

/// Returns whether the beginning of a file is a database with a table of that name.
pub(crate) fn is_database_of(head: &[u8], table: &str) -> bool {
    let created = format!("CREATE TABLE {table}");
    let begins = |at: usize| {
        let end = at.saturating_add(created.len());
        head.get(at..end).is_some_and(|part| part.eq_ignore_ascii_case(created.as_bytes()))
            // `wtmp` is not `wtmp_old`.
            && head.get(end).is_none_or(|&byte| !byte.is_ascii_alphanumeric() && byte != b'_')
    };
    head.starts_with(b"SQLite format 3\0") && memchr::memchr2_iter(b'C', b'c', head).any(begins)
}
