//! SQL over tables: read-only, in memory, with nothing else in the database.

use std::sync::{Arc, PoisonError};

use rusqlite::hooks::{AuthAction, Authorization};
use stanch_words::{ColumnSet, Tables, Value};

use crate::functions;
use crate::virtual_table::{MODULE, Needs, Source};

/// Why a query could not be answered.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The database could not be set up: a bug of ours.
    #[error("the query engine did not start")]
    Engine(#[source] rusqlite::Error),
    /// The SQL is wrong, or asks for what is not allowed.
    #[error("{message}")]
    Sql {
        /// What SQLite says, in its words.
        message: String,
        /// Byte offset of the error in the SQL, if known.
        offset: Option<usize>,
    },
}

/// An answer: names and rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// Column names, as SQLite gives them.
    pub columns: Vec<String>,
    /// Rows, each as long as `columns`.
    pub rows: Vec<Vec<Value>>,
}

/// What a query gives and needs.
#[derive(Clone, Debug, PartialEq)]
pub struct Checked {
    /// Column names of the answer.
    pub columns: Vec<String>,
    /// The tables it reads, with the columns of each.
    pub tables: Vec<(String, ColumnSet)>,
}

/// A database whose tables are the machine's.
pub struct Query {
    connection: rusqlite::Connection,
    needs: Needs,
}

impl std::fmt::Debug for Query {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Query")
    }
}

impl Query {
    /// Opens a database over tables.
    ///
    /// # Errors
    /// [`QueryError::Engine`] if SQLite does not start.
    pub fn open(tables: Arc<dyn Tables>) -> Result<Self, QueryError> {
        let mut connection = rusqlite::Connection::open_in_memory().map_err(QueryError::Engine)?;
        let needs = Needs::default();
        for spec in tables.specs() {
            let source = Source { spec, tables: Arc::clone(&tables), needs: Arc::clone(&needs) };
            connection
                .create_module(spec.name, &MODULE, Some(source))
                .map_err(QueryError::Engine)?;
        }
        functions::register(&connection).map_err(QueryError::Engine)?;
        // A query reads tables and computes. It attaches, writes and sets nothing: the SQL may
        // come from a content pack or from the network.
        connection
            .authorizer(Some(|context: rusqlite::hooks::AuthContext<'_>| match context.action {
                AuthAction::Select
                | AuthAction::Read { .. }
                | AuthAction::Function { .. }
                | AuthAction::Recursive => Authorization::Allow,
                // SQLite inserts into its own schema table when an eponymous table is first used.
                AuthAction::CreateVtable { .. }
                | AuthAction::Insert { table_name: "sqlite_master" }
                | AuthAction::Update { table_name: "sqlite_master", .. } => Authorization::Allow,
                _ => Authorization::Deny,
            }))
            .map_err(QueryError::Engine)?;
        Ok(Self { connection, needs })
    }

    /// Checks a query without running it, and notes which columns of which tables it needs.
    ///
    /// # Errors
    /// [`QueryError::Sql`] with SQLite's message.
    pub fn check(&self, sql: &str) -> Result<Checked, QueryError> {
        let before = self.take_needs();
        let prepared = self
            .connection
            .prepare(sql)
            .map_err(sql_error)
            .map(|statement| statement.column_names().map(str::to_owned).collect());
        let tables = self.take_needs();
        let mut needs = self.needs.lock().unwrap_or_else(PoisonError::into_inner);
        for (table, columns) in before.iter().chain(&tables) {
            let all = needs.entry(table.clone()).or_insert(ColumnSet::NONE);
            *all = all.union(*columns);
        }
        Ok(Checked { columns: prepared?, tables })
    }

    fn take_needs(&self) -> Vec<(String, ColumnSet)> {
        let mut needs = self.needs.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken: Vec<(String, ColumnSet)> = needs.drain().collect();
        taken.sort_by(|a, b| a.0.cmp(&b.0));
        taken
    }

    /// Returns the columns of each table that all queries checked or run so far need.
    pub fn needs(&self) -> Vec<(String, ColumnSet)> {
        let needs = self.needs.lock().unwrap_or_else(PoisonError::into_inner);
        let mut needs: Vec<(String, ColumnSet)> =
            needs.iter().map(|(table, columns)| (table.clone(), *columns)).collect();
        needs.sort_by(|a, b| a.0.cmp(&b.0));
        needs
    }

    /// Runs a query.
    ///
    /// # Errors
    /// [`QueryError::Sql`] with SQLite's message.
    pub fn run(&self, sql: &str) -> Result<Answer, QueryError> {
        let mut answer = Answer::default();
        let columns = self.each(sql, |row| answer.rows.push(row))?;
        answer.columns = columns;
        Ok(answer)
    }

    /// Runs a query and gives each row as it comes; returns the column names.
    ///
    /// # Errors
    /// [`QueryError::Sql`] with SQLite's message.
    pub fn each(
        &self,
        sql: &str,
        mut each: impl FnMut(Vec<Value>),
    ) -> Result<Vec<String>, QueryError> {
        let mut statement = self.connection.prepare(sql).map_err(sql_error)?;
        let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let mut rows = statement.query([]).map_err(sql_error)?;
        while let Some(row) = rows.next().map_err(sql_error)? {
            let cells: rusqlite::Result<Vec<Value>> =
                (0..columns.len()).map(|i| row.get_ref(i).map(from_sqlite)).collect();
            each(cells.map_err(sql_error)?);
        }
        Ok(columns)
    }
}

fn from_sqlite(value: rusqlite::types::ValueRef<'_>) -> Value {
    use rusqlite::types::ValueRef;
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(n) => Value::Integer(n),
        ValueRef::Real(n) => Value::Real(n),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Value::bytes(bytes),
    }
}

fn sql_error(error: rusqlite::Error) -> QueryError {
    match error {
        rusqlite::Error::SqlInputError { msg, offset, .. } => {
            QueryError::Sql { message: msg, offset: usize::try_from(offset).ok() }
        }
        rusqlite::Error::SqliteFailure(_, Some(message)) => {
            QueryError::Sql { message, offset: None }
        }
        other => QueryError::Sql { message: other.to_string(), offset: None },
    }
}
