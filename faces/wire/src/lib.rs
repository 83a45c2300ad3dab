//! Requests and pages as plain, versioned data: the only serialised API.
//!
//! **What the responder is asking**: how do I hand this answer to a script, a ticket, a colleague?
//!
//! **In and out**: finished answers go in, in the language that was asked for; one JSON document
//! comes out. Its keys and enum values are English whatever the language, and its `schema` names
//! its version (`stanch.detect/1`).
//!
//! **Never**: nothing here decides or words anything, and no type that the code works with is
//! serialised by itself: what is sent has types of its own, so that it can stay the same.
//!
//! **Start reading** at [`Detect`] (the verdict), [`Query`] (rows) and [`json`] (how it is
//! written). `tests/golden/` holds one document of each kind; a change there breaks scripts.

mod baseline;
mod continuity;
mod detect;
mod error;
mod event;
mod evidence;
mod evidence_list;
mod facts;
pub mod json;
mod outside;
mod plan;
mod quarantine;
mod query;
mod rules;
mod scan;
mod status;
mod timeline;

pub use baseline::{Baseline, BaselineCheck, BaselineDifference, BaselineFile, PackageRun};
pub use continuity::{Backup, BackupInit, Restore, Snapshot, Snapshots};
pub use detect::{Detect, Entity, Evidence, Finding, Gap, LookedAt, Machine, Packages};
pub use error::Error;
pub use event::{EventLines, EventsSource, EventsSummary};
pub use evidence::{Preserve, PreserveArtifact, SealFlaw, SealVerify};
pub use evidence_list::{EvidenceEntry, EvidenceList, EvidenceNote};
pub use facts::{Column, Facts, Table};
pub use outside::{Outside, OutsideAdvice, OutsideDevice, OutsideNeighbour};
pub use plan::{Act, Acts, Ledger, LedgerEntry, Plan, Proof, Refusal, Step};
pub use quarantine::{Quarantine, QuarantineItem};
pub use query::{Cell, Query, QuerySummary, Row, RowLine};
pub use rules::{Complaint, Rule, Rules, RulesCheck};
pub use scan::{Scan, ScanMatch};
pub use status::Status;
pub use timeline::{
    TimelineForm, TimelineLines, TimelineSource, TimelineSummary, csv_cell, message,
};
