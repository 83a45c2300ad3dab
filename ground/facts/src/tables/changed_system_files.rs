//! The files of `system_files` that stand out: not as shipped, nobody's, or with rights to give.
//!
//! A whole system has more than a hundred thousand files; signs need the few that are told here.

use stanch_words::{Ask, Seen, TableSpec, table::Column};

use super::system_files;
use crate::Host;

/// The same columns as those of `system_files`.
pub static SPEC: TableSpec = TableSpec {
    name: "changed_system_files",
    summary: "The files of system_files that stand out: altered, missing, owned by nobody, with a mode or owner that is not the shipped one, with set-id bits or capabilities.",
    sees: system_files::SPEC.sees,
    columns: COLUMNS,
};

const COLUMNS: &[Column] = system_files::SPEC.columns;

pub use system_files::col;

/// Surveys all places.
pub(super) fn read(host: &Host, ask: &Ask, seen: &mut Seen) {
    system_files::rows(host, ask, SPEC.name, &system_files::stands_out, seen);
}
