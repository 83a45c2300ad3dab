//! One file a verb.

mod baseline;
mod completions;
mod contain;
mod continuity;
mod detect;
mod eradicate;
mod events;
mod facts;
mod ledger;
mod man;
mod preserve;
mod quarantine;
mod query;
mod rules;
mod scan;
mod status;
mod timeline;
mod undo;

use std::path::{Path, PathBuf};

use clap::ArgMatches;
use stanch_incident::{Incident, Miss, Place};
use stanch_view::pages::scan as page;
use stanch_view::{Report, Trouble};
use stanch_words::{Both, text};

use crate::arguments::Asked;
use crate::help;
use crate::terminal::Terminal;

/// Runs the command that was asked for.
///
/// # Errors
/// A report of what did not work.
pub(crate) fn run(
    matches: &ArgMatches,
    asked: &Asked,
    terminal: &Terminal,
) -> Result<u8, Box<Report>> {
    match matches.subcommand() {
        None => status::run(asked, terminal),
        Some(("detect", matches)) => detect::run(matches, asked, terminal),
        Some(("query", matches)) => query::run(matches, asked, terminal),
        Some(("facts", matches)) => facts::run(matches, asked, terminal),
        Some(("events", matches)) => events::run(matches, asked, terminal),
        Some(("scan", matches)) => scan::run(matches, asked, terminal),
        Some(("baseline", matches)) => baseline::run(matches, asked, terminal),
        Some(("rules", matches)) => rules::run(matches, asked, terminal),
        Some(("contain", matches)) => contain::run(matches, asked, terminal),
        Some(("eradicate", matches)) => eradicate::run(matches, asked, terminal),
        Some(("quarantine", matches)) => quarantine::run(matches, asked, terminal),
        Some(("preserve", matches)) => preserve::run(matches, asked, terminal),
        Some(("seal", matches)) => preserve::seal(matches, asked, terminal),
        Some(("timeline", matches)) => timeline::run(matches, asked, terminal),
        Some(("backup", matches)) => continuity::backup(matches, asked, terminal),
        Some(("snapshots", matches)) => continuity::snapshots(matches, asked, terminal),
        Some(("restore", matches)) => continuity::restore(matches, asked, terminal),
        Some(("undo", matches)) => undo::run(matches, asked, terminal),
        Some(("ledger", matches)) => ledger::run(matches, asked, terminal),
        Some(("completions", matches)) => completions::run(matches, asked, terminal),
        Some(("man", matches)) => man::run(matches, asked, terminal),
        Some((_help, matches)) => {
            let names = matches.get_many::<String>("command").into_iter().flatten().cloned();
            let names: Vec<String> = names.collect();
            terminal.text(&help::for_command(&names, asked.look)?)?;
            Ok(0)
        }
    }
}

/// Says what files of packages are compared with.
fn trust(matches: &ArgMatches, incident: &Incident) -> Result<(), Box<Report>> {
    let path = |name: &str| matches.get_one::<PathBuf>(name).cloned();
    let (packages, keyring) = (path("packages"), path("keyring"));
    if matches.get_one::<String>("trust").is_some_and(|trust| trust == "archive") {
        incident.trust_archive(packages, keyring);
        return Ok(());
    }
    match packages.map(|_| "--packages").or(keyring.map(|_| "--keyring")) {
        Some(option) => Err(Box::new(stanch_view::pages::detect::without_trust(option))),
        None => Ok(()),
    }
}

/// Opens the machine that is looked at.
fn open(place: &Place) -> Result<Incident, Box<Report>> {
    Incident::open(place).map_err(|miss| {
        let kind = Trouble::of_unread(miss.kind);
        let is_bundle = matches!(place, Place::Bundle(_));
        let (what, next) = match is_bundle {
            true => (
                Both::new(
                    format!("`{}` could not be opened as a bundle", miss.path),
                    format!("无法把 `{}` 作为证据包打开", miss.path),
                ),
                Both::new(
                    "give a file that `stanch preserve`, UAC or Velociraptor made",
                    "给出由 `stanch preserve`、UAC 或 Velociraptor 生成的文件",
                ),
            ),
            false => (
                Both::new(
                    format!("`{}` could not be looked at as a root directory", miss.path),
                    format!("无法把 `{}` 作为根目录查看", miss.path),
                ),
                Both::new(
                    "give the directory that the image is mounted on",
                    "给出磁盘映像所挂载的目录",
                ),
            ),
        };
        let next = match kind {
            Trouble::Refused => Both::new("run it as root", "以 root 运行"),
            _ => next,
        };
        Box::new(Report::new(kind, what).because_of(&miss.detail).next(next))
    })
}

/// Returns the time of `--since`, in seconds since 1970 UTC.
fn since(matches: &ArgMatches, incident: &Incident) -> Result<Option<i64>, Box<Report>> {
    let Some(written) = matches.get_one::<String>("since") else { return Ok(None) };
    match incident.time(written) {
        Some(time) => Ok(Some(time)),
        None => Err(Box::new(stanch_view::pages::detect::unknown_time(written))),
    }
}

/// Refuses paths that a person named and that are not there: nothing would be found in them.
fn are_there(incident: &Incident, asked: &Asked, paths: &[PathBuf]) -> Result<(), Box<Report>> {
    for path in paths {
        incident.is_there(path).map_err(|miss| page::not_there(&miss, &asked.place))?;
    }
    Ok(())
}

/// Returns the report of a directory of rules that cannot be read, or holds none.
fn no_rules(miss: Miss) -> Box<Report> {
    let kind = Trouble::of_unread(miss.kind);
    let what = Both::new(
        format!("no Sigma rules could be read from `{}`", miss.path),
        format!("无法从 `{}` 读取 Sigma 规则", miss.path),
    );
    let next = Both::new(
        "give a directory with `.yml` files, such as `rules/linux` of SigmaHQ",
        "请给出含 `.yml` 文件的目录，例如 SigmaHQ 的 `rules/linux`",
    );
    Box::new(Report::new(kind, what).because_of(&miss.detail).next(next))
}

/// Returns the report of a failure that only a mistake of ours can cause.
fn bug(error: &dyn std::error::Error) -> Report {
    let chain = text::chain(error);
    Report::new(
        Trouble::Bug,
        Both::new("stanch stopped because of a mistake of its own", "stanch 因自身缺陷而停止"),
    )
    .because(Both::new(chain.clone(), chain))
    .next(Both::new("send us the line above", "把上面这行发给我们"))
}

/// Refuses to write a file's content to a terminal, and to sign what goes through a pipe.
fn only_piped(
    asked: &Asked,
    sign: Option<&Path>,
    what: &Both,
    elsewhere: Both,
    next: &Both,
) -> Result<(), Box<Report>> {
    let refused = |because: Both| {
        let report = Report::new(Trouble::WrongUse, what.clone());
        Err(Box::new(report.because(because).next(next.clone())))
    };
    if asked.look.terminal.is_some() {
        return refused(Both::new("it is a terminal", "标准输出是终端"));
    }
    if sign.is_some() {
        return refused(elsewhere);
    }
    Ok(())
}

/// Refuses `--root` and `--bundle`: an image is not changed.
fn only_live(asked: &Asked) -> Result<(), Box<Report>> {
    if asked.place == Place::Live {
        return Ok(());
    }
    let what = Both::new("an image is only looked at, never changed", "映像只能查看，不能改动");
    let next = Both::new(
        "leave `--root` and `--bundle` out, on the machine itself",
        "请在本机上执行，去掉 `--root` 和 `--bundle`",
    );
    Err(Box::new(Report::new(Trouble::WrongUse, what).next(next)))
}
