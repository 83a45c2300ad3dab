//! `stanch backup`, `stanch snapshots` and `stanch restore`.

use std::path::PathBuf;

use clap::ArgMatches;
use stanch_incident::continuity::{self, Access, ContinuityError};
use stanch_view::Report;
use stanch_view::pages::continuity::{self as page, Asked as For};
use stanch_view::pages::query;
use stanch_wire::json;

use crate::arguments::Asked;
use crate::progress::Progress;
use crate::terminal::Terminal;

/// `stanch backup`.
pub(super) fn backup(
    matches: &ArgMatches,
    asked: &Asked,
    terminal: &Terminal,
) -> Result<u8, Box<Report>> {
    match matches.subcommand() {
        Some(("init", matches)) => init(matches, asked, terminal),
        Some(("run", matches)) => run(matches, asked, terminal),
        _ => {
            terminal.text(&crate::help::for_command(&["backup".to_owned()], asked.look)?)?;
            Ok(2)
        }
    }
}

fn init(matches: &ArgMatches, asked: &Asked, terminal: &Terminal) -> Result<u8, Box<Report>> {
    super::only_live(asked)?;
    let (access, shown) = access(matches);
    let id = continuity::init(&asked.desk, &access);
    let id = id.map_err(|error| failed(&shown, For::Init)(error.into()))?;
    if asked.json {
        let document = page::made_document(&shown, &id);
        terminal.data(|out| json::pretty(out, &document))?;
    } else {
        terminal.text(&page::made(&shown, &id, asked.look))?;
    }
    Ok(0)
}

fn run(matches: &ArgMatches, asked: &Asked, terminal: &Terminal) -> Result<u8, Box<Report>> {
    let incident = super::open(&asked.place)?;
    let (access, shown) = access(matches);
    let paths = matches.get_many::<PathBuf>("path").into_iter().flatten();
    let paths = paths.map(|path| super::scan::whole(path, asked)).collect();
    let exclude = matches.get_many::<String>("exclude").into_iter().flatten().cloned().collect();
    let progress = Progress::start(asked.look.say("backing up", "正在备份"));
    let kept = incident.back_up(&asked.desk, &access, paths, exclude);
    drop(progress);
    let kept = kept.map_err(failed(&shown, For::Backup))?;
    if asked.json {
        let document = page::kept_document(&shown, &kept, asked.look);
        terminal.data(|out| json::pretty(out, &document))?;
    } else {
        terminal.text(&page::kept(&shown, &kept, asked.look))?;
    }
    terminal.speak(&query::missed(&kept.backed.gaps, terminal.errors()));
    Ok(page::exit(&kept.backed.gaps))
}

/// `stanch snapshots`.
pub(super) fn snapshots(
    matches: &ArgMatches,
    asked: &Asked,
    terminal: &Terminal,
) -> Result<u8, Box<Report>> {
    super::only_live(asked)?;
    let (access, shown) = access(matches);
    let all = continuity::snapshots(&asked.desk, &access).map_err(failed(&shown, For::List))?;
    if asked.json {
        let document = page::listed_document(&shown, &all);
        terminal.data(|out| json::pretty(out, &document))?;
    } else {
        terminal.text(&page::listed(&all, asked.look))?;
    }
    Ok(0)
}

/// `stanch restore`.
pub(super) fn restore(
    matches: &ArgMatches,
    asked: &Asked,
    terminal: &Terminal,
) -> Result<u8, Box<Report>> {
    let Some(("stage", matches)) = matches.subcommand() else {
        terminal.text(&crate::help::for_command(&["restore".to_owned()], asked.look)?)?;
        return Ok(2);
    };
    super::only_live(asked)?;
    let (access, shown) = access(matches);
    let called = matches.get_one::<String>("snapshot").map_or("", String::as_str);
    let to = super::scan::whole(&one(matches, "to"), asked);
    let include = matches.get_many::<PathBuf>("include").into_iter().flatten();
    let include = include.map(|path| super::scan::whole(path, asked)).collect();
    let progress = Progress::start(asked.look.say("restoring", "正在恢复"));
    let staged = continuity::stage(&asked.desk, &access, called, &to, include);
    drop(progress);
    let staged = staged.map_err(failed(&shown, For::Restore))?;
    let to = to.to_string_lossy();
    if asked.json {
        let document = page::staged_document(&to, &staged, asked.look);
        terminal.data(|out| json::pretty(out, &document))?;
    } else {
        terminal.text(&page::staged(&to, &staged, asked.look))?;
    }
    terminal.speak(&query::missed(&staged.gaps, terminal.errors()));
    Ok(page::exit(&staged.gaps))
}

fn one(matches: &ArgMatches, name: &str) -> PathBuf {
    matches.get_one::<PathBuf>(name).cloned().unwrap_or_default()
}

fn access(matches: &ArgMatches) -> (Access, String) {
    let repository = one(matches, "repo");
    let shown = repository.to_string_lossy().into_owned();
    (Access { repository, password: one(matches, "password-file") }, shown)
}

fn failed(shown: &str, asked: For) -> impl FnOnce(ContinuityError) -> Box<Report> {
    move |error| Box::new(page::failed(shown, asked, &error))
}
