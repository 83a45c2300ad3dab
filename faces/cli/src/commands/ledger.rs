//! `stanch ledger`: what was seen and done, and whether the record holds.

use clap::ArgMatches;
use stanch_view::pages::ledger as page;
use stanch_view::{Report, documents};
use stanch_wire::json;

use crate::arguments::Asked;
use crate::terminal::Terminal;

pub(super) fn run(
    matches: &ArgMatches,
    asked: &Asked,
    terminal: &Terminal,
) -> Result<u8, Box<Report>> {
    if let Some(("note", matches)) = matches.subcommand() {
        let text = matches.get_one::<String>("text").map_or("", String::as_str);
        if text.trim().is_empty() {
            return Err(Box::new(page::empty_note()));
        }
        let noted = stanch_incident::evidence::take_note(&asked.desk, text);
        let number = noted.map_err(|error| Box::new(page::broken(&error)))?;
        terminal.text(&page::noted(number, asked.look))?;
        return Ok(0);
    }
    let read = stanch_incident::case::entries(&asked.desk);
    let read = read.map_err(|error| Box::new(page::broken(&error)))?;
    let (path, entries) = read.ok_or_else(|| Box::new(page::none()))?;
    if asked.json {
        terminal.data(|out| json::pretty(out, &documents::ledger(&path, &entries)))?;
    } else if matches.subcommand_name() == Some("show") {
        terminal.text(&page::page(&path, &entries, asked.look))?;
    } else {
        terminal.text(&format!("{}\n", page::holds(&path, &entries, asked.look)))?;
    }
    Ok(0)
}
