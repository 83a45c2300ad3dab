//! One file a page. Each takes what an incident answered and a [`crate::Look`], and gives text.

pub mod acts;
pub mod baseline;
pub mod contain;
pub mod continuity;
pub mod detect;
pub mod eradicate;
pub mod events;
pub mod evidence;
pub mod evidence_list;
pub mod facts;
pub mod help;
pub mod ledger;
pub mod outside;
pub mod plan;
pub mod quarantine;
pub mod query;
pub mod rules;
pub mod scan;
pub mod status;
pub mod timeline;
