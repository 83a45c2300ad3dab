//! Any table of ours as an SQLite virtual table.
#![expect(unsafe_code, reason = "JUSTIFICATION: rusqlite's VTab traits are unsafe to implement")]

use std::borrow::Cow;
use std::collections::HashMap;
use std::ffi::{CStr, CString, c_int};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::ffi;
use rusqlite::vtab::{
    Context, Filters, IndexConstraintOp, IndexInfo, Module, VTab, VTabConnection, VTabCursor,
};
use stanch_words::{Ask, ColumnSet, Constraint, Op, Role, Seen, TableSpec, Tables, Value};

/// What SQLite has said it needs of each table, over all statements prepared so far.
pub(crate) type Needs = Arc<Mutex<HashMap<String, ColumnSet>>>;

pub(crate) const MODULE: Module<'static, FactTable> = Module::eponymous_only_module();

/// What a virtual table is made from.
#[derive(Clone)]
pub(crate) struct Source {
    pub(crate) spec: &'static TableSpec,
    pub(crate) tables: Arc<dyn Tables>,
    pub(crate) needs: Needs,
}

/// One table as SQLite sees it.
#[repr(C)]
pub(crate) struct FactTable {
    base: ffi::sqlite3_vtab,
    source: Source,
}

// SAFETY: the first field is the base class and the struct is `repr(C)`, as the trait asks.
unsafe impl VTab<'_> for FactTable {
    type Aux = Source;
    type Cursor = FactCursor;

    fn connect(
        _db: &mut VTabConnection,
        aux: Option<&Self::Aux>,
        _module_name: &[u8],
        _database_name: &[u8],
        _table_name: &[u8],
        _args: &[&[u8]],
    ) -> rusqlite::Result<(Cow<'static, CStr>, Self)> {
        let Some(source) = aux.cloned() else {
            return Err(rusqlite::Error::ModuleError("a table without a source".into()));
        };
        let columns: Vec<String> = source
            .spec
            .columns
            .iter()
            .map(|column| format!("\"{}\" {}", column.name, column.kind.name()))
            .collect();
        let schema = format!("CREATE TABLE x({})", columns.join(", "));
        let schema =
            CString::new(schema).map_err(|nul| rusqlite::Error::ModuleError(nul.to_string()))?;
        Ok((Cow::Owned(schema), Self { base: ffi::sqlite3_vtab::default(), source }))
    }

    fn best_index(&self, info: &mut IndexInfo) -> rusqlite::Result<bool> {
        let spec = self.source.spec;
        let used = info.col_used();
        let mut plan = format!("{used:x}");
        let mut chosen = Vec::new();
        let mut unusable_key = false;
        for (number, constraint) in info.constraints().enumerate() {
            let Ok(position) = usize::try_from(constraint.column()) else { continue };
            let Some(column) = spec.columns.get(position) else { continue };
            if column.role == Role::Plain {
                continue;
            }
            let op = match constraint.operator() {
                IndexConstraintOp::SQLITE_INDEX_CONSTRAINT_EQ => '=',
                IndexConstraintOp::SQLITE_INDEX_CONSTRAINT_LIKE => '~',
                _ => continue,
            };
            if constraint.is_usable() {
                chosen.push(number);
                plan.push_str(&format!(",{position}{op}"));
            } else {
                unusable_key |= column.role == Role::Required;
            }
        }
        let keyed = spec.columns.iter().any(|column| column.role == Role::Required);
        let key_given = plan.split(',').skip(1).any(|part| {
            let digits = part.trim_end_matches(['=', '~']);
            let column = digits.parse::<usize>().ok().and_then(|at| spec.columns.get(at));
            column.is_some_and(|column| column.role == Role::Required)
        });
        if keyed && !key_given {
            if unusable_key {
                // Another join order gives the value: refuse this one.
                return Ok(false);
            }
            let required: Vec<&str> = spec
                .columns
                .iter()
                .filter(|column| column.role == Role::Required)
                .map(|column| column.name)
                .collect();
            return Err(rusqlite::Error::ModuleError(format!(
                "table `{}` cannot be read whole: give a value for `{}` (=, IN, LIKE or a join)",
                spec.name,
                required.join("` or `"),
            )));
        }
        for (argument, &number) in (1..).zip(&chosen) {
            // The constraint is not omitted: readers may give more rows, SQLite checks again.
            info.constraint_usage(number).set_argv_index(argument);
        }
        let (cost, rows) = if chosen.is_empty() { (1_000_000.0, 10_000) } else { (10.0, 5) };
        info.set_estimated_cost(cost);
        info.set_estimated_rows(rows);
        info.set_idx_str(&plan);
        let mut needs = self.source.needs.lock().unwrap_or_else(PoisonError::into_inner);
        let all = needs.entry(spec.name.to_owned()).or_insert(ColumnSet::NONE);
        *all = all.union(ColumnSet(used));
        Ok(true)
    }

    fn open(&mut self) -> rusqlite::Result<Self::Cursor> {
        Ok(FactCursor {
            base: ffi::sqlite3_vtab_cursor::default(),
            source: self.source.clone(),
            seen: Arc::default(),
            at: 0,
        })
    }
}

/// A scan of one table.
#[repr(C)]
pub(crate) struct FactCursor {
    base: ffi::sqlite3_vtab_cursor,
    source: Source,
    seen: Arc<Seen>,
    at: usize,
}

// SAFETY: the first field is the base class and the struct is `repr(C)`, as the trait asks.
unsafe impl VTabCursor for FactCursor {
    fn filter(
        &mut self,
        _idx_num: c_int,
        idx_str: Option<&str>,
        args: &Filters<'_>,
    ) -> rusqlite::Result<()> {
        let mut parts = idx_str.unwrap_or("").split(',');
        let columns = parts.next().and_then(|mask| u64::from_str_radix(mask, 16).ok());
        let mut constraints = Vec::new();
        for (argument, part) in parts.enumerate() {
            let op = if part.ends_with('~') { Op::Like } else { Op::Equal };
            let Ok(column) = part.trim_end_matches(['=', '~']).parse() else { continue };
            let value = match args.get::<rusqlite::types::Value>(argument)? {
                rusqlite::types::Value::Integer(n) => Value::Integer(n),
                rusqlite::types::Value::Real(n) => Value::Real(n),
                rusqlite::types::Value::Text(text) => text.into(),
                rusqlite::types::Value::Null | rusqlite::types::Value::Blob(_) => Value::Null,
            };
            constraints.push(Constraint { column, op, value });
        }
        let columns = ColumnSet(columns.unwrap_or(u64::MAX));
        let ask = Ask { columns, constraints };
        self.at = 0;
        // Nothing equals or is like NULL.
        let hopeless = ask.constraints.iter().any(|c| c.value.is_null());
        self.seen = if hopeless {
            Arc::default()
        } else {
            self.source.tables.read(self.source.spec.name, &ask)
        };
        Ok(())
    }

    fn next(&mut self) -> rusqlite::Result<()> {
        self.at = self.at.saturating_add(1);
        Ok(())
    }

    fn eof(&self) -> bool {
        self.at >= self.seen.rows.len()
    }

    fn column(&self, context: &mut Context, i: c_int) -> rusqlite::Result<()> {
        let position = usize::try_from(i).unwrap_or(usize::MAX);
        let value = self.seen.rows.get(self.at).map_or(&Value::Null, |row| row.get(position));
        match value {
            Value::Null => context.set_result(rusqlite::types::Null),
            Value::Integer(n) => context.set_result(*n),
            Value::Real(n) => context.set_result(*n),
            Value::Text(text) => context.set_result(&**text),
        }
    }

    fn rowid(&self) -> rusqlite::Result<i64> {
        Ok(i64::try_from(self.at).unwrap_or(i64::MAX))
    }
}
