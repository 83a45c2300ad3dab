//! `stanch facts`: the tables there are.

use clap::ArgMatches;
use stanch_view::pages::facts;
use stanch_view::{Report, documents, suggest};
use stanch_wire::json;
use stanch_words::Both;

use crate::arguments::Asked;
use crate::help;
use crate::terminal::Terminal;

pub(super) fn run(
    matches: &ArgMatches,
    asked: &Asked,
    terminal: &Terminal,
) -> Result<u8, Box<Report>> {
    let mut tables = super::open(&asked.place)?.tables();
    tables.sort_by_key(|spec| spec.name);
    let name = matches.get_one::<String>("table");
    if let Some(name) = name {
        let near = suggest::nearest(name, tables.iter().map(|spec| spec.name));
        tables.retain(|spec| spec.name == name);
        if tables.is_empty() {
            return Err(missing(name, near).into());
        }
    }
    if asked.json {
        terminal.data(|out| json::pretty(out, &documents::facts(&tables, asked.look)))?;
    } else {
        let one = tables.first().filter(|_| name.is_some());
        terminal.text(&match one {
            Some(table) => facts::table(table, asked.look),
            None => facts::list(&tables, asked.look),
        })?;
    }
    Ok(0)
}

fn missing(name: &str, near: Option<&str>) -> Report {
    let what = Both::new(format!("there is no table `{name}`"), format!("没有 `{name}` 这张表"));
    let next = match near {
        Some(near) => Both::new(
            format!("did you mean `{near}`? `stanch facts` lists all"),
            format!("是否想用 `{near}`？`stanch facts` 列出所有表"),
        ),
        None => Both::new("`stanch facts` lists all", "`stanch facts` 列出所有表"),
    };
    help::not_there(what, next)
}
