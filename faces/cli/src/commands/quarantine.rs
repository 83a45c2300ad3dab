//! `stanch quarantine`: what was taken away, and how it comes back.

use clap::ArgMatches;
use stanch_incident::deeds::{self, ActError};
use stanch_incident::eradication;
use stanch_view::pages::{acts, quarantine as page};
use stanch_view::{Report, Trouble, documents};
use stanch_wire::json;
use stanch_words::Both;

use crate::arguments::Asked;
use crate::terminal::Terminal;

pub(super) fn run(
    matches: &ArgMatches,
    asked: &Asked,
    terminal: &Terminal,
) -> Result<u8, Box<Report>> {
    let id = |matches: &ArgMatches| matches.get_one::<String>("id").cloned().unwrap_or_default();
    match matches.subcommand() {
        Some(("restore", matches)) => {
            super::only_live(asked)?;
            let dealt = deeds::undo(&asked.desk, &id(matches)).map_err(told)?;
            super::contain::tell(asked, terminal, &acts::dealt(&dealt, asked.look))
        }
        Some(("purge", matches)) => purge(matches, &id(matches), asked, terminal),
        Some(("show", matches)) => {
            let item = eradication::item_of(&asked.desk, &id(matches)).map_err(told)?;
            if asked.json {
                let items = documents::quarantine(&[item]);
                terminal.data(|out| json::pretty(out, &items))?;
            } else {
                terminal.text(&page::show(&item, asked.look))?;
            }
            Ok(0)
        }
        _list => {
            let items = eradication::items(&asked.desk).map_err(told)?;
            if asked.json {
                terminal.data(|out| json::pretty(out, &documents::quarantine(&items)))?;
            } else {
                terminal.text(&page::list(&items, asked.look))?;
            }
            Ok(0)
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it ends an error's way")]
fn told(error: ActError) -> Box<Report> {
    Box::new(acts::trouble(&error, "stanch eradicate plan"))
}

fn purge(
    matches: &ArgMatches,
    id: &str,
    asked: &Asked,
    terminal: &Terminal,
) -> Result<u8, Box<Report>> {
    let item = eradication::item_of(&asked.desk, id).map_err(told)?;
    terminal.speak(&page::show(&item, terminal.errors()));
    let question = asked.look.say("Destroy it for ever? Type yes: ", "永久销毁请输入 yes：");
    if !matches.get_flag("yes") && terminal.ask(question).as_deref() != Some("yes") {
        let next = format!("stanch quarantine purge {id} --yes");
        let what = Both::new("nobody said yes", "未获确认");
        return Err(Box::new(
            Report::new(Trouble::Refused, what).next(Both::new(next.clone(), next)),
        ));
    }
    let item = eradication::purge(&asked.desk, id).map_err(told)?;
    if asked.json {
        terminal.data(|out| json::pretty(out, &documents::quarantine(&[item])))?;
    } else {
        terminal.text(&page::purged(&item, asked.look))?;
    }
    Ok(0)
}
