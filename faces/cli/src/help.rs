//! Help pages out of the definitions of the commands.

mod examples;

use std::ffi::OsString;

use clap::{Arg, Command};
use stanch_view::pages::help::{self, Help};
use stanch_view::{Look, Report, Trouble};
use stanch_words::{Both, Lang};

use crate::arguments;

/// Returns the help of the command that the arguments name, however far they are understood.
pub(crate) fn for_arguments(given: &[OsString], look: Look) -> String {
    let root = arguments::command(look.lang);
    let mut names: Vec<String> = Vec::new();
    let mut at = &root;
    let mut given = given.iter().skip(1).filter_map(|argument| argument.to_str());
    while let Some(argument) = given.next() {
        if ["--lang", "--root", "--bundle", "--only", "--since", "--sigma"].contains(&argument) {
            let _its_value = given.next();
        } else if let Some(deeper) = at.find_subcommand(argument) {
            names.push(argument.to_owned());
            at = deeper;
        }
    }
    for_command(&names, look).unwrap_or_default()
}

/// Returns the help of a command by its names (`rules`, `show`).
///
/// # Errors
/// A report if there is no such command.
pub(crate) fn for_command(names: &[String], look: Look) -> Result<String, Box<Report>> {
    let mut root = arguments::command(look.lang);
    root.build();
    let mut at = &root;
    for name in names {
        let Some(deeper) = at.find_subcommand(name) else {
            return Err(crate::mistakes::no_command(name, at).into());
        };
        at = deeper;
    }
    Ok(help::page(&page(at, names, look), look))
}

fn page(command: &Command, names: &[String], look: Look) -> Help {
    let about = command.get_long_about().or_else(|| command.get_about());
    let rows = |wanted: &dyn Fn(&Arg) -> bool| {
        let shown = command.get_arguments().filter(|argument| !argument.is_hide_set());
        shown.filter(|argument| wanted(argument)).map(row).collect::<Vec<_>>()
    };
    let commands = command.get_subcommands().filter(|command| !command.is_hide_set());
    let commands = commands.map(|command| {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        (command.get_name().to_owned(), about)
    });
    Help {
        about: about.map(ToString::to_string).unwrap_or_default(),
        usage: usage(command, names, look.lang),
        commands: commands.collect(),
        arguments: rows(&Arg::is_positional),
        options: rows(&|argument| !argument.is_positional() && !argument.is_global_set()),
        everywhere: rows(&Arg::is_global_set),
        examples: examples::of(names, look),
    }
}

fn row(argument: &Arg) -> (String, String) {
    let value = argument.get_value_names().and_then(|names| names.first());
    let value = value.map(ToString::to_string).unwrap_or_default();
    let takes = argument.get_action().takes_values();
    let label = match (argument.get_short(), argument.get_long()) {
        (Some(short), Some(long)) => format!("-{short}, --{long}"),
        (None, Some(long)) => format!("    --{long}"),
        (Some(short), None) => format!("-{short}"),
        (None, None) if argument.is_required_set() => value.clone(),
        (None, None) => format!("[{value}]"),
    };
    let takes_several = argument.get_num_args().is_some_and(|count| count.max_values() > 1);
    let label = match (takes, argument.is_positional()) {
        (true, false) => format!("{label} {value}"),
        (true, true) if takes_several => format!("{label}..."),
        _ => label,
    };
    (label, argument.get_help().map(ToString::to_string).unwrap_or_default())
}

fn usage(command: &Command, names: &[String], lang: Lang) -> String {
    let mut usage = vec!["stanch".to_owned()];
    usage.extend(names.iter().cloned());
    let (options, name) = match lang {
        Lang::En => ("[OPTIONS]", "[COMMAND]"),
        Lang::Zh => ("[选项]", "[命令]"),
    };
    usage.push(options.to_owned());
    if command.has_subcommands() {
        usage.push(name.to_owned());
    }
    usage.extend(command.get_positionals().map(|argument| row(argument).0));
    usage.join(" ")
}

/// Returns the report of a table, sign or command that is not there.
pub(crate) fn not_there(what: Both, next: Both) -> Report {
    Report::new(Trouble::WrongUse, what).next(next)
}
