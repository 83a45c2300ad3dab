//! The command line: where the person stands.
//!
//! **What the responder is asking**: typed in a hurry, over a slow line, at night.
//!
//! **In and out**: arguments and the environment go in; data goes to stdout, speech to stderr, and
//! the exit code says how it ended (`cli.md`, "Exit codes").
//!
//! **Never**: nothing is found, judged or worded here; that is the incident's and the view's.
//!
//! **Start reading** at [`arguments`] (every command, in both languages), [`commands`] (one file
//! a verb) and [`terminal`] (what is printed where).

mod arguments;
mod commands;
mod help;
mod kept;
mod mistakes;
mod progress;
mod terminal;
mod trap;

use std::process::ExitCode;

use crate::arguments::Asked;
use crate::terminal::Terminal;

fn main() -> ExitCode {
    let given: Vec<std::ffi::OsString> = std::env::args_os().collect();
    let terminal = Terminal::of_process(&given);
    trap::set();
    ExitCode::from(stanch_incident::apart(|| look(&given, &terminal)))
}

/// Does what was asked and returns the exit code.
fn look(given: &[std::ffi::OsString], terminal: &Terminal) -> u8 {
    let run = std::panic::AssertUnwindSafe(|| answer(given, terminal));
    match std::panic::catch_unwind(run) {
        Ok(code) => code,
        Err(_caught) => terminal.fail(&trap::report(), false),
    }
}

fn answer(given: &[std::ffi::OsString], terminal: &Terminal) -> u8 {
    match arguments::command(terminal.lang()).try_get_matches_from(given) {
        Ok(matches) => {
            let asked = Asked::of(&matches, terminal);
            match commands::run(&matches, &asked, terminal) {
                Ok(code) => code,
                Err(report) => terminal.fail(&report, asked.json),
            }
        }
        Err(error) => mistakes::answer(&error, given, terminal),
    }
}
