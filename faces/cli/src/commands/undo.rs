//! `stanch undo`: takes one act back, or goes on with one that was cut off.

use clap::ArgMatches;
use stanch_incident::containment;
use stanch_view::Report;
use stanch_view::pages::contain as page;

use super::contain::{tell, told};
use crate::arguments::Asked;
use crate::terminal::Terminal;

pub(super) fn run(
    matches: &ArgMatches,
    asked: &Asked,
    terminal: &Terminal,
) -> Result<u8, Box<Report>> {
    super::only_live(asked)?;
    let id = matches.get_one::<String>("id").map_or("", String::as_str);
    let deed = if matches.get_flag("resume") {
        containment::resume(&asked.desk, id)
    } else {
        containment::undo(&asked.desk, id)
    };
    tell(asked, terminal, &page::dealt(&deed.map_err(told)?, asked.look))
}
