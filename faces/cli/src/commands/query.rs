//! `stanch query`: SQL over the tables of the machine.

use clap::ArgMatches;
use stanch_incident::QueryError;
use stanch_view::pages::query;
use stanch_view::{Report, documents};
use stanch_wire::json;

use crate::arguments::Asked;
use crate::progress::Progress;
use crate::terminal::Terminal;

pub(super) fn run(
    matches: &ArgMatches,
    asked: &Asked,
    terminal: &Terminal,
) -> Result<u8, Box<Report>> {
    let sql = matches.get_one::<String>("sql").map_or("", String::as_str);
    let incident = super::open(&asked.place)?;
    super::trust(matches, &incident)?;
    let progress = Progress::start(asked.look.say("reading the tables", "正在读取各表"));
    let answered = incident.query(sql);
    drop(progress);
    let (answer, gaps) = answered.map_err(|error| match &error {
        QueryError::Sql { message, offset } => {
            query::refused(sql, message, *offset, &incident.tables())
        }
        QueryError::Engine(_) => super::bug(&error),
    })?;
    if asked.json {
        let document = documents::query(&answer, &gaps, asked.look);
        terminal.data(|out| json::pretty(out, &document))?;
    } else if matches.get_flag("jsonl") {
        terminal.data(|out| {
            for line in documents::row_lines(&answer) {
                json::line(out, &line)?;
            }
            json::line(out, &documents::query_summary(&answer, &gaps, asked.look))
        })?;
    } else {
        terminal.text(&query::page(&answer, asked.look))?;
    }
    terminal.speak(&query::missed(&gaps, terminal.errors()));
    let partial = gaps.iter().any(|gap| gap.kind.is_partial());
    Ok(if partial { 3 } else { 0 })
}
