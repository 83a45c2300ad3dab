//! What tables and their columns mean, in the reader's language. The English stands in each
//! table's spec, the Chinese here, so that the ground stays free of wording.

mod known;
pub mod system;
mod zh;

pub(crate) use known::seen_in_chinese;

use stanch_words::{Column, Lang, TableSpec};

use crate::Look;

/// Returns a table's sentence.
pub fn summary(spec: &TableSpec, look: Look) -> &'static str {
    match look.lang {
        Lang::En => spec.summary,
        Lang::Zh => zh::summary(spec).unwrap_or(spec.summary),
    }
}

/// Returns the sentence of one of a table's columns.
pub fn means(spec: &TableSpec, column: &Column, look: Look) -> &'static str {
    match look.lang {
        Lang::En => column.means,
        Lang::Zh => zh::means(spec, column).unwrap_or(column.means),
    }
}
