//! Judgement: content pages, checked against table specs and run.
//!
//! **What the responder is asking**: which of all that was seen is bad, and how do you know?
//!
//! **In and out**: content pages (Markdown with typed front matter) and [`stanch_words::Tables`]
//! go in; matches come out, each with the row that matched and the page that says why.
//!
//! **Never**: content contains no code of ours and changes nothing; a page that does not fit the
//! tables is an error with every offender named, not a sign that silently never fires.
//!
//! **Start reading** at [`page`] (what a page is), [`query`] (SQL over tables) and [`case`] (a
//! page's own tests).

pub mod artifact;
pub mod case;
pub mod content;
pub mod digests;
pub mod forensic_artifacts;
pub mod functions;
pub mod page;
pub mod pattern;
pub mod query;
pub mod sigma;
pub mod sign;
mod virtual_table;
pub mod yara;

pub use artifact::{Artifact, Budget, Profile};
pub use digests::Digests;
pub use page::{Page, PageError};
pub use query::{Answer, Query, QueryError};
pub use sigma::Sigma;
pub use sign::{Match, Sign};
pub use yara::{Pack, PackError, Yara};
