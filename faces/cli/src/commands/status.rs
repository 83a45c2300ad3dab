//! `stanch` alone: where the emergency stands.

use stanch_view::pages::ledger;
use stanch_view::pages::status::{self, Asker};
use stanch_view::{Report, documents};
use stanch_wire::json;

use crate::arguments::Asked;
use crate::terminal::Terminal;

pub(super) fn run(asked: &Asked, terminal: &Terminal) -> Result<u8, Box<Report>> {
    let host = super::open(&asked.place)?.host_name();
    let standing = stanch_incident::case::standing(&asked.desk)
        .map_err(|error| Box::new(ledger::broken(&error)))?;
    if asked.json {
        terminal.data(|out| json::pretty(out, &documents::status(&host, standing.as_ref())))?;
    } else {
        let root = rustix::process::geteuid().is_root();
        let asker = if root { Asker::Root } else { Asker::User };
        terminal.text(&status::page(&host, asker, standing.as_ref(), asked.look))?;
    }
    Ok(0)
}
