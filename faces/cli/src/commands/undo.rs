//! `stanch undo`: takes an act back, or all of a plan, or goes on with one that was cut off.

use clap::ArgMatches;
use stanch_incident::deeds;
use stanch_view::Report;
use stanch_view::pages::acts as page;

use super::contain::tell;
use crate::arguments::Asked;
use crate::terminal::Terminal;

pub(super) fn run(
    matches: &ArgMatches,
    asked: &Asked,
    terminal: &Terminal,
) -> Result<u8, Box<Report>> {
    super::only_live(asked)?;
    let id = matches.get_one::<String>("id").map_or("", String::as_str);
    let dealt = if matches.get_flag("resume") {
        deeds::resume(&asked.desk, id)
    } else {
        deeds::undo(&asked.desk, id)
    };
    let dealt = dealt.map_err(|error| Box::new(page::trouble(&error, "stanch contain plan")))?;
    tell(asked, terminal, &page::dealt(&dealt, asked.look))
}
