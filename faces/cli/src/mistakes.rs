//! What is said when the arguments are not understood, in both languages.

use std::ffi::OsString;
use std::path::Path;

use clap::Command;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use stanch_view::{Report, Trouble, suggest};
use stanch_words::Both;

use crate::help;
use crate::terminal::Terminal;

/// Answers what is no command to run: a wish for help, or a mistake.
pub(crate) fn answer(error: &clap::Error, given: &[OsString], terminal: &Terminal) -> u8 {
    let shown = match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            terminal.text(&help::for_arguments(given, terminal.look()))
        }
        ErrorKind::DisplayVersion => {
            terminal.text(concat!("stanch ", env!("CARGO_PKG_VERSION"), "\n"))
        }
        _ => Err(Box::new(report(error, given))),
    };
    match shown {
        Ok(()) => 0,
        Err(report) => {
            let as_json = given.iter().take_while(|a| *a != "--").any(|a| a == "--json");
            terminal.fail(&report, as_json)
        }
    }
}

/// Says that a command was given alone which has further ones.
fn alone(name: &Option<String>) -> Both {
    let name = name.as_deref().unwrap_or_default();
    Both::new(format!("`{name}` needs a further command"), format!("`{name}` 之后还需写明子命令"))
}

fn report(error: &clap::Error, given: &[OsString]) -> Report {
    let said = |kind| context(error, kind);
    let argument = said(ContextKind::InvalidArg).unwrap_or_default();
    let value = said(ContextKind::InvalidValue).unwrap_or_default();
    let what = match error.kind() {
        ErrorKind::InvalidSubcommand => {
            let name = said(ContextKind::InvalidSubcommand).unwrap_or_default();
            Both::new(format!("there is no command `{name}`"), format!("没有 `{name}` 这个命令"))
        }
        ErrorKind::UnknownArgument => Both::new(
            format!("`{argument}` is not understood here"),
            format!("此处不认识 `{argument}`"),
        ),
        ErrorKind::MissingSubcommand => alone(&said(ContextKind::InvalidSubcommand)),
        ErrorKind::MissingRequiredArgument => {
            Both::new(format!("`{argument}` is missing"), format!("缺少 `{argument}`"))
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation if value.is_empty() => {
            Both::new(format!("`{argument}` needs a value"), format!("`{argument}` 需要一个值"))
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => Both::new(
            format!("`{value}` is no value for `{argument}`"),
            format!("`{value}` 不能作为 `{argument}` 的值"),
        ),
        ErrorKind::ArgumentConflict => {
            let prior = said(ContextKind::PriorArg).unwrap_or_default();
            if prior == argument || prior.is_empty() {
                Both::new(format!("`{argument}` is given twice"), format!("`{argument}` 重复出现"))
            } else {
                Both::new(
                    format!("`{argument}` does not go with `{prior}`"),
                    format!("`{argument}` 不能与 `{prior}` 同时使用"),
                )
            }
        }
        _ => {
            let kind = error.kind().as_str().unwrap_or("the arguments were not understood");
            Both::new(kind, "无法识别这些参数")
        }
    };
    let mut report = Report::new(Trouble::WrongUse, what);
    if let Some(values) = said(ContextKind::ValidValue) {
        let or = match values.rsplit_once(", ") {
            Some((others, last)) => format!("{others} or {last}"),
            None => values.clone(),
        };
        let values = values.replace(", ", "、");
        report =
            report.because(Both::new(format!("it may be {or}"), format!("可用的值：{values}")));
    }
    let near = near(error);
    let help = format!("stanch{} --help", command_of(given));
    report.next(match near {
        Some(near) => Both::new(
            format!("did you mean `{near}`? `{help}` shows more"),
            format!("是否想用 `{near}`？`{help}` 显示更多"),
        ),
        None => Both::new(help.clone(), help),
    })
}

/// Returns what was likely meant: of the words that the parser offers, one that is near by our own
/// measure. The parser's is wider: to it, `explain` looks like `baseline`.
fn near(error: &clap::Error) -> Option<String> {
    let pairs = [
        (ContextKind::InvalidSubcommand, ContextKind::SuggestedSubcommand),
        (ContextKind::InvalidArg, ContextKind::SuggestedArg),
        (ContextKind::InvalidValue, ContextKind::SuggestedValue),
    ];
    pairs.into_iter().find_map(|(written, offered)| {
        let (written, offered) = (context(error, written)?, context(error, offered)?);
        suggest::nearest(&written, offered.split(", ")).map(str::to_owned)
    })
}

fn context(error: &clap::Error, wanted: ContextKind) -> Option<String> {
    let (_, value) = error.context().find(|(kind, _)| *kind == wanted)?;
    match value {
        ContextValue::String(text) => Some(text.clone()),
        ContextValue::Strings(texts) => Some(texts.join(", ")),
        ContextValue::StyledStr(text) => Some(text.to_string()),
        _ => None,
    }
    .filter(|text| !text.is_empty())
}

/// Returns the command that the arguments name, down to the deepest, each with a space before it.
fn command_of(given: &[OsString]) -> String {
    let root = crate::arguments::command(stanch_words::Lang::En);
    let (mut at, mut names) = (&root, String::new());
    for argument in given.iter().skip(1).filter_map(|argument| argument.to_str()) {
        if let Some(deeper) = at.find_subcommand(argument) {
            names = format!("{names} {argument}");
            at = deeper;
        }
    }
    names
}

/// Returns the report of a command that is not there.
pub(crate) fn no_command(name: &str, among: &Command) -> Report {
    let what =
        Both::new(format!("there is no command `{name}`"), format!("没有 `{name}` 这个命令"));
    let near = suggest::nearest(name, among.get_subcommands().map(Command::get_name));
    help::not_there(
        what,
        match near {
            Some(near) => Both::new(
                format!("did you mean `{near}`? `stanch help` lists all"),
                format!("是否想用 `{near}`？`stanch help` 列出全部命令"),
            ),
            None => Both::new("`stanch help` lists all", "`stanch help` 列出全部命令"),
        },
    )
}

/// Returns the report of a directory that could not be written to.
pub(crate) fn not_written_to(directory: &Path, error: &std::io::Error) -> Report {
    let directory = directory.display();
    Report::new(
        Trouble::WrongUse,
        Both::new(
            format!("`{directory}` could not be written to"),
            format!("无法写入 `{directory}`"),
        ),
    )
    .because_of(&error.to_string())
    .next(Both::new("give a directory that is there", "给出一个已有的目录"))
}

/// Returns the report of an answer that could not be written.
pub(crate) fn not_written(error: &std::io::Error) -> Report {
    Report::new(
        Trouble::Refused,
        Both::new("the answer could not be written in full", "结果未能完整写出"),
    )
    .because_of(&error.to_string())
}
