//! What can be seen: tables, their columns, what is asked of them and what comes back.

use std::sync::Arc;

use crate::{Gap, Value};

/// The kind of a column, as in osquery's specs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// TEXT.
    Text,
    /// INTEGER (32 bits in osquery; 64 here).
    Integer,
    /// BIGINT.
    BigInt,
    /// DOUBLE.
    Real,
}

impl Kind {
    /// Returns SQLite's name of the kind.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "TEXT",
            Self::Integer => "INTEGER",
            Self::BigInt => "BIGINT",
            Self::Real => "DOUBLE",
        }
    }
}

/// How a column takes part in finding rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It is only read.
    Plain,
    /// A value given for it narrows what is read (`WHERE pid = 1`).
    Index,
    /// A value must be given for it (`WHERE path = …`); there is no full scan.
    Required,
}

/// One column of a table.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its name, osquery's where osquery has it.
    pub name: &'static str,
    /// Its kind.
    pub kind: Kind,
    /// Its role in narrowing.
    pub role: Role,
    /// What it means, one sentence.
    pub means: &'static str,
}

/// What a table is read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sees {
    /// The running kernel: nothing to see on a disk image.
    Live,
    /// Files: works on an image too.
    Files,
}

/// A table: its name, its story and its columns.
#[derive(Debug)]
pub struct TableSpec {
    /// osquery's name, else a plural noun.
    pub name: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// What it is read from.
    pub sees: Sees,
    /// Its columns, in order.
    pub columns: &'static [Column],
}

impl TableSpec {
    /// Returns the position of a column.
    pub fn position(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|c| c.name == column)
    }

    /// Returns an empty row of this table.
    pub fn row(&self) -> Row {
        Row(vec![Value::Null; self.columns.len()].into_boxed_slice())
    }
}

/// One row, in the order of its table's columns.
#[derive(Clone, Debug, PartialEq)]
pub struct Row(pub Box<[Value]>);

impl Row {
    /// Puts a value into a column; a position outside the table is ignored.
    pub fn put(&mut self, column: usize, value: impl Into<Value>) -> &mut Self {
        if let Some(cell) = self.0.get_mut(column) {
            *cell = value.into();
        }
        self
    }

    /// Returns the value of a column.
    pub fn get(&self, column: usize) -> &Value {
        self.0.get(column).unwrap_or(&Value::Null)
    }
}

/// A set of columns, by position. SQLite tells 63 apart; the rest stand or fall together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ColumnSet(pub u64);

impl ColumnSet {
    /// Every column.
    pub const ALL: Self = Self(u64::MAX);
    /// No column (`SELECT count(*)`).
    pub const NONE: Self = Self(0);

    /// Returns whether a column is in the set.
    pub fn has(self, column: usize) -> bool {
        self.0 & (1_u64 << column.min(63)) != 0
    }

    /// Returns the set with one more column.
    pub fn with(self, column: usize) -> Self {
        Self(self.0 | 1_u64 << column.min(63))
    }

    /// Returns whether any of some columns is in the set.
    pub fn has_any(self, columns: &[usize]) -> bool {
        columns.iter().any(|&column| self.has(column))
    }

    /// Returns both sets together.
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns whether all of the other set is in this one.
    pub fn covers(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// How a value narrows a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// `=` (and each value of `IN`).
    Equal,
    /// `LIKE`. For paths, as in osquery, `%` stays within one directory and `%%` descends.
    Like,
}

/// A value given for a column.
#[derive(Clone, Debug, PartialEq)]
pub struct Constraint {
    /// The column's position.
    pub column: usize,
    /// How.
    pub op: Op,
    /// The value.
    pub value: Value,
}

/// What is asked of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    /// Which columns are wanted: the others need not be read.
    pub columns: ColumnSet,
    /// Values that narrow what is read. The reader may use them or not: SQLite checks again.
    pub constraints: Vec<Constraint>,
}

impl Ask {
    /// Asks for everything.
    pub fn all() -> Self {
        Self { columns: ColumnSet::ALL, constraints: Vec::new() }
    }

    /// Returns whether a column is wanted.
    pub fn wants(&self, column: usize) -> bool {
        self.columns.has(column)
    }

    /// Returns whether any of these columns is wanted.
    pub fn wants_any(&self, columns: &[usize]) -> bool {
        self.columns.has_any(columns)
    }

    /// Returns the value that a column must equal, if one was given.
    pub fn equal(&self, column: usize) -> Option<&Value> {
        self.constraints.iter().find(|c| c.column == column && c.op == Op::Equal).map(|c| &c.value)
    }

    /// Returns the pattern that a column must be like, if one was given.
    pub fn like(&self, column: usize) -> Option<&str> {
        self.constraints
            .iter()
            .find(|c| c.column == column && c.op == Op::Like)
            .and_then(|c| c.value.as_text())
    }
}

/// What was seen, and what could not be. Seeing never fails as a whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    /// The rows.
    pub rows: Vec<Row>,
    /// The gaps.
    pub gaps: Vec<Gap>,
}

impl Seen {
    /// Adds a row.
    pub fn push(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// Adds a gap.
    pub fn gap(&mut self, gap: Gap) {
        self.gaps.push(gap);
    }
}

/// Whatever has tables: a live machine, an image, or the rows of a test case. Judgement sees
/// tables only through this.
pub trait Tables: Send + Sync {
    /// Returns the specs of all tables there are.
    fn specs(&self) -> Vec<&'static TableSpec>;

    /// Reads a table. An unknown table gives an empty answer.
    fn read(&self, table: &str, ask: &Ask) -> Arc<Seen>;
}

/// Declares a table's spec and, in a module named by the second word, the position of each
/// column, so that rows are filled by name and an unasked column can be skipped.
///
/// ```
/// stanch_words::table_spec! {
///     /// The sample.
///     pub static SPEC, col = "samples": Files, "Sample rows.";
///     pid BigInt Index "Process id.";
///     name Text Plain "Its name.";
/// }
/// let mut row = SPEC.row();
/// row.put(col::pid, 1).put(col::name, "init");
/// assert_eq!(row.get(col::name).as_text(), Some("init"));
/// ```
#[macro_export]
macro_rules! table_spec {
    ($(#[$doc:meta])* $vis:vis static $spec:ident, $module:ident = $name:literal: $sees:ident, $summary:literal;
     $($column:ident $kind:ident $role:ident $means:literal;)+) => {
        $(#[$doc])*
        $vis static $spec: $crate::table::TableSpec = $crate::table::TableSpec {
            name: $name,
            summary: $summary,
            sees: $crate::table::Sees::$sees,
            columns: &[$($crate::table::Column {
                // A column may be named like a Rust keyword: written r#type, named type.
                name: $crate::table::plain_name(stringify!($column)),
                kind: $crate::table::Kind::$kind,
                role: $crate::table::Role::$role,
                means: $means,
            }),+],
        };
        #[doc = "Positions of the columns."]
        #[expect(clippy::allow_attributes, reason = "not every table uses every position")]
        #[allow(non_upper_case_globals, non_camel_case_types, dead_code, missing_docs, unreachable_pub,
            reason = "columns are named as in SQL")]
        $vis mod $module {
            #[derive(Clone, Copy)]
            enum Position { $($column),+ }
            $(pub const $column: usize = Position::$column as usize;)+
        }
    };
}

/// Returns an identifier without Rust's `r#`.
pub const fn plain_name(name: &'static str) -> &'static str {
    match name.as_bytes() {
        [b'r', b'#', ..] => name.split_at(2).1,
        _ => name,
    }
}
