//! `stanch completions`: for a shell, in the reader's language.

use clap::ArgMatches;
use clap_complete::{Shell, generate};
use stanch_view::Report;

use crate::arguments::{self, Asked};
use crate::terminal::Terminal;

pub(super) fn run(
    matches: &ArgMatches,
    asked: &Asked,
    terminal: &Terminal,
) -> Result<u8, Box<Report>> {
    let shell = match matches.get_one::<String>("shell").map(String::as_str) {
        Some("zsh") => Shell::Zsh,
        Some("fish") => Shell::Fish,
        _ => Shell::Bash,
    };
    let mut script = Vec::new();
    generate(shell, &mut arguments::command(asked.look.lang), "stanch", &mut script);
    terminal.data(|out| out.write_all(&script))?;
    Ok(0)
}
