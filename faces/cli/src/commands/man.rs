//! `stanch man`: the man pages, for whoever packages us.

use std::path::PathBuf;

use clap::ArgMatches;
use clap_mangen::Man;
use stanch_view::Report;

use crate::arguments::{self, Asked};
use crate::terminal::Terminal;

pub(super) fn run(
    matches: &ArgMatches,
    asked: &Asked,
    terminal: &Terminal,
) -> Result<u8, Box<Report>> {
    let mut page = Vec::new();
    let command = arguments::command(asked.look.lang);
    if let Some(directory) = matches.get_one::<PathBuf>("directory") {
        clap_mangen::generate_to(command, directory)
            .map_err(|error| crate::mistakes::not_written_to(directory, &error))?;
        return Ok(0);
    }
    Man::new(command).render(&mut page).map_err(|error| crate::mistakes::not_written(&error))?;
    terminal.data(|out| out.write_all(&page))?;
    Ok(0)
}
