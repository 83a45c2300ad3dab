//! `stanch rules list`, `stanch rules show ID`: what detection looks for; `stanch rules check DIR`:
//! whether rules of others load;
//! `stanch rules compile DIR`: YARA rules into a pack.

use std::path::{Path, PathBuf};

use clap::ArgMatches;
use stanch_incident::{Checked, Harm};
use stanch_view::pages::rules;
use stanch_view::{Report, documents, suggest};
use stanch_wire::json;
use stanch_words::{Both, text};

use crate::arguments::Asked;
use crate::terminal::Terminal;
use crate::{help, kept};

pub(super) fn run(
    matches: &ArgMatches,
    asked: &Asked,
    terminal: &Terminal,
) -> Result<u8, Box<Report>> {
    if let Some(("check", matches)) = matches.subcommand() {
        return check(matches, asked, terminal);
    }
    if let Some(("compile", matches)) = matches.subcommand() {
        return compile(matches, asked, terminal);
    }
    let mut pages = stanch_incident::signs().map_err(|error| super::bug(&error))?;
    let id = match matches.subcommand() {
        Some(("show", matches)) => matches.get_one::<String>("id"),
        _ => None,
    };
    if let Some(id) = id {
        let ids = || pages.iter().map(|page| page.front.id.as_str());
        // Whoever leaves the category out means the sign all the same.
        let near = ids()
            .find(|full| full.split_once('.').is_some_and(|(_, name)| name == id))
            .or_else(|| suggest::nearest(id, ids()));
        let near = near.map(str::to_owned);
        pages.retain(|page| &page.front.id == id);
        if pages.is_empty() {
            return Err(missing(id, near.as_deref()).into());
        }
    }
    if asked.json {
        terminal.data(|out| json::pretty(out, &documents::rules(&pages, asked.look)))?;
    } else {
        let one = pages.first().filter(|_| id.is_some());
        terminal.text(&match one {
            Some(page) => rules::show(page, asked.look),
            None => rules::list(&pages, asked.look),
        })?;
    }
    Ok(0)
}

fn check(matches: &ArgMatches, asked: &Asked, terminal: &Terminal) -> Result<u8, Box<Report>> {
    let directory = matches.get_one::<PathBuf>("directory").cloned().unwrap_or_default();
    let checked = stanch_incident::check_rules(&directory).map_err(super::no_rules)?;
    if asked.json {
        let document = documents::rules_check(&checked, asked.look);
        terminal.data(|out| json::pretty(out, &document))?;
    } else {
        terminal.text(&rules::check(&checked, asked.look))?;
    }
    Ok(u8::from(checked.complaints.iter().any(|complaint| complaint.harm == Harm::Lost)))
}

/// Compiles YARA rules into a pack, and tells what is wrong with them as `check` does.
fn compile(matches: &ArgMatches, asked: &Asked, terminal: &Terminal) -> Result<u8, Box<Report>> {
    let given: Vec<PathBuf> =
        matches.get_many::<PathBuf>("directory").into_iter().flatten().cloned().collect();
    let output = matches.get_one::<PathBuf>("output").cloned().unwrap_or_default();
    let (pack, loaded) = stanch_incident::compiled(&given).map_err(super::no_rules)?;
    kept::write(&output, &pack).map_err(|error| unwritten(&output, &error))?;
    let checked =
        Checked { sigma: None, yara: Some(loaded.rules.loaded()), complaints: loaded.complaints };
    if asked.json {
        let document = documents::rules_check(&checked, asked.look);
        terminal.data(|out| json::pretty(out, &document))?;
    } else {
        terminal.text(&rules::check(&checked, asked.look))?;
    }
    Ok(u8::from(checked.complaints.iter().any(|complaint| complaint.harm == Harm::Lost)))
}

fn unwritten(path: &Path, error: &std::io::Error) -> Box<Report> {
    let path = text::escaped(&path.to_string_lossy());
    let what = Both::new(
        format!("could not write `{path}`: {error}"),
        format!("无法写入 `{path}`：{error}"),
    );
    let next = Both::new(
        "name a file in a directory that exists and can be written with `--output`",
        "请用 `--output` 指定一个文件，其所在目录须存在且可写",
    );
    help::not_there(what, next).into()
}

fn missing(id: &str, near: Option<&str>) -> Report {
    let what = Both::new(format!("there is no sign `{id}`"), format!("没有 `{id}` 这项迹象"));
    let next = match near {
        Some(near) => Both::new(
            format!("did you mean `{near}`? `stanch rules list` lists all"),
            format!("是否想用 `{near}`？`stanch rules list` 列出全部"),
        ),
        None if id.starts_with("F-") => Both::new(
            "that is a finding's number; its sign's id is in the finding's last line",
            "这是发现的编号；迹象的编号在该项发现的最后一行",
        ),
        None => Both::new("`stanch rules list` lists all", "`stanch rules list` 列出全部"),
    };
    help::not_there(what, next)
}
